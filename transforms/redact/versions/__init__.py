"""Redaction of versions: every value of a change judged by its field and by what it is."""
