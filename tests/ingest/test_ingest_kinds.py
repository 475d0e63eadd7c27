"""Files below an input: read, or named with the reason, by their content alone; and stores, which
are neither. All people are generated.
"""

from __future__ import annotations

import bz2
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.file_kinds import NOT_READ, PASSED_OVER, READ, call, lines, one, parquet, zipped

from callveil.schemas.arrow import FINDING_SCHEMA
from callveil.schemas.interaction import RawInteraction
from callveil.schemas.policy import InputLimits
from callveil.transforms.ingest import streams as unpacking
from callveil.transforms.ingest.chunks import NothingToRead, plan_input
from callveil.transforms.ingest.discover import InputError, refuse_overlap
from callveil.transforms.ingest.lines import ValueReader
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import STORE_FILE

FILES, LIMITS = Files(), InputLimits()


def ids(place: str | Path, files: Files = FILES) -> tuple[int, ...]:
    """Ids of the calls that are read from a place."""
    found = [
        item
        for chunk in plan_input(files, [str(place)]).chunks
        for item in read_chunk(files, chunk, LIMITS)
    ]
    return tuple(int(item.key.id) for item in found if isinstance(item, RawInteraction))


@pytest.mark.parametrize("name", READ)
def test_what_is_read(tmp_path: Path, name: str) -> None:
    data, wanted = READ[name]
    (tmp_path / name).write_bytes(data)
    assert ids(tmp_path) == ids(tmp_path / name) == wanted
    assert not plan_input(FILES, [str(tmp_path)]).not_read


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_named(tmp_path: Path, name: str) -> None:
    data, reason = NOT_READ[name]
    (tmp_path / name).write_bytes(data)
    for place in (tmp_path, tmp_path / name):
        plan = plan_input(FILES, [str(place)])
        (refused,) = plan.not_read
        assert (refused.reason, plan.chunks) == (reason, []) and refused.url.startswith(
            str(tmp_path / name)
        )
        with pytest.raises(NothingToRead, match="1 file of kinds that are not read"):
            plan.required()


def test_a_folder_of_all_of_them_on_disk_and_on_s3(
    tmp_path: Path, files: Files, s3_bucket: str
) -> None:
    everything = {name: data for name, (data, _) in (READ | NOT_READ).items()} | dict.fromkeys(
        PASSED_OVER, b"{never read"
    )
    for name, data in everything.items():
        (tmp_path / name).write_bytes(data)
        files.write(f"s3://{s3_bucket}/in/{name}", data)
    wanted = sorted(n for _, found in READ.values() for n in found)
    for place in (str(tmp_path), f"s3://{s3_bucket}/in"):
        plan = plan_input(files, [place])
        assert sorted(ids(place, files)) == wanted
        assert {f.url.rpartition("/")[2].partition("!")[0]: f.reason for f in plan.not_read} == {
            name: why for name, (_, why) in NOT_READ.items()
        }
        assert {i.url.rpartition("/")[2] for i in plan.inputs} == {*READ, "thrice.zip"} - {
            "thrice.zip"
        }
        assert plan.empty == 3


def test_links_and_pipes_are_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "calls.jsonl").write_bytes(lines(1))
    os.symlink(tmp_path / "elsewhere", tmp_path / "in" / "folder")
    os.symlink(tmp_path / "elsewhere" / "calls.jsonl", tmp_path / "in" / "calls")
    os.symlink(tmp_path / "gone", tmp_path / "in" / "gone.jsonl")
    os.mkfifo(tmp_path / "in" / "pipe")
    assert {
        Path(f.url).name: f.reason for f in plan_input(FILES, [str(tmp_path / "in")]).not_read
    } == dict.fromkeys(("folder", "gone.jsonl", "pipe"), "link")
    assert ids(tmp_path / "in") == (1,)


# Stores


