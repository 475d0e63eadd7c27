"""Evidence in the words and turns around a run of digits: a time, a price, an answer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice

from callveil.transforms.detect.recognizers.address import find_addresses
from callveil.transforms.detect.recognizers.context import Topic
from callveil.transforms.detect.recognizers.match import spans_of
from callveil.transforms.detect.recognizers.number_elements import TIGHT, NumberElement
from callveil.transforms.detect.recognizers.numbers import digit_runs
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.value_kinds import DIGITS_ASKED, KINDS
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    HUNDRED,
    SPOKEN_NUMBER,
    TEEN,
    TENS,
    THOUSAND,
    UNIT,
    WORD,
    ZERO,
)

SIZES = {
    "zip": (5, 9),
    "cvv": (3, 4),
    "ssn": (9,),
    "expiry": (4, 6),
    "phone": (11,),
    "dob": (6, 8),
}
_MOST_WORDS = 4


def follows_last_digits(
    reading: TokenizedConversation, elements: list[NumberElement], topics: list[Topic]
) -> bool:
    """Tell whether another number stands between "ending in" and this one ("ending in 4670 with
    417").
    """
    last4 = next(t for t in topics if t.name == "last4")
    kinds = reading.kind[last4.cue.last : elements[0].first] if last4.source == "before" else ()
    return any(kind == DIGITS for kind in kinds)


def is_nobodys(
    reading: TokenizedConversation, elements: Sequence[NumberElement], topics: list[Topic]
) -> bool:
    """Tell a price, a quantity, a train: the nearest cue says that the number is nobody's."""
    count = sum(len(e.digits) for e in elements)
    if _is_clock_time(reading, elements) and not any(
        t.source == "before" and t.distance <= 3 and t.name in KINDS for t in topics
    ):
        return True
    for topic in topics:
        if topic.name in ("name", "name_any", "spell", "email", "address", "age"):
            continue
        if topic.source == "question" and count <= 6 and _is_house_number(reading, elements):
            return True
        if (
            topic.source == "question"
            and topic.name != "zip"
            and count <= 8
            and has_scale_word(reading, elements)
            and not _answers_in_digits(reading, elements, topic, topics)
        ):
            return True
        if _begins_what_follows(reading, topic) and any(
            t.source == "question" and count in SIZES.get(t.name, ()) for t in topics
        ):
            continue
        near = topic.source != "before" or topic.distance <= 5
        return (
            topic.name in ("neutral", "amount")
            and near
            and count <= (4 if topic.source == "question" else 8)
        )
    return False


def _begins_what_follows(reading: TokenizedConversation, topic: Topic) -> bool:
    """Tell whether a cue after the number is no unit of it but begins what is said next ("74134
    i paid four hundred dollars").
    """
    words = {reading.low[t] for t in range(topic.cue.first, topic.cue.last)}
    return (
        topic.source == "after"
        and words.isdisjoint(reading.vocab.currencies)
        and words.isdisjoint(reading.vocab.quantities)
    )


def _is_clock_time(reading: TokenizedConversation, elements: Sequence[NumberElement]) -> bool:
    """ "at seven thirty": a time of day in words."""
    digits = "".join(e.digits for e in elements)
    before = elements[0].first - 1
    if (
        len(elements) == 4
        and all(e.spoken for e in elements)
        and _hour(elements[0].digits, elements[1].digits)
        and _hour(elements[2].digits, elements[3].digits)
    ):
        return elements[2].link > TIGHT
    if (
        not 3 <= len(digits) <= 4
        or before < 0
        or reading.low[before] not in reading.vocab.clock_before
    ):
        return False
    return (
        len(elements) == 2 and elements[0].spoken and _hour(elements[0].digits, elements[1].digits)
    )


def has_scale_word(reading: TokenizedConversation, elements: Sequence[NumberElement]) -> bool:
    """Tell whether a hundred or a thousand is said: prices and readings are said so, numbers of
    people seldom.
    """
    return any(
        reading.kind[t] in (HUNDRED, THOUSAND) for e in elements for t in range(e.first, e.last + 1)
    )


def _answers_in_digits(
    reading: TokenizedConversation,
    elements: Sequence[NumberElement],
    topic: Topic,
    topics: list[Topic],
) -> bool:
    """Tell whether round numbers too answer the question: digits were asked for, and nothing
    but them is said ("uh fifteen hundred").
    """
    if topic.name not in DIGITS_ASKED or topic.source != "question":
        return False
    vocab = reading.vocab
    said = reading.turns[reading.turn[elements[0].first]]
    ends = reading.tokens_in(frozenset(".?!\n"))
    at = bisect_right(ends, elements[-1].last)
    stop = min(ends[at], said.last) if at < len(ends) else said.last
    limit = 1 + _MOST_WORDS
    quiet = (vocab.fillers, vocab.backchannel, vocab.repairs, vocab.answer_frames)
    said_else = (
        t
        for t in range(said.first, stop)
        if reading.kind[t] == WORD and not any(reading.low[t] in words for words in quiet)
    )
    other = list(islice(said_else, limit))
    short = any(t.name in ("last4", "ssn", "pin", "cvv") and t.source == "question" for t in topics)
    return len(other) <= (4 if short else 1)


def _repeats_turn_before(reading: TokenizedConversation, elements: Sequence[NumberElement]) -> bool:
    """Tell whether three digits on end were said in the turn before."""
    digits = "".join(e.digits for e in elements)
    by_turn: dict[int, str] | None = reading.__dict__.get("_digits_by_turn")
    if by_turn is None:
        parts: dict[int, list[str]] = {}
        for run in digit_runs(reading):
            for e in run.elements:
                parts.setdefault(reading.turn[e.first], []).append(e.digits)
        by_turn = reading.__dict__["_digits_by_turn"] = {
            turn: "".join(each) for turn, each in parts.items()
        }
    spoken = by_turn.get(reading.turn[elements[0].first] - 1, "")
    return any(digits[i : i + 3] in spoken for i in range(len(digits) - 2))


def is_brief_answer(
    reading: TokenizedConversation, elements: Sequence[NumberElement], topic: Topic
) -> bool:
    """Tell whether the turn says little else, so that a short number can be the answer to a
    question.
    """
    if topic.source == "read back":
        return _repeats_turn_before(reading, elements)
    if topic.source != "question":
        return True
    said = reading.turns[reading.turn[elements[0].first]]
    words = _words_before(reading)
    return words[said.last] - words[said.first] <= 6


def _is_house_number(reading: TokenizedConversation, elements: Sequence[NumberElement]) -> bool:
    """Tell whether the digits are the house number of an address."""
    start, end = reading.start[elements[0].first], reading.end[elements[-1].last]
    places: list[tuple[int, int]] | None = reading.__dict__.get("_address_places")
    if places is None:  # in order of their beginnings, each with how far those up to it reach
        spans = sorted(span for hit in find_addresses(reading) for span in hit.spans)
        places = list(
            zip((a for a, _ in spans), accumulate((b for _, b in spans), max), strict=True)
        )
        reading.__dict__["_address_places"] = places
    at = bisect_right(places, start, key=lambda place: place[0])
    return at > 0 and places[at - 1][1] >= end


def is_bare_year(
    reading: TokenizedConversation, elements: Sequence[NumberElement], topic: Topic
) -> bool:
    """ "my account since 2019": a bare year some words after a cue is a year."""
    if topic.source != "before" or topic.distance < 4 or topic.name in ("dob", "pin", "expiry"):
        return False
    digits = "".join(e.digits for e in elements)
    return len(digits) == 4 and digits[:2] in ("19", "20")


def is_timestamp(reading: TokenizedConversation, elements: Sequence[NumberElement]) -> bool:
    """Tell whether a number behind "at" or "timestamp" counts seconds or milliseconds since
    1970, 2014 to 2033: a machine's time stamp.
    """
    digits = elements[0].digits
    if len(elements) > 1 or len(digits) not in (10, 13) or not "14" <= digits[:2] <= "19":
        return False
    return not reading.vocab.sets["stamp_words"].isdisjoint(
        reading.low[max(0, elements[0].first - 4) : elements[0].first]
    )


def run_spans(
    reading: TokenizedConversation, elements: Sequence[NumberElement]
) -> tuple[tuple[int, int], ...]:
    """Return the elements, a sign before them, and what the other party echoed meanwhile and
    right after.
    """
    tokens = [t for e in elements for t in (e.first, e.last)]
    before = elements[0].first - 1
    if (
        before >= 0
        and (reading.low[before] in ("+", "(") or reading.low[before] in reading.vocab.sets["plus"])
        and reading.turn[before] == reading.turn[elements[0].first]
    ):
        tokens.append(before)
        if reading.low[before] == "(" and before and reading.low[before - 1] == "+":
            tokens.append(before - 1)
    if (
        before >= 1
        and {reading.low[before - 1], reading.low[before]} == reading.vocab.sets["area_code"]
        and reading.turn[before] == reading.turn[elements[0].first]
    ):
        tokens.append(before - 1)
    value = "".join(e.digits for e in elements)
    first, last = reading.turn[elements[0].first], reading.turn[elements[-1].last]
    mine = {reading.turn[e.first] for e in elements}
    for turn in range(first + 1, min(last + 2, len(reading.turns))):
        if turn not in mine and reading.light[turn]:
            echoed = [
                t
                for t in range(reading.turns[turn].first, reading.turns[turn].last)
                if reading.kind[t] == DIGITS
                or reading.kind[t] in SPOKEN_NUMBER
                or reading.kind[t] == ZERO
            ]
            said = "".join(reading.value[t] for t in echoed)
            echoed = (
                echoed
                if len(echoed) > 1
                or any(reading.kind[t] in (DIGITS, UNIT, TEEN, TENS) for t in echoed)
                else []
            )
            if echoed and len(said) >= 2 and (turn <= last or said in value):
                tokens.extend(echoed)
    return spans_of(reading, tokens)


def _hour(hours: str, minutes: str) -> bool:
    return (
        int(hours) <= 12
        and len(hours) <= 2
        and len(minutes) == 2
        and minutes in ("00", "15", "30", "45", "05", "10", "20", "40", "50", "25", "35", "55")
    )


def secret_is_nearer(topics: list[Topic]) -> bool:
    """Tell whether a cue of another kind stands between "last four" and the number ("last four 9855
    and the cvv is 417").
    """
    before = [t for t in topics if t.source == "before"]
    return (
        bool(before)
        and before[0].name in ("cvv", "expiry", "pin", "zip")
        and any(t.name == "last4" for t in before[1:])
    )


def _words_before(reading: TokenizedConversation) -> list[int]:
    """For each token how many words stand before it that are no fillers, backchannels or
    repairs.
    """
    kept: list[int] | None = reading.__dict__.get("_words_before")
    if kept is None:
        vocab = reading.vocab
        quiet = vocab.fillers | vocab.backchannel | vocab.repairs
        tells = (
            kind == WORD and low not in quiet
            for kind, low in zip(reading.kind, reading.low, strict=True)
        )
        kept = reading.__dict__["_words_before"] = [0, *accumulate(tells)]
    return kept


def is_list(elements: Sequence[NumberElement]) -> bool:
    """Tell whether short numbers are listed in order, or years ("1 2 3 4 5 6 7 8", "2015 2016
    2017").
    """
    if len(elements) < 3 or any(e.spoken for e in elements):
        return False
    numbers = [int(e.digits) for e in elements]
    years = all(len(e.digits) == 4 and e.digits[:2] in ("19", "20") for e in elements)
    short = all(len(e.digits) <= 3 for e in elements) and len(elements) > 4
    return years or (
        short and (numbers == sorted(set(numbers)) or numbers == sorted(set(numbers), reverse=True))
    )
