"""One interaction as detection reads it: the conversation, its copies, and the other fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.align import TextAlignment, align_texts, role_labels, speaker_labels
from callveil.transforms.detect.conversation import AGENT, CALLER, UNKNOWN, Turn, View
from callveil.transforms.detect.normalized_text import (
    NormalizedText,
    normalize_text,
    other_readings,
)
from callveil.transforms.detect.parts import (
    caption_speakers,
    is_split_number,
    json_literals,
    parts_of,
)
from callveil.transforms.detect.text_fields import ROLE_WORDS, Leaf

CONVERSATIONS = ("outline", "chat_messages", "words", "transcription_text", "message_body")
"""Fields that hold the conversation, best first: the first one present is read, the others are
copies of it.
"""
FLAT = ("transcription_text", "message_body")
"""Those of them that are one text."""
SEVERAL = 3
"""So many turns of one speaker and none of another are a conversation whose other side is missing.
"""


@dataclass(slots=True, unsafe_hash=True)  # see schemas.finding
class Segment:
    """Where a leaf, or a part of one, stands in a view.

    Attributes:
        leaf: the leaf.
        start: place in the view.
        text: what stands there, with the way back to the leaf's own offsets; of a key with `_` read
            as a space.
        key: the key as it is written, where it is one, of the record or of JSON that is written as
            a text; else empty.
    """

    leaf: Leaf
    start: int
    text: NormalizedText
    key: str = ""

    @property
    def end(self) -> int:
        """End in the view, exclusive."""
        return self.start + len(self.text.text)


@dataclass
class InteractionDocument:
    """A view, where its pieces come from, and whether it needs the language model or lies exactly
    over another one.

    Attributes:
        name: conversation, fields, or the field that is a copy of the conversation.
        copy: how the conversation's text lines up with this one, for copies.
        labels: places of speaker labels in a flat text that name a role and so nobody.
    """

    name: str
    view: View
    segments: list[Segment] = field(repr=False)
    copy: TextAlignment | None = None
    labels: list[tuple[int, int]] = field(default_factory=list)

    @property
    def analysed(self) -> bool:
        """Tell whether this view is analysed by itself; an exact copy takes its spans from the
        conversation.
        """
        return self.copy is None or not self.copy.exact

    def split(self, spans: list[TextSpan]) -> list[tuple[Leaf, TextSpan]]:
        """Cut the view's spans at leaf borders and give each piece in its leaf's own offsets."""
        out: list[tuple[Leaf, TextSpan]] = []
        ordered = sorted(spans, key=lambda s: (s.start, s.end))
        first = 0
        for segment in self.segments:
            while first < len(ordered) and ordered[first].end <= segment.start:
                first += 1
            for place in range(first, len(ordered)):
                span = ordered[place]
                if span.start >= segment.end:
                    break
                lo, hi = max(span.start, segment.start), min(span.end, segment.end)
                if lo < hi:
                    start, end = segment.text.source(lo - segment.start, hi - segment.start)
                    out.append((segment.leaf, replace(span, start=start, end=end)))
        return out


@dataclass
class DocumentSet:
    """The readings of one interaction.

    Args:
        leaves: the leaves to scan, as `leaves.walk` gives them.
        roles: role of each turn, message and word; see `roles_of`.
        done: pattern of placeholders that stand in the texts already; see `detect.placeholders`.
        voices: who speaks in each field; see `speakers_of`.
        one_party: when a conversation counts as one side's only; see `schemas.policy.Detect`.
    """

    leaves: list[Leaf]
    roles: dict[tuple[str, int], str]
    done: re.Pattern[str] | None = None
    voices: dict[str, frozenset[str]] = field(default_factory=dict)
    one_party: str = "seen"

    @cached_property
    def readings(self) -> list[InteractionDocument]:
        """The conversation first (where there is one), then its copies, then the other fields."""
        spoken: dict[str, list[Leaf]] = {}
        rest: list[Leaf] = []
        for leaf in self.leaves:
            source = leaf.path[0]
            talk = source in CONVERSATIONS and leaf.prose and leaf.field.name == source
            if talk and not (source in FLAT and json_literals(leaf.text)):
                spoken.setdefault(str(source), []).append(leaf)
            elif not _is_role(leaf):
                rest.append(leaf)
        out: list[InteractionDocument] = []
        labels = (leaf.text for leaf in self.leaves if leaf.path[-1] == "speaker")
        speakers = frozenset(normalize_text(label).text.lower() for label in labels)
        for source in CONVERSATIONS:
            if source not in spoken:
                continue
            reading = self._conversation(source, spoken[source], speakers)
            # A text message beside a call's transcript is another conversation; everything else
            # repeats the first.
            if out:
                reading.copy = align_texts(out[0].view.text, reading.view.text, speakers, self.done)
                reading.name = source
            out.append(reading)
        if rest:
            out.append(_fields(rest, self.done))
        for reading in out:
            others = {
                (segment.start + start, segment.start + end, text)
                for segment in reading.segments
                for start, end, text in other_readings(segment.text, segment.leaf.text)
            }
            if others:
                reading.view = replace(reading.view, others=tuple(sorted(others)))
        return out

    def _conversation(
        self, source: str, leaves: list[Leaf], speakers: frozenset[str]
    ) -> InteractionDocument:
        if source in FLAT:
            text, segments = _lines_of(leaves[0], self.done)
            speakers |= caption_speakers(leaves[0].text)
            turns = _flat_turns(text, speakers)
            named = frozenset(
                text[a:b].strip(" \t:>-").lower() for a, b in speaker_labels(text, speakers)
            )
            view = View(text, turns, one_party=self._one_sided(turns, named))
            return InteractionDocument(
                "conversation", view, segments, labels=role_labels(text, speakers)
            )
        lines, segments, last = _Lines(), [], None
        for leaf in leaves:
            role = self.roles.get((source, int(leaf.path[1])), UNKNOWN)
            read = normalize_text(leaf.text, self.done)
            # Words of one speaker run on in a line; everything else is a turn of its own.
            place = lines.add(read.text, role, source == "words" and role == last)
            segments.append(Segment(leaf, place, read))
            last = role
        turns = tuple(lines.turns)
        one_party = self._one_sided(turns, self.voices.get(source, frozenset()))
        return InteractionDocument(
            "conversation", View("".join(lines.parts), turns, one_party=one_party), segments
        )

    def _one_sided(self, turns: tuple[Turn, ...], voices: frozenset[str]) -> bool:
        """Tell whether one side of a conversation is missing, by the policy or by who speaks.

        One text is no conversation, and where nobody says who speaks both may.
        """
        seen = len(turns) >= SEVERAL and len(voices) == 1 and "" not in voices
        return len(turns) > 1 and (
            self.one_party == "always" or (self.one_party == "seen" and seen)
        )


def _is_role(leaf: Leaf) -> bool:
    """Tell whether a leaf is a speaker's label that names a role: a language model would read it as
    a name, line after line.
    """
    return (
        leaf.path[-1] == "speaker"
        and not leaf.entity
        and leaf.field.name in CONVERSATIONS
        and ROLE_WORDS.fullmatch(leaf.text) is not None
    )


def _lines_of(leaf: Leaf, done: re.Pattern[str] | None) -> tuple[str, list[Segment]]:
    """Return what is read of a flat transcript: the text, or of captions the cues, a line each."""
    segments: list[Segment] = []
    for part in parts_of(leaf.text, done):
        segments.append(Segment(leaf, segments[-1].end + 1 if segments else 0, part.text))
    return "\n".join(s.text.text for s in segments), segments


def _flat_turns(text: str, speakers: frozenset[str]) -> tuple[Turn, ...]:
    """Return turns of a flat transcript whose lines begin with a speaker's label."""
    labels = speaker_labels(text, speakers)
    turns = []
    for i, (start, end) in enumerate(labels):
        stop = labels[i + 1][0] if i + 1 < len(labels) else len(text)
        body = text[end:stop].rstrip()
        if body:
            turns.append(
                Turn(end, end + len(body), role_of(text[start:end].strip(" \t:>-").lower(), None))
            )
    return tuple(turns)


