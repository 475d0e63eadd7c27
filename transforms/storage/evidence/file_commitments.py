"""Commitments to the rows of a data file, and what shows which rows a rewritten file kept."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from callveil.schemas.evidence import FileProof, FileRewrite
from callveil.schemas.manifest import FileEntry
from callveil.transforms.storage.evidence.canonical_rows import (
    RowsError,
    commitment_hint,
    read_canonical_rows,
)
from callveil.transforms.storage.evidence.checksums import PIECE, PieceSum, pack_sums, piece_sum
from callveil.transforms.storage.evidence.merkle import leaf_hashes
from callveil.transforms.storage.evidence.merkle import root_hash as root_of
from callveil.transforms.storage.evidence.proofs import (
    FileDetail,
    RewriteDetail,
)
from callveil.transforms.storage.evidence.salts import FileSalts
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import (
    StoreError,
)

WHOLE_BYTES = 32 << 20
"""Files up to this size are held whole in memory, one at a time."""


class Committed(NamedTuple):
    """Evidence of one file: what is signed of it, its salts and details; for one that replaces
    another, the evidence of that rewrite as well.
    """

    proof: FileProof
    salts: FileSalts
    detail: FileDetail
    rewrite: tuple[FileRewrite, RewriteDetail] | None = None


@dataclass
class PreparedEvidence:
    """Evidence of a run's files before it is committed.

    Attributes:
        files: what is signed of each. salts, details: by path. rewrites: old path by new path, with
            what is signed of it.
    """

    files: list[FileProof] = field(default_factory=list)
    salts: dict[str, FileSalts] = field(default_factory=dict)
    details: dict[str, FileDetail] = field(default_factory=dict)
    rewrites: dict[str, tuple[FileRewrite, RewriteDetail]] = field(default_factory=dict)

    def add(self, file: Committed) -> None:
        """Add a file."""
        path = file.proof.path
        self.files.append(file.proof)
        self.salts[path], self.details[path] = file.salts, file.detail
        if file.rewrite:
            self.rewrites[path] = file.rewrite


def commit_to(
    files: Files,
    root: str,
    entry: FileEntry,
    is_table: bool,
    known: tuple[FileEntry, FileSalts, list[bytes]] | None = None,
) -> Committed:
    """Read a file and commit to its rows.

    Args:
        files, root: the store.
        is_table: whether it has rows.
        known: the file it replaces, with the salts and rows of that.

    Raises `StoreError` where it is missing, or not as its entry says.
    """
    rows, source = _read_rows(files, root, entry, is_table)
    with source:
        kept = _kept(rows, known[2]) if rows is not None and known else []
        salts = (
            known[1].carried(kept) if rows is not None and known else FileSalts.new(len(rows or []))
        )
        sums = _sums(files.join(root, entry.path), entry, source, salts.pad)
    leaves = leaf_hashes(salts.by_row(), rows) if rows is not None else []
    rewrite = None
    if known and rows is not None:
        old, before, old_rows = known
        stays = {there for there in kept if there is not None}
        gone = [n for n in range(len(old_rows)) if n not in stays]
        row_salts = before.by_row()
        tombstones = leaf_hashes([row_salts[n] for n in gone], [old_rows[n] for n in gone])
        rewrite = _rewrite(old, entry, kept, len(old_rows), tombstones)
    return _committed(entry, salts, sums, leaves if rows is not None else None, rewrite)


class MappingError(ValueError):
    """A rewritten file does not hold the rows that are said to have stayed."""


class ReplacedFile(NamedTuple):
    """A file that another took the place of, as far as it needs not be read again.

    Attributes:
        entry: the file. salts: of its rows. root: over them, as it was signed, hex.
        places: of rows that did not stay, ascending. dropped: whether each was dropped, or has
            another row in its place. rows: they as they were committed to.
    """

    entry: FileEntry
    salts: FileSalts
    root: str
    places: tuple[int, ...]
    dropped: tuple[bool, ...]
    rows: list[bytes]


def commit_to_rewrite(files: Files, root: str, entry: FileEntry, old: ReplacedFile) -> Committed:
    """Read a file that replaces another and commit to its rows; the other is not read: that the
    rest of its rows are here is shown by its signed root, which these and those that went lead to.

    Raises `MappingError` where they do not, `StoreError` as `commit_to` does.
    """
    kept: list[int | None] = []
    at = 0
    for place, is_dropped in zip(old.places, old.dropped, strict=True):
        kept += range(at, place)
        kept += [] if is_dropped else [None]
        at = place + 1
    kept += range(at, old.entry.rows)
    rows, source = _read_rows(files, root, entry, True)
    if rows is None or len(rows) != len(kept):
        raise MappingError("another number of rows than was told")
    with source:
        salts = old.salts.carried(kept)
        sums = _sums(files.join(root, entry.path), entry, source, salts.pad)
    leaves = leaf_hashes(salts.by_row(), rows)
    row_salts = old.salts.by_row()
    tombstones = leaf_hashes([row_salts[n] for n in old.places], old.rows)
    rewrite = _rewrite(old.entry, entry, kept, old.entry.rows, tombstones)
    if root_of(rewrite[1].old_leaves(leaves)).hex() != old.root:
        raise MappingError("other rows than were told")
    return _committed(entry, salts, sums, leaves, rewrite)


def _read_rows(
    files: Files, root: str, entry: FileEntry, is_table: bool
) -> tuple[list[bytes] | None, BinaryIO]:
    """Return the rows of a file, None where it has none or they cannot be read, and a reader at its
    beginning. Raises `StoreError` where it is missing.
    """
    url, rows = files.join(root, entry.path), None
    try:
        source = open_data_file(files, url, entry.bytes)
        if is_table:
            with suppress(RowsError):
                rows = list(read_canonical_rows(source))
        source.seek(0)
    except FileNotFoundError:
        raise StoreError(
            f"{url}: missing; it was not written to its end, or changed since. Run the job again"
        ) from None
    return rows, source


def _committed(
    entry: FileEntry,
    salts: FileSalts,
    sums: list[PieceSum],
    leaves: list[bytes] | None,
    rewrite: tuple[FileRewrite, RewriteDetail] | None,
) -> Committed:
    proof = FileProof(
        entry.path,
        entry.dataset,
        entry.rows,
        entry.bytes,
        entry.sha256,
        root_of(leaves).hex() if leaves is not None else "",
        salts.sha256(),
    )
    detail = FileDetail(pack_sums(sums), b"".join(map(commitment_hint, leaves or ())))
    return Committed(proof, salts, detail, rewrite)


def open_data_file(files: Files, url: str, size: int) -> BinaryIO:
    """Return a reader of a file; one of ordinary size is fetched whole, which in S3 is one request
    instead of several.
    """
    return io.BytesIO(files.read(url)) if size <= WHOLE_BYTES else files.open(url)


def _sums(url: str, entry: FileEntry, source: BinaryIO, pad: bytes) -> list[PieceSum]:
    sums: list[PieceSum] = []
    digest, size = hashlib.sha256(), 0
    while piece := _exactly(source, PIECE):
        digest.update(piece)
        sums.append(piece_sum(pad, len(sums), piece))
        size += len(piece)
    problem = entry.differs(digest.hexdigest(), size)
    if problem:
        raise StoreError(
            f"{url}: {problem}; it was not written to its end, or changed since. Run the job again"
        )
    return sums


def _exactly(source: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes, fewer only at the end."""
    data = source.read(size)
    while data and len(data) < size:
        more = source.read(size - len(data))
        if not more:
            break
        data += more
    return data


