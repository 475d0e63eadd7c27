"""Check digits and forms of numbers that carry them. Pure functions over normalised characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import lru_cache

import phonenumbers

_UK = re.compile(r"(?:GIR0AA|[A-Z]{1,2}\d[A-Z\d]?\d[ABD-HJLNP-UW-Z]{2})\Z")
_UK_LOOSE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}\Z")
_CANADA = re.compile(r"[ABCEGHJ-NPRSTVXY]\d[A-Z]\d[A-Z]\d\Z")
_NETHERLANDS = re.compile(r"[1-9]\d{3}[A-Z]{2}\Z")
_IRELAND = re.compile(
    r"(?:D6W|[AC-FHKNPRTV-Y]\d{2})(?=[A-Z]{0,3}\d)(?=\d{0,3}[A-Z])[AC-FHKNPRTV-Y\d]{4}\Z"
)
_IRELAND_LOOSE = re.compile(r"[A-Z]\d[\dW](?=\d{0,3}[A-Z])[A-Z\d]{4}\Z")
_NINO = re.compile(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]\Z")
_NANP = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}\Z")


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: the check of payment card numbers."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        number = ord(char) - 48
        if index % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


def is_card_number(digits: str) -> bool:
    """Tell a payment card number: 13 to 19 digits (ISO/IEC 7812-1: up to 19), a payment prefix (1
    to 6, 8, 9 begin others), Luhn.
    """
    return (
        13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits)
    )


_BRANDS = (
    (re.compile(r"4"), (16,), (13, 19)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,), ()),  # Mastercard
    (re.compile(r"3[47]"), (15,), ()),  # American Express
    (re.compile(r"30[0-5]|3095|3[689]"), (14, 16), (15, 17, 18, 19)),  # Diners Club
    (
        re.compile(r"6011|64[4-9]|65|60|62|81|82|508"),
        (16,),
        (17, 18, 19),
    ),  # Discover, UnionPay, RuPay
    (re.compile(r"35(?:2[89]|[3-8])"), (16,), (17, 18, 19)),  # JCB
    (re.compile(r"220[0-4]|9792"), (16,), (17, 18, 19)),  # Mir, Troy
    (re.compile(r"50|5[6-9]|6"), (16,), (12, 13, 14, 15, 17, 18, 19)),  # Maestro, Verve, Dankort
)


def card_brand(digits: str) -> tuple[bool, bool]:
    """Tell whether a brand's cards begin and are as long as `digits`: (the brand's usual length,
    any length it issues).

    Source: issuer identification ranges as the brands publish them (ISO/IEC 7812-1). Check digits
        are not looked at.
    """
    if not 12 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False, False
    usual = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths, _ in _BRANDS)
    return usual, usual or any(
        len(digits) in rare and prefix.match(digits) for prefix, _, rare in _BRANDS
    )


def is_international_number(digits: str) -> bool:
    """Tell a number dialled to another country (`0044 1632 960911`, from North America `011 44
    ...`) that its country may have.
    """
    rest = digits[3:] if digits.startswith("011") else digits[2:]
    if not digits.startswith(("00", "011")) or not 8 <= len(rest) <= 15:
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(f"+{rest}", None))
    except phonenumbers.NumberParseException:
        return False


NUMBERS_KEPT = 16_384
"""Telephone numbers that a process keeps the library's answer for: the same one stands in many
fields of a record, and is cut in many ways.
"""


@lru_cache(maxsize=NUMBERS_KEPT)
def is_valid_phone(number: str, region: str | None) -> bool:
    """Tell a number that the plan of its country has given out, dialled in `region`; one that
    begins with a plus needs none.
    """
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def is_nanp_number(digits: str) -> bool:
    """Tell a number of the North American plan, with or without the leading 1 (area and exchange
    begin with 2 to 9).
    """
    return _NANP.match(digits) is not None


def is_ssn(digits: str) -> bool:
    """Tell a social security number as the SSA has issued them (no 000, 666, 9xx area, no 00
    group, no 0000 serial).
    """
    return (
        len(digits) == 9
        and digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )


def is_itin(digits: str) -> bool:
    """Tell a US individual taxpayer number: 9xx, and 50 to 65, 70 to 88, 90 to 92 or 94 to 99 in
    the middle (IRS publication 1915).
    """
    return (
        len(digits) == 9
        and digits[0] == "9"
        and digits[3:5] >= "50"
        and digits[3:5] not in ("66", "67", "68", "69", "89", "93")
    )


def is_uk_postcode(text: str, strict: bool = True) -> bool:
    """Tell a UK postcode without spaces; `strict` refuses letters the inward part never uses
    (Royal Mail PAF guide).
    """
    return (_UK if strict else _UK_LOOSE).match(text) is not None


def is_canadian_postcode(text: str) -> bool:
    """Tell a Canadian postal code without spaces (letters Canada Post uses)."""
    return _CANADA.match(text) is not None


def is_irish_postcode(text: str, strict: bool = True) -> bool:
    """Tell an Eircode without its space; `strict` refuses letters that are never used (Eircode,
    "Product guide"; letters and digits in its last four).
    """
    return (_IRELAND if strict else _IRELAND_LOOSE).match(text) is not None


def is_dutch_postcode(text: str) -> bool:
    """Tell a Dutch postcode without spaces."""
    return _NETHERLANDS.match(text) is not None


def is_nino(text: str) -> bool:
    """Tell a UK national insurance number (HMRC NIM39110)."""
    return _NINO.match(text) is not None


def is_nhs_number(digits: str) -> bool:
    """Tell a UK NHS number: ten digits, modulus 11."""
    if len(digits) != 10 or not digits.isdigit():
        return False
    check = 11 - sum((10 - i) * int(d) for i, d in enumerate(digits[:9])) % 11
    return check % 11 == int(digits[9]) and check != 10


def is_iban(text: str) -> bool:
    """Tell an IBAN in capitals without spaces: two letters, two digits, 11 to 30 more, remainder
    1 modulo 97 (ISO 13616).
    """
    if not 15 <= len(text) <= 34 or not re.match(r"[A-Z]{2}\d{2}[A-Z0-9]+\Z", text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


_IBAN_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FO FI GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ XK LT LU MN",
    21: "CH CR HR LI LV",
    22: "BG BH DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG YE",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "FK HN JO KW MU",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_IBAN_LENGTHS = {
    code: length for length, codes in _IBAN_COUNTRIES.items() for code in codes.split()
}
_IBAN_BEGINS = re.compile(r"(?=[A-Za-z]{2}\d\d)")
_IBAN_SIGNS = " -_.\n\u00a0"


def iban_spans(text: str) -> list[tuple[int, int]]:
    """Return places of written IBANs, whatever stands before or behind: its country's length (SWIFT
    IBAN registry), check digits, groups of four.
    """
    out: list[tuple[int, int]] = []
    for match in _IBAN_BEGINS.finditer(text):
        start = match.start()
        length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
        if length is None or (out and start < out[-1][1]):
            continue
        chars, place = "", start
        while len(chars) < length and place < len(text):
            char = text[place]
            if char.isascii() and char.isalnum():
                chars += char.upper()
            elif char not in _IBAN_SIGNS or len(chars) % 4 or text[place - 1] in _IBAN_SIGNS:
                break
            place += 1
        if len(chars) == length and is_iban(chars):
            out.append((start, place))
    return out


_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIR = re.compile(r"[1-478]\d\d(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d\d|2[AB])\d{6}\d\d\Z")


def is_dni(text: str) -> bool:
    """Tell a Spanish identity number: eight digits and the letter they give modulo 23 (Real
    Decreto 1553/2005).
    """
    return (
        re.match(r"\d{8}[A-Z]\Z", text) is not None and _DNI_LETTERS[int(text[:8]) % 23] == text[8]
    )


def is_nie(text: str) -> bool:
    """Tell a Spanish foreigner's number: X, Y or Z for a first digit 0, 1 or 2, then as a DNI
    (Orden INT/2058/2008).
    """
    return text[:1] in ("X", "Y", "Z") and is_dni("XYZ".index(text[0]).__str__() + text[1:])


def is_nir(text: str) -> bool:
    """Tell a French social security number with its key: 97 less the first thirteen modulo 97,
    Corsica's 2A and 2B as 19 and 18 (INSEE).
    """
    if not _NIR.match(text):
        return False
    number = int(
        text[:13].replace("2A", "19", 1).replace("2B", "18", 1)
        if not text[:13].isdigit()
        else text[:13]
    )
    return 97 - number % 97 == int(text[13:])


def is_steuer_id(text: str) -> bool:
    """Tell a German tax number: eleven digits, not 0 first, of the first ten one twice or thrice,
    ISO 7064 MOD 11,10 (section 139b AO).
    """
    if not re.match(r"[1-9]\d{10}\Z", text):
        return False
    times = [text[:10].count(digit) for digit in set(text[:10])]
    if max(times) not in (2, 3) or sum(n > 1 for n in times) != 1:
        return False
    product = 10
    for char in text[:10]:
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(text[10])


NATIONAL: dict[str, tuple[str, Callable[[str], bool]]] = {
    "es_dni": ("ES_NIF", is_dni),
    "es_nie": ("ES_NIE", is_nie),
    "fr_nir": ("FR_NIR", is_nir),
    "de_tax_id": ("DE_TAX_ID", is_steuer_id),
}
"""State numbers that a language's data may name: entity type and check."""


