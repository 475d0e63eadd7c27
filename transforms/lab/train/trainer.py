"""Training the names model: seeded, on one core, to a folder
`callveil.transforms.detect.model.load` reads.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam, get_current_ops, set_current_ops

from callveil.schemas.errors import CallveilError
from callveil.transforms.detect.model import LABELS, LANGUAGE, fast_ops
from callveil.transforms.lab.train.corpus import (
    PERSON_OR_ORG,
    PUBLIC_PERSON,
    UNKNOWN,
    Talk,
    read_corpus,
)
from callveil.transforms.lab.train.mix import TrainingMix

MAX_BYTES = 8_000_000
"""A model folder larger than this is refused: it ships in the package and is loaded by each worker.
"""
ROWS: tuple[int, int, int, int] = (10_000, 2_500, 2_500, 300)
"""Rows of the tables of the four word features. More cost bytes and no time."""
MINE: tuple[float, ...] = (0.25, 0.5, 0.75)
"""Parts of the training after which its mistakes are sought, see `TrainingMix.mine`."""
_AS = {PERSON_OR_ORG: UNKNOWN, PUBLIC_PERSON: "PERSON"}


class TrainingError(CallveilError, ValueError):
    """A model cannot be made as asked; the text says what to choose instead."""


@dataclass(frozen=True, slots=True)
class TrainReport:
    """Report of a training: its settings, data and result.

    Attributes:
        out: the model's folder.
        seed, steps, width, depth: as trained; `steps` counts updates.
        words: words seen, repeats and augmented copies counted.
        seconds: wall time.
        size: bytes of the folder.
        loss: mean loss per word over the last tenth of training.
        sources: conversations drawn, by source.
    """

    out: Path
    seed: int
    steps: int
    width: int
    depth: int
    words: int
    seconds: float
    size: int
    loss: float
    sources: dict[str, int]


def blank_pipeline(width: int, depth: int) -> Language:
    """Return an untrained pipeline.

    Args:
        width: columns of a word's vector, a multiple of 8 from 16 to 128. depth: window layers, 1
            to 8; each adds one word of context on either side.
    Raises:
        TrainingError: out of those ranges.
    """
    if not 16 <= width <= 128 or width % 8 or not 1 <= depth <= 8:
        raise TrainingError(
            f"width {width}, depth {depth}: width must be a multiple of 8 from 16 to 128 and depth "
            "1 to 8; larger models do not fit the package"
        )
    nlp = spacy.blank(LANGUAGE)
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": width,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        "rows": list(ROWS),
        "include_static_vectors": False,
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": width,
        "window_size": 1,
        "maxout_pieces": 2,
        "depth": depth,
    }
    model = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": True,
        "hidden_width": 64,
        "maxout_pieces": 2,
        "use_upper": False,
        "tok2vec": {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode},
    }
    ner: Any = nlp.add_pipe("ner", config={"model": model})
    for label in LABELS:
        ner.add_label(label)
    return nlp


def make_example(nlp: Language, talk: Talk) -> Example:
    """Return a training example: the turns joined by line feeds, labels on the tokens they cover,
    unknown stretches left open.

    A label that starts or ends inside a token takes the whole token, as redaction would.
    """
    text, marks = "", []
    for turn in talk.turns:
        marks += [
            (len(text) + m.start, len(text) + m.end, _AS.get(m.label, m.label)) for m in turn.marks
        ]
        text += turn.text + "\n"
    doc = nlp.make_doc(text[:-1])
    gold = Doc(doc.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc])
    ents: list[Span] = []
    missing: list[Span] = []
    used: set[int] = set()
    for start, end, label in marks:
        span = doc.char_span(start, end, alignment_mode="expand")
        if span is None:
            continue
        first, last = span.start, span.end
        while first < last and doc[first].is_space:
            first += 1
        while last > first and doc[last - 1].is_space:
            last -= 1
        if first == last or not used.isdisjoint(range(first, last)):
            continue
        used.update(range(first, last))
        (missing if label == UNKNOWN else ents).append(Span(gold, first, last, label=label))
    gold.set_ents(ents, missing=missing, default="outside")
    return Example(doc, gold)


def make_batches(
    nlp: Language, stream: Iterator[Talk], size: int, sources: dict[str, int]
) -> Iterator[list[Example]]:
    """Yield batches of about `size` tokens; counts what was drawn in `sources`."""
    batch: list[Example] = []
    tokens = 0
    for talk in stream:
        if not any(t.text.strip() for t in talk.turns):
            continue
        sources[talk.source] = sources.get(talk.source, 0) + 1
        made = make_example(nlp, talk)
        batch.append(made)
        tokens += len(made.reference)
        if tokens >= size:
            yield batch
            batch, tokens = [], 0


def train_model(
    out: Path,
    seed: int = 0,
    extra: Sequence[Path] = (),
    steps: int = 12_000,
    width: int = 96,
    depth: int = 4,
    log: Callable[[str], None] = print,
    minutes: float | None = None,
) -> TrainReport:
    """Train a model and write it to `out`.

    Args:
        out: folder to write; made if absent, files of an older model in it are replaced.
        seed: equal seed, corpora, steps and machine give equal weights, byte for byte. With
            `minutes` the number of steps depends on the machine.
        extra: labelled JSON lines, see `corpus.read_corpus`.
        steps: updates of about 1,000 tokens. width, depth: see `blank_pipeline`.
        log: takes one line of progress at a time; it holds figures only.
        minutes: stop after this much time if that is sooner than `steps`; the learning rate then
            falls with time.
    Raises:
        corpus.CorpusError: a file of `extra` is not of the form.
        TrainingError: figures out of range, or the model came out larger than `MAX_BYTES`.
    """
    if steps < 1:
        raise TrainingError(f"steps is {steps}; at least 1 update is needed")
    before = get_current_ops()
    set_current_ops(fast_ops())
    try:
        return _train(Path(out), seed, [Path(p) for p in extra], steps, width, depth, log, minutes)
    finally:
        set_current_ops(before)


def _train(
    out: Path,
    seed: int,
    extra: Sequence[Path],
    steps: int,
    width: int,
    depth: int,
    log: Callable[[str], None],
    minutes: float | None,
) -> TrainReport:
    begun = time.monotonic()
    real = [talk for path in extra for talk in read_corpus(path)]
    log(f"{len(real)} labelled conversations read from {len(extra)} files")
    fix_random_seed(seed)
    nlp = blank_pipeline(width, depth)
    optimizer = Adam(
        0.001,
        beta1=0.9,
        beta2=0.999,
        L2=0.01,
        grad_clip=1.0,
        use_averages=True,
        L2_is_weight_decay=True,
    )
    nlp.initialize(sgd=optimizer)
    sources: dict[str, int] = {}
    mix, rng = TrainingMix(real), random.Random(seed)
    stream = make_batches(nlp, mix.stream(rng), 1000, sources)
    words, losses, step, mined = 0, [], 0, 0
    for step, batch in enumerate(stream, 1):
        part = step / steps
        if minutes is not None:
            part = max(part, (time.monotonic() - begun) / (60 * minutes))
        optimizer.learn_rate = 0.002 * min(1.0, step / 250) * max(0.02, 1 - part)
        found: dict[str, float] = {}
        nlp.update(batch, drop=0.15, sgd=optimizer, losses=found)
        count = sum(len(e.reference) for e in batch)
        words += count
        losses.append(found["ner"] / count)
        if step % 500 == 0:
            log(
                f"step {step} of {steps}, {words} words, loss {sum(losses[-500:]) / 500:.4f} a "
                f"word, {time.monotonic() - begun:.0f} s"
            )
        if part >= 1:
            break
        if mined < len(MINE) and part >= MINE[mined]:
            mined += 1
            with nlp.use_params(optimizer.averages):
                log(f"{mix.mine(nlp, rng)} turns of real conversations in which the model is wrong")
    with nlp.use_params(optimizer.averages):
        size = write_pipeline(
            nlp, out, {"seed": seed, "steps": step, "width": width, "depth": depth, "words": words}
        )
    tail = losses[-max(1, len(losses) // 10) :]
    return TrainReport(
        out,
        seed,
        step,
        width,
        depth,
        words,
        time.monotonic() - begun,
        size,
        float(sum(tail) / len(tail)),
        dict(sorted(sources.items())),
    )


def write_pipeline(nlp: Language, out: Path, about: dict[str, float]) -> int:
    """Write the pipeline without the strings it met in training, which would carry names out of the
    corpora.

    Returns: bytes written. Raises `ValueError` where they exceed `MAX_BYTES`.
    """
    clean = spacy.blank(LANGUAGE)
    clean.meta.update(
        name="calls",
        description="Names, places, addresses and organizations in call text",
        license="Apache-2.0",
        author="callveil",
        callveil=about,
    )
    source: Any = nlp.get_pipe("ner")
    ner: Any = clean.add_pipe("ner", config={"model": nlp.config["components"]["ner"]["model"]})
    for label in LABELS:
        ner.add_label(label)
    clean.initialize()
    ner.model.from_bytes(source.model.to_bytes())
    out.mkdir(parents=True, exist_ok=True)
    clean.to_disk(out)
    size = sum(
        p.stat().st_size
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.suffix not in (".py", ".pyc")
    )
    if size > MAX_BYTES:
        raise TrainingError(
            f"the model takes {size} bytes, more than the {MAX_BYTES} that ship with the package; "
            "choose a smaller width"
        )
    return size
