"""Checking what a store keeps about itself: pointer, snapshots, markers, policies, records of
purging.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
import zstandard

from callveil.schemas.evidence import RunDigest
from callveil.schemas.manifest import RunManifest
from callveil.transforms.storage.commit.maintenance import KEEP_SNAPSHOTS, purged_name
from callveil.transforms.storage.evidence.chain import RecordChain
from callveil.transforms.storage.evidence.problem import ProblemCollector
from callveil.transforms.storage.evidence.signed_record import (
    EVIDENCE,
    IDENTITY,
    PULLS,
    SALTS,
    SEALS,
    RecordError,
    is_record_signed,
    parse_record,
)
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import (
    CONTROL,
    LATEST_FILE,
    STORE_FILE,
    STORE_FORMAT,
    LatestPointer,
    manifest_name,
    parse_snapshot,
    pointer_bytes,
    sha256,
    to_json,
)

KNOWN = (
    "manifests",
    "snapshots",
    "runs",
    "work",
    "purged",
    "policies",
    "evidence",
    "salts",
    "pulls",
    "seals",
    "anchors",
    "identity",
)


def check_control(
    files: Files,
    root: str,
    paths: Mapping[str, int],
    chain: RecordChain,
    digests: Mapping[int, RunDigest],
    manifests: Mapping[int, RunManifest],
    found: ProblemCollector,
) -> None:
    """Check everything below `_callveil` but the chain itself, the manifests and the salts."""
    check = _Control(files, root, paths, chain, digests, manifests, found)
    check.pointer()
    check.snapshots()
    check.markers()
    check.policies()
    check.purged()
    check.strays()


class _Control:
    def __init__(
        self,
        files: Files,
        root: str,
        paths: Mapping[str, int],
        chain: RecordChain,
        digests: Mapping[int, RunDigest],
        manifests: Mapping[int, RunManifest],
        found: ProblemCollector,
    ) -> None:
        self._files, self._root, self._paths, self._chain, self._found = (
            files,
            root,
            paths,
            chain,
            found,
        )
        self._digests, self._manifests = digests, manifests
        self._last = chain.links[-1].seq

    def _read(self, path: str) -> bytes:
        return self._files.read(self._files.join(self._root, path))

    def _run_id(self, seq: int) -> str:
        if seq in self._digests:
            return self._digests[seq].run_id
        return self._manifests[seq].run_id if seq in self._manifests else ""

    def pointer(self) -> None:
        """The pointer names the newest run; the store's own file is what every store has."""
        for path in (STORE_FILE, LATEST_FILE):
            if path not in self._paths:
                self._found.add(
                    path,
                    "missing",
                    "gone; restore it"
                    if path == STORE_FILE
                    else "gone; the next job builds it from the manifests",
                )
        if STORE_FILE in self._paths and self._read(STORE_FILE) != to_json(
            {"format": STORE_FORMAT}
        ):
            self._found.add(
                STORE_FILE, "changed", f"not the file of a store of format {STORE_FORMAT}"
            )
        last = self._digests.get(self._last)
        if LATEST_FILE not in self._paths or last is None:
            return
        data = self._read(LATEST_FILE)
        try:
            seq = orjson.loads(data)["seq"]
        except (ValueError, KeyError, TypeError):
            seq = None
        expected = LatestPointer(
            last.seq,
            last.run_id,
            manifest_name(last.seq),
            last.manifest_sha256,
            last.snapshot,
            last.snapshot_sha256,
            last.tables,
        )
        if data == pointer_bytes(expected):
            return
        if isinstance(seq, int) and seq < last.seq:
            self._found.add(
                LATEST_FILE,
                "order",
                f"names run {seq}, although run {last.seq} is signed: it was set back, or a run is "
                "unfinished",
            )
        else:
            self._found.add(
                LATEST_FILE, "changed", f"does not name run {last.seq} as it was signed"
            )

    def snapshots(self) -> None:
        """Snapshots are those that were signed; the latest ones are there."""
        by_path = {d.snapshot: d for d in self._digests.values()}
        for path, digest in by_path.items():
            if path not in self._paths and digest.seq > self._last - KEEP_SNAPSHOTS:
                self._found.add(path, "missing", f"the snapshot of run {digest.seq} is gone")
        for path in sorted(p for p in self._paths if p.startswith(f"{CONTROL}/snapshots/")):
            found = re.fullmatch(rf"{CONTROL}/snapshots/(\d+)-([0-9a-f]{{16}})\.json\.zst", path)
            seq = int(found[1]) if found else 0
            if path in by_path:
                if sha256(self._read(path)) != by_path[path].snapshot_sha256:
                    self._found.add(path, "changed", "its bytes are not those that were signed")
            elif not found:
                self._found.add(path, "stray", "not named as snapshots are")
            elif seq in self._digests:
                self._found.note(path, "stray", "the snapshot of an attempt that did not publish")
            elif seq in self._manifests:
                self._old_snapshot(path, seq)

    def _old_snapshot(self, path: str, seq: int) -> None:
        try:
            if parse_snapshot(self._read(path)).run_id == self._run_id(seq):
                return
        except (ValueError, KeyError, TypeError, zstandard.ZstdError):
            pass
        self._found.add(path, "changed", f"not the snapshot of run {seq}")

    def markers(self) -> None:
        """Each run has its marker, and each marker its run."""
        known = {}
        for seq in range(1, self._last + 1):
            run_id = self._run_id(seq)
            if not run_id:
                continue
            path = f"{CONTROL}/runs/{run_id}.json"
            known[path] = seq
            if path not in self._paths:
                if seq < self._last:
                    self._found.add(
                        path,
                        "missing",
                        f"the marker of run {seq} is gone: the run could be done a second time",
                    )
                else:
                    self._found.add(
                        path,
                        "missing",
                        f"the marker of run {seq} is gone, or the run was killed at its end; the "
                        "next job writes it",
                    )
            elif self._read(path) != to_json({"run_id": run_id, "seq": seq}):
                self._found.add(path, "changed", f"not the marker of run {seq}")
        whole = len(known) == self._last
        for path in sorted(
            p for p in self._paths if p.startswith(f"{CONTROL}/runs/") and p not in known
        ):
            if whole:
                self._found.add(path, "stray", "the marker of a run that was never published")

    def policies(self) -> None:
        """A policy's name is the digest of its bytes; those that a signed run names are there."""
        for path in sorted(p for p in self._paths if p.startswith(f"{CONTROL}/policies/")):
            if path != f"{CONTROL}/policies/{sha256(self._read(path))}.yaml":
                self._found.add(path, "changed", "the policy is not the one its name says")
        for digest in self._digests.values():
            if digest.policy and digest.policy not in self._paths:
                self._found.add(
                    digest.policy,
                    "missing",
                    f"the policy that run {digest.seq} was decided by is gone",
                )

    def purged(self) -> None:
        """Records of purging are signed and name the files that their run removed."""
        first = self._chain.links[0].seq
        # The run at which the chain of an older store begins was purged before it was signed.
        first += bool(first in self._digests and self._digests[first].covers)
        for seq in range(1, self._last + 1):
            path = purged_name(seq)
            removed = self._removed(seq)
            if path in self._paths:
                self._purge_record(path, seq, removed, signed=seq >= first)
            elif removed is not None:
                here = [p for p, _ in removed if p in self._paths]
                if here:
                    self._found.note(
                        path,
                        "missing",
                        f"what run {seq} removed is not purged yet: {len(here)} files",
                    )
                else:
                    self._found.add(
                        path,
                        "missing",
                        f"the record that run {seq} was purged is gone, or the run was killed "
                        "before its end; the next job writes it",
                    )
        for path in sorted(p for p in self._paths if p.startswith(f"{CONTROL}/purged/")):
            if path not in {purged_name(seq) for seq in range(1, self._last + 1)}:
                self._found.add(path, "stray", "no run has this number")

    def _removed(self, seq: int) -> list[tuple[str, str]] | None:
        if seq in self._digests:
            return [(f["path"], f["sha256"]) for f in self._digests[seq].removed]
        return (
            [(f.path, f.sha256) for f in sorted(self._manifests[seq].removed)]
            if seq in self._manifests
            else None
        )

    def _purge_record(
        self, path: str, seq: int, removed: list[tuple[str, str]] | None, signed: bool
    ) -> None:
        data = self._read(path)
        try:
            if signed:
                record = parse_record(data)
                key = self._chain.trusted.get(record.key.id)
                if key is None or key.der != record.key.der:
                    self._found.add(
                        path,
                        "key",
                        f"signed by key {record.key.id}, which is not trusted: a look-alike",
                    )
                    return
                if not is_record_signed(record, key):
                    self._found.add(
                        path, "signature", "the signature does not hold: it was changed"
                    )
                    return
                body = record.body
            else:
                body = orjson.loads(data)
            named = [(f["path"], f["sha256"]) for f in body["files"]]
        except RecordError as error:
            self._found.add(path, "changed", str(error))
            return
        except (ValueError, KeyError, TypeError):
            self._found.add(path, "changed", "not a record of purging")
            return
        if body["seq"] != seq or (self._run_id(seq) and body["run_id"] != self._run_id(seq)):
            self._found.add(path, "order", f"it is the record of run {body['seq']}")
        elif removed is not None and sorted(named) != sorted(removed):
            self._found.add(path, "changed", f"names other files than run {seq} removed")

    def strays(self) -> None:
        """Files in the control folder that nothing accounts for."""
        expected = {d.proofs for d in self._digests.values()} | {
            link.path for link in self._chain.links
        }
        unsure = len(self._digests) < len(self._chain.links)
        for path in sorted(self._paths):
            if not path.startswith(f"{CONTROL}/"):
                continue
            folder = path.split("/")[1]
            if (
                path.startswith(f"{EVIDENCE}/")
                and path not in expected
                and not (unsure and path.endswith(".proofs"))
            ):
                self._found.add(
                    path,
                    "stray",
                    "no record names it: it was put there, or a killed attempt left it",
                )
            elif path.startswith(f"{PULLS}/") and not re.fullmatch(rf"{PULLS}/\d{{8}}\.json", path):
                self._found.add(path, "stray", "no record of a report that was pulled")
            elif path.startswith(f"{SEALS}/") and not re.fullmatch(rf"{SEALS}/\d{{8}}\.json", path):
                self._found.add(path, "stray", "no checkpoint of the live zone")
            elif path.startswith(f"{IDENTITY}/") and not re.fullmatch(
                rf"{IDENTITY}/\d{{8}}\.json", path
            ):
                self._found.add(path, "stray", "no record of whose the store is")
            elif path.startswith(f"{SALTS}/") and not re.fullmatch(
                rf"{SALTS}/[0-9a-f]{{16}}-\d{{8}}-[0-9a-f]{{16}}\.json", path
            ):
                self._found.add(path, "stray", "not named as salts are")
            elif folder == path.rsplit("/", 1)[-1] and path not in (STORE_FILE, LATEST_FILE):
                self._found.add(path, "stray", "not a file that a store has")
            elif "/" in path[len(CONTROL) + 1 :] and folder not in KNOWN:
                self._found.note(
                    path, "stray", "kept by another part of callveil; evidence does not cover it"
                )
