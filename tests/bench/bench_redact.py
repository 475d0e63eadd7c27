"""Benchmark of the cost of `callveil redact`: CPU of whole runs over generated interactions, beside
the spaCy pipeline alone.

    python tests/bench/bench_redact.py [--interactions N] [--rounds N] [--beside PYTHON] [--check]

Each run is `python -m callveil.pipelines.cli redact` in a process of its own, one thread, into a
new store, and its CPU seconds are those of that process and its children. The same with a few
interactions tells what starting costs; what an interaction costs is the difference between both
runs, by the difference of interactions. The pipeline alone is the embedded model over the
conversation of each interaction as detection reads it (an interaction that has none costs it
nothing), warmed up first: once as spaCy runs it, as in `bench_detect.py`, and once with the faster
forward pass that the job gives it. All of them take turns, round by round, so that a busy machine
slows them alike; ratios are of medians.

With `--beside`, the interpreter of another checkout (with its own editable callveil) redacts the
same interactions in turn. Both write with one keyring, so that the same rows give the same bytes:
the datasets of both stores are compared file by file, and a difference fails the run.

Targets: an interaction costs at most 5 times the pipeline as spaCy runs it over its conversation,
    and at most 45 % of what it costs in
the other checkout.
"""

# ruff: noqa: E402 - the number of threads must be set before anything loads numpy

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # as the command line sets it; read when numpy is loaded

from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.document import DocumentSet, roles_of
from callveil.transforms.detect.fast_tok2vec import patch_pipeline
from callveil.transforms.detect.pipeline import load_model
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.files.filesystem import Files

TIMES_THE_PIPELINE, OF_THE_OTHER = 5.0, 0.45
FEW = 20
"""Interactions of the runs that tell what starting costs."""
HERE, OTHER = "redact", "redact, other checkout"
ALONE, HASTENED = "spaCy pipeline alone", "the same, hastened"


def sample(folder: Path, interactions: int, seed: int) -> Path:
    """Generated input of so many interactions."""
    command = [
        "sample",
        "--output",
        str(folder),
        "--interactions",
        str(interactions),
        "--seed",
        str(seed),
    ]
    spent(sys.executable, [*command, "--no-progress"], folder.parent)
    return folder


def spent(python: str, arguments: Sequence[str], home: Path) -> float:
    """CPU seconds of a command and its children, in a process of its own."""
    own = {"CALLVEIL_KEYRING": home / "keyring.json", "CALLVEIL_STATE": home / "state"}
    own["CALLVEIL_EVIDENCE_KEY"] = home / "evidence-key.pem"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [python, "-m", "callveil.pipelines.cli", *arguments],
        env=os.environ | {name: str(path) for name, path in own.items()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 3):
        sys.exit(
            f"{python}: {' '.join(arguments[:1])} failed ({done.returncode}): {done.stderr[-2000:]}"
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def redact(python: str, data: Path, store: Path) -> float:
    """CPU seconds of redacting `data` into a new store."""
    where = ["--input", str(data / "interactions"), "--accounts", str(data / "accounts.jsonl")]
    return spent(python, ["redact", *where, "--output", str(store), "--no-progress"], data.parent)


def conversations(data: Path, policy: Policy) -> list[str]:
    """The conversation of every interaction, in its last version, as detection reads it."""
    last = {}
    files = Files()
    for chunk in plan_chunks(files, [str(data / "interactions")])[0]:
        for raw in read_chunk(files, chunk, policy.limits):
            if not isinstance(raw, Rejected) and (
                raw.key not in last or last[raw.key].rank <= raw.rank
            ):
                last[raw.key] = raw
    out = []
    for raw in last.values():
        readings = DocumentSet(list(walk(raw.record)), roles_of(raw.record)).readings
        out += [reading.view.text for reading in readings[:1] if reading.name == "conversation"]
    return out


def contents(store: Path) -> dict[str, str]:
    """Digest of each file of a store's datasets."""
    found = (path for name in ("interactions", "findings") for path in (store / name).rglob("*"))
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.is_file()
    }


