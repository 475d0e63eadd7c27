"""Names models of another make than spaCy's: Hugging Face token classifiers and GLiNER, from disk.

Either stands in a spaCy pipeline as its only component, so that the rest of detection reads it like
any other. Long texts are read in windows that overlap. Nothing is downloaded, and no code that
comes with a model is run.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from callveil.schemas.policy import IGNORE
from callveil.transforms.detect.models import (
    ASKED,
    GLINER,
    PICKLED,
    TOKENS,
    ModelError,
    map_labels,
    model_kind,
)

MENTIONS_KEY = "callveil_mentions"
"""Key of `Doc.user_data` of a text's `Mention`s: they need not begin and end where a token does."""
COMPONENT = "callveil_classifier"
WINDOW = 512
"""Most tokens of a window, where the model does not say that it reads fewer."""
OVERLAP = 0.25
"""Part of a window that the next one reads again."""
AT_ONCE = 16
"""Windows the model reads at once."""
EXTRAS = {TOKENS: "transformers", GLINER: "gliner"}
_TAG = re.compile(r"([BIESLUM])[-_](.+)", re.DOTALL)
_BEGINS = frozenset("BSU")
_ON_THE_WAY = (".position_ids", ".inv_freq")
"""Ends of names of tensors that a model makes itself, whether or not its file has them."""


class Mention(NamedTuple):
    """An entity a model found: type, code points. Like a spaCy span where Presidio needs one."""

    label_: str
    start_char: int
    end_char: int


class Classifier(Protocol):
    """Finds mentions in texts; `entities` are the types it gives."""

    entities: frozenset[str]

    def find(self, texts: Sequence[str]) -> list[list[Mention]]:
        """Return mentions of each text, in order."""


class ClassifierComponent:
    """The pipeline's component: notes what a classifier finds."""

    classifier: Classifier

    def __call__(self, doc: Doc) -> Doc:
        """Note the mentions of one text."""
        return next(self.pipe([doc]))

    def pipe(self, docs: Iterable[Doc], batch_size: int = AT_ONCE) -> Iterator[Doc]:
        """Note the mentions of each text."""
        stream = iter(docs)
        while batch := list(islice(stream, batch_size)):
            found = self.classifier.find([doc.text for doc in batch])
            for doc, mentions in zip(batch, found, strict=True):
                doc.user_data[MENTIONS_KEY] = mentions
                yield doc


@Language.factory(COMPONENT)
def _component(nlp: Language, name: str) -> ClassifierComponent:
    return ClassifierComponent()


def load_classifier(folder: Path, language: str, labels: Mapping[str, str]) -> Language:
    """Return a pipeline of one component that finds what the model in `folder` finds.

    Args:
        folder: what `models.model_kind` takes for a token classifier or a GLiNER model.
        language: ISO 639-1.
        labels: what labels mean, beside what they usually do; a GLiNER model is asked for them too.

    Raises `ModelError`: the extra that reads it is not installed, it is not whole, or one of its
        labels means nothing known.
    """
    kind = model_kind(folder)
    try:
        made: Classifier = (TokenClassifier if kind == TOKENS else GlinerClassifier)(folder, labels)
    except ImportError:
        raise ModelError(
            f"detect.model: {folder} holds a {kind}, and what reads it is not installed: "
            f"pip install 'callveil[{EXTRAS[kind]}]'"
        ) from None
    except ModelError:
        raise
    except Exception as problem:
        raise ModelError(
            f"detect.model: the {kind} in {folder} cannot be loaded ({type(problem).__name__}); "
            "is the folder whole, its tokenizer with it?"
        ) from problem
    nlp = spacy.blank(language if language == "en" else "xx")
    nlp.meta["name"] = folder.name
    nlp.add_pipe(COMPONENT)
    component: ClassifierComponent = nlp.get_pipe(COMPONENT)  # type: ignore[assignment]
    component.classifier = made
    return nlp


