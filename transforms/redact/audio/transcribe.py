"""A transcript where none came: recognisers behind one interface.

`embedded` is pocketsphinx with the language model it carries. It hears numbers said clearly, and
few names: what it misses is not covered, so it is never used unless asked for. Without a transcript
and without a recogniser the whole recording is covered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from callveil.schemas.errors import UserError
from callveil.transforms.redact.audio.align import EDGE, NOISES, RATE, normalize_level
from callveil.transforms.redact.audio.container import open_recording
from callveil.transforms.redact.audio.segments import Sound, resample_sound
from callveil.transforms.redact.audio.span_times import TranscriptTurn, TranscriptWord
from callveil.transforms.redact.audio.stream import begin_reading, read_sound_blocks
from callveil.transforms.storage.files.filesystem import Files

LONGEST, SHORTEST = 28.0, 18.0
"""Seconds of the pieces a recording is cut into: at the quietest moment between the two.
Recognisers of the Whisper family take 30 s at a time.
"""
STILL = 0.1
"""Seconds over which loudness is measured for that."""
FAST: dict[str, Any] = {
    "fwdflat": False,
    "maxhmmpf": 3000,
    "maxwpf": 10,
    "beam": 1e-40,
    "pbeam": 1e-40,
    "wbeam": 1e-25,
}
"""Settings of the embedded recogniser: about four times real time a channel; its own take longer
than the call, and hear no better on the line.
"""
TURN_GAP = 0.7
"""Seconds without a word after which a party's turn is over."""


class RecogniserMissing(UserError):
    """A recogniser cannot be had; the text says what to do about it."""


@dataclass(frozen=True)
class Transcription:
    """Recognised speech, in the form of a record's transcript.

    Attributes:
        outline: turns. words: of all of them.
    """

    outline: list[TranscriptTurn] = field(default_factory=list)
    words: list[TranscriptWord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """A recognised word: text, seconds from the beginning of the piece, and confidence between 0
    and 1.
    """

    text: str
    s: float
    e: float
    confidence: float


class Recogniser(Protocol):
    """Turns a recording into a transcript with word times, channel by channel."""

    def transcribe(self, files: Files, url: str) -> Transcription:
        """Transcribe a recording.

        Raises:
            AudioRejected, FileNotFoundError, FilesError, OSError: it cannot be read.
        """


class _Piecewise:
    """A recogniser that hears a recording in pieces of some seconds; memory does not depend on its
    length.
    """

    def words_of(self, sound: Sound) -> Iterator[RecognisedWord]:
        """Return words of one piece: one channel at 16,000 samples per second."""
        raise NotImplementedError

    def transcribe(self, files: Files, url: str) -> Transcription:
        """See `Recogniser`."""
        words: list[TranscriptWord] = []
        for channel, start, sound in split_recording(files, url):
            for word in self.words_of(sound):
                words.append(
                    {
                        "word": word.text,
                        "s": round(start + word.s, 3),
                        "e": round(start + word.e, 3),
                        "channel": channel,
                        "speaker": f"Channel {channel}",
                        "confidence": round(word.confidence, 3),
                    }
                )
        words.sort(key=lambda w: (w["s"], w["channel"]))
        return Transcription(turns_of(words), words)


@dataclass
class EmbeddedRecogniser(_Piecewise):
    """pocketsphinx with its own language model; English. Built on first use (about 0.5 s and 120
    MB).
    """

    _decoder: Any = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"_decoder": None}

    def words_of(self, sound: Sound) -> Iterator[RecognisedWord]:
        if self._decoder is None:
            from pocketsphinx import Decoder

            self._decoder = Decoder(samprate=RATE, loglevel="FATAL", **FAST)
        decoder = self._decoder
        edge = np.zeros(int(EDGE * RATE))
        decoder.start_utt()
        decoder.process_raw(
            normalize_level(np.concatenate([edge, sound, edge]), NOISES[0]), False, True
        )
        decoder.end_utt()
        for s in decoder.seg() or ():
            if s.word[0] not in "<[":
                yield RecognisedWord(
                    s.word.split("(")[0],
                    max(0.0, s.start_frame / 100 - EDGE),
                    (s.end_frame + 1) / 100 - EDGE,
                    min(1.0, float(s.prob)),
                )


