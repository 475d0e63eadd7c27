"""Faults that are met: each is told with its option or file and the way out, nothing half-done is
seen, and the same command goes on.
"""

from __future__ import annotations

import errno
import gzip
import io
import re
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from soak import run_faults
from support import faulty_disks, killed_commands
from support.command_runs import PLAIN, call, environment, write_lines
from support.faulty_proxy import KEYS, Proxy, free_port

from callveil.pipelines.cli import main
from callveil.pipelines.faults import system_fault
from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import Rejected
from callveil.transforms.ingest.chunks import InputChunk, plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.filesystem import Files, FilesError, S3Settings

TOLD = ("Traceback", "withheld", "Errno")
"""Words that no message on a fault of disk or network holds."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_lines(tmp_path / "in" / "calls.jsonl", [call(n) for n in range(6)])
    (tmp_path / "policy.yaml").write_text(PLAIN)
    (tmp_path / "file").write_text("a file\n")
    return tmp_path


def redact(place: Path, output: str, *words: str) -> list[str]:
    common = [
        "--policy",
        f"{place}/policy.yaml",
        "--as-of",
        "2026-11-02",
        "--no-progress",
        "--json",
    ]
    return ["redact", "--input", f"{place}/in", "--output", output, *common, *words]


MISTAKES: dict[str, tuple[list[str], str]] = {
    "redact into a file": (
        ["redact", "--input", "in", "--output", "file"],
        "--output file: .*file is a file; name a folder",
    ),
    "redact below a file": (
        ["redact", "--input", "in", "--output", "file/store"],
        "--output file/store: file is a file",
    ),
    "load into a file": (
        ["history", "load", "--input", "in", "--output", "file"],
        "--output file: ",
    ),
    "watch into a file": (
        ["watch", "--once", "--input", "in", "--output", "file"],
        "--output file: ",
    ),
    "sample into a file": (
        ["sample", "--output", "file"],
        "file: is not empty, or a file; name a new folder",
    ),
    "demo into a file": (
        ["demo", "--output", "file"],
        "file: is not empty, or a file; name a new folder with --output",
    ),
    "no such runner": (
        ["redact", "--input", "in", "--output", "store", "--runner", "FlinkRuner"],
        "FlinkRuner: .* did you mean FlinkRunner",
    ),
    "no URL": (
        [
            "redact",
            "--input",
            "in",
            "--output",
            "s3://bucket/store",
            "--s3-endpoint-url",
            "nowhere",
        ],
        "--s3-endpoint-url .* is no URL",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_its_option(place: Path, mistake: str) -> None:
    words, told = MISTAKES[mistake]
    done = killed_commands.command(*words, env=environment(place) | KEYS, cwd=place)
    assert done.returncode == 2, done.stderr
    assert re.search(told, done.stderr), done.stderr
    assert not [word for word in TOLD if word in done.stderr]
    assert not (place / "store").exists()


S3 = {
    "closed": "could not be reached, nobody answers; check endpoint",
    "expired": "credentials have expired",
    "503": "overloaded",
}


@pytest.mark.parametrize(("kind", "told"), S3.items())
def test_s3_that_fails_is_told(place: Path, kind: str, told: str) -> None:
    proxy = Proxy(free_port())
    proxy.spoil(kind, 1, 1)
    endpoint = f"http://127.0.0.1:{free_port()}" if kind == "closed" else proxy.endpoint
    done = killed_commands.command(
        *redact(place, "s3://bucket/store", "--s3-endpoint-url", endpoint),
        env=environment(place) | KEYS,
    )
    assert done.returncode == 1 and told in done.stderr and "s3://bucket/store" in done.stderr, (
        done.stderr
    )
    assert not [word for word in TOLD if word in done.stderr]


def test_a_disk_that_takes_no_more_is_told_and_the_run_goes_on(place: Path) -> None:
    store, env = place / "store", environment(place)
    first = faulty_disks.start(
        redact(place, str(store)), env, place / "notes", "file size limit", str(place), 6000
    )
    assert first.wait() == 1
    said = first.printed.read_text()
    assert "File too large" in said and f"{place}/" in said and "run the same command again" in said
    assert not [word for word in TOLD if word in said]
    assert Store.open(Files(), str(store)).current().seq == 0
    again = killed_commands.command(*redact(place, str(store)), env=env)
    assert again.returncode == 0, again.stderr
    opened = Store.open(Files(), str(store))
    assert opened.manifest(1).counts["redacted"] == 6 and verify_integrity(opened) == []


DAMAGES = {
    "cut": lambda d: d[:-20],
    "changed": lambda d: d[:300] + b"\x00\xff\x00" + d[303:],
    "tail": lambda d: d[:-8] + bytes(8),
}


def compressed(folder: Path) -> Path:
    """A folder with fifty calls in one compressed file."""
    write_lines(folder / "plain.jsonl", [call(n) for n in range(50)])
    path = folder / "in" / "calls.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress((folder / "plain.jsonl").read_bytes()))
    return path


def chunk(path: Path) -> InputChunk:
    """The chunk of a file."""
    return plan_chunks(Files(), [str(path)])[0][0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    """Damaged alike when it is read again: the file is what is wrong."""
    path = compressed(tmp_path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    *_, last = [
        r for r in read_chunk(Files(), chunk(path), InputLimits()) if isinstance(r, Rejected)
    ]
    assert (last.reason, last.source.file) == ("bad_compression", str(path))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_of_the_way_is_no_rejection(tmp_path: Path, damage: str) -> None:
    """Whole when it is read again: nothing is said of the file, and the run ends, to be run
    again.
    """
    path = compressed(tmp_path)

    class Once(Files):
        opened = 0

        def open(self, url: str, offset: int = 0) -> BinaryIO:
            self.opened += 1
            data = path.read_bytes()
            return io.BytesIO((DAMAGES[damage](data) if self.opened == 1 else data)[offset:])

    with pytest.raises(
        FilesError, match=r"calls\.jsonl\.gz: (came damaged|ended) ?.*run the same command again"
    ):
        list(read_chunk(Once(), chunk(path), InputLimits()))


@pytest.mark.parametrize("at", ["planned", "opened", "footer", "page"])
def test_parquet_that_cannot_be_reached_is_no_damaged_file(tmp_path: Path, at: str) -> None:
    """A row group that is given up because the network failed would be lost: the run was done, and
    the same command does nothing.
    """
    path = tmp_path / "in" / "export.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist([call(n) for n in range(50)]), path)
    piece = chunk(path)

    class Fails(Files):
        def read(self, url: str, start: int = 0, length: int | None = None) -> bytes:
            if at == "opened":
                raise FilesError(errno.EIO, "S3 failed", url)
            return super().read(url, start, length)

        def open(self, url: str, offset: int = 0) -> BinaryIO:
            class Source(io.BytesIO):
                def read(self, size: int | None = -1) -> bytes:
                    if (self.tell() < 1000) if at == "page" else True:
                        raise FilesError(errno.EIO, "S3 failed", url)
                    return super().read(size)

            return Source(path.read_bytes())

    with pytest.raises(FilesError, match="S3 failed"):
        plan_chunks(Fails(), [str(path)]) if at == "planned" else list(
            read_chunk(Fails(), piece, InputLimits())
        )


def test_a_fault_in_beams_text_is_found_and_nothing_else() -> None:
    told = "callveil.transforms.storage.files.urls.FilesError: s3://b/k: S3 failed; run it again"
    frame = (
        'Traceback (most recent call last):\n  File "/x/transforms/jobs/batch/context.py", '
        "line 7, in process\n    work()\n"
    )
    assert (
        system_fault(RuntimeError(f"{frame}RuntimeError: {told} [while running 'Write/Map']\n\n"))
        == "s3://b/k: S3 failed; run it again"
    )
    full = system_fault(
        RuntimeError(
            f"{frame}RuntimeError: OSError: [Errno 28] No space left on device: '/d/x.parquet' "
            "[while running 'W']"
        )
    )
    assert full is not None and full.startswith("/d/x.parquet: No space left on device; make room")
    assert system_fault(
        OSError(errno.EROFS, "as a record says", "/d")
    ) == "/d: Read-only file system; " + (
        "name a place that can be written, or mount this one for writing"
    )
    assert (
        system_fault(ValueError(f"a record that says OSError: [Errno 28] Zebulon: 'x' {frame}"))
        is None
    )
    assert system_fault(RuntimeError(f"{frame}ValueError: Zebulon's own words")) is None


@pytest.mark.integration
def test_runs_that_meet_faults_end_as_those_that_meet_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short part of tests/soak/run_faults.py."""
    for name in (*KEYS, "CALLVEIL_KEYRING", "CALLVEIL_EVIDENCE_KEY", "CALLVEIL_STATE"):
        monkeypatch.setenv(name, "")  # set by the cases; so that they are as before afterwards
    kinds = [
        "503",
        "answer lost",
        "truncated",
        "server killed",
        "EIO",
        *(["full disk"] if faulty_disks.can_mount() else ["file size limit"]),
    ]
    world = run_faults.prepare(tmp_path / "faults", on_s3=True)
    try:
        found = run_faults.cases(world, kinds, range(1, 2), print)
    finally:
        if world.server:
            world.server.kill()
    assert {
        kind: r.problems for kind, results in found.items() for r in results if r.problems
    } == {}
    assert all(
        r.met
        for kind, results in found.items()
        for r in results
        if kind in ("503", "answer lost", "truncated")
    )


