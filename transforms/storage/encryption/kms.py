"""Wrapping secrets by a key of AWS KMS (envelope encryption): what lies in a file opens only for
who may ask KMS.
"""

from __future__ import annotations

from typing import Any

from callveil.schemas.errors import UserError

_CONTEXT = "callveil-keyring"


class KmsError(UserError, ValueError):
    """KMS cannot be reached, refuses, or does not know the key; the text names no secret."""


def kms_client() -> Any:
    """Return boto3's KMS client, which says within seconds where nobody answers. Raises
    `BotoCoreError` of botocore.
    """
    import boto3
    from botocore.config import Config

    from callveil.transforms.storage.files.s3_errors import (
        ATTEMPTS,
        CONNECT_SECONDS,
        READ_SECONDS,
        limit_retries,
    )

    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    config = Config(retries=retries, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
    return limit_retries(boto3.session.Session().client("kms", config=config), "kms")


def _call(name: str, key: str, **given: Any) -> Any:
    """Make one call. Credentials, region and endpoint come from the usual AWS settings
    (`AWS_ENDPOINT_URL_KMS` included).
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(kms_client(), name)(**given)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise KmsError(
            f"KMS refused {name} with {key} ({code}); check the key and the role's permissions"
        ) from None
    except BotoCoreError as error:
        raise KmsError(
            f"KMS could not be asked ({type(error).__name__}); check region, network and "
            "credentials"
        ) from None


def wrap_secret(key: str, secret: bytes, name: str) -> bytes:
    """Wrap a secret by a symmetric key (id, ARN or alias), bound to its name. Raises `KmsError`."""
    return bytes(
        _call("encrypt", key, KeyId=key, Plaintext=secret, EncryptionContext={_CONTEXT: name})[
            "CiphertextBlob"
        ]
    )


def unwrap_secret(key: str, wrapped: bytes, name: str) -> bytes:
    """Return the secret that `wrap_secret` wrapped. Raises `KmsError`, also where the wrapped
    secret is another key's.
    """
    return bytes(
        _call(
            "decrypt", key, KeyId=key, CiphertextBlob=wrapped, EncryptionContext={_CONTEXT: name}
        )["Plaintext"]
    )
