"""Interactions: calls, texts, chats and forms, raw and redacted.

`RawInteraction` and `RedactedInteraction` are different types on purpose: the writers of the
redacted zone accept only the second, and only `callveil.transforms.redact` makes it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from callveil.schemas.fields import (
    EXTRA,
    Boolean,
    Field,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    TextOrJson,
    Timestamp,
    json_schema,
)
from callveil.schemas.json_types import JsonObject, RecordValues

KINDS = ("call", "text", "chat", "form")
MODES = ("none", "content", "full")
"""Redaction modes, weakest first. A record's mode never moves to the left."""

GROUPS = (
    "identity",
    "time",
    "flow",
    "flow_text",
    "caller",
    "content",
    "media",
    "form",
    "custom",
    "visitor",
    "staff",
    "state",
    "unknown",
)

SECONDS = Integer(0, 31_622_400)
TEXT, TIME, JSON = Text(), Timestamp(), Json()

OUTLINE = Struct(
    (
        Field("speaker", TEXT, "who speaks, as the platform names them"),
        Field("text", TEXT, "what was said", prose=True),
        Field("channel", Integer(0, 64), "1 external party, 2 business", personal=False),
        Field("s", Number(), "start, seconds from the beginning of the recording", personal=False),
        Field("e", Number(), "end, seconds", personal=False),
    )
)
WORD = Struct(
    (
        Field("word", TEXT, "one recognised word", prose=True),
        Field("s", Number(), "start, seconds", personal=False),
        Field("e", Number(), "end, seconds", personal=False),
        Field("channel", Integer(0, 64), "1 external party, 2 business", personal=False),
        Field("speaker", TEXT, "who speaks"),
        Field("confidence", Number(), "0 to 1, as the recogniser gave it", personal=False),
    )
)
CHAT_MESSAGE = Struct(
    (
        Field("id", TEXT, "message id"),
        Field("speaker", TEXT, "who wrote it: name or role"),
        Field("channel", Integer(0, 64), "1 external party, 2 business", personal=False),
        Field("text", TEXT, "what was written", prose=True),
        Field("sent_at", TIME, "when it was sent, UTC", personal=False),
    )
)
CALL_PATH = Struct(
    (
        Field("route_id", TEXT, "id of the menu, queue or person it went to", personal=False),
        Field("route_name", TEXT, "route name; may hold staff names and numbers", prose=True),
        Field("route_type", TEXT, "such as menu, queue or agent", personal=False),
        Field("started_at", TIME, "when the route began", personal=False),
    )
)
FORM_FIELD = Struct(
    (
        Field("id", TEXT, "field id"),
        Field("label", TEXT, "question shown"),
        Field("value", JSON, "answer; any JSON", prose=True),
    )
)
FORM = Struct(
    (
        Field("form_id", TEXT, "id of the form, the same for everybody", personal=False),
        Field("form_name", TEXT, "name of the form, as the company gave it", prose=True),
        Field("name", TEXT, "name given", entity="PERSON"),
        Field("email", TEXT, "e-mail given", entity="EMAIL_ADDRESS"),
        Field("number_to_call", TEXT, "number given", entity="PHONE_NUMBER"),
        Field(
            "customer_number_to_dial",
            TEXT,
            "number of the contact that is dialled",
            entity="PHONE_NUMBER",
        ),
        Field("trackback_id", TEXT, "id that ties the form to a visit", entity="ONLINE_ID"),
        Field("custom", ListOf(FORM_FIELD), "further questions and answers"),
    )
)
AGENT = Struct(
    (
        Field("id", TEXT, "the platform's id of the agent", entity="STAFF_ID"),
        Field("name", TEXT, "agent name", entity="PERSON"),
        Field("email", TEXT, "agent e-mail", entity="EMAIL_ADDRESS"),
        Field("uid", TEXT, "agent id, as a number", entity="STAFF_ID"),
        Field("first_name", TEXT, "agent's first name", entity="PERSON"),
        Field("last_name", TEXT, "agent's last name", entity="PERSON"),
        Field("role", TEXT, "role on the platform"),
        Field("status", TEXT, "whether the agent is available"),
        Field("inbound_number", TEXT, "number the agent is called on", entity="PHONE_NUMBER"),
        Field("outbound_number", JSON, "number the agent calls from"),
        Field("pic_url", TEXT, "address of the agent's picture", entity="MEDIA"),
    )
)


