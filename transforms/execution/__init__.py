"""Worker processes of one machine, and the memory and cores they may use."""
