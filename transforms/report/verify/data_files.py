"""Checking data files: bytes, rows, and that rows which retention or erasure left are the ones that
were first written.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Mapping

import orjson

from callveil.schemas.evidence import FileProof, RunDigest
from callveil.schemas.json_types import JsonObject
from callveil.schemas.manifest import RunManifest
from callveil.transforms.storage.evidence.canonical_rows import (
    HINT_BYTES,
    RowsError,
    describe_changed_rows,
    read_canonical_rows,
)
from callveil.transforms.storage.evidence.checksums import ByteChange, locate_changes, unpack_sums
from callveil.transforms.storage.evidence.merkle import leaf_hash, root_hash
from callveil.transforms.storage.evidence.problem import ProblemCollector
from callveil.transforms.storage.evidence.proofs import FileDetail, Proofs, RewriteDetail
from callveil.transforms.storage.evidence.salt_store import section_sha256
from callveil.transforms.storage.evidence.salts import FileSalts
from callveil.transforms.storage.evidence.signed_record import SALTS
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import LIVE
from callveil.transforms.storage.format1.snapshot import CONTROL, is_table_metadata, sha256


class FileCheck:
    """Checks a store's data files.

    Args:
        files, root, paths: the store, and what lies in it (path to size).
        digests, manifests: of runs, those that hold.
        found: gathers what is wrong.
    """

    def __init__(
        self,
        files: Files,
        root: str,
        paths: Mapping[str, int],
        digests: Mapping[int, RunDigest],
        manifests: Mapping[int, RunManifest],
        found: ProblemCollector,
    ) -> None:
        self._files, self._root, self._paths, self._found = files, root, paths, found
        self._digests, self._manifests = digests, manifests
        self.files_checked = self.rows_checked = 0
        self._proofs: dict[int, Proofs | None] = {}
        self._added: dict[str, FileProof] = {}
        self._seq: dict[str, int] = {}
        self._removed: dict[str, int] = {}
        self._follow()
        self._sections = self._read_salts()

    def _follow(self) -> None:
        """Live files and removed ones, by what is signed; where a record does not hold, by the
        manifest that the next one vouches for.
        """
        for seq in sorted({*self._digests, *self._manifests}):
            digest, manifest = self._digests.get(seq), self._manifests.get(seq)
            if digest:
                added, removed = list(digest.added), [f["path"] for f in digest.removed]
            elif manifest:
                added = [
                    FileProof(f.path, f.dataset, f.rows, f.bytes, f.sha256) for f in manifest.added
                ]
                removed = [f.path for f in manifest.removed]
            for proof in added:
                self._added[proof.path], self._seq[proof.path] = proof, seq
            self._removed |= dict.fromkeys(removed, seq)

    @property
    def live(self) -> dict[str, FileProof]:
        """Files that must be there."""
        return {p: f for p, f in self._added.items() if p not in self._removed}

    def _read_salts(self) -> dict[str, JsonObject]:
        """Return salts by data file: those that are signed. What is damaged, or should be
        destroyed, is named.
        """
        out: dict[str, JsonObject] = {}
        for path in sorted(p for p in self._paths if p.startswith(f"{SALTS}/")):
            data = self._files.read(self._files.join(self._root, path))
            if path.rsplit("-", 1)[-1] != f"{sha256(data)[:16]}.json":
                self._found.add(
                    path, "changed", "salts were changed: the digest in its name is that of others"
                )
                continue
            try:
                sections = dict(orjson.loads(data))
            except (ValueError, TypeError):
                sections = {}
            signed = {
                p
                for p, s in sections.items()
                if p in self._added and self._added[p].salts_sha256 == section_sha256(s)
            }
            known = {p for p in sections if p in self._added}
            if (
                sections
                and not signed
                and known
                and all(self._added[p].salts_sha256 for p in known)
            ):
                self._found.note(path, "left", "salts of an attempt that was killed")
                continue
            for name in sorted(sections.keys() - signed):
                if name not in self._added or self._added[name].salts_sha256:
                    self._found.add(
                        path, "changed", f"holds salts for {name} that are not the signed ones"
                    )
            for name in sorted(signed):
                out[name] = sections[name]
                if name in self._removed and name not in self._paths:
                    purged = f"{CONTROL}/purged/{self._removed[name]:08d}.json" in self._paths
                    add = self._found.add if purged else self._found.note
                    add(path, "left", f"still holds the salts of {name}, which is purged")
        return out

    def proofs_of(self, seq: int) -> Proofs | None:
        """Return details of a run, where they are what was signed."""
        if seq not in self._proofs:
            self._proofs[seq] = None
            digest = self._digests.get(seq)
            if digest and digest.proofs:
                try:
                    data = self._files.read(self._files.join(self._root, digest.proofs))
                    if sha256(data) == digest.proofs_sha256:
                        self._proofs[seq] = Proofs.decode(data)
                    else:
                        self._found.add(
                            digest.proofs, "changed", "its bytes are not those that were signed"
                        )
                except FileNotFoundError:
                    self._found.add(digest.proofs, "missing", f"the proofs of run {seq} are gone")
                except ValueError:
                    self._found.add(digest.proofs, "changed", "not a file of proofs")
        return self._proofs[seq]

    def check_all(self, rows: bool) -> None:
        """Check every file."""
        for seq in self._digests:
            self.proofs_of(seq)
        live = self.live
        for path, proof in sorted(live.items()):
            self._check(path, proof, rows)
        for path in sorted(self._paths):
            if path.startswith((f"{CONTROL}/", f"{LIVE}/")) or path in live:
                continue
            if is_table_metadata(path):  # see `table_metadata`
                continue
            if path not in self._removed:
                self._stray(path)
            elif f"{CONTROL}/purged/{self._removed[path]:08d}.json" in self._paths:
                self._found.add(
                    path,
                    "left",
                    f"run {self._removed[path]} removed it, and it is recorded as purged, but it "
                    "is there",
                )
            else:
                self._found.note(
                    path, "left", f"run {self._removed[path]} removed it; it is not purged yet"
                )

    def _stray(self, path: str) -> None:
        run = path.rsplit("/", 1)[-1].split("-")[0]
        if any(p.startswith(f"{CONTROL}/work/{run}") for p in self._paths):
            self._found.note(
                path, "stray", "of a run that is under way, or was killed and not repeated"
            )
        else:
            self._found.add(
                path, "stray", "no run wrote it: it was put there, or a killed attempt left it"
            )

    def _check(self, path: str, proof: FileProof, rows: bool) -> None:
        self.files_checked += 1
        if path not in self._paths:
            self._found.add(
                path,
                "missing",
                f"gone, although run {self._seq[path]} wrote it and none removed it",
            )
            return
        data = self._files.read(self._files.join(self._root, path))
        salts = self._salts(path, proof)
        if sha256(data) != proof.sha256:
            self._name(path, proof, data, salts)
            return
        if not rows or not proof.root or salts is None:
            return
        try:
            leaves = [
                leaf_hash(s, r)
                for s, r in zip(salts.by_row(), read_canonical_rows(io.BytesIO(data)), strict=True)
            ]
        except (RowsError, ValueError, LookupError):
            self._found.add(path, "row", "rows and salts do not fit together")
            return
        self.rows_checked += len(leaves)
        if root_hash(leaves).hex() != proof.root:
            self._found.add(path, "row", "its rows do not lead to the signed root")
            return
        self._back(path, leaves)

    def _salts(self, path: str, proof: FileProof) -> FileSalts | None:
        if not proof.salts_sha256:
            return None
        try:
            return FileSalts.decode(self._sections[path])
        except KeyError:
            self._found.add(
                f"{SALTS}",
                "missing",
                f"the salts of {path} are gone or were changed, although its rows are there",
            )
        except (TypeError, ValueError, AttributeError):
            self._found.add(f"{SALTS}", "changed", f"the salts of {path} cannot be read")
        return None

    def _back(self, path: str, leaves: list[bytes]) -> None:
        """Follow rewrites back: rows that are left and tombstones together must lead to the root
        that was signed when the file was written.
        """
        while True:
            proofs = self.proofs_of(self._seq[path])
            detail: RewriteDetail | None = proofs.rewrites.get(path) if proofs else None
            if detail is None:
                return
            try:
                leaves = detail.old_leaves(leaves)
            except IndexError:
                leaves = []
            old = self._added.get(detail.old)
            if old is None or not old.root:
                return
            if root_hash(leaves).hex() != old.root:
                self._found.add(
                    path,
                    "row",
                    f"its rows and the tombstones do not lead back to {detail.old}, which it "
                    "replaced",
                )
                return
            path = detail.old

    def _name(self, path: str, proof: FileProof, data: bytes, salts: FileSalts | None) -> None:
        """Say what of a file differs: whose content it is, which bytes, which rows."""
        digest = sha256(data)
        other = next((p for p, f in self._added.items() if f.sha256 == digest and p != path), "")
        if other:
            self._found.add(path, "order", f"holds the content of {other}")
            return
        proofs = self.proofs_of(self._seq[path])
        detail = proofs.files.get(path) if proofs else None
        if salts is None or detail is None:
            self._found.add(path, "changed", "its SHA-256 is not the signed one")
            return
        try:
            changes = locate_changes(
                salts.pad,
                unpack_sums(detail.sums),
                proof.bytes,
                data,
                lambda d: hashlib.sha256(d).hexdigest() == proof.sha256,
            )
        except struct.error:
            changes = []
        self._found.add(path, "byte", _bytes_text(changes, proof.bytes, len(data)))
        if detail.hints:
            self._name_rows(path, data, salts, detail)

    def _name_rows(self, path: str, data: bytes, salts: FileSalts, detail: FileDetail) -> None:
        try:
            rows = list(read_canonical_rows(io.BytesIO(data), check=False))
            by_row = salts.by_row()
        except (RowsError, LookupError):
            if len(detail.hints) // HINT_BYTES == 1:
                self._found.add(path, "row", "row 0 can no longer be read")
            return
        for text in describe_changed_rows(rows, by_row, detail.hints):
            self._found.add(path, "row", text)


def _bytes_text(changes: list[ByteChange], signed: int, size: int) -> str:
    if len(changes) == 1 and changes[0].exact:
        c = changes[0]
        return (
            f"byte {c.start} was changed from {c.was:#04x} to {c.now:#04x}; putting it back "
            "gives the signed file"
        )
    where = ", ".join(f"{c.start} to {c.end - 1}" for c in changes[:5]) or "0 to the end"
    length = f"; it has {size} bytes instead of {signed}" if size != signed else ""
    return f"bytes within {where} were changed{length}"
