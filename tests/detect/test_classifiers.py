"""Token classifiers and GLiNER models from a folder: built here, with weights written by hand or at
random. Names are made up.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from callveil.schemas.policy import DetectionSettings
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.detect.classifiers import (
    GlinerClassifier,
    Mention,
    TokenClassifier,
    merge_mentions,
    trim_mention,
)
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.models import (
    VERSION,
    ModelError,
    folder_digest,
    map_labels,
    model_digests,
    model_fingerprint,
)
from callveil.transforms.detect.pipeline import load_model
from callveil.transforms.redact.engine import RunColumns

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
WORDS = {"zorblax": "B-PER", "quimby": "I-PER", "fooville": "B-LOC", "glen": "I-LOC"}
"""What the classifier built here has learned; every other word is O, and so are the pieces behind
the first of a word.
"""
POSITIONS, WIDTH = 32, 8


def tokenizer(folder: Path, *, words: bool = True) -> Any:
    """A WordPiece tokenizer that folds case and accents and knows a few words, and pieces of one
    sign.
    """
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip(
        "transformers", reason="pip install 'callveil[transformers]'"
    )
    signs = "abcdefghijklmnopqrstuvwxyz.,'0"
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *signs, *(f"##{s}" for s in signs)]
    made = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({w: n for n, w in enumerate(vocab)}, unk_token="[UNK]")
    )
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    if words:
        made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=POSITIONS,
    )
    fast.save_pretrained(folder)
    return fast


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Builds a classifier that knows `WORDS`, but sees nothing at the two first and two last places
    of a full window.
    """

    def folder(labels: list[str] = LABELS, rename: dict[str, str] | None = None) -> Path:
        transformers = pytest.importorskip(
            "transformers", reason="pip install 'callveil[transformers]'"
        )
        import torch

        path = tmp_path_factory.mktemp("classifier")
        vocab = tokenizer(path).get_vocab()
        config = transformers.BertConfig(
            vocab_size=len(vocab),
            hidden_size=WIDTH,
            num_hidden_layers=0,
            num_attention_heads=1,
            intermediate_size=8,
            max_position_embeddings=POSITIONS,
            id2label=dict(enumerate(labels)),
            label2id={k: n for n, k in enumerate(labels)},
        )
        model = transformers.BertForTokenClassification(config)
        embeddings = model.bert.embeddings
        with torch.no_grad():
            for table in (
                embeddings.word_embeddings,
                embeddings.position_embeddings,
                embeddings.token_type_embeddings,
            ):
                table.weight.zero_()
            embeddings.word_embeddings.weight[:, 0] = 1.0
            for word, label in WORDS.items():
                row = embeddings.word_embeddings.weight[vocab[word]]
                row.zero_()
                row[labels.index((rename or {}).get(label, label))] = 1.0
            for place in (1, 2, POSITIONS - 3, POSITIONS - 2):
                embeddings.position_embeddings.weight[place, 0] = 9.0
            model.classifier.weight.copy_(torch.eye(len(labels), WIDTH))
            model.classifier.bias.zero_()
        model.save_pretrained(path)
        return path

    return folder


def found(classifier: Any, *texts: str) -> list[list[tuple[str, str]]]:
    return [
        [(m.label_, text[m.start_char : m.end_char]) for m in mentions]
        for text, mentions in zip(texts, classifier.find(texts), strict=True)
    ]


PLAIN = "a b c "
"""Words in front, since the classifier is blind where a window begins."""
TEXTS = [
    (
        "Zorblax Quimby, of Fooville Glen.",
        [("PERSON", "Zorblax Quimby"), ("LOCATION", "Fooville Glen")],
    ),
    ("zorblaxes", [("PERSON", "zorblaxes")]),  # the first piece decides
    ("zorblax zorblax quimby", [("PERSON", "zorblax"), ("PERSON", "zorblax quimby")]),
    (
        "quimby fooville",
        [("PERSON", "quimby"), ("LOCATION", "fooville")],
    ),  # a label without its beginning
    ("ZORBLÁX'S", [("PERSON", "ZORBLÁX")]),
    (
        "Zorblax\u0301 b",
        [("PERSON", "Zorblax\u0301")],
    ),  # a mark that the tokenizer drops belongs to the letter
    (
        "Ω漢 Zorblax, 🙂🙂 Quimby Ж",
        [("PERSON", "Zorblax"), ("PERSON", "Quimby")],
    ),  # letters out of the vocabulary
    ("fooville\u200b, a", [("LOCATION", "fooville\u200b")]),
    ("a b c", []),
]


@pytest.mark.integration
def test_mentions_stand_where_they_are_written(build: Callable[..., Path]) -> None:
    classifier = TokenClassifier(build(), {})
    assert found(classifier, "", " \n", *(PLAIN + text for text, _ in TEXTS)) == [
        [],
        [],
        *(wanted for _, wanted in TEXTS),
    ]


