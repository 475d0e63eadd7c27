"""Keys that check signatures, and what a signer of evidence does."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from callveil.schemas.errors import UserError

ID_DIGITS = 16


class EvidenceKeyError(UserError, ValueError):
    """A key cannot be used; the text says what is wrong and how to mend it, and quotes no
    secret.
    """


@dataclass(frozen=True)
class PublicKey:
    """A key that checks signatures.

    Attributes:
        der: SubjectPublicKeyInfo, DER.
        algorithm: ed25519 or ecdsa-p256-sha256; follows from the key, never from what a record
            claims.
    """

    der: bytes
    algorithm: str

    @classmethod
    def of(cls, der: bytes) -> PublicKey:
        """From DER. Raises `EvidenceKeyError` for anything but an Ed25519 or P-256 key."""
        try:
            key = serialization.load_der_public_key(der)
        except (ValueError, TypeError):
            raise EvidenceKeyError(
                "not a public key; expected SubjectPublicKeyInfo (PEM or DER)"
            ) from None
        if isinstance(key, Ed25519PublicKey):
            return cls(der, "ed25519")
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(der, "ecdsa-p256-sha256")
        raise EvidenceKeyError(
            "the public key is neither Ed25519 nor ECDSA on P-256; evidence is signed with one of "
            "these"
        )

    @classmethod
    def read(cls, path: str | Path) -> PublicKey:
        """Read a public key from a PEM or DER file; a private key's file gives its public half.
        Raises `EvidenceKeyError`.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise EvidenceKeyError(
                f"{path}: cannot be read ({error.strerror}); name the file that `callveil evidence "
                "key --out FILE` wrote"
            ) from None
        if b"PRIVATE KEY" in data:
            return FileSigner.of(data, str(path)).public
        try:
            if data.lstrip().startswith(b"-----BEGIN"):
                key = serialization.load_pem_public_key(data)
                data = key.public_bytes(
                    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            return cls.of(data)
        except (ValueError, TypeError) as error:
            raise EvidenceKeyError(
                f"{path}: "
                f"{error if isinstance(error, EvidenceKeyError) else 'not a public key in PEM or DER'}"  # noqa: E501
            ) from None

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
        """Tell whether `signature` over `message` was made with this key's private half."""
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
    """Interface of a signing key."""

    @property
    def public(self) -> PublicKey:
        """Its public half."""

    def sign(self, message: bytes) -> bytes:
        """Signature over a message of at most 4 KiB."""


class FileSigner:
    """An Ed25519 key held in memory. It cannot be printed or pickled."""

    def __init__(self, key: Ed25519PrivateKey, source: str) -> None:
        self._key, self.source = key, source
        der = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._public = PublicKey.of(der)

    @classmethod
    def of(cls, data: bytes, source: str) -> FileSigner:
        """Return the signer for a private key in PEM (PKCS #8). `source` stands in messages. Raises
        `EvidenceKeyError`.
        """
        try:
            key = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError):
            raise EvidenceKeyError(
                f"{source}: not an unencrypted private key in PEM; restore it from your backup"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise EvidenceKeyError(
                f"{source}: the private key is not Ed25519; make one with `openssl genpkey "
                "-algorithm ed25519`, or let callveil make it"
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
