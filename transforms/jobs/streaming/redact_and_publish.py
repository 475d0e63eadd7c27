"""Acting on what has come of one interaction: its record and its recording are redacted and
published, each once.
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.schemas.subject_index import IdentifierLink
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.jobs.batch.redact_batches import redact_jobs
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.halves import (
    InteractionPart,
    decrypt_record,
    has_transcript,
)
from callveil.transforms.jobs.streaming.originals import archive_original
from callveil.transforms.jobs.streaming.pair import InteractionParts
from callveil.transforms.jobs.streaming.paired_interaction import JoinedRecord, joined_of
from callveil.transforms.jobs.streaming.read_object import SECOND, reread_interaction
from callveil.transforms.jobs.streaming.receipts import (
    OF_ORIGINAL,
    covers_recording,
    read_transcript_entry,
    recording_entry,
    same_length,
    span_row,
    transcript_entry,
)
from callveil.transforms.jobs.streaming.redacted_recordings import (
    ALIGNING,
    Place,
    RecordingRedactor,
)
from callveil.transforms.jobs.streaming.rejections import write_rejection
from callveil.transforms.redact.audio.align import Aligner
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.energy import survey_recording
from callveil.transforms.redact.audio.masking import CoverTone
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan, CoverMargins
from callveil.transforms.redact.audio.redact import RecordingTreatment
from callveil.transforms.redact.audio.transcript_words import (
    TranscriptCoverage,
    transcript_coverage,
)
from callveil.transforms.redact.engine import RedactionResult, RunColumns
from callveil.transforms.redact.operators import TokenKeys
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.files.serialization import dumps, finding_row, interaction_row
from callveil.transforms.storage.format1.live import (
    EMPTY,
    WHATS,
    Ledger,
    Receipt,
    What,
    entries_of,
    outranks,
    tombstone,
    with_entry,
)
from callveil.transforms.storage.format1.originals import original_of
from callveil.transforms.storage.identity.record_identifiers import (
    interaction_people,
    interaction_ref,
    tokenize,
)
from callveil.transforms.storage.index.identity_markers import write_markers
from callveil.transforms.storage.index.suppression_list import read_suppression_list
from callveil.transforms.storage.tables.spool import encode_raw_record

log = logging.getLogger(__name__)
_aligner = Aligner()


@dataclass(frozen=True)
class PublishedOutput:
    """One output that came into being.

    Attributes:
        key: the interaction. what: `record` or `audio`.
        status: `done` or `rejected`. reason: of the rejection, or why a recording was covered
            whole; else empty.
        landed_at: when the object it came from landed, seconds since 1970.
        seconds: length of a recording.
    """

    key: InteractionKey
    what: What
    status: str
    reason: str
    landed_at: float
    seconds: float = 0.0


@dataclass(frozen=True)
class InteractionPublisher:
    """Redacts and publishes what is held of an interaction.

    Everything it writes depends on the pieces and the policy alone, so that a repetition, after a
    kill or beside a twin, writes the same.
    """

    job: WatchJob
    built: Engines
    copies: RecordingRedactor = field(init=False)

    def __post_init__(self) -> None:
        r = self.job.policy.recordings
        margins = CoverMargins(r.padding_seconds, r.padding_seconds)
        treatment = RecordingTreatment(
            CoverTone.of(r.mode), margins, keypad=r.keypad, films=r.video == "copy"
        )
        object.__setattr__(
            self,
            "copies",
            RecordingRedactor(
                self.job, treatment, lambda raw, run: self._redacted(raw, run, None, "own")
            ),
        )

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
            self._audio(key, held, piece, said, now, out)
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
        _, said = self._redacted(
            raw,
            self.job.run_at(piece.landed_at, piece.object_id),
            self._place(key),
            self.job.policy.recordings.channel,
        )
        if said.spans is not None or said.refused:
            self._again(key, said)
        self.job.live.swap(
            key,
            receipt,
            receipt | {"said": piece.object_id, **transcript_entry(said, self._object(key))},
        )

    def _place(self, key: InteractionKey, held: InteractionParts | None = None) -> Place | None:
        """Tell where the call's first recording can be heard."""
        receipt, landed = (
            self.job.live.receipt(key, "audio"),
            [p.url for p in held.recordings] if held else [],
        )
        if receipt is None or receipt["status"] in EMPTY:
            return (self.job.files, landed[0]) if landed else None
        if receipt["source"] in landed:
            return self.job.files, receipt["source"]
        return self._original(key, entries_of(receipt)[0])

    def _object(self, key: InteractionKey, held: InteractionParts | None = None) -> str:
        """Return the object of the recording at `_place`; empty where there is none."""
        receipt, landed = self.job.live.receipt(key, "audio"), held.recordings if held else ()
        if receipt is None or receipt["status"] in EMPTY:
            return landed[0].object_id if landed else ""
        here = (p.object_id for p in landed if p.url == receipt["source"])
        return next(here, str(entries_of(receipt)[0]["object"]))

    def _original(self, key: InteractionKey, entry: Receipt) -> Place | None:
        return original_of(self.job.files, self.job.live, self.built.keyring, key, entry)

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
            result, said = self._redacted(
                raw, run, self._place(key, held), self.job.policy.recordings.channel
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
        recording = self._object(key, held)
        if name and said == TranscriptCoverage() and old:
            said = read_transcript_entry(old, recording)
        if isinstance(result, Rejected):
            self._reject(piece, replace(result, raw=encode_raw_record(raw)))
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
            self._again(
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
            self._discard(key, "record", receipt["file"])
        return said

    def people_of(
        self, raw: RawInteraction, landed_at: float, object_id: str
    ) -> tuple[IdentifierLink, ...]:
        """Return whom a raw record is about, as keyed digests: what is noted as it is redacted."""
        result, _ = self._redacted(raw, self.job.run_at(landed_at, object_id), None, "own")
        return (
            tokenize(self.built.keyring, interaction_people(raw))
            if isinstance(result, Rejected)
            else result.people
        )

    def _redacted(
        self, raw: RawInteraction, run: RunColumns, recording: Place | None, channels: str
    ) -> tuple[RedactionResult | Rejected, TranscriptCoverage]:
        """Return a record redacted, and what to cover of its recording. `channels`: on which
        channel parties are heard.
        """
        job, built = self.job, self.built
        account = job.accounts.at(raw.key.account_id, raw.called_at)
        account_type = account.type if account else "unknown"
        language = built.detector.language_of(str(raw.record.get("language") or "") or None)
        decision = decide_redaction(
            job.policy, raw, account_type, run.as_of, language, MinimumRedaction(), ()
        )
        redactor = copy.copy(built.redactor)
        redactor.run, redactor.secrets = run, TokenKeys.of(built.keyring.current())
        once = Engines(built.detect, built.keyring, built.detector, redactor, built.lock)
        agency = str(raw.record.get("agency_id") or "") or (account.agency_id if account else "")
        _, result = next(
            redact_jobs(once, [DetectionJob(raw, decision, account_type, agency, account)])
        )
        if isinstance(result, Rejected) or not has_transcript(raw):
            return result, TranscriptCoverage()
        findings = [row.finding for row in result.findings]
        if recording:
            try:
                known, aligner = (
                    survey_recording(*recording),
                    _aligner if job.policy.recordings.align else None,
                )
                with ALIGNING:
                    return result, transcript_coverage(
                        *recording,
                        raw.record,
                        findings,
                        channels,
                        aligner,
                        known,
                        more=job.policy.recordings.untranscribed,
                    )
            except (AudioRejected, FileNotFoundError):
                pass  # it is rejected, or gone, when it is to be covered
            except OSError:
                raise
            except Exception as e:  # noqa: BLE001 - a fault of ours: nothing is known of when things were said
                log.warning(
                    "%s while a transcript was held against its recording; the recording is "
                    "covered as one without",
                    type(e).__name__,
                )
                return result, TranscriptCoverage()
        return result, transcript_coverage(job.files, None, raw.record, findings, channels)

    def _audio(
        self,
        key: InteractionKey,
        held: InteractionParts,
        piece: InteractionPart,
        said: TranscriptCoverage,
        now: float,
        out: list[PublishedOutput],
    ) -> None:
        """Publish the redacted recording unless it is there, and put the original away once it has
        settled.

        A copy of what the same file held before is replaced: it was made while the file was still
        being written.
        """
        live = self.job.live
        while True:
            receipt = live.receipt(key, "audio")
            if receipt and receipt["status"] in EMPTY:
                if receipt["object"] != piece.object_id:
                    self._second(key, piece, out)
                return
            digest = "" if receipt and recording_entry(receipt, piece) else self._digest(piece.url)
            old = self._before(receipt, piece, digest) if receipt else None
            if (
                receipt
                and old
                and (
                    old["object"] == piece.object_id
                    or (old["source"] == piece.url and old["landed_at"] > piece.landed_at)
                )
            ):
                break
            twin = next(
                (e for e in entries_of(receipt or {}) if digest and covers_recording(e, digest)),
                None,
            )
            if twin and not old:
                self._twin(twin, piece, now)
                return
            if old and old == twin:  # the same content was written anew, or moved
                new: Receipt | None = old | {
                    "object": piece.object_id,
                    "source": piece.url,
                    "landed_at": piece.landed_at,
                }
            else:
                new = self._copy(key, held, piece, said, receipt, old)
            if new is None:
                return  # it changed meanwhile: what it is now is an arrival of its own
            new |= {
                "source_sha256": digest,
                **(
                    {"replaced": old["file"]}
                    if old and old.get("file") not in (None, new.get("file"))
                    else {}
                ),
            }
            both = with_entry(receipt, old, new)
            if live.swap(key, receipt, both) if receipt else live.commit(key, "audio", both):
                receipt = both
                if not old or old.get("file") != new.get("file"):
                    out.append(
                        PublishedOutput(
                            key,
                            "audio",
                            new["status"],
                            new["reason"],
                            piece.landed_at,
                            new.get("seconds", 0.0),
                        )
                    )
                if old:
                    self._discard(key, "audio", old.get("file", ""))
                    live.forget_rejections(old["object"])
                break
            self._discard(key, "audio", new.get("file", ""))
        entry = recording_entry(receipt, piece)
        if (
            entry
            and entry["original"] != "keep"
            and now >= piece.landed_at + self.job.policy.recordings.settle_seconds
        ):
            archive_original(self.job.files, live, self.built.keyring, key, entry, piece)

    def _digest(self, url: str) -> str:
        try:
            return self.job.files.sha256(url)[0]
        except (FileNotFoundError, PermissionError):
            return ""  # it is rejected when it is to be covered

    def _twin(self, entry: Receipt, piece: InteractionPart, now: float) -> None:
        """Deal with a file of which there is a redacted copy, made from another one. It goes once
        that was put away.
        """
        rules = self.job.policy.recordings
        if rules.original != "keep" and entry["original"] != "keep":
            if not self.job.live.put_away(entry) or now < piece.landed_at + rules.settle_seconds:
                return
            with suppress(PreconditionFailed):
                self.job.files.purge(piece.url, if_match=piece.etag)
        self.job.live.note(
            Arrival(piece.url, piece.etag, 0, piece.landed_at), Ledger("audio", (), 0, "copy")
        )

    def _before(self, receipt: Receipt, piece: InteractionPart, digest: str) -> Receipt | None:
        """Return what is published of a recording: of itself, of what its file held before, or of
        the file it was before it was moved.

        A file in the place of one that was put away is another recording.
        """
        same = recording_entry(receipt, piece)
        there = [e for e in entries_of(receipt) if not self.job.live.put_away(e)]
        grown = next((e for e in reversed(there) if e["source"] == piece.url), None)
        moved = (
            e
            for e in there
            if digest and covers_recording(e, digest) and self.job.files.info(e["source"]) is None
        )
        return same or grown or next(moved, None)

    def _copy(
        self,
        key: InteractionKey,
        held: InteractionParts,
        piece: InteractionPart,
        said: TranscriptCoverage,
        receipt: Receipt | None,
        old: Receipt | None,
    ) -> Receipt | None:
        """Write the redacted recording; returns what the receipt says of it, or None where the
        recording is no longer what it was.
        """
        info = self.job.files.info(piece.url)
        if info.etag != piece.etag if info else old is not None:
            return None
        if said.known is None or self._object(key, held) != piece.object_id:
            said = self._told(key, piece, grown=old is not None)
        new = self._covered(
            key, held, piece, said, receipt if receipt and entries_of(receipt)[0] != old else None
        )
        after = self.job.files.info(piece.url)
        if info and after and after.etag != info.etag:
            self._discard(key, "audio", new.get("file", ""))
            return None
        if new["status"] == "rejected":
            self._reject(
                piece,
                Rejected(
                    SourceRef(piece.url), "redact", new["reason"], new["detail"], "", b"", *key
                ),
            )
        return new

    def _told(self, key: InteractionKey, piece: InteractionPart, grown: bool) -> TranscriptCoverage:
        """Return what to cover of a recording whose record is out. The record is read again where
        the recording has grown since its words were looked for in it, and where the times were held
        against another recording that they did not fit.
        """
        record = self.job.live.receipt(key, "record")
        if record is None:
            return TranscriptCoverage()
        said = read_transcript_entry(record, piece.object_id)
        if (
            record["status"] != "done"
            or not record.get("turns")
            or not (grown or (said.spans is None and not said.refused))
        ):
            return said
        raw = reread_interaction(
            self.job, self.built.keyring, record.get("said") or record["object"], key
        )
        if raw is None or not has_transcript(raw):
            return said
        run = self.job.run_at(record["landed_at"], record["object"])
        return self._redacted(
            raw, run, (self.job.files, piece.url), self.job.policy.recordings.channel
        )[1]

    def _again(self, key: InteractionKey, said: TranscriptCoverage) -> None:
        """Do again what is out of the call's recordings, now that a transcript, or a later one,
        says what is heard in them.

        What was covered without a transcript is made anew from its original, where that is still to
        be had; else it stays covered. Of what was covered by an earlier transcript more is covered,
        and nothing uncovered.
        """
        live, number = self.job.live, 0
        while True:
            receipt = live.receipt(key, "audio")
            if receipt is None or receipt["status"] in EMPTY or number >= len(entries_of(receipt)):
                return live.sweep(receipt) if receipt else None
            old = entries_of(receipt)[number]
            new = None
            if old["status"] == "done" and old["transcript"]:
                new = self._further(key, old, said, first=not number)
            elif said.spans is not None and (
                old["status"] == "done" or old["reason"] in ("no_transcript", "audio_times")
            ):
                piece = InteractionPart(
                    "recording",
                    old["object"],
                    old["source"],
                    "",
                    0,
                    old["landed_at"],
                    0,
                    True,
                    True,
                    bool(old.get("cut")),
                )
                place = self._original(key, old)
                own = replace(said, fit=None, known=None) if number else said
                new = (
                    self._covered(
                        key, InteractionParts(), piece, own, receipt if number else None, place
                    )
                    if place
                    else None
                )
                if new and new["status"] != "done":
                    new = None  # the copy that is covered whole says less, and holds
            if new is None:
                number += 1
                continue
            new |= {
                k: v
                for k, v in (
                    ("replaced", old.get("file")),
                    ("source_sha256", old.get("source_sha256")),
                )
                if v
            }
            swapped = live.swap(key, receipt, with_entry(receipt, old, new))
            number += swapped
            self._discard(key, "audio", (old if swapped else new).get("file", ""))
            if swapped and old["status"] == "rejected":
                live.forget_rejections(old["object"])

    def _further(
        self, key: InteractionKey, old: Receipt, said: TranscriptCoverage, first: bool
    ) -> Receipt | None:
        """Return a redacted copy covered further; None where it covers all of that already.
        `first`: it is the recording that times were held against.
        """
        files, folder, covered = self.job.files, self.job.live.folder(key), old["spans"]
        if span_row(EVERYTHING) in covered:
            return None
        if (
            said.fit is None or not first
        ):  # the recording is not at hand; what is covered in its copy differs little from it
            copied = survey_recording(files, files.join(folder, old["file"]))
            said = replace(said, fit=None).held_against(
                copied, more=False
            )  # it was covered when the recording was at hand
        spans = [EVERYTHING] if said.spans is None else said.spans
        more = [
            s
            for s in (spans if first else [replace(s, channel=0) for s in spans])
            if span_row(s) not in covered
        ]
        if not more:
            return None
        url = files.join(folder, self.copies.name(old["sha256"], more, old["file"]))
        done = self.copies.written((files, files.join(folder, old["file"])), url, more)
        seconds = [
            max(a, b)
            for a, b in zip(old["covered_seconds"], done.pop("covered_seconds"), strict=True)
        ]
        kept = {k: old[k] for k in OF_ORIGINAL if k in old} | (
            {"reason": "audio_times"} if said.refused else {}
        )
        return (
            old
            | done
            | kept
            | {"covered_seconds": seconds, "spans": [*covered, *(span_row(s) for s in more)]}
        )

    def _covered(
        self,
        key: InteractionKey,
        held: InteractionParts,
        piece: InteractionPart,
        said: TranscriptCoverage,
        beside: Receipt | None = None,
        place: Place | None = None,
    ) -> Receipt:
        """Write the redacted recording; returns its receipt.

        Args:
            beside: receipt of the call's recordings, where this is not the first of them: times are
                those of the first.
            place: where the recording is read from; None: where it landed.
        """
        run = self.job.run_at(piece.landed_at, piece.object_id)
        place = place or (self.job.files, piece.url)
        if said.spans is not None and said.fit is None:
            with suppress(AudioRejected, FileNotFoundError):  # it is rejected when it is covered
                said = said.held_against(
                    survey_recording(*place), more=self.job.policy.recordings.untranscribed
                )
        if beside and said.spans is not None:
            said = replace(said, spans=[AudioSpan(s.start, s.end, 0) for s in said.spans])
        raw = decrypt_record(self.built.keyring, held.record) if held.record else None
        recognise = (
            said.spans is None and self.job.policy.recordings.without_transcript == "recognise"
        )
        heard = self.copies.heard(*place, key, raw, run) if recognise else None
        listen = (
            partial(self.copies.heard, Files(), key=key, raw=raw, run=run, nothing=[])
            if self.job.recogniser
            else None
        )
        done = self.copies.cover(
            key, piece, said if heard is None else replace(said, spans=heard), place, listen
        )
        if (
            beside
            and said.spans is not None
            and not (done["status"] == "done" and same_length(done, beside))
        ):
            self._discard(key, "audio", done.get("file", ""))
            return self._covered(key, held, piece, TranscriptCoverage(), beside, place)
        if heard is not None and done["status"] == "done":
            done["reason"] = "recognised"
        done["cut"] = piece.cut or done.get("cut", False)
        kept = done["status"] != "done" or done["cut"]
        return {
            "what": "audio",
            "account_id": key.account_id,
            "id": key.id,
            "object": piece.object_id,
            "source": piece.url,
            "landed_at": piece.landed_at,
            "as_of": run.as_of.isoformat(),
            "policy_sha256": run.policy_sha256,
            "run_id": run.run_id,
            "transcript": said.spans is not None,
            "original": "keep" if kept else self.job.policy.recordings.original,
            **(said.fit.as_dict() if said.fit else {}),
            "withheld": said.withheld,
            **done,
        }

    def _second(
        self, key: InteractionKey, piece: InteractionPart, out: list[PublishedOutput]
    ) -> None:
        """Note that what this recording belongs to has expired or was erased."""
        self._reject(
            piece,
            Rejected(SourceRef(piece.url), "ingest", "second_recording", SECOND, "", b"", *key),
        )
        out.append(PublishedOutput(key, "audio", "rejected", "second_recording", piece.landed_at))

    def _reject(self, piece: InteractionPart, rejected: Rejected) -> None:
        write_rejection(
            self.job,
            self.built.keyring,
            Arrival(piece.url, piece.etag, 0, piece.landed_at),
            piece.place,
            rejected,
            Counter(),
        )

    def _discard(self, key: InteractionKey, what: What, name: str) -> None:
        """Remove a file that no receipt names: a lost race has left it, or another took its
        place.
        """
        receipt = self.job.live.receipt(key, what)
        if name and name not in {e.get("file") for e in (entries_of(receipt) if receipt else ())}:
            self.job.files.purge(self.job.files.join(self.job.live.folder(key), name))


def _published_bytes(result: RedactionResult) -> bytes:
    """Return a record's published file."""
    return dumps(
        {
            "interaction": interaction_row(result.interaction),
            "findings": [finding_row(f) for f in result.findings],
        }
    ).encode()
