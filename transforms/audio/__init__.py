"""Redacting recordings: what is said in some stretches of time is muted, beeped or covered by a low tone, channel by channel."""

from callveil.transforms.audio.cover import MODES, Sound
from callveil.transforms.audio.open import AudioRejected
from callveil.transforms.audio.plan import EVERYTHING, AudioSpan, Margins, Plan, Ranges, plan
from callveil.transforms.audio.redact import Listen, Recording, Treatment, examine, redact_audio

__all__ = [
    "EVERYTHING",
    "MODES",
    "AudioRejected",
    "AudioSpan",
    "Listen",
    "Margins",
    "Plan",
    "Ranges",
    "Recording",
    "Sound",
    "Treatment",
    "examine",
    "plan",
    "redact_audio",
]
