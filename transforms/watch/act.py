"""Acting on what has come of one interaction: its record and its recording are redacted and published, each once."""

from __future__ import annotations

import copy
import hashlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import orjson

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.schemas.subject_index import Link
from callveil.transforms.audio import EVERYTHING, AudioRejected, AudioSpan, Margins, Sound, Treatment, redact_audio
from callveil.transforms.audio.align import Aligner
from callveil.transforms.audio.listen import recogniser_of
from callveil.transforms.audio.times import audio_spans
from callveil.transforms.audio.words import add_word_times
from callveil.transforms.detect.batch import Job
from callveil.transforms.detect.decide import Floor, decide
from callveil.transforms.ingest.spool import encode
from callveil.transforms.redact.engine import Redacted, Run
from callveil.transforms.redact.jobs import redact_jobs
from callveil.transforms.redact.operators import Secrets
from callveil.transforms.run.job import Engines
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.files import Files, PreconditionFailed
from callveil.transforms.store.rows import dumps, finding_row, interaction_row
from callveil.transforms.subject.erased import erased_now
from callveil.transforms.subject.keys import conceal, interaction_people, ref_of
from callveil.transforms.watch.job import WatchJob
from callveil.transforms.watch.join import Gathered
from callveil.transforms.watch.live import EMPTY, WHATS, Ledger, Receipt, What, entries_of, outranks, stub, with_entry
from callveil.transforms.watch.naming import suffix_of
from callveil.transforms.watch.originals import original_of, put_away
from callveil.transforms.watch.people import index_live
from callveil.transforms.watch.pieces import Piece, has_transcript, unseal
from callveil.transforms.watch.read import SECOND, reread
from callveil.transforms.watch.rejections import reject
from callveil.transforms.watch.told import Told, told_of

SAME_LENGTH = 0.5
"""Seconds by which two recordings of the same time may differ in length: codecs pad."""

log = logging.getLogger(__name__)
_aligner = Aligner()
_aligning = threading.Lock()
"""One recogniser a process: it takes 60 MB, and Beam makes many instances of a DoFn."""

_recogniser = lru_cache(maxsize=1)(recogniser_of)

Place = tuple[Files, str]
"""Where a recording is read: by which files, and under which URL."""

Spans = list[AudioSpan] | None
"""Stretches to cover; None where nothing says what was said."""


OF_ORIGINAL = ("container", "codec", "video", "cut", "keyed")
"""What a receipt says of the original; a copy that is covered once more says otherwise."""


