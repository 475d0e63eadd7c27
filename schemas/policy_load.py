"""Policies from YAML: a preset, or a file that may extend one. Everything that is wrong is reported
at once, with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callveil.schemas.operators import DEFAULT
from callveil.schemas.policy import (
    DetectionSettings,
    InputLimits,
    Policy,
    PolicyError,
    document_digest,
)
from callveil.schemas.policy_document import policy_document
from callveil.schemas.policy_parse import PolicyLayer, read_layer
from callveil.schemas.policy_settings import merge_given
from callveil.schemas.policy_values import KEY, safe_key
from callveil.schemas.policy_yaml import MAX_CHARS, NodeReader, Place, dotted
from callveil.schemas.problem import Problem
from callveil.schemas.recording_settings import RecordingSettings
from callveil.schemas.retention import RetentionSettings
from callveil.schemas.rules import (
    FIELDS_BY_NAME,
    GROUP_DEFAULTS,
    READ_GROUPS,
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


def check_policy(path: str | Path | None) -> list[Problem]:
    """Return everything that is wrong with a policy; empty if it can be used."""
    try:
        load_policy(path)
    except PolicyError as error:
        return error.problems
    return []


def preset_text(name: str) -> str:
    """Return the YAML of a preset, comments and sources included. Raises `KeyError` for any other
    name.
    """
    if name not in PRESETS:
        raise KeyError(name)
    return (Path(__file__).parent / "presets" / f"{name}.yaml").read_text("utf-8")


@dataclass
class _Chain:
    """The file asked for and what it extends, the furthest ancestor first."""

    layers: list[PolicyLayer] = field(default_factory=list)
    readers: list[NodeReader] = field(default_factory=list)

    def read(
        self,
        where: str | Path,
        origin: NodeReader | None,
        folder: Path | str,
        seen: tuple[str, ...] = (),
    ) -> None:
        """Read a preset or file. `origin` is the reader of the file that extends it, else None."""
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

    def _missing(self, name: str, origin: NodeReader | None, message: str) -> None:
        if origin:
            origin.add_problem(("extends",), "wrong", message)
        else:
            self.readers.append(NodeReader(name))
            self.readers[-1].whole(message)

    def parse(self, text: str, file: str, folder: Path | None, seen: tuple[str, ...]) -> None:
        """Parse one file; what it extends is parsed before, since it may declare entity types."""
        reader = NodeReader(file)
        self.readers.append(reader)
        root = reader.compose(text)
        if root is None:
            return
        values = reader.read_values(root)
        parent = values.get("extends") if isinstance(values, dict) else None
        if isinstance(parent, str) and parent.strip():
            if parent not in PRESETS and folder is None:
                message = f"a file cannot be extended here, only a preset: {', '.join(PRESETS)}"
                reader.add_problem(("extends",), "wrong", message)
            else:
                self.read(parent, reader, folder or "", seen)
        known = self.layers[-1].entities if self.layers else frozenset()
        self.layers.append(read_layer(reader, values, known))

    def _problems(self) -> list[Problem]:
        return [
            p for r in self.readers for p in sorted(r.problems, key=lambda p: (p.place, p.message))
        ]

    def policy(self) -> Policy:
        """Return the policy all layers add up to. Raises `PolicyError`."""
        if not self.layers:
            raise PolicyError(self._problems())
        base = Rules(fields={g: t for g, t in GROUP_DEFAULTS.items() if g != "state"})
        for layer in self.layers:
            base = base.layered(layer.rules)
        _check_rules(self.layers[::-1], base)
        for layer in self.layers:
            _check_overrides(layer, base)
        detect = DetectionSettings().layered(self._section("detect"))
        _check_detect(self.layers[::-1], detect)
        problems = self._problems()
        if problems:
            raise PolicyError(problems)
        limits = InputLimits().layered(self._section("limits"))
        retention = RetentionSettings()
        for layer in self.layers:
            retention = retention.layered(layer.given.get("retention", {}))
        recordings = RecordingSettings().layered(self._section("recordings"))
        requests = RequestSettings().layered(self._section("requests"))
        overrides = tuple(o for layer in self.layers for o in layer.given.get("overrides", ()))
        name = self.layers[-1].name
        # Only where a file says something: the digest of one that does not stays what it was.
        more = {"retention": retention, "recordings": recordings, "requests": requests}
        said = {k: v for k, v in more.items() if any(k in layer.given for layer in self.layers)}
        document = policy_document(name, base, detect, limits, overrides, said)
        return Policy(
            name,
            document_digest(document),
            detect,
            limits,
            base,
            overrides,
            document,
            retention,
            recordings,
            requests,
        )

    def _section(self, name: str) -> dict[str, Any]:
        return merge_given(*(layer.given.get(name, {}) for layer in self.layers))


def _report(layers: list[PolicyLayer], places: tuple[Place, ...], message: str) -> None:
    """Add a problem where the nearest layer that gives one of `places` gives the first of them;
    else to the nearest file as a whole.
    """
    for layer in layers:
        for place in places:
            if layer.reader.find_node(place)[2] == place:
                layer.reader.add_problem((*place, KEY), "wrong", message)
                return
    file = layers[0].reader
    file.problems.append(Problem(file.file, 0, dotted(places[0]), message))


def _wrong(layers: list[PolicyLayer], *fields: str) -> bool:
    """Tell whether one of some fields could not be read, which is reported already."""
    return any(p.field.startswith(fields) for layer in layers for p in layer.reader.problems)


def _check_overrides(layer: PolicyLayer, base: Rules) -> None:
    if _wrong([layer], "overrides"):
        return
    for i, override in enumerate(layer.given.get("overrides", ())):
        rules = base.layered(override.settings)
        _check_rules([layer], rules, ("overrides", i, "set"), override.settings, base.mode)


def _check_rules(
    layers: list[PolicyLayer],
    rules: Rules,
    prefix: Place = (),
    own: Mapping[str, Any] | None = None,
    base_mode: str = "",
) -> None:
    """Report problems that only show when layers are added up.

    Args:
        layers: files to look for places in, nearest first.
        rules: what the layers add up to.
        prefix: place of an override's settings, or empty for the base.
        own: the override's settings; only what they bring about is reported.
        base_mode: mode without the override.
    """
    mode_wrong = _wrong(layers, dotted((*prefix, "mode")))
    for name, treatment in sorted(rules.fields.items()):
        group = FIELDS_BY_NAME[name].group if name in FIELDS_BY_NAME else name
        brought = (
            own is None or name in own.get("fields", ()) or ("mode" in own and base_mode == "none")
        )
        kept_unread = treatment == "keep" and group in READ_GROUPS and rules.mode != "none"
        if kept_unread and brought and not mode_wrong:
            why = "people said or typed it, or nobody declared it, so it is read at least. Use scan"
            _report(
                layers,
                ((*prefix, "fields", name), (*prefix, "mode")),
                f"{name} may be kept only with mode none: {why}",
            )
    for entity in sorted({entity for _, entity in rules.deny}):
        operators = () if own is None else own.get("entities", ())
        brought = own is None or "deny" in own or entity in operators or DEFAULT in operators
        if rules.given_operator(entity).name == "keep" and brought:
            places = (("entities", entity), ("entities", DEFAULT), ("deny",))
            _report(
                layers,
                tuple((*prefix, *place) for place in places),
                f"a deny text is {safe_key(entity)}, whose operator is keep, so it would not be "
                f"redacted; give {safe_key(entity)} an operator",
            )


def _check_detect(layers: list[PolicyLayer], detect: DetectionSettings) -> None:
    """Languages and models that do not fit together; passed over where one of them could not be
    read.
    """
    if _wrong(layers, "detect.languages", "detect.default_language", "detect.model"):
        return
    languages: Place = ("detect", "languages")
    if detect.default_language not in detect.languages:
        _report(
            layers,
            (("detect", "default_language"), languages),
            f"default_language {detect.default_language} is not among languages "
            f"({', '.join(detect.languages)}); add it there, or name one of them",
        )
    for language in detect.languages:
        if "embedded" in detect.models_for(language) and language != _EMBEDDED_LANGUAGE:
            _report(
                layers,
                (("detect", "models", language), languages),
                f"the embedded model reads English only; name a model for {language} under "
                "detect.models, or `none` for patterns alone",
            )
    margins = any("margins" in layer.given.get("detect", {}) for layer in layers)
    if margins and all(detect.models_for(n) == ("none",) for n in detect.languages):
        _report(
            layers,
            (("detect", "margins"),),
            "margins are a language model's and `model: none` leaves none; name a model, or remove "
            "the margins",
        )
    for language in sorted(detect.models):
        if language not in detect.languages:
            _report(
                layers,
                (("detect", "models", language),),
                f"{language} is not among languages, so its model is never used; add it there, or "
                "remove it",
            )
