"""Versions: changes to the objects of an account (users, numbers, settings, interactions), raw and
redacted.

As with interactions, `RawVersion` and `RedactedVersion` are different types on purpose: the store
takes only the second, and only `callveil.transforms.redact.versions.redactor` makes it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from callveil.schemas.fields import Boolean, Field, Integer, Json, ListOf, Struct, Text, Timestamp
from callveil.schemas.fields import json_schema as _json_schema
from callveil.schemas.interaction import SourceRef
from callveil.schemas.json_types import JsonObject, RecordValues

EVENTS = ("create", "update", "destroy", "restore", "redact", "export", "sign_in")
"""Events the platform knows. Others occur (applications name their own) and are kept as the word
they are.
"""

ACTOR_TYPES = ("user", "api", "system", "support")

SHAPES = ("native", "paper_trail")
"""Forms a version is delivered in: a list of changes, or a row with the object's state before the
change.
"""

INTERACTION_ITEMS = frozenset(
    {
        "interaction",
        "call",
        "phone_call",
        "text",
        "text_message",
        "sms",
        "message",
        "chat",
        "form",
        "form_submission",
        "form_reactor",
        "activity",
    }
)
"""Item types (as `item_name` writes them) that are interactions: a version about one is treated as
the interaction is.
"""

_T, _J, _S = Text(), Json(), Timestamp()

CHANGE = Struct(
    (
        Field("field", _T, "field that changed"),
        Field("before", _J, "value before; absent for none"),
        Field("after", _J, "value after; absent for none"),
        Field("redacted", Boolean(), "a part of either value was redacted", personal=False),
        Field("entities", ListOf(_T), "entity types that were redacted", personal=False),
        Field("before_digest", _T, "keyed digest of a redacted value before", personal=False),
        Field("after_digest", _T, "keyed digest of a redacted value after", personal=False),
        Field("sensitive_class", _T, "security class of the change", personal=False),
    )
)
VALUE = Struct(
    (
        Field("field", _T, "name of the field"),
        Field("value", _J, "its value"),
        Field("redacted", Boolean(), "a part of the value was redacted", personal=False),
        Field("entities", ListOf(_T), "entity types that were redacted", personal=False),
        Field("digest", _T, "keyed digest of a redacted value", personal=False),
    )
)


def _all(personal: bool, *rows: tuple[str, Any, str]) -> tuple[Field, ...]:
    return tuple(Field(name, kind, doc, personal=personal) for name, kind, doc in rows)


FIELDS: tuple[Field, ...] = (
    *_all(
        False,
        ("version_id", _T, "id of the version"),
        ("account_id", _T, "account"),
        ("agency_id", _T, "agency the account belongs to"),
        ("item_type", _T, "type of the object, such as User or TrackingNumber"),
        ("item_id", _T, "id of the object"),
    ),
    *_all(True, ("item_label", _T, "what the object was called")),
    *_all(
        False,
        (
            "version_number",
            Integer(0),
            "place among the object's versions, where the source gives it",
        ),
        (
            "event",
            _T,
            "create, update, destroy, restore, redact, export, sign_in, or the application's own "
            "word",
        ),
        ("created_at", _S, "when it happened, UTC"),
        ("actor_id", _T, "who did it: the platform's user id"),
        ("actor_type", _T, "user, api, system or support"),
        ("actor_role", _T, "role at that time"),
    ),
    *_all(
        True,
        ("actor_name", _T, "who did it"),
        ("actor_ip", _T, "from which address"),
        ("user_agent", _T, "with which program"),
    ),
    *_all(
        False,
        ("request_id", _T, "request it was part of"),
        ("restored_from", _T, "version that was restored"),
        ("shape", _T, "native or paper_trail"),
    ),
    *_all(
        True,
        ("changes", ListOf(CHANGE), "fields that changed, where the source lists them"),
        ("object", ListOf(VALUE), "the whole object before the change, where the source holds it"),
        ("extra", _J, "members no declaration knows"),
    ),
)
"""Columns that come from the source."""

STATE: tuple[Field, ...] = _all(
    False,
    (
        "has_changes",
        Boolean(),
        "the source lists the changes; where it does not, they follow from the next version",
    ),
    ("has_object", Boolean(), "the source holds the object before the change"),
    ("rank", Integer(), "completeness; of two deliveries of a version the higher one is kept"),
    ("digest", _T, "keyed digest of the version as delivered"),
    ("recorded_at", _S, "as_of of the run that took it in, UTC"),
    ("redaction_mode", _T, "none, content or full"),
    ("redacted_entities", ListOf(_T), "entity types that were redacted"),
    ("policy_sha256", _T, "policy that decided"),
    ("account_type", _T, "account type when it happened"),
    ("run_id", _T, "run that wrote this row"),
)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BREAK = re.compile(r"[^a-z0-9]+")


def to_snake_case(name: str) -> str:
    """Return a name in lower case with single underscores: `apiKey`, `Api::Key` and `API key` all
    become `api_key`.
    """
    return _BREAK.sub("_", _CAMEL.sub("_", name).lower()).strip("_")


def is_interaction(item_type: str) -> bool:
    """Tell whether an item type names interactions."""
    return to_snake_case(item_type.rpartition("::")[2]) in INTERACTION_ITEMS


class VersionKey(NamedTuple):
    """Identity of a version, the same however often it is delivered."""

    account_id: str
    item_type: str
    item_id: str
    version_id: str

    @property
    def item(self) -> tuple[str, str, str]:
        """Account, type and id of the object."""
        return self.account_id, self.item_type, self.item_id


@dataclass(frozen=True)
class RawVersion:
    """A version as the source gave it: unredacted, held only in memory.

    Attributes:
        key: see `VersionKey`.
        event: what happened.
        created_at: when, UTC.
        record: values by declared name; `changes` a list of `{field, before, after}`, `object` an
            object, either absent where the source has none.
        source: where it was read.
    """

    key: VersionKey
    event: str
    created_at: dt.datetime
    record: RecordValues = field(repr=False)
    source: SourceRef


@dataclass(frozen=True)
class RedactedVersion:
    """A version after redaction. Only `callveil.transforms.redact.versions` makes one.

    Attributes:
        key, event, created_at: as in the raw version.
        account_type: type of the account when it happened; the partition.
        mode: none, content or full.
        record: values by declared name, with the `STATE` columns set.
    """

    key: VersionKey
    event: str
    created_at: dt.datetime
    account_type: str
    mode: str
    record: RecordValues = field(repr=False)

    @property
    def day(self) -> str:
        """UTC day, `YYYY-MM-DD`; the partition."""
        return self.created_at.date().isoformat()

    @property
    def order(self) -> tuple[int, str]:
        """Of several deliveries of one version the highest is kept; it depends on what was
        delivered alone, never on when.
        """
        return self.record["rank"], self.record["digest"]


def published_json_schema() -> JsonObject:
    """JSON Schema of a version in the native shape."""
    return _json_schema(
        "Version",
        FIELDS,
        ("version_id", "account_id", "item_type", "item_id", "event", "created_at"),
        "A change to an object of an account. Rows of Rails' paper_trail (object, object_changes, "
        "whodunnit) are read as well.",
    )
