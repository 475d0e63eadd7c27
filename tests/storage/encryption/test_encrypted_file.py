"""Sealed files: what goes in comes out, the bytes repeat, and no change goes unnoticed."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.transforms.storage.encryption.encrypted_file import (
    EncryptedReader,
    EncryptedWriter,
    SealedError,
)
from callveil.transforms.storage.encryption.keyring import Keyring

NAME, PURPOSE = "rejected_content/a.sealed", "rejected"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("keys") / "ring.json")


def seal(
    ring: Keyring, records: list[bytes], block: int = 64, name: str = NAME
) -> tuple[bytes, list[tuple[int, int]]]:
    sink = io.BytesIO()
    with EncryptedWriter(sink, ring, name, PURPOSE, block_bytes=block) as writer:
        places = [writer.append(r) for r in records]
    assert (writer.bytes, writer.records) == (len(sink.getvalue()), len(records))
    return sink.getvalue(), places


def unseal(ring: Keyring, data: bytes, name: str = NAME, purpose: str = PURPOSE) -> list[bytes]:
    return [r for block in EncryptedReader(io.BytesIO(data), ring, name, purpose) for r in block]


@given(st.lists(st.binary(max_size=200), max_size=20), st.integers(1, 300))
def test_round_trip_and_places(ring: Keyring, records: list[bytes], block: int) -> None:
    data, places = seal(ring, records, block)
    assert seal(ring, records, block)[0] == data
    assert unseal(ring, data) == records
    reader = EncryptedReader(io.BytesIO(data), ring, NAME, PURPOSE)
    assert reader.records == len(records)
    for record, (number, position) in zip(records, places, strict=True):
        assert reader.read_block(number)[position] == record


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=8), st.data())
def test_any_flipped_bit_is_noticed(
    ring: Keyring, records: list[bytes], draw: st.DataObject
) -> None:
    data = bytearray(seal(ring, records)[0])
    place = draw.draw(st.integers(0, len(data) - 1))
    data[place] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(SealedError):
        unseal(ring, bytes(data))


def test_every_single_byte_is_covered(ring: Keyring) -> None:
    data, _ = seal(ring, [b"one" * 9, b"two" * 30, b"", b"three"])
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x01
        with pytest.raises(SealedError):
            unseal(ring, bytes(changed))


def test_every_cut_and_every_addition_is_noticed(ring: Keyring) -> None:
    data, _ = seal(ring, [b"x" * 50] * 5)
    for end in range(len(data)):
        with pytest.raises(SealedError):
            unseal(ring, data[:end])
    for more in (b"\0", data[-20:], data):
        with pytest.raises(SealedError):
            unseal(ring, data + more)


def test_blocks_cannot_be_exchanged(ring: Keyring) -> None:
    """Records of one size give frames of one size, so frames can be moved without any length being
    wrong.
    """
    records = [bytes([n]) * 60 for n in range(4)]
    data, _ = seal(ring, records)
    other, _ = seal(ring, records[::-1], name="rejected_content/b.sealed")
    reader = EncryptedReader(io.BytesIO(data), ring, NAME, PURPOSE)
    starts = [at for at, _ in reader._index] + [reader._footer_at]
    frames = [data[a:b] for a, b in itertools.pairwise(starts)]
    assert len({len(f) for f in frames}) == 1
    head, tail = data[: starts[0]], data[starts[-1] :]
    assert unseal(ring, head + b"".join(frames) + tail) == records
    wrong = [
        frames[::-1],
        [frames[0], frames[0], *frames[2:]],
        frames[:-1],
        [*frames[:2], other[starts[2] : starts[3]], frames[3]],
    ]
    for arrangement in wrong:
        with pytest.raises(SealedError):
            unseal(ring, head + b"".join(arrangement) + tail)


def test_name_purpose_and_key_must_be_right(ring: Keyring, tmp_path: Path) -> None:
    data, _ = seal(ring, [b"x"])
    with pytest.raises(SealedError, match="another file's name"):
        unseal(ring, data, name="rejected_content/b.sealed")
    with pytest.raises(SealedError, match="another purpose"):
        unseal(ring, data, purpose="spool")
    with pytest.raises(SealedError, match="does not hold"):
        unseal(Keyring.create(tmp_path / "other.json"), data)
    with pytest.raises(SealedError, match="not a sealed file"):
        unseal(ring, b"PAR1" + bytes(100))


def test_rotated_keyring_reads_old_files(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    data, _ = seal(Keyring.create(path), [b"old"])
    ring = Keyring.rotate(path)
    assert unseal(ring, data) == [b"old"]
    assert seal(ring, [b"old"])[0] != data


def test_content_is_not_legible(ring: Keyring) -> None:
    secret = b"a generated sentence that nobody said"
    data, _ = seal(ring, [secret])
    assert secret not in data
    assert NAME.encode() not in data


def test_failed_writer_leaves_no_readable_file(ring: Keyring) -> None:
    sink = io.BytesIO()
    with pytest.raises(RuntimeError), EncryptedWriter(sink, ring, NAME, PURPOSE, 10) as writer:
        for n in range(10):
            writer.append(bytes([n]) * 20)
        raise RuntimeError
    with pytest.raises(SealedError):
        unseal(ring, sink.getvalue())


def test_cut_begins_a_new_block(ring: Keyring) -> None:
    sink = io.BytesIO()
    with EncryptedWriter(sink, ring, NAME, PURPOSE) as writer:
        writer.cut()
        places = [writer.append(b"a"), writer.append(b"b")]
        writer.cut()
        places.append(writer.append(b"c"))
        writer.cut()
    assert places == [(0, 0), (0, 1), (1, 0)]
    assert unseal(ring, sink.getvalue()) == [b"a", b"b", b"c"]


def test_chosen_blocks_are_read_without_the_others(ring: Keyring) -> None:
    records = [bytes([n]) * 100_000 for n in range(50)]
    sink = io.BytesIO()
    with EncryptedWriter(sink, ring, NAME, PURPOSE, block_bytes=100_000) as writer:
        places = [writer.append(r + n.to_bytes(2, "big") * 3000) for n, r in enumerate(records)]

    class Counting(io.BytesIO):
        seen = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.seen += len(data)
            return data

    source = Counting(sink.getvalue())
    reader = EncryptedReader(source, ring, NAME, PURPOSE)
    block = reader.read_block(places[30][0])
    assert block[places[30][1]][:1] == bytes([30])
    assert source.seen < len(sink.getvalue()) / 4
    with pytest.raises(IndexError):
        reader.read_block(reader.blocks)


def test_closed_and_oversized(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = EncryptedWriter(io.BytesIO(), ring, NAME, PURPOSE)
    monkeypatch.setattr("callveil.transforms.storage.encryption.encrypted_file.MAX_FRAME", 40)
    with pytest.raises(ValueError, match="10 bytes at most"):
        writer.append(b"x" * 11)
    writer.close()
    size = writer.bytes
    writer.close()
    assert writer.bytes == size
    with pytest.raises(ValueError, match="closed"):
        writer.append(b"x")
