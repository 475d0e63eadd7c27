"""The values of the held-out sets and every manner of saying each of them. All are generated; none
belongs to a person.
"""

from __future__ import annotations

import random

from .speak import (
    EVERYDAY,
    HEARD,
    NATO,
    ONES,
    Manner,
    Pieces,
    alphabet,
    cardinal,
    digits,
    doubled,
    group,
    mixed,
    one_by_one,
    ordinal,
    pair,
    paired,
    whole,
    with_filler,
    written_ordinal,
    year,
)

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
UK_AREAS = "ab b ba bb bd bh bn br bs cb cf ch ct cv da dd de dn dt e ec eh en ex g gl"
UK_AREAS += " gu ha hp hu ip kt l le ls lu m me mk n ne ng nn nw ox pe pl po pr rg rm s"
UK_AREAS += " sa se sk sl sn so sr ss st sw sy tn ts ub w wa wc wd wf wn wr ws yo"
CA_FIRST, CA_LETTERS = "abceghjklmnprstvxy", "abceghjklmnprstvwxyz"
US_AREA_CODES = [
    "202",
    "206",
    "212",
    "214",
    "303",
    "305",
    "310",
    "312",
    "404",
    "415",
    "503",
    "512",
    "602",
    "617",
    "619",
    "702",
    "713",
    "773",
    "804",
    "813",
    "904",
    "919",
]


def luhn(body: str) -> str:
    """`body` with its Luhn check digit."""
    total = sum(
        sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(body))
    )
    return body + str(-total % 10)


def uk_postcode(rng: random.Random) -> tuple[str, str]:
    """Outward and inward parts."""
    area = rng.choice(UK_AREAS.split())
    district = str(rng.randrange(1, 30))
    return area + district, rng.choice("123456789") + "".join(
        rng.choice("abdefghjlnpqrstuwxyz") for _ in range(2)
    )


def spaced(rng: random.Random, code: str, zero: str | None = None) -> str:
    """Letters as letters, digits as words."""
    return " ".join(c if c.isalpha() else one_by_one(rng, c, zero) for c in code.lower())


def _split_uk(rng: random.Random) -> str:
    out, inn = uk_postcode(rng)
    code = out + inn
    at = rng.randrange(1, len(code))
    return f"{code[:at]} {code[at:]}"


def _uk(rng: random.Random) -> str:
    return "".join(uk_postcode(rng))


def _uk_number_words(rng: random.Random) -> str:
    out, inn = uk_postcode(rng)
    area, district = out.rstrip("0123456789"), out.lstrip("abcdefghijklmnopqrstuvwxyz")
    return f"{' '.join(area)} {cardinal(int(district))} {spaced(rng, inn)}"


def _uk_double(rng: random.Random) -> str:
    area = rng.choice(["sw", "nw", "se", "ll", "ss", "e", "n"])
    digit, letter = rng.choice("123456789"), rng.choice("abdefghjlnpqrstuwxyz")
    head = f"double {area[0]}" if len(area) == 2 and area[0] == area[1] else " ".join(area)
    return f"{head} {ONES[int(digit)]} {ONES[int(rng.choice('123456789'))]} double {letter}"


def _uk_words(rng: random.Random) -> str:
    words = rng.choice([NATO, EVERYDAY])
    return " ".join(
        words[c] if c.isalpha() else ONES[int(c)] if c != "0" else "zero" for c in _uk(rng)
    )


def _uk_heard(rng: random.Random) -> str:
    return " ".join(
        (HEARD.get(c, c) if rng.random() < 0.35 else c)
        if c.isalpha()
        else rng.choice([c, ONES[int(c)]])
        for c in _uk(rng)
    )


def _ca(rng: random.Random) -> str:
    letter = rng.choice
    return f"{letter(CA_FIRST)}{digits(rng, 1)}{letter(CA_LETTERS)}{digits(rng, 1)}{letter(CA_LETTERS)}{digits(rng, 1)}"  # noqa: E501


def _ca_halves(rng: random.Random) -> Pieces:
    code = _ca(rng)
    return [
        (spaced(rng, code[:3]), True),
        (rng.choice(["and", "um", "then"]), False),
        (spaced(rng, code[3:]), True),
    ]


def _nl(rng: random.Random) -> tuple[str, str]:
    return str(rng.randrange(1000, 9999)), "".join(
        rng.choice("abcdeghjklmnprstvwxz") for _ in range(2)
    )


def _nl_paired(rng: random.Random) -> str:
    number, tail = _nl(rng)
    return f"{paired(number)} {' '.join(tail)}"


