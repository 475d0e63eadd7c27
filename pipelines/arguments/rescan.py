"""Command line of `callveil rescan`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import (
    add_list,
    add_policy,
    add_store,
    add_store_place,
    add_time,
    add_workers,
    check_places,
    command_parser,
    passes_to_beam,
    with_common,
)

DESCRIPTION = """\
Read what a store holds already (interactions, the change history, the records that `callveil watch`
has redacted) by the rules of this version, and tell by kind what they would cover more: field,
entity type, how often, in how many rows; never a value. Nothing is changed.

With --apply it is covered: rows are rewritten in one published run, findings and a signed record
say so, and the files they were in are purged. Interrupted and started again, it goes on where it
was; once it is done, a second one finds nothing. It never uncovers: what was redacted is gone.

The policy is the newest one the store was decided by, as it is kept there. A preset that this
version has made stricter comes in by its name: --policy gdpr.

A row that cannot be read again (exit code 3) is named. With --apply it leaves the store for the
rejected zone, encrypted: what nobody can show to be clean is not left readable.
`callveil rejected list` shows it. A later copy of such an interaction is not taken in again; a
record of watch is, after `callveil recordings retry`.

Full redaction by age stays the work of `callveil redact` and `history`, and what is set aside at a
person's request is read once it is back.

Recordings are not listened to again. Where more was found in the transcript of one that was
redacted before, it is named: what is found now can still be heard in it. Take its original (from
where it landed, or with `callveil recordings original`) and cover it anew with
`callveil audio redact`."""


EPILOG = """\
examples:
  callveil rescan --store store/ --accounts accounts.csv             what would be covered
  callveil rescan --store store/ --accounts accounts.csv --apply     cover it
  callveil rescan --store s3://clean/calls --policy pci --accounts accounts.csv --json

With no --runner the job runs here, on all cores where the work is worth it. Any option of Apache
Beam may follow.

exit codes: 0 done, 1 failed and nothing was published, 2 usage, or a store of other keys or one
that was set back, 3 done, but some rows could not be read again"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = command_parser("rescan", DESCRIPTION, EPILOG, allow_abbrev=False)
    add_store_place(p)
    add_policy(
        p,
        "gdpr, pci, hipaa, ccpa, gdpr-attribution, or a YAML file (default: the newest one in "
        "the store)",
    )
    p.add_argument(
        "--apply", action="store_true", help="cover what is found; without it nothing is changed"
    )
    add_list(
        p,
        "--accounts",
        "WHERE",
        "account records, as `redact` and `history` were given them: an account's own name, "
        "numbers and places are nobody's personal data",
    )
    add_time(p, "--as-of", "the time that stands in what is written (default: today, 00:00 UTC)")
    p.add_argument("--json", action="store_true", help="print what was found as JSON")
    add_workers(p)
    add_store(p)
    passes_to_beam(p)
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    check_places(args.store, *args.accounts)
