"""Re-encryption of the data that a restriction of processing has set aside, as a whole.

It covers the tokens in its rows, and the sealed files and records of the live zone that it holds.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.transforms.governance.rekey.live import RECEIPT, renew_live_record
from callveil.transforms.governance.rekey.token_rotation import (
    DATASETS,
    count_tokens_by_key,
    make_token_renewal,
)
from callveil.transforms.governance.requests.publish import PURPOSE
from callveil.transforms.governance.requests.restriction import NAME, PIECE
from callveil.transforms.storage.encryption.encrypted_file import (
    HEAD_BYTES,
    EncryptedReader,
    EncryptedWriter,
    encryption_key_id,
    reencrypt_file,
)
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.sealed_body import SUFFIX
from callveil.transforms.storage.encryption.token_renewal import renew_value_tokens
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.originals import PURPOSE as ORIGINAL
from callveil.transforms.storage.format1.originals import name_of
from callveil.transforms.storage.tables.rewrite import edit_batch

_Parts = list[tuple[str, BinaryIO]]


def is_restricted_file(path: str) -> bool:
    """Tell whether a file of requests holds rows that were set aside."""
    return path.endswith(f"-{NAME}{SUFFIX}")


def reencrypt_restricted(
    source: BinaryIO, sink: BinaryIO, keyring: Keyring, name: str, new_name: str
) -> None:
    """Seal rows that were set aside anew, and with them all that is sealed or a token within. Files
    of the live zone wait in temporary files.
    """
    records = _records(source, keyring, name)
    head: JsonObject = orjson.loads(next(records))
    with ExitStack() as stack, EncryptedWriter(sink, keyring, new_name, PURPOSE) as writer:
        parts = [
            stack.enter_context(_rows(keyring, dataset, next(records)))
            for dataset, _, _ in head["parts"]
        ]
        live = [
            (path, stack.enter_context(_gathered(records, size))) for path, size in head["live"]
        ]
        live = [(path, stack.enter_context(data)) for path, data in _renewed_live(keyring, live)]
        head["live"] = [[path, data.seek(0, 2)] for path, data in live]
        head["entries"] = [
            renew_value_tokens(keyring, entry, entry[0], entry[1]) for entry in head["entries"]
        ]
        writer.append(orjson.dumps(head))
        for part in parts:
            writer.append(part.read())
        for _, data in live:
            data.seek(0)
            while piece := data.read(PIECE):
                writer.append(piece)


def count_restricted_keys(source: BinaryIO, keyring: Keyring, name: str) -> Counter[str]:
    """Tell how many sealed files and tokens within rows that were set aside each key has made."""
    records = _records(source, keyring, name)
    data = next(records)
    head: JsonObject = orjson.loads(data)
    out = count_tokens_by_key(data)
    for _ in head["parts"]:
        table = pq.read_table(io.BytesIO(next(records)))
        out += count_tokens_by_key(orjson.dumps(table.to_pylist(), default=str))
    for path, size in head["live"]:
        with _gathered(records, size) as data_of:
            if path.endswith(SUFFIX):
                out.update([encryption_key_id(data_of.read(HEAD_BYTES)) or ""])
            elif path.rpartition("/")[2].startswith("record-"):
                out += count_tokens_by_key(data_of.read())
    return out


def _records(source: BinaryIO, keyring: Keyring, name: str) -> Iterator[bytes]:
    for block in EncryptedReader(source, keyring, name, PURPOSE):
        yield from block


def _rows(keyring: Keyring, dataset: str, data: bytes) -> BinaryIO:
    """Return rows of one part, as Parquet, with tokens of the active key."""
    table = pq.read_table(io.BytesIO(data))
    if dataset not in DATASETS or not table.num_rows:
        return io.BytesIO(data)
    change, sink = make_token_renewal(keyring, dataset), io.BytesIO()
    pq.write_table(
        pa.Table.from_batches([edit_batch(b, change) for b in table.to_batches()], table.schema),
        sink,
        compression="zstd",
    )
    sink.seek(0)
    return sink


def _gathered(records: Iterator[bytes], size: int) -> BinaryIO:
    """Return one file, out of the pieces it was cut into."""
    sink = temporary_file()
    while sink.tell() < size:
        sink.write(next(records))
    sink.seek(0)
    return sink


def _renewed_live(keyring: Keyring, live: _Parts) -> Iterator[tuple[str, BinaryIO]]:
    """Yield files of the live zone as they are to be: originals sealed anew, records with new
    tokens and receipts that name them.
    """
    held = dict(live)
    receipts = {
        path: orjson.loads(data.read())
        for path, data in live
        if path.rpartition("/")[2] in (RECEIPT, "record.json")
    }
    for path, data in live:
        folder, _, name = path.rpartition("/")
        data.seek(0)
        audio, record = receipts.get(f"{folder}/{RECEIPT}"), receipts.get(f"{folder}/record.json")
        if path.endswith(SUFFIX) and audio:
            sink = temporary_file()
            is_new = reencrypt_file(
                data,
                sink,
                keyring,
                name_of(InteractionKey(audio["account_id"], audio["id"])),
                ORIGINAL,
            )
            yield path, sink if is_new else data
        elif (
            record
            and name in ("record.json", record["file"])
            and f"{folder}/{record['file']}" in held
        ):
            before = held[f"{folder}/{record['file']}"]
            before.seek(0)
            new, receipt = renew_live_record(keyring, before.read(), record)
            yield (
                (path, io.BytesIO(orjson.dumps(receipt)))
                if name == "record.json"
                else (f"{folder}/{receipt['file']}", io.BytesIO(new))
            )
        else:
            yield path, data
