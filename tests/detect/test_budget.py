"""Limits to what one record may do to a run: it is rejected and nothing else. Budgets, failures of
the language model, recognizers that never return, growth.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from presidio_analyzer import Pattern, PatternRecognizer
from support.record_redaction import KEY, T0, Bench, policy, raw

from callveil.schemas.policy import DetectionSettings
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.budget import Budget, OverBudget, TimedOut, spend_steps
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob, DetectionResult
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.recognizers.base import SpokenRecognizer
from callveil.transforms.detect.recognizers.build import build_recognizers
from callveil.transforms.detect.recognizers.match import ValueMatch
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary
from callveil.transforms.redact.engine import RedactionResult, Redactor, RunColumns
from callveil.transforms.redact.until_stable import redact_until_stable

UNITS = (
    "4 ",
    "(",
    "four ",
    "A. ",
    "b as in boy ",
    "hundred ",
    "double ",
    "@a ",
    "1. ",
    "at ",
    "dot ",
    "Mr ",
    "- ",
    "my name is ",
    "\n",
    "a@",
    "http://",
    "+1 ",
    "oh ",
    "street ",
    "one hundred and ",
    "apt 4 ",
    "may 4 ",
    "my password is ",
    "4155550123 ",
    "a.b@c.de ",
    "1/1/",
    "12 park ",
)
WORD = "kaboom"


def job(text: str, number: int = 0) -> DetectionJob:
    own, one = policy(), raw({"transcription_text": text}, KEY._replace(id=f"50000000{number:02d}"))
    return DetectionJob(
        one,
        decide_redaction(own, one, "individual", T0, "en", MinimumRedaction(), ()),
        "individual",
        "90001",
    )


def outcomes(bench: Bench, detector: Detector, *texts: str) -> list[RedactionResult | Rejected]:
    """Redact records that are read in one batch; return the result or the rejection of each."""
    found = list(detect_batch(detector, [job(text, n) for n, text in enumerate(texts)]))
    redactor = Redactor(bench.keyring, RunColumns("run-1", "0" * 64, "tests", T0))
    results = iter(
        redact_until_stable(
            detector, redactor, [f for f in found if isinstance(f, DetectionResult)]
        )
    )
    return [f if isinstance(f, Rejected) else next(results) for f in found]


def steps(work: Callable[[], object]) -> int:
    """Lines of Python that run meanwhile; loops within one line count each time round."""
    count = 0

    def line(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        count += 1
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    ("language", "unit"),
    [
        *(("en", unit) for unit in UNITS),
        ("es", "es "),
        ("es", "calle "),
        ("fr", "rue 4 "),
        ("de", "am "),
    ],
)
def test_steps_of_recognizers_grow_no_faster_than_their_text(language: str, unit: str) -> None:
    found = [
        r
        for r in build_recognizers(language, ("US",), amounts=True, dates=True)
        if isinstance(r, SpokenRecognizer)
    ]
    seen: set[object] = set()
    for recognizer in found:
        if (
            kind := type(recognizer).find
        ) in seen:  # those that share a search find each their own in it
            continue
        seen.add(kind)
        counts = []
        for times in (80, 320):  # longer than the longest value, whose windows count from then on
            read = TokenizedConversation(unit * times, (), load_vocabulary(language))
            counts.append(
                steps(
                    lambda read=read, recognizer=recognizer: (
                        [*recognizer.find(read)] if recognizer.gate(read) else []
                    )
                )
            )
        assert counts[1] <= 4.5 * counts[0] + 500, (unit, recognizer.name, counts)


@pytest.mark.parametrize(
    "unit",
    ["four ", "A. ", "eight hundred hundred ", "double ", "Al ", "a@b.example ", "800000001 "],
)
def test_steps_of_a_whole_record_grow_no_faster_than_its_text(redact: Bench, unit: str) -> None:
    record = {"caller_number": "+18000000001", "name": "Al Boyd", "email": "a@b.example"}
    counts = [
        steps(lambda n=n: redact.found(record | {"transcription_text": unit * n}))
        for n in (60, 240)
    ]
    assert counts[1] <= 4.5 * counts[0], counts


@pytest.mark.parametrize(
    "text",
    [
        "four " * 3000,
        "A. " * 2400,
        "4 " * 4000,
        "(" * 4000,
        "eight" + " hundred" * 400,
        "double " * 3000,
    ],
)
def test_long_repetitions_are_read(redact: Bench, text: str) -> None:
    assert not isinstance(
        redact.result({"transcription_text": text, "caller_number": "+18000000001"}), Rejected
    )


class Hostile(SpokenRecognizer):
    """Does something to texts that hold `WORD`."""

    ENTITIES = ("PERSON",)
    what: Callable[[], object]

    def gate(self, read: TokenizedConversation) -> bool:
        return WORD in read.words

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        type(self).what()
        return []


def for_ever() -> None:
    """Swallow every exception, too, as long as it is one."""
    for number in itertools.count():
        try:
            _ = number * number
        except Exception:  # noqa: BLE001
            continue


def counted_for_ever() -> None:
    while True:
        spend_steps()


def deeper() -> None:
    deeper()


def fails(problem: type[BaseException]) -> Callable[[], object]:
    def raises() -> None:
        raise problem(f"secret {WORD}")

    return raises


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (for_ever, "timed_out"),
        (counted_for_ever, "over_budget"),
        (deeper, "detection_failed"),
        *(
            (fails(problem), "detection_failed")
            for problem in (MemoryError, OverflowError, UnicodeError, KeyError, AssertionError)
        ),
    ],
)
def test_a_recognizer_that_fails_or_never_returns_rejects_that_record_alone(
    redact: Bench, what: Callable[[], object], reason: str
) -> None:
    hostile = Detector(DetectionSettings(model="none", timeout_seconds=1.0, max_steps=20_000))
    hostile.analyzer.registry.add_recognizer(
        type("HostileRecognizer", (Hostile,), {"what": staticmethod(what)})()
    )
    call = "my name is Karen Whitfield, my number is 415 555 0132"
    before, bad, after = outcomes(redact, hostile, call, f"{WORD} {call}", call)
    assert isinstance(bad, Rejected) and bad.reason == reason and WORD not in bad.detail
    for good in (before, after):
        assert (
            isinstance(good, RedactionResult)
            and "0132" not in good.interaction.record["transcription_text"]
        )


def test_a_pattern_that_backtracks_rejects_that_record_alone(redact: Bench) -> None:
    hostile = Detector(DetectionSettings(model="none", timeout_seconds=1.0))
    try:
        hostile.analyzer.registry.add_recognizer(
            PatternRecognizer("ID", patterns=[Pattern("bomb", rf"{WORD} (?:a|aa|aaa?)+$", 0.5)])
        )
        bad, good = outcomes(redact, hostile, f"{WORD} {'a' * 60}!", "my number is 415 555 0132")
    finally:
        Detector(DetectionSettings(model="none"))  # Presidio keeps one timeout for the process
    assert (
        isinstance(bad, Rejected)
        and bad.reason == "timed_out"
        and isinstance(good, RedactionResult)
    )


def test_a_text_the_language_model_fails_on_rejects_that_record_alone(redact: Bench) -> None:
    broken = Detector(DetectionSettings(model="none"))
    inner = broken.nlp.nlp["en"].tokenizer

    def tokenizer(text: str) -> Any:
        if WORD in text:
            raise RecursionError(text)
        return inner(text)

    broken.nlp.nlp["en"].tokenizer = tokenizer
    first, bad, last = outcomes(
        redact, broken, "call 415 555 0132", f"{WORD} again", "call 415 555 0133"
    )
    assert isinstance(bad, Rejected) and "RecursionError" in bad.detail and WORD not in bad.detail
    assert isinstance(first, RedactionResult) and isinstance(last, RedactionResult)


@pytest.mark.parametrize(
    "part", ["batch.complete_findings", "batch._prepared", "batch.leaf_treatments"]
)
def test_a_failure_around_the_recognizers_rejects_that_record_alone(
    redact: Bench, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    module, name = f"callveil.transforms.detect.{part}".rsplit(".", 1)
    inner = getattr(sys.modules[module], name)

    def failing(item: Any, *more: Any, **named: Any) -> Any:
        if WORD in repr(getattr(item, "job", item).raw.record):
            raise OverflowError(WORD)
        return inner(item, *more, **named)

    monkeypatch.setattr(sys.modules[module], name, failing)
    bad, good = outcomes(redact, redact.detector, f"{WORD} here", "call 415 555 0132")
    assert (
        isinstance(bad, Rejected)
        and "OverflowError" in bad.detail
        and WORD not in bad.detail
        and isinstance(good, RedactionResult)
    )


def test_a_failure_while_redacting_rejects_that_record_alone(
    redact: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = Redactor._redact

    def failing(self: Redactor, detected: DetectionResult, extra: Any) -> Any:
        if WORD in repr(detected.job.raw.record):
            raise MemoryError(WORD)
        return inner(self, detected, extra)

    monkeypatch.setattr(Redactor, "_redact", failing)
    bad, good = outcomes(redact, redact.detector, f"{WORD} here", "call 415 555 0132")
    assert (
        isinstance(bad, Rejected)
        and bad.reason == "redaction_failed"
        and WORD not in bad.detail
        and isinstance(good, RedactionResult)
    )


def test_a_budget_is_counted_alike_every_time() -> None:
    def use() -> None:
        for _ in range(100):
            spend_steps()

    whole = Budget(200, 10.0)
    whole.run(use)
    whole.run(use)
    assert whole.steps == 0
    with pytest.raises(OverBudget):
        whole.run(spend_steps)
    spend_steps(10_000)  # outside of a record nothing is counted


def test_nothing_is_raised_after_the_work_is_over() -> None:
    for _ in range(20):
        with pytest.raises(TimedOut):
            Budget(1, 0.01).run(for_ever)
        assert sum(range(20_000)) == 199_990_000


def test_budgets_within_budgets_count_for_the_inner_one() -> None:
    outer, inner = Budget(1, 10.0), Budget(5, 10.0)
    outer.run(lambda: inner.run(lambda: spend_steps(5)))
    assert (outer.steps, inner.steps) == (1, 0)
