"""Dates of birth and card expiry dates in every written and spoken order, and ages over 89."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.context import Topic, topics_at
from callveil.transforms.detect.recognizers.digit_values import PREFIXES
from callveil.transforms.detect.recognizers.extend_answer import extend_answers
from callveil.transforms.detect.recognizers.match import ValueMatch, prune_matches, spans_of
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.number_elements import PAUSE, REPAIR, TIGHT, WEAK
from callveil.transforms.detect.recognizers.numbers import CONNECTORS, NumberParser
from callveil.transforms.detect.recognizers.tokens import (
    HARD,
    SOFT,
    TokenizedConversation,
    TokenStream,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    HUNDRED,
    LINE,
    MONTH,
    ORDINAL,
    SEPARATOR,
)

_WRITTEN = re.compile(
    r"""(?xi)
      (?<![\w/.-])(?:0?[1-9]|[12]\d|3[01])\s?([/.-])\s?(?:0?[1-9]|[12]\d|3[01])\s?\1\s?(?:(?:18|19|20)\d\d|\d\d)(?![\d/-]|\.\d)
    | (?<![\w/.-])(?:18|19|20)\d\d([/.-])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12]\d|3[01])(?![\d/-]|\.\d)
    """
)
MONTH_ITEM, DAY_ITEM, NUMBER_ITEM, DATE_ITEM = "m", "o", "n", "d"


@dataclass(slots=True)
class DatePart:
    """A part of a date: a month's name, a day, a number, or a whole date in digits."""

    sort: str
    digits: str
    first: int
    last: int
    link: int = TIGHT


class DateRuns:
    """Runs of parts of dates in one stream of a reading."""

    def __init__(
        self,
        reading: TokenizedConversation,
        stream: TokenStream,
        written: dict[int, int],
        skip: frozenset[int],
    ) -> None:
        self.reading, self.stream, self.written = reading, stream, written
        self.numbers = NumberParser(reading, stream, skip)

    def item(self, place: int, inside: bool) -> tuple[DatePart, int] | None:
        """Return the part of a date that begins at `place`, and the place after it."""
        reading, token = self.reading, self.stream[place]
        spend_steps()
        if token < 0:
            return None
        if token in self.written:
            last, after = self.written[token], place
            while after < len(self.stream) and 0 <= self.stream[after] <= last:
                after += 1
            return DatePart(DATE_ITEM, "00000000", token, last), after
        kind = reading.kind[token]
        ahead_word = reading.low[token + 1] if token + 1 < reading.count else ""
        if (
            kind == MONTH
            and reading.low[token] in reading.vocab.months_also_words
            and ahead_word in reading.vocab.sets["clitics"]
        ):
            return None
        if (
            kind == ORDINAL
            and token
            and reading.low[token - 1] in reading.vocab.sets["seconds_before"]
        ):
            return None
        if kind == MONTH:
            return DatePart(MONTH_ITEM, "", token, token), place + 1
        if kind == ORDINAL:
            return DatePart(DAY_ITEM, reading.value[token], token, token), place + 1
        following = self.stream[place + 1] if place + 1 < len(self.stream) else HARD
        if (
            kind == DIGITS
            and following >= 0
            and reading.low[following] in reading.vocab.ordinal_suffixes
            and len(reading.value[token]) <= 2
        ):
            return DatePart(DAY_ITEM, reading.value[token], token, following), place + 2
        number = self.numbers.number(place, inside)
        if number is None or (
            reading.low[token] == "one"
            and token
            and reading.kind[token - 1] == ORDINAL
            and not reading.value[min(token + 1, reading.count - 1)]
        ):
            return None
        digits, after, spoken = number
        # "twenty first", "thirty-first"
        ahead = after
        if (
            ahead < len(self.stream)
            and self.stream[ahead] >= 0
            and reading.low[self.stream[ahead]] == "-"
        ):
            ahead += 1
        if (
            spoken
            and digits in ("20", "30")
            and ahead < len(self.stream)
            and self.stream[ahead] >= 0
            and reading.kind[self.stream[ahead]] == ORDINAL
        ):
            return DatePart(DAY_ITEM, "00", token, self.stream[ahead]), ahead + 1
        if self.numbers.quantity(after) and len(digits) <= 4:
            return None
        return DatePart(NUMBER_ITEM, digits, token, self.stream[after - 1]), after

    def runs(self) -> list[list[DatePart]]:
        """Return parts of dates that follow each other, in order; nothing but connecting words
        stands between two of a run.
        """
        out: list[list[DatePart]] = []
        place = 0
        for begin in self.stream.telling:
            found = self.item(begin, False) if begin >= place else None
            if found is None:
                continue
            run: list[DatePart] = []
            while found is not None:
                run.append(found[0])
                place = found[1]
                found = self._next(place)
            out.append(run)
        return out

    def _next(self, place: int) -> tuple[DatePart, int] | None:
        reading, strength = self.reading, TIGHT
        vocab = reading.vocab
        for _ in range(CONNECTORS):
            if place >= len(self.stream) or self.stream[place] == HARD:
                return None
            token = self.stream[place]
            if token == SOFT:
                strength = PAUSE
            else:
                found = self.item(place, True)
                if found is not None:
                    found[0].link = strength
                    return found
                low, kind = reading.low[token], reading.kind[token]
                if kind == LINE:
                    strength = max(strength, PAUSE)
                elif kind == SEPARATOR:
                    if low in "?!;$£€%@":
                        return None
                    strength = max(strength, WEAK if low in ":()" else TIGHT)
                elif self.numbers.repairs(token):
                    strength = max(strength, REPAIR)
                elif low in vocab.date_words or low in vocab.joints:
                    pass
                elif low in vocab.fillers or low in vocab.sets["date_pauses"]:
                    strength = max(strength, WEAK)
                else:
                    return None
            place += 1
        return None


