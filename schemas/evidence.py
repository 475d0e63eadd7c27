"""Evidence: the signed record of a run, and of what else has to be provable, such as a report that
was pulled.

A record holds no personal data. Rows are committed to by digests under a salt of their own, which
is destroyed with the row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

FORMAT_VERSION = 1
LIVE_CHANGES = {
    "found": "was there when the first checkpoint was made",
    "new": "came since the last checkpoint",
    "superseded": "a later snapshot of the record took its place",
    "covered": "a later transcript asked for more of the recording to be covered",
    "redone": "a recording was redacted anew: a transcript came for what was covered without one, "
    "or its file had grown",
    "added": "another recording of the same call was redacted",
    "put_away": "the original was sealed into the store, or deleted",
    "resealed": "the sealed original was sealed anew under another key",
    "renewed": "the tokens in the record were made anew by another key",
    "taken_back": "what was rejected is to be tried again, or was",
    "expired": "retention took it out",
    "erased": "a person's request took it out, or set it aside",
    "lifted": "what was set aside came back",
    "unlinked": "a person's request took out of somebody else's record what leads to them",
    "rescanned": "later rules found more in the redacted record, or could not read it again",
}
"""Why a checkpoint commits to a part of the live zone anew."""
ALGORITHMS = ("ed25519", "ecdsa-p256-sha256")
"""Signature algorithms. Ed25519 (RFC 8032) is what callveil makes itself; the other is for keys of
a KMS that has no Ed25519.
"""


@dataclass(frozen=True, slots=True)
class FileProof:
    """Statement of a record about a file that its run added.

    Attributes:
        path, dataset, rows, bytes, sha256: as in the run's manifest.
        root: Merkle root (RFC 6962) over the salted commitments of its rows, hex; empty for a file
            whose rows are not committed to.
        salts_sha256: digest of the file's salts as first written, hex; empty as above.
    """

    path: str
    dataset: str
    rows: int
    bytes: int
    sha256: str
    root: str = ""
    salts_sha256: str = ""


@dataclass(frozen=True, slots=True)
class FileRewrite:
    """A file that replaces another: which rows stayed as they were.

    Attributes:
        old, new: paths.
        kept: rows that are in both, with the same commitment.
        gone: rows of the old file that are not in the new one, or are changed there; each has a
            tombstone.
        fresh: rows of the new file that were not in the old one, or are changed.
    """

    old: str
    new: str
    kept: int
    gone: int
    fresh: int


@dataclass(frozen=True, slots=True)
class RunDigest:
    """Signed facts about a run.

    Attributes:
        seq, run_id, job, as_of: the run's.
        manifest_sha256, snapshot_sha256: digests of its manifest and of the snapshot it led to,
            hex.
        snapshot: path of that snapshot.
        policy: path of the policy it was decided by, where the store holds it; empty otherwise.
        added: its files. removed: `{path, sha256}` of files it took out.
        rewrites: which of the added files replace which of the removed ones.
        proofs: path of the file of details, beside the record; `proofs_sha256` its digest. Empty
            where there are none.
        covers: earlier runs, published before evidence was kept, that this record vouches for
            through the chain of manifests.
        identity: digest of the record of whose the store was at that time; empty where it had none.
        tables: metadata file of each Iceberg table after the run, below the store's root.
        table_files: `{path, sha256}` of metadata files that the run wrote.
    """

    seq: int
    run_id: str
    job: str
    as_of: str
    manifest_sha256: str
    snapshot: str
    snapshot_sha256: str
    policy: str = ""
    added: tuple[FileProof, ...] = ()
    removed: tuple[dict[str, str], ...] = ()
    rewrites: tuple[FileRewrite, ...] = ()
    proofs: str = ""
    proofs_sha256: str = ""
    covers: int = 0
    identity: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    table_files: tuple[dict[str, str], ...] = ()
    format: int = field(default=FORMAT_VERSION)


class LiveEntry(NamedTuple):
    """Entry of a checkpoint about a part of the live zone: about an interaction's record or its
    recording.

    Attributes:
        part: path of its receipt, without suffix.
        leaf: commitment to its receipt and files under a salt of its own, hex; empty where nothing
            is left.
        change: one of `LIVE_CHANGES`.
        run: number of the run that took it out or brought it back; 0 where it needs none.
    """

    part: str
    leaf: str
    change: str
    run: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Signed facts about the live zone.

    Attributes:
        seq: its number. as_of: when it was made, ISO 8601.
        run, run_sha256: number and digest of the newest record of a run at that time; 0 and empty
            before the first.
        entries: parts that are new or have changed since the checkpoint before.
    """

    seq: int
    as_of: str
    run: int
    run_sha256: str
    entries: tuple[LiveEntry, ...] = ()
    format: int = field(default=FORMAT_VERSION)
