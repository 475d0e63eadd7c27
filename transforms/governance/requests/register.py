"""The register of requests: events that are appended and never changed, and the state that they
lead to.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pyarrow.parquet as pq

from callveil.schemas.arrow import SUBJECT_REQUEST_EVENT_SCHEMA
from callveil.schemas.errors import UserError
from callveil.schemas.fields import ListOf
from callveil.schemas.json_types import JsonObject, Row
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.subject import (
    EVENT_FIELDS,
    REGISTER_FIELDS,
    TERMINAL,
    Pause,
    RegisterEvent,
    SubjectRequest,
    register_entry,
)
from callveil.transforms.governance.requests.publish import (
    files_by_request,
    publish_changes,
    request_run_id,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.tokens import TokenKeys, make_call_token
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.tables.parquet import Table, publish_records, register_table

EVENTS = register_table(
    Table(
        "subject_requests",
        SUBJECT_REQUEST_EVENT_SCHEMA,
        EVENT_FIELDS,
        doc="A step of a data subject's request. Steps are appended and never changed.",
        key=("request_id", "event_id"),
        partition_by=("request",),
    )
)
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_OPENING = (
    "request_id",
    "regulation",
    "type",
    "channel",
    "zone",
    "calendar",
    "received_at",
    "clock_start_at",
)
"""What a request is, which no later event changes."""
_STATE = tuple(
    f
    for f in EVENT_FIELDS
    if f.name in SubjectRequest.__dataclass_fields__ and f.name not in _OPENING
)
"""What events say of a request's state, under the same names."""


class RegisterError(UserError, ValueError):
    """A request that is not there, or that cannot take the step that was asked for; the text says
    what is wrong and the way out.
    """


@dataclass(frozen=True)
class RequestRegister:
    """The register of a store. It remembers the events it has read: their files never change.

    Attributes:
        store: where it lies.
        keyring: conceals free texts.
        login: login name of whoever enters steps; empty where it is not known.
    """

    store: Store
    keyring: Keyring
    login: str = ""
    _read: dict[str, list[RegisterEvent]] = field(default_factory=dict, repr=False, compare=False)
    _bound: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def requests(self, snapshot: Snapshot | None = None) -> dict[str, SubjectRequest]:
        """Return every request by id, in order."""
        snapshot = snapshot or self.store.current()
        return {
            request_id: replay_events(self._events(files))
            for request_id, files in sorted(files_by_request(snapshot, EVENTS.name).items())
        }

    def events(self, request_id: str, snapshot: Snapshot | None = None) -> list[RegisterEvent]:
        """Return a request's events in order; empty where there is none."""
        files = files_by_request(snapshot or self.store.current(), EVENTS.name)
        return self._events(files.get(request_id, ()))

    def get(self, request_id: str, snapshot: Snapshot | None = None) -> SubjectRequest:
        """Return one request. Raises `RegisterError` where there is none."""
        events = self.events(request_id, snapshot)
        if not events:
            raise RegisterError(
                f"request {request_id}: not in the register; `callveil subject status` lists what "
                "is"
            )
        return replay_events(events)

    def _events(self, files: Iterable[FileEntry]) -> list[RegisterEvent]:
        rows: list[RegisterEvent] = []
        for file in files:
            if file.path not in self._read:
                with self.store.files.open(self.store.url(file.path)) as source:
                    stored = pq.ParquetFile(source).read(use_threads=False)
                self._read[file.path] = stored.to_pylist()
                told = self._read[file.path]
                self._bound.update({r["request_id"]: r["account"] for r in told if r["account"]})
            rows += (row.copy() for row in self._read[file.path])
        return sorted(rows, key=lambda r: (r["seq"], r["event_id"]))

    def conceal(self, request_id: str, text: str) -> str:
        """Free text as a reversible token, which `callveil reveal --interaction REQUEST` opens."""
        return (
            make_call_token("REASON", text, TokenKeys.of(self.keyring), "", request_id)
            if text
            else ""
        )

    def row(
        self,
        request_id: str,
        event: str,
        at: dt.datetime,
        seq: int,
        values: Mapping[str, Any],
        now: dt.datetime,
    ) -> Row:
        """Return an event as it is stored, with the time of its entry; its id is a digest of what
        it says. Its account is that of the events that were read of its request.
        """
        row = {
            "request_id": request_id,
            "event": event,
            "at": at,
            "entered_at": now,
            "seq": seq,
            "login": self.login,
            **values,
        }
        digest = hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()
        account = values.get("account") or self._bound.get(request_id)
        return row | {"event_id": digest[:32], "account_id": account or None}

    def write(self, run_id: str, row: Mapping[str, Any], name: str = "event") -> FileEntry:
        """Write one event's file for a run that publishes it."""
        partition = {"request": row["request_id"]}
        path = data_path(EVENTS.name, partition, run_id, name)
        return publish_records(
            self.store.files, self.store.root, path, EVENTS, partition, [dict(row)]
        )

    def append(
        self,
        request_id: str,
        event: str,
        at: dt.datetime,
        now: dt.datetime,
        values: Mapping[str, Any],
        more: Any = None,
    ) -> RunManifest:
        """Publish one event.

        Args:
            at: when it happened, UTC. now: when it is entered.
            values: columns of the event.
            more: a function of run id and snapshot that writes what goes along with it and returns
                `RunChanges`.

        The same event again does nothing. Where another event came in between, it is `seq` that
        tells their order.
        """
        run_id = request_run_id(
            request_id,
            event,
            at.isoformat(),
            orjson.dumps(dict(values), option=orjson.OPT_SORT_KEYS).decode(),
        )

        def build(snapshot: Snapshot) -> RunChanges:
            extra: RunChanges = more(run_id, snapshot) if more else RunChanges()
            row = self.row(
                request_id, event, at, len(self.events(request_id, snapshot)) + 1, values, now
            )
            facts = ({"request_id": request_id, "event": event}, *extra.inputs)
            return RunChanges(
                (self.write(run_id, row, f"{snapshot.seq:08d}.event"), *extra.added),
                extra.removed,
                {f"event.{event}": 1, **extra.counts},
                facts,
            )

        return publish_changes(self.store, run_id, at, now, build)


