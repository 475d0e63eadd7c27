"""Translation of S3 and botocore errors into messages that tell the user what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    FlexibleChecksumError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
    TokenRetrievalError,
)

from callveil.transforms.storage.files.urls import FilesError, PreconditionFailed

ATTEMPTS = 4
CONNECT_SECONDS, READ_SECONDS = 5, 20
"""How long an attempt waits for a connection, and for each piece of an answer: with `ATTEMPTS` and
their pauses, a request that hangs ends within 90 seconds.
"""
REFUSED_SECONDS = 0.3
"""The first pause after a port that nobody listens at; the second is twice as long, and so on.
botocore's own are drawn, up to 7 s together.
"""
AGAIN = "run the same command again: it goes on where it was"
MISSING = ("404", "NoSuchKey", "NoSuchVersion", "NotFound")


def code_of(error: ClientError) -> str:
    """Return S3's error code; of a HEAD request, which has no body, the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


_EXPLAINED: dict[str, tuple[int, str]] = {
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "TokenRefreshRequired",
            "RequestExpired",
            "InvalidToken",
        ),
        (
            errno.EIO,
            (
                "the S3 credentials have expired or their session token is not valid; get new ones "
                "(`aws sso login`, a new role session), then "
            )
            + AGAIN,
        ),
    ),
    **dict.fromkeys(
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity"),
        (
            errno.EIO,
            "S3 does not know these credentials; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
            "and AWS_PROFILE",
        ),
    ),
    **dict.fromkeys(
        ("RequestTimeTooSkewed",),
        (errno.EIO, "S3 refuses requests of another time; set this machine's clock"),
    ),
    **dict.fromkeys(
        ("PermanentRedirect", "AuthorizationHeaderMalformed", "301"),
        (errno.EIO, "the bucket is in another region; name it with --s3-region"),
    ),
    **dict.fromkeys(
        (
            "SlowDown",
            "ServiceUnavailable",
            "503",
            "InternalError",
            "500",
            "502",
            "504",
            "RequestTimeout",
        ),
        (errno.EIO, f"S3 is overloaded or failing, {ATTEMPTS} attempts in a row; {AGAIN}"),
    ),
    **dict.fromkeys(
        ("BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidDigest"),
        (
            errno.EIO,
            f"what was written came damaged to S3, {ATTEMPTS} times in a row; check the network, "
            f"then {AGAIN}",
        ),
    ),
    "NoSuchBucket": (
        errno.ENOENT,
        "the bucket does not exist; check its name, the region and the endpoint",
    ),
    "PreconditionFailed": (errno.EAGAIN, "the object already exists, or changed since it was read"),
    "400": (
        errno.EIO,
        (
            "S3 refused to say why (400), most often because credentials have expired; get new "
            "ones, "
            "then "
        )
        + AGAIN,
    ),
}
"""S3's error codes (of HEAD requests, which have no body, their status) to what they mean and what
mends them.
"""
_FAILED: list[tuple[tuple[type[BotoCoreError], ...], str]] = [
    (
        (NoCredentialsError, PartialCredentialsError),
        "no S3 credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a "
        "role",
    ),
    (
        (CredentialRetrievalError, TokenRetrievalError),
        "the S3 credentials could not be renewed; log in anew (`aws sso login`), then " + AGAIN,
    ),
    ((ProfileNotFound,), "AWS_PROFILE names a profile that is not there; see ~/.aws/config"),
    (
        (EndpointConnectionError, ConnectTimeoutError),
        "S3 could not be reached, nobody answers; check endpoint (--s3-endpoint-url, "
        "AWS_ENDPOINT_URL), region and network",
    ),
    (
        (IncompleteReadError, ResponseStreamingError, FlexibleChecksumError),
        f"the object came cut off or damaged, {ATTEMPTS} times in a row; check the network and the "
        f"server, then {AGAIN}",
    ),
    (
        (ReadTimeoutError,),
        f"S3 did not answer, in attempts of {READ_SECONDS} s; check the server and the network, "
        f"then {AGAIN}",
    ),
]


def limit_retries(client: Any, service: str, most: int = ATTEMPTS) -> Any:
    """Return the client of an AWS service. A port that nobody listens at is tried again as often as
    all else, and told within seconds.
    """

    def pause(attempts: int, caught_exception: Exception | None, **_: Any) -> float | bool | None:
        if not isinstance(caught_exception, EndpointConnectionError):
            return None  # botocore's own rules decide
        return attempts < most and REFUSED_SECONDS * attempts

    client.meta.events.register_first(f"needs-retry.{service}", pause)
    return client


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Turn botocore's errors into ones that say what to do."""
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code in MISSING:
            raise FileNotFoundError(errno.ENOENT, "no such object", url) from None
        if code in ("AccessDenied", "403", "Forbidden"):
            raise FilesError(
                errno.EACCES,
                f"S3 refused {error.operation_name}; check the bucket policy and the role's "
                "permissions",
                url,
            ) from None
        number, text = _EXPLAINED.get(
            code, (errno.EIO, f"S3 answered {code or 'an error'} to {error.operation_name}")
        )
        raise (PreconditionFailed if number == errno.EAGAIN else FilesError)(
            number, text, url
        ) from None
    except BotoCoreError as error:
        text = next((text for kinds, text in _FAILED if isinstance(error, kinds)), "")
        number = errno.EACCES if isinstance(error, NoCredentialsError) else errno.EIO
        other = (
            f"S3 could not be reached ({type(error).__name__}); check endpoint, region and "
            f"network, then {AGAIN}"
        )
        raise FilesError(number, text or other, url) from None
    except ValueError as error:
        if not str(error).startswith("Invalid endpoint"):
            raise
        raise FilesError(
            errno.EINVAL,
            "--s3-endpoint-url (AWS_ENDPOINT_URL) is no URL; it begins with http:// or https://",
            url,
        ) from None
