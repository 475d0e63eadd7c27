"""Completeness check of a recording file: declared length against the bytes present.

Its beginning and its end are read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal

from callveil.transforms.redact.audio.container import MAX_CHUNKS, STREAMED
from callveil.transforms.storage.files.filesystem import Files

Length = Literal["whole", "cut", "open"]
"""All that is declared is there; less is there; or no length is declared, so that nothing says
whether more comes.
"""

HEAD, TAIL = 8192, 1 << 18
SHORTEST = 12
"""Bytes below which no file shows what it is."""

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_UNKNOWN_EBML = {(1 << 7 * n) - 1 for n in range(1, 9)}


def length_of(files: Files, url: str) -> Length:
    """Compare what a recording declares with what is there; of a container that is not known,
    nothing is declared.

    RIFF, RF64, Wave64, AIFF, AU: size of the samples. FLAC: number of samples, against the last
        frame. Ogg: whether the last page ends the
    stream. MP4: its boxes, and whether the index (`moov`) is there. Matroska, ASF: size of the
    file. MP3: bytes of a Xing or VBRI header.

    Raises `FileNotFoundError` and `OSError` as `Files.open` does.
    """
    with files.open(url) as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(HEAD)
        if size < SHORTEST:
            return "cut"
        for magic, look in _LOOKS:
            if head.startswith(magic):
                return look(file, head, size)
        if head[4:8] == b"ftyp":
            return _mp4(file, size)
        return _mp3(file, head, size) if head[0] == 0xFF and head[1] & 0xE0 == 0xE0 else "open"


def _ends(end: int, size: int) -> Length:
    return "whole" if end <= size else "cut"


def _riff(file: BinaryIO, head: bytes, size: int) -> Length:
    big = head[:4] == b"FORM"
    wide = 0
    for name, place, length in _chunks(file, ">I" if big else "<I"):
        if name == b"ds64":
            file.seek(place + 8)
            wide = int.from_bytes(file.read(8), "little")
        elif name in (b"data", b"SSND"):
            length = wide if wide and length >= STREAMED else length
            return _ends(place + length, size) if length and (length < STREAMED or wide) else "open"
    return "cut"


def _chunks(file: BinaryIO, form: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of the chunks of a RIFF or AIFF file."""
    place = 12
    for _ in range(MAX_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        (length,) = struct.unpack(form, head[4:])
        yield head[:4], place + 8, length
        place += 8 + length + length % 2


def _wave64(file: BinaryIO, _head: bytes, size: int) -> Length:
    place = 40  # identifier, size and kind of the file
    for _ in range(MAX_CHUNKS):
        if place + 24 > size:
            break
        file.seek(place)
        head = file.read(24)
        length = int.from_bytes(head[16:], "little")
        if head[:4] == b"data":
            return _ends(place + length, size) if 24 < length < 1 << 62 else "open"
        place += max(24, length + -length % 8)
    return "cut"


def _au(_file: BinaryIO, head: bytes, size: int) -> Length:
    begin, length = struct.unpack_from(">II", head, 4)
    return _ends(begin + length, size) if 0 < length < STREAMED else "open"


def _ogg(file: BinaryIO, _head: bytes, size: int) -> Length:
    tail = _tail(file, size)
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27 or len(tail) < at + 27 + tail[at + 26]:
        return "cut"
    body = at + 27 + tail[at + 26]
    return "whole" if tail[at + 5] & 4 and body + sum(tail[at + 27 : body]) <= len(tail) else "cut"


def _mp4(file: BinaryIO, size: int) -> Length:
    place, names = 0, set()
    while place < size:
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return "cut"
        length, header = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, header = int.from_bytes(head[8:], "big"), 16
        names.add(head[4:8])
        if length == 0:  # up to the end of the file, wherever that is
            return "open" if b"moov" in names else "cut"
        if length < header or place + length > size:
            return "cut"
        place += length
    if b"moov" not in names:
        return "cut"
    return "open" if b"moof" in names and b"mfra" not in names else "whole"


def _matroska(_file: BinaryIO, head: bytes, size: int) -> Length:
    length, place = _vint(head, 4)
    place += length
    if head[place : place + 4] != b"\x18\x53\x80\x67":
        return "cut"
    length, begin = _vint(head, place + 4)
    return "open" if length in _UNKNOWN_EBML else _ends(begin + length, size)


def _vint(data: bytes, place: int) -> tuple[int, int]:
    """Return a variable-length number of EBML (RFC 8794), and the place behind it; (0, place) where
    there is none.
    """
    if place >= len(data) or not data[place]:
        return 0, place
    width = 9 - data[place].bit_length()
    value = int.from_bytes(data[place : place + width], "big") & ((1 << 7 * width) - 1)
    return value, place + width


def _asf(_file: BinaryIO, head: bytes, size: int) -> Length:
    at = head.find(_ASF_FILE)
    if at < 0 or len(head) < at + 92:
        return "cut"
    (length,), (flags,) = (
        struct.unpack_from("<Q", head, at + 40),
        struct.unpack_from("<I", head, at + 88),
    )
    return "open" if flags & 1 or not length else _ends(length, size)


def _tagged(file: BinaryIO, head: bytes, size: int) -> Length:
    """ID3v2 tags, and what stands behind them."""
    begin = 0
    while head.startswith(b"ID3"):
        length = 0
        for byte in head[6:10]:
            length = length << 7 | byte & 0x7F
        begin += 10 + length + (10 if head[5] & 0x10 else 0)
        if begin >= size:
            return "cut"
        file.seek(begin)
        head = file.read(HEAD)
        if len(head) < 10:
            break
    return _flac(file, head, size) if head.startswith(b"fLaC") else _mp3(file, head, size, begin)


def _mp3(_file: BinaryIO, head: bytes, size: int, begin: int = 0) -> Length:
    """Tell whether a file is whole by its first frame, which may hold how many bytes follow: in
    Xing's (LAME's `Info`) or Fraunhofer's header.
    """
    if len(head) < 4:
        return "open"
    newer, mono = head[1] & 8, head[3] >> 6 == 3
    at = 4 + ((17 if mono else 32) if newer else (9 if mono else 17))
    told = 0
    if head[at : at + 4] in (b"Xing", b"Info") and len(head) >= at + 16:
        flags = int.from_bytes(head[at + 4 : at + 8], "big")
        place = at + 8 + 4 * (flags & 1)
        told = int.from_bytes(head[place : place + 4], "big") if flags & 2 else 0
    elif head[36:40] == b"VBRI":
        told = int.from_bytes(head[46:50], "big")
    return _ends(begin + told, size) if told else "open"


def _flac(file: BinaryIO, head: bytes, size: int) -> Length:
    if len(head) < 42:
        return "cut"
    block = int.from_bytes(head[8:10], "big")
    total = int.from_bytes(head[21:26], "big") & ((1 << 36) - 1)
    if not total:
        return "open"
    tail = _tail(file, size)
    if tail[-128:-125] == b"TAG":
        tail = tail[:-128]
    at = len(tail)
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        end = _frame_end(tail[at : at + 16], block)
        if end is not None and end >= total and _crc(tail[at:], 0x8005, 16) == 0:
            return "whole"
    return "cut"


def _frame_end(head: bytes, block: int) -> int | None:
    """Number of the sample behind a frame of FLAC (RFC 9639, section 9.1); None where no frame
    begins here.
    """
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    lead = 8 - (head[4] ^ 0xFF).bit_length()
    width = max(1, lead)
    code, rate, place = head[2] >> 4, head[2] & 15, 4 + width
    if lead == 1 or code == 0 or len(head) < place + 5:
        return None
    number = head[4] & (0x7F if lead == 0 else (1 << max(0, 7 - lead)) - 1)
    for byte in head[5:place]:
        number = number << 6 | byte & 0x3F
    more = {6: 1, 7: 2}.get(code, 0)
    samples = (
        int.from_bytes(head[place : place + more], "big") + 1 if more else 192 if code == 1 else 0
    )
    samples = samples or (576 << (code - 2) if code < 6 else 256 << (code - 8))
    place += more + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if _crc(head[: place + 1], 0x07, 8):
        return None
    return number + samples if head[1] & 1 else number * block + samples


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    """Cyclic redundancy check from 0, most significant bit first; 0 over data and its own check."""
    table = _TABLES[polynomial]
    crc, mask, shift = 0, (1 << bits) - 1, bits - 8
    for byte in data:
        crc = (crc << 8 ^ table[crc >> shift ^ byte]) & mask
    return crc


def _table(polynomial: int, bits: int) -> list[int]:
    out = []
    for byte in range(256):
        crc = byte << (bits - 8)
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> (bits - 1) & 1 else 0)
        out.append(crc & ((1 << bits) - 1))
    return out


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - TAIL))
    return file.read(TAIL)


_TABLES = {0x07: _table(0x07, 8), 0x8005: _table(0x8005, 16)}
_LOOKS: tuple[tuple[bytes, Callable[[BinaryIO, bytes, int], Length]], ...] = (
    (b"RIFF", _riff),
    (b"RF64", _riff),
    (b"BW64", _riff),
    (b"FORM", _riff),
    (b"riff\x2e\x91\xcf\x11", _wave64),
    (b".snd", _au),
    (b"fLaC", _flac),
    (b"OggS", _ogg),
    (b"\x1a\x45\xdf\xa3", _matroska),
    (_ASF, _asf),
    (b"ID3", _tagged),
)
