"""Keys rotated and stores sealed anew while a watch and a receiver, which began long before, go on
writing; and in a bucket that keeps versions.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from support.filled_store import Filled, fill
from support.people_world import World, human, interaction
from support.sounds import chatter, file_of

from callveil.transforms.governance.rekey.retire import decide_retirement, retire_key
from callveil.transforms.governance.rekey.rewrap import rewrap_store
from callveil.transforms.governance.rekey.usage import count_key_uses
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.encrypted_file import MAGIC
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.inbox import Inbox

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=2)
POLICY = (
    "version: 1\nname: t\nextends: gdpr\ndetect: {model: none}\nentities: {PHONE_NUMBER: token}\n"
    "recordings: {original: seal, wait_seconds: 100, settle_seconds: 0}\n"
)


def test_a_watch_and_a_receiver_go_on(tmp_path: Path) -> None:
    world = World(tmp_path / "world", policy=POLICY)
    filled = Filled(world, str(tmp_path / "landing"), str(tmp_path / "inbox"))
    Keyring.create(world.keyring)
    Store.open_or_create(world.files, world.output, world.keyring)
    inbox = Inbox(world.files, filled.inbox, world.keys)
    rng, stop, failures = random.Random(3), threading.Event(), []

    def arrive() -> None:
        try:
            for n in range(10):
                record = interaction(rng, n, human(n)) | {
                    "outline": [
                        {"s": 0.2, "e": 0.8, "text": f"call {human(n).phones[0]}", "channel": 1}
                    ]
                }
                filled.sounds[record["id"]] = file_of("wav-mulaw-stereo", chatter(8000, 2, 1, n))
                world.files.write(
                    f"{filled.landing}/41/{record['id']}.wav", filled.sounds[record["id"]]
                )
                world.files.write(
                    f"{filled.landing}/41/{record['id']}.json", json.dumps(record).encode()
                )
                world.files.write(
                    f"{filled.landing}/41/bad{n}.json", b'{"account_id": 41, "called_at": "never"}'
                )
                filled.bodies.append(
                    json.dumps(interaction(rng, 100 + n, human(n)) | {"kind": "text"}).encode()
                )
                inbox.store(filled.bodies[-1])
                filled.watch()
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            stop.set()

    writer = threading.Thread(target=arrive, daemon=True)
    writer.start()
    rounds = 0
    while not stop.is_set() or rounds < 3:
        ring = Keyring.rotate(world.keyring, NOW, keep_digests=rounds % 2 == 0)
        rewrap_store(world.store, ring, NOW)
        rounds += 1
    writer.join()
    assert failures == [] and rounds >= 3
    filled.watch()
    ring = world.keys
    assert rewrap_store(world.store, ring, NOW).is_whole
    for key_id in ring.key_ids:
        if key_id != ring.active:
            verdict = decide_retirement(
                ring,
                key_id,
                [
                    u
                    for k, u in count_key_uses(world.store, ring, [filled.inbox]).items()
                    if k == key_id
                ],
                LATER,
            )
            assert verdict.refused == ()
            ring = retire_key(ring, key_id, verdict, NOW)
    assert filled.originals(ring) == filled.sounds and len(filled.sounds) == 10
    assert filled.posted(ring) == sorted(filled.bodies)
    assert len(filled.rejected(ring)) >= 10 and len(filled.values(ring)) >= 10
    assert len([r for r in filled.live.receipts() if r["status"] == "done"]) == 30
    assert (
        verify_evidence(Files(), world.output, [open_signer(world.keyring).public]).problems == ()
    )


def contents(client: Any, bucket: str) -> list[tuple[str, bytes]]:
    """Every object version of a bucket."""
    out = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for v in page.get("Versions", []):
            out.append(
                (
                    v["Key"],
                    client.get_object(Bucket=bucket, Key=v["Key"], VersionId=v["VersionId"])[
                        "Body"
                    ].read(),
                )
            )
    return out


@pytest.mark.integration
def test_no_version_is_left_under_an_old_key(
    tmp_path: Path, files: Files, s3_client: Any, s3_bucket: str
) -> None:
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    root = f"s3://{s3_bucket}"
    filled = fill(tmp_path / "world", files, f"{root}/store", f"{root}/landing", f"{root}/inbox")
    world, old = filled.world, filled.world.keys.active
    found, before = (
        filled.found(),
        [
            filled.originals(world.keys),
            filled.posted(world.keys),
            filled.rejected(world.keys),
            filled.values(world.keys),
        ],
    )
    ring = Keyring.rotate(world.keyring, NOW, keep_digests=True)
    # Somebody was killed between writing a file anew and purging what it was.
    body = next(iter(files.list(filled.inbox)))
    files.write(body.url, files.read(body.url))
    assert (
        count_key_uses(world.store, ring)[old].files["older versions"] == 0
        and count_key_uses(world.store, ring, [filled.inbox])[old].files["older versions"] == 1
    )
    assert rewrap_store(world.store, ring, NOW).is_whole
    marks = (MAGIC + bytes([len(old)]) + old.encode(), f":t1.{old}.".encode())
    assert [
        key for key, data in contents(s3_client, s3_bucket) if any(m in data for m in marks)
    ] == []
    verdict = decide_retirement(
        ring,
        old,
        [u for k, u in count_key_uses(world.store, ring, [filled.inbox]).items() if k == old],
        LATER,
    )
    after = retire_key(ring, old, verdict, NOW)
    assert [
        filled.originals(after),
        filled.posted(after),
        filled.rejected(after),
        filled.values(after),
    ] == before and filled.found() == found
    assert verify_evidence(files, world.output, [open_signer(world.keyring).public]).problems == ()
