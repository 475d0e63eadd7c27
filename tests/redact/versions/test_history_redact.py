"""Values of diffs redacted by field name, by value and by policy. Every person, number and secret
is generated.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.history_runs import AS_OF, Redact, policy, version

from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion, RedactedVersion, is_interaction
from callveil.transforms.detect.decision import MinimumRedaction
from callveil.transforms.redact.versions.decision import choose_settings
from callveil.transforms.redact.versions.json_values import canonical_json
from callveil.transforms.redact.versions.redactor import VersionRedactor
from callveil.transforms.redact.versions.until_stable import (
    changed_texts,
    redact_versions_until_stable,
    stored_version,
)
from callveil.transforms.storage.tables.versions import version_from_row, version_row


@pytest.mark.parametrize(
    ("item", "name"), [("Agent", "status"), ("AgentStatus", "name"), ("User", "away_reason")]
)
def test_what_staff_write_of_themselves_is_covered(
    redact_version: Redact, item: str, name: str
) -> None:
    before, after = redact_version.change(item, name, "On break", "On break - dialysis")
    assert before == "On break"
    assert "dialysis" not in after and after.startswith("[")


@pytest.mark.parametrize(
    ("item", "name", "value", "expected"),
    [
        ("User", "name", "Wilhelmina Testperson", "[PERSON]"),
        ("User", "email", "w@example.com", "[EMAIL_ADDRESS]"),
        (
            "User",
            "emails",
            ["w@example.com", "x@example.com"],
            ["[EMAIL_ADDRESS]", "[EMAIL_ADDRESS]"],
        ),
        ("Source", "comment", "ask at 415-555-0123 please", "ask at [PHONE_NUMBER] please"),
        ("Source", "comment", "mail w@example.com", "mail [EMAIL_ADDRESS]"),
        (
            "Source",
            "settings",
            {"api_key": "abc", "color": "red", "deep": [{"password": "x"}]},
            {"api_key": "[SECRET]", "color": "red", "deep": [{"password": "[SECRET]"}]},
        ),
        ("Source", "settings", {"w@example.com": 1}, {"[EMAIL_ADDRESS]": 1}),
        ("TrackingNumber", "number", "+14155550100", "+14155550100"),
        ("User", "role", "Administrator", "Administrator"),
        ("User", "two_factor_enabled", True, True),
        ("Account", "timezone", "America/New_York", "America/New_York"),
        ("Source", "limit", 40, 40),
        ("PaymentMethod", "card_last4", "4242", "4242"),
        ("PaymentMethod", "card_last4", "w@example.com", "[EMAIL_ADDRESS]"),
        ("Source", "comment", 4111111111111111, "[CREDIT_CARD]"),
        ("Setting", "ssn_redaction", "off", "off"),
        ("Setting", "ssn_redaction", "457-55-5462", "[US_SSN]"),
        (
            "Setting",
            "email_notifications",
            {"missed": "daily", "other": "w@example.com"},
            {"missed": "daily", "other": "[EMAIL_ADDRESS]"},
        ),
        ("Setting", "payment_method", "Ann Testperson 4111 1111 1111 1111", "[CREDIT_CARD]"),
        (
            "Setting",
            "password",
            {"nested": {"w@example.com": "x"}},
            {"[SECRET]": {"[SECRET]": "[SECRET]"}},
        ),
        (
            "Setting",
            "config",
            {"auth": {"a": 1, "b": [2]}},
            {"auth": {"[SECRET]": "[SECRET]", "[SECRET]#2": ["[SECRET]"]}},
        ),
        (
            "Setting",
            "headers",
            [{"name": "Authorization", "value": "abc"}],
            [{"name": "Authorization", "value": "[SECRET]"}],
        ),
        ("Setting", "headers", [["Cookie", "a=b"]], [["Cookie", "[SECRET]"]]),
        ("Setting", "email_digest", "every monday", "every monday"),
        ("Setting", "session", "active", "active"),
        ("User", "emails", {"w@example.com": True}, {"[EMAIL_ADDRESS]": True}),
        ("Call", "caller_number", "+14155550123", "[PHONE_NUMBER]"),
        ("Call", "status", "completed", "completed"),
        ("Call", "duration", 61, 61),
        ("Call", "invented_field", "anything at all", "[UNKNOWN_FIELD]"),
        ("Call", "audio", "https://x.example/1.mp3", "[MEDIA]"),
    ],
)
def test_what_becomes_of_values(
    redact_version: Redact, item: str, name: str, value: Any, expected: Any
) -> None:
    before, after = redact_version.change(item, name, value, None)
    assert (before, after) == (expected, None)


def test_the_policy_decides_about_personal_values(redact_version: Redact) -> None:
    assert (
        redact_version.change("User", "name", "Ann Testperson", None, "entities: {PERSON: keep}")[0]
        == "Ann Testperson"
    )
    masked, _ = redact_version.change(
        "User", "email", "w@example.com", None, "entities: {EMAIL_ADDRESS: {operator: mask}}"
    )
    assert masked == "*@*******.***"
    a, b = redact_version.change(
        "User",
        "name",
        "Ann Testperson",
        "ann  TESTPERSON",
        "entities: {PERSON: {operator: pseudonym, scope: account}}",
    )
    assert a == b
    assert a.startswith("[PERSON:")


def test_a_name_found_in_one_value_is_found_in_the_other(redact_version: Redact) -> None:
    before, after = redact_version.change(
        "Source", "comment", "my name is Wilhelmina Testperson", "Testperson was here"
    )
    assert "Testperson" not in before + after


def test_a_value_known_from_its_field_is_found_in_other_values(redact_version: Redact) -> None:
    changes = {
        "name": [None, "Wilhelmina Testperson"],
        "comment": [None, "reach Wilhelmina at once"],
        "card_number": [None, "4111111111111111"],
    }
    found = {
        c["field"]: c["after"] for c in redact_version(version(changes=changes)).record["changes"]
    }
    assert found["comment"] == "reach [PERSON] at once"


def test_two_values_of_one_type_stay_two(redact_version: Redact) -> None:
    _, after = redact_version.change("Source", "comment", None, "w@example.com or x@example.org")
    assert after == "[EMAIL_ADDRESS] or [EMAIL_ADDRESS]"


def test_fields_whose_names_are_personal(redact_version: Redact) -> None:
    found = redact_version(
        version(
            item_type="Source",
            changes={"w@example.com": [1, 2], "color": ["a", "b"]},
            object={"w@example.com": 1, "x@example.com": 1},
        )
    )
    assert {c["field"] for c in found.record["changes"]} == {"[EMAIL_ADDRESS]", "color"}
    assert [v["field"] for v in found.record["object"]] == ["[EMAIL_ADDRESS]", "[EMAIL_ADDRESS]#2"]


def test_who_did_it_is_a_pseudonym_by_default_and_readable_where_staff_is_kept(
    redact_version: Redact,
) -> None:
    who = {
        "user_id": 3,
        "user_name": "Ada Admin",
        "ip": "203.0.113.9",
        "user_agent": "Browser/1.0 (Ada's laptop)",
        "user_role": "Administrator",
    }
    found = redact_version(version(**who)).record
    again = redact_version(version(version_id="2", **who | {"user_name": "ada admin"})).record
    assert found["actor_id"] == "3"
    assert found["actor_role"] == "Administrator"
    assert found["actor_name"].startswith("[PERSON:")
    assert found["actor_ip"].startswith("[IP_ADDRESS:")
    assert found["actor_name"] == again["actor_name"]
    assert "Ada" not in canonical_json({k: str(v) for k, v in found.items()})
    kept = redact_version(version(**who), "fields: {staff: keep}").record
    assert (kept["actor_name"], kept["actor_ip"]) == ("Ada Admin", "203.0.113.9")
    other = redact_version(version(account_id="42", **who)).record
    assert other["actor_name"] != found["actor_name"]


def test_ids_that_are_addresses_become_pseudonyms(redact_version: Redact) -> None:
    found = redact_version(version(item_type="Contact", item_id="w@example.com"))
    assert found.key.item_id.startswith("[ID:")
    assert (
        redact_version(
            version(item_type="Contact", item_id="w@example.com", version_id="2")
        ).key.item_id
        == found.key.item_id
    )


def test_labels_and_undeclared_members(redact_version: Redact) -> None:
    found = redact_version(
        version(item_label="Wilhelmina Testperson", shoe_size="44 and w@example.com")
    )
    assert found.record["item_label"] == "[PERSON]"
    assert found.record["extra"] == {"shoe_size": "[UNKNOWN_FIELD]"}
    assert (
        redact_version(version(item_type="Source", item_label="Radio spot")).record["item_label"]
        == "Radio spot"
    )


@pytest.mark.parametrize("item", ["Call", "Interaction", "Text", "Form", "PhoneCall", "Chat"])
def test_a_version_of_a_redacted_interaction_is_redacted_with_it(
    redact_version: Redact, item: str
) -> None:
    assert is_interaction(item)
    plain = version(
        item_type=item,
        changes={
            "notes": ["all fine", "still fine"],
            "status": ["a", "b"],
            "caller_number": [None, "+14155550123"],
        },
    )
    content = {c["field"]: c for c in redact_version(plain).record["changes"]}
    assert (content["notes"]["before"], content["notes"]["after"]) == ("all fine", "still fine")
    full = redact_version(plain, floor=MinimumRedaction("full"))
    assert full.mode == "full"
    changes = {c["field"]: c for c in full.record["changes"]}
    assert (changes["notes"]["before"], changes["notes"]["after"]) == ("[REDACTED]", "[REDACTED]")
    assert changes["caller_number"]["after"] == "[PHONE_NUMBER]"
    assert changes["status"]["after"] == "b"
    assert changes["notes"]["before_digest"] != changes["notes"]["after_digest"]


def test_a_field_someone_asked_for_and_types_redacted_before_stay_hidden(
    redact_version: Redact,
) -> None:
    plain = version(
        item_type="Call", changes={"notes": ["all fine", "still"], "name": [None, "Ann Testperson"]}
    )
    keep = "entities: {PERSON: keep}"
    asked = {
        c["field"]: c
        for c in redact_version(plain, keep, fields=frozenset({"notes"})).record["changes"]
    }
    assert (asked["notes"]["before"], asked["name"]["after"]) == ("[REDACTED]", "Ann Testperson")
    floor = {
        c["field"]: c
        for c in redact_version(
            plain, keep, floor=MinimumRedaction("content", frozenset({"PERSON"}))
        ).record["changes"]
    }
    assert (floor["notes"]["before"], floor["name"]["after"]) == ("all fine", "[PERSON]")


def test_old_versions_of_interactions_are_redacted_in_full_by_age(redact_version: Redact) -> None:
    old = version(
        item_type="Call", created_at="2026-08-01T00:00:00Z", changes={"notes": ["a", "b"]}
    )
    assert redact_version(old, "full_after_days: 60").mode == "full"
    assert redact_version(old | {"item_type": "Source"}, "full_after_days: 60").mode == "content"


def test_rows_come_back_as_they_were_and_raw_versions_are_refused(redact_version: Redact) -> None:
    found = redact_version(
        version(
            version_number=4,
            changes={"name": ["Ann Testperson", None], "color": [{"a": [1]}, "x"]},
            object={"color": {"a": [1]}},
        )
    )
    back = version_from_row(version_row(found))
    assert isinstance(back, RedactedVersion)
    assert {k: v for k, v in back.record.items() if v not in (None, [])} == {
        k: v for k, v in found.record.items() if v not in (None, [])
    }
    raw = redact_version.raw(version())
    assert isinstance(raw, RawVersion)
    with pytest.raises(TypeError, match="RedactedVersion only"):
        version_row(raw)  # type: ignore[arg-type]


def test_digests_are_keyed_and_tell_equal_values(redact_version: Redact) -> None:
    found = redact_version(
        version(
            changes={"email": ["w@example.com", "x@example.com"]}, object={"email": "w@example.com"}
        )
    )
    (change,), (value,) = found.record["changes"], found.record["object"]
    assert change["before_digest"] == value["digest"] != change["after_digest"]
    assert (
        redact_version.keyring.hmac("version-value", "41", '"w@example.com"')[:32]
        == value["digest"]
    )


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"k": {"api_key": "abc"}}, {"k": {"api_key": "[SECRET]"}}),
        ([{"pw": "abc", "size": 4}], [{"pw": "[SECRET]", "size": 4}]),
        ({"email": "w@example.com", "color": "red"}, {"color": "red", "email": "[EMAIL_ADDRESS]"}),
        (
            {"4111111111111111": {"token": {"abc": 1}}},
            {"[CREDIT_CARD]": {"token": {"[SECRET]": "[SECRET]"}}},
        ),
    ],
)
def test_json_in_a_text_is_read_however_often_it_is_encoded(
    redact_version: Redact, value: Any, expected: Any, times: int
) -> None:
    text = value
    for _ in range(times):
        text = json.dumps(text)
    for rules in ("", "mode: none") if "api_key" in str(value) else ("",):
        _, after = redact_version.change("Setting", "config", None, text, rules)
        for _ in range(times):
            after = json.loads(after)
        assert after == expected


def test_a_text_of_json_in_which_nothing_is_found_stays_as_it_was_written(
    redact_version: Redact,
) -> None:
    for text in (
        '{"theme": "dark",  "size": 4}',
        "--- \n- a\n- b\n",
        '"quoted"',
        "{not json",
        '{"a": NaN}',
    ):
        assert redact_version.change("Setting", "config", None, text) == (None, text)


class Failing:
    """A detector that fails on some texts, as a whole batch or on one."""

    def __init__(self, inner: Any, problem: Exception) -> None:
        self.inner, self.problem, self.settings = inner, problem, inner.settings

    def run(self, views: Any, language: str) -> Any:
        """As the real one's."""
        for view, tag in views:
            if "poison" in view.text:
                raise self.problem
            yield from self.inner.run([(view, tag)], language)


