"""Kind of a run of digits as one value: by its form, by the words that name it, by its length."""

from __future__ import annotations

from callveil.transforms.detect.recognizers import checks
from callveil.transforms.detect.recognizers.context import Topic, is_booking_reference, topics_at
from callveil.transforms.detect.recognizers.digit_context import (
    follows_last_digits,
    has_scale_word,
    is_bare_year,
    is_brief_answer,
    is_list,
    is_timestamp,
    run_spans,
    secret_is_nearer,
)
from callveil.transforms.detect.recognizers.match import ValueMatch
from callveil.transforms.detect.recognizers.number_elements import TIGHT, WEAK, NumberElement
from callveil.transforms.detect.recognizers.number_forms import FORMS, NumberCandidate
from callveil.transforms.detect.recognizers.number_sequence import (
    CARD_GROUPS,
    group_sizes,
)
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.value_kinds import KINDS, TAILS


def value_by_form(
    reading: TokenizedConversation,
    regions: tuple[str, ...],
    elements: list[NumberElement],
    topics: list[Topic],
) -> ValueMatch | None:
    digits = "".join(e.digits for e in elements)
    own = checks.national_id_type(digits, reading.vocab.national_ids)
    if own is not None:
        return named_match(
            reading, own, elements, 0.8, "state number with right check digits", topics, "state"
        )
    tight = len(elements) == 1 or max(e.link for e in elements[1:]) == TIGHT
    spoken = sum(e.spoken for e in elements) * 2 > len(elements)
    card = any(t.name == "card" for t in topics[:3])
    number = NumberCandidate(
        reading,
        regions,
        elements,
        digits,
        group_sizes(elements),
        spoken,
        tight,
        card,
        _told_topic(len(digits), topics),
    )
    for form in FORMS:
        if form.least <= len(digits) <= form.most and (score := form.score(number)):
            return named_match(reading, form.entity, elements, score, form.why, topics, form.topic)
    return None


def _told_topic(count: int, topics: list[Topic]) -> Topic | None:
    """Return the first topic whose kind admits so many digits."""
    for topic in topics:
        kind = KINDS.get(topic.name)
        if (
            kind is not None
            and (kind.asked if topic.source == "question" else kind.told) <= count <= kind.most
        ):
            return topic
    return None


def value_by_topic(
    reading: TokenizedConversation, elements: list[NumberElement], topics: list[Topic]
) -> ValueMatch | None:
    count = sum(len(e.digits) for e in elements)
    if (
        any(t.name == "last4" for t in topics)
        and 2 <= count <= 6
        and not (secret_is_nearer(topics) or follows_last_digits(reading, elements, topics))
    ):
        tail = next((t for t in topics if t.name in TAILS), None)
        deciding = next(t for t in topics if t.name == "last4")
        entity = reading.vocab.topics.get(tail.name, TAILS[tail.name]) if tail else "ACCOUNT_ID"
        bare = (
            " ".join(reading.low[deciding.cue.first : deciding.cue.last])
            in reading.vocab.sets["bare_ends"]
        )
        if not bare or (tail and deciding.distance == 0):
            return ValueMatch(
                entity,
                run_spans(reading, elements),
                0.8,
                f"last digits: {deciding.explain(reading)}",
            )
    for topic in topics:
        kind = KINDS.get(topic.name)
        if kind is None:
            continue
        least = kind.asked if topic.source == "question" else kind.told
        if topic.name == "phone" and topic.source == "question" and elements[0].digits[0] == "0":
            least = 2  # an area code alone ("use oh four, that's my work number")
        if (
            least <= count <= kind.most
            and not is_bare_year(reading, elements, topic)
            and (
                (count >= kind.told and topic.source != "read back")
                or is_brief_answer(reading, elements, topic)
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
            entity = reading.vocab.topics.get(topic.name, kind.entity)
            if is_booking_reference(reading, topic, elements[0].first):
                entity = KINDS["booking"].entity
            if entity == "US_SSN" and checks.is_itin("".join(e.digits for e in elements)):
                entity = "US_ITIN"
            return ValueMatch(entity, run_spans(reading, elements), score, topic.explain(reading))
    return None


def values_by_length(
    reading: TokenizedConversation, elements: list[NumberElement]
) -> list[ValueMatch]:
    """Long numbers nobody named: more likely somebody's than not."""
    digits = "".join(e.digits for e in elements)
    count = len(digits)
    spoken = sum(e.spoken for e in elements) * 2 > len(elements)
    links = max((e.link for e in elements[1:]), default=TIGHT)
    usual, brand = checks.card_brand(digits)
    if links > WEAK and not spoken:
        return []
    if spoken and count >= (10 if has_scale_word(reading, elements) else 7):
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
                entity,
                run_spans(reading, elements),
                0.5,
                f"{count} digits said one after the other",
            )
        ]
    if spoken or is_list(elements):
        return []
    if group_sizes(elements) in CARD_GROUPS[:2]:
        return [
            ValueMatch("CREDIT_CARD", run_spans(reading, elements), 0.5, "form of a card number")
        ]
    glued = elements[0].glued or elements[-1].glued
    if usual or (brand and count > 15):
        return [
            ValueMatch(
                "CREDIT_CARD",
                run_spans(reading, elements),
                0.45,
                "length and first digits of a brand's cards",
            )
        ]
    near = next(
        (
            t
            for t in topics_at(reading, elements[0].first, elements[-1].last)
            if t.source == "before"
        ),
        None,
    )
    if near is not None and near.name == "neutral" and near.distance <= 3 and count <= 15:
        return []  # "part no 123-4567-89"
    if count >= (13 if glued else 8) and links == TIGHT and not is_timestamp(reading, elements):
        return [
            ValueMatch(
                "ACCOUNT_ID",
                run_spans(reading, elements),
                0.4,
                f"{count} digits that nothing near explains",
            )
        ]
    return []


def named_match(
    reading: TokenizedConversation,
    entity: str,
    elements: list[NumberElement],
    score: float,
    form: str,
    topics: list[Topic],
    topic: str,
) -> ValueMatch:
    near = next((t for t in topics if t.name == topic), None)
    why = form if near is None else f"{form}; {near.explain(reading)}"
    return ValueMatch(
        entity,
        run_spans(reading, elements),
        min(1.0, score + (0.15 if near else 0.0)),
        why,
    )
