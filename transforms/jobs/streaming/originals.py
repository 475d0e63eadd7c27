"""Disposal of an original once its redacted copy is published: sealed in the store or deleted."""

from __future__ import annotations

import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.jobs.streaming.halves import InteractionPart
from callveil.transforms.storage.encryption.encrypted_file import EncryptedWriter
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.live import PUT_AWAY, Live, Receipt, original_names
from callveil.transforms.storage.format1.originals import PURPOSE, name_of

PIECE = 1 << 20


def archive_original(
    files: Files,
    live: Live,
    keyring: Keyring,
    key: InteractionKey,
    entry: Receipt,
    piece: InteractionPart,
) -> None:
    """Seal the original of one of a call's recordings into the store or only delete it, in every
    version, and write down that it was done.

    Killed anywhere it can be repeated: the source is deleted only after its sealed copy is written,
    and a source that is gone already is none to seal. One that is no longer what was redacted is
    left alone: it is an arrival of its own.

    Args:
        entry: what the receipt says of it; `original` says `seal` or `delete`.
        piece: the recording, as it was redacted.
    """
    if live.put_away(entry):
        return
    sealed, done = (files.join(live.folder(key), name) for name in original_names(entry))
    live.announce(live.part(key, "audio"), PUT_AWAY)
    info = files.info(piece.url)
    if info is not None:
        if info.etag != piece.etag:
            return
        try:
            if entry["original"] == "seal":
                with files.open(piece.url) as source, temporary_file() as sink:
                    writer = EncryptedWriter(sink, keyring.current(), name_of(key), PURPOSE)
                    size = 0
                    while data := source.read(PIECE):
                        size += len(data)
                        writer.append(data)
                    writer.close()
                    if size != info.size:
                        return
                    sink.seek(0)
                    files.write(sealed, sink)
            files.purge(piece.url, if_match=piece.etag)
        except PreconditionFailed:
            return
    files.write(
        done,
        orjson.dumps({"how": entry["original"], "source": piece.url, "object": piece.object_id}),
    )
