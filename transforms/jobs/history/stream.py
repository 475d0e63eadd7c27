"""The history as a stream: versions redacted as they arrive, and the changes of each object kept
right while late ones come in.

    messages | RedactVersions(job) -> versions, rejected
    versions | TrackChanges()      -> changes, as upserts

State is kept per object: the versions seen so far, redacted. A version that arrives late changes
what its neighbours changed, so rows for those are given out again, under the same key. Whoever
keeps the last row of each key has the history that a batch over the same versions gives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import orjson
from apache_beam.coders import BytesCoder, StrUtf8Coder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from callveil.schemas.interaction import SourceRef
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion, RedactedVersion
from callveil.transforms.ingest.versions.read import read_version
from callveil.transforms.jobs.batch.context import RedactJob, engines_of
from callveil.transforms.jobs.history.load import redact_versions, with_raw
from callveil.transforms.redact.versions.json_values import canonical_json
from callveil.transforms.redact.versions.timeline import HistoryEntry, history_of
from callveil.transforms.storage.tables.versions import decode_versions, encode_versions

REJECTED = "rejected"
"""Tag of the output that carries `Rejected`."""


class ChangeRow(NamedTuple):
    """Changes made by one version, as known now.

    Attributes:
        account_id, item_type, item_id, version_id: its key; a later row of the same key takes this
            one's place.
        changes: JSON: `known`, `classes`, and `changes` as `[field, before, after, sensitive
            class]`.
        revision: 1 for the first row of a key, one more for each that takes its place.
    """

    account_id: str
    item_type: str
    item_id: str
    version_id: str
    changes: str
    revision: int


class _Redact(beam.DoFn):  # type: ignore[misc]
    """Element: one message, JSON bytes. Outputs RedactedVersion and, tagged, Rejected."""

    def __init__(self, job: RedactJob, source: str) -> None:
        self.job, self.source = job, source
        self.seen = Metrics.counter("history_stream", "in")
        self.refused = Metrics.counter("history_stream", "rejected")

    def process(self, message: bytes) -> Iterator[Any]:
        self.seen.inc()
        raws: list[RawVersion] = []
        for item in read_version(message, SourceRef(self.source), self.job.policy.limits):
            if isinstance(item, Rejected):
                self.refused.inc()
                yield beam.pvalue.TaggedOutput(REJECTED, item)
            else:
                raws.append(item)
        for raw, found in zip(
            raws, redact_versions(self.job, engines_of(self.job), raws), strict=True
        ):
            if isinstance(found, Rejected):
                self.refused.inc()
                yield beam.pvalue.TaggedOutput(REJECTED, with_raw(found, raw))
            else:
                yield found


@dataclass
class RedactVersions(beam.PTransform):  # type: ignore[misc]
    """PCollection[bytes], one JSON version or page each -> `main`: PCollection[RedactedVersion],
    `rejected`: PCollection[Rejected].

    Args:
        job: policy, accounts, keyring path, and the store's snapshot that tells which interactions
            are redacted.
        source: name of the stream, for rejections.
    """

    job: RedactJob
    source: str = "stream"

    def expand(self, messages: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Return one ParDo; nothing raw leaves the worker but what is rejected."""
        return messages | "Read and redact message" >> beam.ParDo(
            _Redact(self.job, self.source)
        ).with_outputs(REJECTED, main="main")


class _Track(beam.DoFn):  # type: ignore[misc]
    """Element: (object, encoded version). Keeps what was seen of the object, and gives out the rows
    that are new or have changed.
    """

    SEEN = BagStateSpec("seen", BytesCoder())
    TOLD = ReadModifyWriteStateSpec("told", StrUtf8Coder())
    FORGET = TimerSpec("forget", TimeDomain.WATERMARK)

    def __init__(self, keep_days: int) -> None:
        self.keep = dt.timedelta(days=keep_days)

    def process(
        self,
        element: tuple[str, bytes],
        seen: Any = beam.DoFn.StateParam(SEEN),  # noqa: B008 - Beam's way
        told: Any = beam.DoFn.StateParam(TOLD),  # noqa: B008
        forget: Any = beam.DoFn.TimerParam(FORGET),  # noqa: B008
    ) -> Iterator[ChangeRow]:
        _, block = element
        blocks = list(seen.read())
        if block in blocks:
            return  # the same delivery once more
        seen.add(block)
        versions = [v for b in (*blocks, block) for v in decode_versions(b)]
        last = max(v.created_at for v in versions)
        forget.set(Timestamp.from_utc_datetime(last + self.keep))
        known: dict[str, list[Any]] = _loads(told.read())
        for entry in history_of(versions):
            text = entry_digest_text(entry)
            before = known.get(entry.version.key.version_id)
            if before and before[0] == text:
                continue
            revision = before[1] + 1 if before else 1
            known[entry.version.key.version_id] = [text, revision]
            yield ChangeRow(*entry.version.key, text, revision)
        told.write(canonical_json(known))

    @on_timer(FORGET)
    def forget(
        self,
        seen: Any = beam.DoFn.StateParam(SEEN),  # noqa: B008
        told: Any = beam.DoFn.StateParam(TOLD),  # noqa: B008
    ) -> None:
        """Nothing of the object is due to be kept any more: its state goes."""
        seen.clear()
        told.clear()


def _loads(text: str | None) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = orjson.loads(text) if text else {}
    return out


def entry_digest_text(entry: HistoryEntry) -> str:
    """Return what is known of an entry, as canonical JSON; it does not depend on when or how often
    its version came.
    """
    changes = [
        [c.name, c.before.value, c.after.value, c.sensitive_class, c.before.digest, c.after.digest]
        for c in entry.changes
    ]
    return canonical_json(
        {
            "event": entry.version.event,
            "known": entry.known,
            "classes": list(entry.classes),
            "changes": changes,
        }
    )


def key_by_object(version: RedactedVersion) -> tuple[str, bytes]:
    """Return the object a version belongs to, and the version as state keeps it."""
    return canonical_json(list(version.key.item)), encode_versions([version])


@dataclass
class TrackChanges(beam.PTransform):  # type: ignore[misc]
    """PCollection[RedactedVersion] -> PCollection[ChangeRow], upserts.

    Args:
        keep_days: how long after an object's last version its state is kept, in days of event time:
            at least what the retention of versions keeps, since a version later than that is due
            for deletion anyway.
    """

    keep_days: int = 120

    def expand(self, versions: beam.PCollection) -> beam.PCollection:
        """Key the versions by object, and track each object."""
        return (
            versions
            | "Key by object" >> beam.Map(key_by_object).with_output_types(tuple[str, bytes])
            | "Track object" >> beam.ParDo(_Track(self.keep_days))
        )


def latest_by_key(rows: Iterable[ChangeRow]) -> dict[tuple[str, ...], str]:
    """Return what a keeper of the last row of each key holds."""
    out: dict[tuple[str, ...], ChangeRow] = {}
    for row in rows:
        key = row[:4]
        if key not in out or row.revision > out[key].revision:
            out[key] = row
    return {key: row.changes for key, row in out.items()}
