"""The script and the language a text is written in; what the policy does not read cannot be read.

A script is told by its letters. A language in Latin letters is told by spaCy's stop words and
numerals: it is one that the policy does not read where these are many, and hardly a word is of a
language that it does.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import spacy

from callveil.schemas.finding import TextSpan
from callveil.schemas.json_types import JsonObject
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.lang import available_languages, load_language
from callveil.transforms.detect.normalized_text import UNSPACED, normalize_text
from callveil.transforms.detect.placeholders import MANUAL
from callveil.transforms.detect.resolve import UNREAD

WORDS = 3
"""Words in another script that make more than a borrowed name."""
LETTERS_A_WORD = 2
"""Letters that count as a word in scripts that part no words."""
SHORT = 200
"""Characters up to which an answer about a text is kept; 4,096 of them take 2 MiB at most."""
_OTHER = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2c00-\ud7ff\uf900-\uffdc\U00010000-\U0003ffff]")
"""Any character beyond the Latin blocks, symbols apart."""
_RUN = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(f"[{UNSPACED}]+")


def is_unsupported_language(texts: Iterable[str], languages: tuple[str, ...]) -> bool:
    """Tell whether some texts, taken together, are in a script or a language that `languages`
    lack.
    """
    texts = list(texts)
    return _in_other_script(texts, languages) or _in_other_language(texts, languages)


def _in_other_script(texts: list[str], languages: tuple[str, ...]) -> bool:
    """Tell whether most letters are of scripts no language uses."""
    if not any(_OTHER.search(text) for text in texts if not text.isascii()):
        return False
    total = words = other = 0
    for text in texts:
        if text.isascii():
            total += sum(map(str.isalpha, text))
            continue
        letters, foreign, said = _counted(text, languages)
        total, other, words = total + letters, other + foreign, words + said
    return words >= WORDS and 2 * other > total


def unsupported_language_spans(view: View, languages: tuple[str, ...]) -> Iterator[TextSpan]:
    """Find the turns, and lines of turns, that `is_unsupported_language`; a span for each line."""
    text = view.text
    for start, end in [(t.start, t.end) for t in view.turns] or [(0, len(text))]:
        whole = _is_unread(text[start:end], languages)
        place = start
        for line in text[start:end].split("\n"):
            if whole or (len(line) < end - start and _is_unread(line, languages)):
                letters = [i for i, c in enumerate(line) if c.isalnum() or _is_mark(c)]
                if letters:
                    yield TextSpan(place + letters[0], place + letters[-1] + 1, MANUAL, 1.0, UNREAD)
            place += len(line) + 1


def _is_unread(text: str, languages: tuple[str, ...]) -> bool:
    """As `is_unsupported_language`; of short texts, which are said again and again, the last
    answers are kept.
    """
    if len(text) < 2 * LEAST_WORDS - 1 and text.isascii():
        return False  # not even words of one letter make so many
    return (
        is_unsupported_language([text], languages)
        if len(text) > SHORT
        else is_unsupported_text(text, languages)
    )


@lru_cache(maxsize=4096)
def is_unsupported_text(text: str, languages: tuple[str, ...]) -> bool:
    """As `is_unsupported_language`, of one text."""
    return is_unsupported_language([text], languages)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _counted(text: str, languages: tuple[str, ...]) -> tuple[int, int, int]:
    """Return letters of a text, those in scripts no language uses, and how many words these
    make.
    """
    text = normalize_text(text).text
    if _OTHER.search(text) is None:
        return sum(map(str.isalpha, text)), 0, 0
    own = language_scripts(languages)
    letters = foreign = 0
    words = 0.0
    for match in _RUN.finditer(text):
        run = match.group()
        letters += len(run)
        other = [c for c in run if script_of(c) not in own]
        foreign += len(other)
        if other:
            unspaced = sum(map(len, _UNSPACED.findall("".join(other))))
            words += unspaced / LETTERS_A_WORD + (unspaced < len(other))
    return letters, foreign, int(words)


@lru_cache(maxsize=16)
def language_scripts(languages: tuple[str, ...]) -> frozenset[str]:
    """Return scripts in which the languages' own words are written."""
    loaded = [load_language(code) for code in languages if code in available_languages()]
    words = [w for own in loaded for w in (*own.words, *map(str, own.lexicon.get("units", ())))]
    return frozenset(script_of(c) for word in words for c in word if c.isalpha())


