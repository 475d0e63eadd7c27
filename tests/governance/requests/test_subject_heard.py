"""Packages of what arrived through `callveil watch`: redacted recordings of a live zone, by the
command line from the first call to the zip.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from support import ROOT, TESTS
from support.spoken_requests import (
    CARD,
    EMAIL,
    NAME,
    PHONE,
    SISTER,
    SISTERS_MAIL,
    SISTERS_NAME,
    Spoken,
    land,
    sounds,
    voices,
)

from callveil.pipelines.cli import main
from callveil.transforms.governance.requests.article_15 import KEYS

INSTALLED = ROOT / "build" / "browser"
CHECK = TESTS / "report" / "browser" / "package.mjs"
GDPR = (
    "version: 1\nname: live\nextends: gdpr\nretention: {rules: [{id: calls, class: "
    "[interactions], action: delete, days: 730}]}\n"
)
LAX = "version: 1\nname: lax\nextends: pci\n"
"""A policy that lets names and numbers stand."""
STATED = {
    "controller": "Example Telephony GmbH, Musterstrasse 1, 10115 Berlin",
    "contact": "privacy@firm.example",
    "dpo": "dpo@firm.example",
    "purposes": ["answering calls", "appointments"],
    "lawful_basis": ["contract (Art. 6(1)(b))"],
    "recipients": ["hosting provider"],
    "third_countries": ["United States"],
    "safeguards": ["standard contractual clauses"],
    "retention": "as the rules below say",
    "source": "calls to our numbers",
    "automated_decisions": "none",
    "authority": "Berliner Beauftragte für Datenschutz",
}
OTHERS = (
    SISTER[-10:],
    SISTERS_MAIL,
    SISTERS_NAME,
    "Drummond",
    "Ottilie",
    "ottilie@firm.example",
    "646 555 0177",
    CARD,
)

pytestmark = pytest.mark.skipif(not voices.LIBRARY, reason=voices.NEEDS_ESPEAK)


@dataclass(frozen=True)
class Place:
    """A store that was filled by `callveil watch`, with a request that was searched."""

    root: Path
    calls: dict[int, Spoken]

    def run(self, *words: str, code: int = 0) -> None:
        given = [*words, "--keyring", str(self.root / "keyring.json")]
        assert main(given) == code, given

    def subject(self, *words: str) -> None:
        self.run("subject", words[0], "--store", str(self.root / "store"), *words[1:])

    def package(
        self, name: str, *more: str, action: str = "access"
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Make a package; its manifest and its files."""
        self.subject(action, "--request", "R", "--out", str(self.root / f"{name}.zip"), *more)
        with zipfile.ZipFile(self.root / f"{name}.zip") as z:
            assert z.testzip() is None
            files = {n: z.read(n) for n in z.namelist()}
        return json.loads(files["manifest.json"]), files


def filled(root: Path, policy: str, kind: str = "access") -> Place:
    root.mkdir(parents=True)
    place = Place(root, land(root / "in"))
    (root / "policy.yaml").write_text(policy)
    (root / "context.yaml").write_text(json.dumps(STATED))
    place.run(
        "watch",
        "--input",
        str(root / "in"),
        "--output",
        str(root / "store"),
        "--once",
        "--policy",
        str(root / "policy.yaml"),
    )
    place.subject("open", "--type", kind, "--identifier", PHONE, "--request", "R")
    place.subject("verify", "--request", "R", "--method", "callback")
    place.subject("search", "--request", "R")
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return filled(tmp_path_factory.mktemp("heard") / "gdpr", GDPR)


