"""Validation of the language model's person findings.

It goes by the words, by how they are written, and by the phrase that frames them.
"""

from __future__ import annotations

from callveil.transforms.detect.lang import strip_accents
from callveil.transforms.detect.lexicon import EVERYWHERE, load_lexicon
from callveil.transforms.detect.recognizers.evidence import (
    BOTH,
    NAME,
    RARE,
    THING,
    has_mid_sentence_capital,
    in_mixed_case_turn,
    is_ordinary_word,
    is_rare_word,
    names_have_capitals,
    word_kind,
)
from callveil.transforms.detect.recognizers.introductions import find_introductions
from callveil.transforms.detect.recognizers.names import find_name_answers
from callveil.transforms.detect.recognizers.recipients import recipients
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import LETTER, LINE, MONTH, SEPARATOR, WORD

SHORT = 28
"""Tokens of a turn that is an answer, at most."""
ACRONYM = 5
"""Letters of an acronym, at most."""
SPELLED = 3
"""So many different letters are a name that is spelled."""


def is_person(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether tokens that the model took for a person are one.

    They are where one of them is a listed name or a word nobody knows; where all are names that are
    words as well, written as a name is; where a name is told; and where a turn says nothing else
    and the words are no ordinary ones.
    """
    if len({read.low[t] for t in range(first, stop) if read.kind[t] == LETTER}) >= SPELLED:
        return True
    words = _words(read, first, stop)
    if _hyphened(read, first, stop) or _endearment(read, first, stop):
        return False
    if any(
        t not in words
        and read.low[t] in read.vocab.particles
        and word_kind(read.low[t]) in (NAME, RARE)
        for t in range(first, stop)
    ):
        return True  # "du Cane"
    kinds = _kinds(read, words) if words else []
    if NAME in kinds or RARE in kinds or (BOTH in kinds and _written(read, words, kinds)):
        return True
    if not words or has_naming_context(read, first, stop) or _addressed(read, words[0], stop):
        return bool(words)
    return _doubtful(read, words) and (
        _bare(read, first, stop)
        or (_behind(read, first) and not any(is_ordinary_word(read.low[t]) for t in words))
    )


def _hyphened(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell an ordinary word that is written with hyphens ("Wi-Fi", "the e-mail"; not "Al-Said")."""
    while first < stop and read.low[first] in read.vocab.sets["noun_articles"]:
        first += 1
    joined = read.text[read.start[first] : read.end[stop - 1]].lower() if first < stop else ""
    return "-" in joined and word_kind(joined.replace("-", "")) == THING


def _endearment(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell a word said to anybody, alone and in small letters, where no name is told ("hi
    love").
    """
    alone = stop - first == 1 and read.low[first] in read.vocab.sets["endearments"]
    return (
        alone
        and read.text[read.start[first]].islower()
        and not has_naming_context(read, first, stop)
    )


def is_person_answer(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether tokens that the model took for a person are one where a name was asked for: in
    an answer anything but ordinary words is.
    """
    said = read.turns[read.turn[first]]
    return said.last - said.first <= SHORT and _doubtful(read, _words(read, first, stop))


def trim_ordinary_words(read: TokenizedConversation, first: int, stop: int) -> tuple[int, int]:
    """Return the tokens without ordinary words in small letters at their ends, where names are
    written with capitals ("political Sinclair").
    """
    if not names_have_capitals(read, first):
        return first, stop
    begin, end = first, stop
    while begin < end and _plain(read, begin):
        begin += 1
    while end > begin and _plain(read, end - 1):
        end -= 1
    return (begin, end) if begin < end else (first, stop)


def has_naming_context(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether a name is told here: asked for, introduced, after a title, signed."""
    kept = read.__dict__.get("_told")
    if kept is None:
        kept = [
            span
            for hit in (*find_introductions(read), *find_name_answers(read))
            for span in hit.spans
        ]
        kept += [(read.start[told.first], told.end) for told in recipients(read)]
        read.__dict__["_told"] = kept
    begin, end = read.start[first], read.end[stop - 1]
    return any(a < end and begin < b for a, b in kept)


def _words(read: TokenizedConversation, first: int, stop: int) -> list[int]:
    """Return the words of a name without titles, and without particles where there is more."""
    words = [
        t
        for t in range(first, stop)
        if read.kind[t] in (WORD, MONTH) and read.low[t] not in read.vocab.titles
    ]
    return [t for t in words if read.low[t] not in read.vocab.particles] or words


def _doubtful(read: TokenizedConversation, words: list[int]) -> bool:
    """Tell whether not all of some words are ordinary, nor one the other said again ("star
    star").
    """
    low = [read.low[t] for t in words]
    return not all(
        is_ordinary_word(w) or (w in EVERYWHERE and w not in read.vocab.ambiguous_names)
        for w in low
    ) and (len(low) == 1 or len(set(low)) > 1)


def _kinds(read: TokenizedConversation, words: list[int]) -> list[int]:
    """Return what the lists make of each word; in a cased turn an acronym is no name, and where
    names have capitals neither is what no list has.
    """
    kinds = [word_kind(read.low[t]) for t in words]
    if not in_mixed_case_turn(read, words[0]):
        return kinds
    written = names_have_capitals(read, words[0])
    for place, t in enumerate(words):
        raw = read.text[read.start[t] : read.end[t]]
        acronym = raw.isupper() and raw.isascii() and 1 < len(raw) <= ACRONYM
        if (acronym and kinds[place] != BOTH) or (
            written and raw.islower() and kinds[place] == RARE
        ):
            kinds[place] = THING
    return kinds


def _written(read: TokenizedConversation, words: list[int], kinds: list[int]) -> bool:
    """Tell whether words of which one at least is a name as well, and none a name only, are written
    as a person's name is.
    """
    low = [read.low[t] for t in words]
    if in_mixed_case_turn(read, words[0]):
        return all(read.text[read.start[t]].isupper() or read.glued(t) for t in words) and (
            THING not in kinds or len(words) > 1
        )
    if len(words) == 1:
        return (low[0] not in EVERYWHERE or low[0] in read.vocab.ambiguous_names) and not _noun(
            read, words[0]
        )
    sets = read.vocab.sets
    if (
        kinds[0] != BOTH
        or low[0] in sets["whole_articles"]
        or low[0] in sets["before_named"]
        or len(set(low)) < len(low)
    ):
        return False
    unusual = any(k == BOTH and is_rare_word(w) for k, w in zip(kinds, low, strict=True))
    return unusual or all(
        load_lexicon().named(strip_accents(w)) or word_kind(w) == BOTH or not is_ordinary_word(w)
        for w in low
    )


def _noun(read: TokenizedConversation, token: int) -> bool:
    """Tell whether the word before makes one a noun: an article, a possessive, "no", what is
    counted or paid for ("the phone bill").
    """
    first, sets = read.turns[read.turn[token]].first, read.vocab.sets
    before = read.low[token - 1] if token > first else ""
    if before in sets["noun_leads"] or (before == "no" and token - 1 > first):
        return True
    return before in sets["noun_articles"] or (
        before in sets["determiners"] and before not in read.vocab.before_names
    )


def _bare(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether a turn says nothing else."""
    said, vocab = read.turns[read.turn[first]], read.vocab
    others = [
        t
        for t in (*range(said.first, first), *range(stop, said.last))
        if read.kind[t] in (WORD, MONTH)
    ]
    return all(read.low[t] in vocab.before_names for t in others)


def _addressed(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether somebody is greeted or thanked by name ("good morning, Char."): with a capital,
    or in words that are not ordinary.
    """
    said = read.turns[read.turn[first]]
    lead = first - 2 if first > said.first and read.low[first - 1] == "," else first - 1
    if lead < said.first or read.low[lead] not in read.vocab.sets["addressing"]:
        return False
    ended = stop >= said.last or read.kind[stop] in (SEPARATOR, LINE)
    return ended and (
        has_mid_sentence_capital(read, first)
        or not any(is_ordinary_word(read.low[t]) for t in range(first, stop))
    )


def _behind(read: TokenizedConversation, token: int) -> bool:
    """Tell whether a name stands right before a word, where capitals do not tell."""
    before = token - 1
    if names_have_capitals(read, token):
        return False
    return (
        before >= read.turns[read.turn[token]].first
        and read.kind[before] == WORD
        and word_kind(read.low[before]) == NAME
    )


def _plain(read: TokenizedConversation, token: int) -> bool:
    return (
        read.kind[token] != LETTER
        and is_ordinary_word(read.low[token])
        and read.text[read.start[token]].islower()
    )
