"""The bytes that records are stored as: what is signed and hashed keeps them from version to
version.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from dataclasses import replace
from typing import Annotated, Any, NamedTuple, TypedDict

import msgspec
import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.evidence import Checkpoint, FileProof, FileRewrite, LiveEntry, RunDigest
from callveil.schemas.fields import (
    Boolean,
    Field,
    Integer,
    Json,
    ListOf,
    Number,
    Struct,
    Text,
    Timestamp,
)
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import from_json_text
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.outcome import Outcome
from callveil.schemas.subject_index import RecordRef
from callveil.schemas.typed_rows import fields_of
from callveil.transforms.governance.requests.certificate import ErasureWork
from callveil.transforms.governance.requests.controller import Controller
from callveil.transforms.governance.retention.last_run import RetainState
from callveil.transforms.storage.evidence.attestor import digest_body
from callveil.transforms.storage.evidence.proofs import FileDetail, Proofs, RewriteDetail
from callveil.transforms.storage.format1.snapshot import (
    Snapshot,
    manifest_bytes,
    parse_manifest,
    parse_snapshot,
    snapshot_bytes,
    to_json,
)

DAY = {"account_type": "agency", "day": "2026-01-01"}
CALLS = FileEntry(
    "interactions/account_type=agency/day=2026-01-01/0123-a.parquet",
    *("interactions", DAY, 3, 100, "ab" * 32),
)
FINDINGS = FileEntry("findings/0123-b.parquet", "findings", {}, 0, 7, "cd" * 32)
MANIFEST = RunManifest(
    *("0f" * 16, 1, "", "", "redact", "2026-01-01T00:00:00+00:00", "callveil 0.1.0", "gdpr"),
    "ee" * 32,
    (
        {"url": "f", "size": 1, "etag": "e"},
        {"request_id": "r", "event": "erased", "series": [["a", 1]]},
    ),
    {"in": 3, "finding.PERSON": 2},
    (CALLS, FINDINGS),
)
SKIPPED = {"url": "x.png", "size": 1, "etag": "e", "reason": "image", "detail": "an image"}
WITH_SKIPPED = replace(MANIFEST, not_read=(SKIPPED,))
DIGEST = RunDigest(
    *(1, "r", "redact", "t", "aa", "s", "bb", "p"),
    (FileProof("a", "d", 1, 2, "ee", "ff", "00"), FileProof("b", "d", 1, 2, "ee")),
    ({"path": "x", "sha256": "y"},),
    (FileRewrite("x", "a", 1, 2, 3),),
    *("pp", "qq", 4, "ii"),
)
CHECKPOINT = Checkpoint(
    2, "t", 1, "aa", (LiveEntry("p", "l", "new", 0), LiveEntry("q", "", "erased", 3))
)
PROOFS = Proofs(
    {"a": FileDetail(b"\x00\xff\x10", b"h"), "b": FileDetail(b"")},
    {"a": RewriteDetail("x", 3, ((0, 1, 2),), b"\x01" * 32)},
)
STATE = RetainState(5, 2, "r", "a", {"x": "y", "b": "c"}, {"o": ("1", "2")}, ("p",))


def unpacked(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


@pytest.mark.parametrize(
    "data, sha256",
    [
        (
            manifest_bytes(MANIFEST),
            "e45a180e2300387a6939e360c0329a8358c84e5aa053b6003a7c0d297fd1513d",
        ),
        (
            manifest_bytes(WITH_SKIPPED),
            "03a82ddb901e4491f8a30284e390fc15776f4288126270b4c9a7a16c9c98f0a8",
        ),
        (
            unpacked(snapshot_bytes(Snapshot().after(WITH_SKIPPED))),
            "3846087cb72d8fd3e135af1e69c0cd2522ea2205c951e980903318edb740dcfa",
        ),
        (
            to_json({"kind": "run"} | digest_body(DIGEST)),
            "cd8eee8058c59c817fcfbb2e21dcfaa36057541b5235ce18d38e59d21986f00d",
        ),
        (to_json(CHECKPOINT), "dde45527f2cf7a09c4196da76f943cba9a9c666394d53e8d0330e4871180287a"),
        (
            unpacked(PROOFS.encode()),
            "b2a325047c3ea18753fd801b424010657a07568cd1456d5f96ae486f57beb2d7",
        ),
        (
            unpacked(STATE.encode()),
            "324f1df95844d413c849999529068115f3a12462d02e3bd41cf44b7e170b2db2",
        ),
    ],
    ids=["manifest", "manifest-skipped", "snapshot", "digest", "checkpoint", "proofs", "state"],
)
def test_bytes_are_those_of_earlier_versions(data: bytes, sha256: str) -> None:
    assert hashlib.sha256(data).hexdigest() == sha256, data


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
numbers = st.integers(0, 2**40)
entries = st.builds(
    FileEntry, texts, texts, st.dictionaries(texts, texts, max_size=2), numbers, numbers, texts
)


@given(st.lists(entries, max_size=4, unique_by=lambda e: (e.path, e.dataset)), texts, numbers)
def test_what_is_written_is_read_back(files: list[FileEntry], text: str, number: int) -> None:
    added = tuple(sorted(files))
    manifest = replace(MANIFEST, added=added, job=text, seq=number, counts={text: number})
    assert parse_manifest(manifest_bytes(manifest)) == manifest
    state = Snapshot(number, text, "m", "s", added)
    assert parse_snapshot(snapshot_bytes(state)) == state
    outcome = Outcome(list(added), [text], Counter({text: number}))
    assert Outcome.total([outcome.encode()]) == outcome
    assert isinstance(from_json_text(outcome.encode(), Outcome).counts, Counter)
    assert len({*files, *files}) == len(files)


def test_typed_records_are_read_back() -> None:
    assert Proofs.decode(PROOFS.encode()) == PROOFS
    assert RetainState.decode(STATE.encode()) == STATE
    signed = orjson.loads(to_json({"signature": "s"} | msgspec.to_builtins(DIGEST)))
    assert msgspec.convert(signed, RunDigest) == DIGEST
    assert msgspec.convert(orjson.loads(to_json(CHECKPOINT)), Checkpoint) == CHECKPOINT


def changed(**members: Any) -> bytes:
    found = orjson.loads(manifest_bytes(MANIFEST)) | members
    return orjson.dumps({k: v for k, v in found.items() if v is not ...})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        changed(more=1),
        changed(seq="1"),
        changed(seq=None),
        changed(seq=...),
        changed(added=None),
        changed(added=[{}]),
        changed(added=["path"]),
        changed(removed=[orjson.loads(to_json(CALLS)) | {"partition": [["day", "x"]]}]),
        changed(counts={"in": "3"}),
        changed(inputs={}),
    ],
)
def test_damaged_manifests_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_manifest(data)


def test_an_erasures_work_list_is_read_as_it_was_written_before_it_had_a_type() -> None:
    stored = {
        "live": [["41", "1"]],
        "unlink": [["41", "2", "agent"]],
        "stay": [["41", "2"]],
        "kept": [["version", "41", "9", "Contact", "7"]],
        "tokens": ["a", "b"],
        "rejected": [],
        "known": [["phone", "+14155550123"]],
        "keys": [["41", "1"]],
        "mentioned": [],
        "rejections": ["r"],
        "bodies": ["s3://b/x"],
        "packages": [{"path": "/p.zip", "sha256": "00"}],
        "inboxes": None,
    }
    work = msgspec.convert(stored, ErasureWork)
    assert orjson.loads(orjson.dumps(msgspec.to_builtins(work))) == stored
    assert work.kept == [RecordRef("version", "41", "9", "Contact", "7")]
    assert "4155550123" not in repr(work)
    target = work.target(Controller())
    assert target.keys == {InteractionKey("41", "1")} and target.known[0].value == "+14155550123"
    assert msgspec.convert({}, ErasureWork) == ErasureWork()


class Inner(NamedTuple):
    when: Annotated[dt.datetime, "a time"]


class Example(TypedDict, total=False):
    name: Annotated[str | None, "whose"]
    counts: Annotated[list[int] | None, "numbers"]
    parts: Annotated[tuple[Inner, ...], "times"]
    share: Annotated[float, "0 to 1"]
    is_done: Annotated[bool, "done"]
    value: Annotated[Any, "anything"]


def test_columns_follow_from_a_rows_type() -> None:
    inner = Field("when", Timestamp(), "a time", personal=False)
    fields = fields_of(Example, personal=("name",))
    assert [(f.name, f.type, f.doc, f.personal) for f in fields] == [
        ("name", Text(), "whose", True),
        ("counts", ListOf(Integer()), "numbers", False),
        ("parts", ListOf(Struct((inner,))), "times", False),
        ("share", Number(), "0 to 1", False),
        ("is_done", Boolean(), "done", False),
        ("value", Json(), "anything", False),
    ]
