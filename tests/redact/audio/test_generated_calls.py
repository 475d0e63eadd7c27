"""A few generated calls from end to end: nothing planted is heard, and little else is covered.
`tests/bench/bench_calls.py` does the same for 200.
"""

from __future__ import annotations

from functools import cache

import pytest
from bench.bench_calls import Tally, run
from support import voices
from support.generated_calls import BAR

from callveil.schemas.policy_load import load_policy

pytestmark = pytest.mark.skipif(not voices.LIBRARY, reason=voices.NEEDS_ESPEAK)


RECORDED = {
    "right": "fits",
    "swapped": "swapped",
    "shifted": "shifted",
    "mono": "fits",
    "foreign": "refused",
}
"""Conditions, and what is found of times under each."""


@cache
def tallies() -> dict[str, Tally]:
    return run(6, 23, ("words", "aligned", "turns", *RECORDED), load_policy("gdpr"))


@pytest.mark.parametrize(
    ("condition", "share"),
    [
        ("words", 0.1),
        ("aligned", 0.1),
        ("turns", 0.4),
        *((c, 0.1) for c in RECORDED if c != "foreign"),
        ("foreign", 1.0),
    ],
)
def test_what_is_planted_is_not_heard_and_little_else_is_covered(
    condition: str, share: float
) -> None:
    tally = tallies()[condition]
    assert sum(n for kind, n in tally.values.items() if kind in BAR) >= 15
    assert {kind: seconds for (_, kind), seconds in tally.leaked.items() if kind in BAR} == {}, (
        tally.examples
    )
    assert tally.over / tally.speech < share


@pytest.mark.parametrize(("condition", "verdict"), RECORDED.items())
def test_times_are_mended_or_refused(condition: str, verdict: str) -> None:
    assert set(tallies()[condition].verdicts) == {verdict}


def test_alignment_covers_less_than_whole_turns() -> None:
    found = tallies()
    assert found["aligned"].over < 0.6 * found["turns"].over
