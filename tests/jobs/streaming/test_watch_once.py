"""`callveil watch --once` over real files: what lands is redacted once, in any order, whole or
broken.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.landed_calls import Call, calls, land, noise, said
from support.sounds import (
    ESPEAK,
    chatter,
    encoded,
    file_of,
    film,
    gsm_raw,
    gsm_wav,
    heard,
    level,
    pcm_bytes,
    spoken,
    wav_bytes,
)

from callveil.pipelines import cli
from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.redact.audio.transcribe import RecogniserMissing
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live, entries_of, original_names
from callveil.transforms.storage.format1.originals import open_original
from callveil.transforms.storage.tables.recordings import recording_rows

WAIT = 100.0
SPLIT = 6.0
"""Seconds at which the first of two transcripts ends."""


@pytest.fixture(scope="module")
def landed(tmp_path_factory) -> list[Call]:
    return calls(tmp_path_factory.mktemp("sample"), 6, seconds=20)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


def options(place: Path, **recordings) -> WatchOptions:
    said = {"wait_seconds": WAIT, **recordings}
    policy = parse_policy(
        f"version: 1\nname: test\nextends: gdpr\nrecordings: {json.dumps(said)}\n"
    )
    return WatchOptions(
        str(place / "store"), policy, (str(place / "in"),), keyring=str(place / "keyring.json")
    )


def later(seconds: float = 5.0) -> float:
    return time.time() + seconds


def live(place: Path) -> Live:
    return Live(Files(), str(place / "store"))


def receipt(place: Path, call: Call, what: str):
    return live(place).receipt(InteractionKey(call.account, call.id), what)


def output(place: Path, call: Call, what: str) -> Path:
    return (
        Path(live(place).folder(InteractionKey(call.account, call.id)))
        / receipt(place, call, what)["file"]
    )


def outputs(place: Path) -> dict[str, bytes]:
    """All that was published; proofs of evidence hold salts, which are others each time."""
    root = place / "store" / "live" / "calls"
    found = (
        p
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.name.startswith(".") and ".proof." not in p.name
    )
    return {str(p.relative_to(root)): p.read_bytes() for p in found}


def test_recording_and_record_are_redacted_together(place, landed):
    for call in landed:
        land(place / "in", call)
    counts = run_once(options(place), later())
    assert (counts["audio.done"], counts["record.done"], counts["arrived"]) == (6, 6, 12)
    for call in landed:
        audio = receipt(place, call, "audio")
        assert audio["transcript"] is True
        assert sum(audio["covered_seconds"]) > 0
        rate, before = heard(place / "in" / f"{call.name}.wav")
        after_rate, after = heard(output(place, call, "audio"))
        assert (after_rate, after.shape) == (rate, before.shape)
        changed = np.flatnonzero((before != after).any(axis=0)) / rate
        margins = [
            (s - 0.2, (e if e is not None else call.seconds) + 0.2) for s, e, _ in audio["spans"]
        ]
        assert all(any(s <= t <= e for s, e in margins) for t in changed), (
            "only what the spans say was touched"
        )
        for start, end, channel in audio["spans"]:
            for c in [channel - 1] if channel else range(2):
                assert (
                    level(
                        after[
                            c,
                            int(start * rate) : int(min(end or call.seconds, call.seconds) * rate),
                        ]
                    )
                    < -60
                )
        document = json.loads(output(place, call, "record").read_bytes())
        assert document["interaction"]["redaction_mode"] == "content"
        assert len(document["findings"]) == receipt(place, call, "record")["findings"] > 0


def test_containers_are_read_by_content_and_written_under_the_suffix_that_fits(place):
    """GSM as a telephone system writes it, and a meeting with pictures, both without a
    transcript.
    """
    meeting = film(chatter(48_000, 1, 2), "webm", "libvpx", "libopus", 48_000)
    made = {"1": (".gsm", gsm_raw(2)), "2": (".mp4", gsm_wav(2)), "3": (".webm", meeting)}
    for number, (suffix, data) in made.items():
        (place / "in" / "17").mkdir(exist_ok=True)
        (place / "in" / "17" / f"{number}{suffix}").write_bytes(data)
    counts = run_once(options(place, wait_seconds=0), later())
    assert counts["audio.done"] == 3
    found = {n: live(place).receipt(InteractionKey("17", n), "audio") for n in made}
    told = {
        n: (r["codec"], r["container"], r["written"], r["written_container"], r["video"])
        for n, r in found.items()
    }
    assert told == {
        "1": ("gsm", "gsm", "flac", "flac", ""),
        "2": ("gsm_ms", "wav", "pcm_s16le", "wav", ""),
        "3": ("opus", "matroska", "opus", "matroska", "dropped"),
    }
    for number, suffix in (("1", ".flac"), ("2", ".wav"), ("3", ".webm")):
        assert found[number]["file"].endswith(suffix)
        _, after = heard(
            Path(live(place).folder(InteractionKey("17", number))) / found[number]["file"]
        )
        assert after.shape[1] and level(after) < -60


def other_way_round(call: Call) -> Call:
    """The same call recorded with its channels swapped."""
    codes = np.frombuffer(call.audio, np.uint8).copy()
    first = call.audio.index(b"data") + 8
    codes[first:] = codes[first:].reshape(-1, 2)[:, ::-1].ravel()
    return replace(call, audio=codes.tobytes())


@pytest.mark.parametrize("first", ["together", "record", "recording"])
def test_times_are_held_against_the_recording_whichever_comes_first(place, landed, first):
    """In the order right, swapped, another call's: what is covered, and what the receipt says."""
    right, swapped, another = (
        landed[0],
        other_way_round(landed[1]),
        replace(landed[2], audio=landed[3].audio),
    )
    for wanted in {
        "together": [(True, True)],
        "record": [(False, True), (True, False)],
        "recording": [(True, False), (True, True)],
    }[first]:
        for call in (right, swapped, another):
            land(place / "in", call, audio=wanted[0], record=wanted[1])
        run_once(
            options(place), later(WAIT + 5 if wanted != (True, False) or first == "record" else 5)
        )
    found = [receipt(place, call, "audio") for call in (right, swapped, another)]
    assert [(r["times"], r["heard_on"], r["reason"]) for r in found] == [
        ("fits", "own", ""),
        ("swapped", "swapped", ""),
        ("refused", "all", "audio_times"),
    ]
    assert found[2]["covered_seconds"] == [20.0, 20.0] and not found[2]["transcript"]
    for call, taken in ((right, found[0]), (swapped, found[1])):
        said = {(w["channel"], w["s"]) for w in json.loads(call.record)["words"]}
        channels = {"own": (1, 2), "swapped": (2, 1)}[taken["heard_on"]]
        assert taken["changed_db"] == 0 and taken["residue_dbfs"] < -100
        for start, _, channel in taken["spans"]:
            assert any(channel in (0, channels[c - 1]) and abs(start - s) < 0.05 for c, s in said)


