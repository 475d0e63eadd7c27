"""The join of a recording and its record, against an oracle that looks at all pieces at once."""

from hypothesis import given
from hypothesis import strategies as st

from callveil.transforms.jobs.streaming.halves import InteractionPart, key_text, parse_key_text
from callveil.transforms.jobs.streaming.pair import (
    InteractionParts,
    collect_parts,
    due_reason,
    growing_recordings,
    ready_reason,
    settled_at,
    waiting_ends_at,
)

pieces = st.builds(
    InteractionPart,
    sort=st.sampled_from(["recording", "record", "transcript"]),
    object_id=st.sampled_from("abcd"),
    url=st.sampled_from("uv"),
    etag=st.just("e"),
    place=st.integers(0, 2),
    landed_at=st.integers(0, 20).map(float),
    rank=st.integers(0, 3),
    complete=st.booleans(),
    alone=st.booleans(),
    cut=st.booleans(),
    sealed=st.binary(max_size=3),
).map(
    lambda p: (
        p._replace(rank=0, complete=True, sealed=b"", place=0)
        if p.sort == "recording"
        else p._replace(cut=False)
    )
)


@given(pieces)
def test_a_piece_survives_its_encoding(piece):
    assert InteractionPart.decoded(piece.encoded()) == piece


@given(st.text(max_size=9), st.text(max_size=9))
def test_a_key_survives_its_text(account, key):
    assert tuple(parse_key_text(key_text((account, key)))) == (account, key)  # type: ignore[arg-type]


@given(
    st.lists(pieces, min_size=1, max_size=6),
    st.integers(0, 60),
    st.integers(0, 10),
    st.integers(0, 10),
    st.randoms(),
)
def test_the_verdict_agrees_with_all_pieces_at_once(found, now, wait, settle, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    held = collect_parts(shuffled)
    # Of the pieces, those that hold: the latest snapshot, the newest transcript, of each file's
    # recording the newest content.
    newest: dict[str, list[InteractionPart]] = {}
    for piece in found:
        if piece.sort == "recording":
            newest.setdefault(piece.url, []).append(piece)
    assert {p.url: p.landed_at for p in held.recordings} == {
        url: max(p.landed_at for p in same) for url, same in newest.items()
    }
    assert [p.landed_at for p in held.recordings] == sorted(p.landed_at for p in held.recordings)
    records, transcripts = (
        [p for p in found if p.sort == sort] for sort in ("record", "transcript")
    )
    assert (held.record is None, held.transcript is None) == (not records, not transcripts)
    if records:
        assert held.record.rank == max(p.rank for p in records)
    if transcripts:
        assert held.transcript.landed_at == max(p.landed_at for p in transcripts)
    if any(p.cut and now < p.landed_at + settle for p in held.recordings):
        expected = None
    elif held.recordings and (held.transcript or (held.record and held.record.complete)):
        expected = "joined"
    elif any(p.alone for p in held.pieces):
        expected = "alone"
    else:
        expected = "waited" if now >= min(p.landed_at for p in held.pieces) + wait else None
    assert due_reason(held, now, wait, settle) == expected


@given(st.lists(pieces, min_size=2, max_size=6), st.randoms())
def test_the_order_of_pieces_makes_no_difference(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    one, other = collect_parts(found), collect_parts(shuffled)
    told = [
        [(p.url, p.landed_at, p.object_id, p.alone) for p in held.recordings]
        for held in (one, other)
    ]
    assert told[0] == told[1]
    for a, b in ((one.record, other.record), (one.transcript, other.transcript)):
        assert (a is None) == (b is None)
        if a and b:
            assert (a.alone, a.landed_at, a.object_id) == (b.alone, b.landed_at, b.object_id)
            assert a.sort == "transcript" or (a.rank, a.place) == (b.rank, b.place)


def test_what_waits_is_due_once_the_first_piece_has_waited():
    record = InteractionPart("record", "a", "u", "e", 0, 100.0, 1, True, False)
    assert ready_reason(InteractionParts((), record)) is None
    assert waiting_ends_at(InteractionParts((), record), 60) == 160
    assert due_reason(InteractionParts((), record), 159.9, 60) is None
    assert due_reason(InteractionParts((), record), 160, 60) == "waited"


def test_what_may_grow_is_held_on_and_what_was_cut_is_waited_for():
    whole = InteractionPart("recording", "a", "u", "e", 0, 100.0, 0, True, False)
    cut = InteractionPart("recording", "b", "v", "e", 0, 120.0, 0, True, False, cut=True)
    held = collect_parts(
        [whole, cut, InteractionPart("transcript", "t", "w", "e", 0, 90.0, -1, True, False)]
    )
    assert settled_at(held, 60) == 180
    assert due_reason(held, 179.9, 0, 60) is None
    assert due_reason(held, 180, 900, 60) == "joined"
    assert growing_recordings(held, 159, 60).recordings == (whole._replace(alone=True),)
    assert not growing_recordings(held, 160, 60).pieces
