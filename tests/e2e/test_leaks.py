"""Nothing that was planted in the input can be read in anything a run wrote: data, footers,
statistics, logs, temporary files.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from support.command_runs import Finished, callveil, rows
from support.leak_scan import (
    GLOBAL_TYPES,
    Hit,
    Planted,
    fold,
    kept_digits,
    scan,
    scan_text,
    unpacked,
)

from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.filesystem import Files


@pytest.fixture(scope="module")
def planted(finished: Finished) -> Planted:
    return Planted.of(finished.gold, kept_digits(finished.folder / "day", finished.gold))


@pytest.fixture(scope="module")
def hits(finished: Finished, planted: Planted) -> list[Hit]:
    return scan(finished.store, planted)


def told(hits: list[Hit]) -> str:
    """Format the message of a failed test. The values are generated, so they may be shown."""
    lines = [f"{h.path} {h.where}: {h.type} {h.key} {h.account_id}/{h.id} {h.text!r}" for h in hits]
    return "\n".join(
        [
            f"{len(hits)} hits: {Counter((h.type, h.where) for h in hits).most_common(8)}",
            *lines[:40],
        ]
    )


def test_the_scanner_would_see_them(finished: Finished, planted: Planted, tmp_path: Path) -> None:
    """The same scan over the input finds what was planted there, in every kind of file, so that an
    empty result means something.
    """
    seen = scan(finished.folder / "day" / "interactions", planted)
    assert {h.type for h in seen} >= GLOBAL_TYPES
    assert {Path(h.path).suffix for h in seen} >= {".jsonl", ".zst", ".gz", ".json", ".parquet"}
    assert sum(1 for h in seen if h.forbidden) > 500
    assert {h.where for h in seen if h.path.endswith(".parquet")} >= {"footer"}, (
        "the sample's Parquet has statistics, and they are searched"
    )


def test_no_planted_value_is_left_in_the_store(hits: list[Hit]) -> None:
    left = [h for h in hits if h.forbidden]
    assert not left, told(left)


def test_no_planted_value_is_printed_or_logged(finished: Finished, planted: Planted) -> None:
    left = scan_text("stdout", finished.process.stdout, planted) + scan_text(
        "stderr", finished.process.stderr, planted
    )
    assert not left, told(left)


def test_no_planted_value_is_left_in_temporary_files(finished: Finished, planted: Planted) -> None:
    left = scan(finished.folder / "tmp", planted)
    assert not left, told(left)


def test_the_content_of_rejected_records_cannot_be_read(finished: Finished) -> None:
    """Broken lines hold whole records; their bytes, and each longer piece of text in them, may
    stand nowhere.
    """
    pieces: dict[str, str] = {}
    for broken in finished.malformed:
        lines = dict(enumerate(opened(finished.folder / "day" / broken["file"]).split(b"\n"), 1))
        text = lines[broken["line"]].decode("utf-8", "replace")
        pieces.update(
            {
                fold(p): broken["class"]
                for p in re.findall(r'"([^"\\]{12,60})"', text)
                if " " in p or "@" in p
            }
        )
    assert len(pieces) > 20 and len(set(pieces.values())) > 5
    kept = {fold(n) for n in kept_words(finished)}
    searched = 0
    for path in sorted(
        p
        for p in finished.store.rglob("*")
        if p.is_file() and p.suffix in (".sealed", ".parquet") and "rejected" in str(p)
    ):
        for where, data in unpacked(path):
            searched += len(data)
            text = fold(data.decode("utf-8", "replace"))
            for piece in pieces.keys() - kept:
                assert piece not in text, (
                    f"{path.name} {where}: content of a {pieces[piece]} record: {piece!r}"
                )
    assert searched > 1000


def test_rejected_content_comes_back_with_the_keyring_alone(
    finished: Finished, tmp_path: Path
) -> None:
    out = tmp_path / "mend.jsonl"
    words = ("rejected", "export", "--store", str(finished.store), "--out", str(out), "--keyring")
    given = callveil(*words, finished.env["CALLVEIL_KEYRING"], env=finished.env)
    assert given.returncode == 0, given.stderr
    assert len(out.read_bytes().splitlines()) >= len(finished.malformed)
    assert out.stat().st_mode & 0o777 == 0o600
    assert "@" not in given.stdout
    other = tmp_path / "other.jsonl"
    refused = callveil(
        *words[:-2], str(other), "--keyring", str(tmp_path / "none.json"), env=finished.env
    )
    assert refused.returncode == 2 and not (other.exists() and other.read_bytes())


def test_the_scan_left_the_store_whole(finished: Finished, hits: list[Hit]) -> None:
    assert verify_integrity(Store.open(Files(), str(finished.store))) == []


def opened(path: Path) -> bytes:
    """A sample file's lines, unpacked."""
    return max((data for _, data in unpacked(path)), key=len)


def kept_words(finished: Finished) -> set[str]:
    """Texts that rejected rows may hold because they are callveil's own: reasons' details, file and
    field names.
    """
    return {
        str(v)
        for r in rows(Store.open(Files(), str(finished.store)), "rejected")
        for v in r.values()
        if v is not None
    }
