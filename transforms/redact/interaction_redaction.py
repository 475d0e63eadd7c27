"""One interaction on its way from raw to redacted, with the findings that account for it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from callveil.schemas.fields import EXTRA
from callveil.schemas.finding import WHOLE, Finding, FindingRow, TextSpan
from callveil.schemas.interaction import BY_NAME, RedactedInteraction
from callveil.schemas.json_types import RecordValues
from callveil.schemas.request import RedactionRequest
from callveil.schemas.rules import NAMED
from callveil.transforms.detect.batch import leaf_treatments
from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.detection_result import DetectionResult
from callveil.transforms.detect.known_values import DIGITS, EMAIL
from callveil.transforms.detect.normalized_text import normalize_text
from callveil.transforms.detect.parts import json_literals, literal_at, within_literals
from callveil.transforms.detect.placeholders import placeholder_pattern
from callveil.transforms.detect.resolve import FORCED, UNREAD, merge_spans, overlap_test
from callveil.transforms.detect.text_fields import UNKNOWN, Leaf, Path, set_at, walk
from callveil.transforms.detect.value_search import FoldedWords, find_values
from callveil.transforms.redact.manual_requests import DETECTOR as REQUEST
from callveil.transforms.redact.manual_requests import (
    ENTITY,
    bind_span,
    field_requests,
    spans_for,
    top_level,
)
from callveil.transforms.redact.operators import (
    Replacement,
    TokenKeys,
    canonical_value,
    encoded_params,
    operator_params,
    replace_spans,
)
from callveil.transforms.redact.record_edit import (
    clone_json,
    drop_empty,
    is_json,
    removal_path,
    remove_at,
    rename_keys,
)
from callveil.transforms.redact.run import RunColumns
from callveil.transforms.redact.span_pieces import SAID, collect_pieces
from callveil.transforms.redact.subject_values import OwnValues
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.serialization import dumps

INPUT = "redaction-input"
"""Purpose of the keyed digests of records as they were read."""


class InteractionRedaction:
    """One record on its way from raw to redacted. `apply` comes first."""

    def __init__(
        self,
        run: RunColumns,
        keyring: Keyring,
        secrets: TokenKeys,
        detected: DetectionResult,
        extra: Mapping[str, Sequence[TextSpan]],
    ) -> None:
        self.run, self.keyring, self.secrets = run, keyring, secrets
        self.detected, self.extra = detected, extra
        self.values: dict[str, str] = {}
        self.parts: dict[str, tuple[str, ...]] = {}
        self.runs: Sequence[tuple[str, tuple[str, ...]]] = ()
        self.found: list[tuple[Leaf, list[TextSpan]]] = []
        self.job = detected.job
        self.raw = detected.job.raw
        self.decision = detected.job.decision
        self.rules = detected.job.decision.rules
        self.findings: list[Finding] = []
        self.cleared: dict[str, Finding] = {}
        self.groups: dict[str, str] = {}
        self.whole: set[str] = set()
        self.done = placeholder_pattern(self.rules)
        leaves = [leaf for leaf, _ in detected.leaves]
        self.requests = [bind_span(r, leaves, keyring) for r in self.decision.requests]
        self.by_request: dict[str, RedactionRequest] = {r.request_id: r for r in self.requests}

    def apply(self) -> RecordValues:
        """Return the redacted values of the record."""
        record: RecordValues = clone_json(self.raw.record)
        found = collect_pieces(self.detected)
        self.values, self.parts, self.runs = found.values, found.parts, found.runs
        self.found = found.redact
        pieces = {id(leaf): spans for leaf, spans in found.redact}
        for leaf, span in found.keep:
            self.findings.append(
                self._finding(leaf, span, "keep", span.start, span.end, "", status="kept")
            )
        removed: list[Path] = []
        renamed: list[tuple[Path, str]] = []
        for leaf, treatment in self.detected.leaves:
            whole = None if leaf.key else field_requests(self.requests, leaf)
            self._note_whole(leaf, treatment)
            if treatment == "clear" or (
                whole and (leaf.number or leaf.field.group in (UNKNOWN.group, NAMED))
            ):
                removed.append(removal_path(leaf) if treatment == "clear" else leaf.path)
                self._count_cleared(leaf, whole)
                continue
            if whole:
                spans = [
                    TextSpan(
                        0, len(leaf.text), leaf.entity or ENTITY, 1.0, REQUEST, whole.request_id
                    )
                ]
            elif treatment == "redact":
                spans = self._whole(leaf)
            else:
                spans = pieces.get(id(leaf), [])
            manual = (
                [s for s, _ in spans_for(self.requests, leaf, self.raw.record)]
                if self.requests and not leaf.key
                else []
            )
            more = self.extra.get(leaf.shown, ())
            if manual or more:
                spans = merge_spans([*spans, *more, *manual])
            if not spans:
                continue
            text = self._replace(leaf, spans)
            if leaf.key:
                renamed.append((leaf.path, text))
            elif leaf.number and not is_json(leaf):
                removed.append(leaf.path)
            else:
                set_at(record, leaf.path, text)
        for path in removed:
            remove_at(record, path)
        drop_empty(record, removed)
        rename_keys(record, renamed)
        self._clear_wordless(record)
        self._settle_kept()
        return record

    def _clear_wordless(self, record: RecordValues) -> None:
        """Clear fields that hold no text at all too: times of words, flags, empty lists."""
        for name in [
            n
            for n in record
            if n in BY_NAME and self.rules.treatment(BY_NAME[n], self.decision.mode) == "clear"
        ]:
            if name == EXTRA and self._is_named(record[name]):
                continue
            if record.pop(name) not in ("", [], {}) and name not in self.cleared:
                self._count_cleared(Leaf((name,), name, "", BY_NAME[name]), None)

    def _is_named(self, members: Any) -> bool:
        """Tell whether undeclared members are left because the policy names them."""
        return isinstance(members, dict) and any(
            leaf.path[0] == EXTRA and leaf.field.group == NAMED for leaf, _ in self.detected.leaves
        )

    def _settle_kept(self) -> None:
        """Say where kept findings stand now: what was replaced before them has moved them. One that
        a request has covered is kept no more.
        """
        done: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for f in self.findings:
            if f.status == "done" and f.span_start is not None and f.span_end is not None:
                done[f.field_path].append((f.span_start, f.span_end, (f.out_end or 0) - f.span_end))
        for places in done.values():
            places.sort()
        settled: list[Finding] = []
        for f in self.findings:
            start, end = f.span_start or 0, f.span_end or 0
            places = done[f.field_path]
            before = bisect_left(
                places, end, key=itemgetter(0)
            )  # what is replaced in one text is disjoint
            if f.status != "kept":
                settled.append(f)
            elif not before or places[before - 1][1] <= start:
                shift = places[before - 1][2] if before else 0
                settled.append(replace(f, out_start=start + shift, out_end=end + shift))
        self.findings = settled

    def _note_whole(self, leaf: Leaf, treatment: str) -> None:
        """Remember which fields went as a whole where no entity type says so.

        Full redaction is remembered as the mode; only of staff the policy decides then too.
        """
        if (
            treatment == "clear"
            and not leaf.field.entity
            and (self.decision.mode != "full" or leaf.field.group == "staff")
        ):
            self.whole.add(f"clear:{leaf.field.name}")
        elif treatment == "redact" and not (leaf.entity or leaf.field.entity):
            self.whole.add(f"redact:{leaf.field.name}")

    def _whole(self, leaf: Leaf) -> list[TextSpan]:
        entity = leaf.entity or leaf.field.entity or ENTITY
        if (
            self.rules.operator(entity).name == "keep"
            and entity not in self.decision.floor
            and entity != ENTITY
        ):
            self.findings.append(
                self._finding(
                    leaf,
                    TextSpan(0, len(leaf.text), entity, 1.0, WHOLE),
                    "keep",
                    0,
                    len(leaf.text),
                    "",
                    status="kept",
                )
            )
            return []
        return [TextSpan(0, len(leaf.text), entity, 1.0, WHOLE)]

    def _replace(self, leaf: Leaf, spans: list[TextSpan]) -> str:
        """Run the operators over one text and note a finding for each span."""
        literals = json_literals(leaf.text)
        if literals is not None:
            spans = within_literals(leaf.text, literals, spans)
        replacements: list[Replacement] = []
        actions: list[tuple[str, str]] = []
        again = overlap_test(self.extra.get(leaf.shown, ()))
        for span in spans:
            literal = literal_at(literals, span) if literals else None
            piece = leaf.text[span.start : span.end]
            if literal is not None:
                piece = literal.read(span.start, span.end)
            value = self.values.get(span.group, piece) if span.group else piece
            action, params, key_id = operator_params(
                self.rules,
                span.entity,
                value,
                self.secrets,
                self.raw.key.account_id,
                self.raw.key.id,
            )
            if action == "mask" and (
                span.detector == UNREAD
                or span.mixed
                or canonical_value(span.entity, piece) != canonical_value(span.entity, value)
                or again(span.start, span.end)
            ):
                # A part of a value may not show the last characters of each part; what another look
                # still took for a value, what nobody can read, or what runs across two values shows
                # none.
                params["keep_last"] = 0
            if key_id and self.done.fullmatch(piece):
                action_name = "same"  # a pseudonym of a pseudonym would link to nothing
            else:
                action_name = action
            if literal is not None:
                params = encoded_params(action_name, params, piece, literal.depth, literal.number)
                action_name = "encoded"
            replacements.append((span.start, span.end, action_name, params))
            actions.append((action, key_id))
        spend_steps(len(spans))
        text, places = replace_spans(leaf.text, replacements)
        for span, (action, key_id), place in zip(spans, actions, places, strict=True):
            self.findings.append(self._finding(leaf, span, action, *place, key_id))
        return text

    def _finding(
        self,
        leaf: Leaf,
        span: TextSpan,
        action: str,
        out_start: int,
        out_end: int,
        key_id: str,
        status: str = "done",
    ) -> Finding:
        request = (
            self.by_request.get(span.group) if span.detector == REQUEST else self.decision.request
        )
        start, end = self._times(leaf)
        return Finding(
            field_path=leaf.shown,
            entity_type=span.entity,
            detector=span.detector,
            score=span.score,
            action=action,
            span_start=span.start,
            span_end=span.end,
            out_start=out_start,
            out_end=out_end,
            audio_start=start,
            audio_end=end,
            group_id=self._group(span.group) if span.group else "",
            key_id=key_id,
            trigger=request.trigger if request else "auto",
            request_id=request.request_id if request else "",
            actor_id=request.actor if request else "",
            status=status,
            detector_version=self.run.detector_version,
        )

    def _group(self, group: str) -> str:
        """Return the id of a group of spans: many share one."""
        if group not in self.groups:
            self.groups[group] = self.keyring.hmac("finding", *self.raw.key, group)[:24]
        return self.groups[group]

    def _times(self, leaf: Leaf) -> tuple[float | None, float | None]:
        if leaf.path[0] in ("outline", "words") and len(leaf.path) > 2:
            row = self.raw.record[str(leaf.path[0])][leaf.path[1]]
            return row.get("s"), row.get("e")
        return None, None

    def _count_cleared(self, leaf: Leaf, request: RedactionRequest | None) -> None:
        name = top_level(leaf.shown)
        asked = request or self.decision.request
        known = self.cleared.get(name)
        if known:
            self.cleared[name] = replace(known, count=known.count + (0 if leaf.key else 1))
            return
        detector = REQUEST if request else "mode" if self.decision.mode == "full" else WHOLE
        trigger = asked.trigger if asked else self.decision.trigger
        self.cleared[name] = Finding(
            field_path=name,
            entity_type=leaf.field.entity or ENTITY,
            detector=detector,
            score=1.0,
            action="clear",
            count=0 if leaf.key else 1,
            trigger=trigger,
            request_id=asked.request_id if asked else "",
            actor_id=asked.actor if asked else "",
            detector_version=self.run.detector_version,
        )

    def residual(self, record: RecordValues) -> bool:
        """Tell whether a number or e-mail of the contact can still be read in the redacted
        record.
        """
        if self.decision.mode == "none":
            return False
        strong = [
            v
            for v in self.detected.known
            if v.kind in (DIGITS, EMAIL)
            and len(v.target) >= 9
            and self.rules.operator(v.entity).name != "keep"
        ]
        if not strong:
            return False
        kept = {
            leaf.field.name for leaf, treatment in self.detected.leaves if treatment == "keep"
        }  # readable because the policy says so
        left = (leaf.text for leaf in walk(record) if leaf.field.name not in kept)
        text = "\n".join(normalize_text(text, self.done).text for text in left)
        return bool(find_values(FoldedWords.of(text), strong))

    def said(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Entity type and pieces of the numbers and addresses that were found in texts."""
        told: set[str] = set()
        for leaf, spans in self.found:
            for span in spans:
                if span.entity not in SAID or span.group in told:
                    continue
                piece = (normalize_text(leaf.text[span.start : span.end]).text,)
                yield span.entity, self.parts.get(span.group, piece) if span.group else piece
                if span.group:
                    told.add(span.group)

    def introduced(self) -> tuple[str, ...]:
        """Return names by which the contact has introduced themselves."""
        own = OwnValues(self.raw, "contact", lambda *_: False)
        for reading, spans in zip(self.detected.readings, self.detected.spans, strict=True):
            own.listen(reading.view, spans)
        return own.introduced

    def state(self, record: RecordValues) -> RedactedInteraction:
        """Return the redacted record with its state columns set."""
        run, mode = self.run, self.decision.mode
        done = [f for f in (*self.findings, *self.cleared.values()) if f.status == "done"]
        fields = {top_level(f.field_path) for f in done}
        record["redacted"] = bool(record.get("redacted")) or mode != "none" or bool(done)
        record["redaction_mode"] = mode
        record["redacted_at"] = run.as_of
        record["redacted_by"] = (
            self.decision.request.actor if self.decision.request else run.policy_name
        )
        record["policy_sha256"] = run.policy_sha256
        record["redacted_fields"] = sorted(fields)
        record["redacted_entities"] = sorted(
            {f.entity_type for f in done} | {e for e in self.decision.floor if ":" not in e}
        )
        record["account_type"] = self.job.account_type
        record["rank"] = self.raw.rank
        record["run_id"] = run.run_id
        return RedactedInteraction(
            self.raw.key,
            self.raw.kind,
            self.raw.called_at,
            self.raw.rank,
            self.job.account_type,
            mode,
            record,
        )

    def held(self) -> Iterator[str]:
        """Yield where the record would have been left more than it is, had no earlier version of it
        been redacted.
        """
        if self.decision.held:
            yield "mode"
        if not self.decision.floor:
            return
        alone = leaf_treatments(
            replace(self.job, decision=replace(self.decision, floor=frozenset()))
        )
        for (leaf, treatment), (_, otherwise) in zip(self.detected.leaves, alone, strict=True):
            if treatment != otherwise and not leaf.key:
                yield leaf.field.name
        left = {
            e for e in self.decision.floor if ":" not in e and self.rules.operator(e).name == "keep"
        }
        for f in self.findings:
            if f.status == "done" and f.entity_type in left and f.detector not in FORCED:
                yield top_level(f.field_path)

    def rows(self, record: RecordValues) -> list[FindingRow]:
        """Return findings as rows of the findings dataset, in order of field and place; `record` is
        what is left of the record.
        """
        run, key = self.run, self.raw.key
        source = self.keyring.hmac(INPUT, dumps(self.raw.record))
        in_json = {f.field_path for f in self.findings if "{" in f.field_path}
        named = (
            {
                leaf.shown: leaf.by_keys(record)
                for leaf, _ in self.detected.leaves
                if leaf.shown in in_json
            }
            if in_json
            else {}
        )
        out: list[FindingRow] = []
        for n, finding in enumerate(sorted((*self.findings, *self.cleared.values()), key=_order)):
            identity = self.keyring.hmac(
                "finding",
                *key,
                finding.field_path,
                str(finding.span_start),
                finding.entity_type,
                str(n),
            )[:24]
            out.append(
                FindingRow(
                    finding,
                    identity,
                    key.account_id,
                    self.job.agency_id,
                    key.id,
                    self.raw.kind,
                    self.job.account_type,
                    self.raw.called_at,
                    run.policy_sha256,
                    run.run_id,
                    run.as_of,
                    source,
                    named.get(finding.field_path, ""),
                )
            )
        return out


def _order(finding: Finding) -> tuple[Any, ...]:
    path = tuple(
        (int(p), "") if p.isdigit() else (-1, p)
        for p in re.split(r"[.\[\]{}]+", finding.field_path)
        if p
    )
    return (
        path,
        finding.span_start if finding.span_start is not None else -1,
        finding.span_end or 0,
        finding.entity_type,
    )
