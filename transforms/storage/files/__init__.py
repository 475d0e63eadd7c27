"""Files on disk and S3: reading, conditional writes, versions, strict JSON."""
