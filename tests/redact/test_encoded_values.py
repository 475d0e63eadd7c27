"""Encoded and split values, and scripts nobody reads, in whole records. All are made up."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import TESTS
from support.record_redaction import Bench, content, policy

from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.script import LEAST_WORDS, is_unsupported_language

FIELDS = ("message_body", "summary", "notes")
CARD, PHONE, MAIL = "4539910317764670", "415-555-0142", "zq.vexley@fastmailx.com"
ESCAPED = MAIL.replace("@", "\\u0040")
FOREIGN = [
    "la mia carta è quattro cinque tre nove nove uno zero tre",
    "mijn kaart is vier vijf drie negen negen een nul drie",
    "mein Sicherheitscode ist vier eins sieben und meine Nummer ist fünf drei",
    "moja karta to cztery pięć trzy dziewięć dziewięć jeden zero trzy",
    "我的名字是李小明，我的卡号是4539910317764670",
    "カード番号は4539910317764670です",
    "Меня зовут Мария Кузнецова",
    "مرحبا اسمي محمد الحربي",
    "Γεια σας, με λένε Μαρία",
    "สวัสดีครับ ผมชื่อสมชาย",
    "שלום, שמי דוד לוי",
    "नमस्ते मेरा नाम राजेश है",
    "안녕하세요 제 이름은 김민수입니다",
    "Բարև, իմ անունը Արամ է",
    "".join(f"&#{ord(c)};" for c in "Меня зовут Мария"),
]
TALK = "hello I would like to know when my order arrives, I have been waiting since last week"


ADDRESSES = r"""
bob＠example.org
jane_doe(at)example(dot)com
jane.doe [at] example [dot] com
jane&#64;example&#46;com
jane&amp;#x40;example.com
jane%40example.com
jane%2540example.com
"jane doe"@example.com
"j\"d"@example.com
jane@example。com
𝐣𝐚𝐧𝐞@𝐞𝐱𝐚𝐦𝐩𝐥𝐞.𝐜𝐨𝐦
jane&lt;at&gt;example&lt;dot&gt;com
jane\u0040example.com
"""
UNSEEN = ["alice@\u200bexample.com", "ja\u00adne@exam\u00adple.com"]


@pytest.mark.parametrize("written", [*ADDRESSES.strip().splitlines(), *UNSEEN])
def test_an_address_goes_whole_and_nothing_else(redact: Bench, written: str) -> None:
    text = f"½ of it – write to {written}, “please”…"
    out = content(redact(dict.fromkeys(FIELDS, text) | {"custom_fields": {"asked": [text]}}))
    for field in FIELDS:
        assert out[field] == "½ of it – write to [EMAIL_ADDRESS], “please”…"
    assert out["custom_fields"] == {"asked": ["½ of it – write to [EMAIL_ADDRESS], “please”…"]}


@pytest.mark.parametrize(
    "written",
    [
        "４５３９９１０３１７７６４６７０",
        "٤٥٣٩٩١٠٣١٧٧٦٤٦٧٠",
        "4539\u200b9103\u200b1776\u200b4670",
        "4539%209103%201776%204670",
        "4\ufe0f\u20e35399103\u00ad17764670",
    ],
)
def test_what_a_mask_leaves_is_at_most_the_last_four_digits(redact: Bench, written: str) -> None:
    rules = "entities: {default: {operator: mask, keep_last: 4}}"
    out = content(redact({"summary": f"card {written} ok"}, rules))["summary"]
    assert sum(c.isalnum() for c in out.removeprefix("card ").removesuffix(" ok")) <= 4


@pytest.mark.parametrize(
    "text",
    """id{}55555555K|(415) 627-6821{}415-753-6319|45{}4539 9103 1776 4670|4539910317764670{}12/27
    |457-55-5462{}415-555-0142|bob@example.com{}alice@example.org|call 415-555-0142{}thanks
    |4{}5{}7{}-{}5{}5-5462|ali{}ce@{}exa{}mple.com|iban{}DE89370400440532013000
    |50%4539910317764670|R&#457-55-5462|415%205550142|card%4012 8888 8888 1881""".replace(
        "\n", ""
    ).split("|"),
)
def test_neither_signs_nor_what_cannot_be_seen_glue_a_value_to_its_neighbours(
    redact: Bench, text: str
) -> None:
    for unseen in ("\u200b", "\u2060", "\u00ad", "\u034f", "&#8203;"):
        out = content(redact({"message_body": text.strip().replace("{}", unseen)}))["message_body"]
        left = "".join(re.findall(r"\[\w+\]|([^\[\]]+)", out.replace("&#8203;", "")))
        assert sum(c.isdigit() for c in left) <= 2 and "@" not in left, out


