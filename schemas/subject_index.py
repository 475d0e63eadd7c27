"""The identifier index: which records a person's identifiers stand in. It holds keyed digests in
place of the identifiers themselves.

A redacted store no longer says whom its records are about, so that is noted before redaction, in a
form that only the keyring opens the way to.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from callveil.schemas.json_types import JsonObject
from callveil.schemas.typed_rows import fields_of

KINDS = ("phone", "email", "name_address", "visitor", "ip", "agent", "interaction")
"""Kinds of identifiers: a number in E.164, an e-mail address, a name with a postcode or street, an
online id, an internet address, an agent's id within an account, and an interaction's key.
"""

ROLES = ("contact", "agent", "third_party")
"""What a person is in a record: the contact, a member of staff, or somebody who is mentioned in it.
"""

NAME = "name"
"""Kind of a word of the contact's name, digested with a number, address or online id of the same
record: it tells people on a shared one apart, and leads nowhere. Its `field` is the digest of that
identifier.
"""

RECORD = "record"
"""Kind of the row that leads from a record to all its identifiers."""

CLASSES = ("interaction", "version")
"""Record classes the index leads to."""

SORT = ("token", "record_class", "account_id", "record_id", "item_type", "item_id", "role", "field")


class IdentifierLink(NamedTuple):
    """One identifier of a record, concealed."""

    token: Annotated[str, "digest of the identifier"]
    kind: Annotated[str, ", ".join(KINDS)]
    role: Annotated[str, ", ".join(ROLES)]
    field: Annotated[str, "declared field it stood in"]


class RecordRef(NamedTuple):
    """A record of the store.

    Attributes:
        record_class: interaction or version.
        account_id, record_id: its key; of a version with the object it is about.
        item_type, item_id: the object; empty for interactions.
    """

    record_class: str
    account_id: str
    record_id: str
    item_type: str = ""
    item_id: str = ""

    @property
    def shown(self) -> str:
        """As people name it."""
        return f"{'version ' * (self.record_class == 'version')}{self.account_id}/{self.record_id}"


class SubjectEntry(NamedTuple):
    """One row of the index."""

    token: Annotated[str, "keyed digest of the identifier, 32 hex digits"]
    kind: Annotated[str, f"{', '.join(KINDS)}; or {RECORD}, for a record's list of identifiers"]
    role: Annotated[str, ", ".join(ROLES)]
    field: Annotated[
        str, "declared field it stood in; of an interaction's list how its identifiers were found"
    ]
    record_class: Annotated[str, ", ".join(CLASSES)]
    account_id: Annotated[str, "account of the record"]
    record_id: Annotated[str, "interaction, or version"]
    item_type: Annotated[str, "of a version: type of the object"]
    item_id: Annotated[str, "of a version: the object, as it is stored"]
    day: Annotated[str, "UTC day of the record"]
    digest: Annotated[
        str,
        "keyed digest of the snapshot; an entry of another snapshot than the stored one is out "
        "of date",
    ]
    key_id: Annotated[str, "key of the digests"]
    seq: Annotated[int, "run that wrote this entry"] = 0
    links: Annotated[tuple[IdentifierLink, ...], "identifiers of the record"] = ()

    @property
    def record(self) -> RecordRef:
        """The record it leads to."""
        return RecordRef(
            self.record_class, self.account_id, self.record_id, self.item_type, self.item_id
        )

    @property
    def place(self) -> tuple[str, ...]:
        """Return the values that make an entry the same entry; files are sorted by them."""
        return tuple(getattr(self, name) for name in SORT)

    def as_row(self) -> JsonObject:
        """Return the row that is stored."""
        return self._asdict() | {"links": [link._asdict() for link in self.links]}

    def as_list(self) -> list[Any]:
        """Return its values, as JSON takes them."""
        return [*self[:-1], [list(link) for link in self.links]]

    @classmethod
    def of(cls, row: JsonObject | list[Any]) -> SubjectEntry:
        """Build an entry from a stored row, or from a list of its values as JSON gives it."""
        values = [row[name] for name in cls._fields] if isinstance(row, dict) else list(row)
        links = values[13] or ()
        values[13] = tuple(
            IdentifierLink(*(x[n] for n in IdentifierLink._fields))
            if isinstance(x, dict)
            else IdentifierLink(*x)
            for x in links
        )
        return cls(*values)


FIELDS = fields_of(SubjectEntry)
