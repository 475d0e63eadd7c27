"""Redaction of one record that has arrived, and what it asks to be covered of its recording."""

from __future__ import annotations

import copy
import logging

from callveil.schemas.interaction import RawInteraction
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.jobs.batch.context import Engines
from callveil.transforms.jobs.batch.redact_batches import redact_jobs
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.jobs.streaming.halves import (
    has_transcript,
)
from callveil.transforms.jobs.streaming.redacted_recordings import (
    ALIGNING,
    Place,
)
from callveil.transforms.redact.audio.align import Aligner
from callveil.transforms.redact.audio.container import AudioRejected
from callveil.transforms.redact.audio.energy import survey_recording
from callveil.transforms.redact.audio.transcript_words import (
    TranscriptCoverage,
    transcript_coverage,
)
from callveil.transforms.redact.engine import RedactionResult, RunColumns
from callveil.transforms.redact.operators import TokenKeys

log = logging.getLogger(__name__)
_aligner = Aligner()


def redact_arrived(
    job: WatchJob,
    built: Engines,
    raw: RawInteraction,
    run: RunColumns,
    recording: Place | None = None,
    channels: str = "own",
) -> tuple[RedactionResult | Rejected, TranscriptCoverage]:
    """Return a record redacted, and what to cover of its recording. `channels`: on which
    channel parties are heard.
    """
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
