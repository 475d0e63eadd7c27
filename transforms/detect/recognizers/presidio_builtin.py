"""Presidio's own pattern recognizers, as a floor: they add what the recognizers here do not find.

Each reads only the stretches of a text that can hold what it looks for (`excerpt.py`), and only
where the shape of the digits there allows it, and equal stretches once; patterns are compiled once,
and one telephone number is judged once. None of this changes what is found, only what it costs.
What Presidio finds is left out in two cases: a number of a country that is not read, unless its
check digit is right, and the exceptions of `no_value.py`, none of which applies to a number with a
right check digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import regex
from presidio_analyzer import (
    AnalysisExplanation,
    EntityRecognizer,
    PatternRecognizer,
    RecognizerResult,
    pattern_recognizer,
)
from presidio_analyzer import predefined_recognizers as predefined
from presidio_analyzer.predefined_recognizers import EmailRecognizer, PhoneRecognizer

from callveil.schemas.policy import DetectionSettings
from callveil.transforms.detect.budget import TimedOut
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.lang import load_language
from callveil.transforms.detect.recognizers import excerpt
from callveil.transforms.detect.recognizers.builtin_context import (
    CONTEXT_FACTOR,
    LEAST_WITH_CONTEXT,
    ValueJudge,
    domain_suffixes,
)
from callveil.transforms.detect.recognizers.builtin_phones import GatedPhoneRecognizer
from callveil.transforms.detect.recognizers.builtin_requirements import (
    REQUIREMENTS,
    UNGATED,
    TextRequirements,
)
from callveil.transforms.detect.recognizers.checks import is_gstin, is_nric
from callveil.transforms.detect.recognizers.excerpt import Stretches
from callveil.transforms.detect.recognizers.pattern_digits import Need, may_match, needs_of, runs_of
from callveil.transforms.detect.resolve import BUILTIN

CHECKED = frozenset(
    {
        "AbaRoutingRecognizer",
        "AuAbnRecognizer",
        "AuAcnRecognizer",
        "AuMedicareRecognizer",
        "AuTfnRecognizer",
        "CaSinRecognizer",
        "CreditCardRecognizer",
        "CryptoRecognizer",
        "DeHealthInsuranceRecognizer",
        "DeIdCardRecognizer",
        "DeLanrRecognizer",
        "DePassportRecognizer",
        "DeSocialSecurityRecognizer",
        "DeTaxIdRecognizer",
        "DeVatIdRecognizer",
        "EsNieRecognizer",
        "EsNifRecognizer",
        "FiPersonalIdentityCodeRecognizer",
        "IbanRecognizer",
        "InAadhaarRecognizer",
        "ItFiscalCodeRecognizer",
        "ItVatCodeRecognizer",
        "KrBrnRecognizer",
        "KrFrnRecognizer",
        "KrRrnRecognizer",
        "MedicalLicenseRecognizer",
        "NgNinRecognizer",
        "NhsRecognizer",
        "PlPeselRecognizer",
        "SeOrganisationsnummerRecognizer",
        "SePersonnummerRecognizer",
        "SgUenRecognizer",
        "ThTninRecognizer",
        "TrNationalIdRecognizer",
        "UsNpiRecognizer",
        "ZaIdNumberRecognizer",
    }
)
"""Recognizers that verify a check digit; their other tests (a prefix, a date) prove nothing of the
kind.
"""

INVALIDATED = frozenset({"CaSinRecognizer"})
"""Those of `CHECKED` that drop a wrong check digit and leave the score of a right one as it was."""

VERIFIED: Mapping[str, Callable[[str], bool]] = {
    "InGstinRecognizer": is_gstin,
    "SgFinRecognizer": is_nric,
}
"""Recognizers of numbers with a check digit that Presidio does not verify, and what verifies it."""


MOST_CHARS = 200_000
"""Characters of stretches that are kept, with what was found in them, by recognizers that read
alike.
"""


class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
    """Presidio's, which would fetch the list of domain endings from the network; this one keeps to
    the list that is installed.
    """

    def validate_result(self, pattern_text: str) -> bool:
        """Tell whether the domain ends in a public suffix."""
        return bool(domain_suffixes()(pattern_text).fqdn)


def builtin_classes() -> dict[str, type[EntityRecognizer]]:
    """Return Presidio's recognizers that work by patterns, by class name."""
    named = {n: getattr(predefined, n) for n in predefined.__all__}
    return {
        n: c
        for n, c in sorted(named.items())
        if isinstance(c, type)
        and issubclass(c, (PatternRecognizer, PhoneRecognizer))
        and (".generic." in c.__module__ or _country(c))
    }


