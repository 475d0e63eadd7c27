"""Presets, and files that extend presets and each other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from callveil.schemas.policy import (
    InputLimits,
    ModelMargin,
    ModelMargins,
    Operator,
)
from callveil.schemas.policy_load import (
    PRESETS,
    check_policy,
    load_policy,
    preset_text,
)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_load_and_say_where_they_come_from(name: str) -> None:
    policy = load_policy(name)
    assert (
        policy.name == name
        and policy.base.mode == "content"
        and policy.detect.model == "embedded"
        and policy.limits == InputLimits()
    )
    assert "Source" in preset_text(name) or "CFR" in preset_text(name)


def test_default_is_gdpr() -> None:
    assert load_policy() == load_policy("gdpr")


def test_presets_do_what_they_stand_for() -> None:
    gdpr, pci, hipaa, ccpa, _ = (load_policy(p).base for p in PRESETS)
    assert (
        all(gdpr.operator(e).name == "label" for e in ("PERSON", "CVV", "UNKNOWN_FIELD"))
        and gdpr.operator("DATE_TIME").name == "keep"
    )
    assert pci.operator("CREDIT_CARD") == Operator("mask", keep_last=4)
    assert [
        pci.operator(e).name for e in ("CVV", "CARD_EXPIRY", "PIN", "PERSON", "PHONE_NUMBER")
    ] == ["label", "label", "label", "keep", "keep"]
    assert {
        hipaa.operator(e).name
        for e in (
            "PERSON",
            "LOCATION",
            "DATE_TIME",
            "AGE",
            "ZIP_CODE",
            "URL",
            "VIN",
            "ORGANIZATION",
        )
    } == {"label"}
    assert (
        ccpa.operator("PHONE_NUMBER") == Operator("pseudonym", "account")
        and ccpa.operator("PERSON").name == "label"
    )


def test_sha256_is_that_of_the_stored_copy(tmp_path: Path) -> None:
    policy = load_policy("ccpa")
    copy = tmp_path / "policy.yaml"
    copy.write_bytes(policy.effective_yaml().encode())
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == policy.sha256
    assert load_policy(copy) == policy


def test_extends_a_file_that_extends_a_preset(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "base.yaml").write_text(
        "version: 1\nextends: pci\ndetect: {margins: {cased: {name: -1}, uncased: {rare_name: "
        "-3}}}\n"
        "entities: {PERSON: clear, CODE_NAME: label}\nallow: [one]\ndeny: [{text: Falcon, entity: "
        "CODE_NAME}]\n"
        "overrides:\n- when: {kind: chat}\n  set: {entities: {PERSON: mask}}\n"
    )
    child = tmp_path / "acme.yaml"
    child.write_text(
        "version: 1\nextends: house/base.yaml\nallow: [Two]\nentities: {CODE_NAME: mask}\n"
        "limits: {depth: 10}\ndetect: {margins: {uncased: {name: -4}}}\n"
    )
    policy = load_policy(str(child))
    assert policy.name == "acme" and policy.limits == InputLimits(depth=10)
    assert policy.base.operator("CREDIT_CARD").keep_last == 4 and policy.base.operator(
        "CODE_NAME"
    ) == Operator("mask")
    assert policy.base.allow == {"one", "two"} and policy.base.deny == (("Falcon", "CODE_NAME"),)
    assert policy.rules("1", "agency", "chat", "en").operator("PERSON") == Operator("mask")
    margins = policy.detect.margins
    assert margins.cased.name == -1
    assert margins.uncased == ModelMargin(-4, ModelMargins().uncased.place, -4), (
        "rare names are never taken later"
    )


def test_problems_name_the_file_they_are_in(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("version: 1\nmode: ful\n")
    (tmp_path / "acme.yaml").write_text("version: 1\nextends: base.yaml\nlabel: 3\n")
    found = check_policy(tmp_path / "acme.yaml")
    assert [(Path(p.file).name, p.line, p.field) for p in found] == [
        ("acme.yaml", 3, "label"),
        ("base.yaml", 2, "mode"),
    ]


def test_a_mode_that_brings_an_inherited_keep_to_life_is_blamed_on_the_file_that_sets_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "base.yaml").write_text("version: 1\nmode: none\nfields: {notes: keep}\n")
    (tmp_path / "acme.yaml").write_text("version: 1\nextends: base.yaml\nmode: content\n")
    assert not check_policy(tmp_path / "base.yaml")
    (problem,) = check_policy(tmp_path / "acme.yaml")
    assert (Path(problem.file).name, problem.line, problem.field) == ("acme.yaml", 3, "mode")


@pytest.mark.parametrize(
    "text", ["version: 1\nextends: a.yaml\n", "version: 1\nextends: gone.yaml\n"]
)
def test_circles_and_missing_files_are_named_where_they_are_extended(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    (problem,) = check_policy(tmp_path / "a.yaml")
    assert (problem.line, problem.column, problem.field) == (2, 10, "extends")


def test_missing_file_names_the_presets(tmp_path: Path) -> None:
    for where in (tmp_path / "gone.yaml", tmp_path, "gpdr", "a\0b"):
        (problem,) = check_policy(where)
        assert "gdpr, pci, hipaa, ccpa" in problem.message
    (tmp_path / "latin.yaml").write_bytes(b"version: 1\nname: caf\xe9\n")
    (problem,) = check_policy(tmp_path / "latin.yaml")
    assert "UTF-8" in problem.message
