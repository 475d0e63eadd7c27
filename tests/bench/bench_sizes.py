"""Quality of the names model against its size and speed: several sizes trained alike, measured on
the same conversations, and plotted.

    python tests/bench/bench_sizes.py --data FILE... [--sizes 64x2 96x4x10000 ...] [--steps N]
    [--out FOLDER]

Every size (width x depth x rows of the table of words; those of prefixes and suffixes have a
quarter) is trained from scratch with the same seed, corpora and number of updates; few updates tell
how sizes compare early on, not what each would reach. Quality is F1 of people on generated calls
and requests whose names are held out of training: recall counts a name that is covered whole,
precision a finding that touches something labelled. Speed is that of the pipeline as detection runs
it (`patch_pipeline`, `apply_margins`) on one thread, in CPU seconds; in each round all sizes read
the same conversations, in rotating order, and the median counts. Models of one folder are kept: a
second run with equal settings trains only what is missing.
"""

# ruff: noqa: E402 - the number of threads must be set before anything loads numpy

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from spacy.language import Language

from callveil.transforms.detect.fast_tok2vec import patch_pipeline
from callveil.transforms.detect.low_confidence_names import apply_margins
from callveil.transforms.detect.model import load_call_model
from callveil.transforms.lab.train import trainer
from callveil.transforms.lab.train.card import evaluate_model, held_out_talks
from callveil.transforms.lab.train.corpus import Talk
from callveil.transforms.lab.train.trainer import train_model

SIZES = ("64x2x5000", "96x2x10000", "96x4x5000", "96x4x10000", "128x4x5000")


def trained(folder: Path, size: str, steps: int, seed: int, data: Sequence[Path]) -> Language:
    """The model of one size (`WIDTHxDEPTHxROWS`), trained unless the folder has it already."""
    width, depth, rows = (int(part) for part in size.split("x"))
    trainer.ROWS = rows, rows // 4, rows // 4, 300
    place = folder / f"{size}-{steps}-{seed}"
    if not (place / "config.cfg").is_file():
        report = train_model(place, seed, data, steps, width, depth, log=lambda _: None)
        print(
            f"{size}: {report.words:,} words in {report.seconds:.0f} s, loss {report.loss:.4f} a "
            "word",
            flush=True,
        )
    nlp = load_call_model(place)
    patch_pipeline(nlp)
    apply_margins(nlp)
    return nlp


def quality(nlp: Language, sets: dict[str, list[Talk]]) -> dict[str, float]:
    """Recall, precision and F1 of people over all sets together."""
    figures = [evaluate_model(nlp, talks, name) for name, talks in sets.items()]
    recall = sum(f.covered["PERSON"] for f in figures) / max(
        1, sum(f.gold["PERSON"] for f in figures)
    )
    precision = 1 - sum(f.wrong["PERSON"] for f in figures) / max(
        1, sum(f.given["PERSON"] for f in figures)
    )
    return {
        "recall": recall,
        "precision": precision,
        "f1": 2 * recall * precision / max(1e-9, recall + precision),
    }


def speeds(models: dict[str, Language], texts: list[str], rounds: int) -> dict[str, list[float]]:
    """CPU seconds each model took for the texts, by round; one round before them warms caches up
    and is not counted.
    """
    seconds: dict[str, list[float]] = {size: [] for size in models}
    names = list(models)
    for n in range(rounds + 1):
        for size in names[n % len(names) :] + names[: n % len(names)]:
            started = time.process_time()
            for _ in models[size].pipe(texts, batch_size=64):
                pass
            if n:
                seconds[size].append(time.process_time() - started)
    return seconds


def plot(rows: Sequence[dict[str, float | str]], steps: int, path: Path) -> None:
    """F1 against words a second as an SVG, one point a size, its area the model's bytes. Written by
    hand, so nothing needs to be installed.
    """
    xs, ys = [float(r["words_per_second"]) / 1000 for r in rows], [float(r["f1"]) for r in rows]
    (left, right), (low, high) = _axis(xs, 5), _axis(ys, 0.01)
    wide, tall, edge = 720, 440, 64

    def at(x: float, y: float) -> tuple[float, float]:
        return edge + (x - left) / (right - left) * (wide - 2 * edge), tall - edge - (y - low) / (
            high - low
        ) * (tall - 2 * edge)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{wide}" height="{tall}" fill="white"/>',
        f'<text x="{wide / 2}" y="28" text-anchor="middle" font-size="15">names model, width x '
        f"depth x rows, after {steps:,} updates each</text>",
        f'<text x="{wide / 2}" y="{tall - 16}" text-anchor="middle">thousand words a second, one '
        "core</text>",
        f'<text x="18" y="{tall / 2}" text-anchor="middle" transform="rotate(-90 18 '
        f'{tall / 2})">F1 of people, names never seen</text>',
    ]
    for n in range(6):
        x, y = left + (right - left) * n / 5, low + (high - low) * n / 5
        (px, _), (_, py) = at(x, low), at(left, y)
        out.append(
            f'<path d="M{px:.1f} {edge}V{tall - edge}M{edge} {py:.1f}H{wide - edge}" '
            'stroke="#ddd"/>'
        )
        out.append(f'<text x="{px:.1f}" y="{tall - edge + 18}" text-anchor="middle">{x:g}</text>')
        out.append(f'<text x="{edge - 8}" y="{py + 4:.1f}" text-anchor="end">{y:.3f}</text>')
    for row, x, y in zip(rows, xs, ys, strict=True):
        px, py = at(x, y)
        radius = 4 * float(row["megabytes"]) ** 0.5
        out.append(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{radius:.1f}" fill="#1f77b4" '
            'fill-opacity="0.6"/>'
        )
        out.append(
            f'<text x="{px + radius + 4:.1f}" y="{py - 6:.1f}">{row["size"]}, '
            f"{float(row['megabytes']):.1f} MB</text>"
        )
    path.write_text("\n".join([*out, "</svg>", ""]), encoding="utf-8")


