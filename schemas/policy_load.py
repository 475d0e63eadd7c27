"""Policies from YAML: a preset, or a file that may extend one. Everything that is wrong is reported
at once, with its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from callveil.schemas.policy import (
    DetectionSettings,
    InputLimits,
    Policy,
    PolicyError,
    PolicyProblem,
    document_digest,
)
from callveil.schemas.policy_detect import merge_margins
from callveil.schemas.policy_document import policy_document
from callveil.schemas.policy_parse import FIELDS_BY_NAME, TOP_KEYS, ParsedPolicy, PolicyParser
from callveil.schemas.policy_yaml import MAX_CHARS, NodeReader, safe_key
from callveil.schemas.recordings import RecordingSettings
from callveil.schemas.retention import RetentionSettings
from callveil.schemas.rules import (
    GROUP_DEFAULTS,
    READ_GROUPS,
    LayerSettings,
    RequestSettings,
    Rules,
)

PRESETS = ("gdpr", "pci", "hipaa", "ccpa", "gdpr-attribution")
DEFAULT_PRESET = "gdpr"
_EMBEDDED_LANGUAGE = "en"
_MAX_CHAIN = 8


def load_policy(where: str | Path | None = None) -> Policy:
    """Load and validate a policy.

    Args:
        where: name of a preset (`PRESETS`), or path of a YAML file; None means the preset gdpr.

    Raises:
        PolicyError: with every problem found, in the file itself and in what it extends.
    """
    chain = _Chain()
    chain.read(DEFAULT_PRESET if where is None else where, None, "")
    return chain.policy()


def parse_policy(text: str, file: str = "policy.yaml", folder: Path | None = None) -> Policy:
    """Like `load_policy`, from text that was read elsewhere.

    Args:
        text: the YAML.
        file: name for messages; its stem is the policy's name where the text gives none.
        folder: where relative `extends` start; None refuses files, so that only presets can be
            extended.

    Raises:
        PolicyError: with every problem found.
    """
    chain = _Chain()
    chain.parse(text, file, folder, (file,))
    return chain.policy()


def check_policy(path: str | Path | None) -> list[PolicyProblem]:
    """Return everything that is wrong with a policy; empty if it can be used."""
    try:
        load_policy(path)
    except PolicyError as error:
        return error.problems
    return []


def preset_text(name: str) -> str:
    """Return YAML of a preset, comments and sources included. Raises `KeyError` for any other
    name.
    """
    if name not in PRESETS:
        raise KeyError(name)
    return (Path(__file__).parent / "presets" / f"{name}.yaml").read_text("utf-8")


@dataclass
class _Chain:
    """The file asked for and what it extends, the furthest ancestor first."""

    layers: list[ParsedPolicy] = field(default_factory=list)
    readers: list[NodeReader] = field(default_factory=list)

    def read(
        self,
        where: str | Path,
        origin: tuple[NodeReader, int, int] | None,
        folder: Path | str,
        seen: tuple[str, ...] = (),
    ) -> None:
        """Read a preset or file. `origin` is the place of the `extends` that names it, else
        None.
        """
        preset = isinstance(where, str) and where in PRESETS
        path = Path(folder) / where
        name = f"preset:{where}" if preset else str(path)
        if name in seen or len(seen) >= _MAX_CHAIN:
            self._missing(
                name,
                origin,
                "the files extend each other in a circle, or too deep; let the last of them extend "
                "a preset or nothing",
            )
            return
        try:
            if preset:
                text = preset_text(str(where))
            else:
                with path.open("rb") as file:
                    text = file.read(4 * MAX_CHARS + 1).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._missing(
                name,
                origin if not preset else None,
                f"not UTF-8 text: byte {error.start} cannot be read; save the file as UTF-8",
            )
            return
        except (OSError, ValueError) as error:
            reason = (
                error.strerror
                if isinstance(error, OSError) and error.strerror
                else "the name cannot be a path"
            )
            self._missing(
                name,
                origin,
                f"cannot be read: {reason}. Presets are {', '.join(PRESETS)}; anything else is the "
                "path of a file",
            )
            return
        self.parse(text, name, path.parent, (*seen, name))

    def _missing(self, name: str, origin: tuple[NodeReader, int, int] | None, message: str) -> None:
        if origin:
            reader, line, column = origin
            reader.at(line, column, "extends", message)
        else:
            reader = NodeReader(name)
            reader.whole(message)
            self.readers.append(reader)

    def parse(self, text: str, file: str, folder: Path | None, seen: tuple[str, ...]) -> None:
        """Parse one file; what it extends is parsed before, since it may declare entity types."""
        reader = NodeReader(file)
        self.readers.append(reader)
        root = reader.compose(text)
        if root is None:
            return
        members = reader.mapping(root, "", TOP_KEYS)
        if not isinstance(root, yaml.MappingNode):
            return
        extends = members.get("extends")
        if extends is not None:
            parent = reader.text(extends, "extends")
            if parent is not None and parent not in PRESETS and folder is None:
                reader.fail(
                    extends,
                    "extends",
                    f"a file cannot be extended here, only a preset: {', '.join(PRESETS)}",
                )
            elif parent is not None:
                self.read(
                    parent,
                    (reader, extends.start_mark.line + 1, extends.start_mark.column + 1),
                    folder or "",
                    seen,
                )
        known = self.layers[-1].entities if self.layers else frozenset()
        parsed = PolicyParser(reader, members, known).parse()
        if not parsed.name:
            parsed.name = (
                "".join(c if c.isalnum() or c in "._-" else "-" for c in Path(file).stem)[:100]
                or "policy"
            )
        self.layers.append(parsed)

    def _problems(self) -> list[PolicyProblem]:
        return [p for r in self.readers for p in sorted(r.problems)]

    def policy(self) -> Policy:
        """Return the policy all layers add up to. Raises `PolicyError`."""
        if not self.layers:
            raise PolicyError(self._problems())
        base = Rules(fields={g: t for g, t in GROUP_DEFAULTS.items() if g != "state"})
        detect: dict[str, Any] = {}
        limits: dict[str, int] = {}
        for layer in self.layers:
            base = base.with_(layer.settings)
            tables = {
                k: {**detect.get(k, {}), **layer.detect.get(k, {})} for k in ("models", "labels")
            }
            detect |= {**layer.detect, **tables}
            limits |= layer.limits
        _check_rules(self.layers[::-1], base)
        for layer in self.layers:
            for i, override in enumerate(layer.overrides):
                _check_rules(
                    [layer],
                    base.with_(override.settings),
                    f"overrides[{i}].set.",
                    override.settings,
                    base.mode,
                )
        made = DetectionSettings(
            **{
                **detect,
                "margins": merge_margins(
                    *(layer.detect.get("margins", {}) for layer in self.layers)
                ),
            }
        )
        _check_detect(self.layers[::-1], made)
        problems = self._problems()
        if problems:
            raise PolicyError(problems)
        overrides = tuple(o for layer in self.layers for o in layer.overrides)
        name = self.layers[-1].name
        retention, recordings = RetentionSettings(), RecordingSettings()
        requests = RequestSettings(
            **{k: v for layer in self.layers for k, v in (layer.requests or {}).items()}
        )
        for layer in self.layers:
            retention = retention.layered(layer.retention or {})
            recordings = recordings.layered(layer.recordings or {})
        sections = {
            "retention": retention
            if any(layer.retention is not None for layer in self.layers)
            else None,
            "recordings": recordings
            if any(layer.recordings is not None for layer in self.layers)
            else None,
            "requests": requests
            if any(layer.requests is not None for layer in self.layers)
            else None,
        }
        document = policy_document(
            name,
            made,
            InputLimits(**limits),
            base,
            overrides,
            {k: v.as_dict() for k, v in sections.items() if v},
        )
        return Policy(
            name,
            document_digest(document),
            made,
            InputLimits(**limits),
            base,
            overrides,
            document,
            retention,
            recordings,
            requests,
        )


def _report(layers: list[ParsedPolicy], paths: tuple[str, ...], message: str) -> None:
    """Add a problem where the nearest layer that gives one of `paths` gives the first of them; else
    to the nearest file as a whole.
    """
    for layer in layers:
        for path in paths:
            if path in layer.reader.places:
                problem = PolicyProblem(
                    layer.reader.file, *layer.reader.places[path], path, message
                )
                if problem not in layer.reader.problems:
                    layer.reader.problems.append(problem)
                return
    layers[0].reader.problems.append(PolicyProblem(layers[0].reader.file, 0, 0, paths[0], message))


def _check_rules(
    layers: list[ParsedPolicy],
    rules: Rules,
    prefix: str = "",
    own: LayerSettings | None = None,
    base_mode: str = "",
) -> None:
    """What only shows when layers are added up.

    Args:
        layers: files to look for places in, nearest first.
        rules: what the layers add up to.
        prefix: path of an override's settings, or empty for the base.
        own: the override's settings; only what they bring about is reported.
        base_mode: mode without the override.
    """
    mode_wrong = any(p.field == f"{prefix}mode" for layer in layers for p in layer.reader.problems)
    for name, treatment in sorted(rules.fields.items()):
        group = FIELDS_BY_NAME[name].group if name in FIELDS_BY_NAME else name
        brought = (
            own is None or name in own.fields or (own.mode is not None and base_mode == "none")
        )
        if (
            treatment == "keep"
            and group in READ_GROUPS
            and rules.mode != "none"
            and not mode_wrong
            and brought
        ):
            why = "people said or typed it, or nobody declared it, so it is read at least. Use scan"
            _report(
                layers,
                (f"{prefix}fields.{name}", f"{prefix}mode"),
                f"{name} may be kept only with mode none: {why}",
            )
    for entity in sorted({entity for _, entity in rules.deny}):
        brought = (
            own is None
            or bool(own.deny)
            or entity in own.operators
            or own.default_operator is not None
        )
        if rules.given_operator(entity).name == "keep" and brought:
            why = (
                f"a deny text is {safe_key(entity)}, whose operator is keep, so it would not be "
                f"redacted; give {safe_key(entity)} an operator"
            )
            _report(
                layers,
                (f"{prefix}entities.{entity}", f"{prefix}entities.default", f"{prefix}deny"),
                why,
            )


def _check_detect(layers: list[ParsedPolicy], detect: DetectionSettings) -> None:
    """Languages and models that do not fit together; passed over where one of them could not be
    read, which is reported already.
    """
    parts = ("detect.languages", "detect.default_language", "detect.model")
    if any(p.field.startswith(parts) for layer in layers for p in layer.reader.problems):
        return
    if detect.default_language not in detect.languages:
        _report(
            layers,
            ("detect.default_language", "detect.languages"),
            f"default_language {detect.default_language} is not among languages "
            f"({', '.join(detect.languages)}); add it there, or name one of them",
        )
    for language in detect.languages:
        if "embedded" in detect.models_for(language) and language != _EMBEDDED_LANGUAGE:
            _report(
                layers,
                (f"detect.models.{language}", "detect.languages"),
                f"the embedded model reads English only; name a model for {language} under "
                "detect.models, or `none` for patterns alone",
            )
    if any("margins" in layer.detect for layer in layers) and all(
        detect.models_for(n) == ("none",) for n in detect.languages
    ):
        _report(
            layers,
            ("detect.margins",),
            "margins are a language model's and `model: none` leaves none; name a model, or remove "
            "the margins",
        )
    for language in sorted(detect.models):
        if language not in detect.languages:
            why = (
                f"{language} is not among languages, so its model is never used; add it there, "
                "or remove it"
            )
            _report(layers, (f"detect.models.{language}",), why)
