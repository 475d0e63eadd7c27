"""The normalised view of a conversation: one token pass, shared by every recognizer, each token
mapped back exactly.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.conversation import AGENT, CALLER, Turn, View
from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.accent_folding import folded_tokens
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    LINE,
    PLAIN,
    SEPARATOR,
    SPOKEN_NUMBER,
    WORD,
    ZERO,
    Vocabulary,
    load_vocabulary,
)

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|\n|[^\w\s]|_")
HARD, SOFT = -1, -2
"""Marks in a stream: a break no value runs over, and one that a value may run over (a pause, or the
other party's backchannel).
"""
_NO_NEWS = frozenset((SEPARATOR, LINE, LETTER, DIGITS, ZERO)) | SPOKEN_NUMBER
"""Kinds of tokens that say nothing of their own."""
LIGHT_TOKENS = 14
"""A turn of at most this many tokens can be a backchannel or an echo."""


@dataclass(frozen=True, slots=True)
class TurnTokens:
    """One turn and the tokens in it (half-open)."""

    start: int
    end: int
    role: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase that names a kind of value: its topic, its tokens (half-open) and its turn."""

    topic: str
    first: int
    last: int
    turn: int


class TokenStream(list[int]):
    """Tokens of what one party says, as indexes, with `HARD` and `SOFT` between turns."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: list[tuple[int, int, int]] = []
        self.telling: list[int] = []
        """Places of the tokens that are no plain word, sign or line feed."""

    def add(self, first: int, last: int) -> None:
        """Append the tokens of one turn."""
        self._turns.append((first, last, len(self) - first))
        self.extend(range(first, last))

    def at(self, tokens: Sequence[int]) -> list[int]:
        """Return places of those of `tokens`, which are in order, that are in this stream."""
        out: list[int] = []
        for first, last, offset in self._turns:
            low = bisect_left(tokens, first)
            if low < len(tokens) and tokens[low] < last:
                out.extend(
                    [token + offset for token in tokens[low : bisect_left(tokens, last, low)]]
                )
        return out


@lru_cache(maxsize=32_768)
def _token(raw: str, language: str) -> tuple[str, int, str]:
    """Lower-case form, kind and digits of a token; the same words come again and again."""
    word = raw.lower()
    known = load_vocabulary(language).kinds.get(word)
    if known is not None:
        return word, *known
    if raw[0].isalpha():
        return word.replace("’", "'"), LETTER if len(raw) == 1 else WORD, ""
    if raw[0].isdecimal():
        return (
            word,
            DIGITS,
            raw if raw.isascii() else "".join(str(unicodedata.decimal(c)) for c in raw),
        )
    if raw == "\n":
        return raw, LINE, ""
    return "'" if raw == "’" else word, WORD if raw.isalnum() else SEPARATOR, ""


class TokenizedConversation:
    """Tokens of one text, as parallel lists.

    Attributes:
        start, end: offsets of each token in `text`, code points.
        low: its lower-case form, typographic apostrophes made plain.
        kind: one of the kinds of `load_vocabulary`.
        value: digits for numbers, else empty.
        turn: index into `turns`.
        turns: the turns in order; lines where none were given.
        one_party: they are one side's of a conversation; see `View.one_party`.
    """

    def __init__(
        self, text: str, turns: Sequence[Turn], vocab: Vocabulary, one_party: bool = False
    ) -> None:
        self.text, self.vocab, self.one_party = text, vocab, one_party
        self.start: list[int] = []
        self.end: list[int] = []
        self.low: list[str] = []
        self.kind: list[int] = []
        self.value: list[str] = []
        self.turn: list[int] = []
        self.roles_known = any(t.role for t in turns)
        spans = [(t.start, t.end, t.role) for t in turns if t.end > t.start] or _lines(text)
        self.turns: list[TurnTokens] = []
        count = 0
        for begin, stop, role in spans:
            first = count
            if vocab.language.folds:
                found = folded_tokens(text, begin, stop, vocab)
                self.start.extend([token[0] for token in found])
                self.end.extend([token[1] for token in found])
                tokens = [token[2:] for token in found]
            else:
                matches = list(_TOKEN.finditer(text, begin, stop))
                self.start.extend([match.start() for match in matches])
                self.end.extend([match.end() for match in matches])
                tokens = [_token(match[0], vocab.language.code) for match in matches]
            self.low.extend([token[0] for token in tokens])
            self.kind.extend([token[1] for token in tokens])
            self.value.extend([token[2] for token in tokens])
            count += len(tokens)
            self.turn.extend([len(self.turns)] * (count - first))
            self.turns.append(TurnTokens(begin, stop, role, first, count))
            spend_steps(1 + count - first)
        self.count = count

    # -- cheap facts that gates read

    @cached_property
    def has_digits(self) -> bool:
        """Tell whether any token is written in digits."""
        return DIGITS in self.kind

    @cached_property
    def has_numbers(self) -> bool:
        """Tell whether any token is a digit or a number word."""
        kinds = set(self.kind)
        return DIGITS in kinds or not kinds.isdisjoint(SPOKEN_NUMBER)

    @cached_property
    def has_letters(self) -> bool:
        """Tell whether any token is a single letter."""
        return LETTER in self.kind

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Where each lower-case token stands, in order."""
        out: defaultdict[str, list[int]] = defaultdict(list)
        for token, word in enumerate(self.low):
            out[word].append(token)
        return dict(out)

    @cached_property
    def words(self) -> frozenset[str]:
        """All lower-case tokens."""
        return frozenset(self.places)

    def tokens_in(self, *tables: Container[str]) -> list[int]:
        """Return tokens whose lower-case form is in one of `tables`, in order."""
        places = self.places
        found: set[str] = set()
        for table in tables:
            if isinstance(table, (set, frozenset)):
                found |= table.intersection(places)
            elif isinstance(table, dict):
                found |= table.keys() & places.keys()
            else:
                found.update(word for word in places if word in table)
        if len(found) > 1:
            return sorted([token for word in found for token in places[word]])
        return [token for word in found for token in places[word]]

    @cached_property
    def telling(self) -> list[int]:
        """Tokens that are no plain word, sign or line feed: digits, number words, ordinals, months,
        single letters.
        """
        return [token for token, kind in enumerate(self.kind) if kind not in PLAIN]

    @cached_property
    def topics(self) -> frozenset[str]:
        """Topics of all cues."""
        return frozenset(cue.topic for cue in self.cues)

    @cached_property
    def ibans(self) -> list[tuple[int, int]]:
        """Places of written IBANs."""
        return checks.iban_spans(self.text) if self.has_digits else []

    # -- relations between tokens

    def glued(self, token: int) -> bool:
        """Tell whether no white space stands between `token` and the one before it."""
        return token > 0 and self.end[token - 1] == self.start[token]

    def token_at(self, place: int) -> int:
        """Return the token at offset `place`, or the next one; `count` where there is none."""
        return bisect_right(self.end, place)

    def match(self, token: int, table: Any, limit: int) -> tuple[int, str] | None:
        """Return the longest phrase of `table` that begins at `token` and ends before `limit`:
        (token after it, label).
        """
        found = table.get(self.low[token])
        if found is None:
            return None
        low = self.low
        for words, label in found:
            stop = token + len(words)
            if stop <= limit and (len(words) == 1 or tuple(low[token:stop]) == words):
                return stop, label
        return None

    @cached_property
    def cues(self) -> list[Cue]:
        """Every cue in the text, in order; cues do not overlap."""
        found: list[Cue] = []
        table, after = self.vocab.cues, 0
        for token in self.tokens_in(table):
            limit = self.turns[self.turn[token]].last
            hit = self.match(token, table, limit) if token >= after else None
            if hit is None:
                continue
            later = self._later(token + 1, hit[0], limit) if self.vocab.later_cues else None
            if later is None:
                found.append(Cue(hit[1], token, hit[0], self.turn[token]))
            after = hit[0] if later is None else later
        return found

    def _later(self, token: int, stop: int, limit: int) -> int | None:
        """Tell where a cue begins inside another and reaches further ("su número" and "número de
        pedido"), if one does.
        """
        for place in range(token, stop):
            hit = self.match(place, self.vocab.cues, limit)
            if hit is not None and hit[0] > stop:
                return place
        return None

    @cached_property
    def cues_of(self) -> dict[int, list[Cue]]:
        """Cues by turn."""
        out: dict[int, list[Cue]] = {}
        for cue in self.cues:
            out.setdefault(cue.turn, []).append(cue)
        return out

    @cached_property
    def cued(self) -> frozenset[int]:
        """Tokens of cues."""
        return frozenset(token for cue in self.cues for token in range(cue.first, cue.last))

    @cached_property
    def numbered(self) -> list[bool]:
        """Per turn: a number is said in it."""
        return [any(self.value[said.first : said.last]) for said in self.turns]

    @cached_property
    def light(self) -> list[bool]:
        """Per turn: it says nothing of its own: fillers, backchannels, numbers and letters read
        back.
        """
        return [
            said.last - said.first <= LIGHT_TOKENS and not self._news(said, ())
            for said in self.turns
        ]

    @cached_property
    def echoes(self) -> list[bool]:
        """Per turn: it is light, or says what the turn before it said."""
        out = list(self.light)
        for index, said in enumerate(self.turns[1:], 1):
            before = self.turns[index - 1]
            if (
                not out[index]
                and before.role != said.role
                and said.last - said.first <= LIGHT_TOKENS
            ):
                out[index] = not self._news(said, frozenset(self.low[before.first : before.last]))
        return out

    def _news(self, said: TurnTokens, heard: Container[str]) -> bool:
        """Tell whether a turn holds a word that is no filler, backchannel, number or letter, and
        was not `heard` before.
        """
        quiet, repairs, kind, low = self.vocab.backchannel, self.vocab.repairs, self.kind, self.low
        for token in range(said.first, said.last):
            if (
                kind[token] not in _NO_NEWS
                and low[token] not in quiet
                and low[token] not in repairs
                and low[token] not in heard
            ):
                return True
        return False

    @cached_property
    def streams(self) -> list[TokenStream]:
        """List what each party says, as token indexes with `HARD` and `SOFT` marks between turns.

        A stream runs softly over turns of the other party that are light; so a number said in
        pieces, each acknowledged, is one run of tokens.
        """
        roles = (AGENT, CALLER, "") if self.roles_known else ("",)
        streams = []
        for role in roles:
            stream = TokenStream()
            previous = -2
            for index, said in enumerate(self.turns):
                if said.role != role and self.roles_known:
                    continue
                if stream:
                    soft = index - previous <= 4 and all(
                        self.echoes[between] for between in range(previous + 1, index)
                    )
                    stream.append(SOFT if soft else HARD)
                stream.add(said.first, said.last)
                previous = index
            if stream:
                stream.telling = stream.at(self.telling)
                streams.append(stream)
        return streams


def _lines(text: str) -> list[tuple[int, int, str]]:
    spans, place = [], 0
    for line in text.split("\n"):
        if line:
            spans.append((place, place + len(line), ""))
        place += len(line) + 1
    return spans


@lru_cache(maxsize=2)
def _cached(text: str, turns: tuple[Turn, ...], language: str) -> TokenizedConversation:
    return TokenizedConversation(text, turns, load_vocabulary(language))


def tokenize_conversation(text: str, artifacts: Any, language: str) -> TokenizedConversation:
    """Return the reading of `text`, made once and kept with the document it was made for.

    Args:
        text: what Presidio analyses.
        artifacts: its `NlpArtifacts`, whose `tokens` may carry the view in
            `user_data["callveil_view"]`; or None.
        language: code of the language whose data is used.

    A view of another text is refused with `ValueError`: its offsets would redact the wrong
    characters.
    """
    data = getattr(getattr(artifacts, "tokens", None), "user_data", None)
    view = data.get("callveil_view") if data is not None else None
    if isinstance(view, View) and view.text != text:
        raise ValueError(
            "the view kept with this document is of another text; attach the view of the text that "
            "is analysed"
        )
    turns = view.turns if isinstance(view, View) else ()
    if data is None:
        return _cached(text, turns, language)
    key = f"callveil_reading_{language}"
    kept = data.get(key)
    if not isinstance(kept, TokenizedConversation) or kept.text != text:
        kept = data[key] = TokenizedConversation(
            text, turns, load_vocabulary(language), isinstance(view, View) and view.one_party
        )
    return kept
