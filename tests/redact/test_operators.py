"""Text that stands in place of a value. All values are generated."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import OperatorConfig, RecognizerResult
from support.record_redaction import Bench, content

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy import Operator, Rules
from callveil.transforms.redact.operators import (
    OPERATORS,
    Mask,
    Token,
    TokenError,
    TokenKeys,
    canonical_value,
    encoded_params,
    make_call_token,
    operator_params,
    replace_spans,
    reveal_token,
    scope_of,
)
from callveil.transforms.storage.encryption.keyring import Keyring

HERE, SAME_ACCOUNT, ELSEWHERE = (
    InteractionKey("70001", "1"),
    InteractionKey("70001", "2"),
    InteractionKey("70002", "1"),
)
MAIL = "zofia.k@example.com"


@pytest.mark.parametrize(
    ("text", "keep", "masked"),
    [
        ("415-555-0134", 0, "***-***-****"),
        ("415-555-0134", 4, "***-***-0134"),
        ("+1 (415) 555 0134", 2, "+* (***) *** **34"),
        ("12", 4, "*2"),  # never more than half of a short value
        ("1", 4, "*"),
        ("", 4, ""),
        ("...", 4, "..."),
        ("ünal ß4", 3, "***l ß4"),
        ("***-***-0134", 4, "***-***-0134"),  # what is masked already counts
        ("four one", 100, "**** one"),
    ],
)
def test_mask(text: str, keep: int, masked: str) -> None:
    assert Mask().operate(text, {"char": "*", "keep_last": keep}) == masked


@settings(max_examples=200)
@given(st.text("aé1 -*x.", max_size=20), st.integers(0, 10), st.sampled_from("*#x"))
def test_mask_keeps_length_and_signs_and_at_most_half(text: str, keep: int, char: str) -> None:
    out = Mask().operate(text, {"char": char, "keep_last": keep})
    letters = [i for i, c in enumerate(text) if c.isalnum() or c == char]
    shown = [i for i in letters if out[i] == text[i] and text[i] != char]
    assert len(out) == len(text)
    assert all(out[i] == text[i] for i in range(len(text)) if i not in letters)
    assert len(shown) <= min(keep, len(letters) // 2)
    assert Mask().operate(out, {"char": char, "keep_last": keep}) == out


@settings(max_examples=200)
@given(st.text('aé1 -*x."', max_size=30), st.data())
def test_replaced_is_what_presidios_anonymizer_writes(text: str, data: st.DataObject) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
    stretches = [pair for pair in pairwise(edges) if data.draw(st.booleans())]  # some of them touch
    forms: list[tuple[str, dict[str, Any]]] = [
        ("label", {"label": "[PERSON]"}),
        ("clear", {}),
        ("same", {}),
        ("mask", {"char": "*", "keep_last": 2}),
        (
            "pseudonym",
            {"entity": "PERSON", "value": "al", "key": b"k" * 32, "scope": ("call", "1", "2")},
        ),
        (
            "token",
            {"entity": "PERSON", "key": b"k" * 64, "key_id": "k1", "scope": ("call", "1", "2")},
        ),
        ("encoded", encoded_params("mask", {"char": "*", "keep_last": 2}, 'a"1', 1, False)),
    ]
    drawn = [(*pair, *data.draw(st.sampled_from(forms))) for pair in stretches]
    engine = AnonymizerEngine()
    for operator in OPERATORS:
        engine.add_anonymizer(operator)
    outcome = engine.anonymize(
        text,
        [RecognizerResult(f"T{n}", start, end, 1.0) for n, (start, end, _, _) in enumerate(drawn)],
        {
            f"T{n}": OperatorConfig(f"callveil_{action}", params)
            for n, (_, _, action, params) in enumerate(drawn)
        },
        merge_entities_with_spaces=False,
    )
    places = {item.entity_type: (item.start, item.end) for item in outcome.items}
    assert replace_spans(text, drawn) == (
        outcome.text,
        [places[f"T{n}"] for n in range(len(drawn))],
    )


@pytest.mark.parametrize(
    "stretches", [[(2, 4), (0, 1)], [(0, 3), (2, 4)], [(0, 9)], [(-1, 2)], [(3, 2)]]
)
def test_stretches_that_overlap_or_leave_the_text_are_refused(
    stretches: list[tuple[int, int]],
) -> None:
    with pytest.raises(ValueError, match="out of order"):
        replace_spans("abcde", [(start, end, "clear", {}) for start, end in stretches])


def one(
    redact: Bench, operator: str, text: str = f"mail {MAIL} now", key: InteractionKey = HERE
) -> str:
    """The notes `text` under one operator for all types."""
    return str(
        content(redact({"notes": text}, f"entities: {{default: {operator}}}", key=key))["notes"]
    )


def test_label_clear_and_keep(redact: Bench) -> None:
    assert one(redact, "label") == "mail [EMAIL_ADDRESS] now"
    assert one(redact, "clear") == "mail  now"
    assert (
        content(
            redact({"notes": f"mail {MAIL}"}, "entities: {default: label, EMAIL_ADDRESS: keep}")
        )["notes"]
        == f"mail {MAIL}"
    )
    assert (
        content(redact({"notes": f"mail {MAIL}"}, "label: '<{entity}>'"))["notes"]
        == "mail <EMAIL_ADDRESS>"
    )


def test_a_kept_type_is_recorded_as_readable(redact: Bench) -> None:
    out = redact(
        {"notes": f"mail {MAIL}, call 415-555-0134"},
        "entities: {default: label, EMAIL_ADDRESS: keep}",
    )
    kept = [r.finding for r in out.findings if r.finding.status == "kept"]
    assert [(f.entity_type, f.action, f.span_start, f.span_end) for f in kept] == [
        ("EMAIL_ADDRESS", "keep", 5, 24)
    ]
    assert out.interaction.record["redacted_entities"] == ["PHONE_NUMBER"]


@pytest.mark.parametrize(
    ("scope", "same_account", "elsewhere"),
    [("call", False, False), ("account", True, False), ("everywhere", True, True)],
)
@pytest.mark.parametrize("operator", ["pseudonym", "token"])
def test_scopes(
    redact: Bench, operator: str, scope: str, same_account: bool, elsewhere: bool
) -> None:
    how = f"{{operator: {operator}, scope: {scope}}}"
    here = one(redact, how)
    assert here == one(redact, how, key=HERE) and MAIL not in here
    assert (one(redact, how, key=SAME_ACCOUNT) == here) is same_account
    assert (one(redact, how, key=ELSEWHERE) == here) is elsewhere


def test_a_pseudonym_is_the_same_however_a_value_is_written(redact: Bench) -> None:
    texts = [
        "call 415-555-0134",
        "call +1 (415) 555-0134",
        "my number is four one five five five five oh one three four",
    ]
    names = {
        re.findall(r"\[PHONE_NUMBER:([a-z2-7]{13})\]", one(redact, "pseudonym", t))[0]
        for t in texts
    }
    assert len(names) == 1
    assert names.isdisjoint(
        re.findall(r":([a-z2-7]{13})\]", one(redact, "pseudonym", "call 415-555-0135"))
    )


@pytest.mark.parametrize(
    "turns",
    [
        ["my number is 415 555 0134", "so that's four one five five five five oh one three four"],
        ["my number is 415 555 0134", "415 555 0134", "yes"],
        ["my number is 415 555 0134 415 555 0134", "yes"],
    ],
)
def test_a_number_read_back_has_the_pseudonym_of_one_said_once(
    redact: Bench, turns: list[str]
) -> None:
    out = redact(
        {
            "transcription_text": "\n".join(
                f"{'AC'[n % 2]}: {t}" for n, t in enumerate(["what's your number", *turns])
            )
        },
        "entities: {default: {operator: pseudonym, scope: everywhere}}",
    )
    names = set(re.findall(r"\[PHONE_NUMBER:([a-z2-7]{13})\]", content(out)["transcription_text"]))
    assert [f"[PHONE_NUMBER:{n}]" for n in names] == [
        one(redact, "{operator: pseudonym, scope: everywhere}", "call 415-555-0134")[5:]
    ]


def test_pseudonyms_depend_on_the_key_and_the_type(redact: Bench, keyring: Keyring) -> None:
    other = Bench(redact.detector, keyring)
    assert one(redact, "pseudonym") != one(other, "pseudonym")
    rules = Rules(entities={"default": Operator("pseudonym")})
    secrets = TokenKeys.of(redact.keyring)
    as_pin, as_order = (
        operator_params(rules, e, "12345", secrets, *HERE)[1] for e in ("PIN", "ORDER_ID")
    )
    assert as_pin["entity"] != as_order["entity"] and as_pin["key"] == as_order["key"]


@pytest.mark.parametrize(
    ("entity", "a", "b", "equal"),
    [
        ("PHONE_NUMBER", "+1 415 555 0134", "(415) 555-0134", True),
        ("CREDIT_CARD", "four one double one", "4111", True),
        ("EMAIL_ADDRESS", "zofia dot k at example dot com", "Zofia.K@example.com", True),
        ("PERSON", "O'Brien", "o brien", True),
        ("PERSON", "Zoë", "zoe", True),
        ("BOOKING_REFERENCE", "X K 4 oh", "xk40", True),
        ("ADDRESS", "12 Elm St", "12, elm st", True),
        ("ADDRESS", "1 2elm", "12 elm", False),
        ("PIN", "one two", "12", True),
    ],
)
def test_canonical(entity: str, a: str, b: str, equal: bool) -> None:
    assert (canonical_value(entity, a) == canonical_value(entity, b)) is equal


@settings(max_examples=60)
@given(
    text=st.text(min_size=1, max_size=40).filter(lambda t: t.isprintable() or "\n" in t),
    scope=st.sampled_from(["call", "account", "everywhere"]),
)
def test_tokens_open_again(redact: Bench, text: str, scope: str) -> None:
    secrets = TokenKeys.of(redact.keyring)
    made = Token().operate(
        text,
        {
            "entity": "PERSON",
            "key": secrets.token,
            "key_id": secrets.key_id,
            "scope": scope_of(scope, *HERE),
        },
    )
    assert reveal_token(made, redact.keyring, *HERE) == text
    assert scope == "call" or reveal_token(made, redact.keyring, "70001") == text
    assert scope != "everywhere" or reveal_token(made, redact.keyring) == text


@pytest.mark.parametrize("where", [("70001", "2"), ("70002", "1"), ("", "")])
def test_a_token_of_a_call_opens_nowhere_else(redact: Bench, where: tuple[str, str]) -> None:
    made = make_call_token("PERSON", "Zofia", TokenKeys.of(redact.keyring), *HERE)
    with pytest.raises(TokenError, match="--account"):
        reveal_token(made, redact.keyring, *where)


@settings(max_examples=100)
@given(place=st.integers(0, 200), char=st.sampled_from("ABCabc019-_"))
def test_a_changed_token_does_not_open(redact: Bench, place: int, char: str) -> None:
    made = make_call_token("PERSON", "Zofia Kowalczyk", TokenKeys.of(redact.keyring), *HERE)
    start = made.rindex(".") + 1
    place = start + place % (len(made) - 1 - start)
    changed = made[:place] + char + made[place + 1 :]
    try:
        opened = reveal_token(changed, redact.keyring, *HERE)
    except TokenError as refused:
        assert "Zofia" not in str(refused)
    else:
        assert opened == "Zofia Kowalczyk"  # the last character of base64 has bits that say nothing
        assert changed == made or place == len(made) - 2


@pytest.mark.parametrize(
    "change",
    [
        lambda t, k: t.replace("PERSON", "PIN"),  # another type
        lambda t, k: t.replace(k.active, "0" * len(k.active)),  # a key the keyring lacks
        lambda t, k: t[:-5] + "]",  # cut off
        lambda t, k: t[1:-1],  # no brackets
        lambda t, k: "[PERSON:t1." + k.active + ".A]",  # no base64
        lambda t, k: "[PERSON]",
        lambda t, k: "",
    ],
)
def test_what_is_no_token_of_this_keyring_is_refused(redact: Bench, change: Any) -> None:
    made = make_call_token("PERSON", "Zofia", TokenKeys.of(redact.keyring), *HERE)
    with pytest.raises(TokenError):
        reveal_token(change(made, redact.keyring), redact.keyring, *HERE)


def test_another_keyring_opens_nothing_and_a_rotated_one_everything(
    redact: Bench, tmp_path: Path
) -> None:
    first = Keyring.create(tmp_path / "a.json")
    made = make_call_token("PERSON", "Zofia", TokenKeys.of(first), *HERE)
    rotated = Keyring.rotate(tmp_path / "a.json")
    assert rotated.active != first.active and reveal_token(made, rotated, *HERE) == "Zofia"
    assert (
        reveal_token(
            make_call_token("PERSON", "Zofia", TokenKeys.of(rotated), *HERE), rotated, *HERE
        )
        == "Zofia"
    )
    with pytest.raises(TokenError, match="keyring"):
        reveal_token(made, redact.keyring, *HERE)


def test_tokens_of_a_record_open_to_what_stood_there(redact: Bench) -> None:
    text = f"mail {MAIL}, call 415-555-0134"
    out = one(redact, "token", text)
    assert (
        re.sub(r"\[[A-Z_]+:t1[^\]]+\]", lambda m: reveal_token(m[0], redact.keyring, *HERE), out)
        == text
    )


def test_secrets_are_not_shown(redact: Bench) -> None:
    secrets = TokenKeys.of(redact.keyring)
    shown = repr(secrets)
    assert (
        secrets.key_id in shown
        and repr(secrets.token) not in shown
        and repr(secrets.pseudonym) not in shown
    )


def test_parts_of_a_masked_value_show_nothing(redact: Bench) -> None:
    """The last characters of each word of a number would add up to more than what may be shown of
    the whole.
    """
    out = content(
        redact(
            {
                "outline": [
                    {"channel": 2, "text": "card number?"},
                    {"channel": 1, "text": "4111 1111"},
                    {"channel": 2, "text": "okay"},
                    {"channel": 1, "text": "1111 1111"},
                ],
            },
            "entities: {default: {operator: mask, keep_last: 4}}",
        )
    )
    assert [t["text"] for t in out["outline"]] == ["card number?", "**** ****", "okay", "**** ****"]
