"""`callveil watch` on real runners, as child processes that can be killed by role.

A runner is anything with `start`, `kill`, `recover` and `stop`; `recover` does what a supervisor
does: it starts what is gone, and the job anew where its command has ended.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from support import ROOT
from support.emulated_cloud import callveil, end, free_ports
from support.waiting import wait_for

FLINK = ROOT / "deploy" / "flink.sh"


@dataclass
class Prism:
    """`callveil watch` on Prism: one command, which starts the runner and works itself."""

    folder: Path
    args: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ("client", "prism")
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        """Start the command."""
        with (self.folder / "watch.log").open("ab") as log:
            env = {**os.environ, "CALLVEIL_TRACEBACK": "1", **self.env}
            self.process = subprocess.Popen(
                callveil("watch", *self.args),
                stdout=log,
                stderr=log,
                env=env,
                start_new_session=True,
            )
        self.starts += 1

    def kill(self, role: str) -> None:
        """Kill -9 the client (Prism then ends with it) or Prism (then the client does)."""
        assert self.process is not None
        if role == "client":
            self.process.kill()
        else:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                if "prism" in child.name():
                    child.kill()

    def recover(self) -> bool:
        """Start the command again where it has ended; whether it had."""
        if self.process is not None and self.process.poll() is None:
            return False
        end(self.process)
        self.start()
        return True

    def tree(self) -> list[psutil.Process]:
        """The command and what it started."""
        own = psutil.Process(self.process.pid) if self.process else None
        return [own, *own.children(recursive=True)] if own else []

    def stop(self) -> None:
        """End everything."""
        end(self.process)


@dataclass
class Flink:
    """`callveil watch` on a Flink cluster of its own, in `folder`."""

    folder: Path
    args: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)
    taskmanagers: int = 1
    roles: tuple[str, ...] = (
        "worker",
        "taskmanager-1",
        "jobmanager",
        "jobserver",
        "pool",
        "client",
        "all",
    )
    process: subprocess.Popen[bytes] | None = None
    from_checkpoint: bool = True
    starts: int = 0
    restored: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_ports(6)
        mine = {
            "CALLVEIL_FLINK_DIR": str(self.folder / "flink"),
            "CALLVEIL_FLINK_PORT": str(self.port),
            "CALLVEIL_TRACEBACK": "1",
        }
        self.environ = {**os.environ, **self.env, **mine}

    def script(self, *args: str, check: bool = True) -> str:
        """Run deploy/flink.sh and return what it prints; empty where it fails."""
        done = subprocess.run(
            [str(FLINK), *args],
            env=self.environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or done.returncode == 0, (
            f"flink.sh {' '.join(args)}: {done.returncode}\n{done.stderr[-3000:]}"
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def start(self) -> None:
        """Start the cluster, then the job."""
        self.script("start", str(self.taskmanagers))
        self.submit()

    def submit(self, checkpoint: str = "") -> None:
        """Start the command that submits the job and stays with it."""
        more = [f"--savepoint_path={checkpoint}"] if checkpoint else []
        with (self.folder / "watch.log").open("ab") as log:
            command = callveil("watch", *self.args, *self.script("options").split(), *more)
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self.environ, start_new_session=True
            )
        self.starts += 1
        if checkpoint:
            self.restored.append(checkpoint)

    def pid(self, role: str) -> int | None:
        """Process id of a part of the cluster, where it lives."""
        with suppress(FileNotFoundError, ValueError):
            pid = int((self.folder / "flink" / "pid" / role).read_text())
            return (
                pid
                if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
                else None
            )
        return None

    def workers(self) -> Iterator[psutil.Process]:
        """The Python workers."""
        pool = self.pid("pool")
        if pool:
            yield from psutil.Process(pool).children()

    def kill(self, role: str) -> None:
        """Kill -9 a part: `worker` is each Python worker, `client` the command, `all` everything
        there is.
        """
        if role in ("client", "all"):
            end(self.process)
        if role in ("worker", "pool", "all"):
            for worker in self.workers():
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
        for part in self.parts():
            pid = self.pid(part)
            if pid and role in (part, "all"):
                os.kill(pid, signal.SIGKILL)
                wait_for(f"the end of {part}", lambda gone=part: self.pid(gone) is None)

    def tree(self) -> list[psutil.Process]:
        """The cluster's processes and the workers."""
        return [
            *(psutil.Process(pid) for pid in map(self.pid, self.parts()) if pid),
            *self.workers(),
        ]

    def parts(self) -> list[str]:
        """Parts of the cluster that were started."""
        return sorted(p.name for p in (self.folder / "flink" / "pid").iterdir())

    def jobs(self) -> list[str]:
        """Ids of jobs that have not ended."""
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://localhost:{self.port}/jobs", timeout=5) as answer,
        ):
            return [
                j["id"]
                for j in json.load(answer)["jobs"]
                if not re.fullmatch("FAILED|CANCELED|FINISHED", j["status"])
            ]
        return []

    def recover(self) -> bool:
        """Start what is gone; the job from its newest checkpoint, or from nothing, where the
        cluster no longer has it. Whether anything was gone.
        """
        gone = [part for part in self.parts() if not self.pid(part)]
        for part in gone:
            self.script("restart", part)
        if gone:
            wait_for("the cluster", lambda: self.slots() > 0)
        if (
            self.process is not None and self.process.poll() is None
        ):  # it ends when the cluster has lost its job
            return bool(gone)
        for job in self.jobs():  # its client is gone: it must not run beside the new one
            self.cancel(job)
        end(self.process)
        self.submit(self.script("checkpoint", check=False) if self.from_checkpoint else "")
        return True

    def cancel(self, job: str) -> None:
        """Cancel a job and wait until it has ended."""
        request = urllib.request.Request(
            f"http://localhost:{self.port}/jobs/{job}?mode=cancel", method="PATCH"
        )
        with urllib.request.urlopen(request, timeout=10):
            pass
        wait_for("the job's end", lambda: job not in self.jobs())

    def slots(self) -> int:
        """Slots that the cluster has."""
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://localhost:{self.port}/overview", timeout=5) as answer,
        ):
            return int(json.load(answer)["slots-total"])
        return 0

    def stop(self) -> None:
        """End everything."""
        end(self.process)
        self.script("stop")


Runner = Prism | Flink
