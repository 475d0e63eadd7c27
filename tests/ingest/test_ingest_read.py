"""Bytes to records: chunks, damage, and every kind of fault. All people and numbers here are
generated.
"""

import gzip
import json
import pickle

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.interaction import RawInteraction, SourceRef
from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import Rejected
from callveil.transforms.ingest.chunks import NothingToRead, plan_chunks
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.read import InputChanged, read_chunk
from callveil.transforms.storage.files.filesystem import Files

FILES, LIMITS = Files(), InputLimits()
SOURCE = SourceRef("calls.jsonl", 1, 0)


def call(i=1, **more):
    return {"id": i, "account_id": 9, "called_at": "2026-11-01T10:00:00Z", **more}


def read(path, limits=LIMITS, chunk_bytes=32 << 20, zones=None):
    chunks, _ = plan_chunks(FILES, [str(path)], chunk_bytes)
    out = []
    for chunk in pickle.loads(pickle.dumps(chunks)):
        out += list(read_chunk(FILES, chunk, limits, zones or {}))
    return out


def ids(out):
    return [r.key.id for r in out if isinstance(r, RawInteraction)]


def rejected(out):
    return [r for r in out if isinstance(r, Rejected)]


def lines(*records):
    return b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in records)


FAULTS = [
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","name":"Zelda Quimby"',
        "bad_json",
        "",
        "9",
        "1",
    ),
    (b'{"id":1,"account_id":9,"name":"Zelda \xff Quimby"}', "bad_utf8", "", "9", "1"),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","name":"Zelda \\ud800"}',
        "lone_surrogate",
        "name",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","outline":[{"text":"Zelda '
        b'\\u0000"}]}',
        "control_character",
        "outline[0].text",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","Zelda":["\\u0000"]}',
        "control_character",
        "<undeclared>[0]",
        "9",
        "1",
    ),
    (b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","latitude":NaN}', "", "", "", ""),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","latitude":-Infinity}',
        "bad_json",
        "latitude",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","latitude":1e999}',
        "out_of_range",
        "latitude",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","name":"Zelda","name":"Quimby"}',
        "duplicate_key",
        "name",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","agent":{"name" : '
        b'"Zelda","name":"Quimby"}}',
        "duplicate_key",
        "agent.name",
        "9",
        "1",
    ),
    (
        b'{"id":null,"account_id":9,"called_at":"2026-11-01T10:00:00Z"}',
        "missing_key",
        "id",
        "9",
        "",
    ),
    (
        b'{"id":1,"account_id":" ","called_at":"2026-11-01T10:00:00Z"}',
        "missing_key",
        "account_id",
        "",
        "1",
    ),
    (b'{"id":true,"account_id":9,"called_at":"2026-11-01T10:00:00Z"}', "wrong_type", "id", "9", ""),
    (b'{"id":[1],"account_id":9,"called_at":"2026-11-01T10:00:00Z"}', "wrong_type", "id", "9", ""),
    (b'{"id":1,"account_id":9}', "bad_time", "called_at", "9", "1"),
    (
        b'{"id":1,"account_id":9,"called_at":"1801-01-01T00:00:00Z"}',
        "out_of_range",
        "called_at",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","duration":"Zelda"}',
        "wrong_type",
        "duration",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","duration":-4}',
        "out_of_range",
        "duration",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","outline":[{"text":"a","s":3,"e":1}]}',
        "",
        "",
        "",
        "",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","outline":[{"text":"a","s":"Zelda"}]}',
        "wrong_type",
        "outline[0].s",
        "9",
        "1",
    ),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","outline":"Zelda"}',
        "",
        "",
        "",
        "",
    ),
    (b'"Zelda Quimby"', "not_an_object", "", "", ""),
    (b"Zelda Quimby", "bad_json", "", "", ""),
    (b"[" * 3000, "too_deep", "", "", ""),
    (
        b'{"id":1,"account_id":9,"called_at":"2026-11-01T10:00:00Z","x":'
        + b"[" * 80
        + b"]" * 80
        + b"}",
        "too_deep",
        "",
        "9",
        "1",
    ),
]


