"""Files: the same behaviour on disk and on S3."""

from __future__ import annotations

import datetime as dt
import io
import os
import pickle
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.transforms.storage.files import s3 as s3_module
from callveil.transforms.storage.files import s3_reader
from callveil.transforms.storage.files.filesystem import (
    FileInfo,
    Files,
    FilesError,
    ObjectLocked,
    PreconditionFailed,
    S3Settings,
)
from callveil.transforms.storage.files.urls import glob_regex, join_url


def put(files: Files, root: str, *names: str) -> None:
    for name in names:
        files.write(files.join(root, name), name.encode())


def names(found: list[FileInfo], root: str) -> list[str]:
    return [f.url[len(root) + 1 :] for f in found]


def test_write_read_info_delete(files: Files, store_root: str) -> None:
    url = files.join(store_root, "a", "b.bin")
    assert files.info(url) is None
    etag = files.write(url, b"0123456789")
    info = files.info(url)
    assert info == FileInfo(url, 10, etag)
    assert files.read(url) == b"0123456789"
    assert files.read(url, 3, 4) == b"3456"
    assert files.read(url, 8) == b"89"
    assert files.read(url, 8, 100) == b"89"
    assert files.read(url, 50) == b""
    assert files.read(url, 2, 0) == b""
    assert files.write(url, b"9876543210") != etag
    files.delete(url)
    files.delete(url)
    assert files.info(url) is None


def test_empty_file(files: Files, store_root: str) -> None:
    url = files.join(store_root, "empty")
    files.write(url, b"")
    assert files.read(url) == b""
    assert files.open(url).read() == b""
    assert files.sha256(url) == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        0,
    )


def test_missing_file_is_file_not_found(files: Files, store_root: str) -> None:
    url = files.join(store_root, "nothing")
    for call in (files.read, files.open, files.sha256):
        with pytest.raises(FileNotFoundError):
            call(url)
    assert files.purge(url) == []
    assert files.glob(url) == []
    assert list(files.list(url)) == []


def test_conditions(files: Files, store_root: str) -> None:
    url = files.join(store_root, "pointer")
    with pytest.raises(PreconditionFailed):
        files.write(url, b"x", if_match="0123456789abcdef0123456789abcdef")
    first = files.write(url, b"one", if_none_match=True)
    with pytest.raises(PreconditionFailed):
        files.write(url, b"two", if_none_match=True)
    second = files.write(url, b"two", if_match=first)
    with pytest.raises(PreconditionFailed):
        files.write(url, b"six", if_match=first)
    assert files.read(url) == b"two"
    files.write(url, b"ten", if_match=second)
    with pytest.raises(ValueError, match="exclude"):
        files.write(url, b"", if_match="x", if_none_match=True)
    assert [f.url for f in files.list(store_root)] == [url]


def test_compare_and_swap_loses_no_update(files: Files, store_root: str) -> None:
    """Eight threads increment a counter; every swap that succeeds must count. Contents have one
    size, so only the etag can tell them apart.
    """
    url = files.join(store_root, "counter")
    files.write(url, b"000")
    rounds = 4

    def work() -> None:
        for _ in range(rounds):
            while True:
                info = files.info(url)
                assert info is not None
                value = int(files.read(url))
                try:
                    files.write(url, f"{value + 1:03d}".encode(), if_match=info.etag)
                    break
                except PreconditionFailed:
                    continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert int(files.read(url)) == 4 * rounds


def test_only_one_creates(files: Files, store_root: str) -> None:
    url = files.join(store_root, "claim")
    wins: list[int] = []

    def work(number: int) -> None:
        try:
            files.write(url, bytes([number]), if_none_match=True)
            wins.append(number)
        except PreconditionFailed:
            pass

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert files.read(url) == bytes(wins)


def test_glob(files: Files, store_root: str) -> None:
    put(
        files,
        store_root,
        "in/a.json",
        "in/b.jsonl",
        "in/sub/c.json",
        "in/_SUCCESS",
        "in/.part",
        "in/_tmp/d.json",
        "in/x[1].json",
        "inside/e.json",
    )
    at = lambda pattern: names(files.glob(files.join(store_root, pattern)), store_root)  # noqa: E731
    assert at("in") == ["in/a.json", "in/b.jsonl", "in/sub/c.json", "in/x[1].json"]
    assert at("in/a.json") == ["in/a.json"]
    assert at("in/*.json") == ["in/a.json", "in/x[1].json"]
    assert at("in/?.json*") == ["in/a.json", "in/b.jsonl"]
    assert at("in/[ac].json") == ["in/a.json"]
    assert at("in/[!b].json") == ["in/a.json"]
    assert at("in/x[1].json") == ["in/x[1].json"]
    assert at("**/*.json") == [
        "in/_tmp/d.json",
        "in/a.json",
        "in/sub/c.json",
        "in/x[1].json",
        "inside/e.json",
    ]
    assert at("in/**") == [
        "in/_SUCCESS",
        "in/_tmp/d.json",
        "in/a.json",
        "in/b.jsonl",
        "in/sub/c.json",
        "in/x[1].json",
    ]
    assert at("nothing/*") == []


