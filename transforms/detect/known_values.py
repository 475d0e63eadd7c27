"""Values already known to be personal, found again wherever they stand in the same interaction.

The contact's own name, numbers, e-mail and address are in the record. They are matched token by
token, so that case, accents, spacing and punctuation make no difference: `O'Brien`, `o brien` and
`OBRIEN` are one, and so are `+1 (415) 555-0101` and `415 555 0101`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from callveil.transforms.detect.lang import word_file
from callveil.transforms.detect.lexicon import EVERYWHERE
from callveil.transforms.detect.normalized_text import WORD as WORD
from callveil.transforms.detect.normalized_text import normalize_text
from callveil.transforms.detect.normalized_text import (
    strip_case_and_accents as strip_case_and_accents,
)
from callveil.transforms.detect.spoken_digits import load_spoken_digits

DETECTOR = "known_value"
SCORE = 0.95

EMAIL_WORDS = frozenset(
    {"at", "dot", "plus", "point", "underscore", "dash", "hyphen", "minus", "period"}
)
FILLERS = frozenset(
    {"uh", "um", "er", "erm", "hm", "mm", "and", "then", "okay", "ok", "yeah", "yes"}
)

NAME, DIGITS, EMAIL, PLACE, CODE = "name", "digits", "email", "place", "code"

FIELD_KINDS = {
    "name": (NAME, "PERSON"),
    "cnam": (NAME, "PERSON"),
    "email": (EMAIL, "EMAIL_ADDRESS"),
    "emails": (EMAIL, "EMAIL_ADDRESS"),
    **{
        f"caller_number{s}": (DIGITS, "PHONE_NUMBER") for s in ("", "_bare", "_complete", "_format")
    },
    "contact_number": (DIGITS, "PHONE_NUMBER"),
    "alternative_number": (DIGITS, "PHONE_NUMBER"),
    "street": (PLACE, "ADDRESS"),
    "city": (PLACE, "LOCATION"),
    "state": (PLACE, "LOCATION"),
    "postal_code": (CODE, "ZIP_CODE"),
    "visitor_ip": (CODE, "IP_ADDRESS"),
}
"""How each field of the caller's group is matched. `country` is left out: naming a country
identifies nobody.
"""

COMPANY_FIELDS = ("tracking_number", "business_number")


COMMON_WORDS = word_file("en", "name_words.txt")
"""Names that are also everyday words: where such a name was only heard, alone and in lower case it
is left to the language model.
"""


def normalize_code(text: str, language: str = "en") -> str:
    """Return letters and digits of a value, folded and joined; spoken digits and repeats (`double
    two`, `twenty five`) as digits.
    """
    words, spoken = (
        [strip_case_and_accents(m[0]) for m in WORD.finditer(text)],
        load_spoken_digits(language),
    )
    out: list[str] = []
    place = 0
    while place < len(words):
        if words[place] in FILLERS:
            place += 1
            continue
        digits, used = next(iter(spoken.readings(words, place)), (words[place], 1))
        out.append(digits)
        place += used
    return "".join(out)


@dataclass(slots=True, unsafe_hash=True)  # see schemas.finding
class KnownValue:
    """One value to find.

    Attributes:
        kind: name, digits, email, place or code; decides what may stand between its pieces.
        entity: entity type of what is found.
        target: letters and digits of the value, folded.
        guarded: an everyday word; found only where it is capitalised within a sentence or
            introduced as a name.
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


NO_NAMES = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "dr",
        "miss",
        "sir",
        "prof",
        "jr",
        "sr",
        "unknown",
        "caller",
        "wireless",
        "anonymous",
        "unavailable",
    }
)
"""Words of a name's field that name nobody."""


def _name_values(text: str, entity: str) -> Iterable[KnownValue]:
    words = [strip_case_and_accents(w) for w in WORD.findall(text)]
    words = [w for w in words if w not in NO_NAMES]
    if not words or any(w.isdigit() for w in words):
        return
    joined = "".join(words)
    if len(words) > 1:
        yield KnownValue(NAME, entity, joined)
        yield KnownValue(NAME, entity, words[-1] + "".join(words[:-1]))
        if len(words) > 2:
            yield KnownValue(NAME, entity, words[0] + words[-1])
        for part in text.split():
            if (
                len(pieces := [strip_case_and_accents(w) for w in WORD.findall(part)]) > 1
                and len(pieces) < len(words)
                and "".join(pieces) in joined
            ):
                # A double name: its pieces alone may be everyday words.
                yield KnownValue(
                    NAME, entity, "".join(pieces), guarded=EVERYWHERE.issuperset(pieces)
                )
    for word in words:
        if len(word) > 1:
            yield KnownValue(
                NAME, entity, word, guarded=word in EVERYWHERE or len(word) < 3, spelled=True
            )


