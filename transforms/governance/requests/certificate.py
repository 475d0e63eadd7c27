"""The end of an erasure or restriction: everything purged, that checked, and the certificate
published with its register entry. Safe to repeat.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, cast

import msgspec
import orjson

from callveil.schemas.arrow import ERASURE_CERTIFICATE_SCHEMA
from callveil.schemas.erasure_certificate import FIELDS, ErasureCertificate
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.subject import SubjectRequest
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests import residual_scan
from callveil.transforms.governance.requests.controller import Controller, controller_of
from callveil.transforms.governance.requests.dead_letter_search import SearchTarget
from callveil.transforms.governance.requests.inbox_search import (
    BodyReader,
    erase_bodies,
)
from callveil.transforms.governance.requests.live_dead_letter_search import erase_live_rejections
from callveil.transforms.governance.requests.live_records import (
    erase_live,
    erase_markers,
    find_live,
    unlink_live,
    urls_held,
)
from callveil.transforms.governance.requests.lookups import StoreLookups
from callveil.transforms.governance.requests.publish import (
    publish_patiently,
    purge_pending,
    read_encrypted_json,
    request_files,
    request_run_id,
)
from callveil.transforms.governance.requests.register import RequestRegister
from callveil.transforms.governance.requests.unindexed import search_unindexed
from callveil.transforms.governance.requests.unlink import Unlinker
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.commit.maintenance import purged_name
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.kept_evidence import KeptEvidence
from callveil.transforms.storage.evidence.public_key import PublicKey, Signer
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import (
    SHORT_ID,
    Snapshot,
    data_path,
    manifest_name,
    sha256,
)
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.tables.parquet import Table, publish_records, register_table

CERTIFICATES = register_table(
    Table(
        "erasure_certificates",
        ERASURE_CERTIFICATE_SCHEMA,
        FIELDS,
        doc="That a person's rows of one kind were erased or set aside, signed. Where files were "
        "locked, another row follows once they are gone.",
        partition_by=("day",),
    )
)
MESSAGE = b"callveil erasure certificate 1\n"
_LATER = ("account_id", "entered_at")
"""Columns that came later: signed where they say something, so that older certificates hold."""
METHOD = (
    "search of the identifier index and of the live zone's markers by every confirmed identifier; "
    "byte search of all files the run wrote; live zone "
    "listed; rejected input, rejections of the live zone and inboxes opened and looked through, "
    "where they are not said to be left out"
)


class PackageFile(TypedDict):
    """An access package that was made of the person's data: its file, and that file's SHA-256."""

    path: str
    sha256: str


@dataclass(slots=True)
class ErasureWork:
    """Work left to do once an erasure is published, and facts needed for the check.

    Attributes:
        live: interactions whose folder in the live zone goes.
        unlink: `(account, interaction, role)` of those that stay without what leads to the person.
        stay: interactions that stay. kept: records that stay, of any class.
        tokens, rejected: digests of identifiers that are the person's, and that are not.
        known: `(kind, value)` of the identifiers that are known in clear.
        keys, mentioned: interactions that are the person's own, and that mention them.
        rejections: of the live zone, by name. bodies: of webhooks, by URL. packages: with the
            person's data.
        inboxes: folders to be looked through once more; None where none are.
    """

    live: list[InteractionKey] = field(default_factory=list)
    unlink: list[tuple[str, str, str]] = field(default_factory=list)
    stay: list[InteractionKey] = field(default_factory=list)
    kept: list[RecordRef] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    known: list[tuple[str, str]] = field(default_factory=list, repr=False)
    keys: list[InteractionKey] = field(default_factory=list)
    mentioned: list[InteractionKey] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    packages: list[PackageFile] = field(default_factory=list)
    inboxes: tuple[str, ...] | None = None

    def target(self, controller: Controller) -> SearchTarget:
        """Return what is looked for of the person."""
        return SearchTarget(
            frozenset(self.tokens),
            tuple(Identifier(kind, value) for kind, value in self.known),
            frozenset(self.keys),
            frozenset(self.mentioned),
            frozenset(self.rejected),
            controller,
        )


class ErasureSeries(NamedTuple):
    """Records of one class and place that were dealt with in one way: a line of the certificate."""

    record_class: str
    location: str
    method: str
    retention_ground: str
    rows_matched: int
    rows_erased: int
    rows_retained: int


@dataclass(frozen=True)
class CertificationResult:
    """Outcome of finishing a request.

    Attributes:
        rows: certificate rows.
        versions_purged: object versions and delete markers removed.
        residual_hits: what the check still found.
        locked: `(url, version)` that a lock protects; the certificate is completed by a later run.
    """

    rows: tuple[ErasureCertificate, ...]
    versions_purged: int
    residual_hits: int
    locked: tuple[tuple[str, str], ...]


def certify_requests(
    register: RequestRegister,
    requests: Sequence[SubjectRequest],
    manifest: RunManifest,
    as_of: dt.datetime,
    now: dt.datetime,
) -> dict[str, CertificationResult]:
    """Finish one published run for the requests that it carried out and that are not certified yet;
    returns how it went, by request.
    """
    facts = {f["request_id"]: f for f in manifest.inputs if "series" in f}
    store, keyring = register.store, register.keyring
    snapshot = store.current()
    lookups = StoreLookups(store, snapshot)
    works = _works(store, keyring, snapshot, manifest.run_id, facts)
    open_: list[_Open] = []
    for request in requests:
        event = facts[request.request_id]["event"]
        work = works.get(request.request_id)
        tokens = request.tokens if event != "lifted" else ()
        controller = controller_of(store, request, snapshot, lookups.accounts())
        open_.append(_Open(request, event, work, tokens, controller))
    versions = {o.name: _purge_live(store, keyring, o, manifest.run_id) for o in open_}
    for package in (p for o in open_ if o.work for p in o.work.packages):
        Path(package["path"]).unlink(missing_ok=True)
    _, waiting = purge_pending(store, now)
    own = {store.url(f.path) for f in manifest.removed}
    locked = tuple(v for v in waiting if v[0] in own)
    record = store.url(purged_name(manifest.seq))
    is_purged = store.files.info(record) is not None
    purged = (
        sum(int(f["versions"]) for f in orjson.loads(store.files.read(record))["files"])
        if is_purged
        else 0
    )
    residual = _residual(store, keyring, manifest, [o for o in open_ if o.event != "lifted"])
    root = sha256(store.files.read(store.url(manifest_name(manifest.seq))))
    rows: dict[str, list[ErasureCertificate]] = {}
    for o in open_:
        series = msgspec.convert(facts[o.name]["series"], list[ErasureSeries]) or [
            ErasureSeries("interactions", "interactions", "none", "", 0, 0, 0)
        ]
        base = {
            "request_id": o.name,
            "account_id": o.request.account or None,
            "subject_ref": o.request.subject_ref,
            "scope": "erasure" if o.event == "erased" else "restriction",
            "versions_purged": purged + versions[o.name],
            "started_at": dt.datetime.fromisoformat(manifest.as_of),
            "entered_at": next(
                (
                    e.get("entered_at")
                    for e in register.events(o.name, snapshot)
                    if e.get("run_id") == manifest.run_id and e["event"] == o.event
                ),
                None,
            ),
            "completed_at": now if is_purged else None,
            "verification_method": METHOD,
            "residual_hits": residual.get(o.name, 0),
            "evidence_root_sha256": root,
            "signer_key_id": None,
            "signature": None,
        }
        which = (manifest.run_id,) if len(facts) == 1 else (manifest.run_id, o.name)
        rows[o.name] = [
            cast(
                ErasureCertificate,
                s._asdict()
                | base
                | {
                    "certificate_id": hashlib.sha256(repr((*which, s[:4])).encode()).hexdigest()[
                        :32
                    ]
                },
            )
            for s in series
        ]
    _publish(store, register, open_, manifest, rows, is_purged, as_of, now)
    if is_purged:
        purge_pending(
            store, now
        )  # what the certificate took out of the store: people's identifiers as they were given
    return {
        o.name: CertificationResult(
            tuple(rows[o.name]), purged + versions[o.name], residual.get(o.name, 0), locked
        )
        for o in open_
    }


@dataclass(frozen=True)
class _Open:
    """A request whose run is published and not certified yet.

    Attributes:
        event: what the run did for it. work: what is left to do; None where all is done.
        tokens: digests of the person's identifiers. controller: whose records were touched.
    """

    request: SubjectRequest
    event: str
    work: ErasureWork | None
    tokens: tuple[str, ...]
    controller: Controller

    @property
    def name(self) -> str:
        """The request's id."""
        return self.request.request_id


