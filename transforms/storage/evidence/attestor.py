"""The attestor of a run: commits to its files and rows, and signs.

The store calls it whenever a run is published, in this order: `prepare` before the commit, which
also checks the files against their entries; `attest` between the commit and the moment readers see
the run, so the files that the run replaces are still there and no run is ever visible without its
record. Killed in between, whoever finishes the run does it again: salts are drawn anew, the record
is created with if-none-match, and what the losing attempt wrote is purged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from callveil.schemas.evidence import FileProof, RunDigest
from callveil.schemas.json_types import JsonObject
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.execution.worker_pool import spread_work
from callveil.transforms.storage.evidence.canonical_rows import (
    RowsError,
    read_canonical_rows,
    row_bytes,
)
from callveil.transforms.storage.evidence.file_commitments import (
    Committed,
    MappingError,
    PreparedEvidence,
    ReplacedFile,
    commit_to,
    commit_to_rewrite,
    open_data_file,
)
from callveil.transforms.storage.evidence.kept_evidence import evidence_of
from callveil.transforms.storage.evidence.proofs import (
    Proofs,
    proofs_name,
)
from callveil.transforms.storage.evidence.public_key import EvidenceKeyError, Signer
from callveil.transforms.storage.evidence.salt_store import SaltStore, encode_sections, salts_name
from callveil.transforms.storage.evidence.salts import FileSalts
from callveil.transforms.storage.evidence.signed_record import (
    EVIDENCE,
    IDENTITY,
    PULLS,
    SEALS,
    RecordError,
    SignedRecord,
    handover_path,
    parse_record,
    read_handovers,
    record_name,
    sign_record,
)
from callveil.transforms.storage.evidence.signing_keys import KMS_SCHEME, key_path, open_signer
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.format1.snapshot import (
    CONTROL,
    Snapshot,
    StoreError,
    snapshot_bytes,
    snapshot_name,
)
from callveil.transforms.storage.iceberg.commit_record import TableCommit, run_of_metadata
from callveil.transforms.storage.tables.key_index import origin_of
from callveil.transforms.storage.tables.parquet import TABLES
from callveil.transforms.storage.tables.rewrite import RowChanges

AT_ONCE = 16
"""Files that are looked at beside each other."""


def digest_body(digest: RunDigest) -> JsonObject:
    """Return the members of a run's record; one of a store without tables has none of them."""
    body: JsonObject = msgspec.to_builtins(digest)
    return body if digest.tables else {k: v for k, v in body.items() if "table" not in k}


class AttestedStore(Protocol):
    """Interface an attestor needs of the store it makes evidence for."""

    files: Files
    root: str

    def url(self, path: str) -> str:
        """Return the URL of a path below the root."""

    def current(self) -> Snapshot:
        """Return the newest published snapshot."""


