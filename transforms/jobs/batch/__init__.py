"""Shared parts of batch job runs: settings, engines, and steps that read and write the store."""