def national_id_type(text: str, names: Collection[str]) -> str | None:
    """Entity type of a state number of one of the kinds `names`, if `text` (capitals and digits) is
    one with right check digits.
    """
    return next(
        (entity for name in names for entity, check in (NATIONAL[name],) if check(text)), None
    )


_VIN_VALUES = dict(
    zip(
        "ABCDEFGHJKLMNPRSTUVWXYZ",
        (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
        strict=True,
    )
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def is_vin(text: str) -> bool:
    """Tell a vehicle identification number of North America: 17 characters with a right check
    digit (49 CFR 565.15).
    """
    if not re.match(r"[A-HJ-NPR-Z0-9]{17}\Z", text):
        return False
    total = sum(
        (_VIN_VALUES.get(c) or int(c)) * w if not c.isdigit() else int(c) * w
        for c, w in zip(text, _VIN_WEIGHTS, strict=True)
    )
    return text[8] == "0123456789X"[total % 11]


_BASE_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NRIC = {
    "S": (0, "JZIHGFEDCBA"),
    "T": (4, "JZIHGFEDCBA"),
    "F": (0, "XWUTRQPNMLK"),
    "G": (4, "XWUTRQPNMLK"),
    "M": (3, "XWUTRQPNJLK"),
}


def is_gstin(value: str) -> bool:
    """Tell whether the last of the 15 characters of an Indian GSTIN is the check character of the
    rest.
    """
    places = [_BASE_36.find(c) for c in value.upper()]
    if len(places) != 15 or -1 in places:
        return False
    products = [place * (1 + n % 2) for n, place in enumerate(places[:-1])]
    return (sum(p // 36 + p % 36 for p in products) + places[-1]) % 36 == 0


def is_nric(value: str) -> bool:
    """Tell whether the last letter of a Singapore NRIC or FIN is the check letter of its digits."""
    first, digits, last = value[:1].upper(), value[1:-1], value[-1:].upper()
    if first not in _NRIC or len(digits) != 7 or not (digits.isascii() and digits.isdigit()):
        return False
    offset, letters = _NRIC[first]
    return (
        letters[
            (offset + sum(int(d) * w for d, w in zip(digits, (2, 7, 6, 5, 4, 3, 2), strict=True)))
            % 11
        ]
        == last
    )
