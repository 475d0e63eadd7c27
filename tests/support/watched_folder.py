"""A folder that `callveil watch --once` reads, and what it made of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from callveil.pipelines.watch import WatchOptions
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live
from support.landed_calls import Call

WAIT = 100.0


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
