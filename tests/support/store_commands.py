"""Every command that takes a store, and a store to run them on."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from callveil.pipelines.cli import main
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import ENV as EVIDENCE_ENV
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files
from support.filled_store import ERASED, OTHER, RESTRICTED, SEARCHED, Filled, fill
from support.people_world import human, version

DONE, FAILED, USAGE, REJECTED = 0, 1, 2, 3


NEEDS_KEYS, READS = "keys", "reads"
"""A command works with keys, or reads what any reader may and compares those at hand."""


PERSON = human(OTHER)


@dataclass(frozen=True)
class Command:
    """A command that takes a store.

    Attributes:
        words: with `{name}` for places.
        writes: it changes the store. needs: see `NEEDS_KEYS`.
        code: its exit code on the store as it is.
    """

    words: str
    writes: bool = False
    needs: str = NEEDS_KEYS
    code: int = DONE

    @property
    def name(self) -> str:
        return " ".join(
            [
                *self.words.split()[:2],
                *(
                    w
                    for w in ("--apply", "--dry-run", "--lift", "--returned", "--operator")
                    if w in self.words
                ),
            ]
        )


REDACT = "redact --input {new} --output {store} --policy {policy} --no-progress"


LOAD = "history load --input {versions} --output {store} --policy {policy}"


WATCH = "watch --once --input {landing} --output {store} --policy {policy}"


ANCHOR = "evidence anchor --store {store} --tsa http://127.0.0.1:1/"


AT = "--as-of 2026-11-24"


COMMANDS = (
    Command(REDACT, writes=True),
    Command(f"{REDACT} --dry-run"),
    Command(LOAD, writes=True),
    Command(f"{LOAD} --dry-run"),
    Command("history export --store {store} --out {out}.parquet"),
    Command("history show --store {store} --item Number/9", needs=READS),
    Command("history at --store {store} --item Number/9 --time 2026-11-01", needs=READS),
    Command("history find --store {store}", needs=READS),
    Command(WATCH, writes=True),
    Command(f"{WATCH} --dry-run", needs=READS),
    Command("retain plan --store {store} --out {out} " + AT),
    Command(
        "retain apply --store {store} --plan {plan}", writes=True, code=FAILED
    ),  # the store has gone on since it was planned
    Command("retain run --store {store} " + AT, writes=True),
    Command(
        "retain explain --store {store} --record interactions/41/5000000000 " + AT, needs=READS
    ),
    Command("rescan --store {store} --no-progress"),
    Command("rescan --store {store} --no-progress --apply", writes=True),
    Command("subject open --store {store} --type access --identifier {phone}", writes=True),
    Command("subject verify --store {store} --request {searched} --method callback", writes=True),
    Command("subject extend --store {store} --request {restricted} --reason much", writes=True),
    Command("subject hold --store {store} --request {searched} --reason asked", writes=True),
    Command("subject search --store {store} --request {searched}", writes=True),
    Command("subject index --store {store}", writes=True),
    Command("subject access --store {store} --request {searched} --out {out}.zip", writes=True),
    Command("subject port --store {store} --request {searched} --out {out}.zip", writes=True),
    Command("subject erase --store {store} --request {erased} --dry-run"),
    Command("subject erase --store {store} --returned", writes=True),
    Command("subject restrict --store {store} --request {restricted} --lift", writes=True),
    Command(
        "subject object --store {store} --request {searched} --decision refused",
        writes=True,
        code=USAGE,
    ),  # it is no objection
    Command("subject close --store {store} --request {searched} --decision withdrawn", writes=True),
    Command("subject status --store {store}"),
    Command("report all --store {store} --out {out} --policy {policy}", writes=True),
    Command("report pulls --store {store}", needs=READS),
    Command("keys status --store {store}"),
    Command("keys rewrap --store {store}", writes=True),
    Command("keys retire {key} --store {store}", code=FAILED),  # it is the active one
    Command("evidence head --store {store}", needs=READS),
    Command("evidence accept --store {store}"),
    Command("evidence owner --store {store}", needs=READS),
    Command("evidence owner --store {store} --operator Acme --controller 41=acme", writes=True),
    Command("evidence verify --store {store} --quick"),
    Command("evidence seal --store {store}", writes=True),
    Command("evidence sign --store {store}", writes=True),
    Command(ANCHOR, writes=True, needs=READS, code=FAILED),  # nobody answers there
    Command("recordings list --store {store}", needs=READS),
    Command("recordings export --store {store} --out {out}.parquet", needs=READS),
    Command("recordings original --store {store} --account 41 --id 5000000021 --out {out}.wav"),
    Command("recordings retry --store {store}", writes=True),
    Command("rejected list --store {store}", needs=READS),
    Command("rejected export --store {store} --out {out}.jsonl"),
    Command("store tables --store {store}", needs=READS),
    Command("store upgrade --store {store}", writes=True),
    Command("store relocate --store {store} --dry-run", needs=READS),
)


RECEIVE = "receive --inbox {inbox} --secret-file {secret} --listen 127.0.0.1:{port}"


@dataclass
class Place:
    """A filled store, and places that commands name."""

    filled: Filled
    places: dict[str, str]

    def run(self, command: str, store: str, keyring: Path) -> int:
        """Run a command on a store; a usage message of argparse would be a mistake in the table."""
        out = Path(self.places["out"])
        shutil.rmtree(out, ignore_errors=True)
        for left in out.parent.glob(f"{out.name}.*"):
            left.unlink()
        return main(
            [
                w.format(**self.places | {"store": store})
                for w in [*command.split(), "--keyring", str(keyring)]
            ]
        )


def contents(*folders: str | Path) -> dict[str, str]:
    """SHA-256 of every file below some folders, by path; names of empty folders too."""
    found = {}
    for path in sorted(p for folder in folders for p in Path(folder).rglob("*")):
        found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return found


@contextmanager
def filled_place(root: Path) -> Iterator[Place]:
    """A store in which every zone holds something, with an evidence key beside its keyring."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(EVIDENCE_ENV)
        filled = fill(root / "world", Files())
        world = filled.world
        world.history([version(1, ("Number", "9"), {"route": ("a", "b")})])
        (root / "more").mkdir()
        (root / "more" / "new.jsonl").write_text(
            json.dumps({"id": "77", "account_id": 41, "called_at": "2026-10-20T10:00:00Z"}) + "\n"
        )
        (root / "more" / "versions.jsonl").write_text(
            json.dumps(version(2, ("Number", "9"), {"route": ("b", "c")})) + "\n"
        )
        (root / "secret").write_text("x" * 40)
        (root / "secret").chmod(0o600)
        assert (
            main(
                [
                    "retain",
                    "plan",
                    "--store",
                    world.output,
                    "--out",
                    str(root / "plan"),
                    "--keyring",
                    world.keyring,
                    *AT.split(),
                ]
            )
            == DONE
        )
        world.history([version(3, ("Number", "8"), {"route": ("a", "b")})])
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            places = {
                "new": str(root / "more" / "new.jsonl"),
                "versions": str(root / "more" / "versions.jsonl"),
                "landing": filled.landing,
                "inbox": filled.inbox,
                "secret": str(root / "secret"),
                "plan": str(root / "plan"),
                "policy": str(world.root / "policy.yaml"),
                "out": str(root / "out"),
                "phone": PERSON.phones[0],
                "key": world.keys.active,
                "port": str(taken.getsockname()[1]),
                "searched": filled.requests[SEARCHED],
                "restricted": filled.requests[RESTRICTED],
                "erased": filled.requests[ERASED],
            }
            yield Place(filled, places)


def keyrings_of_others(place: Place, root: Path) -> dict[str, Path]:
    """Keyrings that are not the store's, by what is wrong with them; with `none` there is none."""
    own = Path(place.filled.world.keyring)
    out = {
        name: root / name / "keyring.json"
        for name in ("other keyring", "other evidence key", "both", "none")
    }
    for path in out.values():
        path.parent.mkdir()
    Keyring.create(out["other keyring"])
    Keyring.create(out["both"])
    shutil.copy(own, out["other evidence key"])
    shutil.copy(own.with_name("evidence-key.pem"), out["other keyring"].parent)
    open_signer(out["other evidence key"])
    open_signer(out["both"])
    return out


def copied(place: Place, folder: Path) -> tuple[str, Path]:
    """A copy of the store, with its keys."""
    store, keyring = folder / "store", folder / "keys" / "keyring.json"
    shutil.copytree(place.filled.world.output, store)
    shutil.copytree(Path(place.filled.world.keyring).parent, keyring.parent)
    return str(store), keyring
