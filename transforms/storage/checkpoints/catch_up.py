"""Records for runs that have none, and the newest record of a store."""

from __future__ import annotations

from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.evidence.signed_record import (
    EVIDENCE,
    RecordError,
    SignedRecord,
    parse_record,
    record_name,
)
from callveil.transforms.storage.format1.snapshot import Snapshot


def sign_unsigned(store: Store) -> int:
    """Begin the chain of a store from before evidence was kept; returns how many records were made.

    One record is enough: that of the newest run. It vouches for all runs before it through the
    chain of manifests, and for the rows of its own files; files of earlier runs are held by the
    SHA-256 their manifests name.
    """
    current = store.current()
    if not current.seq or store.files.info(store.url(record_name(current.seq))) is not None:
        return 0
    manifest = store.manifest(current.seq)
    store.attestor().attest(
        manifest,
        Snapshot(
            manifest.seq, manifest.run_id, current.manifest, current.manifest_sha256, current.files
        ),
    )
    return 1


def newest_record(store: Store, folder: str = EVIDENCE) -> SignedRecord | None:
    """Return the newest record of a chain, that of runs or another; None where it has none. Raises
    `StoreError` where it is damaged.
    """
    seq = store.newest() if folder == EVIDENCE else store.attestor().newest(folder)
    url = store.url(record_name(seq, folder))
    try:
        return parse_record(store.files.read(url))
    except FileNotFoundError:
        return None
    except RecordError as error:
        raise StoreError(f"{url}: {error}") from None
