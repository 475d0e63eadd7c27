"""Stores that were set back, cut off or made anew: told by what is remembered outside of them."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import orjson
import pytest
from support.evidence_stores import AS_OF, check, empty_run, world
from support.landed_calls import calls
from support.live_zones import Zone, aged
from support.retention_stores import DAY, Place

from callveil.pipelines.cli import main
from callveil.transforms.storage.checkpoints.catch_up import newest_record
from callveil.transforms.storage.checkpoints.store_identity import open_keyed, open_to_change
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.known_heads import (
    RUNS,
    ChainHead,
    RolledBack,
    known_heads_path,
    read_known_heads,
    refuse_rollback,
    remember_heads,
)
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signed_record import IDENTITY, SEALS, record_name
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import LATEST_FILE, StoreError

DONE, FAILED, USAGE = 0, 1, 2


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A store with runs, seen by this machine, and yesterday's copy of it beside it."""
    made = world(tmp_path, rows=3)
    open_to_change(Files(), made.root, str(tmp_path / "keyring.json"))
    shutil.copytree(made.root, tmp_path / "yesterday")
    made.run(AS_OF + DAY)
    empty_run(made.store, "newest")
    return made


def set_back(place: Place) -> None:
    """Put yesterday's copy in the store's place."""
    shutil.rmtree(place.root)
    shutil.copytree(place.folder / "yesterday", place.root)


def run(place: Place, *words: str) -> int:
    """A command on the store."""
    return main([*words, "--store", place.root, "--keyring", str(place.folder / "keyring.json")])


COMMANDS = (
    ("evidence", "head"),
    ("evidence", "seal"),
    ("keys", "status"),
    ("keys", "rewrap"),
    ("retain", "run"),
    ("history", "find"),
    ("report", "pulls"),
    ("subject", "status"),
    ("subject", "index"),
    ("recordings", "list"),
    ("rejected", "list"),
    ("rescan",),
)


def test_a_store_that_was_set_back_is_refused_by_every_command(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    seq = place.store.current().seq
    set_back(place)
    before = {p: p.read_bytes() for p in Path(place.root).rglob("*") if p.is_file()}
    for words in COMMANDS:
        assert run(place, *words, "--json") == USAGE, words
        out, said = capsys.readouterr()
        error = orjson.loads(out)["error"]
        assert (error["kind"], error["exit_code"]) == ("rolled_back", USAGE)
        assert "callveil evidence accept" in error["way_out"] and error["place"] == place.root
        assert f"run {seq} was seen here before" in said and "callveil evidence accept" in said, (
            words,
            said,
        )
    words = [
        "--output",
        place.root,
        "--keyring",
        str(place.folder / "keyring.json"),
        "--input",
        str(place.folder / "accounts.jsonl"),
    ]
    for job in ("redact", "watch"):
        assert main([job, *words, *(["--once"] if job == "watch" else ["--no-progress"])]) == USAGE
        assert f"run {seq} was seen here before" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in Path(place.root).rglob("*") if p.is_file()} == before
    assert run(place, "evidence", "verify") == FAILED
    told, memory = capsys.readouterr().out, known_heads_path(place.store)
    assert f"run {seq} was seen here before ({memory} says so), and it is gone with all" in told
    assert "callveil evidence accept" in told and "[rolled_back]" in told and "[anchor]" not in told
    assert f"compared with run {seq}, the newest that was seen here ({memory})" in told
    assert run(place, "evidence", "verify", "--anchor", "0" * 16, "--json") == FAILED
    document = orjson.loads(capsys.readouterr().out)
    assert document["compared_with"] == {"anchors": ["0" * 16], "state": str(memory)}
    assert {"anchor", "rolled_back"} <= {p["kind"] for p in document["problems"]}
    assert (
        run(place, "evidence", "accept") == DONE
        and f"instead of run {seq}" in capsys.readouterr().out
    )
    assert run(place, "evidence", "verify") == DONE and run(place, "retain", "run") == DONE


def test_another_history_of_the_same_length_is_refused(place: Place) -> None:
    seq = place.store.current().seq
    forked = Place(place.folder / "fork", root=str(place.folder / "yesterday"))
    while forked.store.current().seq < seq:
        empty_run(forked.store, f"another {forked.store.current().seq}")
    empty_run(forked.store, "and one more")
    set_back(place)
    with pytest.raises(RolledBack, match="another run has its number"):
        open_keyed(Files(), place.root, str(place.folder / "keyring.json"))


