"""Access and portability packages: what is in them, what is not and why, and that the page stands
alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from support.people_world import TOKENS, World, human, interaction, version

from callveil.pipelines.subject import search_request
from callveil.pipelines.subject_package import make_package
from callveil.transforms.governance.requests.article_15 import ContextError, read_context
from callveil.transforms.governance.requests.package import PackageError
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister

CONTEXT = """\
controller: Example Telephony GmbH, Musterstrasse 1, Berlin
contact: privacy@firm.example
purposes: [answering calls, billing]
recipients: [hosting provider]
third_countries: none
automated_decisions: none
source: calls to our numbers, and the forms on our website
authority: Berliner Beauftragte für Datenschutz
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[dict[str, Any]]]:
    """A person with calls, a transcript full of other people, a call that mentions them, and a
    version about them.
    """
    world = World(tmp_path_factory.mktemp("package") / "world", policy=TOKENS)
    rng = random.Random(41)
    who, other, friend = human(1), human(2), human(3)
    records = [interaction(rng, n, who) for n in range(3)] + [
        interaction(rng, 3, other, who),
        interaction(rng, 4, other),
    ]
    told = f"It is {who.phones[0]}, and my friend is at {friend.phones[0]} or {friend.emails[0]}"
    records[0] |= {
        "name": who.name,
        "street": who.street,
        "postal_code": who.postcode,
        "business_number": "+14155550100",
        "outline": [
            {
                "speaker": "agent",
                "channel": 2,
                "text": "This is Ottilie Staffer, what is your number?",
                "s": 0,
                "e": 4,
            },
            {"speaker": "caller", "channel": 1, "text": told, "s": 4, "e": 9},
            {
                "speaker": "caller",
                "channel": 1,
                "text": "My card is 4111 1111 1111 1111 and the code is 123",
                "s": 9,
                "e": 12,
            },
        ],
        "custom_fields": {"=cmd|calc": "value", "note": "=1+1"},
    }
    world.redact(records)
    world.history(
        [
            version(1, ("Contact", "901"), {"phone": (who.phones[0], who.phones[1])}),
            version(2, ("Contact", "902"), {"phone": ("1", "2")}),
        ]
    )
    world.ask("access", *who.phones, *who.emails, request_id="R")
    search_request(world.options(0.2), "R")
    (world.root / "context.yaml").write_text(CONTEXT)
    return world, records


