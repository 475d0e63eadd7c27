"""Retention tests share the small runs of the end-to-end tests, which lie beside them."""

from __future__ import annotations
