"""A folder, local or on S3, that grows: what is in it that has not been dealt with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from apache_beam.coders import Coder, PickleCoder
from apache_beam.io.unbounded_source import CheckpointMark, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import Timestamp

from callveil.schemas.arrival import Arrival
from callveil.transforms.ingest.discover import is_skipped_name
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.urls import fixed_prefix
from callveil.transforms.storage.format1.live import Live

QUIET = 1.0
"""Seconds a local file must not have been written to before it is taken: others may still be
writing it. S3 shows whole objects only.
"""


def list_arrivals(
    files: Files, places: Iterable[str], now: float, quiet: float = QUIET
) -> Iterator[Arrival]:
    """Yield every file in some folders (or that globs name) that is whole, in the order in which
    they were written.

    Hidden and temporary names, and what lies in hidden folders, are passed over: writers that
    rename when they are done can hide what is not.
    """
    found = {}
    for place in places:
        least = 0.0 if place.startswith("s3://") else quiet
        for info in files.glob(place):
            if info.modified + least <= now and not is_skipped_name(
                info.url, place if info.url.startswith(place) else fixed_prefix(place), place
            ):
                found[info.url] = Arrival(info.url, info.etag, info.size, info.modified)
    yield from sorted(found.values(), key=lambda a: (a.landed_at, a.url))


def unsettled_arrivals(live: Live, found: Iterable[Arrival]) -> list[Arrival]:
    """Of some arrivals, those that are not settled; one listing says of which it is worth
    asking.
    """
    noted = live.noted()
    return [a for a in found if a.object_id not in noted or not live.settled(a)]


class EmittedArrivals:
    """Arrivals this process has told of in some folders, and those known to be settled.

    It is kept by the process, not by a reader: Flink makes a reader for each poll. An arrival that
    was told and is not settled in time is told again, since a runner that goes back to a checkpoint
    forgets what came after it.

    Args:
        live: which objects are settled. patience: seconds after which that is looked up.
    """

    def __init__(self, live: Live, patience: float) -> None:
        self.live, self.patience = live, patience
        self.listed_at = 0.0
        self._told: dict[str, float] = {}
        self._settled: set[str] | None = None
        self._lock = threading.Lock()

    def new(self, found: list[Arrival], now: float) -> list[Arrival]:
        """Of what a listing at `now` has found, what is to be told."""
        with self._lock:
            self.listed_at = max(self.listed_at, now)
            here = {a.object_id for a in found}
            if self._settled is None:
                self._settled = here - {a.object_id for a in unsettled_arrivals(self.live, found)}
            self._settled &= here
            self._told = {i: at for i, at in self._told.items() if i in here}
            out = []
            for arrival in found:
                told = self._told.get(arrival.object_id)
                if arrival.object_id in self._settled or (
                    told is not None and now < told + self.patience
                ):
                    continue
                if told is not None and self.live.settled(arrival):
                    self._settled.add(arrival.object_id)
                    del self._told[arrival.object_id]
                    continue
                self._told[arrival.object_id] = now
                out.append(arrival)
            return out


_told: dict[FolderSource, EmittedArrivals] = {}
_making = threading.Lock()


class _Nothing(CheckpointMark):
    """Where a folder has been read to is written in the store, so a checkpoint has nothing to say
    and nothing to acknowledge.
    """

    def finalize_checkpoint(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class FolderSource(UnboundedSource):  # type: ignore[misc]
    """Reads folders again and again; what is not settled is told once by each process, and again
    where it stays unsettled.

    Attributes:
        files, places: folders or globs.
        live: which objects are settled.
        patience: seconds after which what was told is told again unless it is settled; longer than
            any wait the policy has.
        quiet: see `QUIET`.
        poll: seconds between two listings.
    """

    files: Files = field(compare=False)
    places: tuple[str, ...]
    live: Live = field(compare=False)
    root: str
    patience: float = 1200.0
    quiet: float = QUIET
    poll: float = 1.0

    def split(self, desired_num_splits: int, options: Any = None) -> list[FolderSource]:
        """Return one part: a listing is not worth cutting."""
        return [self]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> FolderReader:
        """Return a reader that goes on where this process was."""
        with _making:
            told = _told.setdefault(self, EmittedArrivals(self.live, self.patience))
        return FolderReader(self, told)

    def get_checkpoint_mark_coder(self) -> Coder:
        """Of nothing."""
        return PickleCoder()

    def default_output_coder(self) -> Coder:
        """Return a coder that pickles: arrivals are small and hold no content."""
        return PickleCoder()


class FolderReader(UnboundedReader):  # type: ignore[misc]
    """Reader of a `FolderSource`."""

    def __init__(
        self, source: FolderSource, told: EmittedArrivals, clock: Callable[[], float] = time.time
    ) -> None:
        self.source, self.told, self.clock = source, told, clock
        self._next: Iterator[Arrival] = iter(())
        self._current: Arrival | None = None

    def start(self) -> bool:
        """See `advance`."""
        return self.advance()

    def advance(self) -> bool:
        """Move to the next arrival; False where there is none now."""
        self._current = next(self._next, None)
        now = self.clock()
        if self._current is None and now >= self.told.listed_at + self.source.poll:
            source = self.source
            self._next = iter(
                self.told.new(
                    list(list_arrivals(source.files, source.places, now, source.quiet)), now
                )
            )
            self._current = next(self._next, None)
        return self._current is not None

    def get_current(self) -> Arrival:
        """Return the arrival at hand."""
        if self._current is None:
            raise ValueError("there is no current arrival")
        return self._current

    def get_current_timestamp(self) -> Timestamp:
        """Tell when it landed."""
        return Timestamp(self.get_current().landed_at)

    def get_watermark(self) -> Timestamp:
        """Return the time of the last listing: what comes later was written later, give or take the
        clocks.
        """
        return Timestamp(max(0.0, self.told.listed_at - self.source.quiet))

    def get_checkpoint_mark(self) -> CheckpointMark:
        """Nothing."""
        return _Nothing()

    def close(self) -> None:
        """Nothing to close."""
