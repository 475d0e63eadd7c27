"""Restriction (Art. 18): rows leave every dataset that anybody reads and lie sealed until it is
lifted, when they come back as they were.
"""

from __future__ import annotations

import datetime as dt
import io
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.manifest import FileEntry
from callveil.transforms.governance.requests.controller import Controller, controller_of
from callveil.transforms.governance.requests.execution_result import ExecutionResult
from callveil.transforms.governance.requests.publish import (
    CONTENT,
    PURPOSE,
    publish_changes,
    request_run_id,
)
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister
from callveil.transforms.governance.requests.search_result import ConfirmedIdentifier, SearchResult
from callveil.transforms.governance.requests.shared_identifiers import ERASED
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.encryption.encrypted_file import EncryptedReader, EncryptedWriter
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.local import temporary_file
from callveil.transforms.storage.format1.live import GONE, WHATS, Live
from callveil.transforms.storage.format1.snapshot import Snapshot, data_path
from callveil.transforms.storage.index.suppression_list import ERASED as LIST
from callveil.transforms.storage.tables.key_index import IndexEntry
from callveil.transforms.storage.tables.mutation import RowMutation
from callveil.transforms.storage.tables.parquet import (
    INTERACTIONS,
    TABLES,
    TableWriter,
    publish_bytes,
)

NAME = "aside"
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class RestrictedHeader:
    """Header of a sealed file of rows set aside.

    Attributes:
        tokens: digests of the person's identifiers.
        parts: `(dataset, partition, rows)` of each part, in the order they follow.
        entries: the interactions' index entries as they were.
        live: `(path below the store, size in bytes)` of files of the live zone, in the order they
            follow.
    """

    tokens: tuple[str, ...]
    parts: tuple[tuple[str, Mapping[str, str], int], ...]
    entries: tuple[IndexEntry, ...]
    live: tuple[tuple[str, int], ...]


def write_restricted(
    store: Store,
    keyring: Keyring,
    run_id: str,
    request_id: str,
    tokens: Iterable[str],
    done: ExecutionResult,
    keys: Iterable[InteractionKey],
) -> FileEntry:
    """Write what a restriction takes out of the store as one sealed file, and return its entry."""
    live = [(f.url, f.size) for key in sorted(set(keys)) for f in _folder(store, key)]
    root = store.root.rstrip("/") + "/"
    head = RestrictedHeader(
        tuple(tokens),
        tuple(
            (name, partition, pq.read_metadata(io.BytesIO(data)).num_rows)
            for name, partition, data in done.kept
        ),
        tuple(done.entries),
        tuple((url.removeprefix(root), size) for url, size in live),
    )
    partition = {"request": request_id}
    path = data_path(CONTENT, partition, run_id, NAME, ".sealed")
    with temporary_file() as sink:
        with EncryptedWriter(sink, keyring, path, PURPOSE) as writer:
            writer.append(msgspec.json.encode(head))
            for _, _, data in done.kept:
                writer.append(data)
            for url, size in live:
                read = 0
                with store.files.open(url) as source:
                    while data := source.read(PIECE):
                        writer.append(data)
                        read += len(data)
                if read != size:
                    raise FileNotFoundError(
                        url
                    )  # it was replaced meanwhile; the run is planned anew
        return publish_bytes(store.files, store.root, path, CONTENT, partition, sink)


def _folder(store: Store, key: InteractionKey) -> list[Any]:
    try:
        return sorted(store.files.list(Live(store.files, store.root).folder(key)))
    except FileNotFoundError:
        return []


def restricted_files(snapshot: Snapshot, request_id: str = "") -> list[FileEntry]:
    """Live sealed files of rows that are set aside, of one request or all."""
    own = [f for f in snapshot.by_dataset(CONTENT) if f.path.endswith(f"-{NAME}.sealed")]
    return [f for f in own if not request_id or f.partition["request"] == request_id]


def _records(store: Store, keyring: Keyring, file: FileEntry) -> Iterator[bytes]:
    with store.files.open(store.url(file.path)) as source:
        for block in EncryptedReader(source, keyring, file.path, PURPOSE):
            yield from block


def read_restricted_header(store: Store, keyring: Keyring, file: FileEntry) -> RestrictedHeader:
    """Return what a sealed file of rows set aside holds; the rows are not read."""
    return _head(next(_records(store, keyring, file)))


def _head(data: bytes) -> RestrictedHeader:
    return msgspec.json.decode(data, type=RestrictedHeader)


