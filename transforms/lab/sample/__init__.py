"""Generated call-tracking data: people, values, conversations, records, broken input. It describes
nobody.
"""

FORMATS = ("jsonl", "jsonl.gz", "jsonl.zst", "pages", "webhooks", "parquet")