GROUPS = ["4539", "9103", "1776", "4670"]


@pytest.mark.parametrize(
    "written",
    [
        json.dumps({"n": GROUPS}),
        json.dumps(json.dumps({"n": GROUPS})),
        json.dumps({"n": [CARD[i : i + 2] for i in range(0, 16, 2)]}),
        '{"n":[ "4539",\n"9103","1776","4670"]}',
        r"4539\n9103\n1776\n4670",
        r'{"a":"{\"n\":\"4539\\\\n9103\\\\n1776\\\\n4670\"}"}',
        r"card: 4539\r\n9103\t1776\\n4670",
        json.dumps("\n".join(GROUPS)),
        {"n": GROUPS},
        [CARD[i : i + 2] for i in range(0, 16, 2)],
    ],
)
def test_groups_of_digits_in_lists_and_over_written_line_ends(redact: Bench, written: Any) -> None:
    out = content(redact({"custom_fields": {"n": written}}))["custom_fields"]["n"]
    left = json.dumps(out)
    assert "[CREDIT_CARD]" in left and not any(c.isdigit() for c in left), left


def test_short_lists_of_digits_stay(redact: Bench) -> None:
    for written in (["10", "20"], ["2019", "2020", "2021"], '{"y":["2019","2020"],"z":["4","x"]}'):
        kept = {"n": written}
        assert content(redact({"custom_fields": kept}))["custom_fields"] == kept


@pytest.mark.parametrize(
    "label", ["＜{entity}＞", "&lt;{entity}&gt;", "%5B{entity}%5D", "[at]{entity}[dot]"]
)
@pytest.mark.parametrize("operator", ["label", "{operator: mask, char: '＊', keep_last: 4}"])
def test_what_stands_in_place_of_a_value_is_read_as_it_stands(
    redact: Bench, label: str, operator: str
) -> None:
    rules = f"label: '{label}'\nentities: {{default: {operator}}}"
    record = {
        "summary": f"mail bob＠example.org; %34%36, {PHONE}",
        "notes": "call 415%2D555%2D0142 é",
    }
    once = content(redact(record, rules))
    assert "bob" not in once["summary"]
    assert content(redact(once, rules)) == once


def test_denied_texts_are_found_in_any_encoding(redact: Bench) -> None:
    rules = "deny: [{text: ｚｅｂｒａ plan, entity: X_PLAN}]"
    summary = content(redact({"summary": "the Zebra&nbsp;plan, ｚｅｂｒａ%20plan"}, rules))[
        "summary"
    ]
    assert summary == "the [X_PLAN], [X_PLAN]"


def test_a_mask_shows_nothing_of_a_text_nobody_reads(redact: Bench) -> None:
    rules = "entities: {default: {operator: mask, keep_last: 4}}"
    outline = [{"text": TALK, "channel": 1}, {"text": FOREIGN[2], "channel": 2}]
    out = content(redact({"outline": outline}, rules))["outline"][1]["text"]
    assert not any(c.isalnum() for c in out)


def test_one_person_in_two_encodings_has_one_pseudonym(redact: Bench) -> None:
    out = content(
        redact(
            {"summary": "bob@example.org", "notes": "bob＠example.org"},
            "entities: {default: {operator: pseudonym}}",
        )
    )
    assert out["summary"] == out["notes"] != "bob@example.org"