@pytest.mark.parametrize(
    ("raw", "reason", "field", "account", "interaction"), FAULTS, ids=range(len(FAULTS))
)
def test_faults(raw, reason, field, account, interaction, tmp_path):
    (tmp_path / "calls.jsonl").write_bytes(lines(call(7), raw, call(8)))
    out = read(tmp_path)
    if not reason:
        assert ids(out) == ["7", "1", "8"]
        return
    (bad,) = rejected(out)
    assert ids(out) == ["7", "8"]
    assert (bad.reason, bad.account_id, bad.interaction_id) == (reason, account, interaction)
    assert (
        bad.field.startswith("<undeclared>")
        if reason == "too_deep" and account
        else bad.field == field
    )
    assert (bad.source.line, bad.source.offset) == (2, len(lines(call(7))))
    assert bad.raw == raw
    assert "Zelda" not in bad.detail + bad.field and "Quimby" not in bad.detail + repr(bad)


def test_whole_numbers_beyond_64_bits_keep_their_digits(tmp_path):
    digits = "123456789012345678901234567890"
    (tmp_path / "c.jsonl").write_bytes(
        b'{"id":%s,"account_id":18446744073709551615,"unix_time":1730000000,"x":%s}\n'
        % ((digits.encode(),) * 2)
    )
    (record,) = read(tmp_path)
    assert record.key == ("18446744073709551615", digits) and record.record["extra"]["x"] == digits


def test_bom_crlf_blank_lines_and_missing_last_feed(tmp_path):
    body = (
        b"\xef\xbb\xbf"
        + orjson.dumps(call(1))
        + b"\r\n\r\n   \n"
        + orjson.dumps(call(2))
        + b"\r\n\n\xef\xbb\xbf"
        + orjson.dumps(call(3))
    )
    (tmp_path / "c.ndjson").write_bytes(body)
    out = read(tmp_path)
    assert ids(out) == ["1", "2", "3"] and [r.source.line for r in out] == [1, 4, 6]


@settings(max_examples=60)
@given(data=st.data(), chunk_bytes=st.integers(1, 400))
def test_byte_ranges_give_each_line_once(tmp_path, data, chunk_bytes):
    rows = data.draw(
        st.lists(
            st.sampled_from(
                [b"", b"   ", b"{bad", *(orjson.dumps(call(i, name="n" * i)) for i in range(6))]
            ),
            max_size=12,
        )
    )
    body = b"\n".join(rows) + data.draw(st.sampled_from([b"", b"\n"]))
    path = tmp_path / "c.jsonl"
    path.write_bytes(body)
    whole = read(path)
    out = read(path, chunk_bytes=chunk_bytes)
    assert out == whole
    assert [r.source.line for r in out] == [i for i, row in enumerate(rows, 1) if row.strip()]


