"""Stores of many generated interactions and erasure requests, written by our own writers without
detection: rows as redaction leaves them. Nobody's data.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from callveil.schemas.finding import Finding, FindingRow
from callveil.schemas.interaction import InteractionKey, RedactedInteraction
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.subject_index import NAME, IdentifierLink, SubjectEntry
from callveil.transforms.governance.requests.publish import write_encrypted_json
from callveil.transforms.governance.requests.register import RequestRegister
from callveil.transforms.governance.requests.search import given_identifiers
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.storage.checkpoints.store_identity import open_to_change
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.snapshot import data_path
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.identifiers import Identifier, parse_identifier
from callveil.transforms.storage.identity.record_identifiers import (
    CONTACT,
    STAFF,
    FoundIdentifier,
    interaction_ref,
    make_subject_entries,
    tokenize,
)
from callveil.transforms.storage.index.identifier_index import token_bucket, write_identifier_bucket
from callveil.transforms.storage.tables.key_index import IndexEntry, key_bucket, write_key_bucket
from callveil.transforms.storage.tables.parquet import FINDINGS, INTERACTIONS, publish_records
from support.people_world import NOW, T0, Human, World, human

ACCOUNT, KIND = "41", "unknown"
FILE_ROWS = 500
"""Interactions of a file, as a shard of the redaction job has them."""
EVERY = 40 * dt.timedelta(seconds=1)
TURNS = 12
FIELDS_OF = {"phone": "caller_number", "email": "email", "visitor": "visitor_sid"}
TALK = """
thank you for calling i would like to ask about the invoice from last month because we have been
charged twice and the delivery has not arrived yet could you please check what happened there
"""
FOUND = (
    ("caller_number", "PHONE_NUMBER"),
    ("email", "EMAIL_ADDRESS"),
    ("name", "PERSON"),
    ("outline[1].text", "PHONE_NUMBER"),
)


class CallWriter:
    """Writes interactions into a world's store, one run a call of `append`.

    Args:
        world: the store; made where it is not there.
        seed: of what the calls say.
    """

    def __init__(self, world: World, seed: int = 5) -> None:
        Keyring.open_or_create(world.keyring)
        Store.make(world.files, world.output, world.keyring)
        self.world, self.rng, self.number = world, random.Random(seed), 0
        self.store, self.keyring = open_to_change(world.files, world.output, world.keyring)

    def append(self, callers: Sequence[int]) -> list[str]:
        """Publish one interaction of each caller, by number of the person, as a run of its own;
        returns their ids. Raises `PublishConflict` where another run was published meanwhile.
        """
        run_id = hashlib.sha256(f"generated {self.number} {self.world.output}".encode()).hexdigest()
        base = self.store.current()
        by_day: dict[str, list[tuple[RedactedInteraction, int]]] = defaultdict(list)
        for caller in callers:
            made = self._interaction(self.number, human(caller), run_id)
            by_day[made.day].append((made, caller))
            self.number += 1
        added: list[FileEntry] = []
        removed: list[FileEntry] = []
        keys: dict[int, list[IndexEntry]] = defaultdict(list)
        people: dict[int, list[SubjectEntry]] = defaultdict(list)
        for day, rows in sorted(by_day.items()):
            for number, at in enumerate(range(0, len(rows), FILE_ROWS)):
                part = sorted(
                    rows[at : at + FILE_ROWS], key=lambda r: (r[0].called_at, r[0].key.id)
                )
                name = f"{base.seq:08d}.{number:06d}"
                added += self._rows(run_id, day, name, [r for r, _ in part])
                for interaction, caller in part:
                    entry = self._entry(interaction, added[-2].path)
                    keys[key_bucket(entry.key)].append(entry)
                    for e in make_subject_entries(
                        self.keyring,
                        interaction_ref(interaction.key),
                        day,
                        entry.digest,
                        self._links(human(caller)),
                    ):
                        people[token_bucket(e.token)].append(e)
        place = self.world.files, self.world.output, base, run_id
        for write, buckets in ((write_key_bucket, keys), (write_identifier_bucket, people)):
            for bucket, entries in sorted(buckets.items()):
                new, merged = write(*place, bucket, entries)  # type: ignore[operator]
                added += [new] if new else []
                removed += merged
        manifest = RunManifest(
            run_id,
            **base.chain(),
            job="redact",
            as_of=NOW.isoformat(),
            tool_version="generated",
            policy_name="plain",
            policy_sha256="0",
            added=tuple(sorted(added)),
            removed=tuple(sorted(removed)),
        )
        self.store.publish(manifest, base)
        return [r.key.id for rows in by_day.values() for r, _ in rows]

    def _interaction(self, number: int, who: Human, run_id: str) -> RedactedInteraction:
        when = T0 + number * EVERY
        say, words = self.rng.choices, TALK.split()
        turns = [
            {"text": " ".join(say(words, k=14)), "channel": n % 2, "s": 4.0 * n, "e": 4.0 * n + 3.5}
            for n in range(TURNS)
        ]
        turns[1]["text"] = f"my number is [PHONE_NUMBER] {turns[1]['text']}"
        record: dict[str, Any] = {
            "id": str(5_000_000_000 + number),
            "account_id": ACCOUNT,
            "status": "completed",
            "duration": 60 + number % 300,
            "name": "[PERSON]",
            "caller_number": "[PHONE_NUMBER]",
            "email": "[EMAIL_ADDRESS]",
            "notes": f"call number {number}",
            "outline": turns,
            "custom_fields": {"plan": "basic", "region": f"r{number % 7}"},
            "day": when.date().isoformat(),
            "redacted": True,
            "redacted_at": NOW,
            "redacted_by": "plain",
            "policy_sha256": "0",
            "redacted_fields": ["caller_number", "email", "name", "outline"],
            "redacted_entities": ["EMAIL_ADDRESS", "PERSON", "PHONE_NUMBER"],
            "run_id": run_id,
        }
        key = InteractionKey(ACCOUNT, record["id"])
        return RedactedInteraction(key, "call", when, number + 1, KIND, "content", record)

    def _rows(
        self, run_id: str, day: str, name: str, rows: Sequence[RedactedInteraction]
    ) -> Iterator[FileEntry]:
        """Write a file of interactions, and that of their findings."""
        partition = {"account_type": KIND, "day": day}
        found = sorted(
            (f for r in rows for f in _findings(r)),
            key=lambda f: (f.account_id, f.interaction_id, f.finding_id),
        )
        for table, records in ((INTERACTIONS, rows), (FINDINGS, found)):
            path = data_path(table.name, partition, run_id, name)
            yield publish_records(
                self.world.files, self.world.output, path, table, partition, records
            )

    def _entry(self, made: RedactedInteraction, path: str) -> IndexEntry:
        digest = hashlib.sha256(made.key.id.encode()).hexdigest()[:24]
        called_us = int(made.called_at.timestamp()) * 1_000_000
        what = (made.kind, "en", KIND, "", path, made.mode)
        return IndexEntry(*made.key, made.rank, digest, called_us, *what)

    @cache  # noqa: B019 - one writer a process
    def _links(self, who: Human) -> tuple[IdentifierLink, ...]:
        """Identifiers that a call of a person's holds."""
        own = identifiers_of(who)
        found = [FoundIdentifier(i, CONTACT, FIELDS_OF[i.kind]) for i in own]
        found += [
            FoundIdentifier(ids.name_beside(word, i), CONTACT, NAME)
            for i in own
            for word in ids.name_words(who.name)
        ]
        staff = ids.agent_identifier(ACCOUNT, f"A{who.number % 40}")
        return tokenize(self.keyring, [*found, FoundIdentifier(staff, STAFF, "agent_id")])


