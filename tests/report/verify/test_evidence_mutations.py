"""Whatever single thing is changed in a store, verification finds it and says what and where."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from support.evidence_stores import check, world
from support.landed_calls import calls
from support.live_zones import Zone, aged, history
from support.store_mutations import MUTATIONS, UNCOVERED, Mutation


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that nobody changed."""
    place = world(tmp_path_factory.mktemp("clean"))
    ages = (5, 10, 40, 15, 20)
    made = [
        aged(c, days)
        for c, days in zip(
            calls(tmp_path_factory.mktemp("sample"), len(ages), seconds=6), ages, strict=True
        )
    ]
    history(Zone(place.folder, root=place.root), made)
    return Path(place.root)


def _try(clean: Path, scratch: Path, seed: int) -> Mutation:
    rng = random.Random(seed)
    root = scratch / "store"
    shutil.copytree(clean, root)
    done = MUTATIONS[seed % len(MUTATIONS)](root, rng)
    report = check(root)
    assert report.problems, f"seed {seed}: {done} was not detected"
    about = [p for p in report.problems if any(n == p.path or n in p.detail for n in done.named)]
    assert about, f"seed {seed}: {done} was not named: {[str(p) for p in report.problems]}"
    assert any(done.detail in p.detail for p in about), (
        f"seed {seed}: {done}: {[str(p) for p in about]}"
    )
    shutil.rmtree(root)
    return done


def test_the_untouched_store_verifies(clean: Path) -> None:
    report = check(clean)
    assert report.problems == () and all(f"{n.path}/".startswith(UNCOVERED) for n in report.notes)
    assert report.runs == report.seq > 13 and report.files > 8 and report.rows > 60
    assert report.parts == 10 and report.checkpoints > 6


def _all(clean: Path, scratch: Path, seeds: range) -> None:
    kinds = Counter(_try(clean, scratch, seed).kind for seed in seeds)
    assert set(kinds) == {m.__name__ for m in MUTATIONS}
    print(f"\n{sum(kinds.values())} single changes, each detected and named: {dict(kinds)}")


def test_160_single_changes(clean: Path, tmp_path: Path) -> None:
    _all(clean, tmp_path, range(160))


@pytest.mark.soak
def test_1000_single_changes(clean: Path, tmp_path: Path) -> None:
    _all(clean, tmp_path, range(1_000, 2_000))
