"""A file of versions read again, and rewritten where more was found in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow.parquet as pq

from callveil.schemas.manifest import FileEntry
from callveil.schemas.outcome import Outcome
from callveil.schemas.policy import Rules
from callveil.schemas.rejected import RETRYABLE, Rejected
from callveil.schemas.rules import collapse_whitespace
from callveil.schemas.version import RawVersion, RedactedVersion, VersionKey
from callveil.transforms.detect.decision import strongest_mode
from callveil.transforms.detect.placeholders import has_unredacted_text, placeholder_pattern
from callveil.transforms.jobs.batch.context import Engines, RedactJob
from callveil.transforms.jobs.history.load import BATCH, redactor_of, with_raw
from callveil.transforms.jobs.rescan.again import EarlierPolicies
from callveil.transforms.jobs.rescan.report import VERSIONS as ZONE
from callveil.transforms.jobs.rescan.report import (
    RescanNotes,
    TaskResult,
    UnreadableRow,
    count_row,
    count_unread,
)
from callveil.transforms.redact.versions.decision import KIND, RedactionSettings, choose_settings
from callveil.transforms.redact.versions.until_stable import (
    Placed,
    iter_version_texts,
    repeat_until_stable,
    stored_version,
)
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter
from callveil.transforms.storage.tables.key_index import stem_of
from callveil.transforms.storage.tables.mutation import RowMutation
from callveil.transforms.storage.tables.rewrite import change_keys
from callveil.transforms.storage.tables.versions import version_from_row, version_row


def rescan_file(job: RedactJob, built: Engines, entry: FileEntry) -> TaskResult:
    """Read one file of versions again and, unless the run only looks, cover what was found.

    Memory holds the rows in which something was found, at most those of one file.
    """
    outcome = Outcome(counts=Counter({"in": entry.rows, f"in.{ZONE}": entry.rows}))
    changed: dict[VersionKey, RedactedVersion] = {}
    rejected: dict[VersionKey, Rejected] = {}
    earlier = EarlierPolicies(job)
    for versions in _batches(job, entry):
        accounts = (job.accounts.at(v.key.account_id, v.created_at) for v in versions)
        outcome.counts["account_unknown"] += sum(account is None for account in accounts)
        for version, item, found in _settled(job, built, versions, entry.path, earlier):
            if isinstance(item, Rejected):
                rejected[version.key] = item
            else:
                count_row(outcome.counts, ZONE, found)
                changed[version.key] = item
    unread = [
        UnreadableRow(ZONE, key.account_id, key.version_id, item.reason)
        for key, item in sorted(rejected.items())
    ]
    # What another try may read stays for the next rescan.
    rejected = {k: r for k, r in rejected.items() if r.reason not in RETRYABLE}
    count_unread(outcome, unread)
    if (changed or rejected) and not job.scratch:
        _rewrite(job, built, entry, changed, rejected, outcome)
    return TaskResult(outcome, notes=RescanNotes(unread))


def _batches(job: RedactJob, entry: FileEntry) -> Iterator[list[RedactedVersion]]:
    with job.files.open(job.files.join(job.root, entry.path)) as source:
        for batch in pq.ParquetFile(source, page_checksum_verification=True).iter_batches(BATCH):
            yield [version_from_row(row) for row in batch.to_pylist()]


def _settled(
    job: RedactJob,
    built: Engines,
    versions: Sequence[RedactedVersion],
    path: str,
    earlier: EarlierPolicies,
) -> Iterator[tuple[RedactedVersion, RedactedVersion | Rejected, Counter[tuple[str, str]]]]:
    """Read stored versions until nothing more is found: what is covered changes how the rest reads.

    Yields: each in which something was found, as it is then and with what was found; or why it
        could not be read.
    """

    def look(pending: Sequence[Placed]) -> Iterator[tuple[RedactedVersion | Rejected, Rules]]:
        return _again(job, built, [version for _, version in pending], path, earlier)

    for place, item, found in repeat_until_stable(versions, look, _found):
        version = versions[place]
        if isinstance(item, Rejected):
            raw = stored_version(version, path)
            item = with_raw(replace(item, source=raw.source), raw)
        yield version, item, found


def _again(
    job: RedactJob,
    built: Engines,
    versions: Sequence[RedactedVersion],
    path: str,
    earlier: EarlierPolicies,
) -> Iterator[tuple[RedactedVersion | Rejected, Rules]]:
    """Redact some stored versions again; each result with its rules."""
    work = [
        (raw, _decided(job, raw, version, earlier))
        for version in versions
        if (raw := stored_version(version, path))
    ]
    with built.lock:
        results = list(redactor_of(job, built).redact(work))
    for (_, decided), item in zip(work, results, strict=True):
        yield item, decided.rules


def _decided(
    job: RedactJob, raw: RawVersion, version: RedactedVersion, earlier: EarlierPolicies
) -> RedactionSettings:
    """Return the settings by the policy, in no weaker a mode than before.

    That it grows old, or its interaction was redacted further, is the history job's work.
    """
    record = version.record
    decided = choose_settings(
        job.policy, raw, version.account_type, record.get("agency_id") or "", record["recorded_at"]
    )
    about = (raw.key.account_id, version.account_type, KIND, job.policy.detect.default_language)
    rules = earlier.rules(decided.rules, *about)
    account = job.accounts.at(raw.key.account_id, raw.created_at)
    own = (
        frozenset(collapse_whitespace(text) for text in (account.name, *account.numbers) if text)
        if account
        else frozenset()
    )
    return replace(decided, rules=rules, mode=strongest_mode(decided.mode, version.mode), own=own)


def _found(
    before: RedactedVersion, after: RedactedVersion, rules: Rules
) -> Counter[tuple[str, str]]:
    """Tell how often what is covered that was readable before, by column and entity type."""
    done = placeholder_pattern(rules)
    found: Counter[tuple[str, str]] = Counter()
    for (column, old, _), (_, new, entities) in zip(
        iter_version_texts(before), iter_version_texts(after), strict=True
    ):
        if old != new and has_unredacted_text(old, done):
            for entity, number in _entities(old, new, entities, rules).items():
                found[column, entity] += number
    return found


def _entities(old: str, new: str, entities: frozenset[str], rules: Rules) -> Counter[str]:
    """Return what was covered in one text: the typed labels that it has more of than before.

    Where it has none (a mask), return what its value is known to hold.
    """
    out: Counter[str] = Counter()
    for entity in sorted(entities):
        label = re.compile(rf"{re.escape(rules.label_for(entity))}|\[{re.escape(entity)}[:\]]")
        number = len(label.findall(new)) - len(label.findall(old))
        if number > 0:
            out[entity] = number
    if not out:
        masked = [e for e in sorted(entities) if rules.operator(e).name == "mask"]
        out[(masked or sorted(entities) or ["UNKNOWN_FIELD"])[0]] = 1
    return out


def _rewrite(
    job: RedactJob,
    built: Engines,
    entry: FileEntry,
    changed: dict[VersionKey, RedactedVersion],
    rejected: dict[VersionKey, Rejected],
    outcome: Outcome,
) -> None:
    """Write the file anew; what could not be read goes to the rejected zone, and out of it."""

    new = {key: version_row(version) for key, version in changed.items()}
    mutation = RowMutation(job.files, job.root, job.snapshot, job.run.run_id)
    mutation.edit_file(
        entry,
        job.rewritten_name(stem := stem_of(entry.path)),
        change_keys(VersionKey._fields, rejected, new),
    )
    partition = dict(entry.partition)
    name = job.new_name(
        f"history.{partition['account_type']}.{partition['day']}.{stem.replace('-', '.')}"
    )
    rejects = DeadLetterWriter(job.files, job.root, built.keyring, job.run.run_id, job.as_of, name)
    for _, item in sorted(rejected.items()):
        rejects.add(item)
    outcome.removed += [f.path for f in mutation.removed]
    outcome.added += [*mutation.added, *rejects.publish()]
    outcome.counts.update({f"reason.{reason}": n for reason, n in rejects.reasons.items()})
