"""A transcript in a file of its own, that names no interaction: it belongs to the recording beside
it, in whatever order they and the record come.
"""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import transcript_forms as forms
from support.landed_calls import said

from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.ingest.transcripts.bare import bare_transcript
from callveil.transforms.jobs.streaming.object_names import RecordingNaming
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live

WAIT = 100.0
VTT = """WEBVTT

00:01.000 --> 00:03.000
<v Caller>my number is 404-555-0123

00:04.000 --> 00:06.000
<v Agent>thank you, and when can we call
"""
SPANS = [[1.0, 3.0]]
RECORD = {
    "called_at": "2026-11-01T10:00:00Z",
    "kind": "call",
    "duration": 8,
    "caller_number": "+14045550100",
}
WHISPER = {
    "language": "en",
    "segments": [
        {"start": 1.0, "end": 3.0, "text": "my number is 404-555-0123"},
        {"start": 4.0, "end": 6.0, "text": "thank you"},
    ],
}


def talk(seed: int = 1, *more: dict[str, Any]) -> bytes:
    """A recording of eight seconds in which the parties are heard when the transcript says so."""
    return said(
        [{"channel": 1, "s": 1.0, "e": 3.0}, {"channel": 2, "s": 4.0, "e": 6.0}, *more], 8, seed
    )


def options(place: Path, **recordings: Any) -> WatchOptions:
    said = {"wait_seconds": WAIT, "align": False, **recordings}
    policy = parse_policy(
        f"version: 1\nname: test\nextends: gdpr\nrecordings: {json.dumps(said)}\n"
    )
    return WatchOptions(
        str(place / "store"), policy, (str(place / "in"),), keyring=str(place / "keyring.json")
    )


def put(place: Path, name: str, data: bytes | str) -> Path:
    path = place / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def receipt(place: Path, call: str, what: Any) -> dict[str, Any]:
    return Live(Files(), str(place / "store")).receipt(InteractionKey("17", call), what) or {}


def published(place: Path, call: str) -> dict[str, Any]:
    return json.loads(
        (place / "store/live/calls/17" / call / receipt(place, call, "record")["file"]).read_bytes()
    )["interaction"]


def covered(place: Path, call: str) -> list[list[float]]:
    return [s[:2] for s in receipt(place, call, "audio")["spans"]]


@pytest.mark.parametrize(
    "form", (*forms.WITH_CHANNELS, *forms.WITH_WORDS, *forms.TURNS_ONLY), ids=lambda f: f.__name__
)
def test_every_form_is_told_from_a_record(form):
    doc = form()
    data = doc.encode() if isinstance(doc, str) else json.dumps(doc).encode()
    assert bare_transcript(data) == doc
    assert bare_transcript(b"\xef\xbb\xbf" + data) == doc
    for record in (
        {"account_id": 1, "id": 2, "transcript": doc},
        [{"account_id": 1, "transcript": doc}],
        {"call": {"account": {"id": 1}}, "x": doc},
    ):
        assert bare_transcript(json.dumps(record).encode()) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"{broken",
        b"hello there",
        b"\xff\xfe",
        b'{"id": 1}',
        b'"text"',
        b"00:01 --> what",
    ],
)
def test_anything_else_is_none(data):
    assert bare_transcript(data) is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("17/1.vtt", "1"),
        ("17/1.wav.json", "1"),
        ("17/1.MP3.srt", "1"),
        ("17/1.en.vtt", "1"),
        ("17/1.en-US.vtt", "1"),
        ("17/1.transcript.json", "1"),
        ("17/call_123.json", "call_123"),
        ("17/1.2.json", "1.2"),
        ("s3://b/17/1.txt", "1"),
        ("s3://17/1.txt", None),
        ("1.txt", None),
    ],
)
def test_the_name_says_whose_it_is(name, key):
    assert RecordingNaming().key_beside(name) == (InteractionKey("17", key) if key else None)


NAMES = ("1.vtt", "2.wav.vtt", "3.txt", "4.en.srt", "5.json", "6.wav.json")


