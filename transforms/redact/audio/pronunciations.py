"""Pronunciation variants of a written text: a word graph of the possible readings per token.

Digits are read singly, in pairs, doubled or as a number.

A transcript that writes `415-555-0123`, `04/29` or `$42.50` does not say how it was spoken, so the
graph holds every usual reading and the recording decides. English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from callveil.transforms.detect.spoken_numbers import (
    MONTHS,
    ONES,
    TENS,
    number_words,
    ordinal_words,
)

Known = Callable[[str], bool]
"""Whether the dictionary has a word, lower case."""
Sounds = Callable[[str], Sequence[str]]
"""Sounds of a word that the dictionary does not have, as ARPAbet phones; none where it cannot be
pronounced.
"""

ANYTHING = "="
"""Word that stands for speech whose sounds are not known. `=` with phones behind it is a word that
is said so.
"""

MAX_RUN = 40
"""Digits beyond which a run is read digit by digit only."""
SPELLED = 6
"""Letters up to which a word that is not in the dictionary may have been spelled out."""

_PIECE = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)|\d+|[^\W\d_]+(?:['’][^\W\d_]+)*['’]?|[^\w\s]|_")
_DATE = re.compile(r"\W*\d{1,2}[/.-]\d{1,2}(?:[/.-](?:\d{2}|\d{4}))?\W*")
_SIGNS = {
    "@": ("at",),
    "&": ("and",),
    "+": ("plus",),
    "%": ("percent",),
    "#": ("number", "hash", "pound"),
    "/": ("slash", "stroke", "of", "out of", "per"),
    "-": ("dash", "hyphen", "minus", "to"),
    "–": ("dash", "to"),
    "_": ("underscore",),
    "*": ("star",),
    "=": ("equals",),
    ":": ("colon",),
    ".": ("dot", "point", "dollars", "dollars and", "pounds", "euros", "and"),
    "°": ("degrees",),
}
_ENDS = {
    "$": ("dollars", "dollar", "bucks", "cents"),
    "£": ("pounds", "pound", "pence"),
    "€": ("euros", "euro", "cents"),
}
_SHORT = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miz",
    "dr": "doctor|drive",
    "st": "street|saint",
    "ave": "avenue",
    "rd": "road",
    "blvd": "boulevard",
    "ln": "lane",
    "ct": "court",
    "apt": "apartment",
    "ste": "suite",
    "jr": "junior",
    "sr": "senior",
    "vs": "versus",
    "no": "number",
    "ext": "extension",
    "hwy": "highway",
    "pkwy": "parkway",
    "sq": "square",
    "pl": "place",
    "hr": "hour",
    "hrs": "hours",
    "min": "minutes",
    "lbs": "pounds",
    "ok": "okay",
    "etc": "et cetera",
    "z": "zed",
}
_LATIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "’": "'"}
)


@dataclass(frozen=True)
class Arc:
    """One word of one reading.

    Attributes:
        source, target: states.
        word: lower case; `=PHONES` for one that is not in the dictionary; empty where nothing is
            said.
        token: which token of the text it belongs to.
    """

    source: int
    target: int
    word: str
    token: int


@dataclass
class Graph:
    """All readings of a text, from state 0 to `final`."""

    arcs: list[Arc] = field(default_factory=list)
    states: int = 1
    final: int = 0

    def state(self) -> int:
        """Return a new state."""
        self.states += 1
        return self.states - 1

    def say(self, source: int, target: int, words: str, token: int) -> None:
        """Add a reading of one or more words; none at all where `words` is empty."""
        parts = words.split() if not words.startswith(ANYTHING) else [words]
        for part in parts[:-1]:
            middle = self.state()
            self.arcs.append(Arc(source, middle, part, token))
            source = middle
        self.arcs.append(Arc(source, target, parts[-1] if parts else "", token))


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a text: what stands between blanks."""
    return text.split()


def pronunciation_graph(tokens: Sequence[str], known: Known, sounds: Sounds) -> Graph:
    """Return the graph of everything that may have been said where these tokens were written down.

    Args:
        tokens: of the text.
        known: what the dictionary has.
        sounds: how other words sound.
    """
    graph = Graph()
    here = 0
    for n, token in enumerate(tokens):
        here = _Token(graph, n, token, known, sounds).add(here)
    graph.final = here
    return graph


