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
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import regex
import tldextract
from phonenumbers import PhoneNumber, PhoneNumberMatch, PhoneNumberMatcher
from phonenumbers.phonemetadata import PhoneMetadata
from presidio_analyzer import (
    AnalysisExplanation,
    EntityRecognizer,
    PatternRecognizer,
    RecognizerResult,
    pattern_recognizer,
)
from presidio_analyzer import predefined_recognizers as predefined
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.predefined_recognizers import EmailRecognizer, PhoneRecognizer

from callveil.schemas.policy import DetectionSettings
from callveil.transforms.detect.budget import TimedOut
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.lang import load_language
from callveil.transforms.detect.recognizers import excerpt
from callveil.transforms.detect.recognizers.checks import NUMBERS_KEPT, is_gstin, is_nric
from callveil.transforms.detect.recognizers.excerpt import Stretches
from callveil.transforms.detect.recognizers.no_value import NO_NUMBERS, is_no_value
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

PHONE_REGIONS = PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS


class TextRequirements(NamedTuple):
    """What a text must hold for a recognizer to find anything in it.

    Attributes:
        near: digits with at most one other character, no letter, between them.
        sign: what else stands somewhere in it, in any case.
        cut: gives the stretches of a text that the recognizer reads.
    """

    near: int = 0
    sign: str = ""
    cut: Callable[[str], Stretches] = excerpt.around_digits

    def met(self, text: str, near: int) -> bool:
        """Tell whether a text, with so many digits near each other, holds it."""
        return near >= self.near and (
            not self.sign or _compiled(self.sign).search(text) is not None
        )


@lru_cache(maxsize=256)
def _compiled(sign: str) -> re.Pattern[str]:
    return re.compile(sign, re.IGNORECASE)


MOST_CHARS = 200_000
"""Characters of stretches that are kept, with what was found in them, by recognizers that read
alike.
"""

_AD, _DA, _CODE9 = "[a-z]\\d", "\\d[a-z]", "[a-z][a-z\\d]{7}\\d"
_NEEDS = {
    "AbaRouting": TextRequirements(near=9),
    "AuAbn": TextRequirements(near=11),
    "AuAcn": TextRequirements(near=9),
    "AuMedicare": TextRequirements(near=10),
    "AuTfn": TextRequirements(near=9),
    "CaPostalCode": TextRequirements(sign="[a-z]\\d[a-z]"),
    "CaSin": TextRequirements(near=9),
    "CreditCard": TextRequirements(near=12),
    "Crypto": TextRequirements(cut=excerpt.long_words),
    "Date": TextRequirements(),
    "DeBsnr": TextRequirements(),
    "DeFuehrerschein": TextRequirements(sign=_AD),
    "DeHandelsregister": TextRequirements(sign="hr[ab]"),
    "DeHealthInsurance": TextRequirements(sign=_AD),
    "DeIdCard": TextRequirements(sign=_CODE9),
    "DeKfz": TextRequirements(),
    "DeLanr": TextRequirements(),
    "DePassport": TextRequirements(sign=_CODE9),
    "DePlz": TextRequirements(),
    "DeSocialSecurity": TextRequirements(sign="\\d[a-z]\\d"),
    "DeTaxId": TextRequirements(),
    "DeTaxNumber": TextRequirements(near=9),
    "DeVatId": TextRequirements(near=9, sign="de"),
    "Email": TextRequirements(cut=excerpt.around_at),
    "EsNie": TextRequirements(),
    "EsNif": TextRequirements(),
    "EsPassport": TextRequirements(sign=_AD),
    "FiPersonalIdentityCode": TextRequirements(),
    "Iban": TextRequirements(sign="(?-i:[A-Z]{2}\\d\\d[ -]?[A-Z\\d]{4})"),
    "InAadhaar": TextRequirements(near=12),
    "InGstin": TextRequirements(sign="\\d\\d[a-z\\d]{11}"),
    "InPan": TextRequirements(cut=excerpt.whole_text),
    "InPassport": TextRequirements(near=7, sign=_AD),
    "InVehicleRegistration": TextRequirements(sign=_AD),
    "InVoter": TextRequirements(sign=_AD),
    "Ip": TextRequirements(cut=excerpt.around_network_addresses),
    "ItDriverLicense": TextRequirements(sign="[a-z\\d]{10}"),
    "ItFiscalCode": TextRequirements(cut=excerpt.long_words),
    "ItIdentityCard": TextRequirements(),
    "ItPassport": TextRequirements(sign=_AD),
    "ItVatCode": TextRequirements(near=11),
    "KrBrn": TextRequirements(near=10),
    "KrDriverLicense": TextRequirements(near=12),
    "KrFrn": TextRequirements(near=13),
    "KrPassport": TextRequirements(sign=_AD),
    "KrRrn": TextRequirements(near=13),
    "MacAddress": TextRequirements(cut=excerpt.around_network_addresses),
    "MedicalLicense": TextRequirements(sign=_AD),
    "NgNin": TextRequirements(),
    "NgVehicleRegistration": TextRequirements(sign="\\d{3}[a-z]{2}"),
    "Nhs": TextRequirements(near=10),
    "PhPassport": TextRequirements(sign=_AD),
    "PhTin": TextRequirements(near=9),
    "PhUmid": TextRequirements(near=12),
    "Phone": TextRequirements(cut=excerpt.around_phones),
    "PlPesel": TextRequirements(),
    "SeOrganisationsnummer": TextRequirements(near=10),
    "SePersonnummer": TextRequirements(near=10),
    "SgFin": TextRequirements(sign=_AD),
    "SgUen": TextRequirements(sign=_DA),
    "ThTnin": TextRequirements(),
    "TrLicensePlate": TextRequirements(),
    "TrNationalId": TextRequirements(),
    "UkDrivingLicence": TextRequirements(sign=_AD),
    "UkNino": TextRequirements(near=6),
    "UkPassport": TextRequirements(sign=_AD),
    "UkPostcode": TextRequirements(sign=f"{_AD}|gir"),
    "UkVehicleRegistration": TextRequirements(
        sign=f"{_AD}|\\b[a-z]{{3}}[- ]?\\d{{1,3}}[- ]?[a-z]\\b"
    ),
    "Url": TextRequirements(cut=excerpt.around_dots),
    "UsBank": TextRequirements(),
    "UsClaimNumber": TextRequirements(sign="claim|clm"),
    "UsHealthInsuranceMemberId": TextRequirements(sign="[a-z]-?\\d"),
    "UsItin": TextRequirements(near=9),
    "UsLicense": TextRequirements(sign=f"{_AD}|\\d{{6}}|]\\d"),
    "UsMbi": TextRequirements(sign="\\d[a-z][a-z\\d]\\d"),
    "UsNpi": TextRequirements(near=10),
    "UsPassport": TextRequirements(),
    "UsPrescriptionNumber": TextRequirements(sign="rx|prescription"),
    "UsPriorAuthorizationNumber": TextRequirements(sign="auth|pa-?\\d"),
    "UsProviderTaxId": TextRequirements(near=9),
    "UsReferralNumber": TextRequirements(sign="referral|(?:ref|inf)-?\\d"),
    "UsSsn": TextRequirements(near=9),
    "Uuid": TextRequirements(sign="-[a-f\\d]{4}-"),
    "ZaCompanyRegistration": TextRequirements(near=8),
    "ZaDriverLicense": TextRequirements(),
    "ZaIdNumber": TextRequirements(),
    "ZaIncomeTaxNumber": TextRequirements(),
    "ZaLicensePlate": TextRequirements(),
    "ZaMobileNumber": TextRequirements(cut=excerpt.around_phones),
    "ZaPassport": TextRequirements(sign=_AD),
    "ZaTelephoneNumber": TextRequirements(cut=excerpt.around_phones),
    "ZaTrafficRegisterNumber": TextRequirements(),
    "ZaVatNumber": TextRequirements(),
}
"""By class name. A recognizer that is not named here, such as one that a later Presidio adds, reads
whole texts.
"""