def _digit_values(text: str, entity: str) -> Iterable[KnownValue]:
    digits = re.sub(r"\D", "", text)
    if len(digits) < 7:
        return
    forms = {digits}
    if len(digits) == 11 and digits[0] == "1":
        forms.add(digits[1:])
    elif len(digits) > 10:
        # National form of an international number: country codes have one to three digits, and most
        # countries put a 0 before.
        forms.update(
            {digits[n:] for n in (1, 2, 3) if len(digits) - n >= 8}
            | {"0" + digits[n:] for n in (1, 2, 3) if len(digits) - n >= 8}
        )
    if len(digits) >= 10:
        forms.add(digits[-7:])
    for form in sorted(forms, key=lambda f: (-len(f), f)):
        yield KnownValue(DIGITS, entity, form)


def known_values(
    record: Mapping[str, Any],
    *,
    staff: bool = False,
    placeholders: re.Pattern[str] | None = None,
    own: Iterable[str] = (),
) -> list[KnownValue]:
    """Return the contact's own values in a coerced record, and with `staff` the agent's; longest
    first. The company's own numbers are not among them.

    Args:
        placeholders: what stands in place of a value that is redacted already; see
            `detect.placeholders`.
        own: further numbers of the company's own.
    """
    company = {
        re.sub(r"\D", "", n)[-10:]
        for n in (*(str(record.get(f, "")) for f in COMPANY_FIELDS), *own)
    }
    seen: dict[tuple[str, str], KnownValue] = {}
    sources: list[tuple[str, str, str]] = []
    for name, (kind, entity) in FIELD_KINDS.items():
        value = record.get(name)
        sources.extend(
            (kind, entity, v) for v in (value if isinstance(value, list) else [value]) if v
        )
    form = record.get("form") or {}
    sources.extend(
        (k, e, form[n])
        for n, k, e in (
            ("name", NAME, "PERSON"),
            ("email", EMAIL, "EMAIL_ADDRESS"),
            *((n, DIGITS, "PHONE_NUMBER") for n in ("number_to_call", "customer_number_to_dial")),
        )
        if form.get(n)
    )
    agent = record.get("agent") or {}
    if staff:
        sources.extend(
            (k, e, agent[n])
            for n, k, e in (("name", NAME, "PERSON"), ("email", EMAIL, "EMAIL_ADDRESS"))
            if agent.get(n)
        )
    for kind, entity, source in sources:
        text = normalize_text(placeholders.sub(" ", source) if placeholders else source).text
        for value in values_of(kind, entity, text):
            if not (kind == DIGITS and any(own.endswith(value.target[-10:]) for own in company)):
                seen.setdefault((value.entity, value.target), value)
    return sorted(seen.values(), key=lambda v: (-len(v.target), v.target, v.entity))


def values_of(kind: str, entity: str, text: str) -> Iterable[KnownValue]:
    """Yield the forms in which one value is sought."""
    if kind == NAME:
        yield from _name_values(text, entity)
    elif kind == DIGITS:
        yield from _digit_values(text, entity)
    else:
        words = [strip_case_and_accents(w) for w in WORD.findall(text)]
        target = "".join(words)
        if kind == EMAIL and len(target) >= 5 and "@" in text:
            yield KnownValue(EMAIL, entity, target)
            # Spoken addresses say their symbols where another reader writes none; the local part
            # alone is a user name.
            local = "".join(strip_case_and_accents(w) for w in WORD.findall(text.split("@", 1)[0]))
            if len(local) >= 6 and not local.isdigit() and not local.isalpha():
                yield KnownValue(CODE, entity, local)
        elif kind == PLACE and len(target) >= 3:
            yield KnownValue(
                PLACE, entity, target, guarded=len(words) == 1 and target in COMMON_WORDS
            )
        elif kind == PLACE and len(target) == 2:
            yield KnownValue(PLACE, entity, target, guarded=True)
        elif kind == CODE and len(target) >= 4:
            yield KnownValue(CODE, entity, target)
