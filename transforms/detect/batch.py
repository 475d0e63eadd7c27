"""Detection over a batch of interactions: from raw records to spans in every text of each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from callveil.schemas.account import Account
from callveil.schemas.finding import Span
from callveil.schemas.interaction import RawInteraction
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.beside import postcodes_after
from callveil.transforms.detect.budget import Budget, reason_of
from callveil.transforms.detect.consistent import DETECTOR as CONSISTENCY
from callveil.transforms.detect.consistent import speaker_names, strongest, values_found
from callveil.transforms.detect.decide import Decision
from callveil.transforms.detect.document import Document, Reading, roles_of
from callveil.transforms.detect.engine import DetectionFailed, Detector
from callveil.transforms.detect.known import WORD, KnownValue, fold, known_values, word_file
from callveil.transforms.detect.leaves import Leaf, walk
from callveil.transforms.detect.own import own_places, without_own
from callveil.transforms.detect.placeholders import outside, placeholders, taken
from callveil.transforms.detect.resolve import accept
from callveil.transforms.detect.seek import Tokens, find
from callveil.transforms.detect.view import View

T = TypeVar("T")

GUARDED_ENTITIES = frozenset({"CREDIT_CARD", "US_SSN", "IBAN_CODE", "EMAIL_ADDRESS"})
"""What is taken out even of labels and statuses that are otherwise kept; the contact's known values are too."""

MODEL = "SpacyRecognizer"
"""Detector of what the language model found."""

FIELD_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_\-.:/][a-z0-9]+)*|[a-z]+(?:[A-Z][a-z0-9]*)+|[A-Z0-9_]+")
"""Keys of this form (snake, kebab, camel or upper case) are names of fields; a key written any other way is read like a text."""


@dataclass(frozen=True)
class Job:
    """A raw record, how it is to be redacted, the type of its account, and the account as it was then, where it is known."""

    raw: RawInteraction
    decision: Decision
    account_type: str
    agency_id: str = ""
    account: Account | None = None


@dataclass(frozen=True)
class Detected:
    """A raw record with everything that was found in it.

    Attributes:
        job: the record and its decision.
        leaves: all its leaves, with the treatment of each.
        readings: the texts that were read.
        spans: spans per reading, in the reading's offsets, unfiltered.
        known: the contact's own values.
        read: what the engines found in each view, before anything else was added, so that an equal view need not be read twice.
        chars: characters of the record's texts; each text counts as one more.
    """

    job: Job
    leaves: list[tuple[Leaf, str]] = field(repr=False)
    readings: list[Reading] = field(repr=False)
    spans: list[list[Span]] = field(repr=False)
    known: list[KnownValue] = field(repr=False)
    read: dict[View, tuple[Span, ...]] = field(repr=False, default_factory=dict)
    chars: int = 0


def guarded(job: Job, budget: Budget, stage: str, work: Callable[[], T]) -> T | Rejected:
    """What `work` on a record returns, or the record's rejection where it raises anything or overruns the budget. Nothing is quoted."""
    try:
        return budget.run(work)
    except DetectionFailed as failure:
        reason, detail = failure.reason, str(failure)
    except Exception as problem:  # noqa: BLE001 - fail closed; the message may quote content, so only its type is told
        reason, detail = reason_of(problem)
        if not reason:
            reason, detail = f"{stage}ion_failed", f"{stage}ion raised {detail}"
    raw = job.raw
    return Rejected(raw.source, stage, reason, detail, account_id=raw.key.account_id, interaction_id=raw.key.id)


def treatments(job: Job) -> list[tuple[Leaf, str]]:
    """Every leaf of the record with its treatment: keep, guard, scan, redact or clear.

    `guard` is for kept texts: they are read for the contact's own values and for what nobody may keep by accident.
    JSON keys are scanned even where their values are replaced outright.
    """
    rules, mode = job.decision.rules, job.decision.mode
    out: list[tuple[Leaf, str]] = []
    cache: dict[str, str] = {}
    for leaf in walk(job.raw.record):
        treatment = cache.get(leaf.field.name)
        if treatment is None:
            treatment = rules.treatment(leaf.field, mode)
            if mode == "none" and leaf.field.group == "unknown":
                treatment = rules.treatment(leaf.field, "content")
            if treatment == "keep" and leaf.field.group in ("flow", "media", "staff", "visitor") and mode != "none":
                treatment = "guard"
            cache[leaf.field.name] = treatment
        treatment = _at_least(leaf, treatment, job.decision.floor)
        if treatment == "redact" and leaf.key:
            out.append((leaf, "scan"))
        elif treatment == "scan" and leaf.entity and not leaf.key and not leaf.field.entity:
            # A member that is personal by nature (form.name, agent.email) needs no reading to know it.
            out.append((leaf, "redact"))
        else:
            out.append((leaf, treatment))
    return out


