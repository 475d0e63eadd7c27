"""One interaction as detection reads it: the conversation, its copies, and the other fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from callveil.schemas.finding import Span
from callveil.transforms.detect.align import Alignment, align, role_labels, speaker_labels
from callveil.transforms.detect.leaves import ROLE_WORDS, Leaf
from callveil.transforms.detect.view import AGENT, CALLER, UNKNOWN, Turn, View

CONVERSATIONS = ("outline", "chat_messages", "words", "transcription_text", "message_body")
"""Fields that hold the conversation, best first: the first one present is read, the others are copies of it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A leaf's place in a view. The leaf's text stands there unchanged, or with `_` read as a space."""

    leaf: Leaf
    start: int

    @property
    def end(self) -> int:
        """End in the view, exclusive."""
        return self.start + len(self.leaf.text)


@dataclass
class Reading:
    """A view, where its pieces come from, and whether it needs the language model or lies exactly over another one.

    Attributes:
        name: conversation, fields, or the field that is a copy of the conversation.
        copy: how the conversation's text lines up with this one, for copies.
        labels: places of speaker labels in a flat text that name a role and so nobody.
    """

    name: str
    view: View
    segments: list[Segment] = field(repr=False)
    copy: Alignment | None = None
    labels: list[tuple[int, int]] = field(default_factory=list)

    @property
    def analysed(self) -> bool:
        """Whether this view is analysed by itself; an exact copy takes its spans from the conversation."""
        return self.copy is None or not self.copy.exact

    def split(self, spans: list[Span]) -> list[tuple[Leaf, Span]]:
        """Cut the view's spans at leaf borders and give each piece in its leaf's own offsets."""
        out: list[tuple[Leaf, Span]] = []
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
                    out.append((segment.leaf, Span(lo - segment.start, hi - segment.start, span.entity, span.score, span.detector, span.group)))
        return out


@dataclass
class Document:
    """The readings of one interaction.

    Args:
        leaves: the leaves to scan, as `leaves.walk` gives them.
        roles: role of each turn, message and word; see `roles_of`.
        done: pattern of placeholders that stand in the texts already; see `detect.placeholders`.
    """

    leaves: list[Leaf]
    roles: dict[tuple[str, int], str]
    done: re.Pattern[str] | None = None

    @cached_property
    def readings(self) -> list[Reading]:
        """The conversation first (where there is one), then its copies, then the other fields."""
        spoken: dict[str, list[Leaf]] = {}
        rest: list[Leaf] = []
        for leaf in self.leaves:
            source = leaf.path[0]
            if source in CONVERSATIONS and leaf.prose and leaf.field.name == source:
                spoken.setdefault(str(source), []).append(leaf)
            elif not _is_role(leaf):
                rest.append(leaf)
        out: list[Reading] = []
        speakers = frozenset(leaf.text.lower() for leaf in self.leaves if leaf.path[-1] == "speaker")
        for source in CONVERSATIONS:
            if source not in spoken:
                continue
            reading = self._conversation(source, spoken[source], speakers)
            # A text message beside a call's transcript is another conversation; everything else repeats the first.
            if out:
                reading.copy = align(out[0].view.text, reading.view.text, speakers, self.done)
                reading.name = source
            out.append(reading)
        if rest:
            out.append(_fields(rest, self.done))
        return out

    def _conversation(self, source: str, leaves: list[Leaf], speakers: frozenset[str]) -> Reading:
        if source in ("transcription_text", "message_body"):
            leaf = leaves[0]
            view = View(leaf.text, _flat_turns(leaf.text, speakers))
            return Reading("conversation", view, [Segment(leaf, 0)], labels=role_labels(leaf.text, speakers))
        parts: list[str] = []
        segments: list[Segment] = []
        turns: list[Turn] = []
        place = 0
        last = None
        for leaf in leaves:
            role = self.roles.get((source, int(leaf.path[1])), UNKNOWN)
            if parts:
                # Words of one speaker run on in a line; everything else is a turn of its own.
                parts.append(" " if source == "words" and role == last else "\n")
                place += 1
            segments.append(Segment(leaf, place))
            parts.append(leaf.text)
            end = place + len(leaf.text)
            if source == "words" and role == last and turns:
                turns[-1] = Turn(turns[-1].start, end, role)
            else:
                turns.append(Turn(place, end, role))
            place, last = end, role
        return Reading("conversation", View("".join(parts), tuple(turns)), segments)


def _is_role(leaf: Leaf) -> bool:
    """Whether a leaf is a speaker's label that names a role: a language model would read it as a name, line after line."""
    return leaf.path[-1] == "speaker" and not leaf.entity and leaf.field.name in CONVERSATIONS and ROLE_WORDS.fullmatch(leaf.text) is not None


