"""Presidio's own recognizers where they are good, behind a cheap test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from presidio_analyzer import RecognizerResult
from presidio_analyzer.predefined_recognizers import CryptoRecognizer

_LONG = re.compile(r"[a-zA-Z0-9]{25}")


class GatedCryptoRecognizer(CryptoRecognizer):  # type: ignore[misc]
    """Wallet addresses by their check digits; they have at least 26 letters and digits on end, so most texts hold none."""

    def __init__(self, language: str = "en") -> None:
        super().__init__(supported_language=language, name="CryptoRecognizer")

    def analyze(self, text: str, entities: Sequence[str], nlp_artifacts: Any = None, regex_flags: int | None = None) -> list[RecognizerResult]:
        """Presidio's contract."""
        if _LONG.search(text) is None:
            return []
        found: list[RecognizerResult] = super().analyze(text, list(entities), nlp_artifacts, regex_flags)
        return found
