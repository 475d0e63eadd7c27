"""Everything callveil does to records; see ARCHITECTURE.md for the rooms."""
