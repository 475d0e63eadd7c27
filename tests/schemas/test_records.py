"""Accounts, requests, findings, pointers and shards. All values are generated."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.account import Account, AccountBook
from callveil.schemas.arrow import FINDING_SCHEMA
from callveil.schemas.fields import EPOCH
from callveil.schemas.finding import FIELDS, Finding, FindingRow, TextSpan
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.pointer import (
    RecordPointer,
    from_micros,
    pack_rows,
    to_micros,
    unpack_pointers,
    unpack_rows,
)
from callveil.schemas.request import RedactionRequest, decode_request, encode_request
from callveil.schemas.shard import ChosenSnapshot, Shard, pack_chosen, unpack_chosen
from callveil.transforms.storage.files.serialization import finding_row

T0 = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)


# -- accounts


def test_a_version_holds_from_its_instant_until_the_next() -> None:
    book = AccountBook(
        [Account("1", T0 + 10 * DAY, "agency"), Account("1", T0, "individual", "paused")]
    )
    assert book.at("1", T0 - TICK) is None and book.type_at("1", T0 - TICK) == "unknown"
    assert book.type_at("1", T0) == book.type_at("1", T0 + 10 * DAY - TICK) == "individual"
    assert book.type_at("1", T0 + 10 * DAY) == book.type_at("1", T0 + 9999 * DAY) == "agency"
    assert book.type_at("2", T0) == "unknown" and len(book) == 1
    held = book.at("1", T0 + DAY)
    assert held is not None and held.status == "paused"


def test_of_two_versions_of_one_instant_the_last_given_holds() -> None:
    first, second = Account("1", T0, "individual"), Account("1", T0, "agency")
    assert AccountBook([first, second]).type_at("1", T0) == "agency"
    assert AccountBook([second, first]).type_at("1", T0) == "individual"
    assert AccountBook([]).at("1", T0) is None


VERSIONS = st.lists(
    st.builds(
        Account,
        st.sampled_from("12"),
        st.integers(0, 6).map(lambda n: T0 + n * DAY),
        st.sampled_from(["individual", "agency"]),
        st.sampled_from(["active", "paused", "cancelled"]),
    ),
    max_size=8,
    unique_by=lambda a: (a.account_id, a.effective_at),
)


@settings(max_examples=150)
@given(VERSIONS, st.randoms(use_true_random=False), st.sampled_from("123"), st.integers(-2, 16))
def test_lookup_is_the_latest_version_not_after(
    versions: list[Account], rng: Any, account: str, half_days: int
) -> None:
    when = T0 + half_days * DAY / 2
    shuffled = rng.sample(versions, len(versions))
    book = AccountBook(shuffled)
    want = max(
        (v for v in versions if v.account_id == account and v.effective_at <= when),
        key=lambda v: v.effective_at,
        default=None,
    )
    assert book.at(account, when) == want
    assert book.digest() == AccountBook(versions).digest()


def test_the_digest_tells_every_change() -> None:
    base = Account("1", T0, "individual", "active", "9", "Firm", ("+1",), "UTC")
    others = [
        Account("2", T0, "individual", "active", "9", "Firm", ("+1",), "UTC"),
        Account("1", T0 + TICK, "individual", "active", "9", "Firm", ("+1",), "UTC"),
        Account("1", T0, "agency", "active", "9", "Firm", ("+1",), "UTC"),
        Account("1", T0, "individual", "paused", "9", "Firm", ("+1",), "UTC"),
        Account("1", T0, "individual", "active", "9", "Firm", ("+2",), "UTC"),
    ]
    digests = {AccountBook([a]).digest() for a in [base, *others]}
    assert len(digests) == len(others) + 1


# -- requests

REQUESTS = st.builds(
    RedactionRequest,
    request_id=st.text(min_size=1, max_size=5),
    account_id=st.just("1"),
    interaction_id=st.just("2"),
    scope=st.sampled_from(["all", "field", "span", "time"]),
    reason=st.text(max_size=5),
    actor=st.text(max_size=5),
    field=st.none() | st.just("notes"),
    start=st.none() | st.integers(0, 9),
    end=st.none() | st.integers(0, 9),
    from_s=st.none() | st.floats(0, 9),
    to_s=st.none() | st.floats(0, 9),
    channel=st.none() | st.sampled_from([1, 2]),
    basis=st.sampled_from(["source", "stored"]),
    requested_at=st.none() | st.just(T0 + TICK),
    trigger=st.sampled_from(["manual", "subject_request"]),
)


@settings(max_examples=100)
@given(REQUESTS)
def test_requests_there_and_back(request: RedactionRequest) -> None:
    text = encode_request(request)
    assert decode_request(text) == request and encode_request(decode_request(text)) == text
    assert request.key == InteractionKey("1", "2")


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"request_id":"a","odd":1}'])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_request(text)


# -- findings


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 1), (-1, 3)])
def test_a_span_is_never_empty_or_negative(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="span"):
        TextSpan(start, end, "PERSON", 0.5, "r")


def test_a_finding_row_has_every_column() -> None:
    finding = Finding(
        "outline[3].text",
        "PERSON",
        "r",
        0.5,
        "label",
        1,
        2,
        3,
        4,
        0.5,
        1.5,
        "g",
        "k",
        1,
        "manual",
        "r1",
        "a",
        "done",
        "",
        "v",
    )
    row = finding_row(
        FindingRow(finding, "id", "1", "9", "2", "call", "agency", T0, "p", "run", T0 + DAY)
    )
    assert list(row) == FINDING_SCHEMA.names == [f.name for f in FIELDS]
    assert (
        row["finding_id"] == "id"
        and row["event_time"] == T0
        and row["processed_at"] == T0 + DAY
        and row["span_start"] == 1
        and row["audio_end"] == 1.5
    )
    assert not any(f.personal for f in FIELDS)
    with pytest.raises(TypeError):
        finding_row(finding)  # type: ignore[arg-type]


# -- pointers and shards

POINTERS = st.builds(
    RecordPointer,
    st.sampled_from("12"),
    st.text("ab1", min_size=1, max_size=3),
    st.integers(0, 2**62),
    st.text("0f", max_size=4),
    st.integers(0, 2**52),
    st.just("call"),
    st.just("en"),
    st.sampled_from(["individual", "agency"]),
    st.just("9"),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 99),
)


@settings(max_examples=60)
@given(st.lists(POINTERS, max_size=5))
def test_pointers_there_and_back(pointers: list[RecordPointer]) -> None:
    assert list(unpack_pointers(pack_rows(pointers))) == pointers
    rows = [
        ChosenSnapshot(p, "full", ("PERSON", "clear:x"), ('{"a":1}',), "o") for p in pointers
    ] + [ChosenSnapshot(p) for p in pointers]
    assert (
        unpack_chosen(pack_chosen(rows)) == rows
        and Shard("individual", "2026-03-01", 0, pack_chosen(rows)).chosen() == rows
    )
    assert list(unpack_rows(b"")) == []


@settings(max_examples=100)
@given(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2262, 1, 1), timezones=st.just(dt.UTC)))
def test_micros_are_exact(when: dt.datetime) -> None:
    assert from_micros(to_micros(when)) == when and to_micros(EPOCH) == 0


def test_a_shard_digest_depends_on_all_it_is_made_of() -> None:
    one = RecordPointer("1", "a", 5, "d", 7, "call", "en", "agency", "9", 0, 0, 0, 10)
    rows = [
        ChosenSnapshot(one),
        ChosenSnapshot(one, "full"),
        ChosenSnapshot(one, floor_entities=("PERSON",)),
        ChosenSnapshot(one, requests=("{}",)),
        ChosenSnapshot(one, replaces="o"),
        ChosenSnapshot(one._replace(rank=6)),
    ]
    shards = [Shard("agency", "1970-01-01", 0, pack_chosen([r])) for r in rows]
    shards += [
        Shard("agency", "1970-01-01", 1, shards[0].rows),
        Shard("agency", "1970-01-02", 0, shards[0].rows),
        Shard("individual", "1970-01-01", 0, shards[0].rows),
    ]
    assert all(a.digest != b.digest for a, b in itertools.combinations(shards, 2))
    assert one.partition == ("agency", "1970-01-01")
