"""Which account a row of the register, of the list of erased records and of certificates is of, and
whose records a store holds, told by the counts of its files.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from msgspec import UNSET
from support.people_world import NOW, World, human, interaction, version

from callveil.pipelines.subject import erase_request, search_request
from callveil.pipelines.subject_register import NewRequest, bind_request, open_request
from callveil.transforms.governance.requests.certificate import is_certificate_signed
from callveil.transforms.governance.requests.controller import accounts_in
from callveil.transforms.governance.requests.dead_letter_search import count_unowned
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity.identifiers import parse_identifier


class NotedFiles(Files):
    """Files that note what is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def open(self, url: str) -> Any:
        self.opened.append(url)
        return super().open(url)


def filled(world: World) -> World:
    """Records of accounts 41 and 42, some of them rejected."""
    rng = random.Random(5)
    records = [interaction(rng, n, human(n % 3)) for n in range(6)]
    records += [interaction(rng, 10 + n, human(3)) | {"account_id": 42} for n in range(2)]
    broken = [b'{"id": "broken', b'{"account_id": 42, "id": "b2", "called_at": 7}']
    world.redact(records, broken=broken)
    world.history([version(1, ("User", "1"), {"role": ("a", "b")}) | {"account_id": "43"}])
    return world


def not_counted(snapshot: Snapshot) -> Snapshot:
    """The state of a store from before rows were counted."""
    return replace(snapshot, files=tuple(replace(f, accounts=UNSET) for f in snapshot.files))


def test_whose_records_a_store_holds_is_told_without_reading_them(world: World) -> None:
    snapshot = filled(world).store.current()
    files = NotedFiles()
    store = Store.open(files, world.output, world.keyring)
    assert (
        accounts_in(store, snapshot) == {"41", "42", "43"} and count_unowned(store, snapshot) == 1
    )
    assert not [url for url in files.opened if url.endswith(".parquet")]
    older = not_counted(snapshot)
    assert accounts_in(store, older) == {"41", "42", "43"} and count_unowned(store, older) == 1
    assert [url for url in files.opened if url.endswith(".parquet")]


@pytest.mark.parametrize("late", [False, True], ids=["bound when opened", "bound later"])
def test_rows_of_an_erasure_name_the_account_it_is_bound_to(world: World, late: bool) -> None:
    # A store without anybody's records: what is asked for then is bound to none yet.
    if late:
        world.redact([], broken=[b'{"id": "broken'])
    else:
        filled(world)
    who = [*human(0).phones, *human(0).emails]
    request_id = world.ask("erasure", *who, account="" if late else "41").request_id
    if late:
        filled(world)
        bind_request(world.options(0.15), request_id, "41", "")
    search_request(world.options(0.2), request_id)
    erase_request(world.options(1), request_id)
    events = sorted(world.rows("subject_requests"), key=lambda r: r["seq"])
    since = next(n for n, e in enumerate(events) if e["event"] == ("bound" if late else "opened"))
    assert since == (2 if late else 0)
    assert [e["account_id"] for e in events] == [None] * since + ["41"] * (len(events) - since)
    assert {e["event"] for e in events[since:]} >= {"searched", "erased", "certified"}
    rows = world.rows("erasure_certificates")
    assert {r["account_id"] for r in rows} == {"41"}
    assert {r["account_id"] for r in world.rows("erased")} == {"41"}
    key = open_signer(world.keyring).public
    assert all(is_certificate_signed(r, key) for r in rows)
    assert not is_certificate_signed(rows[0] | {"account_id": "42"}, key)
    for name in ("erased", "erasure_certificates", "subject_requests", "interactions", "index"):
        for entry in world.store.current().by_dataset(name):
            assert entry.accounts is not UNSET and sum(entry.accounts.values()) == entry.rows


def test_rows_of_an_agencys_request_are_of_no_single_account(world: World) -> None:
    filled(world)
    found = tuple(parse_identifier(human(0).phones[0], "US"))
    new = NewRequest("access", found, NOW, "R-agency", agency="9")
    open_request(world.options(), new)
    assert [r["account_id"] for r in world.rows("subject_requests")] == [None]
    (entry,) = world.store.current().by_dataset("subject_requests")
    assert entry.accounts == {"": 1}
