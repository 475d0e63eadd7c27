"""The token pass of languages with accents: words without them, elided words apart, numbers of
several words made one token.

English has neither; its pass stays in `reading`. After this one every rule sees
"soixante-dix-sept", "treinta y uno" or "siebenundvierzig" as one token of kind `TEEN` whose value
is the number, and "guion bajo" as one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

from callveil.transforms.detect.lang import Phrases, split_elisions, strip_accents
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    HUNDRED,
    LETTER,
    LINE,
    MULTIPLE,
    ORDINAL,
    SEPARATOR,
    TEEN,
    TENS,
    THOUSAND,
    UNIT,
    WORD,
    Vocabulary,
    load_vocabulary,
)

_TOKEN = re.compile(
    r"(?:[^\W\d_][\u0300-\u036f]*)+(?:['’](?:[^\W\d_][\u0300-\u036f]*)+)*|\d+|\n|[^\w\s]|_"
)
Token = tuple[int, int, str, int, str]
"""Start, end (code points), word as compared, kind, value."""
_NUMBERS = frozenset((UNIT, TEEN, TENS, HUNDRED, THOUSAND))


def folded_tokens(text: str, begin: int, stop: int, vocab: Vocabulary) -> list[Token]:
    """Return the tokens of one turn, half-open `begin` to `stop`; compound numbers and fixed
    phrases are one token each.
    """
    tokens = [
        token
        for match in _TOKEN.finditer(text, begin, stop)
        for token in _tokens(match.group(), match.start(), vocab)
    ]
    return _Joining(tokens, vocab).joined()


def _tokens(raw: str, start: int, vocab: Vocabulary) -> Iterator[Token]:
    end = start + len(raw)
    if raw[0].isdecimal():
        digits = raw if raw.isascii() else "".join(str(unicodedata.decimal(c)) for c in raw)
        yield start, end, raw, DIGITS, digits
    elif raw == "\n":
        yield start, end, raw, LINE, ""
    elif not raw[0].isalpha():
        yield start, end, "'" if raw == "’" else raw, WORD if raw.isalnum() else SEPARATOR, ""
    else:
        pieces = (
            split_elisions(strip_accents(raw), vocab.elided)
            if "'" in raw or "’" in raw
            else (strip_accents(raw),)
        )
        for piece in pieces[:-1]:
            # an elided word is as long as it was before folding: it has one letter or a few without
            # accents, and the apostrophe
            yield start, start + len(piece), piece, WORD, ""
            start += len(piece)
        yield (start, end, *_word(pieces[-1], vocab))


def _word(word: str, vocab: Vocabulary) -> tuple[str, int, str]:
    known = vocab.kinds.get(word) or parse_compound_number(word, vocab.language.code)
    if known is not None:
        return word, known[0], known[1]
    return word, LETTER if len(word) == 1 else WORD, ""


@lru_cache(maxsize=4096)
def parse_compound_number(word: str, code: str) -> tuple[int, str] | None:
    """Return a number written as one word ("siebenundvierzig", "neunzehnhundertvier"), or its
    ordinal: (kind, digits).
    """
    vocab = load_vocabulary(code)
    if not vocab.glued_and or len(word) < 6:
        return None
    value = _glued(word, vocab)
    if value is not None:
        return TEEN, str(value)
    for ending in vocab.glued_ordinals:
        if word.endswith(ending):
            value = _glued(word[: -len(ending)], vocab)
            if value is not None and value <= 31:
                return ORDINAL, str(value)
    return None


def _glued(word: str, vocab: Vocabulary) -> int | None:
    for scale, factor in ((vocab.glued_thousand, 1000), (vocab.glued_hundred, 100)):
        before, found, after = word.partition(scale)
        if not found:
            continue
        times = 1 if before in ("", vocab.glued_one) else _glued(before, vocab)
        after = after.removeprefix(vocab.glued_and) if after.startswith(vocab.glued_and) else after
        rest = _glued(after, vocab) if after else 0
        return (
            None
            if times is None or rest is None or rest >= factor or times > 999
            else times * factor + rest
        )
    kind, value = vocab.kinds.get(word, (WORD, ""))
    if kind in (UNIT, TEEN, TENS):
        return int(value)
    before, found, after = word.partition(vocab.glued_and)
    if not found:
        return None
    unit = (UNIT, "1") if before == vocab.glued_one else vocab.kinds.get(before, (WORD, ""))
    tens = vocab.kinds.get(after, (WORD, ""))
    return int(unit[1]) + int(tens[1]) if unit[0] == UNIT and tens[0] == TENS else None


class _Joining:
    """Joins tokens of one turn."""

    def __init__(self, tokens: list[Token], vocab: Vocabulary) -> None:
        self.tokens, self.vocab = tokens, vocab

    def joined(self) -> list[Token]:
        out: list[Token] = []
        at, tokens, vocab = 0, self.tokens, self.vocab
        while at < len(tokens):
            _, _, low, kind, _ = tokens[at]
            if kind in _NUMBERS or low in vocab.number_articles:
                found = self._thousands(at)
                if found is not None and (found[0] - at > 1 or kind in (HUNDRED, THOUSAND)):
                    out.append(self._one(at, found[0], TEEN, str(found[1])))
                    at = found[0]
                    continue
            phrase = self._phrase(at, vocab.joined) if low in vocab.joined else None
            if phrase is not None and phrase[0] - at > 1:
                times = phrase[1]
                out.append(self._one(at, phrase[0], MULTIPLE if times else WORD, times))
                at = phrase[0]
                continue
            out.append(tokens[at])
            at += 1
        return out

    def _one(self, first: int, after: int, kind: int, value: str) -> Token:
        words = [token[2] for token in self.tokens[first:after] if token[3] != SEPARATOR]
        return self.tokens[first][0], self.tokens[after - 1][1], " ".join(words), kind, value

    def _kind(self, at: int) -> int:
        return self.tokens[at][3] if at < len(self.tokens) else -1

    def _past_hyphen(self, at: int) -> int:
        return at + 1 if at + 1 < len(self.tokens) and self.tokens[at][2] in ("-", "‐", "‑") else at

    def _phrase(self, at: int, table: Phrases) -> tuple[int, str] | None:
        """Return the longest phrase that begins here, a hyphen or nothing between its words: (place
        after it, label).
        """
        tokens = self.tokens
        for words, label in table.get(tokens[at][2], ()):
            place = at
            for index, word in enumerate(words):
                place = self._past_hyphen(place) if index else place
                if place >= len(tokens) or tokens[place][2] != word:
                    break
                place += 1
            else:
                return place, label
        return None

    def _small(self, at: int) -> tuple[int, int] | None:
        """Return a number from 1 to 99 at `at`: (place after it, number)."""
        if at >= len(self.tokens):
            return None
        compound = self._phrase(at, self.vocab.compounds)
        if compound is not None:
            return compound[0], int(compound[1])
        kind, value = self.tokens[at][3], self.tokens[at][4]
        if kind in (UNIT, TEEN, TENS) and 0 < int(value) < 100:
            return at + 1, int(value)
        return None

    def _middle(self, at: int) -> tuple[int, int] | None:
        """Return a number from 1 to 999, or to 1,999 in hundreds ("dix-neuf cent quatre")."""
        if at >= len(self.tokens):
            return None
        kind, value = self._kind(at), self.tokens[at][4]
        small = self._small(at)
        if kind == TEEN and len(value) > 2:
            total, after = int(value), at + 1
            if total % 100:
                return after, total
        elif kind == HUNDRED:
            total, after = 100, at + 1
        elif self.tokens[at][2] in self.vocab.number_articles and self._kind(at + 1) == HUNDRED:
            total, after = 100, at + 2
        elif (
            small is not None
            and 1 < small[1] < 20
            and self._kind(self._past_hyphen(small[0])) == HUNDRED
        ):
            total, after = small[1] * 100, self._past_hyphen(small[0]) + 1
        else:
            return small
        return self._rest(after, total, self._small)

    def _rest(
        self, after: int, total: int, part: Callable[[int], tuple[int, int] | None]
    ) -> tuple[int, int]:
        place = self._past_hyphen(after)
        if place < len(self.tokens) and self.tokens[place][2] in self.vocab.number_joints:
            place += 1
        rest = part(place)
        return (
            (rest[0], total + rest[1])
            if rest is not None and rest[1] < (1000 if total >= 1000 and not total % 1000 else 100)
            else (after, total)
        )

    def _thousands(self, at: int) -> tuple[int, int] | None:
        """Return a number from 1 to 999,999."""
        if self._kind(at) == THOUSAND:
            return self._rest(at + 1, 1000, self._middle)
        if self.tokens[at][2] in self.vocab.number_articles and self._kind(at + 1) == THOUSAND:
            return self._rest(at + 2, 1000, self._middle)
        middle = self._middle(at)
        if middle is None:
            return None
        place = self._past_hyphen(middle[0])
        if 1 < middle[1] < 1000 and self._kind(place) == THOUSAND:
            return self._rest(place + 1, middle[1] * 1000, self._middle)
        return middle
