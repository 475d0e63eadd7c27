"""Which controller an account has, and what it takes to state another."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import orjson
import pytest
from support.store_commands import (
    DONE,
    USAGE,
    contents,
)

from callveil.pipelines.cli import main
from callveil.schemas.account import Account, AccountBook


def test_an_account_has_one_controller_until_somebody_states_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts, new, store = (
        tmp_path / "accounts.jsonl",
        tmp_path / "in.jsonl",
        str(tmp_path / "store"),
    )
    given = ["--keyring", str(tmp_path / "keyring.json")]
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nname: p\nextends: gdpr\ndetect: {model: none}\n")

    def redact(number: int, agencies: dict[str, str]) -> int:
        rows = [
            {"account_id": a, "agency_id": c, "type": "individual", "effective_at": "2026-01-01"}
            for a, c in agencies.items()
        ]
        accounts.write_text("".join(json.dumps(r) + "\n" for r in rows))
        new.write_text(
            json.dumps({"id": str(number), "account_id": 41, "called_at": "2026-10-20T10:00:00Z"})
            + "\n"
        )
        words = [
            "--input",
            str(new),
            "--output",
            store,
            "--accounts",
            str(accounts),
            "--policy",
            str(policy),
            "--no-progress",
        ]
        return main(["redact", *words, *given])

    def owner(*more: str) -> dict[str, object]:
        capsys.readouterr()
        assert main(["evidence", "owner", "--store", store, *given, "--json", *more]) == DONE
        found: dict[str, object] = orjson.loads(capsys.readouterr().out)
        return found

    assert redact(1, {"41": "5", "5": "4", "4": "", "9": ""}) == DONE
    assert owner()["controllers"] == {"41": "4", "5": "4", "4": "4", "9": "9"}
    before = contents(store)
    assert redact(2, {"41": "9"}) == USAGE
    assert (
        "account 41 is 4's in this store, and 9's by the account records" in capsys.readouterr().err
    )
    assert contents(store) == before
    assert redact(2, {"7": ""}) == DONE and owner()["controllers"] == {
        "41": "4",
        "5": "4",
        "4": "4",
        "9": "9",
        "7": "7",
    }
    assert owner("--controller", "41=9", "--operator", "Acme")["stated"] == ["41"]
    assert redact(3, {"41": "9"}) == redact(4, {"41": "4"}) == DONE, (
        "what is stated outranks the records"
    )
    assert owner()["controllers"] == {"41": "9", "5": "4", "4": "4", "9": "9", "7": "7"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLVEIL_OPERATOR", "Other")
        assert (
            redact(5, {}) == USAGE
            and "it is run by Acme, and CALLVEIL_OPERATOR says Other" in capsys.readouterr().err
        )
        patch.setenv("CALLVEIL_OPERATOR", "Acme")
        assert redact(5, {"41": "9"}) == DONE
    assert main(["evidence", "verify", "--store", store, *given]) == DONE


def test_agencies_that_belong_to_each_other_end_the_way_up() -> None:
    def row(account: str, agency: str, year: int) -> Account:
        return Account(account, dt.datetime(year, 1, 1, tzinfo=dt.UTC), agency_id=agency)

    book = AccountBook(
        [
            row("1", "2", 2025),
            row("2", "1", 2025),
            row("3", "1", 2025),
            row("3", "8", 2026),
            row("4", "4", 2025),
        ]
    )
    assert book.controllers() == {"1": "2", "2": "1", "3": "8", "4": "4"}
