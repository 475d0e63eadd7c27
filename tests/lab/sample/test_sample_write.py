"""Written samples: readable by ingest, broken where said, equal bytes for equal arguments."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.interaction import RawInteraction, SourceRef
from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import REASONS, Rejected
from callveil.transforms.ingest.accounts import read_accounts
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.lab.sample.malform import CLASSES, class_of, malform_record
from callveil.transforms.lab.sample.records import Sample
from callveil.transforms.lab.sample.write import FORMATS, SampleSummary, write_sample
from callveil.transforms.storage.files.filesystem import Files

SMALL = InputLimits(record_bytes=60_000, field_chars=20_000, depth=32)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    out = tmp_path_factory.mktemp("sample") / "day"
    return out, write_sample(out, 5, 1200, accounts=30, malformed=0.05, gold=True)


def read(folder: Path) -> tuple[list[RawInteraction], list[Rejected]]:
    files = Files()
    chunks, _ = plan_chunks(files, [str(folder)])
    good: list[RawInteraction] = []
    bad: list[Rejected] = []
    for chunk in chunks:
        for r in read_chunk(files, chunk, InputLimits()):
            if isinstance(r, RawInteraction):
                good.append(r)
            else:
                bad.append(r)
    return good, bad


def test_what_was_written_is_read_and_what_was_broken_is_rejected(
    written: tuple[Path, SampleSummary],
) -> None:
    out, summary = written
    good, bad = read(out / "interactions")
    gold = {
        (g["account_id"], g["id"])
        for g in map(orjson.loads, (out / "gold.jsonl").read_bytes().splitlines())
    }
    assert {tuple(r.key) for r in good} == gold
    assert len(good) == summary.records
    notes = {
        (n["file"], n["line"]): n
        for n in map(orjson.loads, (out / "malformed.jsonl").read_bytes().splitlines())
    }
    assert len(gold) + len(notes) == summary.interactions
    found = {(f"interactions/{r.source.file.rpartition('/')[2]}", r.source.line): r for r in bad}
    assert found.keys() == notes.keys()
    for place, note in notes.items():
        assert found[place].reason in note["reasons"], (note["class"], found[place])
        if note["id"] and found[place].interaction_id:
            assert found[place].interaction_id == note["id"]
    assert Counter(r.kind for r in {tuple(r.key): r for r in good}.values()) == summary.kinds


def test_accounts_are_read(written: tuple[Path, SampleSummary]) -> None:
    out, summary = written
    accounts = read_accounts(Files(), [str(out / "accounts.jsonl")])
    assert len(accounts) == summary.account_versions
    assert {a.type for a in accounts} == {"individual", "agency"}


def test_all_formats_are_there_and_say_they_are_generated(
    written: tuple[Path, SampleSummary],
) -> None:
    out, summary = written
    assert set(summary.formats) == set(FORMATS)
    assert "generated" in (out / "README.txt").read_text()
    assert summary.files == sum(p.is_file() for p in out.rglob("*"))
    line = (out / "interactions" / "calls-0000.jsonl").read_bytes().splitlines()[0]
    assert b'"generated sample"' in line


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sample(tmp_path / name / "x", 9, 300, malformed=0.1, gold=True)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_progress_counts_thousands(tmp_path: Path) -> None:
    seen: list[int] = []
    write_sample(tmp_path / "x", 1, 2000, formats=("jsonl",), progress=seen.append)
    assert seen == [1000, 2000]


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path / "x", 1, 1)
    with pytest.raises(FileExistsError, match="not empty"):
        write_sample(tmp_path / "x", 1, 1)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        ({"formats": ("csv",)}, "unknown format"),
        ({"formats": ()}, "no format"),
        ({"malformed": 2.0}, "share"),
        ({"malformed": 0.1, "formats": ("pages",)}, "line format"),
    ],
)
def test_impossible_arguments_are_refused(
    tmp_path: Path, bad: dict[str, object], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        write_sample(tmp_path / "x", 1, 10, **bad)  # type: ignore[arg-type]


@given(st.integers(0, 2**32), st.sampled_from(sorted(CLASSES)))
@settings(max_examples=300)
def test_every_class_is_rejected_with_a_reason_that_is_right(seed: int, kind: str) -> None:
    from callveil.schemas.fields import FieldError
    from callveil.transforms.ingest.normalise import normalize_interaction
    from callveil.transforms.storage.files.strict_json import ParseError, load_json

    rng = random.Random(seed)
    sound = Sample(seed, accounts=5).interaction(seed % 1000, gold=False)
    broken = malform_record(rng, sound.snapshots[sound.final], kind, SMALL)
    assert set(broken.reasons) <= set(REASONS)
    assert b"\n" not in broken.line
    if kind == "huge_record":
        assert len(broken.line) > SMALL.record_bytes
        return
    try:
        normalize_interaction(load_json(broken.line), SourceRef("x"), SMALL)
    except (FieldError, ParseError) as e:
        assert e.reason in broken.reasons, kind
    else:
        pytest.fail(f"{kind} was accepted")


def test_unknown_class_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown class"):
        malform_record(random.Random(0), {"id": 1, "account_id": 2}, "cursed")


def test_huge_ones_are_rare_but_come_early() -> None:
    kinds = [class_of(i) for i in range(2000)]
    assert set(kinds[:16]) == set(CLASSES)
    assert kinds.count("huge_record") <= 6 and kinds.count("huge_field") <= 21
