"""Conditions a request has to meet before it is carried out: a verified identity, and where the
policy asks for it, a second person's approval.
"""

from __future__ import annotations

from callveil.schemas.subject import ERASURE, SubjectRequest
from callveil.transforms.governance.requests.register import RegisterError


def require_approved(request: SubjectRequest, four_eyes: bool, actor: str, login: str = "") -> None:
    """Refuse to carry a request out that no second person has approved, where the policy asks for
    that. Raises `RegisterError`.
    """
    if not four_eyes:
        return
    way_out = f"callveil subject approve --request {request.request_id} --by NAME"
    if not request.approved_by:
        raise RegisterError(
            f"request {request.request_id}: the policy asks for a second person's approval of what "
            f"was found last: {way_out}"
        )
    if same_person(request.approved_by, actor) or (
        login and same_person(request.approved_login, login)
    ):
        raise RegisterError(
            f"request {request.request_id}: who approved it may not carry it out; let another "
            "person do so under their own "
            f"login, or approve anew: {way_out}"
        )


def same_person(one: str, other: str) -> bool:
    """Tell whether two names are one, however they are written."""
    return one.strip().casefold() == other.strip().casefold()


def require_ready(request: SubjectRequest, scope: str) -> SubjectRequest:
    """Refuse steps that a request may not take. Raises `RegisterError`."""
    if request.identity_verified_at is None and scope == ERASURE:
        raise RegisterError(
            f"request {request.request_id}: the person's identity is not verified; record it with "
            "`callveil subject verify` first"
        )
    if request.is_over and not request.runs:
        raise RegisterError(
            f"request {request.request_id}: is over ({request.status}); open a new one"
        )
    return request
