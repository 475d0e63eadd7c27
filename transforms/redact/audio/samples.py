"""Audio sample encodings, and their conversion to and from numbers between -1 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from callveil.transforms.redact.audio import g711

Floats = NDArray[np.float64]
Block = NDArray[Any]
"""Stored samples, `(frames, channels)`, with a third axis of 3 bytes for packed 24-bit samples."""


class SampleFormat(Protocol):
    """One way to store samples.

    Attributes:
        name: FFmpeg's name of the codec or sample format.
        size: bytes per sample and channel.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def view(self, data: bytearray, channels: int) -> Block:
        """Interleaved samples as a block that shares memory with `data`; bytes behind the last
        whole frame are left out.
        """

    def load(self, block: Block) -> Floats:
        """Return samples as numbers between -1 and 1."""

    def store(self, values: Floats) -> Block:
        """Return the nearest stored samples; what exceeds the range is clipped."""


@dataclass(frozen=True)
class _Typed:
    """Numbers of a type that numpy has.

    Attributes:
        dtype: numpy's name.
    """

    name: str
    dtype: str

    @property
    def size(self) -> int:
        return np.dtype(self.dtype).itemsize

    def view(self, data: bytearray, channels: int) -> Block:
        return _frames(data, self.dtype, channels)


@dataclass(frozen=True)
class IntegerSamples(_Typed):
    """Integers.

    Attributes:
        bits: significant bits; those below are zero in what is stored.
        offset: what stands for silence.
    """

    bits: int
    offset: int = 0

    def load(self, block: Block) -> Floats:
        return (block.astype(np.float64) - self.offset) / 2.0 ** (8 * self.size - 1)

    def store(self, values: Floats) -> Block:
        whole = to_integers(values, self.bits) << (8 * self.size - self.bits)
        return (whole + self.offset).astype(self.dtype)


@dataclass(frozen=True)
class Packed24Samples:
    """24-bit integers, three bytes each.

    Attributes:
        big: the highest byte comes first.
    """

    name: str
    big: bool = False
    size: int = 3

    def view(self, data: bytearray, channels: int) -> Block:
        usable = len(data) // (3 * channels) * (3 * channels)
        return np.frombuffer(data, np.uint8, usable).reshape(-1, channels, 3)

    def load(self, block: Block) -> Floats:
        wide = np.zeros((*block.shape[:-1], 4), np.uint8)
        wide[..., 1:] = block[..., ::-1] if self.big else block
        return wide.view("<i4")[..., 0].astype(np.float64) / 2.0**31

    def store(self, values: Floats) -> Block:
        stored = to_integers(values, 24).astype("<i4")[..., None].view(np.uint8)[..., :3]
        return stored[..., ::-1] if self.big else stored


@dataclass(frozen=True)
class FloatSamples(_Typed):
    """Floating point, nominally between -1 and 1."""

    def load(self, block: Block) -> Floats:
        return np.nan_to_num(block.astype(np.float64), posinf=1.0, neginf=-1.0)

    def store(self, values: Floats) -> Block:
        return values.astype(self.dtype)


@dataclass(frozen=True)
class G711Samples:
    """G.711 codes."""

    name: str
    levels: NDArray[np.int16]
    codes: NDArray[np.uint8]
    size: int = 1

    def view(self, data: bytearray, channels: int) -> Block:
        return _frames(data, "u1", channels)

    def load(self, block: Block) -> Floats:
        return self.levels[block].astype(np.float64) / 2.0**15

    def store(self, values: Floats) -> Block:
        return self.codes[to_integers(values, 16) + 32768]


def to_integers(values: Floats, bits: int) -> NDArray[np.int64]:
    """Return numbers between -1 and 1 as signed integers of `bits` bits, rounded to the nearest,
    clipped.
    """
    top = 2.0 ** (bits - 1)
    return np.clip(np.rint(values * top), -top, top - 1).astype(np.int64)


def _frames(data: bytearray, dtype: str, channels: int) -> Block:
    kind = np.dtype(dtype)
    count = len(data) // (kind.itemsize * channels) * channels
    return np.frombuffer(data, kind, count).reshape(-1, channels)


PCM: dict[str, SampleFormat] = {
    s.name: s
    for s in (
        IntegerSamples("pcm_u8", "u1", 8, 128),
        IntegerSamples("pcm_s8", "i1", 8),
        IntegerSamples("pcm_s16le", "<i2", 16),
        IntegerSamples("pcm_s16be", ">i2", 16),
        Packed24Samples("pcm_s24le"),
        Packed24Samples("pcm_s24be", big=True),
        IntegerSamples("pcm_s32le", "<i4", 32),
        IntegerSamples("pcm_s32be", ">i4", 32),
        FloatSamples("pcm_f32le", "<f4"),
        FloatSamples("pcm_f32be", ">f4"),
        FloatSamples("pcm_f64le", "<f8"),
        FloatSamples("pcm_f64be", ">f8"),
        G711Samples("pcm_mulaw", g711.MULAW_LEVELS, g711.MULAW_CODES),
        G711Samples("pcm_alaw", g711.ALAW_LEVELS, g711.ALAW_CODES),
    )
}
"""Codecs whose coded bytes are samples, by FFmpeg's name."""

DECODED: dict[str, SampleFormat] = {
    s.name: s
    for s in (
        IntegerSamples("u8", "u1", 8, 128),
        IntegerSamples("s16", "=i2", 16),
        IntegerSamples("s32", "=i4", 24),
        FloatSamples("flt", "=f4"),
        FloatSamples("dbl", "=f8"),
    )
}
"""Packed sample formats decoders give, by FFmpeg's name. `s32` comes from 24-bit FLAC and ALAC
above all, whose lowest byte is zero: covers keep it so.
"""
