"""Values already known to be personal, found again wherever they stand in the same interaction.

The contact's own name, numbers, e-mail and address are in the record. They are matched token by token, so that case,
accents, spacing and punctuation make no difference: `O'Brien`, `o brien` and `OBRIEN` are one, and so are
`+1 (415) 555-0101` and `415 555 0101`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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

COMMON_WORDS = frozenset(
    """
    a able ace ada al amber an and angel april art august autumn bank banks baker bay bell best bill bishop black bliss blue bond bonus book boss
    bow boy brand brave bright brook brown buck bud bush butler can carol carpenter case cash chance chase christian church clay cliff close coach
    cole cook coral cross crystal dale dan daisy dawn day dean deal dear destiny do don dot drew duke earl early east english ever fair faith
    farmer field fields fin fish fisher flower ford forest fox frank free french gene gold good grace grant gray green grey guy hall hand hardy
    harmony harry hart hays heath heather henry hill holiday holly honey hope house hunt hunter i im in iris is ivy jack jade jasmine jay jean
    jersey jewel job john joy judge july june justice kay king kit knight lake lane lark law lee lily little long love low lucky ma major mark
    marsh mason may me melody mercy miles mill miller moon more moss my nick no noble noel north ok olive one or page park parks parker pat
    patience pearl penny pepper price prince queen rain rainbow ray read red reed rich river rivers rob robin rock rod rose ruby rusty sage sandy
    saw sharp shepherd short singer sky small smith so sol spring star steel stone storm strong sue summer summers sunny swift tailor taylor
    temple the to tom top trip true turner van victor victory vine violet wade walker ward wash water waters way wells west white will winter wise
    wolf wood woods worth yes york you young
    """.split()  # noqa: SIM905 - as a list it is a page long
)
"""Names that are also everyday words: alone and in lower case they are left to the language model."""

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
    """

    kind: str
    entity: str
    target: str
    guarded: bool = False
    spelled: bool = False
    group: str = ""


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
            yield KnownValue(NAME, entity, word, guarded=word in COMMON_WORDS or len(word) < 3, spelled=True)


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
            end = _extend(tokens.words, start, value)
            if end and (
                not value.guarded or _capitalised(tokens, start, end, value) or (value.kind == NAME and _introduced(tokens.words, start, end))
            ):
                lo, hi = tokens.places[start][0], tokens.places[end - 1][1]
                out.append(Span(lo, hi, value.entity, SCORE, detector, value.group))
    return out


def _extend(words: list[str], start: int, value: KnownValue) -> int:
    """End (exclusive) of the run of words from `start` that spells `value`, or 0."""
    rest, place, pieces, last = value.target, start, 0, 0
    single = True
    while rest and place < len(words):
        word = words[place]
        digits, used = ("", 1) if value.kind == NAME or word.isdigit() else _said(words, place)
        if digits and rest.startswith(digits) and not rest.startswith(word):
            rest, place, pieces, last = rest[len(digits) :], place + used - 1, pieces + 1, place + used - 1
        elif rest.startswith(word):
            rest = rest[len(word) :]
            single = single and len(word) == 1
            pieces += 1
            last = place
        elif not (pieces and value.kind == EMAIL and word in EMAIL_WORDS):
            return 0
        place += 1
    if rest or (value.spelled and pieces > 1 and not single):
        return 0
    return last + 1


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
            out.extend(Span(*tokens.places[p], value.entity, SCORE, detector, value.group) for p in places)
    for start in sorted(starts):
        end = _extend_digits(tokens.words, start, value.target)
        if end:
            out.append(Span(tokens.places[start][0], tokens.places[end - 1][1], value.entity, SCORE, detector, value.group))
    return out


def _digits_of(word: str) -> str:
    return word if word.isdigit() and word.isascii() else DIGIT_WORDS.get(word, "")


def _extend_digits(words: list[str], start: int, target: str) -> int:
    rest, place, skipped = target, start, 0
    while rest and place < len(words):
        word = words[place]
        repeat = REPEATS.get(word)
        digits = _digits_of(word)
        if repeat and place + 1 < len(words) and _digits_of(words[place + 1]):
            digits = _digits_of(words[place + 1]) * repeat
            place += 1
        if digits and rest.startswith(digits):
            rest, skipped = rest[len(digits) :], 0
        elif place > start and word in FILLERS and skipped < 3:
            skipped += 1
        else:
            return 0
        place += 1
    return 0 if rest else place