def replay_events(events: Iterable[RegisterEvent]) -> SubjectRequest:
    """Return the state that events lead to, in order. What an event does not say stays as it was;
    nothing is derived from the time of looking.
    """
    request: SubjectRequest | None = None
    for row in events:
        said = _said(row)
        if row["event"] == "opened":
            opening: Mapping[str, Any] = row
            what = {n: opening[n] for n in _OPENING} | {"calendar": row["calendar"] or ""}
            request = SubjectRequest(**what, **said, events=1, entries=(register_entry(row),))
        elif request is not None:
            request = _step(request, row, said)
    if request is None:
        raise RegisterError("a request without its opening; the register was restored in part")
    return request


def _said(row: Mapping[str, Any]) -> JsonObject:
    """Return what an event says of its request, lists as tuples."""
    given = {f: row[f.name] for f in _STATE if row.get(f.name) is not None}
    return {f.name: tuple(v) if isinstance(f.type, ListOf) else v for f, v in given.items()}


def _step(request: SubjectRequest, row: RegisterEvent, given: JsonObject) -> SubjectRequest:
    event = row["event"]
    status = request.status
    if event == "verified":
        given["identity_verified_at"], status = row["at"], "verified"
    elif event == "paused":
        given["pauses"], status = (
            (*request.pauses, Pause.since(row["at"], row.get("entered_at"), row["reason"] or "")),
            "on_hold",
        )
    elif event == "resumed":
        *before, last = request.pauses
        given["pauses"], status = (
            (*before, last.until(row["at"], row.get("entered_at"))),
            "verified" if request.identity_verified_at else "open",
        )
    elif event == "extended":
        given["extension_reason"] = row["reason"] or ""
    elif event in (
        "searched",
        "disclosed",
        "erased",
        "restricted",
        "lifted",
        "objected",
    ) and status in ("open", "verified"):
        status = "in_progress"
    elif event == "closed":
        status = TERMINAL[given["decision"]]
    if event in ("included", "excluded"):
        given["decisions"] = {**request.decisions, **dict.fromkeys(row["records"] or (), event)}
    if event in (
        "searched",
        "included",
        "excluded",
    ):  # what was approved is no longer what will be done
        given["approved_by"] = given["approved_login"] = ""
    elif event == "approved":
        given["approved_login"] = row.get("login") or ""
    if event in ("erased", "restricted", "lifted"):
        given["runs"] = (*request.runs, row["run_id"])
    elif event == "certified":
        given["runs"] = tuple(r for r in request.runs if r != row["run_id"])
    entries = (*request.entries, register_entry(row))
    return replace(request, **given, status=status, events=request.events + 1, entries=entries)


def register_row(request: SubjectRequest) -> Row:
    """Return a request as a row of the register; see `schemas.subject.REGISTER_FIELDS`."""
    pauses = [{"from": p.start, "to": p.end, "reason": p.reason} for p in request.pauses]
    derived = {"clock_pauses": pauses, "extended": request.extended_due_at is not None}
    own = {f.name: getattr(request, f.name) for f in REGISTER_FIELDS if f.name not in derived}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in own.items()} | derived
