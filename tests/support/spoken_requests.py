"""Spoken calls of a generated person and of others, landed in a folder as `callveil watch` finds
them. Nobody's data.
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from support import generated_calls, sounds, voices

PHONE, EMAIL, NAME = "+12125550142", "amara.abernathy@example.com", "Amara Abernathy"
SISTER, SISTERS_MAIL, SISTERS_NAME = "+16465550177", "freya.drummond@example.org", "Freya Drummond"
CARD = "4111 1111 1111 1111"
TURNS = {
    1: (
        (2, "Good morning, this is Ottilie Staffer, how can I help you?"),
        (1, f"My name is {NAME} and my number is 212 555 0142."),
        (
            1,
            f"Please also ring my sister {SISTERS_NAME} on 646 555 0177, or write to "
            f"{SISTERS_MAIL}.",
        ),
        (1, f"My card is {CARD}."),
    ),
    2: ((2, "Welcome back."), (1, "I would like to change my appointment to Friday.")),
    3: ((1, f"This is {SISTERS_NAME}, call my sister on 212 555 0142 please."), (2, "We will.")),
}
"""Channel and text by call: two of the person's own, and one of her sister's in which she is
mentioned.
"""


@dataclass(frozen=True)
class Spoken:
    """A call that has landed.

    Attributes:
        id: of the interaction. wav: its recording. frames: its length at `generated_calls.RATE`.
        words: with channel and the seconds between which each is heard.
    """

    id: str
    wav: Path
    frames: int
    words: list[dict[str, Any]]


def land(folder: Path) -> dict[int, Spoken]:
    """Write all calls below a folder."""
    return {n: _land(folder, n, turns) for n, turns in TURNS.items()}


def _land(folder: Path, number: int, turns: tuple[tuple[int, str], ...]) -> Spoken:
    rng, at = random.Random(number), 0.4
    outline, words, pieces = [], [], []
    for channel, text in turns:
        sound, said = generated_calls.spoken(rng, text, voices.VOICES[channel], 160)
        who = {"channel": channel, "speaker": "caller" if channel == 1 else "agent"}
        pieces.append((channel - 1, round(at * generated_calls.RATE), sound * 0.6))
        outline.append(
            {**who, "text": text, "s": round(at + said[0].s, 3), "e": round(at + said[-1].e, 3)}
        )
        words += [
            {**who, "word": text[w.start : w.end], "s": round(at + w.s, 3), "e": round(at + w.e, 3)}
            for w in said
        ]
        at += len(sound) / generated_calls.RATE + 0.4
    signal = np.zeros(
        (2, max(start + len(sound) for _, start, sound in pieces) + generated_calls.RATE // 2)
    )
    for channel, start, sound in pieces:
        signal[channel, start : start + len(sound)] += sound
    signal += np.random.default_rng(number).normal(0, 10 ** (-66 / 20), signal.shape)
    own = number != 3
    record = {
        "id": str(7_000_000_000 + number),
        "account_id": 41,
        "called_at": f"2026-10-0{number}T09:00:00Z",
        "status": "completed",
        "language": "en",
        "duration": int(at),
        "direction": "inbound",
        "tracking_number": "+12125550190",
        "tracking_label": "Autumn leaflet",
        "caller_number": PHONE if own else SISTER,
        "email": EMAIL if own else SISTERS_MAIL,
        "name": NAME if own else SISTERS_NAME,
        "agent": {"id": "A1", "name": "Ottilie Staffer", "email": "ottilie@firm.example"},
        "audio": f"https://calls.example/{number}.wav",
        "visitor_sid": f"vis{number:08d}qz",
        "outline": outline,
        "words": words,
    }
    wav = folder / "41" / f"{record['id']}.wav"
    wav.parent.mkdir(parents=True, exist_ok=True)
    wav.write_bytes(
        sounds.wav_bytes(
            sounds.pcm_bytes(np.clip(signal, -0.99, 0.99), 7, 8),
            7,
            generated_calls.RATE,
            2,
            8,
            tags=False,
        )
    )
    wav.with_suffix(".json").write_text(json.dumps(record))
    for path in (wav, wav.with_suffix(".json")):
        os.utime(
            path, (time.time() - 60,) * 2
        )  # a file that was written just now may still grow, so it would be left for the next look
    return Spoken(record["id"], wav, signal.shape[1], words)
