"""A store in which every zone that a keyring seals holds something: generated people, calls and
requests. Nobody's data.
"""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from callveil.pipelines.subject import erase_request, restrict_request, search_request
from callveil.pipelines.subject_register import extend_deadline
from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import load_policy
from callveil.transforms.governance.requests.publish import read_encrypted_json as unseal_value
from callveil.transforms.governance.requests.publish import request_files
from callveil.transforms.redact.operators import TOKEN, reveal_token
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.sealed_body import decrypt_body
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.inbox import Inbox
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.originals import open_original
from callveil.transforms.storage.format1.rejections import rejections
from support.people_world import TOKENS, World, human, interaction
from support.sounds import chatter, file_of

POLICY = TOKENS + "recordings: {original: seal, wait_seconds: 100, settle_seconds: 0}\n"
SEARCHED, RESTRICTED, ERASED, OTHER = range(4)
"""Which person asked for what."""
CALLS = 3
"""Calls that arrived with a recording: of the restricted person, the searched one, and another."""


@dataclass
class Filled:
    """A filled store.

    Attributes:
        world: the store. landing, inbox: where calls and webhook bodies arrive.
        sounds: originals of recordings by interaction. bodies: what was posted.
    """

    world: World
    landing: str
    inbox: str
    sounds: dict[str, bytes] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    requests: dict[int, str] = field(default_factory=dict)

    @property
    def files(self) -> Files:
        """Access to all of it."""
        return self.world.files

    @property
    def live(self) -> Live:
        """The live zone."""
        return Live(self.files, self.world.output)

    def watch(self) -> dict[str, int]:
        """Take in what has arrived."""
        policy = load_policy(str(self.world.root / "policy.yaml"))
        places = (self.landing, self.inbox)
        return run_once(
            WatchOptions(
                self.world.output, policy, places, keyring=self.world.keyring, files=self.files
            ),
            time.time() + 5,
        )

    # What the keyring opens

    def found(self) -> list[Any]:
        """Records that a search for the first person finds."""
        match, _ = search_request(self.world.options(5), self.requests[SEARCHED])
        return sorted((m.record, m.role, m.fields) for m in match.records)

    def originals(self, keyring: Keyring) -> dict[str, bytes]:
        """Sealed originals that open."""
        keys = [
            InteractionKey(r["account_id"], r["id"])
            for r in self.live.receipts()
            if r["what"] == "audio" and r["status"] == "done"
        ]
        return {k.id: b"".join(open_original(self.files, self.live, keyring, k)) for k in keys}

    def posted(self, keyring: Keyring) -> list[bytes]:
        """Bodies of the inbox."""
        return sorted(
            decrypt_body(self.files.read(f.url), keyring) for f in self.files.list(self.inbox)
        )

    def rejected(self, keyring: Keyring) -> list[bytes]:
        """Content of rejected records, of runs and of the live zone."""
        store = self.world.store
        out: list[bytes] = []
        for blob in {
            r["blob"]
            for r in [*self.world.rows("rejected"), *rejections(self.files, store.root)]
            if r["blob"]
        }:
            with self.files.open(store.url(blob)) as source:
                out += [
                    record
                    for block in EncryptedReader(source, keyring, blob, "rejected")
                    for record in block
                ]
        return sorted(out)

    def values(self, keyring: Keyring) -> list[str]:
        """Return what every token in stored rows and live records stands for."""
        out: list[str] = []
        for name, account, own in (
            ("interactions", "account_id", "id"),
            ("requests", "account_id", "interaction_id"),
            ("index", "account_id", "id"),
            ("subject_requests", "", "request_id"),
        ):
            for row in self.world.rows(name):
                out += self._opened(row, keyring, row[account] if account else "", row[own])
        for document in self.records():
            row = document["interaction"]
            out += self._opened(row, keyring, row["account_id"], row["id"])
        return sorted(out)

    @staticmethod
    def _opened(value: Any, keyring: Keyring, account: str, own: str) -> list[str]:
        return [
            f"{own}: {reveal_token(m[0], keyring, account, own)}"
            for m in TOKEN.finditer(orjson.dumps(value, default=str).decode())
        ]

    def records(self) -> Iterator[dict[str, Any]]:
        """Redacted records of the live zone."""
        for receipt in self.live.receipts():
            if receipt["what"] == "record" and receipt["status"] == "done":
                folder = self.live.folder(InteractionKey(receipt["account_id"], receipt["id"]))
                yield orjson.loads(self.files.read(f"{folder}/{receipt['file']}"))

    def matches(self, keyring: Keyring) -> list[Any]:
        """Return the opened content of the sealed files of requests."""
        store, out = self.world.store, []
        for request_id in self.requests.values():
            out += [
                unseal_value(store, keyring, f)
                for f in request_files(store.current(), request_id)
                if not f.path.endswith("aside.sealed")
            ]
        return sorted(out, key=repr)


