"""`callveil explain`: why each piece of a text or record was found, and what the policy makes of
it.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callveil.pipelines.exits import DONE, REJECTED, UsageError
from callveil.pipelines.logs import tell
from callveil.pipelines.summary import print_json
from callveil.schemas.fields import EPOCH
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import leaf_treatments
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.engine import DetectionFailed, Detector
from callveil.transforms.detect.explain import FindingOutcome, explain_findings
from callveil.transforms.ingest.chunks import NothingToRead, plan_chunks
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.files.filesystem import Files

WIDTH = 150
"""Columns of the table where standard output is no terminal."""


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    policy = load_policy(args.policy)
    if args.interaction is not None:
        raw = read_interaction(args.interaction, policy)
    else:
        raw = from_text(sys.stdin.read() if args.text == "-" else args.text)
    if isinstance(raw, Rejected):
        return _refused(
            args.json, raw.reason, f"{raw.field}: {raw.detail}" if raw.field else raw.detail
        )
    detector = Detector(policy.detect)
    language = detector.language_of(str(raw.record.get("language") or "") or None)
    # The record's own time stands for the run's, so that age never hides what a reader asks about.
    job = DetectionJob(
        raw,
        decide_redaction(
            policy, raw, args.account_type, raw.called_at, language, MinimumRedaction(), ()
        ),
        args.account_type,
    )
    try:
        verdicts = explain_findings(detector, job)
    except DetectionFailed as failure:
        return _refused(args.json, "detection_failed", str(failure))
    fields = _fields(job)
    if args.json:
        print_json(
            {
                "mode": job.decision.mode,
                "policy_sha256": policy.sha256,
                "fields": fields,
                "findings": [v.as_dict() for v in verdicts],
            }
        )
    else:
        _print(job, fields, verdicts)
    return DONE


def from_text(text: str) -> RawInteraction:
    """Return a call that consists of a transcript alone. Raises `UsageError` for an empty one."""
    if not text.strip():
        raise UsageError("--text: is empty; give a text, or - to read standard input")
    record = {"id": "text", "account_id": "explain", "kind": "call", "transcription_text": text}
    return RawInteraction(
        InteractionKey("explain", "text"), "call", EPOCH, 0, record, SourceRef("--text")
    )


def read_interaction(where: str, policy: Policy) -> RawInteraction | Rejected:
    """Return the interaction `FILE[:LINE]` names.

    Raises `UsageError` where there is no such file, line or record.
    """
    path, number = where, None
    head, _, tail = where.rpartition(":")
    if head and tail.isdecimal() and not Path(where).exists():
        path, number = head, int(tail)
    if number == 0:
        raise UsageError(f"{where}: lines and records are counted from 1")
    files = Files()
    try:
        for record in _records(files, path, policy):
            place = (
                record.source.index + 1 if record.source.index is not None else record.source.line
            )
            if number is None or place == number:
                return record
    except InputError as error:
        why = (
            "".join(f"; {f.url}: {f.detail}" for f in error.not_read)
            if isinstance(error, NothingToRead)
            else ""
        )
        raise UsageError(f"{error}{why}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({type(error).__name__})") from None
    what = (
        "holds no interaction"
        if number is None
        else f"has no interaction at line or record {number}; the line may be empty"
    )
    raise UsageError(f"{path}: {what}")


def _records(files: Files, path: str, policy: Policy) -> Iterator[RawInteraction | Rejected]:
    chunks, _ = plan_chunks(files, [path], count_lines=True)
    for chunk in chunks:
        yield from read_chunk(files, chunk, policy.limits)


def _refused(as_json: bool, reason: str, detail: str) -> int:
    if as_json:
        print_json({"rejected": {"reason": reason, "detail": detail}})
    else:
        tell(f"the job would reject this record: {reason}: {detail}")
    return REJECTED


def _fields(job: DetectionJob) -> dict[str, list[str]]:
    """Return names of the record's fields by what the policy does with them; numbers and times it
    never reads are left out.
    """
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for leaf, treatment in leaf_treatments(job):
        found[{"guard": "keep"}.get(treatment, treatment)].setdefault(leaf.field.name)
    return {treatment: list(found[treatment]) for treatment in sorted(found)}


def _print(
    job: DetectionJob, fields: dict[str, list[str]], verdicts: Sequence[FindingOutcome]
) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    texts: dict[str, str] = {
        "scan": "read",
        "redact": "replaced whole",
        "clear": "cleared",
        "keep": "kept",
    }
    for treatment, names in fields.items():
        if job.raw.source.file != "--text":
            console.print(f"{texts[treatment]}: {', '.join(names)}", soft_wrap=True)
    if job.decision.mode == "full" and "scan" not in fields:
        console.print("mode full: what was said and written is cleared without being read")
    if not verdicts:
        console.print("nothing was found")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("where", "text", "type", "score", "found by", "why it was found", "outcome"):
        table.add_column(name, overflow="fold")
    for v in verdicts:
        row: tuple[Any, ...] = (
            f"{v.field} {v.start}-{v.end}",
            v.text,
            v.entity,
            _score(v),
            v.detector,
            v.reason,
            f"{v.outcome}{f' ({v.operator})' if v.outcome == 'redacted' and not v.won else ''}: "
            f"{v.why}",
        )
        table.add_row(
            *(escape(str(cell)) for cell in row), style="" if v.outcome == "redacted" else "dim"
        )
    console.print(table)


def _score(verdict: FindingOutcome) -> str:
    raised = "" if verdict.original == verdict.score else f"{verdict.original:.2f} + context = "
    return f"{raised}{verdict.score:.2f} of {verdict.threshold:.2f}"
