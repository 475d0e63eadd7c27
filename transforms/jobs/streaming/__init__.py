"""The streaming job: interactions and recordings redacted as they land."""
