"""A plan as files: `plan.parquet` (its rows), `state.json.zst` (for the next run), `plan.json`
(what it was made from, and digests of the others), and `summary.txt` for people.

The plan's hash is the SHA-256 of `plan.json`. The same inputs give the same bytes, so the same plan
has the same hash wherever it is made.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import orjson
import pyarrow.parquet as pq

from callveil.schemas.arrow import DISPOSITION_SCHEMA
from callveil.schemas.disposition import FIELDS
from callveil.schemas.errors import CallveilError
from callveil.schemas.json_types import Row
from callveil.schemas.retention import CLASSES
from callveil.transforms.governance.retention.last_run import RetainState
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.snapshot import to_json
from callveil.transforms.storage.tables.parquet import Table, TableWriter, register_table

DISPOSITIONS = register_table(
    Table(
        "dispositions",
        DISPOSITION_SCHEMA,
        FIELDS,
        doc="What retention decided about a record, or an account's records in a file.",
        partition_by=("day",),
    )
)
FORMAT = 1
PLAN, ROWS, STATE, SUMMARY = "plan.json", "plan.parquet", "state.json.zst", "summary.txt"


class PlanError(CallveilError, ValueError):
    """A plan cannot be carried out; the text says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class PlanInputs:
    """Inputs a plan was made from. Carrying it out needs all of them to be the same.

    Attributes:
        as_of: the time, ISO 8601.
        seq, manifest_sha256: the store's state.
        retention: digest of the rules.
        facts: digest of what was known about accounts.
        holds: digest of the holds.
        tool: version of callveil.
    """

    as_of: str
    seq: int
    manifest_sha256: str
    retention: str
    facts: str
    holds: str
    tool: str


WHAT = {
    "as_of": "the time",
    "seq": "the store (another run was published since)",
    "manifest_sha256": "the store (another run was published since)",
    "retention": "the policy's retention rules",
    "facts": "the accounts or their events",
    "holds": "the legal holds",
    "tool": "the version of callveil",
}


@dataclass(frozen=True)
class RetentionPlan:
    """A plan that was written.

    Attributes:
        folder: where.
        inputs: what it was made from.
        counts: rows by decision.
        sha256: its hash.
        rows: number of rows.
    """

    folder: str
    inputs: PlanInputs
    counts: dict[str, int]
    sha256: str
    rows: int
    digests: dict[str, str] = field(repr=False, default_factory=dict)

    @property
    def changes(self) -> int:
        """Files that carrying it out would remove or replace."""
        return sum(n for k, n in self.counts.items() if k.startswith("files."))


def write_plan(
    files: Files,
    folder: str,
    inputs: PlanInputs,
    rows: Iterable[Row],
    counts: Counter[str],
    state: Any,
) -> RetentionPlan:
    """Write a plan.

    Args:
        folder: local path or URL; its files are written over.
        rows: consumed as a stream.
        counts: read after the rows are through.
        state: a function that gives the `RetainState` to leave, called after the rows are through.
    """
    with temporary_file() as sink:
        writer = TableWriter(sink, DISPOSITIONS)
        for row in rows:
            writer.append(row)
        number = writer.close()
        digests = {ROWS: _digest(sink)}
        sink.seek(0)
        files.write(files.join(folder, ROWS), sink)
    encoded = cast(RetainState, state()).encode()
    files.write(files.join(folder, STATE), encoded)
    digests[STATE] = hashlib.sha256(encoded).hexdigest()
    kept = dict(sorted((k, n) for k, n in counts.items() if n))
    document = to_json(
        {
            "format": FORMAT,
            "inputs": asdict(inputs),
            "counts": kept,
            "rows": number,
            "files": digests,
        }
    )
    files.write(files.join(folder, PLAN), document)  # last: without it the others are no plan
    plan = RetentionPlan(
        folder, inputs, kept, hashlib.sha256(document).hexdigest(), number, digests
    )
    files.write(files.join(folder, SUMMARY), ("\n".join(describe_plan(plan)) + "\n").encode())
    return plan


def describe_plan(plan: RetentionPlan) -> list[str]:
    """Readable lines: hash, time, and what happens to how many records and files."""
    lines = [
        f"plan {plan.sha256} as of {plan.inputs.as_of}",
        f"  {PLAN}, {ROWS} ({plan.rows:,} rows) in {plan.folder}",
    ]
    for name in CLASSES:
        parts = [
            f"{n:,} {k.split('.')[1]}"
            for k, n in sorted(plan.counts.items())
            if k.startswith(f"{name}.")
        ]
        if parts:
            lines.append(f"  {name}: {', '.join(parts)}")
    changed = [
        f"{n:,} {k.removeprefix('files.').replace('_', ' ')}"
        for k, n in sorted(plan.counts.items())
        if k.startswith("files.")
    ]
    return [*lines, f"  files: {', '.join(changed) or 'none'}"]


def read_plan(files: Files, folder: str) -> RetentionPlan:
    """Read a plan's head and check its files. Raises `PlanError` where something is missing or was
    changed.
    """
    try:
        data = files.read(files.join(folder, PLAN))
        document = orjson.loads(data)
        plan = RetentionPlan(
            folder,
            PlanInputs(**document["inputs"]),
            document["counts"],
            hashlib.sha256(data).hexdigest(),
            document["rows"],
            document["files"],
        )
    except FileNotFoundError:
        raise PlanError(
            f"{folder}: there is no plan here ({PLAN} is missing); make one with `callveil retain "
            "plan --out`"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise PlanError(
            f"{folder}/{PLAN}: not a plan of this version of callveil; make it anew"
        ) from None
    for name, digest in plan.digests.items():
        try:
            found = files.sha256(files.join(folder, name))[0]
        except FileNotFoundError:
            found = ""
        if found != digest:
            raise PlanError(
                f"{folder}/{name}: missing, or not what {PLAN} names; the plan was changed after "
                "it was made. Make it anew"
            )
    return plan


def plan_rows(files: Files, plan: RetentionPlan) -> Iterator[Row]:
    """Yield the plan's rows, as a stream."""
    with files.open(files.join(plan.folder, ROWS)) as source:
        for batch in pq.ParquetFile(source).iter_batches():
            yield from batch.to_pylist()


def require_same(plan: RetentionPlan, now: PlanInputs) -> None:
    """Raise `PlanError`, naming what changed, unless `now` is what the plan was made from."""
    changed = sorted({WHAT[k] for k, v in asdict(plan.inputs).items() if getattr(now, k) != v})
    if changed:
        raise PlanError(
            f"{plan.folder}: made from other inputs than there are now: {', '.join(changed)}. "
            "Nothing was changed; make a new plan"
        )


def _digest(sink: Any) -> str:
    sink.seek(0)
    digest = hashlib.sha256()
    while piece := sink.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()
