"""Version logs in every file format, and what is refused with file, line and reason. Everything is
generated.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.history_runs import policy, version

from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.versions.read import plan_versions, read_versions
from callveil.transforms.storage.files.filesystem import Files

LIMITS = policy().limits


ROWS = [
    version(version_id=str(n), changes={"color": ["red", n], "note": [None, 'a, "b"\nc']})
    for n in range(1, 8)
]


def read(
    folder: Path, limits: InputLimits = LIMITS, chunk_bytes: int = 1 << 20
) -> list[RawVersion | Rejected]:
    """Everything a folder's files hold, in order."""
    files = Files()
    chunks = plan_versions(files, [str(folder)], chunk_bytes).chunks
    return [item for chunk in chunks for item in read_versions(files, chunk, limits)]


def content(found: list[RawVersion | Rejected]) -> list[Any]:
    """Keys and records, which must not depend on the format."""
    assert all(isinstance(v, RawVersion) for v in found), [
        v for v in found if isinstance(v, Rejected)
    ]
    return sorted(
        ((v.key, v.event, v.created_at, v.record) for v in found if isinstance(v, RawVersion)),
        key=lambda row: row[0],
    )


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row as tables write it: nested members as JSON text."""
    return {
        k: orjson.dumps(v).decode() if isinstance(v, list | dict) else v for k, v in row.items()
    }


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
    "page.json": orjson.dumps(
        {
            "versions": [{k: v for k, v in r.items() if k != "account_id"} for r in ROWS],
            "account_id": "41",
            "page": 1,
        }
    ),
    "array.json": orjson.dumps(ROWS),
    "v.csv": as_csv(ROWS),
    "v.csv.gz": gzip.compress(as_csv(ROWS)),
    "v.tsv": as_csv(ROWS, "\t"),
    "v.yaml": yaml.safe_dump(ROWS).encode(),
    "page.yml": yaml.safe_dump(
        {
            "account_id": "41",
            "versions": [{k: v for k, v in r.items() if k != "account_id"} for r in ROWS],
        }
    ).encode(),
    "stream.yaml": yaml.safe_dump_all(ROWS).encode(),
    "v.parquet": as_parquet(ROWS),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FORMS[name])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "v.jsonl").write_bytes(lines(ROWS))
    assert content(read(tmp_path / name)) == content(read(tmp_path / "other"))


@settings(max_examples=30)
@given(size=st.integers(200, 2000))
def test_lines_cut_anywhere_are_read_once(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    (folder / "v.jsonl").write_bytes(lines(ROWS))
    found = read(folder, chunk_bytes=size)
    assert [v.key.version_id for v in found if isinstance(v, RawVersion)] == [
        r["version_id"] for r in ROWS
    ]
    assert [v.source.line for v in found] == list(range(1, len(ROWS) + 1))


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
    (tmp_path / "v.csv").write_bytes(
        text.encode()
        + b"11,41,User,15,update,2026-10-20,3,\xff\xfe\r\n12,41,User,15,update,2026-10-20,3,\r\n"
    )
    found = read(tmp_path)
    assert [(v.source.line, v.reason) for v in found if isinstance(v, Rejected)] == [
        (2, "bad_csv"),
        (3, "bad_csv"),
        (4, "bad_csv"),
        (6, "bad_utf8"),
    ]
    assert [v.key.version_id for v in found if isinstance(v, RawVersion)] == ["10", "12"]
    for v in found:
        if isinstance(v, Rejected):
            assert v.source.file.endswith("v.csv")
            assert SECRET not in v.detail + v.field
            assert v.raw


def test_bad_versions_of_yaml_say_their_line_and_the_good_ones_are_read(tmp_path: Path) -> None:
    good = yaml.safe_dump([ROWS[0]])
    (tmp_path / "v.yaml").write_text(
        good
        + f"- version_id: 2\n  item_type: {SECRET}\n  item_type: User\n"
        + yaml.safe_dump([ROWS[2]])
        + "- 5\n"
    )
    found = read(tmp_path)
    count = good.count("\n")
    assert [v.key.version_id for v in found if isinstance(v, RawVersion)] == ["1", "3"]
    bad = [v for v in found if isinstance(v, Rejected)]
    assert [(v.source.line, v.reason) for v in bad] == [
        (count + 1, "duplicate_key"),
        (count * 2 + 4, "not_an_object"),
    ]
    assert all(SECRET not in v.detail + v.field for v in bad)
    (tmp_path / "v.yaml").write_text(yaml.safe_dump(ROWS[0]) + "---\na: [1\n")
    found = read(tmp_path)
    assert [type(v) for v in found] == [RawVersion, Rejected]
    assert found[1].reason == "bad_yaml"  # type: ignore[union-attr]


POISON = [
    "object: " + "[" * 10_000,
    "object: &a [*a]",
    "<<: {a: 1}",
    "object: *nope",
    'object: "\\ud800"',
    "? [1]\n  : 2",
    "object: [1",
    'x: "open',
]


@pytest.mark.parametrize("head", ["", "account_id: 41\nversions:\n"])
def test_a_version_that_breaks_a_list_of_yaml_costs_itself(tmp_path: Path, head: str) -> None:
    rows = [{k: v for k, v in r.items() if k != "account_id" or not head} for r in ROWS]
    bad = "".join(
        f"- version_id: x{n}\n  item_type: User\n  {text}\n" for n, text in enumerate(POISON)
    )
    (tmp_path / "v.yaml").write_text(
        head + yaml.safe_dump(rows[:1]) + bad + yaml.safe_dump(rows[1:])
    )
    found = read(tmp_path)
    assert [v.key for v in found if isinstance(v, RawVersion)] == [
        v.key for v in read_rows(tmp_path)
    ]
    lines = (tmp_path / "v.yaml").read_text().split("\n")
    assert [lines[v.source.line - 1] for v in found if isinstance(v, Rejected)] == [
        f"- version_id: x{n}" for n in range(len(POISON))
    ]


def read_rows(folder: Path) -> list[RawVersion]:
    """ROWS as their JSON lines are read."""
    (folder / "other").mkdir()
    (folder / "other" / "v.jsonl").write_bytes(lines(ROWS))
    return [v for v in read(folder / "other") if isinstance(v, RawVersion)]


def test_a_row_of_parquet_whose_time_is_out_of_range_costs_itself(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([flat(r) for r in ROWS[:3]])
    times = pa.array([1_760_000_000_000, 9 * 10**18, 1_760_000_001_000], pa.timestamp("ms"))
    pq.write_table(
        table.set_column(table.schema.get_field_index("created_at"), "created_at", times),
        tmp_path / "v.parquet",
    )
    assert [v.reason if isinstance(v, Rejected) else v.key.version_id for v in read(tmp_path)] == [
        "1",
        "out_of_range",
        "3",
    ]


def test_cells_that_are_null_in_a_dump_are_empty(tmp_path: Path) -> None:
    row = '1,7,User,1,create,\\N,2026-11-01 04:05:06,{null},"{""name"":[null,""a""]}"\n'
    head = "id,account_id,item_type,item_id,event,whodunnit,created_at,object,object_changes\n"
    (tmp_path / "v.csv").write_text(
        head
        + "".join(
            row.replace("{null}", null) for null in ("\\N", "null", "~", "---", '"--- \n...\n"', "")
        )
    )
    for version_read in read(tmp_path):
        assert isinstance(version_read, RawVersion)
        assert version_read.record.keys() == {"changes", "shape", "actor_type"}


@pytest.mark.parametrize(
    ("name", "data", "reasons"),
    [
        ("v.jsonl", b'{"a"\n[1]\n"x"\n', ["bad_json", "not_an_object", "not_an_object"]),
        (
            "v.jsonl",
            orjson.dumps(version()) + b"\n" + b'{"version_id": "1", "version_id": "2"}\n',
            ["duplicate_key"],
        ),
        ("v.jsonl.gz", gzip.compress(lines(ROWS))[:-12], ["bad_compression"]),
        ("v.csv.gz", gzip.compress(as_csv(ROWS))[:-12], ["bad_compression"]),
        ("v.yaml", b"a: \xff\xfe", ["bad_utf8"]),
        ("v.csv", b"a,a\n1,2\n", ["bad_csv"]),
        ("v.parquet", b"PAR1 and then nothing", ["bad_parquet"]),
        ("v.json", b'{"versions": [1, {}]}', ["not_an_object", "missing_key"]),
    ],
)
def test_files_that_are_refused_in_part_or_whole(
    tmp_path: Path, name: str, data: bytes, reasons: list[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    found = read(tmp_path / name)
    assert [v.reason for v in found if isinstance(v, Rejected)] == reasons


def test_a_record_above_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.jsonl").write_bytes(lines([version(note="x" * 500), version(version_id="2")]))
    found = read(tmp_path, InputLimits(record_bytes=400))
    assert [v.reason if isinstance(v, Rejected) else v.key.version_id for v in found] == [
        "record_too_large",
        "2",
    ]


def test_nothing_to_read_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(InputError, match="nothing to read"):
        plan_versions(Files(), [str(tmp_path)]).required()
    with pytest.raises(InputError, match="no input"):
        plan_versions(Files(), [])
