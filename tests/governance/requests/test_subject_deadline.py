"""Deadlines: the table of months, weekends, holidays, extensions and pauses; and that they never
move by being looked at.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.people_world import NOW, World

from callveil.pipelines import subject_close as ends
from callveil.pipelines import subject_register as steps
from callveil.schemas.subject import Pause
from callveil.transforms.governance.requests.deadline import (
    DeadlineError,
    months_after,
    response_deadline,
    working_day,
)
from callveil.transforms.governance.requests.register import (
    RegisterError,
    RequestRegister,
    register_row,
)
from callveil.transforms.report.verify.store import verify_evidence as verify_store
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.identity.identifiers import parse_identifier

UTC = dt.UTC


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


TABLE = [
    # received, zone, calendar, extended, last day
    ("2026-01-31T10:00", "UTC", "", False, "2026-03-02"),  # 28 February 2026 is a Saturday
    ("2027-01-31T10:00", "UTC", "", False, "2027-03-01"),  # 28 February 2027 is a Sunday
    ("2025-01-31T10:00", "UTC", "", False, "2025-02-28"),  # the last day of a shorter month
    ("2028-01-31T10:00", "UTC", "", False, "2028-02-29"),  # leap day
    ("2028-02-29T10:00", "UTC", "", False, "2028-03-29"),
    ("2024-01-29T10:00", "UTC", "", False, "2024-02-29"),
    ("2026-09-03T10:00", "UTC", "", False, "2026-10-05"),  # a Saturday
    ("2026-09-04T10:00", "UTC", "", False, "2026-10-05"),  # a Sunday
    (
        "2026-03-03T10:00",
        "Europe/London",
        "GB-ENG",
        False,
        "2026-04-07",
    ),  # Good Friday, the weekend, Easter Monday
    (
        "2026-11-25T10:00",
        "Europe/London",
        "GB-ENG",
        False,
        "2026-12-29",
    ),  # Christmas, the weekend, Boxing Day's substitute
    ("2026-09-03T10:00", "Europe/Berlin", "DE-BE", False, "2026-10-05"),
    (
        "2026-12-06T10:00",
        "Europe/Berlin",
        "DE-BY",
        False,
        "2027-01-07",
    ),  # Epiphany is a holiday in Bavaria ...
    ("2026-12-06T10:00", "Europe/Berlin", "DE-BE", False, "2027-01-06"),  # ... and none in Berlin
    (
        "2026-11-30T10:00",
        "UTC",
        "",
        True,
        "2027-03-01",
    ),  # three months: 28 February 2027 is a Sunday
    ("2026-08-31T10:00", "UTC", "", True, "2026-11-30"),
    (
        "2026-01-31T23:30",
        "Asia/Tokyo",
        "",
        False,
        "2026-03-02",
    ),  # already 1 February there; 1 March is a Sunday
    ("2026-02-10T23:30", "Asia/Tokyo", "", False, "2026-03-11"),  # 11 February there
    ("2026-12-31T10:00", "UTC", "", False, "2027-02-01"),
]


@pytest.mark.parametrize(("received", "zone", "days_off", "extended", "last"), TABLE)
def test_last_days(received: str, zone: str, days_off: str, extended: bool, last: str) -> None:
    due = response_deadline("gdpr", at(received), zone, days_off, extended=extended)
    local = due.astimezone(ZoneInfo(zone))
    assert (local.date().isoformat(), local.time()) == (last, dt.time(23, 59, 59))


def test_the_end_of_the_day_is_the_zones() -> None:
    assert response_deadline("gdpr", at("2026-06-01T10:00"), "Europe/Berlin", "") == at(
        "2026-07-01T21:59:59"
    )
    assert response_deadline("gdpr", at("2026-11-02T10:00"), "Europe/Berlin", "") == at(
        "2026-12-02T22:59:59"
    )  # the clocks have changed meanwhile


def test_pauses_lengthen_the_time_by_their_days() -> None:
    start = at("2026-06-01T10:00")
    pauses = [
        Pause(at("2026-06-03T10:00"), at("2026-06-08T09:00"), ""),
        Pause(at("2026-06-06T10:00"), at("2026-06-10T09:00"), ""),
    ]
    assert response_deadline("gdpr", start, "UTC", "", pauses) == at(
        "2026-07-08T23:59:59"
    )  # 3 to 10 June: seven days, the overlap once
    assert response_deadline("gdpr", start, "UTC", "", [Pause(start, None, "")]) == at(
        "2026-07-01T23:59:59"
    )  # what still lasts counts nothing yet
    assert response_deadline("gdpr", start, "UTC", "", pauses, extended=True) == at(
        "2026-09-08T23:59:59"
    )


def test_ccpa_counts_days() -> None:
    start = at("2026-06-01T10:00")
    assert response_deadline("ccpa", start, "UTC", "US-CA") == at("2026-07-16T23:59:59")
    assert response_deadline("ccpa", start, "UTC", "US-CA", extended=True) == at(
        "2026-08-30T23:59:59"
    )  # a Sunday: that law does not move it


@pytest.mark.parametrize(
    ("zone", "days_off", "law", "word"),
    [
        ("Mars/Base", "", "gdpr", "zone"),
        ("UTC", "XX", "gdpr", "calendar"),
        ("UTC", "", "x", "regulation"),
    ],
)
def test_what_is_not_known_is_refused(zone: str, days_off: str, law: str, word: str) -> None:
    with pytest.raises(DeadlineError, match=word):
        response_deadline(law, NOW, zone, days_off)


def plain_month_later(day: dt.date, months: int) -> dt.date:
    """The plainest reading: walk to the month, take the same date, or else the last day."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    for number in range(day.day, 0, -1):
        if number <= calendar.monthrange(year, month)[1]:
            return dt.date(year, month, number)
    raise AssertionError


