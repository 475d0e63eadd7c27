"""The policy: what is redacted, how, for whom and when.

These are the types. `callveil.schemas.policy_load` makes them from YAML and refuses, with line and
field, what makes no sense.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import yaml

from callveil.schemas.account import ACCOUNT_TYPES
from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES
from callveil.schemas.errors import UserError
from callveil.schemas.interaction import KINDS
from callveil.schemas.operators import OPERATORS, SCOPES, Operator
from callveil.schemas.policy_detect import (
    IGNORE,
    STEP_CHARS,
    TIME_CHARS,
    DetectionSettings,
    InputLimits,
    Language,
    ModelMargin,
    ModelMargins,
)
from callveil.schemas.policy_settings import Section, to_file_form
from callveil.schemas.policy_values import (
    Check,
    Items,
    Named,
    OmitDefault,
    OneOf,
    Problems,
    ReadAs,
    Text,
    Then,
    WriteAs,
)
from callveil.schemas.problem import Problem
from callveil.schemas.recording_settings import RecordingSettings
from callveil.schemas.retention import RetentionSettings
from callveil.schemas.rules import TREATMENTS, RequestSettings, Rules, collapse_whitespace

__all__ = [
    "CUSTOM_PREFIX",
    "ENTITIES",
    "IGNORE",
    "OPERATORS",
    "SCOPES",
    "STEP_CHARS",
    "TIME_CHARS",
    "TREATMENTS",
    "VERSION",
    "DetectionSettings",
    "InputLimits",
    "ModelMargin",
    "ModelMargins",
    "Operator",
    "Override",
    "Policy",
    "PolicyError",
    "PolicyFile",
    "Rules",
    "collapse_whitespace",
    "document_digest",
    "effective_yaml",
]

VERSION = 1
"""Of the form of a policy file."""
_CACHED_RULES = 1024


class PolicyError(UserError, ValueError):
    """A policy cannot be used. `problems` holds everything that is wrong, in the order of the
    files.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


_NOT_ALL = Items(
    "an empty condition would hold for every record; name at least one value or remove it"
)


@dataclass(frozen=True)
class Conditions(Section):
    """For which records an override holds: all that are given must be met.

    Attributes:
        account: ids of accounts.
        account_type: types of accounts.
        kind: kinds of interactions.
        language: languages of records, ISO 639-1.
    """

    whole: ClassVar[bool] = True
    empty: ClassVar[str] = (
        "no condition; give one of account, account_type, kind, language, or move the settings out "
        "of the override"
    )

    account: Annotated[
        frozenset[Annotated[str, Text(numbers=True), Then(str.strip)]], _NOT_ALL, OmitDefault()
    ] = frozenset()
    account_type: Annotated[
        frozenset[Annotated[str, OneOf(ACCOUNT_TYPES)]], _NOT_ALL, OmitDefault()
    ] = frozenset()
    kind: Annotated[frozenset[Annotated[str, OneOf(KINDS)]], _NOT_ALL, OmitDefault()] = frozenset()
    language: Annotated[frozenset[Language], _NOT_ALL, OmitDefault()] = frozenset()

    def hold_for(self, account_id: str, account_type: str, kind: str, language: str) -> bool:
        """Tell whether every condition holds."""
        pairs = (
            (self.account, account_id),
            (self.account_type, account_type),
            (self.kind, kind),
            (self.language, language),
        )
        return all(not wanted or value in wanted for wanted, value in pairs)


def _without_empty(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of an override without tables and lists in which nothing stands."""
    return {k: v for k, v in settings.items() if v not in ({}, (), frozenset())}


def _written_rules(settings: Mapping[str, Any]) -> dict[str, Any]:
    return to_file_form(Rules, settings)


@dataclass(frozen=True)
class Override(Section):
    """Settings for some records.

    Attributes:
        when: the records.
        settings: some of those of `Rules`, by name.
    """

    whole: ClassVar[bool] = True
    expected: ClassVar[str] = "a mapping with `when` and `set`"
    missing: ClassVar[str] = "{} is missing; an override says `when` it holds and what it sets"

    when: Conditions
    settings: Annotated[
        Mapping[str, Any],
        ReadAs(Rules),
        Then(_without_empty),
        Named("set"),
        WriteAs(_written_rules),
    ]


def _other_version(version: int) -> Problems:
    if version != VERSION:
        yield (
            (),
            f"this callveil reads version {VERSION}; the file may be made for a later one",
        )


@dataclass(frozen=True)
class PolicyFile(Rules):
    """Statement of what callveil redacts, how, for whom and when.

    Attributes:
        version: of this form; 1.
        name: shown in reports.
        extends: a preset or the path of another file, relative to this one.
        detect: how personal data is found.
        limits: what input may be at most.
        overrides: settings for some records; all conditions must hold, later overrides win.
        retention: how long records are kept.
        recordings: how recordings are redacted as they arrive.
        requests: how requests of data subjects are carried out.
    """

    missing: ClassVar[str] = f"{{}} is missing; write `version: {VERSION}` at the top"

    version: Annotated[int, Check(_other_version)] = field(kw_only=True)
    name: Annotated[
        str,
        Text(
            "text of at most 100 letters, digits, spaces and . : / @ ( ) + -",
            r"[\w.:/@()+-][\w .:/@()+-]{0,99}",
        ),
    ] = ""
    extends: Annotated[str, Text()] = ""
    detect: DetectionSettings = field(default_factory=DetectionSettings)
    limits: InputLimits = field(default_factory=InputLimits)
    overrides: Annotated[tuple[Override, ...], Items()] = ()
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    recordings: RecordingSettings = field(default_factory=RecordingSettings)
    requests: RequestSettings = field(default_factory=RequestSettings)


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
            for account in override.when.account:
                by_account[account] = (*by_account.get(account, ()), place)
        object.__setattr__(self, "_by_account", by_account)
        object.__setattr__(
            self, "_general", tuple(i for i, o in enumerate(self.overrides) if not o.when.account)
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
            if self.overrides[place].when.hold_for(account_id, account_type, kind, language):
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
                rules = rules.layered(self.overrides[place].settings)
            self._cache[places] = rules
            if len(self._cache) > _CACHED_RULES:
                self._cache.popitem(last=False)
        return rules

    def operators_named(self) -> frozenset[str]:
        """Return names of all operators that rules of this policy may come to."""
        tables = (self.base.entities, *(o.settings.get("entities", {}) for o in self.overrides))
        return frozenset(operator.name for table in tables for operator in table.values())

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
