"""JSON written as a text and captions, cut into what is read of them. All values are made up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.parts import json_literals, literal_at, parts_of, within_literals

VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.text('a1 "\\\n@é/\u200b😀', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('ab"é', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
ROOT = st.lists(VALUE, min_size=1, max_size=3) | st.dictionaries(
    st.text("ab", max_size=2), VALUE, min_size=1, max_size=3
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """JSON texts of objects and arrays, some of them encoded twice."""
    plain = draw(st.booleans())
    text = json.dumps(draw(ROOT), ensure_ascii=plain, indent=draw(st.sampled_from([None, 1])))
    return json.dumps(text) if draw(st.booleans()) else text


def texts_of(value: Any) -> list[str]:
    """Keys, strings and numbers of a value, in order."""
    if isinstance(value, dict):
        return [
            t for key, child in value.items() for t in (*([key] if key else []), *texts_of(child))
        ]
    if isinstance(value, list):
        return [t for child in value for t in texts_of(child)]
    if value is None or isinstance(value, bool) or value == "":
        return []
    return [value] if isinstance(value, str) else [json.dumps(value)]


@settings(max_examples=200)
@given(documents())
def test_the_literals_of_a_document_are_its_texts(document: str) -> None:
    value = json.loads(document)
    expected = texts_of(json.loads(value) if isinstance(value, str) else value)
    literals = json_literals(document)
    if literals is None:
        assert isinstance(value, str)
        assert not expected
        return
    assert [part.text.text for part in literals] == expected
    for part in literals:
        start, end = part.literal
        assert part.text.source(0, len(part.text.text)) == (start, end)
        assert part.read(start, end) == part.text.text
        encoded = part.text.text
        for _ in range(part.depth + (not part.number)):
            encoded = json.dumps(encoded, ensure_ascii=False)[1:-1]
        assert len(document[start:end]) >= len(encoded)


@settings(max_examples=200)
@given(documents(), st.data())
def test_what_is_replaced_leaves_json(document: str, data: st.DataObject) -> None:
    literals = json_literals(document)
    if not literals:
        return
    cuts = sorted(data.draw(st.sets(st.integers(0, len(document)), max_size=6)))
    wanted = [
        TextSpan(a, b, "PERSON", 0.9, "r") for a, b in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    spans = within_literals(document, literals, wanted)
    covered = {i for s in wanted for i in range(s.start, s.end)}
    for part in literals:  # nothing that was to be covered stays, and no piece of a number
        places = set(range(*part.literal))
        mine = {i for s in spans for i in range(s.start, s.end)} & places
        assert mine >= covered & places
        assert not part.number or mine in (set(), places)
    if any(s.end - s.start == len(document) for s in spans):
        return
    out, place = [], 0
    for span in spans:
        part = literal_at(literals, span)
        assert part is not None
        out += [document[place : span.start], _quoted("[X]", part.depth) if part.number else "[X]"]
        place = span.end
    value = json.loads("".join(out) + document[place:])
    assert isinstance(json.loads(value) if isinstance(value, str) else value, list | dict)


def _quoted(label: str, depth: int) -> str:
    quote = '"'
    for _ in range(depth):
        quote = json.dumps(quote)[1:-1]
    return quote + label + quote


@pytest.mark.parametrize(
    "text",
    ["[PERSON] called", '"hello"', "{not json}", "12", '["open', "", "[1,]", "{'a': 1}", '"{open"'],
)
def test_other_text_is_one_piece(text: str) -> None:
    assert json_literals(text) is None
    assert [part.text.text for part in parts_of(text)] == [text]


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("[4,5,3]", [False, True, True]),
        ('["4", "5",\n"3"]', [False, True, True]),
        ("[4,15,3]", [False, False, False]),
        ("[[4],[5]]", [False, False]),
        ('{"a":4,"b":5}', [False, False, False, False]),
        ('{"a":[4,5],"b":[6,7]}', [False, False, True, False, False, True]),
        ('["4539", "9103",\n"1776","46"]', [False, True, True, True]),
        ('{"n":["457","55","5462"],"m":["10","20"]}', [False, False, True, True, *[False] * 3]),
        ("[4539,9103]", [False, False]),
        ('["1234567","4539"]', [False, False]),
        ('{"a":"4539","9103":"1776"}', [False] * 4),
        ('["a","45","39","b","9103","1776"]', [*[False] * 5, True]),
    ],
)
def test_digits_of_a_list_run_on(text: str, run: list[bool]) -> None:
    assert [part.run_on for part in parts_of(text)] == run


UUID = "9f8c1f8e-1234-4abc-8def-0123456789ab"
LONG, SHORT, SRT = (
    ("00:00:03.000 --> 00:00:05.000", "00:00:05.000 --> 00:00:06.000"),
    ("00:03.000 --> 00:05.000 align:start position:0%", "00:05.000 --> 00:06.000 line:90%"),
    ("00:00:03,000 --> 00:00:05,000", "00:00:05,000 --> 00:00:06,000"),
)
CUES = [
    f"WEBVTT\n\n{LONG[0]}\n{{}}\n\n{LONG[1]}\n{{}}",
    f"WEBVTT - made up\n\nintro\n{SHORT[0]}\n{{}}\n\n{SHORT[1]}\n{{}}\n",
    f"1\n{SRT[0]}\n{{}}\n\n2\n{SRT[1]}\n{{}}\n",
    f"1\r\n{SRT[0]}\r\n{{}}\r\n\r\n2\r\n{SRT[1]}\r\n{{}}\r\n",
    f"{UUID}/12-0\n{LONG[0]}\n<v Marla>{{}}</v>\n\n{UUID}/13-0\n{LONG[1]}\n<v.low Marla>{{}}</v>\n",
    "0:00:03.000,0:00:05.000\n{}\n\n0:00:05.000,0:00:06.000\n{}\n",
    f"WEBVTT\n\n{LONG[0]}\n<00:00:03.500><c.x>{{}}</c>\n\n{LONG[1]}\n<i>{{}}</i>",
]


@pytest.mark.parametrize("form", CUES)
def test_cues_are_read_without_their_times(form: str) -> None:
    text = form.format("call 415 555", "0142 please")
    read = "\n".join(part.text.text for part in parts_of(text))
    assert "00" not in read and "<" not in read
    assert read.replace("Marla: ", "").endswith("call 415 555\n0142 please")
    for part in parts_of(text)[-2:]:
        words = part.text.text.removeprefix("Marla: ")
        start, end = part.text.source(len(part.text.text) - len(words), len(part.text.text))
        assert text[start:end] == words