def test_a_recording_of_refused_times_does_not_wait_after_a_kill(place, landed):
    """The process was killed once the record was out and its recording not: nothing more will come,
    so it is covered at once.
    """
    call = replace(landed[2], audio=landed[3].audio)
    land(place / "in", call, audio=False)
    run_once(options(place), later(WAIT + 5))
    folder = Path(live(place).folder(InteractionKey(call.account, call.id)))
    told = json.loads((folder / "record.json").read_bytes())
    (folder / "record.json").write_text(json.dumps(told | {"spans": None}))
    land(place / "in", call, record=False)
    run_once(options(place), later(5))
    assert receipt(place, call, "audio")["covered_seconds"] == [20.0, 20.0]


def test_a_later_transcript_that_is_another_call_s_covers_all(place, landed):
    call = landed[0]
    land(place / "in", call)
    run_once(options(place), later())
    assert receipt(place, call, "audio")["times"] == "fits"
    record = json.loads(call.record)
    other = json.loads(landed[3].record)
    (place / "in" / call.account / "later.json").write_text(
        json.dumps(
            record
            | {k: other[k] for k in ("outline", "words")}
            | {"updated_at": "2031-01-01T00:00:00Z"}
        )
    )
    run_once(options(place), later())
    found = receipt(place, call, "audio")
    assert (found["reason"], found["covered_seconds"]) == ("audio_times", [20.0, 20.0])


