"""Classification of alphanumeric sequences: postcodes, reference numbers, plates, spelled names.

Reference numbers are those of accounts and orders, among others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.conversation import AGENT
from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.bare_answers import asked_codes
from callveil.transforms.detect.recognizers.code_groups import code_groups
from callveil.transforms.detect.recognizers.code_pieces import CodePiece
from callveil.transforms.detect.recognizers.context import Topic, is_booking_reference, topics_at
from callveil.transforms.detect.recognizers.digit_values import PREFIXES
from callveil.transforms.detect.recognizers.extend_answer import extend_answers
from callveil.transforms.detect.recognizers.letters import code_runs
from callveil.transforms.detect.recognizers.match import ValueMatch, prune_matches, spans_of
from callveil.transforms.detect.recognizers.number_elements import PAUSE, TIGHT, WEAK
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.value_kinds import KINDS
from callveil.transforms.detect.recognizers.vocabulary import DIGITS, LETTER, SPOKEN_NUMBER
from callveil.transforms.detect.recognizers.words import (
    dutch_postcodes,
    find_passphrases,
    find_plates,
    find_secrets,
    state_postcodes,
    words_as_codes,
)

_TIME = re.compile(r"(?:1[0-2]|0?[1-9])(?:[0-5]\d)?[AP]M")
"""A time of day, as its letters and digits stand together."""

_RULES = (
    words_as_codes,
    dutch_postcodes,
    state_postcodes,
    find_plates,
    find_secrets,
    find_passphrases,
    code_groups,
    asked_codes,
)
"""Rules for values that are no run of single letters and digits."""


def classify_codes(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return every value made of letters and digits; computed once per reading."""
    kept: list[ValueMatch] | None = reading.__dict__.get("_decided_codes")
    if kept is None:
        found: dict[tuple[str, tuple[tuple[int, int], ...]], ValueMatch] = {}
        for code in code_runs(reading):
            cuts = [i for i, p in enumerate(code.pieces) if i and p.link >= PAUSE][:PREFIXES]
            for pieces in [code.pieces[:i] for i in cuts] + [code.pieces]:
                for hit in _resolve(reading, pieces):
                    found.setdefault((hit.entity, hit.spans), hit)
        for span in reading.ibans:
            found.setdefault(
                ("IBAN_CODE", (span,)),
                ValueMatch("IBAN_CODE", (span,), 0.95, "IBAN with right check digits"),
            )
        for rule in _RULES:
            for hit in rule(reading):
                found.setdefault((hit.entity, hit.spans), hit)
        kept = prune_matches(extend_answers(reading, list(found.values())))
        reading.__dict__["_decided_codes"] = kept
    return kept


def _resolve(reading: TokenizedConversation, pieces: list[CodePiece]) -> list[ValueMatch]:
    text = "".join(p.text for p in pieces)
    if not any(c.isalpha() for c in text):
        return []
    topics = topics_at(reading, pieces[0].first, pieces[-1].last)
    hit = _by_form(reading, pieces, text, topics) or _by_topic(reading, pieces, text, topics)
    if hit is not None:
        return [hit]
    weakest = max((p.link for p in pieces[1:]), default=TIGHT)
    if weakest > TIGHT:
        parts = [[pieces[0]]]
        for piece in pieces[1:]:
            if piece.link == weakest:
                parts.append([piece])
            else:
                parts[-1].append(piece)
        split = [hit for part in parts for hit in _resolve(reading, part)]
        if split:
            return split
    window = _postcode_within(reading, pieces)
    if window is not None:
        return [window]
    plain = _unnamed(reading, pieces, text)
    return [plain] if plain is not None else []


