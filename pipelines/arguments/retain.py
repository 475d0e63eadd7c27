"""Command line of `callveil retain`."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import (
    add_list,
    add_policy,
    add_roles,
    add_store,
    add_store_place,
    add_time,
    add_workers,
    command_parser,
    with_common,
)
from callveil.schemas.retention import CLASSES

DESCRIPTION = """\
Keep records as long as their account's type allows and duties ask for, and no longer.

Versions (the change history) go after 7 days for individual accounts and after 120 days for
accounts that can create subaccounts; other classes as the policy's retention section says. Legal
holds win over everything. What goes is purged from every copy the store has."""


EPILOG = """\
examples:
  callveil retain plan --store store/ --accounts accounts.jsonl --as-of 2026-11-24 --out plan/       what is due, and nothing changed
  callveil retain apply --store store/ --accounts accounts.jsonl --plan plan/                        carry it out
  callveil retain run --store s3://clean/calls --accounts accounts.csv --events events.jsonl --holds holds.yaml     both, for schedulers
  callveil retain explain --store store/ --accounts accounts.jsonl --record versions/1001/V-17       which rule decides, and when

exit codes: 0 done, 1 failed,
2 usage, or a store of other keys or one that was set back. Versions that an object lock protects
are reported and tried again by the next run."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = command_parser("retain", DESCRIPTION, EPILOG)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("plan", "write a plan of what is due; nothing is changed"),
        ("apply", "carry a plan out; refused where anything it was made from has changed"),
        ("run", "plan and apply in one"),
        ("explain", "say which rule decides about a record, and when"),
    ):
        a = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        add_store_place(a)
        add_policy(
            a, "its retention section decides (default: gdpr, with the platform's own periods)"
        )
        for what, doc in (
            (
                "accounts",
                "account records (JSON lines, JSON, CSV, YAML, Parquet): type and status by time",
            ),
            (
                "events",
                "lifecycle events: plan changes, pauses, cancellations, reactivations, moves",
            ),
            ("holds", "legal holds, lifted ones too"),
        ):
            add_list(a, f"--{what}", "WHERE", doc)
        if name != "apply":
            add_time(a, "--as-of", "the time of the decision (default: today, 00:00 UTC)")
        if name == "plan":
            a.add_argument("--out", required=True, metavar="FOLDER", help="where to write the plan")
        elif name == "apply":
            a.add_argument("--plan", required=True, metavar="FOLDER", help="the plan")
        elif name == "explain":
            a.add_argument(
                "--record",
                required=True,
                metavar="CLASS/ACCOUNT/ID",
                help=f"a record; CLASS is one of {', '.join(CLASSES[:5])}",
            )
        if name in ("apply", "run"):
            add_workers(a)
        add_roles(a)
        add_store(a)
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    parts = getattr(args, "record", f"{CLASSES[0]}//").split("/", 2)
    if len(parts) != 3 or parts[0] not in CLASSES:
        raise UsageError(f"--record: expected CLASS/ACCOUNT/ID, CLASS one of {', '.join(CLASSES)}")
