"""`callveil recordings`: what became of each recording, as lines, as Parquet, and the way back for
what was rejected or sealed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.landed_calls import calls, land, noise
from support.sounds import heard, level

from callveil.pipelines import cli
from callveil.schemas.arrow import RECORDING_SCHEMA


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A store with two redacted recordings, one covered whole, one broken; originals are sealed."""
    place = tmp_path_factory.mktemp("recordings")
    policy = place / "policy.yaml"
    policy.write_text(
        "version: 1\nname: test\nextends: gdpr\nrecordings: {wait_seconds: 0, original: seal, "
        "mode: tone}\n"
    )
    for call in calls(place / "sample", 2, seconds=12):
        land(place / "in", call)
    alone = place / "in" / "77"
    alone.mkdir()
    (alone / "1.wav").write_bytes(noise(3))
    (alone / "2.wav").write_bytes(b"RIFF....WAVE")
    import os

    for path in place.rglob("*.*"):
        os.utime(path, (1_790_000_000, 1_790_000_000))
    assert watch(place) == 3
    return place


def watch(place: Path) -> int:
    where = [
        "--input",
        str(place / "in"),
        "--output",
        str(place / "store"),
        "--policy",
        str(place / "policy.yaml"),
    ]
    return cli.main(["watch", "--once", *where, "--keyring", str(place / "keyring.json"), "--json"])


def run(place: Path, action: str, *more: str) -> int:
    return cli.main(
        [
            "recordings",
            action,
            "--store",
            str(place / "store"),
            "--keyring",
            str(place / "keyring.json"),
            *more,
        ]
    )


def test_list_tells_what_became_of_each(place, capsys):
    assert run(place, "list") == 0
    out = capsys.readouterr().out
    assert out.count("covered by channel") == 3
    assert "77/1: 3.0 s, covered by channel 3.0, 3.0 s: no transcript" in out
    assert "77/2: rejected: empty_audio" in out or "77/2: rejected: bad_audio" in out
    assert out.splitlines()[-1] == "3 done, 1 rejected"
    assert run(place, "list", "--status", "rejected", "--json") == 0
    assert json.loads(capsys.readouterr().out)["total"] == 1


def test_export_is_a_row_each_and_leads_to_the_files(place, tmp_path):
    assert run(place, "export", "--out", str(tmp_path / "r.parquet")) == 0
    table = pq.read_table(tmp_path / "r.parquet")
    assert table.schema.names == RECORDING_SCHEMA.names
    rows = table.to_pylist()
    assert [r["status"] for r in rows].count("done") == 3
    for row in rows:
        if row["status"] == "done":
            path = place / "store" / row["path"]
            assert path.stat().st_size == row["bytes"]
            _, samples = heard(path)
            assert samples.shape == (row["channels"], round(row["seconds"] * row["rate"]))
    covered = next(r for r in rows if r["interaction_id"] == "1" and r["account_id"] == "77")
    _, samples = heard(place / "store" / covered["path"])
    assert -40 < level(samples) < -10, "a tone, no silence"


def test_an_original_can_be_had_back_with_the_keyring(place, tmp_path, capsys):
    out = tmp_path / "original.wav"
    assert run(place, "original", "--account", "77", "--id", "1", "--out", str(out)) == 0
    assert out.read_bytes() == noise(3)
    assert out.stat().st_mode & 0o777 == 0o600
    assert run(place, "original", "--account", "77", "--id", "1", "--out", str(out)) == 2
    assert run(place, "original", "--account", "77", "--id", "2", "--out", str(tmp_path / "x")) == 2
    assert not (tmp_path / "x").exists()


def test_what_was_rejected_is_taken_in_anew_once_it_is_mended(place, capsys):
    broken = place / "in" / "77" / "2.wav"
    assert watch(place) == 0  # nothing new
    assert run(place, "retry", "--dry-run") == 0
    assert "77/2: audio:" in capsys.readouterr().out
    assert watch(place) == 0
    assert run(place, "retry") == 0
    broken.write_bytes(noise(2))
    capsys.readouterr()
    assert watch(place) in (0, 3)
    import time

    time.sleep(1.2)
    watch(place)
    capsys.readouterr()
    run(place, "list", "--json")
    rows = {
        r["interaction_id"]: r
        for r in json.loads(capsys.readouterr().out)["recordings"]
        if r["account_id"] == "77"
    }
    assert rows["2"]["status"] == "done"
    assert rows["2"]["seconds"] == 2
    assert not list((place / "store" / "live" / "rejected").rglob("*.json"))
