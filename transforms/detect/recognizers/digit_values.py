"""From a run of digits to what it is: by form, by the words beside it, by the question before
it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, islice

from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.address import find_addresses
from callveil.transforms.detect.recognizers.card_data import card_tracks
from callveil.transforms.detect.recognizers.context import Topic, is_booking_reference, topics_at
from callveil.transforms.detect.recognizers.extend_answer import extend_answers
from callveil.transforms.detect.recognizers.match import ValueMatch, prune_matches, spans_of
from callveil.transforms.detect.recognizers.number_forms import FORMS, NumberCandidate
from callveil.transforms.detect.recognizers.number_sequence import (
    CARD_GROUPS,
    ContextFreeForms,
    DigitValue,
    cache_form,
    card_details,
    cut_run,
    group_sizes,
    joined_card,
)
from callveil.transforms.detect.recognizers.numbers import (
    PAUSE,
    REPAIR,
    TIGHT,
    WEAK,
    DigitRun,
    NumberElement,
    digit_runs,
)
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.value_kinds import DIGITS_ASKED, KINDS, TAILS
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    HUNDRED,
    SPOKEN_NUMBER,
    TEEN,
    TENS,
    THOUSAND,
    UNIT,
    WORD,
    ZERO,
)

_SIZES = {
    "zip": (5, 9),
    "cvv": (3, 4),
    "ssn": (9,),
    "expiry": (4, 6),
    "phone": (11,),
    "dob": (6, 8),
}
_TOPIC_OF = {"CREDIT_CARD": "card", "PHONE_NUMBER": "phone", "US_SSN": "ssn"}
MOST_IN_VALUE = 24
"""Elements of the longest value that is known by its form, and some."""
_MOST_WORDS = 4
PREFIXES = 12
"""A value is tried at this many turn boundaries at most, so that a later turn never uncovers what
was found.
"""


def classify_runs(reading: TokenizedConversation, regions: tuple[str, ...]) -> list[ValueMatch]:
    """Return every value made of digits alone, whatever its kind; computed once per reading and set
    of regions.
    """
    key = f"_decided_{regions}"
    kept: list[ValueMatch] | None = reading.__dict__.get(key)
    if kept is None:
        found = {(hit.entity, hit.spans): hit for hit in card_tracks(reading)}
        short: list[list[NumberElement]] = []
        decider = _Decider(reading, regions)
        for run in digit_runs(reading):
            for part, card in decider.stages(run):
                hits = decider.resolve(part, card)
                for hit in hits:
                    found.setdefault((hit.entity, hit.spans), hit)
                if not hits and 3 <= sum(len(e.digits) for e in part) <= 4:
                    short.append(part)
        turns = (
            {
                reading.turn[reading.token_at(hit.spans[0][0])]
                for hit in found.values()
                if hit.entity == "CREDIT_CARD"
            }
            if short
            else set()
        )
        for part in short:
            if reading.turn[part[0].first] in turns and (code := decider.lone_code(part)):
                found.setdefault((code.entity, code.spans), code)
        kept = prune_matches(extend_answers(reading, list(found.values())))
        reading.__dict__[key] = kept
    return kept


class _Decider:
    def __init__(self, reading: TokenizedConversation, regions: tuple[str, ...]) -> None:
        self.reading, self.regions = reading, regions
        vocab = reading.vocab
        forms = ContextFreeForms((*regions, *vocab.regions), vocab.national_ids, vocab.phone_forms)
        self.forms, self.card_forms = cache_form(forms), cache_form(replace(forms, cued=True))

    def stages(self, run: DigitRun) -> list[tuple[list[NumberElement], bool]]:
        """Return the run as it stood at the end of each turn, and as it is; what follows a complete
        value begins anew.

        Returns: elements, and whether a card stands right before them.
        """
        out: list[tuple[list[NumberElement], bool]] = []
        start, card = 0, False
        elements = self._counted(run)
        cuts = [i for i, e in enumerate(elements) if i and e.link >= PAUSE]
        for cut_at in cuts:
            if len(out) >= PREFIXES:
                break
            part = elements[start:cut_at]
            out.append((part, card))
            if elements[cut_at].link == PAUSE and self._complete(part):
                start, card = cut_at, card or self._ends_with_card(part)
        out.append((elements[start:], card))
        return out

    def _counted(self, run: DigitRun) -> list[NumberElement]:
        """Return the elements of a run, with the last number where it completes a value and counts
        nothing.
        """
        if run.counting is None or not run.elements:
            return run.elements
        elements = [*run.elements, run.counting]
        values = cut_run(elements[-MOST_IN_VALUE:], self.forms)
        return elements if values[-1].entity else run.elements

    def _complete(self, elements: list[NumberElement]) -> bool:
        """Tell whether nothing is missing: a valid card, a whole telephone number, as many digits
        as its topic has.
        """
        digits = "".join(e.digits for e in elements)
        if (
            checks.is_card_number(digits)
            or (len(digits) >= 10 and checks.is_nanp_number(digits))
            or self._ends_with_card(elements)
        ):
            return True
        topics = topics_at(self.reading, elements[0].first, elements[-1].last)
        told = next((t for t in topics if t.name in KINDS), None)
        return told is not None and len(digits) in _SIZES.get(told.name, ())

    def _ends_with_card(self, elements: list[NumberElement]) -> bool:
        return _is_card(cut_run(elements[-MOST_IN_VALUE:], self.forms)[-1])

    def resolve(self, elements: list[NumberElement], card: bool = False) -> list[ValueMatch]:
        """Return hits for the elements as one number, as the sequence of values they are, or for
        the parts they fall into at their weakest link.

        Args:
            elements: numbers that may be one.
            card: a card number stands right before them.
        """
        topics = topics_at(self.reading, elements[0].first, elements[-1].last)
        if self._survives(elements, topics):
            return []
        for n, element in enumerate(elements):
            if size := joined_card(element.digits):
                behind = elements[n + 1 :]
                before = self.resolve(elements[:n], card) if n else []
                return [
                    *before,
                    *self._joined(element, size, behind),
                    *(self._card_details(behind, False) or self.resolve(behind) if behind else []),
                ]
        cued = any(t.name == "card" for t in topics)
        values = cut_run(elements, self.card_forms if cued else self.forms)
        told = any(v.entity for v in values)
        if (
            card
            and elements[0].link == PAUSE
            and not told
            and (details := self._card_details(elements))
        ):
            return details
        tail = 0 if told else self._tail(elements, topics)
        if tail:
            return [
                *self.resolve(elements[:tail]),
                *(self._card_details(elements[tail:]) or self.resolve(elements[tail:])),
            ]
        several = sum(1 for v in values if v.entity) > 1 or (
            len(values) > 1 and any(map(_is_card, values))
        )
        code = 0 if told else self._code_first(elements, topics)
        if code:
            return [
                self._cvv(elements[:code], topics),
                *(self._card_details(elements[code:], False) or self.resolve(elements[code:])),
            ]
        hit = None if several else self._by_form(elements, topics)
        if hit is None:
            hit = self._by_topic(elements, topics)
            if told and len(elements) > 1 and (hit is None or several):
                return self._sequence(elements, values, hit)
        if hit is not None:
            return [hit, *self._as_card(elements, topics, hit)]
        return self._parts(elements) or self._by_length(elements)

    def _sequence(
        self, elements: list[NumberElement], values: list[DigitValue], named: ValueMatch | None
    ) -> list[ValueMatch]:
        """Return hits for a run of several values; `named` is what the words beside the run make of
        all of it.
        """
        cards = any(map(_is_card, values))
        parts = [elements[v.first : v.stop] for v in values]
        found: list[list[ValueMatch]] = []
        for n, value in enumerate(values):
            if value.entity:
                topics = topics_at(self.reading, parts[n][0].first, parts[n][-1].last)
                found.append(
                    [
                        self._hit(
                            value.entity,
                            parts[n],
                            value.score,
                            value.why,
                            topics,
                            _TOPIC_OF.get(value.entity, ""),
                        )
                    ]
                )
                continue
            beside = (n and _is_card(values[n - 1])) or (
                n + 1 < len(values) and _is_card(values[n + 1]) and parts[n][-1].link == TIGHT
            )
            details = self._card_details(parts[n]) if cards else []
            sure = beside and any(hit.entity != "ZIP_CODE" for hit in details)
            found.append(details if sure else self.resolve(parts[n]) or details)
        found = self._with_extensions(parts, found)
        hits = [hit for each in found for hit in each]
        said = sum(e.spoken or len(e.digits) == 1 for e in elements) * 2 > len(
            elements
        )  # digit by digit
        left = [part for part, each in zip(parts, found, strict=True) if not each and said]
        covered = all(
            each or max(len(e.digits) for e in part) < 3
            for part, each in zip(parts, found, strict=True)
        )
        if named is not None and not (cards and named.entity == "CREDIT_CARD") and not covered:
            hits.append(named)
        elif left:  # a digit misheard in the midst of others belongs to them
            hits.extend(
                self._by_length(elements)
                or [
                    ValueMatch("ACCOUNT_ID", self._spans(part), 0.4, "digits said beside a value")
                    for part in left
                ]
            )
        return hits

    def _card_details(self, elements: list[NumberElement], code: bool = True) -> list[ValueMatch]:
        """Return hits for the expiry date, code and postcode that stand beside a card; none where
        the elements are nothing of the kind.
        """
        values = card_details(elements, code)
        out = [
            ValueMatch(v.entity, self._spans(elements[v.first : v.stop]), v.score, v.why)
            for v in values
            if v.entity
        ]
        for v in values:
            if not v.entity and v.stop - v.first < len(elements):
                out.extend(self.resolve(elements[v.first : v.stop]))
        return out

    def _as_card(
        self, elements: list[NumberElement], topics: list[Topic], hit: ValueMatch
    ) -> list[ValueMatch]:
        """Return the same elements as a card where they may be one, whatever other words name them:
        a policy may keep all but cards.
        """
        digits = "".join(e.digits for e in elements)
        cued = any(t.name == "card" for t in topics) and 12 <= len(digits) <= 20
        if hit.entity == "CREDIT_CARD" or not (cued or checks.card_brand(digits)[0]):
            return []
        why = (
            "digits beside the word card" if cued else "length and first digits of a brand's cards"
        )
        return [ValueMatch("CREDIT_CARD", hit.spans, 0.5, why)]

    def _tail(self, elements: list[NumberElement], topics: list[Topic]) -> int:
        """Tell how many elements are "the last four" before further digits ("ending in 9855 417");
        0 where there are none.
        """
        last4 = next((t for t in topics if t.name == "last4"), None)
        if last4 is None or last4.source != "before" or last4.distance > 3:
            return 0
        return _leading(elements, 4, 4)

    def lone_code(self, elements: list[NumberElement]) -> ValueMatch | None:
        """Return three or four digits by themselves in a turn that holds a card: its code, unless
        other words or their form explain them.
        """
        topics = topics_at(self.reading, elements[0].first, elements[-1].last)
        told = next((t for t in topics if t.source == "before" and t.distance <= 3), None)
        digits = "".join(e.digits for e in elements)
        year = len(digits) == 4 and digits[:2] in ("19", "20")
        if year or (
            told is not None and told.name not in ("cvv", "card", "last4", "expiry", "pin")
        ):
            return None
        return ValueMatch(
            "CVV", self._spans(elements), 0.5, "digits by themselves beside a card number"
        )

    def _joined(
        self, element: NumberElement, size: int, behind: list[NumberElement]
    ) -> list[ValueMatch]:
        """Return hits for a card whose expiry date and code are written on without a sign between;
        a year behind them belongs to the date.
        """
        start, end = self.reading.start[element.first], self.reading.end[element.last]
        stop = start + size
        if (
            behind
            and behind[0].link == TIGHT
            and len(element.digits) - size == 2
            and len(behind[0].digits) in (2, 4)
        ):
            end = self.reading.end[behind.pop(0).last]
        return [
            ValueMatch("CREDIT_CARD", ((start, stop),), 0.9, "valid card number"),
            ValueMatch("CVV", ((stop, end),), 0.6, "digits written on behind a card number"),
        ]

    def _second(self, elements: list[NumberElement], topics: list[Topic]) -> bool:
        """Tell whether another number stands between "ending in" and this one ("ending in 4670 with
        417").
        """
        last4 = next(t for t in topics if t.name == "last4")
        kinds = (
            self.reading.kind[last4.cue.last : elements[0].first]
            if last4.source == "before"
            else ()
        )
        return any(kind == DIGITS for kind in kinds)

    def _code_first(self, elements: list[NumberElement], topics: list[Topic]) -> int:
        """Tell how many elements are the code that a cue right before asks for, with other digits
        behind it ("cvv 703 94107"); 0 where none is.
        """
        near = next((t for t in topics if t.source == "before"), None)
        if near is None or near.name != "cvv" or near.distance > 3:
            return 0
        return _leading(elements, 3, 4)

    def _cvv(self, elements: list[NumberElement], topics: list[Topic]) -> ValueMatch:
        return self._hit(
            "CVV", elements, 0.65, "digits beside a word for a card's code", topics, "cvv"
        )

    def _parts(self, elements: list[NumberElement]) -> list[ValueMatch]:
        """Return hits for the parts the elements fall into at their weakest link."""
        weakest = max((e.link for e in elements[1:]), default=TIGHT)
        if weakest == TIGHT:
            return []
        parts: list[list[NumberElement]] = [[elements[0]]]
        for element in elements[1:]:
            if element.link == weakest:
                parts.append([element])
            else:
                parts[-1].append(element)
        found = self._with_extensions(parts, [self.resolve(part) for part in parts])
        split = [hit for hits in found for hit in hits]
        if split and weakest == REPAIR and not all(found):
            # what was taken back, and what it was put right with, belong to the value ("0 1 9 2,
            # scratch that, 0 1 9 4")
            whole = max(split, key=lambda hit: hit.score)
            details = [
                self._card_details(part)
                for part, each in zip(parts, found, strict=True)
                if not each
            ]
            if whole.entity == "CREDIT_CARD" and all(details):
                return [*split, *(hit for each in details for hit in each)]
            return [
                ValueMatch(
                    whole.entity,
                    self._spans(elements),
                    whole.score,
                    f"{whole.why}; with a correction",
                )
            ]
        return split

    def _with_extensions(
        self, parts: list[list[NumberElement]], found: list[list[ValueMatch]]
    ) -> list[list[ValueMatch]]:
        """Return the hits, those of telephone numbers grown over "extension two three one" after
        them.
        """
        reading, words = self.reading, self.reading.vocab.sets["extension_words"]
        for index in range(1, len(parts)):
            before, part = found[index - 1], parts[index]
            between = reading.low[parts[index - 1][-1].last + 1 : part[0].first]
            short = sum(len(e.digits) for e in part) <= 6
            if (
                short
                and not found[index]
                and before
                and before[-1].entity == "PHONE_NUMBER"
                and not words.isdisjoint(between)
            ):
                hit = before[-1]
                spans = self._spans([*parts[index - 1], *part])
                found[index - 1] = [
                    *before[:-1],
                    ValueMatch(hit.entity, spans, hit.score, f"{hit.why}; with its extension"),
                ]
        return found

    def _survives(self, elements: Sequence[NumberElement], topics: list[Topic]) -> bool:
        """Return a price, a quantity, a train: the nearest cue says that the number is nobody's."""
        count = sum(len(e.digits) for e in elements)
        if self._clock(elements) and not any(
            t.source == "before" and t.distance <= 3 and t.name in KINDS for t in topics
        ):
            return True
        for topic in topics:
            if topic.name in ("name", "name_any", "spell", "email", "address", "age"):
                continue
            if topic.source == "question" and count <= 6 and self._house(elements):
                return True
            if (
                topic.source == "question"
                and topic.name != "zip"
                and count <= 8
                and self._scaled(elements)
                and not self._secret(elements, topic, topics)
            ):
                return True
            if self._later(topic) and any(
                t.source == "question" and count in _SIZES.get(t.name, ()) for t in topics
            ):
                continue
            near = topic.source != "before" or topic.distance <= 5
            return (
                topic.name in ("neutral", "amount")
                and near
                and count <= (4 if topic.source == "question" else 8)
            )
        return False

    def _later(self, topic: Topic) -> bool:
        """Tell whether a cue after the number is no unit of it but begins what is said next ("74134
        i paid four hundred dollars").
        """
        words = {self.reading.low[t] for t in range(topic.cue.first, topic.cue.last)}
        return (
            topic.source == "after"
            and words.isdisjoint(self.reading.vocab.currencies)
            and words.isdisjoint(self.reading.vocab.quantities)
        )

    def _clock(self, elements: Sequence[NumberElement]) -> bool:
        """ "at seven thirty": a time of day in words."""
        digits = "".join(e.digits for e in elements)
        before = elements[0].first - 1
        if (
            len(elements) == 4
            and all(e.spoken for e in elements)
            and _hour(elements[0].digits, elements[1].digits)
            and _hour(elements[2].digits, elements[3].digits)
        ):
            return elements[2].link > TIGHT
        if (
            not 3 <= len(digits) <= 4
            or before < 0
            or self.reading.low[before] not in self.reading.vocab.clock_before
        ):
            return False
        return (
            len(elements) == 2
            and elements[0].spoken
            and _hour(elements[0].digits, elements[1].digits)
        )

    def _scaled(self, elements: Sequence[NumberElement]) -> bool:
        """Tell whether a hundred or a thousand is said: prices and readings are said so, numbers of
        people seldom.
        """
        return any(
            self.reading.kind[t] in (HUNDRED, THOUSAND)
            for e in elements
            for t in range(e.first, e.last + 1)
        )

    def _secret(self, elements: Sequence[NumberElement], topic: Topic, topics: list[Topic]) -> bool:
        """Tell whether round numbers too answer the question: digits were asked for, and nothing
        but them is said ("uh fifteen hundred").
        """
        if topic.name not in DIGITS_ASKED or topic.source != "question":
            return False
        reading, vocab = self.reading, self.reading.vocab
        said = reading.turns[reading.turn[elements[0].first]]
        ends = reading.tokens_in(frozenset(".?!\n"))
        at = bisect_right(ends, elements[-1].last)
        stop = min(ends[at], said.last) if at < len(ends) else said.last
        limit = 1 + _MOST_WORDS
        quiet = (vocab.fillers, vocab.backchannel, vocab.repairs, vocab.answer_frames)
        said_else = (
            t
            for t in range(said.first, stop)
            if reading.kind[t] == WORD and not any(reading.low[t] in words for words in quiet)
        )
        other = list(islice(said_else, limit))
        short = any(
            t.name in ("last4", "ssn", "pin", "cvv") and t.source == "question" for t in topics
        )
        return len(other) <= (4 if short else 1)

    def _repeats(self, elements: Sequence[NumberElement]) -> bool:
        """Tell whether three digits on end were said in the turn before."""
        reading = self.reading
        digits = "".join(e.digits for e in elements)
        by_turn: dict[int, str] | None = reading.__dict__.get("_digits_by_turn")
        if by_turn is None:
            parts: dict[int, list[str]] = {}
            for run in digit_runs(reading):
                for e in run.elements:
                    parts.setdefault(reading.turn[e.first], []).append(e.digits)
            by_turn = reading.__dict__["_digits_by_turn"] = {
                turn: "".join(each) for turn, each in parts.items()
            }
        spoken = by_turn.get(reading.turn[elements[0].first] - 1, "")
        return any(digits[i : i + 3] in spoken for i in range(len(digits) - 2))

    def _brief(self, elements: Sequence[NumberElement], topic: Topic) -> bool:
        """Tell whether the turn says little else, so that a short number can be the answer to a
        question.
        """
        if topic.source == "read back":
            return self._repeats(elements)
        if topic.source != "question":
            return True
        said = self.reading.turns[self.reading.turn[elements[0].first]]
        words = _words_before(self.reading)
        return words[said.last] - words[said.first] <= 6

    def _house(self, elements: Sequence[NumberElement]) -> bool:
        """Tell whether the digits are the house number of an address."""
        start, end = self.reading.start[elements[0].first], self.reading.end[elements[-1].last]
        places: list[tuple[int, int]] | None = self.reading.__dict__.get("_address_places")
        if places is None:  # in order of their beginnings, each with how far those up to it reach
            spans = sorted(span for hit in find_addresses(self.reading) for span in hit.spans)
            places = list(
                zip((a for a, _ in spans), accumulate((b for _, b in spans), max), strict=True)
            )
            self.reading.__dict__["_address_places"] = places
        at = bisect_right(places, start, key=lambda place: place[0])
        return at > 0 and places[at - 1][1] >= end

    def _by_form(self, elements: list[NumberElement], topics: list[Topic]) -> ValueMatch | None:
        digits = "".join(e.digits for e in elements)
        own = checks.national_id_type(digits, self.reading.vocab.national_ids)
        if own is not None:
            return self._hit(
                own, elements, 0.8, "state number with right check digits", topics, "state"
            )
        tight = len(elements) == 1 or max(e.link for e in elements[1:]) == TIGHT
        spoken = sum(e.spoken for e in elements) * 2 > len(elements)
        card = any(t.name == "card" for t in topics[:3])
        number = NumberCandidate(
            self.reading,
            self.regions,
            elements,
            digits,
            group_sizes(elements),
            spoken,
            tight,
            card,
            self._told(len(digits), topics),
        )
        for form in FORMS:
            if form.least <= len(digits) <= form.most and (score := form.score(number)):
                return self._hit(form.entity, elements, score, form.why, topics, form.topic)
        return None

    def _told(self, count: int, topics: list[Topic]) -> Topic | None:
        """Return the first topic whose kind admits so many digits."""
        for topic in topics:
            kind = KINDS.get(topic.name)
            if (
                kind is not None
                and (kind.asked if topic.source == "question" else kind.told) <= count <= kind.most
            ):
                return topic
        return None

    def _by_topic(self, elements: list[NumberElement], topics: list[Topic]) -> ValueMatch | None:
        count = sum(len(e.digits) for e in elements)
        if (
            any(t.name == "last4" for t in topics)
            and 2 <= count <= 6
            and not (_nearer_secret(topics) or self._second(elements, topics))
        ):
            tail = next((t for t in topics if t.name in TAILS), None)
            deciding = next(t for t in topics if t.name == "last4")
            entity = (
                self.reading.vocab.topics.get(tail.name, TAILS[tail.name]) if tail else "ACCOUNT_ID"
            )
            bare = (
                " ".join(self.reading.low[deciding.cue.first : deciding.cue.last])
                in self.reading.vocab.sets["bare_ends"]
            )
            if not bare or (tail and deciding.distance == 0):
                return ValueMatch(
                    entity,
                    self._spans(elements),
                    0.8,
                    f"last digits: {deciding.explain(self.reading)}",
                )
        for topic in topics:
            kind = KINDS.get(topic.name)
            if kind is None:
                continue
            least = kind.asked if topic.source == "question" else kind.told
            if (
                topic.name == "phone"
                and topic.source == "question"
                and elements[0].digits[0] == "0"
            ):
                least = 2  # an area code alone ("use oh four, that's my work number")
            if (
                least <= count <= kind.most
                and not self._year(elements, topic)
                and (
                    (count >= kind.told and topic.source != "read back")
                    or self._brief(elements, topic)
                )
            ):
                if topic.name == "dob" and topic.source != "question":
                    continue
                score = (
                    0.8
                    if topic.source == "before" and topic.distance <= 5
                    else 0.7
                    if topic.source != "after"
                    else 0.6
                )
                entity = self.reading.vocab.topics.get(topic.name, kind.entity)
                if is_booking_reference(self.reading, topic, elements[0].first):
                    entity = KINDS["booking"].entity
                if entity == "US_SSN" and checks.is_itin("".join(e.digits for e in elements)):
                    entity = "US_ITIN"
                return ValueMatch(entity, self._spans(elements), score, topic.explain(self.reading))
        return None

    def _year(self, elements: Sequence[NumberElement], topic: Topic) -> bool:
        """ "my account since 2019": a bare year some words after a cue is a year."""
        if topic.source != "before" or topic.distance < 4 or topic.name in ("dob", "pin", "expiry"):
            return False
        digits = "".join(e.digits for e in elements)
        return len(digits) == 4 and digits[:2] in ("19", "20")

    def _by_length(self, elements: list[NumberElement]) -> list[ValueMatch]:
        """Long numbers nobody named: more likely somebody's than not."""
        digits = "".join(e.digits for e in elements)
        count = len(digits)
        spoken = sum(e.spoken for e in elements) * 2 > len(elements)
        links = max((e.link for e in elements[1:]), default=TIGHT)
        usual, brand = checks.card_brand(digits)
        if links > WEAK and not spoken:
            return []
        if spoken and count >= (10 if self._scaled(elements) else 7):
            entity = (
                "CREDIT_CARD"
                if count >= 13
                else "US_SSN"
                if count == 9
                else "PHONE_NUMBER"
                if count in (7, 10, 11)
                else "ACCOUNT_ID"
            )
            return [
                ValueMatch(
                    entity, self._spans(elements), 0.5, f"{count} digits said one after the other"
                )
            ]
        if spoken or _list(elements):
            return []
        if group_sizes(elements) in CARD_GROUPS[:2]:
            return [ValueMatch("CREDIT_CARD", self._spans(elements), 0.5, "form of a card number")]
        glued = elements[0].glued or elements[-1].glued
        if usual or (brand and count > 15):
            return [
                ValueMatch(
                    "CREDIT_CARD",
                    self._spans(elements),
                    0.45,
                    "length and first digits of a brand's cards",
                )
            ]
        near = next(
            (
                t
                for t in topics_at(self.reading, elements[0].first, elements[-1].last)
                if t.source == "before"
            ),
            None,
        )
        if near is not None and near.name == "neutral" and near.distance <= 3 and count <= 15:
            return []  # "part no 123-4567-89"
        if count >= (13 if glued else 8) and links == TIGHT and not self._epoch(elements):
            return [
                ValueMatch(
                    "ACCOUNT_ID",
                    self._spans(elements),
                    0.4,
                    f"{count} digits that nothing near explains",
                )
            ]
        return []

    def _epoch(self, elements: Sequence[NumberElement]) -> bool:
        """Tell whether a number behind "at" or "timestamp" counts seconds or milliseconds since
        1970, 2014 to 2033: a machine's time stamp.
        """
        digits, reading = elements[0].digits, self.reading
        if len(elements) > 1 or len(digits) not in (10, 13) or not "14" <= digits[:2] <= "19":
            return False
        return not reading.vocab.sets["stamp_words"].isdisjoint(
            reading.low[max(0, elements[0].first - 4) : elements[0].first]
        )

    def _hit(
        self,
        entity: str,
        elements: list[NumberElement],
        score: float,
        form: str,
        topics: list[Topic],
        topic: str,
    ) -> ValueMatch:
        near = next((t for t in topics if t.name == topic), None)
        why = form if near is None else f"{form}; {near.explain(self.reading)}"
        return ValueMatch(
            entity, self._spans(elements), min(1.0, score + (0.15 if near else 0.0)), why
        )

    def _spans(self, elements: Sequence[NumberElement]) -> tuple[tuple[int, int], ...]:
        """Return the elements, a sign before them, and what the other party echoed meanwhile and
        right after.
        """
        reading = self.reading
        tokens = [t for e in elements for t in (e.first, e.last)]
        before = elements[0].first - 1
        if (
            before >= 0
            and (
                reading.low[before] in ("+", "(")
                or reading.low[before] in reading.vocab.sets["plus"]
            )
            and reading.turn[before] == reading.turn[elements[0].first]
        ):
            tokens.append(before)
            if reading.low[before] == "(" and before and reading.low[before - 1] == "+":
                tokens.append(before - 1)
        if (
            before >= 1
            and {reading.low[before - 1], reading.low[before]} == reading.vocab.sets["area_code"]
            and reading.turn[before] == reading.turn[elements[0].first]
        ):
            tokens.append(before - 1)
        value = "".join(e.digits for e in elements)
        first, last = reading.turn[elements[0].first], reading.turn[elements[-1].last]
        mine = {reading.turn[e.first] for e in elements}
        for turn in range(first + 1, min(last + 2, len(reading.turns))):
            if turn not in mine and reading.light[turn]:
                echoed = [
                    t
                    for t in range(reading.turns[turn].first, reading.turns[turn].last)
                    if reading.kind[t] == DIGITS
                    or reading.kind[t] in SPOKEN_NUMBER
                    or reading.kind[t] == ZERO
                ]
                said = "".join(reading.value[t] for t in echoed)
                echoed = (
                    echoed
                    if len(echoed) > 1
                    or any(reading.kind[t] in (DIGITS, UNIT, TEEN, TENS) for t in echoed)
                    else []
                )
                if echoed and len(said) >= 2 and (turn <= last or said in value):
                    tokens.extend(echoed)
        return spans_of(reading, tokens)


def _hour(hours: str, minutes: str) -> bool:
    return (
        int(hours) <= 12
        and len(hours) <= 2
        and len(minutes) == 2
        and minutes in ("00", "15", "30", "45", "05", "10", "20", "40", "50", "25", "35", "55")
    )


def _nearer_secret(topics: list[Topic]) -> bool:
    """Tell whether a cue of another kind stands between "last four" and the number ("last four 9855
    and the cvv is 417").
    """
    before = [t for t in topics if t.source == "before"]
    return (
        bool(before)
        and before[0].name in ("cvv", "expiry", "pin", "zip")
        and any(t.name == "last4" for t in before[1:])
    )


def _leading(elements: Sequence[NumberElement], least: int, most: int) -> int:
    """Tell how many elements at the front have `least` to `most` digits together, with others
    behind them; 0 where none do.
    """
    size = 0
    for n, element in enumerate(elements, 1):
        size += len(element.digits)
        if size >= least:
            return n if size <= most and n < len(elements) else 0
    return 0


def _is_card(value: DigitValue) -> bool:
    return value.entity == "CREDIT_CARD"


def _words_before(reading: TokenizedConversation) -> list[int]:
    """For each token how many words stand before it that are no fillers, backchannels or
    repairs.
    """
    kept: list[int] | None = reading.__dict__.get("_words_before")
    if kept is None:
        vocab = reading.vocab
        quiet = vocab.fillers | vocab.backchannel | vocab.repairs
        tells = (
            kind == WORD and low not in quiet
            for kind, low in zip(reading.kind, reading.low, strict=True)
        )
        kept = reading.__dict__["_words_before"] = [0, *accumulate(tells)]
    return kept


def _list(elements: Sequence[NumberElement]) -> bool:
    """Tell whether short numbers are listed in order, or years ("1 2 3 4 5 6 7 8", "2015 2016
    2017").
    """
    if len(elements) < 3 or any(e.spoken for e in elements):
        return False
    numbers = [int(e.digits) for e in elements]
    years = all(len(e.digits) == 4 and e.digits[:2] in ("19", "20") for e in elements)
    short = all(len(e.digits) <= 3 for e in elements) and len(elements) > 4
    return years or (
        short and (numbers == sorted(set(numbers)) or numbers == sorted(set(numbers), reverse=True))
    )
