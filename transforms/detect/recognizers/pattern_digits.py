"""Runs of digits that a text must hold for a pattern to match, worked out from the pattern itself.

`\\b\\d{3}-\\d{2}-\\d{4}\\b` needs runs of just 3, 2 and 4 digits, `\\d{6}-?\\d{4}` one of ten or
more, or one of six or more. A text without them need not be read for it. Of a pattern that this
says nothing about, such as one with `.*`, every text may hold a match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LONGEST = 63
"""Runs of more digits are all alike."""
_FORMS = 256
"""Ways to match of a pattern that are followed, at most."""
_DIGITS = re.compile(r"\d+")

Form = tuple[int, ...]
"""Digits on end, in the order of a match; what is no digit stands between two. Those in the middle
are in no order and none is 0.
"""
Need = tuple[int, int]
"""Runs of digits by their length, as bits, and digits on end at least."""
_NOTHING: frozenset[Form] = frozenset({(0,)})
_DIGIT: frozenset[Form] = frozenset({(1,)})
_OTHER: frozenset[Form] = frozenset({(0, 0)})


class _Unknown(Exception):
    """The pattern may match in more ways than are followed."""


def runs_of(text: str) -> int:
    """Return lengths of the runs of digits in a text, as bits."""
    bits = 0
    for length in {min(len(run), LONGEST) for run in _DIGITS.findall(text)}:
        bits |= 1 << length
    return bits


def may_match(needs: tuple[Need, ...] | None, runs: int) -> bool:
    """Tell whether a text with such runs of digits may hold a match of a pattern with such
    needs.
    """
    return needs is None or any(bits & runs == bits and runs >> least for bits, least in needs)


@lru_cache(maxsize=512)
def needs_of(pattern: str) -> tuple[Need, ...] | None:
    """Return what a text must hold for a pattern to match, each of which is enough; None where
    nothing is known.
    """
    try:
        items = parser.parse(pattern, re.IGNORECASE | re.MULTILINE | re.DOTALL)
        forms = _sequence(items, {})
    except (_Unknown, re.error):
        return None
    left, right = _bounded(items, 0), _bounded(items, -1)
    needs = {_need(form, left, right) for form in forms}
    return (
        None
        if any(least >= LONGEST or bits >> LONGEST for bits, least in needs)
        else tuple(sorted(needs))
    )


def _need(form: Form, left: bool, right: bool) -> Need:
    """Return what a form needs: of a run at an end that no border sets off, only that one as long
    is there.
    """
    exact, least = [*form[1:-1]], 0
    ends = [(form[0], left and right)] if len(form) == 1 else [(form[0], left), (form[-1], right)]
    for run, bounded in ends:
        if bounded and run:
            exact.append(run)
        least = max(least, run)
    return sum(1 << run for run in set(exact)), least


def _bounded(items: Any, end: int) -> bool:
    """Tell whether a match begins (0) or ends (-1) where no digit stands beside it."""
    if not len(items):
        return False
    op, of = items[end]
    if op is ops.SUBPATTERN:
        return _bounded(of[-1], end)
    if op is ops.BRANCH:
        return all(_bounded(branch, end) for branch in of[1])
    if op is ops.ASSERT_NOT:  # (?<!\d), (?!\w)
        direction, inner = of
        return (
            direction == (-1 if end == 0 else 1)
            and len(inner) == 1
            and inner[0][0] is ops.IN
            and _classes(inner[0][1]) >= _DIGIT
        )
    return op is ops.AT and of is ops.AT_BOUNDARY


def _sequence(items: Iterable[Any], groups: dict[int, frozenset[Form]]) -> frozenset[Form]:
    forms = _NOTHING
    for op, of in items:
        forms = _joined(forms, _item(op, of, groups))
    return forms


def _item(op: Any, of: Any, groups: dict[int, frozenset[Form]]) -> frozenset[Form]:
    if op is ops.LITERAL:
        return _DIGIT if chr(of).isdecimal() else _OTHER
    if op is ops.IN:
        return _classes(of)
    if op in (ops.AT, ops.ASSERT, ops.ASSERT_NOT):
        return _NOTHING
    if op is ops.BRANCH:
        return _few(form for branch in of[1] for form in _sequence(branch, groups))
    if op is ops.SUBPATTERN:
        groups[of[0]] = _sequence(of[-1], groups)
        return groups[of[0]]
    if op is ops.GROUPREF and of in groups:
        return groups[of]
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return _few(_repeated(_sequence(of[2], groups), of[0], of[1]))
    raise _Unknown


def _repeated(once: frozenset[Form], least: int, most: int) -> Iterator[Form]:
    if once == _OTHER:  # however often, it holds no digit
        least, most = min(least, 1), min(most, 1)
    if most > LONGEST:
        raise _Unknown
    forms = _NOTHING
    for times in range(most + 1):
        if times >= least:
            yield from forms
        forms = _joined(forms, once) if times < most else forms


def _classes(items: Iterable[Any]) -> frozenset[Form]:
    """Return what a set of characters may be: a digit, something else, or either."""
    out: set[Form] = set()
    for op, of in items:
        if op is ops.LITERAL:
            out |= _DIGIT if chr(of).isdecimal() else _OTHER
        elif op is ops.RANGE:
            digits = sum(of[0] <= ord(digit) <= of[1] for digit in "0123456789")
            out |= (_DIGIT if digits or of[1] > 127 else frozenset()) | (
                _OTHER if digits <= of[1] - of[0] else frozenset()
            )
        elif op is ops.CATEGORY and of is ops.CATEGORY_DIGIT:
            out |= _DIGIT
        elif op is ops.CATEGORY and of is ops.CATEGORY_SPACE:
            out |= _OTHER
        else:
            return _DIGIT | _OTHER
    return frozenset(out)


def _joined(before: frozenset[Form], behind: frozenset[Form]) -> frozenset[Form]:
    return _few(_plain((*a[:-1], a[-1] + b[0], *b[1:])) for a in before for b in behind)


def _plain(form: Form) -> Form:
    return form if len(form) < 3 else (form[0], *sorted({*form[1:-1]} - {0}), form[-1])


def _few(forms: Iterable[Form]) -> frozenset[Form]:
    out: set[Form] = set()
    for form in forms:
        out.add(form)
        if len(out) > _FORMS:
            raise _Unknown
    return frozenset(out)
