"""Accounts, effective-dated, from JSON lines, JSON, CSV, YAML or Parquet.

The type follows the capability where it is told: an account that can create subaccounts is an
agency's, whatever its plan is called.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callveil.schemas.account import ACCOUNT_TYPES, STATUSES, Account
from callveil.schemas.fields import EPOCH, Boolean, FieldError
from callveil.schemas.json_types import Row
from callveil.schemas.problem import Problem
from callveil.transforms.ingest.dates import named_zone, parse_time
from callveil.transforms.ingest.normalise import parse_id
from callveil.transforms.ingest.rows import TableError, TableRow, read_table

if TYPE_CHECKING:
    from callveil.transforms.storage.files.filesystem import Files

_STATUS_NAMES = {
    **{s: s for s in STATUSES},
    **dict.fromkeys(("canceled", "closed", "terminated"), "cancelled"),
    **dict.fromkeys(("suspended", "on hold"), "paused"),
    **dict.fromkeys(("open", "enabled", "trial"), "active"),
}
_BOOLEAN = Boolean()


class AccountsError(TableError):
    """Error that tells what is wrong with the accounts, all at once."""

    what = "accounts"


def read_accounts(files: Files, patterns: Sequence[str]) -> list[Account]:
    """Read every version of every account.

    Members: `account_id` (or `id`); `type` or `can_create_subaccounts`; `status` (default active);
        `effective_at` (default 1970, from always on);
    `agency_id`, `name`, `numbers`, `addresses`, `timezone`. Others are ignored. JSON may also be an
    array or `{accounts: [...]}`.

    Returns: versions sorted by account and time; of equal rows one.

    Raises:
        AccountsError: any row is faulty, or two rows say different things about one account at one
            time.
        InputError: a pattern names nothing.
    """
    problems: list[Problem] = []
    versions: dict[tuple[str, dt.datetime], tuple[Account, TableRow]] = {}
    for row in read_table(files, patterns, "accounts"):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        account = _account(row, problems)
        if account is None:
            continue
        place = (account.account_id, account.effective_at)
        known = versions.setdefault(place, (account, row))
        if known[0] != account:
            problems.append(
                Problem(
                    row.file,
                    row.line,
                    "effective_at",
                    f"{known[1].file}:{known[1].line} says otherwise for this account and time; "
                    "keep one",
                )
            )
    if problems:
        raise AccountsError(problems)
    return [versions[k][0] for k in sorted(versions)]


def _account(row: TableRow, problems: list[Problem]) -> Account | None:
    values = row.values
    found: Row = {}
    faults = len(problems)
    for name, read in (
        ("account_id", lambda: parse_id(values.get("account_id", values.get("id")), "account_id")),
        ("type", lambda: _type(values)),
        ("status", lambda: _status(values)),
        (
            "effective_at",
            lambda: (
                parse_time(values["effective_at"], None, "effective_at")
                if values.get("effective_at")
                else EPOCH
            ),
        ),
        ("agency_id", lambda: _optional_id(values.get("agency_id"))),
        ("name", lambda: _text(values.get("name"), "name")),
        ("numbers", lambda: _texts(values.get("numbers"), "numbers", ",;")),
        ("addresses", lambda: _texts(values.get("addresses"), "addresses", ";")),
        ("timezone", lambda: _timezone(values.get("timezone", values.get("time_zone")))),
    ):
        try:
            found[name] = read()
        except FieldError as e:
            problems.append(Problem(row.file, row.line, name, e.detail))
    return Account(**found) if len(problems) == faults else None


def _type(values: Mapping[str, Any]) -> str:
    """Return the type of an account: the capability decides; `type` only where it is not told."""
    if (capability := values.get("can_create_subaccounts")) is not None:
        return "agency" if _BOOLEAN.coerce(capability, "can_create_subaccounts") else "individual"
    given = values.get("type")
    name = given.strip().lower() if isinstance(given, str) else ""
    if name not in ACCOUNT_TYPES:
        found = "is missing" if given is None else "is none of the known types"
        raise FieldError(
            "type",
            "wrong_type",
            f"{found}; write type: {', '.join(ACCOUNT_TYPES)}, or can_create_subaccounts: true or "
            "false",
        )
    return name


def _status(values: Mapping[str, Any]) -> str:
    given = values.get("status")
    if given is None or given == "":
        return "active"
    status = _STATUS_NAMES.get(str(given).strip().lower())
    if status is None:
        raise FieldError("status", "wrong_type", f"is none of {', '.join(STATUSES)}")
    return status


def _optional_id(value: Any) -> str:
    return "" if value is None or value == "" else parse_id(value, "agency_id")


def _text(value: Any, path: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise FieldError(path, "wrong_type", "must be text")
    return str(value)


def _texts(value: Any, path: str, separators: str) -> tuple[str, ...]:
    if value is None:
        return ()
    given = (
        re.split(rf"\s*[{separators}]\s*", value.strip())
        if isinstance(value, str)
        else [value]
        if isinstance(value, int)
        else value
    )
    if not isinstance(given, list) or not all(
        isinstance(n, str | int) and not isinstance(n, bool) for n in given
    ):
        parted = "semicolons" if separators == ";" else "commas"
        raise FieldError(
            path,
            "wrong_type",
            f"must be a list of {path} as text, or one text with {parted} between",
        )
    return tuple(str(n) for n in given if n != "")


def _timezone(value: Any) -> str:
    name = _text(value, "timezone").strip()
    if name:
        named_zone(name, "timezone")
    return name
