"""What the law asks for: retention, requests of data subjects, renewal of keys."""
