"""Labelled conversations: reading them, and running detection over them the way the job does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from callveil.schemas.errors import UserError
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import Policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.conversation import AGENT, CALLER
from callveil.transforms.detect.decision import RedactionDecision
from callveil.transforms.detect.detection_result import DetectionJob, DetectionResult
from callveil.transforms.detect.document import role_of
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.propagation import DETECTOR as CONSISTENCY
from callveil.transforms.detect.resolve import accept_findings, merge_spans

CHANNELS = {CALLER: 1, AGENT: 2}
ACCOUNT = "evaluation"
BEGAN = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""Labelled conversations carry no time, and detection reads none; a record needs one all the same.
"""
BATCH = 64
"""Conversations analysed at once; also the most that are held in memory."""

SCORED_AS = {
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "IP_ADDRESS": "IP",
    "ORGANIZATION": "ORG",
    "GPE": "LOCATION",
    "DATE_TIME": "DATE",
    "NAME": "PERSON",
    "DOB": "DATE_OF_BIRTH",
    "STREET_ADDRESS": "ADDRESS",
    "ZIP_CODE": "ZIP",
    "POSTCODE": "ZIP",
    "UK_POSTCODE": "ZIP",
    "US_SSN": "SSN",
    "US_ITIN": "SSN",
    "UK_NINO": "SSN",
    "IBAN_CODE": "IBAN",
    "US_BANK_NUMBER": "ACCOUNT_ID",
    "US_DRIVER_LICENSE": "ID",
    "US_PASSPORT": "ID",
    "US_MBI": "ID",
    "US_NPI": "ID",
    "MEDICAL_LICENSE": "ID",
    "UK_NHS": "ID",
    "UK_PASSPORT": "ID",
    "UK_VEHICLE_REGISTRATION": "ID",
    "UK_DRIVING_LICENCE": "ID",
}
"""Entity types as labelled sets name them, so that predictions and labels can be compared. Types
not named here stand for themselves.
"""


class GoldError(UserError, ValueError):
    """A file of labelled conversations cannot be used; the text names file, line and field and
    quotes nothing of it.
    """


@dataclass(frozen=True, slots=True)
class GoldLabel:
    """A labelled span: turn number, half-open code points in that turn's text, normalised type.

    `weak` labels are ignored, and `by` tells labels a pattern added (`regex`) from those the
    publisher gave.
    """

    turn: int
    start: int
    end: int
    type: str
    weak: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class GoldRow:
    """One labelled conversation.

    Attributes:
        id: unique in its file.
        file, line: where it stands.
        turns: (speaker, text), in order.
        labels: what is to be found.
        complete: normalised types that are labelled exhaustively, so that precision can be judged
            for them.
        language: ISO 639-1, or empty.
    """

    id: str
    file: str
    line: int
    turns: tuple[tuple[str, str], ...]
    labels: tuple[GoldLabel, ...]
    complete: frozenset[str] = frozenset()
    language: str = ""

    @property
    def words(self) -> int:
        """Words of all turns."""
        return sum(len(text.split()) for _, text in self.turns)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A span detection would replace, in the offsets of the original turn."""

    turn: int
    start: int
    end: int
    type: str
    score: float
    detector: str = ""

    def as_dict(self) -> JsonObject:
        """Return the form in which predictions are exchanged."""
        return {
            "turn": self.turn,
            "start": self.start,
            "end": self.end,
            "type": self.type,
            "score": round(self.score, 4),
        }


def normalize_type(entity: str) -> str:
    """Return the name under which an entity type is compared."""
    return SCORED_AS.get(entity, entity)


def read_gold(path: Path, limit: int | None = None) -> Iterator[GoldRow]:
    """Labelled conversations of one JSON-lines file, in order; blank lines are passed over.

    A row is `{"id", "turns": [{"speaker", "text"}], "spans": [{"turn", "start", "end", "type"}],
    "metadata"}`; `metadata` may hold `complete_types` and `language`.

    Args:
        path: the file.
        limit: rows at most.

    Raises `GoldError` for a file that cannot be opened and for the first row that is not of this
    form.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise GoldError(f"{path}: cannot be opened ({error.strerror})") from None
    seen: dict[str, int] = {}
    with source:
        for number, line in islice(
            ((n, text) for n, text in enumerate(source, 1) if text.strip()), limit
        ):
            place = f"{path}:{number}"
            try:
                row = orjson.loads(line)
            except ValueError:
                raise GoldError(
                    f"{place}: not a JSON line; the file must hold one conversation per line, in "
                    "UTF-8"
                ) from None
            made = _row(row, str(path), number, place)
            if made.id in seen:
                raise GoldError(
                    f"{place}: id: line {seen[made.id]} has the same; predictions are matched by "
                    "id, so give each row its own"
                )
            seen[made.id] = number
            yield made


