"""One policy file's nodes to typed settings, with every mistake noted at its place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

import yaml

from callveil.schemas.account import ACCOUNT_TYPES
from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES, NAME
from callveil.schemas.fields import EXTRA, Field
from callveil.schemas.interaction import BY_NAME, GROUPS, KINDS, MODES, STATE
from callveil.schemas.policy import Override
from callveil.schemas.policy_detect import LANGUAGE, read_detect
from callveil.schemas.policy_recordings import read_recordings
from callveil.schemas.policy_retention import read_retention
from callveil.schemas.policy_yaml import (
    NodeReader,
    node_kind,
    safe_key,
    set_if_given,
    suggest_choice,
)
from callveil.schemas.rules import (
    FIXED_GROUPS,
    OPERATORS,
    SCOPES,
    TREATMENTS,
    UNSET,
    WORDLESS,
    LayerSettings,
    Operator,
    collapse_whitespace,
    operator_names,
)

VERSION = 1
SETTING_KEYS = (
    "mode",
    "full_after_days",
    "label",
    "entities",
    "fields",
    "thresholds",
    "allow",
    "deny",
)
TOP_KEYS = (
    "version",
    "name",
    "extends",
    *SETTING_KEYS,
    "detect",
    "limits",
    "overrides",
    "retention",
    "recordings",
    "requests",
)
LIMITS: Mapping[str, tuple[int, int]] = {
    "record_bytes": (1_024, 2**30),
    "field_chars": (1_024, 2**30),
    "depth": (4, 256),
    "document_bytes": (1_024, 2**33),
}
"""Bounds of each limit. Depth ends at 256 since redaction walks nested values on the interpreter's
own stack.
"""
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "mask": ("char", "keep_last"),
    "pseudonym": ("scope",),
    "token": ("scope",),
}
CONDITIONS: Mapping[str, Collection[str] | None] = {
    "account": None,
    "account_type": ACCOUNT_TYPES,
    "kind": KINDS,
    "language": None,
}
TITLE = re.compile(r"[\w.:/@()+-][\w .:/@()+-]{0,99}")
MASK_CHAR = re.compile(r"[^\w\s]|[_xX]")
FURTHER_NAME = re.compile(r"\w[\w .:/-]{0,99}")
"""Form of a field's name that no declaration knows: a member's, or one of a record within as
`form.colour`.
"""
MISSPELT = 0.85
"""How like a declared name an unknown one is, 0 to 1, that is taken for a mistake."""
MAX_DAYS = 36_500

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

NOT_STORED = {"CVV": "a card verification code", "PIN": "a PIN", "PASSWORD": "a password"}
"""Types of which no reversible copy may be made. PCI DSS v4.0.1, 3.3.1: sensitive authentication
data is not stored after authorization, even if encrypted; a password kept readable is a breach in
waiting (GDPR Art. 32).
"""
CARD_DIGITS = 4
"""PCI DSS v4.0.1, 3.4.1: at most the BIN and the last four digits of a card number may be seen;
mask shows an end only.
"""


@dataclass
class ParsedPolicy:
    """What one file says. `detect` and `limits` hold the arguments it gives for `Detect` and
    `Limits`, `retention` and `recordings` what it gives for `Retention.layered` and
    `Recordings.layered`, `requests` for `Requests`; None where it has no such section.
    """

    reader: NodeReader
    name: str = ""
    extends: str = ""
    settings: LayerSettings = field(default_factory=LayerSettings)
    detect: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    overrides: list[Override] = field(default_factory=list)
    entities: frozenset[str] = frozenset()
    retention: dict[str, Any] | None = None
    recordings: dict[str, Any] | None = None
    requests: dict[str, Any] | None = None


class PolicyParser:
    """Turns the nodes of one file into `ParsedPolicy`.

    Args:
        reader: of that file; its problems grow.
        members: the file's top-level members.
        entities: entity types that files it extends have declared.
    """

    def __init__(
        self, reader: NodeReader, members: Mapping[str, yaml.Node], entities: frozenset[str]
    ) -> None:
        self.reader, self.members = reader, members
        self.known = {*ENTITIES, *entities, *_declared(members)}

    def parse(self) -> ParsedPolicy:
        """Read everything. Problems are in the reader; what was wrong is left out of the result."""
        r, m = self.reader, self.members
        out = ParsedPolicy(
            r, settings=self.settings(m, ""), entities=frozenset(self.known - ENTITIES.keys())
        )
        if "version" not in m:
            r.whole("version is missing; write `version: 1` at the top")
        elif r.integer(m["version"], "version", 0, 10**9) not in (None, VERSION):
            r.fail(
                m["version"],
                "version",
                f"this callveil reads version {VERSION}; the file may be made for a later one",
            )
        if "name" in m:
            out.name = (
                r.pattern(
                    m["name"],
                    "name",
                    TITLE,
                    "text of at most 100 letters, digits, spaces and . : / @ ( ) + -",
                )
                or ""
            )
        if "detect" in m:
            out.detect = read_detect(r, m["detect"])
        if "limits" in m:
            for key, node in r.mapping(m["limits"], "limits", tuple(LIMITS)).items():
                set_if_given(out.limits, key, r.integer(node, f"limits.{key}", *LIMITS[key]))
        if "retention" in m:
            out.retention = read_retention(r, m["retention"])
        if "recordings" in m:
            out.recordings = read_recordings(r, m["recordings"])
        if "requests" in m:
            out.requests = {}
            for key, node in r.mapping(m["requests"], "requests", ("four_eyes",)).items():
                set_if_given(out.requests, key, r.boolean(node, f"requests.{key}"))
        if "overrides" in m:
            out.overrides = [
                self._override(n, f"overrides[{i}]")
                for i, n in enumerate(r.items(m["overrides"], "overrides"))
            ]
        return out

    def settings(self, members: Mapping[str, yaml.Node], prefix: str) -> LayerSettings:
        """Return those of `SETTING_KEYS` that `members` hold."""
        r = self.reader
        given: dict[str, Any] = {}
        for key, node in members.items():
            path = prefix + key
            if key == "mode":
                given["mode"] = r.choice(node, path, MODES)
            elif key == "full_after_days":
                days = None if node_kind(node) == "null" else r.integer(node, path, 0, MAX_DAYS)
                given["full_after_days"] = (
                    UNSET if days is None and node_kind(node) != "null" else days
                )
            elif key == "label":
                given["label"] = self._label(node, path)
            elif key == "entities":
                operators = self._by_entity(node, path, self._operator)
                given |= {
                    "default_operator": operators.pop("default", None),
                    "operators": operators,
                }
            elif key == "thresholds":
                scores = self._by_entity(node, path, lambda n, p, _: r.number(n, p, 0, 1))
                given |= {"default_threshold": scores.pop("default", None), "thresholds": scores}
            elif key == "fields":
                given["fields"] = self._fields(node, path)
            elif key == "allow":
                texts = (
                    r.text(n, f"{path}[{i}]", numbers=True)
                    for i, n in enumerate(r.items(node, path))
                )
                given["allow"] = frozenset(collapse_whitespace(t) for t in texts if t is not None)
            elif key == "deny":
                given["deny"] = self._deny(node, path)
        settings = LayerSettings(**given)
        both = settings.allow & {collapse_whitespace(text) for text, _ in settings.deny}
        if both:
            r.fail(
                members["allow"],
                f"{prefix}allow",
                f"{len(both)} of these texts stand in deny as well; a text can be only one of the "
                "two",
            )
        return settings

    def _by_entity(
        self, node: yaml.Node, path: str, read: Callable[[yaml.Node, str, str], Any]
    ) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in self.reader.mapping(node, path).items():
            place = f"{path}.{safe_key(key)}"
            if key == "default" or self._entity_ok(value, place, key):
                set_if_given(out, key, read(value, place, key))
        return out

    def _entity_ok(self, node: yaml.Node, path: str, name: str) -> bool:
        if name in self.known or (name.startswith(CUSTOM_PREFIX) and NAME.fullmatch(name)):
            return True
        hint = suggest_choice(safe_key(name), sorted(self.known))
        own = (
            f" A type of your own begins with {CUSTOM_PREFIX}, in capitals, or stands in a deny "
            "entry"
        )
        line, column = self.reader.places.get(
            path, (node.start_mark.line + 1, node.start_mark.column + 1)
        )
        self.reader.at(line, column, path, f"unknown entity{hint or '.'}{own}")
        return False

    def _operator(self, node: yaml.Node, path: str, entity: str) -> Operator | None:
        r, names = self.reader, operator_names()
        if not isinstance(node, yaml.MappingNode):
            name = r.choice(node, path, names)
            made = Operator(name) if name else None
        else:
            members = r.mapping(node, path, ("operator", "scope", "char", "keep_last"))
            if "operator" not in members:
                r.fail(
                    node,
                    path,
                    f"no operator named; write `operator:` and one of {', '.join(names)}",
                )
                return None
            name = r.choice(members.pop("operator"), f"{path}.operator", names)
            if name is None:
                return None
            options: dict[str, Any] = {}
            for key, value in members.items():
                place = f"{path}.{key}"
                if key not in OPTIONS.get(name, ()):
                    r.fail(value, place, f"{name} has no option {key}; {_owner(key)} has")
                elif key == "scope":
                    set_if_given(options, key, r.choice(value, place, SCOPES))
                elif key == "char":
                    set_if_given(
                        options,
                        key,
                        r.pattern(
                            value,
                            place,
                            MASK_CHAR,
                            "text of one character that is no letter (but x) and no digit",
                        ),
                    )
                else:
                    set_if_given(
                        options,
                        key,
                        r.integer(value, place, 0, CARD_DIGITS if entity == "CREDIT_CARD" else 16),
                    )
            made = Operator(name, **options)
        if made and made.name in ("token", *names[len(OPERATORS) :]) and entity in NOT_STORED:
            what = "a token" if made.name == "token" else f"what {made.name} writes"
            r.fail(
                node,
                path,
                f"{what} can be turned back, and {NOT_STORED[entity]} must not be stored (PCI DSS "
                "3.3.1); use label, clear or mask",
            )
        if made and made.keep_last and entity in NOT_STORED:
            r.fail(
                node, path, f"no part of {NOT_STORED[entity]} may stay readable; set keep_last to 0"
            )
        return made

    def _label(self, node: yaml.Node, path: str) -> str | None:
        text = self.reader.text(node, path, longest=100)
        if text is None:
            return None
        try:
            parts = list(Formatter().parse(text))
        except ValueError:
            parts = [("", "?", "", None)]
        if (
            any(
                name is not None and (name != "entity" or spec or conversion)
                for _, name, spec, conversion in parts
            )
            or not text.isprintable()
        ):
            self.reader.fail(
                node,
                path,
                'expected a template such as "[{entity}]": {entity} is the only place holder, and '
                "other braces are doubled",
            )
            return None
        return text

    def _fields(self, node: yaml.Node, path: str) -> dict[str, str]:
        out: dict[str, str] = {}
        for name, value in self.reader.mapping(node, path).items():
            place = f"{path}.{safe_key(name)}"
            if name not in FIELD_NAMES and not self._further(value, place, name):
                continue
            chosen = self.reader.choice(value, place, TREATMENTS)
            if chosen is None:
                continue
            declared = FIELDS_BY_NAME.get(name)
            group = declared.group if declared else name
            if group in FIXED_GROUPS and chosen != "keep":
                self.reader.fail(
                    value,
                    place,
                    f"{name} is always kept: without keys, times and the redaction state no record "
                    "could be found again",
                )
            elif group == "media" and chosen not in ("keep", "clear"):
                self.reader.fail(
                    value,
                    place,
                    f"{name} holds a link or a file, which cannot be read or replaced here; use "
                    "keep or clear",
                )
            elif (
                declared and isinstance(declared.type, WORDLESS) and chosen not in ("keep", "clear")
            ):
                self.reader.fail(
                    value,
                    place,
                    f"{name} holds no words, so nothing in it can be found or replaced; use keep "
                    "or clear",
                )
            else:
                out[name] = chosen
        return out

    def _further(self, node: yaml.Node, path: str, name: str) -> bool:
        """Tell whether a name may be one of a member that nobody declared, and is none misspelt."""
        close = (
            []
            if name.startswith(f"{EXTRA}.")
            else difflib.get_close_matches(name, FIELD_NAMES, 1, MISSPELT)
        )
        if FURTHER_NAME.fullmatch(name) and not close:
            return True
        own = (
            (
                f"; did you mean {close[0]}? A field of the source that is named so indeed is "
                "written "
                f"{EXTRA}.{name}"
            )
            if close
            else ""
        )
        advice = own or ". Write the field's name as the source has it"
        line, column = self.reader.places.get(
            path, (node.start_mark.line + 1, node.start_mark.column + 1)
        )
        self.reader.at(line, column, path, f"unknown field{advice}")
        return False

    def _deny(self, node: yaml.Node, path: str) -> tuple[tuple[str, str], ...]:
        r = self.reader
        out: dict[str, tuple[str, str]] = {}
        for i, item in enumerate(r.items(node, path)):
            place = f"{path}[{i}]"
            if not isinstance(item, yaml.MappingNode):
                r.expected(item, place, "a mapping such as {text: ..., entity: X_PROJECT}")
                continue
            members = r.mapping(item, place, ("text", "entity"))
            for missing in [k for k in ("text", "entity") if k not in members]:
                r.fail(item, place, f"{missing} is missing; write {{text: ..., entity: X_PROJECT}}")
            text = (
                r.text(members["text"], f"{place}.text", numbers=True)
                if "text" in members
                else None
            )
            entity = (
                r.pattern(
                    members["entity"], f"{place}.entity", NAME, "text in capitals, digits and _"
                )
                if "entity" in members
                else None
            )
            if text is not None and len(collapse_whitespace(text)) < 2:
                r.fail(
                    members["text"],
                    f"{place}.text",
                    "a single character would be redacted everywhere; give at least two",
                )
            elif text is not None and entity is not None:
                if collapse_whitespace(text) in out:
                    r.fail(item, place, "the same text stands in this list twice; remove one")
                out[collapse_whitespace(text)] = (" ".join(text.split()), entity)
        return tuple(out[k] for k in sorted(out))

    def _override(self, node: yaml.Node, path: str) -> Override:
        r = self.reader
        if not isinstance(node, yaml.MappingNode):
            r.expected(node, path, "a mapping with `when` and `set`")
            return Override()
        members = r.mapping(node, path, ("when", "set"))
        for missing in [k for k in ("when", "set") if k not in members]:
            r.fail(
                node,
                path,
                f"{missing} is missing; an override says `when` it holds and what it sets",
            )
        when: dict[str, frozenset[str]] = {}
        if "when" in members:
            for key, value in r.mapping(members["when"], f"{path}.when", tuple(CONDITIONS)).items():
                when[key] = frozenset(self._condition(value, f"{path}.when.{key}", key))
            if not when and not any(p.field.startswith(f"{path}.when") for p in r.problems):
                some = ", ".join(CONDITIONS)
                r.fail(
                    members["when"],
                    f"{path}.when",
                    f"no condition; give one of {some}, or move the settings out of the override",
                )
        settings = LayerSettings()
        if "set" in members:
            settings = self.settings(
                r.mapping(members["set"], f"{path}.set", SETTING_KEYS), f"{path}.set."
            )
        return Override(**when, settings=settings)

    def _condition(self, node: yaml.Node, path: str, key: str) -> list[str]:
        r, options = self.reader, CONDITIONS[key]
        out: list[str] = []
        nodes = r.items(node, path)
        if not nodes and node_kind(node) in ("null", "seq"):
            r.fail(
                node,
                path,
                "an empty condition would hold for every record; name at least one value or remove "
                "it",
            )
        for i, item in enumerate(nodes):
            place = path if item is node else f"{path}[{i}]"
            if options is not None:
                value = r.choice(item, place, options)
            elif key == "language":
                value = r.pattern(item, place, LANGUAGE, "text such as es (ISO 639-1)")
            else:
                value = r.text(item, place, numbers=True)
            if value is not None:
                out.append(value.strip())
        return out


def _owner(option: str) -> str:
    return " and ".join(name for name, options in OPTIONS.items() if option in options)


def _declared(members: Mapping[str, yaml.Node]) -> set[str]:
    """Entity types that the file's deny lists, those of its overrides among them, give to a
    text.
    """
    quiet = NodeReader("")
    lists = [members[k] for k in ("deny",) if k in members]
    for override in quiet.items(members["overrides"], "") if "overrides" in members else []:
        inner = quiet.mapping(override, "").get("set")
        found = quiet.mapping(inner, "").get("deny") if inner is not None else None
        lists += [found] if found is not None else []
    names: set[str] = set()
    for node in lists:
        for item in quiet.items(node, ""):
            entity = quiet.mapping(item, "").get("entity")
            if (
                entity is not None
                and node_kind(entity) == "str"
                and NAME.fullmatch(str(entity.value))
            ):
                names.add(str(entity.value))
    return names
