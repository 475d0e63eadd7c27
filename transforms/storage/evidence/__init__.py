"""Signed records of what each run wrote, in a chain: keys, Merkle trees, salts."""
