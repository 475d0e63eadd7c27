"""How long from an object landing to its redacted output being published: `callveil watch` at a
steady rate of calls.

    python tests/bench/bench_watch.py --runner prism                 5 calls a second of 60 seconds of two-channel mu-law, for a minute
    python tests/bench/bench_watch.py --runner flink --poll 1

A call is two objects, recording and record; its time runs from when the later of them was in the
bucket until the redacted recording's receipt is written. The bar is 3 seconds at the 95th
percentile, beyond the poll interval. The first calls, while workers load their models, are apart.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from support.emulated_cloud import CREDENTIALS, Cloud
from support.landed_calls import Call, calls
from support.waiting import wait_for
from support.watch_disturbances import POLICY, receipts
from support.watch_runners import Flink, Prism, Runner

BAR = 3.0
WARM = 5
"""Calls that land before the clock runs, one after the other."""


def main() -> int:
    """Run it; exit code 1 where the bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runner", choices=("prism", "flink"), default="prism")
    parser.add_argument("--rate", type=float, default=5.0, help="calls a second")
    parser.add_argument("--for", dest="span", type=float, default=60.0, help="seconds")
    parser.add_argument("--audio", type=float, default=60.0, help="seconds of audio a call")
    parser.add_argument("--poll", type=float, default=1.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "policy.yaml").write_text(POLICY)
        made_calls = calls(
            folder / "sample", WARM + round(args.rate * args.span), seconds=args.audio
        )
        cloud = Cloud(folder)
        options = [
            *cloud.options(60),
            "--output",
            str(folder / "store"),
            "--policy",
            str(folder / "policy.yaml"),
            "--poll",
            str(args.poll),
        ]
        watch: Runner = (Prism if args.runner == "prism" else Flink)(
            folder,
            options,
            CREDENTIALS
            | {
                "CALLVEIL_KEYRING": str(folder / "keyring.json"),
                "CALLVEIL_STATE": str(folder / "state"),
            },
        )
        try:
            watch.start()
            figures = measure(cloud, watch, made_calls, folder / "store", args.rate)
        finally:
            watch.stop()
            cloud.stop()
    figures |= {
        "runner": args.runner,
        "rate": args.rate,
        "audio": args.audio,
        "poll": args.poll,
        "load": [round(x, 1) for x in os.getloadavg()],
    }
    print(json.dumps(figures))
    return 0 if figures["p95"] <= BAR + args.poll else 1


def measure(
    cloud: Cloud, watch: Runner, made: list[Call], store: Path, rate: float
) -> dict[str, float]:
    """Land the calls and wait for the last one. Returns quantiles of the seconds from landed to
    published, and how busy machine and runner were.
    """
    for number, call in enumerate(made[:WARM], 1):
        land(cloud, call)
        wait_for("the first calls", lambda n=number: receipts(store, "audio") >= n, 300)
    psutil.cpu_percent()
    worked = cpu(watch)
    begun = time.time()
    landed: dict[str, float] = {}
    for number, call in enumerate(made[WARM:]):
        time.sleep(max(0.0, begun + number / rate - time.time()))
        land(cloud, call)
        landed[call.name] = time.time()
    wait_for("the last call", lambda: receipts(store, "audio") >= len(made), 600)
    busy, worked = psutil.cpu_percent(), cpu(watch) - worked
    took = sorted(published(store, name) - at for name, at in landed.items())
    late = max(0.0, (max(landed.values()) - begun) - (len(landed) - 1) / rate)
    return {
        "calls": len(took),
        "p50": round(took[len(took) // 2], 3),
        "p95": round(took[int(len(took) * 0.95)], 3),
        "max": round(took[-1], 3),
        "feeder_late": round(late, 2),
        "busy_percent": busy,
        "cpu_seconds_a_call": round(worked / len(took), 3),
    }


def cpu(watch: Runner) -> float:
    """CPU seconds the runner and its workers have used."""
    return sum(t.user + t.system for t in (p.cpu_times() for p in watch.tree()))


def land(cloud: Cloud, call: Call) -> None:
    """Recording, then record."""
    cloud.put(f"raw/{call.name}.wav", call.audio)
    cloud.put(f"raw/{call.name}.json", call.record)


def published(store: Path, name: str) -> float:
    """When the receipt of the redacted recording was written, seconds since 1970."""
    return (store / "live" / "calls" / name / "audio.json").stat().st_mtime


if __name__ == "__main__":
    sys.exit(main())
