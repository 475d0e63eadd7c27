"""Worker processes: how many, that they leave no trace in what a run writes, and that nothing is
left of them however a run ends.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from people_world import World
from runs import PLAIN, Bench, call, environment, leftovers, tree, write_lines

from callveil.pipelines import workers
from callveil.pipelines.faults import describe_error
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.pipelines.rescan import RescanOptions, run_rescan
from callveil.pipelines.retain import RetainOptions, run_retain
from callveil.pipelines.subject import erase_request
from callveil.schemas.policy_load import load_policy
from callveil.schemas.request import decode_request
from callveil.transforms.execution import resources
from callveil.transforms.execution.worker_pool import spread_work, stage_of
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files

MIB = 1 << 20
SALTS = re.compile(r"_callveil/(salts|evidence|purged|identity|work)/|/latest")
"""What is made of chance, or tells of it."""


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


def data(store: str) -> dict[str, str]:
    """Files of a store by digest, but for what is random."""
    return {path: digest for path, digest in tree(Path(store)).items() if not SALTS.search(path)}


def test_redact_writes_the_same_with_one_process_and_two(tmp_path: Path) -> None:
    """Rows, findings, rejections, indexes, counts: with two attempts' worth of changes, so that
    stored rows are changed too.
    """
    first = [
        call(n, called_at=f"2026-10-{10 + n % 5}T10:00:00Z", notes=f"mail a{n}@mail.example")
        for n in range(40)
    ]
    later = [
        *(dict(r, duration=99) for r in first[:20]),
        {"id": 1},
        *(call(n, notes="ring 415 555 0199") for n in range(100, 120)),
    ]
    inputs = [
        write_lines(tmp_path / f"{name}.jsonl", records)
        for name, records in (("first", first), ("later", later))
    ]
    policy, results, stores = load_policy(Bench(tmp_path / "policies").policy()), {}, {}
    for count in (1, 2):
        stores[count] = str(tmp_path / str(count))
        results[count] = [
            run_redact(
                RedactOptions(
                    [path],
                    stores[count],
                    policy,
                    dt.datetime(2026, 11, day, tzinfo=dt.UTC),
                    keyring=str(tmp_path / "keyring.json"),
                    progress=False,
                    shard_rows=4,
                    workers=count,
                )
            )
            for day, path in enumerate(inputs, 2)
        ]
        assert resources.workers_used() == count
        assert leftovers(Path(stores[count])) == []
        report = verify_evidence(
            Files(), stores[count], [open_signer(str(tmp_path / "keyring.json")).public]
        )
        assert report.problems == () and report.rows > 60
    assert results[1] == results[2]
    assert results[1][1].counts["replaced"] == 20 and results[1][1].counts["rejected"] == 1
    assert data(stores[1]) == data(stores[2])


RULES = f"""\
{PLAIN}retention:
  rules:
    - {{id: full, action: redact, days: 10, class: interactions}}
    - {{id: old, action: delete, days: 20, class: versions}}
