"""The live zone's rejections: reasons in clear, one file each, content sealed beside it."""

from __future__ import annotations

from collections import Counter

import orjson

from callveil.schemas.arrival import Arrival
from callveil.schemas.rejected import Rejected
from callveil.transforms.jobs.streaming.context import WatchJob
from callveil.transforms.storage.encryption.encrypted_file import encrypt_bytes
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.serialization import rejected_row
from callveil.transforms.storage.format1.live import LIVE
from callveil.transforms.storage.format1.rejections import FOLDER
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer
from callveil.transforms.storage.tables.dead_letters import PURPOSE


def write_rejection(
    job: WatchJob,
    keyring: Keyring,
    arrival: Arrival,
    place: int,
    rejected: Rejected,
    counts: Counter[str],
) -> None:
    """Put a rejection into the live zone. The same rejection writes the same files again.

    Args:
        arrival: the object it is about. place: number of the record in it.
        counts: grows: `rejected` and `reason.<code>`.
    """
    rejected = NamePseudonymizer(keyring.current()).rejected(rejected)
    parts = (FOLDER, arrival.object_id[:2], f"{arrival.object_id}-{place:06d}")
    blob = ""
    if rejected.raw:
        blob = f"{LIVE}/{'/'.join(parts)}.sealed"
        job.files.write(
            job.files.join(job.root, blob),
            encrypt_bytes(keyring.current(), blob, PURPOSE, rejected.raw),
        )
    run = job.run_at(arrival.landed_at, arrival.object_id)
    row = rejected_row(
        rejected, run_id=run.run_id, rejected_at=run.as_of, blob=blob, block=0 if blob else None
    )
    job.files.write(job.live.url(*parts) + ".json", orjson.dumps(row))
    counts["rejected"] += 1
    counts[f"reason.{rejected.reason}"] += 1
