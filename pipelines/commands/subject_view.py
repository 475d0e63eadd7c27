"""Console output of the `callveil subject` commands."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from callveil.pipelines.exits import DONE, FAILED, REJECTED, UsageError
from callveil.pipelines.logs import tell
from callveil.pipelines.summary import print_json
from callveil.schemas.display_words import value_in_words
from callveil.schemas.json_types import JsonObject
from callveil.schemas.subject import SubjectRequest
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.register import register_row
from callveil.transforms.storage.identity.identifiers import forms_of

if TYPE_CHECKING:  # what these name loads the language model's library, and most steps do without
    from callveil.pipelines.subject_package import PackageResult
    from callveil.transforms.governance.requests.batch_erasure import BatchPlan, BatchResult
    from callveil.transforms.governance.requests.certificate import CertificationResult
    from callveil.transforms.governance.requests.erasure import EraseResult
    from callveil.transforms.governance.requests.plan import ErasePlan
    from callveil.transforms.governance.requests.reindex import ReindexResult
    from callveil.transforms.governance.requests.search_result import SearchResult
    from callveil.transforms.jobs.streaming.backfill import BackfillResult

SHOWN = 20


def stdin_lines() -> Iterator[str]:
    """Return lines of standard input that are not empty."""
    return (line.strip() for line in sys.stdin if line.strip())


def _day(when: dt.datetime | None) -> str:
    return when.strftime("%Y-%m-%d %H:%MZ") if when else "-"


def _json_request(request: SubjectRequest, as_of: dt.datetime) -> JsonObject:
    row: JsonObject = orjson.loads(orjson.dumps(register_row(request), option=orjson.OPT_UTC_Z))
    return row | {"overdue": request.is_overdue(as_of)}


def show_request(args: argparse.Namespace, request: SubjectRequest, as_of: dt.datetime) -> None:
    """One request."""
    if args.json:
        print_json(_json_request(request, as_of))
        return
    lines = [
        f"request {request.request_id} · {request.type} ({request.regulation}) · "
        f"{value_in_words('status', request.status)}",
        *(
            [
                f"  of {'agency' if request.agency else 'account'} "
                f"{request.agency or request.account}"
            ]
            if request.agency or request.account
            else []
        ),
        f"  received {_day(request.received_at)}, due {_day(request.last_day)}: "
        f"{request.standing(as_of)}",
    ]
    if request.extended_due_at:
        lines.append(
            f"  extended from {_day(request.due_at)}; the person was told on "
            f"{_day(request.extension_notified_at)}"
        )
    lines.append(
        "  identity "
        f"{'verified ' + _day(request.identity_verified_at) if request.identity_verified_at else 'not verified yet'}"  # noqa: E501
    )
    if request.records_found is not None:
        lines.append(f"  {request.records_found:,} records found")
    if request.decision:
        lines.append(
            "  decision: "
            f"{value_in_words('decision', request.decision)}{f' ({request.refusal_ground})' if request.refusal_ground else ''}"  # noqa: E501
        )
    lines += [f"  not carried out: {text}" for text in request.systems_not_executed]
    lines += [f"  {text}" for text in request.stated_times]
    lines += [f"  {text}" for text in _before(args.action, request)]
    print("\n".join(lines))


def _before(action: str, request: SubjectRequest) -> list[str]:
    """Return what the step at hand was preceded by: the same step before, or a stop of the clock
    that has ended.
    """
    events = {"open": "opened", "verify": "verified", "extend": "extended", "object": "objected"}
    same = [e for e in request.entries if e.event == events.get(action)]
    if action == "open":
        return (
            [f"in the register since {_day(same[0].entered_at or same[0].at)}"]
            if len(request.entries) > 1
            else []
        )
    out = [f"{same[-2].event} before, on {_day(same[-2].said)}"] if len(same) > 1 else []
    if action == "hold" and request.pauses and request.pauses[-1].end:
        out.append(
            f"clock stopped {_day(request.pauses[-1].start)}, resumed "
            f"{_day(request.pauses[-1].end)}"
        )
    return out


def show_status(
    args: argparse.Namespace, found: Sequence[SubjectRequest], as_of: dt.datetime
) -> None:
    """Show what is due."""
    if args.json:
        print_json(
            {"as_of": as_of.isoformat(), "requests": [_json_request(r, as_of) for r in found]}
        )
        return
    if not found:
        print("no request is open")
        return
    width = max(len(r.request_id) for r in found)
    for r in found:
        print(
            f"{r.request_id:<{width}}  {r.type:<12} {value_in_words('status', r.status):<22} due "
            f"{_day(r.last_day)}  {r.standing(as_of)}"
        )


def show_bulk(args: argparse.Namespace, answers: Sequence[JsonObject]) -> None:
    """Answers to the requests of a file."""
    if args.json:
        print_json({"responses": list(answers)})
        return
    for a in answers:
        if "error" in a:
            tell(f"{a['place']}: {a['error']['message']}")
        else:
            print(
                f"{a['subject_request_id']}  {value_in_words('status', a['request_status'])}, due "
                f"{a['expected_completion_time']}"
            )
            for text in a["not_searched"]:
                tell(f"{a['subject_request_id']}: {text}")


def show_match(args: argparse.Namespace, match: SearchResult, shown: dict[str, str]) -> None:
    """Show what a search found, and what it proposes."""
    from callveil.transforms.governance.requests.live_records import LIVE

    if args.out:
        _write(args.out, match.as_dict() | {"values": shown})
    if args.json:
        print_json(match.as_dict() | {"values": shown})
        return
    roles = Counter((m.record.record_class, m.role) for m in match.records)
    words = {
        "contact": "are the person's own",
        "agent": "the person took part in as staff",
        "third_party": "mention the person",
    }
    print(f"{len(match.records):,} records by {len(match.confirmed)} confirmed identifiers")
    for (record_class, role), n in sorted(roles.items()):
        what = "records of the live zone" if record_class == LIVE else f"{record_class}s"
        print(f"  {n:,} {what} {words[role]}")
    for zone, n in match.unread.items():
        if n:
            print(f"  {n:,} in {zone} hold something of theirs, and were never read into a dataset")
    if match.set_aside:
        print(
            f"  {match.set_aside:,} interactions of theirs are set aside by a restriction; a "
            "package shows them, and an erasure takes them too"
        )
    if (
        not match.records
        and not match.undecided
        and not match.set_aside
        and not any(match.unread.values())
    ):
        tried = (
            "these forms were tried:"
            if match.confirmed
            else "no identifier is confirmed, so there was nothing to look for"
        )
        print(f"nothing was found; {tried}")
        print(
            "\n".join(
                (
                    f"  {c.name} ({c.kind}): "
                    f"{', '.join(forms_of(c.kind, c.value)) if c.value else 'its digest'}"
                )
                for c in match.confirmed
            )
        )
    for text in match.not_read:
        print(f"  NOT READ: {text}")
    for name in match.shared:
        print(
            f"  CAREFUL: {name} ({next(c.kind for c in match.confirmed if c.name == name)}) may "
            "belong to several people"
        )
    if match.left_out:
        print(
            f"  {len(match.left_out):,} left out, as somebody else's: "
            f"{_names(m.record for m in match.left_out)}"
        )
    if match.undecided:
        print(
            f"  {len(match.undecided):,} to be decided before anything is disclosed or erased: "
            f"{_names(r for r, _ in match.undecided)}"
        )
    if match.proposed:
        print("proposed, to be confirmed with --confirm NAME or refused with --reject NAME:")
    for p in match.proposed:
        value = f" {shown[p.name]}" if p.name in shown else ""
        print(
            f"  {p.name}: {p.kind}{value} in {p.records:,} records, {p.further:,} of them new; "
            f"{p.reason}"
        )
        if p.shared:
            print(f"      CAREFUL: {p.shared}")
    if args.out:
        print(f"written to {args.out}; it holds personal data")


def _names(records: Iterable[RecordRef]) -> str:
    names = [r.shown for r in records]
    return ", ".join(names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )


def show_index(args: argparse.Namespace, done: BackfillResult, interactions: ReindexResult) -> None:
    """Show what came of noting whom records are about."""
    if args.json:
        print_json(asdict(done) | {"interactions": asdict(interactions)})
        return
    if interactions.read or interactions.left:
        print(f"{interactions.read:,} interactions noted anew from their sources")
    if interactions.left:
        tell(
            f"{interactions.left:,} interactions stay as an earlier callveil noted them, as their "
            "sources are not there: name them by --source"
        )
    print(
        f"{done.read:,} records of the live zone marked from their sources, {done.opened:,} from "
        f"their tokens; {done.listed:,} lists made"
    )
    if done.older:
        tell(
            f"{done.older:,} records of the live zone stay as an earlier callveil noted them, as "
            "their sources are not there"
        )
    if done.unknown:
        tell(
            f"of {done.unknown:,} records nothing says any more whom they are about: a search "
            "finds them by interaction:ACCOUNT/ID alone"
        )


def write_letter(path: Path, text: str) -> None:
    """Write a letter, for its owner alone."""
    _write_bytes(path, text.encode())
    print(f"written to {path}; fill in the name, and print it")


def _write(path: Path, value: Any) -> None:
    _write_bytes(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _write_bytes(path: Path, data: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path}: is there already; name another file") from None
    with os.fdopen(handle, "wb") as out:
        out.write(data)


def show_package(args: argparse.Namespace, made: PackageResult) -> None:
    """Show what a package holds."""
    if args.json:
        print_json(made.__dict__)
        return
    print(f"{made.path}: {made.records:,} records, SHA-256 {made.sha256}")
    for w in made.withheld:
        print(
            f"  withheld from {w['from']}, {w['count']:,} "
            f"{'time' if w['count'] == 1 else 'times'}: {w['explanation']}"
        )
    if made.missing:
        tell(
            "Art. 15 asks for more than was stated; give a --context file with "
            f"{', '.join(made.missing)}"
        )


def show_plan(args: argparse.Namespace, plan: ErasePlan) -> None:
    """A plan, and how to carry it out."""
    from callveil.transforms.governance.requests.plan import summarize_plan

    if args.json:
        print_json(summarize_plan(plan))
        return
    command = "erase" if plan.scope == "erasure" else "restrict"
    print("\n".join(plan.lines()))
    print(
        f"carry it out: callveil subject {command} --store {args.store} --request "
        f"{plan.request_id} --plan {plan.sha256[:16]} (with the same options)"
    )


def show_erased(args: argparse.Namespace, result: EraseResult) -> int:
    """Show what an erasure or restriction did; return the exit code."""
    done = result.certified
    if args.json:
        print_json(_json_erased(result))
    elif done is None:
        before = f"{result.before}; " if result.before else ""
        print(f"request {result.plan.request_id}: {before}nothing was left to do")
    else:
        print("\n".join(_erased_lines(result, done)))
    for url in result.plan.outside:
        tell(f"{url}: came in with what was erased, and is not the store's; delete it there")
    if done and done.locked:
        tell(
            f"{len(done.locked)} object versions are locked; repeat the command when their lock "
            "has ended, to complete the certificate"
        )
    if done and done.residual_hits:
        tell(
            "the check still finds the person; the certificate says so. Search again, and erase "
            "what is new"
        )
        return FAILED
    return DONE


def _json_erased(result: EraseResult) -> JsonObject:
    from callveil.transforms.governance.requests.plan import summarize_plan

    done = result.certified
    rows = [
        {
            k: r[k]
            for k in (
                "record_class",
                "location",
                "method",
                "rows_matched",
                "rows_erased",
                "rows_retained",
                "retention_ground",
            )
        }
        for r in (done.rows if done else ())
    ]
    return (
        summarize_plan(result.plan)
        | {"run_id": result.run_id, "seq": result.seq, "certificates": rows}
        | (
            {
                "residual_hits": done.residual_hits,
                "versions_purged": done.versions_purged,
                "versions_locked": len(done.locked),
            }
            if done
            else {}
        )
    )


def listed_names(path: str) -> list[str]:
    """Return names of a file, one a line; `-` is standard input. Raises `UsageError`."""
    if path == "-":
        return list(stdin_lines())
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--list: {path}: cannot be read ({type(error).__name__})") from None
    return [line.strip() for line in lines if line.strip()]


def _tell_left(refused: Mapping[str, str], waiting: Mapping[str, str]) -> int:
    """Name requests of a batch that were left out; returns the exit code."""
    for text in refused.values():
        tell(f"refused: {text}")
    for text in waiting.values():
        tell(f"not due: {text}")
    return REJECTED if refused else DONE


def show_batch_plan(args: argparse.Namespace, plan: BatchPlan, waiting: Mapping[str, str]) -> int:
    """Show the plans of a batch and the whole; returns the exit code."""
    if args.json:
        print_json(plan.summary() | {"waiting": dict(waiting)})
        return REJECTED if plan.refused else DONE
    print("\n".join(plan.lines()))
    if plan.plans:
        print(
            f"carry it out: callveil subject erase --store {args.store} --batch "
            f"--plan {plan.sha256[:16]} (with the same options)"
        )
    return _tell_left(plan.refused, waiting)


def show_batch(args: argparse.Namespace, batch: BatchResult, waiting: Mapping[str, str]) -> int:
    """Show what a batch did; returns the exit code."""
    found = [r for r in batch.results if r.certified and r.certified.residual_hits]
    locked = [r for r in batch.results if r.certified and r.certified.locked]
    if args.json:
        print_json(
            {
                "run_id": batch.run_id,
                "seq": batch.seq,
                "requests": [_json_erased(r) for r in batch.results],
                "refused": dict(batch.refused),
                "waiting": dict(waiting),
            }
        )
    else:
        print(_batch_line(batch))
        for r in batch.results:
            rows = sum(c["rows_erased"] for c in r.certified.rows) if r.certified else 0
            said = f"{rows:,} rows erased; certified" if r.certified else "nothing was left to do"
            print(f"  {r.plan.request_id}: {r.before + '; ' if r.before else ''}{said}")
        for url in sorted({url for r in batch.results for url in r.plan.outside}):
            tell(f"{url}: came in with what was erased, and is not the store's; delete it there")
        for r in locked:
            tell(f"{r.plan.request_id}: object versions are locked; repeat the command later")
        for r in found:
            tell(f"{r.plan.request_id}: the check still finds the person; search again, and erase")
        _tell_left(batch.refused, waiting)
    return FAILED if found else REJECTED if batch.refused else DONE


def _batch_line(batch: BatchResult) -> str:
    if not batch.seq:
        return "nothing was left to do" if batch.results else "no request is due"
    return f"run {batch.run_id[:16]} · published as number {batch.seq}"


def _erased_lines(result: EraseResult, done: CertificationResult) -> list[str]:
    lines = (
        [f"run {result.run_id[:16]} · published as number {result.seq}"]
        if result.seq
        else ["finished what an earlier attempt had begun"]
    )
    lines += [f"  {result.before}; finished now"] if result.before and not result.seq else []
    for r in done.rows:
        ground = f" ({r['retention_ground']})" if r["retention_ground"] else ""
        if r["rows_matched"]:
            did = (
                f"{r['rows_erased']:,} of {r['rows_matched']:,} "
                f"{value_in_words('method', r['method'])}"
            )
            lines.append(f"  {r['record_class']} in {r['location']}: {did}{ground}")
        elif ground:
            lines.append(f"  {r['record_class']} {r['location']}{ground}")
    if empty := sorted(
        {r["location"] for r in done.rows if not r["rows_matched"] and not r["retention_ground"]}
    ):
        lines.append(f"  searched, and nothing there: {', '.join(empty)}")
    lines.append(
        f"purged {done.versions_purged:,} object versions; the check found {done.residual_hits} "
        "left"
    )
    if not done.residual_hits and not done.locked:
        lines.append(
            "certified; tell the person, then `callveil subject close --request "
            f"{result.plan.request_id} --decision granted`"
        )
    return lines


def show_lifted(args: argparse.Namespace, rows: int) -> None:
    """Show what came back."""
    if args.json:
        print_json({"rows": rows})
    else:
        print(f"{rows:,} rows are back" if rows else "finished what an earlier attempt had begun")
