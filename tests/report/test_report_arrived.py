"""The redaction report of a store that `callveil watch` filled: findings, rejections and recordings
of its live zone.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
from support.landed_calls import calls, land

from callveil.pipelines.cli import main
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.requests.raw_sources import raw_records
from callveil.transforms.redact.interaction_redaction import INPUT
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.serialization import dumps
from callveil.transforms.storage.format1.live import Live


def test_what_arrived_is_in_the_redaction_report(tmp_path: Path) -> None:
    landed = calls(tmp_path / "sample", 3, seconds=20)
    for call in landed:
        land(tmp_path / "in", call)
    (tmp_path / "in" / "1").mkdir(exist_ok=True)
    (tmp_path / "in" / "1" / "broken.wav").write_bytes(b"not a recording")
    for path in (tmp_path / "in").rglob("*.*"):
        os.utime(path, (time.time() - 60,) * 2)
    store, keyring = str(tmp_path / "store"), ["--keyring", str(tmp_path / "keyring.json")]
    (tmp_path / "policy.yaml").write_text(
        "version: 1\nname: arrived\nextends: gdpr\nrecordings: {wait_seconds: 1}\n"
    )
    given = [
        "--input",
        str(tmp_path / "in"),
        "--output",
        store,
        "--once",
        "--policy",
        str(tmp_path / "policy.yaml"),
    ]
    assert main(["watch", *given, *keyring]) == 3
    assert (
        main(
            [
                "report",
                "redaction",
                "--store",
                store,
                "--out",
                str(tmp_path / "out"),
                "--csv",
                *keyring,
            ]
        )
        == 0
    )
    rows = pq.read_table(tmp_path / "out" / "redaction.parquet").to_pylist()
    live, expected = Live(Files(), store), {}
    for call in landed:
        key = InteractionKey(call.account, call.id)
        receipt = live.receipt(key, "record")
        document = json.loads((Path(live.folder(key)) / receipt["file"]).read_bytes())
        expected[key] = (len(document["findings"]), receipt["sha256"])
    done = [r for r in rows if r["status"] != "rejected"]
    keys = Keyring.load(keyring[1])
    inputs = {
        raw.key: keys.hmac(INPUT, dumps(raw.record))
        for raw in raw_records(Files(), [str(tmp_path / "in")])
    }
    for key, (count, sha256) in expected.items():
        own = [r for r in done if (r["account_id"], r["interaction_id"]) == key]
        assert len(own) == count > 0
        assert {(r["output_sha256"], r["input_sha256"], r["policy_version"]) for r in own} == {
            (sha256, inputs[key], "arrived")
        }
    assert len(done) == sum(n for n, _ in expected.values())
    assert [r["failure_reason"] for r in rows if r["status"] == "rejected"] == ["bad_audio"]
    page = (tmp_path / "out" / "redaction.html").read_text()
    assert '<span class="label">Recordings redacted</span> <span class="value">3</span>' in page
    assert (
        main(
            [
                "report",
                "redaction",
                "--store",
                store,
                "--out",
                str(tmp_path / "one"),
                "--account",
                landed[0].account,
                *keyring,
            ]
        )
        == 0
    )
    assert {
        r["account_id"] for r in pq.read_table(tmp_path / "one" / "redaction.parquet").to_pylist()
    } == {landed[0].account}
