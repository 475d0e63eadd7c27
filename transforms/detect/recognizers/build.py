"""The recognizers of one language, made for a Presidio registry."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from presidio_analyzer import EntityRecognizer

from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES
from callveil.schemas.plugins import RECOGNIZERS, Plugin, find_plugins
from callveil.transforms.detect.lang import load_language
from callveil.transforms.detect.recognizers import families
from callveil.transforms.detect.recognizers.datetimes import DateRecognizer

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
    """Return callveil's recognizers of one language and those of plugins, ready for a Presidio
    registry.

    Args:
        language: code of a language there is data for, such as `en`.
        phone_regions: CLDR region codes whose telephone numbers are valid without a country code,
            such as `US`.
        amounts: also find amounts of money.
        dates: also find dates that are no birth dates.
        disable: names of classes and plugins to leave out; names that are no recognizer here are
            the caller's business.

    Raises `LanguageError` (a `ValueError`) where there is no data for `language`, and `PluginError`
    where a plugin cannot be used.
    """
    regions = tuple(phone_regions)
    made: list[EntityRecognizer] = [kind(language, regions) for kind in _BY_NUMBERS]
    files = load_language(language).files
    made += [kind(language) for kind in _OTHERS if kind.NEEDS in files]
    if amounts:
        made.append(families.AmountRecognizer(language))
    if dates:
        made.append(DateRecognizer(language))
    for plugin in find_plugins(RECOGNIZERS).values():
        if plugin.name not in disable:
            made += _of_plugin(plugin, language)
    return [r for r in made if r.name.rpartition(":")[2] not in set(disable)]


def _of_plugin(plugin: Plugin, language: str) -> list[EntityRecognizer]:
    """Return a plugin's recognizers of a language, named `plugin:class` in findings."""
    make = plugin.load()
    try:
        made = list(make(language))
    except Exception as error:
        raise plugin.failed(f"raised {type(error).__name__}: {error}") from error
    for recognizer in made:
        if not isinstance(recognizer, EntityRecognizer):
            kind = type(recognizer).__name__
            raise plugin.failed(f"gives a {kind}, which is no presidio_analyzer.EntityRecognizer")
        if recognizer.supported_language != language:
            raise plugin.failed(
                f"gives a recognizer of {recognizer.supported_language} where {language} was asked"
            )
        for entity in recognizer.supported_entities:
            if entity not in ENTITIES and not entity.startswith(CUSTOM_PREFIX):
                raise plugin.failed(
                    f"finds {entity}, for which no policy can set an operator: name a type of "
                    f"callveil's, or one that begins with {CUSTOM_PREFIX}"
                )
        recognizer.name = f"{plugin.name}:{recognizer.name}"
    return made
