"""The contact's own values, however they are written or said. All values are generated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.rules import Rules
from callveil.transforms.detect.known_values import (
    DIGITS,
    KnownValue,
    known_values,
    normalize_code,
    strip_case_and_accents,
)
from callveil.transforms.detect.placeholders import placeholder_pattern
from callveil.transforms.detect.spoken_digits import load_spoken_digits
from callveil.transforms.detect.value_search import (
    FoldedWords,
    _extend_digits,
    _first_digit,
    _tells,
    find_values,
)

RECORD: dict[str, Any] = {
    "name": "Zoë O'Brien",
    "caller_number": "+14155550134",
    "email": "zoe.o_brien7@example.com",
    "street": "12 Elm Street",
    "city": "Springfield",
    "state": "IL",
    "postal_code": "CB4 3PQ",
    "tracking_number": "+12025550199",
}


def covered(record: dict[str, Any], text: str) -> list[str]:
    """The stretches of `text` that known values cover, longest of overlapping ones."""
    out: list[tuple[int, int]] = []
    for s in sorted(
        find_values(FoldedWords.of(text), known_values(record)), key=lambda s: (s.start, -s.end)
    ):
        if out and s.start < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], s.end))
        else:
            out.append((s.start, s.end))
    return [text[a:b] for a, b in out]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("this is zoe o'brien", ["zoe o'brien"]),
        ("ZOË OBRIEN", ["ZOË OBRIEN"]),
        ("Brien, zoe o", ["Brien, zoe o"]),
        ("zoe\u0308 here", ["zoe"]),  # a combining mark is no letter
        ("ask zoe about it", ["zoe"]),
        ("zoe's order", ["zoe"]),
        ("it is z o e", ["z o e"]),
        ("call +1 (415) 555-0134 now", ["1 (415) 555-0134"]),
        ("call 4155550134", ["4155550134"]),
        ("415.555.0134", ["415.555.0134"]),
        ("just 555 0134", ["555 0134"]),
        (
            "four one five five five five oh one three four",
            ["four one five five five five oh one three four"],
        ),
        (
            "four one five triple five o one three four",
            ["four one five triple five o one three four"],
        ),
        ("415 uh double five 5 and 0134", ["415 uh double five 5 and 0134"]),
        ("tel4155550134x2", ["tel4155550134x2"]),
        ("zoe.o_brien7@example.com", ["zoe.o_brien7@example.com"]),
        (
            "zoe dot o underscore brien seven at example dot com",
            ["zoe dot o underscore brien seven at example dot com"],
        ),
        ("ZOE.O_BRIEN7 @ EXAMPLE.COM", ["ZOE.O_BRIEN7 @ EXAMPLE.COM"]),
        ("12 elm street", ["12 elm street"]),
        ("12, Elm-Street", ["12, Elm-Street"]),
        ("one two elm street", ["one two elm street"]),
        ("in SPRINGFIELD today", ["SPRINGFIELD"]),
        ("in Springfield, IL", ["Springfield", "IL"]),
        ("cb43pq", ["cb43pq"]),
        ("c b 4 3 p q", ["c b 4 3 p q"]),
        ("c b four three p q", ["c b four three p q"]),
        ("Cb4, 3pq", ["Cb4, 3pq"]),
    ],
)
def test_ways_to_write_or_say_a_value(text: str, found: list[str]) -> None:
    assert covered(RECORD, text) == found


NUMBERS: dict[str, Any] = {
    "caller_number": "+14152224050",
    "street": "3882 Cromwell Road",
    "postal_code": "95185",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in ca nine fifty one eighty five?", "nine fifty one eighty five"),
        ("it is ninety five one eight five", "ninety five one eight five"),
        ("nine five triple one", ""),
        (
            "three thousand eight hundred eighty two cromwell road",
            "three thousand eight hundred eighty two cromwell road",
        ),
        ("three thousand eight hundred and something", ""),
        ("thirty eight eighty two cromwell road", "thirty eight eighty two cromwell road"),
        (
            "four fifteen twenty two uh twenty four oh fifty",
            "four fifteen twenty two uh twenty four oh fifty",
        ),
        ("four fifteen double two twenty four oh sixty", ""),
        (
            "four fifteen double two two four oh five oh",
            "four fifteen double two two four oh five oh",
        ),
        ("four one five twenty two uh twenty four and fifty", ""),
        ("four fifteen two twenty two forty fifty", "four fifteen two twenty two forty fifty"),
        ("hundred thousand", ""),
    ],
)
def test_groups_of_digits(text: str, found: str) -> None:
    assert " ".join(covered(NUMBERS, text)) == found


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "nueve cincuenta y uno ochenta y cinco"),
        ("es", "noventa y cinco ciento ochenta y cinco"),
        ("fr", "neuf cinquante et un huit cinq"),
        ("de", "neun einundfünfzig fünfundachtzig"),
        ("de", "neun fünf eins acht fünf"),
        ("xx", "nine five one eight five"),  # no data for it: English
    ],
)
def test_numbers_are_said_in_the_language_of_the_call(language: str, text: str) -> None:
    found = find_values(FoldedWords.of(text, language), known_values({"postal_code": "95185"}))
    assert [text[s.start : s.end] for s in found] == [text]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Long-Day was unhappy about a contract.", ["Long-Day"]),
        ("it is a long day", []),
        ("all day long", []),
        ("bobbie sue here", ["bobbie sue"]),
    ],
)
def test_double_names_of_everyday_words(text: str, found: list[str]) -> None:
    assert covered({"name": "Bobbie-Sue Long-Day"}, text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("Day was unhappy.", ["Day"]), ("Day after day.", []), ("Call. Day wants a refund", ["Day"])],
)
def test_an_everyday_name_as_the_subject_of_a_sentence(text: str, found: list[str]) -> None:
    assert covered({"name": "Ana Day"}, text) == found


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (RECORD, "bring the o and the brie"),
        (RECORD, "il y a"),  # a state's letters in lower case
        (RECORD, "I LIVE IN IL AND SHOUT"),
        (RECORD, "call us at 202 555 0199"),
        (RECORD, "four one five"),
        (RECORD, "0134"),
        (RECORD, "springfields"),
        ({"name": "Ana Ruiz"}, "an a"),
        ({"name": "May Will"}, "may I ask if you will"),
        ({"name": "May Will"}, "May I? Will you?"),
        ({"name": "Us Will"}, "call us and we will see"),
        (
            {
                "name": "Jane Doe",
                "caller_number": "+12025550199",
                "tracking_number": "(202) 555-0199",
            },
            "our number is 202 555 0199",
        ),
        ({"name": "Unknown Caller"}, "unknown caller"),
        ({"name": "Caller 7"}, "caller 7"),
        ({"country": "US"}, "in the US"),
    ],
)
def test_what_only_looks_like_a_value(record: dict[str, Any], text: str) -> None:
    assert covered(record, text) == []


def test_an_everyday_name_counts_where_it_is_written_as_one() -> None:
    assert covered({"name": "May Will"}, "I spoke to May yesterday") == ["May"]
    assert covered({"name": "May Will"}, "may will called") == ["may will"]


def test_staff_only_where_asked() -> None:
    record = {
        "agent": {"name": "Maria Lopez", "email": "maria.lopez@example.com"},
        "form": {"name": "Kim Poe", "number_to_call": "2025550111"},
    }
    assert {v.target for v in known_values(record)} == {
        "kimpoe",
        "poekim",
        "kim",
        "poe",
        "2025550111",
        "5550111",
    }
    assert {"marialopez", "marialopezexamplecom"} <= {
        v.target for v in known_values(record, staff=True)
    }


def test_placeholders_are_no_values() -> None:
    done = placeholder_pattern(Rules())
    record = {
        "name": "[PERSON]",
        "city": "[LOCATION]",
        "email": "[EMAIL_ADDRESS:abcdefghij234]",
        "street": "[redacted]",
    }
    assert known_values(record, placeholders=done) == []
    assert {v.target for v in known_values({"name": "[JOHN]"}, placeholders=done)} == {"john"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("c b four three p q", "cb43pq"),
        ("double two, oh, triple seven", "220777"),
        ("one uh two and 3", "123"),
        ("Étage", "etage"),
        ("", ""),
    ],
)
def test_spoken_code(text: str, code: str) -> None:
    assert normalize_code(text) == code


@settings(max_examples=150)
@given(st.from_regex(r"[2-9][0-9]{9}", fullmatch=True), st.data())
def test_a_number_is_found_however_it_is_grouped_and_said(number: str, data: st.DataObject) -> None:
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    parts: list[str] = []
    place = 0
    while place < len(number):
        size = data.draw(st.integers(1, 4))
        group = number[place : place + size]
        spoken = " ".join(words[int(d)] for d in group)
        if len(set(group)) == 1 and len(group) in (2, 3):
            spoken = data.draw(
                st.sampled_from(
                    [spoken, f"{'double' if len(group) == 2 else 'triple'} {words[int(group[0])]}"]
                )
            )
        parts.append(data.draw(st.sampled_from([group, spoken])))
        place += size
    said = data.draw(st.sampled_from([" ", "-", ", ", " uh "])).join(parts)
    text = f"it is {said} thanks"
    spans = find_values(FoldedWords.of(text), known_values({"caller_number": number}))
    covered_places = {i for s in spans for i in range(s.start, s.end)}
    assert all(i in covered_places for i in range(6, 6 + len(said)) if text[i].isalnum())


@settings(max_examples=150)
@given(st.text(max_size=40))
def test_tokens_keep_their_places(text: str) -> None:
    tokens = FoldedWords.of(text)
    assert [strip_case_and_accents(text[a:b]) for a, b in tokens.places] == tokens.words
    assert sorted(p for places in tokens.index.values() for p in places) == list(
        range(len(tokens.words))
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hi i'm will", ["will"]),
        ("my name is may and i called before", ["may"]),
        ("thank you will", ["will"]),
        ("mr may is on the line", ["may"]),
        ("may speaking", ["may"]),
        ("this is will may", ["will may"]),
        ("i will do that", []),
        ("ask Will about it", ["Will"]),
    ],
)
def test_a_name_that_is_said_in_every_conversation_is_found_where_the_words_around_say_so(
    text: str, found: list[str]
) -> None:
    assert covered({"name": "Will May"}, text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Rusty was unhappy",
        "hi it's rusty we spoke",
        "all right rusty one moment",
        "rusty, is that right?",
        "rusty underscore x",
    ],
)
def test_the_contacts_own_name_is_found_although_it_is_a_word(text: str) -> None:
    assert [c.lower() for c in covered({"name": "Rusty Rivers"}, text)] == ["rusty"]


@pytest.mark.parametrize("language", ["de", "en", "es", "fr"])
def test_the_digit_a_word_begins_with_is_that_of_every_reading(language: str) -> None:
    spoken = load_spoken_digits(language)
    words = list(spoken.words.kinds)
    told = [word for word in words if _first_digit(word, language)]
    assert told or spoken.compounds
    for word in told:
        assert _first_digit(word, language).isdigit()
        for further in words:
            for digits, _ in spoken.readings([word, further, "and", *told[:2]], 0):
                assert digits.startswith(_first_digit(word, language))


SPOKEN = {
    "en": "one two oh zero five fifteen forty twenty double triple hundred thousand uh and call 1 "
    "23 4155550134 x2",
    "de": "eins zwei null fünf fünfzehn zwanzig fünfundvierzig hundert und äh ruf 1 23 4155550134",
    "es": "uno dos cero cinco quince treinta y cuarenta mil eh llama 1 23 4155550134",
    "fr": "un deux zéro cinq quinze soixante dix quatre vingt et cent euh appel 1 23 4155550134",
}


@settings(max_examples=300)
@given(st.sampled_from(sorted(SPOKEN)), st.data())
def test_no_number_is_said_where_its_words_leave_no_room_for_it(
    language: str, data: st.DataObject
) -> None:
    """A search from every word finds what the search from the likely ones does."""
    words = data.draw(st.lists(st.sampled_from(SPOKEN[language].split()), min_size=1, max_size=14))
    tokens = FoldedWords.of(" ".join(words), language)
    for place, word in enumerate(tokens.words):
        assert _tells(word, language) or not tokens.said.readings(tokens.words, place)
    said_here = normalize_code(tokens.text, language)
    digits = "".join(c for c in said_here if c.isdigit()) or "0"
    start = data.draw(st.integers(0, len(digits) - 1))
    target = digits[start : start + data.draw(st.integers(1, 12))]
    ways = [_extend_digits(tokens, place, target, set()) for place in range(len(words))]
    begun = [way for way in ways if way and tokens.said.begins(tokens.words[way[0]])]
    expected = {(tokens.places[way[0]][0], tokens.places[way[-1]][1]) for way in begun}
    found = find_values(tokens, [KnownValue(DIGITS, "PHONE_NUMBER", target)])
    whole = [w if len(target) > 6 and target in w and target != w else "" for w in tokens.words]
    glued = {place for place, word in zip(tokens.places, whole, strict=True) if word}
    assert {(s.start, s.end) for s in found} == expected | glued
