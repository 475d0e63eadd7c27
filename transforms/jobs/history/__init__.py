"""The history job: version logs to the versions table."""
