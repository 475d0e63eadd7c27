"""From a run of digits to what it is: by form, by the words beside it, by the question before
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.card_data import card_tracks
from callveil.transforms.detect.recognizers.context import Topic, topics_at
from callveil.transforms.detect.recognizers.digit_context import (
    SIZES,
    is_nobodys,
    run_spans,
)
from callveil.transforms.detect.recognizers.digit_kinds import (
    named_match,
    value_by_form,
    value_by_topic,
    values_by_length,
)
from callveil.transforms.detect.recognizers.extend_answer import extend_answers
from callveil.transforms.detect.recognizers.match import ValueMatch, prune_matches
from callveil.transforms.detect.recognizers.number_elements import (
    PAUSE,
    REPAIR,
    TIGHT,
    DigitRun,
    NumberElement,
)
from callveil.transforms.detect.recognizers.number_sequence import (
    ContextFreeForms,
    DigitValue,
    cache_form,
    card_details,
    cut_run,
    joined_card,
)
from callveil.transforms.detect.recognizers.numbers import digit_runs
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.value_kinds import KINDS

_TOPIC_OF = {"CREDIT_CARD": "card", "PHONE_NUMBER": "phone", "US_SSN": "ssn"}
MOST_IN_VALUE = 24
"""Elements of the longest value that is known by its form, and some."""
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
        return told is not None and len(digits) in SIZES.get(told.name, ())

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
        if is_nobodys(self.reading, elements, topics):
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
        hit = None if several else value_by_form(self.reading, self.regions, elements, topics)
        if hit is None:
            hit = value_by_topic(self.reading, elements, topics)
            if told and len(elements) > 1 and (hit is None or several):
                return self._sequence(elements, values, hit)
        if hit is not None:
            return [hit, *self._as_card(elements, topics, hit)]
        return self._parts(elements) or values_by_length(self.reading, elements)

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
                        named_match(
                            self.reading,
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
                values_by_length(self.reading, elements)
                or [
                    ValueMatch(
                        "ACCOUNT_ID",
                        run_spans(self.reading, part),
                        0.4,
                        "digits said beside a value",
                    )
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
            ValueMatch(
                v.entity, run_spans(self.reading, elements[v.first : v.stop]), v.score, v.why
            )
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
            "CVV",
            run_spans(self.reading, elements),
            0.5,
            "digits by themselves beside a card number",
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

    def _code_first(self, elements: list[NumberElement], topics: list[Topic]) -> int:
        """Tell how many elements are the code that a cue right before asks for, with other digits
        behind it ("cvv 703 94107"); 0 where none is.
        """
        near = next((t for t in topics if t.source == "before"), None)
        if near is None or near.name != "cvv" or near.distance > 3:
            return 0
        return _leading(elements, 3, 4)

    def _cvv(self, elements: list[NumberElement], topics: list[Topic]) -> ValueMatch:
        return named_match(
            self.reading,
            "CVV",
            elements,
            0.65,
            "digits beside a word for a card's code",
            topics,
            "cvv",
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
                    run_spans(self.reading, elements),
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
                spans = run_spans(self.reading, [*parts[index - 1], *part])
                found[index - 1] = [
                    *before[:-1],
                    ValueMatch(hit.entity, spans, hit.score, f"{hit.why}; with its extension"),
                ]
        return found


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
