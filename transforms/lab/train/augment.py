"""Training data augmentation: other names, other case, lost punctuation, recogniser noise."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from callveil.transforms.lab.sample.people import pick_one
from callveil.transforms.lab.train.corpus import (
    PERSON_OR_ORG,
    PUBLIC_PERSON,
    UNKNOWN,
    LabeledUtterance,
    Mark,
    Talk,
)
from callveil.transforms.lab.train.fill import Filler
from callveil.transforms.lab.train.lists import word_lists
from callveil.transforms.lab.train.slots import random_address, random_street
from callveil.transforms.lab.train.spell import looks_spelled, mishear_name

_DROPPED = re.compile(r"""[.,:](?=\s|$)|(?<=\s)[.,:]|[?!;"“”]""")
_FILLERS = ("uh", "um", "er", "like", "you know", "well", "so", "hmm", "i mean", "okay")
_ALONE_I = re.compile(r"(?<![\w'])i(?![\w'])")
_ORG_WORD = re.compile(
    r"salon|barber|dental|dentist|clinic|center|centre|spa\b|hair|cuts|clips|medical|therapy|group|studio|beauty|&|family|care|services|laser|skin|associates|health",
    re.IGNORECASE,
)


def swap_values(rng: random.Random, talk: Talk, fill: Filler, share: float = 0.8) -> Talk:
    """Return the conversation with labelled values replaced by generated ones, each value by the
    same one throughout.

    Args:
        share: chance that a value is replaced, 0 to 1.
    Provider names that may be a person or a business are always replaced, half by either, which
    settles their label.
    """
    chosen: dict[tuple[str, str], tuple[str, str]] = {}
    turns = []
    for turn in talk.turns:
        text, marks, at = "", [], 0
        for mark in turn.marks:
            text += turn.text[at : mark.start]
            value, at = turn.text[mark.start : mark.end], mark.end
            label = mark.label
            key = (value.casefold(), label)
            if label != UNKNOWN:
                if key not in chosen:
                    chosen[key] = (
                        _other(rng, value, label, fill)
                        if label == PERSON_OR_ORG or rng.random() < share
                        else (value, "PERSON" if label == PUBLIC_PERSON else label)
                    )
                value, label = chosen[key]
            marks.append(Mark(len(text), len(text) + len(value), label))
            text += value
        turns.append(replace(turn, text=text + turn.text[at:], marks=tuple(marks)))
    return replace(talk, turns=tuple(turns))


def _other(rng: random.Random, value: str, label: str, fill: Filler) -> tuple[str, str]:
    if label == PERSON_OR_ORG:
        if _ORG_WORD.search(value) or rng.random() < 0.25:
            return fill.organization(rng), "ORGANIZATION"
        return _provider(rng, fill), "PERSON"
    if label == "PERSON" and looks_spelled(value):
        return value, label
    if label == "PERSON":
        return (
            fill.names.given(rng)
            if " " not in value and rng.random() < 0.7
            else fill.names.full(rng)
        ), "PERSON"
    if label == PUBLIC_PERSON:
        return fill.names.full(rng), "PERSON"
    if label == "ADDRESS":
        return (
            random_address(rng, False) if any(c.isdigit() for c in value) else random_street(rng)
        ), "ADDRESS"
    if label == "ORGANIZATION":
        return fill.organization(rng), label
    if any(c.isdigit() for c in value):
        return random_address(rng, False), "ADDRESS"
    return (fill.city(rng) if rng.random() < 0.7 else fill.place(rng)), "LOCATION"


def _provider(rng: random.Random, fill: Filler) -> str:
    given, surname = fill.names.pair(rng)
    degree = pick_one(rng, ("", "", ", MD", " MD", ", M.D", " Psyd", " DO", ", Psy", ", Ms"))
    return pick_one(
        rng,
        (
            f"Dr. {given} {surname}",
            f"{given} {pick_one(rng, 'ABCDEFGHJKLMNPRSTW')}. {surname}{degree}",
            f"{surname} {given}{degree}",
            f"{surname} {given} {pick_one(rng, 'ABCDEFGHJKLMNPRSTW')}",
            f"{given} {surname}{degree}",
        ),
    )


def keep_characters(turn: LabeledUtterance, keep: Callable[[int], bool]) -> LabeledUtterance:
    """Return the turn without the characters for which `keep(index)` is false; marks follow, and
    vanish where nothing of them is left.
    """
    place, text = [0], []
    for i, c in enumerate(turn.text):
        kept = keep(i)
        if kept:
            text.append(c)
        place.append(place[-1] + kept)
    marks = tuple(
        Mark(place[m.start], place[m.end], m.label)
        for m in turn.marks
        if place[m.end] > place[m.start]
    )
    return replace(turn, text="".join(text), marks=marks)


def drop_punctuation(turn: LabeledUtterance) -> LabeledUtterance:
    """Return the turn without punctuation, as most recognisers write; decimals, times, e-mail dots
    and apostrophes stay.
    """
    gone = {i for m in _DROPPED.finditer(turn.text) for i in range(m.start(), m.end())}
    return keep_characters(turn, lambda i: i not in gone) if gone else turn


def change_case(turn: LabeledUtterance, how: Callable[[str], str]) -> LabeledUtterance:
    """Return the turn with `how` (a case mapping that keeps the length) applied; a character whose
    mapping changes length stays as it is.
    """
    text = "".join(d if len(d := how(c)) == 1 else c for c in turn.text)
    return replace(turn, text=text)


