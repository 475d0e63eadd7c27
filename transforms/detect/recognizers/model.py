"""Recognizer for the language model's entities, with false positives for persons filtered out."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from presidio_analyzer import RecognizerResult
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from callveil.transforms.detect.lang import available_languages, word_file
from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers.address import find_addresses
from callveil.transforms.detect.recognizers.context import open_questions
from callveil.transforms.detect.recognizers.evidence import (
    LANGUAGE,
    in_mixed_case_turn,
    is_not_place,
    is_title_case,
    name_end,
    names_have_capitals,
    uncased_name,
)
from callveil.transforms.detect.recognizers.frames import (
    is_person,
    is_person_answer,
    trim_ordinary_words,
)
from callveil.transforms.detect.recognizers.low_confidence_names import (
    CandidateMention,
    accept_candidate,
)
from callveil.transforms.detect.recognizers.match import is_not_street, names_product
from callveil.transforms.detect.recognizers.names import NAME_TOPICS
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.tokens import (
    TokenizedConversation,
    tokenize_conversation,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LINE,
    MONTH,
    ORDINAL,
    SEPARATOR,
    WORD,
    Vocabulary,
)

ENTITIES = (
    "PERSON",
    "LOCATION",
    "ADDRESS",
    "ORGANIZATION",
    "NRP",
    "DATE_TIME",
    "EMAIL_ADDRESS",
    "ZIP_CODE",
)
TURNS = 2
"""A mention runs over the end of a turn at most once; what goes on longer is cut where its first
turn ends.
"""
FAINT_SCORE = 0.6
"""Score of a low-confidence person."""
_CODE = re.compile(r"(?=\w{9})[^\W\d_]*\d+[^\W\d_]+\d\w*")
"""One long word of digits and letters in turn: no place."""


class ModelRecognizer(SpacyRecognizer):  # type: ignore[misc]
    """Presidio's spaCy recognizer. A person of everyday words alone is dropped; one that holds a
    word for a business or a place is a business.

    Only a language there is data for is judged so; of others everything stays as the model has it.

    Args:
        language: ISO 639-1.
        further: types the model gives beside `ENTITIES`.
    """

    def __init__(self, language: str = "en", further: Collection[str] = ()) -> None:
        super().__init__(
            supported_language=language,
            supported_entities=list(dict.fromkeys((*ENTITIES, *sorted(further)))),
            name="SpacyRecognizer",
        )
        self._judged = language in available_languages()

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Follow Presidio's contract."""
        found: list[RecognizerResult] = super().analyze(text, list(entities), nlp_artifacts)
        faint = getattr(nlp_artifacts, "faint", ()) if "PERSON" in entities else ()
        if not self._judged or not (found or faint):
            return found
        read = tokenize_conversation(text, nlp_artifacts, self.supported_language)
        return [
            result
            for result in (
                *found,
                *(self._person(mention) for mention in faint if accept_candidate(read, mention)),
            )
            if _judged(read, result)
        ]

    def _person(self, mention: CandidateMention) -> RecognizerResult:
        why = self.build_explanation(
            FAINT_SCORE, "the language model all but found a person, and no common word is in it"
        )
        named = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult(
            "PERSON",
            mention.start_char,
            mention.end_char,
            FAINT_SCORE,
            analysis_explanation=why,
            recognition_metadata=named,
        )


def _judged(read: TokenizedConversation, result: RecognizerResult) -> bool:
    """Tell whether a result stays; its type and its end may change."""
    first, stop = read.token_at(result.start), read.token_at(result.end - 1) + 1
    while stop > first and read.start[stop - 1] >= result.end:
        stop -= 1
    if stop <= first:
        return True
    if read.turn[stop - 1] - read.turn[first] >= TURNS:
        stop = min(stop, read.turns[read.turn[first]].last)
        result.end = read.end[stop - 1]
    if result.entity_type in ("PERSON", "LOCATION", "ADDRESS") and _wares(read, first, stop):
        return False
    stays = _STAYS.get(result.entity_type)
    return stays is None or stays(read, result, first, stop)


def _is_place(read: TokenizedConversation, result: RecognizerResult, first: int, stop: int) -> bool:
    """Tell whether a place stays one; part of an address is an address."""
    if _CODE.fullmatch(read.text, result.start, result.end):
        return False
    if _addressed(read, result):
        result.entity_type = "ADDRESS"
        return True
    if read.vocab.language.code == LANGUAGE and is_not_place(read, first, stop):
        return False
    return not all(
        read.low[t] in _file(read.vocab.language.code, "everyday.txt") for t in range(first, stop)
    )


