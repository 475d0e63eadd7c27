"""The word times of generated voices are true: shown against the sound itself."""

from __future__ import annotations

import random

import numpy as np
import pytest
from support import voices
from support.generated_calls import RATE, say, spoken

pytestmark = pytest.mark.skipif(not voices.LIBRARY, reason=voices.NEEDS_ESPEAK)

WORDS = ["four", "garden", "mister", "thirty", "banana", "doctor", "paper", "kitchen"]


@pytest.mark.parametrize("voice", voices.VOICES)
def test_words_between_pauses_begin_and_end_where_the_sound_does(voice: str) -> None:
    """Commas make pauses, so that each word's sound stands alone."""
    text = ", ".join(WORDS) + "."
    made = voices.speech(text, voice, 150)
    assert [a for a, _ in made.words] == [text.index(w) for w in WORDS]
    size = made.rate // 100
    frames = made.samples[: len(made.samples) // size * size].reshape(-1, size)
    loud = np.sqrt((frames**2).mean(axis=1)) > 0.004
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    bursts = [(a / 100, b / 100) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    tail = 0.2 if "+f" in voice else 0.06  # those voices have an echo
    for start, end in bursts:
        assert any(s - 0.03 <= start and end <= e + tail for s, e in _times(made)), (
            voice,
            start,
            end,
        )
    for s, e in _times(made):
        inside = [b for b in bursts if b[0] >= s - 0.03 and b[1] <= e + tail]
        assert inside, "no sound where a word is said to be"
        assert -0.03 <= inside[0][0] - s < 0.1  # a plosive begins with silence
        assert -0.12 < inside[-1][1] - e < tail + 0.06


def _times(made: voices.Speech) -> list[tuple[float, float]]:
    out = []
    for (_, s), e in zip(
        made.words, [t for _, t in made.words[1:]] + [len(made.samples) / made.rate], strict=True
    ):
        pauses = [t for name, t in made.phones if s < t < e and name.startswith("_")]
        out.append((s, min(pauses, default=e)))
    return out


def test_a_turn_has_a_time_for_each_token() -> None:
    text = "Yes, it's Siobhan, 415-555-0123 - or jo@example.net."
    sound, said = spoken(random.Random(1), text, voices.VOICES[1], 150)
    assert [text[w.start : w.end] for w in said] == [
        "Yes,",
        "it's",
        "Siobhan,",
        "415-555-0123",
        "or",
        "jo@example.net.",
    ]
    assert all(w.s <= w.e for w in said)
    assert [w.s for w in said] == sorted(w.s for w in said)
    assert said[-1].e <= len(sound) / RATE
    assert said[3].e - said[3].s > 2


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("$42.50", {"forty two dollars fifty", "forty two dollars and fifty"}),
        ("4:30", {"four thirty"}),
        ("-", {""}),
        ("22nd", {"twenty second"}),
    ],
)
def test_tokens_are_said_as_people_say_them(token: str, said: set[str]) -> None:
    assert say(random.Random(3), token) in said
