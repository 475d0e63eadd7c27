"""Acting on what has come of one interaction: its record and its recording are redacted and
published, each once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.schemas.rejected import Rejected
from callveil.schemas.subject_index import IdentifierLink
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.jobs.streaming.context import PublishedOutput, WatchJob
from callveil.transforms.jobs.streaming.halves import (
    InteractionPart,
)
from callveil.transforms.jobs.streaming.pair import InteractionParts
from callveil.transforms.jobs.streaming.paired_interaction import JoinedRecord, joined_of
from callveil.transforms.jobs.streaming.publish_recordings import (
    RecordingPublisher,
)
from callveil.transforms.jobs.streaming.receipts import (
    read_transcript_entry,
    transcript_entry,
)
from callveil.transforms.jobs.streaming.redact_arrived import redact_arrived
from callveil.transforms.redact.audio.transcript_words import (
    TranscriptCoverage,
)
from callveil.transforms.redact.engine import RedactionResult
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.serialization import dumps, finding_row, interaction_row
from callveil.transforms.storage.format1.live import (
    WHATS,
    Receipt,
    outranks,
    tombstone,
)
from callveil.transforms.storage.identity.record_identifiers import (
    interaction_people,
    interaction_ref,
    tokenize,
)
from callveil.transforms.storage.index.identity_markers import write_markers
from callveil.transforms.storage.index.suppression_list import read_suppression_list
from callveil.transforms.storage.tables.spool import encode_raw_record


@dataclass(frozen=True)
class InteractionPublisher:
    """Redacts and publishes what is held of an interaction.

    Everything it writes depends on the pieces and the policy alone, so that a repetition, after a
    kill or beside a twin, writes the same.
    """

    job: WatchJob
    built: Engines
    recordings: RecordingPublisher = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recordings", RecordingPublisher(self.job, self.built))

    def act(self, key: InteractionKey, held: InteractionParts, now: float) -> list[PublishedOutput]:
        """Publish what is not published yet, and put away originals that have settled.

        Args:
            now: seconds since 1970; tells which have.

        Returns what this call has published, nothing where all of it was there. Raises `OSError`
        where the store or a source cannot be reached.
        """
        if self._is_erased(key):
            for what in WHATS:
                self.job.live.commit(key, what, tombstone(key, what))
            return []
        out: list[PublishedOutput] = []
        said = TranscriptCoverage()
        if joined := joined_of(self.job, self.built.keyring, key, held):
            if joined.out:
                self._cover_by(key, joined.out, joined.piece, joined.raw)
            else:
                said = self._record(key, joined, held, out)
        for piece in held.recordings:
            self.recordings.publish(key, held, piece, said, now, out)
        return out

    def _is_erased(self, key: InteractionKey) -> bool:
        """Tell whether the interaction was erased or set aside at somebody's request, from wherever
        it was then.
        """
        return read_suppression_list(
            Store(self.job.files, self.job.root), self.built.keyring.current()
        ).holds(interaction_ref(key))

    def _cover_by(
        self, key: InteractionKey, receipt: Receipt, piece: InteractionPart, raw: RawInteraction
    ) -> None:
        """Cover what a transcript asks for, where its record is out and cannot be read again: that
        stays as it is.
        """
        _, said = redact_arrived(
            self.job,
            self.built,
            raw,
            self.job.run_at(piece.landed_at, piece.object_id),
            self.recordings.place_of(key),
            self.job.policy.recordings.channel,
        )
        if said.spans is not None or said.refused:
            self.recordings.cover_again(key, said)
        self.job.live.swap(
            key,
            receipt,
            receipt
            | {"said": piece.object_id, **transcript_entry(said, self.recordings.object_of(key))},
        )

    def _record(
        self,
        key: InteractionKey,
        joined: JoinedRecord,
        held: InteractionParts,
        out: list[PublishedOutput],
    ) -> TranscriptCoverage:
        """Publish the record unless it, or a later snapshot, is there. Returns what to cover of the
        recording it was held against.
        """
        live, piece, raw, name = self.job.live, joined.piece, joined.raw, joined.said
        old = live.receipt(key, "record")
        if old and not outranks({"rank": piece.rank, "said": name}, old):
            return TranscriptCoverage()
        run = self.job.run_at(piece.landed_at, piece.object_id)
        try:
            result, said = redact_arrived(
                self.job,
                self.built,
                raw,
                run,
                self.recordings.place_of(key, held),
                self.job.policy.recordings.channel,
            )
            data = b"" if isinstance(result, Rejected) else _published_bytes(result)
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - a fault of ours in one record must not end a pipeline that many others wait for
            detail = f"{type(e).__name__} while it was redacted; please report this"
            result, said = (
                Rejected(raw.source, "redact", "internal_error", detail, "", b"", *key),
                TranscriptCoverage(),
            )
        receipt: Receipt = {
            "what": "record",
            "account_id": key.account_id,
            "id": key.id,
            "kind": raw.kind,
            "called_at": raw.called_at.isoformat(),
            "account_type": self.job.accounts.type_at(key.account_id, raw.called_at),
            "rank": piece.rank,
            "object": piece.object_id,
            "landed_at": piece.landed_at,
            "as_of": run.as_of.isoformat(),
            "policy_sha256": run.policy_sha256,
            "run_id": run.run_id,
        }
        receipt |= {"said": name} if name else {}
        receipt |= {"replaced": old["file"]} if old and old["file"] else {}
        recording = self.recordings.object_of(key, held)
        if name and said == TranscriptCoverage() and old:
            said = read_transcript_entry(old, recording)
        if isinstance(result, Rejected):
            self.recordings.reject(piece, replace(result, raw=encode_raw_record(raw)))
            receipt |= {
                "status": "rejected",
                "reason": result.reason,
                "detail": result.detail,
                "file": "",
                "spans": None,
            }
        else:
            digest = hashlib.sha256(data).hexdigest()
            receipt |= {
                "status": "done",
                "mode": result.interaction.mode,
                "findings": len(result.findings),
                **transcript_entry(said, recording),
            }
            write_markers(live, self.built.keyring, key, result.interaction.day, result.people)
            receipt |= {"file": f"record-{digest[:24]}.json", "sha256": digest, "bytes": len(data)}
            self.job.files.write(self.job.files.join(live.folder(key), receipt["file"]), data)
        if said.spans is not None or (said.refused and old):
            self.recordings.cover_again(
                key, said
            )  # before the receipt, since with it the snapshot counts as dealt with
        if old is None and live.commit(key, "record", receipt):
            published = True
        else:
            old = live.supersede(key, receipt)
            published = old is not None
            if old and old["file"] not in ("", receipt["file"]):
                self.job.files.purge(self.job.files.join(live.folder(key), old["file"]))
        if published:
            out.append(
                PublishedOutput(
                    key, "record", receipt["status"], receipt.get("reason", ""), piece.landed_at
                )
            )
        else:
            self.recordings.discard(key, "record", receipt["file"])
        return said

    def people_of(
        self, raw: RawInteraction, landed_at: float, object_id: str
    ) -> tuple[IdentifierLink, ...]:
        """Return whom a raw record is about, as keyed digests: what is noted as it is redacted."""
        result, _ = redact_arrived(
            self.job, self.built, raw, self.job.run_at(landed_at, object_id), None, "own"
        )
        return (
            tokenize(self.built.keyring, interaction_people(raw))
            if isinstance(result, Rejected)
            else result.people
        )


def _published_bytes(result: RedactionResult) -> bytes:
    """Return a record's published file."""
    return dumps(
        {
            "interaction": interaction_row(result.interaction),
            "findings": [finding_row(f) for f in result.findings],
        }
    ).encode()
