"""The base of all errors that are told to users."""

from __future__ import annotations

FAILED, USAGE = 1, 2
"""Exit codes of commands that an error ends: failed; or the command line, an input that people
write, or a store's keys are wrong.
"""


class CallveilError(Exception):
    """An error whose text is told as it stands: it says where and how to mend it, and quotes no
    record. The error of a class that is no subclass is told by its kind and place alone.

    Attributes:
        exit_code: of the command that it ends.
        way_out: how to mend it; empty where the text says so behind its first semicolon.
    """

    exit_code = FAILED
    way_out = ""


class UserError(CallveilError):
    """An error that is mended in what the user gave: a command line, a file, a keyring."""

    exit_code = USAGE
