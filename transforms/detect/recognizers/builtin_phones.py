"""Presidio's recognizer of telephone numbers, region by region until all of them are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from phonenumbers import PhoneNumber, PhoneNumberMatch, PhoneNumberMatcher
from phonenumbers.phonemetadata import PhoneMetadata
from presidio_analyzer import (
    RecognizerResult,
)
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from callveil.transforms.detect.recognizers import excerpt
from callveil.transforms.detect.recognizers.checks import NUMBERS_KEPT

PHONE_REGIONS = PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS


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
        """Follow Presidio's contract."""
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
