"""Presidio's artifacts over one view, made no further than recognizers ask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from spacy.language import Language
from spacy.tokens import Doc

from callveil.transforms.detect.classifiers import Mention as Mention
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.models import ModelError as ModelError

VIEW_KEY = "callveil_view"
"""Key of `Doc.user_data` under which recognizers find the `View` of the text they are given."""


class CandidateMention(NamedTuple):
    """A person whose score is below the margin: offsets of the whole view, and the rest of
    `low_confidence_names.Candidate`.
    """

    start_char: int
    end_char: int
    margin: float
    organization: bool


class LazyArtifacts(NlpArtifacts):  # type: ignore[misc]
    """Presidio's artifacts over one view. What is made token by token is made only when a
    recognizer asks for it; few do.
    """

    def __init__(
        self,
        doc: Doc | ContextTokens,
        entities: list[tuple[Mention, float]],
        engine: SpacyNlpEngine,
        language: str,
        faint: Sequence[CandidateMention] = (),
    ) -> None:
        self.entities = [mention for mention, _ in entities]
        self.tokens = doc
        self.nlp_engine = engine
        self.language = language
        self.scores = [score for _, score in entities]
        self.faint = faint

    @cached_property
    def tokens_indices(self) -> list[int]:
        """Where each token begins in the text, code points."""
        return [token.idx for token in self.tokens]

    @cached_property
    def lemmas(self) -> list[str]:
        """Lemma of each token; its lower-case form where the pipeline has no lemmatizer."""
        return [token.lemma_ or token.lower_ for token in self.tokens]

    @cached_property
    def keywords(self) -> list[str]:
        """Lower-case lemmas without stop words and punctuation."""
        keywords: list[str] = self.set_keywords(self.nlp_engine, self.lemmas, self.language)
        return keywords


class ContextToken(NamedTuple):
    """A token of a pipeline without lemmas, as far as Presidio's context words ask for it."""

    text: str
    idx: int

    @property
    def lower_(self) -> str:
        """Its lower-case form."""
        return self.text.lower()

    @property
    def lemma_(self) -> str:
        """No lemma."""
        return ""

    def __len__(self) -> int:
        return len(self.text)


class ContextTokens(Sequence[ContextToken]):
    """The tokens of a view that was not made a `Doc`, in its place.

    Args:
        view: the view.
        places: of its tokens, half-open.
        nlp: the pipeline.
    """

    def __init__(self, view: View, places: NDArray[np.int64], nlp: Language) -> None:
        self.user_data: dict[str, Any] = {VIEW_KEY: view}
        self.vocab = nlp.vocab
        self._of, self._table = view.text, places

    @cached_property
    def _places(self) -> list[tuple[int, int]]:
        return list(map(tuple, self._table.tolist()))

    @cached_property
    def ends(self) -> list[int]:
        """Where each token ends in the text, code points."""
        ends: list[int] = self._table[:, 1].tolist()
        return ends

    @overload
    def __getitem__(self, place: int) -> ContextToken: ...
    @overload
    def __getitem__(self, place: slice) -> list[ContextToken]: ...
    def __getitem__(self, place: int | slice) -> ContextToken | list[ContextToken]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        start, end = self._places[place]
        return ContextToken(self._of[start:end], start)

    def __len__(self) -> int:
        return len(self._table)
