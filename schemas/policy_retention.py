"""The `retention` section of a policy file."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import yaml

from callveil.schemas.account import ACCOUNT_TYPES, STATUSES
from callveil.schemas.policy_yaml import NodeReader, node_kind, set_if_given, suggest_choice
from callveil.schemas.retention import (
    ACTIONS,
    CLASSES,
    CLOCKS,
    DEFAULT_RULES,
    ON_DOWNGRADE,
    ON_REACTIVATION,
    RetentionRule,
)

RETENTION_KEYS = (
    "on_downgrade",
    "downgrade_grace_days",
    "on_reactivation",
    "subaccounts_inherit",
    "cancel_window_days",
    "skew_hours",
    "disable",
    "rules",
)
RULE_KEYS = ("id", "action", "days", "class", "clock", "account_type", "status", "account", "basis")
RULE_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
MAX_DAYS = 36_500
MAX_HOURS = 8_784


def read_retention(r: NodeReader, node: yaml.Node) -> dict[str, Any]:
    """Return what the section gives for `Retention.layered`; what is wrong with it goes to the
    reader.
    """
    out: dict[str, Any] = {}
    for key, value in r.mapping(node, "retention", RETENTION_KEYS).items():
        path = f"retention.{key}"
        if key == "on_downgrade":
            set_if_given(out, key, r.choice(value, path, ON_DOWNGRADE))
        elif key == "on_reactivation":
            set_if_given(out, key, r.choice(value, path, ON_REACTIVATION))
        elif key == "downgrade_grace_days":
            if node_kind(value) == "null":
                out[key] = None
            else:
                set_if_given(out, key, r.integer(value, path, 0, MAX_DAYS))
        elif key == "subaccounts_inherit":
            set_if_given(out, key, r.boolean(value, path))
        elif key == "cancel_window_days":
            set_if_given(out, key, r.integer(value, path, 0, MAX_DAYS))
        elif key == "skew_hours":
            set_if_given(out, key, r.integer(value, path, 0, MAX_HOURS))
        elif key == "disable":
            ids = [
                r.choice(n, f"{path}[{i}]", [d.rule_id for d in DEFAULT_RULES])
                for i, n in enumerate(r.items(value, path))
            ]
            out[key] = frozenset(i for i in ids if i is not None)
        else:
            out[key] = _rules(r, value, path)
    return out


def _rules(r: NodeReader, node: yaml.Node, path: str) -> tuple[RetentionRule, ...]:
    out: dict[str, RetentionRule] = {}
    for i, item in enumerate(r.items(node, path)):
        place = f"{path}[{i}]"
        rule = _rule(r, item, place)
        if rule and rule.rule_id in out:
            r.fail(
                item,
                f"{place}.id",
                f"the id {rule.rule_id} stands twice; give each rule an id of its own",
            )
        elif rule:
            out[rule.rule_id] = rule
    return tuple(out.values())


def _rule(r: NodeReader, node: yaml.Node, path: str) -> RetentionRule | None:
    if not isinstance(node, yaml.MappingNode):
        r.expected(
            node, path, "a mapping such as {id: ..., action: delete, days: 30, class: versions}"
        )
        return None
    before = len(r.problems)
    members = r.mapping(node, path, RULE_KEYS)
    for missing in [k for k in ("id", "action", "days", "class") if k not in members]:
        r.fail(node, path, f"{missing} is missing; a rule has an id, an action, days and classes")
    given: dict[str, Any] = {"clock": "event", "basis": ""}
    for key, value in members.items():
        place = f"{path}.{key}"
        if key == "id":
            given["rule_id"] = r.pattern(
                value,
                place,
                RULE_ID,
                "text of lower-case letters, digits, dots, dashes and underscores",
            )
        elif key in ("action", "clock"):
            given[key] = r.choice(value, place, ACTIONS if key == "action" else CLOCKS)
        elif key == "days":
            given[key] = r.integer(value, place, 0, MAX_DAYS)
        elif key == "basis":
            given[key] = r.text(value, place)
        elif key == "account":
            texts = (
                r.text(n, f"{place}[{i}]", numbers=True)
                for i, n in enumerate(r.items(value, place))
            )
            given["accounts"] = frozenset(t.strip() for t in texts if t is not None)
        else:
            name, options = {
                "class": ("classes", CLASSES),
                "account_type": ("account_types", ACCOUNT_TYPES),
                "status": ("statuses", STATUSES),
            }[key]
            given[name] = _choices(r, value, place, options)
    if len(r.problems) > before:
        return None
    if given["action"] == "redact" and given["classes"] != {"interactions"}:
        r.fail(
            node,
            f"{path}.class",
            "only interactions can be fully redacted; recordings and transcripts go with it. Write "
            "class: interactions",
        )
        return None
    return RetentionRule(**given)


def _choices(r: NodeReader, node: yaml.Node, path: str, options: Collection[str]) -> frozenset[str]:
    nodes = r.items(node, path)
    if not nodes:
        r.fail(
            node,
            path,
            f"names nothing{suggest_choice('', options)}; leave the condition out where it should "
            "hold for all",
        )
    found = (
        r.choice(n, path if n is node else f"{path}[{i}]", options) for i, n in enumerate(nodes)
    )
    return frozenset(f for f in found if f is not None)