class _Token:
    """Adds the readings of one token to a graph."""

    def __init__(self, graph: Graph, number: int, token: str, known: Known, sounds: Sounds) -> None:
        self.graph, self.number, self.token, self.known, self.sounds = (
            graph,
            number,
            token,
            known,
            sounds,
        )
        self.date = bool(_DATE.fullmatch(token))

    def add(self, here: int) -> int:
        pieces = _PIECE.findall(unicodedata.normalize("NFKC", self.token))
        spoken = [i for i, p in enumerate(pieces) if p[0].isalnum()]
        if not spoken:
            return here
        i = 0
        while i < len(pieces):
            piece, before, after = (
                pieces[i],
                pieces[i - 1] if i else "",
                pieces[i + 1] if i + 1 < len(pieces) else "",
            )
            there = self.graph.state()
            if piece[0].isdecimal():
                number = piece.replace(",", "")
                self._digits(here, there, number)
                if after.lower() in ("st", "nd", "rd", "th") and len(number) < 3:
                    self._ordinal(here, there, number)
                    i += 1
                elif before == ":" and number == "00":
                    self._say(here, there, "", "o'clock", "hundred")
            elif piece[0].isalpha():
                self._word(here, there, piece)
            elif spoken[0] < i < spoken[-1] or piece in "@%°#&+":
                self._say(here, there, "", *_SIGNS.get(piece, ()))
            else:
                i += 1
                continue
            here = there
            i += 1
        for sign, words in _ENDS.items():
            if sign in pieces:
                there = self.graph.state()
                self._say(here, there, "", *words)
                here = there
        return here

    def _say(self, source: int, target: int, *readings: str) -> None:
        for words in readings:
            self.graph.say(source, target, words, self.number)

    def _word(self, source: int, target: int, piece: str) -> None:
        word = piece.lower().translate(_LATIN).rstrip("'") or piece.lower()
        plain = "".join(
            c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c)
        )
        found = [w for w in dict.fromkeys((word, plain)) if self.known(w)][:1]
        self._say(
            source, target, *found, *_SHORT.get(word, "").split("|") if word in _SHORT else ()
        )
        letters = [c for c in plain if "a" <= c <= "z"]
        if not found:
            phones = self.sounds(plain.replace("'", ""))
            self._say(source, target, ANYTHING + " ".join(phones))
        if 1 < len(letters) <= SPELLED and (piece.isupper() or not found):
            self._say(source, target, " ".join(letters))

    def _ordinal(self, source: int, target: int, number: str) -> None:
        if 0 < int(number) < 100:
            self._say(source, target, ordinal_words(int(number)))

    def _digits(self, source: int, target: int, number: str) -> None:
        n = len(number)
        nodes = [source, *(self.graph.state() for _ in range(n - 1)), target]
        for i, c in enumerate(number):
            self._say(nodes[i], nodes[i + 1], *(("zero", "oh") if c == "0" else (ONES[int(c)],)))
        if n > MAX_RUN or not number.isascii():
            return
        for i in range(n):
            for size, times in ((2, "double"), (3, "triple")):
                if i + size <= n and len(set(number[i : i + size])) == 1:
                    for digit in ("zero", "oh") if number[i] == "0" else (ONES[int(number[i])],):
                        self._say(nodes[i], nodes[i + size], f"{times} {digit}")
            if number[i] == "0":
                continue
            if i + 2 <= n:
                two = int(number[i : i + 2])
                self._say(nodes[i], nodes[i + 2], number_words(two))
                if number[i + 2 : i + 4] == "00":
                    self._say(nodes[i], nodes[i + 4], f"{number_words(two)} hundred")
            for size in (3, 4) if n > 4 else (3,):
                if i + size <= n:
                    self._say(nodes[i], nodes[i + size], *_whole(int(number[i : i + size])))
        if 4 <= n <= 6 and number[0] != "0":
            self._say(source, target, *_whole(int(number)))
        if n == 2 and number[0] == "0" and number != "00":
            self._say(source, target, ONES[int(number)])
        if self.date and n <= 2 and 0 < int(number) <= 31:
            self._ordinal(source, target, number)
            if int(number) <= 12:
                self._say(source, target, MONTHS[int(number) - 1])
        if n == 2 and number[1] == "0" and number[0] != "0":
            self._say(
                source,
                target,
                TENS[int(number[0])] + "s"
                if self.known(TENS[int(number[0])] + "s")
                else TENS[int(number[0])],
            )


def _whole(value: int) -> list[str]:
    """Return a number in words, without and with `and`, and with `a` for a leading one."""
    plain = number_words(value)
    out = [plain]
    if " hundred " in plain:
        out.append(plain.replace(" hundred ", " hundred and "))
    if " thousand " in plain and " hundred" not in plain:
        out.append(plain.replace(" thousand ", " thousand and "))
    return [*out, *(f"a{w[3:]}" for w in out if w.startswith("one "))]