def _is_person(
    read: TokenizedConversation, result: RecognizerResult, first: int, stop: int
) -> bool:
    """Tell whether a person stays one, and where the name ends; a name with a word for a business
    is a business.
    """
    vocab = read.vocab
    english = vocab.language.code == LANGUAGE
    if english:
        first, stop = _name(read, result, first, stop)
    if (
        read.has_digits
        and any(read.kind[t] == DIGITS for t in range(first, stop))
        and blocked_tokens(read).issuperset(range(first, stop))
    ):
        return False  # a GUID, a time, a price
    words = [
        _base(read.low[t]) for t in range(first, stop) if read.kind[t] not in (SEPARATOR, LINE)
    ]
    if not words:
        return True
    if words[0] in vocab.titles and len(words) > 1:
        return not english or is_person(read, first, stop)
    if not vocab.sets.get("businesses", frozenset()).isdisjoint(
        words if len(words) == 1 else words[1:]
    ) or _reports(read, first, stop, words):
        result.entity_type = "ORGANIZATION"
        return True
    if (
        _product(read, first, stop, words)
        or _vehicle(read, first, stop, words)
        or _modal(read, first, stop)
    ):
        return False
    answer = any(
        topic.source == "question" and topic.name in NAME_TOPICS
        for topic in open_questions(read, read.turn[first])
    )
    if english:
        return (answer and is_person_answer(read, first, stop)) or (
            is_person(read, first, stop) and (answer or not _noun(read, first, stop))
        )
    if all(
        _everyday(vocab, word) or read.kind[t] == DIGITS
        for word, t in zip(words, range(first, stop), strict=False)
    ):
        return False
    return answer or not (all(_common(vocab, word) for word in words) or _noun(read, first, stop))


_STAYS = {"PERSON": _is_person, "LOCATION": _is_place}
"""Whether a result of a type stays."""


def _name(
    read: TokenizedConversation, result: RecognizerResult, first: int, stop: int
) -> tuple[int, int]:
    """Return the tokens of a name, without what is none of it and with what the lists know to be;
    the result's ends move with them.
    """
    first, stop = trim_ordinary_words(read, first, stop)
    result.start, result.end = read.start[first], min(result.end, read.end[stop - 1])
    if (
        is_title_case(read, first)
        and result.end == read.end[stop - 1]
        and names_have_capitals(read, first)
    ):
        stop = name_end(read, stop)
        result.end = read.end[stop - 1]
    elif not in_mixed_case_turn(read, first) and is_person(read, first, stop):
        begin, end = uncased_name(read, first, stop)
        result.start = read.start[begin] if begin < first else result.start
        result.end = read.end[end - 1] if end > stop else result.end
        first, stop = begin, end
    return first, stop


def _addressed(read: TokenizedConversation, result: RecognizerResult) -> bool:
    """Tell whether a place is part of a street address, or is one: its type is then an
    address's.
    """
    return any(
        a < result.end and result.start < b for hit in find_addresses(read) for a, b in hit.spans
    )


def _reports(read: TokenizedConversation, first: int, stop: int, words: list[str]) -> bool:
    """Tell whether a meeting about the results of a business has its name ("welcome to Ortolan's
    Half Year 2020 Results", "Bexley's Q3 earnings call").
    """
    said, sets, at = read.turns[read.turn[first]], read.vocab.sets, stop
    while at < said.last and (
        read.low[at] in sets["periods"] or read.kind[at] in (DIGITS, ORDINAL, MONTH)
    ):
        at += 1
    if (
        at >= said.last
        or read.low[at] not in sets["reports"]
        or not load_lexicon().usual.isdisjoint(words)
    ):
        return False
    welcomed = at > stop and not sets["meeting_leads"].isdisjoint(
        read.low[max(said.first, first - 8) : first]
    )
    return welcomed or not sets["meetings"].isdisjoint(read.low[at + 1 : min(at + 3, said.last)])


def _product(read: TokenizedConversation, first: int, stop: int, words: list[str]) -> bool:
    """Tell whether a name that is a product's too is one: another product stands beside it ("Is
    Jira or Jenkins down?"), or what products have.
    """
    sets, said = read.vocab.sets, read.turns[read.turn[first]]
    while words and words[-1] in sets["product_nouns"] and len(words) > 1:
        words, stop = words[:-1], stop - 1
    if not all(word in sets["named_products"] or word in sets["no_people"] for word in words):
        return False
    around = (
        read.low[max(said.first, first - 8) : first] + read.low[stop : min(said.last, stop + 3)]
    )
    return not sets["no_people"].isdisjoint(around) or (
        stop < said.last and read.low[stop] in sets["product_nouns"]
    )


