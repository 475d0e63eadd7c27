"""What the language model found, without what is plainly no person."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from presidio_analyzer import RecognizerResult
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from callveil.transforms.detect.known import word_file
from callveil.transforms.detect.lang import available
from callveil.transforms.detect.recognizers.reading import Reading, reading
from callveil.transforms.detect.recognizers.vocabulary import DIGITS, LINE, SEPARATOR, Vocabulary

ENTITIES = ("PERSON", "LOCATION", "ADDRESS", "ORGANIZATION", "NRP", "DATE_TIME", "EMAIL_ADDRESS", "ZIP_CODE")
TURNS = 2
"""A mention runs over the end of a turn at most once; what goes on longer is cut where its first turn ends."""


class ModelRecognizer(SpacyRecognizer):  # type: ignore[misc]
    """Presidio's spaCy recognizer. A person of everyday words alone is dropped; one that holds a word for a business or a place is a business.

    Only a language there is data for is judged so; of others everything stays as the model has it.
    """

    def __init__(self, language: str = "en") -> None:
        super().__init__(supported_language=language, supported_entities=list(ENTITIES), name="SpacyRecognizer")
        self._judged = language in available()

    def analyze(self, text: str, entities: Sequence[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """Presidio's contract."""
        found: list[RecognizerResult] = super().analyze(text, list(entities), nlp_artifacts)
        if not found or not self._judged:
            return found
        read = reading(text, nlp_artifacts, self.supported_language)
        return [result for result in found if _judged(read, result)]


def _judged(read: Reading, result: RecognizerResult) -> bool:
    """Whether a result stays; its type and its end may change."""
    first, stop = read.token_at(result.start), read.token_at(result.end - 1) + 1
    while stop > first and read.start[stop - 1] >= result.end:
        stop -= 1
    if stop <= first:
        return True
    if read.turn[stop - 1] - read.turn[first] >= TURNS:
        stop = min(stop, read.turns[read.turn[first]].last)
        result.end = read.end[stop - 1]
    if result.entity_type != "PERSON":
        return True
    vocab = read.vocab
    words = [_base(read.low[t]) for t in range(first, stop) if read.kind[t] not in (SEPARATOR, LINE)]
    if not words or words[0] in vocab.titles:
        return True
    businesses = vocab.sets.get("businesses", frozenset())
    if not businesses.isdisjoint(words if len(words) == 1 else words[1:]):
        result.entity_type = "ORGANIZATION"
        return True
    return not all(_everyday(vocab, word) or read.kind[t] == DIGITS for word, t in zip(words, range(first, stop), strict=False))


@lru_cache(maxsize=16)
def _names(language: str) -> frozenset[str]:
    return word_file(language, "name_words.txt")


def _base(word: str) -> str:
    return word[:-2] if word.endswith("'s") else word


def _everyday(vocab: Vocabulary, word: str) -> bool:
    return (
        len(word) > 1
        and (word in vocab.words or word in vocab.things)
        and word not in vocab.ambiguous_names
        and word not in _names(vocab.language.code)
    )
