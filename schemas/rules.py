"""Rules: what is done with each entity type and each field of one record.

A policy is layers of settings; `Rules` is what comes out when they are laid on top of each other.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from string import Formatter
from typing import Annotated, Any, ClassVar

from callveil.schemas.entities import GENERAL, NAME
from callveil.schemas.fields import EXTRA, Boolean, Field, FieldType, Integer, Number, Timestamp
from callveil.schemas.interaction import BY_NAME, GROUPS, MODES, STATE
from callveil.schemas.operators import (
    DEFAULT,
    LABEL,
    EntityName,
    Operator,
    by_entity_schema,
    operators_schema,
    unsafe_operators,
)
from callveil.schemas.policy_settings import Section
from callveil.schemas.policy_values import (
    Between,
    Check,
    Items,
    OneOf,
    Problems,
    ReadAs,
    Table,
    Text,
    Then,
    WriteAs,
)

TREATMENTS = ("keep", "scan", "redact", "clear")
"""What can be done with a field, weakest first: leave it, read it and redact what is found, replace
the whole value, remove it.
"""

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


FIELDS_BY_NAME: Mapping[str, Field] = {
    f.name: f for f in (*STATE, *BY_NAME.values()) if f.name != f.group
}
"""Fields by name, without those that are named as their group: a policy that writes that name means
the group.
"""
FIELD_NAMES = tuple(dict.fromkeys((*(g for g in GROUPS if g != "state"), *FIELDS_BY_NAME)))
"""Names the `fields` setting knows. `state` is the contact's state or region; the redaction state
as a group cannot be set.
"""
FURTHER_NAME = r"\w[\w .:/-]{0,99}"
"""Form of a field's name that no declaration knows: a member's, or one of a record within as
`form.colour`.
"""
MISSPELT = 0.85
"""How like a declared name an unknown one is, 0 to 1, that is taken for a mistake."""
MAX_DAYS = 36_500


def allowed_treatments(name: str) -> tuple[str, ...]:
    """Return what a policy may do with a field or field group."""
    declared = FIELDS_BY_NAME.get(name)
    group = declared.group if declared else name
    if group in FIXED_GROUPS:
        return ("keep",)
    wordless = declared is not None and isinstance(declared.type, WORDLESS)
    return ("keep", "clear") if group == "media" or wordless else TREATMENTS


def _impossible_treatments(treatments: Mapping[str, str]) -> Problems:
    for name, chosen in treatments.items():
        allowed = allowed_treatments(name)
        if chosen in allowed:
            continue
        if allowed == ("keep",):
            why = (
                "is always kept: without keys, times and the redaction state no record could be "
                "found again"
            )
        elif name in FIELDS_BY_NAME and FIELDS_BY_NAME[name].group != "media":
            why = "holds no words, so nothing in it can be found or replaced; use keep or clear"
        else:
            why = "holds a link or a file, which cannot be read or replaced here; use keep or clear"
        yield (name,), f"{name} {why}"


def _unknown_field(name: str) -> Problems:
    """Give a name that can be none of a member that nobody declared, or is one misspelt."""
    if name in FIELD_NAMES:
        return
    inner = name.startswith(f"{EXTRA}.")
    close = [] if inner else difflib.get_close_matches(name, FIELD_NAMES, 1, MISSPELT)
    if close:
        yield (
            (),
            f"unknown field; did you mean {close[0]}? A field of the source that is named so "
            f"indeed is written {EXTRA}.{name}",
        )
    elif not re.fullmatch(FURTHER_NAME, name):
        yield (), "unknown field. Write the field's name as the source has it"


def _bad_label(text: str) -> Problems:
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        parts = [("", "?", "", None)]
    others = any(
        name is not None and (name != "entity" or spec or conversion)
        for _, name, spec, conversion in parts
    )
    if others or not text.isprintable():
        yield (
            (),
            'expected a template such as "[{entity}]": {entity} is the only place holder, and '
            "other braces are doubled",
        )


def collapse_whitespace(text: str) -> str:
    """Return the form in which `allow` and `deny` texts are compared: case folded, white space
    collapsed to single spaces.
    """
    return " ".join(text.casefold().split())


def _single_character(text: str) -> Problems:
    if len(collapse_whitespace(text)) < 2:
        yield (), "a single character would be redacted everywhere; give at least two"


@dataclass(frozen=True)
class DenyEntry(Section):
    """A text that is always redacted, as a file has it."""

    whole: ClassVar[bool] = True
    expected: ClassVar[str] = "a mapping such as {text: ..., entity: X_PROJECT}"
    missing: ClassVar[str] = "{} is missing; write {{text: ..., entity: X_PROJECT}}"

    text: Annotated[str, Text(numbers=True), Check(_single_character)]
    entity: Annotated[str, Text("text in capitals, digits and _", NAME.pattern)]


def _repeated_texts(entries: Mapping[int, DenyEntry]) -> Problems:
    seen: set[str] = set()
    for place, entry in entries.items():
        if collapse_whitespace(entry.text) in seen:
            yield (place,), "the same text stands in this list twice; remove one"
        seen.add(collapse_whitespace(entry.text))


def _denied_pairs(entries: Collection[DenyEntry]) -> tuple[tuple[str, str], ...]:
    pairs = ((" ".join(e.text.split()), e.entity) for e in entries)
    return tuple(sorted(pairs, key=lambda pair: collapse_whitespace(pair[0])))


def _deny_entries(pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"text": text, "entity": entity} for text, entity in pairs]


def _treatments_schema(own: dict[str, Any]) -> dict[str, Any]:
    docs = {name: {"description": f.doc} for name, f in FIELDS_BY_NAME.items()}
    return {
        "type": "object",
        "properties": {
            n: {"enum": list(allowed_treatments(n)), **docs.get(n, {})} for n in FIELD_NAMES
        },
        "patternProperties": {f"^(?:{FURTHER_NAME})$": own["additionalProperties"]},
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Rules(Section):
    """The settings that hold for one record.

    Attributes:
        mode: none: nothing is redacted of itself; content: personal data where it stands; full:
            content and caller.
        full_after_days: age in days (of 24 h) from which full redaction holds; null: never.
        label: template of the typed label, with `{entity}` where the type goes.
        entities: operator by entity type; `default` for the rest.
        fields: treatment by name of an interaction's field, of a field group, or of a member that
            nobody declared; a field's own entry wins.
        thresholds: lowest score, 0 to 1, a finding needs, by entity type; `default` for the rest.
        allow: texts that are never redacted: whole value, any case and spacing.
        deny: texts that are always redacted, and the entity type of each; kept as pairs, ordered by
            text. Deny beats allow.
        earlier: rules that the record was redacted by before: what their operators wrote is no
            value under these either.
    """

    mode: Annotated[str, OneOf(MODES)] = "content"
    label: Annotated[str, Text(longest=100), Check(_bad_label)] = "[{entity}]"
    entities: Annotated[
        Mapping[EntityName, Operator],
        Table(operators_schema),
        Check(unsafe_operators),
    ] = field(default_factory=dict)
    fields: Annotated[
        Mapping[Annotated[str, Check(_unknown_field)], Annotated[str, OneOf(TREATMENTS)]],
        Table(_treatments_schema),
        Check(_impossible_treatments),
    ] = field(default_factory=dict)
    thresholds: Annotated[
        Mapping[EntityName, Annotated[float, Between(0, 1)]],
        Table(by_entity_schema),
    ] = field(default_factory=dict)
    allow: Annotated[
        frozenset[Annotated[str, Text(numbers=True), Then(collapse_whitespace)]], Items()
    ] = frozenset()
    deny: Annotated[
        tuple[tuple[str, str], ...],
        ReadAs(Annotated[tuple[DenyEntry, ...], Items(find=_repeated_texts)]),
        Then(_denied_pairs),
        WriteAs(_deny_entries),
    ] = ()
    full_after_days: Annotated[int, Between(0, MAX_DAYS)] | None = None
    earlier: tuple[Rules, ...] = field(default=(), metadata={"internal": True})
    _operator: Operator = field(init=False, repr=False, compare=False, metadata={"internal": True})
    _threshold: float = field(init=False, repr=False, compare=False, metadata={"internal": True})

    def __post_init__(self) -> None:
        """Keep what holds for the rest at hand: it is asked for with every finding."""
        object.__setattr__(self, "entities", {DEFAULT: LABEL, **self.entities})
        object.__setattr__(self, "thresholds", {DEFAULT: 0.4, **self.thresholds})
        object.__setattr__(self, "_operator", self.entities[DEFAULT])
        object.__setattr__(self, "_threshold", self.thresholds[DEFAULT])

    @classmethod
    def find_problems(cls, given: Mapping[str, Any]) -> Problems:
        """Give texts that are allowed and denied at once."""
        denied = {collapse_whitespace(text) for text, _ in given.get("deny", ())}
        both = denied & given.get("allow", frozenset())
        if both:
            yield (
                ("allow",),
                f"{len(both)} of these texts stand in deny as well; a text can be only one of the "
                "two",
            )

    def __hash__(self) -> int:
        maps = (tuple(sorted(m.items())) for m in (self.entities, self.fields, self.thresholds))
        return hash((self.mode, self.full_after_days, self.label, *maps, self.allow, self.deny))

    def operator(self, entity: str) -> Operator:
        """Return what is done with findings of type `entity`. The type of a `deny` text is never
        left `keep`, whatever the layers add up to.
        """
        found = self.given_operator(entity)
        return LABEL if found.name == "keep" and entity in self._denied else found

    def given_operator(self, entity: str) -> Operator:
        """Return the operator the policy gives for `entity`, or for its general type, or for the
        rest.
        """
        return self.entities.get(entity) or self.entities.get(
            GENERAL.get(entity, ""), self._operator
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
            entity, self.thresholds.get(GENERAL.get(entity, ""), self._threshold)
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
        """Return the mode that holds at `as_of` for a record of `called_at`: full once `called_at +
        full_after_days x 24 h` has come.
        """
        if self.full_after_days is not None and as_of - called_at >= dt.timedelta(
            days=self.full_after_days
        ):
            return "full"
        return self.mode

    def layered(self, given: Mapping[str, Any]) -> Rules:
        """Return these rules with one more layer on top: single values replace, tables merge entry
        by entry, `allow` and `deny` add up.

        A `deny` text beats the same `allow` text, whichever layer says so.
        """
        pairs = (*self.deny, *given.get("deny", ()))
        deny = {collapse_whitespace(text): (text, entity) for text, entity in pairs}
        allow = (self.allow | given.get("allow", frozenset())).difference(deny)
        return super().layered(
            {**given, "allow": allow, "deny": tuple(deny[k] for k in sorted(deny))}
        )


@dataclass(frozen=True)
class RequestSettings(Section):
    """How requests of data subjects are carried out; see `callveil subject`.

    Attributes:
        four_eyes: a second person has to approve what is found before it is disclosed or erased.
    """

    four_eyes: bool = False