def test_list_is_in_order_and_hides_nothing_but_internals(files: Files, store_root: str) -> None:
    put(files, store_root, "a-b", "a/b", "a0", "_c/.d", "e")
    found = names(list(files.list(store_root)), store_root)
    assert found == sorted(found) == ["_c/.d", "a-b", "a/b", "a0", "e"]
    assert names(list(files.list(files.join(store_root, "a"))), store_root) == ["a/b"]


def test_open_is_seekable_and_ranged(
    files: Files, store_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_reader, "RANGE_BYTES", 1000)
    data = bytes(range(256)) * 40
    url = files.join(store_root, "blob")
    files.write(url, data)
    with files.open(url, 100) as source:
        assert source.read(10) == data[100:110]
        assert source.seek(-7, 2) == len(data) - 7
        assert source.read() == data[-7:]
        assert source.read(5) == b""
        source.seek(3)
        assert source.read(5000) == data[3:5003]
        source.seek(0)
        assert source.read() == data


def test_reading_an_s3_object_that_is_replaced_fails(
    files: Files, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_reader, "RANGE_BYTES", 1000)
    url = f"s3://{s3_bucket}/k"
    files.write(url, b"a" * 5000)
    with files.open(url) as source:
        source.read(10)
        files.write(url, b"b" * 5000)
        with pytest.raises(PreconditionFailed):
            source.read()


@pytest.mark.parametrize("size", [0, 1, 5 << 20, (5 << 20) + 1, (11 << 20) + 3])
def test_large_objects_go_up_in_parts(
    files: Files, s3_bucket: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_module, "PART_BYTES", 5 << 20)
    data = os.urandom(1 << 16) * (size // (1 << 16) + 1)
    data = data[:size]
    for number, source in enumerate((data, io.BytesIO(data))):
        url = f"s3://{s3_bucket}/large{number}"
        etag = files.write(url, source, if_none_match=True)
        assert files.read(url) == data
        with pytest.raises(PreconditionFailed):
            files.write(url, io.BytesIO(data), if_none_match=True)
        found = files.info(url)
        assert found is not None and found.etag == etag
    assert (
        files._s3.abort_uploads(f"s3://{s3_bucket}", dt.datetime(2100, 1, 1, tzinfo=dt.UTC)) == []
    )


def test_failed_source_leaves_no_upload(
    files: Files, s3_bucket: str, s3_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_module, "PART_BYTES", 5 << 20)

    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > (6 << 20):
                raise ConnectionError("source broke")
            return super().read(size)

    with pytest.raises(ConnectionError):
        files.write(f"s3://{s3_bucket}/k", Breaks(b"x" * (12 << 20)))
    assert files.info(f"s3://{s3_bucket}/k") is None
    assert "Uploads" not in s3_client.list_multipart_uploads(Bucket=s3_bucket)


def test_purge_removes_every_version(files: Files, s3_bucket: str, s3_client: Any) -> None:
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    url = f"s3://{s3_bucket}/a/k"
    for text in (b"1", b"2", b"3"):
        files.write(url, text)
    files.delete(url)
    files.write(f"{url}-other", b"stays")
    assert files.info(url) is None
    assert len(files.purge(url)) == 4
    left = s3_client.list_object_versions(Bucket=s3_bucket)
    assert [v["Key"] for v in left["Versions"]] == ["a/k-other"]
    assert "DeleteMarkers" not in left
    assert files.purge(url) == []


def test_purge_leaves_what_has_changed_alone(files: Files, store_root: str) -> None:
    url = files.join(store_root, "k")
    first = files.write(url, b"1")
    second = files.write(url, b"22")
    with pytest.raises(PreconditionFailed):
        files.purge(url, if_match=first)
    assert files.read(url) == b"22"
    assert len(files.purge(url, if_match=second)) == 1
    assert files.purge(url, if_match=second) == []


def test_purge_collects_what_object_lock_refuses(files: Files, s3_client: Any) -> None:
    bucket = f"callveil-lock-{os.getpid()}"
    s3_client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    url = f"s3://{bucket}/k"
    files.write(url, b"free")
    held = s3_client.put_object(Bucket=bucket, Key="k", Body=b"held")["VersionId"]
    s3_client.put_object_legal_hold(
        Bucket=bucket, Key="k", VersionId=held, LegalHold={"Status": "ON"}
    )
    files.write(url, b"free too")
    with pytest.raises(ObjectLocked) as caught:
        files.purge(url)
    assert caught.value.refused == [(url, held)]
    assert "Object Lock" in str(caught.value)
    s3_client.put_object_legal_hold(
        Bucket=bucket, Key="k", VersionId=held, LegalHold={"Status": "OFF"}
    )
    assert files.purge(url) == [held]
    s3_client.delete_bucket(Bucket=bucket)


def test_errors_say_what_to_do(s3_server: S3Settings) -> None:
    with pytest.raises(FilesError, match="bucket does not exist"):
        Files(s3_server).write("s3://callveil-no-such-bucket/k", b"x")
    with pytest.raises(FilesError, match="check endpoint"):
        Files(S3Settings("http://127.0.0.1:9", "us-east-1")).read("s3://bucket/k")
    with pytest.raises(ValueError, match="gs://"):
        Files().read("gs://bucket/k")
    with pytest.raises(ValueError, match="bucket"):
        Files().read("s3:///k")


def test_pickles_without_its_client(files: Files, s3_bucket: str) -> None:
    files.write(f"s3://{s3_bucket}/k", b"x")
    data = pickle.dumps(files)
    assert len(data) < 1000
    assert pickle.loads(data).read(f"s3://{s3_bucket}/k") == b"x"


def test_aws_endpoint_url_is_honoured(
    s3_server: S3Settings, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(s3_server.endpoint_url))
    Files().write(f"s3://{s3_bucket}/k", b"x")
    assert Files(s3_server).read(f"s3://{s3_bucket}/k") == b"x"


def test_local_files_are_for_the_owner_only(tmp_path: Path) -> None:
    Files().write(str(tmp_path / "a/b/c"), b"x")
    assert stat.S_IMODE((tmp_path / "a/b/c").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700
    assert sorted(p.name for p in (tmp_path / "a/b").iterdir()) == ["c"]


def test_failed_local_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionError("source broke")

    target = tmp_path / "f"
    target.write_bytes(b"old")
    with pytest.raises(ConnectionError):
        Files().write(str(target), Breaks())
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_sweeping_spares_living_writers(tmp_path: Path) -> None:
    """A process is killed in the middle of a write; another one is still writing."""
    code = (
        "import sys, io, time\n"
        "from callveil.transforms.storage.files.filesystem import Files\n"
        "class Slow(io.BytesIO):\n"
        "    def read(self, size=-1):\n"
        "        print('writing', flush=True); time.sleep(60)\n"
        "Files().write(sys.argv[1], Slow())\n"
    )
    dead, alive = (
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / n / "f")], stdout=subprocess.PIPE
        )
        for n in ("dead", "alive")
    )
    try:
        for process in (dead, alive):
            assert process.stdout is not None
            process.stdout.readline()
        dead.kill()
        dead.wait()
        (tmp_path / "kept").write_bytes(b"x")
        swept = Files().sweep_temporary(str(tmp_path))
        assert len(swept) == 1
        assert re.fullmatch(r".*/dead/\.callveil-tmp-\w+", swept[0])
        assert len(list((tmp_path / "alive").iterdir())) == 1
        assert not list((tmp_path / "dead").iterdir())
        assert (tmp_path / "kept").exists()
        assert Files().glob(str(tmp_path)) == Files().glob(str(tmp_path / "kept"))
    finally:
        for process in (dead, alive):
            process.kill()
            process.wait()