def _flat_turns(text: str, speakers: frozenset[str]) -> tuple[Turn, ...]:
    """Turns of a flat transcript whose lines begin with a speaker's label."""
    labels = speaker_labels(text, speakers)
    turns = []
    for i, (start, end) in enumerate(labels):
        stop = labels[i + 1][0] if i + 1 < len(labels) else len(text)
        body = text[end:stop].rstrip()
        if body:
            turns.append(Turn(end, end + len(body), role_of(text[start:end].strip(" \t:>-").lower(), None)))
    return tuple(turns)


def _spaced(text: str, done: re.Pattern[str] | None) -> str:
    """A key as a question: `_` read as a space, but not within placeholders, which would be none then."""
    if done is None or "_" not in text:
        return text.replace("_", " ")
    out, place = [], 0
    for match in done.finditer(text):
        out += [text[place : match.start()].replace("_", " "), match.group()]
        place = match.end()
    return "".join([*out, text[place:].replace("_", " ")])


def _fields(leaves: list[Leaf], done: re.Pattern[str] | None) -> Reading:
    """All other leaves in one text, a line each. A key or a form's question reads as the business asking, its value as the answer."""
    parts: list[str] = []
    segments: list[Segment] = []
    turns: list[Turn] = []
    seen: dict[str, int] = {}
    place = 0
    previous: Leaf | None = None
    for leaf in leaves:
        answer = (
            previous is not None
            and not leaf.key
            and (previous.path == leaf.path or (previous.path[:-1] == leaf.path[:-1] and previous.path[-1] == "label"))
        )
        question = leaf.key or leaf.path[-1] == "label"
        if not answer and not question and leaf.text in seen:
            segments.append(Segment(leaf, seen[leaf.text]))
            continue
        if not answer and not question:
            seen[leaf.text] = place
        segments.append(Segment(leaf, place))
        parts.append(_spaced(leaf.text, done) if question else leaf.text)
        turns.append(Turn(place, place + len(leaf.text), AGENT if question else CALLER if answer else UNKNOWN))
        place += len(leaf.text) + 1
        previous = leaf
    segments.sort(key=lambda s: s.start)
    return Reading("fields", View("\n".join(parts), tuple(turns)), segments)


AGENT_WORDS = ("agent", "rep", "representative", "operator", "staff", "business", "receptionist", "internal", "bot", "system")
CALLER_WORDS = ("caller", "customer", "client", "contact", "visitor", "guest", "lead", "user", "external")


def role_of(speaker: str | None, channel: int | None) -> str:
    """Role of a speaker: by channel (1 external party, 2 business) where there is one, else by label."""
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


def roles_of(record: dict[str, object]) -> dict[tuple[str, int], str]:
    """Role of every turn, message and word of a record, keyed by field and position."""
    out: dict[tuple[str, int], str] = {}
    for source in ("outline", "chat_messages", "words"):
        rows = record.get(source)
        if isinstance(rows, list):
            for i, row in enumerate(rows):
                role = role_of(row.get("speaker"), row.get("channel"))
                if role:
                    out[(source, i)] = role
    return out
