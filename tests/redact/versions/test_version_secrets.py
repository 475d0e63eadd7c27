"""Secrets in values of versions, by form, by name and by what stands beside. All are generated."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.history_runs import Redact, version

from callveil.schemas.fields import FieldError
from callveil.schemas.version import RedactedVersion
from callveil.transforms.detect.secret_fields import secret_spans
from callveil.transforms.redact.versions.json_values import canonical_json

KEY = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"key is {KEY}!",
        "AKIAIOSFODNN7EXAMPLE",
        JWT,
        "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2",
        "xoxb-123456789012-abcdef",
        "https://user:hunter22@example.com/x",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "Authorization: Bearer abcdefghijklmnop1234",
        "https://x.example/?token=abcdef123456",
        "$2a$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234",
        "d41d8cd98f00b204e9800998ecf8427e",
        "password=correcthorse",
        "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg",
    ],
)
def test_values_that_are_secrets_by_their_form(redact_version: Redact, text: str) -> None:
    assert secret_spans(text)
    for rules in ("", "mode: none", "fields: {custom: keep}"):
        _, after = redact_version.change("Source", "comment", None, text, rules)
        assert "[SECRET]" in after
        for start, end in secret_spans(text):
            assert text[start:end] not in after


@pytest.mark.parametrize(
    "rules",
    ["", "mode: none", "entities: {default: keep, SECRET: keep, CREDIT_CARD: keep, CVV: keep}"],
)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "hunter2"),
        ("api_key", "abc"),
        ("pin", 4711),
        ("card_number", "4111111111111111"),
        ("cvv", 123),
    ],
)
def test_secrets_and_cards_are_kept_by_no_policy(
    redact_version: Redact, rules: str, name: str, value: Any
) -> None:
    before, after = redact_version.change("User", name, None, value, rules)
    assert before is None
    assert isinstance(after, str)
    assert str(value) not in after


@pytest.mark.parametrize("value", [True, False, None])
def test_flags_are_no_secrets(redact_version: Redact, value: Any) -> None:
    assert redact_version.change("User", "password", value, value) == (value, value)


@pytest.mark.parametrize(
    "text",
    [
        '{"api_key": "hunter22Zebra"',
        "{:password=>'hunter22Zebra'}",
        "---\nsmtp:\n  pass: hunter22Zebra\n",
        "Server=db;Password=hunter22Zebra;",
        "postgres://app:hunter22@Zebra@db.example/app",
        "redis://:hunter22Zebra@cache:6379/0",
        'curl -H "X-Api-Key: hunter22Zebra"',
        "Authorization: Basic aHVZebra",
        '{\\"client_secret\\": \\"correct horse Zebra\\"',
    ],
)
def test_secrets_in_texts_of_settings(redact_version: Redact, text: str) -> None:
    assert "Zebra" not in redact_version.change("Setting", "config", None, text)[1]


@pytest.mark.parametrize(
    "value",
    [
        "4539910317764670",
        "card_4539910317764670",
        "415-555-0123",
        "w@example.com",
        KEY,
        "4539-9103-1776-4670",
    ],
)
@pytest.mark.parametrize(
    "member",
    [
        "field",
        "user_role",
        "item_label",
        "item_type",
        "event",
        "restored_from",
        "request_id",
        "item_id",
        "user_id",
    ],
)
def test_what_stands_where_a_word_or_an_id_belongs_is_found(
    redact_version: Redact, member: str, value: str
) -> None:
    record = (
        version(changes={value: [1, 2]}, object={value: 1})
        if member == "field"
        else version(**{member: value})
    )
    try:
        found = redact_version(record)
    except FieldError:
        return  # what is no word at all is refused, which shows nothing either
    shown = {k: str(v) for k, v in found.record.items() if not k.endswith("digest")}
    assert value not in canonical_json(shown) + "".join(found.key) + found.event
    assert re.sub(r"^card_", "", value) not in canonical_json(shown)


def test_secrets_and_cards_go_even_from_what_is_kept_of_staff(redact_version: Redact) -> None:
    found = redact_version(
        version(user_name="Ada 4539910317764670", user_agent=f"x {KEY}"), "fields: {staff: keep}"
    ).record
    assert (found["actor_name"], found["user_agent"]) == ("Ada [CREDIT_CARD]", "x [SECRET]")


HIDDEN = """hmac: Zebra82q | hmac_sha256: Zebra82q | unlock_code: Zebra82q | door_code: Zebra82q
mfa_backup: Zebra82q | mfa_backup: 4417 2281 | totp_seed: Zebra82q | key: Zebra82q
keys: Zebra82q | Key: ZebraHunter | oauth: Zebra82q | oauth2: Zebra82q | code_verifier: Zebra82q
auth_method: Zebra82q | auth_mode: Zebra | login_method: Zebra82q | sso: Zebra82q
mfa_type: Zebra82q | two_factor_enabled: 441722 | pin_required: 4417 | require_pin: 4417
pin_length: 4417 | password_type: Zebra82q | token_status: Zebra82q
password_changed_at: Zebra82q | password_min: Zebra82q | password_default: Zebra82q
has_password: Zebra82q | otp_delivery: 441722 | note: curl -u bo:Zebra82q https://x.example/
note: curl -s --user "bo:Zebra82q" x.example | note: wget --http-password Zebra82q x.example
note: mysql -u root -pZebra82q db | note: sshpass -p Zebra82q ssh bo@x.example
note: redis-cli -h x.example -a Zebra82q | note: ldapsearch -x -D cn=bo -w Zebra82q
note: sqlcmd -U sa -P Zebra82q | note: deploy --api-key=Zebra82q | note: run --token 'Zebra82q'
secret_scanning: Zebra82q | secrets_encrypted: Zebra82q | encrypted_password: true
password: on | password: 4417"""


SHOWN = """key: primary | key: * | keys: 1 | oauth: google | hmac: sha256
auth_method: password | auth_method: SAML via Okta | sso: off | mfa_type: totp
two_factor_enabled: yes | pin_required: off | pin_required: t | pin_required: 1 | pin_length: 6
require_pin: always | password_type: bcrypt | token_type: Bearer | token_ttl: 86400
session_timeout: 1800 | password_expires: 90 days | max_tokens: 4096
password_policy: min 12 characters | password_changed_at: 2026-10-20 10:00:00 UTC
password_changed_at: 1792490400 | api_key_id: 17 | signature_algorithm: RS256
certificate_status: issued | auth_provider: okta | token_issuer: https://id.example
sso_domain: acme.example | secret_scanning: on | secrets_encrypted: true | password_visible: N
token_rotated: yes | api_key_rotation: quarterly | note: docker run -p 8080:80 -u 1000:1000 app
note: the --password option | note: sort --key name | note: mysql -P 3306"""


def _cells(text: str) -> list[tuple[str, str]]:
    parts = [
        cell.strip().partition(": ") for line in text.splitlines() for cell in line.split(" | ")
    ]
    return [(name, value) for name, _, value in parts]


def _after(redact_version: Redact, cells: list[tuple[str, Any]], rules: str = "") -> list[Any]:
    records = [
        version(version_id=str(n), item_type="Setting", changes={name: [None, value]})
        for n, (name, value) in enumerate(cells, 1)
    ]
    found = redact_version.many(records, rules)
    return [
        item.record["changes"][0]["after"] if isinstance(item, RedactedVersion) else item
        for item in found
    ]


@pytest.mark.parametrize("rules", ["", "mode: none", "entities: {default: keep}"])
def test_secrets_by_more_names_and_from_command_lines(redact_version: Redact, rules: str) -> None:
    cells = _cells(HIDDEN)
    for (name, value), after in zip(cells, _after(redact_version, cells, rules), strict=True):
        assert "[SECRET]" in after, (name, value)
        assert "Zebra" not in after
        assert value == after or not re.search(r"4417|2281", after)


def test_states_of_secrets_are_settings(redact_version: Redact) -> None:
    cells = _cells(SHOWN)
    links = ("token_issuer", "sso_domain")
    for (name, value), after in zip(cells, _after(redact_version, cells), strict=True):
        assert after == ("[URL]" if name in links else value), name


def test_numbers_under_the_name_of_a_switch(redact_version: Redact) -> None:
    assert _after(
        redact_version,
        [
            ("pin_required", 4417),
            ("pin_required", 1),
            ("token_ttl", 86400),
            ("keys", {"1": "sales", "2": "support"}),
        ],
    ) == [
        "[SECRET]",
        1,
        86400,
        {"1": "sales", "2": "support"},
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"oauth": {"value": "Zebra82q"}}, {"oauth": {"[SECRET]": "[SECRET]"}}),
        ({"key": "theme", "value": "dark"}, {"key": "theme", "value": "dark"}),
        ({"key": "api_key", "value": "Zebra82q"}, {"key": "api_key", "value": "[SECRET]"}),
        ({"key": "Zebra82q", "name": "Zapier"}, {"key": "[SECRET]", "name": "Zapier"}),
        ({"keys": {"live": "Zebra82q"}}, {"keys": {"[SECRET]": "[SECRET]"}}),
        ([{"key": "1", "action": "dial"}], [{"key": "1", "action": "dial"}]),
    ],
)
def test_members_called_key(redact_version: Redact, value: Any, expected: Any) -> None:
    assert _after(redact_version, [("config", value)]) == [expected]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("theme", ["theme", "Zebra82"]),
        ("api_key", ["api_key", "[SECRET]"]),
        ("Zebra82", ["[SECRET]", "Zebra82"]),
    ],
)
def test_a_field_that_names_the_field_beside_it(
    redact_version: Redact, key: str, expected: list[str]
) -> None:
    changes = {"key": [None, key], "value": [None, "Zebra82"]}
    found = redact_version(
        version(item_type="Setting", changes=changes, object={"key": key, "value": "Zebra82"})
    )
    assert (
        [c["after"] for c in found.record["changes"]]
        == expected
        == [v["value"] for v in found.record["object"]]
    )
