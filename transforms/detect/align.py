"""Line two texts up that hold the same content, so that spans found in one can be laid over the
other.

A platform sends the same conversation as turns, as flat text and as words with times. They differ
in punctuation, case, spacing and speaker labels; the letters and digits are the same. Alignment
therefore runs over those alone.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.text_fields import ROLE_WORDS

TOKEN = re.compile(r"[^\W_]+")
MAX_FUZZY_TOKENS = 4000
"""Above this many words two texts that differ are not aligned; each is then analysed by itself."""

MAX_PAIRS = 20_000_000
"""Above this many pairs of like words looked at, neither."""


@dataclass(frozen=True)
class TextAlignment:
    """Correspondence between the letters and digits of two texts.

    Attributes:
        left, right: positions in either text, pairwise corresponding, both ascending.
        exact: every letter and digit of the right text has a partner (speaker labels and
            placeholders apart).
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    exact: bool

    def project(self, spans: list[TextSpan], *, reverse: bool = False) -> list[TextSpan]:
        """Lay spans of the left text over the right one (or back, with `reverse`).

        A span whose letters have no partner at all is left out: it lies in text the other side does
        not hold.
        """
        source, target = (self.right, self.left) if reverse else (self.left, self.right)
        if not source:
            return []
        out: list[TextSpan] = []
        place = 0
        for span in sorted(spans, key=lambda s: s.start):
            while place and source[place - 1] >= span.start:
                place -= 1
            while place < len(source) and source[place] < span.start:
                place += 1
            end = place
            while end < len(source) and source[end] < span.end:
                end += 1
            if end > place:
                out.append(
                    TextSpan(
                        target[place],
                        target[end - 1] + 1,
                        span.entity,
                        span.score,
                        span.detector,
                        span.group,
                    )
                )
        return out


@lru_cache(maxsize=256)
def _label(speakers: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(sorted((re.escape(s) for s in speakers if s), key=len, reverse=True))
    return re.compile(
        rf"(?m)^[ \t]*(?:\[[\d:.,\s\->]*\][ \t]*)?(?P<name>{names or '(?!)'})[ "
        r"\t]*(?:\([\d:.\s]*\))?[ \t]*[:>\-][ \t]*",
        re.IGNORECASE,
    )


ROLE_LABELS = frozenset(
    {
        "agent",
        "caller",
        "customer",
        "speaker",
        "speaker 1",
        "speaker 2",
        "rep",
        "client",
        "visitor",
        "contact",
    }
)


def speaker_labels(text: str, speakers: frozenset[str]) -> list[tuple[int, int]]:
    """Return spans of `Speaker:` labels at line starts of a flat transcript."""
    return [m.span() for m in _label(speakers | ROLE_LABELS).finditer(text)]


def role_labels(text: str, speakers: frozenset[str]) -> list[tuple[int, int]]:
    """Return spans of the names in those labels that name a role (`Caller`, `spk_0`) and so
    nobody.
    """
    return [
        m.span("name")
        for m in _label(speakers | ROLE_LABELS).finditer(text)
        if ROLE_WORDS.fullmatch(m["name"])
    ]


PLACEHOLDER = "\ue000"
"""Stands for a run of placeholders. What was one value in one text is a placeholder for every word
in the other.
"""


def _letters(
    text: str, skip: list[tuple[int, int]], done: re.Pattern[str] | None
) -> tuple[str, list[int]]:
    """Return letters and digits of a text, lower case, with their places; none of what lies in
    `skip`, and one mark for a run of placeholders.
    """
    chars: list[str] = []
    places: list[int] = []
    regions = iter(_regions(skip, [m.span() for m in done.finditer(text)] if done else []))
    lo, hi, mark = next(regions, (len(text) + 1, 0, False))
    for match in TOKEN.finditer(text):
        while match.start() >= hi and hi:
            lo, hi, mark = next(regions, (len(text) + 1, 0, False))
        if lo <= match.start() < hi:
            if mark and not (chars and chars[-1] == PLACEHOLDER):
                chars.append(PLACEHOLDER)
                places.append(match.start())
            continue
        word = match.group().lower()
        if (
            len(word) != match.end() - match.start()
        ):  # lower-casing changed the length (a few letters do that)
            word = match.group()
        chars.append(word)
        places.extend(range(match.start(), match.end()))
    return "".join(chars), places


def _regions(
    skip: list[tuple[int, int]], marks: list[tuple[int, int]]
) -> list[tuple[int, int, bool]]:
    """Return both kinds of places in order and disjoint, with whether a place is a mark; a mark
    that reaches into a place to skip is skipped with it.
    """
    out: list[tuple[int, int, bool]] = []
    for start, end, mark in sorted(
        [*((a, b, False) for a, b in skip), *((a, b, True) for a, b in marks)]
    ):
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]), out[-1][2] and mark)
        else:
            out.append((start, end, mark))
    return out


