"""The `detect` section of a policy file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import yaml
from phonenumbers import SUPPORTED_REGIONS

from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES, NAME
from callveil.schemas.policy import IGNORE, ModelMargin, ModelMargins
from callveil.schemas.policy_yaml import (
    NodeReader,
    node_kind,
    safe_key,
    set_if_given,
    suggest_choice,
)

DETECT_KEYS = (
    "model",
    "models",
    "labels",
    "languages",
    "default_language",
    "unknown_language",
    "phone_regions",
    "recognizers",
    "timeout_seconds",
    "max_steps",
    "margins",
    "amounts",
    "dates",
    "digit_ids",
    "countries",
    "one_party",
)
LANGUAGE = re.compile(r"[a-z]{2}")
REGION = re.compile(r"[A-Z]{2}")
ONE_PARTY = ("seen", "always", "never")
"""When a conversation counts as one side's only; see `schemas.policy.Detect`."""
CLASS_NAME = re.compile(r"[A-Za-z_]\w{0,99}")
MAX_SECONDS = 600.0
STEPS = 1_000, 1_000_000_000
"""Bounds of `detect.max_steps`."""
TEXT_KINDS = ("cased", "uncased")
MARGIN_NAMES = ("name", "place", "rare_name")
MARGIN = -20.0, 20.0
"""Bounds of a margin; scores of a model seldom lie further apart."""


def read_detect(r: NodeReader, node: yaml.Node) -> dict[str, Any]:
    """Return arguments the `detect` section gives for `Detect`; what is wrong with it goes to the
    reader.
    """
    out: dict[str, Any] = {}
    for key, value in r.mapping(node, "detect", DETECT_KEYS).items():
        path = f"detect.{key}"
        if key == "model":
            set_if_given(out, key, r.text(value, path))
        elif key == "models":
            models = {
                k: _model(r, v, f"{path}.{safe_key(k)}", k)
                for k, v in r.mapping(value, path).items()
            }
            out[key] = {k: v for k, v in models.items() if v is not None}
        elif key == "labels":
            out[key] = {
                k: v
                for k, n in r.mapping(value, path).items()
                if (v := _meaning(r, n, f"{path}.{safe_key(k)}")) is not None
            }
        elif key in ("languages", "phone_regions", "countries"):
            pattern, what = (
                (LANGUAGE, "text such as en (ISO 639-1)")
                if key == "languages"
                else (REGION, "text such as US (ISO 3166-1)")
            )
            found = [
                r.pattern(n, f"{path}[{i}]", pattern, what)
                for i, n in enumerate(r.items(value, path))
            ]
            unique = dict.fromkeys(v for v in found if v is not None)
            out[key] = tuple(sorted(unique) if key == "languages" else unique)
            if key != "languages":
                _regions(r, r.items(value, path), path)
            if not found and key == "languages":
                r.fail(value, path, "name at least one language")
        elif key == "default_language":
            set_if_given(out, key, r.pattern(value, path, LANGUAGE, "text such as en (ISO 639-1)"))
        elif key in ("unknown_language", "one_party"):
            set_if_given(
                out,
                key,
                r.choice(value, path, ("full", "scan") if key == "unknown_language" else ONE_PARTY),
            )
        elif key == "timeout_seconds":
            set_if_given(out, key, r.number(value, path, 0.001, MAX_SECONDS))
        elif key == "max_steps":
            set_if_given(out, key, r.integer(value, path, *STEPS))
        elif key == "margins":
            out[key] = _margins(r, value, path)
        elif key in ("amounts", "dates", "digit_ids"):
            set_if_given(out, key, r.boolean(value, path))
        else:
            for inner, names in r.mapping(value, path, ("disable",)).items():
                place = f"{path}.{inner}"
                classes = [
                    r.pattern(n, f"{place}[{i}]", CLASS_NAME, "text that is a class name")
                    for i, n in enumerate(r.items(names, place))
                ]
                out[inner] = frozenset(c for c in classes if c is not None)
    return out


def _margins(r: NodeReader, node: yaml.Node, path: str) -> dict[str, dict[str, float]]:
    """Return the margins that are given, by kind of text."""
    out: dict[str, dict[str, float]] = {}
    for kind, value in r.mapping(node, path, TEXT_KINDS).items():
        place, given = f"{path}.{kind}", out.setdefault(kind, {})
        for name, number in r.mapping(value, place, MARGIN_NAMES).items():
            set_if_given(given, name, r.number(number, f"{place}.{name}", *MARGIN))
        if given.get("rare_name", -math.inf) > given.get("name", math.inf):
            r.fail(
                value,
                f"{place}.rare_name",
                f"expected at most {given['name']:g}, which is `name`: "
                "rare names are taken besides",
            )
    return out


def merge_margins(*layers: Mapping[str, Mapping[str, float]]) -> ModelMargins:
    """Return the margins that files add up to, of which a later one overrides; `rare_name` takes no
    less.
    """
    usual, out = asdict(ModelMargins()), {}
    for kind in TEXT_KINDS:
        given = usual[kind] | {k: v for layer in layers for k, v in layer.get(kind, {}).items()}
        out[kind] = ModelMargin(**given | {"rare_name": min(given["name"], given["rare_name"])})
    return ModelMargins(**out)


def _regions(r: NodeReader, nodes: list[yaml.Node], path: str) -> None:
    """A region that phonenumbers does not know would leave its numbers unfound without a word."""
    for i, node in enumerate(nodes):
        if (
            node_kind(node) == "str"
            and REGION.fullmatch(node.value)
            and node.value not in SUPPORTED_REGIONS
        ):
            hint = "; the United Kingdom is GB" if node.value == "UK" else ""
            r.fail(
                node,
                f"{path}[{i}]",
                f"{node.value} is no country or region with telephone numbers (ISO 3166-1){hint}",
            )


def _meaning(r: NodeReader, node: yaml.Node, path: str) -> str | None:
    """Return what a label means; a type nobody knows would be covered as one nobody can set a
    threshold or operator for.
    """
    meaning = r.text(node, path)
    if (
        meaning is None
        or meaning == IGNORE
        or meaning in ENTITIES
        or (meaning.startswith(CUSTOM_PREFIX) and NAME.fullmatch(meaning))
    ):
        return meaning
    hint = suggest_choice(safe_key(meaning), sorted(ENTITIES))
    r.fail(
        node,
        path,
        f"unknown entity{hint or '.'} Give an entity type, one of your own that begins with "
        f"{CUSTOM_PREFIX}, or `{IGNORE}`",
    )
    return None


def _model(r: NodeReader, node: yaml.Node, path: str, language: str) -> str | None:
    if not LANGUAGE.fullmatch(language):
        r.fail(node, path, "expected a language such as es (ISO 639-1) before the colon")
        return None
    return r.text(node, path)
