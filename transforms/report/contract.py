"""Data contract of a store's tables, as the Open Data Contract Standard 3.2 has it, from the
declarations that the files themselves are written by.

Source: https://bitol-io.github.io/open-data-contract-standard/v3.2.0/
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator

import pyarrow as pa

from callveil.schemas.errors import UserError
from callveil.schemas.fields import (
    PERSONAL_CLASSES,
    Boolean,
    Field,
    FieldType,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    TextOrJson,
    Timestamp,
    member_fields,
    personal_class,
)
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy_values import suggest_choice
from callveil.schemas.retention import RetentionRule
from callveil.transforms.governance.retention.record_classes import CLASSES
from callveil.transforms.report import open_store as _registers  # noqa: F401 - every table
from callveil.transforms.storage.commit.commit_run import TOOL
from callveil.transforms.storage.files.urls import is_s3
from callveil.transforms.storage.iceberg.table_schema import partition_column
from callveil.transforms.storage.tables.column_stats import leaf_columns, plain_leaves
from callveil.transforms.storage.tables.parquet import TABLES, Table

API_VERSION = "v3.2.0"
SENSITIVITY = {
    "none": "internal",
    "possible": "confidential",
    "text": "confidential",
    "direct": "restricted",
}
"""`classification` of a column by its class of personal data."""

_TYPES: dict[type[FieldType], tuple[str, str]] = {
    Text: ("string", "string"),
    Integer: ("integer", "bigint"),
    Number: ("number", "double"),
    Boolean: ("boolean", "boolean"),
    Timestamp: ("timestamp", "timestamp_tz"),
    Json: ("string", "string"),
    TextOrJson: ("string", "string"),
}
"""Logical and physical type of a value as stored, in words that readers of Parquet share."""
_TYPE_WORDS: dict[pa.DataType, JsonObject] = {
    kind: {"logicalType": logical, "physicalType": physical}
    for kind, logical, physical in (
        (pa.string(), "string", "string"),
        (pa.int32(), "integer", "integer"),
        (pa.date32(), "date", "date"),
    )
}
"""The same of partition columns."""
_DESCRIPTION = {
    "purpose": "Call-tracking records from which callveil has taken personal data, and the account "
    "of what it took out, kept, deleted and was asked for.",
    "usage": "The tables are Apache Iceberg tables, a folder each, which show one published run: "
    "`callveil store tables` prints what to tell an engine, and callveil.open_store reads them in "
    "Python. Data files read as they lie may not be published yet, or wait to be purged.",
    "limitations": "What a policy keeps, and what detection misses, is still there: columns that "
    "are classified as confidential or restricted stay under the rules for personal data. "
    "Retention is as the last `callveil retain` left it, and legal holds outlast it.",
}
_RECORD_COLUMNS = frozenset((c.dataset, name) for c in CLASSES.values() for name in c.columns)
"""Columns by which retention, erasure and restriction find and judge rows."""


class ContractError(UserError, ValueError):
    """A table that was asked for is none of the store's."""


def data_contract(
    tables: Collection[str] = (), rules: Collection[RetentionRule] = (), root: str = ""
) -> JsonObject:
    """Return the contract document.

    Args:
        tables: names; empty means every table of a store.
        rules: retention rules of the policy that the store is kept by.
        root: the store; empty leaves the servers to be filled in.

    Raises `ContractError` for a name that is no table's.
    """
    names = sorted(TABLES)
    for name in tables:
        if name not in TABLES:
            raise ContractError(
                f"--table {name}: no such table{suggest_choice(name, names)}; there are "
                f"{', '.join(names)}"
            )
    chosen = [TABLES[n] for n in names if not tables or n in tables]
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, root or "callveil")),
        "name": "callveil store",
        "version": TOOL.split()[-1],
        "status": "active" if root else "draft",
        "description": _DESCRIPTION,
        **({"servers": [_server(root)]} if root else {}),
        "schema": [_schema_object(t, root) for t in chosen],
        "slaProperties": list(_retention(rules, {t.name for t in chosen})),
        "customProperties": [_custom("piiClasses", PERSONAL_CLASSES)],
    }


def _server(root: str) -> JsonObject:
    place = f"{root.rstrip('/')}/{{model}}"
    where = {"type": "s3", "location": place} if is_s3(root) else {"type": "local", "path": place}
    return {"server": "store", **where, "format": "iceberg", "description": _DESCRIPTION["usage"]}


def _custom(name: str, value: object) -> JsonObject:
    return {"property": name, "value": value}


