"""Child processes that end with their parent, however that ended.

A runner's server that outlives a killed command keeps its port and its memory, and goes on asking
for workers that are gone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.job_server import JobServer
    from apache_beam.runners.portability.prism_runner import PrismRunner

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when the thread that started it ends; it outlasts execve.
"""


def tethered_prism() -> PrismRunner:
    """Make Beam's Prism runner, whose server ends with this process: on Linux also where this one
    was killed with SIGKILL.
    """
    from apache_beam.runners.portability.job_server import StopOnExitJobServer
    from apache_beam.runners.portability.prism_runner import PrismJobServer, PrismRunner

    class Server(PrismJobServer):
        def subprocess_cmd_and_endpoint(self):  # type: ignore[no-untyped-def]
            command, endpoint = super().subprocess_cmd_and_endpoint()
            return tethered_command(command), endpoint

    class Runner(PrismRunner):
        def default_job_server(self, options: PipelineOptions) -> JobServer:
            # Started in the main thread (it sets signal handlers), which lasts as long as the
            # process.
            return StopOnExitJobServer(Server(options))

    return Runner()


def tethered_command(command: list[object]) -> list[object]:
    """Give the command line that runs `command` as a child that ends with the process that is
    asking now.
    """
    return [sys.executable, "-m", "callveil.pipelines.tethered", os.getpid(), *command]


def end_with_parent() -> None:
    """Have this process killed when the thread that started it ends. Without effect on systems
    other than Linux.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(parent: int, command: list[str]) -> None:
    """Become `command`, unless `parent` is gone already."""
    end_with_parent()
    if os.getppid() != parent:  # it ended before the kernel was asked
        raise SystemExit(1)
    os.execvp(command[0], command)  # noqa: S606 - the command line is our own


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
