"""Redaction of versions: every value of a diff judged by its field's name and by what it is.

What is decided by name comes first: secrets go whole, whatever the policy says; card data and
personal fields go as the policy says of their entity type. Everything else is read by the same
detection as interactions are. A version about an interaction follows the policy's treatment of that
interaction's fields, in the mode the interaction itself was redacted in.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence

from callveil.schemas.finding import TextSpan
from callveil.schemas.rejected import Rejected
from callveil.schemas.version import RawVersion, RedactedVersion
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import DetectionFailed, Detector
from callveil.transforms.redact.versions.decision import RedactionSettings
from callveil.transforms.redact.versions.version_redaction import VersionRedaction
from callveil.transforms.redact.versions.version_run import VersionRun
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.strict_json import ParseError

SHORT_VIEW, SEEN_VIEWS = 400, 20_000
"""Views of at most so many characters are remembered, and at most so many of them."""


class VersionRedactor:
    """Redacts versions. One per process; hold the engines' lock while it is used.

    Args:
        detector: detection engines.
        keyring: keys of pseudonyms, tokens and digests.
        run_id, policy_sha256, as_of: stand in every row.
    """

    def __init__(
        self,
        detector: Detector,
        keyring: Keyring,
        run_id: str,
        policy_sha256: str,
        as_of: dt.datetime,
    ) -> None:
        self.detector = detector
        self.run = VersionRun(detector.settings, keyring, run_id, policy_sha256, as_of)
        self._seen: OrderedDict[tuple[str, View], list[TextSpan]] = OrderedDict()

    def redact(
        self, work: Sequence[tuple[RawVersion, RedactionSettings]]
    ) -> Iterator[RedactedVersion | Rejected]:
        """Redact a batch.

        Yields: one item per version, in order: the redacted version, or why it cannot be shown to
            be clean. No raw version is changed.
        """
        prepared: list[VersionRedaction | Rejected] = []
        for raw, decided in work:
            try:
                prepared.append(VersionRedaction(self.run, raw, decided))
            except ParseError as problem:
                account = raw.key.account_id
                why = problem.reason, problem.detail
                prepared.append(Rejected(raw.source, "redact", *why, account_id=account))
            except Exception as problem:  # noqa: BLE001 - fail closed; the message may quote content, so only its type is told
                prepared.append(_failed(raw, f"redaction raised {type(problem).__name__}"))
        found = self._detect(
            [
                (item.decided.language, item.reading.view)
                for item in prepared
                if isinstance(item, VersionRedaction) and item.reading is not None
            ]
        )
        for item in prepared:
            spans: list[TextSpan] | DetectionFailed = []
            if isinstance(item, VersionRedaction) and item.reading is not None:
                spans = found[item.decided.language, item.reading.view]
            if isinstance(item, Rejected):
                yield item
            elif isinstance(spans, DetectionFailed):
                raw = item.raw
                yield Rejected(
                    raw.source, "detect", spans.reason, str(spans), account_id=raw.key.account_id
                )
            else:
                try:
                    yield item.finish(spans)
                except Exception as problem:  # noqa: BLE001 - as above
                    yield _failed(item.raw, f"redaction raised {type(problem).__name__}")

    def _detect(
        self, wanted: Sequence[tuple[str, View]]
    ) -> dict[tuple[str, View], list[TextSpan] | DetectionFailed]:
        """Return spans of each view. What is found depends on the view alone, and settings change
        between few values, so short views are remembered.
        """
        out: dict[tuple[str, View], list[TextSpan] | DetectionFailed] = {}
        fresh: dict[str, dict[View, None]] = defaultdict(dict)
        for language, view in wanted:
            known = self._seen.get((language, view))
            if known is None:
                fresh[language][view] = None
            else:
                out[language, view] = known
        for language in sorted(fresh):
            for view, spans in self._each(list(fresh[language]), language):
                out[language, view] = spans
                if len(view.text) <= SHORT_VIEW and not isinstance(spans, DetectionFailed):
                    self._seen[language, view] = spans
        while len(self._seen) > SEEN_VIEWS:
            self._seen.popitem(last=False)
        return out

    def _each(
        self, views: list[View], language: str
    ) -> Iterator[tuple[View, list[TextSpan] | DetectionFailed]]:
        """Yield spans of each view. Where a batch fails as a whole its views are read one by
        one.
        """
        done = 0
        try:
            for view, spans in self.detector.run([(view, view) for view in views], language):
                yield view, spans
                done += 1
        except Exception as problem:  # noqa: BLE001 - fail closed; only the type is told
            if len(views) == 1:
                yield views[0], DetectionFailed(f"detection raised {type(problem).__name__}")
                return
            for view in views[done:]:
                yield from self._each([view], language)


def _failed(raw: RawVersion, detail: str) -> Rejected:
    return Rejected(raw.source, "redact", "redaction_failed", detail, account_id=raw.key.account_id)
