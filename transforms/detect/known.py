"""Values already known to be personal, found again wherever they stand in the same interaction.

The contact's own name, numbers, e-mail and address are in the record. They are matched token by token, so that case,
accents, spacing and punctuation make no difference: `O'Brien`, `o brien` and `OBRIEN` are one, and so are
`+1 (415) 555-0101` and `415 555 0101`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

from callveil.schemas.finding import Span

WORD = re.compile(r"[^\W_]+")
DETECTOR = "known_value"
SCORE = 0.95

DIGIT_WORDS = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "nought": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "niner": "9",
}
REPEATS = {"double": 2, "triple": 3, "treble": 3}
EMAIL_WORDS = frozenset({"at", "dot", "plus", "point", "underscore", "dash", "hyphen", "minus", "period"})
FILLERS = frozenset({"uh", "um", "er", "erm", "hm", "mm", "and", "then", "okay", "ok", "yeah", "yes"})

INTRODUCTIONS = (
    ("i", "m"), ("im",), ("i", "am"), ("this", "is"), ("name", "is"), ("name", "s"), ("names",), ("call", "me"), ("named",),
    ("mr",), ("mrs",), ("ms",), ("miss",), ("hi",), ("hello",), ("hey",), ("thanks",), ("thank", "you"), ("speaking", "with"), ("speaking", "to"),
)  # fmt: skip
"""Words before an everyday word that make it a name, whatever its case. Only words that are the contact's own name are looked at so."""
FAREWELLS = ("speaking", "here", "calling")
"""Words behind it that do the same."""

NAME, DIGITS, EMAIL, PLACE, CODE = "name", "digits", "email", "place", "code"

FIELD_KINDS = {
    "name": (NAME, "PERSON"),
    "cnam": (NAME, "PERSON"),
    "email": (EMAIL, "EMAIL_ADDRESS"),
    "emails": (EMAIL, "EMAIL_ADDRESS"),
    **{f"caller_number{s}": (DIGITS, "PHONE_NUMBER") for s in ("", "_bare", "_complete", "_format")},
    "contact_number": (DIGITS, "PHONE_NUMBER"),
    "alternative_number": (DIGITS, "PHONE_NUMBER"),
    "street": (PLACE, "ADDRESS"),
    "city": (PLACE, "LOCATION"),
    "state": (PLACE, "LOCATION"),
    "postal_code": (CODE, "ZIP_CODE"),
    "visitor_ip": (CODE, "IP_ADDRESS"),
}
"""How each field of the caller's group is matched. `country` is left out: naming a country identifies nobody."""

COMPANY_FIELDS = ("tracking_number", "business_number")


def fold(word: str) -> str:
    """Case and accents removed. `é` and `e` are one; the length may differ from the source's."""
    if word.isascii():
        return word.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))


@lru_cache(maxsize=16)
def word_file(language: str, name: str) -> frozenset[str]:
    """Folded words of a text file of a language's folder, empty where there is none; lines that begin with `#` are comments."""
    place = files("callveil.transforms.detect.lang") / language / name
    text = place.read_text(encoding="utf-8") if place.is_file() else ""
    return frozenset(fold(w) for line in text.splitlines() if not line.startswith("#") for w in line.split())


COMMON_WORDS = word_file("en", "name_words.txt")
"""Names that are also everyday words: where such a name was only heard, alone and in lower case it is left to the language model."""
EVERYWHERE = frozenset({
    "able", "all", "an", "and", "any", "art", "best", "can", "case", "day", "do", "don", "dot", "ever", "free", "go", "good", "im",
    "in", "is", "key", "long", "low", "ma", "may", "me", "more", "my", "no", "ok", "one", "or", "pay", "read", "so", "sure",
    "the", "to", "top", "true", "van", "way", "will", "yes", "you",
})  # fmt: skip
"""Words that hardly a conversation lacks. The contact's own name, which the record gives, is guarded for these alone: where Mr Small calls,
a small parcel is covered too, since nothing in lower case tells the two apart and a name left readable is the worse mistake."""


@dataclass(frozen=True)
class Tokens:
    """Folded words of a text with their places. Made once per text and shared by all values sought in it."""

    text: str
    words: list[str]
    places: list[tuple[int, int]]
    index: dict[str, list[int]] = field(repr=False)
    numeric: dict[str, list[int]] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Tokens:
        """Split `text` into words of letters and digits; `4155550101` and `jane` are one word each."""
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
        numeric = {w: p for w, p in index.items() if w in DIGIT_WORDS or w in REPEATS or (not w.isalpha() and any(c.isdigit() for c in w))}
        return cls(text, words, places, index, numeric)