@dataclass(frozen=True)
class Published:
    """One output that came into being.

    Attributes:
        key: the interaction. what: `record` or `audio`.
        status: `done` or `rejected`. reason: of the rejection, or why a recording was covered whole; else empty.
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
class Actor:
    """Redacts and publishes what is held of an interaction.

    Everything it writes depends on the pieces and the policy alone, so that a repetition, after a kill or beside a twin, writes the same.
    """

    job: WatchJob
    built: Engines
    treatment: Treatment = field(init=False)

    def __post_init__(self) -> None:
        r = self.job.policy.recordings
        margins = Margins(r.padding_seconds, r.padding_seconds)
        object.__setattr__(self, "treatment", Treatment(Sound.of(r.mode), margins, keypad=r.keypad, films=r.video == "copy"))

    def act(self, key: InteractionKey, held: Gathered, now: float) -> list[Published]:
        """Publish what is not published yet, and put away originals that have settled.

        Args:
            now: seconds since 1970; tells which have.

        Returns what this call has published, nothing where all of it was there. Raises `OSError` where the store or a source cannot be reached.
        """
        if self._is_erased(key):
            for what in WHATS:
                self.job.live.commit(key, what, stub(key, what))
            return []
        out: list[Published] = []
        if told := told_of(self.job, self.built.keyring, key, held):
            if told.out:
                self._cover_by(key, told.out, told.piece, told.raw)
            else:
                self._record(key, told, held, out)
        for piece in held.recordings:
            self._audio(key, held, piece, now, out)
        return out

    def _is_erased(self, key: InteractionKey) -> bool:
        """Whether the interaction was erased or set aside at somebody's request, from wherever it was then."""
        return erased_now(Store(self.job.files, self.job.root), self.built.keyring.current()).holds(ref_of(key))

    def _cover_by(self, key: InteractionKey, receipt: Receipt, piece: Piece, raw: RawInteraction) -> None:
        """Cover what a transcript asks for, where its record is out and cannot be read again: that stays as it is."""
        _, spans = self._redacted(raw, self.job.run_at(piece.landed_at, piece.object_id), self._place(key), self.job.policy.recordings.channel)
        if spans is not None:
            self._again(key, spans)
        self.job.live.swap(key, receipt, receipt | {"said": piece.object_id, "spans": rows_of(spans)})

    def _place(self, key: InteractionKey, held: Gathered | None = None) -> Place | None:
        """Where the call's first recording can be heard."""
        receipt, landed = self.job.live.receipt(key, "audio"), [p.url for p in held.recordings] if held else []
        if receipt is None or receipt["status"] in EMPTY:
            return (self.job.files, landed[0]) if landed else None
        if receipt["source"] in landed:
            return self.job.files, receipt["source"]
        return self._original(key, entries_of(receipt)[0])

    def _original(self, key: InteractionKey, entry: Receipt) -> Place | None:
        return original_of(self.job.files, self.job.live, self.built.keyring, key, entry)

    def _record(self, key: InteractionKey, told: Told, held: Gathered, out: list[Published]) -> None:
        """Publish the record unless it, or a later snapshot, is there."""
        live, piece, raw, said = self.job.live, told.piece, told.raw, told.said
        old = live.receipt(key, "record")
        if old and not outranks({"rank": piece.rank, "said": said}, old):
            return
        run = self.job.run_at(piece.landed_at, piece.object_id)
        try:
            result, spans = self._redacted(raw, run, self._place(key, held), self.job.policy.recordings.channel)
            data = b"" if isinstance(result, Rejected) else _published_bytes(result)
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - a fault of ours in one record must not end a pipeline that many others wait for
            detail = f"{type(e).__name__} while it was redacted; please report this"
            result, spans = Rejected(raw.source, "redact", "internal_error", detail, "", b"", *key), None
        receipt: Receipt = {
            "what": "record", "account_id": key.account_id, "id": key.id, "kind": raw.kind, "called_at": raw.called_at.isoformat(),
            "account_type": self.job.accounts.type_at(key.account_id, raw.called_at), "rank": piece.rank, "object": piece.object_id,
            "landed_at": piece.landed_at, "as_of": run.as_of.isoformat(), "policy_sha256": run.policy_sha256, "run_id": run.run_id,
        }  # fmt: skip
        receipt |= {"said": said} if said else {}
        receipt |= {"replaced": old["file"]} if old and old["file"] else {}
        if said and spans is None and old:
            spans = _spans(old)
        if isinstance(result, Rejected):
            self._reject(piece, replace(result, raw=encode(raw)))
            receipt |= {"status": "rejected", "reason": result.reason, "detail": result.detail, "file": "", "spans": None}
        else:
            digest = hashlib.sha256(data).hexdigest()
            receipt |= {"status": "done", "mode": result.interaction.mode, "findings": len(result.findings), "spans": rows_of(spans)}
            index_live(live, self.built.keyring, key, result.interaction.day, result.people)
            receipt |= {"file": f"record-{digest[:24]}.json", "sha256": digest, "bytes": len(data)}
            self.job.files.write(self.job.files.join(live.folder(key), receipt["file"]), data)
        if spans is not None:
            self._again(key, spans)  # before the receipt, since with it the snapshot counts as dealt with
        if old is None and live.commit(key, "record", receipt):
            published = True
        else:
            old = live.supersede(key, receipt)
            published = old is not None
            if old and old["file"] not in ("", receipt["file"]):
                self.job.files.purge(self.job.files.join(live.folder(key), old["file"]))
        if published:
            out.append(Published(key, "record", receipt["status"], receipt.get("reason", ""), piece.landed_at))
        else:
            self._discard(key, "record", receipt["file"])

    def people_of(self, raw: RawInteraction, landed_at: float, object_id: str) -> tuple[Link, ...]:
        """Whom a raw record is about, as keyed digests: what is noted as it is redacted."""
        result, _ = self._redacted(raw, self.job.run_at(landed_at, object_id), None, "own")
        return conceal(self.built.keyring, interaction_people(raw)) if isinstance(result, Rejected) else result.people

    def _redacted(self, raw: RawInteraction, run: Run, recording: Place | None, channels: str) -> tuple[Redacted | Rejected, Spans]:
        """A record redacted, and what to cover of its recording. `channels`: on which channel parties are heard."""
        job, built = self.job, self.built
        account = job.accounts.at(raw.key.account_id, raw.called_at)
        account_type = account.type if account else "unknown"
        language = built.detector.language_of(str(raw.record.get("language") or "") or None)
        decision = decide(job.policy, raw, account_type, run.as_of, language, Floor(), ())
        redactor = copy.copy(built.redactor)
        redactor.run, redactor.secrets = run, Secrets.of(built.keyring.current())
        once = Engines(built.detect, built.keyring, built.detector, redactor, built.lock)
        agency = str(raw.record.get("agency_id") or "") or (account.agency_id if account else "")
        _, result = next(redact_jobs(once, [Job(raw, decision, account_type, agency, account)]))
        if isinstance(result, Rejected) or not has_transcript(raw):
            return result, None
        findings = [row.finding for row in result.findings]
        record: Mapping[str, Any] = raw.record
        if recording and job.policy.recordings.align:
            try:
                with _aligning:
                    record = add_word_times(*recording, record, _aligner, findings, channels)
            except FileNotFoundError:
                pass  # it is rejected as gone when it is to be covered
            except OSError:
                raise
            except Exception as e:  # noqa: BLE001 - without times of words whole turns are covered
                log.warning("%s while words were timed; whole turns are covered", type(e).__name__)
        return result, audio_spans(record, findings, channels)

    def _audio(self, key: InteractionKey, held: Gathered, piece: Piece, now: float, out: list[Published]) -> None:
        """Publish the redacted recording unless it is there, and put the original away once it has settled.

        A copy of what the same file held before is replaced: it was made while the file was still being written.
        """
        live = self.job.live
        while True:
            receipt = live.receipt(key, "audio")
            if receipt and receipt["status"] in EMPTY:
                if receipt["object"] != piece.object_id:
                    self._second(key, piece, out)
                return
            digest = "" if receipt and _entry(receipt, piece) else self._digest(piece.url)
            old = self._before(receipt, piece, digest) if receipt else None
            if receipt and old and (old["object"] == piece.object_id or (old["source"] == piece.url and old["landed_at"] > piece.landed_at)):
                break
            twin = next((e for e in entries_of(receipt or {}) if digest and _holds(e, digest)), None)
            if twin and not old:
                self._twin(twin, piece, now)
                return
            if old and old == twin:  # the same content was written anew, or moved
                new: Receipt | None = old | {"object": piece.object_id, "source": piece.url, "landed_at": piece.landed_at}
            else:
                new = self._copy(key, held, piece, receipt, old)
            if new is None:
                return  # it changed meanwhile: what it is now is an arrival of its own
            new |= {"source_sha256": digest, **({"replaced": old["file"]} if old and old.get("file") not in (None, new.get("file")) else {})}
            both = with_entry(receipt, old, new)
            if live.swap(key, receipt, both) if receipt else live.commit(key, "audio", both):
                receipt = both
                if not old or old.get("file") != new.get("file"):
                    out.append(Published(key, "audio", new["status"], new["reason"], piece.landed_at, new.get("seconds", 0.0)))
                if old:
                    self._discard(key, "audio", old.get("file", ""))
                    live.forget_rejections(old["object"])
                break
            self._discard(key, "audio", new.get("file", ""))
        entry = _entry(receipt, piece)
        if entry and entry["original"] != "keep" and now >= piece.landed_at + self.job.policy.recordings.settle_seconds:
            put_away(self.job.files, live, self.built.keyring, key, entry, piece)

    def _digest(self, url: str) -> str:
        try:
            return self.job.files.sha256(url)[0]
        except (FileNotFoundError, PermissionError):
            return ""  # it is rejected when it is to be covered

    def _twin(self, entry: Receipt, piece: Piece, now: float) -> None:
        """Deal with a file of which there is a redacted copy, made from another one. It goes once that was put away."""
        rules = self.job.policy.recordings
        if rules.original != "keep" and entry["original"] != "keep":
            if not self.job.live.put_away(entry) or now < piece.landed_at + rules.settle_seconds:
                return
            with suppress(PreconditionFailed):
                self.job.files.purge(piece.url, if_match=piece.etag)
        self.job.live.note(Arrival(piece.url, piece.etag, 0, piece.landed_at), Ledger("audio", (), 0, "copy"))

    def _before(self, receipt: Receipt, piece: Piece, digest: str) -> Receipt | None:
        """What is published of a recording: of itself, of what its file held before, or of the file it was before it was moved.

        A file in the place of one that was put away is another recording.
        """
        same = _entry(receipt, piece)
        there = [e for e in entries_of(receipt) if not self.job.live.put_away(e)]
        grown = next((e for e in reversed(there) if e["source"] == piece.url), None)
        moved = (e for e in there if digest and _holds(e, digest) and self.job.files.info(e["source"]) is None)
        return same or grown or next(moved, None)

    def _copy(self, key: InteractionKey, held: Gathered, piece: Piece, receipt: Receipt | None, old: Receipt | None) -> Receipt | None:
        """Write the redacted recording; returns what the receipt says of it, or None where the recording is no longer what it was."""
        info = self.job.files.info(piece.url)
        if info.etag != piece.etag if info else old is not None:
            return None
        record = self.job.live.receipt(key, "record")
        spans = _spans(record) if record else None
        if record and old and spans is not None:
            spans = self._anew(key, record, piece.url, spans)
        new = self._covered(key, held, piece, spans, receipt if receipt and entries_of(receipt)[0] != old else None)
        after = self.job.files.info(piece.url)
        if info and after and after.etag != info.etag:
            self._discard(key, "audio", new.get("file", ""))
            return None
        if new["status"] == "rejected":
            self._reject(piece, Rejected(SourceRef(piece.url), "redact", new["reason"], new["detail"], "", b"", *key))
        return new

    def _anew(self, key: InteractionKey, record: Receipt, url: str, spans: list[AudioSpan]) -> Spans:
        """What to cover of a recording that has grown since its words were looked for in it."""
        if record["status"] != "done" or not self.job.policy.recordings.align:
            return spans
        raw = reread(self.job, self.built.keyring, record.get("said") or record["object"], key)
        if raw is None or not has_transcript(raw):
            return spans
        run = self.job.run_at(record["landed_at"], record["object"])
        return self._redacted(raw, run, (self.job.files, url), self.job.policy.recordings.channel)[1] or spans

    def _again(self, key: InteractionKey, spans: list[AudioSpan]) -> None:
        """Do again what is out of the call's recordings, now that a transcript, or a later one, says what is heard in them.

        What was covered without a transcript is made anew from its original, where that is still to be had; else it stays covered. Of what was
        covered by an earlier transcript more is covered, and nothing uncovered.
        """
        live, number = self.job.live, 0
        while True:
            receipt = live.receipt(key, "audio")
            if receipt is None or receipt["status"] in EMPTY or number >= len(entries_of(receipt)):
                return live.sweep(receipt) if receipt else None
            old = entries_of(receipt)[number]
            new = None
            if old["status"] == "done" and old["transcript"]:
                new = self._further(key, old, spans)
            elif old["status"] == "done" or old["reason"] == "no_transcript":
                piece = Piece("recording", old["object"], old["source"], "", 0, old["landed_at"], 0, True, True, bool(old.get("cut")))
                place = self._original(key, old)
                new = self._covered(key, Gathered(), piece, spans, receipt if number else None, place) if place else None
                if new and new["status"] != "done":
                    new = None  # the copy that is covered whole says less, and holds
            if new is None:
                number += 1
                continue
            new |= {k: v for k, v in (("replaced", old.get("file")), ("source_sha256", old.get("source_sha256"))) if v}
            swapped = live.swap(key, receipt, with_entry(receipt, old, new))
            number += swapped
            self._discard(key, "audio", (old if swapped else new).get("file", ""))
            if swapped and old["status"] == "rejected":
                live.forget_rejections(old["object"])

    def _further(self, key: InteractionKey, old: Receipt, spans: list[AudioSpan]) -> Receipt | None:
        """A redacted copy covered further; None where it covers all of that already."""
        covered = old["spans"]
        more = [s for s in spans if _row(s) not in covered]
        if not more or _row(EVERYTHING) in covered:
            return None
        files, folder = self.job.files, self.job.live.folder(key)
        name = self._name(old["sha256"], more, old["file"])
        done = self._written((files, files.join(folder, old["file"])), files.join(folder, name), more)
        seconds = [max(a, b) for a, b in zip(old["covered_seconds"], done.pop("covered_seconds"), strict=True)]
        kept = {k: old[k] for k in OF_ORIGINAL if k in old}
        return old | done | kept | {"covered_seconds": seconds, "spans": [*covered, *(_row(s) for s in more)]}

    def _name(self, source: str, spans: list[AudioSpan], like: str) -> str:
        """Name of a redacted recording: a digest of all it depends on."""
        plan = hashlib.sha256(orjson.dumps([source, rows_of(spans), repr(self.treatment)])).hexdigest()
        return f"audio-{plan[:24]}{suffix_of(like).lower()}"

    def _covered(
        self, key: InteractionKey, held: Gathered, piece: Piece, spans: Spans, beside: Receipt | None = None, place: Place | None = None
    ) -> Receipt:
        """Write the redacted recording; returns its receipt.

        Args:
            beside: receipt of the call's recordings, where this is not the first of them: times are those of the first.
            place: where the recording is read from; None: where it landed.
        """
        run = self.job.run_at(piece.landed_at, piece.object_id)
        place = place or (self.job.files, piece.url)
        if beside and spans is not None:
            spans = [AudioSpan(s.start, s.end, 0) for s in spans]
        heard = self._heard(key, held, piece, run) if spans is None else None
        done = self._cover(key, piece, spans if heard is None else heard, place)
        if beside and spans is not None and not (done["status"] == "done" and _as_long(done, beside)):
            self._discard(key, "audio", done.get("file", ""))
            return self._covered(key, held, piece, None, beside, place)
        if heard is not None and done["status"] == "done":
            done["reason"] = "recognised"
        done["cut"] = piece.cut or done.get("cut", False)
        kept = done["status"] != "done" or done["cut"]
        return {
            "what": "audio", "account_id": key.account_id, "id": key.id, "object": piece.object_id, "source": piece.url,
            "landed_at": piece.landed_at, "as_of": run.as_of.isoformat(), "policy_sha256": run.policy_sha256, "run_id": run.run_id,
            "transcript": spans is not None, "original": "keep" if kept else self.job.policy.recordings.original, **done,
        }  # fmt: skip

    def _heard(self, key: InteractionKey, held: Gathered, piece: Piece, run: Run) -> Spans:
        """What to cover of a recording without transcript, as far as a recogniser hears it; None where the policy wants none or it cannot be read."""
        if self.job.policy.recordings.without_transcript != "recognise":
            return None
        raw = unseal(self.built.keyring, held.record) if held.record else None
        try:
            with _aligning:
                said = _recogniser(self.job.recogniser).transcribe(self.job.files, piece.url)
        except (AudioRejected, FileNotFoundError):
            return None  # it is rejected when it is to be covered
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - what nobody heard is covered as a recording without a transcript is
            log.warning("%s while a recording was heard; it is covered as one without a transcript", type(e).__name__)
            return None
        record = (raw.record if raw else {"account_id": key.account_id, "id": key.id}) | {"outline": said.outline, "words": said.words}
        if raw is None:
            raw = RawInteraction(key, "call", run.as_of, 0, record, SourceRef(piece.url))
        # Where it heard nothing there is no transcript still: that says more of the recogniser than of the recording.
        return self._redacted(replace(raw, record=record), run, None, "own")[1]

    def _cover(self, key: InteractionKey, piece: Piece, spans: Spans, place: Place) -> Receipt:
        """Write the redacted recording under a name of its own. Returns what its receipt says of it."""
        reason = ""
        if spans is None:
            if self.job.policy.recordings.without_transcript == "reject":
                return {"status": "rejected", "reason": "no_transcript", "detail": "no transcript came within recordings.wait_seconds"}
            spans, reason = [EVERYTHING], "no_transcript"
        name = self._name(piece.object_id, spans, piece.url)
        try:
            done = self._written(place, self.job.files.join(self.job.live.folder(key), name), spans)
        except AudioRejected as rejected:
            return {"status": "rejected", "reason": rejected.reason, "detail": rejected.detail}
        except FileNotFoundError:
            return {"status": "rejected", "reason": "gone", "detail": "the recording was gone when it was to be read"}
        except PermissionError:
            return {"status": "rejected", "reason": "unreadable_file", "detail": "the recording may not be read; check its permissions"}
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - a fault of ours in one recording must not end a pipeline that many others wait for
            return {"status": "rejected", "reason": "internal_error", "detail": f"{type(e).__name__} while it was covered; please report this"}
        return {"status": "done", "reason": reason, "file": name, **done, "spans": rows_of(spans)}

    def _written(self, place: Place, url: str, spans: list[AudioSpan]) -> Receipt:
        """Write a redacted recording, under the suffix that fits it; what is told of it. Raises as `redact_audio` does."""
        urls: list[str] = []

        def named(suffix: str) -> str:
            urls.append(url.removesuffix(suffix_of(url)) + suffix)
            return urls[0]

        done = redact_audio(*place, named, spans, self.treatment)
        digest, size = self.job.files.sha256(urls[0])
        return {
            "file": urls[0].rpartition("/")[2], "written_container": done.written_container, "video": done.video,
            "sha256": digest, "bytes": size, "container": done.container, "codec": done.codec, "written": done.written, "rate": done.rate,
            "channels": done.channels, "seconds": round(done.seconds, 6), "cut": done.cut, "keyed": done.keyed,
            "covered_seconds": [round(s, 6) for s in done.covered_seconds],
        }  # fmt: skip

    def _second(self, key: InteractionKey, piece: Piece, out: list[Published]) -> None:
        """Note that what this recording belongs to has expired or was erased."""
        self._reject(piece, Rejected(SourceRef(piece.url), "ingest", "second_recording", SECOND, "", b"", *key))
        out.append(Published(key, "audio", "rejected", "second_recording", piece.landed_at))

    def _reject(self, piece: Piece, rejected: Rejected) -> None:
        reject(self.job, self.built.keyring, Arrival(piece.url, piece.etag, 0, piece.landed_at), piece.place, rejected, Counter())

    def _discard(self, key: InteractionKey, what: What, name: str) -> None:
        """Remove a file that no receipt names: a lost race has left it, or another took its place."""
        receipt = self.job.live.receipt(key, what)
        if name and name not in {e.get("file") for e in (entries_of(receipt) if receipt else ())}:
            self.job.files.purge(self.job.files.join(self.job.live.folder(key), name))


