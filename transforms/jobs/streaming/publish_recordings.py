"""Redacted recordings of interactions: published, made anew where a transcript comes, and originals
put away.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.jobs.streaming.context import PublishedOutput, WatchJob
from callveil.transforms.jobs.streaming.halves import (
    InteractionPart,
    decrypt_record,
    has_transcript,
)
from callveil.transforms.jobs.streaming.originals import archive_original
from callveil.transforms.jobs.streaming.pair import InteractionParts
from callveil.transforms.jobs.streaming.read_object import SECOND, reread_interaction
from callveil.transforms.jobs.streaming.receipts import (
    OF_ORIGINAL,
    covers_recording,
    read_transcript_entry,
    recording_entry,
    same_length,
    span_row,
)
from callveil.transforms.jobs.streaming.redact_arrived import redact_arrived
from callveil.transforms.jobs.streaming.redacted_recordings import (
    Place,
    RecordingRedactor,
)
from callveil.transforms.jobs.streaming.rejections import write_rejection
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.energy import survey_recording
from callveil.transforms.redact.audio.masking import CoverTone
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan, CoverMargins
from callveil.transforms.redact.audio.redact import RecordingTreatment
from callveil.transforms.redact.audio.transcript_words import (
    TranscriptCoverage,
)
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.format1.live import (
    EMPTY,
    Ledger,
    Receipt,
    What,
    entries_of,
    with_entry,
)
from callveil.transforms.storage.format1.originals import original_of


@dataclass(frozen=True)
class RecordingPublisher:
    """Redacts and publishes the recordings of an interaction.

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
            RecordingRedactor(self.job, treatment, partial(redact_arrived, self.job, self.built)),
        )

    def publish(
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
                    self.discard(key, "audio", old.get("file", ""))
                    live.forget_rejections(old["object"])
                break
            self.discard(key, "audio", new.get("file", ""))
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
        if said.known is None or self.object_of(key, held) != piece.object_id:
            said = self._told(key, piece, grown=old is not None)
        new = self._covered(
            key, held, piece, said, receipt if receipt and entries_of(receipt)[0] != old else None
        )
        after = self.job.files.info(piece.url)
        if info and after and after.etag != info.etag:
            self.discard(key, "audio", new.get("file", ""))
            return None
        if new["status"] == "rejected":
            self.reject(
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
        return redact_arrived(
            self.job,
            self.built,
            raw,
            run,
            (self.job.files, piece.url),
            self.job.policy.recordings.channel,
        )[1]

    def cover_again(self, key: InteractionKey, said: TranscriptCoverage) -> None:
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
            self.discard(key, "audio", (old if swapped else new).get("file", ""))
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
            self.discard(key, "audio", done.get("file", ""))
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
        self.reject(
            piece,
            Rejected(SourceRef(piece.url), "ingest", "second_recording", SECOND, "", b"", *key),
        )
        out.append(PublishedOutput(key, "audio", "rejected", "second_recording", piece.landed_at))

    def place_of(self, key: InteractionKey, held: InteractionParts | None = None) -> Place | None:
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

    def object_of(self, key: InteractionKey, held: InteractionParts | None = None) -> str:
        """Return the object of the recording at `_place`; empty where there is none."""
        receipt, landed = self.job.live.receipt(key, "audio"), held.recordings if held else ()
        if receipt is None or receipt["status"] in EMPTY:
            return landed[0].object_id if landed else ""
        here = (p.object_id for p in landed if p.url == receipt["source"])
        return next(here, str(entries_of(receipt)[0]["object"]))

    def _original(self, key: InteractionKey, entry: Receipt) -> Place | None:
        return original_of(self.job.files, self.job.live, self.built.keyring, key, entry)

    def reject(self, piece: InteractionPart, rejected: Rejected) -> None:
        write_rejection(
            self.job,
            self.built.keyring,
            Arrival(piece.url, piece.etag, 0, piece.landed_at),
            piece.place,
            rejected,
            Counter(),
        )

    def discard(self, key: InteractionKey, what: What, name: str) -> None:
        """Remove a file that no receipt names: a lost race has left it, or another took its
        place.
        """
        receipt = self.job.live.receipt(key, what)
        if name and name not in {e.get("file") for e in (entries_of(receipt) if receipt else ())}:
            self.job.files.purge(self.job.files.join(self.job.live.folder(key), name))
