"""Renewal and withdrawal of keys in everything a store holds."""