def _entry(receipt: Receipt, piece: Piece) -> Receipt | None:
    """What a receipt says of a recording."""
    return next((e for e in entries_of(receipt) if e["object"] == piece.object_id), None)


def _holds(entry: Receipt, digest: str) -> bool:
    """Whether a redacted copy is of a recording of that content, all of it."""
    return entry.get("status") == "done" and not entry["cut"] and entry.get("source_sha256") == digest


def _as_long(done: Receipt, beside: Receipt) -> bool:
    """Whether a recording is as long as the first of its call, so that times in that are times in this."""
    first = entries_of(beside)[0].get("seconds")
    return first is not None and abs(first - done["seconds"]) <= SAME_LENGTH


def _published_bytes(result: Redacted) -> bytes:
    """A record's published file."""
    return dumps({"interaction": interaction_row(result.interaction), "findings": [finding_row(f) for f in result.findings]}).encode()


def _row(span: AudioSpan) -> list[float | int | None]:
    return [span.start, None if math.isinf(span.end) else span.end, span.channel]


def rows_of(spans: Iterable[AudioSpan] | None) -> list[list[float | int | None]] | None:
    """Stretches as receipts hold them."""
    return None if spans is None else [_row(s) for s in spans]


def _spans(receipt: Receipt) -> Spans:
    rows = receipt.get("spans")
    return None if rows is None else [AudioSpan(start, math.inf if end is None else end, channel) for start, end, channel in rows]
