"""The live zone is in the chain: what callveil does there itself is explained by it, and whatever
else is done is named.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.evidence_stores import AS_OF
from support.evidence_stores import key as key_of_tests
from support.faults import CrashingFiles, ProcessKilled
from support.landed_calls import Call, calls, land
from support.live_zones import DAY, Zone, aged, policy

from callveil.pipelines.cli import main
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.checkpoints.live_checkpoint import PATIENCE
from callveil.transforms.storage.checkpoints.live_part import PartProof
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.encrypted_file import reencrypt_file
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from callveil.transforms.storage.format1.live import PUT_AWAY
from callveil.transforms.storage.tables.recordings import forget_rejected

BOTH = ("audio", "record")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Calls of 40, 20 and 5 days ago, and one that has not landed yet."""
    found = calls(tmp_path_factory.mktemp("sample"), 4, seconds=6)
    return [aged(c, days) for c, days in zip(found, (40, 20, 5, 2), strict=True)]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory, made: list[Call]) -> Path:
    """A store in which the first three calls were redacted and committed to."""
    zone = Zone(tmp_path_factory.mktemp("zone"))
    zone.watch(*made[:3])
    return zone.folder


@pytest.fixture
def zone(tmp_path: Path, landed: Path) -> Zone:
    """A copy of it."""
    return Zone(shutil.copytree(landed, tmp_path / "zone"))


def problems(zone: Zone) -> list[tuple[str, str]]:
    """Kinds and paths of what is wrong."""
    return [(p.kind, p.path) for p in zone.verify().problems]


def kinds(zone: Zone, skip: int = 6) -> Counter[str]:
    """How often each change was committed to, after the first entries."""
    return Counter(change for _, change in zone.changes()[skip:])


def test_what_watch_publishes_is_committed_to_once(zone: Zone, made: list[Call]) -> None:
    assert sorted(zone.changes()) == sorted(
        (zone.part(c, w), "found") for c in made[:3] for w in BOTH
    )
    assert zone.announced() == 0
    report = zone.verify()
    assert report.problems == () and (report.parts, report.checkpoints) == (6, 1)
    assert not [n for n in report.notes if n.path.startswith("live/calls/")]
    assert zone.seal().made == 0 and zone.seal(everything=True).made == 0
    zone.watch()
    assert zone.verify().checkpoints == 1
    zone.watch(made[3])
    assert kinds(zone) == {"new": 2}
    report = zone.verify()
    assert report.problems == () and (report.parts, report.checkpoints) == (8, 2)


def test_what_is_not_committed_to_yet_is_told_and_is_no_fault(zone: Zone, made: list[Call]) -> None:
    zone.watch(made[3], seal=False)
    report = zone.verify()
    assert report.problems == ()
    assert [n.path for n in report.notes if "no checkpoint commits to it yet" in n.detail] == [
        zone.part(made[3], w) for w in BOTH
    ]
    zone.seal()
    assert not [n for n in zone.verify().notes if n.path.startswith("live/calls/")]


def test_a_zone_from_before_checkpoints_were_made(tmp_path: Path, made: list[Call]) -> None:
    zone = Zone(tmp_path)
    zone.watch(made[3], seal=False)
    shutil.rmtree(tmp_path / "store/live/unsealed")  # as before changes were announced
    assert problems(zone) == [("gap", "_callveil/evidence")]
    assert zone.seal().entries == 2
    assert zone.verify().problems == ()


def test_expired_erased_set_aside_and_brought_back(zone: Zone, made: list[Call]) -> None:
    salts = {
        p.stem: PartProof.decode(p.read_bytes()).salt.hex()
        for p in Path(zone.root).rglob("*.proof.*.json")
    }
    assert len(salts) == 6
    zone.retain()
    assert kinds(zone) == {"expired": 2} and problems(zone) == []
    zone.erase(made[1])
    assert kinds(zone, 8) == {"erased": 2} and problems(zone) == []
    request = zone.restrict(made[2])
    assert kinds(zone, 10) == {"erased": 2} and problems(zone) == []
    for path in (p for p in Path(zone.root).rglob("*") if p.is_file()):
        data = path.read_bytes()
        assert not any(s.encode() in data or bytes.fromhex(s) in data for s in salts.values()), (
            f"{path} still holds a salt"
        )
    zone.lift(request)
    assert kinds(zone, 12) == {"lifted": 2} and problems(zone) == []
    assert zone.announced() == 0
    assert zone.verify().parts == 6


