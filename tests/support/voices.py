"""Voices with known word times: espeak-ng through its library, whose events say at which sample
each word begins.

`tests/redact/audio/test_generated_voices.py` shows that the events are right.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

LIBRARY = ctypes.util.find_library("espeak-ng")
NEEDS_ESPEAK = "espeak-ng is not installed (apt-get install espeak-ng)"
VOICES = (
    "gmw/en-US",
    "gmw/en-US+f2",
    "gmw/en",
    "gmw/en+f4",
    "gmw/en-US+m3",
    "gmw/en-GB-scotland",
    "gmw/en-US+f3",
    "gmw/en-GB-x-rp+m7",
    "gmw/en-US+m1",
    "gmw/en-029+f5",
    "gmw/en-US-nyc",
)

_SYNCHRONOUS, _PHONEMES, _CHARACTERS, _UTF8, _RATE, _GAP = 2, 1, 1, 1, 1, 7
_WORD, _PHONEME = 1, 7


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


@dataclass(frozen=True)
class Speech:
    """A spoken text.

    Attributes:
        samples: between -1 and 1, at `rate`.
        words: for each word event: place of its first character in the text, and second at which it
            begins.
        phones: name and second of each sound; pauses begin with `_`.
    """

    samples: NDArray[np.float64]
    rate: int
    words: tuple[tuple[int, float], ...]
    phones: tuple[tuple[str, float], ...]


@cache
def _espeak() -> tuple[Any, int]:
    library = ctypes.CDLL(LIBRARY or "")
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEMES)
    if rate <= 0:
        raise RuntimeError("espeak-ng cannot be used: its data are missing")
    return library, rate


def speech(text: str, voice: str = "gmw/en-US", words_a_minute: int = 150) -> Speech:
    """A text spoken, in one process at one time."""
    library, rate = _espeak()
    parts: list[NDArray[np.int16]] = []
    words: list[tuple[int, float]] = []
    phones: list[tuple[str, float]] = []

    def take(wav: Any, count: int, events: Any) -> int:
        if wav and count:
            parts.append(np.ctypeslib.as_array(wav, (count,)).copy())
        n = 0
        while events[n].type:
            e = events[n]
            # At the end of a clause comes one more event, with the place before the clause.
            if e.type == _WORD and e.text_position - 1 > (words[-1][0] if words else -1):
                words.append((e.text_position - 1, e.sample / rate))
            elif e.type == _PHONEME:
                phones.append((e.name.decode("utf-8", "replace"), e.sample / rate))
            n += 1
        return 0

    callback = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )(take)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()):
        raise ValueError(f"no voice {voice}")
    library.espeak_SetParameter(_RATE, words_a_minute, 0)
    data = text.encode() + b"\0"
    library.espeak_Synth(data, len(data), 0, _CHARACTERS, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    return Speech(samples / 2.0**15, rate, tuple(words), tuple(phones))


@lru_cache(maxsize=8)
def _nothing(rate: int) -> NDArray[np.float64]:
    return np.zeros(rate)


def resampled(samples: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """The same sound with another number of samples per second."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=wanted)
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], "flt", "mono")
    frame.sample_rate = rate
    parts = [p.to_ndarray()[0] for p in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate(parts).astype(np.float64)
