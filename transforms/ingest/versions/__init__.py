"""Version logs of an account, from every format to `RawVersion`."""