def _part(a: str, b: str, left: str, places: list[int]) -> int | None:
    """Tell where the letters `b` stand in `a`, where they do so once and from a word's beginning to
    a word's end.

    `ana` stands in `banana` too: what is found inside of words, or twice, is no copy and has to be
    read by itself.
    """
    start = a.find(b) if b else -1
    if start < 0 or a.find(b, start + 1) >= 0:
        return None
    first, last = places[start], places[start + len(b) - 1]
    inside = (first and TOKEN.match(left, first - 1)) or TOKEN.match(left, last + 1)
    return None if inside else start


class _TooMany(Exception):
    """Two texts repeat the same words so often that to line them up would take too long."""


class _Matcher(difflib.SequenceMatcher[str]):
    """Counts the pairs of like words that are looked at."""

    def __init__(self, a: list[str], b: list[str]) -> None:
        super().__init__(None, a, b, autojunk=False)
        self._words, self._counts, self._pairs = a, Counter(b), 0

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """As difflib's, which takes as many steps as there are pairs. Raises `_TooMany` beyond
        `MAX_PAIRS`.
        """
        self._pairs += sum(self._counts[word] for word in self._words[alo:ahi])
        if self._pairs > MAX_PAIRS:
            raise _TooMany
        return super().find_longest_match(alo, ahi, blo, bhi)


def align_texts(
    left: str,
    right: str,
    speakers: frozenset[str] = frozenset(),
    done: re.Pattern[str] | None = None,
) -> TextAlignment:
    """Line `right` up with `left`; labels at line starts of `right` are passed over.

    Args:
        speakers: labels of speakers, lower case.
        done: pattern of placeholders (`detect.placeholders`); adjacent ones count as one.

    Returns an exact alignment where the letters and digits are the same, else the longest common
    runs of words (for texts up to `MAX_FUZZY_TOKENS`), else an empty one.
    """
    a, left_places = _letters(left, [], done)
    b, right_places = _letters(right, speaker_labels(right, speakers), done)
    if a == b:
        return TextAlignment(tuple(left_places), tuple(right_places), True)
    start = _part(a, b, left, left_places)
    if start is not None:
        return TextAlignment(tuple(left_places[start : start + len(b)]), tuple(right_places), True)
    words_a, words_b = (list(TOKEN.finditer(t)) for t in (left, right))
    if max(len(words_a), len(words_b)) > MAX_FUZZY_TOKENS:
        return TextAlignment((), (), False)
    matcher = _Matcher([w.group().lower() for w in words_a], [w.group().lower() for w in words_b])
    try:
        blocks = matcher.get_matching_blocks()
    except _TooMany:
        return TextAlignment((), (), False)
    out_left: list[int] = []
    out_right: list[int] = []
    for block in blocks:
        for i in range(block.size):
            wa, wb = words_a[block.a + i], words_b[block.b + i]
            if wa.end() - wa.start() == wb.end() - wb.start():
                out_left.extend(range(*wa.span()))
                out_right.extend(range(*wb.span()))
    return TextAlignment(tuple(out_left), tuple(out_right), False)
