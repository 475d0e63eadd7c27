"""A live zone with people in all of it: records, recordings, sealed originals, rejections, and an
inbox of webhooks. Nobody's data.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.governance.requests.publish import CONTENT as SUBJECT_CONTENT
from callveil.transforms.governance.requests.publish import PURPOSE as SUBJECT
from callveil.transforms.storage.commit.known_heads import known_heads_path
from callveil.transforms.storage.encryption import sealed_body
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.inbox import Inbox
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.originals import PURPOSE as ORIGINAL
from callveil.transforms.storage.format1.originals import name_of
from callveil.transforms.storage.tables.dead_letters import CONTENT as REJECTED_CONTENT
from callveil.transforms.storage.tables.dead_letters import PURPOSE as REJECTED
from support.people_world import Human, World, human, interaction
from support.sounds import chatter, file_of

POLICY = """\
version: 1
name: live
extends: gdpr
detect: {model: none}
recordings: {original: seal, wait_seconds: 1, settle_seconds: 0}
entities: {PHONE_NUMBER: {operator: token, scope: account}, EMAIL_ADDRESS: token}
"""
ACCOUNT = "41"
OWN, OTHER, MENTION = ("7000000001", "7000000004"), "7000000002", "7000000003"
"""Records that were redacted as they arrived: two of the first person's, two of the second's, in
the last of which the first is mentioned.
"""
BROKEN = "7000000009"
"""An interaction of the first person's whose record is broken; its recording was covered whole."""


@dataclass
class LiveWorld:
    """The world.

    Attributes:
        world: store, keyring and requests. people: the first is the one to be erased.
        bodies: those posted, by name.
        folder: the inbox; empty: one beside the store.
    """

    world: World
    people: tuple[Human, Human]
    bodies: dict[str, bytes]
    folder: str = ""

    @property
    def live(self) -> Live:
        """The live zone."""
        return Live(self.world.files, self.world.output)

    @property
    def inbox(self) -> Inbox:
        """Where webhooks lie."""
        return Inbox(
            self.world.files, self.folder or str(self.world.root / "inbox"), self.world.keys
        )

    def body(self, name: str) -> bytes:
        """Open what lies in the place of a body that was posted."""
        return sealed_body.decrypt_body(
            self.world.files.read(self.inbox.url(self.bodies[name])), self.world.keys
        )

    def watch(self) -> dict[str, int]:
        """Deal with all that has arrived."""
        places = (str(self.world.root / "calls"), self.folder or str(self.world.root / "inbox"))
        options = WatchOptions(
            self.world.output,
            parse_policy(POLICY),
            places,
            keyring=self.world.keyring,
            files=self.world.files,
        )
        return run_once(options, time.time() + 100)

    def post(self, name: str, data: bytes) -> None:
        """Put a body into the inbox."""
        self.bodies[name] = data
        self.inbox.store(data)

    def ask(self) -> None:
        """Open the first person's request, and search."""
        who = self.people[0]
        self.world.ask("erasure", *who.phones, *who.emails, request_id="R")
        self.world.confirm_all("R")


def text(number: str, who: Human, **more: Any) -> dict[str, Any]:
    """A text message."""
    return {
        "id": number,
        "account_id": 41,
        "kind": "text",
        "called_at": "2026-10-01T08:00:00Z",
        "caller_number": who.phones[0],
        "email": who.emails[0],
        "message_body": "hello",
        **more,
    }


