"""Identifiers of people in records: found, normalized, and written as keyed tokens."""
