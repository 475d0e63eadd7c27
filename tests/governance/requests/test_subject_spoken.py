"""A search finds numbers however they were said, also in stores that an earlier callveil wrote;
where it may not, it says so.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.people_world import World

from callveil.pipelines.cli import main
from callveil.pipelines.exits import DONE, USAGE
from callveil.pipelines.subject import index_records, search_request
from callveil.pipelines.subject_register import SubjectOptions
from callveil.transforms.storage.identity import record_identifiers
from callveil.transforms.storage.identity.spoken_identifiers import numbers_in_run

DIALOGUES = [
    ["C: my sister can be reached at four one five five five five zero five zero one"],
    ["A: what is her number", "C: it is four one five five five five zero five zero two"],
    [
        "A: what is her number",
        "C: it is four one five five five five zero five zero three",
        "A: four one five five five five zero five zero three thanks",
    ],
    [
        "A: what is her number",
        "C: it is four one five five five five zero five zero four",
        "A: so four one five five five five zero five zero four",
        "C: yes",
    ],
    [
        "A: what is her number",
        "C: it is four one five five five five",
        "A: okay",
        "C: zero five zero five",
    ],
    ["A: what is her number", "C: it is 415 555 0506", "A: 415 555 0506 thanks"],
    ["A: what is her number", "C: it is 415 555", "A: yes", "C: 0507"],
    [
        "A: what is her number",
        "C: it is four one five five five five oh five oh eight",
        "A: got it",
    ],
    [
        "A: what number is best for you",
        "C: you can ring me on four one five five five five zero five zero nine",
        "A: four one five five five five zero five zero nine right",
        "C: yes",
    ],
]


def call(number: int, said: list[str]) -> dict[str, Any]:
    """A call of somebody else in which number 050`number` is said."""
    outline = [
        {
            "speaker": "Agent" if t[0] == "A" else "Caller",
            "channel": 2 if t[0] == "A" else 1,
            "text": t[3:],
            "s": 4.0 * n,
            "e": 4.0 * n + 3,
        }
        for n, t in enumerate(said)
    ]
    return {
        "id": 9_200_000_000 + number,
        "account_id": 65,
        "kind": "call",
        "direction": "inbound",
        "called_at": "2026-10-20T10:00:00Z",
        "duration": 60,
        "status": "answered",
        "language": "en",
        "country": "US",
        "caller_number": f"+1415555060{number}",
        "outline": outline,
    }


RECORDS = [call(n, said) for n, said in enumerate(DIALOGUES, 1)]


def found(
    world: World, text: str, request_id: str
) -> tuple[list[str], tuple[str, ...], SubjectOptions]:
    """Records in which a number is found, and what the search says it did not read."""
    world.ask("access", text, request_id=request_id)
    match, _ = search_request(world.options(1), request_id)
    return [m.record.record_id for m in match.records], match.not_read, world.options(1)


def test_nine_of_nine(world: World) -> None:
    world.redact(RECORDS)
    for n, record in enumerate(RECORDS, 1):
        assert found(
            world, (f"+1415555050{n}", f"001 415 555 050{n}", f"(415) 555-050{n}")[n % 3], f"R{n}"
        )[:2] == ([str(record["id"])], ())


READ_BACK = {
    "+441632960911": [
        ["A: what is her number", "C: my sister is on 0044 1632 960911"],
        ["A: what is her number", "C: 011 44 1632 960911"],
        [
            "A: what is your number",
            "C: zero one six three two",
            "A: zero one six three two",
            "C: nine six zero nine one one",
            "A: nine six zero nine one one",
        ],
        [
            "A: what is your number",
            "C: oh one six three two",
            "A: oh one six three two",
            "C: nine six oh",
            "A: nine six oh",
            "C: nine double one",
        ],
        [
            "A: what is your number",
            "C: oh one six three two",
            "A: sorry",
            "C: oh one six three two",
            "A: yes",
            "C: nine six oh nine double one",
        ],
    ],
    "ivo.kern@mail.example": [
        ["A: is it still ivo dot kern at mail dot example", "C: yes"],
        ["A: what is your e-mail", "C: I V O dot K E R N at mail dot example"],
        ["A: what is your e-mail", "C: ivo.kern at mail.example"],
        [
            "A: what is your e-mail",
            "C: ivo dot kern",
            "A: ivo dot kern",
            "C: at mail dot example",
            "A: at mail dot example thanks",
        ],
    ],
}


@pytest.mark.parametrize("value", READ_BACK)
def test_values_read_back_piece_by_piece_are_found(world: World, value: str) -> None:
    calls = [call(n, said) | {"country": "GB"} for n, said in enumerate(READ_BACK[value], 10)]
    world.redact(calls)
    assert found(world, value, "R")[0] == [str(c["id"]) for c in calls]


WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
CUTS = st.lists(st.integers(2, 9), min_size=1, max_size=3, unique=True)
AGAIN = st.lists(st.sampled_from(["", "", "piece", "all", "end"]), min_size=4, max_size=4)


@given(st.from_regex(r"(415|212)[2-9][0-9]{6}|0(1632|2079)[0-9]{6}", fullmatch=True), CUTS, AGAIN)
def test_a_number_said_in_pieces_is_put_together(
    number: str, cuts: list[int], again: list[str]
) -> None:
    """However it is cut, and whether pieces, all that was said so far or the last digits are read
    back in between.
    """
    places = [0, *sorted(cuts), len(number)]
    said: list[str] = []
    for (a, b), how in zip(itertools.pairwise(places), again, strict=False):
        said.append(number[a:b])
        said += {"piece": [number[a:b]], "all": [number[:b]], "end": [number[b - 2 : b]], "": []}[
            how
        ]
    region, whole = ("GB", f"+44{number[1:]}") if number[0] == "0" else ("US", f"+1{number}")
    assert whole in numbers_in_run(
        [" ".join(WORDS[int(d)] for d in piece) for piece in said], region
    )


def test_a_store_of_before_is_noted_anew_where_its_sources_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        monkeypatch.context() as before
    ):  # as an earlier callveil wrote it: without the numbers that are said
        before.setattr(record_identifiers, "METHOD", "")
        before.setattr(record_identifiers, "_said", lambda *_: iter(()))
        before.setattr(record_identifiers, "_in_runs", lambda *_: iter(()))
        world.redact(RECORDS)
    records, not_read, _ = found(world, "+14155550504", "R")
    assert (
        records == []
        and "9 were noted by an earlier callveil" in not_read[0]
        and "--source" in not_read[0]
    )
    some = world.root / "some.jsonl"
    source = next((world.root / "in").glob("*.jsonl"))
    some.write_bytes(b"".join(source.read_bytes().splitlines(keepends=True)[:5]))
    done = index_records(world.options(2), [str(some)])[1]
    assert (done.read, done.left) == (5, 4)
    assert index_records(world.options(2), [str(some)])[1] == type(done)(0, 4)
    match, _ = search_request(world.options(3), "R")
    assert [m.record.record_id for m in match.records] == [
        "9200000004"
    ] and "4 were noted by an earlier" in match.not_read[0]
    changed = (
        world.root / "changed.jsonl"
    )  # another snapshot than the stored one says nothing of it
    changed.write_text("".join(json.dumps(r | {"duration": 61}) + "\n" for r in RECORDS))
    assert index_records(world.options(4), [str(changed)])[1].read == 0
    assert index_records(world.options(4), [str(source)])[1] == type(done)(4, 0)
    assert found(world, "+14155550509", "R9")[:2] == (["9200000009"], ())


def test_a_search_that_finds_nothing_says_what_it_tried(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world.redact(RECORDS[:1])
    place = ["--store", world.output, "--keyring", world.keyring]
    late = [*place, "--as-of", "2026-11-05T09:00:00Z"]
    assert (
        main(
            [
                "subject",
                "open",
                *late,
                "--type",
                "access",
                "--request",
                "R",
                "--identifier",
                "0415 555 0999",
            ]
        )
        == USAGE
    )
    said = capsys.readouterr().err
    assert "--region" in said and "0999" not in said
    assert (
        main(
            [
                "subject",
                "open",
                *late,
                "--type",
                "access",
                "--request",
                "R",
                "--identifier",
                "415 555 0999",
                "--region",
                "US",
            ]
        )
        == DONE
    )
    assert main(["subject", "search", *late, "--request", "R", "--no-rejected"]) == DONE
    out = capsys.readouterr().out
    assert "nothing was found" in out and "+1…99, 001…99, 0111…99, 1…99, …99 within US" in out
    assert "NOT READ: rejected: left out by --no-rejected" in out
    assert "4155550999" not in out
