"""The search for known values in a text: word by word, across lines, through pauses and digits said
as words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.known_values import (
    DETECTOR,
    DIGITS,
    EMAIL,
    EMAIL_WORDS,
    FILLERS,
    NAME,
    PLACE,
    WORD,
    KnownValue,
    strip_case_and_accents,
)
from callveil.transforms.detect.recognizers.vocabulary import TEEN, TENS, UNIT, ZERO
from callveil.transforms.detect.spoken_digits import SpokenDigits, load_spoken_digits

INTRODUCTIONS = (
    ("i", "m"),
    ("im",),
    ("i", "am"),
    ("this", "is"),
    ("name", "is"),
    ("name", "s"),
    ("names",),
    ("call", "me"),
    ("named",),
    ("mr",),
    ("mrs",),
    ("ms",),
    ("miss",),
    ("hi",),
    ("hello",),
    ("hey",),
    ("thanks",),
    ("thank", "you"),
    ("speaking", "with"),
    ("speaking", "to"),
)
"""Words before an everyday word that make it a name, whatever its case. Only words that are the
contact's own name are looked at so.
"""
FAREWELLS = ("speaking", "here", "calling")
"""Words behind it that do the same."""
PREDICATES = frozenset(
    {
        "was",
        "is",
        "called",
        "calls",
        "rang",
        "wants",
        "wanted",
        "asked",
        "asks",
        "needs",
        "needed",
        "said",
        "says",
        "has",
        "had",
        "would",
        "reported",
        "requested",
        "complained",
        "gave",
        "left",
        "booked",
        "confirmed",
        "mentioned",
        "agreed",
        "provided",
        "thanked",
        "apologised",
        "apologized",
    }
)
"""Words behind a capital at the beginning of a sentence that make it a person: `North was unhappy`,
in a call's summary.
"""

_State = tuple[int, int, int, bool]
"""How far a search has come: characters of the value told, the word that is next, and what else its
steps depend on.
"""
_Step = tuple[int, int, _State | None]
"""The words a step takes (half-open), and the state it leads to; None where the value ends with it.
"""


@dataclass(frozen=True)
class FoldedWords:
    """Folded words of a text with their places. Made once per text and shared by all values sought
    in it.
    """

    text: str
    words: list[str]
    places: list[tuple[int, int]]
    index: dict[str, list[int]] = field(repr=False)
    numeric: dict[str, list[int]] = field(repr=False)
    said: SpokenDigits = field(repr=False)
    language: str = "en"

    @cached_property
    def longest(self) -> int:
        """Characters of the longest word."""
        return max(map(len, self.index), default=0)

    @cached_property
    def first_digits(self) -> dict[str, list[tuple[str, list[int]]]]:
        """Words that digits may begin at, with their places, by the digit they say first.

        Under no digit stand those whose digits hang on the next words.
        """
        out: dict[str, list[tuple[str, list[int]]]] = {}
        for word, places in self.numeric.items():
            first = word[0] if word.isdigit() else _first_digit(word, self.language)
            out.setdefault(first, []).append((word, places))
        return out

    @cached_property
    def figures(self) -> str:
        """The words that digits may begin at: a number that is not in here is in none of them."""
        return " ".join(self.numeric)

    @cached_property
    def room(self) -> dict[int, int]:
        """How many digits the words from a place on say at most, with fillers between them.

        No longer number begins there, and few places have room for a whole telephone number.
        Places that say none are left out.
        """
        words = (word for word in self.index if _tells(word, self.language))
        telling = sorted((place for word in words for place in self.index[word]), reverse=True)
        out: dict[int, int] = {}
        for place in telling:
            readings = self.said.readings(self.words, place)
            ways = [len(digits) + out.get(place + used, 0) for digits, used in readings]
            if self.words[place] in FILLERS:
                ways.append(out.get(place + 1, 0))
            if most := max(ways, default=0):
                out[place] = most
        return out

    @cached_property
    def most(self) -> int:
        """Digits of the longest number that may be said."""
        return max(self.room.values(), default=0)

    @classmethod
    def of(cls, text: str, language: str = "en") -> FoldedWords:
        """Split `text` into words of letters and digits; `4155550101` and `jane` are one word each.
        `language` says how digits are said.
        """
        if text.isascii():  # lower case keeps every place, so the whole text is folded at once
            matches = list(WORD.finditer(text.lower()))
            words = [match[0] for match in matches]
        else:
            matches = list(WORD.finditer(text))
            words = [strip_case_and_accents(match[0]) for match in matches]
        places = [match.span() for match in matches]
        index: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            if word in index:
                index[word].append(place)
            else:
                index[word] = [place]
        numeric = {w: p for w, p in index.items() if _begins(w, language)}
        return cls(text, words, places, index, numeric, load_spoken_digits(language), language)


@lru_cache(maxsize=8192)
def _begins(word: str, language: str) -> bool:
    return load_spoken_digits(language).begins(word)


@lru_cache(maxsize=8192)
def _tells(word: str, language: str) -> bool:
    """Tell whether a word may say digits wherever it stands, or stand between digits; few do."""
    return word in FILLERS or load_spoken_digits(language).tells(word)


@lru_cache(maxsize=8192)
def _first_digit(word: str, language: str) -> str:
    """Return the digit that whatever is said from `word` on begins with; empty where that hangs on
    the next words.
    """
    spoken = load_spoken_digits(language)
    kind = spoken.words.kinds.get(word, (-1, ""))[0]
    if spoken.compounds or kind not in (UNIT, ZERO, TEEN, TENS):
        return ""
    return next((digits[0] for digits, _ in spoken.readings([word], 0) if digits), "")


def find_values(
    tokens: FoldedWords, values: Iterable[KnownValue], detector: str = DETECTOR
) -> list[TextSpan]:
    """Return spans of `values` in a text, in the name of `detector`. A span begins and ends at word
    borders; spans of different values may overlap.
    """
    out: list[TextSpan] = []
    for value in values:
        if value.kind == DIGITS:
            out.extend(_find_digits(tokens, value, detector))
            continue
        target = value.target
        starts = [
            s
            for length in range(1, min(len(target), tokens.longest) + 1)
            for s in tokens.index.get(target[:length], ())
        ]
        if value.kind != NAME and target[0].isdigit():
            starts += [p for w, at in tokens.numeric.items() if not w.isdigit() for p in at]
        failed: set[_State] = set()
        for start in starts:
            taken = _extend(tokens, start, value, failed)
            if not taken:
                continue
            end = taken[-1] + 1
            if (
                not value.guarded
                or _capitalised(tokens, start, end, value)
                or (value.kind == NAME and _introduced(tokens.words, start, end))
            ):
                out.extend(_spans(tokens, taken, value, detector))
    return out


def _spans(
    tokens: FoldedWords, taken: list[int], value: KnownValue, detector: str
) -> Iterator[TextSpan]:
    """Yield spans over the words `taken`: one per line, so that what the other party says in
    between stays out of them.

    The pieces share a group.
    """
    edges = [tokens.places[taken[0]]]
    for place in taken[1:]:
        lo, hi = tokens.places[place]
        if "\n" in tokens.text[edges[-1][1] : lo]:
            edges.append((lo, hi))
        else:
            edges[-1] = (edges[-1][0], hi)
    group = value.group or (f"{value.entity}:{edges[0][0]}" if len(edges) > 1 else "")
    for lo, hi in edges:
        yield TextSpan(lo, hi, value.entity, value.score, detector, group)


def _first_path(
    start: _State, ahead: Callable[[_State], Iterator[_Step]], failed: set[_State]
) -> list[int]:
    """Return words of the first way from `start` to the end of a value, depth first; empty where
    there is none.

    Args:
        start: how much of the value is spelled, the word that is next, and what else the next steps
            depend on.
        ahead: the steps from a state, the likeliest first; one to no state ends the value.
        failed: states that lead nowhere; grows. Shared by all starts of one value, it keeps the
            search linear in the text.
    """
    taken: list[tuple[int, int]] = []
    open_steps = [(start, ahead(start))]
    while open_steps:
        state, steps = open_steps[-1]
        step = next(steps, None)
        if step is None:
            failed.add(state)
            open_steps.pop()
            if taken:
                taken.pop()
            continue
        spend_steps()
        first, stop, following = step
        if following is None:
            return [place for lo, hi in (*taken, (first, stop)) for place in range(lo, hi)]
        if following not in failed:
            taken.append((first, stop))
            open_steps.append((following, ahead(following)))
    return []


def _extend(tokens: FoldedWords, start: int, value: KnownValue, failed: set[_State]) -> list[int]:
    """Return places of the words from `start` on that spell `value`; empty where they do not."""
    words, target = tokens.words, value.target

    def step(spelled: int, first: int, stop: int, pieces: int, single: bool) -> _Step | None:
        if spelled < len(target):
            return first, stop, (spelled, stop, min(pieces, 2), single)
        return None if value.spelled and pieces > 1 and not single else (first, stop, None)

    def ahead(state: _State) -> Iterator[_Step]:
        spelled, place, pieces, single = state
        if place >= len(words):
            return
        word = words[place]
        if target.startswith(word, spelled):
            found = step(
                spelled + len(word), place, place + 1, pieces + 1, single and len(word) == 1
            )
            if found is not None:
                yield found
        if value.kind == NAME:
            return
        if pieces and value.kind == EMAIL and word in EMAIL_WORDS:
            yield place, place + 1, (spelled, place + 1, pieces, single)
            return
        for digits, used in tokens.said.readings(words, place) if not word.isdigit() else ():
            if target.startswith(digits, spelled) and (digits or pieces):
                found = step(spelled + len(digits), place, place + used, pieces + 1, single)
                if found is not None:
                    yield found

    return _first_path((0, start, 0, True), ahead, failed)


def _capitalised(tokens: FoldedWords, start: int, end: int, value: KnownValue) -> bool:
    """Tell whether a guarded word is written as a name: a capital letter that is not merely the
    beginning of a sentence.
    """
    lo, hi = tokens.places[start][0], tokens.places[end - 1][1]
    text = tokens.text[lo:hi]
    if len(value.target) == 2 and value.kind == PLACE:
        return text.isupper() and not tokens.text[max(0, lo - 40) : lo + 40].isupper()
    if not text[:1].isupper() or (text.isupper() and len(text) > 1):
        return False
    if end < len(tokens.words) and tokens.words[end] in PREDICATES:
        return True
    before = tokens.text[:lo].rstrip(" \"'([")
    return bool(before) and before[-1] not in ".!?\n:;-"


def _introduced(words: list[str], start: int, end: int) -> bool:
    """Tell whether the words around a guarded one say that it is a name: `i'm grant`, `grant
    speaking`.
    """
    if end < len(words) and words[end] in FAREWELLS:
        return True
    return any(
        tuple(words[start - len(phrase) : start]) == phrase
        for phrase in INTRODUCTIONS
        if start >= len(phrase)
    )


def _find_digits(tokens: FoldedWords, value: KnownValue, detector: str) -> list[TextSpan]:
    out: list[TextSpan] = []
    length = len(value.target)
    if length > 6 and value.target in tokens.figures:
        # Glued to other characters, as in `tel4155550101x2`: the whole word goes.
        glued = (
            tokens.places[place]
            for word, places in tokens.numeric.items()
            if value.target in word and value.target != word
            for place in places
        )
        about = (value.entity, value.score, detector, value.group)
        out.extend(TextSpan(start, end, *about) for start, end in glued)
    first = tokens.first_digits if tokens.most >= length else {}
    starts = [
        place
        for word, places in (*first.get(value.target[0], ()), *first.get("", ()))
        if not word.isdigit() or value.target.startswith(word)
        for place in places
        if tokens.room.get(place, 0) >= length
    ]
    failed: set[_State] = set()
    for start in sorted(starts):
        whole = tokens.words[start] == value.target
        taken = [start] if whole else _extend_digits(tokens, start, value.target, failed)
        if taken:
            out.extend(_spans(tokens, taken, value, detector))
    return out


def _extend_digits(tokens: FoldedWords, start: int, target: str, failed: set[_State]) -> list[int]:
    """Return places of the words from `start` on that say the digits `target`, without the fillers
    between them; empty where they do not.
    """
    words = tokens.words

    def ahead(state: _State) -> Iterator[_Step]:
        told, place, skipped, begun = state
        if place >= len(words):
            return
        for digits, used in tokens.said.readings(words, place):
            if target.startswith(digits, told) and (digits or begun):
                after = told + len(digits)
                yield (
                    place,
                    place + used,
                    (after, place + used, 0, True) if after < len(target) else None,
                )
        if begun and words[place] in FILLERS and skipped < 3:
            yield place, place, (told, place + 1, skipped + 1, True)

    return _first_path((0, start, 0, False), ahead, failed)
