"""Records of every source shape to one. All people and numbers here are generated."""

import datetime as dt
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import SourceRef
from callveil.schemas.policy import InputLimits
from callveil.transforms.ingest.documents import expand_document
from callveil.transforms.ingest.normalise import normalize_interaction


def read(**members):
    return normalize_interaction(
        {"id": 1, "account_id": 2, "unix_time": 1730000000, **members},
        SourceRef("f", 1, 0),
        InputLimits(),
        {"2": "America/New_York"},
    )


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({}, "call"),
        ({"kind": "chat"}, "chat"),
        ({"type": "SMS"}, "text"),
        ({"type": "form_reactor"}, "form"),
        ({"direction": "msg_inbound"}, "text"),
        ({"message_body": "hi"}, "text"),
        ({"chat_messages": ["hi"]}, "chat"),
        ({"form": {"name": "a"}}, "form"),
        ({"form": {"name": "a"}, "duration": 5}, "call"),
        ({"message_body": "hi", "duration": 9}, "call"),
        ({"kind": "odd"}, "call"),
        ({"type": "odd", "message_id": "1"}, "text"),
    ],
)
def test_kind(members, kind):
    assert read(**members).kind == kind == read(**members).record["kind"]


def test_begin():
    moment = dt.datetime(2026, 11, 1, 15, tzinfo=dt.UTC)
    assert read(called_at="2026-11-01T10:00:00-05:00").called_at == moment
    assert read(called_at="2026-11-01T09:00:00", unix_time="").called_at == moment - dt.timedelta(
        hours=1
    )  # account's zone
    both = read(called_at="2026-11-01T09:00:00", unix_time=moment.timestamp())
    assert both.called_at == moment and both.record["unix_time"] == int(moment.timestamp())
    only = read(
        unix_time=None, start_time="2026-11-01T15:00:00Z", created_at="2026-11-02T15:00:00Z"
    )
    assert (
        only.called_at == moment
        and only.record["extra"] == {"created_at": "2026-11-02T15:00:00Z"}
        and "unix_time" not in only.record
    )


def test_shapes():
    assert read(emails="a@example.com; b@example.com").record["emails"] == [
        "a@example.com",
        "b@example.com",
    ]
    got = read(emails=[{"email": "a@example.com", "label": "home"}, "b@example.com"]).record
    assert got["emails"] == ["a@example.com", "b@example.com"] and got["extra"] == {
        "emails": [{"label": "home"}]
    }
    assert read(tag_list="hot, new").record["tag_list"] == ["hot", "new"] and read(
        tag_list=[{"name": "hot"}]
    ).record["tag_list"] == ["hot"]
    assert read(custom_fields='{"a": [1]}').record["custom_fields"] == {"a": [1]} and read(
        custom_fields=[1]
    ).record["custom_fields"] == [1]
    assert read(caller_number_split=["1", 555]).record["caller_number_split"] == ["1", "555"]
    assert read(form={"custom": {"Colour?": "red"}}).record["form"]["custom"] == [
        {"label": "Colour?", "value": "red"}
    ]
    assert read(form={"custom": [{"Colour?": "red"}, ["Size", 4], "x"]}).record["form"][
        "custom"
    ] == [
        {"label": "Colour?", "value": "red"},
        {"label": "Size", "value": 4},
        {"value": "x"},
    ]
    assert read(form_reactor={"name": "Zed"}).record["form"] == {"name": "Zed"} and read(
        agent="Zed"
    ).record["agent"] == {"name": "Zed"}
    assert (
        read(call_path=[{"route_name": "Zed", "started_at": "2026-11-01 10:00 AM -05:00"}, "x"])
        .record["call_path"][0]["started_at"]
        .hour
        == 15
    )
    chat = read(
        chat_messages=[
            {"author": "Zed", "body": "hi", "time": 1730000000, "mood": "glad"},
            {"role": "agent", "text": "yes"},
        ]
    ).record["chat_messages"]
    assert chat[0] == {
        "speaker": "Zed",
        "text": "hi",
        "sent_at": dt.datetime(2024, 10, 27, 3, 33, 20, tzinfo=dt.UTC),
        "extra": {"mood": "glad"},
    }
    assert chat[1] == {"speaker": "agent", "channel": 2, "text": "yes"}
    assert read(account={"id": 2, "name": "Zed"}, account_id=None).key == ("2", "1")


