"""The local part of an e-mail address that is read aloud, leftwards from its at sign."""

from __future__ import annotations

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.tokens import (
    HARD,
    SOFT,
    TokenizedConversation,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    MONTH,
    SEPARATOR,
    SPOKEN_NUMBER,
    WORD,
    ZERO,
)

_REACH, _WORDS = 26, 3
"""A local part read aloud is at most this many tokens, and words without a joint between them."""
_NUMBERS = frozenset((DIGITS, ZERO)) | SPOKEN_NUMBER


def _before_pause(reading: TokenizedConversation, stream: list[int], place: int) -> int:
    """Return the place left of the hesitation that ends at `place` ("jane dot doe, um, and then
    it's"); `place` where there is none.
    """
    vocab, at = reading.vocab, place
    while at > 0 and place - at < 5 and stream[at] >= 0:
        low = reading.low[stream[at]]
        if (
            low not in vocab.sets["hesitations"]
            and low not in vocab.sets["spelling_pauses"]
            and low not in ",-"
        ):
            break
        at -= 1
    if at >= 0 and stream[at] == SOFT:
        return at
    return (
        at
        if at >= 0 and stream[at] >= 0 and reading.low[stream[at]] not in vocab.mail_stops
        else place
    )


def _couple(reading: TokenizedConversation, stream: list[int], at: int, best: int | None) -> bool:
    """Tell whether "and" at `at` joins two names of one local part ("mike and jen at ...")."""
    if (
        best is None
        or at < 1
        or best != at + 1
        or stream[at - 1] < 0
        or reading.low[stream[at]] not in reading.vocab.sets["and"]
    ):
        return False
    pair, vocab = (stream[at - 1], stream[best]), reading.vocab
    return all(
        reading.kind[t] in (WORD, MONTH)
        and reading.low[t] not in vocab.words
        and reading.low[t] not in vocab.mail_stops
        for t in pair
    )


class LocalPart:
    """A local part read leftwards from where it ends.

    Attributes:
        best: place of its first token so far.
        joined: a joint such as "dot" stands before that.
        linked: what was read last is the link of "b as in boy".
        plain: words in a row that no joint parts.
    """

    def __init__(self, reading: TokenizedConversation, stream: list[int], sure: bool) -> None:
        self.reading, self.stream, self.sure = reading, stream, sure
        self.short = reading.vocab.sets["word_letters"]
        self.best: int | None = None
        self.joined = self.linked = False
        self.plain = 0

    def read(self, at: int) -> bool:
        """Take in the token at `at`. Returns whether the local part may go on before it."""
        token, vocab = self.stream[at], self.reading.vocab
        if token == SOFT:
            return (
                self.best is None
                or self.joined
                or (
                    self._before(at) >= 0
                    and self.reading.low[self._before(at)] in vocab.mail_joints
                )
            )
        low, kind = self.reading.low[token], self.reading.kind[token]
        if low in vocab.mail_joints or (kind == SEPARATOR and low in "._-+"):
            self.joined, self.plain = True, 0
            return self.best is not None
        if kind in _NUMBERS:
            return self._begin(at)
        spelled = self._spelled(at, low, kind)
        self.linked = False
        if kind == LETTER and (
            low not in self.short or self.best is not None or self.joined or spelled
        ):
            return (spelled or self._letter_goes_on(low)) and self._begin(at)
        return kind in (WORD, MONTH, LETTER) and self._word(at, low)

    def _before(self, at: int) -> int:
        return self.stream[at - 1] if at else HARD

    def _begin(self, at: int) -> bool:
        self.best, self.joined = at, False
        return True

    def _spelled(self, at: int, low: str, kind: int) -> bool:
        """Tell whether a single letter here is one of several, or an initial ("e dot v dot a",
        "bianchi i at ...").
        """
        before = self._before(at)
        if self.linked or _spelled(self.reading, self.stream, at - 1, self.short):
            return True
        if (
            kind == LETTER
            and before >= 0
            and self.reading.kind[before] == WORD
            and self.reading.low[before] in self.reading.vocab.mail_joints
        ):
            return True
        return (
            self.sure and self.best is None and low in self.short and _foreign(self.reading, before)
        )

    def _letter_goes_on(self, low: str) -> bool:
        """Tell whether a letter that is a word too belongs to what stands behind it."""
        if low not in self.short or self.best is None or self.joined:
            return True
        return self.reading.kind[self.stream[self.best]] in (LETTER, DIGITS)

    def _word(self, at: int, low: str) -> bool:
        vocab = self.reading.vocab
        if (low,) in vocab.spelling_links and _alphabet(self.reading, self.stream, at):
            self.linked = True
        elif _couple(self.reading, self.stream, at, self.best):
            self.plain = 0
        elif low not in vocab.sets["spelling_words"]:
            if not self.joined and (low in vocab.mail_stops or self.plain >= _WORDS):
                return False
            self.plain += 1
            return self._begin(at)
        return True


def local_part(
    reading: TokenizedConversation, stream: list[int], place: int, sure: bool = False
) -> int | None:
    """Place of the first token of the local part that ends at `place`, reading leftwards; `sure`
    where a whole domain follows.
    """
    local = LocalPart(reading, stream, sure)
    if sure:
        place = _before_pause(reading, stream, place)
    for at in range(place, place - _REACH, -1):
        spend_steps()
        if at < 0 or stream[at] == HARD or not local.read(at):
            break
    return local.best


def _foreign(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether a word is none of the everyday ones: the letter after it is then an initial
    ("bianchi i at ...").
    """
    return (
        token >= 0
        and reading.kind[token] == WORD
        and reading.low[token] not in reading.vocab.words
        and reading.low[token] not in reading.vocab.mail_stops
    )


def _spelled(
    reading: TokenizedConversation, stream: list[int], at: int, short: frozenset[str]
) -> bool:
    """Tell whether the single letters that end at `at` hold one that is no word: then the next is a
    letter too ("n e r e" before "a").
    """
    while at >= 0 and stream[at] >= 0 and reading.kind[stream[at]] == LETTER:
        if reading.low[stream[at]] not in short:
            return True
        at -= 1
    return False


def _alphabet(reading: TokenizedConversation, stream: list[int], at: int) -> bool:
    """Tell whether `at` is the link of "b as in boy" or "b for boy"."""
    back = at - 1
    if (
        back >= 0
        and stream[back] >= 0
        and reading.low[stream[back]] in reading.vocab.sets["before_link"]
    ):
        back -= 1
    return (
        back >= 0
        and stream[back] >= 0
        and reading.kind[stream[back]] in (LETTER, ZERO)
        and len(reading.low[stream[back]]) == 1
    )
