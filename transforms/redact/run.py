"""Run metadata that every output row carries.

It stands apart from the redaction code, which takes a second to import.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from callveil.transforms.detect.models import VERSION


@dataclass(frozen=True)
class RunColumns:
    """Values that every row of a run carries.

    Attributes:
        run_id: the run.
        policy_sha256: the policy that decides.
        policy_name: shown as `redacted_by`.
        as_of: the run's time, UTC.
        models: models of others that read for it; see `detect.models.identity`.
    """

    run_id: str
    policy_sha256: str
    policy_name: str
    as_of: dt.datetime
    models: str = ""

    @property
    def detector_version(self) -> str:
        """Name callveil's version and the models of others, for findings."""
        return f"{VERSION}, {self.models}" if self.models else VERSION
