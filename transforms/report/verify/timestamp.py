"""Timestamps by an authority (RFC 3161): somebody outside says when the newest records of a store
were there.

    _callveil/anchors/run-<seq>-<x>.tsr     the authority's answer over the record of run number <seq>, DER
    _callveil/anchors/live-<seq>-<x>.tsr    over checkpoint number <seq> of the live zone

The authority is given a SHA-256 and nothing else. What it signs are that digest and its time, which
`verify` checks offline with the authority's
certificates: its own and those above it, as it publishes them. They are not asked for with the
    answer, where they would prove nothing, and where
OpenSSL's own authority puts them in an order that DER forbids and strict readers refuse. Since each
record names the one before it, a timestamp speaks for all of them up to its own.
"""  # noqa: E501

from __future__ import annotations

import datetime as dt
import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from callveil.schemas.errors import CallveilError
from callveil.transforms.storage.checkpoints.catch_up import newest_record
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.evidence.chain import RecordChain
from callveil.transforms.storage.evidence.problem import ProblemCollector
from callveil.transforms.storage.evidence.signed_record import EVIDENCE, SEALS, record_name
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import CONTROL

ANCHORS = f"{CONTROL}/anchors"
CHAINS = {"run": EVIDENCE, "live": SEALS}
"""Folder of each chain that is timestamped, by the word its timestamps are named with."""
TIMEOUT = 30.0
LONGEST = 1 << 20
_NAME = re.compile(rf"{ANCHORS}/(run|live)-(\d{{8}})-[0-9a-f]{{16}}\.tsr")


class AnchorError(CallveilError, RuntimeError):
    """There is no usable timestamp; the text says why."""


@dataclass(frozen=True)
class Anchor:
    """A timestamp.

    Attributes:
        chain: run or live. seq: number of the record. head: its digest. at: the authority's time,
            UTC.
        path: of the authority's answer, below the root.
    """

    chain: str
    seq: int
    head: str
    at: dt.datetime
    path: str


def read_certificates(paths: Sequence[str | Path]) -> list[x509.Certificate]:
    """Return certificates in PEM files. Raises `AnchorError`."""
    out: list[x509.Certificate] = []
    for path in paths:
        try:
            out += x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError):
            raise AnchorError(
                f"{path}: cannot be read as certificates in PEM; take those that the timestamp "
                "authority publishes"
            ) from None
    return out


def timestamp_chains(
    store: Store, url: str, certificates: Sequence[x509.Certificate] = ()
) -> list[Anchor]:
    """Have the newest record of each chain timestamped, and keep the answers in the store.

    Args:
        url: of the authority, http or https.
        certificates: the authority's; with them each answer is checked before it is kept.

    Raises `AnchorError` where the authority cannot be reached, refuses, or answers something else
    than it was asked.
    """
    out = []
    for name, folder in CHAINS.items():
        record = newest_record(store, folder)
        if record is None:
            continue
        seq = int(record.body["seq"])
        data = store.files.read(store.url(record_name(seq, folder)))
        answer, response = _ask(url, data)
        problem = _differs(response, data, certificates)
        if problem:
            raise AnchorError(f"{url}: {problem}")
        path = f"{ANCHORS}/{name}-{seq:08d}-{hashlib.sha256(answer).hexdigest()[:16]}.tsr"
        store.files.write(store.url(path), answer)
        out.append(Anchor(name, seq, record.sha256, response.tst_info.gen_time, path))
    return out


def _ask(url: str, data: bytes) -> tuple[bytes, TimeStampResponse]:
    if not url.lower().startswith(("http://", "https://")):
        raise AnchorError(f"{url}: expected the http or https address of a timestamp authority")
    asked = TimestampRequestBuilder(data, HashAlgorithm.SHA256, cert_req=False).build()
    request = urllib.request.Request(  # noqa: S310 - checked above
        url, asked.as_bytes(), {"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:  # noqa: S310
            answer: bytes = reply.read(LONGEST)
        response = decode_timestamp_response(answer)
    except (urllib.error.URLError, OSError) as error:
        raise AnchorError(f"{url}: the timestamp authority cannot be reached: {error}") from None
    except ValueError:
        raise AnchorError(
            f"{url}: the answer is no timestamp; is this the address of a timestamp authority?"
        ) from None
    if PKIStatus(response.status) != PKIStatus.GRANTED:
        raise AnchorError(
            f"{url}: the timestamp authority refused ({PKIStatus(response.status).name.lower()})"
        )
    if response.tst_info.nonce != asked.nonce:
        raise AnchorError(
            f"{url}: the answer is to another question; somebody may have played back an old one"
        )
    return answer, response


def _differs(
    response: TimeStampResponse, data: bytes, certificates: Sequence[x509.Certificate]
) -> str:
    """Return what is wrong with a timestamp over some bytes, or an empty text; without certificates
    its signature is not checked.
    """
    if not certificates:
        return (
            ""
            if response.tst_info.message_imprint.message == hashlib.sha256(data).digest()
            else "the timestamp is over something else"
        )
    signer = next((c for c in certificates if _stamps(c)), None)
    if signer is None:
        return (
            "none of the certificates given is a timestamp authority's own: give that beside "
            "those above it"
        )
    roots = [c for c in certificates if c.issuer == c.subject] or [signer]
    above = [c for c in certificates if c not in roots]
    verifier = VerifierBuilder(tsa_certificate=signer, roots=roots, intermediates=above).build()
    try:
        verifier.verify_message(response, data)
    except (VerificationError, ValueError) as error:
        return f"the timestamp does not hold: {error}"
    return ""


def _stamps(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is one to sign timestamps with."""
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in uses


def check_anchors(
    files: Files,
    root: str,
    paths: Mapping[str, int],
    chains: Mapping[str, RecordChain],
    certificates: Sequence[x509.Certificate],
    found: ProblemCollector,
) -> tuple[Anchor, ...]:
    """Check the timestamps a store has; returns those that hold, oldest first.

    Args:
        chains: by the word their timestamps are named with.
        certificates: the authority's; without them signatures are not checked, and no timestamp is
            said to hold.
    """
    out = []
    for path in sorted(p for p in paths if p.startswith(f"{ANCHORS}/")):
        named = _NAME.fullmatch(path)
        data = files.read(files.join(root, path))
        try:
            response = decode_timestamp_response(data)
            at = response.tst_info.gen_time
        except ValueError:
            named = None
        if (
            named is None
            or path.rpartition("-")[2] != f"{hashlib.sha256(data).hexdigest()[:16]}.tsr"
        ):
            found.add(path, "changed", "not a timestamp, or not the one its name says")
            continue
        seq = int(named[2])
        link = next((x for x in chains[named[1]].links if x.seq == seq), None)
        if link is None:
            found.add(
                path,
                "anchor",
                f"a timestamp of {at:%Y-%m-%d %H:%M:%S} UTC over record {seq}, which is gone: "
                "records were cut off",
            )
            continue
        problem = _differs(response, files.read(files.join(root, link.path)), certificates)
        if problem:
            found.add(path, "anchor", f"{problem} (record {link.path})")
        elif not certificates:
            found.note(
                path,
                "anchor",
                "a timestamp over the record it names, whose signature was not checked: give the "
                "authority's certificates",
            )
        else:
            out.append(Anchor(named[1], seq, link.sha256, at, path))
    return tuple(sorted(out, key=lambda a: a.at))
