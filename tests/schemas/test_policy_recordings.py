"""The `recordings` section: what a file may say, and what it comes to."""

import pytest

from callveil.schemas.policy import PolicyError
from callveil.schemas.policy_load import load_policy, parse_policy
from callveil.schemas.recording_settings import RecordingSettings


def test_defaults_and_layers():
    assert load_policy("gdpr").recordings == RecordingSettings()
    said = "mode: beep, wait_seconds: 60, align: false, keypad: false, original: seal, video: copy"
    policy = parse_policy(f"version: 1\nextends: gdpr\nrecordings: {{{said}}}\n")
    assert policy.recordings == RecordingSettings(
        "beep", "own", 0.1, 60.0, align=False, keypad=False, original="seal", video="copy"
    )
    assert parse_policy(policy.effective_yaml()).recordings == policy.recordings


def test_it_changes_the_digest_only_where_it_is_given():
    bare = parse_policy("version: 1\nname: p\nextends: gdpr\n")
    told = parse_policy("version: 1\nname: p\nextends: gdpr\nrecordings: {mode: tone}\n")
    assert bare.sha256 != told.sha256
    assert "recordings" not in bare.effective_yaml()
    assert parse_policy(told.effective_yaml()).recordings == told.recordings


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("recordings: {mode: hum}", "recordings.mode"),
        ("recordings: {wait_seconds: -1}", "recordings.wait_seconds"),
        ("recordings: {padding_seconds: 61}", "recordings.padding_seconds"),
        ("recordings: {align: sometimes}", "recordings.align"),
        ("recordings: {waits: 3}", "recordings.waits"),
        ("recordings: {original: burn}", "recordings.original"),
        ("recordings: {video: blur}", "recordings.video"),
    ],
)
def test_mistakes_are_named(text, field):
    with pytest.raises(PolicyError) as caught:
        parse_policy(f"version: 1\nextends: gdpr\n{text}\n")
    assert [p.field for p in caught.value.problems] == [field]
    assert caught.value.problems[0].line == 3