def _kept(rows: list[bytes], old: list[bytes]) -> list[int | None]:
    """For each row the equal one of the old file, each taken once and in order where there are
    several.
    """
    places: dict[bytes, list[int]] = defaultdict(list)
    for place in range(len(old) - 1, -1, -1):
        places[hashlib.sha256(old[place]).digest()].append(place)
    out: list[int | None] = []
    for row in rows:
        found = places.get(hashlib.sha256(row).digest())
        out.append(found.pop() if found else None)
    return out


def _rewrite(
    old: FileEntry,
    new: FileEntry,
    kept: list[int | None],
    rows: int,
    tombstones: list[bytes],
) -> tuple[FileRewrite, RewriteDetail]:
    spans: list[list[int]] = []
    for here, there in enumerate(kept):
        if there is None:
            continue
        if spans and spans[-1][0] + spans[-1][2] == here and spans[-1][1] + spans[-1][2] == there:
            spans[-1][2] += 1
        else:
            spans.append([here, there, 1])
    stays = sum(there is not None for there in kept)
    spans_of = tuple((a, b, c) for a, b, c in spans)
    detail = RewriteDetail(old.path, rows, spans_of, b"".join(tombstones))
    return FileRewrite(old.path, new.path, stays, rows - stays, len(kept) - stays), detail
