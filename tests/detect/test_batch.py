"""Whole records: copies, mentions, later turns, and redacting twice. All people and numbers are
generated.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.record_redaction import Bench, content

from callveil.schemas.policy import DetectionSettings
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.resolve import accept_findings
from callveil.transforms.lab.sample.dialogues import random_dialogue
from callveil.transforms.lab.sample.people import random_person
from callveil.transforms.lab.sample.scene import random_business

QUICK = settings(max_examples=25, derandomize=True)


@pytest.fixture(scope="module")
def with_model() -> Any:
    return Detector(DetectionSettings(model="embedded"))


def record_of(seed: int) -> dict[str, Any]:
    """A generated conversation as a record with every copy a platform sends."""
    rng = random.Random(seed)
    caller, agent = random_person(rng), random_person(rng)
    turns = random_dialogue(rng, caller, agent, random_business(rng)).turns
    outline = [
        {
            "speaker": "Agent" if t.speaker == "agent" else "Caller",
            "channel": 2 if t.speaker == "agent" else 1,
            "text": t.text,
        }
        for t in turns
    ]
    return {
        "name": caller.full,
        "caller_number": caller.phone,
        "outline": outline,
        "transcription_text": "\n".join(f"{t['speaker']}: {t['text']}" for t in outline),
        "words": [{"word": w, "channel": t["channel"]} for t in outline for w in t["text"].split()],
        "summary": f"Call with {caller.first} {caller.last}.",
    }


@QUICK
@given(seed=st.integers(0, 10_000), operator=st.sampled_from(["label", "mask"]))
def test_redacting_twice_changes_nothing(redact: Bench, seed: int, operator: str) -> None:
    rules = f"entities: {{default: {{operator: {operator}}}}}"
    once = content(redact(record_of(seed), rules))
    assert content(redact(once, rules)) == once


@settings(QUICK, max_examples=6)
@given(seed=st.integers(0, 10_000))
def test_redacting_twice_changes_nothing_with_the_model(
    redact: Bench, with_model: Any, seed: int
) -> None:
    once = content(redact(record_of(seed), detector=with_model))
    assert content(redact(once, detector=with_model)) == once


@QUICK
@given(
    seed=st.integers(0, 10_000),
    more=st.sampled_from(
        [
            "okay thank you bye",
            "and what is your date of birth?",
            "no sorry, five",
            "my number is 2025550147",
        ]
    ),
)
def test_a_later_turn_uncovers_nothing(redact: Bench, seed: int, more: str) -> None:
    record = record_of(seed)
    shorter = {"outline": record["outline"]}
    longer = {"outline": [*record["outline"], {"speaker": "Caller", "channel": 1, "text": more}]}
    before, after = (_covered(redact.found(r)) for r in (shorter, longer))
    assert before <= after


def _covered(found: Any) -> set[int]:
    assert not isinstance(found, Rejected)
    text, spans = found.readings[0].view.text, found.spans[0]
    redact, _ = accept_findings(text, spans, found.job.decision.rules)
    return {i for s in redact for i in range(s.start, s.end) if text[i].isalnum()}


@QUICK
@given(seed=st.integers(0, 10_000))
def test_what_the_conversation_hides_its_copies_hide(redact: Bench, seed: int) -> None:
    found = redact.found(record_of(seed))
    assert not isinstance(found, Rejected)
    for reading, spans in zip(found.readings, found.spans, strict=True):
        if reading.copy is None or not reading.copy.exact:
            continue
        here = {i for s in spans for i in range(s.start, s.end)}
        there = {i for s in found.spans[0] for i in range(s.start, s.end)}
        assert all(
            r in here
            for p, r in zip(reading.copy.left, reading.copy.right, strict=True)
            if p in there
        )


def test_a_value_found_once_is_hidden_everywhere(redact: Bench) -> None:
    out = content(
        redact(
            {
                "outline": [
                    {"channel": 2, "text": "what is your card number"},
                    {"channel": 1, "text": "4111 1111 1111 1111"},
                    {"channel": 1, "text": "mail ziv.quon@example.com"},
                ],
                "words": [{"word": w, "channel": 1} for w in ["4111", "1111", "1111", "1111"]],
                "summary": "Card four one one one, one one one one, one one one one, one one one "
                "one; ziv dot quon at example dot com",
                "notes": {"4111111111111111": "ziv.quon@example.com", "plain": 4111111111111111},
                "call_path": [{"route_name": "to ziv.quon@example.com"}],
                "tag_list": ["4111-1111-1111-1111"],
                "new_field": {"a": "4111111111111111"},
                "form": {"custom": [{"label": "Mail", "value": ["ziv.quon@example.com"]}]},
            }
        )
    )
    text = json.dumps(out, default=str)
    assert not [v for v in ("1111", "one one", "ziv", "quon") if v in text]
    assert out["notes"]["plain"] == "[CREDIT_CARD]" and list(out["notes"]) == [
        "[CREDIT_CARD]",
        "plain",
    ]


def test_speaker_names_are_hidden_in_flat_text_too(redact: Bench) -> None:
    out = content(
        redact(
            {
                "outline": [
                    {"speaker": "Ziva Quon", "channel": 2, "text": "hello there"},
                    {"speaker": "Caller", "channel": 1, "text": "hi Ziva"},
                ],
                "transcription_text": "Ziva Quon: hello there\nCaller: hi Ziva",
                "notes": "ask ziva",
            }
        )
    )
    assert out["outline"][0]["speaker"] == "[PERSON]" and out["outline"][1] == {
        "speaker": "Caller",
        "channel": 1,
        "text": "hi [PERSON]",
    }
    assert (
        out["transcription_text"] == "[PERSON]: hello there\nCaller: hi [PERSON]"
        and out["notes"] == "ask [PERSON]"
    )


def test_a_short_message_beside_a_transcript_is_read_by_itself(redact: Bench) -> None:
    out = content(
        redact(
            {
                "name": "Ana Quon",
                "outline": [{"channel": 1, "text": "I like a banana"}],
                "message_body": "Ana",
            }
        )
    )
    assert out["message_body"] == "[PERSON]" and out["outline"][0]["text"] == "I like a banana"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("project BLUEBIRD starts", "project [X_CODE] starts"),
        ("bluebirds", "bluebirds"),
        ("İ bluebird ß", "İ [X_CODE] ß"),  # letters that change their length when lowered
        ("red\n  fox!", "[X_CODE]!"),
        ("the red fox-hunt", "the [X_CODE]-hunt"),
        ("redfox", "redfox"),
    ],
)
def test_denied_texts(redact: Bench, text: str, hidden: str) -> None:
    rules = "deny: [{text: bluebird, entity: X_CODE}, {text: Red Fox, entity: X_CODE}]"
    assert content(redact({"notes": text}, rules))["notes"] == hidden


def test_keys_that_name_fields_stay_and_keys_that_name_people_go(redact: Bench) -> None:
    out = content(
        redact(
            {
                "name": "Ziva Quon",
                "custom_fields": {
                    "customer_type": "new",
                    "Ziva Quon": "x",
                    "contact 4155550134": {"Ziva": 1},
                },
            }
        )
    )
    assert out["custom_fields"] == {
        "customer_type": "new",
        "[PERSON]": "x",
        "contact [PHONE_NUMBER]": {"[PERSON]": 1},
    }


def test_batches_keep_order_and_one_failure_spoils_no_other(redact: Bench) -> None:
    from support.record_redaction import T0, policy, raw

    from callveil.schemas.interaction import InteractionKey
    from callveil.transforms.detect.batch import detect_batch
    from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
    from callveil.transforms.detect.detection_result import DetectionJob

    jobs = []
    for n, language in enumerate(["en", "xx", None, "en-GB"]):
        one = raw(
            {"notes": f"call 415555013{n}", **({"language": language} if language else {})},
            InteractionKey("1", str(n)),
        )
        jobs.append(
            DetectionJob(
                one,
                decide_redaction(
                    policy(),
                    one,
                    "individual",
                    T0,
                    redact.detector.language_of(language),
                    MinimumRedaction(),
                    (),
                ),
                "individual",
            )
        )
    out = list(detect_batch(redact.detector, jobs))
    assert [item.job.raw.key.id for item in out if not isinstance(item, Rejected)] == [
        "0",
        "1",
        "2",
        "3",
    ]
    assert [item.job.decision.mode for item in out if not isinstance(item, Rejected)] == [
        "content",
        "full",
        "content",
        "content",
    ]
