"""`callveil audio redact`: cover stretches of one recording."""

from __future__ import annotations

import argparse
import math
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from callveil.pipelines.commands.explain import read_interaction
from callveil.pipelines.exits import DONE, REJECTED, UsageError
from callveil.pipelines.logs import tell
from callveil.pipelines.summary import print_json
from callveil.schemas.fields import EPOCH
from callveil.schemas.finding import Finding
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import REASONS, Rejected
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.engine import Detector
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.jobs.batch.redact_batches import redact_jobs
from callveil.transforms.redact.audio.align import Aligner
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.fit import TranscriptFit
from callveil.transforms.redact.audio.masking import CoverTone
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan, CoverMargins
from callveil.transforms.redact.audio.redact import (
    Listen,
    RecordingResult,
    RecordingTreatment,
    examine_audio,
    redact_audio,
)
from callveil.transforms.redact.audio.span_times import audio_spans
from callveil.transforms.redact.audio.transcribe import RecogniserMissing, recogniser_of
from callveil.transforms.redact.audio.transcript_words import (
    TranscriptCoverage,
    transcript_coverage,
)
from callveil.transforms.redact.engine import Redactor, RunColumns
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files, FilesError, S3Settings

TIMES = {
    "swapped": "channels are swapped: each party is heard on the other one, and is covered there",
    "shifted": "the transcript's times are {shift:+.2f} s off what is heard{on}; covers follow "
    "what is heard",
    "unclear": "it is unclear who is heard on which channel: every channel is covered",
    "refused": "the transcript's times are another recording's: all of this one is covered",
}
"""What is said of times that do not simply fit, by `TranscriptFit.verdict`."""


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    files = Files(S3Settings(args.s3_endpoint_url, args.s3_region))
    treatment = RecordingTreatment(
        CoverTone.of(args.mode),
        CoverMargins(args.padding, args.padding),
        check=not args.no_check,
        keypad=args.keypad,
        films=args.video == "copy",
    )
    try:
        said = (
            TranscriptCoverage(read_spans(args.spans, args.channel))
            if args.spans
            else found_spans(files, args)
        )
        spans = [EVERYTHING] if said.spans is None else said.spans
        known = said.known if args.keypad else None
        if args.dry_run:
            done = examine_audio(files, args.input, spans, treatment, known=known)
        else:
            done = redact_audio(
                files,
                args.input,
                args.output,
                spans,
                treatment,
                known=known,
                listen=build_listener(args) if args.recogniser else None,
            )
    except AudioRejected as rejected:
        return _refused(args.json, rejected.reason, rejected.detail)
    except FileNotFoundError:
        raise UsageError(f"--input: {args.input}: there is no such file") from None
    except FilesError as error:
        raise UsageError(str(error)) from None
    if args.json:
        print_json(as_dict(done, spans, said, args.dry_run))
    else:
        _print(done, spans, said.fit, args.output, args.dry_run)
    return DONE


def read_spans(name: str, channels: str) -> list[AudioSpan]:
    """Return spans from a JSON file. Raises `UsageError` where it does not hold any."""
    try:
        rows = orjson.loads(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--spans: {name}: cannot be read as JSON ({type(error).__name__})"
        ) from None
    if not isinstance(rows, list):
        raise UsageError(
            f"--spans: {name}: expected an array of objects with start, end and channel"
        )
    out = []
    for n, row in enumerate(rows):
        if not isinstance(row, dict) or set(row) - {"start", "end", "channel"}:
            raise UsageError(
                f"--spans: {name}: item {n} is no object with start, end and channel alone"
            )
        start, end, channel = row.get("start", 0), row.get("end"), row.get("channel") or 0
        if (
            not _is_number(start)
            or not (end is None or _is_number(end))
            or not isinstance(channel, int)
        ):
            raise UsageError(
                f"--spans: {name}: item {n}: start and end are seconds, channel a whole number"
            )
        if channels == "swapped" and channel in (1, 2):
            channel = 3 - channel
        try:
            out.append(
                AudioSpan(
                    float(start),
                    math.inf if end is None else float(end),
                    0 if channels == "all" else channel,
                )
            )
        except ValueError as error:
            raise UsageError(f"--spans: {name}: item {n}: {error}") from None
    return out


def found_spans(files: Files, args: argparse.Namespace) -> TranscriptCoverage:
    """Return spans of what the policy takes out of an interaction's transcript, or of one that is
    made from the recording.

    Raises:
        AudioRejected: the interaction cannot be redacted, so nothing says what to cover; or the
            recording cannot be read.
        UsageError: there is no such interaction, recogniser or language model.
    """
    policy = load_policy(args.policy)
    raw = read_interaction(args.interaction, policy) if args.interaction else _nothing_known()
    if isinstance(raw, Rejected):
        raise AudioRejected(raw.reason, raw.detail)
    if not any(raw.record.get(name) for name in ("outline", "words", "transcription_text")):
        if not args.recogniser:
            raise UsageError(
                f"--interaction: {args.interaction}: has no transcript; give --spans, or "
                "--recogniser to make one"
            )
        try:
            heard = recogniser_of(
                args.recogniser, str(raw.record.get("language") or "")[:2]
            ).transcribe(files, args.input)
        except RecogniserMissing as error:
            raise UsageError(f"--recogniser: {error}") from None
        if not heard.words:
            return TranscriptCoverage()  # nothing is known of what is said
        raw = replace(raw, record={**raw.record, "outline": heard.outline, "words": heard.words})
    findings = findings_of(raw, policy, args.account_type)
    return transcript_coverage(
        files,
        args.input,
        raw.record,
        findings,
        args.channel,
        Aligner() if args.align else None,
        more=args.untranscribed,
    )


