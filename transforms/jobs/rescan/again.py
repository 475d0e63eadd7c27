"""One stored interaction redacted again: how, and what of the result is new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from callveil.schemas.finding import Finding, FindingRow
from callveil.schemas.interaction import BY_NAME, RawInteraction
from callveil.schemas.policy import Policy, Rules
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.placeholders import has_unredacted_text, placeholder_pattern
from callveil.transforms.detect.text_fields import walk
from callveil.transforms.jobs.batch.context import Engines, RedactJob
from callveil.transforms.jobs.batch.redact_batches import redact_jobs, slice_jobs
from callveil.transforms.jobs.rescan.report import path_shape
from callveil.transforms.redact.engine import RedactionResult
from callveil.transforms.redact.manual_requests import top_level
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.policy_archive import archived_policies

SPOKEN = frozenset({"outline", "words", "transcription_text"})
"""Fields that say what can be heard in a recording."""


@dataclass
class EarlierPolicies:
    """All policies that the store was decided by: what these wrote is no value under another one.

    A row names the latest of those that it was redacted by; older ones have left their labels too.

    Args:
        job: the rescan.
    """

    job: RedactJob
    _rules: dict[tuple[str, ...], Rules] = field(default_factory=dict)

    @cached_property
    def _policies(self) -> list[Policy]:
        store = Store(self.job.files, self.job.root)
        return [p for p in archived_policies(store) if p.sha256 != self.job.policy.sha256]

    def rules(self, rules: Rules, *about: str) -> Rules:
        """Return `rules`, with those of earlier policies.

        Args:
            about: account, its type, kind of record and language; see `Policy.rules`.
        """
        if about not in self._rules:
            before = tuple(dict.fromkeys(p.rules(*about) for p in self._policies))
            self._rules[about] = replace(rules, earlier=before)
        return self._rules[about]


@dataclass(frozen=True)
class RereadRecord:
    """A stored interaction in which more was found.

    Attributes:
        result: redacted further; its findings are those that are new.
        found: how often what was found, by field without places, and entity type.
        is_heard: some of it stands in the transcript.
    """

    result: RedactionResult = field(repr=False)
    found: Mapping[tuple[str, str], int]
    is_heard: bool


def job_of(
    job: RedactJob,
    built: Engines,
    raw: RawInteraction,
    row: Mapping[str, Any],
    earlier: EarlierPolicies,
) -> DetectionJob:
    """Tell how a stored row is redacted again: by the policy, in no weaker a mode than before.

    Its age counts as of when it was redacted: that rows grow old is the redaction job's work. No
    entity type is a floor here: what was redacted is gone, and what the policy keeps stays.
    """
    language = built.detector.language_of(raw.record.get("language"))
    at = row["redacted_at"] or job.as_of
    decision = decide_redaction(
        job.policy,
        raw,
        row["account_type"],
        at,
        language,
        MinimumRedaction(row["redaction_mode"] or "none"),
        (),
    )
    spoken = str(raw.record.get("language") or job.policy.detect.default_language)
    rules = earlier.rules(
        decision.rules,
        raw.key.account_id,
        row["account_type"],
        raw.kind,
        spoken,
    )
    account = job.accounts.at(raw.key.account_id, raw.called_at)
    return DetectionJob(
        raw,
        replace(decision, rules=rules),
        row["account_type"],
        str(raw.record.get("agency_id") or ""),
        account,
    )


def read_again(
    built: Engines, jobs: Iterable[tuple[DetectionJob, Mapping[str, Any]]]
) -> Iterator[tuple[DetectionJob, RereadRecord | Rejected]]:
    """Redact stored rows again, a bounded number at a time.

    Yields: the rows in which more was found, and those that could not be read.
    """
    rows: dict[int, Mapping[str, Any]] = {}

    def noted() -> Iterator[DetectionJob]:
        for one, row in jobs:
            rows[id(one)] = {n: row[n] for n in ("redacted_fields", "redacted_entities")}
            yield one

    for some in slice_jobs(noted()):
        for one, result in redact_jobs(built, some):
            row = rows.pop(id(one))
            if isinstance(result, Rejected):
                yield one, result
            elif again := _again(one, row, result):
                yield one, again


def _again(
    job: DetectionJob, row: Mapping[str, Any], result: RedactionResult
) -> RereadRecord | None:
    before, after = job.raw.record, result.interaction.record
    if all(before.get(n) == after.get(n) for n in {*before, *after} & BY_NAME.keys()):
        return None
    done = placeholder_pattern(job.decision.rules)
    texts = {leaf.shown: leaf.text for leaf in walk(before)}
    new = [
        f for f in result.findings if f.finding.status == "done" and _is_new(f.finding, texts, done)
    ]
    if not new:
        return None
    record = dict(after)
    for name in ("redacted_fields", "redacted_entities"):
        record[name] = sorted({*(row[name] or ()), *_told(name, new)})
    found: Counter[tuple[str, str]] = Counter()
    for f in new:
        found[path_shape(f.finding.field_path), f.finding.entity_type] += f.finding.count
    is_heard = any(top_level(f.finding.field_path) in SPOKEN for f in new)
    interaction = replace(result.interaction, record=record)
    return RereadRecord(replace(result, interaction=interaction, findings=new), found, is_heard)


def _told(name: str, new: Iterable[FindingRow]) -> set[str]:
    if name == "redacted_fields":
        return {top_level(f.finding.field_path) for f in new}
    return {f.finding.entity_type for f in new}


def _is_new(finding: Finding, texts: Mapping[str, str], done: re.Pattern[str]) -> bool:
    """Tell whether a finding covers anything but what redaction has written.

    A field that held no text was cleared for what it is.
    """
    if finding.span_start is None:
        own = [t for path, t in texts.items() if top_level(path) == finding.field_path]
        return not own or any(has_unredacted_text(t, done) for t in own)
    text = texts.get(finding.field_path)
    return text is None or has_unredacted_text(text[finding.span_start : finding.span_end], done)
