"""One normalised view of a text, with an exact map back: a value reads the same in any encoding.

What is read plainly: compatibility forms, decimal digits of any script, invisible characters,
spaces and hyphens of any kind, HTML entities, percent-encoding, escapes such as `\\u0040`, and the
signs of an address written as words in brackets. A text that holds none of these is its own view.

What stays as it is, and so may hide a value: base64, hexadecimal, quoted-printable, letters of
another script that look alike, Roman and Chinese numerals, HTML tags within a value, and text in
images.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from html.entities import html5
from itertools import chain
from urllib.parse import unquote_to_bytes

ROUNDS = 8
"""Encodings of different kinds within each other that are read; one kind counts once."""

Edit = tuple[int, int, str]
"""A stretch of a text, half-open, and what is read in its place."""


@dataclass(slots=True, unsafe_hash=True)  # see schemas.finding
class NormalizedText:
    """A text as it is read, and where each of its characters stands in the source.

    Attributes:
        text: what is read.
        base: offset in the source of a text that is a plain piece of it.
        starts, ends: range in the source of each character, where some differ; both ascend, and no
            range is empty.
    """

    text: str
    base: int = 0
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the source's range that `text[start:end]`, not empty, was read from, whole."""
        if self.starts is None or self.ends is None:
            return self.base + start, self.base + end
        return self.starts[start], self.ends[end - 1]

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of `text` that was read from any part of the source's range."""
        if self.starts is None or self.ends is None:
            return max(0, start - self.base), min(len(self.text), end - self.base)
        return bisect_right(self.ends, start), bisect_left(self.starts, end)

    def edited(self, edits: Iterable[Edit]) -> NormalizedText:
        """Read some stretches differently; edits are in order and disjoint, none is empty."""
        edits = iter(edits)
        begun = next(edits, None)
        if begun is None:
            return self
        parts: list[str] = []
        starts, ends = array("I"), array("I")
        place = 0

        def keep(stop: int) -> None:
            parts.append(self.text[place:stop])
            if self.starts is None or self.ends is None:
                starts.extend(range(self.base + place, self.base + stop))
                ends.extend(range(self.base + place + 1, self.base + stop + 1))
            else:
                starts.extend(self.starts[place:stop])
                ends.extend(self.ends[place:stop])

        for first, last, new in chain((begun,), edits):
            keep(first)
            lo, hi = self.source(first, last)
            parts.append(new)
            starts.extend([lo] * len(new))
            ends.extend([hi] * len(new))
            place = last
        keep(len(self.text))
        return NormalizedText("".join(parts), 0, starts, ends)


def normalize_text(text: str, keep: re.Pattern[str] | None = None) -> NormalizedText:
    """Read a text plainly. The view of a view is itself, up to `ROUNDS` nested encodings.

    Args:
        keep: pattern of what is left as it stands, such as placeholders.
    """
    return renormalize_text(NormalizedText(text), keep)


def renormalize_text(view: NormalizedText, keep: re.Pattern[str] | None = None) -> NormalizedText:
    """As `normalize_text`, of what was read from some source already."""
    for _ in range(ROUNDS):
        before = view
        if _ODD.search(view.text) is None or (keep is not None and _is_kept(view.text, keep)):
            return view
        for step in (_decoded, _plain_characters, _parted, _dots, _ats):
            edits = step(view.text)
            view = view.edited(edits if keep is None else _outside(edits, keep, view.text))
        if view is before:
            return view
    return view


def _is_kept(text: str, keep: re.Pattern[str]) -> bool:
    """Tell whether a text is nothing but one piece that is left as it stands, as what was redacted
    is.
    """
    match = keep.match(text)
    return match is not None and match.end() == len(text)


_AMBIGUOUS = re.compile(r"%[0-9]{2}(?=(?:[ .()-]{0,2}[0-9]){7})")
"""A code that may be a percent sign and the first digits of a value, of nine digits or more."""
_UNDECODED = re.compile(r"(?<=[0-9])%2[0-9A-Fa-f](?=[0-9])")