def fill(root: Path, files: Files, output: str = "", landing: str = "", inbox: str = "") -> Filled:
    """Redact, watch, and answer requests, until every zone holds something."""
    world = World(root, files, output, POLICY)
    filled = Filled(world, landing or str(root / "landing"), inbox or str(root / "inbox"))
    rng = random.Random(7)
    people = [human(n) for n in range(4)]
    records = [
        interaction(rng, n, people[n % 4], people[(n + 1) % 4] if n % 5 == 0 else None)
        for n in range(10)
    ]
    world.redact(
        records, broken=[b'{"id": "broken 1', b'{"account_id": 41, "id": "b2", "called_at": 7}']
    )
    requests = root / "requests.csv"
    with requests.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["account_id", "interaction_id", "scope", "field", "reason", "actor"])
        rows.writerow(
            ["41", records[3]["id"], "field", "notes", f"asked by {people[3].name}", "officer"]
        )
    world.redact(records[3:4], requests=[str(requests)])
    _arrive(filled, rng, people)
    filled.watch()
    for who, kind in ((SEARCHED, "access"), (RESTRICTED, "restriction"), (ERASED, "erasure")):
        filled.requests[who] = world.ask(kind, *people[who].phones, *people[who].emails).request_id
        search_request(world.options(0.2), filled.requests[who])
    extend_deadline(
        world.options(0.3),
        filled.requests[SEARCHED],
        f"much is stored of {people[SEARCHED].name}",
        world.options(0.3).as_of,
    )
    restrict_request(world.options(1), filled.requests[RESTRICTED])
    erase_request(world.options(1), filled.requests[ERASED])
    return filled


def _arrive(filled: Filled, rng: random.Random, people: list[Any]) -> None:
    """Put recordings with their records, a broken record, and webhook bodies where they are taken
    in.
    """
    files = filled.files
    for n, who in zip(range(CALLS), (RESTRICTED, SEARCHED, OTHER), strict=True):
        record = interaction(rng, 20 + n, people[who]) | {
            "outline": [{"s": 0.5, "e": 1.5, "text": "thank you for calling", "channel": 1}]
        }
        sound = file_of("wav-mulaw-stereo", chatter(8000, 2, 3, n))
        filled.sounds[record["id"]] = sound
        files.write(files.join(filled.landing, "41", f"{record['id']}.wav"), sound)
        files.write(
            files.join(filled.landing, "41", f"{record['id']}.json"), json.dumps(record).encode()
        )
    files.write(
        files.join(filled.landing, "41", "bad.json"),
        b'{"account_id": 41, "id": "b3", "called_at": "never"}',
    )
    inbox = Inbox(files, filled.inbox, filled.world.keys)
    filled.bodies = [
        json.dumps(interaction(rng, 30 + n, people[OTHER]) | {"kind": "text"}).encode()
        for n in range(2)
    ] + [b"{broken"]
    for body in filled.bodies:
        inbox.store(body)
