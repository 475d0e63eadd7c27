"""`callveil evaluate` from the command line. All names and numbers are made up."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import spacy
from rich.console import Console

from callveil.pipelines import cli
from callveil.pipelines.commands import evaluate as command
from callveil.pipelines.measures import markdown_table, print_beside
from callveil.transforms.detect.engine import Detector
from callveil.transforms.lab.evaluate.evaluate import SetResult
from callveil.transforms.lab.evaluate.gold import GoldLabel, GoldRow, Prediction
from callveil.transforms.lab.evaluate.measure import Scoring, Tally
from callveil.transforms.lab.evaluate.misses import ErrorCounts


@pytest.fixture(autouse=True)
def one_detector(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command builds its engines anew; here it gets the ones that are there already, which are
    the same for the default policy.
    """
    monkeypatch.setattr(command, "Detector", lambda settings: detector)


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = cli.main(["evaluate", *map(str, words)])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_summary_holds_figures_and_no_text(
    gold_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--gold", gold_file)
    assert code == 0 and not err
    for word in (
        "entity recall",
        "0.667 (",
        "leaked per 1,000",
        "PHONE",
        "missed: 1 core spans",
        "words/s",
    ):
        assert word in out
    assert "please" not in out and "jane" not in out and "four one" not in out


def test_text_is_quoted_on_request_only(
    gold_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "--gold", gold_file, "--show-text")
    assert "«please»" in out
    _, plain, _ = run(capsys, "--gold", gold_file, "--json")
    _, quoted, _ = run(capsys, "--gold", gold_file, "--json", "--show-text")
    assert "please" not in plain and "please" in quoted


def test_json_has_every_measure_with_its_interval(
    gold_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--gold", gold_file, "--json", "--limit", 1)
    told = json.loads(out)
    (measured,) = told["sets"]
    assert code == 0 and measured["dialogues"] == 1 and len(told["policy_sha256"]) == 64
    for name in (
        "entity_recall",
        "char_recall",
        "leak_per_1000",
        "over_per_1000",
        "zero_leak",
        "precision",
        "typed_precision",
    ):
        assert set(measured[name]) == {"value", "low", "high", "n"}
    assert measured["entity_recall"]["value"] == 1
    assert measured["precision"] == {
        "value": 1.0,
        "low": pytest.approx(0.2065, abs=1e-4),
        "high": 1.0,
        "n": 1,
    }


def test_options_of_scoring_reach_the_scoring(
    gold_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(
        capsys, "--gold", gold_file, "--json", "--typed", "--all-types", "--labelled-only"
    )
    assert json.loads(out)["scoring"] == {"typed": True, "all_types": True, "labelled_only": True}


def test_predictions_are_written_without_text(
    gold_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found.jsonl"
    assert run(capsys, "--gold", gold_file, "--predictions", out)[0] == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["id"] for r in rows] == ["one", "two"]
    assert all(
        set(s) == {"turn", "start", "end", "type", "score"} for r in rows for s in r["spans"]
    )
    assert any(
        s["type"] == "EMAIL_ADDRESS" and (s["start"], s["end"]) == (9, 29) for s in rows[1]["spans"]
    )
    assert not list(tmp_path.glob(".*partial"))


def test_predictions_of_two_files_may_not_share_an_id(
    gold_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "again.jsonl"
    other.write_bytes(gold_file.read_bytes())
    out = tmp_path / "found.jsonl"
    code, _, err = run(capsys, "--gold", gold_file, other, "--predictions", out)
    assert code == 2 and "again.jsonl:1: id:" in err and not out.exists()
    code, told, _ = run(capsys, "--gold", gold_file, other, "--json")
    assert code == 0 and [s["name"] for s in json.loads(told)["sets"]][-1] == "all files"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gold", "none.jsonl"], "none.jsonl: cannot be opened"),
        (["--gold", "{gold}", "--plot", "picture.pdf"], "must end in .svg or .png"),
        (["--gold", "{gold}", "--plot", "nowhere/picture.svg"], "nowhere: is no folder"),
        (
            ["--gold", "{gold}", "--predictions", "nowhere/found.jsonl"],
            "nowhere/found.jsonl: cannot be written",
        ),
        (["--gold", "{gold}", "--policy", "none.yaml"], "none.yaml"),
        (
            ["--gold", "{gold}", "--against", "presidio:xx_nowhere_sm"],
            "python -m spacy download xx_nowhere_sm",
        ),
        (["--gold", "{gold}", "--against", "presidio:/nowhere/model"], "config.cfg"),
        (["--gold", "{gold}", "--against", "presidio:{gold}"], "it is no spaCy pipeline"),
    ],
)
def test_mistakes_are_usage_errors(
    words: list[str], message: str, gold_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, *(w.format(gold=gold_file) for w in words))
    assert code == 2 and message in err and "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        "--limit 0",
        "--limit -1",
        "--limit many",
        "--against presidio:",
        "--against spacy",
        "--json --markdown",
    ],
)
def test_options_that_cannot_be(words: str, gold_file: Path) -> None:
    assert cli.main(["evaluate", "--gold", str(gold_file), *words.split()]) == 2


