"""Markers of whom the records of the live zone are about, so that a person's are found: see `transforms.subject.live_zone`."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.subject_index import Link
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.subject import identifiers as ids
from callveil.transforms.subject.keys import record_token, ref_of
from callveil.transforms.watch.live import Live

SUBJECTS = "subjects"
"""Folder of the markers: `live/subjects/<digest of an identifier>/<digest of the record>.json`."""


def index_live(live: Live, keyring: Keyring, key: InteractionKey, day: str, people: Iterable[Link]) -> None:
    """Write the markers of a record that was redacted as it arrived. The same record writes the same markers again."""
    record = record_token(keyring, ref_of(key))
    own = Link(ids.token(keyring, ids.interaction(key.account_id, key.id)), "interaction", "contact", "id")
    for link in {*people, own}:
        row = {"account_id": key.account_id, "id": key.id, "day": day, **link._asdict()}
        live.files.write(live.url(SUBJECTS, link.token, f"{record}.json"), orjson.dumps(row, option=orjson.OPT_SORT_KEYS))
