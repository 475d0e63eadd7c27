"""Accounts and requests from files people write. All people and numbers here are generated."""

import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.account import Account
from callveil.schemas.request import RedactionRequest, decode_request, encode_request
from callveil.transforms.ingest.accounts import AccountsError, read_accounts
from callveil.transforms.ingest.discover import InputError
from callveil.transforms.ingest.requests import RequestsError, read_requests
from callveil.transforms.storage.files.filesystem import Files

FILES = Files()
ROWS = [
    {
        "account_id": "2",
        "type": "agency",
        "effective_at": "2026-01-01T00:00:00Z",
        "numbers": "+15555550100; +15555550101",
        "timezone": "America/New_York",
    },
    {
        "account_id": "1",
        "can_create_subaccounts": "false",
        "type": "agency",
        "status": "canceled",
        "name": "Acme",
        "addresses": "12 Elm Street, Springfield; 3 Oak Road",
    },
]
ACCOUNTS = [
    Account(
        "1",
        dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
        "individual",
        "cancelled",
        name="Acme",
        addresses=("12 Elm Street, Springfield", "3 Oak Road"),
    ),
    Account(
        "2",
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "agency",
        numbers=("+15555550100", "+15555550101"),
        timezone="America/New_York",
    ),
]


def write(path, kind, rows, member):
    if kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif kind in ("json", "yaml"):
        path.write_text(json.dumps(rows, indent=2))
    elif kind == "wrapped":
        path.write_text(json.dumps({member: rows}))
    elif kind == "csv":
        names = list(dict.fromkeys(k for r in rows for k in r))
        path.write_text(
            "\ufeff"
            + ",".join(names)
            + "\r\n"
            + "".join(",".join(f'"{r.get(n, "")}"' for n in names) + "\r\n" for r in rows),
            encoding="utf-8",
        )
    else:
        names = dict.fromkeys(k for r in rows for k in r)
        pq.write_table(pa.Table.from_pylist([{n: r.get(n) for n in names} for r in rows]), path)
    return str(path)


SUFFIX = {
    "jsonl": "a.jsonl",
    "json": "a.json",
    "wrapped": "a.json",
    "csv": "a.csv",
    "yaml": "a.yaml",
    "parquet": "a.parquet",
}


@pytest.mark.parametrize("kind", SUFFIX)
def test_accounts(kind, tmp_path):
    assert (
        read_accounts(FILES, [write(tmp_path / SUFFIX[kind], kind, ROWS, "accounts")]) == ACCOUNTS
    )


def test_account_faults_are_told_at_once(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"account_id": 1}\n{broken\n{"type": "gold", "account_id": "Zelda"}\n\n'
        '{"account_id":3,"type":"agency","effective_at":"Zelda","status":"Zelda",'
        '"timezone":"Zelda"}\n'
        '{"account_id":4,"type":"agency"}\n{"account_id":4,"type":"individual"}\n{"account_id":4,"type":"agency"}\n[1]\n{"account_id":5,"account_id":6}\n'
    )
    with pytest.raises(AccountsError) as caught:
        read_accounts(FILES, [str(path)])
    assert [(p.line, p.field) for p in caught.value.problems] == [
        (1, "type"),
        (2, ""),
        (3, "type"),
        (5, "status"),
        (5, "effective_at"),
        (5, "timezone"),
        (7, "effective_at"),
        (9, ""),
        (10, ""),
    ]
    text = str(caught.value)
    assert (
        text.startswith("9 problems in the accounts:")
        and f"{path}:3: type:" in text
        and "Zelda" not in text
    )
    path.write_text('{"x": 1}\n' * 30)
    with pytest.raises(AccountsError, match="and 40 more"):
        read_accounts(FILES, [str(path)])
    with pytest.raises(InputError):
        read_accounts(FILES, [str(tmp_path / "none.csv")])


BASE = {"account_id": "1", "interaction_id": "2", "reason": "asked by phone", "actor": "dpo"}
REQUESTS = [
    {
        **BASE,
        "scope": "span",
        "field": "outline[3].text",
        "start": 4,
        "end": 9,
        "request_id": "r1",
        "basis": "stored",
    },
    {
        **BASE,
        "scope": "time",
        "from_s": 1.5,
        "to_s": 3,
        "channel": 1,
        "request_id": "r2",
        "requested_at": "2026-11-01T10:00:00Z",
    },
    {**BASE, "scope": "all", "request_id": "r3", "trigger": "subject_request"},
    {**BASE, "scope": "field", "field": "custom_fields{0}", "request_id": "r4"},
]


