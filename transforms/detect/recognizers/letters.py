"""Letters and digits read out one by one: "c b four three p q", "b as in boy", "j o h n",
"november", and codes written out.
"""

from __future__ import annotations

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.code_pieces import NAMED, SPELLED, CodePiece, CodeRun
from callveil.transforms.detect.recognizers.context import open_questions
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.number_elements import LOOSE, PAUSE, REPAIR, TIGHT, WEAK
from callveil.transforms.detect.recognizers.numbers import CONNECTORS, NumberParser
from callveil.transforms.detect.recognizers.tokens import (
    HARD,
    SOFT,
    TokenizedConversation,
    TokenStream,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    LINE,
    MONTH,
    MULTIPLE,
    SEPARATOR,
    WORD,
    ZERO,
)


class _Spelling:
    def __init__(
        self, reading: TokenizedConversation, stream: TokenStream, skip: frozenset[int]
    ) -> None:
        self.reading, self.stream, self.skip = reading, stream, skip
        self.numbers = NumberParser(reading, stream, skip)
        self.kind, self.low = reading.kind, reading.low
        self._expected: dict[int, bool] = {}
        self._postcodes: dict[int, bool] = {}

    def _token(self, place: int) -> int:
        return self.stream[place] if 0 <= place < len(self.stream) else HARD

    def expected(self, token: int) -> bool:
        """Tell whether the turn of `token` answers a question whose answer is spelled."""
        turn = self.reading.turn[token]
        if turn not in self._expected:
            self._expected[turn] = _spelled_here(self.reading, turn)
        return self._expected[turn]

    def postcode(self, token: int) -> bool:
        """Tell whether the turn of `token` answers a question for a postcode."""
        turn = self.reading.turn[token]
        if turn not in self._postcodes:
            self._postcodes[turn] = any(
                t.answers < 2 and t.name == "zip" for t in open_questions(self.reading, turn)
            )
        return self._postcodes[turn]

    def piece(self, place: int, inside: bool) -> tuple[CodePiece, int] | None:
        """Return the piece that begins at `place`, and the place after it."""
        token = self._token(place)
        spend_steps()
        if token < 0 or token in self.skip:
            return None
        kind, low = self.kind[token], self.low[token]
        if kind == DIGITS:
            after = place + 1
            if self._counts(place, token):
                return None
            if self.numbers.number(place, True) is not None or self._mixed(token):
                return CodePiece(self.reading.value[token], token, token), after
            return None
        if kind == LETTER or (kind == ZERO and low == "o"):
            return self._letter(place, token, low, inside)
        if kind == MULTIPLE:
            ahead = self._token(place + 1)
            if ahead >= 0 and self.kind[ahead] in (LETTER, ZERO) and len(self.low[ahead]) == 1:
                times = int(self.reading.value[token])
                return CodePiece(
                    self.low[ahead].upper() * times, token, ahead, letter=1, spoken=True
                ), place + 2
        if kind in (WORD, MONTH):
            return self._word(place, token, low, inside)
        if kind == ZERO and (
            inside
            or (
                self.expected(token)
                and self.postcode(token)
                and self._spelling_follows(place + 1, inside)
            )
        ):
            return CodePiece("0" if inside else "O", token, token, spoken=True), place + 1
        number = self.numbers.number(place, inside)
        if number is not None and not self._counts_said(number):
            return CodePiece(number[0], token, self.stream[number[1] - 1], spoken=True), number[1]
        return None

    def _counts_said(self, number: tuple[str, int, bool]) -> bool:
        """Tell whether a short number in words counts something ("a three star hotel")."""
        after = self._token(number[1])
        return (
            len(number[0]) <= 2
            and after >= 0
            and self.kind[after] in (WORD, SEPARATOR)
            and self.numbers.quantity(number[1])
        )

    def _counts(self, place: int, token: int) -> bool:
        """Tell whether a short number in digits counts something ("a 3 star hotel", "a 4-star
        hotel").
        """
        ahead = self._token(place + 1)
        if ahead >= 0 and self.low[ahead] == "-":
            ahead = self._token(place + 2)
        return (
            len(self.low[token]) <= 2
            and ahead >= 0
            and self.kind[ahead] == WORD
            and not self._mixed(token)
            and self.numbers.quantity(place + 1)
        )

    def _mixed(self, token: int) -> bool:
        """Tell whether digits and letters are written as one word here."""
        reading = self.reading
        return (reading.glued(token) and self.low[token - 1].isalnum()) or (
            token + 1 < reading.count and reading.glued(token + 1) and self.low[token + 1].isalnum()
        )

    def _letter(
        self, place: int, token: int, low: str, inside: bool
    ) -> tuple[CodePiece, int] | None:
        reading = self.reading
        if not low.isascii() and not low.isalpha():
            return None
        if token and reading.glued(token) and self.low[token - 1] in ("'", "’"):
            return None
        ahead = self._token(place + 1)
        if low == "o" and ahead >= 0 and self.low[ahead] in reading.vocab.sets["clock"]:
            return None
        if low == "x" and self._xray(place + 1):
            return CodePiece("X", token, self.stream[place + 2], letter=2, spoken=True), place + 3
        # "c for charlie", "b as in boy", "d like delta"
        after = place + 1
        words = [self._token(after + i) for i in range(4)]
        said = [self.low[t] if t >= 0 else "" for t in words]
        if said[0] == ",":
            words, said, after = words[1:], said[1:], after + 1
        for index, link in enumerate(reading.vocab.spelling_links):
            size = len(link)
            if tuple(said[:size]) != link or size >= len(said) or not said[size][:1].isalpha():
                continue
            last = after + size
            if index == 0 or (
                said[size][0] == low and (len(said[size]) > 1 or self._xray(last + 1))
            ):
                if said[size] == "x" and self._xray(last + 1):
                    last += 2
                return CodePiece(
                    low.upper(), token, self.stream[last], letter=2, spoken=True
                ), last + 1
        if (
            low in reading.vocab.sets["word_letters"]
            and not self._mixed(token)
            and not self._followed(place + 1)
            and not (inside and self._final(place + 1))
            and not (
                self.postcode(token)
                and self._spelling_follows(self._after_pause(place + 1), inside)
            )
        ):
            return None
        return CodePiece(
            low.upper(), token, token, letter=1, spoken=not self._mixed(token)
        ), place + 1

    def _xray(self, place: int) -> bool:
        return (
            self._token(place) >= 0
            and self.low[self._token(place)] == "-"
            and self._token(place + 1) >= 0
            and self.low[self._token(place + 1)] in self.reading.vocab.sets["after_x"]
        )

    def _followed(self, place: int) -> bool:
        """Tell whether a letter or a digit follows at once: only then are "a" and "i" letters."""
        token = self._token(place)
        if token >= 0 and self.kind[token] == SEPARATOR and self.low[token] in "-.,":
            token = self._token(place + 1)
        if token < 0:
            return False
        if self.kind[token] == DIGITS:
            return token not in self.skip and not self._counts(
                self.stream.index(token, place), token
            )
        if self.kind[token] == LETTER:
            return (
                self.low[token] not in self.reading.vocab.sets["word_letters"]
                or self._token(place + 1) < 0
                or self.kind[self._token(place + 1)] != WORD
            )
        if self.kind[token] == ZERO:
            return True
        number = self.numbers.number(place, True)
        return number is not None and not self._counts_said(number)

    def _final(self, place: int) -> bool:
        token = self._token(place)
        return token < 0 or self.kind[token] in (SEPARATOR, LINE)

    def _word(self, place: int, token: int, low: str, inside: bool) -> tuple[CodePiece, int] | None:
        """Return a word as a piece, in the first of the ways in which it can be one."""
        made = self._alphabet(place, token, low, inside)
        if made is None and low.isalpha():
            made = self._touching(token, low) or self._capitals(place, token, low, inside)
            if made is None and self.expected(token) and not self._apostrophe(token):
                made = self._sound(place, token, low, inside)
        return None if made is None else (made, place + 1)

    def _apostrophe(self, token: int) -> bool:
        return token > 0 and self.reading.glued(token) and self.low[token - 1] in ("'", "’")

    def _alphabet(self, place: int, token: int, low: str, inside: bool) -> CodePiece | None:
        """Return a word of the telephone alphabet beside another, or where letters are asked for
        ("november").
        """
        vocab, ahead = self.reading.vocab, self._token(place + 1)
        letter = vocab.nato.get(low)
        if letter is None:
            return None
        following = ahead >= 0 and (
            self.kind[ahead] == LETTER
            or self.low[ahead] in vocab.nato
            or self.numbers.number(place + 1, True) is not None
        )
        return (
            CodePiece(letter.upper(), token, token, letter=2, spoken=True)
            if inside or following or self.expected(token)
            else None
        )

    def _touching(self, token: int, low: str) -> CodePiece | None:
        """Return letters that digits touch, or that a hyphen joins to them; scripts without spaces
        touch digits that are no part of a word.
        """
        glued, kind, count = self.reading.glued, self.kind, self.reading.count
        behind = token + 1 < count and glued(token + 1) and kind[token + 1] == DIGITS
        before = token > 0 and glued(token) and kind[token - 1] == DIGITS
        hyphen = (
            len(low) <= 5
            and token + 2 < count
            and self.low[token + 1] == "-"
            and kind[token + 2] == DIGITS
        )
        joined = behind or before or (hyphen and glued(token + 1) and glued(token + 2))
        return (
            CodePiece(low.upper(), token, token)
            if joined and len(low) <= 14 and low.isascii()
            else None
        )

    def _capitals(self, place: int, token: int, low: str, inside: bool) -> CodePiece | None:
        """Return a few letters written in capitals before digits."""
        raw = self.reading.text[self.reading.start[token] : self.reading.end[token]]
        if (
            len(low) > 4
            or not raw.isupper()
            or not low.isascii()
            or low in self.reading.vocab.sets["no_code"]
        ):
            return None
        return (
            CodePiece(low.upper(), token, token)
            if inside or self._digits_follow(place + 1)
            else None
        )

    def _sound(self, place: int, token: int, low: str, inside: bool) -> CodePiece | None:
        """Return what a recogniser made of a letter or digit, where these are asked for: "see",
        "to", "apple", a scrap of letters.
        """
        vocab, postcode = self.reading.vocab, self.postcode(token)
        digit = vocab.homophones.get(low) if inside and postcode else None
        if digit is not None and self._spelling_follows(place + 1, inside):
            return CodePiece(digit, token, token, spoken=True)
        everyday = vocab.everyday_alphabet.get(low) if postcode else None
        if everyday is not None and (inside or self._spelling_follows(place + 1, inside)):
            return CodePiece(everyday.upper(), token, token, letter=2, spoken=True)
        sound = (
            None
            if token and self.low[token - 1] in vocab.sets["verbs_before"]
            else vocab.sounds.get(low)
        )
        sure = inside or low not in vocab.fillers or low in vocab.sets["sounds_first"]
        if sound is not None and sure and self._spelling_follows(place + 1, inside):
            return CodePiece(sound.upper(), token, token, letter=1, spoken=True)
        known = any(
            low in words for words in (vocab.words, vocab.quantities, vocab.fillers, vocab.cues)
        )
        return (
            None
            if known or len(low) > (4 if inside else 3)
            else CodePiece(low.upper(), token, token, letter=1, spoken=True)
        )

    def _spelling_follows(self, place: int, inside: bool) -> bool:
        """Tell whether a letter, a digit or another sound of a letter comes next, or nothing more
        does.
        """
        token = self._token(place)
        if token < 0:
            return inside
        if self.kind[token] in (SEPARATOR, LINE):
            return inside
        kind, low = self.kind[token], self.low[token]
        if self.postcode(token) and (
            low in self.reading.vocab.everyday_alphabet or low in self.reading.vocab.homophones
        ):
            return True
        return (
            kind in (LETTER, DIGITS)
            or low in self.reading.vocab.sounds
            or self.numbers.number(place, True) is not None
        )

    def _after_pause(self, place: int) -> int:
        """Return the place after a hesitation at `place`, or `place`."""
        token = self._token(place)
        return (
            place + 1
            if token >= 0 and self.low[token] in self.reading.vocab.sets["hesitations"]
            else place
        )

    def _digits_follow(self, place: int) -> bool:
        token = self._token(place)
        if token >= 0 and self.low[token] == "-":
            token = self._token(place + 1)
        return token >= 0 and self.kind[token] == DIGITS

    def _connect(self, place: int) -> tuple[CodePiece, int] | None:
        """Return the piece that follows on what ends before `place`, with its link, and the place
        after it.
        """
        strength, ended = TIGHT, False
        for at in range(place, place + CONNECTORS):
            token = self._token(at)
            if token == HARD:
                return None
            if token == SOFT:
                strength = PAUSE
                continue
            found = self.piece(at, True)
            if found is not None:
                found[0].link = strength
                # a word after a full stop begins a sentence
                return (
                    None
                    if ended and self.kind[token] in (WORD, MONTH) and found[0].letter != 2
                    else found
                )
            link = self._link(token)
            if link is None:
                return None
            strength = max(strength, link)
            ended = ended or (self.low[token] == "." and link == LOOSE)
        return None

    def _link(self, token: int) -> int | None:
        """Tell how firmly a word or sign between two pieces holds them together; None where it
        parts them.
        """
        low, kind, vocab = self.low[token], self.kind[token], self.reading.vocab
        if kind == LINE:
            return PAUSE
        if kind == SEPARATOR:
            if low in ".,'":
                return (
                    TIGHT
                    if self.reading.glued(token)
                    and token + 1 < self.reading.count
                    and self.reading.glued(token + 1)
                    else LOOSE
                )
            return TIGHT if low in "-–—/_#" else None
        links = (
            (vocab.repairs, REPAIR),
            (vocab.joints, TIGHT),
            (vocab.frames, TIGHT),
            (vocab.sets["hesitations"], LOOSE),
            (vocab.sets["spelling_pauses"], WEAK),
            (vocab.backchannel, WEAK),
        )
        return next((link for words, link in links if low in words), None)

    def codes(self, beginnings: list[int]) -> list[CodeRun]:
        """Return all runs of pieces that hold a letter and begin at one of the places
        `beginnings`.
        """
        out: list[CodeRun] = []
        place = 0
        for begin in beginnings:
            found = self.piece(begin, False) if begin >= place else None
            if found is None:
                continue
            code = CodeRun()
            while found is not None:
                code.pieces.append(found[0])
                place = found[1]
                found = self._connect(place)
            if any(c.isalpha() for p in code.pieces for c in p.text):
                out.append(code)
        return out


