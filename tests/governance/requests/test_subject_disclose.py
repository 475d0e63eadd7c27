"""Disclosure of conversations to a person: their own data and what they say of themselves, and why
the rest is not shown.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import zipfile
from dataclasses import replace
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import pytest
from support.people_world import World

from callveil.pipelines.subject import search_request
from callveil.pipelines.subject_package import make_package
from callveil.schemas.finding import TextSpan
from callveil.schemas.interaction import FIELDS, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.conversation import View
from callveil.transforms.governance.requests.article_15 import (
    CATEGORIES,
    RIGHTS,
    Article15Context,
    describe_retention,
)
from callveil.transforms.governance.requests.disclosure import REASONS
from callveil.transforms.governance.requests.package import (
    AccessPackage,
    PackageSection,
    withheld_rows,
)
from callveil.transforms.governance.requests.package_readme import LANGUAGES, render_readme
from callveil.transforms.redact.subject_values import OwnValues

PLAIN = {
    "direction": "inbound",
    "called_at": "2026-10-14T08:00:00Z",
    "status": "answered",
    "language": "en",
    "duration": 90,
}
STAFF = {
    "agent_id": "AG7",
    "agent": {"id": "AG7", "name": "Tessa Quill", "email": "tessa.quill@desk.example"},
}


def turns(*said: str) -> list[dict[str, Any]]:
    """An outline of turns `A: text` of the agent and `C: text` of the caller."""
    return [
        {
            "speaker": {"A": "Agent", "C": "Caller"}[t[0]],
            "channel": 2 if t[0] == "A" else 1,
            "text": t[3:],
            "s": 4.0 * n,
            "e": 4.0 * n + 3,
        }
        for n, t in enumerate(said)
    ]


RECORDS = [
    PLAIN
    | {
        "id": 71,
        "account_id": 1,
        "kind": "form",
        "name": "Sofia Brand",
        "email": "sofia.brand@mail.example",
        "form": {
            "form_id": "F1",
            "form_name": "Contact",
            "name": "Sofia Brand",
            "email": "sofia.brand@mail.example",
            "number_to_call": "+447700900471",
            "custom": [
                {"id": "c", "label": "Marketing consent", "value": True},
                {"id": "addr", "label": "Address", "value": "12 Quay Lane, Newcastle NE1 4ST"},
                {"id": "dob", "label": "Date of birth", "value": "1984-03-02"},
                {"id": "e", "label": "Emergency contact's phone", "value": "+44 7700 900999"},
                {
                    "id": "x",
                    "label": "Comments",
                    "value": "My partner Jan Wils (jan.wils@mail.example) will be home",
                },
            ],
        },
    },
    PLAIN
    | {
        "id": 1,
        "account_id": 2,
        "kind": "call",
        "caller_number": "+14155550301",
        "agent_id": "AG9",
        "agent": {"id": "AG9", "name": "Udo Brandt", "email": "udo.brandt@desk.example"},
        "outline": turns(
            "A: Central Pioneer Gas this is Udo how can I help",
            "C: hi my boiler is leaking and my neighbor Carla Benson at 415 555 0390 said to call",
            "A: okay what is your address",
            "C: forty two Willow Street",
            "A: thank you we will send Marcus tomorrow",
        ),
    },
    PLAIN
    | {
        "id": 41,
        "account_id": 3,
        "kind": "call",
        "caller_number": "+16135550341",
        "name": "Ines Rook",
        "email": "ines.rook@mail.example",
        "outline": turns(
            "A: Weber Inn this is Tessa Quill",
            "C: hi Tessa I am Ines Rook I would like a room",
            "A: sure Ines",
            "C: you are always so rude Tessa",
        ),
    }
    | STAFF,
    PLAIN
    | {
        "id": 42,
        "account_id": 3,
        "kind": "call",
        "caller_number": "+16135550342",
        "name": "Omar Tamm",
        "outline": turns("A: Weber Inn Tessa speaking", "C: Omar Tamm here cancel my booking"),
    }
    | STAFF,
    PLAIN
    | {
        "id": 51,
        "account_id": 4,
        "kind": "call",
        "caller_number": "+441632960811",
        "name": "Greta Holm",
        "email": "greta@mail.example",
    },
    PLAIN
    | {
        "id": 52,
        "account_id": 4,
        "kind": "text",
        "caller_number": "+441632960811",
        "message_body": "Greta here, please add breakfast for Tobias",
    },
    PLAIN
    | {
        "id": 61,
        "account_id": 5,
        "kind": "form",
        "language": "de",
        "name": "Vera Kolb",
        "email": "vera.kolb@mail.example",
        "form": {
            "form_id": "F9",
            "form_name": "Kontakt",
            "name": "Vera Kolb",
            "email": "vera.kolb@mail.example",
            "custom": [
                {"id": "a", "label": "Anschrift", "value": "Lindenweg 12, 10115 Berlin"},
                {"id": "p", "label": "Ehepartner", "value": "Kurt Berg"},
            ],
        },
    },
]


CONTROLLERS = {
    "sofia.brand@mail.example": "1",
    "+14155550301": "2",
    "agent:3/AG7": "3",
    "+441632960811": "4",
    "vera.kolb@mail.example": "5",
}
"""The account each request is made to."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that answers somebody by identifiers: the records of their package, why things are
    missing, and the page.
    """
    world = World(
        tmp_path_factory.mktemp("disclose") / "world",
        policy="version: 1\nname: whole\nextends: gdpr\n",
    )
    world.redact(RECORDS)

    @cache
    def answer(
        kind: str, section: str, *identifiers: str
    ) -> tuple[list[dict[str, Any]], dict[str, int], str]:
        request = world.ask(kind, *identifiers, account=CONTROLLERS[identifiers[0]]).request_id
        search_request(world.options(1), request)
        out = Path(world.root / f"{request}.zip")
        make_package(world.options(2), request, kind, out, sources=[str(world.root / "in")])
        with zipfile.ZipFile(out) as z:
            why = {w["reason"]: w["count"] for w in json.loads(z.read("withheld.json"))}
            return json.loads(z.read(f"data/{section}.json")), why, z.read("README.html").decode()

    return answer


@pytest.mark.parametrize("kind", ["access", "portability"])
def test_what_somebody_wrote_in_a_form_is_theirs(shown: Any, kind: str) -> None:
    (record,), why, _ = shown(kind, "conversations", "sofia.brand@mail.example")
    own = {
        "name": "Sofia Brand",
        "email": "sofia.brand@mail.example",
        "number_to_call": "+447700900471",
    }
    assert {n: record["form"][n] for n in own} == own and record["form"]["custom"][0][
        "value"
    ] is True
    custom = {c["id"]: c["value"] for c in record["form"]["custom"]}
    assert [custom[n] for n in ("addr", "dob")] == [
        "12 Quay Lane, Newcastle NE1 4ST",
        "1984-03-02",
    ] and "900999" not in custom["e"]
    comment = custom["x"]
    assert (
        comment.startswith("My partner [withheld")
        and "jan.wils" not in comment
        and "Wils" not in comment
    )
    assert (
        set(why) == {"third_party"} and why["third_party"] <= 3
    )  # the partner, the emergency contact, and nothing else


def test_own_form_fields_are_shown_in_a_language_nobody_reads(shown: Any) -> None:
    (record,), _, _ = shown("access", "conversations", "vera.kolb@mail.example")
    assert (
        record["form"]["name"] == "Vera Kolb"
        and record["form"]["email"] == "vera.kolb@mail.example"
    )
    assert [c["value"] for c in record["form"]["custom"]] == [
        "Lindenweg 12, 10115 Berlin"
    ] and "Kurt" not in json.dumps(record)


def test_an_address_somebody_gives_as_their_own_is_theirs(shown: Any) -> None:
    (record,), why, _ = shown("access", "conversations", "+14155550301")
    said = [t["text"] for t in record["outline"]]
    assert said[3] == "forty two Willow Street" and record["caller_number"] == "+14155550301"
    text = " ".join(said)
    assert (
        not any(others in text for others in ("Carla", "Benson", "0390", "Udo", "Marcus"))
        and "agent" not in record
    )
    assert why["staff"] >= 2 and why["third_party"] == 3


def test_staff_see_their_own_name_and_address(shown: Any) -> None:
    records, why, _ = shown("access", "staff_activity", "agent:3/AG7", "tessa.quill@desk.example")
    assert [r["agent"] for r in records] == [STAFF["agent"]] * 2
    first, second = ([t["text"] for t in r["outline"]] for r in records)
    assert (
        first[0] == "Weber Inn this is Tessa Quill"
        and first[3] == "you are always so rude Tessa"
        and "Tessa speaking" in second[0]
    )
    text = json.dumps(records)
    assert (
        not any(customer in text for customer in ("Ines", "Rook", "Omar", "Tamm", "55503"))
        and why["contact"] >= 6
    )


def test_somebodys_own_name_is_known_from_their_other_records(shown: Any) -> None:
    (_, text), why, _ = shown("access", "conversations", "+441632960811")
    assert text[
        "message_body"
    ] == "Greta here, please add breakfast for [withheld: PERSON]" and why == {"third_party": 1}


def test_a_number_asked_for_and_said_in_pieces_is_ones_own() -> None:
    said = [
        "A: can I have a second number",
        "C: four one five five five five",
        "A: yes",
        "C: zero three nine eight",
        "A: four one five five five five zero three nine eight",
        "C: and her number is four one five five five five zero three nine zero",
    ]
    view = View.of_turns([({"A": "agent", "C": "caller"}[t[0]], t[3:]) for t in said])
    pieces = [said[1][3:], said[3][3:], said[4][3:], said[5].removeprefix("C: and her number is ")]
    spans = [
        TextSpan((at := view.text.index(p)), at + len(p), "PHONE_NUMBER", 0.9, "test", f"g{n}")
        for n, p in enumerate(pieces)
    ]
    raw = RawInteraction(
        InteractionKey("1", "2"), "call", None, 1, {"caller_number": "+14155550999"}, SourceRef("f")
    )  # type: ignore[arg-type]
    told = OwnValues(raw, "contact", lambda *_: False)
    told.listen(view, spans)
    assert [told.is_own("PHONE_NUMBER", p, p) for p in pieces] == [True, True, True, False]


@pytest.mark.parametrize(
    ("said", "piece", "entity", "own"),
    [
        (
            ["A: what is your address", "C: forty two Willow Street"],
            "forty two Willow Street",
            "ADDRESS",
            True,
        ),
        (
            ["A: what is her address", "C: forty two Willow Street"],
            "forty two Willow Street",
            "ADDRESS",
            False,
        ),
        (
            ["A: how are you", "C: forty two Willow Street"],
            "forty two Willow Street",
            "ADDRESS",
            False,
        ),
        (["C: I live at 9 Elm Row, and my sister is out"], "9 Elm Row", "ADDRESS", True),
        (["C: my sister moved, I live at 9 Elm Row"], "9 Elm Row", "ADDRESS", False),
        (["C: please send it to 9 Elm Row"], "9 Elm Row", "ADDRESS", False),
        (
            ["A: what number is best for you", "C: ring 415 555 0509", "A: 415 555 0509 right"],
            "415 555 0509",
            "PHONE_NUMBER",
            True,
        ),
        (["C: my mobile number is 415 555 0509"], "415 555 0509", "PHONE_NUMBER", True),
        (["C: my plumber has 415 555 0509"], "415 555 0509", "PHONE_NUMBER", False),
        (["A: 415 555 0509 is what I have for your number"], "415 555 0509", "PHONE_NUMBER", False),
        (
            ["A: and your email", "C: jane at mail dot example"],
            "jane at mail dot example",
            "EMAIL_ADDRESS",
            True,
        ),
        (["C: my name is Amara Abernathy"], "Amara Abernathy", "PERSON", True),
        (["C: my dentist Amara Abernathy"], "Amara Abernathy", "PERSON", False),
        (["A: Wie ist Ihre Adresse", "C: Lindenweg 12"], "Lindenweg 12", "ADDRESS", True),
        (
            ["A: Wie ist die Adresse von seiner Mutter", "C: Lindenweg 12"],
            "Lindenweg 12",
            "ADDRESS",
            False,
        ),
        (["A: cuál es su dirección", "C: calle Mayor 5"], "calle Mayor 5", "ADDRESS", True),
        (["A: quelle est votre adresse", "C: 5 rue des Lilas"], "5 rue des Lilas", "ADDRESS", True),
    ],
)
def test_what_somebody_says_of_themselves(
    said: list[str], piece: str, entity: str, own: bool
) -> None:
    view = View.of_turns([({"A": "agent", "C": "caller"}[t[0]], t[3:]) for t in said])
    spans = [
        TextSpan(at, at + len(piece), entity, 0.9, "test")
        for at in range(len(view.text))
        if view.text.startswith(piece, at)
    ]
    told = OwnValues(
        RawInteraction(
            InteractionKey("1", "2"),
            "call",
            None,
            1,
            {"caller_number": "+14155550999"},
            SourceRef("f"),
        ),
        "contact",  # type: ignore[arg-type]
        lambda *_: False,
    )
    told.listen(view, spans)
    assert [told.is_own(entity, piece, piece) for _ in spans] == [own] * len(spans) != []


def test_the_page_begins_with_what_was_found_and_ends_with_technical_matters(shown: Any) -> None:
    page = shown("access", "conversations", "+14155550301")[2]
    headings = (
        "What we found",
        "Your conversations",
        "What is not in it, and why",
        "About your data",
        "Your rights",
        "How to open the files",
    )
    places = [re.search(f"<h2[^>]*>{h}</h2>", page).start() for h in headings]  # type: ignore[union-attr]
    assert places == sorted(places) and "forty two Willow Street" in page
    assert page.count("<details") == page.count("<details open>") > 0


def package(language: str, zone: str) -> AccessPackage:
    rows = [
        {
            "id": "1",
            "kind": "call",
            "called_at": dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC),
            "duration": 61,
            "direction": "inbound",
            "outline": [{"channel": 1, "text": "hallo"}],
        }
    ]
    sections = [
        PackageSection(
            "conversations", "Your conversations", "communication", FIELDS, rows, "source files"
        )
    ]
    withheld = withheld_rows({("conversations", why): 1 for why in REASONS})
    about = Article15Context().as_dict(dict.fromkeys(CATEGORIES, 1))
    return AccessPackage(
        "R",
        "access",
        dt.datetime(2026, 11, 3, tzinfo=dt.UTC),
        sections,
        [],
        about,
        withheld,
        zone,
        language,
    )


def test_the_page_speaks_the_requests_language_in_its_zone() -> None:
    german = render_readme(package("de", "Europe/Berlin")).decode()
    assert (
        'lang="de"' in german
        and "Anruf vom 2. Juli 2026, 00:30 Uhr (CEST), 1 Minute 1 Sekunde" in german
    )
    assert "Was wir gefunden haben" in german and "Was nicht darin ist, und warum" in german
    english = render_readme(package("en", "America/New_York")).decode()
    assert (
        "Call of 1 July 2026, 18:30 (EDT), 1 minute 1 second" in english and 'lang="en"' in english
    )
    for text in (
        *REASONS.values(),
        *RIGHTS,
        *CATEGORIES.values(),
        "What is noted with it",
        "How to open the files",
    ):
        assert escape(text, quote=False) in english and escape(text, quote=False) not in german
    assert (
        render_readme(package("fr", "UTC")).decode().count("What we found") == 1
    )  # no French words yet: English, and said to be


def test_fields_and_rules_have_german_words() -> None:
    """Of every field the page may show, and of retention's rules."""
    pack = package("de", "UTC")
    hidden = {"Status", "Medium"}  # alike in both
    timed = ("duration", "talk_time", "ring_time", "hold_time")
    shown = [
        f.name
        for f in FIELDS
        if f.group not in ("staff", "media", "identity", "time")
        and f.name not in ("outline", "chat_messages", "words")
    ]
    rows = [{name: 5 if name in timed else "x" for name in shown} | {"id": "1", "kind": "call"}]
    pack.sections[0] = replace(pack.sections[0], rows=rows)
    rules = describe_retention(load_policy(None))
    pack.context["retention_by_policy"] = [
        *rules,
        "conversations: kept for at least 30 days from the end of the account they belong to (tax)",
    ]
    german, english = (
        render_readme(pack).decode(),
        render_readme(replace(pack, language="en")).decode(),
    )
    labels = set(re.findall(r"<dt>([^<]+)</dt>", english)) - hidden
    assert len(labels) > 60 and labels.isdisjoint(re.findall(r"<dt>([^<]+)</dt>", german))
    assert (
        "Gespräche: mindestens 30 Tage aufbewahrt nach dem Ende des Kontos, zu dem sie gehören "
        "(tax)."
        in german
        and " days" not in german
    )


def test_translations_fill_the_same_gaps() -> None:
    for said, words in LANGUAGES["de"].items():
        assert sorted(re.findall(r"\{\w+\}", said)) == sorted(re.findall(r"\{\w+\}", words)), said
