"""Detection: Presidio's analyzer over whole conversations, in batches, with no network and no
silent gaps.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    RecognizerRegistry,
    RecognizerResult,
    pattern_recognizer,
)
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers.generic import iban_recognizer

from callveil.schemas.finding import TextSpan
from callveil.schemas.policy import DetectionSettings
from callveil.transforms.detect.budget import Budget, reason_of
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.normalized_text import NormalizedText
from callveil.transforms.detect.pipeline import NlpEngine, load_model
from callveil.transforms.detect.recognizers.build import build_recognizers
from callveil.transforms.detect.recognizers.model import ModelRecognizer
from callveil.transforms.detect.recognizers.presidio_builtin import PresidioBuiltinRecognizer
from callveil.transforms.detect.script import is_unsupported_text

GROUP_KEY = "callveil_group"
"""Key of a result's metadata that spans of one value share."""

YOUNG_OBJECTS = 10_000
"""Objects made and kept after which the young ones are looked through; a slice of records makes
hundreds of thousands, hardly one in a cycle.
"""


class DetectionFailed(RuntimeError):
    """A recognizer failed or took too long: the text cannot be shown to be clean, so its record
    must be rejected.

    Args:
        detail: one sentence that quotes nothing.
        reason: a code of `schemas.rejected.REASONS`.
    """

    def __init__(self, detail: str, reason: str = "detection_failed") -> None:
        super().__init__(detail)
        self.reason = reason

    @classmethod
    def of(cls, problem: Exception, who: str = "a recognizer") -> DetectionFailed:
        """Return the failure that `problem`, raised by `who`, amounts to. Its text may hold
        content, so of any other than ours only the type is kept.
        """
        if isinstance(problem, cls):
            return problem
        reason, detail = reason_of(problem)
        return cls(detail, reason) if reason else cls(f"{who} raised {detail}")


class _FailClosedLogger:
    """Stands in for Presidio's logger in its pattern recognizer, which answers a regex timeout with
    a warning and goes on.

    Going on would leave the text unread, so the warning becomes an error, whatever the logging
    configuration is.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def warning(self, message: str, *args: object, **kwargs: Any) -> None:
        if "timed out" in message:
            raise DetectionFailed(
                "a pattern timed out; feed the record in again, or raise detect.timeout_seconds",
                "timed_out",
            )
        self._inner.warning(message, *args, **kwargs)

    def error(self, message: str, *args: object, **kwargs: Any) -> None:
        """Presidio writes the text of an IBAN that it cannot verify into the log."""
        raise DetectionFailed("a check digit could not be verified")


class WholeWordEnhancer(LemmaContextAwareEnhancer):  # type: ignore[misc]
    """Presidio's context words, matched by whole word, and skipped where no result could profit
    from them.
    """

    def __init__(self) -> None:
        super().__init__(context_matching_mode="whole_word")

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """As Presidio's, which copies every result deeply first."""
        with_context = {r.id for r in recognizers if r.context}
        if not context and not any(
            (r.recognition_metadata or {}).get(RecognizerResult.RECOGNIZER_IDENTIFIER_KEY)
            in with_context
            for r in raw_results
        ):
            return raw_results
        enhanced: list[RecognizerResult] = super().enhance_using_context(
            text, raw_results, nlp_artifacts, recognizers, context
        )
        return enhanced


class FixedRegistry(RecognizerRegistry):  # type: ignore[misc]
    """A registry that is filled once: which recognizers serve a language and a list of entities is
    worked out once, not for every text.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        super().__init__(supported_languages=list(languages))
        self._answers: dict[tuple[str, tuple[str, ...]], list[EntityRecognizer]] = {}

    def add_recognizer(self, recognizer: EntityRecognizer) -> None:
        """As Presidio's."""
        self._answers.clear()
        super().add_recognizer(recognizer)

    def get_recognizers(
        self,
        language: str,
        entities: list[str] | None = None,
        all_fields: bool = False,
        ad_hoc_recognizers: list[EntityRecognizer] | None = None,
    ) -> list[EntityRecognizer]:
        """As Presidio's, which answers in no fixed order; this one's order is that of the
        recognizers' addition.
        """
        if ad_hoc_recognizers or all_fields or entities is None:
            found: list[EntityRecognizer] = super().get_recognizers(
                language, entities, all_fields, ad_hoc_recognizers
            )
            return found
        key = (language, tuple(entities))
        if key not in self._answers:
            wanted = set(super().get_recognizers(language, entities))
            self._answers[key] = [r for r in self.recognizers if r in wanted]
        return self._answers[key]


