"""The lists names, towns and streets are drawn from, with their weights."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

_T = TypeVar("_T")
GENERATED_BY = "callveil sample (generated people)"
COUNTRIES = ("US", "GB", "CA", "AU", "IE", "NL", "DE", "FR")
# Origins that are likelier than their general weight among the people of a country.
_LOCAL = {
    "GB": ("english", "scottish-welsh", "indian-north", "punjabi-pakistani-bengali"),
    "IE": ("irish",),
    "NL": ("dutch", "turkish"),
    "DE": ("german", "turkish"),
    "FR": ("french", "arabic"),
    "CA": ("english", "french", "chinese"),
    "AU": ("english", "greek", "vietnamese"),
    "US": ("english", "latin-american"),
}


@dataclass(frozen=True)
class NameOrigin:
    """Names of one origin.

    Attributes:
        name: label, such as `irish` or `common-word` (names that are also everyday words).
        weight: share among people when none is asked for.
        given: given names. surnames: surnames, with particles, hyphens and apostrophes.
    """

    name: str
    weight: int
    given: tuple[str, ...]
    surnames: tuple[str, ...]


@dataclass(frozen=True)
class Town:
    """A town: country code, city, state or county, postal code pattern, telephone areas without
    trunk digit.
    """

    country: str
    city: str
    state: str
    postal: str
    areas: tuple[str, ...]


def _data(name: str) -> str:
    return (files("callveil.transforms.lab.sample") / "data" / name).read_text(encoding="utf-8")


def _sections(name: str) -> list[tuple[str, dict[str, list[str]]]]:
    out: list[tuple[str, dict[str, list[str]]]] = []
    for line in _data(name).splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            out.append((line[1:].replace("]", ""), {}))
            continue
        key, _, values = line.partition(":")
        out[-1][1].setdefault(key, []).extend(v.strip() for v in values.split(",") if v.strip())
    return out


@lru_cache(maxsize=1)
def name_origins() -> dict[str, NameOrigin]:
    """Return every origin by name, in the order of the list. Lists are in file order and hold no
    duplicates within an origin.
    """
    out = {}
    for head, lists in _sections("names.txt"):
        name, _, weight = head.partition(" ")
        out[name] = NameOrigin(
            name,
            int(weight),
            tuple(dict.fromkeys(lists["given"])),
            tuple(dict.fromkeys(lists["sur"])),
        )
    return out


@lru_cache(maxsize=1)
def towns_by_country() -> dict[str, tuple[Town, ...]]:
    """Return towns by country code."""
    out: dict[str, list[Town]] = {}
    for line in _data("places.txt").splitlines():
        if line and not line.startswith("#"):
            country, city, state, postal, areas = line.split("|")
            out.setdefault(country, []).append(
                Town(country, city, state, postal, tuple(areas.split(",")))
            )
    return {k: tuple(v) for k, v in out.items()}


@lru_cache(maxsize=1)
def street_parts() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {
        head: (tuple(lists["name"]), tuple(lists["suffix"]))
        for head, lists in _sections("streets.txt")
    }


@lru_cache(maxsize=16)
def origin_wheel(country: str) -> tuple[NameOrigin, ...]:
    wheel: list[NameOrigin] = []
    local = _LOCAL.get(country, ())
    for o in name_origins().values():
        wheel += [o] * (
            o.weight
            * (
                6
                if o.name in local and country in ("NL", "DE", "FR", "IE")
                else 2
                if o.name in local
                else 1
            )
        )
    return tuple(wheel)


def pick_one(rng: random.Random, seq: Sequence[_T]) -> _T:
    """Return one element, uniformly; about four times as fast as `rng.choice`. `seq` must not be
    empty.
    """
    return seq[int(rng.random() * len(seq))]
