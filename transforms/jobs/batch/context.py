"""Job context for the workers of a run, and the engines each process builds once from it."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from callveil.schemas.account import AccountBook
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import from_json_text
from callveil.schemas.plugins import compare_plugins, deciding_plugins
from callveil.schemas.policy import DetectionSettings, Policy
from callveil.schemas.request import RedactionRequest
from callveil.transforms.execution.log_context import log_context
from callveil.transforms.execution.memory import limit_arenas, trim_heap
from callveil.transforms.redact.run import RunColumns
from callveil.transforms.storage.checkpoints.store_identity import worker_keyring
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import CONTROL, Snapshot

if (
    TYPE_CHECKING
):  # they take seconds to load, which a process that only hands out work does without
    from callveil.transforms.detect.engine import Detector
    from callveil.transforms.redact.engine import Redactor

SHARD_ROWS = 500
SHARD_BYTES = 16 << 20
"""A shard, and with it one file of the store, holds at most so many interactions or bytes of raw
content. A worker holds one shard in memory, and with each record some thirty findings, so the size
of a shard is what a worker's memory depends on: 2,000 rows took 130 MiB more.
"""

T = TypeVar("T")


@dataclass(frozen=True)
class RedactJob:
    """One run of the redaction job. Pickled to every worker; it holds no secret, only the keyring's
    path.

    Attributes:
        run: id, policy digest and name, as_of.
        policy: the policy.
        files, root: the store.
        keyring_path: each worker loads the keyring from there.
        accounts: effective-dated accounts.
        requests: manual requests by interaction.
        snapshot: the store as it was when the run was planned.
        scratch: where a dry run writes instead, thrown away afterwards; empty for a real run.
        shard_rows, shard_bytes: see `SHARD_ROWS`.
        plugins: those that decide, where the job was made.
    """

    run: RunColumns
    policy: Policy
    files: Files
    root: str
    keyring_path: str
    accounts: AccountBook
    requests: Mapping[InteractionKey, tuple[RedactionRequest, ...]]
    snapshot: Snapshot
    scratch: str = ""
    shard_rows: int = SHARD_ROWS
    shard_bytes: int = SHARD_BYTES
    plugins: tuple[str, ...] = field(default_factory=deciding_plugins)

    @property
    def as_of(self) -> dt.datetime:
        """The run's time, UTC."""
        return self.run.as_of

    @property
    def work(self) -> str:
        """Folder of the run's working files; removed once the run is published."""
        return self.files.join(self.target, CONTROL, "work", self.run.run_id)

    def new_name(self, name: str) -> str:
        """Name of a file this run writes, telling the state of the store the run was planned on;
        see `data_path` for the run's own part.

        Planned on another state, the same run writes other bytes. A twin that is still at work on
        the old state, while this process has published on a newer one, must not write them under
        the name of a file that is live.
        """
        return f"{self.snapshot.seq:08d}.{name}"

    def rewritten_name(self, origin: str) -> str:
        """Return such a name for a file that takes the place of another, whose first name `origin`
        stays at its end; see `store.index.origin_of`.
        """
        return f"{self.snapshot.seq:08d}-{origin}"

    @property
    def target(self) -> str:
        """Where files are written: the store, or a dry run's scratch folder."""
        return self.scratch or self.root


@dataclass
class Engines:
    """One process' keyring, detector and redactor. spaCy pipelines are not safe to share between
    threads, so hold `lock` while using them.

    Attributes:
        detect: the settings the detector was built from.
    """

    detect: DetectionSettings
    keyring: Keyring
    detector: Detector
    redactor: Redactor
    lock: threading.Lock = field(default_factory=threading.Lock)


_engines: dict[tuple[str, str, str], Engines] = {}
_keyrings: dict[tuple[str, str], Keyring] = {}
_detectors: list[tuple[tuple[DetectionSettings, tuple[str, ...]], Detector, threading.Lock]] = []
DETECTORS_HELD = 2
"""Detectors kept by a process: two transforms of other settings in one pipeline take turns."""
_building = threading.RLock()


def engines_of(job: RedactJob) -> Engines:
    """Return this process' engines for a run, built on first use and kept: they take seconds to
    build, and Beam makes many instances of a DoFn.
    """
    from callveil.transforms.redact.engine import Redactor

    key = (job.run.run_id, job.policy.sha256, job.keyring_path)
    with _building:
        if key not in _engines:
            _engines.clear()
            compare_plugins(job.plugins)
            detector, lock = detector_of(job.policy.detect)
            keyring = keyring_of(job)
            _engines[key] = Engines(
                job.policy.detect, keyring, detector, Redactor(keyring, job.run), lock
            )
        return _engines[key]


def keyring_of(job: RedactJob) -> Keyring:
    """Return this process' keyring for a run, read and compared with the store once."""
    key = (job.run.run_id, job.keyring_path)
    with _building:
        if key not in _keyrings:
            _keyrings.clear()
            _keyrings[key] = worker_keyring(job.files, job.root, job.keyring_path)
        return _keyrings[key]


def detector_of(settings: DetectionSettings) -> tuple[Detector, threading.Lock]:
    """Return this process' detector with its lock. It depends on its settings and on plugins alone,
    so the next run with the same ones has it as well.
    """
    from callveil.transforms.detect.engine import Detector

    key = (settings, deciding_plugins())
    with _building:
        found = next((d for d in _detectors if d[0] == key), None)
        if found is None:
            del _detectors[DETECTORS_HELD - 1 :]
            limit_arenas()
            found = key, Detector(settings), threading.Lock()
        _detectors[:] = [found, *(d for d in _detectors if d is not found)]
        return found[1:]


def load_whole(settings: DetectionSettings) -> None:
    """Load a detector with what it reads only when it first needs it, for processes that are forked
    from this one and then share it.
    """
    from callveil.transforms.detect.lexicon import load_lexicon
    from callveil.transforms.detect.script import other_words

    load_lexicon()  # 40 MiB
    other_words()
    detector_of(
        settings
    )  # the last: what is loaded by then is passed over by the garbage collector


class WorkCache(Generic[T]):
    """Results of finished pieces of work, so that a run that was killed repeats none of them.

    A piece is named by a digest of everything it depends on, so a result is never taken for
    another's. `kind` is the type of a result.
    """

    def __init__(self, job: RedactJob, stage: str, kind: type[T]) -> None:
        self.kind, self.run_id = kind, job.run.run_id
        self.files, self.folder = job.files, job.files.join(job.work, "done", stage)

    def once(self, name: str, work: Callable[[], T], **at_work: str | int) -> T:
        """Return the stored result; where there is none, do the work and keep what it gives.

        Args:
            at_work: what log lines of the work say it is about.
        """
        result = self.load(name)
        if result is None:
            with log_context(run_id=self.run_id, **at_work):
                result = work()
            self.store(name, result)
        return result

    def load(self, name: str) -> T | None:
        """Return the stored result, or None."""
        url = self.files.join(self.folder, f"{name}.json")
        if self.files.info(url) is None:
            return None
        return from_json_text(self.files.read(url), self.kind)

    def store(self, name: str, result: T) -> None:
        """Keep a result; the work itself must be durable by now. The memory it took goes back to
        the system.
        """
        self.files.write(self.files.join(self.folder, f"{name}.json"), msgspec.json.encode(result))
        trim_heap()
