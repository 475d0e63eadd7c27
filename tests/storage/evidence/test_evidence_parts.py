"""Salts, trees, sums and records, each against a plain account of what it must be."""

from __future__ import annotations

import datetime as dt
import hashlib
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.transforms.storage.evidence.canonical_rows import (
    commitment_hint,
    describe_changed_rows,
    row_bytes,
)
from callveil.transforms.storage.evidence.checksums import (
    PIECE,
    locate_changes,
    pack_sums,
    piece_sum,
    unpack_sums,
)
from callveil.transforms.storage.evidence.file_commitments import (
    MappingError,
    ReplacedFile,
    commit_to,
    commit_to_rewrite,
)
from callveil.transforms.storage.evidence.merkle import leaf_hash, root_hash
from callveil.transforms.storage.evidence.proofs import FileDetail, Proofs, RewriteDetail
from callveil.transforms.storage.evidence.salts import FileSalts, SaltTree
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.index.suppression_list import ERASED
from callveil.transforms.storage.tables.parquet import publish_records
from callveil.transforms.storage.tables.rewrite import BatchEdit, rewrite_file


def rfc6962(leaves: list[bytes]) -> bytes:
    """The definition as the RFC words it, with leaves that are hashed already."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + rfc6962(leaves[:k]) + rfc6962(leaves[k:])).digest()


@given(st.integers(0, 70))
def test_the_root_is_that_of_rfc_6962(n: int) -> None:
    leaves = [hashlib.sha256(str(i).encode()).digest() for i in range(n)]
    assert root_hash(leaves) == rfc6962(leaves)


@given(st.integers(1, 70), st.data())
def test_destroyed_salts_cannot_be_grown_again_and_others_stay(n: int, data: st.DataObject) -> None:
    tree = SaltTree.grown(n)
    before = tree.salts()
    assert sorted(before) == list(range(n)) and len(set(before.values())) == n
    gone: set[int] = set()
    for _ in range(data.draw(st.integers(1, 3))):
        gone |= data.draw(st.sets(st.integers(0, n - 1)))
        tree = tree.without(gone)
    assert tree.salts() == {i: s for i, s in before.items() if i not in gone}
    depth = max(n - 1, 0).bit_length()
    for level, place in tree.seeds:  # no seed that is left has a destroyed leaf below it
        assert not {g >> (depth - level) for g in gone} & {place} or all(
            g >> (depth - level) != place for g in gone
        )


@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_a_rewritten_file_keeps_the_salts_of_the_rows_it_keeps(n: int, rng: random.Random) -> None:
    old = FileSalts.new(n)
    salts, rows = old.by_row(), list(range(n))
    now: FileSalts = old
    held: list[int | None] = list(rows)
    for _ in range(3):
        kept: list[int | None] = [i for i in range(len(held)) if rng.random() < 0.7]
        for _ in range(rng.randrange(3)):
            kept.insert(rng.randrange(len(kept) + 1), None)
        now = now.carried(kept)
        held = [None if k is None else held[k] for k in kept]
        now = FileSalts.decode(now.encode())
        for place, was in enumerate(held):
            if was is not None:
                assert now.by_row()[place] == salts[was]
    assert len(now.by_row()) == len(held)
    left = {s for t in now.trees for s in t.salts().values()}
    assert left == set(now.by_row()), "a salt is left that no row needs"


@settings(max_examples=60)
@given(st.integers(1, 3 * PIECE), st.randoms(use_true_random=False))
def test_one_changed_byte_is_found_exactly(size: int, rng: random.Random) -> None:
    data, pad = rng.randbytes(size), rng.randbytes(32)
    sums = unpack_sums(
        pack_sums(
            [piece_sum(pad, n, data[n * PIECE : (n + 1) * PIECE]) for n in range(-(-size // PIECE))]
        )
    )
    digest = hashlib.sha256(data).digest()
    assert (
        locate_changes(pad, sums, size, data, lambda d: hashlib.sha256(d).digest() == digest) == []
    )
    at = rng.randrange(size)
    now = (data[at] + rng.randrange(1, 256)) % 256
    changed = data[:at] + bytes([now]) + data[at + 1 :]
    assert locate_changes(
        pad, sums, size, changed, lambda d: hashlib.sha256(d).digest() == digest
    ) == [(at, at + 1, True, data[at], now)]
    longer = locate_changes(pad, sums, size, data + b"x", lambda d: False)
    assert longer and longer[-1].end == size + 1 and not longer[-1].exact
    other = bytearray(data)
    for _ in range(3):
        other[rng.randrange(size)] ^= 1 + rng.randrange(255)
    found = locate_changes(
        pad, sums, size, bytes(other), lambda d: hashlib.sha256(d).digest() == digest
    )
    differ = {i for i in range(size) if other[i] != data[i]}
    assert all(any(c.start <= i < c.end for c in found) for i in differ)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12), st.data())
def test_rows_are_named(values: list[int], data: st.DataObject) -> None:
    at = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    rows = row_bytes(
        pa.RecordBatch.from_pylist([{"n": v, "at": at, "of": {"a": v}} for v in values])
    )
    later = pa.schema(
        [
            ("new", pa.string()),
            ("of", pa.struct([("a", pa.int64())])),
            ("n", pa.int64()),
            ("at", pa.timestamp("us", tz="UTC")),
        ]
    )
    assert rows == row_bytes(
        pa.RecordBatch.from_pylist(
            [{"n": v, "at": at, "of": {"a": v}} for v in values], schema=later
        )
    )
    assert rows[0] == b'{"at":%d,"n":%d,"of":{"a":%d}}' % (
        at.timestamp() * 1_000_000,
        values[0],
        values[0],
    )
    salts = FileSalts.new(len(rows)).by_row()
    hints = b"".join(commitment_hint(leaf_hash(s, r)) for s, r in zip(salts, rows, strict=True))
    assert describe_changed_rows(rows, salts, hints) == []
    n = data.draw(st.integers(0, len(rows) - 1))
    assert describe_changed_rows([*rows[:n], b"{}", *rows[n + 1 :]], salts, hints) == [
        f"row {n} was changed"
    ]
    (out,) = describe_changed_rows(rows[:n] + rows[n + 1 :], salts, hints)
    named = int(out.removeprefix("row ").removesuffix(" was taken out"))
    assert rows[:named] + rows[named + 1 :] == rows[:n] + rows[n + 1 :]
    (put,) = describe_changed_rows([*rows[:n], b"{}", *rows[n:]], salts, hints)
    assert put == f"row {n} was put in"


@given(st.integers(0, 20), st.integers(0, 5), st.randoms(use_true_random=False))
def test_old_commitments_follow_from_rows_that_are_left_and_tombstones(
    n: int, fresh: int, rng: random.Random
) -> None:
    old = [rng.randbytes(32) for _ in range(n)]
    kept = [i for i in range(n) if rng.random() < 0.6]
    new = [old[i] for i in kept] + [rng.randbytes(32) for _ in range(fresh)]
    spans = tuple((here, there, 1) for here, there in enumerate(kept))
    detail = RewriteDetail("old", n, spans, b"".join(old[i] for i in range(n) if i not in kept))
    again = Proofs.decode(Proofs({"f": FileDetail(b"1", b"2")}, {"new": detail}).encode())
    assert again.rewrites["new"] == detail and again.files == {"f": FileDetail(b"1", b"2")}
    assert detail.old_leaves(new) == old
    if kept:
        with pytest.raises(IndexError):
            RewriteDetail("old", n, spans[1:], detail.tombstones).old_leaves(new)


@settings(max_examples=40)
@given(fates=st.lists(st.sampled_from(["stays", "goes", "changes"]), min_size=1, max_size=30))
def test_a_rewrite_that_tells_its_rows_is_committed_to_as_one_that_is_compared(
    tmp_path_factory: pytest.TempPathFactory, fates: list[str]
) -> None:
    files, root = Files(), str(tmp_path_factory.mktemp("store"))
    rows = [{"token": f"{n:04d}", "request_id": f"r{n % 3}"} for n in range(len(fates))]
    place = (files, root)
    old = publish_records(*place, "erased/x/0-a.parquet", ERASED, {}, rows)
    first = commit_to(*place, old, True)

    def change(edit: BatchEdit) -> None:
        for n, fate in enumerate(fates):
            if fate == "goes":
                edit.drop(n)
            elif fate == "changes":
                edit.replace(n, rows[n] | {"request_id": "another"})

    done = rewrite_file(*place, old, "erased/x/1-a.parquet", ERASED, change)
    if done.entry is None:
        return
    before = row_bytes(pa.RecordBatch.from_pylist(rows, ERASED.schema))
    compared = commit_to(*place, done.entry, True, (old, first.salts, before))
    gone = [row for batch in done.changes.rows() for row in row_bytes(batch)]
    told = ReplacedFile(
        old, first.salts, first.proof.root, done.changes.places, done.changes.dropped, gone
    )
    made = commit_to_rewrite(*place, done.entry, told)
    assert made.rewrite == compared.rewrite
    if "changes" not in fates:  # whose salts are drawn anew
        assert made.proof.root == compared.proof.root
    if "goes" in fates and "stays" in fates:
        wrong = tuple(sorted({n for n, f in enumerate(fates) if f == "stays"}))[: len(gone)]
        if len(wrong) == len(gone):
            with pytest.raises(MappingError):
                commit_to_rewrite(*place, done.entry, told._replace(places=wrong))
    with pytest.raises(MappingError):
        commit_to_rewrite(*place, done.entry, told._replace(root="00" * 32))
