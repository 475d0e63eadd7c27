"""Redaction inside other programs: values in memory, and any Beam pipeline."""
