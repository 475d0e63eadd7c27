"""The data contract: it says of every table what the declarations say, what it promises holds of
files a store really has, and the standard's own program takes it.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from msgspec import UNSET
from support import ROOT
from support.filled_store import fill
from support.people_world import World, human, interaction, version
from support.table_readers import connect_duckdb

from callveil.pipelines.cli import main
from callveil.schemas.fields import (
    PERSONAL_CLASSES,
    Boolean,
    Field,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    member_fields,
    personal_class,
)
from callveil.schemas.retention import DEFAULT_RULES, RetentionRule
from callveil.transforms.report.contract import API_VERSION, ContractError, data_contract
from callveil.transforms.storage.commit.scan import count_accounts, open_dataset
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.iceberg.table_schema import partition_column
from callveil.transforms.storage.tables.column_stats import leaf_columns, plain_leaves
from callveil.transforms.storage.tables.parquet import TABLES

CLI = "datacontract-cli[duckdb]==1.2.8"
OWN = {n: t for n, t in TABLES.items() if t.doc}
"""The product's tables; other tests register some of their own in the same process."""


def own(fields: tuple[Field, ...], path: str) -> Iterator[tuple[str, Field]]:
    """Columns and members of them, with their paths."""
    for field in fields:
        yield f"{path}.{field.name}", field
        yield from own(member_fields(field.type), f"{path}.{field.name}")


