"""Retention rules: how long records of each class are kept, by account type and status. See
docs/retention.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from callveil.schemas.account import ACCOUNT_TYPES, STATUSES

CLASSES = (
    "versions",
    "interactions",
    "recordings",
    "transcripts",
    "rejected",
    "findings",
    "reports",
    "raw",
)
"""Record classes. `recordings` and `transcripts` are fields of interactions that can go while the
interaction stays; `raw` is the sealed content of rejected input.
"""

ACTIONS = ("delete", "redact", "keep")
"""`delete` and `redact` (automatic full redaction; interactions only) say when a record must go,
`keep` is a duty to keep it that long.
"""

CLOCKS = ("event", "cancelled")
"""What a rule counts from: the record's own time, or the cancellation of its account (the rule is
silent while there is none).
"""

ON_DOWNGRADE = ("at_event", "current", "max")
"""Whose days hold once an account can no longer create subaccounts: its type's when the record was
made, its present type's, or the longest of all it had since, until the grace period is over.
"""

ON_REACTIVATION = ("keep_window", "at_once")
"""What becomes of what the window after a cancellation kept, once the account is reactivated within
it: it stays until the window would have ended, or the ordinary days hold at once.
"""

DAY_US = 86_400_000_000
"""Microseconds of the 24 hours that a rule's day has."""


@dataclass(frozen=True, order=True)
class RetentionRule:
    """One rule. An empty condition holds for every record.

    Attributes:
        rule_id: names it in plans and dispositions.
        action: one of `ACTIONS`.
        days: of 24 hours each, from the clock's start.
        classes: record classes it is about.
        clock: one of `CLOCKS`.
        account_types, statuses, accounts: whose records.
        basis: why, such as the law that asks for it; shown, never interpreted.
    """

    rule_id: str
    action: str
    days: int
    classes: frozenset[str]
    clock: str = "event"
    account_types: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    basis: str = ""

    def __post_init__(self) -> None:
        known = ((self.action, ACTIONS), (self.clock, CLOCKS))
        if (
            any(value not in options for value, options in known)
            or self.days < 0
            or not self.classes <= set(CLASSES)
        ):
            raise ValueError(
                f"rule {self.rule_id}: unknown action, clock or class, or negative days"
            )
        if not self.account_types <= set(ACCOUNT_TYPES) or not self.statuses <= set(STATUSES):
            raise ValueError(f"rule {self.rule_id}: unknown account type or status")
        if self.action == "redact" and self.classes != {"interactions"}:
            raise ValueError(f"rule {self.rule_id}: only interactions can be fully redacted")

    def matches(self, record_class: str, account_type: str, status: str, account_id: str) -> bool:
        """Tell whether every condition holds."""
        return (
            record_class in self.classes
            and (not self.account_types or account_type in self.account_types)
            and (not self.statuses or status in self.statuses)
            and (not self.accounts or account_id in self.accounts)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the form a policy file gives it in; conditions that are empty are left out."""
        out: dict[str, Any] = {
            "id": self.rule_id,
            "action": self.action,
            "days": self.days,
            "class": sorted(self.classes),
        }
        out |= {"clock": self.clock} if self.clock != "event" else {}
        for name, values in (
            ("account_type", self.account_types),
            ("status", self.statuses),
            ("account", self.accounts),
        ):
            out |= {name: sorted(values)} if values else {}
        return out | ({"basis": self.basis} if self.basis else {})


_HISTORY = frozenset({"versions", "interactions", "recordings", "transcripts", "findings"})

DEFAULT_RULES = (
    RetentionRule(
        "versions-individual",
        "delete",
        7,
        frozenset({"versions"}),
        account_types=frozenset({"individual"}),
    ),
    RetentionRule(
        "versions-agency",
        "delete",
        120,
        frozenset({"versions"}),
        account_types=frozenset({"agency"}),
    ),
    RetentionRule(
        "cancelled-window",
        "keep",
        60,
        _HISTORY,
        clock="cancelled",
        basis="history stays for export and reactivation",
    ),
    RetentionRule(
        "cancelled-end",
        "delete",
        60,
        _HISTORY,
        clock="cancelled",
        basis="the account is closed for good",
    ),
)
"""What the platform promises its customers. Rules of a policy with the same id replace them."""


@dataclass(frozen=True)
class RetentionSettings:
    """The retention section of a policy.

    Attributes:
        rules: in any order; ids are unique.
        on_downgrade: one of `ON_DOWNGRADE`.
        downgrade_grace_days: with `max`, how long after a downgrade the longest days still hold;
            None: for ever.
        on_reactivation: one of `ON_REACTIVATION`.
        subaccounts_inherit: a subaccount of an agency counts as an agency's account itself.
        cancel_window_days: a reactivation within so many days undoes a cancellation; a later one
            begins a new life.
        skew_hours: a record dated further than this after `as_of` goes to quarantine.
    """

    rules: tuple[RetentionRule, ...] = DEFAULT_RULES
    on_downgrade: str = "max"
    downgrade_grace_days: int | None = 30
    on_reactivation: str = "keep_window"
    subaccounts_inherit: bool = False
    cancel_window_days: int = 60
    skew_hours: int = 24

    def __post_init__(self) -> None:
        if len({r.rule_id for r in self.rules}) != len(self.rules):
            raise ValueError("two retention rules have the same id")
        if self.on_downgrade not in ON_DOWNGRADE:
            raise ValueError(f"on_downgrade must be one of {', '.join(ON_DOWNGRADE)}")
        if self.on_reactivation not in ON_REACTIVATION:
            raise ValueError(f"on_reactivation must be one of {', '.join(ON_REACTIVATION)}")

    @property
    def window_us(self) -> int:
        """The cancel window, microseconds."""
        return self.cancel_window_days * DAY_US

    @property
    def skew_us(self) -> int:
        """The skew, microseconds."""
        return self.skew_hours * (DAY_US // 24)

    def as_dict(self) -> dict[str, Any]:
        """Return the form a policy file gives it in; it reads back to an equal object."""
        names = {r.rule_id for r in self.rules}
        return {
            "on_downgrade": self.on_downgrade,
            "downgrade_grace_days": self.downgrade_grace_days,
            "on_reactivation": self.on_reactivation,
            "subaccounts_inherit": self.subaccounts_inherit,
            "cancel_window_days": self.cancel_window_days,
            "skew_hours": self.skew_hours,
            "disable": sorted(r.rule_id for r in DEFAULT_RULES if r.rule_id not in names),
            "rules": [r.as_dict() for r in sorted(self.rules, key=lambda r: r.rule_id)],
        }

    def digest(self) -> str:
        """sha256, hex, of everything the section says, whatever the order of its rules."""
        return hashlib.sha256(orjson.dumps(self.as_dict(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def layered(self, given: Mapping[str, Any]) -> RetentionSettings:
        """Return this section with another file's on top.

        Args:
            given: members of this class by name, `rules` as a tuple of rules that replace those of
                the same id, `disable` as ids to leave out.
        """
        rules = {r.rule_id: r for r in self.rules if r.rule_id not in given.get("disable", ())}
        rules |= {r.rule_id: r for r in given.get("rules", ())}
        single = {k: v for k, v in given.items() if k not in ("rules", "disable")}
        members = {k: getattr(self, k) for k in self.__dataclass_fields__} | single
        return RetentionSettings(**(members | {"rules": tuple(rules.values())}))
