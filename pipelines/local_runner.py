"""Pipelines of batch jobs run: on the runner that is named, or in this process and the worker
processes it is worth.

Beam's in-process runner can start workers too (`multi_processing`), here without their talk on
standard error.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from callveil.pipelines.logs import configure_worker_logging
from callveil.pipelines.tethered import end_with_parent
from callveil.pipelines.workers import MODULES, use_workers

if TYPE_CHECKING:
    from apache_beam import Pipeline
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from callveil.transforms.jobs.batch.context import RedactJob


def run_pipeline(
    wire: Callable[[Pipeline], None],
    options: PipelineOptions | None,
    job: RedactJob,
    asked: int | None,
    units: float,
    modules: Sequence[str] = MODULES,
) -> None:
    """Run a job's pipeline to its end.

    Args:
        wire: puts the job into a pipeline. options: Beam's.
        asked, units, modules: see `workers.use_workers`; for runs without a named runner and
            without worker processes of Beam's.
    """
    with (
        _interruptible(),
        use_workers(
            job.run.run_id,
            1 if beam_spreads_work(options) else asked,
            units,
            job.policy.detect,
            modules,
        ),
    ):
        from apache_beam import Pipeline
        from apache_beam.options.pipeline_options import PipelineOptions

        given = options or PipelineOptions([])
        # With no runner named Beam would download one; the in-process runner is there already.
        pipeline = Pipeline(runner=local_runner() if runs_locally(given) else None, options=given)
        wire(pipeline)
        pipeline.run().wait_until_finish()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C end the block as such: where it meets a step at work, Beam makes an error of that
    step of it.
    """
    met: list[int] = []

    def note(number: int, frame: Any) -> None:
        met.append(number)
        signal.default_int_handler(number, frame)

    ours = (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
        and threading.current_thread() is threading.main_thread()
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception:
        if met:
            raise KeyboardInterrupt from None
        raise
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def beam_spreads_work(options: PipelineOptions | None) -> bool:
    """Tell whether Beam spreads the work of a job with these options, on a runner that is named or
    in processes of its own.
    """
    return options is not None and (not runs_locally(options) or beam_workers(options))


def runs_locally(options: PipelineOptions) -> bool:
    """Tell whether a job with these options runs in this process."""
    return not options.get_all_options().get("runner")


def beam_workers(options: PipelineOptions) -> bool:
    """Tell whether Beam is told how to spread the work itself."""
    told = options.get_all_options()
    return bool(told["direct_num_workers"] != 1 or told["direct_running_mode"] != "in_memory")


def local_runner() -> FnApiRunner:
    """Return the runner; its worker processes are started by this module."""
    from apache_beam.portability.python_urns import SUBPROCESS_SDK
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    class LocalRunner(FnApiRunner):
        def run_via_runner_api(self, pipeline_proto, options):  # type: ignore[no-untyped-def]
            for environment in pipeline_proto.components.environments.values():
                if environment.urn == SUBPROCESS_SDK:
                    environment.payload = f"{sys.executable} -m {__spec__.name}".encode()
            return super().run_via_runner_api(pipeline_proto, options)

    return LocalRunner()


def run_worker() -> None:
    """Become a worker, which ends with the command. What it has to say above `INFO` goes to the
    runner, which tells it.
    """
    end_with_parent()
    configure_worker_logging()
    logging.getLogger().handlers[:] = [logging.NullHandler()]
    logging.disable(logging.INFO)
    from apache_beam.runners.worker import sdk_worker_main

    # It looks for a session that nothing here saves.
    sdk_worker_main._LOGGER.addFilter(
        lambda record: "semi_persistent_directory" not in record.getMessage()
    )
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    run_worker()
