"""Who is in which record, and whose records may not come back."""
