"""Files of many kinds, as they lie in the folders of those who export calls: what is read, and what
is named. All records are generated.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.orc as orc
import pyarrow.parquet as pq
import zstandard


def call(number: int) -> dict[str, Any]:
    """A generated call."""
    return {
        "id": number,
        "account_id": 9,
        "called_at": "2026-11-01T10:00:00Z",
        "notes": f"call number {number}",
    }


def lines(*numbers: int) -> bytes:
    """JSON lines."""
    return b"".join(orjson.dumps(call(n)) + b"\n" for n in numbers)


def one(number: int) -> bytes:
    """A call without a line feed."""
    return orjson.dumps(call(number))


def array(*numbers: int, indent: int | None = None) -> bytes:
    """A JSON array."""
    return json.dumps([call(n) for n in numbers], indent=indent).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def tarred(data: bytes) -> bytes:
    """A tar archive of one file."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        info = tarfile.TarInfo("calls.jsonl")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def parquet(rows: Iterable[dict[str, Any]], **how: Any) -> bytes:
    """A Parquet file."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), sink, **how)
    return sink.getvalue()


def arrow(write: Any) -> bytes:
    """Return one row as pyarrow writes it in another format."""
    sink = io.BytesIO()
    write(pa.table({"id": [1]}), sink)
    return sink.getvalue()


READ: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "calls.jsonl": (lines(1, 2), (1, 2)),
    "calls.ndjson": (lines(3), (3,)),
    "calls.json": (array(4, 5), (4, 5)),
    "page.json": (orjson.dumps({"calls": [call(6)], "page": 1}), (6,)),
    "hook.json": (orjson.dumps({"call": call(7)}), (7,)),
    "no-suffix": (lines(8, 9), (8, 9)),
    "array.txt": (array(10, 11), (10, 11)),
    "export.csv": (lines(12, 13), (12, 13)),
    "calls.jsonl.gz": (gzip.compress(lines(14, 15)), (14, 15)),
    "packed-without-suffix": (gzip.compress(lines(16, 17)), (16, 17)),
    "named.gz": (lines(18, 19), (18, 19)),
    "calls.json.bz2": (bz2.compress(lines(20, 21)), (20, 21)),
    "calls.jsonl.zstd": (zstandard.ZstdCompressor().compress(lines(22, 23)), (22, 23)),
    "calls.zz": (zlib.compress(lines(26, 27)), (26, 27)),
    "twice.gz.gz": (gzip.compress(gzip.compress(lines(28))), (28,)),
    "calls.zip": (
        zipped(
            {
                "a/calls.jsonl": lines(29),
                "b.json": array(30, 31),
                "c.gz": gzip.compress(lines(32)),
                ".DS_Store": b"\0",
            }
        ),
        (29, 30, 31, 32),
    ),
    "firehose-1-2026-11-01-10-00-00-5f0c": (one(33) + one(34) + one(35), (33, 34, 35)),
    "firehose-2.gz": (gzip.compress(one(36) + one(37)), (36, 37)),
    "sometimes.jsonl": (one(38) + one(39) + b"\n" + one(40) + b"\n", (38, 39, 40)),
    "pretty.json": (b"\n".join(json.dumps(call(n), indent=2).encode() for n in (41, 42)), (41, 42)),
    "pretty-array.json": (array(43, 44, indent=1), (43, 44)),
    "part-00000": (lines(45, 46), (45, 46)),
    "part-00001-c000.snappy.parquet": (
        parquet([call(47), call(48)], compression="snappy"),
        (47, 48),
    ),
    "columns": (parquet([call(49)], compression="gzip"), (49,)),
    "sequence.json": (b"\x1e" + one(50) + b"\n\x1e" + one(51) + b"\n", (50, 51)),
    "commas.json": (one(52) + b",\n" + one(53), (52, 53)),
    "bom.json": (b"\xef\xbb\xbf" + array(54), (54,)),
    "crlf.jsonl": (lines(55, 56).replace(b"\n", b"\r\n"), (55, 56)),
    "log-before.txt": (b"export of 1 November\n" + lines(57), (57,)),
    "empty.jsonl": (b"", ()),
    "blank.json": (b"\n \n", ()),
    "empty.gz": (gzip.compress(b""), ()),
}
"""Files that are read, with the ids of their calls. One line of `log-before.txt` is rejected."""

NOT_READ: dict[str, tuple[bytes, str]] = {
    "table.csv": (b"call_id,account,when\n1,2,3\n", "csv"),
    "table.txt": (b"call_id;account\n1;2\n", "csv"),
    "table.tsv": (b"call_id\taccount\n1\t2\n", "csv"),
    "table.gz": (gzip.compress(b"id,account_id\n1,2\n"), "csv"),
    "calls.yaml": (b"- id: 1\n  account_id: 2\n", "yaml"),
    "README.txt": (b"exported on Monday\n", "text"),
    "access.log": (b"2026-11-01 10:00:00 INFO start: one\n2026-11-01 stop\n", "text"),
    "denied.html": (b"<html><body>403</body></html>", "markup"),
    "denied": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "markup"),
    "utf16.json": (one(90).decode().encode("utf-16"), "encoding"),
    "utf16-bare.json": (one(91).decode().encode("utf-16-le"), "encoding"),
    "latin.txt": ("id,naïve\n1,2\n".encode("latin-1"), "encoding"),
    "calls.tar": (tarred(lines(92)), "archive"),
    "calls.tar.gz": (gzip.compress(tarred(lines(93))), "archive"),
    "calls.7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "archive"),
    "calls.jsonl.xz": (lzma.compress(lines(24, 25)), "archive"),
    "calls.lz4": (b"\x04\x22\x4d\x18abcd\x01", "archive"),
    "calls.snappy": (b"\xff\x06\x00\x00sNaPpYabc", "archive"),
    "cut.zip": (zipped({"calls.jsonl": lines(94)})[:100], "archive"),
    "thrice.zip": (zipped({"inner.zip": zipped({"calls.jsonl": lines(95)})}), "archive"),
    "calls.orc": (arrow(orc.write_table), "columns"),
    "calls.feather": (arrow(feather.write_feather), "columns"),
    "calls.avro": (b"Obj\x01\x04\x14avro.codec", "columns"),
    "calls.db": (b"SQLite format 3\0\x10\0", "columns"),
    "calls.xlsx": (zipped({"[Content_Types].xml": b"x", "xl/workbook.xml": b"y"}), "media"),
    "terms.pdf": (b"%PDF-1.7\n%\xe2\xe3", "media"),
    "1.wav": (b"RIFF\x24\0\0\0WAVEfmt ", "media"),
    "1.m4a": (b"\0\0\0\x20ftypM4A ", "media"),
    "logo.png": (b"\x89PNG\r\n\x1a\n", "media"),
    "calls.gpg": (b"-----BEGIN PGP MESSAGE-----\n", "encrypted"),
    "calls.parquet.gz": (gzip.compress(parquet([call(96)])), "packed_parquet"),
    "core": (b"\x7fELF\x02\x01\x01\0\0", "unknown"),
}
"""Files that are not read, with the reason."""

PASSED_OVER = (".hidden.jsonl", "_SUCCESS", "calls.jsonl.tmp", "calls.jsonl~")
"""Names that are passed over."""
