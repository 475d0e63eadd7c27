"""Versions in every shape: native, paper_trail with YAML or JSON states, and what is refused.
Everything is generated.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support.history_runs import policy, version

from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import SourceRef
from callveil.transforms.ingest.versions.normalize import normalize_version
from callveil.transforms.ingest.versions.yaml_json import load_object
from callveil.transforms.storage.files.strict_json import ParseError

LIMITS = policy().limits


RUBY = """--- !ruby/object:ActiveSupport::HashWithIndifferentAccess
name: Radio
:symbol_key: :symbol_value
price: !ruby/object:BigDecimal 18:0.125e2
created_at: !ruby/object:ActiveSupport::TimeWithZone
  utc: 2026-10-20 09:00:00.000000000 Z
  zone: !ruby/object:ActiveSupport::TimeZone
    name: America/New_York
  time: 2026-10-20 05:00:00.000000000 Z
updated_at: 2026-10-20 05:00:00.123456000 -04:00
active: true
answer: 'yes'
octal: 0123
sexagesimal: 190:20:30
empty:
list:
- 1
- two
evil: !ruby/object:Gem::Installer
  command: rm -rf
"""


def test_what_rails_writes_becomes_plain_values_and_builds_no_object() -> None:
    plain = {
        "name": "Radio",
        "symbol_key": "symbol_value",
        "price": 12.5,
        "active": True,
        "answer": "yes",
        "empty": None,
        "list": [1, "two"],
    }
    times = {"created_at": "2026-10-20T09:00:00Z", "updated_at": "2026-10-20T09:00:00.123456Z"}
    odd = {"octal": "0123", "sexagesimal": "190:20:30", "evil": {"command": "rm -rf"}}
    assert load_object(RUBY) == plain | times | odd


def test_tags_of_python_build_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    found = load_object(
        f"--- {{a: !!python/object/apply:os.system ['touch {mark}'], b: !!python/name:os.system "
        "''}"
    )
    assert found == {"a": [f"touch {mark}"], "b": ""}
    assert not mark.exists()


def bomb(levels: int) -> str:
    """References that unfold to ten to the power of `levels`."""
    rows = ["a0: &a0 x"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels + 1)
    ]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1, 2", "bad_yaml"),
        ("a: 'x", "bad_yaml"),
        ("\tx: 1", "bad_yaml"),
        ("a: *unknown", "bad_yaml"),
        ("a: 1\na: 2", "duplicate_key"),
        ("? [1, 2]\n: 3", "bad_yaml"),
        ("<<: {a: 1}\nb: 2", "bad_yaml"),
        ("a: 1\n---\nb: 2", "bad_yaml"),
        (bomb(9), "record_too_large"),
        ("a: " + "[" * 5000 + "]" * 5000, "too_deep"),
        ("\n".join(" " * n + "a:" for n in range(3000)), "too_deep"),
        ("a: &a [*a]", "too_deep"),
        ("- " * 5000 + "x", "too_deep"),
    ],
)
def test_yaml_that_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ParseError) as error:
        load_object(text)
    assert error.value.reason == reason
    assert "unknown" not in error.value.detail


def test_references_are_followed_as_far_as_they_are_small() -> None:
    assert load_object("a: &a [1]\nb: *a") == {"a": [1], "b": [1]}
    assert len(load_object(bomb(3))["a3"]) == 10


PAPER = {
    "id": 7,
    "account_id": 41,
    "item_type": "Tracking::Number",
    "item_id": 9,
    "event": "update",
    "created_at": "2026-10-20 09:00:00",
    "whodunnit": "3",
}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"object": "---\nname: a\n"}, {"object": {"name": "a"}}),
        (
            {"object": '{"name":"a"}', "object_changes": '{"name":["a","b"]}'},
            {"object": {"name": "a"}, "changes": [{"field": "name", "before": "a", "after": "b"}]},
        ),
        (
            {"object": {"name": "a"}, "object_changes": "---\nname:\n- a\n- b\n"},
            {"changes": [{"field": "name", "before": "a", "after": "b"}]},
        ),
        (
            {
                "object": '"{\\"name\\":\\"a\\"}"',
                "object_changes": json.dumps(json.dumps(json.dumps({"name": [None, "b"]}))),
            },
            {"object": {"name": "a"}, "changes": [{"field": "name", "before": None, "after": "b"}]},
        ),
        ({"whodunnit": "4539910317764670"}, {"actor_id": None, "actor_name": "4539910317764670"}),
        ({"whodunnit": "gid://app/User/77"}, {"actor_id": "77", "actor_type": "user"}),
        ({"whodunnit": "Wilhelmina Testperson"}, {"actor_name": "Wilhelmina Testperson"}),
        ({"whodunnit": "w@example.com"}, {"actor_name": "w@example.com"}),
        ({"whodunnit": "system"}, {"actor_type": "system"}),
        ({"whodunnit": None}, {"shape": "paper_trail", "actor_type": "system"}),
    ],
)
def test_rows_of_paper_trail(members: dict[str, Any], expected: dict[str, Any]) -> None:
    found = normalize_version(PAPER | members, SourceRef("x"), LIMITS)
    assert {k: found.record.get(k) for k in expected} == expected
    assert found.created_at == dt.datetime(2026, 10, 20, 9, tzinfo=dt.UTC)


NULLS = [
    "null",
    "NULL",
    "~",
    "---",
    "--- \n...\n",
    "--- null\n",
    "---\n...",
    "\\N",
    "",
    "nil",
    "None",
    "(null)",
    '"null"',
    " null\n",
]
NULLS += [
    "undefined",
    '"undefined"',
    "N/A",
    "n/a",
    "NA",
    "#N/A",
    "NaN",
    "<NA>",
    "<nil>",
    "(none)",
    "UNDEFINED",
    '"N/A"',
]


@pytest.mark.parametrize("null", NULLS)
def test_null_written_as_text_is_null(null: str) -> None:
    found = normalize_version(
        PAPER | {"object": null, "changes": null, "object_changes": '{"name":[null,"b"]}'},
        SourceRef("x"),
        LIMITS,
    ).record
    assert "object" not in found
    assert found["changes"] == [{"field": "name", "before": None, "after": "b"}]
    assert (
        "changes"
        not in normalize_version(PAPER | {"object_changes": null}, SourceRef("x"), LIMITS).record
    )


@pytest.mark.parametrize("empty", ["[]", [], " [ ]\n", '"[]"', "--- []\n"])
def test_an_object_that_holds_nothing_is_no_held_object(empty: Any) -> None:
    found = normalize_version(
        PAPER | {"object": empty, "object_changes": '{"name":[null,"b"]}'}, SourceRef("x"), LIMITS
    ).record
    assert "object" not in found
    assert found["changes"] == [{"field": "name", "before": None, "after": "b"}]


@pytest.mark.parametrize(
    "other", ["nothing at all", "[1]", "-", "0", "false", "undefined method", [1], True]
)
def test_what_is_no_object_and_no_null_is_refused(other: Any) -> None:
    with pytest.raises(FieldError):
        normalize_version(PAPER | {"object": other}, SourceRef("x"), LIMITS)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        *(("N/A", "N/A"), ("undefined", "undefined"), ([], []), ("null", None)),
        *(
            ("\\N", None),
            ("--- \n...\n", None),
            ("", ""),
            ("none", "none"),
            ("nil by mouth", "nil by mouth"),
        ),
    ],
)
def test_null_written_as_text_in_a_change(given: str, read: str | None) -> None:
    forms = (
        {"a": [given, 1]},
        [{"field": "a", "before": given, "after": 1}],
        {"a": {"from": given, "to": 1}},
    )
    for changes in forms:
        assert normalize_version(version(changes=changes), SourceRef("x"), LIMITS).record[
            "changes"
        ] == [{"field": "a", "before": read, "after": 1}]


@pytest.mark.parametrize(
    "word", ["created", "INSERT", "Deleted", "sign-in", "logged_in", "redacted", "reify", "publish"]
)
def test_words_for_events(word: str) -> None:
    expected = {
        "created": "create",
        "INSERT": "create",
        "Deleted": "destroy",
        "sign-in": "sign_in",
        "logged_in": "sign_in",
        "redacted": "redact",
        "reify": "restore",
    }
    assert normalize_version(version(event=word), SourceRef("x"), LIMITS).event == expected.get(
        word, word
    )


@pytest.mark.parametrize(
    "changes",
    [
        [{"field": "a", "before": 1, "after": 2}],
        [{"field": "a", "from": 1, "to": 2}],
        [{"attribute": "a", "old": 1, "new": 2}],
        {"a": [1, 2]},
        {"a": {"before": 1, "after": 2}},
        '{"a": [1, 2]}',
        "a:\n- 1\n- 2\n",
    ],
)
def test_forms_of_changes(changes: Any) -> None:
    assert normalize_version(version(changes=changes), SourceRef("x"), LIMITS).record[
        "changes"
    ] == [{"field": "a", "before": 1, "after": 2}]


@pytest.mark.parametrize(
    ("members", "field", "reason"),
    [
        ({"version_id": None}, "version_id", "missing_key"),
        ({"version_id": "a b"}, "version_id", "wrong_type"),
        ({"account_id": None}, "account_id", "missing_key"),
        ({"item_type": None}, "item_type", "missing_key"),
        ({"item_type": "a\nb"}, "item_type", "wrong_type"),
        ({"item_id": True}, "item_id", "wrong_type"),
        ({"event": "what was that?"}, "event", "wrong_type"),
        ({"created_at": "yesterday"}, "created_at", "bad_time"),
        ({"created_at": "1969-12-31T23:59:59Z"}, "created_at", "out_of_range"),
        ({"created_at": None}, "created_at", "bad_time"),
        ({"changes": [1]}, "changes", "wrong_type"),
        ({"changes": {"a": [1, 2, 3]}}, "changes", "wrong_type"),
        ({"changes": [{"field": "a"}, {"field": "a"}]}, "changes", "duplicate_key"),
        ({"changes": "a: [1"}, "changes", "bad_yaml"),
        ({"changes": "[1, 2"}, "changes", "bad_yaml"),
        ({"object": "- 1"}, "object", "wrong_type"),
        ({"user_id": ["x"]}, "user_id", "wrong_type"),
        ({"item_label": "a\0b"}, "<undeclared>", "control_character"),
    ],
)
def test_versions_that_are_refused(members: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(FieldError) as error:
        normalize_version(version(**members), SourceRef("x"), LIMITS)
    assert (error.value.path, error.value.reason) == (field, reason)


def test_an_account_is_its_own_account() -> None:
    record = version(item_type="Account", item_id=41)
    del record["account_id"]
    assert normalize_version(record, SourceRef("x"), LIMITS).key.account_id == "41"
