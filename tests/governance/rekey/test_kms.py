"""Keys in AWS KMS: a wrapped key is retired wrapped, and evidence is signed by an Ed25519 key that
never leaves its server.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from callveil.pipelines.cli import main
from callveil.schemas.manifest import RunManifest
from callveil.transforms.governance.rekey.retire import decide_retirement, retire_key
from callveil.transforms.governance.rekey.usage import KeyUse
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import purge_removed
from callveil.transforms.storage.encryption.keyring import HALF_BYTES, Keyring
from callveil.transforms.storage.evidence.kms_signer import _ALGORITHMS
from callveil.transforms.storage.evidence.public_key import PublicKey
from callveil.transforms.storage.evidence.signing_keys import ENV, open_signer
from callveil.transforms.storage.files.filesystem import Files, S3Settings

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def test_a_wrapped_key_is_retired_wrapped(
    s3_server: S3Settings, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.environ.get("CALLVEIL_TEST_S3_ENDPOINT"):
        pytest.skip("the server named by CALLVEIL_TEST_S3_ENDPOINT is no KMS")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", str(s3_server.endpoint_url))
    kms = boto3.session.Session().client("kms", region_name="us-east-1")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    old, digest, secret = keyring.active, keyring.hmac("p", "x"), keyring.secret(keyring.active)
    assert main(["keys", "wrap", "--kms", key, "--keyring", str(keyring.path)]) == 0
    ring = Keyring.rotate(keyring.path, NOW, keep_digests=True)
    verdict = decide_retirement(ring, old, [KeyUse()], NOW + dt.timedelta(days=2))
    assert verdict.refused == () and len(verdict.kept) == 1
    after = retire_key(ring, old, verdict, NOW)
    entry = json.loads(keyring.path.read_text())["keys"][old]
    assert (
        entry.keys() == {"created", "until", "retired", "kms", "wrapped"}
        and after.hmac("p", "x") == digest
    )
    context = {"callveil-keyring": old}
    held = kms.decrypt(
        KeyId=key, CiphertextBlob=base64.b64decode(entry["wrapped"]), EncryptionContext=context
    )["Plaintext"]
    assert held == secret[-HALF_BYTES:] and len(secret) == 2 * HALF_BYTES
    with pytest.raises(ClientError):  # bound to its name
        kms.decrypt(
            KeyId=key,
            CiphertextBlob=base64.b64decode(entry["wrapped"]),
            EncryptionContext={"callveil-keyring": "another"},
        )
    assert main(["keys", "unwrap", "--keyring", str(keyring.path)]) == 0
    entry = json.loads(keyring.path.read_text())["keys"][old]
    assert base64.b64decode(entry["secret"]) == held and Keyring.load(keyring.path).retired == {old}


def test_algorithms_are_named_as_kms_names_them() -> None:
    """By botocore's model of the service; which message type each takes is said in the
    documentation of `MessageType`.
    """
    model = Session().get_service_model("kms")
    assert set(_ALGORITHMS.values()) <= set(model.shape_for("SigningAlgorithmSpec").enum)
    assert {"ECC_NIST_EDWARDS25519", "ECC_NIST_P256"} <= set(model.shape_for("KeySpec").enum)
    told = model.shape_for("SignRequest").members["MessageType"].documentation
    assert "ED25519_SHA_512" in told and "requires KMS <code>MessageType:RAW</code>" in told


@pytest.mark.integration
def test_evidence_is_signed_by_an_ed25519_key_of_kms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = os.environ.get("CALLVEIL_TEST_KMS_ENDPOINT")
    if not endpoint:
        pytest.skip(
            "CALLVEIL_TEST_KMS_ENDPOINT names no KMS with Ed25519 keys; deploy/kms.sh starts one"
        )
    names = {
        "AWS_ENDPOINT_URL_KMS": endpoint,
        "AWS_ACCESS_KEY_ID": "generated",
        "AWS_SECRET_ACCESS_KEY": "generated",
    }
    for name, value in {**names, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    kms = boto3.session.Session().client("kms")
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_EDWARDS25519")["KeyMetadata"][
        "KeyId"
    ]
    monkeypatch.setenv(ENV, f"kms:{key}")
    store = Store.open_or_create(Files(), str(tmp_path / "store"))
    for name in ("a", "b"):
        base, run = store.current(), hashlib.sha256(name.encode()).hexdigest()
        facts = {
            "job": "redact",
            "as_of": NOW.isoformat(),
            "tool_version": "t",
            "policy_name": "p",
            "policy_sha256": "0",
        }
        made = RunManifest(run, **base.chain(), **facts)
        store.publish(made, base)
        purge_removed(store, made, NOW.isoformat())
    signer = open_signer()
    assert signer.public.algorithm == "ed25519" and len(signer.sign(b"x" * 4096)) == 64
    saved = tmp_path / "kms.pem"
    saved.write_text(signer.public.pem)
    assert verify_evidence(Files(), store.root, [PublicKey.read(saved)]).problems == ()
