"""A store that weaker rules have filled is read again by stricter ones: what was planted is told,
covered, and gone; nothing else changes. Everything is generated."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.command_runs import AS_OF, PLAIN, Bench, call, leftovers, tree
from support.faults import CrashingFiles, ProcessKilled
from support.history_runs import assert_gone, version
from support.sounds import chatter, file_of

from callveil.pipelines.cli import main
from callveil.pipelines.exits import DONE, REJECTED, USAGE
from callveil.pipelines.history import HistoryOptions, run_history
from callveil.pipelines.rescan import RescanOptions, RescanResult, run_rescan
from callveil.pipelines.watch import WatchOptions, run_once
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.engine import DetectionFailed, Detector
from callveil.transforms.governance.requests.current_rows import current_entries as live_entries
from callveil.transforms.jobs.rescan.report import count_kinds
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.identity.record_identifiers import interaction_ref, record_token
from callveil.transforms.storage.index.identifier_index import lookup_entries

CARD = "4539 9103 1776 4670"
WEAK = (
    PLAIN
    + """label: '<{entity}>'
thresholds: {PHONE_NUMBER: 1.0, EMAIL_ADDRESS: 1.0}
entities: {CREDIT_CARD: keep}
recordings: {wait_seconds: 0}
"""
)
STRICT = PLAIN + "label: '<{entity}>'\nrecordings: {wait_seconds: 0}\n"
LAX = STRICT + "entities: {PHONE_NUMBER: keep, EMAIL_ADDRESS: keep, PERSON: keep}\n"
RELABELLED = PLAIN + "recordings: {wait_seconds: 0}\n"
MASKED = STRICT + "entities: {PHONE_NUMBER: {operator: mask, keep_last: 4}}\n"
LATER = AS_OF.replace(day=20)
CALLS, VERSIONS = 5, 4


def phone(n: int) -> str:
    return f"628-555-01{n:02d}"


def mail(n: int) -> str:
    return f"x{n}.zofia@mail.example"


def recorded(n: int) -> dict[str, Any]:
    said = [{"text": f"it is {CARD} and {phone(n)}", "channel": 1, "s": 0.1, "e": 0.9}]
    return call(n, outline=said, duration=1)


PLANTED = [CARD, *(f(n) for n in range(30) for f in (phone, mail))]


def fill(bench: Bench) -> None:
    """Calls, versions, and what arrived at a watch, all under the weak policy."""
    quiet = call(90, notes="the door is green")
    rows = [
        call(n, notes={"reach": f"ring {phone(n)} or {mail(n)}", "k": n}, summary=f"took {CARD}")
        for n in range(CALLS)
    ]
    bench.run([*rows, quiet], policy=WEAK)
    weak = load_policy(bench.policy(WEAK))
    log = bench.root / "versions.jsonl"
    found = [
        version(
            version_id=str(n),
            item_id=str(n),
            changes=[
                {"field": "comment", "before": None, "after": f"ring {phone(10 + n)}"},
                {"field": "color", "before": "red", "after": "blue"},
            ],
            object={"settings": {"note": f"or {mail(10 + n)}"}},
        )
        for n in range(VERSIONS)
    ]
    found.append(version(version_id="90", changes=[{"field": "color", "before": 1, "after": 2}]))
    log.write_text("\n".join(map(json.dumps, found)))
    keyring = str(bench.keyring)
    run_history(HistoryOptions([str(log)], bench.output, weak, AS_OF, keyring=keyring))
    landed = bench.root / "calls" / "41"
    landed.mkdir(parents=True)
    for n in (20, 21):
        (landed / f"{7_000_000_000 + n}.json").write_text(json.dumps(recorded(n)))
    (landed / f"{7_000_000_020}.wav").write_bytes(
        file_of("wav-mulaw-stereo", chatter(8000, 2, 1.0, 1))
    )
    run_once(
        WatchOptions(bench.output, weak, (str(landed.parent),), keyring=keyring), time.time() + 100
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The store; to be copied, never changed."""
    bench = Bench(tmp_path_factory.mktemp("rescan") / "bench")
    fill(bench)
    return bench


