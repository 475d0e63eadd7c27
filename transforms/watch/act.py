"""Acting on what has come of one interaction: its record and its recording are redacted and published, each once."""

from __future__ import annotations

import copy
import hashlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import orjson

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.schemas.subject_index import Link
from callveil.transforms.audio import EVERYTHING, AudioRejected, AudioSpan, Listen, Margins, Sound, Treatment, redact_audio
from callveil.transforms.audio.align import Aligner
from callveil.transforms.audio.energy import Survey, survey
from callveil.transforms.audio.fit import Fit
from callveil.transforms.audio.listen import recogniser_of
from callveil.transforms.audio.told import Told, told
from callveil.transforms.detect.batch import Job
from callveil.transforms.detect.decide import Floor, decide
from callveil.transforms.ingest.spool import encode
from callveil.transforms.redact.engine import Redacted, Run
from callveil.transforms.redact.jobs import redact_jobs
from callveil.transforms.redact.operators import Secrets
from callveil.transforms.run.job import Engines
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.files import Files
from callveil.transforms.store.rows import dumps, finding_row, interaction_row
from callveil.transforms.subject.erased import erased_now
from callveil.transforms.subject.keys import conceal, interaction_people, ref_of
from callveil.transforms.watch.job import WatchJob
from callveil.transforms.watch.join import Gathered
from callveil.transforms.watch.live import WHATS, Receipt, What, stub
from callveil.transforms.watch.naming import suffix_of
from callveil.transforms.watch.originals import put_away
from callveil.transforms.watch.people import index_live
from callveil.transforms.watch.pieces import Piece, has_transcript, unseal
from callveil.transforms.watch.read import SECOND
from callveil.transforms.watch.rejections import reject

log = logging.getLogger(__name__)
_aligner = Aligner()
_aligning = threading.Lock()
"""One recogniser a process: it takes 60 MB, and Beam makes many instances of a DoFn."""

_recogniser = lru_cache(maxsize=1)(recogniser_of)

