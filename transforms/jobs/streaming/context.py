"""Job context for every worker of the watch (streaming) pipeline, and what it tells of its work."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field

from callveil.schemas.account import AccountBook
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy import Policy
from callveil.transforms.detect.models import model_fingerprint
from callveil.transforms.jobs.batch.context import Engines, RedactJob, engines_of
from callveil.transforms.jobs.streaming.object_names import RecordingNaming
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live, What
from callveil.transforms.storage.format1.snapshot import Snapshot

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class WatchJob:
    """How what arrives is redacted. Pickled to every worker; it holds no secret, only the keyring's
    path.

    Attributes:
        policy: the policy.
        files, root: the store.
        keyring_path: each worker loads the keyring from there.
        accounts: effective-dated accounts.
        naming: how recordings are named.
        recogniser: what hears each redacted recording before it is out, and transcribes one without
            transcript where the policy says
            `recognise`: `embedded`, or the path of a model. Empty: nothing does.
    """

    policy: Policy
    files: Files
    root: str
    keyring_path: str
    accounts: AccountBook = field(default_factory=AccountBook)
    naming: RecordingNaming = field(default_factory=RecordingNaming)
    recogniser: str = ""

    @property
    def live(self) -> Live:
        """The live zone of the store."""
        return Live(self.files, self.root)

    @property
    def wait(self) -> float:
        """How long a recording and its record wait for each other, seconds."""
        return self.policy.recordings.wait_seconds

    def run_at(self, at: float, *objects: str) -> RunColumns:
        """Return what rows carry that come of some objects at a time; the same for a repetition."""
        from callveil.transforms.redact.operators import code_fingerprint  # loads Presidio

        models, code = model_fingerprint(self.policy.detect), code_fingerprint(self.policy)
        told = ("watch", self.policy.sha256, *((code,) if code else ()), *objects)
        run_id = hashlib.sha256("\0".join(told).encode()).hexdigest()[:32]
        return RunColumns(
            run_id, self.policy.sha256, self.policy.name, EPOCH + dt.timedelta(seconds=at), models
        )

    def engines(self) -> Engines:
        """Return this process' keyring, detector and redactor; see `run.job.engines`."""
        job = RedactJob(
            self.run_at(0),
            self.policy,
            self.files,
            self.root,
            self.keyring_path,
            self.accounts,
            {},
            Snapshot(),
        )
        return engines_of(job)


@dataclass(frozen=True)
class PublishedOutput:
    """One output that came into being.

    Attributes:
        key: the interaction. what: `record` or `audio`.
        status: `done` or `rejected`. reason: of the rejection, or why a recording was covered
            whole; else empty.
        landed_at: when the object it came from landed, seconds since 1970.
        seconds: length of a recording.
    """

    key: InteractionKey
    what: What
    status: str
    reason: str
    landed_at: float
    seconds: float = 0.0
