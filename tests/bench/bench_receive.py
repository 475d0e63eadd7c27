"""How long a signed post takes while connections are held half open: `python
tests/bench/bench_receive.py [--half-open 300]`.

The posts come from an address of their own, as each of the senders that leave connections open has;
the last rounds have all of them on one address. Half-open ones have sent nothing, part of the
headers, all but their end, or one byte of a body.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.webhook_posts import Receiver, ctm, half_open, is_open


def posts(running: Receiver, number: int) -> list[float]:
    """Seconds each of so many posts took, from connecting to the answer."""
    took = []
    for n in range(number):
        body = b'{"call": {"id": %d, "at": %d}}' % (n, time.time_ns())
        began = time.perf_counter()
        status = running.send(body, ctm(body))[0]
        took.append(time.perf_counter() - began)
        assert status == 200, status
    return took


def tell(what: str, took: list[float]) -> None:
    """Print one line of figures."""
    print(
        f"{what:<58} median {statistics.median(took) * 1000:6.1f} ms, longest "
        f"{max(took) * 1000:6.1f} ms",
        flush=True,
    )


def main() -> None:
    """Start a receiver, post beside half-open connections, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half-open", type=int, default=300, help="connections held (default 300)")
    parser.add_argument("--posts", type=int, default=50, help="posts a round (default 50)")
    args = parser.parse_args()
    patient = ("--header-seconds", "600", "--body-seconds", "600", "--quiet")
    for peers, whose in ((6, "from six other addresses"), (1, "from the same address")):
        with tempfile.TemporaryDirectory() as folder, Receiver(Path(folder), *patient) as running:
            tell("nothing else", posts(running, args.posts))
            links = half_open(running.port, args.half_open, peers)
            took = posts(running, args.posts)
            tell(
                f"{args.half_open} half open {whose}, {sum(map(is_open, links))} of them still",
                took,
            )


if __name__ == "__main__":
    main()
