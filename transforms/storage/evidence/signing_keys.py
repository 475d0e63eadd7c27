"""Keys that sign evidence: an Ed25519 key in a file of its own, in the environment, or any key of
AWS KMS.

`CALLVEIL_EVIDENCE_KEY` says which: a path, `kms:KEY` (id, ARN or alias), or the PEM text itself.
Without it the key lies beside the keyring, `evidence-key.pem`, made on first use with mode 0600.
The public key may be given to anybody.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callveil.transforms.storage.encryption.keyring import default_path
from callveil.transforms.storage.evidence.public_key import EvidenceKeyError, FileSigner, Signer
from callveil.transforms.storage.files.local import LocalFiles
from callveil.transforms.storage.files.urls import PreconditionFailed

ENV = "CALLVEIL_EVIDENCE_KEY"
FILE_NAME = "evidence-key.pem"
KMS_SCHEME = "kms:"


def key_path(keyring: str | Path | None = None) -> str:
    """Tell where the key is: CALLVEIL_EVIDENCE_KEY as it stands, else `evidence-key.pem` beside the
    keyring.
    """
    return os.environ.get(ENV) or str(
        (Path(keyring) if keyring else default_path()).parent / FILE_NAME
    )


def new_key_pem() -> bytes:
    """Return a new Ed25519 private key, PEM (PKCS #8)."""
    encryption = serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def read_key(path: Path) -> FileSigner:
    """Return the key in a file. Raises FileNotFoundError where there is none, `EvidenceKeyError`
    where others may read it or it is no key.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as source:
        mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
        if mode & 0o077:
            raise EvidenceKeyError(
                f"{path}: mode {mode:04o} lets other users read or change the key. Mend it with "
                f"`chmod 600 {path}`"
            )
        return FileSigner.of(source.read(), str(path))


def open_signer(keyring: str | Path | None = None, create: bool = True) -> Signer:
    """Return the key that signs, made where it is a file that is not there yet; safe when several
    processes do so at once.

    Args:
        keyring: see `key_path`.
        create: False where a store is signed already: another key would not be its own.

    Raises `EvidenceKeyError` where there is a key that cannot be used, or none and none may be
    made.
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
        raise EvidenceKeyError(
            f"{path}: this user may not read the evidence key; run as its owner, or name another "
            f"by {ENV}"
        ) from None
    if not create:
        raise EvidenceKeyError(
            f"{path}: there is no evidence key here; put the store's own there, or name it by {ENV}"
        )
    with suppress(PreconditionFailed):  # another process was faster
        LocalFiles().write(str(path), new_key_pem(), if_none_match=True, if_match=None)
    return read_key(path)
