"""A small object read from memory reads as the file does."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from support.landed_calls import records

from callveil.schemas.arrival import Arrival
from callveil.schemas.policy import InputLimits
from callveil.transforms.ingest.cached_object import MOST, CachedObject, cache_small_object
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.files.filesystem import Files


@pytest.fixture
def at(tmp_path: Path) -> Arrival:
    rows = records(tmp_path / "sample", 12)
    path = tmp_path / "calls.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return Arrival(str(path), "e", path.stat().st_size, 5.0)


@pytest.mark.parametrize("packed", [False, True])
def test_records_are_those_of_the_file(at, packed):
    if packed:
        path = Path(at.url + ".gz")
        path.write_bytes(gzip.compress(Path(at.url).read_bytes()))
        at = Arrival(str(path), "e", path.stat().st_size, 5.0)
    files = Files()
    fetched = CachedObject(files, at)
    once, twice = (
        [
            item
            for chunk in plan_chunks(f, [at.url])[0]
            for item in read_chunk(f, chunk, InputLimits())
        ]
        for f in (files, fetched)
    )
    assert len(once) == 12
    assert once == twice


def test_parts_and_readers_are_those_of_the_file(at):
    files, fetched = Files(), CachedObject(Files(), at)
    for start, length in ((0, None), (0, 0), (7, 100), (at.size - 3, 10), (at.size + 1, 5)):
        assert fetched.read(at.url, start, length) == files.read(at.url, start, length)
    assert fetched.open(at.url, 9).read(20) == files.read(at.url, 9, 20)
    assert fetched.info(at.url).size == at.size
    assert [i.url for i in fetched.glob(at.url)] == [at.url]


def test_nothing_else_is_reached_and_what_is_gone_is_told(at, tmp_path):
    fetched = CachedObject(Files(), at)
    assert fetched.info("other") is None
    with pytest.raises(FileNotFoundError):
        fetched.read("other")
    with pytest.raises(FileNotFoundError):
        CachedObject(Files(), Arrival(str(tmp_path / "gone"), "e", 3, 1.0))


def test_local_files_and_large_objects_are_read_where_they_are(at):
    files = Files()
    assert cache_small_object(files, at) is files
    assert cache_small_object(files, Arrival("s3://calls/large.jsonl", "e", MOST + 1, 1.0)) is files
