"""A day of all formats, with broken lines and repeated snapshots, through the command line:
everything accounted for, and twice is once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.command_runs import Bench, Finished, call, callveil, leftovers, rows, tree

from callveil.pipelines.redact_options import ReconciliationError, reconcile_records
from callveil.schemas import finding, rejected
from callveil.schemas.arrow import FINDING_SCHEMA, REDACTED_INTERACTION_SCHEMA, REJECTED_SCHEMA
from callveil.schemas.interaction import FIELDS, STATE
from callveil.schemas.policy_load import load_policy
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.column_stats import personal_traces, plain_leaves
from callveil.transforms.storage.tables.key_index import INDEX

DECLARED = {
    "interactions": (REDACTED_INTERACTION_SCHEMA, FIELDS + STATE),
    "findings": (FINDING_SCHEMA, finding.FIELDS),
    "rejected": (REJECTED_SCHEMA, rejected.FIELDS),
    "index": (INDEX.schema, INDEX.fields),
}


@pytest.fixture(scope="module")
def store(finished: Finished) -> Store:
    return Store.open(Files(), str(finished.store))


def sound_keys(finished: Finished) -> set[tuple[str, str]]:
    """Keys of every well-formed record, read straight from the input."""
    chunks, _ = plan_chunks(Files(), [f"{finished.folder}/day/interactions"])
    limits = load_policy("gdpr").limits
    return {
        tuple(r.key)
        for chunk in chunks
        for r in read_chunk(Files(), chunk, limits)
        if not isinstance(r, rejected.Rejected)
    }


def test_it_ends_with_the_code_for_rejected_records(finished: Finished) -> None:
    assert finished.process.returncode == 3, finished.process.stderr
    report = json.loads(finished.process.stdout)
    assert report["seq"] == 1
    assert not report["repeated"] and not report["dry_run"]
    assert (
        report["files_added"] > 0
        and report["files_removed"] == 0
        and report["peak_memory_bytes"] > 2**20
    )


def test_every_record_is_accounted_for_by_key(finished: Finished, store: Store) -> None:
    counts = json.loads(finished.process.stdout)["counts"]
    broken = finished.malformed
    sound = finished.summary.records
    assert len(broken) == sum(finished.summary.malformed.values()) >= 8
    assert counts["in"] == sound + len(broken)
    assert counts["rejected"] == len(broken)
    assert counts["redacted"] + counts["superseded"] == sound
    stored = Counter((r["account_id"], r["id"]) for r in rows(store, "interactions"))
    assert set(stored.values()) == {1}
    assert set(stored) == sound_keys(finished)
    assert set(stored) >= {(g["account_id"], g["id"]) for g in finished.gold}
    assert len(stored) == finished.summary.interactions - len(broken) == counts["redacted"]
    assert Counter(r["kind"] for r in rows(store, "interactions")) == finished.summary.kinds
    index = {(r["account_id"], r["id"]): r for r in rows(store, "index")}
    assert set(index) == set(stored)


def test_every_broken_line_is_rejected_where_it_stands_and_for_a_right_reason(
    finished: Finished, store: Store
) -> None:
    found = {(Path(r["file"]).name, r["line"]): r for r in rows(store, "rejected")}
    assert len(found) == len(rows(store, "rejected")) == len(finished.malformed)
    for broken in finished.malformed:
        row = found[Path(broken["file"]).name, broken["line"]]
        assert row["reason"] in broken["reasons"], (broken["class"], row["reason"], row["detail"])
        assert (
            row["detail"]
            and row["stage"] == "ingest"
            and row["size"] > 0
            and row["blob"]
            and row["byte_offset"] is not None
        )
        assert row["file"].endswith(broken["file"])
        if row["interaction_id"]:
            assert row["interaction_id"] == broken["id"] or not broken["id"]
        if row["reason"] in (
            "wrong_type",
            "out_of_range",
            "too_deep",
            "missing_key",
            "bad_time",
            "control_character",
        ):
            assert row["field"], row["detail"]


def test_findings_name_policy_run_and_place(finished: Finished, store: Store) -> None:
    report = json.loads(finished.process.stdout)
    policy = load_policy("gdpr")
    found = rows(store, "findings")
    keys = {(r["account_id"], r["id"]) for r in rows(store, "interactions")}
    assert len(found) == report["counts"]["findings"] > 500
    assert {f["policy_sha256"] for f in found} == {policy.sha256}
    assert {f["run_id"] for f in found} == {report["run_id"]}
    assert len({f["finding_id"] for f in found}) == len(found)
    assert {(f["account_id"], f["interaction_id"]) for f in found} <= keys
    assert {f["status"] for f in found} == {"done", "kept"}
    assert (
        finished.store / "_callveil" / "policies" / f"{policy.sha256}.yaml"
    ).read_text() == policy.effective_yaml()
    by_key = {(r["account_id"], r["id"]): r for r in rows(store, "interactions")}
    texts = [
        f
        for f in found
        if f["field_path"] in ("transcription_text", "message_body", "summary", "name")
        and f["status"] == "done"
        and f["action"] == "label"
    ]
    assert len(texts) > 100
    for f in texts:
        text = by_key[f["account_id"], f["interaction_id"]][f["field_path"]]
        assert text[f["out_start"] : f["out_end"]] == f"[{f['entity_type']}]"


def test_files_are_as_readers_were_promised(store: Store, finished: Finished) -> None:
    for entry in store.current().files:
        if entry.dataset not in DECLARED:
            continue
        schema, fields = DECLARED[entry.dataset]
        path = finished.store / entry.path
        file: Any = pq.ParquetFile(path)
        assert file.schema_arrow.equals(schema), entry.path
        assert personal_traces(path.open("rb"), fields) == []
        assert file.metadata.num_rows == entry.rows
        group = file.metadata.row_group(0)
        plain = set(plain_leaves(fields))
        for n in range(group.num_columns):
            column = group.column(n)
            assert column.compression == "ZSTD"
            assert (
                column.has_column_index == column.has_offset_index
                or column.path_in_schema not in plain
            )
            assert column.has_offset_index
            assert column.is_stats_set == (column.path_in_schema in plain)
            assert column.bloom_filter_offset is None or column.path_in_schema in plain
        assert group.sorting_columns
        names = [file.schema_arrow.names[c.column_index] for c in group.sorting_columns]
        values = file.read(columns=names).to_pylist()
        keys = [tuple(row[c] for c in names) for row in values]
        assert keys == sorted(keys)
    interactions = [f for f in store.current().files if f.dataset == "interactions"]
    assert {tuple(sorted(f.partition)) for f in interactions} == {("account_type", "day")}
    types = {f.name: str(f.type) for f in REDACTED_INTERACTION_SCHEMA}
    assert (
        types["called_at"] == "timestamp[us, tz=UTC]"
        and types["id"] == "string"
        and types["rank"] == "int64"
    )


def test_the_store_is_whole_and_holds_nothing_else(store: Store, finished: Finished) -> None:
    assert verify_integrity(store) == []
    named = {f.path for f in store.current().files}
    assert {p for p in tree(finished.store) if not p.startswith("_callveil/")} == named
    assert leftovers(finished.store) == []
    assert [p for p in (finished.folder / "tmp").rglob("*") if p.is_file()] == []


def test_the_same_command_again_changes_nothing(finished: Finished) -> None:
    before = tree(finished.store)
    again = callveil(*finished.command, "--json", env=finished.env)
    assert again.returncode == finished.process.returncode
    first, second = json.loads(finished.process.stdout), json.loads(again.stdout)
    assert second["repeated"] and (second["run_id"], second["seq"], second["counts"]) == (
        first["run_id"],
        first["seq"],
        first["counts"],
    )
    assert tree(finished.store) == before


def test_a_dry_run_tells_the_same_and_writes_nothing(finished: Finished, tmp_path: Path) -> None:
    output = tmp_path / "nowhere"
    words = [str(output) if w == str(finished.store) else w for w in finished.command]
    dry = callveil(*words, "--dry-run", "--json", env=finished.env | {"TMPDIR": str(tmp_path)})
    assert dry.returncode == 3, dry.stderr
    report, done = json.loads(dry.stdout), json.loads(finished.process.stdout)
    assert report["dry_run"] and report["seq"] == 0 and report["counts"] == done["counts"]
    assert not output.exists()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_dry_run_over_a_store_leaves_it_as_it_is(bench: Bench) -> None:
    bench.run([call(1), call(2)])
    before = tree(Path(bench.output))
    result = bench.run([call(1, duration=90), call(3)], dry_run=True)
    assert result.dry_run and result.counts["redacted"] == 2
    assert tree(Path(bench.output)) == before


def test_an_empty_run_is_published_too(bench: Bench) -> None:
    result = bench.run()
    assert (result.seq, result.counts.get("in", 0), result.added) == (1, 0, 0)
    assert verify_integrity(bench.store) == []


def test_two_processes_give_the_same_files(bench: Bench, tmp_path: Path) -> None:
    """Beam's own options reach Beam, and neither the number of workers nor their order leaves a
    trace.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    records = [
        call(n, called_at=f"2026-10-{10 + n % 5}T10:00:00Z", notes=f"mail a{n}@mail.example")
        for n in range(40)
    ]
    bench.run(records, shard_rows=3)
    other = Bench(tmp_path / "other")
    other.run(
        records,
        shard_rows=3,
        beam=PipelineOptions(["--direct_num_workers=2", "--direct_running_mode=multi_threading"]),
    )

    def data(one: Bench) -> dict[str, str]:
        # The run's id is a digest of inputs, of which the file's path is one.
        return {
            p.rsplit("/", 1)[0] + p.rsplit("-", 1)[1]: hashlib.sha256(
                repr(content(one, p)).encode()
            ).hexdigest()
            for p in tree(Path(one.output))
            if p.startswith("interactions/")
        }

    def content(one: Bench, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            pq.read_table(Path(one.output) / path).drop_columns(["run_id"]).to_pylist()
        )
        return found

    assert data(bench) == data(other) and len(data(bench)) >= 14


@pytest.mark.parametrize(
    ("counts", "lost"),
    [
        ({"in": 3, "redacted": 2}, True),
        ({"in": 3, "redacted": 2, "rejected": 1}, False),
        ({"in": 1, "redacted": 2}, True),
        ({}, False),
    ],
)
def test_nothing_is_published_where_a_record_is_lost(counts: dict[str, int], lost: bool) -> None:
    if lost:
        with pytest.raises(ReconciliationError, match="nothing was published"):
            reconcile_records(counts)
    else:
        reconcile_records(counts)
