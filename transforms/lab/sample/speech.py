"""Spoken and written forms of numbers: digits, telephone, card and social security numbers.

Every function takes a seeded `random.Random` first and returns text. Spoken forms are lower case
without punctuation unless a recogniser would write it. Nothing here depends on anything but its
arguments.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from callveil.transforms.detect.spoken_numbers import ONES, number_words
from callveil.transforms.lab.sample.lists import pick_one

FILLERS: Final = ("uh", "um", "er", "hm", "let me see", "hold on", "okay", "so", "and", "you know")
STYLES: Final = ("words", "double", "tens", "mixed", "spaced", "digits")
"""Ways to say digits; see `spoken_digits`."""


def ordinal_suffix(n: int) -> str:
    """Return `1st`, `22nd`, `13th`."""
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def pair_words(two: str, oh: str = "oh") -> str:
    """Return two digits as one number the way numbers are chunked: `42` forty two, `07` oh seven,
    `00` double oh.
    """
    if two[0] == "0":
        return f"double {oh}" if two == "00" else f"{oh} {ONES[int(two[1])]}"
    return number_words(int(two))


def _digit_words(group: str, oh: str) -> list[str]:
    return [oh if c == "0" else ONES[int(c)] for c in group]


def _doubled(group: str, oh: str) -> list[str]:
    out, i = [], 0
    while i < len(group):
        n = 1
        while n < 3 and i + n < len(group) and group[i + n] == group[i]:
            n += 1
        word = oh if group[i] == "0" else ONES[int(group[i])]
        out.append(word if n == 1 else f"{'double' if n == 2 else 'triple'} {word}")
        i += n
    return out


def _tens(rng: random.Random, group: str, oh: str) -> list[str]:
    n = len(group)
    if n >= 3 and group[-2:] == "00" and group[0] != "0" and n <= 4:
        head = group[:-2]
        if n == 4 and head[1] == "0":
            return [
                f"{ONES[int(head[0])]} thousand"
                if head[1] == "0" and rng.random() < 0.9
                else f"{pair_words(head)} hundred"
            ]
        return [f"{number_words(int(head))} hundred"]
    out = _digit_words(group[0], oh) if n % 2 else []
    return out + [pair_words(group[i : i + 2], oh) for i in range(n % 2, n, 2)]


def groups_of(text: str, sizes: Sequence[int]) -> list[str]:
    """Cut digits into groups; what is left over after the last size is one more group."""
    out, i = [], 0
    for s in sizes:
        if i < len(text):
            out.append(text[i : i + s])
            i += s
    if i < len(text):
        out.append(text[i:])
    return out


def spoken_digits(
    rng: random.Random,
    text: str,
    style: str = "words",
    sizes: Sequence[int] = (),
    fillers: float = 0.0,
    comma: bool = False,
) -> str:
    """Return digits said aloud, as a recogniser writes them.

    Args:
        text: digits; other characters are passed over.
        style: `words` (four one five), `double` (double two, triple seven), `tens` (forty two
            eleven, twenty one hundred), `mixed` (4 one 5), `spaced` (4 1 5), `digits` (415 555).
        sizes: group lengths; empty means one group.
        fillers: chance of a filler between two groups.
        comma: write commas between groups.

    Raises:
        ValueError: unknown style.
    """
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; one of {', '.join(STYLES)}")
    oh = "zero" if rng.random() < 0.4 else "oh"
    parts: list[str] = []
    for group in groups_of("".join(c for c in text if c.isdigit()), sizes):
        if style == "words":
            words = _digit_words(group, oh)
        elif style == "double":
            words = _doubled(group, oh)
        elif style == "tens":
            words = _tens(rng, group, oh)
        elif style == "mixed":
            words = [
                c if rng.random() < 0.5 else w
                for c, w in zip(group, _digit_words(group, oh), strict=True)
            ]
        elif style == "spaced":
            words = list(group)
        else:
            words = [group]
        if parts and fillers and rng.random() < fillers:
            parts[-1] += f" {pick_one(rng, FILLERS)}"
        parts.append(" ".join(words))
    return (", " if comma else " ").join(parts)


def any_style(rng: random.Random, plain: float = 0.0) -> str:
    """Return a style of `STYLES`; `plain` is the chance of written digits."""
    return (
        "digits"
        if rng.random() < plain
        else pick_one(
            rng, ("words", "words", "words", "double", "double", "tens", "mixed", "spaced")
        )
    )


def national_digits(e164: str) -> tuple[str, list[int]]:
    """National digits of an E.164 number as dialled at home (with trunk 0 where used), and the
    usual group lengths.
    """
    for code, trunk in (
        ("+44", "0"),
        ("+61", "0"),
        ("+353", "0"),
        ("+31", "0"),
        ("+49", "0"),
        ("+33", "0"),
        ("+1", ""),
    ):
        if e164.startswith(code):
            n = trunk + e164[len(code) :]
            break
    else:
        return e164.lstrip("+"), [3, 3, 4]
    if code == "+1":
        return n, [3, 3, 4]
    if code == "+33":
        return n, [2, 2, 2, 2, 2]
    if code == "+44":
        return n, [3, 4, 4] if n[1] == "2" else [5, 3, 3] if n[1] == "7" else [
            5,
            6,
        ] if n.startswith(("01632", "01223")) else [4, 3, 4]
    if code == "+61" and n[1] != "4":
        return n, [2, 4, 4]
    return n, [4, 3, 3] if len(n) <= 10 else [4, 3, 4]


def written_phone(rng: random.Random, e164: str) -> str:
    """Return a number as typed: `(415) 555-0123`, `415.555.0123`, `+1 415 555 0123`, `07700
    900123`, ...
    """
    n, sizes = national_digits(e164)
    g = groups_of(n, sizes)
    if e164.startswith("+1"):
        a, b, c = g
        return pick_one(
            rng,
            (
                f"({a}) {b}-{c}",
                f"{a}-{b}-{c}",
                f"{a}.{b}.{c}",
                f"{a} {b} {c}",
                n,
                f"+1{n}",
                f"+1 {a} {b} {c}",
                f"1-{a}-{b}-{c}",
                f"+1 ({a}) {b}-{c}",
                f"({a}){b}-{c}",
            ),
        )
    code = e164[: len(e164) - len(n) + 1]
    return pick_one(
        rng,
        (
            " ".join(g),
            n,
            e164,
            f"{code} {' '.join([g[0][1:], *g[1:]])}".replace("  ", " "),
            "-".join(g),
            f"({g[0]}) {''.join(g[1:])}",
        ),
    )


def spoken_phone(
    rng: random.Random, e164: str, style: str | None = None, fillers: float = 0.15
) -> str:
    """Return a number said aloud in its usual groups; now and then with country code, `area code`,
    or a restart.
    """
    n, sizes = national_digits(e164)
    style = style or any_style(rng, 0.2)
    r = rng.random()
    if style == "digits":
        g = groups_of(n, sizes)
        return pick_one(rng, (" ".join(g), "-".join(g), n, " ".join(n)))
    if e164.startswith("+1"):
        if n.startswith("800") and r < 0.8:
            return "eight hundred " + spoken_digits(rng, n[3:], style, (3, 4), fillers)
        if r < 0.06:
            return (
                f"area code {spoken_digits(rng, n[:3], 'words' if style == 'tens' else style)} "
                f"{spoken_digits(rng, n[3:], style, (3, 4), fillers)}"
            )
        if style == "tens":
            return (
                f"{spoken_digits(rng, n[:6], 'words', (3, 3), fillers)} "
                f"{spoken_digits(rng, n[6:], 'tens', (4,))}"
            )
    if r < 0.12:
        return with_restart(rng, n, style, sizes)
    if r < 0.15:
        cc, rest = e164[1 : len(e164) - len(n.lstrip("0"))], n.lstrip("0")
        return (
            f"plus {spoken_digits(rng, cc, 'tens' if len(cc) == 2 else 'words')} "
            f"{spoken_digits(rng, rest, style, sizes, fillers)}"
        )
    return spoken_digits(rng, n, style, sizes, fillers)


def with_restart(
    rng: random.Random, number: str, style: str = "words", sizes: Sequence[int] = (4, 4, 4, 4)
) -> str:
    """Return digits with a slip put right: `four two four two no sorry four two four five ...`. The
    full right value is spoken.
    """
    g = groups_of(number, sizes)
    at = int(rng.random() * len(g))
    wrong = g[at][:-1] + str((int(g[at][-1]) + 1 + int(rng.random() * 8)) % 10)
    say = [spoken_digits(rng, x, style) for x in g]
    fix = pick_one(
        rng,
        ("no sorry", "sorry", "no wait", "wait no", "i mean", "scratch that", "let me start again"),
    )
    if fix == "let me start again":
        return " ".join([*say[:at], spoken_digits(rng, wrong, style), fix, *say])
    return " ".join([*say[:at], spoken_digits(rng, wrong, style), fix, say[at], *say[at + 1 :]])


def _card_sizes(card: str) -> tuple[int, ...]:
    return (4, 6, 5) if len(card) == 15 else (4, 6, 4) if len(card) == 14 else (4, 4, 4, 4)


def spoken_card(
    rng: random.Random, card: str, style: str | None = None, fillers: float = 0.15
) -> str:
    """Return a card number said aloud in groups of four (4-6-5 for fifteen digits), one in eight
    with a slip and its correction.
    """
    style = style or any_style(rng, 0.15)
    if style != "digits" and rng.random() < 0.125:
        return with_restart(rng, card, style, _card_sizes(card))
    return spoken_digits(rng, card, style, _card_sizes(card), fillers, comma=rng.random() < 0.2)


def written_card(rng: random.Random, card: str) -> str:
    """Return `4242 4242 4242 4242`, with dashes, or unbroken."""
    g = groups_of(card, _card_sizes(card))
    return pick_one(rng, (" ".join(g), "-".join(g), card))


def spoken_cvv(rng: random.Random, cvv: str, style: str | None = None) -> str:
    """Return the three or four digits on the card, said aloud."""
    return spoken_digits(
        rng,
        cvv,
        style or pick_one(rng, ("words", "words", "double", "tens", "digits", "spaced", "mixed")),
    )


def spoken_ssn(
    rng: random.Random, number: str, style: str | None = None, fillers: float = 0.1
) -> str:
    """Return a social security number in its groups of 3, 2 and 4, one in ten with `dash`."""
    style, n = style or any_style(rng, 0.15), number.replace("-", "")
    if style == "digits":
        return pick_one(rng, (number, number.replace("-", " "), n))
    if rng.random() < 0.1:
        return " dash ".join(spoken_digits(rng, g, style) for g in groups_of(n, (3, 2, 4)))
    return spoken_digits(rng, n, style, (3, 2, 4), fillers)
