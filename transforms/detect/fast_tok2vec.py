"""The forward pass of a spaCy tok2vec, computed with less work: the same numbers but for rounding.

Conversations repeat their words, so each different word is embedded once a batch. The convolutions
then run over a few hundred tokens at a time, which stay in the processor's cache through all
layers, rather than each layer over the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model, NumpyOps

Floats = NDArray[np.float32]
CHUNK = 512
"""Tokens that go through all layers together: their widened rows and the weights take about a
megabyte.
"""
_MIX = np.uint64(0x9E3779B97F4A7C15)
_EPSILON = np.float32(1e-08)


@dataclass(frozen=True)
class _Layer:
    """One convolution: a window of three tokens, maxout, layer norm.

    Attributes:
        weights: (3 * width, pieces * width), columns in order of pieces.
        bias: (pieces * width). gain, shift: (width).
        pieces: of the maxout.
    """

    weights: Floats
    bias: Floats
    gain: Floats
    shift: Floats
    pieces: int


class FastForward:
    """Stands in for the forward function of a tok2vec at prediction; training goes through the
    original.
    """

    def __init__(
        self,
        original: Callable[..., tuple[Any, Any]],
        columns: list[Any],
        embed: Sequence[Model[Any, Any]],
        layers: list[_Layer],
        pad: int,
    ) -> None:
        self.original, self.columns, self.embed, self.layers, self.pad = (
            original,
            columns,
            embed,
            layers,
            pad,
        )
        self.width, self.reach = len(layers[0].gain), len(layers)

    def __call__(
        self, model: Model[Any, Any], docs: Sequence[Doc], is_train: bool
    ) -> tuple[Any, Any]:
        if is_train or not docs:
            return self.original(model, docs, is_train)
        features = [doc.to_array(self.columns) for doc in docs]
        rows = np.concatenate(features)
        if not len(rows):
            return self.original(model, docs, is_train)
        first, place = _distinct(rows)
        table = self.embedded(rows[first])
        # Thinc puts rows of zeros around every document, and so does this.
        size, pad = len(table), self.pad
        index = np.full(len(rows) + pad * (len(docs) + 1), size, dtype=np.int64)
        starts, at, done = [], pad, 0
        for feature in features:
            index[at : at + len(feature)] = place[done : done + len(feature)]
            starts.append((at, at + len(feature)))
            at, done = at + len(feature) + pad, done + len(feature)
        out = self.encode(
            np.concatenate([table, np.zeros((1, table.shape[1]), dtype=table.dtype)]), index
        )
        return [out[a:b] for a, b in starts], _no_backprop

    def embedded(self, rows: NDArray[np.uint64]) -> Floats:
        """Return vectors of words, whose features are `rows`, without those around them."""
        table: Any = rows
        for layer in self.embed:
            table = layer.predict(table)
        return np.asarray(table, dtype=np.float32)

    def encode(self, table: Floats, index: NDArray[np.int64]) -> Floats:
        """Return vectors of the words `table[index]` by those around them, of which `reach` on each
        side count.
        """
        width, reach, total = table.shape[1], self.reach, len(index)
        out = np.empty((total, width), dtype=np.float32)
        size = min(CHUNK, total) + 2 * reach
        window, norm = (
            np.zeros((size, 3 * width), dtype=np.float32),
            np.empty((size, width), dtype=np.float32),
        )
        hidden = np.empty((size, max(len(layer.bias) for layer in self.layers)), dtype=np.float32)
        for start in range(0, total, CHUNK):
            stop = min(start + CHUNK, total)
            low, high = max(0, start - reach), min(total, stop + reach)
            # A token's result depends on `reach` neighbours on each side; those of the chunk's
            # margin come out wrong and are left.
            x = table[index[low:high]]
            n = high - low
            for layer in self.layers:
                w, h, y = window[:n], hidden[:n, : len(layer.bias)], norm[:n]
                w[0, :width] = 0
                w[1:, :width] = x[:-1]
                w[:, width : 2 * width] = x
                w[:-1, 2 * width :] = x[1:]
                w[-1, 2 * width :] = 0
                np.matmul(w, layer.weights, out=h)
                h += layer.bias
                np.maximum(h[:, :width], h[:, width : 2 * width], out=y)
                for piece in range(2, layer.pieces):
                    np.maximum(y, h[:, piece * width : (piece + 1) * width], out=y)
                y -= y.mean(axis=1, keepdims=True)
                scale = np.einsum("ij,ij->i", y, y) / np.float32(width) + _EPSILON
                y *= (1 / np.sqrt(scale))[:, None]
                y *= layer.gain
                y += layer.shift
                x += y
            out[start:stop] = x[start - low : stop - low]
        return out


def _no_backprop(gradient: Any) -> Any:
    raise RuntimeError("a prediction cannot be learned from")


def _distinct(rows: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each different row one place, and for every row which of those it is like."""
    key = rows[:, 0].copy()
    for column in range(1, rows.shape[1]):
        key = key * _MIX + rows[:, column]
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    if not np.array_equal(
        rows[first[place]], rows
    ):  # two rows with one key: as rare as a collision of 64-bit hashes
        everything = np.arange(len(rows), dtype=np.int64)
        return everything, everything
    return first, place