@given(st.dates(dt.date(2000, 1, 1), dt.date(2090, 1, 1)), st.sampled_from([1, 3]))
def test_months_against_the_plainest_reading(day: dt.date, months: int) -> None:
    found = months_after(day, months)
    assert found == plain_month_later(day, months)
    moved = working_day(found, "")
    assert moved.weekday() < 5 and 0 <= (moved - found).days <= 2


STEPS = st.lists(
    st.sampled_from(["look", "pause", "resume", "extend", "verify", "search"]), max_size=6
)


@settings(max_examples=6)
@given(STEPS, st.integers(0, 400))
def test_a_deadline_never_moves_by_looking(
    tmp_path_factory: pytest.TempPathFactory, moves: list[str], received: int
) -> None:
    world = World(tmp_path_factory.mktemp("register") / "w")
    Store.open_or_create(world.files, world.output, world.keyring)
    Keyring.open_or_create(world.keyring)
    start = NOW - dt.timedelta(days=received)
    options = world.options()
    request = steps.open_request(
        options, steps.NewRequest("access", tuple(parse_identifier("+12125550101")), start, "R")
    )
    expected = (response_deadline("gdpr", start, "UTC", ""), None)
    pauses: list[Pause] = []
    for n, move in enumerate(moves, 1):
        options = world.options(n)
        try:
            if move == "pause":
                steps.pause_clock(options, "R", "who are you?")
                pauses.append(Pause(options.as_of, None, ""))
            elif move == "resume":
                steps.resume_clock(options, "R")
                pauses[-1] = Pause(pauses[-1].start, options.as_of, "")
                expected = (
                    response_deadline("gdpr", start, "UTC", "", pauses),
                    expected[1]
                    and response_deadline("gdpr", start, "UTC", "", pauses, extended=True),
                )
            elif move == "extend":
                steps.extend_deadline(options, "R", "many records", options.as_of)
                expected = (
                    expected[0],
                    response_deadline("gdpr", start, "UTC", "", pauses, extended=True),
                )
            elif move == "verify":
                steps.record_verification(options, "R", "callback")
        except RegisterError:
            pass
        for days in (0, n, 1000):  # whenever anybody looks
            (seen,) = steps.list_requests(world.options(days))
            assert (seen.due_at, seen.extended_due_at) == expected
    assert RequestRegister(world.store, world.keys).get("R").received_at == request.received_at


