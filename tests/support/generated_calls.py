"""Generated calls with known truth: dialogues of `callveil sample`, spoken by espeak-ng, and when
each word of them is heard.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callveil.transforms.detect.spoken_numbers import MONTHS, number_words, ordinal_words
from callveil.transforms.lab.sample.gold import SENSITIVE
from callveil.transforms.lab.sample.records import Sample
from callveil.transforms.lab.sample.speech import pair_words, spoken_digits
from support import sounds, voices

RATE = 8000
JITTER = 0.03
"""Seconds by which times in a transcript differ from the truth, either way."""
BAR = frozenset({"CREDIT_CARD", "CVV", "US_SSN", "PHONE_NUMBER", "PERSON"})


@dataclass(frozen=True)
class Said:
    """One token of a turn, and when it is heard. Seconds from the beginning of the recording."""

    start: int
    end: int
    s: float
    e: float


@dataclass(frozen=True)
class Secret:
    """A planted value that is heard.

    Attributes:
        type: entity. channel: from 1. s, e: seconds. turn, start, end: its place in the transcript.
    """

    type: str
    channel: int
    s: float
    e: float
    turn: int
    start: int
    end: int


@dataclass(frozen=True)
class Call:
    """A generated call.

    Attributes:
        record: the interaction, its outline with times of turns.
        signal: `(channels, frames)` at `RATE`.
        turns: tokens of each turn of the outline with their true times.
        secrets: what was planted, of every type that counts.
    """

    record: dict[str, Any]
    signal: NDArray[np.float64]
    turns: list[list[Said]]
    secrets: list[Secret]

    def wav(self) -> bytes:
        """As 8 kHz mu-law."""
        return sounds.wav_bytes(
            sounds.pcm_bytes(self.signal, 7, 8), 7, RATE, len(self.signal), 8, tags=False
        )

    def swapped(self) -> Call:
        """The same recorded with the parties on each other's channel; the transcript stays."""
        return replace(
            self,
            signal=self.signal[::-1],
            secrets=[replace(s, channel=3 - s.channel) for s in self.secrets],
        )

    def mono(self) -> Call:
        """The same recorded on one channel."""
        both = np.clip(self.signal.sum(axis=0, keepdims=True), -0.99, 0.99)
        return replace(self, signal=both, secrets=[replace(s, channel=1) for s in self.secrets])

    def shifted(self, seconds: float) -> Call:
        """The same recorded from `seconds` earlier on, or from later where negative; the transcript
        stays.
        """
        silent = np.random.default_rng(7).normal(
            0, 10 ** (-66 / 20), (len(self.signal), max(0, round(seconds * RATE)))
        )
        signal = np.concatenate([silent, self.signal[:, max(0, round(-seconds * RATE)) :]], axis=1)
        moved = [
            replace(s, s=max(0.0, s.s + seconds), e=s.e + seconds)
            for s in self.secrets
            if s.e + seconds > 0
        ]
        return replace(self, signal=signal, secrets=moved)

    def with_words(self, rng: random.Random) -> dict[str, Any]:
        """The record with a recogniser's word times."""
        words = [
            {
                "word": turn["text"][w.start : w.end],
                "s": near(rng, w.s),
                "e": near(rng, w.e),
                "channel": turn["channel"],
                "speaker": turn["speaker"],
            }
            for turn, said in zip(self.record["outline"], self.turns, strict=True)
            for w in said
        ]
        return self.record | {"words": [w | {"e": max(w["e"], w["s"])} for w in words]}


def near(rng: random.Random, seconds: float) -> float:
    """A time as a recogniser gives it."""
    return round(max(0.0, seconds + rng.uniform(-JITTER, JITTER)), 3)


def calls(count: int, seed: int = 17) -> Iterator[Call]:
    """Calls whose transcript comes as an outline with turns, one after the other."""
    sample, found, index = (
        Sample(seed, accounts=60, interactions=100 * count + 1000, snapshots=False),
        0,
        0,
    )
    while found < count:
        made = sample.interaction(index)
        index += 1
        record = made.snapshots[made.final]
        if record.get("outline") and made.gold:
            rng = random.Random(seed * 1_000_003 + index)
            yield _call(
                rng, record, [s for s in made.gold.spans if s.path.startswith("outline[")], found
            )
            found += 1


