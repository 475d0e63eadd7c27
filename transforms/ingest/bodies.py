"""Sealed bodies: what a sender posted, one JSON text in a file of its own, encrypted where it waits to be read."""

from __future__ import annotations

import io

from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.sealed import MAGIC, SealedError, SealedReader, SealedWriter

SUFFIX = ".sealed"
PURPOSE = "inbox"
BEGINNING = MAGIC[:4]
"""The first bytes of a sealed file."""
_NAME = "inbox"


def seal(data: bytes, keyring: Keyring) -> bytes:
    """Compress and encrypt one body; the same bytes each time as long as the keyring's active key is the same."""
    sink = io.BytesIO()
    with SealedWriter(sink, keyring, _NAME, PURPOSE) as writer:
        writer.append(data)
    return sink.getvalue()


def unseal(data: bytes, keyring: Keyring) -> bytes:
    """The body that `seal` sealed. Raises `SealedError` where it was changed, cut off, or sealed with a key the keyring lacks."""
    reader = SealedReader(io.BytesIO(data), keyring, _NAME, PURPOSE)
    if reader.records != 1:
        raise SealedError("the file holds no single body")
    return reader.read_block(0)[0]
