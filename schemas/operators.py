"""Operators: what can be done with findings, and which entity types allow what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES, NAME
from callveil.schemas.plugins import OPERATORS as PLUGINS
from callveil.schemas.plugins import find_plugins
from callveil.schemas.policy_settings import Section, file_adapter
from callveil.schemas.policy_values import (
    Between,
    Check,
    Named,
    OneOf,
    Problems,
    Text,
    safe_key,
    suggest_choice,
)

OPERATORS = ("keep", "label", "mask", "pseudonym", "token", "clear")
"""What can be done with a finding: leave it, write its type, mask its characters, write a keyed
pseudonym or an authenticated reversible token, write nothing in its place.
"""


def operator_names() -> tuple[str, ...]:
    """Return `OPERATORS` and the names of operators that plugins bring. Raises `PluginError`."""
    return (*OPERATORS, *find_plugins(PLUGINS, OPERATORS))


SCOPES = ("call", "account", "everywhere")
"""How far equal values get equal pseudonyms or tokens."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "mask": ("char", "keep_last"),
    "pseudonym": ("scope",),
    "token": ("scope",),
}
"""Options that an operator has beside its name."""

NOT_STORED = {"CVV": "a card verification code", "PIN": "a PIN", "PASSWORD": "a password"}
"""Types of which no reversible copy may be made. PCI DSS v4.0.1, 3.3.1: sensitive authentication
data is not stored after authorization, even if encrypted; a password kept readable is a breach in
waiting (GDPR Art. 32).
"""
CARD_DIGITS = 4
"""PCI DSS v4.0.1, 3.4.1: at most the BIN and the last four digits of a card number may be seen;
mask shows an end only.
"""
MOST_KEPT = 16
"""Characters of any other value that mask may leave readable."""

DEFAULT = "default"
"""Entry of a table by entity type that holds for the types without one."""


@dataclass(frozen=True, order=True)
class Operator(Section):
    """Treatment of findings of one entity type.

    Attributes:
        name: what is done; the options besides are those of `OPTIONS`.
        scope: how far equal values get equal pseudonyms or tokens.
        char: one character that mask writes.
        keep_last: letters and digits at the end that mask leaves readable.
    """

    whole: ClassVar[bool] = True
    short: ClassVar[str] = "operator"
    missing: ClassVar[str] = f"no operator named; write `{{}}:` and one of {', '.join(OPERATORS)}"

    name: Annotated[str, OneOf(operator_names), Named("operator")]
    scope: Annotated[str, OneOf(SCOPES)] = "call"
    char: Annotated[
        str, Text("text of one character that is no letter (but x) and no digit", r"[^\w\s]|[_xX]")
    ] = "*"
    keep_last: Annotated[int, Between(0, MOST_KEPT)] = 0

    @classmethod
    def find_problems(cls, given: Mapping[str, Any]) -> Problems:
        """Give the options that another operator has."""
        for key in given.keys() - {"name", *OPTIONS.get(given["name"], ())}:
            owners = " and ".join(name for name, options in OPTIONS.items() if key in options)
            yield (key,), f"{given['name']} has no option {key}; {owners} has"

    def as_dict(self) -> dict[str, Any]:
        """Return the form a policy file gives it in, with every option this operator has."""
        options = {key: getattr(self, key) for key in OPTIONS.get(self.name, ())}
        return {"operator": self.name, **options}


LABEL = Operator("label")


def _unknown_entity(name: str, declared: Collection[str]) -> Problems:
    known = {*ENTITIES, *declared}
    if name != DEFAULT and name not in known and not is_custom(name):
        yield (
            (),
            f"unknown entity{suggest_choice(safe_key(name), sorted(known)) or '.'} A type of your "
            f"own begins with {CUSTOM_PREFIX}, in capitals, or stands in a deny entry",
        )


EntityName = Annotated[str, Check(_unknown_entity, "entities")]
"""Name of an entity type: declared, of a deny list, or of one's own; or `default`."""


def is_custom(name: str) -> bool:
    """Tell whether a name is that of an entity type of one's own."""
    return name.startswith(CUSTOM_PREFIX) and NAME.fullmatch(name) is not None


def most_kept(entity: str) -> int:
    """Return how many characters of an entity type mask may leave readable."""
    return 0 if entity in NOT_STORED else CARD_DIGITS if entity == "CREDIT_CARD" else MOST_KEPT


def unsafe_operators(operators: Mapping[str, Operator]) -> Problems:
    """Give operators that would keep what must not be kept of their entity types."""
    for entity, operator in operators.items():
        own = operator.name in OPERATORS
        if entity in NOT_STORED and (operator.name == "token" or not own):
            what = "a token" if own else f"what {operator.name} writes"
            yield (
                (entity,),
                f"{what} can be turned back, and {NOT_STORED[entity]} must not be stored (PCI DSS "
                "3.3.1); use label, clear or mask",
            )
        elif operator.keep_last and entity in NOT_STORED:
            kept = f"no part of {NOT_STORED[entity]} may stay readable; set keep_last to 0"
            yield (entity,), kept
        elif operator.keep_last > most_kept(entity):
            bounds = f"expected a whole number from 0 to {most_kept(entity)}"
            yield (entity, "keep_last"), bounds


def operators_schema(own: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of `entities`: a name, or a mapping with an operator's options."""
    options = file_adapter(Operator).json_schema()["properties"]

    def one(entity: str) -> dict[str, Any]:
        kept = {"keep_last": {**options["keep_last"], "maximum": most_kept(entity)}}
        irreversible = [n for n in OPERATORS if n != "token"]
        names = irreversible if entity in NOT_STORED else list(operator_names())
        mappings = [
            {
                "type": "object",
                "properties": {
                    "operator": {"const": n},
                    **{o: (options | kept)[o] for o in OPTIONS.get(n, ())},
                },
                "required": ["operator"],
                "additionalProperties": False,
            }
            for n in names
        ]
        return {"anyOf": [{"enum": names}, *mappings]}

    schema = by_entity_schema({"additionalProperties": one("")})
    schema["properties"] |= {e: one(e) for e in ("CREDIT_CARD", *NOT_STORED)}
    return schema


def by_entity_schema(own: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a table by entity type, made of that of a table by any text."""
    value = own["additionalProperties"]
    return {
        "type": "object",
        "properties": dict.fromkeys((DEFAULT, *ENTITIES), value),
        "patternProperties": {f"^({CUSTOM_PREFIX})?[A-Z][A-Z0-9_]*$": value},
        "additionalProperties": False,
    }
