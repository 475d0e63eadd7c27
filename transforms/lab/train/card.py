"""Figures of a model on labelled sets, and the model card that reports them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spacy.language import Language

from callveil.transforms.detect.low_confidence_names import apply_margins
from callveil.transforms.detect.model import LABELS, load_call_model
from callveil.transforms.lab.train.augment import change_case, vary_surface
from callveil.transforms.lab.train.corpus import (
    PERSON_OR_ORG,
    PUBLIC_PERSON,
    UNKNOWN,
    Talk,
    read_corpus,
)
from callveil.transforms.lab.train.mix import TrainingMix
from callveil.transforms.lab.train.trainer import TrainReport

CARD = "MODEL_CARD.md"


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """Measures of a model on one set. A value counts as found when every letter and digit of it is
    covered.

    Attributes:
        name: of the set. talks, words: its size.
        gold, covered, typed: by label, labelled values, those covered by a finding of any type,
            those covered by one of the same type.
        given, wrong: by label, findings, and those that touch no labelled value and no unknown
            word.
        seconds: processor time of the pipeline over the whole set.
    """

    name: str
    talks: int = 0
    words: int = 0
    gold: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    typed: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def recall(self, label: str) -> float:
        """Return the share of labelled values covered, by a finding of any type; NaN where there
        are none.
        """
        return self.covered[label] / self.gold[label] if self.gold[label] else float("nan")

    def typed_recall(self, label: str) -> float:
        """Return the share of labelled values covered by findings of their own type; NaN where
        there are none.
        """
        return self.typed[label] / self.gold[label] if self.gold[label] else float("nan")

    def precision(self, label: str) -> float:
        """Return the share of findings of a type that touch something labelled, or a word nobody
        judged; NaN where there are none.
        """
        return 1 - self.wrong[label] / self.given[label] if self.given[label] else float("nan")


def evaluate_model(nlp: Language, talks: Sequence[Talk], name: str = "") -> ModelMetrics:
    """Run the model over conversations, turns joined by line feeds, and count. Changes neither."""
    joined = ["\n".join(u.text for u in t.turns) for t in talks]
    figures = ModelMetrics(name, len(talks), sum(len(t.split()) for t in joined))
    begun = time.process_time()
    found = [
        [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        for doc in nlp.pipe(joined, batch_size=64)
    ]
    seconds = time.process_time() - begun
    for talk, text, spans in zip(talks, joined, found, strict=True):
        by_char: dict[int, str] = {
            i: label for start, end, label in spans for i in range(start, end)
        }
        touched: set[int] = set()
        place = 0
        for turn in talk.turns:
            for mark in turn.marks:
                chars = range(place + mark.start, place + mark.end)
                touched.update(chars)
                label = {PUBLIC_PERSON: "PERSON", PERSON_OR_ORG: UNKNOWN}.get(
                    mark.label, mark.label
                )
                if label == UNKNOWN:
                    continue
                solid = [i for i in chars if text[i].isalnum()]
                figures.gold[label] += 1
                figures.covered[label] += all(i in by_char for i in solid)
                figures.typed[label] += all(by_char.get(i) == label for i in solid)
            place += len(turn.text) + 1
        for start, end, label in spans:
            figures.given[label] += 1
            figures.wrong[label] += touched.isdisjoint(range(start, end))
    return replace(figures, seconds=seconds)


def lower_case_talks(talks: Sequence[Talk]) -> list[Talk]:
    """Lower-cased copies; offsets hold."""
    return [replace(t, turns=tuple(change_case(u, str.lower) for u in t.turns)) for t in talks]


def held_out_talks(kind: str, count: int, seed: int = 5) -> list[Talk]:
    """Generated conversations (`call` or `request`) whose people are all named from the held-out
    part of the lists.

    Raises `ValueError` for another kind.
    """
    if kind not in ("call", "request"):
        raise ValueError(f"unknown kind {kind!r}; call or request")
    mix, rng = TrainingMix(held=True), random.Random(seed)
    return [
        vary_surface(rng, mix.call(rng) if kind == "call" else mix.request(rng))
        for _ in range(count)
    ]


def measure_model(nlp: Language, sets: Mapping[str, Path], count: int = 2000) -> list[ModelMetrics]:
    """Return figures on held-out generated conversations and on each labelled file, as written and
    lower-cased.

    Raises what `corpus.read_corpus` raises.
    """
    out = [
        evaluate_model(nlp, held_out_talks(kind, count), f"generated {kind}s, unseen names")
        for kind in ("call", "request")
    ]
    for name, path in sets.items():
        talks = read_corpus(path)
        out += [
            evaluate_model(nlp, talks, name),
            evaluate_model(nlp, lower_case_talks(talks), f"{name}, lower-cased"),
        ]
    return out


def metrics_table(figures: Sequence[ModelMetrics]) -> str:
    """Return a Markdown table: per set and label, recall by any type, by the same type,
    precision.
    """
    rows = [
        "| set | words | type | values | recall | same type | precision |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for f in figures:
        for label in sorted(LABELS, key=lambda x: x != "PERSON"):
            if f.gold[label]:
                found = (
                    f"{f.recall(label):.3f} | {f.typed_recall(label):.3f} | "
                    f"{_number(f.precision(label))}"
                )
                rows.append(f"| {f.name} | {f.words:,} | {label} | {f.gold[label]:,} | {found} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"


def describe_model(
    report: TrainReport,
    sets: Mapping[str, Path],
    corpora: Sequence[str] = (),
    command: str = "callveil train",
    count: int = 2000,
) -> tuple[Path, list[ModelMetrics]]:
    """Load the model a training run wrote, take its figures on `sets` (name to labelled file) and
    write its card.

    Returns: the card's path and the figures. Raises what `corpus.read_corpus` raises.
    """
    nlp = load_call_model(report.out)
    apply_margins(nlp)
    figures = measure_model(nlp, sets, count)
    return write_card(report.out, report, figures, corpora, command), figures


def write_card(
    folder: Path,
    report: TrainReport,
    figures: Sequence[ModelMetrics],
    corpora: Sequence[str],
    command: str,
) -> Path:
    """Write `MODEL_CARD.md` beside a model.

    Args:
        corpora: one line of Markdown for each labelled file used, with its size, source and
            licence.
        command: what was typed, without folders of the machine.
    Returns: the card's path.
    """
    speed = max(
        (f.words / f.seconds for f in figures if f.seconds and f.words > 5000), default=float("nan")
    )
    sources = ", ".join(f"{name or 'unnamed'} {count:,}" for name, count in report.sources.items())
    text = _TEMPLATE.format(
        labels=", ".join(LABELS),
        width=report.width,
        depth=report.depth,
        size=report.size / 1e6,
        steps=report.steps,
        words=report.words,
        seed=report.seed,
        minutes=report.seconds / 60,
        loss=report.loss,
        corpora="\n".join(f"- {c}" for c in corpora) or "- none",
        sources=sources,
        table=metrics_table(figures),
        command=command,
        speed=speed,
    )
    path = folder / CARD
    path.write_text(text, encoding="utf-8")
    return path


_TEMPLATE = """# Model card: names in call text

