"""Loading: every mistake has its line and field; presets and files load; nothing is executed or
quoted.
"""

from __future__ import annotations

import pickle

import pytest

from callveil.schemas.policy import (
    DetectionSettings,
    Operator,
    PolicyError,
)
from callveil.schemas.policy_load import (
    load_policy,
    parse_policy,
)
from callveil.schemas.problem import Problem


def problems(text: str) -> list[Problem]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "p.yaml")
    return caught.value.problems


BROKEN = [
    # (yaml, line, column, field, words of the message)
    ("", 0, 0, "", "empty"),
    ("name: x\n", 0, 0, "", "version is missing"),
    ("version: 2\n", 1, 10, "version", "reads version 1"),
    ("version: '1'\n", 1, 10, "version", "expected a whole number, found text"),
    ("- version: 1\n", 1, 1, "", "expected a mapping, found a list"),
    ("version: 1\nmodus: full\n", 2, 1, "modus", "did you mean mode?"),
    ("version: 1\nmode: fulll\n", 2, 7, "mode", "did you mean full?"),
    ("version: 1\nmode: null\n", 2, 7, "mode", "found nothing"),
    ("version: 1\nmode: full\nmode: none\n", 3, 1, "mode", "first in line 2"),
    ("version: 1\nname: 7\n", 2, 7, "name", "put it in quotes"),
    ("version: 1\nname: [a]\n", 2, 7, "name", "found a list"),
    ("version: 1\nname: 'a\tb'\n", 2, 7, "name", "letters, digits"),
    ("version: 1\nfull_after_days: -1\n", 2, 18, "full_after_days", "from 0 to 36500"),
    ("version: 1\nfull_after_days: 1.5\n", 2, 18, "full_after_days", "found a number"),
    (
        "version: 1\nfull_after_days: 99999999999999999999999\n",
        2,
        18,
        "full_after_days",
        "expected a whole number",
    ),
    ("version: 1\nlabel: '[{type}]'\n", 2, 8, "label", "{entity} is the only place holder"),
    (
        "version: 1\nlabel: '[{entity.__class__}]'\n",
        2,
        8,
        "label",
        "{entity} is the only place holder",
    ),
    ("version: 1\nlabel: '[{entity'\n", 2, 8, "label", "{entity} is the only place holder"),
    ("version: 1\nlabel: ''\n", 2, 8, "label", "1 to 100 characters"),
    ("version: 1\nentities:\n  PERSN: label\n", 3, 3, "entities.PERSN", "did you mean PERSON?"),
    ("version: 1\nentities:\n  person: label\n", 3, 3, "entities.person", "did you mean PERSON?"),
    ("version: 1\nentities: {PERSON: hide}\n", 2, 20, "entities.PERSON", "unknown value hide"),
    (
        "version: 1\nentities:\n  PERSON: {scope: call}\n",
        3,
        11,
        "entities.PERSON",
        "no operator named",
    ),
    (
        "version: 1\nentities:\n  PERSON: {operator: pseudonym, scope: agency}\n",
        3,
        40,
        "entities.PERSON.scope",
        "call, account, everywhere",
    ),
    (
        "version: 1\nentities:\n  PERSON: {operator: label, scope: call}\n",
        3,
        36,
        "entities.PERSON.scope",
        "pseudonym and token has",
    ),
    (
        "version: 1\nentities:\n  PERSON: {operator: mask, char: '7'}\n",
        3,
        34,
        "entities.PERSON.char",
        "no digit",
    ),
    (
        "version: 1\nentities:\n  PERSON: {operator: mask, char: '**'}\n",
        3,
        34,
        "entities.PERSON.char",
        "one character",
    ),
    (
        "version: 1\nentities:\n  CREDIT_CARD: {operator: mask, keep_last: 6}\n",
        3,
        44,
        "entities.CREDIT_CARD.keep_last",
        "from 0 to 4",
    ),
    (
        "version: 1\nentities:\n  PIN: {operator: mask, keep_last: 2}\n",
        3,
        8,
        "entities.PIN",
        "set keep_last to 0",
    ),
    ("version: 1\nentities:\n  CVV: token\n", 3, 8, "entities.CVV", "must not be stored"),
    ("version: 1\nfields:\n  caler: redact\n", 3, 3, "fields.caler", "did you mean caller?"),
    ("version: 1\nfields:\n  caller: hide\n", 3, 11, "fields.caller", "keep, scan, redact, clear"),
    ("version: 1\nfields:\n  identity: clear\n", 3, 13, "fields.identity", "always kept"),
    ("version: 1\nfields:\n  called_at: redact\n", 3, 14, "fields.called_at", "always kept"),
    ("version: 1\nfields:\n  policy_sha256: scan\n", 3, 18, "fields.policy_sha256", "always kept"),
    ("version: 1\nfields:\n  media: scan\n", 3, 10, "fields.media", "use keep or clear"),
    ("version: 1\nfields:\n  audio: redact\n", 3, 10, "fields.audio", "use keep or clear"),
    ("version: 1\nfields:\n  duration: scan\n", 3, 13, "fields.duration", "holds no words"),
    ("version: 1\nfields:\n  content: keep\n", 3, 3, "fields.content", "only with mode none"),
    ("version: 1\nfields:\n  summary: keep\n", 3, 3, "fields.summary", "only with mode none"),
    ("version: 1\nfields:\n  extra: keep\n", 3, 3, "fields.extra", "only with mode none"),
    (
        "version: 1\nmode: none\nfields: {content: keep}\noverrides:\n- when: {kind: chat}\n  set: "
        "{mode: content}\n",
        6,
        9,
        "overrides[0].set.mode",
        "mode none",
    ),
    (
        "version: 1\noverrides:\n- when: {kind: chat}\n  set: {fields: {form: keep}}\n",
        4,
        18,
        "overrides[0].set.fields.form",
        "mode none",
    ),
    ("version: 1\nthresholds: {default: 1.1}\n", 2, 23, "thresholds.default", "from 0 to 1"),
    (
        "version: 1\nthresholds: {PERSON: high}\n",
        2,
        22,
        "thresholds.PERSON",
        "expected a number from 0 to 1, found text",
    ),
    ("version: 1\nthresholds: {US_SNN: 0.3}\n", 2, 14, "thresholds.US_SNN", "did you mean US_SSN?"),
    ("version: 1\ndetect: {modell: x}\n", 2, 10, "detect.modell", "did you mean model?"),
    ("version: 1\ndetect: {languages: [english]}\n", 2, 22, "detect.languages[0]", "ISO 639-1"),
    ("version: 1\ndetect: {languages: []}\n", 2, 21, "detect.languages", "at least one"),
    (
        "version: 1\ndetect: {languages: [en, es]}\n",
        2,
        10,
        "detect.languages",
        "reads English only",
    ),
    (
        "version: 1\ndetect: {default_language: es}\n",
        2,
        10,
        "detect.default_language",
        "not among languages",
    ),
    (
        "version: 1\ndetect: {models: {es: es_core_news_md}}\n",
        2,
        19,
        "detect.models.es",
        "never used",
    ),
    ("version: 1\ndetect: {phone_regions: [US, UK]}\n", 2, 30, "detect.phone_regions[1]", "is GB"),
    ("version: 1\ndetect: {timeout_seconds: 0}\n", 2, 27, "detect.timeout_seconds", "from 0.001"),
    ("version: 1\ndetect: {max_steps: 10}\n", 2, 21, "detect.max_steps", "from 1000"),
    (
        "version: 1\ndetect: {margins: {cased: {name: -30}}}\n",
        2,
        34,
        "detect.margins.cased.name",
        "from -20",
    ),
    (
        "version: 1\ndetect: {model: none, margins: {cased: {name: 1}}}\n",
        2,
        23,
        "detect.margins",
        "name a model",
    ),
    (
        "version: 1\ndetect: {margins: {lower: {name: 1}}}\n",
        2,
        20,
        "detect.margins.lower",
        "cased, uncased",
    ),
    (
        "version: 1\ndetect: {margins: {cased: {name: -2, rare_name: -1}}}\n",
        2,
        49,
        "detect.margins.cased.rare_name",
        "at most -2",
    ),
    (
        "version: 1\ndetect: {labels: {PER: PERSN}}\n",
        2,
        24,
        "detect.labels.PER",
        "did you mean PERSON?",
    ),
    ("version: 1\ndetect: {labels: {PER: 3}}\n", 2, 24, "detect.labels.PER", "text"),
    ("version: 1\ndetect: {amounts: yes}\n", 2, 19, "detect.amounts", "true or false"),
    (
        "version: 1\ndetect: {unknown_language: keep}\n",
        2,
        28,
        "detect.unknown_language",
        "full, scan",
    ),
    ("version: 1\ndetect: {one_party: true}\n", 2, 21, "detect.one_party", "seen, always, never"),
    (
        "version: 1\ndetect: {recognizers: {disable: [3]}}\n",
        2,
        34,
        "detect.recognizers.disable[0]",
        "class name",
    ),
    ("version: 1\nlimits: {depth: 1000}\n", 2, 17, "limits.depth", "from 4 to 256"),
    (
        "version: 1\nlimits: {record_byte: 1024}\n",
        2,
        10,
        "limits.record_byte",
        "did you mean record_bytes?",
    ),
    ("version: 1\nallow: {a: b}\n", 2, 8, "allow", "expected a list, found a mapping"),
    ("version: 1\nallow: [[x]]\n", 2, 9, "allow[0]", "expected text, found a list"),
    ('version: 1\nallow: ["\\ud800"]\n', 2, 9, "allow[0]", "surrogate"),
    (
        "version: 1\nallow: [Falcon]\ndeny: [{text: FALCON, entity: X_P}]\n",
        2,
        8,
        "allow",
        "stand in deny as well",
    ),
    ("version: 1\ndeny: [Falcon]\n", 2, 8, "deny[0]", "expected a mapping"),
    ("version: 1\ndeny: [{text: Falcon}]\n", 2, 8, "deny[0]", "entity is missing"),
    ("version: 1\ndeny: [{text: Falcon, entity: project}]\n", 2, 31, "deny[0].entity", "capitals"),
    ("version: 1\ndeny: [{text: F, entity: X_P}]\n", 2, 15, "deny[0].text", "at least two"),
    (
        "version: 1\ndeny: [{text: ab, entity: X_P}, {text: AB, entity: X_P}]\n",
        2,
        33,
        "deny[1]",
        "twice",
    ),
    (
        "version: 1\nentities: {default: keep}\ndeny: [{text: ab, entity: X_P}]\n",
        2,
        12,
        "entities.default",
        "would not be redacted",
    ),
    ("version: 1\noverrides: {}\n", 2, 12, "overrides", "expected a list"),
    ("version: 1\noverrides:\n- set: {mode: full}\n", 3, 3, "overrides[0]", "when is missing"),
    (
        "version: 1\noverrides:\n- when: {}\n  set: {mode: full}\n",
        3,
        9,
        "overrides[0].when",
        "no condition",
    ),
    (
        "version: 1\noverrides:\n- when: {kind: []}\n  set: {mode: full}\n",
        3,
        16,
        "overrides[0].when.kind",
        "hold for every record",
    ),
    (
        "version: 1\noverrides:\n- when: {account_type: agent}\n  set: {mode: full}\n",
        3,
        24,
        "overrides[0].when.account_type",
        "did you mean agency?",
    ),
    (
        "version: 1\noverrides:\n- when: {language: eng}\n  set: {mode: full}\n",
        3,
        20,
        "overrides[0].when.language",
        "ISO 639-1",
    ),
    (
        "version: 1\noverrides:\n- when: {kind: call}\n  set: {detect: {}}\n",
        4,
        9,
        "overrides[0].set.detect",
        "unknown setting",
    ),
    ("version: 1\nextends: ../other.yaml\n", 2, 10, "extends", "only a preset"),
    ("version: 1\nname: !!python/object/apply:os.system ['true']\n", 2, 7, "name", "no tags"),
    ("version: 1\nname: *gone\n", 2, 7, "", "undefined alias"),
    ("version: 1\n  mode: [\n", 2, 7, "", "not well-formed"),
    ("version: 1\nname: 'a\x07b'\n", 2, 9, "", "control character"),
]


