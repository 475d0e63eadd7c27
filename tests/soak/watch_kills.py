"""Recordings that arrive through S3 and SQS while `callveil watch` is killed: each has one redacted
output, and only the poisoned stay behind.

    python tests/soak/watch_kills.py --runner prism                       2,000 recordings, 10 kills
    python tests/soak/watch_kills.py --runner flink --recordings 100      the same, smaller, on a cluster of its own (deploy/flink.sh)

Each recording is a call whose transcript comes apart from it, in either order; one object in twenty
is told of twice. Exit code 1 where something is missing, twice or in the wrong place.
"""  # noqa: E501

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.emulated_cloud import CREDENTIALS, Cloud
from support.landed_calls import calls
from support.watch_disturbances import POLICY, Feed, check, disturb
from support.watch_runners import Flink, Prism, Runner

ROLES = {
    "prism": ("client", "prism"),
    "flink": (
        "worker",
        "taskmanager-1",
        "worker",
        "jobmanager",
        "pool",
        "client",
        "jobserver",
        "all",
    ),
}
"""Who is killed, in turn."""


def main() -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runner", choices=sorted(ROLES), default="prism")
    parser.add_argument("--recordings", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--poisoned", type=int, default=20)
    parser.add_argument(
        "--rate", type=float, default=10.0, help="objects that land a second, two to a recording"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a recording")
    parser.add_argument(
        "--visibility", type=int, default=20, help="seconds a message is kept from others"
    )
    parser.add_argument(
        "--limit", type=float, default=3 * 3600.0, help="seconds after which it has failed"
    )
    parser.add_argument(
        "--folder", type=Path, help="where everything goes (default: a new one, which is removed)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = args.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        return run(args, folder)


def run(args: argparse.Namespace, folder: Path) -> int:
    """One run in `folder`, which must be empty."""
    (folder / "policy.yaml").write_text(POLICY)
    landing = calls(folder / "sample", args.recordings, seconds=args.seconds)
    cloud = Cloud(folder)
    options = [
        *cloud.options(args.visibility),
        "--output",
        str(folder / "store"),
        "--policy",
        str(folder / "policy.yaml"),
    ]
    env = CREDENTIALS | {
        "CALLVEIL_KEYRING": str(folder / "keyring.json"),
        "CALLVEIL_STATE": str(folder / "state"),
    }
    watch: Runner = (Prism if args.runner == "prism" else Flink)(folder, options, env)
    feed = Feed(cloud, landing, rate=args.rate, poisoned=args.poisoned)
    roles = list(itertools.islice(itertools.cycle(ROLES[args.runner]), args.kills))
    begun = time.monotonic()
    try:
        thread = feed.start()
        watch.start()
        for line in disturb(watch, feed, thread, folder / "store", roles, args.limit):
            print(line, flush=True)
        counts = check(folder / "store", feed)
    except AssertionError as missed:
        print(f"missed: {missed}", file=sys.stderr)
        return 1
    finally:
        watch.stop()
        cloud.stop()
    took = time.monotonic() - begun
    print(
        json.dumps(
            {
                "runner": args.runner,
                "kills": args.kills,
                "starts": watch.starts,
                **counts,
                "seconds": round(took, 1),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
