"""A small world of generated people who call, write and are mentioned, with the truth of whom each
record is about. Nobody's data.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import zstandard

from callveil.pipelines.attempts import RunResult
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.pipelines.subject import search_request
from callveil.pipelines.subject_register import (
    NewRequest,
    SubjectOptions,
    open_request,
    record_verification,
)
from callveil.schemas.policy_load import load_policy
from callveil.schemas.subject import SubjectRequest
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.identity.identifiers import parse_identifier

T0 = dt.datetime(2026, 10, 1, 8, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 11, 3, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PLAIN = "version: 1\nname: plain\nextends: gdpr\ndetect: {model: none}\n"
TOKENS = PLAIN + (
    "entities: {PHONE_NUMBER: {operator: token, scope: account}, EMAIL_ADDRESS: token, PERSON: "
    "{operator: pseudonym, scope: account}}\n"
)
FIRST = (
    "Amara",
    "Bjorn",
    "Chidi",
    "Dunja",
    "Emeka",
    "Freya",
    "Goran",
    "Hanneke",
    "Ilse",
    "Jorge",
    "Katya",
    "Lorcan",
)
LAST = (
    "Abernathy",
    "Brzeski",
    "Castellanos",
    "Drummond",
    "Eriksson",
    "Fairweather",
    "Goldsworthy",
    "Hollander",
    "Ivanova",
    "Jankowski",
)


@dataclass(frozen=True)
class Human:
    """A generated person with aliases."""

    number: int
    name: str
    street: str
    postcode: str
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    visitor: str

    @property
    def values(self) -> tuple[str, ...]:
        """Return the values that may be left nowhere once the person is erased."""
        national = tuple(p[-10:] for p in self.phones)
        return (*national, *self.emails, self.visitor)


def human(number: int) -> Human:
    """Person number `number`; everybody's values are their own."""
    first, last = FIRST[number % len(FIRST)], LAST[number // len(FIRST) % len(LAST)]
    phones = tuple(
        f"+1{212 + number % 7}{347 + number // 4000:03d}{1111 + (number * 2 + k) % 8_000:04d}"
        for k in range(2)
    )
    emails = (
        f"{first}.{last}.{number}@example.com".lower(),
        f"{last}{number}@mail.example".lower(),
    )
    return Human(
        number,
        f"{first} {last}",
        f"{100 + number} Linden Row",
        f"{90_000 + number}",
        phones,
        emails,
        f"vis{number:08d}qz",
    )


def spelled(rng: random.Random, phone: str) -> str:
    """A number as somebody may write it."""
    a, b, c = phone[-10:-7], phone[-7:-4], phone[-4:]
    return rng.choice(
        (phone, f"({a}) {b}-{c}", f"{a}.{b}.{c}", f"1-{a}-{b}-{c}", f"{phone[:2]} {a} {b} {c}")
    )


def interaction(
    rng: random.Random, number: int, who: Human, mentioned: Human | None = None, agent: int = 0
) -> dict[str, Any]:
    """One interaction: always a number of theirs, and mostly something else of theirs that links
    it.
    """
    when = T0 + dt.timedelta(minutes=37 * number)
    record: dict[str, Any] = {
        "id": str(5_000_000_000 + number),
        "account_id": 41,
        "called_at": when.isoformat(),
        "status": "completed",
        "duration": 60 + number % 300,
        "caller_number": spelled(rng, who.phones[number % 2]),
        "email": who.emails[rng.randrange(2)].upper(),
        "notes": f"call number {number}",
        "agent_id": f"A{agent}",
        "agent": {
            "id": f"A{agent}",
            "name": "Ottilie Staffer",
            "email": f"staff{agent}@firm.example",
        },
    }
    if rng.random() < 0.5:
        record |= {
            "name": who.name.upper() if rng.random() < 0.5 else who.name,
            "street": who.street,
            "postal_code": who.postcode,
        }
    if rng.random() < 0.4:
        record["visitor_sid"] = who.visitor
    if mentioned is not None:
        record["notes"] = (
            f"please ring {spelled(rng, mentioned.phones[0])} or write to {mentioned.emails[0]} "
            "about it"
        )
    return record


@dataclass
class World:
    """A store, its inputs, and requests on it."""

    root: Path
    files: Files = field(default_factory=Files)
    output: str = ""
    policy: str = PLAIN
    number: int = 0

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.output = self.output or str(self.root / "store")
        self.keyring = str(self.root / "keys" / "keyring.json")
        (self.root / "policy.yaml").write_text(self.policy)

    @property
    def store(self) -> Store:
        """The store."""
        return Store.open(self.files, self.output, self.keyring)

    @property
    def keys(self) -> Keyring:
        """Its keyring."""
        return Keyring.load(self.keyring)

    def _write(self, records: Sequence[Mapping[str, Any]], broken: Sequence[bytes] = ()) -> str:
        self.number += 1
        path = self.root / "in" / f"{self.number:03d}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            b"".join(
                [*(orjson.dumps(dict(r)) + b"\n" for r in records), *(b + b"\n" for b in broken)]
            )
        )
        return str(path)

    def redact(
        self,
        records: Sequence[Mapping[str, Any]],
        broken: Sequence[bytes] = (),
        as_of: dt.datetime = NOW,
        **more: Any,
    ) -> RunResult:
        """Run the redaction job on some records."""
        policy = load_policy(str(self.root / "policy.yaml"))
        return run_redact(
            RedactOptions(
                [self._write(records, broken)],
                self.output,
                policy,
                as_of,
                keyring=self.keyring,
                files=self.files,
                progress=False,
                **more,
            )
        )

    def history(self, versions: Sequence[Mapping[str, Any]], as_of: dt.datetime = NOW) -> RunResult:
        """Run the history job on some versions."""
        policy = load_policy(str(self.root / "policy.yaml"))
        return run_history(
            HistoryOptions(
                [self._write(versions)],
                self.output,
                policy,
                as_of,
                keyring=self.keyring,
                files=self.files,
            )
        )

    def options(self, days: float = 0, **more: Any) -> SubjectOptions:
        """Options of a step some days after `NOW`."""
        at = NOW + dt.timedelta(days=days)
        return SubjectOptions(
            self.output,
            at,
            at,
            "officer",
            self.keyring,
            self.files,
            load_policy(str(self.root / "policy.yaml")),
            **more,
        )

    def ask(
        self,
        kind: str,
        *identifiers: str,
        request_id: str = "",
        verified: bool = True,
        account: str = "",
    ) -> SubjectRequest:
        """Open a request, and verify it."""
        found = tuple(i for text in identifiers for i in parse_identifier(text, "US"))
        request = open_request(
            self.options(), NewRequest(kind, found, NOW, request_id, account=account)
        )
        return (
            record_verification(self.options(0.1), request.request_id, "callback")
            if verified
            else request
        )

    def confirm_all(self, request_id: str, right: set[str] | None = None) -> SearchResult:
        """Search and confirm until nothing more is proposed; with `right`, only proposals whose
        value is among these.
        """
        sources = (
            [str(p) for p in sorted((self.root / "in").glob("*.jsonl"))]
            if right is not None
            else []
        )
        names: list[str] = []
        for n in range(12):
            match, shown = search_request(
                self.options(0.2 + n / 1000), request_id, confirmed=names, sources=sources
            )
            names = [
                p.name
                for p in match.proposed
                if not p.shared and (right is None or shown.get(p.name, "") in right)
            ]
            if not names:
                return match
        raise AssertionError("the search does not come to an end")

    def rows(self, dataset: str) -> list[dict[str, Any]]:
        """All rows of a dataset, in a fixed order."""
        if not self.store.current().by_dataset(dataset):
            return []
        found: list[dict[str, Any]] = open_dataset(self.store, dataset).to_table().to_pylist()
        return sorted(found, key=lambda r: [str(v) for v in r.values()])


