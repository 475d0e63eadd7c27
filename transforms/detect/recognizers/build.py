"""The recognizers of one language, made for a Presidio registry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerResult

from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES
from callveil.schemas.operators import is_custom
from callveil.schemas.plugins import NAME, RECOGNIZERS, Plugin, find_plugins
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
            if entity not in ENTITIES and not is_custom(entity):
                raise plugin.failed(
                    f"finds {entity}, for which no policy can set an operator: name a type of "
                    f"callveil's, or one that begins with {CUSTOM_PREFIX}"
                )
        if not NAME.fullmatch(recognizer.name):
            raise plugin.failed("gives a recognizer whose name is no identifier")
        recognizer.name = f"{plugin.name}:{recognizer.name}"
        recognizer.analyze = _checked(plugin, recognizer)
    return made


def _checked(plugin: Plugin, recognizer: EntityRecognizer) -> Callable[..., list[RecognizerResult]]:
    """Return a recognizer's `analyze` that gives nothing but places in the text, of its types, and
    scores: whatever else it says might be content.
    """
    inner, entities = recognizer.analyze, frozenset(recognizer.supported_entities)

    def analyze(text: str, *args: Any, **kwargs: Any) -> list[RecognizerResult]:
        with plugin.contained():
            found = inner(text, *args, **kwargs)
        if not isinstance(found, list):
            raise plugin.failed(f"analyze returned a {type(found).__name__}, no list")
        return [one(result, len(text)) for result in found]

    def one(result: Any, length: int) -> RecognizerResult:
        if not isinstance(result, RecognizerResult):
            raise plugin.failed(f"found a {type(result).__name__}, no RecognizerResult")
        start, end, score = result.start, result.end, result.score
        if not (type(start) is type(end) is int and 0 <= start < end <= length):
            raise plugin.failed("found a place that is not in the text")
        if result.entity_type not in entities:
            raise plugin.failed("found a type that is none of its supported_entities")
        if not (isinstance(score, float | int) and 0 <= score <= 1):
            raise plugin.failed("gave a score that is no number from 0 to 1")
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: recognizer.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id,
        }
        return RecognizerResult(
            result.entity_type, start, end, float(score), recognition_metadata=metadata
        )

    return analyze
