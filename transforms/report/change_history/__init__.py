"""Change history of an account: found, joined and exported."""