def find_personal_dates(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return dates of birth and expiry dates, each decided by a cue beside it or a question before
    it; once per reading.
    """
    kept: list[ValueMatch] | None = reading.__dict__.get("_dated")
    if kept is not None:
        return kept
    found: dict[tuple[str, tuple[tuple[int, int], ...]], ValueMatch] = {}
    runs: list[list[DatePart]] = []
    if not reading.topics.isdisjoint(("dob", "expiry")):
        written, inside = written_dates(reading)
        skip = frozenset(blocked_tokens(reading) - inside)
        for stream in reading.streams:
            for run in DateRuns(reading, stream, written, skip).runs():
                runs.append(run)
                cuts = [i for i, item in enumerate(run) if i and item.link >= PAUSE][:PREFIXES]
                for items in [run[:i] for i in cuts] + [run]:
                    for hit in _resolve(reading, items):
                        found.setdefault((hit.entity, hit.spans), hit)
    births = [hit for hit in found.values() if hit.entity == "DATE_OF_BIRTH"]
    kept = prune_matches(
        [*extend_answers(reading, list(found.values())), *_repeated(reading, runs, births)]
    )
    reading.__dict__["_dated"] = kept
    return kept


@dataclass(frozen=True, slots=True)
class _Day:
    """A day of a year as items give it: possible (day, month) pairs, and the last two digits of the
    year or nothing.
    """

    pairs: frozenset[tuple[int, int]]
    year: str

    def same(self, other: _Day) -> bool:
        """Tell whether both may be the same date."""
        return bool(self.pairs & other.pairs) and (
            not self.year or not other.year or self.year == other.year
        )


def _repeated(
    reading: TokenizedConversation, runs: list[list[DatePart]], births: list[ValueMatch]
) -> list[ValueMatch]:
    """Return further mentions of birth dates, in whatever form ("third march eighty four" after
    "03/03/1984").
    """
    windows = [
        (run[i:j], _day_of(reading, run[i:j]))
        for run in runs
        for i in range(len(run))
        for j in range(i + 1, min(i + 5, len(run) + 1))
    ]
    spans = [(birth.spans[0][0], birth.spans[-1][1]) for birth in births]
    known = [
        day
        for items, day in windows
        if day is not None
        and any(
            a <= reading.start[items[0].first] and reading.end[items[-1].last] <= b
            for a, b in spans
        )
    ]
    return [
        ValueMatch(
            "DATE_OF_BIRTH",
            spans_of(reading, [t for item in items for t in (item.first, item.last)]),
            0.7,
            "a birth date said again",
        )
        for items, day in windows
        if day is not None and any(day.same(other) for other in known)
    ]


def _day_of(reading: TokenizedConversation, items: list[DatePart]) -> _Day | None:
    """Return the date that the items are, none left over; None where day or month is missing."""
    if len(items) == 1 and items[0].sort == DATE_ITEM:
        parts = re.findall(
            r"\d+", reading.text[reading.start[items[0].first] : reading.end[items[0].last]]
        )
        year = next((p for p in parts if len(p) == 4), parts[-1])
        parts.remove(year)
        one, two = int(parts[0]), int(parts[1])
        return _Day(
            frozenset(pair for pair in ((one, two), (two, one)) if pair[1] <= 12), year[-2:]
        )
    months = [i for i in items if i.sort == MONTH_ITEM]
    rest = [i for i in items if i.sort != MONTH_ITEM]
    if len(months) != 1 or not rest:
        return None
    day = next((i for i in rest if i.sort == DAY_ITEM), rest[0])
    digits = (
        day.digits
        if day.digits != "00"
        else str(sum(int(reading.value[t] or 0) for t in range(day.first, day.last + 1)))
    )
    year = "".join(i.digits for i in rest if i is not day)
    if len(digits) > 2 or not 1 <= int(digits or 0) <= 31 or len(year) not in (0, 2, 4):
        return None
    return _Day(
        frozenset(((int(digits), reading.vocab.months[reading.low[months[0].first]]),)), year[-2:]
    )


def written_dates(reading: TokenizedConversation) -> tuple[dict[int, int], frozenset[int]]:
    """First token -> last token of each date in digits, and all tokens of them."""
    if not reading.has_digits:
        return {}, frozenset()
    out: dict[int, int] = {}
    inside: set[int] = set()
    token = 0
    for match in _WRITTEN.finditer(reading.text):
        while token < reading.count and reading.start[token] < match.start():
            token += 1
        first = token
        while token < reading.count and reading.end[token] <= match.end():
            token += 1
        if token > first:
            out[first] = token - 1
            inside.update(range(first, token))
    return out, frozenset(inside)


def _resolve(reading: TokenizedConversation, items: list[DatePart]) -> list[ValueMatch]:
    topics = topics_at(reading, items[0].first, items[-1].last)
    telling = [t for t in topics if t.name in ("dob", "expiry")]
    if not telling or _other_first(topics, telling[0]):
        return []
    # the cue in the same turn may be too far away where the question is near
    topic = next(
        (
            t
            for t in (
                telling[0],
                *(t for t in telling[1:] if t.source == "question" and t.name == telling[0].name),
            )
            if _accept(reading, items, t)
        ),
        None,
    )
    if topic is not None:
        entity = "DATE_OF_BIRTH" if topic.name == "dob" else "CARD_EXPIRY"
        tokens = [t for item in items for t in (item.first, item.last)]
        before = items[0].first - 1
        if (
            before >= 0
            and reading.low[before] in reading.vocab.sets["date_articles"]
            and reading.turn[before] == reading.turn[items[0].first]
        ):
            tokens.append(before)
        spans = spans_of(reading, tokens)
        return [
            ValueMatch(
                entity, spans, 0.85 if topic.source != "after" else 0.7, topic.explain(reading)
            )
        ]
    weakest = max((item.link for item in items[1:]), default=TIGHT)
    if weakest == TIGHT:
        return []
    parts = [[items[0]]]
    for item in items[1:]:
        if item.link == weakest:
            parts.append([item])
        else:
            parts[-1].append(item)
    return [hit for part in parts for hit in _resolve(reading, part)]


def _other_first(topics: list[Topic], topic: Topic) -> bool:
    """Another cue stands between the date's own cue and the date ("born in Leeds, appointment on
    May 4").
    """
    for other in topics:
        if other is topic:
            return False
        if (
            other.source == "before"
            and other.name
            in ("phone", "zip", "card", "ssn", "account", "order", "booking", "neutral", "amount")
            and other.distance <= 5
        ):
            return True
    return False


def _accept(reading: TokenizedConversation, items: list[DatePart], topic: Topic) -> bool:
    """Tell whether parts of a date are the one that a topic names."""
    if _time_of_day(reading, items):
        return False
    if any(i.sort == DATE_ITEM for i in items):
        return True
    digits = sum(len(i.digits) for i in items if i.sort == NUMBER_ITEM)
    months, days = sum(i.sort == MONTH_ITEM for i in items), sum(i.sort == DAY_ITEM for i in items)
    if digits > 24 or not (months or days or _numbers_alone(reading, items)):
        return False
    if topic.source == "question":
        plain = any(
            i.sort == MONTH_ITEM and reading.low[i.first] not in reading.vocab.months_also_words
            for i in items
        )
        whole = days > 0 and (months > 0 or days > 1 or digits > 0)
        return (
            plain
            or digits >= 2
            or whole
            or (days + months > 0 and reading.light[reading.turn[items[0].first]])
        )
    if topic.source == "before" and topic.distance > 6:
        return False
    if months:
        return digits > 0 or days > 0
    if days:
        return days >= 2 or digits >= 2
    year = any(_year(i.digits) for i in items)
    return 4 <= digits <= 10 or (year and len(items) == 1) if topic.distance <= 8 else year


def _time_of_day(reading: TokenizedConversation, items: list[DatePart]) -> bool:
    """Tell whether one or two numbers behind "at" are a time of day."""
    before = items[0].first - 1
    if len(items) > 2 or before < 0 or reading.low[before] not in reading.vocab.clock_before:
        return False
    return all(i.sort == NUMBER_ITEM for i in items) and sum(len(i.digits) for i in items) <= 4


def _numbers_alone(reading: TokenizedConversation, items: list[DatePart]) -> bool:
    """Tell whether numbers can be a date without a month or a day among them: several, in a short
    turn, and no price or reading.
    """
    said = reading.turns[reading.turn[items[0].first]]
    if len(items) < 2 or said.last - said.first > 16:
        return False
    if len(items) > 2 and _year(items[-1].digits):  # "... of nineteen hundred and forty seven"
        return True
    return not any(reading.kind[t] == HUNDRED for i in items for t in range(i.first, i.last + 1))


def _year(digits: str) -> bool:
    return len(digits) == 4 and digits[:2] in ("19", "20")


def find_ages(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return ages over 89: 45 CFR 164.514(b)(2)(i)(C) counts them among the identifiers of the Safe
    Harbor method.
    """
    out: list[ValueMatch] = []
    low, sets = reading.low, reading.vocab.sets
    skip = blocked_tokens(reading)
    for stream in reading.streams:
        parser = NumberParser(reading, stream, skip)
        for place in stream.telling:
            token = stream[place]
            number = parser.number(place, False)
            if number is None or not (len(number[0]) <= 3 and 90 <= int(number[0]) <= 120):
                continue
            last = stream[number[1] - 1]
            after = [
                low[t] for t in range(last + 1, min(last + 5, reading.count)) if low[t] not in "-,"
            ]
            before = low[max(0, token - 2) : token]
            old = len(after) > 1 and after[0] in sets["years"] and after[1] in sets["old"]
            old = old or (
                after[:1] != []
                and after[0] in sets["years"]
                and not sets["age_have"].isdisjoint(before)
            )
            if old or (
                before[-1:]
                and (before[-1] in sets["age_before"] or " ".join(before) in sets["age_before"])
            ):
                out.append(
                    ValueMatch("AGE", spans_of(reading, [token, last]), 0.8, "an age over 89")
                )
    return out
