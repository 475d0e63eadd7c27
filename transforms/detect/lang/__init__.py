"""What a language is to the recognizers: one folder of data, loaded once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

_HERE = Path(__file__).parent
Phrases = Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
"""First word -> (all words, label) with the longest phrase first."""


class LanguageError(ValueError):
    """There is no folder of data for a language, or a file in it does not hold what it should."""


@dataclass(frozen=True)
class Language:
    """The data of one language.

    Attributes:
        code: two letters, such as `en`.
        lexicon, internet, address, names: the YAML files as they are.
        cues: phrases that name a kind of value, labelled by the kind.
        openers, requests: words that make a turn a question or a request; the second even before a full stop.
        answer_frames: words around an answer that are no part of it.
        repeats: words that ask for the same answer again. question_words: words a question begins with.
        words: everyday words that are no names in an answer.
        sets: small closed sets of words that single rules read.
    """

    code: str
    lexicon: Mapping[str, Any]
    internet: Mapping[str, Any]
    address: Mapping[str, Any]
    names: Mapping[str, Any]
    cues: Phrases
    openers: frozenset[str]
    requests: frozenset[str]
    repeats: frozenset[str]
    answer_frames: frozenset[str]
    question_words: frozenset[str]
    words: frozenset[str]
    sets: Mapping[str, tuple[str, ...]]


def phrases(labelled: Iterable[tuple[str, str]]) -> Phrases:
    """Index phrases by their first word; at one place the longest is tried first, then the first listed."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for phrase, label in labelled:
        words = tuple(phrase.lower().split())
        if words:
            found.setdefault(words[0], []).append((words, label))
    return MappingProxyType({first: tuple(sorted(items, key=lambda item: -len(item[0]))) for first, items in found.items()})


def available() -> tuple[str, ...]:
    """Codes of the languages there is data for, sorted."""
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/lexicon.yaml")))


@lru_cache(maxsize=16)
def load_language(code: str) -> Language:
    """Read a language's folder; the result is shared and must not be changed.

    Raises `LanguageError` where the folder is missing or one of its files is not a mapping.
    """
    folder = _HERE / code
    if code not in available():
        raise LanguageError(
            f"no spoken-form data for language {code!r}; there is data for {', '.join(available())}. "
            "Add a folder of that name beside them, or let the policy say what happens to other languages (detect.unknown_language)."
        )
    read = {name: _mapping(folder / f"{name}.yaml") for name in ("lexicon", "internet", "address", "names", "cues", "asks", "sets")}
    labelled = [(str(phrase), topic) for topic, items in read["cues"].items() for phrase in items]
    return Language(
        code=code,
        lexicon=read["lexicon"],
        internet=read["internet"],
        address=read["address"],
        names=read["names"],
        cues=phrases(labelled),
        openers=frozenset(read["asks"]["openers"]),
        requests=frozenset(read["asks"]["requests"]),
        answer_frames=frozenset(read["asks"]["answer_frames"]),
        repeats=frozenset(read["asks"]["repeats"]),
        question_words=frozenset(read["asks"]["question_words"]),
        words=frozenset((folder / "words.txt").read_text(encoding="utf-8").split()),
        sets=read["sets"],
    )


def _mapping(path: Path) -> Mapping[str, Any]:
    # BaseLoader keeps every scalar as text: YAML 1.1 would read the words "on", "no" and "yes" as booleans.
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    if not isinstance(loaded, dict):
        raise LanguageError(f"{path.parent.name}/{path.name} must be a YAML mapping; found {type(loaded).__name__}")
    return MappingProxyType(loaded)
