"""Recordings that are still being written: none is lost, no cut copy is left standing, however
parts, records and kills fall.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from support.faults import CrashingFiles, ProcessKilled
from support.landed_calls import said
from support.sounds import by_turns, chatter, file_of, heard
from support.watch_clock import Watch

from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live, entries_of, original_names
from callveil.transforms.storage.format1.originals import open_original

SECONDS = 3
FORMS = ("declared", "streamed", "mp3-8k", "opus", "flac-s16-stereo", "m4a-8k")
KEY = InteractionKey("17", "1")
TURNS = [
    {"s": 0.5, "e": 1.5, "channel": 1, "text": "my number is 404-555-0123"},
    {"s": 2.0, "e": 2.5, "channel": 2, "text": "thank you"},
]


@lru_cache(maxsize=8)
def sound(form: str) -> bytes:
    if form in ("declared", "streamed"):
        data = said(TURNS, SECONDS, 1)
        at = data.index(b"data") + 4
        return data if form == "declared" else data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]
    rate = 48000 if form == "opus" else 8000
    channels = 2 if "stereo" in form else 1
    return file_of(
        form,
        by_turns(
            chatter(rate, channels, SECONDS),
            rate,
            [t | {"channel": min(t["channel"], channels)} for t in TURNS],
        ),
    )


def record(key: InteractionKey = KEY, **more: object) -> bytes:
    doc = {
        "account_id": key.account_id,
        "id": key.id,
        "kind": "call",
        "called_at": "2026-11-01T10:00:00Z",
        "duration": 3,
        "outline": TURNS,
    }
    return json.dumps(doc | more).encode()


@dataclass
class Writer:
    """One call as it is written: the recording in four parts, its record and a later one anywhere
    between. The oracle knows when it was whole.
    """

    number: int
    rng: random.Random

    def __post_init__(self) -> None:
        rng, key = self.rng, InteractionKey("17", str(self.number))
        self.key, self.form = key, FORMS[self.number % len(FORMS)]
        self.data = sound(self.form)
        self.name = f"17/{self.number}.{'wav' if self.form in ('declared', 'streamed') else self.form.partition('-')[0].replace('opus', 'ogg')}"  # noqa: E501
        at = [0, *sorted(rng.sample(range(1, len(self.data)), 3)), len(self.data)]
        times = [rng.uniform(0, 20)]
        for _ in range(3):
            times.append(times[-1] + rng.uniform(1, 45))
        self.whole_at = times[-1]
        renamed = rng.random() < 0.2
        name = f"{self.name}.part" if renamed else self.name
        self.events = [
            (t, name, self.data[a:b]) for t, a, b in zip(times, at, at[1:], strict=False)
        ]
        self.rename_at = times[-1] + rng.uniform(0, 5) if renamed else None
        first, later = sorted(rng.uniform(0, times[-1] + 60) for _ in range(2))
        self.events.append(
            (
                first,
                f"17/{self.number}.json",
                record(key, **({"outline": None} if rng.random() < 0.5 else {})),
            )
        )
        self.events.append((later, f"17/{self.number}b.json", record(key, duration=4)))
        self.events.sort(key=lambda e: e[0])

    def write(self, watch: Watch, at: float) -> None:
        """Write what arrives until `at`, in seconds from the beginning."""
        while self.events and self.events[0][0] <= at:
            _, name, data = self.events.pop(0)
            watch.put(name, data, append=not name.endswith("json"))
        if self.rename_at is not None and at >= self.rename_at:
            path = watch.place / "in" / f"{self.name}.part"
            path.rename(path.with_suffix(""))
            self.rename_at = None


def check_originals(watch: Watch, writers: list[Writer], at: float, keyring: Keyring) -> int:
    """No original is gone before its time, or beside anything but a whole copy. Returns how many
    are gone.
    """
    gone = 0
    for w in writers:
        names = [w.name, f"{w.name}.part"]
        if any(n for _, n, _ in w.events if n in names) or any(
            (watch.place / "in" / n).exists() for n in names
        ):
            continue
        entry = watch.receipt(w.key, "audio")
        assert at >= w.whole_at + 60, (w.number, w.form, at, w.whole_at)
        assert (entry["status"], entry["cut"], round(entry["seconds"])) == ("done", False, SECONDS)
        if entry["original"] == "seal":
            sealed = open_original(Files(), watch.live, keyring, w.key, original_names(entry)[0])
            assert b"".join(sealed) == w.data
        gone += 1
    return gone


@pytest.mark.parametrize("how", ["seal", "delete"])
def test_a_writer_in_four_parts_loses_nothing_and_leaves_no_cut_copy(tmp_path, how):
    """Fifty orders each way: pauses of 1 to 45 s, records anywhere between, processes killed now
    and then.
    """
    rng = random.Random(f"settle-{how}")
    watch = Watch(tmp_path, original=how, wait_seconds=30)
    writers = [Writer(n, random.Random(rng.random())) for n in range(50)]
    keyring, early, at, gone = Keyring.load(tmp_path / "keyring.json"), 0, 0.0, 0
    while gone < len(writers):
        at += 1
        watch.now += 1
        for w in writers:
            w.write(watch, at)
        out = watch.step()
        early += sum(p.what == "audio" for p in out)
        if out or at % 10 == 0:
            gone = check_originals(watch, writers, at, keyring)
        if rng.random() < 0.05:
            watch.begin()
        assert at < 600, f"{len(writers) - gone} originals are not put away"
    watch.step(30)
    assert not watch.unsettled()
    assert early > len(writers), "streams are published before they are whole, and again"
    for w in writers:
        entry = watch.receipt(w.key, "audio")
        assert "others" not in entry
        assert entry["transcript"], "the later record says what was said"
        assert [p.name for p in watch.folder(w.key).glob("audio-*")] == [entry["file"]]
        rate, samples = heard(watch.folder(w.key) / entry["file"])
        assert abs(samples.shape[1] / rate - SECONDS) < 0.2
        assert watch.receipt(w.key, "record")["status"] == "done"
    assert not list((tmp_path / "store/live/rejected").rglob("*.json"))


def state(watch: Watch) -> dict[str, object]:
    """All that must be the same after a kill, but for names, which hold a digest of the folder's
    path.
    """
    entries = entries_of(watch.receipt(KEY, "audio"))
    named = sorted([e["file"] for e in entries] + [watch.receipt(KEY, "record")["file"]])
    files = {p.name: p.read_bytes() for p in watch.folder(KEY).glob("[ar]*-*")}
    assert sorted(files) == named
    there, keyring = {p.name for p in watch.folder(KEY).iterdir()}, watch.job.engines().keyring
    names = [original_names(e)[0] for e in entries]
    sealed = [
        b"".join(open_original(Files(), watch.live, keyring, KEY, n)) for n in names if n in there
    ]
    told = [
        {
            n: e.get(n)
            for n in ("status", "reason", "cut", "seconds", "spans", "transcript", "original")
        }
        for e in entries
    ]
    left = sorted(str(p.relative_to(watch.place / "in")) for p in (watch.place / "in").rglob("*.*"))
    copies, spans = [files[e["file"]] for e in entries], watch.receipt(KEY, "record")["spans"]
    return {"told": told, "copies": copies, "sealed": sealed, "left": left, "spans": spans}


STREAM = sound("streamed")
SCENES: dict[str, list[list[tuple[str, bytes] | float]]] = {
    "a stream that grows": [
        [("17/1.json", record()), ("17/1.wav", STREAM[:40_000]), 2.0],
        [("17/1.wav", STREAM), 2.0],
    ],
    "an original that settles": [[("17/1.json", record()), ("17/1.wav", STREAM), 2.0], [70.0]],
    "a transcript after its original was sealed": [
        [("17/1.wav", STREAM), 2.0, 35.0, 70.0],
        [("17/1.json", record()), 2.0],
    ],
    "a transcript beside a record that is out": [
        [("17/1.wav", STREAM), ("17/1.json", record(outline=None)), 2.0, 35.0],
        [
            (
                "17/1.wav.json",
                json.dumps(
                    {"segments": [{"start": 0.5, "end": 1.5, "text": "my number is 404-555-0123"}]}
                ).encode(),
            ),
            2.0,
        ],
    ],
    "another recording of the call": [
        [("17/1.json", record()), ("17/1.wav", STREAM), 2.0],
        [("b/17/1.wav", said(TURNS, SECONDS, 7)), ("c/17/1.wav", said(TURNS[:1], 1, 8)), 2.0, 70.0],
    ],
    "a recording that was cut, and comes whole": [
        [("17/1.json", record()), ("17/1.wav", said(TURNS, SECONDS, 1)[:30_000]), 70.0],
        [("17/1.wav", said(TURNS, SECONDS, 1)), 2.0, 70.0],
    ],
}


def play(watch: Watch, acts: list[tuple[str, bytes] | float]) -> None:
    for act in acts:
        if isinstance(act, float):
            watch.step(act)
        else:
            watch.put(*act)


@pytest.mark.parametrize("scene", SCENES)
def test_killed_at_each_step_and_begun_again_the_end_is_the_same(tmp_path, scene):
    before, after = SCENES[scene]
    quiet = Watch(tmp_path / "quiet", original="seal", wait_seconds=30)
    play(quiet, before)
    play(quiet, after)
    play(quiet, [2.0, 70.0, 100.0])
    expected = state(quiet)
    for steps in range(100):
        watch = Watch(tmp_path / str(steps), original="seal", wait_seconds=30)
        play(watch, before)
        watch.begin(CrashingFiles(steps))
        try:
            play(watch, after)
            killed = False
        except ProcessKilled:
            killed = True
        watch.begin()
        play(watch, [2.0, 70.0, 100.0])
        assert not watch.unsettled(), steps
        assert state(watch) == expected, steps
        if not killed:
            break
    assert steps > 3, "it was killed on its way"


WRITER = """
import sys, time
source, target, pauses = sys.argv[1], sys.argv[2], [float(p) for p in sys.argv[3:]]
data = open(source, "rb").read()
size = -(-len(data) // (len(pauses) + 1))
with open(target, "ab", buffering=0) as sink:
    for n in range(len(pauses) + 1):
        sink.write(data[n * size : (n + 1) * size])
        time.sleep(pauses[n] if n < len(pauses) else 0)
"""


@pytest.mark.soak
@pytest.mark.parametrize("form", ["declared", "streamed"])
def test_a_real_writer_with_real_pauses(tmp_path, form):
    """A process of its own appends to a file that it keeps open, with pauses of 1 to 45 s; `watch
    --once` runs every few seconds, as cron would.
    """
    (tmp_path / "in/17").mkdir(parents=True)
    (tmp_path / "source").write_bytes(sound(form))
    (tmp_path / "in/17/1.json").write_bytes(record())
    policy = parse_policy(
        "version: 1\nname: t\nextends: gdpr\nrecordings: {wait_seconds: 30, original: delete}\n"
    )
    options = WatchOptions(
        str(tmp_path / "store"),
        policy,
        (str(tmp_path / "in"),),
        keyring=str(tmp_path / "keyring.json"),
    )
    path = tmp_path / "in/17/1.wav"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "source"), str(path), "1.5", "45", "12"],
        env=os.environ,
    )
    ended = None
    while path.exists() or ended is None:
        run_once(options, time.time())
        if ended is None and writer.poll() is not None:
            ended = time.time()
        assert ended is None or time.time() < ended + 120
        time.sleep(3)
    assert writer.wait() == 0
    assert time.time() >= ended + 55
    entry = Live(Files(), str(tmp_path / "store")).receipt(KEY, "audio") or {}
    assert (entry["status"], entry["cut"], entry["seconds"]) == ("done", False, SECONDS)
    assert len(list(Path(tmp_path / "store/live/calls/17/1").glob("audio-*"))) == 1
