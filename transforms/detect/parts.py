"""The pieces of a text that are read each for itself: JSON's keys and values, captions' cues."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.normalized_text import (
    Edit,
    NormalizedText,
    normalize_text,
    renormalize_text,
)
from callveil.transforms.detect.resolve import merge_spans

ENCODINGS = 4
"""Encodings of JSON within JSON that are read; what lies deeper is read as it stands."""


@dataclass(slots=True, unsafe_hash=True)  # see schemas.finding
class TextPart:
    """One piece of a text.

    Attributes:
        text: what is read, with offsets of the whole text.
        key: the piece is a key of a JSON object.
        run_on: the piece is a digit, or a few, behind others in a JSON list: digits of one number.
        literal: its place in the whole text: of a JSON number, or of a JSON string's content.
        number: the literal is a number.
        depth: JSON strings the literal lies in, the text itself not counted.
    """

    text: NormalizedText
    key: bool = False
    run_on: bool = False
    literal: tuple[int, int] = (0, 0)
    number: bool = False
    depth: int = 0

    def read(self, start: int, end: int) -> str:
        """Return what is read of a stretch of the whole text."""
        first, last = self.text.within(start, end)
        return self.text.text[first:last]


def parts_of(text: str, keep: re.Pattern[str] | None = None) -> list[TextPart]:
    """Cut a text into what is read of it: most texts are one piece, an empty document has none.

    Args:
        keep: pattern of what is read as it stands, such as placeholders.
    """
    literals = json_literals(text)
    if literals is not None:
        return [replace(part, text=renormalize_text(part.text, keep)) for part in literals]
    return [
        TextPart(renormalize_text(piece, keep)) for piece in _cues(text) or [NormalizedText(text)]
    ]


# --- JSON -----------------------------------------------------------------------------------------

_TOKEN = re.compile(r'"(?P<string>(?:[^"\\]|\\.)*)"(?P<key>\s*:)?|(?P<number>-?\d[\d.eE+-]*)')
_SINGLE = re.compile(r'[\s\[,]"?\d"?\s*,\s*"?\d"?')
"""Two elements of a list, each of them one digit, with the sign or space before them."""
_GROUPS = re.compile(r'"\d{2,6}"(?:\s*,\s*"\d{2,6}")+')
_STRING, _YEAR = re.compile(r'"(\d+)"'), re.compile(r"(?:19|20)\d\d")
GROUPS_LEAST = 8
"""Digits of the shortest number that a list holds a few at a time."""
_UNESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})')


_OPENS = frozenset('{["')
"""What JSON that holds texts begins with."""


def json_literals(text: str) -> list[TextPart] | None:
    """Find the strings, keys and numbers of a JSON object or array that is written as a text.

    A string that is JSON itself counts as what it holds, and so does a text that is one such
    string.

    Returns: the literals in order, read but not normalised; None for any other text.
    """
    return _literals(NormalizedText(text), 0) if text.lstrip()[:1] in _OPENS else None


def _literals(view: NormalizedText, depth: int) -> list[TextPart] | None:
    text = view.text
    if depth >= ENCODINGS or text.lstrip()[:1] not in _OPENS:
        return None
    value = _parsed(text)
    if value is None:
        return None
    if isinstance(value, str) and value.lstrip()[:1] not in _OPENS:
        return None
    found = list(_tokens(view, depth))
    if isinstance(value, str) and all(part.depth == depth for part in found):
        return None
    return [part for part in found if part.text.text]


def _parsed(text: str) -> Any:
    """Return the value of a JSON text, or of several with a line each; None where it is neither."""
    lines = [line for line in text.split("\n") if line.strip()]
    for pieces in [text], lines if all(line.lstrip()[0] in "{[" for line in lines) else ():
        try:
            values = [orjson.loads(piece) for piece in pieces]
        except ValueError:
            continue
        if values:
            return values[0] if len(values) == 1 else values
    return None


def _tokens(view: NormalizedText, depth: int) -> Iterator[TextPart]:
    last = 0
    grouped = _grouped(view.text)
    for match in _TOKEN.finditer(view.text):
        run_on = _SINGLE.fullmatch(view.text, last, match.end()) is not None
        run_on = run_on or (match.start() in grouped and not match["key"])
        last = max(0, match.start() - 1)
        start, end = match.span("string" if match["number"] is None else "number")
        own = _piece(view, start, end)
        literal = own.source(0, end - start) if start < end else (0, 0)
        if match["number"] is not None:
            yield TextPart(own, False, run_on, literal, True, depth)
            continue
        own = own.edited(_unescaped(own.text))
        inner = _literals(own, depth + 1)
        if inner is None or match["key"]:
            yield TextPart(own, match["key"] is not None, run_on, literal, False, depth)
        else:
            yield from inner


def _grouped(text: str) -> set[int]:
    """Tell where the strings of a list begin that go on with the digits of the string before
    them.
    """
    runs = [(m.start(), list(_STRING.finditer(m[0]))) for m in _GROUPS.finditer(text)]
    split = [
        (start, strings) for start, strings in runs if is_split_number([s[1] for s in strings])
    ]
    return {start + string.start() for start, strings in split for string in strings[1:]}


def is_split_number(groups: Sequence[str]) -> bool:
    """Tell whether a list of strings of digits may hold one number, a few digits at a time: no
    years.
    """
    long_enough = sum(map(len, groups)) >= GROUPS_LEAST and all(2 <= len(g) <= 6 for g in groups)
    return long_enough and not all(map(_YEAR.fullmatch, groups))


def _piece(view: NormalizedText, start: int, end: int) -> NormalizedText:
    if view.starts is None or view.ends is None:
        return NormalizedText(view.text[start:end], view.base + start)
    return NormalizedText(view.text[start:end], 0, view.starts[start:end], view.ends[start:end])


def _unescaped(text: str) -> Iterator[Edit]:
    place = 0
    for match in _UNESCAPE.finditer(text) if "\\" in text else ():
        if match.start() < place:
            continue
        code = match.group()
        place = match.end()
        if code[1] == "u" and 0xD800 <= int(code[2:], 16) < 0xE000:
            place += 6  # two halves of one character, or the text would not have been read as JSON
            code = text[match.start() : place]
        yield match.start(), place, str(orjson.loads(f'"{code}"'))


def within_literals(
    text: str, literals: Sequence[TextPart], spans: Iterable[TextSpan]
) -> list[TextSpan]:
    """Cut spans of a JSON text at the borders of its literals, so that what is left stays JSON.

    A piece of a number is the number, and no escape is cut through. A span over all stays one.
    """
    out: list[TextSpan] = []
    ends = [part.literal[1] for part in literals]
    for span in spans:
        if span.end - span.start == len(text):
            return [span]
        for part in literals[bisect_right(ends, span.start) :]:
            start, end = part.literal
            if start >= span.end:
                break
            if not part.number:
                first, last = part.text.within(max(start, span.start), min(end, span.end))
                if first >= last:
                    continue
                start, end = part.text.source(first, last)
            out.append(replace(span, start=start, end=end))
    return merge_spans(out)


def literal_at(literals: Sequence[TextPart], span: TextSpan) -> TextPart | None:
    """Return the literal a span lies in; None for the whole of a text, or one that is no JSON."""
    at = bisect_right(literals, span.start, key=lambda part: part.literal[1])
    if at == len(literals):
        return None
    start, end = literals[at].literal
    return literals[at] if start <= span.start and span.end <= end else None


# --- captions -------------------------------------------------------------------------------------

_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CUE = re.compile(
    rf"(?:^[ \t]*(?:\d{{1,6}}|{_UUID}(?:/[\d-]+)?)[ \t]*\r?\n)?"
    rf"^[ \t]*{_TIME}[ \t]*(?:-->[ \t]*{_TIME}(?:[ \t]+[\w-]+:[\w.,%-]+)*|,{_TIME})[ \t]*"
    r"(?:\r?\n|\Z)",
    re.MULTILINE,
)
"""The time line of a cue, with the number or UUID before it, in WebVTT, SubRip and SubViewer."""
_TAG = re.compile(
    r"<v(?:\.[\w.-]+)*[ \t]+(?P<voice>[^<>\s][^<>\n]{0,80}?)[ \t]*>[ \t]*"
    r"|</?(?:[bciuv]|ruby|rt|lang|font)(?:[ .][^<>\n]{0,80})?>"
    r"|<(?:\d{1,3}:)?\d{2}:\d{2}\.\d{3}>"
)
"""Tags of WebVTT and SubRip (the voice, fonts, classes) and the times of words."""


def _cues(text: str) -> list[NormalizedText]:
    """Return the texts between the time lines of captions; none where there is no time line."""
    found = list(_CUE.finditer(text)) if "-->" in text or ",0" in text else []
    edges = [0, *(edge for match in found for edge in match.span()), len(text)] if found else []
    pieces = [(start, text[start:end]) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    cues = [
        NormalizedText(piece.strip(), start + len(piece) - len(piece.lstrip()))
        for start, piece in pieces
        if piece.strip()
    ]
    return [cue.edited(_untagged(cue.text)) for cue in cues]


def _untagged(cue: str) -> Iterator[Edit]:
    """Yield tags left out of a cue, and the voice it names read as a speaker's label."""
    for match in _TAG.finditer(cue):
        if match["voice"]:
            yield match.start(), match.start("voice"), ""
            yield match.end("voice"), match.end(), ": "
        else:
            yield match.start(), match.end(), ""


def caption_speakers(text: str) -> frozenset[str]:
    """Return speakers that the cues of captions name, lower case."""
    names = (match["voice"] for match in (_TAG.finditer(text) if "-->" in text else ()))
    return frozenset(normalize_text(name).text.lower() for name in names if name)