def test_a_store_that_is_gone_is_not_made_anew(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job whose bucket or mount is missing would begin without the list of who was erased."""
    shutil.rmtree(place.root)
    assert (
        run(place, "retain", "run") == USAGE
        and "the store stands at run 0" in capsys.readouterr().err
    )
    assert not Path(place.root).exists()
    assert run(place, "evidence", "accept") == DONE
    assert run(place, "retain", "run") == DONE and place.store.current().seq == 1


def test_a_copy_elsewhere_is_compared_with_nothing_and_verify_says_so(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = str(place.folder / "yesterday")
    given = [
        "evidence",
        "verify",
        "--store",
        elsewhere,
        "--keyring",
        str(place.folder / "keyring.json"),
    ]
    newest = newest_record(place.store)
    assert newest is not None
    assert main(given) == DONE
    assert "nothing can be told about newer records that may be missing" in capsys.readouterr().out
    assert main(given) == DONE  # by now it was seen here
    assert "compared with run 13, the newest that was seen here" in capsys.readouterr().out
    assert (
        main([*given, "--json"]) == DONE
        and orjson.loads(capsys.readouterr().out)["compared_outside"]
    )
    assert main([*given, "--anchor", newest.sha256]) == FAILED
    said = capsys.readouterr().out
    assert "cut off" in said and "nothing can be told about newer" not in said
    assert run(place, "evidence", "verify") == DONE
    assert "nothing can be told about newer" not in capsys.readouterr().out


def test_a_pointer_that_alone_was_set_back_misleads_no_reader_and_is_put_right(
    place: Place,
) -> None:
    keyring, seq = str(place.folder / "keyring.json"), place.store.current().seq
    shutil.copy(place.folder / "yesterday" / LATEST_FILE, Path(place.root) / LATEST_FILE)
    with pytest.raises(RolledBack, match="was seen here before"):
        open_keyed(Files(), place.root, keyring)
    store, _ = open_to_change(Files(), place.root, keyring)
    assert store.recover().seq == seq
    open_keyed(Files(), place.root, keyring)


def test_checkpoints_and_records_of_whose_it_is_are_remembered_too(tmp_path: Path) -> None:
    zone = Zone(tmp_path)
    (call,) = calls(tmp_path / "sample", 1, seconds=6)
    zone.watch(aged(call, 5))
    known = read_known_heads(zone.store)
    assert known.keys() == {SEALS, IDENTITY}
    Keyring.rotate(zone.keyring)
    open_to_change(Files(), zone.root, zone.keyring)
    for chain, seq in ((SEALS, known[SEALS].seq), (IDENTITY, 2)):
        path = Path(zone.root) / record_name(seq, chain)
        kept = path.read_bytes()
        path.unlink()
        with pytest.raises(RolledBack, match=f"record {seq} of {chain} was seen"):
            open_keyed(Files(), zone.root, zone.keyring)
        path.write_bytes(kept)
    open_keyed(Files(), zone.root, zone.keyring)


def test_a_record_of_whose_it_is_that_is_gone_shows_by_the_runs_that_name_it(place: Place) -> None:
    assert check(place.root).problems == ()
    (Path(place.root) / record_name(1, IDENTITY)).unlink()
    (found,) = check(place.root).problems
    assert (found.path, found.kind) == (record_name(1, IDENTITY), "gap")


def test_what_is_remembered_only_grows(place: Place, state: Path) -> None:
    store, now = place.store, place.store.head()
    remember_heads(store, {RUNS: ChainHead(now.seq - 1, "0" * 64)})
    assert read_known_heads(store)[RUNS] == now
    workers = [
        threading.Thread(
            target=remember_heads, args=(store, {RUNS: ChainHead(now.seq, now.sha256)})
        )
        for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert read_known_heads(store)[RUNS] == now
    assert (
        known_heads_path(store).is_relative_to(state)
        and oct(known_heads_path(store).stat().st_mode & 0o777) == "0o600"
    )
    known_heads_path(store).write_text("{")
    with pytest.raises(StoreError, match="remove the file"):
        read_known_heads(store)


def test_where_the_state_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(tmp_path / "s")
    one, two = Store(Files(), root), Store(Files(state=str(tmp_path / "given")), f"file://{root}/")
    assert (
        known_heads_path(two).parent == tmp_path / "given" / "heads"
        and known_heads_path(one).name == known_heads_path(two).name
    )
    monkeypatch.delenv("CALLVEIL_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert known_heads_path(one).parent == tmp_path / "xdg" / "callveil" / "heads"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert known_heads_path(one).parent == tmp_path / ".local" / "state" / "callveil" / "heads"
    os.symlink(tmp_path / "s", tmp_path / "link")
    assert known_heads_path(Store(Files(), str(tmp_path / "link"))) == known_heads_path(one)


def test_a_state_that_cannot_be_written_is_warned_of(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CALLVEIL_STATE", "/proc/nowhere")
    empty_run(place.store, "one more")
    assert "cannot be remembered" in caplog.text and "--state" in caplog.text
    assert read_known_heads(place.store) == {}
    refuse_rollback(place.store, {}, reading=True)
