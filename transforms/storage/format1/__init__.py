"""Snapshots, and the live zone of one receipt for each interaction."""
