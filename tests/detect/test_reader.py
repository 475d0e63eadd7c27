"""The reader finds what the pipeline finds, however texts and batches are cut."""

from __future__ import annotations

import random

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from callveil.schemas.policy import ModelMargin, ModelMargins
from callveil.transforms.detect import reader
from callveil.transforms.detect.fast_tok2vec import patch_pipeline
from callveil.transforms.detect.low_confidence_names import apply_margins, take_candidates
from callveil.transforms.detect.pipeline import BoundedTokenizer, load_model
from callveil.transforms.detect.reader import MentionReader, TextMentions, reader_of
from callveil.transforms.lab.sample.dialogues import random_dialogue
from callveil.transforms.lab.sample.people import random_person
from callveil.transforms.lab.sample.world import random_stream, sample_account
from callveil.transforms.lab.train.card import held_out_talks

SAID = """hello is this bright dental it's under Nadia Okonkwo please five five oh one two my address 14
Elm Street , . ? Mr Grant Vale of Acme Tailors Ltd in Springfield said [PERSON_NAME] [PHONE_NUMBER]"""  # noqa: E501
WORDS = [*SAID.split(), "\n", "\n", "\n\n", "\n ", " ", "", "\t", "é", "12:30", "x" * 230, "\r\n"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


@pytest.fixture(scope="module")
def pipeline() -> Language:
    """The shipped pipeline with margins at which much is faint and much is found."""
    nlp = load_model("embedded", "en")
    assert patch_pipeline(nlp)
    nlp.tokenizer = BoundedTokenizer(nlp.tokenizer)
    assert apply_margins(nlp, ModelMargins(ModelMargin(-1, -3, -8), ModelMargin(-2, -4, -7)))
    return nlp


def read_by(nlp: Language, texts: list[str]) -> list[TextMentions]:
    """Find mentions with the pipeline itself."""
    out = []
    for doc in nlp.pipe(texts, batch_size=max(1, len(texts))):
        places = [(t.idx, t.idx + len(t)) for t in doc]
        people = [
            (places[f.start][0], places[f.end - 1][1], (f.margin, f.organization))
            for f in take_candidates(doc)
        ]
        found = [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        out.append(TextMentions(found, people, reader.np.array(places).reshape(-1, 2)))
    return out


def same(found: list[TextMentions], expected: list[TextMentions]) -> None:
    """Assert that two readings differ by rounding alone."""
    for one, other in zip(found, expected, strict=True):
        assert one.entities == other.entities
        assert one.tokens.tolist() == other.tokens.tolist()
        told = [[(a, b, why[1]) for a, b, why in read.faint] for read in (one, other)]
        assert told[0] == told[1]
        margins = [why[0] for _, _, why in other.faint]
        assert [why[0] for _, _, why in one.faint] == pytest.approx(margins, abs=1e-3)


def conversations(count: int) -> list[str]:
    """Generated conversations."""
    out = []
    for n in range(count):
        shop, rng = sample_account(5, n), random_stream(5, 9, n)
        said = random_dialogue(
            rng,
            random_person(rng, shop.country),
            random.Random(n).choice(shop.staff),
            shop.business,
        )
        out.append("\n".join(turn.text for turn in said.turns))
    return out


def test_conversations_are_read_as_the_pipeline_reads_them(pipeline: Language) -> None:
    texts = conversations(60)
    texts += [text.lower() for text in texts[:20]] + [text.upper() for text in texts[:5]]
    texts += [
        "\n".join(u.text for u in talk.turns) for talk in held_out_talks("request", 200, seed=8)
    ]
    read = reader_of(pipeline)
    assert read is not None
    expected = read_by(pipeline, texts)
    same(read.read(texts), expected)
    assert sum(len(one.entities) for one in expected) > 300
    assert sum(why[1] for one in expected for _, _, why in one.faint) > 5
    assert sum(not why[1] for one in expected for _, _, why in one.faint) > 100


@settings(max_examples=60)
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_texts_in_any_batches(pipeline: Language, batches: list[list[str]]) -> None:
    read = reader_of(pipeline)
    assert read is not None
    for texts in batches:
        same(read.read(texts), read_by(pipeline, texts))


@settings(max_examples=40)
@given(st.data())
def test_a_text_read_again_after_a_change_is_read_as_if_it_were_new(
    pipeline: Language, data: st.DataObject
) -> None:
    text = conversations(3)[data.draw(st.integers(0, 2))]
    words = text.split(" ")
    changed = list(words)
    for place in data.draw(st.lists(st.integers(0, len(words) - 1), max_size=6)):
        changed[place] = data.draw(
            st.sampled_from(["[PERSON_NAME]", "[REDACTED]", "####1234", "Vale", ""])
        )
    again, new = reader_of(pipeline), reader_of(pipeline)
    assert again is not None and new is not None
    again.read([text])
    found = again.read([" ".join(changed)])
    anew = new.read([" ".join(changed)])
    assert [f[:2] for f in found] == [f[:2] for f in anew], (
        "to the last bit, whatever was read before"
    )
    same(found, read_by(pipeline, [" ".join(changed)]))


def test_what_is_kept_is_bounded(pipeline: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = conversations(12)
    expected = read_by(pipeline, texts)
    for name in ("MOST_WINDOWS", "MOST_WORDS", "MOST_CHARS"):
        monkeypatch.setattr(reader, name, 100)
        read = reader_of(pipeline)
        assert read is not None
        for text, other in zip(texts, expected, strict=True):
            same(read.read([text]), [other])
            most = max(map(len, texts))  # what is over the bound is forgotten before the next
            kept = {"WINDOWS": read.windows.count, "WORDS": read.words.count, "CHARS": read.chars}
            assert kept[name.removeprefix("MOST_")] <= 100 + most
        monkeypatch.undo()


def test_windows_with_one_key_are_told_apart(
    pipeline: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        reader, "_MIX", reader.np.uint64(1)
    )  # a sum: the order of words does not count
    read = reader_of(pipeline)
    assert read is not None
    for texts in (
        conversations(4),
        [" ".join(reversed(text.split(" "))) for text in conversations(4)],
    ):
        same(read.read(texts), read_by(pipeline, texts))


def test_other_pipelines_are_left_to_spacy(pipeline: Language) -> None:
    assert reader_of(spacy.blank("en")) is None
    assert reader_of(load_model("embedded", "en")) is None, "no margins"
    plain = load_model("embedded", "en")
    apply_margins(plain)
    assert reader_of(plain) is None, "its forward pass is spaCy's"
    more = load_model("embedded", "en")
    patch_pipeline(more), apply_margins(more)
    assert isinstance(reader_of(more), MentionReader)
    more.add_pipe("sentencizer")
    assert reader_of(more) is None, "sentences bound entities"