def _by_form(
    reading: TokenizedConversation, pieces: list[CodePiece], text: str, topics: list[Topic]
) -> ValueMatch | None:
    names = {t.name for t in topics[:4]}
    joined = max((p.link for p in pieces[1:]), default=TIGHT) <= WEAK or bool(
        names & {"zip", "iban", "ssn", "vin"}
    )
    if not joined:
        return None
    near = "; " + topics[0].explain(reading) if topics else ""
    if checks.is_iban(text):
        return ValueMatch(
            "IBAN_CODE", _spans(reading, pieces, text), 0.95, "IBAN with right check digits" + near
        )
    own = checks.national_id_type(text, reading.vocab.national_ids)
    if own is not None:
        return ValueMatch(
            own, _spans(reading, pieces, text), 0.9, "state number with right check digits" + near
        )
    if checks.is_nino(text) and (len(pieces) > 1 or "ssn" in names):
        return ValueMatch(
            "UK_NINO",
            _spans(reading, pieces, text),
            0.85,
            "form of a national insurance number" + near,
        )
    if checks.is_vin(text):
        return ValueMatch(
            "VIN", _spans(reading, pieces, text), 0.9, "VIN with right check digit" + near
        )
    if "zip" not in names and names & {"order", "booking", "account", "plate", "license"}:
        return None
    if (
        checks.is_uk_postcode(text)
        or checks.is_canadian_postcode(text)
        or checks.is_irish_postcode(text)
        or (
            names & {"zip", "address"}
            and (
                checks.is_uk_postcode(text, strict=False)
                or checks.is_irish_postcode(text, strict=False)
                or checks.is_dutch_postcode(text)
            )
        )
    ):
        return ValueMatch(
            "ZIP_CODE",
            _spans(reading, pieces, text),
            0.9 if "zip" in names else 0.6,
            "form of a postcode" + near,
        )
    return None


def _postcode_within(reading: TokenizedConversation, pieces: list[CodePiece]) -> ValueMatch | None:
    """Return a postcode that other letters or a house number run into ("... fifty one s w one a one
    a a").
    """
    for first in range(len(pieces)):
        text = ""
        spend_steps()
        for last in range(first, min(first + 8, len(pieces))):
            text += pieces[last].text
            if len(text) > 7:
                break
            inside = reading.glued(pieces[first].first) or (
                pieces[last].last + 1 < reading.count
                and reading.glued(pieces[last].last + 1)
                and reading.low[pieces[last].last + 1].isalnum()
            )
            if len(text) >= 5 and not inside and _written_so(text):
                return ValueMatch(
                    "ZIP_CODE",
                    spans_of(reading, [pieces[first].first, pieces[last].last]),
                    0.5,
                    "form of a postcode",
                )
    return None


def _written_so(text: str) -> bool:
    return (
        checks.is_uk_postcode(text)
        or checks.is_canadian_postcode(text)
        or checks.is_irish_postcode(text)
    )


@dataclass(frozen=True)
class _Named:
    """Pieces that a topic may name, and their characters."""

    reading: TokenizedConversation
    pieces: list[CodePiece]
    text: str

    @cached_property
    def digits(self) -> int:
        """Digits among the characters."""
        return sum(map(str.isdigit, self.text))

    @cached_property
    def singles(self) -> int:
        """Pieces that are letters."""
        return sum(p.letter > 0 for p in self.pieces)

    @cached_property
    def plain(self) -> int:
        """Pieces that are letters beyond doubt; see `_plain`."""
        return _plain(self.reading, self.pieces)

    def briefly(self, topic: Topic) -> bool:
        return _answers_briefly(self.reading, self.pieces, topic)

    def spelled(self, topic: Topic) -> bool:
        """Tell whether they are letters of a name that a topic asks for; of one or two scraps one
        letter by its word is none.
        """
        if (
            self.digits
            or self.singles < len(self.pieces)
            or self.text.lower() in self.reading.vocab.acronyms
        ):
            return False
        if sum(p.letter == 2 for p in self.pieces) == 1 and len(self.pieces) < 3:
            return False
        asked = topic.source == "question"
        direct = asked and self.plain and topic.name == "spell" and self.briefly(topic)
        return self.plain >= (1 if direct else 2 if asked else 3)


def _named_again(code: _Named, topic: Topic) -> bool:
    """Tell whether the answer names what was asked for itself."""
    cues = code.reading.cues_of.get(code.reading.turn[code.pieces[0].first], ())
    return topic.source == "question" and any(c.topic == topic.name for c in cues)


