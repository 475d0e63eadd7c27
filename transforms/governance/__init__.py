"""Legal compliance: data retention, data subject requests, and re-encryption under new keys."""
