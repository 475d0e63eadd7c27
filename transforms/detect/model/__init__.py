"""The names model that ships with callveil: a spaCy pipeline for call text, cased or not,
punctuated or not.

It is a spaCy language of its own, because three word features differ from English: NORM folds case,
accents and digits, PREFIX and SUFFIX are three folded letters. A lower-cased copy of a text then
differs in SHAPE alone, and a name never seen still shares its beginning and end with names that
were. `load_call_model` registers the language; a plain `spacy.load` of the folder works after this
package has been imported.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import spacy
from spacy.attrs import NORM, PREFIX, SUFFIX
from spacy.lang.en import English
from spacy.language import Language
from thinc.api import NumpyOps

from callveil.schemas.errors import UserError

LABELS: tuple[str, ...] = ("ADDRESS", "LOCATION", "ORGANIZATION", "PERSON")
"""Entity types the model gives, sorted."""

LANGUAGE = "callveil_en"
_DIGIT = re.compile(r"\d")


def model_key(text: str) -> str:
    """Lower case, without accents, every digit written as 0; the key the model knows a word by.

    Folding is per word and never feeds offsets, so a change of length does no harm.
    """
    if not text.isascii():
        text = "".join(
            c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)
        )
    return _DIGIT.sub("0", text.casefold())


def _prefix(text: str) -> str:
    return model_key(text)[:3]


def _suffix(text: str) -> str:
    return model_key(text)[-3:]


class CallEnglishDefaults(English.Defaults):
    """English tokenizer rules; word features as the module says."""

    lex_attr_getters: dict[int, Callable[[str], Any]] = {
        **English.Defaults.lex_attr_getters,
        NORM: model_key,
        PREFIX: _prefix,
        SUFFIX: _suffix,
    }


@spacy.registry.languages(LANGUAGE)
class CallEnglish(Language):
    """spaCy language the model is trained in and loaded with."""

    lang = LANGUAGE
    Defaults = CallEnglishDefaults


def fast_ops() -> NumpyOps:
    """Matrix products through numpy's BLAS. Thinc's default, BLIS, does a third of its operations a
    second on processors with AVX-512.

    numpy's BLAS takes as many threads as there are cores; where several workers share a machine set
    `OPENBLAS_NUM_THREADS=1` for each.
    """
    return NumpyOps(use_blis=False)


class ModelMissing(UserError, FileNotFoundError):
    """There is no model in a folder."""


def model_path() -> Path:
    """Return folder of the model in the installed package. The package must be unpacked, as pip
    leaves it.
    """
    return Path(str(resources.files(__name__)))


def load_call_model(folder: Path | None = None) -> Language:
    """Load the model: the packaged one, or the one `callveil train` wrote to `folder`.

    Returns: a pipeline whose one component, `ner`, gives `LABELS` and nothing else. A turn ends at
        a line feed.
    Raises:
        ModelMissing: no model there.
        ValueError: the folder holds a pipeline with other labels, which would leave types unfound
            without a word.
    """
    folder = folder or model_path()
    if not (folder / "config.cfg").is_file():
        raise ModelMissing(
            f"no names model in {folder}: config.cfg is missing. The package was built without its "
            "data, or training did not finish. "
            "Reinstall callveil, or write one with `callveil train --out FOLDER`."
        )
    nlp = spacy.load(folder)
    labels = sorted(nlp.get_pipe("ner").labels) if nlp.has_pipe("ner") else []
    if labels != list(LABELS):
        raise ValueError(
            f"the names model in {folder} gives {', '.join(labels) or 'no labels'}, expected "
            f"{', '.join(LABELS)}. "
            "It is probably another spaCy pipeline: choose that by policy instead, or train one "
            "with `callveil train`."
        )
    ops = fast_ops()
    for node in nlp.get_pipe("ner").model.walk():
        node.ops = ops
    return nlp
