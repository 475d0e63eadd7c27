"""Effect of an erasure or restriction on one record, and the ground for leaving it unchanged."""

from __future__ import annotations

from typing import NamedTuple

from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.retention_grounds import HOLD, RetentionGround

DROP, UNLINK, KEEP = "drop", "unlink", "keep"
NOT_THEIRS = "not the person's own record"
"""Why a restriction leaves a record alone: what only mentions the person, or what they did as
staff, is not theirs to have set aside.
"""


class RecordAction(NamedTuple):
    """Action taken on one record.

    Attributes:
        record: which. role: what the person is in it.
        action: drop, unlink (it stays, what leads to the person goes) or keep.
        path: live file that holds it; of the live zone, its folder. day, account_type: its
            partition.
        digest: of the stored snapshot.
        ground: why it stays, or empty.
    """

    record: RecordRef
    role: str
    action: str
    path: str
    day: str
    account_type: str
    digest: str
    ground: str = ""


def decide_action(role: str, ground: RetentionGround | None) -> tuple[str, str]:
    """Return the action for a record and its ground."""
    if ground is not None and ground.kind == HOLD:
        return KEEP, ground.text
    if ground is not None:
        return UNLINK, ground.text
    return (DROP, "") if role == "contact" else (UNLINK, "")


def restrict_action(action: RecordAction) -> RecordAction:
    """Return the action where the person asks for restriction."""
    return (
        action
        if action.action == DROP
        else action._replace(action=KEEP, ground=action.ground or NOT_THEIRS)
    )
