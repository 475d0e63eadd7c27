"""Households that share a line, name twins, staff and three controllers: a package holds its
person's records, all and only.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.people_world import NOW, World

from callveil.pipelines.subject import erase_request, search_request
from callveil.pipelines.subject_package import make_package
from callveil.pipelines.subject_register import NewRequest, open_request, record_verification
from callveil.transforms.governance.requests.raw_sources import raw_records
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.storage.identity.identifiers import parse_identifier
from callveil.transforms.storage.identity.record_identifiers import interaction_people

ACCOUNTS = ("601", "602", "603")
FIRST = ("Ada", "Bo", "Cleo", "Dag", "Edda", "Finn", "Gro", "Hal", "Ines", "Jens")
LAST = ("Berg", "Dahl", "Falk", "Holm", "Lund", "Moe", "Strand", "Vik")
ID = re.compile(r"(?<!\d)7700\d{6}(?!\d)")


@dataclass(frozen=True)
class Neighbour:
    """A person of a household of two: the line is both's, the mobile and the address are their own.

    Every fourth household has the names and the postcode of the one before: twins by name.
    """

    number: int

    @property
    def household(self) -> int:
        """Number of the household."""
        return self.number // 2

    @property
    def record(self) -> dict[str, Any]:
        """Return name, postcode and street as a form states them."""
        kin = self.household - (self.household % 4 == 3)
        name = f"{FIRST[(kin + self.number % 2 * 5) % len(FIRST)]} {LAST[kin // 2 % len(LAST)]}"
        return {
            "name": name,
            "postal_code": f"{70_000 + kin}",
            "street": f"{self.household + 1} Pier Row",
        }

    @property
    def line(self) -> str:
        """The household's number."""
        return f"+1415555{1000 + self.household:04d}"

    @property
    def mobile(self) -> str:
        """Their own number."""
        return f"+1628555{1000 + self.number:04d}"

    @property
    def email(self) -> str:
        """Their own address."""
        return f"neighbour.{self.number}@mail.example"


