"""`callveil retain plan|apply|run|explain`."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable

from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.logs import tell
from callveil.pipelines.options import current_role, files_of, start_of_today
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
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy_load import load_policy
from callveil.transforms.governance.retention.explain import ExplainedRecord
from callveil.transforms.governance.retention.plan_file import RetentionPlan, describe_plan
from callveil.transforms.report.scope import NotAllowed


def options_of(args: argparse.Namespace) -> RetainOptions:
    """Return the job's options."""
    return RetainOptions(
        args.store,
        load_policy(args.policy),
        getattr(args, "as_of", None) or start_of_today(),
        dt.datetime.now(dt.UTC),
        args.accounts,
        args.events,
        args.holds,
        args.keyring,
        files_of(args),
        getattr(args, "workers", None),
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    actions: dict[str, Callable[[argparse.Namespace, RetainOptions], int]] = {
        "plan": _plan,
        "apply": _apply,
        "run": _run,
        "explain": _explain,
    }
    _require_role(args)
    return actions[args.action](args, options_of(args))


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
        tell(
            f"{len(a.locked)} object versions are locked and stay until their "
            f"lock ends; the next run tries again{shown}{more}"
        )
    return DONE


def plan_dict(plan: RetentionPlan) -> JsonObject:
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
    try:
        found = explain_stored_record(options, *args.record.split("/", 2))
    except LookupError as error:
        raise UsageError(f"--record: {error.args[0]}") from None
    if args.json:
        print_json([_explained_dict(e) for e in found])
    else:
        print("\n\n".join("\n".join(_explained_lines(e)) for e in found))
    return DONE


def _explained_dict(e: ExplainedRecord) -> JsonObject:
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
