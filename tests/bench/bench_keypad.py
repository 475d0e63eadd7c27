"""Keypad tones: what is covered by mistake, and what can be read off afterwards: `python
tests/bench/bench_keypad.py [--hours 1] [--digits 2000]`.

Talk is generated (dialogues of `callveil sample`, espeak-ng, every voice of the tests), and music:
melodies, chords, bells and drums at any pitch. Digits are keyed amid talk at any level, twist,
length and offset that ITU-T Q.24 has understood, in clean and noisy lines; a plain decoder of this
script's own reads them before and after.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from support import sounds, voices
from support.generated_calls import RATE, calls

from callveil.transforms.redact.audio.energy import survey_recording
from callveil.transforms.redact.audio.keypad import HIGH, LOW
from callveil.transforms.redact.audio.redact import redact_audio
from callveil.transforms.storage.files.filesystem import Files

KEYS = "123A456B789C*0#D"
Sound = NDArray[np.float64]


@dataclass(frozen=True)
class Keyed:
    """A recording in which digits are keyed.

    Attributes:
        signal: `(2, frames)`.
        channel: they are keyed on, from 0. digits: which. times: seconds from and to of each.
    """

    signal: Sound
    channel: int
    digits: str
    times: list[tuple[float, float]]


def talk(hours: float, seed: int) -> Iterator[Sound]:
    """Generated calls of so many hours in all."""
    left = hours * 3600
    for call in calls(10_000, seed):
        yield call.signal
        left -= call.signal.shape[1] / RATE
        if left <= 0:
            return


def music(seconds: float, seed: int) -> Sound:
    """Hold music: voices of some instruments at once, each playing notes of a scale, tempered or
    out of tune, over drums.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    root, beat = rng.uniform(110, 440), rng.uniform(0.12, 0.6)
    scale = (
        np.array([0, 2, 4, 5, 7, 9, 11, 12])
        if rng.random() < 0.5
        else np.array([0, 2, 3, 5, 7, 8, 10, 12])
    )
    for _ in range(rng.integers(1, 5)):
        harmonics = 1 / np.arange(1, rng.integers(2, 9)) ** rng.uniform(0.5, 2.5)
        octave, decay, detune = (
            2.0 ** rng.integers(-1, 3),
            rng.uniform(0.5, 20),
            2 ** rng.uniform(-0.03, 0.03),
        )
        at = 0.0
        while at < seconds:
            length = beat * float(rng.choice([0.5, 1, 1, 2, 4]))
            place = np.arange(round(min(length, seconds - at) * RATE)) / RATE
            pitch = root * octave * detune * 2 ** (float(rng.choice(scale)) / 12)
            note = sum(
                h * np.sin(2 * np.pi * pitch * (n + 1) * place)
                for n, h in enumerate(harmonics)
                if pitch * (n + 1) < RATE / 2
            )
            if rng.random() > 0.2 and len(place):
                start = round(at * RATE)
                part = out[start : start + len(place)]
                part += (
                    0.15 * np.asarray(note) * np.exp(-decay * place) * np.minimum(1, place * 100)
                )[: len(part)]
            at += length
    if rng.random() < 0.6:
        for at in np.arange(0, seconds - 0.2, beat):
            hit = rng.normal(0, 0.2, RATE // 10) * np.exp(-np.arange(RATE // 10) / 120)
            out[round(at * RATE) : round(at * RATE) + len(hit)] += hit
    return np.clip(out / max(1.0, float(np.abs(out).max())), -0.99, 0.99)


def keyed(rng: random.Random, speech: Sound, count: int) -> Keyed:
    """Digits keyed on one channel of a call, in rows, while the other party may go on talking."""
    signal, channel = speech.copy(), rng.randrange(2)
    noise = 10 ** (rng.uniform(-70, -38) / 20)
    signal += np.random.default_rng(rng.randrange(1 << 30)).normal(0, noise, signal.shape)
    level = max(10 ** (rng.uniform(-36, -9) / 20), 4 * noise)
    long, gap = rng.uniform(0.05, 0.16), rng.uniform(0.05, 0.35)
    twist, off = 10 ** (rng.uniform(-6, 6) / 20), rng.uniform(-0.014, 0.014)
    digits = "".join(rng.choice("0123456789*#") for _ in range(count))
    start = rng.uniform(0.5, max(0.6, signal.shape[1] / RATE - count * (long + gap) - 1))
    times = []
    for digit in digits:
        key = KEYS.index(digit)
        place = np.arange(round(long * RATE)) / RATE
        tone = np.sin(2 * np.pi * LOW[key // 4] * (1 + off) * place) + twist * np.sin(
            2 * np.pi * HIGH[key % 4] * (1 + off) * place
        )
        a = round(start * RATE)
        part = signal[channel, a : a + len(place)]
        part[:] = (
            part * 0.05 + (level * tone / max(1.0, twist))[: len(part)]
        )  # who keys hardly talks
        times.append((a / RATE, (a + len(part)) / RATE))
        start += long + gap
    return Keyed(np.clip(signal, -0.99, 0.99), channel, digits, times)


def read_off(sound: Sound, start: float, end: float) -> str:
    """The key heard in a stretch of one channel by a decoder that guesses gladly; empty where none
    is.
    """
    part = sound[max(0, round(start * RATE)) : round(end * RATE)]
    size, seen = RATE // 50, []
    for at in range(0, len(part) - size + 1, size // 2):
        window = part[at : at + size]
        energy = float(window @ window)
        if energy / size < 1e-7:
            continue
        place = np.arange(size) / RATE
        powers = [
            max(
                abs(complex(window @ np.exp(-2j * np.pi * f * (1 + off) * place))) ** 2
                for off in (-0.012, 0.0, 0.012)
            )
            for f in (*LOW, *HIGH)
        ]
        low, high = int(np.argmax(powers[:4])), int(np.argmax(powers[4:]))
        if (powers[low] + powers[4 + high]) * 2 / size / energy > 0.5:
            seen.append(KEYS[low * 4 + high])
    return max(set(seen), key=seen.count) if seen else ""


def decoded(count: int, seed: int, folder: Path) -> dict[str, int]:
    """How many of so many keyed digits can be read before and after."""
    rng, found = random.Random(seed), {"digits": 0, "read_before": 0, "read_after": 0}
    for call in calls(10_000, seed):
        made = keyed(rng, call.signal, rng.choice([4, 4, 8, 16, 16]))
        tag, bits = rng.choice([(7, 8), (1, 16), (0, 0)])
        coded = (
            sounds.wav_bytes(sounds.pcm_bytes(made.signal, tag, bits), tag, RATE, 2, bits)
            if tag
            else b""
        )
        (folder / "in").write_bytes(
            coded or sounds.encoded(made.signal, "mp3", "libmp3lame", RATE, 32_000)
        )
        redact_audio(Files(), str(folder / "in"), str(folder / "out"), [])
        for name, path in (("read_before", "in"), ("read_after", "out")):
            sound = sounds.heard(folder / path)[1][made.channel]
            found[name] += sum(
                read_off(sound, s, e) == d
                for d, (s, e) in zip(made.digits, made.times, strict=True)
            )
        found["digits"] += len(made.digits)
        if found["digits"] >= count:
            return found
    return found


def mistaken(sound: Sound, path: Path) -> tuple[int, float]:
    """Stretches found in sound without keys, and their seconds."""
    path.write_bytes(sounds.wav_bytes(sounds.pcm_bytes(sound, 7, 8), 7, RATE, len(sound), 8))
    found = survey_recording(Files(), str(path)).keyed
    return len(found), sum(s.end - s.start for s in found)


def main() -> None:
    """Measure, print."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--hours", type=float, default=1.0, help="of talk, both channels counted, and of music"
    )
    p.add_argument("--digits", type=int, default=2000)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    if not voices.LIBRARY:
        sys.exit(voices.NEEDS_ESPEAK)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = {
            "talk": talk(args.hours / 2, args.seed),
            "music": (music(60, args.seed * 1000 + n)[None] for n in range(round(args.hours * 60))),
        }
        for kind, parts in kinds.items():
            hours, number, seconds = 0.0, 0, 0.0
            for sound in parts:
                hours += sound.size / RATE / 3600
                one = mistaken(sound, folder / "x.wav")
                number, seconds = number + one[0], seconds + one[1]
            print(
                json.dumps(
                    {
                        "kind": kind,
                        "hours": round(hours, 2),
                        "false_covers_an_hour": round(number / hours, 2),
                        "seconds_an_hour": round(seconds / hours, 2),
                    }
                ),
                flush=True,
            )
        print(json.dumps(decoded(args.digits, args.seed, folder)))


if __name__ == "__main__":
    main()
