"""Redaction of texts and records in memory, for programs of others."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar, Unpack, overload

import orjson

from callveil.schemas.account import ACCOUNT_TYPES
from callveil.schemas.errors import CallveilError
from callveil.schemas.fields import FieldError
from callveil.schemas.finding import Finding
from callveil.schemas.interaction import InteractionKey, RawInteraction, SourceRef
from callveil.schemas.json_types import to_plain
from callveil.schemas.plugins import compare_plugins, deciding_plugins
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import DEFAULT_PRESET, PRESETS, load_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.models import model_fingerprint
from callveil.transforms.ingest.read import read_document
from callveil.transforms.jobs.batch.context import Engines, detector_of
from callveil.transforms.jobs.batch.redact_batches import redact_jobs, slice_jobs
from callveil.transforms.redact.engine import RedactionResult, Redactor
from callveil.transforms.redact.run import RunColumns
from callveil.transforms.storage.encryption.keyring import Keyring, KeyringError, default_path
from callveil.transforms.storage.files.serialization import dumps_in_order
from callveil.transforms.storage.files.strict_json import inspect_record
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer

T = TypeVar("T", str, dict[str, Any])
PolicyLike = str | Path | Policy | None
"""A preset's name, the path of a YAML file, a loaded policy, or None for the preset gdpr."""
KEYED = frozenset({"pseudonym", "token"})
"""Operators whose results depend on a key."""
OF_A_RUN = frozenset({"run_id", "rank"})
"""Columns that say something of a stored row alone."""
TEXT = "transcription_text"
"""Field that a text by itself is redacted as: the words of one call."""


@dataclass(frozen=True)
class Redacted(Generic[T]):
    """A redacted text or record, and what was found in it.

    Attributes:
        value: the text; or the record, by the names `callveil schema redacted_interaction` lists,
            as JSON has them: times are texts in UTC.
        findings: each piece that was replaced, or kept by the policy: where, what, by which
            detector, and never its text.
    """

    value: T
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        return str(self.value)


class RedactionRejected(CallveilError, ValueError):
    """Values that cannot be shown to be clean, so that nothing of them is given out.

    Attributes:
        results: in the order of the input, a `Redacted` or a `Rejected` for each value.
    """

    def __init__(self, results: Sequence[Redacted[Any] | Rejected]) -> None:
        super().__init__(results)
        self.results = tuple(results)

    def __str__(self) -> str:
        refused = [(n, r) for n, r in enumerate(self.results) if isinstance(r, Rejected)]
        told = "; ".join(
            f"value {n}: {r.reason}: {f'{r.field}: ' if r.field else ''}{r.detail}"
            for n, r in refused[:5]
        )
        of = f"{len(refused)} of {len(self.results)} rejected, counted from 0"
        return f"{told} ({of}; `results` of this error has all, with those that were redacted)"


@dataclass(frozen=True)
class InlineSettings:
    """Settings that decide how values are redacted. Picklable: they hold no secret.

    Attributes:
        policy: the policy.
        keyring: path of the keyring; None: a key of each process' own, which is never written.
        as_of: the time that ages are counted from, UTC.
        language: of texts; None: the policy's default.
        account_type: of the records' accounts: individual, agency or unknown.
        keys: ids of the keyring's keys as they were here; empty where it cannot be read here.
        plugins: those that decide here.
    """

    policy: Policy
    keyring: str | None
    as_of: dt.datetime
    language: str | None
    account_type: str
    keys: tuple[str, ...] = ()
    plugins: tuple[str, ...] = field(default_factory=deciding_plugins)

    @classmethod
    def of(
        cls,
        policy: PolicyLike = None,
        *,
        keyring: str | Path | None = None,
        as_of: dt.datetime | None = None,
        language: str | None = None,
        account_type: str = "unknown",
    ) -> InlineSettings:
        """Check what a caller gives, and fill in the defaults; see `redact`."""
        if not (policy is None or isinstance(policy, str | Path | Policy)):
            raise TypeError("policy: expected a preset's name, a path, or what load_policy gives")
        if not isinstance(as_of, dt.datetime | None):
            raise TypeError("as_of: expected a datetime with a time zone")
        if not isinstance(language, str | None):
            raise TypeError("language: expected a code of two letters, such as en")
        chosen = policy if isinstance(policy, Policy) else _loaded(policy)
        if account_type not in ACCOUNT_TYPES:
            raise ValueError(f"account_type: expected one of {', '.join(ACCOUNT_TYPES)}")
        path = str(keyring) if keyring is not None else None
        if path is None and (keyed := sorted(chosen.operators_named() & KEYED)):
            path = str(default_path())
            if not Path(path).exists():
                raise KeyringError(
                    f"{path}: there is no keyring here, and the policy {chosen.name} has the "
                    f"operator {keyed[0]}, which needs one; give keyring=FILE, or set "
                    "CALLVEIL_KEYRING. callveil.create_keyring(FILE) makes one"
                )
        if as_of is not None and as_of.tzinfo is None:
            raise ValueError("as_of: has no time zone; give one, such as datetime.UTC")
        peeked = Keyring.peek(path) if path else None
        today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(
            chosen,
            path,
            (as_of or today).astimezone(dt.UTC),
            language,
            account_type,
            peeked.key_ids if peeked else (),
        )


