"""Command line of `callveil report`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import (
    add_list,
    add_policy,
    add_roles,
    add_store,
    add_store_place,
    add_time,
    command_parser,
    with_common,
)
from callveil.schemas.report import REPORTS, report_names

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
    p = command_parser("report", DESCRIPTION, EPILOG)
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
        add_time(
            a, "--from", f"beginning of the period (default: {DAYS} days before its end)", "start"
        )
        add_time(a, "--to", "end of the period, exclusive (default: --as-of)", "end")
        add_time(
            a,
            "--as-of",
            "the report's time: what is open or overdue is counted at it (default: now)",
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
            add_policy(a, "the policy it is set beside (default: the newest in the store)")
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
        add_store(a)
    a = kinds.add_parser("pulls", description="who pulled which report when", allow_abbrev=False)
    add_store_place(a)
    add_store(a)
    a = kinds.add_parser(
        "verify", description="check the row hashes of a report's Parquet file", allow_abbrev=False
    )
    a.add_argument("file", metavar="FILE", help="a report's Parquet file")
    add_store(a)
    return with_common(p)
