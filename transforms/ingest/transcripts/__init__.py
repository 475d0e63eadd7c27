"""Transcripts of every recogniser that occurs, as outline and words.

To add a format: one class with `recognise` and `convert`, and its place in `registry.ADAPTERS`; the
first that recognises a document reads it.
"""

from __future__ import annotations

from callveil.transforms.ingest.transcripts.aws import CallAnalytics, Standard
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    is_covered,
    language_code,
    used_text,
)
from callveil.transforms.ingest.transcripts.deepgram import Deepgram
from callveil.transforms.ingest.transcripts.gather import gather_transcripts
from callveil.transforms.ingest.transcripts.platform import Platform
from callveil.transforms.ingest.transcripts.registry import ADAPTERS, read_transcript
from callveil.transforms.ingest.transcripts.whisper import Whisper

__all__ = [
    "ADAPTERS",
    "CallAnalytics",
    "Deepgram",
    "Platform",
    "Standard",
    "Transcript",
    "Whisper",
    "gather_transcripts",
    "is_covered",
    "language_code",
    "read_transcript",
    "used_text",
]
