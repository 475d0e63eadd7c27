"""One version on its way from raw to redacted: its values, what is decided about each, and what
stands in their place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from callveil.schemas.fields import EXTRA, Field, Json
from callveil.schemas.finding import TextSpan
from callveil.schemas.interaction import BY_NAME
from callveil.schemas.json_types import RecordValues
from callveil.schemas.version import RawVersion, RedactedVersion, is_interaction, to_snake_case
from callveil.transforms.detect.conversation import AGENT, CALLER, Turn, View
from callveil.transforms.detect.document import InteractionDocument, Segment
from callveil.transforms.detect.known_values import KnownValue
from callveil.transforms.detect.normalized_text import normalize_text
from callveil.transforms.detect.placeholders import (
    exclude_places,
    placeholder_pattern,
    placeholder_spans,
)
from callveil.transforms.detect.plain_ids import card_spans
from callveil.transforms.detect.propagation import DETECTOR as CONSISTENCY
from callveil.transforms.detect.propagation import KINDS, distinct_values, values_from_spans
from callveil.transforms.detect.resolve import accept_findings, merge_spans
from callveil.transforms.detect.script import unsupported_language_spans
from callveil.transforms.detect.secret_fields import SECRET, is_secret, secret_spans
from callveil.transforms.detect.text_fields import Leaf
from callveil.transforms.detect.value_search import FoldedWords, find_values
from callveil.transforms.redact.operators import (
    OperatorParams,
    apply_operator,
    operator_params,
    replace_spans,
)
from callveil.transforms.redact.versions.change_classes import change_class
from callveil.transforms.redact.versions.decision import RedactionSettings
from callveil.transforms.redact.versions.field_classes import item_name
from callveil.transforms.redact.versions.json_values import (
    NAME_DIGITS,
    NAMED,
    SHORT_DIGITS,
    VALUED,
    Path,
    ValueText,
    canonical_json,
    is_name,
    iter_texts,
    parse_embedded,
    replace_texts,
    tells_name,
    to_plain_json,
)
from callveil.transforms.redact.versions.treatment import FieldClassifier, FieldValue
from callveil.transforms.redact.versions.version_run import VersionRun

HEADINGS = ("event", "item_type", "actor_role")
"""Words of the version itself, which are read where they could hold more than a word."""
_FIELD = Field("changes", Json(), "", "custom", prose=True)


class VersionRedaction:
    """One version on its way."""

    def __init__(self, run: VersionRun, raw: RawVersion, decided: RedactionSettings) -> None:
        self.run, self.raw, self.decided = run, raw, decided
        self.rules = decided.rules
        self.about = is_interaction(raw.key.item_type)
        self.judge = FieldClassifier(raw, decided)
        self.slots = list(self._slots())
        self.done = placeholder_pattern(self.rules)
        for slot in self.slots:
            slot.treatment, slot.entity = self.judge.of(slot)
            slot.tree = (
                parse_embedded(slot.value) if slot.treatment in ("scan", "keep") else slot.value
            )
        self.reading = self._view()

    def _slots(self) -> Iterator[FieldValue]:
        record, renamed = self.raw.record, self._renamed()
        for i, change in enumerate(record.get("changes") or ()):
            if not is_name(change["field"]):
                yield FieldValue(("changes", i, "field"), "", change["field"], heading=True)
            for side in ("before", "after"):
                yield FieldValue(
                    ("changes", i, side),
                    renamed.get(change["field"], change["field"]),
                    to_plain_json(change[side]),
                )
        for name in record.get("object") or ():
            if not is_name(name):
                yield FieldValue(("object", name, "field"), "", name, heading=True)
            yield FieldValue(
                ("object", name), renamed.get(name, name), to_plain_json(record["object"][name])
            )
        for name in HEADINGS:
            text = self._heading(name)
            if "@" in text or sum(c.isdecimal() for c in text) > NAME_DIGITS or secret_spans(text):
                yield FieldValue((name,), "", text, heading=True)
        if record.get("item_label"):
            yield FieldValue(("item_label",), "label", record["item_label"])
        if record.get(EXTRA):
            yield FieldValue((EXTRA,), EXTRA, to_plain_json(record[EXTRA]))

    def _renamed(self) -> dict[str, str]:
        """Return what fields are judged as where one names the other: `key: api_key` beside
        `value`.
        """
        record = self.raw.record
        rows = [
            (c["field"], c[side])
            for c in record.get("changes") or ()
            for side in ("before", "after")
        ]
        rows += list((record.get("object") or {}).items())
        valued = sorted({name for name, _ in rows if name.lower() in VALUED})
        said = [value for name, value in rows if name.lower() in NAMED and isinstance(value, str)]
        keys = [value for name, value in rows if name == "key" and value not in (None, "")]
        out = {"key": "setting"} if valued and keys and all(map(tells_name, keys)) else {}
        secret = next((text for text in said if is_secret(text)), "") if valued else ""
        return out | dict.fromkeys(valued if secret else (), secret)

    def _heading(self, name: str) -> str:
        raw = self.raw
        return (
            {"event": raw.event, "item_type": raw.key.item_type}.get(name)
            or raw.record.get(name)
            or ""
        )

    def _view(self) -> InteractionDocument | None:
        """Return all texts to be read as one view: the field's name asks, its values answer."""
        parts: list[str] = []
        turns: list[Turn] = []
        segments: list[Segment] = []
        seen: dict[tuple[str, str], int] = {}
        self.leaves: dict[int, tuple[FieldValue, ValueText]] = {}
        place = 0

        def add(text: str, role: str, run_on: bool = False) -> int:
            nonlocal place
            start, place = place, place + len(text) + 1
            if run_on:
                parts[-1] += f" {text}"
                turns[-1] = replace(turns[-1], end=place - 1)
            else:
                parts.append(text)
                turns.append(Turn(start, place - 1, role))
            return start

        for slot in self.slots:
            if slot.treatment == "keep":
                continue
            numbers = _numbers_in_lists(iter_texts(slot.tree))
            for piece in iter_texts(slot.tree):
                digit = piece.path[:-1] in numbers and not piece.is_key
                if piece.number and len(piece.text.strip("-")) <= SHORT_DIGITS and not digit:
                    continue
                if slot.treatment != "scan" and (not piece.is_key or is_name(piece.text)):
                    continue
                name = piece.key or slot.name
                if self.judge.entity(slot, piece):
                    continue  # goes whole, see `finish`
                if not piece.is_key and self.judge.is_plain(name, piece):
                    continue  # stays
                read = normalize_text(piece.text, self.done)
                asks = piece.is_key or slot.heading
                if asks:
                    read = replace(read, text=read.text.replace("_", " "))
                if (name, piece.text) not in seen or piece.is_key or digit:
                    run_on = digit and piece.path[-1] != 0
                    if not asks and not run_on:
                        add(self._question(name), AGENT)
                    seen[name, piece.text] = add(read.text, AGENT if asks else CALLER, run_on)
                leaf = Leaf(
                    piece.path, slot.name, piece.text, _FIELD, "", True, piece.is_key, piece.number
                )
                self.leaves[id(leaf)] = (slot, piece)
                segments.append(Segment(leaf, seen[name, piece.text], read))
        if not parts:
            return None
        segments.sort(key=lambda s: s.start)
        return InteractionDocument("version", View("\n".join(parts), tuple(turns)), segments)

    def _question(self, name: str) -> str:
        """Return what a value answers. The name of a thing is asked for by what the thing is:
        "name" alone asks for a person's.
        """
        return (
            item_name(self.raw.key.item_type)
            if to_snake_case(name) in ("name", "label", "title")
            else name
        ).replace("_", " ")

    def finish(self, spans: list[TextSpan]) -> RedactedVersion:
        """Replace what has to go."""
        for slot in self.slots:
            self._whole(slot)
        if self.reading is not None and self.decided.mode != "none":
            self._scanned(self.reading, spans)
        for slot in self.slots:
            self._secrets(slot)
        return self._redacted()

    def _whole(self, slot: FieldValue) -> None:
        for piece in iter_texts(slot.tree):
            own = self.judge.entity(slot, piece)
            if not own:
                continue
            if slot.treatment == "clear" and own != SECRET:
                slot.texts[piece.path] = self.rules.label_for(own)
            elif not self.done.fullmatch(piece.text):
                (slot.keys if piece.is_key else slot.texts)[piece.path] = self._operated(
                    own, piece.text
                )
            slot.entities.add(own)

    def _scanned(self, reading: InteractionDocument, spans: list[TextSpan]) -> None:
        text, language = reading.view.text, self.decided.language
        places = placeholder_spans(text, self.done)
        settings = self.run.detect
        if settings.unknown_language == "full":
            spans = [*spans, *unsupported_language_spans(reading.view, settings.languages)]
        # Spans of one value share a group; what stands alone is a value of its own.
        spans = [
            replace(s, group=s.group or str(s.start)) for s in exclude_places(text, spans, places)
        ]
        accepted, _ = accept_findings(text, spans, self.rules, self.decided.floor)
        wanted = distinct_values([*self._known(), *values_from_spans(text, accepted, language)])
        if wanted:
            accepted += exclude_places(
                text, find_values(FoldedWords.of(text), wanted, CONSISTENCY), places
            )
        by_leaf: dict[int, list[TextSpan]] = defaultdict(list)
        for leaf, span in reading.split(merge_spans(accepted)):
            by_leaf[id(leaf)].append(span)
        for key, own in by_leaf.items():
            slot, piece = self.leaves[key]
            if piece.is_key or (slot.heading and slot.place[-1] != "field"):
                own = [
                    s for s in own if s.detector not in ("SpacyRecognizer", CONSISTENCY)
                ]  # what looks like a field's name is none of a person
            if own:
                self._put(slot, piece, merge_spans(own))

    def _known(self) -> Iterator[KnownValue]:
        """Yield values that are personal by the name they stand under, to be found again wherever
        else this version says them.
        """
        for slot in self.slots:
            for piece in iter_texts(slot.tree):
                entity = "" if piece.is_key else self.judge.entity(slot, piece)
                if entity in KINDS and not self.done.search(piece.text):
                    yield from values_from_spans(
                        piece.text,
                        [TextSpan(0, len(piece.text), entity, 1.0, "field")],
                        self.decided.language,
                    )

    def _secrets(self, slot: FieldValue) -> None:
        """Redact what is a secret by its form, even in values that are kept and in mode none."""
        for piece in iter_texts(slot.tree):
            if piece.number or piece.path in (slot.keys if piece.is_key else slot.texts):
                continue
            found = merge_spans(
                TextSpan(a, b, SECRET, 1.0, "secret") for a, b in secret_spans(piece.text)
            )
            if found and not self.done.fullmatch(piece.text):
                self._put(slot, piece, found)

    def _put(self, slot: FieldValue, piece: ValueText, spans: list[TextSpan]) -> None:
        found = [TextSpan(a, b, SECRET, 1.0, "secret") for a, b in secret_spans(piece.text)]
        spans = merge_spans(
            [*exclude_places(piece.text, found, placeholder_spans(piece.text, self.done)), *spans]
        )
        slot.entities |= {span.entity for span in spans}
        (slot.keys if piece.is_key else slot.texts)[piece.path] = self._with(piece.text, spans)

    def _with(self, text: str, spans: list[TextSpan]) -> str:
        """Return a text with what stands for each span in its place."""
        replacements = [
            (s.start, s.end, *self._operation(s.entity, text[s.start : s.end])) for s in spans
        ]
        return replace_spans(text, replacements)[0]

    def _operated(self, entity: str, text: str) -> str:
        action, params = self._operation(entity, text)
        return apply_operator(action, text, params)

    def _operation(self, entity: str, value: str) -> tuple[str, OperatorParams]:
        """Return the action that writes in place of a value, and its parameters."""
        if entity == SECRET:
            # a pseudonym of a weak password could be guessed by whoever holds the key
            return "label", {"label": self.rules.label_for(SECRET)}
        kind, item = self.raw.key.item_type, self.raw.key.item_id
        scope = item if self.about else f"{kind}/{item}"
        action, params, _ = operator_params(
            self.rules, entity, value, self.run.secrets, self.raw.key.account_id, scope
        )
        return action, params

    def _redacted(self) -> RedactedVersion:
        raw, record, account = self.raw, self.raw.record, self.raw.key.account_id
        by_place = self.by_place = {slot.place: slot for slot in self.slots}
        entities = {e for slot in self.slots for e in slot.entities}
        out: RecordValues = {
            k: v for k, v in record.items() if k not in ("changes", "object", "item_label", EXTRA)
        }
        if "changes" in record:
            out["changes"] = [
                self._change(i, change["field"]) for i, change in enumerate(record["changes"])
            ]
        if "object" in record:
            out["object"] = _unique([self._value(name) for name in record["object"]])
        for name in ("item_label", EXTRA):
            if (name,) in by_place:
                slot = by_place[(name,)]
                out[name] = replace_texts(slot.tree, slot.texts, slot.keys)
        for name in HEADINGS[2:]:
            if name in out:
                out[name] = self._name((name,), out[name])
        for name in ("request_id", "restored_from"):
            if name in out:
                out[name] = self.run.plain_id(self.rules, out[name], account)
        entities |= self._actor(out)
        digest = self.run.keyring.hmac(
            "version",
            *raw.key,
            raw.event,
            raw.created_at.isoformat(),
            canonical_json(to_plain_json(record)),
        )[:32]
        key = raw.key._replace(
            item_type=self._name(("item_type",), raw.key.item_type),
            item_id=self.run.plain_id(self.rules, raw.key.item_id, account),
        )
        event = self._name(("event",), raw.event)
        state = {
            **key._asdict(),
            "event": event,
            "created_at": raw.created_at,
            "agency_id": self.decided.agency_id,
            "has_changes": "changes" in record,
            "has_object": "object" in record,
            "rank": 2 * ("changes" in record) + ("object" in record),
            "digest": digest,
            "recorded_at": self.run.as_of,
            "redaction_mode": self.decided.mode,
            "redacted_entities": sorted(entities),
            "policy_sha256": self.run.policy_sha256,
            "account_type": self.decided.account_type,
            "run_id": self.run.run_id,
        }
        return RedactedVersion(
            key, event, raw.created_at, self.decided.account_type, self.decided.mode, out | state
        )

    def _name(self, place: Path, name: str) -> str:
        slot = self.by_place.get(place)
        return name if slot is None else str(replace_texts(slot.tree, slot.texts, slot.keys))

    def _change(self, i: int, name: str) -> RecordValues:
        key = self.raw.key
        slots = {side: self.by_place["changes", i, side] for side in ("before", "after")}
        entities = set().union(*(slot.entities for slot in slots.values()))
        out: RecordValues = {
            "field": self._name(("changes", i, "field"), name),
            "redacted": bool(entities),
            "entities": sorted(entities),
        }
        for side, slot in slots.items():
            if slot.value is not None:
                out[side] = replace_texts(slot.tree, slot.texts, slot.keys)
            if slot.entities:
                out[f"{side}_digest"] = self.run.digest(key.account_id, slot.value)
        kind = change_class(
            key.item_type, self.raw.event, name, slots["before"].value, slots["after"].value
        )
        return out | ({"sensitive_class": kind} if kind else {})

    def _value(self, name: str) -> RecordValues:
        slot = self.by_place["object", name]
        shown = self._name(("object", name, "field"), name)
        out: RecordValues = {
            "field": shown,
            "redacted": bool(slot.entities),
            "entities": sorted(slot.entities),
        }
        if slot.value is not None:
            out["value"] = replace_texts(slot.tree, slot.texts, slot.keys)
        if slot.entities:
            out["digest"] = self.run.digest(self.raw.key.account_id, slot.value)
        return out

    def _actor(self, out: RecordValues) -> set[str]:
        """Tell who did it: the id stays, or nobody could be held to account; name and address
        follow the policy's treatment of staff.
        """
        treatment = self.rules.treatment(BY_NAME["agent"], self.decided.mode)
        entities: set[str] = set()
        for name, entity in (
            ("actor_name", "PERSON"),
            ("actor_ip", "IP_ADDRESS"),
            ("user_agent", "ONLINE_ID"),
        ):
            text = out.get(name)
            if not text or self.done.fullmatch(text):
                continue
            if treatment == "keep" or self.rules.operator(entity).name == "keep":
                found = [TextSpan(a, b, SECRET, 1.0, "secret") for a, b in secret_spans(text)]
                found += [TextSpan(a, b, "CREDIT_CARD", 1.0, "card") for a, b in card_spans(text)]
                if found:
                    out[name] = self._with(text, merge_spans(found))
                    entities |= {span.entity for span in found}
                continue
            if treatment == "clear":
                del out[name]
            else:
                out[name] = self.run.stand_in(self.rules, entity, text, self.raw.key.account_id)
            entities.add(entity)
        return entities


def _numbers_in_lists(found: Iterator[ValueText]) -> frozenset[Path]:
    """Return paths of the lists whose members are the digits of one number."""
    members: dict[Path, list[str]] = defaultdict(list)
    for piece in found:
        if piece.path and isinstance(piece.path[-1], int):
            members[piece.path[:-1]].append(piece.text)
    return frozenset(
        path
        for path, texts in members.items()
        if len(texts) > SHORT_DIGITS and all(len(text) == 1 and text.isdigit() for text in texts)
    )


def _unique(rows: list[RecordValues]) -> list[RecordValues]:
    """Return the same rows with a number behind names that were replaced by the same label."""
    seen: dict[str, int] = {}
    for row in rows:
        n = seen[row["field"]] = seen.get(row["field"], 0) + 1
        if n > 1:
            row["field"] = f"{row['field']}#{n}"
    return rows


def _fixed(entity: str, _: ValueText) -> str:
    return entity
