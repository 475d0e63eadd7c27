"""Gathering what a package holds: rows of the store or of the sources for every matched record,
sorted into sections.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

import orjson
import pyarrow.parquet as pq

from callveil.schemas import finding
from callveil.schemas.fields import Field, from_storage, with_times
from callveil.schemas.interaction import FIELDS, InteractionKey, RawInteraction
from callveil.schemas.json_types import JsonObject, Row
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.subject_index import RecordRef
from callveil.schemas.version import FIELDS as VERSION_FIELDS
from callveil.transforms.detect.known_values import NAME, known_values
from callveil.transforms.governance.requests import restriction
from callveil.transforms.governance.requests.current_rows import (
    index_entries,
    version_files,
    version_rows,
)
from callveil.transforms.governance.requests.disclosure import (
    DisclosedRecord,
    Heard,
    RecordDiscloser,
    disclose_mention,
)
from callveil.transforms.governance.requests.live_records import LIVE
from callveil.transforms.governance.requests.package import (
    PackageError,
    PackageRecording,
    PackageSection,
)
from callveil.transforms.governance.requests.search import confirmed_values
from callveil.transforms.governance.requests.search_result import MatchedRecord, SearchResult
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.masking import CoverTone
from callveil.transforms.redact.audio.plan import AudioSpan
from callveil.transforms.redact.audio.redact import RecordingTreatment, redact_audio
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.policy_archive import policy_at
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live, entries_of
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.identifiers import name_words
from callveil.transforms.storage.identity.record_identifiers import interaction_ref
from callveil.transforms.storage.tables.key_index import current_files
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS

PORTABLE_GROUPS = frozenset({"identity", "time", "caller", "form", "visitor", "content"})
DERIVED = frozenset({"cnam", "extended_lookup", "summary", "activity_analysis", "notes"})
"""What others provided, or what was inferred: not part of what the person provided or what was
observed of them (WP 242).
"""
PORTABLE: tuple[Field, ...] = tuple(
    f for f in FIELDS if f.group in PORTABLE_GROUPS and f.name not in DERIVED
)
PROCESSING = tuple(
    f
    for f in finding.FIELDS
    if f.name
    in (
        "interaction_id",
        "account_id",
        "field_path",
        "entity_type",
        "action",
        "policy_sha256",
        "event_time",
        "processed_at",
        "trigger",
    )
)
_SHOWN_VERSION = tuple(f for f in VERSION_FIELDS if f.name not in ("shape",))


class PackageCollector:
    """Gathers for one request.

    Args:
        store, keyring, snapshot: where. match: what was found. discloser: shows records. raws: the
            sources' records, by key.
        requests: those whose rows set aside are shown.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        snapshot: Snapshot,
        match: SearchResult,
        discloser: RecordDiscloser,
        raws: Mapping[InteractionKey, RawInteraction],
        requests: Container[str] = (),
    ) -> None:
        self.store, self.keyring, self.snapshot, self.match, self.discloser, self.raws = (
            store,
            keyring,
            snapshot,
            match,
            discloser,
            raws,
        )
        self.requests = requests
        self.withheld: Counter[tuple[str, str]] = Counter()
        self.live = Live(store.files, store.root)
        self.roles = {
            _key(m): m for m in match.records if m.record.record_class in ("interaction", LIVE)
        }
        self.own_calls = {key for key, m in self.roles.items() if m.role == "contact"}
        self._heard: dict[InteractionKey, Heard] = {}
        discloser.names = self._own_values()

    def _own_values(self) -> frozenset[str]:
        """Return words of the person's name and further values of theirs, folded, in records that
        an identifier of theirs alone leads to.
        """
        own = [
            m
            for m in self.match.records
            if m.role == "contact" and not set(m.through) <= {*self.match.shared, "about"}
        ]
        records = [self.raws[key].record for m in own if (key := _key(m)) in self.raws]
        names = [
            i.value.partition("|")[0]
            for i in confirmed_values(self.match.confirmed)
            if i.kind == "name_address"
        ]
        names += [
            text
            for r in records
            if isinstance(text := r.get("name") or (r.get("form") or {}).get("name"), str)
        ]
        values = {v.target for r in records for v in known_values(r) if v.kind != NAME}
        return frozenset(values.union(word for name in names for word in name_words(name)))

    def sections(self, kind: str) -> list[PackageSection]:
        """Return sections of an access or portability package, those without rows left out."""
        own: dict[str, list[DisclosedRecord]] = defaultdict(list)
        for shown, m in self._interactions():
            name = {
                "contact": "conversations",
                "agent": "staff_activity",
                "third_party": "mentions",
            }[m.role]
            own[name].append(shown)
            self._heard[InteractionKey(shown.account_id, shown.record_id)] = shown.heard
            if kind == "access" or name == "conversations":
                for why, n in shown.withheld.items():
                    self.withheld[name, why] += n
        out = [
            _section(
                "conversations",
                "Your conversations",
                "communication",
                PORTABLE if kind == "portability" else FIELDS,
                own["conversations"],
            )
        ]
        if kind == "access":
            out.append(
                _section(
                    "staff_activity",
                    "What you did as staff",
                    "staff",
                    FIELDS,
                    own["staff_activity"],
                )
            )
            out.append(
                _section("mentions", "Where you are mentioned", "mentions", FIELDS, own["mentions"])
            )
            versions = sorted(self._versions(), key=lambda r: (r["created_at"], r["version_id"]))
            out.append(
                PackageSection(
                    "change_history",
                    "Changes that concern you",
                    "changes",
                    _SHOWN_VERSION,
                    versions,
                    "redacted store",
                )
            )
            found = list(self._findings())
            out.append(
                PackageSection(
                    "redactions",
                    "What was redacted in your conversations",
                    "processing",
                    PROCESSING,
                    found,
                    "redacted store",
                )
            )
        return [s for s in out if s.rows]

    def _interactions(self) -> Iterator[tuple[DisclosedRecord, MatchedRecord]]:
        raws = [
            (raw, self.roles[key].role)
            for key, raw in sorted(self.raws.items())
            if key in self.roles and self.roles[key].role != "third_party"
        ]
        done = set()
        for shown in self.discloser.raw(raws) if raws else ():
            key = InteractionKey(shown.account_id, shown.record_id)
            done.add(key)
            yield shown, self.roles[key]
        for row in self._stored(
            [k for k, m in self.roles.items() if k not in done and m.record.record_class != LIVE]
        ):
            m = self.roles[InteractionKey(row["account_id"], row["id"])]
            yield (
                (
                    disclose_mention(row, m.fields)
                    if m.role == "third_party"
                    else self.discloser.stored(row, m.role)
                ),
                m,
            )
        for key, m in self.roles.items():
            arrived = (
                self._live_row(key) if m.record.record_class == LIVE and key not in done else None
            )
            if arrived is not None:
                yield (
                    (
                        disclose_mention(arrived, m.fields)
                        if m.role == "third_party"
                        else self.discloser.stored(arrived, m.role)
                    ),
                    m,
                )
        apart = {
            InteractionKey(r["account_id"], r["id"]): r
            for r in self._set_aside(done | self.roles.keys())
        }
        told = self.discloser.raw(
            [(self.raws[key], "contact") for key in apart if key in self.raws]
        )
        for shown in itertools.chain(
            told,
            (
                self.discloser.stored(r, "contact")
                for key, r in apart.items()
                if key not in self.raws
            ),
        ):
            row = apart[InteractionKey(shown.account_id, shown.record_id)]
            yield (
                shown,
                MatchedRecord(_ref(row), row["called_at"].date().isoformat(), "contact", (), ()),
            )

    def _live_row(self, key: InteractionKey) -> Row | None:
        """Return what was redacted as it arrived and is in no dataset yet."""
        document = self._live_document(key)
        return with_times(FIELDS, document["interaction"]) if document else None

    def _live_document(self, key: InteractionKey) -> JsonObject | None:
        receipt = self.live.receipt(key, "record")
        if receipt is None or receipt.get("status") != "done":
            return None
        document: JsonObject = orjson.loads(
            self.store.files.read(self.store.files.join(self.live.folder(key), receipt["file"]))
        )
        return document

    def _stored(self, keys: Iterable[InteractionKey]) -> Iterator[Row]:
        entries = index_entries(self.store.files, self.store.root, self.snapshot, keys)
        files = current_files(self.snapshot, INTERACTIONS.name)
        by_path: dict[str, set[InteractionKey]] = defaultdict(set)
        for key, entry in entries.items():
            by_path[files[entry.origin].path].add(key)
        for path, wanted in sorted(by_path.items()):
            yield from self._rows(path, "id", wanted)

    def _set_aside(self, known: set[InteractionKey]) -> Iterator[Row]:
        """Yield the person's own records that a restriction has set aside: they are theirs to see
        all the same.
        """
        for file, _ in restriction.find_restricted_files(
            self.store, self.keyring, self.snapshot, self.match.own_tokens, self.requests
        ):
            for name, _, table in restriction.read_restricted_tables(
                self.store, self.keyring, file
            ):
                if name == INTERACTIONS.name:
                    yield from (
                        r
                        for r in table.to_pylist()
                        if InteractionKey(r["account_id"], r["id"]) not in known
                    )

    def _rows(self, path: str, column: str, wanted: set[InteractionKey]) -> Iterator[Row]:
        with self.store.files.open(self.store.url(path)) as source:
            rows = pq.read_table(
                source, filters=[(column, "in", sorted({k.id for k in wanted}))]
            ).to_pylist()
        yield from (r for r in rows if InteractionKey(r["account_id"], r[column]) in wanted)

    def _versions(self) -> Iterator[Row]:
        by_day: dict[str, dict[Any, MatchedRecord]] = defaultdict(dict)
        for m in self.match.records:
            if m.record.record_class == "version":
                by_day[m.day][m.record] = m
        files = version_files(self.snapshot) if by_day else {}
        for day, own in sorted(by_day.items()):
            for ref, (_, row) in version_rows(
                self.store.files, self.store.root, files, day, own
            ).items():
                record = from_storage(VERSION_FIELDS, row, orjson.loads)
                if own[ref].role != "agent":  # who of the staff made the change is theirs
                    for name in ("actor_name", "actor_ip", "user_agent"):
                        if record.pop(name, None):
                            self.withheld["change_history", "staff"] += 1
                shown, withheld = self.discloser.version(record, ref.account_id)
                for why, n in withheld.items():
                    self.withheld["change_history", why] += n
                yield shown

    def _findings(self) -> Iterator[Row]:
        keys = {k for k in self.own_calls if self.roles[k].record.record_class != LIVE}
        entries = index_entries(self.store.files, self.store.root, self.snapshot, keys)
        folders = {e.origin.split("/", 1)[1].rpartition("/")[0] for e in entries.values()}
        for file in self.snapshot.by_dataset(FINDINGS.name):
            if file.path.split("/", 1)[1].rpartition("/")[0] in folders:
                for row in self._rows(file.path, "interaction_id", keys):
                    yield {f.name: row[f.name] for f in PROCESSING if row.get(f.name) is not None}
        for key in sorted(self.own_calls - keys):
            for row in (self._live_document(key) or {}).get("findings", ()):
                yield with_times(
                    PROCESSING,
                    {f.name: row[f.name] for f in PROCESSING if row.get(f.name) is not None},
                )

    def recordings(self) -> list[PackageRecording]:
        """Redacted recordings of the person's own calls in the live zone. After `sections`, which
        finds what more of them has to be covered.
        """
        out = []
        for key in sorted(self.own_calls):
            receipt = self.live.receipt(key, "audio")
            for number, entry in enumerate(entries_of(receipt) if receipt else (), 1):
                if entry.get("status") == "done":
                    out.append(self._recording(key, entry, number))
                elif entry.get("status") == "rejected":
                    self.withheld["recordings", "not_read"] += 1
        return out

    def _recording(
        self, key: InteractionKey, receipt: Mapping[str, Any], number: int = 1
    ) -> PackageRecording:
        files, url = (
            self.store.files,
            self.store.files.join(self.live.folder(key), str(receipt["file"])),
        )
        rules = self._rules(receipt).recordings
        covered = [
            AudioSpan(a, math.inf if b is None else b, channel)
            for a, b, channel in receipt.get("spans") or ()
        ]
        heard = self._heard.get(key)
        more = (
            [s for s in heard(rules.channel) if not any(_within(s, c) for c in covered)]
            if heard
            else []
        )
        spans = {*covered, *more}
        whole = any(s.start <= 0 and math.isinf(s.end) and not s.channel for s in spans)
        if spans:
            self.withheld["recordings", "covered_whole" if whole else "covered"] += (
                1 if whole else len(spans)
            )
        opener = (
            partial(_covered, files, url, more, RecordingTreatment(CoverTone.of(rules.mode)))
            if more
            else partial(files.open, url)
        )
        name = f"{key.account_id}-{key.id}{f'-{number}' if number > 1 else ''}{_suffix(url)}"
        return PackageRecording(
            name, opener, key.account_id, key.id, float(receipt["seconds"]), len(spans), whole
        )

    def _rules(self, receipt: Mapping[str, Any]) -> Policy:
        """Return the policy by which a recording was redacted."""
        return policy_at(self.store, str(receipt.get("policy_sha256") or "")) or load_policy(None)


