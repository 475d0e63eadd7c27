"""`callveil subject
open|verify|extend|hold|search|access|port|erase|restrict|object|close|status`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
from collections.abc import Callable, Sequence
from pathlib import Path

from callveil.pipelines.commands import subject_options as declare
from callveil.pipelines.commands import subject_view as view
from callveil.pipelines.exits import DONE, REJECTED, FailedError, UsageError
from callveil.pipelines.options import (
    add_list,
    add_roles,
    add_store,
    add_workers,
    current_role,
    current_user,
    files_of,
    parse_as_of,
    policy_of,
    with_common,
)
from callveil.pipelines.subject_register import (
    NewRequest,
    SubjectOptions,
    approve_search,
    bind_request,
    close_request,
    extend_deadline,
    get_allowed_request,
    letter_of,
    list_requests,
    open_request,
    pause_clock,
    record_notification,
    record_objection,
    record_verification,
    register_of,
    resume_clock,
)
from callveil.pipelines.summary import print_json
from callveil.schemas.retention import CLASSES
from callveil.schemas.subject import DECISIONS
from callveil.transforms.governance.requests.deadline import DeadlineError
from callveil.transforms.governance.requests.letters import KINDS
from callveil.transforms.governance.requests.opendsr import BulkError, build_response, read_bulk
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.report.scope import NotAllowed, RolesError
from callveil.transforms.storage.commit.catalog import StoreError
from callveil.transforms.storage.encryption.encrypted_file import SealedError
from callveil.transforms.storage.encryption.keyring import KeyringError
from callveil.transforms.storage.files.urls import FilesError
from callveil.transforms.storage.identity.identifiers import (
    Identifier,
    IdentifierError,
    parse_identifier,
)

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
  callveil subject close --store store/ --request R --decision granted
  callveil subject open --store store/ --bulk requests.json                  OpenDSR
  callveil subject index --store store/                                      once, where a search says that the live zone lacks markers
  callveil subject status --store store/                                     what is due

exit codes: 0 done, 1 failed (repeat the command: it goes on where it was),
2 usage, or a store of other keys or one that was set back, 3 some requests of a bulk file were
refused"""

