"""The raw sources of records, where the company still has them: read again to show what a redacted
store no longer says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from callveil.schemas.interaction import InteractionKey, RawInteraction
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.schemas.rejected import Rejected
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.deduplicate import best_raw
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.identity.record_identifiers import (
    interaction_people,
    interaction_ref,
)

CHUNK = 32 << 20


def raw_records(
    files: Files,
    sources: Sequence[str],
    policy: Policy | None = None,
    keyring: Keyring | None = None,
) -> Iterator[RawInteraction]:
    """Yield records of the sources, one at a time; what cannot be read is passed over, as it lies
    in the rejected zone. `keyring` opens sealed bodies.

    Raises `InputError` where a source is not there.
    """
    limits = (policy or load_policy(None)).limits
    for chunk in plan_chunks(files, list(sources), CHUNK)[0]:
        for item in read_chunk(files, chunk, limits, keyring=keyring):
            if not isinstance(item, Rejected):
                yield item


def latest_raw_records(
    files: Files,
    sources: Sequence[str],
    wanted: Iterable[InteractionKey],
    policy: Policy | None = None,
) -> dict[InteractionKey, RawInteraction]:
    """Return the latest snapshot of each of some interactions in the sources."""
    keys = set(wanted)
    out: dict[InteractionKey, RawInteraction] = {}
    for raw in raw_records(files, sources, policy):
        if raw.key in keys:
            out[raw.key] = best_raw(out.get(raw.key), raw)
    return out


def people_in(
    files: Files, sources: Sequence[str], records: Iterable[RecordRef], policy: Policy | None = None
) -> set[Identifier]:
    """Return identifiers, in clear, of everybody in some records, as the sources tell them."""
    wanted = set(records)
    return {
        p.identifier
        for raw in raw_records(files, sources, policy)
        if interaction_ref(raw.key) in wanted
        for p in interaction_people(raw)
    }
