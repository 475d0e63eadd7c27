"""Source formats of plugins: which files are theirs, and the records in them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, BinaryIO, Protocol, cast

from callveil.schemas.json_types import to_plain
from callveil.schemas.plugins import SOURCES, Plugin, find_plugins
from callveil.transforms.detect.models import plugin_fingerprint

KIND = "plugin"
"""Kind of the formats `plugin:<name>`."""


class SourceFormat(Protocol):
    """Object, or module, that an entry point of `callveil.sources` names."""

    def recognise(self, head: bytes, name: str) -> bool:
        """Tell whether a file is of this format, by its first bytes (64 KiB at most, unpacked) and
        its name in small letters.
        """

    def read(self, stream: BinaryIO) -> Iterable[Mapping[str, Any]]:
        """Yield the records of a file in its order, each as `callveil schema interaction` says.
        `stream` is unpacked and cannot seek.
        """


@lru_cache(maxsize=16)
def _loaded(plugin: Plugin) -> SourceFormat:
    source = plugin.load()
    for method in ("recognise", "read"):
        if not callable(getattr(source, method, None)):
            raise plugin.failed(f"has no function {method}")
    return cast(SourceFormat, source)


def plugin_format(head: bytes, name: str) -> str:
    """Return the format of the first plugin that recognises a file, `plugin:<name>`; else empty.
    Raises `PluginError`.
    """
    for plugin in find_plugins(SOURCES).values():
        source = _loaded(plugin)
        try:
            found = source.recognise(head, name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others; its text may quote the file
            raise plugin.failed(f"recognise raised {type(error).__name__}") from None
        if found:
            return f"{KIND}:{plugin.name}"
    return ""


def read_plugin_records(kind: str, blocks: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    """Yield the records that the plugin of a format reads from a file's blocks. Raises what it
    raises.
    """
    stream = io.BufferedReader(_BlockStream(blocks))
    plugin = find_plugins(SOURCES)[kind.partition(":")[2]]
    with plugin.contained():
        yield from map(to_plain, _loaded(plugin).read(stream))


def source_fingerprint(formats: Iterable[str]) -> str:
    """Return names, versions and digests of the plugins behind some formats; else empty."""
    plugins = find_plugins(SOURCES)
    names = sorted({f.partition(":")[2] for f in formats if f.startswith(f"{KIND}:")})
    return ", ".join(plugin_fingerprint(plugins[name]) for name in names)


class _BlockStream(io.RawIOBase):
    """A stream over blocks of bytes that come one by one."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
