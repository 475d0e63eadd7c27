"""The catalog: which files are live, how a run publishes its own, and what is purged."""
