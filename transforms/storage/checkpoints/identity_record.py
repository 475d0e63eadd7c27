"""The signed record of whose a store is: keyring, operator, controllers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from callveil.schemas.json_types import JsonObject
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError
from callveil.transforms.storage.evidence.signed_record import (
    IDENTITY,
    RecordError,
    SignedRecord,
    is_record_signed,
    parse_record,
    record_name,
)

KIND = "identity"


OPERATOR = "CALLVEIL_OPERATOR"
"""Who runs this installation: noted in stores it makes, and compared with what others say."""


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
        """Return the same with an operator and with controllers; those stated by hand outrank
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
