"""Retention in the live zone: what was redacted as it arrived goes in time, is not brought back,
and is accounted for.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from support.landed_calls import Call, calls, land

from callveil.pipelines.retain import RetainOptions, run_retain, write_retention_plan
from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.governance.retention.certificate import CERTIFICATES  # noqa: F401 - registers the dataset
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def policy(*rules: str):
    section = "\n".join(f"    - {r}" for r in rules)
    return parse_policy(
        f"version: 1\nname: t\nextends: gdpr\nrecordings: {{wait_seconds: 0}}\nretention:\n  "
        f"rules:\n{section}\n"
    )


WHOLE = "{id: calls, action: delete, days: 30, class: [interactions]}"
AUDIO = "{id: audio, action: delete, days: 10, class: [recordings]}"
TEXTS = "{id: texts, action: delete, days: 20, class: [transcripts]}"


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> list[Call]:
    """Two calls, of 40 and of 5 days before `NOW`."""
    out = []
    for call, age in zip(
        calls(tmp_path_factory.mktemp("sample"), 2, seconds=6), (40, 5), strict=True
    ):
        record = json.loads(call.record) | {
            "called_at": (NOW - age * DAY).isoformat(),
            "unix_time": None,
        }
        out.append(
            Call(call.account, call.id, json.dumps(record).encode(), call.audio, call.seconds)
        )
    return out


def watch(place: Path, made: list[Call], rules) -> dict[str, int]:
    for call in made:
        land(place / "in", call)
    for path in (place / "in").rglob("*.*"):
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    options = WatchOptions(
        str(place / "store"), rules, (str(place / "in"),), keyring=str(place / "keyring.json")
    )
    return run_once(options, NOW.timestamp() + 10)


def retain(place: Path, rules, as_of=NOW, **more) -> RetainOptions:
    return RetainOptions(
        str(place / "store"), rules, as_of, NOW, keyring=str(place / "keyring.json"), **more
    )


def parts(place: Path, call: Call) -> tuple[str, str]:
    live = Live(Files(), str(place / "store"))
    key = InteractionKey(call.account, call.id)
    found = sorted(p.name.partition("-")[0] for p in Path(live.folder(key)).glob("*-*"))
    statuses = [live.receipt(key, what)["status"] for what in ("record", "audio")]
    return "+".join(found), "+".join(statuses)


@pytest.mark.parametrize(
    ("rules", "as_of", "old", "young"),
    [
        ((WHOLE,), NOW, ("", "expired+expired"), ("audio+record", "done+done")),
        ((WHOLE,), NOW + 25 * DAY, ("", "expired+expired"), ("", "expired+expired")),
        ((WHOLE,), NOW - 11 * DAY, ("audio+record", "done+done"), ("audio+record", "done+done")),
        ((AUDIO,), NOW, ("record", "done+expired"), ("audio+record", "done+done")),
        ((AUDIO, TEXTS), NOW + 6 * DAY, ("", "expired+expired"), ("record", "done+expired")),
        (
            ("{id: keep, action: keep, days: 365, class: [interactions]}", WHOLE),
            NOW,
            ("audio+record", "done+done"),
            ("audio+record", "done+done"),
        ),
        (
            ("{id: full, action: redact, days: 30, class: [interactions]}",),
            NOW,
            ("audio", "expired+done"),
            ("audio+record", "done+done"),
        ),
    ],
)
def test_what_is_due_goes_and_what_is_not_stays(place, made, rules, as_of, old, young):
    said = policy(*rules)
    watch(place, made, said)
    run_retain(retain(place, said, as_of))
    assert (parts(place, made[0]), parts(place, made[1])) == (old, young)


def test_a_plan_changes_nothing_and_a_run_accounts_for_what_it_did(place, made):
    said = policy(WHOLE)
    watch(place, made, said)
    before = {p: p.read_bytes() for p in (place / "store" / "live").rglob("*") if p.is_file()}
    plan = write_retention_plan(retain(place, said), str(place / "plan"))
    assert plan.counts["files.purge_live"] == plan.counts["interactions.delete"] == 2
    assert {
        p: p.read_bytes() for p in (place / "store" / "live").rglob("*") if p.is_file()
    } == before
    result = run_retain(retain(place, said))
    rows = (
        open_dataset(Store.open(Files(), str(place / "store")), "dispositions")
        .to_table()
        .to_pylist()
    )
    singles = [r for r in rows if r["record_id"]]
    assert {(r["record_class"], r["decision"], r["method"], r["rule_id"]) for r in singles} == {
        ("interactions", "delete", "purge_live", "calls")
    }
    assert len(singles) == 2
    assert made[0].id not in {r["record_id"] for r in singles}, (
        "ids in dispositions are keyed digests"
    )
    assert [r["rows_deleted"] for r in rows if not r["record_id"]] == [2]
    again = run_retain(retain(place, said))
    assert again.plan.counts.get("files.purge_live", 0) == 0
    assert result.seq > 0


def test_a_replay_brings_nothing_back(place, made):
    said = policy(WHOLE)
    watch(place, made, said)
    run_retain(retain(place, said))
    later = Call(
        made[0].account,
        made[0].id,
        json.dumps(json.loads(made[0].record) | {"duration": 9999}).encode(),
        made[0].audio,
        6,
    )
    (place / "in" / f"{later.name}.json").write_bytes(later.record)
    os.utime(place / "in" / f"{later.name}.json", (NOW.timestamp(), NOW.timestamp()))
    counts = watch(place, [], said)
    assert counts.get("record.done", 0) == counts.get("audio.done", 0) == 0
    assert parts(place, made[0]) == ("", "expired+expired")


def test_a_legal_hold_keeps_it(place, made):
    said = policy(WHOLE)
    watch(place, made, said)
    hold = {
        "hold_id": "h1",
        "placed_at": "2026-11-01T00:00:00Z",
        "placed_by": "counsel",
        "account_id": made[0].account,
    }
    (place / "holds.jsonl").write_text(json.dumps(hold) + "\n")
    run_retain(retain(place, said, holds=(str(place / "holds.jsonl"),)))
    assert parts(place, made[0]) == ("audio+record", "done+done")


def test_killed_between_receipt_and_files_the_rest_goes_with_the_next_run(place, made, monkeypatch):
    said = policy(WHOLE)
    watch(place, made, said)
    purge, left = Files.purge, [1]

    def dying(self, url):
        if "/live/calls/" in url:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return purge(self, url)

    monkeypatch.setattr(Files, "purge", dying)
    with pytest.raises(KeyboardInterrupt):
        run_retain(retain(place, said))
    monkeypatch.undo()
    run_retain(retain(place, said))
    assert parts(place, made[0]) == ("", "expired+expired")
