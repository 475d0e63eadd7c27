"""`callveil watch`: redact recordings and their records as they arrive."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import DONE, REJECTED, UsageError
from callveil.pipelines.logs import tell
from callveil.pipelines.options import beam_options, files_of
from callveil.pipelines.summary import print_json
from callveil.pipelines.watch import (
    REJECTIONS,
    WatchOptions,
    epoch_seconds,
    pending_arrivals,
    run_forever,
    run_once,
)
from callveil.schemas.policy_load import load_policy
from callveil.transforms.ingest.chunks import plan_input
from callveil.transforms.jobs.streaming.object_names import (
    NamingError,
    RecordingNaming,
    object_kind,
)
from callveil.transforms.jobs.streaming.sqs import Queue, check_queue
from callveil.transforms.storage.checkpoints.store_identity import open_store, store_exists


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    options = _options(args)
    if args.dry_run:
        return _dry_run(options, args.json)
    for warning in check_queue(options.queue) if options.queue else ():
        tell(warning)
    if not args.once:
        run_forever(options)
        return DONE
    counts = run_once(options, epoch_seconds())
    if args.json:
        print_json(dict(sorted(counts.items())))
    else:
        _print(counts, args.output)
    return REJECTED if any(counts.get(k) for k in REJECTIONS) else DONE


def _dry_run(options: WatchOptions, as_json: bool) -> int:
    """Say what a run over the folders would take in."""
    if store_exists(options.files, options.output):
        open_store(options.files, options.output, options.keyring)
    told = {}
    for arrival in pending_arrivals(options, epoch_seconds()):
        if object_kind(arrival.url) == "records":
            refused = plan_input(options.files, [arrival.url]).not_read
            what = f"{refused[0].detail}: it would be rejected" if refused else "interactions"
        else:
            key = options.naming.key_of(arrival.url)
            what = (
                f"recording of {key.account_id}/{key.id}"
                if key
                else "recording whose name says no interaction: it would be rejected"
            )
        told[arrival.url] = what
    how = {"seal": "sealed into the store", "delete": "deleted"}.get(
        options.policy.recordings.original
    )
    if as_json:
        print_json(
            {"dry_run": True, "arrivals": told, "originals": options.policy.recordings.original}
        )
        return DONE
    print("".join(f"{url}: {what}\n" for url, what in told.items()), end="")
    if how:
        print(f"originals would be {how} once their copies are out")
    return DONE


def _options(args: argparse.Namespace) -> WatchOptions:
    try:
        naming = RecordingNaming(args.name)
    except NamingError as error:
        raise UsageError(f"--name: {error}") from None
    try:
        queue = (
            Queue(args.queue, args.sqs_endpoint_url, args.s3_region, args.visibility)
            if args.queue
            else None
        )
    except ValueError as error:
        raise UsageError(f"--queue: {error}") from None
    beam_options(args.beam)
    return WatchOptions(
        args.output,
        load_policy(args.policy),
        tuple(args.input),
        queue,
        tuple(args.prefix),
        tuple(args.accounts),
        args.keyring,
        files_of(args),
        naming,
        args.recogniser,
        args.poll,
        tuple(args.beam),
        seal=args.seal,
    )


def _print(counts: dict[str, int], output: str) -> None:
    get = counts.get
    print(
        f"{get('arrived', 0):,} objects: {get('audio.done', 0):,} recordings and "
        f"{get('record.done', 0):,} records redacted into {output}/live"
    )
    bad = sum(get(k, 0) for k in REJECTIONS)
    if get("reason.no_transcript"):
        print(
            f"{get('reason.no_transcript'):,} recordings had no transcript and were covered whole"
        )
    if get("waiting"):
        print(f"{get('waiting'):,} interactions wait for their other half; run again later")
    if get("settling"):
        print(
            f"{get('settling'):,} originals may still grow and stay until "
            "recordings.settle_seconds have gone by without; run again later"
        )
    if bad:
        reasons = ", ".join(
            f"{k.removeprefix('reason.')} {v:,}"
            for k, v in sorted(counts.items())
            if k.startswith("reason.")
        )
        print(f"{bad:,} rejected: {reasons}")
