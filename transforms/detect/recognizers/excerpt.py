"""The stretches of a text that can hold a value, so that patterns need not read the rest.

A stretch begins and ends at white space, which to Presidio's patterns is the same as the beginning
and the end of a text. Stretches are cut at `LONGEST` characters and overlap there, so that a
pattern which reads on to the end of a word without white space costs no more than a constant for
each character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from phonenumbers.phonenumberutil import _VALID_PUNCTUATION

LONGEST, OVERLAP = 4_096, 512
_BACK, _LEFT, _RIGHT = 1_024, 10, 4
_GAP = 64
"""White space longer than this parts words that belong to nothing in common."""
_DIGITS = re.compile(r"\d+")
_WORD_END = re.compile(rf"\S*(?:\s{{1,{_GAP}}}\S+){{0,{_RIGHT}}}")
_WORD_START = re.compile(rf"\S*(?:\s{{1,{_GAP}}}\S+){{0,{_LEFT}}}")
_TOKEN = re.compile(r"\S*")
_DOT = re.compile(r"(?i)\.[a-z]{2}")
_NETWORK = re.compile(
    r"(?i)[:.-](?:(?<=::)|(?<=\d\.)\d|(?<=[\da-f]:)[\da-f]+:|(?<=[\da-f]{2}-)[\da-f]{2}-|(?<=[\da-f]{4}\.)[\da-f]{4}\.)"
)
"""Begins with the sign between two parts, so that most places of a text are passed over at once."""
_LONG = re.compile(r"[a-zA-Z0-9]{16}")
_NEAR = re.compile(r"\d+(?:[\W_]\d+)*")
_PHONE = re.compile(rf"\d+(?:[{_VALID_PUNCTUATION}]{{1,4}}\d+)*", re.IGNORECASE)
PHONE_LEAST = 6
"""Digits of the shortest number that is taken for a telephone number."""
_PHONE_BEFORE, _PHONE_AFTER = 12, 24
"""Characters before and behind digits that Presidio's matcher may look at: signs in front, an
extension behind.
"""
_DECIMAL = re.compile(r"\d")


Stretches = Sequence[tuple[int, str]]
"""Stretches of a text: where each begins in it, and what it holds."""


def longest_digit_run(text: str) -> int:
    """Return most digits of a text with at most one other character, no letter, between them."""
    return max((_digits(found) for found in _NEAR.findall(text)), default=0)


def whole_text(text: str) -> Stretches:
    """Return all of a text."""
    return [(0, text)]


def around_digits(text: str) -> Stretches:
    """Return words with digits, with the words before and behind that may belong to them."""
    return _cut(text, _near(text))


def around_at(text: str) -> Stretches:
    """Return words with an at sign."""
    return _cut(text, _words(text, re.compile("@"))) if "@" in text else ()


def around_dots(text: str) -> Stretches:
    """Return words with letters behind a full stop."""
    return _cut(text, _words(text, _DOT))


def around_network_addresses(text: str) -> Stretches:
    """Return words that may hold the address of a device or its hardware."""
    return _cut(text, _words(text, _NETWORK)) if ":" in text or "." in text or "-" in text else ()


def long_words(text: str) -> Stretches:
    """Return words with many letters and digits on end."""
    return _cut(text, _words(text, _LONG))


def around_phones(text: str) -> Stretches:
    """Return digits that a telephone number could take in, with those of an extension behind
    them.
    """
    found = [m.span() for m in _PHONE.finditer(text)]
    return _cut(text, _merged(_phones(text, found)))


def phone_runs(text: str) -> list[tuple[int, int, int]]:
    """Return digits that a telephone number could take in, what stands between them short and no
    letter but x: start, end, digits.
    """
    return [
        (*m.span(), count) for m in _PHONE.finditer(text) if (count := _digits(m[0])) >= PHONE_LEAST
    ]


_TOUCHED = re.compile(r"(?<![^\W_])(?:[^\W_]*\d[ ./+-](?=\d))*[^\W_]*\d[^\W_]*")
"""Words with digits, and the groups of digits behind one that ends in a digit."""
_EDGES = re.compile(r"([^\W\d_]*)(.*?)([^\W\d_]*)", re.DOTALL)
_OWN_BEFORE, _OWN_BEHIND = (0, 1, 2, 6), (0, 1)
"""Letters at the two ends of the numbers that have a check digit."""
_TOUCHED_LEAST, _TOUCHED_MOST = 5, 48


def without_touching_letters(text: str) -> Stretches:
    """Return words with digits that letters or `_` touch, without these: `39632801577EUR`,
    `id_15070649C103_x`.

    Which of the letters are the number's own nobody knows, so a word is given in each way in turn.
    """
    spans: list[tuple[int, int]] = []
    for match in _in_lines(_TOUCHED, text):
        groups = [match.span()]
        if " " in match[0]:
            groups += [
                (match.start() + m.start(), match.start() + m.end())
                for m in re.finditer("[^ ]+", match[0])
            ]
        for start, end in groups:
            if end - start <= _TOUCHED_MOST and _digits(text[start:end]) >= _TOUCHED_LEAST:
                spans.extend(_without_edges(text, start, end))
    return _cut(text, spans)


def _in_lines(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield matches of a pattern in the lines with digits; it needs a digit and reaches over no two
    lines.
    """
    end = 0
    while (digits := _DIGITS.search(text, end)) is not None:
        start, end = text.rfind("\n", 0, digits.start()) + 1, text.find("\n", digits.end())
        end = end if end >= 0 else len(text)
        yield from pattern.finditer(text, start, end)


