"""Every form of a transcript tells the same call. All people and numbers are made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import transcript_forms

from callveil.schemas.fields import FieldError
from callveil.schemas.interaction import SourceRef
from callveil.schemas.policy import InputLimits
from callveil.transforms.ingest.normalise import normalize_interaction
from callveil.transforms.ingest.transcripts import ADAPTERS, read_transcript
from callveil.transforms.ingest.transcripts.captions import read_captions, read_text
from callveil.transforms.ingest.transcripts.plausible import plausible_times

Form = Callable[[], Any]
EVERY = (
    *transcript_forms.WITH_CHANNELS,
    *transcript_forms.WITH_WORDS,
    *transcript_forms.TURNS_ONLY,
)


def record(transcript: Any, **members: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    doc = {
        "id": 1,
        "account_id": 2,
        "unix_time": 1793000000,
        "transcription": transcript,
        **members,
    }
    made = normalize_interaction(doc, SourceRef("f", 1, 0), InputLimits())
    return made.record, made.notes


def named(form: Form) -> str:
    return form.__name__


@pytest.mark.parametrize("form", EVERY, ids=named)
@pytest.mark.parametrize("as_text", [False, True])
def test_the_same_turns_are_read_from_every_form(form: Form, as_text: bool) -> None:
    doc = form()
    got, notes = record(json.dumps(doc) if as_text and not isinstance(doc, str) else doc)
    turns = [(t["text"].rstrip(".").lower(), t["s"], t["e"]) for t in got["outline"]]
    whole = [
        (" ".join(w for w, _, _ in words), words[0][1], words[-1][2])
        for _, words in transcript_forms.TURNS
    ]
    if form is transcript_forms.hugging_face:  # words without a party, and no pause among them
        assert " ".join(t for t, _, _ in turns) == " ".join(t for t, _, _ in whole)
    else:
        assert turns == whole
    assert "transcription_text" not in got and not notes


@pytest.mark.parametrize(
    "form", [*transcript_forms.WITH_CHANNELS, *transcript_forms.WITH_WORDS], ids=named
)
def test_the_same_words_are_read_from_every_form(form: Form) -> None:
    got, _ = record(form())
    words = [(w["word"].rstrip("."), w["s"], w["e"]) for w in got["words"]]
    assert words == [w for _, said in transcript_forms.TURNS for w in said]


@pytest.mark.parametrize("form", transcript_forms.WITH_CHANNELS, ids=named)
def test_channels_come_from_the_form(form: Form) -> None:
    got, _ = record(form())
    assert [t["channel"] for t in got["outline"]] == [c for c, _ in transcript_forms.TURNS]
    assert [w["channel"] for w in got["words"]] == [
        c for c, said in transcript_forms.TURNS for _ in said
    ]


@pytest.mark.parametrize(
    "form",
    [
        transcript_forms.watson,
        transcript_forms.rev,
        transcript_forms.nemo,
        transcript_forms.gong,
        transcript_forms.assembly,
        transcript_forms.teams,
    ],
    ids=named,
)
def test_speakers_are_told_apart(form: Form) -> None:
    labels = [t["speaker"] for t in record(form())[0]["outline"]]
    assert labels[0] == labels[2] != labels[1] == labels[3]


@pytest.mark.parametrize("form", EVERY, ids=named)
def test_what_no_turn_says_is_kept(form: Form) -> None:
    doc = form()
    if isinstance(doc, str):
        pytest.skip("captions hold nothing else")
    holder = doc[0] if isinstance(doc, list) else doc
    holder["comment"] = "Zelda asked for this"
    assert "Zelda asked for this" in json.dumps(record(doc)[0]["extra"])


@pytest.mark.parametrize("form", EVERY, ids=named)
def test_one_adapter_knows_a_form(form: Form) -> None:
    doc = form()
    if isinstance(doc, str):
        assert read_text(doc) is not None
        return
    first = next(a for a in ADAPTERS if a.recognise(doc))
    assert type(first).__name__ not in ("Whisper", "Platform")


@pytest.mark.parametrize(
    "more",
    [7, "Zelda", {"a": "Zelda"}, [{"Transcript": {"Content": "Zelda"}}], [{"Transcript": "Zelda"}]],
)
@pytest.mark.parametrize("live", [True, False])
def test_segments_that_are_no_turns_are_kept(more: Any, live: bool) -> None:
    doc = transcript_forms.contact_lens_live()
    said = [s["Transcript"] for s in doc["Segments"]]
    if live:
        doc["Segments"] += [more]
    else:
        doc = {"Transcript": said, "Segments": more}
    got, _ = record(doc)
    assert len(got["outline"]) == len(said)
    assert json.dumps(more) in json.dumps(got["extra"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.data(), st.sampled_from([f for f in EVERY if not isinstance(f(), str)]))
def test_a_form_with_a_fault_is_refused_or_read_and_loses_no_text(
    data: st.DataObject, form: Form
) -> None:
    doc = form()
    holder = doc
    for _ in range(data.draw(st.integers(1, 6))):
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(holder[key], dict | list) or not holder[key]:
            break
        holder = holder[key]
    else:
        key = data.draw(
            st.sampled_from(list(holder) if isinstance(holder, dict) else list(range(len(holder))))
        )
    holder[key] = data.draw(VALUES)
    try:
        read_transcript(doc)
    except FieldError as e:
        assert e.path


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        (
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<v.loud Ann Roe>hi</v> <v Bo>yo</v>",
            [("Ann Roe", "hi"), ("Bo", "yo")],
        ),
        (
            "WEBVTT - call\n\nSTYLE\n::cue{}\n\n00:01.000 --> 00:02.000\n<i>a &amp; b</i>",
            [(None, "a & b")],
        ),
        ("\ufeff1\r\n00:00:01,5 --> 00:00:02,000\r\ntwo\r\nlines\r\n", [(None, "two\nlines")]),
        ("WEBVTT\n\n1:00:01.000 --> 1:00:02.000\nnote: this", [("note", "this")]),
    ],
)
def test_captions(text: str, turns: list[tuple[str | None, str]]) -> None:
    found = read_captions(text)
    assert found is not None and [(t["speaker"], t["text"]) for t in found.outline] == turns


@pytest.mark.parametrize(
    "text",
    [
        "a --> b",
        "we go --> there\n\nand back",
        "WEBVTT",
        "1\n00:00:01,000 --> 00:00:02,000\nhi\n\nand this is a letter",
    ],
)
def test_what_is_no_caption_file_stays_a_text(text: str) -> None:
    assert read_captions(text) is None
    assert record(text)[0]["transcription_text"] == text


def rows(*times: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [
        {"word": f"word{n}", "text": f"word{n}", "s": s, "e": e} for n, (s, e) in enumerate(times)
    ]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ([(1.0, 1.5), (1.52, 1.5), (1.6, 3.0)], [(1.0, 1.5), (None, None), (1.6, 3.0)]),
        ([(1.7, 1.7), (1.7, 2.0)], [(None, None), (1.7, 2.0)]),
        ([(0, 0), (0, 0)], [(None, None), (None, None)]),
        ([(4.0, 9.0)] * 3, [(None, None)] * 3),
        ([(-0.02, 0.4), (0.5, 0.9)], [(0.0, 0.4), (0.5, 0.9)]),
        ([(-30.0, 0.4), (0.5, 0.9)], [(None, None), (0.5, 0.9)]),
        ([(1e9, 1e9 + 1), (0.5, 0.9)], [(None, None), (0.5, 0.9)]),
        ([(200, 420), (450, 670), (700, 920)], [(0.2, 0.42), (0.45, 0.67), (0.7, 0.92)]),
        ([(1, 2), (3, 5), (9, 14)], [(1, 2), (3, 5), (9, 14)]),
        ([(None, None), (None, 2.0)], [(None, None), (None, 2.0)]),
    ],
)
def test_times_of_words_are_trusted_where_they_can_be(
    given: list[tuple[Any, Any]], left: list[tuple[Any, Any]]
) -> None:
    words = rows(*given)
    doubted = plausible_times([], words)
    assert [(w["s"], w["e"]) for w in words] == left
    assert doubted == (
        ["words"] if any(w == (None, None) != g for w, g in zip(left, given, strict=True)) else []
    )


def shared(
    words: list[str], start: float, seconds: float, weights: list[float]
) -> list[dict[str, Any]]:
    """Words among which the seconds of a turn are shared out."""
    ends = [start + seconds * sum(weights[: n + 1]) / sum(weights) for n in range(len(words))]
    return [
        {"word": w, "s": round(a, 3), "e": round(b, 3), "channel": 1}
        for w, a, b in zip(words, [start, *ends], ends, strict=False)
    ]


SAID = ["my", "name", "is", "Ostrander", "on", "Kelvington", "Row"]


@pytest.mark.parametrize(
    "weights", [[1.0] * 7, [float(len(w)) for w in SAID], [len(w) + 1.0 for w in SAID]]
)
def test_words_among_which_a_turn_was_shared_out_have_all_of_its_time(weights: list[float]) -> None:
    others = [{"word": "right", "s": 2.0, "e": 2.3, "channel": 2}]
    words = [*shared(SAID, 1.0, 3.5, weights)[:3], *others, *shared(SAID, 1.0, 3.5, weights)[3:]]
    assert plausible_times([], words) == ["words"]
    assert {(w["s"], w["e"]) for w in words if w["channel"] == 1} == {(1.0, 4.5)} and others[0][
        "e"
    ] == 2.3


@pytest.mark.parametrize(
    "weights",
    [
        [2, 3, 2, 7, 2, 8, 3],
        [1.0, 1.2, 1.0, 1.1, 1.0, 1.0, 1.1],
        [1.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0],
    ],
)
def test_words_that_were_heard_keep_their_times(weights: list[float]) -> None:
    words = shared(SAID, 1.0, 3.5, weights)
    assert plausible_times([], words) == [] and words == shared(SAID, 1.0, 3.5, weights)
    digits = shared(["four", "one", "five", "five"], 1.0, 1.2, [1.0] * 4)
    assert plausible_times([], digits) == []


def test_milliseconds_of_turns_without_words_are_told_or_left_out() -> None:
    got, _ = record(
        {
            "text": "My name is Marla",
            "utterances": [
                {"speaker": "A", "text": "My name is Marla.", "start": 100, "end": 1500}
            ],
        }
    )
    assert [(t["s"], t["e"]) for t in got["outline"]] == [(0.1, 1.5)]
    got, notes = record(
        {
            "utterances": [
                {"speaker": "Marla", "text": "My name is Marla.", "start": 100, "end": 1500}
            ]
        }
    )
    assert "s" not in got["outline"][0] and notes == ("times.outline",)
