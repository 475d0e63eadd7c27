"""From overlapping findings to the spans that are replaced: nothing that was found is ever
uncovered by another finding.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable

from callveil.schemas.entities import ENTITIES
from callveil.schemas.finding import TextSpan
from callveil.schemas.policy import Rules, collapse_whitespace

FORCED = frozenset({"deny_list", "request", "unread_script"})
"""Detectors whose findings are redacted whatever the policy does with their type."""
UNREAD = "unread_script"
"""Detector of text that no language of the policy is written in."""

ALWAYS = frozenset({"known_value", "consistency", "deny_list", "request", UNREAD})
"""Detectors whose findings need no score: someone knows that they are personal."""

REPEATED = "consistency"
"""Detector of further mentions: it says that a text repeats a value, never better what sort of
value it is than who found it there.
"""

BUILTIN = "presidio."
"""Prefix of the detectors that are Presidio's own recognizers: what they find beside another
finding adds to it and names nothing.
"""

_ORDER = {entity: place for place, entity in enumerate(ENTITIES)}
"""Of equal findings the more usual type names a stretch: a card number may be a national number of
some country too.
"""


def accept_findings(
    text: str, spans: Iterable[TextSpan], rules: Rules, floor: frozenset[str] = frozenset()
) -> tuple[list[TextSpan], list[TextSpan]]:
    """Sort out which findings are acted on.

    Args:
        text: the view they were found in.
        spans: findings, overlapping and unfiltered.
        rules: thresholds, allow list and operators.
        floor: entity types that were redacted in an earlier version of the record and stay
            redacted.

    Returns: `(redact, keep)`: findings to replace, and those the policy leaves readable, which are
        recorded.
    """
    redact: list[TextSpan] = []
    keep: list[TextSpan] = []
    for span in spans:
        if span.detector not in ALWAYS and (
            span.score < rules.threshold(span.entity)
            or (rules.allow and collapse_whitespace(text[span.start : span.end]) in rules.allow)
        ):
            continue
        kept = (
            rules.operator(span.entity).name == "keep"
            and span.entity not in floor
            and span.detector not in FORCED
        )
        (keep if kept else redact).append(span)
    return redact, keep


def merge_spans(spans: Iterable[TextSpan]) -> list[TextSpan]:
    """Disjoint spans covering exactly what `spans` cover.

    Of overlapping ones the strongest (found there rather than repeated, by callveil rather than
    Presidio, score, length, earliest, the more usual type) names the whole stretch; a stretch is a
    maximal run of spans that overlap. Touching spans stay apart. Order of the input makes no
    difference.
    """
    out: list[TextSpan] = []
    ordered = sorted(spans, key=lambda s: (s.start, -s.end, s.entity, s.detector, s.group))
    cluster: list[TextSpan] = []
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


def overlap_test(spans: Iterable[TextSpan]) -> Callable[[int, int], bool]:
    """Return a function that tells whether any of `spans` overlaps a stretch, given by its offsets,
    half-open.
    """
    disjoint = merge_spans(spans)
    ends = [span.end for span in disjoint]

    def overlaps(start: int, end: int) -> bool:
        place = bisect_right(ends, start)
        return place < len(disjoint) and disjoint[place].start < end

    return overlaps


def _cover(cluster: list[TextSpan], end: int) -> TextSpan:
    best = max(cluster, key=_strength)
    group = best.group or next(
        (s.group for s in cluster if s.group and s.entity == best.entity), ""
    )
    start = cluster[0].start
    mixed = best.mixed or (best.start, best.end) != (start, end)
    return TextSpan(start, end, best.entity, best.score, best.detector, group, mixed)


def _strength(span: TextSpan) -> tuple[bool, bool, float, int, int, int, str, str]:
    found, own = span.detector != REPEATED, not span.detector.startswith(BUILTIN)
    return (
        found,
        own,
        span.score,
        span.end - span.start,
        -span.start,
        -_ORDER.get(span.entity, 0),
        span.entity,
        span.detector,
    )