def shared_name(run_id: str, requests: Collection[str]) -> str:
    """Return the partition of what a run writes once for all its requests: the request, where there
    is one.
    """
    return next(iter(requests)) if len(requests) == 1 else f"batch-{run_id[:SHORT_ID]}"


def _work_files(snapshot: Snapshot, run_id: str, requests: Collection[str]) -> list[FileEntry]:
    """Live files of what is left to do of a published run."""
    return [
        f
        for f in request_files(snapshot, shared_name(run_id, requests), "work")
        if f.path.rsplit("/", 1)[1].startswith(run_id[:SHORT_ID])
    ]


def _works(
    store: Store, keyring: Keyring, snapshot: Snapshot, run_id: str, requests: Collection[str]
) -> dict[str, ErasureWork]:
    """Return what is left to do of a published run, by request."""
    for file in _work_files(snapshot, run_id, requests):
        found = read_encrypted_json(store, keyring, file)
        if len(requests) == 1:
            return {name: msgspec.convert(found, ErasureWork) for name in requests}
        return msgspec.convert(found, dict[str, ErasureWork])
    return {}


def _purge_live(store: Store, keyring: Keyring, request: _Open, run_id: str) -> int:
    """Purge what lies outside the catalog; returns object versions removed.

    A restriction leaves the markers: by them what it brings back is found.
    """
    work, controller = request.work, request.controller
    if work is None:
        return 0
    live = Live(store.files, store.root)
    versions = erase_live(live, work.live)
    if request.event == "erased":
        looking = work.target(controller)
        reader = BodyReader(keyring, looking, work.stay)
        unlinker = Unlinker(keyring, request.tokens, looking.known)
        versions += sum(
            unlink_live(live, InteractionKey(a, i), role, unlinker, run_id)
            for a, i, role in work.unlink
        )
        versions += erase_live_rejections(live, work.rejections)
        versions += erase_bodies(store.files, live, keyring, reader, work.bodies)
        versions += erase_markers(
            live, keyring, work.live, request.tokens, work.stay, controller.holds
        )
    return versions


