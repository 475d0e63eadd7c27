"""The catalog of a store: which files are live, and how a run publishes its own.

Layout below the root:

    _callveil/store.json                     format version
    _callveil/manifests/<seq>.json           what each run read, decided and published; a hash chain
    _callveil/snapshots/<seq>-<sha>.json.zst all live files after a run
    _callveil/latest.json                    pointer to the snapshot that readers use
    _callveil/runs/<run id>.json             position of each published run
    _callveil/work/<run id>/...              lease and working files of a run under way
    _callveil/purged/<seq>.json              proof that the files a run removed are gone, in every version
    _callveil/evidence/<seq>.json            signed record of each run; see `callveil.transforms.storage.evidence`
    _callveil/identity/<seq>.json            signed record of whose the store is; see `callveil.transforms.storage.checkpoints.store_identity`
    _callveil/salts/...                      salts of rows, destroyed with them
    <dataset>/<key>=<value>/.../<run>-<name> data
    <dataset>/metadata/...                   the dataset as an Iceberg table; see `callveil.transforms.storage.iceberg`

Why publishing can be killed anywhere. The commit is one atomic step: creating
`manifests/<seq>.json` with if-none-match. Its name holds the number alone, so of all runs that want
a number exactly one gets it.

- Before it, nothing a reader looks at has changed. Data files and the snapshot lie there under
  names of this run alone; a repetition writes the same bytes to the same names, and other runs
  never use them.
- After it, the run is complete: its files were verified before, and the snapshot it leads to is a
  function of the pointer's snapshot and the manifest. So anybody can finish: `recover` finds a
  manifest one ahead of the pointer, verifies its files again, writes the snapshot and swaps the
  pointer, then looks for the next one. Opening a store for writing and publishing both begin with
  it, so a run that was killed here is finished by whoever comes next.
- The pointer only moves forward: it is swapped with if-match, and a swap that fails is tried again
  only while the pointer is behind. Two recoveries at once write the same bytes.
- A run's marker below `runs/` is written after the swap. If that is missed, the pointer itself
  names the run, and `recover` writes the marker before anything else is published; so every
  published run is found by one or the other.
- Until the pointer moves, readers see the snapshot before: a whole run or none.
- The signed record is made between the commit and the pointer, by the run or by whoever finishes
  it: no run is seen without. It names the metadata that the run gives the Iceberg tables, which are
  written just before it, and the pointer takes them from there: all tables of a run become live by
  the one swap, and of two processes that finish it, one's metadata is used and the other's purged.
- What engines look for that know a table's folder alone (`version-hint.text`) is written after the
  swap and before the marker; who finds no marker writes it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import orjson

from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.storage.commit.known_heads import RUNS, ChainHead, remember_heads
from callveil.transforms.storage.evidence.attestor import Attestor
from callveil.transforms.storage.evidence.file_commitments import PreparedEvidence
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.files.urls import absolute_url
from callveil.transforms.storage.format1.snapshot import (
    CONTROL,
    LATEST_FILE,
    RUN_ID,
    STORE_FILE,
    STORE_FORMAT,
    AlreadyPublished,
    LatestPointer,
    PublishConflict,
    Snapshot,
    StoreError,
    manifest_bytes,
    manifest_name,
    parse_manifest,
    parse_snapshot,
    pointer_bytes,
    sha256,
    snapshot_bytes,
    snapshot_name,
    to_json,
)
from callveil.transforms.storage.iceberg.version_hint import write_version_hints

if TYPE_CHECKING:
    from callveil.transforms.storage.iceberg.commit_record import TableCommit

__all__ = ["AlreadyPublished", "PublishConflict", "Snapshot", "Store", "StoreError"]


class Store:
    """A store of published files at a local folder or an `s3://bucket/prefix`. Picklable; keeps no
    state of its own.

    Args:
        files: how to reach it.
        root: where it is. Use `open_or_create` (writing) or `open` (reading).
        keyring: path of the keyring beside which the key lies that signs what is published, or None
            for the default place.
    """

    def __init__(self, files: Files, root: str, keyring: str | None = None) -> None:
        self.files, self.root, self.keyring = files, root.rstrip("/") or "/", keyring

    @classmethod
    def open(cls, files: Files, root: str, keyring: str | None = None) -> Store:
        """Open an existing store, to read. Raises `StoreError` where there is none or a newer
        version wrote it.
        """
        store = cls(files, root, keyring)
        try:
            content = files.read(store.url(STORE_FILE))
        except FileNotFoundError:
            raise StoreError(
                f"{root}: there is no store here ({STORE_FILE} is missing); check the path, or run "
                "a job that creates one"
            ) from None
        try:
            found = orjson.loads(content)
        except ValueError:
            raise StoreError(f"{store.url(STORE_FILE)}: not JSON; the file is damaged") from None
        if not isinstance(found, dict) or found.get("format") != STORE_FORMAT:
            raise StoreError(
                f"{store.url(STORE_FILE)}: field format: not {STORE_FORMAT}; a newer callveil "
                "wrote the store, so use that one"
            )
        return store

    @classmethod
    def make(cls, files: Files, root: str, keyring: str | None = None) -> Store:
        """Open a store, making it where there is none."""
        store = cls(files, root, keyring)
        with suppress(PreconditionFailed):
            files.write(
                store.url(STORE_FILE), to_json({"format": STORE_FORMAT}), if_none_match=True
            )
        return cls.open(files, root, keyring)

    @classmethod
    def open_or_create(cls, files: Files, root: str, keyring: str | None = None) -> Store:
        """Open a store to write, making it where there is none, and finish what a killed run left
        between commit and pointer.
        """
        store = cls.make(files, root, keyring)
        store.recover()
        return store

    def attestor(self) -> Attestor:
        """Return what makes this store's evidence."""
        return Attestor(self, self.keyring)

    def url(self, path: str) -> str:
        """Return the URL of a path below the root."""
        return self.files.join(self.root, path)

    # Reading

    def tables(self) -> Mapping[str, str]:
        """Return the metadata file of each Iceberg table, below the root, as readers see them."""
        pointer, _ = self._pointer()
        return pointer.tables if pointer else {}

    def current(self) -> Snapshot:
        """Return the snapshot that the pointer names; an empty one where nothing was published.
        Raises `StoreError` where it is damaged.
        """
        pointer, _ = self._pointer()
        return self._snapshot(pointer) if pointer else Snapshot()

    def newest(self) -> int:
        """Number of the newest published run, 0 where there is none. Reads one small file."""
        pointer, _ = self._pointer()
        return pointer.seq if pointer else 0

    def head(self) -> ChainHead:
        """Number of the newest published run and the SHA-256 of its manifest; 0 and empty where
        there is none. Reads one small file.
        """
        pointer, _ = self._pointer()
        return ChainHead(pointer.seq, pointer.manifest_sha256) if pointer else ChainHead(0, "")

    def published(self, run_id: str) -> int | None:
        """Return the position of a published run, or None. Reads two small files, however long the
        history is.
        """
        pointer, _ = self._pointer()
        if pointer and pointer.run_id == run_id:
            return pointer.seq
        try:
            return int(orjson.loads(self.files.read(self.url(self._marker(run_id))))["seq"])
        except FileNotFoundError:
            return None

    def manifest(self, seq: int) -> RunManifest:
        """Manifest number `seq`. Raises `StoreError` where it is missing or damaged."""
        return self._read_manifest(seq)[0]

    def manifests(self, since: int = 1) -> Iterator[RunManifest]:
        """Published manifests in order, from number `since`. Raises `StoreError` where the hash
        chain is broken.
        """
        before = sha256(self.files.read(self.url(manifest_name(since - 1)))) if since > 1 else ""
        pointer, _ = self._pointer()
        for seq in range(since, (pointer.seq if pointer else 0) + 1):
            manifest, data = self._read_manifest(seq)
            if manifest.parent_sha256 != before:
                raise StoreError(
                    f"{self.url(manifest_name(seq))}: names another predecessor than the one "
                    "stored; one of the two was changed"
                )
            before = sha256(data)
            yield manifest
        if pointer and since <= pointer.seq and before != pointer.manifest_sha256:
            raise StoreError(
                f"{self.url(pointer.manifest)}: differs from what {LATEST_FILE} names; one of the "
                "two was changed"
            )

    def _read_manifest(self, seq: int) -> tuple[RunManifest, bytes]:
        url = self.url(manifest_name(seq))
        try:
            data = self.files.read(url)
            manifest = parse_manifest(data)
        except FileNotFoundError:
            raise StoreError(
                f"{url}: missing, although a later run was published; manifests must never be "
                "deleted. Restore it"
            ) from None
        except ValueError:
            raise StoreError(
                f"{url}: not a run manifest of this version; it was changed or damaged. Restore it"
            ) from None
        if manifest.seq != seq:
            raise StoreError(
                f"{url}: field seq does not agree with the file's name; it was moved or changed"
            )
        return manifest, data

    def _pointer(self) -> tuple[LatestPointer | None, str]:
        """Return the pointer and its etag; the etag is taken first, so that a change in between
        makes the swap fail.
        """
        url = self.url(LATEST_FILE)
        info = self.files.info(url)
        if info is None:
            return None, ""
        try:
            return msgspec.json.decode(self.files.read(url), type=LatestPointer), info.etag
        except ValueError:
            raise StoreError(
                f"{url}: not a valid pointer; it was damaged. Restore it, or delete it to have it "
                "rebuilt from the manifests"
            ) from None

    def _snapshot(self, pointer: LatestPointer) -> Snapshot:
        url = self.url(pointer.snapshot)
        try:
            data = self.files.read(url)
        except FileNotFoundError:
            data = b""
        if sha256(data) != pointer.snapshot_sha256:
            raise StoreError(
                f"{url}: missing, or not what {LATEST_FILE} names. Delete {LATEST_FILE} to have "
                "both rebuilt from the manifests"
            )
        return parse_snapshot(data)

    @staticmethod
    def _marker(run_id: str) -> str:
        if not RUN_ID.fullmatch(run_id):
            raise ValueError("a run id must be a digest in lower-case hex, 16 digits or more")
        return f"{CONTROL}/runs/{run_id}.json"

    # Publishing

    def publish(self, manifest: RunManifest, base: Snapshot) -> Snapshot:
        """Publish a run whose files are written, and return the snapshot it leads to.

        Args:
            manifest: with `**base.chain()`; every added file must lie in the store as its entry
                says.
            base: the snapshot the run was planned on.

        Raises: `AlreadyPublished` where this run is there already; `PublishConflict` where another
            one came first;
        `StoreError` where an added file is missing or differs, or evidence cannot be signed;
        ValueError where the manifest does not fit on `base`. Killed anywhere, it can be repeated:
        see the module's text.
        """
        self._marker(manifest.run_id)
        snapshot = base.after(manifest)
        current = self.recover()
        self._refuse(manifest, base, current)
        attestor = self.attestor()
        attestor.ready(manifest.seq)
        prepared = attestor.prepare(manifest)
        self.files.write(self.url(snapshot_name(snapshot)), snapshot_bytes(snapshot))
        data = manifest_bytes(manifest)
        try:
            self.files.write(self.url(manifest_name(manifest.seq)), data, if_none_match=True)
        except PreconditionFailed:
            if (
                self.files.read(self.url(manifest_name(manifest.seq))) != data
            ):  # equal: an answer was lost, or our twin was faster
                self.files.delete(self.url(snapshot_name(snapshot)))
                self._refuse(manifest, base, self.recover())
                raise
        self._finish(manifest, snapshot, prepared)
        remember_heads(self, {RUNS: ChainHead(snapshot.seq, snapshot.manifest_sha256)})
        return snapshot

    def _refuse(self, manifest: RunManifest, base: Snapshot, current: Snapshot) -> None:
        seq = self.published(manifest.run_id)
        if seq is not None:
            raise AlreadyPublished(manifest.run_id, seq)
        if (current.seq, current.manifest_sha256) != (base.seq, base.manifest_sha256):
            raise PublishConflict(
                f"the store stands at run {current.seq}, this run was planned at {base.seq}: "
                "another was faster. Plan it again"
            )

    def recover(self) -> Snapshot:
        """Finish runs that were committed but not yet pointed to, and return the current snapshot.

        Raises `StoreError` where such a run's files are no longer what its manifest says.
        """
        while True:
            snapshot = self.current()
            url = self.url(manifest_name(snapshot.seq + 1))
            if self.files.info(url) is None:
                if snapshot.seq:
                    self._mark(snapshot)
                return snapshot
            manifest, _ = self._read_manifest(snapshot.seq + 1)
            try:
                following = snapshot.after(manifest)
            except ValueError as error:
                raise StoreError(
                    f"{url}: does not continue the history ({error}); it was changed, or the store "
                    "was restored in part"
                ) from None
            try:
                self._verify_added(manifest.added)
            except StoreError:
                if (
                    self.current().seq > snapshot.seq
                ):  # others were faster, and a later run may have removed those files since
                    continue
                if not self._removed_later(manifest):
                    raise
            self.files.write(self.url(snapshot_name(following)), snapshot_bytes(following))
            self._finish(manifest, following)

    def _removed_later(self, manifest: RunManifest) -> bool:
        """Tell whether each file that `manifest` added and that is gone was removed by a later run;
        so when a pointer is rebuilt from the manifests.
        """
        missing = {f for f in manifest.added if self.differs(f)}
        seq = manifest.seq + 1
        while missing and self.files.info(self.url(manifest_name(seq))) is not None:
            missing -= set(self._read_manifest(seq)[0].removed)
            seq += 1
        return not missing

    def differs(self, entry: FileEntry) -> str:
        """Return what is wrong with a stored file, or an empty text."""
        try:
            digest, size = self.files.sha256(self.url(entry.path))
        except FileNotFoundError:
            return "missing"
        return entry.differs(digest, size)

    def _verify_added(self, added: tuple[FileEntry, ...]) -> None:
        for entry in added:
            problem = self.differs(entry)
            if problem:
                raise StoreError(
                    f"{self.url(entry.path)}: {problem}; it was not written to its end, or changed "
                    "since. Run the job again"
                )

    def _finish(
        self, manifest: RunManifest, snapshot: Snapshot, prepared: PreparedEvidence | None = None
    ) -> None:
        """Write what a committed run leads to, sign it, and let readers see it.

        The marker comes before the pointer moves on, since then it alone says that this run is
        there.
        """
        pointer, _ = self._pointer()
        made: TableCommit | None = None

        def commit() -> TableCommit:
            nonlocal made
            from callveil.transforms.storage.iceberg.table_commit import commit_tables

            tables = pointer.tables if pointer else {}
            made = commit_tables(
                self.files,
                absolute_url(self.root),
                manifest.seq,
                tables,
                snapshot.files,
                manifest.added,
                manifest.removed,
            )
            return made

        tables = self.attestor().attest(manifest, snapshot, prepared, commit)
        self._advance(snapshot, tables)
        self._mark(snapshot, made.obsolete if made and made.tables == tables else None)

    def _advance(self, snapshot: Snapshot, tables: Mapping[str, str]) -> None:
        """Move the pointer to `snapshot` and its tables unless it is there or beyond."""
        path = snapshot_name(snapshot)
        target = LatestPointer(
            snapshot.seq,
            snapshot.run_id,
            snapshot.manifest,
            snapshot.manifest_sha256,
            path,
            sha256(snapshot_bytes(snapshot)),
            dict(tables),
        )
        while True:
            pointer, etag = self._pointer()
            if pointer and pointer.seq >= snapshot.seq:
                return
            try:
                self.files.write(
                    self.url(LATEST_FILE),
                    pointer_bytes(target),
                    if_none_match=pointer is None,
                    if_match=etag if pointer else None,
                )
                return
            except PreconditionFailed:
                continue

    def _mark(self, snapshot: Snapshot, obsolete: Iterable[str] | None = None) -> None:
        """End a published run: what engines without a catalog go by, and what its tables no longer
        need; then its marker, which says that this is done.

        Args:
            obsolete: metadata that nothing leads to any more; None: found by listing.
        """
        url = self.url(self._marker(snapshot.run_id))
        if self.files.info(url) is not None:
            return
        pointer, _ = self._pointer()
        if pointer and pointer.tables:
            write_version_hints(self.files, self.root, pointer.tables)
            for path in self.unreachable_metadata() if obsolete is None else obsolete:
                self.files.purge(self.url(path))
        self.files.write(url, to_json({"run_id": snapshot.run_id, "seq": snapshot.seq}))

    def unreachable_metadata(self) -> list[str]:
        """Return paths of metadata files of tables that nothing leads to, and that no run is about
        to publish.
        """
        from callveil.transforms.storage.iceberg.table_commit import find_unreachable

        pointer, _ = self._pointer()
        if pointer is None:
            return []
        return find_unreachable(self.files, absolute_url(self.root), pointer.tables, pointer.seq)
