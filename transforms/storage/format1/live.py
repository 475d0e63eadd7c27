"""The live zone of a store: what has been redacted as it arrived, one folder per interaction.

Layout below the store's root:

    live/objects/<two>/<object id>.json          ledger: what an object that arrived held
    live/calls/<account>/<id>/record.json        receipt: the record is redacted; names the files below
    live/calls/<account>/<id>/audio.json         receipt: the recording is redacted; others of the same call, with their files, in `others`
    live/calls/<account>/<id>/record-<x>.json    the redacted record and its findings
    live/calls/<account>/<id>/audio-<x>.<suffix> the redacted recording
    live/calls/<account>/<id>/audio.proof.<x>.json  what a checkpoint of evidence commits to, with its salt; see `transforms.storage.checkpoints.live_checkpoint`
    live/rejected/<two>/<object id>-<n>.json     what was rejected, and why; its content beside it, `.sealed`
    live/subjects/...                            whom records are about, as keyed digests; see `transforms.storage.index.identity_markers`
    live/inboxes/<x>.json                        inboxes of webhooks that were read; see `transforms.storage.format1.inbox_registry`
    live/unsealed/<x>.json                       a receipt is about to change: for the next checkpoint

A receipt is the commit. It is created with if-none-match, so of any number of workers that redact
the same recording, after a kill or because an event came twice, exactly one publishes; files that
no receipt names are nobody's, and the loser of a race removes its own. File names depend on
everything the content depends on, so a repetition writes the same bytes under the same name.

An object is settled once everything that came from it has its receipt. Only then is its message
deleted or its file passed over, so killing every process at any moment loses nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import orjson

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed

LIVE = "live"
CALLS = f"{LIVE}/calls"
UNSEALED = f"{LIVE}/unsealed"
What = Literal["record", "audio"]
WHATS: tuple[What, ...] = ("record", "audio")
Receipt = dict[str, Any]

LAST = 2**63 - 1
"""Rank of what has expired or was erased: no snapshot is later."""

PUT_AWAY, GONE, BACK = "put away", "gone", "back"
"""What is announced of a part that is no receipt: its original is put away, its receipt is taken
back, or what was set aside is brought back.
"""

TRANSCRIPT = "transcript"
"""Note on an object that is no more than a call's transcript."""

EMPTY = frozenset({"erased", "expired"})
"""Statuses of receipts that say nothing but what became of a record."""

_LONGEST_NAME = 120


@dataclass(frozen=True)
class Ledger:
    """Account of the contents of an object that arrived.

    Attributes:
        what: which receipts its keys will have.
        keys: interaction and rank of the snapshot; rank 0 for a recording.
        rejected: records of it that were rejected.
        note: why it holds nothing, where it does.
    """

    what: What
    keys: tuple[tuple[str, str, int], ...] = ()
    rejected: int = 0
    note: str = ""


