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
from support.landed_calls import Call, calls, land
from support.sounds import (
    chatter,
    film,
    gsm_raw,
    gsm_wav,
    heard,
    level,
)
from support.watched_folder import WAIT, later, live, options, output, outputs, receipt

from callveil.pipelines.watch import run_once
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.storage.encryption.keyring import Keyring


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