def test_state_columns_are_not_taken_from_input():
    got = read(
        redaction_mode="full",
        rank=5,
        run_id="x",
        redacted_fields=["name"],
        policy_sha256="p",
        redacted=True,
    ).record
    assert got["redacted"] is True and set(got["extra"]) == {
        "redaction_mode",
        "rank",
        "run_id",
        "redacted_fields",
        "policy_sha256",
    }
    assert "redacted" not in read(redacted=False).record and read(redacted="partly").record[
        "extra"
    ] == {"redacted": "partly"}


def test_no_name_overwrites_another():
    assert read(extra={"a": "given"}, a="own").record["extra"] == {
        "extra": {"a": "given"},
        "a": "own",
    }
    assert read(extra={"b": "given"}, a="own").record["extra"] == {"b": "given", "a": "own"}
    assert read(extra="text", a="own").record["extra"] == {"extra": "text", "a": "own"}
    assert read(outline=[{"text": "x", "extra": {"z": 1}, "z": 2}]).record["outline"][0][
        "extra"
    ] == {"z": 2, "extra": {"z": 1}}
    assert read(language="my name is Zed", direction="ask for Zed 5").record["extra"] == {
        "language": "my name is Zed",
        "direction": "ask for Zed 5",
    }


@pytest.mark.parametrize(
    ("members", "path", "reason"),
    [
        ({"id": "x" * 300}, "id", "out_of_range"),
        ({"id": "a\nb"}, "id", "control_character"),
        ({"id": 1.5}, "id", "wrong_type"),
        ({"updated_at": "soon"}, "updated_at", "bad_time"),
        (
            {"chat_messages": [{"text": "x", "sent_at": "soon"}]},
            "chat_messages[0].sent_at",
            "bad_time",
        ),
        ({"chat_messages": "x"}, "chat_messages", "wrong_type"),
        ({"agent": [1]}, "agent", "wrong_type"),
        ({"unix_time": 10**25}, "unix_time", "out_of_range"),
        ({"is_new_caller": "perhaps"}, "is_new_caller", "wrong_type"),
    ],
)
def test_faults(members, path, reason):
    with pytest.raises(FieldError) as caught:
        read(**members)
    assert (caught.value.path, caught.value.reason) == (path, reason)


def test_envelopes():
    (item,) = expand_document({"event": "end", "account_id": 4, "call": {"id": 1, "name": "Zed"}})
    assert (
        item.value == {"id": 1, "name": "Zed", "account_id": 4, "envelope": {"event": "end"}}
        and item.kind_hint == "call"
    )
    assert [
        i.kind_hint for i in expand_document({"texts": [{"id": 1}, {"message": {"id": 2}}]})
    ] == ["text", "text"]
    assert [i.value for i in expand_document({"form": {"name": "a"}, "account_id": 1})] == [
        {"form": {"name": "a"}, "account_id": 1}
    ]


