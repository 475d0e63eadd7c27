"""Where runs keep their results: files on disk or S3, sealed blobs, Parquet datasets, and the catalog that publishes them."""