def _nl_spaced(rng: random.Random) -> str:
    number, tail = _nl(rng)
    return f"{one_by_one(rng, number)} {' '.join(tail)}"


def _nl_alphabet(rng: random.Random) -> str:
    number, tail = _nl(rng)
    return f"{number} {alphabet(rng, tail)}"


def _zip(rng: random.Random) -> str:
    return rng.choice("0123456789") + digits(rng, 4)


def _zip_plus(rng: random.Random) -> str:
    return (
        f"{one_by_one(rng, _zip(rng))} {rng.choice(['dash', '', 'hyphen'])} "
        f"{one_by_one(rng, digits(rng, 4))}"
    ).replace("  ", " ")


def _zip_pairs(rng: random.Random) -> str:
    number = _zip(rng)
    return rng.choice(
        [
            f"{paired(number[:4])} {one_by_one(rng, number[4])}",
            f"{one_by_one(rng, number[0])} {paired(number[1:])}",
        ]
    )


POSTCODES: dict[str, Manner] = {
    "uk letters, words": lambda r: whole(spaced(r, _uk(r))),
    "uk letters, digits": lambda r: whole(" ".join(_uk(r))),
    "uk written": lambda r: whole(" ".join(uk_postcode(r))),
    "uk written large": lambda r: whole(" ".join(uk_postcode(r)).upper()),
    "uk split anywhere": lambda r: whole(_split_uk(r)),
    "uk number words": lambda r: whole(_uk_number_words(r)),
    "uk doubles": lambda r: whole(_uk_double(r)),
    "uk for charlie": lambda r: whole(alphabet(r, _uk(r))),
    "uk alphabet": lambda r: whole(_uk_words(r)),
    "uk heard": lambda r: whole(_uk_heard(r)),
    "uk initials": lambda r: whole(" ".join(f"{c}." if c.isalpha() else c for c in _uk(r))),
    "uk halves": lambda r: with_filler(r, [spaced(r, p) for p in uk_postcode(r)]),
    "zip words": lambda r: whole(one_by_one(r, _zip(r))),
    "zip digits": lambda r: whole(_zip(r)),
    "zip spaced": lambda r: whole(" ".join(_zip(r))),
    "zip pairs": lambda r: whole(_zip_pairs(r)),
    "zip doubles": lambda r: whole(
        doubled(r, r.choice(["100", "331", "606", "900", "770", "222"]) + digits(r, 1) * 2)
    ),
    "zip mixed": lambda r: whole(mixed(r, _zip(r))),
    "zip plus four": lambda r: whole(_zip_plus(r)),
    "ca spaced": lambda r: whole(spaced(r, _ca(r))),
    "ca written": lambda r: whole((c := _ca(r).upper())[:3] + " " + c[3:]),
    "ca letters": lambda r: whole(" ".join(_ca(r))),
    "ca alphabet": lambda r: whole(alphabet(r, _ca(r))),
    "ca halves": _ca_halves,
    "nl written": lambda r: whole(" ".join(_nl(r))),
    "nl pairs": lambda r: whole(_nl_paired(r)),
    "nl words": lambda r: whole(_nl_spaced(r)),
    "nl alphabet": lambda r: whole(_nl_alphabet(r)),
}


def _date(rng: random.Random) -> tuple[int, int, int]:
    return (
        rng.randrange(1, 29),
        rng.randrange(1, 13),
        rng.choice([*range(1935, 2000), *range(2000, 2012)]),
    )


def _dob(form: str) -> Manner:
    def say(rng: random.Random) -> Pieces:
        day, month, yr = _date(rng)
        name = MONTHS[month - 1]
        short = f"{yr % 100:02d}"
        parts = {
            "ord": ordinal(day),
            "nth": written_ordinal(day),
            "day": cardinal(day),
            "d": str(day),
            "dd": f"{day:02d}",
            "mon": name,
            "abbr": name[:3],
            "mord": ordinal(month),
            "mnth": written_ordinal(month),
            "mday": cardinal(month),
            "m": str(month),
            "mm": f"{month:02d}",
            "year": year(rng, yr),
            "yyyy": str(yr),
            "yy": short,
            "pairyear": pair(short),
            "odd": one_by_one(rng, f"{day:02d}"),
            "omm": one_by_one(rng, f"{month:02d}"),
            "oyy": one_by_one(rng, short),
            "oyyyy": one_by_one(rng, str(yr)),
            "slash": rng.choice(["slash", "dash", "stroke"]),
        }
        head, _, tail = form.partition("|")
        out: Pieces = [(head.format(**parts).strip(), True)]
        return (
            [
                *out,
                (rng.choice(["um", "uh", "let me think", "no sorry"]), False),
                (tail.format(**parts).strip(), True),
            ]
            if tail
            else out
        )

    return say