def test_a_later_transcript_covers_more_and_takes_the_records_place(
    tmp_path: Path, made: list[Call]
) -> None:
    zone, call = Zone(tmp_path), made[2]
    record = json.loads(call.record)
    half = [t for t in record["outline"] if t["s"] < 3]
    early = record | {
        "outline": half,
        "words": [w for w in record["words"] if w["s"] < 3],
        "duration": 5,
    }
    early.pop("transcription_text", None)
    zone.watch(Call(call.account, call.id, json.dumps(early).encode(), call.audio, call.seconds))
    later = Call(
        call.account,
        call.id,
        json.dumps(record | {"duration": 6}).encode(),
        call.audio,
        call.seconds,
    )
    zone.watch(later, audio=False, seal=False)
    assert problems(zone) == []
    assert {
        n.path.partition("/audio")[0].partition("/record")[0]
        for n in zone.verify().notes
        if "announced" in n.detail
    }
    zone.seal()
    assert kinds(zone, 2) == {"superseded": 1, "covered": 1} and problems(zone) == []
    assert zone.announced() == 0


def test_an_original_is_put_away_and_sealed_anew(tmp_path: Path, made: list[Call]) -> None:
    zone, call = Zone(tmp_path, policy(original="seal")), made[2]
    zone.watch(call)
    sealed = zone.path(call, "audio").parent / "original.sealed"
    assert sealed.exists() and problems(zone) == []
    data = bytearray(sealed.read_bytes())
    data[200] ^= 1
    kept = sealed.read_bytes()
    sealed.write_bytes(data)
    assert problems(zone) == [("changed", str(sealed.relative_to(zone.root)))]
    zone.live.announce(zone.part(call, "audio"), PUT_AWAY)
    assert zone.seal().refused == (zone.part(call, "audio"),)
    sealed.write_bytes(kept)
    keyring = Keyring.rotate(zone.keyring)
    with sealed.open("rb") as source, (tmp_path / "new").open("wb") as sink:
        assert reencrypt_file(
            source, sink, keyring, f"original/{call.account}/{call.id}", "original"
        )
    (tmp_path / "new").rename(sealed)
    zone.live.announce(zone.part(call, "audio"), PUT_AWAY)
    assert zone.seal().refused == () and zone.changes()[-1][1] == "resealed"
    assert problems(zone) == []


def test_recordings_that_are_done_again_or_added_are_committed_to(
    tmp_path: Path, made: list[Call]
) -> None:
    zone, call = Zone(tmp_path, policy(original="seal")), made[2]
    zone.watch(call, record=False)
    zone.watch(call, audio=False)
    assert kinds(zone, 1) == {"new": 1, "redone": 1} and problems(zone) == []
    other = Call(call.account, call.id, b"", made[1].audio, 6)
    land(zone.folder / "in/b", other, record=False)
    zone.watch()
    assert kinds(zone, 3) == {"added": 1} and problems(zone) == []
    folder = zone.path(call, "audio").parent
    assert len(list(folder.glob("original*.sealed"))) == len(list(folder.glob("audio-*"))) == 2
    receipt = zone.live.receipt(InteractionKey(call.account, call.id), "audio") or {}
    for forged in (
        receipt["others"][0] | {"source": "elsewhere"},
        receipt["others"][0] | {"spans": []},
    ):
        assert zone.live.swap(
            InteractionKey(call.account, call.id), receipt, receipt | {"others": [forged]}
        )
        assert zone.seal().refused == (zone.part(call, "audio"),)
        assert zone.live.swap(
            InteractionKey(call.account, call.id), receipt | {"others": [forged]}, receipt
        )
    zone.seal()
    assert problems(zone) == []
    zone.retain(AS_OF + 60 * DAY)
    assert not list(folder.glob("original*")) + list(folder.glob("audio-*"))


def test_what_was_rejected_is_taken_back(tmp_path: Path, made: list[Call]) -> None:
    zone, call = Zone(tmp_path), made[2]
    zone.watch(Call(call.account, call.id, call.record, b"RIFF no sound at all", 1))
    receipt = zone.live.receipt(InteractionKey(call.account, call.id), "audio")
    assert receipt and receipt["status"] == "rejected" and problems(zone) == []
    forget_rejected(zone.live, receipt)
    assert problems(zone) == []
    zone.seal()
    assert zone.changes()[-1] == (zone.part(call, "audio"), "taken_back") and problems(zone) == []
    zone.watch(call)
    assert zone.changes()[-1] == (zone.part(call, "audio"), "new") and problems(zone) == []


