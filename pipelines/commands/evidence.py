"""`callveil evidence key|sign|seal|anchor|verify|head`: prove that a store is what its runs wrote,
and that what went is gone.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from callveil.pipelines.exits import DONE, FAILED, UsageError
from callveil.pipelines.logs import tell
from callveil.pipelines.options import files_of
from callveil.pipelines.summary import print_json
from callveil.transforms.report.verify.store import UNTOLD, VerificationReport, verify_evidence
from callveil.transforms.report.verify.timestamp import (
    CHAINS,
    Anchor,
    read_certificates,
    timestamp_chains,
)
from callveil.transforms.storage.checkpoints.catch_up import newest_record, sign_unsigned
from callveil.transforms.storage.checkpoints.identity_record import (
    IdentityError,
    StoreIdentity,
    compare_keys,
    read_identity,
)
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.checkpoints.store_identity import (
    claim_store,
    open_store,
    open_to_change,
    store_exists,
)
from callveil.transforms.storage.commit import known_heads
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.evidence.key_rotation import rotate_key
from callveil.transforms.storage.evidence.problem import KINDS
from callveil.transforms.storage.evidence.public_key import EvidenceKeyError, PublicKey
from callveil.transforms.storage.evidence.signed_record import IDENTITY, SEALS, record_name
from callveil.transforms.storage.evidence.signing_keys import key_path, open_signer


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "key": _key,
        "verify": _verify,
        "head": _head,
        "sign": _sign,
        "seal": _seal,
        "anchor": _anchor,
        "accept": _accept,
        "owner": _owner,
    }
    return actions[args.action](args)


def _key(args: argparse.Namespace) -> int:
    public = rotate_key(args.keyring) if args.rotate else open_signer(args.keyring).public
    where = key_path(args.keyring)
    source = "$CALLVEIL_EVIDENCE_KEY" if where.startswith("-----") else where
    if args.out:
        args.out.write_text(public.pem)
    if args.json:
        print_json(
            {
                "id": public.id,
                "algorithm": public.algorithm,
                "source": source,
                "public_key": public.pem,
            }
        )
    else:
        said = f"key {public.id} ({public.algorithm}), {source}"
        (print if args.out else tell)(said)
        print(
            public.pem if not args.out else f"public key written to {args.out}",
            end="" if not args.out else "\n",
        )
    return DONE


def _verify(args: argparse.Namespace) -> int:
    files = files_of(args)
    if not files.info(files.join(args.store, "_callveil/store.json")) and not any(
        True for _ in files.list(args.store)
    ):
        raise UsageError(f"--store: {args.store}: there is no store here")
    store = Store(files, args.store, args.keyring)
    seen = known_heads.read_known_heads(store)
    keys = [PublicKey.read(k) for k in args.key] or [_own_key(args)]
    memory = str(known_heads.known_heads_path(store)) if seen else ""
    report = verify_evidence(
        files,
        args.store,
        keys,
        args.anchor,
        rows=not args.quick,
        authorities=read_certificates(args.tsa_cert),
        seen=seen,
        memory=memory,
    )
    if not report.problems:
        _remember(store, report)
    if args.json:
        print_json(
            report_dict(report) | {"compared_with": {"anchors": args.anchor, "state": memory}}
        )
    else:
        _print(report, args.limit)
        print("\n".join(_compared(report, args.anchor, seen, memory)))
        _print_verdict(report)
    return FAILED if report.problems else DONE


def _own_key(args: argparse.Namespace) -> PublicKey:
    """Return the public half of the signing key that is at hand. One of another store is refused:
    that is no finding about this one.
    """
    try:
        key = open_signer(args.keyring, create=False).public
    except EvidenceKeyError as error:
        raise UsageError(f"{error}; or give the public key with --key") from None
    try:
        open_store(files_of(args), args.store, args.keyring)
    except IdentityError as error:
        raise UsageError(f"{error}. The public key alone is enough to verify: --key") from None
    except StoreError:  # what is damaged is for verification to name
        pass
    return key


def _remember(store: Store, report: VerificationReport) -> None:
    """Remember the heads of a store that is whole."""
    live = (
        {SEALS: known_heads.ChainHead(report.checkpoints, report.live_head)}
        if report.live_head
        else {}
    )
    with suppress(StoreError):
        known_heads.remember_heads(store, {known_heads.RUNS: store.head()} | live)


def report_dict(report: VerificationReport) -> dict[str, object]:
    """JSON form of a report."""
    rows = [
        [{"path": p.path, "kind": p.kind, "detail": p.detail} for p in part]
        for part in (report.problems, report.notes)
    ]
    return {
        "ok": not report.problems,
        "runs": report.runs,
        "files": report.files,
        "rows": report.rows,
        "seq": report.seq,
        "head": report.head,
        "checkpoints": report.checkpoints,
        "parts": report.parts,
        "live_head": report.live_head,
        "keys": list(report.keys),
        "problems": rows[0],
        "notes": rows[1],
        "compared_outside": report.anchored,
        "timestamps": [_anchor_dict(t) for t in report.timestamps],
    }


def _compared(
    report: VerificationReport,
    anchors: Sequence[str],
    seen: Mapping[str, known_heads.ChainHead],
    memory: str,
) -> list[str]:
    """Return what a store was compared with outside of it."""
    if not report.anchored:
        return [UNTOLD]
    lines = [f"compared with --anchor {' '.join(a[:16] for a in anchors)}"] if anchors else []
    if known_heads.RUNS in seen:
        more = "" if anchors else "; whether newer ones than that are missing only --anchor tells"
        lines.append(
            f"compared with run {seen[known_heads.RUNS].seq}, the newest that was seen here "
            f"({memory}){more}"
        )
    return lines or [f"compared with the checkpoints that were seen here ({memory})"]


def _print(report: VerificationReport, limit: int) -> None:
    shown = report.problems[: limit or None]
    for problem in shown:
        print(f"{problem.path}: {problem.detail} [{problem.kind}]")
    if len(shown) < len(report.problems):
        print(f"... and {len(report.problems) - len(shown):,} more (--limit 0 shows all)")
    for note in report.notes[: limit or None]:
        print(f"note: {note.path}: {note.detail}")
    print(
        f"{report.runs:,} runs, {report.files:,} files, {report.rows:,} rows checked; head "
        f"{report.head} (record {report.seq})"
    )
    if report.checkpoints:
        print(
            f"{report.checkpoints:,} checkpoints, {report.parts:,} records and recordings of the "
            f"live zone checked; head {report.live_head}"
        )
    for stamp in report.timestamps:
        print(
            f"{record_name(stamp.seq, CHAINS[stamp.chain])} was there at "
            f"{stamp.at:%Y-%m-%d %H:%M:%S} UTC by a timestamp that holds"
        )


def _print_verdict(report: VerificationReport) -> None:
    kinds = {p.kind for p in report.problems}
    if report.problems:
        print(f"{len(report.problems):,} findings: the store is NOT what was signed")
        print("\n".join(f"  {kind}: {KINDS[kind]}" for kind in sorted(kinds)))
    else:
        print(f"all as signed by key {', '.join(report.keys)}")


def _head(args: argparse.Namespace) -> int:
    store = open_store(files_of(args), args.store, args.keyring)
    found = {
        name: record
        for name, record in (("run", newest_record(store)), ("live", newest_record(store, SEALS)))
        if record is not None
    }
    if not found:
        raise UsageError(
            f"--store: {args.store}: no run has a signed record; `callveil evidence sign` makes "
            "them"
        )
    rows = {
        n: {"seq": r.body["seq"], "head": r.sha256, "as_of": r.body["as_of"], "key": r.key.id}
        for n, r in found.items()
    }
    if args.json:
        print_json(
            rows.get("run", {})
            | {"live": rows.get("live")}
            | {"printed_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
        )
        return DONE
    for name, what in (("live", "checkpoint"), ("run", "record")):
        if name in rows:
            row = rows[name]
            print(
                f"{what} {row['seq']} of {args.store}, as of {row['as_of']}, signed by key "
                f"{row['key']}\n{row['head']}"
            )
    return DONE


def _anchor(args: argparse.Namespace) -> int:
    made = timestamp_chains(
        open_store(files_of(args), args.store, args.keyring, writing=True),
        args.tsa,
        read_certificates(args.tsa_cert),
    )
    if not made:
        raise UsageError(
            f"--store: {args.store}: no run has a signed record; `callveil evidence sign` makes "
            "them"
        )
    if args.json:
        print_json({"timestamps": [_anchor_dict(a) for a in made]})
    else:
        for a in made:
            print(
                f"{record_name(a.seq, CHAINS[a.chain])}: timestamped {a.at:%Y-%m-%d %H:%M:%S} UTC: "
                f"{a.path}\n{a.head}"
            )
    return DONE


def _anchor_dict(a: Anchor) -> dict[str, object]:
    return {"chain": a.chain, "seq": a.seq, "head": a.head, "at": a.at.isoformat(), "path": a.path}


def _seal(args: argparse.Namespace) -> int:
    store, keyring = open_to_change(files_of(args), args.store, args.keyring)
    done = write_checkpoint(store, keyring, dt.datetime.now(dt.UTC), everything=args.all)
    if args.json:
        print_json(
            {
                "seq": done.seq,
                "made": done.made,
                "entries": done.entries,
                "refused": list(done.refused),
            }
        )
    else:
        made = (
            f"{done.made:,} checkpoints made: {done.entries:,} records and recordings are "
            f"committed to, up to number {done.seq}"
        )
        print(made if done.made else "nothing is new in the live zone")
        for part in done.refused:
            print(
                f"{part}: not what the last checkpoint commits to, and nothing that callveil does "
                "explains it; see `callveil evidence verify`"
            )
    return FAILED if done.refused else DONE


def _sign(args: argparse.Namespace) -> int:
    store, _ = open_to_change(files_of(args), args.store, args.keyring)
    store.recover()
    made = sign_unsigned(store)
    print_json({"signed": made}) if args.json else print(
        f"{made} records made" if made else "every run has its record"
    )
    return DONE


def _owner(args: argparse.Namespace) -> int:
    stated = dict(text.split("=", 1) for text in args.controller)
    if stated or args.operator:
        store = open_to_change(files_of(args), args.store, args.keyring)
        found: StoreIdentity | None = claim_store(*store, operator=args.operator, stated=stated)
    else:
        found = read_identity(open_store(files_of(args), args.store, args.keyring))
    if found is None:
        raise UsageError(
            f"--store: {args.store}: does not say whose it is yet; the next job that writes to it "
            "notes that"
        )
    if args.json:
        print_json(found.body() | {"seq": found.seq, "evidence_key": found.evidence_key})
        return DONE
    print(
        f"kept with key {', '.join(found.keys)} ({found.active} seals), evidence signed by key "
        f"{found.evidence_key}"
    )
    print(f"operator: {found.operator or 'nobody said'}")
    for account, controller in sorted(found.controllers.items()):
        print(f"account {account}: {controller}{' (stated)' if account in found.stated else ''}")
    return DONE


def _accept(args: argparse.Namespace) -> int:
    store = Store(files_of(args), args.store, args.keyring)
    open_signer(
        args.keyring, create=False
    )  # also where there is no store any more: whoever says so has the key it had
    if store_exists(store.files, store.root):
        compare_keys(store, writing=True)
    attestor = store.attestor()
    now = {known_heads.RUNS: store.head()}
    for chain in (SEALS, IDENTITY):
        record = newest_record(store, chain) if attestor.newest(chain) else None
        now[chain] = (
            known_heads.ChainHead(int(record.body["seq"]), record.sha256)
            if record
            else known_heads.ChainHead(0, "")
        )
    before = known_heads.accept_older_heads(store, now)
    if args.json:
        print_json(
            {
                "store": args.store,
                "before": {c: h.seq for c, h in before.items()},
                "now": {c: h.seq for c, h in now.items() if h.seq},
            }
        )
    else:
        was = (
            f"instead of run {before[known_heads.RUNS].seq}"
            if known_heads.RUNS in before
            else "and nothing was remembered before"
        )
        print(f"{args.store}: run {now[known_heads.RUNS].seq} is remembered as its newest, {was}")
    return DONE
