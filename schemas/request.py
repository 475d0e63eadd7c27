"""Manual redaction requests: what a person asked to have redacted, and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass

import msgspec
import orjson

from callveil.schemas.fields import Field, Integer, Number, Text, Timestamp
from callveil.schemas.interaction import InteractionKey

SCOPES = ("all", "field", "span", "time")
BASES = ("source", "stored")
TRIGGERS = ("manual", "subject_request")

_T, _I, _N = Text(), Integer(), Number()

FIELDS: tuple[Field, ...] = tuple(
    Field(name, kind, doc, personal=name in ("reason", "actor"))
    for name, kind, doc in (
        ("request_id", _T, "id of the request; a digest of its content where none is given"),
        ("account_id", _T, "account of the interaction"),
        ("interaction_id", _T, "interaction"),
        ("scope", _T, "all, field, span or time"),
        ("field", _T, "declared path, such as notes or outline[3].text; for scopes field and span"),
        ("start", _I, "start of the span, code points"),
        ("end", _I, "end of the span, exclusive"),
        (
            "from_s",
            _N,
            "start of the stretch, seconds from the beginning of the recording; for scope time",
        ),
        ("to_s", _N, "end of the stretch, seconds"),
        (
            "channel",
            Integer(0, 64),
            "only this channel: 1 external party, 2 business; for scope time",
        ),
        ("basis", _T, "which text the span counts in: source or stored"),
        ("reason", _T, "why; stored as a reversible token, since a free text may name people"),
        ("actor", _T, "who asked"),
        ("requested_at", Timestamp(), "when, UTC"),
        ("trigger", _T, "manual or subject_request"),
    )
)


@dataclass(frozen=True, order=True, slots=True)
class RedactionRequest:
    """One request to redact, by a person.

    Attributes:
        request_id: id of the request.
        account_id, interaction_id: the interaction.
        scope: `all` of it (full redaction), one `field`, a `span` of a text field, or a stretch of
            `time` of the recording and its transcript.
        reason, actor: why, and who asked; both are required, for the report.
        field: declared path; None for `all` and `time`.
        start, end: half-open, code points of the field's text; for `span`.
        from_s, to_s: half-open, seconds from the beginning of the recording; for `time`.
        channel: 1 external party, 2 business, None both; for `time`.
        basis: whether a span counts in the `source` text or in the `stored` (redacted) one.
        requested_at: when, UTC; None where not told.
        trigger: `manual`, or `subject_request` where a data subject asked.
        text_digest: keyed digest of the text a span was first applied to, set by redaction and
            never read from a file; empty until then.
    """

    request_id: str
    account_id: str
    interaction_id: str
    scope: str
    reason: str
    actor: str
    field: str | None = None
    start: int | None = None
    end: int | None = None
    from_s: float | None = None
    to_s: float | None = None
    channel: int | None = None
    basis: str = "source"
    requested_at: dt.datetime | None = None
    trigger: str = "manual"
    text_digest: str = ""

    @property
    def key(self) -> InteractionKey:
        """The interaction it names."""
        return InteractionKey(self.account_id, self.interaction_id)


def encode_request(request: RedactionRequest) -> str:
    """JSON text of a request; equal requests have equal texts."""
    return orjson.dumps(
        {k: v for k, v in asdict(request).items() if v is not None}, option=orjson.OPT_SORT_KEYS
    ).decode()


def decode_request(text: str) -> RedactionRequest:
    """Return the inverse of `encode_request`. Raises ValueError for any other text."""
    return msgspec.json.decode(text, type=RedactionRequest)
