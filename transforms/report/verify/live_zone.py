"""Checking the live zone against the checkpoints that commit to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
import orjson

from callveil.schemas.evidence import Checkpoint, LiveEntry, RunDigest
from callveil.transforms.storage.checkpoints.live_part import (
    PartProof,
    belongs_to_part,
    is_part,
    proof_name,
    proof_of,
)
from callveil.transforms.storage.evidence.chain import RecordChain
from callveil.transforms.storage.evidence.problem import ProblemCollector
from callveil.transforms.storage.evidence.signed_record import SEALS, record_name
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import CALLS, LIVE, UNSEALED

JOBS = {
    "expired": "retain",
    "erased": "subject",
    "lifted": "subject",
    "unlinked": "subject",
    "rescanned": "rescan",
}
"""Which job's run gives the reason of a change."""
UNCOVERED = {
    "objects": "what arrived: where it is gone an arrival is taken in anew, and gives the same",
    "rejected": "what was rejected",
    "subjects": "whom records are about",
    "inboxes": "where webhooks were read from",
}
"""Folders of the zone that no checkpoint commits to, and what they hold."""

Say = Callable[[str, str, str], None]


@dataclass
class ZoneCheck:
    """Checks the live zone.

    Args:
        files, root, paths: the store, and what lies in it (path to size).
        chain: of checkpoints. runs: the chain of runs. digests: of runs, those that hold.
        found: gathers what is wrong.
    """

    files: Files
    root: str
    paths: Mapping[str, int]
    chain: RecordChain
    runs: RecordChain
    digests: Mapping[int, RunDigest]
    found: ProblemCollector
    parts_checked: int = 0
    _newest: dict[str, tuple[int, LiveEntry]] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)
    _folders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _owners: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def check(self) -> None:
        """Check everything below `live`."""
        for path in self.paths:
            if path.startswith(f"{CALLS}/"):
                folder, _, name = path.rpartition("/")
                self._folders[folder].add(name)
        self._read_checkpoints()
        self._read_announcements()
        for part, (seq, entry) in sorted(self._newest.items()):
            if entry.leaf:
                self._check(part, seq, entry)
        for folder, names in sorted(self._folders.items()):
            self._rest(folder, names)
        self._others()

    @property
    def _is_sure(self) -> bool:
        """Tell whether all that checkpoints commit to is known."""
        return all(link.is_good for link in self.chain.links) and [
            x.seq for x in self.chain.links
        ] == list(range(1, len(self.chain.links) + 1))

    def _read(self, path: str) -> bytes:
        return self.files.read(self.files.join(self.root, path))

    def _read_checkpoints(self) -> None:
        for link in self.chain.links:
            if not link.is_good or link.record is None:
                continue
            try:
                checkpoint = msgspec.convert(link.record.body, Checkpoint)
            except ValueError:
                self.found.add(link.path, "changed", "not a checkpoint of the live zone")
                continue
            self._run_of(link.path, checkpoint)
            for entry in checkpoint.entries:
                self._follow(link.path, checkpoint.seq, entry)

    def _run_of(self, path: str, checkpoint: Checkpoint) -> None:
        """The record of the run that was the newest then is there still."""
        if not checkpoint.run:
            return
        link = next((x for x in self.runs.links if x.seq == checkpoint.run), None)
        if link is None:
            self.found.add(
                record_name(checkpoint.run),
                "gap",
                f"record {checkpoint.run} is missing, which {path} names: runs were cut off",
            )
        elif link.is_good and link.sha256 != checkpoint.run_sha256:
            self.found.add(
                link.path, "order", f"not the record that {path} names: the history was rewritten"
            )

    def _follow(self, path: str, seq: int, entry: LiveEntry) -> None:
        before = self._newest.get(entry.part)
        if before and before[1].leaf and entry.change in ("new", "found"):
            self.found.add(
                entry.part,
                "order",
                f"{path} takes it for new, although checkpoint {before[0]} commits to it: it was "
                "put in its place",
            )
        job = JOBS.get(entry.change)
        if job and entry.run in self.digests and self.digests[entry.run].job != job:
            self.found.add(
                entry.part,
                "changed",
                f"{path} says that run {entry.run} gives the reason, which is of the job "
                f"{self.digests[entry.run].job}",
            )
        self._newest[entry.part] = (seq, entry)

    def _read_announcements(self) -> None:
        for path in sorted(p for p in self.paths if p.startswith(f"{UNSEALED}/")):
            try:
                part = orjson.loads(self._read(path))["part"]
                if not is_part(part):
                    raise ValueError
            except (ValueError, KeyError, TypeError):
                self.found.add(path, "changed", "not an announcement of a change")
                continue
            self._waiting.add(part)

    # Parts that are committed to

    def _check(self, part: str, seq: int, entry: LiveEntry) -> None:
        self.parts_checked += 1
        folder, what = part.rpartition("/")[::2]
        say = self.found.note if part in self._waiting else self.found.add
        after = (
            "; a change was announced, which the next checkpoint judges"
            if part in self._waiting
            else ""
        )
        name = proof_name(part, entry.leaf)
        mine = {n for n in self._folders.get(folder, ()) if belongs_to_part(part, n)}
        self._owners[folder] |= mine | {name.rpartition("/")[2]}
        if not self._folders.get(folder):
            say(
                part,
                "missing",
                f"gone with its whole folder, although checkpoint {seq} commits to it{after}",
            )
            return
        proof = self._proof(name, entry)
        if proof is None:
            kind, text = (
                ("changed", "its salt or content was changed")
                if name in self.paths
                else ("missing", "gone")
            )
            say(name, kind, f"{text}: it opens what checkpoint {seq} commits to of {part}{after}")
            if f"{what}.json" not in mine:
                say(
                    f"{part}.json",
                    "missing",
                    f"gone, although checkpoint {seq} commits to it{after}",
                )
            return
        for file, (digest, size) in sorted(proof.state.files.items()):
            self._file(f"{folder}/{file}", digest, size, seq, say, after)
        for file in sorted(mine - proof.state.files.keys()):
            say(
                f"{folder}/{file}",
                "stray",
                f"not among what checkpoint {seq} commits to of {part}: it was put there, or a "
                f"killed worker left it{after}",
            )

    def _proof(self, name: str, entry: LiveEntry) -> PartProof | None:
        if name not in self.paths:
            return None
        try:
            proof = PartProof.decode(self._read(name))
        except ValueError:
            return None
        return proof if proof.leaf == entry.leaf and proof.state.part == entry.part else None

    def _file(self, path: str, digest: str, size: int, seq: int, say: Say, after: str) -> None:
        if path not in self.paths:
            say(path, "missing", f"gone, although checkpoint {seq} commits to it{after}")
            return
        try:
            now, bytes_now = self.files.sha256(self.files.join(self.root, path))
        except FileNotFoundError:
            now, bytes_now = "", -1
        if (now, bytes_now) != (digest, size):
            length = (
                f": it has {bytes_now:,} bytes instead of {size:,}" if bytes_now != size else ""
            )
            say(
                path,
                "changed",
                f"its SHA-256 is not the one that checkpoint {seq} commits to{length}{after}",
            )

    # What else lies in the zone

    def _rest(self, folder: str, names: set[str]) -> None:
        """Parts that no checkpoint commits to yet, and files that belong to none."""
        left = names - self._owners[folder]
        newest = self.chain.links[-1].seq if self.chain.links else 0
        for what in ("record", "audio"):
            part = f"{folder}/{what}"
            if self._newest.get(part, (0, LiveEntry(part, "", "")))[1].leaf:
                continue
            mine = {n for n in left if belongs_to_part(part, n)}
            left -= mine
            if mine:
                self._uncommitted(part, f"{what}.json" in mine)
        for name in sorted(left):
            path = f"{folder}/{name}"
            proof = self._leftover(path) if proof_of(name) else None
            if proof is None:
                self.found.add(path, "stray", "not a file that the live zone has")
            elif proof.seal > newest and proof.state.part not in self._waiting:
                missing = record_name(proof.seal, SEALS)
                self.found.add(
                    missing,
                    "gap",
                    f"checkpoint {proof.seal} is missing, which {path} "
                    "was made for: it was cut off",
                )
            else:
                self.found.note(
                    path,
                    "stray",
                    "a proof that no checkpoint needs any more, or of "
                    "one that did not come to sign",
                )

    def _leftover(self, path: str) -> PartProof | None:
        """Return a proof that lies where it belongs, although the newest checkpoint of its part
        needs another.
        """
        try:
            proof = PartProof.decode(self._read(path))
        except ValueError:
            return None
        return proof if proof.path == path else None

    def _uncommitted(self, part: str, has_receipt: bool) -> None:
        if not has_receipt:
            self.found.note(
                part, "stray", "files without a receipt: it is in work, or its worker was killed"
            )
        elif part in self._waiting or not self.chain.links or not self._is_sure:
            self.found.note(
                part, "stray", "no checkpoint commits to it yet; `callveil evidence seal` makes one"
            )
        else:
            self.found.add(
                part,
                "stray",
                "no checkpoint commits to it, and nobody announced it: it was put there",
            )

    def _others(self) -> None:
        for path in sorted(
            p
            for p in self.paths
            if p.startswith(f"{LIVE}/") and not p.startswith((f"{CALLS}/", f"{UNSEALED}/"))
        ):
            if path.split("/")[1] not in UNCOVERED:
                self.found.add(path, "stray", "not a file that the live zone has")
        for folder, text in UNCOVERED.items():
            number = sum(p.startswith(f"{LIVE}/{folder}/") for p in self.paths)
            if number:
                self.found.note(
                    f"{LIVE}/{folder}",
                    "stray",
                    f"{number:,} files that no checkpoint commits to: {text}",
                )
