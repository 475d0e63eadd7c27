"""Counts for each account of what goes as whole files: in the run's summary, its records, its
certificates and reports.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.command_runs import Bench, call
from support.retention_stores import DAY, Place, V, account, event

from callveil.pipelines.cli import main
from callveil.transforms.governance.retention.plan_file import describe_plan

TAKEN = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
"""The time of the bench's runs: what is held back is of this day."""
AT = dt.datetime(2026, 11, 1, 10, tzinfo=dt.UTC)
PLAIN = "version: 1\nname: plain\nextends: gdpr\ndetect: {model: none}\nfields: {media: keep}\n"
POLICY = (
    PLAIN
    + """\
retention:
  subaccounts_inherit: true
  downgrade_grace_days: 0
  rules:
    - {id: versions-individual, action: delete, days: 7, class: versions, account_type: individual}
    - {id: versions-agency, action: delete, days: 120, class: versions, account_type: agency}
    - {id: broken, action: delete, days: 5, class: [rejected, raw]}
"""
)
VERSIONS = {"41": 26, "42": 5, "50": 3, "51": 4}
"""Of these, 41 and 42 share a file; 51 is a subaccount of the agency 50, in whose file it lies."""
REJECTED = {"41": 2, "42": 1, "": 1}
"""Of the last it could not be read whose it is."""


@pytest.fixture(scope="module", params=[True, False], ids=["unread", "read"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Place, Any]:
    """A store from which all of that has gone, by a run that had looked at the files before or by
    one that had not; and the run's result.
    """
    bench = Bench(tmp_path_factory.mktemp("accounts") / "bench")
    bench.keyring = bench.root / "keyring.json"
    broken: list[Any] = [
        {"account_id": int(a), "id": 900 + n, "called_at": "not a time"}
        for n, a in enumerate(["41", "41", "42"])
    ]
    bench.run([call(1), *broken, {"note": "no account"}], policy=PLAIN)
    made = Place(bench.root, root=bench.output, policy=POLICY)
    made.accounts = [
        account("41"),
        account("42"),
        account("50", "agency"),
        account("51", agency_id="50"),
    ]
    made.events = [event("50", "plan_changed", AT + 5 * DAY, can_create_subaccounts=False)]
    made.put(
        [V("41", AT + n * dt.timedelta(minutes=5), f"a{n}") for n in range(20)]
        + [V("42", AT, f"b{n}") for n in range(5)]
    )
    made.put(V("41", AT + DAY + n * dt.timedelta(minutes=5), f"a2{n}") for n in range(6))
    made.put(
        [V("50", AT, f"c{n}", "agency") for n in range(3)]
        + [V("51", AT, f"d{n}", "agency") for n in range(4)]
    )
    if request.param:
        made.run(AT + 2 * DAY)
        assert len(made.ids()) == sum(VERSIONS.values())
    return made, made.run(AT + 20 * DAY)


def test_everything_has_gone_as_whole_files(place: tuple[Place, Any]) -> None:
    made, result = place
    assert made.ids() == [] and made.rows("rejected") == []
    assert result.plan.counts["files.drop_file"] == 3 + 2
    assert not {"files.rewrite", "files.clear_fields"} & result.plan.counts.keys()


def test_the_runs_summary_counts_records(place: tuple[Place, Any]) -> None:
    _, result = place
    assert result.plan.counts["versions.delete"] == sum(VERSIONS.values())
    assert result.plan.counts["rejected.delete"] == sum(REJECTED.values())
    said = "\n".join(describe_plan(result.plan))
    assert (
        "versions: 38 delete" in said and "rejected: 4 delete" in said and "raw: 4 delete" in said
    )


def test_dispositions_and_certificates_count_them_by_account(place: tuple[Place, Any]) -> None:
    made, _ = place
    for name, expected in (("versions", VERSIONS), ("rejected", REJECTED), ("raw", REJECTED)):
        counted: Counter[str] = Counter()
        for row in made.dispositions(record_class=name, decision="delete", record_id=None):
            counted[row["account_id"] or ""] += row["rows_deleted"]
        assert counted == expected, name
        assert sum(
            c["rows_deleted"] for c in made.rows("certificates") if c["record_class"] == name
        ) == sum(expected.values()), name
    assert [c["account_id"] for c in made.rows("certificates") if c["record_class"] == "raw"] == [
        None
    ], "a series of several accounts is of none"


def test_each_accounts_report_counts_its_own(
    place: tuple[Place, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, _ = place
    keyring = ["--keyring", str(made.folder / "keyring.json")]
    given = [
        "report",
        "retention",
        "--store",
        made.root,
        "--out",
        str(tmp_path),
        "--from",
        "2026-11-01",
        "--to",
        "2026-12-01",
        "--json",
        *keyring,
    ]
    capsys.readouterr()
    for name in ("41", "42", "50", "51", "9", ""):
        assert main([*given, *(["--account", name] if name else [])]) == 0
        told = orjson.loads(capsys.readouterr().out)["reports"][0]["figures"]["Records deleted"]
        expected = (
            VERSIONS.get(name, 0) + 2 * REJECTED.get(name, 0)
            if name
            else sum(VERSIONS.values()) + 2 * sum(REJECTED.values())
        )
        assert told == str(expected), name