def spoken_code(text: str) -> str:
    """Letters and digits of a value, folded and joined; spoken digits and repeats (`double two`) as digits."""
    out: list[str] = []
    repeat = 1
    for match in WORD.finditer(text):
        word = fold(match.group())
        if word in REPEATS:
            repeat = REPEATS[word]
            continue
        if word in FILLERS:
            continue
        out.append(DIGIT_WORDS.get(word, word) * repeat)
        repeat = 1
    return "".join(out)


@dataclass(frozen=True)
class KnownValue:
    """One value to find.

    Attributes:
        kind: name, digits, email, place or code; decides what may stand between its pieces.
        entity: entity type of what is found.
        target: letters and digits of the value, folded.
        guarded: an everyday word; found only where it is capitalised within a sentence or introduced as a name.
        spelled: its pieces may be single letters only (`k y l e`), not any split into words.
        group: group of what is found; empty for values of the record itself.
        score: score of what is found, 0 to 1.
    """

    kind: str
    entity: str
    target: str
    guarded: bool = False
    spelled: bool = False
    group: str = ""
    score: float = SCORE


def _name_values(text: str, entity: str) -> Iterable[KnownValue]:
    words = [fold(w) for w in WORD.findall(text)]
    words = [
        w
        for w in words
        if w not in ("mr", "mrs", "ms", "dr", "miss", "sir", "prof", "jr", "sr", "unknown", "caller", "wireless", "anonymous", "unavailable")
    ]
    if not words or any(w.isdigit() for w in words):
        return
    joined = "".join(words)
    if len(words) > 1:
        yield KnownValue(NAME, entity, joined)
        yield KnownValue(NAME, entity, words[-1] + "".join(words[:-1]))
        if len(words) > 2:
            yield KnownValue(NAME, entity, words[0] + words[-1])
    for word in words:
        if len(word) > 1:
            yield KnownValue(NAME, entity, word, guarded=word in EVERYWHERE or len(word) < 3, spelled=True)


def _digit_values(text: str, entity: str) -> Iterable[KnownValue]:
    digits = re.sub(r"\D", "", text)
    if len(digits) < 7:
        return
    forms = {digits}
    if len(digits) == 11 and digits[0] == "1":
        forms.add(digits[1:])
    elif len(digits) > 10:
        # National form of an international number: country codes have one to three digits, and most countries put a 0 before.
        forms.update({digits[n:] for n in (1, 2, 3) if len(digits) - n >= 8} | {"0" + digits[n:] for n in (1, 2, 3) if len(digits) - n >= 8})
    if len(digits) >= 10:
        forms.add(digits[-7:])
    for form in sorted(forms, key=lambda f: (-len(f), f)):
        yield KnownValue(DIGITS, entity, form)


def known_values(record: Mapping[str, Any], *, staff: bool = False, placeholders: re.Pattern[str] | None = None) -> list[KnownValue]:
    """The contact's own values in a coerced record, and with `staff` the agent's; longest first. The company's own numbers are not among them.

    Args:
        placeholders: what stands in place of a value that is redacted already; see `detect.placeholders`.
    """
    company = {re.sub(r"\D", "", str(record.get(f, "")))[-10:] for f in COMPANY_FIELDS}
    seen: dict[tuple[str, str], KnownValue] = {}
    sources: list[tuple[str, str, str]] = []
    for name, (kind, entity) in FIELD_KINDS.items():
        value = record.get(name)
        sources.extend((kind, entity, v) for v in (value if isinstance(value, list) else [value]) if v)
    form = record.get("form") or {}
    sources.extend(
        (k, e, form[n])
        for n, k, e in (("name", NAME, "PERSON"), ("email", EMAIL, "EMAIL_ADDRESS"), ("number_to_call", DIGITS, "PHONE_NUMBER"))
        if form.get(n)
    )
    agent = record.get("agent") or {}
    if staff:
        sources.extend((k, e, agent[n]) for n, k, e in (("name", NAME, "PERSON"), ("email", EMAIL, "EMAIL_ADDRESS")) if agent.get(n))
    for kind, entity, source in sources:
        text = placeholders.sub(" ", source) if placeholders else source
        for value in values_of(kind, entity, text):
            if not (kind == DIGITS and any(own.endswith(value.target[-10:]) for own in company)):
                seen.setdefault((value.entity, value.target), value)
    return sorted(seen.values(), key=lambda v: (-len(v.target), v.target, v.entity))


def values_of(kind: str, entity: str, text: str) -> Iterable[KnownValue]:
    """The forms in which one value is sought."""
    if kind == NAME:
        yield from _name_values(text, entity)
    elif kind == DIGITS:
        yield from _digit_values(text, entity)
    else:
        words = [fold(w) for w in WORD.findall(text)]
        target = "".join(words)
        if kind == EMAIL and len(target) >= 5 and "@" in text:
            yield KnownValue(EMAIL, entity, target)
            # Spoken addresses say their symbols where another reader writes none; the local part alone is a user name.
            local = "".join(fold(w) for w in WORD.findall(text.split("@", 1)[0]))
            if len(local) >= 6 and not local.isdigit() and not local.isalpha():
                yield KnownValue(CODE, entity, local)
        elif kind == PLACE and len(target) >= 3:
            yield KnownValue(PLACE, entity, target, guarded=len(words) == 1 and target in COMMON_WORDS)
        elif kind == PLACE and len(target) == 2:
            yield KnownValue(PLACE, entity, target, guarded=True)
        elif kind == CODE and len(target) >= 4:
            yield KnownValue(CODE, entity, target)


