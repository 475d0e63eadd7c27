"""Options of Beam's Flink runner that its job server knows and Beam for Python does not: declared
here, so that a misspelt one is told from these.
"""

from __future__ import annotations

import argparse
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

NUMBERS = {
    "checkpointing_interval": "milliseconds between two checkpoints",
    "checkpoint_timeout_millis": "milliseconds after which a checkpoint is given up",
    "min_pause_between_checkpoints": "milliseconds between the end of a "
    "checkpoint and the next one",
    "num_concurrent_checkpoints": "checkpoints under way at once",
    "max_bundle_size": "elements of a bundle",
    "max_bundle_time_mills": "milliseconds a bundle stays open",
    "number_of_execution_retries": "restarts of a failed job; unset: as the cluster is configured",
    "execution_retry_delay": "milliseconds before a restart",
    "shutdown_sources_after_idle_ms": "milliseconds after which a bounded source that has ended is "
    "closed",
    "latency_tracking_interval": "milliseconds between two latency markers",
}
FLAGS = {
    "externalized_checkpoints_enabled": "keep checkpoints outside of the job",
    "retain_externalized_checkpoints_on_cancellation": "keep them when the job is cancelled",
    "unaligned_checkpoint_enabled": "checkpoints overtake what is in flight",
    "finish_bundle_before_checkpointing": "end the bundle before a checkpoint's barrier goes on",
    "fail_on_checkpointing_errors": "fail the job where a checkpoint fails",
    "allow_non_restored_state": "start although a part of the checkpoint's state is not used",
    "object_reuse": "elements are not copied between chained steps",
    "operator_chaining": "chain operators",
}
TEXTS = {
    "savepoint_path": "checkpoint or savepoint to start from, as file:///... or s3://...",
    "checkpointing_mode": "EXACTLY_ONCE (default) or AT_LEAST_ONCE",
    "state_backend": "which state backend the job uses",
    "state_backend_storage_path": "where it keeps its checkpoints",
}


def flink_option_names() -> set[str]:
    """Return the options as a command line has them."""
    return {f"--{name}" for name in (*NUMBERS, *FLAGS, *TEXTS)}


@cache
def declare_flink_options() -> type[PipelineOptions]:
    """Make the options known to Beam, which finds the subclasses of its own. None has a default
    here: what is not given is not sent. Returns the subclass, which lives while it is held.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    class FlinkStreamOptions(PipelineOptions):  # type: ignore[misc]
        """Options of `org.apache.beam.runners.flink.FlinkPipelineOptions` for streaming jobs."""

        @classmethod
        def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
            for name, text in NUMBERS.items():
                parser.add_argument(f"--{name}", type=int, help=text)
            for name, text in FLAGS.items():
                parser.add_argument(f"--{name}", action="store_true", default=None, help=text)
            for name, text in TEXTS.items():
                parser.add_argument(f"--{name}", help=text)

    return FlinkStreamOptions