def build_listener(args: argparse.Namespace) -> Listen:
    """Hear a redacted recording with the recogniser. Raises `UsageError` where that cannot be
    had.
    """
    policy = load_policy(args.policy)
    try:
        recogniser = recogniser_of(args.recogniser)
    except RecogniserMissing as error:
        raise UsageError(f"--recogniser: {error}") from None

    def listen(path: str) -> list[AudioSpan]:
        heard = recogniser.transcribe(Files(), path)
        raw = _nothing_known()
        raw = replace(raw, record={**raw.record, "outline": heard.outline, "words": heard.words})
        return (
            audio_spans(raw.record, findings_of(raw, policy, args.account_type))
            if heard.words
            else []
        )

    return listen


def _nothing_known() -> RawInteraction:
    """Return a call of which there is a recording alone."""
    record = {"id": "recording", "account_id": "audio", "kind": "call"}
    return RawInteraction(
        InteractionKey("audio", "recording"), "call", EPOCH, 0, record, SourceRef("--input")
    )


def findings_of(raw: RawInteraction, policy: Policy, account_type: str) -> list[Finding]:
    """Return what the policy takes out of an interaction. Raises as `found_spans` does."""
    detector = Detector(policy.detect)
    language = detector.language_of(str(raw.record.get("language") or "") or None)
    job = DetectionJob(
        raw,
        decide_redaction(
            policy, raw, account_type, raw.called_at, language, MinimumRedaction(), ()
        ),
        account_type,
    )
    # Only the places of the findings are used: a key that lives as long as this command will do.
    keyring = Keyring(Path("-"), "once", {"once": secrets.token_bytes(32)})
    built = Engines(
        policy.detect,
        keyring,
        detector,
        Redactor(keyring, RunColumns("audio", policy.sha256, policy.name, raw.called_at)),
    )
    _, result = next(redact_jobs(built, [job]))
    if isinstance(result, Rejected):
        raise AudioRejected(result.reason, result.detail)
    return [row.finding for row in result.findings]


def as_dict(
    done: RecordingResult, spans: Sequence[AudioSpan], said: TranscriptCoverage, dry_run: bool
) -> JsonObject:
    """JSON form of what was done."""
    return {
        "dry_run": dry_run,
        "container": done.container,
        "codec": done.codec,
        "written": "" if dry_run else done.written,
        "written_container": "" if dry_run else done.written_container,
        "video": done.video,
        "rate": done.rate,
        "channels": done.channels,
        "seconds": round(done.seconds, 3),
        "spans": len(spans),
        "keyed": done.keyed,
        "cut": done.cut,
        **(said.fit.as_dict() if said.fit else {}),
        "withheld": said.withheld,
        "residue_dbfs": done.residue,
        "changed_db": done.changed,
        "overheard": None if done.overheard is None else len(done.overheard),
        "covered_seconds": [round(s, 3) for s in done.covered_seconds],
        "covered": [
            [
                [round(a / done.rate, 3), round(b / done.rate, 3)]
                for a, b in zip(r.starts, r.ends, strict=True)
            ]
            for r in done.covered
        ],
    }


def _print(
    done: RecordingResult,
    spans: Sequence[AudioSpan],
    fitted: TranscriptFit | None,
    output: str,
    dry_run: bool,
) -> None:
    console = Console(highlight=False, soft_wrap=True)
    same = (done.written, done.written_container) == (done.codec, done.container)
    written = (
        done.codec
        if same
        else (
            f"{done.codec} in {done.container} written as {done.written} in "
            f"{done.written_container}"
        )
    )
    console.print(
        f"{'would write' if dry_run else 'wrote'} {output}: {done.seconds:.1f} s, {done.channels} "
        f"channel(s), {done.rate} Hz, {written}",
        markup=False,
    )
    if fitted and fitted.verdict in TIMES:
        console.print(
            TIMES[fitted.verdict].format(
                shift=fitted.shift,
                on=", on swapped channels" if fitted.channels == "swapped" else "",
            )
        )
    if fitted and fitted.untranscribed:
        heard = f"{fitted.untranscribed:.1f} s in which somebody is heard are not in the transcript"
        console.print(f"{heard}, and are covered (--no-untranscribed leaves them)")
    for n, (seconds, ranges) in enumerate(zip(done.covered_seconds, done.covered, strict=True), 1):
        console.print(
            f"channel {n}: {len(ranges.starts)} stretch(es) covered, {seconds:.1f} s "
            f"({seconds / done.seconds:.0%})"
        )
    if not spans and not done.keyed:
        console.print("nothing had to be covered; only tags, pictures and chapters were left out")
    if done.video:
        console.print(
            "its moving pictures were "
            f"{'copied as they are' if done.video == 'copied' else 'left out'}"
        )
    if done.keyed:
        console.print(f"{done.keyed} stretch(es) of keypad tones were found and are covered")
    if done.overheard is not None:
        console.print(
            f"the recogniser has heard the result; {len(done.overheard)} stretch(es) more are "
            "covered"
        )
    if done.cut:
        console.print(
            "the recording ends before the length it declares: it was cut off before callveil saw "
            "it"
        )


def _refused(as_json: bool, reason: str, detail: str) -> int:
    if as_json:
        print_json({"rejected": {"reason": reason, "detail": detail}})
    else:
        tell(f"nothing was written: {reason}: {REASONS.get(reason, '')}: {detail}")
    return REJECTED


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
