"""Nothing leaks, nothing is lost: planted values, rejected versions, killed runs. Everything is
generated.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from support.history_runs import AS_OF, PLAIN, Bench, assert_gone, many, version
from support.waiting import HANGS

from callveil.pipelines.cli import run_command
from callveil.pipelines.commands.rejected import decrypt_contents
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.schemas.policy_load import load_policy
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files

SECRETS = {
    "password": "hunter22-Zebra",
    "api_key": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "card_number": "4111111111111111",
    "cvv": "9371",
    "email": "wilhelmina@example.com",
    "name": "Wilhelmina Testperson",
    "comment": "reach Wilhelmina Testperson at 415-555-0123",
    "last_ip": "203.0.113.77",
}


NEVER = (
    "hunter22",
    "sk_live",
    "4eC39",
    "4111111111111111",
    "9371",
    "wilhelmina",
    "Wilhelmina",
    "Testperson",
    "555-0123",
    "203.0.113.77",
    "Ada Admin",
)


def test_nothing_that_was_planted_is_found_in_the_store_reports_or_logs(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, Any]] = [
        version(
            version_id="1",
            item_label=SECRETS["name"],
            user_name="Ada Admin",
            ip="203.0.113.77",
            changes=[{"field": k, "before": None, "after": v} for k, v in SECRETS.items()],
        ),
        version(id="2", version_id=None, changes=None, object=dict(SECRETS), whodunnit="Ada Admin"),
        version(version_id="3", changes={"settings": [{"nested": dict(SECRETS)}, [dict(SECRETS)]]}),
        {"version_id": "4", "item_type": SECRETS["name"], **SECRETS},
        version(version_id="5", account_id="41", event="update", changes="{" + SECRETS["name"]),
    ]
    path = bench.write(rows)
    with Path(path).open("ab") as out:
        out.write(b'{"broken": "' + SECRETS["name"].encode() + b" 4111111111111111\n")
    words = [
        "load",
        "--input",
        path,
        "--output",
        bench.output,
        "--policy",
        policy_file(bench),
        "--as-of",
        "2026-11-02",
        "--keyring",
        str(bench.keyring),
    ]
    assert run_command("history", words) == 3
    out = str(bench.root / "report.parquet")
    for action in (
        ["export", "--out", out],
        ["show", "--item", "User/15"],
        ["find"],
        ["find", "--security", "--json"],
        ["at", "--item", "User/15", "--time", "2026-11-01"],
    ):
        assert (
            run_command(
                "history",
                [action[0], "--store", bench.output, "--keyring", str(bench.keyring), *action[1:]],
            )
            == 0
        )
    printed = "".join(capfd.readouterr())
    for value in NEVER:
        assert value not in printed
        assert value not in str(pq.read_table(out).to_pylist())
        assert_gone(Path(bench.output), value.encode())
    for batch in pq.ParquetFile(out).metadata.to_dict()["row_groups"]:
        for column in batch["columns"]:
            if column["path_in_schema"] in (
                "before",
                "after",
                "actor_name",
                "actor_ip",
                "field",
                "item_label",
            ):
                assert not column["is_stats_set"]


def policy_file(bench: Bench) -> str:
    """The plain policy as a file."""
    path = bench.root / "plain.yaml"
    path.write_text(PLAIN)
    return str(path)


def test_rejected_versions_come_back_with_the_keyring_and_say_where(bench: Bench) -> None:
    path = bench.write(
        [version(), {"version_id": "2", "item_type": "User", "name": "Wilhelmina Testperson"}]
    )
    bench.load(path)
    (row,) = open_dataset(bench.store, "rejected").to_table().to_pylist()
    assert (row["file"], row["line"], row["reason"], row["field"]) == (
        path,
        2,
        "missing_key",
        "item_id",
    )
    assert "Wilhelmina" not in str(row)
    (raw,) = decrypt_contents(bench.store, Keyring.load(bench.keyring), [row])
    assert b"Wilhelmina" in raw


def test_a_run_killed_anywhere_is_finished_by_its_repetition(tmp_path: Path, files: Files) -> None:
    rows = many(40)
    path = tmp_path / "v.jsonl"
    path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in rows))
    (tmp_path / "p.yaml").write_text(PLAIN)
    whole = tmp_path / "whole"

    def options(root: Path) -> HistoryOptions:
        return HistoryOptions(
            [str(path)],
            str(root),
            load_policy(str(tmp_path / "p.yaml")),
            AS_OF,
            keyring=str(tmp_path / "k.json"),
            files=files,
            chunk_bytes=3000,
        )

    expected = run_history(options(whole))
    reference = {
        str(p.relative_to(whole)): p.read_bytes() for p in sorted(whole.rglob("*.parquet"))
    }
    broken = tmp_path / "broken"
    for writes in (3, 9, 13):
        killed = subprocess.run(
            [sys.executable, "-c", KILL, str(writes), str(path), str(broken), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=HANGS,
        )
        assert killed.returncode in (-9, 0), killed.stderr[-2000:]
    result = run_history(options(broken))
    assert result.run_id == expected.run_id
    assert result.counts == expected.counts
    assert {
        str(p.relative_to(broken)): p.read_bytes() for p in sorted(broken.rglob("*.parquet"))
    } == reference
    assert verify_integrity(Store.open(files, str(broken))) == []
    assert not [p for p in broken.rglob("*") if p.is_file() and "_callveil/work/" in str(p)]


KILL = """
import os, sys, datetime as dt
from callveil.transforms.storage.files.local import LocalFiles
left = int(sys.argv[1])
write = LocalFiles.write
def counted(self, *args, **how):
    global left
    out = write(self, *args, **how)
    left -= 1
    if left <= 0:
        os.kill(os.getpid(), 9)
    return out
