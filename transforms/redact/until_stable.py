"""Redaction until nothing more is found: redacting a redacted record changes nothing.

What is replaced changes how the rest reads: a question loses its answer, and a number left standing
next to it takes its place. So each redacted record is read again as it stands. What is found then
is covered in the source as well, and the record is redacted anew, until nothing more is found. Few
records need more than the second look.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from types import MappingProxyType

from callveil.schemas.finding import WHOLE, Finding, TextSpan
from callveil.schemas.interaction import BY_NAME
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import detect_batch, run_or_reject
from callveil.transforms.detect.detection_result import DetectionJob, DetectionResult
from callveil.transforms.detect.engine import Detector
from callveil.transforms.redact.engine import RedactionResult, Redactor
from callveil.transforms.redact.span_pieces import collect_pieces

NOTHING: Mapping[str, Sequence[TextSpan]] = MappingProxyType({})
UNREAD = frozenset({WHOLE, "mode"})
LOOKS = 12
"""Looks after which a record that is still not settled is rejected; each but the last has covered
more of it.
"""

FEWEST_LOOKS, LOOK_CHARS = 3, 2_000_000
"""A long record has fewer looks, but so many at least: all of its looks together read about so many
characters.
"""


@dataclass
class _Open:
    """A record that is not settled yet."""

    place: int
    source: DetectionResult
    result: RedactionResult
    extra: dict[str, list[TextSpan]] = field(default_factory=dict)


def redact_until_stable(
    detector: Detector, redactor: Redactor, detected: Sequence[DetectionResult]
) -> list[RedactionResult | Rejected]:
    """Redact a batch of records so that redacting them again finds nothing new.

    Args:
        detector: the engines that `detected` came from. Not safe for use by several threads at
            once.
        redactor: keys and run.
        detected: records with what was found in them.

    Returns: one item per record, in order: the redacted record with its findings, all in offsets of
        the source, or a rejection.
    """
    out: list[RedactionResult | Rejected] = []
    pending: list[_Open] = []
    for place, item in enumerate(detected):
        result = _redacted(detector, redactor, item)
        out.append(result)
        # What went because of where it stood was not read, so nothing that is read has changed with
        # it.
        if isinstance(result, RedactionResult) and any(
            row.finding.status == "done" and row.finding.detector not in UNREAD
            for row in result.findings
        ):
            pending.append(_Open(place, item, result))
    for look in range(LOOKS):
        pending, over = _within(look, pending)
        for left in over:
            out[left.place] = _unsettled(left, look)
        if not pending:
            return out
        looks = detect_batch(
            detector, [_again(p) for p in pending], [p.source.read for p in pending]
        )
        pending = [
            p
            for p, seen in zip(pending, list(looks), strict=True)
            if not _settled(detector, redactor, p, seen, out)
        ]
    for left in pending:
        out[left.place] = _unsettled(left, LOOKS)
    return out


def _within(look: int, pending: list[_Open]) -> tuple[list[_Open], list[_Open]]:
    """Return those records that may have one more look, and those that have had all that their size
    grants.
    """
    allowed = [look < FEWEST_LOOKS or look * item.source.chars < LOOK_CHARS for item in pending]
    return [p for p, may in zip(pending, allowed, strict=True) if may], [
        p for p, may in zip(pending, allowed, strict=True) if not may
    ]


def _unsettled(item: _Open, looks: int) -> Rejected:
    raw = item.source.job.raw
    detail = f"more was found in every one of {looks} looks"
    return Rejected(
        raw.source,
        "redact",
        "unsettled",
        detail,
        account_id=raw.key.account_id,
        interaction_id=raw.key.id,
    )


def _again(item: _Open) -> DetectionJob:
    """Return the redacted record as a job of its own. Requests are done with: their offsets count
    in the source.
    """
    job = item.source.job
    record = {
        name: value for name, value in item.result.interaction.record.items() if name in BY_NAME
    }
    return replace(
        job,
        raw=replace(job.raw, record=record),
        decision=replace(job.decision, requests=(), request=None),
    )


def _redacted(
    detector: Detector,
    redactor: Redactor,
    source: DetectionResult,
    extra: Mapping[str, Sequence[TextSpan]] = NOTHING,
) -> RedactionResult | Rejected:
    """Return `source` redacted within a budget of its own."""
    return run_or_reject(
        source.job, detector.budget(source.chars), "redact", partial(redactor.redact, source, extra)
    )


def _settled(
    detector: Detector,
    redactor: Redactor,
    item: _Open,
    seen: DetectionResult | Rejected,
    out: list[RedactionResult | Rejected],
) -> bool:
    """As `_settle`; a record it fails on is rejected and so done with."""
    done = run_or_reject(
        item.source.job,
        detector.budget(item.source.chars),
        "redact",
        partial(_settle, redactor, item, seen, out),
    )
    if isinstance(done, Rejected):
        out[item.place] = done
        return True
    return done


def _settle(
    redactor: Redactor,
    item: _Open,
    seen: DetectionResult | Rejected,
    out: list[RedactionResult | Rejected],
) -> bool:
    """Take in what another look has found. Returns whether the record is done with."""
    if isinstance(seen, Rejected):
        out[item.place] = seen
        return True
    found = collect_pieces(seen).redact
    if not found:
        return True
    maps = _maps(item.result)
    lengths = {leaf.shown: len(leaf.text) for leaf, _ in item.source.leaves}
    for leaf, spans in found:
        places = maps.get(leaf.shown, _SAME)
        # Where a request has taken whole members out, the places of those behind them name others;
        # such a text has another length.
        if lengths.get(leaf.shown, -1) + places.grown == len(leaf.text) or (
            leaf.key and leaf.shown in lengths
        ):
            item.extra.setdefault(leaf.shown, []).extend(
                _to_source(span, places, lengths[leaf.shown]) for span in spans
            )
    result = redactor.redact(item.source, item.extra)
    out[item.place] = result
    if isinstance(result, Rejected):
        return True
    before, item.result = item.result, result
    return result.interaction.record == before.interaction.record


@dataclass(frozen=True)
class _Map:
    """Replacements of one text, in order: where they stand in the redacted text and what they cover
    of the source.
    """

    outs: list[tuple[int, int]]
    sources: list[tuple[int, int]]

    @cached_property
    def starts(self) -> list[int]:
        """Where they begin in the redacted text."""
        return [start for start, _ in self.outs]

    @property
    def grown(self) -> int:
        """How much longer the redacted text is, code points."""
        return sum(d - c - b + a for (a, b), (c, d) in zip(self.sources, self.outs, strict=True))


_SAME = _Map([], [])


def _maps(result: RedactionResult) -> Mapping[str, _Map]:
    rows: dict[str, list[Finding]] = defaultdict(list)
    for row in result.findings:
        if row.finding.status == "done" and row.finding.span_start is not None:
            rows[row.finding.field_path].append(row.finding)
    return {path: _map(found) for path, found in rows.items()}


def _map(findings: list[Finding]) -> _Map:
    ordered = sorted(findings, key=lambda f: f.span_start or 0)
    return _Map(
        [(f.out_start or 0, f.out_end or 0) for f in ordered],
        [(f.span_start or 0, f.span_end or 0) for f in ordered],
    )


def _to_source(span: TextSpan, places: _Map, length: int) -> TextSpan:
    """Return a span of the redacted text as one of the source; a border within a replacement moves
    to the border of what was replaced.
    """
    start = _place(span.start, places, end=False)
    stop = min(_place(span.end, places, end=True), length)
    return replace(span, start=min(start, stop - 1), end=stop, group="")


def _place(place: int, places: _Map, *, end: bool) -> int:
    # The replacement that holds this character, or the last one before it; an end is exclusive, so
    # the character before it counts.
    index = bisect_right(places.starts, place - 1 if end else place) - 1
    if index < 0:
        return place
    (_, out_stop), (source_start, source_stop) = places.outs[index], places.sources[index]
    if (place - 1 if end else place) < out_stop:
        return source_stop if end else source_start
    return source_stop + place - out_stop
