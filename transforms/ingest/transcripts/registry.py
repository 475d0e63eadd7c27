"""Registry of the transcript adapters, most specific first."""

from __future__ import annotations

from typing import Any, Protocol

from callveil.transforms.ingest.transcripts.aws import CallAnalytics, Standard
from callveil.transforms.ingest.transcripts.cloud import Azure, AzureSdk, Bedrock, Google, Watson
from callveil.transforms.ingest.transcripts.common import Transcript
from callveil.transforms.ingest.transcripts.deepgram import Deepgram
from callveil.transforms.ingest.transcripts.platform import Platform
from callveil.transforms.ingest.transcripts.services import (
    AssemblyAI,
    DeepgramLive,
    ElevenLabs,
    Genesys,
    Gong,
    Rev,
    Speechmatics,
    Twilio,
)
from callveil.transforms.ingest.transcripts.toolkits import HuggingFace, NeMo, Vosk, WhisperCpp
from callveil.transforms.ingest.transcripts.whisper import Whisper


class Adapter(Protocol):
    """A transcript format."""

    def recognise(self, doc: Any) -> bool:
        """Tell whether `doc` has this format's shape."""

    def convert(self, doc: Any) -> Transcript:
        """Read it; `doc` is left as it is. Raises FieldError where a part of it has a type it
        cannot have.
        """


ADAPTERS: tuple[Adapter, ...] = (
    Standard(),
    CallAnalytics(),
    Deepgram(),
    DeepgramLive(),
    Speechmatics(),
    Watson(),
    Azure(),
    AzureSdk(),
    Google(),
    Bedrock(),
    Rev(),
    Twilio(),
    Gong(),
    Genesys(),
    ElevenLabs(),
    AssemblyAI(),
    WhisperCpp(),
    HuggingFace(),
    NeMo(),
    Vosk(),
    Whisper(),
    Platform(),
)


def read_transcript(doc: Any) -> Transcript | None:
    """Read a parsed transcript of any known format; None where none knows it."""
    for adapter in ADAPTERS:
        if adapter.recognise(doc):
            return adapter.convert(doc)
    return None