def read_restricted_tables(
    store: Store, keyring: Keyring, file: FileEntry
) -> Iterator[tuple[str, Mapping[str, str], pa.Table]]:
    """Yield rows that are set aside, by dataset and partition."""
    records = _records(store, keyring, file)
    for name, partition, _ in _head(next(records)).parts:
        yield name, partition, pq.read_table(io.BytesIO(next(records)))


@dataclass(frozen=True)
class RequestsOfController:
    """Requests that are bound to no other controller than one.

    Attributes:
        register, snapshot: where they are looked up, when they are asked for. own: the controller.
    """

    register: RequestRegister
    snapshot: Snapshot
    own: Controller

    def __contains__(self, request_id: object) -> bool:
        name = str(request_id)
        if not self.register.events(name, self.snapshot):
            return False
        request = self.register.get(name, self.snapshot)
        if not request.account and not request.agency:
            return self.own.alone
        return self.own.covers(Controller(request.account, request.agency, self.own.owners))


def requests_of_controller(
    store: Store, keyring: Keyring, snapshot: Snapshot, request_id: str
) -> RequestsOfController:
    """Return requests that are bound to no other controller than one is."""
    register = RequestRegister(store, keyring)
    own = controller_of(store, register.get(request_id, snapshot), snapshot)
    return RequestsOfController(register, snapshot, own)


def find_restricted_files(
    store: Store,
    keyring: Keyring,
    snapshot: Snapshot,
    tokens: Iterable[str],
    requests: Container[str],
) -> list[tuple[FileEntry, RestrictedHeader]]:
    """Sealed files whose rows some requests have set aside for a person that some digests
    identify.
    """
    mine = set(tokens)
    found = (
        (f, read_restricted_header(store, keyring, f))
        for f in restricted_files(snapshot)
        if f.partition["request"] in requests
    )
    return [(f, head) for f, head in found if mine & set(head.tokens)]


def find_restricted_interactions(
    store: Store,
    keyring: Keyring,
    snapshot: Snapshot,
    tokens: Iterable[str],
    requests: Container[str],
) -> set[InteractionKey]:
    """Return interactions that some requests have set aside for a person."""
    return {
        e.key
        for _, head in find_restricted_files(store, keyring, snapshot, tokens, requests)
        for e in head.entries
    }


def drop_restricted(
    restricted: Iterable[tuple[FileEntry, RestrictedHeader]],
    request_id: str,
    tokens: Iterable[str],
    done: ExecutionResult,
    requests: Container[str],
) -> None:
    """Take what some requests had set aside for a person out of the store, for an erasure; its
    records stay on the list of what may not come back.

    Args:
        restricted: sealed files of rows set aside, with what they hold. request_id: the erasure.
    """
    mine = set(tokens)
    for file, head in restricted:
        if mine & set(head.tokens) and file.partition["request"] in requests:
            done.removed.append(file)
            for name, _, rows in head.parts:
                done.count(request_id, name, CONTENT, "purge", rows, rows)


def result_from_tokens(tokens: Iterable[str]) -> SearchResult:
    """Return a match of digests alone, for a request whose identifiers were erased with its
    records.
    """
    return SearchResult(
        0,
        (
            ConfirmedIdentifier(
                "E", ERASED, tuple(tokens), "identified the person when they were erased"
            ),
        ),
        (),
        (),
        (),
    )


def restore_restricted(
    store: Store, keyring: Keyring, request_id: str, as_of: dt.datetime, now: dt.datetime
) -> int:
    """Bring back what a request had set aside; returns the number of rows. Killed anywhere, it can
    be repeated.

    Raises `RegisterError` where nothing is set aside.
    """
    register = RequestRegister(store, keyring)
    request = register.get(request_id)
    files = restricted_files(store.current(), request_id)
    pending = [
        r for r in request.runs if (seq := store.published(r)) is not None and _is_lift(store, seq)
    ]
    if not files and not pending:
        raise RegisterError(f"request {request_id}: nothing is set aside for it")
    rows = 0
    if files:
        run_id = request_run_id(request_id, "lifted", *(f.sha256 for f in files))

        def build(snapshot: Snapshot) -> RunChanges:
            own = restricted_files(snapshot, request_id)
            done = ExecutionResult()
            entries: dict[InteractionKey, IndexEntry] = {}
            for file in own:
                entries.update(_restore(store, keyring, snapshot, run_id, file, done))
            mutation = RowMutation(store.files, store.root, snapshot, run_id)
            mutation.edit_index(entries, lambda e: entries[e.key])
            done.take(mutation)
            listed = [
                f for f in snapshot.by_dataset(LIST.name) if f.partition["request"] == request_id
            ]
            series = done.series(request_id)
            row = register.row(
                request_id,
                "lifted",
                as_of,
                len(register.events(request_id, snapshot)) + 1,
                {"run_id": run_id},
                now,
            )
            done.added.append(register.write(run_id, row, f"{snapshot.seq:08d}.event"))
            facts = {"request_id": request_id, "event": "lifted", "series": series}
            return RunChanges(tuple(done.added), (*done.removed, *own, *listed), {}, (facts,))

        manifest = publish_changes(store, run_id, as_of, now, build)
        rows = sum(s[4] for s in next(f for f in manifest.inputs if "series" in f)["series"])
    return rows


