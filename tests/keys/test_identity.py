"""Whose a store is: every command that takes a store, with its own keys, with others, with none.

And over a copy that may only be read.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import hashlib
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from filled_store import ERASED, OTHER, RESTRICTED, SEARCHED, Filled, fill
from subject.people_world import human, version

from callveil.pipelines.cli import main
from callveil.schemas.account import Account, AccountBook
from callveil.schemas.policy_load import load_policy
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.storage.checkpoints.identity_record import IdentityError, read_identity
from callveil.transforms.storage.checkpoints.store_identity import (
    IDENTITY,
    keyring_for,
    open_keyed,
    open_or_claim,
    open_to_change,
    worker_keyring,
)
from callveil.transforms.storage.commit.catalog import StoreError
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.evidence.signing_keys import ENV as EVIDENCE_ENV
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files

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


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A store in which every zone holds something, with an evidence key beside its keyring."""
    root = tmp_path_factory.mktemp("identity")
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


@pytest.fixture(autouse=True)
def own_evidence_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence keys lie beside keyrings here."""
    monkeypatch.delenv(EVIDENCE_ENV, raising=False)


@pytest.fixture(scope="module")
def others(place: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Keyrings that are not the store's, by what is wrong with them; with `none` there is none."""
    own, root = Path(place.filled.world.keyring), tmp_path_factory.mktemp("others")
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


def contents(*folders: str | Path) -> dict[str, str]:
    """SHA-256 of every file below some folders, by path; names of empty folders too."""
    found = {}
    for path in sorted(p for folder in folders for p in Path(folder).rglob("*")):
        found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return found


