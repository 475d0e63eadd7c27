"""Presidio's own recognizers with the gates before them, and without."""

from __future__ import annotations

from dataclasses import replace

from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from callveil.schemas.policy import DetectionSettings
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.recognizers import builtin_requirements
from callveil.transforms.detect.recognizers import presidio_builtin as builtin
from callveil.transforms.detect.recognizers.presidio_builtin import PresidioBuiltinRecognizer

COUNTRIES = (
    "AU",
    "CA",
    "DE",
    "ES",
    "FI",
    "GB",
    "IN",
    "IT",
    "KR",
    "NG",
    "PH",
    "PL",
    "SE",
    "SG",
    "TH",
    "TR",
    "US",
    "ZA",
)


POLICY = load_policy(None)


class Whole(PresidioBuiltinRecognizer):
    """The same without gates: each recognizer reads the whole text, as Presidio runs it."""

    def __init__(self, language: str, settings: DetectionSettings) -> None:
        super().__init__(language, settings)
        phone = PhoneRecognizer(
            supported_language=language,
            supported_regions=(*PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS, *settings.phone_regions),
        )
        whole = builtin_requirements.TextRequirements(cut=builtin.excerpt.whole_text)
        gated = [
            (b, phone if b.recognizer.name == "PhoneRecognizer" else b.recognizer)
            for b in self.builtins
        ]
        self.builtins = [
            b._replace(needs=whole, patterns=(), recognizer=inner) for b, inner in gated
        ]


GATED, UNGATED = (
    kind("en", replace(POLICY.detect, countries=COUNTRIES))
    for kind in (PresidioBuiltinRecognizer, Whole)
)
