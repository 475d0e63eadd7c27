"""Identifiers of several people, one controller, a second person's approval, and roles: whose
records a request touches.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.live_people import POLICY, LiveWorld
from support.people_world import PLAIN, World, human
from support.shared_line import (
    LINE,
    STREET,
    Desk,
    ask,
    call,
    chat,
    couple,
    ids,
    named,
    packaged,
    said,
)

from callveil.pipelines.cli import main
from callveil.pipelines.exits import DONE, USAGE
from callveil.pipelines.options import current_user
from callveil.pipelines.subject import (
    erase_request,
    erase_returned,
    plan_erasure,
    restrict_request,
    search_request,
)
from callveil.pipelines.subject_register import (
    approve_search,
    bind_request,
)
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.governance.requests.live_records import find_live, urls_held
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister
from callveil.transforms.report.scope import NotAllowed, Role
from callveil.transforms.storage.identity.identifiers import identifier_tokens, parse_identifier


def test_a_shared_number_holds_everything_up_until_it_is_decided(
    world: World, tmp_path: Path
) -> None:
    world.redact(couple())
    ask(world, "access", LINE)
    desk = Desk(world)
    match, _ = desk.look()
    assert match.shared == ("G1",) and len(match.undecided) == 3  # the number of the request itself
    for step in (
        lambda: packaged(world, tmp_path / "no.zip"),
        lambda: plan_erasure(world.options(1), "R"),
    ):
        with pytest.raises(
            RegisterError, match=r"18078/9100000013.*--confirm NAME.*--include ID --reason TEXT"
        ) as refused:
            step()
        assert "Vexley" not in str(refused.value) and LINE not in str(refused.value)
    assert not (tmp_path / "no.zip").exists()
    match = desk.decide("nora", "piet")
    assert (
        ids(match) == [11, 12]
        and [m.record.record_id for m in match.left_out] == ["9100000013"]
        and not match.undecided
    )
    text = packaged(world, tmp_path / "yes.zip")
    assert "9100000012" in text and "9100000013" not in text and "Piet" not in text
    assert [a.record.record_id for a in plan_erasure(world.options(1.1), "R").actions] == [
        "9100000011",
        "9100000012",
    ]
    desk.look(included=["9100000013"], reason="she called under his name")
    assert "9100000013" in packaged(world, tmp_path / "more.zip")
    desk.look(excluded=["18078/9100000013"], reason="he did after all")
    said = [
        (e["event"], len(e["records"]))
        for e in RequestRegister(world.store, world.keys).events("R")
        if e["records"]
    ]
    assert said == [("included", 1), ("excluded", 1)]
    erase_request(world.options(2), "R")
    assert [r["id"] for r in world.rows("interactions")] == ["9100000013"]
    assert erase_returned(world.options(3)) == []  # the number alone does not lead to her any more
    assert [r["id"] for r in world.rows("interactions")] == ["9100000013"]


def test_what_a_shared_number_alone_leads_to_is_decided_by_record(world: World) -> None:
    """Calls without a name, and a call of his that carries his address alone; a third person's
    record of hers is not held up.
    """
    nameless, nora = (
        call(20, 18078, LINE),
        call(21, 18078, "+441632960999", "Nora Vexley", "nora.vexley@post.example"),
    )
    world.redact([*couple(), nameless, nora])
    ask(world, "erasure", LINE, "nora.vexley@post.example")
    desk = Desk(world)
    match = desk.decide("nora", "piet")
    assert ids(match) == [11, 12, 20, 21] and [r.record_id for r, _ in match.undecided] == [
        "9100000020"
    ]
    with pytest.raises(RegisterError, match="9100000020"):
        erase_request(world.options(1), "R")
    for wrong, text in (
        ({"included": ["77"], "reason": "x"}, "no record"),
        ({"included": ["9100000020"]}, "--reason"),
    ):
        with pytest.raises(RegisterError, match=text):
            desk.look(**wrong)
    match, _ = desk.look(excluded=["9100000020"], reason="his voice")
    assert ids(match) == [11, 12, 21] and not match.undecided
    erase_request(world.options(1), "R")
    assert sorted(r["id"] for r in world.rows("interactions")) == ["9100000013", "9100000020"]


@pytest.mark.parametrize(
    ("records", "given", "undecided"),
    [
        (
            [
                call(1, 1, LINE, "Ada Berg", "a@x.example"),
                call(2, 1, LINE, "Ada Berg", "b@x.example"),
                call(3, 1, LINE),
            ],
            [LINE],
            [],
        ),
        (
            [call(1, 1, LINE, "", "a@x.example"), call(2, 1, LINE, "", "b@x.example")],
            [LINE],
            [1, 2],
        ),
        (
            [
                call(1, 1, LINE, "", "a@x.example"),
                call(2, 1, LINE, "", "b@x.example"),
                call(3, 1, LINE),
            ],
            [LINE, "a@x.example", "b@x.example"],
            [],
        ),
        ([call(1, 1, LINE, "Ada Berg"), call(2, 1, LINE, "Bo Berg")], [LINE], [1, 2]),
        (
            [
                call(1, 1, "+441632960001", "", "f@x.example"),
                call(2, 1, "+441632960002", "", "f@x.example"),
            ],
            ["f@x.example"],
            [],
        ),
        (
            [
                call(1, 1, "+441632960001", "Ada Berg", "f@x.example"),
                call(2, 1, "+441632960002", "Bo Berg", "f@x.example"),
            ],
            ["f@x.example"],
            [1, 2],
        ),
        # names alone tell a couple's calls apart, and nobody knows whose the nameless one is
        ([named(1, "Ada Berg"), named(2, "Bo Berg"), named(3, "")], [LINE], [1, 2, 3]),
        (
            [named(1, "Ada Berg"), named(2, "Bo Berg"), named(3, "")],
            [LINE, "name:Ada Berg|NE1 4ST"],
            [2, 3],
        ),
        (
            [call(1, 1, LINE, "Ada Berg", "a@x.example"), named(2, "Bo Berg")],
            [LINE, "a@x.example"],
            [2],
        ),
        (
            [
                named(1, "Ada Berg"),
                named(2, "Ada"),
                named(3, "BERG, Ada M."),
                named(4, "Unknown Caller"),
                named(5, ""),
            ],
            [LINE],
            [],
        ),
        (
            [named(1, "Ada Berg"), named(2, "Bo Berg"), named(3, "Berg")],
            [LINE, "name:Ada Berg|NE1 4ST"],
            [2, 3],
        ),
        # who they are is said, or stands where a chat or the account's own fields have it
        (
            [
                call(1, 1, LINE, "Ada Berg", "a@x.example"),
                said(2, "this is Emil Vance, my invoice is wrong"),
            ],
            [LINE, "a@x.example"],
            [2],
        ),
        (
            [call(1, 1, LINE, "Ada Berg", "a@x.example"), said(2, "Emil Vance here")],
            [LINE, "a@x.example"],
            [2],
        ),
        (
            [call(1, 1, LINE, "Ada Berg", "a@x.example"), said(2, "Ada Berg here")],
            [LINE, "a@x.example"],
            [],
        ),
        (
            [
                call(1, 1, LINE, "Ada Berg", "a@x.example"),
                named(2, "") | {"custom_fields": {"contact_name": "Nils Rao"}},
            ],
            [LINE, "a@x.example"],
            [2],
        ),
        (
            [call(1, 1, LINE, "Ada Berg", "a@x.example"), chat(2, "Nils Rao")],
            [LINE, "a@x.example"],
            [2],
        ),
        (
            [call(1, 1, LINE, "Ada Berg", "a@x.example"), chat(2, "Visitor")],
            [LINE, "a@x.example"],
            [],
        ),
        (  # a family's address; two ways to write one name look the same
            [
                named(n, name) | {"email": "f@x.example", "caller_number": f"+44163296000{n}"}
                for n, name in ((1, "Fay Lund"), (2, "Gus Lund"))
            ],
            ["f@x.example"],
            [1, 2],
        ),
        (  # a couple with a landline and a mobile, both given
            [
                call(1, 1, LINE, "Ada Berg", alternative_number="+441632960003"),
                call(2, 1, LINE, "Bo Berg", alternative_number="+441632960003"),
            ],
            [LINE, "+441632960003"],
            [1, 2],
        ),
    ],
)
def test_when_an_identifier_is_shared(
    world: World, records: list[dict[str, Any]], given: list[str], undecided: list[int]
) -> None:
    world.redact(records)
    ask(world, "access", *given)
    match, _ = Desk(world).look()
    assert [int(r.record_id) - 9_100_000_000 for r, _ in match.undecided] == undecided
    assert bool(match.shared) == bool(undecided)


def test_name_twins_and_a_rejected_contact_of_theirs(world: World) -> None:
    name = f"name:Ada Berg|{STREET['postal_code']}"
    world.redact(
        [
            call(1, 1, "+441632960001", "Ada Berg", "old@x.example"),
            call(2, 1, "+441632960002", "Ada Berg", "young@x.example"),
        ]
    )
    ask(world, "access", name, "+441632960001")
    match = Desk(world).decide("old@", "young@")
    assert ids(match) == [1] and [m.record.record_id for m in match.left_out] == ["9100000002"]


def test_a_shared_number_in_the_live_zone(world: World) -> None:
    """Records that arrived, and bodies that wait: his stay, and what the number alone leads to is
    left and told.
    """
    world.redact([call(1, 18078, "+441632960555")])  # makes the store
    (world.root / "policy.yaml").write_text(POLICY)
    (world.root / "calls").mkdir()
    made = LiveWorld(world, (human(1), human(2)), {})
    for record in couple():
        made.post(record["id"], json.dumps(record).encode())
    made.watch()
    late = {
        "his": call(14, 18078, LINE, "Piet Vexley", "piet.vexley@post.example"),
        "nobody's": call(15, 18078, LINE),
    }
    for name, record in late.items():
        made.post(name, json.dumps(record).encode())
    ask(world, "erasure", LINE)
    match, _ = search_request(world.options(0.2), "R")
    assert len(match.undecided) == 3 and {m.record.record_class for m in match.records} == {"live"}
    digests = {
        who: {
            t
            for i in parse_identifier(f"{who}.vexley@post.example")
            for t in identifier_tokens(world.keys, i).values()
        }
        for who in ("nora", "piet")
    }
    names = {who: [p.name for p in match.proposed if p.token in digests[who]] for who in digests}
    match, _ = search_request(
        world.options(0.3), "R", confirmed=names["nora"], rejected=names["piet"]
    )
    assert ids(match) == [11, 12] and len(match.left_out) == 1 and not match.undecided
    done = erase_request(world.options(1), "R").certified
    assert done is not None and done.residual_hits == 0
    left = {
        n: bool(urls_held(made.live, InteractionKey("18078", f"91000000{n}"))) for n in (11, 12, 13)
    }
    assert left == {11: False, 12: False, 13: True}
    assert all(json.loads(made.body(name)) == record for name, record in late.items())
    told = RequestRegister(world.store, world.keys).get("R").systems_not_executed
    assert [t for t in told if t.startswith("inbox: 2 were left alone")] and find_live(
        world.files, world.output, digests["piet"]
    )


def lena(account: int, number: int) -> dict[str, Any]:
    """A call of one person to one of several companies."""
    return call(number, account, "+16045550351", "Lena Ostrow", "lena.ostrow@mail.example")


def test_a_request_touches_its_own_controller_only(world: World, tmp_path: Path) -> None:
    world.redact([lena(18013, 51), lena(18026, 52), lena(18052, 53)])
    asked = ("access", "lena.ostrow@mail.example")
    with pytest.raises(RegisterError, match=r"3 controllers \(18013, 18026, 18052\).*--account"):
        ask(world, *asked)
    ask(world, *asked, account="18013")
    match, _ = Desk(world).look()
    assert {m.record.account_id for m in match.records} == {"18013"} and all(
        "18026" not in p.reason for p in match.proposed
    )
    text = packaged(world, tmp_path / "a.zip")
    assert "9100000051" in text and not [
        w for w in ("18026", "18052", "9100000052", "9100000053") if w in text
    ]
    with pytest.raises(RegisterError, match="stays so"):
        bind_request(world.options(1), "R", "18026", "")
    done = erase_request(world.options(2), "R").certified
    assert (
        done
        and done.residual_hits == 0
        and sorted(r["account_id"] for r in world.rows("interactions")) == ["18026", "18052"]
    )
    ask(world, "restriction", "lena.ostrow@mail.example", request="S", account="18026")
    search_request(world.options(2.1), "S")
    restrict_request(world.options(2.2), "S")
    ask(world, "erasure", "lena.ostrow@mail.example", request="T", account="18052")
    search_request(world.options(2.3), "T")
    erase_request(world.options(2.4), "T")
    assert [
        f for f in world.store.current().files if f.path.endswith("aside.sealed")
    ]  # another controller's restriction stands


def test_an_agency_answers_for_its_subaccounts(world: World) -> None:
    accounts = world.root / "accounts.jsonl"
    told = [
        ("9", "agency", ""),
        ("41", "individual", "9"),
        ("42", "individual", "9"),
        ("50", "individual", ""),
    ]
    accounts.write_text(
        "".join(
            f'{{"account_id":"{a}","type":"{kind}","agency_id":"{above}"}}\n'
            for a, kind, above in told
        )
    )
    world.redact([lena(41, 1), lena(42, 2), lena(50, 3)], accounts=[str(accounts)])
    ask(world, "access", "lena.ostrow@mail.example", request="A", agency="9")
    ask(world, "access", "lena.ostrow@mail.example", request="B", account="42")
    assert ids(search_request(world.options(0.2), "A")[0]) == [1, 2] and ids(
        search_request(world.options(0.2), "B")[0]
    ) == [2]
    with pytest.raises(RegisterError, match="belongs to 9"):
        ask(world, "access", "lena.ostrow@mail.example", request="C", agency="41")


def test_a_second_person_approves_where_the_policy_asks_for_it(tmp_path: Path) -> None:
    world = World(tmp_path / "world", policy=PLAIN + "requests: {four_eyes: true}\n")
    world.redact([lena(41, 1)])
    ask(world, "erasure", "lena.ostrow@mail.example")
    with pytest.raises(RegisterError, match="nobody has searched"):
        approve_search(world.options(0.2), "R", "second")
    search_request(world.options(0.3), "R")
    for step in (
        lambda: packaged(world, tmp_path / "a.zip"),
        lambda: erase_request(world.options(1), "R"),
    ):
        with pytest.raises(RegisterError, match="callveil subject approve --request R --by NAME"):
            step()
    with pytest.raises(RegisterError, match="another person"):
        approve_search(world.options(0.4), "R", " Officer")
    approve_search(world.options(0.4), "R", "second")
    search_request(world.options(0.5), "R")  # what was approved is not what is there now
    with pytest.raises(RegisterError, match="approve"):
        erase_request(world.options(1), "R")
    approve_search(world.options(0.6), "R", "second")
    assert packaged(world, tmp_path / "b.zip")
    erase_request(world.options(2), "R")
    assert world.rows("interactions") == []


def test_roles_bind_requests_and_retention(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.redact([lena(18013, 51), lena(18026, 52)])
    for request, account in (("R", "18013"), ("S", "18026")):
        ask(world, "access", "lena.ostrow@mail.example", request=request, account=account)
    roles = world.root / "roles.yaml"
    roles.write_text(
        f"version: 1\nroles:\n  hotel: {{reports: all, accounts: ['18013']}}\npeople: "
        f"{{{current_user()}: hotel}}\n"
    )
    place = ["--store", world.output, "--keyring", world.keyring, "--roles", str(roles)]
    assert main(["subject", "status", *place]) == DONE
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["R"]
    assert main(["subject", "search", *place, "--request", "R"]) == DONE
    for words in (
        ["subject", "search", "--request", "S"],
        ["subject", "status", "--request", "S"],
        ["subject", "erase", "--request", "S", "--dry-run"],
        [
            "subject",
            "open",
            "--type",
            "access",
            "--identifier",
            "a@x.example",
            "--account",
            "18026",
        ],
        ["subject", "erase", "--returned"],
        ["subject", "restrict", "--request", "S", "--lift"],
        ["subject", "close", "--request", "S", "--decision", "withdrawn"],
        ["subject", "index"],
        ["retain", "run"],
        ["retain", "plan", "--out", str(world.root / "plan")],
        ["retain", "explain", "--record", "interactions/18026/9100000052"],
    ):
        assert main([*words[:2], *place, *words[2:]]) == USAGE, words
        assert "role hotel" in capsys.readouterr().err
    with pytest.raises(NotAllowed):
        search_request(world.options(1, role=Role("cars", frozenset({"history"}), None)), "R")
