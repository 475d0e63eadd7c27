"""`callveil retain plan|apply|run|explain`."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable, Sequence
from typing import Any

from callveil.pipelines.exits import DONE, FailedError, UsageError
from callveil.pipelines.options import (
    add_list,
    add_roles,
    add_store,
    add_workers,
    current_role,
    files_of,
    parse_as_of,
    policy_of,
    start_of_today,
    with_common,
)
from callveil.pipelines.retain import (
    RetainOptions,
    RetainResult,
    apply_plan,
    explain_stored_record,
    run_retain,
    write_retention_plan,
)
from callveil.pipelines.summary import print_json
from callveil.schemas.disposition import REASONS
from callveil.schemas.retention import CLASSES
from callveil.transforms.governance.retention.account_events import EventsError, HoldsError
from callveil.transforms.governance.retention.explain import ExplainedRecord
from callveil.transforms.governance.retention.plan_file import (
    PlanError,
    RetentionPlan,
    describe_plan,
)
from callveil.transforms.ingest.accounts import AccountsError
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.report.scope import NotAllowed, RolesError
from callveil.transforms.storage.commit.catalog import StoreError
from callveil.transforms.storage.encryption.keyring import KeyringError
from callveil.transforms.storage.files.urls import FilesError

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
    p = argparse.ArgumentParser(
        prog="callveil retain",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("plan", "write a plan of what is due; nothing is changed"),
        ("apply", "carry a plan out; refused where anything it was made from has changed"),
        ("run", "plan and apply in one"),
        ("explain", "say which rule decides about a record, and when"),
    ):
        a = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        a.add_argument(
            "--store", required=True, metavar="STORE", help="folder or s3:// URL of the store"
        )
        a.add_argument(
            "--policy",
            metavar="NAME|FILE",
            help="its retention section decides (default: gdpr, with the platform's own periods)",
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
            a.add_argument(
                "--as-of",
                type=parse_as_of,
                metavar="TIME",
                help="the time of the decision (default: today, 00:00 UTC)",
            )
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
        a.add_argument("--json", action="store_true", help="print the result as JSON")
        if name in ("apply", "run"):
            add_workers(a)
        add_roles(a)
        add_store(a)
    return with_common(p)


def options_of(args: argparse.Namespace) -> RetainOptions:
    """Return the job's options."""
    return RetainOptions(
        args.store,
        policy_of(args.policy),
        getattr(args, "as_of", None) or start_of_today(),
        dt.datetime.now(dt.UTC),
        args.accounts,
        args.events,
        args.holds,
        args.keyring,
        files_of(args),
        getattr(args, "workers", None),
    )


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    actions: dict[str, Callable[[argparse.Namespace, RetainOptions], int]] = {
        "plan": _plan,
        "apply": _apply,
        "run": _run,
        "explain": _explain,
    }
    try:
        _require_role(args)
        return actions[args.action](args, options_of(args))
    except (
        NotAllowed,
        RolesError,
        InputError,
        AccountsError,
        EventsError,
        HoldsError,
        KeyringError,
    ) as error:
        raise UsageError(str(error)) from None
    except (StoreError, FilesError, PlanError) as error:
        raise FailedError(str(error)) from None


def _require_role(args: argparse.Namespace) -> None:
    """Refuse what a role does not see: a run is about all of a store, an explanation about one
    account. Raises `NotAllowed`.
    """
    role = current_role(args)
    record = getattr(args, "record", "").split("/")
    role.narrow(["retention"], record[1:2], False)
    if role.accounts is not None and args.action != "explain":
        raise NotAllowed(
            f"role {role.name} sees some accounts only, and retention is about all of a store; let "
            "a role do it that sees all"
        )


def _plan(args: argparse.Namespace, options: RetainOptions) -> int:
    plan = write_retention_plan(options, args.out)
    if args.json:
        print_json(plan_dict(plan))
    else:
        print(
            "\n".join(
                [
                    *describe_plan(plan),
                    f"carry it out: callveil retain apply --store {args.store} --plan {args.out} "
                    "(with the same inputs)",
                ]
            )
        )
    return DONE


def _apply(args: argparse.Namespace, options: RetainOptions) -> int:
    return _done(args, apply_plan(options, args.plan))