def _axis(values: Sequence[float], step: float) -> tuple[float, float]:
    """Borders of an axis, whole steps, with room on both sides."""
    return step * math.floor(min(values) / step - 0.5), step * math.ceil(max(values) / step + 0.5)


def main(argv: Sequence[str] | None = None) -> int:
    """Train, measure, print a table, write `sizes.svg` and `sizes.json`."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--data",
        nargs="*",
        type=Path,
        default=[],
        metavar="FILE",
        help="labelled JSON lines, as for `callveil train`",
    )
    p.add_argument(
        "--sizes",
        nargs="+",
        default=list(SIZES),
        metavar="WxDxR",
        help=f"width x depth x rows (default {' '.join(SIZES)})",
    )
    p.add_argument(
        "--steps",
        type=int,
        default=1000,
        help="updates of about 1,000 words for each size (default 1000)",
    )
    p.add_argument("--seed", type=int, default=5)
    p.add_argument(
        "--talks",
        type=int,
        default=1500,
        help="held-out conversations of either kind (default 1500)",
    )
    p.add_argument(
        "--rounds", type=int, default=5, help="rounds of the speed measurement (default 5)"
    )
    p.add_argument(
        "--out",
        type=Path,
        default=Path("build/sizes"),
        help="folder for models, table and plot (default build/sizes)",
    )
    args = p.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    trainer.MINE = ()  # mistakes of so short a training are no guide
    ships, trainer.MAX_BYTES = (
        trainer.MAX_BYTES / 1e6,
        1 << 30,
    )  # sizes that are too large to ship are measured as well
    models = {
        size: trained(args.out, size, args.steps, args.seed, args.data) for size in args.sizes
    }
    sets = {kind: held_out_talks(kind, args.talks) for kind in ("call", "request")}
    texts = [
        "\n".join(turn.text for turn in talk.turns) for talks in sets.values() for talk in talks
    ]
    words = sum(len(text.split()) for text in texts)
    seconds = speeds(models, texts, args.rounds)
    rows: list[dict[str, float | str]] = []
    print(
        f"{words:,} words, {args.rounds} rounds, {args.steps:,} updates a size, seed {args.seed}\n"
    )
    print(
        "| size | MB | F1 | recall | precision | words a second | slowest to fastest round |\n| "
        "--- | --- | --- | --- | --- | --- | --- |"
    )
    for size, nlp in models.items():
        place = args.out / f"{size}-{args.steps}-{args.seed}"
        found, times = quality(nlp, sets), seconds[size]
        mb = sum(f.stat().st_size for f in place.rglob("*") if f.is_file()) / 1e6
        rows.append(
            {
                "size": size,
                "megabytes": mb,
                **found,
                "words_per_second": words / statistics.median(times),
            }
        )
        spread = f"{words / max(times):,.0f} to {words / min(times):,.0f}"
        print(
            f"| {size} | {mb:.1f} | {found['f1']:.3f} | {found['recall']:.3f} | "
            f"{found['precision']:.3f} ",
            end="",
        )
        print(f"| {rows[-1]['words_per_second']:,.0f} | {spread} |", flush=True)
    (args.out / "sizes.json").write_text(
        json.dumps(
            {"steps": args.steps, "seed": args.seed, "words": words, "sizes": rows}, indent=2
        )
        + "\n"
    )
    plot(rows, args.steps, args.out / "sizes.svg")
    large = [str(row["size"]) for row in rows if float(row["megabytes"]) > ships]
    print(f"\ntoo large to ship (over {ships:g} MB): {', '.join(large) or 'none'}")
    print(f"\n{args.out / 'sizes.svg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