class BatchedAnalyzer(AnalyzerEngine):  # type: ignore[misc]
    """Presidio's analyzer, which asks for context only those recognizers that found something.

    Presidio's own asks every recognizer in turn, and goes through all results twice for each.
    """

    def _enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        if not raw_results:
            return []
        found = {
            r.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] for r in raw_results
        }
        asked = [r for r in recognizers if r.id in found]
        if not context and not any(
            r.context or type(r).enhance_using_context is not EntityRecognizer.enhance_using_context
            for r in asked
        ):
            return raw_results
        enhanced: list[RecognizerResult] = super()._enhance_using_context(
            text, raw_results, nlp_artifacts, asked, context
        )
        return enhanced


@dataclass(frozen=True)
class ExplainedSpan:
    """A span and why it was found, for `callveil explain`.

    Attributes:
        span: the span, with the score that counts.
        reason: the recognizer's own words, context included.
        pattern: name of the pattern or rule.
        context: context word that raised the score, or empty.
        original: score before context.
    """

    span: TextSpan
    reason: str
    pattern: str = ""
    context: str = ""
    original: float = 0.0


class Detector:
    """One process' detection engines. Building one takes seconds, so keep it; it is not picklable
    and need not be.

    Args:
        settings: the policy's `detect` section.

    Raises:
        ModelError: a model the policy names is not there, or cannot be used.
    """

    def __init__(self, settings: DetectionSettings) -> None:
        self.settings = settings
        for module in (pattern_recognizer, iban_recognizer):  # each has its own timeout
            module.REGEX_TIMEOUT_SECONDS = settings.timeout_seconds
            if not isinstance(module.logger, _FailClosedLogger):
                module.logger = _FailClosedLogger(module.logger)
        pipelines = {
            lang: [load_model(name, lang, settings.labels) for name in settings.models_for(lang)]
            for lang in settings.languages
        }
        self.nlp = NlpEngine(pipelines, settings.labels, settings.margins)
        registry = FixedRegistry(settings.languages)
        for language in settings.languages:
            for recognizer in build_recognizers(
                language, settings.phone_regions, settings.amounts, settings.dates, settings.disable
            ):
                registry.add_recognizer(recognizer)
            if (
                settings.models_for(language) != ("none",)
                and "SpacyRecognizer" not in settings.disable
            ):
                registry.add_recognizer(ModelRecognizer(language, self.nlp.entities[language]))
        self.analyzer = BatchedAnalyzer(
            registry=registry,
            nlp_engine=self.nlp,
            supported_languages=list(settings.languages),
            context_aware_enhancer=WholeWordEnhancer(),
        )
        self._builtin = {
            lang: PresidioBuiltinRecognizer(lang, settings) for lang in settings.languages
        }
        self._supported = {
            lang: sorted(self.analyzer.get_supported_entities(lang)) for lang in settings.languages
        }
        _keep_out_of_collections()

    def language_of(self, named: str | None) -> str | None:
        """Return the language a record is analysed in, or None where the policy reads none such."""
        language = (named or self.settings.default_language).lower().replace("_", "-").split("-")[0]
        if language in self.settings.languages:
            return language
        return None

    def budget(self, chars: int) -> Budget:
        """Return what a record of `chars` characters may cost."""
        return Budget.of(self.settings, chars)

    def forget(self) -> None:
        """Throw away what is kept of texts so that their like are read faster; nothing that is
        found depends on it.
        """
        for reader in self.nlp.readers.values():
            if reader is not None:
                reader.forget()
        for builtin in self._builtin.values():
            builtin.forget()
        is_unsupported_text.cache_clear()

    def run(
        self,
        views: Iterable[tuple[View, Any]],
        language: str,
        budget_of: Callable[[Any], Budget] | None = None,
    ) -> Iterator[tuple[Any, list[TextSpan] | DetectionFailed]]:
        """Analyse views of one language.

        Args:
            views: `(view, tag)` pairs; any number, read as they are needed.
            language: one of the policy's languages.
            budget_of: what is left to the record a tag names; without it each view is granted its
                own.

        Yields: `(tag, spans)` in order. Spans may overlap; scores are not yet filtered. A view a
            recognizer failed on comes with the failure in place of its spans.
        """
        found: list[TextSpan] | DetectionFailed = []
        for view, artifacts, (tag, back, last) in self.nlp.artifacts(_readings(views), language):
            if back is None:
                found = []
            if isinstance(artifacts, Exception):
                found = DetectionFailed.of(artifacts, "the language model")
            elif isinstance(found, list):
                budget = budget_of(tag) if budget_of else self.budget(len(view.text))
                try:
                    results = budget.run(partial(self._analyze, view, artifacts, language))
                    found.extend(_back(_span(r), back) for r in results)
                except Exception as problem:  # noqa: BLE001 - whatever a recognizer raises, the record fails closed
                    found = DetectionFailed.of(problem)
            if last:
                yield tag, found

    def explain(self, view: View, language: str) -> list[ExplainedSpan]:
        """Return spans of one view with the recognizer's own reason for each."""
        run = self.nlp.artifacts(
            [(view, None)], language
        )  # held: the words of the artifacts go with it
        _, artifacts, _ = next(run)
        if isinstance(artifacts, Exception):
            raise DetectionFailed.of(artifacts, "the language model")
        return [_explained(r) for r in self._analyze(view, artifacts, language, decisions=True)]

    def _analyze(
        self, view: View, artifacts: NlpArtifacts, language: str, *, decisions: bool = False
    ) -> list[RecognizerResult]:
        results: list[RecognizerResult] = self.analyzer.analyze(
            view.text,
            language,
            entities=self._supported[language],
            nlp_artifacts=artifacts,
            score_threshold=0.0,
            return_decision_process=decisions,
        )
        # Not among the registry's: of two equal findings Presidio drops the weaker, and a floor
        # must not drop what stands on it.
        builtin = self._builtin[language]
        return results + builtin.analyze(view.text, builtin.supported_entities, artifacts)


