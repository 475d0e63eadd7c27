"""The invented call as toolkits and players write it; the services are in `transcript_forms`."""

from __future__ import annotations

from typing import Any

from support.invented_call import TURNS, clock, every_word, joined, milliseconds


def nemo() -> Any:
    words = [
        {"word": w, "start_time": s, "end_time": e, "speaker": f"speaker_{c}"}
        for c, (w, s, e) in every_word()
    ]
    sentences = [
        {
            "sentence": joined(w),
            "start_time": w[0][1],
            "end_time": w[-1][2],
            "speaker": f"speaker_{c}",
        }
        for c, w in TURNS
    ]
    return {"status": "success", "session_id": "a", "words": words, "sentences": sentences}


def nemo_stamps() -> Any:
    flat = [w for _, w in every_word()]
    stamps = {
        "word": [
            {"word": w, "start": s, "end": e, "start_offset": 1, "end_offset": 2}
            for w, s, e in flat
        ],
        "segment": [{"segment": joined(w), "start": w[0][1], "end": w[-1][2]} for _, w in TURNS],
    }
    return {"text": joined(flat), "timestamp": stamps}


def whisper_cpp() -> Any:
    def part(s: float, e: float) -> dict[str, Any]:
        return {
            "timestamps": {"from": clock(s, ","), "to": clock(e, ",")},
            "offsets": {"from": milliseconds(s), "to": milliseconds(e)},
        }

    rows = []
    for _, words in TURNS:
        tokens = [{"text": "[_BEG_]", **part(0, 0)}]
        for w, s, e in words:
            half = (s + e) / 2
            tokens += [{"text": f" {w[:2]}", "p": 0.9, **part(s, half if w[2:] else e)}]
            tokens += [{"text": w[2:], "p": 0.9, **part(half, e)}] if w[2:] else []
        rows.append(
            {"text": f" {joined(words)}", "tokens": tokens, **part(words[0][1], words[-1][2])}
        )
    return {
        "systeminfo": "AVX",
        "model": {},
        "params": {},
        "result": {"language": "en"},
        "transcription": rows,
    }


def hugging_face() -> Any:
    chunks = [{"text": f" {w}", "timestamp": [s, e]} for _, (w, s, e) in every_word()]
    return {"text": " ".join(w for _, (w, _, _) in every_word()), "chunks": chunks}


def hugging_face_turns() -> Any:
    return {
        "chunks": [{"text": f" {joined(w)}", "timestamp": [w[0][1], w[-1][2]]} for _, w in TURNS]
    }


def vosk() -> Any:
    return [
        {
            "result": [{"conf": 0.9, "start": s, "end": e, "word": w} for w, s, e in words],
            "text": joined(words),
        }
        for _, words in TURNS
    ]


def zoom() -> Any:
    cues = (
        (
            f"{n}\n{clock(w[0][1], '.')} --> "
            f"{clock(w[-1][2], '.')}\n{('Caller', 'Agent')[c - 1]}: "
            f"{joined(w)}"
        )
        for n, (c, w) in enumerate(TURNS, 1)
    )
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n"


def teams() -> Any:
    cues = (
        (
            f"{n}/1-0\n{clock(w[0][1], '.')} --> {clock(w[-1][2], '.')} align:start\n<v "
            f"{('Tove Lindquist', 'Agent')[c - 1]}>{joined(w)}</v>"
        )
        for n, (c, w) in enumerate(TURNS, 1)
    )
    return "WEBVTT\r\n\r\nNOTE language:en-us\r\n\r\n" + "\n\n".join(cues).replace("\n", "\r\n")


def subrip() -> Any:
    return "\n\n".join(
        f"{n}\n{clock(w[0][1], ',')} --> {clock(w[-1][2], ',')}\n{joined(w)}"
        for n, (_, w) in enumerate(TURNS, 1)
    )


def vosk_best() -> Any:
    return [
        {
            "alternatives": [
                {"confidence": 250.5, **part},
                {"confidence": 249.1, "text": part["text"]},
            ]
        }
        for part in vosk()
    ]


def ctm() -> Any:
    rows = sorted((s, c, w, e) for c, (w, s, e) in every_word())
    return (
        ";;\n"
        + "\n".join(f"call {'AB'[c - 1]} {s:.3f} {e - s:.3f} {w} 0.98" for s, c, w, e in rows)
        + "\n"
    )
