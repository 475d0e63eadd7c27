"""Exit codes, and the errors that commands end with of their own."""

from __future__ import annotations

from callveil.schemas.errors import FAILED as FAILED
from callveil.schemas.errors import USAGE as USAGE
from callveil.schemas.errors import CallveilError, UserError

DONE, REJECTED, NOTHING = 0, 3, 4
"""Exit codes beside those of errors: done; done, with records in the rejected zone or files that
were not read; nothing to read, and nothing done.
"""


class CommandError(CallveilError):
    """A command ends here, by what it says itself."""


class FailedError(CommandError):
    """The command failed, for a reason that lies outside of what the user wrote."""


class UsageError(CommandError, UserError):
    """The command line or a file it names is wrong."""
