"""Recognition of bare answers to unseen questions, where one party's turns are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers.address import find_addresses
from callveil.transforms.detect.recognizers.code_groups import (
    TOPICS,
    CodeGroup,
    groups_in,
    named_code,
)
from callveil.transforms.detect.recognizers.context import open_questions
from callveil.transforms.detect.recognizers.evidence import (
    BOTH,
    LANGUAGE,
    NAME,
    is_ordinary_word,
    is_rare_word,
    word_kind,
)
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.small_talk import is_small_talk
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation, TurnTokens
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LINE,
    SEPARATOR,
    SPOKEN_NUMBER,
    WORD,
    ZERO,
)

TOKENS = 16
"""An answer is at most this many tokens."""
NAMES = 4
"""Words of a name or place beside a number, at most."""
ASKED = 4
"""Letters and digits of a code that was asked for, at least."""
PLAIN = 2
"""Ordinary words before a number in a turn that says nothing else, at most."""
DIGIT_COUNT = 4
"""A number by itself has so many digits at least."""
HOUSE = 6
"""Digits of a house number or postcode, at most."""
HOUSES = (2, 5)
"""Digits of a house number before the words of a place, at least and at most."""
WORDS = 8
"""Words of an address, at most."""
POSTCODE = (5, 6)
"""Digits of a postcode behind a place."""
SCORE = 0.5
WHY = "by itself where the other party's turns are missing"


def bare_answers(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return numbers of four digits and more, codes, names and addresses that are all a turn
    says.
    """
    short = [said for said in reading.turns if 0 < said.last - said.first <= TOKENS]
    return [hit for said in short for hit in _answers(reading, said)] if reading.one_party else []