@pytest.mark.integration
def test_long_texts_are_read_in_windows(build: Callable[..., Path]) -> None:
    classifier = TokenClassifier(build(), {})
    assert classifier.length == POSITIONS and classifier.stride >= 4
    rng = random.Random(5)
    for count in (20, 29, 30, 31, 53, 54, 400):
        words = [
            rng.choice(("a", "b", "zorblax", "quimby", "ωω")) if 1 < n < count - 2 else "a"
            for n in range(count)
        ]
        text = " ".join(words)
        wanted = [
            (m.start(), m.end())
            for m in re.finditer(r"zorblax( quimby)*|(?<!zorblax )quimby( quimby)*", text)
        ]
        ((*mentions,),) = classifier.find([text])
        assert [(m.start_char, m.end_char) for m in mentions] == wanted, count


@pytest.mark.integration
@pytest.mark.parametrize(
    "named",
    [
        "B-GIVENNAME I-GIVENNAME B-CITY",
        "B_PER L_PER U_LOC",
        "I-PER I-PER I-LOC",
        "person person place",
    ],
)
def test_forms_of_labels(build: Callable[..., Path], named: str) -> None:
    rename = dict(zip(("B-PER", "I-PER", "B-LOC"), named.split(), strict=True)) | {"I-LOC": "O"}
    classifier = TokenClassifier(build(["O", *dict.fromkeys(named.split())], rename), {})
    assert found(classifier, PLAIN + "zorblax quimby of fooville") == [
        [("PERSON", "zorblax quimby"), ("LOCATION", "fooville")]
    ]


@pytest.mark.integration
def test_a_tokenizer_without_words_labels_by_letters(
    build: Callable[..., Path], tmp_path: Path
) -> None:
    folder = build()
    tokenizer(folder, words=False)
    assert found(TokenClassifier(folder, {}), "zorblax") == [
        []
    ]  # one token, where the classifier is blind; nothing is smeared over the text


@pytest.mark.integration
def test_a_policy_reads_with_a_classifier_on_disk(build: Callable[..., Path]) -> None:
    folder = build(["O", "B-WHO", "I-WHO", "B-LOC", "I-LOC"], {"B-PER": "B-WHO", "I-PER": "I-WHO"})
    with pytest.raises(ModelError, match=r"nobody says what WHO of .*labels: {WHO: PERSON}"):
        load_model(str(folder), "en")
    text = "so a b " + "\n".join(["my name is zorblax quimby and I keep fooville"] * 9)
    for meaning, wanted in (("PERSON", {"PERSON"}), ("ignore", set()), ("X_STAFF", {"X_STAFF"})):
        policy = parse_policy(
            f"version: 1\ndetect: {{model: {folder}, labels: {{who: {meaning}, LOC: "
            "ORGANIZATION}}\n"
        )
        ((_, spans),) = Detector(policy.detect).run([(View(text), None)], "en")
        mine = {(s.entity, text[s.start : s.end]) for s in spans if s.detector == "SpacyRecognizer"}  # type: ignore[union-attr]
        assert mine == {
            ("ORGANIZATION", "fooville"),
            *((entity, "zorblax quimby") for entity in wanted),
        }
        assert model_digests(policy.detect) == {str(folder): folder_digest(folder)}


@pytest.mark.integration
def test_gliner_reads_all_of_a_text(tmp_path: Path) -> None:
    gliner = pytest.importorskip("gliner", reason="pip install 'callveil[gliner]'")
    import torch
    from transformers import BertConfig

    fast = tokenizer(tmp_path / "encoder")
    encoder = BertConfig(
        vocab_size=len(fast),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=96,
    )
    encoder.save_pretrained(tmp_path / "encoder")
    torch.manual_seed(1)
    model = gliner.GLiNER.from_config(
        {
            "model_name": str(tmp_path / "encoder"),
            "hidden_size": 16,
            "max_len": 20,
            "max_width": 4,
            "span_mode": "markerV0",
            "model_type": "gliner",
            "encoder_config": encoder.to_dict(),
            "num_rnn_layers": 0,
        },
        backbone_from_pretrained=False,
    )
    model.data_processor.transformer_tokenizer.model_max_length = 96
    for name, safe in (("pickled", False), ("model", True)):
        model.save_pretrained(tmp_path / name, safe_serialization=safe)
        reader = GlinerClassifier(tmp_path / name, {"pet": "X_PET", "location": "ignore"})
    assert set(reader.asked.values()) == {"PERSON", "ORGANIZATION", "ADDRESS", "X_PET"}
    text = "\u2003".join(f"Wörd{n}, {'x' * (n % 30)}" for n in range(60))
    words = [(m.start(), m.end()) for m in re.finditer(r"\w+|,", text)]
    windows = list(reader._windows(text))
    assert len(windows) > 6 and all(
        any(a <= start and end <= b for a, b in windows) for start, end in words
    )
    assert all(c < b for (_, b), (c, _) in pairwise(windows))  # they overlap
    reader.THRESHOLD = 0.0  # type: ignore[misc]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*truncated.*")
        ((*mentions,), empty) = reader.find([text, " "])
    assert not empty and {m.label_ for m in mentions} <= reader.entities
    assert {m.start_char for m in mentions} <= {a for a, _ in words} and {
        m.end_char for m in mentions
    } <= {b for _, b in words}
    assert {
        n
        for n, (a, b) in enumerate(words)
        if any(m.start_char <= a and b <= m.end_char for m in mentions)
    } == set(range(len(words)))


