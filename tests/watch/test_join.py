"""The join of a recording and its record, against an oracle that looks at all pieces at once."""

from hypothesis import given
from hypothesis import strategies as st

from callveil.transforms.watch.join import Gathered, due_at, gather, ready, verdict
from callveil.transforms.watch.pieces import Piece, key_of, key_text

pieces = st.builds(
    Piece,
    sort=st.sampled_from(["recording", "record"]),
    object_id=st.sampled_from("abcd"),
    url=st.just("u"),
    etag=st.just("e"),
    place=st.integers(0, 2),
    landed_at=st.integers(0, 20).map(float),
    rank=st.integers(0, 3),
    complete=st.booleans(),
    alone=st.booleans(),
    sealed=st.binary(max_size=3),
).map(lambda p: p._replace(rank=0, complete=True, sealed=b"", place=0) if p.sort == "recording" else p)


@given(pieces)
def test_a_piece_survives_its_encoding(piece):
    assert Piece.decoded(piece.encoded()) == piece


@given(st.text(max_size=9), st.text(max_size=9))
def test_a_key_survives_its_text(account, key):
    assert tuple(key_of(key_text((account, key)))) == (account, key)  # type: ignore[arg-type]


@given(st.lists(pieces, min_size=1, max_size=6), st.integers(0, 40), st.integers(0, 10), st.randoms())
def test_the_verdict_agrees_with_all_pieces_at_once(found, now, wait, random):
    recordings = [p for p in found if p.sort == "recording"]
    records = [p for p in found if p.sort == "record"]
    shuffled = list(found)
    random.shuffle(shuffled)
    held = gather(shuffled)
    # Of the pieces, the one that holds: the latest snapshot, the recording that landed first.
    assert (held.recording is None) == (not recordings)
    assert (held.record is None) == (not records)
    if recordings:
        assert held.recording.landed_at == min(p.landed_at for p in recordings)
    if records:
        assert held.record.rank == max(p.rank for p in records)
    kept = [p for p in (held.recording, held.record) if p]
    if recordings and records and held.record.complete:
        expected = "joined"
    elif any(p.alone for p in kept):
        expected = "alone"
    elif now >= min(p.landed_at for p in kept) + wait:
        expected = "waited"
    else:
        expected = None
    assert verdict(held, now, wait) == expected


@given(st.lists(pieces, min_size=2, max_size=6), st.randoms())
def test_the_order_of_pieces_makes_no_difference(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    one, other = gather(found), gather(shuffled)
    for a, b in ((one.recording, other.recording), (one.record, other.record)):
        assert (a is None) == (b is None)
        if a and b:
            assert a[:-1] == b[:-1] or (a.rank, a.alone, a.landed_at, a.object_id, a.place) == (b.rank, b.alone, b.landed_at, b.object_id, b.place)


def test_what_waits_is_due_once_the_first_piece_has_waited():
    record = Piece("record", "a", "u", "e", 0, 100.0, 1, True, False)
    assert ready(Gathered(None, record)) is None
    assert due_at(Gathered(None, record), 60) == 160
    assert verdict(Gathered(None, record), 159.9, 60) is None
    assert verdict(Gathered(None, record), 160, 60) == "waited"