class Attestor:
    """Makes evidence for one store.

    Args:
        store: whose.
        keyring: path of the keyring beside which the key lies, or None for the default place; see
            `keys.key_path`.
    """

    def __init__(self, store: AttestedStore, keyring: str | None = None) -> None:
        self._store, self._keyring = store, keyring
        self._salts = SaltStore(store.files, store.root)

    # Before the commit

    def ready(self, seq: int, folder: str = EVIDENCE) -> tuple[Signer, str, list[dict[str, str]]]:
        """Return what signs record number `seq`, the digest of the record before it (empty for the
        first), and handovers where the key changed.

        Raises `StoreError` where the key cannot be used, is another than the chain's, or the record
        before is missing.
        """
        try:
            before = self._before(seq, folder)
            known = before or self._beside(folder)
            signer = open_signer(self._keyring, create=known is None)
            if known is None:
                return signer, "", []
            steps = handover_path(self._handovers(), known.key.id, signer.public.id)
        except EvidenceKeyError as error:
            raise StoreError(f"evidence cannot be signed: {error}") from None
        except RecordError as error:
            raise StoreError(
                f"{self._store.url(record_name(seq - 1, folder))}: {error}. Restore it; `callveil "
                "evidence verify` tells more"
            ) from None
        if steps is None:
            raise StoreError(
                f"evidence of this store is signed with key {known.key.id}, and the key given is "
                f"{signer.public.id}. "
                "Use the keyring (or CALLVEIL_EVIDENCE_KEY) it was made with; to change keys: "
                "callveil evidence key --rotate"
            )
        return signer, before.sha256 if before else "", steps

    def signed(self, kind: str, body: JsonObject, seq: int) -> bytes:
        """Return a signed record that belongs to run number `seq` without being a link of the
        chain, such as that of purging.

        Raises `StoreError` as `ready` does.
        """
        signer, _, _ = self.ready(seq + 1)
        return sign_record({"kind": kind, "previous_sha256": ""} | body, signer, [])

    def append(self, folder: str, kind: str, body: JsonObject) -> int:
        """Add a record to a chain of its own below `folder`, such as that of reports that were
        pulled; returns its number.

        Raises `StoreError` as `ready` does.
        """
        while True:
            seq = self.newest(folder) + 1
            if self.link(folder, kind, body, seq):
                return seq

    def link(self, folder: str, kind: str, body: JsonObject, seq: int) -> bool:
        """Add a record to a chain of its own as number `seq`; False where another process was
        faster.

        Raises `StoreError` as `ready` does.
        """
        signer, previous, handovers = self.ready(seq, folder)
        record = sign_record(
            {"kind": kind, "previous_sha256": previous, "seq": seq} | body, signer, handovers
        )
        try:
            self._store.files.write(
                self._store.url(record_name(seq, folder)), record, if_none_match=True
            )
        except PreconditionFailed:
            return False
        return True

    def newest(self, folder: str) -> int:
        """Number of the newest record of a chain of its own; 0 where there is none. Looks at as
        many names as the number has binary digits, twice.
        """
        known, unknown = 0, 1
        while self._is_there(unknown, folder):
            known, unknown = unknown, unknown * 2
        while unknown - known > 1:
            middle = (known + unknown) // 2
            known, unknown = (
                (middle, unknown) if self._is_there(middle, folder) else (known, middle)
            )
        return known

    def _is_there(self, seq: int, folder: str) -> bool:
        return self._store.files.info(self._store.url(record_name(seq, folder))) is not None

    def destroy_salts(self, paths: Iterable[str], live: Iterable[str]) -> int:
        """Destroy the salts of files that are gone; returns how many object versions were purged.
        Safe to repeat.
        """
        return SaltStore(self._store.files, self._store.root).destroy(paths, live)

    def signer_leads_from(self, known: str, public: str) -> bool:
        """Tell whether key `public` is key `known`, or one that it handed over to."""
        return handover_path(self._handovers(), known, public) is not None

    def _is_path(self) -> bool:
        return not key_path(self._keyring).startswith(("-----BEGIN", KMS_SCHEME))

    def _handovers(self) -> list[dict[str, str]]:
        return read_handovers(Path(key_path(self._keyring)).parent) if self._is_path() else []

    def _before(self, seq: int, folder: str) -> SignedRecord | None:
        if seq == 1:
            return None
        url = self._store.url(record_name(seq - 1, folder))
        try:
            return parse_record(self._store.files.read(url))
        except FileNotFoundError:
            if any(
                f.url.endswith(".json") and f.url < url
                for f in self._store.files.list(self._store.url(folder))
            ):
                raise StoreError(
                    f"{url}: missing, although earlier records are there; evidence must never be "
                    "deleted. Restore it"
                ) from None
            return None  # a store from before evidence was kept

    def _beside(self, folder: str) -> SignedRecord | None:
        """Return the newest record of another chain of the store, for the first of this one: one
        key signs them all.
        """
        for name in {EVIDENCE, SEALS, PULLS, IDENTITY} - {folder}:
            newest = self._store.current().seq if name == EVIDENCE else self.newest(name)
            for seq in range(
                newest, max(newest - 2, 0), -1
            ):  # the newest run may not have its record yet
                if self._is_there(seq, name):
                    return parse_record(
                        self._store.files.read(self._store.url(record_name(seq, name)))
                    )
        return None

    def prepare(self, manifest: RunManifest) -> PreparedEvidence:
        """Read a run's files and commit to their rows, by the run's worker processes where it has
        some; nothing is written.

        Raises `StoreError` where a file is missing, or not as its entry says.
        """
        out, kept = PreparedEvidence(), evidence_of(manifest.run_id)
        old = {(e.dataset, origin_of(e.path)): e for e in manifest.removed}
        added = [(e, old.get((e.dataset, origin_of(e.path)))) for e in sorted(manifest.added)]
        fresh = [pair for pair in added if pair not in kept.committed]
        self._require_there(entry for entry, before in added if (entry, before) in kept.committed)
        # Those that replace others are read here: the salts of these are read once for all of them.
        pieces = [(e, e.dataset in TABLES) for e, before in fresh if before is None]
        new = spread_work(
            manifest.run_id, partial(commit_to, self._store.files, self._store.root), pieces
        )
        for entry, before in fresh:
            kept.committed[entry, before] = (
                self._file(entry, before, kept.changes.pop(entry.path, None))
                if before
                else next(new)
            )
        for pair in added:
            out.add(kept.committed[pair])
        return out

    def _require_there(self, entries: Iterable[FileEntry]) -> None:
        """Refuse files that were read on an earlier attempt and are gone or replaced since. Raises
        `StoreError`.
        """
        files = self._store.files
        urls = {self._store.url(e.path): e for e in entries}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for (url, entry), info in zip(urls.items(), pool.map(files.info, urls), strict=True):
                if info is None or info.size != entry.bytes:
                    raise StoreError(
                        f"{url}: missing, or changed since it was written. Run the job again"
                    )

    def _file(
        self, entry: FileEntry, old: FileEntry | None, changes: RowChanges | None = None
    ) -> Committed:
        files, root, is_table = self._store.files, self._store.root, entry.dataset in TABLES
        if old and is_table and changes and (known := self._told(old, changes)):
            with suppress(MappingError):
                return commit_to_rewrite(files, root, entry, known)
        known_rows = self._old(old) if old and is_table else None
        return commit_to(
            files, root, entry, is_table, (old, *known_rows) if old and known_rows else None
        )

    def _told(self, old: FileEntry, changes: RowChanges) -> ReplacedFile | None:
        """Return what is known of a replaced file whose changed rows the rewrite has told; None
        where its evidence cannot be used.
        """
        salts, root = self._salts.read(old.path), self._salts.signed_root(old.path)
        if salts is None or not root or sum(n for _, _, n in salts.spans) != old.rows:
            return None
        rows = [row for batch in changes.rows() for row in row_bytes(batch)]
        return ReplacedFile(old, salts, root, changes.places, changes.dropped, rows)

    def _old(self, old: FileEntry) -> tuple[FileSalts, list[bytes]] | None:
        """Return salts and rows of a replaced file; None where it is gone already, or from before
        evidence was kept.
        """
        salts = self._salts.read(old.path)
        if salts is None:
            return None
        try:
            with open_data_file(self._store.files, self._store.url(old.path), old.bytes) as source:
                rows = list(read_canonical_rows(source))
                return (salts, rows) if len(rows) == sum(n for _, _, n in salts.spans) else None
        except (FileNotFoundError, RowsError):
            return None

    # Between the commit and the pointer

    def attest(
        self,
        manifest: RunManifest,
        snapshot: Snapshot,
        prepared: PreparedEvidence | None = None,
        commit_tables: Callable[[], TableCommit] | None = None,
    ) -> Mapping[str, str]:
        """Sign a committed run, and return the metadata file of each table that its record names.
        Nothing is done where its record is there.

        Args:
            commit_tables: writes the metadata that the run gives the tables; None: none.

        Raises `StoreError` as `ready` and `prepare` do.
        """
        store, name = self._store, record_name(manifest.seq)
        if store.files.info(store.url(name)) is not None:
            return self._signed_tables(name)
        try:
            tables = commit_tables() if commit_tables else TableCommit({}, {})
        except Exception:  # whatever comes of metadata that who was faster has purged
            if store.files.info(store.url(name)) is None:
                raise
            return self._signed_tables(name)
        signer, previous, handovers = self.ready(manifest.seq)
        prepared = prepared or self._again(manifest)
        proofs = Proofs(
            prepared.details, {path: detail for path, (_, detail) in prepared.rewrites.items()}
        )
        data = proofs.encode() if prepared.details else b""
        policy = f"{CONTROL}/policies/{manifest.policy_sha256}.yaml"
        digest = RunDigest(
            manifest.seq,
            manifest.run_id,
            manifest.job,
            manifest.as_of,
            snapshot.manifest_sha256,
            snapshot_name(snapshot),
            hashlib.sha256(snapshot_bytes(snapshot)).hexdigest(),
            policy if store.files.info(store.url(policy)) else "",
            tuple(prepared.files),
            tuple({"path": f.path, "sha256": f.sha256} for f in sorted(manifest.removed)),
            tuple(r for _, (r, _) in sorted(prepared.rewrites.items())),
            proofs_name(manifest.seq, data) if data else "",
            hashlib.sha256(data).hexdigest() if data else "",
            0 if previous else manifest.seq - 1,
            self._identity(),
            dict(tables.tables),
            tuple({"path": p, "sha256": d} for p, d in sorted(tables.written.items())),
        )
        salts = encode_sections({p: s.encode() for p, s in prepared.salts.items()})
        mine = (
            [store.url(salts_name(manifest.run_id, manifest.seq, salts)), store.url(digest.proofs)]
            if data
            else []
        )
        if data:
            store.files.write(mine[0], salts)
            store.files.write(mine[1], data)
        record = sign_record(
            {"kind": "run", "previous_sha256": previous} | digest_body(digest),
            signer,
            handovers,
        )
        try:
            store.files.write(store.url(name), record, if_none_match=True)
        except PreconditionFailed:
            if store.files.read(store.url(name)) != record:
                for url in [*mine, *map(store.url, tables.written)]:
                    store.files.purge(url)
                return self._signed_tables(name)
        self._clear(manifest, mine)
        self._clear_tables(manifest.seq, tables)
        return tables.tables

    def _clear_tables(self, seq: int, tables: TableCommit) -> None:
        """Purge metadata that killed attempts at the same run have left."""
        for folder in sorted({path.rpartition("/")[0] for path in tables.written}):
            for info in list(self._store.files.list(self._store.url(folder))):
                path = f"{folder}/{info.url.rpartition('/')[2]}"
                if run_of_metadata(path) == seq and path not in tables.written:
                    self._store.files.purge(info.url)

    def _signed_tables(self, name: str) -> Mapping[str, str]:
        try:
            record = parse_record(self._store.files.read(self._store.url(name)))
        except RecordError as error:
            raise StoreError(f"{self._store.url(name)}: {error}. Restore it") from None
        return dict(record.body.get("tables", {}))

    def _identity(self) -> str:
        """Return the digest of the newest record of whose the store is."""
        seq, files = self.newest(IDENTITY), self._store.files
        return (
            hashlib.sha256(files.read(self._store.url(record_name(seq, IDENTITY)))).hexdigest()
            if seq
            else ""
        )

    def _again(self, manifest: RunManifest) -> PreparedEvidence:
        """Prepare a run that another process committed. Files that a later run has removed since
        are left without proofs of their rows.
        """
        out = PreparedEvidence()
        old = {(e.dataset, origin_of(e.path)): e for e in manifest.removed}
        for entry in sorted(manifest.added):
            try:
                out.add(self._file(entry, old.get((entry.dataset, origin_of(entry.path)))))
            except StoreError:
                out.files.append(
                    FileProof(entry.path, entry.dataset, entry.rows, entry.bytes, entry.sha256)
                )
        return out

    def _clear(self, manifest: RunManifest, mine: list[str]) -> None:
        """Purge what attempts that were killed before they signed have left."""
        if not manifest.added:
            return
        for folder, begin in (
            (EVIDENCE, f"{manifest.seq:08d}-"),
            (f"{CONTROL}/salts", f"{manifest.run_id[:16]}-"),
        ):
            start = self._store.url(f"{folder}/{begin}")
            for info in list(self._store.files.list(self._store.url(folder))):
                if info.url.startswith(start) and info.url not in mine:
                    self._store.files.purge(info.url)
