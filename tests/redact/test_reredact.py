"""Redacting further what is stored already. All values are generated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.record_redaction import KEY, T0, Bench, content

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.request import RedactionRequest
from callveil.transforms.redact.engine import RedactionResult
from callveil.transforms.redact.reredact import stored_record, to_stored_offsets
from callveil.transforms.storage.files.serialization import finding_row, interaction_row

WORDS = (
    "zofia.k@example.com",
    "415-555-0134",
    "and",
    "so",
    "then",
    "4111 1111 1111 1111",
    "the",
    "door",
)


def span(
    start: int | None, end: int | None, basis: str = "source", field: str = "summary"
) -> RedactionRequest:
    return RedactionRequest(
        "r1", *KEY, "span", "why", "who", field=field, start=start, end=end, basis=basis
    )


def findings(out: RedactionResult) -> list[dict[str, Any]]:
    """Findings as rows of the store."""
    return [finding_row(row) for row in out.findings]


def test_a_stored_row_is_a_record_again(redact: Bench) -> None:
    record = {
        "name": "Zofia Kowalczyk",
        "notes": {"a": ["zofia", 1, None, True]},
        "outline": [{"text": "hi zofia", "channel": 1, "extra_member": {"x": 1}}],
        "emails": ["zofia.k@example.com"],
        "latitude": 1.5,
        "new": {"q": 1},
        "form": {"custom": [{"label": "l", "value": {"deep": ["zofia"]}}]},
    }
    out = redact(record)
    again = stored_record(interaction_row(out.interaction), "f.parquet")
    assert (
        again.key == KEY
        and again.called_at == T0
        and again.kind == "call"
        and again.rank == out.interaction.rank
    )
    want = {k: v for k, v in content(out).items() if v not in ({}, [])}
    assert {k: v for k, v in again.record.items() if k != "redacted" and v not in ({}, [])} == want


@pytest.mark.parametrize("field", ["notes{0}", "notes{z}"])
def test_members_of_json_fields_keep_their_places(redact: Bench, field: str) -> None:
    """A request that names a member by its place in the source, or by its key, means the same one
    in the stored row.
    """
    record = {"notes": {"z": "mail zofia.k@example.com now", "a": "the door is green"}}
    out = redact(record)
    again = stored_record(interaction_row(out.interaction), "f.parquet")
    asked = to_stored_offsets(span(25, 28, field=field), findings(out), again.record)
    left = content(
        redact({k: v for k, v in again.record.items() if k != "redacted"}, requests=(asked,))
    )
    assert left["notes"] == {"z": "mail [EMAIL_ADDRESS] [REDACTED]", "a": "the door is green"}


def test_redacting_a_stored_row_changes_nothing(redact: Bench) -> None:
    record = {
        "outline": [{"text": "mail zofia.k@example.com, zofia", "channel": 1}],
        "notes": {"4155550134": 4155550134},
        "name": "Zofia K",
    }
    first = redact(record)
    again = stored_record(interaction_row(first.interaction), "f.parquet")
    second = redact({k: v for k, v in again.record.items() if k != "redacted"})
    assert content(second) == content(first)


def test_the_state_of_a_stored_row_is_set_anew(redact: Bench) -> None:
    first = redact({"notes": "mail zofia.k@example.com"}, "mode: content")
    row = interaction_row(first.interaction)
    assert (
        row["redaction_mode"] == "content"
        and row["redacted_entities"] == ["EMAIL_ADDRESS"]
        and row["redacted_fields"] == ["notes"]
    )
    assert stored_record(row, "f").record["redacted"] is True


@settings(max_examples=80)
@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=7), data=st.data())
def test_a_source_span_covers_the_same_in_the_stored_text(
    redact: Bench, words: list[str], data: st.DataObject
) -> None:
    text = " ".join(words)
    out = redact({"summary": text})
    stored = content(out)["summary"]
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    moved = to_stored_offsets(span(start, end), findings(out))
    assert (
        moved.basis == "stored"
        and moved.start is not None
        and moved.end is not None
        and 0 <= moved.start < moved.end <= len(stored)
    )
    done = [r.finding for r in out.findings]
    at = {}  # where each character of the source that is still there stands in the stored text
    place, shift = 0, 0
    for f in sorted(done, key=lambda f: f.span_start):
        at.update({i: i + shift for i in range(place, f.span_start)})
        place, shift = f.span_end, f.out_end - f.span_end
    at.update({i: i + shift for i in range(place, len(text))})
    assert all(moved.start <= at[i] < moved.end for i in range(start, end) if i in at)
    for f in done:
        if f.span_start < end and start < f.span_end:
            assert moved.start <= f.out_start and f.out_end <= moved.end
    assert not any(moved.start <= j < moved.end for i, j in at.items() if not start <= i < end)


def test_other_requests_are_left_alone(redact: Bench) -> None:
    rows = findings(redact({"summary": "mail zofia.k@example.com now"}))
    for asked in (
        span(2, 9, "stored"),
        RedactionRequest("r", *KEY, "field", "w", "a", field="summary"),
        RedactionRequest("r", *KEY, "all", "w", "a"),
    ):
        assert to_stored_offsets(asked, rows) is asked
    elsewhere = to_stored_offsets(span(2, 9, field="notes"), rows)
    assert (elsewhere.start, elsewhere.end) == (2, 9)


def test_an_open_end_stays_open(redact: Bench) -> None:
    moved = to_stored_offsets(
        span(25, None), findings(redact({"summary": "mail zofia.k@example.com now"}))
    )
    assert (moved.start, moved.end) == (21, None)


@pytest.mark.parametrize("key", [InteractionKey("70001", "1"), InteractionKey("70002", "2")])
def test_findings_of_different_records_share_no_id(redact: Bench, key: InteractionKey) -> None:
    record = {"summary": "mail zofia.k@example.com now"}
    assert {r.finding_id for r in redact(record, key=key).findings}.isdisjoint(
        r.finding_id for r in redact(record).findings
    )


def test_findings_name_keys_that_are_left(redact: Bench) -> None:
    """A key that was covered, or could be read as a place, is told by its place, and so is all
    below it that its name would tell.
    """
    mail = "zofia.k@example.com"
    record = {
        "custom_fields": {
            "plan": mail,
            mail: mail,
            "7": mail,
            "a{0}": mail,
            "Lead Score": {"deep": [mail]},
        },
        "unheard": "x",
        "summer plans": "y",
        "form": {"custom": [{"value": {"b": mail}}], "hat": "7"},
        "name": "Zofia",
    }
    out = redact(record)
    told = {r["field_path"] for r in findings(out)}
    assert told == {
        "custom_fields{plan}",
        "custom_fields{1}.key",
        "custom_fields{1}",
        "custom_fields{2}",
        "custom_fields{3}",
        "custom_fields{Lead Score}{deep}[0]",
        "extra{unheard}",
        "extra{1}",
        "form.custom[0].value{b}",
        "form.extra{hat}",
        "name",
    }
    assert mail not in str(told) and len({r["finding_id"] for r in findings(out)}) == len(
        out.findings
    )
