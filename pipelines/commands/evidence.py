"""`callveil evidence key|sign|verify|head`: prove that a store is what its runs wrote, and that what went is gone."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from callveil.pipelines.exits import DONE, FAILED, UsageError
from callveil.pipelines.options import add_store, files_of
from callveil.pipelines.summary import print_json
from callveil.transforms.evidence.keys import EvidenceKeyError, PublicKey, key_path, open_signer, rotate_key
from callveil.transforms.evidence.problem import KINDS
from callveil.transforms.evidence.sign import head, sign_unsigned
from callveil.transforms.evidence.verify import Report, verify
from callveil.transforms.store.catalog import Store, StoreError
from callveil.transforms.store.paths import FilesError

DESCRIPTION = """\
Every run of a job leaves a signed record: its files, their SHA-256, a commitment to every row, and the digest of the record before it.

  key      show the public key, which checks signatures and may be given to anybody; change to a new key
  verify   check a store, offline, with the public key alone: says which byte, row, file or run is not what was signed
  head     print the newest record's digest, to be kept outside (on paper, in a ticket): that the newest runs were cut off shows only against it
  sign     make records for runs that have none: those a store had before evidence was kept

Rows are committed to through a salt of their own. When retention or erasure takes a row out its salt is destroyed; what stays is a tombstone
that proves that a row was there and says nothing of it. So the chain stays whole, and what is left is proven to be what was first written.

The signing key: $CALLVEIL_EVIDENCE_KEY (a PEM file, or kms:KEY for AWS KMS, or the PEM text), else evidence-key.pem beside the keyring."""

EPILOG = """\
examples:
  callveil evidence key --out callveil-evidence.pem
  callveil evidence head --store s3://clean/calls
  callveil evidence verify --store copy-of-store/ --key callveil-evidence.pem --anchor 5f0c6a...
  callveil evidence verify --store copy-of-store/ --key callveil-evidence.pem --json

exit codes: 0 the store is what was signed, 1 it is not, 2 usage"""


def parser() -> argparse.ArgumentParser:
    """The command's own options."""
    p = argparse.ArgumentParser(
        prog="callveil evidence", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("key", "show or change the signing key"),
        ("verify", "check a store against its evidence"),
        ("head", "print the digest of the newest record"),
        ("sign", "make records for runs that have none"),
    ):
        a = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name != "key":
            a.add_argument("--store", required=True, metavar="STORE", help="folder or s3:// URL of the store")
        if name == "key":
            a.add_argument("--out", metavar="FILE", type=Path, help="write the public key (PEM) to a file")
            a.add_argument("--rotate", action="store_true", help="make a new key; the present one hands over to it, so its public half stays enough")
        if name == "verify":
            a.add_argument(
                "--key", nargs="+", action="extend", default=[], metavar="FILE", help="public keys (PEM or DER); default: the signing key's own"
            )
            a.add_argument("--anchor", nargs="+", action="extend", default=[], metavar="HASH", help="digests of records noted outside (see head)")
            a.add_argument("--quick", action="store_true", help="compare bytes only, and leave out the commitments of rows")
            a.add_argument("--limit", type=int, default=50, help="findings shown at most (default 50; 0: all)")
        a.add_argument("--json", action="store_true", help="print the result as JSON")
        add_store(a)
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = parser().parse_args(argv)
    actions: dict[str, Callable[[argparse.Namespace], int]] = {"key": _key, "verify": _verify, "head": _head, "sign": _sign}
    try:
        return actions[args.action](args)
    except EvidenceKeyError as error:
        raise UsageError(str(error)) from None
    except (StoreError, FilesError) as error:
        print(f"callveil evidence: {error}", file=sys.stderr)
        return FAILED


def _key(args: argparse.Namespace) -> int:
    public = rotate_key(args.keyring) if args.rotate else open_signer(args.keyring).public
    where = key_path(args.keyring)
    source = "$CALLVEIL_EVIDENCE_KEY" if where.startswith("-----") else where
    if args.out:
        args.out.write_text(public.pem)
    if args.json:
        print_json({"id": public.id, "algorithm": public.algorithm, "source": source, "public_key": public.pem})
    else:
        print(f"key {public.id} ({public.algorithm}), {source}", file=sys.stderr if not args.out else sys.stdout)
        print(public.pem if not args.out else f"public key written to {args.out}", end="" if not args.out else "\n")
    return DONE


def _verify(args: argparse.Namespace) -> int:
    files = files_of(args)
    for anchor in args.anchor:
        if not 16 <= len(anchor) <= 64 or any(c not in "0123456789abcdefABCDEF" for c in anchor):
            raise UsageError("--anchor: expected a digest in hex, 16 to 64 digits, as `callveil evidence head` prints it")
    if not files.info(files.join(args.store, "_callveil/store.json")) and not any(True for _ in files.list(args.store)):
        raise UsageError(f"--store: {args.store}: there is no store here")
    keys = [PublicKey.read(k) for k in args.key] or [open_signer(args.keyring).public]
    report = verify(files, args.store, keys, args.anchor, rows=not args.quick)
    if args.json:
        print_json(report_dict(report))
    else:
        _print(report, args.limit)
    return FAILED if report.problems else DONE


def report_dict(report: Report) -> dict[str, object]:
    """JSON form of a report."""
    rows = [[{"path": p.path, "kind": p.kind, "detail": p.detail} for p in part] for part in (report.problems, report.notes)]
    return {
        "ok": not report.problems, "runs": report.runs, "files": report.files, "rows": report.rows, "seq": report.seq, "head": report.head,
        "keys": list(report.keys), "problems": rows[0], "notes": rows[1],
    }  # fmt: skip


def _print(report: Report, limit: int) -> None:
    shown = report.problems[: limit or None]
    for problem in shown:
        print(f"{problem.path}: {problem.detail} [{problem.kind}]")
    if len(shown) < len(report.problems):
        print(f"... and {len(report.problems) - len(shown):,} more (--limit 0 shows all)")
    for note in report.notes[: limit or None]:
        print(f"note: {note.path}: {note.detail}")
    kinds = {p.kind for p in report.problems}
    print(f"{report.runs:,} runs, {report.files:,} files, {report.rows:,} rows checked; head {report.head} (record {report.seq})")
    if report.problems:
        print(f"{len(report.problems):,} findings: the store is NOT what was signed")
        print("\n".join(f"  {kind}: {KINDS[kind]}" for kind in sorted(kinds)))
    else:
        print(f"all as signed by key {', '.join(report.keys)}")


def _head(args: argparse.Namespace) -> int:
    newest = head(Store.open(files_of(args), args.store))
    if newest is None:
        raise UsageError(f"--store: {args.store}: no run has a signed record; `callveil evidence sign` makes them")
    found = {"seq": newest.body["seq"], "head": newest.sha256, "as_of": newest.body["as_of"], "key": newest.key.id}
    if args.json:
        print_json(found | {"printed_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")})
    else:
        print(f"record {found['seq']} of {args.store}, run as of {found['as_of']}, signed by key {found['key']}\n{newest.sha256}")
    return DONE


def _sign(args: argparse.Namespace) -> int:
    made = sign_unsigned(Store.open_or_create(files_of(args), args.store, args.keyring))
    print_json({"signed": made}) if args.json else print(f"{made} records made" if made else "every run has its record")
    return DONE
