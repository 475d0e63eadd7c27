"""Any input loads or gives a PolicyError; the digest follows what is effective and nothing else."""

from __future__ import annotations

import contextlib
import copy
import random
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callveil.schemas.policy import DetectionSettings, PolicyError, PolicyFile
from callveil.schemas.policy_load import PRESETS, load_policy, parse_policy, preset_text
from callveil.schemas.policy_settings import list_members

TOP_KEYS = [m.key for m in list_members(PolicyFile)]
DETECT_KEYS = [m.key for m in list_members(DetectionSettings)]
KEYS = st.sampled_from(
    (
        *TOP_KEYS,
        *DETECT_KEYS,
        "PERSON",
        "default",
        "operator",
        "scope",
        "when",
        "set",
        "text",
        "entity",
        "account",
        "caller",
    )
) | st.text(max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["content", "label", "gdpr", "keep", "call", "en", "PERSON"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


def outcome(text: str) -> None:
    with contextlib.suppress(PolicyError):
        made = parse_policy(text)
        again = parse_policy(made.effective_yaml())
        assert (
            again == made
            and again.base == made.base
            and again.overrides == made.overrides
            and again.detect == made.detect
            and again.limits == made.limits
        )


@settings(max_examples=250)
@given(st.dictionaries(st.sampled_from(TOP_KEYS), VALUES, max_size=6))
def test_any_mapping_loads_or_is_refused_with_a_policy_error(document: dict[str, Any]) -> None:
    outcome(yaml.safe_dump({"version": 1, **document}, allow_unicode=True))


@settings(max_examples=250)
@given(st.text(alphabet="abv1:- {}[]&*<>!|?'\"\\#%@`,\n\tue0x", max_size=60))
@example('version: 1\nallow: ["\\U00110000"]')
@example("? [a]\n: b")
@example("{<<: 1}")
@example("!!map [a]")
@example("version: !!int x")
@example("version: !!bool 1")
@example("version: 1\noverrides: [!!map x]")
@example("%YAML 3.0\n---\nversion: 1")
@example("version: 1\n---\nversion: 1")
def test_any_text_loads_or_is_refused_with_a_policy_error(text: str) -> None:
    outcome(text)


@settings(max_examples=150)
@given(st.sampled_from(PRESETS), st.integers(0, 10_000), st.text(max_size=3), st.integers(0, 5))
def test_damaged_presets_load_or_are_refused(
    name: str, place: int, inserted: str, removed: int
) -> None:
    text = preset_text(name)
    place %= len(text)
    outcome(text[:place] + inserted + text[place + removed :])


@settings(max_examples=100)
@given(st.lists(st.text(min_size=1, max_size=20), max_size=4), st.text(min_size=1, max_size=10))
@example([], "0\x850\r")
@example(["a\u2028b"], "a\u2029b")
def test_any_texts_come_back_from_the_stored_copy(texts: list[str], account: str) -> None:
    outcome(
        yaml.safe_dump(
            {
                "version": 1,
                "allow": texts,
                "overrides": [{"when": {"account": account}, "set": {"allow": texts}}],
            },
            allow_unicode=True,
        )
    )


CARD = {"operator": "mask", "keep_last": 4, "char": "#"}
FULL: dict[str, Any] = {
    "version": 1,
    "name": "acme",
    "mode": "content",
    "full_after_days": 60,
    "label": "[{entity}]",
    "entities": {
        "default": "label",
        "PERSON": {"operator": "pseudonym", "scope": "account"},
        "CREDIT_CARD": CARD,
    },
    "fields": {"caller": "redact", "notes": "clear"},
    "thresholds": {"default": 0.4, "VIN": 0.6},
    "detect": {
        "model": "none",
        "models": {"es": "es_core_news_md"},
        "languages": ["en", "es"],
        "default_language": "es",
        "unknown_language": "scan",
        "phone_regions": ["US", "GB"],
        "recognizers": {"disable": ["UrlRecognizer"]},
        "timeout_seconds": 3,
        "amounts": True,
        "max_steps": 70_000,
        "labels": {"PER": "PERSON", "MISC": "ignore"},
        "one_party": "always",
        "margins": {"cased": {"name": -1, "rare_name": -3}, "uncased": {"name": 0}},
    },
    "allow": ["Acme", "beta"],
    "deny": [{"text": "Falcon", "entity": "CODE_NAME"}, {"text": "Osprey", "entity": "CODE_NAME"}],
    "limits": {"record_bytes": 4096, "field_chars": 2048, "depth": 9, "document_bytes": 8192},
    "overrides": [
        {
            "when": {"account": ["1", "2"], "kind": ["call", "chat"]},
            "set": {"mode": "full", "entities": {"PERSON": "clear"}},
        },
        {
            "when": {"language": "es"},
            "set": {
                "full_after_days": 3,
                "thresholds": {"PERSON": 0.2},
                "deny": [{"text": "Kite", "entity": "X_K"}],
            },
        },
    ],
}
SHA = parse_policy(yaml.safe_dump(FULL)).sha256
ORDERED = {"phone_regions", "overrides"}


def shuffled(value: Any, seed: random.Random, key: str = "") -> Any:
    """The same document with keys, and lists whose order means nothing, in another order."""
    if isinstance(value, dict):
        items = [(k, shuffled(v, seed, k)) for k, v in value.items()]
        seed.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        out = [shuffled(v, seed) for v in value]
        if key not in ORDERED:
            seed.shuffle(out)
        return out
    return value


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.booleans())
def test_digest_ignores_order_comments_and_style(seed: random.Random, flow: bool) -> None:
    text = yaml.safe_dump(shuffled(FULL, seed), sort_keys=False, default_flow_style=flow)
    assert parse_policy("# a comment\n" + text + "\n# another\n").sha256 == SHA


CHANGES: list[tuple[tuple[Any, ...], Any]] = [
    (("name",), "other"),
    (("mode",), "full"),
    (("full_after_days",), 61),
    (("full_after_days",), None),
    (("label",), "<{entity}>"),
    (("entities", "default"), "clear"),
    (("entities", "PERSON", "scope"), "call"),
    (("entities", "CREDIT_CARD", "keep_last"), 3),
    (("entities", "CREDIT_CARD", "char"), "*"),
    (("entities", "AGE"), "keep"),
    (("fields", "caller"), "clear"),
    (("fields", "notes"), "scan"),
    (("thresholds", "default"), 0.41),
    (("thresholds", "VIN"), 0.7),
    (("detect", "model"), "en_core_web_sm"),
    (("detect", "models", "es"), "es_core_news_sm"),
    (("detect", "labels", "PER"), "X_WHO"),
    (("detect", "default_language"), "en"),
    (("detect", "unknown_language"), "full"),
    (("detect", "phone_regions"), ["US"]),
    (("detect", "recognizers", "disable"), []),
    (("detect", "timeout_seconds"), 4),
    (("detect", "max_steps"), 70_001),
    (("detect", "margins", "cased", "name"), -1.5),
    (("detect", "margins", "uncased", "rare_name"), -4),
    (("detect", "amounts"), False),
    (("detect", "one_party"), "never"),
    (("allow",), ["acme"]),
    (("deny", 0, "text"), "Falcons"),
    (("deny", 0, "entity"), "X_CODE"),
    (("limits", "record_bytes"), 4097),
    (("limits", "field_chars"), 2049),
    (("limits", "depth"), 10),
    (("limits", "document_bytes"), 8193),
    (("overrides", 0, "when", "account"), ["1"]),
    (("overrides", 0, "set", "mode"), "content"),
    (("overrides", 1, "when"), {"language": "en"}),
    (("overrides", 1, "set", "deny"), []),
    (("overrides",), FULL["overrides"][::-1]),
]


@pytest.mark.parametrize(
    ("path", "value"),
    CHANGES,
    ids=lambda v: ".".join(map(str, v)) if isinstance(v, tuple) else None,
)
def test_digest_follows_every_effective_change(path: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(FULL)
    target = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert parse_policy(yaml.safe_dump(document)).sha256 != SHA


def test_equal_ways_of_saying_it_have_one_digest() -> None:
    written_out = parse_policy(
        "version: 1\nname: p\nentities: {AGE: {operator: mask, char: '*', keep_last: 0}}\nallow: "
        "[ACME  Inc]\nlimits: {depth: 64}\n"
    )
    short = parse_policy(
        "version: 1\nname: p\nentities: {AGE: mask}\nallow: acme inc\noverrides:\ndetect:\n"
    )
    assert written_out == short
    inherited = parse_policy("version: 1\nname: gdpr\nextends: gdpr\n")
    assert inherited == load_policy("gdpr")
