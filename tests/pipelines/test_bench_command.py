"""`callveil bench`: its arithmetic by hand, what it refuses, and one tiny run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callveil.pipelines import bench
from callveil.pipelines.bench import (
    BenchFigures,
    RunCost,
    estimate_capacity,
    read_conversations,
    run_bench,
)
from callveil.pipelines.beside import ALONE, STOCK, STOCK_WHOLE
from callveil.pipelines.cli import run_command
from callveil.pipelines.commands.bench import _print
from callveil.pipelines.exits import FailedError
from callveil.schemas.errors import UserError
from callveil.schemas.policy import InputLimits
from callveil.schemas.policy_load import load_policy

MIB = 1 << 20
START = RunCost(1, 1, 5.0, 4.0, 300 * MIB)
ONE = RunCost(
    1,
    1001,
    25.0,
    24.0,
    400 * MIB,
    9_000_000,
    {"interactions": 6_006_000, "findings": 2_002_000, "_callveil": 2_002_000},
)
ALL = RunCost(4, 1001, 27.0, 9.0, 900 * MIB, 9_000_000, ONE.store_bytes)
FIGURES = BenchFigures(
    START, ONE, ALL, 2_000_000, 800, 90_000, {STOCK: 12.5, STOCK_WHOLE: 8.0, ALONE: 5.0}, 19
)


def test_an_interaction_costs_a_run_less_its_start() -> None:
    assert FIGURES.cpu_each == pytest.approx(0.020)
    assert FIGURES.store_each == pytest.approx(10_000)
    ratios = FIGURES.ratios()
    assert ratios["redact_to_pipeline_alone"] == pytest.approx(5.0)
    assert ratios["redact_without_start_to_pipeline_alone"] == pytest.approx(0.020 * 1001 / 5)
    assert (ratios["redact_to_stock_turn_by_turn"], ratios["redact_to_stock_whole_texts"]) == (
        pytest.approx(2.0),
        pytest.approx(3.125),
    )
    assert (ratios["all_cores_wall"], ratios["all_cores_cpu"]) == (
        pytest.approx(24 / 9),
        pytest.approx(1.08),
    )


@pytest.mark.parametrize(
    ("calls", "utilisation", "cpu_hours", "cores", "machine_hours", "memory", "store"),
    [
        (
            1_000_000,
            0.5,
            20_000 / 3600,
            20_000 / 31_536_000 / 0.5,
            5_000 / 3600,
            400,
            10_000_000_000,
        ),
        (
            1_000_000_000,
            1.0,
            20_000_000 / 3600,
            20_000_000 / 31_536_000,
            5_000_000 / 3600,
            400,
            10_000_000_000_000,
        ),
        (
            10_000_000_000,
            0.6,
            200_000_000 / 3600,
            200_000_000 / 31_536_000 / 0.6,
            50_000_000 / 3600,
            11 * 400,
            100_000_000_000_000,
        ),
    ],
)
def test_what_a_year_needs(
    calls: int,
    utilisation: float,
    cpu_hours: float,
    cores: float,
    machine_hours: float,
    memory: int,
    store: int,
) -> None:
    found = estimate_capacity(FIGURES, calls, utilisation)
    assert found.cpu_hours == pytest.approx(cpu_hours)
    assert found.cores == pytest.approx(cores)
    assert found.machine_hours == pytest.approx(machine_hours)
    assert found.memory_bytes == memory * MIB
    assert found.store_bytes == store
    assert (
        f"{calls:,} calls x 20.0 ms" in found.how["cpu_hours"]
        and f"{utilisation:.0%}" in found.how["cores"]
    )
    assert set(found.how) == {"cpu_hours", "cores", "machine_hours", "memory_bytes", "store_bytes"}


def test_every_figure_is_printed_with_how_it_was_derived(
    capsys: pytest.CaptureFixture[str],
) -> None:
    needs = [estimate_capacity(FIGURES, calls, 0.6) for calls in bench.SCALES]
    _print(FIGURES, needs, 0.6)
    printed = capsys.readouterr().out
    for text in (
        "5.00 times the CPU",
        "2.67 times as fast",
        "10,000 bytes of the store",
        "1,000,000 calls a year",
        "1,000,000,000 calls a year",
    ):
        assert text in " ".join(printed.split())
    for found in needs:
        for how in found.how.values():
            assert how in " ".join(printed.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--records", "199"], "--records 199: too few to tell anything"),
        (["--records", "0"], "--records: expected a whole number"),
        (["--records", "300", "--accounts", "x"], "--accounts: is for --input"),
        (["--records", "300", "--utilisation", "1.5"], "--utilisation: expected a share"),
        (["--records", "300", "--folder", "/nowhere"], "--folder /nowhere: is no folder"),
        (["--records", "300", "--input", "x"], "not allowed with"),
        ([], "required"),
        (["--input", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_what_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        run_command("bench", words)


def test_a_policy_without_a_model_has_nothing_to_be_measured_beside(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "version: 1\nname: plain\nextends: gdpr\ndetect: {model: none}\n"
    )
    with pytest.raises(UserError, match="without a language model"):
        run_command("bench", ["--records", "300", "--policy", str(tmp_path / "p.yaml")])


def test_conversations_are_what_the_last_snapshot_of_each_interaction_says(tmp_path: Path) -> None:
    call = (
        '{"id": %d, "account_id": 1, "called_at": "2026-10-01T10:00:00Z", "status": '
        '"completed", "duration": %d, %s}\n'
    )
    outline = (
        '"outline": [{"speaker": "a", "text": "%s", "channel": 1}, {"speaker": "b", "text": '
        '"bye", "channel": 2}]'
    )
    text = (
        call % (1, 1, outline % "early")
        + call % (1, 9, outline % "late")
        + call % (2, 1, '"notes": "no talk"')
        + "broken\n"
    )
    (tmp_path / "in.jsonl").write_text(text + call % (3, 1, '"message_body": "a text"'))
    assert read_conversations([str(tmp_path / "in.jsonl")], InputLimits()) == [
        ["late", "bye"],
        ["a text"],
    ]


@pytest.mark.integration
def test_a_tiny_run(tmp_path: Path) -> None:
    said: list[str] = []
    found = run_bench(30, (), (), load_policy(None), None, 1, tmp_path, said.append)
    assert (found.one.interactions, found.all.interactions, found.start.interactions) == (30, 30, 1)
    assert found.one.workers == 1 and found.conversations >= 10 and found.words > 100
    assert found.one.cpu_seconds > found.start.cpu_seconds > 0.5
    assert (
        min(found.one.peak_bytes, found.one.wall_seconds, found.input_bytes, *found.beside.values())
        > 0
    )
    assert {"interactions", "findings", "index", "subjects", "_callveil"} <= set(
        found.one.store_bytes
    )
    assert set(found.beside) == {STOCK, STOCK_WHOLE, ALONE} and found.entities > 10
    assert said[0] == "generating 30 interactions" and not list(tmp_path.iterdir())
    assert replace(found, all=found.one).speed_up == 1


def test_a_run_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("broken\n")
    with pytest.raises(FailedError, match="no interaction of the input could be redacted"):
        bench.MeasuredRuns(tmp_path, (), None).redact([str(tmp_path / "in.jsonl")], 1)
