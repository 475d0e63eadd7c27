"""`callveil train`: make the names model anew, or one that knows your own conversations."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import DONE
from callveil.pipelines.logs import tell
from callveil.pipelines.summary import print_json
from callveil.transforms.lab.train.card import describe_model, metrics_table
from callveil.transforms.lab.train.trainer import train_model


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    said = " ".join(
        [
            "callveil train",
            *(f"--data {p.name}" for p in args.data),
            f"--seed {args.seed} --steps {args.steps}",
        ]
    )
    said += f" --width {args.width} --depth {args.depth}"
    said += f" --minutes {args.minutes:g}" if args.minutes else ""
    report = train_model(
        args.output,
        args.seed,
        args.data,
        args.steps,
        args.width,
        args.depth,
        tell,
        args.minutes,
    )
    tell("taking figures")
    corpora = args.about or [p.name for p in args.data]
    card, figures = describe_model(report, {p.stem: p for p in args.test}, corpora, said)
    if args.json:
        shape = {
            "seed": report.seed,
            "steps": report.steps,
            "width": report.width,
            "depth": report.depth,
            "bytes": report.size,
        }
        facts = {
            "words": report.words,
            "seconds": round(report.seconds, 1),
            "loss": round(report.loss, 5),
        }
        print_json({"folder": str(report.out), "card": str(card), **shape, **facts})
    else:
        print(metrics_table(figures))
        print(
            f"\n{report.out}: {report.size / 1e6:.1f} MB after {report.steps:,} steps and "
            f"{report.seconds / 60:.0f} minutes; {card}"
        )
        print(f"Use it in a policy: detect: {{model: {report.out}}}")
    return DONE
