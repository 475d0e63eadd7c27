"""Distortions of values on a real line: digits heard as other words, restarts, a value given over
several turns, a name said in pieces.
"""

from __future__ import annotations

import random

from .people import HOSTS, local
from .speak import (
    HEARD,
    ONES,
    Manner,
    Pieces,
    alphabet,
    cardinal,
    digits,
    fused,
    group,
    letters,
    one_by_one,
    ordinal,
    pair,
    spelled,
    whole,
)
from .values import (
    BIRTHS,
    CARDS,
    MONTHS,
    PHONES,
    POSTCODES,
    SSNS,
    _card16,
    _date,
    _nl,
    _ssn,
    _uk,
    _uk_landline,
    _us,
    _zip,
    spaced,
    uk_postcode,
)

TURN = ("\n", False)
"""A piece that ends the caller's turn; the agent says a word and the caller goes on."""

SOUNDS = {
    "2": ["to", "too"],
    "4": ["for", "four"],
    "1": ["one", "won"],
    "8": ["eight", "ate"],
    "0": ["o", "oh", "zero"],
    "6": ["six", "sicks"],
}


def heard(rng: random.Random, number: str) -> str:
    """Digit words of which the recogniser wrote one or two as words that sound the same."""
    places = [i for i, d in enumerate(number) if d in SOUNDS and i]
    wrong = set(rng.sample(places, min(len(places), rng.choice([1, 1, 2]))))
    return " ".join(
        rng.choice(SOUNDS[d]) if i in wrong else one_by_one(rng, d) for i, d in enumerate(number)
    )


def over_turns(rng: random.Random, parts: list[str]) -> Pieces:
    """The parts with the agent's word between some of them."""
    cut = rng.randrange(1, len(parts))
    out: Pieces = []
    for index, part in enumerate(parts):
        if index == cut or (index > cut and rng.random() < 0.5):
            out.append(TURN)
        out.append((part, True))
    return out


def _restart(rng: random.Random, start: str, full: str) -> Pieces:
    return [
        (start, True),
        (rng.choice(["no", "sorry", "no sorry", "i mean", "wait"]), False),
        (full, True),
    ]


def _uk_restart(rng: random.Random) -> Pieces:
    out, inn = uk_postcode(rng)
    return _restart(rng, spaced(rng, out), spaced(rng, out[:-1] + digits(rng, 1) + inn))


def _dob_pieces(rng: random.Random, way: str) -> Pieces:
    day, month, yr = _date(rng)
    name, year = (
        MONTHS[month - 1].lower(),
        f"nineteen {pair(f'{yr % 100:02d}')}" if yr < 2000 else str(yr),
    )
    century, short = f"{yr}"[:2], f"{yr % 100:02d}"
    if way == "turns":
        return over_turns(rng, [f"the {ordinal(day)}", f"of {name}", year])
    if way == "restart":
        return _restart(
            rng, f"the {ordinal(day)}", f"the {ordinal(min(28, day + 1))} of {name} {year}"
        )
    if way == "weekday":
        return [
            (rng.choice(["a tuesday", "it was a friday"]), False),
            (f"the {ordinal(day)} of {name} {year}", True),
        ]
    text = {
        "split year": f"{day} {name} {century} {short}",
        "half year": f"{name} {day} {pair(century) if century != '20' else 'twenty'} {short}",
        "letter o": f"o{max(1, day % 10)} o{max(1, month % 10)} {yr}",
        "apostrophe": f"{name} {ordinal(day)} '{short}",
        "of the": f"{cardinal(day)} of the {cardinal(month)} {year}",
        "day month fused": f"the {ordinal(day)} {name} {century}{short}",
        "zero zero": f"{one_by_one(rng, f'{day:02d}{month:02d}')} {year}",
        "month number": f"month {cardinal(month)} day {cardinal(day)} year {year}",
        "year first": f"{yr} on {name} the {ordinal(day)}",
    }[way]
    return whole(text)


def _dob(way: str) -> Manner:
    return lambda rng: _dob_pieces(rng, way)


