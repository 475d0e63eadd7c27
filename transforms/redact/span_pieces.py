"""From what was found in the readings of a record to what is replaced in each of its texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.detection_result import DetectionResult
from callveil.transforms.detect.known_values import CODE, normalize_code
from callveil.transforms.detect.propagation import DETECTOR as CONSISTENCY
from callveil.transforms.detect.propagation import KINDS
from callveil.transforms.detect.resolve import accept_findings, merge_spans, overlap_test
from callveil.transforms.detect.text_fields import Leaf


@dataclass(frozen=True)
class SpanPieces:
    """Pieces of text that a record's readings say something about.

    Attributes:
        redact: the texts in which something is replaced, each with disjoint spans in its own
            offsets.
        keep: what the policy leaves readable, where nothing else touches the text: recorded, so
            that a report can say so.
        values: the whole value of each group of spans, which may be spread over several texts.
        parts: the pieces it was put together from.
        runs: entity type and pieces of the numbers and addresses of each reading, in order,
            whichever value they are of.
    """

    redact: list[tuple[Leaf, list[TextSpan]]] = field(repr=False)
    keep: list[tuple[Leaf, TextSpan]] = field(repr=False)
    values: dict[str, str] = field(repr=False)
    parts: dict[str, tuple[str, ...]] = field(repr=False)
    runs: list[tuple[str, tuple[str, ...]]] = field(repr=False)


SHORTEST = 9
"""Digits and letters from which on a value is held for complete, so that what repeats it is read
back: a social security number has nine.
"""
PHONE_DIGITS = 10
"""Digits by which telephone numbers are compared (`operators.canonical`)."""


def drop_read_back(entity: str, parts: Sequence[str]) -> Sequence[str]:
    """Return pieces of a value up to where it is read back: `415 555 0134, 415 555 0134` is one
    number, not one of twenty digits.

    Of telephone numbers a part may be read back (`0134, yes`); of other values, whose pieces may be
    alike, the whole.
    """
    codes = [normalize_code(part).replace("o", "0") for part in parts]
    joined = "".join(codes)
    for n in range(1, len(parts)):
        code = "".join(codes[:n])
        whole = len(code) >= SHORTEST and joined == code * (len(joined) // len(code))
        if whole or (
            entity == "PHONE_NUMBER"
            and len(code) >= PHONE_DIGITS
            and all(c in code for c in codes[n:])
        ):
            return parts[:n]
    return parts


SAID = ("PHONE_NUMBER", "EMAIL_ADDRESS")
"""Types of values by which people are found in what is said."""


def _runs(text: str, spans: Iterable[TextSpan]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield pieces of a reading that may say one number or address together, and numbers that were
    taken for those of something else.
    """
    own = [s for s in spans if s.detector != CONSISTENCY]
    for entity in SAID:
        pieces = tuple(
            text[s.start : s.end] for s in merge_spans(s for s in own if s.entity == entity)
        )
        if len(pieces) > 1:
            yield entity, pieces
    yield from (
        ("PHONE_NUMBER", (text[s.start : s.end],))
        for s in own
        if s.entity not in SAID and KINDS.get(s.entity) == CODE
    )


def collect_pieces(detected: DetectionResult) -> SpanPieces:
    """Sort out what counts under the record's rules and cut it at the borders of its texts."""
    decision = detected.job.decision
    values: dict[str, tuple[str, ...]] = {}
    entities: dict[str, str] = {}
    leaves: dict[int, Leaf] = {}
    spans: dict[int, list[TextSpan]] = defaultdict(list)
    guarded = {id(leaf) for leaf, treatment in detected.leaves if treatment == "guard"}
    kept: list[tuple[Leaf, TextSpan]] = []
    runs: list[tuple[str, tuple[str, ...]]] = []
    for reading, found in zip(detected.readings, detected.spans, strict=True):
        text = reading.view.text
        redact, keep = accept_findings(text, found, decision.rules, decision.floor)
        parts: dict[str, list[str]] = defaultdict(list)
        entities |= {span.group: span.entity for span in found}
        for span in merge_spans(
            s for s in redact if s.detector != CONSISTENCY
        ):  # further mentions stand for the value, they are no part of it
            parts[span.group].append(text[span.start : span.end])
        runs += _runs(text, redact)
        for group, said in parts.items():
            values.setdefault(
                group, tuple(said)
            )  # copies of the conversation repeat what it said first
        for leaf, span in reading.split(merge_spans(redact)):
            leaves[id(leaf)] = leaf
            spans[id(leaf)].append(span)
        kept.extend(reading.split(merge_spans(keep)))
    kept = [(leaf, span) for leaf, span in kept if id(leaf) not in guarded and not leaf.key]
    replaced = {key: overlap_test(spans.get(key, ())) for key in {id(leaf) for leaf, _ in kept}}
    readable = [(leaf, span) for leaf, span in kept if not replaced[id(leaf)](span.start, span.end)]
    whole = {
        group: " ".join(drop_read_back(entities[group], parts)) for group, parts in values.items()
    }
    return SpanPieces(
        [(leaves[key], merge_spans(found)) for key, found in spans.items()],
        readable,
        whole,
        values,
        runs,
    )
