"""Names as they are spelled aloud and as a recogniser writes that down."""

from __future__ import annotations

import random
import re
import unicodedata

from callveil.transforms.lab.sample.people import pick_one
from callveil.transforms.lab.sample.spelling import NATO

_EVERYDAY = {
    "a": ("apple", "adam", "alpha"),
    "b": ("boy", "bob", "bravo", "ball"),
    "c": ("cat", "charlie", "car"),
    "d": ("dog", "david", "delta"),
    "e": ("elephant", "edward", "echo"),
    "f": ("frank", "fox", "food"),
    "g": ("george", "girl", "golf"),
    "h": ("henry", "hotel", "house"),
    "i": ("ice", "india", "igloo"),
    "j": ("john", "jack", "juliet"),
    "k": ("king", "kite", "kilo"),
    "l": ("larry", "lion", "lima", "love"),
    "m": ("mary", "mother", "mike", "monkey"),
    "n": ("nancy", "november", "no"),
    "o": ("ocean", "orange", "oscar"),
    "p": ("peter", "paul", "papa", "pink"),
    "q": ("queen", "quebec"),
    "r": ("robert", "romeo", "red"),
    "s": ("sam", "sugar", "sierra", "snake"),
    "t": ("tom", "tango", "tiger", "table"),
    "u": ("umbrella", "uniform", "under"),
    "v": ("victor", "violet", "van"),
    "w": ("william", "whiskey", "water"),
    "x": ("x-ray", "xylophone"),
    "y": ("yellow", "yankee", "young"),
    "z": ("zebra", "zulu"),
}
_HEARD = {
    "a": ("ay", "eh", "hey"),
    "b": ("be", "bee"),
    "c": ("see", "sea"),
    "d": ("dee",),
    "e": ("ee", "he"),
    "f": ("ef",),
    "g": ("gee", "ji"),
    "h": ("age", "aitch"),
    "i": ("I", "eye"),
    "j": ("jay",),
    "k": ("kay", "okay"),
    "l": ("el", "hell"),
    "m": ("em", "am"),
    "n": ("en", "and", "in"),
    "o": ("oh", "owe"),
    "p": ("pea", "pee"),
    "q": ("queue", "cue"),
    "r": ("are", "our"),
    "s": ("es", "as", "yes"),
    "t": ("tea", "tee"),
    "u": ("you",),
    "v": ("vee", "we"),
    "w": ("double you", "double u"),
    "x": ("ex",),
    "y": ("why",),
    "z": ("zed", "zee", "said"),
}
_PUNCTUATION = {
    "-": ("hyphen", "dash", ""),
    "'": ("apostrophe", ""),
    " ": ("space", "new word", "", "and then"),
}


def name_letters(name: str) -> list[str]:
    """Return the letters of a name, lower case a to z, with marks, spaces and hyphens kept as they
    stand.
    """
    plain = (
        unicodedata.normalize("NFKD", name)
        .lower()
        .replace("ß", "ss")
        .replace("ø", "o")
        .replace("ł", "l")
    )
    return [c for c in plain if "a" <= c <= "z" or c in _PUNCTUATION]


def _units(rng: random.Random, chars: list[str], heard: float) -> list[str]:
    doubles, out, i = rng.random() < 0.6, [], 0
    while i < len(chars):
        c = chars[i]
        word = (
            pick_one(rng, _PUNCTUATION[c])
            if c in _PUNCTUATION
            else pick_one(rng, _HEARD[c])
            if rng.random() < heard
            else c
        )
        if doubles and i + 1 < len(chars) and chars[i + 1] == c and c not in _PUNCTUATION:
            word, i = f"double {word}", i + 1
        out.append(word)
        i += 1
    return [u for u in out if u]


def spell_name(rng: random.Random, name: str) -> str:
    """Return a name letter by letter, in one of the ways it turns up: parted, hyphenated, fused by
    the recogniser, by alphabet words.

    Returns: the text without an introduction; never empty for a name with a letter in it.
    """
    chars, r = name_letters(name), rng.random()
    if not any("a" <= c <= "z" for c in chars):
        return name
    if r < 0.12:
        joined = pick_one(rng, ("-", "-", ". ", ", "))
        text = joined.join(c.upper() if c.isalpha() else "-" for c in chars if c != " ")
        return f"{text}." if joined == ". " else text
    if r < 0.22:
        return (
            " ".join(NATO[c] if c.isalpha() else pick_one(rng, _PUNCTUATION[c]) for c in chars)
            .replace("  ", " ")
            .strip()
        )
    if r < 0.36:
        link = pick_one(rng, ("for", "as in", "like", "is for", "as in", "for"))
        share = pick_one(rng, (1.0, 0.5, 0.25))
        units = [
            f"{c} {link} {pick_one(rng, _EVERYDAY[c])}"
            if c.isalpha() and rng.random() < share
            else c
            if c.isalpha()
            else pick_one(rng, _PUNCTUATION[c])
            for c in chars
        ]
        return pick_one(rng, (" ", " ", ", ")).join(u for u in units if u)
    units = _units(rng, chars, pick_one(rng, (0.0, 0.0, 0.05, 0.15, 0.4)))
    if r < 0.55:
        return " ".join(units).upper() if rng.random() < 0.5 else " ".join(units)
    return fuse_letters(rng, units)


def fuse_letters(rng: random.Random, units: list[str]) -> str:
    """Return letters run together at random, as a recogniser groups them; a lone `i` is often
    written `I`.
    """
    groups: list[str] = []
    share = pick_one(rng, (0.15, 0.3, 0.5))
    for unit in units:
        if (
            groups
            and len(unit) == 1
            and " " not in groups[-1]
            and len(groups[-1]) < 5
            and rng.random() < share
        ):
            groups[-1] += unit
        else:
            groups.append(unit)
    big = rng.random() < 0.5
    return " ".join(
        "I" if g == "i" and big else g.upper() if rng.random() < 0.03 else g for g in groups
    )


def looks_spelled(text: str) -> bool:
    """Tell whether a labelled name is spelled out letter by letter rather than said."""
    pieces = re.split(r"[\s,.\-]+", text.strip(" .-"))
    return sum(len(p) == 1 for p in pieces) >= 2


def mishear_name(rng: random.Random, name: str) -> str:
    """Return the name as a recogniser may miss it: split, joined, with a letter off, or with sounds
    written another way.
    """
    r = rng.random()
    if r < 0.3 and len(name) >= 6 and " " not in name:
        cut = 2 + int(rng.random() * (len(name) - 4))
        return f"{name[:cut]} {name[cut:]}"
    if r < 0.45 and " " in name:
        return name.replace(" ", "", 1).capitalize()
    if r < 0.75:
        for old, new in sorted(
            (
                ("ph", "f"),
                ("ck", "k"),
                ("y", "ie"),
                ("ie", "y"),
                ("c", "k"),
                ("k", "c"),
                ("z", "s"),
                ("ee", "ea"),
                ("v", "w"),
                ("th", "t"),
                ("sch", "sh"),
                ("ll", "l"),
                ("nn", "n"),
            ),
            key=lambda _: rng.random(),
        ):
            if old in name[1:]:
                return name[0] + name[1:].replace(old, new, 1)
    if len(name) > 3:
        at = 1 + int(rng.random() * (len(name) - 2))
        if name[at].isalpha():
            return (
                name[:at]
                + pick_one(rng, ("", pick_one(rng, "aeiou"), name[at] * 2))
                + name[at + 1 :]
            )
    return name
