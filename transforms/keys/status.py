"""Which key sealed what: read from the heads of sealed files and the column of findings that names keys. Needs no key."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from callveil.transforms.store.catalog import Store
from callveil.transforms.store.sealed import MAGIC
from callveil.transforms.store.snapshot import CONTROL

HEAD_BYTES = len(MAGIC) + 1 + 64
_PLAIN = (".parquet", ".json", ".zst", ".proofs", ".yaml")


@dataclass(frozen=True)
class KeyUse:
    """What hangs on one key.

    Attributes:
        files: sealed files by dataset or folder. bytes: of them.
        values: tokens and pseudonyms in live findings, by action.
    """

    files: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)

    @property
    def is_used(self) -> bool:
        """Whether anything would stay closed without the key."""
        return bool(self.files or self.values)


def sealed_with(head: bytes) -> str | None:
    """Id of the key that sealed a file, from its first bytes; None where it is no sealed file."""
    if not head.startswith(MAGIC) or len(head) <= len(MAGIC):
        return None
    start = len(MAGIC) + 1
    return head[start : start + head[len(MAGIC)]].decode("utf-8", "replace")


def sealed_files(store: Store) -> dict[str, tuple[str, int]]:
    """Every sealed file of a store, working files left out: path to key id and size."""
    out: dict[str, tuple[str, int]] = {}
    for info in store.files.list(store.root):
        path = info.url[len(store.root) :].lstrip("/")
        if path.endswith(_PLAIN) or path.startswith(f"{CONTROL}/"):
            continue
        key_id = sealed_with(store.files.read(info.url, 0, HEAD_BYTES))
        if key_id is not None:
            out[path] = (key_id, info.size)
    return out


def uses(store: Store) -> dict[str, KeyUse]:
    """What hangs on each key, by key id."""
    out: dict[str, KeyUse] = {}
    for path, (key_id, size) in sealed_files(store).items():
        use, where = out.setdefault(key_id, KeyUse()), path.split("/")[0]
        use.files[where] += 1
        use.bytes[where] += size
    for entry in store.current().by_dataset("findings"):
        with store.files.open(store.url(entry.path)) as source:
            for batch in pq.ParquetFile(source).iter_batches(20_000, columns=["key_id", "action"]):
                pairs = Counter(zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True))
                for (key_id, action), count in pairs.items():
                    if key_id:
                        out.setdefault(key_id, KeyUse()).values[action] += count
    return out
