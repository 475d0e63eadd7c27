"""Manual redaction requests, turned into spans of the texts they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from callveil.schemas.finding import TextSpan
from callveil.schemas.request import RedactionRequest
from callveil.transforms.detect.placeholders import MANUAL
from callveil.transforms.detect.text_fields import Leaf
from callveil.transforms.storage.encryption.keyring import Keyring

ENTITY = MANUAL
"""Entity type of what a person asked to be taken out without saying what it is."""

DETECTOR = "request"


def top_level(path: str) -> str:
    """Name of the top-level field a shown path begins with."""
    return re.split(r"[.\[{]", path, maxsplit=1)[0]


def bind_span(
    request: RedactionRequest, leaves: Sequence[Leaf], keyring: Keyring
) -> RedactionRequest:
    """Tie a span request to the text it is applied to, and widen one whose text is gone.

    A span whose text has changed since it was asked for cannot be found again, so the whole field
    goes.
    """
    if request.scope != "span" or not request.field:
        return request
    text = next(
        (leaf.text for leaf in leaves if not leaf.key and request.field in paths_of(leaf)), None
    )
    digest = keyring.hmac("request-text", text)[:32] if text is not None else ""
    if request.text_digest and request.text_digest != digest:
        return replace(request, scope="field", field=top_level(request.field))
    return replace(request, text_digest=digest)


def names_leaf(request_field: str, leaf: Leaf) -> bool:
    """Tell whether a request's field names this leaf: the field itself, or anything below it."""
    below = (f"{request_field}.", f"{request_field}[", f"{request_field}{{")
    return any(path == request_field or path.startswith(below) for path in paths_of(leaf))


def paths_of(leaf: Leaf) -> tuple[str, ...]:
    """Return the paths a request may name a leaf by: keys of JSON objects by place or by name."""
    return (leaf.shown, leaf.by_keys()) if "{" in leaf.shown else (leaf.shown,)


def field_requests(requests: Sequence[RedactionRequest], leaf: Leaf) -> RedactionRequest | None:
    """Return the first request that asks for the whole of this leaf."""
    return next(
        (r for r in requests if r.scope == "field" and r.field and names_leaf(r.field, leaf)), None
    )


def spans_for(
    requests: Sequence[RedactionRequest], leaf: Leaf, record: Mapping[str, Any]
) -> Iterator[tuple[TextSpan, RedactionRequest]]:
    """Yield spans of one leaf that requests ask for.

    A span that reaches past the text covers the text's rest. A time range covers words by their own
    times, and whole turns where no words are timed.
    """
    for request in requests:
        if request.scope == "span" and request.field in paths_of(leaf):
            lo, hi = (
                max(0, request.start or 0),
                min(len(leaf.text), request.end if request.end is not None else len(leaf.text)),
            )
            if lo < hi:
                yield TextSpan(lo, hi, ENTITY, 1.0, DETECTOR, request.request_id), request
        elif (
            request.scope == "time" and leaf.path[0] in ("outline", "words") and len(leaf.path) == 3
        ):
            row = record[str(leaf.path[0])][leaf.path[1]]
            if leaf.path[2] in ("text", "word") and _overlaps(row, request):
                yield (
                    TextSpan(0, len(leaf.text), ENTITY, 1.0, DETECTOR, request.request_id),
                    request,
                )


def _overlaps(row: Mapping[str, Any], request: RedactionRequest) -> bool:
    if request.channel is not None and row.get("channel") not in (None, request.channel):
        return False
    start, end = row.get("s"), row.get("e")
    if start is None and end is None:
        return True  # no times: it cannot be shown to lie outside
    lo = request.from_s if request.from_s is not None else float("-inf")
    hi = request.to_s if request.to_s is not None else float("inf")
    return (end if end is not None else float("inf")) > lo and (
        start if start is not None else float("-inf")
    ) < hi
