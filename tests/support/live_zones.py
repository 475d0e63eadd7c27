"""Live zones to verify: calls that land and are redacted, and what happens to them afterwards."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from callveil.pipelines.retain import RetainOptions, run_retain
from callveil.pipelines.subject import (
    erase_request,
    lift_restriction,
    restrict_request,
    search_request,
)
from callveil.pipelines.subject_register import (
    NewRequest,
    SubjectOptions,
    open_request,
    record_verification,
)
from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.report.verify.store import VerificationReport
from callveil.transforms.storage.checkpoints.live_checkpoint import (
    CheckpointResult,
    write_checkpoint,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live, What
from callveil.transforms.storage.identity.identifiers import parse_identifier
from support.evidence_stores import AS_OF, check
from support.landed_calls import Call, land

DAY = dt.timedelta(days=1)
EXPIRES = 30
"""Days after which an interaction goes."""


def policy(**recordings: object) -> Policy:
    """A policy under which nothing waits for its other half, and calls go after `EXPIRES` days."""
    said = json.dumps({"wait_seconds": 0, "settle_seconds": 0, **recordings})
    rule = f"{{id: calls, action: delete, days: {EXPIRES}, class: [interactions]}}"
    return parse_policy(
        f"version: 1\nname: t\nextends: gdpr\nrecordings: {said}\nretention:\n  rules:\n    - "
        f"{rule}\n"
    )


def aged(call: Call, days: float, **more: object) -> Call:
    """A call as if it had been made some days before `AS_OF`."""
    record = json.loads(call.record) | {
        "called_at": (AS_OF - days * DAY).isoformat(),
        "unix_time": None,
        **more,
    }
    return Call(call.account, call.id, json.dumps(record).encode(), call.audio, call.seconds)


def number_of(call: Call) -> str:
    """The contact's number."""
    record = json.loads(call.record)
    return str(
        record.get("caller_number_complete")
        or record.get("caller_number")
        or record["contact_number"]
    )


@dataclass
class Zone:
    """A store with a live zone, and the folder that its calls land in."""

    folder: Path
    policy: Policy = field(default_factory=policy)
    files: Files = field(default_factory=Files)
    root: str = ""

    def __post_init__(self) -> None:
        self.root = self.root or str(self.folder / "store")
        self.keyring = str(self.folder / "keyring.json")
        (self.folder / "in").mkdir(parents=True, exist_ok=True)

    @property
    def store(self) -> Store:
        """The store."""
        return Store.open(self.files, self.root, self.keyring)

    def options(self, seal: float = 300.0) -> WatchOptions:
        """Options of the watch job."""
        return WatchOptions(
            self.root,
            self.policy,
            (str(self.folder / "in"),),
            keyring=self.keyring,
            files=self.files,
            seal=seal,
        )

    def watch(
        self, *landed: Call, audio: bool = True, record: bool = True, seal: bool = True
    ) -> dict[str, int]:
        """Let calls land, and redact what is there."""
        for call in landed:
            land(self.folder / "in", call, audio=audio, record=record)
        for path in (self.folder / "in").rglob("*.*"):
            os.utime(path, (AS_OF.timestamp(), AS_OF.timestamp()))
        return run_once(self.options(300.0 if seal else 0.0), AS_OF.timestamp() + 10)

    def seal(self, **how: object) -> CheckpointResult:
        """Make a checkpoint."""
        return write_checkpoint(self.store, Keyring.load(self.keyring), AS_OF, **how)  # type: ignore[arg-type]

    def verify(self, **how: object) -> VerificationReport:
        """Verify the store."""
        return check(self.root, **how)

    def retain(self, as_of: dt.datetime = AS_OF) -> None:
        """Let what is due expire."""
        run_retain(
            RetainOptions(
                self.root, self.policy, as_of, as_of, keyring=self.keyring, files=self.files
            )
        )

    def _subject(self, days: float) -> SubjectOptions:
        at = AS_OF + days * DAY
        return SubjectOptions(self.root, at, at, "officer", self.keyring, self.files, self.policy)

    def request(self, kind: str, call: Call, days: float = 0) -> str:
        """A person's request to the company of a call about the calls of their number; found, but
        not carried out.
        """
        identity = tuple(i for i in parse_identifier(number_of(call)))
        made = open_request(
            self._subject(days),
            NewRequest(kind, identity, AS_OF + days * DAY, account=call.account),
        )
        record_verification(self._subject(days + 0.1), made.request_id, "callback")
        search_request(self._subject(days + 0.2), made.request_id)
        return made.request_id

    def erase(self, call: Call) -> None:
        """Erase the person of a call."""
        erase_request(self._subject(1), self.request("erasure", call))

    def restrict(self, call: Call) -> str:
        """Set the person's calls aside."""
        request_id = self.request("restriction", call)
        restrict_request(self._subject(1), request_id)
        return request_id

    def lift(self, request_id: str) -> None:
        """Bring them back."""
        lift_restriction(self._subject(2), request_id)

    @property
    def live(self) -> Live:
        """The live zone."""
        return Live(self.files, self.root)

    def part(self, call: Call, what: What) -> str:
        """Path of a part."""
        return self.live.part(InteractionKey(call.account, call.id), what)

    def path(self, call: Call, what: What) -> Path:
        """The redacted file of a part."""
        key = InteractionKey(call.account, call.id)
        return Path(self.live.folder(key)) / (self.live.receipt(key, what) or {})["file"]

    def changes(self) -> list[tuple[str, str]]:
        """Part and change of each entry of each checkpoint, in order."""
        found = sorted(Path(self.root, "_callveil/seals").glob("*.json"))
        return [(e[0], e[2]) for p in found for e in json.loads(p.read_bytes())["entries"]]

    def announced(self) -> int:
        """Announcements that wait for a checkpoint."""
        return len(list(Path(self.root, "live/unsealed").glob("*.json")))


def history(zone: Zone, made: list[Call]) -> None:
    """Take five calls through their lives: one stays, one is superseded, one expires, one is
    erased, one is set aside and brought back.
    """
    stays, superseded, expired, erased, returned = made
    zone.watch(stays, superseded)
    zone.watch(expired, erased)
    more = json.loads(superseded.record)
    zone.watch(
        Call(
            superseded.account,
            superseded.id,
            json.dumps(more | {"duration": 9000}).encode(),
            superseded.audio,
            6,
        ),
        audio=False,
    )
    zone.watch(returned)
    zone.retain()
    zone.erase(erased)
    zone.lift(zone.restrict(returned))
