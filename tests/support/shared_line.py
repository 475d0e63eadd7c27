"""People who share a telephone line, and requests of theirs. Nobody is real."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

from callveil.pipelines.subject import search_request
from callveil.pipelines.subject_package import make_package
from callveil.pipelines.subject_register import (
    NewRequest,
    SubjectOptions,
    open_request,
    record_verification,
)
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.storage.identity.identifiers import parse_identifier
from support.people_world import NOW, World

LINE = "+441632960811"


STREET = {"postal_code": "NE1 4ST", "street": "5 Quay Lane"}


def call(
    number: int, account: int, phone: str, name: str = "", email: str = "", **more: Any
) -> dict[str, Any]:
    """One call from a number, by whoever gives that name and address."""
    when = NOW - dt.timedelta(days=20) + dt.timedelta(hours=number % 300)
    own = {"name": name, "email": email} | (STREET if name else {})
    record = {
        "id": str(9_100_000_000 + number),
        "account_id": account,
        "called_at": when.isoformat(),
        "status": "completed",
        "duration": 90,
    }
    return record | {"caller_number": phone} | {k: v for k, v in own.items() if v} | more


def named(number: int, name: str) -> dict[str, Any]:
    """A call on the line by someone who gives a name at most."""
    return call(number, 1, LINE) | ({"name": name} if name else {})


def said(number: int, text: str) -> dict[str, Any]:
    """A call on the line by someone whom nothing but their words names."""
    turns = [(2, "Alder Inn, who is speaking"), (1, text), (2, "thank you")]
    return named(number, "") | {
        "outline": [
            {
                "channel": c,
                "speaker": "Agent" if c == 2 else "Caller",
                "text": t,
                "s": 4.0 * n,
                "e": 4.0 * n + 3,
            }
            for n, (c, t) in enumerate(turns)
        ]
    }


def chat(number: int, sender: str) -> dict[str, Any]:
    """A chat with that number by whoever the chat names."""
    return named(number, "") | {
        "kind": "chat",
        "chat_messages": [{"channel": 1, "speaker": sender, "text": "hello"}],
    }


def couple() -> list[dict[str, Any]]:
    """A couple's shared line: two calls of hers, one of his."""
    hers, his = (
        ("Nora Vexley", "nora.vexley@post.example"),
        ("Piet Vexley", "piet.vexley@post.example"),
    )
    return [call(11, 18078, LINE, *hers), call(12, 18078, LINE, *hers), call(13, 18078, LINE, *his)]


def ask(world: World, kind: str, *identifiers: str, request: str = "R", **more: Any) -> None:
    """Open a request and verify it."""
    found = tuple(i for text in identifiers for i in parse_identifier(text, "GB"))
    open_request(world.options(), NewRequest(kind, found, NOW, request, region="GB", **more))
    record_verification(world.options(0.1), request, "callback")


class Desk:
    """Searches, one after another."""

    def __init__(self, world: World, request: str = "R") -> None:
        self.world, self.request, self.day = world, request, 0.2

    def options(self, **more: Any) -> SubjectOptions:
        """Options of the next step."""
        self.day += 0.001
        return self.world.options(self.day, **more)

    def look(self, **more: Any) -> tuple[SearchResult, dict[str, str]]:
        """The next search; with names of proposals by their values."""
        match, shown = search_request(
            self.options(), self.request, sources=[str(self.world.root / "in")], zone=False, **more
        )
        return match, {value: name for name, value in shown.items()}

    def decide(self, hers: str, his: str) -> SearchResult:
        """Confirm what contains one text, reject what contains another."""
        _, names = self.look()
        return self.look(
            confirmed=[n for v, n in names.items() if hers in v],
            rejected=[n for v, n in names.items() if his in v],
        )[0]


def ids(match: SearchResult) -> list[int]:
    """Last digits of the matched records."""
    return sorted(int(m.record.record_id) - 9_100_000_000 for m in match.records)


def packaged(world: World, path: Path, request: str = "R", **more: Any) -> str:
    """Everything a package says."""
    make_package(
        world.options(1, **more), request, "access", path, sources=[str(world.root / "in")]
    )
    with zipfile.ZipFile(path) as z:
        return "".join(z.read(n).decode("utf-8", "replace") for n in z.namelist())
