"""The record of processing activities that the company keeps: reading and checking it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import yaml

from callveil.schemas.account import ACCOUNT_TYPES
from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES
from callveil.schemas.errors import UserError
from callveil.schemas.json_types import Row
from callveil.schemas.policy_values import suggest_choice
from callveil.schemas.policy_yaml import NodeReader
from callveil.schemas.retention import CLASSES

ROLES = ("controller", "processor")
_LISTS = (
    "purposes",
    "lawful_basis",
    "subject_categories",
    "special_categories",
    "source",
    "recipients",
    "processors",
    "third_countries",
    "safeguards",
    "security_measures",
    "storage_location",
)
_TEXTS = ("name", "automated_decisions", "dpia_ref", "reviewed_by")
_KEYS = ("id", "callveil", "role", "data_categories", "retention", "reviewed_at", *_LISTS, *_TEXTS)
_REQUIRED = (
    "id",
    "name",
    "role",
    "purposes",
    "lawful_basis",
    "subject_categories",
    "data_categories",
    "retention",
)
"""What a record must have; the rest may be missing where there is nothing to say (Art. 30(1))."""
_COMPANY = ("controller", "joint_controllers", "representative", "dpo")
TEMPLATE = Path(__file__).parent / "templates" / "processing.yaml"


class ActivitiesError(UserError, ValueError):
    """The record is wrong; the text has every problem by line and field."""


@dataclass(frozen=True)
class TimeLimit:
    """A time limit the record names.

    Attributes:
        category: in the company's words. days: of 24 hours.
        record_class: of callveil, or empty. account_type: or empty for all.
    """

    category: str
    days: int
    record_class: str = ""
    account_type: str = ""

    def __str__(self) -> str:
        return f"{self.category}: {self.days} days"


@dataclass(frozen=True)
class DataCategory:
    """Data the record names: in the company's words, and as entity types."""

    name: str
    entities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Activity:
    """One processing activity.

    Attributes:
        values: columns of the report, as the record gives them.
        ours: its data lies in this store.
        limits, categories: time limits and data.
    """

    values: Row
    ours: bool
    limits: tuple[TimeLimit, ...]
    categories: tuple[DataCategory, ...]


