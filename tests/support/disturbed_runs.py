"""Runs of the job that are killed at random moments and started again, compared with an undisturbed
one.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callveil.transforms.lab.sample.write import write_sample
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.filesystem import Files
from support import killed_commands
from support.command_runs import environment, leftovers, live, tree

SHARD_ROWS = 40
"""Small shards, so that a run has many moments between them."""


def disturb(
    folder: Path, count: int, interactions: int, seed: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Kill `count` runs.

    Args:
        folder: to work in; emptied first.
        interactions: size of the sample. seed: of the sample and of the moments.
        say: takes a line of progress.

    Returns: `killed` (runs that were still under way at their moment), `different` (those that did
        not end as the undisturbed run: other paths, bytes or counts, files left over, or a reader
        who saw half a run), `problems`, and the seconds of the undisturbed run.
    """
    shutil.rmtree(folder, ignore_errors=True)
    env = environment(folder)
    write_sample(folder / "day", seed, interactions, accounts=8, days=3, malformed=0.05)
    clean = folder / "clean"
    killed_commands.command(
        "--version", env=env
    )  # the server that processes are forked from takes some seconds to load
    started = time.monotonic()
    code, printed, steps = killed_commands.run(
        command(folder, clean), env, folder / "notes" / "clean", str(clean)
    )
    seconds = time.monotonic() - started
    if code != 3:
        raise SystemExit(f"kills: the undisturbed run ended with {code}:\n{printed}")
    rng, killed, problems = random.Random(seed), 0, {}
    for n in range(count):
        store, notes = folder / "store", folder / "notes" / f"{n:02d}"
        _begin_anew(folder, store)
        # a moment after the end, on a machine that was faster than before, is no kill: choose
        # another
        while True:
            running = killed_commands.start(command(folder, store), env, notes, str(store))
            moment = rng.uniform(0.02, 1.0) * seconds
            if running.kill_after(moment) == killed_commands.KILLED:
                break
            _begin_anew(folder, store)
        killed += 1
        at = running.steps.read_text().splitlines()
        wrong = seen_wrongly(store, clean)
        again, printed, _ = killed_commands.run(command(folder, store), env, notes, str(store))
        wrong = wrong or ended_wrongly(again, store, clean, printed)
        if wrong:
            problems[
                f"{n}: killed after {moment:.2f} s, step {len(at)} ({at[-1] if at else 'none'})"
            ] = wrong
        say(
            f"kills: {n + 1} of {count}: after {moment:.2f} s, {len(at)} of {len(steps)} steps: "
            f"{wrong or 'ends the same'}"
        )
    return {
        "killed": killed,
        "different": len(problems),
        "problems": problems,
        "undisturbed_seconds": round(seconds, 2),
        "steps": len(steps),
    }


def _begin_anew(folder: Path, store: Path) -> None:
    """Remove a store, and what is remembered of it: a job refuses where one was and is gone."""
    for path in (store, folder / "state"):
        shutil.rmtree(path, ignore_errors=True)


def command(folder: Path, store: Path) -> list[str]:
    """The command that is killed."""
    words = [
        "redact",
        "--input",
        f"{folder}/day/interactions",
        "--accounts",
        f"{folder}/day/accounts.jsonl",
        "--output",
        str(store),
    ]
    return [
        *words,
        "--as-of",
        "2026-11-02",
        "--shard-rows",
        str(SHARD_ROWS),
        "--no-progress",
        "--json",
    ]


def seen_wrongly(store: Path, clean: Path) -> str:
    """Describe what is wrong with what a reader sees after the kill; empty where that is nothing,
    or all of the run.
    """
    if not (store / "_callveil" / "store.json").exists():
        return ""
    opened = Store.open(Files(), str(store))
    if opened.current().seq and live(opened) != live(Store.open(Files(), str(clean))):
        return "a reader sees half a run"
    return ""


def ended_wrongly(code: int, store: Path, clean: Path, printed: str) -> str:
    """How the repeated run's end differs from the undisturbed one's; empty where it does not."""
    if code != 3:
        return f"ended with {code}: {printed[-300:]}"
    a, b = tree(store), tree(clean)
    if a != b:
        return f"other files: {sorted(p for p in a.keys() | b.keys() if a.get(p) != b.get(p))[:5]}"
    if leftovers(store):
        return f"left over: {leftovers(store)[:5]}"
    problems = verify_integrity(Store.open(Files(), str(store)))
    return f"not verified: {problems[:3]}" if problems else ""
