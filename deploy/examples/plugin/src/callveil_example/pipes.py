"""Exports of pipe-separated lines below a header that begins with `#calls|`."""

import io
from collections.abc import Iterator
from typing import BinaryIO

BEGINNING = b"#calls|"


def recognise(head: bytes, name: str) -> bool:
    """Tell whether a file is such an export."""
    return head.startswith(BEGINNING)


def read(stream: BinaryIO) -> Iterator[dict[str, str]]:
    """Yield the calls of an export."""
    lines = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
    names = next(lines).rstrip("\n").removeprefix(BEGINNING.decode()).split("|")
    for line in lines:
        yield dict(zip(names, line.rstrip("\n").split("|"), strict=True))
