"""From a parsed JSON value to the records in it: API pages, arrays, webhook bodies with and without
an envelope.

    {calls: [...], page, per_page, ...}    a page: one record per entry; an `account_id` beside the list holds for entries without one
    [...]                                  an array of records
    {call: {...}, event: ...}              an envelope: the record inside; what stands around it is kept under the record's `extra`
    {...}                                  a record

What a page says about itself (page, per_page, total_entries, links) belongs to no record and is not
kept.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LISTS = (
    "calls",
    "interactions",
    "texts",
    "messages",
    "chats",
    "forms",
    "records",
    "data",
    "results",
    "items",
    "form_submissions",
)
WRAPPERS = {
    "call": "call",
    "message": "text",
    "text": "text",
    "form": "form",
    "chat": "chat",
    **dict.fromkeys(("interaction", "data", "payload", "record"), ""),
}
"""Names of envelopes, and the kind each one tells."""

_LIST_KINDS = {
    "calls": "call",
    "texts": "text",
    "messages": "text",
    "chats": "chat",
    "forms": "form",
    "form_submissions": "form",
}
_INHERITED = ("account_id", "agency_id")


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One record of a document.

    Attributes:
        value: the record; anything but an object is a fault of that record.
        index: 0-based place in its page or array; None for a record of its own.
        kind_hint: kind that the envelope or page tells; empty where it tells none.
    """

    value: Any
    index: int | None = None
    kind_hint: str = ""


def expand_document(doc: Any) -> Iterator[DocumentRecord]:
    """Yield the records of a document, in order."""
    if isinstance(doc, list):
        for i, entry in enumerate(doc):
            yield _unwrapped(entry, i, "")
        return
    name = list_member(doc)
    if name:
        shared = {k: doc[k] for k in _INHERITED if doc.get(k) is not None}
        for i, entry in enumerate(doc[name]):
            item = _unwrapped(entry, i, _LIST_KINDS.get(name, ""))
            if shared and isinstance(item.value, Mapping):
                missing = {k: v for k, v in shared.items() if item.value.get(k) is None}
                item = (
                    DocumentRecord({**item.value, **missing}, i, item.kind_hint)
                    if missing
                    else item
                )
            yield item
        return
    yield _unwrapped(doc, None, "")


def list_member(doc: Any) -> str:
    """Name of the member that lists a page's records; empty where the document is no page."""
    if (
        not isinstance(doc, Mapping)
        or doc.get("id") is not None
        or any(_is_record(doc.get(w)) for w in WRAPPERS)
    ):
        return ""
    return next((n for n in LISTS if isinstance(doc.get(n), list)), "")


def _is_record(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("id") is not None


def _unwrapped(value: Any, index: int | None, kind: str) -> DocumentRecord:
    if not isinstance(value, Mapping) or value.get("id") is not None:
        return DocumentRecord(value, index, kind)
    name = next((w for w in WRAPPERS if _is_record(value.get(w))), None)
    if name is None:
        only = next(iter(value), None) if len(value) == 1 else None
        if only in ("call", "interaction", "message", "chat") and isinstance(value[only], Mapping):
            return DocumentRecord(value[only], index, WRAPPERS[only] or kind)
        return DocumentRecord(value, index, kind)
    inner, around = (
        dict(value[name]),
        {k: v for k, v in value.items() if k != name and v is not None},
    )
    for key in _INHERITED:
        if inner.get(key) is None and key in around:
            inner[key] = around.pop(key)
    around = {
        k: v for k, v in around.items() if not (k in _INHERITED and str(v) == str(inner.get(k)))
    }
    if around:
        inner["envelope" if "envelope" not in inner else "envelope_around"] = around
    return DocumentRecord(inner, index, WRAPPERS[name] or kind)