class InlineRedactor:
    """One process' engines for some settings. Several threads may use it; they take turns."""

    def __init__(self, settings: InlineSettings) -> None:
        compare_plugins(settings.plugins)
        self.settings, policy = settings, settings.policy
        self.keyring = _keyring(settings)
        models = model_fingerprint(policy.detect)
        run = RunColumns("", policy.sha256, policy.name, settings.as_of, models)
        detector, lock = detector_of(policy.detect)
        redactor = Redactor(self.keyring, run)
        self.engines = Engines(policy.detect, self.keyring, detector, redactor, lock)
        self.names = NamePseudonymizer(self.keyring, policy.detect.digit_ids)

    def redact(self, values: Sequence[object]) -> list[Redacted[Any] | Rejected]:
        """Redact values, each a text or a record; one result for each, in order. What is rejected
        comes without its content.
        """
        read = [self._job(value, n) for n, value in enumerate(values)]
        done: dict[int, Redacted[Any] | Rejected] = {
            n: item for n, item in enumerate(read) if isinstance(item, Rejected)
        }
        for jobs in slice_jobs(job for job in read if isinstance(job, DetectionJob)):
            for job, result in redact_jobs(self.engines, jobs):
                place = job.raw.source.index or 0
                done[place] = (
                    result
                    if isinstance(result, Rejected)
                    else _redacted(result, isinstance(values[place], str))
                )
        results = (done[n] for n in range(len(values)))
        return [replace(r, raw=b"") if isinstance(r, Rejected) else r for r in results]

    def _job(self, value: object, place: int) -> DetectionJob | Rejected:
        """Return a value with the decision how it is redacted, or its rejection."""
        source = SourceRef("value", index=place)
        value = to_plain(value)
        raw = self._text(value, source) if isinstance(value, str) else self._record(value, source)
        if isinstance(raw, Rejected):
            return raw
        how = self.settings
        language = self.engines.detector.language_of(str(raw.record.get("language") or "") or None)
        try:
            decision = decide_redaction(
                how.policy, raw, how.account_type, how.as_of, language, MinimumRedaction(), ()
            )
        except Exception as error:  # noqa: BLE001 - fail closed; the message may quote content
            detail = f"{type(error).__name__} while it was decided what is redacted"
            return Rejected(source, "redact", "internal_error", detail, "", b"", *raw.key)
        return DetectionJob(raw, decision, how.account_type, str(raw.record.get("agency_id") or ""))

    def _text(self, text: str, source: SourceRef) -> RawInteraction | Rejected:
        """Return a text as the words of a call that began now."""
        key = InteractionKey("", "text")
        record = {**key._asdict(), "kind": "call", TEXT: text}
        if self.settings.language:
            record["language"] = self.settings.language
        try:
            inspect_record(record, self.settings.policy.limits)
        except FieldError as error:
            return Rejected(source, "ingest", error.reason, error.detail)
        return RawInteraction(key, "call", self.settings.as_of, 0, record, source)

    def _record(self, value: object, source: SourceRef) -> RawInteraction | Rejected:
        """Return a record as its source gives it, whatever envelope is around it."""
        found = list(read_document(value, None, source, self.settings.policy.limits))
        if len(found) != 1:
            detail = f"holds {len(found)} records; give each by itself"
            return Rejected(source, "ingest", "not_an_object", detail)
        raw = replace(found[0], source=source)
        if isinstance(raw, Rejected):
            return replace(raw, interaction_id=self.names.id(raw.interaction_id))
        concealed = self.names.conceal(raw)
        if concealed is not raw and self.settings.keyring is None:
            detail = "names somebody, and is written as a keyed digest: give a keyring"
            return Rejected(
                source, "redact", "redaction_failed", detail, "id", b"", raw.key.account_id
            )
        return concealed


