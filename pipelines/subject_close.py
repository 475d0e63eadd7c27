"""The end of a data-subject request: how it was decided, who was told, and the letters about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow.parquet as pq

from callveil.pipelines.subject_register import (
    SubjectOptions,
    append_event,
    get_allowed_request,
    get_open_request,
    register_of,
)
from callveil.schemas.erasure_certificate import ErasureCertificate
from callveil.schemas.subject import DECISIONS, SubjectRequest
from callveil.transforms.governance.requests.letters import render_letter
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister
from callveil.transforms.storage.encryption.tokens import reveal_token


def record_objection(
    options: SubjectOptions, request_id: str, decision: str, reason: str, ground: str = ""
) -> SubjectRequest:
    """Record how an objection (Art. 21) was decided."""
    register, request = get_open_request(options, request_id)
    if request.type != "objection":
        raise RegisterError(f"request {request_id}: is no objection but {request.type}")
    values = {
        "decision": _decision(decision),
        "reason": register.conceal(request_id, reason),
        "refusal_ground": ground or None,
    }
    return append_event(options, register, request_id, "objected", values)


def record_notification(
    options: SubjectOptions, request_id: str, recipients: Sequence[str]
) -> SubjectRequest:
    """Record which recipients were told of an erasure or restriction (Art. 19)."""
    register = register_of(options)
    request = get_allowed_request(options, register, request_id)
    return append_event(
        options,
        register,
        request_id,
        "notified",
        {"recipients_notified": sorted({*request.recipients_notified, *recipients})},
    )


def close_request(
    options: SubjectOptions,
    request_id: str,
    decision: str,
    *,
    ground: str = "",
    reason: str = "",
    exemptions: Sequence[str] = (),
    not_executed: Sequence[str] = (),
    responded_at: dt.datetime | None = None,
) -> SubjectRequest:
    """End a request. What was not carried out ends as `not_executed` with its reason, never as
    granted.

    Raises `RegisterError` where the decision does not fit what was done.
    """
    register, request = get_open_request(options, request_id)
    if _decision(decision) == "refused" and not ground:
        raise RegisterError(
            f"request {request_id}: a refusal needs its ground, such as --ground 'Art. 12(5)(b)'"
        )
    if decision == "refused" and not reason:
        raise RegisterError(
            f"request {request_id}: a refusal needs its reason in words, which the person is told "
            "(Art. 12(4)): --reason TEXT"
        )
    if decision == "not_executed" and not (not_executed or reason):
        raise RegisterError(
            f"request {request_id}: say where it was not carried out, and why: --not-executed "
            "'SYSTEM: REASON'"
        )
    events = {e["event"] for e in register.events(request_id)}
    wanted = {
        "access": "disclosed",
        "portability": "disclosed",
        "erasure": "erased",
        "restriction": "restricted",
        "objection": "objected",
    }
    needed = wanted.get(request.type)
    if decision == "granted" and needed and needed not in events:
        raise RegisterError(
            f"request {request_id}: nothing was {needed} for it; carry it out, or close it as "
            "refused or not_executed"
        )
    if decision == "granted" and request.runs:
        raise RegisterError(
            f"request {request_id}: an erasure or restriction is not finished; repeat the command "
            "that began it"
        )
    if decision == "granted" and (request.systems_not_executed or not_executed):
        raise RegisterError(
            f"request {request_id}: it was not carried out everywhere; close it as partly_granted "
            "or not_executed"
        )
    if responded_at and responded_at > options.as_of:
        raise RegisterError(
            f"request {request_id}: is said to have been answered later than this is entered "
            "(--as-of)"
        )
    kept = (
        _kept(register, request_id) if decision == "granted" and request.type == "erasure" else ""
    )
    if kept:
        raise RegisterError(
            f"request {request_id}: some of it stays ({kept}); close it as partly_granted with "
            "--exemption, or as refused with --ground"
        )
    values = {
        "decision": decision,
        "refusal_ground": ground or None,
        "reason": register.conceal(request_id, reason) or None,
        "exemptions": list(exemptions) or None,
        "responded_at": responded_at or options.as_of,
        "systems_not_executed": sorted({*request.systems_not_executed, *not_executed}) or None,
    }
    return append_event(options, register, request_id, "closed", values)


def _kept(register: RequestRegister, request_id: str) -> str:
    """Return grounds on which records of the person stay as they are after an erasure."""
    return "; ".join(
        sorted(
            {
                ground
                for r in _certificates(register, request_id)
                if r["scope"] == "erasure"
                and r["rows_retained"]
                and (ground := r["retention_ground"])
                and r["method"] == "none"
                and r["record_class"] != "sources"
            }
        )
    )


def _certificates(register: RequestRegister, request_id: str) -> list[ErasureCertificate]:
    """Return the certificates of a request; of one that was published again, the finished one."""
    found: dict[str, ErasureCertificate] = {}
    for file in register.store.current().by_dataset("erasure_certificates"):
        with register.store.files.open(register.store.url(file.path)) as source:
            for row in pq.read_table(source).to_pylist():
                held = found.get(row["certificate_id"])
                if row["request_id"] == request_id and (held is None or row["completed_at"]):
                    found[row["certificate_id"]] = row
    return list(found.values())


SPOKEN = {"DE": "de", "AT": "de"}
"""Languages of packages and letters by the country of a request's calendar; elsewhere English."""


def letter_of(options: SubjectOptions, request_id: str, kind: str, language: str = "") -> str:
    """Return a letter about a request as it stands, as HTML, in the language given or that of the
    request's calendar.

    Raises `RegisterError` where the register does not bear it out.
    """
    register = register_of(options, write=False)
    request = get_allowed_request(options, register, request_id)
    event = {"extended": "extended", "refused": "closed"}.get(kind)
    sealed = next(
        (
            e["reason"]
            for e in reversed(register.events(request_id))
            if e["event"] == event and e["reason"]
        ),
        "",
    )
    reason = reveal_token(sealed, register.keyring, "", request_id) if sealed else ""
    certificates = _certificates(register, request_id) if kind == "certificate" else []
    spoken = language or SPOKEN.get(request.calendar.split("-")[0], "en")
    return render_letter(kind, request, options.as_of, reason, certificates, spoken)


def _decision(text: str) -> str:
    if text not in DECISIONS:
        raise RegisterError(f"decision: expected one of {', '.join(DECISIONS)}")
    return text
