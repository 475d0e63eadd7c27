"""Stored rows read again by the present rules: what they cover more than the run that wrote them did, and that covered."""
