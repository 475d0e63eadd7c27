"""English words, people's names and places: what is a word, what a name, and what is both.

The file holds sorted lists, front-coded (each entry gives how many letters it shares with the one
before) and compressed. `transforms.lab.train.lexicon` makes it; `lang/en/lexicon.md` names its
sources and licences.
"""

from __future__ import annotations

import bz2
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from callveil.transforms.detect.normalized_text import WORD as WORD
from callveil.transforms.detect.normalized_text import (
    strip_case_and_accents as strip_case_and_accents,
)

FILE = Path(__file__).parent / "lang" / "en" / "lexicon.bz2"
SECTIONS = ("words", "given", "surnames", "usual", "places")
_SHARED = 64
"""Code of the letter that stands for "nothing shared"; one more for each letter shared."""


@dataclass(frozen=True)
class Lexicon:
    """Words in lower case, without accents.

    Attributes:
        words: entries of the dictionaries that are written in small letters, with their inflected
            forms.
        given: given names of many origins.
        surnames: other names; of those that are words the commonest only.
        usual: the commonest given names of English speakers.
        places: countries and towns; words parted by a space.
    """

    words: frozenset[str]
    given: frozenset[str]
    surnames: frozenset[str]
    usual: frozenset[str]
    places: frozenset[str]

    def named(self, word: str) -> bool:
        """Tell whether somebody may be called so by the lists of names."""
        return word in self.given or word in self.surnames


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Return the English lexicon, read once per process."""
    return Lexicon(
        *(
            frozenset(_unpacked(section))
            for section in bz2.decompress(FILE.read_bytes()).decode("ascii").split("\0")
        )
    )


def pack_lexicon(lists: Mapping[str, Iterable[str]]) -> bytes:
    """Return the bytes of a lexicon of the lists named by `SECTIONS`."""
    return bz2.compress("\0".join(_packed(lists[name]) for name in SECTIONS).encode("ascii"), 9)


def _packed(words: Iterable[str]) -> str:
    out, before = [], ""
    for word in sorted(words):
        shared = next(
            (n for n, (a, b) in enumerate(zip(before, word, strict=False)) if a != b), len(before)
        )
        out.append(chr(_SHARED + shared) + word[shared:])
        before = word
    return "\n".join(out)


def _unpacked(text: str) -> Iterator[str]:
    word = ""
    for line in text.split("\n"):
        word = word[: ord(line[0]) - _SHARED] + line[1:]
        yield word


EVERYWHERE = frozenset(
    {
        "able",
        "all",
        "an",
        "and",
        "any",
        "art",
        "best",
        "can",
        "case",
        "day",
        "do",
        "don",
        "dot",
        "ever",
        "free",
        "go",
        "good",
        "im",
        "in",
        "is",
        "key",
        "long",
        "low",
        "ma",
        "may",
        "me",
        "more",
        "my",
        "no",
        "ok",
        "one",
        "or",
        "pay",
        "read",
        "so",
        "sure",
        "the",
        "to",
        "top",
        "true",
        "van",
        "way",
        "will",
        "yes",
        "you",
    }
)
"""Words that hardly a conversation lacks. The contact's own name, which the record gives, is
guarded for these alone: where Mr Small calls, a small parcel is covered too, since nothing in lower
case tells the two apart and a name left readable is the worse mistake.
"""