Spans = list[AudioSpan] | None
FOREIGN = "the transcript's times do not fit what is heard: they are another recording's, or moved by no constant time"
NONE_CAME = "no transcript came within recordings.wait_seconds"


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
        object.__setattr__(self, "treatment", Treatment(Sound.of(r.mode), Margins(r.padding_seconds, r.padding_seconds), keypad=r.keypad))

    def act(self, key: InteractionKey, held: Gathered) -> list[Published]:
        """Publish what is not published yet.

        Returns what this call has published, nothing where all of it was there. Raises `OSError` where the store or a source cannot be reached.
        """
        if self._is_erased(key):
            for what in WHATS:
                self.job.live.commit(key, what, stub(key, what))
            return []
        out: list[Published] = []
        said = Told()
        if held.record:
            said = self._record(key, held.record, held.recording, out)
        elif receipt := self.job.live.receipt(key, "record"):
            said = _told(receipt, held.recording)
        if held.recording:
            self._audio(key, held, held.recording, said, out)
        return out

    def _is_erased(self, key: InteractionKey) -> bool:
        """Whether the interaction was erased or set aside at somebody's request, from wherever it was then."""
        return erased_now(Store(self.job.files, self.job.root), self.built.keyring.current()).holds(ref_of(key))

    def _record(self, key: InteractionKey, piece: Piece, recording: Piece | None, out: list[Published]) -> Told:
        """Publish the record unless it, or a later snapshot, is there. Returns what to cover of its recording."""
        live = self.job.live
        held = live.receipt(key, "record")
        if held and int(held["rank"]) >= piece.rank:
            return _told(held, recording)
        run = self.job.run_at(piece.landed_at, piece.object_id)
        raw = unseal(self.built.keyring, piece)
        try:
            result, said = self._redacted(raw, run, recording, self.job.policy.recordings.channel)
            data = b"" if isinstance(result, Rejected) else _published_bytes(result)
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - a fault of ours in one record must not end a pipeline that many others wait for
            detail = f"{type(e).__name__} while it was redacted; please report this"
            result, said = Rejected(raw.source, "redact", "internal_error", detail, "", b"", *key), Told()
        receipt: Receipt = {
            "what": "record", "account_id": key.account_id, "id": key.id, "kind": raw.kind, "called_at": raw.called_at.isoformat(),
            "account_type": self.job.accounts.type_at(key.account_id, raw.called_at), "rank": piece.rank, "object": piece.object_id,
            "landed_at": piece.landed_at, "as_of": run.as_of.isoformat(), "policy_sha256": run.policy_sha256, "run_id": run.run_id,
        }  # fmt: skip
        if isinstance(result, Rejected):
            self._reject(piece, replace(result, raw=encode(raw)))
            receipt |= {"status": "rejected", "reason": result.reason, "detail": result.detail, "file": "", "spans": None}
        else:
            digest = hashlib.sha256(data).hexdigest()
            receipt |= {"status": "done", "mode": result.interaction.mode, "findings": len(result.findings), **_told_row(said, recording)}
            index_live(live, self.built.keyring, key, result.interaction.day, result.people)
            receipt |= {"file": f"record-{digest[:24]}.json", "sha256": digest, "bytes": len(data)}
            self.job.files.write(self.job.files.join(live.folder(key), receipt["file"]), data)
        if held is not None and (said.spans or said.refused):
            self._cover_more(key, said)  # before the receipt, since with it the snapshot counts as dealt with
        if held is None and live.commit(key, "record", receipt):
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
        return said

    def people_of(self, raw: RawInteraction, landed_at: float, object_id: str) -> tuple[Link, ...]:
        """Whom a raw record is about, as keyed digests: what is noted as it is redacted."""
        result, _ = self._redacted(raw, self.job.run_at(landed_at, object_id), None, "own")
        return conceal(self.built.keyring, interaction_people(raw)) if isinstance(result, Rejected) else result.people

    def _redacted(self, raw: RawInteraction, run: Run, recording: Piece | None, channels: str) -> tuple[Redacted | Rejected, Told]:
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
            return result, Told()
        findings = [row.finding for row in result.findings]
        if recording:
            try:
                known, aligner = survey(job.files, recording.url), _aligner if job.policy.recordings.align else None
                with _aligning:
                    return result, told(job.files, recording.url, raw.record, findings, channels, aligner, known)
            except (AudioRejected, FileNotFoundError):
                pass  # it is rejected, or gone, when it is to be covered
            except OSError:
                raise
            except Exception as e:  # noqa: BLE001 - a fault of ours: nothing is known of when things were said
                log.warning("%s while a transcript was held against its recording; the recording is covered as one without", type(e).__name__)
                return result, Told()
        return result, told(job.files, None, raw.record, findings, channels)

    def _audio(self, key: InteractionKey, held: Gathered, piece: Piece, said: Told, out: list[Published]) -> None:
        """Publish the redacted recording unless it is there, and put the original away."""
        live = self.job.live
        receipt = live.receipt(key, "audio")
        if receipt is None:
            receipt = self._covered(key, held, piece, said)
            if live.commit(key, "audio", receipt):
                out.append(Published(key, "audio", receipt["status"], receipt["reason"], piece.landed_at, receipt.get("seconds", 0.0)))
            else:
                self._discard(key, "audio", receipt.get("file", ""))
            receipt = live.receipt(key, "audio") or receipt
        if receipt["object"] != piece.object_id:
            self._second(key, piece, out)
        if receipt["original"] != "keep" and receipt["object"] == piece.object_id:
            put_away(self.job.files, live, self.built.keyring, key, piece, receipt["original"])

    def _cover_more(self, key: InteractionKey, said: Told) -> None:
        """Cover what a later snapshot's transcript asks for in the recording that is out already; its redacted copy is covered further."""
        live, files = self.job.live, self.job.files
        while True:
            receipt = live.receipt(key, "audio")
            if receipt is None or receipt["status"] != "done":
                return
            old, folder = receipt["spans"], live.folder(key)
            if _row(EVERYTHING) in old:
                return
            if said.fit is None:  # the recording is not at hand; what is covered in its copy differs little from it
                said = said.held_against(survey(files, files.join(folder, receipt["file"])))
            more = [s for s in ([EVERYTHING] if said.spans is None else said.spans) if _row(s) not in old]
            if not more:
                return
            name = self._name(receipt["sha256"], more, receipt["file"])
            done = self._written(files.join(folder, receipt["file"]), files.join(folder, name), more)
            covered = [max(a, b) for a, b in zip(receipt["covered_seconds"], done.pop("covered_seconds"), strict=True)]
            new = receipt | done | {"file": name, "covered_seconds": covered, "spans": [*old, *(_row(s) for s in more)], "codec": receipt["codec"]}
            if said.refused:
                new["reason"] = "audio_times"
            if live.swap(key, receipt, new):
                files.purge(files.join(folder, receipt["file"]))
                return
            self._discard(key, "audio", name)

    def _name(self, source: str, spans: list[AudioSpan], like: str) -> str:
        """Name of a redacted recording: a digest of all it depends on."""
        recogniser = [self.job.recogniser] if self.job.recogniser else []
        plan = hashlib.sha256(orjson.dumps([source, rows_of(spans), repr(self.treatment), *recogniser])).hexdigest()
        return f"audio-{plan[:24]}{suffix_of(like).lower()}"

    def _covered(self, key: InteractionKey, held: Gathered, piece: Piece, said: Told) -> Receipt:
        """Write the redacted recording; returns its receipt."""
        run = self.job.run_at(piece.landed_at, piece.object_id)
        if said.spans is not None and said.fit is None:
            with suppress(AudioRejected, FileNotFoundError):  # it is rejected when it is covered
                said = said.held_against(survey(self.job.files, piece.url))
        recognise = said.spans is None and self.job.policy.recordings.without_transcript == "recognise"
        heard = self._heard(key, held, self.job.files, piece.url, run) if recognise else None
        listen = partial(self._heard, key, held, Files(), run=run, nothing=[]) if self.job.recogniser else None
        done = self._cover(key, piece, said if heard is None else replace(said, spans=heard), listen)
        if heard is not None and done["status"] == "done":
            done["reason"] = "recognised"
        if done["status"] == "rejected":
            self._reject(piece, Rejected(SourceRef(piece.url), "redact", done["reason"], done["detail"], "", b"", *key))
        return {
            "what": "audio", "account_id": key.account_id, "id": key.id, "object": piece.object_id, "source": piece.url,
            "landed_at": piece.landed_at, "as_of": run.as_of.isoformat(), "policy_sha256": run.policy_sha256, "run_id": run.run_id,
            "transcript": said.spans is not None, "original": self.job.policy.recordings.original if done["status"] == "done" else "keep",
            **(said.fit.as_dict() if said.fit else {}), "withheld": said.withheld, **done,
        }  # fmt: skip

    def _heard(self, key: InteractionKey, held: Gathered, files: Files, url: str, run: Run, nothing: Spans = None) -> Spans:
        """What to cover of a recording as far as a recogniser hears it; None where it cannot be read, `nothing` where no word is heard."""
        raw = unseal(self.built.keyring, held.record) if held.record else None
        try:
            with _aligning:
                heard = _recogniser(self.job.recogniser).transcribe(files, url)
        except (AudioRejected, FileNotFoundError):
            return None  # it is rejected when it is to be covered
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - what nobody heard is covered as a recording without a transcript is
            log.warning("%s while a recording was heard; it is covered as one without a transcript", type(e).__name__)
            return None
        if not heard.words:
            return nothing  # that says more of the recogniser than of the recording
        record = (raw.record if raw else {"account_id": key.account_id, "id": key.id}) | {"outline": heard.outline, "words": heard.words}
        if raw is None:
            raw = RawInteraction(key, "call", run.as_of, 0, record, SourceRef(url))
        return self._redacted(replace(raw, record=record), run, None, "own")[1].spans

    def _cover(self, key: InteractionKey, piece: Piece, said: Told, listen: Listen | None) -> Receipt:
        """Write the redacted recording under a name of its own. Returns what its receipt says of it."""
        reason, spans = "", said.spans
        if spans is None:
            spans, reason = [EVERYTHING], "audio_times" if said.refused else "no_transcript"
            if self.job.policy.recordings.without_transcript == "reject":
                return {"status": "rejected", "reason": reason, "detail": FOREIGN if said.refused else NONE_CAME}
        name = self._name(piece.object_id, spans, piece.url)
        try:
            done = self._written(piece.url, self.job.files.join(self.job.live.folder(key), name), spans, said.known, listen)
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

    def _written(self, source: str, url: str, spans: list[AudioSpan], known: Survey | None = None, listen: Listen | None = None) -> Receipt:
        """Write a redacted recording; what is told of it. Raises as `redact_audio` does."""
        done = redact_audio(self.job.files, source, url, spans, self.treatment, known=known, listen=listen)
        digest, size = self.job.files.sha256(url)
        return {
            "sha256": digest, "bytes": size, "container": done.container, "codec": done.codec, "written": done.written, "rate": done.rate,
            "channels": done.channels, "seconds": round(done.seconds, 6), "cut": done.cut, "keyed": done.keyed,
            "residue_dbfs": done.residue, "changed_db": done.changed, "overheard": None if done.overheard is None else len(done.overheard),
            "covered_seconds": [round(s, 6) for s in done.covered_seconds],
        }  # fmt: skip

    def _second(self, key: InteractionKey, piece: Piece, out: list[Published]) -> None:
        """Note that another recording of the interaction was published before this one."""
        self._reject(piece, Rejected(SourceRef(piece.url), "ingest", "second_recording", SECOND, "", b"", *key))
        out.append(Published(key, "audio", "rejected", "second_recording", piece.landed_at))

    def _reject(self, piece: Piece, rejected: Rejected) -> None:
        reject(self.job, self.built.keyring, Arrival(piece.url, piece.etag, 0, piece.landed_at), piece.place, rejected, Counter())

    def _discard(self, key: InteractionKey, what: What, name: str) -> None:
        """Remove a file that a lost race has left, unless the receipt names it."""
        receipt = self.job.live.receipt(key, what)
        if name and receipt and receipt.get("file") != name:
            self.job.files.purge(self.job.files.join(self.job.live.folder(key), name))


