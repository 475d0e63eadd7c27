"""Speed of detection: stock Presidio, the spaCy pipeline alone, and callveil, interleaved over the
same conversations in one process.

    python tests/bench/bench_detect.py [--gold FILE...] [--conversations N] [--rounds N] [--check]

The conversations are generated (every name and number in them is made up) or come from files of
labelled conversations. CPU seconds of this process are measured, matrices on one thread; in each
round all runs read the same conversations, in rotating order, so that a busy machine slows them
alike, and ratios are ratios of the medians. A first, uncounted round warms caches up.

Stock Presidio reads a list of texts, 64 at a time, and knows no conversations: it is given one text
a turn, as a conversation comes, and for comparison each conversation as one text. The spaCy
pipeline and callveil read whole conversations.
Targets: callveil at least twice as fast as stock Presidio turn by turn, and at most 1.5 times the
    CPU of the spaCy pipeline alone.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from callveil.pipelines.beside import ALONE, STOCK, STOCK_WHOLE, build_comparison, measure_cpu
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.resolve import accept_findings, merge_spans
from callveil.transforms.lab.evaluate.gold import GoldRow, as_job, read_gold
from callveil.transforms.lab.sample.dialogues import random_dialogue
from callveil.transforms.lab.sample.people import random_person
from callveil.transforms.lab.sample.world import random_stream, sample_account

CALLVEIL = "callveil"
SHARD = 512
"""Conversations callveil is given at once; the job gives it a shard of up to 2,000."""
FASTER_THAN_STOCK, CPU_OF_PIPELINE = 2.0, 1.5


def generated(count: int, seed: int) -> list[GoldRow]:
    """Generated conversations."""
    rows = []
    for n in range(count):
        shop = sample_account(seed, n)
        rng = random_stream(seed, 9, n)
        talk = random_dialogue(
            rng,
            random_person(rng, shop.country),
            random.Random(seed * 1_000_003 + n).choice(shop.staff),
            shop.business,
        )
        rows.append(
            GoldRow(
                f"generated-{n}",
                "generated",
                n + 1,
                tuple((t.speaker, t.text) for t in talk.turns),
                (),
            )
        )
    return rows


def runs(policy: Policy, rows: Sequence[GoldRow]) -> tuple[dict[str, Callable[[], int]], list[str]]:
    """The runs, each answering how many spans it found, and the entities stock Presidio looks
    for.
    """
    detector = Detector(policy.detect)
    todo, entities = build_comparison(
        policy, [[text for _, text in row.turns] for row in rows], detector
    )
    jobs: list[DetectionJob] = [as_job(row, policy, detector) for row in rows]

    def by_callveil() -> int:
        detector.forget()  # texts of another round are new to it
        found = 0
        for start in range(0, len(jobs), SHARD):
            for detected in detect_batch(detector, jobs[start : start + SHARD]):
                if isinstance(detected, Rejected):
                    raise RuntimeError(f"a conversation was rejected: {detected.detail}")
                for reading, spans in zip(detected.readings, detected.spans, strict=True):
                    redact, _ = accept_findings(reading.view.text, spans, policy.base)
                    found += len(merge_spans(redact))
        return found

    todo[CALLVEIL] = by_callveil
    return todo, entities


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 1 with `--check` where a target is missed, else 0."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--gold",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="labelled conversations, beside the generated ones",
    )
    p.add_argument(
        "--conversations",
        type=int,
        default=150,
        help="conversations generated, and taken from each file (default 150)",
    )
    p.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--policy", default=None, help="policy (default gdpr)")
    p.add_argument("--check", action="store_true", help="exit code 1 where a target is missed")
    p.add_argument("--json", action="store_true")
    args = p.parse_args(argv)
    policy = load_policy(args.policy)
    sets = {
        "generated": generated(args.conversations, args.seed),
        **{path.name: list(read_gold(path, args.conversations)) for path in args.gold},
    }
    out, missed = [], False
    for name, rows in sets.items():
        todo, entities = runs(policy, rows)
        seconds, found = measure_cpu(todo, args.rounds)
        words = sum(row.words for row in rows)
        middle = {run: statistics.median(times) for run, times in seconds.items()}
        faster, cpu = middle[STOCK] / middle[CALLVEIL], middle[CALLVEIL] / middle[ALONE]
        whole = middle[STOCK_WHOLE] / middle[CALLVEIL]
        missed |= faster < FASTER_THAN_STOCK or cpu > CPU_OF_PIPELINE
        out.append(
            {
                "set": name,
                "conversations": len(rows),
                "words": words,
                "median_cpu_seconds": middle,
                "cpu_seconds": seconds,
                "spans": found,
                "times_as_fast_as_stock": faster,
                "times_as_fast_as_stock_whole": whole,
                "cpu_of_pipeline_alone": cpu,
                "stock_entities": entities,
            }
        )
        if not args.json:
            print(
                f"{name}: {len(rows)} conversations, {words:,} words, {args.rounds} rounds; stock "
                f"Presidio looks for {len(entities)} entity types"
            )
            for run, times in seconds.items():
                spread = f"{min(times):.3f} to {max(times):.3f}"
                print(
                    f"  {run:22}{middle[run]:8.3f} s CPU ({spread}){words / middle[run]:12,.0f} "
                    f"words/s{found[run]:8,} spans"
                )
            print(
                f"  {faster:.2f} times as fast as stock turn by turn (target at least "
                f"{FASTER_THAN_STOCK}), {whole:.2f} times as on whole texts"
            )
            print(
                f"  {cpu:.2f} times the CPU of the pipeline alone (target at most "
                f"{CPU_OF_PIPELINE})",
                flush=True,
            )
    if args.json:
        print(json.dumps(out, indent=2))
    return int(missed and args.check)


if __name__ == "__main__":
    sys.exit(main())
