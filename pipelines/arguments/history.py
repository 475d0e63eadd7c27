"""Command line of `callveil history`."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import (
    add_list,
    add_output,
    add_policy,
    add_store,
    add_store_place,
    add_time,
    add_workers,
    command_parser,
    parse_as_of,
    passes_to_beam,
    with_common,
)
from callveil.schemas.history import CLASSES

DESCRIPTION = """\
Keep and report the change history of an account's objects: who changed which field of what, when,
from where.

  load     take in version logs, redacted: native events, or rows of Rails' paper_trail; JSON lines,
           JSON, CSV, YAML, Parquet
  export   the change-history report as Parquet, one row per changed field, chained by keyed hashes
  show     the versions of one object as diffs
  at       an object as it was at a time
  find     who changed what, by actor, item, field, event, time, address, or security relevance
  verify   check the hash chains of an exported report

Late, repeated and unordered deliveries give the same history. Secrets are never kept, whatever the
policy says; card data and personal values go as the policy says; a version about a redacted
interaction is redacted with it."""


EPILOG = """\
examples:
  callveil history load --input day/versions --accounts day/accounts.jsonl --output store/
  callveil history load --input incoming/ --output store/ --follow 30     go on with what arrives, until SIGTERM
  callveil history load --output store/                   no new input: redact versions of interactions that were redacted since
  callveil history export --store store/ --out report.parquet --agency 18000
  callveil history show --store store/ --item User/15
  callveil history at --store store/ --item TrackingNumber/2001 --time 2026-10-30T12:00:00Z
  callveil history find --store store/ --security --from 2026-10-01

exit codes: 0 done, 1 failed,
2 usage, or a store of other keys or one that was set back, 3 done with rejected records or with
files that were not read, 4 nothing to read: nothing was done"""


LOAD_EPILOG = """\
--events, --holds: versions that retention has deleted are not taken in again (counted as
expired_on_arrival) where the load is given the accounts, events and holds that retention was given;
otherwise they come back, and the next retention run deletes them.

--follow: the input is looked at every SECONDS; files that are new and did not change between two
looks are published as one run. What was loaded before is known from the store, so a follower can be
stopped (SIGTERM or ^C: the run under way is finished) or killed, and started again. Put files in
place by renaming them where you can. A file that is replaced or grows is loaded again, which adds
only what is new in it. Without --as-of each run's time is its own day, 00:00 UTC. Each run prints
its summary; the exit code is 3 if any had rejected records or files not read."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    raw = argparse.RawDescriptionHelpFormatter
    p = command_parser("history", DESCRIPTION, EPILOG, allow_abbrev=False)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str, more: str = "") -> argparse.ArgumentParser:
        a = actions.add_parser(
            name, help=text, epilog=more, formatter_class=raw, allow_abbrev=False
        )
        add_store(a)
        return a

    load = action("load", "take in version logs", LOAD_EPILOG)
    add_list(load, "--input", "WHERE", "files, folders, globs or s3:// URLs")
    add_output(load)
    add_policy(load)
    add_list(load, "--accounts", "WHERE", "account records: type by time")
    for what, doc in (("events", "lifecycle events of accounts"), ("holds", "legal holds")):
        add_list(load, f"--{what}", "WHERE", f"{doc}, as given to retain; see below")
    add_time(load, "--as-of", "the run's time (default: today, 00:00 UTC)")
    add_workers(load)
    passes_to_beam(load)
    load.add_argument("--dry-run", action="store_true", help="do all the work but change nothing")
    load.add_argument(
        "--follow",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="look for new files every so often; see below",
    )
    export = action("export", "write the change-history report")
    export.add_argument(
        "--out",
        required=True,
        metavar="FILE|FOLDER",
        help="a .parquet file for all accounts, or a folder for one file per account",
    )
    add_time(export, "--as-of", "leave out what happened or was taken in later (default: all)")
    add_policy(export, "its retention section says until when versions are kept (default: gdpr)")
    for what, doc in (
        ("accounts", "account records"),
        ("events", "lifecycle events of accounts"),
        ("holds", "legal holds"),
    ):
        add_list(export, f"--{what}", "WHERE", f"{doc}, for retention_expires_at")
    show, past, found = (
        action("show", "versions of one object"),
        action("at", "an object at a time"),
        action("find", "who changed what"),
    )
    for a in (show, past):
        a.add_argument(
            "--item", required=True, metavar="TYPE/ID", help="the object, such as User/15"
        )
        a.add_argument(
            "--account",
            default="",
            metavar="ID",
            help="its account, where several have an object of that id",
        )
    past.add_argument("--time", required=True, type=parse_as_of, metavar="TIME", help="when")
    for a in (export, found):
        add_list(a, "--account", "ID", "only these accounts")
        add_list(a, "--agency", "ID", "only these agencies and their subaccounts")
    for a in (export, show, past, found):
        add_store_place(a)
    for a in (show, past, found):
        add_policy(
            a, "the policy the versions were loaded with, to ask for names and addresses in clear"
        )
    found.add_argument("--actor", default="", help="id, or name")
    found.add_argument("--item", default="", metavar="TYPE[/ID]", help="type, or one object")
    found.add_argument("--field", default="", help="field; * is a wildcard")
    found.add_argument(
        "--event", default="", help="create, update, destroy, restore, redact, export, sign_in"
    )
    add_time(found, "--from", "from this time on", "since")
    add_time(found, "--to", "before this time", "until")
    found.add_argument("--ip", default="", metavar="ADDRESS", help="from this address")
    found.add_argument("--security", action="store_true", help="only security-relevant changes")
    found.add_argument(
        "--class",
        dest="classes",
        nargs="+",
        action="extend",
        default=[],
        choices=sorted(CLASSES),
        help="only these security classes",
    )
    found.add_argument("--limit", type=int, default=100, help="rows at most (default 100; 0: all)")
    check = action("verify", "check an exported report")
    check.add_argument("file", nargs="+", metavar="FILE", help="Parquet file of a report")
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if args.action != "load":
        return
    if args.follow < 0 or (args.follow and (args.dry_run or not args.input)):
        raise UsageError(
            "--follow needs a number of seconds above 0 and --input, and does not go with --dry-run"
        )
