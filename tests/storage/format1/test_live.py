"""The live zone: receipts commit once, whoever comes; objects are settled once all they held has
its receipt.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from callveil.schemas.arrival import Arrival
from callveil.schemas.interaction import InteractionKey
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.live import Ledger, Live

KEY = InteractionKey("17", "9007199254740993")


@pytest.fixture
def live(tmp_path):
    return Live(Files(), str(tmp_path / "store"))


def receipt(what="record", rank=1, **more):
    return {
        "what": what,
        "account_id": KEY.account_id,
        "id": KEY.id,
        "rank": rank,
        "status": "done",
        "object": "o",
        **more,
    }


def test_of_many_that_publish_one_wins(live):
    with ThreadPoolExecutor(8) as pool:
        won = list(
            pool.map(
                lambda n: live.commit(KEY, "audio", receipt("audio", file=f"audio-{n}")), range(8)
            )
        )
    assert won.count(True) == 1
    assert live.receipt(KEY, "audio")["file"] == f"audio-{won.index(True)}"


def test_the_same_receipt_again_counts_as_published(live):
    assert live.commit(KEY, "audio", receipt("audio"))
    assert live.commit(KEY, "audio", receipt("audio"))


def test_only_a_later_snapshot_takes_a_receipts_place(live):
    live.commit(KEY, "record", receipt(rank=5))
    assert live.supersede(KEY, receipt(rank=5, file="x")) is None
    assert live.supersede(KEY, receipt(rank=4)) is None
    assert live.supersede(KEY, receipt(rank=6))["rank"] == 5
    assert live.receipt(KEY, "record")["rank"] == 6


@pytest.mark.parametrize(
    "key",
    [
        ("17", ".."),
        ("..", "."),
        ("a/b", "c?d"),
        ("17", "x" * 500),
        ("", "1"),
        ("17", "Ünï"),
        ("17", ".json"),
    ],
)
def test_any_id_gets_a_folder_of_its_own_inside_the_zone(live, key, tmp_path):
    other = InteractionKey(key[0] + "z", key[1])
    assert live.commit(InteractionKey(*key), "record", receipt()) if key[0] else True
    assert live.folder(InteractionKey(*key)) != live.folder(other)
    assert all(p.is_relative_to(tmp_path / "store" / "live") for p in tmp_path.rglob("*.json"))


def test_an_object_is_settled_once_every_key_has_a_receipt_as_late_as_its_snapshot(live):
    arrival = Arrival("s3://b/x.jsonl", "e", 3, 1.0)
    assert not live.settled(arrival)
    live.note(arrival, Ledger("record", (("17", "1", 4), ("17", "2", 1))))
    assert not live.settled(arrival)
    live.commit(InteractionKey("17", "1"), "record", receipt(rank=3))
    live.commit(InteractionKey("17", "2"), "record", receipt(rank=1))
    assert not live.settled(arrival)  # the receipt is of an earlier snapshot
    live.supersede(InteractionKey("17", "1"), receipt(rank=4))
    assert live.settled(arrival)
    assert live.noted() == {arrival.object_id}


def test_other_content_under_the_same_name_is_another_object(live):
    one, other = Arrival("s3://b/x.wav", "e1", 3, 1.0), Arrival("s3://b/x.wav", "e2", 3, 1.0)
    live.note(one, Ledger("audio", (), 1, "unknown_file"))
    assert live.settled(one)
    assert not live.settled(other)
