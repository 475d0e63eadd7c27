"""Legitimate reasons for changes of the live zone since the last checkpoint.

They are the changes that callveil makes itself, and no other.

What takes content away for good must be told by a published run, whose record is signed: a
disposition that names the part, or the list of what was erased. A receipt that merely says so is
not believed.
"""

from __future__ import annotations

from functools import cached_property

import pyarrow.compute as pc
import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.storage.checkpoints.live_part import PartState, is_original
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.encrypted_file import SealedError
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.token_renewal import is_renewed_record
from callveil.transforms.storage.format1.live import Live, entries_of, outranks
from callveil.transforms.storage.format1.originals import open_original
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.record_identifiers import interaction_ref, record_token
from callveil.transforms.storage.index.suppression_list import (
    ERASED,
    SuppressionList,
    read_suppressed_tokens,
)

DISPOSITIONS = "dispositions"
GROWS = frozenset(
    {
        "file",
        "sha256",
        "bytes",
        "covered_seconds",
        "spans",
        "container",
        "codec",
        "written",
        "written_container",
        "video",
        "rate",
        "channels",
        "seconds",
        "cut",
        "keyed",
        "replaced",
        "residue_dbfs",
        "changed_db",
        "overheard",
        "reason",
    }
)
"""What a recording's receipt says otherwise once more of it is covered."""

COPIES = ("redone", "covered", "added")
"""Changes of redacted recordings, which change nothing of originals that were put away before."""
SEALED = ".sealed"

RENEWED = frozenset({"file", "sha256", "bytes"})
"""What a record's receipt says otherwise once its tokens are made anew."""

RESCANNED = "rescanned"
FURTHER = frozenset(
    {*RENEWED, RESCANNED, "mode", "findings", "spans", "status", "reason", "detail"}
)
"""What a record's receipt says otherwise once more of it is covered, or it could not be read again.
"""


