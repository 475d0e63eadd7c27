"""Whose a store is: every command that takes a store, with its own keys, with others, with none.

And over a copy that may only be read.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from support.store_commands import (
    COMMANDS,
    DONE,
    FAILED,
    READS,
    RECEIVE,
    REDACT,
    USAGE,
    Command,
    Place,
    contents,
    copied,
    filled_place,
    keyrings_of_others,
)

from callveil.pipelines.cli import main
from callveil.schemas.policy_load import load_policy
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.storage.checkpoints.identity_record import IdentityError, read_identity
from callveil.transforms.storage.checkpoints.store_identity import (
    IDENTITY,
    open_keyed,
    open_to_change,
    worker_keyring,
)
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import ENV as EVIDENCE_ENV
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with filled_place(tmp_path_factory.mktemp("identity")) as place:
        yield place


@pytest.fixture(autouse=True)
def own_evidence_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence keys lie beside keyrings here."""
    monkeypatch.delenv(EVIDENCE_ENV, raising=False)


@pytest.fixture(scope="module")
def others(place: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return keyrings_of_others(place, tmp_path_factory.mktemp("others"))


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
    """Check that a run does not take up what one with another keyring left half done; a rotated
    keyring is the same one.
    """

    def run_id(keyring: Path) -> str:
        capsys.readouterr()
        assert place.run(f"{REDACT} --dry-run --json", str(tmp_path / "store"), keyring) == DONE
        return str(orjson.loads(capsys.readouterr().out)["run_id"])

    one, two = tmp_path / "one" / "keyring.json", tmp_path / "two" / "keyring.json"
    first = run_id(one)
    Keyring.rotate(one, keep_digests=True)
    assert run_id(one) == first != run_id(two)
