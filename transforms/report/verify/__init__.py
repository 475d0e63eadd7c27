"""Verification of a store against its evidence, offline, with public keys alone."""
