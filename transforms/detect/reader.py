"""A recogniser's mentions in many texts, each stretch of words read once.

What a convolution gives for a word depends on the few words around it, so each different window of
words goes through it once, whether it stands in an agent's script, in the copy of a transcript or
in a text that is read again after a redaction. Outside every entity the scores of a word depend on
that word's own vector (`faint`): all windows are decided at once, and only what begins an entity is
followed, in the way of spaCy's parser. The mentions are those of the pipeline; texts are cut into
tokens line by line, and each different line once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDX, IS_SPACE, LENGTH, SENT_START
from spacy.language import Language

from callveil.transforms.detect import fast_tok2vec, low_confidence_names

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

MOST_WINDOWS, MOST_WORDS, MOST_CHARS = 40_000, 20_000, 300_000
"""What is kept from one batch to the next: windows (0.5 KB each), words (0.6 KB), characters of
lines (20 bytes): 40 MiB at most. Beyond that all of it is forgotten."""

_LINE = re.compile(r"(?<=\S\n)(?=\S)")
"""Where a text may be cut without a token of spaCy's becoming another: it reads white space by the
run.
"""
_ROWS = 8
"""Matrices are filled up to a multiple of so many rows: a row's result is then the same in any of
them.
"""
_MIX = np.uint64(0x9E3779B97F4A7C15)


class TextMentions(NamedTuple):
    """Mentions that a recogniser finds in a text: `(start, end, label)` in code points, and who is
    faint, with the margin and whether the model took them for an organization; the places of all
    tokens.
    """

    entities: list[tuple[int, int, str]]
    faint: list[tuple[int, int, tuple[float, bool]]]
    tokens: Ints


class _Rows:
    """Rows of numbers that grow in number."""

    def __init__(self, *widths: int) -> None:
        self.columns: list[Any] = [np.zeros((64, width), dtype=np.float32) for width in widths]
        self.count = 0

    def add(self, *blocks: Any) -> Ints:
        """Append as many rows to each column; returns their numbers."""
        first, self.count = self.count, self.count + len(blocks[0])
        for n, (column, block) in enumerate(zip(self.columns, blocks, strict=True)):
            if self.count > len(column):
                more = np.zeros((max(self.count, 2 * len(column)), column.shape[1]), column.dtype)
                more[:first] = column[:first]
                self.columns[n] = column = more
            column[first : self.count] = block
        return np.arange(first, self.count)


class MentionReader:
    """Reads texts as a pipeline of one recogniser does. Not safe for use by several threads at
    once.

    Args:
        nlp: the pipeline, patched (`fast_tok2vec`) and with its margins applied; see `reader_of`.
        margins, encoder: what these have put into it.
    """

    def __init__(
        self,
        nlp: Language,
        margins: low_confidence_names.MarginForward,
        encoder: fast_tok2vec.FastForward,
    ) -> None:
        self.nlp, self.margins, self.encoder = nlp, margins, encoder
        model: Any = nlp.get_pipe("ner").model  # type: ignore[attr-defined]
        linear, lower = model.layers[0].layers[-1], model.get_ref("lower")
        self.narrow = np.ascontiguousarray(linear.get_param("W").T), linear.get_param("b")
        self.weights, self.bias, pad = (lower.get_param(name) for name in ("W", "b", "pad"))
        self.features, self.moves, self.pieces, width = self.weights.shape
        self.first = np.ascontiguousarray(self.weights[0].reshape(-1, width).T)
        self.pad = pad[0]
        # what the features that are not there add to a score, by how many are
        self.absent = [self.bias + self.pad[n:].sum(axis=0) for n in range(1, self.features + 1)]
        names = margins.names
        self.labels = [name[2:] for name in names]
        self.begins = np.array([name[:1] == "B" for name in names])
        self.units = np.array([name[:1] == "U" and len(name) > 2 for name in names])
        self.number = {name: n for n, name in enumerate(names)}
        allowed = self.begins | self.units
        allowed[margins.outside] = True
        self.barred = np.where(allowed, 0, -np.inf).astype(np.float32)
        self.forget()

    def forget(self) -> None:
        """Throw away all that is kept of texts."""
        self.lines: dict[str, NDArray[np.int32]] = {}
        self.chars = 0
        self.word_numbers: dict[bytes, int] = {}
        self.words = _Rows(self.encoder.width)
        self.words.add(
            np.zeros((1, self.encoder.width), np.float32)
        )  # number 0 stands before and after a text
        self.window_numbers: dict[int, int] = {}
        self.windows = _Rows(self.moves, self.weights.shape[3], 2 * self.encoder.reach + 1)
        self.windows.columns[2] = self.windows.columns[2].astype(np.int32)

    def read(self, texts: Sequence[str]) -> list[TextMentions]:
        """Return what the recogniser finds in each text."""
        if (
            self.chars > MOST_CHARS
            or self.windows.count > MOST_WINDOWS
            or self.words.count > MOST_WORDS
        ):
            self.forget()
        cut = [_LINE.split(text) for text in texts]
        self._tokenize({line for lines in cut for line in lines} - self.lines.keys())
        docs = [[self.lines[line] for line in lines] for lines in cut]
        counts = [[line.shape[1] for line in doc] for doc in docs]
        table = np.concatenate([line for doc in docs for line in doc], axis=1)
        words, starts, ends, spaces, sentences, kinds = table
        if not len(words):
            return [TextMentions([], [], np.zeros((0, 2), np.int64)) for _ in texts]
        lengths = [sum(count) for count in counts]
        begins = [place for lines in cut for place in _places(lines)]
        shift = np.repeat(begins, [n for count in counts for n in count])
        rows = self._rows(words, lengths)
        return self._decode(
            rows, lengths, kinds, spaces != 0, sentences != 0, starts + shift, ends + shift
        )

    # -- words and windows

    def _tokenize(self, lines: Iterable[str]) -> None:
        columns = self.encoder.columns
        size = 8 * len(columns)
        new: dict[bytes, None] = {}
        read = []
        for line in sorted(lines):
            table = self.nlp.make_doc(line).to_array([*columns, IDX, LENGTH, IS_SPACE, SENT_START])
            raw = table[:, : len(columns)].tobytes()
            words = [raw[n : n + size] for n in range(0, len(raw), size)]
            new.update(dict.fromkeys(word for word in words if word not in self.word_numbers))
            read.append((line, words, table[:, len(columns) :].astype(np.int32).T))
        if new:
            given = np.frombuffer(b"".join(new), dtype=np.uint64).reshape(-1, len(columns))
            numbers = self.words.add(self.encoder.embedded(_filled(given))[: len(given)])
            self.word_numbers.update(zip(new, numbers.tolist(), strict=True))
        for line, words, (starts, sizes, spaces, sentences) in read:
            numbered = [self.word_numbers[word] for word in words]
            sentences[:1] = 0  # the pieces of a long word are sentences; a line is none
            told = (
                numbered,
                starts,
                starts + sizes,
                spaces,
                sentences == 1,
                low_confidence_names.mixed_case_flags(line, starts),
            )
            self.lines[line] = np.array(told, np.int32)
            self.chars += len(line)

    def _rows(self, words: NDArray[np.int32], lengths: Sequence[int]) -> Ints:
        """For each token the number of its window."""
        reach = self.encoder.reach
        told = np.arange(len(words)) + np.repeat(reach * np.arange(1, len(lengths) + 1), lengths)
        index = np.zeros(len(words) + reach * (len(lengths) + 1), dtype=np.int32)
        index[told] = words
        around = np.lib.stride_tricks.sliding_window_view(index, 2 * reach + 1)[told - reach]
        keys = np.zeros(len(words), dtype=np.uint64)
        for column in range(2 * reach + 1):
            keys = keys * _MIX + around[:, column].astype(np.uint64)
        get = self.window_numbers.get
        rows = np.array([get(key, -1) for key in keys.tolist()], dtype=np.int64)
        known = np.flatnonzero(rows >= 0)
        same = (self.windows.columns[2][rows[known]] == around[known]).all(axis=1)
        rows[known[~same]] = -1  # another window with the same key: a collision of 64-bit hashes
        fresh = np.flatnonzero(rows < 0)
        if not len(fresh):
            return rows
        _, first, place = np.unique(keys[fresh], return_index=True, return_inverse=True)
        if not np.array_equal(around[fresh[first[place]]], around[fresh]):
            first = place = np.arange(len(fresh))
        chosen = fresh[first]
        numbers = self._encode(index, told[chosen], around[chosen])
        rows[fresh] = numbers[place]
        self.window_numbers.update(zip(keys[chosen].tolist(), numbers.tolist(), strict=True))
        return rows

    def _encode(self, index: NDArray[np.int32], tokens: Ints, around: NDArray[np.int32]) -> Ints:
        reach = self.encoder.reach
        wanted = np.zeros(len(index), dtype=bool)
        for step in range(-reach, reach + 1):
            wanted[tokens + step] = True
        vectors = self.encoder.encode(
            self.words.columns[0], _filled(index[wanted]).astype(np.int64)
        )
        narrow = _filled(vectors[np.cumsum(wanted)[tokens] - 1]) @ self.narrow[0] + self.narrow[1]
        parts = (narrow @ self.first).reshape(-1, self.moves, self.pieces) + self.absent[0]
        count = len(tokens)
        return self.windows.add(parts.max(axis=2)[:count], narrow[:count], around)

    # -- entities

    def _decode(
        self,
        rows: Ints,
        lengths: Sequence[int],
        kinds: NDArray[np.int32],
        spaces: NDArray[np.bool_],
        sentences: NDArray[np.bool_],
        starts: Ints,
        ends: Ints,
    ) -> list[TextMentions]:
        scores = self.windows.columns[0][rows]
        moved = scores + (self.margins.shift[kinds] + self.barred)
        stops = np.cumsum(lengths)
        # no entity runs over the end of a text or into another sentence
        borders = np.unique(np.concatenate([stops, np.flatnonzero(sentences)]))
        moved[np.ix_(borders[borders > 0] - 1, np.flatnonzero(self.begins))] = -np.inf
        guess = moved.argmax(axis=1)
        guess[spaces] = self.margins.outside
        tokens = np.flatnonzero(guess != self.margins.outside)
        stop_of = np.repeat(stops, lengths)
        border_of = borders[np.searchsorted(borders, np.arange(len(rows)), side="right")]
        ending = tokens + 1
        opened = self.begins[guess[tokens]]
        for label in set(self.labels) - {""}:
            of = opened & (guess[tokens] == self.number.get(f"B-{label}", -1))
            if of.any():
                ending[of] = self._ends(rows, tokens[of], border_of, label)
        noted = self._faint(rows, scores, kinds, spaces, stop_of)
        places = np.stack([starts, ends], axis=1)
        out, at, near, begin = [], 0, 0, 0
        taken = list(zip(tokens.tolist(), ending.tolist(), guess[tokens].tolist(), strict=True))
        for stop in stops.tolist():
            entities: list[tuple[int, int, str]] = []
            while at < len(taken) and taken[at][0] < stop:
                first, end, move = taken[at]
                if not entities or first >= entities[-1][1]:
                    entities.append((first, end, self.labels[move]))
                at += 1
            found = []
            while near < len(noted) and noted[near].start < stop:
                found.append(noted[near])
                near += 1
            out.append(
                TextMentions(
                    [(int(starts[a]), int(ends[b - 1]), label) for a, b, label in entities],
                    [
                        (int(starts[f.start]), int(ends[f.end - 1]), (f.margin, f.organization))
                        for f in low_confidence_names.drop_overlapping(found, entities)
                    ],
                    places[begin:stop],
                )
            )
            begin = stop
        return out

    def _ends(
        self,
        rows: Ints,
        firsts: Ints,
        stop_of: Ints,
        label: str,
        longest: int = 0,
        ties: bool = False,
    ) -> Ints:
        """Tell where entities that begin at tokens `firsts` end, half-open.

        Args:
            stop_of: by token, where what begins there ends at the latest.
            longest: tokens after which nobody goes on; 0 for no limit.
            ties: whether an entity ends where both moves have the same score; else the first does.
        """
        inside, close = self.number[f"I-{label}"], self.number[f"L-{label}"]
        moves = [inside, close]
        ties |= close < inside
        vectors = self.windows.columns[1]
        ends = firsts + 1
        told = np.zeros((len(firsts), 2 * self.pieces), dtype=np.float32)
        still = np.flatnonzero(ends < stop_of[firsts])
        step = 0
        while len(still):
            if step + 1 < self.features:
                told[still] += vectors[rows[firsts[still] + step]] @ self._part(step + 1, moves)
            absent = self.absent[min(step + 1, self.features - 1)][moves].reshape(-1)
            state = vectors[rows[ends[still]]] @ self._part(0, moves) + told[still] + absent
            best = state.reshape(len(still), 2, self.pieces).max(axis=2)
            ends[still] += 1
            step += 1
            over = (best[:, 1] >= best[:, 0]) if ties else (best[:, 1] > best[:, 0])
            over |= ends[still] >= stop_of[firsts[still]]
            if longest:
                over |= ends[still] - firsts[still] > longest
            still = still[~over]
        return ends

    def _part(self, feature: int, moves: list[int]) -> Floats:
        part: Floats = self.weights[feature][moves].reshape(2 * self.pieces, -1).T
        return part

    def _faint(
        self,
        rows: Ints,
        scores: Floats,
        kinds: NDArray[np.int32],
        spaces: NDArray[np.bool_],
        stop_of: Ints,
    ) -> list[low_confidence_names.Candidate]:
        if not self.margins.faint:
            return []

        def ends(firsts: Ints) -> Ints:
            longest = low_confidence_names.LONGEST
            return self._ends(rows, firsts, stop_of, low_confidence_names.LABEL, longest, ties=True)

        return self.margins.near(scores, kinds, spaces, stop_of, ends)


def _places(lines: Sequence[str]) -> Iterator[int]:
    place = 0
    for line in lines:
        yield place
        place += len(line)


def _filled(rows: Any) -> Any:
    """Return rows of a matrix, with some of zeros after them."""
    more = -len(rows) % _ROWS
    return np.concatenate([rows, np.zeros((more, *rows.shape[1:]), rows.dtype)]) if more else rows


def reader_of(nlp: Language) -> MentionReader | None:
    """Return a reader that finds what a pipeline finds, where that is one recogniser of the kind
    this module
    knows: patched by `fast_tok2vec`, with margins applied, and nothing else in the pipeline.
    """
    if nlp.pipe_names != ["ner"]:
        return None
    ner: Any = nlp.get_pipe("ner")
    model = ner.model
    margins = getattr(model, "_func", None)
    if (
        not isinstance(margins, low_confidence_names.MarginForward)
        or ner.postprocesses
        or model.attrs["unseen_classes"]
    ):
        return None
    tok2vec = model.layers[0]
    names = [layer.name for layer in tok2vec.layers[1:]]
    encoder = tok2vec.layers[0]._func
    if names != ["list2array", "linear"] or not isinstance(encoder, fast_tok2vec.FastForward):
        return None
    return MentionReader(nlp, margins, encoder) if encoder.pad >= encoder.reach else None
