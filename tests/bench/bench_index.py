"""An identifier index of many rows, and how much of it a search for one person reads. Run by itself
for the 10-million-row bar:

python tests/bench/bench_index.py 10000000
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from callveil.schemas.arrow import SUBJECT_INDEX_SCHEMA
from callveil.schemas.manifest import RunManifest
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.identity.identifiers import Identifier, identifier_token
from callveil.transforms.storage.index.identifier_index import (
    BUCKETS,
    SUBJECTS,
    lookup_entries,
    token_bucket,
)
from callveil.transforms.storage.tables.parquet import TableWriter, publish_bytes

RUNS = 4
"""Runs that wrote the index: files of each bucket."""


class Counting(Files):
    """Files that count the bytes that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        return _Reader(super().open(url, offset), self)  # type: ignore[return-value]


class _Reader:
    def __init__(self, source: BinaryIO, files: Counting) -> None:
        self._source, self._files = source, files

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._files.bytes += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *rest: object) -> None:
        self._source.close()


def hexes(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
    """Random digests of 32 hex digits."""
    return np.array([bytes(row).hex() for row in rng.integers(0, 256, (count, 16), dtype=np.uint8)])


def build(root: Path, rows: int) -> tuple[str, list[str], int]:
    """Write an index of `rows` rows in four runs; one person has three identifiers in 40 records
    each. Returns root, digests, bytes.
    """
    keyring = Keyring.open_or_create(root / "keys" / "keyring.json")
    files, output = Files(), str(root / "store")
    store = Store.open_or_create(files, output, str(root / "keys" / "keyring.json"))
    person = [
        identifier_token(keyring, Identifier(kind, value))
        for kind, value in (
            ("phone", "+12125550101"),
            ("email", "a@b.example"),
            ("visitor", "vis1"),
        )
    ]
    rng = np.random.default_rng(7)
    size = 0
    for run in range(RUNS):
        run_id = hashlib.sha256(f"scale {run}".encode()).hexdigest()
        entries = []
        for bucket in range(BUCKETS):
            count = rows // RUNS // BUCKETS
            drawn = hexes(rng, count)
            # The bucket is told by the first digits: draw them so that they fall into it.
            heads = (rng.integers(0, 2**26, count) * BUCKETS + bucket) % 2**32
            names = [f"{h:08x}{t[8:]}" for h, t in zip(heads, drawn, strict=True)]
            names += [t for t in person if token_bucket(t) == bucket for _ in range(10)]
            order = np.argsort(names, kind="stable")
            names = [names[i] for i in order]
            ids = [str(5_000_000_000 + int(n)) for n in rng.integers(0, 2**31, len(names))]
            table = pa.table(
                {
                    "token": names,
                    "kind": ["phone"] * len(names),
                    "role": ["contact"] * len(names),
                    "field": ["caller_number"] * len(names),
                    "record_class": ["interaction"] * len(names),
                    "account_id": [str(1000 + i % 500) for i in range(len(names))],
                    "record_id": ids,
                    "item_type": [""] * len(names),
                    "item_id": [""] * len(names),
                    "day": ["2026-10-01"] * len(names),
                    "digest": [t[:24] for t in hexes(rng, len(names))],
                    "key_id": [keyring.active] * len(names),
                    "seq": [run + 1] * len(names),
                    "links": pa.nulls(len(names), SUBJECT_INDEX_SCHEMA.field("links").type),
                },
            ).cast(SUBJECT_INDEX_SCHEMA)
            with temporary_file() as sink:
                writer = TableWriter(sink, SUBJECTS)
                for batch in table.to_batches(max_chunksize=2_000):
                    writer.append_batch(batch)
                written = writer.close()
                partition = {"bucket": f"{bucket:02d}"}
                path = data_path(SUBJECTS.name, partition, run_id, f"{run + 1:08d}")
                entries.append(
                    publish_bytes(
                        files,
                        output,
                        path,
                        SUBJECTS.name,
                        partition,
                        sink,
                        written,
                        writer.accounts,
                    )
                )
        base = store.current()
        manifest = RunManifest(
            run_id,
            **base.chain(),
            job="scale",
            as_of=dt.datetime(2026, 11, 1, tzinfo=dt.UTC).isoformat(),
            tool_version="t",
            policy_name="p",
            policy_sha256="0",
            added=tuple(sorted(entries)),
        )
        store.publish(manifest, base)
        size += sum(e.bytes for e in entries)
    return output, person, size


def read_share(root: Path, rows: int) -> float:
    """Share of the index' bytes that a search for one person's three identifiers reads."""
    output, person, size = build(root, rows)
    files = Counting()
    snapshot = Store.open(files, output).current()
    files.bytes = 0
    started = time.process_time()
    found = lookup_entries(files, output, snapshot, person)
    seconds = time.process_time() - started
    if len({e.token for e in found}) != 3 or len(found) != 3 * 10 * RUNS:
        raise AssertionError(f"{len(found)} entries found")
    print(
        f"{rows:,} rows, {size:,} bytes: read {files.bytes:,} ({files.bytes / size:.4%}) in "
        f"{seconds:.2f} s of CPU"
    )
    return files.bytes / size


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        share = read_share(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
        sys.exit(share >= 0.01)
