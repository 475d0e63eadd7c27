"""The keyring, files encrypted with it, and reversible tokens."""