@lru_cache(maxsize=4096)
def script_of(letter: str) -> str:
    """Return script of a letter, as its Unicode name begins: LATIN, CYRILLIC, CJK; signs are
    Latin.
    """
    name = unicodedata.name(letter, "LATIN").split()[0]
    return "LATIN" if name in ("FEMININE", "MASCULINE", "MODIFIER") else name


# --- languages in Latin letters -------------------------------------------------------------------

LATIN = (
    *("af", "ca", "cs", "da", "de", "es", "et", "eu", "fi", "fr", "ga", "hr", "ht", "hu", "id"),
    *("is", "it", "lt", "lv", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "tl", "tr"),
    *("vi", "yo"),
)
"""Languages that are told by spaCy's stop words and numerals."""
LEAST_WORDS, LEAST_OTHER, LEAST_DISTINCT = 6, 3, 5
"""Words of a text that is judged; distinct ones that only the other language has, and that it has.
"""
SHARE, ODDS = 0.3, 3
"""Least part of all words that only the other language has, and how many to one of ours."""
_PARTICLES = frozenset(
    """al am au aux con da das de dei del della dem den der des di do dos du e el il la las le les lo los
    na o san santa sur te ten ter una van vom von y zu zum zur""".split()  # noqa: E501, SIM905
)
"""Small words that names, addresses and dishes bring into any language: no three make another."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def _in_other_language(texts: list[str], languages: tuple[str, ...]) -> bool:
    """Tell whether the words are those of a language that none of `languages` is."""
    read = _read_words(languages)
    words = [
        part
        for text in texts
        for word in _WORD.findall(normalize_text(text).text.lower().replace("’", "'"))
        for part in ([word] if word in read or "'" not in word else word.split("'"))
    ]
    strange = [word for word in words if word not in read]
    total, rest = len(words), len(strange)
    if total < LEAST_WORDS or rest < SHARE * total:
        return False
    ours, others = Counter(word for word in words if word in read), Counter(strange)
    of, found = other_words(), dict[str, list[str]]()
    for word in others:
        for language in of.get(word, ()) if len(word) > 1 or not word.isascii() else ():
            found.setdefault(language, []).append(word)
    return any(
        language not in languages and _is_told(words, ours, others, language, total)
        for language, words in found.items()
    )


def _is_told(
    words: list[str], ours: Counter[str], others: Counter[str], language: str, total: int
) -> bool:
    if len(set(words) - _PARTICLES) < LEAST_OTHER:
        return False
    count, of = sum(others[word] for word in words), other_words()
    shared = [word for word in ours if language in of.get(word, ())]
    own = ours.total() - sum(ours[word] for word in shared)
    many = count >= SHARE * total and len(words) + len(shared) >= LEAST_DISTINCT
    return many and count >= ODDS * own


@lru_cache(maxsize=16)
def _read_words(languages: tuple[str, ...]) -> frozenset[str]:
    """Everyday words of the languages, their stop words included."""
    loaded = [load_language(code).words for code in languages if code in available_languages()]
    return frozenset().union(*loaded, *(_spacy_words(code) for code in languages))


@lru_cache(maxsize=1)
def other_words() -> Mapping[str, frozenset[str]]:
    """For each stop word and numeral the languages it is one of."""
    out: dict[str, set[str]] = {}
    for code in LATIN:
        for word in _spacy_words(code):
            out.setdefault(word, set()).add(code)
    return {word: frozenset(codes) for word, codes in out.items()}


def _spacy_words(code: str) -> set[str]:
    """Return spaCy's stop words and numerals of a language; none where it knows no such language.

    Their modules are loaded from their files: the packages around them take seconds, French four.
    """
    words = set(_members(code, "stop_words").get("STOP_WORDS", ()))
    for name, value in _members(code, "lex_attrs").items():
        if name.endswith("num_words") and isinstance(value, list | tuple | set):
            words.update(value)
    return {word.lower() for word in words if word.isalpha()}


def _members(code: str, name: str) -> JsonObject:
    path = Path(spacy.__file__).parent / "lang" / code / f"{name}.py"
    spec = spec_from_file_location(f"spacy.lang.{code}.{name}", path) if path.exists() else None
    if spec is None or spec.loader is None:
        return {}
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)
