"""Key and kind of an object, as its name tells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.interaction import InteractionKey
from callveil.transforms.jobs.streaming.object_names import (
    NamingError,
    RecordingNaming,
    object_kind,
    suffix_of,
)


@pytest.mark.parametrize(
    ("pattern", "url", "key"),
    [
        (
            "{account_id}/{id}",
            "s3://raw/recordings/17/9007199254740993.wav",
            ("17", "9007199254740993"),
        ),
        ("{account_id}/{id}", "/in/17/RE12.mp3", ("17", "RE12")),
        ("{account_id}/{id}", "17/9.WAV", ("17", "9")),
        ("{account_id}/{id}", "s3://bucket/9.wav", None),  # a bucket is no account
        ("{account_id}/{id}", "9.wav", None),
        ("{account_id}/{id}", "/in/17/9.v2.wav", ("17", "9.v2")),
        ("rec_{account_id}_{id}", "s3://b/2026/11/rec_17_9.ogg", ("17", "9")),
        ("rec_{account_id}_{id}", "s3://b/2026/11/old_rec_17_9.ogg", None),
        ("{account_id}/*/{id}", "s3://b/17/2026-11-24/9.flac", ("17", "9")),
        ("{id}@{account_id}", "/in/9@17.m4a", ("17", "9")),
    ],
)
def test_keys(pattern, url, key):
    assert RecordingNaming(pattern).key_of(url) == (InteractionKey(*key) if key else None)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "{id}",
        "{account_id}",
        "{account_id}{id}",
        "{account_id}*{id}",
        "{id}/{id}/{account_id}",
        "**{account_id}/{id}",
    ],
)
def test_patterns_that_say_nothing_are_refused(pattern):
    with pytest.raises(NamingError):
        RecordingNaming(pattern)


@pytest.mark.parametrize(
    ("url", "sort"),
    [
        ("a/1.wav", "recording"),
        ("a/1.MP3", "recording"),
        ("a/1.json", "records"),
        ("a/1.jsonl.gz", "records"),
        ("a/1.parquet", "records"),
        ("in/ab.sealed", "records"),
        ("a/1.txt", "records"),
        ("a/wav", "records"),
        ("a/1", "records"),
    ],
)
def test_sorts(url, sort):
    assert object_kind(url) == sort


ids = st.text(st.characters(codec="ascii", categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=12)


@given(
    account=ids,
    key=ids,
    folder=st.sampled_from(["", "x/", "s3://b/", "s3://b/x/y/", "/in/"]),
    suffix=st.sampled_from([".wav", ".opus"]),
)
def test_a_name_made_by_the_pattern_reads_back(account, key, folder, suffix):
    assert RecordingNaming().key_of(f"{folder}{account}/{key}{suffix}") == InteractionKey(
        account, key
    )
    assert RecordingNaming("{account_id}-{id}").key_of(
        f"{folder}{account}-{key}{suffix}"
    ) == InteractionKey(account, key)


def test_a_hidden_name_has_no_suffix():
    assert suffix_of("a/.wav") == ""
