"""Markers of whom the records of the live zone are about, so that a person's are found: see
`transforms.governance.requests.live_records`.

    live/subjects/<digest of an identifier>/<digest of the record>.json     the record, and what the person is in it
    live/subjects/<digest of the record>/<x>.json                           which of them a record has; several where snapshots differ
    live/subjects/complete.json                                             every record that is redacted here has its markers

A list is written before the markers it names, so that whoever takes a record away finds all of them
through its lists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.subject_index import NAME, IdentifierLink
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.live import LIVE, Live
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.record_identifiers import (
    METHOD,
    interaction_ref,
    record_token,
)

SUBJECTS = "subjects"
MARKERS = f"{LIVE}/{SUBJECTS}"
COMPLETE = "complete.json"


def write_markers(
    live: Live, keyring: Keyring, key: InteractionKey, day: str, people: Iterable[IdentifierLink]
) -> None:
    """Write the markers of a record that was redacted as it arrived. The same record writes the
    same files again.
    """
    record = record_token(keyring, interaction_ref(key))
    own = IdentifierLink(
        ids.identifier_token(keyring, ids.interaction_identifier(key.account_id, key.id)),
        "interaction",
        "contact",
        "id",
    )
    links = sorted({*people, own})
    write_marker_list(live, key, record, day, links)
    for link in (x for x in links if x.kind != NAME):
        live.files.write(
            marker_url(live, link.token, record), _dump(_head(key, day, METHOD) | link._asdict())
        )


def marker_url(live: Live, token: str, record: str) -> str:
    """Tell where the marker lies that leads from an identifier to a record, both by their
    digests.
    """
    return live.url(SUBJECTS, token, f"{record}.json")


def write_marker_list(
    live: Live,
    key: InteractionKey,
    record: str,
    day: str,
    links: Iterable[IdentifierLink],
    method: str = METHOD,
) -> str:
    """Write down which markers a record has, under a name of its content. Returns the list's
    URL.
    """
    data = _dump(_head(key, day, method) | {"links": [list(link) for link in links]})
    url = live.url(SUBJECTS, record, f"{hashlib.sha256(data).hexdigest()[:24]}.json")
    live.files.write(url, data)
    return url


def _head(key: InteractionKey, day: str, method: str) -> dict[str, str]:
    return {"account_id": key.account_id, "id": key.id, "day": day, "method": method}


def method_of(row: Mapping[str, Any]) -> str:
    """Return the method by which a marker's or list's identifiers were found; the first one was not
    written down.
    """
    return str(row.get("method", "1"))


def _dump(row: Mapping[str, object]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


def note_new_zone(live: Live) -> None:
    """Note of a live zone in which nothing was redacted yet that all its records will have their
    markers.
    """
    if is_empty(live) and live.files.info(live.url(SUBJECTS, COMPLETE)) is None:
        note_complete(live, MissingMarkers())


def is_empty(live: Live) -> bool:
    """Tell whether nothing was redacted in the zone yet."""
    try:
        return next(iter(live.files.list(live.url("calls"))), None) is None
    except FileNotFoundError:
        return True


class MissingMarkers(NamedTuple):
    """Records of whom not all is noted, although all that can still be told was.

    Attributes:
        unknown: have no markers. older: have those of an earlier method alone, which noted less of
            what is said.
    """

    unknown: int = 0
    older: int = 0

    def told(self) -> str:
        """Return what a search may miss, in words; empty where it misses nothing."""
        parts = (
            (self.unknown, "records of which nothing says whom they are about"),
            (
                self.older,
                "records noted by an earlier callveil, which noted less of what is said, and no "
                "names that tell people apart",
            ),
        )
        return ", ".join(f"{n} {words}" for n, words in parts if n)


def note_complete(live: Live, lacking: MissingMarkers) -> None:
    """Note that all records have their markers, but for some of which nothing says any more whom
    they are about.
    """
    live.files.write(live.url(SUBJECTS, COMPLETE), _dump(lacking._asdict() | {"method": METHOD}))


def read_missing_markers(live: Live) -> MissingMarkers | None:
    """Return records of whom not all is noted; None where records may lack markers that can be
    written.
    """
    try:
        row = orjson.loads(live.files.read(live.url(SUBJECTS, COMPLETE)))
    except FileNotFoundError:
        return MissingMarkers() if is_empty(live) else None
    return MissingMarkers(row["unknown"], row["older"]) if method_of(row) == METHOD else None
