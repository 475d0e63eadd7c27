"""Additions to what engines find: known values, denied texts, repeated mentions, copies."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from callveil.schemas.finding import TextSpan
from callveil.schemas.policy import DetectionSettings
from callveil.transforms.detect.business_values import (
    SHORTEST,
    business_spans,
    business_values,
    drop_business_findings,
)
from callveil.transforms.detect.detection_result import (
    CALLER_GROUPS,
    GUARDED_GROUPS,
    DetectionResult,
)
from callveil.transforms.detect.document import (
    InteractionDocument,
    Segment,
)
from callveil.transforms.detect.known_values import (
    WORD,
    KnownValue,
    strip_case_and_accents,
)
from callveil.transforms.detect.lang import word_file
from callveil.transforms.detect.normalized_text import normalize_text
from callveil.transforms.detect.placeholders import (
    exclude_places,
    placeholder_pattern,
    placeholder_spans,
)
from callveil.transforms.detect.postcode_after_place import postcodes_after
from callveil.transforms.detect.propagation import DETECTOR as CONSISTENCY
from callveil.transforms.detect.propagation import distinct_values, values_from_spans
from callveil.transforms.detect.recognizers.small_talk import is_small_talk, trim_value_words
from callveil.transforms.detect.resolve import accept_findings
from callveil.transforms.detect.script import unsupported_language_spans
from callveil.transforms.detect.text_fields import LABELLED, Leaf, Path
from callveil.transforms.detect.value_search import FoldedWords, find_values

GUARDED_ENTITIES = frozenset({"CREDIT_CARD", "CVV", "US_SSN", "IBAN_CODE", "EMAIL_ADDRESS"})
"""What is taken out even of labels and statuses that are otherwise kept; the contact's known values
are too.
"""
CARD_DATA = frozenset({"CREDIT_CARD", "CVV"})
"""What is taken out of kept fields about the caller: who keeps these means their names, numbers and
addresses.
"""
MODEL = "SpacyRecognizer"
"""Detector of what the language model found."""
PASCAL_NAME = re.compile(
    r"(?!(?:Mc|Mac|De|Di|Du|La|Le|Lo|Al|El|St|Van|Von|Fitz)[A-Z])[A-Z]+[a-z0-9]+(?:[A-Z]+[a-z0-9]*)+"
)
"""`JobStatus`, not `McKinley`."""
FIELD_NAME = re.compile(
    r"[a-z][a-z0-9]*(?:[_\-.:/][a-z0-9]+)*|[a-z]+(?:[A-Z][a-z0-9]*)+|[A-Z0-9_]+"
    rf"|{PASCAL_NAME.pattern}"
)
"""Keys of this form (snake, kebab, camel, Pascal or upper case) are names of fields.

