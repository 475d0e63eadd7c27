"""import-linter's contracts over the packages that pyproject.toml installs.

import-linter takes packages as they lie in folders, and ours lie elsewhere than their names say; so
it is shown a folder in which they are linked under these names, for as long as it looks.
"""

from __future__ import annotations

import os
import sys
import tempfile
import tomllib
from pathlib import Path

from importlinter.cli import lint_imports


def main() -> int:
    """Print what is broken, and return the exit code."""
    config = Path("pyproject.toml").resolve()
    folders = tomllib.loads(config.read_text())["tool"]["setuptools"]["package-dir"]
    cache = Path("build/import-linter").resolve()
    with tempfile.TemporaryDirectory() as seen:
        for package, folder in sorted(folders.items(), key=lambda item: item[0].count(".")):
            place = Path(seen, *package.split("."))
            nested = any(other.startswith(f"{package}.") for other in folders)
            place.mkdir(parents=True, exist_ok=True)
            for part in Path(folder).resolve().iterdir() if nested else ():
                (place / part.name).symlink_to(part)
            if not nested:
                place.rmdir()
                place.symlink_to(Path(folder).resolve())
        os.chdir(seen)
        return lint_imports(str(config), cache_dir=str(cache), no_logo=True)


if __name__ == "__main__":
    sys.exit(main())
