"""The faster forward pass gives what spaCy's gives."""

from __future__ import annotations

import random

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from callveil.transforms.detect import fast_tok2vec
from callveil.transforms.detect.fast_tok2vec import patch_pipeline
from callveil.transforms.detect.pipeline import load_model
from callveil.transforms.lab.sample.dialogues import random_dialogue
from callveil.transforms.lab.sample.people import random_person
from callveil.transforms.lab.sample.world import random_stream, sample_account

SAID = (
    "hello is this bright dental it's under Nadia Okonkwo please five five oh one two three my "
    "address 14 Elm Street , . ?"
)
WORDS = [*SAID.split(), "\n", "", "ﬁve", "é", "12:30"]


@pytest.fixture(scope="module")
def pair() -> tuple[Language, Language]:
    """The shipped pipeline as spaCy runs it, and the hastened one."""
    plain, fast = load_model("embedded", "en"), load_model("embedded", "en")
    assert patch_pipeline(fast)
    return plain, fast


def _vectors(nlp: Language, texts: list[str]) -> list[np.ndarray]:
    tok2vec = nlp.get_pipe("ner").model.get_ref("tok2vec").layers[0]
    return list(tok2vec.predict([nlp.make_doc(text) for text in texts]))


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), min_size=1, max_size=6),
    st.sampled_from([1, 3, 16, 512]),
)
def test_vectors_are_the_same_but_for_rounding(
    pair: tuple[Language, Language], texts: list[str], chunk: int
) -> None:
    plain, fast = pair
    kept, fast_tok2vec.CHUNK = fast_tok2vec.CHUNK, chunk
    try:
        for a, b in zip(_vectors(plain, texts), _vectors(fast, texts), strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, atol=2e-4)
    finally:
        fast_tok2vec.CHUNK = kept


def test_entities_of_conversations_are_the_same(pair: tuple[Language, Language]) -> None:
    plain, fast = pair
    texts = []
    for n in range(60):
        shop = sample_account(3, n)
        rng = random_stream(3, 9, n)
        texts.append(
            "\n".join(
                t.text
                for t in random_dialogue(
                    rng,
                    random_person(rng, shop.country),
                    random.Random(n).choice(shop.staff),
                    shop.business,
                ).turns
            )
        )
    texts += [text.lower() for text in texts[:20]]

    def entities(nlp: Language) -> list[list[tuple[int, int, str]]]:
        return [
            [(e.start_char, e.end_char, e.label_) for e in doc.ents]
            for doc in nlp.pipe(texts, batch_size=32)
        ]

    found = entities(plain)
    assert sum(map(len, found)) > 100
    assert entities(fast) == found


@pytest.mark.parametrize(
    ("depth", "pieces", "window"), [(1, 2, 1), (2, 3, 1), (3, 4, 1), (1, 3, 2), (2, 1, 1)]
)
def test_other_shapes_are_computed_alike_or_left_alone(
    depth: int, pieces: int, window: int
) -> None:
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 32,
        "attrs": ["NORM", "PREFIX"],
        "rows": [50, 50],
        "include_static_vectors": False,
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 32,
        "depth": depth,
        "window_size": window,
        "maxout_pieces": pieces,
    }
    nlp = spacy.blank("en")
    nlp.add_pipe(
        "ner",
        config={
            "model": {
                "@architectures": "spacy.TransitionBasedParser.v2",
                "state_type": "ner",
                "extra_state_tokens": False,
                "hidden_width": 16,
                "maxout_pieces": 2,
                "use_upper": True,
                "nO": None,
                "tok2vec": {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode},
            }
        },
    ).add_label("PERSON")
    nlp.initialize()
    texts = ["hello my name is nadia", "", "five five oh one two", " ".join(WORDS * 5)]
    before = _vectors(nlp, texts)
    assert patch_pipeline(nlp) == (window == 1 and pieces > 1)
    assert not patch_pipeline(nlp), "a second time there is nothing left to change"
    for a, b in zip(before, _vectors(nlp, texts), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_a_pipeline_without_a_model_is_left_alone() -> None:
    assert not patch_pipeline(spacy.blank("en"))


def test_rows_with_one_key_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([[1, 2], [1, 3], [1, 2]], dtype=np.uint64)
    first, place = fast_tok2vec._distinct(rows)
    assert len(first) == 2 and np.array_equal(rows[first][place], rows)
    monkeypatch.setattr(fast_tok2vec, "_MIX", np.uint64(0))
    clash = np.array([[1, 2], [5, 2]], dtype=np.uint64)
    first, place = fast_tok2vec._distinct(clash)
    assert np.array_equal(clash[first][place], clash)
