"""Rules: what is done with each entity type and each field of one record.

A policy is layers of settings; `Rules` is what comes out when they are laid on top of each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from callveil.schemas.entities import GENERAL
from callveil.schemas.fields import Boolean, Field, FieldType, Integer, Number, Timestamp
from callveil.schemas.plugins import OPERATORS as PLUGINS
from callveil.schemas.plugins import find_plugins

TREATMENTS = ("keep", "scan", "redact", "clear")
"""What can be done with a field, weakest first: leave it, read it and redact what is found, replace
the whole value, remove it.
"""

OPERATORS = ("keep", "label", "mask", "pseudonym", "token", "clear")
"""What can be done with a finding: leave it, write its type, mask its characters, write a keyed
pseudonym or an authenticated reversible token, write nothing in its place.
"""


def operator_names() -> tuple[str, ...]:
    """Return `OPERATORS` and the names of operators that plugins bring. Raises `PluginError`."""
    return (*OPERATORS, *find_plugins(PLUGINS, OPERATORS))


SCOPES = ("call", "account", "everywhere")
"""How far equal values get equal pseudonyms or tokens."""

GROUP_DEFAULTS: Mapping[str, str] = {
    "identity": "keep",
    "time": "keep",
    "flow": "keep",
    "flow_text": "scan",
    "caller": "redact",
    "content": "scan",
    "media": "clear",
    "form": "scan",
    "custom": "scan",
    "visitor": "redact",
    "staff": "redact",
    "state": "keep",
    "unknown": "redact",
}
"""Treatment of a field group that a policy says nothing about."""

FULL_TREATMENTS: Mapping[str, str] = {
    "flow_text": "scan",
    "caller": "clear",
    "content": "clear",
    "media": "clear",
    "form": "clear",
    "custom": "clear",
    "visitor": "clear",
    "unknown": "clear",
}
"""Weakest treatment of each group in full redaction, as the platform promises it; groups not named
follow the policy.
"""

FIXED_GROUPS = frozenset({"identity", "time", "state"})
"""Groups that are always kept: keys, times and the redaction state itself, without which no record
could be found again.
"""

READ_GROUPS = frozenset({"content", "form", "unknown"})
"""Groups that never pass unread while a policy redacts at all: they hold what people said and
typed, or what nobody declared.
"""

NAMED = "named"
"""Group of the undeclared members that a policy names: by that they are declared after all, and
what the policy says of them holds.
"""

WORDLESS: tuple[type[FieldType], ...] = (Integer, Number, Boolean, Timestamp)


class _Unset:
    """Marks a setting that a layer leaves as it was, where null has a meaning of its own."""

    _only: _Unset | None = None

    def __new__(cls) -> _Unset:
        cls._only = cls._only or super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()


@dataclass(frozen=True, order=True)
class Operator:
    """What is done with findings of one entity type.

    Attributes:
        name: one of `operator_names()`.
        scope: one of `SCOPES`; used by pseudonym and token.
        char: one character that mask writes.
        keep_last: letters and digits at the end that mask leaves readable.
    """

    name: str
    scope: str = "call"
    char: str = "*"
    keep_last: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the form a policy file gives it in, with every option this operator has."""
        options: dict[str, Any] = {}
        if self.name == "mask":
            options = {"char": self.char, "keep_last": self.keep_last}
        elif self.name in ("pseudonym", "token"):
            options = {"scope": self.scope}
        return {"operator": self.name, **options}


