"""Looking into the history: the versions of one object, and who changed what."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow.dataset as ds

from callveil.schemas.errors import UserError
from callveil.schemas.json_types import RecordValues
from callveil.schemas.policy import Policy
from callveil.schemas.version import RedactedVersion, to_snake_case
from callveil.transforms.detect.plain_ids import is_plain_id
from callveil.transforms.redact.operators import TokenKeys
from callveil.transforms.redact.versions.decision import KIND
from callveil.transforms.redact.versions.field_classes import item_name
from callveil.transforms.redact.versions.timeline import FieldChange, HistoryEntry
from callveil.transforms.redact.versions.version_run import distinct_label
from callveil.transforms.report.change_history.export import (
    account_history,
    accounts_with_versions,
    read_account_versions,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.identifier_names import (
    NamePseudonymizer,
    entity_of,
    is_number,
)
from callveil.transforms.storage.tables.versions import VERSIONS, version_from_row


class ItemError(UserError, ValueError):
    """An object's name is not of the form TYPE/ID."""


class MaskedForms:
    """Stored forms of names, addresses and odd ids, so that they can be asked for in clear.

    Args:
        keyring: gives the store's keyring; called when something is asked for in clear, and not
            before.
        policy: the policy the versions were redacted by.
    """

    def __init__(self, keyring: Callable[[], Keyring], policy: Policy) -> None:
        self._load, self._policy = keyring, policy

    @cached_property
    def _secrets(self) -> list[TokenKeys]:
        keyring = self._load()
        return [TokenKeys.of(keyring, key) for key in keyring.key_ids]

    def stored(self, own: str) -> frozenset[str]:
        """Return what an interaction's id may be stored as, where it is a name, or a number and the
        policy says so.
        """
        return NamePseudonymizer(self._load()).stored(own)

    def is_readable(self, own: str) -> bool:
        """Tell whether an id is stored as it is."""
        return (
            is_plain_id(own)
            and not entity_of(own)
            and not (self._policy.detect.digit_ids and is_number(own))
        )

    def of(self, entity: str, value: str, account_id: str) -> frozenset[str]:
        """Return the value itself, and what stands for it in an account's versions."""
        rules = self._policy.rules(
            account_id, "unknown", KIND, self._policy.detect.default_language
        )
        return frozenset(
            {value, *(distinct_label(rules, entity, value, s, account_id) for s in self._secrets)}
        )


def item_versions(
    store: Store, snapshot: Snapshot, item: str, masks: MaskedForms, account: str = ""
) -> dict[tuple[str, str, str], list[RedactedVersion]]:
    """Return versions of the objects `TYPE/ID` names, by object: one per account, unless `account`
    narrows it.

    The type may be written any way that is the same in snake case, with or without Ruby modules.
    Raises `ItemError` where `item` is not of the form `TYPE/ID`.
    """
    kind, slash, wanted = item.partition("/")
    if not slash or not kind or not wanted:
        raise ItemError("an item is written TYPE/ID, such as User/15 or TrackingNumber/2001")
    data = open_dataset(store, VERSIONS.name, snapshot, [account] if account else ())
    where = ds.field("account_id") == account if account else None
    if masks.is_readable(wanted):
        own = ds.field("item_id") == wanted
        where = own if where is None else where & own
    out: dict[tuple[str, str, str], list[RedactedVersion]] = {}
    for batch in data.to_batches(filter=where):
        for row in batch.to_pylist():
            if item_name(row["item_type"]) != item_name(kind):
                continue
            if row["item_id"] in _ids(wanted, masks, row["account_id"]):
                version = version_from_row(row)
                out.setdefault(version.key.item, []).append(version)
    return out


@dataclass(frozen=True)
class ChangeQuery:
    """Conditions on the changes to find; an empty condition holds for every change.

    Attributes:
        actor: id, or name in clear (compared by pseudonym where names are redacted).
        item: type, or TYPE/ID.
        field: name of a field, wildcards allowed.
        event: event.
        since, until: half-open, UTC.
        ip: address in clear.
        relevant: only security-relevant changes.
        classes: only these security classes.
    """

    actor: str = ""
    item: str = ""
    field: str = ""
    event: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    ip: str = ""
    relevant: bool = False
    classes: tuple[str, ...] = ()


def find_changes(
    store: Store,
    snapshot: Snapshot,
    query: ChangeQuery,
    masks: MaskedForms,
    accounts: tuple[str, ...] = (),
    agencies: tuple[str, ...] = (),
) -> Iterator[tuple[HistoryEntry, FieldChange | None]]:
    """Yield changes that match, account by account, each account's in order of time; an event
    without changes comes with None.
    """
    for account, versions in read_account_versions(
        store, snapshot, accounts_with_versions(store, snapshot, accounts, agencies), agencies
    ):
        actor = (
            masks.of("PERSON", query.actor, account)
            if query.actor and not query.actor.isdigit()
            else frozenset()
        )
        ip = masks.of("IP_ADDRESS", query.ip, account) if query.ip else frozenset()
        ids = _ids(query.item.partition("/")[2], masks, account)
        for entry in account_history(versions):
            if _matches(entry.version, query, actor, ip, ids):
                yield from _changes(entry, query)


def _ids(wanted: str, masks: MaskedForms, account: str) -> frozenset[str]:
    if not wanted or masks.is_readable(wanted):
        return frozenset({wanted} - {""})
    return masks.of("ID", wanted, account) | masks.stored(wanted)


def _matches(
    v: RedactedVersion,
    query: ChangeQuery,
    actor: frozenset[str],
    ip: frozenset[str],
    ids: frozenset[str],
) -> bool:
    r: RecordValues = v.record
    kind = query.item.partition("/")[0]
    return (
        (not query.actor or r.get("actor_id") == query.actor or r.get("actor_name") in actor)
        and (not query.ip or r.get("actor_ip") in ip)
        and (not kind or item_name(v.key.item_type) == item_name(kind))
        and (not ids or v.key.item_id in ids)
        and (not query.event or v.event == query.event)
        and (query.since is None or v.created_at >= query.since)
        and (query.until is None or v.created_at < query.until)
    )


def _changes(
    entry: HistoryEntry, query: ChangeQuery
) -> Iterator[tuple[HistoryEntry, FieldChange | None]]:
    for change in entry.changes or (None,):
        kind = (change.sensitive_class if change else "") or entry.sensitive_class
        if (query.relevant and not kind) or (query.classes and kind not in query.classes):
            continue
        if query.field and (
            change is None
            or not fnmatch.fnmatchcase(to_snake_case(change.name), _pattern(query.field))
        ):
            continue
        yield entry, change


def _pattern(text: str) -> str:
    return "*".join(
        to_snake_case(part) if part.strip("_") == part else part.lower() for part in text.split("*")
    )