def _not_said_to_be(code: _Named, topic: Topic) -> bool:
    """Tell whether the word for it comes after, and nothing says that it is one."""
    after = topic.source == "after" and topic.name in ("order", "booking")
    return after and not _says_is(code.reading, code.pieces[-1].last + 1, topic.cue.first)


def _doubtful(code: _Named, topic: Topic) -> bool:
    """Tell whether no letter is beyond doubt, and nothing else speaks for a code."""
    beside = (
        topic.source == "before" and topic.distance <= 3 and code.digits > 0 and len(code.text) >= 5
    )
    return not code.plain and not beside and not code.briefly(topic)


def _not_repeated(code: _Named, topic: Topic) -> bool:
    return topic.source == "read back" and not _repeats(code.reading, code.pieces)


def _out_of_size(code: _Named, topic: Topic) -> bool:
    """Tell whether it is shorter or longer than values of the kind, or a postcode of letters that
    answers no question for one.
    """
    size, kind, asked = len(code.text), KINDS[topic.name], topic.source == "question"
    if topic.name != "zip":
        return not max(3, kind.asked if asked else kind.told) <= size <= kind.most
    scraps = (
        asked
        and topic.answers == 0
        and code.singles >= 2
        and code.reading.light[code.reading.turn[code.pieces[0].first]]
    )
    return not 3 <= size <= 10 or not (code.digits or scraps)


def _word(code: _Named, topic: Topic) -> bool:
    """Tell whether one word of letters beside a cue is a word; two or more pieces, or a digit among
    them, are a code.
    """
    if (
        code.digits
        or topic.name == "zip"
        or (code.singles >= 3 and code.plain >= 2 and code.briefly(topic))
    ):
        return False
    return (
        code.singles < 4
        or code.singles < len(code.pieces)
        or topic.source == "after"
        or topic.distance > 6
    )


def _far(code: _Named, topic: Topic) -> bool:
    return topic.source == "before" and topic.distance > 8 and len(code.text) < 6


_SPELLED_OUT, _NOBODYS = frozenset(("name", "name_any", "spell")), frozenset(("neutral", "amount"))
_OF_CODES = KINDS.keys() - {"phone", "card", "cvv", "expiry", "dob", "ssn", "pin"}
"""Topics whose values hold letters."""
_REFUSALS = (_named_again, _not_said_to_be, _doubtful, _not_repeated, _out_of_size, _word, _far)
"""Each tells that a topic does not name a code."""


def _by_topic(
    reading: TokenizedConversation, pieces: list[CodePiece], text: str, topics: list[Topic]
) -> ValueMatch | None:
    code = _Named(reading, pieces, text)
    for topic in topics:
        if topic.name in _SPELLED_OUT and code.spelled(topic):
            return ValueMatch(
                "PERSON",
                _spans(reading, pieces, text),
                0.8,
                f"spelled out; {topic.explain(reading)}",
            )
        if (
            topic.name in _NOBODYS
            and topic.source == "before"
            and topic.distance <= 5
            and len(text) <= 8
        ):
            return None
        if topic.name in _OF_CODES and not any(refuses(code, topic) for refuses in _REFUSALS):
            return ValueMatch(
                _entity(code, topic),
                _spans(reading, pieces, text),
                0.8 if topic.source != "after" else 0.6,
                topic.explain(reading),
            )
    return None


def _entity(code: _Named, topic: Topic) -> str:
    if is_booking_reference(code.reading, topic, code.pieces[0].first):
        return KINDS["booking"].entity
    if topic.name == "medical" and checks.is_nhs_number(code.text):
        return "UK_NHS"
    return code.reading.vocab.topics.get(topic.name, KINDS[topic.name].entity)


