"""Evidence of whole stores: what retention leaves is proven, salts go with rows, keys change, runs
die, and the past can be anchored.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
from support.evidence_stores import AS_OF, check, empty_run, key, world
from support.faults import CrashingFiles, ProcessKilled
from support.retention_stores import DAY, Place, V, account

from callveil.pipelines.cli import main
from callveil.schemas.manifest import RunManifest
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.checkpoints.catch_up import newest_record, sign_unsigned
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.commit.maintenance import purge_removed
from callveil.transforms.storage.evidence.key_rotation import rotate_key
from callveil.transforms.storage.evidence.public_key import EvidenceKeyError, PublicKey
from callveil.transforms.storage.evidence.signed_record import PULLS, SEALS
from callveil.transforms.storage.evidence.signing_keys import ENV, key_path, open_signer
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.format1.snapshot import data_path, to_json
from callveil.transforms.storage.tables.rewrite import change_rows, rewrite_file
from callveil.transforms.storage.tables.versions import VERSIONS


def fresh_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "evidence-key.pem"
    monkeypatch.setenv(ENV, str(path))
    return path


def test_what_retention_leaves_is_proven_and_salts_go_with_the_rows(tmp_path: Path) -> None:
    place = Place(
        tmp_path,
        policy="version: 1\nname: p\nretention:\n  rules:\n    - {id: s, action: delete, days: 3, "
        "class: versions, account: ['1']}\n",
    )
    place.accounts = [account("1"), account("2")]
    place.put(V(str(1 + n % 2), AS_OF - 5 * DAY, f"v{n}") for n in range(10))
    salts = Path(place.root) / "_callveil" / "salts"
    (first,) = salts.iterdir()
    (seed,) = [s["trees"][0]["seeds"][0][2] for s in orjson.loads(first.read_bytes()).values()]
    place.run(AS_OF)
    assert place.ids() == [f"v{n}" for n in range(1, 10, 2)]
    report = check(place.root)
    assert report.problems == () and report.notes == ()
    for path in Path(place.root).rglob("*"):
        if path.is_file():
            assert (
                seed.encode() not in path.read_bytes()
                and bytes.fromhex(seed) not in path.read_bytes()
            ), f"{path} still holds the seed"
    record = orjson.loads((Path(place.root) / "_callveil/evidence/00000002.json").read_bytes())
    assert [(r["kept"], r["gone"], r["fresh"]) for r in record["rewrites"]] == [(5, 5, 0)]
    # Another salt for a row that is left, or another tombstone, and the way back to the first file
    # is broken.
    (now,) = [p for p in salts.iterdir() if "versions/" in p.read_text()]
    assert "versions/" in now.read_text()


def test_a_store_of_nothing_but_empty_runs(tmp_path: Path) -> None:
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    for name in "abc":
        empty_run(store, name)
    report = check(store.root)
    assert report.problems == () and report.runs == 3 and report.files == 0
    (tmp_path / "store/_callveil/evidence/00000002.json").unlink()
    assert [(p.kind, p.path) for p in check(store.root).problems] == [
        ("gap", "_callveil/evidence/00000002.json")
    ]


def test_only_an_anchor_shows_that_the_newest_runs_were_cut_off(tmp_path: Path) -> None:
    place = world(tmp_path)
    before = tmp_path / "before"
    shutil.copytree(place.root, before)
    (anchor_before,) = [check(before).head]
    place.run(AS_OF + DAY)
    anchor = check(place.root).head
    assert anchor != anchor_before
    assert check(place.root, anchors=[anchor_before, anchor[:16]]).problems == ()
    assert check(before).problems == ()  # a whole store of yesterday is whole
    (found,) = check(before, anchors=[anchor]).problems
    assert found.kind == "anchor" and "cut off" in found.detail


def test_the_key_is_made_on_first_use_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENV)
    keyring = tmp_path / "conf" / "keyring.json"
    assert key_path(keyring) == str(keyring.with_name("evidence-key.pem"))
    signer = open_signer(keyring)
    path = Path(key_path(keyring))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_signer(keyring).public == signer.public
    path.chmod(0o644)
    with pytest.raises(EvidenceKeyError, match="chmod 600"):
        open_signer(keyring)
    path.chmod(0o600)
    secret = path.read_text()
    monkeypatch.setenv(ENV, secret)
    assert open_signer(tmp_path / "elsewhere.json").public == signer.public
    assert secret.splitlines()[1] not in repr(signer)
    path.write_text("-----BEGIN PRIVATE KEY-----\nx\n")
    monkeypatch.setenv(ENV, str(path))
    with pytest.raises(EvidenceKeyError, match="not an unencrypted private key"):
        open_signer()


def test_another_key_is_refused_before_anything_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    empty_run(store, "a")
    monkeypatch.setenv(ENV, str(tmp_path / "other.pem"))
    with pytest.raises(StoreError, match="no evidence key here"):
        empty_run(store, "b")  # none is made for a store that another one signs
    assert not (tmp_path / "other.pem").exists() and open_signer()
    with pytest.raises(StoreError, match="signed with key"):
        empty_run(store, "b")
    assert store.current().seq == 1
    monkeypatch.undo()
    assert check(store.root).problems == ()


def test_with_another_key_nothing_is_told_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = world(tmp_path)
    monkeypatch.setenv(ENV, str(tmp_path / "other.pem"))
    found = check(place.store.root)
    (problem,) = found.problems  # said once, not of each file
    assert problem.kind == "key" and open_signer().public.id in problem.detail and found.seq == 13


def test_one_key_signs_every_chain_of_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, own = world(tmp_path), key()
    with monkeypatch.context() as other:
        other.setenv(ENV, str(tmp_path / "other.pem"))
        assert open_signer()
        for folder in (PULLS, SEALS):
            with pytest.raises(StoreError, match="is signed with key"):
                place.store.attestor().append(folder, "pull", {})
    assert place.store.attestor().append(PULLS, "pull", {}) == 1
    assert verify_evidence(Files(), place.store.root, [own]).problems == ()


def test_changing_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fresh_key(tmp_path, monkeypatch)
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    empty_run(store, "a")
    first = key()
    second = rotate_key()
    empty_run(store, "b")
    third = rotate_key()
    empty_run(store, "c")
    assert len({first.id, second.id, third.id}) == 3 and stat.S_IMODE(path.stat().st_mode) == 0o600
    for trusted in (
        first,
        second,
        third,
    ):  # older keys handed over to newer ones; the newest vouches for the chain behind it
        assert verify_evidence(Files(), store.root, [trusted]).problems == ()
    path.unlink()
    stranger = key()
    assert {p.kind for p in verify_evidence(Files(), store.root, [stranger]).problems} >= {"key"}


def test_runs_from_before_evidence_was_kept(tmp_path: Path) -> None:
    place = world(tmp_path)
    control = Path(place.root) / "_callveil"
    shutil.rmtree(control / "evidence")
    shutil.rmtree(control / "salts")
    for path in Path(place.root).glob("*/metadata"):  # nor had it tables
        shutil.rmtree(path)
    latest = orjson.loads((control / "latest.json").read_bytes())
    del latest["tables"]
    (control / "latest.json").write_bytes(to_json(latest))
    for path in (control / "purged").iterdir():  # as they were written then
        body = orjson.loads(path.read_bytes())
        path.write_bytes(orjson.dumps({k: body[k] for k in ("seq", "run_id", "as_of", "files")}))
    assert [p.kind for p in check(place.root).problems] == ["gap"]
    assert sign_unsigned(place.store) == 1 and sign_unsigned(place.store) == 0
    report = check(place.root)
    assert report.problems == () and report.runs == 13
    place.run(AS_OF + DAY)  # files without salts are rewritten too
    report = check(place.root)
    assert report.problems == (), [str(p) for p in report.problems]
    first = next((control / "manifests").glob("00000003.json"))
    first.write_bytes(first.read_bytes().replace(b"load", b"loaf"))
    assert {p.path for p in check(place.root).problems} >= {"_callveil/manifests/00000003.json"}


def test_a_run_that_dies_anywhere_leaves_whole_evidence_once_repeated(tmp_path: Path) -> None:
    done = 0
    for step in range(200):
        place = Place(tmp_path / str(step), accounts=[account("1"), account("2", "agency")])
        place.put(
            [
                V("1", AS_OF - 9 * DAY, "a"),
                V("1", AS_OF - DAY, "b"),
                V("2", AS_OF - 9 * DAY, "c", "agency"),
            ]
        )
        crashing = Place(tmp_path / str(step), CrashingFiles(step), accounts=place.accounts)
        try:
            crashing.run(AS_OF)
            done += 1
        except ProcessKilled:
            pass
        place.run(AS_OF)
        empty_run(place.store, "after")
        report = check(place.root)
        assert report.problems == (), f"step {step}: {[str(p) for p in report.problems]}"
        if done:
            break
    assert done and step > 12


def test_in_s3_with_the_public_key_alone(
    tmp_path: Path, s3_server: S3Settings, s3_bucket: str, s3_client: Any
) -> None:
    root = f"s3://{s3_bucket}/zone/store"
    place = world(tmp_path, root, Files(s3_server), rows=4)
    public = tmp_path / "public.pem"
    public.write_text(key().pem)
    given = [
        "--store",
        root,
        "--s3-endpoint-url",
        str(s3_server.endpoint_url),
        "--key",
        str(public),
    ]
    assert main(["evidence", "verify", *given]) == 0
    path = next(f.path for f in place.store.current().files if f.dataset == "versions")
    s3_client.delete_object(Bucket=s3_bucket, Key=f"zone/store/{path}")
    assert main(["evidence", "verify", *given, "--quick"]) == 1


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = world(tmp_path)
    copy, public = tmp_path / "copy", tmp_path / "public.pem"
    shutil.copytree(place.root, copy)
    assert main(["evidence", "key", "--out", str(public)]) == 0
    assert (
        main(
            ["evidence", "head", "--store", place.root, "--keyring", str(tmp_path / "keyring.json")]
        )
        == 0
    )
    anchor = capsys.readouterr().out.splitlines()[-1]
    newest = newest_record(place.store)
    assert newest and newest.sha256 == anchor
    monkeypatch.setenv(
        ENV, str(tmp_path / "nobody" / "key.pem")
    )  # verifying needs no private key, and makes none
    assert (
        main(["evidence", "verify", "--store", str(copy), "--key", str(public), "--anchor", anchor])
        == 0
    )
    assert not (tmp_path / "nobody").exists()
    assert "all as signed" in capsys.readouterr().out
    path = copy / next(f.path for f in place.store.current().files if f.dataset == "versions")
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert main(["evidence", "verify", "--store", str(copy), "--key", str(public), "--json"]) == 1
    report = orjson.loads(capsys.readouterr().out)
    assert not report["ok"] and any(
        "byte 1000 was changed" in p["detail"] for p in report["problems"]
    )
    assert (
        main(["evidence", "verify", "--store", str(copy), "--key", str(public), "--anchor", "xyz"])
        == 2
    )
    assert (
        main(["evidence", "verify", "--store", str(tmp_path / "none"), "--key", str(public)]) == 2
    )
    assert (
        main(["evidence", "verify", "--store", str(copy), "--key", str(tmp_path / "none.pem")]) == 2
    )


def test_a_key_of_kms(
    tmp_path: Path, s3_server: S3Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has no Ed25519 keys, so this one is ECDSA on P-256; the private half never leaves
    it.
    """
    if os.environ.get("CALLVEIL_TEST_S3_ENDPOINT"):
        pytest.skip("the server named by CALLVEIL_TEST_S3_ENDPOINT is no KMS")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", str(s3_server.endpoint_url))
    kms = boto3.session.Session().client("kms", region_name="us-east-1")
    key_id = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    monkeypatch.setenv(ENV, f"kms:{key_id}")
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    empty_run(store, "a")
    empty_run(store, "b")
    public = key()
    assert public.algorithm == "ecdsa-p256-sha256"
    saved = tmp_path / "kms.pem"
    saved.write_text(public.pem)
    assert verify_evidence(Files(), store.root, [PublicKey.read(saved)]).problems == ()
    monkeypatch.setenv(ENV, "kms:00000000-0000-0000-0000-000000000000")
    with pytest.raises(StoreError, match="KMS refused"):
        empty_run(store, "c")
    assert store.current().seq == 2
    with pytest.raises(EvidenceKeyError, match="only a key in a file"):
        rotate_key()