def _residual(
    store: Store, keyring: Keyring, manifest: RunManifest, requests: Sequence[_Open]
) -> dict[str, int]:
    """Return what is still found of each request's person: records that the index leads to and no
    ground keeps, identifiers in files the run wrote, and what the live zone has.

    After an erasure, what was never read into a dataset is opened and looked through once more.
    """
    snapshot = store.current()
    present = {f.path for f in snapshot.files}
    written = [f for f in manifest.added if f.path in present and not f.path.endswith(".sealed")]
    forms = {
        r.name: residual_scan.identifier_bytes((r.work or ErasureWork()).target(r.controller).known)
        for r in requests
    }
    hits = residual_scan.count_byte_hits(store, written, {f for own in forms.values() for f in own})
    entries = StoreLookups(store, snapshot).entries(t for r in requests for t in r.tokens)
    out: dict[str, int] = {}
    for request in requests:
        work, holds = request.work or ErasureWork(), request.controller.holds
        looking, zone = work.target(request.controller), Live(store.files, store.root)
        found = {e.record for t in request.tokens for e in entries[t] if holds(e.account_id)} - set(
            work.kept
        )
        left = sum(bool(urls_held(zone, k)) for k in work.live)
        if request.event == "erased":
            arrived = find_live(store.files, store.root, request.tokens)
            left += len({k for k in arrived if holds(k.account_id)} - set(work.stay))
            if work.inboxes is not None:
                unread = search_unindexed(
                    store, keyring, snapshot, looking, Inboxes(work.inboxes), work.stay
                )
                left += sum(unread.counts().values())
        out[request.name] = len(found) + left + sum(hits[f] for f in forms[request.name])
    return out


