"""Webhook signature verification, by a table of the senders' signature schemes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from callveil.schemas.fields import FieldError
from callveil.transforms.ingest.dates import parse_time

TOLERANCE = 300.0
"""Seconds a request's time may lie from ours, either way."""
_UNIX = re.compile(r"\d{1,12}\Z", re.ASCII)


class SignatureRefused(ValueError):
    """A request is not the sender's, or not fresh.

    Args:
        outcome: short code, for counters.
        text: why, for the sender; quotes nothing.
    """

    def __init__(self, outcome: str, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


@dataclass(frozen=True)
class SignatureClaim:
    """Claim made by a request's headers.

    Attributes:
        time: when it was sent, seconds since 1970.
        signed: what stands before the body in the signed text.
        digests: signatures of which one must match.
        algorithm: of the HMAC.
    """

    time: float
    signed: bytes
    digests: tuple[bytes, ...]
    algorithm: str


@dataclass(frozen=True)
class SignatureScheme:
    """One way to sign.

    Attributes:
        text: what it is, for people.
        headers: names of the headers it needs; the first has the signature.
        read: makes a claim of those headers' values. Raises `SignatureRefused`.
    """

    text: str
    headers: tuple[str, ...]
    read: Callable[[Sequence[str]], SignatureClaim]


def _ctm(values: Sequence[str]) -> SignatureClaim:
    signature, time = values
    try:
        digest = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefused("bad_signature", "X-CTM-Signature is not base64") from None
    try:
        when = parse_time(time.strip()).timestamp()
    except FieldError:
        raise SignatureRefused("bad_time", "X-CTM-Time is no time") from None
    return SignatureClaim(when, time.encode("latin-1", "replace"), (digest,), "sha1")


def _timed(values: Sequence[str]) -> SignatureClaim:
    times, digests = [], []
    for part in values[0].split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1":
            try:
                digests.append(bytes.fromhex(value))
            except ValueError:
                raise SignatureRefused(
                    "bad_signature", "the signature is not hexadecimal"
                ) from None
    if len(times) != 1 or not _UNIX.match(times[0]) or not digests:
        raise SignatureRefused(
            "bad_signature", "the signature header must have the form t=SECONDS,v1=HEX"
        )
    return SignatureClaim(float(times[0]), times[0].encode() + b".", tuple(digests), "sha256")


SCHEMES: dict[str, SignatureScheme] = {
    "ctm": SignatureScheme(
        # From the vendor's own sample receiver: base64 of HMAC-SHA1, keyed by the account's secret
        # key, over the time header's text and the body.
        "CallTrackingMetrics: X-CTM-Signature has base64 of HMAC-SHA1 over X-CTM-Time and the "
        "body, keyed by the account's secret key",
        ("X-CTM-Signature", "X-CTM-Time"),
        _ctm,
    ),
    "hmac-sha256": SignatureScheme(
        "X-Signature: t=SECONDS,v1=HEX, where HEX is HMAC-SHA256 over SECONDS, a full stop and the "
        "body; several v1 may stand there",
        ("X-Signature",),
        _timed,
    ),
}


def verify_signature(
    scheme: SignatureScheme,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[bytes],
    now: float,
    tolerance: float = TOLERANCE,
) -> None:
    """Check that a request comes from one who knows a secret, and was sent just now.

    Args:
        headers: by name as the scheme writes it; absent ones are missing.
        secrets: any of which may have signed, so that they can be exchanged without a gap.
        now: seconds since 1970.
        tolerance: seconds.

    Raises `SignatureRefused`. All comparisons take the same time wherever two digests differ.
    """
    missing = [name for name in scheme.headers if not headers.get(name)]
    if missing:
        raise SignatureRefused("unsigned", f"the header {missing[0]} is missing")
    claim = scheme.read([headers[name] for name in scheme.headers])
    matches = False
    for secret in secrets:
        expected = hmac.digest(secret, claim.signed + body, getattr(hashlib, claim.algorithm))
        for digest in claim.digests:
            matches |= hmac.compare_digest(expected, digest)
    if not matches:
        raise SignatureRefused(
            "bad_signature",
            "the signature does not match the body, its time and any secret known here",
        )
    if not abs(now - claim.time) <= tolerance:
        raise SignatureRefused(
            "stale",
            f"the request's time is more than {tolerance:.0f} seconds from ours: a replay, or a "
            "clock that is wrong",
        )
