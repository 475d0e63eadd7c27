"""Cover over values spoken in calls, and over all else: `python tests/bench/bench_calls.py
[--calls 200]` (about ten minutes).

Calls are generated (`tests/support/generated_calls.py`): dialogues of `callveil sample` spoken by
espeak-ng on two channels, 8 kHz mu-law, with the true time of each word. They are redacted with
times of words as a recogniser gives them (each wrong by up to 30 ms), with times of turns alone and
words aligned, and with times of turns alone; then, by turns with times of words and of turns, as
they are, recorded on swapped channels, from some seconds earlier or later on, on one channel, and
with the transcript of another call. What is still heard is measured in the files that come out.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from support import sounds, voices
from support.generated_calls import BAR, RATE, Call, Secret, calls

from callveil.pipelines.commands.explain import read_interaction
from callveil.schemas.finding import Finding
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.engine import Detector
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.jobs.batch.redact_batches import redact_jobs
from callveil.transforms.redact.audio.align import Aligner
from callveil.transforms.redact.audio.plan import EVERYTHING
from callveil.transforms.redact.audio.redact import redact_audio
from callveil.transforms.redact.audio.transcript_words import (
    TranscriptCoverage,
    transcript_coverage,
)
from callveil.transforms.redact.engine import Redactor, RunColumns
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files

CONDITIONS = ("words", "aligned", "turns", "right", "swapped", "shifted", "mono", "foreign")
SHIFTS = (2.5, -0.9, 8.0, 0.6, 31.0)
"""Seconds."""
AUDIBLE = -50.0
"""dBFS of 10 ms from which they can be heard; the line's own noise is at -66."""
FRAME = RATE // 100