@pytest.mark.parametrize("wrong", ["other keyring", "other evidence key", "both", "none"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_what_is_not_the_stores_is_refused_before_any_work(
    place: Place,
    others: dict[str, Path],
    command: Command,
    wrong: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, keyring = place.filled.world.output, others[wrong]
    watched = (place.filled.world.root, keyring.parent, Path(place.places["plan"]).parent / "more")
    before = contents(*watched)
    code = place.run(command.words, store, keyring)
    said = capsys.readouterr().err
    if wrong == "none" and command.needs == READS:
        assert code == command.code
    else:
        assert code == USAGE, said
        assert "Traceback" not in said and "withheld" not in said
        key = place.places["key"]
        by_evidence = command.words.startswith(("evidence verify", "evidence accept"))
        assert key in said or wrong == "other evidence key" or by_evidence, "the key the store has"
        nothing = "no keyring here", "no evidence key here"
        assert (
            any(n in said for n in nothing)
            if wrong == "none"
            else "the key given" in said or "the keyring given" in said
        )
        assert not Path(place.places["out"]).exists()
    assert contents(*watched) == before, "nothing is written, and no keyring is made beside a store"


@pytest.mark.parametrize("wrong", ["other keyring", "both", "none"])
def test_receive_takes_nothing_into_an_inbox_of_another_keyring(
    place: Place, others: dict[str, Path], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(place.filled.world.root, others[wrong].parent)
    assert place.run(RECEIVE, "", others[wrong]) == USAGE
    assert f"bodies wait here that key {place.places['key']} sealed" in capsys.readouterr().err
    assert contents(place.filled.world.root, others[wrong].parent) == before
    assert place.run(RECEIVE, "", Path(place.filled.world.keyring)) == FAILED
    assert f"127.0.0.1:{place.places['port']}" in capsys.readouterr().err, (
        "the right keyring comes as far as listening, where somebody else does"
    )


def copied(place: Place, folder: Path) -> tuple[str, Path]:
    """A copy of the store, with its keys."""
    store, keyring = folder / "store", folder / "keys" / "keyring.json"
    shutil.copytree(place.filled.world.output, store)
    shutil.copytree(Path(place.filled.world.keyring).parent, keyring.parent)
    return str(store), keyring


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_the_stores_own_keys_do_as_before(
    place: Place, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    store, keyring = copied(place, tmp_path)
    assert place.run(command.words, store, keyring) == command.code, capsys.readouterr().err
    assert len(list((Path(store) / IDENTITY).iterdir())) == (
        2 if "--operator" in command.words else 1
    )
    assert (
        main(["evidence", "verify", "--store", store, "--keyring", str(keyring), "--quick"]) == DONE
    )


def test_a_key_whose_sealing_half_is_retired_is_the_stores_still(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy of the keyring from before is not: it lacks what seals now."""
    store, keyring = copied(place, tmp_path)
    inbox, old = tmp_path / "inbox", Keyring.load(keyring).active
    shutil.copytree(place.filled.inbox, inbox)
    shutil.rmtree(Path(store) / "live" / "inboxes")  # so that the template's inbox stays as it is
    shutil.copytree(keyring.parent, tmp_path / "before")
    given = ["--store", store, "--keyring", str(keyring)]
    assert main(["keys", "rotate", "--keyring", str(keyring)]) == DONE
    assert (
        main(["keys", "status", *given]) == DONE
        and "is kept with this keyring" in capsys.readouterr().out
    )
    assert main(["keys", "rewrap", *given, "--inbox", str(inbox)]) in (DONE, FAILED)
    assert len(list((Path(store) / IDENTITY).iterdir())) == 2
    assert main(["keys", "retire", old, *given, "--after", "0"]) == DONE, capsys.readouterr().err
    assert Keyring.load(keyring).retired == {old}
    for command in COMMANDS:
        if command.name in (
            "history find",
            "subject search",
            "subject status",
            "rejected export",
            "evidence seal",
            "report all",
            "redact --input",
        ):
            assert place.run(command.words, store, keyring) == command.code, capsys.readouterr().err
    before = contents(store)
    capsys.readouterr()
    for command in ("subject search", "redact --input", "keys status", "recordings list"):
        words = next(c.words for c in COMMANDS if c.name == command)
        assert place.run(words, store, tmp_path / "before" / "keyring.json") == USAGE
        assert "a copy from before `callveil keys rotate`" in capsys.readouterr().err
    assert contents(store) == before


def test_a_copy_from_before_rotate_is_refused_at_once(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before the new key has written anything, by every command, with a store and without."""
    store, keyring = copied(place, tmp_path)
    old, before = Keyring.load(keyring).active, tmp_path / "before" / "keyring.json"
    shutil.copytree(keyring.parent, before.parent)
    assert main(["keys", "rotate", "--keyring", str(keyring)]) == DONE
    new = Keyring.load(keyring).active
    report = tmp_path / "report.parquet"
    report.write_bytes(b"")
    others = (
        "keys rotate",
        "keys status",
        "keys unwrap",
        "keys wrap --kms alias/none",
        "reveal [NAME:t1.00]",
        f"report verify {report}",
        f"history verify {report}",
        RECEIVE,
        f"redact --input {{new}} --output {tmp_path}/new --policy {{policy}}",
    )
    watched = contents(store, before.parent)
    capsys.readouterr()
    for words in (*(c.words for c in COMMANDS), *others):
        assert place.run(words, store, before) == USAGE, words
        said = capsys.readouterr().err
        assert f"key {old} of the keyring given, {before}, is older than key {new}" in said, words
        assert "use the keyring that was rotated" in said
    assert contents(store, before.parent) == watched and not (tmp_path / "new").exists()
    redact = "redact --input {new} --output {store} --policy {policy} --no-progress"
    monkeypatch.setenv("CALLVEIL_STATE", str(tmp_path / "another machine"))
    assert place.run(f"{redact} --dry-run", store, before) == DONE, "nothing tells it there"
    assert place.run(redact, store, keyring) == DONE
    monkeypatch.setenv("CALLVEIL_STATE", str(tmp_path / "a third machine"))
    assert place.run(redact, store, before) == USAGE, "what the new key wrote tells it anywhere"
    assert "it is a copy from before `callveil keys rotate`" in capsys.readouterr().err


def test_rotate_notes_the_new_key_in_the_stores_it_is_told_of(
    place: Place,
    others: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, keyring = copied(place, tmp_path)
    before = tmp_path / "before" / "keyring.json"
    shutil.copytree(keyring.parent, before.parent)
    stranger = others["both"].read_bytes()
    assert place.run("keys rotate --store {store}", store, others["both"]) == USAGE
    assert others["both"].read_bytes() == stranger, "nothing is rotated for a store of other keys"
    assert place.run("keys rotate --store {store}", store, keyring) == DONE
    monkeypatch.setenv("CALLVEIL_STATE", str(tmp_path / "another machine"))
    capsys.readouterr()
    assert place.run("history find --store {store}", store, before) == USAGE
    assert "it is a copy from before `callveil keys rotate`" in capsys.readouterr().err
    assert place.run("history find --store {store}", store, keyring) == DONE


ORDER = (
    "redact --input {bad} --output {store} --policy {policy}",
    "redact --input {new} --output {store} --policy {policy} --requests {bad}",
    "redact --input {new} --output {store} --policy {policy} --accounts {bad} --dry-run",
    "history load --input {bad} --output {store} --policy {policy}",
    "history load --input {versions} --output {store} --policy {policy} --holds {bad}",
    "history load --input {bad} --output {store} --policy {policy} --follow 9",
    "history export --store {store} --out {out} --accounts {bad}",
    "watch --once --input {landing} --output {store} --policy {policy} --accounts {bad}",
    "retain plan --store {store} --out {out} --events {bad}",
    "retain apply --store {store} --plan {bad}",
    "retain run --store {store} --holds {bad}",
    "retain explain --store {store} --record interactions/41/5000000000 --accounts {bad}",
    "rescan --store {store} --accounts {bad}",
    "subject open --store {store} --bulk {bad}",
    "subject search --store {store} --request {searched} --source {bad}",
    "subject access --store {store} --request {searched} --out {out}.zip --context {bad}",
    "subject erase --store {store} --request {erased} --dry-run --holds {bad}",
    "report all --store {store} --out {out} --policy {policy} --accounts {bad}",
    "report breaches --store {store} --out {out} --breaches {bad}",
    "evidence anchor --store {store} --tsa http://127.0.0.1:1/ --tsa-cert {bad}",
    "evidence verify --store {store} --tsa-cert {bad}",
)


@pytest.mark.parametrize("words", ORDER)
def test_whose_the_store_is_comes_before_what_is_read(
    place: Place, others: dict[str, Path], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = Path(place.places["new"]).with_name("bad")
    command = words.replace("{bad}", str(bad))
    assert place.run(command, place.filled.world.output, others["both"]) == USAGE
    said = capsys.readouterr().err
    assert "the keyring given" in said or "the key given" in said, said
    assert str(bad) not in said


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Let permissions bind this thread although it is root's, by its effective capabilities."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, old = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, old) == 0
    less = (ctypes.c_uint32 * 6)(*old)
    less[0] = old[0] & ~0b111  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, less) == 0
    try:
        yield
    finally:
        assert libc.capset(header, old) == 0


@pytest.fixture(scope="module")
def read_only(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A copy of the store in which nothing may be written."""
    store, keyring = copied(place, tmp_path_factory.mktemp("read-only"))
    paths = [Path(store), *Path(store).rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield store, keyring
    for path in paths:
        path.chmod(0o700)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_a_read_only_copy_is_read_and_writing_is_refused_before_any_work(
    place: Place, read_only: tuple[str, Path], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    store, keyring = read_only
    before = contents(store)
    with without_privileges():
        code = place.run(command.words, store, keyring)
    said = capsys.readouterr().err
    if command.writes:
        assert (
            code == FAILED
            and "may only read the store" in said
            and store in said
            and "withheld" not in said
        )
    else:
        assert code == command.code, said
    assert contents(store) == before


def test_status_says_it_first(
    place: Place, others: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    store = place.filled.world.output
    assert (
        main(["keys", "status", "--store", store, "--keyring", str(others["other keyring"])])
        == USAGE
    )
    told = capsys.readouterr()
    assert (
        told.out.splitlines()[0] == f"{store} is NOT kept with this keyring"
        and "callveil keys rotate" in told.err
    )
    assert f"{place.places['key']}  NOT IN THIS KEYRING" in told.out
    assert (
        main(
            [
                "keys",
                "status",
                "--store",
                store,
                "--keyring",
                str(others["other keyring"]),
                "--json",
            ]
        )
        == USAGE
    )
    assert store in orjson.loads(capsys.readouterr().out)["other_keyring"]


def test_a_store_from_before_is_told_by_what_it_holds(
    place: Place, others: dict[str, Path], tmp_path: Path
) -> None:
    store, keyring = copied(place, tmp_path)
    shutil.rmtree(Path(store) / IDENTITY)
    for wrong, why in (
        ("other keyring", "holds what key"),
        ("other evidence key", "signed with key"),
    ):
        before = contents(store)
        for opened in (open_keyed, open_to_change):
            with pytest.raises(IdentityError, match=why):
                opened(Files(), store, str(others[wrong]))
        assert contents(store) == before
    found, _ = open_keyed(Files(), store, str(keyring))
    assert read_identity(found) is None
    claimed, ring = open_to_change(Files(), store, str(keyring))
    made = read_identity(claimed)
    assert (
        made
        and made.keys == {ring.active: ring.fingerprint()}
        and made.evidence_key == open_signer(keyring).public.id
    )
    secret = ring.secret(ring.active)
    assert not any(
        part.hex() in json.dumps(made.body()) for part in (secret, secret[:32], secret[32:])
    )


def test_a_key_of_the_same_name_is_not_the_same_key(place: Place, tmp_path: Path) -> None:
    store, keyring = copied(place, tmp_path)
    other = Keyring.create(tmp_path / "forged" / "keyring.json")
    document = json.loads(
        other.path.read_text().replace(other.active, Keyring.load(keyring).active)
    )
    other.path.write_text(json.dumps(document))
    shutil.copy(keyring.with_name("evidence-key.pem"), other.path.parent)
    with pytest.raises(IdentityError, match="is another key"):
        open_keyed(Files(), store, str(other.path))
    shutil.rmtree(Path(store) / IDENTITY)
    with pytest.raises(IdentityError, match="does not open"):
        open_to_change(Files(), store, str(other.path))


def test_a_digest_key_that_is_gone_stops_searches_that_would_find_nothing(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, keyring = copied(place, tmp_path)
    old = Keyring.load(keyring).active
    Keyring.rotate(keyring)
    open_to_change(Files(), store, str(keyring))
    document = json.loads(keyring.read_text())
    del document["keys"][old]
    keyring.write_text(json.dumps(document | {"digest_keys": list(document["keys"])}))
    assert place.run("subject search --store {store} --request {searched}", store, keyring) == USAGE
    assert f"digests of key {old}" in capsys.readouterr().err


def test_a_worker_with_another_keyring_at_the_same_path_does_nothing(
    place: Place, others: dict[str, Path]
) -> None:
    store, own = place.filled.world.output, place.filled.world.keyring
    assert worker_keyring(Files(), store, own).active == place.places["key"]
    with pytest.raises(IdentityError, match="the keyring given"):
        worker_keyring(Files(), store, str(others["other keyring"]))
    policy = load_policy(place.places["policy"])
    with pytest.raises(IdentityError, match="the keyring given"):
        WatchJob(policy, Files(), store, str(others["both"])).engines()


def test_a_process_notices_that_its_keyring_was_exchanged(tmp_path: Path) -> None:
    ring, other = Keyring.create(tmp_path / "a.json"), Keyring.create(tmp_path / "b.json")
    assert ring.current() is ring
    rotated = Keyring.rotate(ring.path)
    assert ring.current().active == rotated.active
    os.replace(other.path, ring.path)
    with pytest.raises(KeyringError, match="another keyring was put in the place"):
        ring.current()


def test_an_account_has_one_controller_until_somebody_states_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts, new, store = (
        tmp_path / "accounts.jsonl",
        tmp_path / "in.jsonl",
        str(tmp_path / "store"),
    )
    given = ["--keyring", str(tmp_path / "keyring.json")]
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nname: p\nextends: gdpr\ndetect: {model: none}\n")

    def redact(number: int, agencies: dict[str, str]) -> int:
        rows = [
            {"account_id": a, "agency_id": c, "type": "individual", "effective_at": "2026-01-01"}
            for a, c in agencies.items()
        ]
        accounts.write_text("".join(json.dumps(r) + "\n" for r in rows))
        new.write_text(
            json.dumps({"id": str(number), "account_id": 41, "called_at": "2026-10-20T10:00:00Z"})
            + "\n"
        )
        words = [
            "--input",
            str(new),
            "--output",
            store,
            "--accounts",
            str(accounts),
            "--policy",
            str(policy),
            "--no-progress",
        ]
        return main(["redact", *words, *given])

    def owner(*more: str) -> dict[str, object]:
        capsys.readouterr()
        assert main(["evidence", "owner", "--store", store, *given, "--json", *more]) == DONE
        found: dict[str, object] = orjson.loads(capsys.readouterr().out)
        return found

    assert redact(1, {"41": "5", "5": "4", "4": "", "9": ""}) == DONE
    assert owner()["controllers"] == {"41": "4", "5": "4", "4": "4", "9": "9"}
    before = contents(store)
    assert redact(2, {"41": "9"}) == USAGE
    assert (
        "account 41 is 4's in this store, and 9's by the account records" in capsys.readouterr().err
    )
    assert contents(store) == before
    assert redact(2, {"7": ""}) == DONE and owner()["controllers"] == {
        "41": "4",
        "5": "4",
        "4": "4",
        "9": "9",
        "7": "7",
    }
    assert owner("--controller", "41=9", "--operator", "Acme")["stated"] == ["41"]
    assert redact(3, {"41": "9"}) == redact(4, {"41": "4"}) == DONE, (
        "what is stated outranks the records"
    )
    assert owner()["controllers"] == {"41": "9", "5": "4", "4": "4", "9": "9", "7": "7"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLVEIL_OPERATOR", "Other")
        assert (
            redact(5, {}) == USAGE
            and "it is run by Acme, and CALLVEIL_OPERATOR says Other" in capsys.readouterr().err
        )
        patch.setenv("CALLVEIL_OPERATOR", "Acme")
        assert redact(5, {"41": "9"}) == DONE
    assert main(["evidence", "verify", "--store", store, *given]) == DONE


def test_agencies_that_belong_to_each_other_end_the_way_up() -> None:
    def row(account: str, agency: str, year: int) -> Account:
        return Account(account, dt.datetime(year, 1, 1, tzinfo=dt.UTC), agency_id=agency)

    book = AccountBook(
        [
            row("1", "2", 2025),
            row("2", "1", 2025),
            row("3", "1", 2025),
            row("3", "8", 2026),
            row("4", "4", 2025),
        ]
    )
    assert book.controllers() == {"1": "2", "2": "1", "3": "8", "4": "4"}


def test_a_store_that_two_keyrings_wrote_names_the_one_that_is_missing(
    place: Place, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a version that did not compare left it: a search would find half of a person's records."""
    store, keyring = copied(place, tmp_path)
    shutil.copytree(keyring.parent, tmp_path / "half")
    new = Keyring.rotate(keyring).active
    assert place.run(REDACT, store, keyring) == DONE
    shutil.rmtree(Path(store) / IDENTITY)
    shutil.rmtree(state)
    words = "subject search --store {store} --request {searched}"
    assert place.run(words, store, tmp_path / "half" / "keyring.json") == USAGE
    said = capsys.readouterr().err
    assert f"holds what key {new} made" in said and "put their keys into one file" in said
    half = str(tmp_path / "half" / "keyring.json")
    assert main(["keys", "status", "--store", store, "--keyring", half]) == USAGE
    told = capsys.readouterr()
    assert "NOT kept" in told.out.splitlines()[0] and f"what key {new} made" in told.err
    assert place.run(words, store, keyring) == DONE


def test_runs_with_other_keyrings_are_other_runs(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one left half done the other does not take up; a rotated keyring is the same one."""

    def run_id(keyring: Path) -> str:
        capsys.readouterr()
        assert place.run(f"{REDACT} --dry-run --json", str(tmp_path / "store"), keyring) == DONE
        return str(orjson.loads(capsys.readouterr().out)["run_id"])

    one, two = tmp_path / "one" / "keyring.json", tmp_path / "two" / "keyring.json"
    first = run_id(one)
    Keyring.rotate(one, keep_digests=True)
    assert run_id(one) == first != run_id(two)


def test_of_two_keyrings_on_a_new_store_one_is_its_own(
    files: Files, store_root: str, tmp_path: Path
) -> None:
    paths = [str(tmp_path / name / "keyring.json") for name in ("one", "two", "one", "two")]
    rings = [Keyring.open_or_create(p) for p in paths]
    came: list[str] = []
    refused: list[str] = []

    def begin(ring: Keyring) -> None:
        try:
            came.append(str(open_or_claim(files, store_root, ring).keyring))
        except (IdentityError, StoreError):
            refused.append(str(ring.path))

    workers = [threading.Thread(target=begin, args=(ring,)) for ring in rings]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(came) == len(refused) == 2 and len(set(came)) == 1 and set(came) != set(refused)
    assert open_keyed(files, store_root, came[0])[1].path == Path(came[0])
    with pytest.raises(IdentityError, match="the keyring given"):
        keyring_for(files, store_root, refused[0])
    with pytest.raises(KeyringError, match="no keyring here"):
        keyring_for(files, store_root, str(tmp_path / "none" / "keyring.json"))
    assert not (tmp_path / "none").exists()
