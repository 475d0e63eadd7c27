"""The same command twice at once, and another run that publishes in between: the slower twin writes
over no file that is live.

The slower twin is held between planning its work and doing it, which is where a machine that is
busy, or a container that is paused, may hold it. Everything is generated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.history_runs import AS_OF, PLAIN, Bench, version

from callveil.pipelines import history, redact, redact_job
from callveil.pipelines.attempts import RunResult
from callveil.schemas.policy_load import load_policy
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.format1.snapshot import is_table_metadata


def held(monkeypatch: pytest.MonkeyPatch, module: Any, between: Callable[[], object]) -> None:
    """Let `between` happen once, after the next run was planned and before it works."""
    work, waiting = module._execute, [between]

    def execute(*args: Any) -> Any:
        if waiting:
            waiting.pop()()
        return work(*args)

    monkeypatch.setattr(module, "_execute", execute)


def check(bench: Bench) -> None:
    """Every file is what its entry says, and none is left that no entry names."""
    assert verify_integrity(bench.store) == [] and unpurged_runs(bench.store) == []
    root = Path(bench.output)
    found = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert bench.store.unreachable_metadata() == []
    assert {p for p in found if not p.startswith("_callveil/") and not is_table_metadata(p)} == {
        f.path for f in bench.store.current().files
    }
    assert not [p for p in found if p.startswith("_callveil/work/")]


def call(number: int, duration: int = 60) -> dict[str, Any]:
    """A generated call; the longer of two with a number is the later snapshot."""
    return {
        "id": str(number),
        "account_id": "41",
        "called_at": "2026-10-20T10:00:00Z",
        "status": "completed",
        "duration": duration,
        "notes": "fine",
    }


def test_of_two_equal_redactions_the_slower_writes_over_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.redact_calls([call(1), call(2)])
    both, other = bench.write([call(1, 90), call(3, 90), {"id": "7"}]), [call(2, 100), call(3, 100)]
    policy = bench.root / "policy-0.yaml"
    policy.write_text(PLAIN)

    def run() -> RunResult:
        options = redact.RedactOptions(
            [both],
            bench.output,
            load_policy(str(policy)),
            AS_OF,
            keyring=str(bench.keyring),
            files=bench.files,
            progress=False,
        )
        return redact.run_redact(options)

    def meanwhile() -> None:
        bench.redact_calls(other, as_of=AS_OF + dt.timedelta(days=1))
        faster.append(run())

    faster: list[RunResult] = []
    held(monkeypatch, redact_job, meanwhile)
    slower = run()
    assert (
        slower.repeated
        and not faster[0].repeated
        and (slower.run_id, slower.seq) == (faster[0].run_id, faster[0].seq)
    )
    check(bench)
    rows = open_dataset(bench.store, "interactions").to_table().to_pylist()
    assert sorted((r["id"], r["duration"]) for r in rows) == [("1", 90), ("2", 100), ("3", 100)]


def test_of_two_equal_loads_of_history_the_slower_writes_over_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(name: str, **members: Any) -> dict[str, Any]:
        return version(version_id=name, changes={"color": [name, "b"]}, **members)

    bench.load_records([told("1"), told("2")])
    event = version(version_id="9", item_type="Call", item_id="7", event="redact", changes=None)
    both = bench.write([told("1", object={"color": "x"}), told("3"), event, {"version_id": "x"}])
    other = [told("2", object={"color": "x"}), told("3", object={"color": "x"})]

    def meanwhile() -> None:
        bench.load_records(other, as_of=AS_OF + dt.timedelta(days=1))
        faster.append(bench.load(both))

    faster: list[RunResult] = []
    held(monkeypatch, history, meanwhile)
    slower = bench.load(both)
    assert slower.repeated and not faster[0].repeated and slower.seq == faster[0].seq
    check(bench)
    assert sorted((v.key.version_id, v.record["has_object"]) for v in bench.versions()) == [
        ("1", True),
        ("2", True),
        ("3", True),
        ("9", False),
    ]
