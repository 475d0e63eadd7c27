"""The spaCy side of detection: which pipeline a policy names, loaded once per process, run in
batches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import spacy
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from spacy.language import Language
from spacy.tokens import Doc

from callveil.schemas.policy import IGNORE, ModelMargins
from callveil.transforms.detect import model as embedded_model
from callveil.transforms.detect.artifacts import (
    VIEW_KEY,
    CandidateMention,
    ContextTokens,
    LazyArtifacts,
)
from callveil.transforms.detect.classifiers import (
    COMPONENT,
    MENTIONS_KEY,
    ClassifierComponent,
    load_classifier,
)
from callveil.transforms.detect.classifiers import Mention as Mention
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.fast_tok2vec import patch_pipeline
from callveil.transforms.detect.lang import available_languages, load_language
from callveil.transforms.detect.low_confidence_names import apply_margins, take_candidates
from callveil.transforms.detect.models import IGNORED_LABELS, SPACY, model_kind
from callveil.transforms.detect.models import ModelError as ModelError
from callveil.transforms.detect.reader import TextMentions, reader_of

MAX_CHARS = 20_000
"""Longest piece of text the language model sees at once; spaCy needs about 10 KB of memory for each
character.
"""

WORD_CHARS, WORD_PIECE = 200, 64
"""A stretch of at least so many characters without white space is no word: it is cut into pieces of
so many.
"""
_LONG = re.compile(rf"\S{{{WORD_CHARS},}}")

ZONE_CHARS = 2_000_000
"""Characters after which the strings spaCy has made on the way are thrown away. Sooner would mean
making every word again and again.
"""

EXTRA_LABELS = {
    "FAC": "LOCATION",
    "ADDRESS": "ADDRESS",
    "ORGANIZATION": "ORGANIZATION",
    "NRP": "NRP",
    "DATE_TIME": "DATE_TIME",
    "EMAIL": "EMAIL_ADDRESS",
    "ZIP": "ZIP_CODE",
}


class BoundedTokenizer:
    """A pipeline's tokenizer that is given long stretches without white space in pieces.

    spaCy's own looks through the rest of a word again for every sign it takes off: 16,000 brackets
    took it 20 s.
    """

    def __init__(self, inner: Callable[[str], Doc]) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)

    def __call__(self, text: str) -> Doc:
        """The tokens of a text."""
        cuts = [0]
        for match in _LONG.finditer(text):
            cuts.extend(range(match.start(), match.end(), WORD_PIECE))
            cuts.append(match.end() + text.startswith(" ", match.end()))
        if len(cuts) == 1:
            return self.inner(text)
        pieces = [text[a:b] for a, b in pairwise([*cuts, len(text)]) if a < b]
        return Doc.from_docs(
            [self.inner(piece) for piece in pieces], ensure_whitespace=False, exclude=["user_data"]
        )


def load_model(
    name: str, language: str, labels: Mapping[str, str] = MappingProxyType({})
) -> Language:
    """Load the model a policy names, as a spaCy pipeline.

    Args:
        name: `embedded`, `none` (tokenizer only), an installed pipeline, or the path of one, of a
            Hugging Face token classifier or of a GLiNER model; what a folder holds tells.
        language: ISO 639-1 code, for what is no pipeline of its own.
        labels: what labels of a model that is no spaCy pipeline mean, beside what they usually do.

    Raises:
        ModelError: it is not there or cannot be read, or nothing is known of the language. Nothing
            is ever downloaded.
    """
    if language not in available_languages():
        raise ModelError(
            f"detect.languages: callveil has no data for {language!r}, only for "
            f"{', '.join(available_languages())}. Leave it out: "
            "`detect.unknown_language` says what then happens to its records (`full` redacts them "
            "whole, `scan` reads them in the default language)."
        )
    if name == "embedded":
        return embedded_model.load_call_model()
    if name == "none":
        # Nothing reads these tokens but Presidio's context words; the rules of French alone take
        # seconds to compile.
        return spacy.blank(language if language == "en" else "xx")
    if Path(name).is_dir() and model_kind(Path(name)) != SPACY:
        return load_classifier(Path(name), language, labels)
    try:
        return spacy.load(
            Path(name) if Path(name).exists() else name, exclude=["parser", "textcat"]
        )
    except (OSError, ValueError) as problem:
        raise ModelError(
            f"detect.model: the spaCy pipeline {name!r} for {language!r} cannot be loaded "
            f"({type(problem).__name__}). Install it beside callveil "
            f"(`pip install {name}` from your package index, or `python -m spacy download`), give "
            "the path of a model under `detect.models`, "
            "or use `embedded` (English) or `none`."
        ) from problem


class NlpEngine(SpacyNlpEngine):  # type: ignore[misc]
    """Presidio's spaCy engine over pipelines that are already loaded: it downloads nothing and
    takes no GPU unasked.

    The pipelines become its own: their forward pass is made faster where it can be, their words are
    made once for good.

    Args:
        pipelines: by language; several vote.
        labels: the policy's `detect.labels`.

    Attributes:
        entities: by language, types that a classifier or `labels` add to those of spaCy's
            pipelines.
    """

    engine_name = "callveil"

    def __init__(
        self,
        pipelines: Mapping[str, Sequence[Language]],
        labels: Mapping[str, str] = MappingProxyType({}),
        margins: ModelMargins | None = None,
    ) -> None:
        self.ignored = frozenset({*IGNORED_LABELS, *(k for k, v in labels.items() if v == IGNORE)})
        given = {k: v for k, v in labels.items() if v != IGNORE}
        config = NerModelConfiguration(labels_to_ignore=sorted(self.ignored))
        config.model_to_presidio_entity_mapping.update({**EXTRA_LABELS, **given})
        self.entities = {
            language: frozenset(given.values()).union(
                *(_component(nlp).classifier.entities for nlp in voters if nlp.has_pipe(COMPONENT))
            )
            for language, voters in pipelines.items()
        }
        super().__init__(
            [
                {"lang_code": k, "model_name": v[0].meta.get("name", k)}
                for k, v in pipelines.items()
            ],
            config,
        )
        self.nlp = {language: first for language, (first, *_) in pipelines.items()}
        self.further = {language: further for language, (_, *further) in pipelines.items()}
        for language, voters in pipelines.items():
            for nlp in voters:
                patch_pipeline(nlp)
                nlp.tokenizer = BoundedTokenizer(nlp.tokenizer)
                # where several vote, what one of them doubts is not taken
                apply_margins(nlp, margins, faint=len(voters) == 1)
                _warm(nlp, language)
        self.readers = {
            language: reader_of(voters[0]) if len(voters) == 1 else None
            for language, voters in pipelines.items()
        }

    def load(self) -> None:
        """Nothing to do: the pipelines came loaded."""

    def artifacts(
        self, views: Iterable[tuple[View, Any]], language: str, batch_size: int = 128
    ) -> Iterator[tuple[View, LazyArtifacts | Exception, Any]]:
        """Run the pipeline over views, a bounded batch at a time, and give each with its artifacts
        and its tag.

        A view the pipeline fails on comes with what was raised in place of its artifacts.

        Strings spaCy makes on the way are thrown away every `ZONE_CHARS` (`memory_zone`), so take
        out what you need before you ask for the next item.
        """
        nlp = self.nlp[language]
        batches = _batches(views, batch_size)
        batch = next(batches, None)
        while batch is not None:
            with ExitStack() as zones:
                for voter in (nlp, *self.further[language]):
                    zones.enter_context(voter.memory_zone())
                size = 0
                while batch is not None and size < ZONE_CHARS:
                    size += sum(len(view.text) for view, _ in batch)
                    yield from self._each(nlp, batch, language)
                    batch = next(batches, None)

    def _each(
        self, nlp: Language, batch: list[tuple[View, Any]], language: str
    ) -> Iterator[tuple[View, LazyArtifacts | Exception, Any]]:
        """As `_run`; where it fails, the rest of the batch is tried view by view."""
        done = 0
        try:
            for item in self._run(nlp, batch, language):
                done += 1
                yield item
            return
        except Exception as problem:  # noqa: BLE001 - one text that the pipeline cannot read must not take others with it
            if len(batch) == 1:
                yield batch[0][0], problem, batch[0][1]
                return
        for one in batch[done:]:
            yield from self._each(nlp, [one], language)

    def _run(
        self, nlp: Language, batch: list[tuple[View, Any]], language: str
    ) -> Iterator[tuple[View, LazyArtifacts, Any]]:
        pieces = [split_view(view) for view, _ in batch]
        texts = [
            view.text[a:b] for (view, _), cuts in zip(batch, pieces, strict=True) for a, b in cuts
        ]
        score = self.ner_model_configuration.default_score
        reader = self.readers[language]
        if reader is not None:
            found = iter(reader.read(texts))
            for (view, tag), cuts in zip(batch, pieces, strict=True):
                read = [next(found) for _ in cuts]
                mentions = [(m, score) for m in dict.fromkeys(self._read(read, cuts))]
                faint = [
                    CandidateMention(a + offset, b + offset, *why)
                    for r, (offset, _) in zip(read, cuts, strict=True)
                    for a, b, why in r.faint
                ]
                places = [r.tokens + offset for r, (offset, _) in zip(read, cuts, strict=True)]
                yield (
                    view,
                    LazyArtifacts(
                        ContextTokens(view, np.concatenate(places), nlp),
                        mentions,
                        self,
                        language,
                        faint,
                    ),
                    tag,
                )
            return
        docs = nlp.pipe(texts, batch_size=len(batch))
        others = [voter.pipe(texts, batch_size=len(batch)) for voter in self.further[language]]
        for (view, tag), cuts in zip(batch, pieces, strict=True):
            parts = [next(docs) for _ in cuts]
            votes = [
                self._mentions(parts, cuts),
                *(self._mentions([next(other) for _ in cuts], cuts) for other in others),
            ]
            doc = _joined(parts)
            doc.user_data[VIEW_KEY] = view
            yield (
                view,
                LazyArtifacts(
                    doc, vote_mentions(votes, score), self, language, _faint(parts, cuts)
                ),
                tag,
            )

    def _read(self, read: list[TextMentions], cuts: list[tuple[int, int]]) -> Iterator[Mention]:
        mapping = self.ner_model_configuration.model_to_presidio_entity_mapping
        for one, (offset, _) in zip(read, cuts, strict=True):
            for start, end, label in one.entities:
                if label not in self.ignored:
                    yield Mention(mapping.get(label, label), start + offset, end + offset)

    def _mentions(self, docs: list[Doc], cuts: list[tuple[int, int]]) -> list[Mention]:
        mapping = self.ner_model_configuration.model_to_presidio_entity_mapping
        out = []
        for doc, (offset, _) in zip(docs, cuts, strict=True):
            found = doc.user_data.get(MENTIONS_KEY)  # a classifier's, of callveil's types already
            if found is None:
                found = [
                    Mention(mapping.get(e.label_, e.label_), e.start_char, e.end_char)
                    for e in doc.ents
                    if e.label_ not in self.ignored
                ]
            out += [Mention(m.label_, m.start_char + offset, m.end_char + offset) for m in found]
        return out


def _component(nlp: Language) -> ClassifierComponent:
    component: ClassifierComponent = nlp.get_pipe(COMPONENT)  # type: ignore[assignment]
    return component


def _joined(parts: list[Doc]) -> Doc:
    return (
        parts[0]
        if len(parts) == 1
        else Doc.from_docs(parts, ensure_whitespace=False, exclude=["user_data"])
    )


def _faint(docs: list[Doc], cuts: list[tuple[int, int]]) -> list[CandidateMention]:
    """Tell who is faint in the pieces of a view."""
    return [
        CandidateMention(
            doc[f.start].idx + offset,
            doc[f.end - 1].idx + len(doc[f.end - 1]) + offset,
            f.margin,
            f.organization,
        )
        for doc, (offset, _) in zip(docs, cuts, strict=True)
        for f in take_candidates(doc)
    ]


def vote_mentions(voters: Sequence[Sequence[Mention]], score: float) -> list[tuple[Mention, float]]:
    """Return what several pipelines found in one text, each mention once, with `score` times the
    share of pipelines that found it.

    A pipeline votes for a mention where it found one of the same type that overlaps it. With two,
    the default threshold takes what either found, and one above half of `score` what both found;
    with three, the default threshold takes what two found.
    """
    out: dict[Mention, float] = {}
    for mentions in voters:
        for m in mentions:
            if m not in out:
                votes = sum(
                    any(
                        o.label_ == m.label_
                        and o.start_char < m.end_char
                        and m.start_char < o.end_char
                        for o in other
                    )
                    for other in voters
                )
                out[m] = score * votes / len(voters)
    return list(out.items())


def _batches(
    views: Iterable[tuple[View, Any]], batch_size: int
) -> Iterator[list[tuple[View, Any]]]:
    """Yield views in batches of at most `batch_size`, fewer where they are long."""
    pending: list[tuple[View, Any]] = []
    size = 0
    for item in views:
        pending.append(item)
        size += len(item[0].text)
        if len(pending) >= batch_size or size >= MAX_CHARS * 8:
            yield pending
            pending, size = [], 0
    if pending:
        yield pending


def _warm(nlp: Language, language: str) -> None:
    """Make the everyday words once, for good, with the punctuation they often carry: what is made
    inside a memory zone goes with the zone.
    """
    if language in available_languages():
        for word in sorted(load_language(language).words):
            for form in (word, word.capitalize(), f"{word},", f"{word}.", f"{word}?"):
                nlp.make_doc(form)


def split_view(view: View) -> list[tuple[int, int]]:
    """Cut a view into pieces of at most `MAX_CHARS`, at turn or line borders where there are any,
    else at spaces.
    """
    text, out, start = view.text, [], 0
    while len(text) - start > MAX_CHARS:
        stop = start + MAX_CHARS
        for separator in ("\n", ". ", " "):
            cut = text.rfind(separator, start + MAX_CHARS // 2, stop)
            if cut > start:
                stop = cut + len(separator)
                break
        out.append((start, stop))
        start = stop
    out.append((start, len(text)))
    return out