def other_readings(view: NormalizedText, source: str) -> Iterator[Edit]:
    """Yield what may as well be read in other places of a view, in order: an edit may be empty.

    A space where what cannot be seen was left out between two letters or digits, which may have
    stood between two values; `%40` for an at sign before digits, and the reverse.
    """
    text = view.text
    if view.starts is not None and view.ends is not None:
        for i in range(len(text)):
            start, end = view.starts[i], view.ends[i]
            glued = i and text[i - 1].isalnum() and text[i].isalnum()
            if glued and (view.ends[i - 1] < start or _is_unseen(source[start - 1])):
                yield i, i, " "
            if end - start == 3 and _AMBIGUOUS.match(source, start):
                yield i, i + 1, source[start:end]
    for match in _UNDECODED.finditer(text) if "%" in text else ():
        yield match.start(), match.end(), " "


def _outside(edits: Iterator[Edit], keep: re.Pattern[str], text: str) -> Iterator[Edit]:
    """Yield the edits that touch nothing of what is kept, which is sought where there are any."""
    kept: Iterator[re.Match[str]] | None = None
    place: re.Match[str] | None = None
    for edit in edits:
        if kept is None:
            kept = keep.finditer(text)
            place = next(kept, None)
        while place is not None and place.end() <= edit[0]:
            place = next(kept, None)
        if place is None or edit[1] <= place.start():
            yield edit


_USUAL = "À-ÖØ-öø-ÿŒœŠšŸ’‘“”–—…€£¡¿«»"
"""Letters and signs beyond ASCII that ordinary text is full of and that are read as they stand."""
_ODD = re.compile(rf"[^\t\n\r !-$'*-;=?-Z\]-z|}}~{_USUAL}]")
"""What a text that may not be plain holds: unusual and control characters, `% & ( < [ \\ {`."""

# --- encodings ------------------------------------------------------------------------------------

