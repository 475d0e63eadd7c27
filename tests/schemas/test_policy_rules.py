"""Rules that hold for a record: treatments, modes, overrides against a naive oracle, caching and
pickling.
"""

from __future__ import annotations

import datetime as dt
import pickle
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from callveil.schemas.interaction import BY_NAME, FIELDS, STATE
from callveil.schemas.policy import Operator, Policy, Rules
from callveil.schemas.policy_document import describe_policy, emptied_columns
from callveil.schemas.policy_load import PRESETS, load_policy, parse_policy

T0 = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)


def policy(**document: Any) -> Policy:
    return parse_policy(yaml.safe_dump({"version": 1, **document}))


@pytest.mark.parametrize(
    ("name", "fields", "mode", "treatment"),
    [
        ("email", {}, "content", "redact"),
        ("email", {"caller": "scan"}, "content", "scan"),
        ("email", {"caller": "scan", "email": "clear"}, "content", "clear"),
        ("email", {"caller": "keep"}, "full", "clear"),
        ("id", {}, "full", "keep"),
        ("called_at", {}, "full", "keep"),
        ("tracking_number", {}, "full", "keep"),
        ("tracking_label", {"flow": "scan"}, "content", "scan"),
        ("duration", {"flow": "scan"}, "content", "keep"),  # seconds name nobody
        ("duration", {"flow": "redact"}, "content", "clear"),
        (
            "latitude",
            {"caller": "scan"},
            "content",
            "clear",
        ),  # a number cannot be scanned, and this one is personal
        ("latitude", {"caller": "redact"}, "content", "clear"),
        ("call_path", {"flow_text": "keep"}, "content", "keep"),
        ("call_path", {"flow_text": "keep"}, "full", "scan"),
        ("outline", {}, "content", "scan"),
        ("outline", {}, "full", "clear"),
        ("outline", {"content": "clear"}, "content", "clear"),
        ("audio", {}, "content", "clear"),
        ("audio", {"media": "keep"}, "full", "clear"),
        ("agent", {"staff": "keep"}, "full", "keep"),  # staff by policy, in full redaction too
        ("extra", {}, "content", "redact"),
        ("extra", {}, "full", "clear"),
        ("state", {"state": "keep"}, "content", "keep"),  # the contact's state or region
        ("email", {}, "none", "keep"),
    ],
)
def test_treatment(name: str, fields: dict[str, str], mode: str, treatment: str) -> None:
    assert policy(fields=fields).base.treatment(BY_NAME[name], mode) == treatment


def test_redaction_state_is_kept_whatever_is_said_of_the_contacts_state() -> None:
    rules = policy(mode="full", fields={"state": "clear"}).base
    assert {rules.treatment(f) for f in STATE} == {"keep"}
    assert rules.treatment(BY_NAME["state"]) == "clear"


def test_a_kept_type_keeps_numbers_of_that_type() -> None:
    assert policy(entities={"LOCATION": "keep"}).base.treatment(BY_NAME["latitude"]) == "keep"


def test_content_is_read_when_overrides_add_up_to_keep() -> None:
    """Each override alone is legal; both together would pass conversations unread."""
    overrides = [
        {"when": {"kind": "chat"}, "set": {"mode": "none", "fields": {"content": "keep"}}},
        {"when": {"language": "en"}, "set": {"mode": "content"}},
    ]
    rules = policy(overrides=overrides).rules("1", "agency", "chat", "en")
    assert rules.mode == "content" and rules.treatment(BY_NAME["outline"]) == "scan"


def test_denied_types_are_redacted_when_overrides_add_up_to_keep() -> None:
    overrides = [
        {"when": {"kind": "chat"}, "set": {"deny": [{"text": "Falcon", "entity": "X_P"}]}},
        {"when": {"language": "en"}, "set": {"entities": {"X_P": "keep"}}},
    ]
    assert policy(overrides=overrides).rules("1", "agency", "chat", "en").operator(
        "X_P"
    ) == Operator("label")


@pytest.mark.parametrize(
    ("days", "age", "mode"),
    [
        (None, dt.timedelta(days=9999), "content"),
        (0, dt.timedelta(0), "full"),
        (0, dt.timedelta(seconds=-1), "content"),
        (30, dt.timedelta(days=30), "full"),
        (30, dt.timedelta(days=30, microseconds=-1), "content"),
    ],
)
def test_full_redaction_begins_at_its_instant(
    days: int | None, age: dt.timedelta, mode: str
) -> None:
    assert policy(full_after_days=days).base.mode_at(T0, T0 + age) == mode


