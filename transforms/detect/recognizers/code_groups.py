"""Codes in groups, as recognisers and exports leave them: "wqb 731", "a 99 a 9"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.context import Topic, is_booking_reference
from callveil.transforms.detect.recognizers.evidence import LANGUAGE, is_ordinary_word
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.tokens import Cue, TokenizedConversation
from callveil.transforms.detect.recognizers.value_kinds import KINDS
from callveil.transforms.detect.recognizers.vocabulary import DIGITS, LETTER, SEPARATOR, WORD, ZERO

TOPICS = frozenset(
    (
        "order",
        "booking",
        "account",
        "username",
        "password",
        "plate",
        "license",
        "passport",
        "medical",
    )
)
"""What has values of letters and digits."""
LETTERS = 4
"""Letters of a group, at most; of one that no one can say, two more."""
GROUPS = 12
"""Groups of a code, at most."""
LEADS = 5
"""Words between a cue and its code, at most."""
MOST = 24
"""Letters and digits of a code, at most."""
LONG = 5
"""A code that no cue names has so many letters and digits at least, two of them digits."""


@dataclass(frozen=True, slots=True)
class CodeGroup:
    """A code: its first token and the one after its last."""

    first: int
    stop: int


def code_groups(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return codes in groups behind a cue, and further ones of a list."""
    out: list[ValueMatch] = []
    if not reading.has_digits or reading.topics.isdisjoint(TOPICS):
        return out
    for cue in reading.cues:
        if cue.topic in TOPICS and not _verb(reading, cue):
            named = Topic(cue.topic, "before", cue, 0)
            out.extend(
                named_code(reading, group, named)
                for group in _listed(reading, cue.topic, cue.last, reading.turns[cue.turn].last)
            )
    return out


def named_code(reading: TokenizedConversation, group: CodeGroup, topic: Topic) -> ValueMatch:
    """Return a code of the kind that a cue or a question names."""
    entity = reading.vocab.topics.get(topic.name, KINDS[topic.name].entity)
    if is_booking_reference(reading, topic, group.first):
        entity = KINDS["booking"].entity
    return ValueMatch(
        entity, spans_of(reading, [group.first, group.stop - 1]), 0.9, topic.explain(reading)
    )


def _verb(reading: TokenizedConversation, cue: Cue) -> bool:
    """Tell whether "order" is what somebody does ("i want to order 2 bbq 12 inch")."""
    return (
        cue.first > 0
        and cue.last - cue.first == 1
        and reading.low[cue.first - 1] in reading.vocab.sets["before_verbs"]
    )


def _listed(reading: TokenizedConversation, topic: str, at: int, stop: int) -> Iterator[CodeGroup]:
    """Yield the code behind a cue that ends at `at`, and those listed after it ("kt 40 and wq
    731").
    """
    leads, low = reading.vocab.sets["code_leads"], reading.low
    begin = at
    while at < stop and at - begin < LEADS and (low[at] in leads or low[at] in ":#=-"):
        at += 1
    while (group := _group(reading, at, stop)) is not None:
        secret = topic in ("username", "password")
        if (
            is_code_group(reading, group, 4)
            and (secret or not _spoken(reading, group))
            and not _counts(reading, group, stop)
        ):
            yield group
        at = group.stop
        if at >= stop or not (low[at] in ",;&" or low[at] in reading.vocab.sets["and"]):
            return
        while at < stop and (low[at] in ",;&" or low[at] in reading.vocab.sets["and"]):
            at += 1


def groups_in(
    reading: TokenizedConversation, first: int, stop: int, least: int = LONG
) -> list[CodeGroup]:
    """Return codes that no cue names, among the tokens `first` to `stop`, without words before
    them.
    """
    out: list[CodeGroup] = []
    at = first
    while at < stop:
        group = _group(reading, at, stop)
        if group is None:
            at += 1
            continue
        at = group.stop
        begin = group.first
        while begin < group.stop - 1 and _parted(reading, begin, group.stop):
            begin += 1
        group = CodeGroup(begin, group.stop)
        if is_code_group(reading, group, least) and not _counts(reading, group, stop):
            out.append(group)
    return out


def _group(reading: TokenizedConversation, at: int, stop: int) -> CodeGroup | None:
    """Return the longest row of groups of letters and digits that begins at `at`."""
    end = at
    while (
        end < stop
        and end - at < GROUPS
        and (_piece(reading, end) or (end > at and _joint(reading, end, stop)))
    ):
        spend_steps()
        end += 1
    while end > at and (_sentence(reading, end - 1, end, stop) or not _piece(reading, end - 1)):
        end -= 1
    return CodeGroup(at, end) if end > at else None


