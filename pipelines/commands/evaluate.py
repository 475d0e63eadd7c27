"""`callveil evaluate`: how much of the personal data in labelled conversations is found."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from callveil.pipelines.exits import DONE, REJECTED, FailedError, UsageError
from callveil.pipelines.logs import logs_json, tell
from callveil.pipelines.measures import (
    describe_baseline,
    markdown_table,
    print_beside,
    print_measured,
)
from callveil.pipelines.plot import check_plot, plot_measured
from callveil.pipelines.summary import print_json
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.models import VERSION
from callveil.transforms.lab.evaluate.evaluate import (
    POOLED,
    CallveilFinder,
    EntityFinder,
    evaluate_sets,
    warm_up,
)
from callveil.transforms.lab.evaluate.gold import GoldError, GoldRow, Prediction
from callveil.transforms.lab.evaluate.measure import Scoring
from callveil.transforms.lab.evaluate.stock_presidio import StockPresidio


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    policy = load_policy(args.policy)
    scoring = Scoring(args.typed, args.all_types, args.labelled_only)

    def kept(entity: str) -> bool:
        return policy.base.operator(entity).name == "keep"

    if args.plot:
        check_plot(args.plot)
    total = (1 + len(args.against)) * sum(
        min(_lines(path), args.limit or sys.maxsize) for path in args.gold
    )
    with ExitStack() as stack:
        stocks = [stack.enter_context(StockPresidio(m, kept)) for m in dict.fromkeys(args.against)]
        own = CallveilFinder(Detector(policy.detect), policy)
        finders: list[EntityFinder] = [own, *stocks]
        for finder in finders:
            warm_up(finder)
        watch = stack.enter_context(_Watch(total, not args.no_progress))
        measure = partial(
            evaluate_sets,
            paths=args.gold,
            scoring=scoring,
            limit=args.limit,
            quote=args.show_text,
        )
        with _predictions(args.predictions) as out:
            found = measure(own, sink=_Sink(out, watch))
        others = [(stock, measure(stock, sink=_Sink(None, watch))) for stock in stocks]
    try:
        if args.plot:
            plot_measured(found, args.plot)
    except OSError as error:
        raise FailedError(f"{args.plot}: cannot be written ({error.strerror})") from None
    seconds = own.cpu_seconds
    words = sum(m.words for m in found if m.name != POOLED)
    beside = [
        [(own.name, mine), *((s.name, sets[n]) for s, sets in others)]
        for n, mine in enumerate(found)
    ]
    if args.json:
        rules = {
            "typed": scoring.typed,
            "all_types": scoring.all_types,
            "labelled_only": scoring.labelled_only,
        }
        tool = {"policy": policy.name, "policy_sha256": policy.sha256, "version": VERSION}
        against = [
            {**s.about, "cpu_seconds": round(s.cpu_seconds, 2), "sets": [m.as_dict() for m in sets]}
            for s, sets in others
        ]
        whole = {
            "scoring": rules,
            "cpu_seconds": round(seconds, 2),
            "words": words,
            "sets": [m.as_dict() for m in found],
        }
        print_json({**tool, **whole, **({"against": against} if against else {})})
    elif args.markdown:
        print(
            "\n".join(
                [
                    markdown_table(beside),
                    *(f"\n{describe_baseline(stock.about)}" for stock in stocks),
                ]
            )
        )
    else:
        console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
        for tools in beside:
            print_measured(console, tools[0][1], scoring)
            print_beside(console, tools, scoring)
        console.print(
            f"policy {policy.name}; {seconds:.1f} s of CPU, {words / max(seconds, 1e-9):,.0f} "
            "words/s"
        )
        for stock in stocks:
            console.print(describe_baseline(stock.about), markup=False)
    return REJECTED if any(m.failed for m in found) else DONE


def _lines(path: Path) -> int:
    try:
        with path.open("rb") as source:
            return sum(1 for line in source if line.strip())
    except OSError as error:
        raise GoldError(f"{path}: cannot be opened ({error.strerror})") from None


class _Sink:
    """Writes predictions and moves the progress on, conversation by conversation."""

    def __init__(self, out: BinaryIO | None, watch: _Watch) -> None:
        self.out, self.watch = out, watch
        self.seen: dict[str, str] = {}

    def __call__(self, row: GoldRow, predictions: Sequence[Prediction]) -> None:
        self.watch.step()
        if self.out is None:
            return
        if row.id in self.seen:
            raise GoldError(
                f"{row.file}:{row.line}: id: {self.seen[row.id]} has the same; predictions go by "
                "id: evaluate one file at a time"
            )
        self.seen[row.id] = f"{row.file}:{row.line}"
        self.out.write(
            orjson.dumps({"id": row.id, "spans": [p.as_dict() for p in predictions]}) + b"\n"
        )


@contextmanager
def _predictions(path: Path | None) -> Iterator[BinaryIO | None]:
    """The file predictions go to; it has its name only once it is whole."""
    if path is None:
        yield None
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        out = partial.open("wb")
    except OSError as error:
        raise UsageError(f"--predictions: {path}: cannot be written ({error.strerror})") from None
    try:
        with out:
            yield out
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class _Watch:
    """Progress on standard error: a bar on a terminal, else a line now and then."""

    EVERY = 15.0

    def __init__(self, total: int, show: bool) -> None:
        self.total, self.show, self.done = total, show, 0
        self.started = self.told = time.monotonic()
        columns = (
            TextColumn("evaluating"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self.bar = (
            Progress(*columns, console=Console(stderr=True), transient=True)
            if show and sys.stderr.isatty() and not logs_json()
            else None
        )

    def __enter__(self) -> _Watch:
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task("", total=self.total)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def step(self) -> None:
        """One conversation is done."""
        self.done += 1
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done)
        elif self.show and time.monotonic() - self.told >= self.EVERY:
            self.told = time.monotonic()
            left = (self.told - self.started) / self.done * (self.total - self.done)
            tell(f"{self.done:,} of {self.total:,} conversations, about {left:.0f} s to go")
