"""Worker processes: how many, that they leave no trace in what a run writes, and that nothing is
left of them however a run ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from callveil.pipelines import workers
from callveil.pipelines.faults import describe_error
from callveil.schemas.request import decode_request
from callveil.transforms.execution import resources
from callveil.transforms.execution.log_context import current_log_context
from callveil.transforms.execution.worker_pool import spread_work, stage_of
from callveil.transforms.storage.files.filesystem import Files

MIB = 1 << 20


@pytest.mark.parametrize(
    ("asked", "cores", "free", "units", "count"),
    [
        (None, 8, 64_000, 100.0, 8),
        (None, 8, 64_000, 3.9, 3),
        (None, 8, 64_000, 0.0, 1),
        (None, 8, 2_100, 100.0, 4),
        (None, 8, 100, 100.0, 1),
        (None, 8, None, 100.0, 8),
        (None, 1, 64_000, 100.0, 1),
        (3, 1, 100, 0.0, 3),
        (1, 8, 64_000, 100.0, 1),
    ],
)
def test_as_many_as_cores_memory_and_work_allow(
    asked: int | None,
    cores: int,
    free: int | None,
    units: float,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "usable_cores", lambda: cores)
    monkeypatch.setattr(workers, "available_bytes", lambda: None if free is None else free * MIB)
    assert workers.choose_worker_count(asked, units) == count


@pytest.mark.parametrize(
    ("files", "quota", "left"),
    [
        ({}, None, None),
        ({"cpu.max": "max 100000", "memory.max": "max", "memory.current": "5"}, None, None),
        ({"cpu.max": "250000 100000"}, 2.5, None),
        ({"cpu.max": "50000 100000"}, 1.0, None),
        (
            {
                "memory.max": "1000",
                "memory.current": "700",
                "memory.stat": "anon 5\ninactive_file 200\n",
            },
            None,
            500,
        ),
        ({"memory.max": "1000", "memory.current": "1700"}, None, 0),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3.0, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
        ({"memory/memory.limit_in_bytes": "900", "memory/memory.usage_in_bytes": "100"}, None, 800),
    ],
)
def test_limits_of_control_groups(
    files: dict[str, str],
    quota: float | None,
    left: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(resources, "CGROUP", tmp_path)
    monkeypatch.setattr(resources, "_groups", lambda: [tmp_path])
    told = [q for q in (resources._quota_v2(), resources._quota_v1()) if q is not None]
    assert (told or [None]) == [quota]
    assert resources._group_left() == left
    assert 1 <= resources.usable_cores() <= (quota or 1_000)


@contextmanager
def two(run_id: str = "run", detect: Any = None, modules: tuple[str, ...] = ()) -> Iterator[None]:
    """Two worker processes."""
    with workers.use_workers(run_id, 2, 0, detect, modules):
        yield


def test_results_come_in_order_and_pieces_go_to_several_processes() -> None:
    with two():
        assert list(spread_work("run", divmod, ((n, 7) for n in range(50)))) == [
            divmod(n, 7) for n in range(50)
        ]
        assert (
            list(spread_work("run", time.sleep, ((seconds,) for seconds in (0.3, *[0.0] * 30))))
            == [None] * 31
        )
        pids = set(spread_work("run", os.getpid, [()] * 40))
        told = [c["run_id"] for c in spread_work("run", current_log_context, [()] * 3)]
        assert told == ["run"] * 3  # their log lines say what they are at work on
        assert len(pids) == 2 and os.getpid() not in pids
        assert list(spread_work("another", os.getpid, [()])) == [
            os.getpid()
        ]  # a run without workers of its own does its work itself
        stage = stage_of("run", os.getpid)
        assert list(stage.rest()) == []
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert (
        resources.workers_used() == 2 and resources.peak_bytes() > resources.peak_of(0) + 10 * MIB
    )


def test_processes_that_load_ahead_are_those_that_work_and_end_unused_where_nothing_needs_them() -> (  # noqa: E501
    None
):
    with workers.preload_workers(2, 0, None, ()):
        (loading,) = workers._ahead
        with two(
            modules=("callveil.transforms.jobs.batch.ingest_chunk",)
        ):  # other needs: others work
            list(spread_work("run", os.getpid, [()] * 4))
        assert workers._ahead == [loading] and loading._process.poll() is None
        with two():
            pids = set(spread_work("run", os.getpid, [()] * 40))
        assert not workers._ahead and os.getpid() not in pids
        assert loading._process.poll() == 0 and len(pids) == 2
    with pytest.raises(OSError, match="gone"), workers.preload_workers(2, 0, None, ()):
        (unused,) = workers._ahead
        raise OSError("gone")
    assert unused._process.poll() == -signal.SIGKILL and not workers._ahead
    with workers.preload_workers(1, 9, None, ()):
        assert not workers._ahead


def test_an_error_in_a_worker_is_told_by_its_kind_and_place_and_can_be_caught_by_its_type() -> None:
    with pytest.raises(Exception) as here:
        decode_request("secret of a record")
    with pytest.raises(Exception) as there, two():
        list(spread_work("run", decode_request, [("secret of a record",)]))
    assert describe_error(there.value).removeprefix("msgspec.") == describe_error(here.value)
    assert "secret" not in describe_error(there.value)
    with pytest.raises(FileNotFoundError), two():
        list(spread_work("run", Files().read, [("/nowhere/at/all",)]))


def test_a_worker_that_is_killed_ends_the_run_with_its_signal() -> None:
    with (
        pytest.raises(
            workers.WorkerLost, match="a worker process was ended by SIGKILL; nothing was published"
        ) as lost,
        two(),
    ):
        (pid,) = spread_work("run", os.getpid, [()])
        list(spread_work("run", os.kill, [(pid, signal.SIGSTOP), (pid, signal.SIGKILL)]))
        list(spread_work("run", time.sleep, [(0.1,)] * 4))
    assert lost.value.exit_code == 1


def test_workers_are_for_runs_in_this_process() -> None:
    from callveil.pipelines.cli import run_command
    from callveil.pipelines.exits import UsageError

    with pytest.raises(UsageError, match="--workers: is for runs in this process"):
        run_command(
            "redact",
            [
                "--output",
                "store/",
                "--input",
                __file__,
                "--workers",
                "2",
                "--direct_num_workers",
                "2",
            ],
        )


def test_no_library_is_loaded_before_it_is_settled_how_many_threads_it_may_start() -> None:
    look = (
        "import os, sys, callveil.pipelines as p; print(sorted({'numpy', 'pyarrow'} & "
        "set(sys.modules)), os.environ['OPENBLAS_NUM_THREADS'])"
    )
    env = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    told = subprocess.run(
        [sys.executable, "-c", look], env=env, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["[]", "1"]


def test_what_the_job_works_with_is_loaded_only_once_its_processes_have_been_started() -> None:
    look = (
        "import sys, callveil.pipelines.commands.redact; print(sorted({'apache_beam', "
        "'presidio_analyzer', 'spacy'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