@contextmanager
def _covered(
    files: Files, url: str, spans: Sequence[AudioSpan], treatment: RecordingTreatment
) -> Iterator[BinaryIO]:
    """A recording with more of it covered. Raises `PackageError` where that cannot be done."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/recording{_suffix(url)}"
        try:
            redact_audio(files, url, path, spans, treatment)
        except AudioRejected as rejected:
            raise PackageError(
                f"{url}: other people are heard in it and cannot be covered ({rejected.detail}); "
                "no package was written"
            ) from None
        with files.open(path) as source:
            yield source


def _within(span: AudioSpan, other: AudioSpan) -> bool:
    return (
        other.start <= span.start and span.end <= other.end and other.channel in (0, span.channel)
    )


def _suffix(url: str) -> str:
    name = url.rsplit("/", 1)[1]
    return "." + name.rsplit(".", 1)[1] if "." in name else ""


def _section(
    name: str, title: str, category: str, fields: tuple[Field, ...], shown: list[DisclosedRecord]
) -> PackageSection:
    names = {f.name for f in fields}
    rows = [{n: v for n, v in d.record.items() if n in names} for d in sorted(shown, key=_order)]
    source = " and ".join(sorted({d.source for d in shown})) or "redacted store"
    return PackageSection(name, title, category, fields, rows, source)


def _order(shown: DisclosedRecord) -> tuple[Any, ...]:
    when = shown.record.get("called_at")
    return (
        (when if isinstance(when, dt.datetime) else dt.datetime.min.replace(tzinfo=dt.UTC)),
        shown.account_id,
        shown.record_id,
    )


def _key(m: MatchedRecord) -> InteractionKey:
    return InteractionKey(m.record.account_id, m.record.record_id)


def _ref(row: Mapping[str, Any]) -> RecordRef:
    return interaction_ref(InteractionKey(row["account_id"], row["id"]))