def _zip_round(rng: random.Random) -> str:
    a, b = pair(str(rng.randrange(10, 100))), pair(str(rng.randrange(10, 100)))
    return rng.choice(
        [
            f"{a} {one_by_one(rng, digits(rng, 3))}",
            f"{one_by_one(rng, digits(rng, 3))} {b}",
            f"{a} {ONES[rng.randrange(1, 10)]} hundred",
            f"{a} thousand",
        ]
    )


BIRTHS_NOISY: dict[str, Manner] = {
    f"~{way}": _dob(way)
    for way in (
        "turns",
        "restart",
        "weekday",
        "split year",
        "half year",
        "letter o",
        "apostrophe",
        "of the",
        "day month fused",
        "zero zero",
        "month number",
        "year first",
    )
}
POSTCODES_NOISY: dict[str, Manner] = {
    "~uk sounds": lambda r: whole(
        " ".join(
            HEARD.get(c, c)
            if c.isalpha() and r.random() < 0.6
            else heard(r, "9" + c)[-9:].split()[-1]
            if c.isdigit()
            else c
            for c in _uk(r)
        )
    ),
    "~uk restart": _uk_restart,
    "~uk turns": lambda r: over_turns(r, [spaced(r, p) for p in uk_postcode(r)]),
    "~uk fused": lambda r: whole(fused(r, _uk(r))),
    "~uk letters style": lambda r: whole(letters(r, _uk(r))),
    "~uk then": lambda r: whole(" then ".join(uk_postcode(r))),
    "~uk one word": lambda r: whole(_uk(r)),
    "~uk space": lambda r: whole(" space ".join(spaced(r, p) for p in uk_postcode(r))),
    "~zip heard": lambda r: whole(heard(r, _zip(r))),
    "~zip round": lambda r: whole(_zip_round(r)),
    "~zip turns": lambda r: over_turns(r, group(_zip(r), [3])),
    "~zip restart": lambda r: (lambda z: _restart(r, one_by_one(r, z[:3]), one_by_one(r, z)))(
        _zip(r)
    ),
    "~nl large": lambda r: whole(" ".join(_nl(r)).upper()),
    "~nl turns": lambda r: (lambda n: over_turns(r, [one_by_one(r, n[0]), " ".join(n[1])]))(_nl(r)),
    "~nl alphabet": lambda r: (lambda n: whole(f"{one_by_one(r, n[0])} {alphabet(r, n[1])}"))(
        _nl(r)
    ),
}
CARDS_NOISY: dict[str, Manner] = {
    "~heard": lambda r: whole(" ".join(heard(r, p) for p in group(_card16(r), [4, 4, 4]))),
    "~turns": lambda r: over_turns(r, [one_by_one(r, p) for p in group(_card16(r), [4, 4, 4])]),
    "~turns digits": lambda r: over_turns(r, group(_card16(r), [4, 4, 4])),
    "~space": lambda r: whole(
        " space ".join(one_by_one(r, p) for p in group(_card16(r), [4, 4, 4]))
    ),
    "~group repeated": lambda r: (lambda g: whole(" ".join([g[0], g[1], g[1], g[2], g[3]])))(
        [one_by_one(r, p) for p in group(_card16(r), [4, 4, 4])]
    ),
    "~uneven digits": lambda r: whole(
        " ".join(group(_card16(r), [r.randrange(1, 7), r.randrange(1, 5)]))
    ),
}
PHONES_NOISY: dict[str, Manner] = {
    "~heard": lambda r: whole(" ".join(heard(r, p) for p in _us(r))),
    "~turns": lambda r: over_turns(r, [one_by_one(r, p) for p in _us(r)]),
    "~turns uk": lambda r: over_turns(r, [one_by_one(r, p) for p in _uk_landline(r)]),
    "~restart": lambda r: (
        lambda p: _restart(
            r,
            one_by_one(r, p[0]) + " " + one_by_one(r, p[1][:2]),
            " ".join(one_by_one(r, x) for x in p),
        )
    )(_us(r)),
    "~uneven": lambda r: whole(
        " ".join(group("".join(_us(r)), [r.randrange(1, 5), r.randrange(1, 5)]))
    ),
    "~extension": lambda r: [
        (" ".join(one_by_one(r, x) for x in _us(r)), True),
        (r.choice(["extension", "ext"]), False),
        (one_by_one(r, digits(r, 3)), True),
    ],
    "~eight hundred": lambda r: whole(
        f"{r.choice(['one eight hundred', 'eight hundred', '1 800'])} "
        f"{one_by_one(r, digits(r, 3))} {one_by_one(r, digits(r, 4))}"
    ),
    "~tens": lambda r: whole(
        " ".join(
            [
                one_by_one(r, r.choice(["212", "312", "415"])),
                f"{ONES[r.randrange(2, 9)]} {pair(str(r.randrange(11, 99)))}",
                pair(str(r.randrange(11, 99))),
                pair(str(r.randrange(11, 99))),
            ]
        )
    ),
    "~abroad": lambda r: whole(
        f"plus {r.choice(['three five three', 'four nine', 'six one', 'three one'])} "
        f"{one_by_one(r, digits(r, 9), 'zero')}"
    ),
}
SSNS_NOISY: dict[str, Manner] = {
    "~heard": lambda r: whole(" ".join(heard(r, p) for p in _ssn(r))),
    "~turns": lambda r: over_turns(r, [one_by_one(r, p) for p in _ssn(r)]),
    "~restart": lambda r: (
        lambda s: _restart(r, one_by_one(r, s[0]), " ".join(one_by_one(r, p) for p in s))
    )(_ssn(r)),
    "~uneven": lambda r: whole(
        " ".join(group("".join(_ssn(r)), [r.randrange(2, 5), r.randrange(1, 4)]))
    ),
    "~half and half": lambda r: (lambda s: whole(f"{s[0]} {one_by_one(r, s[1])} {s[2]}"))(_ssn(r)),
}


