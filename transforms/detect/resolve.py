"""From overlapping findings to the spans that are replaced: nothing that was found is ever uncovered by another finding."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable

from callveil.schemas.finding import Span
from callveil.schemas.policy import Rules, fold

ALWAYS = frozenset({"known_value", "consistency", "deny_list", "request"})
"""Detectors whose findings need no score: someone knows that they are personal."""

REPEATED = "consistency"
"""Detector of further mentions: it says that a text repeats a value, never better what sort of value it is than who found it there."""


def accept(text: str, spans: Iterable[Span], rules: Rules, floor: frozenset[str] = frozenset()) -> tuple[list[Span], list[Span]]:
    """Sort out which findings are acted on.

    Args:
        text: the view they were found in.
        spans: findings, overlapping and unfiltered.
        rules: thresholds, allow list and operators.
        floor: entity types that were redacted in an earlier version of the record and stay redacted.

    Returns: `(redact, keep)`: findings to replace, and those the policy leaves readable, which are recorded.
    """
    redact: list[Span] = []
    keep: list[Span] = []
    for span in spans:
        if span.detector not in ALWAYS and (
            span.score < rules.threshold(span.entity) or (rules.allow and fold(text[span.start : span.end]) in rules.allow)
        ):
            continue
        kept = rules.operator(span.entity).name == "keep" and span.entity not in floor and span.detector not in ("deny_list", "request")
        (keep if kept else redact).append(span)
    return redact, keep


def merge(spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans covering exactly what `spans` cover.

    Of overlapping ones the strongest (found there rather than repeated, score, length, earliest) names the whole stretch; a stretch is a
    maximal run of spans that overlap. Touching spans stay apart. Order of the input makes no difference.
    """
    out: list[Span] = []
    ordered = sorted(spans, key=lambda s: (s.start, -s.end, s.entity, s.detector, s.group))
    cluster: list[Span] = []
    end = -1
    for span in ordered:
        if cluster and span.start >= end:
            out.append(_cover(cluster, end))
            cluster = []
        if not cluster:
            end = span.end
        cluster.append(span)
        end = max(end, span.end)
    if cluster:
        out.append(_cover(cluster, end))
    return out


def overlap_test(spans: Iterable[Span]) -> Callable[[int, int], bool]:
    """A function that tells whether any of `spans` overlaps a stretch, given by its offsets, half-open."""
    disjoint = merge(spans)
    ends = [span.end for span in disjoint]

    def overlaps(start: int, end: int) -> bool:
        place = bisect_right(ends, start)
        return place < len(disjoint) and disjoint[place].start < end

    return overlaps


def _cover(cluster: list[Span], end: int) -> Span:
    best = max(cluster, key=lambda s: (s.detector != REPEATED, s.score, s.end - s.start, -s.start, s.entity, s.detector))
    group = best.group or next((s.group for s in cluster if s.group and s.entity == best.entity), "")
    return Span(cluster[0].start, end, best.entity, best.score, best.detector, group)
