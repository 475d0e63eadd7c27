"""How people write and say values: digits, numbers, dates, codes, addresses, spelled names.

Every function takes a seeded `random.Random` first and returns text. Spoken forms are lower case without punctuation unless a recogniser would write
it (`4 one 5`, `g mail`, `b-o-b`). Nothing here depends on anything but its arguments.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import Final

from callveil.transforms.sample.people import Person, ascii_fold, digits, luhn_digit, pick

ONES: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
               "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_ORDINALS: Final = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth", 20: "twentieth", 30: "thirtieth"}
NATO: Final = dict(zip("abcdefghijklmnopqrstuvwxyz", (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey "
    "x-ray yankee zulu").split(), strict=True))
EVERYDAY: Final = {c: tuple(w.split()) for c, w in {
    "a": "apple adam alpha", "b": "boy bob bravo", "c": "cat charlie charles", "d": "dog david delta", "e": "edward echo elephant", "f": "frank fox foxtrot",
    "g": "george golf", "h": "henry hotel harry", "i": "igloo india ice", "j": "john jack juliet", "k": "king kilo kate", "l": "larry london lima",
    "m": "mary mother mike", "n": "nancy november nora", "o": "oscar orange ocean", "p": "peter papa paul", "q": "queen quebec", "r": "robert romeo",
    "s": "sam sierra sugar", "t": "tom tango thomas", "u": "umbrella uniform uncle", "v": "victor victory", "w": "william whiskey", "x": "x-ray xylophone",
    "y": "yellow yankee", "z": "zebra zulu"}.items()}
FILLERS: Final = ("uh", "um", "er", "hm", "let me see", "hold on", "okay", "so", "and", "you know")
STYLES: Final = ("words", "double", "tens", "mixed", "spaced", "digits")
"""Ways to say digits; see `spoken_digits`."""


def number_words(n: int) -> str:
    """`n` from 0 to 999,999 in words: `four hundred twelve`, `two thousand sixteen`."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f" {ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{ONES[n // 100]} hundred" + (f" {number_words(n % 100)}" if n % 100 else "")
    return f"{number_words(n // 1000)} thousand" + (f" {number_words(n % 1000)}" if n % 1000 else "")


def ordinal_words(n: int) -> str:
    """`n` from 1 to 99 as an ordinal: `twenty first`."""
    if n in _ORDINALS:
        return _ORDINALS[n]
    if n < 20:
        return ONES[n] + "th"
    return f"{TENS[n // 10]} {ordinal_words(n % 10)}" if n % 10 else TENS[n // 10][:-1] + "ieth"


def ordinal_suffix(n: int) -> str:
    """`1st`, `22nd`, `13th`."""
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def pair_words(two: str, oh: str = "oh") -> str:
    """Two digits as one number the way numbers are chunked: `42` forty two, `07` oh seven, `00` double oh."""
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
            return [f"{ONES[int(head[0])]} thousand" if head[1] == "0" and rng.random() < 0.9 else f"{pair_words(head)} hundred"]
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


def spoken_digits(rng: random.Random, text: str, style: str = "words", sizes: Sequence[int] = (), fillers: float = 0.0, comma: bool = False) -> str:
    """Digits said aloud, as a recogniser writes them.

    Args:
        text: digits; other characters are passed over.
        style: `words` (four one five), `double` (double two, triple seven), `tens` (forty two eleven, twenty one hundred), `mixed` (4 one 5),
            `spaced` (4 1 5), `digits` (415 555).
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
            words = [c if rng.random() < 0.5 else w for c, w in zip(group, _digit_words(group, oh), strict=True)]
        elif style == "spaced":
            words = list(group)
        else:
            words = [group]
        if parts and fillers and rng.random() < fillers:
            parts[-1] += f" {pick(rng, FILLERS)}"
        parts.append(" ".join(words))
    return (", " if comma else " ").join(parts)


def any_style(rng: random.Random, plain: float = 0.0) -> str:
    """A style of `STYLES`; `plain` is the chance of written digits."""
    return "digits" if rng.random() < plain else pick(rng, ("words", "words", "words", "double", "double", "tens", "mixed", "spaced"))


def national(e164: str) -> tuple[str, list[int]]:
    """National digits of an E.164 number as dialled at home (with trunk 0 where used), and the usual group lengths."""
    for code, trunk in (("+44", "0"), ("+61", "0"), ("+353", "0"), ("+31", "0"), ("+49", "0"), ("+33", "0"), ("+1", "")):
        if e164.startswith(code):
            n = trunk + e164[len(code):]
            break
    else:
        return e164.lstrip("+"), [3, 3, 4]
    if code == "+1":
        return n, [3, 3, 4]
    if code == "+33":
        return n, [2, 2, 2, 2, 2]
    if n.startswith("02") and code == "+44":
        return n, [3, 4, 4]
    return n, [5, 3, 3] if n.startswith("07") and code == "+44" else [4, 3, 3] if len(n) <= 10 else [4, 3, 4]


def written_phone(rng: random.Random, e164: str) -> str:
    """A number as typed: `(415) 555-0123`, `415.555.0123`, `+1 415 555 0123`, `07700 900123`, ..."""
    n, sizes = national(e164)
    g = groups_of(n, sizes)
    if e164.startswith("+1"):
        a, b, c = g
        return pick(rng, (f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"{a} {b} {c}", n, f"+1{n}", f"+1 {a} {b} {c}", f"1-{a}-{b}-{c}", f"+1 ({a}) {b}-{c}", f"({a}){b}-{c}"))
    code = e164[: len(e164) - len(n) + 1]
    return pick(rng, (" ".join(g), n, e164, f"{code} {' '.join([g[0][1:], *g[1:]])}".replace("  ", " "), "-".join(g), f"({g[0]}) {''.join(g[1:])}"))


def spoken_phone(rng: random.Random, e164: str, style: str | None = None, fillers: float = 0.15) -> str:
    """A number said aloud in its usual groups; now and then with country code, `area code`, or a restart."""
    n, sizes = national(e164)
    style = style or any_style(rng, 0.2)
    r = rng.random()
    if style == "digits":
        g = groups_of(n, sizes)
        return pick(rng, (" ".join(g), "-".join(g), n, " ".join(n)))
    if e164.startswith("+1"):
        if n.startswith("800") and r < 0.8:
            return "eight hundred " + spoken_digits(rng, n[3:], style, (3, 4), fillers)
        if r < 0.06:
            return f"area code {spoken_digits(rng, n[:3], 'words' if style == 'tens' else style)} {spoken_digits(rng, n[3:], style, (3, 4), fillers)}"
        if style == "tens":
            return f"{spoken_digits(rng, n[:6], 'words', (3, 3), fillers)} {spoken_digits(rng, n[6:], 'tens', (4,))}"
    if r < 0.12:
        return with_restart(rng, n, style, sizes)
    if r < 0.15:
        cc, rest = e164[1 : len(e164) - len(n.lstrip("0"))], n.lstrip("0")
        return f"plus {spoken_digits(rng, cc, 'tens' if len(cc) == 2 else 'words')} {spoken_digits(rng, rest, style, sizes, fillers)}"
    return spoken_digits(rng, n, style, sizes, fillers)


def with_restart(rng: random.Random, number: str, style: str = "words", sizes: Sequence[int] = (4, 4, 4, 4)) -> str:
    """Digits with a slip put right: `four two four two no sorry four two four five ...`. The full right value is spoken."""
    g = groups_of(number, sizes)
    at = int(rng.random() * len(g))
    wrong = g[at][:-1] + str((int(g[at][-1]) + 1 + int(rng.random() * 8)) % 10)
    say = [spoken_digits(rng, x, style) for x in g]
    fix = pick(rng, ("no sorry", "sorry", "no wait", "wait no", "i mean", "scratch that", "let me start again"))
    if fix == "let me start again":
        return " ".join([*say[:at], spoken_digits(rng, wrong, style), fix, *say])
    return " ".join([*say[:at], spoken_digits(rng, wrong, style), fix, say[at], *say[at + 1 :]])


def _card_sizes(card: str) -> tuple[int, ...]:
    return (4, 6, 5) if len(card) == 15 else (4, 6, 4) if len(card) == 14 else (4, 4, 4, 4)


def spoken_card(rng: random.Random, card: str, style: str | None = None, fillers: float = 0.15) -> str:
    """A card number said aloud in groups of four (4-6-5 for fifteen digits), one in eight with a slip and its correction."""
    style = style or any_style(rng, 0.15)
    if style != "digits" and rng.random() < 0.125:
        return with_restart(rng, card, style, _card_sizes(card))
    return spoken_digits(rng, card, style, _card_sizes(card), fillers, comma=rng.random() < 0.2)


def written_card(rng: random.Random, card: str) -> str:
    """`4242 4242 4242 4242`, with dashes, or unbroken."""
    g = groups_of(card, _card_sizes(card))
    return pick(rng, (" ".join(g), "-".join(g), card))


def spoken_expiry(rng: random.Random, month: int, year: int) -> str:
    """Card expiry: `oh four twenty nine`, `april two thousand twenty nine`, `04/29`, ..."""
    yy, r = f"{year % 100:02d}", rng.random()
    m = pair_words(f"{month:02d}", pick(rng, ("oh", "zero")))
    if r < 0.3:
        return f"{m} {pair_words(yy)}"
    if r < 0.45:
        return f"{m} {pick(rng, ('slash', 'of', 'stroke'))} {pair_words(yy)}"
    if r < 0.6:
        return f"{MONTHS[month - 1]} {year_words(rng, year)}"
    if r < 0.7:
        return f"{MONTHS[month - 1]} of {pair_words(yy)}"
    if r < 0.8:
        return f"{month:02d} {yy}"
    return written_expiry(rng, month, year)


def written_expiry(rng: random.Random, month: int, year: int) -> str:
    """`04/29`, `4/29`, `04/2029`, `04-29`."""
    return pick(rng, (f"{month:02d}/{year % 100:02d}", f"{month}/{year % 100:02d}", f"{month:02d}/{year}", f"{month:02d}-{year % 100:02d}"))


def spoken_cvv(rng: random.Random, cvv: str, style: str | None = None) -> str:
    """Three or four digits on the card."""
    return spoken_digits(rng, cvv, style or pick(rng, ("words", "words", "double", "tens", "digits", "spaced", "mixed")))


def spoken_ssn(rng: random.Random, number: str, style: str | None = None, fillers: float = 0.1) -> str:
    """A social security number in its groups of 3, 2 and 4, one in ten with `dash`."""
    style, n = style or any_style(rng, 0.15), number.replace("-", "")
    if style == "digits":
        return pick(rng, (number, number.replace("-", " "), n))
    if rng.random() < 0.1:
        return " dash ".join(spoken_digits(rng, g, style) for g in groups_of(n, (3, 2, 4)))
    return spoken_digits(rng, n, style, (3, 2, 4), fillers)


def year_words(rng: random.Random, year: int) -> str:
    """`nineteen eighty four`, `nineteen oh six`, `two thousand and four`, `twenty twelve`."""
    if year < 2000:
        return f"nineteen {pair_words(f'{year % 100:02d}')}" if year % 100 else "nineteen hundred"
    if year < 2010:
        tail = year % 10
        if tail and rng.random() < 0.2:
            return f"twenty oh {ONES[tail]}"
        return "two thousand" + (pick(rng, (" ", " and ")) + ONES[tail] if tail else "")
    return pick(rng, (f"twenty {number_words(year % 100)}", f"two thousand {number_words(year % 100)}"))


def spoken_date(rng: random.Random, day: dt.date, american: bool = True) -> str:
    """A birth date said aloud, in every order that occurs; a few as a recogniser formats them (`4/7/84`, `july 4th 1984`)."""
    d, m, y = day.day, day.month, day.year
    month, yy, full = MONTHS[m - 1], f"{y % 100:02d}", year_words(rng, y)
    year = full if rng.random() < 0.7 else pair_words(yy)
    a, b = (m, d) if american else (d, m)
    r = rng.random()
    if r < 0.2:
        return f"{month} {ordinal_words(d)} {year}"
    if r < 0.32:
        return f"the {ordinal_words(d)} of {month} {year}"
    if r < 0.4:
        return f"{ordinal_words(d)} {month} {year}" if rng.random() < 0.5 else f"{ordinal_words(d)} of {month} {year}"
    if r < 0.46:
        return f"{number_words(d)} {month} {year}"
    if r < 0.54:
        return f"{pair_words(f'{a:02d}')} {pair_words(f'{b:02d}')} {year}"
    if r < 0.6:
        return f"{number_words(a)} {number_words(b)} {year}"
    if r < 0.64:
        return f"{number_words(a)} {pick(rng, ('slash', 'stroke', 'dash'))} {number_words(b)} {pick(rng, ('slash', 'stroke', 'dash'))} {pair_words(yy)}"
    if r < 0.68:
        return f"the {ordinal_words(a if not american else d)} of the {ordinal_words(m)} {year}"
    if r < 0.72:
        return " ".join(spoken_digits(rng, x, "words") for x in (f"{a:02d}", f"{b:02d}", yy if rng.random() < 0.5 else str(y)))
    if r < 0.82:
        return f"{month} {ordinal_suffix(d)} {y}" if rng.random() < 0.5 else f"{month} {d} {y}"
    if r < 0.88:
        return f"{ordinal_suffix(d)} of {month} {y}"
    if r < 0.94:
        return f"{a:02d} {b:02d} {y if rng.random() < 0.5 else yy}"
    return written_date(rng, day, american)


def written_date(rng: random.Random, day: dt.date, american: bool = True) -> str:
    """A date as typed; month first where `american`."""
    d, m, y = day.day, day.month, day.year
    a, b, month = (m, d, MONTHS[m - 1].title()) if american else (d, m, MONTHS[m - 1].title())
    return pick(rng, (f"{a:02d}/{b:02d}/{y}", f"{a}/{b}/{y}", f"{a}/{b}/{y % 100:02d}", f"{a:02d}-{b:02d}-{y}", day.isoformat(), f"{month} {d}, {y}", f"{d} {month} {y}",
                      f"{month[:3]} {d} {y}", f"{d}.{m}.{y}", f"{ordinal_suffix(d)} {month} {y}"))


def spell(rng: random.Random, text: str, style: str | None = None) -> str:
    """Letters and digits one by one. Styles: `letters` (s m i t h), `dashes` (S-M-I-T-H), `double` (double l), `nato`, `everyday` (b as in boy),
    `half` (letters with a word here and there), `fused` (k yl e), as recognisers write them."""
    style = style or pick(rng, ("letters", "letters", "letters", "dashes", "double", "nato", "everyday", "half", "fused"))
    chars = [c for c in text.lower() if c.isalnum() and c.isascii()] or list(ascii_fold(text))
    said = [ONES[int(c)] if c.isdigit() and style != "dashes" else c for c in chars]
    if style == "dashes":
        return "-".join(c.upper() if rng.random() < 0.97 else c for c in said)
    if style == "nato":
        return " ".join(NATO.get(c, c) for c in said)
    if style == "everyday":
        link = pick(rng, ("as in", "for", "like", "as in"))
        return " ".join(f"{c} {link} {pick(rng, EVERYDAY[c])}" if c in EVERYDAY else c for c in said)
    if style == "half":
        return " ".join(f"{c} {pick(rng, ('for', 'as in'))} {pick(rng, EVERYDAY[c])}" if c in EVERYDAY and rng.random() < 0.3 else c for c in said)
    if style == "double":
        out: list[str] = []
        for c in said:
            if out and out[-1] == c and len(c) == 1:
                out[-1] = f"double {c}"
            else:
                out.append(c)
        return " ".join(out)
    if style == "fused":
        fused = said[:1]
        for c in said[1:]:
            if len(c) == 1 and len(fused[-1]) < 3 and rng.random() < 0.25:
                fused[-1] += c
            else:
                fused.append(c)
        return " ".join(fused)
    return " ".join(said)


def spoken_code(rng: random.Random, code: str, style: str | None = None) -> str:
    """A code of letters and digits said aloud: order and booking references, account numbers, plates, postcodes."""
    style = style or pick(rng, ("letters", "letters", "letters", "half", "everyday", "nato", "caps", "written"))
    if style == "written":
        return code
    out: list[str] = []
    run = ""
    for c in code.replace(" ", "").replace("-", "") + "\0":
        if c.isdigit():
            run += c
            continue
        if run:
            out.append(spoken_digits(rng, run, pick(rng, ("words", "words", "double", "spaced", "mixed")), (3, 3, 3) if len(run) > 4 else ()))
            run = ""
        if c != "\0":
            out.append(c.upper() if style == "caps" else spell(rng, c, style if style in ("half", "everyday", "nato") else "letters"))
    return " ".join(out)


def spoken_postal(rng: random.Random, code: str, country: str, style: str | None = None) -> str:
    """A postal code said aloud: `nine four one oh seven`, `c b four three p q`, `c for charlie b for bravo 4 3 p q`."""
    if country in ("US", "AU", "DE", "FR"):
        return code if rng.random() < 0.2 and not style else spoken_digits(rng, code, style or pick(rng, ("words", "words", "double", "spaced", "tens", "mixed")))
    return spoken_code(rng, code, style or pick(rng, ("letters", "letters", "letters", "half", "everyday", "nato", "caps")))


def spoken_email(rng: random.Random, address: str) -> str:
    """An address said aloud: `jane dot doe at example dot com`, `j a n e underscore doe`, `g mail`, digits in words or not."""
    local, _, domain = address.partition("@")
    spelled, style = rng.random() < 0.12, pick(rng, ("words", "spaced", "digits", "tens"))
    said: list[str] = []
    for kind, run in _runs(local):
        if kind == "digit":
            said.append(spoken_digits(rng, run, style))
        elif kind == "alpha":
            said.append(spell(rng, run, "letters") if spelled and run.isascii() else run)
        else:
            said.append({".": "dot", "_": "underscore", "-": pick(rng, ("dash", "hyphen")), "+": "plus"}.get(run, run))
    host = domain.replace("-", " dash ")
    if rng.random() < 0.5:
        host = host.replace("gmail", "g mail").replace("hotmail", "hot mail").replace("icloud", "i cloud").replace("aol.", "a o l.")
    return f"{' '.join(said)} at {host.replace('.', ' dot ')}"


def spoken_username(rng: random.Random, name: str) -> str:
    """A user name said aloud: `maple otter forty two`, `j dot smith 8 7`, `jane underscore doe`."""
    out: list[str] = []
    for kind, run in _runs(name):
        if kind == "digit":
            out.append(spoken_digits(rng, run, pick(rng, ("words", "tens", "spaced", "digits"))))
        elif kind == "alpha":
            out.append(run)
        else:
            out.append({".": "dot", "_": "underscore", "-": "dash"}.get(run, run))
    return " ".join(out)


def _runs(text: str) -> list[tuple[str, str]]:
    """Cut into runs of letters, runs of digits, and single other signs."""
    out: list[tuple[str, str]] = []
    for c in text:
        kind = "digit" if c.isdigit() else "alpha" if c.isalpha() else "sign"
        if out and out[-1][0] == kind != "sign":
            out[-1] = (kind, out[-1][1] + c)
        else:
            out.append((kind, c))
    return out


def spaced_email(rng: random.Random, address: str) -> str:
    """An address as recognisers and cautious writers put it: spaces around the signs, `[at]`, capitals."""
    local, _, domain = address.partition("@")
    return pick(rng, (f"{local} @ {domain}", f"{local}@ {domain}", f"{local} @ {domain.replace('.', ' . ')}", f"{local} at {domain}", address.title(), f"{local} [at] {domain}"))


def spoken_address(rng: random.Random, person: Person, style: str | None = None) -> str:
    """The street line said aloud: `four twelve north elm street apartment three b`, `517a coldham lane`. Styles: `words`, `digits`."""
    style = style or pick(rng, ("words", "words", "digits"))
    num = "".join(c for c in person.number if c.isdigit())
    letter = person.number[len(num):]
    if style == "digits":
        said = person.number
    else:
        if len(num) == 3 and rng.random() < 0.7:
            said = f"{ONES[int(num[0])]} {'hundred' if num[1:] == '00' else pair_words(num[1:])}"
        elif len(num) == 4 and rng.random() < 0.7:
            said = f"{pair_words(num[:2])} {'hundred' if num[2:] == '00' else pair_words(num[2:])}"
        else:
            said = number_words(int(num)) if rng.random() < 0.5 else spoken_digits(rng, num, "words")
        said += f" {letter}" if letter else ""
    street = _say_street(rng, person.street, style)
    line = f"{street} {said}" if person.country in ("NL", "DE") else f"{said} {street}"
    if person.unit:
        kind, _, label = person.unit.replace("#", "Unit ").partition(" ")
        kind = {"apt": pick(rng, ("apartment", "apt"))}.get(kind.lower(), kind.lower())
        line += f" {kind} {label.lower() if style == 'digits' else spoken_code(rng, label, 'letters')}"
    return line


def _say_street(rng: random.Random, street: str, style: str) -> str:
    out = []
    for w in street.lower().split():
        if w in ("n", "s", "e", "w"):
            w = {"n": "north", "s": "south", "e": "east", "w": "west"}[w]
        elif w[0].isdigit() and style == "words":
            n = int("".join(c for c in w if c.isdigit()))
            w = ordinal_words(n) if n < 100 else f"{ONES[n // 100]} {'hundred ' if rng.random() < 0.3 else ''}{ordinal_words(n % 100)}"
        out.append(w)
    return " ".join(out)


_REF_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def reference(rng: random.Random, kind: str = "order") -> str:
    """A reference: `order`, `booking`, `account`, `claim`, `policy`, `tracking`, `ticket`, `member`, `confirmation` in the shapes businesses use."""
    def mixed(n: int) -> str:
        """Letters and digits, at least one of each."""
        body = [pick(rng, _REF_LETTERS + "23456789") for _ in range(n)]
        body[int(rng.random() * n)] = pick(rng, "23456789")
        if all(c.isdigit() for c in body):
            body[0] = pick(rng, _REF_LETTERS)
        return "".join(body)

    def letters(n: int) -> str:
        return "".join(pick(rng, _REF_LETTERS) for _ in range(n))

    shapes = {
        "order": lambda: pick(rng, (f"{letters(2)}{digits(rng, 6)}", digits(rng, 7), f"{letters(3)}-{digits(rng, 5)}", f"{digits(rng, 3)}-{digits(rng, 7)}", mixed(8))),
        "booking": lambda: pick(rng, (mixed(8), mixed(8), mixed(6), f"{letters(2)}{digits(rng, 4)}{letters(1)}")),
        "account": lambda: pick(rng, (digits(rng, 8), digits(rng, 10), digits(rng, 12), f"{letters(1)}{digits(rng, 7)}", f"{digits(rng, 4)}-{digits(rng, 4)}-{digits(rng, 2)}")),
        "claim": lambda: pick(rng, (f"{letters(2)}-{digits(rng, 7)}", f"CLM{digits(rng, 6)}", f"{digits(rng, 2)}-{digits(rng, 6)}")),
        "policy": lambda: pick(rng, (f"{letters(3)}{digits(rng, 7)}", f"{digits(rng, 9)}", f"P{digits(rng, 3)}-{digits(rng, 6)}")),
        "tracking": lambda: pick(rng, (f"1Z{mixed(10)}", digits(rng, 12), f"{letters(2)}{digits(rng, 9)}{letters(2)}")),
        "ticket": lambda: pick(rng, (digits(rng, 6), f"INC{digits(rng, 7)}", f"{letters(2)}-{digits(rng, 4)}")),
        "member": lambda: pick(rng, (digits(rng, 9), f"{letters(3)}{digits(rng, 9)}", f"M{digits(rng, 8)}")),
        "confirmation": lambda: pick(rng, (mixed(6), mixed(8), digits(rng, 8))),
    }
    if kind not in shapes:
        raise ValueError(f"unknown reference kind {kind!r}; one of {', '.join(shapes)}")
    return shapes[kind]()


def licence_plate(rng: random.Random, country: str = "US") -> str:
    """A number plate in a shape used there."""
    def s(n: int) -> str:
        return "".join(pick(rng, _REF_LETTERS) for _ in range(n))

    if country == "GB":
        return f"{s(2)}{pick(rng, ('15', '17', '19', '21', '23', '65', '68', '70', '72', '73'))} {s(3)}"
    if country in ("NL", "FR", "DE"):
        return pick(rng, (f"{s(2)}-{digits(rng, 3)}-{s(2)}", f"{s(1)}-{digits(rng, 3)}-{s(2)}", f"{digits(rng, 2)}-{s(3)}-{digits(rng, 1)}"))
    return pick(rng, (f"{1 + int(rng.random() * 9)}{s(3)}{digits(rng, 3)}", f"{s(3)} {digits(rng, 4)}", f"{s(3)}-{digits(rng, 4)}", f"{digits(rng, 3)} {s(3)}"))


def iban(rng: random.Random, country: str = "GB") -> str:
    """An IBAN with right check digits (ISO 7064 MOD 97-10); bank and account are random."""
    bban = {"GB": lambda: f"{''.join(pick(rng, _REF_LETTERS) for _ in range(4))}{digits(rng, 14)}", "NL": lambda: f"{''.join(pick(rng, _REF_LETTERS) for _ in range(4))}{digits(rng, 10)}",
            "IE": lambda: f"{''.join(pick(rng, _REF_LETTERS) for _ in range(4))}{digits(rng, 14)}", "FR": lambda: _french_bban(digits(rng, 10), digits(rng, 11)), "DE": lambda: digits(rng, 18)}
    code = country if country in bban else "GB"
    body = bban[code]()
    number = "".join(str(int(c, 36)) for c in f"{body}{code}00")
    return f"{code}{98 - int(number) % 97:02d}{body}"


def _french_bban(bank: str, account: str) -> str:
    key = 97 - (89 * int(bank[:5]) + 15 * int(bank[5:]) + 3 * int(account)) % 97
    return f"{bank}{account}{key:02d}"


def written_iban(rng: random.Random, number: str) -> str:
    """Unbroken or in groups of four."""
    return number if rng.random() < 0.4 else " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def us_account(rng: random.Random) -> tuple[str, str]:
    """(routing number with a right ABA check digit, account number of 8 to 12 digits)."""
    body = pick(rng, ("01", "02", "03", "06", "07", "11", "12", "26", "31")) + digits(rng, 6)
    check = -sum(int(c) * w for c, w in zip(body, (3, 7, 1, 3, 7, 1, 3, 7), strict=True)) % 10
    return f"{body}{check}", digits(rng, 8 + int(rng.random() * 5))


def imei(rng: random.Random) -> str:
    """A device number of fifteen digits that passes Luhn, on the test type code 00."""
    body = "00" + digits(rng, 12)
    return body + luhn_digit(body)


def spoken_amount(rng: random.Random, cents: int, currency: str = "dollars") -> str:
    """Money, from cents: `forty two fifty`, `one hundred and twenty dollars`, `$42.50`."""
    whole, part = divmod(cents, 100)
    sign = {"dollars": "$", "pounds": "£", "euros": "€"}.get(currency, "$")
    r = rng.random()
    if r < 0.35:
        return f"{sign}{whole:,}" + (f".{part:02d}" if part else "")
    if part and r < 0.6:
        return f"{number_words(whole)} {pair_words(f'{part:02d}')}"
    return f"{number_words(whole)} {currency}" + (f" and {number_words(part)} cents" if part and currency == "dollars" else "")


def spoken_time(rng: random.Random, hour: int, minute: int) -> str:
    """A time of day: `four thirty`, `half past four`, `18:45`, `4:30 pm`, `quarter to five`."""
    h12, r = hour % 12 or 12, rng.random()
    if r < 0.3:
        return f"{h12}:{minute:02d} {'am' if hour < 12 else 'pm'}" if minute else f"{h12} {'am' if hour < 12 else 'pm'}"
    if r < 0.4:
        return f"{hour:02d}:{minute:02d}"
    if minute == 30 and r < 0.6:
        return f"half past {ONES[h12]}"
    if minute == 15 and r < 0.6:
        return f"quarter past {ONES[h12]}"
    if minute == 45 and r < 0.6:
        return f"quarter to {ONES[h12 % 12 + 1]}"
    return f"{ONES[h12]} {pair_words(f'{minute:02d}') if minute else pick(rng, ('o clock', 'in the afternoon' if 12 <= hour < 18 else 'o clock'))}"


def spoken_age(rng: random.Random, years: int) -> str:
    """An age: `ninety two`, `92`, `ninety two years old`."""
    return pick(rng, (str(years), number_words(years), f"{number_words(years)} years old", f"{years} years old", f"{years}-year-old"))
