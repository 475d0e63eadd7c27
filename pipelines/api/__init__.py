"""callveil takes the personal data out of call-tracking records: texts and records in memory, any
Beam pipeline, and stores that its commands keep.

    import callveil

    callveil.redact("this is anna miller, my number is 415 555 0123").value
    records | callveil.Redact("gdpr")
    callveil.open_store("s3://clean/calls").dataset("interactions").to_table()

Names are loaded when they are first used: importing callveil loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callveil.schemas.errors import CallveilError
    from callveil.schemas.finding import Finding
    from callveil.schemas.plugins import PluginError
    from callveil.schemas.policy import Policy, PolicyError
    from callveil.schemas.policy_load import load_policy
    from callveil.schemas.rejected import Rejected
    from callveil.transforms.detect.models import ModelError
    from callveil.transforms.jobs.inline.beam import Redact
    from callveil.transforms.jobs.inline.redaction import (
        Redacted,
        RedactionRejected,
        create_keyring,
        redact,
    )
    from callveil.transforms.report.open_store import OpenStore, open_store
    from callveil.transforms.storage.encryption.keyring import KeyringError
    from callveil.transforms.storage.format1.snapshot import StoreError

    __version__: str

__all__ = [
    "CallveilError",
    "Finding",
    "KeyringError",
    "ModelError",
    "OpenStore",
    "PluginError",
    "Policy",
    "PolicyError",
    "Redact",
    "Redacted",
    "RedactionRejected",
    "Rejected",
    "StoreError",
    "__version__",
    "create_keyring",
    "load_policy",
    "open_store",
    "redact",
]

_HOMES = {
    "CallveilError": "schemas.errors",
    "Finding": "schemas.finding",
    "KeyringError": "transforms.storage.encryption.keyring",
    "ModelError": "transforms.detect.models",
    "OpenStore": "transforms.report.open_store",
    "PluginError": "schemas.plugins",
    "Policy": "schemas.policy",
    "PolicyError": "schemas.policy",
    "Redact": "transforms.jobs.inline.beam",
    "Redacted": "transforms.jobs.inline.redaction",
    "RedactionRejected": "transforms.jobs.inline.redaction",
    "Rejected": "schemas.rejected",
    "StoreError": "transforms.storage.format1.snapshot",
    "create_keyring": "transforms.jobs.inline.redaction",
    "load_policy": "schemas.policy_load",
    "open_store": "transforms.report.open_store",
    "redact": "transforms.jobs.inline.redaction",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("callveil")
    elif name in _HOMES:
        value = getattr(import_module(f"callveil.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'callveil' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
