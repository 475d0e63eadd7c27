"""The stream gives the history that a batch over the same versions gives, however they arrive.
Everything is generated.

The bundle-based runner is the one of Beam's own that plays a TestStream element by element.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream as Played
from apache_beam.testing.util import assert_that
from apache_beam.transforms.window import TimestampedValue
from support.history_runs import AS_OF, Redact, policy, version

from callveil.schemas.account import AccountBook
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RedactedVersion
from callveil.transforms.jobs.batch.context import RedactJob
from callveil.transforms.jobs.history.stream import (
    REJECTED,
    RedactVersions,
    TrackChanges,
    entry_digest_text,
    key_by_object,
    latest_by_key,
)
from callveil.transforms.redact.engine import RunColumns
from callveil.transforms.redact.versions.timeline import history_of
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot


def streaming() -> PipelineOptions:
    """Options of an unbounded pipeline."""
    options = PipelineOptions([])
    options.view_as(StandardOptions).streaming = True
    return options


def rows() -> list[dict[str, Any]]:
    """Versions of three objects, two of them told only as states before a change."""
    out = []
    for item in (1, 2, 3):
        for n in range(4):
            members: dict[str, Any] = (
                {"changes": {"color": [n, n + 1]}}
                if item == 1
                else {"changes": None, "object": {"color": n * item, "name": "Ann Testperson"}}
            )
            when = f"2026-10-{20 + n}T00:00:00Z"
            out.append(
                version(
                    version_id=str(100 * item + n),
                    item_id=str(item),
                    item_type="Source",
                    created_at=when,
                    **members,
                )
            )
    return out


def batch(versions: list[RedactedVersion]) -> dict[tuple[str, ...], str]:
    """The same history without a stream."""
    items: dict[str, list[RedactedVersion]] = {}
    for v in versions:
        items.setdefault(key_by_object(v)[0], []).append(v)
    return {
        tuple(e.version.key): entry_digest_text(e)
        for found in items.values()
        for e in history_of(found)
    }


ORDERS = {
    "in order": lambda n: list(range(n)),
    "backwards": lambda n: list(range(n))[::-1],
    "odd ones late, and twice": lambda n: [*range(0, n, 2), *range(1, n, 2), *range(0, n, 3)],
}


@pytest.mark.parametrize("order", ORDERS)
def test_late_and_repeated_versions_end_in_the_batch_history(
    redact_version: Redact, order: str
) -> None:
    found = [redact_version(r) for r in rows()]
    expected = batch(found)
    stream = Played()
    for n, which in enumerate(ORDERS[order](len(found))):
        stream = stream.add_elements(
            [TimestampedValue(found[which], found[which].created_at.timestamp())]
        )
        if n % 4 == 3:
            stream = stream.advance_watermark_to(
                dt.datetime(2026, 10, 20, n, tzinfo=dt.UTC).timestamp()
            )
    stream = stream.advance_watermark_to_infinity()

    def check(got: list[Any]) -> None:
        assert latest_by_key(got) == expected
        assert len({(*row[:4], row.revision) for row in got}) == len(got)
        if (
            order == "in order"
        ):  # one row a version, and one more when the next version tells what it changed
            assert len(got) == 4 + 2 * (4 + 3)

    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=streaming()) as pipeline:
        assert_that(pipeline | stream | TrackChanges(), check)


def test_messages_are_redacted_before_they_go_anywhere_and_bad_ones_are_told(
    tmp_path: Path,
) -> None:
    keyring = Keyring.create(tmp_path / "k.json")
    own = policy()
    job = RedactJob(
        RunColumns("0" * 64, own.sha256, own.name, AS_OF),
        own,
        Files(),
        str(tmp_path / "store"),
        str(keyring.path),
        AccountBook(),
        {},
        Snapshot(),
    )
    good = [
        version(version_id="1", changes={"email": [None, "w@example.com"]}),
        {"versions": [version(version_id="2"), version(version_id="3")]},
    ]
    messages = [
        *(orjson.dumps(m) for m in good),
        b'{"name": "Wilhelmina',
        orjson.dumps({"version_id": "4", "name": "Wilhelmina"}),
    ]

    def check_versions(got: list[Any]) -> None:
        assert {type(v) for v in got} == {RedactedVersion}
        assert sorted(v.key.version_id for v in got) == ["1", "2", "3"]
        assert "w@example.com" not in str([v.record for v in got])

    def check_rejected(got: list[Any]) -> None:
        assert {type(v) for v in got} == {Rejected}
        assert sorted(v.reason for v in got) == ["bad_json", "missing_key"]
        assert "Wilhelmina" not in str(got)

    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=streaming()) as pipeline:
        stream = Played()
        for message in messages:
            stream = stream.add_elements([message])
        found = pipeline | stream.advance_watermark_to_infinity() | RedactVersions(job)
        assert_that(found.main, check_versions, label="versions")
        assert_that(found[REJECTED], check_rejected, label="rejected")
