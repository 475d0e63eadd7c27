"""A policy written out: the resolved document whose digest names it, and a summary for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callveil.schemas.entities import ENTITIES
from callveil.schemas.fields import Field, Json
from callveil.schemas.interaction import FIELDS, GROUPS
from callveil.schemas.operators import DEFAULT
from callveil.schemas.policy import (
    STEP_CHARS,
    TIME_CHARS,
    VERSION,
    DetectionSettings,
    InputLimits,
    Operator,
    Override,
    Policy,
    Rules,
)
from callveil.schemas.policy_settings import Section, to_plain
from callveil.schemas.recording_settings import RecordingSettings
from callveil.schemas.retention import RetentionSettings
from callveil.schemas.rules import NAMED

MANUAL = "REDACTED"
"""Type of a whole value that is redacted although no type says what it is."""


def policy_document(
    name: str,
    base: Rules,
    detect: DetectionSettings,
    limits: InputLimits,
    overrides: tuple[Override, ...],
    sections: Mapping[str, Section],
) -> dict[str, Any]:
    """Return the document that holds every setting and no `extends`; it loads again to the same
    policy.

    Args:
        name, base, detect, limits, overrides: of the policy.
        sections: by key, those that stand only where a file says something about them.
    """
    given = {"detect": detect, "limits": limits, "overrides": overrides, **sections}
    return {"version": VERSION, "name": name, **base.as_dict()} | {
        k: to_plain(v) for k, v in given.items()
    }


def describe_policy(policy: Policy, record: tuple[str, str, str, str] | None = None) -> str:
    """Readable summary: what happens to each field group and entity type, the overrides, the
    digest.

    Args:
        policy: what to describe.
        record: (account_id, account_type, kind, language) to show the rules of; None shows the base
            and every override.

    Returns: lines joined by newlines, the last one without. Texts of `allow` and `deny` are
        counted, never shown.
    """
    rules = policy.rules(*record) if record else policy.base
    detect = policy.detect
    lines = [f"policy {policy.name}", f"sha256 {policy.sha256}", ""]
    if record:
        matching = [str(i) for i, o in enumerate(policy.overrides) if o.when.hold_for(*record)]
        lines += [
            "for account {}, type {}, kind {}, language {}".format(*record),
            f"overrides that match: {', '.join(matching) or 'none'}",
            "",
        ]
    lines += [*_mode_lines(rules), "", "fields (content redaction / full redaction)"]
    lines += _field_lines(rules)
    lines += ["", f"entities (default: {_operator_text(rules.given_operator(DEFAULT), rules)})"]
    for entity in sorted({*ENTITIES, *rules.entities, *(e for _, e in rules.deny)} - {DEFAULT}):
        least = rules.threshold(entity)
        lines.append(
            (
                f"  {entity:<18} {_operator_text(rules.operator(entity), rules, entity):<34} score "
                f"{least:g} or more"
            ).rstrip()
        )
    lines += [
        "",
        f"allow: {len(rules.allow)} texts   deny: {len(rules.deny)} texts",
        "",
        "detection",
    ]
    regions = ", ".join(detect.phone_regions) or "no region; only with a country code"
    models = "".join(f", {language}: {model}" for language, model in sorted(detect.models.items()))
    labels = (
        "; labels " + ", ".join(f"{k} {v}" for k, v in sorted(detect.labels.items()))
        if detect.labels
        else ""
    )
    disabled = f"; without {', '.join(sorted(detect.disable))}" if detect.disable else ""
    lines += [
        f"  model {detect.model}{models}{labels}{disabled}",
        f"  languages {', '.join(detect.languages)}; records that name none are "
        f"{detect.default_language}; any other: {detect.unknown_language}",
        (
            f"  telephone numbers of {regions}; amounts {'on' if detect.amounts else 'off'}; dates "
            f"{'on' if detect.dates else 'off'}"
        )
        + (
            (
                "; ids of digits only, or with the signs of telephone numbers, are written as "
                "keyed "
                "digests"
            )
            if detect.digit_ids
            else ""
        ),
        *_margin_lines(detect),
        f"  {detect.timeout_seconds:g} s of CPU time for a pattern and for every {TIME_CHARS:,} "
        f"characters, {detect.max_steps:,} steps for every "
        f"{STEP_CHARS:,}, then the record is rejected",
        "  answers without their questions, where one party's turns are missing: "
        f"{detect.one_party}",
        "",
        "limits: " + ", ".join(f"{k} {v:,}" for k, v in policy.limits.as_dict().items()),
    ]
    if not record:
        lines += ["", *emptied_lines(policy)]
        lines += ["", *_retention_lines(policy.retention)]
        lines += ["", *_recordings_lines(policy.recordings)]
        lines += ["", f"overrides: {len(policy.overrides)}"]
        for i, override in enumerate(to_plain(policy.overrides)):
            lines += [
                f"  {i}. when {_flat(override['when'])}",
                f"     set  {_flat(_counted(override['set']))}",
            ]
    return "\n".join(lines)


def _margin_lines(detect: DetectionSettings) -> list[str]:
    kinds = {"with capitals": detect.margins.cased, "without": detect.margins.uncased}
    said = (
        f"{kind} {m.name:g}, places {m.place:g}, rare names {m.rare_name:g}"
        for kind, m in kinds.items()
    )
    return [f"  names from a margin on, in turns {'; '.join(said)}"]


def emptied_columns(policy: Policy) -> dict[str, list[str]]:
    """Return columns that a policy empties for good, by how: no key brings back what was cleared or
    replaced by a label.

    Returns: names under `cleared` and `labelled`; under `aged` what is cleared besides once
        `full_after_days` have passed, and under `overrides` what only some records lose. Fields
        within a record, and what is found in texts, are not among them.
    """
    cleared, labelled = _lost(policy.base, policy.base.mode)
    gone = {*cleared, *labelled}
    aged = (
        [n for n in _lost(policy.base, "full")[0] if n not in gone]
        if policy.base.full_after_days is not None
        else []
    )
    some: list[str] = []
    for override in policy.overrides:
        rules = policy.base.layered(override.settings)
        some += [n for names in _lost(rules, rules.mode) for n in names if n not in {*gone, *some}]
    return {"cleared": cleared, "labelled": labelled, "aged": aged, "overrides": some}


def _lost(rules: Rules, mode: str) -> tuple[list[str], list[str]]:
    """Return fields that are cleared in a mode, and those whose whole value becomes a label."""
    treatments = {f.name: rules.treatment(f, mode) for f in FIELDS}
    labels = [
        f.name
        for f in FIELDS
        if treatments[f.name] == "redact"
        and rules.operator(f.entity or MANUAL).name in ("label", "clear")
    ]
    return [n for n, treatment in treatments.items() if treatment == "clear"], labels


def emptied_lines(policy: Policy) -> list[str]:
    """Return `emptied_columns` in words, a line for each way."""
    ways = {
        "cleared": "cleared",
        "labelled": "replaced by a label",
        "aged": f"cleared after {policy.base.full_after_days} days",
        "overrides": "for some records, by an override",
    }
    lines = [
        f"  {ways[way]}: {', '.join(names)}"
        for way, names in emptied_columns(policy).items()
        if names
    ]
    return ["columns emptied for good: no key brings a value back", *(lines or ["  none"])]


def _retention_lines(retention: RetentionSettings) -> list[str]:
    grace = (
        "for ever"
        if retention.downgrade_grace_days is None
        else f"for {retention.downgrade_grace_days} days"
    )
    downgrade = {
        "at_event": "days of the type it was made under",
        "current": "days of the present type",
        "max": f"the longest days still hold {grace}",
    }
    back = {
        "keep_window": "what the window kept stays to its end",
        "at_once": "the ordinary days hold at once",
    }
    lines = [
        f"retention (after a downgrade: {downgrade[retention.on_downgrade]}; "
        f"after a reactivation: {back[retention.on_reactivation]})"
    ]
    for rule in sorted(retention.rules):
        whose = (
            " ".join(
                sorted(
                    {*rule.account_types, *rule.statuses, *(f"account {a}" for a in rule.accounts)}
                )
            )
            or "all accounts"
        )
        since = " after its account was cancelled" if rule.clock == "cancelled" else ""
        lines.append(
            f"  {rule.action:<6} {rule.days:>5} days{since}: {', '.join(sorted(rule.classes))}; "
            f"{whose} ({rule.rule_id})"
        )
    return lines


def _recordings_lines(r: RecordingSettings) -> list[str]:
    heard = {"mute": "silence", "beep": "a beep", "tone": "a low tone"}[r.mode]
    whose = {
        "own": "of the party who spoke",
        "swapped": "of the party who spoke, the business first",
        "all": "of everybody",
    }[r.channel]
    without = {
        "cover": "is covered whole",
        "recognise": "is read by the embedded recogniser",
        "reject": "is rejected",
    }[r.without_transcript]
    original = {
        "keep": "stays where it is",
        "seal": "moves into the store, encrypted",
        "delete": "is deleted",
    }[r.original]
    return [
        "recordings, as they arrive",
        f"  {heard} on the channel {whose}, {r.padding_seconds:g} s more on either side; "
        f"words {'are timed by alignment' if r.align else 'are not timed: whole turns are covered'} where only turns have times; "  # noqa: E501
        f"keypad tones are {'covered wherever they are heard' if r.keypad else 'left'}; "
        f"talk that the transcript leaves out is {'covered' if r.untranscribed else 'left'}",
        f"  a recording waits {r.wait_seconds:g} s for its transcript, then it {without}; the "
        f"original {original}"
        f"{'' if r.original == 'keep' else f' once it has not grown for {r.settle_seconds:g} s'}; "
        f"moving pictures are {'copied, unseen' if r.video == 'copy' else 'left out'}",
    ]


def _mode_lines(rules: Rules) -> list[str]:
    days = rules.full_after_days
    when = (
        "never by age"
        if days is None
        else "at once"
        if days == 0
        else f"{days} days after the interaction"
    )
    meaning = {
        "none": "nothing is redacted unless a request asks",
        "content": "personal data is redacted where it stands",
        "full": "content and caller are removed",
    }
    return [f"mode {rules.mode}: {meaning[rules.mode]}", f"full redaction: {when}"]


def _field_lines(rules: Rules) -> list[str]:
    lines = []
    for group in GROUPS:
        members = [
            f
            for f in FIELDS
            if f.group == group and not (f.name in rules.fields and f.name != group)
        ]
        if members:
            word = max(members, key=lambda f: f.prose or bool(f.entity))
            lines.append(
                f"  {group:<18} {rules.treatment(word, 'content'):<7} / "
                f"{rules.treatment(word, 'full')}"
            )
        for f in FIELDS:
            if f.group == group and f.name in rules.fields and f.name != group:
                lines.append(
                    f"    {f.name:<16} {rules.treatment(f, 'content'):<7} / "
                    f"{rules.treatment(f, 'full')}"
                )
    known = {*GROUPS, *(f.name for f in FIELDS)}
    further = [Field(name, Json(), "", NAMED) for name in sorted(rules.fields) if name not in known]
    return lines + [
        f"  {f.name:<18} {rules.treatment(f, 'content'):<7} / {rules.treatment(f, 'full')}"
        for f in further
    ]


def _operator_text(operator: Operator, rules: Rules, entity: str = "") -> str:
    if operator.name == "label":
        return f"label {rules.label_for(entity)}" if entity else "label"
    if operator.name == "mask":
        return f"mask {operator.char}" + (
            f", last {operator.keep_last} kept" if operator.keep_last else ""
        )
    if operator.name in ("pseudonym", "token"):
        return (
            f"{operator.name}, equal within "
            f"{'everything' if operator.scope == 'everywhere' else 'one ' + operator.scope}"
        )
    return operator.name


def _counted(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: f"{len(v)} texts" if k in ("allow", "deny") else v for k, v in settings.items()}


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        if "operator" in value:
            rest = ", ".join(f"{k} {_flat(v)}" for k, v in value.items() if k != "operator")
            return f"{value['operator']}" + (f" ({rest})" if rest else "")
        return "; ".join(
            f"{k}: {{{_flat(v)}}}"
            if isinstance(v, Mapping) and "operator" not in v
            else f"{k}: {_flat(v)}"
            for k, v in value.items()
        )
    if isinstance(value, list):
        return ", ".join(_flat(v) for v in value)
    return "never" if value is None else str(value)
