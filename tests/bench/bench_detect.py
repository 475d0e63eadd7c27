"""Speed of detection: stock Presidio, the spaCy pipeline alone, and callveil, interleaved over the same conversations in one process.

    python tests/bench/bench_detect.py [--gold FILE...] [--conversations N] [--rounds N] [--check]

The conversations are generated (every name and number in them is made up) or come from files of labelled conversations. CPU seconds of
this process are measured, matrices on one thread; in each round all runs read the same conversations, in rotating order, so that a busy
machine slows them alike, and ratios are ratios of the medians. A first, uncounted round warms caches up.

Stock Presidio reads a list of texts, 64 at a time, and knows no conversations: it is given one text a turn, as a conversation comes, and
for comparison each conversation as one text. The spaCy pipeline and callveil read whole conversations.

Targets: callveil at least twice as fast as stock Presidio turn by turn, and at most 1.5 times the CPU of the spaCy pipeline alone.
"""

# ruff: noqa: E402 - the number of threads must be set before anything loads numpy

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # as the command line sets it; read when numpy is loaded

import tldextract
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.recognizer_registry.recognizers_loader_utils import RecognizerListLoader
from spacy.language import Language

from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import Job, detect_batch
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.gold import GoldRow, as_job, read_gold
from callveil.transforms.detect.pipeline import load_model
from callveil.transforms.detect.resolve import accept, merge
from callveil.transforms.sample.dialogues import dialogue
from callveil.transforms.sample.people import person
from callveil.transforms.sample.world import firm, stream

STOCK, STOCK_WHOLE, ALONE, CALLVEIL = "stock, turn by turn", "stock, whole texts", "spaCy pipeline alone", "callveil"
SHARD = 512
"""Conversations callveil is given at once; the job gives it a shard of up to 2,000."""
FASTER_THAN_STOCK, CPU_OF_PIPELINE = 2.0, 1.5
LABELS = {"ADDRESS": "ADDRESS", "ORGANIZATION": "ORGANIZATION"}


def generated(count: int, seed: int) -> list[GoldRow]:
    """Generated conversations."""
    rows = []
    for n in range(count):
        shop = firm(seed, n)
        rng = stream(seed, 9, n)
        talk = dialogue(rng, person(rng, shop.country), random.Random(seed * 1_000_003 + n).choice(shop.staff), shop.business)
        rows.append(GoldRow(f"generated-{n}", "generated", n + 1, tuple((t.speaker, t.text) for t in talk.turns), ()))
    return rows


def stock(nlp: Language, wanted: set[str]) -> tuple[BatchAnalyzerEngine, list[str]]:
    """Presidio as it comes, over the same spaCy pipeline, looking for those of `wanted` that it knows.

    Its e-mail recognizer asks the network for a list of domains unless it is pinned to the list it ships with.
    """
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # type: ignore[assignment]
    config = NerModelConfiguration(labels_to_ignore=[])
    config.model_to_presidio_entity_mapping.update(LABELS)
    engine = SpacyNlpEngine([{"lang_code": "en", "model_name": "same"}], config)
    engine.nlp = {"en": nlp}
    # Presidio looks its recognizers up by class name among all that were ever defined, callveil's too, in no order.
    every = RecognizerListLoader.get_all_existing_recognizers
    RecognizerListLoader.get_all_existing_recognizers = staticmethod(  # type: ignore[method-assign]
        lambda cls=None: {c for c in every(cls) if c.__module__.startswith("presidio_analyzer.")}
    )
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    return BatchAnalyzerEngine(analyzer), sorted(wanted & set(analyzer.get_supported_entities("en")))