def test_the_contacts_own_values_are_found_however_they_are_written(redact: Bench) -> None:
    record = {
        "name": "Oda\u00a0Tverrfjell",
        "email": "oda＠example.org",
        "caller_number": "+1 415 555 0142",
    }
    said = "＋１ ４１５ ５５５ ０１４２ is ｏｄａ tver\u200brfjell, write to oda%40example.org"
    out = content(redact(record | {"summary": said}))
    assert out["summary"] == "[PHONE_NUMBER] is [PERSON], write to [EMAIL_ADDRESS]"


@pytest.mark.parametrize("operator", ["label", "mask", "pseudonym", "token"])
@pytest.mark.parametrize(
    "document",
    [
        json.dumps({"card": int(CARD), "mail": MAIL, "ok": True}),
        f'{{"card" : {CARD} , "mail":"{ESCAPED}"}}',
        json.dumps([CARD, MAIL, PHONE]),
        json.dumps(json.dumps({"card": int(CARD), "mail": MAIL})),
        json.dumps(
            {"inner": json.dumps({"card": int(CARD), "list": [MAIL, {"p": PHONE}]}), "k": 1}
        ),
        json.dumps(json.dumps(json.dumps({"card": CARD}))),
        json.dumps([int(c) for c in CARD]),
        f'{{"card": {CARD}}}\n{{"mail": "{MAIL}"}}\n',
        json.dumps({"keyed": json.dumps(list(CARD))}),
        json.dumps({CARD: {"a": 1}, MAIL: 2, PHONE: None}),
        json.dumps({"note": f'line one\ncall {PHONE} "now" é'}, ensure_ascii=False, indent=2),
    ],
)
def test_json_within_a_text_is_read_and_stays_json(
    redact: Bench, document: str, operator: str
) -> None:
    rules = f"entities: {{default: {{operator: {operator}}}}}\nlabel: '\"<{{entity}}\\>\"'"
    record = {
        "summary": document,
        "message_body": document,
        "custom_fields": {"payload": document},
        "chat_messages": [{"text": document}],
    }
    once = content(redact(record, rules))
    left = [
        once["summary"],
        once["message_body"],
        once["custom_fields"]["payload"],
        once["chat_messages"][0]["text"],
    ]
    for text in left:
        assert all(map(json.loads, text.splitlines() if "\n{" in text else [text]))
        for value in (CARD, MAIL, PHONE, ESCAPED, ", ".join(CARD), '", "'.join(CARD)):
            assert value not in text
    assert '"k": 1' in left[0] or '"k"' not in document
    assert content(redact(once, rules)) == once


@pytest.mark.parametrize(
    "digits",
    [
        [int(c) for c in "4155550142"],
        list("4155550142"),
        list("４１５５５５０１４２"),
        ["415", "555", "0142"],
        list(CARD),
        ["4539", "9103", "1776", "4670"],
    ],
)
def test_a_number_in_a_list_goes_whole(redact: Bench, digits: list[Any]) -> None:
    out = content(redact({"custom_fields": {"other": "5", "digits": digits, "more": ["5", 1]}}))[
        "custom_fields"
    ]
    assert all(str(item).startswith("[") for item in out["digits"])
    assert (out["other"], out["more"]) == ("5", ["5", 1])


def test_values_in_keys(redact: Bench) -> None:
    fields = {
        CARD: {"x": 1},
        MAIL: [],
        f"tel {PHONE}": None,
        "jane%40example.com": True,
        "call_back": False,
    }
    assert list(content(redact({"custom_fields": fields}))["custom_fields"]) == [
        "[CREDIT_CARD]",
        "[EMAIL_ADDRESS]",
        "tel [PHONE_NUMBER]",
        "[EMAIL_ADDRESS]#2",
        "call_back",
    ]