def _schema_object(table: Table, root: str) -> JsonObject:
    keys = [partition_column(k) for k in table.partition_by]
    apart = [
        {
            "name": c.name,
            "description": c.doc,
            **_TYPE_WORDS[c.type],
            "classification": SENSITIVITY["none"],
            "customProperties": [_custom("pii", "none")],
        }
        for c in keys
        if c.name not in table.schema.names
    ]
    properties = [_column(table, f) for f in table.fields] + apart
    for position, column in enumerate(keys, 1):
        (told,) = (p for p in properties if p["name"] == column.name)
        told |= {"partitioned": True, "partitionKeyPosition": position}
    ordered = ", ".join(table.sort_by)
    return {
        "name": table.name,
        "physicalName": table.name,
        "physicalType": "table",
        "logicalType": "object",
        "description": table.doc,
        "properties": properties,
        "quality": list(_quality(table, root)),
        **({"customProperties": [_custom("sortedBy", ordered)]} if ordered else {}),
    }


def _quality(table: Table, root: str) -> Iterator[JsonObject]:
    """Yield what holds for every published file of a table."""
    if table.key:
        yield {
            "type": "library",
            "metric": "duplicateValues",
            "dimension": "uniqueness",
            "description": f"No two live rows share {', '.join(table.key)}.",
            "arguments": {"properties": list(table.key)},
            "mustBe": 0,
            "unit": "rows",
        }
    plain = set(plain_leaves(table.fields))
    personal = [path for path, _ in leaf_columns(table.fields) if path not in plain]
    if personal:
        yield {
            "type": "text",
            "dimension": "conformity",
            "description": "No file carries statistics, a page index or a bloom filter for columns "
            f"that may hold personal data: {len(personal)} leaf columns, those whose pii is not "
            "none.",
        }
    yield {
        "type": "custom",
        "engine": "callveil",
        "dimension": "consistency",
        "description": "Rows and SHA-256 of every live file are those of a chain of manifests that "
        "is signed.",
        "implementation": f"callveil evidence verify --store {root or 'STORE'} --key PUBLIC_KEY",
    }


def _column(table: Table, field: Field) -> JsonObject:
    """Return a column, with what only columns of a table have."""
    out = _property(field)
    if field.name in table.key:
        out |= {
            "primaryKey": True,
            "primaryKeyPosition": table.key.index(field.name) + 1,
            "required": True,
        }
    critical = field.name in table.key or (table.name, field.name) in _RECORD_COLUMNS
    return out | ({"criticalDataElement": True} if critical else {})


def _property(field: Field) -> JsonObject:
    kind = personal_class(field)
    said = {"pii": kind, "entityType": field.entity, "fieldGroup": field.group}
    return {
        "name": field.name,
        "description": field.doc,
        **_type_of(field.type),
        "classification": SENSITIVITY[kind],
        **({} if kind == "none" else {"tags": ["pii"]}),
        "customProperties": [_custom(name, value) for name, value in said.items() if value],
    }


def _type_of(kind: FieldType) -> JsonObject:
    if isinstance(kind, ListOf):
        return {"logicalType": "array", "items": _type_of(kind.item)}
    if isinstance(kind, Struct):
        members = [_property(f) for f in member_fields(kind)]
        return {"logicalType": "object", "properties": members}
    logical, physical = _TYPES[type(kind)]
    out: JsonObject = {"logicalType": logical, "physicalType": physical}
    if isinstance(kind, Timestamp):
        out["logicalTypeOptions"] = {"timezone": True, "defaultTimezone": "Etc/UTC"}
    elif isinstance(kind, Json):
        out["logicalTypeOptions"] = {"format": "json"}
    return out


def _retention(rules: Collection[RetentionRule], tables: Collection[str]) -> Iterator[JsonObject]:
    """Yield a property for each rule and each class of records that a table holds.

    `retention` says that no row is older, and is tested as that. It is left to rules that hold for
    every row of a class which no duty keeps; the others are called `conditionalRetention`.
    """
    kept = {name for r in rules if r.action == "keep" for name in r.classes}
    for rule, name in ((r, name) for r in rules for name in sorted(r.classes)):
        about = CLASSES[name]
        if about.dataset not in tables:
            continue
        whom = {
            "account types": rule.account_types,
            "account statuses": rule.statuses,
            "accounts": rule.accounts,
        }
        only = "; ".join(f"{k}: {', '.join(sorted(v))}" for k, v in whom.items() if v)
        is_plain = rule.action == "delete" and rule.clock == "event" and not only
        start = "the record's time" if rule.clock == "event" else "its account's cancellation"
        yield {
            "property": "retention" if is_plain and name not in kept else "conditionalRetention",
            "value": rule.days,
            "unit": "d",
            "element": ", ".join(f"{about.dataset}.{c}" for c in about.fields or (about.time,)),
            "driver": "regulatory",
            "description": f"Rule {rule.rule_id}: {rule.action} {name} {rule.days} x 24 h after "
            f"{start}; {only or 'every account'}" + (f" ({rule.basis})" if rule.basis else ""),
            "customProperties": [
                _custom("ruleId", rule.rule_id),
                _custom("action", rule.action),
                _custom("recordClass", name),
            ],
        }
