"""Retention tests share the small runs of the end-to-end tests, which lie beside them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e"))
