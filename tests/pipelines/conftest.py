"""Fixtures of the tests of commands."""

from support.command_runs import own_keyring

__all__ = ["own_keyring"]
