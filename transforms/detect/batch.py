"""Detection over a batch of interactions: from raw records to spans in every text of each."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from callveil.schemas.account import Account
from callveil.schemas.finding import TextSpan
from callveil.schemas.interaction import RawInteraction
from callveil.schemas.policy import DetectionSettings
from callveil.schemas.rejected import Rejected
from callveil.schemas.rules import NAMED
from callveil.transforms.detect.budget import Budget, reason_of
from callveil.transforms.detect.business_values import (
    SHORTEST,
    business_numbers,
    business_spans,
    business_values,
    countries_of,
    drop_business_findings,
    is_business_number,
)
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.decision import RedactionDecision
from callveil.transforms.detect.document import (
    DocumentSet,
    InteractionDocument,
    Segment,
    roles_of,
    speakers_of,
)
from callveil.transforms.detect.engine import DetectionFailed, Detector
from callveil.transforms.detect.known_values import (
    WORD,
    KnownValue,
    known_values,
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
from callveil.transforms.detect.propagation import distinct_values, speaker_names, values_from_spans
from callveil.transforms.detect.recognizers.small_talk import is_small_talk, trim_value_words
from callveil.transforms.detect.resolve import BUILTIN, accept_findings
from callveil.transforms.detect.script import unsupported_language_spans
from callveil.transforms.detect.text_fields import LABELLED, Leaf, Path, walk, with_named_field
from callveil.transforms.detect.value_search import FoldedWords, find_values

T = TypeVar("T")

GUARDED_GROUPS, CALLER_GROUPS = (
    frozenset({"flow", "media", "staff", "visitor", NAMED}),
    frozenset({"caller"}),
)
"""Groups that are read where a policy keeps them, for `GUARDED_ENTITIES` and for `CARD_DATA` alone.
"""
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

PLATFORM_ID = re.compile(r"[A-Z]{2,4}[0-9A-Fa-f]{32,64}")
"""An id as the platform gives one to its calls, numbers and routes: digits in it are no one's
number.
"""
SHORT_ID = 8
"""Digits of an id that is too short for anything that is guarded."""

BESIDE = 40
"""Characters before and after a greeting that are looked at for more that is said in its line."""

SURE_LETTERS = 4
"""Letters of a value that is no everyday word from which on it is sought in keys too."""


@dataclass(frozen=True)
class DetectionJob:
    """A raw record, how it is to be redacted, the type of its account, and the account as it was
    then, where it is known.
    """

    raw: RawInteraction
    decision: RedactionDecision
    account_type: str
    agency_id: str = ""
    account: Account | None = None


@dataclass(frozen=True)
class DetectionResult:
    """A raw record with everything that was found in it.

    Attributes:
        job: the record and its decision.
        leaves: all its leaves, with the treatment of each.
        readings: the texts that were read.
        spans: spans per reading, in the reading's offsets, unfiltered.
        known: the contact's own values.
        read: what the engines found in each view, before anything else was added, so that an equal
            view need not be read twice.
        chars: characters of the record's texts; each text counts as one more.
        countries: whose identity numbers may be in it; see `own.countries_of`.
    """

    job: DetectionJob
    leaves: list[tuple[Leaf, str]] = field(repr=False)
    readings: list[InteractionDocument] = field(repr=False)
    spans: list[list[TextSpan]] = field(repr=False)
    known: list[KnownValue] = field(repr=False)
    read: dict[View, tuple[TextSpan, ...]] = field(repr=False, default_factory=dict)
    chars: int = 0
    countries: frozenset[str] = frozenset()


def run_or_reject(
    job: DetectionJob, budget: Budget, stage: str, work: Callable[[], T]
) -> T | Rejected:
    """Return what `work` on a record returns, or the record's rejection where it raises anything or
    overruns the budget. Nothing is quoted.
    """
    try:
        return budget.run(work)
    except DetectionFailed as failure:
        reason, detail = failure.reason, str(failure)
    except Exception as problem:  # noqa: BLE001 - fail closed; the message may quote content, so only its type is told
        reason, detail = reason_of(problem)
        if not reason:
            reason, detail = f"{stage}ion_failed", f"{stage}ion raised {detail}"
    raw = job.raw
    return Rejected(
        raw.source, stage, reason, detail, account_id=raw.key.account_id, interaction_id=raw.key.id
    )


def leaf_treatments(job: DetectionJob) -> list[tuple[Leaf, str]]:
    """Return every leaf of the record with its treatment: keep, guard, scan, redact or clear.

    `guard` is for kept texts: they are read for the contact's own values and for what nobody may
    keep by accident. JSON keys are scanned even where their values are replaced outright.
    """
    rules, mode = job.decision.rules, job.decision.mode
    out: list[tuple[Leaf, str]] = []
    cache: dict[str, str] = {}
    own = business_numbers(job.raw.record, job.account)
    for leaf in walk(job.raw.record):
        leaf = with_named_field(leaf, rules.fields)
        treatment = cache.get(leaf.field.name)
        if treatment is None:
            treatment = rules.treatment(leaf.field, mode)
            if mode == "none" and leaf.field.group in ("unknown", NAMED):
                treatment = rules.treatment(leaf.field, "content")
            if (
                treatment == "keep"
                and leaf.field.group in GUARDED_GROUPS | CALLER_GROUPS
                and mode != "none"
            ):
                treatment = "guard"
            cache[leaf.field.name] = treatment
        if (
            treatment == "scan"
            and leaf.entity == "PHONE_NUMBER"
            and leaf.field.group == "form"
            and is_business_number(leaf.text, own)
        ):
            out.append((leaf, "scan"))  # the business' own, and no one's personal data
            continue
        if treatment in ("scan", "guard") and _is_platform_id(leaf):
            treatment = "keep"
        treatment = _at_least(leaf, treatment, job.decision.floor)
        if treatment == "guard" and leaf.field.group in CALLER_GROUPS and _is_number(leaf):
            treatment = "keep"
        if treatment == "redact" and leaf.key:
            out.append((leaf, "scan"))
        elif treatment == "scan" and leaf.entity and not leaf.key and not leaf.field.entity:
            # A member that is personal by nature (form.name, agent.email) needs no reading to know
            # it.
            out.append((leaf, "redact"))
        else:
            out.append((leaf, treatment))
    return out


def _is_number(leaf: Leaf) -> bool:
    """Tell whether a leaf holds what may be a telephone number (ITU-T E.164: at most 15 digits)."""
    digits = sum(c.isdigit() for c in leaf.text)
    return (leaf.entity or leaf.field.entity) == "PHONE_NUMBER" and digits <= 15


def _is_platform_id(leaf: Leaf) -> bool:
    """Tell whether a text is an id of the platform's, which is no one's number however many digits
    stand in it or around it.
    """
    if leaf.key or leaf.field.group not in ("flow", "flow_text"):
        return False
    short = leaf.field.name.endswith("id") and leaf.text.isdigit() and len(leaf.text) <= SHORT_ID
    return short or PLATFORM_ID.fullmatch(leaf.text) is not None


def _at_least(leaf: Leaf, treatment: str, floor: frozenset[str]) -> str:
    """Return a treatment no weaker than what an earlier version of the record got: a laxer policy
    does not bring back what was hidden.
    """
    if not floor or treatment == "clear":
        return treatment
    if f"clear:{leaf.field.name}" in floor:
        return "clear"
    return (
        "redact"
        if f"redact:{leaf.field.name}" in floor or (leaf.entity or leaf.field.entity) in floor
        else treatment
    )


def detect_batch(
    detector: Detector,
    jobs: Sequence[DetectionJob],
    read: Sequence[Mapping[View, tuple[TextSpan, ...]]] | None = None,
) -> Iterator[DetectionResult | Rejected]:
    """Find personal data in a batch of records.

    Args:
        detector: this process' engines.
        jobs: records with their decisions, in any mix of languages.
        read: for each job what the engines have found already in views it may hold
            (`DetectionResult.read`, same language).

    Yields: one item per job, in order: what was found, or why the record cannot be shown to be
        clean.
    """
    prepared: list[DetectionResult | Rejected] = []
    budgets: list[Budget] = []
    work: dict[str, list[tuple[View, tuple[int, int]]]] = defaultdict(list)
    read_anyway = frozenset(detector.settings.read_countries())
    for n, job in enumerate(jobs):
        leaves = run_or_reject(job, detector.budget(0), "detect", partial(leaf_treatments, job))
        chars = 0 if isinstance(leaves, Rejected) else sum(len(leaf.text) + 1 for leaf, _ in leaves)
        budgets.append(detector.budget(chars))
        if not isinstance(leaves, Rejected):
            prepare = partial(_prepared, job, leaves, chars, detector.settings.one_party)
        item = (
            leaves
            if isinstance(leaves, Rejected)
            else run_or_reject(job, budgets[n], "detect", prepare)
        )
        prepared.append(item)
        if isinstance(item, Rejected):
            continue
        more = item.countries - read_anyway
        for i, reading in enumerate(item.readings):
            if not (reading.analysed and job.decision.language):
                continue
            if read is not None and (found := read[n].get(reading.view)) is not None:
                item.read[reading.view] = found
                item.spans[i].extend(_counting(found, job))
            else:
                work[job.decision.language].append(
                    (replace(reading.view, countries=more) if more else reading.view, (n, i))
                )
    for language in sorted(work):
        for (n, i), spans in detector.run(work[language], language, lambda tag: budgets[tag[0]]):
            item = prepared[n]
            if isinstance(item, Rejected):
                continue
            if isinstance(spans, DetectionFailed):
                key = jobs[n].raw.key
                prepared[n] = Rejected(
                    jobs[n].raw.source,
                    "detect",
                    spans.reason,
                    str(spans),
                    account_id=key.account_id,
                    interaction_id=key.id,
                )
            else:
                item.read[item.readings[i].view] = tuple(spans)
                item.spans[i].extend(_counting(spans, item.job))
    complete = partial(_complete, settings=detector.settings)
    for job, budget, item in zip(jobs, budgets, prepared, strict=True):
        yield (
            item
            if isinstance(item, Rejected)
            else run_or_reject(job, budget, "detect", partial(complete, item))
        )


def _prepared(
    job: DetectionJob, leaves: list[tuple[Leaf, str]], chars: int, one_party: str
) -> DetectionResult:
    """Return a record as detection reads it, with nothing found yet."""
    record = job.raw.record
    staff = any(
        treatment in ("redact", "clear") and leaf.field.group == "staff"
        for leaf, treatment in leaves
    )
    scanned = [leaf for leaf, treatment in leaves if treatment in ("scan", "guard")]
    document = DocumentSet(
        scanned,
        roles_of(record),
        placeholder_pattern(job.decision.rules),
        speakers_of(record),
        one_party,
    )
    readings = document.readings if scanned else []
    countries = countries_of(record, job.account)
    return DetectionResult(
        job,
        leaves,
        readings,
        [[] for _ in readings],
        _known(job, staff),
        chars=chars,
        countries=countries,
    )


def _counting(spans: Iterable[TextSpan], job: DetectionJob) -> list[TextSpan]:
    """Return the spans without what Presidio's own recognizers found below the threshold or within
    a finding of the same type: it adds nothing.
    """
    threshold = job.decision.rules.threshold
    ends: dict[str, list[tuple[int, int]]] = defaultdict(
        list
    )  # by type: where findings begin, and how far those up to there reach
    out, added = [], []
    for span in sorted(spans, key=lambda s: s.start):
        if not span.detector.startswith(BUILTIN):
            out.append(span)
            if span.score >= threshold(span.entity):
                reach = ends[span.entity]
                reach.append((span.start, max(span.end, reach[-1][1] if reach else 0)))
        elif span.score >= threshold(span.entity):
            added.append(span)
    for span in added:
        reach = ends[span.entity]
        place = bisect_right(reach, span.start, key=lambda r: r[0])
        if not place or reach[place - 1][1] < span.end:
            out.append(span)
    return out


def _known(job: DetectionJob, staff: bool) -> list[KnownValue]:
    """Return values that are personal because of where the record holds them."""
    record = job.raw.record
    values = known_values(
        record,
        staff=staff,
        placeholders=placeholder_pattern(job.decision.rules),
        own=business_numbers(record, job.account),
    )
    seen = {(v.entity, v.target) for v in values}
    names = {(v.entity, v.target): v for v in speaker_names(record, job.decision.language or "en")}
    return values + [v for key, v in names.items() if key not in seen]


def _complete(detected: DetectionResult, settings: DetectionSettings) -> DetectionResult:
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
    """Return the JSON object a key is one of; of JSON written as a text, the text."""
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