@dataclass
class WhisperRecogniser(_Piecewise):
    """faster-whisper with a model that lies in a folder here; nothing is fetched.

    Attributes:
        path: folder of the model in CTranslate2's form (`model.bin`, `config.json`,
            `tokenizer.json` ...).
        language: ISO 639-1 code; empty lets the model tell.
    """

    path: str
    language: str = ""
    _model: Any = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "language": self.language, "_model": None}

    def words_of(self, sound: Sound) -> Iterator[RecognisedWord]:
        if self._model is None:
            self._model = _whisper(self.path)
        # Without its own voice detector: what that passes over would be heard in the redacted
        # recording.
        segments, _ = self._model.transcribe(
            sound,
            language=self.language or None,
            word_timestamps=True,
            vad_filter=False,
            condition_on_previous_text=False,
            no_speech_threshold=None,
        )
        for segment in segments:
            for word in segment.words or ():
                if word.word.strip():
                    yield RecognisedWord(
                        word.word.strip(),
                        float(word.start),
                        float(word.end),
                        float(word.probability),
                    )


def recogniser_of(name: str, language: str = "") -> Recogniser:
    """Return the recogniser of a name: `embedded`, or the path of a faster-whisper model.

    Raises:
        RecogniserMissing: there is no such folder, it holds no model, or faster-whisper is not
            installed.
    """
    if name == "embedded":
        return EmbeddedRecogniser()
    # Without its tokenizer faster-whisper would fetch one.
    if not all((Path(name) / part).is_file() for part in ("model.bin", "tokenizer.json")):
        raise RecogniserMissing(
            f"{name}: is no folder with a faster-whisper model (model.bin, config.json and "
            "tokenizer.json); or name `embedded`"
        )
    recogniser = WhisperRecogniser(name, language)
    recogniser._model = _whisper(name)
    return recogniser


def _whisper(path: str) -> Any:
    try:
        from faster_whisper import WhisperModel
    except ImportError:
        raise RecogniserMissing(
            "faster-whisper is not installed: pip install 'callveil[asr]'"
        ) from None
    try:
        return WhisperModel(path, device="cpu", compute_type="int8", local_files_only=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise RecogniserMissing(
            f"{path}: the model cannot be loaded ({type(error).__name__})"
        ) from None


def turns_of(words: Sequence[TranscriptWord]) -> list[TranscriptTurn]:
    """Return turns out of the words of all channels, in the order of their times."""
    turns: list[TranscriptTurn] = []
    last: dict[int, TranscriptTurn] = {}
    for word in words:
        turn = last.get(word["channel"])
        if turn is None or word["s"] - turn["e"] > TURN_GAP:
            turn = {
                "speaker": word["speaker"],
                "text": "",
                "channel": word["channel"],
                "s": word["s"],
                "e": word["e"],
            }
            last[word["channel"]] = turn
            turns.append(turn)
        turn["text"] += (" " if turn["text"] else "") + word["word"]
        turn["e"] = max(turn["e"], word["e"])
    return turns


def split_recording(files: Files, url: str) -> Iterator[tuple[int, float, Sound]]:
    """Yield a recording cut at quiet moments, each channel by itself: channel from 1, second at
    which the piece begins, sound at 16,000 samples per second.

    All of it is given, silent pieces too. Raises as `open_recording` does.
    """
    with open_recording(files, url) as recording:
        read = begin_reading(recording)
        held: list[np.ndarray[Any, Any]] = []
        starts: list[int] = []
        for _, load in read_sound_blocks(recording, read):
            block = load().astype(np.float32)
            if not held:
                held, starts = [np.zeros(0, np.float32)] * block.shape[1], [0] * block.shape[1]
            for channel in range(len(held)):
                held[channel] = np.concatenate([held[channel], block[:, channel]])
                while len(held[channel]) >= LONGEST * read.rate:
                    at = quietest_sample(held[channel], read.rate)
                    yield (
                        channel + 1,
                        starts[channel] / read.rate,
                        resample_sound(held[channel][:at], read.rate, RATE),
                    )
                    held[channel], starts[channel] = held[channel][at:], starts[channel] + at
        for channel, rest in enumerate(held):
            if len(rest):
                yield (
                    channel + 1,
                    starts[channel] / read.rate,
                    resample_sound(rest, read.rate, RATE),
                )


def quietest_sample(sound: Sound, rate: int) -> int:
    """Return the sample in the middle of the quietest tenth of a second between `SHORTEST` and
    `LONGEST`.
    """
    size = max(1, int(STILL * rate))
    lo, hi = int(SHORTEST * rate), int(LONGEST * rate)
    power = np.cumsum(np.concatenate([np.zeros(1), sound[lo:hi].astype(np.float64) ** 2]))
    return lo + int(np.argmin(power[size:] - power[:-size])) + size // 2