def runs(policy: Policy, rows: Sequence[GoldRow]) -> tuple[dict[str, Callable[[], int]], list[str]]:
    """The runs, each answering how many spans it found, and the entities stock Presidio looks for."""
    detector = Detector(policy.detect)
    nlp = load_model(policy.detect.models_for("en")[0], "en")
    wanted = {e for e in detector.analyzer.get_supported_entities("en") if policy.base.operator(e).name != "keep"}
    batch, entities = stock(load_model(policy.detect.models_for("en")[0], "en"), wanted)
    texts = ["\n".join(text for _, text in row.turns) for row in rows]
    turns = [text for row in rows for _, text in row.turns]
    jobs: list[Job] = [as_job(row, policy, detector) for row in rows]

    def by_stock(given: list[str]) -> int:
        results = batch.analyze_iterator(given, "en", batch_size=64, entities=entities, score_threshold=policy.base.default_threshold)
        return sum(map(len, results))

    def by_pipeline() -> int:
        return sum(len(doc.ents) for doc in nlp.pipe(texts, batch_size=64))

    def by_callveil() -> int:
        detector.forget()  # texts of another round are new to it
        found = 0
        for start in range(0, len(jobs), SHARD):
            for detected in detect_batch(detector, jobs[start : start + SHARD]):
                if isinstance(detected, Rejected):
                    raise RuntimeError(f"a conversation was rejected: {detected.detail}")
                for reading, spans in zip(detected.readings, detected.spans, strict=True):
                    redact, _ = accept(reading.view.text, spans, policy.base)
                    found += len(merge(redact))
        return found

    todo: dict[str, Callable[[], int]] = {
        STOCK: lambda: by_stock(turns), STOCK_WHOLE: lambda: by_stock(texts), ALONE: by_pipeline, CALLVEIL: by_callveil,
    }  # fmt: skip
    return todo, entities


def measure(todo: dict[str, Callable[[], int]], rounds: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """CPU seconds of every round by run, and what each run found."""
    seconds: dict[str, list[float]] = {name: [] for name in todo}
    found: dict[str, int] = {}
    names = list(todo)
    for n in range(rounds + 1):
        for name in names[n % len(names) :] + names[: n % len(names)]:
            started = time.process_time()
            found[name] = todo[name]()
            if n:
                seconds[name].append(time.process_time() - started)
    return seconds, found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 1 with `--check` where a target is missed, else 0."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--gold", nargs="+", type=Path, default=[], metavar="FILE", help="labelled conversations, beside the generated ones")
    p.add_argument("--conversations", type=int, default=150, help="conversations generated, and taken from each file (default 150)")
    p.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--policy", default=None, help="policy (default gdpr)")
    p.add_argument("--check", action="store_true", help="exit code 1 where a target is missed")
    p.add_argument("--json", action="store_true")
    args = p.parse_args(argv)
    policy = load_policy(args.policy)
    sets = {"generated": generated(args.conversations, args.seed), **{path.name: list(read_gold(path, args.conversations)) for path in args.gold}}
    out, missed = [], False
    for name, rows in sets.items():
        todo, entities = runs(policy, rows)
        seconds, found = measure(todo, args.rounds)
        words = sum(row.words for row in rows)
        middle = {run: statistics.median(times) for run, times in seconds.items()}
        faster, cpu = middle[STOCK] / middle[CALLVEIL], middle[CALLVEIL] / middle[ALONE]
        whole = middle[STOCK_WHOLE] / middle[CALLVEIL]
        missed |= faster < FASTER_THAN_STOCK or cpu > CPU_OF_PIPELINE
        out.append({"set": name, "conversations": len(rows), "words": words, "median_cpu_seconds": middle, "cpu_seconds": seconds, "spans": found,
                    "times_as_fast_as_stock": faster, "times_as_fast_as_stock_whole": whole,
                    "cpu_of_pipeline_alone": cpu, "stock_entities": entities})  # fmt: skip
        if not args.json:
            print(f"{name}: {len(rows)} conversations, {words:,} words, {args.rounds} rounds; stock Presidio looks for {len(entities)} entity types")
            for run, times in seconds.items():
                spread = f"{min(times):.3f} to {max(times):.3f}"
                print(f"  {run:22}{middle[run]:8.3f} s CPU ({spread}){words / middle[run]:12,.0f} words/s{found[run]:8,} spans")
            print(f"  {faster:.2f} times as fast as stock turn by turn (target at least {FASTER_THAN_STOCK}), {whole:.2f} times as on whole texts")
            print(f"  {cpu:.2f} times the CPU of the pipeline alone (target at most {CPU_OF_PIPELINE})", flush=True)
    if args.json:
        print(json.dumps(out, indent=2))
    return int(missed and args.check)


if __name__ == "__main__":
    sys.exit(main())
