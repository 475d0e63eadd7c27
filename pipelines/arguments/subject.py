"""Command line of `callveil subject`."""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path

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
from callveil.schemas.subject import CHANNELS, DECISIONS, LETTERS, TYPES
from callveil.transforms.governance.requests.deadline import REGULATIONS

DESCRIPTION = """\
Answer people who ask about their data: what is held, a copy of it, its erasure, restriction, or an
objection (GDPR Art. 15 to 21).

Each step is entered in a register in the store, where nothing is changed later. Deadlines are
decided when a request is opened and stored.

A search and an erasure look through all that the store holds: the datasets, rejected input, and the
live zone of `callveil watch` with recordings, sealed originals and rejections; and through inboxes
of `callveil receive` that `watch` has read for this store (name others by --inbox). Raw files that
were read from elsewhere are left where they are: a plan lists those that are known, to be deleted
there."""

INDEX = """\
Note whom records are about, of those that came in before callveil noted that as it redacts them, or
when it noted less: numbers that are read back or said in pieces are known since. `search` and
`erase` refuse to go on where they would miss records of the live zone, and each search counts the
interactions it may miss. Interactions are read again from --source and from inboxes. Run it once;
repeated, it does what is left.

It reads the record's source where that is still there, else it opens the record's own tokens with
the keyring. How many records nothing says any more whom they are about is printed, and stands in
each certificate: they are found by interaction:ACCOUNT/ID alone."""

EPILOG = """\
examples:
  callveil subject open --store store/ --type access --identifier '+1 415 555 0123' --zone
  Europe/Berlin --calendar DE-BE callveil subject verify --store store/ --request R --method 'called
  back on the number we hold'
  callveil subject search --store store/ --request R                         records, and what else may identify the person
  callveil subject search --store store/ --request R --confirm L1 L2         once someone has looked at the proposals
  callveil subject search --store store/ --request R --exclude 1001/5 --reason 'her husband called'     of a number that several people use
  callveil subject approve --store store/ --request R --by 'J. Doe'          where the policy asks for a second person
  callveil subject access --store store/ --request R --out answer.zip --source 's3://raw/calls/'
  --context company.yaml
  callveil subject erase --store store/ --request R --dry-run                the plan and its hash; nothing is changed
  callveil subject erase --store store/ --request R --plan HASH              that plan and no other
  callveil subject erase --store store/ --batch --dry-run                    the plan of all that are due, and of the whole
  callveil subject erase --store store/ --batch --plan HASH                  in one pass; a refused one stops no other
  callveil subject close --store store/ --request R --decision granted
  callveil subject open --store store/ --bulk requests.json                  OpenDSR
  callveil subject index --store store/                                      once, where a search says that the live zone lacks markers
  callveil subject status --store store/                                     what is due

exit codes: 0 done, 1 failed (repeat the command: it goes on where it was),
2 usage, or a store of other keys or one that was set back, 3 some requests of a bulk file or a
batch were refused"""