Action = Callable[[argparse.Namespace, SubjectOptions], int]


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = argparse.ArgumentParser(
        prog="callveil subject",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = {
        name: actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        for name, (text, _) in ACTIONS.items()
    }
    for name, a in made.items():
        a.add_argument(
            "--store", required=True, metavar="STORE", help="folder or s3:// URL of the store"
        )
        a.add_argument(
            "--as-of", type=parse_as_of, metavar="TIME", help="when the step happens (default: now)"
        )
        a.add_argument(
            "--actor", default=_user(), metavar="NAME", help="who enters it (default: the user)"
        )
        a.add_argument("--json", action="store_true", help="print the result as JSON")
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
    declare.open_options(made["open"])
    made["verify"].add_argument("--method", required=True, help="how the identity was verified")
    made["extend"].add_argument(
        "--reason", required=True, help="why, as the person was told; stored as a reversible token"
    )
    made["extend"].add_argument(
        "--notified-at",
        type=parse_as_of,
        metavar="TIME",
        help="when the person was told (default: --as-of)",
    )
    made["hold"].add_argument(
        "--reason", default="", help="why the clock stops, such as what the person was asked for"
    )
    made["hold"].add_argument("--resume", action="store_true", help="let the clock go on")
    declare.search_options(made["search"])
    declare.controller_options(made["bind"])
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
        made[name].add_argument(
            "--policy",
            metavar="NAME|FILE",
            help="detection that takes other people's data out (default: gdpr), and how long data "
            "is kept (default: the store's)",
        )
        made[name].add_argument(
            "--language",
            choices=("en", "de"),
            default="",
            help="of its page (default: that of the request's calendar, else en)",
        )
        declare.unread_options(made[name])
    for name in ("erase", "restrict"):
        declare.erase_options(made[name])
        add_workers(made[name])
    whom = made["erase"].add_mutually_exclusive_group(required=True)
    whom.add_argument("--request", metavar="ID", help="the request")
    whom.add_argument(
        "--returned",
        action="store_true",
        help="erase again whoever came back since, such as by a restored backup",
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
    made["close"].add_argument(
        "--responded-at",
        type=parse_as_of,
        metavar="TIME",
        help="when the person was answered (default: --as-of)",
    )
    add_list(made["close"], "--notified", "RECIPIENT", "recipients that were told (Art. 19)")
    made["letter"].add_argument("--kind", required=True, choices=KINDS, help="which letter")
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


def _clock() -> dt.datetime:
    """Return the time of entry, by this machine's clock."""
    return dt.datetime.now(dt.UTC)


def options_of(args: argparse.Namespace) -> SubjectOptions:
    """Return the job's options."""
    now = _clock()
    given = getattr(args, "policy", None)
    policy = (
        policy_of(given)
        if given or (hasattr(args, "policy") and args.action not in ("access", "port"))
        else None
    )
    keep = dict(_ground(text) for text in getattr(args, "keep", ()))
    facts = (getattr(args, "accounts", ()), getattr(args, "events", ()), getattr(args, "holds", ()))
    return SubjectOptions(
        args.store,
        args.as_of or now.replace(microsecond=0),
        now,
        args.actor,
        args.keyring,
        files_of(args),
        policy,
        *facts,
        keep,
        getattr(args, "inbox", ()),
        current_role(args),
        current_user(),
        getattr(args, "workers", None),
    )


def _ground(text: str) -> tuple[str, str]:
    name, _, ground = text.partition("=")
    if name not in CLASSES or not ground:
        raise UsageError(f"--keep: expected CLASS=GROUND, CLASS one of {', '.join(CLASSES)}")
    return name, ground


def _user() -> str:
    try:
        return getpass.getuser()
    except OSError:
        return ""


def identifiers_of(texts: Sequence[str], region: str) -> tuple[Identifier, ...]:
    """Return identifiers from the command line; `-` reads them from standard input, where no list
    of processes shows them.
    """
    words = [w for text in texts for w in (view.stdin_lines() if text == "-" else (text,))]
    return tuple(i for w in words for i in parse_identifier(w, region))


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    try:
        return ACTIONS[args.action][1](args, options_of(args))
    except (
        RegisterError,
        NotAllowed,
        RolesError,
        DeadlineError,
        IdentifierError,
        BulkError,
        KeyringError,
    ) as error:
        raise UsageError(str(error)) from None
    except _of_the_users() as error:
        raise UsageError(str(error)) from None
    except (StoreError, FilesError, SealedError) as error:
        raise FailedError(str(error)) from None
    except _of_carrying_out() as error:
        raise FailedError(str(error)) from None


def _of_the_users() -> tuple[type[Exception], ...]:
    """Return mistakes that only the steps which read records make; named here, so that the others
    need not load what these do.
    """
    from callveil.transforms.governance.requests.article_15 import ContextError
    from callveil.transforms.governance.requests.package import PackageError
    from callveil.transforms.governance.requests.plan import PlanChanged
    from callveil.transforms.governance.retention.account_events import EventsError, HoldsError
    from callveil.transforms.ingest.accounts import AccountsError
    from callveil.transforms.ingest.discover import InputError

    return (
        ContextError,
        PackageError,
        PlanChanged,
        InputError,
        AccountsError,
        EventsError,
        HoldsError,
    )


def _of_carrying_out() -> tuple[type[Exception], ...]:
    from callveil.transforms.governance.requests.apply_plan import CarryError

    return (CarryError,)


def _open(args: argparse.Namespace, options: SubjectOptions) -> int:
    if args.bulk:
        return _bulk(args, options)
    if not args.type:
        raise UsageError("--type: needed; or --bulk FILE")
    new = NewRequest(
        args.type,
        identifiers_of(args.identifier, args.region),
        args.received or options.as_of,
        args.request,
        args.regulation,
        args.channel,
        args.zone,
        args.calendar,
        args.clock_start,
        args.region,
        args.note,
        args.account,
        args.agency,
    )
    view.show_request(args, open_request(options, new), options.entry)
    return DONE


def _bulk(args: argparse.Namespace, options: SubjectOptions) -> int:
    register_of(options, write=False)  # the store is compared before the file is looked at
    answers, refused = [], 0
    for item in read_bulk(options.files, args.bulk, args.region):
        problems = item.problems
        if not problems and item.submitted_at is not None:
            new = NewRequest(
                item.type,
                item.identifiers,
                item.submitted_at,
                item.request_id,
                item.regulation,
                "api",
                args.zone,
                args.calendar,
                None,
                args.region,
                "",
                args.account,
                args.agency,
            )
            try:
                answers.append(
                    build_response(open_request(options, new), options.as_of)
                    | {"not_searched": list(item.not_searched)}
                )
                continue
            except RegisterError as error:
                problems = (str(error),)
        refused += 1
        answers.append(
            {
                "place": item.place,
                "subject_request_id": item.request_id,
                "error": {"code": 400, "message": "; ".join(problems)},
            }
        )
    view.show_bulk(args, answers)
    return REJECTED if refused else DONE


def _bind(args: argparse.Namespace, options: SubjectOptions) -> int:
    view.show_request(
        args, bind_request(options, args.request, args.account, args.agency), options.entry
    )
    return DONE


def _approve(args: argparse.Namespace, options: SubjectOptions) -> int:
    view.show_request(args, approve_search(options, args.request, args.by), options.entry)
    return DONE


def _verify(args: argparse.Namespace, options: SubjectOptions) -> int:
    view.show_request(args, record_verification(options, args.request, args.method), options.entry)
    return DONE


def _extend(args: argparse.Namespace, options: SubjectOptions) -> int:
    view.show_request(
        args,
        extend_deadline(options, args.request, args.reason, args.notified_at or options.as_of),
        options.entry,
    )
    return DONE


def _hold(args: argparse.Namespace, options: SubjectOptions) -> int:
    if not args.resume and not args.reason:
        raise UsageError("--reason: needed to stop the clock")
    view.show_request(
        args,
        resume_clock(options, args.request)
        if args.resume
        else pause_clock(options, args.request, args.reason),
        options.entry,
    )
    return DONE


def _search(args: argparse.Namespace, options: SubjectOptions) -> int:
    from callveil.pipelines.subject import search_request

    match, shown = search_request(
        options,
        args.request,
        more=identifiers_of(args.identifier, args.region),
        confirmed=args.confirm,
        rejected=args.reject,
        sources=args.source,
        zone=not args.no_rejected,
        included=args.include,
        excluded=args.exclude,
        reason=args.reason,
    )
    view.show_match(args, match, shown)
    return DONE


def _index(args: argparse.Namespace, options: SubjectOptions) -> int:
    from callveil.pipelines.subject import index_records

    view.show_index(args, *index_records(options, args.source))
    return DONE


def _package(args: argparse.Namespace, options: SubjectOptions) -> int:
    from callveil.pipelines.subject import make_package

    kind = "access" if args.action == "access" else "portability"
    view.show_package(
        args,
        make_package(
            options,
            args.request,
            kind,
            args.out,
            sources=args.source,
            context=args.context,
            zone=not args.no_rejected,
            language=args.language,
        ),
    )
    return DONE


def _erase(args: argparse.Namespace, options: SubjectOptions) -> int:
    from callveil.pipelines.subject import erase_request, erase_returned, plan_erasure
    from callveil.transforms.governance.requests.plan import ERASURE

    if args.returned:
        found = erase_returned(options)
        if args.json and not found:
            print_json([])
        elif not found:
            print("nobody who was erased is back")
        return max((view.show_erased(args, result) for result in found), default=DONE)
    if args.dry_run:
        view.show_plan(
            args, plan_erasure(options, args.request, ERASURE, zone=not args.no_rejected)
        )
        return DONE
    return view.show_erased(
        args, erase_request(options, args.request, args.plan, zone=not args.no_rejected)
    )


def _restrict(args: argparse.Namespace, options: SubjectOptions) -> int:
    from callveil.pipelines.subject import lift_restriction, plan_erasure, restrict_request
    from callveil.transforms.governance.requests.plan import RESTRICTION

    if args.lift:
        view.show_lifted(args, lift_restriction(options, args.request))
        return DONE
    if args.dry_run:
        view.show_plan(args, plan_erasure(options, args.request, RESTRICTION))
        return DONE
    return view.show_erased(args, restrict_request(options, args.request, args.plan))


def _object(args: argparse.Namespace, options: SubjectOptions) -> int:
    view.show_request(
        args,
        record_objection(options, args.request, args.decision, args.reason, args.ground),
        options.entry,
    )
    return DONE


def _close(args: argparse.Namespace, options: SubjectOptions) -> int:
    if args.notified:
        record_notification(options, args.request, args.notified)
    request = close_request(
        options,
        args.request,
        args.decision,
        ground=args.ground,
        reason=args.reason,
        exemptions=args.exemption,
        not_executed=args.not_executed,
        responded_at=args.responded_at,
    )
    view.show_request(args, request, options.entry)
    return DONE


def _letter(args: argparse.Namespace, options: SubjectOptions) -> int:
    view.write_letter(args.out, letter_of(options, args.request, args.kind, args.language))
    return DONE


def _status(args: argparse.Namespace, options: SubjectOptions) -> int:
    if args.request:
        view.show_request(
            args,
            get_allowed_request(options, register_of(options, write=False), args.request),
            options.as_of,
        )
        return DONE
    found = list_requests(options)
    view.show_status(args, [r for r in found if args.all or not r.is_over], options.as_of)
    return DONE


ACTIONS: dict[str, tuple[str, Action]] = {
    "open": ("enter a request, or many; the deadline is decided and stored", _open),
    "bind": ("bind a request that was opened for no controller to one", _bind),
    "approve": (
        "record that a second person approves what was found, where the policy asks for that "
        "(requests.four_eyes)",
        _approve,
    ),
    "verify": ("record that the person's identity was verified", _verify),
    "extend": ("extend the time by two months; the person must have been told", _extend),
    "hold": ("stop the clock while the person is asked for something, or let it go on", _hold),
    "search": ("find the person's records; propose and confirm what else identifies them", _search),
    "index": (
        "note whom records of the live zone are about that arrived before that was noted; a search "
        "asks for it where it is needed",
        _index,
    ),
    "access": ("write the package that answers Art. 15", _package),
    "port": (
        "write the package that answers Art. 20: what the person provided, with its JSON Schema",
        _package,
    ),
    "erase": ("erase the person's records from every dataset, and certify it", _erase),
    "restrict": (
        "set the person's records aside, encrypted, until the restriction is lifted",
        _restrict,
    ),
    "object": ("record how an objection was decided", _object),
    "close": ("end a request with its decision", _close),
    "letter": (
        "write a letter to the person, or a one-page certificate, as HTML to be printed",
        _letter,
    ),
    "status": ("what is due, and when", _status),
}