@pytest.mark.parametrize("status", ["expired", "erased"])
def test_a_receipt_that_says_so_is_not_believed(zone: Zone, made: list[Call], status: str) -> None:
    path = zone.path(made[1], "audio")
    key = InteractionKey(made[1].account, made[1].id)
    path.unlink()
    zone.live.replace_receipt(
        str(path.parent / "audio.json"),
        (zone.live.receipt(key, "audio") or {}) | {"status": status, "file": ""},
    )
    assert zone.seal().refused == (zone.part(made[1], "audio"),)
    assert (
        problems(zone) == []
    )  # announced a moment ago, so it is told, and judged by later checkpoints too
    assert any(zone.part(made[1], "audio") in n.path for n in zone.verify().notes)
    assert zone.seal(clock=lambda: path.parent.stat().st_mtime + PATIENCE + 60).refused
    assert ("missing", str(path.relative_to(zone.root))) in problems(zone)


def test_taking_the_proof_away_too_makes_nothing_new(zone: Zone, made: list[Call]) -> None:
    """Somebody changes a recording, its receipt and its proof, and announces it: what is committed
    to it then stands beside what was.
    """
    path = zone.path(made[1], "audio")
    part = zone.part(made[1], "audio")
    (path.parent / "audio.json").write_bytes(
        (path.parent / "audio.json").read_bytes().replace(b'"done"', b'"done" ')
    )
    for proof in path.parent.glob("audio.proof.*"):
        proof.unlink()
    zone.live.announce(part, "whatever")
    zone.seal()
    assert any(
        p.kind == "order" and p.path == part and "takes it for new" in p.detail
        for p in zone.verify().problems
    )


def test_what_was_put_there_or_taken_out_is_named(
    zone: Zone, made: list[Call], tmp_path: Path
) -> None:
    folder = zone.path(made[0], "audio").parent
    other = folder.with_name("31337")
    shutil.copytree(folder, other)
    planted = str(other.relative_to(zone.root))
    assert {p for p in problems(zone) if p[0] == "stray"} >= {
        ("stray", f"{planted}/audio"),
        ("stray", f"{planted}/record"),
    }
    shutil.rmtree(other)
    (folder / "audio-more.wav").write_bytes(b"x")
    assert problems(zone) == [("stray", f"{folder.relative_to(zone.root)}/audio-more.wav")]
    (folder / "audio-more.wav").unlink()
    shutil.rmtree(folder)
    assert problems(zone) == [("missing", zone.part(made[0], w)) for w in BOTH]


def test_only_an_anchor_shows_that_the_newest_checkpoints_were_cut_off(
    zone: Zone, made: list[Call]
) -> None:
    before = zone.verify().live_head
    shutil.copytree(zone.root, zone.folder / "before")
    zone.watch(made[3])
    anchor = zone.verify().live_head
    assert zone.verify(anchors=[before, anchor]).problems == ()
    zone.root = str(zone.folder / "before")
    assert [p.kind for p in zone.verify(anchors=[anchor]).problems] == ["anchor"]


def test_the_newest_checkpoint_is_missed_by_the_proofs_made_for_it(
    zone: Zone, made: list[Call]
) -> None:
    zone.watch(made[3])
    Path(zone.root, "_callveil/seals/00000002.json").unlink()
    assert ("gap", "_callveil/seals/00000002.json") in problems(zone)


def test_runs_that_a_checkpoint_names_cannot_be_cut_off(zone: Zone, made: list[Call]) -> None:
    zone.retain()
    control = Path(zone.root, "_callveil")
    for name in ("evidence", "manifests", "purged"):
        (control / name / "00000001.json").unlink(missing_ok=True)
    assert ("gap", "_callveil/evidence/00000001.json") in problems(zone)


def test_a_checkpoint_that_dies_anywhere_is_whole_once_repeated(
    zone: Zone, made: list[Call], tmp_path: Path
) -> None:
    zone.watch(made[3], seal=False)
    key = InteractionKey(made[2].account, made[2].id)
    old = zone.live.receipt(key, "record")
    assert old and zone.live.supersede(key, old | {"rank": old["rank"] + 1})
    step = 0
    while True:
        again = Zone(shutil.copytree(zone.folder, tmp_path / str(step)))
        again.files = CrashingFiles(step)
        try:
            again.seal()
            break
        except ProcessKilled:
            pass
        again.files = Files()
        assert problems(again) == [], f"step {step}"
        again.seal()
        report = again.verify()
        assert report.problems == () and report.parts == 8, f"step {step}"
        assert again.announced() == 0 and kinds(again) == {"new": 2, "superseded": 1}, (
            f"step {step}"
        )
        step += 1
    assert step >= 8


