"""Time ranges in which an account's records are due for deletion or redaction.

By them whole files are deleted, or skipped, without being read.

Between two changes of an account the time a record must go never falls as its own time rises. So in
each such stretch the due records are a prefix, whose end a bisection finds.
"""

from __future__ import annotations

import itertools

from callveil.transforms.governance.retention.engine import RetentionEngine
from callveil.transforms.governance.retention.record import RetentionRecord

Spans = tuple[tuple[int, int], ...]
"""Half-open stretches of records' times, microseconds, sorted, apart from each other."""


def due_spans(
    engine: RetentionEngine,
    record_class: str,
    account_id: str,
    stored_type: str,
    action: str,
    as_of: int,
) -> Spans:
    """Return times whose records are due, holds aside, by what is known about the account at the
    engine's own time.

    Args:
        stored_type: account type they are stored under.
        action: delete or redact.
        as_of: when; not later than the engine's time.
    """
    timeline = engine.timelines.get(account_id)
    end = as_of + engine.retention.skew_us + 1

    def is_due(at: int) -> bool:
        return (
            engine.due(
                RetentionRecord(record_class, account_id, "", at, stored_type), action, timeline
            ).at
            <= as_of
        )

    edges = [0, *(b for b in (timeline.breaks if timeline else ()) if 0 < b < end), end]
    out: list[tuple[int, int]] = []
    for lo, hi in itertools.pairwise(edges):
        if hi <= lo or not is_due(lo):
            continue
        low, high = lo, hi  # due at `low`; `high` is not, or the end
        if is_due(hi - 1):
            low = hi - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if is_due(middle) else (low, middle)
        cut = low + 1
        if out and out[-1][1] == lo:
            out[-1] = (out[-1][0], cut)
        else:
            out.append((lo, cut))
    return tuple(out)


def subtract_spans(spans: Spans, other: Spans) -> Spans:
    """Return what lies in `spans` and not in `other`."""
    out = []
    for lo, hi in spans:
        at = lo
        for a, b in other:
            if b <= at or a >= hi:
                continue
            if a > at:
                out.append((at, a))
            at = max(at, b)
        if at < hi:
            out.append((at, hi))
    return tuple(out)


def spans_overlap(spans: Spans, lo: int, hi: int) -> bool:
    """Tell whether any of `spans` reaches into `lo` to `hi` (exclusive)."""
    return any(a < hi and b > lo for a, b in spans)


def spans_cover(spans: Spans, lo: int, hi: int) -> bool:
    """Tell whether `spans` hold all of `lo` to `hi` (exclusive)."""
    return not subtract_spans(((lo, hi),), spans)
