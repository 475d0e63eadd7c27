"""Exit codes, and the error that stands for the user's own mistake. Imports nothing heavy, so that `--help` is quick."""

from __future__ import annotations

DONE, FAILED, USAGE, REJECTED, NOTHING = 0, 1, 2, 3, 4
"""Exit codes: done; failed; the command or its input files are wrong; done, with records in the rejected zone or files that were not
read; nothing to read, and nothing done."""


class UsageError(Exception):
    """The command line or a file it names is wrong; the text says how to mend it. Exit code 2."""
