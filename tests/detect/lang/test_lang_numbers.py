"""Numbers said in words, in every language: a number, its words, and back. The words are written by
rules of grammar, not by the data.
"""

from __future__ import annotations

import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.lang import available_languages
from callveil.transforms.detect.recognizers.base import SpokenRecognizer
from callveil.transforms.detect.recognizers.build import build_recognizers
from callveil.transforms.detect.recognizers.numbers import digit_runs
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import load_vocabulary

LANGUAGES = ("de", "es", "fr")

ES = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
]
ES_TENS = ["treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"]
ES_HUNDREDS = [
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
]
FR = [
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
]
FR_TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante"}
DE = [
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
DE_TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
DIGITS = {"es": ES[:10], "fr": FR[:10], "de": ["null", "eins", *DE[2:10]]}
DOUBLE = {"es": "doble", "fr": "double", "de": "doppel"}


def spanish(n: int) -> str:
    """A number to 9,999 in Spanish."""
    if n >= 1000:
        return " ".join(
            filter(
                None,
                [
                    spanish(n // 1000) if n >= 2000 else "",
                    "mil",
                    spanish(n % 1000) if n % 1000 else "",
                ],
            )
        )
    if n == 100:
        return "cien"
    if n > 100:
        return " ".join(
            filter(None, [ES_HUNDREDS[n // 100 - 1], spanish(n % 100) if n % 100 else ""])
        )
    if n < 30:
        return ES[n]
    return ES_TENS[n // 10 - 3] + (f" y {ES[n % 10]}" if n % 10 else "")


def french(n: int) -> str:
    """A number to 9,999 in French, of 1990's spelling: hyphens between all words."""
    if n >= 1000:
        return "-".join(
            filter(
                None,
                [
                    french(n // 1000) if n >= 2000 else "",
                    "mille",
                    french(n % 1000) if n % 1000 else "",
                ],
            )
        )
    if n >= 100:
        cent = "cents" if n >= 200 and not n % 100 else "cent"
        return "-".join(
            filter(
                None, [FR[n // 100] if n >= 200 else "", cent, french(n % 100) if n % 100 else ""]
            )
        )
    if n < 20:
        return FR[n]
    if n < 80:
        tens = min(n // 10, 6)
        rest = n - tens * 10
        return FR_TENS[tens] + (
            f"-et-{FR[rest]}" if rest in (1, 11) else f"-{FR[rest]}" if rest else ""
        )
    return "quatre-vingts" if n == 80 else f"quatre-vingt-{FR[n - 80]}"


def german(n: int, final: bool = True) -> str:
    """A number to 9,999 in German, one word."""
    if n >= 1000:
        return german(n // 1000, final=False) + "tausend" + (german(n % 1000) if n % 1000 else "")
    if n >= 100:
        return german(n // 100, final=False) + "hundert" + (german(n % 100) if n % 100 else "")
    if n < 20:
        return "eins" if n == 1 and final else DE[n]
    return (f"{DE[n % 10]}und" if n % 10 else "") + DE_TENS[n // 10 - 2]


WRITERS = {"es": spanish, "fr": french, "de": german}


def plain(text: str) -> str:
    """Without accents, as many recognisers write; every letter stays one letter."""
    return "".join(unicodedata.normalize("NFD", c)[0] for c in text)


def heard(text: str, language: str) -> list[str]:
    """The runs of digits in a text."""
    view = View(text)
    return [
        run.digits
        for run in digit_runs(
            TokenizedConversation(view.text, view.turns, load_vocabulary(language))
        )
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=300)
@given(
    n=st.one_of(st.integers(0, 99), st.integers(100, 9999), st.integers(1900, 2029)),
    form=st.sampled_from(["as written", "plain", "decomposed", "Title"]),
)
def test_a_number_in_words_is_the_number(language: str, n: int, form: str) -> None:
    words = WRITERS[language](n)
    if (language, n) == ("fr", 1):
        words += " deux"  # by itself "un" is an article
    said = {
        "plain": plain,
        "decomposed": lambda s: unicodedata.normalize("NFD", s),
        "Title": str.title,
    }.get(form, str)(words)
    assert heard(said, language) == [str(n) if words == WRITERS[language](n) else "12"]


@settings(max_examples=200)
@given(st.integers(2, 9999))
def test_french_without_hyphens(n: int) -> None:
    assert heard(french(n).replace("-", " "), "fr") == [str(n)]


@settings(max_examples=200)
@given(st.integers(21, 99))
def test_german_numbers_apart(n: int) -> None:
    if n % 10:
        assert heard(f"{german(n % 10, final=False)} und {DE_TENS[n // 10 - 2]}", "de") == [str(n)]
    assert heard(german(n).replace("ü", "ue").replace("ö", "oe").replace("ß", "ss"), "de") == [
        str(n)
    ]


def test_belgian_and_swiss_tens() -> None:
    assert heard("septante-cinq", "fr") == ["75"]
    assert heard("nonante-deux", "fr") == ["92"]
    assert heard("huitante et un", "fr") == ["81"]


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=200)
@given(
    digits=st.lists(st.integers(0, 9), min_size=2, max_size=16),
    double=st.booleans(),
    pause=st.sampled_from([" ", ", "]),
)
def test_digits_one_by_one(language: str, digits: list[int], double: bool, pause: str) -> None:
    names, words, at = DIGITS[language], [], 0
    while at < len(digits):
        if double and at + 1 < len(digits) and digits[at] == digits[at + 1]:
            words.append(f"{DOUBLE[language]} {names[digits[at]]}")
            at += 2
            continue
        words.append(names[digits[at]])
        at += 1
    if (
        language == "fr"
        # "quatre vingt" is eighty, and "dix sept" seventeen: with digits alone nothing of the kind
        # arises
    ):
        assert not {"vingt", "dix"} & set(words)
    assert heard(pause.join(words), language) == ["".join(map(str, digits))]


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=200)
@given(groups=st.lists(st.integers(10, 99), min_size=2, max_size=6))
def test_pairs_with_commas(language: str, groups: list[int]) -> None:
    assert heard(", ".join(WRITERS[language](n) for n in groups), language) == [
        "".join(map(str, groups))
    ]


PIECES = {
    "es": [
        "¿su teléfono?",
        "¿cómo se llama?",
        "me llamo",
        "a nombre de",
        "mi correo es",
        "arroba",
        "punto",
        "guion bajo",
        "gmail",
        "com",
        "calle",
        "mayor",
        "número",
        "cinco",
        "treinta y",
        "uno",
        "mil",
        "cien",
        "doscientos",
        "doble",
        "seis",
        "612 34 56 78",
        "12345678Z",
        "b de barcelona",
        "z",
        "y",
        "el",
        "de",
        "julio",
        "perdón",
        "¿fecha de nacimiento?",
        "sí",
        "C/",
        "28013",
        "Madrid",
        "años",
        "tengo",
        "noventa y dos",
        "€",
        "1.200",
        "garcía",
        "señor",
        "¿me lo deletrea?",
    ],
    "fr": [
        "votre numéro ?",
        "c'est à quel nom ?",
        "je m'appelle",
        "au nom de",
        "mon mail c'est",
        "arobase",
        "point",
        "tiret bas",
        "gmail",
        "com",
        "rue",
        "de la",
        "paix",
        "12",
        "bis",
        "quatre",
        "vingt",
        "dix-sept",
        "soixante et",
        "onze",
        "mille",
        "cent",
        "deux",
        "double",
        "06 12 34 56 78",
        "un",
        "d'",
        "l'adresse",
        "m comme marie",
        "k",
        "juillet",
        "pardon",
        "date de naissance ?",
        "oui",
        "75011",
        "Paris",
        "ans",
        "a",
        "quatre-vingt-douze",
        "14h30",
        "€",
        "morvan",
        "madame",
        "vous pouvez épeler ?",
    ],
    "de": [
        "ihre telefonnummer",
        "wie ist ihr name",
        "ich heiße",
        "auf den namen",
        "meine mail ist",
        "ät",
        "punkt",
        "unterstrich",
        "gmx",
        "de",
        "Hauptstraße",
        "Berliner Straße",
        "nummer",
        "fünf",
        "ein",
        "und",
        "zwanzig",
        "hundert",
        "tausend",
        "siebenundvierzig",
        "doppel",
        "null",
        "eins",
        "0151 23456789",
        "86095742719",
        "k wie kaufmann",
        "k",
        "vierten",
        "juli",
        "entschuldigung",
        "geburtsdatum",
        "ja",
        "10115",
        "Berlin",
        "jahre alt",
        "zweiundneunzig",
        "14 Uhr",
        "€",
        "ostermann",
        "frau",
        "können sie das buchstabieren",
    ],
}
BUILT = {language: build_recognizers(language, ("US",)) for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=100)
@given(data=st.data())
def test_offsets_and_gates(language: str, data: st.DataObject) -> None:
    chunk = st.lists(
        st.one_of(st.sampled_from(PIECES[language]), st.text(max_size=5)), max_size=10
    ).map(" ".join)
    view = View.of_turns(
        data.draw(
            st.lists(st.tuples(st.sampled_from(["agent", "caller"]), chunk), min_size=1, max_size=5)
        )
    )
    shared = SimpleNamespace(tokens=SimpleNamespace(user_data={"callveil_view": view}))
    read = TokenizedConversation(view.text, view.turns, load_vocabulary(language))
    for token in range(read.count):
        assert read.start[token] < read.end[token]
        assert token == 0 or read.end[token - 1] <= read.start[token]
    for recognizer in BUILT[language]:
        for result in recognizer.analyze(view.text, recognizer.supported_entities, shared):
            assert any(t.start <= result.start < result.end <= t.end for t in view.turns)
        if isinstance(recognizer, SpokenRecognizer):
            again = TokenizedConversation(view.text, view.turns, load_vocabulary(language))
            if not recognizer.gate(again):
                assert not list(recognizer.find(again)), recognizer.name


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=60)
@given(data=st.data())
def test_a_further_turn_uncovers_nothing(language: str, data: st.DataObject) -> None:
    chunk = st.lists(
        st.one_of(st.sampled_from(PIECES[language]), st.text(max_size=5)), max_size=10
    ).map(" ".join)
    turn = st.tuples(st.sampled_from(["agent", "caller"]), chunk)
    turns, more = data.draw(st.lists(turn, min_size=1, max_size=5)), data.draw(turn)
    assert covered(language, turns) <= covered(language, [*turns, more])


@pytest.mark.parametrize(
    ("language", "number"),
    [("de", "0151 23456789"), ("es", "612 345 678"), ("fr", "06 12 34 56 78")],
)
@pytest.mark.parametrize("more", ["€", "euro", "euros", "uhr", "h"])
def test_the_next_turn_makes_no_price_of_a_number(language: str, number: str, more: str) -> None:
    assert covered(language, [("agent", number)]) <= covered(
        language, [("agent", number), ("agent", more)]
    )


def covered(language: str, turns: list[tuple[str, str]]) -> set[int]:
    """The places that the recognizers cover."""
    view = View.of_turns(turns)
    shared = SimpleNamespace(tokens=SimpleNamespace(user_data={"callveil_view": view}))
    found = [
        result
        for r in BUILT[language]
        for result in r.analyze(view.text, r.supported_entities, shared)
    ]
    return {place for r in found for place in range(r.start, r.end)}


def test_these_are_all_the_languages_but_english() -> None:
    assert tuple(code for code in available_languages() if code != "en") == LANGUAGES
