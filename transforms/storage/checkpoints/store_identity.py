"""Store identity: keyring and evidence key, operator, and each account's controller.

A second keyring on the same store would lose without a word: digests made with it find nobody whom
the first took in, and what it seals the first does not open. So a store says whose it is from its
first write on, in a signed chain of its own (`_callveil/identity`), and every command compares
before any work. A new record follows where the keyring was rotated, a key was retired, or an
account came in; what is signed of a run names the newest of them. Of a key only a keyed digest is
written down.

A store from before has none: what it holds tells as far as it can (keys that sealed files and
digests name, whether one opens, who signed), and the next job that writes with the right keys
writes the first record.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice

import pyarrow.parquet as pq

from callveil.transforms.storage.checkpoints.identity_record import (
    KIND,
    OPERATOR,
    WAY_OUT,
    IdentityError,
    StoreIdentity,
    read_identity,
)
from callveil.transforms.storage.commit import known_heads
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.commit.known_heads import ChainHead
from callveil.transforms.storage.commit.maintenance import refuse_read_only
from callveil.transforms.storage.encryption.encrypted_file import (
    HEAD_BYTES,
    EncryptedReader,
    SealedError,
    encryption_key_id,
)
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError, default_path
from callveil.transforms.storage.evidence.public_key import EvidenceKeyError
from callveil.transforms.storage.evidence.signed_record import (
    EVIDENCE,
    IDENTITY,
    SEALS,
    RecordError,
    parse_record,
    record_name,
)
from callveil.transforms.storage.evidence.signing_keys import KMS_SCHEME, key_path, open_signer
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import STORE_FILE
from callveil.transforms.storage.tables.dead_letters import CONTENT, PURPOSE

SUBJECTS = "subjects"
SEALED = ".sealed"
LOOK = 1_000
"""Names of an inbox among which a sealed body is looked for."""
SAMPLE = 64
"""Sealed files of a store without an identity that are asked which key sealed them."""


# Opening a store


def store_exists(files: Files, root: str) -> bool:
    """Tell whether there is a store at `root`."""
    return files.info(files.join(root, STORE_FILE)) is not None


def open_store(files: Files, root: str, keyring: str | None = None, writing: bool = False) -> Store:
    """Open a store for what needs no key; a keyring or evidence key at hand is compared.

    Raises: `StoreError` where there is no store, `RolledBack` where it is older than it was seen,
        `IdentityError`.
    """
    store = Store.open(files, root, keyring)
    if writing:
        refuse_read_only(files, root)
    _check(store, None, writing=False)
    return store


def open_keyed(files: Files, root: str, keyring: str | None = None) -> tuple[Store, Keyring]:
    """Open a store to read, with its keyring.

    Raises as `open_store`, and `KeyringError` where the keyring cannot be used.
    """
    store = Store.open(files, root, keyring)
    ring = store_keyring(store)
    _check(store, ring, writing=False)
    return store, ring


def open_to_change(files: Files, root: str, keyring: str | None = None) -> tuple[Store, Keyring]:
    """Open an existing store to write, with its keyring, and note whose it is.

    A run that was killed is left to `Store.recover`. Raises as `open_keyed`.
    """
    store = Store.open(files, root, keyring)
    ring = store_keyring(store)
    claim_store(store, ring)
    return store, ring


def store_keyring(store: Store) -> Keyring:
    """Return the keyring that is given for a store; where it cannot be used the store's is
    named.
    """
    try:
        return Keyring.load(store.keyring)
    except KeyringError as error:
        with suppress(StoreError):
            if found := read_identity(store):
                kept = f"The store is kept with key {', '.join(sorted(found.keys))}"
                raise KeyringError(f"{error}. {kept}; none is made beside it") from None
        raise


def compare_store(
    files: Files, root: str, keyring: str | None = None, writing: bool = True
) -> Keyring | None:
    """Compare the store at `root` with the keys given, before a job looks at its input.

    Returns its keyring; None where there is no store yet. Raises `StoreError`, `RolledBack`,
    `IdentityError`, `KeyringError`, and `FilesError` where it may only be read.
    """
    if writing:
        refuse_read_only(files, root)
    if store_exists(files, root):
        store = Store.open(files, root, keyring)
        ring = store_keyring(store)
        _check(store, ring, writing)
        return ring
    store = Store(files, root, keyring)
    known_heads.refuse_rollback(store, known_heads.read_known_heads(store), reading=False)
    refuse_replaced(files, keyring)
    return None


def keyring_for(files: Files, root: str, keyring: str | None = None) -> Keyring:
    """Return the same, and a keyring is made where there is none and no store yet. Raises as
    `compare_store`.
    """
    return compare_store(files, root, keyring) or Keyring.open_or_create(keyring)


def open_or_claim(
    files: Files, root: str, keyring: Keyring, controllers: Mapping[str, str] | None = None
) -> Store:
    """Open a store to write, making it where there is none, and note whose it is.

    What a killed run left between commit and pointer is finished.

    Args:
        keyring: as `keyring_for` gave it. controllers: see `claim_store`, which compares.
    """
    store = Store.make(files, root, str(keyring.path))
    claim_store(store, keyring, controllers)
    store.recover()
    return store


def worker_keyring(files: Files, root: str, keyring: str) -> Keyring:
    """Return the keyring of a process that works for a job on a store.

    Where it runs on another machine, another file may lie at the path that the job gave.
    Raises `IdentityError`, `KeyringError`.
    """
    ring, store = Keyring.load(keyring), Store(files, root, keyring)
    found = read_identity(store)
    if found and (problem := _keys_problem(store, found, ring, writing=False)):
        raise IdentityError(f"{root}: {problem}, on {socket.gethostname()}. {WAY_OUT}")
    return ring


def compare_inbox(files: Files, folder: str, keyring: str | None = None) -> None:
    """Compare a keyring with the bodies that wait in an inbox.

    Raises `IdentityError` where they are sealed with a key it lacks, or there is no keyring.
    """
    refuse_replaced(files, keyring)
    sealed = (i for i in islice(files.list(folder), LOOK) if i.url.endswith(SEALED))
    named = {encryption_key_id(files.read(i.url, 0, HEAD_BYTES)) for i in islice(sealed, 3)} - {
        None
    }
    peeked = Keyring.peek(keyring) if named else None
    ids = peeked.key_ids if peeked else ()
    if unknown := sorted(k for k in named if k and k not in ids):
        has = f"has key {', '.join(ids)}" if ids else "is not there, or cannot be used"
        raise IdentityError(
            f"{folder}: bodies wait here that key {', '.join(unknown)} sealed, and the keyring "
            f"given, {keyring or default_path()}, {has}. {WAY_OUT}"
        )


def refuse_replaced(files: Files, keyring: str | None) -> None:
    """Raise `IdentityError` for a keyring from before `callveil keys rotate`."""
    peeked = Keyring.peek(keyring)
    if peeked and (
        problem := known_heads.explain_outdated(
            files.state, *peeked, str(keyring or default_path())
        )
    ):
        raise IdentityError(f"{problem}. {WAY_OUT}")


def claim_store(
    store: Store,
    keyring: Keyring,
    controllers: Mapping[str, str] | None = None,
    without: str = "",
    operator: str = "",
    stated: Mapping[str, str] | None = None,
) -> StoreIdentity:
    """Note whose a store is where that is not written down, or has changed; returns what is.

    Args:
        controllers: who is responsible for each account, as the account records have it; see
            `AccountBook.controllers`.
        without: a key that is about to leave the keyring.
        operator, stated: the operator and controllers of accounts as somebody states them; these
            outrank what was there.

    Raises `IdentityError` where the store has other keys or an account another controller, and
    `StoreError` where the record cannot be signed.
    """
    refuse_read_only(store.files, store.root)
    while True:
        found = _check(store, keyring, writing=True)
        mine = StoreIdentity.of(keyring)
        held = found or mine
        _refuse_moved(store, held, controllers or {})
        wanted = replace(
            held.told(controllers or {}, stated or {}, operator or os.environ.get(OPERATOR, "")),
            active=mine.active,
            keys={k: v for k, v in mine.keys.items() if k != without},
            digest_keys=tuple(k for k in mine.digest_keys if k != without),
        )
        attestor = store.attestor()
        signer = open_signer(store.keyring, create=found is None)
        if found and found.body() == wanted.body() and found.evidence_key == signer.public.id:
            return found
        attestor.link(IDENTITY, KIND, wanted.body(), found.seq + 1 if found else 1)
        made = read_identity(store)
        if made is not None and made.body() == wanted.body():
            known_heads.remember_heads(store, {IDENTITY: ChainHead(made.seq, made.sha256)})
            return made


def _refuse_moved(store: Store, held: StoreIdentity, told: Mapping[str, str]) -> None:
    """Raise `IdentityError` where accounts are told to have another controller than before."""
    known = {a: c for a, c in held.controllers.items() if a not in held.stated}
    moved = sorted(a for a, c in told.items() if known.get(a, c) != c)
    if not moved:
        return
    account, now = moved[0], told[moved[0]]
    raise IdentityError(
        f"{store.root}: account {account} is {known[account]}'s in this store, and {now}'s by the "
        "account records. Records pass to nobody else in silence: mend the account records, or "
        f"state it: callveil evidence owner --store {store.root} --controller {account}={now}"
    )


# Comparing


def _check(store: Store, keyring: Keyring | None, writing: bool) -> StoreIdentity | None:
    """Compare a store with what is remembered of it, and with the keys that are given.

    Returns what the store says of itself.
    """
    known_heads.refuse_rollback(store, known_heads.read_known_heads(store), reading=not writing)
    found = compare_keys(store, keyring, writing)
    own = {IDENTITY: ChainHead(found.seq, found.sha256)} if found else {}
    known_heads.remember_heads(store, {known_heads.RUNS: store.head()} | own)
    if keyring is not None:
        known_heads.remember_replaced_keys(store.files.state, keyring)
    return found


def compare_keys(
    store: Store, keyring: Keyring | None = None, writing: bool = False
) -> StoreIdentity | None:
    """Compare the keys that are given with those that a store is kept with.

    Returns what the store says of itself. Raises `IdentityError`.
    """
    found = read_identity(store)
    said = (
        _keys_problem(store, found, keyring, writing),
        _evidence_problem(store, found, writing),
        _operator_problem(found),
    )
    problems = [p for p in said if p]
    if problems:
        raise IdentityError(f"{store.root}: {'; and '.join(problems)}. {WAY_OUT}")
    return found


def _keys_problem(
    store: Store, found: StoreIdentity | None, keyring: Keyring | None, writing: bool
) -> str:
    """Tell why a keyring is not the store's; empty where it is, or where nothing says."""
    path = str(keyring.path if keyring else store.keyring or default_path())
    peeked = (keyring.active, keyring.key_ids) if keyring else Keyring.peek(store.keyring)
    if peeked is None:
        return ""  # what needs no key is read without one
    ids = peeked[1]
    if replaced := known_heads.explain_outdated(store.files.state, *peeked, path):
        return replaced
    given = f"the keyring given, {path}, has key {', '.join(ids)}"
    if found is None:
        return _told_by_content(store, keyring, ids, given, writing)
    for key_id, fingerprint in found.keys.items():
        if keyring is not None and key_id in ids and keyring.fingerprint(key_id) != fingerprint:
            return (
                f"the store is kept with key {key_id}, and the one of that name in {path} is "
                "another key"
            )
    kept = (
        f"the store is kept with key {', '.join(sorted(found.keys))} (of which {found.active} "
        f"seals), and {given}"
    )
    if found.active not in ids:
        is_old = set(ids) & set(found.keys)
        return f"{kept}{': it is a copy from before `callveil keys rotate`' if is_old else ''}"
    if missing := sorted(set(found.digest_keys) - set(ids)):
        return (
            f"{kept}: digests of key {', '.join(missing)}, by which records are found and erased "
            "ones kept out, are not known to it"
        )
    return ""


