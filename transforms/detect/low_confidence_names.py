"""A policy's margins, applied to a pipeline's recogniser: what it takes, and whom it all but takes.

spaCy's recogniser goes word by word; outside every entity it either begins one or passes on, by the
higher score. Outside, its scores depend on the word's own vector alone, so one sum over a batch
gives every word's margin: the best score of a beginning less that of passing on. A name begins
where its margin reaches that of the turn's kind, cased or not: scores of beginnings are moved by so
much, word by word. A word whose margin lies a little below begins a faint entity, which is then
followed to its end by the model's own scores. An organization whose first word would begin a person
by nearly the same score is faint as a whole. The entities stay spaCy's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IS_SPACE
from spacy.language import Language
from spacy.ml.parser_model import ParserStepModel
from spacy.tokens import Doc
from thinc.api import Model, NumpyOps

from callveil.schemas.policy import ModelMargin, ModelMargins

Floats = NDArray[np.float32]
KEY = "callveil_faint"
"""Key of `Doc.user_data` under which the faint entities of a text stand."""
_WORD = re.compile(r"[^\W\d_][\w'’]*")
_NO_CAPITALS = frozenset(
    ("I", "I'm", "I'd", "I'll", "I've", "I’m", "I’d", "I’ll", "I’ve", "OK", "Ok")
)
LABEL = "PERSON"
ORGANIZATIONS = ("ORGANIZATION", "ORG")
"""Labels of what people may be taken for."""
PLACES = ("ADDRESS", "LOCATION")
"""Labels that go by the margin of a place."""
LONGEST = 8
"""A faint entity of more tokens is none."""


class Candidate(NamedTuple):
    """A person the model passed over, or took for an organization.

    Attributes:
        start, end: tokens, half-open.
        margin: score of its beginning less what is enough, or less that of beginning an
            organization; at most 0.
        organization: whether the model took it for one.
    """

    start: int
    end: int
    margin: float
    organization: bool = False


def is_mixed_case(line: str) -> bool:
    """Tell whether a turn is written with capitals and small letters; "I" alone says nothing."""
    if not any(c.isupper() for c in line):
        return False
    words = [w for w in _WORD.findall(line) if w not in _NO_CAPITALS]
    return any(w[0].isupper() for w in words) and (
        len(words) < 2 or not all(w.isupper() for w in words)
    )


def mixed_case_flags(text: str, places: NDArray[Any]) -> NDArray[np.int64]:
    """For each token of a text, which begin at `places`, 1 where its turn is cased, else 0."""
    lines = text.split("\n")
    if len(lines) == 1 or (len(lines) == 2 and not lines[1]):
        return np.full(len(places), is_mixed_case(lines[0]), dtype=np.int64)
    if text.islower():
        return np.zeros(len(places), dtype=np.int64)
    begins = np.cumsum([len(line) + 1 for line in lines])
    told = np.array([is_mixed_case(line) for line in lines], dtype=np.int64)
    return told[np.searchsorted(begins, places, side="right")]


def _shift(move: str, margin: ModelMargin, leaned: float | None) -> float:
    """Return what is added to the score of a move for a margin: that of a beginning falls or
    rises.
    """
    if leaned is None or move[0] not in "BU":
        return 0.0
    return -leaned - (margin.place if move[2:] in PLACES else margin.name)


class _Lower:
    """The layer that turns vectors into parts of scores; it shows them, then moves them by
    margins.
    """

    def __init__(
        self, real: Model[Any, Any], shift: Floats, show: Callable[[Floats, Floats], None]
    ) -> None:
        self.real, self.ops = real, real.ops
        self.shift, self.show = shift, show
        self.get_dim, self.has_dim, self.get_param = real.get_dim, real.has_dim, real.get_param

    def __call__(self, vectors: Any, is_train: bool) -> Any:
        out = self.real(vectors, is_train)
        parts: Floats = out[0]
        self.show(parts, self.get_param("b"))
        # the first feature is the word itself, whose part every piece of a score has once
        parts[1:, 0] += self.shift[:, :, None]
        return out


class MarginForward:
    """Stands in for the forward function of a recogniser's model at prediction; training goes
    through the original.
    """

    def __init__(self, ner: Any, margins: ModelMargins, leaned: float | None, faint: bool) -> None:
        """Args: leaned: how far the model leans by itself; None where its scores are of another
        scale. faint: whether faint people are kept."""
        self.faint = faint
        self.original: Callable[..., tuple[Any, Any]] = ner.model._func
        self.names = names = [ner.moves.get_class_name(n) for n in range(ner.moves.n_moves)]
        number = {name: n for n, name in enumerate(names)}
        usual = margins.uncased, margins.cased
        self.shift = np.array(
            [[_shift(n, kind, leaned) for n in names] for kind in usual], np.float32
        )
        self.least = -self.shift[:, number[f"U-{LABEL}"]]
        reach = [max(0.0, kind.name - kind.rare_name) for kind in usual]
        self.reach = np.array(reach, np.float32)
        self.outside = number["O"]
        self.others = np.array(
            [n for name, n in number.items() if name[0] in "BU" and not name.endswith(f"-{LABEL}")],
            dtype=np.int64,
        )
        self.rivals = np.array(
            [
                number[f"{move}-{label}"]
                for move in "BU"
                for label in ORGANIZATIONS
                if label in ner.labels
            ],
            dtype=np.int64,
        )
        self.begin, self.inside, self.last, self.unit = (
            number[f"{move}-{LABEL}"] for move in "BILU"
        )

    def __call__(
        self, model: Model[Any, Any], docs: Sequence[Doc], is_train: bool
    ) -> tuple[Any, Any]:
        if is_train:
            return self.original(model, docs, is_train)
        tok2vec, lower, upper = model.layers
        told = [mixed_case_flags(doc.text, doc.to_array("IDX").astype(np.int64)) for doc in docs]
        kind = np.concatenate([np.zeros(0, np.int64), *told])

        def show(parts: Floats, bias: Floats) -> None:
            if self.faint:
                self._note(docs, parts, bias, kind)

        kept = _Lower(lower, self.shift[kind], show)
        step = ParserStepModel(
            docs,
            [tok2vec, kept, upper],
            unseen_classes=model.attrs["unseen_classes"],
            train=False,
            has_upper=False,
        )
        return step, step.finish_steps

    def _note(
        self, docs: Sequence[Doc], parts: Floats, bias: Floats, kind: NDArray[np.int64]
    ) -> None:
        """Keep with each document what is faint in it.

        Args:
            parts: (1 + tokens, features, moves, pieces), the first row standing for no token.
            kind: by token, whether its turn is cased.
        """
        scores = (parts[1:, 0] + (parts[0, 1:].sum(axis=0) + bias)).max(axis=2)
        lengths = [len(doc) for doc in docs]
        stops = np.cumsum(lengths)
        stop_of = np.repeat(stops, lengths)
        spaces = np.concatenate([doc.to_array([IS_SPACE]).reshape(-1) != 0 for doc in docs])

        def ends(firsts: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.array(
                [self._end(parts[: 1 + stop_of[n]], bias, n) for n in firsts.tolist()], np.int64
            )

        noted = self.near(scores, kind, spaces, stop_of, ends)
        at = 0
        for doc, length, stop in zip(docs, lengths, stops.tolist(), strict=True):
            begin, first = stop - length, at
            while at < len(noted) and noted[at].start < stop:
                at += 1
            if first < at:
                doc.user_data[KEY] = [
                    f._replace(start=f.start - begin, end=f.end - begin) for f in noted[first:at]
                ]

    def near(
        self,
        scores: Floats,
        kind: NDArray[Any],
        spaces: NDArray[np.bool_],
        stop_of: NDArray[np.int64],
        ends: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    ) -> list[Candidate]:
        """Tell who is faint in some texts, in order, whatever the entities are.

        Args:
            scores: of each move at each token outside every entity, without the margins.
            kind, spaces, stop_of: by token: whether its turn is cased, whether it is white space,
                and where its text ends.
            ends: where people end that begin at some tokens.
        """
        least, reach = self.least[kind], self.reach[kind]
        best = np.maximum(scores[:, self.begin], scores[:, self.unit])
        margins = best - scores[:, self.outside] - least
        other = scores[:, self.others].max(axis=1, initial=-np.inf)
        rival = scores[:, self.rivals].max(axis=1, initial=-np.inf)
        taken = rival >= scores[:, self.outside] + least
        beside = (rival > best) & (rival < best + reach) & (rival >= other) & taken
        near = ((margins > -reach) & (margins <= 0) & (best >= other)) | beside
        tokens = np.flatnonzero(near & ~spaces)
        # the end of what is an organization to the model is that of the entity, if one begins here
        aside = beside[tokens]
        followed = ~aside & (tokens + 1 < stop_of[tokens])
        followed &= scores[tokens, self.begin] > scores[tokens, self.unit]
        stops = tokens + 1
        if followed.any():
            stops[followed] = ends(tokens[followed])
        margin = np.where(aside, best[tokens] - rival[tokens], margins[tokens])
        found = zip(tokens.tolist(), stops.tolist(), margin.tolist(), aside.tolist(), strict=True)
        return [Candidate(*one) for one in found if one[1] - one[0] <= LONGEST]

    def _end(self, parts: Floats, bias: Floats, first: int) -> int:
        """Tell where a person that begins at token `first` ends, half-open; `parts` stop where its
        document does.
        """
        reach, count, end = parts.shape[1] - 1, len(parts) - 1, first + 1
        while True:
            # inside an entity the features are the word itself and the first words of the entity,
            # before it
            state = parts[1 + end, 0] + bias
            for n in range(reach):
                state = state + parts[1 + first + n if first + n < end else 0, 1 + n]
            scores = state.max(axis=1)
            end += 1
            if end == count or end - first > LONGEST or scores[self.last] >= scores[self.inside]:
                return end


def take_candidates(doc: Doc) -> list[Candidate]:
    """Return the people faint in a text its recogniser has read, in order. They can be asked for
    once.
    """
    noted = doc.user_data.pop(KEY, ())
    return drop_overlapping(noted, [(e.start, e.end, e.label_) for e in doc.ents]) if noted else []


def drop_overlapping(
    noted: Sequence[Candidate], entities: Sequence[tuple[int, int, str]]
) -> list[Candidate]:
    """Return those of `noted` that overlap no other and begin in no entity.

    Of what is an organization to the model those that begin as it does, with its end.
    """
    out: list[Candidate] = []
    ends = {first: end for first, end, label in entities if label in ORGANIZATIONS}
    inside = {token for first, end, _ in entities for token in range(first, end)} if noted else ()
    for faint in noted:
        if out and faint.start < out[-1].end:
            continue
        if not faint.organization:
            if faint.start not in inside:
                out.append(faint)
        elif faint.start < ends.get(faint.start, 0) <= faint.start + LONGEST:
            out.append(faint._replace(end=ends[faint.start]))
    return out


def apply_margins(nlp: Language, margins: ModelMargins | None = None, faint: bool = True) -> bool:
    """Let a pipeline's recogniser take names by margins and keep who is faint (`KEY`).

    Args:
        margins: of the policy; None for the usual ones.
        faint: whether faint people are kept.
    A model that callveil did not train has scores of its own scale: it takes what it takes, and the
    margins only say how much less is faint.
    Only a recogniser whose scores outside depend on the word alone is fit: spaCy's
    `TransitionBasedParser.v2` for entities with six features and no upper layer, on the processor.
    Any other is left as it is. Returns: whether it is fit.
    """
    if not nlp.has_pipe("ner"):
        return False
    ner: Any = nlp.get_pipe("ner")
    model = ner.model
    if (
        not isinstance(model, Model)
        or model.name != "parser_model"
        or model.attrs["has_upper"]
        or not isinstance(model.ops, NumpyOps)
    ):
        return False
    lower = model.get_ref("lower")
    if (
        lower.get_dim("nF") != 6
        or lower.get_dim("nP") < 2
        or isinstance(model._func, MarginForward)
        or LABEL not in ner.labels
    ):
        return False
    margins = margins or ModelMargins()
    ours = nlp.meta.get("callveil")
    leaned = float(ours.get("lean", 0.0)) if isinstance(ours, dict) else None
    model._func = MarginForward(ner, margins, leaned, faint)
    return True