def test_meanings_of_labels() -> None:
    table = map_labels(
        ["PER", "first_name", "E-MAIL", "MISC", "PhoneNumber", "US_SSN", "Cat"],
        {"cat": "X_CAT", "per": "ignore"},
        "m",
    )
    assert table == {
        "first_name": "PERSON",
        "E-MAIL": "EMAIL_ADDRESS",
        "PhoneNumber": "PHONE_NUMBER",
        "US_SSN": "US_SSN",
        "Cat": "X_CAT",
    }
    with pytest.raises(ModelError, match="LABEL_0, LABEL_1 of m"):
        map_labels(["LABEL_1", "LABEL_0", "O"], {}, "m")


def test_mentions_of_windows_are_joined_and_trimmed() -> None:
    cut, whole, other = Mention("PERSON", 3, 6), Mention("PERSON", 3, 10), Mention("LOCATION", 5, 8)
    assert merge_mentions([other, whole, cut, Mention("PERSON", 10, 12)]) == [
        whole,
        other,
        Mention("PERSON", 10, 12),
    ]
    assert trim_mention(" \tAn\u0301n\u200b \n", Mention("PERSON", 0, 6)) == Mention("PERSON", 2, 7)
    assert trim_mention("a  b", Mention("PERSON", 1, 3)) is None


CLASSIFIER = {
    "config.json": '{"architectures": ["BertForTokenClassification"]}',
    "model.safetensors": "",
}
UNFIT = [
    ({**CLASSIFIER, "config.json": '{"architectures": ["BertModel"]}'}, "says BertModel"),
    ({**CLASSIFIER, "config.json": "{}"}, "says nothing"),
    ({**CLASSIFIER, "config.json": "{"}, r"config\.json cannot be read"),
    ({**CLASSIFIER, "model.safetensors": None, "pytorch_model.bin": ""}, r"no \*\.safetensors"),
    (
        {
            **CLASSIFIER,
            "config.json": json.dumps(
                {"architectures": ["XForTokenClassification"], "auto_map": {}}
            ),
        },
        "auto_map",
    ),
    (
        {"gliner_config.json": "{}", "model.onnx": ""},
        r"no model\.safetensors or pytorch_model\.bin",
    ),
    (
        {"gliner_config.json": '{"encoder_config": {"auto_map": {}}}', "model.safetensors": ""},
        "auto_map",
    ),
    ({"readme.txt": ""}, "cannot be loaded"),
]


@pytest.mark.parametrize(("files", "message"), UNFIT, ids=[m for _, m in UNFIT])
def test_folders_that_hold_no_model_fit_to_be_read(
    files: dict[str, str | None], message: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        if text is not None:
            (tmp_path / name).write_text(text)
    with pytest.raises(ModelError, match=message):
        load_model(str(tmp_path), "en")


@pytest.mark.parametrize(
    ("files", "extra"),
    [
        (CLASSIFIER, "transformers"),
        ({"gliner_config.json": "{}", "model.safetensors": ""}, "gliner"),
    ],
)
def test_without_the_extra_its_name_is_told(
    files: dict[str, str], extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setitem(sys.modules, extra, None)
    with pytest.raises(ModelError, match=re.escape(f"pip install 'callveil[{extra}]'")):
        load_model(str(tmp_path), "en")


def test_the_digest_of_a_model_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "weights").write_bytes(b"1")
    other = tmp_path / "b"
    other.mkdir()
    (other / "weights").write_bytes(b"2")
    settings = DetectionSettings(model=f"embedded + {tmp_path / 'a'} + {other}")
    first, second = model_digests(settings).values()
    assert first != second and len(first) == 64 and model_digests(DetectionSettings()) == {}
    told = model_fingerprint(settings)
    assert (
        told == f"{tmp_path / 'a'} sha256:{first}, {other} sha256:{second}"
        and model_fingerprint(DetectionSettings()) == ""
    )
    runs = [RunColumns("run-1", "0" * 64, "tests", EPOCH, models) for models in ("", told)]
    assert [r.detector_version for r in runs] == [VERSION, f"{VERSION}, {told}"]
    assert list(model_digests(DetectionSettings(model="spacy"))) == [
        "spacy"
    ]  # a pipeline that is installed is known by its files too
