"""Parquet tables: schemas, writing, rewriting, the index of records by key, rejected records."""