def _spaced(text: str, done: re.Pattern[str] | None) -> str:
    """Return a key as a question: `_` read as a space, but not within placeholders, which would be
    none then.
    """
    if done is None or "_" not in text:
        return text.replace("_", " ")
    out, place = [], 0
    for match in done.finditer(text):
        out += [text[place : match.start()].replace("_", " "), match.group()]
        place = match.end()
    return "".join([*out, text[place:].replace("_", " ")])


class _Lines:
    """A view in the making: texts in a line each."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.turns: list[Turn] = []
        self.place = 0

    def add(self, text: str, role: str, run_on: bool = False) -> int:
        """Append a text, in the line of the one before it where it runs on; returns its place."""
        start = self.place + 1 if self.parts else 0
        self.place = start + len(text)
        if self.parts:
            self.parts.append(" " if run_on else "\n")
        self.parts.append(text)
        if run_on:
            self.turns[-1] = replace(self.turns[-1], end=self.place)
        else:
            self.turns.append(Turn(start, self.place, role))
        return start


def _fields(leaves: list[Leaf], done: re.Pattern[str] | None) -> InteractionDocument:
    """Return all other leaves in one text, a line each. A key or a form's question reads as the
    business asking, its value as the answer.
    """
    lines = _Lines()
    segments: list[Segment] = []
    seen: dict[str, int] = {}
    previous: Leaf | None = None
    grouped = _grouped(leaves)
    for n, leaf in enumerate(leaves):
        answer = (
            previous is not None
            and not leaf.key
            and (
                previous.path == leaf.path
                or (previous.path[:-1] == leaf.path[:-1] and previous.path[-1] == "label")
            )
        )
        question = leaf.key or leaf.path[-1] == "label"
        pieces = parts_of(leaf.text, done)
        alone = not (answer or question or _is_digits(leaf))
        alone = alone and len(pieces) == 1 and not pieces[0].literal[1]
        if alone and leaf.text in seen:
            segments.append(Segment(leaf, seen[leaf.text], pieces[0].text))
            continue
        run_on = n in grouped or (previous is not None and _runs_on(previous, leaf))
        for piece in pieces:
            asks = question or piece.key
            role = AGENT if asks else CALLER if answer else UNKNOWN
            text = replace(piece.text, text=_spaced(piece.text.text, done)) if asks else piece.text
            key = piece.text.text if leaf.key or piece.key else ""
            place = lines.add(text.text, role, run_on or piece.run_on)
            segments.append(Segment(leaf, place, text, key))
            answer, run_on = piece.key, False
        if alone:
            seen[leaf.text] = segments[-1].start
        previous = leaf
    segments.sort(key=lambda s: s.start)
    return InteractionDocument("fields", View("".join(lines.parts), tuple(lines.turns)), segments)


def _runs_on(before: Leaf, leaf: Leaf) -> bool:
    """Tell whether two leaves are digits of one number, which a list holds digit by digit."""
    single = len(before.text) == len(leaf.text) == 1
    return single and _is_digits(before) and _is_digits(leaf) and before.path[:-1] == leaf.path[:-1]


def _grouped(leaves: Sequence[Leaf]) -> set[int]:
    """Return numbers of the leaves that go on with the digits of the one before: a list holds a few
    at a time, as text.
    """
    out: set[int] = set()
    groups = groupby(enumerate(leaves), lambda item: (item[1].path[:-1], _is_digits(item[1])))
    for (_, digits), items in groups:
        run = list(items)
        text = digits and not any(leaf.number for _, leaf in run)
        if text and is_split_number([leaf.text for _, leaf in run]):
            out.update(n for n, _ in run[1:])
    return out


def _is_digits(leaf: Leaf) -> bool:
    """Tell whether a leaf can be a piece of a number that a list holds a few digits at a time."""
    return isinstance(leaf.path[-1], int) and len(leaf.text) <= 6 and leaf.text.isdigit()


AGENT_WORDS = (
    "agent",
    "rep",
    "representative",
    "operator",
    "staff",
    "business",
    "receptionist",
    "internal",
    "bot",
    "system",
)
CALLER_WORDS = (
    "caller",
    "customer",
    "client",
    "contact",
    "visitor",
    "guest",
    "lead",
    "user",
    "external",
)


def role_of(speaker: str | None, channel: int | None) -> str:
    """Return role of a speaker: by channel (1 external party, 2 business) where there is one, else
    by label.
    """
    if channel == 1:
        return CALLER
    if channel == 2:
        return AGENT
    label = (speaker or "").lower()
    if label.startswith(AGENT_WORDS):
        return AGENT
    if label.startswith(CALLER_WORDS):
        return CALLER
    return UNKNOWN


def speakers_of(record: Mapping[str, object]) -> dict[str, frozenset[str]]:
    """Tell who speaks in each field of turns and messages: labels with channels, empty for a row
    that has neither.
    """
    out: dict[str, frozenset[str]] = {}
    for source in ("outline", "chat_messages"):
        rows = record.get(source)
        if isinstance(rows, list):
            told = ((str(row.get("speaker") or "").lower(), row.get("channel")) for row in rows)
            out[source] = frozenset(
                "" if not name and channel is None else f"{name} {channel}"
                for name, channel in told
            )
    return out


def roles_of(record: dict[str, object]) -> dict[tuple[str, int], str]:
    """Return role of every turn, message and word of a record, keyed by field and position."""
    out: dict[tuple[str, int], str] = {}
    for source in ("outline", "chat_messages", "words"):
        rows = record.get(source)
        if isinstance(rows, list):
            for i, row in enumerate(rows):
                role = role_of(row.get("speaker"), row.get("channel"))
                if role:
                    out[(source, i)] = role
    return out
