"""Markers for records that reached the live zone before markers were kept, so that a search finds
the people they are about.

What a record no longer says is taken from where it came from, if that is still there: the source
file, or the sealed body, read by the same detection as when it was redacted. Else the reversible
tokens of the redacted record are opened. Where there are none either, the record is found by its
own key alone, and counted. Repeated, it does what is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import BY_NAME, InteractionKey
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.schemas.subject_index import IdentifierLink
from callveil.transforms.governance.requests.disclosure import OWN_GROUPS
from callveil.transforms.governance.requests.live_records import marker_methods
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.redact_and_publish import InteractionPublisher
from callveil.transforms.redact.operators import TOKEN, TokenError, reveal_token
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.policy_archive import newest_policy, policy_at
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.live import Live, Receipt
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.identity.record_identifiers import (
    CONTACT,
    METHOD,
    OTHER,
    STAFF,
    FoundIdentifier,
    tokenize,
)
from callveil.transforms.storage.index.identity_markers import (
    COMPLETE,
    SUBJECTS,
    MissingMarkers,
    note_complete,
    write_marker_list,
    write_markers,
)

FROM_MARKERS = "1"
"""Method of a list that is put together from markers: these say nothing of names."""


@dataclass(frozen=True)
class BackfillResult:
    """Outcome of a backfill, in records of the live zone.

    Attributes:
        listed: had markers, and have a list of them now.
        read: marked from their sources. opened: from their tokens.
        unknown: nothing says whom they are about.
        older: stay as an earlier callveil noted them, which noted less, since their sources are not
            there.
    """

    listed: int
    read: int
    opened: int
    unknown: int
    older: int = 0


def backfill_markers(store: Store, keyring: Keyring, gone: Collection[str] = ()) -> BackfillResult:
    """Write the markers that are missing, and note that none is.

    Args:
        gone: digests of people who were erased; nothing leads to them again.

    Raises `SealedError` where the keyring does not open a body.
    """
    live = Live(store.files, store.root)
    listed = _list_markers(live)
    waiting = {
        InteractionKey(r["account_id"], r["id"]): r
        for r in live.receipts()
        if r["what"] == "record" and r["status"] == "done"
    }
    methods = {key: marker_methods(live, keyring, key) for key in waiting}
    waiting = {key: r for key, r in waiting.items() if METHOD not in methods[key]}
    read = opened = unknown = 0
    for key, people in _from_sources(store, keyring, live, waiting):
        write_markers(
            live, keyring, key, _day(waiting.pop(key)), (p for p in people if p.token not in gone)
        )
        read += 1
    bare = {key: r for key, r in sorted(waiting.items()) if not methods[key]}
    for key, receipt in bare.items():
        people = tuple(p for p in _from_tokens(live, keyring, key, receipt) if p.token not in gone)
        write_markers(live, keyring, key, _day(receipt), people)
        opened, unknown = opened + bool(people), unknown + (not people)
    older = len(waiting) - len(bare)
    note_complete(live, MissingMarkers(unknown, older))
    return BackfillResult(listed, read, opened, unknown, older)


def _day(receipt: Receipt) -> str:
    return str(receipt["called_at"])[:10]


def _list_markers(live: Live) -> int:
    """Write lists of markers that are there and stand in none. Memory: all of these."""
    links: dict[tuple[str, InteractionKey, str], set[IdentifierLink]] = defaultdict(set)
    listed: dict[str, set[str]] = defaultdict(set)
    for info in live.files.list(live.url(SUBJECTS)):
        folder, name = info.url.split("/")[-2:]
        if name == COMPLETE:
            continue
        row = orjson.loads(live.files.read(info.url))
        if "links" in row:
            listed[folder] |= {link[0] for link in row["links"]}
        else:
            record = name.removesuffix(".json")
            links[record, InteractionKey(row["account_id"], row["id"]), row["day"]].add(
                IdentifierLink(*(row[n] for n in IdentifierLink._fields))
            )
    fresh = {
        k: {link for link in own if link.token not in listed[k[0]]} for k, own in links.items()
    }
    for (record, key, day), own in sorted(fresh.items()):
        if own:
            write_marker_list(live, key, record, day, sorted(own), FROM_MARKERS)
    return sum(bool(own) for own in fresh.values())


def _from_sources(
    store: Store, keyring: Keyring, live: Live, waiting: Mapping[InteractionKey, Receipt]
) -> Iterator[tuple[InteractionKey, tuple[IdentifierLink, ...]]]:
    """Yield whom records are about, of those whose source is still there as it was."""
    by_object: dict[str, set[InteractionKey]] = defaultdict(set)
    for key, receipt in waiting.items():
        by_object[receipt["object"]].add(key)
    for name, keys in sorted(by_object.items()):
        row = live.read_receipt(live.url("objects", name[:2], f"{name}.json"))
        info = store.files.info(row["url"]) if row else None
        if row is None or info is None or info.etag != row["etag"] or not info.size:
            continue
        arrival = Arrival(info.url, info.etag, info.size, row["landed_at"])
        latest: dict[InteractionKey, Any] = {}
        for chunk in plan_chunks(store.files, [arrival.url])[0]:
            for item in read_chunk(store.files, chunk, load_policy(None).limits, keyring=keyring):
                if (
                    not isinstance(item, Rejected)
                    and item.key in keys
                    and item.rank == waiting[item.key]["rank"]
                ):
                    latest[item.key] = item
        for key, raw in sorted(latest.items()):
            yield (
                key,
                _actor(store, keyring, waiting[key]).people_of(
                    raw, arrival.landed_at, arrival.object_id
                ),
            )


def _actor(store: Store, keyring: Keyring, receipt: Receipt) -> InteractionPublisher:
    """Return what redacted a record, by the policy it did so."""
    policy = policy_at(store, receipt["policy_sha256"]) or newest_policy(store) or load_policy(None)
    job = WatchJob(policy, store.files, store.root, str(keyring.path))
    return InteractionPublisher(job, job.engines())


def _from_tokens(
    live: Live, keyring: Keyring, key: InteractionKey, receipt: Receipt
) -> tuple[IdentifierLink, ...]:
    row = orjson.loads(live.files.read(live.files.join(live.folder(key), receipt["file"])))[
        "interaction"
    ]
    found = {
        FoundIdentifier(
            identifier,
            STAFF if group == "staff" else CONTACT if group in OWN_GROUPS else OTHER,
            name,
        )
        for name, value in row.items()
        if value is not None
        for group in [BY_NAME[name].group if name in BY_NAME else "unknown"]
        for identifier in _opened(
            keyring, key, value if isinstance(value, str) else orjson.dumps(value).decode()
        )
    }
    return tokenize(keyring, found)


def _opened(keyring: Keyring, key: InteractionKey, text: str) -> Iterable[Identifier]:
    for match in TOKEN.finditer(text):
        try:
            value = reveal_token(match[0], keyring, key.account_id, key.id)
        except TokenError:
            continue
        if match[1] == "EMAIL_ADDRESS" and (address := ids.normal_email(value)):
            yield Identifier("email", address)
        elif match[1] == "PHONE_NUMBER" and (number := ids.normal_phone(value)):
            yield Identifier("phone", number)
        elif match[1] == "IP_ADDRESS" and (address := ids.normal_ip(value)):
            yield Identifier("ip", address)
        elif match[1] == "ONLINE_ID":
            yield Identifier("visitor", value.strip())