def _country(kind: type[EntityRecognizer]) -> str:
    """ISO 3166-1 code of the country whose numbers a recognizer finds; empty: of every country."""
    code = str(getattr(kind, "COUNTRY_CODE", None) or "").upper()
    return "GB" if code == "UK" else code


@dataclass(frozen=True)
class ScoredPattern:
    """A pattern of one of Presidio's recognizers: what it finds has this score before it is
    checked.
    """

    name: str
    score: float
    text: str
    flags: int

    @cached_property
    def regex(self) -> Any:
        """The pattern, compiled when it is first needed."""
        return regex.compile(self.text, self.flags)

    @cached_property
    def needs(self) -> tuple[Need, ...] | None:
        """See `pattern_digits.needs_of`."""
        return needs_of(self.text)


class BuiltinRecognizer(NamedTuple):
    """One of Presidio's recognizers, ready to run.

    Attributes:
        recognizer: as Presidio made it.
        needs: what a text must hold.
        patterns: those of a recognizer that does no more than look for them; they are run without
            it.
        country: ISO 3166-1 code; empty: every country.
        checked: what it finds may have a check digit.
        proof: the score of what has a right one.
        verified: tells of a value whether it has, where the score does not.
        cues: its context words, as they are and in lower case.
    """

    recognizer: EntityRecognizer
    needs: TextRequirements
    patterns: tuple[ScoredPattern, ...]
    country: str
    checked: bool
    proof: float
    verified: Callable[[str], bool] | None
    cues: tuple[tuple[str, str], ...]

    def found(self, text: str) -> list[RecognizerResult]:
        """Return what the recognizer finds. Raises `TimedOut` where a pattern takes too long: going
        on would leave the text unread.
        """
        inner = self.recognizer
        if not self.patterns:
            results: list[RecognizerResult] = inner.analyze(text, inner.supported_entities, None)
            return results
        out = []
        for pattern in self.patterns:
            try:
                for match in pattern.regex.finditer(
                    text, timeout=pattern_recognizer.REGEX_TIMEOUT_SECONDS
                ):
                    value = match[0]
                    if (
                        value
                        and (sure := _score(inner, value, pattern.score))
                        > EntityRecognizer.MIN_SCORE
                    ):
                        why = AnalysisExplanation(inner.name, sure, pattern_name=pattern.name)
                        out.append(
                            RecognizerResult(
                                inner.supported_entities[0], match.start(), match.end(), sure, why
                            )
                        )
            except TimeoutError:
                raise TimedOut from None
        return EntityRecognizer.remove_duplicates(out) if len(out) > 1 else out


def _score(recognizer: PatternRecognizer, value: str, score: float) -> float:
    """Return the score of what a pattern found, once Presidio's recognizer has checked it."""
    if recognizer.invalidate_result(value):
        return float(EntityRecognizer.MIN_SCORE)
    valid = recognizer.validate_result(value)
    return (
        score
        if valid is None
        else float(EntityRecognizer.MAX_SCORE if valid else EntityRecognizer.MIN_SCORE)
    )


class _Found(NamedTuple):
    """Value that a recognizer finds in a stretch: its place there, and the score before the rest of
    the text is looked at.
    """

    builtin: BuiltinRecognizer
    entity: str
    start: int
    end: int
    score: float
    pattern: str | None


