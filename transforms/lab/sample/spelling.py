"""Spoken forms of letters, codes, postal codes, e-mail addresses, user names and street lines.

Spelling alphabets are covered as well.
"""

from __future__ import annotations

import random
from typing import Final

from callveil.transforms.detect.spoken_numbers import ONES, number_words, ordinal_words
from callveil.transforms.lab.sample.lists import pick_one
from callveil.transforms.lab.sample.people import Person, ascii_fold
from callveil.transforms.lab.sample.speech import pair_words, spoken_digits

NATO: Final = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        [
            "alpha",
            "bravo",
            "charlie",
            "delta",
            "echo",
            "foxtrot",
            "golf",
            "hotel",
            "india",
            "juliet",
            "kilo",
            "lima",
            "mike",
            "november",
            "oscar",
            "papa",
            "quebec",
            "romeo",
            "sierra",
            "tango",
            "uniform",
            "victor",
            "whiskey",
            "x-ray",
            "yankee",
            "zulu",
        ],
        strict=True,
    )
)
EVERYDAY: Final = {
    c: tuple(w.split())
    for c, w in {
        "a": "apple adam alpha",
        "b": "boy bob bravo",
        "c": "cat charlie charles",
        "d": "dog david delta",
        "e": "edward echo elephant",
        "f": "frank fox foxtrot",
        "g": "george golf",
        "h": "henry hotel harry",
        "i": "igloo india ice",
        "j": "john jack juliet",
        "k": "king kilo kate",
        "l": "larry london lima",
        "m": "mary mother mike",
        "n": "nancy november nora",
        "o": "oscar orange ocean",
        "p": "peter papa paul",
        "q": "queen quebec",
        "r": "robert romeo",
        "s": "sam sierra sugar",
        "t": "tom tango thomas",
        "u": "umbrella uniform uncle",
        "v": "victor victory",
        "w": "william whiskey",
        "x": "x-ray xylophone",
        "y": "yellow yankee",
        "z": "zebra zulu",
    }.items()
}


def spell_text(rng: random.Random, text: str, style: str | None = None) -> str:
    """Return letters and digits one by one. Styles: `letters` (s m i t h), `dashes` (S-M-I-T-H),
    `double` (double l), `nato`, `everyday` (b as in boy), `half` (letters with a word here and
    there), `fused` (k yl e), as recognisers write them.
    """
    style = style or pick_one(
        rng,
        ("letters", "letters", "letters", "dashes", "double", "nato", "everyday", "half", "fused"),
    )
    chars = [c for c in text.lower() if c.isalnum() and c.isascii()] or list(ascii_fold(text))
    said = [ONES[int(c)] if c.isdigit() and style != "dashes" else c for c in chars]
    if style == "dashes":
        return "-".join(c.upper() if rng.random() < 0.97 else c for c in said)
    if style == "nato":
        return " ".join(NATO.get(c, c) for c in said)
    if style == "everyday":
        link = pick_one(rng, ("as in", "for", "like", "as in"))
        return " ".join(
            f"{c} {link} {pick_one(rng, EVERYDAY[c])}" if c in EVERYDAY else c for c in said
        )
    if style == "half":
        return " ".join(
            f"{c} {pick_one(rng, ('for', 'as in'))} {pick_one(rng, EVERYDAY[c])}"
            if c in EVERYDAY and rng.random() < 0.3
            else c
            for c in said
        )
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
    """Return a code of letters and digits said aloud: order and booking references, account
    numbers, plates, postcodes.
    """
    style = style or pick_one(
        rng, ("letters", "letters", "letters", "half", "everyday", "nato", "caps", "written")
    )
    if style == "written":
        return code
    out: list[str] = []
    run = ""
    for c in code.replace(" ", "").replace("-", "") + "\0":
        if c.isdigit():
            run += c
            continue
        if run:
            out.append(
                spoken_digits(
                    rng,
                    run,
                    pick_one(rng, ("words", "words", "double", "spaced", "mixed")),
                    (3, 3, 3) if len(run) > 4 else (),
                )
            )
            run = ""
        if c != "\0":
            out.append(
                c.upper()
                if style == "caps"
                else spell_text(
                    rng, c, style if style in ("half", "everyday", "nato") else "letters"
                )
            )
    return " ".join(out)