def _group(
    group: str, *fields: Field, personal: bool = True, lenient: bool = False
) -> tuple[Field, ...]:
    return tuple(
        replace(f, group=group, personal=f.personal and personal, lenient=lenient) for f in fields
    )


FURTHER: tuple[Field, ...] = (
    *_group(
        "flow",
        *(
            Field(f"receiving_number{s}", TEXT, "number that rang (the company's own)")
            for s in ("", "_id", "_sid", "_bare", "_complete", "_format")
        ),
        Field("tracking_number_sid", TEXT, "tracking number id"),
        Field("source_sid", TEXT, "tracking source id"),
        Field("source_tag", TEXT, "tag of the tracking source"),
        Field("tgid", TEXT, "target group id"),
        Field("parent_id", TEXT, "interaction this one belongs to"),
        Field("account_name", TEXT, "the company's own name"),
        *(
            Field(n, SECONDS, f"{n.replace('_', ' ')}, seconds", personal=False)
            for n in ("wait_time", "left_talk_time", "right_talk_time")
        ),
        Field("duration_period", JSON, "bounds of the duration, seconds"),
        Field("inbound_rate_center", JSON, "rate centre of the tracking number"),
        Field("likelihood", Number(), "likelihood that the source is right", personal=False),
        *(
            Field(n, Boolean(), d, personal=False)
            for n, d in (
                ("agent_insights", "agent insights are on"),
                ("excluded", "left out of reports"),
                ("is_s3_link", "the recording lies in a bucket of the company's own"),
                ("extended_lookup_on", "data about the contact was bought"),
                ("caller_number_blocked", "the contact hides the number"),
                ("voicemail", "a message was left"),
            )
        ),
        Field("spam", JSON, "whether, and how surely, it is spam"),
        *(
            Field(n, TEXT, d)
            for n, d in (
                ("billed_at", "when it was billed"),
                ("indexed_at", "when the platform indexed it, seconds since 1970"),
                ("timestamp", "when it began, as the platform's reports give it"),
                ("day", "day of the week"),
                ("month", "month it began in"),
                ("hour", "hour of the day"),
                ("chat_status", "status of the chat"),
                ("chat_type", "type of the chat"),
                ("sms_error_code", "why a text was not delivered"),
            )
        ),
        lenient=True,
    ),
    *_group("flow_text", Field("callbacks", JSON, "calls back", prose=True), lenient=True),
    *_group(
        "caller",
        Field("geo", JSON, "contact's latitude and longitude, degrees", entity="LOCATION"),
        Field("carrier", JSON, "bought data about the contact's number", entity="PERSON"),
        lenient=True,
    ),
    *_group(
        "content",
        Field("spotted", JSON, "words the platform looked for in the conversation", prose=True),
        Field("inputs", JSON, "keys pressed in menus"),
        lenient=True,
    ),
    *_group(
        "custom",
        Field("sale", JSON, "sale: score, value, notes, who sold", prose=True),
        lenient=True,
    ),
    *_group(
        "visitor",
        Field("visitor", Boolean(), "a web visit was matched", entity="VISITOR_DATA"),
        *(
            Field(n, k, d, entity=e)
            for n, k, d, e in (
                ("first_touch", TEXT, "first source", "VISITOR_DATA"),
                ("last_touch", TEXT, "last source", "VISITOR_DATA"),
                ("ad_match_type", TEXT, "how the keyword matched", "VISITOR_DATA"),
                ("ad_content", TEXT, "advertisement", "VISITOR_DATA"),
                ("ad_slot", TEXT, "place of the advertisement", "VISITOR_DATA"),
                ("ad_slot_position", TEXT, "place of the advertisement", "VISITOR_DATA"),
                ("ad_network", TEXT, "network of the advertisement", "VISITOR_DATA"),
                ("ad_format", TEXT, "format of the advertisement", "VISITOR_DATA"),
                ("ad_targeting_type", TEXT, "how the advertisement was aimed", "VISITOR_DATA"),
                ("adgroup_id", TEXT, "id of the group of advertisements", "ONLINE_ID"),
                ("keyword_id", TEXT, "id of the keyword that was bid on", "ONLINE_ID"),
                ("ubv", TEXT, "visitor's browser", "VISITOR_DATA"),
                ("ubp", TEXT, "visitor's system", "VISITOR_DATA"),
                ("ubvt", TEXT, "visitor's device", "VISITOR_DATA"),
                (
                    "paid",
                    JSON,
                    "the paid source: campaign, medium, keyword, advertisement",
                    "VISITOR_DATA",
                ),
                ("ga", JSON, "analytics ids of the visit", "ONLINE_ID"),
                ("ms", JSON, "ad click ids of the visit", "ONLINE_ID"),
            )
        ),
        lenient=True,
    ),
)
"""Fields that the platform's public clients show and earlier versions did not declare: a value of
another type than is declared here is no reason to reject a record that was read before.
"""

