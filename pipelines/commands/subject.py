"""`callveil subject
open|verify|extend|hold|search|access|port|erase|restrict|object|close|status`.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Sequence

from callveil.pipelines.commands import subject_view as view
from callveil.pipelines.exits import DONE, REJECTED, UsageError
from callveil.pipelines.options import current_role, current_user, files_of
from callveil.pipelines.subject_close import (
    close_request,
    letter_of,
    record_notification,
    record_objection,
)
from callveil.pipelines.subject_register import (
    NewRequest,
    SubjectOptions,
    approve_search,
    bind_request,
    extend_deadline,
    get_allowed_request,
    list_requests,
    open_request,
    pause_clock,
    record_verification,
    register_of,
    resume_clock,
)
from callveil.pipelines.summary import print_json
from callveil.schemas.policy_load import load_policy
from callveil.transforms.governance.requests.opendsr import build_response, read_bulk
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.storage.identity.identifiers import Identifier, parse_identifier

Action = Callable[[argparse.Namespace, SubjectOptions], int]


def _clock() -> dt.datetime:
    """Return the time of entry, by this machine's clock."""
    return dt.datetime.now(dt.UTC)


def options_of(args: argparse.Namespace) -> SubjectOptions:
    """Return the job's options."""
    now = _clock()
    given = getattr(args, "policy", None)
    policy = (
        load_policy(given)
        if given or (hasattr(args, "policy") and args.action not in ("access", "port"))
        else None
    )
    keep = dict(text.split("=", 1) for text in getattr(args, "keep", ()))
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


def identifiers_of(texts: Sequence[str], region: str) -> tuple[Identifier, ...]:
    """Return identifiers from the command line; `-` reads them from standard input, where no list
    of processes shows them.
    """
    words = [w for text in texts for w in (view.stdin_lines() if text == "-" else (text,))]
    return tuple(i for w in words for i in parse_identifier(w, region))


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    return ACTIONS[args.action](args, options_of(args))


def _open(args: argparse.Namespace, options: SubjectOptions) -> int:
    if args.bulk:
        return _bulk(args, options)
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

    from callveil.pipelines.subject_package import make_package

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
    from callveil.schemas.subject import ERASURE

    if args.returned:
        found = erase_returned(options)
        if args.json and not found:
            print_json([])
        elif not found:
            print("nobody who was erased is back")
        return max((view.show_erased(args, result) for result in found), default=DONE)
    if args.batch:
        return _erase_batch(args, options)
    if args.dry_run:
        view.show_plan(
            args, plan_erasure(options, args.request, ERASURE, zone=not args.no_rejected)
        )
        return DONE
    return view.show_erased(
        args, erase_request(options, args.request, args.plan, zone=not args.no_rejected)
    )


def _erase_batch(args: argparse.Namespace, options: SubjectOptions) -> int:
    from callveil.pipelines.subject_batch import erase_batch, plan_batch

    named = [*args.requests, *(view.listed_names(args.list) if args.list else ())]
    if args.list and not named:
        raise UsageError(f"--list: {args.list}: names no request")
    if args.dry_run:
        return view.show_batch_plan(args, *plan_batch(options, named, zone=not args.no_rejected))
    return view.show_batch(args, *erase_batch(options, named, args.plan, zone=not args.no_rejected))


def _restrict(args: argparse.Namespace, options: SubjectOptions) -> int:
    from callveil.pipelines.subject import lift_restriction, plan_erasure, restrict_request
    from callveil.schemas.subject import RESTRICTION

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


ACTIONS: dict[str, Action] = {
    "open": _open,
    "bind": _bind,
    "approve": _approve,
    "verify": _verify,
    "extend": _extend,
    "hold": _hold,
    "search": _search,
    "index": _index,
    "access": _package,
    "port": _package,
    "erase": _erase,
    "restrict": _restrict,
    "object": _object,
    "close": _close,
    "letter": _letter,
    "status": _status,
}
