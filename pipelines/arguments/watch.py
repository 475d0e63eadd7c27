"""Command line of `callveil watch`."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import (
    add_list,
    add_output,
    add_policy,
    add_store,
    check_places,
    command_parser,
    passes_to_beam,
    with_common,
)
from callveil.schemas.policy_load import PRESETS
from callveil.transforms.jobs.streaming.object_names import DEFAULT_NAME

DESCRIPTION = """\
Redact recordings, and the records they belong to, as they arrive. What arrives is told by an SQS
queue with S3's event notifications, or found in folders, local or on S3, that grow; webhooks come
by way of `callveil receive`, whose inbox is such a folder.

A recording and its record (its transcript tells what to cover) may come in any order; they wait for
each other as the policy's `recordings` section says. Where no transcript comes the whole recording
is covered; it is done again when one comes late. A recording that is shorter than it declares is
waited for; where a file may still grow, its copy is replaced when it does. An original is put away
(sealed, deleted) only after the policy's `settle_seconds` (default 60) without growth, and never
beside a copy that was cut. Names of unfinished files (.part, .tmp, .partial, .crdownload, ~, hidden
ones) are passed over. Each gets one redacted output, in the store's `live` folder, however often
word of it comes; what cannot be redacted is rejected with its reason. Killed anywhere and started
again, it goes on: what is not published comes again.

A recording is named after its interaction, `<account>/<id>.<suffix>` unless --name says otherwise,
and so is a transcript that lies beside it and names no interaction itself: `<id>.vtt`, `<id>.srt`,
`<id>.json`, `<id>.wav.json`. Everything else is looked into for interactions, as `callveil redact`
does. Several recordings of one call are redacted each; times are those of the first."""


EPILOG = """\
examples:
  callveil watch --input inbox/ --output store/                        until stopped, on the Prism runner (see deploy/prism.sh)
  callveil watch --input inbox/ --output store/ --once                 what is there now, then end: for cron; needs no runner
  callveil watch --queue https://sqs.eu-central-1.amazonaws.com/1234/calls --output s3://clean/calls
  --accounts s3://raw/accounts.jsonl
  callveil watch --queue URL --output s3://clean/calls --runner FlinkRunner ...     on a cluster: see deploy/RUNNERS.md
  callveil watch --input calls/ --name 'rec_{account_id}_{id}' --output store/ --once

Any option of Apache Beam may follow. Messages of the queue are deleted only once what they tell of
is published; give the queue a dead-letter queue with a maxReceiveCount of 20 or more.

exit codes: 0 done, 1 failed, 2 usage, or a store of other keys or one that was set back, 3 done
(--once) with rejected recordings or records"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = command_parser("watch", DESCRIPTION, EPILOG, allow_abbrev=False)
    add_list(p, "--input", "WHERE", "folders or globs that grow, local or s3://")
    p.add_argument("--queue", metavar="URL", help="SQS queue with S3's event notifications")
    add_list(p, "--prefix", "URL", "of the queue's objects only those below, as s3://calls/")
    add_output(p)
    add_policy(
        p,
        f"{', '.join(PRESETS)}, or a YAML file (default: gdpr); its `recordings` section says how",
    )
    add_list(p, "--accounts", "WHERE", "account records: type by time")
    p.add_argument(
        "--name",
        default=DEFAULT_NAME,
        metavar="PATTERN",
        help=f"how recordings are named (default {DEFAULT_NAME}); * is anything",
    )
    p.add_argument(
        "--recogniser",
        default="",
        metavar="embedded|PATH",
        help="what hears each redacted recording before it is out (what it still hears is covered "
        "too), and transcribes one without transcript where "
        "the policy says `without_transcript: recognise`; PATH: a faster-whisper model; "
        "embedded: pocketsphinx, which mishears much on telephone lines, and what it mishears is "
        "not covered",
    )
    p.add_argument("--once", action="store_true", help="deal with what is there, then end")
    p.add_argument(
        "--dry-run",
        action="store_true",
        help="with --once: say what would be taken in; change nothing",
    )
    p.add_argument(
        "--poll", type=float, default=1.0, metavar="SECONDS", help="between two looks (default 1)"
    )
    p.add_argument(
        "--seal",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="between checkpoints of evidence (default 300; with --once: one at its end); 0: none, "
        "where a job runs `callveil evidence seal`",
    )
    p.add_argument(
        "--sqs-endpoint-url",
        metavar="URL",
        help="SQS-compatible server (default: AWS; AWS_ENDPOINT_URL is honoured)",
    )
    p.add_argument(
        "--visibility",
        type=int,
        default=60,
        metavar="SECONDS",
        help="how long a message in work is kept from others (default 60)",
    )
    p.add_argument("--json", action="store_true", help="with --once: print the summary as JSON")
    add_store(p)
    passes_to_beam(p)
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if not args.input and not args.queue:
        raise UsageError(
            "nothing to watch: name folders with --input, a queue with --queue, or both"
        )
    check_places(args.output, *args.input, *args.accounts, *args.prefix)
    if args.poll <= 0:
        raise UsageError("--poll: expected seconds above 0")
    if args.seal < 0:
        raise UsageError("--seal: expected seconds, or 0 for no checkpoints")
    if args.dry_run and (args.queue or not args.once):
        raise UsageError(
            "--dry-run: goes with --once and --input alone: looking into a queue takes messages "
            "from it"
        )