def patch_pipeline(nlp: Language) -> bool:
    """Give the tok2vec inside a pipeline's entity recogniser the faster forward pass, where it is
    of the kind this module knows.

    That is spaCy's `Tok2Vec.v2` of a `MultiHashEmbed` and a `MaxoutWindowEncoder` with a window of
    one, on the processor, not shared with other components. Its results differ from spaCy's by
    rounding alone. Any other pipeline is left as it is.

    Returns: whether anything was changed. The change is to the loaded pipeline, not to what
        `to_disk` writes.
    """
    changed = False
    for name in nlp.pipe_names:
        model = getattr(nlp.get_pipe(name), "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            if (
                node.has_ref("embed")
                and node.has_ref("encode")
                and not isinstance(node._func, FastForward)
            ):
                forward = _understood(node)
                if forward is not None:
                    node._func = forward
                    changed = True
    return changed


def _understood(tok2vec: Model[Any, Any]) -> FastForward | None:
    embed, encode = tok2vec.get_ref("embed"), tok2vec.get_ref("encode")
    if not isinstance(tok2vec.ops, NumpyOps) or [id(x) for x in tok2vec.layers] != [
        id(embed),
        id(encode),
    ]:
        return None
    inner = embed.layers
    if (
        len(inner) < 3
        or inner[0].name != "extract_features"
        or inner[1].name != "list2ragged"
        or inner[-1].name != "ragged2list"
    ):
        return None
    columns = list(inner[0].attrs["columns"])
    if (
        len(columns) < 2
        or any(not x.name.startswith("with_array(") for x in inner[2:-1])
        or not encode.name.startswith("with_array(residual(")
    ):
        return None
    # one residual layer stands alone; more of them are chained
    stack = encode.layers[0]
    layers = [
        _layer(x)
        for x in (
            [stack]
            if stack.name.startswith("residual(expand_window") and ">>residual" not in stack.name
            else stack.layers
        )
    ]
    known = [layer for layer in layers if layer is not None]
    if not known or len(known) != len(layers):
        return None
    return FastForward(
        tok2vec._func, columns, [x.layers[0] for x in inner[2:-1]], known, int(encode.attrs["pad"])
    )


def _layer(residual: Model[Any, Any]) -> _Layer | None:
    parts = {node.name: node for node in residual.walk()}
    if (
        not residual.name.startswith("residual(expand_window>>maxout>>layernorm")
        or parts["expand_window"].attrs["window_size"] != 1
    ):
        return None
    maxout, norm = parts["maxout"], parts["layernorm"]
    if not maxout.has_param("W") or not norm.has_param("G"):
        return None
    weights = np.asarray(maxout.get_param("W"), dtype=np.float32)
    width, pieces, wide = weights.shape
    if wide != 3 * width or pieces < 2:
        return None
    bias = np.asarray(maxout.get_param("b"), dtype=np.float32).reshape(width, pieces)
    return _Layer(
        np.ascontiguousarray(weights.transpose(2, 1, 0).reshape(wide, pieces * width)),
        np.ascontiguousarray(bias.T.reshape(-1)),
        np.array(norm.get_param("G"), dtype=np.float32),
        np.array(norm.get_param("b"), dtype=np.float32),
        pieces,
    )