A key written any other way is read like a text.
"""
BESIDE = 40
"""Characters before and after a greeting that are looked at for more that is said in its line."""
SURE_LETTERS = 4
"""Letters of a value that is no everyday word from which on it is sought in keys too."""


def complete_findings(detected: DetectionResult, settings: DetectionSettings) -> DetectionResult:
    """Add the contact's known values and denied texts, give each value a group, and lay spans over
    the copies.
    """
    rules = detected.job.decision.rules
    done = placeholder_pattern(rules)
    shorthand = word_file(detected.job.decision.language or "en", "shorthand.txt")
    language = detected.job.decision.language or "en"
    record, account = detected.job.raw.record, detected.job.account
    values = business_values(record, account)
    tokens: dict[
        int, FoldedWords
    ] = {}  # not kept with the record: they take many times the room of its text
    own: dict[int, list[tuple[int, int]]] = {}
    for i, reading in enumerate(detected.readings):
        spans = detected.spans[i]
        if settings.unknown_language == "full" and detected.job.decision.mode != "none":
            spans.extend(unsupported_language_spans(reading.view, settings.languages))
        if not reading.analysed:
            continue
        tokens[i] = FoldedWords.of(reading.view.text, language)
        spans.extend(find_values(tokens[i], detected.known))
        spans.extend(list(postcodes_after(reading.view.text, spans, language)))
        spans.extend(_denied(reading.view.text, rules.deny))
        own[i] = business_spans(reading.view.text, record, account, language, (tokens[i], values))
        spans[:] = drop_business_findings(spans, own[i])
        spans[:] = exclude_places(
            reading.view.text, spans, placeholder_spans(reading.view.text, done, reading.labels)
        )
        spans[:] = [
            s
            for s in spans
            if s.detector != MODEL or not _is_shorthand(reading.view.text, s, shorthand)
        ]
        spans[:] = [
            _without_lead(reading.view.text, s) if s.detector == MODEL and shorthand else s
            for s in spans
        ]
        # A span may begin in a label and end in the value beside it: what is left of it outside the
        # places that stay counts.
        spans[:] = _without_labels(reading, detected, spans)
        # What looks like a field's name is none of a person: only known values and patterns count
        # there.
        names = list(_field_names(reading.segments))
        spans[:] = _trimmed(reading.view.text, spans, names, lambda s: s.detector != MODEL)
        detected.spans[i] = [
            replace(s, group=f"{reading.name}:{s.group or s.start}") for s in spans
        ]
    if detected.job.decision.mode != "none":
        _spread(detected, tokens, own)
    copies = [
        (i, reading.copy) for i, reading in enumerate(detected.readings) if reading.copy is not None
    ]
    # First everything the copies know goes to the conversation, then all of it to every copy: none
    # knows less than another.
    for i, copy in copies:
        detected.spans[0].extend(copy.project(detected.spans[i], reverse=True))
    for i, copy in copies:
        detected.spans[i].extend(copy.project(detected.spans[0]))
    return detected


def _without_labels(
    reading: InteractionDocument, detected: DetectionResult, spans: list[TextSpan]
) -> list[TextSpan]:
    """Return the spans without what they cover of texts that are kept, save what counts there
    too.
    """
    guarded = [(s.start, s.end) for s in reading.segments if _is_guarded(s.leaf, detected)]
    callers = [
        (s.start, s.end) for s in reading.segments if _is_guarded(s.leaf, detected, CALLER_GROUPS)
    ]
    spans = _trimmed(reading.view.text, spans, guarded, partial(_stays_guarded, reading.view.text))
    return _trimmed(reading.view.text, spans, callers, lambda s: s.entity in CARD_DATA)


def _spread(
    detected: DetectionResult,
    tokens: dict[int, FoldedWords],
    own: Mapping[int, list[tuple[int, int]]],
) -> None:
    """Find every further mention of what was found, in all texts of the record.

    `tokens` holds those of the readings that are analysed, by number, and `own` the places of the
    business' own values.
    """
    language = detected.job.decision.language or "en"
    values: list[KnownValue] = []
    for reading, spans in zip(detected.readings, detected.spans, strict=True):
        accepted, _ = accept_findings(
            reading.view.text, spans, detected.job.decision.rules, detected.job.decision.floor
        )
        values.extend(values_from_spans(reading.view.text, accepted, language))
    known = {(v.entity, v.target) for v in detected.known}
    done = placeholder_pattern(detected.job.decision.rules)
    wanted = [v for v in distinct_values(values) if (v.entity, v.target) not in known]
    if wanted:
        for i, (reading, spans) in enumerate(zip(detected.readings, detected.spans, strict=True)):
            if reading.analysed:
                mentions = list(_mentions(reading, wanted, tokens[i], done))
                spans.extend(
                    _without_labels(
                        reading, detected, drop_business_findings(mentions, own.get(i, ()))
                    )
                )


def _mentions(
    reading: InteractionDocument,
    wanted: Sequence[KnownValue],
    tokens: FoldedWords,
    done: re.Pattern[str],
) -> Iterator[TextSpan]:
    """Yield mentions of values in a text; within keys of those alone that are no everyday words."""
    text = reading.view.text
    keys = [(s.start, s.end) for s in reading.segments if s.key]
    places = placeholder_spans(text, done, [*reading.labels, *keys])
    yield from exclude_places(text, find_values(tokens, wanted, CONSISTENCY), places)
    if not keys:
        return
    sure = [v for v in wanted if not v.guarded and len(v.target) >= SURE_LETTERS]
    places = placeholder_spans(text, done, reading.labels)
    for span in exclude_places(text, find_values(tokens, sure, CONSISTENCY), places):
        at = bisect_right(keys, (span.start, len(text))) - 1
        if at >= 0 and span.end <= keys[at][1]:
            yield span


def _field_names(segments: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """Yield places of the keys that are names of fields, by their form or by the keys beside them,
    and of other labels the business has given.

    A word with a capital is one where another key of its object is written `LikeThis`.
    """
    around = {_object_of(s) for s in segments if s.key and PASCAL_NAME.fullmatch(s.key)}
    for s in segments:
        beside = s.key.isalpha() and s.key.istitle() and _object_of(s) in around
        if (s.key and (beside or FIELD_NAME.fullmatch(s.key))) or _is_label(s.leaf):
            yield s.start, s.end


def _is_label(leaf: Leaf) -> bool:
    """Tell whether a text is a label that the business has chosen: a tag, the name of a custom
    field or of a form, a form's question.
    """
    if leaf.field.name == "form":
        return leaf.path[-1] in ("label", "form_name") and not leaf.key
    return leaf.field.name == "tag_list" or (leaf.key and leaf.field.name in LABELLED)


def _object_of(segment: Segment) -> Path:
    """Return the path of the JSON object that holds a key; for JSON written as a text, the path of
    the text.
    """
    return segment.leaf.path[:-1] if segment.leaf.key else segment.leaf.path


def _trimmed(
    text: str,
    spans: list[TextSpan],
    places: list[tuple[int, int]],
    stays: Callable[[TextSpan], bool],
) -> list[TextSpan]:
    """Return the spans without what they cover of `places`, save those that stay whole. `places`
    are in order and disjoint.
    """
    return (
        [
            part
            for span in spans
            for part in ([span] if stays(span) else exclude_places(text, [span], places))
        ]
        if places
        else spans
    )


def _is_shorthand(text: str, span: TextSpan, shorthand: frozenset[str]) -> bool:
    """Tell whether what a language model takes for a name is nothing but shorthand such as `Pls`,
    or small talk as chats spell it.
    """
    words = [strip_case_and_accents(w) for w in WORD.findall(text[span.start : span.end])]
    if words and all(w in shorthand for w in words):
        return True
    if not shorthand or span.entity != "PERSON":
        return False
    before = text[max(0, span.start - BESIDE) : span.start].rpartition("\n")[2]
    after = text[span.end : span.end + BESIDE].partition("\n")[0]
    return is_small_talk(words, WORD.search(before) is None and WORD.search(after) is None)


def _without_lead(text: str, span: TextSpan) -> TextSpan:
    """Return what a language model found without the words that only say what it is ("password
    4352", "martin password").
    """
    words = list(WORD.finditer(text, span.start, span.end))
    names = [strip_case_and_accents(w[0]) for w in words]
    first, stop = trim_value_words(names)
    if stop - first == len(words):
        return span
    return replace(span, start=words[first].start(), end=words[stop - 1].end())


def _stays_guarded(text: str, span: TextSpan) -> bool:
    """Tell whether a finding counts in a kept text too: known values, what is guarded, numbers that
    were found in another text, and those that somebody's visit left in a link ("?tel=+1628...").
    """
    if span.detector in ("known_value", "deny_list") or span.entity in GUARDED_ENTITIES:
        return True
    if (
        span.detector == CONSISTENCY
        and sum(c.isdigit() for c in text[span.start : span.end]) >= SHORTEST
    ):
        return True
    return span.entity == "PHONE_NUMBER" and text[: span.start].rstrip("+")[-1:] == "="


def _is_guarded(
    leaf: Leaf, detected: DetectionResult, groups: frozenset[str] = GUARDED_GROUPS
) -> bool:
    return (
        leaf.field.group in groups
        and detected.job.decision.rules.treatment(leaf.field, detected.job.decision.mode) == "keep"
    )


def _denied(text: str, deny: tuple[tuple[str, str], ...]) -> Iterator[TextSpan]:
    if not deny:
        return
    folded = _fold_in_place(text)
    for wanted, entity in deny:
        words = [re.escape(w) for w in _fold_in_place(normalize_text(wanted).text).split()]
        if not words:
            continue
        for match in re.finditer(r"\s+".join(words), folded):
            start, end = match.span()
            if not (start and folded[start - 1].isalnum() and folded[start].isalnum()) and not (
                end < len(folded) and folded[end].isalnum() and folded[end - 1].isalnum()
            ):
                yield TextSpan(start, end, entity, 1.0, "deny_list")


def _fold_in_place(text: str) -> str:
    """Case folded letter by letter, so that every place stays where it is; the few letters that
    become two are left as they are.
    """
    folded = text.casefold()
    return (
        folded
        if len(folded) == len(text)
        else "".join(f if len(f := c.casefold()) == 1 else c for c in text)
    )