def calls(rng: random.Random, people: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Calls of everybody at one to three companies, and whose each is.

    Everybody's first call to a company is on the shared line and says who they are: that a line is
    shared is nowhere to be seen where one of those who share it has never said a name there.
    """
    records: list[dict[str, Any]] = []
    whose: dict[str, int] = {}
    for who in map(Neighbour, range(people)):
        for account in rng.sample(ACCOUNTS, 1 + who.number % 3):
            for turn in range(rng.randrange(2, 5)):
                number = len(records)
                agent = f"A{number % 5}"
                records.append(
                    {
                        "id": f"7700{number:06d}",
                        "account_id": account,
                        "called_at": (NOW - dt.timedelta(hours=7 * number % 700 + 24)).isoformat(),
                        "status": "completed",
                        "duration": 60,
                        "caller_number": who.line if not turn or rng.random() < 0.6 else who.mobile,
                        "agent_id": agent,
                        "agent": {"id": agent, "email": f"{agent.lower()}@desk{account}.example"},
                        **(who.record if not turn or rng.random() < 0.5 else {}),
                        **({"email": who.email} if not turn or rng.random() < 0.5 else {}),
                    }
                )
                whose[records[-1]["id"]] = who.number
    return records, whose


class Officer:
    """Decides as whoever knows the people would: by the values the sources show, and by whose call
    it was.
    """

    def __init__(self, world: World, whose: dict[str, int]) -> None:
        self.world, self.whose, self.decided = world, whose, 0
        self.owners: dict[str, set[int]] = defaultdict(set)
        for raw in raw_records(world.files, [str(world.root / "in")]):
            for found in interaction_people(raw):
                if found.role == "contact":
                    self.owners[found.identifier.value].add(whose[raw.key.id])

    def settle(self, request: str, who: int) -> SearchResult:
        """Search and decide until nothing is open."""
        given: dict[str, Any] = {}
        for step in range(12):
            options = self.world.options(0.2 + step / 1000)
            match, shown = search_request(
                options, request, sources=[str(self.world.root / "in")], zone=False, **given
            )
            given = {
                "confirmed": [n for n, value in shown.items() if who in self.owners[value]],
                "rejected": [n for n, value in shown.items() if who not in self.owners[value]],
            }
            if not shown and match.undecided:
                open_ = [r.record_id for r, _ in match.undecided]
                self.decided += len(open_)
                given |= {
                    "included": [i for i in open_ if self.whose[i] == who],
                    "excluded": [i for i in open_ if self.whose[i] != who],
                }
                given["reason"] = "known by their voice"
            elif not shown:
                return match
        raise AssertionError("there is no end of decisions")


STAFF, OWN = 3, ("caller_number", "name", "postal_code", "street", "email")
"""Values of a record that tell who of the staff took part, and those that are the caller's own,
covered since the package is made from the store.
"""


def package(world: World, request: str, path: Path) -> tuple[set[str], dict[str, int]]:
    """Ids of the records a package speaks of, wherever; and what it withholds, by reason."""
    made = make_package(world.options(1), request, "access", path, zone=False)
    with zipfile.ZipFile(path) as z:
        found = {i for n in z.namelist() for i in ID.findall(z.read(n).decode("utf-8", "replace"))}
    path.unlink()
    return found, {w["reason"]: w["count"] for w in made.withheld}


def ask(world: World, request: str, account: str, kind: str, *identifiers: str) -> None:
    """A verified request to one company."""
    found = tuple(i for text in identifiers for i in parse_identifier(text))
    open_request(world.options(), NewRequest(kind, found, NOW, request, account=account))
    record_verification(world.options(0.1), request, "callback")


def check(world: World, folder: Path, people: int, erased: int) -> None:
    """Everybody asks the first company they called; some are erased afterwards."""
    records, whose = calls(random.Random(7), people)
    world.redact(records)
    account_of = {r["id"]: r["account_id"] for r in records}
    officer = Officer(world, whose)
    wrong: list[tuple[str, set[str]]] = []
    untrue: list[tuple[str, dict[str, int]]] = []
    theirs: dict[int, set[str]] = {}
    for who in map(Neighbour, range(people)):
        account = next(account_of[i] for i, n in whose.items() if n == who.number)
        theirs[who.number] = {
            i for i, n in whose.items() if n == who.number and account_of[i] == account
        }
        request = f"N{who.number}"
        ask(world, request, account, "erasure", who.line, who.mobile, who.email)
        officer.settle(request, who.number)
        found, reasons = package(world, request, folder / f"{request}.zip")
        if found != theirs[who.number]:
            wrong.append((request, found ^ theirs[who.number]))
        own = sum(name in r for r in records if r["id"] in theirs[who.number] for name in OWN)
        if reasons != {"staff": STAFF * len(theirs[who.number]), "redacted_before": own}:
            untrue.append((request, reasons | {"own": own}))
    assert wrong == [] and untrue == [] and officer.decided > 0
    for agent in (
        "A1",
        "A3",
    ):  # staff see what they did at this company, and it is no other's of the same id
        ask(world, f"S{agent}", "602", "access", f"agent:602/{agent}")
        match, _ = search_request(world.options(0.2), f"S{agent}", zone=False)
        assert {m.record.record_id for m in match.records} == {
            r["id"] for r in records if (r["account_id"], r["agent_id"]) == ("602", agent)
        }
    for number in range(erased):
        done = erase_request(world.options(2), f"N{number}", zone=False).certified
        assert done is not None and done.residual_hits == 0
    gone = set[str]().union(*(theirs[n] for n in range(erased)))
    assert {r["id"] for r in world.rows("interactions")} == whose.keys() - gone


def test_packages_hold_their_persons_records(world: World, tmp_path: Path) -> None:
    check(world, tmp_path, 20, 2)


@pytest.mark.soak
def test_packages_of_two_hundred_people(world: World, tmp_path: Path) -> None:
    check(world, tmp_path, 200, 20)