_UNGATED = TextRequirements(cut=excerpt.whole_text)


class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
    """Presidio's, which would fetch the list of domain endings from the network; this one keeps to
    the list that is installed.
    """

    def validate_result(self, pattern_text: str) -> bool:
        """Tell whether the domain ends in a public suffix."""
        return bool(_suffixes()(pattern_text).fqdn)


@lru_cache(maxsize=1)
def _suffixes() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=1)
def _endings() -> frozenset[str]:
    """Top-level domains."""
    return frozenset(_suffixes().tlds)


class GatedPhoneRecognizer(PhoneRecognizer):  # type: ignore[misc]
    """Presidio's, region by region until all that could be a number is found.

    A further region would find the same places again. Regions whose numbers are longer than any
    that the text holds are left out.
    """

    def __init__(self, supported_language: str, regions: Sequence[str]) -> None:
        super().__init__(supported_language=supported_language, name="PhoneRecognizer")
        self.needed = [
            (region, _shortest(region)) for region in _distinct((*PHONE_REGIONS, *regions))
        ]

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Return presidio's contract."""
        open_, found = excerpt.phone_runs(text), dict[tuple[int, int], None]()
        for region, digits in self.needed:
            if any(count >= digits for _, _, count in open_):
                found |= dict.fromkeys(
                    (m.start, m.end) for m in _Matcher(text, region, self.leniency)
                )
                open_ = [
                    run
                    for run in open_
                    if not any(start <= run[0] and run[1] <= end for start, end in found)
                ]
        return [
            RecognizerResult(self.supported_entities[0], start, end, self.SCORE)
            for start, end in found
        ]


class _Matcher(PhoneNumberMatcher):  # type: ignore[misc]
    """Google's, which judges the same candidate between the same two characters once."""

    def _parse_and_verify(self, candidate: str, offset: int) -> PhoneNumberMatch | None:
        stop = offset + len(candidate)
        number = _number(
            self.text[max(0, offset - 1) : offset],
            candidate,
            self.text[stop : stop + 1],
            self.preferred_region,
            self.leniency,
        )
        return None if number is None else PhoneNumberMatch(offset, candidate, number)