@pytest.fixture(scope="module")
def lax(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return filled(tmp_path_factory.mktemp("heard") / "lax", LAX)


def played(data: bytes) -> tuple[int, np.ndarray]:
    """A recording decoded by PyAV: its rate and its samples."""
    with av.open(io.BytesIO(data)) as source:
        parts = [f.to_ndarray().reshape(-1, f.layout.nb_channels).T for f in source.decode(audio=0)]
        return source.streams.audio[0].rate, np.concatenate(parts, axis=1)


def stretch(call: Spoken, first: str, last: str) -> tuple[float, float, int]:
    """Between which seconds, and on which channel, a run of words is heard."""
    words = [str(w["word"]).strip(".,") for w in call.words]
    a = words.index(first)
    b = words.index(last, a)
    return call.words[a]["s"], call.words[b]["e"], call.words[a]["channel"] - 1


def check_manifest(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    """Every member is listed with what it is, and that is true of it."""
    listed = {f["path"]: f for f in manifest["files"]}
    assert len(listed) == len(manifest["files"]) and set(listed) == set(files) - {"manifest.json"}
    for path, entry in listed.items():
        assert (hashlib.sha256(files[path]).hexdigest(), len(files[path])) == (
            entry["sha256"],
            entry["bytes"],
        ), path
        assert entry["source"] and entry["category"]
        if path.endswith(".parquet"):
            assert pq.read_metadata(io.BytesIO(files[path])).num_rows == entry["rows"]
        if path.startswith("data/") and path.endswith(".json"):
            assert len(json.loads(files[path])) == entry["rows"]
        if path.startswith("recordings/"):
            assert (entry["source"], entry["category"]) == ("live zone, redacted", "recordings")
    assert json.loads(files["withheld.json"]) == manifest["withheld"]


def text_of(files: dict[str, bytes]) -> str:
    """All that can be read in a package."""
    out = [
        repr(pq.read_table(io.BytesIO(d)).to_pylist()) if n.endswith(".parquet") else d.decode()
        for n, d in files.items()
        if ".wav" not in n
    ]
    return "".join(out)


@pytest.mark.parametrize("from_sources", [False, True])
def test_a_package_with_recordings(place: Place, from_sources: bool) -> None:
    source = ["--source", str(place.root / "in")] if from_sources else []
    manifest, files = place.package(
        f"access-{from_sources}", "--context", str(place.root / "context.yaml"), *source
    )
    check_manifest(manifest, files)
    assert {n for n in files if n.startswith("recordings/")} == {
        f"recordings/41-{place.calls[n].id}.wav" for n in (1, 2)
    }
    for number in (1, 2):
        call = place.calls[number]
        rate, samples = played(files[f"recordings/41-{call.id}.wav"])
        assert (rate, samples.shape) == (8000, (2, call.frames))
    whole = text_of(files)
    assert not [o for o in OTHERS if o.lower() in whole.lower()]
    calls = json.loads(files["data/conversations.json"])
    assert [c["id"] for c in calls] == [place.calls[n].id for n in (1, 2)]
    assert [m["id"] for m in json.loads(files["data/mentions.json"])] == [place.calls[3].id]
    assert (PHONE in whole and EMAIL in whole and NAME in whole) is from_sources
    why = {(w["from"], w["reason"]) for w in manifest["withheld"]}
    assert {
        ("conversations", "staff"),
        ("mentions", "other_record"),
        ("recordings", "covered"),
    } <= why
    assert ("conversations", "third_party" if from_sources else "redacted_before") in why
    assert all(w["count"] > 0 and w["explanation"] for w in manifest["withheld"])
    found = json.loads(files["data/redactions.json"])
    assert {r["interaction_id"] for r in found} == {place.calls[n].id for n in (1, 2)} and all(
        r["processed_at"] for r in found
    )


def test_others_are_not_heard(place: Place) -> None:
    _, files = place.package("heard")
    call = place.calls[1]
    _, before = sounds.heard(call.wav)
    _, after = played(files[f"recordings/41-{call.id}.wav"])
    for first, last in (
        ("Freya", "Drummond"),
        ("646", "0177"),
        (SISTERS_MAIL, SISTERS_MAIL),
        ("4111", "1111"),
        ("Ottilie", "Staffer"),
    ):
        s, e, channel = stretch(call, first, last)
        assert (
            sounds.level(before[channel, int(s * 8000) : int(e * 8000)])
            > -40
            > -60
            > sounds.level(after[channel, int(s * 8000) : int(e * 8000)].astype(float) / 32768)
        ), first
    s, e, channel = stretch(call, "Please", "sister")
    assert sounds.level(after[channel, int(s * 8000) : int(e * 8000)].astype(float) / 32768) > -40


def test_art_15_is_answered_in_full(place: Place) -> None:
    _, files = place.package("context", "--context", str(place.root / "context.yaml"))
    context = json.loads(files["context.json"])
    assert context["not_stated"] == [] and {k: context[k] for k in KEYS} == STATED
    held = {c["category"]: c["records"] for c in context["categories"]}
    assert held == {
        "contact": 2,
        "communication": 2,
        "metadata": 2,
        "online": 2,
        "recordings": 2,
        "processing": held["processing"],
        "mentions": 1,
    }
    assert any("730 days" in rule for rule in context["retention_by_policy"]), (
        "the store's own policy says how long"
    )
    rights = " ".join(context["rights"])
    assert all(f"Art. {n}" in rights for n in (16, 17, 18, 20, 21, 77))
    _, files = place.package("unstated")
    left = {
        "controller",
        "contact",
        "purposes",
        "recipients",
        "third_countries",
        "source",
        "automated_decisions",
        "authority",
    }
    assert set(json.loads(files["context.json"])["not_stated"]) == left


def test_a_transfer_needs_its_safeguards(place: Place) -> None:
    for country, missing in (("United States", ["safeguards"]), ("none", []), (["None."], [])):
        stated = {k: v for k, v in STATED.items() if k != "safeguards"} | {
            "third_countries": country
        }
        (place.root / "without.yaml").write_text(json.dumps(stated))
        _, files = place.package(
            f"transfer-{country}", "--context", str(place.root / "without.yaml")
        )
        assert json.loads(files["context.json"])["not_stated"] == missing


def test_what_a_lax_policy_let_stand_of_others_is_not_disclosed(lax: Place) -> None:
    manifest, files = lax.package("lax")
    check_manifest(manifest, files)
    whole = text_of(files)
    assert not [o for o in OTHERS if o.lower() in whole.lower()]
    assert PHONE in whole and NAME in whole
    call = lax.calls[1]
    _, after = played(files[f"recordings/41-{call.id}.wav"])
    for first, last in (("Freya", "Drummond"), ("646", "0177"), (SISTERS_MAIL, SISTERS_MAIL)):
        s, e, channel = stretch(call, first, last)
        assert (
            sounds.level(after[channel, int(s * 8000) : int(e * 8000)].astype(float) / 32768) < -60
        ), first
    s, e, channel = stretch(call, "Amara", "Abernathy")
    assert (
        sounds.level(after[channel, int(s * 8000) : int(e * 8000)].astype(float) / 32768) > -40
    ), "their own name may be heard"
    assert after.shape[1] == call.frames


def test_portability_fits_its_schema(place: Place) -> None:
    manifest, files = place.package("port", "--source", str(place.root / "in"), action="port")
    check_manifest(manifest, files)
    schemas = {
        n.split("/")[1].split(".")[0]: json.loads(d)
        for n, d in files.items()
        if n.startswith("schema/")
    }
    assert schemas.keys() == {"conversations"}
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        rows = json.loads(files[f"data/{name}.json"])
        assert len(rows) == 2
        for row in rows:
            jsonschema.validate(row, schema, format_checker=jsonschema.FormatChecker())
        wrong = rows[0] | {"outline": "said"}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


@pytest.mark.integration
def test_the_page_in_chromium(place: Place, tmp_path: Path) -> None:
    browser = os.environ.get("CALLVEIL_TEST_BROWSER")
    if not browser:
        pytest.skip("needs Chromium, playwright-core and axe-core: deploy/browser.sh pytest ...")
    pages = []
    for name, more in (
        (
            "full",
            ["--context", str(place.root / "context.yaml"), "--source", str(place.root / "in")],
        ),
        ("bare", []),
    ):
        for action in ("access", "port"):
            _, files = place.package(f"page-{name}-{action}", *more, action=action)
            for path, data in files.items():
                target = tmp_path / f"{name}-{action}" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            pages.append(str(tmp_path / f"{name}-{action}" / "README.html"))
    words = ["node", str(CHECK), browser, os.environ.get("CALLVEIL_TEST_SHOTS", ""), *pages]
    done = subprocess.run(words, cwd=INSTALLED, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert len(found) == 3 * len(pages)
    for f in found:
        where = f"{f['page']} in {f['scheme']}, {f['width']} wide"
        assert (f["asked"], f["errors"], f["axe"], f["cut"], f["dead"]) == ([], [], [], 0, []), (
            where
        )
        seconds = [place.calls[n].frames / 8000 for n in (1, 2)] if "-access" in f["page"] else []
        assert [p["seconds"] for p in f["played"]] == pytest.approx(seconds, abs=0.01), where
        assert all(p["at"] > 0 for p in f["played"]), where
