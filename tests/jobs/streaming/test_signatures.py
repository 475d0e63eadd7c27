"""Who signed a request, and when: tables, and a property against the schemes written out once
more.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.webhook_posts import OTHER, SECRET, ctm, timed

from callveil.transforms.jobs.streaming.signatures import (
    SCHEMES,
    SignatureRefused,
    verify_signature,
)

NOW = 1_764_000_000.0
BODY = b'{"id": 1, "name": "x"}'
SIGNERS: dict[str, Any] = {
    "ctm": lambda body, at, secret: ctm(body, at, secret),
    "hmac-sha256": lambda body, at, secret: timed(body, at, secret),
}


def outcome(
    scheme: str,
    headers: dict[str, str],
    body: bytes = BODY,
    secrets: tuple[bytes, ...] = (SECRET,),
    now: float = NOW,
) -> str:
    """`ok`, or the code of the refusal."""
    try:
        verify_signature(SCHEMES[scheme], headers, body, secrets, now)
    except SignatureRefused as refused:
        return refused.outcome
    return "ok"


def test_a_signature_made_by_hand_is_good() -> None:
    """Worked out with `printf '1764000000{}' | openssl dgst -sha1 -hmac 0123456789abcdef -binary |
    base64`, and so for the other.
    """
    by_openssl = {"X-CTM-Time": "1764000000", "X-CTM-Signature": "hlu5o9XIFlOPpjc8hHzJIQWy4lo="}
    assert outcome("ctm", by_openssl, b"{}", (b"0123456789abcdef",)) == "ok"
    assert (
        outcome(
            "hmac-sha256",
            {
                "X-Signature": "t=1764000000,v1=7d30677170eef90881d27d4ed43c2fbd6dc9b8344fa6abe28751fe26722a3342"  # noqa: E501
            },
            b"{}",
            (b"0123456789abcdef",),
        )
        == "ok"
    )


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize(
    ("body", "at", "signer", "known", "expected"),
    [
        (BODY, NOW, SECRET, (SECRET,), "ok"),
        (BODY, NOW, SECRET, (OTHER, SECRET), "ok"),
        (BODY, NOW, OTHER, (OTHER, SECRET), "ok"),
        (BODY, NOW, OTHER, (SECRET,), "bad_signature"),
        (BODY, NOW, SECRET, (), "bad_signature"),
        (BODY + b" ", NOW, SECRET, (SECRET,), "bad_signature"),
        (BODY, NOW - 299, SECRET, (SECRET,), "ok"),
        (BODY, NOW + 299, SECRET, (SECRET,), "ok"),
        (BODY, NOW - 301, SECRET, (SECRET,), "stale"),
        (BODY, NOW + 301, SECRET, (SECRET,), "stale"),
        (BODY, NOW - 301, OTHER, (SECRET,), "bad_signature"),
        (b"", NOW, SECRET, (SECRET,), "bad_signature"),
    ],
)
def test_who_and_when(
    scheme: str, body: bytes, at: float, signer: bytes, known: tuple[bytes, ...], expected: str
) -> None:
    assert outcome(scheme, SIGNERS[scheme](BODY, at, signer), body, known) == expected


@pytest.mark.parametrize(
    ("scheme", "headers", "expected"),
    [
        ("ctm", {}, "unsigned"),
        ("ctm", {"X-CTM-Signature": ctm(BODY, NOW)["X-CTM-Signature"]}, "unsigned"),
        ("ctm", {"X-CTM-Time": "1764000000"}, "unsigned"),
        ("ctm", {"X-CTM-Time": "1764000000", "X-CTM-Signature": "not base64!"}, "bad_signature"),
        ("ctm", {"X-CTM-Time": "1764000000", "X-CTM-Signature": "ÿ"}, "bad_signature"),
        ("ctm", {"X-CTM-Time": "soon", "X-CTM-Signature": "aGk="}, "bad_time"),
        ("hmac-sha256", {}, "unsigned"),
        ("hmac-sha256", {"X-Signature": "v1=00"}, "bad_signature"),
        ("hmac-sha256", {"X-Signature": "t=1764000000"}, "bad_signature"),
        ("hmac-sha256", {"X-Signature": "t=1764000000,t=1764000000,v1=00"}, "bad_signature"),
        ("hmac-sha256", {"X-Signature": "t=1764000000,v1=zz"}, "bad_signature"),
        ("hmac-sha256", {"X-Signature": "t=nan,v1=00"}, "bad_signature"),
        ("hmac-sha256", {"X-Signature": "t=9999999999999,v1=00"}, "bad_signature"),
        ("hmac-sha256", {"X-Signature": timed(BODY, NOW, OTHER, SECRET)["X-Signature"]}, "ok"),
        (
            "hmac-sha256",
            {"X-Signature": timed(BODY, NOW)["X-Signature"].replace(",", " , ") + ",v0=1"},
            "ok",
        ),
    ],
)
def test_headers_of_other_forms(scheme: str, headers: dict[str, str], expected: str) -> None:
    assert outcome(scheme, headers) == expected


@pytest.mark.parametrize(
    "written",
    [
        "1764000000",
        "1764000000.25",
        "1764000000000",
        "2025-11-24T16:00:00Z",
        "2025-11-24 11:00:00 -0500",
    ],
)
def test_times_of_every_form(written: str) -> None:
    """The vendor's samples do not say which form the time header has; its text is signed as it
    stands.
    """
    import base64
    import hmac

    digest = hmac.new(SECRET, written.encode() + BODY, "sha1").digest()
    assert (
        outcome(
            "ctm",
            {"X-CTM-Time": written, "X-CTM-Signature": base64.b64encode(digest).decode() + "\n"},
        )
        == "ok"
    )


TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40)


@settings(max_examples=150)
@given(
    scheme=st.sampled_from(sorted(SCHEMES)),
    values=st.lists(TEXT, min_size=2, max_size=2),
    body=st.binary(max_size=60),
)
def test_nothing_made_up_passes_or_breaks_it(scheme: str, values: list[str], body: bytes) -> None:
    headers = dict(zip(SCHEMES[scheme].headers, values, strict=False))
    assert outcome(scheme, headers, body) in ("unsigned", "bad_signature", "bad_time")


@settings(max_examples=100)
@given(
    scheme=st.sampled_from(sorted(SCHEMES)),
    body=st.binary(max_size=200),
    secret=st.binary(min_size=1, max_size=70),
    at=st.integers(1_700_000_000, 1_800_000_000),
    flip=st.none() | st.integers(0, 10_000),
)
def test_a_body_changed_in_one_bit_does_not_pass(
    scheme: str, body: bytes, secret: bytes, at: int, flip: int | None
) -> None:
    headers = SIGNERS[scheme](body, at, secret)
    sent = bytearray(body)
    if flip is not None and sent:
        sent[flip % len(sent)] ^= 1 << (flip % 8)
    assert outcome(scheme, headers, bytes(sent), (secret,), at) == (
        "ok" if sent == body else "bad_signature"
    )