LocalFiles.write = counted
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.schemas.policy_load import load_policy
folder = sys.argv[4]
as_of = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
run_history(HistoryOptions([sys.argv[2]], sys.argv[3], load_policy(folder + "/p.yaml"), as_of, keyring=folder + "/k.json", chunk_bytes=3000))
"""  # noqa: E501


def test_a_dry_run_changes_nothing_and_counts_the_same(bench: Bench) -> None:
    path = bench.write(many(8))
    dry = bench.load(path, dry_run=True)
    assert dry.dry_run
    assert not Path(bench.output).exists()
    assert bench.load(path).counts == dry.counts


def poison() -> list[bytes]:
    """Rows each of which asks too much of some reader: depth, size, forms, types, times and
    references.
    """
    bomb = "\n".join(
        ["a0: &a0 x"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    )
    deep = "[" * 10_000 + "]" * 10_000
    members: list[dict[str, Any]] = [
        *(
            {"object": text}
            for text in (
                deep,
                '{"a":' * 10_000 + "1" + "}" * 10_000,
                bomb,
                "a: &a [*a]",
                "a: &a {b: *a}",
                "? [1, 2]\n: 3",
                "a: [1",
            )
        ),
        *(
            {"created_at": value}
            for value in (10**19, "99999-01-01", "9999-12-31T23:59:59-14:00", 1e300, [])
        ),
        *(
            {name: {"a": [1]}}
            for name in ("event", "item_type", "item_id", "account_id", "user_id", "user_name")
        ),
        *(
            {"changes": value}
            for value in (
                5,
                [[1]],
                '"""',
                {"config": [None, "[" * 200 + "]" * 200]},
                {"config": [None, '{"a":1,"a":2}']},
            )
        ),
        {"object": json.dumps("x" * 3_000_000)},
    ]
    rows = [orjson.dumps(version(version_id=f"bad{n}") | more) for n, more in enumerate(members)]
    plain = orjson.dumps(version(version_id="bad"))[:-1]
    return [
        *rows,
        *(
            plain + tail
            for tail in (
                b',"x":"\\ud800"}',
                b',"x":NaN}',
                b',"changes":' + deep.encode() + b"}",
                b"",
            )
        ),
    ]


def test_of_many_rows_that_cannot_be_read_or_redacted_none_ends_the_load(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = poison()
    good = [
        orjson.dumps(version(version_id=name, changes={"role": ["agent", "admin"]}))
        for name in ("first", "last")
    ]
    odd = orjson.dumps(
        version(
            version_id="odd",
            object="y: 1e99999\nz: 99999999999999999999\nt: 0001-01-01 00:00:00 +14:00\n1: "
            "2\nnull: 3\n",
        )
    )
    path = bench.root / "v.jsonl"
    path.write_bytes(b"\n".join([good[0], odd, *rows, good[1]]))
    words = [
        "load",
        "--input",
        str(path),
        "--output",
        bench.output,
        "--policy",
        policy_file(bench),
        "--as-of",
        "2026-11-02",
        "--keyring",
    ]
    assert run_command("history", [*words, str(bench.keyring)]) == 3
    assert [v.key.version_id for v in bench.versions()] == ["first", "last", "odd"]
    rejected = open_dataset(bench.store, "rejected").to_table().to_pylist()
    assert len(rejected) == len(rows)
    assert "internal_error" not in {row["reason"] for row in rejected}
    assert "xxxx" not in str(rejected) + "".join(capfd.readouterr())


def test_what_stands_below_and_beside_names_is_in_no_file(bench: Bench) -> None:
    changes = [
        {
            "field": "password",
            "before": None,
            "after": {"nested": {"zq777.vexley@example.org": "x"}},
        },
        {"field": "config", "before": None, "after": json.dumps({"k": {"api_key": "CANARYsk"}})},
        {
            "field": "headers",
            "before": json.dumps(json.dumps([{"name": "auth", "value": "CANARY"}])),
            "after": {"pw": "hunter2CANARY"},
        },
        {"field": "4539910317764670", "before": None, "after": "x"},
        {"field": "ssn_redaction", "before": "off", "after": "on"},
    ]
    bench.load_records(
        [
            version(
                item_type="Number",
                changes=changes,
                user_role="Agent 4539910317764670",
                restored_from="4539910317764670",
            )
        ]
    )
    out = str(bench.root / "report.parquet")
    assert (
        run_command(
            "history",
            ["export", "--store", bench.output, "--keyring", str(bench.keyring), "--out", out],
        )
        == 0
    )
    for value in ("CANARY", "zq777", "4539910317764670"):
        assert_gone(Path(bench.output), value.encode())
        assert value not in str(pq.read_table(out).to_pylist())
    assert ("ssn_redaction", '"off"', '"on"') in {
        (r["field"], r["before"], r["after"]) for r in pq.read_table(out).to_pylist()
    }
