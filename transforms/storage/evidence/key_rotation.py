"""Change of the key that signs evidence, handed over by its predecessor."""

from __future__ import annotations

from pathlib import Path

from callveil.transforms.storage.evidence.public_key import EvidenceKeyError, FileSigner, PublicKey
from callveil.transforms.storage.evidence.signing_keys import (
    KMS_SCHEME,
    key_path,
    new_key_pem,
    open_signer,
)
from callveil.transforms.storage.files.local import LocalFiles


def rotate_key(keyring: str | Path | None = None) -> PublicKey:
    """Make a new key where the present one lies, and note the present one's word that the new one
    follows it; returns the new public key.

    The old key's file is kept under a name with its id. Raises `EvidenceKeyError` where the key is
    no file.
    """
    from callveil.transforms.storage.evidence.signed_record import (
        add_handover,
    )  # which is made of what stands here

    where = key_path(keyring)
    if where.startswith((KMS_SCHEME, "-----BEGIN")):
        raise EvidenceKeyError(
            "only a key in a file is changed here; in KMS make a new key, and point "
            "CALLVEIL_EVIDENCE_KEY to it"
        )
    path = Path(where)
    old, data = open_signer(keyring), new_key_pem()
    if not isinstance(old, FileSigner):
        raise EvidenceKeyError(f"{path}: no key in a file")
    new = FileSigner.of(data, where)
    kept = path.with_name(f"{path.stem}-{old.public.id}{path.suffix}")
    # The handover first: a process that is killed here leaves word of a key that never signs, which
    # does no harm.
    add_handover(path.parent, old, new.public)
    LocalFiles().write(str(kept), path.read_bytes(), if_none_match=False, if_match=None)
    LocalFiles().write(str(path), data, if_none_match=False, if_match=None)
    return new.public
