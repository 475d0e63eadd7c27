"""A folder, local or on S3, that grows: what is in it that has not been dealt with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from apache_beam.coders import Coder, PickleCoder
from apache_beam.io.unbounded_source import CheckpointMark, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import Timestamp

from callveil.schemas.arrival import Arrival
from callveil.transforms.store.files import Files
from callveil.transforms.watch.live import Live

QUIET = 1.0
"""Seconds a local file must not have been written to before it is taken: others may still be writing it. S3 shows whole objects only."""


def arrivals(files: Files, places: Iterable[str], now: float, quiet: float = QUIET) -> Iterator[Arrival]:
    """Every file in some folders (or that globs name) that is whole, in the order in which they were written.

    Hidden names, and what lies in hidden folders, are passed over: writers that rename when they are done can hide what is not.
    """
    found = {}
    for place in places:
        least = 0.0 if place.startswith("s3://") else quiet
        for info in files.glob(place):
            if info.modified + least <= now:
                found[info.url] = Arrival(info.url, info.etag, info.size, info.modified)
    yield from sorted(found.values(), key=lambda a: (a.landed_at, a.url))


class _Nothing(CheckpointMark):
    """Where a folder has been read to is written in the store, so a checkpoint has nothing to say and nothing to acknowledge."""

    def finalize_checkpoint(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class FolderSource(UnboundedSource):  # type: ignore[misc]
    """Reads folders again and again. What is new is told once a reader's life, and again by the next one until it is settled.

    Attributes:
        files, places: folders or globs.
        live: which objects are settled.
        quiet: see `QUIET`.
        poll: seconds between two listings.
    """

    files: Files
    places: tuple[str, ...]
    live: Live
    quiet: float = QUIET
    poll: float = 1.0

    def split(self, desired_num_splits: int, options: Any = None) -> list[FolderSource]:
        """One part: a listing is not worth cutting."""
        return [self]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> FolderReader:
        """A reader that begins with what is not settled."""
        return FolderReader(self)

    def get_checkpoint_mark_coder(self) -> Coder:
        """Of nothing."""
        return PickleCoder()

    def default_output_coder(self) -> Coder:
        """Arrivals are small and hold no content."""
        return PickleCoder()


class FolderReader(UnboundedReader):  # type: ignore[misc]
    """Reader of a `FolderSource`."""

    def __init__(self, source: FolderSource, clock: Callable[[], float] = time.time) -> None:
        self.source, self.clock = source, clock
        self._told: set[str] | None = None
        self._next: Iterator[Arrival] = iter(())
        self._current: Arrival | None = None
        self._listed_at = 0.0

    def start(self) -> bool:
        """See `advance`."""
        return self.advance()

    def advance(self) -> bool:
        """Move to the next arrival; False where there is none now."""
        self._current = next(self._next, None)
        if self._current is None and self.clock() >= self._listed_at + self.source.poll:
            self._listed_at = self.clock()
            self._next = iter(self._new())
            self._current = next(self._next, None)
        return self._current is not None

    def _new(self) -> list[Arrival]:
        """What has come since the last listing; with the first one, everything that is not settled."""
        source = self.source
        found = list(arrivals(source.files, source.places, self._listed_at, source.quiet))
        if self._told is None:
            noted = source.live.noted()
            self._told = {a.object_id for a in found if a.object_id in noted and source.live.settled(a)}
        new = [a for a in found if a.object_id not in self._told]
        self._told = {a.object_id for a in found}
        return new

    def get_current(self) -> Arrival:
        """The arrival at hand."""
        if self._current is None:
            raise ValueError("there is no current arrival")
        return self._current

    def get_current_timestamp(self) -> Timestamp:
        """When it landed."""
        return Timestamp(self.get_current().landed_at)

    def get_watermark(self) -> Timestamp:
        """The time of the last listing: what comes later was written later, give or take the clocks."""
        return Timestamp(max(0.0, self._listed_at - self.source.quiet))

    def get_checkpoint_mark(self) -> CheckpointMark:
        """Nothing."""
        return _Nothing()

    def close(self) -> None:
        """Nothing to close."""
