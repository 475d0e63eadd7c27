"""The command line."""

from __future__ import annotations

import argparse
import atexit
import difflib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from callveil.pipelines.exits import DONE, FAILED, USAGE, CommandError
from callveil.pipelines.faults import as_dict, describe_error, without_content, without_warnings
from callveil.schemas.plugins import PluginError, list_plugins
from callveil.transforms.storage.files.urls import PlaceError

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
    """Return the parser of all commands. Commands are imported only when the command line names
    one, so that `--help` is quick.
    """
    top = argparse.ArgumentParser(
        prog="callveil",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print version and plugins, and end")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, (text, _) in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    return top


def _redact(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import redact

    return redact.main(argv)


def _sample(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import sample

    return sample.main(argv)


def _demo(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import demo

    return demo.main(argv)


def _policy(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import policy

    return policy.main(argv)


def _schema(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import schema

    return schema.main(argv)


def _rejected(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import rejected

    return rejected.main(argv)


def _reveal(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import reveal

    return reveal.main(argv)


def _evaluate(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import evaluate

    return evaluate.main(argv)


def _bench(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import bench

    return bench.main(argv)


def _explain(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import explain

    return explain.main(argv)


def _train(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import train

    return train.main(argv)


def _history(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import history

    return history.main(argv)


def _rescan(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import rescan

    return rescan.main(argv)


def _retain(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import retain

    return retain.main(argv)


def _audio(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import audio

    return audio.main(argv)


def _watch(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import watch

    return watch.main(argv)


def _receive(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import receive

    return receive.main(argv)


def _evidence(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import evidence

    return evidence.main(argv)


def _recordings(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import recordings

    return recordings.main(argv)


def _subject(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import subject

    return subject.main(argv)


def _report(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import report

    return report.main(argv)


def _keys(argv: Sequence[str]) -> int:
    from callveil.pipelines.commands import keys

    return keys.main(argv)


COMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "redact": ("redact call interactions into a Parquet store", _redact),
    "sample": ("write generated call data to try things on", _sample),
    "demo": ("generate, redact, and show what happened", _demo),
    "policy": ("check or show a policy", _policy),
    "evaluate": ("measure detection on labelled conversations", _evaluate),
    "bench": ("measure what redaction costs here, and what a year's calls need", _bench),
    "explain": ("show why each piece of a text or record was found", _explain),
    "train": ("train the names model, on your own conversations too", _train),
    "history": ("take in version logs, and report who changed what", _history),
    "rescan": ("read a store again by the rules of now, and cover what they find", _rescan),
    "retain": ("delete what is due, and prove it", _retain),
    "report": ("make compliance reports: pages, Parquet, CSV", _report),
    "evidence": ("sign what runs did, and prove that a store is still that", _evidence),
    "subject": ("answer people who ask about their data", _subject),
    "audio": ("mute or beep what was found in a recording", _audio),
    "recordings": ("what became of each recording that arrived", _recordings),
    "watch": ("redact recordings and their records as they arrive", _watch),
    "receive": ("take in webhooks, checked and sealed, for watch", _receive),
    "keys": ("rotate keys, seal anew, put them under a KMS", _keys),
    "schema": ("print the schema of a record as JSON Schema or Arrow", _schema),
    "rejected": ("list rejected records, or get their content back", _rejected),
    "reveal": ("turn a reversible token back into its text", _reveal),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(
        level=logging.WARNING, format="callveil: %(levelname)s: %(message)s", stream=sys.stderr
    )
    without_warnings()
    for handler in logging.getLogger().handlers:
        handler.addFilter(without_content)
    if words and words[0] in COMMANDS:
        try:
            return COMMANDS[words[0]][1](words[1:])
        except (CommandError, PlaceError, PluginError) as error:
            return _refused(words, str(error), _code(error), error)
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


def _code(error: Exception) -> int:
    """Return the exit code of a command that was ended by an error: a store that was set back is
    refused as one of other keys is.
    """
    from callveil.transforms.storage.commit.known_heads import RolledBack

    return (
        USAGE if isinstance(error.__context__, RolledBack) else getattr(error, "exit_code", USAGE)
    )


def _refused(words: Sequence[str], text: str, code: int, error: BaseException | None) -> int:
    """Say why a command ended: for people on standard error and, where `--json` was given, for
    programs on standard output. Returns the exit code.
    """
    print(f"callveil {words[0]}: {text}", file=sys.stderr)
    if "--json" in words:
        import json

        print(
            json.dumps(
                {"error": as_dict(error, text, code)}, indent=2, sort_keys=True, ensure_ascii=False
            )
        )
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