def _published_bytes(result: Redacted) -> bytes:
    """A record's published file."""
    return dumps({"interaction": interaction_row(result.interaction), "findings": [finding_row(f) for f in result.findings]}).encode()


def _row(span: AudioSpan) -> list[float | int | None]:
    return [span.start, None if math.isinf(span.end) else span.end, span.channel]


def rows_of(spans: Iterable[AudioSpan] | None) -> list[list[float | int | None]] | None:
    """Stretches as receipts hold them."""
    return None if spans is None else [_row(s) for s in spans]


def _told_row(said: Told, recording: Piece | None) -> dict[str, Any]:
    """What a transcript says of its recording, as the record's receipt holds it: times alone."""
    fitted = {"fit": {**asdict(said.fit), "object": recording.object_id}} if said.fit and recording else {}
    return {"spans": rows_of(said.spans), "turns": [list(r) for r in said.rows], "withheld": said.withheld, **fitted}


def _told(receipt: Receipt, recording: Piece | None) -> Told:
    """The same read back; its fit only where it is the fit of this recording."""
    rows, known = receipt.get("spans"), dict(receipt.get("fit") or {})
    spans = None if rows is None else [AudioSpan(start, math.inf if end is None else end, channel) for start, end, channel in rows]
    fitted = Fit(**known) if recording is not None and known.pop("object", None) == recording.object_id else None
    return Told(spans, tuple((s, e, c) for s, e, c in receipt.get("turns") or ()), fitted, withheld=receipt.get("withheld") or {})