class _Readers:
    """Recognizers that read the same stretches of a text. What they find in a stretch is kept for
    its like.
    """

    def __init__(self, builtins: Sequence[BuiltinRecognizer]) -> None:
        self._builtins = builtins
        self._of_runs = lru_cache(maxsize=1024)(self._by_needs)
        self.forget()

    def forget(self) -> None:
        """Throw away what is kept of texts."""
        self._known: dict[str, tuple[_Found, ...]] = {}
        self._chars = 0

    def read(self, stretch: str) -> tuple[_Found, ...]:
        """Return what the recognizers find in a stretch, in order of recognizers."""
        known = self._known.get(stretch)
        if known is None:
            known = tuple(self._read(stretch))
            if self._chars > MOST_CHARS:
                self.forget()
            self._known[stretch] = known
            self._chars += len(stretch)
        return known

    def _read(self, stretch: str) -> Iterator[_Found]:
        near = excerpt.longest_digit_run(stretch)
        for needs, builtins in self._of_runs(runs_of(stretch)).items():
            for builtin in builtins if needs.met(stretch, near) else ():
                for r in builtin.found(stretch):
                    pattern = getattr(r.analysis_explanation, "pattern_name", None)
                    yield _Found(builtin, r.entity_type, r.start, r.end, r.score, pattern)

    def _by_needs(self, runs: int) -> Mapping[TextRequirements, Sequence[BuiltinRecognizer]]:
        """Return those that may find something where digits stand in such runs, each with the
        patterns that may, by what a text must hold besides.
        """
        out: dict[TextRequirements, list[BuiltinRecognizer]] = {}
        for b in self._builtins:
            patterns = tuple(p for p in b.patterns if may_match(p.needs, runs))
            if patterns or not b.patterns:
                out.setdefault(b.needs, []).append(b._replace(patterns=patterns))
        return out


class PresidioBuiltinRecognizer(EntityRecognizer):  # type: ignore[misc]
    """Presidio's pattern recognizers together, so that a text's stretches are cut once for all of
    them.

    Args:
        language: language of the texts; Presidio's recognizers serve it whichever they were written
            for.
        settings: the policy's `detect` section. A country it names itself counts by form alone: a
            policy that asks for British passports gets them without the word "passport" beside
            them, and part numbers of their form as well.
    """

    def __init__(self, language: str, settings: DetectionSettings) -> None:
        left_out = {*settings.disable, *(() if settings.dates else ("DateRecognizer",))}
        self.countries = frozenset(settings.read_countries())
        self.asked_for = frozenset(settings.countries or ())
        self.builtins = [
            _made(n, c, language, settings.phone_regions)
            for n, c in builtin_classes().items()
            if n not in left_out
        ]
        self._words = load_language(language).words
        self._by_cut: dict[
            frozenset[str] | None, Mapping[Callable[[str], Stretches], _Readers]
        ] = {}
        entities = sorted({e for b in self.builtins for e in b.recognizer.supported_entities})
        super().__init__(
            supported_entities=entities, supported_language=language, name=type(self).__name__
        )

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Follow Presidio's contract, context words included."""
        plain = excerpt.to_ascii_digits(text)
        countries = self.countries | _countries(nlp_artifacts)
        judge = ValueJudge(text, nlp_artifacts, self._words)
        out = [
            r
            for cut, readers in self._reading(countries).items()
            for r in self._found(cut(plain), readers, judge, countries)
        ]
        # Numbers with a right check digit that letters or `_` touch, which Presidio's patterns do
        # not part from them.
        out += [
            r
            for cut, readers in self._reading(None).items()
            for r in self._found(cut(plain), readers, judge, None)
        ]
        wanted = set(entities)
        return (
            out
            if wanted.issuperset(self.supported_entities)
            else [r for r in out if r.entity_type in wanted]
        )

    def _reading(
        self, countries: frozenset[str] | None
    ) -> Mapping[Callable[[str], Stretches], _Readers]:
        """Return the recognizers that can add something where the numbers of `countries` are read,
        by what they read of a text.

        Without countries those that know a check digit, of words without the letters that touch
        them.
        """
        if countries not in self._by_cut:
            by_cut: dict[Callable[[str], Stretches], list[BuiltinRecognizer]] = {}
            for b in self.builtins:
                if b.checked or (
                    countries is not None and (not b.country or b.country in countries)
                ):
                    by_cut.setdefault(
                        excerpt.without_touching_letters if countries is None else b.needs.cut, []
                    ).append(b)
            self._by_cut[countries] = {cut: _Readers(builtins) for cut, builtins in by_cut.items()}
        return self._by_cut[countries]

    def forget(self) -> None:
        """Throw away what is kept of texts."""
        for reading in self._by_cut.values():
            for readers in reading.values():
                readers.forget()

    def _found(
        self,
        stretches: Stretches,
        readers: _Readers,
        judge: ValueJudge,
        countries: frozenset[str] | None,
    ) -> Iterator[RecognizerResult]:
        """Yield what recognizers find in stretches of a text; without `countries` only what has a
        right check digit.
        """
        for begin, stretch in stretches:
            for found in readers.read(stretch):
                kept = self._kept(found, (begin + found.start, begin + found.end), judge, countries)
                if kept is not None:
                    yield kept

    def _kept(
        self,
        found: _Found,
        span: tuple[int, int],
        judge: ValueJudge,
        countries: frozenset[str] | None,
    ) -> RecognizerResult | None:
        """Return what a recognizer found at `span` of the text, if it counts."""
        builtin, score = found.builtin, found.score
        value = judge.text[span[0] : span[1]]
        proven = builtin.checked and score >= builtin.proof
        if builtin.verified is not None and (proven := builtin.verified(value)):
            score = 1.0
        if not proven and (
            countries is None or (builtin.country and builtin.country not in countries)
        ):
            return None
        word = judge.cue(span[0], builtin.cues) if score < 1 else ""
        if not proven and judge.no_value(found.entity, span, bool(word)):
            return None
        if builtin.country in self.asked_for and is_form_of_its_own(value):
            score = max(score, LEAST_WITH_CONTEXT)
        return self._result(found, score, _whole(judge.text, *span, found.entity), word)

    def _result(
        self, found: _Found, score: float, span: tuple[int, int], word: str
    ) -> RecognizerResult:
        name = found.builtin.recognizer.name
        why = AnalysisExplanation(
            recognizer=name,
            original_score=score,
            pattern_name=found.pattern,
            textual_explanation=f"Presidio's {name}",
        )
        if word:
            score = min(1.0, max(CONTEXT_FACTOR + score, LEAST_WITH_CONTEXT))
            why.set_supportive_context_word(word)
            why.set_improved_score(score)
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: BUILTIN + name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult(found.entity, *span, score, why, metadata)


