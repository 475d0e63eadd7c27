"""Language data for the recognizers: one folder per language, loaded once.

A new language is a folder named by its ISO 639-1 code beside `en`, and nothing else. English is
complete and serves as the template: a key that its file of the same name does not have is refused,
so that a misspelt key cannot switch a rule off unseen. What a folder leaves out is off, never
borrowed from another language:

| file | holds | without it |
| --- | --- | --- |
| lexicon.yaml | digits, numbers, months, fillers, the spelling alphabet, forms of telephone numbers and of state numbers | no language |
| cues.yaml | phrases that name a kind of value ("card number") | values are known by their form alone |
| asks.yaml | what makes a turn a question, and what frames an answer | a question decides nothing |
| names.yaml | lead-ins to names ("my name is"), titles, particles | no names but those the model finds |
| address.yaml | kinds of streets, units, lead-ins | no street addresses |
| internet.yaml | "at", "dot", providers, top-level domains as they are said | no e-mail or web addresses read aloud |
| sets.yaml | small closed sets of words that single rules read | the rules that read them |
| words.txt | everyday words, which are no names in an answer | any word may be a name there |
| everyday.txt | more words that nobody is called and no town | texts without capitals are read for places as cased ones are |

With `accents: fold` in lexicon.yaml words are compared without accents ("ß" as "ss"), in the data
and in the text: a recogniser often leaves accents out. Such a language may also name `elided`
words, which the apostrophe parts from the next ("l'adresse"), and `compounds`, numbers of more than
one word ("quatre vingt dix sept"); see `recognizers.folded`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from callveil.schemas.errors import CallveilError

_HERE = Path(__file__).parent
_PHRASE = re.compile(r"[^\s-]+|-")
TEMPLATE = "en"
"""The language whose files have every key there is."""
# BaseLoader keeps every scalar as text: YAML 1.1 would read the words "on", "no" and "yes" as
# booleans. In C it takes a tenth of the time.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
FILES = ("lexicon", "internet", "address", "names", "cues", "asks", "sets")
"""YAML files of a folder; all but the first may be missing."""
_LITERAL = frozenset(
    ("phone_forms", "plate_forms", "no_numbers", "regions", "national_ids", "topics")
)
"""Keys whose values are no words: patterns, codes and names of entities."""
Phrases = Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
"""First word -> (all words, label) with the longest phrase first."""


class LanguageError(CallveilError, ValueError):
    """There is no folder of data for a language, or a file in it does not hold what it should."""


@dataclass(frozen=True)
class LanguageData:
    """The data of one language.

    Attributes:
        code: two letters, such as `en`.
        files: which of `FILES` there are.
        folds: words are compared without accents, and the data here has none.
        lexicon, internet, address, names: the YAML files as they are.
        cues: phrases that name a kind of value, labelled by the kind.
        openers, requests: words that make a turn a question or a request; the second even before a
            full stop.
        answer_frames: words around an answer that are no part of it.
        repeats: words that ask for the same answer again. question_words: words a question begins
            with.
        words: everyday words that are no names in an answer.
        common: those and more words that nobody and no town is called, from everyday.txt; empty
            where a language has no such list.
        sets: small closed sets of words that single rules read.
    """

    code: str
    files: frozenset[str]
    folds: bool
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
    common: frozenset[str]
    sets: Mapping[str, tuple[str, ...]]


def strip_accents(word: str) -> str:
    """Lower case without accents, the typographic apostrophe made plain, "ß" as "ss"."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFD", word.casefold().replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c))


@lru_cache(maxsize=32)
def word_file(language: str, name: str) -> frozenset[str]:
    """Folded words of a text file of a language's folder, empty where there is none; lines that
    begin with `#` are comments.
    """
    return frozenset(map(strip_accents, _words(_HERE / language / name, False, frozenset())))


def split_elisions(word: str, elided: frozenset[str]) -> tuple[str, ...]:
    """Return a word and the elided words before it: `l'adresse` is `l'` and `adresse`; one piece
    where none is elided.
    """
    out: list[str] = []
    while True:
        before, sign, rest = word.partition("'")
        if not sign or not rest or before not in elided:
            return (*out, word)
        out.append(before + sign)
        word = rest


