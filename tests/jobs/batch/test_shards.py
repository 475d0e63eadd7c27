"""A shard's way from the spool to the store, and later changes to it, with the real store. All
values are generated.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.record_redaction import policy

from callveil.schemas.account import AccountBook
from callveil.schemas.fields import coerce_members
from callveil.schemas.interaction import FIELDS, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.manifest import RunManifest
from callveil.schemas.outcome import Outcome
from callveil.schemas.policy import Policy
from callveil.schemas.rejected import Rejected
from callveil.schemas.request import RedactionRequest, encode_request
from callveil.schemas.shard import ChosenSnapshot, Shard, pack_chosen
from callveil.schemas.subject_index import IdentifierLink, SubjectEntry
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.engine import Detector
from callveil.transforms.execution.worker_pool import Piece, pool_for
from callveil.transforms.ingest.deduplicate import DROP, REDO, Change, plan_shards
from callveil.transforms.jobs.batch import store_beam
from callveil.transforms.jobs.batch.changes import apply_changes
from callveil.transforms.jobs.batch.context import Engines, RedactJob, WorkCache
from callveil.transforms.jobs.batch.redact_batches import RedactedBatch
from callveil.transforms.jobs.batch.shards import read_shard, write_shard
from callveil.transforms.jobs.batch.store_beam import _ReadShard
from callveil.transforms.jobs.batch.work_results import WorkResult
from callveil.transforms.redact.engine import Redactor, RunColumns
from callveil.transforms.redact.until_stable import redact_until_stable
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.key_index import (
    IndexEntry,
    key_bucket,
    origin_of,
    write_key_bucket,
)
from callveil.transforms.storage.tables.spool import SpoolWriter, spool_url

T0 = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MAIL = "zofia.k@example.com"


class House:
    """A store, and the engines of a run over it."""

    def __init__(self, root: Path, detector: Detector) -> None:
        self.files = Files()
        self.store = Store.open_or_create(self.files, str(root / "store"))
        self.keyring = Keyring.create(root / "keys.json")
        self.detector = detector
        self.runs = 0

    def job(self, rules: str = "", **how: Any) -> tuple[RedactJob, Engines]:
        """A new run."""
        self.runs += 1
        own: Policy = policy(rules)
        run = RunColumns(
            hashlib.sha256(str(self.runs).encode()).hexdigest(),
            own.sha256,
            "tests",
            how.pop("as_of", T0 + dt.timedelta(days=1)),
        )
        job = RedactJob(
            run,
            own,
            self.files,
            self.store.root,
            str(self.keyring.path),
            AccountBook(),
            {},
            self.store.current(),
            **how,
        )
        return job, Engines(own.detect, self.keyring, self.detector, Redactor(self.keyring, run))

    def shards(self, job: RedactJob, records: Iterable[dict[str, Any]], **how: Any) -> list[Shard]:
        """Records in the spool, and the shards they make."""
        writer = SpoolWriter(self.keyring, job.run.run_id, 0)
        for number, record in enumerate(records, 1):
            key = InteractionKey("70001", str(record.pop("id", number)))
            members = {**key._asdict(), "kind": "call", "called_at": T0, **record}
            writer.add(
                RawInteraction(
                    key,
                    "call",
                    T0,
                    number,
                    coerce_members(FIELDS, members),
                    SourceRef("f", line=number),
                ),
                "agency",
                "9",
            )
        writer.finish(self.files, spool_url(self.files, job.work, 0))
        rows = plan_shards(
            [ChosenSnapshot(p, **how) for p in writer.pointers], job.shard_rows, job.shard_bytes
        )
        return [Shard("agency", "2026-03-01", n, pack_chosen(list(r))) for n, r in enumerate(rows)]

    def redacted(self, job: RedactJob, built: Engines, shard: Shard) -> RedactedBatch:
        """Detect and redact the records of a shard."""
        found = list(detect_batch(built.detector, list(read_shard(job, built, shard))))
        results = redact_until_stable(
            built.detector, built.redactor, [f for f in found if not isinstance(f, Rejected)]
        )
        rejected = [r for r in (*found, *results) if isinstance(r, Rejected)]
        return RedactedBatch(shard, [r for r in results if not isinstance(r, Rejected)], rejected)

    def publish(self, job: RedactJob, results: Iterable[WorkResult]) -> None:
        """Make what was written live, with its index."""
        outcomes = [r.outcome for r in results]
        buckets: dict[int, list[IndexEntry]] = {}
        for entry in (e for r in results for e in r.index):
            buckets.setdefault(key_bucket(entry.key), []).append(entry)
        for bucket, entries in sorted(buckets.items()):
            added, removed = write_key_bucket(
                self.files, self.store.root, job.snapshot, job.run.run_id, bucket, entries
            )
            outcomes.append(Outcome([added] if added else [], [f.path for f in removed]))
        what = {"job": "t", "as_of": "", "tool_version": "", "policy_name": "", "policy_sha256": ""}
        added_files = tuple(sorted(f for o in outcomes for f in o.added))
        removed_files = {f.path: f for f in job.snapshot.files}
        gone = tuple(removed_files[p] for o in outcomes for p in o.removed)
        self.store.publish(
            RunManifest(
                job.run.run_id, **job.snapshot.chain(), **what, added=added_files, removed=gone
            ),
            job.snapshot,
        )

    def rows(self, dataset: str) -> list[dict[str, Any]]:
        """All live rows of a dataset."""
        out: list[dict[str, Any]] = []
        for entry in self.store.current().by_dataset(dataset):
            with self.files.open(self.store.url(entry.path)) as source:
                out += pq.read_table(source).to_pylist()
        return out


@pytest.fixture
def house(tmp_path: Path, detector: Detector) -> House:
    return House(tmp_path, detector)


def first_run(house: House, records: list[dict[str, Any]], rules: str = "") -> None:
    job, built = house.job(rules)
    house.publish(
        job,
        [
            write_shard(job, built, house.redacted(job, built, s))
            for s in house.shards(job, records)
        ],
    )


def origin(house: House) -> str:
    """First name of the one interactions file."""
    (entry,) = house.store.current().by_dataset("interactions")
    return origin_of(entry.path)


def test_a_shard_is_read_in_its_order_with_decisions(house: House) -> None:
    job, built = house.job("mode: content")
    asked = RedactionRequest("r1", "70001", "2", "all", "why", "who")
    (shard,) = house.shards(
        job,
        [{"id": 3, "notes": "c"}, {"id": 2, "notes": "b", "language": "xx"}],
        requests=(encode_request(asked),),
        floor_mode="full",
        floor_entities=("PERSON",),
    )
    jobs = list(read_shard(job, built, shard))
    assert [j.raw.key.id for j in jobs] == ["2", "3"] and [j.raw.record["notes"] for j in jobs] == [
        "b",
        "c",
    ]
    assert all(
        j.decision.mode == "full"
        and j.decision.floor == {"PERSON"}
        and j.decision.requests == (asked,)
        for j in jobs
    )
    assert [j.decision.language for j in jobs] == [None, "en"] and {j.agency_id for j in jobs} == {
        "9"
    }


def test_what_is_written_is_redacted_indexed_and_counted(house: House) -> None:
    job, built = house.job(shard_rows=2)
    shards = house.shards(
        job,
        [{"id": n, "notes": f"mail {MAIL}", "name": "Zofia Kowalczyk"} for n in (5, 4, 6)],
        replaces="interactions/old.parquet",
    )
    results = [write_shard(job, built, house.redacted(job, built, s)) for s in shards]
    assert [len(r.index) for r in results] == [2, 1]
    assert results[1].changes == [Change("interactions/old.parquet", "70001", "6", DROP)]
    house.publish(job, results)
    rows = house.rows("interactions")
    assert sorted(r["id"] for r in rows) == ["4", "5", "6"] and all(
        r["notes"] == "mail [EMAIL_ADDRESS]" and r["name"] == "[PERSON]" for r in rows
    )
    counts = results[0].outcome.counts
    assert (counts["redacted"], counts["rejected"], counts["replaced"], counts["mode.content"]) == (
        2,
        0,
        2,
        2,
    )
    assert counts["finding.EMAIL_ADDRESS"] == 2
    findings = house.rows("findings")
    assert {f["interaction_id"] for f in findings} == {"4", "5", "6"} and {
        f["run_id"] for f in findings
    } == {job.run.run_id}
    entry = results[0].index[0]
    assert (
        entry.mode == "content"
        and {"EMAIL_ADDRESS", "PERSON"} <= set(entry.entities)
        and entry.policy_sha256 == job.policy.sha256
    )
    stored = [p.read_bytes() for p in Path(house.store.root).rglob("*") if p.is_file()]
    assert stored and not [d for d in stored if MAIL.encode() in d or b"Kowalczyk" in d]


def test_writing_the_same_shard_twice_gives_the_same_files(house: House) -> None:
    job, built = house.job()
    (shard,) = house.shards(job, [{"notes": f"mail {MAIL}"}])
    first, second = (write_shard(job, built, house.redacted(job, built, shard)) for _ in range(2))
    assert first == second


def test_rejections_are_counted_sealed_and_leave_the_stored_row(house: House) -> None:
    job, built = house.job()
    (shard,) = house.shards(job, [{"notes": f"mail {MAIL}"}], replaces="interactions/old.parquet")
    batch = house.redacted(job, built, shard)
    key = batch.redacted[0].interaction.key
    refused = Rejected(
        SourceRef("f"),
        "detect",
        "detection_failed",
        "a pattern timed out",
        account_id=key.account_id,
        interaction_id=key.id,
        raw=MAIL.encode(),
    )
    result = write_shard(job, built, replace(batch, redacted=[], rejected=[refused]))
    assert result.index == [] and result.changes == []
    counts = result.outcome.counts
    assert counts["rejected"] == 1 and counts["reason.detection_failed"] == 1
    stored = [p.read_bytes() for p in Path(house.store.root).rglob("*") if p.is_file()]
    assert not [d for d in stored if MAIL.encode() in d]


def test_a_dropped_row_leaves_with_its_findings_and_no_other(house: House) -> None:
    first_run(house, [{"id": n, "notes": f"mail {MAIL}"} for n in (1, 2)])
    job, built = house.job()
    house.publish(
        job, [apply_changes(job, built, origin(house), [Change(origin(house), "70001", "1", DROP)])]
    )
    assert [r["id"] for r in house.rows("interactions")] == ["2"]
    assert {f["interaction_id"] for f in house.rows("findings")} == {"2"}


def test_the_last_row_takes_its_file_along(house: House) -> None:
    first_run(house, [{"notes": f"mail {MAIL}"}])
    job, built = house.job()
    house.publish(
        job, [apply_changes(job, built, origin(house), [Change(origin(house), "70001", "1", DROP)])]
    )
    assert house.rows("interactions") == [] and house.rows("findings") == []


def test_a_stored_row_is_redacted_further(house: House) -> None:
    """A span over the source text is found in the stored one, and earlier findings stay."""
    text = f"mail {MAIL} the door is green"
    first_run(house, [{"id": 1, "summary": text}, {"id": 2, "summary": text}])
    start = text.index("door")
    asked = RedactionRequest(
        "r1", "70001", "1", "span", "why", "who", field="summary", start=start, end=start + 4
    )
    job, built = house.job()
    result = apply_changes(
        job,
        built,
        origin(house),
        [Change(origin(house), "70001", "1", REDO, (encode_request(asked),))],
    )
    house.publish(job, [result])
    rows = {r["id"]: r["summary"] for r in house.rows("interactions")}
    assert rows == {
        "1": "mail [EMAIL_ADDRESS] the [REDACTED] is green",
        "2": "mail [EMAIL_ADDRESS] the door is green",
    }
    mine = [f for f in house.rows("findings") if f["interaction_id"] == "1"]
    assert sorted((f["entity_type"], f["trigger"]) for f in mine) == [
        ("EMAIL_ADDRESS", "auto"),
        ("REDACTED", "manual"),
    ]
    (entry,) = result.index
    assert entry.key.id == "1" and '"r1"' in entry.requests[0] and "EMAIL_ADDRESS" in entry.entities


def test_age_clears_a_stored_row_and_a_laxer_policy_brings_nothing_back(house: House) -> None:
    first_run(house, [{"summary": f"mail {MAIL}", "status": "completed", "name": "Zofia K"}])
    job, built = house.job("entities: {default: keep}")
    house.publish(
        job,
        [
            apply_changes(
                job, built, origin(house), [Change(origin(house), "70001", "1", REDO, (), "full")]
            )
        ],
    )
    (row,) = house.rows("interactions")
    assert (
        row["redaction_mode"] == "full"
        and row["summary"] is None
        and row["name"] is None
        and row["status"] == "completed"
    )
    job, built = house.job("mode: none")
    house.publish(
        job,
        [
            apply_changes(
                job,
                built,
                origin(house),
                [Change(origin(house), "70001", "1", REDO, (), "content")],
            )
        ],
    )
    (row,) = house.rows("interactions")
    assert row["redaction_mode"] == "full" and "EMAIL_ADDRESS" in row["redacted_entities"]


def test_a_stored_row_that_cannot_be_redacted_further_leaves_and_stays_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_run(
        house,
        [{"id": 1, "summary": "the door is green"}, {"id": 2, "summary": "the door is green"}],
    )
    job, built = house.job()

    def broken(views: Any, language: str, *budgets: Any) -> Any:
        from callveil.transforms.detect.engine import DetectionFailed

        for _, tag in views:
            yield tag, DetectionFailed("a pattern timed out")

    monkeypatch.setattr(house.detector, "run", broken)
    result = apply_changes(job, built, origin(house), [Change(origin(house), "70001", "1", REDO)])
    house.publish(job, [result])
    assert [r["id"] for r in house.rows("interactions")] == ["2"]
    (entry,) = result.index
    assert entry.tombstone and entry.key.id == "1"
    assert result.outcome.counts["redone_rejected"] == 1
    stored = [p.read_bytes() for p in Path(house.store.root).rglob("*.sealed") if p.is_file()]
    assert not [d for d in stored if b"door" in d]


ENTRY = SubjectEntry(
    *("t", "phone", "contact", "caller_number", "interaction", "1", "2", "", "", "2026-01-01"),
    *("d", "k", 3, (IdentifierLink("t", "phone", "contact", "caller_number"),)),
)


def test_a_finished_piece_of_work_is_remembered_by_what_it_depends_on(house: House) -> None:
    job, _ = house.job()
    one = WorkCache(job, "shards", WorkResult)
    assert one.load("x") is None
    done = WorkResult(Outcome(counts=Counter(a=1)), [], [ENTRY], [Change("f", "1", "2", DROP)])
    one.store("x", done)
    assert WorkCache(job, "shards", WorkResult).load("x") == done
    assert WorkCache(job, "changes", WorkResult).load("x") is None
    other, _ = house.job()
    assert WorkCache(other, "shards", WorkResult).load("x") is None


class _Noted:
    """A pool and its one stage: pieces are noted, not done."""

    def __init__(self) -> None:
        self.pieces: list[Shard] = []

    def stage(self, work: Callable[..., Any]) -> _Noted:
        return self

    def put(self, piece: Piece) -> Iterator[Any]:
        self.pieces.append(piece[0])
        return iter(())

    rest = staticmethod(lambda: iter(()))


@pytest.mark.parametrize("waiting", [1, 3, 64])
def test_of_the_shards_that_wait_the_largest_goes_to_a_worker_first(
    house: House, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    job, _ = house.job(shard_rows=1)
    shards = house.shards(job, [{"notes": "a word " * n} for n in (3, 90, 7, 7, 40, 1, 60, 2, 80)])
    size = {s: s.chosen()[0].pointer.size for s in shards}
    monkeypatch.setattr(store_beam, "WAITING", waiting)
    step, noted = _ReadShard(job), _Noted()
    with pool_for(job.run.run_id, noted):
        for _ in range(2):  # bundles
            step.start_bundle()
            assert [r for s in shards for r in step.process(s)] + list(step.finish_bundle()) == []
    assert noted.pieces[: len(shards)] == noted.pieces[len(shards) :]
    held: list[Shard] = []
    expected = []
    for shard in (*shards, *[None] * waiting):
        held += [shard] if shard else []
        if len(held) > waiting or (shard is None and held):
            expected.append(max(held, key=lambda s: (size[s], [-s.number])))
            held.remove(expected[-1])
    assert noted.pieces[: len(shards)] == expected and sorted(expected) == sorted(shards)
