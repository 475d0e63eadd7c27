"""The history of one object: its versions in order, what each changed, and the object as it was at
any time.

Everything here is a function of the set of versions: in which order and how often they came makes
no difference.

Some sources hold no change at all but the whole object before it (paper_trail without
object_changes). What such a version changed follows from the next version's object, so it is
derived when it is asked for, and a version that comes late corrects its neighbours by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from callveil.schemas.version import RedactedVersion
from callveil.transforms.redact.versions.change_classes import change_class, security_class
from callveil.transforms.redact.versions.json_values import canonical_json
from callveil.transforms.storage.tables.versions import best_versions


class StoredValue(NamedTuple):
    """A value of a field as it is stored.

    Attributes:
        value: JSON; None where the field is empty.
        digest: keyed digest of a redacted value; empty for one that is whole.
    """

    value: Any = None
    digest: str = ""

    def same(self, other: StoredValue) -> bool:
        """Tell whether two values were equal before redaction. Digests tell it where both are
        redacted, since `[PERSON]` may stand for anyone.
        """
        if self.digest and other.digest:
            return self.digest == other.digest
        return canonical_json(self.value) == canonical_json(other.value)


NOTHING = StoredValue()


@dataclass(frozen=True)
class FieldChange:
    """A change of one field.

    Attributes:
        name: the field.
        before, after: its values.
        sensitive_class: see `schemas.history.CLASSES`; empty where it has none.
    """

    name: str
    before: StoredValue
    after: StoredValue
    sensitive_class: str = ""

    @property
    def redacted(self) -> bool:
        """Tell whether a part of either value was redacted."""
        return bool(self.before.digest or self.after.digest)


@dataclass(frozen=True)
class HistoryEntry:
    """One version with what it changed.

    Attributes:
        version: the version.
        changes: by field, in order of name.
        known: false where the source holds only states before changes and the next version has not
            come.
        sensitive_class: of the event itself; empty where it has none.
    """

    version: RedactedVersion
    changes: tuple[FieldChange, ...]
    known: bool = True
    sensitive_class: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Security classes of the event and its changes, sorted."""
        return tuple(
            sorted({self.sensitive_class, *(c.sensitive_class for c in self.changes)} - {""})
        )


@dataclass(frozen=True)
class ObjectState:
    """An object at one time.

    Attributes:
        exists: None where nothing tells.
        fields: values by name; of a destroyed object those it had last.
        version: the last version before that time; None before the first.
        unsure: fields that the last version may have changed: its source tells that with the next
            one, which has not come.
    """

    exists: bool | None
    fields: dict[str, StoredValue] = field(default_factory=dict)
    version: RedactedVersion | None = None
    unsure: tuple[str, ...] = ()


def order_versions(versions: Iterable[RedactedVersion]) -> list[RedactedVersion]:
    """Return versions of one object in order, each once: by their numbers where all have one of
    their own, else by time and id.
    """
    found = list(best_versions(versions).values())
    numbers = [v.record.get("version_number") for v in found]
    if None not in numbers and len(set(numbers)) == len(numbers):
        return sorted(found, key=lambda v: v.record["version_number"])
    return sorted(
        found,
        key=lambda v: (
            v.created_at,
            v.record.get("version_number") or 0,
            _id_order(v.key.version_id),
        ),
    )