def identifiers_of(who: Human) -> tuple[Identifier, ...]:
    """What a person names in a request."""
    texts = (*who.phones, *who.emails, f"visitor:{who.visitor}")
    return tuple(i for text in texts for i in parse_identifier(text, "US"))


def _findings(made: RedactedInteraction) -> Iterator[FindingRow]:
    for n, (path, entity) in enumerate(FOUND):
        name = hashlib.sha256(f"{made.key.id} {n}".encode()).hexdigest()
        finding = Finding(path, entity, "field", 1.0, "label", 0, 10, 0, 14, key_id="")
        yield FindingRow(
            finding,
            name[:24],
            ACCOUNT,
            "",
            made.key.id,
            made.kind,
            KIND,
            made.called_at,
            "0",
            str(made.record["run_id"]),
            NOW,
            name,
        )


def enter_requests(world: World, people: Iterable[int], prefix: str = "P") -> list[str]:
    """Enter verified and searched erasure requests of some people in one run, as `open`, `verify`
    and `search` would; returns their ids.
    """
    store, keyring = open_to_change(world.files, world.output, world.keyring)
    register, base = RequestRegister(store, keyring, "officer"), store.current()
    added, names = [], []
    run_id = hashlib.sha256(f"requests {prefix} {base.seq}".encode()).hexdigest()
    for number in people:
        name, own = f"{prefix}{number}", identifiers_of(human(number))
        names.append(name)
        opened = {
            "actor": "officer",
            "regulation": "gdpr",
            "type": "erasure",
            "channel": "other",
            "zone": "UTC",
            "calendar": "",
            "received_at": NOW,
            "clock_start_at": NOW,
            "subject_ref": ids.subject_ref(keyring, own),
            "account": ACCOUNT,
            "due_at": NOW + dt.timedelta(days=30),
        }
        steps = (("opened", opened), ("verified", {"method": "callback"}), ("searched", {}))
        for n, (event, values) in enumerate(steps, 1):
            row = register.row(name, event, NOW, n, values, NOW)
            added.append(register.write(run_id, row, f"{base.seq:08d}.{n}.event"))
        match = SearchResult(base.seq, given_identifiers(keyring, own), (), (), ())
        sealed = {
            "identity": {"identifiers": [[i.kind, i.value] for i in own], "region": "", "note": ""},
            "match": match.as_dict(),
        }
        for part, value in sealed.items():
            added.append(
                write_encrypted_json(store, keyring, run_id, name, f"{base.seq:08d}.{part}", value)
            )
    facts = tuple({"request_id": name, "event": "searched"} for name in names)
    manifest = RunManifest(
        run_id,
        **base.chain(),
        job="subject",
        as_of=NOW.isoformat(),
        tool_version="generated",
        policy_name="",
        policy_sha256="",
        inputs=facts,
        added=tuple(sorted(added)),
    )
    store.publish(manifest, base)
    return names


def make_world(folder: Path, interactions: int, people: int, share: float = 0.3) -> World:
    """A store of `interactions`, `share` of them of the first `people` people and the rest of ten
    times as many others; the first calls once in each file.
    """
    world, rng = World(folder), random.Random(99)
    writer = CallWriter(world)
    callers = [
        0
        if n % (FILE_ROWS // 2) == 7
        else 1 + rng.randrange(people)
        if rng.random() < share
        else 1 + people + rng.randrange(10 * people)
        for n in range(interactions)
    ]
    writer.append(callers)
    return world
