"""Report scope, and role-based access to reports."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import yaml

from callveil.schemas.errors import UserError
from callveil.schemas.policy_values import safe_key, suggest_choice
from callveil.schemas.policy_yaml import NodeReader, node_kind
from callveil.schemas.report import report_names

ALL = "all"


@dataclass(frozen=True)
class ReportScope:
    """Period, time and accounts of a report.

    Attributes:
        start, end: half-open, UTC.
        as_of: the report's time, UTC.
        accounts: only these; empty means every account.
    """

    start: dt.datetime
    end: dt.datetime
    as_of: dt.datetime
    accounts: frozenset[str] = frozenset()

    def holds(self, when: dt.datetime | None) -> bool:
        """Tell whether a time lies in the period."""
        return when is not None and self.start <= when < self.end

    def about(self, account_id: str | None) -> bool:
        """Tell whether an account is in it."""
        return not self.accounts or (account_id or "") in self.accounts

    def digest(self, *more: str) -> str:
        """Return digest of all of it, hex."""
        return hashlib.sha256(
            repr((self.start, self.end, self.as_of, sorted(self.accounts), more)).encode()
        ).hexdigest()


class RolesError(UserError, ValueError):
    """The roles file is wrong, by line and field."""


class NotAllowed(UserError, ValueError):
    """This person's role does not see that; the text says what it does see."""


@dataclass(frozen=True)
class Role:
    """A role.

    Attributes:
        name: of the role.
        reports: names of reports it sees; None means every report.
        accounts: accounts it sees; None means every account.
    """

    name: str
    reports: frozenset[str] | None
    accounts: frozenset[str] | None

    def sees(self, report: str) -> bool:
        """Tell whether the role sees a report."""
        return self.reports is None or report in self.reports

    def narrow(
        self, reports: Collection[str], accounts: Collection[str], everything: bool
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """Return what of a wish this role gets.

        Args:
            reports: wanted. accounts: wanted; empty means all the role sees.
            everything: `all` was asked for, so reports it does not see are left out instead of
                refused.

        Returns: reports in their order, and accounts (empty means every account). Raises
            `NotAllowed`.
        """
        seen = tuple(r for r in reports if self.sees(r))
        refused = [r for r in reports if not self.sees(r)]
        if (refused and not everything) or not seen:
            may = ", ".join(sorted(self.reports or ())) or "none"
            raise NotAllowed(
                f"role {self.name} does not see the report {', '.join(refused)}; it sees: {may}"
            )
        if self.accounts is None:
            return seen, frozenset(accounts)
        others = sorted(set(accounts) - self.accounts)
        if others:
            raise NotAllowed(f"role {self.name} does not see account {', '.join(others[:5])}")
        if not self.accounts:
            raise NotAllowed(f"role {self.name} sees no account")
        return seen, frozenset(accounts) or self.accounts


EVERYTHING = Role("", None, None)
"""The role of whoever works without a roles file."""


@dataclass(frozen=True)
class Roles:
    """Who has which role.

    Attributes:
        roles: by name. people: role by login name; `*` is everybody else.
    """

    roles: dict[str, Role]
    people: dict[str, str]

    def of(self, person: str) -> Role:
        """Return a person's role. Raises `NotAllowed`."""
        name = self.people.get(person) or self.people.get("*")
        if name is None:
            raise NotAllowed(
                f"{person}: has no role in the roles file; whoever keeps it can give one"
            )
        return self.roles[name]


TEMPLATE = """\
# Which role sees which reports of which accounts. `callveil report ... --roles FILE`, or CALLVEIL_ROLES.
version: 1
roles:
  compliance: {reports: all, accounts: all}
  support-lead: {reports: [redaction, history], accounts: ["1001", "1002"]}
people:                 # login names on the machine that runs the command; "*" is everybody else
  alice: compliance
  bob: support-lead
"""  # noqa: E501


def load_roles(path: str | Path) -> Roles:
    """Read a roles file. Raises `RolesError` with all that is wrong, by line and field."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RolesError(f"{path}: cannot be read ({type(error).__name__})") from None
    r = NodeReader(str(path))
    node = r.compose(text)
    roles: dict[str, Role] = {}
    people: dict[str, str] = {}
    if node is not None:
        members = r.mapping(node, "", ("version", "roles", "people"))
        for missing in [k for k in ("version", "roles", "people") if k not in members]:
            r.fail(node, missing, "is missing")
        if "version" in members:
            r.integer(members["version"], "version", 1, 1)
        for name, value in (
            r.mapping(members["roles"], "roles").items() if "roles" in members else ()
        ):
            roles[name] = _role(r, name, value)
        for person, value in (
            r.mapping(members["people"], "people").items() if "people" in members else ()
        ):
            role = r.choice(value, f"people.{safe_key(person)}", list(roles))
            if role is not None:
                people[person] = role
    if r.problems:
        raise RolesError("\n".join(str(p) for p in r.problems))
    return Roles(roles, people)


def _role(r: NodeReader, name: str, node: yaml.Node) -> Role:
    path = f"roles.{safe_key(name)}"
    members = r.mapping(node, path, ("reports", "accounts"))
    for missing in [k for k in ("reports", "accounts") if k not in members]:
        r.fail(node, f"{path}.{missing}", "is missing; write `all`, or a list")
    reports: frozenset[str] | None = frozenset()
    accounts: frozenset[str] | None = frozenset()
    if "reports" in members:
        given = [
            r.text(n, f"{path}.reports") for n in r.items(members["reports"], f"{path}.reports")
        ]
        for n, report in zip(r.items(members["reports"], f"{path}.reports"), given, strict=True):
            if report and report != ALL and report not in report_names():
                r.fail(
                    n, f"{path}.reports", f"no such report{suggest_choice(report, report_names())}"
                )
        reports = None if ALL in given else frozenset(g for g in given if g)
    if "accounts" in members:
        node = members["accounts"]
        if node_kind(node) == "str" and node.value == ALL:
            accounts = None
        else:
            texts = (
                r.text(n, f"{path}.accounts", numbers=True)
                for n in r.items(node, f"{path}.accounts")
            )
            accounts = frozenset(t for t in texts if t)
    return Role(name, reports, accounts)