def _plain(reading: TokenizedConversation, pieces: list[CodePiece]) -> int:
    """Tell how many pieces are letters beyond doubt: said singly, written with digits, or from an
    alphabet of words.
    """
    nato = sum(p.letter == 2 for p in pieces)
    singles = sum(
        reading.kind[p.first] == LETTER or (not p.letter and p.text.isalpha()) for p in pieces
    )
    digits = sum(c.isdigit() for p in pieces for c in p.text)
    return singles + (nato if nato > 1 or singles or digits >= 4 else 0)


def _repeats(reading: TokenizedConversation, pieces: list[CodePiece]) -> bool:
    """Tell whether three characters on end were said in the turn before."""
    text = "".join(p.text for p in pieces)
    said: dict[int, str] | None = reading.__dict__.get("_codes_by_turn")
    if said is None:
        parts: dict[int, list[str]] = {}
        for code in code_runs(reading):
            for p in code.pieces:
                parts.setdefault(reading.turn[p.first], []).append(p.text)
        said = reading.__dict__["_codes_by_turn"] = {
            turn: "".join(texts) for turn, texts in parts.items()
        }
    spoken = said.get((reading.turn[pieces[0].first] - 1) % len(reading.turns), "")
    return any(text[i : i + 3] in spoken for i in range(len(text) - 2))


def _says_is(reading: TokenizedConversation, first: int, last: int) -> bool:
    return last - first <= 4 and any(
        reading.low[t] == "="
        or reading.low[t] in reading.vocab.sets["said_is"]
        or reading.low[t].endswith("'s")
        for t in range(first, last)
    )


def _answers_briefly(reading: TokenizedConversation, pieces: list[CodePiece], topic: Topic) -> bool:
    """Tell whether scraps and sounds of letters count only in a short answer of the party that was
    asked.
    """
    said = reading.turns[reading.turn[pieces[0].first]]
    return (
        topic.source == "question"
        and said.role != AGENT
        and topic.answers <= 1
        and said.last - said.first <= 16
    )


def _unnamed(
    reading: TokenizedConversation, pieces: list[CodePiece], text: str
) -> ValueMatch | None:
    """Without any cue: letters read out are mostly a name; letters and digits read out mostly some
    number of somebody's.
    """
    letters = [p for p in pieces if p.letter]
    if any(p.link >= WEAK for p in pieces[1:]) or _TIME.fullmatch(text):
        return None
    if len(letters) == len(pieces) and text.lower() not in reading.vocab.acronyms:
        words = sum(p.letter == 2 for p in letters)
        if len(letters) >= 4 or (words >= 2 and len(letters) >= 3):
            return ValueMatch(
                "PERSON",
                spans_of(reading, [pieces[0].first, pieces[-1].last]),
                0.5,
                f"{len(letters)} letters read out",
            )
    if (
        len(letters) >= 2
        and _plain(reading, pieces) >= 2
        and len(text) >= 5
        and sum(p.spoken for p in pieces) * 2 > len(pieces)
    ):
        return ValueMatch(
            "ACCOUNT_ID",
            spans_of(reading, [pieces[0].first, pieces[-1].last]),
            0.45,
            f"{len(text)} letters and digits read out",
        )
    return None


def _spans(
    reading: TokenizedConversation, pieces: list[CodePiece], text: str
) -> tuple[tuple[int, int], ...]:
    """Return the pieces, and what the other party echoed between and right after."""
    tokens = [t for p in pieces for t in (p.first, p.last)]
    mine = {reading.turn[p.first] for p in pieces}
    first, last = reading.turn[pieces[0].first], reading.turn[pieces[-1].last]
    for turn in range(first + 1, min(last + 2, len(reading.turns))):
        if turn not in mine and reading.light[turn]:
            echoed = [
                t
                for t in range(reading.turns[turn].first, reading.turns[turn].last)
                if reading.kind[t] in (DIGITS, LETTER) or reading.kind[t] in SPOKEN_NUMBER
            ]
            said = "".join(reading.value[t] or reading.low[t].upper() for t in echoed)
            if echoed and (turn <= last or (len(said) >= 2 and said in text)):
                tokens.extend(echoed)
    return spans_of(reading, tokens)