def test_parquet_that_callveil_wrote_is_no_input(tmp_path: Path) -> None:
    from callveil.schemas.finding import FIELDS
    from callveil.transforms.storage.tables.parquet import rows_to_parquet

    (tmp_path / "report.parquet").write_bytes(rows_to_parquet([], FINDING_SCHEMA, FIELDS))
    (tmp_path / "theirs.parquet").write_bytes(parquet([call(1)]))
    assert [(Path(f.url).name, f.reason) for f in plan_input(FILES, [str(tmp_path)]).not_read] == [
        ("report.parquet", "own_output")
    ]
    assert ids(tmp_path) == (1,)


def test_another_store_below_an_input_is_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_bytes(lines(1))
    store = tmp_path / "old"
    (store / STORE_FILE).parent.mkdir(parents=True)
    (store / STORE_FILE).write_text("{}")
    (store / "rejected_content").mkdir()
    (store / "rejected_content" / "a.jsonl").write_bytes(lines(2))
    for place in (str(tmp_path), f"{tmp_path}/**"):
        assert [(f.url, f.reason) for f in plan_input(FILES, [place]).not_read] == [
            (str(store), "store")
        ]
        assert ids(place) == (1,)
    for place in (store, store / "rejected_content", store / "rejected_content" / "*.jsonl"):
        with pytest.raises(InputError, match="lies in the store"):
            plan_input(FILES, [str(place)])


def test_another_store_below_a_prefix_of_s3(files: Files, s3_bucket: str) -> None:
    root = f"s3://{s3_bucket}/raw"
    for name, data in (
        ("calls.jsonl", lines(1)),
        (f"old/{STORE_FILE}", b"{}"),
        ("old/live/a.json", one(2)),
    ):
        files.write(f"{root}/{name}", data)
    assert [(f.url, f.reason) for f in plan_input(files, [root]).not_read] == [
        (f"{root}/old", "store")
    ]
    assert ids(root, files) == (1,)
    with pytest.raises(InputError, match="lies in the store"):
        plan_input(files, [f"{root}/old/live/"])
    nothing = plan_input(files, [f"s3://{s3_bucket}/nothing/"])
    with pytest.raises(NothingToRead):
        nothing.required()


OVERLAPS = (
    ("in", "in/store", True),
    ("in/", "in", True),
    ("in/store/x", "in/store", True),
    ("in/store/a.jsonl", "in/store", True),
    (".", "store", True),
    ("in/../in", "in/store", True),
    ("link", "in/store", True),
    ("in", "link/store", True),
    ("in/**", "in/store", True),
    ("in/*/*.jsonl", "in/store", True),
    ("in/**/*.jsonl", "in/a/store", True),
    ("in/s*", "in/store/deep", False),
    ("in/*.jsonl", "in/store", False),
    ("in/2026*/*.jsonl", "in/store", False),
    ("in", "out", False),
    ("in", "inn", False),
    ("in/a.jsonl", "in/store", False),
    ("s3://b/in", "s3://b/in/store", True),
    ("s3://b/in/", "s3://b/in", True),
    ("s3://b", "s3://b/store/", True),
    ("s3://b//in", "s3://b/in/store", True),
    ("s3://b/store/x", "s3://b/store", True),
    ("s3://b/in", "s3://b/in-store", False),
    ("s3://a/in", "s3://b/in", False),
    ("in", "s3://b/in", False),
)


@pytest.mark.parametrize(("source", "output", "refused"), OVERLAPS)
def test_a_store_below_an_input_and_an_input_below_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, output: str, refused: bool
) -> None:
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "in", tmp_path / "link")
    monkeypatch.chdir(tmp_path)
    if refused:
        with pytest.raises(InputError, match=r"lies (in the store|below the input)"):
            refuse_overlap(FILES, [source], output)
    else:
        refuse_overlap(FILES, [source], output)


# Unpacking

