"""Redact stored versions further: because the interaction they are about was redacted, or has
reached its age.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RedactedVersion
from callveil.transforms.detect.decision import strongest_mode
from callveil.transforms.jobs.batch.context import Engines, RedactJob
from callveil.transforms.jobs.history.linked_interactions import LinkedInteraction
from callveil.transforms.jobs.history.load import (
    linked_key,
    redactor_of,
    reject_for_fault,
    settings_for,
    with_raw,
)
from callveil.transforms.redact.versions.decision import RedactionSettings
from callveil.transforms.redact.versions.until_stable import (
    keep_delivered_facts,
    redact_versions_until_stable,
    stored_version,
)


def redact_again(
    job: RedactJob,
    built: Engines,
    versions: Sequence[RedactedVersion],
    known: Mapping[InteractionKey, LinkedInteraction],
    source: str = "store",
) -> Iterator[RedactedVersion | Rejected]:
    """Redact stored versions again, never less than before; what was delivered and when stays as it
    was.

    Args:
        known: what is known of the interactions they are about.
        source: file they stand in, for rejections.

    Yields: one item per version, in order. A rejection holds the row as it was, for the encrypted
        zone.
    """
    raws = [stored_version(version, source) for version in versions]
    ready: list[RedactionSettings | Rejected] = []
    for version, raw in zip(versions, raws, strict=True):
        try:
            ready.append(
                _at_least(version, settings_for(job, raw, known.get(linked_key(version.key))))
            )
        except Exception as problem:  # noqa: BLE001 - one record must not end the run
            ready.append(reject_for_fault(raw, problem))
    work = [
        (raw, decided)
        for raw, decided in zip(raws, ready, strict=True)
        if isinstance(decided, RedactionSettings)
    ]
    with built.lock:
        found = iter(redact_versions_until_stable(redactor_of(job, built), work))
        for version, raw, decided in zip(versions, raws, ready, strict=True):
            item = decided if isinstance(decided, Rejected) else next(found)
            if isinstance(item, RedactedVersion):
                try:
                    item = keep_delivered_facts(version, item)
                except Exception as problem:  # noqa: BLE001 - as above
                    item = reject_for_fault(raw, problem)
            yield with_raw(item, raw) if isinstance(item, Rejected) else item


def _at_least(version: RedactedVersion, decided: RedactionSettings) -> RedactionSettings:
    """Tell how a stored version is redacted again: never less than it was."""
    floor = decided.floor | frozenset(version.record.get("redacted_entities") or ())
    mode, agency = strongest_mode(decided.mode, version.mode), version.record.get("agency_id") or ""
    return replace(
        decided, mode=mode, floor=floor, account_type=version.account_type, agency_id=agency
    )
