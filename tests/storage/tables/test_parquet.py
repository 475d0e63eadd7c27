"""Parquet files: the type guard, statistics only where they may be, equal bytes, and rewriting."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.parquet_rows import LEAF, WHEN, interaction, read

from callveil.schemas import account, finding
from callveil.schemas.arrow import ACCOUNT_SCHEMA, REDACTED_INTERACTION_SCHEMA, arrow_schema
from callveil.schemas.fields import Field, ListOf, Struct, Text
from callveil.schemas.finding import Finding, FindingRow
from callveil.schemas.interaction import (
    FIELDS,
    STATE,
    InteractionKey,
    RawInteraction,
    RedactedInteraction,
    SourceRef,
)
from callveil.schemas.rejected import Rejected
from callveil.transforms.storage.files.serialization import dumps, interaction_row, rejected_row
from callveil.transforms.storage.tables import parquet
from callveil.transforms.storage.tables.column_stats import (
    leaf_columns,
    personal_traces,
    plain_leaves,
    require_no_traces,
)
from callveil.transforms.storage.tables.parquet import (
    FINDINGS,
    INTERACTIONS,
    REJECTED,
    Table,
    interactions_bytes,
    rows_to_parquet,
    write_records,
)


def test_only_redacted_interactions_are_written() -> None:
    raw = RawInteraction(InteractionKey("7", "1"), "call", WHEN, 0, {}, SourceRef("a.json"))

    class Pretender(RedactedInteraction):
        pass

    pretender = Pretender(InteractionKey("7", "1"), "call", WHEN, 0, "agency", "none", {})
    for wrong in (raw, {"account_id": "7", "id": "1"}, None, pretender):
        with pytest.raises(TypeError, match="RedactedInteraction only"):
            write_records(io.BytesIO(), INTERACTIONS, [wrong])
        with pytest.raises(TypeError, match="RedactedInteraction only"):
            interactions_bytes([wrong])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="RedactedInteraction only"):
            interaction_row(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="write_records"):
        rows_to_parquet([{"account_id": "7"}], REDACTED_INTERACTION_SCHEMA, FIELDS + STATE)
    with pytest.raises(TypeError, match="FindingRow only"):
        write_records(io.BytesIO(), FINDINGS, [{}])


def test_round_trip_of_an_interaction() -> None:
    (row,) = read(interactions_bytes([interaction(3)]))
    # JSON members keep their order.
    assert row["outline"] == [
        {
            "speaker": "agent",
            "text": "line 3",
            "channel": 2,
            "s": 0.5,
            "e": 1.5,
            "extra": '{"b":1,"a":[2]}',
        }
    ]
    assert row["custom_fields"] == '{"z":3,"a":null}'
    assert row["extra"] == '{"undeclared":3}'
    assert (row["account_id"], row["id"], row["kind"], row["called_at"], row["rank"]) == (
        "7",
        "000003",
        "call",
        WHEN,
        3,
    )
    assert (row["account_type"], row["redaction_mode"], row["redacted_fields"]) == (
        "agency",
        "content",
        ["name"],
    )
    assert row["email"] is None


def test_a_row_agrees_with_its_object() -> None:
    row = interaction_row(
        interaction(1, account_type="individual", redaction_mode="none", id="9", rank=99)
    )
    assert (row["account_type"], row["redaction_mode"], row["id"], row["rank"]) == (
        "agency",
        "content",
        "000001",
        1,
    )


def test_statistics_only_where_nothing_is_personal() -> None:
    data = interactions_bytes([interaction(n) for n in range(5)])
    assert personal_traces(io.BytesIO(data), FIELDS + STATE) == []
    metadata: Any = pq.ParquetFile(io.BytesIO(data)).metadata
    group = metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(metadata.num_columns)}
    assert set(columns) == {path for path, _ in leaf_columns(FIELDS + STATE)}
    with_statistics = {path for path, column in columns.items() if column.is_stats_set}
    assert with_statistics == set(plain_leaves(FIELDS + STATE))
    assert {
        "account_id",
        "called_at",
        "outline.list.element.s",
        "redaction_mode",
    } <= with_statistics
    assert (
        not {"name", "outline.list.element.text", "outline.list.element.extra", "agent.id", "extra"}
        & with_statistics
    )
    assert [path for path, column in columns.items() if column.bloom_filter_offset is not None] == [
        "id"
    ]


def test_no_personal_value_stands_outside_the_data_pages() -> None:
    marker = "MARKERVALUE"
    record = {
        "name": marker,
        "notes": {"k": marker},
        "outline": [{"text": marker, "speaker": marker}],
        "latitude": 12.25,
        "emails": [marker],
    }
    data = interactions_bytes([interaction(n, **record) for n in range(3)])
    metadata: Any = pq.ParquetFile(io.BytesIO(data)).metadata
    group = metadata.row_group(0)
    chunks = [group.column(n) for n in range(metadata.num_columns)]
    begin = [
        c.dictionary_page_offset if c.has_dictionary_page else c.data_page_offset for c in chunks
    ]
    after_pages = data[
        max(b + c.total_compressed_size for b, c in zip(begin, chunks, strict=True)) :
    ]
    assert marker.encode() not in after_pages
    assert (
        b"000002" in after_pages
    )  # a plain column's maximum is there, so the search would have found one


def test_the_check_finds_what_it_looks_for() -> None:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(
        [interaction_row(interaction(1))], schema=REDACTED_INTERACTION_SCHEMA
    )
    pq.write_table(table, sink)
    assert {"name", "transcription_text", "outline.list.element.text"} <= set(
        personal_traces(sink, FIELDS + STATE)
    )
    with pytest.raises(ValueError, match="name"):
        require_no_traces(sink, FIELDS + STATE)
    bloomed = io.BytesIO()
    pq.write_table(table, bloomed, write_statistics=False, bloom_filter_options={"name": True})
    assert personal_traces(bloomed, FIELDS + STATE) == ["name"]


def test_layout() -> None:
    data = interactions_bytes([interaction(n) for n in range(4100)])
    assert data == interactions_bytes([interaction(n) for n in reversed(range(4100))])
    metadata: Any = pq.ParquetFile(io.BytesIO(data)).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [
        2000,
        2000,
        100,
    ]
    order = [
        (REDACTED_INTERACTION_SCHEMA.names[c.column_index], c.descending, c.nulls_first)
        for c in metadata.row_group(0).sorting_columns
    ]
    assert order == [("account_id", False, True), ("called_at", False, True), ("id", False, True)]
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert metadata.row_group(0).column(0).has_offset_index
    assert pq.read_schema(io.BytesIO(data)).metadata[b"callveil"] == b"redacted_interaction"
    assert [r["id"] for r in read(data)] == [f"{n:06d}" for n in range(4100)]


def test_large_rows_make_small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 100_000)
    data = interactions_bytes(
        [interaction(n, transcription_text=f"{n}" * 1000) for n in range(300)]
    )
    metadata: Any = pq.ParquetFile(io.BytesIO(data)).metadata
    assert metadata.num_row_groups > 3
    assert metadata.num_rows == 300


def test_no_rows() -> None:
    data = interactions_bytes([])
    assert pq.read_table(io.BytesIO(data)).num_rows == 0
    assert personal_traces(io.BytesIO(data), FIELDS + STATE) == []


def test_order_is_required() -> None:
    with pytest.raises(ValueError, match="sorted by account_id, called_at, id"):
        write_records(io.BytesIO(), INTERACTIONS, [interaction(2), interaction(1)])
    for options in ({"sort_by": ("name",)}, {"bloom": ("name",)}):
        with pytest.raises(ValueError, match="name: a column that may hold personal data"):
            Table("accounts", ACCOUNT_SCHEMA, account.FIELDS, **options)


def test_misfit_names_the_column_and_quotes_nothing() -> None:
    with pytest.raises(ValueError, match="column duration") as caught:
        interactions_bytes([interaction(1, duration="generated-secret")])
    assert "generated-secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_finding_and_rejected_rows() -> None:
    found = Finding("notes", "PERSON", "NameRecognizer", 0.9, "label", 1, 5, 1, 9, count=2)
    row = FindingRow(found, "f1", "7", "", "1", "call", "agency", WHEN, "p", "r", WHEN)
    (stored,) = read_table(FINDINGS, [row])
    assert set(stored) == {f.name for f in finding.FIELDS}
    assert (
        stored["entity_type"],
        stored["span_end"],
        stored["count"],
        stored["event_time"],
        stored["run_id"],
    ) == ("PERSON", 5, 2, WHEN, "r")
    one = Rejected(
        SourceRef("a.json", 3, 17), "ingest", "bad_json", "no object", raw=b"{oops", account_id="7"
    )
    rows = [
        rejected_row(r, run_id="r", rejected_at=WHEN, blob="b", block=2)
        for r in (one, replace(one, source=SourceRef("a.json", 4)))
    ]
    again = rejected_row(replace(one, source=SourceRef("a.json", 4)), run_id="r", rejected_at=WHEN)
    assert rows[0]["rejected_id"] != rows[1]["rejected_id"] == again["rejected_id"]
    (stored,) = read_table(REJECTED, rows[:1])
    assert stored["size"] == 5
    assert (
        stored["line"],
        stored["byte_offset"],
        stored["index"],
        stored["reason"],
        stored["block"],
    ) == (3, 17, None, "bad_json", 2)
    assert "oops" not in repr(stored)


def read_table(table: Table, records: list[Any]) -> list[dict[str, Any]]:
    sink = io.BytesIO()
    write_records(sink, table, records)
    assert personal_traces(sink, table.fields) == []
    return read(sink.getvalue())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3),
)


@given(JSON)
def test_json_text_is_read_back(value: Any) -> None:
    import json

    assert json.loads(dumps(value)) == value


def test_json_takes_what_orjson_refuses() -> None:
    assert dumps({"b": 2**70, "a": "\ud800"}) == '{"a":"\\ud800","b":1180591620717411303424}'


NESTED = (
    LEAF,
    Field("who", Struct((Field("t", Text()), LEAF))),
    Field("many", ListOf(Struct((Field("deep", ListOf(LEAF.type), personal=False),)))),
)


def test_leaf_paths_are_parquets() -> None:
    sink = io.BytesIO()
    pq.write_table(arrow_schema(NESTED).empty_table(), sink)
    schema = pq.ParquetFile(sink).schema
    assert [schema.column(n).path for n in range(len(schema))] == [
        p for p, _ in leaf_columns(NESTED)
    ]
    assert plain_leaves(NESTED) == ["n", "who.n", "many.list.element.deep.list.element"]


@given(st.lists(st.tuples(st.none() | st.integers(0, 5), st.none() | st.text(max_size=3))))
def test_reports_are_sorted_nulls_first(rows: list[tuple[int | None, str | None]]) -> None:
    fields = (LEAF, Field("t", Text(), personal=False))
    data = rows_to_parquet(
        [{"n": n, "t": t} for n, t in rows], arrow_schema(fields), fields, ("n", "t")
    )
    expected = sorted(
        rows, key=lambda r: ((r[0] is not None, r[0] or 0), (r[1] is not None, r[1] or ""))
    )
    assert [(r["n"], r["t"]) for r in read(data)] == expected


# Rewriting
