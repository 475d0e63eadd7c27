"""Sealed bodies: what a webhook brought is read by every job that has the keyring, and by nobody
else.
"""

from __future__ import annotations

import json

import pytest

from callveil.pipelines import cli
from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import Rejected
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.sealed_body import encrypt_body
from callveil.transforms.storage.files.filesystem import Files

FILES, LIMITS = Files(), InputLimits()
CALL = {
    "account_id": 7,
    "id": 9007199254740993,
    "called_at": "2026-11-01T10:00:00Z",
    "kind": "text",
    "message_body": "I am Ada Quill",
}


def read(path, keyring):
    chunks, _ = plan_chunks(FILES, [str(path)])
    return [r for c in chunks for r in read_chunk(FILES, c, LIMITS, keyring=keyring)]


@pytest.mark.parametrize("body", [CALL, {"call": CALL}, [CALL], {"calls": [CALL], "page": 1}])
def test_a_body_is_read_whatever_its_wrapping(tmp_path, keyring, body):
    path = tmp_path / "in" / "ab.sealed"
    path.parent.mkdir()
    path.write_bytes(encrypt_body(json.dumps(body).encode(), keyring))
    assert [tuple(r.key) for r in read(path.parent, keyring)] == [("7", "9007199254740993")]


def test_without_its_keyring_and_after_any_change_it_is_rejected(tmp_path, keyring):
    sealed = encrypt_body(json.dumps(CALL).encode(), keyring)
    other = Keyring.create(tmp_path / "other.json")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "ab.sealed"
    for data, ring in (
        (sealed, None),
        (sealed, other),
        (sealed[:-1], keyring),
        (sealed[:60] + b"x" + sealed[61:], keyring),
        (b"CVSEAL01", keyring),
    ):
        path.write_bytes(data)
        (found,) = read(path, ring)
        assert isinstance(found, Rejected)
        assert found.reason == "unreadable_file"
        assert not found.raw


def test_the_batch_job_takes_an_inbox(tmp_path, keyring, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ab.sealed").write_bytes(encrypt_body(json.dumps(CALL).encode(), keyring))
    where = [
        "--input",
        str(tmp_path / "in"),
        "--output",
        str(tmp_path / "store"),
        "--keyring",
        str(keyring.path),
        "--json",
        "--no-progress",
    ]
    assert cli.main(["redact", *where]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["counts"]["redacted"] == 1
