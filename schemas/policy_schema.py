"""JSON Schema of a policy file, for editors that complete and check while one types.

It describes the form. What only shows in the whole (a language without a model, a deny text whose
type is kept) is left to `callveil policy check`, which also names line and column.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from callveil.schemas.account import ACCOUNT_TYPES, STATUSES
from callveil.schemas.entities import CUSTOM_PREFIX, ENTITIES, NAME
from callveil.schemas.interaction import MODES
from callveil.schemas.policy import IGNORE
from callveil.schemas.policy_detect import (
    LANGUAGE,
    MARGIN,
    MARGIN_NAMES,
    MAX_SECONDS,
    ONE_PARTY,
    REGION,
    STEPS,
    TEXT_KINDS,
)
from callveil.schemas.policy_load import PRESETS
from callveil.schemas.policy_parse import (
    CARD_DIGITS,
    CONDITIONS,
    FIELD_NAMES,
    FIELDS_BY_NAME,
    FURTHER_NAME,
    LIMITS,
    MAX_DAYS,
    NOT_STORED,
    OPTIONS,
)
from callveil.schemas.policy_recordings import CHOICES, NUMBERS, SWITCHES
from callveil.schemas.policy_retention import MAX_HOURS, RULE_ID
from callveil.schemas.retention import (
    ACTIONS,
    CLASSES,
    CLOCKS,
    DEFAULT_RULES,
    ON_DOWNGRADE,
    ON_REACTIVATION,
)
from callveil.schemas.rules import (
    FIXED_GROUPS,
    OPERATORS,
    SCOPES,
    TREATMENTS,
    WORDLESS,
    operator_names,
)

Schema = dict[str, Any]


def _object(properties: Schema, required: tuple[str, ...] = (), **more: Any) -> Schema:
    out: Schema = {
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        **more,
    }
    return out | ({"required": list(required), "type": "object"} if required else {})


def _texts(pattern: str = "") -> Schema:
    text: Schema = {"type": ["string", "number"]} | ({"pattern": pattern} if pattern else {})
    return {"anyOf": [{"type": "array", "items": text}, text, {"type": "null"}]}


def _operator(entity: str) -> Schema:
    """Return schema of the operator of one entity type: a name, or a mapping with the options that
    operator has.
    """
    kept = [n for n in OPERATORS if n != "token"]
    names = kept if entity in NOT_STORED else list(operator_names())
    most = 0 if entity in NOT_STORED else CARD_DIGITS if entity == "CREDIT_CARD" else 16
    options: Schema = {
        "scope": {"enum": list(SCOPES)},
        "char": {"type": "string", "minLength": 1, "maxLength": 1},
        "keep_last": {"type": "integer", "minimum": 0, "maximum": most},
    }
    mappings = [
        _object(
            {"operator": {"const": n}, **{o: options[o] for o in OPTIONS.get(n, ())}}, ("operator",)
        )
        for n in names
    ]
    return {"anyOf": [{"enum": names}, *mappings]}


def _treatment(name: str) -> Schema:
    field = FIELDS_BY_NAME.get(name)
    group = field.group if field else name
    if group in FIXED_GROUPS:
        return {"const": "keep"}
    if group == "media" or (field and isinstance(field.type, WORDLESS)):
        return {"enum": ["keep", "clear"]}
    return {"enum": list(TREATMENTS)} | ({"description": field.doc} if field else {})


def _settings() -> Schema:
    names = ("default", *ENTITIES)
    score: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    text: Schema = {"type": ["string", "number"]}
    custom = f"^({CUSTOM_PREFIX})?[A-Z][A-Z0-9_]*$"
    return {
        "mode": {
            "enum": list(MODES),
            "description": "none: nothing of itself; content: personal data where it stands; full: "
            "content and caller",
        },
        "full_after_days": {
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": MAX_DAYS,
            "description": "full redaction from this age on, in days of 24 h; null: never",
        },
        "label": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "description": "template of the typed label; {entity} is the type",
        },
        "entities": _object(
            {
                n: {"$ref": f"#/$defs/operator_{n}"}
                if n in {"CREDIT_CARD", *NOT_STORED}
                else {"$ref": "#/$defs/operator"}
                for n in names
            },
            patternProperties={custom: {"$ref": "#/$defs/operator"}},
            description="operator by entity type; `default` for the rest",
        ),
        "fields": _object(
            {n: _treatment(n) for n in FIELD_NAMES},
            additionalProperties=False,
            patternProperties={f"^(?:{FURTHER_NAME.pattern})$": {"enum": list(TREATMENTS)}},
            description="treatment by field group or field, or by the name of a member that is not "
            "declared; a field's own entry wins",
        ),
        "thresholds": _object(
            dict.fromkeys(names, score),
            patternProperties={custom: score},
            description="lowest score that counts",
        ),
        "allow": _texts() | {"description": "texts that are never redacted: whole value, any case"},
        "deny": {
            "type": ["array", "null"],
            "items": _object(
                {"text": text, "entity": {"type": "string", "pattern": f"^{NAME.pattern}$"}},
                ("text", "entity"),
            ),
            "description": "texts that are always redacted",
        },
    }


def _detect() -> Schema:
    margin = {"type": "number", "minimum": MARGIN[0], "maximum": MARGIN[1]}
    margins = _object(dict.fromkeys(MARGIN_NAMES, margin))
    language, region = f"^(?:{LANGUAGE.pattern})$", f"^(?:{REGION.pattern})$"
    return _object(
        {
            "model": {
                "type": "string",
                "description": "embedded, none, an installed spaCy pipeline, or a path; several, "
                "joined by ' + ', vote",
            },
            "labels": {
                "type": ["object", "null"],
                "additionalProperties": {
                    "anyOf": [{"enum": [IGNORE, *ENTITIES]}, {"pattern": f"^{CUSTOM_PREFIX}"}]
                },
                "description": "entity type, or ignore, by label of a model of your own",
            },
            "models": {
                "type": ["object", "null"],
                "additionalProperties": {"type": "string"},
                "propertyNames": {"pattern": language},
            },
            "languages": _texts(language),
            "default_language": {"type": "string", "pattern": language},
            "unknown_language": {"enum": ["full", "scan"]},
            "phone_regions": _texts(region),
            "countries": _texts(region)
            | {"description": "countries whose identity numbers are found without a check digit"},
            "recognizers": _object({"disable": _texts()}),
            "timeout_seconds": {"type": "number", "minimum": 0.001, "maximum": MAX_SECONDS},
            "max_steps": {"type": "integer", "minimum": STEPS[0], "maximum": STEPS[1]},
            "margins": _object(dict.fromkeys(TEXT_KINDS, margins)),
            "amounts": {"type": "boolean"},
            "dates": {"type": "boolean"},
            "one_party": {
                "enum": list(ONE_PARTY),
                "description": "when turns are read as one side's of a conversation",
            },
            "digit_ids": {
                "type": "boolean",
                "description": "ids of digits, also with a telephone number's signs, are written "
                "as keyed digests",
            },
        }
    )


def _recordings() -> Schema:
    numbers = {
        k: {"type": "number", "minimum": low, "maximum": high} for k, (low, high) in NUMBERS.items()
    }
    choices = {k: {"enum": list(options)} for k, options in CHOICES.items()}
    switches: Schema = {k: {"type": "boolean"} for k in SWITCHES}
    return _object(
        {**choices, **numbers, **switches}, description="how recordings are redacted as they arrive"
    )


def _retention() -> Schema:
    days: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_DAYS}
    rule = {
        "id": {"type": "string", "pattern": f"^(?:{RULE_ID.pattern})$"},
        "action": {
            "enum": list(ACTIONS),
            "description": "delete or redact after so many days, or keep for so many",
        },
        "days": days,
        "class": _some(CLASSES),
        "clock": {
            "enum": list(CLOCKS),
            "description": "what the days count from: the record, or the cancellation of its "
            "account",
        },
        "account_type": _some(ACCOUNT_TYPES),
        "status": _some(STATUSES),
        "account": _texts(),
        "basis": {"type": "string", "minLength": 1, "maxLength": 1000},
    }
    return _object(
        {
            "on_downgrade": {"enum": list(ON_DOWNGRADE)},
            "downgrade_grace_days": days | {"type": ["integer", "null"]},
            "on_reactivation": {"enum": list(ON_REACTIVATION)},
            "subaccounts_inherit": {"type": "boolean"},
            "cancel_window_days": days,
            "skew_hours": {"type": "integer", "minimum": 0, "maximum": MAX_HOURS},
            "disable": _some([r.rule_id for r in DEFAULT_RULES])
            | {"description": "default rules that do not hold"},
            "rules": {
                "type": ["array", "null"],
                "items": _object(rule, ("id", "action", "days", "class")),
            },
        },
        description="how long records are kept; see `callveil retain`",
    )


def _some(options: Collection[str]) -> Schema:
    one: Schema = {"enum": list(options)}
    return {"anyOf": [one, {"type": "array", "items": one}]}


def policy_json_schema() -> Schema:
    """JSON Schema (2020-12) of a policy file, version 1."""
    values: Schema = {
        k: {"enum": list(v)} if v is not None else {"type": ["string", "number"]}
        for k, v in CONDITIONS.items()
    }
    condition = {
        k: {"anyOf": [v, {"type": "array", "items": v, "minItems": 1}]} for k, v in values.items()
    }
    settings = _settings()
    shared = ("entities", "fields", "thresholds", "deny")
    referred = {k: {"$ref": f"#/$defs/{k}"} if k in shared else v for k, v in settings.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy",
        "description": "What callveil redacts, how, for whom and when.",
        "$defs": {
            "operator": _operator(""),
            **{f"operator_{n}": _operator(n) for n in ("CREDIT_CARD", *NOT_STORED)},
            **{k: settings[k] for k in shared},
        },
        "type": "object",
        "required": ["version"],
        "additionalProperties": False,
        "properties": {
            "version": {"const": 1},
            "name": {"type": "string", "maxLength": 100},
            "extends": {
                "type": "string",
                "description": f"a preset ({', '.join(PRESETS)}) or the path of another file, "
                "relative to this one",
            },
            **referred,
            "detect": _detect(),
            "retention": _retention(),
            "recordings": _recordings(),
            "requests": _object(
                {
                    "four_eyes": {
                        "type": "boolean",
                        "description": "a second person has to approve a package or an erasure",
                    }
                },
                description="how requests of data subjects are carried out; see `callveil subject`",
            ),
            "limits": _object(
                {
                    k: {"type": "integer", "minimum": low, "maximum": high}
                    for k, (low, high) in LIMITS.items()
                }
            ),
            "overrides": {
                "type": ["array", "null"],
                "items": _object(
                    {
                        "when": _object(condition, minProperties=1) | {"type": "object"},
                        "set": _object(referred),
                    },
                    ("when", "set"),
                ),
                "description": "settings for some records; all conditions must hold, later "
                "overrides win",
            },
        },
    }
