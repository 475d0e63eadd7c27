"""Saved state of the last retention run, for incremental runs: one small file in the store.

With it the next run need not look again at what that run saw.

All that was due at the last run's time is gone from every file that run saw, unless an account's
facts or holds have changed since. So the next run looks at new files, at changed accounts, and at
what has become due in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import zstandard

from callveil.schemas.json_types import to_json_text
from callveil.transforms.governance.retention.engine import RetentionEngine
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path

DATASET = "retention_state"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class RetainState:
    """State after a run.

    Attributes:
        as_of: its time, microseconds.
        seq: its position in the store's history.
        retention: digest of the rules it decided by.
        anyone: digest of the holds that name no account.
        accounts: digest of what was known about each account, its holds counted in.
        odd: by origin of a file, accounts whose rows lie under another type than is known of them.
        pending: origins of files whose full redaction was still to come, in a run of its own, when
            this was published.
    """

    as_of: int
    seq: int
    retention: str
    anyone: str
    accounts: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pending: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes; equal states have equal ones."""
        return zstandard.ZstdCompressor(level=3).compress(
            to_json_text(msgspec.to_builtins(self) | {"format": FORMAT})
        )

    @classmethod
    def decode(cls, data: bytes) -> RetainState | None:
        """Return the state that `encode` encoded; None for one of another format, after which
        everything is looked at.
        """
        members = msgspec.json.decode(zstandard.ZstdDecompressor().decompress(data))
        return msgspec.convert(members, cls) if members["format"] == FORMAT else None


def account_digests(engine: RetentionEngine) -> dict[str, str]:
    """Return what is known about each account, as a digest."""
    names = {
        *engine.timelines.by_account,
        *(h.account_id for h in engine.holds.all if h.account_id),
    }
    out = {}
    for name in sorted(names):
        timeline = engine.timelines.get(name)
        held = engine.holds.digest(name) if engine.holds.on(name) else ""
        out[name] = (timeline.digest() if timeline else "") + held
    return out


def read_state(store: Store, snapshot: Snapshot) -> RetainState | None:
    """State of the last run, or None where there was none."""
    found = snapshot.by_dataset(DATASET)
    return RetainState.decode(store.files.read(store.url(found[0].path))) if found else None


def state_path(run_id: str) -> str:
    """Return the path of a run's state below the root."""
    return data_path(DATASET, {"kind": "state"}, run_id, "state", ".json.zst")
