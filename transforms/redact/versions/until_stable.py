"""Redaction of versions until nothing more is found: redacting a redacted version changes nothing.

What is covered changes how the rest reads, so versions in which something was covered are read
again as they stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from callveil.schemas.fields import EXTRA
from callveil.schemas.interaction import SourceRef
from callveil.schemas.json_types import RecordValues
from callveil.schemas.policy import Rules
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion, RedactedVersion
from callveil.transforms.detect.placeholders import has_unredacted_text, placeholder_pattern
from callveil.transforms.redact.until_stable import LOOKS
from callveil.transforms.redact.versions.decision import RedactionSettings
from callveil.transforms.redact.versions.json_values import iter_texts
from callveil.transforms.redact.versions.redactor import VersionRedactor

PLAIN = ("actor_name", "actor_ip", "user_agent", "actor_role", "restored_from", "request_id")
"""Columns that hold one text."""

Text = tuple[str, str, frozenset[str]]
"""A text of a version: its column, itself, and the entity types that were found in its value."""
Placed = tuple[int, RedactedVersion]
"""A version with its place among those it came with."""
Found = Counter[tuple[str, str]]
"""How often what was found, by column and entity type."""

_SOURCE = frozenset(
    {
        "agency_id",
        "item_label",
        "version_number",
        "actor_id",
        "actor_type",
        "actor_role",
        "actor_name",
        "actor_ip",
        "user_agent",
        "request_id",
        "restored_from",
        "shape",
        EXTRA,
    }
)


def stored_version(version: RedactedVersion, source: str = "store") -> RawVersion:
    """Return a stored version as one that can be redacted again. It is read as it stands: labels
    are text like any other.
    """
    record = {k: v for k, v in version.record.items() if k in _SOURCE}
    if version.record["has_changes"]:
        record["changes"] = [
            {"field": c["field"], "before": c.get("before"), "after": c.get("after")}
            for c in version.record.get("changes") or ()
        ]
    if version.record["has_object"]:
        record["object"] = {v["field"]: v.get("value") for v in version.record.get("object") or ()}
    return RawVersion(version.key, version.event, version.created_at, record, SourceRef(source))


def redact_versions_until_stable(
    redactor: VersionRedactor, work: Sequence[tuple[RawVersion, RedactionSettings]]
) -> list[RedactedVersion | Rejected]:
    """Redact a batch so that redacting it again finds nothing new; as `VersionRedactor.redact`."""
    out = list(redactor.redact(work))
    places = [
        place
        for place, item in enumerate(out)
        if isinstance(item, RedactedVersion) and item.record["redacted_entities"]
    ]

    def look(pending: Sequence[Placed]) -> Iterator[tuple[RedactedVersion | Rejected, Rules]]:
        again = [
            (replace(stored_version(version), source=raw.source), decided)
            for place, version in pending
            for raw, decided in [work[places[place]]]
        ]
        for (_, decided), item in zip(again, redactor.redact(again), strict=True):
            yield item, decided.rules

    versions = [item for item in map(out.__getitem__, places) if isinstance(item, RedactedVersion)]
    for place, item, _ in repeat_until_stable(versions, look, changed_texts):
        out[places[place]] = item
    return out


def repeat_until_stable(
    versions: Sequence[RedactedVersion],
    look: Callable[[Sequence[Placed]], Iterable[tuple[RedactedVersion | Rejected, Rules]]],
    count: Callable[[RedactedVersion, RedactedVersion, Rules], Found],
) -> Iterator[tuple[int, RedactedVersion | Rejected, Found]]:
    """Read redacted versions until nothing more is found.

    Args:
        look: redacts some of them again, each with the rules it did so by.
        count: what the second of two redactions covers that the first left readable.

    Yields: the place of each in which something was found, with what it is then and what was found;
        or why it could not be read.
    """
    told: dict[int, Found] = {}
    pending = list(enumerate(versions))
    for number in range(LOOKS):
        more: list[Placed] = []
        for (place, version), (item, rules) in zip(pending, look(pending), strict=True):
            if isinstance(item, Rejected):
                yield place, item, Counter()
            elif not (found := count(version, item, rules)):
                if number:
                    yield place, version, told[place]
            elif number == LOOKS - 1:
                detail = f"more was found in every one of {LOOKS} looks"
                yield place, _unsettled(version, detail), Counter()
            else:
                told[place] = told.get(place, Counter()) + found
                more.append((place, keep_delivered_facts(version, item)))
        pending = more
        if not pending:
            return


def _unsettled(version: RedactedVersion, detail: str) -> Rejected:
    account = version.key.account_id
    return Rejected(SourceRef("store"), "redact", "unsettled", detail, account_id=account)


def changed_texts(before: RedactedVersion, after: RedactedVersion, rules: Rules) -> Found:
    """Return texts that were readable and of which the second redaction shows less, by column."""
    done = placeholder_pattern(rules)
    pairs = zip(iter_version_texts(before), iter_version_texts(after), strict=True)
    return Counter(
        (column, "")
        for (column, old, _), (_, new, _) in pairs
        if old != new and has_unredacted_text(old, done)
    )


def iter_version_texts(version: RedactedVersion) -> Iterator[Text]:
    """Yield all texts that redaction may change, in an order that it keeps."""
    record = version.record
    whole = frozenset(record.get("redacted_entities") or ())
    for row in record.get("changes") or ():
        yield from _row_texts("changes", row, ("before", "after"))
    for row in record.get("object") or ():
        yield from _row_texts("object", row, ("value",))
    for name in ("item_label", EXTRA):
        for piece in iter_texts(record.get(name)):
            yield name, piece.text, whole
    heading = {
        "event": version.event,
        "item_type": version.key.item_type,
        "item_id": version.key.item_id,
    }
    for name, text in (*heading.items(), *((name, record.get(name)) for name in PLAIN)):
        yield name, str(text or ""), whole


def _row_texts(name: str, row: RecordValues, sides: Iterable[str]) -> Iterator[Text]:
    entities = frozenset(row.get("entities") or ())
    yield f"{name}[].field", row["field"], entities
    for side in sides:
        for piece in iter_texts(row.get(side)):
            yield f"{name}[].{side}", piece.text, entities


def keep_delivered_facts(old: RedactedVersion, new: RedactedVersion) -> RedactedVersion:
    """Return the new redaction with what the old row knew: digests of the values as they were
    delivered, and which entity types were found.
    """
    record = new.record | {k: old.record[k] for k in ("rank", "digest", "recorded_at")}
    record["redacted_entities"] = sorted(
        {*(old.record.get("redacted_entities") or ()), *(new.record.get("redacted_entities") or ())}
    )
    for name in ("changes", "object"):
        for before, after in zip(old.record.get(name) or (), record.get(name) or (), strict=True):
            after.update(
                {k: v for k, v in before.items() if k.endswith("digest") or k == "sensitive_class"}
            )
            after["redacted"] = bool(after["redacted"] or before.get("redacted"))
            after["entities"] = sorted(
                {*(after["entities"] or ()), *(before.get("entities") or ())}
            )
    return RedactedVersion(new.key, new.event, new.created_at, old.account_type, new.mode, record)
