"""One day of the versions dataset brought up to date."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import FileEntry
from callveil.schemas.outcome import Outcome
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RedactedVersion, VersionKey, is_interaction
from callveil.transforms.jobs.batch.context import Engines, RedactJob, WorkCache, engines_of
from callveil.transforms.jobs.history.linked_interactions import (
    FULL,
    LinkedInteraction,
    lookup_interactions,
)
from callveil.transforms.jobs.history.load import BATCH, linked_key
from callveil.transforms.jobs.history.reredact import redact_again
from callveil.transforms.redact.versions.decision import KIND
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.tables.dead_letters import DeadLetterWriter
from callveil.transforms.storage.tables.key_index import stem_of
from callveil.transforms.storage.tables.mutation import RowMutation
from callveil.transforms.storage.tables.parquet import publish_records
from callveil.transforms.storage.tables.rewrite import change_keys
from callveil.transforms.storage.tables.versions import (
    VERSIONS,
    best_versions,
    decode_versions,
    version_from_row,
    version_row,
    version_sort_key,
)

FILE_ROWS = 50_000
"""Rows of one file of the dataset."""


def write_day_once(
    job: RedactJob,
    changed: frozenset[InteractionKey],
    aged: frozenset[str],
    day: str,
    blocks: list[bytes],
    marked: frozenset[InteractionKey],
) -> Outcome:
    """Return what `write_day` gives, done or remembered."""
    facts = hashlib.sha256(
        repr((sorted(marked), sorted(changed), sorted(aged), job.snapshot.manifest_sha256)).encode()
    )
    for block in blocks:
        facts.update(hashlib.sha256(block).digest())
    return WorkCache(job, "days", Outcome).once(
        f"{day}-{facts.hexdigest()[:24]}",
        lambda: write_day(job, engines_of(job), day, blocks, marked, changed, day in aged),
        day=day,
    )


def write_day(
    job: RedactJob,
    built: Engines,
    day: str,
    blocks: Iterable[bytes],
    marks: frozenset[InteractionKey],
    changed: frozenset[InteractionKey],
    aged: bool = False,
) -> Outcome:
    """Take in new versions, better deliveries of stored ones, and redact stored ones further where
    their interaction was.

    Args:
        day: UTC day, `YYYY-MM-DD`.
        blocks: encoded versions of this day.
        marks: interactions that `redact` events of this run name.
        changed: interactions that were redacted further since the last run.
        aged: some interactions of this day may have reached an age of full redaction since the last
            run.

    A day for which nothing came, and none of whose versions are
        about a redacted interaction, is hardly read.
    """
    work = _Day(job, built, day, marks, changed, aged)
    work.run(v for block in blocks for v in decode_versions(block))
    return work.outcome


class _Day:
    def __init__(
        self,
        job: RedactJob,
        built: Engines,
        day: str,
        marks: frozenset[InteractionKey],
        changed: frozenset[InteractionKey],
        aged: bool,
    ) -> None:
        self.job, self.built, self.day, self.marks, self.changed, self.aged = (
            job,
            built,
            day,
            marks,
            changed | marks,
            aged,
        )
        self.outcome = Outcome()
        self.rejects = DeadLetterWriter(
            job.files,
            job.target,
            built.keyring,
            job.run.run_id,
            job.as_of,
            job.new_name(f"history.{day}"),
        )

    def run(self, came: Iterable[RedactedVersion]) -> None:
        """Do the work and fill in the outcome."""
        counts, all_came = self.outcome.counts, list(came)
        stored = [
            f
            for f in self.job.snapshot.by_dataset(VERSIONS.name)
            if dict(f.partition)["day"] == self.day
        ]
        best = best_versions(all_came)
        counts["duplicates"] += len(all_came) - len(best)
        for file in stored:
            if not best and not self._concerned(file):
                continue
            heads = self._heads(file)
            drop: set[VersionKey] = set()
            for key, head in heads.items():
                new = best.get(key)
                if new is not None and new.order > head[0]:
                    drop.add(key)
                elif new is not None:
                    del best[key]
                    counts["duplicates"] += 1
            counts["replaced"] += len(drop)
            self._change(file, heads, drop)
        self._write(self._further(best))
        self.outcome.added.extend(self.rejects.publish())
        counts.update({f"reason.{reason}": n for reason, n in self.rejects.reasons.items()})

    def _write(self, versions: Sequence[RedactedVersion]) -> None:
        by_type: dict[str, list[RedactedVersion]] = defaultdict(list)
        for version in sorted(versions, key=version_sort_key):
            by_type[version.account_type].append(version)
        for account_type, rows in sorted(by_type.items()):
            partition = {"account_type": account_type, "day": self.day}
            for number in range(0, len(rows), FILE_ROWS):
                path = data_path(
                    VERSIONS.name,
                    partition,
                    self.job.run.run_id,
                    self.job.new_name(f"{number // FILE_ROWS:06d}"),
                )
                part = rows[number : number + FILE_ROWS]
                self.outcome.added.append(
                    publish_records(
                        self.job.files, self.job.target, path, VERSIONS, partition, part
                    )
                )
        self.outcome.counts["stored"] += len(versions)

    def _concerned(self, file: FileEntry) -> bool:
        """Tell whether a stored file may hold versions to be redacted further."""
        if self.aged or not self.changed:
            return self.aged
        with self.job.files.open(self.job.files.join(self.job.root, file.path)) as source:
            table = pq.read_table(
                source,
                columns=["account_id", "item_id"],
                filters=[("item_id", "in", sorted({k.id for k in self.changed}))],
            )
        return any(
            InteractionKey(row["account_id"], row["item_id"]) in self.changed
            for row in table.to_pylist()
        )

    def _heads(self, file: FileEntry) -> dict[VersionKey, tuple[tuple[int, str], str]]:
        """Order and mode of every row of a stored file, by key; the values are not read."""
        columns = [*VersionKey._fields, "rank", "digest", "redaction_mode"]
        with self.job.files.open(self.job.files.join(self.job.root, file.path)) as source:
            rows = pq.read_table(source, columns=columns).to_pylist()
        return {
            VersionKey(*(r[c] for c in VersionKey._fields)): (
                (r["rank"], r["digest"]),
                r["redaction_mode"],
            )
            for r in rows
        }

    def _further(self, best: Mapping[VersionKey, RedactedVersion]) -> list[RedactedVersion]:
        """New versions, those about interactions that this run found to be redacted, redacted like
        them.
        """
        chosen = [
            v
            for v in best.values()
            if is_interaction(v.key.item_type)
            and linked_key(v.key) in self.marks
            and v.mode != "full"
        ]
        out = {v.key: v for v in best.values()}
        known = dict.fromkeys((linked_key(v.key) for v in chosen), FULL)
        for version, item in zip(
            chosen, redact_again(self.job, self.built, chosen, known), strict=True
        ):
            if isinstance(item, Rejected):
                self.rejects.add(item)
                self.outcome.counts["rejected"] += 1
                del out[version.key]
            else:
                out[version.key] = item
        return list(out.values())

    def _change(
        self,
        file: FileEntry,
        heads: Mapping[VersionKey, tuple[tuple[int, str], str]],
        drop: set[VersionKey],
    ) -> None:
        """Rewrite a stored file where a better delivery replaces a row, or an interaction was
        redacted further.
        """
        weak = {
            key
            for key, (_, mode) in heads.items()
            if is_interaction(key.item_type) and mode != "full" and key not in drop
        }
        redo = {k for k in weak if linked_key(k) in self.changed}
        known = (
            lookup_interactions(
                self.job.files, self.job.root, self.job.snapshot, {linked_key(k) for k in redo}
            )
            if redo
            else {}
        )
        known.update(dict.fromkeys(self.marks & {linked_key(k) for k in redo}, FULL))
        redo |= self._aged(file, weak)
        if not drop and not redo:
            return
        done = dict(self._redone(file, redo, known)) if redo else {}
        self.outcome.counts["redone"] += len(done)
        if self.job.scratch:
            return

        # What was to be hidden, and could not be, is not left readable.
        gone = drop | (redo - done.keys())
        new = {key: version_row(version) for key, version in done.items()}
        mutation = RowMutation(
            self.job.files, self.job.root, self.job.snapshot, self.job.run.run_id
        )
        mutation.edit_file(
            file,
            self.job.rewritten_name(stem_of(file.path)),
            change_keys(VersionKey._fields, gone, new),
        )
        self.outcome.removed += [f.path for f in mutation.removed]
        self.outcome.added += mutation.added

    def _aged(self, file: FileEntry, weak: set[VersionKey]) -> set[VersionKey]:
        """Of rows about interactions, those that have reached an age of full redaction."""
        policy = self.job.policy
        if not weak or not self.aged:
            return set()
        with self.job.files.open(self.job.files.join(self.job.root, file.path)) as source:
            rows = pq.read_table(source, columns=[*VersionKey._fields, "created_at"]).to_pylist()
        out = set()
        for row in rows:
            key = VersionKey(*(row[c] for c in VersionKey._fields))
            rules = policy.rules(
                key.account_id,
                dict(file.partition)["account_type"],
                KIND,
                policy.detect.default_language,
            )
            if key in weak and rules.mode_at(row["created_at"], self.job.as_of) == "full":
                out.add(key)
        return out

    def _redone(
        self, file: FileEntry, redo: set[VersionKey], known: dict[InteractionKey, LinkedInteraction]
    ) -> Iterator[tuple[VersionKey, RedactedVersion]]:
        with self.job.files.open(self.job.files.join(self.job.root, file.path)) as source:
            rows = pq.read_table(
                source, filters=[("item_id", "in", sorted({k.item_id for k in redo}))]
            ).to_pylist()
        chosen = [v for v in map(version_from_row, rows) if v.key in redo]
        for at in range(0, len(chosen), BATCH):
            batch = chosen[at : at + BATCH]
            for version, item in zip(
                batch, redact_again(self.job, self.built, batch, known, file.path), strict=True
            ):
                if isinstance(item, Rejected):
                    self.rejects.add(item)
                    self.outcome.counts["redo_rejected"] += 1
                else:
                    yield version.key, item
