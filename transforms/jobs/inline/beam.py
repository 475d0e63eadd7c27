"""Redaction as a transform for any Beam pipeline, batch or streaming, on any runner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Unpack

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from callveil.schemas.interaction import SourceRef
from callveil.transforms.jobs.inline.redaction import (
    InlineOptions,
    InlineSettings,
    PolicyLike,
    Redacted,
    redactor_of,
)
from callveil.transforms.storage.files.strict_json import dump_json

MAIN, REJECTED = "redacted", "rejected"
"""Tags of the outputs."""
ELEMENT = SourceRef("element")
"""Where all that is rejected comes from: its place in a bundle says nothing."""
ELEMENTS = 128
"""Elements of a bundle that are read together: many at a time are read much faster than one by one.
"""


class Redact(beam.PTransform):  # type: ignore[misc]
    """PCollection of texts and records -> outputs `redacted` and `rejected`.

        done = records | callveil.Redact("gdpr")
        done.redacted | beam.Map(lambda item: item.value)
        done.rejected | beam.Map(print)

    `redacted` holds a `Redacted` for each element that can be shown to be clean, `rejected` a
    `Rejected` for each other one: reason, field, detail, and the ids that could be read. Elements
    keep their windows and timestamps. Counters of the namespace `callveil`: `in`, `redacted`,
    `rejected`, `rejected.<reason>` and `findings.<entity type>`.

    Args:
        policy, how: as for `redact`. They are checked here; workers need the keyring's file, the
            policy's models and the plugins at the same places.
        keep_content: a `Rejected` has the element's content in `raw`, as it came: personal data.
    """

    def __init__(
        self, policy: PolicyLike = None, *, keep_content: bool = False, **how: Unpack[InlineOptions]
    ) -> None:
        super().__init__()
        self.settings = InlineSettings.of(policy, **how)
        self.keep_content = keep_content

    def expand(self, elements: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Return one ParDo with two outputs."""
        return elements | "Redact" >> beam.ParDo(
            _RedactElements(self.settings, self.keep_content)
        ).with_outputs(REJECTED, main=MAIN)


class _RedactElements(beam.DoFn):  # type: ignore[misc]
    """Element: a text or record. Outputs: `Redacted` and, tagged, `Rejected`."""

    def __init__(self, settings: InlineSettings, keep_content: bool) -> None:
        self.settings, self.keep_content = settings, keep_content
        self._held: list[tuple[Any, Timestamp, BoundedWindow]] = []

    def setup(self) -> None:
        """Load the engines, once for all instances in a process."""
        redactor_of(self.settings)

    def start_bundle(self) -> None:
        """Begin with nothing: what a bundle that failed has left is given again."""
        self._held = []

    def process(
        self,
        element: Any,
        timestamp: Any = beam.DoFn.TimestampParam,
        window: Any = beam.DoFn.WindowParam,
    ) -> Iterator[Any]:
        """Put the element in, and give on what is done."""
        self._held.append((element, timestamp, window))
        if len(self._held) >= ELEMENTS:
            yield from self._done()

    def finish_bundle(self) -> Iterator[Any]:
        """Give on the rest."""
        yield from self._done()

    def _done(self) -> Iterator[Any]:
        held, self._held = self._held, []
        results = redactor_of(self.settings).redact([element for element, _, _ in held])
        for (element, timestamp, window), result in zip(held, results, strict=True):
            count("in")
            if isinstance(result, Redacted):
                count(MAIN)
                for finding in result.findings:
                    count(f"findings.{finding.entity_type}", finding.count)
                yield WindowedValue(result, timestamp, (window,))
            else:
                count(REJECTED)
                count(f"{REJECTED}.{result.reason}")
                raw = _content(element) if self.keep_content else b""
                kept = replace(result, source=ELEMENT, raw=raw)
                yield beam.pvalue.TaggedOutput(REJECTED, WindowedValue(kept, timestamp, (window,)))


def _content(element: object) -> bytes:
    if isinstance(element, str):
        return element.encode(errors="surrogatepass")
    return element if isinstance(element, bytes) else dump_json(element)


def count(name: str, by: int = 1) -> None:
    """Add to a counter of the namespace `callveil`."""
    Metrics.counter("callveil", name).inc(by)