@lru_cache(maxsize=8)
def _preset(name: str) -> Policy:
    return load_policy(name)


def _loaded(where: str | Path | None) -> Policy:
    """Return a policy; presets, which do not change, are read once."""
    return _preset(where or DEFAULT_PRESET) if where in (None, *PRESETS) else load_policy(where)


def _keyring(settings: InlineSettings) -> Keyring:
    """Return the keyring of some settings. Raises `KeyringError` where another one lies there."""
    if settings.keyring is None:
        return Keyring(Path("of this process"), "process", {"process": secrets.token_bytes(64)})
    keyring = Keyring.load(settings.keyring)
    if not set(settings.keys) <= set(keyring.key_ids):
        raise KeyringError(
            f"{settings.keyring}: another keyring than where the job was started: the same value "
            "would get another pseudonym; bring that one to every worker"
        )
    return keyring


def _redacted(result: RedactionResult, text: bool) -> Redacted[Any]:
    record = {name: v for name, v in result.interaction.record.items() if name not in OF_A_RUN}
    if text:
        own = tuple(replace(row.finding, field_path="") for row in result.findings)
        return Redacted(str(record.get(TEXT, "")), own)
    rows = tuple(replace(row.finding, field_path=row.field_path) for row in result.findings)
    return Redacted(orjson.loads(dumps_in_order(record)), rows)


class InlineOptions(TypedDict, total=False):
    """Options of `redact` and `Redact`; `InlineSettings` tells what each is."""

    keyring: str | Path | None
    as_of: dt.datetime | None
    language: str | None
    account_type: str


@overload
def redact(
    value: str, policy: PolicyLike = None, **how: Unpack[InlineOptions]
) -> Redacted[str]: ...
@overload
def redact(
    value: Mapping[str, Any], policy: PolicyLike = None, **how: Unpack[InlineOptions]
) -> Redacted[dict[str, Any]]: ...
@overload
def redact(
    value: list[str], policy: PolicyLike = None, **how: Unpack[InlineOptions]
) -> list[Redacted[str]]: ...
@overload
def redact(
    value: Sequence[Mapping[str, Any]], policy: PolicyLike = None, **how: Unpack[InlineOptions]
) -> list[Redacted[dict[str, Any]]]: ...
def redact(value: Any, policy: PolicyLike = None, **how: Unpack[InlineOptions]) -> Any:
    """Redact a text, a record, or a list of them.

    The first call loads the engines, which takes seconds; a list is read much faster than its
    values one by one.

    Args:
        value: a text; a call, text, chat or form as a dict, as the platform gives it (`callveil
            schema interaction`), with `account_id`, `id` and a time; or a list of these.
        policy: a preset's name, the path of a YAML file, a loaded policy; None: gdpr.
        keyring: file of the keys of pseudonyms and tokens; see docs/api.md for the default.
        as_of: the time that ages are counted from; default: today, 00:00 UTC.
        language: of texts (ISO 639-1); records name their own. Default: the policy's.
        account_type: of the records' accounts: individual, agency or unknown.

    Returns: a `Redacted`, or for a list a list of them in its order.

    Raises:
        RedactionRejected: a value cannot be shown to be clean; the others are in its `results`.
        PolicyError, KeyringError, ModelError, PluginError: what is given cannot be used.
    """
    many = isinstance(value, list | tuple)
    redactor = redactor_of(InlineSettings.of(policy, **how))
    results = redactor.redact(value if many else [value])
    if any(isinstance(r, Rejected) for r in results):
        raise RedactionRejected(results)
    return results if many else results[0]


@lru_cache(maxsize=2)
def redactor_of(settings: InlineSettings) -> InlineRedactor:
    """Return this process' redactor for some settings. Raises as `redact`."""
    return InlineRedactor(settings)


def create_keyring(path: str | Path) -> str:
    """Make a keyring with one new random key, mode 0600, and return its path.

    Raises `KeyringError` where there is a file already: it is never overwritten.
    """
    return str(Keyring.create(path, dt.datetime.now(dt.UTC).replace(microsecond=0)).path)
