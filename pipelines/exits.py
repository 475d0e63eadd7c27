"""Exit codes, and the errors that commands end with. Imports nothing heavy, so that `--help` is
quick.
"""

from __future__ import annotations

DONE, FAILED, USAGE, REJECTED, NOTHING = 0, 1, 2, 3, 4
"""Exit codes: done; failed; the command or its input files are wrong; done, with records in the
rejected zone or files that were not read; nothing to read, and nothing done.
"""


class CommandError(Exception):
    """A command ends here; the text says how to mend it, and quotes no record."""

    exit_code = FAILED


class FailedError(CommandError):
    """The command failed, for a reason that lies outside of what the user wrote. Exit code 1."""


class UsageError(CommandError):
    """The command line or a file it names is wrong; the text says how to mend it. Exit code 2."""

    exit_code = USAGE