def test_a_recording_and_what_lies_beside_it_are_one_call_and_what_was_not_read_is_named(place):
    for name in NAMES:
        put(place, f"17/{name[0]}.wav", talk(int(name[0])))
        put(place, f"17/{name}", json.dumps(WHISPER) if name.endswith("json") else VTT)
    put(place, "17/7.txt", "a note that is no transcript")
    counts = run_once(options(place), time.time() + 5)
    assert (
        counts["audio.done"],
        counts["record.done"],
        counts["transcripts"],
        counts["joined"],
    ) == (6, 6, 6, 6)
    assert counts["rejected"] == counts["reason.unknown_file"] == 1
    for name in NAMES:
        assert covered(place, name[0]) == SPANS
        text = json.dumps(published(place, name[0]))
        assert "555-0123" not in text
        assert "thank you" in text
    assert run_once(options(place), time.time() + 5) == {"arrived": 0}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


def test_in_whatever_order_they_come_and_however_late_the_call_is_the_same(place):
    orders = list(itertools.permutations(("wav", "json", "vtt")))
    for step in range(3):
        for n, order in enumerate(orders):
            record = json.dumps({**RECORD, "account_id": 17, "id": n})
            put(
                place,
                f"17/{n}.{order[step]}",
                {"wav": talk(n + 1), "json": record, "vtt": VTT}[order[step]],
            )
        run_once(options(place), time.time() + WAIT + 5)
    for n in range(len(orders)):
        row = published(place, str(n))
        assert (row["duration"], row["called_at"][:10]) == (8, "2026-11-01"), orders[n]
        assert "thank you" in json.dumps(row), orders[n]
        assert "555-01" not in json.dumps(row), orders[n]
        assert (covered(place, str(n)), receipt(place, str(n), "audio")["transcript"]) == (
            SPANS,
            True,
        ), orders[n]
        files = (place / f"store/live/calls/17/{n}").glob("[ar]*-*")
        assert sorted(p.name.partition("-")[0] for p in files) == ["audio", "record"], orders[n]
    assert run_once(options(place), time.time() + WAIT + 5) == {"arrived": 0}
    later = {**RECORD, "account_id": 17, "id": 0, "duration": 9}
    put(place, "17/later.json", json.dumps(later))
    run_once(options(place), time.time() + WAIT + 5)
    assert (published(place, "0")["duration"], covered(place, "0")) == (9, SPANS)
    assert "thank you" in json.dumps(published(place, "0"))


def test_where_the_record_is_gone_the_transcript_says_what_to_cover_all_the_same(place):
    record = put(place, "17/1.json", json.dumps({**RECORD, "account_id": 17, "id": 1}))
    put(place, "17/1.wav", talk())
    run_once(options(place), time.time() + WAIT + 5)
    before = published(place, "1")
    assert receipt(place, "1", "audio")["covered_seconds"] == [8.0, 8.0]
    record.unlink()
    put(place, "17/1.vtt", VTT)
    run_once(options(place), time.time() + 5)
    assert covered(place, "1") == SPANS
    assert published(place, "1") == before
    assert run_once(options(place), time.time() + WAIT + 5) == {"arrived": 0}


def test_a_record_with_a_transcript_of_its_own_needs_none(place):
    put(
        place, "17/1.json", json.dumps({**RECORD, "account_id": 17, "id": 1, "transcript": WHISPER})
    )
    put(place, "17/1.wav", talk())
    put(place, "17/1.vtt", VTT.replace("00:01.000", "00:00.000").replace("thank you", "no"))
    run_once(options(place), time.time() + 5)
    assert covered(place, "1") == SPANS
    assert '"no, and' not in json.dumps(published(place, "1"))
    assert run_once(options(place), time.time() + WAIT + 5) == {"arrived": 0}


def test_a_transcript_that_is_written_anew_takes_the_place_of_the_one_before(place):
    put(place, "17/1.wav", talk(1, {"channel": 1, "s": 6.5, "e": 7.5}))
    put(place, "17/1.vtt", VTT.replace("404-555-0123", "lost"))
    run_once(options(place), time.time() + 5)
    assert covered(place, "1") == [[6.2, 7.8]]  # somebody is heard of whom it says nothing
    put(place, "17/1.vtt", VTT + "\n\n00:06.500 --> 00:07.500\nor 404-555-0199\n")
    run_once(options(place), time.time() + 5)
    assert covered(place, "1")[1:] == [[1.0, 3.0], [6.5, 7.5]]
    assert "404-555" not in json.dumps(published(place, "1"))


def test_a_transcript_whose_name_says_nothing_is_rejected(place):
    put(place, "talk.vtt", VTT)
    put(place, "talk.json", json.dumps(WHISPER))
    counts = run_once(
        replace(options(place), naming=RecordingNaming("rec_{account_id}_{id}")), time.time() + 5
    )
    assert counts["rejected"] == counts["reason.unnamed_transcript"] == 2
