"""`callveil report`: what a regulator asks for, as Parquet, CSV and pages."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from callveil.pipelines.exits import DONE, FAILED, FailedError, UsageError
from callveil.pipelines.options import (
    add_list,
    add_roles,
    add_store,
    current_role,
    current_user,
    files_of,
    parse_as_of,
    policy_of,
    with_common,
)
from callveil.pipelines.report import INDEX, MadeReport, ReportOptions, read_pulls, run_report
from callveil.pipelines.summary import print_json
from callveil.schemas.report import REPORTS, report_names
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.rows import TableError
from callveil.transforms.report import activities, breaches, scope
from callveil.transforms.report.change_history.export import verify_report
from callveil.transforms.report.scope import NotAllowed, ReportScope, RolesError
from callveil.transforms.report.write import verify_rows
from callveil.transforms.storage.checkpoints.store_identity import open_store, refuse_replaced
from callveil.transforms.storage.commit.catalog import StoreError
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.files.urls import FilesError, is_s3

DAYS = 30
DESCRIPTION = """\
Reports for compliance officers: Parquet with every row, CSV on request, and one HTML page each that
needs no network.

""" + "\n".join(f"  {r.name:<11} {r.what}" for r in REPORTS.values())
DESCRIPTION += """
  all         all of these, with an index page
  pulls       who pulled which report when
  verify      check the chained row hashes of a report's Parquet file

`callveil report REPORT --help` lists the options: period, accounts, the files the company keeps.
Without --from the period is the last 30 days."""

EPILOG = """\
examples:
  callveil report all --store store/ --from 2026-10-01 --to 2026-11-01 --out october/ --csv
  callveil report redaction --store s3://clean/calls --account 1001 --out report/
  callveil report processing --template > processing.yaml
  callveil report processing --store store/ --activities processing.yaml --out report/
  callveil report breaches --store store/ --breaches breaches.yaml --out report/
  callveil report verify october/redaction.parquet

Every pull is recorded in the store, signed: who, what, when, and the digests of what was handed
out. With --roles (or $CALLVEIL_ROLES) a role decides which reports and accounts the login that runs
the command gets. That binds whoever gets reports made for them; whoever can read the store's files
themselves is bound by the permissions on these alone.

exit codes: 0 done, 1 failed, 2 usage, a store of other keys or one that was set back, a file that
is wrong, or a report this role does not see"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = argparse.ArgumentParser(
        prog="callveil report",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = p.add_subparsers(dest="kind", metavar="REPORT", required=True, help="one of these")
    for name in (*report_names(), "all"):
        text = "every report, with an index page" if name == "all" else "a report of a plugin"
        text = REPORTS[name].what if name in REPORTS else text
        a = kinds.add_parser(name, description=text, allow_abbrev=False)
        a.add_argument("--store", metavar="STORE", help="folder or s3:// URL of the store")
        a.add_argument(
            "--out",
            metavar="FOLDER",
            help="folder or s3:// URL to write to; files of the same names are replaced",
        )
        add_list(
            a,
            "--account",
            "ID",
            "only these accounts (default: all the role sees); requests and erasures: those "
            "whose search found records in one",
        )
        a.add_argument(
            "--from",
            dest="start",
            type=parse_as_of,
            metavar="TIME",
            help=f"beginning of the period (default: {DAYS} days before its end)",
        )
        a.add_argument(
            "--to",
            dest="end",
            type=parse_as_of,
            metavar="TIME",
            help="end of the period, exclusive (default: --as-of)",
        )
        a.add_argument(
            "--as-of",
            type=parse_as_of,
            metavar="TIME",
            help="the report's time: what is open or overdue is counted at it (default: now)",
        )
        a.add_argument("--csv", action="store_true", help="write CSV beside the Parquet")
        add_roles(a)
        a.add_argument(
            "--for",
            dest="behalf",
            default="",
            metavar="NAME",
            help="for whom it is pulled; recorded",
        )
        if name in ("processing", "all"):
            a.add_argument(
                "--activities",
                metavar="FILE",
                default="",
                help="the company's record of processing, as YAML",
            )
            a.add_argument(
                "--policy",
                metavar="NAME|FILE",
                help="the policy it is set beside (default: the newest in the store)",
            )
        if name in ("breaches", "all"):
            add_list(a, "--breaches", "FILE", "the company's breach register: YAML, CSV, JSON")
        if name in ("history", "all"):
            for what in ("accounts", "events", "holds"):
                add_list(
                    a, f"--{what}", "WHERE", "as for `callveil retain`; tells when versions expire"
                )
        if name in ("processing", "breaches"):
            a.add_argument(
                "--template", action="store_true", help="print a commented file to begin with"
            )
        if name == "all":
            a.add_argument(
                "--roles-template",
                action="store_true",
                help="print a commented roles file to begin with",
            )
        a.add_argument("--json", action="store_true", help="print the result as JSON")
        add_store(a)
    a = kinds.add_parser("pulls", description="who pulled which report when", allow_abbrev=False)
    a.add_argument(
        "--store", required=True, metavar="STORE", help="folder or s3:// URL of the store"
    )
    a.add_argument("--json", action="store_true", help="print as JSON")
    add_store(a)
    a = kinds.add_parser(
        "verify", description="check the row hashes of a report's Parquet file", allow_abbrev=False
    )
    a.add_argument("file", metavar="FILE", help="a report's Parquet file")
    add_store(a)
    return with_common(p)


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    try:
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
    except (
        InputError,
        TableError,
        activities.ActivitiesError,
        RolesError,
        NotAllowed,
        KeyringError,
    ) as error:
        raise UsageError(str(error)) from None
    except (StoreError, FilesError) as error:
        raise FailedError(str(error)) from None


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
    policy = policy_of(args.policy) if getattr(args, "policy", None) else None
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
    import pyarrow.parquet as pq

    with files.open(args.file) as source:
        is_history = "previous_hash" in pq.ParquetFile(source).schema_arrow.names
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
