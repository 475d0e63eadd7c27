"""How fast recordings are redacted, and in how much memory: `python tests/bench/bench_audio.py
[--hours 2]`.

Each recording is made once (generated voices where espeak-ng is installed, else noise in the rhythm
of speech) and redacted in a process of its own, so that peak memory is that of redaction alone. One
core: FFmpeg's decoders run on one thread, and so does everything else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # as the command line has it

KINDS = (
    "mulaw",
    "alaw-stereo",
    "s16-stereo-48k",
    "mp3-8k",
    "mp3-44k-stereo",
    "opus",
    "opus-stereo",
    "flac",
    "m4a-8k",
    "m4a-44k-stereo",
)


def codec_alone(path: str, check: bool) -> float:
    """CPU seconds of FFmpeg's own work: decode, encode with the same settings, decode what came
    out.
    """
    import io

    import av

    from callveil.transforms.redact.audio.container import open_recording
    from callveil.transforms.redact.audio.formats import target_of
    from callveil.transforms.redact.audio.samples import PCM
    from callveil.transforms.storage.files.filesystem import Files

    sink, began = io.BytesIO(), time.process_time()
    with open_recording(Files(), path) as recording:
        target = target_of(recording, Path(path).stat().st_size)
        if recording.codec in PCM:
            return 0.0
        rate = 48_000 if target.encoder == "libopus" else recording.stream.rate
        with av.open(sink, "w", format=target.muxer, options=dict(target.muxer_options)) as out:
            layout = recording.stream.codec_context.layout.name
            stream = out.add_stream(
                target.encoder, rate=rate, layout=layout, options=dict(target.encoder_options)
            )
            if target.bit_rate:
                stream.bit_rate = target.bit_rate
            for frame in recording.source.decode(recording.stream):
                frame.pts = None
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    if check:
        sink.seek(0)
        with av.open(sink) as source:
            source.streams.audio[0].codec_context.thread_count = 1
            for _ in source.decode(audio=0):
                pass
    return time.process_time() - began


def one(path: str, hours: float, mode: str, check: bool) -> None:
    """Redact one recording and print its figures as JSON."""
    from callveil.transforms.redact.audio.masking import CoverTone
    from callveil.transforms.redact.audio.plan import AudioSpan
    from callveil.transforms.redact.audio.redact import RecordingTreatment, redact_audio
    from callveil.transforms.storage.files.filesystem import Files

    spans = [
        AudioSpan(at, at + 2.5, 1) for at in range(7, int(hours * 3600) - 5, 30)
    ]  # one in twelve seconds of one party
    started, cpu = time.monotonic(), time.process_time()
    done = redact_audio(
        Files(), path, path + ".out", spans, RecordingTreatment(CoverTone.of(mode), check=check)
    )
    wall, cpu = time.monotonic() - started, time.process_time() - cpu
    codec = codec_alone(path, check)
    status = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )  # of this process; rusage takes over its parent's
    print(
        json.dumps(
            {
                "seconds": round(done.seconds),
                "wall_s": round(wall, 2),
                "times_real_time": round(done.seconds / wall),
                "times_real_time_cpu": round(done.seconds / cpu),
                "codec_alone": round(done.seconds / codec) if codec else None,
                "peak_mib": int(status["VmHWM"].split()[0]) // 1024,
                "covered_s": round(done.covered_seconds[0]),
            }
        )
    )


def main() -> None:
    """Make, redact, report."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--hours", type=float, default=2.0)
    p.add_argument("--mode", default="mute")
    p.add_argument("--no-check", action="store_true", help="without the second look at the result")
    p.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    p.add_argument("--one", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.one:
        one(args.one, args.hours, args.mode, not args.no_check)
        return
    from support import sounds

    with tempfile.TemporaryDirectory() as folder:
        for kind in args.kinds:
            path = str(Path(folder) / kind)
            sounds.long_recording(path, kind, args.hours)
            command = [
                sys.executable,
                __file__,
                "--one",
                path,
                "--hours",
                str(args.hours),
                "--mode",
                args.mode,
                *(["--no-check"] if args.no_check else []),
            ]
            found = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout
            )
            print(
                f"{kind:16}",
                " ".join(f"{k}={v}" for k, v in found.items()),
                f"size={Path(path).stat().st_size / 2**20:.0f}MiB",
                flush=True,
            )
            Path(path).unlink()
            Path(path + ".out").unlink()


if __name__ == "__main__":
    main()