def test_sweeping_s3_aborts_old_uploads(files: Files, s3_bucket: str, s3_client: Any) -> None:
    s3_client.create_multipart_upload(Bucket=s3_bucket, Key="zone/k")
    s3_client.create_multipart_upload(Bucket=s3_bucket, Key="elsewhere/k")
    root = f"s3://{s3_bucket}/zone"
    assert files.sweep_temporary(root) == []
    assert files.sweep_temporary(root, dt.datetime(2001, 1, 1, tzinfo=dt.UTC)) == []
    assert files.sweep_temporary(root, dt.datetime.fromtimestamp(time.time() + 86400, dt.UTC)) == [
        f"{root}/k"
    ]
    assert [u["Key"] for u in s3_client.list_multipart_uploads(Bucket=s3_bucket)["Uploads"]] == [
        "elsewhere/k"
    ]


@pytest.mark.parametrize(
    ("base", "parts", "expected"),
    [
        ("a", ("b", "c"), "a/b/c"),
        ("a/", ("b//c/",), "a/b/c"),
        ("s3://x", ("y",), "s3://x/y"),
        ("/", ("a",), "/a"),
        ("", ("a",), "a"),
        ("a", ("",), "a"),
    ],
)
def test_join(base: str, parts: tuple[str, ...], expected: str) -> None:
    assert join_url(base, *parts) == expected


@pytest.mark.parametrize("part", ["../x", "/x", "a/../../b", ".."])
def test_join_refuses_to_leave(part: str) -> None:
    with pytest.raises(ValueError, match="part of a path"):
        join_url("root", part)


@given(st.text("ab*?[]!/.", max_size=12), st.text("ab/.]", max_size=10))
def test_globs_compile_or_say_why_and_never_cross_folders(pattern: str, url: str) -> None:
    try:
        regex = glob_regex(pattern)
    except ValueError as error:
        assert "pattern" in str(error)
        return
    if regex.fullmatch(url) and "**" not in pattern:
        assert url.count("/") == pattern.count("/")
