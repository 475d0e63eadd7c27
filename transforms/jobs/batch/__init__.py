"""What one run of a job shares: its settings, its engines, and the steps that read from and write to the store."""
