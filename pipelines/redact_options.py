"""Options of the redact job, and the reconciliation check that every record is accounted for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callveil.schemas.errors import CallveilError
from callveil.schemas.policy import Policy
from callveil.transforms.jobs.batch.context import SHARD_BYTES, SHARD_ROWS
from callveil.transforms.storage.files.filesystem import Files

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions


@dataclass(frozen=True)
class RedactOptions:
    """Settings of the job.

    Attributes:
        inputs: files, folders, globs or `s3://` URLs.
        output: root of the store.
        policy: the policy.
        as_of: the run's time, UTC. Ages are counted from it; nothing in the run reads a clock.
        accounts, requests: files with account records and manual requests.
        keyring: path of the keyring, or None for the default place.
        files: how to reach files.
        beam: Beam options; the in-process runner is taken unless a runner is named.
        dry_run: do everything but change the store.
        progress: show progress on standard error.
        workers: processes to work with, where no runner is named; 1: this one alone; None: what the
            machine allows and the input is worth.
        shard_rows, shard_bytes, chunk_bytes: how work is cut.
    """

    inputs: Sequence[str]
    output: str
    policy: Policy
    as_of: dt.datetime
    accounts: Sequence[str] = ()
    requests: Sequence[str] = ()
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    beam: PipelineOptions | None = None
    dry_run: bool = False
    progress: bool = True
    workers: int | None = None
    shard_rows: int = SHARD_ROWS
    shard_bytes: int = SHARD_BYTES
    chunk_bytes: int = 32 << 20


class ReconciliationError(CallveilError, RuntimeError):
    """Records that came in are not all accounted for. Nothing is published."""


def reconcile_records(counts: dict[str, int]) -> None:
    """Check that every snapshot read is accounted for: redacted, superseded, replayed, unchanged,
    tombstoned or rejected.

    Raises `ReconciliationError`, naming the numbers, where it is not.
    """
    parts = ("redacted", "superseded", "replayed", "unchanged", "tombstoned", "rejected")
    total = sum(counts.get(p, 0) for p in parts)
    if total != counts.get("in", 0):
        numbers = ", ".join(f"{p} {counts.get(p, 0):,}" for p in parts)
        raise ReconciliationError(
            f"{counts.get('in', 0):,} records came in, but {total:,} are accounted for "
            f"({numbers}); nothing was published"
        )