def test_where_words_are_not_heard_their_turn_is_covered(place, tmp_path_factory):
    (call,) = calls(tmp_path_factory.mktemp("untimed"), 1, seconds=20, timed=False)
    land(place / "in", call)
    run_once(options(place), later())
    spans = receipt(place, call, "audio")["spans"]
    turns = {(t["s"], t["e"]) for t in json.loads(call.record)["outline"]}
    assert spans
    assert {(s, e) for s, e, _ in spans} <= turns


def test_again_does_nothing(place, landed):
    for call in landed[:2]:
        land(place / "in", call)
    run_once(options(place), later())
    before = outputs(place)
    assert run_once(options(place), later()) == {"arrived": 0}
    was = receipt(place, landed[0], "audio")
    land(
        place / "in", landed[0]
    )  # written anew with the same content: another object, the same outputs
    again = run_once(options(place), later())
    assert again.get("record.done", 0) == again.get("audio.done", 0) == 0
    assert receipt(place, landed[0], "audio").keys() == was.keys()
    assert {n: d for n, d in outputs(place).items() if "audio.json" not in n} == {
        n: d for n, d in before.items() if "audio.json" not in n
    }
    (place / "in").rename(place / "elsewhere")
    moved = replace(options(place, original="delete"), places=(str(place / "elsewhere"),))
    run_once(moved, later(70))
    assert run_once(moved, later(70))["arrived"] == 0
    now = receipt(place, landed[0], "audio")
    assert (now["file"], now["source"]) == (
        was["file"],
        str(place / "elsewhere" / f"{landed[0].name}.wav"),
    )
    assert Path(now["source"]).exists(), "the policy it was redacted by keeps it"


def test_either_order_and_no_other_half(place, landed):
    first, second, third, fourth = landed[:4]
    land(place / "in", first, record=False)
    land(place / "in", second, audio=False)
    land(place / "in", third, record=False)
    land(place / "in", fourth, audio=False)
    assert run_once(options(place), later())["waiting"] == 4
    assert not list((place / "store" / "live").glob("calls/*"))
    land(place / "in", first, audio=False)
    land(place / "in", second, record=False)
    counts = run_once(options(place), later())
    assert (counts["audio.done"], counts["record.done"], counts["waiting"]) == (2, 2, 2)
    counts = run_once(options(place), later(WAIT + 5))
    assert (counts["audio.done"], counts["record.done"], counts["reason.no_transcript"]) == (
        1,
        1,
        1,
    )
    alone = receipt(place, third, "audio")
    assert alone["covered_seconds"] == [20.0, 20.0]
    assert (alone["reason"], alone["transcript"]) == ("no_transcript", False)
    _, after = heard(output(place, third, "audio"))
    assert level(after) < -60


def test_a_recording_that_comes_after_its_record_went_out_alone_is_covered_by_what_was_found_then(
    place, landed
):
    call = landed[0]
    land(place / "in", call, audio=False)
    run_once(options(place), later(WAIT + 5))
    land(place / "in", call, record=False)
    counts = run_once(options(place), later())
    assert counts["audio.done"] == 1
    assert [s[:2] for s in receipt(place, call, "audio")["spans"]] == [
        s[:2] for s in receipt(place, call, "record")["spans"]
    ]
    assert 0 < sum(receipt(place, call, "audio")["covered_seconds"]) < 40


