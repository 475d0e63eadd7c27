"""Erasure in a versioned bucket: no version of anything that held the person is left, and a locked
one is told until it is free.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from support.live_people import populate, unsealed
from support.people_world import World, everything, human, interaction

from callveil.pipelines.subject import erase_request, search_request
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import is_table_metadata


def versions(client: Any, bucket: str) -> list[tuple[str, str]]:
    """Every object version and delete marker of a bucket."""
    out = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        out += [
            (v["Key"], v["VersionId"])
            for v in page.get("Versions", []) + page.get("DeleteMarkers", [])
        ]
    return sorted(out)


@pytest.mark.integration
def test_no_old_version_is_left(
    tmp_path: Path, files: Files, s3_client: Any, s3_bucket: str
) -> None:
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    world = World(tmp_path / "world", files, f"s3://{s3_bucket}/zone/store")
    rng = random.Random(4)
    who, other = human(1), human(2)
    world.redact([interaction(rng, n, (who, other)[n % 2]) for n in range(4)])
    held = {
        f.path for f in world.store.current().files if f.dataset in ("interactions", "findings")
    }
    request = world.ask("erasure", *who.phones, *who.emails)
    search_request(world.options(1), request.request_id)
    before = {key for key, _ in versions(s3_client, s3_bucket)}
    assert {f"zone/store/{path}" for path in held} <= before
    result = erase_request(world.options(2), request.request_id)
    assert (
        result.certified is not None
        and result.certified.residual_hits == 0
        and result.certified.locked == ()
    )
    after = versions(s3_client, s3_bucket)
    live = {f"zone/store/{f.path}" for f in world.store.current().files}
    data = [
        (key, version)
        for key, version in after
        if "_callveil/" not in key and not is_table_metadata(key.removeprefix("zone/store/"))
    ]
    assert {key for key, _ in data} == live and len(data) == len(
        live
    )  # one version of each, no delete markers
    for key, version in after:
        body = s3_client.get_object(Bucket=s3_bucket, Key=key, VersionId=version)["Body"].read()
        assert not any(
            v.encode() in text.lower() for text in everything(body, key) for v in who.values
        )


@pytest.mark.integration
def test_no_old_version_of_the_live_zone_is_left(
    tmp_path: Path, files: Files, s3_client: Any, s3_bucket: str
) -> None:
    s3_client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    made = populate(
        World(tmp_path / "world", files, f"s3://{s3_bucket}/zone/store"),
        f"s3://{s3_bucket}/zone/inbox",
    )
    made.ask()
    result = erase_request(made.world.options(2), "R")
    assert (
        result.certified is not None
        and result.certified.residual_hits == 0
        and result.certified.locked == ()
    )
    who, found = made.people[0].values, versions(s3_client, s3_bucket)
    for key, version in found:
        body = s3_client.get_object(Bucket=s3_bucket, Key=key, VersionId=version)["Body"].read()
        told = [
            *everything(body, key),
            *(
                [unsealed(made, key.partition("zone/store/")[2], body)]
                if key.endswith(".sealed")
                else []
            ),
        ]
        assert not [v for v in who for text in told if v.encode() in text.lower()], key
    zones = [
        key
        for key, _ in found
        if "/live/calls/" in key
        or "/live/rejected/" in key
        or "/live/subjects/" in key
        or "/inbox/" in key
    ]
    assert len(zones) == len(set(zones)) > 50  # one version of each, and no delete markers
