"""Digests of policies: they name the rules of every run in the stores there are, so none may
change.
"""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from callveil.schemas.policy_load import PRESETS, load_policy, parse_policy
from callveil.schemas.policy_schema import policy_json_schema
from callveil.schemas.policy_yaml import NodeReader

PRESET_DIGESTS = {
    "gdpr": "c76608ebd7c9174990af413390ffe5afb564f2d8d9090210564bb2b62c85cbc5",
    "pci": "36b10c50e90df8c4d1548e1bd25ae3003520b84ceb116cc0fd7578746c8ff143",
    "hipaa": "0aee1fd5ce9cd2be040ba04cfa7102c0fd650c17f1c2355381fc470962fe8f1c",
    "ccpa": "cfa34776a30e61089b3d32ff91d23e69cf495bb474c02f6c39e41ae99e0a6ff1",
    "gdpr-attribution": "60f6adc39e5baedf05066eeef794d260f376fb9396c1d502f6a63b87d641374e",
}

POLICIES = {
    "bare": (
        r"""version: 1
""",
        "03c8e062fe084f1893cfd63724ab0053c8774869d939902e590764687a8abbd9",
    ),
    "settings": (
        r"""version: 1
mode: full
full_after_days: 30
label: "<{entity}>"
entities:
  default: {operator: pseudonym, scope: everywhere}
  PERSON: {operator: token}
  CREDIT_CARD: {operator: mask, keep_last: 4, char: "#"}
  PIN: {operator: mask, char: x}
  X_ORDER: clear
  CODE_NAME: mask
fields: {caller: scan, notes: clear, audio: keep, extra: redact,
   form.colour: keep, extra.hue: scan, state: clear}
thresholds: {default: 0, VIN: 1, CODE_NAME: .5}
allow: [ACME  Inc, 0123, 1e3, Acme inc, "Übung  Straße"]
deny: [{text: "Falcon  Nine", entity: CODE_NAME}, {text: 007, entity: X_AGENT},
  {text: "a\u2028b", entity: X_AGENT}]
""",
        "112a4aa6eafd94fa55a5590681af3f49e61dcfd816e411815da55ec7464090f9",
    ),
    "detection": (
        r"""version: 1
detect:
  model: none
  models: {es: es_core_news_md, de: none + de_core_news_sm}
  labels: {PER: PERSON, MISC: ignore, Brand: X_BRAND}
  languages: [en, es, de, en]
  default_language: es
  unknown_language: scan
  phone_regions: [US, GB, US]
  recognizers: {disable: [UrlRecognizer, DateRecognizer]}
  timeout_seconds: 3
  max_steps: 70000
  margins: {cased: {name: -1, rare_name: -3}, uncased: {name: -7}}
  amounts: true
  dates: true
  digit_ids: true
  countries: []
  one_party: always
limits: {record_bytes: 4096, field_chars: 2048, depth: 9, document_bytes: 8192}
""",
        "5ae569e570e464279b84ff85b17642b9916fa5b00a36f751c919f836ee645d8f",
    ),
    "detection at its defaults": (
        r"""version: 1
detect:
  model: embedded
  labels:
  languages: en
  max_steps: 50000
  margins: {cased: {name: -2, place: -3.5, rare_name: -6}}
  dates: false
  digit_ids: false
  one_party: seen
limits:
""",
        "03c8e062fe084f1893cfd63724ab0053c8774869d939902e590764687a8abbd9",
    ),
    "one region, its countries": (
        r"""version: 1
detect: {phone_regions: , countries: [SE, NO]}
""",
        "a00539c88e7af22e0aef24af2a0b77bf41e402c10615db1868a07fe0813f1ad7",
    ),
    "retention": (
        r"""version: 1
extends: gdpr
retention:
  on_downgrade: at_event
  downgrade_grace_days: null
  on_reactivation: at_once
  subaccounts_inherit: true
  cancel_window_days: 90
  skew_hours: 1
  disable: [versions-agency]
  rules:
  - {id: versions-individual, action: keep, days: 8, class: versions}
  - {id: z, action: redact, days: 3, class: interactions, account: [7, 08],
    basis: law, status: [active, paused]}
  - {id: a.b-c_1, action: delete, days: 0, class: [recordings, raw],
    clock: cancelled, account_type: agency}
""",
        "48908eddb56f91bd62ac3a0d89412ddb04364449c09dca53cfa1d201e2dc4490",
    ),
    "retention, nothing said": (
        r"""version: 1
retention:
""",
        "3f207e0b5a77463c2cec83e0392b91b53c648a0d560fac59896c80bdbdff6c88",
    ),
    "recordings": (
        r"""version: 1
recordings: {mode: beep, channel: all, padding_seconds: 1, wait_seconds: 60, settle_seconds: 5,
  without_transcript: reject,
  align: false, keypad: false, untranscribed: false, original: seal, video: copy}
""",
        "0a05703788b906a874ebb73c236929d8ec099b113cb52b1f992c25a9cb7a513d",
    ),
    "recordings at later defaults": (
        r"""version: 1
recordings: {keypad: true, untranscribed: true, video: drop, settle_seconds: 60}
""",
        "6cf3a09a1aa180236dbb578c06b8b96720875efe7b13e372601c2661339de557",
    ),
    "requests": (
        r"""version: 1
requests: {four_eyes: true}
""",
        "484ea7abda3302e77beaab32bec4157bc92de9a215b3532817bb08191af95b82",
    ),
    "requests, nothing said": (
        r"""version: 1
requests: {}
""",
        "1fe3421ff84db4f23a4ead926f8cca172114ff83018c6700c09d81e4f2299b2f",
    ),
    "overrides": (
        r"""version: 1
name: "Acme (EU) 1:2"
extends: ccpa
allow: [one]
deny: [{text: Falcon, entity: X_P}]
overrides:
- when: {account: [1, 02, acme], kind: [chat, call], language: es, account_type: agency}
  set: {mode: none, full_after_days: null, label: x, fields: {content: keep}}
- when: {kind: form}
  set: {full_after_days: 3, entities: {default: clear, PERSON: keep}, thresholds: {PERSON: 1}}
- when: {language: [es, en]}
  set: {allow: [Two words], deny: [{text: Kite, entity: X_K}], entities: {}}
- when: {account: x}
  set:
""",
        "32a69c370b9ebef05c32f84c2a2e601fbcf7fa9d0115b7abf6c760ae3388cbb6",
    ),
}
"""YAML and digest, each loaded as `golden.yaml`."""


