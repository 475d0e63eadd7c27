"""The policy: what is redacted, how, for whom and when.

These are the types. `callveil.schemas.policy_load` makes them from YAML and refuses, with line and
field, what makes no sense.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import yaml

from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES
from callveil.schemas.errors import UserError
from callveil.schemas.recordings import RecordingSettings
from callveil.schemas.retention import RetentionSettings
from callveil.schemas.rules import (
    OPERATORS,
    SCOPES,
    TREATMENTS,
    LayerSettings,
    Operator,
    RequestSettings,
    Rules,
    collapse_whitespace,
)

__all__ = [
    "CUSTOM_PREFIX",
    "ENTITIES",
    "OPERATORS",
    "SCOPES",
    "TREATMENTS",
    "DetectionSettings",
    "InputLimits",
    "LayerSettings",
    "ModelMargin",
    "ModelMargins",
    "Operator",
    "Override",
    "Policy",
    "PolicyError",
    "PolicyProblem",
    "Rules",
    "collapse_whitespace",
    "document_digest",
    "effective_yaml",
]

_CACHED_RULES = 1024


@dataclass(frozen=True, order=True)
class PolicyProblem:
    """One thing wrong with a policy file.

    Attributes:
        file: as the user named it.
        line, column: 1-based; 0 where the file as a whole is meant.
        field: dotted path, such as `entities.PERSON.scope` or `overrides[2].when`.
        message: what is wrong and how to mend it; quotes no `allow` or `deny` text.
    """

    file: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return (
            f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"
        )


class PolicyError(UserError, ValueError):
    """A policy cannot be used. `problems` holds everything that is wrong, in the order of the
    files.
    """

    def __init__(self, problems: list[PolicyProblem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


@dataclass(frozen=True)
class Override:
    """Settings for some records: all conditions that are given must hold. An empty condition holds
    for every record.
    """

    account: frozenset[str] = frozenset()
    account_type: frozenset[str] = frozenset()
    kind: frozenset[str] = frozenset()
    language: frozenset[str] = frozenset()
    settings: LayerSettings = field(default_factory=LayerSettings)

    def matches(self, account_id: str, account_type: str, kind: str, language: str) -> bool:
        """Tell whether every condition holds."""
        pairs = (
            (self.account, account_id),
            (self.account_type, account_type),
            (self.kind, kind),
            (self.language, language),
        )
        return all(not wanted or value in wanted for wanted, value in pairs)


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


@dataclass(frozen=True)
class ModelMargin:
    """From which margin on a finding of the language model is taken.

    A margin is the model's score of a name that begins at a word less its score of none.

    Attributes:
        name: of a person or an organization. Lower finds more.
        place: of a place or an address.
        rare_name: of a person of rare words alone; at most `name`, and equal to it to take none
            besides.
    """

    name: float
    place: float
    rare_name: float


@dataclass(frozen=True)
class ModelMargins:
    """Margins by kind of text, told turn by turn: with capitals and small letters, or without."""

    cased: ModelMargin = ModelMargin(-2.0, -3.5, -6.0)
    uncased: ModelMargin = ModelMargin(-2.0, -4.0, -6.0)


@dataclass(frozen=True)
class DetectionSettings:
    """How personal data is found. Changing any of it means new engines, so it cannot be overridden
    per record.

    Attributes:
        model: `embedded` (English, ships with callveil), name of an installed spaCy pipeline, path
            of one, of a Hugging Face token classifier or of a GLiNER model, or `none`. Several,
            joined by ` + `, vote: see `transforms.detect.pipeline.vote`.
        models: the same by language, for languages that use another one.
        labels: entity type, or `ignore`, by label of a model, beside
            `transforms.detect.models.DEFAULT_LABELS`.
        languages: languages that are analysed, ISO 639-1.
        default_language: language of records that name none.
        unknown_language: `full` or `scan`, for records of any other language.
        phone_regions: regions whose national numbers are read as telephone numbers, ISO 3166-1.
        disable: class names of recognizers that are left out.
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
            check digit, ISO 3166-1; None: those of `phone_regions` and of the languages. Numbers
            with a right check digit are found whichever country's they are.
        one_party: when a conversation of several turns is read as one side's only, so that what may
            be the answer to a question nobody sees is found: `seen` where one speaker has all
            turns, `always`, or `never`.
    """

    model: str = "embedded"
    models: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ("en",)
    default_language: str = "en"
    unknown_language: str = "full"
    phone_regions: tuple[str, ...] = ("US", "GB", "CA")
    disable: frozenset[str] = frozenset()
    timeout_seconds: float = 10.0
    max_steps: int = 50_000
    margins: ModelMargins = ModelMargins()
    amounts: bool = False
    dates: bool = False
    digit_ids: bool = False
    countries: tuple[str, ...] | None = None
    one_party: str = "seen"

    def __hash__(self) -> int:
        return hash(
            tuple(
                tuple(sorted(v.items())) if isinstance(v := getattr(self, f.name), Mapping) else v
                for f in fields(self)
            )
        )

    def read_countries(self) -> tuple[str, ...]:
        """Return countries whose numbers are found without a check digit, ISO 3166-1."""
        if self.countries is not None:
            return self.countries
        return tuple(
            dict.fromkeys(
                (
                    *self.phone_regions,
                    *(LANGUAGE_COUNTRIES[c] for c in self.languages if c in LANGUAGE_COUNTRIES),
                )
            )
        )

    def models_for(self, language: str) -> tuple[str, ...]:
        """Return models for records of `language`; several vote."""
        return tuple(name.strip() for name in self.models.get(language, self.model).split(VOTE))


@dataclass(frozen=True)
class InputLimits:
    """What input may be at most; more is rejected.

    Attributes:
        record_bytes: bytes of one record as the source gives it.
        field_chars: code points of one text.
        depth: levels of nesting.
        document_bytes: bytes of one JSON document (an API page, an array) read as a whole.
    """

    record_bytes: int = 8_388_608
    field_chars: int = 2_000_000
    depth: int = 64
    document_bytes: int = 268_435_456


@dataclass(frozen=True, eq=False)
class Policy:
    """A validated policy. Two are equal when their effective documents are.

    Attributes:
        name: shown in reports.
        sha256: of the bytes of `effective_yaml()`.
        detect, limits: see there.
        base: rules for records no override matches.
        overrides: in order; later ones win.
        document: the resolved document: presets merged in, defaults written out.
        retention, recordings: how long records are kept, how recordings are redacted as they
            arrive; each stands in the document only where the policy says something about it.
        requests: how requests of data subjects are carried out; the same.
    """

    name: str
    sha256: str
    detect: DetectionSettings
    limits: InputLimits
    base: Rules
    overrides: tuple[Override, ...]
    document: dict[str, Any] = field(repr=False)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    recordings: RecordingSettings = field(default_factory=RecordingSettings)
    requests: RequestSettings = field(default_factory=RequestSettings)
    _by_account: dict[str, tuple[int, ...]] = field(init=False, repr=False)
    _general: tuple[int, ...] = field(init=False, repr=False)
    _cache: OrderedDict[tuple[int, ...], Rules] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_account: dict[str, tuple[int, ...]] = {}
        for place, override in enumerate(self.overrides):
            for account in override.account:
                by_account[account] = (*by_account.get(account, ()), place)
        object.__setattr__(self, "_by_account", by_account)
        object.__setattr__(
            self, "_general", tuple(i for i, o in enumerate(self.overrides) if not o.account)
        )
        object.__setattr__(self, "_cache", OrderedDict())

    def __eq__(self, other: object) -> bool:
        return self.sha256 == other.sha256 if isinstance(other, Policy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.name,
            self.sha256,
            self.detect,
            self.limits,
            self.base,
            self.overrides,
            self.document,
            self.retention,
            self.recordings,
            self.requests,
        )

    def _matching(
        self, account_id: str, account_type: str, kind: str, language: str
    ) -> Iterator[int]:
        places = self._by_account.get(account_id, ())
        for place in sorted((*places, *self._general)) if places else self._general:
            if self.overrides[place].matches(account_id, account_type, kind, language):
                yield place

    def rules(self, account_id: str, account_type: str, kind: str, language: str) -> Rules:
        """Return rules for records of this account, type, kind and language: the base with every
        matching override on top, in order.

        Equal sets of matching overrides give the same object, so callers may key caches on it.
        """
        places = tuple(self._matching(account_id, account_type, kind, language))
        if not places:
            return self.base
        rules = self._cache.get(places)
        if rules is None:
            rules = self.base
            for place in places:
                rules = rules.with_(self.overrides[place].settings)
            self._cache[places] = rules
            if len(self._cache) > _CACHED_RULES:
                self._cache.popitem(last=False)
        return rules

    def effective_yaml(self) -> str:
        """Return the resolved document in canonical YAML. It loads again to an equal policy, and
        `sha256sum` of its UTF-8 bytes is `sha256`.
        """
        return effective_yaml(self.document)


class _Dumper(yaml.SafeDumper):
    """Quotes texts that hold Unicode's own line breaks, which YAML 1.1 would otherwise fold away
    when it reads them again.
    """


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str",
        text,
        style='"' if any(c in text for c in "\x85\u2028\u2029") else None,
    )


_Dumper.add_representer(str, _text)


def effective_yaml(document: Mapping[str, Any]) -> str:
    """Canonical YAML of a resolved document: sorted keys, block style, no line folding."""
    return yaml.dump(
        dict(document),
        Dumper=_Dumper,
        sort_keys=True,
        allow_unicode=True,
        width=1_000_000,
        default_flow_style=False,
    )


def document_digest(document: Mapping[str, Any]) -> str:
    """sha256, hex, of `effective_yaml(document)`."""
    return hashlib.sha256(effective_yaml(document).encode()).hexdigest()