class ChangeReasons:
    """Looks for the reasons of changes. Made for one checkpoint: it remembers which runs it has
    read.

    Args:
        store: whose. keyring: of the store; tells whom a listed erasure is about, and opens
            originals.
    """

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store, self._keyring = store, keyring
        self._objects: dict[str, frozenset[str]] = {}
        self._tokens: dict[str, frozenset[str]] = {}
        self._manifests: dict[int, RunManifest] = {}

    @cached_property
    def _snapshot(self) -> Snapshot:
        return self._store.current()

    def change(self, before: PartState | None, now: PartState) -> tuple[str, int] | None:
        """Change and run that lead from what was committed to (None: nothing is known of it) to
        what is there; None where there is no good reason.
        """
        if now.status == "expired":
            return self._run("expired", self._expiry(now.part))
        if now.status == "erased":
            return self._run("erased", self._erasure(now))
        if before is None:
            return "new", 0
        if before.status == "erased":
            return self._run("lifted", self._lift(now))
        if before.receipt == now.receipt:
            return self._original(before, now)
        if (
            now.receipt.get("unlinked")
            and before.receipt.get("unlinked") != now.receipt["unlinked"]
        ):
            return self._run("unlinked", self._unlinking(before, now))
        if now.receipt.get(RESCANNED) and before.receipt.get(RESCANNED) != now.receipt[RESCANNED]:
            return self._run(RESCANNED, self._rescan(before, now))
        change = "renewed" if self._is_renewal(before, now) else _of_receipt(before, now)
        if change is None or (
            change in COPIES and _originals(before) and self._original(before, now) is None
        ):
            return None
        return change, 0

    def gone(self, before: PartState) -> tuple[str, int] | None:
        """Change and run that lead from what was committed to to nothing; None where there is no
        good reason.
        """
        if before.status == "rejected":
            return "taken_back", 0
        return self._run("lifted", self._lift(before)) if before.status == "erased" else None

    @staticmethod
    def _run(change: str, seq: int) -> tuple[str, int] | None:
        return (change, seq) if seq else None

    def _original(self, before: PartState, now: PartState) -> tuple[str, int] | None:
        """Tell whether an original was put away, or sealed anew under another key."""
        old, new = _originals(before), _originals(now)
        if all(new.get(n) == f for n, f in old.items()):
            return "put_away", 0
        same = old.keys() == new.keys() and all(
            new[n] == f for n, f in old.items() if not n.endswith(SEALED)
        )
        return ("resealed", 0) if same and self._opens(now) else None

    def _opens(self, now: PartState) -> bool:
        """Tell whether the keyring opens the whole of a sealed original: nobody without it can make
        one that does.
        """
        live = Live(self._store.files, self._store.root)
        try:
            for name in (n for n in _originals(now) if n.endswith(SEALED)):
                for _ in open_original(self._store.files, live, self._keyring, _key(now), name):
                    pass
        except (SealedError, FileNotFoundError):
            return False
        return True

    def _is_renewal(self, before: PartState, now: PartState) -> bool:
        """Tell whether a record is the same but for the key of its tokens."""
        old, new = before.receipt, now.receipt
        same = {k: v for k, v in old.items() if k not in RENEWED} == {
            k: v for k, v in new.items() if k not in RENEWED
        }
        if not same or not now.part.endswith("/record") or new.get("status") != "done":
            return False
        data = self._store.files.read(
            self._store.url(f"{now.part.rpartition('/')[0]}/{new['file']}")
        )
        return is_renewed_record(self._keyring, data, str(old.get("sha256")))

    # Runs, from the newest back

    def _manifest(self, seq: int) -> RunManifest:
        if seq not in self._manifests:
            self._manifests[seq] = self._store.manifest(seq)
        return self._manifests[seq]

    def _expiry(self, part: str) -> int:
        for seq in range(self._snapshot.seq, 0, -1):
            if any(
                part in self._named(f)
                for f in self._manifest(seq).added
                if f.dataset == DISPOSITIONS
            ):
                return seq
        return 0

    def _named(self, file: FileEntry) -> frozenset[str]:
        """Return parts that a file of dispositions says were deleted."""
        if file.path not in self._objects:
            try:
                with self._store.files.open(self._store.url(file.path)) as source:
                    table = pq.read_table(source, columns=["object", "decision"])
            except FileNotFoundError:
                return frozenset()  # a later run replaced it
            rows = table.filter(pc.equal(table.column("decision"), "delete"))
            self._objects[file.path] = frozenset(rows.column("object").drop_null().to_pylist())
        return self._objects[file.path]

    def _erasure(self, now: PartState) -> int:
        if not self._is_listed(now):
            return 0
        ref = interaction_ref(_key(now))
        mine = {record_token(self._keyring, ref, key_id) for key_id in self._keyring.key_ids}
        live = {f.path for f in self._snapshot.by_dataset(ERASED.name)}
        for seq in range(self._snapshot.seq, 0, -1):
            for file in self._manifest(seq).added:
                if file.path in live and mine & self._listed(file):
                    return seq
        return 0

    def _listed(self, file: FileEntry) -> frozenset[str]:
        if file.path not in self._tokens:
            self._tokens[file.path] = frozenset(
                read_suppressed_tokens(self._store.files, self._store.root, file)
            )
        return self._tokens[file.path]

    def _is_listed(self, state: PartState) -> bool:
        return SuppressionList.read(
            self._store.files, self._store.root, self._snapshot, self._keyring
        ).holds(interaction_ref(_key(state)))

    def _unlinking(self, before: PartState, now: PartState) -> int:
        """Return the run that says it took out of a record what leads to somebody else."""
        old, new = (
            {k: v for k, v in s.receipt.items() if k not in (*RENEWED, "unlinked")}
            for s in (before, now)
        )
        mine = {
            record_token(self._keyring, interaction_ref(_key(now)), key_id)
            for key_id in self._keyring.key_ids
        }
        for seq in range(self._snapshot.seq, 0, -1) if old == new else ():
            manifest = self._manifest(seq)
            if manifest.run_id == now.receipt.get("unlinked"):
                return (
                    seq
                    if any(mine & set(fact.get("unlinked") or ()) for fact in manifest.inputs)
                    else 0
                )
        return 0

    def _rescan(self, before: PartState, now: PartState) -> int:
        """Return the run that says it covered more of a record, and what the record is then;
        nothing, where it could not be read again.
        """
        old, new = ({k: v for k, v in s.receipt.items() if k not in FURTHER} for s in (before, now))
        mine = {
            record_token(self._keyring, interaction_ref(_key(now)), key_id)
            for key_id in self._keyring.key_ids
        }
        digest = str(now.receipt.get("sha256", ""))
        for seq in range(self._snapshot.seq, 0, -1) if old == new else ():
            manifest = self._manifest(seq)
            if manifest.run_id == now.receipt[RESCANNED]:
                told = [fact.get(RESCANNED) or {} for fact in manifest.inputs]
                return seq if any(one.get(token) == digest for one in told for token in mine) else 0
        return 0

    def _lift(self, now: PartState) -> int:
        if self._is_listed(now):
            return 0
        for seq in range(self._snapshot.seq, 0, -1):
            if any(fact.get("event") == "lifted" for fact in self._manifest(seq).inputs):
                return seq
        return 0


def _of_receipt(before: PartState, now: PartState) -> str | None:
    old, new = before.receipt, now.receipt
    if before.status == "rejected":
        return "taken_back"
    if now.part.endswith("/record"):
        return "superseded" if outranks({"rank": 0} | new, {"rank": 0} | old) else None
    was, now_is = entries_of(old), entries_of(new)
    changes = {_of_recording(a, b) for a, b in zip(was, now_is, strict=False) if a != b}
    if None in changes or len(now_is) < len(was):
        return None
    return next((c for c in COPIES if c in changes), "added" if len(now_is) > len(was) else None)


def _of_recording(old: JsonObject, new: JsonObject) -> str | None:
    same = {k: v for k, v in old.items() if k not in GROWS} == {
        k: v for k, v in new.items() if k not in GROWS
    }
    spans = new.get("spans") or []
    if (
        same
        and len(spans) > len(old.get("spans") or [])
        and all(s in spans for s in old.get("spans") or [])
    ):
        return "covered"
    if old.get("source") != new.get("source"):
        return None
    if old.get("object") == new.get("object"):
        return "redone" if new.get("transcript") and not old.get("transcript") else None
    return "redone" if new.get("landed_at", 0) >= old.get("landed_at", 0) else None


def _originals(state: PartState) -> dict[str, tuple[str, int]]:
    return {n: f for n, f in state.files.items() if is_original(n)}


def _key(state: PartState) -> InteractionKey:
    return InteractionKey(str(state.receipt["account_id"]), str(state.receipt["id"]))
