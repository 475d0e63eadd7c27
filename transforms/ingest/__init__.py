"""Ingest: bytes of every source format to `RawInteraction`, or to `Rejected` with the reason.

    chunks, files = plan_chunks(Files(), ["s3://bucket/calls/"])
    for chunk in chunks:
        for record in read_chunk(Files(), chunk, Limits()):
            ...

A new source format is one reader and its line in `read.read_chunk`; a new transcript format one adapter in `transcripts`.
"""

from __future__ import annotations

from callveil.transforms.ingest.accounts import AccountsError, read_accounts
from callveil.transforms.ingest.chunks import InputChunk, NothingToRead, plan_chunks, plan_input
from callveil.transforms.ingest.dates import parse_time
from callveil.transforms.ingest.discover import InputError, InputFile, NotRead
from callveil.transforms.ingest.normalise import normalise
from callveil.transforms.ingest.read import InputChanged, read_chunk, read_record
from callveil.transforms.ingest.requests import RequestsError, read_requests
from callveil.transforms.ingest.snapshots import payload_digest, rank, resolve

__all__ = [
    "AccountsError",
    "InputChanged",
    "InputChunk",
    "InputError",
    "InputFile",
    "NotRead",
    "NothingToRead",
    "RequestsError",
    "normalise",
    "parse_time",
    "payload_digest",
    "plan_chunks",
    "plan_input",
    "rank",
    "read_accounts",
    "read_chunk",
    "read_record",
    "read_requests",
    "resolve",
]
