"""Storage of run results: files on disk or S3, sealed blobs, Parquet datasets, and the catalog.

The catalog publishes them.
"""
