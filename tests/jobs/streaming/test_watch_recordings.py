"""`callveil watch --once` over recordings that grow, come late, are broken, or are none."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.landed_calls import Call, land, noise, said
from support.sounds import (
    ESPEAK,
    chatter,
    encoded,
    file_of,
    heard,
    level,
    pcm_bytes,
    spoken,
    wav_bytes,
)
from support.watched_folder import WAIT, later, live, options, output, outputs, receipt

from callveil.pipelines import cli
from callveil.pipelines.watch import run_once
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.redact.audio.transcribe import RecogniserMissing
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import entries_of, original_names
from callveil.transforms.storage.format1.originals import open_original
from callveil.transforms.storage.tables.recordings import recording_rows

SPLIT = 6.0
"""Seconds at which the first of two transcripts ends."""


def grow(place: Path, call: Call, data: bytes, age: float = 0.0) -> None:
    """Write a recording as far as its writer had come `age` seconds ago."""
    path = place / "in" / f"{call.name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age,) * 2)


def streamed(data: bytes) -> bytes:
    """A recording whose header says nothing of its length."""
    at = data.index(b"data") + 4
    return data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]


def test_a_recording_that_is_shorter_than_it_declares_is_waited_for_and_taken_as_it_is_in_the_end(
    place, landed
):
    call, gone = landed[0], landed[1]
    land(place / "in", call, audio=False)
    grow(place, call, call.audio[:70_000])
    grow(place, gone, gone.audio[:70_000])
    land(place / "in", gone, audio=False)
    said = options(place, original="delete")
    assert run_once(said, later())["waiting"] == 2
    grow(place, call, call.audio)
    counts = run_once(said, later(65))
    assert counts["audio.done"] == 2
    whole, cut = receipt(place, call, "audio"), receipt(place, gone, "audio")
    assert (whole["cut"], whole["original"], whole["seconds"]) == (False, "delete", 20)
    assert (cut["cut"], cut["original"]) == (True, "keep")
    assert not (place / "in" / f"{call.name}.wav").exists()
    assert (place / "in" / f"{gone.name}.wav").read_bytes() == gone.audio[:70_000], (
        "never put away beside a copy that was cut"
    )
    assert run_once(said, later(500))["arrived"] == 0
    grow(place, gone, gone.audio)  # whoever wrote it has come back
    run_once(said, later(65))
    after = receipt(place, gone, "audio")
    assert (after["cut"], after["original"], after["seconds"]) == (False, "delete", 20)
    assert len(list(output(place, gone, "audio").parent.glob("audio-*"))) == 1


@pytest.mark.parametrize("beyond", [False, True])
def test_a_stream_is_published_early_and_replaced_when_it_grows(place, landed, beyond):
    call = landed[0]
    data = streamed(call.audio)
    record = json.loads(call.record)
    if not beyond:  # else the transcript reaches beyond what is there, so all of that is covered
        record |= {
            name: [row for row in record[name] if row["s"] < SPLIT] for name in ("outline", "words")
        }
        record.pop("transcription_text", None)
    land(
        place / "in", Call(call.account, call.id, json.dumps(record).encode(), b"", 20), audio=False
    )
    grow(place, call, data[:120_000], 30)
    said = options(place, original="delete")
    counts = run_once(said, later())
    first = receipt(place, call, "audio")
    assert counts["audio.done"] == 1 and first["reason"] == ("audio_times" if beyond else "")
    assert (first["covered_seconds"] == [first["seconds"]] * 2) is beyond
    assert (place / "in" / f"{call.name}.wav").exists()
    grow(place, call, data)
    assert run_once(said, later())["audio.done"] == 1
    second = receipt(place, call, "audio")
    assert (second["status"], second["seconds"]) == ("done", 20)
    assert second["object"] != first["object"]
    assert len(list(output(place, call, "audio").parent.glob("audio-*"))) == 1
    assert not list((place / "store" / "live" / "rejected").rglob("*.json"))
    run_once(said, later(65))
    assert not (place / "in" / f"{call.name}.wav").exists()
    assert receipt(place, call, "audio") == second
    grow(place, call, noise(4, 5))  # a new file where one was put away before is another recording
    run_once(said, later(65))
    assert [e["seconds"] for e in entries_of(receipt(place, call, "audio"))] == [20, 4]


def test_what_a_later_transcript_asks_for_is_covered_in_the_recording_that_is_out(place, landed):
    call = landed[0]
    record = json.loads(call.record)
    half = [t for t in record["outline"] if t["s"] < SPLIT]
    early = record | {
        "outline": half,
        "words": [w for w in record["words"] if w["s"] < SPLIT],
        "duration": 5,
    }
    early.pop("transcription_text", None)
    land(
        place / "in",
        Call(call.account, call.id, json.dumps(early).encode(), call.audio, call.seconds),
    )
    run_once(options(place, untranscribed=False), later())
    first, old = receipt(place, call, "audio"), output(place, call, "audio")
    assert all(s < SPLIT for s, _, _ in first["spans"])
    land(
        place / "in",
        Call(
            call.account,
            call.id,
            json.dumps(record | {"duration": 20}).encode(),
            call.audio,
            call.seconds,
        ),
        audio=False,
    )
    (place / "in" / f"{call.name}.wav").unlink()  # the original is not needed for it
    run_once(options(place, untranscribed=False), later(WAIT + 5))
    second = receipt(place, call, "audio")
    assert max(s for s, _, _ in second["spans"]) > SPLIT
    assert not old.exists()
    assert len(list(output(place, call, "audio").parent.glob("audio-*"))) == 1
    rate, after = heard(output(place, call, "audio"))
    for start, end, channel in second["spans"]:
        for c in [channel - 1] if channel else range(2):
            assert level(after[c, int(start * rate) : int(end * rate)]) < -60
    assert second["sha256"] != first["sha256"]


def test_texts_and_forms_wait_for_nothing_and_what_is_broken_can_be_had_back(place, capsys):
    bodies = {
        "text": {"message_body": "call me at 404-555-0123"},
        "form": {"form": {"name": "Ada Quill"}},
        "chat": {"chat_messages": [{"text": "hi"}]},
    }
    rows = [
        {"account_id": 1, "id": n, "called_at": "2026-11-01T10:00:00Z", "kind": k, **more}
        for n, (k, more) in enumerate(bodies.items())
    ]
    (place / "in" / "day.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n{broken\n")
    counts = run_once(options(place), later())
    assert counts["record.done"] == 3
    assert counts["rejected"] == counts["reason.bad_json"] == 1
    assert cli.main(["rejected", "list", "--store", str(place / "store"), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["rejected"]
    assert [(r["reason"], r["line"]) for r in listed] == [("bad_json", 4)]
    found = place / "found.jsonl"
    where = ["--store", str(place / "store"), "--keyring", str(place / "keyring.json")]
    assert cli.main(["rejected", "export", *where, "--out", str(found)]) == 0
    assert found.read_bytes() == b"{broken\n"
    written = b"".join(outputs(place).values())
    assert b"555-0123" not in written
    assert b"Quill" not in written


BROKEN = {
    "zero.wav": b"",
    "header.wav": b"RIFF\x24\x00\x00\x00WAVE",
    "words.wav": b"this is no recording at all" * 20,
    "cut.mp3": encoded(chatter(44100, 2, 3), "mp3", "libmp3lame", 44100, 96_000)[:200],
    "page.ogg": b"<html>404</html>",
}


def test_broken_recordings_are_rejected_with_a_reason_and_hold_nothing_up(place, landed):
    folder = place / "in" / landed[0].account
    land(place / "in", landed[0])
    for name, data in BROKEN.items():
        (folder / name).write_bytes(data)
    (folder / "twelve.wav").write_bytes(file_of("wav-s16", chatter(8000, 1, 1)))
    (place / "in" / "notes.txt").write_text("?")
    (place / "in" / "nowhere.wav").write_bytes(noise(1))
    counts = run_once(options(place), later(WAIT + 5))
    assert (
        counts["audio.done"] == 3
    )  # the whole call, the sound one, and the one whose folder passes for an account
    assert counts["audio.rejected"] == len(BROKEN)
    reasons = {
        n: receipt(place, Call(landed[0].account, n.rpartition(".")[0], b"", b"", 0), "audio")
        for n in BROKEN
    }
    assert {r["status"] for r in reasons.values()} == {"rejected"}
    assert {r["reason"] for r in reasons.values()} <= {
        "bad_audio",
        "unsupported_audio",
        "empty_audio",
    }
    assert all(r["detail"] for r in reasons.values())
    assert counts["reason.unknown_file"] == 1
    assert run_once(options(place), later(WAIT + 5))["arrived"] == 0


def test_mislabelled_and_many_channelled_recordings_are_told_by_content(place):
    folder = place / "in" / "17"
    folder.mkdir()
    (folder / "1.wav").write_bytes(file_of("mp3-8k", chatter(8000, 1, 2)))
    (folder / "2.wav").write_bytes(twelve_channels())
    counts = run_once(options(place), later(WAIT + 5))
    assert counts["audio.done"] == 2
    for name, channels, codec in (("1", 1, "mp3"), ("2", 12, "pcm_s16le")):
        found = receipt(place, Call("17", name, b"", b"", 0), "audio")
        assert (found["channels"], found["codec"]) == (channels, codec)


def twelve_channels() -> bytes:
    return wav_bytes(pcm_bytes(chatter(8000, 12, 1), 1, 16), 1, 8000, 12, 16)


def test_several_recordings_of_one_call_are_redacted_each_and_times_are_those_of_the_first(
    place, landed
):
    call = landed[0]
    land(place / "in", call)
    run_once(options(place, original="seal"), later())
    other = Call(call.account, call.id, b"", said(json.loads(call.record)["outline"], 20, 7), 20)
    leg = Call(call.account, call.id, b"", noise(5, 9), 5)
    land(place / "in" / "other", other, record=False)
    land(place / "in" / "leg", leg, record=False)
    counts = run_once(options(place, original="seal"), later())
    assert (counts["audio.done"], counts["reason.audio_times"]) == (2, 1)
    both = receipt(place, call, "audio")
    first, second, third = entries_of(both)
    assert (first["transcript"], second["transcript"], third["transcript"]) == (True, True, False)
    assert [s[:2] for s in second["spans"]] == [s[:2] for s in first["spans"]]
    assert {s[2] for s in second["spans"]} == {0}, "on which channel it is heard there nobody knows"
    assert third["covered_seconds"] == [5.0, 5.0]
    folder = output(place, call, "audio").parent
    assert {p.name for p in folder.glob("audio-*")} == {e["file"] for e in entries_of(both)}
    assert run_once(options(place, original="seal"), later(70)).get("settling", 0) == 0
    assert run_once(options(place, original="seal"), later(70))["arrived"] == 0
    key, keyring = InteractionKey(call.account, call.id), Keyring.load(place / "keyring.json")
    sealed = [
        b"".join(open_original(Files(), live(place), keyring, key, original_names(e)[0]))
        for e in entries_of(both)
    ]
    assert sealed == [call.audio, other.audio, leg.audio]
    assert [r["path"] for r in recording_rows(Files(), str(place / "store"))] == [
        f"live/calls/{call.name}/{e['file']}" for e in entries_of(both)
    ]


def test_without_transcript_reject_rejects(place, landed):
    land(place / "in", landed[0], record=False)
    counts = run_once(options(place, without_transcript="reject"), later(WAIT + 5))
    assert counts["audio.rejected"] == counts["reason.no_transcript"] == 1
    assert [Path(p).name for p in outputs(place) if Path(p).name.startswith("audio")] == [
        "audio.json"
    ]


@pytest.mark.skipif(not ESPEAK, reason="espeak-ng speaks the call")
def test_recognised_numbers_are_covered_where_the_policy_says_so_and_silence_is_covered_whole(
    place,
):
    folder = place / "in" / "17"
    folder.mkdir()
    words = (
        "my card number is four one one one, one one one one, one one one one, one one one one. "
    )
    (folder / "1.wav").write_bytes(file_of("wav-mulaw", np.atleast_2d(spoken(words * 2, 8000))))
    (folder / "2.wav").write_bytes(file_of("wav-mulaw", np.zeros((1, 16000))))
    said = replace(options(place, without_transcript="recognise"), recogniser="embedded")
    assert run_once(said, later(WAIT + 5))["audio.done"] == 2
    found, silent = (receipt(place, Call("17", n, b"", b"", 0), "audio") for n in "12")
    assert (silent["reason"], silent["covered_seconds"]) == ("no_transcript", [2.0])
    assert found["reason"] == "recognised"
    assert 2 < found["covered_seconds"][0] < found["seconds"] - 1
    with pytest.raises(RecogniserMissing, match="--recogniser"):
        run_once(options(place, without_transcript="recognise"), later())


@pytest.mark.parametrize("how", ["seal", "delete"])
def test_the_original_is_put_away_once_its_copy_is_out(place, landed, how):
    call = landed[0]
    land(place / "in", call)
    counts = run_once(options(place, original=how), later(50))
    assert counts["settling"] == counts["audio.done"] == 1
    assert (place / "in" / f"{call.name}.wav").read_bytes() == call.audio
    assert run_once(options(place, original=how), later(55))["settling"] == 1
    run_once(options(place, original=how), later(65))
    assert not (place / "in" / f"{call.name}.wav").exists()
    assert (place / "in" / f"{call.name}.json").exists()
    key, keyring = InteractionKey(call.account, call.id), Keyring.load(place / "keyring.json")
    if how == "seal":
        assert b"".join(open_original(Files(), live(place), keyring, key)) == call.audio
        assert call.audio[100:2000] not in b"".join(outputs(place).values())
    else:
        with pytest.raises(FileNotFoundError):
            list(open_original(Files(), live(place), keyring, key))
    assert run_once(options(place, original=how), later())["arrived"] == 0