def index_phrases(labelled: Iterable[tuple[str, str]]) -> Phrases:
    """Index phrases by their first word, a hyphen being one (`e - mail`); at one place the longest
    is tried first, then the first listed.
    """
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for phrase, label in labelled:
        words = tuple(_PHRASE.findall(phrase.lower()))
        if words:
            found.setdefault(words[0], []).append((words, label))
    return MappingProxyType(
        {
            first: tuple(sorted(items, key=lambda item: -len(item[0])))
            for first, items in found.items()
        }
    )


def available_languages() -> tuple[str, ...]:
    """Return codes of the languages there is data for, sorted."""
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/lexicon.yaml")))


@lru_cache(maxsize=16)
def load_language(code: str) -> LanguageData:
    """Read a language's folder; the result is shared and must not be changed.

    Raises `LanguageError` where the folder is missing, one of its files is not a mapping, or has a
    key that English has not.
    """
    if code not in available_languages():
        raise LanguageError(
            f"no spoken-form data for language {code!r}; there is data for "
            f"{', '.join(available_languages())}. "
            "Add a folder of that name beside them, or let the policy say what happens to other "
            "languages (detect.unknown_language)."
        )
    return read_language(_HERE / code)


def read_language(folder: Path) -> LanguageData:
    """Read the data of the language a folder is named for. Raises as `load_language`."""
    read = {
        name: _mapping(folder / f"{name}.yaml")
        for name in FILES
        if (folder / f"{name}.yaml").is_file() or name == "lexicon"
    }
    for name, mapping in read.items():
        unknown = sorted(mapping.keys() - _template(name)) if folder.name != TEMPLATE else []
        if unknown:
            raise LanguageError(
                f"{folder.name}/{name}.yaml: no rule reads {', '.join(unknown)}; the keys there "
                f"are stand in {TEMPLATE}/{name}.yaml"
            )
    folds = read["lexicon"].get("accents") == "fold"
    elided = (
        frozenset(map(strip_accents, read["lexicon"].get("elided", ()))) if folds else frozenset()
    )
    if folds:
        read = {name: _folded(mapping, elided) for name, mapping in read.items()}
    asks = read.get("asks", {})
    words, more = (_words(folder / name, folds, elided) for name in ("words.txt", "everyday.txt"))
    return LanguageData(
        code=folder.name,
        files=frozenset(read),
        folds=folds,
        lexicon=read["lexicon"],
        internet=read.get("internet", {}),
        address=read.get("address", {}),
        names=read.get("names", {}),
        cues=index_phrases(
            (str(phrase), topic)
            for topic, items in read.get("cues", {}).items()
            for phrase in items
        ),
        openers=frozenset(asks.get("openers", ())),
        requests=frozenset(asks.get("requests", ())),
        answer_frames=frozenset(asks.get("answer_frames", ())),
        repeats=frozenset(asks.get("repeats", ())),
        question_words=frozenset(asks.get("question_words", ())),
        words=frozenset(words),
        common=frozenset((*words, *more)) if more else frozenset(),
        sets=read.get("sets", {}),
    )


def _words(path: Path, folds: bool, elided: frozenset[str]) -> list[str]:
    """Return words of a text file, none where there is none; lines that begin with `#` are
    comments.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    return (
        [piece for word in words for piece in split_elisions(strip_accents(word), elided)]
        if folds
        else words
    )


@lru_cache(maxsize=len(FILES))
def _template(name: str) -> frozenset[str]:
    return frozenset(_mapping(_HERE / TEMPLATE / f"{name}.yaml"))


def _folded(value: Any, elided: frozenset[str]) -> Any:
    """Return the data as it is compared: without accents, elided words apart; what is no word stays
    as it is.
    """
    if isinstance(value, str):
        return " ".join(
            piece
            for word in value.split(" ")
            for piece in split_elisions(strip_accents(word), elided)
        )
    if isinstance(value, Mapping):
        folded = {
            _folded(k, elided): v if k in _LITERAL else _folded(v, elided) for k, v in value.items()
        }
        return MappingProxyType(folded)
    return [_folded(item, elided) for item in value]


def _mapping(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise LanguageError(f"{path.parent.name}/{path.name} is missing: every language has one")
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
    if not isinstance(loaded, dict):
        raise LanguageError(
            f"{path.parent.name}/{path.name} must be a YAML mapping; found {type(loaded).__name__}"
        )
    return MappingProxyType(loaded)
