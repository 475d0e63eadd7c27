"""Keys that sign evidence: an Ed25519 key in a file of its own, in the environment, or any key of AWS KMS.

`CALLVEIL_EVIDENCE_KEY` says which: a path, `kms:KEY` (id, ARN or alias), or the PEM text itself. Without it the key lies beside
the keyring, `evidence-key.pem`, made on first use with mode 0600. The public key may be given to anybody.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from callveil.transforms.storage.encryption.keyring import default_path
from callveil.transforms.storage.files.local import LocalFiles
from callveil.transforms.storage.files.urls import PreconditionFailed

ENV = "CALLVEIL_EVIDENCE_KEY"
FILE_NAME = "evidence-key.pem"
KMS_SCHEME = "kms:"
ID_DIGITS = 16


class EvidenceKeyError(ValueError):
    """A key cannot be used; the text says what is wrong and how to mend it, and quotes no secret."""


@dataclass(frozen=True)
class PublicKey:
    """A key that checks signatures.

    Attributes:
        der: SubjectPublicKeyInfo, DER.
        algorithm: ed25519 or ecdsa-p256-sha256; follows from the key, never from what a record claims.
    """

    der: bytes
    algorithm: str

    @classmethod
    def of(cls, der: bytes) -> PublicKey:
        """From DER. Raises `EvidenceKeyError` for anything but an Ed25519 or P-256 key."""
        try:
            key = serialization.load_der_public_key(der)
        except (ValueError, TypeError):
            raise EvidenceKeyError("not a public key; expected SubjectPublicKeyInfo (PEM or DER)") from None
        if isinstance(key, Ed25519PublicKey):
            return cls(der, "ed25519")
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(der, "ecdsa-p256-sha256")
        raise EvidenceKeyError("the public key is neither Ed25519 nor ECDSA on P-256; evidence is signed with one of these")

    @classmethod
    def read(cls, path: str | Path) -> PublicKey:
        """From a PEM or DER file; a private key's file gives its public half. Raises `EvidenceKeyError`."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise EvidenceKeyError(
                f"{path}: cannot be read ({error.strerror}); name the file that `callveil evidence key --out FILE` wrote"
            ) from None
        if b"PRIVATE KEY" in data:
            return FileSigner.of(data, str(path)).public
        try:
            if data.lstrip().startswith(b"-----BEGIN"):
                key = serialization.load_pem_public_key(data)
                data = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            return cls.of(data)
        except (ValueError, TypeError) as error:
            raise EvidenceKeyError(f"{path}: {error if isinstance(error, EvidenceKeyError) else 'not a public key in PEM or DER'}") from None

    @property
    def id(self) -> str:
        """First digits of the SHA-256 of the key's DER form, hex."""
        return hashlib.sha256(self.der).hexdigest()[:ID_DIGITS]

    @property
    def pem(self) -> str:
        """PEM text."""
        text = base64.b64encode(self.der).decode()
        lines = [text[i : i + 64] for i in range(0, len(text), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def is_valid(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` over `message` was made with this key's private half."""
        key = serialization.load_der_public_key(self.der)
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, message)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, message, ec.ECDSA(SHA256()))
            else:
                return False
        except InvalidSignature:
            return False
        return True


class Signer(Protocol):
    """What signs."""

    @property
    def public(self) -> PublicKey:
        """Its public half."""

    def sign(self, message: bytes) -> bytes:
        """Signature over a message of at most 4 KiB."""


class FileSigner:
    """An Ed25519 key held in memory. It cannot be printed or pickled."""

    def __init__(self, key: Ed25519PrivateKey, source: str) -> None:
        self._key, self.source = key, source
        der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self._public = PublicKey.of(der)

    @classmethod
    def of(cls, data: bytes, source: str) -> FileSigner:
        """From a private key in PEM (PKCS #8). `source` stands in messages. Raises `EvidenceKeyError`."""
        try:
            key = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError):
            raise EvidenceKeyError(f"{source}: not an unencrypted private key in PEM; restore it from your backup") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise EvidenceKeyError(
                f"{source}: the private key is not Ed25519; make one with `openssl genpkey -algorithm ed25519`, or let callveil make it"
            )
        return cls(key, source)

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature, 64 bytes; the same message gives the same signature."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"FileSigner({self.public.id})"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is never pickled: it would travel with the job")


def key_path(keyring: str | Path | None = None) -> str:
    """Where the key is: CALLVEIL_EVIDENCE_KEY as it stands, else `evidence-key.pem` beside the keyring."""
    return os.environ.get(ENV) or str((Path(keyring) if keyring else default_path()).parent / FILE_NAME)


def new_key_pem() -> bytes:
    """A new Ed25519 private key, PEM (PKCS #8)."""
    encryption = serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def read_key(path: Path) -> FileSigner:
    """The key in a file. Raises FileNotFoundError where there is none, `EvidenceKeyError` where others may read it or it is no key."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as source:
        mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
        if mode & 0o077:
            raise EvidenceKeyError(f"{path}: mode {mode:04o} lets other users read or change the key. Mend it with `chmod 600 {path}`")
        return FileSigner.of(source.read(), str(path))


def open_signer(keyring: str | Path | None = None, create: bool = True) -> Signer:
    """The key that signs, made where it is a file that is not there yet; safe when several processes do so at once.

    Args:
        keyring: see `key_path`.
        create: False where a store is signed already: another key would not be its own.

    Raises `EvidenceKeyError` where there is a key that cannot be used, or none and none may be made.
    """
    where = key_path(keyring)
    if where.startswith(KMS_SCHEME):
        from callveil.transforms.storage.evidence.kms_signer import KmsSigner  # boto3 loads slowly

        return KmsSigner(where[len(KMS_SCHEME) :])
    if where.startswith("-----BEGIN"):
        return FileSigner.of(where.encode(), f"${ENV}")
    path = Path(where)
    try:
        return read_key(path)
    except FileNotFoundError:
        pass
    except PermissionError:
        raise EvidenceKeyError(f"{path}: this user may not read the evidence key; run as its owner, or name another by {ENV}") from None
    if not create:
        raise EvidenceKeyError(f"{path}: there is no evidence key here; put the store's own there, or name it by {ENV}")
    with suppress(PreconditionFailed):  # another process was faster
        LocalFiles().write(str(path), new_key_pem(), if_none_match=True, if_match=None)
    return read_key(path)


def rotate_key(keyring: str | Path | None = None) -> PublicKey:
    """Make a new key where the present one lies, and note the present one's word that the new one follows it; returns the new public key.

    The old key's file is kept under a name with its id. Raises `EvidenceKeyError` where the key is no file.
    """
    from callveil.transforms.storage.evidence.signed_record import add_handover  # which is made of what stands here

    where = key_path(keyring)
    if where.startswith((KMS_SCHEME, "-----BEGIN")):
        raise EvidenceKeyError("only a key in a file is changed here; in KMS make a new key, and point CALLVEIL_EVIDENCE_KEY to it")
    path = Path(where)
    old, data = open_signer(keyring), new_key_pem()
    if not isinstance(old, FileSigner):
        raise EvidenceKeyError(f"{path}: no key in a file")
    new = FileSigner.of(data, where)
    kept = path.with_name(f"{path.stem}-{old.public.id}{path.suffix}")
    # The handover first: a process that is killed here leaves word of a key that never signs, which does no harm.
    add_handover(path.parent, old, new.public)
    LocalFiles().write(str(kept), path.read_bytes(), if_none_match=False, if_match=None)
    LocalFiles().write(str(path), data, if_none_match=False, if_match=None)
    return new.public