@lru_cache(maxsize=1)
def _keep_out_of_collections() -> None:
    """Have Python's garbage collector pass over what is loaded now: hundreds of thousands of
    objects that stay, which it looked through again and again, a tenth of all CPU time. Once per
    process: of what is frozen no cycle is ever freed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


def _readings(
    views: Iterable[tuple[View, Any]],
) -> Iterator[tuple[View, tuple[Any, NormalizedText | None, bool]]]:
    """Yield each view, and behind it the view as it may be read otherwise: the tag, the way back,
    whether it is the last of its tag.
    """
    for view, tag in views:
        yield view, (tag, None, not view.others)
        if view.others:
            other, back = view.read_otherwise()
            yield other, (tag, back, True)


def _back(span: TextSpan, text: NormalizedText | None) -> TextSpan:
    """Return a span in the offsets of the view that `text` was read from."""
    if text is None:
        return span
    start, end = text.source(span.start, span.end)
    return replace(
        span, start=start, end=max(start + 1, end), group=span.group and f"otherwise {span.group}"
    )


def _span(result: RecognizerResult) -> TextSpan:
    metadata = result.recognition_metadata or {}
    return TextSpan(
        result.start,
        result.end,
        result.entity_type,
        min(1.0, max(0.0, float(result.score))),
        str(metadata.get(RecognizerResult.RECOGNIZER_NAME_KEY, "unknown")),
        str(metadata.get(GROUP_KEY, "")),
    )


def _explained(result: RecognizerResult) -> ExplainedSpan:
    span, explanation = _span(result), result.analysis_explanation
    if explanation is None:
        return ExplainedSpan(span, "", original=span.score)
    pattern, word = explanation.pattern_name or "", explanation.supportive_context_word or ""
    reason = explanation.textual_explanation or pattern
    return ExplainedSpan(
        span,
        f"{reason}; context word {word!r}" if word else reason,
        pattern,
        word,
        float(explanation.original_score),
    )
