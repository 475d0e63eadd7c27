"""Options several commands share, and the passage of Beam's own options through to Beam."""

from __future__ import annotations

import argparse
import ast
import datetime as dt
import difflib
import getpass
import os
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any, NoReturn

from callveil.pipelines.exits import UsageError
from callveil.pipelines.flink_options import declare_flink_options, flink_option_names
from callveil.pipelines.logs import FORMAT_ENV, FORMATS, logs_json
from callveil.schemas.policy_load import PRESETS
from callveil.transforms.report.scope import EVERYTHING, Role, load_roles
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.urls import S3Settings, is_s3

ROLES_ENV = "CALLVEIL_ROLES"

if TYPE_CHECKING:  # Beam takes seconds to load, and most commands do without it
    from apache_beam.options.pipeline_options import PipelineOptions


def parse_as_of(text: str) -> dt.datetime:
    """Return a run's time: a date (its midnight, UTC) or an ISO 8601 time; without an offset it is
    UTC.
    """
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "expected a date such as 2026-11-24, or a time such as 2026-11-24T06:00:00Z"
        ) from None
    return when.replace(tzinfo=dt.UTC) if when.tzinfo is None else when.astimezone(dt.UTC)


def start_of_today() -> dt.datetime:
    """Midnight, UTC, of the current day: the default `as_of`, so that one day's repetitions of a
    command are one run.
    """
    return dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def add_list(parser: argparse.ArgumentParser, flag: str, metavar: str, help_text: str) -> None:
    """Give a parser an option of several values that may also be repeated."""
    parser.add_argument(
        flag, nargs="+", action="extend", default=[], metavar=metavar, help=help_text
    )


def command_parser(
    name: str, description: str, epilog: str = "", allow_abbrev: bool = True
) -> argparse.ArgumentParser:
    """Return a command's parser, without options yet."""
    return argparse.ArgumentParser(
        prog=f"callveil {name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=allow_abbrev,
    )


