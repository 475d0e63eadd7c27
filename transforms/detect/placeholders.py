"""Patterns of the redactor's own output: labels, masks, pseudonyms and tokens.

They hold no value, so they are never detected as one again.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter

from callveil.schemas.entities import ENTITIES
from callveil.schemas.finding import TextSpan
from callveil.schemas.operators import DEFAULT, OPERATORS
from callveil.schemas.rules import Rules
from callveil.transforms.detect.budget import spend_steps

MANUAL = "REDACTED"
"""Entity type of what a person asked to be taken out without saying what it is."""

DENIED = "deny_list"
"""Detector of texts the policy names; they may be signs alone, where nothing else that is found
can.
"""

PLATFORM = ("[redacted]",)
"""What platforms write in place of a value."""

CODE = r"[A-Za-z0-9][A-Za-z0-9._=+/-]{0,199}"
"""What an operator of others may write, between its name and the closing bracket."""

MARK = "\x00"
"""Stands for the entity type while a label's template is turned into a pattern; no policy can hold
it.
"""


def placeholder_pattern(rules: Rules) -> re.Pattern[str]:
    """Return pattern of everything `redact.operators` writes under these rules, and has written
    under earlier ones.

    Only declared entity types count: `[JOHN]` is none. Characters that an earlier mask has kept are
    not taken for written: these rules decide about them.
    """
    every = (rules, *rules.earlier)
    own = frozenset(
        entity for r in every for entity in (*r.entities, *(entity for _, entity in r.deny))
    ) - {DEFAULT}
    theirs = frozenset(
        o.name for r in every for o in r.entities.values() if o.name not in OPERATORS
    )
    masks = frozenset(
        (o.char, o.keep_last if r is rules else 0)
        for r in every
        for o in r.entities.values()
        if o.name == "mask"
    )
    return _pattern(frozenset(r.label_for(MARK) for r in every), own, masks, theirs)


def _masked(char: str, keep: int) -> list[str]:
    """Return patterns of what a mask leaves readable, with what it has masked before that.

    No more is kept than masked (`redact.operators.Mask`), and what is kept ends a word. Kept digits
    may stand by themselves (`**** 1111`); other letters only where masked ones stand directly
    before them, since a word of its own may be anything. A mask that is a letter or digit itself is
    one wherever it stands at least twice, with no more than signs between (`x.x`).
    """
    c = re.escape(char)
    forms = []
    for n in range(keep, 0, -1):
        before = rf"{c}(?:[^\w\n{c}]{{0,3}}{c}){{{n - 1},60}}"
        forms += [
            rf"{before}(?:[^\w\s]?\w){{{n}}}(?!\w)",
            rf"{before}(?:[^\w\n]{{0,3}}\d){{{n}}}(?!\w)",
        ]
    return [*forms, rf"(?<!\w){c}(?:[^\w\n]{{0,3}}{c})+(?!\w)"] if char.isalnum() else forms


@lru_cache(maxsize=256)
def _pattern(
    labels: frozenset[str],
    own: frozenset[str],
    masks: frozenset[tuple[str, int]],
    theirs: frozenset[str] = frozenset(),
) -> re.Pattern[str]:
    names = (
        "(?:"
        + "|".join(
            sorted(map(re.escape, own | ENTITIES.keys() | {MANUAL}), key=lambda n: (-len(n), n))
        )
        + ")"
    )
    forms = [
        *(_labelled(label, names) for label in sorted(labels)),
        rf"\[{names}(?::(?:[a-z2-7]{{13}}|t1\.[A-Za-z0-9]+\.[A-Za-z0-9_\-]+))?\]",
    ]
    forms += [rf"\[{names}:{name}:{CODE}\]" for name in sorted(theirs)]
    forms += [re.escape(text) for text in PLATFORM]
    forms += [form for char, keep in sorted(masks) for form in _masked(char, keep)]
    return re.compile("|".join(form for form in forms if form))


def _labelled(label: str, names: str) -> str:
    """Return pattern of a label's template with one of the entity types in it."""
    before = r"(?<!\w)" if label[:1].isalnum() or label[:1] == MARK else ""
    after = r"(?!\w)" if label[-1:].isalnum() or label[-1:] == MARK else ""
    return f"{before}{re.escape(label).replace(re.escape(MARK), names)}{after}" if label else ""


def placeholder_spans(
    text: str, pattern: re.Pattern[str], others: Iterable[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """Return places of placeholders in a text, and `others`, in order and disjoint."""
    places: list[tuple[int, int]] = []
    for start, end in sorted([*(m.span() for m in pattern.finditer(text)), *others]):
        if places and start < places[-1][1]:
            places[-1] = places[-1][0], max(end, places[-1][1])
        else:
            places.append((start, end))
    return places


def exclude_places(
    text: str, spans: Iterable[TextSpan], places: Sequence[tuple[int, int]]
) -> Iterator[TextSpan]:
    """Yield the spans without the `places` (as `placeholder_spans` gives them) they reach into:
    what holds no letter or digit is left out.
    """
    for span in spans:
        first = bisect_right(places, span.start, key=itemgetter(1))
        inner = places[first : bisect_left(places, span.end, first, key=itemgetter(0))]
        spend_steps(1 + len(inner))
        if not inner:
            if span.detector == DENIED or any(c.isalnum() for c in text[span.start : span.end]):
                yield span
            continue
        edges = [span.start, *(edge for pair in inner for edge in pair), span.end]
        for lo, hi in zip(edges[::2], edges[1::2], strict=True):
            letters = [i for i in range(lo, hi) if text[i].isalnum()]
            if letters:
                yield replace(span, start=letters[0], end=letters[-1] + 1)


def has_unredacted_text(text: str, done: re.Pattern[str]) -> bool:
    """Tell whether a text says anything beside what redaction itself has written."""
    return any(c.isalnum() for c in done.sub(" ", text))