def _call(rng: random.Random, record: Mapping[str, Any], spans: list[Any], number: int) -> Call:
    who = rng.sample(voices.VOICES, 2)
    speed = [rng.randint(125, 185), rng.randint(125, 185)]
    loud = [rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.9)]
    pieces: list[tuple[int, int, NDArray[np.float64]]] = []
    outline, turns = [], []
    at = rng.uniform(0.2, 1.0)
    for turn in record["outline"]:
        channel = turn["channel"] - 1
        sound, said = spoken(rng, turn["text"], who[channel], speed[channel])
        pieces.append((channel, round(at * RATE), sound * loud[channel]))
        here = round(at * RATE) / RATE
        turns.append([Said(w.start, w.end, w.s + here, w.e + here) for w in said])
        s, e = (turns[-1][0].s, turns[-1][-1].e) if said else (here, here + len(sound) / RATE)
        outline.append({**turn, "s": near(rng, s), "e": near(rng, e)})
        # Now and then parties talk at the same time.
        at = (
            here
            + len(sound) / RATE
            + (rng.uniform(-0.4, 0.0) if rng.random() < 0.1 else rng.uniform(0.1, 0.9))
        )
    signal = np.zeros((2, max(a + len(x) for _, a, x in pieces) + RATE // 2))
    for channel, place, sound in pieces:
        signal[channel, place : place + len(sound)] += sound
    signal += np.random.default_rng(number).normal(
        0, 10 ** (-66 / 20), signal.shape
    )  # a quiet line
    secrets = []
    for span in spans:
        if span.type not in SENSITIVE:
            continue
        n = int(re.match(r"outline\[(\d+)\]", span.path)[1])  # type: ignore[index]
        heard = [w for w in turns[n] if w.start < span.end and w.end > span.start]
        if heard:
            secrets.append(
                Secret(
                    span.type,
                    outline[n]["channel"],
                    heard[0].s,
                    heard[-1].e,
                    n,
                    span.start,
                    span.end,
                )
            )
    kept = {
        k: v
        for k, v in record.items()
        if k not in ("words", "audio", "transcript", "transcript_outline")
    }
    return Call(
        kept | {"outline": outline, "language": "en"}, np.clip(signal, -0.99, 0.99), turns, secrets
    )


def spoken(
    rng: random.Random, text: str, voice: str, words_a_minute: int
) -> tuple[NDArray[np.float64], list[Said]]:
    """A written turn said aloud at `RATE`, and when each of its tokens is heard."""
    aloud, tokens = "", []
    for match in re.finditer(r"\S+", text):
        words = say(rng, match[0])
        if words:
            aloud += " " if aloud else ""
            tokens.append((match.start(), match.end(), len(aloud), len(aloud) + len(words)))
            aloud += words + ("" if match[0][-1] not in ",.?!;" else match[0][-1])
    made = voices.speech(aloud, voice, words_a_minute)
    ends = [t for _, t in made.words[1:]] + [len(made.samples) / made.rate]
    events = [(a, s, _end(made, s, e)) for (a, s), e in zip(made.words, ends, strict=True)]
    said = []
    for start, end, lo, hi in tokens:
        # espeak-ng runs some words together (`of the`): such a word is heard somewhere in the event
        # it stands in.
        first = max((i for i, (a, _, _) in enumerate(events) if a <= lo), default=0)
        last = max((i for i, (a, _, _) in enumerate(events) if a < hi), default=first)
        said.append(Said(start, end, events[first][1], events[last][2]))
    return voices.resampled(made.samples, made.rate, RATE), said


def _end(made: voices.Speech, s: float, e: float) -> float:
    """The end of the last sound of a word that begins at `s`, the next one at `e`: pauses belong to
    none.
    """
    inside = [(name, at) for name, at in made.phones if s <= at < e - 1e-6]
    while inside and inside[-1][0].startswith("_"):
        e = inside.pop()[1]
    return e


def say(rng: random.Random, token: str) -> str:
    """Return what is said where a token is written; empty where nothing is."""
    bare = token.strip(".,?!;:\"'()[]")
    if not any(c.isalnum() for c in bare):
        return ""
    if not any(c.isdigit() for c in bare):
        return " ".join(_word(p) for p in re.split(r"([@./_&+-])", bare) if p)
    if match := re.fullmatch(r"([$£€])([\d,]+)(?:\.(\d\d))?", bare):
        unit = {"$": "dollars", "£": "pounds", "€": "euros"}[match[1]]
        cents = f" {rng.choice(('and ', ''))}{pair_words(match[3])}" if match[3] else ""
        return f"{number_words(int(match[2].replace(',', '')))} {unit}{cents}"
    if match := re.fullmatch(r"(\d{1,2}):(\d\d)", bare):
        return (
            f"{number_words(int(match[1]))} "
            f"{pair_words(match[2]) if match[2] != '00' else chr(111) + chr(39) + 'clock'}"
        )
    if match := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})", bare):
        return _date(rng, *match.groups())
    if match := re.fullmatch(r"(\d{1,2})(st|nd|rd|th)", bare.lower()):
        return ordinal_words(int(match[1]))
    return " ".join(
        _number(rng, p) if p[0].isdigit() else _word(p)
        for p in re.findall(r"\d{1,3}(?:,\d{3})+|\d+|[^\W\d]+|[@./_&+#%-]", bare)
    )


def _word(piece: str) -> str:
    return {
        "@": "at",
        ".": "dot",
        "/": "slash",
        "_": "underscore",
        "-": " ",
        "&": "and",
        "+": "plus",
        "#": "number",
        "%": "percent",
    }.get(piece, piece)


def _date(rng: random.Random, a: str, b: str, year: str) -> str:
    y = (
        f"{pair_words(year[:2])} {pair_words(year[2:])}"
        if len(year) == 4 and year[:2] != "20"
        else pair_words(year[-2:])
    )
    if len(year) == 4 and year[:2] == "20":
        y = "two thousand" + (f" {number_words(int(year[2:]))}" if year[2:] != "00" else "")
    if 0 < int(a) <= 12 and 0 < int(b) <= 31 and rng.random() < 0.5:
        return f"{MONTHS[int(a) - 1]} {ordinal_words(int(b))} {y}"
    return (
        f"{pair_words(a) if len(a) == 2 else number_words(int(a))} "
        f"{pair_words(b) if len(b) == 2 else number_words(int(b))} {y}"
    )


def _number(rng: random.Random, number: str) -> str:
    if "," in number:
        return number_words(int(number.replace(",", "")))
    if len(number) <= 3 and number[0] != "0" and rng.random() < 0.6:
        return number_words(int(number))
    if len(number) == 4 and number[:2] in ("19", "20") and rng.random() < 0.7:
        return f"{pair_words(number[:2])} {pair_words(number[2:])}"
    return spoken_digits(
        rng,
        number,
        rng.choice(("words", "words", "double", "tens")),
        (3, 3, 4) if len(number) == 10 else (4, 4, 4, 4),
    )