def add_store_place(parser: argparse.ArgumentParser) -> None:
    """`--store`."""
    parser.add_argument(
        "--store", required=True, metavar="STORE", help="folder or s3:// URL of the store"
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """`--output`, a store that is made where there is none."""
    parser.add_argument(
        "--output",
        required=True,
        metavar="STORE",
        help="folder or s3:// URL of the store; made on first use",
    )


def add_policy(
    parser: argparse.ArgumentParser,
    help_text: str = f"{', '.join(PRESETS)}, or a YAML file (default: gdpr)",
) -> None:
    """`--policy`."""
    parser.add_argument("--policy", metavar="NAME|FILE", help=help_text)


def add_time(
    parser: argparse.ArgumentParser, flag: str, help_text: str, dest: str | None = None
) -> None:
    """Give a parser an option that is a time."""
    parser.add_argument(flag, type=parse_as_of, metavar="TIME", help=help_text, dest=dest)


def add_store(parser: argparse.ArgumentParser) -> None:
    """`--keyring`, `--s3-endpoint-url`, `--s3-region`; `--state` is one of `COMMON`."""
    parser.add_argument(
        "--keyring",
        metavar="FILE",
        help="keyring file (default: $CALLVEIL_KEYRING, else ~/.config/callveil/keyring.json; made "
        "on first use, mode 0600)",
    )
    parser.add_argument(
        "--s3-endpoint-url",
        "--s3_endpoint_url",
        metavar="URL",
        help="S3-compatible server (default: AWS; AWS_ENDPOINT_URL is honoured)",
    )
    parser.add_argument(
        "--s3-region",
        "--s3_region_name",
        metavar="NAME",
        help="S3 region (default: the usual AWS settings)",
    )


def add_workers(parser: argparse.ArgumentParser) -> None:
    """`--workers`."""
    parser.add_argument(
        "--workers",
        type=at_least_one,
        metavar="N",
        help="processes that work at once (default: as many as cores and memory allow and the work "
        "is worth); 1: this one alone",
    )


def at_least_one(text: str) -> int:
    """Return a number of workers."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError("expected a whole number of at least 1")
    return int(text)


def refuse_workers(args: argparse.Namespace, options: PipelineOptions | None) -> None:
    """Raise `UsageError` where both this command and Beam are told how to spread the work."""
    from callveil.pipelines.local_runner import beam_spreads_work

    if args.workers is not None and beam_spreads_work(options):
        raise UsageError(
            "--workers: is for runs in this process; a runner, or --direct_num_workers, has its "
            "own workers. Leave one of them out"
        )


COMMON: dict[str, dict[str, Any]] = {
    "--json": {"action": "store_true", "help": "print the result as JSON"},
    "--no-progress": {"action": "store_true", "help": "no progress on standard error"},
    "--keyring": {
        "metavar": "FILE",
        "help": "keyring file, where one is needed (default: $CALLVEIL_KEYRING, else "
        "~/.config/callveil/keyring.json)",
    },
    "--state": {
        "metavar": "FOLDER",
        "help": "where the newest state seen of each store is remembered (default: "
        "$CALLVEIL_STATE, else ~/.local/state/callveil)",
    },
    "--log-format": {
        "choices": FORMATS,
        "help": "lines on standard error as text, or as JSON, one object a line (default: "
        f"${FORMAT_ENV}, else text)",
    },
}
"""Options that every command takes, so that a script may say them to any."""


def add_roles(parser: argparse.ArgumentParser) -> None:
    """`--roles`."""
    parser.add_argument(
        "--roles",
        metavar="FILE",
        default=os.environ.get(ROLES_ENV),
        help=f"which role sees what, as YAML (default: ${ROLES_ENV})",
    )


def current_user() -> str:
    """Login name of whoever runs this: of the process, not what a variable says."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container without an entry for its user
        return (
            f"uid {os.getuid()}"
            if not os.environ.get("USER")
            else f"uid {os.getuid()} ({getpass.getuser()})"
        )


def current_role(args: argparse.Namespace) -> Role:
    """Return the role of whoever runs this; without a roles file one that sees everything. Raises
    `RolesError`, `NotAllowed`.
    """
    return load_roles(args.roles).of(current_user()) if args.roles else EVERYTHING


def with_common(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the parser, or each of its actions' parsers, with those of `COMMON` that it lacks; a
    wrong command line raises `UsageError`.
    """
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in actions:
        for below in action.choices.values():
            with_common(below)
    parser.error = MethodType(_refuse, parser)  # type: ignore[method-assign]
    for name, how in COMMON.items() if not actions else ():
        if name not in parser._option_string_actions:
            parser.add_argument(name, **how)
    return parser


def _refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    if not logs_json():
        parser.print_usage(sys.stderr)
    raise UsageError(message)


def files_of(args: argparse.Namespace) -> Files:
    """Return access to files as the options say."""
    if args.s3_endpoint_url and not re.match("https?://.", args.s3_endpoint_url):
        raise UsageError(
            f"--s3-endpoint-url {args.s3_endpoint_url}: is no URL; it begins with http:// or "
            "https://"
        )
    return Files(S3Settings(args.s3_endpoint_url, args.s3_region), args.state)


def check_places(*places: str) -> None:
    """Raise `PlaceError` for a place that is none, before any work."""
    for place in places:
        is_s3(place)


def parse_arguments(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Return what a command line says. Where Beam's options may follow (`passes_to_beam`), `beam`
    has those.

    Raises `UsageError` for what nobody knows. Beam would pass over a misspelt option in silence.
    """
    args, rest = parser.parse_known_args(_own_spelling(parser, argv))
    if "beam" in args:
        _refuse_unknown(parser, rest)
        args.beam = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return args


def passes_to_beam(parser: argparse.ArgumentParser) -> None:
    """Let Beam's options follow a command's own."""
    parser.set_defaults(beam=[])


def _own_options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a parser and of its actions."""
    below = [
        sub
        for a in parser._actions
        if isinstance(a, argparse._SubParsersAction)
        for sub in a.choices.values()
    ]
    return set(parser._option_string_actions).union(*map(_own_options, below))


def _own_spelling(parser: argparse.ArgumentParser, argv: Sequence[str]) -> list[str]:
    """Return options as the command spells them. Beam's have underscores, and it knows a
    `--dry_run` of its own: passed on, that would be a real run.
    """
    own, out = _own_options(parser), []
    for word in argv:
        flag, equals, value = word.partition("=")
        dashed = flag.replace("_", "-")
        out.append(dashed + equals + value if word.startswith("--") and dashed in own else word)
    return out


def _refuse_unknown(parser: argparse.ArgumentParser, rest: Sequence[str]) -> None:
    known = beam_option_names() if rest else set()
    for word in rest:
        flag = word.split("=", 1)[0]
        if word.startswith("-") and flag not in known:
            near = difflib.get_close_matches(flag, sorted(known | _own_options(parser)), 1)
            raise UsageError(
                f"{flag}: neither callveil nor Beam has this "
                f"option{f'; did you mean {near[0]}?' if near else ''}"
            )
    if rest and not rest[0].startswith("-"):
        raise UsageError(
            f"{len(rest)} argument(s) belong to no option; options take their values right behind "
            "them (see --help)"
        )


def beam_option_names() -> set[str]:
    """Return Beam's options, and those of its Flink runner. They are read from Beam's source: it
    takes seconds to load, and a misspelt option is told at once.
    """
    beam = find_spec("apache_beam")
    assert beam is not None and beam.submodule_search_locations
    source = Path(beam.submodule_search_locations[0], "options", "pipeline_options.py").read_text()
    calls = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call))
    words = (
        word.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr.endswith("argument")
        for word in call.args
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    )
    return {w for w in words if w.startswith("-")} | flink_option_names()


def beam_options(rest: Sequence[str]) -> PipelineOptions | None:
    """Beam options from what callveil itself does not know; None where that is nothing."""
    if not rest:
        return None
    from apache_beam.options.pipeline_options import PipelineOptions

    declare_flink_options()
    options = PipelineOptions(list(rest))
    _check_runner(options)
    return options


def _check_runner(options: PipelineOptions) -> None:
    """Raise `UsageError` for a runner that Beam does not know, or cannot make, which it would tell
    only once the job is made.
    """
    from apache_beam.options.pipeline_options import StandardOptions
    from apache_beam.runners.runner import create_runner

    name = options.get_all_options().get("runner") or ""
    known = {
        path.rpartition(".")[2].lower(): path.rpartition(".")[2]
        for path in StandardOptions.ALL_KNOWN_RUNNERS
    }
    if (
        name
        and "." not in name
        and not {name.lower(), f"{name.lower()}runner"} & {*known, "fnapirunner"}
    ):
        near = difflib.get_close_matches(name.lower(), known, 1)
        hint = f"did you mean {known[near[0]]}? " if near else ""
        raise UsageError(
            f"--runner {name}: Beam has no such runner; {hint}Without --runner the job runs in "
            "this process"
        )
    if name:
        try:
            create_runner(name)
        except ImportError as error:
            raise UsageError(
                f"--runner {name}: what it needs is not installed "
                f"({error.name or 'see its documentation'})"
            ) from None
        except (ValueError, AttributeError, TypeError):
            raise UsageError(
                f"--runner {name}: Beam cannot make this runner; without --runner the job runs in "
                "this process"
            ) from None
