"""Presidio recognizers for what is said on the telephone, and for what is written in chats and
forms.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from presidio_analyzer import EntityRecognizer

from callveil.transforms.detect.lang import load_language
from callveil.transforms.detect.recognizers import families
from callveil.transforms.detect.recognizers.base import GROUP, SpokenRecognizer
from callveil.transforms.detect.recognizers.datetimes import DateRecognizer
from callveil.transforms.detect.recognizers.presidio_builtin import PresidioBuiltinRecognizer

_BY_NUMBERS = (
    families.SpokenPhoneRecognizer,
    families.SpokenCardRecognizer,
    families.GovernmentIdRecognizer,
    families.BankAccountRecognizer,
    families.AccountNumberRecognizer,
    families.OrderReferenceRecognizer,
    families.PostcodeRecognizer,
    families.VehicleRecognizer,
    families.MedicalNumberRecognizer,
    families.SecretRecognizer,
    families.SpelledNameRecognizer,
)
_OTHERS = (
    families.BirthDateRecognizer,
    families.AgeRecognizer,
    families.AddressRecognizer,
    families.SpokenEmailRecognizer,
    families.SpokenUrlRecognizer,
    families.NetworkAddressRecognizer,
    families.NameAnswerRecognizer,
    families.IntroductionRecognizer,
    families.BareAnswerRecognizer,
)


def build_recognizers(
    language: str,
    phone_regions: Sequence[str],
    amounts: bool = False,
    dates: bool = False,
    disable: Collection[str] = (),
) -> list[EntityRecognizer]:
    """Return callveil's recognizers of one language, ready for a Presidio registry.

    Args:
        language: code of a language there is data for, such as `en`.
        phone_regions: CLDR region codes whose telephone numbers are valid without a country code,
            such as `US`.
        amounts: also find amounts of money.
        dates: also find dates that are no birth dates.
        disable: class names to leave out; names that are no recognizer here are the caller's
            business.

    Raises `LanguageError` (a `ValueError`) where there is no data for `language`.
    """
    regions = tuple(phone_regions)
    made: list[EntityRecognizer] = [kind(language, regions) for kind in _BY_NUMBERS]
    files = load_language(language).files
    made += [kind(language) for kind in _OTHERS if kind.NEEDS in files]
    if amounts:
        made.append(families.AmountRecognizer(language))
    if dates:
        made.append(DateRecognizer(language))
    return [r for r in made if r.name not in set(disable)]


__all__ = ["GROUP", "PresidioBuiltinRecognizer", "SpokenRecognizer", "build_recognizers"]
