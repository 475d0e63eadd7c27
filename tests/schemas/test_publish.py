"""Published schemas: they are valid, say the same as the loader, and are the same on every run."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
import yaml

from callveil.schemas.arrow import ARROW_SCHEMAS
from callveil.schemas.interaction import FIELDS, STATE
from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.schemas.policy import PolicyError
from callveil.schemas.policy_load import PRESETS, load_policy, parse_policy, preset_text
from callveil.schemas.publish import json_schemas
from callveil.transforms.storage.format1.snapshot import manifest_bytes, parse_manifest

VALIDATORS = {
    name: jsonschema.Draft202012Validator(schema) for name, schema in json_schemas().items()
}


@pytest.mark.parametrize("name", sorted(VALIDATORS))
def test_every_schema_is_valid_and_titled(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATORS[name].schema)
    assert VALIDATORS[name].schema["title"] and VALIDATORS[name].schema["description"]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_and_their_resolved_documents_fit(name: str) -> None:
    VALIDATORS["policy"].validate(yaml.safe_load(preset_text(name)))
    VALIDATORS["policy"].validate(load_policy(name).document)


@pytest.mark.parametrize(
    "text",
    [
        "name: x",
        "version: 2",
        "modus: full",
        "mode: all",
        "full_after_days: -1",
        "label: ''",
        "entities: {PERSON: hide}",
        "entities: {CVV: token}",
        "entities: {CREDIT_CARD: {operator: mask, keep_last: 5}}",
        "entities: {PERSON: {operator: label, scope: call}}",
        "entities: {PERSN x: label}",
        "entities: {PIN: {operator: mask, keep_last: 1}}",
        "fields: {caler: hide}",
        "fields: {'': keep}",
        "fields: {identity: clear}",
        "fields: {media: scan}",
        "fields: {latitude: redact}",
        "thresholds: {default: 2}",
        "detect: {languages: [english]}",
        "detect: {amounts: 1}",
        "limits: {depth: 1}",
        "allow: {a: b}",
        "deny: [{text: ab}]",
        "deny: [{text: ab, entity: lower}]",
        "overrides: [{when: {}, set: {}}]",
        "overrides: [{set: {}}]",
        "overrides: [{when: {kind: fax}, set: {}}]",
        "overrides: [{when: {kind: call}, set: {limits: {}}}]",
        "overrides: [{when: {account: []}, set: {}}]",
    ],
)
def test_schema_and_loader_refuse_alike(text: str) -> None:
    document = yaml.safe_load(
        text if text.startswith(("version", "name: x")) else f"version: 1\n{text}"
    )
    assert not VALIDATORS["policy"].is_valid(document)
    with pytest.raises(PolicyError):
        parse_policy(yaml.safe_dump(document))


def test_manifest_fits_its_schema() -> None:
    entry = FileEntry(
        "interactions/day=2026-01-01/a.parquet",
        "interactions",
        {"day": "2026-01-01"},
        3,
        100,
        "ab" * 32,
    )
    manifest = RunManifest(
        "r",
        1,
        "",
        "",
        "redact",
        "2026-01-01T00:00:00Z",
        "0.1.0",
        "gdpr",
        "cd" * 32,
        ({"url": "f", "size": 1},),
        {"in": 3},
        (entry,),
    )
    document = json.loads(manifest_bytes(manifest))
    VALIDATORS["run_manifest"].validate(document)
    assert "accounts" not in document["added"][0]
    counted = replace(manifest, added=(replace(entry, accounts={"41": 2, "": 1}),))
    VALIDATORS["run_manifest"].validate(json.loads(manifest_bytes(counted)))
    assert parse_manifest(manifest_bytes(counted)) == counted
    assert not VALIDATORS["run_manifest"].is_valid({**document, "seq": "one"})
    assert not VALIDATORS["run_manifest"].is_valid(
        {**document, "added": [{**document["added"][0], "more": 1}]}
    )


def test_requests_need_who_and_why() -> None:
    whole = {
        "account_id": "1",
        "interaction_id": "2",
        "scope": "span",
        "field": "notes",
        "start": 0,
        "end": 4,
        "reason": "asked",
        "actor": "a7",
    }
    VALIDATORS["redaction_request"].validate(whole)
    for broken in (
        {"reason": None},
        {"actor": 3},
        {"scope": "word"},
        {"basis": "other"},
        {"start": "0"},
    ):
        assert not VALIDATORS["redaction_request"].is_valid(whole | broken)
    assert not VALIDATORS["redaction_request"].is_valid(
        {k: v for k, v in whole.items() if k != "actor"}
    )


def test_arrow_and_json_name_the_same_columns() -> None:
    schemas = json_schemas()
    for name, arrow in ARROW_SCHEMAS.items():
        assert list(schemas[name]["properties"]) == arrow.names
    assert ARROW_SCHEMAS["redacted_interaction"].names == [f.name for f in FIELDS + STATE]