COLUMNS = [found for t in OWN.values() for found in own(t.fields, t.name)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store in which each table that is files has some."""
    filled = fill(tmp_path_factory.mktemp("contract"), Files()).world
    filled.history(
        [version(n, ("User", str(n % 2)), {"role": ("agent", str(n))}) for n in range(4)]
    )
    return filled


def words(text: str) -> str:
    return re.sub("[^a-z]", "", text.lower())


def test_each_column_says_more_than_its_name() -> None:
    assert len(OWN) >= 14 and len(COLUMNS) > 400
    assert not [p for p, f in COLUMNS if words(f.doc) in ("", words(f.name))]


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_table_is_told_as_it_is_declared(name: str) -> None:
    table = OWN[name]
    (told,) = data_contract([name])["schema"]
    assert told["name"] == name and told["description"].endswith(".")
    columns = {p["name"]: p for p in told["properties"]}
    assert list(columns)[: len(table.fields)] == [f.name for f in table.fields]
    apart = [partition_column(k).name for k in table.partition_by]
    assert set(columns) == {f.name for f in table.fields} | set(apart)
    assert [n for n, c in columns.items() if c.get("partitioned")] == sorted(
        apart, key=list(columns).index
    )
    assert all(columns[n]["partitionKeyPosition"] == p for p, n in enumerate(apart, 1))
    assert [c for c in table.key if not columns[c].get("required")] == []
    assert set(table.key) <= set(table.schema.names)
    found = {n: dict(_custom(p)) for n, p in columns.items()}
    for field in table.fields:
        assert found[field.name]["pii"] == personal_class(field)
        assert found[field.name].get("entityType", "") == field.entity
        assert found[field.name].get("fieldGroup", "") == field.group
        assert ("pii" in columns[field.name].get("tags", ())) == (personal_class(field) != "none")


def _custom(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((c["property"], c["value"]) for c in told.get("customProperties", ()))


@pytest.mark.parametrize("name", sorted(OWN))
def test_no_column_of_a_class_but_none_has_statistics(name: str) -> None:
    """The class that readers are shown agrees with where statistics are written."""
    table = OWN[name]
    plain = set(plain_leaves(table.fields))
    for path, leaf in leaf_columns(table.fields):
        assert (path in plain) == (personal_class(leaf) == "none"), path
    for field in table.fields:
        if personal_class(field) == "none" and not isinstance(field.type, Struct | ListOf):
            assert field.name in plain


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("a", Text(), personal=False), "none"),
        (Field("a", Text(), personal=False, entity="PERSON"), "none"),
        (Field("a", Text()), "possible"),
        (Field("a", Json()), "possible"),
        (Field("a", Text(), prose=True), "text"),
        (Field("a", Text(), prose=True, entity="PERSON"), "direct"),
        (Field("a", ListOf(Text()), entity="EMAIL_ADDRESS"), "direct"),
        (Field("a", ListOf(Text())), "possible"),
        (Field("a", Struct((Field("s", Number(), personal=False),))), "possible"),
        (Field("a", ListOf(Struct((Field("t", Text(), prose=True), Field("b", Text()))))), "text"),
        (Field("a", Struct((Field("n", Text(), entity="PERSON"),)), personal=False), "none"),
        (
            Field("a", Struct((Field("b", ListOf(Struct((Field("n", Text(), entity="X"),)))),))),
            "direct",
        ),
        (Field("a", Struct((Field("b", Boolean(), personal=False),)), entity="MEDIA"), "direct"),
    ],
)
def test_class_of_personal_data(field: Field, expected: str) -> None:
    assert personal_class(field) == expected and expected in PERSONAL_CLASSES


def test_files_carry_documentation_and_class_of_each_column(world: World) -> None:
    entry = world.store.current().by_dataset("interactions")[0]
    with world.files.open(world.store.url(entry.path)) as source:
        stored = pq.read_schema(source)
    for field in OWN["interactions"].fields:
        metadata = stored.field(field.name).metadata
        assert metadata[b"pii"].decode() == personal_class(field)
        assert metadata[b"doc"].decode() == field.doc
        assert metadata.get(b"entity", b"").decode() == field.entity
    turn: pa.DataType = stored.field("outline").type.value_type
    assert turn.field("text").metadata[b"pii"] == b"text"
    assert turn.field("s").metadata[b"pii"] == b"none"
    assert (
        turn.field("extra").metadata[b"pii"] == b"possible" and turn.field("extra").metadata[b"doc"]
    )


def test_each_file_of_rows_with_accounts_counts_them(world: World) -> None:
    """Nearly every table's rows name their account, and the entry of its file says how many."""
    files = [f for f in world.store.current().files if f.dataset in OWN]
    counted = {f.dataset for f in files if f.accounts is not UNSET}
    assert counted == {f.dataset for f in files} == {*counted, "erased", "subject_requests"}
    for entry in files:
        assert entry.accounts == count_accounts(world.store, replace(entry, accounts=UNSET))
        assert sum(dict(entry.accounts).values()) == entry.rows


def test_what_is_promised_of_keys_and_partitions_holds(world: World) -> None:
    snapshot, seen = world.store.current(), set()
    for name, table in OWN.items():
        entries = snapshot.by_dataset(name)
        for entry in entries:
            seen.add(name)
            assert set(entry.partition) == set(table.partition_by), entry.path
        if entries and table.key:
            rows = open_dataset(world.store, name, snapshot).to_table(columns=list(table.key))
            keys = [tuple(r.values()) for r in rows.to_pylist()]
            assert len(set(keys)) == len(keys) > 0, name
            assert not [k for k in keys if None in k], name
    assert seen >= {
        "interactions",
        "findings",
        "versions",
        "index",
        "subjects",
        "rejected",
        "requests",
        "subject_requests",
        "erased",
        "erasure_certificates",
    }


def test_contract_of_a_store_names_it_and_what_it_is_asked_for(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("schema", "--contract", "--store", world.output, "--keyring", world.keyring)
    assert main([*words, "--table", "findings", "index"]) == 0
    told = yaml.safe_load(capsys.readouterr().out)
    assert main([*words, "--table", "index", "--table", "findings", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert told["apiVersion"] == API_VERSION and told["status"] == "active"
    assert [s["name"] for s in told["schema"]] == ["findings", "index"]
    (server,) = told["servers"]
    assert server["type"] == "local" and server["path"].startswith(f"{world.output}/")
    assert main(["schema", "--contract", "--store", f"{world.output}/none"]) != 0
    assert "servers" not in data_contract() and data_contract()["status"] == "draft"
    assert data_contract(root="s3://b/p")["servers"][0]["location"].startswith("s3://b/p/")
    assert len({data_contract(root=r)["id"] for r in ("", "s3://b/p", "s3://b/q")}) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("finding", "--contract"), "leave out the record's name"),
        (("--arrow", "--contract"), "--arrow"),
        (("--table", "findings"), "--table: goes with --contract"),
        (("--store", "s"), "--store: goes with --contract"),
        (("--policy", "pci"), "--policy: goes with --contract"),
        (("--contract", "--table", "finding"), "did you mean findings?"),
        (("--contract", "--policy", "none.yaml"), "none.yaml"),
    ],
)
def test_refuses_what_does_not_fit(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", *words]) == 2
    assert told in capsys.readouterr().err


def test_unknown_table_is_refused() -> None:
    with pytest.raises(ContractError, match="no such table"):
        data_contract(["people"])


DELETE = RetentionRule("short", "delete", 30, frozenset({"interactions"}))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((DELETE,), [("retention", "interactions.called_at", 30)]),
        (  # a duty may keep a row for longer, so that nothing holds for every row
            (DELETE, RetentionRule("duty", "keep", 90, frozenset({"interactions"}))),
            [
                ("conditionalRetention", "interactions.called_at", 30),
                ("conditionalRetention", "interactions.called_at", 90),
            ],
        ),
        (
            (
                RetentionRule(
                    "some",
                    "delete",
                    7,
                    frozenset({"versions"}),
                    account_types=frozenset({"agency"}),
                ),
            ),
            [("conditionalRetention", "versions.created_at", 7)],
        ),
        (
            (RetentionRule("end", "delete", 60, frozenset({"findings"}), clock="cancelled"),),
            [("conditionalRetention", "findings.event_time", 60)],
        ),
        (
            (RetentionRule("sound", "delete", 5, frozenset({"recordings", "raw"})),),
            [("retention", "interactions.audio, interactions.message_media", 5)],
        ),
    ],
)
def test_retention_is_promised_where_it_holds_for_every_row(
    rules: tuple[RetentionRule, ...], expected: list[tuple[str, str, int]]
) -> None:
    told = data_contract(rules=rules)["slaProperties"]
    assert [(p["property"], p["element"], p["value"]) for p in told] == expected
    assert data_contract(["erased"], rules)["slaProperties"] == []


