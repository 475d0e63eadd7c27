"""`callveil history`: take in version logs, and report who changed what."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import signal
import sys
import threading
import time
from collections.abc import Callable

from callveil.pipelines import history_view as view
from callveil.pipelines.attempts import RunResult
from callveil.pipelines.exits import DONE, FAILED, REJECTED, UsageError
from callveil.pipelines.history import HistoryOptions, make_expiry, run_history
from callveil.pipelines.history_follow import follow_inputs
from callveil.pipelines.options import beam_options, files_of, refuse_workers, start_of_today
from callveil.pipelines.summary import not_read_lines, print_json, print_nothing_read
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import REASONS
from callveil.schemas.version import RedactedVersion
from callveil.transforms.execution.resources import peak_bytes, workers_used
from callveil.transforms.ingest.chunks import NothingToRead
from callveil.transforms.redact.versions.timeline import history_of, state_at
from callveil.transforms.report.change_history.export import (
    ReportColumns,
    account_rows,
    accounts_with_versions,
    read_account_versions,
    verify_report,
    write_report,
)
from callveil.transforms.report.change_history.find import (
    ChangeQuery,
    MaskedForms,
    find_changes,
    item_versions,
)
from callveil.transforms.storage.checkpoints.store_identity import (
    open_keyed,
    open_store,
    refuse_replaced,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import TOOL
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.snapshot import parse_time


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "load": _load,
        "export": _export,
        "show": _show,
        "at": _at,
        "find": _find,
        "verify": _verify,
    }
    try:
        return actions[args.action](args)
    except NothingToRead as nothing:
        return print_nothing_read(nothing, args.json)


def _load(args: argparse.Namespace) -> int:
    options = HistoryOptions(
        inputs=args.input,
        output=args.output,
        policy=load_policy(args.policy),
        as_of=args.as_of or start_of_today(),
        accounts=args.accounts,
        events=args.events,
        holds=args.holds,
        keyring=args.keyring,
        files=files_of(args),
        beam=beam_options(args.beam),
        dry_run=args.dry_run,
        workers=args.workers,
    )
    refuse_workers(args, options.beam)
    if not args.follow:
        started = time.monotonic()
        result = run_history(options)
        return _told(args, result, time.monotonic() - started)
    stop, codes = threading.Event(), [DONE]
    previous = [
        signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)
    ]
    try:
        follow_inputs(
            options,
            args.follow,
            stop,
            lambda: args.as_of or start_of_today(),
            lambda *found: codes.append(_told(args, *found)),
            lambda nothing: codes.append(min(REJECTED, print_nothing_read(nothing, args.json))),
        )
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), previous, strict=True):
            signal.signal(number, handler)
    return max(codes)


def _told(args: argparse.Namespace, result: RunResult, seconds: float) -> int:
    """Print what a run did; returns its exit code."""
    peak = peak_bytes()
    if args.json:
        print_json(
            {
                "run_id": result.run_id,
                "seq": result.seq,
                "repeated": result.repeated,
                "dry_run": result.dry_run,
                "counts": result.counts,
                "files_added": result.added,
                "files_removed": result.removed,
                "seconds": round(seconds, 2),
                "peak_memory_bytes": peak,
                "not_read": list(result.not_read),
                "workers": workers_used(),
            }
        )
    else:
        _summary(result, args.output, seconds, peak)
    sys.stdout.flush()
    return (
        REJECTED
        if result.counts.get("rejected") or result.counts.get("redo_rejected") or result.not_read
        else DONE
    )


ROWS = (
    ("in", "versions read"),
    ("stored", "stored, redacted"),
    ("duplicates", "delivered before"),
    ("expired_on_arrival", "that retention has deleted before: not taken in again"),
    ("replaced", "stored ones replaced by a more complete delivery"),
    ("redone", "stored ones redacted with their interaction"),
    ("rejected", "rejected, kept encrypted"),
    ("rejected_before", "of these rejected by an earlier run, with the same content"),
    ("redo_rejected", "stored ones that could not be redacted further: rejected, kept encrypted"),
    ("account_unknown", "whose account has no record (give --accounts)"),
)


def _summary(result: RunResult, output: str, seconds: float, peak: int) -> None:
    head = (
        "dry run: nothing was changed"
        if result.dry_run
        else f"run {result.run_id[:16]} · published as number {result.seq} · {output}"
    )
    print(
        head
        + (
            "\nthis very run had been published before; nothing was done, and these are its figures"
            if result.repeated
            else ""
        )
    )
    for name, text in ROWS:
        if result.counts.get(name) or name in ("in", "stored"):
            print(f"{result.counts.get(name, 0):>12,}  {text}")
    for name, count in sorted(result.counts.items()):
        if name.startswith("reason."):
            print(
                f"rejected {count:,}: {name.removeprefix('reason.')}: "
                f"{REASONS.get(name.removeprefix('reason.'), '')}"
            )
    print("".join(f"{line}\n" for line in not_read_lines(result.not_read)), end="")
    types = [
        f"{n.removeprefix('entity.')} {c:,}"
        for n, c in sorted(result.counts.items())
        if n.startswith("entity.")
    ]
    if types:
        print(f"versions with redacted values by type: {', '.join(types)}")
    print(
        f"{seconds:.1f} s, peak memory {peak / 2**20:,.0f} MiB, {result.added} files written, "
        f"{result.removed} replaced"
    )


def _export(args: argparse.Namespace) -> int:
    files = files_of(args)
    store, keyring = open_keyed(files, args.store, args.keyring)
    snapshot = store.current()
    as_of = args.as_of or latest_run_time(store)
    policies = {m.policy_sha256: m.policy_name for m in store.manifests()}
    facts = "\x1f".join(
        [
            snapshot.manifest_sha256,
            as_of.isoformat(),
            *sorted(args.account),
            "|",
            *sorted(args.agency),
        ]
    )
    report = ReportColumns(
        hashlib.sha256(facts.encode()).hexdigest()[:32], snapshot.run_id, as_of, TOOL, policies
    )
    accounts = accounts_with_versions(store, snapshot, args.account, args.agency)
    read = read_account_versions(store, snapshot, accounts, args.agency)
    expires = make_expiry(
        files, load_policy(args.policy), as_of, args.accounts, args.events, args.holds
    )
    done: dict[str, int] = {}
    if args.out.endswith(".parquet"):
        done[args.out] = write_report(
            files,
            args.out,
            (
                row
                for _, versions in read
                for row in account_rows(report, keyring, versions, expires)
            ),
        )
    else:
        for account, versions in read:
            name = hashlib.sha256(account.encode()).hexdigest()[:8] if "/" in account else account
            url = files.join(args.out, f"change-history-{name}.parquet")
            done[url] = write_report(files, url, account_rows(report, keyring, versions, expires))
    if args.json:
        print_json(
            {
                "report_id": report.report_id,
                "as_of": as_of.isoformat(),
                "accounts": len(accounts),
                "rows": sum(done.values()),
                "files": done,
            }
        )
    else:
        print(
            f"{sum(done.values()):,} changes of {len(accounts):,} accounts in {len(done):,} "
            f"file(s), report {report.report_id}"
        )
    return DONE


def latest_run_time(store: Store) -> dt.datetime:
    """Return the latest time a run of the store stands for, so that the same store gives the same
    report; all of it is in that.
    """
    return max((parse_time(m.as_of) for m in store.manifests()), default=start_of_today())


def _masks(args: argparse.Namespace) -> MaskedForms:
    return MaskedForms(lambda: Keyring.load(args.keyring), load_policy(args.policy))


def _show(args: argparse.Namespace) -> int:
    items = _items(args)
    if args.json:
        print_json([view.as_dict(e) for _, versions in items for e in history_of(versions)])
        return DONE
    for item, versions in items:
        view.print_item(item, history_of(versions))
    return DONE


def _at(args: argparse.Namespace) -> int:
    states = [(item, state_at(versions, args.time)) for item, versions in _items(args)]
    if args.json:
        print_json([view.state_dict(item, args.time, state) for item, state in states])
        return DONE
    for item, state in states:
        view.print_state(item, args.time, state)
    return DONE


def _items(args: argparse.Namespace) -> list[tuple[tuple[str, str, str], list[RedactedVersion]]]:
    store = open_store(files_of(args), args.store, args.keyring)
    found = item_versions(store, store.current(), args.item, _masks(args), args.account)
    if not found:
        raise UsageError(
            "--item: the store holds no version of such an object; see `callveil history find` for "
            "what there is"
        )
    return sorted(found.items())


def _find(args: argparse.Namespace) -> int:
    store = open_store(files_of(args), args.store, args.keyring)
    query = ChangeQuery(
        args.actor,
        args.item,
        args.field,
        args.event,
        args.since,
        args.until,
        args.ip,
        args.security,
        tuple(args.classes),
    )
    found = find_changes(
        store, store.current(), query, _masks(args), tuple(args.account), tuple(args.agency)
    )
    if args.json:
        rows = [view.as_dict(entry, change) for entry, change in found]
        print_json({"total": len(rows), "changes": rows[: args.limit] if args.limit else rows})
        return DONE
    count = view.print_found(found, args.limit)
    more = (
        f", of which {args.limit:,} are shown (--limit 0 shows all)"
        if args.limit and count > args.limit
        else ""
    )
    print(f"{count:,} changes{more}")
    return DONE


def _verify(args: argparse.Namespace) -> int:
    files = files_of(args)
    refuse_replaced(files, args.keyring)
    keyring = Keyring.load(args.keyring)
    found = {name: verify_report(files, name, keyring) for name in args.file}
    if args.json:
        print_json({"files": found, "whole": not any(found.values())})
    else:
        for name, problems in found.items():
            print(
                f"{name}: {'whole' if not problems else f'{len(problems)} problem(s)'}",
                *(f"  {p}" for p in problems[:20]),
                sep="\n",
            )
    return FAILED if any(found.values()) else DONE
