"""A day's folder with files of sixty kinds, and the same folder on the next days: everything is
read or named, and nothing is new. All generated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command_runs import PLAIN, call, rows, write_lines
from support.file_kinds import NOT_READ, PASSED_OVER, READ

from callveil.pipelines import cli
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.identity.identifier_names import PREFIX


@pytest.fixture
def redact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Runs `callveil redact` on the folder `in` for a day; gives its exit code and its summary."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLVEIL_KEYRING", str(tmp_path / "keyring.json"))
    Path("policy.yaml").write_text(PLAIN)
    Path("in").mkdir()

    def run(day: int, output: str = "store") -> tuple[int, dict[str, Any]]:
        words = (
            "redact",
            "--input",
            "in",
            "--output",
            output,
            "--policy",
            "policy.yaml",
            "--as-of",
            f"2026-11-{day:02}",
            "--no-progress",
            "--json",
        )
        code = cli.main(words)
        return code, json.loads(capsys.readouterr().out or "{}")

    return run


def test_sixty_kinds_of_files_today_and_tomorrow(redact: Any) -> None:
    for name, (data, _) in (READ | NOT_READ).items():
        Path("in", name).write_bytes(data)
    for name in PASSED_OVER:
        Path("in", name).write_bytes(b"{never read")
    calls = {str(n) for _, found in READ.values() for n in found}
    code, first = redact(2)
    store = Store.open(Files(), "store")
    assert code == 3 and {r["id"] for r in rows(store, "interactions")} == calls
    assert [(r["file"], r["line"], r["reason"]) for r in rows(store, "rejected")] == [
        ("in/log-before.txt", 1, "bad_json")
    ]
    assert {Path(f["url"]).name.partition("!")[0]: f["reason"] for f in first["not_read"]} == {
        n: why for n, (_, why) in NOT_READ.items()
    }
    manifest = store.manifest(1)
    assert list(manifest.not_read) == first["not_read"] and len(manifest.inputs) + len(
        NOT_READ
    ) == len(READ | NOT_READ)
    before = store.current().files
    for day in (3, 4):
        code, again = redact(day)
        assert (
            code == 3
            and again["not_read"] == first["not_read"]
            and (again["files_added"], again["files_removed"]) == (0, 0)
        )
        assert (
            again["counts"]["unchanged"],
            again["counts"]["rejected"],
            again["counts"]["rejected_before"],
        ) == (len(calls), 1, 1)
    assert store.current().files == before


def test_a_rejection_whose_content_has_changed_is_kept_anew(redact: Any) -> None:
    for day, content in ((2, b'{"id": 1, "a'), (3, b'{"id": 1, "b'), (4, b'{"id": 1, "b')):
        Path("in", "calls.jsonl").write_bytes(content + b"\n")
        redact(day)
    assert len(rows(Store.open(Files(), "store"), "rejected")) == 2


def test_names_in_ids_and_file_names_stay_in_no_file(redact: Any) -> None:
    write_lines(
        Path("in", "wilhelmina.testperson.jsonl"),
        [call(1, id="wilhelmina@mail.example", sid="Wilhelmina Testperson"), call(2)],
    )
    with Path("in", "wilhelmina.testperson.jsonl").open("a") as source:
        source.write('{"id": "Wilhelmina Testperson", "account_id": 41}\n')
    Path("in", "Wilhelmina Testperson.txt").write_text("a note")
    code, report = redact(2)
    assert code == 3 and (
        report["counts"]["named_ids"],
        report["counts"]["digit_ids"],
        report["counts"]["rejected"],
    ) == (1, 1, 1)
    store = Store.open(Files(), "store")
    assert sorted(r["id"][: len(PREFIX)] for r in rows(store, "interactions")) == ["700000", PREFIX]
    written = [p for p in Path("store").rglob("*") if p.is_file()]
    assert written and not [
        p for p in written if b"ilhelmina" in p.read_bytes() or b"estperson" in p.read_bytes()
    ]
    for day, rotate in ((3, False), (4, True)):
        if rotate:  # another key seals from now on; what is known by digests stays known
            Keyring.rotate("keyring.json", keep_digests=True)
        code, report = redact(day)
        assert (
            report["counts"]["unchanged"],
            report["counts"]["rejected_before"],
            report["files_added"],
        ) == (2, 1, 0)


IDS = (
    "jane.muller@mail.example",
    "Wilhelmina Testperson",
    "4155550194",
    "+1 (415) 555-0194",
    "415-555-0195",
    "lead-4711",
)


@pytest.mark.parametrize("digits", [False, True])
def test_a_record_is_found_by_its_own_id_however_it_is_stored(
    redact: Any, capsys: pytest.CaptureFixture[str], digits: bool
) -> None:
    """Numbers with signs are counted as those without are, and go by policy; keys of digests that
    came later lose nothing.
    """
    Path("policy.yaml").write_text(
        PLAIN.replace("none}", "none, digit_ids: true}") if digits else PLAIN
    )
    write_lines(Path("in", "calls.jsonl"), [call(n, id=own) for n, own in enumerate(IDS)])
    code, report = redact(2)
    assert (code, report["counts"].get("named_ids"), report["counts"].get("digit_ids")) == (
        0,
        5 if digits else 2,
        None if digits else 3,
    )
    ids = {r["id"] for r in rows(Store.open(Files(), "store"), "interactions")}
    assert ids & set(IDS) == ({"lead-4711"} if digits else set(IDS[2:]))
    for everything in ([], ["--everything"]):
        assert not everything or cli.main(["keys", "rotate", *everything]) == 0
        for number, own in enumerate(IDS):
            capsys.readouterr()
            assert (
                cli.main(
                    [
                        "retain",
                        "explain",
                        "--store",
                        "store",
                        "--policy",
                        "policy.yaml",
                        "--record",
                        f"interactions/41/{own}",
                        "--json",
                    ]
                )
                == 0
            )
            (found,) = json.loads(capsys.readouterr().out)
            request = f"R-{number}-{len(everything)}"
            asked = ["--store", "store", "--request", request]
            assert (
                cli.main(
                    [
                        "subject",
                        "open",
                        "--type",
                        "access",
                        "--identifier",
                        f"interaction:41/{own}",
                        *asked,
                    ]
                )
                == 0
            )
            capsys.readouterr()
            assert cli.main(["subject", "search", *asked, "--json"]) == 0
            matched = {
                m["record"]["record_id"] for m in json.loads(capsys.readouterr().out)["records"]
            }
            assert found["record_id"] in ids and matched == {found["record_id"]}
    Path("keyring.json").rename("elsewhere.json")
    assert (
        cli.main(["retain", "explain", "--store", "store", "--record", f"interactions/41/{IDS[0]}"])
        == 2
    )
    assert "which needs the keyring" in capsys.readouterr().err