A spaCy pipeline with one component, `ner`, that finds {labels} in conversations and single
messages, with or without case and punctuation. A conversation is read whole, turns joined by line feeds, because the question
often decides what a one-word answer is.

## How it is built
Width {width}, depth {depth} (each word sees {depth} words to either side, line feeds counted), hashed embeddings of four word
features: folded form, first three and last three folded letters, shape. No pretrained vectors. {size:.1f} MB; about {speed:,.0f} words a
second on one core of the machine it was trained on.

Trained from scratch with seed {seed}: {steps:,} updates, {words:,} words (repeats and augmented copies counted), {minutes:.0f} minutes on
one core, last loss {loss:.4f} a word.

    {command}

Equal seed, files, version of callveil, number of updates and machine give equal weights.

## What it was trained on
- generated calls, requests and messages: carriers, places, addresses and businesses written for this
  project; names of many origins written for it, names of the lexicon (`lang/en/lexicon.md` says whose
  lists those are) and invented ones; all people in them are generated
{corpora}

Conversations drawn, by source: {sources}.

In real conversations labelled people, places and addresses were replaced by generated ones, so that
the model does not learn the people of a corpus, and people were put in. A source is drawn by the
square root of its words. Where a corpus labels only some names, or none, words that may be names were
left out of the loss: in cased text those with a capital, in text without capitals those the lexicon
has for a given name or does not know. All its other words teach what no name is. After a quarter, a
half and three quarters of the updates the model was tried on these conversations, and two windows in
five were then drawn about turns in which it had found what nobody is called. Businesses and places
that end in a word such as Hotel or Park were labelled by that word. Case and punctuation were dropped
at random in all of it. One listed name in twelve was held out of training for the figures below. The
model's folder keeps no text of any corpus: its string store is rebuilt from the tokenizer's own rules.

## How detection uses it
A name begins where its score, less that of "outside every name", reaches the margin of the policy
(`detect.margins`, README): one for turns with capitals and small letters, one for those without. A
lower margin finds more. Beside these, people whose words are rare are taken from a lower margin on
(`rare_name`): none of their words is common English (`ordinary.txt`, everyday words), not all are names
that are words as well; in a turn with capitals they begin with one, and a lone word that opens a
sentence lies at most 2 below the margin. By the same rules an organization whose first word would
begin a person by a score not much lower is a person as well, unless a word in it or near it, or one
that leads to a place, says that it is a business (`transforms/detect/low_confidence_names.py`, `recognizers/low_confidence_names.py`).

What is a person to the model is then judged by the lexicon of English words and names
(`lang/en/lexicon.md`, `recognizers/evidence.py`, `recognizers/frames.py`): ordinary words are none, listed
names and words nobody knows are, and what is both is decided by how it is written and by the frame it
stands in. The figures below are of the model alone, with the margins of the default policy.

## Figures
Recall counts a value as found when each of its letters and digits is covered, by a finding of any type, or of the same type.
Precision counts a finding as right when it touches something labelled; words that a set leaves unjudged are neutral. "-" where a
set has no finding to judge.

{table}

## Limits
- English. Names of other languages inside English sentences are found; sentences of other languages are not what it was trained for.
- Generated carriers are narrower than what people say; figures on generated conversations flatter the model, those on real sets less.
- It gives no scores. Telephone numbers, dates, cards, codes and e-mail addresses are left to pattern recognizers; a spelled e-mail
  address may be taken for a spelled name.
- Brand and product names are mostly left alone. A lone word that is both a name and a common word is decided by its neighbours and
  the question before it. Restaurants, hotels and other businesses named like people may be found as people.
- Licences: the weights are Apache-2.0 like the project; corpora named above keep theirs and are not part of the package.
"""
