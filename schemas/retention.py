"""Retention rules: how long records of each class are kept, by account type and status. See
docs/retention.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import orjson

from callveil.schemas.account import ACCOUNT_TYPES, STATUSES
from callveil.schemas.policy_settings import Section
from callveil.schemas.policy_values import (
    Between,
    Items,
    Named,
    OmitDefault,
    OneOf,
    Problems,
    Text,
    Then,
    WriteAs,
    suggest_choice,
)
from callveil.schemas.rules import MAX_DAYS

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
CLOCKS = ("event", "cancelled")
ON_DOWNGRADE = ("at_event", "current", "max")
ON_REACTIVATION = ("keep_window", "at_once")

DAY_US = 86_400_000_000
"""Microseconds of the 24 hours that a rule's day has."""


Days = Annotated[int, Between(0, MAX_DAYS)]


def _some(options: tuple[str, ...]) -> Items:
    """Return a list of some of `options`, and not of nothing: that would hold for all."""
    out = "leave the condition out where it should hold for all"
    return Items(f"names nothing{suggest_choice('', options)}; {out}")


@dataclass(frozen=True, order=True)
class RetentionRule(Section):
    """One rule. An empty condition holds for every record.

    Attributes:
        rule_id: names it in plans and dispositions.
        action: delete, or redact (in full; interactions only), after so many days; keep: a duty to
            keep it that long.
        days: of 24 hours each, from the clock's start.
        classes: record classes it is about.
        clock: what the days count from: the record, or the cancellation of its account; the rule is
            silent while there is none.
        account_types, statuses, accounts: whose records.
        basis: why, such as the law that asks for it; shown, never interpreted.
    """

    whole: ClassVar[bool] = True
    expected: ClassVar[str] = (
        "a mapping such as {id: ..., action: delete, days: 30, class: versions}"
    )
    missing: ClassVar[str] = "{} is missing; a rule has an id, an action, days and classes"

    rule_id: Annotated[
        str,
        Text(
            "text of lower-case letters, digits, dots, dashes and underscores",
            "[a-z0-9][a-z0-9._-]{0,63}",
        ),
        Named("id"),
    ]
    action: Annotated[str, OneOf(ACTIONS)]
    days: Days
    classes: Annotated[frozenset[Annotated[str, OneOf(CLASSES)]], _some(CLASSES), Named("class")]
    clock: Annotated[str, OneOf(CLOCKS), OmitDefault()] = "event"
    account_types: Annotated[
        frozenset[Annotated[str, OneOf(ACCOUNT_TYPES)]],
        _some(ACCOUNT_TYPES),
        Named("account_type"),
        OmitDefault(),
    ] = frozenset()
    statuses: Annotated[
        frozenset[Annotated[str, OneOf(STATUSES)]],
        _some(STATUSES),
        Named("status"),
        OmitDefault(),
    ] = frozenset()
    accounts: Annotated[
        frozenset[Annotated[str, Text(numbers=True), Then(str.strip)]],
        Items(),
        Named("account"),
        OmitDefault(),
    ] = frozenset()
    basis: Annotated[str, Text(), OmitDefault()] = ""

    @classmethod
    def find_problems(cls, given: Mapping[str, Any]) -> Problems:
        """Give classes of which there is no full redaction."""
        if given["action"] == "redact" and given["classes"] != {"interactions"}:
            yield (
                ("class",),
                "only interactions can be fully redacted; recordings and transcripts go with it. "
                "Write class: interactions",
            )

    def matches(self, record_class: str, account_type: str, status: str, account_id: str) -> bool:
        """Tell whether every condition holds."""
        return (
            record_class in self.classes
            and (not self.account_types or account_type in self.account_types)
            and (not self.statuses or status in self.statuses)
            and (not self.accounts or account_id in self.accounts)
        )


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


def _repeated_ids(rules: Mapping[int, RetentionRule]) -> Problems:
    seen: set[str] = set()
    for place, rule in rules.items():
        if rule.rule_id in seen:
            twice = f"the id {rule.rule_id} stands twice; give each rule an id of its own"
            yield (place, "id"), twice
        seen.add(rule.rule_id)


def _sorted_rules(rules: Iterable[RetentionRule]) -> list[dict[str, Any]]:
    return [r.as_dict() for r in sorted(rules, key=lambda r: r.rule_id)]


@dataclass(frozen=True)
class RetentionSettings(Section):
    """How long records are kept; see `callveil retain`.

    Attributes:
        rules: in any order; ids are unique. Those of a file replace those of the same id.
        disable: ids of default rules that do not hold: those that are not among `rules`.
        on_downgrade: whose days hold once an account can no longer create subaccounts: its type's
            when the record was made, its present type's, or the longest of all it had since, until
            the grace period is over.
        downgrade_grace_days: with `max`, how long after a downgrade the longest days still hold;
            null: for ever.
        on_reactivation: what becomes of what the window after a cancellation kept, once the account
            is reactivated within it: it stays until the window would have ended, or the ordinary
            days hold at once.
        subaccounts_inherit: a subaccount of an agency counts as an agency's account itself.
        cancel_window_days: a reactivation within so many days undoes a cancellation; a later one
            begins a new life.
        skew_hours: a record dated further than this after `as_of` goes to quarantine.
    """

    rules: Annotated[
        tuple[RetentionRule, ...],
        Items(find=_repeated_ids),
        WriteAs(_sorted_rules),
    ] = DEFAULT_RULES
    on_downgrade: Annotated[str, OneOf(ON_DOWNGRADE)] = "max"
    downgrade_grace_days: Days | None = 30
    on_reactivation: Annotated[str, OneOf(ON_REACTIVATION)] = "keep_window"
    subaccounts_inherit: bool = False
    cancel_window_days: Days = 60
    skew_hours: Annotated[int, Between(0, 8_784)] = 24
    disable: Annotated[
        frozenset[Annotated[str, OneOf(tuple(r.rule_id for r in DEFAULT_RULES))]], Items()
    ] = frozenset()

    def __post_init__(self) -> None:
        """Set `disable` to what follows from `rules`."""
        held = {r.rule_id for r in self.rules}
        left_out = frozenset(r.rule_id for r in DEFAULT_RULES if r.rule_id not in held)
        object.__setattr__(self, "disable", left_out)

    @property
    def window_us(self) -> int:
        """The cancel window, microseconds."""
        return self.cancel_window_days * DAY_US

    @property
    def skew_us(self) -> int:
        """The skew, microseconds."""
        return self.skew_hours * (DAY_US // 24)

    def digest(self) -> str:
        """sha256, hex, of everything the section says, whatever the order of its rules."""
        return hashlib.sha256(orjson.dumps(self.as_dict(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def layered(self, given: Mapping[str, Any]) -> RetentionSettings:
        """Return this section with another file's on top: its rules replace those of the same id,
        and the rules it disables are left out.
        """
        rules = {r.rule_id: r for r in self.rules if r.rule_id not in given.get("disable", ())}
        rules |= {r.rule_id: r for r in given.get("rules", ())}
        return super().layered({**given, "rules": tuple(rules.values())})
