"""An authority outside says when the newest records were there; verified offline with its
certificates.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from support.evidence_stores import check, empty_run
from support.live_zones import Zone
from support.timestamp_authority import Authority

from callveil.pipelines.cli import main
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.report.verify.timestamp import (
    AnchorError,
    read_certificates,
    timestamp_chains,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files

pytestmark = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl answers as the timestamp authority"
)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """An authority that answers."""
    made = Authority(tmp_path / "tsa")
    yield made
    made.close()


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A store with two runs and a checkpoint."""
    zone = Zone(tmp_path / "zone")
    Keyring.create(zone.keyring)
    store = Store.open_or_create(Files(), zone.root, zone.keyring)
    empty_run(store, "a")
    empty_run(store, "b")
    receipt = {
        "what": "record",
        "account_id": "7",
        "id": "1",
        "status": "rejected",
        "reason": "x",
        "file": "",
        "rank": 1,
        "object": "o",
    }
    zone.live.commit(InteractionKey("7", "1"), "record", receipt)
    zone.seal()
    return zone


def test_both_chains_are_timestamped_and_checked_offline(
    zone: Zone, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--store", zone.root, "--keyring", zone.keyring]
    assert (
        main(
            [
                "evidence",
                "anchor",
                *given,
                "--tsa",
                authority.url,
                "--tsa-cert",
                str(authority.ca),
                "--json",
            ]
        )
        == 0
    )
    made = orjson.loads(capsys.readouterr().out)["timestamps"]
    assert [(m["chain"], m["seq"]) for m in made] == [("run", 2), ("live", 1)]
    assert abs(dt.datetime.fromisoformat(made[0]["at"]) - dt.datetime.now(dt.UTC)) < dt.timedelta(
        minutes=2
    )
    authority.close()  # from here on nobody answers
    empty_run(zone.store, "c")
    report = check(zone.root, authorities=read_certificates([authority.ca]))
    assert report.problems == () and {(t.chain, t.seq, t.head) for t in report.timestamps} == {
        (m["chain"], m["seq"], m["head"]) for m in made
    }
    unchecked = check(zone.root)
    assert (
        unchecked.problems == ()
        and unchecked.timestamps == ()
        and sum(n.kind == "anchor" for n in unchecked.notes) == 2
    )
    assert main(["evidence", "verify", *given, "--tsa-cert", str(authority.ca)]) == 0
    assert "_callveil/evidence/00000002.json was there at " in capsys.readouterr().out
    assert main(["evidence", "verify", *given, "--tsa-cert", zone.keyring]) == 1
    assert "cannot be read as certificates" in capsys.readouterr().err


def test_what_does_not_hold_is_named(zone: Zone, authority: Authority, tmp_path: Path) -> None:
    certificates = read_certificates([authority.ca])
    run, live = timestamp_chains(zone.store, authority.url, certificates)
    stranger = Authority(tmp_path / "stranger")
    stranger.close()
    assert {
        (p.kind, p.path)
        for p in check(zone.root, authorities=read_certificates([stranger.ca])).problems
    } == {
        ("anchor", run.path),
        ("anchor", live.path),
    }
    path = Path(zone.root, run.path)
    data = path.read_bytes()
    for changed in (data[:-1], bytes([*data[:40], data[40] ^ 1, *data[41:]]), b""):
        path.write_bytes(changed)
        assert [p.path for p in check(zone.root, authorities=certificates).problems] == [run.path]
    path.write_bytes(data)
    other = path.with_name(path.name.replace("run-00000002", "run-00000001"))
    path.rename(other)
    assert [(p.kind, p.path) for p in check(zone.root, authorities=certificates).problems] == [
        ("anchor", str(other.relative_to(zone.root)))
    ]
    other.rename(path)
    for name in ("evidence/00000002", "manifests/00000002", "purged/00000002"):
        Path(zone.root, f"_callveil/{name}.json").unlink()
    assert any(
        p.path == run.path and "cut off" in p.detail
        for p in check(zone.root, authorities=certificates).problems
    )


def test_answers_that_are_of_no_use_are_not_kept(
    zone: Zone, authority: Authority, tmp_path: Path
) -> None:
    first = timestamp_chains(zone.store, authority.url)[0]
    kept = sorted(Path(zone.root, "_callveil/anchors").iterdir())
    for url, said in (
        (authority.url.replace("/tsr", "/else"), "no timestamp"),
        ("http://127.0.0.1:9/tsr", "cannot be reached"),
        ("ftp://x/tsr", "http or https"),
    ):
        with pytest.raises(AnchorError, match=said):
            timestamp_chains(zone.store, url)
    authority.replayed = Path(zone.root, first.path).read_bytes()
    with pytest.raises(AnchorError, match="another question"):
        timestamp_chains(zone.store, authority.url)
    authority.replayed = b""
    stranger = Authority(tmp_path / "stranger")
    stranger.close()
    with pytest.raises(AnchorError, match="does not hold"):
        timestamp_chains(zone.store, authority.url, read_certificates([stranger.ca]))
    assert sorted(Path(zone.root, "_callveil/anchors").iterdir()) == kept
    assert main(["evidence", "anchor", "--store", zone.root, "--tsa", "http://127.0.0.1:9/"]) == 1
