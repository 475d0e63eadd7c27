"""`callveil recordings`: what became of each recording that arrived."""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import suppress

from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.options import files_of
from callveil.pipelines.summary import print_json
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.storage.checkpoints.store_identity import (
    open_store,
    open_to_change,
    store_keyring,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.live import Live, entries_of, original_names
from callveil.transforms.storage.format1.originals import open_original
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer
from callveil.transforms.storage.tables.parquet import TableWriter
from callveil.transforms.storage.tables.recordings import (
    RECORDINGS,
    forget_rejected,
    recording_rows,
)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    store = _store(args)
    return {"list": _list, "export": _export, "original": _original, "retry": _retry}[args.action](
        args, store
    )


def _store(args: argparse.Namespace) -> Store:
    if args.action == "retry" and not args.dry_run:
        return open_to_change(files_of(args), args.store, args.keyring)[0]
    return open_store(files_of(args), args.store, args.keyring)


def _list(args: argparse.Namespace, store: Store) -> int:
    found = [
        r
        for r in recording_rows(store.files, store.root)
        if not args.status or r["status"] == args.status
    ]
    shown = found if not args.limit else found[: args.limit]
    if args.json:
        print_json(
            {
                "total": len(found),
                "recordings": [
                    r | {"landed_at": r["landed_at"] and r["landed_at"].isoformat()} for r in shown
                ],
            }
        )
        return DONE
    for r in shown:
        if r["status"] == "done":
            covered = ", ".join(f"{s:.1f}" for s in r["covered_seconds"] or ())
            what = (
                f"{r['seconds']:.1f} s, covered by channel {covered} "
                f"s{'' if r['transcript'] else ': no transcript'}: {r['path']}"
            )
        else:
            what = f"{r['status']}: {r['reason']}: {r['detail'] or ''}"
        print(f"{r['account_id']}/{r['interaction_id']}: {what}")
    if len(shown) < len(found):
        print(f"... and {len(found) - len(shown):,} more (--limit 0 shows all)")
    print(
        ", ".join(
            f"{n:,} {status}" for status, n in Counter(r["status"] for r in found).most_common()
        )
        or "no recordings"
    )
    return DONE


def _export(args: argparse.Namespace, store: Store) -> int:
    with temporary_file() as sink:
        writer = TableWriter(sink, RECORDINGS)
        for row in recording_rows(store.files, store.root):
            writer.append(row)
        number = writer.close()
        sink.seek(0)
        store.files.write(args.out, sink)
    print_json({"recordings": number, "file": args.out}) if args.json else print(
        f"{number:,} recordings written to {args.out}"
    )
    return DONE


def _original(args: argparse.Namespace, store: Store) -> int:
    keyring, live = store_keyring(store), Live(store.files, store.root)
    first = pieces = None
    for stored in sorted(NamePseudonymizer(keyring).stored(args.id)):
        with suppress(FileNotFoundError):
            key = InteractionKey(args.account, stored)
            entries = entries_of(live.receipt(key, "audio") or {})
            if not 1 <= args.number <= len(entries):
                continue
            pieces = open_original(
                store.files, live, keyring, key, original_names(entries[args.number - 1])[0]
            )
            first = next(pieces, b"")
            break
    if first is None or pieces is None:
        why = "the policy in force kept or deleted it, or it never arrived"
        raise UsageError(f"{args.account}/{args.id}: there is no sealed original; {why}")
    try:
        args.out.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise UsageError(f"{args.out}: is there already; name another file") from None
    with args.out.open("wb") as out:
        out.write(first)
        for piece in pieces:
            out.write(piece)
    size = args.out.stat().st_size
    print_json({"file": str(args.out), "bytes": size}) if args.json else print(
        f"{args.out}: {size:,} bytes; they hold personal data"
    )
    return DONE


def _retry(args: argparse.Namespace, store: Store) -> int:
    live = Live(store.files, store.root)
    found = [
        r
        for r in live.receipts()
        if any(
            e["status"] == "rejected" and args.reason in (None, e["reason"]) for e in entries_of(r)
        )
    ]
    if args.json:
        told = [
            {k: e[k] for k in ("account_id", "id", "what", "reason")}
            for r in found
            for e in entries_of(r)
            if e["status"] == "rejected"
        ]
        print_json({"total": len(found), "dry_run": args.dry_run, "recordings": told})
    for receipt in found:
        if args.dry_run and not args.json:
            reason = next(e["reason"] for e in entries_of(receipt) if e["status"] == "rejected")
            print(f"{receipt['account_id']}/{receipt['id']}: {receipt['what']}: {reason}")
        elif not args.dry_run:
            forget_rejected(live, receipt)
    if not args.json:
        print(
            f"{len(found):,} {'would be' if args.dry_run else 'are'} taken in anew by the next "
            "callveil watch that sees them"
        )
    return DONE
