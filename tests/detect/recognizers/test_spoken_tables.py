"""Values spoken in sentences and in answers, as a speech recogniser writes them: a hand-written
table for each type.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.resolve import accept_findings, merge_spans

HERE = Path(__file__).parent / "spoken"
_MARK = re.compile(r"\[(.*?)\]")


def table(name: str) -> dict[tuple[str, str], list[str]]:
    """Utterances by (entity, question); the question is empty for sentences."""
    out: dict[tuple[str, str], list[str]] = defaultdict(list)
    key = ("", "")
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            entity, _, question = line[3:].partition(" | ")
            key = (entity, question)
        elif line and not line.startswith("#"):
            out[key].append(line)
    return out


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_policy(None).detect)


def missed(detector: Detector, question: str, lines: list[str]) -> list[str]:
    """Lines with a letter or digit of the value left readable, whatever type it was taken for; the
    model's findings count as well.
    """
    rules = load_policy(None).base
    wanted, views = [], []
    for line in lines:
        plain, spans, at = "", [], 0
        for match in _MARK.finditer(line):
            plain += line[at : match.start()]
            spans.append((len(plain), len(plain) + len(match.group(1))))
            plain, at = plain + match.group(1), match.end()
        plain += line[at:]
        view = View.of_turns(
            [("agent", question), ("caller", plain)] if question else [("caller", plain)]
        )
        offset = len(view.text) - len(plain)
        wanted.append(
            {i for a, b in spans for i in range(a + offset, b + offset) if view.text[i].isalnum()}
        )
        views.append(view)
    out = []
    for line, need, view, (_, found) in zip(
        lines, wanted, views, detector.run([(v, None) for v in views], "en"), strict=True
    ):
        assert isinstance(found, list)
        covered = {
            i
            for s in merge_spans(accept_findings(view.text, found, rules)[0])
            for i in range(s.start, s.end)
        }
        if not need <= covered:
            out.append(
                "".join("_" if i in covered else c for i, c in enumerate(view.text))
                + f"   <- {line}"
            )
    return out


@pytest.mark.parametrize("key", table("sentences.txt"), ids=lambda key: key[0])
def test_values_in_sentences_are_found(detector: Detector, key: tuple[str, str]) -> None:
    lines = table("sentences.txt")[key]
    bad = missed(detector, key[1], lines)
    assert len(bad) <= max(1, 0.03 * len(lines)), "\n".join(bad)


@pytest.mark.parametrize("key", table("answers.txt"), ids=lambda key: f"{key[0]}-{key[1][-12:]}")
def test_answers_are_found(detector: Detector, key: tuple[str, str]) -> None:
    lines = table("answers.txt")[key]
    bad = missed(detector, key[1], lines)
    assert len(bad) <= 0.05 * len(lines), "\n".join(bad)
