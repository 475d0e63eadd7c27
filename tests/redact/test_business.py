"""The platform's own shape, in full: every field it shows is declared, and what is the business'
own stays. All values are generated.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from support.platform_records import T0, one
from support.record_redaction import Bench, policy

from callveil.schemas.account import Account
from callveil.schemas.fields import EXTRA, coerce_members
from callveil.schemas.interaction import BY_NAME, FURTHER, SourceRef
from callveil.schemas.policy import InputLimits, PolicyError
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.engine import Detector
from callveil.transforms.ingest.normalise import normalize_interaction
from callveil.transforms.redact.engine import RedactionResult, Redactor, RunColumns
from callveil.transforms.redact.until_stable import redact_until_stable
from callveil.transforms.storage.encryption.keyring import Keyring

FLOW = [n for n, f in BY_NAME.items() if f.group in ("identity", "flow")]


def worlds(count: int) -> list[tuple[dict[str, Any], Account, list[str]]]:
    """Records of the platform, the same on every run."""
    return [one(random.Random(f"business {n}"), n) for n in range(count)]


@pytest.mark.parametrize(("model", "count"), [("none", 150), ("embedded", 25)])
def test_every_field_is_declared_and_nothing_of_the_business_own_is_covered(
    tmp_path: Any, model: str, count: int
) -> None:
    covered = _covered(Keyring.create(tmp_path / "keyring.json"), model, count)
    assert covered == []


def _covered(keyring: Keyring, model: str, count: int) -> list[str]:
    """List, by field, what of `count` records is undeclared, or is the business' own and has been
    covered.
    """
    rules = policy(f"version: 1\ndetect: {{model: {model}}}\n")
    detector, out = Detector(rules.detect), []
    redactor = Redactor(keyring, RunColumns("run-1", "0" * 64, "tests", T0))
    for doc, account, own in worlds(count):
        raw = normalize_interaction(doc, SourceRef("f", 1, 0), InputLimits(), {})
        out += [f"undeclared {n}" for n in _undeclared(raw.record)]
        decision = decide_redaction(rules, raw, "individual", T0, "en", MinimumRedaction(), ())
        (result,) = redact_until_stable(
            detector,
            redactor,
            list(detect_batch(detector, [DetectionJob(raw, decision, "individual", "", account)])),
        )  # type: ignore[arg-type]
        assert isinstance(result, RedactionResult), result
        left = result.interaction.record
        out += [f"{n}: {left.get(n)}" for n in FLOW if left.get(n) != raw.record.get(n)]
        out += [
            f"{n} lacks {text}: {left.get(n)}"
            for n, text in (item.split("\0") for item in own)
            if text not in str(left.get(n))
        ]
        out += [f"{n}: {left[n]}" for n in ("tag_list",) if left[n] != raw.record[n]]
        out += [
            f"form: {left['form']}"
            for n in ("form_name", "number_to_call", "custom")
            if left["form"][n] != raw.record["form"][n]
        ]
        out += [
            f"custom_fields: {left['custom_fields']}"
            for _ in "1"
            if [*left["custom_fields"]] != [*raw.record["custom_fields"]]
        ]
        assert (
            "555" not in str(left["caller_number"])
            and "Quiroga" not in str(left)
            and "39.8" not in str(left)
        )
    return out


def _undeclared(value: Any) -> list[str]:
    """Names of the members that no declaration knows, at any depth."""
    if isinstance(value, dict):
        return [*value.get(EXTRA, ()), *(n for v in value.values() for n in _undeclared(v))]
    return [n for v in value for n in _undeclared(v)] if isinstance(value, list) else []


@pytest.mark.parametrize("field", FURTHER, ids=lambda f: f.name)
def test_what_does_not_fit_a_field_declared_later_rejects_no_record(field: Any) -> None:
    """Earlier versions read such members as undeclared; they are kept so where they have another
    type.
    """
    for value in ("generated", {"a": [1]}, [True], 10**30, -0.5, ""):
        got = coerce_members((field,), {field.name: value})
        assert got.get(field.name) is not None or got == {EXTRA: {field.name: value}}


def test_a_contacts_number_is_not_the_business_own_because_a_leg_has_it(bench: Bench) -> None:
    theirs = "+12025550171"
    dialled = {
        "direction": "inbound",
        "legs": [{"from": "+14155550132", "to": theirs}],
        "form": {"customer_number_to_dial": theirs},
    }
    assert theirs[2:] not in str(bench(dialled).interaction.record)
    called = {
        "direction": "outbound",
        "caller_number": theirs,
        "legs": [{"from": theirs, "to": "+14155550132"}],
        "notes": f"call {theirs}",
    }
    assert theirs[2:] not in str(bench(called).interaction.record)


FOUND = {
    "likely": 0.42,
    "colour": "red",
    "plan": "for Zofia Marchetti, 4539910317764670",
    "deep": {"a": [1, 2], "b": "x"},
    "content": "hello",
    "zip": "6",
}


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (
            "fields: {likely: keep, deep: keep, plan: keep}",
            {
                "likely": 0.42,
                "plan": "for [PERSON], [CREDIT_CARD]",
                "deep": {"a": [1, 2], "b": "x"},
            },
        ),
        ("fields: {likely: keep, unknown: clear}", {"likely": 0.42}),
        (
            "fields: {unknown: scan, zip: clear, colour: redact}",
            {**FOUND, "plan": "for [PERSON], [CREDIT_CARD]", "colour": "*", "zip": None},
        ),
        ("mode: full\nfields: {likely: keep, colour: scan}", {"likely": 0.42}),
        ("mode: none\nfields: {likely: keep}", {"likely": 0.42}),
        ("fields: {content: scan}", {}),  # the group of that name, not the member
        ("fields: {extra.content: scan, extra.likely: keep}", {"content": "hello", "likely": 0.42}),
    ],
)
def test_a_policy_names_a_further_field(bench: Bench, rules: str, left: dict[str, Any]) -> None:
    record = {"name": "Zofia Marchetti", "form": {"shoe": "42", "hat": "7"}}
    got = bench({**record, **FOUND}, rules).interaction.record
    gone = {n for n, v in FOUND.items() if n not in left}
    assert {n: got.get(EXTRA, {}).get(n) for n in left} == {
        n: "[UNKNOWN_FIELD]" if v == "*" else v for n, v in left.items()
    }
    assert all(got.get(EXTRA, {}).get(n) != FOUND[n] for n in gone)
    once = {
        n: v
        for n, v in got.items()
        if n in BY_NAME and n not in ("id", "account_id", "kind", "called_at")
    }
    assert {n: v for n, v in bench(once, rules).interaction.record.items() if n in once} == once


def test_a_policy_names_a_member_of_a_record_within(bench: Bench) -> None:
    rules = "fields: {form.shoe: keep}"
    assert bench({"form": {"shoe": "42", "hat": "7"}}, rules).interaction.record["form"][EXTRA] == {
        "shoe": "42",
        "hat": "[UNKNOWN_FIELD]",
    }


def test_what_an_earlier_policy_covered_stays_covered_though_a_later_one_names_it(
    bench: Bench,
) -> None:
    first = bench({"likely": 0.42})
    later = bench(
        {"likely": 0.42},
        "fields: {likely: keep}",
        floor=MinimumRedaction("content", frozenset(first.floor)),
    )
    assert later.interaction.record[EXTRA] == {"likely": "[UNKNOWN_FIELD]"}


def test_a_record_says_which_of_its_fields_an_earlier_redaction_holds_in(bench: Bench) -> None:
    lax = "fields: {campaign: keep, city: keep, likely: keep}\nentities: {PERSON: keep}\n"
    record = {
        "campaign": "spring",
        "likely": 0.4,
        "name": "Zofia Marchetti",
        "notes": "call Zofia Marchetti",
        "city": "Springfield",
    }
    first = bench(record)
    later = bench(record, lax, floor=MinimumRedaction("content", frozenset(first.floor)))
    assert (first.held, later.held) == (
        (),
        ("campaign", "city", "likely", "name", "notes"),
    ) and bench(record, lax).held == ()
    assert bench(record, "mode: none\n", floor=MinimumRedaction("content", frozenset())).held == (
        "mode",
    )
    assert bench(record, floor=MinimumRedaction("content", frozenset(first.floor))).held == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("caler", "caller"), ("likelihoods", "likelihood"), ("tag-list", "tag_list")],
)
def test_a_misspelt_field_is_told_and_can_be_meant(name: str, meant: str) -> None:
    with pytest.raises(PolicyError, match=f"did you mean {meant}.*extra.{name}"):
        policy(f"fields: {{{name}: keep}}")
    assert policy(f"fields: {{extra.{name}: keep}}").base.fields[f"extra.{name}"] == "keep"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(
        Detector(policy().detect), Keyring.create(tmp_path_factory.mktemp("keys") / "keyring.json")
    )
