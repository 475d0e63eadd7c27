"""Signed records in a chain: what they look like, how they are signed, and how they are read."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from callveil.schemas.json_types import JsonObject
from callveil.transforms.storage.evidence.public_key import (
    EvidenceKeyError,
    FileSigner,
    PublicKey,
    Signer,
)
from callveil.transforms.storage.files.local import LocalFiles
from callveil.transforms.storage.format1.snapshot import CONTROL, to_json

EVIDENCE = f"{CONTROL}/evidence"
PULLS = f"{CONTROL}/pulls"
IDENTITY = f"{CONTROL}/identity"
SALTS = f"{CONTROL}/salts"
SEALS = f"{CONTROL}/seals"
_PURPOSE = b"callveil evidence 1\n"
_HANDOVER = b"callveil evidence handover 1\n"
HANDOVERS = "evidence-handovers.json"
SIGNATURE_FIELDS = ("signer", "algorithm", "public_key", "handovers", "signature")


def record_name(seq: int, folder: str = EVIDENCE) -> str:
    """Return the path of record number `seq` of a chain below the store's root."""
    return f"{folder}/{seq:08d}.json"


class RecordError(ValueError):
    """A record is not what it should be; the text says what differs."""


@dataclass(frozen=True)
class SignedRecord:
    """A record as stored.

    Attributes:
        body: its members, without those of the signature.
        key: the key it says it was signed with.
        signature: over the rest.
        handovers: by which older keys handed over to this one.
        message: what was signed.
        sha256: of its bytes; what the next record names.
    """

    body: JsonObject
    key: PublicKey
    signature: bytes
    handovers: tuple[dict[str, str], ...]
    message: bytes
    sha256: str

    @property
    def previous(self) -> str:
        """Digest of the record before it, or empty."""
        return str(self.body["previous_sha256"])


def _message(signed: JsonObject) -> bytes:
    return _PURPOSE + hashlib.sha256(to_json(signed)).hexdigest().encode()


def sign_record(
    body: JsonObject, signer: Signer, handovers: Sequence[dict[str, str]] = ()
) -> bytes:
    """Return a record's bytes: `body` with key, signature, and where keys changed the handovers.
    Canonical, so that it has one form only.
    """
    public = signer.public
    signed = body | {
        "signer": public.id,
        "algorithm": public.algorithm,
        "public_key": base64.b64encode(public.der).decode(),
        "handovers": list(handovers),
    }
    return to_json(signed | {"signature": base64.b64encode(signer.sign(_message(signed))).decode()})


def parse_record(data: bytes) -> SignedRecord:
    """Read a record. Raises `RecordError` where it is damaged, or not in canonical form; the
    signature is not checked.
    """
    try:
        found = orjson.loads(data)
        if not isinstance(found, dict) or to_json(found) != data:
            raise RecordError("its bytes are not in canonical form; it was changed or damaged")
        signature = base64.b64decode(found["signature"], validate=True)
        signed = {k: v for k, v in found.items() if k != "signature"}
        key = PublicKey.of(base64.b64decode(found["public_key"], validate=True))
        if (found["signer"], found["algorithm"]) != (key.id, key.algorithm):
            raise RecordError("it names a key that is not the one it carries: a look-alike")
        body = {k: v for k, v in found.items() if k not in SIGNATURE_FIELDS}
        if not isinstance(body["previous_sha256"], str):
            raise TypeError
        return SignedRecord(
            body,
            key,
            signature,
            tuple(found["handovers"]),
            _message(signed),
            hashlib.sha256(data).hexdigest(),
        )
    except RecordError:
        raise
    except EvidenceKeyError:
        raise RecordError("the key it carries is no public key of a known kind") from None
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise RecordError(
            "not a signed record of this version; it was changed or damaged"
        ) from None


def is_record_signed(record: SignedRecord, key: PublicKey) -> bool:
    """Tell whether `key` signed it."""
    return key.is_valid(record.message, record.signature)


# Handing over to a new key


def make_handover(old: Signer, new: PublicKey) -> dict[str, str]:
    """Return the old key's word that the new one follows it."""
    signature = base64.b64encode(old.sign(_HANDOVER + new.der)).decode()
    return {"from": old.public.id, "to": base64.b64encode(new.der).decode(), "signature": signature}


def follow_handovers(
    trusted: dict[str, PublicKey], handovers: Sequence[dict[str, str]]
) -> dict[str, PublicKey]:
    """Return keys trusted once handovers are counted in; those that do not hold are passed over."""
    out = dict(trusted)
    for given in handovers:
        try:
            old, new = (
                out.get(given["from"]),
                PublicKey.of(base64.b64decode(given["to"], validate=True)),
            )
            if old and old.is_valid(
                _HANDOVER + new.der, base64.b64decode(given["signature"], validate=True)
            ):
                out[new.id] = new
        except (EvidenceKeyError, ValueError, KeyError, TypeError):
            continue
    return out


def read_handovers(folder: Path) -> list[dict[str, str]]:
    """Return handovers that lie beside a key's file, oldest first."""
    try:
        found = orjson.loads((folder / HANDOVERS).read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        raise EvidenceKeyError(
            f"{folder / HANDOVERS}: cannot be read as JSON; restore it from your backup"
        ) from None
    return list(found)


def add_handover(folder: Path, old: FileSigner, new: PublicKey) -> None:
    """Note that `old` handed over to `new`."""
    LocalFiles().write(
        str(folder / HANDOVERS),
        to_json([*read_handovers(folder), make_handover(old, new)]),
        if_none_match=False,
        if_match=None,
    )


def handover_path(
    handovers: Sequence[dict[str, str]], old: str, new: str
) -> list[dict[str, str]] | None:
    """Return handovers that lead from key `old` to key `new`, or None."""
    given_to = {PublicKey.of(base64.b64decode(h["to"])).id: h for h in handovers}
    steps: list[dict[str, str]] = []
    while new != old:
        step = given_to.pop(new, None)
        if step is None:
            return None
        steps.insert(0, step)
        new = step["from"]
    return steps