@pytest.mark.integration
def test_the_standards_own_program_takes_it(tmp_path: Path) -> None:
    """`datacontract lint` on the contract of every table, and `datacontract test` on a store's
    tables as DuckDB reads them: columns, keys and types.
    """
    env = ROOT / "build" / "datacontract"
    uv = str(ROOT / "build/uv/bin/uv")
    subprocess.run([uv, "venv", "--quiet", "--allow-existing", str(env)], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(env / "bin/python"), CLI]
    subprocess.run(install, check=True)

    def datacontract(verb: str, document: dict[str, Any]) -> str:
        file = tmp_path / f"{verb}.odcs.yaml"
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        done = subprocess.run(
            [str(env / "bin/datacontract"), verb, str(file)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"COLUMNS": "200"},
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        return done.stdout

    assert f"valid against ODCS {API_VERSION}" in datacontract("lint", data_contract())
    full = data_contract(rules=DEFAULT_RULES, root="s3://bucket/store")
    assert f"valid against ODCS {API_VERSION}" in datacontract("lint", full)
    made = World(tmp_path / "made")
    rng = random.Random(3)
    made.redact([interaction(rng, n, human(n)) for n in range(6)], broken=[b'{"id": "broken'])
    made.history([version(n, ("User", "1"), {"role": ("a", str(n))}) for n in range(3)])
    tables = ["interactions", "findings", "index", "rejected", "subjects", "versions"]
    told = data_contract(tables)
    database = str(tmp_path / "tables.duckdb")
    told["servers"] = [{"server": "copy", "type": "duckdb", "database": database, "schema": "main"}]
    with connect_duckdb() as connection:
        connection.execute(f"ATTACH '{database}' AS copy")
        for name in tables:
            place = f"iceberg_scan('{made.output}/{name}')"
            connection.execute(f'CREATE TABLE copy."{name}" AS SELECT * FROM {place}')
    shown = datacontract("test", told)
    assert "failed" not in shown and shown.count("passed") > 200
