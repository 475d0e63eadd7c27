"""Benchmark baselines: stock Presidio and the spaCy pipeline alone.

They run over the same conversations as callveil, in one process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import tldextract
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.recognizer_registry.recognizers_loader_utils import RecognizerListLoader
from spacy.language import Language

from callveil.schemas.policy import Policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.pipeline import load_model

STOCK, STOCK_WHOLE, ALONE = "stock, turn by turn", "stock, whole texts", "spaCy pipeline alone"
LABELS = {"ADDRESS": "ADDRESS", "ORGANIZATION": "ORGANIZATION"}
BATCH = 64
"""Texts that are read at once."""


def stock_presidio(nlp: Language, wanted: set[str]) -> tuple[BatchAnalyzerEngine, list[str]]:
    """Presidio as it comes, over the same spaCy pipeline, looking for those of `wanted` that it
    knows.

    Its e-mail recognizer asks the network for a list of domains unless it is pinned to the list it
    ships with.
    """
    logging.getLogger("presidio-analyzer").setLevel(
        logging.ERROR
    )  # it warns of each language it is not asked for
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # type: ignore[assignment]
    config = NerModelConfiguration(labels_to_ignore=[])
    config.model_to_presidio_entity_mapping.update(LABELS)
    engine = SpacyNlpEngine([{"lang_code": "en", "model_name": "same"}], config)
    engine.nlp = {"en": nlp}
    # Presidio looks its recognizers up by class name among all that were ever defined, callveil's
    # too, in no order.
    every = RecognizerListLoader.get_all_existing_recognizers
    RecognizerListLoader.get_all_existing_recognizers = staticmethod(  # type: ignore[method-assign]
        lambda cls=None: {c for c in every(cls) if c.__module__.startswith("presidio_analyzer.")}
    )
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    return BatchAnalyzerEngine(analyzer), sorted(
        wanted & set(analyzer.get_supported_entities("en"))
    )


def build_comparison(
    policy: Policy, talks: Sequence[Sequence[str]], detector: Detector
) -> tuple[dict[str, Callable[[], int]], list[str]]:
    """Return runs over conversations, given as their turns, each answering how many spans it found;
    and the entities stock Presidio looks for.

    Stock Presidio reads a list of texts, 64 at a time, and knows no conversations: it is given one
    text a turn, as a conversation comes, and for comparison each conversation as one text. The
    spaCy pipeline reads whole conversations.
    """
    model = policy.detect.models_for("en")[0]
    nlp = load_model(model, "en")
    wanted = {
        e
        for e in detector.analyzer.get_supported_entities("en")
        if policy.base.operator(e).name != "keep"
    }
    batch, entities = stock_presidio(load_model(model, "en"), wanted)
    texts = ["\n".join(turns) for turns in talks]
    turns = [text for turns in talks for text in turns]

    def by_stock(given: list[str]) -> int:
        results = batch.analyze_iterator(
            given,
            "en",
            batch_size=BATCH,
            entities=entities,
            score_threshold=policy.base.threshold("default"),
        )
        return sum(map(len, results))

    def by_pipeline() -> int:
        return sum(len(doc.ents) for doc in nlp.pipe(texts, batch_size=BATCH))

    return {
        STOCK: lambda: by_stock(turns),
        STOCK_WHOLE: lambda: by_stock(texts),
        ALONE: by_pipeline,
    }, entities


def measure_cpu(
    todo: dict[str, Callable[[], int]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """CPU seconds of every round by run, and what each run found.

    In each round all runs read the same, in rotating order, so that a busy machine slows them
    alike. A first round is not counted.
    """
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
