"""Forced alignment of a known text with audio: the time of each word.

It uses pocketsphinx and the English model it carries.

The text becomes a graph of everything that may have been said (`say`), the recogniser finds the
likeliest way through it, and its path gives the times. It always finds some way, so each alignment
is judged by measures that tell right from wrong ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callveil.transforms.redact.audio.grapheme_to_phoneme import sounds_of
from callveil.transforms.redact.audio.pronunciations import (
    ANYTHING,
    Graph,
    pronunciation_graph,
    tokens_of,
)

RATE = 16_000
"""Samples per second the acoustic model is made for; telephone speech is resampled to it."""
FRAME = 160
"""Samples of one frame of the recogniser."""
EDGE = 0.2
"""Seconds of silence put before and behind: the search must begin and end in it."""
PEAK = 0.7
"""Loudest sample."""
NOISES = (300 / 32768, 800 / 32768)
"""Levels of the white noise laid under the sound, the second where the first leads to nothing sure.
Telephone speech has nothing above 4 kHz, which the model takes for silence: with less noise half of
the short turns find no way (measured).
"""
BEAMS = {"beam": 1e-60, "pbeam": 1e-60, "wbeam": 1e-40}
"""Wider ones find no more and cost twice as much (measured)."""
FILLED = 1e-6
"""Probability of what is in no transcript: breath, noise, a filler."""
MAX_ADDED = 5_000
"""Words added to a recogniser's dictionary after which it is built anew, so that a long-lived
worker does not grow.
"""

Sound = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class TokenTime:
    """When one token of a text is heard.

    Attributes:
        token: which one.
        s, e: seconds from the beginning of the stretch.
        before, after: how far the next words on either side are; equal to `s` and `e` where none
            but silence or noise lies between.
        score: mean log likelihood of a frame, relative to the best of the sounds that were looked
            at; 0 is best.
        guessed: its sounds were guessed from its letters.
    """

    token: int
    s: float
    e: float
    before: float
    after: float
    score: float
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class SoundAlignment:
    """A text laid over a stretch of sound.

    Attributes:
        heard: tokens that make a sound, in their order. Empty where no way was found.
        confidence: 0 to 1; see `confidence_of`.
    """

    heard: tuple[TokenTime, ...] = ()
    confidence: float = 0.0


@dataclass
class Aligner:
    """Aligns texts; the recogniser is built on first use (0.1 s, about 60 MB) and stays out of
    pickles.

    Attributes:
        threshold: confidence from which an alignment is used. Of 200 generated turns 91 % reach it;
            of texts that belong to another turn 1.5 %, of texts with a third left out 15 % (the
            words that are left stand right there), with words added none, and with the first 0.75 s
            of the sound missing 10 %.
    """

    threshold: float = 0.5
    _decoder: Any = field(default=None, repr=False, compare=False)
    _added: int = field(default=0, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"threshold": self.threshold, "_decoder": None, "_added": 0}

    def align(self, sound: Sound, text: str) -> SoundAlignment:
        """Lay a text over a stretch of sound.

        Args:
            sound: one channel at `RATE`, between -1 and 1.
            text: as a transcript writes it.

        Returns: an alignment without `heard` where there is none. Nothing is raised for odd sound
            or text.
        """
        tokens = tokens_of(text)
        if not tokens or len(sound) < RATE // 20:
            return SoundAlignment()
        decoder = self._built()
        graph = pronunciation_graph(
            tokens, lambda word: decoder.lookup_word(word) is not None, sounds_of
        )
        if not any(arc.word for arc in graph.arcs):
            return SoundAlignment()
        padded = np.concatenate(
            [np.zeros(int(EDGE * RATE)), np.nan_to_num(sound), np.zeros(int(EDGE * RATE))]
        )
        best = SoundAlignment()
        try:
            self._load(graph)
            for noise in NOISES:
                if best.confidence < self.threshold:
                    best = max(best, self._laid(graph, padded, noise), key=lambda a: a.confidence)
        except RuntimeError:
            # The recogniser gave up on this stretch; a fresh one is not impaired by it.
            self._decoder = None
        return best

    def _laid(self, graph: Graph, padded: Sound, noise: float) -> SoundAlignment:
        decoder = self._decoder
        decoder.start_utt()
        try:
            decoder.process_raw(normalize_level(padded, noise), False, True)
        finally:
            decoder.end_utt()
        segments = (
            [(s.word, s.start_frame, s.end_frame + 1, s.ascore) for s in decoder.seg()]
            if decoder.hyp()
            else []
        )
        words = [s for s in segments if s[0] == ANYTHING or s[0][0] not in "<["]
        owners = path_of(graph, [w[0].split("(")[0] for w in words])
        if owners is None:
            return SoundAlignment()
        phones = [len((decoder.lookup_word(w[0]) or "").split()) for w in words]
        return SoundAlignment(
            _rows(words, owners, len(padded)), confidence_of(padded, words, phones)
        )

    def _built(self) -> Any:
        if self._decoder is None or self._added > MAX_ADDED:
            from pocketsphinx import Decoder  # the package and its model take 0.1 s to load

            # Its messages would hold words of the transcript.
            self._decoder = Decoder(
                lm=None, samprate=RATE, loglevel="FATAL", fillprob=FILLED, **BEAMS
            )
            self._decoder.add_word(ANYTHING, "+SPN+", True)
            self._added = 0
        return self._decoder

    def _load(self, graph: Graph) -> None:
        from pocketsphinx import FsgModel

        decoder = self._decoder
        grammar = FsgModel("turn", decoder.get_logmath(), 1.0, graph.states)
        grammar.set_start_state(0)
        grammar.set_final_state(graph.final)
        for word in {arc.word for arc in graph.arcs}:
            if word.startswith(ANYTHING) and decoder.lookup_word(_name(word)) is None:
                decoder.add_word(_name(word), word[1:], False)
                self._added += 1
        for source, targets in _silent(graph).items():
            for target in targets:
                grammar.null_trans_add(source, target, 0)
        for arc in graph.arcs:
            if arc.word:
                grammar.trans_add(arc.source, arc.target, 0, grammar.word_add(_name(arc.word)))
        decoder.add_fsg("turn", grammar)
        decoder.activate_search("turn")


def path_of(graph: Graph, words: Sequence[str]) -> list[int] | None:
    """Return the token that each word of a path belongs to; None where the words are no way through
    the graph from end to end.
    """
    silent = _silent(graph)
    arcs: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for arc in graph.arcs:
        if arc.word:
            arcs.setdefault((arc.source, _name(arc.word)), []).append((arc.target, arc.token))
    ways: dict[int, tuple[Any, int] | None] = {0: None}
    for n in range(len(words) + 1):
        for state in list(ways):
            for target in silent.get(state, ()):
                ways.setdefault(target, ways[state])
        if n < len(words):
            ways = {
                target: (way, token)
                for state, way in ways.items()
                for target, token in arcs.get((state, words[n]), ())
            }
    if graph.final not in ways:
        return None
    way, out = ways[graph.final], []
    while way:
        out.append(way[1])
        way = way[0]
    return out[::-1]


Segment = tuple[str, int, int, float]
"""A word of a path: name, first frame, frame behind it, and its likelihood."""


def confidence_of(padded: Sound, words: Sequence[Segment], phones: Sequence[int]) -> float:
    """Tell how sure it is that words are heard where they were found: the least of six measures,
    each between 0 (wrong) and 1 (right).

    The likelihood of all frames and of the worst word; how much loud sound lies in no word; and how
    many words are squeezed to the shortest there is, which happens where they were not said. The
    limits come from generated turns with their own texts, others', and texts with words left out,
    added or replaced (tests/redact/audio/test_forced_alignment.py measures some of it anew).
    """
    if not words:
        return 0.0
    whole = padded[: len(padded) // FRAME * FRAME].reshape(-1, FRAME)
    level = 10 * np.log10(np.mean(whole**2, axis=1) + 1e-10)
    edge = int(EDGE * RATE) // FRAME
    loud = level > np.quantile(level[edge:-edge], 0.9) - 20
    said = np.zeros(len(level), bool)
    for _, a, b, _ in words:
        said[a:b] = True
    outside = int(np.sum(loud & ~said))
    known = [(w, n) for w, n in zip(words, phones, strict=True) if w[0] != ANYTHING] or [
        (words[0], 1)
    ]
    scores = [_score(w) for w, _ in known]
    frames = [w[2] - w[1] for w, _ in known]
    each = [f / max(n, 1) for f, (_, n) in zip(frames, known, strict=True)]
    return min(
        _between(float(np.average(scores, weights=frames)), -5.1, -2.5),
        _between(min(scores), -13.0, -5.0),
        _between(outside * FRAME / RATE, max(0.4, 0.1 * float(np.sum(loud)) * FRAME / RATE), 0.0),
        _between(outside / max(1, int(np.sum(loud))), 0.35, 0.05),
        _between(sum(f < 4 for f in each) / len(each), 0.3, 0.0),
        _between(min(each), 2.5, 4.5),
        _between(len(known) / len(words), 0.3, 0.9),
    )


def _rows(words: Sequence[Segment], owners: Sequence[int], samples: int) -> tuple[TokenTime, ...]:
    rows: dict[int, list[Segment]] = {}
    for word, token in zip(words, owners, strict=True):
        rows.setdefault(token, []).append(word)
    tokens = sorted(rows)
    out = []
    for i, token in enumerate(tokens):
        mine = rows[token]
        before = rows[tokens[i - 1]][-1][2] if i else int(EDGE * RATE) // FRAME
        after = (
            rows[tokens[i + 1]][0][1]
            if i + 1 < len(tokens)
            else (samples - int(EDGE * RATE)) // FRAME
        )
        score = float(np.average([_score(w) for w in mine], weights=[w[2] - w[1] for w in mine]))
        # What has no known sounds is somewhere between its neighbours; nothing more can be said.
        first, last = (
            (before, after) if any(w[0] == ANYTHING for w in mine) else (mine[0][1], mine[-1][2])
        )
        out.append(
            TokenTime(
                token,
                _second(first),
                _second(last),
                _second(before),
                _second(after),
                score,
                any(w[0].startswith(ANYTHING) for w in mine),
            )
        )
    return tuple(out)


def _second(frame: int) -> float:
    return frame * FRAME / RATE - EDGE


def _score(word: Segment) -> float:
    """Mean log likelihood of a frame. The recogniser gives likelihoods, not their logarithms: long
    words with poor sound come as zero.
    """
    return (math.log(word[3]) if word[3] > 0 else -745.0) / (word[2] - word[1])


def _between(value: float, wrong: float, right: float) -> float:
    return min(1.0, max(0.0, (value - wrong) / (right - wrong)))


def _name(word: str) -> str:
    return word.replace(" ", "_")


def _silent(graph: Graph) -> dict[int, set[int]]:
    """Return states that are reached from a state without a word."""
    direct: dict[int, set[int]] = {}
    for arc in graph.arcs:
        if not arc.word:
            direct.setdefault(arc.source, set()).add(arc.target)
    out: dict[int, set[int]] = {}
    for state in sorted(direct, reverse=True):
        todo = list(direct[state])
        out[state] = set()
        while todo:
            target = todo.pop()
            if target not in out[state]:
                out[state].add(target)
                todo += direct.get(target, ())
    return out


def normalize_level(sound: Sound, noise: float) -> bytes:
    """16-bit samples at the level the model is used to, with noise under them; always the same
    noise.
    """
    under = np.random.default_rng(1).normal(0, noise, len(sound))
    return np.asarray(
        np.clip(sound * (PEAK / max(0.05, float(np.abs(sound).max()))) + under, -1, 1) * 32767,
        "<i2",
    ).tobytes()