FIELDS: tuple[Field, ...] = (
    *_group(
        "identity",
        Field("id", TEXT, "interaction id (exceeds 32 bits), as text"),
        Field("sid", TEXT, "platform session id"),
        Field("account_id", TEXT, "account"),
        Field("agency_id", TEXT, "agency the account belongs to"),
        Field("kind", TEXT, "call, text, chat or form"),
        Field("direction", TEXT, "inbound or outbound"),
        Field("language", TEXT, "language of the conversation, ISO 639-1"),
        personal=False,
    ),
    *_group(
        "time",
        Field("called_at", TIME, "when it began, UTC"),
        Field("unix_time", Integer(0, 9_223_372_036), "when it began, seconds since 1970"),
        Field("updated_at", TIME, "when the platform last changed this snapshot, UTC"),
        personal=False,
    ),
    *_group(
        "flow",
        *(
            Field(n, SECONDS, f"{n.replace('_', ' ')}, seconds", personal=False)
            for n in ("duration", "talk_time", "ring_time", "hold_time")
        ),
        Field("status", TEXT, "how it stands or ended, in the platform's words"),
        Field("call_status", TEXT, "how the call stands or ended"),
        Field("dial_status", TEXT, "how dialling the business number ended"),
        *(
            Field(f"tracking_number{s}", TEXT, "tracking number dialled (the company's own)")
            for s in ("", "_id", "_bare", "_complete", "_format")
        ),
        Field("tracking_label", TEXT, "label of the tracking number"),
        *(
            Field(f"business_number{s}", TEXT, "number that rang (the company's own)")
            for s in ("", "_id", "_bare", "_complete", "_format")
        ),
        Field("business_label", TEXT, "label of the business number"),
        Field("source", TEXT, "tracking source"),
        Field("source_id", TEXT, "tracking source id", personal=False),
        Field("is_new_caller", Boolean(), "first contact from this number", personal=False),
        Field("billed_amount", Number(), "amount billed", personal=False),
    ),
    *_group(
        "flow_text",
        Field("call_path", ListOf(CALL_PATH), "routes the call took"),
        Field("transfers", JSON, "to whom it was passed on, as the platform lists it", prose=True),
        Field("legs", JSON, "its parts, as the platform lists them", prose=True),
    ),
    *_group(
        "caller",
        Field("name", TEXT, "contact's name", entity="PERSON"),
        Field("cnam", TEXT, "caller name as the carrier gave it", entity="PERSON"),
        *(
            Field(f"caller_number{s}", TEXT, "contact's number", entity="PHONE_NUMBER")
            for s in ("", "_bare", "_complete", "_format")
        ),
        Field("caller_number_split", ListOf(TEXT), "number in parts", entity="PHONE_NUMBER"),
        Field("contact_number", TEXT, "contact's number", entity="PHONE_NUMBER"),
        Field("alternative_number", TEXT, "another number of the contact", entity="PHONE_NUMBER"),
        Field("email", TEXT, "contact's e-mail", entity="EMAIL_ADDRESS"),
        Field("emails", ListOf(TEXT), "contact's e-mails", entity="EMAIL_ADDRESS"),
        Field("street", TEXT, "contact's street address", entity="ADDRESS"),
        Field("city", TEXT, "contact's city", entity="LOCATION"),
        Field("state", TEXT, "contact's state or region", entity="LOCATION"),
        Field("country", TEXT, "contact's country", entity="LOCATION"),
        Field("postal_code", TEXT, "contact's postcode", entity="ZIP_CODE"),
        Field("latitude", Number(), "contact's latitude, degrees", entity="LOCATION"),
        Field("longitude", Number(), "contact's longitude, degrees", entity="LOCATION"),
        Field("extended_lookup", JSON, "bought data about the contact", entity="PERSON"),
    ),
    *_group(
        "content",
        Field("transcription_text", TEXT, "flat transcript", prose=True),
        Field("outline", ListOf(OUTLINE), "transcript by turn"),
        Field("words", ListOf(WORD), "transcript by word, with times"),
        Field("summary", TEXT, "summary of the conversation, by the platform or staff", prose=True),
        Field("activity_analysis", JSON, "the platform's analysis of the conversation", prose=True),
        Field("notes", TextOrJson(), "notes of staff", prose=True),
        Field("message_body", TEXT, "text message", prose=True),
        Field("chat_messages", ListOf(CHAT_MESSAGE), "chat by message"),
    ),
    *_group(
        "media",
        Field("audio", TEXT, "URL or path of the recording", entity="MEDIA"),
        Field("transcription", TEXT, "URL or path of the transcript", entity="MEDIA"),
        Field("message_id", TEXT, "id of the message at its carrier", entity="MEDIA"),
        Field("message_media", ListOf(JSON), "pictures and files of a message", entity="MEDIA"),
    ),
    *_group("form", Field("form", FORM, "form as filled in")),
    *_group(
        "custom",
        Field("custom_fields", JSON, "fields the account defined", prose=True),
        Field("tag_list", ListOf(TEXT), "tags that staff or rules put on it", prose=True),
        Field("salesforce", JSON, "linked CRM record", prose=True),
    ),
    *_group(
        "visitor",
        Field("visitor_ip", TEXT, "visitor's address", entity="IP_ADDRESS"),
        Field("visitor_sid", TEXT, "id of the visitor's browser", entity="ONLINE_ID"),
        *(
            Field(n, TEXT, d, entity=e)
            for n, d, e in (
                ("search", "search words", "VISITOR_DATA"),
                ("referrer", "page they came from", "URL"),
                ("location", "page they called from", "URL"),
                ("last_location", "last page", "URL"),
                ("web_source", "web source, such as a search engine", "VISITOR_DATA"),
                ("medium", "medium of the visit, such as cpc or organic", "VISITOR_DATA"),
                ("campaign", "campaign the visit came from", "VISITOR_DATA"),
                ("keyword", "keyword that was bid on or searched", "VISITOR_DATA"),
                ("gclid", "ad click id", "ONLINE_ID"),
                ("fbclid", "ad click id", "ONLINE_ID"),
                ("msclkid", "ad click id", "ONLINE_ID"),
                ("ga_client_id", "analytics id", "ONLINE_ID"),
                ("ad_group_id", "id of the group of advertisements", "ONLINE_ID"),
                ("campaign_id", "id of the campaign", "ONLINE_ID"),
                ("creative_id", "id of the advertisement as shown", "ONLINE_ID"),
                ("ad_id", "id of the advertisement", "ONLINE_ID"),
            )
        ),
        Field("webvisit", JSON, "the web visit", entity="VISITOR_DATA"),
        Field("touchpoints", JSON, "earlier touchpoints", entity="VISITOR_DATA"),
    ),
    *_group(
        "staff",
        Field("agent_id", TEXT, "id of the agent who took it", entity="STAFF_ID"),
        Field("agent", AGENT, "agent who took it"),
    ),
    *FURTHER,
    *_group(
        "unknown",
        Field(
            EXTRA,
            JSON,
            "fields no declaration knows, kept and treated as personal data",
            entity="UNKNOWN_FIELD",
        ),
    ),
)
"""Every field of an interaction as sources give it, in column order."""

