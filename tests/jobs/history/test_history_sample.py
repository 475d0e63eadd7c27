"""The generated version logs, loaded: nothing planted is found again, and the history says what the
generator wrote down.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.history_runs import Bench

from callveil.schemas.version import RedactedVersion
from callveil.transforms.lab.sample.version_files import write_versions
from callveil.transforms.redact.versions.timeline import state_at
from callveil.transforms.storage.files.filesystem import Files

SURE = ("SECRET", "CREDIT_CARD", "EMAIL_ADDRESS")
"""Types whose planted values are nobody else's words, so that no file may hold one anywhere."""
READABLE = (
    "two_factor_enabled",
    "active",
    "record_calls",
    "position",
    "auto_logout_minutes",
    "login_required_for_recordings",
    "recording_encryption",
)
"""Fields that no policy redacts."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, list[dict[str, Any]], int]:
    """A store with a sample in it, what was planted, and how many versions were written."""
    folder = tmp_path_factory.mktemp("sample")
    summary = write_versions(folder / "day", 3, 9, 8, 20, dt.date(2026, 11, 1), gold=True)
    bench = Bench(folder, Files(), str(folder / "store"))
    result = bench.load(str(folder / "day" / "versions"))
    assert result.counts.get("rejected", 0) == 0
    assert result.counts["duplicates"] == summary.repeated
    return (
        bench,
        [
            orjson.loads(line)
            for line in (folder / "day" / "versions-gold.jsonl").read_bytes().splitlines()
        ],
        summary.versions,
    )


def test_every_version_is_stored_once(loaded: tuple[Bench, list[dict[str, Any]], int]) -> None:
    bench, gold, count = loaded
    ids = [v.key.version_id for v in bench.versions()]
    assert len(ids) == count
    assert set(ids) == {version_id for thing in gold for version_id, _, _ in thing["states"]}


def test_nothing_planted_is_readable(loaded: tuple[Bench, list[dict[str, Any]], int]) -> None:
    bench, gold, _ = loaded
    stored = bench.versions()
    everything = "\n".join(str(v.record) for v in stored).casefold()
    raw = [p.read_bytes() for p in Path(bench.output).rglob("*") if p.is_file()]
    for thing in gold:
        item = (thing["account_id"], thing["item_type"], thing["item_id"])
        own = "\n".join(str(v.record) for v in stored if v.key.item == item).casefold()
        for entity, value in thing["planted"]:
            assert value.casefold() not in (everything if entity in SURE else own), (
                entity,
                thing["item_type"],
            )
            if entity in SURE:
                assert not any(value.encode() in data for data in raw)


def test_objects_at_every_time_are_what_the_generator_wrote_down(
    loaded: tuple[Bench, list[dict[str, Any]], int],
) -> None:
    bench, gold, _ = loaded
    items: dict[tuple[str, str, str], list[RedactedVersion]] = {}
    for v in bench.versions():
        items.setdefault(v.key.item, []).append(v)
    checked = 0
    for thing in gold:
        versions = items[thing["account_id"], thing["item_type"], thing["item_id"]]
        for _, when, state in thing["states"]:
            found = state_at(versions, dt.datetime.fromisoformat(when))
            assert found.exists is (state is not None)
            for name in READABLE if state is not None else ():
                if (
                    name in state
                    and name not in found.unsure
                    and (name in found.fields or thing["shape"] == "native")
                ):
                    assert found.fields[name].value == state[name]
                    checked += 1
    assert checked > 100


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_versions(tmp_path / name, 5, 4, 3)
    found = [
        {p.name: p.read_bytes() for p in (tmp_path / name / "versions").iterdir()}
        for name in ("a", "b")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 4
