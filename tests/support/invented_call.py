"""An invented call: its words, their times and channels."""

from __future__ import annotations

SAID = (
    (2, 0.5, "thanks for calling may i have your name"),
    (1, 5.0, "it is tove lindquist"),
    (2, 8.25, "and your number please"),
    (1, 11.0, "five five five zero one nine nine"),
)
"""Channel (1 external party, 2 business), start in seconds, words."""


LENGTH, STEP = 0.25, 0.375
"""Seconds a word lasts; from one word's start to the next one's."""


Word = tuple[str, float, float]


Turn = tuple[int, list[Word]]


TURNS: list[Turn] = [
    (
        channel,
        [(w, start + n * STEP, start + n * STEP + LENGTH) for n, w in enumerate(text.split())],
    )
    for channel, start, text in SAID
]


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def joined(words: list[Word]) -> str:
    return " ".join(w for w, _, _ in words)


def every_word() -> list[tuple[int, Word]]:
    return [(channel, word) for channel, words in TURNS for word in words]


def clock(seconds: float, comma: str) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", comma)