def measure(
    folder: Path, args: argparse.Namespace
) -> tuple[dict[str, list[float]], dict[str, list[float]], int]:
    """CPU seconds of every round: of the whole, and of the start alone; how many conversations."""
    policy = load_policy(None)
    many, few = (
        sample(folder / "many", args.interactions, args.seed),
        sample(folder / "few", FEW, args.seed),
    )
    pipelines = {ALONE: load_model("embedded", "en"), HASTENED: load_model("embedded", "en")}
    patch_pipeline(pipelines[HASTENED])
    texts = conversations(many, policy)
    pythons = {HERE: sys.executable} | ({OTHER: args.beside} if args.beside else {})
    whole: dict[str, list[float]] = {name: [] for name in (*pythons, *pipelines)}
    start: dict[str, list[float]] = {name: [] for name in pythons}
    for nlp in pipelines.values():
        for _ in nlp.pipe(texts):
            pass
    for n in range(args.rounds):
        names = list(whole)
        for name in names[n % len(names) :] + names[: n % len(names)]:
            if name in pipelines:
                began = time.process_time()
                for _ in pipelines[name].pipe(texts, batch_size=128):
                    pass
                whole[name].append(time.process_time() - began)
            else:
                place = folder / f"{name}-{n}".replace(" ", "_")
                whole[name].append(redact(pythons[name], many, place / "many"))
                start[name].append(redact(pythons[name], few, place / "few"))
        if args.beside and not n:
            one, other = (
                contents(folder / f"{name}-0".replace(" ", "_") / "many") for name in (HERE, OTHER)
            )
            differ = [path for path in sorted({*one, *other}) if one.get(path) != other.get(path)]
            if differ or not one:
                sys.exit(f"{len(differ)} of {len(one)} files differ, first {differ[:1]}")
            print(f"{len(one)} files of both checkouts are the same, byte by byte", file=sys.stderr)
    return whole, start, len(texts)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 1 with `--check` where a target is missed, else 0."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--interactions", type=int, default=1000, help="interactions generated (default 1000)"
    )
    p.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--beside", metavar="PYTHON", help="interpreter of another checkout")
    p.add_argument("--check", action="store_true", help="exit code 1 where a target is missed")
    p.add_argument("--json", action="store_true")
    args = p.parse_args(argv)
    if args.interactions < 10 * FEW:
        p.error(f"--interactions: at least {10 * FEW}, for the start to be told from the rest")
    with tempfile.TemporaryDirectory() as folder:
        whole, start, texts = measure(Path(folder), args)
    more = args.interactions - FEW
    each = {
        name: statistics.median(
            [(a - b) / more for a, b in zip(whole[name], start[name], strict=True)]
        )
        for name in start
    }
    alone = {name: statistics.median(whole[name]) / args.interactions for name in (ALONE, HASTENED)}
    ratios = {
        "times_the_pipeline": each[HERE] / alone[ALONE],
        "times_the_hastened": each[HERE] / alone[HASTENED],
    }
    if args.beside:
        ratios["of_the_other"] = each[HERE] / each[OTHER]
    if args.json:
        print(
            json.dumps(
                {
                    "interactions": args.interactions,
                    "conversations": texts,
                    "cpu_seconds": whole,
                    "start_cpu_seconds": start,
                    "cpu_seconds_an_interaction": each | alone,
                    **ratios,
                },
                indent=2,
            )
        )
    else:
        print(f"{args.interactions} interactions, {texts} conversations, {args.rounds} rounds")
        for name, value in each.items():
            spread = f"{min(whole[name]):.2f} to {max(whole[name]):.2f} s a run"
            print(
                f"  {name:24}{1000 * value:8.2f} ms CPU an interaction ({spread}; starting "
                f"{statistics.median(start[name]):.2f} s)"
            )
        for name, value in alone.items():
            print(
                f"  {name:24}{1000 * value:8.2f} ms ({min(whole[name]):.2f} to "
                f"{max(whole[name]):.2f} s a run)"
            )
        print(
            f"  {ratios['times_the_pipeline']:.2f} times the pipeline alone (target at most "
            f"{TIMES_THE_PIPELINE}), ",
            end="",
        )
        print(f"{ratios['times_the_hastened']:.2f} times the hastened one")
        if args.beside:
            print(
                f"  {100 * ratios['of_the_other']:.1f} % of the other checkout (target at most "
                f"{100 * OF_THE_OTHER:.0f} %)"
            )
    missed = (
        ratios["times_the_pipeline"] > TIMES_THE_PIPELINE
        or ratios.get("of_the_other", 0.0) > OF_THE_OTHER
    )
    return int(missed and args.check)


if __name__ == "__main__":
    sys.exit(main())
