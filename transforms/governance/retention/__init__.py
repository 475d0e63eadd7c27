"""Retention: what is due when, why, and its deletion with certificates."""
