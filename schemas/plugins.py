"""Plugins: recognizers, operators, sources and reports of other distributions, by entry point.

A plugin is imported when it is first used. One that cannot be used ends what needs it: a run that
passed over a recognizer would leave readable what that one finds.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from callveil.schemas.errors import UserError

RECOGNIZERS = "callveil.recognizers"
OPERATORS = "callveil.operators"
SOURCES = "callveil.sources"
REPORTS = "callveil.reports"
GROUPS = (RECOGNIZERS, OPERATORS, SOURCES, REPORTS)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
"""Names of plugins: they stand in policies, in names of files and in what operators write."""


class PluginError(UserError, RuntimeError):
    """A plugin cannot be used; the text names its distribution and entry point, and the way out."""


@dataclass(frozen=True)
class Plugin:
    """An entry point of another distribution.

    Attributes:
        group: one of `GROUPS`. name, value: as its pyproject.toml gives them.
        distribution, version: where it comes from.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str

    @property
    def module(self) -> str:
        """Name of the module that holds it."""
        return self.value.partition(":")[0].strip()

    def __str__(self) -> str:
        kind = self.group.rpartition(".")[2].removesuffix("s")
        return f"{self.distribution} {self.version}: {kind} {self.name} ({self.value})"

    def load(self) -> Any:
        """Import it. Raises `PluginError`, whatever the import raises."""
        from importlib.metadata import entry_points

        found = entry_points(group=self.group, name=self.name, value=self.value)
        try:
            return next(iter(found)).load()
        except Exception as error:
            raise self.failed(f"cannot be imported ({type(error).__name__}: {error})") from error

    @contextmanager
    def contained(self) -> Iterator[None]:
        """Run code of the plugin's that may not end the process: that would take the place of an
        error which rejects a record, and its text may quote one.
        """
        try:
            yield
        except SystemExit:
            raise self.failed("tried to end the process") from None

    def failed(self, why: str) -> PluginError:
        """Return the error that ends what needs this plugin. `why` quotes no content of records."""
        return PluginError(
            f"{self.distribution} {self.version}: entry point {self.name} = {self.value!r} of "
            f"{self.group}: {why}; install a version that fits, or remove it with "
            f"`pip uninstall {self.distribution}`"
        )


def find_plugins(group: str, reserved: Collection[str] = ()) -> Mapping[str, Plugin]:
    """Return the plugins of a group by name, in order of their names. Imports none of them.

    Args:
        reserved: names that are callveil's own.

    Raises:
        PluginError: a name is no identifier, is callveil's own, or is given by two distributions.
    """
    plugins = _installed(group, tuple(sys.path))
    found: dict[str, Plugin] = {}
    for plugin in plugins:
        if not NAME.fullmatch(plugin.name):
            raise plugin.failed("its name must be an identifier of at most 40 characters")
        if plugin.name in reserved:
            raise plugin.failed("its name is one of callveil's own")
        if other := found.get(plugin.name):
            raise plugin.failed(f"{other.distribution} {other.version} gives the same name")
        found[plugin.name] = plugin
    return found


def list_plugins() -> list[Plugin]:
    """Return all plugins that are installed, by group and name, usable or not."""
    return [plugin for group in GROUPS for plugin in _installed(group, tuple(sys.path))]


def deciding_plugins() -> tuple[str, ...]:
    """Return the plugins that decide how a record is redacted, for a process to compare with those
    where the work comes from.
    """
    return tuple(str(p) for p in list_plugins() if p.group in (RECOGNIZERS, OPERATORS))


def compare_plugins(told: tuple[str, ...]) -> None:
    """Raise `PluginError` where this process has other `deciding_plugins` than those given: it may
    find less, or write something else.
    """
    here = deciding_plugins()
    if here != told:
        raise PluginError(
            f"this worker ({socket.gethostname()}) has other plugins than the process that started "
            f"the job: {', '.join(here) or 'none'} instead of {', '.join(told) or 'none'}; install "
            "the same distributions on all of them"
        )


@lru_cache(maxsize=64)
def _installed(group: str, path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """Return what lies on `path`, which is `sys.path`: looked for again once that has changed."""
    from importlib.metadata import entry_points  # slow to load, for `--help`

    plugins = [
        Plugin(group, e.name, e.value, e.dist.name, e.dist.version)
        for e in entry_points(group=group)
        if e.dist is not None
    ]
    return tuple(sorted(plugins, key=lambda p: (p.name, p.distribution)))