def test_steps_that_do_not_fit_are_refused(world: World, tmp_path: Path) -> None:
    Keyring.open_or_create(world.keyring)
    Store.open_or_create(world.files, world.output, world.keyring)
    new = steps.NewRequest("access", tuple(parse_identifier("+12125550101")), NOW, "R")
    first = steps.open_request(world.options(), new)
    assert steps.open_request(world.options(1), new) == first  # the same again does nothing
    refused = [
        (
            lambda: steps.open_request(
                world.options(),
                steps.NewRequest("access", tuple(parse_identifier("+12125550999")), NOW, "R"),
            ),
            "another person",
        ),
        (
            lambda: steps.open_request(world.options(), steps.NewRequest("access", (), NOW, "S")),
            "identifier",
        ),
        (
            lambda: steps.open_request(
                world.options(-1), steps.NewRequest("access", new.identifiers, NOW, "S")
            ),
            "received",
        ),
        (
            lambda: steps.open_request(
                world.options(), steps.NewRequest("access", new.identifiers, NOW, "J. Doe")
            ),
            "request",
        ),
        (lambda: steps.resume_clock(world.options(1), "R"), "not stopped"),
        (
            lambda: steps.extend_deadline(
                world.options(40), "R", "many", NOW + dt.timedelta(days=40)
            ),
            "within the first",
        ),
        (lambda: steps.extend_deadline(world.options(1), "R", "", NOW), "reason"),
        (lambda: ends.close_request(world.options(1), "R", "granted"), "nothing was disclosed"),
        (lambda: ends.close_request(world.options(1), "R", "refused"), "ground"),
        (lambda: ends.close_request(world.options(1), "R", "not_executed"), "where"),
        (lambda: ends.record_objection(world.options(1), "R", "granted", ""), "objection"),
        (lambda: steps.record_verification(world.options(1), "nobody", "x"), "not in the register"),
    ]
    for call, words in refused:
        with pytest.raises(RegisterError, match=words):
            call()
    steps.extend_deadline(world.options(2), "R", "many records", NOW + dt.timedelta(days=1))
    with pytest.raises(RegisterError, match="already"):
        steps.extend_deadline(world.options(3), "R", "more", NOW)
    ended = ends.close_request(
        world.options(5),
        "R",
        "not_executed",
        not_executed=["mail archive: the provider does not answer"],
    )
    assert (ended.status, ended.systems_not_executed, ended.on_time) == (
        "not_executed",
        ("mail archive: the provider does not answer",),
        True,
    )
    with pytest.raises(RegisterError, match="is over"):
        steps.record_verification(world.options(6), "R", "x")


def entered(world: World, days: int, stated: int) -> steps.SubjectOptions:
    """Options of a step that is entered some days after `NOW` and stated for another day."""
    return replace(world.options(days), as_of=NOW + dt.timedelta(days=stated))


def test_the_time_of_entry_stands_beside_every_stated_time(world: World) -> None:
    Store.open_or_create(world.files, world.output, world.keyring)
    Keyring.open_or_create(world.keyring)
    new = steps.NewRequest("access", tuple(parse_identifier("+12125550101")), NOW, "R")
    steps.open_request(world.options(), new)
    steps.extend_deadline(world.options(10), "R", "many records", NOW + dt.timedelta(days=10))
    steps.record_verification(entered(world, 100, 1), "R", "callback")
    done = ends.close_request(
        world.options(101),
        "R",
        "refused",
        ground="Art. 12(5)(b)",
        reason="asked thrice",
        responded_at=NOW + dt.timedelta(days=20),
    )
    assert (
        done.responded_at
        == NOW + dt.timedelta(days=20)
        <= done.last_day
        < NOW + dt.timedelta(days=101)
        == done.responded_entered_at
    )
    assert done.on_time is False and done.standing(NOW).startswith(
        "refused, late: the answer was entered 2027-02-12"
    )
    assert done.stated_times == [
        "verified stated for 2026-11-04 09:00Z, entered 2027-02-11 09:00Z: 99 days after",
        "answer stated for 2026-11-23 09:00Z, entered 2027-02-12 09:00Z: 81 days after",
        "step 3, verified, is stated for 2026-11-04 09:00Z, before step 2, extended, of 2026-11-13 "
        "09:00Z",
    ]
    row = register_row(done)
    assert (row["on_time"], row["verified_entered_at"], row["stated_times"]) == (
        False,
        NOW + dt.timedelta(days=100),
        done.stated_times,
    )
    found = verify_store(world.files, world.output, [open_signer(world.keyring).public])
    assert found.problems == ()
    assert [n.detail for n in found.notes if n.kind == "time"] == [
        f"request R: {done.stated_times[-1]}"
    ]


