"""Distributions written by tests: modules, and the metadata an installer leaves beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_distribution(
    folder: Path,
    points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str],
    name: str = "acme-callveil",
    version: str = "1.2",
) -> Path:
    """Write a distribution into a folder, as pip does below site-packages; returns the folder."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, entries in points.items()
        for line in (f"[{group}]", *(f"{n} = {value}" for n, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
    return folder