def spoken_postal(rng: random.Random, code: str, country: str, style: str | None = None) -> str:
    """Return a postal code said aloud: `nine four one oh seven`, `c b four three p q`, `c for
    charlie b for bravo 4 3 p q`.
    """
    if country in ("US", "AU", "DE", "FR"):
        return (
            code
            if rng.random() < 0.2 and not style
            else spoken_digits(
                rng,
                code,
                style or pick_one(rng, ("words", "words", "double", "spaced", "tens", "mixed")),
            )
        )
    return spoken_code(
        rng,
        code,
        style
        or pick_one(rng, ("letters", "letters", "letters", "half", "everyday", "nato", "caps")),
    )


def spoken_email(rng: random.Random, address: str) -> str:
    """Return an address said aloud: `jane dot doe at example dot com`, `j a n e underscore doe`, `g
    mail`, digits in words or not.
    """
    local, _, domain = address.partition("@")
    spelled, style = rng.random() < 0.12, pick_one(rng, ("words", "spaced", "digits", "tens"))
    said: list[str] = []
    for kind, run in _runs(local):
        if kind == "digit":
            said.append(spoken_digits(rng, run, style))
        elif kind == "alpha":
            said.append(spell_text(rng, run, "letters") if spelled and run.isascii() else run)
        else:
            said.append(
                {
                    ".": "dot",
                    "_": "underscore",
                    "-": pick_one(rng, ("dash", "hyphen")),
                    "+": "plus",
                }.get(run, run)
            )
    host = domain.replace("-", " dash ")
    if rng.random() < 0.5:
        host = (
            host.replace("gmail", "g mail")
            .replace("hotmail", "hot mail")
            .replace("icloud", "i cloud")
            .replace("aol.", "a o l.")
        )
    return f"{' '.join(said)} at {host.replace('.', ' dot ')}"


def spoken_username(rng: random.Random, name: str) -> str:
    """Return a user name said aloud: `maple otter forty two`, `j dot smith 8 7`, `jane underscore
    doe`.
    """
    out: list[str] = []
    for kind, run in _runs(name):
        if kind == "digit":
            out.append(
                spoken_digits(rng, run, pick_one(rng, ("words", "tens", "spaced", "digits")))
            )
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
    """Return an address as recognisers and cautious writers put it: spaces around the signs,
    `[at]`, capitals.
    """
    local, _, domain = address.partition("@")
    return pick_one(
        rng,
        (
            f"{local} @ {domain}",
            f"{local}@ {domain}",
            f"{local} @ {domain.replace('.', ' . ')}",
            f"{local} at {domain}",
            address.title(),
            f"{local} [at] {domain}",
        ),
    )


def spoken_address(rng: random.Random, person: Person, style: str | None = None) -> str:
    """Return the street line said aloud: `four twelve north elm street apartment three b`, `517a
    coldham lane`. Styles: `words`, `digits`.
    """
    style = style or pick_one(rng, ("words", "words", "digits"))
    num = "".join(c for c in person.number if c.isdigit())
    letter = person.number[len(num) :]
    if style == "digits":
        said = person.number
    else:
        if len(num) == 3 and rng.random() < 0.7:
            said = f"{ONES[int(num[0])]} {'hundred' if num[1:] == '00' else pair_words(num[1:])}"
        elif len(num) == 4 and rng.random() < 0.7:
            said = f"{pair_words(num[:2])} {'hundred' if num[2:] == '00' else pair_words(num[2:])}"
        else:
            said = (
                number_words(int(num)) if rng.random() < 0.5 else spoken_digits(rng, num, "words")
            )
        said += f" {letter}" if letter else ""
    street = _say_street(rng, person.street, style)
    line = f"{street} {said}" if person.country in ("NL", "DE") else f"{said} {street}"
    if person.unit:
        kind, _, label = person.unit.replace("#", "Unit ").partition(" ")
        kind = {"apt": pick_one(rng, ("apartment", "apt"))}.get(kind.lower(), kind.lower())
        line += (
            f" {kind} {label.lower() if style == 'digits' else spoken_code(rng, label, 'letters')}"
        )
    return line


def _say_street(rng: random.Random, street: str, style: str) -> str:
    out = []
    for w in street.lower().split():
        if w in ("n", "s", "e", "w"):
            w = {"n": "north", "s": "south", "e": "east", "w": "west"}[w]
        elif w[0].isdigit() and style == "words":
            n = int("".join(c for c in w if c.isdigit()))
            w = (
                ordinal_words(n)
                if n < 100
                else (
                    f"{ONES[n // 100]} "
                    f"{'hundred ' if rng.random() < 0.3 else ''}{ordinal_words(n % 100)}"
                )
            )
        out.append(w)
    return " ".join(out)
