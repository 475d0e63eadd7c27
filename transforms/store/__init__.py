"""Where runs keep their results: files on disk or S3, sealed blobs, Parquet datasets, and the catalog that publishes them."""

from callveil.transforms.store.care import collect_orphans, lease, leases, purge_removed, release, sweep_run, unpurged, verify
from callveil.transforms.store.catalog import AlreadyPublished, PublishConflict, Snapshot, Store, StoreError
from callveil.transforms.store.columns import personal_traces, require_no_traces
from callveil.transforms.store.files import FileInfo, Files, FilesError, ObjectLocked, PreconditionFailed, S3Settings
from callveil.transforms.store.index import IndexEntry, bucket_of, origin_of, read_bucket, write_bucket
from callveil.transforms.store.keyring import Keyring, KeyringError
from callveil.transforms.store.parquet import (
    FINDINGS,
    INTERACTIONS,
    REJECTED,
    Table,
    TableWriter,
    interactions_bytes,
    publish_bytes,
    publish_records,
    write_records,
    write_rows,
)
from callveil.transforms.store.read import open_dataset
from callveil.transforms.store.rewrite import RewriteError, Rewritten, change_rows, drop_rows, rewrite
from callveil.transforms.store.rows import finding_row, interaction_row, rejected_row
from callveil.transforms.store.sealed import SealedError, SealedReader, SealedWriter
from callveil.transforms.store.snapshot import data_path

__all__ = [
    "FINDINGS",
    "INTERACTIONS",
    "REJECTED",
    "AlreadyPublished",
    "FileInfo",
    "Files",
    "FilesError",
    "IndexEntry",
    "Keyring",
    "KeyringError",
    "ObjectLocked",
    "PreconditionFailed",
    "PublishConflict",
    "RewriteError",
    "Rewritten",
    "S3Settings",
    "SealedError",
    "SealedReader",
    "SealedWriter",
    "Snapshot",
    "Store",
    "StoreError",
    "Table",
    "TableWriter",
    "bucket_of",
    "change_rows",
    "collect_orphans",
    "data_path",
    "drop_rows",
    "finding_row",
    "interaction_row",
    "interactions_bytes",
    "lease",
    "leases",
    "open_dataset",
    "origin_of",
    "personal_traces",
    "publish_bytes",
    "publish_records",
    "purge_removed",
    "read_bucket",
    "rejected_row",
    "release",
    "require_no_traces",
    "rewrite",
    "sweep_run",
    "unpurged",
    "verify",
    "write_bucket",
    "write_records",
    "write_rows",
]
