"""The inbox: bodies that a sender posted, each sealed in a file of its own.

Sealed by the keyring (see `store.sealed`), since they hold people's words and numbers. A file's
name is a keyed digest of the body, so a body that is delivered again is the same file, and the name
tells an onlooker nothing: a plain hash could be searched for.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.sealed_body import SUFFIX, encrypt_body
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.files.urls import is_s3, local_path


class Inbox:
    """Takes bodies in. Safe to use from several threads.

    Args:
        files: access to `folder`.
        folder: local folder or `s3://` URL.
        keyring: seals and names.
    """

    def __init__(self, files: Files, folder: str, keyring: Keyring) -> None:
        self._files, self._folder, self._keyring = files, folder, keyring
        self._key = keyring.derive("inbox-name")

    def url(self, body: bytes) -> str:
        """Tell where a body lies, once it is stored."""
        name = hmac.digest(self._key, body, hashlib.sha256)[:20].hex()
        return self._files.join(self._folder, name + SUFFIX)

    def store(self, body: bytes) -> bool:
        """Write a body durably; False where it was there already. Raises `OSError`."""
        url = self.url(body)
        try:
            self._files.write(url, encrypt_body(body, self._keyring.current()), if_none_match=True)
        except PreconditionFailed:
            if not is_s3(url):  # whoever wrote it may not have come to this yet
                _flush_folder(Path(local_path(url)).parent)
            return False
        return True


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
