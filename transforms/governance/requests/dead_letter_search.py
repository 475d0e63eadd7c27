"""A person's data in the rejected zone: what could not be read was not indexed, so its sealed
content is opened and looked through.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.schemas.manifest import FileEntry
from callveil.transforms.governance.requests.controller import Controller
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import count_accounts
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader, EncryptedWriter
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.files.strict_json import peek_key
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.identity.record_identifiers import (
    CONTACT,
    NUMBER,
    interaction_people,
)
from callveil.transforms.storage.tables.dead_letters import CONTENT, PURPOSE
from callveil.transforms.storage.tables.mutation import RowMutation
from callveil.transforms.storage.tables.parquet import REJECTED, publish_bytes
from callveil.transforms.storage.tables.rewrite import BatchEdit, EditRows

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class DeadLetterHit(NamedTuple):
    """A rejected record that is about the person.

    Attributes:
        path: reasons file. rejected_id: its row.
        blob, block, position: its content; -1 and empty where none was kept.
    """

    path: str
    rejected_id: str
    blob: str
    block: int
    position: int


@dataclass(frozen=True)
class SearchTarget:
    """Identifiers and interactions that are looked for.

    Attributes:
        tokens: digests of confirmed identifiers.
        known: those known in clear.
        keys: the person's own interactions. mentioned: others of which a redacted record says that
            they are mentioned.
        rejected: digests of identifiers that are not the person's; content with one is somebody
            else's.
        controller: whose records are looked through.
    """

    tokens: frozenset[str]
    known: tuple[Identifier, ...]
    keys: frozenset[InteractionKey]
    mentioned: frozenset[InteractionKey] = frozenset()
    rejected: frozenset[str] = frozenset()
    controller: Controller = field(default_factory=Controller)


def subject_roles(keyring: Keyring, raw: RawInteraction, looking: SearchTarget) -> set[str]:
    """Return what the person is in a raw record; nothing where its contact is somebody else."""
    found = [
        (p.role, set(ids.identifier_tokens(keyring, p.identifier).values()))
        for p in interaction_people(raw)
    ]
    if any(role == CONTACT and digests & looking.rejected for role, digests in found):
        return set()
    return {role for role, digests in found if looking.tokens & digests}


def mentions_subject(keyring: Keyring, content: bytes, looking: SearchTarget) -> bool:
    """Tell whether rejected content holds one of the person's identifiers."""
    text = unescape_json(content.decode("utf-8", "replace"))
    regions = {
        ids.REGION,
        *(ids.region_of_number(i.value) for i in looking.known if i.kind == "phone"),
    } - {""}
    found = {
        Identifier("email", a) for m in ids.EMAIL.finditer(text) if (a := ids.normal_email(m[0]))
    }
    found |= {
        Identifier("phone", n)
        for m in NUMBER.finditer(text)
        for region in regions
        if (n := ids.normal_phone(m[0], region))
    }
    digests = {t for i in found for t in ids.identifier_tokens(keyring, i).values()}
    if digests & looking.rejected:
        return False
    if digests & looking.tokens:
        return True
    folded = text.casefold()
    for identifier in looking.known:
        if identifier.kind in ("visitor", "ip") and identifier.value.casefold() in folded:
            return True
        if identifier.kind == "name_address":
            name, place = identifier.value.split("|", 1)
            if place in ids.normal_place(folded) and set(name.split()) <= set(
                ids.normal_name(folded).split()
            ):
                return True
    return False


def count_unowned(store: Store, snapshot: Snapshot) -> int:
    """Tell how many rejected records name no account, so that nothing says whose they are."""
    files = snapshot.by_dataset(REJECTED.name)
    return sum(count_accounts(store, file).get("", 0) for file in files)


def unescape_json(text: str) -> str:
    """Return a text as it reads once JSON's escapes are undone: `\\n4155550123` is a number at the
    beginning of a line.
    """
    if "\\" not in text:
        return text
    read = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPES.get(m[2], m[2]), text)
    return read.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def search_dead_letters(
    store: Store, keyring: Keyring, snapshot: Snapshot, looking: SearchTarget
) -> list[DeadLetterHit]:
    """Return every rejected record that is about the person. Reads and opens the whole zone; raises
    `SealedError` where the keyring does not open it.
    """
    blobs: dict[str, list[tuple[FileEntry, dict[str, object]]]] = defaultdict(list)
    out: list[DeadLetterHit] = []
    columns = ["rejected_id", "account_id", "interaction_id", "blob", "block", "size"]
    for file in snapshot.by_dataset(REJECTED.name):
        if not any(map(looking.controller.holds, count_accounts(store, file))):
            continue
        with store.files.open(store.url(file.path)) as source:
            for row in pq.read_table(source, columns=columns).to_pylist():
                if not looking.controller.holds(row["account_id"]):
                    continue
                if row["blob"]:
                    blobs[row["blob"]].append((file, row))
                elif (
                    InteractionKey(row["account_id"] or "", row["interaction_id"] or "")
                    in looking.keys
                ):
                    out.append(DeadLetterHit(file.path, row["rejected_id"], "", -1, -1))
    live = {f.path for f in snapshot.by_dataset(CONTENT)}
    for blob, rows in sorted(blobs.items()):
        if blob in live:  # content goes before its reasons do
            out += _scan_blob(store, keyring, blob, rows, looking)
    return sorted(out)