@pytest.fixture(scope="module")
def with_model() -> Detector:
    return Detector(policy("version: 1\n").detect)


def test_a_name_in_a_key_goes_and_the_schema_stays(redact: Bench, with_model: Detector) -> None:
    schema = [
        "JobStatus",
        "Categories",
        "MatchedDetails",
        "BeginOffsetMillis",
        "Channel",
        "Topics",
        "accountId",
        "start_time",
        "QUARTER",
        "AudioFileUrl",
    ]
    named = [
        "mentions-ostrander",
        "re:ostrander",
        "marla_ostrander",
        "call with Marla Ostrander",
        "MarlaOstrander",
        "ostrander.vip",
    ]
    record = {
        "summary": "my name is Marla Ostrander",
        "custom_fields": {key: {"on": True} for key in schema + named},
    }
    keys = list(content(redact(record, "version: 1\n", detector=with_model))["custom_fields"])
    assert keys[: len(schema)] == schema
    assert not any("ostrander" in key.lower() for key in keys)
    assert keys[len(schema)] == "mentions-[PERSON]"


def test_a_value_over_two_cues(redact: Bench) -> None:
    times = "00:00:03.000 --> 00:00:05.000", "00:00:05.000 --> 00:00:06.000"
    text = f"WEBVTT\n\n{times[0]}\ncall 415 555\n\n{times[1]}\n0142 please"
    out = content(redact({"transcription_text": text, "notes": text}))
    expected = text.replace("415 555", "[PHONE_NUMBER]").replace("0142", "[PHONE_NUMBER]")
    assert (out["transcription_text"], out["notes"]) == (expected, expected)


@pytest.mark.parametrize("text", FOREIGN)
@pytest.mark.parametrize("language", [None, "en"])
def test_a_script_nobody_reads(redact: Bench, text: str, language: str | None) -> None:
    declared = {"language": language} if language else {}
    alone = redact({"message_body": text, **declared})
    assert text not in str(content(alone))
    assert alone.interaction.mode == "full" or content(alone)["message_body"] == "[REDACTED]"
    turns = [
        {"channel": 1, "text": TALK},
        {"channel": 2, "text": text},
        {"channel": 2, "text": "sorry, do you speak English"},
    ]
    flat = "\n".join(turn["text"] for turn in turns)  # type: ignore[misc]
    within = content(
        redact({"outline": turns, "transcription_text": flat, "summary": text, **declared})
    )
    assert [turn["text"] for turn in within["outline"]] == [
        TALK,
        "[REDACTED]",
        "sorry, do you speak English",
    ]
    assert within["transcription_text"] == f"{TALK}\n[REDACTED]\nsorry, do you speak English"
    assert within["summary"] == "[REDACTED]"