def find(tokens: Tokens, values: Iterable[KnownValue], detector: str = DETECTOR) -> list[Span]:
    """Spans of `values` in a text, in the name of `detector`. A span begins and ends at word borders; spans of different values may overlap."""
    out: list[Span] = []
    for value in values:
        if value.kind == DIGITS:
            out.extend(_find_digits(tokens, value, detector))
            continue
        target = value.target
        starts = [s for length in range(1, len(target) + 1) for s in tokens.index.get(target[:length], ())]
        if value.kind != NAME:
            starts += _said_starts(tokens, target)
        for start in starts:
            taken = _extend(tokens.words, start, value)
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


def _extend(words: list[str], start: int, value: KnownValue) -> list[int]:
    """Places of the words from `start` on that spell `value`; empty where they do not."""
    rest, place, pieces = value.target, start, 0
    taken: list[int] = []
    single = True
    while rest and place < len(words):
        word = words[place]
        digits, used = ("", 1) if value.kind == NAME or word.isdigit() else _said(words, place)
        if digits and rest.startswith(digits) and not rest.startswith(word):
            taken.extend(range(place, place + used))
            rest, place, pieces = rest[len(digits) :], place + used - 1, pieces + 1
        elif rest.startswith(word):
            rest = rest[len(word) :]
            single = single and len(word) == 1
            pieces += 1
            taken.append(place)
        elif pieces and value.kind == EMAIL and word in EMAIL_WORDS:
            taken.append(place)
        else:
            return []
        place += 1
    return [] if rest or (value.spelled and pieces > 1 and not single) else taken


def _said(words: list[str], place: int) -> tuple[str, int]:
    """The digits that a word says, and how many words that takes: `four`, `double four`."""
    repeat = REPEATS.get(words[place])
    if repeat and place + 1 < len(words):
        return _digits_of(words[place + 1]) * repeat, 2
    return DIGIT_WORDS.get(words[place], ""), 1


def _said_starts(tokens: Tokens, target: str) -> list[int]:
    """Places of words that say the digits `target` begins with."""
    if not target[0].isdigit():
        return []
    return [p for w, at in tokens.numeric.items() if not w.isdigit() for p in at if (said := _said(tokens.words, p)[0]) and target.startswith(said)]


def _capitalised(tokens: Tokens, start: int, end: int, value: KnownValue) -> bool:
    """Whether a guarded word is written as a name: a capital letter that is not merely the beginning of a sentence."""
    lo, hi = tokens.places[start][0], tokens.places[end - 1][1]
    text = tokens.text[lo:hi]
    if len(value.target) == 2 and value.kind == PLACE:
        return text.isupper() and not tokens.text[max(0, lo - 40) : lo + 40].isupper()
    if not text[:1].isupper() or (text.isupper() and len(text) > 1):
        return False
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
        digits = _digits_of(word)
        if word in REPEATS or (digits and value.target.startswith(digits)):
            starts.extend(places)
        elif len(value.target) > 6 and value.target in word:  # glued to other characters, as in `tel4155550101x2`: the whole word goes
            out.extend(Span(*tokens.places[p], value.entity, value.score, detector, value.group) for p in places)
    for start in sorted(starts):
        taken = _extend_digits(tokens.words, start, value.target)
        if taken:
            out.extend(_spans(tokens, taken, value, detector))
    return out


def _digits_of(word: str) -> str:
    return word if word.isdigit() and word.isascii() else DIGIT_WORDS.get(word, "")


def _extend_digits(words: list[str], start: int, target: str) -> list[int]:
    """Places of the words from `start` on that say the digits `target`, without the fillers between them; empty where they do not."""
    rest, place, skipped = target, start, 0
    taken: list[int] = []
    while rest and place < len(words):
        first, word = place, words[place]
        repeat = REPEATS.get(word)
        digits = _digits_of(word)
        if repeat and place + 1 < len(words) and _digits_of(words[place + 1]):
            digits = _digits_of(words[place + 1]) * repeat
            place += 1
        if digits and rest.startswith(digits):
            rest, skipped = rest[len(digits) :], 0
            taken.extend(range(first, place + 1))
        elif first > start and word in FILLERS and skipped < 3:
            skipped += 1
        else:
            return []
        place += 1
    return [] if rest else taken
