"""A chunk of input to redacted versions by day."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.outcome import Outcome
from callveil.schemas.rejected import Rejected
from callveil.schemas.rules import fold
from callveil.schemas.subject_index import SubjectEntry
from callveil.schemas.version import RawVersion, RedactedVersion, VersionKey, is_interaction
from callveil.transforms.history.about import About, lookup
from callveil.transforms.history.dataset import encode
from callveil.transforms.history.decided import Decided, decide
from callveil.transforms.history.expired import Arrivals
from callveil.transforms.history.read import read_versions
from callveil.transforms.history.redact import VersionRedactor
from callveil.transforms.ingest.chunks import InputChunk
from callveil.transforms.ingest.parse import dump
from callveil.transforms.run.job import Engines, RedactJob
from callveil.transforms.store.rejects import RejectedWriter
from callveil.transforms.subject.erased import Erased
from callveil.transforms.subject.keys import conceal, entries, ref_of, version_people, version_ref

BATCH = 500
"""Versions that are redacted at once."""


def redactor_of(job: RedactJob, built: Engines) -> VersionRedactor:
    """This process' redactor of versions for a run, over its engines; hold their lock while it is used."""
    if _redactors.get("engines") is not built:
        _redactors.update(engines=built, redactor=VersionRedactor(built.detector, built.keyring, job.run.run_id, job.policy.sha256, job.as_of))
    redactor: VersionRedactor = _redactors["redactor"]
    return redactor


_redactors: dict[str, Any] = {}


def about_key(key: VersionKey) -> InteractionKey:
    """The interaction a version is about."""
    return InteractionKey(key.account_id, key.item_id)


def redact_versions(job: RedactJob, built: Engines, raws: Sequence[RawVersion]) -> Iterator[RedactedVersion | Rejected]:
    """Redact raw versions, one result each, in order. A rejection carries no content; see `with_raw`."""
    known = lookup(job.files, job.root, job.snapshot, {about_key(r.key) for r in raws if is_interaction(r.key.item_type)})
    work = [(raw, decided_for(job, raw, known.get(about_key(raw.key)))) for raw in raws]
    with built.lock:
        yield from redactor_of(job, built).redact(work)


def decided_for(job: RedactJob, raw: RawVersion, about: About | None) -> Decided:
    """How a version is redacted, by what is known of its account and of the interaction it is about."""
    account = job.accounts.at(raw.key.account_id, raw.created_at)
    floor, fields = (about.floor, about.fields) if about and is_interaction(raw.key.item_type) else (None, frozenset())
    decided = decide(job.policy, raw, account.type if account else "unknown", account.agency_id if account else "", job.as_of, floor, fields)
    return replace(decided, own=frozenset(fold(text) for text in (account.name, *account.numbers) if text)) if account else decided


def load_chunk(job: RedactJob, built: Engines, chunk: InputChunk, arrivals: Arrivals | None = None) -> dict[str, Any]:
    """Read one chunk and redact it at once, so that nothing raw leaves this process but what is rejected, sealed.

    Args:
        arrivals: knows which versions retention has deleted before; None: none.

    Returns: JSON-ready `{outcome, days, marks, subjects}`: encoded versions (base64) by UTC day, interactions that `redact` events name, and
        entries of the identifier index.
    """
    erased = Erased.read(job.files, job.root, job.snapshot, built.keyring)
    people: list[SubjectEntry] = []
    rejects = RejectedWriter(job.files, job.target, built.keyring, job.run.run_id, job.as_of, job.new_name(f"history.{chunk.ordinal:06d}"))
    counts: Counter[str] = Counter()
    days: dict[str, list[RedactedVersion]] = defaultdict(list)
    marks: set[InteractionKey] = set()
    pending: list[RawVersion] = []

    def flush() -> None:
        for raw, item in zip(pending, redact_versions(job, built, pending), strict=True):
            if isinstance(item, Rejected):
                rejects.add(with_raw(item, raw))
                counts["rejected"] += 1
                continue
            days[item.day].append(item)
            people.extend(people_of(built, raw, item))
            counts.update(f"entity.{e}" for e in item.record["redacted_entities"])
            if item.event == "redact" and is_interaction(item.key.item_type):
                marks.add(about_key(item.key))
        pending.clear()

    for item in read_versions(job.files, chunk, job.policy.limits):
        counts["in"] += 1
        if isinstance(item, Rejected):
            rejects.add(item)
            counts["rejected"] += 1
            continue
        if erased.holds(version_ref(item.key)) or (is_interaction(item.key.item_type) and erased.holds(ref_of(about_key(item.key)))):
            counts["erased_on_arrival"] += 1
            continue
        account = job.accounts.at(item.key.account_id, item.created_at)
        counts["account_unknown"] += account is None
        if arrivals is not None and arrivals.expired(item, account.type if account else "unknown"):
            counts["expired_on_arrival"] += 1
            if item.event == "redact" and is_interaction(item.key.item_type):
                marks.add(about_key(item.key))  # what it asked for holds all the same
            continue
        pending.append(item)
        if len(pending) >= BATCH:
            flush()
    flush()
    files = rejects.publish()
    counts.update({f"reason.{reason}": n for reason, n in rejects.reasons.items()})
    return {
        "outcome": Outcome(files, [], counts).as_dict(),
        "days": {day: base64.b64encode(encode(days[day])).decode() for day in sorted(days)},
        "marks": sorted(map(list, marks)),
        "subjects": [e.as_list() for e in people],
    }


def people_of(built: Engines, raw: RawVersion, item: RedactedVersion) -> list[SubjectEntry]:
    """The identifier index' entries of a version."""
    return entries(built.keyring, version_ref(item.key), item.day, item.record["digest"], conceal(built.keyring, version_people(raw)))


def with_raw(rejected: Rejected, raw: RawVersion) -> Rejected:
    """A rejection with the version's content, for the encrypted zone."""
    content = {**raw.key._asdict(), "event": raw.event, "created_at": raw.created_at, **raw.record}
    return replace(rejected, raw=dump(content))