BLANK = b"{" + b" " * (24 << 20)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bomb.gz", gzip.compress(BLANK)),
        ("bomb.bz2", bz2.compress(BLANK)),
        ("bomb.gz.gz", gzip.compress(gzip.compress(BLANK))),
        ("bomb.zip", zipped({"a": BLANK})),
    ],
)
def test_what_unfolds_beyond_measure_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes
) -> None:
    monkeypatch.setattr(unpacking, "ALWAYS_BYTES", 8 << 20)
    monkeypatch.setattr("callveil.transforms.ingest.discover.ALWAYS_BYTES", 8 << 20)
    (tmp_path / name).write_bytes(data)
    plan = plan_input(FILES, [str(tmp_path)])
    told = [f.detail for f in plan.not_read]
    told += [
        item.detail
        for chunk in plan.chunks
        for item in read_chunk(FILES, chunk, LIMITS)
        if not isinstance(item, RawInteraction)
    ]
    assert any("unfolds to more than 250 times its size" in text for text in told), told


@pytest.mark.parametrize("kind", ["bz2", "zip"])
def test_damage_costs_only_what_is_behind_it(tmp_path: Path, kind: str) -> None:
    body = lines(*range(20_000))
    data = bytearray(bz2.compress(body, 1) if kind == "bz2" else zipped({"calls.jsonl": body}))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / f"calls.{kind}").write_bytes(data)
    found = [
        item
        for chunk in plan_input(FILES, [str(tmp_path)]).chunks
        for item in read_chunk(FILES, chunk, LIMITS)
    ]
    good = [int(item.key.id) for item in found if isinstance(item, RawInteraction)]
    bad = [item.reason for item in found if not isinstance(item, RawInteraction)]
    assert good == list(range(len(good))) and bad[-1] == "bad_compression" and len(good) > 100


# Values that run together

texts = st.text(st.characters(codec="utf-8"), max_size=6)
nested = st.recursive(
    texts | st.integers(-9, 9) | st.booleans(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3),
    max_leaves=6,
)
values = st.dictionaries(texts, nested, max_size=4)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Data in blocks."""
    return (data[at : at + size] for at in range(0, len(data), size))


@settings(max_examples=200)
@given(
    st.lists(values, max_size=5),
    st.sampled_from([b"", b" ", b"\n", b",\n", b"\x1e", b"\r\n\r\n"]),
    st.integers(1, 40),
    st.booleans(),
)
def test_values_come_out_whole_however_they_are_cut(
    docs: list[dict[str, object]], between: bytes, size: int, pretty: bool
) -> None:
    written = [orjson.dumps(d, option=orjson.OPT_INDENT_2 if pretty else 0) for d in docs]
    data = between.join(written)
    found = list(ValueReader(cut(data, size), 1 << 20))
    assert [f.raw for f in found] == written
    assert all(
        data[f.offset : f.offset + f.size] == f.raw
        and f.number == 1 + data[: f.offset].count(b"\n")
        for f in found
    )


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_are_given_out_but_for_what_separates(data: bytes, size: int) -> None:
    found = list(ValueReader(cut(data, size), 1 << 20))
    assert b"".join(f.raw for f in found).translate(None, b" \t\r\n,\x1e") == data.translate(
        None, b" \t\r\n,\x1e"
    )
    assert found == list(ValueReader([data], 1 << 20))


def test_a_broken_value_costs_itself(tmp_path: Path) -> None:
    (tmp_path / "firehose").write_bytes(
        one(1) + b'{"id": 2, "notes": "cut off\n' + one(3) + b"junk" + one(4)
    )
    found = [
        item
        for chunk in plan_input(FILES, [str(tmp_path)]).chunks
        for item in read_chunk(FILES, chunk, LIMITS)
    ]
    assert [int(i.key.id) if isinstance(i, RawInteraction) else i.reason for i in found] == [
        1,
        "bad_json",
        3,
        "bad_json",
        4,
    ]