def asked_codes(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return codes in groups that are all the answer to a question for one."""
    out: list[ValueMatch] = []
    if not reading.has_digits or reading.topics.isdisjoint(TOPICS):
        return out
    for index, said in enumerate(reading.turns):
        if not 0 < said.last - said.first <= TOKENS:
            continue
        asked = next(iter(open_questions(reading, index)), None)
        if asked is None or asked.source != "question" or asked.name not in TOPICS or asked.answers:
            continue
        codes = groups_in(reading, said.first, said.last, ASKED)
        coded = {t for code in codes for t in range(code.first, code.stop)}
        others = [
            t for t in range(said.first, said.last) if t not in coded and not _frame(reading, t)
        ]
        if len(others) <= NAMES and _names(reading, others, True) == others:
            out.extend(named_code(reading, code, asked) for code in codes)
            out.extend(
                _hit(reading, "PERSON", row, "a name beside a code that was asked for")
                for row in _rows(others if codes else [])
            )
    return out


def _answers(reading: TokenizedConversation, said: TurnTokens) -> Iterator[ValueMatch]:
    place = _address(reading, said)
    codes = _codes(reading, said, place)
    coded = {t for code in codes for t in range(code.first, code.stop)}
    numbers = [n for n in _numbers(reading, said) if coded.isdisjoint(range(n.first, n.stop))]
    taken = coded | {t for n in numbers for t in range(n.first, n.stop)}
    others = [t for t in range(said.first, said.last) if t not in taken and not _frame(reading, t)]
    if place is not None:
        yield _hit(reading, "ADDRESS", place)
        ahead = [t for t in others if t < place.first]
        if len(ahead) <= NAMES and _names(reading, ahead, True) == ahead:
            yield from (_hit(reading, "PERSON", group) for group in _rows(ahead))
        others = [t for t in others if t >= place.stop]
    names = _names(reading, others, bool(taken))
    if len(others) > NAMES:
        return
    if len(names) < len(others):
        if (
            len(others) <= PLAIN
            and not codes
            and len(numbers) == 1
            and ((names and not _year(reading, numbers[0])) or _ends(reading, numbers[0], said))
        ):
            yield _hit(reading, "ACCOUNT_ID", numbers[0])
        return
    for code in codes:
        yield _hit(reading, "ORDER_ID", code)
    placed = bool(numbers) and all(_placed(reading, number, names) for number in numbers)
    for number in numbers:
        yield _hit(reading, "ZIP_CODE" if placed else "ACCOUNT_ID", number)
    for group in _rows(names):
        yield _hit(reading, "LOCATION" if placed else "PERSON", group)


def _codes(
    reading: TokenizedConversation, said: TurnTokens, place: CodeGroup | None
) -> list[CodeGroup]:
    """Return codes of a turn; none lies within a street that is named as one."""
    parts = [(said.first, said.last)]
    if place is not None and any(_placing(reading, t) for t in range(place.first, place.stop)):
        parts = [(said.first, place.first), (place.stop, said.last)]
    found = [code for part in parts for code in groups_in(reading, *part)]
    return [code for code in found if not _named(reading, code)]


def _address(reading: TokenizedConversation, said: TurnTokens) -> CodeGroup | None:
    """Return an address in a turn with no more than a name before it and a telephone number behind.

    It is one that the rules for addresses know, a street without its number, or a house number
    before words of a place.
    """
    known = _addresses_of(reading).get(said.first)
    if known is not None:
        return known
    stop = said.last
    while stop > said.first and (len(reading.value[stop - 1]) > HOUSE or _frame(reading, stop - 1)):
        stop -= 1
    rest = [t for t in range(said.first, stop) if not _frame(reading, t)]
    numbers = [t for t in rest if reading.kind[t] == DIGITS]
    streets = [
        t for t in rest[1:] if reading.low[t] in reading.vocab.streets - reading.vocab.weak_streets
    ]
    words = [t for t in rest if t not in numbers]
    if (
        not words
        or len(words) > WORDS
        or any(not (_name(reading, t, True) or _placing(reading, t)) for t in words)
    ):
        return None
    if streets and not numbers:
        return CodeGroup(rest[0], stop)
    if (
        len(numbers) == 1
        and HOUSES[0] <= len(reading.low[numbers[0]]) <= HOUSES[1]
        and words[-1] > numbers[0]
    ):
        joined = not any(
            reading.low[t] in reading.vocab.sets["and"] for t in range(numbers[0], stop)
        )
        placing = any(_placing(reading, t) for t in words)
        return (
            CodeGroup(numbers[0], stop)
            if joined and (placing or not groups_in(reading, numbers[0], stop))
            else None
        )
    return None


def _addresses_of(reading: TokenizedConversation) -> dict[int, CodeGroup]:
    """Return addresses by the first token of their turn, from the first of a turn to its last."""
    kept: dict[int, CodeGroup] | None = reading.__dict__.get("_addresses_of")
    if kept is None:
        kept = {}
        for hit in find_addresses(reading):
            for start, end in hit.spans:
                first, stop = reading.token_at(start), reading.token_at(end - 1) + 1
                turn = reading.turns[reading.turn[first]].first
                old = kept.get(turn, CodeGroup(first, stop))
                kept[turn] = CodeGroup(min(first, old.first), max(stop, old.stop))
        reading.__dict__["_addresses_of"] = kept
    return kept


def _placing(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether a word is one of streets and buildings."""
    vocab, low = reading.vocab, reading.low[token]
    return any(
        low in words
        for words in (vocab.streets, vocab.units, vocab.directions, vocab.sets["buildings"])
    )


def _hit(
    reading: TokenizedConversation, entity: str, group: CodeGroup, why: str = WHY
) -> ValueMatch:
    return ValueMatch(entity, spans_of(reading, [group.first, group.stop - 1]), SCORE, why)


def _named(reading: TokenizedConversation, code: CodeGroup) -> bool:
    """Tell whether groups are names beside a number that needs no letters ("doe 4431")."""
    words = [t for t in range(code.first, code.stop) if reading.kind[t] != DIGITS]
    longest = max(len(reading.value[t]) for t in range(code.first, code.stop))
    return (
        longest >= DIGIT_COUNT
        and code.stop - code.first == len(words) + 1
        and all(
            len(reading.low[t]) > 2 and word_kind(reading.low[t]) in (BOTH, NAME) for t in words
        )
    )


def _numbers(reading: TokenizedConversation, said: TurnTokens) -> Iterator[CodeGroup]:
    """Yield numbers of four digits at least that are no date, time, price or quantity."""
    first = None
    for token in range(said.first, said.last + 1):
        if token < said.last and _digit(reading, token):
            first = token if first is None else first
        elif first is not None:
            if _long(reading, range(first, token)) and not _counts(reading, token, said.last):
                yield CodeGroup(first, token)
            first = None


def _counts(reading: TokenizedConversation, after: int, stop: int) -> bool:
    """Tell whether the word behind a number says what it counts."""
    vocab = reading.vocab
    return after < stop and any(
        reading.low[after] in words
        for words in (vocab.quantities, vocab.currencies, vocab.sets["measures"])
    )


def _digit(reading: TokenizedConversation, token: int) -> bool:
    kind = reading.kind[token]
    return (
        token not in blocked_tokens(reading)
        and (kind in (DIGITS, ZERO) or kind in SPOKEN_NUMBER)
        and bool(reading.value[token])
    )


def _long(reading: TokenizedConversation, tokens: Iterable[int]) -> bool:
    """Tell whether there are four digits in one piece or one by one; otherwise ("10 30") one
    more.
    """
    sizes = [len(reading.value[t]) for t in tokens]
    single = len(sizes) == 1 or all(size == 1 for size in sizes)
    return sum(sizes) >= DIGIT_COUNT + (not single)


def _frame(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether a token is no part of an answer: a sign, a filler, "it is", "my name"."""
    vocab, low = reading.vocab, reading.low[token]
    if reading.kind[token] in (SEPARATOR, LINE):
        return low in ".,:;-/#'!\n"
    words = (
        vocab.fillers,
        vocab.repairs,
        vocab.backchannel,
        vocab.answer_frames,
        vocab.before_names,
        vocab.sets["and"],
        vocab.sets["before_codes"],
    )
    return any(low in table for table in words) or _cued(reading, token)


def _cued(reading: TokenizedConversation, token: int) -> bool:
    cues = reading.cues_of.get(reading.turn[token], ())
    return any(
        cue.first <= token < cue.last and cue.topic not in ("amount", "neutral", "age")
        for cue in cues
    )


def _names(reading: TokenizedConversation, tokens: list[int], beside: bool) -> list[int]:
    """Return those of `tokens` that may be names; behind another a word may be one too ("jane
    doe").
    """
    out: list[int] = []
    for t in tokens:
        if _name(reading, t, beside) or (
            out
            and out[-1] == t - 1
            and word_kind(reading.low[t]) == BOTH
            and reading.kind[t] == WORD
        ):
            out.append(t)
    return out


def _name(reading: TokenizedConversation, token: int, beside: bool) -> bool:
    """Tell whether a word may be a name by itself: a listed one, or beside a number an unknown
    one.
    """
    if reading.kind[token] != WORD or reading.vocab.language.code != LANGUAGE:
        return False
    low, vocab = reading.low[token], reading.vocab
    if any(
        low in words for words in (vocab.quantities, vocab.currencies, vocab.sets["measures"])
    ) or is_small_talk([low], not beside):
        return False
    kind = word_kind(low)
    if beside and low in load_lexicon().given and low not in vocab.words:
        return True
    if kind == BOTH:
        if low in vocab.words and low not in vocab.ambiguous_names:
            return False
        return (beside and is_rare_word(low)) or (
            low in load_lexicon().given and (beside or low in load_lexicon().usual)
        )
    return kind == NAME or (beside and not is_ordinary_word(low))


def _placed(reading: TokenizedConversation, number: CodeGroup, names: list[int]) -> bool:
    """Tell whether a number of a postcode's length stands beside nobody's first name."""
    return (
        bool(names)
        and _size(reading, number) in POSTCODE
        and not any(reading.low[t] in load_lexicon().given for t in names)
    )


def _ends(reading: TokenizedConversation, number: CodeGroup, said: TurnTokens) -> bool:
    """Tell whether a number as long as a postcode ends a turn, and nothing says what it counts."""
    topics = {cue.topic for cue in reading.cues_of.get(reading.turn[number.first], ())}
    return (
        number.stop == said.last
        and _size(reading, number) >= POSTCODE[0]
        and topics.isdisjoint(("amount", "neutral"))
    )


def _year(reading: TokenizedConversation, number: CodeGroup) -> bool:
    digits = reading.value[number.first]
    return len(digits) == DIGIT_COUNT and digits[:2] in ("19", "20")


def _size(reading: TokenizedConversation, number: CodeGroup) -> int:
    return sum(len(reading.value[t]) for t in range(number.first, number.stop))


def _rows(tokens: list[int]) -> Iterator[CodeGroup]:
    """Yield tokens that stand side by side."""
    first = 0
    for place in range(1, len(tokens) + 1):
        if place == len(tokens) or tokens[place] != tokens[place - 1] + 1:
            yield CodeGroup(tokens[first], tokens[place - 1] + 1)
            first = place