def test_stock_presidio_runs_beside(
    gold_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": "PERSON", "pattern": "Zorblax"}, {"label": "DATE", "pattern": "please"}]
    )
    nlp.to_disk(tmp_path / "ruler")
    code, out, err = run(
        capsys, "--gold", gold_file, "--against", f"presidio:{tmp_path / 'ruler'}", "--json"
    )
    told = json.loads(out)
    ((stock, (theirs,)), (mine,)) = ((told["against"][0], told["against"][0]["sets"]), told["sets"])
    assert code == 0 and not err
    assert (
        stock["score_threshold"] == 0
        and {"PERSON", "EMAIL_ADDRESS"} <= set(stock["entities"])
        and "DATE_TIME" in stock["kept"]
    )
    recall = {
        side: {k: t["entity_recall"]["value"] for k, t in m["by_type"].items()}
        for side, m in (("mine", mine), ("theirs", theirs))
    }
    assert recall == {
        "mine": {"PHONE": 1, "EMAIL": 1, "PERSON": 0},
        "theirs": {"PHONE": 0, "EMAIL": 1, "PERSON": 0},
    }  # no spoken numbers; no date
    assert (
        theirs["people_per_1000_words"] == pytest.approx(1000 / theirs["words"])
        and theirs["cpu_seconds"] > 0
    )
    assert {(o["type"], o["detector"]) for o in theirs["over"]} >= {("PERSON", "SpacyRecognizer")}


def test_side_by_side_in_words_and_markdown() -> None:
    labels = (GoldLabel(0, 0, 7, "PERSON"), GoldLabel(0, 11, 15, "LOCATION"))
    row = GoldRow(
        "a", "set.jsonl", 1, (("caller", "Ann Lee of Rome"),), labels, frozenset({"PERSON"})
    )
    sides = []
    for name, spans in (("callveil", [(0, 7)]), ("presidio:m", [(0, 3), (8, 10)])):
        measured = SetResult("sets/set.jsonl", Tally(Scoring()), ErrorCounts(), cpu_seconds=0.25)
        measured.add(row, [Prediction(0, a, b, "PERSON", 1.0) for a, b in spans])
        sides.append((name, measured))
    console = Console(file=io.StringIO(), width=140)
    print_beside(console, sides, Scoring())
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert "people found per 1,000 words 250.00 500.00" in lines
    assert "precision 1.000 (0.207 to 1.000) 0.500 (0.095 to 0.905)" in lines
    head, _, *rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in markdown_table([sides]).splitlines()
    ]
    assert all(len(r) == len(head) for r in rows)
    assert rows[0] == [
        "set",
        "1",
        "callveil",
        "1.000",
        "0.00",
        "0.00",
        "250.00",
        "1.000",
        "1.000",
        "0.2",
    ]
    assert rows[1] == [
        "",
        "",
        "presidio:m",
        "0.000",
        "200.00",
        "133.33",
        "500.00",
        "0.000",
        "0.500",
        "0.2",
    ]


def test_a_rejected_conversation_gives_exit_code_3(
    gold_file: Path,
    detector: Detector,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recognizer = next(
        r for r in detector.analyzer.registry.recognizers if r.name == "SpokenEmailRecognizer"
    )

    def failing(*_: Any, **__: Any) -> Any:
        raise RuntimeError("generated failure")

    monkeypatch.setattr(type(recognizer), "analyze", failing)
    code, out, err = run(capsys, "--gold", gold_file)
    assert code == 3 and "would have been rejected" in out and "generated failure" not in out + err


def test_pictures(gold_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="pip install 'callveil[plot]'")
    first, second, raster = (tmp_path / n for n in ("a.svg", "b.svg", "c.png"))
    for path in (first, second, raster):
        assert run(capsys, "--gold", gold_file, "--plot", path)[0] == 0
    assert first.read_bytes() == second.read_bytes()
    assert b"<svg" in first.read_bytes()[:500] and "PHONE (1)" in first.read_text()
    assert raster.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_without_matplotlib_the_remedy_is_named(
    gold_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callveil.pipelines.plot.find_spec", lambda name: None)
    code, _, err = run(capsys, "--gold", gold_file, "--plot", "x.svg")
    assert code == 2 and "callveil[plot]" in err


def test_the_command_line_keeps_matrices_on_one_thread() -> None:
    code = "import callveil.pipelines.cli, os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    bare = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    for given, expected in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")):
        out = subprocess.run(
            [sys.executable, "-c", code],
            env=bare | given,
            capture_output=True,
            text=True,
            check=True,
        )
        assert out.stdout.strip() == expected
