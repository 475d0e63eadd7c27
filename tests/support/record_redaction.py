"""One record's way through detection and redaction, for tests. All people and numbers are
generated.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from callveil.schemas.fields import coerce_members
from callveil.schemas.interaction import FIELDS, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import parse_policy
from callveil.schemas.rejected import Rejected
from callveil.schemas.request import RedactionRequest
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob, DetectionResult
from callveil.transforms.redact.engine import RedactionResult, Redactor, RunColumns
from callveil.transforms.redact.until_stable import redact_until_stable
from callveil.transforms.storage.encryption.keyring import Keyring

T0 = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
KEY = InteractionKey("70001", "5000000001")
HEAD = "version: 1\ndetect: {model: none}\n"


def policy(rules: str = "") -> Policy:
    """A policy of the default preset's rules with `rules` (YAML) on top, without a language
    model.
    """
    return parse_policy(rules if rules.startswith("version:") else HEAD + rules)


def raw(record: dict[str, Any], key: InteractionKey = KEY, kind: str = "call") -> RawInteraction:
    """A raw interaction that began at `T0`."""
    members = {**key._asdict(), "kind": kind, "called_at": T0, **record}
    return RawInteraction(
        key, kind, T0, 1, coerce_members(FIELDS, members), SourceRef("generated.jsonl", line=3)
    )


@dataclass
class Bench:
    """Detector and keyring, shared by a session's tests."""

    detector: Any
    keyring: Keyring

    def found(
        self, record: dict[str, Any], rules: str = "", *, key: InteractionKey = KEY, **how: Any
    ) -> DetectionResult | Rejected:
        """Detect the personal data of a record."""
        own, one = policy(rules), raw(record, key)
        language = self.detector.language_of(one.record.get("language"))
        requests: tuple[RedactionRequest, ...] = how.get("requests", ())
        decision = decide_redaction(
            own,
            one,
            "individual",
            how.get("as_of", T0),
            language,
            how.get("floor", MinimumRedaction()),
            requests,
        )
        (item,) = detect_batch(
            how.get("detector", self.detector), [DetectionJob(one, decision, "individual", "90001")]
        )
        return item

    def result(
        self, record: dict[str, Any], rules: str = "", **how: Any
    ) -> RedactionResult | Rejected:
        """The redacted record, or why it was rejected."""
        item = self.found(record, rules, **how)
        if isinstance(item, Rejected):
            return item
        redactor = Redactor(
            self.keyring, RunColumns("run-1", "0" * 64, "tests", how.get("as_of", T0))
        )
        (out,) = redact_until_stable(how.get("detector", self.detector), redactor, [item])
        return out

    def __call__(self, record: dict[str, Any], rules: str = "", **how: Any) -> RedactionResult:
        """The redacted record; a rejection fails the test."""
        out = self.result(record, rules, **how)
        assert isinstance(out, RedactionResult), out
        return out


def content(redacted: RedactionResult) -> dict[str, Any]:
    """The redacted values that stand in declared fields of the source."""
    names = {f.name for f in FIELDS}
    return {k: v for k, v in redacted.interaction.record.items() if k in names}
