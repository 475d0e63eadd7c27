"""The command line."""

from __future__ import annotations

import argparse
import atexit
import difflib
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from callveil.pipelines.exits import DONE
from callveil.pipelines.faults import as_dict, describe_error
from callveil.pipelines.logs import FORMAT_ENV, FORMATS, configure_logging
from callveil.schemas.errors import FAILED, USAGE, CallveilError
from callveil.schemas.plugins import list_plugins

log = logging.getLogger("callveil.pipelines.cli")  # also where it runs as `__main__`

DESCRIPTION = """\
callveil takes the personal data out of call-tracking records (calls, texts, chats, forms) and keeps
account of it.

first steps:
  callveil demo                                    a small day of generated calls, redacted, before your eyes
  callveil sample --output day/                    generated input to try things on
  callveil redact --input day/interactions --output store/     redact it into Parquet
  callveil policy show gdpr                        what the default policy does, and why

Every command has --help of its own."""  # noqa: E501

EPILOG = """\
exit codes:
  0  done
  1  failed; nothing half-done is visible, run it again
  2  the command line, policy, accounts or requests are wrong, or the store has other keys or was
     set back; the message says where
  3  done, but some records went to the rejected zone, or some files below an input were not read
  4  nothing to read: no file, only empty ones, or none of a kind that is read; nothing was done

With --json a command that ends with a message prints {"error": {"kind", "message", "exit_code"}} on
standard output too, with "option", "place" (a file, store or record) and "way_out" where these are
known."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="callveil",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print version and plugins, and end")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    return top


COMMANDS: dict[str, str] = {
    "redact": "redact call interactions into a Parquet store",
    "sample": "write generated call data to try things on",
    "demo": "generate, redact, and show what happened",
    "policy": "check or show a policy",
    "evaluate": "measure detection on labelled conversations",
    "bench": "measure what redaction costs here, and what a year's calls need",
    "explain": "show why each piece of a text or record was found",
    "train": "train the names model, on your own conversations too",
    "history": "take in version logs, and report who changed what",
    "rescan": "read a store again by the rules of now, and cover what they find",
    "retain": "delete what is due, and prove it",
    "report": "make compliance reports: pages, Parquet, CSV",
    "store": "how DuckDB, Spark and others read its tables",
    "evidence": "sign what runs did, and prove that a store is still that",
    "subject": "answer people who ask about their data",
    "audio": "mute or beep what was found in a recording",
    "recordings": "what became of each recording that arrived",
    "watch": "redact recordings and their records as they arrive",
    "receive": "take in webhooks, checked and sealed, for watch",
    "keys": "rotate keys, seal anew, put them under a KMS",
    "schema": "print the schema of a record as JSON Schema or Arrow",
    "rejected": "list rejected records, or get their content back",
    "reveal": "turn a reversible token back into its text",
}
"""What each command does, by name. `arguments` has a module of that name for its command line, and
`commands` one for its work.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    configure_logging(words[0] if words else "", _log_format(words))
    if (given := os.environ.get(FORMAT_ENV, "")) not in ("", *FORMATS):
        text = f"{FORMAT_ENV}: {given!r} is no format; it is one of {', '.join(FORMATS)}"
        return _refused(words, text, USAGE, None)
    if words and words[0] in COMMANDS:
        try:
            return run_command(words[0], words[1:])
        except CallveilError as error:
            return _refused(words, str(error), error.exit_code, error)
        except KeyboardInterrupt as error:
            return _refused(
                words,
                "interrupted; nothing half-done is visible. Run the same command again to finish",
                FAILED,
                error,
            )
        except BrokenPipeError:  # `| head` has seen enough
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
            return FAILED
        except Exception as error:  # noqa: BLE001 - a fault of callveil itself; its text may quote a record
            return _refused(words, describe_error(error), FAILED, error)
    if words and not words[0].startswith("-"):
        near = difflib.get_close_matches(words[0], COMMANDS, 1)
        text = f"no such command{f'; did you mean {near[0]}?' if near else ''} See callveil --help"
        return _refused(words, text, USAGE, None)
    args = build_parser().parse_args(words)
    if args.version:
        from importlib.metadata import version

        print(f"callveil {version('callveil')}", *list_plugins(), sep="\n")
        return DONE
    build_parser().print_help()
    return USAGE if words else DONE


def run_command(name: str, argv: Sequence[str]) -> int:
    """Run a command, and return its exit code or raise. Its work is loaded only once its command
    line is known to be right.
    """
    from callveil.pipelines.options import parse_arguments

    line = import_module(f"callveil.pipelines.arguments.{name}")
    args = parse_arguments(line.build_parser(), argv)
    if check := getattr(line, "check_arguments", None):
        check(args)
    code: int = import_module(f"callveil.pipelines.commands.{name}").run(args)
    return code


def _log_format(words: Sequence[str]) -> str:
    """Return `--log-format` of a command line that may be wrong otherwise."""
    given = [w.partition("=")[2] for w in words if w.startswith("--log-format=")]
    given += [b for a, b in pairwise(words) if a == "--log-format"]
    return given[-1] if given and given[-1] in FORMATS else ""


def _refused(words: Sequence[str], text: str, code: int, error: BaseException | None) -> int:
    """Say why a command ended: for people on standard error and, where `--json` was given, for
    programs on standard output. Returns the exit code.
    """
    told = as_dict(error, text, code)
    log.error("%s", text, extra={"fields": {k: told[k] for k in ("kind", "exit_code")}})
    if "--json" in words:
        import json

        print(json.dumps({"error": told}, indent=2, sort_keys=True, ensure_ascii=False))
    return code


def program() -> None:
    """Run one command as a program, and end the process without tearing the interpreter down.

    A thread of Arrow that still holds a file of Python's when the interpreter is torn down aborts
    it, after all work is done (https://github.com/apache/arrow/issues/34314): seen once in some
    hundred commands on a busy machine.
    """
    code = main()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or FAILED
    os._exit(code)


if __name__ == "__main__":
    program()