@pytest.mark.parametrize(
    ("text", "line", "column", "field", "words"),
    BROKEN,
    ids=[f"{i}-{b[3] or 'file'}" for i, b in enumerate(BROKEN)],
)
def test_mistake_has_its_place(text: str, line: int, column: int, field: str, words: str) -> None:
    (problem,) = problems(text)
    assert (problem.line, problem.column, problem.field) == (line, column, field)
    assert words in problem.message


def test_all_problems_at_once_in_order_of_lines() -> None:
    text = (
        "version: 1\nmode: ful\nentities: {PERSN: label, AGE: hide}\nlimits: {depth: "
        "0}\noverrides:\n- when: {kind: fax}\n  set: {modes: full}\n"
    )
    assert [p.line for p in problems(text)] == [2, 3, 3, 4, 6, 7]
    assert str(problems(text)[0]) == "p.yaml:2:7: mode: unknown value ful; did you mean full?"


def test_texts_that_may_be_personal_are_not_repeated() -> None:
    text = (
        "version: 1\nallow: [Jane Q. Sample, {Jane Q. Sample: x}]\n"
        "deny: [{text: Jane Q. Sample, Jane Q. Sample: 1}, {text: jane q. sample, entity: X_N}]\n"
        "fields: {Jane Q. Sample: keep}\nentities: {Jane Q. Sample: label}\nmode: Jane Q. Sample\n"
    )
    for problem in problems(text):
        assert "jane" not in str(problem).lower()


