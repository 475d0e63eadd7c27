"""Log lines: never content, whoever logs it and however; as text, and as JSON with what is at
work.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.command_runs import PLAIN, call, callveil, environment, write_lines

from callveil.pipelines.logs import configure_logging
from callveil.transforms.execution.log_context import log_context, set_process_context
from callveil.transforms.storage.commit.catalog import StoreError

SECRET = " ".join(["Wilhelmina Testperson", "lives at", "12 Nowhere Street"])  # stands in no source
OURS = logging.getLogger("callveil.transforms.storage.tests")
THEIRS = logging.getLogger("boto3.tests")


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CALLVEIL_TRACEBACK", raising=False)
    configure_logging("redact", "json")
    yield
    set_process_context(run_id="")
    configure_logging("")


def _raise(error: Exception) -> None:
    try:
        raise error
    except Exception:
        logging.getLogger("thinc.tests").exception("could not go on")


def _chained(text: str) -> None:
    try:
        try:
            raise KeyError(text)
        except KeyError:
            raise StoreError("latest.json: is damaged")  # noqa: B904
    except StoreError as error:
        OURS.warning("%s; trying again", error, exc_info=True)


QUOTES: dict[str, Callable[[str], None]] = {
    "an argument of a library": lambda s: THEIRS.warning("cannot read %s", s),
    "arguments by name": lambda s: THEIRS.warning("cannot read %(row)s", {"row": s}),
    "a number's place": lambda s: THEIRS.warning("row %r of %d", s, 7),
    "a message put together": lambda s: THEIRS.warning(f"cannot read {s}"),
    "the message alone": lambda s: THEIRS.error(s),
    "a message of our own put together": lambda s: OURS.warning(f"cannot read {s}"),
    "a record as an argument": lambda s: OURS.warning("cannot read %s", {"name": s}),
    "bytes as an argument": lambda s: OURS.warning("cannot read %s", s.encode()),
    "a list as an argument": lambda s: OURS.error("cannot read %s", [s]),
    "a library's error as an argument": lambda s: OURS.warning("cannot: %s", ValueError(s)),
    "an error as the message": lambda s: THEIRS.error(ValueError(s)),
    "an error": lambda s: _raise(ValueError(s)),
    "an error of the system": lambda s: _raise(OSError(s)),
    "the cause of an error of our own": _chained,
    "a warning": lambda s: warnings.warn(f"cannot read {s}", RuntimeWarning, stacklevel=1),
    "a stack": lambda s: OURS.warning("here", stack_info=True, extra={"row": s}),
    "fields of a library": lambda s: THEIRS.warning("here", extra={"fields": {"row": s}}),
    "a worker's error as text": lambda s: logging.getLogger("apache_beam.worker").error(
        f'Traceback (most recent call last):\n  File "/a/transforms/x.py", line 3, in f\n'
        f"ValueError: {s}"
    ),
}


def capture_warnings() -> None:
    """Have warnings logged although pytest records them."""
    logging.captureWarnings(False)
    logging.captureWarnings(True)
    warnings.simplefilter("always")


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("how", QUOTES)
def test_no_content_is_logged(
    how: str, log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("redact", log_format)
    capture_warnings()
    QUOTES[how](SECRET)
    said = capsys.readouterr().err
    assert said and not re.search("Wilhelmina|Nowhere", said), said


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<>%"), min_size=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(sorted(QUOTES)), WORDS.filter(lambda s: len(set(s)) > 3))
def test_a_line_does_not_depend_on_content(
    capsys: pytest.CaptureFixture[str], how: str, content: str
) -> None:
    """Check that what is logged of any content is what is logged of other content."""
    capture_warnings()
    said = []
    for text in (content, SECRET):
        QUOTES[how](text)
        line = json.loads(capsys.readouterr().err.splitlines()[-1])
        said.append(line | {"time": ""})
    assert said[0] == said[1]


def test_what_callveil_says_itself_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    OURS.warning("%s: read %d of %s rows (%.1f %%)", Path("a/b"), 3, None, 2.5)
    OURS.info("%s", StoreError("latest.json: is damaged; put it back"))
    THEIRS.info("not worth a line")
    THEIRS.warning("the connection pool is full")
    said = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "a/b: read 3 of None rows (2.5 %)",
        "latest.json: is damaged; put it back",
        "boto3.tests: the connection pool is full",
    ]


def test_the_context_is_that_of_thread_and_process(capsys: pytest.CaptureFixture[str]) -> None:
    with log_context(run_id="r1", chunk=4), log_context(file="interactions/a.parquet"):
        OURS.warning("inner")
    set_process_context(run_id="r2")
    OURS.warning("outer")
    inner, outer = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert inner | {"time": ""} == {
        "time": "",
        "level": "WARNING",
        "logger": OURS.name,
        "message": "inner",
        "command": "redact",
        "run_id": "r1",
        "chunk": 4,
        "file": "interactions/a.parquet",
    }
    assert outer["run_id"] == "r2" and not {"chunk", "file"} & outer.keys()


def test_a_worker_logs_as_its_command_does(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(
        "import logging, sys\n"
        "from callveil.pipelines.logs import configure_worker_logging\n"
        "configure_worker_logging()\n"
        "logging.getLogger('callveil.x').error('%s', 'here')\n"
        "logging.getLogger('boto3').error('too many arguments', sys.argv[1])\n"
    )
    shown = subprocess.run(
        [sys.executable, str(program), SECRET], capture_output=True, text=True, check=True
    )
    ours, theirs = (json.loads(line) for line in shown.stderr.splitlines())
    assert (ours["command"], ours["message"], ours["level"]) == ("redact", "here", "ERROR")
    assert theirs["message"] == "boto3: too many arguments"


@pytest.mark.parametrize("by", ["option", "environment"])
def test_every_line_of_a_command_is_json(by: str, tmp_path: Path) -> None:
    env: dict[str, Any] = environment(tmp_path)
    (tmp_path / "policy.yaml").write_text(PLAIN)
    write_lines(tmp_path / "in.jsonl", [call(1)])
    asked = ("--log-format", "json") if by == "option" else ()
    env |= {} if asked else {"CALLVEIL_LOG_FORMAT": "json"}
    words = ("redact", "--output", "store", "--policy", "policy.yaml", *asked)
    said = []
    for more in ((), ("--input", "none.jsonl", "--json"), ("--input", "in.jsonl", "--as-of", "x")):
        run = callveil(*words, *more, env=env, cwd=tmp_path)
        said += [json.loads(line) for line in run.stderr.splitlines()]
    assert {line["command"] for line in said} == {"redact"}
    assert said[0]["level"] == "INFO" and said[0]["message"].startswith("no --input: only stored")
    ends = [(s["kind"], s["exit_code"]) for s in said if s["level"] == "ERROR"]
    assert ends == [("input_error", 2), ("argument_error", 2)]