def _row(row: Any, file: str, number: int, place: str) -> GoldRow:
    if not isinstance(row, dict):
        raise GoldError(f"{place}: expected an object with id, turns and spans")
    if not isinstance(row.get("id"), str | int) or isinstance(row["id"], bool) or row["id"] == "":
        raise GoldError(f"{place}: id: expected a text or a whole number")
    turns = row.get("turns")
    if not isinstance(turns, list) or not all(
        isinstance(t, dict) and isinstance(t.get("text"), str) for t in turns
    ):
        raise GoldError(f"{place}: turns: expected a list of objects with a text")
    texts = tuple((str(t.get("speaker") or ""), t["text"]) for t in turns)
    spans = row.get("spans")
    if not isinstance(spans, list):
        raise GoldError(
            f"{place}: spans: expected a list (an empty one where nothing is to be found)"
        )
    labels = tuple(_label(span, texts, f"{place}: spans[{i}]") for i, span in enumerate(spans))
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise GoldError(f"{place}: metadata: expected an object")
    complete = metadata.get("complete_types") or []
    if not isinstance(complete, list) or not all(isinstance(t, str) for t in complete):
        raise GoldError(f"{place}: metadata.complete_types: expected a list of types")
    return GoldRow(
        str(row["id"]),
        file,
        number,
        texts,
        labels,
        frozenset(map(normalize_type, complete)),
        str(metadata.get("language") or ""),
    )


def _label(span: Any, turns: Sequence[tuple[str, str]], place: str) -> GoldLabel:
    if not isinstance(span, dict):
        raise GoldError(f"{place}: expected an object with turn, start, end and type")
    for name in ("turn", "start", "end"):
        if not isinstance(span.get(name), int) or isinstance(span[name], bool):
            raise GoldError(f"{place}.{name}: expected a whole number")
    if not isinstance(span.get("type"), str) or not span["type"]:
        raise GoldError(f"{place}.type: expected a text")
    turn, start, end = span["turn"], span["start"], span["end"]
    if not 0 <= turn < len(turns):
        raise GoldError(f"{place}.turn: there are {len(turns)} turns; the first is 0")
    if not 0 <= start < end <= len(turns[turn][1]):
        size = len(turns[turn][1])
        raise GoldError(
            f"{place}: {start} to {end} is no piece of a turn of {size} characters; offsets count "
            "characters of the turn, not bytes"
        )
    return GoldLabel(
        turn,
        start,
        end,
        normalize_type(span["type"]),
        bool(span.get("weak")),
        str(span.get("by") or ""),
    )


def as_job(row: GoldRow, policy: Policy, detector: Detector) -> DetectionJob:
    """Return a row as the job would meet it: a call with an outline and nothing known of the
    contact, redacted in content mode.

    Raises `GoldError` where the policy does not read the row's language: there is nothing to
    measure then.
    """
    language = detector.language_of(row.language or None)
    if language is None:
        raise GoldError(
            f"{row.file}:{row.line}: metadata.language: the policy reads "
            f"{', '.join(policy.detect.languages)} only (detect.languages)"
        )
    outline = []
    for speaker, text in row.turns:
        turn: JsonObject = {
            "speaker": speaker,
            "text": text,
            "channel": CHANNELS.get(role_of(speaker, None)),
        }
        outline.append({k: v for k, v in turn.items() if v is not None})
    record = {"id": row.id, "account_id": ACCOUNT, "kind": "call", "outline": outline}
    raw = RawInteraction(
        InteractionKey(ACCOUNT, row.id), "call", BEGAN, 0, record, SourceRef(row.file, row.line)
    )
    return DetectionJob(
        raw,
        RedactionDecision(
            policy.rules(ACCOUNT, "unknown", "call", language), "content", "auto", language
        ),
        "unknown",
    )


def predictions_of(detected: DetectionResult) -> list[Prediction]:
    """Return what the job would replace in the turns of a conversation, in order of place.

    Where a mention of something found elsewhere names a stretch, the strongest recognizer that
    found the same type there by itself gets the credit.
    """
    out: list[Prediction] = []
    rules, floor = detected.job.decision.rules, detected.job.decision.floor
    for reading, found in zip(detected.readings, detected.spans, strict=True):
        redact, _ = accept_findings(reading.view.text, found, rules, floor)
        own = sorted(
            (s for s in redact if s.detector != CONSISTENCY),
            key=lambda s: (s.start, -s.score, s.end, s.detector),
        )
        for span in merge_spans(redact):
            detector = span.detector
            if detector == CONSISTENCY:
                within = (
                    s for s in own if s.entity == span.entity and span.start <= s.start < span.end
                )
                detector = max(within, key=lambda s: s.score, default=span).detector
            for leaf, piece in reading.split([span]):
                if leaf.path[0] == "outline" and leaf.path[-1] == "text":
                    out.append(
                        Prediction(
                            int(leaf.path[1]),
                            piece.start,
                            piece.end,
                            piece.entity,
                            piece.score,
                            detector,
                        )
                    )
    return sorted(out, key=lambda p: (p.turn, p.start, p.end))


def predict_rows(
    detector: Detector, policy: Policy, rows: Iterator[GoldRow]
) -> Iterator[tuple[GoldRow, list[Prediction] | None]]:
    """Run detection over labelled conversations, `BATCH` at a time.

    Yields: each row with its predictions, or with None where the job would have rejected the
        record.
    """
    while batch := list(islice(rows, BATCH)):
        for row, item in zip(
            batch,
            detect_batch(detector, [as_job(row, policy, detector) for row in batch]),
            strict=True,
        ):
            yield row, None if isinstance(item, Rejected) else predictions_of(item)
