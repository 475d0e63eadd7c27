"""Errors: whatever users are told has one base, with an exit code of those the help names."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

import callveil.schemas.errors as errors
from callveil.pipelines.exits import FailedError, UsageError
from callveil.pipelines.faults import as_dict
from callveil.schemas.errors import FAILED, USAGE, CallveilError, UserError
from callveil.transforms.storage.checkpoints.identity_record import IdentityError
from callveil.transforms.storage.commit.known_heads import RolledBack
from callveil.transforms.storage.files.urls import FilesError, PlaceError

CAUGHT = {
    *("AudioRejected", "BadParquet", "BadRow", "DamagedStream", "DetectionFailed", "FieldError"),
    *(
        "MappingError",
        "NotANotification",
        "NotReadable",
        "OverBudget",
        "ParseError",
        "RecordError",
        "RowsError",
    ),
    *("SignatureRefused", "TimedOut", "WorkerFault", "_Stop", "_TooMany", "_Unknown"),
}
"""Exceptions that are caught where they mean something, and never end a command by themselves."""


def test_whatever_ends_a_command_has_the_base() -> None:
    root = Path(errors.__file__).parent.parent
    bare = set()
    for room in ("pipelines", "transforms", "schemas"):
        for path in (root / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                    builtin = {"Exception", "BaseException", "ValueError", "RuntimeError"}
                    if bases & (builtin | {"OSError", "LookupError", "KeyError", "TypeError"}):
                        bare |= set() if bases & {"CallveilError", "UserError"} else {node.name}
    assert bare - {"CallveilError"} == CAUGHT


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (FailedError("x"), FAILED, "failed_error"),
        (UsageError("x"), USAGE, "usage_error"),
        (PlaceError("x"), USAGE, "place_error"),
        (RolledBack("x"), USAGE, "rolled_back"),
        (IdentityError("x"), USAGE, "identity_error"),
        (FilesError(28, "full", "a/b"), FAILED, "files_error"),
    ],
)
def test_an_error_has_its_code_kind_and_way_out(error: CallveilError, code: int, kind: str) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert error.exit_code == code and (code == USAGE) == (
        isinstance(error, UserError | RolledBack)
    )
    told = as_dict(error, f"{error}; put it back", error.exit_code)
    assert (told["kind"], told["exit_code"]) == (kind, code)
    assert told["way_out"] == (error.way_out or "put it back")
