"""The `detect` section of a policy: how personal data is found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES
from callveil.schemas.operators import is_custom
from callveil.schemas.policy_settings import Section
from callveil.schemas.policy_values import (
    Between,
    Check,
    Items,
    OmitDefault,
    OneOf,
    Problems,
    ReadAs,
    Table,
    Text,
    Then,
    safe_key,
    suggest_choice,
)

LANGUAGE_COUNTRIES = {
    "de": "DE",
    "es": "ES",
    "fi": "FI",
    "fr": "FR",
    "it": "IT",
    "ko": "KR",
    "pl": "PL",
    "sv": "SE",
    "th": "TH",
    "tr": "TR",
}
"""Country whose numbers Presidio looks for in texts of a language, ISO 639-1 to ISO 3166-1."""

STEP_CHARS = 1_000
"""Characters of a record for which `detect.max_steps` are granted."""
TIME_CHARS = 20_000
"""Characters of a record for which `detect.timeout_seconds` are granted."""
VOTE = " + "
"""Joins the names of models that read every text and vote."""
IGNORE = "ignore"
"""What a label of a model means that means no entity type."""

Margin = Annotated[float, Between(-20, 20)]
"""Scores of a model seldom lie further apart."""
LANGUAGE = "[a-z]{2}"
Language = Annotated[str, Text("text such as en (ISO 639-1)", LANGUAGE)]
Switch = Annotated[bool, OmitDefault()]


def _unknown_region(region: str) -> Problems:
    """Give a region that phonenumbers does not know: its numbers would stay unfound without a
    word.
    """
    from phonenumbers import SUPPORTED_REGIONS

    if region not in SUPPORTED_REGIONS:
        hint = "; the United Kingdom is GB" if region == "UK" else ""
        reason = f"{region} is no country or region with telephone numbers (ISO 3166-1){hint}"
        yield (), reason


Region = Annotated[str, Text("text such as US (ISO 3166-1)", "[A-Z]{2}"), Check(_unknown_region)]


def _unknown_meaning(meaning: str) -> Problems:
    """Give a type nobody knows: it would be covered as one nobody can set a threshold or operator
    for.
    """
    if meaning != IGNORE and meaning not in ENTITIES and not is_custom(meaning):
        hint = suggest_choice(safe_key(meaning), sorted(ENTITIES)) or "."
        yield (
            (),
            f"unknown entity{hint} Give an entity type, one of your own that begins with "
            f"{CUSTOM_PREFIX}, or `{IGNORE}`",
        )


def _models_schema(own: dict[str, Any]) -> dict[str, Any]:
    return own | {"propertyNames": {"pattern": f"^(?:{LANGUAGE})$"}}


def _meanings_schema(own: dict[str, Any]) -> dict[str, Any]:
    meaning = [{"enum": [IGNORE, *ENTITIES]}, {"pattern": f"^{CUSTOM_PREFIX}"}]
    return own | {"additionalProperties": {"anyOf": meaning}}


def _sorted_once(languages: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(languages)))


def _once(regions: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(regions))


@dataclass(frozen=True)
class ModelMargin(Section):
    """From which margin on a finding of the language model is taken.

    A margin is the model's score of a name that begins at a word less its score of none.

    Attributes:
        name: of a person or an organization. Lower finds more.
        place: of a place or an address.
        rare_name: of a person of rare words alone; at most `name`, and equal to it to take none
            besides.
    """

    name: Margin = -2.0
    place: Margin = -3.5
    rare_name: Margin = -6.0

    def __post_init__(self) -> None:
        """Lower `rare_name` to `name`, since rare names are taken besides."""
        object.__setattr__(self, "rare_name", min(self.name, self.rare_name))

    @classmethod
    def find_problems(cls, given: Mapping[str, Any]) -> Problems:
        """Give a margin of rare names above that of any."""
        if given.get("rare_name", -math.inf) > given.get("name", math.inf):
            yield (
                ("rare_name",),
                f"expected at most {given['name']:g}, which is `name`: rare names are taken "
                "besides",
            )


@dataclass(frozen=True)
class ModelMargins(Section):
    """Margins by kind of text, told turn by turn.

    Attributes:
        cased: of turns with capitals and small letters.
        uncased: of turns without.
    """

    cased: ModelMargin = ModelMargin()
    uncased: ModelMargin = ModelMargin(place=-4.0)


@dataclass(frozen=True)
class RecognizerSettings(Section):
    """Which recognizers look for personal data.

    Attributes:
        disable: class names of recognizers that are left out.
    """

    disable: Annotated[
        frozenset[Annotated[str, Text("text that is a class name", r"[A-Za-z_]\w{0,99}")]], Items()
    ] = frozenset()


@dataclass(frozen=True)
class DetectionSettings(Section):
    """How personal data is found. Changing any of it means new engines, so it cannot be overridden
    per record.

    Attributes:
        model: `embedded` (English, ships with callveil), name of an installed spaCy pipeline, path
            of one, of a Hugging Face token classifier or of a GLiNER model, or `none`. Several,
            joined by ` + `, vote.
        models: the same by language, for languages that use another one.
        labels: entity type, or `ignore`, by label of a model, beside the usual ones.
        languages: languages that are analysed, ISO 639-1.
        default_language: language of records that name none.
        unknown_language: `full` or `scan`, for records of any other language.
        phone_regions: regions whose national numbers are read as telephone numbers, ISO 3166-1.
        recognizers: which recognizers look.
        timeout_seconds: CPU seconds that may be spent on every 20,000 characters (begun) of a
            record, and on one pattern over one text; a record that needs longer is rejected as
            `timed_out`.
        max_steps: counted steps of detection that may be spent on every 1,000 characters (begun) of
            a record, in each look; a record that needs more is rejected as `over_budget`, on every
            machine alike.
        margins: from which margin on names of a model that callveil trained are taken; any other
            model takes what it takes.
        amounts: whether amounts of money are looked for.
        dates: whether dates other than birth dates are looked for.
        digit_ids: whether ids of digits only, or with the signs of telephone numbers, are written
            as keyed digests too, as those that are names always are. Set it before the first run: a
            record stored under its own id is not known again under its digest.
        countries: countries whose identity, tax, passport and like numbers are found without a
            check digit, ISO 3166-1; without it those of `phone_regions` and of the languages.
            Numbers with a right check digit are found whichever country's they are.
        one_party: when a conversation of several turns is read as one side's only, so that what may
            be the answer to a question nobody sees is found: `seen` where one speaker has all
            turns, `always`, or `never`.
    """

    model: Annotated[str, Text()] = "embedded"
    models: Annotated[
        Mapping[
            Annotated[str, Text("text such as es (ISO 639-1) before the colon", LANGUAGE)],
            Annotated[str, Text()],
        ],
        Table(_models_schema),
    ] = field(default_factory=dict)
    labels: Annotated[
        Mapping[str, Annotated[str, Text(), Check(_unknown_meaning)]],
        Table(_meanings_schema),
        OmitDefault(),
    ] = field(default_factory=dict)
    languages: Annotated[
        tuple[Language, ...], Items("name at least one language"), Then(_sorted_once)
    ] = ("en",)
    default_language: Language = "en"
    unknown_language: Annotated[str, OneOf(("full", "scan"))] = "full"
    phone_regions: Annotated[tuple[Region, ...], Items(), Then(_once)] = ("US", "GB", "CA")
    recognizers: RecognizerSettings = RecognizerSettings()
    timeout_seconds: Annotated[float, Between(0.001, 600)] = 10.0
    max_steps: Annotated[int, Between(1_000, 1_000_000_000), OmitDefault()] = 50_000
    margins: Annotated[ModelMargins, OmitDefault()] = ModelMargins()
    amounts: bool = False
    dates: Switch = False
    digit_ids: Switch = False
    countries: Annotated[
        tuple[Region, ...] | None,
        ReadAs(Annotated[tuple[Region, ...], Items(), Then(_once)]),
        OmitDefault(),
    ] = None
    one_party: Annotated[str, OneOf(("seen", "always", "never")), OmitDefault()] = "seen"

    def __hash__(self) -> int:
        values = (getattr(self, f.name) for f in fields(self))
        return hash(
            tuple(tuple(sorted(v.items())) if isinstance(v, Mapping) else v for v in values)
        )

    @property
    def disable(self) -> frozenset[str]:
        """Class names of recognizers that are left out."""
        return self.recognizers.disable

    def read_countries(self) -> tuple[str, ...]:
        """Return countries whose numbers are found without a check digit, ISO 3166-1."""
        if self.countries is not None:
            return self.countries
        own = (LANGUAGE_COUNTRIES[c] for c in self.languages if c in LANGUAGE_COUNTRIES)
        return tuple(dict.fromkeys((*self.phone_regions, *own)))

    def models_for(self, language: str) -> tuple[str, ...]:
        """Return models for records of `language`; several vote."""
        return tuple(name.strip() for name in self.models.get(language, self.model).split(VOTE))


@dataclass(frozen=True)
class InputLimits(Section):
    """Upper limits of input; more is rejected.

    Attributes:
        record_bytes: bytes of one record as the source gives it.
        field_chars: code points of one text.
        depth: levels of nesting; ends at 256 since nested values are walked on the interpreter's
            own stack.
        document_bytes: bytes of one JSON document (an API page, an array) read as a whole.
    """

    record_bytes: Annotated[int, Between(1_024, 2**30)] = 8_388_608
    field_chars: Annotated[int, Between(1_024, 2**30)] = 2_000_000
    depth: Annotated[int, Between(4, 256)] = 64
    document_bytes: Annotated[int, Between(1_024, 2**33)] = 268_435_456
