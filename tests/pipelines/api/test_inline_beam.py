"""`callveil.Redact` in pipelines of others. All people and numbers are invented."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from support.command_runs import PLAIN, call

import callveil
from callveil.pipelines.watch import find_prism
from callveil.schemas.plugins import PluginError
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.jobs.inline.beam import ELEMENTS

POLICY = parse_policy(PLAIN)


class Placed(beam.DoFn):  # type: ignore[misc]
    """An element with its time and window."""

    def process(
        self, item: Any, at: Any = beam.DoFn.TimestampParam, window: Any = beam.DoFn.WindowParam
    ) -> Any:
        shown = item.value if isinstance(item, callveil.Redacted) else item.reason
        yield (shown["notes"] if isinstance(shown, dict) else shown), int(at), int(window.start)


def in_windows(pipeline: Any, values: list[Any]) -> Any:
    """Values at seconds 0, 1, 2, ..., in windows of ten."""
    return (
        pipeline
        | beam.Create(list(enumerate(values)))
        | beam.Map(lambda pair: TimestampedValue(pair[1], pair[0]))
        | beam.WindowInto(FixedWindows(10))
    )


def test_elements_keep_time_and_window_and_are_counted() -> None:
    many = ELEMENTS * 2 + 7
    values: list[Any] = [f"call me, 415 555 {n:04d}" for n in range(many)]
    values[3], values[150] = {"id": 1}, call(1, notes="a@example.com")
    with beam.Pipeline("FnApiRunner") as pipeline:
        done = in_windows(pipeline, values) | callveil.Redact(POLICY)
        clean = [
            ("[EMAIL_ADDRESS]" if n == 150 else "call me, [PHONE_NUMBER]", n, n // 10 * 10)
            for n in range(many)
            if n != 3
        ]
        assert_that(done.redacted | "Placed" >> beam.ParDo(Placed()), equal_to(clean), "clean")
        refused = done.rejected | "Placed too" >> beam.ParDo(Placed())
        assert_that(refused, equal_to([("missing_key", 3, 0)]), "refused")
    counters = {
        c.key.metric.name: c.committed
        for c in pipeline.result.metrics().query()["counters"]
        if c.key.metric.namespace == "callveil"
    }
    found = {"findings.PHONE_NUMBER": many - 1, "findings.PERSON": 1, "findings.EMAIL_ADDRESS": 1}
    rejected = {"rejected": 1, "rejected.missing_key": 1}
    assert counters == {"in": many, "redacted": many - 1, **rejected, **found}


@pytest.mark.parametrize("keep", [False, True])
def test_content_of_dead_letters_only_where_it_is_asked_for(keep: bool) -> None:
    values = [{"id": 1, "name": "Wilhelmina"}, "Wilhelmina\0", b"Wilhelmina"]
    with beam.Pipeline("FnApiRunner") as pipeline:
        done = pipeline | beam.Create(values) | callveil.Redact(POLICY, keep_content=keep)
        held = done.rejected | beam.Map(lambda r: (r.reason, b"Wilhelmina" in r.raw))
        reasons = ["missing_key", "control_character", "not_an_object"]
        assert_that(held, equal_to([(r, keep) for r in reasons]))


@pytest.mark.parametrize("what", ["plugins", "keys"])
def test_a_worker_with_other_plugins_or_keys_ends_the_job(what: str, tmp_path: Path) -> None:
    place = callveil.create_keyring(tmp_path / "keyring.json")
    transform = callveil.Redact(POLICY, keyring=place)
    told = {"plugins": (PluginError, "other plugins"), "keys": (callveil.KeyringError, "another")}
    if what == "plugins":
        there = ("acme 1.0: recognizer r (acme:r)",)
        object.__setattr__(transform.settings, "plugins", there)
    else:
        Path(place).unlink()
        callveil.create_keyring(place)
    with pytest.raises(Exception, match=told[what][1]), beam.Pipeline("FnApiRunner") as pipeline:
        _ = pipeline | beam.Create(["x"]) | transform


@pytest.mark.integration
@pytest.mark.skipif(find_prism() is None, reason="no Prism here; deploy/prism.sh builds it")
def test_on_prism(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(PLAIN)
    words = ["--runner=PrismRunner", f"--prism_location={find_prism()}"]
    options = PipelineOptions([*words, "--environment_type=LOOPBACK"])
    with beam.Pipeline(options=options) as pipeline:
        values = ["call me, 415 555 0123", {"id": 1}]
        done = in_windows(pipeline, values) | callveil.Redact(tmp_path / "policy.yaml")
        lines = (done.redacted, done.rejected) | beam.Flatten() | beam.ParDo(Placed())
        whole = lines | beam.Map(str) | "Whole" >> beam.WindowInto(GlobalWindows())
        _ = whole | beam.io.WriteToText(str(tmp_path / "out"))
    written = (p.read_text().splitlines() for p in tmp_path.glob("out*"))
    assert sorted(chain.from_iterable(written)) == [
        "('call me, [PHONE_NUMBER]', 0, 0)",
        "('missing_key', 1, 0)",
    ]
