"""Reports for compliance officers, as Parquet, CSV and pages; they read and change nothing."""
