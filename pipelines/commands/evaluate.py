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
from callveil.pipelines.measures import (
    describe_baseline,
    markdown_table,
    print_beside,
    print_measured,
)
from callveil.pipelines.options import policy_of, with_common
from callveil.pipelines.plot import PlotError, check_plot, plot_measured
from callveil.pipelines.summary import print_json
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.models import VERSION
from callveil.transforms.detect.pipeline import ModelError
from callveil.transforms.lab.evaluate.evaluate import (
    POOLED,
    CallveilFinder,
    EntityFinder,
    evaluate_sets,
    warm_up,
)
from callveil.transforms.lab.evaluate.gold import GoldError, GoldRow, Prediction
from callveil.transforms.lab.evaluate.measure import Scoring
from callveil.transforms.lab.evaluate.stock_presidio import DEFAULT_MODEL, StockError, StockPresidio

DESCRIPTION = """\
Measure detection on labelled conversations: JSON lines of
  {"id", "turns": [{"speaker", "text"}], "spans": [{"turn", "start", "end", "type"}], "metadata":
  {"complete_types": [...]}}
Offsets count characters of the turn. Each conversation is read whole, as the redaction job reads
it, with nothing known of the contact; what the policy would replace counts as found.

Printed with 95 % intervals: recall by entity (every letter and digit of a span covered) and by
character, letters left readable and letters covered outside every label per 1,000 characters,
conversations without a leak, precision where a row says which types it labels completely, all of it
by type; what kind of thing was missed, and what was covered without a label. Labels are seldom
complete, so over-redaction is an upper bound. No text is printed unless you ask for it.

--against presidio runs Presidio as it comes over the same conversations: its default recognizers,
configuration and score threshold (0), on one turn at a time, since it knows no conversations, and
asked only for types the policy does not keep. It needs a spaCy pipeline of yours (en_core_web_sm
unless you name another), and runs in a process of its own."""

EPILOG = """\
examples:
  callveil evaluate --gold dev.jsonl
  callveil evaluate --gold a.jsonl b.jsonl --policy policy.yaml --predictions found.jsonl --json
  callveil evaluate --gold dev.jsonl --plot recall.svg --show-text --limit 200
  callveil evaluate --gold dev.jsonl --against presidio --against presidio:en_core_web_lg --markdown

exit codes: 0 done, 1 a file could not be written, 2 usage, 3 some conversations would have been
rejected (they count as wholly leaked)"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    raw = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser(
        prog="callveil evaluate", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw
    )
    p.add_argument(
        "--gold",
        nargs="+",
        action="extend",
        required=True,
        type=Path,
        metavar="FILE",
        help="labelled conversations",
    )
    p.add_argument(
        "--policy",
        metavar="NAME|FILE",
        help="gdpr (default), pci, hipaa, ccpa, gdpr-attribution, or a YAML file",
    )
    p.add_argument(
        "--against",
        action="append",
        default=[],
        type=_against,
        metavar="presidio[:MODEL]",
        help="the same measures of stock Presidio, over spaCy pipeline MODEL (default "
        "en_core_web_sm), beside them; may be repeated",
    )
    p.add_argument(
        "--predictions",
        type=Path,
        metavar="OUT",
        help="write what was found, without text, one {id, spans} a line",
    )
    p.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw recall by type as .svg or .png (needs pip install 'callveil[plot]')",
    )
    p.add_argument(
        "--typed",
        action="store_true",
        help="a letter counts as found only where the type is right as well",
    )
    p.add_argument(
        "--labelled-only",
        action="store_true",
        help="leave labels that a pattern added (`by: regex`) out of recall",
    )
    p.add_argument(
        "--all-types",
        action="store_true",
        help="count places, dates, amounts and other types among the core as well",
    )
    p.add_argument(
        "--limit", type=_positive, metavar="N", help="first N conversations of each file only"
    )
    p.add_argument(
        "--show-text",
        action="store_true",
        help="quote examples of what was missed and covered; they are personal data if your input "
        "is",
    )
    form = p.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print as JSON")
    form.add_argument(
        "--markdown",
        action="store_true",
        help="print one table in Markdown, a line for each set and tool",
    )
    p.add_argument("--no-progress", action="store_true", help="no progress on standard error")
    return with_common(p)


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number of at least 1")
    return number


def _against(text: str) -> str:
    tool, _, model = text.partition(":")
    if tool != "presidio" or text.endswith(":"):
        raise argparse.ArgumentTypeError(
            "expected presidio, or presidio: and the name or path of a spaCy pipeline"
        )
    return model or DEFAULT_MODEL


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    policy = policy_of(args.policy)
    scoring = Scoring(args.typed, args.all_types, args.labelled_only)

    def kept(entity: str) -> bool:
        return policy.base.operator(entity).name == "keep"

    try:
        if args.plot:
            check_plot(args.plot)
        total = (1 + len(args.against)) * sum(
            min(_lines(path), args.limit or sys.maxsize) for path in args.gold
        )
        with ExitStack() as stack:
            stocks = [
                stack.enter_context(StockPresidio(m, kept)) for m in dict.fromkeys(args.against)
            ]
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
    except (GoldError, ModelError, PlotError, StockError, FileNotFoundError) as error:
        raise UsageError(str(error)) from None
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
            if show and sys.stderr.isatty()
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
            print(
                f"callveil evaluate: {self.done:,} of {self.total:,} conversations, about "
                f"{left:.0f} s to go",
                file=sys.stderr,
            )
