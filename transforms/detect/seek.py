"""The search for known values in a text: word by word, across lines, through pauses and digits said as words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from callveil.schemas.finding import Span
from callveil.transforms.detect.known import DETECTOR, DIGITS, EMAIL, EMAIL_WORDS, FILLERS, NAME, PLACE, WORD, KnownValue, fold
from callveil.transforms.detect.said import Said, said

INTRODUCTIONS = (
    ("i", "m"), ("im",), ("i", "am"), ("this", "is"), ("name", "is"), ("name", "s"), ("names",), ("call", "me"), ("named",),
    ("mr",), ("mrs",), ("ms",), ("miss",), ("hi",), ("hello",), ("hey",), ("thanks",), ("thank", "you"), ("speaking", "with"), ("speaking", "to"),
)  # fmt: skip
"""Words before an everyday word that make it a name, whatever its case. Only words that are the contact's own name are looked at so."""
FAREWELLS = ("speaking", "here", "calling")
"""Words behind it that do the same."""
PREDICATES = frozenset({
    "was", "is", "called", "calls", "rang", "wants", "wanted", "asked", "asks", "needs", "needed", "said", "says", "has", "had", "would", "reported",
    "requested", "complained", "gave", "left", "booked", "confirmed", "mentioned", "agreed", "provided", "thanked", "apologised", "apologized",
})  # fmt: skip
"""Words behind a capital at the beginning of a sentence that make it a person: `North was unhappy`, in a call's summary."""


@dataclass(frozen=True)
class Tokens:
    """Folded words of a text with their places. Made once per text and shared by all values sought in it."""

    text: str
    words: list[str]
    places: list[tuple[int, int]]
    index: dict[str, list[int]] = field(repr=False)
    numeric: dict[str, list[int]] = field(repr=False)
    said: Said = field(repr=False)

    @classmethod
    def of(cls, text: str, language: str = "en") -> Tokens:
        """Split `text` into words of letters and digits; `4155550101` and `jane` are one word each. `language` says how digits are said."""
        if text.isascii():  # lower case keeps every place, so the whole text is folded at once
            matches = list(WORD.finditer(text.lower()))
            words = [match[0] for match in matches]
        else:
            matches = list(WORD.finditer(text))
            words = [fold(match[0]) for match in matches]
        places = [match.span() for match in matches]
        index: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            if word in index:
                index[word].append(place)
            else:
                index[word] = [place]
        spoken = said(language)
        return cls(text, words, places, index, {w: p for w, p in index.items() if spoken.begins(w)}, spoken)


def find(tokens: Tokens, values: Iterable[KnownValue], detector: str = DETECTOR) -> list[Span]:
    """Spans of `values` in a text, in the name of `detector`. A span begins and ends at word borders; spans of different values may overlap."""
    out: list[Span] = []
    for value in values:
        if value.kind == DIGITS:
            out.extend(_find_digits(tokens, value, detector))
            continue
        target = value.target
        starts = [s for length in range(1, len(target) + 1) for s in tokens.index.get(target[:length], ())]
        if value.kind != NAME and target[0].isdigit():
            starts += [p for w, at in tokens.numeric.items() if not w.isdigit() for p in at]
        for start in starts:
            taken = _extend(tokens, start, value)
            if not taken:
                continue
            end = taken[-1] + 1
            if not value.guarded or _capitalised(tokens, start, end, value) or (value.kind == NAME and _introduced(tokens.words, start, end)):
                out.extend(_spans(tokens, taken, value, detector))
    return out


def _spans(tokens: Tokens, taken: list[int], value: KnownValue, detector: str) -> Iterator[Span]:
    """Spans over the words `taken`: one per line, so that what the other party says in between stays out of them.

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
        yield Span(lo, hi, value.entity, value.score, detector, group)


def _extend(tokens: Tokens, start: int, value: KnownValue) -> list[int]:
    """Places of the words from `start` on that spell `value`; empty where they do not."""
    words = tokens.words

    def spell(rest: str, place: int, pieces: int, single: bool) -> list[int] | None:
        if not rest:
            return None if value.spelled and pieces > 1 and not single else []
        if place >= len(words):
            return None
        word = words[place]
        if rest.startswith(word):
            found = spell(rest[len(word) :], place + 1, pieces + 1, single and len(word) == 1)
            if found is not None:
                return [place, *found]
        if value.kind == NAME:
            return None
        if pieces and value.kind == EMAIL and word in EMAIL_WORDS:
            found = spell(rest, place + 1, pieces, single)
            return None if found is None else [place, *found]
        for digits, used in tokens.said.readings(words, place) if not word.isdigit() else ():
            if rest.startswith(digits) and (digits or pieces):
                found = spell(rest[len(digits) :], place + used, pieces + 1, single)
                if found is not None:
                    return [*range(place, place + used), *found]
        return None

    return spell(value.target, start, 0, True) or []


def _capitalised(tokens: Tokens, start: int, end: int, value: KnownValue) -> bool:
    """Whether a guarded word is written as a name: a capital letter that is not merely the beginning of a sentence."""
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
    """Whether the words around a guarded one say that it is a name: `i'm grant`, `grant speaking`."""
    if end < len(words) and words[end] in FAREWELLS:
        return True
    return any(tuple(words[start - len(phrase) : start]) == phrase for phrase in INTRODUCTIONS if start >= len(phrase))


def _find_digits(tokens: Tokens, value: KnownValue, detector: str) -> list[Span]:
    out: list[Span] = []
    starts: list[int] = []
    for word, places in tokens.numeric.items():
        if not word.isdigit() or value.target.startswith(word):
            starts.extend(places)
        if len(value.target) > 6 and value.target in word and value.target != word:
            # Glued to other characters, as in `tel4155550101x2`: the whole word goes.
            out.extend(Span(*tokens.places[p], value.entity, value.score, detector, value.group) for p in places)
    for start in sorted(starts):
        taken = _extend_digits(tokens, start, value.target)
        if taken:
            out.extend(_spans(tokens, taken, value, detector))
    return out


def _extend_digits(tokens: Tokens, start: int, target: str) -> list[int]:
    """Places of the words from `start` on that say the digits `target`, without the fillers between them; empty where they do not."""
    words = tokens.words

    def tell(rest: str, place: int, skipped: int) -> list[int] | None:
        if not rest:
            return []
        if place >= len(words):
            return None
        for digits, used in tokens.said.readings(words, place):
            if rest.startswith(digits) and (digits or place > start):
                found = tell(rest[len(digits) :], place + used, 0)
                if found is not None:
                    return [*range(place, place + used), *found]
        return tell(rest, place + 1, skipped + 1) if place > start and words[place] in FILLERS and skipped < 3 else None

    return tell(target, start, 0) or []
