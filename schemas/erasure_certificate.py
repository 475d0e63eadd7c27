"""The certificate of an erasure or restriction: a line for each kind of record."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypedDict

from callveil.schemas.typed_rows import fields_of

METHODS = ("drop_rows", "unlink", "purge", "seal", "restore", "none")
"""How rows were dealt with: dropped and purged, kept without what identifies the person, an object
purged whole, moved into the encrypted zone, brought back from there, or left as they are.
"""


class ErasureCertificate(TypedDict, total=False):
    """One line of the certificate of an erasure or restriction: what became of a kind of record."""

    certificate_id: Annotated[str, "digest of run and series"]
    request_id: Annotated[str, "request"]
    account_id: Annotated[
        str | None,
        "account the request is bound to; null where it is bound to an agency, whose accounts a "
        "line counts together, and in certificates older than this column",
    ]
    subject_ref: Annotated[str, "keyed digest of the person's identifiers"]
    scope: Annotated[str, "erasure or restriction"]
    record_class: Annotated[
        str,
        "interactions, findings, versions, rejected, requests, index, recordings, bodies, package, "
        "sources",
    ]
    location: Annotated[
        str, "dataset or folder of the store, `inbox`, `packages`, or `outside the store`"
    ]
    method: Annotated[str, ", ".join(METHODS)]
    rows_matched: Annotated[int, "rows that are about the person"]
    rows_erased: Annotated[int, "rows that went, or whose link to the person went"]
    rows_retained: Annotated[int, "rows that stay as they are"]
    retention_ground: Annotated[
        str | None, "ground on which they stay, or why the place was not, or not wholly, looked at"
    ]
    versions_purged: Annotated[
        int | None, "object versions and delete markers that were removed from the run's files"
    ]
    started_at: Annotated[
        dt.datetime | None,
        "when the run was published, UTC, as stated: no reader has seen the rows since",
    ]
    entered_at: Annotated[
        dt.datetime | None,
        "when that was entered, UTC, by the signing machine's clock; null in certificates older "
        "than this column",
    ]
    completed_at: Annotated[
        dt.datetime | None,
        "when every old version of their files was gone, UTC; null while some are locked",
    ]
    verification_method: Annotated[str | None, "how it was checked"]
    residual_hits: Annotated[int | None, "what the check still found"]
    evidence_root_sha256: Annotated[str | None, "SHA-256 of the manifest of the run"]
    previous_sha256: Annotated[
        str | None, "SHA-256 of the certificate before this one, as the store holds it"
    ]
    signer_key_id: Annotated[str | None, "key that signed; null where nothing signs"]
    signature: Annotated[str | None, "signature over the row without this column"]


FIELDS = fields_of(ErasureCertificate)