class TokenClassifier:
    """A Hugging Face token classifier: IO, BIO, BILOU or BIOES labels, or plain ones.

    A word has the label of its first token, as such models are trained. Where two windows read a
    token, that one counts in which it stands further from an end.

    Raises what transformers raises, and `ModelError`.
    """

    def __init__(self, folder: Path, labels: Mapping[str, str]) -> None:
        import torch
        from transformers import AutoModelForTokenClassification, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._torch = torch
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        if not self.tokenizer.is_fast:
            raise ModelError(f"detect.model: {folder} has no tokenizer.json to place tokens by")
        model, about = AutoModelForTokenClassification.from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, **local
        )
        _check_whole(folder, about["missing_keys"])
        self.model = model.eval()
        names = {int(n): str(label) for n, label in model.config.id2label.items()}
        marked = any(label[:2] in ("B-", "I-", "B_", "I_") for label in names.values())
        split = {n: _TAG.fullmatch(label) if marked else None for n, label in names.items()}
        plain = {n: m[2] if (m := split[n]) else label for n, label in names.items()}
        known = map_labels(plain.values(), labels, str(folder))
        self.entities = frozenset(known.values())
        self._labels = {
            n: ((m := split[n]) is not None and m[1] in _BEGINS, label, known.get(label))
            for n, label in plain.items()
        }
        # Some tokenizers cut no words, and would give a whole text one label.
        self._words = len(set(self.tokenizer("a b", add_special_tokens=False).word_ids())) > 1
        self.tokenizer.truncation_side = "right"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        special = self.tokenizer.num_special_tokens_to_add()
        most = min(WINDOW, self.tokenizer.model_max_length, position_count(model.config))
        self.length = max(special + 2, most)
        self.stride = int((self.length - special) * OVERLAP)

    def find(self, texts: Sequence[str]) -> list[list[Mention]]:
        """See `Classifier`."""
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.length,
            stride=self.stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            verbose=False,
        )
        best = self._best(encoded)
        windows: list[list[int]] = [[] for _ in texts]
        for n, text in enumerate(encoded["overflow_to_sample_mapping"]):
            windows[text].append(n)
        return [
            self._mentions(text, encoded, mine, best)
            for text, mine in zip(texts, windows, strict=True)
        ]

    def _best(self, encoded: Any) -> list[list[int]]:
        """Return the likeliest label of each token of each window; read by length, so little is
        padded.
        """
        out: list[list[int]] = [[] for _ in encoded["input_ids"]]
        order = sorted(range(len(out)), key=lambda n: len(encoded["input_ids"][n]))
        inputs = [name for name in self.tokenizer.model_input_names if name in encoded]
        for first in range(0, len(order), AT_ONCE):
            batch = order[first : first + AT_ONCE]
            given = {name: [encoded[name][n] for n in batch] for name in inputs}
            padded = self.tokenizer.pad(given, return_tensors="pt")
            with self._torch.inference_mode():
                chosen = self.model(**padded).logits.argmax(-1).tolist()
            for n, row in zip(batch, chosen, strict=True):
                size = len(encoded["input_ids"][n])
                out[n] = row[:size] if self.tokenizer.padding_side == "right" else row[-size:]
        return out

    def _mentions(
        self, text: str, encoded: Any, windows: Sequence[int], best: Sequence[Sequence[int]]
    ) -> list[Mention]:
        """Return mentions of one text, out of the labels of its windows."""
        spans: list[Mention] = []
        last, word, reached = "", None, -1
        for window, token in self._tokens(encoded, windows):
            start, end = encoded["offset_mapping"][window][token]
            here = encoded.encodings[window].word_ids[token]
            if self._words:
                within = here is not None and here == word
            else:
                within = start == reached and text[start - 1 : start + 1].isalnum()
            word, reached = here, end
            begins, label, entity = self._labels[best[window][token]]
            if last and (within or (label == last and not begins)):
                spans[-1] = spans[-1]._replace(end_char=max(end, spans[-1].end_char))
            elif not within:
                last = label if entity is not None else ""
                if entity is not None:
                    spans.append(Mention(entity, start, end))
        return [whole for span in spans if (whole := trim_mention(text, span)) is not None]

    def _tokens(self, encoded: Any, windows: Sequence[int]) -> Iterator[tuple[int, int]]:
        """(window, token) of each token of a text, once, in order."""
        masks = [encoded["special_tokens_mask"][n] for n in windows]
        for place, mask in enumerate(masks):
            tokens = [t for t, special in enumerate(mask) if not special]
            # Two windows share `stride` tokens: each reads half of them for both.
            front = (self.stride + 1) // 2 if place else 0
            back = self.stride // 2 if place + 1 < len(masks) else 0
            for token in tokens[front : len(tokens) - back]:
                yield windows[place], token


