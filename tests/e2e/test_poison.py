"""Records made to end a run, beside a good one: the good one comes out, the rest comes out or is
rejected, in batch and in watch.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from callveil.pipelines import cli
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.rejections import rejections

GOOD = "my name is Karen Whitfield and my card is 4539 9103 1776 4670"
POLICY = "version: 1\nextends: gdpr\ndetect: {model: none}\nlimits: {field_chars: 200000}\n"


def record(number: int, **members: Any) -> str:
    head = {
        "account_id": "41",
        "id": str(7_000 + number),
        "kind": "call",
        "called_at": "2026-10-20T10:00:00Z",
        "language": "en",
    }
    return json.dumps(head | members)


def deep(inside: str, before: str, after: str) -> str:
    return record(0, custom=0)[:-2] + before * 10_000 + inside + after * 10_000 + "}"


def texts() -> list[str]:
    """Poison of every kind, each as a line of input."""
    said = [
        "four " * 1600,
        "A. " * 1200,
        "4 " * 4000,
        "(" * 4000,
        "eight" + " hundred" * 100,
        "a" * 300_000,
        "x\ud800y",
        "x\0y",
        "a@" * 4000,
        "e" + "\u0301" * 20_000,
        "/" * 20_000,
        " " * 20_000,
        "1/1/" * 2000,
    ]
    others: list[dict[str, Any]] = [
        {"custom": {f"key {n}": n for n in range(400)}},
        {"custom": {"n": 10**4000, "m": 2**64, "k": -(2**70)}, "duration": 10**400},
        {"duration": float("nan"), "custom": {"x": float("inf")}},
        {
            "name": [1, {}],
            "transcription_text": {"a": [True]},
            "outline": "x",
            "words": 7,
            "emails": {"b": 2},
            "agent": "x",
            "form": [1],
        },
        *(
            {"called_at": when}
            for when in (
                "99999-01-01T00:00:00Z",
                "0001-01-01T00:00:00+14:00",
                10**30,
                -(10**18),
                {},
            )
        ),
        {"outline": [{"speaker": "Agent", "text": ""}] * 5_000},
        {"outline": [{"speaker": f"S{n}", "text": "ok"} for n in range(300)]},
        {"transcription": "/" * 20_000 + " x"},
        {
            "outline": [{"speaker": "Agent", "text": "no " * 600}],
            "transcription_text": "no " * 500 + "yes " + "no " * 600,
        },
    ]
    lines = [record(n + 1, transcription_text=text) for n, text in enumerate(said)] + [
        record(n + 50, **more) for n, more in enumerate(others)
    ]
    return [
        *lines,
        deep("1", "[", "]"),
        deep("1", '{"a":', "}"),
        '{"id": ' + "[" * 10_000,
        "\\" * 10_000,
        '"' * 10_001,
    ]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    lines = texts()
    middle = len(lines) // 2
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "calls.jsonl").write_text(
        "\n".join([*lines[:middle], record(0, transcription_text=GOOD), *lines[middle:]]) + "\n"
    )
    os.utime(
        tmp_path / "in" / "calls.jsonl", (1_790_000_000, 1_790_000_000)
    )  # long enough ago not to wait for recordings
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def words(place: Path) -> list[str]:
    said = {
        "--input": "in",
        "--output": "store",
        "--policy": "policy.yaml",
        "--keyring": "keyring.json",
    }
    return [word for option, name in said.items() for word in (option, str(place / name))]


def all_told(rejected: list[dict[str, Any]]) -> None:
    """Check that each rejection says why and quotes nothing."""
    assert {
        "too_deep",
        "field_too_large",
        "lone_surrogate",
        "control_character",
        "wrong_type",
        "bad_json",
    } <= {r["reason"] for r in rejected}
    assert not {"internal_error", "timed_out"} & {r["reason"] for r in rejected}
    assert not any(
        quoted in r["detail"] for r in rejected for quoted in ("four", "hundred", "((", "a@", "//")
    )


def test_a_run_over_poison_redacts_what_is_good(place: Path) -> None:
    assert cli.main(["redact", *words(place), "--as-of", "2026-11-02"]) == 3
    store = Store.open(Files(), str(place / "store"))
    done = {r["id"]: r for r in open_dataset(store, "interactions").to_table().to_pylist()}
    rejected = open_dataset(store, "rejected").to_table().to_pylist()
    assert (
        "4539" not in done["7000"]["transcription_text"]
        and "Karen" not in done["7000"]["transcription_text"]
    )
    assert len(done) + len(rejected) == len(texts()) + 1
    all_told(rejected)


def test_watching_poison_publishes_what_is_good(place: Path) -> None:
    assert cli.main(["watch", "--once", *words(place)]) == 3
    files, root = Files(), str(place / "store")
    published = [p.read_text() for p in Path(root).rglob("record-*.json")]
    (good,) = [text for text in published if '"7000"' in text]
    assert "4539" not in good and "Karen" not in good
    all_told(list(rejections(files, root)))
