"""From overlapping findings to what is replaced."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.finding import TextSpan
from callveil.schemas.operators import Operator
from callveil.schemas.rules import Rules
from callveil.transforms.detect.placeholders import (
    exclude_places,
    placeholder_pattern,
    placeholder_spans,
)
from callveil.transforms.detect.resolve import accept_findings, merge_spans

SPAN = st.builds(
    lambda a, n, e, s, d, g: TextSpan(a, a + n, e, s, d, g),
    st.integers(0, 40),
    st.integers(1, 12),
    st.sampled_from(["PERSON", "URL", "PHONE_NUMBER"]),
    st.sampled_from([0.3, 0.5, 0.95]),
    st.sampled_from(["a", "b", "known_value"]),
    st.sampled_from(["", "g1", "g2"]),
)


def places(spans: list[TextSpan]) -> set[int]:
    return {i for s in spans for i in range(s.start, s.end)}


@given(st.lists(SPAN, max_size=12), st.randoms(use_true_random=False))
def test_merge_covers_the_union_with_disjoint_spans_in_any_order(
    spans: list[TextSpan], rng: random.Random
) -> None:
    out = merge_spans(spans)
    assert places(out) == places(spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(out))
    shuffled = list(spans)
    rng.shuffle(shuffled)
    assert merge_spans(shuffled) == out
    assert merge_spans(out) == out
    for s in out:
        inside = [x for x in spans if s.start <= x.start and x.end <= s.end]
        strongest = max(x.score for x in inside)
        assert s.score == strongest and s.entity in {
            x.entity for x in inside if x.score == strongest
        }


def test_touching_spans_stay_apart() -> None:
    spans = [TextSpan(0, 3, "PERSON", 0.9, "a"), TextSpan(3, 5, "URL", 0.9, "a")]
    assert merge_spans(spans) == spans


RULES = Rules(
    entities={"URL": Operator("keep"), "X_CODE": Operator("keep")},
    thresholds={"PERSON": 0.6},
    allow=frozenset({"acme corp"}),
    deny=(("Bluebird", "X_CODE"),),
)


@pytest.mark.parametrize(
    ("text", "entity", "score", "detector", "floor", "outcome"),
    [
        ("Jane", "PERSON", 0.6, "r", (), "redact"),
        ("Jane", "PERSON", 0.59, "r", (), "drop"),
        ("Jane", "PERSON", 0.1, "known_value", (), "redact"),
        ("Acme  Corp", "PERSON", 0.9, "r", (), "drop"),  # allowed, however it is spaced
        (
            "Acme Corp",
            "PERSON",
            0.9,
            "known_value",
            (),
            "redact",
        ),  # the contact's own name beats the allow list
        ("Acme Corporation", "PERSON", 0.9, "r", (), "redact"),
        ("a.example", "URL", 0.9, "r", (), "keep"),
        (
            "a.example",
            "URL",
            0.9,
            "r",
            ("URL",),
            "redact",
        ),  # it was hidden before, so it stays hidden
        ("a.example", "URL", 0.3, "r", ("URL",), "drop"),
        ("Bluebird", "X_CODE", 1.0, "deny_list", (), "redact"),  # deny beats keep
        ("here", "URL", 1.0, "request", (), "redact"),
        ("0134", "PHONE_NUMBER", 0.4, "r", (), "redact"),
    ],
)
def test_accept(
    text: str, entity: str, score: float, detector: str, floor: tuple[str, ...], outcome: str
) -> None:
    span = TextSpan(0, len(text), entity, score, detector)
    redact, keep = accept_findings(text, [span], RULES, frozenset(floor))
    assert (redact, keep) == {"redact": ([span], []), "keep": ([], [span]), "drop": ([], [])}[
        outcome
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[PERSON]", []),
        ("[PERSON] Smith", ["Smith"]),
        ("Jane [PERSON], [URL:t1.k1.ab-_] Smith", ["Jane", "Smith"]),
        ("[PERSON:abcdefghij234]", []),
        ("[PERSON:jane doe]", ["PERSON:jane doe"]),
        ("[JANE]", ["JANE"]),
        ("[redacted]", []),
        ("no label", ["no label"]),
    ],
)
def test_placeholders_are_read_around(text: str, left: list[str]) -> None:
    spans = list(
        exclude_places(
            text,
            [TextSpan(0, len(text), "PERSON", 0.9, "r", "g")],
            placeholder_spans(text, placeholder_pattern(Rules())),
        )
    )
    assert [text[s.start : s.end].strip("[]") for s in spans] == left


def test_what_earlier_policies_wrote_is_no_value_and_what_their_masks_kept_is() -> None:
    """The rules of now are a label's; those before wrote other labels, a mask of letters, and a
    mask that keeps some.
    """
    before = (
        Rules(label="<{entity}>", entities={"X_CODE": Operator("label")}),
        Rules(entities={"default": Operator("mask", char="x")}),
        Rules(entities={"default": Operator("mask", keep_last=4)}),
    )
    now, later = placeholder_pattern(Rules()), placeholder_pattern(Rules(earlier=before))
    for text in ("<PERSON>", "<X_CODE>", "xxx-xxx"):
        assert later.fullmatch(text) and not now.fullmatch(text)
    for text in ("****1111", "<JOHN>"):
        assert not later.fullmatch(text)
    assert placeholder_pattern(before[2]).fullmatch("****1111") and later.fullmatch("[PERSON]")


def test_a_policys_own_labels_are_placeholders() -> None:
    pattern = placeholder_pattern(Rules(label="<{entity}>", entities={"X_CODE": Operator("label")}))
    assert (
        pattern.fullmatch("<PERSON>")
        and pattern.fullmatch("<X_CODE>")
        and pattern.fullmatch("[PERSON]")
        and not pattern.fullmatch("<JANE>")
    )
    assert placeholder_pattern(Rules(label="{entity}")).search(
        "a PERSON b"
    ) and not placeholder_pattern(Rules(label="{entity}")).search("PERSONS")
