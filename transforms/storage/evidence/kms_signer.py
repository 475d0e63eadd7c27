"""Signing with a key of AWS KMS: the private half never leaves it."""

from __future__ import annotations

from typing import Any

from callveil.transforms.storage.encryption.kms import kms_client
from callveil.transforms.storage.evidence.public_key import EvidenceKeyError, PublicKey

_ALGORITHMS = {"ed25519": "ED25519_SHA_512", "ecdsa-p256-sha256": "ECDSA_SHA_256"}
"""KMS' own names; a key spec of ECC_NIST_EDWARDS25519 or ECC_NIST_P256, usage SIGN_VERIFY."""


class KmsSigner:
    """A key of AWS KMS. Credentials, region and endpoint come from the usual AWS settings
    (`AWS_ENDPOINT_URL_KMS` included).

    Args:
        key: key id, ARN or alias (`alias/...`).

    Raises `EvidenceKeyError` where KMS cannot be reached, refuses, or the key is of another kind.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._client = self._connect()
        self._public = PublicKey.of(self._call("get_public_key", KeyId=key)["PublicKey"])

    def _connect(self) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            return kms_client()
        except BotoCoreError as error:
            raise EvidenceKeyError(
                f"{self._key}: no connection to KMS ({type(error).__name__}); check region and "
                "credentials"
            ) from None

    def _call(self, name: str, **given: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, name)(**given)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise EvidenceKeyError(
                f"{self._key}: KMS refused {name} ({code}); check the key and the role's "
                "permissions"
            ) from None
        except BotoCoreError as error:
            raise EvidenceKeyError(
                f"{self._key}: KMS could not be asked ({type(error).__name__}); check region, "
                "network and credentials"
            ) from None

    @property
    def public(self) -> PublicKey:
        """Its public half, from KMS."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Signature over a message of at most 4 KiB."""
        algorithm = _ALGORITHMS[self._public.algorithm]
        return bytes(
            self._call(
                "sign",
                KeyId=self._key,
                Message=message,
                MessageType="RAW",
                SigningAlgorithm=algorithm,
            )["Signature"]
        )
