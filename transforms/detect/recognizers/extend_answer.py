"""A direct answer is taken whole: what a recogniser misheard stands right beside what was
recognised.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from callveil.transforms.detect.conversation import AGENT
from callveil.transforms.detect.recognizers.context import Topic, open_questions
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import (
    LETTER,
    LINE,
    MONTH,
    NUMERIC,
    ORDINAL,
    SEPARATOR,
    SPOKEN_NUMBER,
    WORD,
    ZERO,
)

BRIEF = 18
"""An answer of at most this many tokens is brief: it holds little but the value."""
_TOPICS = {"ZIP_CODE": ("zip",), "DATE_OF_BIRTH": ("dob",), "PERSON": ("spell", "name", "name_any")}


def direct_question(
    reading: TokenizedConversation, turn: int, topics: tuple[str, ...]
) -> Topic | None:
    """Return the question about one of `topics` that this turn answers directly and briefly, if it
    does.
    """
    said = reading.turns[turn]
    if said.role == AGENT or said.last - said.first > BRIEF:
        return None
    asked = next(iter(open_questions(reading, turn)), None)
    if asked is None or asked.source != "question" or asked.answers or asked.distance > 3:
        return None
    return (
        asked
        if asked.name in topics
        or any(
            t.name in topics and t.cue.turn == asked.cue.turn for t in open_questions(reading, turn)
        )
        else None
    )


def extend_answers(reading: TokenizedConversation, hits: list[ValueMatch]) -> list[ValueMatch]:
    """Return `hits`, those that answer a fresh question grown over the scraps beside them ("[e1 6]
    an", "[bs3] for b d").
    """
    out = []
    for hit in hits:
        topics = _TOPICS.get(hit.entity)
        if topics is None or len(hit.spans) != 1:
            out.append(hit)
            continue
        first, last = _tokens(reading, hit)
        asked = direct_question(reading, reading.turn[first], topics)
        if asked is None or (hit.entity == "PERSON" and "spelled out" not in hit.why):
            out.append(hit)
            continue
        said = reading.turns[reading.turn[first]]
        low, high = (
            _grow(reading, first, said.first - 1, -1, hit.entity),
            _grow(reading, last, said.last, 1, hit.entity),
        )
        out.append(
            hit
            if (low, high) == (first, last)
            else ValueMatch(hit.entity, spans_of(reading, [low, high]), hit.score, hit.why)
        )
    return out


def _tokens(reading: TokenizedConversation, hit: ValueMatch) -> tuple[int, int]:
    start, end = hit.spans[0]
    return bisect_right(reading.end, start), bisect_left(reading.end, end)


def _grow(reading: TokenizedConversation, token: int, limit: int, step: int, entity: str) -> int:
    """Return the furthest token reached from `token` over scraps of the value; signs between scraps
    are passed over.
    """
    reached, at = token, token + step
    while at != limit:
        kind, low = reading.kind[at], reading.low[at]
        if kind == LINE or (kind == SEPARATOR and low not in ".,-/"):
            break
        beyond = at + step
        if (
            low == "."
            and step > 0
            and beyond != limit
            and reading.kind[beyond] in (WORD, MONTH)
            and not reading.glued(beyond)
        ):
            break  # a new sentence
        if kind != SEPARATOR:
            if not _scrap(reading, at, entity):
                break
            reached = at
        at += step
    return reached


def _scrap(reading: TokenizedConversation, token: int, entity: str) -> bool:
    vocab, kind, low = reading.vocab, reading.kind[token], reading.low[token]
    if low in vocab.answer_frames or low in vocab.quantities:
        return False
    if (
        kind in NUMERIC
        or kind in SPOKEN_NUMBER
        or kind in (ZERO, ORDINAL)
        or low in vocab.homophones
    ):
        return True
    if entity == "DATE_OF_BIRTH":
        return kind == MONTH or low in vocab.sets["date_scraps"]
    if (
        kind == LETTER
        or low in vocab.sounds
        or low in vocab.nato
        or low in vocab.frames
        or (low,) in vocab.spelling_links
        or low in vocab.sets["letter_scraps"]
    ):
        return True
    return len(low) <= 4 if entity == "PERSON" else low not in vocab.words