def unpack(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(path) as z:
        files = {n: z.read(n) for n in z.namelist()}
    return json.loads(files["manifest.json"]), files


def test_an_access_package_from_the_sources(
    made: tuple[World, list[dict[str, Any]]], tmp_path: Path
) -> None:
    world, records = made
    who, friend = human(1), human(3)
    out = tmp_path / "answer.zip"
    result = make_package(
        world.options(1),
        "R",
        "access",
        out,
        sources=[str(world.root / "in")],
        context=str(world.root / "context.yaml"),
    )
    manifest, files = unpack(out)
    assert (
        oct(out.stat().st_mode)[-3:] == "600"
        and result.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
        and result.missing == ()
    )
    listed = {f["path"]: f for f in manifest["files"]}
    assert set(listed) | {"manifest.json"} == set(files)
    for path, entry in listed.items():
        assert (
            hashlib.sha256(files[path]).hexdigest() == entry["sha256"]
            and len(files[path]) == entry["bytes"]
        )
        assert entry["source"] and entry["category"]
    calls = json.loads(files["data/conversations.json"])
    assert [c["id"] for c in calls] == [r["id"] for r in records[:3]] and listed[
        "data/conversations.json"
    ]["rows"] == 3
    assert listed["data/conversations.json"]["source"] == "source files"
    first = calls[0]
    assert (
        first["caller_number"] == records[0]["caller_number"]
        and first["email"] == records[0]["email"]
        and first["street"] == who.street
    )
    said = " ".join(t["text"] for t in first["outline"])
    assert who.phones[0] in said  # their own words stay, also where they say who they are
    whole = b"".join(data for path, data in files.items() if not path.endswith(".parquet")).decode()
    for others in (
        friend.phones[0][-10:],
        friend.emails[0],
        "Ottilie",
        "4111 1111",
        "staff0@firm.example",
        human(2).emails[0],
        human(2).name,
    ):
        assert others not in whole
    reasons = {(w["from"], w["reason"]) for w in manifest["withheld"]}
    assert {
        ("conversations", "third_party"),
        ("conversations", "security"),
        ("conversations", "staff"),
        ("mentions", "other_record"),
    } <= reasons
    mentions = json.loads(files["data/mentions.json"])
    assert [m["id"] for m in mentions] == [records[3]["id"]] and set(mentions[0]) <= {
        "id",
        "account_id",
        "kind",
        "direction",
        "called_at",
        "extra",
    }
    changes = json.loads(files["data/change_history.json"])
    assert [c["version_id"] for c in changes] == ["V1"] and "actor_name" not in changes[0]
    # The same data in each form.
    table = pq.read_table(io.BytesIO(files["data/conversations.parquet"])).to_pylist()
    assert [t["id"] for t in table] == [c["id"] for c in calls] and table[0]["outline"][1][
        "text"
    ] == first["outline"][1]["text"]
    rows = list(csv.DictReader(io.StringIO(files["data/conversations.csv"].decode("utf-8-sig"))))
    assert [r["caller_number"] for r in rows] == [c["caller_number"] for c in calls]
    assert not any(cell.startswith("=") for r in rows for cell in r.values())
    context = json.loads(files["context.json"])
    assert (
        context["purposes"] == ["answering calls", "billing"]
        and context["rights"]
        and context["retention_by_policy"]
    )
    assert context["not_stated"] == []
    assert {c["category"] for c in context["categories"]} >= {
        "contact",
        "communication",
        "metadata",
        "mentions",
        "changes",
    }
    request = RequestRegister(world.store, world.keys).get("R")
    assert (request.package, request.package_sha256, request.disclosed) == (
        "answer.zip",
        result.sha256,
        result.records,
    )
    with pytest.raises(PackageError, match="is there already"):
        make_package(world.options(1), "R", "access", out)


class Page(HTMLParser):
    """Parser of a page: what it refers to, and whether its tags are closed."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.refers += [v or "" for k, v in attrs if k in ("src", "href", "action", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone(made: tuple[World, list[dict[str, Any]]], tmp_path: Path) -> None:
    world, _ = made
    make_package(
        world.options(1.1), "R", "access", tmp_path / "a.zip", sources=[str(world.root / "in")]
    )
    files = unpack(tmp_path / "a.zip")[1]
    page = files["README.html"].decode()
    read = Page()
    read.feed(page)
    assert read.open == [] and not read.tags & {"script", "iframe", "object", "img", "link"}
    assert read.refers and all(
        f'id="{to[1:]}"' in page if to.startswith("#") else to in files for to in read.refers
    )
    assert (
        page.startswith("<!doctype html>")
        and 'lang="en"' in page
        and "url(" not in page
        and "@import" not in page
    )
    assert (
        "prefers-color-scheme:dark" in page
        and "What is not in it, and why" in page
        and "Not stated in this package" in page
    )
    assert "<script" not in page and re.search(r"\[withheld: telephone number\]", page)


def test_an_access_package_without_the_sources(
    made: tuple[World, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Tokens that hold the person's own values are opened, those of others are not."""
    world, records = made
    who, friend = human(1), human(3)
    result = make_package(world.options(2), "R", "access", tmp_path / "b.zip")
    manifest, files = unpack(tmp_path / "b.zip")
    calls = json.loads(files["data/conversations.json"])
    assert {f["source"] for f in manifest["files"] if f["path"].startswith("data/")} == {
        "redacted store"
    }
    assert (
        calls[0]["caller_number"] == records[0]["caller_number"]
        and calls[0]["email"] == records[0]["email"]
    )
    said = " ".join(t["text"] for t in calls[0]["outline"])
    assert (
        who.phones[0] in said
        and "[withheld: PHONE_NUMBER]" in said
        and friend.phones[0][-10:] not in said
    )
    assert (
        ":t1."
        not in b"".join(d for n, d in files.items() if n.endswith((".json", ".csv"))).decode()
    )
    assert result.missing and any(w["reason"] == "redacted_before" for w in manifest["withheld"])


def test_a_portability_package(made: tuple[World, list[dict[str, Any]]], tmp_path: Path) -> None:
    world, _ = made
    make_package(
        world.options(3), "R", "portability", tmp_path / "p.zip", sources=[str(world.root / "in")]
    )
    manifest, files = unpack(tmp_path / "p.zip")
    assert {p.split("/")[1].split(".")[0] for p in files if p.startswith("data/")} == {
        "conversations"
    }
    calls = json.loads(files["data/conversations.json"])
    assert (
        len(calls) == 3
        and calls[0]["email"]
        and calls[0]["outline"]
        and not {"notes", "agent", "status", "duration"} & calls[0].keys()
    )
    schema = json.loads(files["schema/conversations.schema.json"])
    for call in calls:
        jsonschema.validate(call, schema)
    assert manifest["kind"] == "portability"


def test_nobody_is_answered_unverified(world: World, tmp_path: Path) -> None:
    world.redact([interaction(random.Random(1), 1, human(1))])
    world.ask("access", *human(1).phones, request_id="R", verified=False)
    search_request(world.options(1), "R")
    with pytest.raises(RegisterError, match="not verified"):
        make_package(world.options(1), "R", "access", tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("purpose: x", "purpose: no such key"),
        ("controller: [1]", "expected a text"),
        ("- a", "expected keys"),
        ("a: [", "not YAML"),
    ],
)
def test_a_context_that_is_wrong_is_named(
    world: World, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ContextError, match=words):
        read_context(world.files, str(path), world.options().policy)  # type: ignore[arg-type]
