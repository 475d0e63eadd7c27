"""Written and spoken forms of values: one page of re-exports.

`speech` has numbers, `times` dates and amounts, `spelling` letters and codes, `references`
identifiers. Every function takes a seeded `random.Random` first and depends on nothing but its
arguments.
"""

from __future__ import annotations

from callveil.transforms.detect.spoken_numbers import (
    MONTHS,
    ONES,
    TENS,
    number_words,
    ordinal_words,
)
from callveil.transforms.lab.sample.references import (
    licence_plate,
    random_iban,
    random_imei,
    random_reference,
    us_account,
    written_iban,
)
from callveil.transforms.lab.sample.speech import (
    FILLERS,
    STYLES,
    any_style,
    groups_of,
    national_digits,
    ordinal_suffix,
    pair_words,
    spoken_card,
    spoken_cvv,
    spoken_digits,
    spoken_phone,
    spoken_ssn,
    with_restart,
    written_card,
    written_phone,
)
from callveil.transforms.lab.sample.spelling import (
    EVERYDAY,
    NATO,
    spaced_email,
    spell_text,
    spoken_address,
    spoken_code,
    spoken_email,
    spoken_postal,
    spoken_username,
)
from callveil.transforms.lab.sample.times import (
    spoken_age,
    spoken_amount,
    spoken_date,
    spoken_expiry,
    spoken_time,
    written_date,
    written_expiry,
    year_words,
)

__all__ = [
    "EVERYDAY",
    "FILLERS",
    "MONTHS",
    "NATO",
    "ONES",
    "STYLES",
    "TENS",
    "any_style",
    "groups_of",
    "licence_plate",
    "national_digits",
    "number_words",
    "ordinal_suffix",
    "ordinal_words",
    "pair_words",
    "random_iban",
    "random_imei",
    "random_reference",
    "spaced_email",
    "spell_text",
    "spoken_address",
    "spoken_age",
    "spoken_amount",
    "spoken_card",
    "spoken_code",
    "spoken_cvv",
    "spoken_date",
    "spoken_digits",
    "spoken_email",
    "spoken_expiry",
    "spoken_phone",
    "spoken_postal",
    "spoken_ssn",
    "spoken_time",
    "spoken_username",
    "us_account",
    "with_restart",
    "written_card",
    "written_date",
    "written_expiry",
    "written_iban",
    "written_phone",
    "year_words",
]
