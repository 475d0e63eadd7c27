"""Wholeness of recordings, of every form: as they are, cut off anywhere, and as streams whose
length nobody knew.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import pytest
from support.sounds import FORMATS, chatter, encoded, file_of, pcm_bytes, wav_bytes

from callveil.transforms.redact.audio.whole import length_of
from callveil.transforms.storage.files.filesystem import Files

MORE = {
    "aiff": ("aiff", "pcm_s16be"),
    "au": ("au", "pcm_s16be"),
    "w64": ("w64", "pcm_s16le"),
    "webm": ("webm", "libopus"),
    "mka": ("matroska", "flac"),
    "wma": ("asf", "wmav2"),
}
RATES = {"webm": 48000, "wma": 44100}


@lru_cache(maxsize=64)
def data_of(name: str) -> bytes:
    if name in FORMATS:
        return file_of(name, chatter(FORMATS[name][2], FORMATS[name][3], 2))
    rate = RATES.get(name, 8000)
    return encoded(chatter(rate, 1, 2), *MORE[name], rate, 64_000)


def told(tmp_path, data: bytes) -> str:
    path = tmp_path / "x"
    path.write_bytes(data)
    return length_of(Files(), str(path))


TELL_NO_LENGTH = ("caf-f32", "aac-8k", "mpegts-aac")
"""Containers that are read without their length: such a recording is published early, and again
when it has grown.
"""


@pytest.mark.parametrize("name", TELL_NO_LENGTH)
def test_what_tells_no_length_is_open(tmp_path, name):
    assert told(tmp_path, data_of(name)) == "open"


@pytest.mark.parametrize("name", [n for n in (*FORMATS, *MORE) if n not in TELL_NO_LENGTH])
def test_whole_as_it_is_and_cut_wherever_it_ends_before(tmp_path, name):
    data = data_of(name)
    size = len(data)
    assert told(tmp_path, data) == "whole"
    ends = [
        0,
        3,
        11,
        60,
        *(round(size * n / 20) for n in range(1, 20)),
        size - 1 - (128 if name.startswith("wav") else 0),
    ]
    assert {told(tmp_path, data[:end]) for end in ends} == {"cut"}
    if not name.startswith(("ogg", "opus", "vorbis", "flac", "m4a")):
        assert told(tmp_path, data + b"\0" * 64) == "whole"


def stream(size: int) -> bytes:
    whole = bytearray(wav_bytes(pcm_bytes(chatter(8000, 1, 1), 1, 16), 1, 8000, 1, 16, tags=False))
    at = whole.index(b"data")
    whole[at + 4 : at + 8] = struct.pack("<I", size)
    return bytes(whole)


def rf64(missing: int) -> bytes:
    samples = pcm_bytes(chatter(8000, 1, 1), 1, 16)
    sizes = b"ds64" + struct.pack(
        "<IQQQI", 28, 72 + len(samples), len(samples), len(samples) // 2, 0
    )
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    return (b"RF64\xff\xff\xff\xffWAVE" + sizes + form + b"data\xff\xff\xff\xff" + samples)[
        : -missing or None
    ]


def endless_flac() -> bytes:
    data = bytearray(data_of("flac-s16-stereo"))
    data[21] &= 0xF0
    data[22:26] = b"\0\0\0\0"
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (lambda: stream(0), "open"),
        (lambda: stream(0xFFFFFFFF), "open"),
        (lambda: stream(0xFFFFFF00), "open"),
        (lambda: stream(16001), "cut"),
        (lambda: stream(16000), "whole"),
        (lambda: rf64(0), "whole"),
        (lambda: rf64(1), "cut"),
        (endless_flac, "open"),
        (lambda: b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + data_of("mp3-8k"), "whole"),
        (lambda: b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + data_of("mp3-8k")[:-9], "cut"),
        (lambda: b"ID3\x04\0\0\0\0\x7f\x0a" + b"\0" * 10, "cut"),
        (lambda: data_of("mp3-8k")[len(data_of("mp3-8k")) // 2 :], "open"),
        (lambda: data_of("flac-s16-stereo") + b"TAG" + b"\0" * 125, "whole"),
        (lambda: b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0\0\x08free", "cut"),
        (
            lambda: (
                b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + b"\0" * 20
            ),
            "open",
        ),
        (lambda: b"#!AMR\n" + b"\x3c" * 64, "open"),
        (lambda: b"<html>404</html>", "open"),
    ],
)
def test_streams_tags_and_what_is_no_recording(tmp_path, data, length):
    assert told(tmp_path, data()) == length


def test_any_bytes_behind_any_beginning_are_one_of_three(tmp_path):
    for name in (*FORMATS, *MORE):
        head = data_of(name)[:64]
        for at in range(4, 64, 7):
            for fill in (b"\0", b"\xff", b"\x80\x01"):
                assert told(tmp_path, head[:at] + fill * 40) in ("whole", "cut", "open")