@pytest.fixture
def copied(filled: Bench, tmp_path: Path) -> Callable[..., Bench]:
    """Makes copies of it."""

    def copy(name: str, files: Files | None = None) -> Bench:
        root = tmp_path / name / "bench"
        shutil.copytree(filled.output, root / "store")
        shutil.copy(filled.keyring, root.parent / "keyring.json")
        return Bench(root, files or Files())

    return copy


def rescan(bench: Bench, policy: str = STRICT, apply: bool = True, **more: Any) -> RescanResult:
    options = RescanOptions(
        bench.output,
        LATER,
        load_policy(bench.policy(policy)) if policy else None,
        apply,
        keyring=str(bench.keyring),
        files=bench.files,
        progress=False,
    )
    return run_rescan(replace(options, **more))


def found(result: RescanResult) -> dict[tuple[str, str, str], tuple[int, int]]:
    return {tuple(kind): (n, rows) for kind, n, rows in count_kinds(result.counts)}


WANTED = {
    ("interactions", "notes{}", "PHONE_NUMBER"): (CALLS, CALLS),
    ("interactions", "notes{}", "EMAIL_ADDRESS"): (CALLS, CALLS),
    ("interactions", "summary", "CREDIT_CARD"): (CALLS, CALLS),
    ("versions", "changes[].after", "PHONE_NUMBER"): (VERSIONS, VERSIONS),
    ("versions", "object[].value", "EMAIL_ADDRESS"): (VERSIONS, VERSIONS),
    ("live", "outline[].text", "CREDIT_CARD"): (2, 2),
    ("live", "outline[].text", "PHONE_NUMBER"): (2, 2),
}


def intact(bench: Bench) -> None:
    """Nothing is left behind, and evidence holds."""
    assert verify_integrity(bench.store) == [] and leftovers(Path(bench.output)) == []
    report = verify_evidence(Files(), bench.output, [open_signer().public])
    assert report.problems == (), [str(p) for p in report.problems]


def test_looking_tells_by_kind_and_changes_nothing(filled: Bench) -> None:
    before = tree(Path(filled.output))
    result = rescan(filled, apply=False)
    assert found(result) == WANTED and (result.seq, result.unread) == (0, ())
    assert result.audible == (("41", "7000000020"),)  # the other one has no recording
    assert not found(rescan(filled, "", apply=False))  # by the policy that filled it
    assert tree(Path(filled.output)) == before


def test_what_was_planted_is_covered_once_and_nothing_else_changes(
    copied: Callable[..., Bench],
) -> None:
    bench = copied("one")
    before, versions = bench.rows(), bench.rows("versions")
    findings = bench.rows("findings")
    result = rescan(bench)
    assert found(result) == WANTED and result.seq == 3
    for planted in PLANTED:
        assert_gone(Path(bench.output), planted.encode())
    for old, new in zip(before, bench.rows(), strict=True):
        same = old["id"] == "7000000090"
        assert (old == new) is same
        if not same:
            assert new["notes"].startswith('{"reach":"ring <PHONE_NUMBER> or <EMAIL_ADDRESS>",')
            assert new["summary"] == "took <CREDIT_CARD>" and new["name"] == old["name"]
            assert {"CREDIT_CARD", "PERSON"} <= set(new["redacted_entities"])
            assert {"name", "notes", "summary"} <= set(new["redacted_fields"])
    assert sum(a == b for a, b in zip(versions, bench.rows("versions"), strict=True)) == 1
    added = [f for f in bench.rows("findings") if f not in findings]
    assert len(added) == 3 * CALLS and {(f["trigger"], f["run_id"]) for f in added} == {
        ("auto", result.run_id)
    }
    manifest = bench.store.manifest(3)
    assert manifest.job == "rescan" and len(manifest.inputs[0]["rescanned"]) == 2
    intact(bench)
    done = tree(Path(bench.output))
    # A laxer policy brings nothing back, and labels of another form are no values.
    for policy in (STRICT, "", LAX, WEAK, RELABELLED):
        again = rescan(bench, policy)
        assert not found(again) and again.seq == 0
        assert tree(Path(bench.output)) == done