ACTIONS = {
    "open": "enter a request, or many; the deadline is decided and stored",
    "bind": "bind a request that was opened for no controller to one",
    "approve": (
        "record that a second person approves what was found, where the policy asks for that "
        "(requests.four_eyes)"
    ),
    "verify": "record that the person's identity was verified",
    "extend": "extend the time by two months; the person must have been told",
    "hold": "stop the clock while the person is asked for something, or let it go on",
    "search": "find the person's records; propose and confirm what else identifies them",
    "index": (
        "note whom records of the live zone are about that arrived before that was noted; a "
        "search asks for it where it is needed"
    ),
    "access": "write the package that answers Art. 15",
    "port": (
        "write the package that answers Art. 20: what the person provided, with its JSON Schema"
    ),
    "erase": "erase the person's records from every dataset, and certify it",
    "restrict": "set the person's records aside, encrypted, until the restriction is lifted",
    "object": "record how an objection was decided",
    "close": "end a request with its decision",
    "letter": "write a letter to the person, or a one-page certificate, as HTML to be printed",
    "status": "what is due, and when",
}
"""What each action does, by name."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = command_parser("subject", DESCRIPTION, EPILOG)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = {
        name: actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        for name, text in ACTIONS.items()
    }
    for name, a in made.items():
        add_store_place(a)
        add_time(a, "--as-of", "when the step happens (default: now)")
        a.add_argument(
            "--actor", default=_user(), metavar="NAME", help="who enters it (default: the user)"
        )
        add_roles(a)
        if name not in ("open", "status", "erase", "index"):
            a.add_argument("--request", required=True, metavar="ID", help="the request")
        add_store(a)
    made["index"].description, made["index"].formatter_class = (
        INDEX,
        argparse.RawDescriptionHelpFormatter,
    )
    add_list(made["index"], "--source", "WHERE", "raw inputs, as `redact` takes them")
    add_list(made["index"], "--inbox", "FOLDER", "inboxes, beside those `watch` has read")
    open_options(made["open"])
    made["verify"].add_argument("--method", required=True, help="how the identity was verified")
    made["extend"].add_argument(
        "--reason", required=True, help="why, as the person was told; stored as a reversible token"
    )
    add_time(made["extend"], "--notified-at", "when the person was told (default: --as-of)")
    made["hold"].add_argument(
        "--reason", default="", help="why the clock stops, such as what the person was asked for"
    )
    made["hold"].add_argument("--resume", action="store_true", help="let the clock go on")
    search_options(made["search"])
    controller_options(made["bind"])
    made["approve"].add_argument(
        "--by",
        required=True,
        metavar="NAME",
        help="who approves it: another person than those who searched and decided",
    )
    for name in ("access", "port"):
        made[name].add_argument(
            "--out",
            required=True,
            type=Path,
            metavar="FILE",
            help="zip to write; mode 0600, never overwritten",
        )
        add_list(made[name], "--source", "WHERE", "raw inputs, as `redact` takes them")
        made[name].add_argument(
            "--context",
            metavar="FILE",
            help="the company's YAML file for Art. 15: controller, purposes, recipients, ...",
        )
        add_policy(
            made[name],
            "detection that takes other people's data out (default: gdpr), and how long data "
            "is kept (default: the store's)",
        )
        made[name].add_argument(
            "--language",
            choices=("en", "de"),
            default="",
            help="of its page (default: that of the request's calendar, else en)",
        )
        unread_options(made[name])
    for name in ("erase", "restrict"):
        erase_options(made[name])
        add_workers(made[name])
    whom = made["erase"].add_mutually_exclusive_group(required=True)
    whom.add_argument("--request", metavar="ID", help="the request")
    whom.add_argument(
        "--returned",
        action="store_true",
        help="erase again whoever came back since, such as by a restored backup",
    )
    whom.add_argument(
        "--batch",
        action="store_true",
        help="all erasure requests that are open, verified, searched and, where the policy asks "
        "for it, approved; each file is rewritten once for all of them",
    )
    add_list(made["erase"], "--requests", "ID", "with --batch: these alone")
    made["erase"].add_argument(
        "--list",
        metavar="FILE",
        help="with --batch: requests of a file, one a line; - reads standard input",
    )
    made["restrict"].add_argument(
        "--lift", action="store_true", help="bring back what was set aside"
    )
    for name in ("object", "close"):
        made[name].add_argument(
            "--decision", required=True, choices=DECISIONS, help="how it was decided"
        )
        made[name].add_argument("--reason", default="", help="why; stored as a reversible token")
        made[name].add_argument(
            "--ground", default="", help="legal ground of a refusal, such as 'Art. 12(5)(b)'"
        )
    add_list(made["close"], "--exemption", "TEXT", "exemptions that were relied on")
    add_list(made["close"], "--not-executed", "SYSTEM:REASON", "where it was not carried out")
    add_time(made["close"], "--responded-at", "when the person was answered (default: --as-of)")
    add_list(made["close"], "--notified", "RECIPIENT", "recipients that were told (Art. 19)")
    made["letter"].add_argument("--kind", required=True, choices=LETTERS, help="which letter")
    made["letter"].add_argument(
        "--language",
        choices=("en", "de"),
        default="",
        help="its language (default: the calendar's, else en)",
    )
    made["letter"].add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FILE",
        help="HTML file to write; mode 0600, never overwritten",
    )
    made["status"].add_argument("--request", metavar="ID", help="one request in full")
    made["status"].add_argument("--all", action="store_true", help="those that are over too")
    return with_common(p)


def _user() -> str:
    try:
        return getpass.getuser()
    except OSError:
        return ""


def open_options(a: argparse.ArgumentParser) -> None:
    """Options of `open`."""
    a.add_argument(
        "--request",
        default="",
        metavar="ID",
        help="id (default: made from the person, the right and the time); it may name nobody",
    )
    a.add_argument("--type", choices=TYPES, help="what is asked for")
    add_list(
        a,
        "--identifier",
        "[KIND:]VALUE",
        "number, e-mail, name:FIRST LAST|POSTCODE, "
        "visitor:ID, ip:ADDRESS, agent:ACCOUNT/ID, interaction:ACCOUNT/ID; - reads one a line from "
        "standard input",
    )
    a.add_argument(
        "--bulk",
        metavar="FILE",
        help="requests in OpenDSR's shape: an array, an object or JSON lines",
    )
    add_time(a, "--received", "when it came in (default: --as-of)")
    add_time(a, "--clock-start", "from when its time counts (default: when it came in)")
    a.add_argument(
        "--regulation",
        choices=sorted(REGULATIONS),
        default="gdpr",
        help="whose deadlines hold (default: gdpr)",
    )
    a.add_argument("--channel", choices=CHANNELS, default="other", help="how it came in")
    a.add_argument(
        "--zone",
        default="UTC",
        metavar="ZONE",
        help="IANA time zone whose days count (default: UTC)",
    )
    a.add_argument(
        "--calendar",
        default="",
        metavar="CODE",
        help="holidays that are no working days: DE-BE, GB-ENG, FR (default: weekends only)",
    )
    a.add_argument(
        "--region",
        default="",
        metavar="CODE",
        help="country of numbers that are written without one, such as US; there is no default",
    )
    a.add_argument("--note", default="", help="free text; sealed")
    controller_options(a)


def controller_options(a: argparse.ArgumentParser) -> None:
    """Whose request it is."""
    who = a.add_mutually_exclusive_group()
    who.add_argument(
        "--account",
        default="",
        metavar="ID",
        help="account it was made to (default: the store's only controller)",
    )
    who.add_argument(
        "--agency", default="", metavar="ID", help="agency it was made to, with its subaccounts"
    )


def search_options(a: argparse.ArgumentParser) -> None:
    """Options of `search`."""
    add_list(a, "--identifier", "[KIND:]VALUE", "what the person has given since")
    add_list(a, "--confirm", "NAME", "proposals that are the person's; `all`: all not shared")
    add_list(a, "--reject", "NAME", "proposals that are not")
    for name, text in (("include", "are the person's"), ("exclude", "are somebody else's")):
        add_list(a, f"--{name}", "ID", f"records that {text}: ID or ACCOUNT/ID")
    a.add_argument(
        "--reason",
        default="",
        help="why records are included or excluded; stored as a reversible token",
    )
    add_list(a, "--source", "WHERE", "raw inputs: show what is proposed in clear")
    a.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the match to a file too; mode 0600; it holds personal data",
    )
    a.add_argument(
        "--region",
        default="",
        metavar="CODE",
        help="country of numbers that are written without one, such as US; there is no default",
    )
    add_policy(a, "its limits hold for reading sources")
    unread_options(a)


def erase_options(a: argparse.ArgumentParser) -> None:
    """Options of `erase` and `restrict`."""
    a.add_argument(
        "--dry-run", action="store_true", help="print the plan and its hash; nothing is changed"
    )
    a.add_argument("--plan", default="", metavar="HASH", help="carry out this plan and no other")
    a.add_argument(
        "--policy", metavar="NAME|FILE", help="its duties to keep are grounds to keep a record"
    )
    for what in ("accounts", "events", "holds"):
        add_list(a, f"--{what}", "WHERE", f"{what}, as `retain` takes them")
    add_list(a, "--keep", "CLASS=GROUND", "records of a class stay, on this legal ground")
    unread_options(a)


def unread_options(a: argparse.ArgumentParser) -> None:
    """Options of whatever looks through what was never read into a dataset."""
    a.add_argument(
        "--no-rejected",
        action="store_true",
        help="leave out rejected input and inboxes, all of which is opened; the register says so",
    )
    add_list(a, "--inbox", "FOLDER", "inboxes of webhooks, beside those `watch` has read")


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if args.action == "open" and not (args.bulk or args.type):
        raise UsageError("--type: needed; or --bulk FILE")
    if args.action == "hold" and not (args.resume or args.reason):
        raise UsageError("--reason: needed to stop the clock")
    if args.action == "erase" and not args.batch and (args.requests or args.list):
        raise UsageError("--requests, --list: name the requests of a --batch")
    if args.action == "erase" and args.returned and args.dry_run:
        raise UsageError("--dry-run: of a --request or a --batch")
    for text in getattr(args, "keep", ()):
        name, _, ground = text.partition("=")
        if name not in CLASSES or not ground:
            raise UsageError(f"--keep: expected CLASS=GROUND, CLASS one of {', '.join(CLASSES)}")
