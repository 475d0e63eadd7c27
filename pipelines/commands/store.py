"""`callveil store tables|upgrade|relocate`: the store's tables for other engines."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib

import orjson

from callveil.pipelines.attempts import finish_run
from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.options import files_of
from callveil.pipelines.summary import print_json
from callveil.schemas.json_types import JsonObject
from callveil.transforms.storage.checkpoints.store_identity import open_store, open_to_change
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges, RunFacts, commit_run
from callveil.transforms.storage.files.urls import absolute_url
from callveil.transforms.storage.iceberg.statements import ENGINES


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    return _list_tables(args) if args.action == "tables" else _make_tables(args)


def _tables(store: Store) -> list[JsonObject]:
    """Return facts of each table: rows, files, bytes, where its metadata is and was made."""
    snapshot, location, out = store.current(), absolute_url(store.root), []
    for name, path in sorted(store.tables().items()):
        entries = snapshot.by_dataset(name)
        made_at = orjson.loads(store.files.read(store.url(path)))["location"]
        out.append(
            {
                "name": name,
                "rows": sum(e.rows for e in entries),
                "files": len(entries),
                "bytes": sum(e.bytes for e in entries),
                "metadata": path,
                "location": f"{location}/{name}",
                "made_at": made_at,
            }
        )
    return out


def _list_tables(args: argparse.Namespace) -> int:
    store = open_store(files_of(args), args.store, args.keyring)
    tables = _tables(store)
    unknown = sorted(set(args.table) - {t["name"] for t in tables})
    if unknown:
        known = ", ".join(t["name"] for t in tables) or "none"
        raise UsageError(f"--table: no table {unknown[0]!r}; the store has {known}")
    if not tables:
        raise UsageError(
            f"--store: {args.store}: its tables were not made yet; `callveil store upgrade` makes "
            "them"
        )
    location = absolute_url(store.root)
    engines = [args.engine] if args.engine else list(ENGINES)
    shown = [
        t | {"statements": {e: ENGINES[e](location, t["name"], t["metadata"]) for e in engines}}
        for t in tables
        if not args.table or t["name"] in args.table
    ]
    if args.json:
        print_json({"location": location, "run": store.newest(), "tables": shown})
        return DONE
    print(f"{location}: as of run {store.newest()}")
    for table in shown:
        size = table["bytes"] / 1e6
        print(
            f"  {table['name']}: {table['rows']:,} rows, {table['files']:,} files, {size:,.1f} MB"
        )
    for table in shown:
        if table["made_at"] != table["location"]:
            print(
                f"note: {table['name']} was made at {table['made_at']}: other engines look for its "
                "files there. `callveil store relocate` makes it anew here"
            )
    for table in shown:
        for engine, text in table["statements"].items():
            print(f"\n{table['name']}, {engine}:\n{text}")
    return DONE


def _make_tables(args: argparse.Namespace) -> int:
    files = files_of(args)
    store = (
        open_store(files, args.store, args.keyring)
        if args.dry_run
        else open_to_change(files, args.store, args.keyring)[0]
    )
    location = absolute_url(store.root)
    here = {t["name"] for t in _tables(store) if t["made_at"] == t["location"]}
    wanted = sorted({f.dataset for f in store.current().files if f.path.endswith(".parquet")})
    missing = [name for name in wanted if name not in here]
    if missing and not args.dry_run:
        now = dt.datetime.now(dt.UTC)
        told = repr((args.action, location, store.newest()))
        run_id = hashlib.sha256(told.encode()).hexdigest()
        facts = RunFacts(run_id, f"store {args.action}", now.isoformat(timespec="seconds"))
        finish_run(store, commit_run(store, facts, lambda _: RunChanges(), now).manifest)
    if args.json:
        print_json({"location": location, "made": missing, "dry_run": args.dry_run})
    elif missing:
        print(f"{'would make' if args.dry_run else 'made'} at {location}: {', '.join(missing)}")
    else:
        print(f"nothing to do: all {len(here)} tables are at {location}")
    return DONE