def _without_edges(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    edges = _EDGES.fullmatch(text, start, end)
    before, behind = (len(edges[1]), len(edges[3])) if edges else (0, 0)
    free = "_" not in (text[max(0, start - 1) : start], text[end : end + 1])
    for left in {n for n in _OWN_BEFORE if n < before} | {before}:
        for right in {n for n in _OWN_BEHIND if n < behind} | {behind}:
            if not (free and left == before and right == behind):
                yield start + before - left, end - behind + right


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _phones(text: str, found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield each run of digits that is long enough, from behind the digits before it to the end of
    an extension.
    """
    for n, (start, end) in enumerate(found):
        if end - start >= PHONE_LEAST and _digits(text[start:end]) >= PHONE_LEAST:
            first = max(start - _PHONE_BEFORE, found[n - 1][1] if n else 0)
            behind = found[n + 1] if n + 1 < len(found) else (len(text), len(text))
            last = behind[1] if behind[0] - end <= _PHONE_AFTER else end + _PHONE_AFTER
            yield first, min(last, len(text))


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans, which come in order, each run of overlapping ones as one."""
    start = end = -1
    for first, last in spans:
        if first > end:
            if end >= 0:
                yield start, end
            start = first
        end = max(end, last)
    if end >= 0:
        yield start, end


def to_ascii_digits(text: str) -> str:
    """Return a text of the same length with digits of every script as 0 to 9.

    Presidio's check digits fail on others, as they do on the two signs that its patterns take for
    an s and a k.
    """
    if text.isascii():
        return text
    return (
        _DECIMAL.sub(lambda m: str(int(m[0])), text)
        .replace("\N{LATIN SMALL LETTER LONG S}", "s")
        .replace("\N{KELVIN SIGN}", "K")
    )


def _words(text: str, sign: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield words without white space that hold a sign."""
    place = 0
    while (found := sign.search(text, place)) is not None:
        start, end = _start(text, place, found.start()), _token_end(text, found.end())
        yield start, end
        place = end


def _start(text: str, least: int, place: int) -> int:
    """Tell where the word begins that holds `place`, at or behind `least`."""
    while place > least and not text[place - 1].isspace():
        place -= 1
    return place


def _token_end(text: str, place: int) -> int:
    match = _TOKEN.match(text, place)
    return match.end() if match else place


def _near(text: str) -> Iterator[tuple[int, int]]:
    """Yield words around digits, each stretch once, in order."""
    start = end = -1
    place = 0
    while (found := _DIGITS.search(text, place)) is not None:
        if found.start() >= end:
            first = _words_before(text, found.start())
            if first > end:
                if end >= 0:
                    yield start, end
                start = first
        end = max(end, _words_after(text, found.end()))
        place = found.end()
    if end >= 0:
        yield start, end


def _words_before(text: str, place: int) -> int:
    behind = text[max(0, place - _BACK) : place][::-1]
    match = _WORD_START.match(behind)
    return place - (match.end() if match else 0)


def _words_after(text: str, place: int) -> int:
    match = _WORD_END.match(text, place, place + _BACK)
    return _token_end(text, match.end() if match else place)


def _cut(text: str, spans: Iterable[tuple[int, int]]) -> Stretches:
    found: list[tuple[int, str]] = []
    for start, end in spans:
        while start < end:
            stop = end if end - start <= LONGEST else start + LONGEST
            found.append((start, text[start:stop]))
            start = stop if stop == end else stop - OVERLAP
    return found
