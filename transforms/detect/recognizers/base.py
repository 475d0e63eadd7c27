"""The recognizers' common part: Presidio's contract over a shared reading of the conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from presidio_analyzer import AnalysisExplanation, EntityRecognizer, RecognizerResult

from callveil.transforms.detect.recognizers.match import ValueMatch
from callveil.transforms.detect.recognizers.tokens import (
    TokenizedConversation,
    tokenize_conversation,
)
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary

GROUP = "callveil_group"
"""Key of a result's metadata: results that share its value are pieces of one value."""
VERSION = "1"


class SpokenRecognizer(EntityRecognizer):  # type: ignore[misc]
    """A recognizer that reads the normalised view. A subclass says what it finds, and a cheap test
    of what it needs.

    `gate` must be true wherever `find` could find anything: findings with and without it are equal.
    """

    ENTITIES: ClassVar[tuple[str, ...]] = ()
    NEEDS: ClassVar[str] = "lexicon"
    """The file of a language's folder without which there is nothing to find."""

    def __init__(self, language: str = "en") -> None:
        load_vocabulary(language)  # a language without data is refused here, not at the first text
        super().__init__(
            supported_entities=list(self.ENTITIES), supported_language=language, version=VERSION
        )

    def load(self) -> None:
        """Nothing to load: a language's data is read once and shared."""

    def gate(self, read: TokenizedConversation) -> bool:
        """Tell whether the text can hold anything of this kind."""
        raise NotImplementedError

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        """Return values found, in any order, whatever `gate` says."""
        raise NotImplementedError

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Return results for `entities` in `text`, in order of place: Presidio's contract."""
        read = tokenize_conversation(text, nlp_artifacts, self.supported_language)
        if not self.gate(read):
            return []
        wanted = set(entities) if entities else set(self.ENTITIES)
        results = []
        for hit in sorted(
            (h for h in self.find(read) if h.entity in wanted), key=lambda h: (h.spans, h.entity)
        ):
            results.extend(self._results(hit))
        return results

    def _results(self, hit: ValueMatch) -> list[RecognizerResult]:
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        if len(hit.spans) > 1:
            metadata[GROUP] = f"{self.name}:{hit.entity}:{hit.spans[0][0]}:{hit.spans[-1][1]}"
        return [
            RecognizerResult(
                hit.entity,
                start,
                end,
                hit.score,
                AnalysisExplanation(
                    recognizer=self.name,
                    original_score=hit.score,
                    pattern_name=hit.why.split(";")[0],
                    textual_explanation=hit.why,
                ),
                dict(metadata),
            )
            for start, end in hit.spans
        ]


Rule = Callable[[TokenizedConversation], Iterable[ValueMatch]]
