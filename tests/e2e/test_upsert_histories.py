"""Any history of runs over one store ends as the rules say, and as a naive oracle does."""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.command_runs import AS_OF, PLAIN, Bench, call, key_of

from callveil.transforms.ingest.snapshots import snapshot_rank
from callveil.transforms.storage.commit.maintenance import verify_integrity

DAY = dt.timedelta(days=1)


KEYS = 3


@dataclass
class Oracle:
    """Expected content of a store, by the plainest reading of the rules. Days since the record
    began decide on age.
    """

    ranks: dict[int, int] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    full: set[int] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)

    def run(
        self, snapshots: list[tuple[int, int]], asked: list[int], days: int, after: int | None
    ) -> None:
        for number, version in snapshots:
            if version >= self.versions.get(number, -1):
                self.versions[number] = version
        for number in self.versions:
            if number in asked or (after is not None and days >= after):
                self.full.add(number)


SNAPSHOTS = st.lists(st.tuples(st.integers(0, KEYS - 1), st.integers(0, 3)), max_size=4)


RUNS = st.lists(
    st.tuples(
        SNAPSHOTS,
        st.lists(st.integers(0, KEYS - 1), max_size=1),
        st.sampled_from([5, 20, 45]),
        st.sampled_from([None, None, 30]),
    ),
    min_size=2,
    max_size=5,
)


def snapshot(number: int, version: int) -> dict[str, Any]:
    """Version `version` of interaction `number`: later ones are longer, except 0, which is a call
    under way that claims to be longest.
    """
    state = (
        {"status": "in progress", "duration": 999} if version == 0 else {"duration": 60 + version}
    )
    return call(
        number,
        notes=f"version {version} of {number}, mail v{version}@mail.example",
        called_at=(AS_OF - 10 * DAY).isoformat(),
        **state,
    )


@settings(max_examples=5, derandomize=True, suppress_health_check=list(HealthCheck))
@given(RUNS)
def test_random_histories_end_as_the_rules_say(
    history: list[tuple[list[tuple[int, int]], list[int], int, int | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench, oracle, counter = Bench(Path(folder) / "bench"), Oracle(), itertools.count()
        for snapshots, asked, days, after in history:
            requests = [
                {
                    "request_id": f"r{next(counter)}",
                    "account_id": "41",
                    "interaction_id": key_of(call(n))[1],
                    "scope": "all",
                    "reason": "asked",
                    "actor": "dpo",
                }
                for n in asked
            ]
            policy = PLAIN if after is None else f"{PLAIN}full_after_days: {after}\n"
            bench.run(
                [snapshot(*s) for s in snapshots],
                requests=requests,
                policy=policy,
                as_of=AS_OF + (days - 10) * DAY,
            )
            oracle.run(snapshots, asked, days, after)
            found = {int(r["id"]) - 7_000_000_000: r for r in bench.rows()}
            assert len(found) == len(bench.rows())
            assert set(found) == set(oracle.versions)
            for number, row in found.items():
                assert row["redaction_mode"] == ("full" if number in oracle.full else "content")
                if number not in oracle.full:
                    assert (
                        row["notes"]
                        == f"version {oracle.versions[number]} of {number}, mail [EMAIL_ADDRESS]"
                    )
                assert row["duration"] == (
                    999 if oracle.versions[number] == 0 else 60 + oracle.versions[number]
                )
            index = {int(r["id"]) - 7_000_000_000: r for r in latest_entries(bench)}
            assert {n: e["mode"] for n, e in index.items()} == {
                n: r["redaction_mode"] for n, r in found.items()
            }
            assert {n: e["rank"] for n, e in index.items()} == {
                n: r["rank"] for n, r in found.items()
            }
            assert "v1@" not in repr(bench.rows()) + repr(bench.rows("findings"))
        assert verify_integrity(bench.store) == []


def latest_entries(bench: Bench) -> list[dict[str, Any]]:
    """The index' latest entry of each key."""
    out: dict[str, dict[str, Any]] = {}
    for row in sorted(bench.rows("index"), key=lambda r: r["seq"]):
        out[row["id"]] = row
    return list(out.values())


def test_the_oracle_orders_versions_as_ranks_do() -> None:
    ranks = [snapshot_rank(snapshot(0, v)) for v in range(4)]
    assert ranks == sorted(set(ranks))