def _told_by_content(
    store: Store, keyring: Keyring | None, ids: tuple[str, ...], given: str, writing: bool
) -> str:
    """Return the same for a store from before its identity was written down."""
    named = set(islice(_named_keys(store), None if writing else 2))
    if unknown := sorted(named - set(ids)):
        several = (
            ": it was written with several keyrings, so put their keys into one file (`keys`, "
            "`digest_keys`)"
        )
        return (
            f"the store holds what key {', '.join(unknown)} made, and {given}"
            f"{several if named & set(ids) else ''}"
        )
    return _does_not_open(store, keyring) if keyring is not None and writing else ""


def _named_keys(store: Store) -> Iterator[str]:
    """Yield keys that a store's sealed files and digests name, read as far as is asked."""
    snapshot = store.current()
    for entry in [f for f in snapshot.files if f.path.endswith(SEALED)][-SAMPLE:]:
        with suppress(FileNotFoundError):
            if key_id := encryption_key_id(store.files.read(store.url(entry.path), 0, HEAD_BYTES)):
                yield key_id
    for entry in snapshot.by_dataset(SUBJECTS):
        with suppress(FileNotFoundError), store.files.open(store.url(entry.path)) as source:
            for batch in pq.ParquetFile(source).iter_batches(50_000, columns=["key_id"]):
                yield from batch.column(0).unique().to_pylist()