"""


def version(number: int, **members: Any) -> dict[str, Any]:
    """A generated version of a user's account; nobody's data."""
    at = dt.datetime(2026, 10, 1 + number % 25, 9, tzinfo=dt.UTC)
    return {
        "id": f"v{number}",
        "account_id": "41",
        "item_type": "User",
        "item_id": f"u{number % 3}",
        "event": "update",
        "created_at": at.isoformat(),
        "whodunnit": "u0",
        "object_changes": {"email": [f"a{number}@mail.example", f"b{number}@mail.example"]},
        **members,
    }


def test_every_other_job_writes_the_same_with_one_process_and_two(tmp_path: Path) -> None:
    made = World(tmp_path / "made")
    person = "+14155550123"
    made.redact(
        [
            call(n, called_at=f"2026-10-{10 + n % 20}T10:00:00Z", notes=f"mail a{n}@mail.example")
            for n in range(40)
        ],
        shard_rows=4,
        workers=1,
    )
    inputs = write_lines(tmp_path / "versions.jsonl", (version(n) for n in range(30)))
    at = dt.datetime(2026, 11, 4, tzinfo=dt.UTC)
    ended: dict[int, list[Any]] = {}
    for count in (1, 2):
        (tmp_path / str(count)).mkdir()
        subprocess.run(
            ["cp", "-r", str(made.root), str(tmp_path / str(count) / "made")], check=True
        )
        world = World(tmp_path / str(count) / "made")
        rules = load_policy(Bench(tmp_path / "policies").policy(RULES))
        common: dict[str, Any] = {"keyring": world.keyring, "workers": count}
        loaded = run_history(
            HistoryOptions([inputs], world.output, rules, at, chunk_bytes=2_000, **common)
        )
        used = [resources.workers_used()]
        stricter = load_policy(
            Bench(tmp_path / "policies").policy(PLAIN + "fields: {notes: redact}\n")
        )
        again = run_rescan(
            RescanOptions(world.output, at, stricter, apply=True, progress=False, **common)
        )
        used.append(resources.workers_used())
        retained = run_retain(RetainOptions(world.output, rules, at, at, **common))
        used.append(resources.workers_used())
        request = world.ask("erasure", person, request_id="DSR-1").request_id
        world.confirm_all(request)
        erased = erase_request(world.options(0.5, workers=count), request)
        used.append(resources.workers_used())
        assert used == [count] * 4
        assert leftovers(Path(world.output)) == []
        assert erased.certified is not None and erased.certified.residual_hits == 0
        written = {
            f.path: (f.rows, f.sha256)
            for f in world.store.current().files
            if f.path.endswith(".parquet")
        }
        ended[count] = [loaded.counts, again.counts, again.seq, retained.plan.counts, written]
    assert (
        ended[1][0]["stored"] == 30
        and ended[1][3]["interactions.redact"] > 0
        and ended[1][3]["versions.delete"] > 0
    )
    assert ended[1] == ended[2]


POOLED = ("--workers", "2", "--shard-rows", "1", "--no-progress", "--json", "--as-of", "2026-11-24")


@pytest.fixture
def command(tmp_path: Path) -> tuple[list[str], dict[str, str], Path]:
    """A command that works in two processes for some seconds, its environment, and its store."""
    env = environment(tmp_path)
    (tmp_path / "policy.yaml").write_text(PLAIN)
    inputs = write_lines(
        tmp_path / "in.jsonl", (call(n, notes=f"mail a{n}@mail.example") for n in range(240))
    )
    store = tmp_path / "store"
    words = [
        "redact",
        "--input",
        inputs,
        "--output",
        str(store),
        "--policy",
        str(tmp_path / "policy.yaml"),
        *POOLED,
    ]
    return words, env, store


def begin(words: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    """Start a command in a session of its own."""
    program = [sys.executable, "-m", "callveil.pipelines.cli", *words]
    return subprocess.Popen(
        program,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def family(pid: int) -> list[psutil.Process]:
    """Descendants of a process, the template first."""
    return psutil.Process(pid).children(recursive=True)


def at_work(process: subprocess.Popen[str], store: Path) -> list[psutil.Process]:
    """Wait until some shards are done; returns the template and its workers."""
    wait_for(
        "the first shards",
        lambda: (
            len(list(store.glob("_callveil/work/*/done/shards/*"))) > 5
            or process.poll() is not None
        ),
    )
    assert process.poll() is None, process.communicate()
    found = family(process.pid)
    assert len(found) == 3, found
    return found


def wait_for(what: str, true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 240
    while not true():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.02)


def ended(processes: list[psutil.Process]) -> bool:
    """Whether all have ended; a zombie has, whoever is to reap it."""
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


linux = pytest.mark.skipif(
    sys.platform != "linux", reason="that workers end with a killed command is Linux's doing"
)


@linux
@pytest.mark.parametrize(
    ("victim", "number", "code", "told"),
    [
        (
            "worker",
            signal.SIGKILL,
            1,
            "a worker process was ended by SIGKILL; nothing was published. Run the same command "
            "again",
        ),
        ("template", signal.SIGKILL, 1, "nothing was published. Run the same command again"),
        ("command", signal.SIGKILL, -9, ""),
        pytest.param("command", signal.SIGTERM, -15, "", marks=pytest.mark.integration),
        pytest.param(
            "command",
            signal.SIGINT,
            1,
            "interrupted; nothing half-done is visible",
            marks=pytest.mark.integration,
        ),
    ],
)
def test_however_a_run_ends_nothing_is_published_and_no_process_is_left(
    victim: str, number: int, code: int, told: str, command: tuple[list[str], dict[str, str], Path]
) -> None:
    words, env, store = command
    with begin(words, env) as process:
        found = at_work(process, store)
        os.kill(
            {"worker": found[1].pid, "template": found[0].pid, "command": process.pid}[victim],
            number,
        )
        _, errors = process.communicate(timeout=240)
        assert process.returncode == code, errors
        assert told in errors and "a0@mail" not in errors
        wait_for("the end of all workers", lambda: ended(found))
    assert Store.open(Files(), str(store)).current().seq == 0


def test_a_run_whose_worker_was_killed_goes_on_where_it_was(
    command: tuple[list[str], dict[str, str], Path], tmp_path: Path
) -> None:
    words, env, store = command
    with begin(words, env) as process:
        os.kill(at_work(process, store)[1].pid, signal.SIGKILL)
        process.communicate(timeout=240)
    done = len(list(store.glob("_callveil/work/*/done/shards/*")))
    assert done > 5
    with begin(words, env) as process:
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    current = Store.open(Files(), str(store)).current()
    assert current.seq == 1 and sum(f.rows for f in current.by_dataset("interactions")) == 240
    assert leftovers(store) == []


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_fault_of_the_disk_is_told_alike(
    count: str, command: tuple[list[str], dict[str, str], Path]
) -> None:
    words, env, store = command
    words[words.index("--workers") + 1] = count
    store.mkdir()
    (store / "interactions").write_text("in the way")
    with begin(words, env) as process:
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith(f"callveil redact: {store}/interactions"), errors
    assert "a file lies where a folder is needed" in errors.splitlines()[-1]


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
