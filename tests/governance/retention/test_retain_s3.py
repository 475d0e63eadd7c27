"""Retention on S3: old object versions and delete markers purged, locks reported, real processes
killed.
"""

from __future__ import annotations

import datetime as dt
import io
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support import crash_worker
from support.retention_stores import DAY, NOW, Place, V, account, hold
from support.waiting import HANGS

from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.files.s3 import S3Files
from callveil.transforms.storage.format1.snapshot import is_table_metadata

AT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
AS_OF = AT + 8 * DAY + dt.timedelta(hours=12)
FACTS: dict[str, Any] = {
    "accounts": [account("a"), account("b")],
    "holds": [hold("h", account_id="b")],
}


def versions() -> list[V]:
    """A mixed file (a hold), a mixed one (the edge), one that stays, and an individual one that
    goes whole.
    """
    days = [
        V(
            n,
            AT + d * DAY + h * dt.timedelta(hours=10),
            f"{n}{d}{h}",
            secret=f"secret-{n}{d}{h}-nobody",
        )
        for n in "ab"
        for d in (0, 1, 5)
        for h in (0, 2)
    ]
    return [*days, V("a", AT - 3 * DAY, "whole", secret="secret-whole-nobody")]


def is_due(v: V) -> bool:
    """Seven days; account b is held."""
    return v.account == "a" and v.at + 7 * DAY <= AS_OF


def all_versions(client: Any, bucket: str) -> Iterator[tuple[str, str, bytes]]:
    """Key, version and content of everything in a bucket, old versions included; delete markers
    have no content.
    """
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", ()):
            yield (
                item["Key"],
                item["VersionId"],
                client.get_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])[
                    "Body"
                ].read(),
            )
        for item in page.get("DeleteMarkers", ()):
            yield item["Key"], item["VersionId"], b""


@pytest.fixture
def place(tmp_path: Path, files: Files, s3_bucket: str, s3_client: Any) -> Place:
    """A store in a versioned bucket."""
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    made = Place(tmp_path, files, f"s3://{s3_bucket}/zone/store", **FACTS)
    made.put(versions())
    return made


def check(place: Place, client: Any, bucket: str) -> None:
    """Check that what is due is gone from every object version, and that what is not stays."""
    assert place.ids() == sorted(v.id for v in versions() if not is_due(v))
    secrets = [v.secret.encode() for v in versions() if is_due(v)]
    live = {f.path for f in place.store.current().files}
    for key, _, data in all_versions(client, bucket):
        path = key.removeprefix("zone/store/")
        assert (
            path.startswith("_callveil/") or is_table_metadata(path) or path in live
        )  # neither an old version nor a delete marker of a data file
        plain = (
            repr(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
            if data[:4] == b"PAR1"
            else b""
        )
        assert not [s for s in secrets if s in data or s in plain]
    assert verify_integrity(place.store) == [] and unpurged_runs(place.store) == []


def test_every_version_is_purged(place: Place, s3_client: Any, s3_bucket: str) -> None:
    entry = next(f for f in place.store.current().by_dataset("versions") if f.rows > 1)
    body = place.files.read(place.store.url(entry.path))
    place.files.write(place.store.url(entry.path), body)  # a repeated upload leaves an old version
    place.run(AS_OF)
    check(place, s3_client, s3_bucket)
    assert sum(c["versions_purged"] for c in place.rows("certificates")[:1]) >= 4


def test_locked_versions_are_reported_and_tried_again(
    tmp_path: Path, files: Files, s3_client: Any
) -> None:
    bucket = f"callveil-locked-{tmp_path.name.lower().replace('_', '-')}"[:60].rstrip("-")
    s3_client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    place = Place(tmp_path, files, f"s3://{bucket}/zone/store", **FACTS)
    place.put(versions())
    locked = next(
        f
        for f in place.store.current().by_dataset("versions")
        if f.partition["day"] == "2026-05-29"
    )
    key = f"zone/store/{locked.path}"
    s3_client.put_object_legal_hold(Bucket=bucket, Key=key, LegalHold={"Status": "ON"})
    result = place.run(AS_OF)
    assert [url for url, _ in result.attested.locked] == [f"s3://{bucket}/{key}"]
    assert "whole" not in place.ids()  # deleted, but not purged yet
    assert unpurged_runs(place.store) != []
    certificates = place.rows("certificates")
    assert {(c["versions_locked"], c["purged_at"], c["verified_at"]) for c in certificates} == {
        (1, None, None)
    }
    again = place.run(AS_OF + DAY, NOW + DAY)
    assert len(again.attested.locked) == 1 and len(place.rows("certificates")) == len(
        certificates
    ) + len([c for c in place.rows("certificates") if c["run_id"] == again.run_id])
    s3_client.put_object_legal_hold(Bucket=bucket, Key=key, LegalHold={"Status": "OFF"})
    place.run(AS_OF + 2 * DAY, NOW + 2 * DAY)
    assert unpurged_runs(place.store) == [] and verify_integrity(place.store) == []
    purged = [
        c for c in place.rows("certificates") if c["run_id"] == result.run_id and c["purged_at"]
    ]
    assert {(c["purged_at"], c["verified_at"], c["deleted_at"]) for c in purged} == {
        (NOW + 2 * DAY, NOW + 2 * DAY, NOW)
    }


def test_killed_processes_leave_nothing_behind(
    place: Place, s3_server: S3Settings, s3_client: Any, s3_bucket: str
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.crash_worker"])
    killed = 0
    done, env = context.Queue(), {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
    for step, moment in (
        (4, "before"),
        (9, "after"),
        (3, "after"),
        (7, "before"),
        (2, "before"),
        (6, "after"),
    ):
        process = context.Process(
            target=crash_worker.run_retention,
            args=(
                str(place.folder),
                place.root,
                s3_server,
                FACTS,
                AS_OF,
                step,
                moment,
                done,
                env,
            ),
        )
        process.start()
        process.join(HANGS)
        killed += process.exitcode == -9
        assert process.exitcode == -9 or place.ids() == sorted(
            v.id for v in versions() if not is_due(v)
        )
    assert killed >= 3
    place.run(AS_OF)
    check(place, s3_client, s3_bucket)


@pytest.mark.integration
def test_a_version_that_another_process_purged_first_is_no_failure(
    files: Files, s3_bucket: str, s3_client: Any, monkeypatch: Any
) -> None:
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    url = f"s3://{s3_bucket}/a/b"
    for content in (b"1", b"2"):
        files.write(url, content)
    listed, others = S3Files._versions, [files]

    def stale(self: Any, bucket: str, key: str) -> Iterator[str]:
        found = list(listed(self, bucket, key))
        while others:
            assert len(others.pop().purge(url)) == 2
        yield from found

    monkeypatch.setattr(S3Files, "_versions", stale)
    files.purge(url)
    assert list(all_versions(s3_client, s3_bucket)) == []
