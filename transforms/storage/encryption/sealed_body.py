"""Sealed bodies: what a sender posted, one JSON text in a file of its own, encrypted where it waits
to be read.
"""

from __future__ import annotations

from callveil.transforms.storage.encryption.encrypted_file import (
    MAGIC,
    decrypt_bytes,
    encrypt_bytes,
)
from callveil.transforms.storage.encryption.keyring import Keyring

SUFFIX = ".sealed"
PURPOSE = "inbox"
BEGINNING = MAGIC[:4]
"""The first bytes of a sealed file."""
NAME = "inbox"


def encrypt_body(data: bytes, keyring: Keyring) -> bytes:
    """Compress and encrypt one body; the same bytes each time as long as the keyring's active key
    is the same.
    """
    return encrypt_bytes(keyring, NAME, PURPOSE, data)


def decrypt_body(data: bytes, keyring: Keyring) -> bytes:
    """Return the body that `encrypt_body` sealed. Raises `SealedError` where it was changed, cut
    off, or sealed with a key the keyring lacks.
    """
    return decrypt_bytes(keyring, NAME, PURPOSE, data)
