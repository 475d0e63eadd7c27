"""Several spaCy pipelines that read the same text and vote."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy

from callveil.schemas.policy import DetectionSettings
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.pipeline import Mention, vote_mentions


def test_votes_are_shares_of_the_score() -> None:
    one = [Mention("PERSON", 0, 4), Mention("LOCATION", 10, 16)]
    two = [Mention("PERSON", 0, 9), Mention("PERSON", 10, 16)]
    assert vote_mentions([one, two], 0.8) == [
        (one[0], 0.8),
        (one[1], 0.4),
        (two[0], 0.8),
        (two[1], 0.4),
    ]
    assert vote_mentions([one], 0.8) == [(one[0], 0.8), (one[1], 0.8)]
    assert vote_mentions([one, [], [one[0]]], 0.9) == [
        (one[0], pytest.approx(0.6)),
        (one[1], pytest.approx(0.3)),
    ]


def test_two_pipelines_vote_by_policy(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [
            {"label": "PERSON", "pattern": "Quorble"},
            {"label": "PERSON", "pattern": "Wilhelmina Rossi"},
        ]
    )
    nlp.to_disk(tmp_path / "ruler")
    policy = parse_policy(f"version: 1\ndetect: {{model: embedded + {tmp_path / 'ruler'}}}\n")
    assert policy.detect.models_for("en") == ("embedded", str(tmp_path / "ruler"))
    text = "My name is Wilhelmina Rossi and I keep a Quorble in the shed in Chicago."
    ((_, spans),) = Detector(policy.detect).run([(View(text), None)], "en")
    scores = {
        (text[s.start : s.end], s.entity): s.score for s in spans if s.detector == "SpacyRecognizer"
    }  # type: ignore[union-attr]
    alone, both = scores["Quorble", "PERSON"], scores["Wilhelmina Rossi", "PERSON"]
    assert (
        both == pytest.approx(2 * alone)
        and alone > 0.4
        and scores["Chicago", "LOCATION"] == pytest.approx(alone)
    )


def test_one_model_is_as_it_was() -> None:
    assert DetectionSettings().models_for("en") == ("embedded",)