_ESCAPE = re.compile(
    r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)*"
    r"(?:[A-Za-z][A-Za-z0-9]{1,31};|#[xX][0-9A-Fa-f]{1,8};|#[0-9]{1,9};)"
    r"|(?:%(?:25)*[0-9A-Fa-f]{2})+"
    r"|(?:(?:\\{1,8}|%)u[0-9A-Fa-f]{4}|\\{1,8}x[0-9A-Fa-f]{2})+"
    r"|(?<=[0-9])(?:\\{1,8}[nrt])+(?=[0-9])"
)
_UNIT = re.compile(r"(?:\\+|%)[ux]([0-9A-Fa-f]{2,4})")
_NESTED = re.compile(r"(?<=%)(?:25)+(?=[0-9A-Fa-f]{2})")
_UTF8 = re.compile(
    rb"[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_URL = re.compile(r"(?i)(?:\b(?:https?|ftp)://|\bwww\.)[^\s<>\"]+")
_NO_TEXT = frozenset(("Cc", "Cs", "Cn", "Co"))


def _decoded(text: str) -> Iterator[Edit]:
    """Yield entities, percent-encoding and escapes, wherever what they stand for is text."""
    urls = [m.span() for m in _URL.finditer(text)] if "%" in text else []
    for match in _ESCAPE.finditer(text) if "&" in text or "%" in text or "\\" in text else ():
        start, code = match.start(), match.group()
        if code[0] == "&":
            if new := _entity(code):
                yield start, match.end(), new
        elif code[-1] in "nrt":
            yield start, match.end(), "\n"
        elif code[0] == "\\" or code[1] == "u":
            yield from _code_units(code, start)
        else:
            place = bisect_right(urls, (start, len(text))) - 1
            yield from _percent(text, code, start, place >= 0 and start < urls[place][1])


def _entity(code: str) -> str:
    """Return the characters an entity stands for; empty where it is none or they are no text."""
    name = code.rstrip(";").rpartition(";")[2].removeprefix("&") + code[-1:] * (code[-1] == ";")
    new = unescape(f"&{name}") if name[0] == "#" else html5.get(name, "")
    return new if all(map(_is_text, new)) else ""


def _code_units(code: str, start: int) -> Iterator[Edit]:
    """`\\u0040`, `%u0040` and `\\x40`; the two halves of a surrogate pair make one."""
    high: tuple[int, int] | None = None
    for match in _UNIT.finditer(code):
        first, last, value = start + match.start(), start + match.end(), int(match[1], 16)
        if high is not None and 0xDC00 <= value < 0xE000:
            first, value = high[0], 0x10000 + (high[1] - 0xD800 << 10) + value - 0xDC00
        high = (first, value) if 0xD800 <= value < 0xDC00 else None
        if _is_text(chr(value)):
            yield first, last, chr(value)


def _percent(text: str, code: str, start: int, in_url: bool) -> Iterator[Edit]:
    """Yield the characters of a run of `%XX`, where it is no percentage before a value
    (`_is_percentage`).

    A space within a web address is read as a hyphen, since the address would end there; signs that
    would end it stay as they are.
    """
    data = unquote_to_bytes(_NESTED.sub("", code))
    if _is_percentage(text, data, start, start + len(code), in_url):
        return
    places = [start + m.start() for m in re.finditer("%", code)] + [start + len(code)]
    for match in _UTF8.finditer(data):
        new = match.group().decode(errors="ignore")
        if new and _is_text(new) and not (in_url and new in '<>"'):
            yield (
                places[match.start()],
                places[match.end()],
                "-" if in_url and new.isspace() else new,
            )


_SEPARATORS = re.compile(r"[\s().,/+-]+|[0-9]{2,}")
"""What stands encoded within a number: its separators, or all of its digits."""
_SEPARATOR_CODE = re.compile(r"(?i)%(?:25)*(?:2[089b-f]|c2%(?:25)*a0)")


def _is_percentage(text: str, data: bytes, start: int, end: int, in_url: bool) -> bool:
    """Tell whether `text[start:end]` is a percent sign and the beginning of a value: `50%6011
    8744`.

    One letter or digit is encoded by nobody. Between digits separators count, where the same word
    or web address has more of them.
    """
    if len(data) == 1 and data.isalnum():
        return True
    if not (text[max(0, start - 1) : start].isdigit() and text[end : end + 1].isdigit()):
        return False
    if data.isascii() and _SEPARATORS.fullmatch(data.decode()) is None:
        return True
    return not in_url and len(data) == 1 and not _in_encoded_word(text, start, end)


def _in_encoded_word(text: str, start: int, end: int) -> bool:
    """Tell whether a word holds encoded separators of digits beside the one at `start`."""
    before, after = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
    word = before[-len(before.split()[-1]) :] if before.split() else "", (after.split() or [""])[0]
    return any(_SEPARATOR_CODE.search(side) for side in word)


_NEAR = 64
"""Characters to either side in which more of the same word is looked for."""


def _is_text(char: str) -> bool:
    return char in "\t\n\r" or (char != "\ufffd" and unicodedata.category(char) not in _NO_TEXT)


# --- characters -----------------------------------------------------------------------------------

_KEPT = frozenset("ªº™℠…ﷺﷻ")
"""Everyday signs whose compatibility form would read as other words."""
_HYPHENS = frozenset("‐‑‒−﹣－")
_FULL_STOPS = frozenset("。｡")
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Characters drawn as nothing though their category does not say so; see `_is_unseen`."""
_WHITE = frozenset("\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85")


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me")


def _plain_characters(text: str) -> Iterator[Edit]:
    """Yield characters with their marks in compatibility form, digits in ASCII, the unseen left
    out.
    """
    for match in _STRETCH.finditer(text):
        place, end = match.span()
        if place and _is_mark(text[place]):
            place -= 1  # a mark over the usual character before it
        while place < end:
            stop = place + 1
            while stop < end and _is_mark(text[stop]):
                stop += 1
            cluster = text[place:stop]
            if cluster in _FULL_STOPS:
                new = "." if _within_name(text, place) else cluster
            else:
                new = _plain(cluster)
            if new != cluster:
                yield place, stop, new
            place = stop


_STRETCH = re.compile(rf"[^\t\n\r -~{_USUAL}]+")


def _within_name(text: str, place: int) -> bool:
    """Tell whether a full stop stands between ASCII letters or digits, as in a domain name."""
    sides = text[max(0, place - 1) : place], text[place + 1 : place + 2]
    return all(side.isascii() and side.isalnum() for side in sides)


@lru_cache(maxsize=8192)
def _plain(cluster: str) -> str:
    """Return one character with its marks, read plainly; empty where nothing of it can be seen."""
    base, *marks = [c for c in cluster if not _is_unseen(c)] or [""]
    if not base or _is_mark(base):
        return "".join([base, *marks])
    digit = unicodedata.digit(base, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(base) == "Zs":
        return " "
    if base in _HYPHENS:
        return "-"
    new = unicodedata.normalize("NFKC", base + "".join(marks) if base.isalpha() else base)
    if base in _KEPT or new[0] == " " or "⁄" in new:
        return base + "".join(marks)
    return new


def _is_unseen(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Cc":
        return char not in _WHITE
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return category == "Cf" or char in _UNSEEN or selector


UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007"
    "\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts that part no words by spaces, and Hangul, whose particles stand behind a value."""
_BORDER = re.compile(rf"[{UNSPACED}](?=[A-Za-z0-9])|(?<=[A-Za-z0-9])[{UNSPACED}]")


def _parted(text: str) -> Iterator[Edit]:
    """Yield a space between such a script and ASCII letters or digits, since a value ends there."""
    for match in _BORDER.finditer(text) if not text.isascii() else ():
        start, end = match.span()
        sides = text[max(0, start - 1) : start], text[end : end + 1]
        before, after = (" " if side.isascii() and side.isalnum() else "" for side in sides)
        yield start, end, before + match.group() + after


# --- signs of an address --------------------------------------------------------------------------

_OPEN, _CLOSE = r"[ \t]{0,3}[\[({<【〔「][ \t]?", r"[ \t]?[\])}>】〕」][ \t]{0,3}"
_AT_SIGN = re.compile(rf"(?i)@|{_OPEN}(?:at|ät|arroba|arobase|chez){_CLOSE}")
_DOT = re.compile(rf"(?i)(?<=\w){_OPEN}(?:\.|dot|punto|punkt|point|ponto|period){_CLOSE}(?=\w)")
_AT = re.compile(
    rf"(?i)(?<=[\w.+\-'\"]){_OPEN}(?:@|at|ät|arroba|arobase|chez){_CLOSE}"
    r"(?=[\w-]{1,63}(?:\.|[ \t]+(?:dot|punto|punkt|point)[ \t]+)[\w-])"
)
_SPOKEN_DOT = re.compile(r"(?i)[ \t]+(?:dot|punto|punkt|point)[ \t]+")
_LABEL = re.compile(r"[\w-]{1,63}")


def _dots(text: str) -> Iterator[Edit]:
    """Yield `[dot]`, `(.)` and their kind between two words; spaced only where there is an at
    sign.
    """
    mail = None
    for match in _DOT.finditer(text):
        if " " in match[0] or "\t" in match[0]:
            mail = _AT_SIGN.search(text) is not None if mail is None else mail
            if not mail:
                continue
        yield match.start(), match.end(), "."


def _ats(text: str) -> Iterator[Edit]:
    """Yield `[at]`, `(@)` and their kind before a domain, and the dots said within that domain."""
    done = 0
    for match in _AT.finditer(text):
        if match.start() < done:
            continue
        yield match.start(), match.end(), "@"
        label = _LABEL.match(text, match.end())
        while label is not None:
            done = label.end()
            dot = _SPOKEN_DOT.match(text, done)
            if dot is None and text[done : done + 1] != ".":
                break
            label = _LABEL.match(text, dot.end() if dot is not None else done + 1)
            if dot is not None and label is not None:
                yield dot.start(), dot.end(), "."


WORD = re.compile(r"[^\W_]+")
"""A word: letters and digits."""


def strip_case_and_accents(word: str) -> str:
    """Return a word without case and accents. `é` and `e` are one; the length may differ from the
    source's.
    """
    if word.isascii():
        return word.lower()
    return "".join(
        c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c)
    )
