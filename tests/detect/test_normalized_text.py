"""Every encoding of a value reads as the value, and maps back exactly. All values are made up."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.transforms.detect.conversation import Turn, View
from callveil.transforms.detect.normalized_text import (
    NormalizedText,
    normalize_text,
    other_readings,
    renormalize_text,
)

ADDRESS = "jane.doe@example.com"
CARD = "4539910317764670"

ODD = "\u200b \u00ad \u0301 \u20e3 \x00 \uff9e \ud800 ４ ＠ ٤ ﬁ ½ … 我 。 ﷺ カ 𝟒 ① ´ amp; #64; "
CODES = r"&amp; &#x40; &nbsp; %40 %25 25 %C3%A9 %FF \u0040 \ud83d \ude00 (at) <at> https://x"
PIECES = st.sampled_from([*"a1. @-\n%&;#(é\u00a0", *ODD.split(), *CODES.split(), " [dot] "])
TEXT = st.lists(PIECES, max_size=14).map("".join)


@settings(max_examples=400)
@given(TEXT, st.data())
def test_what_is_read_maps_back_to_what_it_was_read_from(text: str, data: st.DataObject) -> None:
    read = normalize_text(text)
    ranges = [read.source(i, i + 1) for i in range(len(read.text))]
    assert all(0 <= a < b <= len(text) for a, b in ranges)
    assert all(a <= c and b <= d for (a, b), (c, d) in pairwise(ranges))
    if not read.text:
        return
    start = data.draw(st.integers(0, len(read.text) - 1))
    end = data.draw(st.integers(start + 1, len(read.text)))
    lo, hi = read.source(start, end)
    assert (lo, hi) == (ranges[start][0], ranges[end - 1][1])
    first, last = read.within(lo, hi)
    assert first <= start and end <= last


@settings(max_examples=400)
@given(TEXT)
def test_the_view_of_a_view_is_itself(text: str) -> None:
    read = normalize_text(text).text
    assert normalize_text(read).text == read


@settings(max_examples=200)
@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="%&\\([{<"),
        max_size=40,
    )
)
def test_plain_text_is_its_own_view(text: str) -> None:
    assert normalize_text(text) == NormalizedText(text)


def percent(text: str) -> str:
    return "".join(f"%{b:02X}" for b in text.encode())


def width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


ENCODERS = {
    "percent": percent,
    "percent of percent": lambda t: percent(t).replace("%", "%25"),
    "decimal entities": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "hexadecimal entities": lambda t: "".join(f"&#x{ord(c):X};" for c in t),
    "entities of entities": lambda t: "".join(f"&amp;amp;#{ord(c)};" for c in t),
    "percent of entities": lambda t: percent("".join(f"&#{ord(c)};" for c in t)),
    "escapes": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "escapes of escapes": lambda t: "".join(f"\\\\u{ord(c):04x}" for c in t),
    "bytes": lambda t: "".join(f"\\x{ord(c):02x}" for c in t),
    "old escapes": lambda t: "".join(f"%u{ord(c):04X}" for c in t),
    "full width": width,
    "full width of entities": lambda t: width("".join(f"&#{ord(c)};" for c in t)),
    **{
        f"U+{ord(c):04X} between": c.join
        for c in "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u202e\u2062\u034f\ufe0f\u180e\x07"
    },
    "struck through": lambda t: "".join(c + "\u0336" if not c.isalpha() else c for c in t),
}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@settings(max_examples=15)
@given(
    st.sampled_from(
        [
            ADDRESS,
            CARD,
            "+44 20 7946 0958",
            "DE89 3704 0044 0532 0130 00",
            "o'brien-lee@mail.example.org",
        ]
    ),
    st.sampled_from(["", "call ", "x=", "é "]),
)
def test_every_encoding_reads_as_the_value(encode: Any, value: str, before: str) -> None:
    text = before + encode(value) + ", thanks"
    read = normalize_text(text)
    assert read.text == f"{before}{value}, thanks"
    start, end = read.source(len(before), len(before) + len(value))
    assert text[:start] == before
    assert text[end:].lstrip("\u0336") == ", thanks"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("bob＠example.org", "bob@example.org"),
        ("bob﹫example．org", "bob@example.org"),
        ("bob@example。org。谢谢", "bob@example.org。谢谢"),
        ("jane_doe(at)example(dot)com", "jane_doe@example.com"),
        ("jane.doe [at] example [dot] com", "jane.doe@example.com"),
        ("jane{AT}example{DOT}co{DOT}uk", "jane@example.co.uk"),
        ("jane <at> example <dot> com", "jane@example.com"),
        ("jane&lt;at&gt;example.com", "jane@example.com"),
        ("jane[dot]doe[@]example[.]com", "jane.doe@example.com"),
        ("jane (at) example dot com please", "jane@example.com please"),
        ("juana (arroba) ejemplo (punto) es", "juana@ejemplo.es"),
        ("jane【at】example【dot】com", "jane@example.com"),
        ("10[.]0[.]0[.]1", "10.0.0.1"),
        ("jane&commat;example&period;com", "jane@example.com"),
        ("O&#39;Brien &amp; sons", "O'Brien & sons"),
        ("Jose\u0301&nbsp;Ruiz", "José Ruiz"),
        ("٤٥٣٩ ९९१० 𝟏𝟕𝟕𝟔 ④⑥⑦⓪ ❶²", "4539 9910 1776 4670 12"),
        ("4️⃣5️⃣3️⃣9️⃣", "4539"),
        ("415\u2011555\u20120142\u00a0ok", "415-555-0142 ok"),
        ("我的卡号是4539910317764670，谢谢", "我的卡号是 4539910317764670,谢谢"),
        ("전화415-555-0142입니다", "전화 415-555-0142 입니다"),
        (
            "https://x.example/?tel=628%20595%206599&q=%3Cb%3E",
            "https://x.example/?tel=628-595-6599&q=%3Cb%3E",
        ),
        ("tel=%2B1+628", "tel=+1+628"),
        ("tel=1%28415%29555-0194", "tel=1(415)555-0194"),
        ("4539%209103%201776", "4539 9103 1776"),
        ("4539%C2%A09103", "4539 9103"),
        (r"4539\n9103\\r\\n1776", "4539\n9103\n1776"),
        ("zq77%40example.com", "zq77@example.com"),
        ("%6a%61%6e%65%40example.org", "jane@example.org"),
    ],
)
def test_signs(text: str, read: str) -> None:
    assert normalize_text(text).text == read


@pytest.mark.parametrize(
    "text",
    [
        "½ cup, 4½ “hours” … nº 5, 1ª, Acme™ – O´Brien’s café naïve",
        "20%30 off, 100% sure & done; R&D, AT&T; a<b (c) [d] {e} <f>",
        "meet me (at) noon. Or [at] home",
        "press the (dot) key on that",
        "%FF%FE, &nosuch; &#0; &#xD800; \\u00 C:\\users C:\\2024\\reports\\n5",
        "Müller Ångström Łódź Ωmega Привет 你好 مرحبا 😀",
        "stay-at-home.com dot and at",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert normalize_text(text).text == text


@pytest.mark.parametrize(
    "text",
    """50%6011 8744 4120 2167|100%4155550194|5%457-55-5462|50%4539910317764670|10%415-555-0194
    |R&#457-55-5462|card&#6200 2742 7561 0661|card%4539910317764670|50%25415-555-0194|#%6a
    |50%202-555-0143|100%60%4539910317764670|&#64|0%457555462""".replace("\n", "").split("|"),
)
def test_percentages_and_number_signs_keep_the_digits_behind_them(text: str) -> None:
    kept = normalize_text(text).text
    assert [c for c in kept if c.isdigit()] == [c for c in text if c.isdigit()]


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("id\u200b5555", ["id 5555"]),
        ("a\u00adb\u034f2", ["a b 2"]),
        ("1&#8203;2%E2%81%A03", ["1 2 3"]),
        ("a \u200bb\u200b,e\u0301", []),
        ("card%4012 8888 8888", ["card%4012 8888 8888"]),
        ("415%205550194", ["415 5550194"]),
        ("jane%401and1.com 5%40 off", []),
        ("½ plain … ４５", []),
    ],
)
def test_other_readings(text: str, others: list[str]) -> None:
    read = normalize_text(text)
    view = View(read.text, (Turn(0, len(read.text)),), others=tuple(other_readings(read, text)))
    assert bool(view.others) == bool(others)
    other, back = view.read_otherwise()
    assert [other.text] == (others or [read.text])
    assert [(t.start, t.end) for t in other.turns] == [(0, len(other.text))]
    assert back.source(0, len(other.text)) == (0, len(read.text))


def test_placeholders_are_read_as_they_stand() -> None:
    kept = re.compile(r"＜PERSON＞|\*\*%34%36")
    assert (
        normalize_text("＜PERSON＞ ＜ｂ＞ **%34%36 %34%36", kept).text
        == "＜PERSON＞ <b> **%34%36 46"
    )


@settings(max_examples=100)
@given(TEXT)
def test_a_text_that_is_one_placeholder_is_its_own_view(text: str) -> None:
    view = NormalizedText(text)
    assert renormalize_text(view, re.compile(re.escape(text))) is view
    assert normalize_text(f"{text} %41", re.compile(re.escape(text) or "x")).text.startswith(text)
