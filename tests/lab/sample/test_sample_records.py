"""Generated interactions: reproducible from seed and index, gold that points at what is there, the
mix that was promised.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.transforms.lab.sample.gold import SENSITIVE
from callveil.transforms.lab.sample.records import FIRST_ID, GeneratedInteraction, Sample

WORLD = Sample(42, accounts=60, interactions=100_000, days=90, end=dt.date(2026, 11, 1))


def resolve(record: dict[str, Any], path: str) -> Any:
    """The value at `a.b[2].c`."""
    value: Any = record
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        value = value[int(index)] if index else value[name]
    return value


def final(made: GeneratedInteraction) -> dict[str, Any]:
    return made.snapshots[made.final]


@given(st.integers(0, 99_999))
@settings(max_examples=400)
def test_gold_points_at_what_is_there(index: int) -> None:
    made = WORLD.interaction(index)
    assert made.gold is not None
    record = final(made)
    for span in made.gold.spans:
        assert resolve(record, span.path)[span.start : span.end] == span.text, span.path
        assert made.gold.values[span.key].type == span.type


@given(st.integers(0, 99_999))
def test_gold_lists_every_form_of_a_value_once(index: int) -> None:
    made = WORLD.interaction(index)
    assert made.gold is not None
    told = made.gold.as_dict()
    written = {(s.key, s.text) for s in made.gold.spans}
    listed = [(v["key"], form) for v in told["values"] for form in v["forms"]]
    assert len(listed) == len(set(listed)) and set(listed) == written
    assert all(v["sensitive"] == (v["type"] in SENSITIVE) for v in told["values"])
    assert (told["account_id"], told["id"]) == (
        str(final(made)["account_id"]),
        str(final(made)["id"]),
    )


@given(st.integers(0, 99_999))
def test_the_callers_address_is_nowhere_but_where_gold_says(index: int) -> None:
    """Every text leaf that holds the caller's e-mail is a place that gold names; word rows and
    recognisers' word lists repeat those texts.
    """
    made = WORLD.interaction(index)
    assert made.gold is not None
    places = {s.path for s in made.gold.spans}
    mail = made.gold.values.get("caller.email")
    for path, leaf in leaves(final(made)):
        if (
            mail
            and isinstance(leaf, str)
            and mail.canonical in leaf
            and not path.startswith(("transcript.", "words["))
        ):
            assert path in places, path


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [x for k, v in value.items() for x in leaves(v, f"{path}.{k}" if path else k)]
    if isinstance(value, list):
        return [x for i, v in enumerate(value) for x in leaves(v, f"{path}[{i}]")]
    return [(path, value)]


@given(st.integers(0, 99_999), st.booleans())
def test_an_interaction_depends_on_seed_and_index_only(index: int, gold: bool) -> None:
    again = Sample(42, accounts=60, interactions=5, days=90, end=dt.date(2026, 11, 1))
    assert again.interaction(index, gold).snapshots == WORLD.interaction(index).snapshots


def test_hash_randomisation_changes_nothing() -> None:
    code = (
        "import orjson, hashlib; from callveil.transforms.lab.sample.records import Sample; h = "
        "hashlib.sha256()\n"
        "for m in Sample(7, 20, 150):\n  h.update(orjson.dumps(m.snapshots)); "
        "h.update(orjson.dumps(m.gold.as_dict()))\n"
        "print(h.hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": s},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for s in ("1", "2")
    }
    assert len(seen) == 1


def test_other_seeds_make_other_records() -> None:
    digests = {
        hashlib.sha256(orjson.dumps(Sample(s).interaction(0).snapshots)).digest() for s in range(20)
    }
    assert len(digests) == 20


def test_the_mix_is_as_promised() -> None:
    kinds: Counter[str] = Counter()
    series = size = 0
    for made in WORLD.between(0, 2000):
        r = final(made)
        kinds[
            "chat"
            if "chat_messages" in r
            else "form"
            if "form" in r
            else "text"
            if "message_body" in r
            else "call"
        ] += 1
        series += len(made.snapshots) > 1
        size += len(orjson.dumps(r))
    assert abs(kinds["call"] - 1200) < 90 and abs(kinds["text"] - 400) < 70
    assert abs(kinds["chat"] - 200) < 50 and abs(kinds["form"] - 200) < 50
    assert 60 < series < 220
    assert 2000 < size / 2000 < 6000


def test_keys_are_unique_and_times_lie_in_the_window() -> None:
    keys = set()
    for made in WORLD.between(0, 1000, gold=False):
        r = final(made)
        keys.add((str(r["account_id"]), str(r["id"])))
        assert int(r["id"]) >= FIRST_ID > 2**31
        if "unix_time" in r:
            assert WORLD.start.timestamp() <= r["unix_time"] < WORLD.end.timestamp() + 3600
    assert len(keys) == 1000


def test_every_transcript_shape_and_date_form_occurs() -> None:
    shapes: Counter[str] = Counter()
    for made in WORLD.between(0, 2500, gold=False):
        r = final(made)
        shapes.update(
            n for n in ("outline", "transcript_outline", "words", "transcription_text") if n in r
        )
        t = r.get("transcript", {})
        shapes.update(n for n in ("results", "segments", "outline") if n in t)
        shapes["deepgram"] += "metadata" in t
        shapes["offset time"] += bool(
            re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d [AP]M [+-]\d\d:\d\d", r["called_at"])
        )
        shapes["zulu time"] += r["called_at"].endswith("Z")
    assert all(
        shapes[n] > 3
        for n in (
            "outline",
            "transcript_outline",
            "words",
            "transcription_text",
            "results",
            "segments",
            "deepgram",
            "offset time",
            "zulu time",
        )
    )


def test_series_hold_an_unfinished_and_a_final_snapshot() -> None:
    found = [m for m in WORLD.between(0, 1500, gold=False) if len(m.snapshots) > 1]
    assert found
    for made in found:
        last = final(made)
        assert all(
            s["id"] == last["id"] and s["account_id"] == last["account_id"] for s in made.snapshots
        )
        assert "audio" in last and any("audio" not in s for s in made.snapshots)
    assert any(m.final != len(m.snapshots) - 1 for m in found), "none out of order"


def test_accounts_change_type_and_status() -> None:
    rows = list(Sample(3, accounts=400).account_rows())
    by_account: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_account.setdefault(row["account_id"], []).append(row)
    assert len(by_account) == 400
    assert all(v == sorted(v, key=lambda r: r["effective_at"]) for v in by_account.values())
    assert 15 < sum(len(v) > 1 for v in by_account.values()) < 100
    assert any(r["agency_id"] for r in rows) and any("can_create_subaccounts" in r for r in rows)
    parents = {r["agency_id"] for r in rows if r["agency_id"]}
    assert all(
        any(r.get("type") == "agency" or r.get("can_create_subaccounts") for r in by_account[p])
        for p in parents
    )


@pytest.mark.parametrize(
    ("name", "value"), [("accounts", 0), ("interactions", -1), ("days", 0), ("realistic", 1.5)]
)
def test_impossible_sizes_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Sample(1, **{name: value})  # type: ignore[arg-type]