def _made(
    name: str, kind: type[EntityRecognizer], language: str, regions: Sequence[str]
) -> BuiltinRecognizer:
    if kind is PhoneRecognizer:
        made: EntityRecognizer = GatedPhoneRecognizer(language, regions)
    else:
        made = (OfflineEmailRecognizer if kind is EmailRecognizer else kind)(
            supported_language=language, name=name
        )
    needs = REQUIREMENTS.get(name.removesuffix("Recognizer"), UNGATED)
    checked, proof = name in CHECKED or name in VERIFIED, 0.0 if name in INVALIDATED else 1.0
    cues = tuple((word, word.lower()) for word in made.context or ())
    return BuiltinRecognizer(
        made, needs, _patterns(made), _country(kind), checked, proof, VERIFIED.get(name), cues
    )


def _patterns(made: EntityRecognizer) -> tuple[ScoredPattern, ...]:
    """Return the patterns of a recognizer that looks for them as Presidio's base does."""
    if type(made).analyze is not PatternRecognizer.analyze:
        return ()
    return tuple(
        ScoredPattern(p.name, p.score, p.regex, made.global_regex_flags) for p in made.patterns
    )


def _countries(artifacts: Any) -> frozenset[str]:
    """Return countries that the record of a text adds to those of the policy."""
    data = getattr(getattr(artifacts, "tokens", None), "user_data", None) or {}
    view = data.get("callveil_view")
    return view.countries if isinstance(view, View) else frozenset()


def is_form_of_its_own(value: str) -> bool:
    """Tell whether a value cannot be a word, an amount or a time: capitals and digits, or many
    digits.
    """
    letters, digits = sum(map(str.isalpha, value)), sum(map(str.isdigit, value))
    if not letters or digits >= 8:
        return digits >= 8
    return digits >= 5 or (
        digits >= 2 and letters + digits >= 5 and not any(map(str.islower, value))
    )


_MOST = 64
_DIGITS, _LETTERS = re.compile(rf"\d{{0,{_MOST}}}"), re.compile(rf"[a-zA-Z]{{0,{_MOST}}}")


def _whole(text: str, start: int, end: int, entity: str) -> tuple[int, int]:
    """Return the places of a span, extended: one that begins or ends within a run of digits takes
    the whole run, and a web address the rest of its last word.
    """
    if entity == "URL":
        return start, end + _length(_LETTERS, text[end : end + _MOST])
    if text[start].isdigit():
        start -= _length(_DIGITS, text[max(0, start - _MOST) : start][::-1])
    if text[end - 1].isdigit():
        end += _length(_DIGITS, text[end : end + _MOST])
    return start, end


def _length(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0
