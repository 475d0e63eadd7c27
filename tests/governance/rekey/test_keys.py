"""The keyring's life: rotation that keeps pseudonyms, sealing anew, envelope keys in KMS, and what
hangs on which key.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import stat
from pathlib import Path

import boto3
import orjson
import pytest
from support.faults import CrashingFiles, ProcessKilled

from callveil.pipelines.cli import main
from callveil.schemas.interaction import SourceRef
from callveil.schemas.manifest import RunManifest
from callveil.schemas.rejected import Rejected
from callveil.transforms.governance.rekey.rewrap import rewrap_store
from callveil.transforms.governance.rekey.usage import count_key_uses
from callveil.transforms.governance.rekey.zones import encrypted_files
from callveil.transforms.redact.operators import TokenKeys, make_call_token, reveal_token
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import purge_removed, unpurged_runs
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def rejects(store: Store, keyring: Keyring, name: str, number: int) -> list[bytes]:
    """Publish rejected records; returns their contents."""
    run = hashlib.sha256(name.encode()).hexdigest()
    writer = DeadLetterWriter(store.files, store.root, keyring, run, NOW, "0000")
    contents = [
        f"{name} {n}: a record of ".encode() + bytes([65 + n % 26]) * (n * 37 % 5_000)
        for n in range(number)
    ]
    for n, raw in enumerate(contents):
        writer.add(
            Rejected(
                SourceRef(f"{name}.jsonl", line=n + 1),
                "ingest",
                "bad_json",
                "not well-formed",
                raw=raw,
            )
        )
    base = store.current()
    made = RunManifest(
        run,
        **base.chain(),
        job="redact",
        as_of=NOW.isoformat(),
        tool_version="t",
        policy_name="p",
        policy_sha256="0",
        added=tuple(writer.publish()),
    )
    store.publish(made, base)
    purge_removed(store, made, NOW.isoformat())
    return contents


def export(store: Store, keyring: Keyring, out: Path) -> list[bytes]:
    """Run `callveil rejected export` and return its lines, sorted."""
    out.unlink(missing_ok=True)
    assert (
        main(
            [
                "rejected",
                "export",
                "--store",
                store.root,
                "--keyring",
                str(keyring.path),
                "--out",
                str(out),
            ]
        )
        == 0
    )
    return sorted(out.read_bytes().splitlines())


def only(keyring: Keyring, key_id: str) -> Keyring:
    """The keyring without its other keys."""
    path = keyring.path.with_name(f"only-{key_id}.json")
    document = json.loads(keyring.path.read_text())
    path.write_text(
        json.dumps(
            document
            | {"active": key_id, "digests": key_id, "keys": {key_id: document["keys"][key_id]}}
        )
    )
    path.chmod(0o600)
    return Keyring.load(path)


def test_rotation_keeps_pseudonyms_and_opens_old_tokens(keyring: Keyring) -> None:
    before = TokenKeys.of(keyring)
    old = make_call_token("PERSON", "Jane Doe", before, "1", "2")
    assert main(["keys", "rotate", "--keyring", str(keyring.path)]) == 0
    new = Keyring.load(keyring.path)
    after = TokenKeys.of(new)
    assert new.active != keyring.active and new.digests == keyring.active
    assert after.pseudonym == before.pseudonym and new.hmac("p", "x") == keyring.hmac("p", "x")
    assert after.token != before.token and f".{new.active}." in make_call_token(
        "PERSON", "Jane Doe", after, "1", "2"
    )
    assert after.pseudonym_id == keyring.active
    assert (
        reveal_token(old, new, "1", "2")
        == reveal_token(make_call_token("PERSON", "Jane Doe", after, "1", "2"), new, "1", "2")
        == "Jane Doe"
    )
    assert main(["keys", "rotate", "--everything", "--keyring", str(keyring.path)]) == 0
    last = Keyring.load(keyring.path)
    assert last.digests == last.active and last.hmac("p", "x") != new.hmac("p", "x")
    assert stat.S_IMODE(keyring.path.stat().st_mode) == 0o600


def test_rejected_records_are_sealed_anew(
    tmp_path: Path,
    files: Files,
    store_root: str,
    keyring: Keyring,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = Store.open_or_create(files, store_root)
    contents = sorted(rejects(store, keyring, "a", 40) + rejects(store, keyring, "b", 3))
    rotated = Keyring.rotate(keyring.path, keep_digests=True)
    contents = sorted(contents + rejects(store, rotated, "c", 2))
    assert {k: u.files["rejected_content"] for k, u in count_key_uses(store, rotated).items()} == {
        keyring.active: 2,
        rotated.active: 1,
    }
    before = [s.path for s in encrypted_files(files, store.root) if s.key_id == keyring.active]
    done = rewrap_store(store, rotated, NOW)
    assert (done.files, done.runs, done.is_whole) == (
        {"rejected_content": 2},
        1,
        True,
    ) and store.current().seq == 4
    assert set(count_key_uses(store, rotated)) == {rotated.active}
    assert all(files.info(store.url(p)) is None for p in before) and unpurged_runs(store) == []
    assert not rewrap_store(store, rotated, NOW).files and store.current().seq == 4
    if not store_root.startswith("s3://"):
        assert (
            export(store, only(rotated, rotated.active), tmp_path / "out.jsonl") == contents
        )  # the old key is not needed any more
        capsys.readouterr()
        assert (
            main(
                ["keys", "status", "--store", store.root, "--keyring", str(keyring.path), "--json"]
            )
            == 0
        )
        found = {k["key"]: k for k in orjson.loads(capsys.readouterr().out)["keys"]}
        assert found[keyring.active]["sealed_files"] == {} and found[rotated.active][
            "sealed_files"
        ] == {"rejected_content": 3}
        assert verify_evidence(files, store.root, [open_signer().public]).problems == ()


def test_sealing_anew_can_be_killed_anywhere(tmp_path: Path, keyring: Keyring) -> None:
    rotated: Keyring | None = None
    for step in range(100):
        root = str(tmp_path / str(step))
        store = Store.open_or_create(Files(), root)
        contents = sorted(rejects(store, keyring, "a", 5))
        rotated = rotated or Keyring.rotate(keyring.path, keep_digests=True)
        try:
            rewrap_store(Store(CrashingFiles(step), root), rotated, NOW)
            is_done = True
        except ProcessKilled:
            is_done = False
        store = Store.open_or_create(Files(), root)
        assert export(store, rotated, tmp_path / "out") == contents  # at every moment
        rewrap_store(store, rotated, NOW)
        assert set(count_key_uses(store, rotated)) == {rotated.active}
        assert export(store, only(rotated, rotated.active), tmp_path / "out") == contents
        assert verify_evidence(Files(), root, [open_signer().public]).problems == ()
        if is_done:
            break
    assert is_done and step > 10


def test_a_keyring_under_kms(
    tmp_path: Path, s3_server: S3Settings, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.environ.get("CALLVEIL_TEST_S3_ENDPOINT"):
        pytest.skip("the server named by CALLVEIL_TEST_S3_ENDPOINT is no KMS")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", str(s3_server.endpoint_url))
    kms = boto3.session.Session().client("kms", region_name="us-east-1")
    key, other = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/callveil", TargetKeyId=key)
    secret = keyring.secret(keyring.active)
    digest = keyring.hmac("p", "x")
    assert main(["keys", "wrap", "--kms", "alias/callveil", "--keyring", str(keyring.path)]) == 0
    text = keyring.path.read_text()
    assert base64.b64encode(secret).decode() not in text and '"secret"' not in text
    assert Keyring.load(keyring.path).hmac("p", "x") == digest
    assert (
        main(["keys", "rotate", "--keyring", str(keyring.path)]) == 0
    )  # what is wrapped stays wrapped
    assert (
        '"secret"' not in keyring.path.read_text() and len(Keyring.load(keyring.path).key_ids) == 2
    )
    document = json.loads(keyring.path.read_text())
    one, two = document["keys"]
    document["keys"][one]["wrapped"], document["keys"][two]["wrapped"] = (
        document["keys"][two]["wrapped"],
        document["keys"][one]["wrapped"],
    )
    swapped = tmp_path / "swapped.json"
    swapped.write_text(json.dumps(document))
    swapped.chmod(0o600)
    with pytest.raises(KeyringError, match="KMS refused decrypt"):  # bound to its name
        Keyring.load(swapped)
    assert main(["keys", "status", "--keyring", str(swapped)]) == 2
    assert main(["keys", "unwrap", "--keyring", str(keyring.path)]) == 0
    assert (
        base64.b64encode(secret).decode() in keyring.path.read_text()
        and Keyring.load(keyring.path).hmac("p", "x") == digest
    )
    kms.disable_key(KeyId=other)
    with pytest.raises(KeyringError) as caught:
        Keyring.change(keyring.path, lambda d: d | {"active": "nobody"})
    assert "field active" in str(caught.value)
    assert main(["keys", "wrap", "--kms", "alias/nobody", "--keyring", str(keyring.path)]) == 2
    assert Keyring.load(keyring.path).hmac("p", "x") == digest