def _vehicle(read: TokenizedConversation, first: int, stop: int, words: list[str]) -> bool:
    """Tell whether a name is a vehicle's ("violet Vauxhall Corsa", "a Mercedes C class").

    It is where it holds a make, or one that is a name too with a model, and nothing more than a
    colour or an everyday word.
    """
    sets = read.vocab.sets
    if sets["makes"].isdisjoint(words):
        after = read.low[stop : min(stop + 1, read.turns[read.turn[first]].last)]
        if sets["named_makes"].isdisjoint(words) or sets["models"].isdisjoint((*words, *after)):
            return False
    others = [
        w for w in words if not any(w in sets[name] for name in ("makes", "named_makes", "models"))
    ]
    return all(
        w in sets["colours"] or len(w) == 1 or w.isdigit() or _everyday(read.vocab, w)
        for w in others
    )


def _modal(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether "will" or "may" after a word for somebody is a verb ("my daughter will take the
    call"; not "my son will is ill").
    """
    said, sets = read.turns[read.turn[first]], read.vocab.sets
    if (
        stop - first != 1
        or first == said.first
        or stop >= said.last
        or read.low[first] not in sets["modals"]
        or read.low[first - 1] not in sets["kin"]
    ):
        return False
    return (
        read.text[read.start[first]].islower()
        and read.kind[stop] == WORD
        and read.low[stop] not in sets["after_person"]
    )


def _noun(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether a name that is a word too stands, in small letters, as a noun ("the bishop"; not
    "the king family") or a verb ("they drew").
    """
    vocab, low, said = read.vocab, read.low, read.turns[read.turn[first]]
    raw = read.text[read.start[first] : read.end[first]]
    if raw != low[first] or not (
        raw in vocab.ambiguous_names or raw in _file(vocab.language.code, "name_words.txt")
    ):
        return False
    if not all(_common(vocab, low[t]) for t in range(first + 1, stop)):
        return False
    article = low[first - 1] if first > said.first else ""
    lead = low[first - 2] if first - 1 > said.first else ""
    if article in vocab.sets["subjects"]:
        return stop < said.last and read.kind[stop] == WORD
    if article not in vocab.sets["noun_articles"] or lead in vocab.sets["before_named"]:
        return False
    if (
        stop >= said.last
        or read.kind[stop] in (SEPARATOR, LINE)
        or low[stop] in vocab.sets["after_nouns"]
    ):
        return True
    return (
        article not in vocab.sets["whole_articles"]
        and _common(vocab, low[stop])
        and low[stop] not in vocab.sets["after_names"]
    )


def _common(vocab: Vocabulary, word: str) -> bool:
    """Tell whether nobody is called so: an everyday word, or the plural of one."""
    common = _file(vocab.language.code, "everyday.txt")
    plural = (
        word[-1:] == "s"
        and word[:-1] in common
        and word not in vocab.ambiguous_names
        and word not in _file(vocab.language.code, "name_words.txt")
    )
    return word in common or plural or _everyday(vocab, word)


def _wares(read: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether a street is named that goods are called after, with no word for a place before
    it and no number in it.
    """
    vocab, said = read.vocab, read.turns[read.turn[first]]
    if is_not_street(read, stop - 1):
        return True
    ends = [t for t in (stop - 1, stop) if t < said.last and names_product(read, t)]
    lead = read.low[first - 1] if first > said.first else ""
    numbered = any(
        read.value[t] and read.kind[t] not in (ORDINAL, MONTH)
        for t in range(max(said.first, first - 1), stop)
    )
    return bool(ends) and lead not in vocab.sets["placed"] and not numbered


@lru_cache(maxsize=32)
def _file(language: str, name: str) -> frozenset[str]:
    return word_file(language, name)


def _base(word: str) -> str:
    return word[:-2] if word.endswith("'s") else word


def _everyday(vocab: Vocabulary, word: str) -> bool:
    return (
        len(word) > 1
        and (word in vocab.words or word in vocab.things)
        and word not in vocab.ambiguous_names
        and word not in _file(vocab.language.code, "name_words.txt")
    )
