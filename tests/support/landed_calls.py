"""Generated calls with recordings, as they land: `<account>/<id>.wav` and `<account>/<id>.json`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from callveil.transforms.lab.sample.write import write_sample
from support.sounds import by_turns, chatter, file_of

RATE = 8000


@dataclass(frozen=True)
class Call:
    """One generated call: its key, its record as JSON, and the bytes of its recording."""

    account: str
    id: str
    record: bytes
    audio: bytes
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.account}/{self.id}"


def noise(seconds: float, seed: int = 1) -> bytes:
    """A two-channel mu-law recording that is never silent."""
    return file_of("wav-mulaw-stereo", chatter(RATE, 2, seconds, seed))


def said(turns: list[dict], seconds: float, seed: int) -> bytes:
    """The same, loud where each channel's turns are and faint everywhere else."""
    return file_of("wav-mulaw-stereo", by_turns(chatter(RATE, 2, seconds, seed), RATE, turns))


def records(folder: Path, number: int, seed: int = 1) -> list[dict]:
    """Generated interactions, one snapshot each."""
    write_sample(folder, seed, number, accounts=5, days=2, formats=("jsonl",), snapshots=False)
    return [
        json.loads(line)
        for path in sorted((folder / "interactions").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def words_of(outline: list[dict]) -> list[dict]:
    """Times for the words of turns, spread evenly over each."""
    out = []
    for turn in outline:
        words = turn["text"].split()
        step = (turn["e"] - turn["s"]) / max(1, len(words))
        for n, word in enumerate(words):
            start = turn["s"] + n * step
            out.append(
                {
                    "word": word,
                    "s": round(start, 3),
                    "e": round(start + step, 3),
                    "channel": turn.get("channel"),
                    "speaker": turn.get("speaker"),
                }
            )
    return out


def calls(
    folder: Path, number: int, seed: int = 1, seconds: float | None = None, timed: bool = True
) -> list[Call]:
    """Generated calls with a transcript, each with a recording as long as it (or `seconds`).

    Args:
        timed: the transcript times its words, as recognisers do; else turns only.
    """
    out: list[Call] = []
    size = 8 * number + 40
    for record in records(folder, size, seed):
        turns = [t for t in record.get("outline") or [] if isinstance(t.get("e"), int | float)]
        if record.get("kind", "call") != "call" or not turns or len(out) == number:
            continue
        length = seconds or math.ceil(max(t["e"] for t in turns)) + 1
        if seconds:
            scale = (seconds - 1) / max(t["e"] for t in turns)
            for row in record["outline"]:
                row |= {
                    k: round(row[k] * scale, 2)
                    for k in ("s", "e")
                    if isinstance(row.get(k), int | float)
                }
        record.pop("words", None)
        if timed:
            record["words"] = words_of(record["outline"])
        account, key = str(record["account_id"]), str(record["id"])
        out.append(
            Call(account, key, json.dumps(record).encode(), said(turns, length, len(out)), length)
        )
    assert len(out) == number, f"{len(out)} calls in {size} records; raise the size"
    return out


def land(folder: Path, call: Call, *, audio: bool = True, record: bool = True) -> None:
    """Put a call's files into a folder, each whole at once."""
    for suffix, data, wanted in ((".wav", call.audio, audio), (".json", call.record, record)):
        if wanted:
            target = folder / f"{call.name}{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            hidden = target.with_name(f".{target.name}")
            hidden.write_bytes(data)
            hidden.rename(target)
