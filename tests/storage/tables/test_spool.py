"""The raw spool: nothing readable on disk, everything read back. All values are generated."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.fields import coerce_members
from callveil.schemas.interaction import FIELDS, InteractionKey, RawInteraction, SourceRef
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.tables import spool
from callveil.transforms.storage.tables.spool import (
    SpoolReader,
    SpoolWriter,
    decode_raw_record,
    encode_raw_record,
    spool_url,
)

T0 = dt.datetime(2026, 3, 1, 23, 30, 0, 7, tzinfo=dt.UTC)
QUICK = settings(max_examples=25)


def raw(number: int = 1, when: dt.datetime = T0, **record: Any) -> RawInteraction:
    """A raw interaction with an id of its own."""
    key = InteractionKey("70001", str(number))
    return RawInteraction(
        key,
        "call",
        when,
        number,
        coerce_members(FIELDS, {**key._asdict(), "called_at": when, **record}),
        SourceRef("f", line=number),
    )


def written(
    files: Files,
    folder: Path,
    keyring: Keyring,
    records: list[RawInteraction],
    run: str = "r1",
    chunk: int = 0,
) -> SpoolWriter:
    """A finished spool file of some records."""
    writer = SpoolWriter(keyring, run, chunk)
    for record in records:
        writer.add(record, "agency" if record.rank % 2 else "individual", "9")
    writer.finish(files, spool_url(files, str(folder), chunk))
    return writer


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=8),
        "notes": st.recursive(
            st.text(max_size=4)
            | st.integers(-(2**70), 2**70)
            | st.booleans(),  # integers beyond 64 bits occur in JSON fields
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.text(max_size=3), inner, max_size=2)
            ),
            max_leaves=4,
        ),
        "duration": st.integers(0, 100),
        "outline": st.lists(
            st.fixed_dictionaries({"text": st.text(max_size=5), "s": st.floats(0, 9)}), max_size=2
        ),
        "chat_messages": st.lists(
            st.fixed_dictionaries({"text": st.text(max_size=5), "sent_at": st.just(T0)}), max_size=2
        ),
        "new_field": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    },
)


@settings(QUICK, max_examples=100)
@given(RECORDS)
def test_records_there_and_back(record: dict[str, Any]) -> None:
    one = raw(5, **record)
    assert decode_raw_record(encode_raw_record(one)) == one


def test_the_spool_holds_no_plain_text(files: Files, tmp_path: Path, keyring: Keyring) -> None:
    secrets = [
        "Zofia Kowalczyk",
        "zofia.k@example.com",
        "+14155550134",
        "5000000001",
        "the door is green",
    ]
    record = raw(
        1,
        name=secrets[0],
        email=secrets[1],
        caller_number=secrets[2],
        sid=secrets[3],
        outline=[{"text": secrets[4]}] * 50,
    )
    written(files, tmp_path, keyring, [record] * 20)
    stored = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".json"]
    assert len(stored) == 1 and len(stored[0]) > 100
    for text in [*secrets, "Kowalczyk", "outline", "caller_number", "70001"]:
        assert text.encode() not in stored[0]


@QUICK
@given(
    numbers=st.lists(st.integers(1, 400), min_size=1, max_size=12),
    days=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    data=st.data(),
)
def test_any_pointers_read_back_their_records(
    keyring: Keyring,
    tmp_path_factory: Any,
    numbers: list[int],
    days: list[int],
    data: st.DataObject,
) -> None:
    folder, files = tmp_path_factory.mktemp("spool"), Files()
    records = [
        raw(n, T0 + dt.timedelta(days=d), name=f"name {i}")
        for i, (n, d) in enumerate(zip(numbers, days, strict=False))
    ]
    writers = [
        written(files, folder, keyring, records[:6], chunk=0),
        written(files, folder, keyring, records[6:], chunk=1),
    ]
    pointers = [p for w in writers for p in w.pointers]
    assert len(pointers) == len(records) and len(
        {(p.chunk, p.block, p.position) for p in pointers}
    ) == len(records)
    wanted = data.draw(st.lists(st.sampled_from(pointers), unique=True))
    read = list(SpoolReader(files, str(folder), keyring, "r1").read(wanted))
    assert sorted(p for p, _ in read) == sorted(wanted)
    for pointer, record in read:
        assert (
            record in records
            and pointer.key == record.key
            and pointer.called_at == record.called_at
            and pointer.rank == record.rank
        )
        assert pointer.size == len(encode_raw_record(record)) and pointer.partition == (
            "agency" if record.rank % 2 else "individual",
            record.day,
        )
    blocks: dict[tuple[int, int], set[tuple[str, str]]] = {}
    for p in pointers:
        blocks.setdefault((p.chunk, p.block), set()).add(p.partition)
    assert all(len(partitions) == 1 for partitions in blocks.values())


def test_full_blocks_and_a_full_memory_are_written_on_the_way(
    files: Files, tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BLOCK_BYTES", 2_000)
    monkeypatch.setattr(spool, "HELD_BYTES", 5_000)
    records = [raw(n, T0 + dt.timedelta(days=n % 9), name="x" * 300) for n in range(1, 60)]
    writer = SpoolWriter(keyring, "r1", 0)
    held = []
    for record in records:
        writer.add(record, "agency", "9")
        held.append(len(writer.pointers))
    assert held[-1] > 30  # most of them left memory before the end
    writer.finish(files, spool_url(files, str(tmp_path), 0))
    read = dict(SpoolReader(files, str(tmp_path), keyring, "r1").read(writer.pointers))
    assert sorted(r.key for r in read.values()) == sorted(r.key for r in records)


def test_digests_are_of_the_content_alone_and_keyed(
    files: Files, tmp_path: Path, keyring: Keyring
) -> None:
    same = raw(1, notes={"a": 1, "b": 2})
    elsewhere = RawInteraction(
        same.key, "call", T0, 1, raw(1, notes={"b": 2, "a": 1}).record, SourceRef("other", index=9)
    )
    changed = raw(1, notes={"a": 1, "b": 3})
    one, two, three = written(files, tmp_path, keyring, [same, elsewhere, changed]).pointers
    assert one.digest == two.digest != three.digest
    other = written(
        files, tmp_path / "b", Keyring.create(tmp_path / "other.json"), [same]
    ).pointers[0]
    assert other.digest != one.digest


@pytest.mark.parametrize("fault", ["run", "chunk", "byte", "cut", "key"])
def test_a_spool_of_another_run_or_key_or_a_changed_one_is_not_read(
    files: Files, tmp_path: Path, keyring: Keyring, fault: str
) -> None:
    writer = written(files, tmp_path, keyring, [raw(n) for n in range(1, 4)])
    place = Path(spool_url(files, str(tmp_path), 0))
    data = place.read_bytes()
    run, ring = "r1", keyring
    if fault == "run":
        run = "r2"
    elif fault == "chunk":
        place.rename(place.with_name(Path(spool_url(files, str(tmp_path), 1)).name))
        writer.pointers = [p._replace(chunk=1) for p in writer.pointers]
    elif fault == "byte":
        place.write_bytes(
            data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
        )
    elif fault == "cut":
        place.write_bytes(data[:-7])
    else:
        ring = Keyring.create(tmp_path / "other.json")
    with pytest.raises(Exception) as refused:
        list(SpoolReader(files, str(tmp_path), ring, run).read(writer.pointers))
    assert "70001" not in str(refused.value)