words = st.text(
    st.characters(
        codec="utf-8", exclude_characters="\0,;[]{}", exclude_categories=("Cc", "Zs", "Zl", "Zp")
    ),
    min_size=1,
    max_size=6,
)
anything = st.recursive(
    words | st.integers(-9, 9) | st.none(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(words, v, max_size=3),
    max_leaves=8,
)
rows = st.lists(
    st.fixed_dictionaries(
        {"text": words},
        optional={
            "speaker": words,
            "mood": anything,
            "s": st.just(1),
            "words": st.lists(
                st.fixed_dictionaries({"word": words}, optional={"x": words}), max_size=2
            ),
        },
    ),
    min_size=1,
    max_size=3,
)
inputs = st.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "notes": anything,
        "custom_fields": anything,
        "outline": rows,
        "transcript": st.fixed_dictionaries(
            {}, optional={"outline": rows, "text": words, "odd": anything}
        ),
        "transcription_text": words,
        "transcription": words,
        "emails": words
        | st.lists(words | st.fixed_dictionaries({"email": words}, optional={"x": anything})),
        "tag_list": st.lists(words),
        "form": words
        | st.fixed_dictionaries(
            {},
            optional={
                "name": words,
                "custom": st.dictionaries(words, anything, max_size=3)
                | st.lists(anything, max_size=3),
                "odd": anything,
            },
        ),
        "chat_messages": st.lists(
            words
            | st.fixed_dictionaries({"body": words}, optional={"from": words, "odd": anything}),
            max_size=3,
        ),
        "call_path": words
        | st.lists(
            words | st.fixed_dictionaries({}, optional={"route_name": words, "odd": anything}),
            max_size=3,
        ),
        "extra": anything,
        "envelope": anything,
        "unknown": anything,
        "kind": words,
        "type": words,
        "language": words,
        "redacted_by": words,
        "agent": words,
        "form_reactor": anything,
        "caller_number_split": st.lists(words) | st.dictionaries(words, words, max_size=2),
    },
)


def leaves(value):
    if isinstance(value, dict):
        for v in value.values():
            yield from leaves(v)
    elif isinstance(value, list):
        for v in value:
            yield from leaves(v)
    elif isinstance(value, str):
        yield value


def keys(value):
    if isinstance(value, dict):
        for k, v in value.items():
            yield k
            yield from keys(v)
    elif isinstance(value, list):
        for v in value:
            yield from keys(v)


@settings(max_examples=400)
@given(inputs)
@example({"outline": [{"text": "0"}], "transcript": {"outline": [{"text": "0", "speaker": "3"}]}})
def test_every_text_of_the_input_is_in_the_record(members):
    got = read(**members).record
    kept = set(leaves(got)) | set(keys(got))
    flat = re.sub(r"[\W_]+", "", "".join(leaves(got)).casefold())
    for text in leaves({k: v for k, v in members.items() if k not in ("kind", "type", "language")}):
        assert text in kept or re.sub(r"[\W_]+", "", text.casefold()) in flat, text


@settings(max_examples=100)
@given(inputs)
def test_input_is_not_changed_and_the_answer_is_the_same(members):
    before = repr(members)
    assert read(**members) == read(**members) and repr(members) == before


@pytest.mark.parametrize("blank", ["", "  ", "NaN", "nan", "null", "None", "N/A", float("nan")])
def test_a_number_that_is_empty_or_nan_is_missing_and_noted(blank):
    raw = read(
        duration=blank, latitude=blank, talk_time=5, outline=[{"text": "hello", "s": blank, "e": 2}]
    )
    assert (
        "duration" not in raw.record
        and "latitude" not in raw.record
        and raw.record["talk_time"] == 5
    )
    assert raw.record["outline"][0]["e"] == 2.0 and "s" not in raw.record["outline"][0]
    assert sorted(set(raw.notes)) == ["missing.duration", "missing.latitude", "missing.outline.s"]


def test_nan_of_an_undeclared_member_costs_that_member_alone():
    raw = read(score=float("nan"), custom_fields={"a": float("nan"), "b": 1})
    assert "score" not in raw.record.get("extra", {}) and raw.record["custom_fields"]["b"] == 1
    assert len(raw.notes) == 2 and "missing.<undeclared>" in raw.notes


def test_a_time_without_a_zone_is_noted():
    assert (
        "local_times" in read(called_at="05/01/2013 11:48 PM", unix_time=None).notes
        and not read(called_at="2013-05-01T23:48:00Z").notes
    )
