"""Beam's in-process runner, and the worker processes it starts for `multi_processing`, without their talk on standard error."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from callveil.pipelines.faults import without_warnings
from callveil.pipelines.tethered import end_with_parent

if TYPE_CHECKING:
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner


def local_runner() -> FnApiRunner:
    """The runner; its worker processes are started by this module."""
    from apache_beam.portability.python_urns import SUBPROCESS_SDK
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    class LocalRunner(FnApiRunner):
        def run_via_runner_api(self, pipeline_proto, options):  # type: ignore[no-untyped-def]
            for environment in pipeline_proto.components.environments.values():
                if environment.urn == SUBPROCESS_SDK:
                    environment.payload = f"{sys.executable} -m {__spec__.name}".encode()
            return super().run_via_runner_api(pipeline_proto, options)

    return LocalRunner()


def work() -> None:
    """Become a worker, which ends with the command. What it has to say above `INFO` goes to the runner, which tells it."""
    end_with_parent()
    logging.basicConfig(handlers=[logging.NullHandler()])
    logging.disable(logging.INFO)
    without_warnings()
    from apache_beam.runners.worker import sdk_worker_main

    # It looks for a session that nothing here saves.
    sdk_worker_main._LOGGER.addFilter(lambda record: "semi_persistent_directory" not in record.getMessage())
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    work()
