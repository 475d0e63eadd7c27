"""Registers that the company keeps: the record of processing with its differences, and the breach
register with the 72 hours.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from support.report_runs import AS_OF, DAY, Built, build, pull, read

from callveil.transforms.report.activities import TEMPLATE, ActivitiesError, load_activities
from callveil.transforms.report.breaches import LIMIT, BreachesError, breach_state, read_breaches
from callveil.transforms.report.breaches import TEMPLATE as BREACHES
from callveil.transforms.storage.files.filesystem import Files

HOUR, MICRO = dt.timedelta(hours=1), dt.timedelta(microseconds=1)
AWARE = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("company"), days=3)


def pulled(place: Built, tmp_path: Path) -> Path:
    pull(place, tmp_path / "retention", "retention")
    return tmp_path / "retention"


def processing(place: Built, tmp_path: Path, text: str) -> dict[str, list[str]]:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    pull(place, tmp_path / "out", "processing", "--activities", str(file))
    (row, other) = read(tmp_path / "out", "processing")
    assert (
        other["differences"] is None and other["retention_adherence"] is None
    )  # payroll lies elsewhere
    return {
        "adherence": [row["retention_adherence"]],
        "reasons": row["non_adherence_reason"],
        "differences": row["differences"],
    }


def test_the_template_beside_what_is_so(place: Built, tmp_path: Path) -> None:
    found = processing(place, tmp_path, TEMPLATE.read_text())
    assert found["adherence"] == [
        "no"
    ]  # what the retention report of the same period says: the first run came days late
    (reason,) = found["reasons"]
    late = [
        r
        for r in read(pulled(place, tmp_path), "retention")
        if r["record_id"] is None and r["decision"] == "delete"
    ]
    number = sum(r["rows_deleted"] for r in late if r["disposed_at"] - r["eligible_at"] > DAY)
    assert (
        0 < number < sum(r["rows_deleted"] for r in late)
        and f": {number} versions were deleted late in this period" in reason
    )
    text = "\n".join(found["differences"])
    assert (
        "in no data category: " in text
        and "US_SSN (" in text
        and "NRP (" in text
        and "PERSON" not in text
    )
    assert (
        "special_categories is empty, although what was found hints at: nationality, religion, "
        "politics" in text
    )
    assert "the policy deletes" not in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("days: 7}", "days: 9}"), "the policy deletes after 7 days (rule versions-individual)"),
        (
            ("class: versions, account_type: agency, days: 120", "class: recordings, days: 90"),
            "the policy has no rule that deletes recordings",
        ),
        (
            ('storage_location: ["store/"]', 'storage_location: ["s3://elsewhere"]'),
            "storage_location does not name",
        ),
        (('reviewed_at: "2026-10-01"', 'reviewed_at: "2024-10-01"'), "not reviewed within a year"),
        (('reviewed_at: "2026-10-01"', ""), "says nothing of when it was reviewed"),
    ],
)
def test_differences(place: Built, tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    text = TEMPLATE.read_text()
    assert change[0] in text
    assert expected in "\n".join(
        processing(place, tmp_path, text.replace(*change, 1))["differences"]
    )


def test_a_limit_that_is_not_kept(place: Built, tmp_path: Path) -> None:
    found = processing(
        place, tmp_path, TEMPLATE.read_text().replace("account_type: agency, days: 120", "days: 1")
    )
    assert found["adherence"] == ["no"] and any(
        "versions of" in r and "are still there" in r for r in found["reasons"]
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("role: controller", "role: contoller"), "did you mean controller?"),
        (("entities: [PERSON]", "entities: [PERSN]"), "did you mean PERSON?"),
        (("days: 7}", "days: seven}"), "expected a whole number"),
        (("purposes: [attribution", "purpose: [attribution"), "did you mean purposes?"),
        (("  - id: payroll  ", "  - id: call-tracking  "), "the id stands twice"),
        (('reviewed_at: "2026-10-01"', 'reviewed_at: "last week"'), "expected a date"),
        (("  controller: ", "  # controller: "), "is missing: name and contact"),
    ],
)
def test_mistakes_in_the_record_are_named_by_line(
    tmp_path: Path, change: tuple[str, str], expected: str
) -> None:
    text = TEMPLATE.read_text()
    assert change[0] in text
    line = text[: text.index(change[0])].count("\n") + 1 + change[0].startswith("  controller")
    file = tmp_path / "p.yaml"
    file.write_text(text.replace(*change, 1))
    with pytest.raises(ActivitiesError, match=r"p\.yaml:") as caught:
        load_activities(file)
    said = str(caught.value)
    assert expected in said and f"p.yaml:{line}:" in said, said


@pytest.mark.parametrize(
    ("given", "as_of", "expected"),
    [
        ({"notified_at": AWARE + LIMIT}, AS_OF, "on_time"),
        ({"notified_at": AWARE + LIMIT + MICRO}, AS_OF, "late_without_reasons"),
        (
            {"notified_at": AWARE + LIMIT + MICRO, "late_reason": "found out piece by piece"},
            AS_OF,
            "late_with_reasons",
        ),
        ({"notifiable": False, "decision_reason": "no risk"}, AS_OF, "not_notifiable"),
        ({"notifiable": True}, AWARE + LIMIT, "due"),
        ({"notifiable": True}, AWARE + LIMIT + MICRO, "overdue"),
        ({}, AWARE + LIMIT, "undecided"),
        ({}, AWARE + LIMIT + MICRO, "overdue"),
    ],
)
def test_72_hours(given: dict[str, object], as_of: dt.datetime, expected: str) -> None:
    assert breach_state({"aware_at": AWARE} | given, as_of) == expected


def test_72_hours_are_hours_whatever_the_clocks_do(tmp_path: Path) -> None:
    """The night of 25 October 2026 has an hour more in Berlin; 72 hours are 72 hours."""
    file = tmp_path / "b.csv"
    file.write_text(
        "breach_id,aware_at,facts,notifiable,notified_at,data_categories\nB1,2026-10-24T12:00:00+02:00,lost,yes,2026-10-27T11:00:00+01:00,a; b\n"  # noqa: E501
    )
    (breach,) = read_breaches(Files(), [str(file)], AS_OF)
    assert (
        breach["notify_by"] == dt.datetime(2026, 10, 27, 10, tzinfo=dt.UTC)
        and breach["state"] == "on_time"
        and breach["data_categories"] == ["a", "b"]
    )


def test_the_register_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "b.yaml"
    file.write_text(BREACHES)
    (breach,) = read_breaches(Files(), [str(file)], AS_OF)
    assert breach["state"] == "on_time" and breach["aware_at"] == dt.datetime(
        2026, 11, 2, 8, 30, tzinfo=dt.UTC
    )


def test_mistakes_in_the_register_are_named_by_line_and_quote_nothing(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    secret = "Jane Doe of 5 High Street"
    file.write_text(
        "breach_id,aware_at,occurred_at,facts,notifiable,notified_at,approx_subjects\n"
        f"B1,yesterday,,{secret},yes,,\n"
        f"B2,2026-11-02,2026-11-03,{secret},no,,many\n"
        f"B3,2026-11-02,2026-11-03,{secret},no,,4\n"
        f"B4,2026-11-02,,{secret},yes,2026-11-01,4\n"
        f"B5,2026-11-02,,{secret},,,4\n"
        f"B5,2026-11-02,,{secret},,,4\n"
    )
    with pytest.raises(BreachesError) as caught:
        read_breaches(Files(), [str(file)], AS_OF)
    said = str(caught.value)
    for expected in (
        "b.csv:2: aware_at",
        "b.csv:3: approx_subjects",
        "b.csv:4: occurred_at",
        "b.csv:4: decision_reason",
        "b.csv:5: notified_at",
        "b.csv:7: breach_id",
    ):
        assert expected in said, said
    assert secret not in said
