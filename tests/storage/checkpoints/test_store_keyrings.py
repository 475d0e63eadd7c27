"""A store and the keyrings that wrote it: one that is gone, exchanged, or a second one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from callveil.transforms.storage.checkpoints.identity_record import IdentityError
from callveil.transforms.storage.checkpoints.store_identity import (
    keyring_for,
    open_keyed,
    open_or_claim,
)
from callveil.transforms.storage.commit.catalog import StoreError
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.files.filesystem import Files


def test_a_process_notices_that_its_keyring_was_exchanged(tmp_path: Path) -> None:
    ring, other = Keyring.create(tmp_path / "a.json"), Keyring.create(tmp_path / "b.json")
    assert ring.current() is ring
    rotated = Keyring.rotate(ring.path)
    assert ring.current().active == rotated.active
    os.replace(other.path, ring.path)
    with pytest.raises(KeyringError, match="another keyring was put in the place"):
        ring.current()


def test_of_two_keyrings_on_a_new_store_one_is_its_own(
    files: Files, store_root: str, tmp_path: Path
) -> None:
    paths = [str(tmp_path / name / "keyring.json") for name in ("one", "two", "one", "two")]
    rings = [Keyring.open_or_create(p) for p in paths]
    came: list[str] = []
    refused: list[str] = []

    def begin(ring: Keyring) -> None:
        try:
            came.append(str(open_or_claim(files, store_root, ring).keyring))
        except (IdentityError, StoreError):
            refused.append(str(ring.path))

    workers = [threading.Thread(target=begin, args=(ring,)) for ring in rings]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(came) == len(refused) == 2 and len(set(came)) == 1 and set(came) != set(refused)
    assert open_keyed(files, store_root, came[0])[1].path == Path(came[0])
    with pytest.raises(IdentityError, match="the keyring given"):
        keyring_for(files, store_root, refused[0])
    with pytest.raises(KeyringError, match="no keyring here"):
        keyring_for(files, store_root, str(tmp_path / "none" / "keyring.json"))
    assert not (tmp_path / "none").exists()
