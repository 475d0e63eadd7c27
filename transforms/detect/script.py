"""The script a text is written in; one that no language of the policy uses cannot be read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from callveil.schemas.finding import Span
from callveil.transforms.detect.lang import available, load_language
from callveil.transforms.detect.normalized_text import UNSPACED, normalize
from callveil.transforms.detect.placeholders import MANUAL
from callveil.transforms.detect.resolve import UNREAD
from callveil.transforms.detect.view import View

WORDS = 3
"""Words in another script that make more than a borrowed name."""
LETTERS_A_WORD = 2
"""Letters that count as a word in scripts that part no words."""
_OTHER = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2c00-\ud7ff\uf900-\uffdc\U00010000-\U0003ffff]")
"""Any character beyond the Latin blocks, symbols apart."""
_RUN = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(f"[{UNSPACED}]+")


def is_unread(texts: Iterable[str], languages: tuple[str, ...]) -> bool:
    """Whether most letters of some texts, taken together, are of scripts no language uses."""
    texts = list(texts)
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


def unread_spans(view: View, languages: tuple[str, ...]) -> Iterator[Span]:
    """Find the turns, and lines of turns, in scripts no language uses; a span for each line."""
    text = view.text
    if text.isascii() or _OTHER.search(text) is None:
        return
    for start, end in [(t.start, t.end) for t in view.turns] or [(0, len(text))]:
        if _OTHER.search(text, start, end) is None:
            continue
        whole = is_unread([text[start:end]], languages)
        place = start
        for line in text[start:end].split("\n"):
            if whole or is_unread([line], languages):
                letters = [i for i, c in enumerate(line) if c.isalnum() or _is_mark(c)]
                if letters:
                    yield Span(place + letters[0], place + letters[-1] + 1, MANUAL, 1.0, UNREAD)
            place += len(line) + 1


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _counted(text: str, languages: tuple[str, ...]) -> tuple[int, int, int]:
    """Letters of a text, those in scripts no language uses, and how many words these make."""
    text = normalize(text).text
    if _OTHER.search(text) is None:
        return sum(map(str.isalpha, text)), 0, 0
    own = scripts(languages)
    letters = foreign = 0
    words = 0.0
    for match in _RUN.finditer(text):
        run = match.group()
        letters += len(run)
        other = [c for c in run if script(c) not in own]
        foreign += len(other)
        if other:
            unspaced = sum(map(len, _UNSPACED.findall("".join(other))))
            words += unspaced / LETTERS_A_WORD + (unspaced < len(other))
    return letters, foreign, int(words)


@lru_cache(maxsize=16)
def scripts(languages: tuple[str, ...]) -> frozenset[str]:
    """Scripts in which the languages' own words are written."""
    loaded = [load_language(code) for code in languages if code in available()]
    words = [w for own in loaded for w in (*own.words, *map(str, own.lexicon.get("units", ())))]
    return frozenset(script(c) for word in words for c in word if c.isalpha())


@lru_cache(maxsize=4096)
def script(letter: str) -> str:
    """Script of a letter, as its Unicode name begins: LATIN, CYRILLIC, CJK; signs are Latin."""
    name = unicodedata.name(letter, "LATIN").split()[0]
    return "LATIN" if name in ("FEMININE", "MASCULINE", "MODIFIER") else name
