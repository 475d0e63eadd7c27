"""A fault in a file that a user gave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a file that a user gave.

    Attributes:
        file: as the user named it.
        line: 1-based line (or 1-based record, where the format has no lines); None for the file as
            a whole.
        field: column of a table, or dotted path, such as `entities.PERSON.scope`; empty where no
            field is at fault.
        message: what is wrong and how to mend it; quotes no personal content.
        column: 1-based column of the line; 0 where none is known.
    """

    file: str
    line: int | None
    field: str
    message: str
    column: int = 0

    def __str__(self) -> str:
        place = [self.file, *(str(n) for n in (self.line, self.column) if n)]
        return ": ".join(part for part in (":".join(place), self.field, self.message) if part)

    @property
    def place(self) -> tuple[str, int, int, str]:
        """Where it is, to sort by."""
        return self.file, self.line or 0, self.column, self.field
