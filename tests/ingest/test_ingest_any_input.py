"""Any bytes and any shape of record give records or reasons."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.interaction import RawInteraction, SourceRef
from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import Rejected
from callveil.transforms.ingest.read import read_record
from callveil.transforms.storage.files.strict_json import (
    FieldError,
    inspect_record,
    load_json,
    peek_key,
)

LIMITS = InputLimits()
SOURCE = SourceRef("calls.jsonl", 1, 0)


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=40).map(
            lambda b: b'{"id":1,"account_id":2,"unix_time":5,"x":"' + b + b'"}'
        ),
    )
)
def test_any_bytes_give_records_or_reasons(raw):
    for item in read_record(raw, SOURCE, LIMITS):
        assert isinstance(item, RawInteraction | Rejected)
        assert isinstance(item, RawInteraction) or item.reason != "internal_error"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "s", "words", "outline", "results", "items", "id", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


MEMBERS = (
    "outline",
    "words",
    "transcript",
    "transcription",
    "transcription_text",
    "form",
    "emails",
    "tag_list",
    "custom_fields",
    "chat_messages",
    "call_path",
    "agent",
    "duration",
    "called_at",
    "updated_at",
    "redacted",
    "kind",
    "type",
    "language",
    "direction",
    "extra",
    "account",
    "notes",
    "status",
    "rank",
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(MEMBERS), json_values, max_size=5))
def test_any_shape_gives_a_record_or_a_reason(members):
    raw = (
        orjson.dumps(
            {"id": 1, "account_id": 2, "unix_time": 1730000000, **members},
            option=orjson.OPT_PASSTHROUGH_SUBCLASS,
        )
        if _fits(members)
        else b"{}"
    )
    for item in read_record(raw, SOURCE, LIMITS):
        assert isinstance(item, RawInteraction) or item.reason != "internal_error", item.detail


def _fits(value):
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def test_peek_key_reads_only_the_records_own_ids():
    assert peek_key(b'{"agent":{"id":5},"account_id":"9","id":12,') == ("9", "12")
    assert peek_key(b'{"call":{"id":3,"account_id":4', frozenset(("call",))) == ("4", "3")
    assert peek_key(b'{"form":{"id":3}}') == ("", "")
    assert peek_key(b'{"id":"has space","account_id":null') == ("", "")
    assert peek_key(b"\xff\xfe[[[") == ("", "")


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("NaN", "NaN is not JSON"),
        ("Infinity", "Infinity and -Infinity are not JSON"),
        ("-Infinity", "Infinity and -Infinity are not JSON"),
    ],
)
def test_what_is_no_json_is_named_alone(value: str, detail: str) -> None:
    with pytest.raises(FieldError) as refused:
        inspect_record(load_json(b'{"latitude": %s}' % value.encode()), InputLimits())
    assert refused.value.detail == detail