BIRTHS: dict[str, Manner] = {
    form: _dob(form)
    for form in (
        "the {ord} of {mon} {year}",
        "{ord} {mon} {year}",
        "{mon} {ord} {year}",
        "{mon} the {ord} {year}",
        "the {nth} of {mon} {yyyy}",
        "{nth} {mon} {yyyy}",
        "{mon} {nth}, {yyyy}",
        "{d} {mon} {yyyy}",
        "{mon} {d} {yyyy}",
        "{day} {mon} {year}",
        "{mon} {day} {year}",
        "the {ord} of the {mord} {year}",
        "{nth} of the {mnth} {yyyy}",
        "{nth} of the {m} {yy}",
        "the {d} of the {m} {yyyy}",
        "{day} {mday} {pairyear}",
        "{mday} {day} {year}",
        "{odd} {omm} {oyy}",
        "{odd} {omm} {oyyyy}",
        "{dd}/{mm}/{yyyy}",
        "{m}/{d}/{yy}",
        "{dd} {mm} {yy}",
        "{d} {m} {yyyy}",
        "{dd}{mm}{yyyy}",
        "{dd}{mm} {yyyy}",
        "{odd} slash {omm} slash {pairyear}",
        "{odd} {slash} {day} {slash} {year}",
        "{mday} {slash} {day} {slash} {yyyy}",
        "{year} {mon} {ord}",
        "{yyyy} {mon} {d}",
        "{mon} of {yyyy}, the {nth}",
        "the {ord}|of {mon} {year}",
        "{mon}|{ord} {year}",
        "{nth} {mon}|{yyyy}",
        "{yyyy}-{mm}-{dd}",
        "{dd}.{mm}.{yyyy}",
        "{day} of {mon} {pairyear}",
        "{abbr} {d} {yyyy}",
        "{nth} {abbr} {yy}",
        "{odd} {mon} {yy}",
        "the {ord} of {mon} in {year}",
        "{mon} {day}, year {yyyy}",
        "{d} {omm} {yyyy}",
        "{day} {omm} {pairyear}",
    )
}


def _card16(rng: random.Random) -> str:
    head = rng.choice(["4", "4", "51", "53", "55", "2221", "6011"])
    return luhn(head + digits(rng, 15 - len(head)))


def _amex(rng: random.Random) -> str:
    head = rng.choice(["34", "37"])
    return luhn(head + digits(rng, 12))


def _fours(text: str) -> list[str]:
    return group(text, [4, 4, 4])


def _corrected(rng: random.Random) -> Pieces:
    first, *rest = _fours(_card16(rng))
    wrong = first[:2] + digits(rng, 2)
    return [
        (one_by_one(rng, wrong), True),
        (rng.choice(["no sorry", "sorry", "no wait"]), False),
        (" ".join(one_by_one(rng, p) for p in [first, *rest]), True),
    ]


CARDS: dict[str, Manner] = {
    "words": lambda r: whole(one_by_one(r, _card16(r))),
    "words in fours": lambda r: whole(", ".join(one_by_one(r, p) for p in _fours(_card16(r)))),
    "doubles": lambda r: whole(", ".join(doubled(r, p) for p in _fours(_card16(r)))),
    "pairs": lambda r: whole(" ".join(paired(p) for p in _fours(_card16(r)))),
    "digits in fours": lambda r: whole(" ".join(_fours(_card16(r)))),
    "dashes": lambda r: whole("-".join(_fours(_card16(r)))),
    "solid": lambda r: whole(_card16(r)),
    "spaced": lambda r: whole(" ".join(_card16(r))),
    "mixed": lambda r: whole(mixed(r, _card16(r))),
    "fours of both": lambda r: whole(
        " ".join(p if r.random() < 0.5 else one_by_one(r, p) for p in _fours(_card16(r)))
    ),
    "filler": lambda r: with_filler(r, [one_by_one(r, p) for p in _fours(_card16(r))]),
    "filler digits": lambda r: with_filler(r, _fours(_card16(r))),
    "corrected": _corrected,
    "amex words": lambda r: whole(", ".join(one_by_one(r, p) for p in group(_amex(r), [4, 6]))),
    "amex digits": lambda r: whole(" ".join(group(_amex(r), [4, 6]))),
    "odd groups": lambda r: whole(" ".join(group(_card16(r), [3, 5, 2, 4]))),
}


def _us(rng: random.Random) -> list[str]:
    return [rng.choice(US_AREA_CODES), f"{rng.randrange(2, 10)}{digits(rng, 2)}", digits(rng, 4)]