@pytest.mark.parametrize(
    "problem",
    [RecursionError("poison"), MemoryError("poison"), OverflowError("poison"), KeyError("poison")],
)
def test_a_failure_over_one_version_costs_that_version(
    redact_version: Redact, problem: Exception
) -> None:
    records = [
        version(version_id=str(n), changes={"comment": [None, text]})
        for n, text in enumerate(("good", "poison", "good too", "a poison"))
    ]
    found = Redact(Failing(redact_version.detector, problem), redact_version.keyring).many(records)
    assert [isinstance(v, RedactedVersion) for v in found] == [True, False, True, False]
    assert all("poison" not in v.detail for v in found if isinstance(v, Rejected))


UNSETTLED = [
    "San Jose 94110 id 88123 San Jose San Jose",
    "and w@example.com 628 id 88123 born 1980-02-03",
    "ext 4 card 12345 id 88123 ext 4",
    "415-555-0194 457-55-5462 555 0123 12345 12/27 12345",
    "12345 4417 ext 4 12345",
    "my name is 457-55-5462 born 1980-02-03 card",
]
"""Texts of which more is read once some of them is covered."""


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "entities: {default: {operator: mask}}",
        "entities: {default: {operator: pseudonym, scope: account}}",
    ],
)
def test_what_is_redacted_until_nothing_more_is_found_is_a_fixed_point(
    redact_version: Redact, rules: str
) -> None:
    own = policy(rules)
    pairs = [(old, new) for old in UNSETTLED for new in UNSETTLED]
    records = [
        version(version_id=str(n), item_type="Source", changes={"comment": list(pair)})
        for n, pair in enumerate(pairs, 1)
    ]
    work = [
        (raw, choose_settings(own, raw, "individual", "90001", AS_OF))
        for raw in map(redact_version.raw, records)
    ]
    redactor = VersionRedactor(
        redact_version.detector, redact_version.keyring, "run-1", own.sha256, AS_OF
    )

    def more(found: list[RedactedVersion | Rejected]) -> int:
        again = [
            (stored_version(item), decided)
            for item, (_, decided) in zip(found, work, strict=True)
            if isinstance(item, RedactedVersion)
        ]
        assert len(again) == len(work)
        both = zip(found, redactor.redact(again), strict=True)
        return sum(bool(changed_texts(old, new, work[0][1].rules)) for old, new in both)  # type: ignore[arg-type]

    once, settled = list(redactor.redact(work)), redact_versions_until_stable(redactor, work)
    assert more(once) > 0
    assert more(settled) == 0
    assert [(v.record["digest"], v.key) for v in settled] == [
        (v.record["digest"], v.key) for v in once
    ]  # type: ignore[union-attr]
    for before, after in zip(once, settled, strict=True):
        for old, new in zip(before.record["changes"], after.record["changes"], strict=True):  # type: ignore[union-attr]
            assert all(new[k] == v for k, v in old.items() if k.endswith("digest"))
