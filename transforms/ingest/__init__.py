"""Ingest: bytes of every source format to `RawInteraction`, or to `Rejected` with the reason.

    chunks, files = plan_chunks(Files(), ["s3://bucket/calls/"])
    for chunk in chunks:
        for record in read_chunk(Files(), chunk, Limits()):
            ...

A new source format is one reader and its line in `read.read_chunk`; a new transcript format one
adapter in `transcripts`.
"""
