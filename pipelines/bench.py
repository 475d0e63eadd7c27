"""Redaction cost benchmark on this machine, against stock Presidio and the spaCy pipeline alone.

From the measured cost it derives the resources that a year's calls need.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from callveil.pipelines.beside import ALONE, STOCK, STOCK_WHOLE, build_comparison, measure_cpu
from callveil.pipelines.exits import DONE, REJECTED, FailedError
from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import InputLimits, Policy
from callveil.transforms.detect.document import DocumentSet, roles_of
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.execution.resources import usable_cores
from callveil.transforms.ingest.chunks import plan_input
from callveil.transforms.ingest.deduplicate import best_raw
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.lab.sample.write import write_sample
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files

YEAR = 365 * 86_400
SCALES = (1_000_000, 1_000_000_000)
ROUNDS = 3
AS_OF = "2026-11-24"
CALLVEIL = (sys.executable, "-m", "callveil.pipelines.cli")
Say = Callable[[str], None]


@dataclass(frozen=True)
class RunCost:
    """Cost of one run of `callveil redact`.

    Attributes:
        workers: processes that redacted. interactions: redacted.
        cpu_seconds: of all its processes. wall_seconds: from start to end.
        peak_bytes: memory of all its processes together, at most.
        written_bytes: what the system wrote to disks for it, working files too; 0 where it does not
            tell.
        store_bytes: of the store afterwards, by dataset; `_callveil` is manifests, evidence and
            salts.
    """

    workers: int
    interactions: int
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    written_bytes: int = 0
    store_bytes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BenchFigures:
    """Figures of a measurement.

    Attributes:
        start: a run over one interaction: what a run costs before it does anything. one, all: with
            one process, and with all cores.
        input_bytes: of the input, unpacked, about. conversations: that the others read.
        words: in them. beside: CPU seconds over all conversations by tool, median of the rounds.
            entities: how many types stock looks for.
    """

    start: RunCost
    one: RunCost
    all: RunCost
    input_bytes: int
    conversations: int
    words: int
    beside: Mapping[str, float]
    entities: int

    @property
    def cpu_each(self) -> float:
        """CPU seconds an interaction costs, without the start of a run."""
        more = self.one.interactions - self.start.interactions
        return max(0.0, self.one.cpu_seconds - self.start.cpu_seconds) / max(1, more)

    @property
    def store_each(self) -> float:
        """Bytes of the store an interaction takes."""
        return sum(self.one.store_bytes.values()) / max(1, self.one.interactions)

    @property
    def speed_up(self) -> float:
        """How many times as fast all cores are as one."""
        return self.one.wall_seconds / self.all.wall_seconds

    def ratios(self) -> dict[str, float]:
        """Return the ratios of this one run."""
        alone = self.beside[ALONE]
        return {
            "redact_to_pipeline_alone": self.one.cpu_seconds / alone,
            "redact_without_start_to_pipeline_alone": self.cpu_each * self.one.interactions / alone,
            "redact_to_stock_turn_by_turn": self.one.cpu_seconds / self.beside[STOCK],
            "redact_to_stock_whole_texts": self.one.cpu_seconds / self.beside[STOCK_WHOLE],
            "all_cores_wall": self.speed_up,
            "all_cores_cpu": self.all.cpu_seconds / self.one.cpu_seconds,
        }


@dataclass(frozen=True)
class CapacityEstimate:
    """Estimated needs of so many calls a year. `how` says of each figure how it was derived."""

    calls: int
    cpu_hours: float
    cores: float
    machine_hours: float
    memory_bytes: int
    store_bytes: int
    how: Mapping[str, str]


def estimate_capacity(figures: BenchFigures, calls: int, utilisation: float) -> CapacityEstimate:
    """Return what a year with so many calls needs, by what one call took here.

    Args:
        utilisation: share of the cores' time that is used, spread over the year: the rest is for
            peaks, and for what goes wrong.
    """
    each, cpu_hours = figures.cpu_each, calls * figures.cpu_each / 3600
    busy = calls * each / YEAR / utilisation
    whole = max(1, math.ceil(busy))
    used = figures.all.workers
    pace = max(0.0, figures.all.wall_seconds - figures.start.wall_seconds) / max(
        1, figures.all.interactions - figures.start.interactions
    )
    memory = figures.one.peak_bytes * whole
    store = calls * figures.store_each
    how = {
        "cpu_hours": f"{calls:,} calls x {1000 * each:.1f} ms of CPU (a run of "
        f"{figures.one.interactions:,} less the start of one) / 3,600,000",
        "cores": f"{calls * each:,.0f} s of CPU / {YEAR:,} s of a year / {utilisation:.0%} "
        "utilisation",
        "machine_hours": f"{calls:,} calls x {1000 * pace:.1f} ms, the pace of {used} processes on "
        "this machine, / 3,600,000",
        "memory_bytes": f"{whole:,} cores x {figures.one.peak_bytes / 2**20:,.0f} MiB, the peak of "
        "one process; at most, since workers share",
        "store_bytes": f"{calls:,} calls x {figures.store_each:,.0f} bytes each, findings, indexes "
        "and evidence included; input left out",
    }
    return CapacityEstimate(calls, cpu_hours, busy, calls * pace / 3600, memory, round(store), how)


def run_bench(
    records: int,
    inputs: Sequence[str],
    accounts: Sequence[str],
    policy: Policy,
    policy_name: str | None,
    seed: int,
    folder: Path | None,
    say: Say,
) -> BenchFigures:
    """Measure.

    Args:
        records: interactions to generate where there are no `inputs`.
        inputs, accounts: as `callveil redact` takes them.
        policy_name: what `--policy` said. seed: of what is generated.
        folder: where to work; None: a temporary folder. Everything written is removed afterwards.
        say: told what is going on.

    Raises `FailedError` where a run fails.
    """
    with tempfile.TemporaryDirectory(prefix="callveil-bench-", dir=folder) as work:
        place = Path(work)
        if not inputs:
            say(f"generating {records:,} interactions")
            write_sample(
                place / "sample", seed, records, max(1, records // 100), 7, formats=("jsonl",)
            )
            inputs, accounts = (
                [str(place / "sample" / "interactions")],
                [str(place / "sample" / "accounts.jsonl")],
            )
        size = plan_input(Files(), list(inputs)).bytes()
        runs = MeasuredRuns(place, accounts, policy_name)
        say("reading the conversations")
        talks = read_conversations(inputs, policy.limits)
        say("the start of a run: one interaction")
        one_line = place / "one.jsonl"
        one_line.write_text(
            json.dumps(
                {
                    "id": 1,
                    "account_id": 1,
                    "called_at": "2026-10-01T10:00:00Z",
                    "notes": "nothing to see",
                }
            )
            + "\n"
        )
        start = runs.redact([str(one_line)], 1)
        say("redact with one process")
        one = runs.redact(inputs, 1)
        say(f"redact with {usable_cores()} processes")
        every = runs.redact(inputs, usable_cores()) if usable_cores() > 1 else one
        say(f"stock Presidio and the spaCy pipeline, {ROUNDS + 1} rounds")
        todo, entities = build_comparison(policy, talks, Detector(policy.detect))
        seconds, _ = measure_cpu(todo, ROUNDS)
    words = sum(len(text.split()) for talk in talks for text in talk)
    return BenchFigures(
        start,
        one,
        every,
        size,
        len(talks),
        words,
        {name: statistics.median(s) for name, s in seconds.items()},
        len(entities),
    )


def read_conversations(inputs: Sequence[str], limits: InputLimits) -> list[list[str]]:
    """Return turns of the conversation of each interaction, or of the one text it has."""
    files = Files()
    raws: dict[InteractionKey, RawInteraction] = {}
    for chunk in plan_input(files, list(inputs)).chunks:
        for item in read_chunk(files, chunk, limits):
            if isinstance(item, RawInteraction):
                raws[item.key] = best_raw(raws.get(item.key), item)
    talks = (_talk(raw) for _, raw in sorted(raws.items()))
    return [talk for talk in talks if talk]


def _talk(raw: RawInteraction) -> list[str]:
    record = dict(raw.record)
    for reading in DocumentSet(list(walk(record)), roles_of(record)).readings[:1]:
        if reading.name == "conversation":
            view = reading.view
            parts = [view.text[turn.start : turn.end] for turn in view.turns] or [view.text]
            return [text for part in parts if (text := part.strip())]
    return []


class MeasuredRuns:
    """Measured runs of `callveil redact` in processes of their own, with a keyring and state of
    their own.

    Args:
        place: folder for stores, keyring and state. accounts: files with account records. policy:
            as `--policy` takes it; None: the default.
    """

    def __init__(self, place: Path, accounts: Sequence[str], policy: str | None) -> None:
        self.place, self.number = place, 0
        self.words = [
            *(["--accounts", *accounts] if accounts else []),
            *(["--policy", policy] if policy else []),
            "--as-of",
            AS_OF,
        ]

    def redact(
        self, inputs: Sequence[str], workers: int = 0, program: Sequence[str] = CALLVEIL
    ) -> RunCost:
        """Run the command once into a store of its own, which is measured and removed.

        Args:
            workers: processes; 0: what the machine allows. program: what runs the command.
        """
        self.number += 1
        store = self.place / f"store-{self.number}"
        words = [
            "redact",
            "--input",
            *inputs,
            "--output",
            str(store),
            *self.words,
            "--json",
            "--no-progress",
        ]
        words += ["--workers", str(workers)] if workers else []
        words += [
            "--keyring",
            str(self.place / "keys" / "keyring.json"),
            "--state",
            str(self.place / "state"),
        ]
        started = time.monotonic()
        with (
            tempfile.TemporaryFile(dir=self.place) as out,
            tempfile.TemporaryFile(dir=self.place) as err,
        ):
            process = subprocess.Popen(  # noqa: S603 - the command line is our own
                [*program, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.monotonic() - started
            if process.returncode not in (DONE, REJECTED):
                err.seek(0)
                raise FailedError(
                    "the run that is measured failed: "
                    f"{err.read().decode(errors='replace').strip().splitlines()[-1:]}"
                )
            out.seek(0)
            told = json.loads(out.read())
        cost = RunCost(
            told["workers"],
            told["counts"].get("redacted", 0),
            used.ru_utime + used.ru_stime,
            wall,
            told["peak_memory_bytes"],
            used.ru_oublock * 512,
            _sizes(store),
        )
        shutil.rmtree(store)
        if not cost.interactions:
            raise FailedError(
                "no interaction of the input could be redacted; `callveil redact` on it says why"
            )
        return cost


def _sizes(root: Path) -> dict[str, int]:
    """Return the bytes of a store by dataset."""
    out: dict[str, int] = {}
    for entry in Store.open(Files(), str(root)).current().files:
        out[entry.dataset] = out.get(entry.dataset, 0) + entry.bytes
    out["_callveil"] = sum(p.stat().st_size for p in (root / "_callveil").rglob("*") if p.is_file())
    return dict(sorted(out.items()))


def as_dict(figures: BenchFigures, needs: Sequence[CapacityEstimate]) -> JsonObject:
    """JSON form."""
    return {
        "cores": usable_cores(),
        **asdict(figures),
        "cpu_seconds_each": figures.cpu_each,
        "store_bytes_each": figures.store_each,
        "ratios": figures.ratios(),
        "a_year": [asdict(n) for n in needs],
    }
