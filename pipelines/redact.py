"""The main job: a batch of call interactions to redacted Parquet, findings, and a rejected zone.
What is asked of it, and its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callveil.pipelines.local_runner import beam_spreads_work
from callveil.pipelines.redact_options import RedactOptions
from callveil.pipelines.workers import PIECE_BYTES, preload_workers
from callveil.transforms.ingest.chunks import InputPlan, plan_input
from callveil.transforms.ingest.discover import refuse_overlap
from callveil.transforms.storage.checkpoints.store_identity import compare_store

if TYPE_CHECKING:
    from callveil.pipelines.attempts import RunResult


def run_redact(options: RedactOptions) -> RunResult:
    """Run the job.

    Raises:
        NothingToRead: the inputs hold nothing that can be read; nothing is done.
        InputError, AccountsError, RequestsError, PolicyError: the user's input, with file, line and
            field.
        ModelError: a spaCy pipeline the policy names is not there.
        StoreError: the output is no store, or damaged.
        ReconciliationError: a record was lost; nothing is published.
    """
    refuse_overlap(options.files, options.inputs, options.output)
    keyring = compare_store(options.files, options.output, options.keyring, not options.dry_run)
    plan = (
        plan_input(options.files, list(options.inputs), options.chunk_bytes).required()
        if options.inputs
        else InputPlan()
    )
    # What the job needs takes seconds to load, here and in the processes that work for it: they
    # load at the same time.
    with preload_workers(
        1 if beam_spreads_work(options.beam) else options.workers,
        plan.bytes() / PIECE_BYTES,
        options.policy.detect,
    ):
        from callveil.pipelines.redact_job import run_job

        return run_job(options, keyring, plan)