def _at_least(leaf: Leaf, treatment: str, floor: frozenset[str]) -> str:
    """A treatment no weaker than what an earlier version of the record got: a laxer policy does not bring back what was hidden."""
    if not floor or treatment == "clear":
        return treatment
    if f"clear:{leaf.field.name}" in floor:
        return "clear"
    return "redact" if f"redact:{leaf.field.name}" in floor or (leaf.entity or leaf.field.entity) in floor else treatment


def detect_batch(
    detector: Detector, jobs: Sequence[Job], read: Sequence[Mapping[View, tuple[Span, ...]]] | None = None
) -> Iterator[Detected | Rejected]:
    """Find personal data in a batch of records.

    Args:
        detector: this process' engines.
        jobs: records with their decisions, in any mix of languages.
        read: for each job what the engines have found already in views it may hold (`Detected.read`, same language).

    Yields: one item per job, in order: what was found, or why the record cannot be shown to be clean.
    """
    prepared: list[Detected | Rejected] = []
    budgets: list[Budget] = []
    work: dict[str, list[tuple[View, tuple[int, int]]]] = defaultdict(list)
    for n, job in enumerate(jobs):
        leaves = guarded(job, detector.budget(0), "detect", partial(treatments, job))
        chars = 0 if isinstance(leaves, Rejected) else sum(len(leaf.text) + 1 for leaf, _ in leaves)
        budgets.append(detector.budget(chars))
        item = leaves if isinstance(leaves, Rejected) else guarded(job, budgets[n], "detect", partial(_prepared, job, leaves, chars))
        prepared.append(item)
        for i, reading in enumerate(() if isinstance(item, Rejected) else item.readings):
            if isinstance(item, Rejected) or not (reading.analysed and job.decision.language):
                continue
            if read is not None and (found := read[n].get(reading.view)) is not None:
                item.read[reading.view] = found
                item.spans[i].extend(found)
            else:
                work[job.decision.language].append((reading.view, (n, i)))
    for language in sorted(work):
        for (n, i), spans in detector.run(work[language], language, lambda tag: budgets[tag[0]]):
            item = prepared[n]
            if isinstance(item, Rejected):
                continue
            if isinstance(spans, DetectionFailed):
                key = jobs[n].raw.key
                prepared[n] = Rejected(jobs[n].raw.source, "detect", spans.reason, str(spans), account_id=key.account_id, interaction_id=key.id)
            else:
                item.read[item.readings[i].view] = tuple(spans)
                item.spans[i].extend(spans)
    for job, budget, item in zip(jobs, budgets, prepared, strict=True):
        yield item if isinstance(item, Rejected) else guarded(job, budget, "detect", partial(_complete, item))


def _prepared(job: Job, leaves: list[tuple[Leaf, str]], chars: int) -> Detected:
    """A record as detection reads it, with nothing found yet."""
    staff = any(treatment in ("redact", "clear") and leaf.field.group == "staff" for leaf, treatment in leaves)
    scanned = [leaf for leaf, treatment in leaves if treatment in ("scan", "guard")]
    readings = Document(scanned, roles_of(job.raw.record), placeholders(job.decision.rules)).readings if scanned else []
    return Detected(job, leaves, readings, [[] for _ in readings], _known(job, staff), chars=chars)


def _known(job: Job, staff: bool) -> list[KnownValue]:
    """Values that are personal because of where the record holds them."""
    values = known_values(job.raw.record, staff=staff, placeholders=placeholders(job.decision.rules))
    seen = {(v.entity, v.target) for v in values}
    names = {(v.entity, v.target): v for v in speaker_names(job.raw.record, job.decision.language or "en")}
    return values + [v for key, v in names.items() if key not in seen]