def _does_not_open(store: Store, keyring: Keyring) -> str:
    """Tell why the newest rejected file does not open although the keyring has a key of its
    name.
    """
    for entry in store.current().by_dataset(CONTENT)[-1:]:
        url = store.url(entry.path)
        try:
            # Of a key that is retired its name is all there is.
            if keyring.opens(encryption_key_id(store.files.read(url, 0, HEAD_BYTES)) or ""):
                with store.files.open(url) as source:
                    EncryptedReader(source, keyring, entry.path, PURPOSE)
        except SealedError:
            if not store.differs(entry):
                return f"{entry.path} does not open with the keyring given, {keyring.path}"
    return ""


def _evidence_problem(store: Store, found: StoreIdentity | None, writing: bool) -> str:
    """Tell why the evidence key is not the store's.

    Empty where it is, where nothing says, or where none is at hand and none is needed.
    """
    known = found.evidence_key if found else _signed_by(store)
    where = key_path(store.keyring)
    if not known or (where.startswith(KMS_SCHEME) and not writing):
        return ""
    try:
        given = open_signer(store.keyring, create=False).public.id
        if store.attestor().signer_leads_from(known, given):
            return ""
    except EvidenceKeyError as error:
        return f"its evidence is signed with key {known}, and {error}" if writing else ""
    shown = "CALLVEIL_EVIDENCE_KEY" if where.startswith("-----") else where
    return f"its evidence is signed with key {known}, and the key given, {shown}, is {given}"


def _operator_problem(found: StoreIdentity | None) -> str:
    """Tell why whoever runs this is not the store's operator; empty where either is not named."""
    given = os.environ.get(OPERATOR, "")
    if not found or not found.operator or given in ("", found.operator):
        return ""
    return (
        f"it is run by {found.operator}, and {OPERATOR} says {given} (where it has passed on, "
        "unset that, and state it by `callveil evidence owner`)"
    )


def _signed_by(store: Store) -> str:
    """Return id of the key that signed a store's newest run, else its newest checkpoint; else
    empty.
    """
    for chain, seq in ((EVIDENCE, store.head().seq), (SEALS, store.attestor().newest(SEALS))):
        with suppress(FileNotFoundError, RecordError):
            return parse_record(store.files.read(store.url(record_name(seq, chain)))).key.id
    return ""
