"""Command line of `callveil evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from callveil.pipelines.options import add_policy, command_parser, with_common
from callveil.transforms.lab.evaluate.stock_presidio import DEFAULT_MODEL

DESCRIPTION = """\
Measure detection on labelled conversations: JSON lines of
  {"id", "turns": [{"speaker", "text"}], "spans": [{"turn", "start", "end", "type"}], "metadata":
  {"complete_types": [...]}}
Offsets count characters of the turn. Each conversation is read whole, as the redaction job reads
it, with nothing known of the contact; what the policy would replace counts as found.

Printed with 95 % intervals: recall by entity (every letter and digit of a span covered) and by
character, letters left readable and letters covered outside every label per 1,000 characters,
conversations without a leak, precision where a row says which types it labels completely, all of it
by type; what kind of thing was missed, and what was covered without a label. Labels are seldom
complete, so over-redaction is an upper bound. No text is printed unless you ask for it.

--against presidio runs Presidio as it comes over the same conversations: its default recognizers,
configuration and score threshold (0), on one turn at a time, since it knows no conversations, and
asked only for types the policy does not keep. It needs a spaCy pipeline of yours (en_core_web_sm
unless you name another), and runs in a process of its own."""


EPILOG = """\
examples:
  callveil evaluate --gold dev.jsonl
  callveil evaluate --gold a.jsonl b.jsonl --policy policy.yaml --predictions found.jsonl --json
  callveil evaluate --gold dev.jsonl --plot recall.svg --show-text --limit 200
  callveil evaluate --gold dev.jsonl --against presidio --against presidio:en_core_web_lg --markdown

exit codes: 0 done, 1 a file could not be written, 2 usage, 3 some conversations would have been
rejected (they count as wholly leaked)"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("evaluate", DESCRIPTION, EPILOG)
    p.add_argument(
        "--gold",
        nargs="+",
        action="extend",
        required=True,
        type=Path,
        metavar="FILE",
        help="labelled conversations",
    )
    add_policy(p)
    p.add_argument(
        "--against",
        action="append",
        default=[],
        type=_against,
        metavar="presidio[:MODEL]",
        help="the same measures of stock Presidio, over spaCy pipeline MODEL (default "
        "en_core_web_sm), beside them; may be repeated",
    )
    p.add_argument(
        "--predictions",
        type=Path,
        metavar="OUT",
        help="write what was found, without text, one {id, spans} a line",
    )
    p.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw recall by type as .svg or .png (needs pip install 'callveil[plot]')",
    )
    p.add_argument(
        "--typed",
        action="store_true",
        help="a letter counts as found only where the type is right as well",
    )
    p.add_argument(
        "--labelled-only",
        action="store_true",
        help="leave labels that a pattern added (`by: regex`) out of recall",
    )
    p.add_argument(
        "--all-types",
        action="store_true",
        help="count places, dates, amounts and other types among the core as well",
    )
    p.add_argument(
        "--limit", type=_positive, metavar="N", help="first N conversations of each file only"
    )
    p.add_argument(
        "--show-text",
        action="store_true",
        help="quote examples of what was missed and covered; they are personal data if your input "
        "is",
    )
    form = p.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print as JSON")
    form.add_argument(
        "--markdown",
        action="store_true",
        help="print one table in Markdown, a line for each set and tool",
    )
    return with_common(p)


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number of at least 1")
    return number


def _against(text: str) -> str:
    tool, _, model = text.partition(":")
    if tool != "presidio" or text.endswith(":"):
        raise argparse.ArgumentTypeError(
            "expected presidio, or presidio: and the name or path of a spaCy pipeline"
        )
    return model or DEFAULT_MODEL
