"""Grapheme-to-phoneme conversion for words in no dictionary, by each letter's neighbours.

`grapheme_to_phoneme.txt` is a tree learned from the pronouncing dictionary that pocketsphinx
carries (`transforms/lab/train/letters.py` says how, and how well): each letter stands for up to two
sounds, told by the letters around it, the nearest first.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

AROUND = (1, -1, 2, -2, 3, -3, 4)
"""Places of the neighbours that are looked at, in this order."""
EDGE = "#"
"""Stands for what is outside the word."""
SAME, SILENT = "=", "-"


def letter_context(word: str, at: int) -> str:
    """Return the letters around one, in the order in which they are looked at."""
    return "".join(word[at + o] if 0 <= at + o < len(word) else EDGE for o in AROUND)


@cache
def _tree() -> dict[str, tuple[str, ...] | None]:
    text = (
        resources.files("callveil.transforms.redact.audio") / "grapheme_to_phoneme.txt"
    ).read_text()
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {
        key: None if sounds == SAME else () if sounds == SILENT else tuple(sounds.split())
        for key, sounds in rows
    }


def sounds_of(word: str) -> list[str]:
    """ARPAbet phones, without stress, of a word in lower-case letters a to z; other characters are
    passed over. May be empty.
    """
    tree = _tree()
    letters = "".join(c for c in word if "a" <= c <= "z")
    out: list[str] = []
    for i, key in enumerate(letters):
        sounds = tree.get(key) or ()
        for c in letter_context(letters, i):
            key += c
            if key not in tree:
                break
            sounds = tree[key] if tree[key] is not None else sounds  # type: ignore[assignment]
        out += sounds
    # A doubled letter is one sound.
    return [p for i, p in enumerate(out) if not i or p != out[i - 1]]