def test_deep_and_cyclic_documents_are_refused() -> None:
    for text in (
        "version: 1\nallow: " + "[" * 5000,
        "&a {<<: *a, version: 1, mode: [*a]}",
        "version: 1\nallow: " + "x" * 2_000_000,
    ):
        assert problems(text)


def test_merges_and_anchors() -> None:
    text = (
        "version: 1\nentities: &e {PERSON: clear, AGE: keep}\noverrides:\n- when: {kind: "
        "chat}\n  set: {entities: {<<: *e, AGE: mask}}\n"
    )
    rules = parse_policy(text).rules("1", "agency", "chat", "en")
    assert (rules.operator("PERSON"), rules.operator("AGE")) == (
        Operator("clear"),
        Operator("mask"),
    )


def test_yaml_1_1_traps_are_plain_text() -> None:
    text = (
        "version: 1\ndetect: {languages: [no], models: {no: none}, default_language: no, "
        "phone_regions: [NO]}\noverrides:\n"
    )
    text += "- when: {account: [0123, 1e3, 7]}\n  set: {mode: full}\n"
    policy = parse_policy(text)
    assert policy.detect == DetectionSettings(
        models={"no": "none"}, languages=("no",), default_language="no", phone_regions=("NO",)
    )
    assert policy.overrides[0].when.account == {"0123", "1e3", "7"}
    assert parse_policy(policy.effective_yaml()) == policy


def test_errors_survive_pickling() -> None:
    error = PolicyError(problems("version: 3\n"))
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_requests_section() -> None:
    assert not load_policy(None).requests.four_eyes and "requests" not in load_policy(None).document
    policy = parse_policy("version: 1\nextends: gdpr\nrequests: {four_eyes: true}\n")
    assert (
        policy.requests.four_eyes
        and parse_policy(policy.effective_yaml()).requests == policy.requests
    )
    with pytest.raises(PolicyError, match=r"requests\.four_eyes"):
        parse_policy("version: 1\nrequests: {four_eyes: often}\n")
    with pytest.raises(PolicyError, match="requests"):
        parse_policy("version: 1\nrequests: {two_eyes: true}\n")
