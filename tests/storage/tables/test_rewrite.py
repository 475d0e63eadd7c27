"""Parquet files rewritten: rows that stay keep their bytes, and damage is noticed."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.parquet_rows import LEAF, interaction, read

from callveil.schemas.arrow import arrow_schema
from callveil.schemas.fields import Field, Text
from callveil.schemas.interaction import (
    FIELDS,
    STATE,
)
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.column_stats import (
    require_no_traces,
)
from callveil.transforms.storage.tables.parquet import (
    INTERACTIONS,
    Table,
    TableWriter,
    publish_records,
)
from callveil.transforms.storage.tables.rewrite import (
    BatchEdit,
    RewriteError,
    change_keys,
    change_rows,
    rewrite_file,
)


@pytest.fixture
def stored(files: Files, store_root: str) -> Any:
    records = [interaction(n) for n in range(2300)]
    return (
        files,
        store_root,
        publish_records(
            files, store_root, "interactions/day=x/a-1.parquet", INTERACTIONS, {"day": "x"}, records
        ),
    )


def test_rewrite_keeps_changes_and_drops(stored: Any) -> None:
    files, root, entry = stored
    old = read(files.read(files.join(root, entry.path)))

    def change(row: dict[str, Any]) -> dict[str, Any] | None:
        number = int(row["id"])
        return None if number % 10 == 0 else row | {"notes": "null"} if number % 10 == 1 else row

    done = rewrite_file(
        files, root, entry, "interactions/day=x/b-a-1.parquet", INTERACTIONS, change_rows(change)
    )
    new = read(files.read(files.join(root, "interactions/day=x/b-a-1.parquet")))
    assert new == [c for r in old if (c := change(r)) is not None]
    assert (done.rows_before, done.rows_after) == (2300, 2070)
    assert done.entry is not None
    assert (done.entry.rows, done.entry.partition, done.entry.dataset) == (
        2070,
        entry.partition,
        "interactions",
    )
    assert files.sha256(files.join(root, done.entry.path)) == (done.entry.sha256, done.entry.bytes)
    with files.open(files.join(root, done.entry.path)) as source:
        require_no_traces(source, FIELDS + STATE)
    assert files.sha256(files.join(root, entry.path))[0] == entry.sha256


def test_rewrite_by_key_and_to_nothing(stored: Any) -> None:
    files, root, entry = stored
    gone = {("7", "000005"), ("7", "001999")}
    dropping = change_keys(("account_id", "id"), gone)
    done = rewrite_file(files, root, entry, "interactions/b.parquet", INTERACTIONS, dropping)
    assert (done.rows_before, done.rows_after) == (2300, 2298)
    nothing = rewrite_file(
        files,
        root,
        entry,
        "interactions/c.parquet",
        INTERACTIONS,
        change_rows(lambda r: None),
    )
    assert (nothing.rows_after, nothing.entry) == (0, None)
    assert files.info(files.join(root, "interactions/c.parquet")) is None


def test_rewrite_that_keeps_all_gives_the_same_bytes(stored: Any) -> None:
    files, root, entry = stored
    for number, keep in enumerate(
        (change_rows(lambda r: r), change_rows(dict), change_keys(("id",), ()))
    ):
        done = rewrite_file(
            files, root, entry, f"interactions/{number}.parquet", INTERACTIONS, keep
        )
        assert done.entry is not None
        assert done.entry.sha256 == entry.sha256


def test_rewrite_refuses_what_does_not_fit(tmp_path: Path) -> None:
    files, root = Files(), str(tmp_path)
    entry = publish_records(
        files, root, "interactions/a.parquet", INTERACTIONS, {}, [interaction(1)]
    )
    keep = change_rows(lambda r: r)
    with pytest.raises(ValueError, match="name of its own"):
        rewrite_file(files, root, entry, entry.path, INTERACTIONS, keep)
    with pytest.raises(RewriteError, match="its entry says 2"):
        rewrite_file(
            files, root, replace(entry, rows=2), "interactions/b.parquet", INTERACTIONS, keep
        )
    (tmp_path / "interactions/a.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(RewriteError, match="not readable as Parquet"):
        rewrite_file(files, root, entry, "interactions/b.parquet", INTERACTIONS, keep)
    assert not (tmp_path / "interactions/b.parquet").exists()


def test_damaged_page_is_noticed(tmp_path: Path) -> None:
    files, root = Files(), str(tmp_path)
    entry = publish_records(
        files, root, "interactions/a.parquet", INTERACTIONS, {}, [interaction(n) for n in range(50)]
    )
    path = tmp_path / entry.path
    data = bytearray(path.read_bytes())
    metadata: Any = pq.ParquetFile(io.BytesIO(data)).metadata
    column = next(
        c
        for n in range(metadata.num_columns)
        if (c := metadata.row_group(0).column(n)).path_in_schema == "transcription_text"
    )
    data[column.data_page_offset + column.total_compressed_size - 5] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(RewriteError, match="not readable"):
        rewrite_file(
            files, root, entry, "interactions/b.parquet", INTERACTIONS, change_rows(lambda r: r)
        )


def test_rewrite_of_an_older_schema_fills_with_nulls_and_refuses_a_newer_one(
    tmp_path: Path,
) -> None:
    files, root = Files(), str(tmp_path)
    entry = publish_records(
        files,
        root,
        "rejected/a.parquet",
        Table("rejected", arrow_schema((LEAF,)), (LEAF,)),
        {},
        [{"n": 1}, {"n": 2}],
    )
    today = (LEAF, Field("added", Text()))
    done = rewrite_file(
        files,
        root,
        entry,
        "rejected/b.parquet",
        Table("rejected", arrow_schema(today), today),
        change_rows(lambda r: r),
    )
    assert done.entry is not None
    assert read(files.read(files.join(root, done.entry.path))) == [
        {"n": 1, "added": None},
        {"n": 2, "added": None},
    ]
    with pytest.raises(RewriteError, match="added"):
        rewrite_file(
            files,
            root,
            done.entry,
            "rejected/c.parquet",
            Table("rejected", arrow_schema((LEAF,)), (LEAF,)),
            change_rows(lambda r: r),
        )


def test_batches_of_another_schema_are_refused() -> None:
    writer = TableWriter(io.BytesIO(), INTERACTIONS)
    with pytest.raises(ValueError, match="another schema"):
        writer.append_batch(pa.RecordBatch.from_pylist([{"a": 1}]))
    writer.abandon()


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "drop", "replace", "clear"]),
        st.integers(0, 9),
        st.text(max_size=3),
    ),
    max_size=12,
)


@given(ROWS)
@settings(deadline=None)
def test_edits_do_to_each_row_what_was_said_of_it(rows: list[tuple[str, int, str]]) -> None:
    schema = pa.schema({"n": pa.int64(), "t": pa.string(), "more": pa.list_(pa.string())})
    stored = [{"n": n, "t": t, "more": [t, t]} for _, n, t in rows]
    counts: Counter[str] = Counter()
    edit = BatchEdit(pa.RecordBatch.from_pylist(stored, schema=schema), counts)
    expected, gone = [], []
    for place, ((what, n, _), row) in enumerate(zip(rows, stored, strict=True)):
        assert edit.row(place) == row
        if what == "drop":
            edit.drop(place, what)
            gone.append(row)
            continue
        new = {
            "replace": {"n": n + 1, "t": None, "more": []},
            "clear": row | {"t": None, "more": None},
        }.get(what, row)
        if what == "replace":
            edit.replace(place, new, what)
        elif what == "clear":
            edit.clear(place, ("t", "more"), what)
        expected.append(new)
    assert list(edit.keys("n", "t")) == [(r["n"], r["t"]) for r in stored]
    assert edit.result().to_pylist() == expected
    assert edit.dropped().to_pylist() == gone
    assert counts == Counter(what for what, _, _ in rows if what != "keep")


def test_rows_that_go_are_handed_over(stored: Any) -> None:
    files, root, entry = stored
    gone = {("7", "000005"), ("7", "001999")}
    kept: list[Any] = []
    change = change_keys(("account_id", "id"), gone)
    path = "interactions/b.parquet"
    done = rewrite_file(files, root, entry, path, INTERACTIONS, change, kept.append)
    assert {(r["account_id"], r["id"]) for b in kept for r in b.to_pylist()} == gone
    assert done.counts.total() == len(gone) and done.rows_after == done.rows_before - 2
