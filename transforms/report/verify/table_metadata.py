"""Checking the metadata of Iceberg tables: what readers of other engines go by."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pyiceberg.exceptions import ValidationError
from pyiceberg.table import Table

from callveil.schemas.evidence import FileProof, RunDigest
from callveil.transforms.storage.evidence.problem import ProblemCollector
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.urls import absolute_url
from callveil.transforms.storage.format1.snapshot import CONTROL, is_table_metadata, sha256
from callveil.transforms.storage.iceberg.catalog import StoreCatalog
from callveil.transforms.storage.iceberg.file_io import FilesIO
from callveil.transforms.storage.iceberg.table_commit import reachable_files
from callveil.transforms.storage.iceberg.version_hint import hinted_files
from callveil.transforms.storage.tables.parquet import TABLES


def check_tables(
    files: Files,
    root: str,
    paths: Collection[str],
    digests: Mapping[int, RunDigest],
    live: Mapping[str, FileProof],
    found: ProblemCollector,
) -> None:
    """Check that the metadata of every table is what was signed, and lists the files that are live.

    Args:
        files, root, paths: the store, and what lies in it.
        digests: signed facts of runs that hold, by number. live: files that must be there.
        found: gathers what is wrong.
    """
    signed = {f["path"]: f["sha256"] for d in digests.values() for f in d.table_files}
    last = digests[max(digests)] if digests else None
    tables = last.tables if last else {}
    is_settled = last is not None and f"{CONTROL}/runs/{last.run_id}.json" in paths
    known = _check_hints(files, root, paths, tables, is_settled, found)
    _check_bytes(files, root, paths, signed, known, found)
    location = absolute_url(root)
    for name, path in sorted(tables.items()):
        if path not in paths:
            found.add(path, "missing", "gone; the table cannot be read by it")
            continue
        try:
            table = StoreCatalog(location, tables, FilesIO(files)).load_table(name)
        except (ValidationError, ValueError):
            continue  # its bytes are not those that were signed, which was told
        made_at = table.metadata.location.removesuffix(f"/{name}")
        if made_at != location:
            table.io = FilesIO(files, (made_at, location))
            found.note(
                path,
                "moved",
                f"the table was made at {made_at}: other engines read it there. The next run makes "
                "it anew at this place",
            )
        expected = {f"{made_at}/{p}": f.rows for p, f in live.items() if f.dataset == name}
        _check_table(table, made_at, path, paths, expected, found)
    listed = {f.dataset for f in live.values()} & set(TABLES)
    for name in sorted(listed - set(tables)) if tables else ():
        found.add(name, "missing", "rows are live, and the newest run names no table of them")


def _check_hints(
    files: Files,
    root: str,
    paths: Collection[str],
    tables: Mapping[str, str],
    is_settled: bool,
    found: ProblemCollector,
) -> set[str]:
    """Check what is written for engines without a catalog; returns paths that were accounted
    for.
    """
    known = set()
    for path in (p for p in tables.values() if p in paths):
        hint, copy, number = hinted_files(path)
        for name, data in (
            (hint, str(number).encode()),
            (copy, files.read(files.join(root, path))),
        ):
            known.add(name)
            if name not in paths:
                add = found.add if is_settled else found.note
                add(name, "missing", "gone, or not written yet; the next job writes it")
            elif files.read(files.join(root, name)) != data:
                found.add(name, "changed", f"does not say what {path} does")
    return known


def _check_bytes(
    files: Files,
    root: str,
    paths: Collection[str],
    signed: Mapping[str, str],
    known: Collection[str],
    found: ProblemCollector,
) -> None:
    for path in sorted(p for p in paths if is_table_metadata(p)):
        digest = sha256(files.read(files.join(root, path)))
        if path in signed:
            if digest != signed[path]:
                found.add(path, "changed", "its bytes are not those that were signed")
        elif path not in known:
            found.add(
                path, "stray", "no run wrote it: it was put there, or a killed attempt left it"
            )


def _check_table(
    table: Table,
    made_at: str,
    own: str,
    paths: Collection[str],
    expected: Mapping[str, int],
    found: ProblemCollector,
) -> None:
    whole = True
    try:
        reached = {own} | {
            place.removeprefix(f"{made_at}/")
            for place in reachable_files(table)
            if place != table.metadata_location
        }
        for path in sorted(reached - set(paths)):
            whole = False
            found.add(path, "missing", "gone, and readers may come to it")
        snapshot = table.current_snapshot() if whole else None
        entries = {
            entry.data_file.file_path: entry.data_file.record_count
            for manifest in (snapshot.manifests(table.io) if snapshot else ())
            for entry in manifest.fetch_manifest_entry(table.io)
        }
    except Exception:  # noqa: BLE001 - whatever a changed byte leads to; it was told
        return
    if whole and entries != expected:
        found.add(own, "changed", "lists other files than are live")
