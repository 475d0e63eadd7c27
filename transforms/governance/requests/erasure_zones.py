"""Zones that may hold a person's data, and what an erasure says of those it leaves."""

from __future__ import annotations

from callveil.transforms.governance.requests.unindexed import (
    INBOX,
    LIVE_REJECTED,
    REJECTED,
)
from callveil.transforms.storage.format1.live import CALLS
from callveil.transforms.storage.index.identity_markers import MARKERS

ZONES = {
    "interactions": "interactions",
    "findings": "findings",
    "versions": "versions",
    "requests": "requests",
    "index": "index",
    "subjects": "index",
    CALLS: "recordings",
    MARKERS: "index",
    REJECTED: "rejected",
    LIVE_REJECTED: "rejected",
    INBOX: "bodies",
    "packages": "package",
}
"""Every zone that may hold a person's data, and the class of what lies there. A certificate names
each: what was found, and what was left out.
"""
OUTSIDE = "outside the store"
NOT_OURS = (
    "raw files are left where they were read from: delete them there; the plan lists those "
    "that are known"
)
LEFT_OUT = "left out by --no-rejected: erase again without it"
AT_REST = "left as it is: nobody reads it, and it stays encrypted"
