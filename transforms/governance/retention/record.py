"""Records as retention decides about them."""

from __future__ import annotations

from typing import NamedTuple


class RetentionRecord(NamedTuple):
    """Facts of a record that a decision needs.

    Attributes:
        record_class: one of `schemas.retention.CLASSES`.
        account_id: account; empty where none could be read.
        record_id: its id.
        at: its time, microseconds.
        stored_type: account type it is stored under; counts where nothing is known about the
            account at the time.
        item_type, item_id: the object a version is about, or the interaction a finding is about.
        redacted: whether it is fully redacted already.
    """

    record_class: str
    account_id: str
    record_id: str
    at: int
    stored_type: str = "unknown"
    item_type: str = ""
    item_id: str = ""
    redacted: bool = False