def vary_surface(rng: random.Random, talk: Talk) -> Talk:
    """Return a whole conversation in case and punctuation drawn once: as written, lower, bare,
    lower and bare, upper.
    """
    r = rng.random() * (0.45 if talk.spoken and rng.random() < 0.8 else 1.0)
    turns = talk.turns
    if r < 0.35 or 0.45 <= r < 0.6:
        turns = tuple(change_case(t, str.lower) for t in turns)
    if r < 0.42:
        turns = tuple(drop_punctuation(t) for t in turns)
    if r < 0.35 and rng.random() < 0.3:
        turns = tuple(replace(t, text=_ALONE_I.sub("I", t.text)) for t in turns)
    if 0.42 <= r < 0.45:
        turns = tuple(change_case(t, str.upper) for t in turns)
    return replace(talk, turns=turns)


def insert_hesitations(
    rng: random.Random, turn: LabeledUtterance, share: float = 0.06
) -> LabeledUtterance:
    """Return the turn with fillers put between words, inside names as well, and a word lost or
    doubled here and there.
    """
    text, marks = turn.text, list(turn.marks)
    gaps = [i for i, c in enumerate(text) if c == " "]
    for at in sorted((g for g in gaps if rng.random() < share), reverse=True):
        inside = any(m.start < at < m.end for m in marks)
        if inside and rng.random() < 0.8:
            continue
        word = " " + pick_one(rng, _FILLERS)
        text = text[:at] + word + text[at:]
        marks = [
            Mark(m.start + len(word) * (m.start >= at), m.end + len(word) * (m.end > at), m.label)
            for m in marks
        ]
    return replace(turn, text=text, marks=tuple(marks))


_PLAIN = re.compile(r"(?<![\w@#./'’-])[a-z]{4,}(?![\w@./'’-])")


def scramble_words(
    rng: random.Random, turn: LabeledUtterance, share: float = 0.05
) -> LabeledUtterance:
    """Return the turn with some ordinary words replaced by others or misspelt, so that an unknown
    word is no sign of a name by itself.
    """
    taken = [(m.start, m.end) for m in turn.marks]
    text, marks = "", list(turn.marks)
    at = 0
    for match in _PLAIN.finditer(turn.text):
        if rng.random() >= share or any(s < match.end() and match.start() < e for s, e in taken):
            continue
        word = (
            mishear_name(rng, match.group())
            if rng.random() < 0.35
            else pick_one(rng, word_lists()[pick_one(rng, ("noun", "noun", "adj", "verb"))])
        )
        text += turn.text[at : match.start()] + word
        at = match.end()
        change = len(word) - len(match.group())
        marks = [
            m
            if turn.marks[i].start < match.start()
            else Mark(m.start + change, m.end + change, m.label)
            for i, m in enumerate(marks)
        ]
    return replace(turn, text=text + turn.text[at:], marks=tuple(marks))


def sentence_case(rng: random.Random, turn: LabeledUtterance) -> LabeledUtterance:
    """Return the turn as one writes it: a capital to begin with and a mark at the end, where it has
    none.
    """
    text = turn.text
    if text and len(text[0].upper()) == 1:
        text = text[0].upper() + text[1:]
    if text and text[-1].isalnum():
        text += pick_one(rng, (".", ".", ".", "", "!", "?"))
    return replace(turn, text=text)


_SOMEONE = re.compile(
    r"(?<![\w'’])(?:(?:he|she|him|someone|somebody|my "
    r"(?:wife|husband|friend|boss|mom|mum|dad|mother|father|brother|sister|son|daughter|cousin))"
    r"(?= ?[\w.,?!]|$)(?! else)|(?<=for )you|(?<=with )you|(?<=help )you|(?<=give )you|(?<=tell "
    r")you|(?<=call )you|(?<=send )you)(?![\w'’-])",
    re.IGNORECASE,
)
_HAIL = re.compile(
    r"^(?:thanks|thank you|thank you so much|hi|hello|hey|okay|ok|sure|great|yes|no|sorry|good "
    r"morning|alright|perfect|bye|goodbye)(?=[.,!?]|$)",
    re.IGNORECASE,
)


def insert_people(
    rng: random.Random, turn: LabeledUtterance, fill: Filler, share: float = 0.5
) -> LabeledUtterance:
    """Return a real turn with people put in: a name where it says `he` or `my friend`, and the
    listener's name after a greeting or at the end.
    """
    spots = [
        (m.start(), m.end(), "")
        for m in _SOMEONE.finditer(turn.text)
        if m.end() > m.start() and rng.random() < share
    ]
    hail = _HAIL.search(turn.text)
    if hail and rng.random() < share / 4:
        spots.append((hail.end(), hail.end(), pick_one(rng, (", ", " "))))
    elif turn.text[-1:] in (".", "?", "!") and rng.random() < share / 16:
        spots.append((len(turn.text) - 1, len(turn.text) - 1, ", "))
    text, marks = turn.text, list(turn.marks)
    for start, end, before in sorted(spots, reverse=True):
        if any((m.start < end and start < m.end) or m.start < start < m.end for m in turn.marks):
            continue
        name = fill.full(rng) if not before else fill.names.given(rng)
        change = len(before) + len(name) - (end - start)
        text = text[:start] + before + name + text[end:]
        marks = [
            Mark(m.start + change, m.end + change, m.label) if m.start >= end else m for m in marks
        ]
        marks.append(Mark(start + len(before), start + len(before) + len(name), "PERSON"))
    return replace(turn, text=text, marks=tuple(sorted(marks, key=lambda m: m.start)))
