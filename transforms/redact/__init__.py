"""Redaction of interactions: spans to replaced texts, findings, and proof that nothing is left."""