def test_labels() -> None:
    assert policy().base.label_for("PERSON") == "[PERSON]"
    assert policy(label="{{{entity}}}").base.label_for("PERSON") == "{PERSON}"
    assert policy(label="[redacted]").base.label_for("PERSON") == "[redacted]"


ENTITIES = ("PERSON", "AGE", "VIN")
FIELD_KEYS = ("caller", "email", "flow_text", "staff")
TEXTS = ("alpha one", "Bravo", "charlie")
OPERATORS = st.one_of(
    st.sampled_from(["label", "clear", "keep"]),
    st.builds(
        lambda s: {"operator": "pseudonym", "scope": s},
        st.sampled_from(["call", "account", "everywhere"]),
    ),
    st.builds(lambda n: {"operator": "mask", "keep_last": n}, st.integers(0, 4)),
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["none", "content", "full"]),
        "full_after_days": st.none() | st.integers(0, 90),
        "label": st.sampled_from(["[{entity}]", "<{entity}>", "x"]),
        "entities": st.dictionaries(st.sampled_from(("default", *ENTITIES)), OPERATORS),
        "fields": st.dictionaries(
            st.sampled_from(FIELD_KEYS), st.sampled_from(["keep", "scan", "redact", "clear"])
        ),
        "thresholds": st.dictionaries(
            st.sampled_from(("default", *ENTITIES)), st.sampled_from([0, 0.25, 0.5, 1])
        ),
        "allow": st.lists(st.sampled_from(TEXTS), unique=True),
    },
)
WHEN = st.fixed_dictionaries(
    {},
    optional={
        "account": st.lists(st.sampled_from("123"), min_size=1, unique=True)
        | st.sampled_from("123"),
        "account_type": st.sampled_from(["individual", "agency"]),
        "kind": st.lists(st.sampled_from(["call", "chat"]), min_size=1, unique=True),
        "language": st.sampled_from(["en", "es"]),
    },
).filter(bool)
RECORDS = st.tuples(
    st.sampled_from("1234"),
    st.sampled_from(["individual", "agency", "unknown"]),
    st.sampled_from(["call", "chat", "form"]),
    st.sampled_from(["en", "es", ""]),
)
OVERRIDES = st.lists(st.fixed_dictionaries({"when": WHEN, "set": SETTINGS}), max_size=5)


def oracle(document: dict[str, Any], record: dict[str, str]) -> dict[str, Any]:
    """Overrides laid over plain dictionaries, one after the other."""
    now: dict[str, Any] = {
        "mode": "content",
        "full_after_days": None,
        "label": "[{entity}]",
        "allow": set(),
    }
    maps: dict[str, dict[str, Any]] = {
        "entities": {"default": "label"},
        "fields": {},
        "thresholds": {"default": 0.4},
    }
    layers = [document]
    for override in document.get("overrides", []):
        if all(
            record[k] in (v if isinstance(v, list) else [v]) for k, v in override["when"].items()
        ):
            layers.append(override["set"])
    for layer in layers:
        now |= {k: v for k, v in layer.items() if k in ("mode", "full_after_days", "label")}
        now["allow"] |= {t.lower() for t in layer.get("allow", [])}
        for k, m in maps.items():
            m |= layer.get(k, {})
    return now | maps


def as_operator(given: Any) -> Operator:
    return (
        Operator(given)
        if isinstance(given, str)
        else Operator(given["operator"], given.get("scope", "call"), "*", given.get("keep_last", 0))
    )


@settings(max_examples=150)
@given(SETTINGS, OVERRIDES, st.lists(RECORDS, min_size=1, max_size=8))
def test_later_overrides_win(
    base: dict[str, Any], overrides: list[dict[str, Any]], records: list[tuple[str, str, str, str]]
) -> None:
    document = {**base, "overrides": overrides}
    made = policy(**document)
    for record in records:
        rules = made.rules(*record)
        want = oracle(
            document,
            dict(zip(("account", "account_type", "kind", "language"), record, strict=True)),
        )
        assert (rules.mode, rules.full_after_days, rules.label, rules.allow) == (
            want["mode"],
            want["full_after_days"],
            want["label"],
            want["allow"],
        )
        for entity in (*ENTITIES, "URL"):
            assert rules.operator(entity) == as_operator(
                want["entities"].get(entity, want["entities"]["default"])
            )
            assert rules.threshold(entity) == want["thresholds"].get(
                entity, want["thresholds"]["default"]
            )
        for name, group in (("email", "caller"), ("city", "caller"), ("agent", "staff")):
            default = {"caller": "redact", "staff": "redact"}[group]
            assert rules.treatment(BY_NAME[name], "content") == want["fields"].get(
                name, want["fields"].get(group, default)
            )
        assert made.rules(*record) is rules


