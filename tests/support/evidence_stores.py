"""A store with a history, made by the jobs themselves: loads, retention that drops files and
rewrites others, certificates. Nobody's data.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from contextlib import suppress
from pathlib import Path

from callveil.schemas.manifest import FileEntry, RunManifest
from callveil.transforms.report.verify.store import VerificationReport, verify_evidence
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import purge_removed
from callveil.transforms.storage.evidence.public_key import PublicKey
from callveil.transforms.storage.evidence.signing_keys import open_signer
from callveil.transforms.storage.files.filesystem import Files, PreconditionFailed
from callveil.transforms.storage.format1.snapshot import CONTROL, data_path
from callveil.transforms.storage.tables.parquet import publish_bytes
from support.retention_stores import DAY, Place, V, account

AS_OF = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def key() -> PublicKey:
    """The public key of the tests' signing key."""
    return open_signer().public


def check(root: str | Path, **how: object) -> VerificationReport:
    """Verify with that key."""
    return verify_evidence(Files(), str(root), [key()], **how)  # type: ignore[arg-type]


def empty_run(store: Store, name: str) -> None:
    """A run that did nothing."""
    base = store.current()
    policy = b"version: 1\nname: p\n"
    sha = hashlib.sha256(policy).hexdigest()
    with suppress(PreconditionFailed):
        store.files.write(store.url(f"{CONTROL}/policies/{sha}.yaml"), policy, if_none_match=True)
    made = RunManifest(
        hashlib.sha256(name.encode()).hexdigest(),
        **base.chain(),
        job="load",
        as_of=AS_OF.isoformat(),
        tool_version="t",
        policy_name="p",
        policy_sha256=sha,
    )
    store.publish(made, base)
    purge_removed(store, made, AS_OF.isoformat())


def sealed_run(store: Store, name: str) -> None:
    """A run that publishes a file which is no Parquet."""
    base = store.current()
    run = hashlib.sha256(name.encode()).hexdigest()
    entry: FileEntry = publish_bytes(
        store.files,
        store.root,
        data_path("rejected_content", {"day": "2026-11-20"}, run, "0000", ".sealed"),
        "rejected_content",
        {"day": "2026-11-20"},
        io.BytesIO(hashlib.shake_256(name.encode()).digest(200_000)),
    )
    made = RunManifest(
        run,
        **base.chain(),
        job="load",
        as_of=AS_OF.isoformat(),
        tool_version="t",
        policy_name="p",
        policy_sha256="0",
        added=(entry,),
    )
    store.publish(made, base)
    purge_removed(store, made, AS_OF.isoformat())


def world(folder: Path, root: str = "", files: Files | None = None, rows: int = 12) -> Place:
    """Build it: versions of two accounts on several days, two retention runs (the second rewrites
    what the first rewrote), empty runs.
    """
    # One account's versions expire after 3 days, the other's after 7, in the same files: so files
    # are rewritten, not dropped.
    rule = "{id: short, action: delete, days: 3, class: versions, account: ['1001']}"
    policy = f"version: 1\nname: p\nretention:\n  rules:\n    - {rule}\n"
    place = Place(
        folder, files or Files(), root, policy=policy, accounts=[account("1001"), account("1002")]
    )
    for back in (12, 6, 5, 4, 3, 1):
        place.put(
            V(
                f"100{1 + n % 2}",
                AS_OF - back * DAY + dt.timedelta(hours=24 * n / rows),
                f"v{back}-{n}",
            )
            for n in range(rows)
        )
    empty_run(place.store, "nothing")
    sealed_run(place.store, "sealed")
    for back in (0.5, 0):
        place.run(AS_OF - back * DAY)
    empty_run(place.store, "nothing again")
    return place
