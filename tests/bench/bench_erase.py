"""What an erasure costs: one request that touches every file, one ordinary request, and many
requests in one pass, over the same generated store.

    python tests/bench/bench_erase.py [--interactions 50000] [--people 1000]

Rows are written by our own writers without detection (`support.erasure_stores`), requests entered
as `open`, `verify` and `search` would. Each erasure runs in a process of its own on a copy of the
store, with one worker; seconds are of CPU, since other work on the machine changes wall time, and
ratios are of this one run. Exit code 1 where the batch costs more than three times the one request
that touches every file, or takes 512 MiB or more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.erasure_stores import enter_requests, make_world
from support.measured_memory import watch
from support.people_world import World

EVERY_FILE, ORDINARY = "P0", "P7"
TIMES, MEMORY = 3.0, 512 << 20


def erase(folder: Path, names: Sequence[str]) -> dict[str, float]:
    """Erase in this process; returns CPU seconds, and how many interactions went."""
    from callveil.pipelines.subject import erase_request
    from callveil.pipelines.subject_batch import erase_batch

    world = World(folder)
    options, started = world.options(2, workers=1), time.process_time()
    if len(names) == 1:
        results = [erase_request(options, names[0])]
    else:
        done, _ = erase_batch(options, names)
        if done.refused:
            raise AssertionError(f"{len(done.refused)} refused")
        results = list(done.results)
    seconds = time.process_time() - started
    if any(r.certified is None or r.certified.residual_hits for r in results):
        raise AssertionError("the check found somebody")
    gone = sum(r.plan.counts().get("interactions.drop", 0) for r in results)
    return {"seconds": seconds, "gone": gone}


def measure(made: Path, place: Path, names: Sequence[str]) -> dict[str, float]:
    """The same in a process of its own, on a copy of the store, and its memory in bytes."""
    shutil.copytree(made, place)
    (place / "names").write_text("\n".join(names))
    environment = os.environ | {"CALLVEIL_STATE": str(place / "state")}
    out, err = place / "out", place / "err"
    watched = watch([sys.executable, __file__, "--erase", str(place)], environment, out, err)
    if watched.code:
        raise AssertionError(err.read_text())
    found = dict(json.loads(out.read_text().splitlines()[-1])) | {"bytes": watched.peak_bytes}
    shutil.rmtree(place)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Make the store, measure, and print the ratios."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--interactions", type=int, default=50_000)
    p.add_argument("--people", type=int, default=1_000, help="erased in one pass")
    p.add_argument("--erase", type=Path, help=argparse.SUPPRESS)
    args = p.parse_args(argv)
    if args.erase:
        print(json.dumps(erase(args.erase, (args.erase / "names").read_text().split())))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CALLVEIL_STATE"] = str(Path(folder) / "state")
        made = Path(folder) / "made"
        world = make_world(made, args.interactions, args.people)
        names = enter_requests(world, range(args.people + 1))
        print(f"{args.interactions:,} interactions, {len(world.store.current().files):,} files")
        figures = {}
        for what, own in (
            ("every file", [EVERY_FILE]),
            ("ordinary", [ORDINARY]),
            (f"{args.people:,} people", names[1:]),
        ):
            figures[what] = found = measure(made, Path(folder) / "run", own)
            print(
                f"{what}: {found['gone']:,.0f} interactions, {found['seconds']:.1f} s of CPU, "
                f"{found['bytes'] / 2**20:.0f} MiB",
                flush=True,
            )
    whole, _, batch = figures.values()
    times = batch["seconds"] / whole["seconds"]
    print(f"{args.people:,} people in one pass cost {times:.2f} times one that touches every file")
    return int(times > TIMES or batch["bytes"] >= MEMORY)


if __name__ == "__main__":
    sys.exit(main())
