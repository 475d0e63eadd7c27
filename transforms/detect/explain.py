"""Explanation of every finding in a record: the reason for its detection, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from callveil.schemas.finding import TextSpan
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import Rules, collapse_whitespace
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.detection_result import DetectionJob, DetectionResult
from callveil.transforms.detect.document import InteractionDocument
from callveil.transforms.detect.engine import DetectionFailed, Detector, ExplainedSpan
from callveil.transforms.detect.postcode_after_place import DETECTOR as BESIDE
from callveil.transforms.detect.propagation import DETECTOR as CONSISTENCY
from callveil.transforms.detect.resolve import ALWAYS, UNREAD, accept_findings, merge_spans

KNOWN = {
    "known_value": "one of the contact's own values, which the record holds elsewhere",
    BESIDE: "digits right behind a place, as many as a postcode has",
    CONSISTENCY: "a mention of a value that was found elsewhere in the record",
    "deny_list": "the policy's deny list",
    UNREAD: "a script or language that is none of the policy's languages",
}
"""Reasons of findings that no recognizer made."""


@dataclass(frozen=True)
class FindingOutcome:
    """One finding, and what became of it.

    Attributes:
        field: declared path of the field it stands in, such as `outline[3].text`; for a finding
            over several turns the first.
        start, end: in that field's text, code points, half-open; where the finding goes on in later
            turns `end` is that of the first piece.
        text: the text found, all pieces.
        entity: entity type.
        detector: name of the recognizer.
        pattern: pattern or rule that matched, where the recognizer names it.
        reason: the recognizer's account of itself, with the question or words that decided.
        context: context word that raised the score, or empty.
        original: score before context.
        score: score that counted.
        threshold: lowest score at which the policy takes the type.
        operator: what the policy does with the type.
        outcome: `redacted`, `kept` or `dropped`.
        why: in words.
        won: for a redacted stretch that several findings share, the type and detector that name it.
    """

    field: str
    start: int
    end: int
    text: str
    entity: str
    detector: str
    pattern: str
    reason: str
    context: str
    original: float
    score: float
    threshold: float
    operator: str
    outcome: str
    why: str
    won: str = ""

    def as_dict(self) -> JsonObject:
        """JSON form; holds the text."""
        return asdict(self)


def explain_findings(detector: Detector, job: DetectionJob) -> list[FindingOutcome]:
    """Return every finding in a record, in order of place, with its reasons and its outcome.

    The record goes through the job's own path; the reasons come from a second pass that keeps them.
    Fields the policy keeps, clears or replaces whole are not read and so have no findings. A text
    that stands in several fields is told of once, in the first.

    Raises:
        DetectionFailed: a recognizer failed or timed out, so the job would reject the record.
    """
    detected = next(iter(detect_batch(detector, [job])))
    if isinstance(detected, Rejected):
        raise DetectionFailed(detected.detail)
    out: list[FindingOutcome] = []
    language = job.decision.language or detector.settings.default_language
    for reading, spans in zip(detected.readings, detected.spans, strict=True):
        if reading.analysed:
            out.extend(_reading(reading, spans, detector.explain(reading.view, language), detected))
    return out


def _reading(
    reading: InteractionDocument,
    spans: Sequence[TextSpan],
    explained: Sequence[ExplainedSpan],
    detected: DetectionResult,
) -> list[FindingOutcome]:
    decision = detected.job.decision
    reasons = {(e.span.start, e.span.end, e.span.entity, e.span.detector): e for e in explained}
    present = {_key(s): s for s in spans}
    redact, _ = accept_findings(
        reading.view.text, list(present.values()), decision.rules, decision.floor
    )
    redacted = {_key(s) for s in redact}
    stretches = merge_spans(redact)
    out: list[FindingOutcome] = []
    for key in sorted(present.keys() | reasons.keys()):
        known = reasons.get(key)
        span = present.get(key) or reasons[key].span
        stretch = next((m for m in stretches if m.start <= span.start < m.end), None)
        if key not in present:
            outcome, why = (
                "dropped",
                "the policy keeps this field; there only the contact's own values and a few sure "
                "types are taken out",
            )
        else:
            outcome, why = _outcome(reading.view.text, span, key in redacted, decision.rules)
        won = ""
        if stretch is not None and (stretch.entity, stretch.detector, stretch.score) != (
            span.entity,
            span.detector,
            span.score,
        ):
            won = f"{stretch.entity} by {stretch.detector}"
            if outcome == "redacted":
                why = f"overlaps {won} ({stretch.score:.2f}), which names the whole stretch"
            else:
                why = f"{why}; its place is redacted as {won} all the same"
        for leaf, piece in reading.split([span])[:1]:
            text = reading.view.text[span.start : span.end]
            out.append(
                _verdict(leaf.shown, piece, text, span, known, decision.rules, outcome, why, won)
            )
    return out


def _key(span: TextSpan) -> tuple[int, int, str, str]:
    return span.start, span.end, span.entity, span.detector


def _outcome(text: str, span: TextSpan, redacted: bool, rules: Rules) -> tuple[str, str]:
    if redacted:
        if span.detector in ALWAYS:
            return "redacted", "needs no score"
        if rules.operator(span.entity).name == "keep":
            return "redacted", "an earlier version of the record had this type redacted"
        return "redacted", "reaches the threshold"
    if span.detector not in ALWAYS and span.score < rules.threshold(span.entity):
        return (
            "dropped",
            f"score {span.score:.2f} is below the threshold {rules.threshold(span.entity):.2f}",
        )
    if (
        span.detector not in ALWAYS
        and collapse_whitespace(text[span.start : span.end]) in rules.allow
    ):
        return "dropped", "on the policy's allow list"
    return "kept", f"the policy keeps {span.entity}"


def _verdict(
    field: str,
    piece: TextSpan,
    text: str,
    span: TextSpan,
    known: ExplainedSpan | None,
    rules: Rules,
    outcome: str,
    why: str,
    won: str,
) -> FindingOutcome:
    return FindingOutcome(
        field,
        piece.start,
        piece.end,
        text,
        span.entity,
        span.detector,
        known.pattern if known else "",
        known.reason if known else KNOWN.get(span.detector, "found in a copy of this text"),
        known.context if known else "",
        round(known.original if known else span.score, 4),
        round(span.score, 4),
        rules.threshold(span.entity),
        rules.operator(span.entity).name,
        outcome,
        why,
        won,
    )
