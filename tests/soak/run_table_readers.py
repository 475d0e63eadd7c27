"""Two writers change a table all the time, and other engines read it meanwhile.

Each row set that a reader gets must be one that some commit published. A query may fail, since
files were purged under it; these are counted, and the next one has to succeed.

    python tests/soak/run_table_readers.py --commits 200
    python tests/soak/run_table_readers.py --commits 200 --spark venv/bin/python --jar iceberg.jar

Spark is a Python of its own with pyspark 3.5, and Iceberg's runtime for it as a jar.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.number_tables import NOW, NUMBERS, run_id, write
from support.table_readers import connect_duckdb, open_table

from callveil.transforms.storage.commit.catalog import Snapshot, Store
from callveil.transforms.storage.commit.commit_run import (
    CommitPolicy,
    RunChanges,
    RunFacts,
    close_run,
    commit_run,
)
from callveil.transforms.storage.commit.maintenance import purge_removed, verify_integrity
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.parquet import TABLES

TABLES["numbers"] = NUMBERS
SPARK = """
import json, sys
from pyspark.sql import SparkSession
jar, root, out, stop = sys.argv[1:]
import os
s = (SparkSession.builder.master("local[1]").config("spark.jars", jar)
     .config("spark.ui.enabled", "false").getOrCreate())
s.sparkContext.setLogLevel("OFF")
seen = []
while not os.path.exists(stop):
    try:
        rows = s.read.format("iceberg").load(f"{root}/numbers").select("n").collect()
        seen.append(sorted(r.n for r in rows))
    except Exception as error:
        seen.append(None)
json.dump(seen, open(out, "w"))
"""


def _write(root: str, name: str, commits: int, notes: str) -> None:
    """Change the table by random commits: add rows, replace files, drop them; purge at once."""
    rng, store = random.Random(name), Store.open_or_create(Files(), root)
    for number in range(commits):
        run = f"{name}-{number}"
        rows = sorted(rng.sample(range(10_000), rng.randrange(1, 20)))

        def build(base: Snapshot, run: str = run, rows: list[int] = rows) -> RunChanges:
            live = base.by_dataset("numbers")
            gone = rng.sample(live, min(len(live), rng.choice([0, 1, 2]) + max(0, len(live) - 8)))
            entry = write(store, run, *rows)
            Path(notes, entry.sha256).write_text(json.dumps(rows))
            return RunChanges((entry,), tuple(gone))

        facts = RunFacts(run_id(run), "soak", NOW.isoformat())
        done = commit_run(store, facts, build, policy=CommitPolicy(attempts=1_000))
        purge_removed(store, store.manifest(done.manifest.seq))
        close_run(store, done)


def _read(read: Callable[[], list[int]], stop: Event, out: str) -> None:
    seen: list[list[int] | None] = []
    while not stop.is_set():
        try:
            seen.append(sorted(read()))
        except Exception:  # noqa: BLE001 - whatever an engine makes of a file that was purged
            seen.append(None)
    Path(out).write_text(json.dumps(seen))


def _duckdb(root: str, stop: Event, out: str) -> None:
    connection = connect_duckdb()
    query = f"SELECT n FROM iceberg_scan('{root}/numbers')"
    _read(lambda: [n for (n,) in connection.execute(query).fetchall()], stop, out)


def _pyiceberg(root: str, stop: Event, out: str) -> None:
    store = Store.open(Files(), root)
    _read(lambda: open_table(store, "numbers").scan().to_arrow()["n"].to_pylist(), stop, out)


def _published(root: str, notes: Path) -> set[tuple[int, ...]]:
    store, live, out = Store.open(Files(), root), {}, set()
    for manifest in store.manifests():
        for entry in manifest.removed:
            del live[entry.path]
        for entry in manifest.added:
            live[entry.path] = json.loads((notes / entry.sha256).read_text())
        out.add(tuple(sorted(n for rows in live.values() for n in rows)))
    return out


def main() -> int:
    """Run writers and readers, print what was seen, and return an exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--commits", type=int, default=200, help="of both writers together")
    parser.add_argument("--spark", help="a Python with pyspark")
    parser.add_argument("--jar", help="Iceberg's runtime for it")
    args = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as place:
        root, notes, stop = f"{place}/store", Path(place, "notes"), spawn.Event()
        notes.mkdir()
        _write(root, "first", 1, str(notes))
        readers = {"duckdb": _duckdb, "pyiceberg": _pyiceberg}
        outs = {
            name: f"{place}/{name}.json" for name in [*readers, *(["spark"] if args.spark else [])]
        }
        running = [spawn.Process(target=r, args=(root, stop, outs[n])) for n, r in readers.items()]
        spark = None
        if args.spark:
            Path(place, "spark.py").write_text(SPARK)
            spark = subprocess.Popen(
                [args.spark, f"{place}/spark.py", args.jar, root, outs["spark"], f"{place}/stop"],
                stderr=subprocess.DEVNULL,
            )
            time.sleep(20)
        writers = [
            spawn.Process(target=_write, args=(root, name, args.commits // 2, str(notes)))
            for name in ("a", "b")
        ]
        for process in [*running, *writers]:
            process.start()
        for process in writers:
            process.join()
        stop.set()
        Path(place, "stop").touch()
        for process in running:
            process.join()
        if spark:
            spark.wait()
        return _report(root, notes, outs)


def _report(root: str, notes: Path, outs: dict[str, str]) -> int:
    published, code = _published(root, notes), 0
    store = Store.open(Files(), root)
    print(f"{store.newest()} runs, {len(published)} row sets")
    for name, out in outs.items():
        seen = json.loads(Path(out).read_text())
        told = Counter(
            "failed" if rows is None else "published" if tuple(rows) in published else "OTHER"
            for rows in seen
        )
        sets = len({tuple(r) for r in seen if r is not None})
        print(f"{name}: {len(seen)} queries, {sets} sets: {dict(told)}")
        code |= told["OTHER"] > 0 or told["published"] == 0
    problems = [*verify_integrity(store), *store.unreachable_metadata()]
    print(f"the store afterwards: {len(problems)} problems {problems[:3]}")
    return int(code or bool(problems))


if __name__ == "__main__":
    sys.exit(main())
