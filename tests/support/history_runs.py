"""Shared parts of the history tests: raw versions to redacted ones without a store, and a place to
run the job in.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.schemas.interaction import SourceRef
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy, parse_policy
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion, RedactedVersion
from callveil.transforms.detect.decision import MinimumRedaction
from callveil.transforms.ingest.versions.normalize import normalize_version
from callveil.transforms.redact.versions.decision import choose_settings
from callveil.transforms.redact.versions.redactor import VersionRedactor
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables.versions import version_from_row

AS_OF = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
PLAIN = "version: 1\nname: plain\nextends: gdpr\ndetect: {model: none}\n"


def version(**members: Any) -> dict[str, Any]:
    """A generated version in the native shape; nobody's data."""
    record: dict[str, Any] = {
        "version_id": "1",
        "account_id": "41",
        "item_type": "User",
        "item_id": "15",
        "event": "update",
        "created_at": "2026-10-20T10:00:00Z",
        "user_id": 3,
        "changes": [],
    }
    return record | members


def policy(text: str = "") -> Policy:
    """The default preset without a language model, with `text` (YAML) on top."""
    return parse_policy(PLAIN + text)


@dataclass
class Redact:
    """Redacts single versions."""

    detector: Any
    keyring: Keyring

    def raw(self, record: Mapping[str, Any]) -> RawVersion:
        """The version as ingest reads it."""
        return normalize_version(record, SourceRef("generated.jsonl", 1), policy().limits)

    def many(
        self,
        records: Iterable[Mapping[str, Any]],
        rules: str = "",
        floor: MinimumRedaction | None = None,
        fields: frozenset[str] = frozenset(),
    ) -> list[RedactedVersion | Rejected]:
        """Redact some versions under the default policy with `rules` on top."""
        own = policy(rules)
        work = [
            (raw, choose_settings(own, raw, "individual", "90001", AS_OF, floor, fields))
            for raw in map(self.raw, records)
        ]
        return list(
            VersionRedactor(self.detector, self.keyring, "run-1", own.sha256, AS_OF).redact(work)
        )

    def __call__(self, record: Mapping[str, Any], rules: str = "", **how: Any) -> RedactedVersion:
        """Redact one version; a rejection fails the test."""
        (item,) = self.many([record], rules, **how)
        assert isinstance(item, RedactedVersion), item
        return item

    def change(
        self, item_type: str, name: str, before: Any, after: Any, rules: str = "", **how: Any
    ) -> tuple[Any, Any]:
        """Both values of one field's change after redaction."""
        found = self(version(item_type=item_type, changes={name: [before, after]}), rules, **how)
        (change,) = found.record["changes"]
        return change.get("before"), change.get("after")


@dataclass
class Bench:
    """A store to load version logs into. Files are numbered as they are written."""

    root: Path
    files: Files
    output: str
    number: int = field(default=0)

    @property
    def store(self) -> Store:
        """The store, to read."""
        return Store.open(self.files, self.output)

    @property
    def keyring(self) -> Path:
        """Its keyring."""
        return self.root / "keyring.json"

    def write(self, records: Iterable[Mapping[str, Any]], suffix: str = ".jsonl") -> str:
        """Write records as JSON lines and return the path."""
        self.number += 1
        path = self.root / f"in-{self.number}{suffix}"
        path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in records))
        return str(path)

    def load(
        self, *inputs: str, as_of: dt.datetime = AS_OF, rules: str = "", **more: Any
    ) -> RunResult:
        """Run the job over some files."""
        path = self.root / f"policy-{len(rules)}.yaml"
        path.write_text(PLAIN + rules)
        return run_history(
            HistoryOptions(
                inputs,
                self.output,
                load_policy(str(path)),
                as_of,
                keyring=str(self.keyring),
                files=self.files,
                **more,
            )
        )

    def load_records(self, records: Iterable[Mapping[str, Any]], **how: Any) -> RunResult:
        """Write records as one file and load it."""
        return self.load(self.write(records), **how)

    def redact_calls(
        self,
        records: Iterable[Mapping[str, Any]],
        requests: Iterable[Mapping[str, Any]] = (),
        as_of: dt.datetime = AS_OF,
    ) -> None:
        """Run the main job over calls and manual requests."""
        path = self.root / "policy-0.yaml"
        path.write_text(PLAIN)
        calls, asked = list(records), list(requests)
        run_redact(
            RedactOptions(
                [self.write(calls)] if calls else [],
                self.output,
                load_policy(str(path)),
                as_of,
                requests=[self.write(asked)] if asked else [],
                keyring=str(self.keyring),
                files=self.files,
                progress=False,
            )
        )

    def versions(self) -> list[RedactedVersion]:
        """All stored versions, in order of their keys."""
        rows = open_dataset(self.store, "versions").to_table().to_pylist()
        return sorted(map(version_from_row, rows), key=lambda v: v.key)


def many(count: int) -> list[dict[str, Any]]:
    """Versions of some objects over some days; some have a more complete twin."""
    out = []
    for n in range(count):
        row = version(
            version_id=str(n),
            item_type=("User", "TrackingNumber", "Call")[n % 3],
            item_id=str(n % 5),
            created_at=f"2026-10-{20 + n % 4}T{n % 24:02d}:00:00Z",
            changes={"color": [n, n + 1], "notes": [None, f"call 415-555-01{n % 90:02d}"]},
        )
        out.append(row)
        if n % 4 == 0:
            out.append(row | {"object": {"color": n}})
        if n % 6 == 0:
            out.append({k: v for k, v in row.items() if k != "changes"} | {"object": {"color": n}})
    return out


def assert_gone(root: Path, value: bytes) -> None:
    """No file below a folder holds a value, in its bytes or in its decoded columns.

    A value stands alone where it stands: four digits within a digest or a fraction of a second are
    no leak, and a store holds enough digests for that to happen by chance.
    """
    edge = r"[0-9A-Za-z.]"
    alone = rf"(?<!{edge}){re.escape(value.decode())}(?!{edge})"
    stored = re.compile(alone.encode())
    for path in (p for p in root.rglob("*") if p.is_file()):
        assert not stored.search(path.read_bytes()), path
        if path.suffix == ".parquet":
            assert not re.search(alone, str(pq.read_table(path).to_pylist())), path


RUN_FACTS = ("recorded_at", "run_id")


def history(versions: Iterable[RedactedVersion]) -> list[Any]:
    """Return what is stored, without what depends on the run that stored it."""
    return [
        (v.key, v.account_type, v.mode, {k: x for k, x in v.record.items() if k not in RUN_FACTS})
        for v in versions
    ]