STATE: tuple[Field, ...] = _group(
    "state",
    Field("redacted", Boolean(), "the platform itself had redacted it, or callveil did"),
    Field("redaction_mode", TEXT, "none, content or full"),
    Field("redacted_at", TIME, "as_of of the run that redacted it, UTC"),
    Field("redacted_by", TEXT, "policy, or the person who asked"),
    Field("policy_sha256", TEXT, "policy that decided"),
    Field("redacted_fields", ListOf(TEXT), "top-level fields that were changed"),
    Field(
        "redacted_entities",
        ListOf(TEXT),
        "entity types that were redacted; later snapshots keep at least these",
    ),
    Field("account_type", TEXT, "account type when it happened"),
    Field(
        "rank",
        Integer(),
        "rank of the snapshot among those of its key; see transforms.ingest.snapshots",
    ),
    Field("run_id", TEXT, "run that wrote this row"),
    personal=False,
)

BY_NAME = {f.name: f for f in FIELDS}


class InteractionKey(NamedTuple):
    """Primary key of an interaction on the platform."""

    account_id: str
    id: str


@dataclass(frozen=True)
class SourceRef:
    """Where a record was read.

    Attributes:
        file: path or URL.
        line: 1-based line for line formats, else None.
        offset: byte offset in the (uncompressed) stream, or None.
        index: 0-based position in an API page or a Parquet file, or None.
    """

    file: str
    line: int | None = None
    offset: int | None = None
    index: int | None = None

    def __str__(self) -> str:
        parts = [self.file]
        for name, value in (("line", self.line), ("record", self.index), ("byte", self.offset)):
            if value is not None:
                parts.append(f"{name} {value}")
        return ", ".join(parts)


