"""Sealed bodies: what a sender posted, one JSON text in a file of its own, encrypted where it waits to be read."""

from __future__ import annotations

from callveil.transforms.storage.encryption.encrypted_file import MAGIC, open_one, seal_one
from callveil.transforms.storage.encryption.keyring import Keyring

SUFFIX = ".sealed"
PURPOSE = "inbox"
BEGINNING = MAGIC[:4]
"""The first bytes of a sealed file."""
NAME = "inbox"


def seal(data: bytes, keyring: Keyring) -> bytes:
    """Compress and encrypt one body; the same bytes each time as long as the keyring's active key is the same."""
    return seal_one(keyring, NAME, PURPOSE, data)


def unseal(data: bytes, keyring: Keyring) -> bytes:
    """The body that `seal` sealed. Raises `SealedError` where it was changed, cut off, or sealed with a key the keyring lacks."""
    return open_one(keyring, NAME, PURPOSE, data)
