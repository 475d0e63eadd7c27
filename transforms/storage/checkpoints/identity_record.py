"""The record of whose a store is, and its comparison with the keys that are given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

import msgspec
import pyarrow.parquet as pq

from callveil.schemas.json_types import JsonObject
from callveil.transforms.storage.commit import known_heads
from callveil.transforms.storage.commit.catalog import Store, StoreError
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
    SignedRecord,
    is_record_signed,
    parse_record,
    record_name,
)
from callveil.transforms.storage.evidence.signing_keys import KMS_SCHEME, key_path, open_signer
from callveil.transforms.storage.tables.dead_letters import CONTENT, PURPOSE

OPERATOR = "CALLVEIL_OPERATOR"
"""Who runs this installation: noted in stores it makes, and compared with what others say."""
SUBJECTS = "subjects"
SEALED = ".sealed"
SAMPLE = 64
"""Sealed files of a store without an identity that are asked which key sealed them."""
WAY_OUT = (
    "Use the store's own: --keyring FILE or CALLVEIL_KEYRING, with evidence-key.pem beside it or "
    "CALLVEIL_EVIDENCE_KEY; restore them from your backup where they are lost. A store comes under "
    "another key by `callveil keys rotate` with its own keyring, and in no other way"
)


class IdentityError(KeyringError):
    """A store is kept with other keys than those given.

    The text says which it has, which were given, and the way out.
    """

    way_out = WAY_OUT


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """Whose a store is, as its newest record says.

    Attributes:
        keys: fingerprints by key id, of every key in the keyring when the record was made.
        active: the key that sealed then.
        digest_keys: those by whose digests its records are found.
        operator: who runs it; empty where nobody said.
        controllers: who is responsible for each account that was told of.
        stated: accounts of which that was stated by hand.
        seq, sha256: the record's number and digest. evidence_key: id of the key that signed it.
    """

    keys: Mapping[str, str]
    active: str
    digest_keys: tuple[str, ...]
    operator: str = ""
    controllers: Mapping[str, str] = field(default_factory=dict)
    stated: tuple[str, ...] = ()
    seq: int = 0
    sha256: str = ""
    evidence_key: str = ""

    @classmethod
    def of(cls, keyring: Keyring) -> StoreIdentity:
        """Return what a keyring makes of a store."""
        keys = {key_id: keyring.fingerprint(key_id) for key_id in keyring.key_ids}
        return cls(keys, keyring.active, tuple(sorted(keyring.digest_keys)))

    def body(self) -> JsonObject:
        """Return what is signed, without the record's number."""
        own = ("seq", "sha256", "evidence_key")
        return {n: v for n, v in msgspec.to_builtins(self).items() if n not in own}

    def told(
        self, controllers: Mapping[str, str], stated: Mapping[str, str], operator: str
    ) -> StoreIdentity:
        """Return this identity with an operator and with controllers; those stated by hand outrank
        others.
        """
        held = {a: c for a, c in self.controllers.items() if a in self.stated}
        own = tuple(sorted({*self.stated, *stated}))
        return replace(
            self,
            operator=operator or self.operator,
            controllers={**self.controllers, **controllers, **held, **stated},
            stated=own,
        )

    def controller_of(self, account_id: str) -> str:
        """Tell who is responsible for an account: as told, else the account itself."""
        return self.controllers.get(account_id, account_id)


def read_identity(store: Store) -> StoreIdentity | None:
    """Return whose a store says it is; None for one from before that was written down.

    Raises `StoreError` where the record is damaged.
    """
    seq = store.attestor().newest(IDENTITY)
    if not seq:
        return None
    url = store.url(record_name(seq, IDENTITY))
    try:
        record = parse_record(store.files.read(url))
        if not is_record_signed(record, record.key):
            raise RecordError("its signature does not hold; it was changed")
        return _of_record(seq, record)
    except ValueError as error:
        why = error if isinstance(error, RecordError) else "not a record of whose a store is"
        raise StoreError(
            f"{url}: {why}. Restore it; `callveil evidence verify` tells more"
        ) from None


def _of_record(seq: int, record: SignedRecord) -> StoreIdentity:
    found = msgspec.convert(record.body, StoreIdentity)
    return replace(found, seq=seq, sha256=record.sha256, evidence_key=record.key.id)


def compare_keys(
    store: Store, keyring: Keyring | None = None, writing: bool = False
) -> StoreIdentity | None:
    """Compare the keys that are given with those that a store is kept with.

    Returns what the store says of itself. Raises `IdentityError`.
    """
    found = read_identity(store)
    said = (
        keys_problem(store, found, keyring, writing),
        _evidence_problem(store, found, writing),
        _operator_problem(found),
    )
    problems = [p for p in said if p]
    if problems:
        raise IdentityError(f"{store.root}: {'; and '.join(problems)}. {WAY_OUT}")
    return found


def keys_problem(
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
    """Return the id of the key that signed a store's newest run, else its newest checkpoint; else
    empty.
    """
    for chain, seq in ((EVIDENCE, store.head().seq), (SEALS, store.attestor().newest(SEALS))):
        with suppress(FileNotFoundError, RecordError):
            return parse_record(store.files.read(store.url(record_name(seq, chain)))).key.id
    return ""
