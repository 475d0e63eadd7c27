"""Records of the live zone read again, and put in the place of those in which more was found.

What takes a record's place is written beside it before the run is published, and named by its
receipt after that: the run's manifest says which records it changed and what they are then, so that
a checkpoint of evidence finds the reason. Killed in between, the receipts are put in place by the
next rescan, from the run's working files.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from callveil.schemas.fields import from_storage, parse_times
from callveil.schemas.interaction import FIELDS, STATE, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.json_types import JsonObject
from callveil.schemas.outcome import Outcome
from callveil.schemas.rejected import RETRYABLE, Rejected
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.jobs.batch.context import Engines, RedactJob
from callveil.transforms.jobs.batch.redact_batches import with_content
from callveil.transforms.jobs.rescan.again import EarlierPolicies, RereadRecord, job_of, read_again
from callveil.transforms.jobs.rescan.interactions import is_audible
from callveil.transforms.jobs.rescan.report import (
    LIVE,
    RescanNotes,
    TaskResult,
    UnreadableRow,
    count_row,
    count_unread,
)
from callveil.transforms.jobs.streaming.receipts import span_rows
from callveil.transforms.redact.audio.span_times import audio_spans
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.serialization import dumps, finding_row, interaction_row
from callveil.transforms.storage.format1.live import Live, Receipt, state_of
from callveil.transforms.storage.identity.record_identifiers import (
    OTHER,
    interaction_ref,
    record_token,
)
from callveil.transforms.storage.index.identity_markers import write_markers
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter

MARK = "rescanned"
"""Member of a receipt: the run that covered more; of a manifest's inputs: SHA-256 by record."""


def rescan_records(job: RedactJob, built: Engines, urls: Sequence[str], name: str) -> TaskResult:
    """Read some records again and, unless the run only looks, write what is to take their place.

    Args:
        urls: of their receipts. name: of this piece of work; names what it rejects.
    """
    live = Live(job.files, job.root)
    outcome, unread, audible, receipts = Outcome(), [], [], []
    held: dict[InteractionKey, tuple[Receipt, JsonObject]] = {}
    rejects = DeadLetterWriter(
        job.files, job.target, built.keyring, job.run.run_id, job.as_of, job.new_name(name)
    )
    for one, item in read_again(built, _jobs(job, built, live, urls, held, outcome.counts)):
        key = one.raw.key
        old, document = held[key]
        if isinstance(item, Rejected):
            unread.append(UnreadableRow(LIVE, key.account_id, key.id, item.reason))
            if item.reason in RETRYABLE:
                continue  # the next rescan may read it
            rejects.add(with_content(item, one))
            more: Receipt = {
                "status": "rejected",
                "reason": item.reason,
                "detail": item.detail,
                "file": "",
                "spans": None,
            }
            new = (
                {k: v for k, v in old.items() if k not in ("sha256", "bytes", "mode", "findings")}
                | more
                | {MARK: job.run.run_id}
            )
        else:
            count_row(outcome.counts, LIVE, item.found)
            outcome.counts["findings"] += len(item.result.findings)
            if item.is_heard and is_audible(live, key):
                audible.append(key)
            new, data = _further(job, one, item, old, document)
            if not job.scratch:
                live.announce(live.part(key, "record"), state_of(new))
                said = [link for link in item.result.people if link.role == OTHER]
                if said:
                    write_markers(live, built.keyring, key, item.result.interaction.day, said)
                live.files.write(live.files.join(live.folder(key), new["file"]), data)
        receipts.append((old, new))
    if not job.scratch:
        outcome.added.extend(rejects.publish())
    count_unread(outcome, unread)
    outcome.counts.update({f"reason.{reason}": n for reason, n in rejects.reasons.items()})
    return TaskResult(outcome, notes=RescanNotes(unread, sorted(audible), receipts))


