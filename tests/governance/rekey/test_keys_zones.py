"""Every zone of a store sealed anew, and the old key retired: all opens, everybody is found,
evidence verifies, and nothing old is left.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.faults import CrashingFiles, ProcessKilled
from support.filled_store import RESTRICTED, Filled, fill

from callveil.pipelines.cli import main
from callveil.pipelines.subject import lift_restriction
from callveil.transforms.governance.rekey.retire import decide_retirement, retire_key
from callveil.transforms.governance.rekey.rewrap import rewrap_store
from callveil.transforms.governance.rekey.usage import count_key_uses
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.encrypted_file import MAGIC
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=25)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return fill(tmp_path_factory.mktemp("filled") / "world", Files())


@pytest.fixture
def filled(template: Filled) -> Filled:
    """A filled store to change: the template's place is put back as it was afterwards, since places
    stand in what it has written.
    """
    kept = template.world.root.with_name("kept")
    shutil.copytree(template.world.root, kept)
    yield template
    shutil.rmtree(template.world.root)
    kept.rename(template.world.root)


def opened(filled: Filled, keyring: Keyring) -> list[Any]:
    """All that opens."""
    return [
        filled.originals(keyring),
        filled.posted(keyring),
        filled.rejected(keyring),
        filled.values(keyring),
        filled.matches(keyring),
    ]


def rotated(filled: Filled, keep_digests: bool = True) -> Keyring:
    return Keyring.rotate(filled.world.keyring, NOW, keep_digests)


def old_in(store: Store, inbox: str, key_id: str) -> list[str]:
    """Files that name a key where something sealed or a token would."""
    marks = (MAGIC + bytes([len(key_id)]) + key_id.encode(), f":t1.{key_id}.".encode())
    urls = [f.url for root in (store.root, inbox) for f in store.files.list(root)]
    return [url for url in urls if any(m in store.files.read(url) for m in marks)]


def test_all_zones_are_sealed_anew_and_the_key_retired(
    filled: Filled, capsys: pytest.CaptureFixture[str]
) -> None:
    world, keys = filled.world, filled.world.keys
    old, found, before = keys.active, filled.found(), opened(filled, keys)
    zones = count_key_uses(world.store, keys, [filled.inbox])[old]
    assert set(zones.files) == {
        "rejected_content",
        "subject_content",
        "live/originals",
        "live/rejected",
        "inbox",
    }
    assert set(zones.tokens) == {
        "interactions",
        "findings",
        "requests",
        "subject_requests",
        "live/records",
        "set aside",
    }
    assert (
        set(zones.digests) == {"subjects", "live/subjects", "erased", "set aside"}
        and zones.latest["subjects"] == "2026-10-01"
    )
    assert len(found) == 4 and len(before[0]) == 2 and len(before[3]) > 10
    place = ["--store", world.output, "--inbox", filled.inbox, "--keyring", world.keyring]
    assert main(["keys", "retire", old, *place]) == 1  # it is the active one
    assert main(["keys", "rotate", "--keyring", world.keyring]) == 0
    assert main(["keys", "retire", old, "--after", "0", *place]) == 1
    told = capsys.readouterr().err
    assert all(
        f"in {zone} are opened by it alone" in told for zone in (*zones.files, *zones.tokens)
    )
    assert main(["keys", "rewrap", *place, "--json"]) == 0
    (done,) = orjson.loads(capsys.readouterr().out)["stores"]
    assert (
        set(done["files"]) == {*zones.files, *zones.tokens} - {"set aside"}
        and done["left"] == {}
        and done["failed"] == []
    )
    assert old_in(world.store, filled.inbox, old) == []
    assert main(["keys", "retire", old, *place]) == 1 and "wait for 24" in capsys.readouterr().err
    assert (
        main(["keys", "retire", old, "--after", "0", *place, "--dry-run"]) == 0
        and "would be gone" in capsys.readouterr().out
    )
    assert not Keyring.load(world.keyring).retired
    assert main(["keys", "retire", old, "--after", "0", *place]) == 0
    said = capsys.readouterr().out
    assert (
        "its sealing half is gone" in said
        and "entries in subjects are found by its digests, until these records go" in said
    )
    after = Keyring.load(world.keyring)
    assert after.retired == {old} and after.digests == old and not after.opens(old)
    with pytest.raises(KeyringError, match="retired"):
        after.derive("sealed/rejected", 64, old)
    assert opened(filled, after) == before and filled.found() == found
    assert (
        verify_evidence(Files(), world.output, [open_signer(world.keyring).public]).problems == ()
    )
    assert main(["evidence", "verify", "--store", world.output, "--keyring", world.keyring]) == 0
    assert main(["keys", "rewrap", *place, "--json"]) == 0
    capsys.readouterr()
    assert main(["keys", "status", *place, "--json"]) == 0
    shown = {k["key"]: k for k in orjson.loads(capsys.readouterr().out)["keys"]}
    assert (shown[old]["sealed_files"], shown[old]["tokens"]) == ({}, {}) and shown[old][
        "found_by_digests"
    ]["subjects"] > 40
    _goes_on(filled, after, before)


def _goes_on(filled: Filled, keyring: Keyring, before: list[Any]) -> None:
    """Check that what is lifted comes back and opens, that nothing is taken in twice, and that
    nothing that was erased comes back.
    """
    world = filled.world
    assert filled.watch() == {"arrived": 0}
    seq = world.store.current().seq
    lift_restriction(world.options(6), filled.requests[RESTRICTED])
    assert filled.originals(keyring) == filled.sounds
    values = filled.values(keyring)
    assert len(values) > len(before[3]) and set(before[3]) <= set(values)
    assert old_in(world.store, filled.inbox, next(iter(keyring.retired))) == []
    records = [
        json.loads(line)
        for path in sorted((world.root / "in").glob("*1.jsonl"))
        for line in path.read_text().splitlines()[:10]
    ]
    again = world.redact(records, as_of=NOW)
    assert again.counts["tombstoned"] == 2 and again.counts.get("redacted", 0) == 0, (
        "the erased stay erased, and the others are known"
    )
    assert world.store.current().seq > seq
    assert (
        verify_evidence(Files(), world.output, [open_signer(world.keyring).public]).problems == ()
    )


def test_a_key_goes_altogether_once_nothing_is_found_by_it(filled: Filled) -> None:
    """With new digests the old half stays for the records that were taken in with it, and is never
    taken from those.
    """
    old = filled.world.keys.active
    ring = rotated(filled, keep_digests=False)
    found = filled.found()
    done = rewrap_store(filled.world.store, ring, NOW, [filled.inbox])
    assert done.is_whole
    use = count_key_uses(filled.world.store, ring, [filled.inbox])
    verdict = decide_retirement(ring, old, [use[old]], LATER)
    assert verdict.refused == () and len(verdict.kept) == 4 and "for ever" in " ".join(verdict.kept)
    half = retire_key(ring, old, verdict, NOW)
    assert filled.found() == found and half.digests == ring.active
    again = decide_retirement(half, old, [count_key_uses(filled.world.store, half)[old]], LATER)
    assert again.refused == verdict.kept
    nothing = decide_retirement(half, old, [], LATER)  # as with a store whose records have all gone
    gone = retire_key(half, old, nothing, NOW)
    assert (
        nothing.refused == nothing.kept == ()
        and gone.key_ids == (ring.active,)
        and gone.digest_keys == (ring.active,)
    )


def test_keys_of_one_secret_are_kept_whole(filled: Filled) -> None:
    """Keys from before there were halves: one secret, which digests need."""
    path = Path(filled.world.keyring)
    document = json.loads(path.read_text())
    old = document["active"]
    document["keys"][old]["secret"] = base64.b64encode(
        base64.b64decode(document["keys"][old]["secret"])[:32]
    ).decode()
    path.write_text(json.dumps({k: v for k, v in document.items() if k != "digest_keys"}))
    ring = rotated(filled)
    assert any(
        "one secret for both" in why for why in decide_retirement(ring, old, [], LATER).refused
    )
    ring = rotated(filled, keep_digests=False)
    verdict = decide_retirement(ring, old, [], LATER)
    assert verdict.refused == () and old not in retire_key(ring, old, verdict, NOW).key_ids


def test_what_does_not_open_stays_and_stops_nothing(
    filled: Filled, capsys: pytest.CaptureFixture[str]
) -> None:
    world, old = filled.world, filled.world.keys.active
    body = Path(sorted(f.url for f in Files().list(filled.inbox))[1])
    content = Path(world.store.url(world.store.current().by_dataset("subject_content")[0].path))
    for path in (body, content):
        data = bytearray(path.read_bytes())
        data[60] ^= 1
        path.write_bytes(data)
    rotated(filled)
    place = [
        "--store",
        world.output,
        "--keyring",
        world.keyring,
    ]  # the inbox is known, since watch has read it
    assert main(["keys", "rewrap", *place]) == 1
    told = capsys.readouterr()
    assert (
        all(f"{name}: " in told.err for name in (body.name, content.name))
        and "2 files in inbox sealed anew" in told.out
    )
    assert {str(body), str(content)} == set(old_in(world.store, filled.inbox, old))
    assert main(["keys", "retire", old, "--after", "0", *place]) == 1
    assert "1 in inbox are opened by it alone" in capsys.readouterr().err


def test_an_inbox_that_is_not_here_keeps_the_key(
    filled: Filled, capsys: pytest.CaptureFixture[str]
) -> None:
    world, old = filled.world, filled.world.keys.active
    rewrap_store(world.store, rotated(filled), NOW)
    Path(filled.inbox).rename(world.root / "elsewhere")
    retiring = [
        "keys",
        "retire",
        old,
        "--store",
        world.output,
        "--keyring",
        world.keyring,
        "--after",
        "0",
    ]
    assert (
        main(retiring) == 1
        and f"inbox {filled.inbox}, which watch has read, is not here" in capsys.readouterr().err
    )
    assert main([*retiring, "--gone", filled.inbox]) == 0
    assert Keyring.load(world.keyring).retired == {old}


def _killed(filled: Filled, step: int, repeat: bool) -> bool:
    """Kill a rewrap at a step; with `repeat` finish it, and check what came of it. Returns whether
    it came to its end.
    """
    world, keys = filled.world, filled.world.keys
    old, found, before = keys.active, filled.found(), opened(filled, keys)
    ring = rotated(filled)
    try:
        rewrap_store(
            Store(CrashingFiles(step), world.output, world.keyring), ring, NOW, [filled.inbox]
        )
        is_done = True
    except ProcessKilled:
        is_done = False
    assert opened(filled, ring) == before  # at every moment
    if repeat:
        store = Store.open_or_create(Files(), world.output, world.keyring)
        assert (
            rewrap_store(store, ring, NOW, [filled.inbox]).is_whole
            and old_in(store, filled.inbox, old) == []
        )
        verdict = decide_retirement(
            ring,
            old,
            [u for k, u in count_key_uses(store, ring, [filled.inbox]).items() if k == old],
            LATER,
        )
        after = retire_key(ring, old, verdict, NOW)
        assert opened(filled, after) == before and filled.found() == found
        assert (
            verify_evidence(Files(), world.output, [open_signer(world.keyring).public]).problems
            == ()
        )
        # A body that was sealed anew by an attempt which died before noting it is read again, to no
        # effect.
        assert not filled.watch().keys() & {
            "record.done",
            "audio.done",
            "audio.rejected",
            "record.rejected",
        }
    return is_done


@pytest.mark.parametrize("step", [3, 40, 75])
def test_killed_at_some_steps(filled: Filled, step: int) -> None:
    _killed(filled, step, repeat=True)


@pytest.mark.soak
def test_killed_at_each_step(template: Filled, state: Path) -> None:
    kept = template.world.root.with_name("each")
    shutil.copytree(template.world.root, kept)
    for step in range(1000):
        is_done = _killed(template, step, repeat=True)
        shutil.rmtree(template.world.root)
        shutil.copytree(kept, template.world.root)
        shutil.rmtree(state, ignore_errors=True)  # the store is set back on purpose
        if is_done:
            break
    assert is_done and step > 60
