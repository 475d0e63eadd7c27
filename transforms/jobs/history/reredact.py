"""Redact stored versions further: because the interaction they are about was redacted, or has reached its age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RedactedVersion
from callveil.transforms.detect.decision import stronger
from callveil.transforms.jobs.batch.context import Engines, RedactJob
from callveil.transforms.jobs.history.linked_interactions import About
from callveil.transforms.jobs.history.load import about_key, decided_for, fault, redactor_of, with_raw
from callveil.transforms.redact.versions.decision import Decided
from callveil.transforms.redact.versions.until_stable import carried, redact_settled, stored_version


def redact_again(
    job: RedactJob, built: Engines, versions: Sequence[RedactedVersion], known: Mapping[InteractionKey, About], source: str = "store"
) -> Iterator[RedactedVersion | Rejected]:
    """Redact stored versions again, never less than before; what was delivered and when stays as it was.

    Args:
        known: what is known of the interactions they are about.
        source: file they stand in, for rejections.

    Yields: one item per version, in order. A rejection holds the row as it was, for the encrypted zone.
    """
    raws = [stored_version(version, source) for version in versions]
    ready: list[Decided | Rejected] = []
    for version, raw in zip(versions, raws, strict=True):
        try:
            ready.append(_at_least(version, decided_for(job, raw, known.get(about_key(version.key)))))
        except Exception as problem:  # noqa: BLE001 - one record must not end the run
            ready.append(fault(raw, problem))
    work = [(raw, decided) for raw, decided in zip(raws, ready, strict=True) if isinstance(decided, Decided)]
    with built.lock:
        found = iter(redact_settled(redactor_of(job, built), work))
        for version, raw, decided in zip(versions, raws, ready, strict=True):
            item = decided if isinstance(decided, Rejected) else next(found)
            if isinstance(item, RedactedVersion):
                try:
                    item = carried(version, item)
                except Exception as problem:  # noqa: BLE001 - as above
                    item = fault(raw, problem)
            yield with_raw(item, raw) if isinstance(item, Rejected) else item


def _at_least(version: RedactedVersion, decided: Decided) -> Decided:
    """How a stored version is redacted again: never less than it was."""
    floor = decided.floor | frozenset(version.record.get("redacted_entities") or ())
    mode, agency = stronger(decided.mode, version.mode), version.record.get("agency_id") or ""
    return replace(decided, mode=mode, floor=floor, account_type=version.account_type, agency_id=agency)