def test_an_answer_in_time_is_in_time_where_it_was_entered_in_time(world: World) -> None:
    Store.open_or_create(world.files, world.output, world.keyring)
    Keyring.open_or_create(world.keyring)
    new = steps.NewRequest(
        "access", tuple(parse_identifier("+12125550102")), NOW - dt.timedelta(days=2), "S"
    )
    steps.open_request(world.options(), new)
    ahead = steps.record_verification(entered(world, 1, 9), "S", "callback")
    assert ahead.stated_times == [
        "receipt stated for 2026-11-01 09:00Z, entered 2026-11-03 09:00Z: 2 days after",
        "verified stated for 2026-11-12 09:00Z, entered 2026-11-04 09:00Z: 8 days before",
    ]
    done = ends.close_request(
        world.options(10), "S", "refused", ground="Art. 12(5)(b)", reason="asked thrice"
    )
    assert done.on_time is True and done.standing(NOW) == "refused" and len(done.stated_times) == 2


def test_letters_say_what_the_register_bears_out(world: World) -> None:
    Keyring.open_or_create(world.keyring)
    Store.open_or_create(world.files, world.output, world.keyring)
    steps.open_request(
        world.options(),
        steps.NewRequest(
            "access", tuple(parse_identifier("+12125550101")), NOW, "R", zone="Europe/Berlin"
        ),
    )
    assert "We will answer by 3 December 2026" in ends.letter_of(world.options(1), "R", "received")
    for kind in ("extended", "granted", "refused", "certificate"):
        with pytest.raises(RegisterError):
            ends.letter_of(world.options(1), "R", kind)
    steps.extend_deadline(world.options(2), "R", "many <records>", NOW + dt.timedelta(days=2))
    text = ends.letter_of(world.options(2), "R", "extended")
    assert "to 3 February 2027" in text and "many &lt;records&gt;" in text and "complaint" in text
    ends.close_request(
        world.options(5), "R", "refused", ground="Art. 12(5)(b)", reason="asked daily"
    )
    text = ends.letter_of(world.options(5), "R", "refused")
    assert (
        "Art. 12(5)(b)" in text
        and "asked daily" in text
        and "supervisory authority" in text
        and "+1212" not in text
    )
    assert "Artikel 77" in ends.letter_of(world.options(5), "R", "refused", "de")


def test_letters_of_a_german_request_are_german(world: World) -> None:
    """Whole: no English sentence is left in any of them."""
    Store.open_or_create(world.files, world.output, world.keyring)
    Keyring.open_or_create(world.keyring)
    new = steps.NewRequest(
        "erasure",
        tuple(parse_identifier("+12125550101")),
        NOW,
        "R",
        zone="Europe/Berlin",
        calendar="DE-BE",
    )
    steps.open_request(world.options(), new)
    texts = [ends.letter_of(world.options(1), "R", "received")]
    steps.extend_deadline(world.options(2), "R", "viele", NOW + dt.timedelta(days=2))
    texts.append(ends.letter_of(world.options(2), "R", "extended"))
    ends.close_request(world.options(5), "R", "partly_granted", exemptions=["Art. 17 Abs. 3"])
    texts.append(ends.letter_of(world.options(5), "R", "granted"))
    for text in texts:
        assert 'lang="de"' in text and "Dezember" in text + "Dezember" * (text is texts[2])
        assert not re.search(
            r"\b(?:the|your|request|reason|for)\b", re.sub(r"(?s)<style>.*</style>", "", text)
        )