def _uk_mobile(rng: random.Random) -> list[str]:
    return ["07" + rng.choice("4578") + digits(rng, 2), digits(rng, 3), digits(rng, 3)]


def _uk_landline(rng: random.Random) -> list[str]:
    return rng.choice(
        [
            ["020", rng.choice("78") + digits(rng, 3), digits(rng, 4)],
            ["0" + rng.choice(["161", "121", "113", "131"]), digits(rng, 3), digits(rng, 4)],
        ]
    )


def _numbers(rng: random.Random) -> list[str]:
    return rng.choice([_us, _us, _uk_mobile, _uk_landline])(rng)


def _last_paired(rng: random.Random) -> str:
    area, three, four = _us(rng)
    return f"{one_by_one(rng, area)} {one_by_one(rng, three)} {paired(four)}"


def _hundred(rng: random.Random) -> str:
    area, three, _ = _us(rng)
    return (
        f"{one_by_one(rng, area)} {one_by_one(rng, three)} {pair(str(rng.randrange(11, 99)))} "
        "hundred"
    )


PHONES: dict[str, Manner] = {
    "words": lambda r: whole(one_by_one(r, "".join(_numbers(r)))),
    "word groups": lambda r: whole(", ".join(one_by_one(r, p) for p in _numbers(r))),
    "doubles": lambda r: whole(" ".join(doubled(r, p) for p in _numbers(r))),
    "area code": lambda r: [
        ("area code", False),
        (" ".join(one_by_one(r, p) for p in _us(r)), True),
    ],
    "last paired": lambda r: whole(_last_paired(r)),
    "round": lambda r: whole(_hundred(r)),
    "digits": lambda r: whole(" ".join(_numbers(r))),
    "dashes": lambda r: whole("-".join(_us(r))),
    "brackets": lambda r: whole("({}) {}-{}".format(*_us(r))),
    "solid": lambda r: whole("".join(_numbers(r))),
    "spaced": lambda r: whole(" ".join("".join(_numbers(r)))),
    "mixed": lambda r: whole(mixed(r, "".join(_numbers(r)))),
    "filler": lambda r: with_filler(r, [one_by_one(r, p) for p in _numbers(r)]),
    "plus one": lambda r: whole(
        r.choice(["plus one ", "one ", "+1 "]) + " ".join(one_by_one(r, p) for p in _us(r))
    ),
    "plus four four": lambda r: whole(
        "plus four four " + one_by_one(r, "".join(_uk_mobile(r))[1:])
    ),
    "+44": lambda r: whole("+44 " + " ".join(_uk_mobile(r))[1:]),
    "pairs": lambda r: whole("oh seven " + paired("".join(_uk_mobile(r))[2:])),
    "dots": lambda r: whole(".".join(_us(r))),
}


def _ssn(rng: random.Random) -> list[str]:
    return [
        f"{rng.choice([*range(101, 666), *range(667, 772)])}",
        f"{rng.randrange(1, 100):02d}",
        f"{rng.randrange(1, 10000):04d}",
    ]


def _ssn_number(rng: random.Random) -> str:
    a, b, c = _ssn(rng)
    return f"{one_by_one(rng, a[0])} {pair(a[1:])} {pair(b)} {paired(c)}"


SSNS: dict[str, Manner] = {
    "words": lambda r: whole(one_by_one(r, "".join(_ssn(r)))),
    "word groups": lambda r: whole(", ".join(one_by_one(r, p) for p in _ssn(r))),
    "dash words": lambda r: whole(" dash ".join(one_by_one(r, p) for p in _ssn(r))),
    "doubles": lambda r: whole(" ".join(doubled(r, p) for p in _ssn(r))),
    "pairs": lambda r: whole(_ssn_number(r)),
    "dashes": lambda r: whole("-".join(_ssn(r))),
    "groups": lambda r: whole(" ".join(_ssn(r))),
    "solid": lambda r: whole("".join(_ssn(r))),
    "spaced": lambda r: whole(" ".join("".join(_ssn(r)))),
    "mixed": lambda r: whole(mixed(r, "".join(_ssn(r)))),
    "filler": lambda r: with_filler(r, [one_by_one(r, p) for p in _ssn(r)]),
    "filler digits": lambda r: with_filler(r, _ssn(r)),
    "threes": lambda r: whole(" ".join(one_by_one(r, p) for p in group("".join(_ssn(r)), [3, 3]))),
    "last paired": lambda r: whole(
        (lambda s: f"{one_by_one(r, s[0])} {one_by_one(r, s[1])} {paired(s[2])}")(_ssn(r))
    ),
}
