"""Detection: personal data in conversations and fields, through Presidio."""