@pytest.mark.parametrize("kind", SUFFIX)
def test_requests(kind, tmp_path):
    got = read_requests(FILES, [write(tmp_path / SUFFIX[kind], kind, REQUESTS, "requests")])
    assert [r.request_id for r in got] == ["r1", "r2", "r3", "r4"]
    assert got[0] == RedactionRequest(
        "r1", "1", "2", "span", "asked by phone", "dpo", "outline[3].text", 4, 9, basis="stored"
    )
    assert (got[1].from_s, got[1].to_s, got[1].channel, got[1].requested_at) == (
        1.5,
        3.0,
        1,
        dt.datetime(2026, 11, 1, 10, tzinfo=dt.UTC),
    )
    assert [decode_request(encode_request(r)) for r in got] == got


def test_request_ids_are_stable_and_copies_are_one(tmp_path):
    row = {**BASE, "scope": "all"}
    a = read_requests(FILES, [write(tmp_path / "a.jsonl", "jsonl", [row, row], "requests")])
    b = read_requests(FILES, [write(tmp_path / "b.csv", "csv", [row], "requests")])
    assert a == b and len(a) == 1 and a[0].request_id.startswith("req-")


FAULTS = [
    ({"scope": None}, "scope"),
    ({"scope": "everything"}, "scope"),
    ({"scope": "all", "reason": " "}, "reason"),
    ({"scope": "all", "actor": None}, "actor"),
    ({"scope": "all", "interaction_id": None}, "interaction_id"),
    ({"scope": "span", "field": "notes", "start": 5, "end": 5}, "end"),
    ({"scope": "span", "field": "outline", "start": 0, "end": 5}, "field"),
    ({"scope": "span", "field": "notes", "start": 5}, "end"),
    ({"scope": "field", "field": "outlin"}, "field"),
    ({"scope": "field", "field": "account_id"}, "field"),
    ({"scope": "field", "field": "outline[x].text"}, "field"),
    ({"scope": "field", "field": "outline.text"}, "field"),
    ({"scope": "field", "field": "notes.x"}, "field"),
    ({"scope": "field", "field": "name[0]"}, "field"),
    ({"scope": "time", "from_s": 5, "to_s": 2}, "to_s"),
    ({"scope": "time", "from_s": -1, "to_s": 2}, "from_s"),
    ({"scope": "all", "field": "name"}, "field"),
    ({"scope": "all", "feild": "name"}, ""),
    ({"scope": "all", "request_id": "a b"}, "request_id"),
    ({"scope": "all", "requested_at": "soon"}, "requested_at"),
    ({"scope": "all", "text_digest": "x"}, ""),
    ({"scope": "all", "trigger": "whim"}, "trigger"),
]


@pytest.mark.parametrize(("members", "field"), FAULTS, ids=range(len(FAULTS)))
def test_request_faults(members, field, tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "requests:\n  - "
        + json.dumps({**BASE, "scope": "all", "request_id": "ok"})
        + "\n  - "
        + json.dumps({**BASE, **members})
        + "\n"
    )
    with pytest.raises(RequestsError) as caught:
        read_requests(FILES, [str(path)])
    assert [(p.line, p.field) for p in caught.value.problems] == [(3, field)]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("r.csv", b"a,a\n1,2\n"),
        ("r.csv", b"a,b\n1,2,3\n"),
        ("r.csv", b'a\n"x\n'),
        ("r.csv", b"a\n\xff\n"),
        ("r.yaml", b"- {a: 1, a: 2}\n"),
        ("r.yaml", b"a: [\n"),
        ("r.yaml", b"- !!python/object:os.system {}\n"),
        ("r.json", b"[1"),
        ("r.jsonl", b"\xff\n"),
        ("r.parquet", b"PAR1junk"),
        ("r.jsonl.gz", b"\x1f\x8bjunk"),
    ],
)
def test_broken_files(name, body, tmp_path):
    (tmp_path / name).write_bytes(body)
    with pytest.raises(RequestsError):
        read_requests(FILES, [str(tmp_path / name)])


@settings(max_examples=80)
@given(name=st.sampled_from(["r.csv", "r.yaml", "r.json", "r.jsonl"]), body=st.text(max_size=60))
def test_any_text_gives_requests_or_problems(name, body, tmp_path):
    (tmp_path / name).write_text(
        body, encoding="utf-8", errors="surrogatepass"
    ) if body.isascii() else (tmp_path / name).write_bytes(body.encode("utf-8", "replace"))
    try:
        assert isinstance(read_requests(FILES, [str(tmp_path / name)]), list)
    except RequestsError as e:
        assert e.problems
