"""`callveil audio redact` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import sounds, voices
from support.generated_calls import calls

from callveil.pipelines.cli import main


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    path.write_bytes(recorded(sounds.chatter(8000, 2, 8)))
    return path


OUTLINE = [
    {
        "speaker": "Agent",
        "channel": 2,
        "s": 0.2,
        "e": 2.0,
        "text": "Could you read me your card number please?",
    },
    {
        "speaker": "Caller",
        "channel": 1,
        "s": 2.4,
        "e": 5.9,
        "text": "Yes, it is 4111 1111 1111 1111.",
    },
    {"speaker": "Agent", "channel": 2, "s": 6.3, "e": 7.5, "text": "Thank you, that is all."},
]
"""A generated call: the caller says a card number in the second turn."""


def recorded(signal: sounds.Signal) -> bytes:
    return sounds.wav_bytes(sounds.pcm_bytes(signal, 7, 8), 7, 8000, len(signal), 8)


def talk() -> sounds.Signal:
    """Return the sound of a call in which `OUTLINE` is said."""
    return sounds.by_turns(sounds.chatter(8000, 2, 8), 8000, OUTLINE)


def test_spans_from_a_file(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spans, out = call.parent / "spans.json", call.parent / "clean.wav"
    spans.write_text('[{"start": 1, "end": 2.5, "channel": 1}, {"start": 7}]')
    words = [
        "audio",
        "redact",
        "--input",
        str(call),
        "--output",
        str(out),
        "--spans",
        str(spans),
        "--padding",
        "0",
        "--json",
    ]
    assert main([*words, "--dry-run"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert not out.exists()
    assert main(words) == 0
    done = json.loads(capsys.readouterr().out)
    assert planned["covered"] == done["covered"] == [[[1.0, 2.5], [7.0, 8.0]], [[7.0, 8.0]]]
    assert done["covered_seconds"] == [2.5, 1.0]
    _, heard = sounds.heard(out)
    assert not heard[0, 8000:20000].any()
    assert heard[1, 8000:20000].any()


def redacted(
    call: Path, signal: sounds.Signal, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[str, dict]:
    """Redact a recording with the interaction of `OUTLINE`; return what is printed, and the JSON
    form of it.
    """
    record = {
        "id": "1",
        "account_id": "7",
        "called_at": "2026-11-01T10:00:00Z",
        "duration": 8,
        "audio": "call.wav",
        "outline": OUTLINE,
    }
    source, out = call.parent / "call.json", call.parent / "clean.wav"
    source.write_text(json.dumps(record))
    call.write_bytes(recorded(signal))
    words = [
        "audio",
        "redact",
        "--input",
        str(call),
        "--output",
        str(out),
        "--interaction",
        str(source),
        "--policy",
        "pci",
        *more,
    ]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    return printed, json.loads(capsys.readouterr().out)


def test_spans_from_an_interaction(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, found = redacted(call, talk(), capsys)
    assert "channel 1: 1 stretch(es) covered, 3.7 s" in said
    assert "channel 2: 0 stretch(es) covered" in said
    assert (found["times"], found["heard_on"], found["changed_db"], found["overheard"]) == (
        "fits",
        "own",
        0.0,
        None,
    )
    assert found["residue_dbfs"] < -100
    (_, before), (_, after) = sounds.heard(call), sounds.heard(call.parent / "clean.wav")
    assert not after[0, int(2.3 * 8000) : 6 * 8000].any()
    assert (after[1] == before[1]).all()


@pytest.mark.parametrize(
    ("form", "said", "covered"),
    [
        ("swapped", "channels are swapped", [[], [[2.3, 6.0]]]),
        ("late", "times are +1.50 s off what is heard", [[[3.8, 7.5]], []]),
        (
            "one channel twice",
            "it is unclear who is heard on which channel",
            [[[2.3, 6.0]], [[2.3, 6.0]]],
        ),
        ("another", "times are another recording's", [[[0, 8]], [[0, 8]]]),
    ],
)
def test_times_are_held_against_the_sound(
    call: Path, capsys: pytest.CaptureFixture[str], form: str, said: str, covered: list
) -> None:
    signal = talk()
    signal = {
        "swapped": signal[::-1],
        "late": np.concatenate([np.zeros((2, 12_000)), signal], axis=1),
        "one channel twice": np.repeat(signal.sum(axis=0, keepdims=True) / 2, 2, axis=0),
        "another": sounds.by_turns(
            sounds.chatter(8000, 2, 8),
            8000,
            [
                {"channel": c, "s": s, "e": e}
                for c, s, e in ((1, 0.2, 1.2), (2, 3.0, 3.6), (1, 6.5, 7.9))
            ],
        ),
    }[form]
    printed, found = redacted(call, signal, capsys, "--no-align")
    assert said in printed
    assert [
        [[pytest.approx(t, abs=0.05) for t in pair] for pair in channel] for channel in covered
    ] == found["covered"]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ("{}", "an array"),
        ("[1]", "item 0"),
        ('[{"start": 3, "end": 1}]', "item 0"),
        ('[{"from": 3}]', "item 0"),
        ("[", "JSON"),
        ('[{"start": "x"}]', "item 0"),
    ],
)
def test_wrong_spans_are_a_usage_error(
    call: Path, capsys: pytest.CaptureFixture[str], spans: str, said: str
) -> None:
    path = call.parent / "spans.json"
    path.write_text(spans)
    assert (
        main(
            [
                "audio",
                "redact",
                "--input",
                str(call),
                "--output",
                str(call.parent / "x.wav"),
                "--spans",
                str(path),
            ]
        )
        == 2
    )
    assert said in capsys.readouterr().err


def test_refusals(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spans, bad = call.parent / "spans.json", call.parent / "bad.wav"
    spans.write_text('[{"start": 1, "end": 2}]')
    bad.write_bytes(b"no recording")
    assert (
        main(
            [
                "audio",
                "redact",
                "--input",
                str(bad),
                "--output",
                str(call.parent / "x"),
                "--spans",
                str(spans),
            ]
        )
        == 3
    )
    assert "bad_audio" in capsys.readouterr().err
    assert (
        main(
            ["audio", "redact", "--input", str(call), "--output", str(call), "--spans", str(spans)]
        )
        == 2
    )
    assert (
        main(
            [
                "audio",
                "redact",
                "--input",
                str(call.parent / "none"),
                "--output",
                str(call.parent / "x"),
                "--spans",
                str(spans),
            ]
        )
        == 2
    )
    assert not (call.parent / "x").exists()


@pytest.mark.skipif(not voices.LIBRARY, reason=voices.NEEDS_ESPEAK)
def test_words_of_turns_are_looked_for_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = next(calls(1, seed=5))
    (tmp_path / "call.wav").write_bytes(made.wav())
    (tmp_path / "call.json").write_text(json.dumps(made.record))
    words = [
        "audio",
        "redact",
        "--input",
        str(tmp_path / "call.wav"),
        "--output",
        str(tmp_path / "out.wav"),
        "--json",
    ]
    covered = {}
    for option in ("--align", "--no-align"):
        assert main([*words, "--interaction", str(tmp_path / "call.json"), option]) == 0
        covered[option] = sum(json.loads(capsys.readouterr().out)["covered_seconds"])
    assert 0 < covered["--align"] < covered["--no-align"]


def test_what_decides_has_to_be_given(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["audio", "redact", "--input", str(call), "--output", str(call.parent / "x.wav")]
    assert main(words) == 2
    assert "--recogniser" in capsys.readouterr().err
    (call.parent / "spans.json").write_text("[]")
    assert (
        main([*words, "--spans", str(call.parent / "spans.json"), "--recogniser", "embedded"]) == 2
    )
    (call.parent / "empty.json").write_text(
        json.dumps(
            {"id": "1", "account_id": "7", "called_at": "2026-11-01T10:00:00Z", "duration": 8}
        )
    )
    assert main([*words, "--interaction", str(call.parent / "empty.json")]) == 2
    assert "has no transcript" in capsys.readouterr().err
    assert main([*words, "--recogniser", str(call.parent)]) == 2
    assert "model.bin" in capsys.readouterr().err
    assert not (call.parent / "x.wav").exists()


def test_a_recording_of_which_nothing_is_understood_is_covered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silence has no words."""
    (tmp_path / "call.wav").write_bytes(sounds.wav_bytes(bytes([255]) * 16_000, 7, 8000, 1, 8))
    words = [
        "audio",
        "redact",
        "--input",
        str(tmp_path / "call.wav"),
        "--output",
        str(tmp_path / "out.wav"),
        "--recogniser",
        "embedded",
        "--json",
    ]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["covered_seconds"] == [2.0]
