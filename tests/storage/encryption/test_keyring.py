"""The keyring: guarding the file, deriving keys, and never letting a secret out."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import json
import multiprocessing
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError, default_path


def fixed(path: Path, secret: bytes = bytes(range(32))) -> Keyring:
    document = {
        "version": 1,
        "active": "k",
        "keys": {"k": {"created": "", "secret": base64.b64encode(secret).decode()}},
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return Keyring.load(path)


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 of RFC 5869 without salt, written out again to check against."""
    import hashlib
    import hmac

    key = hmac.digest(bytes(32), secret, hashlib.sha256)
    out, block = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), hashlib.sha256)
        out += block
    return out[:length]


def test_derives_by_rfc_5869(tmp_path: Path) -> None:
    ring = fixed(tmp_path / "k.json")
    for purpose, length in (("a", 32), ("sealed/rejected", 64), ("é", 16)):
        assert ring.derive(purpose, length) == hkdf(
            bytes(range(32)), b"callveil/1/" + purpose.encode(), length
        )


def test_create_load_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ring.json"
    ring = Keyring.create(path, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keyring.load(path).derive("x") == ring.derive("x")
    assert (
        json.loads(path.read_text())["keys"][ring.active]["created"] == "2026-01-01T00:00:00+00:00"
    )
    with pytest.raises(KeyringError, match="never overwritten"):
        Keyring.create(path)
    assert Keyring.create(tmp_path / "other.json").derive("x") != ring.derive("x")


def test_rotation_keeps_old_keys(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    old = Keyring.create(path)
    new = Keyring.rotate(path)
    assert new.active != old.active
    assert set(new.key_ids) == {old.active, new.active}
    assert new.derive("x", key_id=old.active) == old.derive("x")
    assert new.derive("x") != old.derive("x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert old.derive("x", key_id=new.active) == new.derive("x"), (
        "what was added meanwhile is looked up in the file"
    )
    with pytest.raises(KeyringError, match="no key"):
        old.derive("x", key_id="nobody")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_refuses_what_others_may_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ring.json"
    Keyring.create(path)
    path.chmod(mode)
    for call in (Keyring.load, Keyring.open_or_create, Keyring.rotate):
        with pytest.raises(KeyringError, match="chmod 600"):
            call(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "field version"),
        ('{"version": 2}', "field version"),
        ('{"version": 1, "keys": {}}', "field keys"),
        ('{"version": 1, "active": "a", "keys": {"a": {}}}', "key number 1"),
        ('{"version": 1, "active": "a", "keys": {"a": null}}', "key number 1"),
        ('{"version": 1, "active": "a", "keys": {"a": {"secret": "c2hvcnQ="}}}', "key number 1"),
        ('{"version": 1, "active": "a", "keys": {"a": {"secret": 7}}}', "key number 1"),
    ],
)
def test_says_what_is_wrong_without_quoting(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "ring.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyringError, match=words) as caught:
        Keyring.load(path)
    assert "c2hvcnQ" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_active_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    Keyring.create(path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"active": "other"}))
    with pytest.raises(KeyringError, match="field active"):
        Keyring.load(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="no keyring here"):
        Keyring.load(tmp_path / "none")


def test_secrets_stay_in(tmp_path: Path) -> None:
    ring = fixed(tmp_path / "k.json")
    shown = repr(ring) + str(ring)
    assert base64.b64encode(bytes(range(32))).decode()[:10] not in shown
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            call(ring)


def test_default_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLVEIL_KEYRING", str(tmp_path / "named.json"))
    assert Keyring.open_or_create().path == tmp_path / "named.json"
    monkeypatch.delenv("CALLVEIL_KEYRING")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert default_path() == tmp_path / "xdg/callveil/keyring.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == tmp_path / ".config/callveil/keyring.json"


def _open(path: str) -> str:
    return Keyring.open_or_create(path).derive("x").hex()


def test_many_openers_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert len(set(pool.map(_open, [str(tmp_path / "ring.json")] * 12))) == 1


texts = st.lists(st.text(max_size=5), max_size=4)


@given(texts, texts)
def test_hmac_tells_lists_apart(
    tmp_path_factory: pytest.TempPathFactory, a: list[str], b: list[str]
) -> None:
    ring = fixed(tmp_path_factory.getbasetemp() / "hmac.json")
    assert (ring.hmac("p", *a) == ring.hmac("p", *b)) == (a == b)
    assert ring.hmac("p", *a) != ring.hmac("q", *a)
    assert len(ring.hmac("p", *a)) == 64
