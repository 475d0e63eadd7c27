"""Checking a store against its evidence: offline, with public keys alone, on a folder or in S3.

What is trusted is the signed records; manifests, snapshots, data and all the rest are compared with
these. Each finding names the file, and within it the bytes or rows. Removing the newest runs
together with everything that names them cannot be seen from inside a store: for that a head digest
is kept outside, and given as an anchor.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.x509 import Certificate

from callveil.schemas.evidence import RunDigest
from callveil.schemas.manifest import RunManifest
from callveil.schemas.subject import RegisterEntry, register_entry, steps_back
from callveil.transforms.report.verify.control_files import check_control
from callveil.transforms.report.verify.data_files import FileCheck
from callveil.transforms.report.verify.live_zone import ZoneCheck
from callveil.transforms.report.verify.table_metadata import check_tables
from callveil.transforms.report.verify.timestamp import Anchor, check_anchors
from callveil.transforms.storage.commit.known_heads import RUNS, ChainHead
from callveil.transforms.storage.evidence.chain import ChainLink, RecordChain, read_chain
from callveil.transforms.storage.evidence.problem import EvidenceProblem, ProblemCollector
from callveil.transforms.storage.evidence.public_key import PublicKey
from callveil.transforms.storage.evidence.signed_record import (
    EVIDENCE,
    IDENTITY,
    PULLS,
    SEALS,
    record_name,
)
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import (
    CONTROL,
    manifest_name,
    parse_manifest,
    sha256,
)

__all__ = ["EvidenceProblem", "VerificationReport", "verify_evidence"]

UNTOLD = (
    "no head from outside the store was compared, so nothing can be told about newer records that "
    "may be missing: give one with --anchor (see "
    "`callveil evidence head`), or verify on the machine that runs the jobs, which remembers the "
    "newest"
)


@dataclass(frozen=True)
class VerificationReport:
    """Outcome of a verification.

    Attributes:
        problems: what is not as it was signed; empty is right.
        notes: what cannot be told, or is unfinished, without being wrong.
        runs, files, rows: how many were checked. head: digest of the newest record.
        seq: its number. keys: ids of the keys that signed.
        checkpoints: of the live zone. parts: records and recordings there that were checked.
            live_head: digest of the newest checkpoint.
        timestamps: of an authority, that hold, oldest first.
        anchored: a head from outside the store was compared; without, nothing is told about newer
            records that may be missing.
    """

    problems: tuple[EvidenceProblem, ...]
    notes: tuple[EvidenceProblem, ...]
    runs: int = 0
    files: int = 0
    rows: int = 0
    seq: int = 0
    head: str = ""
    keys: tuple[str, ...] = field(default=())
    checkpoints: int = 0
    parts: int = 0
    live_head: str = ""
    timestamps: tuple[Anchor, ...] = ()
    anchored: bool = False


def verify_evidence(
    files: Files,
    root: str,
    keys: Iterable[PublicKey],
    anchors: Collection[str] = (),
    rows: bool = True,
    authorities: Sequence[Certificate] = (),
    seen: Mapping[str, ChainHead] | None = None,
    memory: str = "",
) -> VerificationReport:
    """Check the store at `root`.

    Args:
        keys: public keys that are trusted. Keys they handed over to are trusted too.
        anchors: digests of records that were noted outside the store; each must be in the chain.
        authorities: certificates by which timestamps are checked; see `anchor`.
        rows: compute the commitments of all rows, which proves what retention and erasure left;
            without, bytes alone are compared.
        seen: heads that were remembered outside the store, by chain; see `store.heads`. memory: the
            file that says so.

    Raises `OSError` where the store cannot be reached.
    """
    found = ProblemCollector()
    paths = {f.url[len(root.rstrip("/")) :].lstrip("/"): f.size for f in files.list(root)}
    trusted = {k.id: k for k in keys}
    chain = read_chain(files, root, EVIDENCE, paths, trusted, found)
    pulls = read_chain(files, root, PULLS, paths, chain.trusted, found)
    seals = read_chain(files, root, SEALS, paths, chain.trusted, found)
    owners = read_chain(files, root, IDENTITY, paths, chain.trusted, found)
    anchored = bool(anchors or seen)
    if stranger := _other_key(trusted, (chain, seals, owners, pulls)):
        return VerificationReport(
            (EvidenceProblem(EVIDENCE, "key", stranger),),
            (),
            seq=chain.links[-1].seq if chain.links else 0,
            keys=_signers(chain, seals),
        )
    for anchor in anchors:
        if not any(
            anchor.lower() in (link.sha256, link.sha256[:16])
            for link in (*chain.links, *pulls.links, *seals.links)
        ):
            found.add(
                EVIDENCE,
                "anchor",
                f"no record has the digest {anchor[:16]}... that --anchor gives: it is missing "
                "with what followed it (runs were cut off), or the "
                "history was rewritten. Put the newest state back",
            )
    _compare_heads(
        files, root, seen or {}, {SEALS: seals, IDENTITY: owners, PULLS: pulls}, found, memory
    )
    stamps = check_anchors(files, root, paths, {"run": chain, "live": seals}, authorities, found)
    digests = _digests(chain, found)
    _check_owners(digests, owners, found)
    zone = ZoneCheck(files, root, paths, seals, chain, digests, found)
    zone.check()
    if not chain.links:
        if not seals.links or any(p.startswith(f"{CONTROL}/manifests/") for p in paths):
            text = (
                "there are no signed records; `callveil evidence sign` begins the chain of "
                "runs, `seal` that of the live zone; or restore them"
            )
            found.add(EVIDENCE, "gap", text)
        return _report(
            found,
            seals,
            zone,
            VerificationReport((), (), keys=_signers(seals), timestamps=stamps, anchored=anchored),
        )
    if not any(link.is_good for link in chain.links):
        found.add(
            EVIDENCE,
            "key",
            "no record holds by a key that is trusted, so nothing can be told of the rest; give "
            "the store's public key with --key",
        )
        return _report(
            found,
            seals,
            zone,
            VerificationReport(
                (),
                (),
                seq=chain.links[-1].seq,
                keys=_signers(chain, seals),
                timestamps=stamps,
                anchored=anchored,
            ),
        )
    manifests = _manifests(files, root, chain, digests, paths, found)
    check = FileCheck(files, root, paths, digests, manifests, found)
    check.check_all(rows)
    check_control(files, root, paths, chain, digests, manifests, found)
    check_tables(files, root, paths, digests, check.live, found)
    _note_steps_back(files, root, check, paths, found)
    newest = chain.links[-1]
    counts = len(manifests), check.files_checked, check.rows_checked
    done = VerificationReport(
        (),
        (),
        *counts,
        newest.seq,
        newest.sha256,
        _signers(chain, seals),
        timestamps=stamps,
        anchored=anchored,
    )
    return _report(found, seals, zone, done)


def _note_steps_back(
    files: Files, root: str, check: FileCheck, paths: Collection[str], found: ProblemCollector
) -> None:
    """Name steps of requests that go back in time: whoever may enter them may state any time, so
    that is no change of what was signed.
    """
    entries: dict[str, list[tuple[int, RegisterEntry, str]]] = defaultdict(list)
    for path, proof in check.live.items():
        if proof.dataset != "subject_requests" or path not in paths:
            continue
        try:
            for row in pq.read_table(io.BytesIO(files.read(files.join(root, path)))).to_pylist():
                entries[row["request_id"]].append((row["seq"], register_entry(row), path))
        except (pa.ArrowException, OSError, ValueError, LookupError):
            continue  # what is wrong with the file itself is found above
    for request_id, steps in entries.items():
        steps.sort(key=lambda s: (s[0], s[2]))
        for text in steps_back([entry for _, entry, _ in steps]):
            found.note(steps[0][2].rsplit("/", 1)[0], "time", f"request {request_id}: {text}")


def _other_key(trusted: Mapping[str, PublicKey], chains: Iterable[RecordChain]) -> str:
    """Return what is to be said, once, where nothing in a store was signed with a key that is
    trusted; empty where something was, or nothing is signed.
    """
    links = [link for chain in chains for link in chain.links if link.record]
    if not links or any(link.is_good for link in links):
        return ""
    signers = {link.record.key.id for link in links if link.record}
    if signers & trusted.keys():
        return ""  # it claims a trusted key; what does not hold is named file by file
    given = ", ".join(sorted(trusted)) or "none"
    return (
        f"the store is signed with key {', '.join(sorted(signers))}, and the key given is {given}: "
        "nothing can be told of it. Give the store's own "
        "public key with --key; if this is its own, the records were replaced by somebody else's"
    )


def _compare_heads(
    files: Files,
    root: str,
    seen: Mapping[str, ChainHead],
    chains: Mapping[str, RecordChain],
    found: ProblemCollector,
    memory: str,
) -> None:
    """Compare a store with the heads that were remembered outside of it, in the file `memory`."""
    for name, head in seen.items():
        what = f"run {head.seq}" if name == RUNS else f"record {head.seq} of {name}"
        path = manifest_name(head.seq) if name == RUNS else record_name(head.seq, name)
        if name == RUNS:
            try:
                digest = sha256(files.read(files.join(root, path)))
            except FileNotFoundError:
                digest = ""
        else:
            digest = (
                next((link.sha256 for link in chains[name].links if link.seq == head.seq), "")
                if name in chains
                else head.sha256
            )
        if digest != head.sha256:
            text = (
                "with another content"
                if digest
                else "and it is gone with all that followed it, erasures too"
            )
            found.add(
                path,
                "rolled_back",
                f"{what} was seen here before ({memory} says so), {text}: the store was set back, "
                "or its history was rewritten. "
                "Put the newest state back; or, where it is meant so, say it: callveil evidence "
                "accept",
            )


def _check_owners(
    digests: Mapping[int, RunDigest], owners: RecordChain, found: ProblemCollector
) -> None:
    """Runs name the record of whose the store was: one that is gone, or was put in its place,
    shows.
    """
    known = {link.sha256 for link in owners.links}
    for seq in sorted(s for s, d in digests.items() if d.identity and d.identity not in known):
        missing = record_name(owners.links[-1].seq + 1 if owners.links else 1, IDENTITY)
        found.add(
            missing,
            "gap",
            f"the record of whose the store is that run {seq} names is gone, or another was put in "
            "its place",
        )
        return


def _report(
    found: ProblemCollector, seals: RecordChain, zone: ZoneCheck, runs: VerificationReport
) -> VerificationReport:
    """Return what was found, with what is to be said of the live zone."""
    head = seals.links[-1].sha256 if seals.links else ""
    return replace(
        runs,
        problems=found.sorted(),
        notes=found.sorted_notes(),
        checkpoints=len(seals.links),
        parts=zone.parts_checked,
        live_head=head,
    )


def _signers(*chains: RecordChain) -> tuple[str, ...]:
    return tuple(
        sorted({link.record.key.id for chain in chains for link in chain.links if link.record})
    )


def _digests(chain: RecordChain, found: ProblemCollector) -> dict[int, RunDigest]:
    """Return what is signed of each run, of records that hold."""
    out: dict[int, RunDigest] = {}
    for link in chain.links:
        if link.is_good and link.record:
            try:
                out[link.seq] = msgspec.convert(link.record.body, RunDigest)
            except ValueError:
                found.add(link.path, "changed", "not the record of a run")
    return out


def _manifests(
    files: Files,
    root: str,
    chain: RecordChain,
    digests: Mapping[int, RunDigest],
    paths: Mapping[str, int],
    found: ProblemCollector,
) -> dict[int, RunManifest]:
    """Return manifests that are what was signed, by number. Those from before evidence was kept
    hang on the first record by their own chain.
    """
    first, last = chain.links[0].seq, chain.links[-1].seq
    data: dict[int, bytes] = {}
    for seq in range(1, last + 1):
        name = manifest_name(seq)
        try:
            data[seq] = files.read(files.join(root, name))
        except FileNotFoundError:
            found.add(name, "gap", f"the manifest of run {seq} is missing")
    for name in sorted(p for p in paths if p.startswith(manifest_name(0).rsplit("/", 1)[0])):
        if name not in {manifest_name(seq) for seq in range(1, last + 2)}:
            found.add(name, "stray", "no run has this number")
        elif name == manifest_name(last + 1):
            found.add(
                record_name(last + 1),
                "gap",
                f"run {last + 1} has no signed record: it was taken out, or the run is unfinished; "
                "any job finishes it",
            )
    out: dict[int, RunManifest] = _unsigned(files, root, last + 1, paths)
    expected: dict[int, str] = {seq: d.manifest_sha256 for seq, d in digests.items()}
    for seq in range(last, 0, -1):
        if seq not in data:
            continue
        digest = sha256(data[seq])
        if seq in expected and digest != expected[seq]:
            found.add(manifest_name(seq), "changed", _which(seq, digest, data, expected))
            continue
        if seq not in expected and seq >= first and not _links_forward(seq, digest, out):
            continue  # its record does not hold, and nothing else vouches for it
        try:
            out[seq] = parse_manifest(data[seq])
        except ValueError:
            found.add(manifest_name(seq), "changed", "not a run manifest")
            continue
        if seq > 1 and seq - 1 not in expected:
            expected[seq - 1] = out[seq].parent_sha256
    return dict(sorted(out.items()))


def _unsigned(
    files: Files, root: str, seq: int, paths: Mapping[str, int]
) -> dict[int, RunManifest]:
    """Return the manifest of a run behind the newest record, so that its files are not taken for
    strangers.
    """
    try:
        return (
            {seq: parse_manifest(files.read(files.join(root, manifest_name(seq))))}
            if manifest_name(seq) in paths
            else {}
        )
    except ValueError:
        return {}


def _links_forward(seq: int, digest: str, later: Mapping[int, RunManifest]) -> bool:
    return seq + 1 in later and later[seq + 1].parent_sha256 == digest


def _which(seq: int, digest: str, data: Mapping[int, bytes], expected: Mapping[int, str]) -> str:
    """Tell whether another run's manifest stands there, or a changed one."""
    for other, value in expected.items():
        if other != seq and value == digest:
            return f"it is the manifest of run {other}: the order was changed"
    return "its bytes are not those that were signed"


def link_of(chain: RecordChain, seq: int) -> ChainLink | None:
    """Return the link of a number, or None."""
    return next((link for link in chain.links if link.seq == seq), None)
