"""The lists training draws from: names of every origin and invented ones, places, things.

One name in `HELD_OUT_SHARE` that is not among the commonest is kept out of training by a checksum
of its folded form, so that held-out dialogues name people the model never saw. Invented names come
from a letter chain over the same lists: they teach what a name looks like, not which names there
are.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.model import model_key
from callveil.transforms.lab.sample.people import name_origins, pick_one

HELD_OUT_SHARE = 12
"""One name in this many is held out. The lists of `words.txt` hold the commonest names and are
trained on whole, since a model that misses those is of no use.
"""
_ORDER = 3
_END = "\n"


def is_held_out(name: str) -> bool:
    """Tell whether a given name or surname is kept out of training. Stable over versions: CRC-32 of
    the folded name.
    """
    return (
        zlib.crc32(model_key(name).encode()) % HELD_OUT_SHARE == 0
        and model_key(name) not in _common()
    )


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    return frozenset(model_key(n) for section in ("given", "sur") for n in word_lists()[section])


@lru_cache(maxsize=1)
def word_lists() -> dict[str, tuple[str, ...]]:
    """Return lists by section of `words.txt`. A section is words parted by spaces (`_` for a space
    inside one) or phrases parted by `|`.
    """
    out: dict[str, list[str]] = {}
    section: list[str] = []
    for line in (
        resources.files(__package__).joinpath("words.txt").read_text(encoding="utf-8").splitlines()
    ):
        if line.startswith("# "):
            section = out.setdefault(line[2:].strip(), [])
        elif "|" in line:
            section += [p.strip() for p in line.split("|") if p.strip()]
        else:
            section += [w.replace("_", " ") for w in line.split()]
    return {k: tuple(dict.fromkeys(v)) for k, v in out.items()}


@lru_cache(maxsize=1)
def listed_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Given names and surnames of the lexicon, without those held out or kept for tests.

    The latter stand in section `kept` of `words.txt`.
    """
    kept = frozenset(word_lists()["kept"])
    given, surnames = load_lexicon().given, load_lexicon().surnames
    first, last = (
        tuple(n.title().replace("'S", "'s") for n in sorted(names - kept) if not is_held_out(n))
        for names in (given, surnames)
    )
    return first, last


class LetterChain:
    """A letter chain of order 3 over a list of names. Draws are seeded by the caller; equal lists
    give equal chains.
    """

    def __init__(self, names: Sequence[str]) -> None:
        table: dict[str, list[str]] = {}
        for name in names:
            padded = "^" * _ORDER + name.lower() + _END
            for i in range(_ORDER, len(padded)):
                table.setdefault(padded[i - _ORDER : i], []).append(padded[i])
        self._table = table

    def draw(self, rng: random.Random) -> str:
        """Return a word of 3 to 12 letters, first letter capital; never a name that is held out."""
        while True:
            out = "^" * _ORDER
            while len(out) < 18:
                letter = pick_one(rng, self._table[out[-_ORDER:]])
                if letter == _END:
                    break
                out += letter
            name = out[_ORDER:]
            if 3 <= len(name) <= 12 and not is_held_out(name):
                return (
                    name.title()
                    if name.replace("'", "").isalpha()
                    else name.title().replace("'S", "'s")
                )


class TrainingNames:
    """People's names for training (`held=False`) or for held-out figures (`held=True`, listed names
    only).
    """

    def __init__(
        self, held: bool = False, invented: float = 0.2, ordinary: float = 0.0, lexical: float = 0.3
    ) -> None:
        """Args: held: draw from the held-out part only. invented, ordinary, lexical: share of names
        from the letter chain, of everyday words, and from the lexicon, 0 to 1."""
        self._ordinary = ordinary
        self._invented = 0.0 if held else invented
        self._lexical = 0.0 if held else self._invented + lexical
        self._origins = [
            (select_held_out(o.given, held), select_held_out(o.surnames, held))
            for o in name_origins().values()
            for _ in range(max(1, o.weight // 2))
        ]
        self._origins = [o for o in self._origins if o[0] and o[1]]
        self._common: tuple[tuple[str, ...], ...] = (
            () if held else (word_lists()["given"], word_lists()["sur"])
        )
        lists = [
            (select_held_out(o.given, False), select_held_out(o.surnames, False))
            for o in name_origins().values()
        ] + [(word_lists()["given"], word_lists()["sur"])]
        self._chains = [(LetterChain(given), LetterChain(surnames)) for given, surnames in lists]

    def pair(self, rng: random.Random) -> tuple[str, str]:
        """Return a given name and a surname, mostly of one origin."""
        if self._ordinary and rng.random() < self._ordinary:
            return pick_one(rng, word_lists()["noun"]).title(), pick_one(
                rng, word_lists()["adj" if rng.random() < 0.3 else "noun"]
            ).title()
        r = rng.random()
        if r < self._invented:
            chain = pick_one(rng, self._chains)
            return chain[0].draw(rng), chain[1].draw(rng)
        given, surnames = (
            listed_names()
            if r < self._lexical
            else self._common
            if self._common and r > 0.75
            else pick_one(rng, self._origins)
        )
        if rng.random() < 0.15:
            surnames = pick_one(rng, self._origins)[1]
        return pick_one(rng, given), pick_one(rng, surnames)

    def given(self, rng: random.Random) -> str:
        """Return a given name; now and then a double one."""
        name = self.pair(rng)[0]
        return (
            f"{name}{pick_one(rng, (' ', '-'))}{self.pair(rng)[0]}" if rng.random() < 0.02 else name
        )

    def surname(self, rng: random.Random) -> str:
        """Return a surname; now and then a double-barrelled one."""
        name = self.pair(rng)[1]
        return (
            f"{name}{pick_one(rng, ('-', '-', ' '))}{self.pair(rng)[1]}"
            if rng.random() < 0.04
            else name
        )

    def full(self, rng: random.Random) -> str:
        """Return a whole name as people give it: with an initial or a middle name at times, surname
        first at times.
        """
        given, surname = self.pair(rng)
        r = rng.random()
        if r < 0.06:
            return (
                f"{given} {pick_one(rng, 'ABCDEFGHJKLMNPRSTW')}{pick_one(rng, ('.', ''))} {surname}"
            )
        if r < 0.11:
            return f"{given} {self.pair(rng)[0]} {surname}"
        if r < 0.15:
            return f"{given} {surname}{pick_one(rng, ('-', ' '))}{self.pair(rng)[1]}"
        if r < 0.17:
            return (
                f"{surname} "
                f"{given}{pick_one(rng, ('', f' {pick_one(rng, chr(65) + chr(74) + chr(77))}'))}"
            )
        if r < 0.18:
            return (
                f"{given} {surname} "
                f"{pick_one(rng, ('Junior', 'Jr.', 'Jr', 'III', 'the third', 'Senior'))}"
            )
        return f"{given} {surname}"


def select_held_out(names: Sequence[str], held: bool) -> tuple[str, ...]:
    """Return the held-out or the training part of a list, in its order."""
    return tuple(n for n in names if is_held_out(n) == held)
