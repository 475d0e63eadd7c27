"""`callveil report`: what a regulator asks for, as Parquet, CSV and pages."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from callveil.pipelines.arguments.report import DAYS
from callveil.pipelines.exits import DONE, FAILED, UsageError
from callveil.pipelines.options import current_role, current_user, files_of
from callveil.pipelines.report import INDEX, MadeReport, ReportOptions, read_pulls, run_report
from callveil.pipelines.summary import print_json
from callveil.schemas.policy_load import load_policy
from callveil.schemas.report import report_names
from callveil.transforms.report import activities, breaches, scope
from callveil.transforms.report.change_history.export import verify_report
from callveil.transforms.report.scope import ReportScope
from callveil.transforms.report.write import verify_rows
from callveil.transforms.storage.checkpoints.store_identity import open_store, refuse_replaced
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.urls import is_s3


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    if args.kind == "pulls":
        return _pulls(args)
    if args.kind == "verify":
        return _verify(args)
    if getattr(args, "template", False):
        print(
            activities.TEMPLATE.read_text() if args.kind == "processing" else breaches.TEMPLATE,
            end="",
        )
        return DONE
    if getattr(args, "roles_template", False):
        print(scope.TEMPLATE, end="")
        return DONE
    return _report(args)


def options_of(args: argparse.Namespace) -> ReportOptions:
    """Return the job's options. Raises `UsageError` where the command line does not fit
    together.
    """
    for name in ("store", "out"):
        if not getattr(args, name):
            raise UsageError(f"--{name} is needed")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    as_of = args.as_of or now
    end = args.end or as_of
    start = args.start or end - dt.timedelta(days=DAYS)
    if start >= end:
        raise UsageError("--from must lie before --to")
    person, role = current_user(), current_role(args)
    policy = load_policy(args.policy) if getattr(args, "policy", None) else None
    return ReportOptions(
        args.store,
        _folder(args.out),
        report_names() if args.kind == "all" else [args.kind],
        ReportScope(start, end, as_of, frozenset(args.account)),
        person,
        now,
        args.kind == "all",
        args.behalf,
        role,
        args.keyring,
        files_of(args),
        args.csv,
        getattr(args, "activities", ""),
        getattr(args, "breaches", []),
        policy,
        getattr(args, "accounts", []),
        getattr(args, "events", []),
        getattr(args, "holds", []),
    )


def _report(args: argparse.Namespace) -> int:
    options = options_of(args)
    made, number = run_report(options)
    if args.json:
        print_json(
            {
                "pull": number,
                "index": options.files.join(options.out, INDEX),
                "reports": [_dict(m) for m in made],
            }
        )
        return DONE
    for m in made:
        figures = ", ".join(f"{c.label.lower()} {c.value}" for c in m.page.cards[:4])
        print(f"{m.kind.name:<11} {m.written.rows:>9,} rows   {figures}")
    first = INDEX if args.kind == "all" else f"{args.kind}.html"
    print(
        f"open {Path(options.out) / first if '://' not in options.out else options.files.join(options.out, first)} (pull number {number}, recorded)"  # noqa: E501
    )
    return DONE


def _dict(m: MadeReport) -> dict[str, object]:
    cards = {c.label: c.value for c in m.page.cards}
    return {
        "report": m.kind.name,
        "rows": m.written.rows,
        "sha256": m.written.sha256,
        "files": list(m.files),
        "figures": cards,
    }


def _pulls(args: argparse.Namespace) -> int:
    found = read_pulls(open_store(files_of(args), args.store, args.keyring))
    if args.json:
        print_json(found)
        return DONE
    for p in found:
        behalf = f" for {p['on_behalf_of']}" if p["on_behalf_of"] else ""
        role = f" ({p['role']})" if p["role"] else ""
        what = (
            f"{', '.join(p['reports'])} of accounts {', '.join(p['accounts'])}, "
            f"{p['from'][:10]} to {p['to'][:10]}"
        )
        print(
            f"{p['seq']:>4}  {p['at']}  {p['who']}{role}{behalf}: "
            f"{what}{' REFUSED: ' + p['refused'] if p['refused'] else ''}"
        )
    print(f"{len(found)} pulls")
    return DONE


def _folder(out: str) -> str:
    """Return the folder for reports. Raises `UsageError` where a file is in its place."""
    if not is_s3(out) and Path(out).is_file():
        raise UsageError(f"--out {out}: is a file; name a folder for the reports")
    return out


def _verify(args: argparse.Namespace) -> int:
    files = files_of(args)
    refuse_replaced(files, args.keyring)
    keyring = Keyring.load(args.keyring)
    if files.info(args.file) is None:
        raise UsageError(f"{args.file}: there is no such file")
    try:
        with files.open(args.file) as source:
            is_history = "previous_hash" in pq.ParquetFile(source).schema_arrow.names
    except pa.ArrowInvalid:
        raise UsageError(
            f"{args.file}: is no Parquet file; name one that `callveil report` wrote"
        ) from None
    problems = (
        verify_report(files, args.file, keyring)
        if is_history
        else verify_rows(files, args.file, keyring)
    )
    if args.json:
        print_json({"file": args.file, "whole": not problems, "problems": problems})
        return FAILED if problems else DONE
    for problem in problems[:50]:
        print(problem)
    print(f"{len(problems)} problems" if problems else "every row hash fits")
    return FAILED if problems else DONE
