"""Progress of a run, read from its checkpoints, so that it shows whatever the runner and wherever
the workers are.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

import orjson

from callveil.pipelines.logs import logs_json, tell
from callveil.transforms.jobs.batch.context import RedactJob

QUIET_SECONDS = 15.0
"""Seconds between lines where standard error is no terminal."""


class RunProgress:
    """Shows how far a run is, on standard error, until the block ends.

    Args:
        job: the run.
        chunks: pieces of input it reads.
        show: whether to show anything.
    """

    def __init__(self, job: RedactJob, chunks: int, show: bool = True) -> None:
        self._job, self._chunks, self._show = job, chunks, show
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._seen: dict[str, int] = {}
        self._read = self._done = self._taken = 0

    def __enter__(self) -> RunProgress:
        if self._show:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._show:
            self._thread.join()

    def _poll(self) -> None:
        files, folder = self._job.files, self._job.files.join(self._job.work, "done")
        for info in files.list(folder):
            if info.url in self._seen:
                continue
            try:
                counts = orjson.loads(files.read(info.url))["outcome"]["counts"]
            except (OSError, ValueError, KeyError):
                continue  # it goes away when the run is published
            self._seen[info.url] = 1
            if "/ingest/" in info.url or "/rescan/" in info.url:
                self._read += 1
                self._taken += counts.get("in", 0) - counts.get("rejected", 0)
            if "/ingest/" not in info.url:
                self._done += (
                    counts.get("redacted", 0) + counts.get("rejected", 0) + counts.get("redone", 0)
                )

    def _watch(self) -> None:
        remote = self._job.target.startswith("s3://")
        if logs_json() or not sys.stderr.isatty():
            return self._lines(5.0 if remote else 1.0)
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            read = bar.add_task("reading input", total=self._chunks)
            redact = bar.add_task("redacting", total=None)
            while not self._stop.wait(3.0 if remote else 0.5):
                self._poll()
                bar.update(read, completed=self._read)
                bar.update(
                    redact,
                    completed=self._done,
                    total=self._taken if self._read == self._chunks else None,
                )
        return None

    def _lines(self, every: float) -> None:
        last = started = time.monotonic()
        while not self._stop.wait(every):
            if time.monotonic() - last < QUIET_SECONDS:
                continue
            last = time.monotonic()
            self._poll()
            tell(
                f"{last - started:.0f} s: read {self._read} of {self._chunks} pieces "
                f"({self._taken:,} interactions), "
                f"redacted {self._done:,}"
            )
