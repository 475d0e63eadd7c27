"""Names and e-mail addresses of the held-out sets and every manner of saying each of them. All are
generated; none belongs to a person.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from .speak import Pieces, alphabet, digits, one_by_one, pair, spelled, whole

_HERE = Path(__file__).parent / "carriers"
FIRST = (_HERE / "first.txt").read_text("utf-8").split()
LAST = (_HERE / "last.txt").read_text("utf-8").split()
HOSTS = [
    "gmail",
    "yahoo",
    "hotmail",
    "outlook",
    "icloud",
    "aol",
    "verizon",
    "comcast",
    "btinternet",
    "protonmail",
    "live",
    "sky",
]
FIRMS = [
    "harbor",
    "maple",
    "northfield",
    "brightwater",
    "oakline",
    "silverdale",
    "kestrel",
    "fenwick",
    "larkspur",
    "ridgeway",
]
NICKS = [
    "bluebird",
    "sunnyday",
    "rockstar",
    "gardener",
    "trucker",
    "catlady",
    "fishing",
    "soccermom",
    "bookworm",
    "drummer",
    "starlight",
    "hiker",
]
Way = Callable[[random.Random, dict[str, str]], Pieces]
"""A way to say an e-mail address of a person made by `person`."""
ENDS = [
    "dot com",
    "dot co dot uk",
    "dot net",
    "dot org",
    "dot c o dot u k",
    "dot ie",
    "dot edu",
    "dot co",
]


def person(rng: random.Random, firsts: list[str], lasts: list[str]) -> dict[str, str]:
    """One generated person and how the parts of the name are spelt aloud."""
    first, last = rng.choice(firsts), rng.choice(lasts)
    plain_first, plain_last = first.replace("-", ""), last.replace("-", "").replace("'", "")
    tail, head = spelled(rng, plain_last), spelled(rng, plain_first)
    return {
        "first": first,
        "last": last,
        "lastspelled": tail,
        "firstspelled": head,
        "spelled": f"{head} {tail}",
        "firstletter": first[0],
    }


def local(rng: random.Random, who: dict[str, str]) -> str:
    """Return the part of an address before the at, as people say it."""
    first, last = who["first"].replace("-", ""), who["last"].replace("-", "").replace("'", "")
    number = digits(rng, 2)
    return rng.choice(
        [
            f"{first} dot {last}",
            f"{first} underscore {last}",
            f"{first} {last}",
            f"{first[0]} {last}",
            f"{first[0]} dot {last}",
            f"{first} {pair(number)}",
            f"{first}{last}",
            f"{first}{last}{number}",
            f"{rng.choice(NICKS)} {one_by_one(rng, number)}",
            f"{rng.choice(NICKS)}{number}",
            f"{last} {first[0]}",
            f"{first} hyphen {last}",
            f"{first} dash {last} {number}",
            f"{' '.join(first)}",
            f"{first[0]} {last} {pair(number)}",
            f"{last} family",
            f"{first} and {rng.choice(FIRST)}",
            f"{rng.choice(NICKS)} underscore {one_by_one(rng, number)}",
            f"{first[0]} for {first} {last}",
        ]
    )


def _mail(host: str, at: str = "at") -> Way:
    def say(rng: random.Random, who: dict[str, str]) -> Pieces:
        before = local(rng, who)
        name = {
            "known": rng.choice(HOSTS),
            "firm": f"{rng.choice(FIRMS)} {rng.choice(['plumbing', 'dental', 'law', 'homes'])}",
        }.get(host, host)
        if host == "spelt":
            name = " ".join(rng.choice(FIRMS)[:4])
        if host == "own":
            name = who["last"].replace("'", "")
        return whole(f"{before} {at} {name} {rng.choice(['dot com', 'dot com', rng.choice(ENDS)])}")

    return say


def _typed(rng: random.Random, who: dict[str, str]) -> Pieces:
    first, last = who["first"].replace("-", ""), who["last"].replace("'", "")
    return whole(
        f"{first}{rng.choice(['.', '_', '', '-'])}{last}{rng.choice(['', digits(rng, 2)])}@{rng.choice(HOSTS)}.{rng.choice(['com', 'co.uk', 'net'])}"  # noqa: E501
    )


def _half_typed(rng: random.Random, who: dict[str, str]) -> Pieces:
    name = f"{who['first'].replace('-', '')}{rng.choice(['.', ' ', ''])}{who['last'].replace(chr(39), '')}"  # noqa: E501
    return whole(f"{name} at {rng.choice(HOSTS)}.{rng.choice(['com', 'net', 'co.uk'])}")


def _initials(rng: random.Random, who: dict[str, str]) -> Pieces:
    return whole(
        f"{who['first'][0]} {who['last'][0]} {one_by_one(rng, digits(rng, 3))} at "
        f"{rng.choice(HOSTS)} dot com"
    )


def _alphabet(rng: random.Random, who: dict[str, str]) -> Pieces:
    return whole(
        f"{alphabet(rng, who['last'].replace('-', '').replace(chr(39), '')[:5])} at "
        f"{rng.choice(HOSTS)} dot com"
    )


def _hesitant(rng: random.Random, who: dict[str, str]) -> Pieces:
    return [
        (local(rng, who), True),
        (rng.choice(["um", "uh", "and then it's"]), False),
        (f"at {rng.choice(HOSTS)} dot com", True),
    ]


MAILS = {
    "known": _mail("known"),
    "g mail": _mail("g mail"),
    "firm": _mail("firm"),
    "spelt host": _mail("spelt"),
    "own": _mail("own"),
    "typed": _typed,
    "half typed": _half_typed,
    "initials": _initials,
    "alphabet": _alphabet,
    "hesitant": _hesitant,
    "at sign": _mail("known", "at sign"),
    "hot mail": _mail("hot mail"),
    "the at": _mail("known", "@"),
    "msn": _mail("m s n"),
}
