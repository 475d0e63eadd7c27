"""`callveil rejected list|export`: what was rejected and why, and its content for mending."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

from callveil.pipelines.exits import DONE, UsageError
from callveil.pipelines.options import files_of
from callveil.pipelines.summary import print_json
from callveil.schemas.json_types import Row
from callveil.schemas.rejected import RETRYABLE
from callveil.transforms.storage.checkpoints.store_identity import open_store, store_keyring
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.rejections import rejections
from callveil.transforms.storage.tables.dead_letters import PURPOSE

COLUMNS = [
    "rejected_id",
    "file",
    "line",
    "byte_offset",
    "index",
    "stage",
    "field",
    "reason",
    "detail",
    "size",
    "account_id",
    "interaction_id",
    "run_id",
]


def select_rejected(
    store: Store, reason: str | None, run: str | None, retryable: bool = False
) -> list[Row]:
    """Return rows of the rejected dataset, in order of file and place."""
    found = [
        *open_dataset(store, "rejected").to_table().to_pylist(),
        *rejections(store.files, store.root),
    ]
    chosen = [
        r
        for r in found
        if (not reason or r["reason"] == reason) and (not run or r["run_id"].startswith(run))
    ]
    chosen = [r for r in chosen if r["reason"] in RETRYABLE] if retryable else chosen
    return sorted(
        chosen,
        key=lambda r: (
            r["file"],
            r["line"] or 0,
            r["byte_offset"] or 0,
            r["index"] or 0,
            r["rejected_id"],
        ),
    )


def decrypt_contents(store: Store, keyring: Keyring, wanted: Sequence[Row]) -> Iterator[bytes]:
    """Decrypted content of rejected records, file by file."""
    for blob in sorted({r["blob"] for r in wanted if r["blob"]}):
        blocks = sorted({r["block"] for r in wanted if r["blob"] == blob})
        with store.files.open(store.url(blob)) as source:
            reader = EncryptedReader(source, keyring, blob, PURPOSE)
            for block in blocks:
                yield from reader.read_block(block)


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    store = open_store(files_of(args), args.store, args.keyring)
    keyring = store_keyring(store) if args.action == "export" else None
    found = select_rejected(store, args.reason, args.run, args.retryable)
    return _export(args, store, keyring, found) if keyring else _list(args, found)


def _list(args: argparse.Namespace, found: list[Row]) -> int:
    shown = found if not args.limit else found[: args.limit]
    if args.json:
        print_json({"total": len(found), "rejected": [{k: r[k] for k in COLUMNS} for r in shown]})
        return DONE
    for r in shown:
        place = r["file"] + "".join(
            f", {n} {r[c]}"
            for c, n in (("line", "line"), ("index", "record"), ("byte_offset", "byte"))
            if r[c] is not None
        )
        print(f"{place}: {(r['field'] + ': ') if r['field'] else ''}{r['reason']}: {r['detail']}")
    if len(shown) < len(found):
        print(f"... and {len(found) - len(shown):,} more (--limit 0 shows all)")
    for reason, n in Counter(r["reason"] for r in found).most_common():
        print(f"{n:8,}  {reason}")
    return DONE


def _export(args: argparse.Namespace, store: Store, keyring: Keyring, found: list[Row]) -> int:
    try:
        args.out.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise UsageError(f"{args.out}: is there already; name another file") from None
    count = 0
    with args.out.open("wb") as out:
        for data in decrypt_contents(store, keyring, found):
            out.write(data.rstrip(b"\n") + b"\n")
            count += 1
    if args.json:
        print_json({"records": count, "file": str(args.out)})
    else:
        print(f"{count:,} records written to {args.out}; they hold personal data")
    return DONE
