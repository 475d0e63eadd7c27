"""Options of `callveil subject`'s actions."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.options import add_list, parse_as_of
from callveil.schemas.subject import CHANNELS, TYPES
from callveil.transforms.governance.requests.deadline import REGULATIONS


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
    a.add_argument(
        "--received", type=parse_as_of, metavar="TIME", help="when it came in (default: --as-of)"
    )
    a.add_argument(
        "--clock-start",
        type=parse_as_of,
        metavar="TIME",
        help="from when its time counts (default: when it came in)",
    )
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
    a.add_argument("--policy", metavar="NAME|FILE", help="its limits hold for reading sources")
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