def _complete(detected: Detected) -> Detected:
    """Add the contact's known values and denied texts, give each value a group, and lay spans over the copies."""
    rules = detected.job.decision.rules
    done = placeholders(rules)
    shorthand = word_file(detected.job.decision.language or "en", "shorthand.txt")
    tokens: dict[int, Tokens] = {}  # not kept with the record: they take many times the room of its text
    for i, reading in enumerate(detected.readings):
        if not reading.analysed:
            continue
        spans = detected.spans[i]
        if detected.known:
            tokens[i] = Tokens.of(reading.view.text, detected.job.decision.language or "en")
            spans.extend(find(tokens[i], detected.known))
        spans.extend(list(postcodes_after(reading.view.text, spans, detected.job.decision.language or "en")))
        spans.extend(_denied(reading.view.text, rules.deny))
        spans[:] = without_own(
            spans, own_places(reading.view.text, detected.job.raw.record, detected.job.account, detected.job.decision.language or "en")
        )
        spans[:] = outside(reading.view.text, spans, taken(reading.view.text, done, reading.labels))
        spans[:] = [s for s in spans if s.detector != MODEL or not _is_shorthand(reading.view.text[s.start : s.end], shorthand)]
        # A span may begin in a label and end in the value beside it: what is left of it outside the places that stay counts.
        guarded = [(s.start, s.end) for s in reading.segments if _is_guarded(s.leaf, detected)]
        spans[:] = _trimmed(reading.view.text, spans, guarded, lambda s: s.detector in ("known_value", "deny_list") or s.entity in GUARDED_ENTITIES)
        # What looks like a field's name is none of a person: only known values and patterns count there.
        names = [(s.start, s.end) for s in reading.segments if s.leaf.key and FIELD_NAME.fullmatch(s.leaf.text)]
        spans[:] = _trimmed(reading.view.text, spans, names, lambda s: s.detector != MODEL)
        detected.spans[i] = [replace(s, group=f"{reading.name}:{s.group or s.start}") for s in spans]
    if detected.job.decision.mode != "none":
        _spread(detected, tokens)
    copies = [(i, reading.copy) for i, reading in enumerate(detected.readings) if reading.copy is not None]
    # First everything the copies know goes to the conversation, then all of it to every copy: none knows less than another.
    for i, copy in copies:
        detected.spans[0].extend(copy.project(detected.spans[i], reverse=True))
    for i, copy in copies:
        detected.spans[i].extend(copy.project(detected.spans[0]))
    return detected


def _spread(detected: Detected, tokens: dict[int, Tokens]) -> None:
    """Find every further mention of what was found, in all texts of the record. `tokens` holds those of some readings, by number."""
    language = detected.job.decision.language or "en"
    values: list[KnownValue] = []
    for reading, spans in zip(detected.readings, detected.spans, strict=True):
        accepted, _ = accept(reading.view.text, spans, detected.job.decision.rules, detected.job.decision.floor)
        values.extend(values_found(reading.view.text, accepted, language))
    known = {(v.entity, v.target) for v in detected.known}
    done = placeholders(detected.job.decision.rules)
    wanted = [v for v in strongest(values) if (v.entity, v.target) not in known]
    if wanted:
        for i, (reading, spans) in enumerate(zip(detected.readings, detected.spans, strict=True)):
            if reading.analysed:
                keys = [(s.start, s.end) for s in reading.segments if s.leaf.key]
                found = find(tokens.get(i) or Tokens.of(reading.view.text, language), wanted, CONSISTENCY)
                spans.extend(outside(reading.view.text, found, taken(reading.view.text, done, [*reading.labels, *keys])))


def _trimmed(text: str, spans: list[Span], places: list[tuple[int, int]], stays: Callable[[Span], bool]) -> list[Span]:
    """The spans without what they cover of `places`, save those that stay whole. `places` are in order and disjoint."""
    return [part for span in spans for part in ([span] if stays(span) else outside(text, [span], places))] if places else spans


def _is_shorthand(text: str, shorthand: frozenset[str]) -> bool:
    """Whether a text is nothing but shorthand such as `Pls`, which a language model takes for a name where a capital letter begins it."""
    words = [fold(w) for w in WORD.findall(text)]
    return bool(words) and all(w in shorthand for w in words)


def _is_guarded(leaf: Leaf, detected: Detected) -> bool:
    return (
        leaf.field.group in ("flow", "media", "staff", "visitor")
        and detected.job.decision.rules.treatment(leaf.field, detected.job.decision.mode) == "keep"
    )


def _denied(text: str, deny: tuple[tuple[str, str], ...]) -> Iterator[Span]:
    if not deny:
        return
    folded = _fold_in_place(text)
    for wanted, entity in deny:
        words = [re.escape(w) for w in _fold_in_place(wanted).split()]
        if not words:
            continue
        for match in re.finditer(r"\s+".join(words), folded):
            start, end = match.span()
            if not (start and folded[start - 1].isalnum() and folded[start].isalnum()) and not (
                end < len(folded) and folded[end].isalnum() and folded[end - 1].isalnum()
            ):
                yield Span(start, end, entity, 1.0, "deny_list")


def _fold_in_place(text: str) -> str:
    """Case folded letter by letter, so that every place stays where it is; the few letters that become two are left as they are."""
    folded = text.casefold()
    return folded if len(folded) == len(text) else "".join(f if len(f := c.casefold()) == 1 else c for c in text)
