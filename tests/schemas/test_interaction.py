"""Interactions: every field the domain knows is declared, in its group, and published."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from callveil.schemas.arrow import RAW_INTERACTION_SCHEMA, REDACTED_INTERACTION_SCHEMA, arrow_type
from callveil.schemas.entities import ENTITIES, NAME
from callveil.schemas.fields import EXTRA
from callveil.schemas.interaction import (
    BY_NAME,
    FIELDS,
    GROUPS,
    KINDS,
    MODES,
    STATE,
    InteractionKey,
    RawInteraction,
    RedactedInteraction,
    SourceRef,
    published_json_schema,
)
from callveil.schemas.rules import FULL_TREATMENTS, GROUP_DEFAULTS, Rules

NUMBER_FORMS = ("", "_id", "_bare", "_complete", "_format")
TABLE = {
    "identity": "id sid account_id agency_id kind direction",
    "time": "called_at unix_time",
    "flow": "duration talk_time ring_time hold_time status call_status dial_status tracking_label "
    "business_label source source_id "
    "is_new_caller billed_amount "
    + " ".join(f"{n}{s}" for n in ("tracking_number", "business_number") for s in NUMBER_FORMS),
    "flow_text": "call_path transfers legs",
    "caller": "name cnam caller_number caller_number_bare caller_number_complete "
    "caller_number_format caller_number_split contact_number "
    "alternative_number email emails street city state country postal_code latitude longitude "
    "extended_lookup",
    "content": "transcription_text outline words summary activity_analysis notes message_body "
    "chat_messages",
    "media": "audio transcription message_id message_media",
    "form": "form",
    "custom": "custom_fields tag_list salesforce",
    "visitor": "visitor_ip visitor_sid search referrer location last_location web_source medium "
    "campaign keyword "
    "gclid fbclid msclkid webvisit touchpoints",
    "staff": "agent_id agent",
    "unknown": EXTRA,
}
"""Fields of call-tracking platforms by what full redaction does with them."""

STATES = "redacted redaction_mode redacted_at redacted_by policy_sha256 redacted_fields"
MEMBERS = {
    "outline": "speaker text channel s e",
    "words": "word s e",
    "call_path": "route_id route_name route_type started_at",
    "form": "form_id form_name name email number_to_call custom",
    "agent": "id name email",
}


@pytest.mark.parametrize("group", sorted(TABLE))
def test_every_field_of_the_domain_is_declared_in_its_group(group: str) -> None:
    assert not [name for name in TABLE[group].split() if BY_NAME[name].group != group]


def test_nothing_is_declared_twice_or_without_a_group() -> None:
    names = [f.name for f in FIELDS + STATE]
    assert len(names) == len(set(names)) and {f.group for f in FIELDS + STATE} == set(GROUPS)
    assert set(STATES.split()) <= {f.name for f in STATE}
    assert all(f.doc for f in FIELDS + STATE)


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_nested_members(name: str) -> None:
    kind = arrow_type(BY_NAME[name].type)
    struct = kind.value_type if pa.types.is_list(kind) else kind
    assert {struct.field(i).name for i in range(struct.num_fields)} >= {
        *MEMBERS[name].split(),
        EXTRA,
    }


def test_every_group_has_its_treatments() -> None:
    assert set(GROUP_DEFAULTS) == set(GROUPS) and set(FULL_TREATMENTS) <= set(GROUPS)
    rules = Rules()
    for field in FIELDS:
        full = rules.treatment(field, "full")
        want = {"caller", "content", "media", "form", "custom", "visitor", "unknown"}
        assert (full == "clear") is (field.group in want), field.name
        assert rules.treatment(field, "none") == "keep"


def test_what_is_personal_by_nature_has_a_type_that_exists() -> None:
    assert {f.entity for f in FIELDS if f.entity} <= set(ENTITIES)
    assert all(f.entity or f.group not in ("caller", "media", "visitor") for f in FIELDS)
    assert all(NAME.fullmatch(e) and text for e, text in ENTITIES.items())
    assert not [f.name for f in FIELDS if f.entity and not f.personal]


def test_arrow_and_json_schema_agree_with_the_fields() -> None:
    assert RAW_INTERACTION_SCHEMA.names == [
        f.name for f in FIELDS
    ] and REDACTED_INTERACTION_SCHEMA.names == [f.name for f in FIELDS + STATE]
    published = published_json_schema()
    assert (
        list(published["properties"]) == RAW_INTERACTION_SCHEMA.names
        and json.loads(json.dumps(published)) == published
    )
    assert set(published["required"]) <= set(published["properties"])


def test_raw_and_redacted_are_different_and_show_no_content() -> None:
    import datetime as dt

    when = dt.datetime(2026, 3, 1, 23, 59, 59, tzinfo=dt.UTC)
    raw = RawInteraction(
        InteractionKey("1", "2"),
        "call",
        when,
        1,
        {"name": "Zofia"},
        SourceRef("f", line=3, offset=9),
    )
    redacted = RedactedInteraction(
        raw.key, "call", when, 1, "individual", "full", {"name": "Zofia"}
    )
    assert not isinstance(raw, RedactedInteraction) and not isinstance(redacted, RawInteraction)
    assert "Zofia" not in repr(raw) + repr(redacted)
    assert raw.day == redacted.day == "2026-03-01" and str(raw.source) == "f, line 3, byte 9"
    assert MODES == ("none", "content", "full") and set(KINDS) == {"call", "text", "chat", "form"}
