"""What becomes of an original once its redacted copy is published: sealed into the store, or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.store.files import Files
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.s3 import spooled
from callveil.transforms.store.sealed import SealedReader, SealedWriter
from callveil.transforms.watch.live import PUT_AWAY, Live
from callveil.transforms.watch.pieces import Piece

PURPOSE = "original"
PIECE = 1 << 20
FILE, RECEIPT = "original.sealed", "original.json"


def put_away(files: Files, live: Live, keyring: Keyring, key: InteractionKey, piece: Piece, how: str) -> None:
    """Seal the original into the store (`how` is `seal`) or only delete it (`delete`), in every version, and write down that it was done.

    Killed anywhere it can be repeated: the source is deleted only after its sealed copy is written, and a source that is gone already is none
    to seal.
    """
    receipt = files.join(live.folder(key), RECEIPT)
    if files.info(receipt) is not None:
        return
    live.announce(live.part(key, "audio"), PUT_AWAY)
    info = files.info(piece.url)
    if info is not None and info.etag == piece.etag:
        if how == "seal":
            with files.open(piece.url) as source, spooled() as sink:
                writer = SealedWriter(sink, keyring.current(), name_of(key), PURPOSE)
                while data := source.read(PIECE):
                    writer.append(data)
                writer.close()
                sink.seek(0)
                files.write(files.join(live.folder(key), FILE), sink)
        files.purge(piece.url)
    files.write(receipt, orjson.dumps({"how": how, "source": piece.url, "object": piece.object_id}))


def open_original(files: Files, live: Live, keyring: Keyring, key: InteractionKey) -> Iterator[bytes]:
    """The sealed original, in pieces. Raises `FileNotFoundError` where there is none, `SealedError` where it was changed."""
    source: BinaryIO
    with files.open(files.join(live.folder(key), FILE)) as source:
        reader = SealedReader(source, keyring, name_of(key), PURPOSE)
        for block in range(reader.blocks):
            yield from reader.read_block(block)


def name_of(key: InteractionKey) -> str:
    """Logical name of an interaction's sealed original."""
    return f"original/{key.account_id}/{key.id}"
