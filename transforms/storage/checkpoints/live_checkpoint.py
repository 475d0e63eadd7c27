"""Checkpoints: signed records, in a chain of their own, that commit to what is new in the live
zone.

Whoever changes a part of the zone announces it first (`Live.announce`), so a checkpoint looks at
what was announced and at nothing else; only the first one, or one that is asked to, lists all
calls. It believes receipts for the SHA-256 of the files they name, which was taken as these were
written, and reads nothing but receipts and originals that were sealed into the store.

An announcement is dropped once the state it tells of is committed to, or when it is old: who made
it has lost a race, or was killed. Killed anywhere, a checkpoint is made again: proofs are written
before the record that commits to them, announcements are dropped and old proofs purged after it.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import orjson

from callveil.schemas.evidence import Checkpoint, LiveEntry
from callveil.transforms.storage.checkpoints.explained_changes import ChangeReasons
from callveil.transforms.storage.checkpoints.live_part import (
    PartProof,
    PartState,
    is_original,
    is_part,
    proof_of,
)
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.commit.known_heads import ChainHead, remember_heads
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.salts import SEED_BYTES
from callveil.transforms.storage.evidence.signed_record import (
    EVIDENCE,
    SEALS,
    parse_record,
    record_name,
)
from callveil.transforms.storage.files.filesystem import FileInfo
from callveil.transforms.storage.format1.live import (
    BACK,
    CALLS,
    GONE,
    PUT_AWAY,
    UNSEALED,
    entries_of,
    state_of,
)
from callveil.transforms.storage.format1.snapshot import sha256

KIND = "live"
PATIENCE = 3600.0
"""Seconds after which an announcement that did not come true is dropped: it is written moments
before what it tells of.
"""
LIMIT = 5_000
"""Entries of one checkpoint."""
AT_ONCE = 16

Clock = Callable[[], float]
"""Seconds since 1970; decides how long announcements are kept, and nothing of what is committed to.
"""


@dataclass(frozen=True)
class CheckpointResult:
    """Outcome of making checkpoints.

    Attributes:
        seq: number of the newest one, 0 where there is none. made: how many were made now. entries:
            parts they commit to.
        refused: parts that are not as committed to, without a good reason; they stay committed to
            as they were.
    """

    seq: int
    made: int = 0
    entries: int = 0
    refused: tuple[str, ...] = ()


@dataclass
class _Look:
    """Findings about a part.

    Attributes:
        entry, proof: to be signed and written; None where nothing has changed, or nothing is left.
        refused: it may not be committed to.
        stale: URLs of proofs that are of no use any more. state: what announcements are compared
            with; None where there is no receipt.
        names: files of its folder.
    """

    part: str
    entry: LiveEntry | None = None
    proof: PartProof | None = None
    refused: bool = False
    stale: list[str] = field(default_factory=list)
    state: PartState | None = None
    names: frozenset[str] = frozenset()


def write_checkpoint(
    store: Store,
    keyring: Keyring,
    as_of: dt.datetime,
    everything: bool = False,
    clock: Clock = time.time,
) -> CheckpointResult:
    """Commit to what is new in the live zone; nothing is written where nothing is.

    Args:
        as_of: time to record, UTC.
        everything: look at all calls, not only at those that were announced.

    Raises `StoreError` where the key cannot be used or is another than the chain's, or an earlier
    checkpoint is missing or damaged.
    """
    while True:
        done = _Sealer(store, keyring, as_of, clock).run(everything)
        if done is not None:
            if done.made:
                remember_heads(
                    store,
                    {
                        SEALS: ChainHead(
                            done.seq,
                            sha256(store.files.read(store.url(record_name(done.seq, SEALS)))),
                        )
                    },
                )
            return done


class _Sealer:
    def __init__(self, store: Store, keyring: Keyring, as_of: dt.datetime, clock: Clock) -> None:
        self._store, self._files, self._as_of, self._clock = store, store.files, as_of, clock
        self._witness = store.attestor()
        self._seq = self._witness.newest(SEALS)
        self._first = self._seq == 0
        self._reasons = ChangeReasons(store, keyring)
        self._checkpoints: dict[int, frozenset[tuple[str, str]]] = {}

    def run(self, everything: bool) -> CheckpointResult | None:
        """Make checkpoints; None where another process made one meanwhile, and it is to be begun
        anew.
        """
        marks = self._announced()
        parts = set(marks) | (set(self._all()) if everything or self._first else set())
        looks = list(self._look_at(parts))
        made = entries = 0
        fresh = [k for k in looks if k.entry]
        for start in range(0, len(fresh), LIMIT):
            batch = fresh[start : start + LIMIT]
            if not self._sign(batch):
                return None
            made, entries = made + 1, entries + len(batch)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda k: self._clear(k, marks.get(k.part, ())), looks))
        return CheckpointResult(
            self._seq, made, entries, tuple(sorted(k.part for k in looks if k.refused))
        )

    # What to look at

    def _announced(self) -> dict[str, list[tuple[FileInfo, str]]]:
        """Return announcements by part, with the state they tell of."""
        out: dict[str, list[tuple[FileInfo, str]]] = defaultdict(list)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for info, row in pool.map(self._mark, _listed(self._store, UNSEALED)):
                if row is not None:
                    out[row["part"]].append((info, row["state"]))
        return out

    def _mark(self, info: FileInfo) -> tuple[FileInfo, dict[str, str] | None]:
        try:
            row = orjson.loads(self._files.read(info.url))
            return info, row if is_part(row["part"]) and isinstance(row["state"], str) else None
        except FileNotFoundError:
            return info, None
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                f"{info.url}: not an announcement; it was changed. Remove it, and run `callveil "
                "evidence seal --all`"
            ) from None

    def _all(self) -> Iterator[str]:
        root = self._store.root.rstrip("/") + "/"
        for info in _listed(self._store, CALLS):
            path = info.url.removeprefix(root).removesuffix(".json")
            if is_part(path):
                yield path

    def _look_at(self, parts: Iterable[str]) -> Iterator[_Look]:
        folders: dict[str, list[str]] = defaultdict(list)
        for part in sorted(parts):
            folders[part.rpartition("/")[0]].append(part)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for looks in pool.map(self._folder, folders.items()):
                yield from looks

    # Looking

    def _folder(self, item: tuple[str, list[str]]) -> list[_Look]:
        folder, parts = item
        found = {f.url.rpartition("/")[2]: f for f in _listed(self._store, folder)}
        out = []
        for part in parts:
            with suppress(
                FileNotFoundError
            ):  # it is changing at this moment: its announcement stays for the next time
                out.append(self._part(part, found))
        return out

    def _part(self, part: str, found: dict[str, FileInfo]) -> _Look:
        look = _Look(part, names=frozenset(found))
        try:
            before, look.stale = self._before(part, found)
        except ValueError:
            look.refused = True
            return look
        look.state = now = self._state(part, found)
        if now is None:
            reason = self._reasons.gone(before.state) if before else None
            if before is not None and reason is not None:
                look.entry = LiveEntry(part, "", *reason)
                look.stale.append(self._store.url(before.path))
            else:
                look.refused = before is not None
            return look
        if before is not None and before.state.content() == now.content():
            return look
        reason = (
            ("found", 0)
            if self._first
            else self._reasons.change(before.state if before else None, now)
        )
        if reason is None:
            look.refused = True
            return look
        look.proof = PartProof(now, self._seq + 1, secrets.token_bytes(SEED_BYTES))
        look.entry = LiveEntry(part, look.proof.leaf, *reason)
        if before is not None:
            look.stale.append(self._store.url(before.path))
        return look

    def _state(self, part: str, found: dict[str, FileInfo]) -> PartState | None:
        folder, what = part.rpartition("/")[::2]
        name = f"{what}.json"
        if name not in found:
            return None
        data = self._files.read(found[name].url)
        try:
            receipt = dict(orjson.loads(data))
        except (ValueError, TypeError):
            raise StoreError(
                f"{found[name].url}: not a receipt; it was changed or damaged. `callveil evidence "
                "verify` tells more"
            ) from None
        files = {name: (sha256(data), len(data))}
        for entry in entries_of(receipt):
            named = entry.get("file")
            if named and "sha256" in entry:
                files[named] = (entry["sha256"], entry["bytes"])
            elif named:
                files[named] = self._files.sha256(self._store.url(f"{folder}/{named}"))
        if what == "audio" and any(e.get("status") == "done" for e in entries_of(receipt)):
            files |= {n: self._files.sha256(found[n].url) for n in sorted(found) if is_original(n)}
        return PartState(part, receipt, files)

    def _before(self, part: str, found: dict[str, FileInfo]) -> tuple[PartProof | None, list[str]]:
        """Return the proof of what the newest checkpoint has of a part, and URLs of older ones.
        Raises ValueError where one was changed.
        """
        signed: list[PartProof] = []
        for name in (n for n in found if proof_of(n) == part.rpartition("/")[2]):
            proof = PartProof.decode(self._files.read(found[name].url))
            if proof.path != f"{part.rpartition('/')[0]}/{name}" or proof.state.part != part:
                raise ValueError(name)
            if (part, proof.leaf) in self._checkpoint(
                proof.seal
            ):  # else of an attempt that did not come to sign
                signed.append(proof)
        signed.sort(key=lambda p: p.seal)
        return (signed[-1] if signed else None), [self._store.url(p.path) for p in signed[:-1]]

    def _checkpoint(self, seq: int) -> frozenset[tuple[str, str]]:
        """Return parts and commitments of a checkpoint."""
        if seq > self._seq:
            return frozenset()
        if seq not in self._checkpoints:
            url = self._store.url(record_name(seq, SEALS))
            try:
                record = parse_record(self._files.read(url))
                entries = msgspec.convert(record.body, Checkpoint).entries
            except (FileNotFoundError, ValueError):
                raise StoreError(
                    f"{url}: missing or damaged; restore it. `callveil evidence verify` tells more"
                ) from None
            self._checkpoints[seq] = frozenset((e.part, e.leaf) for e in entries)
        return self._checkpoints[seq]

    # Signing

    def _sign(self, batch: Iterable[_Look]) -> bool:
        seq = self._seq + 1
        looks = [
            (k, PartProof(k.proof.state, seq, k.proof.salt) if k.proof else None) for k in batch
        ]
        self._witness.ready(seq, SEALS)
        proofs = [p for _, p in looks if p is not None]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda p: self._files.write(self._store.url(p.path), p.encode()), proofs))
        run, digest = self._newest_run()
        entries = tuple(k.entry for k, _ in looks if k.entry)
        checkpoint = Checkpoint(seq, self._as_of.isoformat(), run, digest, entries)
        body = msgspec.to_builtins(checkpoint)
        if not self._witness.link(SEALS, KIND, body, seq):
            for proof in proofs:
                self._files.purge(self._store.url(proof.path))
            return False
        self._seq = seq
        return True

    def _newest_run(self) -> tuple[int, str]:
        seq = self._store.newest()
        try:
            return seq, sha256(self._files.read(self._store.url(record_name(seq, EVIDENCE))))
        except FileNotFoundError:
            return 0, ""  # no run yet, or a store from before evidence was kept

    def _clear(self, look: _Look, marks: Iterable[tuple[FileInfo, str]]) -> None:
        """Purge proofs of what is committed to no more, and announcements that came true and are
        committed to, or are old.
        """
        urls = [
            *look.stale,
            *(
                i.url
                for i, s in marks
                if (_is_true(look, s) and not look.refused) or self._clock() - i.modified > PATIENCE
            ),
        ]
        for url in urls:
            self._files.purge(url)


def _is_true(look: _Look, state: str) -> bool:
    """Tell whether what was announced is there."""
    if look.state is None:
        return state == GONE
    return (
        state == state_of(look.state.receipt)
        or (state == PUT_AWAY and any(is_original(n) for n in look.names))
        or (state == BACK and look.state.status != "erased")
    )


def _listed(store: Store, folder: str) -> list[FileInfo]:
    try:
        return list(store.files.list(store.url(folder)))
    except FileNotFoundError:
        return []
