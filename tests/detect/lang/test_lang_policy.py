"""Which language a record is read in, with which model, and what becomes of languages nobody reads.
All people and numbers are made up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy
import yaml
from support.record_redaction import Bench, content

from callveil.schemas.policy import DetectionSettings
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.detect import lang
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.lang import (
    FILES,
    LanguageError,
    available_languages,
    load_language,
    read_language,
)
from callveil.transforms.detect.pipeline import ModelError

BOTH = "version: 1\ndetect: {model: none, languages: [de, en, es, fr]}\n"

SPANISH = [
    ("Agent", 2, "¿a nombre de quién está la reserva?"),
    ("Caller", 1, "zubizarreta"),
    ("Agent", 2, "¿y su teléfono?"),
    ("Caller", 1, "seis uno dos tres cuatro cinco seis siete ocho"),
]
FRENCH = [
    ("Agent", 2, "c'est à quel nom ?"),
    ("Caller", 1, "kervella"),
    ("Agent", 2, "votre numéro ?"),
    ("Caller", 1, "zéro six douze trente-quatre quatre-vingt-dix-sept soixante-dix"),
]
GERMAN = [
    ("Agent", 2, "auf welchen namen"),
    ("Caller", 1, "ostermann"),
    ("Agent", 2, "ihre telefonnummer bitte"),
    ("Caller", 1, "null eins sieben sechs siebenundvierzig elf dreiundzwanzig"),
]


def record(turns: list[tuple[str, int, str]], language: str | None) -> dict[str, Any]:
    """A conversation as a record."""
    outline = [
        {"speaker": speaker, "channel": channel, "text": text} for speaker, channel, text in turns
    ]
    return {
        "outline": outline,
        "transcription_text": "\n".join(f"{s}: {t}" for s, _, t in turns),
        **({"language": language} if language else {}),
    }


@pytest.fixture(scope="module")
def polyglot() -> Detector:
    return Detector(parse_policy(BOTH).detect)


def texts(redacted: Any) -> list[str]:
    """The texts of the turns that are left."""
    return [row["text"] for row in content(redacted).get("outline") or ()]


@pytest.mark.parametrize(("language", "turns"), [("es", SPANISH), ("fr", FRENCH), ("de", GERMAN)])
def test_a_record_is_read_in_its_own_language(
    redact: Bench, polyglot: Detector, language: str, turns: list[tuple[str, int, str]]
) -> None:
    out = Bench(polyglot, redact.keyring)(record(turns, language), BOTH)
    assert texts(out) == [turns[0][2], "[PERSON]", turns[2][2], "[PHONE_NUMBER]"]
    for word in (turns[1][2], turns[3][2]):
        assert word not in str(content(out))


def test_a_record_without_a_language_is_read_in_the_default(redact: Bench) -> None:
    rules = "version: 1\ndetect: {model: none, languages: [en, es], default_language: es}\n"
    bench = Bench(Detector(parse_policy(rules).detect), redact.keyring)
    assert texts(bench(record(SPANISH, None), rules))[1] == "[PERSON]"


@pytest.mark.parametrize("named", ["es", "ES", "es-MX", "es_ES"])
def test_regions_of_a_language_are_the_language(polyglot: Detector, named: str) -> None:
    assert polyglot.language_of(named) == "es"


@pytest.mark.parametrize("named", ["it", "spa", "xx", "english"])
def test_what_is_not_among_the_languages_is_unknown(polyglot: Detector, named: str) -> None:
    assert polyglot.language_of(named) is None


def test_unknown_language_in_full(redact: Bench) -> None:
    rules = "version: 1\ndetect: {model: none, unknown_language: full}\n"
    out = redact(record(FRENCH, "fr"), rules)
    assert out.interaction.mode == "full"
    left = str(content(out))
    assert not any(word in left for _, _, text in FRENCH for word in text.split() if len(word) > 3)


def test_unknown_language_scanned_in_the_default_language(redact: Bench) -> None:
    rules = "version: 1\ndetect: {model: none, unknown_language: scan}\n"
    turns = [
        ("Agent", 2, "votre numéro ?"),
        ("Caller", 1, "c'est le 06 12 34 56 78"),
        ("Agent", 2, "merci bien"),
    ]
    out = redact(record(turns, "fr"), rules)
    assert out.interaction.mode == "content"
    assert texts(out) == ["votre numéro ?", "c'est le [PHONE_NUMBER]", "merci bien"]


def test_a_known_language_is_not_redacted_in_full(redact: Bench) -> None:
    rules = "version: 1\ndetect: {model: none, unknown_language: full}\n"
    turns = [("Agent", 2, "what's your number"), ("Caller", 1, "415 555 0134")]
    assert texts(redact(record(turns, "en-GB"), rules)) == ["what's your number", "[PHONE_NUMBER]"]


def test_a_model_by_its_path(tmp_path: Path, redact: Bench) -> None:
    pipeline = spacy.blank("es")
    ruler: Any = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PER", "pattern": "Iker Lasarte"}, {"label": "LOC", "pattern": "Zarautz"}]
    )
    pipeline.to_disk(tmp_path / "modelo")
    rules = (
        f"version: 1\ndetect: {{model: none, languages: [en, es], models: {{es: "
        f"{tmp_path / 'modelo'}}}}}\n"
    )
    bench = Bench(Detector(parse_policy(rules).detect), redact.keyring)
    turns = [("Caller", 1, "ayer vino Iker Lasarte desde Zarautz con el paquete")]
    assert texts(bench(record(turns, "es"), rules)) == [
        "ayer vino [PERSON] desde [LOCATION] con el paquete"
    ]
    assert texts(bench(record(turns, "en"), rules)) == [
        turns[0][2]
    ]  # English goes without a model here


@pytest.mark.parametrize("name", ["es_core_news_md", "/no/such/pipeline"])
def test_a_model_that_is_missing_says_how_to_mend_it(name: str) -> None:
    settings = parse_policy(
        f"version: 1\ndetect: {{model: none, languages: [en, es], models: {{es: {name}}}}}\n"
    ).detect
    with pytest.raises(ModelError) as caught:
        Detector(settings)
    assert (
        name in str(caught.value)
        and "'es'" in str(caught.value)
        and "detect.models" in str(caught.value)
    )


def test_a_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        Detector(
            DetectionSettings(
                model="none", models={"es": str(tmp_path)}, languages=("es",), default_language="es"
            )
        )


def test_a_language_without_data_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ModelError, match=r"no data for 'it'.*unknown_language"):
        Detector(DetectionSettings(model="none", languages=("en", "it")))


# -- folders of data


def test_every_language_has_every_file_and_only_keys_that_rules_read() -> None:
    assert available_languages() == ("de", "en", "es", "fr")
    for code in available_languages():
        assert load_language(code).files == frozenset(FILES)
        assert len(load_language(code).words) > 800


def test_a_language_is_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "xy"
    folder.mkdir()
    (folder / "lexicon.yaml").write_text(
        "accents: fold\nunits: {ó: 1, ta: 2, ke: 3, zu: 4}\nfillers: [mem]\n", encoding="utf-8"
    )
    language = read_language(folder)
    assert language.files == {"lexicon"} and not language.cues and not language.words
    monkeypatch.setattr(
        "callveil.transforms.detect.recognizers.vocabulary.load_language", lambda code: language
    )
    monkeypatch.setattr(
        "callveil.transforms.detect.recognizers.build.load_language", lambda code: language
    )
    from callveil.transforms.detect.recognizers.build import build_recognizers

    made = build_recognizers("xy", ("US",))
    assert not {
        "AddressRecognizer",
        "SpokenEmailRecognizer",
        "IntroductionRecognizer",
        "NameAnswerRecognizer",
    } & {r.name for r in made}
    view = View("zu ta ke, mem zu ta ke Ó ta ke zu")
    found = {
        (r.entity_type, view.text[r.start : r.end])
        for m in made
        for r in m.analyze(view.text, m.supported_entities, None)
    }
    assert found == {("PHONE_NUMBER", view.text)}


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("lexicon", "unitz: {a: 1}\n", "no rule reads unitz"),
        ("cues", "telephone: [fono]\n", "no rule reads telephone"),
        ("names", "- a\n", "must be a YAML mapping"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, name: str, text: str, match: str) -> None:
    folder = tmp_path / "xy"
    folder.mkdir()
    (folder / "lexicon.yaml").write_text("units: {a: 1}\n", encoding="utf-8")
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(LanguageError, match=match):
        read_language(folder)


def test_a_folder_without_a_lexicon_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LanguageError, match=r"lexicon\.yaml is missing"):
        read_language(tmp_path)


@pytest.mark.parametrize(
    "path", sorted(lang._HERE.glob("*/*.yaml")), ids=lambda p: "-".join(p.parts[-2:])
)
def test_the_reader_of_yaml_in_c_reads_what_the_one_in_python_does(path: Path) -> None:
    assert dict(lang._mapping(path)) == yaml.load(
        path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader
    )