class Finder:
    """Finds personal data in records as the command does, with one set of engines."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        detector = Detector(policy.detect)
        keyring = Keyring(Path("-"), "once", {"once": secrets.token_bytes(32)})
        run = RunColumns(
            "bench", policy.sha256, policy.name, dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
        )
        self.engines = Engines(policy.detect, keyring, detector, Redactor(keyring, run))

    def find(
        self, records: Sequence[Mapping[str, Any]], folder: Path
    ) -> Iterator[tuple[Mapping[str, Any], list[Finding]]]:
        """Records as they are read, and their findings."""
        jobs = []
        for record in records:
            (folder / "record.json").write_text(json.dumps(record))
            raw = read_interaction(str(folder / "record.json"), self.policy)
            assert not isinstance(raw, Rejected), raw.detail
            jobs.append(
                DetectionJob(
                    raw,
                    decide_redaction(
                        self.policy, raw, "unknown", raw.called_at, "en", MinimumRedaction(), ()
                    ),
                    "unknown",
                )
            )
        done = {job.raw.key: result for job, result in redact_jobs(self.engines, jobs)}
        for job in jobs:
            result = done[job.raw.key]
            assert not isinstance(result, Rejected), result.detail
            yield job.raw.record, [row.finding for row in result.findings]


@dataclass
class Tally:
    """Outcome of one condition. Seconds, except the counts.

    Attributes:
        speech: of audible speech. planted: of planted values. covered: of anything.
        over: of audible speech that holds nothing planted, covered; beyond: the same with what is
            silent.
        unfound: of `over`, in covers of findings where nothing was planted.
        leaked: by cause and type; values by the same.
        values, leaks: number of values, and of those of which something is heard.
        cpu: of telling what to cover.
        verdicts: of the fit of times; see `Fit.verdict`.
    """

    speech: float = 0.0
    planted: float = 0.0
    covered: float = 0.0
    over: float = 0.0
    beyond: float = 0.0
    unfound: float = 0.0
    leaked: Counter[tuple[str, str]] = field(default_factory=Counter)
    leaks: Counter[tuple[str, str]] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


def audible(signal: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which 10 ms of one channel can be heard."""
    frames = signal[: len(signal) // FRAME * FRAME].reshape(-1, FRAME)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12) > AUDIBLE)


def detected(secret: Secret, text: str, findings: Sequence[Finding]) -> bool:
    """Tell whether every letter and digit of a value lies in something replaced in its turn."""
    places: set[int] = set()
    for f in findings:
        if (
            f.field_path == f"outline[{secret.turn}].text"
            and f.status != "kept"
            and f.span_start is not None
            and f.span_end is not None
        ):
            places.update(range(f.span_start, f.span_end))
    return all(i in places for i in range(secret.start, secret.end) if text[i].isalnum())


def measure(
    call: Call, findings: Sequence[Finding], said: TranscriptCoverage, folder: Path, tally: Tally
) -> None:
    """Redact a call and add what is heard of it."""
    source, output = folder / "call.wav", folder / "clean.wav"
    done = redact_audio(
        Files(),
        str(source),
        str(output),
        [EVERYTHING] if said.spans is None else said.spans,
        known=said.known,
    )
    tally.verdicts[said.fit.verdict if said.fit else ""] += 1
    before, after = sounds.heard(source)[1], sounds.heard(output)[1]
    for channel in range(len(before)):
        was, still = audible(before[channel]), audible(after[channel])
        mine = [s for s in call.secrets if s.channel == channel + 1]
        planted = np.zeros(len(was), bool)
        for s in mine:
            planted[int(s.s * RATE / FRAME) : int(np.ceil(s.e * RATE / FRAME))] = True
        cover = np.zeros(len(was) * FRAME, bool)
        idle = np.zeros(len(was), bool)
        for a, b in zip(done.covered[channel].starts, done.covered[channel].ends, strict=True):
            cover[a:b] = True
            if not any(s.s < b / RATE and s.e > a / RATE for s in mine):
                idle[a // FRAME : -(-b // FRAME)] = True
        covered = cover.reshape(-1, FRAME).mean(axis=1)
        tally.speech += was.sum() / 100
        tally.planted += (planted & was).sum() / 100
        tally.covered += covered.sum() / 100
        tally.over += covered[was & ~planted].sum() / 100
        tally.beyond += covered[~planted].sum() / 100
        tally.unfound += covered[was & idle & ~planted].sum() / 100
        for s in mine:
            tally.values[s.type] += 1
            a, b = int(np.ceil(s.s * RATE / FRAME)), int(s.e * RATE / FRAME)
            heard = float((still[a:b] & was[a:b]).sum() / 100)
            if heard:
                text = call.record["outline"][s.turn]["text"]
                cause = "times" if detected(s, text, findings) else "text"
                tally.leaked[cause, s.type] += heard
                tally.leaks[cause, s.type] += 1
                tally.examples.append(
                    f"{cause} {s.type} {heard:.2f} s of {s.e - s.s:.2f}: {text[s.start : s.end]!r} "
                    f"in {text!r}"
                )


def run(
    count: int, seed: int, conditions: Sequence[str], policy: Policy, *, dealt: bool = False
) -> dict[str, Tally]:
    """Redact calls under each condition, or where they are `dealt` out each under one."""
    tallies = {c: Tally() for c in conditions}
    finder, aligner, before = Finder(policy), Aligner(), None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, call in enumerate(calls(count, seed)):
            plain, timed = (
                next(finder.find([r], folder))
                for r in (call.record, call.with_words(random.Random(seed)))
            )
            for condition in [conditions[number % len(conditions)]] if dealt else conditions:
                words = condition == "words" or (
                    condition not in ("aligned", "turns") and number // len(SHIFTS) % 2 == 0
                )
                record, findings = timed if words else plain
                heard = recorded(call, condition, number)
                if condition == "foreign":
                    if before is None:
                        continue
                    record, findings = before
                (folder / "call.wav").write_bytes(heard.wav())
                began, tally = time.process_time(), tallies[condition]
                said = transcript_coverage(
                    Files(),
                    str(folder / "call.wav"),
                    record,
                    findings,
                    aligner=None if words or condition == "turns" else aligner,
                )
                tally.cpu += time.process_time() - began
                measure(heard, findings, said, folder, tally)
            before = timed if number // 2 % 2 else plain
    return tallies


def recorded(call: Call, condition: str, number: int) -> Call:
    """How a call is recorded under a condition."""
    match condition:
        case "swapped":
            return call.swapped()
        case "mono":
            return call.mono()
        case "shifted":
            return call.shifted(SHIFTS[number // len(SHIFTS) % len(SHIFTS)])
    return call


def report(name: str, tally: Tally) -> dict[str, Any]:
    """Figures of one condition, as JSON."""
    bar = {k: v for k, v in tally.leaked.items() if k[1] in BAR}
    return {
        "condition": name,
        "speech_s": round(tally.speech, 1),
        "planted_s": round(tally.planted, 1),
        "covered_s": round(tally.covered, 1),
        "values": sum(n for t, n in tally.values.items() if t in BAR),
        "leaked_s_times": round(sum(v for (c, _), v in bar.items() if c == "times"), 2),
        "leaked_s_text": round(sum(v for (c, _), v in bar.items() if c == "text"), 2),
        "leaks": {f"{c} {t}": n for (c, t), n in sorted(tally.leaks.items())},
        "leaked_s_other_types": round(
            sum(v for k, v in tally.leaked.items() if k[1] not in BAR), 2
        ),
        "over_covered_share": round(tally.over / tally.speech, 4),
        "with_silence": round(tally.beyond / tally.speech, 4),
        "of_it_nothing_planted": round(tally.unfound / tally.speech, 4),
        "times": dict(sorted(tally.verdicts.items())),
        "cpu_s_telling": round(tally.cpu, 1),
    }


def main() -> None:
    """Run, print."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--calls", type=int, default=200)
    p.add_argument("--seed", type=int, default=17)
    p.add_argument("--policy", default="gdpr")
    p.add_argument("--conditions", nargs="*", default=CONDITIONS, choices=CONDITIONS)
    p.add_argument("--deal", action="store_true", help="each call under one condition, in turn")
    p.add_argument(
        "--examples", action="store_true", help="print each leak with its (generated) text"
    )
    args = p.parse_args()
    if not voices.LIBRARY:
        sys.exit(voices.NEEDS_ESPEAK)
    for name, tally in run(
        args.calls, args.seed, args.conditions, load_policy(args.policy), dealt=args.deal
    ).items():
        print(json.dumps(report(name, tally)), flush=True)
        for line in tally.examples if args.examples else ():
            print("   ", line)


if __name__ == "__main__":
    main()
