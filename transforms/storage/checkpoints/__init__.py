"""Evidence of the live zone and of whose a store is."""
