"""mypy over the packages that pyproject.toml installs, under the names they are installed by.

mypy takes the name of a module from its folder, and knows no mapping of `callveil.schemas` to
`schemas/`; so it is told the name of each file. A package that is missing in the list is an error
wherever it is imported.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from mypy.build import build
from mypy.errors import CompileError
from mypy.main import process_options
from mypy.modulefinder import BuildSource


def list_modules(packages: list[str], folders: dict[str, str]) -> Iterator[BuildSource]:
    """Yield each module of the packages; `folders` is setuptools' package-dir."""
    for package in packages:
        root = max((p for p in folders if f"{package}.".startswith(f"{p}.")), key=len)
        folder = Path(folders[root], *package.removeprefix(root).split("."))
        for path in sorted(folder.glob("*.py")):
            name = package if path.stem == "__init__" else f"{package}.{path.stem}"
            yield BuildSource(str(path), name)


def main() -> int:
    """Print what is wrong, one a line, and return the exit code; arguments are mypy's."""
    setup = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["setuptools"]
    modules = list(list_modules(setup["packages"], setup["package-dir"]))
    _, options = process_options([*sys.argv[1:], "--command", "pass"])
    try:
        errors = build(modules, options).errors
    except CompileError as error:
        errors = error.messages
    print(*errors, f"{len(modules)} modules, {len(errors)} lines of errors", sep="\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