def test_late_rows_and_their_salts(tmp_path: Path) -> None:
    """A better delivery changes one row of a file: that row has a tombstone and a new commitment,
    the others keep theirs.
    """
    place = Place(tmp_path)
    place.put([V("1", AS_OF - DAY, f"v{n}") for n in range(6)])
    store, base = place.store, place.store.current()
    (entry,) = base.by_dataset("versions")
    run = hashlib.sha256(b"late").hexdigest()
    path = data_path(
        "versions",
        entry.partition,
        run,
        entry.path.rsplit("/", 1)[1].removesuffix(".parquet"),
    )
    new = rewrite_file(
        Files(),
        store.root,
        entry,
        path,
        VERSIONS,
        change_rows(lambda r: r | {"event": "redact"} if r["version_id"] == "v3" else r),
    )
    assert new.entry
    made = RunManifest(
        run,
        **base.chain(),
        job="late",
        as_of=dt.datetime(2026, 11, 24, tzinfo=dt.UTC).isoformat(),
        tool_version="t",
        policy_name="p",
        policy_sha256="0",
        added=(new.entry,),
        removed=(entry,),
    )
    store.publish(made, base)
    for manifest in (store.manifest(1), made):
        purge_removed(store, manifest, AS_OF.isoformat())
    record = orjson.loads((Path(store.root) / "_callveil/evidence/00000002.json").read_bytes())
    assert [(r["kept"], r["gone"], r["fresh"]) for r in record["rewrites"]] == [(5, 1, 1)]
    assert check(store.root).problems == ()
