"""Stored rows read again by the present rules: what these find more, and that covered."""