@dataclass(frozen=True)
class Live:
    """The live zone of the store at `root`."""

    files: Files
    root: str

    def url(self, *parts: str) -> str:
        """Return the URL of a path below the zone."""
        return self.files.join(self.root, LIVE, *parts)

    def folder(self, key: InteractionKey) -> str:
        """Return the folder of an interaction's outputs."""
        return self.url("calls", _name(key.account_id), _name(key.id))

    # Announcements

    def part(self, key: InteractionKey, what: What) -> str:
        """Return the path, below the store's root and without suffix, of an interaction's receipt:
        the name of a part of the zone.
        """
        return f"{CALLS}/{_name(key.account_id)}/{_name(key.id)}/{what}"

    def announce(self, part: str, state: str) -> None:
        """Note, before it happens, that a part is about to change, so that the next checkpoint of
        evidence looks at it without a listing.

        Args:
            state: what will be there; `state_of` a receipt, or another text.
        """
        name = hashlib.sha256(f"{part}\0{state}".encode()).hexdigest()[:32]
        self.files.write(
            self.files.join(self.root, UNSEALED, f"{name}.json"),
            orjson.dumps({"part": part, "state": state}),
        )

    def announce_file(self, path: str) -> None:
        """Announce that a file of an interaction's folder is about to come back. `path` is below
        the store's root.
        """
        folder, _, name = path.rpartition("/")
        self.announce(f"{folder}/{'record' if name.startswith('record') else 'audio'}", BACK)

    # Receipts

    def receipt(self, key: InteractionKey, what: What) -> Receipt | None:
        """Return an interaction's receipt, or None where there is none yet."""
        return self._json(self.files.join(self.folder(key), f"{what}.json"))

    def commit(self, key: InteractionKey, what: What, receipt: Receipt) -> bool:
        """Publish: create the receipt. False where somebody else has published first; then nothing
        was changed.
        """
        self.announce(self.part(key, what), state_of(receipt))
        try:
            self.files.write(
                self.files.join(self.folder(key), f"{what}.json"),
                orjson.dumps(receipt),
                if_none_match=True,
            )
        except PreconditionFailed:
            return (
                self.receipt(key, what) == receipt
            )  # equal: an answer was lost, or a twin was faster
        return True

    def supersede(self, key: InteractionKey, receipt: Receipt) -> Receipt | None:
        """Put a record's receipt in place of one it `outranks`. Returns the old one, or None where
        it does not.
        """
        url = self.files.join(self.folder(key), "record.json")
        while True:
            info = self.files.info(url)
            held = self._json(url)
            if info is None or held is None or not outranks(receipt, held):
                return None
            self.announce(self.part(key, "record"), state_of(receipt))
            with suppress(PreconditionFailed):
                self.files.write(url, orjson.dumps(receipt), if_match=info.etag)
                return held

    def swap(self, key: InteractionKey, old: Receipt, new: Receipt) -> bool:
        """Put a receipt in the place of the one it was made from. False where that is no longer
        there; then nothing was changed.
        """
        url = self.files.join(self.folder(key), f"{old['what']}.json")
        info = self.files.info(url)
        if info is None or self._json(url) != old:
            return False
        self.announce(self.part(key, old["what"]), state_of(new))
        try:
            self.files.write(url, orjson.dumps(new), if_match=info.etag)
        except PreconditionFailed:
            return False
        return True

    def receipts(self) -> Iterator[Receipt]:
        """Yield all receipts, in the order of accounts and ids."""
        for info in self.files.list(self.url("calls")):
            if info.url.endswith(("/record.json", "/audio.json")):
                found = self._json(info.url)
                if found is not None:
                    yield found

    def read_receipt(self, url: str) -> Receipt | None:
        """Return the receipt at a URL, or None."""
        return self._json(url)

    def replace_receipt(self, url: str, receipt: Receipt) -> None:
        """Put a receipt in another one's place, whatever that says. Object versions of the old one
        stay: it holds times and counts only.
        """
        self.announce(
            self.part(InteractionKey(receipt["account_id"], receipt["id"]), receipt["what"]),
            state_of(receipt),
        )
        self.files.write(url, orjson.dumps(receipt))

    # Objects

    def ledger(self, object_id: str) -> Ledger | None:
        """Return what is written of an object, or None."""
        found = self._json(self._ledger_url(object_id))
        if found is None:
            return None
        return Ledger(
            found["what"],
            tuple((a, i, r) for a, i, r in found["keys"]),
            found["rejected"],
            found["note"],
        )

    def note(self, arrival: Arrival, ledger: Ledger) -> None:
        """Write down what an object held."""
        row = {
            "url": arrival.url,
            "etag": arrival.etag,
            "landed_at": arrival.landed_at,
            "what": ledger.what,
        }
        row |= {
            "keys": [list(k) for k in ledger.keys],
            "rejected": ledger.rejected,
            "note": ledger.note,
        }
        self.files.write(self._ledger_url(arrival.object_id), orjson.dumps(row))

    def forget_object(self, object_id: str) -> None:
        """Remove an object's ledger entry and its rejections, so that it is taken in anew when word
        of it comes again.
        """
        self.forget_rejections(object_id)
        self.files.purge(self._ledger_url(object_id))

    def forget_rejections(self, object_id: str) -> None:
        """Remove what was rejected of an object, where another one has taken its place."""
        for info in list(self.files.list(self.url("rejected", object_id[:2]))):
            if info.url.rpartition("/")[2].startswith(f"{object_id}-"):
                self.files.purge(info.url)

    def source(self, object_id: str) -> Arrival | None:
        """Return the object itself, where it is still there as it was when it was taken in."""
        row = self._json(self._ledger_url(object_id)) if object_id else None
        info = self.files.info(row["url"]) if row else None
        if row is None or info is None or info.etag != row["etag"]:
            return None
        return Arrival(info.url, info.etag, info.size, row["landed_at"])

    def noted(self) -> set[str]:
        """Return ids of all objects that have a ledger entry: one listing."""
        try:
            return {
                info.url.rpartition("/")[2].removesuffix(".json")
                for info in self.files.list(self.url("objects"))
            }
        except FileNotFoundError:
            return set()

    def _ledger_url(self, object_id: str) -> str:
        return self.url("objects", object_id[:2], f"{object_id}.json")

    def settled(self, arrival: Arrival) -> bool:
        """Tell whether everything that came from an object is published or rejected."""
        ledger = self.ledger(arrival.object_id)
        if ledger is None:
            return False
        for account, key_id, rank in ledger.keys:
            receipt = self.receipt(InteractionKey(account, key_id), ledger.what)
            if receipt is None:
                return False
            if receipt["status"] in EMPTY:
                continue
            if any(self.files.info(url) for url in self._replaced(receipt)):
                return False
            if ledger.what == "audio":
                done = self._is_out(receipt, arrival)
            elif ledger.note == TRANSCRIPT:
                done = says(receipt, arrival.object_id) or self._is_replaced(arrival)
            else:
                done = int(receipt.get("rank", 0)) >= rank
            if not done:
                return False
        return True

    def sweep(self, receipt: Receipt) -> None:
        """Purge files that others have taken the place of, where whoever replaced them was killed
        before that.
        """
        for url in self._replaced(receipt):
            self.files.purge(url)

    def _replaced(self, receipt: Receipt) -> list[str]:
        entries = entries_of(receipt)
        names = {e["replaced"] for e in entries if e.get("replaced")} - {
            e.get("file") for e in entries
        }
        return [
            self.files.join(self.folder(InteractionKey(receipt["account_id"], receipt["id"])), name)
            for name in sorted(names)
        ]

    def _is_out(self, receipt: Receipt, arrival: Arrival) -> bool:
        """Tell whether a recording is published or rejected, and its original where the policy
        wants it.
        """
        entries = entries_of(receipt)
        for entry in entries:
            if entry["object"] == arrival.object_id:
                return entry.get("original", "keep") == "keep" or self.put_away(entry)
        return any(e.get("source") == arrival.url for e in entries) and self._is_replaced(arrival)

    def _is_replaced(self, arrival: Arrival) -> bool:
        """Tell whether an object is there no more as it arrived: what has taken its place is an
        arrival of its own.
        """
        info = self.files.info(arrival.url)
        return info is None or info.etag != arrival.etag

    def put_away(self, entry: Receipt) -> bool:
        """Tell whether the original of one of a call's recordings is sealed or deleted."""
        folder = self.folder(InteractionKey(entry["account_id"], entry["id"]))
        return self.files.info(self.files.join(folder, original_names(entry)[1])) is not None

    def _json(self, url: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = orjson.loads(self.files.read(url))
        except FileNotFoundError:
            return None
        return found


@dataclass(frozen=True)
class Settled:
    """`Live.settled` as an object that travels to workers."""

    live: Live

    def __call__(self, arrival: Arrival) -> bool:
        return self.live.settled(arrival)


def tombstone(key: InteractionKey, what: What) -> Receipt:
    """Return the receipt of a part that was erased or set aside: what comes of it is not
    redacted.
    """
    return {
        "what": what,
        "account_id": key.account_id,
        "id": key.id,
        "status": "erased",
        "reason": "erased",
        "object": "",
        "file": "",
        "rank": LAST,
        "spans": None,
        "original": "keep",
    }


def state_of(receipt: Receipt) -> str:
    """Return what a receipt says of its part, as far as it tells one state from the next."""
    more = "".join(
        f" {e.get('status')} {e.get('file')} {e.get('object')}" for e in receipt.get("others") or ()
    )
    return f"{receipt.get('status')} {receipt.get('file')} {receipt.get('rank', 0)}{more}"


def outranks(receipt: Receipt, held: Receipt) -> bool:
    """Tell whether a record's receipt takes another one's place: a later snapshot, or the same with
    a transcript from a file beside it.
    """
    rank, other = int(receipt["rank"]), int(held["rank"])
    return rank > other or (
        rank == other and receipt.get("said", "") not in ("", held.get("said", ""))
    )


def is_told(receipt: Receipt) -> bool:
    """Tell whether a record's receipt says of a transcript what to cover, be it that its times fit
    no recording so far.
    """
    return receipt.get("spans") is not None or bool(receipt.get("turns"))


def says(receipt: Receipt, object_id: str) -> bool:
    """Tell whether a record's receipt takes account of a transcript's file: it is in it, or the
    record has one of its own, or could not be redacted.
    """
    own = is_told(receipt) and not receipt.get("said")
    return own or receipt.get("said") == object_id or receipt["status"] == "rejected"


def entries_of(receipt: Receipt) -> list[Receipt]:
    """Return what a receipt says of each of a call's recordings, the first of them first."""
    return [{k: v for k, v in receipt.items() if k != "others"}, *(receipt.get("others") or ())]


def with_entry(receipt: Receipt | None, old: Receipt | None, new: Receipt) -> Receipt:
    """Return a receipt in which `new` stands for `old`, or comes behind all others where `old` is
    None.
    """
    entries = entries_of(receipt) if receipt else []
    new = new | {"beside": True} if (old or {}).get("beside") or (entries and not old) else new
    entries = [new if e == old else e for e in entries] if old else [*entries, new]
    return entries[0] | ({"others": entries[1:]} if len(entries) > 1 else {})


def original_names(entry: Receipt) -> tuple[str, str]:
    """Return names of a recording's sealed original, and of the word that it was put away, in the
    call's folder.
    """
    more = f"-{entry['object'][:24]}" if entry.get("beside") else ""
    return f"original{more}.sealed", f"original{more}.json"


def _name(text: str) -> str:
    """Return a folder's name for an account or interaction id: the id itself where it can be
    one.
    """
    name = quote(text, safe="")
    if name.startswith("."):
        name = "%2E" + name[1:]
    return (
        name
        if len(name) <= _LONGEST_NAME
        else "sha256-" + hashlib.sha256(text.encode()).hexdigest()
    )
