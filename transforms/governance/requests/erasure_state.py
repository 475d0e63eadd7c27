"""One state of a store as an erasure sees it: what all requests that are carried out together look
up, read once. It moves to a later state and keeps what holds there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from callveil.schemas.manifest import FileEntry
from callveil.schemas.subject import SubjectRequest
from callveil.transforms.governance.requests.controller import Controller, controller_of
from callveil.transforms.governance.requests.execution_result import FinishedWork
from callveil.transforms.governance.requests.live_records import require_markers
from callveil.transforms.governance.requests.lookups import StoreLookups
from callveil.transforms.governance.requests.publish import CONTENT, read_encrypted_json
from callveil.transforms.governance.requests.register import RequestRegister
from callveil.transforms.governance.requests.restriction import (
    RestrictedHeader,
    read_restricted_header,
    restricted_files,
)
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.index.identifier_index import SUBJECTS
from callveil.transforms.storage.index.identity_markers import MissingMarkers
from callveil.transforms.storage.tables.key_index import INDEX
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS
from callveil.transforms.storage.tables.versions import VERSIONS

APPENDED = (INTERACTIONS.name, FINDINGS.name, VERSIONS.name, INDEX.name, SUBJECTS.name)
"""Datasets that are looked up alone: a run that adds files to these, and holds nothing of whom they
are asked for, changes no plan."""
MERGED = (INDEX.name, SUBJECTS.name)
"""Those of which such a run may replace files."""


@dataclass
class ErasureState:
    """A state of a store.

    Attributes:
        register: of requests. lookups: in that state.
        inboxes: folders of webhooks that are named beside those of the store.
        zone: whether what was never read into a dataset is looked through.
        folders: inboxes that are looked through; None where none are. lacking: records that may
            lack markers.
        finished: rewrites that are done. small: other files that are written, by their content.
    """

    register: RequestRegister
    lookups: StoreLookups
    inboxes: Sequence[str] = ()
    zone: bool = True
    finished: FinishedWork = field(default_factory=dict, repr=False)
    small: dict[tuple[object, ...], FileEntry | None] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.lacking: MissingMarkers = require_markers(self.register.store)
        self.folders = Inboxes.of([self.live], self.inboxes) if self.zone else None
        self._controllers: dict[tuple[str, str], Controller] = {}
        self._restricted: list[tuple[FileEntry, RestrictedHeader]] | None = None
        self._packages: list[tuple[FileEntry, Any]] | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The state's files."""
        return self.lookups.snapshot

    @property
    def live(self) -> Live:
        """The live zone of the store."""
        return Live(self.register.store.files, self.register.store.root)

    def move_to(self, snapshot: Snapshot) -> bool:
        """Go on with a later state; returns whether plans that were made hold there: only files
        were added, or merged, that hold nothing of what was looked up.
        """
        before, now = set(self.snapshot.files), set(snapshot.files)
        appended = all(f.dataset in APPENDED for f in now - before) and all(
            f.dataset in MERGED for f in before - now
        )
        same = self.lookups.move_to(snapshot)
        self._begin()
        return appended and same

    def controller(self, request: SubjectRequest) -> Controller:
        """Return the controller a request is bound to. Raises `RegisterError`."""
        name = request.account, request.agency
        if name not in self._controllers:
            self._controllers[name] = controller_of(
                self.register.store, request, self.snapshot, self.lookups.accounts()
            )
        return self._controllers[name]

    def restricted(self) -> list[tuple[FileEntry, RestrictedHeader]]:
        """Return sealed files of rows that are set aside, with what they hold."""
        if self._restricted is None:
            store, keyring = self.register.store, self.register.keyring
            self._restricted = [
                (f, read_restricted_header(store, keyring, f))
                for f in restricted_files(self.snapshot)
            ]
        return self._restricted

    def packages(self) -> list[tuple[FileEntry, Any]]:
        """Return notes of packages that were made, with what they say."""
        if self._packages is None:
            store, keyring = self.register.store, self.register.keyring
            self._packages = [
                (f, read_encrypted_json(store, keyring, f))
                for f in self.snapshot.by_dataset(CONTENT)
                if f.path.endswith("package.sealed")
            ]
        return self._packages

    def write_once(
        self, key: tuple[object, ...], write: Callable[[], FileEntry | None]
    ) -> list[FileEntry]:
        """Return the file that `write` writes, if it does; one that was written on an earlier state
        is kept.
        """
        if key not in self.small:
            self.small[key] = write()
        file = self.small[key]
        return [file] if file else []
