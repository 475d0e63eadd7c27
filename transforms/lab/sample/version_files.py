"""Write a sample of version logs to files.

    OUT/versions/native-*.jsonl.gz    native events
    OUT/versions/paper_trail.csv      rows of paper_trail, states as YAML
    OUT/versions/paper_trail.parquet  rows of paper_trail, states as JSON
    OUT/versions/late.yaml            what comes late, and a second time
    OUT/versions-gold.jsonl           (when asked for) each object's states over time, and every
                                      planted value

The same arguments give the same bytes.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.sample.versions import (
    SALT,
    VersionedObject,
    VersionStep,
    generate_objects,
    native_event,
    paper_trail,
)
from callveil.transforms.lab.sample.world import random_stream

PART = 100_000
"""Native events of one file."""


@dataclass
class VersionsSummary:
    """Counts of what was written."""

    out_dir: str
    seed: int
    accounts: int = 0
    objects: int = 0
    versions: int = 0
    repeated: int = 0
    events: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)


def write_versions(
    out_dir: str | Path,
    seed: int,
    per_account: int = 8,
    accounts: int = 20,
    days: int = 30,
    end: dt.date = dt.date(2026, 11, 1),
    gold: bool = False,
) -> VersionsSummary:
    """Write version logs; see the module's text for the layout.

    Args:
        out_dir: where `versions/` goes; it must not be there yet.
        seed: any integer. per_account: objects of each account. accounts: how many, the same as
            `Sample` has for this seed.
        days: versions lie in the days before `end`.
        gold: write `versions-gold.jsonl`, which holds every planted value in clear.

    Raises:
        FileExistsError: there are versions already.
    """
    out = Path(out_dir)
    (out / "versions").mkdir(parents=True, exist_ok=False)
    last = dt.datetime.combine(end, dt.time(), dt.UTC)
    summary = VersionsSummary(str(out), seed, accounts)
    events: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    sinks = _Sinks(out / "versions", random_stream(seed, SALT + 1, 0))
    notes = (out / "versions-gold.jsonl").open("wb") if gold else None
    try:
        for account in range(accounts):
            for thing in generate_objects(
                seed, account, per_account, last - dt.timedelta(days=days), last
            ):
                summary.objects += 1
                kinds[thing.kind] += 1
                for step in thing.steps:
                    summary.versions += 1
                    events[step.event] += 1
                    sinks.put(thing, step)
                if notes:
                    states = [[s.version_id, s.when.isoformat(), s.after] for s in thing.steps]
                    line = {
                        "generated": True,
                        "account_id": thing.firm.account_id,
                        "item_type": thing.kind,
                        "item_id": thing.item_id,
                        "shape": thing.shape,
                    }
                    notes.write(
                        orjson.dumps(line | {"states": states, "planted": thing.planted}) + b"\n"
                    )
    finally:
        sinks.close()
        if notes:
            notes.close()
    summary.repeated, summary.events, summary.kinds = (
        sinks.repeated,
        dict(sorted(events.items())),
        dict(sorted(kinds.items())),
    )
    return summary


class _Sinks:
    """The files of a sample of versions."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder, rng
        self.repeated = self.natives = 0
        self.native: Any = None
        self.table = (folder / "paper_trail.csv").open("w", encoding="utf-8", newline="")
        names = [
            "id",
            "account_id",
            "agency_id",
            "item_type",
            "item_id",
            "event",
            "whodunnit",
            "object",
            "created_at",
        ]
        self.csv = csv.DictWriter(self.table, names)
        self.csv.writeheader()
        self.schema = pa.schema([(name, pa.string()) for name in names])
        self.parquet: Any = None
        self.rows: list[JsonObject] = []
        self.late = (folder / "late.yaml").open("w", encoding="utf-8")

    def put(self, thing: VersionedObject, step: VersionStep) -> None:
        """Write one version where its shape goes; some come late, and some twice."""
        row = native_event(thing, step) if thing.shape == "native" else paper_trail(thing, step)
        draw = self.rng.random()
        if draw < 0.05:
            self.late.write("---\n" + yaml.safe_dump(row))
            self.repeated += draw < 0.02
            if draw >= 0.02:
                return
        if thing.shape == "native":
            if self.natives % PART == 0:
                self._close_native()
                # No time and no name in the header, so that the same sample has the same bytes.
                self.native = gzip.GzipFile(
                    "",
                    "wb",
                    6,
                    (self.folder / f"native-{self.natives // PART:03d}.jsonl.gz").open("wb"),
                    mtime=0,
                )
            self.natives += 1
            self.native.write(orjson.dumps(row) + b"\n")
        elif thing.shape == "yaml":
            self.csv.writerow(row)
        else:
            self.rows.append(row)
            if len(self.rows) >= 5_000:
                self._flush()

    def _close_native(self) -> None:
        if self.native is not None:
            raw = self.native.fileobj
            self.native.close()
            raw.close()

    def _flush(self) -> None:
        if self.rows:
            self.parquet = self.parquet or pq.ParquetWriter(
                self.folder / "paper_trail.parquet", self.schema, compression="zstd"
            )
            self.parquet.write_table(pa.Table.from_pylist(self.rows, self.schema))
            self.rows = []

    def close(self) -> None:
        """Finish all files."""
        self._close_native()
        self._flush()
        self.table.close()
        self.late.close()
        if self.parquet is not None:
            self.parquet.close()
