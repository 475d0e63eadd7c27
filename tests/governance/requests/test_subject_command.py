"""`callveil subject` as it is typed, and requests in bulk."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from support.people_world import World, human, interaction

from callveil.pipelines.cli import main
from callveil.pipelines.commands import subject
from callveil.pipelines.exits import DONE, FAILED, REJECTED, USAGE
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one action on the world's store at a time of the request's first days; returns the exit
    code and what was printed.

    A step is entered `late` hours after the time it is stated for.
    """

    def call(action: str, *words: str, day: int = 4, late: float = 0) -> tuple[int, str, str]:
        monkeypatch.setattr(
            subject,
            "_clock",
            lambda: dt.datetime(2026, 11, day, 9, tzinfo=dt.UTC) + dt.timedelta(hours=late),
        )
        place = [
            "--store",
            world.output,
            "--keyring",
            world.keyring,
            "--as-of",
            f"2026-11-{day:02d}T09:00:00Z",
        ]
        code = main(["subject", action, *place, *words])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def test_a_request_from_opening_to_closing(
    world: World, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(2)
    who = human(4)
    world.redact([interaction(rng, n, (who, human(5))[n % 2]) for n in range(6)])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{who.phones[0]}\n\n{who.phones[1]}\n"))
    code, out, _ = run(
        "open",
        "--type",
        "erasure",
        "--request",
        "R",
        "--identifier",
        "-",
        "--zone",
        "Europe/London",
        "--calendar",
        "GB-ENG",
    )
    assert (
        code == DONE and "due 2026-12-04 23:59Z: 30 days left" in out and who.phones[0] not in out
    )
    assert run("erase", "--request", "R")[0] == USAGE
    assert run("verify", "--request", "R", "--method", "callback")[0] == DONE
    code, out, _ = run("search", "--request", "R", "--out", str(tmp_path / "match.json"))
    assert code == DONE and "3 records by 2 confirmed identifiers" in out and "L1" in out
    assert (
        oct((tmp_path / "match.json").stat().st_mode)[-3:] == "600"
        and json.loads((tmp_path / "match.json").read_text())["proposed"]
    )
    assert run("search", "--request", "R", "--confirm", "L99")[0] == USAGE
    code, out, _ = run("search", "--request", "R", "--confirm", "all", "--json")
    assert code == DONE and len(json.loads(out)["records"]) == 3
    code, out, err = run("access", "--request", "R", "--out", str(tmp_path / "a.zip"))
    assert code == DONE and "3 records" in out and "controller" in err
    assert (
        run("hold", "--request", "R", "--reason", "asked for the account number", day=6)[0] == DONE
    )
    code, out, _ = run("status", day=7)
    assert code == DONE and "clock stopped since" in out
    code, out, _ = run("hold", "--request", "R", "--resume", day=9)
    assert (
        "due 2026-12-07 23:59Z" in out
        and "clock stopped 2026-11-06 09:00Z, resumed 2026-11-09 09:00Z" in out
    )
    assert (
        "it was resumed already, on 2026-11-09"
        in run("hold", "--request", "R", "--resume", day=9)[2]
    )
    code, out, _ = run("extend", "--request", "R", "--reason", "many records", day=10)
    assert (
        code == DONE and "extended from 2026-12-07" in out and "due 2027-02-08" in out
    )  # three months and three days; 7 February is a Sunday
    code, out, _ = run("erase", "--request", "R", "--dry-run", "--json", day=11)
    plan = json.loads(out)
    assert plan["counts"] == {"interactions.drop": 3} and len(world.rows("interactions")) == 6
    assert run("erase", "--request", "R", "--plan", "0" * 16, day=11)[0] == USAGE
    code, out, _ = run("erase", "--request", "R", "--plan", plan["plan_sha256"], day=11)
    assert code == DONE and "the check found 0 left" in out and len(world.rows("interactions")) == 3
    assert (
        run(
            "close",
            "--request",
            "R",
            "--decision",
            "granted",
            "--notified",
            "CRM Ltd",
            day=12,
            late=2,
        )[0]
        == DONE
    )
    code, out, _ = run("status", "--request", "R", "--json", day=12)
    row = json.loads(out)
    assert (row["status"], row["recipients_notified"], row["overdue"]) == (
        "completed",
        ["CRM Ltd"],
        False,
    )
    assert row["responded_entered_at"] and any(
        text.startswith("answer stated for 2026-11-12") for text in row["stated_times"]
    )
    assert run("status", day=12)[1] == "no request is open\n"
    for kind, said in (("granted", "is granted"), ("certificate", "Certificate of erasure")):
        assert (
            run(
                "letter",
                "--request",
                "R",
                "--kind",
                kind,
                "--out",
                str(tmp_path / f"{kind}.html"),
                day=12,
            )[0]
            == DONE
        )
        assert said in (tmp_path / f"{kind}.html").read_text()
    assert (
        run(
            "letter",
            "--request",
            "R",
            "--kind",
            "refused",
            "--out",
            str(tmp_path / "no.html"),
            day=12,
        )[0]
        == USAGE
    )
    said = (
        f"request R: plan {plan['plan_sha256'][:16]} was carried out already, on 2026-11-11 "
        "09:00Z; nothing was left to do\n"
    )
    assert (
        run("erase", "--request", "R", day=13)[1]
        == said
        == run("erase", "--request", "R", "--plan", plan["plan_sha256"], day=13)[1]
    )
    assert "OVERDUE" not in run("status", "--all", day=30)[1]


def test_mistakes_are_named_without_quoting_anybody(world: World, run: Any) -> None:
    world.redact([interaction(random.Random(1), 1, human(1))])
    for words, said in (
        (("--type", "access"), "--identifier"),
        (("--identifier", "+12125550101"), "--type"),
        (("--type", "access", "--identifier", "email:secret-nobody"), "email: the value is none"),
        (("--type", "access", "--identifier", "+12125550101", "--zone", "Mars"), "zone"),
        (("--type", "access", "--identifier", "+12125550101", "--calendar", "QQ"), "calendar"),
        (("--bulk", "/nowhere.json"), "not there"),
    ):
        code, _, err = run("open", *words)
        assert code == USAGE and said in err and "secret-nobody" not in err
    assert run("status", "--request", "nobody")[0] == USAGE
    code = main(
        ["subject", "status", "--store", str(world.root / "elsewhere"), "--keyring", world.keyring]
    )
    assert code == FAILED


def item(kind: str = "erasure", **more: Any) -> dict[str, Any]:
    """A request as a controller sends it."""
    own = str(uuid.UUID(int=random.Random(repr(more)).getrandbits(128), version=4))
    return {
        "regulation": "gdpr",
        "subject_request_id": own,
        "subject_request_type": kind,
        "submitted_time": "2026-10-31T15:00:00+02:00",
        "api_version": "2.0",
        "status_callback_urls": ["https://controller.example/callbacks"],
        "subject_identities": [
            {
                "identity_type": "email",
                "identity_value": human(1).emails[0].upper(),
                "identity_format": "raw",
            }
        ],
    } | more


def test_requests_in_bulk(world: World, run: Any, tmp_path: Path) -> None:
    world.redact([interaction(random.Random(1), n, human(1)) for n in range(3)])
    good, hashed = item(), item(n=1)
    hashed["subject_identities"].append(
        {"identity_type": "email", "identity_value": "ab" * 32, "identity_format": "sha256"}
    )
    own = item(
        "access",
        subject_identities=[],
        extensions={"callveil": {"identifiers": [human(1).phones[0]]}},
    )
    wrong = [
        item(subject_request_id="7"),
        item("rectify", n=2),
        item(n=3, submitted_time="yesterday"),
        item(n=4, subject_identities=[]),
        "text",
        item(
            n=5,
            subject_identities=[
                {
                    "identity_type": "email",
                    "identity_value": "secret-nobody",
                    "identity_format": "raw",
                }
            ],
        ),
    ]
    path = tmp_path / "bulk.json"
    path.write_text(json.dumps([good, hashed, own, *wrong]))
    code, out, err = run("open", "--bulk", str(path), "--json")
    answers = json.loads(out)["responses"]
    assert code == REJECTED and "secret-nobody" not in out + err
    assert [("error" in a) for a in answers] == [False] * 3 + [True] * 6
    assert (
        answers[0]["subject_request_id"] == good["subject_request_id"]
        and answers[0]["expected_completion_time"] == "2026-11-30T23:59:59+00:00"
    )
    assert answers[0]["request_status"] == "pending" and "hashed" in answers[1]["not_searched"][0]
    code, out, _ = run("search", "--request", good["subject_request_id"], "--json")
    assert json.loads(out)["records"]
    lines = tmp_path / "bulk.jsonl"
    lines.write_text("".join(json.dumps(i) + "\n" for i in (good, own)))
    code, out, _ = run("open", "--bulk", str(lines), "--json")  # the same requests again do nothing
    assert code == DONE and len(json.loads(out)["responses"]) == 2
    code, out, _ = run("status", "--json")
    assert len(json.loads(out)["requests"]) == 3
    lines.write_text("{broken\n")
    assert run("open", "--bulk", str(lines))[0] == USAGE


def test_what_is_entered_late_moves_no_deadline(world: World, run: Any) -> None:
    """A notice of an extension, a stop of the clock and an answer that are stated for a time in
    which they would have counted.
    """
    Keyring.open_or_create(world.keyring)
    Store.open_or_create(world.files, world.output, world.keyring)
    for name in ("R", "S"):
        assert (
            run(
                "open",
                "--type",
                "access",
                "--request",
                name,
                "--identifier",
                "+12125550101",
                "--received",
                "2026-09-20T09:00:00Z",
            )[0]
            == DONE
        )
    assert "OVERDUE by 15 days" in run("status")[1]
    refused = run(
        "extend", "--request", "R", "--reason", "many", "--notified-at", "2026-10-10T09:00:00Z"
    )
    assert (
        refused[0] == USAGE
        and "is over, and an extension that is entered later extends nothing" in refused[2]
    )
    late = 60 * 24.0  # entered at the end of the year
    assert run("hold", "--request", "R", "--reason", "asked for more", day=5, late=late)[0] == DONE
    out = run("hold", "--request", "R", "--resume", day=28, late=late)[1]
    assert "due 2026-10-20" in out and "OVERDUE by" in out
    told = run(
        "close",
        "--request",
        "S",
        "--decision",
        "withdrawn",
        "--responded-at",
        "2027-02-01T00:00:00Z",
    )[2]
    assert "answered later than this is entered" in told
    assert (
        run(
            "close",
            "--request",
            "S",
            "--decision",
            "withdrawn",
            "--responded-at",
            "2026-10-01T00:00:00Z",
        )[0]
        == DONE
    )
    assert json.loads(run("status", "--request", "S", "--json")[1])["on_time"] is False


REGISTER_COMMANDS = """
import os, sys
from callveil.pipelines.cli import main
store, keyring = sys.argv[1:]
def run(action, *words):
    code = main(["subject", action, "--store", store, "--keyring", keyring, *words])
    assert code == 0, (action, code)
run("open", "--type", "access", "--request", "R", "--identifier", "+12125550101", "email:nobody@mail.example", "name:Nora Nobody|10115")
run("verify", "--request", "R", "--method", "callback")
run("hold", "--request", "R", "--reason", "asked for the account")
run("hold", "--request", "R", "--resume")
run("extend", "--request", "R", "--reason", "many records")
run("status")
run("status", "--all", "--json")
run("close", "--request", "R", "--decision", "refused", "--ground", "Art. 12(5)(b)", "--reason", "the third time this week")
run("status", "--request", "R")
run("letter", "--request", "R", "--kind", "refused", "--out", store + "-letter.html")
heavy = ("apache_beam", "spacy", "thinc", "presidio_analyzer", "presidio_anonymizer", "boto3", "botocore")
print("LOADED", sorted(m for m in heavy if m in sys.modules), flush=True)
os._exit(0)  # as `program` ends
"""


def test_commands_of_the_register_load_neither_beam_nor_spacy_nor_presidio_nor_boto(
    world: World,
) -> None:
    Keyring.open_or_create(world.keyring)
    Store.open_or_create(world.files, world.output, world.keyring)
    words = [sys.executable, "-c", REGISTER_COMMANDS, world.output, world.keyring]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "LOADED []"
