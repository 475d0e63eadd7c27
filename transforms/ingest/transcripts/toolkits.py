"""Recognisers that are run by oneself: NVIDIA NeMo, whisper.cpp, Hugging Face pipelines, Vosk.

Shapes: NeMo's diarized session and its hypotheses with `timestamp`; whisper.cpp's `--output-json`
    and `--output-json-full`; the pipeline
`automatic-speech-recognition` with `return_timestamps`; Vosk's results with `SetWords`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.ingest.transcripts.common import (
    Transcript,
    first_present,
    parse_number,
    require_objects,
    seconds_of_millis,
)
from callveil.transforms.ingest.transcripts.utterances import (
    Utterance,
    any_object,
    attach_punctuation,
    have_members,
    make_transcript,
    make_word,
    word_utterances,
)

Doc = Mapping[str, Any]


class NeMo:
    """`words` of `{word, start_time, end_time, speaker}` with `sentences`, or `timestamp: {word,
    segment}`.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has one of these shapes."""
        if not isinstance(doc, Mapping):
            return False
        stamps = first_present(doc, "timestamp", "timestamps")
        return (
            isinstance(stamps, Mapping)
            and any(have_members(stamps.get(k), k) for k in ("word", "segment"))
        ) or (have_members(doc.get("words"), "word") and have_members(doc["words"], "start_time"))

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read sentences and words. Raises FieldError where a list or object has another type."""
        stamps = first_present(doc, "timestamp", "timestamps") or {}
        spoken = require_objects(
            first_present(doc, "sentences") or stamps.get("segment"), "outline"
        )
        said = [
            Utterance(first_present(s, "sentence", "text", "segment"), *_times(s), s.get("speaker"))
            for s in spoken
        ]
        words = require_objects(first_present(doc, "words") or stamps.get("word"), "words")
        said += word_utterances(
            make_word(w.get("word"), *_times(w), w.get("confidence"))
            | {"speaker": w.get("speaker")}
            for w in words
        )
        used = (
            "start_time end_time start end start_offset end_offset speaker char status "
            "speaker_count session_id audio_filepath"
        )
        return make_transcript(said, doc, used.split())


def _times(row: Doc) -> tuple[Any, Any]:
    return first_present(row, "start_time", "start"), first_present(row, "end_time", "end")


class WhisperCpp:
    """`transcription` of `{offsets: {from, to}, text, tokens}` in milliseconds; a token that begins
    with a blank begins a word.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return isinstance(doc, Mapping) and have_members(doc.get("transcription"), "offsets")

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read segments with the words of their tokens. Raises FieldError where a list or object
        has another type.
        """
        said = []
        for s in require_objects(doc["transcription"], "outline"):
            words = list(_words(require_objects(s.get("tokens"), "words")))
            speaker = s.get("speaker")
            said.append(
                Utterance(
                    s.get("text"),
                    *_offsets(s),
                    None if speaker is None else f"speaker {speaker}",
                    None,
                    words,
                )
            )
        result = doc.get("result")
        used = "timestamps offsets tokens speaker systeminfo model params result"
        return make_transcript(
            said, doc, used.split(), result.get("language") if isinstance(result, Mapping) else None
        )


def _words(tokens: Sequence[Doc]) -> Iterator[JsonObject]:
    rows: list[JsonObject] = []
    for token in tokens:
        text = token.get("text")
        if not isinstance(text, str) or text.startswith("[_") or not text.strip():
            continue
        start, end = _offsets(token)
        if text[0] == " " or not rows:
            rows.append(make_word(text, start, end, token.get("p")))
        else:
            attach_punctuation(rows, text)
            rows[-1]["e"] = end
    yield from rows


def _offsets(row: Doc) -> tuple[Any, Any]:
    offsets = row.get("offsets")
    return (
        tuple(seconds_of_millis(offsets.get(k)) for k in ("from", "to"))
        if isinstance(offsets, Mapping)
        else (None, None)
    )  # type: ignore[return-value]


class HuggingFace:
    """`chunks` of `{text, timestamp: [start, end]}`: words where each is a single one, else
    turns.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        return (
            isinstance(doc, Mapping)
            and have_members(doc.get("chunks"), "timestamp")
            and have_members(doc["chunks"], "text")
        )

    @staticmethod
    def convert(doc: Doc) -> Transcript:
        """Read chunks. Raises FieldError where a list or object has another type."""
        chunks = require_objects(doc["chunks"], "outline")
        single = len(chunks) > 1 and all(len(str(c["text"]).split()) == 1 for c in chunks)
        timed = [(c["text"], *_pair(c["timestamp"]), c.get("speaker")) for c in chunks]
        said = (
            word_utterances(make_word(t, s, e) | {"speaker": who} for t, s, e, who in timed)
            if single
            else [Utterance(*row) for row in timed]
        )
        return make_transcript(
            said,
            doc,
            ("timestamp", "speaker"),
            next((c["language"] for c in chunks if c.get("language")), None),
        )


def _pair(value: Any) -> tuple[Any, Any]:
    pair = value if isinstance(value, list | tuple) and len(value) == 2 else (None, None)
    return pair[0], pair[1]


class Vosk:
    """`{result: [{word, start, end, conf}], text}`, or a list of them, one an utterance; `spk` is a
    voice's fingerprint and left out.

    With `SetMaxAlternatives` an utterance is a list of those under `alternatives`, of which the
    first is the best.
    """

    @staticmethod
    def recognise(doc: Any) -> bool:
        """Tell whether `doc` has this shape."""
        parts = doc if isinstance(doc, list) else [doc]
        return any_object(
            parts,
            lambda d: (
                have_members(_best(d).get("result"), "word")
                and have_members(_best(d)["result"], "start")
            ),
        )

    @staticmethod
    def convert(doc: Any) -> Transcript:
        """Read results. Raises FieldError where a list or object has another type."""
        said = []
        for part in map(_best, require_objects(doc if isinstance(doc, list) else [doc], "outline")):
            words = [
                make_word(w.get("word"), w.get("start"), w.get("end"), w.get("conf"))
                for w in require_objects(part.get("result"), "words")
            ]
            ends = [e for w in words if (e := parse_number(w["e"])) is not None]
            said.append(
                Utterance(
                    part.get("text"),
                    words[0]["s"] if words else None,
                    max(ends, default=None),
                    words=words,
                )
            )
        return make_transcript(
            said, doc, ("spk", "spk_frames", "start", "end", "conf", "confidence")
        )


def _best(utterance: Doc) -> Doc:
    others = utterance.get("alternatives")
    return (
        others[0]
        if isinstance(others, list) and others and isinstance(others[0], Mapping)
        else utterance
    )