@lru_cache(maxsize=NUMBERS_KEPT)
def _number(
    before: str, candidate: str, behind: str, region: str, leniency: int
) -> PhoneNumber | None:
    found = PhoneNumberMatcher(before + candidate + behind, region, leniency)._parse_and_verify(
        candidate, len(before)
    )
    return None if found is None else found.number


def _distinct(regions: Sequence[str]) -> Iterator[str]:
    """Yield the regions without Canada beside the United States: they share one plan, and the
    matcher finds the same numbers by either.
    """
    for region in dict.fromkeys(regions):
        if not (region == "CA" and "US" in regions):
            yield region


def _shortest(region: str) -> int:
    """Return digits of a region's shortest national number."""
    metadata = PhoneMetadata.metadata_for_region(region)
    form = metadata.general_desc if metadata else None
    return min(form.possible_length) if form else 0


def builtin_classes() -> dict[str, type[EntityRecognizer]]:
    """Return presidio's recognizers that work by patterns, by class name."""
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
    """What a recognizer finds in a stretch: its place there, and the score before the rest of the
    text is looked at.
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
        """Return presidio's contract, context words included."""
        plain = excerpt.to_ascii_digits(text)
        countries = self.countries | _countries(nlp_artifacts)
        judge = _Judge(text, nlp_artifacts, self._words)
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
        judge: _Judge,
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
        self, found: _Found, span: tuple[int, int], judge: _Judge, countries: frozenset[str] | None
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
            score = max(score, _LEAST)
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
            score = min(1.0, max(_FACTOR + score, _LEAST))
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
    needs = _NEEDS.get(name.removesuffix("Recognizer"), _UNGATED)
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


_STOCK = LemmaContextAwareEnhancer()
_FACTOR, _LEAST = _STOCK.context_similarity_factor, _STOCK.min_score_with_context_similarity


def context_word(artifacts: Any, start: int, words: Sequence[str]) -> str:
    """Return the first of `words` that Presidio's context enhancement, as it comes, finds before a
    value; empty: none.
    """
    return _first([(word, word.lower()) for word in words], _before(artifacts, start))


def _first(words: Iterable[tuple[str, str]], before: str) -> str:
    """Return the first word whose lower-case form is part of one of those before; none holds a line
    feed.
    """
    return next((word for word, low in words if low in before), "")


def _before(artifacts: Any, start: int) -> str:
    """Return the words that Presidio looks at for context, in lower case, a line feed between them.

    It looks for each as a part of the value's first token and of the five words before it that are
    neither stop words nor punctuation. Presidio makes a list of all such words of a text first;
    here only those it looks at are judged.
    """
    if artifacts is None:
        return ""
    doc = artifacts.tokens
    ends = getattr(doc, "ends", None)  # a `Doc` has none at hand
    if ends is None:
        token = bisect_right(range(len(doc)), start, key=lambda i: doc[i].idx + len(doc[i]))
    else:
        token = bisect_right(ends, start)
    before: list[str] = []
    place = min(token, len(doc) - 1)
    while place >= 0 and len(before) <= _STOCK.context_prefix_count:
        word = doc[place]
        lemma = word.lemma_ or word.lower_
        lexeme = doc.vocab[lemma]
        if not (lexeme.is_stop or lexeme.is_punct or lemma in ("-PRON-", "be") or ":" in lemma):
            before.append(lemma.lower())
        place -= 1
    return "\n".join(before)


class _Judge:
    """What speaks for or against the values found in one text, each place looked at once for all
    recognizers.
    """

    def __init__(self, text: str, artifacts: Any, words: Collection[str]) -> None:
        self.text, self._artifacts, self._words = text, artifacts, words
        self._cues: dict[int, str] = {}
        self._none: dict[tuple[str, tuple[int, int], bool], bool] = {}

    def cue(self, start: int, words: Sequence[tuple[str, str]]) -> str:
        """Return the first of `words`, with their lower-case forms, that stands before a value;
        empty: none.
        """
        if not words:
            return ""
        if start not in self._cues:
            self._cues[start] = _before(self._artifacts, start)
        return _first(words, self._cues[start])

    def no_value(self, entity: str, span: tuple[int, int], cued: bool) -> bool:
        """Tell whether what was found is one of the exceptions of `no_value.py`."""
        key = entity if entity in NO_NUMBERS else "", span, cued
        if key not in self._none:
            self._none[key] = is_no_value(entity, self.text, span, cued, self._words, _endings())
        return self._none[key]


_MOST = 64
_DIGITS, _LETTERS = re.compile(rf"\d{{0,{_MOST}}}"), re.compile(rf"[a-zA-Z]{{0,{_MOST}}}")


def _whole(text: str, start: int, end: int, entity: str) -> tuple[int, int]:
    """Return a span that begins or ends within a run of digits takes the whole run, and a web
    address the rest of its last word.
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