def populate(world: World, folder: str = "") -> LiveWorld:
    """Fill a world, and let `watch` deal with all but what comes last."""
    (world.root / "policy.yaml").write_text(POLICY)
    made = LiveWorld(world, (human(1), human(2)), {}, folder)
    who, other = made.people
    calls, rng = world.root / "calls" / ACCOUNT, random.Random(5)
    calls.mkdir(parents=True)
    Keyring.open_or_create(world.keyring)
    world.redact(
        [interaction(rng, n, made.people[n % 2]) for n in range(4)],
        [json.dumps(text("1", who)).encode()[:-9]],
    )
    sound = file_of("wav-mulaw-stereo", chatter(8000, 2, 1.0, 1))
    for number, person, more in (
        (OWN[0], who, {}),
        (OWN[1], who, {"name": who.name, "street": who.street, "postal_code": who.postcode}),
        (OTHER, other, {}),
        (MENTION, other, {"message_body": f"ring {who.phones[0]} or write to {who.emails[0]}"}),
    ):
        (calls / f"{number}.json").write_text(json.dumps(text(number, person, **more)))
        (calls / f"{number}.wav").write_bytes(sound)
    (calls / f"{BROKEN}.wav").write_bytes(sound)
    broken = (text(BROKEN, who), text("7000000010", other))
    (calls / "broken.jsonl").write_bytes(
        b"".join(json.dumps(r).encode()[:-9] + b"\n" for r in broken)
    )
    made.post("own", json.dumps(text("6000000001", who)).encode())
    made.post("other", json.dumps(text("6000000002", other)).encode())
    made.post(
        "mention",
        json.dumps(
            {"call": text("6000000003", other, message_body=f"ask {who.emails[1]}"), "event": "end"}
        ).encode(),
    )
    made.post("both", json.dumps([text("6000000004", who), text("6000000005", other)]).encode())
    made.post("unreadable", json.dumps(text("6000000006", who)).encode()[:-9])
    made.watch()
    made.post(
        "own late", json.dumps({"call": text("6000000007", who, visitor_sid=who.visitor)}).encode()
    )
    made.post(
        "mention late",
        json.dumps(
            text(
                "6000000008", other, message_body=f"call\n{who.phones[0][-10:]} now", tag_list=["a"]
            )
        ).encode(),
    )
    made.post(
        "page late",
        json.dumps(
            {"calls": [text("6000000009", other), text("6000000010", who)], "page": 1}
        ).encode(),
    )
    return made


class PreparedWorld:
    """A world that can be put back in its place as it was: what the store notes of files outside it
    names them by their paths.
    """

    def __init__(self, made: LiveWorld, folder: Path) -> None:
        self.made, self.folder = made, folder
        shutil.copytree(made.world.root, folder)

    def restore(self) -> LiveWorld:
        """Put it back, and have no newer state remembered."""
        known_heads_path(self.made.world.store).unlink(missing_ok=True)
        shutil.rmtree(self.made.world.root)
        shutil.copytree(self.folder, self.made.world.root)
        return LiveWorld(
            World(self.made.world.root, policy=POLICY), self.made.people, dict(self.made.bodies)
        )


def unsealed(made: LiveWorld, below: str, data: bytes) -> bytes:
    """Open a sealed file. `below`: its path in the store; empty for a body in the inbox."""
    names = {
        "": ("inbox", sealed_body.PURPOSE),
        REJECTED_CONTENT: (below, REJECTED),
        SUBJECT_CONTENT: (below, SUBJECT),
        "live": (below, REJECTED),
    }
    name, purpose = names[below.split("/", 1)[0]]
    if below.endswith("/original.sealed"):
        receipt = (
            made.live.read_receipt(made.world.store.url(f"{below.rpartition('/')[0]}/audio.json"))
            or {}
        )
        name, purpose = name_of(InteractionKey(receipt["account_id"], receipt["id"])), ORIGINAL
    return b"".join(
        r
        for block in EncryptedReader(io.BytesIO(data), made.world.keys, name, purpose)
        for r in block
    )


def opened(made: LiveWorld) -> Iterator[tuple[str, bytes]]:
    """Everything that lies sealed in a store and an inbox on disk, opened."""
    root = Path(made.world.output)
    for path in sorted([*root.rglob("*.sealed"), *(made.world.root / "inbox").rglob("*.sealed")]):
        yield (
            str(path),
            unsealed(
                made,
                str(path.relative_to(root)) if path.is_relative_to(root) else "",
                path.read_bytes(),
            ),
        )


def files_of(made: LiveWorld, *, without: tuple[str, ...] = ()) -> Mapping[str, bytes]:
    """Files of the live zone and the inbox by path, but for those whose path holds one of some
    texts.
    """
    roots = (Path(made.world.output) / "live", made.world.root / "inbox")
    found = (
        p
        for r in roots
        for p in sorted(r.rglob("*"))
        if p.is_file() and not any(w in str(p) for w in without)
    )
    return {os.path.relpath(p, made.world.root): p.read_bytes() for p in found}