def _run(args: argparse.Namespace, options: RetainOptions) -> int:
    return _done(args, run_retain(options))


def _done(args: argparse.Namespace, result: RetainResult) -> int:
    a = result.attested
    if args.json:
        purging = {
            "versions_purged": a.versions_purged,
            "versions_locked": len(a.locked),
            "certificates": a.certificates,
        }
        print_json(plan_dict(result.plan) | {"run_id": result.run_id, "seq": result.seq} | purging)
    else:
        head = (
            f"run {result.run_id[:16]} · published as number {result.seq}"
            if result.seq
            else "nothing was due that had not gone before"
        )
        print(
            "\n".join(
                [
                    head,
                    *describe_plan(result.plan),
                    f"purged {a.versions_purged:,} object versions; {a.certificates} certificates",
                ]
            )
        )
    if a.locked:
        shown = "".join(f"\n  {url} version {version}" for url, version in a.locked[:5])
        more = f"\n  ... and {len(a.locked) - 5}" if len(a.locked) > 5 else ""
        print(
            f"callveil retain: {len(a.locked)} object versions are locked and stay until their "
            f"lock ends; the next run tries again{shown}{more}",
            file=sys.stderr,
        )
    return DONE


def plan_dict(plan: RetentionPlan) -> dict[str, Any]:
    """JSON form of a plan's head."""
    return {
        "plan": plan.folder,
        "plan_sha256": plan.sha256,
        "as_of": plan.inputs.as_of,
        "rows": plan.rows,
        "counts": plan.counts,
        "files_changed": plan.changes,
    }


def _explain(args: argparse.Namespace, options: RetainOptions) -> int:
    parts = args.record.split("/", 2)
    if len(parts) != 3 or parts[0] not in CLASSES:
        raise UsageError(f"--record: expected CLASS/ACCOUNT/ID, CLASS one of {', '.join(CLASSES)}")
    try:
        found = explain_stored_record(options, *parts)
    except LookupError as error:
        raise UsageError(f"--record: {error.args[0]}") from None
    if args.json:
        print_json([_explained_dict(e) for e in found])
    else:
        print("\n\n".join("\n".join(_explained_lines(e)) for e in found))
    return DONE


def _explained_dict(e: ExplainedRecord) -> dict[str, Any]:
    return {
        "record_class": e.record.record_class,
        "account_id": e.record.account_id,
        "record_id": e.record.record_id,
        "event_time": e.when(e.record.at),
        "object": e.path,
        "decision": e.decision.decision,
        "reason": e.decision.reason,
        "rule_id": e.decision.rule_id,
        "days": e.decision.days,
        "clock_start": e.when(e.decision.clock_start),
        "retain_until": e.when(e.decision.retain_until),
        "eligible_at": e.when(e.decision.eligible_at),
        "hold_id": e.decision.hold_id,
        "type_at_event": e.decision.type_at_event,
        "type_as_of": e.decision.type_as_of,
        "status": e.decision.status,
        "account": [s._asdict() | {"at": e.when(s.at)} for s in e.states],
    }


def _explained_lines(e: ExplainedRecord) -> list[str]:
    d = e.decision
    lines = [
        f"{e.record.record_class} of {e.when(e.record.at)}, account {e.record.account_id}, in "
        f"{e.path}",
        f"  {d.decision}: {REASONS[d.reason]}",
        f"  account: {d.type_at_event} when it was made, {d.type_as_of} now, {d.status}",
    ]
    if d.rule_id:
        lines.append(f"  rule {d.rule_id}: {d.days} days from {e.when(d.clock_start)}")
    if d.retain_until:
        lines.append(f"  a duty keeps it until {e.when(d.retain_until)}")
    lines.append(
        f"  expires {e.when(d.eligible_at)}"
        if d.eligible_at is not None
        else "  never expires by the rules as they are"
    )
    if d.hold_id:
        lines.append(f"  legal hold {d.hold_id}")
    return [
        *lines,
        *(
            (
                f"  from {e.when(s.at)}: {s.type}, "
                f"{s.status}{f', agency {s.agency_id}' if s.agency_id else ''}"
            )
            for s in e.states
        ),
    ]