def test_checkpoints_at_once(zone: Zone, made: list[Call]) -> None:
    zone.watch(made[3], seal=False)
    faults: list[BaseException] = []

    def work() -> None:
        try:
            zone.seal()
        except BaseException as error:  # noqa: BLE001 - a thread's fault would go unseen
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert faults == []
    assert problems(zone) == [] and kinds(zone) == {"new": 2}


class _Counting(Files):
    """Counts what is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def list(self, folder: str) -> Any:
        self.asked["list"] += 1
        for info in super().list(folder):
            self.asked["listed"] += 1
            yield info

    def read(self, url: str, *a: Any, **k: Any) -> bytes:
        self.asked["read"] += 1
        return super().read(url, *a, **k)

    def info(self, url: str) -> Any:
        self.asked["info"] += 1
        return super().info(url)


def test_the_cost_follows_what_is_new(tmp_path: Path) -> None:
    costs = []
    for held in (20, 400):
        zone = Zone(tmp_path / str(held))
        Keyring.create(zone.keyring)
        zone.files.write(f"{zone.root}/_callveil/store.json", orjson.dumps({"format": 1}))
        for n in range(held + 5):
            if n == held:
                zone.seal()
                zone.files = _Counting()
            key = InteractionKey("7", str(n))
            receipt = {
                "what": "record",
                "account_id": "7",
                "id": str(n),
                "status": "rejected",
                "reason": "x",
                "file": "",
                "rank": 1,
                "object": "o",
            }
            assert zone.live.commit(key, "record", receipt)
        assert isinstance(zone.files, _Counting)
        zone.files.asked.clear()
        assert zone.seal().entries == 5
        costs.append(zone.files.asked)
        assert zone.verify().problems == ()
    assert costs[0] == costs[1]


def test_in_s3_nothing_is_left_of_announcements_and_old_proofs(
    tmp_path: Path, s3_server: S3Settings, s3_bucket: str, s3_client: Any
) -> None:
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    zone = Zone(tmp_path, files=Files(s3_server), root=f"s3://{s3_bucket}/zone/store")
    Keyring.create(zone.keyring)
    Store.open_or_create(zone.files, zone.root, zone.keyring)
    keys = [InteractionKey("7", str(n)) for n in range(3)]
    receipt = {"what": "record", "status": "rejected", "reason": "x", "file": "", "object": "o"}
    for rank in (1, 2):
        for key in keys:
            new = receipt | {"account_id": key.account_id, "id": key.id, "rank": rank}
            assert zone.live.commit(key, "record", new) or zone.live.supersede(key, new)
        assert zone.seal().entries == 3
    versions = s3_client.list_object_versions(Bucket=s3_bucket, Prefix="zone/store/live/")
    assert not [
        v for v in versions.get("Versions", ()) if "/unsealed/" in v["Key"]
    ] and not versions.get("DeleteMarkers")
    assert sum(".proof." in v["Key"] for v in versions["Versions"]) == 3
    report = verify_evidence(zone.files, zone.root, [key_of_tests()])
    assert report.problems == () and (report.checkpoints, report.parts) == (2, 3)
    s3_client.delete_object(Bucket=s3_bucket, Key="zone/store/live/calls/7/1/record.json")
    assert [p.path for p in verify_evidence(zone.files, zone.root, [key_of_tests()]).problems] == [
        "live/calls/7/1/record.json"
    ]


def test_the_command(
    zone: Zone,
    made: list[Call],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zone.watch(made[3], seal=False)
    given = ["--store", zone.root, "--keyring", zone.keyring]
    assert main(["evidence", "seal", *given, "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out) == {
        "seq": 2,
        "made": 1,
        "entries": 2,
        "refused": [],
    }
    assert main(["evidence", "seal", *given]) == 0 and "nothing is new" in capsys.readouterr().out
    assert main(["evidence", "head", *given]) == 0
    head = capsys.readouterr().out.splitlines()[-1]
    public = zone.folder / "public.pem"
    assert main(["evidence", "key", "--out", str(public)]) == 0
    monkeypatch.setenv("CALLVEIL_EVIDENCE_KEY", str(zone.folder / "nobody" / "key.pem"))
    assert (
        main(["evidence", "verify", "--store", zone.root, "--key", str(public), "--anchor", head])
        == 0
    )
    assert (
        f"2 checkpoints, 8 records and recordings of the live zone checked; head {head}"
        in capsys.readouterr().out
    )
    (Path(zone.path(made[3], "audio"))).write_bytes(b"silence")
    assert main(["evidence", "verify", "--store", zone.root, "--key", str(public)]) == 1
    assert "its SHA-256 is not the one that checkpoint 2 commits to" in capsys.readouterr().out
