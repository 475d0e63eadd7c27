"""Detection over a batch of interactions: from raw records to spans in every text of each."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from callveil.schemas.finding import TextSpan
from callveil.schemas.rejected import Rejected
from callveil.schemas.rules import NAMED
from callveil.transforms.detect.budget import Budget, reason_of
from callveil.transforms.detect.business_values import (
    business_numbers,
    countries_of,
    is_business_number,
)
from callveil.transforms.detect.complete_findings import complete_findings
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.detection_result import (
    CALLER_GROUPS,
    GUARDED_GROUPS,
    DetectionJob,
    DetectionResult,
)
from callveil.transforms.detect.document import (
    DocumentSet,
    roles_of,
    speakers_of,
)
from callveil.transforms.detect.engine import DetectionFailed, Detector
from callveil.transforms.detect.known_values import (
    KnownValue,
    known_values,
)
from callveil.transforms.detect.placeholders import (
    placeholder_pattern,
)
from callveil.transforms.detect.propagation import speaker_names
from callveil.transforms.detect.resolve import BUILTIN
from callveil.transforms.detect.text_fields import Leaf, walk, with_named_field

T = TypeVar("T")


PLATFORM_ID = re.compile(r"[A-Z]{2,4}[0-9A-Fa-f]{32,64}")
"""An id as the platform gives one to its calls, numbers and routes: digits in it are no one's
number.
"""
SHORT_ID = 8
"""Digits of an id that is too short for anything that is guarded."""


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
    complete = partial(complete_findings, settings=detector.settings)
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