def _publish(
    store: Store,
    register: RequestRegister,
    requests: Sequence[_Open],
    manifest: RunManifest,
    rows: Mapping[str, list[ErasureCertificate]],
    is_purged: bool,
    as_of: dt.datetime,
    now: dt.datetime,
) -> None:
    names = [f["request_id"] for f in manifest.inputs if "series" in f]
    which = (r.name for r in requests) if len(names) > 1 else ()
    run_id = request_run_id(manifest.run_id, "certified", is_purged, *which)
    signer = open_signer(store.keyring)

    signed: dict[str, FileEntry] = {}
    entered: dict[tuple[str, int], FileEntry] = {}

    def build(snapshot: Snapshot, _: KeptEvidence) -> RunChanges:
        before = _last(snapshot)
        if before not in signed:
            stamped = [
                sign_certificate(r | {"previous_sha256": before}, signer)
                for request in requests
                for r in rows[request.name]
            ]
            partition = {"day": as_of.date().isoformat()}
            digest = hashlib.sha256()
            for one in stamped:
                digest.update(repr(one).encode())
            name = f"{snapshot.seq + 1:08d}.{digest.hexdigest()[:8]}"
            path = data_path(CERTIFICATES.name, partition, run_id, name)
            signed[before] = publish_records(
                store.files, store.root, path, CERTIFICATES, partition, stamped
            )
        added, removed = [signed[before]], list[FileEntry]()
        for request in requests if is_purged else ():
            number = len(register.events(request.name, snapshot)) + 1
            if (request.name, number) not in entered:
                values = {"run_id": manifest.run_id}
                row = register.row(request.name, "certified", as_of, number, values, now)
                entered[request.name, number] = register.write(
                    run_id, row, f"{snapshot.seq:08d}.event"
                )
            added.append(entered[request.name, number])
            removed += [
                f for f in request_files(snapshot, request.name) if _is_done_with(f, request.event)
            ]
        if is_purged:
            removed += _work_files(snapshot, manifest.run_id, names)
        return RunChanges(
            tuple(added),
            tuple(removed),
            {"certificates": signed[before].rows},
            tuple({"request_id": r.name, "event": "certified"} for r in requests),
        )

    publish_patiently(store, run_id, as_of, now, build)


def certificate_message(row: Mapping[str, Any]) -> bytes:
    """Return what is signed of a certificate: all of it but the signature, in one form."""
    names = (
        f.name
        for f in FIELDS
        if f.name != "signature" and (f.name not in _LATER or row.get(f.name))
    )
    return MESSAGE + orjson.dumps(
        {n: row.get(n) for n in names}, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
    )


def sign_certificate(row: ErasureCertificate, signer: Signer) -> ErasureCertificate:
    """Return a certificate with the signature of the key that signs the store's evidence."""
    named = row | {"signer_key_id": signer.public.id}
    digest = hashlib.sha256(certificate_message(named)).digest()
    return named | {"signature": base64.b64encode(signer.sign(digest)).decode()}


def is_certificate_signed(row: ErasureCertificate, key: PublicKey) -> bool:
    """Tell whether a certificate, as read from the store, bears the signature of a key."""
    return key.is_valid(
        hashlib.sha256(certificate_message(row)).digest(), base64.b64decode(row["signature"] or "")
    )


def _is_done_with(file: FileEntry, event: str) -> bool:
    """Tell whether a sealed file of the request is no longer needed: after an erasure none that
    names the person is.
    """
    return event == "erased" and file.path.endswith(("identity.sealed", "match.sealed"))


def _last(snapshot: Snapshot) -> str:
    """SHA-256 of the certificates that were published last, or an empty text."""
    files = snapshot.by_dataset(CERTIFICATES.name)
    return (
        max(files, key=lambda f: f.path.rsplit("/", 1)[1].split("-", 1)[1]).sha256 if files else ""
    )
