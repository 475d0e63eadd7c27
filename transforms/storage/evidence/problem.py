"""Verification problems, and their collector."""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = {
    "changed": "a file's content is another",
    "byte": "bytes of a file are others",
    "row": "rows of a file are others, are gone, were put in, or stand in another order",
    "missing": "a file is gone",
    "gap": "a link of the chain is missing",
    "order": "files or records stand in each other's place",
    "key": "signed by a key that is not trusted, or looks like one that is",
    "signature": "the signature does not hold",
    "stray": "a file that no run wrote",
    "anchor": "the chain does not hold what was given with --anchor, or what a timestamp is over",
    "rolled_back": "the store is older than this machine has seen it, or has another history",
    "time": "a step of a request is stated for, or was entered at, a time before the step it "
    "follows",
    "left": "what was destroyed is still there",
}


@dataclass(frozen=True, order=True)
class EvidenceProblem:
    """One thing that is not as it was signed.

    Attributes:
        path: file below the store's root.
        kind: one of `KINDS`.
        detail: one sentence.
    """

    path: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}: {self.detail}"


@dataclass
class ProblemCollector:
    """Gathers problems and notes."""

    problems: set[EvidenceProblem] = field(default_factory=set)
    notes: set[EvidenceProblem] = field(default_factory=set)

    def add(self, path: str, kind: str, detail: str) -> None:
        """Add a problem; `kind` is one of `KINDS`."""
        self.problems.add(EvidenceProblem(path, kind, detail))

    def note(self, path: str, kind: str, detail: str) -> None:
        """Add something that is not wrong, but worth knowing."""
        self.notes.add(EvidenceProblem(path, kind, detail))

    def sorted(self) -> tuple[EvidenceProblem, ...]:
        """Return problems by path."""
        return tuple(sorted(self.problems))

    def sorted_notes(self) -> tuple[EvidenceProblem, ...]:
        """Return notes by path."""
        return tuple(sorted(self.notes))
