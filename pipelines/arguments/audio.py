"""Command line of `callveil audio`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import add_policy, command_parser, with_common
from callveil.schemas.policy_load import PRESETS
from callveil.schemas.recording_settings import CHANNELS, VIDEO
from callveil.transforms.redact.audio.masking import MODES
from callveil.transforms.redact.audio.plan import CoverMargins

DESCRIPTION = """\
Write a recording again with stretches of it muted, beeped or covered by a low tone. What is covered
comes from a list of times, or from an
interaction: personal data is found in its transcript as `callveil redact` finds it, and covered
    when it was said. Where the transcript times each
word, the words are covered; where it times turns, their words are looked for in the recording
(English), and turns in which they are not found for sure are covered as wholes; where nothing says
when something was said, the whole recording is covered.

The times are held against who is loud when. Channels that are swapped, and times that are moved by
one constant, are mended; where it is unclear who is heard on which channel, every one is covered;
with times of another recording all of it is. What was found is said.

Without a transcript a recogniser can make one: `embedded` (pocketsphinx: English, and weak on
telephone lines) or a faster-whisper model that lies here. What it does not hear is not covered, so
this is never done unasked. It hears the result too, and what it still hears is covered as well.

What FFmpeg decodes is read by content, whatever its name. PCM, float, mu-law and A-law (WAV, W64,
AIFF, AU, CAF), IMA and MS ADPCM, FLAC, ALAC, MP3, Opus (Ogg, WebM) and AAC (M4A) come out in the
same codec, Vorbis as Opus, the rest (GSM, AMR, G.722, WMA, MP2, sound in AVI or MPEG, ...) as FLAC
or WAV; what is printed says so. What is not covered stays as it is, bit by bit for PCM, G.711, FLAC
and ALAC. Tags, pictures, subtitles and chapters are left out, and so are moving pictures: nothing
looks at them, and a face, a screen or a name in them tells who calls (--video copy takes them
over). The result is read once more before it takes its name."""


EPILOG = """\
spans: a JSON array, seconds from the beginning; channel 1 is the first of the recording, left out
  or 0 means all: [{"start": 12.4, "end": 15.1, "channel": 1}, {"start": 60}]

examples:
  callveil audio redact --input call.wav --output clean.wav --spans spans.json --mode beep
  callveil audio redact --input call.mp3 --output clean.mp3 --interaction call.json --policy pci
  --dry-run callveil audio redact --input s3://calls/17.wav --output s3://clean/17.wav --interaction
  day.jsonl:17 --channel all callveil audio redact --input call.wav --output clean.wav --recogniser
  models/faster-whisper-small.en --policy pci

exit codes: 0 done, 1 failed, 2 usage, 3 the recording or the interaction cannot be redacted; then
nothing is written"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    raw = argparse.RawDescriptionHelpFormatter
    top = command_parser("audio", "Redact recordings.", EPILOG)
    commands = top.add_subparsers(dest="what", metavar="COMMAND", required=True)
    p = commands.add_parser(
        "redact",
        help="cover stretches of one recording",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=raw,
    )
    p.add_argument(
        "--input", required=True, metavar="FILE", help="the recording: a path or s3://bucket/key"
    )
    p.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="where the redacted one goes; replaced if it is there",
    )
    what = p.add_mutually_exclusive_group()
    what.add_argument(
        "--spans", metavar="FILE", help="JSON array of stretches to cover; - reads standard input"
    )
    what.add_argument(
        "--interaction",
        metavar="FILE[:LINE]",
        help="the interaction with the recording's transcript; without LINE the first one",
    )
    p.add_argument(
        "--align",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look in the recording for the words of turns that have no word times (default); "
        "--no-align covers such turns as wholes",
    )
    p.add_argument(
        "--recogniser",
        metavar="embedded|PATH",
        help="transcribe the recording where no transcript came, and hear the result before it is "
        "written; PATH is a faster-whisper model",
    )
    add_policy(
        p,
        f"with --interaction or --recogniser: {', '.join(PRESETS)}, or a YAML file (default: gdpr)",
    )
    p.add_argument(
        "--account-type",
        default="unknown",
        choices=["individual", "agency", "unknown"],
        help="type of the account (default unknown)",
    )
    p.add_argument(
        "--mode",
        default="mute",
        choices=MODES,
        help="mute (default): silence; beep: 1,000 Hz; tone: a low 220 Hz",
    )
    p.add_argument(
        "--channel",
        default="own",
        choices=CHANNELS,
        help="own (default): that of the party who spoke; swapped: the business is on the first "
        "one; all: every channel, for lines with echo",
    )
    p.add_argument(
        "--padding",
        type=_seconds,
        default=CoverMargins().before,
        metavar="SECONDS",
        help="added before and after each stretch (default 0.1)",
    )
    p.add_argument(
        "--keypad",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="cover keypad tones wherever they are heard: keyed digits can be read off them "
        "(default); --no-keypad leaves them",
    )
    p.add_argument(
        "--untranscribed",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="cover sound in which somebody is heard and of which the transcript says nothing "
        "(default); --no-untranscribed leaves it, "
        "for transcripts of one party alone",
    )
    p.add_argument(
        "--video",
        choices=VIDEO,
        default="drop",
        help="moving pictures: drop (default) leaves them out; copy takes them over as they are, "
        "faces, screens and captions within them too",
    )
    p.add_argument("--no-check", action="store_true", help="do not read the result once more")
    p.add_argument(
        "--dry-run", action="store_true", help="say what would be covered; write nothing"
    )
    p.add_argument(
        "--s3-endpoint-url",
        metavar="URL",
        help="S3-compatible server (default: AWS; AWS_ENDPOINT_URL is honoured)",
    )
    p.add_argument(
        "--s3-region", metavar="NAME", help="S3 region (default: the usual AWS settings)"
    )
    return with_common(top)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 60:
        raise argparse.ArgumentTypeError("expected seconds between 0 and 60")
    return value


def _same(source: str, output: str) -> bool:
    if source == output:
        return True
    if "://" in source or "://" in output:
        return False
    return Path(output).exists() and Path(source).exists() and Path(source).samefile(output)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    if _same(args.input, args.output):
        raise UsageError("--output: names the recording itself; the original is not written over")
    if not (args.spans or args.interaction or args.recogniser):
        raise UsageError(
            "give --spans, --interaction or --recogniser: one of them has to say what is covered"
        )
    if args.spans and args.recogniser:
        raise UsageError("--recogniser: --spans says already what is covered")