@pytest.mark.parametrize("how", ["keep", "seal"])
def test_a_recording_that_was_covered_whole_is_done_again_when_its_transcript_comes(
    place, landed, how
):
    call = landed[0]
    land(place / "in", call, record=False)
    run_once(options(place, original=how), later(WAIT + 5))
    whole = output(place, call, "audio")
    assert receipt(place, call, "audio")["covered_seconds"] == [20.0, 20.0]
    assert (place / "in" / f"{call.name}.wav").exists() == (how == "keep")
    land(place / "in", call, audio=False)
    counts = run_once(options(place, original=how), later())
    assert counts["record.done"] == 1
    again, told = receipt(place, call, "audio"), receipt(place, call, "record")
    assert (again["transcript"], again["reason"], again["spans"]) == (True, "", told["spans"])
    assert 0 < sum(again["covered_seconds"]) < 40
    assert not whole.exists()
    folder = place / "timely"
    land(folder / "in", call)
    run_once(options(folder), later())
    assert output(place, call, "audio").read_bytes() == output(folder, call, "audio").read_bytes()
    assert run_once(options(place, original=how), later(WAIT + 5))["arrived"] == 0


def test_a_late_transcript_uncovers_nothing_where_the_original_is_gone(place, landed):
    call = landed[0]
    land(place / "in", call, record=False)
    run_once(options(place, original="delete"), later(WAIT + 5))
    before = receipt(place, call, "audio")
    land(place / "in", call, audio=False)
    assert run_once(options(place, original="delete"), later())["record.done"] == 1
    assert receipt(place, call, "audio") == before


def test_a_later_snapshot_takes_the_records_place_and_an_earlier_one_does_not(place, landed):
    call = landed[0]
    land(place / "in", call)
    run_once(options(place), later())
    first = output(place, call, "record")
    record = json.loads(call.record)
    newer = Call(
        call.account,
        call.id,
        json.dumps(record | {"duration": 5000, "notes": "called again"}).encode(),
        call.audio,
        call.seconds,
    )
    land(place / "in", newer, audio=False)
    assert run_once(options(place), later(WAIT + 5))["record.done"] == 1
    assert not first.exists()
    assert output(place, call, "record").exists()
    older = Call(
        call.account,
        call.id,
        json.dumps(record | {"duration": 1}).encode(),
        call.audio,
        call.seconds,
    )
    land(place / "in", older, audio=False)
    assert run_once(options(place), later(WAIT + 5)).get("record.done", 0) == 0


def grow(place: Path, call: Call, data: bytes, age: float = 0.0) -> None:
    """What a writer has written so far, `age` seconds ago."""
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


def test_killed_at_any_moment_and_run_again_gives_what_an_undisturbed_run_gives(
    place, landed, tmp_path_factory
):
    for call in landed:
        land(place / "in", call)
    quiet = tmp_path_factory.mktemp("quiet")
    (quiet / "in").symlink_to(place / "in")
    command = [
        sys.executable,
        "-m",
        "callveil.pipelines.cli",
        "watch",
        "--once",
        "--input",
        str(place / "in"),
        "--json",
    ]
    env = os.environ | {"CALLVEIL_KEYRING": str(place / "keyring.json"), "PYTHONUNBUFFERED": "1"}
    Keyring.create(place / "keyring.json")
    time.sleep(1.1)
    seen = set()
    for share in (0.2, 0.5, 0.8):  # of the outputs: killed when so many of them are there
        process = subprocess.Popen(
            [*command, "--output", str(place / "store")],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while (
            process.poll() is None
            and sum(n.endswith(("record.json", "audio.json")) for n in outputs(place)) < share * 12
        ):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        seen.add(process.wait())
    assert -signal.SIGKILL in seen, "at least one run was killed before it had ended"
    subprocess.run(
        [*command, "--output", str(place / "store")], env=env, check=True, stdout=subprocess.DEVNULL
    )
    subprocess.run(
        [*command, "--output", str(quiet / "store")], env=env, check=True, stdout=subprocess.DEVNULL
    )
    assert outputs(place) == outputs(quiet)
    assert sum(n.endswith("audio.json") for n in outputs(place)) == 6