def load_activities(path: str | Path) -> list[Activity]:
    """Read the company's YAML. Raises `ActivitiesError` with everything that is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ActivitiesError(
            f"{path}: cannot be read ({type(error).__name__}); `callveil report processing "
            "--template` prints one"
        ) from None
    r = NodeReader(str(path))
    node = r.compose(text)
    out: list[Activity] = []
    if node is not None:
        members = r.mapping(node, "", ("version", "company", "activities"))
        for missing in [k for k in ("version", "company", "activities") if k not in members]:
            r.fail(
                node,
                missing,
                "is missing; `callveil report processing --template` prints a whole record",
            )
        if "version" in members:
            r.integer(members["version"], "version", 1, 1)
        company = _company(r, members["company"]) if "company" in members else {}
        seen: set[str] = set()
        for i, item in enumerate(
            r.items(members["activities"], "activities") if "activities" in members else ()
        ):
            activity = _activity(r, item, f"activities[{i}]", company)
            if activity and activity.values["activity_id"] in seen:
                r.fail(
                    item,
                    f"activities[{i}].id",
                    "the id stands twice; give each activity an id of its own",
                )
            elif activity:
                seen.add(activity.values["activity_id"])
                out.append(activity)
    if r.problems:
        raise ActivitiesError("\n".join(str(p) for p in r.problems))
    return out


def _company(r: NodeReader, node: yaml.Node) -> Row:
    members = r.mapping(node, "company", _COMPANY)
    if "controller" not in members:
        r.fail(
            node,
            "company.controller",
            "is missing: name and contact of the controller (Art. 30(1)(a))",
        )
    out: Row = {}
    for key, value in members.items():
        if key == "joint_controllers":
            out[key] = _texts(r, value, f"company.{key}")
        else:
            out[key] = _optional(r, value, f"company.{key}")
    return out


def _activity(r: NodeReader, node: yaml.Node, path: str, company: Row) -> Activity | None:
    before = len(r.problems)
    if not isinstance(node, yaml.MappingNode):
        r.expected(node, path, "a mapping")
        return None
    members = r.mapping(node, path, _KEYS)
    for missing in [k for k in _REQUIRED if k not in members]:
        r.fail(node, f"{path}.{missing}", "is missing")
    values: Row = dict(company)
    ours = False
    limits: tuple[TimeLimit, ...] = ()
    categories: tuple[DataCategory, ...] = ()
    for key, value in members.items():
        place = f"{path}.{key}"
        if key == "id":
            values["activity_id"] = r.text(value, place, longest=100)
        elif key == "callveil":
            ours = bool(r.boolean(value, place))
        elif key == "role":
            values["role"] = r.choice(value, place, ROLES)
        elif key == "data_categories":
            categories = tuple(
                c
                for i, n in enumerate(r.items(value, place))
                if (c := _category(r, n, f"{place}[{i}]"))
            )
        elif key == "retention":
            limits = tuple(
                x
                for i, n in enumerate(r.items(value, place))
                if (x := _limit(r, n, f"{place}[{i}]"))
            )
        elif key == "reviewed_at":
            values[key] = _date(r, value, place)
        elif key in _LISTS:
            values[key] = _texts(r, value, place)
        else:
            values[key] = _optional(r, value, place)
    if len(r.problems) > before:
        return None
    values["data_categories"] = [c.name for c in categories]
    values["retention_by_category"] = [str(x) for x in limits]
    return Activity(values, ours, limits, categories)


def _category(r: NodeReader, node: yaml.Node, path: str) -> DataCategory | None:
    if isinstance(node, yaml.ScalarNode):
        name = r.text(node, path)
        return DataCategory(name) if name else None
    members = r.mapping(node, path, ("name", "entities"))
    if "name" not in members:
        r.fail(node, f"{path}.name", "is missing")
    name = r.text(members["name"], f"{path}.name") if "name" in members else None
    entities = set()
    for n in r.items(members["entities"], f"{path}.entities") if "entities" in members else ():
        entity = r.text(n, f"{path}.entities")
        if entity and entity not in ENTITIES and not entity.startswith(CUSTOM_PREFIX):
            r.fail(
                n,
                f"{path}.entities",
                f"no such entity type{suggest_choice(entity, list(ENTITIES))}",
            )
        elif entity:
            entities.add(entity)
    return DataCategory(name, frozenset(entities)) if name else None


def _limit(r: NodeReader, node: yaml.Node, path: str) -> TimeLimit | None:
    members = r.mapping(node, path, ("category", "class", "account_type", "days"))
    for missing in [k for k in ("category", "days") if k not in members]:
        r.fail(node, f"{path}.{missing}", "is missing")
    category = r.text(members["category"], f"{path}.category") if "category" in members else None
    days = r.integer(members["days"], f"{path}.days", 0, 36_500) if "days" in members else None
    record_class = (
        r.choice(members["class"], f"{path}.class", CLASSES) if "class" in members else ""
    )
    kind = (
        r.choice(members["account_type"], f"{path}.account_type", ACCOUNT_TYPES)
        if "account_type" in members
        else ""
    )
    return (
        None
        if category is None or days is None or record_class is None or kind is None
        else TimeLimit(category, days, record_class, kind)
    )


def _texts(r: NodeReader, node: yaml.Node, path: str) -> list[str]:
    return [
        t
        for i, n in enumerate(r.items(node, path))
        if (t := r.text(n, f"{path}[{i}]", numbers=True))
    ]


def _optional(r: NodeReader, node: yaml.Node, path: str) -> str | None:
    """Return a text that may be empty."""
    return (
        None
        if isinstance(node, yaml.ScalarNode) and not node.value.strip()
        else r.text(node, path, longest=4000)
    )


def _date(r: NodeReader, node: yaml.Node, path: str) -> dt.datetime | None:
    text = _optional(r, node, path)
    if text is None:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        r.fail(node, path, "expected a date such as 2026-10-01")
        return None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