HOUSE = """version: 1
extends: pci
entities: {PERSON: {operator: pseudonym, scope: account}, CODE_NAME: label}
detect:
  models: {es: none}
  languages: [en, es]
  labels: {PER: PERSON}
  margins: {cased: {name: -8}, uncased: {rare_name: -3}}
allow: [one]
deny: [{text: Falcon, entity: CODE_NAME}, {text: two, entity: X_TWO}]
limits: {depth: 10}
retention: {disable: [versions-agency], rules: [{id: r1, action: keep, days: 5, class: raw}]}
recordings: {mode: tone}
overrides:
- when: {kind: chat}
  set: {entities: {PERSON: mask}}
"""
ACME = """version: 1
extends: house.yaml
mode: full
entities: {CODE_NAME: {operator: mask, keep_last: 2}, X_TWO: clear, X_BIRD: label}
detect:
  models: {es: es_core_news_md}
  labels: {ORG: ORGANIZATION}
  margins: {cased: {name: -1}}
allow: [Two, three]
deny: [{text: FALCON, entity: X_BIRD}]
limits: {record_bytes: 2048}
retention:
  skew_hours: 2
  rules:
  - {id: r1, action: delete, days: 6, class: [raw, reports]}
  - {id: versions-agency, action: keep, days: 9, class: versions}
recordings: {video: copy}
requests: {four_eyes: true}
overrides:
- when: {language: es}
  set: {full_after_days: 9, allow: [four]}
"""


def test_presets_keep_their_digests() -> None:
    assert {name: load_policy(name).sha256 for name in PRESETS} == PRESET_DIGESTS


@pytest.mark.parametrize("name", POLICIES)
def test_policies_keep_their_digests(name: str) -> None:
    text, digest = POLICIES[name]
    policy = parse_policy(text, "golden.yaml")
    assert policy.sha256 == digest
    assert parse_policy(policy.effective_yaml(), "golden.yaml").sha256 == digest


VALIDATOR = jsonschema.Draft202012Validator(policy_json_schema())


@pytest.mark.parametrize("name", POLICIES)
def test_json_schema_takes_them_and_their_documents(name: str) -> None:
    text, _ = POLICIES[name]
    reader = NodeReader("golden.yaml")
    root = reader.compose(text)
    assert root is not None
    VALIDATOR.validate(reader.read_values(root))
    VALIDATOR.validate(parse_policy(text).document)


def test_extended_files_add_up_to_the_stored_copy(tmp_path: Path) -> None:
    """Check the policy that one digest stands for, written out, for a file that extends a file that
    extends a preset.
    """
    (tmp_path / "house.yaml").write_text(HOUSE)
    (tmp_path / "acme.yaml").write_text(ACME)
    stored = Path(__file__).with_name("effective_policy.yaml").read_text("utf-8")
    assert load_policy(tmp_path / "acme.yaml").effective_yaml() == stored