def _scan_blob(
    store: Store,
    keyring: Keyring,
    blob: str,
    rows: list[tuple[FileEntry, dict[str, object]]],
    looking: SearchTarget,
) -> Iterator[DeadLetterHit]:
    with store.files.open(store.url(blob)) as source:
        reader = EncryptedReader(source, keyring, blob, PURPOSE)
        for block in range(reader.blocks):
            here = [(file, row) for file, row in rows if row["block"] == block]
            for position, content in enumerate(reader.read_block(block)):
                row = _row_of(here, content)
                if row is None and not looking.controller.holds(peek_key(content)[0]):
                    continue
                own = (
                    row
                    and InteractionKey(
                        str(row[1]["account_id"] or ""), str(row[1]["interaction_id"] or "")
                    )
                    in looking.keys
                )
                if own or mentions_subject(keyring, content, looking):
                    yield DeadLetterHit(
                        row[0].path if row else "",
                        str(row[1]["rejected_id"]) if row else "",
                        blob,
                        block,
                        position,
                    )
                if row:
                    here.remove(row)


def _row_of(
    rows: list[tuple[FileEntry, dict[str, object]]], content: bytes
) -> tuple[FileEntry, dict[str, object]] | None:
    """Return the reasons row of some content: the one of its size, and of its key where several
    have that.
    """
    same = [r for r in rows if r[1]["size"] == len(content)]
    if len(same) > 1:
        key = tuple(k or "" for k in peek_key(content))
        same = [
            r for r in same if (r[1]["account_id"] or "", r[1]["interaction_id"] or "") == key
        ] or same
    return same[0] if same else None


def erase_dead_letters(
    store: Store, keyring: Keyring, snapshot: Snapshot, run_id: str, hits: Iterable[DeadLetterHit]
) -> tuple[list[FileEntry], list[FileEntry]]:
    """Take records out of the rejected zone. The numbers of the blocks that stay are the same,
    since the reasons name them.

    Returns: files added and removed.
    """
    live = {f.path: f for f in snapshot.files}
    by_blob: dict[str, set[tuple[int, int]]] = defaultdict(set)
    by_file: dict[str, set[str]] = defaultdict(set)
    for hit in hits:
        if hit.blob:
            by_blob[hit.blob].add((hit.block, hit.position))
        if hit.path:
            by_file[hit.path].add(hit.rejected_id)
    mutation = RowMutation(store.files, store.root, snapshot, run_id)
    moved: dict[str, str] = {}
    for blob, gone in sorted(by_blob.items()):
        entry = live[blob]
        name = f"{snapshot.seq:08d}.{_stem(blob)}"
        path = data_path(CONTENT, dict(entry.partition), run_id, name, ".sealed")
        new = _without(store, keyring, entry, path, gone)
        mutation.removed.append(entry)
        mutation.added.append(new)
        moved[blob] = new.path
    for file in snapshot.by_dataset(REJECTED.name):
        gone_rows = by_file.get(file.path, set())
        if gone_rows or _names(store, file, moved):
            mutation.edit_file(
                file, f"{snapshot.seq:08d}.{_stem(file.path)}", _moved(gone_rows, moved)
            )
    return mutation.added, mutation.removed


def _stem(path: str) -> str:
    """Return a short name that tells a file's successor from those of others."""
    return hashlib.sha256(path.encode()).hexdigest()[:12]


def _names(store: Store, file: FileEntry, moved: dict[str, str]) -> bool:
    if not moved:
        return False
    with store.files.open(store.url(file.path)) as source:
        return bool(
            set(pq.read_table(source, columns=["blob"]).column(0).to_pylist()) & moved.keys()
        )


def _moved(gone: set[str], moved: dict[str, str]) -> EditRows:
    def edit_rows(edit: BatchEdit) -> None:
        for place, (rejected_id, blob) in enumerate(edit.keys("rejected_id", "blob")):
            if rejected_id in gone:
                edit.drop(place)
            elif blob in moved:
                edit.replace(place, edit.row(place) | {"blob": moved[blob]})

    return edit_rows


def _without(
    store: Store, keyring: Keyring, entry: FileEntry, path: str, gone: set[tuple[int, int]]
) -> FileEntry:
    """Return a sealed file anew, without some records: an emptied block holds one empty record, so
    that later blocks keep their numbers.
    """
    with store.files.open(store.url(entry.path)) as source, temporary_file() as sink:
        reader = EncryptedReader(source, keyring, entry.path, PURPOSE)
        with EncryptedWriter(sink, keyring, path, PURPOSE, block_bytes=1 << 40) as writer:
            for block in range(reader.blocks):
                kept = [
                    r for n, r in enumerate(reader.read_block(block)) if (block, n) not in gone
                ] or [b""]
                for record in kept:
                    writer.append(record)
                if block + 1 < reader.blocks:
                    writer.cut()
        return publish_bytes(store.files, store.root, path, CONTENT, dict(entry.partition), sink)