def _jobs(
    job: RedactJob,
    built: Engines,
    live: Live,
    urls: Sequence[str],
    held: dict[InteractionKey, tuple[Receipt, JsonObject]],
    counts: Counter[str],
) -> Iterator[tuple[DetectionJob, Mapping[str, Any]]]:
    earlier = EarlierPolicies(job)
    for url in urls:
        receipt = live.read_receipt(url)
        if receipt is None or receipt.get("status") != "done":
            continue
        try:
            data = live.files.read(f"{url.rpartition('/')[0]}/{receipt['file']}")
        except FileNotFoundError:
            if live.read_receipt(url) == receipt:
                raise
            continue  # a later snapshot has taken its place; that was redacted by the rules of now
        document = orjson.loads(data)
        raw, row = read_live_record(document["interaction"], receipt["file"])
        held[raw.key] = receipt, document
        counts.update(("in", f"in.{LIVE}"))
        one = job_of(job, built, raw, row, earlier)
        counts["account_unknown"] += one.account is None
        yield one, row


def read_live_record(row: Mapping[str, Any], name: str) -> tuple[RawInteraction, JsonObject]:
    """Return a record of the live zone as one that can be redacted again, and its row, times as
    such.
    """
    timed = dict(row) | {
        n: v
        for n, v in parse_times(STATE, {f.name: row.get(f.name) for f in STATE}).items()
        if v is not None
    }
    record = parse_times(FIELDS, from_storage(FIELDS, row, orjson.loads))
    if row.get("redacted"):
        record["redacted"] = True
    key = InteractionKey(row["account_id"], row["id"])
    return RawInteraction(
        key, row["kind"], record["called_at"], row["rank"], record, SourceRef(name)
    ), timed


def _further(
    job: RedactJob, one: DetectionJob, item: RereadRecord, old: Receipt, document: JsonObject
) -> tuple[Receipt, bytes]:
    """Return the receipt and the bytes of a record that is redacted further.

    What is found is also covered in a recording that comes after its record.
    """
    new = [row.finding for row in item.result.findings]
    findings = [*document["findings"], *(finding_row(f) for f in item.result.findings)]
    data = dumps(
        {"interaction": interaction_row(item.result.interaction), "findings": findings}
    ).encode()
    digest, spans = hashlib.sha256(data).hexdigest(), old.get("spans")
    if spans is not None:
        more = span_rows(audio_spans(one.raw.record, new, job.policy.recordings.channel)) or []
        spans = [*spans, *(s for s in more if s not in spans)]
    named = {"file": f"record-{digest[:24]}.json", "sha256": digest, "bytes": len(data)}
    told = {"mode": item.result.interaction.mode, "findings": len(findings), "spans": spans}
    return old | named | told | {MARK: job.run.run_id}, data


def manifest_facts(
    keyring: Keyring, receipts: Sequence[Sequence[Receipt]]
) -> dict[str, dict[str, str]]:
    """Return what a manifest says of the records that a run changes.

    Returns: the SHA-256 of each by the digest of its key; empty for one that could not be read.
    """
    changed = {
        record_token(keyring, interaction_ref(_key(new))): str(new.get("sha256", ""))
        for _, new in receipts
    }
    return {MARK: dict(sorted(changed.items()))}


def publish_replacements(live: Live, receipts: Sequence[Sequence[Receipt]]) -> None:
    """Name by its receipt what takes each record's place, and purge the record. Safe to repeat.

    Called once the run is published. A record that has changed meanwhile is left as it is: a later
    snapshot was redacted by the rules of now, and what went is gone.
    """
    for old, new in receipts:
        key = _key(new)
        url = live.files.join(live.folder(key), "record.json")
        if live.swap(key, dict(old), dict(new)) or live.receipt(key, "record") == new:
            live.files.purge(live.files.join(live.folder(key), old["file"]))
            live.files.purge_older(url)
    purge_unused(live, receipts)


def purge_unused(live: Live, receipts: Sequence[Sequence[Receipt]]) -> None:
    """Purge what was to take the place of records and is named by no receipt."""
    for _, new in receipts:
        held = live.receipt(_key(new), "record")
        if new["file"] and (held is None or held.get("file") != new["file"]):
            live.files.purge(live.files.join(live.folder(_key(new)), new["file"]))


def _key(receipt: Receipt) -> InteractionKey:
    return InteractionKey(receipt["account_id"], receipt["id"])
