"""Version logs in every form they come in, and what is refused with file, line and reason. Everything is generated."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from history_bench import policy, version
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import SourceRef
from callveil.schemas.policy import Limits
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion
from callveil.transforms.history.document import load_object
from callveil.transforms.history.normalise import normalise
from callveil.transforms.history.read import plan, read_versions
from callveil.transforms.ingest.chunks import InputError
from callveil.transforms.ingest.parse import ParseError
from callveil.transforms.store.files import Files

LIMITS = policy().limits
ROWS = [version(version_id=str(n), changes={"color": ["red", n], "note": [None, 'a, "b"\nc']}) for n in range(1, 8)]


def read(folder: Path, limits: Limits = LIMITS, chunk_bytes: int = 1 << 20) -> list[RawVersion | Rejected]:
    """Everything a folder's files hold, in order."""
    files = Files()
    chunks, _ = plan(files, [str(folder)], chunk_bytes)
    return [item for chunk in chunks for item in read_versions(files, chunk, limits)]


def content(found: list[RawVersion | Rejected]) -> list[Any]:
    """Keys and records, which must not depend on the format."""
    assert all(isinstance(v, RawVersion) for v in found), [v for v in found if isinstance(v, Rejected)]
    return sorted(((v.key, v.event, v.created_at, v.record) for v in found if isinstance(v, RawVersion)), key=lambda row: row[0])


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row as tables write it: nested members as JSON text."""
    return {k: orjson.dumps(v).decode() if isinstance(v, list | dict) else v for k, v in row.items()}


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    """CSV bytes."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(flat(r) for r in rows)
    return out.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    """Parquet bytes."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([flat(r) for r in rows]), out, row_group_size=3)
    return out.getvalue()


def lines(rows: list[dict[str, Any]]) -> bytes:
    """JSON lines."""
    return b"".join(orjson.dumps(r) + b"\n" for r in rows)


FORMS: dict[str, bytes] = {
    "v.jsonl": lines(ROWS),
    "v.jsonl.gz": gzip.compress(lines(ROWS)),
    "page.json": orjson.dumps({"versions": [{k: v for k, v in r.items() if k != "account_id"} for r in ROWS], "account_id": "41", "page": 1}),
    "array.json": orjson.dumps(ROWS),
    "v.csv": as_csv(ROWS),
    "v.csv.gz": gzip.compress(as_csv(ROWS)),
    "v.tsv": as_csv(ROWS, "\t"),
    "v.yaml": yaml.safe_dump(ROWS).encode(),
    "page.yml": yaml.safe_dump({"account_id": "41", "versions": [{k: v for k, v in r.items() if k != "account_id"} for r in ROWS]}).encode(),
    "stream.yaml": yaml.safe_dump_all(ROWS).encode(),
    "v.parquet": as_parquet(ROWS),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FORMS[name])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "v.jsonl").write_bytes(lines(ROWS))
    assert content(read(tmp_path / name)) == content(read(tmp_path / "other"))


@settings(deadline=None, max_examples=30)
@given(size=st.integers(200, 2000))
def test_lines_cut_anywhere_are_read_once(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    (folder / "v.jsonl").write_bytes(lines(ROWS))
    found = read(folder, chunk_bytes=size)
    assert [v.key.version_id for v in found if isinstance(v, RawVersion)] == [r["version_id"] for r in ROWS]
    assert [v.source.line for v in found] == list(range(1, len(ROWS) + 1))


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
    plain = {"name": "Radio", "symbol_key": "symbol_value", "price": 12.5, "active": True, "answer": "yes", "empty": None, "list": [1, "two"]}
    times = {"created_at": "2026-10-20T09:00:00Z", "updated_at": "2026-10-20T09:00:00.123456Z"}
    odd = {"octal": "0123", "sexagesimal": "190:20:30", "evil": {"command": "rm -rf"}}
    assert load_object(RUBY) == plain | times | odd


def test_tags_of_python_build_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    found = load_object(f"--- {{a: !!python/object/apply:os.system ['touch {mark}'], b: !!python/name:os.system ''}}")
    assert found == {"a": [f"touch {mark}"], "b": ""}
    assert not mark.exists()


def bomb(levels: int) -> str:
    """References that unfold to ten to the power of `levels`."""
    rows = ["a0: &a0 x"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels + 1)]
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
        ({"object": {"name": "a"}, "object_changes": "---\nname:\n- a\n- b\n"}, {"changes": [{"field": "name", "before": "a", "after": "b"}]}),
        ({"whodunnit": "gid://app/User/77"}, {"actor_id": "77", "actor_type": "user"}),
        ({"whodunnit": "Wilhelmina Testperson"}, {"actor_name": "Wilhelmina Testperson"}),
        ({"whodunnit": "w@example.com"}, {"actor_name": "w@example.com"}),
        ({"whodunnit": "system"}, {"actor_type": "system"}),
        ({"whodunnit": None}, {"shape": "paper_trail", "actor_type": "system"}),
    ],
)
def test_rows_of_paper_trail(members: dict[str, Any], expected: dict[str, Any]) -> None:
    found = normalise(PAPER | members, SourceRef("x"), LIMITS)
    assert {k: found.record.get(k) for k in expected} == expected
    assert found.created_at == dt.datetime(2026, 10, 20, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize("word", ["created", "INSERT", "Deleted", "sign-in", "logged_in", "redacted", "reify", "publish"])
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
    assert normalise(version(event=word), SourceRef("x"), LIMITS).event == expected.get(word, word)


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
    assert normalise(version(changes=changes), SourceRef("x"), LIMITS).record["changes"] == [{"field": "a", "before": 1, "after": 2}]


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
        normalise(version(**members), SourceRef("x"), LIMITS)
    assert (error.value.path, error.value.reason) == (field, reason)


def test_an_account_is_its_own_account() -> None:
    record = version(item_type="Account", item_id=41)
    del record["account_id"]
    assert normalise(record, SourceRef("x"), LIMITS).key.account_id == "41"


SECRET = "Wilhelmina-Geheim-4155550123"


def test_bad_rows_of_csv_cost_themselves_and_say_where(tmp_path: Path) -> None:
    good = as_csv(ROWS[:2]).decode().split("\r\n")
    head = good[0]
    text = "\r\n".join(
        [
            head,
            f'x,41,"{SECRET}" broken,1',
            f"8,41,User,15,update,2026-10-20,3,,{SECRET},more",
            f'9,41,User,15,"open {SECRET},2026-10-20',
            "10,41,User,15,update,2026-10-20,3,",
            "",
        ]
    )
    (tmp_path / "v.csv").write_bytes(text.encode() + b"11,41,User,15,update,2026-10-20,3,\xff\xfe\r\n12,41,User,15,update,2026-10-20,3,\r\n")
    found = read(tmp_path)
    assert [(v.source.line, v.reason) for v in found if isinstance(v, Rejected)] == [(2, "bad_csv"), (3, "bad_csv"), (4, "bad_csv"), (6, "bad_utf8")]
    assert [v.key.version_id for v in found if isinstance(v, RawVersion)] == ["10", "12"]
    for v in found:
        if isinstance(v, Rejected):
            assert v.source.file.endswith("v.csv")
            assert SECRET not in v.detail + v.field
            assert v.raw


def test_bad_versions_of_yaml_say_their_line_and_the_good_ones_are_read(tmp_path: Path) -> None:
    good = yaml.safe_dump([ROWS[0]])
    (tmp_path / "v.yaml").write_text(good + f"- version_id: 2\n  item_type: {SECRET}\n  item_type: User\n" + yaml.safe_dump([ROWS[2]]) + "- 5\n")
    found = read(tmp_path)
    count = good.count("\n")
    assert [v.key.version_id for v in found if isinstance(v, RawVersion)] == ["1", "3"]
    bad = [v for v in found if isinstance(v, Rejected)]
    assert [(v.source.line, v.reason) for v in bad] == [(count + 1, "duplicate_key"), (count * 2 + 4, "not_an_object")]
    assert all(SECRET not in v.detail + v.field for v in bad)
    (tmp_path / "v.yaml").write_text(yaml.safe_dump(ROWS[0]) + "---\na: [1\n")
    found = read(tmp_path)
    assert [type(v) for v in found] == [RawVersion, Rejected]
    assert found[1].reason == "bad_yaml"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "data", "reasons"),
    [
        ("v.jsonl", b'{"a"\n[1]\n"x"\n', ["bad_json", "not_an_object", "not_an_object"]),
        ("v.jsonl", orjson.dumps(version()) + b"\n" + b'{"version_id": "1", "version_id": "2"}\n', ["duplicate_key"]),
        ("v.jsonl.gz", gzip.compress(lines(ROWS))[:-12], ["bad_compression"]),
        ("v.csv.gz", gzip.compress(as_csv(ROWS))[:-12], ["bad_compression"]),
        ("v.yaml", b"\xff\xfe", ["bad_utf8"]),
        ("v.csv", b"a,a\n1,2\n", ["bad_csv"]),
        ("v.parquet", b"PAR1 and then nothing", ["bad_parquet"]),
        ("v.json", b'{"versions": [1, {}]}', ["not_an_object", "missing_key"]),
    ],
)
def test_files_that_are_refused_in_part_or_whole(tmp_path: Path, name: str, data: bytes, reasons: list[str]) -> None:
    (tmp_path / name).write_bytes(data)
    found = read(tmp_path / name)
    assert [v.reason for v in found if isinstance(v, Rejected)] == reasons


def test_a_record_above_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.jsonl").write_bytes(lines([version(note="x" * 500), version(version_id="2")]))
    found = read(tmp_path, Limits(record_bytes=400))
    assert [v.reason if isinstance(v, Rejected) else v.key.version_id for v in found] == ["record_too_large", "2"]


def test_nothing_to_read_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(InputError, match="nothing to read"):
        plan(Files(), [str(tmp_path)])
    with pytest.raises(InputError, match="no input"):
        plan(Files(), [])
