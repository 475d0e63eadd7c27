"""Jobs with worker processes: they write what one process writes, and leave none behind."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.command_runs import PLAIN, Bench, call, environment, leftovers, tree, write_lines
from support.people_world import World
from support.waiting import HANGS, wait_for

from callveil.pipelines.history import HistoryOptions, run_history
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.pipelines.rescan import RescanOptions, run_rescan
from callveil.pipelines.retain import RetainOptions, run_retain
from callveil.pipelines.subject import erase_request
from callveil.schemas.policy_load import load_policy
from callveil.transforms.execution import resources
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files

SALTS = re.compile(r"_callveil/(salts|evidence|purged|identity|work)/|/latest")
"""What is made of chance, or tells of it."""


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


def ended(processes: list[psutil.Process]) -> bool:
    """Tell whether all have ended; a zombie has, whoever is to reap it."""
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


linux = pytest.mark.skipif(
    sys.platform != "linux", reason="that workers end with a killed command is Linux's doing"
)


@linux
@pytest.mark.parametrize(
    ("killed", "number", "code", "told"),
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
    killed: str, number: int, code: int, told: str, command: tuple[list[str], dict[str, str], Path]
) -> None:
    words, env, store = command
    with begin(words, env) as process:
        found = at_work(process, store)
        os.kill(
            {"worker": found[1].pid, "template": found[0].pid, "command": process.pid}[killed],
            number,
        )
        _, errors = process.communicate(timeout=HANGS)
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
        process.communicate(timeout=HANGS)
    done = len(list(store.glob("_callveil/work/*/done/shards/*")))
    assert done > 5
    with begin(words, env) as process:
        _, errors = process.communicate(timeout=HANGS)
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
        _, errors = process.communicate(timeout=HANGS)
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith(f"callveil redact: {store}/interactions"), errors
    assert "a file lies where a folder is needed" in errors.splitlines()[-1]
