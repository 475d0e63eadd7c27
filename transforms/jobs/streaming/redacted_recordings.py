"""Redacted copies of recordings: covered, heard once more where a recogniser is there, and what
their receipts say of them.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import orjson

from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.rejected import Rejected
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.halves import InteractionPart
from callveil.transforms.jobs.streaming.object_names import suffix_of
from callveil.transforms.jobs.streaming.receipts import span_rows
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.energy import RecordingSurvey
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan
from callveil.transforms.redact.audio.redact import Listen, RecordingTreatment, redact_audio
from callveil.transforms.redact.audio.transcribe import recogniser_of
from callveil.transforms.redact.audio.transcript_words import TranscriptCoverage
from callveil.transforms.redact.engine import RedactionResult, RunColumns
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Receipt

log = logging.getLogger(__name__)
ALIGNING = threading.Lock()
"""One recogniser a process: it takes 60 MB, and Beam makes many instances of a DoFn."""
_recogniser = lru_cache(maxsize=1)(recogniser_of)

Place = tuple[Files, str]
"""Where a recording is read: by which files, and under which URL."""
Redact = Callable[
    [RawInteraction, RunColumns], tuple[RedactionResult | Rejected, TranscriptCoverage]
]
"""Redacts a record whose words were heard in a recording; says what to cover."""
FOREIGN = (
    "the transcript's times do not fit what is heard: they are another recording's, or "
    "moved "
    "by no constant time"
)
NONE_CAME = "no transcript came within recordings.wait_seconds"


@dataclass(frozen=True)
class RecordingRedactor:
    """Makes redacted copies.

    Attributes:
        job: what is watched. treatment: how stretches are covered. redact: of what a recogniser
            heard.
    """

    job: WatchJob
    treatment: RecordingTreatment
    redact: Redact

    def name(self, source: str, spans: list[AudioSpan], like: str) -> str:
        """Name of a redacted recording: a digest of all it depends on."""
        recogniser = [self.job.recogniser] if self.job.recogniser else []
        plan = hashlib.sha256(
            orjson.dumps([source, span_rows(spans), repr(self.treatment), *recogniser])
        ).hexdigest()
        return f"audio-{plan[:24]}{suffix_of(like).lower()}"

    def heard(
        self,
        files: Files,
        url: str,
        key: InteractionKey,
        raw: RawInteraction | None,
        run: RunColumns,
        nothing: list[AudioSpan] | None = None,
    ) -> list[AudioSpan] | None:
        """Return what to cover of a recording as far as a recogniser hears it; None where it cannot
        be read, `nothing` where no word is heard.
        """
        try:
            with ALIGNING:
                heard = _recogniser(self.job.recogniser).transcribe(files, url)
        except (AudioRejected, FileNotFoundError):
            return None  # it is rejected when it is to be covered
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - what nobody heard is covered as a recording without a transcript is
            log.warning(
                "%s while a recording was heard; it is covered as one without a transcript",
                type(e).__name__,
            )
            return None
        if not heard.words:
            return nothing  # that says more of the recogniser than of the recording
        record = (raw.record if raw else {"account_id": key.account_id, "id": key.id}) | {
            "outline": heard.outline,
            "words": heard.words,
        }
        if raw is None:
            raw = RawInteraction(key, "call", run.as_of, 0, record, SourceRef(url))
        return self.redact(replace(raw, record=record), run)[1].spans

    def cover(
        self,
        key: InteractionKey,
        piece: InteractionPart,
        said: TranscriptCoverage,
        place: Place,
        listen: Listen | None,
    ) -> Receipt:
        """Write the redacted recording under a name of its own. Returns what its receipt says of
        it.
        """
        reason, spans = "", said.spans
        if spans is None:
            spans, reason = [EVERYTHING], "audio_times" if said.refused else "no_transcript"
            if self.job.policy.recordings.without_transcript == "reject":
                return {
                    "status": "rejected",
                    "reason": reason,
                    "detail": FOREIGN if said.refused else NONE_CAME,
                }
        url = self.job.files.join(
            self.job.live.folder(key), self.name(piece.object_id, spans, piece.url)
        )
        try:
            done = self.written(place, url, spans, said.known, listen)
        except AudioRejected as rejected:
            return {"status": "rejected", "reason": rejected.reason, "detail": rejected.detail}
        except FileNotFoundError:
            return {
                "status": "rejected",
                "reason": "gone",
                "detail": "the recording was gone when it was to be read",
            }
        except PermissionError:
            return {
                "status": "rejected",
                "reason": "unreadable_file",
                "detail": "the recording may not be read; check its permissions",
            }
        except OSError:
            raise
        except Exception as e:  # noqa: BLE001 - a fault of ours in one recording must not end a pipeline that many others wait for
            return {
                "status": "rejected",
                "reason": "internal_error",
                "detail": f"{type(e).__name__} while it was covered; please report this",
            }
        return {"status": "done", "reason": reason, **done, "spans": span_rows(spans)}

    def written(
        self,
        place: Place,
        url: str,
        spans: list[AudioSpan],
        known: RecordingSurvey | None = None,
        listen: Listen | None = None,
    ) -> Receipt:
        """Write a redacted recording, under the suffix that fits it; what is told of it. Raises as
        `redact_audio` does.
        """
        urls: list[str] = []

        def named(suffix: str) -> str:
            urls.append(url.removesuffix(suffix_of(url)) + suffix)
            return urls[0]

        done = redact_audio(*place, named, spans, self.treatment, known=known, listen=listen)
        digest, size = self.job.files.sha256(urls[0])
        return {
            "file": urls[0].rpartition("/")[2],
            "written_container": done.written_container,
            "video": done.video,
            "sha256": digest,
            "bytes": size,
            "container": done.container,
            "codec": done.codec,
            "written": done.written,
            "rate": done.rate,
            "channels": done.channels,
            "seconds": round(done.seconds, 6),
            "cut": done.cut,
            "keyed": done.keyed,
            "residue_dbfs": done.residue,
            "changed_db": done.changed,
            "overheard": None if done.overheard is None else len(done.overheard),
            "covered_seconds": [round(s, 6) for s in done.covered_seconds],
        }
