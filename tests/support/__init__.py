"""Helpers of the tests: generated worlds and files, servers, oracles and injected faults."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
