"""Generated identifiers in the shapes businesses and states use: orders, accounts, plates, bank
numbers, devices.
"""

from __future__ import annotations

import random
from typing import Final

from callveil.transforms.lab.sample.lists import pick_one
from callveil.transforms.lab.sample.numbers import luhn_digit, random_digits

_REF_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def random_reference(rng: random.Random, kind: str = "order") -> str:
    """Return a reference: `order`, `booking`, `account`, `claim`, `policy`, `tracking`, `ticket`,
    `member`, `confirmation` in the shapes businesses use.
    """

    def mixed(n: int) -> str:
        """Return letters and digits, at least one of each."""
        body = [pick_one(rng, _REF_LETTERS + "23456789") for _ in range(n)]
        body[int(rng.random() * n)] = pick_one(rng, "23456789")
        if all(c.isdigit() for c in body):
            body[0] = pick_one(rng, _REF_LETTERS)
        return "".join(body)

    def letters(n: int) -> str:
        return "".join(pick_one(rng, _REF_LETTERS) for _ in range(n))

    shapes = {
        "order": lambda: pick_one(
            rng,
            (
                f"{letters(2)}{random_digits(rng, 6)}",
                random_digits(rng, 7),
                f"{letters(3)}-{random_digits(rng, 5)}",
                f"{random_digits(rng, 3)}-{random_digits(rng, 7)}",
                mixed(8),
            ),
        ),
        "booking": lambda: pick_one(
            rng, (mixed(8), mixed(8), mixed(6), f"{letters(2)}{random_digits(rng, 4)}{letters(1)}")
        ),
        "account": lambda: pick_one(
            rng,
            (
                random_digits(rng, 8),
                random_digits(rng, 10),
                random_digits(rng, 12),
                f"{letters(1)}{random_digits(rng, 7)}",
                f"{random_digits(rng, 4)}-{random_digits(rng, 4)}-{random_digits(rng, 2)}",
            ),
        ),
        "claim": lambda: pick_one(
            rng,
            (
                f"{letters(2)}-{random_digits(rng, 7)}",
                f"CLM{random_digits(rng, 6)}",
                f"{random_digits(rng, 2)}-{random_digits(rng, 6)}",
            ),
        ),
        "policy": lambda: pick_one(
            rng,
            (
                f"{letters(3)}{random_digits(rng, 7)}",
                f"{random_digits(rng, 9)}",
                f"P{random_digits(rng, 3)}-{random_digits(rng, 6)}",
            ),
        ),
        "tracking": lambda: pick_one(
            rng,
            (
                f"1Z{mixed(10)}",
                random_digits(rng, 12),
                f"{letters(2)}{random_digits(rng, 9)}{letters(2)}",
            ),
        ),
        "ticket": lambda: pick_one(
            rng,
            (
                random_digits(rng, 6),
                f"INC{random_digits(rng, 7)}",
                f"{letters(2)}-{random_digits(rng, 4)}",
            ),
        ),
        "member": lambda: pick_one(
            rng,
            (
                random_digits(rng, 9),
                f"{letters(3)}{random_digits(rng, 9)}",
                f"M{random_digits(rng, 8)}",
            ),
        ),
        "confirmation": lambda: pick_one(rng, (mixed(6), mixed(8), random_digits(rng, 8))),
    }
    if kind not in shapes:
        raise ValueError(f"unknown reference kind {kind!r}; one of {', '.join(shapes)}")
    return shapes[kind]()


def licence_plate(rng: random.Random, country: str = "US") -> str:
    """Return a number plate in a shape used there."""

    def s(n: int) -> str:
        return "".join(pick_one(rng, _REF_LETTERS) for _ in range(n))

    if country == "GB":
        return f"{s(2)}{pick_one(rng, ('15', '17', '19', '21', '23', '65', '68', '70', '72', '73'))} {s(3)}"  # noqa: E501
    if country in ("NL", "FR", "DE"):
        return pick_one(
            rng,
            (
                f"{s(2)}-{random_digits(rng, 3)}-{s(2)}",
                f"{s(1)}-{random_digits(rng, 3)}-{s(2)}",
                f"{random_digits(rng, 2)}-{s(3)}-{random_digits(rng, 1)}",
            ),
        )
    return pick_one(
        rng,
        (
            f"{1 + int(rng.random() * 9)}{s(3)}{random_digits(rng, 3)}",
            f"{s(3)} {random_digits(rng, 4)}",
            f"{s(3)}-{random_digits(rng, 4)}",
            f"{random_digits(rng, 3)} {s(3)}",
        ),
    )


def random_iban(rng: random.Random, country: str = "GB") -> str:
    """Return an IBAN with right check digits (ISO 7064 MOD 97-10); bank and account are random."""
    bban = {
        "GB": lambda: (
            f"{''.join(pick_one(rng, _REF_LETTERS) for _ in range(4))}{random_digits(rng, 14)}"
        ),
        "NL": lambda: (
            f"{''.join(pick_one(rng, _REF_LETTERS) for _ in range(4))}{random_digits(rng, 10)}"
        ),
        "IE": lambda: (
            f"{''.join(pick_one(rng, _REF_LETTERS) for _ in range(4))}{random_digits(rng, 14)}"
        ),
        "FR": lambda: _french_bban(random_digits(rng, 10), random_digits(rng, 11)),
        "DE": lambda: random_digits(rng, 18),
    }
    code = country if country in bban else "GB"
    body = bban[code]()
    number = "".join(str(int(c, 36)) for c in f"{body}{code}00")
    return f"{code}{98 - int(number) % 97:02d}{body}"


def _french_bban(bank: str, account: str) -> str:
    key = 97 - (89 * int(bank[:5]) + 15 * int(bank[5:]) + 3 * int(account)) % 97
    return f"{bank}{account}{key:02d}"


def written_iban(rng: random.Random, number: str) -> str:
    """Return an IBAN as written: unbroken or in groups of four."""
    return (
        number
        if rng.random() < 0.4
        else " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    )


def us_account(rng: random.Random) -> tuple[str, str]:
    """(routing number with a right ABA check digit, account number of 8 to 12 digits)."""
    body = pick_one(rng, ("01", "02", "03", "06", "07", "11", "12", "26", "31")) + random_digits(
        rng, 6
    )
    check = -sum(int(c) * w for c, w in zip(body, (3, 7, 1, 3, 7, 1, 3, 7), strict=True)) % 10
    return f"{body}{check}", random_digits(rng, 8 + int(rng.random() * 5))


def random_imei(rng: random.Random) -> str:
    """Return a device number of fifteen digits that passes Luhn, on the test type code 00."""
    body = "00" + random_digits(rng, 12)
    return body + luhn_digit(body)