@dataclass(frozen=True)
class RawInteraction:
    """An interaction as its source gave it: unredacted, for memory and the encrypted spool only.

    Attributes:
        key: account and id.
        kind: call, text, chat or form.
        called_at: when it began, UTC.
        rank: order among snapshots of the same key; higher wins.
        record: values by declared name, coerced (`schemas.fields.coerce_members` over `FIELDS`).
        source: where it was read.
        notes: names under which its reading is counted: `missing.<field>` for a number that was NaN
            or empty, `local_times` for a time without a zone.
    """

    key: InteractionKey
    kind: str
    called_at: dt.datetime
    rank: int
    record: RecordValues = field(repr=False)
    source: SourceRef
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def day(self) -> str:
        """UTC day, `YYYY-MM-DD`; the partition."""
        return self.called_at.date().isoformat()


@dataclass(frozen=True)
class RedactedInteraction:
    """An interaction after redaction. Only `callveil.transforms.redact` makes one.

    Attributes:
        key, kind, called_at, rank: as in the raw interaction.
        account_type: type of the account when it happened; the partition.
        mode: none, content or full.
        record: values by declared name, with the `STATE` columns set.
    """

    key: InteractionKey
    kind: str
    called_at: dt.datetime
    rank: int
    account_type: str
    mode: str
    record: RecordValues = field(repr=False)

    @property
    def day(self) -> str:
        """UTC day, `YYYY-MM-DD`; the partition."""
        return self.called_at.date().isoformat()


def published_json_schema() -> JsonObject:
    """JSON Schema of an interaction as sources give it."""
    return json_schema(
        "Interaction",
        FIELDS,
        ("account_id", "id", "called_at"),
        "A call, text, chat or form. Undeclared fields are kept and treated as personal data.",
    )