_PADDED_POSITIONS = frozenset(
    {
        "camembert",
        "data2vec-text",
        "ibert",
        "longformer",
        "mpnet",
        "roberta",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Models that count positions from behind the padding token's number: so many fewer are left."""


def position_count(config: Any) -> int:
    """Return tokens a Hugging Face model has positions for, special ones included."""
    most = getattr(config, "max_position_embeddings", None)
    if not isinstance(most, int) or most <= 0:
        return WINDOW
    padded = config.model_type in _PADDED_POSITIONS and config.pad_token_id is not None
    return most - (config.pad_token_id + 1 if padded else 0)


def _check_whole(folder: Path, missing: Iterable[str]) -> None:
    """Raise `ModelError` for weights that are not in the file: the model would have random ones."""
    lost = sorted(name for name in missing if not name.endswith(_ON_THE_WAY))
    if lost:
        raise ModelError(
            f"detect.model: {len(lost)} weights are missing in {folder} (such as {lost[0]}); "
            "it was saved from another kind of model, or is not whole"
        )


class GlinerClassifier:
    """A GLiNER model, asked for the labels of `ASKED` and of the policy.

    Raises what gliner raises, and `ModelError`.
    """

    THRESHOLD = 0.5
    """Probability from which a mention counts: GLiNER's own default."""

    def __init__(self, folder: Path, labels: Mapping[str, str]) -> None:
        import torch
        from gliner import GLiNER
        from safetensors import safe_open

        self.model = GLiNER.from_pretrained(str(folder), local_files_only=True, map_location="cpu")
        if (folder / "model.safetensors").is_file():
            with safe_open(folder / "model.safetensors", framework="pt") as file:
                saved = {*file.keys(), *(file.metadata() or {})}
        else:
            saved = {*torch.load(folder / PICKLED, map_location="meta", weights_only=True)}
        _check_whole(folder, self.model.model.state_dict().keys() - saved)
        self.asked = {k: v for k, v in {**ASKED, **labels}.items() if v != IGNORE}
        self.entities = frozenset(self.asked.values())
        self.words = int(self.model.config.max_len)
        self.tokenizer = self.model.data_processor.transformer_tokenizer
        # The labels go in front, each behind a mark, and some signs around them all.
        prompt = sum(len(ids) + 2 for ids in self._ids(list(self.asked))) + 8
        most = min(
            self.tokenizer.model_max_length, position_count(self.model.config.encoder_config)
        )
        self.tokens = max(2, most - prompt)

    def _ids(self, words: list[str]) -> list[list[int]]:
        given = self.tokenizer(words, add_special_tokens=False, verbose=False) if words else {}
        return list(given["input_ids"]) if words else []

    def find(self, texts: Sequence[str]) -> list[list[Mention]]:
        """See `Classifier`."""
        pieces = [(n, a, b) for n, text in enumerate(texts) for a, b in self._windows(text)]
        found = self.model.inference(
            [texts[n][a:b] for n, a, b in pieces],
            list(self.asked),
            flat_ner=True,
            threshold=self.THRESHOLD,
            batch_size=AT_ONCE,
        )
        out: list[list[Mention]] = [[] for _ in texts]
        for (n, offset, _), entities in zip(pieces, found, strict=True):
            for e in entities:
                span = Mention(self.asked[e["label"]], e["start"] + offset, e["end"] + offset)
                whole = trim_mention(texts[n], span)
                if whole is not None:
                    out[n].append(whole)
        return [merge_mentions(mentions) for mentions in out]

    def _windows(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield stretches of as many words and tokens as the model reads; it would cut off the
        rest.
        """
        words = list(self.model.data_processor.words_splitter(text))
        sizes = [len(ids) + 1 for ids in self._ids([word for word, _, _ in words])]
        first = 0
        while first < len(words):
            last, room = first + 1, self.tokens - sizes[first]
            while last < len(words) and last - first < self.words and sizes[last] <= room:
                room -= sizes[last]
                last += 1
            yield words[first][1], words[last - 1][2]
            if last == len(words):
                return
            first = max(first + 1, last - max(1, int((last - first) * OVERLAP)))


def merge_mentions(mentions: Iterable[Mention]) -> list[Mention]:
    """Return mentions in order, those of one type that overlap as one: windows cut names off."""
    out: list[Mention] = []
    for m in sorted(mentions):
        if out and out[-1].label_ == m.label_ and m.start_char < out[-1].end_char:
            out[-1] = out[-1]._replace(end_char=max(out[-1].end_char, m.end_char))
        else:
            out.append(m)
    return sorted(out, key=lambda m: (m.start_char, m.end_char))


def trim_mention(text: str, span: Mention) -> Mention | None:
    """Return a mention without white space at its ends and with all signs that its last letter has.

    These are marks and invisible signs, which tokenizers drop. None if nothing is left.
    """
    start, end = span.start_char, span.end_char
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start == end:
        return None
    while end < len(text) and unicodedata.category(text[end]) in ("Mn", "Mc", "Me", "Cf"):
        end += 1
    return Mention(span.label_, start, end)