def everything(data: bytes, name: str) -> Iterator[bytes]:
    """A file's bytes, and what they unpack to."""
    yield data
    if name.endswith(".zst"):
        yield zstandard.ZstdDecompressor().decompress(data)
    if data[:4] == b"PAR1" and data[-4:] == b"PAR1":
        file = pq.ParquetFile(io.BytesIO(data))
        yield repr(file.metadata.to_dict()).encode() + repr(file.schema_arrow.metadata).encode()
        yield repr(file.read().to_pylist()).encode()


def left_over(root: Path, values: Sequence[str]) -> list[tuple[str, str]]:
    """Values that can be read in any file below a folder, names included."""
    wanted = [v.lower() for v in values]
    found = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        for data in everything(path.read_bytes(), path.name):
            text = data.lower()
            found += [
                (str(path), v) for v in wanted if v.encode() in text or v in path.name.lower()
            ]
    return found


def index_tokens(world: World) -> set[str]:
    """Every digest in the identifier index."""
    rows = world.rows("subjects")
    return {r["token"] for r in rows} | {link["token"] for r in rows for link in r["links"] or ()}


def version(
    number: int,
    item: tuple[str, str],
    changes: Mapping[str, tuple[Any, Any]],
    actor: int = 1,
    day: int = 3,
) -> dict[str, Any]:
    """One version in the native shape."""
    return {
        "version_id": f"V{number}",
        "account_id": "41",
        "item_type": item[0],
        "item_id": item[1],
        "event": "update",
        "created_at": (T0 + day * DAY + dt.timedelta(minutes=number)).isoformat(),
        "user_id": f"{actor}",
        "user_name": f"Ottilie Staffer{actor}",
        "ip": "192.0.2.10",
        "changes": [{"field": n, "before": b, "after": a} for n, (b, a) in changes.items()],
    }


def digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """Digest of some rows."""
    return hashlib.sha256(repr([sorted(r.items()) for r in rows]).encode()).hexdigest()