def _no_end(rng: random.Random, who: dict[str, str]) -> Pieces:
    return whole(f"{local(rng, who)} at {rng.choice(['gmail', 'yahoo', 'hotmail', 'g mail'])}")


def _one_word(rng: random.Random, who: dict[str, str]) -> Pieces:
    return [
        (f"{who['first'].replace('-', ' ')} {who['last'].replace(chr(39), '')}", True),
        (rng.choice(["all one word", "no spaces", "one word"]), False),
        (f"at {rng.choice(HOSTS)} dot com", True),
    ]


def _mail_restart(rng: random.Random, who: dict[str, str]) -> Pieces:
    return [
        (who["first"], True),
        (rng.choice(["no sorry", "sorry"]), False),
        (
            f"{who['first'][0]} dot {who['last'].replace(chr(39), '')} at {rng.choice(HOSTS)} dot "
            "com",
            True,
        ),
    ]


def _mail_turns(rng: random.Random, who: dict[str, str]) -> Pieces:
    return [(local(rng, who), True), TURN, (f"at {rng.choice(HOSTS)} dot com", True)]


def _mail_mixed(rng: random.Random, who: dict[str, str]) -> Pieces:
    return whole(f"{local(rng, who)}@{rng.choice(HOSTS)} dot com")


MAILS_NOISY = {
    "~no end": _no_end,
    "~one word": _one_word,
    "~restart": _mail_restart,
    "~turns": _mail_turns,
    "~mixed": _mail_mixed,
}
NOISY = {
    "birth": BIRTHS | BIRTHS_NOISY,
    "postcode": POSTCODES | POSTCODES_NOISY,
    "card": CARDS | CARDS_NOISY,
    "phone": PHONES | PHONES_NOISY,
}
NOISY |= {"ssn": SSNS | SSNS_NOISY}


def spelled_badly(rng: random.Random, text: str) -> str:
    """A name spelt aloud of which some letters were written as the words they sound like."""
    return (
        " ".join(HEARD[c] if c in HEARD and rng.random() < 0.2 else c for c in text.lower())
        if rng.random() < 0.5
        else spelled(rng, text)
    )
