"""A chunk of input to redacted versions by day."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.outcome import Outcome
from callveil.schemas.rejected import Rejected
from callveil.schemas.rules import collapse_whitespace
from callveil.schemas.subject_index import SubjectEntry
from callveil.schemas.version import RawVersion, RedactedVersion, VersionKey, is_interaction
from callveil.transforms.governance.retention.late_arrivals import LateArrivalFilter
from callveil.transforms.ingest.chunks import InputChunk
from callveil.transforms.ingest.versions.read import read_versions
from callveil.transforms.jobs.batch.context import Engines, RedactJob, WorkCache, engines_of
from callveil.transforms.jobs.history.linked_interactions import (
    LinkedInteraction,
    lookup_interactions,
)
from callveil.transforms.redact.versions.decision import RedactionSettings, choose_settings
from callveil.transforms.redact.versions.redactor import VersionRedactor
from callveil.transforms.redact.versions.until_stable import redact_versions_until_stable
from callveil.transforms.storage.files.strict_json import dump_json
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer
from callveil.transforms.storage.identity.record_identifiers import (
    interaction_ref,
    make_subject_entries,
    tokenize,
    version_people,
    version_ref,
)
from callveil.transforms.storage.index.suppression_list import SuppressionList
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter, KnownDeadLetters
from callveil.transforms.storage.tables.versions import encode_versions, version_row

BATCH = 500
"""Versions that are redacted at once."""


def redactor_of(job: RedactJob, built: Engines) -> VersionRedactor:
    """Return this process' redactor of versions for a run, over its engines; hold their lock while
    it is used.
    """
    if _redactors.get("engines") is not built:
        _redactors.update(
            engines=built,
            redactor=VersionRedactor(
                built.detector, built.keyring, job.run.run_id, job.policy.sha256, job.as_of
            ),
        )
    redactor: VersionRedactor = _redactors["redactor"]
    return redactor


_redactors: dict[str, Any] = {}


def linked_key(key: VersionKey) -> InteractionKey:
    """Return the interaction a version is about."""
    return InteractionKey(key.account_id, key.item_id)


def redact_versions(
    job: RedactJob, built: Engines, raws: Sequence[RawVersion]
) -> Iterator[RedactedVersion | Rejected]:
    """Redact raw versions, one result each, in order. A rejection carries no content; see
    `with_raw`.
    """
    known = lookup_interactions(
        job.files,
        job.root,
        job.snapshot,
        {linked_key(r.key) for r in raws if is_interaction(r.key.item_type)},
    )
    ready = [_decided(job, raw, known.get(linked_key(raw.key))) for raw in raws]
    work = [
        (raw, decided)
        for raw, decided in zip(raws, ready, strict=True)
        if isinstance(decided, RedactionSettings)
    ]
    with built.lock:
        found = iter(redact_versions_until_stable(redactor_of(job, built), work))
        for decided in ready:
            yield decided if isinstance(decided, Rejected) else next(found)


def _decided(
    job: RedactJob, raw: RawVersion, about: LinkedInteraction | None
) -> RedactionSettings | Rejected:
    try:
        return settings_for(job, raw, about)
    except Exception as problem:  # noqa: BLE001 - one record must not end the run
        return reject_for_fault(raw, problem)


def reject_for_fault(raw: RawVersion, problem: Exception) -> Rejected:
    """Return a version rejected for a fault of ours; only the fault's type is told, for its message
    may quote content.
    """
    detail = f"{type(problem).__name__} while redacting the version; please report this"
    return Rejected(raw.source, "redact", "internal_error", detail, account_id=raw.key.account_id)


def settings_for(
    job: RedactJob, raw: RawVersion, about: LinkedInteraction | None
) -> RedactionSettings:
    """Tell how a version is redacted, by what is known of its account and of the interaction it is
    about.
    """
    account = job.accounts.at(raw.key.account_id, raw.created_at)
    floor, fields = (
        (about.floor, about.fields)
        if about and is_interaction(raw.key.item_type)
        else (None, frozenset())
    )
    decided = choose_settings(
        job.policy,
        raw,
        account.type if account else "unknown",
        account.agency_id if account else "",
        job.as_of,
        floor,
        fields,
    )
    return (
        replace(
            decided,
            own=frozenset(
                collapse_whitespace(text) for text in (account.name, *account.numbers) if text
            ),
        )
        if account
        else decided
    )


@dataclass(slots=True)
class VersionChunkResult:
    """Result of reading a chunk of versions.

    Attributes:
        days: encoded versions by UTC day.
        marks: interactions that `redact` events name.
        subjects: entries of the identifier index.
    """

    outcome: Outcome
    days: dict[str, bytes]
    marks: list[InteractionKey]
    subjects: list[SubjectEntry]


def load_once(
    job: RedactJob, arrivals: LateArrivalFilter | None, chunk: InputChunk
) -> VersionChunkResult:
    """Return what `load_chunk` gives, done or remembered."""
    facts = repr((chunk, job.snapshot.manifest_sha256)).encode()
    return WorkCache(job, "ingest", VersionChunkResult).once(
        f"{chunk.ordinal:06d}-{hashlib.sha256(facts).hexdigest()[:16]}",
        lambda: load_chunk(job, engines_of(job), chunk, arrivals),
        chunk=chunk.ordinal,
    )


def load_chunk(
    job: RedactJob, built: Engines, chunk: InputChunk, arrivals: LateArrivalFilter | None = None
) -> VersionChunkResult:
    """Read one chunk and redact it at once, so that nothing raw leaves this process but what is
    rejected, sealed.

    Args:
        arrivals: knows which versions retention has deleted before; None: none.

    """
    return _Chunk(job, built, chunk, arrivals).load()


class _Chunk:
    def __init__(
        self, job: RedactJob, built: Engines, chunk: InputChunk, arrivals: LateArrivalFilter | None
    ) -> None:
        self.job, self.built, self.chunk, self.arrivals = job, built, chunk, arrivals
        self.erased = SuppressionList.read(job.files, job.root, job.snapshot, built.keyring)
        name = job.new_name(f"history.{chunk.ordinal:06d}")
        before = KnownDeadLetters(job.files, job.root, job.snapshot, built.keyring)
        self.rejects = DeadLetterWriter(
            job.files, job.target, built.keyring, job.run.run_id, job.as_of, name, before
        )
        self.counts: Counter[str] = Counter()
        self.days: dict[str, list[RedactedVersion]] = defaultdict(list)
        self.people: list[SubjectEntry] = []
        self.marks: set[InteractionKey] = set()
        self.pending: list[RawVersion] = []

    def load(self) -> VersionChunkResult:
        """See `load_chunk`."""
        names = NamePseudonymizer(self.built.keyring, self.job.policy.detect.digit_ids)
        for item in read_versions(self.job.files, self.chunk, self.job.policy.limits):
            self.counts["in"] += 1
            item = item if isinstance(item, Rejected) else names.version(item)
            if isinstance(item, Rejected):
                self._reject(item)
            elif self._wanted(item):
                self.pending.append(item)
            if len(self.pending) >= BATCH:
                self._flush()
        self._flush()
        files = self.rejects.publish()
        if self.rejects.repeated:
            self.counts["rejected_before"] = self.rejects.repeated
        self.counts.update({f"reason.{reason}": n for reason, n in self.rejects.reasons.items()})
        days = {day: encode_versions(found) for day, found in sorted(self.days.items())}
        outcome = Outcome(files, [], self.counts)
        return VersionChunkResult(outcome, days, sorted(self.marks), self.people)

    def _reject(self, item: Rejected) -> None:
        self.rejects.add(item)
        self.counts["rejected"] += 1

    def _wanted(self, raw: RawVersion) -> bool:
        """Tell whether a version is to be taken in; one that is not is counted here."""
        try:
            refs = [
                version_ref(raw.key),
                *(
                    [interaction_ref(linked_key(raw.key))]
                    if is_interaction(raw.key.item_type)
                    else []
                ),
            ]
            if any(map(self.erased.holds, refs)):
                self.counts["erased_on_arrival"] += 1
                return False
            account = self.job.accounts.at(raw.key.account_id, raw.created_at)
            late = self.arrivals is not None and self.arrivals.expired(
                raw, account.type if account else "unknown"
            )
        except Exception as problem:  # noqa: BLE001 - one record must not end the run
            self._reject(with_raw(reject_for_fault(raw, problem), raw))
            return False
        self.counts["account_unknown"] += account is None
        if late:
            self.counts["expired_on_arrival"] += 1
            self._mark(raw)  # what it asked for holds all the same
        return not late

    def _mark(self, version: RawVersion | RedactedVersion) -> None:
        if version.event == "redact" and is_interaction(version.key.item_type):
            self.marks.add(linked_key(version.key))

    def _flush(self) -> None:
        for raw, found in zip(
            self.pending, redact_versions(self.job, self.built, self.pending), strict=True
        ):
            item, people = found, []
            if isinstance(item, RedactedVersion):
                try:
                    people = identifier_entries(self.built, raw, item)
                    (
                        version_row(item),
                        encode_versions([item]),
                    )  # one that cannot be written must not fail with all others
                except Exception as problem:  # noqa: BLE001 - as above
                    item = reject_for_fault(raw, problem)
            if isinstance(item, Rejected):
                self._reject(with_raw(item, raw))
                continue
            self.days[item.day].append(item)
            self.people.extend(people)
            self.counts.update(f"entity.{e}" for e in item.record["redacted_entities"])
            self._mark(item)
        self.pending.clear()


def identifier_entries(
    built: Engines, raw: RawVersion, item: RedactedVersion
) -> list[SubjectEntry]:
    """Return the identifier index' entries of a version."""
    return make_subject_entries(
        built.keyring,
        version_ref(item.key),
        item.day,
        item.record["digest"],
        tokenize(built.keyring, version_people(raw)),
    )


def with_raw(rejected: Rejected, raw: RawVersion) -> Rejected:
    """Return a rejection with the version's content, for the encrypted zone."""
    content = {**raw.key._asdict(), "event": raw.event, "created_at": raw.created_at, **raw.record}
    return replace(rejected, raw=dump_json(content))