OTHER_LANGUAGES = """
minha conta é quatro cinco três nove nove um zero três
mi número de tarjeta es cuatro cinco tres nueve nueve uno cero tres
ma carte est quatre cinq trois neuf neuf un zéro trois, c'est moi
mitt kort är fyra fem tre nio nio ett noll tre
mit kort er fire fem tre ni ni en nul tre
kartım dört beş üç dokuz dokuz bir sıfır üç
korttini on neljä viisi kolme yhdeksän yhdeksän yksi nolla kolme
cartea mea este patru cinci trei nouă nouă unu zero trei
nomor kartu saya adalah empat lima tiga sembilan sembilan satu nol tiga
số thẻ của tôi là bốn năm ba chín chín một không ba
moje karta je čtyři pět tři devět devět jedna nula tři
Goedemiddag, mijn naam is Marla en ik woon in Utrecht
Guten Tag, ich heiße Marla und wohne in der Lindenstraße
"""
ENGLISH = """
my name is Maria de la Cruz and my husband is Juan de los Santos
Maria de la Cruz, Juan de los Santos, Ana del Rio, Pedro y Luisa Ortega
arroz con pollo y frijoles, pico de gallo, tacos al pastor, carne asada
one crème brûlée, coq au vin, pâté de foie gras and a tarte au citron
spaghetti alla carbonara, penne al pesto, pizza con funghi e olive
pad see ew, tom kha gai, som tam, khao soi please
123 Calle de la Luna, Urbanización Las Flores, San Juan
Via della Conciliazione 12, Piazza di Spagna, Santa Maria del Popolo
El Paso, Los Angeles, San Jose, Las Vegas, La Jolla, Del Mar
Van der Berg, de Vries, van den Heuvel, ter Horst, van 't Hoff
Nguyen Van An, Tran Thi Bich, Le Van Cuong, Pham Thi Dung
Man of La Mancha, Les Miserables, Cosi fan tutte, Die Zauberflöte, La Bohème
De La Soul, Die Antwoord, Sigur Ros, Les Rita Mitsouko, Los Lobos
La la la la la la la, ha ha ha ha
what i can do is say je je je la la la la la la
j a n e d o e at gmail dot com, o as in oscar e as in echo
um uh er hmm ah oh eh mm yeah so
mon tue wed thu fri sat sun, jan feb mar apr mai jun
hola, do you speak english? no hablo espanol
c'est la vie as they say, je ne sais quoi
SKU abc def ghi jkl mno pqr, type die hard two
lorem ipsum dolor sit amet consectetur adipiscing elit
"""


@pytest.mark.parametrize("text", OTHER_LANGUAGES.strip().splitlines())
def test_a_language_nobody_reads(redact: Bench, text: str) -> None:
    assert is_unsupported_language([text], ("en",))
    turns = [{"channel": 1, "text": TALK}, {"channel": 2, "text": text}]
    out = content(redact({"outline": turns, "language": "en"}))["outline"]
    assert [turn["text"] for turn in out] == [TALK, "[REDACTED]"]


@pytest.mark.parametrize("text", ENGLISH.strip().splitlines())
def test_foreign_names_and_dishes_make_no_foreign_language(text: str) -> None:
    assert not is_unsupported_language([text], ("en",))
    assert not is_unsupported_language([text, TALK], ("en",))


@settings(max_examples=200)
@given(st.text("aeilyo '&;#%41\\u.-(", max_size=2 * LEAST_WORDS - 2))
def test_a_text_too_short_for_so_many_words_is_in_no_other_language(text: str) -> None:
    assert not is_unsupported_language([text], ("de",))


@pytest.mark.parametrize("language", ["de", "es", "fr"])
def test_a_language_that_is_read_is_none_of_its_neighbours(language: str) -> None:
    path = TESTS / "detect" / "lang" / f"{language}.txt"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] not in "#"]
    assert len(lines) > 20
    for read in (("en", language), ("en", "de", "es", "fr")):
        assert not [line for line in lines if is_unsupported_language([line], read)]


@pytest.mark.parametrize(
    "text",
    [
        "I met 李小明 yesterday",
        "ask for Алексей tomorrow",
        "the α and β values, 5 μm and Ω",
        "ok 👍🏽 ❤️ “quotes” – café",
        "东京 sushi bar",
    ],
)
def test_a_borrowed_name_makes_no_foreign_text(redact: Bench, text: str) -> None:
    out = redact({"message_body": text})
    assert out.interaction.mode == "content"
    assert "[REDACTED]" not in content(out)["message_body"]


def test_a_value_in_a_script_without_spaces_is_found_where_it_is_scanned(redact: Bench) -> None:
    rules = "version: 1\ndetect: {model: none, unknown_language: scan}\n"
    bench = Bench(Detector(policy(rules).detect), redact.keyring)
    for text in (
        "我的卡号是{}，谢谢",
        "カード番号は{}です",
        "카드번호는{}입니다",
        "หมายเลขบัตร{}ครับ",
    ):
        for value, label in ((CARD, "[CREDIT_CARD]"), (PHONE, "[PHONE_NUMBER]")):
            assert content(bench({"message_body": text.format(value)}, rules))[
                "message_body"
            ] == text.format(label)
