"""What redaction itself has written: labels, pseudonyms and tokens. They hold no value, so they are never read as one again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from callveil.schemas.entities import ENTITIES
from callveil.schemas.finding import Span
from callveil.schemas.rules import Rules

MANUAL = "REDACTED"
"""Entity type of what a person asked to be taken out without saying what it is."""

PLATFORM = ("[redacted]",)
"""What platforms write in place of a value."""

MARK = "\x00"
"""Stands for the entity type while a label's template is turned into a pattern; no policy can hold it."""


def placeholders(rules: Rules) -> re.Pattern[str]:
    """Pattern of everything `redact.operators` writes under these rules. Only declared entity types count: `[JOHN]` is none."""
    own = frozenset({*rules.operators, *(entity for _, entity in rules.deny)})
    return _pattern(rules.label_for(MARK), own)


@lru_cache(maxsize=256)
def _pattern(label: str, own: frozenset[str]) -> re.Pattern[str]:
    names = "(?:" + "|".join(sorted(map(re.escape, own | ENTITIES.keys() | {MANUAL}), key=lambda n: (-len(n), n))) + ")"
    before, after = (
        (r"(?<!\w)" if label[:1].isalnum() or label[:1] == MARK else ""),
        (r"(?!\w)" if label[-1:].isalnum() or label[-1:] == MARK else ""),
    )
    forms = [
        f"{before}{re.escape(label).replace(re.escape(MARK), names)}{after}" if label else "",
        rf"\[{names}(?::(?:[a-z2-7]{{13}}|t1\.[A-Za-z0-9]+\.[A-Za-z0-9_\-]+))?\]",
    ]
    forms += [re.escape(text) for text in PLATFORM]
    return re.compile("|".join(form for form in forms if form))


def outside(text: str, spans: Iterable[Span], pattern: re.Pattern[str]) -> Iterator[Span]:
    """The spans without the placeholders they reach into: pieces that hold no letter or digit beside them are left out."""
    taken = [m.span() for m in pattern.finditer(text)]
    for span in spans:
        inner = [(a, b) for a, b in taken if a < span.end and span.start < b]
        if not inner:
            yield span
            continue
        edges = [span.start, *(edge for pair in inner for edge in pair), span.end]
        for lo, hi in zip(edges[::2], edges[1::2], strict=True):
            letters = [i for i in range(lo, hi) if text[i].isalnum()]
            if letters:
                yield replace(span, start=letters[0], end=letters[-1] + 1)