def test_a_record_of_watch_is_put_in_the_place_of_the_old_one(copied: Callable[..., Bench]) -> None:
    bench = copied("live")
    live, key = Live(Files(), bench.output), InteractionKey("41", "7000000021")
    old = live.receipt(key, "record")
    result = rescan(bench)
    new = live.receipt(key, "record")
    assert old and new and new["rescanned"] == result.run_id and new["file"] != old["file"]
    token = record_token(Keyring.load(str(bench.keyring)), interaction_ref(key))
    assert bench.store.manifest(3).inputs[0]["rescanned"][token] == new["sha256"]
    document = json.loads(Path(live.folder(key), new["file"]).read_text())
    assert document["interaction"]["outline"][0]["text"] == "it is <CREDIT_CARD> and <PHONE_NUMBER>"
    assert new["findings"] == len(document["findings"]) == old["findings"] + 2
    assert new["spans"] and len(new["spans"]) > len(old["spans"])  # for a recording that comes late
    # Nobody else's change passes for a rescan's.
    assert live.swap(key, new, new | {"rescanned": "0" * 64, "findings": 0})
    sealed = write_checkpoint(bench.store, Keyring.load(str(bench.keyring)), LATER)
    assert sealed.refused == (live.part(key, "record"),)


def test_what_a_mask_has_kept_goes_under_a_policy_without_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench")
    bench.run([call(1, notes=f"ring {phone(1)}")], policy=MASKED)
    assert bench.rows()[0]["caller_number"].endswith("0123")
    assert not found(rescan(bench, MASKED))
    assert found(rescan(bench)) == {("interactions", "caller_number", "PHONE_NUMBER"): (1, 1)}
    assert bench.rows()[0]["caller_number"] == "<PHONE_NUMBER>"
    assert rescan(bench).seq == 0


def test_who_is_in_what_was_covered_late_is_still_found(copied: Callable[..., Bench]) -> None:
    bench = copied("people")
    keyring = Keyring.load(str(bench.keyring))
    wanted = {
        ids.identifier_token(keyring, Identifier("phone", f"+1628555010{n}")) for n in range(CALLS)
    }
    caller = ids.identifier_token(keyring, Identifier("phone", "+14155550123"))

    def held() -> dict[str, set[str]]:
        entries = lookup_entries(
            bench.files, bench.output, bench.store.current(), {*wanted, caller}
        )
        entries = live_entries(bench.files, bench.output, bench.store.current(), entries)
        return {
            t: {e.record_id for e in entries if e.token == t} for t in {e.token for e in entries}
        }

    before = held()
    assert wanted.isdisjoint(before) and len(before[caller]) == CALLS + 1
    rescan(bench)
    assert held() == before | {t: found for t, found in held().items() if t in wanted}
    assert wanted <= held().keys()


