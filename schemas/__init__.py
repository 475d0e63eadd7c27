"""The vocabulary of callveil: records, their Arrow and JSON schemas, and the policy."""