def test_rules_are_shared_and_bounded_over_many_accounts() -> None:
    overrides = [
        {"when": {"account": [str(i)]}, "set": {"full_after_days": i % 90}} for i in range(3000)
    ]
    made = policy(overrides=[{"when": {"kind": "chat"}, "set": {"mode": "full"}}, *overrides])
    for i in range(3000):
        for kind in ("call", "chat"):
            rules = made.rules(str(i), "agency", kind, "en")
            assert (rules.full_after_days, rules.mode) == (
                i % 90,
                "full" if kind == "chat" else "content",
            )
    assert len(made._cache) <= 1024
    assert made.rules("none such", "agency", "call", "en") is made.base
    assert made.rules("none such", "agency", "chat", "en") is made.rules(
        "other", "individual", "chat", "es"
    )


def test_policies_pickle_and_hash() -> None:
    made = policy(
        overrides=[
            {"when": {"kind": "chat"}, "set": {"mode": "full", "entities": {"PERSON": "clear"}}}
        ],
        detect={"amounts": True},
    )
    made.rules("1", "agency", "chat", "en")
    copy = pickle.loads(pickle.dumps(made))
    assert (
        copy == made and hash(copy) == hash(made) and copy.effective_yaml() == made.effective_yaml()
    )
    assert (
        copy.rules("1", "agency", "chat", "en")
        == made.rules("1", "agency", "chat", "en")
        != made.base
    )
    assert (
        hash(copy.base) == hash(made.base)
        and hash(copy.detect) == hash(made.detect)
        and copy.detect == made.detect
    )
    assert made != load_policy() and made != "policy"


@pytest.mark.parametrize("name", PRESETS)
def test_description_names_everything(name: str) -> None:
    made = load_policy(name)
    text = describe_policy(made)
    assert made.sha256 in text and name in text
    for field in FIELDS:
        assert field.group in text
    for entity in made.base.entities:
        assert entity in text


def test_description_of_one_record_and_of_overrides() -> None:
    changed = {
        "full_after_days": None,
        "mode": "full",
        "allow": ["Jane"],
        "fields": {"email": "clear"},
    }
    made = policy(
        deny=[{"text": "Jane Q. Sample", "entity": "X_N"}],
        allow=["Sample Plumbing"],
        entities={"AGE": {"operator": "mask", "keep_last": 1}},
        overrides=[{"when": {"kind": "chat", "account": "7"}, "set": changed}],
    )
    whole, one = describe_policy(made), describe_policy(made, ("7", "agency", "chat", "en"))
    assert (
        "0. when account: 7; kind: chat" in whole
        and "mask *, last 1 kept" in whole
        and "full_after_days: never" in whole
    )
    assert "overrides that match: 0" in one and "mode full" in one and "allow: 2 texts" in one
    assert "Jane" not in whole + one and "Plumbing" not in whole + one


def test_rules_stand_alone() -> None:
    assert Rules().treatment(BY_NAME["email"]) == "redact" and Rules().operator(
        "PERSON"
    ) == Operator("label")


def test_what_a_policy_empties_for_good_is_named() -> None:
    made = policy(
        full_after_days=90,
        entities={
            "PHONE_NUMBER": {"operator": "pseudonym"},
            "EMAIL_ADDRESS": "token",
            "ZIP_CODE": "keep",
            "ADDRESS": "clear",
        },
        fields={"campaign": "keep", "likely_score": "keep", "hue": "redact"},
        overrides=[
            {"when": {"kind": "chat"}, "set": {"fields": {"summary": "clear", "audio": "keep"}}}
        ],
    )
    lost = emptied_columns(made)
    assert {"audio", "message_media", "latitude"} <= set(lost["cleared"]) and {
        "name",
        "street",
        "gclid",
        "agent",
    } <= set(lost["labelled"])
    assert not {
        "caller_number",
        "email",
        "postal_code",
        "campaign",
        "notes",
        "form",
        "duration",
    } & {*lost["cleared"], *lost["labelled"]}
    assert {"caller_number", "email", "notes", "form", "campaign"} <= set(
        lost["aged"]
    ) and "duration" not in lost["aged"]
    assert lost["overrides"] == ["summary"]
    shown = describe_policy(made)
    assert (
        "cleared after 90 days: " in shown
        and "  hue                redact  / clear" in shown
        and "  likely_score       keep    / keep" in shown
    )
    assert "no key brings a value back\n  none" in describe_policy(policy(mode="none"))