def _is_lift(store: Store, seq: int) -> bool:
    return any(f.get("event") == "lifted" for f in store.manifest(seq).inputs)


def _restore(
    store: Store,
    keyring: Keyring,
    snapshot: Snapshot,
    run_id: str,
    file: FileEntry,
    done: ExecutionResult,
) -> dict[InteractionKey, IndexEntry]:
    """Write the rows back, and files of the live zone; returns the key index' entries as they are
    to be.
    """
    grouped: dict[tuple[str, tuple[tuple[str, str], ...]], list[pa.Table]] = defaultdict(list)
    for name, partition, table in read_restricted_tables(store, keyring, file):
        grouped[name, tuple(partition.items())].append(table)
    stem = f"{snapshot.seq:08d}.{file.sha256[:12]}"
    origins: dict[InteractionKey, str] = {}
    for (name, pairs_of), tables in sorted(grouped.items()):
        partition = dict(pairs_of)
        table = TABLES[name]
        rows = pa.concat_tables([t.cast(table.schema) for t in tables]).sort_by(
            [(c, "ascending") for c in table.sort_by]
        )
        path = data_path(
            name, partition, run_id, stem
        )  # findings have the name of their interactions' file
        with temporary_file() as sink:
            writer = TableWriter(sink, table)
            for batch in rows.combine_chunks().to_batches():
                writer.append_batch(batch)
            count = writer.close()
            done.added.append(
                publish_bytes(
                    store.files, store.root, path, name, partition, sink, count, writer.accounts
                )
            )
        done.count(str(file.partition["request"]), name, name, "restore", count, 0)
        if name == INTERACTIONS.name:
            pairs = zip(
                rows.column("account_id").to_pylist(), rows.column("id").to_pylist(), strict=True
            )
            origins.update({InteractionKey(*pair): path for pair in pairs})
    _restore_live(store, keyring, file, origins)
    entries = {e.key: e for e in read_restricted_header(store, keyring, file).entries}
    return {
        key: entries[key]._replace(origin=path, seq=snapshot.seq + 1)
        for key, path in origins.items()
    }


def _restore_live(
    store: Store, keyring: Keyring, file: FileEntry, keys: Iterable[InteractionKey]
) -> None:
    """Write files of the live zone back, over the receipts that say the record is set aside.
    `keys`: interactions whose rows are back.
    """
    records = _records(store, keyring, file)
    head = _head(next(records))
    for _ in head.parts:
        next(records)
    for path, size in head.live:
        with temporary_file() as sink:
            left = size
            while left > 0:
                data = next(records)
                sink.write(data)
                left -= len(data)
            sink.seek(0)
            Live(store.files, store.root).announce_file(path)
            store.files.write(store.url(path), sink)
    _clear_receipts(store, {path for path, _ in head.live}, keys)


def _clear_receipts(store: Store, restored: set[str], keys: Iterable[InteractionKey]) -> None:
    """Take away receipts that say of parts which were not there that they are set aside: what comes
    of them later is to be redacted.

    Args:
        restored: files of the live zone that are back. keys: interactions whose rows are.
    """
    live = Live(store.files, store.root)
    folders = {live.part(key, what).rpartition("/")[0] for key in keys for what in WHATS}
    for folder in sorted(folders | {path.rpartition("/")[0] for path in restored}):
        for what in WHATS:
            path = f"{folder}/{what}.json"
            receipt = live.read_receipt(store.url(path)) if path not in restored else None
            if receipt is not None and receipt.get("status") == "erased":
                live.announce(f"{folder}/{what}", GONE)
                store.files.purge(store.url(path))
