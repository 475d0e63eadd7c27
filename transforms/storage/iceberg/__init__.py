"""Iceberg side of the store: tables that any engine reads, over the files the store publishes."""
