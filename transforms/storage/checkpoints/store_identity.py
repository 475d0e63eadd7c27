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
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from callveil.transforms.storage.checkpoints.identity_record import (
    OPERATOR,
    SEALED,
    WAY_OUT,
    IdentityError,
    StoreIdentity,
    compare_keys,
    keys_problem,
    read_identity,
)
from callveil.transforms.storage.commit import known_heads
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.commit.known_heads import ChainHead
from callveil.transforms.storage.commit.maintenance import refuse_read_only
from callveil.transforms.storage.encryption.encrypted_file import (
    HEAD_BYTES,
    encryption_key_id,
)
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError, default_path
from callveil.transforms.storage.evidence.signed_record import (
    IDENTITY,
)
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import STORE_FILE

KIND = "identity"
LOOK = 1_000
"""Names of an inbox among which a sealed body is looked for."""

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
    if found and (problem := keys_problem(store, found, ring, writing=False)):
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