def may_hold_codes(reading: TokenizedConversation) -> bool:
    """Test cheaply for a letter by itself, letters next to digits, an alphabet word, or a
    question whose answer is spelled.
    """
    kept: bool | None = reading.__dict__.get("_may_hold_codes")
    if kept is None:
        kept = (
            reading.has_digits
            or any(
                reading.kind[t] == LETTER
                and reading.low[t] not in reading.vocab.sets["stray_letters"]
                for t in range(reading.count)
            )
            or not reading.words.isdisjoint(reading.vocab.nato)
            or "o" in reading.words
            or not reading.topics.isdisjoint(SPELLED)
            or not reading.topics.isdisjoint(NAMED)
        )
        reading.__dict__["_may_hold_codes"] = kept
    return kept


def _beginnings(reading: TokenizedConversation) -> list[int]:
    """Return tokens that can begin a code, in order: of the words only few can."""
    low, kind, start, text = reading.low, reading.kind, reading.start, reading.text
    out = {t for t in reading.tokens_in(reading.vocab.nato) if kind[t] == WORD}
    out.update(
        t
        for t, word in enumerate(low)
        if len(word) <= 4 and kind[t] == WORD and text[start[t]].isupper()
    )
    for token in reading.telling:
        if kind[token] == DIGITS:
            out.update(
                t
                for t in (token - 1, token + 1)
                if 0 <= t < reading.count and kind[t] == WORD and reading.glued(max(t, token))
            )
    out.update(
        t - 1 for t in reading.places.get("-", ()) if t and kind[t - 1] == WORD and reading.glued(t)
    )
    if not reading.topics.isdisjoint(SPELLED | reading.vocab.sets["spelled_topics"]):
        for index, said in enumerate(reading.turns):
            if _spelled_here(reading, index):
                out.update(t for t in range(said.first, said.last) if kind[t] == WORD)
    return sorted(out.union(reading.telling))


def _spelled_here(reading: TokenizedConversation, turn: int) -> bool:
    """Tell whether a turn answers a question whose answer is spelled."""
    return any(
        t.answers < 2 and (t.name in SPELLED or t.name in reading.vocab.sets["spelled_topics"])
        for t in open_questions(reading, turn)
    )


def code_runs(reading: TokenizedConversation) -> list[CodeRun]:
    """Return every run of letters and digits that holds a letter; computed once per reading."""
    kept: list[CodeRun] | None = reading.__dict__.get("_codes")
    if kept is None:
        kept = []
        skip, beginnings = blocked_tokens(reading), _beginnings(reading)
        for stream in reading.streams:
            kept.extend(_Spelling(reading, stream, skip).codes(stream.at(beginnings)))
        reading.__dict__["_codes"] = kept
    return kept