READ_ONLY = (
    ("redact", "--input", "nowhere", "--output"),
    ("history", "load", "--input", "nowhere", "--output"),
    ("watch", "--once", "--input", "in", "--accounts", "nowhere", "--output"),
    ("retain", "run", "--accounts", "nowhere", "--store"),
    ("rescan", "--apply", "--accounts", "nowhere", "--store"),
)


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "filled"])
def test_a_place_in_s3_that_may_only_be_read_is_told_before_any_work(
    place: Path,
    is_new: bool,
    s3_server: S3Settings,
    s3_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("CALLVEIL_KEYRING", str(place / "keyring.json"))
    store = f"s3://{s3_bucket}/store"
    proxy = Proxy(int(str(s3_server.endpoint_url).rpartition(":")[2]))
    common = ["--s3-endpoint-url", proxy.endpoint, "--s3-region", "us-east-1"]
    if not is_new:
        assert main([*redact(place, store), *common]) == 0
    proxy.spoil("read only", 1, 1)
    before = sorted(f.url for f in Files(s3_server).list(store))
    for words in READ_ONLY[: -1 if is_new else None]:  # rescan makes no store
        capsys.readouterr()
        assert main([*words, store, *common]) == 1, words
        said = capsys.readouterr().err
        assert (
            f"{store}: this user may only read the store" in said
            and "--output" in said
            and "s3:PutObject" in said
        ), said
        assert not [word for word in TOLD if word in said]
    assert sorted(f.url for f in Files(s3_server).list(store)) == before
    assert (place / "keyring.json").exists() is not is_new, (
        "no keyring is made for a store that cannot be"
    )
    dry = main([*redact(place, store), *common, "--dry-run"])
    assert dry == 0, capsys.readouterr().err