def _piece(reading: TokenizedConversation, token: int) -> bool:
    kind, low = reading.kind[token], reading.low[token]
    if kind == DIGITS:
        return token not in blocked_tokens(reading)
    if kind == LETTER or (kind == ZERO and low == "o"):
        return low.isascii() and not (reading.glued(token) and reading.low[token - 1] == "'")
    if kind != WORD or not (low.isascii() and low.isalpha()):
        return False
    if token in reading.cued:
        return False
    joins = (
        reading.vocab.sets["and"] | reading.vocab.sets["code_leads"] | reading.vocab.sets["said_is"]
    )
    if low in joins or low in reading.vocab.sets["before_codes"]:
        return False
    return len(low) <= LETTERS or (len(low) <= LETTERS + 2 and is_unpronounceable(low))


def _joint(reading: TokenizedConversation, token: int, stop: int) -> bool:
    return reading.low[token] in "-/" and token + 1 < stop and _piece(reading, token + 1)


def _sentence(reading: TokenizedConversation, token: int, end: int, stop: int) -> bool:
    """Tell whether the last group is a word of what is said next ("a 99 a 9 i need ...")."""
    low = reading.low[token]
    if reading.kind[token] == LETTER:
        return (
            low in reading.vocab.sets["word_letters"] and end < stop and reading.kind[end] == WORD
        )
    return reading.kind[token] == WORD and (
        low in reading.vocab.words
        or low in reading.vocab.fillers
        or low in reading.vocab.backchannel
    )


def _spoken(reading: TokenizedConversation, group: CodeGroup) -> bool:
    """Tell whether words behind a cue go on with the sentence ("a confirmation soon for 999
    ...").
    """
    words = [reading.low[t] for t in range(group.first, group.stop) if reading.kind[t] == WORD]
    return any(w in reading.vocab.words or w in reading.vocab.fillers for w in words)


def _parted(reading: TokenizedConversation, token: int, stop: int) -> bool:
    """Tell whether a word before a code is none of its groups: a sentence's, or a name."""
    next_piece = token + 1 + (reading.low[token + 1] in "-/" and token + 2 < stop)
    low, after = reading.low[token], reading.kind[next_piece]
    if reading.kind[token] == DIGITS or reading.low[token] in "-/":
        return reading.low[token] in "-/"
    vocab = reading.vocab
    said = (
        low in vocab.fillers
        or low in vocab.before_names
        or low in vocab.sets["before_codes"]
        or low in vocab.answer_frames
    )
    if said and not (
        reading.kind[token] == LETTER and after == DIGITS and low not in vocab.fillers
    ):
        return True
    if low in vocab.words or (
        vocab.language.code == LANGUAGE and len(low) > 2 and is_ordinary_word(low)
    ):
        return (
            after != DIGITS
            or len(low) > 2
            or not is_code_group(reading, CodeGroup(token + 1, stop), 3)
        )
    return reading.kind[token] == WORD and after != DIGITS


def is_code_group(reading: TokenizedConversation, group: CodeGroup, least: int) -> bool:
    """Tell whether groups are a code: letters and two digits; three pieces may be one shorter."""
    pieces = [
        reading.low[t] for t in range(group.first, group.stop) if reading.kind[t] != SEPARATOR
    ]
    text = "".join(pieces)
    return least - (least == LONG and len(pieces) > 2) <= len(text) <= MOST and 2 <= sum(
        c.isdigit() for c in text
    ) < len(text)


def _counts(reading: TokenizedConversation, group: CodeGroup, stop: int) -> bool:
    """Tell whether groups are a measure, time or date ("100 mb", "9 th"), or count what follows."""
    vocab = reading.vocab
    letters = [
        reading.low[t] for t in range(group.first, group.stop) if reading.kind[t] in (WORD, LETTER)
    ]
    measures = (
        vocab.quantities,
        vocab.currencies,
        vocab.ordinal_suffixes,
        vocab.sets["measures"],
        vocab.sets["no_code"],
    )
    single = len(letters) > 1 and any(len(word) == 1 for word in letters)
    if not single and all(any(word in words for words in measures) for word in letters):
        return True
    after = reading.low[group.stop] if group.stop < stop else ""
    return bool(after) and (any(after in words for words in measures) or after in vocab.months)


def is_unpronounceable(word: str) -> bool:
    """Tell whether no one can say a word in lower case: four consonants on end, or no vowel."""
    run = longest = 0
    for char in word:
        run = 0 if char in "aeiouy" else run + 1
        longest = max(longest, run)
    return longest >= 4 or not any(c in "aeiouy" for c in word)