def fail_on_some(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """Detection of one row of each kind fails for `reason`."""
    run, bad = Detector.run, [phone(n) for n in (1, 11, 21)]

    def failing(self: Detector, views: Any, language: str, *budget: Any) -> Any:
        views = list(views)
        for view, tag in views:
            if any(b in view.text for b in bad):
                yield tag, DetectionFailed("it failed", reason)
        good = [(v, t) for v, t in views if not any(b in v.text for b in bad)]
        yield from run(self, good, language, *budget)

    monkeypatch.setattr(Detector, "run", failing)


def test_a_row_that_another_try_may_read_stays(
    copied: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench = copied("retryable")
    fail_on_some(monkeypatch, "timed_out")
    words = ["rescan", "--store", bench.output, "--policy", bench.policy(STRICT), "--no-progress"]
    words += ["--keyring", str(bench.keyring), "--as-of", LATER.isoformat(), "--json", "--apply"]
    assert main(words) == REJECTED
    told = json.loads(capsys.readouterr().out)
    assert [r["reason"] for r in told["rows_unread"]] == ["timed_out"] * 3
    assert "7000000001" in {r["id"] for r in bench.rows()} and bench.rows("rejected") == []
    monkeypatch.undo()
    assert main(words) == DONE
    for n in (1, 11, 21):
        assert_gone(Path(bench.output), phone(n).encode())
    intact(bench)


def test_a_row_that_cannot_be_read_again_is_named_and_leaves(
    copied: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its detection fails, for one row of each kind; the others are covered all the same."""
    bench = copied("unread")
    fail_on_some(monkeypatch, "detection_failed")
    words = ["rescan", "--store", bench.output, "--policy", bench.policy(STRICT), "--no-progress"]
    words += ["--keyring", str(bench.keyring), "--as-of", LATER.isoformat(), "--json"]
    assert main(words) == REJECTED
    looked = json.loads(capsys.readouterr().out)
    assert main([*words, "--apply"]) == REJECTED
    told = json.loads(capsys.readouterr().out)
    names = [(r["zone"], r["account_id"], r["id"], r["reason"]) for r in told["rows_unread"]]
    reason = "detection_failed"
    assert names == [
        ("interactions", "41", "7000000001", reason),
        ("live", "41", "7000000021", reason),
        ("versions", "41", "1", reason),
    ]
    assert looked["rows_unread"] == told["rows_unread"] and looked["found"] == told["found"]
    assert told["rows_affected"] == {"interactions": CALLS - 1, "versions": VERSIONS - 1, "live": 1}
    for n in (1, 11, 21):
        assert_gone(Path(bench.output), phone(n).encode())
    receipt = Live(Files(), bench.output).receipt(InteractionKey("41", "7000000021"), "record")
    assert receipt and receipt["status"] == "rejected" and receipt["file"] == ""
    assert [r["reason"] for r in bench.rows("rejected")] == [reason] * 3
    intact(bench)
    bench.run([call(1, notes="again")], policy=STRICT, as_of=LATER)
    assert "7000000001" not in {r["id"] for r in bench.rows()}  # no replay brings it back
    assert main([*words, "--apply"]) == DONE


def comparable(bench: Bench) -> dict[str, str]:
    """All files of a store but those whose bytes hold salts, or tell how much a purge has found."""
    salted = tuple(f"_callveil/{name}/" for name in ("evidence", "salts", "seals", "purged"))
    shown = {p: s for p, s in tree(Path(bench.output)).items() if ".proof." not in p}
    return {p: "" if p.startswith(salted) else s for p, s in shown.items()}


def test_killed_anywhere_and_repeated_it_ends_as_if_it_had_not_been(
    copied: Callable[..., Bench],
) -> None:
    counting = CrashingFiles(10**9)
    clean = copied("clean", counting)
    rescan(clean)
    wanted, total = comparable(clean), next(counting._done)
    finished = 0
    for step in range(1, total, 4):
        bench = copied(f"at-{step}", CrashingFiles(step))
        with pytest.raises((ProcessKilled, RuntimeError)):
            rescan(bench)
        bench.files = Files()
        finished += rescan(bench).finished
        left = comparable(bench)
        differ = {p for p in wanted.keys() | left.keys() if wanted.get(p) != left.get(p)}
        assert not differ, (step, total, sorted(differ))
        intact(bench)
        shutil.rmtree(bench.root)
    assert 0 < finished < total // 4  # killed after publishing, and before


def test_a_run_that_came_first_is_read_too(
    copied: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run published between reading and publishing: all is read anew, nothing is left over."""
    from callveil.pipelines import rescan as job

    bench, execute, runs = copied("race"), job._execute, []

    def raced(options: RescanOptions, work: Any) -> Any:
        out = execute(options, work)
        if not runs:
            runs.append(bench.run([call(70, notes=f"ring {phone(29)}")], policy=WEAK))
        return out

    monkeypatch.setattr(job, "_execute", raced)
    result = rescan(bench)
    assert result.seq == 4
    assert found(result)["interactions", "notes", "PHONE_NUMBER"] == (1, 1)
    for planted in PLANTED:
        assert_gone(Path(bench.output), planted.encode())
    intact(bench)


def test_the_command_says_what_it_needs(
    tmp_path: Path, filled: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["rescan", "--store", filled.output, "--no-progress", "--keyring"]
    assert main([*words, str(tmp_path / "none.json")]) == USAGE
    assert "none.json" in capsys.readouterr().err
    assert (
        main(["rescan", "--store", str(tmp_path / "none"), "--keyring", str(filled.keyring)]) == 1
    )
    assert main([*words, str(filled.keyring), "--policy", filled.policy(STRICT)]) == DONE
    said = capsys.readouterr().out
    assert "would be covered" in said and "callveil audio redact" in said and "--apply" in said
    assert not any(planted in said for planted in PLANTED)