@dataclass(frozen=True)
class LayerSettings:
    """What one layer (a preset, a file, an override) says. None, or `UNSET`, means: as the layer
    before.
    """

    mode: str | None = None
    full_after_days: int | _Unset | None = UNSET
    label: str | None = None
    operators: Mapping[str, Operator] = field(default_factory=dict)
    default_operator: Operator | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    default_threshold: float | None = None
    allow: frozenset[str] = frozenset()
    deny: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Rules:
    """The settings that hold for one record.

    Attributes:
        mode: none, content or full.
        full_after_days: age in days (of 24 h) from which full redaction holds; None: never.
        label: template of the typed label, with `{entity}` where the type goes.
        operators, default_operator: by entity type, and for the rest.
        fields: treatment by name of an interaction's field, of a field group, or of a member that
            nobody declared.
        thresholds, default_threshold: lowest score, 0 to 1, a finding needs, by entity type and for
            the rest.
        allow: texts that are never redacted, as `collapse_whitespace` gives them.
        deny: (text, entity type) that are always redacted, ordered by text. Deny beats allow.
        earlier: rules that the record was redacted by before: what their operators wrote is no
            value under these either.
    """

    mode: str = "content"
    full_after_days: int | None = None
    label: str = "[{entity}]"
    operators: Mapping[str, Operator] = field(default_factory=dict)
    default_operator: Operator = Operator("label")
    fields: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    default_threshold: float = 0.4
    allow: frozenset[str] = frozenset()
    deny: tuple[tuple[str, str], ...] = ()
    earlier: tuple[Rules, ...] = ()

    def __hash__(self) -> int:
        maps = (tuple(sorted(m.items())) for m in (self.operators, self.fields, self.thresholds))
        return hash(
            (
                self.mode,
                self.full_after_days,
                self.label,
                *maps,
                self.default_operator,
                self.default_threshold,
                self.allow,
                self.deny,
            )
        )

    def operator(self, entity: str) -> Operator:
        """Return what is done with findings of type `entity`. The type of a `deny` text is never
        left `keep`, whatever the layers add up to.
        """
        found = self.given_operator(entity)
        return Operator("label") if found.name == "keep" and entity in self._denied else found

    def given_operator(self, entity: str) -> Operator:
        """Return the operator the policy gives for `entity`, or for its general type, or for the
        rest.
        """
        return self.operators.get(entity) or self.operators.get(
            GENERAL.get(entity, ""), self.default_operator
        )

    @cached_property
    def _denied(self) -> frozenset[str]:
        return frozenset(entity for _, entity in self.deny)

    def label_for(self, entity: str) -> str:
        """Return the typed label that stands for a finding of type `entity`."""
        return self.label.format(entity=entity)

    def threshold(self, entity: str) -> float:
        """Lowest score, 0 to 1, at which a finding of type `entity` counts."""
        return self.thresholds.get(
            entity, self.thresholds.get(GENERAL.get(entity, ""), self.default_threshold)
        )

    def treatment(self, field: Field, mode: str | None = None) -> str:
        """Return what is done with a top-level field of an interaction; one of `TREATMENTS`.

        The entry of its name holds, else that of its group, else `GROUP_DEFAULTS`. On top of that:
        identity, time and state are always kept; what people said or typed is at least scanned;
        full mode strengthens (`FULL_TREATMENTS`); mode none keeps everything; a column that holds
        no words (a number, a time) cannot be scanned or replaced, so it is cleared where it is
        personal.

        Args:
            field: a member of `schemas.interaction.FIELDS` or `STATE`, not of a nested record; or a
                further one, of the group `NAMED`.
            mode: mode the record is redacted in, where its age (`mode_at`) or a request raises it
                above `self.mode`, which holds for None.
        """
        mode = mode or self.mode
        if mode == "none" or field.group in FIXED_GROUPS:
            return "keep"
        chosen = (
            self.fields.get(field.name)
            or self.fields.get(field.group)
            or GROUP_DEFAULTS.get(field.group, "redact")
        )
        if field.group in READ_GROUPS and chosen == "keep":
            chosen = "scan"
        if mode == "full" and field.group == NAMED:
            chosen = chosen if chosen == "keep" else "clear"
        elif mode == "full":
            chosen = max(chosen, FULL_TREATMENTS.get(field.group, "keep"), key=TREATMENTS.index)
        if isinstance(field.type, WORDLESS):
            if chosen == "scan":
                return "clear" if field.personal else "keep"
            if chosen == "redact":
                return (
                    "keep"
                    if field.entity and self.operator(field.entity).name == "keep"
                    else "clear"
                )
        return chosen

    def mode_at(self, called_at: dt.datetime, as_of: dt.datetime) -> str:
        """Return mode that holds at `as_of` for a record of `called_at`: full once `called_at +
        full_after_days x 24 h` has come.
        """
        if self.full_after_days is not None and as_of - called_at >= dt.timedelta(
            days=self.full_after_days
        ):
            return "full"
        return self.mode

    def with_(self, layer: LayerSettings) -> Rules:
        """Return these rules with one more layer on top: single values replace, maps merge entry by
        entry, `allow` and `deny` add up.

        A `deny` text beats the same `allow` text, whichever layer says so.
        """
        deny = {
            collapse_whitespace(text): (text, entity) for text, entity in (*self.deny, *layer.deny)
        }
        return replace(
            self,
            mode=layer.mode or self.mode,
            full_after_days=self.full_after_days
            if isinstance(layer.full_after_days, _Unset)
            else layer.full_after_days,
            label=layer.label or self.label,
            operators={**self.operators, **layer.operators},
            default_operator=layer.default_operator or self.default_operator,
            fields={**self.fields, **layer.fields},
            thresholds={**self.thresholds, **layer.thresholds},
            default_threshold=self.default_threshold
            if layer.default_threshold is None
            else layer.default_threshold,
            allow=(self.allow | layer.allow).difference(deny),
            deny=tuple(deny[k] for k in sorted(deny)),
        )


def collapse_whitespace(text: str) -> str:
    """Return form in which `allow` and `deny` texts are compared: case folded, white space
    collapsed to single spaces.
    """
    return " ".join(text.casefold().split())


@dataclass(frozen=True)
class RequestSettings:
    """How requests of data subjects are carried out.

    Attributes:
        four_eyes: a second person has to approve what is found before it is disclosed or erased.
    """

    four_eyes: bool = False

    def as_dict(self) -> dict[str, bool]:
        """Return the form a policy file gives it in."""
        return {"four_eyes": self.four_eyes}
