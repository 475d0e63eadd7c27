"""Storage of the row salts: one file per run that wrote rows, under `_callveil/salts`.

It is named by run, number and content.

When files of the run are purged their part is taken out: a new file is written, then every version
of the old one is purged.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from callveil.schemas.json_types import JsonObject
from callveil.transforms.storage.evidence.salts import FileSalts
from callveil.transforms.storage.evidence.signed_record import (
    SALTS,
    RecordError,
    parse_record,
    record_name,
)
from callveil.transforms.storage.files.filesystem import Files

SHORT = 16


def owner_run(path: str) -> str:
    """Return the first digits of the id of the run that wrote a data file."""
    return path.rsplit("/", 1)[-1][:SHORT]


def salts_name(run: str, seq: int, data: bytes) -> str:
    """Return the path of a run's salts below the root."""
    return f"{SALTS}/{run[:SHORT]}-{seq:08d}-{hashlib.sha256(data).hexdigest()[:SHORT]}.json"


def seq_of(path: str) -> int:
    """Number of the run whose salts a file holds."""
    return int(path.rsplit("/", 1)[-1].split("-")[1])


def encode_sections(sections: Mapping[str, JsonObject]) -> bytes:
    """Return the bytes of a salts file: encoded salts by path of the data file."""
    return orjson.dumps(dict(sections), option=orjson.OPT_SORT_KEYS)


def section_sha256(section: Mapping[str, Any]) -> str:
    """Return the digest of one file's encoded salts."""
    return hashlib.sha256(orjson.dumps(section, option=orjson.OPT_SORT_KEYS)).hexdigest()


class SaltStore:
    """Reads and destroys salts. Remembers what it has read, so it is made for one piece of work and
    thrown away.

    Args:
        files, root: the store.
    """

    def __init__(self, files: Files, root: str) -> None:
        self._files, self._root = files, root
        self._sections: dict[str, dict[str, JsonObject]] = {}
        self._roots: dict[str, dict[str, str]] = {}
        self._names: list[str] | None = None

    def read(self, path: str) -> FileSalts | None:
        """Return salts of a data file, or None where there are none that can be used."""
        run = owner_run(path)
        if run not in self._sections:
            self._sections[run] = {p: s for _, found in self._of(run) for p, s in found.items()}
        try:
            return FileSalts.decode(self._sections[run][path])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def signed_root(self, path: str) -> str:
        """Return the root over the rows of a data file as its run's record has it, hex; empty where
        there is none.
        """
        run = owner_run(path)
        if run not in self._roots:
            roots: dict[str, str] = {}
            for url in self._urls(run):
                with suppress(FileNotFoundError, RecordError, KeyError, TypeError, ValueError):
                    record = parse_record(
                        self._files.read(self._files.join(self._root, record_name(seq_of(url))))
                    )
                    roots |= {f["path"]: f["root"] for f in record.body["added"]}
            self._roots[run] = roots
        return self._roots[run].get(path, "")

    def _urls(self, run: str) -> list[str]:
        if self._names is None:
            self._names = [f.url for f in self._files.list(self._files.join(self._root, SALTS))]
        begin = self._files.join(self._root, f"{SALTS}/{run}-")
        return [n for n in self._names if n.startswith(begin)]

    def _of(self, run: str) -> Iterator[tuple[str, dict[str, JsonObject]]]:
        """Yield salts files of a run, with what in them is signed: a killed attempt may have left
        others. Damaged ones are left out.
        """
        for url in self._urls(run):
            try:
                found = orjson.loads(self._files.read(url))
                signed = self._signed(seq_of(url))
                yield (
                    url,
                    {
                        p: s
                        for p, s in found.items()
                        if signed is None or signed.get(p) == section_sha256(s)
                    },
                )
            except (ValueError, FileNotFoundError, AttributeError, IndexError, TypeError):
                continue

    def _signed(self, seq: int) -> dict[str, str] | None:
        """Return digests of salts by path, from the run's record; None where that cannot be
        read.
        """
        try:
            record = parse_record(self._files.read(self._files.join(self._root, record_name(seq))))
            return {f["path"]: f["salts_sha256"] for f in record.body["added"]}
        except (FileNotFoundError, RecordError, KeyError, TypeError):
            return None

    def destroy(self, paths: Iterable[str], live: Iterable[str]) -> int:
        """Destroy the salts of data files that are gone; returns how many object versions were
        purged. Safe to repeat.

        Args:
            paths: data files that are gone. live: data files whose salts must stay.
        """
        by_run: dict[str, set[str]] = defaultdict(set)
        keep, purged = set(live), 0
        for path in paths:
            by_run[owner_run(path)].add(path)
        for run, gone in sorted(by_run.items()):
            found = list(self._of(run))
            sections = {p: s for _, part in found for p, s in part.items()}
            left = {p: s for p, s in sections.items() if p not in gone or p in keep}
            if not found or (len(left) == len(sections) and len(found) < 2):
                continue
            data = encode_sections(left)
            name = self._files.join(self._root, salts_name(run, seq_of(found[0][0]), data))
            if left and name not in [url for url, _ in found]:
                self._files.write(name, data)
            for url, _ in found:
                if url != name or not left:
                    purged += len(self._files.purge(url))
        return purged
