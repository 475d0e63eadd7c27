"""`callveil history`: take in version logs, and report who changed what."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

from callveil.pipelines import history_view as view
from callveil.pipelines.attempts import RunResult
from callveil.pipelines.exits import DONE, FAILED, REJECTED, FailedError, UsageError
from callveil.pipelines.history import (
    HistoryOptions,
    HistoryReconciliationError,
    make_expiry,
    run_history,
)
from callveil.pipelines.history_follow import follow_inputs
from callveil.pipelines.options import (
    add_list,
    add_store,
    add_workers,
    beam_options,
    files_of,
    parse_as_of,
    policy_of,
    refuse_workers,
    start_of_today,
    with_common,
)
from callveil.pipelines.summary import not_read_lines, print_json, print_nothing_read
from callveil.schemas.history import CLASSES
from callveil.schemas.rejected import REASONS
from callveil.schemas.version import RedactedVersion
from callveil.transforms.detect.pipeline import ModelError
from callveil.transforms.execution.resources import peak_bytes, workers_used
from callveil.transforms.ingest.chunks import NothingToRead
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.rows import TableError
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
    ItemError,
    MaskedForms,
    find_changes,
    item_versions,
)
from callveil.transforms.storage.checkpoints.store_identity import (
    open_keyed,
    open_store,
    refuse_replaced,
)
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.commit.commit_run import TOOL
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.files.urls import FilesError
from callveil.transforms.storage.format1.snapshot import parse_time

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
    p = argparse.ArgumentParser(
        prog="callveil history",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=raw,
        allow_abbrev=False,
    )
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str, more: str = "") -> argparse.ArgumentParser:
        a = actions.add_parser(
            name, help=text, epilog=more, formatter_class=raw, allow_abbrev=False
        )
        a.add_argument("--json", action="store_true", help="print as JSON")
        add_store(a)
        return a

    load = action("load", "take in version logs", LOAD_EPILOG)
    add_list(load, "--input", "WHERE", "files, folders, globs or s3:// URLs")
    load.add_argument(
        "--output",
        required=True,
        metavar="STORE",
        help="folder or s3:// URL of the store; made on first use",
    )
    load.add_argument(
        "--policy",
        metavar="NAME|FILE",
        help="gdpr (default), pci, hipaa, ccpa, gdpr-attribution, or a YAML file",
    )
    add_list(load, "--accounts", "WHERE", "account records: type by time")
    for what, doc in (("events", "lifecycle events of accounts"), ("holds", "legal holds")):
        add_list(load, f"--{what}", "WHERE", f"{doc}, as given to retain; see below")
    load.add_argument(
        "--as-of",
        type=parse_as_of,
        metavar="TIME",
        help="the run's time (default: today, 00:00 UTC)",
    )
    add_workers(load)
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
    export.add_argument(
        "--as-of",
        type=parse_as_of,
        metavar="TIME",
        help="leave out what happened or was taken in later (default: all)",
    )
    export.add_argument(
        "--policy",
        metavar="NAME|FILE",
        help="its retention section says until when versions are kept (default: gdpr)",
    )
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
        a.add_argument(
            "--store", required=True, metavar="STORE", help="folder or s3:// URL of the store"
        )
    for a in (show, past, found):
        a.add_argument(
            "--policy",
            metavar="NAME|FILE",
            help="the policy the versions were loaded with, to ask for "
            "names and addresses in clear",
        )
    found.add_argument("--actor", default="", help="id, or name")
    found.add_argument("--item", default="", metavar="TYPE[/ID]", help="type, or one object")
    found.add_argument("--field", default="", help="field; * is a wildcard")
    found.add_argument(
        "--event", default="", help="create, update, destroy, restore, redact, export, sign_in"
    )
    found.add_argument(
        "--from", dest="since", type=parse_as_of, metavar="TIME", help="from this time on"
    )
    found.add_argument(
        "--to", dest="until", type=parse_as_of, metavar="TIME", help="before this time"
    )
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


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args, rest = build_parser().parse_known_args(argv)
    if rest and args.action != "load":
        build_parser().error(f"{len(rest)} argument(s) are not known to {args.action}")
    acts: dict[str, Callable[[argparse.Namespace], int]] = {
        "export": _export,
        "show": _show,
        "at": _at,
        "find": _find,
        "verify": _verify,
    }
    try:
        return _load(args, rest) if args.action == "load" else acts[args.action](args)
    except NothingToRead as nothing:
        return print_nothing_read("history", nothing, args.json)
    except (InputError, TableError, KeyringError, ModelError, ItemError) as error:
        raise UsageError(str(error)) from None
    except (StoreError, FilesError, HistoryReconciliationError) as error:
        raise FailedError(str(error)) from None


def _load(args: argparse.Namespace, rest: Sequence[str]) -> int:
    if args.follow < 0 or (args.follow and (args.dry_run or not args.input)):
        raise UsageError(
            "--follow needs a number of seconds above 0 and --input, and does not go with --dry-run"
        )
    options = HistoryOptions(
        inputs=args.input,
        output=args.output,
        policy=policy_of(args.policy),
        as_of=args.as_of or start_of_today(),
        accounts=args.accounts,
        events=args.events,
        holds=args.holds,
        keyring=args.keyring,
        files=files_of(args),
        beam=beam_options(rest),
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
            lambda nothing: codes.append(
                min(REJECTED, print_nothing_read("history", nothing, args.json))
            ),
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
        files, policy_of(args.policy), as_of, args.accounts, args.events, args.holds
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
            url = files.join(
                args.out,
                f"change-history-{hashlib.sha256(account.encode()).hexdigest()[:8] if '/' in account else account}.parquet",
            )
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
    return MaskedForms(lambda: Keyring.load(args.keyring), policy_of(args.policy))


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
