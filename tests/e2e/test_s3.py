"""The job from S3 to S3, against a real server: the same rows as on disk, twice is once, and what
is replaced is gone in every version.

The server is the one CALLVEIL_TEST_S3_ENDPOINT names (`deploy/s3.sh` starts one), or else one that
is started here.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support import killed_commands
from support.command_runs import PLAIN, Bench, call, environment, read_lines, rows, write_lines
from support.leak_scan import Planted, kept_digits, scan

from callveil.transforms.lab.sample.write import write_sample
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.format1.snapshot import is_table_metadata

pytestmark = pytest.mark.integration
RUN = ("run_id", "file")
"""Columns that tell where a run read and which run it was."""


class Cloud:
    """A bucket with a sample in it, the same sample on disk, and runs of the command between
    them.
    """

    def __init__(self, folder: Path, bucket: str, settings: S3Settings, client: Any) -> None:
        self.folder, self.bucket, self.client = folder, bucket, client
        self.files = Files(settings)
        self.endpoint = str(settings.endpoint_url)
        self.env = environment(folder)
        (folder / "policy.yaml").write_text(PLAIN)
        self.store = f"s3://{bucket}/zone/store"

    def upload(self, folder: Path, prefix: str) -> str:
        """Copy a folder into the bucket; returns its URL."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            self.files.write(
                f"s3://{self.bucket}/{prefix}/{path.relative_to(folder)}", path.read_bytes()
            )
        return f"s3://{self.bucket}/{prefix}"

    def command(self, source: str, output: str, *words: str) -> list[str]:
        """`callveil redact` with the server's address."""
        common = [
            "--policy",
            f"{self.folder}/policy.yaml",
            "--as-of",
            "2026-11-02",
            "--no-progress",
            "--json",
            "--s3-endpoint-url",
            self.endpoint,
        ]
        return [
            "redact",
            "--input",
            source,
            "--output",
            output,
            *common,
            "--s3-region",
            "us-east-1",
            *words,
        ]

    def redact(self, source: str, output: str, *words: str) -> Any:
        """Run it to its end."""
        return killed_commands.command(*self.command(source, output, *words), env=self.env)

    def opened(self, output: str = "") -> Store:
        """The store, to read."""
        return Store.open(self.files, output or self.store)

    def objects(self, prefix: str = "zone/store") -> dict[str, str]:
        """Key to etag of the objects below a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return {o["Key"]: o["ETag"] for page in pages for o in page.get("Contents", ())}

    def download(self, folder: Path) -> None:
        """Copy the store to disk."""
        for key in self.objects():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.files.read(f"s3://{self.bucket}/{key}"))


@pytest.fixture
def cloud(tmp_path: Path, s3_bucket: str, s3_server: S3Settings, s3_client: Any) -> Cloud:
    return Cloud(tmp_path, s3_bucket, s3_server, s3_client)


def contents(store: Store, dataset: str) -> list[dict[str, Any]]:
    """Rows without what names the run."""
    out = [
        {
            k: v
            for k, v in r.items()
            if k not in RUN and k not in ("rejected_id", "blob", "finding_id")
        }
        for r in rows(store, dataset)
    ]
    return sorted(out, key=repr)


def data_files(keys: Iterable[str]) -> set[str]:
    """Paths of data files, of the keys of a bucket."""
    paths = {k.removeprefix("zone/store/") for k in keys}
    return {p for p in paths if not p.startswith("_callveil/") and not is_table_metadata(p)}


def test_from_s3_to_s3_gives_the_rows_of_a_local_run(cloud: Cloud) -> None:
    day = cloud.folder / "day"
    write_sample(day, 31, 60, accounts=6, days=3, malformed=0.1, gold=True)
    source = cloud.upload(day / "interactions", "raw/day")
    accounts = cloud.upload(day, "meta") + "/accounts.jsonl"
    done = cloud.redact(source, cloud.store, "--accounts", accounts)
    assert done.returncode == 3, done.stderr
    local = str(cloud.folder / "local")
    assert (
        cloud.redact(f"{day}/interactions", local, "--accounts", f"{day}/accounts.jsonl").returncode
        == 3
    )
    here, there = Store.open(Files(), local), cloud.opened()
    for dataset in ("interactions", "findings", "rejected"):
        assert contents(there, dataset) == contents(here, dataset)
        assert len(contents(here, dataset)) > 0
    assert there.current().seq == 1 and verify_integrity(there) == []
    assert there.manifest(1).counts == here.manifest(1).counts
    assert all(
        i["url"].startswith(f"s3://{cloud.bucket}/raw/day/") for i in there.manifest(1).inputs
    )
    keys = cloud.objects()
    assert data_files(keys) == {f.path for f in there.current().files}
    assert not [k for k in keys if "/work/" in k]
    before = cloud.objects()
    again = cloud.redact(source, cloud.store, "--accounts", accounts)
    assert again.returncode == 3 and '"repeated": true' in again.stdout
    assert cloud.objects() == before
    cloud.download(cloud.folder / "copy")
    gold = read_lines(day / "gold.jsonl")
    left = [
        h
        for h in scan(cloud.folder / "copy", Planted.of(gold, kept_digits(day, gold)))
        if h.forbidden and h.type != "PERSON"
    ]
    assert left == []


def test_updates_on_s3(cloud: Cloud, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", cloud.files, cloud.store)
    bench.run([call(1, notes="old words here"), call(2), call(3)])
    first = set(cloud.objects())
    result = bench.run([call(1, duration=90, notes="new words here"), call(2, duration=5)])
    assert (result.seq, result.counts["replaced"], result.counts["replayed"]) == (2, 1, 1)
    assert bench.row(call(1))["notes"] == "new words here" and len(bench.rows()) == 3
    gone = {k for k in first if "/interactions/" in k} - set(cloud.objects())
    assert gone
    account, number = str(call(3)["account_id"]), str(call(3)["id"])
    bench.run(
        requests=[
            {
                "account_id": account,
                "interaction_id": number,
                "scope": "all",
                "reason": "asked",
                "actor": "dpo",
            }
        ]
    )
    assert bench.row(call(3))["redaction_mode"] == "full"
    assert bench.run([call(3, duration=999)]).counts["redacted"] == 1
    assert bench.row(call(3))["redaction_mode"] == "full" and bench.row(call(3))["notes"] is None
    assert verify_integrity(bench.store) == []


def test_replaced_files_are_gone_in_every_version(cloud: Cloud, tmp_path: Path) -> None:
    """On a bucket that keeps versions, what a run replaced is purged, and neither is any working
    file kept.
    """
    cloud.client.put_bucket_versioning(
        Bucket=cloud.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    bench = Bench(tmp_path / "bench", cloud.files, cloud.store)
    bench.run([call(1, notes="old words here"), call(2)])
    bench.run([call(1, duration=90, notes="new words here")])
    live = {f.path for f in bench.store.current().files}
    pages = cloud.client.get_paginator("list_object_versions").paginate(Bucket=cloud.bucket)
    kept = [
        v for page in pages for group in ("Versions", "DeleteMarkers") for v in page.get(group, ())
    ]
    assert data_files(v["Key"] for v in kept) == live
    assert not [v["Key"] for v in kept if "/work/" in v["Key"]]
    assert verify_integrity(bench.store) == []


def test_killed_on_s3_and_run_again(cloud: Cloud) -> None:
    write_lines(
        cloud.folder / "in" / "calls.jsonl",
        [call(n, notes=f"mail a{n}@mail.example") for n in range(12)],
    )
    source = cloud.upload(cloud.folder / "in", "raw/calls")
    words = cloud.command(source, cloud.store, "--shard-rows", "2")
    running = killed_commands.start(words, cloud.env, cloud.folder / "notes", "/nowhere")
    while running.process.is_alive() and not [k for k in cloud.objects() if "/interactions/" in k]:
        time.sleep(0.02)
    assert running.process.pid
    os.kill(running.process.pid, signal.SIGKILL)
    assert running.wait() == killed_commands.KILLED
    assert cloud.opened().current().seq == 0
    again = killed_commands.command(*words, env=cloud.env)
    assert again.returncode == 0, again.stderr
    there = cloud.opened()
    assert len(rows(there, "interactions")) == 12 and verify_integrity(there) == []
    assert data_files(cloud.objects()) == {f.path for f in there.current().files}
    assert not [k for k in cloud.objects() if "/work/" in k]


def test_what_goes_wrong_with_s3_is_told(cloud: Cloud) -> None:
    nothing = cloud.redact(f"s3://{cloud.bucket}/raw/none", cloud.store)
    assert nothing.returncode == 4 and f"s3://{cloud.bucket}/raw/none" in nothing.stderr
    write_lines(cloud.folder / "in.jsonl", [call(1)])
    absent = cloud.redact(f"{cloud.folder}/in.jsonl", "s3://callveil-no-such-bucket/store")
    assert absent.returncode == 1 and "the bucket does not exist" in absent.stderr
    unheard = killed_commands.command(
        *cloud.command(
            f"{cloud.folder}/in.jsonl", cloud.store, "--s3-endpoint-url", "http://127.0.0.1:9"
        ),
        env=cloud.env | {"AWS_MAX_ATTEMPTS": "1"},
    )
    assert unheard.returncode == 1 and "could not be reached" in unheard.stderr
    for process in (nothing, absent, unheard):
        assert "Traceback" not in process.stderr
