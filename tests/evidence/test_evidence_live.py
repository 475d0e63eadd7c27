"""The live zone is in the chain: what callveil does there itself is explained by it, and whatever else is done is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_worlds import Zone, aged
from watch.landing import Call, calls


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Calls of 40, 20 and 5 days ago."""
    found = calls(tmp_path_factory.mktemp("sample"), 3, seconds=6)
    return [aged(c, days) for c, days in zip(found, (40, 20, 5), strict=True)]


def test_what_watch_publishes_is_committed_to_once(tmp_path: Path, made: list[Call]) -> None:
    zone = Zone(tmp_path)
    zone.watch(*made)
    assert sorted(zone.changes()) == sorted((zone.part(c, w), "found") for c in made for w in ("audio", "record"))
    assert zone.announced() == 0
    report = zone.verify()
    assert report.problems == () and report.parts == 6 and report.checkpoints == 1
    assert zone.seal().made == 0
    zone.watch()
    assert zone.verify().checkpoints == 1
    assert zone.seal(everything=True).made == 0
    zone.retain()
    assert {c for p, c in zone.changes()[6:]} == {"expired"} and len(zone.changes()) == 8
    report = zone.verify()
    assert report.problems == () and report.parts == 6
    zone.erase(made[1])
    assert {(p, c) for p, c in zone.changes()[8:]} == {(zone.part(made[1], w), "erased") for w in ("audio", "record")}
    report = zone.verify()
    assert report.problems == ()
    assert zone.announced() == 0
    request = zone.restrict(made[2])
    assert zone.verify().problems == ()
    zone.lift(request)
    assert zone.verify().problems == ()
