"""Redaction: apply what was found to every field of a record, and give account of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from callveil.schemas.finding import FindingRow, TextSpan
from callveil.schemas.interaction import RedactedInteraction
from callveil.schemas.rejected import Rejected
from callveil.schemas.request import encode_request
from callveil.schemas.subject_index import IdentifierLink
from callveil.transforms.detect.budget import OverBudget, reason_of
from callveil.transforms.detect.detection_result import DetectionResult
from callveil.transforms.redact.interaction_redaction import InteractionRedaction
from callveil.transforms.redact.operators import (
    TokenKeys,
)
from callveil.transforms.redact.run import RunColumns as RunColumns
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity.record_identifiers import interaction_people, tokenize


@dataclass(frozen=True)
class RedactionResult:
    """A redacted interaction and what accounts for it.

    Attributes:
        interaction: the record.
        findings: its rows of the findings dataset.
        requests: manual requests it keeps obeying, as JSON texts.
        floor: what later snapshots are redacted to at least; see `decision.MinimumRedaction`.
        people: who it is about, as keyed digests; see
            `transforms.storage.identity.record_identifiers`.
        held: fields in which an earlier redaction held although this policy would have left them;
            `mode` for all that an earlier mode took.
    """

    interaction: RedactedInteraction
    findings: list[FindingRow]
    requests: tuple[str, ...] = ()
    floor: tuple[str, ...] = ()
    people: tuple[IdentifierLink, ...] = ()
    held: tuple[str, ...] = ()


class Redactor:
    """Applies detections to records. One per process.

    Args:
        keyring: keys of pseudonyms, tokens and finding ids.
        run: what every row carries.
    """

    def __init__(self, keyring: Keyring, run: RunColumns) -> None:
        self.keyring = keyring
        self.secrets = TokenKeys.of(keyring)
        self.run = run

    def redact(
        self,
        detected: DetectionResult,
        extra: Mapping[str, Sequence[TextSpan]] = MappingProxyType({}),
    ) -> RedactionResult | Rejected:
        """Redact one record.

        Args:
            detected: the record with what was found in it.
            extra: further spans to replace, by `Leaf.shown`, in the leaf's offsets; see
                `redact.until_stable`.

        Returns: the redacted record with its findings, or a rejection where a finding could not be
            applied or a value that had to go was still there afterwards. The raw record is not
            changed.
        """
        raw = detected.job.raw
        try:
            return self._redact(detected, extra)
        except OverBudget:
            raise
        except Exception as problem:  # noqa: BLE001 - fail closed; the message may quote content, so only its type is told
            return Rejected(
                raw.source,
                "redact",
                "redaction_failed",
                f"redaction raised {reason_of(problem)[1]}",
                account_id=raw.key.account_id,
                interaction_id=raw.key.id,
            )

    def _redact(
        self, detected: DetectionResult, extra: Mapping[str, Sequence[TextSpan]]
    ) -> RedactionResult | Rejected:
        raw = detected.job.raw
        work = InteractionRedaction(self.run, self.keyring, self.secrets, detected, extra)
        record = work.apply()
        people = tokenize(
            self.keyring,
            interaction_people(
                raw, work.said(), work.decision.language or "en", work.runs, work.introduced
            ),
        )
        if work.residual(record):
            return Rejected(
                raw.source,
                "redact",
                "residual",
                "a number or address of the contact was still readable after redaction",
                account_id=raw.key.account_id,
                interaction_id=raw.key.id,
            )
        redacted = work.state(record)
        floor = work.decision.floor | work.whole | set(redacted.record["redacted_entities"])
        requests = tuple(encode_request(replace(r, reason="")) for r in work.requests)
        return RedactionResult(
            redacted,
            work.rows(record),
            requests,
            tuple(sorted(floor)),
            people,
            tuple(sorted(set(work.held()))),
        )