def test_chunk_order_and_lines_without_counting(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(lines(*(call(i) for i in range(50))))
    counted, inputs = plan_chunks(FILES, [str(path), str(tmp_path)], 500)
    blind, _ = plan_chunks(FILES, [str(path)], 500, count_lines=False)
    assert [c.ordinal for c in counted] == list(range(len(counted))) and len(inputs) == 1
    out = [r for c in blind for r in read_chunk(FILES, c, LIMITS)]
    assert [r.source.line for r in out if r.source.offset >= 500] == [None] * sum(
        r.source.offset >= 500 for r in out
    )
    assert [r.source.offset for r in out] == [
        r.source.offset for c in counted for r in read_chunk(FILES, c, LIMITS)
    ]


@pytest.mark.parametrize("size", [2_000_000, 5_000_000])
def test_long_lines_are_passed_over(tmp_path, size):
    big = b'{"id":77,"account_id":9,"notes":"' + b"x" * size + b'"}'
    (tmp_path / "c.jsonl").write_bytes(lines(call(1), big, call(2)))
    out = read(tmp_path, InputLimits(record_bytes=100_000))
    (bad,) = rejected(out)
    assert ids(out) == ["1", "2"]
    assert (bad.reason, bad.interaction_id, len(bad.raw)) == ("record_too_large", "77", 100_000)
    assert str(len(big)) in bad.detail and str(len(lines(call(1))) + 100_000) in bad.detail


def test_field_limit_and_total_limit(tmp_path):
    (tmp_path / "c.jsonl").write_bytes(
        lines(call(1, outline=[{"text": "x" * 101}]), call(2, form={"custom": ["x" * 90] * 3}))
    )
    first, second = read(tmp_path, InputLimits(field_chars=100, record_bytes=100_000))[:2]
    assert (first.reason, first.field) == ("field_too_large", "outline[0].text") and isinstance(
        second, RawInteraction
    )


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_damaged_compression_keeps_what_came_before(tmp_path, kind):
    body = lines(*(call(i, name=f"n{i * 7919}") for i in range(3000)))
    packed = (
        gzip.compress(body, mtime=0)
        if kind == "gzip"
        else zstandard.ZstdCompressor().compress(body)
    )
    path = tmp_path / ("c.jsonl.gz" if kind == "gzip" else "c.jsonl.zst")
    path.write_bytes(packed)
    assert ids(read(path)) == [str(i) for i in range(3000)]
    path.write_bytes(packed[: len(packed) * 2 // 3])
    out = read(path)
    (bad,) = rejected(out)
    assert bad.reason == "bad_compression" and ids(out) == [str(i) for i in range(len(out) - 1)]
    assert kind == "zstd" or len(out) > 1000
    flipped = bytearray(packed)
    flipped[len(flipped) // 2] ^= 0xFF
    path.write_bytes(flipped)
    assert [r.reason for r in rejected(read(path))][-1] == "bad_compression"


def test_members_frames_and_padding(tmp_path):
    (tmp_path / "c.jsonl.gz").write_bytes(
        gzip.compress(lines(call(1))) + gzip.compress(lines(call(2))) + b"\0" * 512
    )
    compressor = zstandard.ZstdCompressor()
    (tmp_path / "d.jsonl.zst").write_bytes(
        compressor.compress(lines(call(3))) + compressor.compress(lines(call(4)))
    )
    (tmp_path / "e.jsonl.gz").write_bytes(lines(call(5)))  # unpacked on the way, name kept
    assert ids(read(tmp_path)) == ["1", "2", "3", "4", "5"]


DOCUMENTS = [
    ({"calls": [call(1), call(2)], "page": 1, "per_page": 150, "next_page": None}, ["1", "2"]),
    ({"account_id": 5, "messages": [{"id": 1, "called_at": 1730000000}]}, ["1"]),
    ([call(1), {"call": call(2)}], ["1", "2"]),
    (call(1), ["1"]),
    ({"event": "end", "call": call(1)}, ["1"]),
    ({"interaction": call(1)}, ["1"]),
    ({"message": call(1)}, ["1"]),
    ({"form": {**call(1), "form_id": 3}}, ["1"]),
    ({"chat": call(1)}, ["1"]),
    ({"calls": []}, []),
]


@pytest.mark.parametrize("pack", [None, gzip.compress])
@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize(("doc", "expected"), DOCUMENTS)
def test_documents(doc, expected, indent, pack, tmp_path):
    body = json.dumps(doc, indent=indent).encode()
    (tmp_path / ("d.json.gz" if pack else "d.json")).write_bytes(pack(body) if pack else body)
    out = read(tmp_path)
    assert ids(out) == expected and not rejected(out)


def test_json_with_lines_inside(tmp_path):
    (tmp_path / "c.json").write_bytes(lines(call(1), b"{broken", {"call": call(2)}))
    assert ids(read(tmp_path)) == ["1", "2"]
    (tmp_path / "c.json").write_bytes(
        b'{"calls": [\n' + orjson.dumps(call(1)) + b",\n" + orjson.dumps(call(2)) + b"\n]}"
    )
    assert ids(read(tmp_path)) == ["1", "2"]


def test_one_bad_record_of_a_page_does_not_reject_the_others(tmp_path):
    page = b'{"calls":[%s,{"id":2,"account_id":9,"name":"\\ud800"},7,{"account_id":9},%s]}' % (
        orjson.dumps(call(1)),
        orjson.dumps(call(5)),
    )
    (tmp_path / "p.json").write_bytes(page)
    out = read(tmp_path)
    assert ids(out) == ["1", "5"]
    assert [(r.reason, r.source.index, r.interaction_id) for r in rejected(out)] == [
        ("lone_surrogate", 1, "2"),
        ("not_an_object", 2, ""),
        ("missing_key", 3, ""),
    ]
    assert all(r.raw for r in rejected(out)) and json.loads(rejected(out)[0].raw)["id"] == 2


def test_unreadable_and_oversized_documents(tmp_path):
    (tmp_path / "a.json").write_bytes(b'[{"id": 1, "account_id": 9},')
    (tmp_path / "b.json").write_bytes(orjson.dumps([call(i) for i in range(100)]))
    a, b = read(tmp_path, InputLimits(document_bytes=1000))
    assert (a.reason, b.reason) == ("bad_json", "record_too_large") and "jq" in b.detail


def test_empty_files_and_patterns(tmp_path):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "README.txt").write_text("not data")
    chunks, inputs = plan_chunks(FILES, [str(tmp_path)])
    assert not chunks and [i.url.endswith("empty.jsonl") for i in inputs] == [True]
    with pytest.raises(InputError, match="nothing to read"):
        plan_chunks(FILES, [str(tmp_path / "nowhere" / "*.jsonl")])
    with pytest.raises(InputError, match="no input"):
        plan_chunks(FILES, [])
    with pytest.raises(NothingToRead, match="1 file of kinds that are not read"):
        plan_chunks(FILES, [str(tmp_path / "README.txt")])


def test_changed_input_is_refused(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(lines(call(1)))
    (chunk,), _ = plan_chunks(FILES, [str(path)])
    path.write_bytes(lines(call(1), call(2)))
    assert ids(list(read_chunk(FILES, chunk, LIMITS))) == ["1"]
    path.write_bytes(b"{}\n")
    with pytest.raises(InputChanged):
        list(read_chunk(FILES, chunk, LIMITS))


def test_parquet(tmp_path):
    path = tmp_path / "c.parquet"
    rows = [
        {
            "id": i,
            "account_id": "9",
            "called_at": f"2026-11-01T10:00:{i % 60:02}Z",
            "outline": json.dumps([{"text": "hi", "s": 0}]),
        }
        for i in range(500)
    ]
    rows[3]["id"] = None
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100)
    chunks, _ = plan_chunks(FILES, [str(path)], 1)
    assert [c.row_groups for c in chunks] == [(0,), (1,), (2,), (3,), (4,)]
    out = read(path, chunk_bytes=1)
    assert [r.source.index for r in out] == list(range(500))
    (bad,) = rejected(out)
    assert (bad.reason, bad.field, bad.source.index) == ("missing_key", "id", 3)
    assert out[0].record["outline"] == [{"text": "hi", "s": 0.0}] and out[0].called_at.second == 0


def test_parquet_types_and_damage(tmp_path):
    path = tmp_path / "c.parquet"
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "account_id": ["9", "9"],
            "called_at": pa.array([1_730_000_000_000] * 2, pa.timestamp("ms", "UTC")),
            "latitude": pa.array([1, None], pa.decimal128(5, 0)),
            "custom_fields": pa.array([[("colour", "red")], []], pa.map_(pa.string(), pa.string())),
            "name": pa.array([b"ok", b"\xff\xfe"], pa.binary()),
        }
    )
    pq.write_table(table, path)
    good, bad = read(path)
    assert (
        good.record["custom_fields"] == {"colour": "red"}
        and good.record["latitude"] == 1.0
        and good.record["name"] == "ok"
    )
    assert bad.reason == "bad_utf8" and b"9" in bad.raw
    path.write_bytes(path.read_bytes()[:-20])
    assert [r.reason for r in read(path)] == ["bad_parquet"]


def test_s3(s3_bucket, s3_server):
    files = Files(s3_server)
    bucket = s3_bucket if str(s3_bucket).startswith("s3://") else f"s3://{s3_bucket}"
    files.write(f"{bucket}/in/a.jsonl", lines(*(call(i) for i in range(200))))
    files.write(f"{bucket}/in/b.json.gz", gzip.compress(orjson.dumps({"calls": [call(900)]})))
    chunks, inputs = plan_chunks(files, [f"{bucket}/in/"], 2000)
    out = [r for c in chunks for r in read_chunk(files, c, LIMITS)]
    assert (
        ids(out) == [*(str(i) for i in range(200)), "900"] and len(inputs) == 2 and len(chunks) > 5
    )