def _id_order(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isascii() and text.isdigit() else (1, 0, text)


def history_of(versions: Iterable[RedactedVersion]) -> list[HistoryEntry]:
    """Return the history of one object, oldest first."""
    line = order_versions(versions)
    return [
        _entry(version, line[n + 1] if n + 1 < len(line) else None)
        for n, version in enumerate(line)
    ]


def _entry(version: RedactedVersion, following: RedactedVersion | None) -> HistoryEntry:
    item, event = version.key.item_type, version.event
    own = security_class(item, event, "")
    if version.record["has_changes"]:
        return HistoryEntry(version, tuple(listed_changes(version)), True, own)
    held = _object(version)
    after = _object(following) if following is not None and following.event != "create" else None
    if event == "destroy" and held is not None:
        after = {}
    if held is None and not (
        event in ("create", "restore") and version.record.get("shape") == "paper_trail"
    ):
        return HistoryEntry(version, (), True, own)  # a sign-in or an export changes nothing
    if after is None:
        return HistoryEntry(version, (), False, own)
    return HistoryEntry(version, tuple(diff_states(item, event, held or {}, after)), True, own)


def listed_changes(version: RedactedVersion) -> list[FieldChange]:
    """Return the changes a version lists."""
    out = []
    for c in version.record.get("changes") or ():
        before, after = (
            StoredValue(c.get("before"), c.get("before_digest") or ""),
            StoredValue(c.get("after"), c.get("after_digest") or ""),
        )
        out.append(FieldChange(c["field"], before, after, c.get("sensitive_class") or ""))
    return out


def diff_states(
    item_type: str, event: str, before: Mapping[str, StoredValue], after: Mapping[str, StoredValue]
) -> list[FieldChange]:
    """Return fields that differ between two states, in order of name."""
    out = []
    for name in sorted(before.keys() | after.keys()):
        a, b = before.get(name, NOTHING), after.get(name, NOTHING)
        if not a.same(b):
            out.append(
                FieldChange(name, a, b, change_class(item_type, event, name, a.value, b.value))
            )
    return out


def _object(version: RedactedVersion) -> dict[str, StoredValue] | None:
    """Return the whole object before a version, or None where the source does not hold it."""
    if not version.record["has_object"]:
        return None
    return {
        v["field"]: StoredValue(v.get("value"), v.get("digest") or "")
        for v in version.record.get("object") or ()
    }


def state_at(versions: Iterable[RedactedVersion], when: dt.datetime) -> ObjectState:
    """Return the object as it was at `when`; a version holds from its own instant on.

    States are taken where a source holds them; between them changes are replayed. Fields that only
    later changes tell of are filled in from what those say was there before.
    """
    line = order_versions(versions)
    last = max((n for n, v in enumerate(line) if v.created_at <= when), default=-1)
    fields: dict[str, StoredValue] = {}
    stale: set[str] = set()  # fields that a version may have changed without saying so
    exists: bool | None = None
    for version in line[: last + 1]:
        if version.event == "create":
            fields, stale = {}, set()
        if (held := _object(version)) is not None:
            fields, stale = dict(held), set()
        if version.event == "destroy":
            exists = False
            continue
        exists = True
        changes = listed_changes(version)
        fields.update((c.name, c.after) for c in changes)
        stale = stale - {c.name for c in changes} if version.record["has_changes"] else set(fields)
    later = line[last + 1 :]
    if last < 0:
        if not later:
            return ObjectState(None)
        exists = (
            later[0].event != "create"
            if later[0].event in ("create", "update", "destroy", "redact")
            else None
        )
    if exists is not False:
        fields, stale = _filled(fields, stale, later)
    known = {name: value for name, value in sorted(fields.items()) if value.value is not None}
    return ObjectState(exists, known, line[last] if last >= 0 else None, tuple(sorted(stale)))


def _filled(
    fields: Mapping[str, StoredValue], stale: set[str], later: Sequence[RedactedVersion]
) -> tuple[dict[str, StoredValue], set[str]]:
    """Return fields with what later versions say was there before them, where that is better than
    what is known; and those that stay stale.
    """
    out, told = dict(fields), fields.keys() - stale
    for version in later:
        if version.event == "create":
            break
        held = _object(version) or {}
        before = {**held, **{c.name: c.before for c in listed_changes(version)}}
        out.update({name: value for name, value in before.items() if name not in told})
        told = told | before.keys()
        if (
            version.record["has_object"]
            or version.event == "destroy"
            or not version.record["has_changes"]
        ):
            break  # what lies behind a version that does not say what it changed is no witness
    return out, stale - told
