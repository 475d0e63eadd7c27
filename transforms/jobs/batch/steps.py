"""A Beam step whose work on an element goes to the run's worker processes, where it has some."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from callveil.transforms.execution.worker_pool import Piece, Stage, stage_of
from callveil.transforms.jobs.batch.context import RedactJob


class SpreadStep(beam.DoFn):  # type: ignore[misc]
    """A step of batch jobs, over elements of the global window.

    A subclass says what the work is, which piece an element is, and what a result gives. Results
    come in the elements' order whoever worked on them.
    """

    job: RedactJob
    _stage: Stage | None = None

    @abstractmethod
    def work(self) -> Callable[..., Any]:
        """Return the function that does a piece: of a module, or a `partial` of one; it is pickled
        for each worker.
        """

    @abstractmethod
    def piece(self, element: Any, side: Any = None) -> Piece:
        """Return arguments of `work` for an element."""

    @abstractmethod
    def results(self, result: Any, msec: int) -> Iterator[Any]:
        """Return outputs for what `work` gave."""

    def process(self, element: Any, side: Any = None) -> Iterator[Any]:
        """Put the element in, and give on what is done."""
        if self._stage is None:
            self._stage = stage_of(self.job.run.run_id, self.work())
        for done in self._stage.put(self.piece(element, side)):
            yield from self.results(*done)

    def finish_bundle(self) -> Iterator[Any]:
        """Give on what was still out."""
        stage, self._stage = self._stage, None
        for done in stage.rest() if stage is not None else ():
            for output in self.results(*done):
                yield in_window(output)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_stage"}


def in_window(output: Any) -> Any:
    """Return an output as `finish_bundle` has to give it."""
    if isinstance(output, beam.pvalue.TaggedOutput):
        return beam.pvalue.TaggedOutput(output.tag, in_window(output.value))
    window = GlobalWindow()
    return WindowedValue(output, window.max_timestamp(), (window,))
