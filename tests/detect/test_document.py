"""Text that detection reads: one view of the conversation, its copies, and the other fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.record_redaction import raw

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.conversation import AGENT, CALLER, UNKNOWN
from callveil.transforms.detect.document import DocumentSet, role_of, roles_of
from callveil.transforms.detect.text_fields import walk

TEXT = st.text("ab 1é\n.", max_size=8)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "outline": st.lists(
            st.fixed_dictionaries({"text": TEXT, "channel": st.sampled_from([1, 2])}), max_size=4
        ),
        "words": st.lists(
            st.fixed_dictionaries({"word": TEXT, "channel": st.sampled_from([1, 2])}), max_size=5
        ),
        "transcription_text": TEXT,
        "message_body": TEXT,
        "summary": TEXT,
        "notes": st.dictionaries(TEXT, TEXT, max_size=3),
        "tag_list": st.lists(TEXT, max_size=3),
        "form": st.fixed_dictionaries(
            {"custom": st.lists(st.fixed_dictionaries({"label": TEXT, "value": TEXT}), max_size=2)}
        ),
    },
)


def document(record: dict[str, Any]) -> DocumentSet:
    values = raw(record).record
    return DocumentSet(
        [leaf for leaf in walk(values) if leaf.field.group != "identity"], roles_of(values)
    )


@settings(max_examples=150)
@given(RECORD, st.data())
def test_segments_hold_their_leaves_and_split_exactly(
    record: dict[str, Any], data: st.DataObject
) -> None:
    made = document(record)
    assert sorted(s.leaf.shown for r in made.readings for s in r.segments) == sorted(
        leaf.shown for leaf in made.leaves
    )
    for reading in made.readings:
        text = reading.view.text
        for s in reading.segments:
            assert text[s.start : s.end].replace("_", " ") == s.leaf.text.replace("_", " ")
        assert all(0 <= t.start <= t.end <= len(text) for t in reading.view.turns)
        assert all(
            a.end <= b.start
            for a, b in zip(reading.view.turns, reading.view.turns[1:], strict=False)
        )
        if not text:
            continue
        cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
        spans = [
            TextSpan(a, b, "PERSON", 0.9, "r") for a, b in zip(cuts[::2], cuts[1::2], strict=False)
        ]
        pieces = reading.split(spans)
        for s in reading.segments:
            mine = {
                i
                for leaf, piece in pieces
                if leaf is s.leaf
                for i in range(s.start + piece.start, s.start + piece.end)
            }
            assert mine == {
                i for span in spans for i in range(span.start, span.end) if s.start <= i < s.end
            }


ODD = st.lists(
    st.sampled_from(
        [
            *"a1 .\n_",
            "\u200b",
            "＠",
            "&#64;",
            "%40",
            "[at]",
            "José\u0301",
            '{"k_y": [4, "a\\u0040b"]}',
        ]
    ),
    max_size=5,
).map("".join)


@settings(max_examples=100)
@given(ODD, ODD, ODD, st.data())
def test_spans_of_texts_that_read_differently_cover_what_was_read(
    talk: str, key: str, value: str, data: st.DataObject
) -> None:
    made = document(
        {
            "outline": [{"text": talk, "channel": 1}],
            "summary": value,
            "notes": {key: value, "list": [value, 4, 5]},
        }
    )
    for reading in made.readings:
        text = reading.view.text
        for s in reading.segments:
            assert text[s.start : s.end] == s.text.text
        if not text:
            continue
        start = data.draw(st.integers(0, len(text) - 1))
        span = TextSpan(start, data.draw(st.integers(start + 1, len(text))), "PERSON", 0.9, "r")
        pieces = reading.split([span])
        for s in reading.segments:
            lo, hi = max(span.start, s.start) - s.start, min(span.end, s.end) - s.start
            mine = [
                piece
                for leaf, piece in pieces
                if leaf is s.leaf and lo < hi and s.text.source(lo, hi) == (piece.start, piece.end)
            ]
            assert mine or lo >= hi
            for piece in mine:
                assert 0 <= piece.start < piece.end <= len(s.leaf.text)
                first, last = s.text.within(piece.start, piece.end)
                assert first <= lo and hi <= last


def test_the_best_source_is_read_and_the_others_are_copies() -> None:
    turns = [
        {"speaker": "Agent", "channel": 2, "text": "hello"},
        {"speaker": "Caller", "channel": 1, "text": "it is jane"},
    ]
    words = [
        {"word": w, "channel": 1 if n else 2} for n, w in enumerate(["hello", "it", "is", "jane"])
    ]
    made = document(
        {
            "outline": turns,
            "words": words,
            "transcription_text": "Agent: Hello.\nCaller: It is Jane!",
            "summary": "jane called",
        }
    )
    names = [r.name for r in made.readings]
    assert names == ["conversation", "words", "transcription_text", "fields"]
    assert [r.analysed for r in made.readings] == [True, False, False, True]
    assert [
        (t.role, made.readings[0].view.text[t.start : t.end]) for t in made.readings[0].view.turns
    ] == [(AGENT, "hello"), (CALLER, "it is jane")]
    assert made.readings[1].view.text == "hello\nit is jane"


def test_flat_text_gets_its_turns_from_labels() -> None:
    view = document({"transcription_text": "Agent: your name?\nCaller: jane doe"}).readings[0].view
    assert [(t.role, view.text[t.start : t.end]) for t in view.turns] == [
        (AGENT, "your name?"),
        (CALLER, "jane doe"),
    ]


def test_keys_and_questions_ask_and_values_answer() -> None:
    view = (
        document(
            {
                "custom_fields": {"date_of_birth": "4 May"},
                "form": {"custom": [{"label": "Your name?", "value": "Jane"}]},
            }
        )
        .readings[-1]
        .view
    )
    turns = [(t.role, view.text[t.start : t.end]) for t in view.turns]
    assert [t for t in turns if t[1] in ("date of birth", "4 May", "Your name?", "Jane")] == [
        (AGENT, "Your name?"),
        (CALLER, "Jane"),
        (AGENT, "date of birth"),
        (CALLER, "4 May"),
    ]


@pytest.mark.parametrize(
    ("speaker", "channel", "role"),
    [
        (None, 1, CALLER),
        (None, 2, AGENT),
        ("Agent", 1, CALLER),
        ("Customer 2", None, CALLER),
        ("rep", None, AGENT),
        ("Jane", None, UNKNOWN),
        (None, 3, UNKNOWN),
    ],
)
def test_roles(speaker: str | None, channel: int | None, role: str) -> None:
    assert role_of(speaker, channel) == role
