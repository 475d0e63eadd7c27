"""Labelled conversations of other people, turned into calls of the platform's shape."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from callveil.schemas.errors import UserError
from callveil.schemas.json_types import JsonObject

SECONDS_PER_WORD = 0.4
"""About 150 words a minute."""

ACCOUNT = "900001"


class ConvertError(UserError, ValueError):
    """A conversation cannot be read; the text names file, line and field."""


def read_conversation_files(paths: Sequence[Path]) -> Iterator[tuple[str, int, JsonObject]]:
    """File name, line and content of every conversation."""
    for path in paths:
        try:
            source = path.open("rb")
        except OSError as error:
            raise ConvertError(f"{path}: cannot be opened ({error.strerror})") from None
        with source:
            for number, line in enumerate(source, 1):
                if not line.strip():
                    continue
                try:
                    row = orjson.loads(line)
                except ValueError:
                    raise ConvertError(f"{path}:{number}: not a JSON line") from None
                turns = row.get("turns") if isinstance(row, dict) else None
                if not isinstance(turns, list) or not all(
                    isinstance(t, dict) and isinstance(t.get("text"), str) for t in turns
                ):
                    raise ConvertError(
                        f"{path}:{number}: turns: expected a list of objects with a text"
                    )
                yield path.stem, number, row


def as_call(source: str, number: int, row: JsonObject, start: dt.datetime) -> JsonObject:
    """Return one conversation as the platform would send it: outline with times, flat transcript,
    no contact data.
    """
    outline: list[JsonObject] = []
    place = 0.0
    for turn in row["turns"]:
        speaker = str(turn.get("speaker") or "")
        length = round(SECONDS_PER_WORD * max(1, len(turn["text"].split())), 2)
        agent = speaker.lower() in ("agent", "system", "assistant")
        outline.append(
            {
                "speaker": "Agent" if agent else "Caller",
                "channel": 2 if agent else 1,
                "text": turn["text"],
                "s": round(place, 2),
                "e": round(place + length, 2),
            }
        )
        place += length
    name = str(row.get("id") or f"{source}-{number}")
    # An id of the platform is a number beyond 32 bits; a digest of the conversation's own id gives
    # the same one every time.
    key = 5_000_000_000 + int.from_bytes(
        hashlib.sha256(f"{source}/{name}".encode()).digest()[:6], "big"
    )
    called = start + dt.timedelta(seconds=37 * number)
    return {
        "id": key,
        "account_id": ACCOUNT,
        "sid": f"CA-{source}-{number}",
        "direction": "inbound",
        "status": "completed",
        "called_at": called.isoformat(),
        "duration": round(place),
        "talk_time": round(place),
        "source": "converted conversation",
        "transcript": {"outline": outline},
        "transcription_text": "\n".join(f"{t['speaker']}: {t['text']}" for t in outline),
    }


def convert_conversations(paths: Sequence[Path], out: Path, seed: int, day: dt.date) -> int:
    """Write the conversations as JSON lines below `out/interactions`, one file per source, and an
    account record.

    Returns: how many. Raises `ConvertError` for a file or line that holds none.
    """
    folder = out / "interactions"
    folder.mkdir(parents=True, exist_ok=True)
    start = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(seconds=seed)
    count = 0
    sinks: JsonObject = {}
    try:
        for source, number, row in read_conversation_files(paths):
            if source not in sinks:
                sinks[source] = (folder / f"{source}.jsonl").open("wb")
            sinks[source].write(orjson.dumps(as_call(source, number, row, start)) + b"\n")
            count += 1
    finally:
        for sink in sinks.values():
            sink.close()
    (out / "accounts.jsonl").write_bytes(
        orjson.dumps({"account_id": ACCOUNT, "type": "individual", "status": "active"}) + b"\n"
    )
    (out / "README.txt").write_text(
        "Calls made by `callveil sample --dialogues` from conversations that other people wrote. "
        "Times, ids and the account are generated.\n"
    )
    return count
