"""Reading a chain of signed records, and telling where it is broken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from callveil.transforms.storage.evidence.problem import ProblemCollector
from callveil.transforms.storage.evidence.public_key import PublicKey
from callveil.transforms.storage.evidence.signed_record import (
    RecordError,
    SignedRecord,
    follow_handovers,
    is_record_signed,
    parse_record,
    record_name,
)
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.snapshot import sha256


@dataclass
class ChainLink:
    """A record of a chain as it is found.

    Attributes:
        seq: number, from its name. path: below the root. sha256: of its bytes.
        record: as read, or None where it cannot be.
        is_good: it is the record that was signed.
    """

    seq: int
    path: str
    sha256: str
    record: SignedRecord | None
    is_good: bool = False


@dataclass
class RecordChain:
    """A chain as found.

    Attributes:
        links: records in order of their numbers; some may be missing in between.
        trusted: keys by id that the chain itself vouches for, with those that were given.
    """

    links: list[ChainLink] = field(default_factory=list)
    trusted: dict[str, PublicKey] = field(default_factory=dict)


def read_chain(
    files: Files,
    root: str,
    folder: str,
    paths: Mapping[str, int],
    keys: Mapping[str, PublicKey],
    found: ProblemCollector,
) -> RecordChain:
    """Read the records of `folder` and check names, order, chain and signatures."""
    pattern = re.compile(rf"{re.escape(folder)}/(\d{{8}})\.json")
    chain = RecordChain(trusted=dict(keys))
    for path in sorted(paths):
        named = pattern.fullmatch(path)
        if named:
            data = files.read(files.join(root, path))
            try:
                record = parse_record(data)
            except RecordError as error:
                record = None
                found.add(path, "changed", str(error))
            chain.links.append(ChainLink(int(named[1]), path, sha256(data), record))
    _check_numbers(chain, folder, found)
    for link in chain.links:
        if link.record:
            chain.trusted = follow_handovers(chain.trusted, link.record.handovers)
    _check_links(chain, found)
    return chain


def _check_numbers(chain: RecordChain, folder: str, found: ProblemCollector) -> None:
    numbers = [link.seq for link in chain.links]
    for before, after in pairwise(numbers):
        for seq in range(before + 1, after):
            found.add(
                record_name(seq, folder),
                "gap",
                f"record {seq} is missing, although record {after} is there",
            )
    by_digest = {}
    for link in chain.links:
        by_digest[link.sha256] = link.seq
    if chain.links and chain.links[0].record and chain.links[0].record.previous:
        found.add(
            record_name(numbers[0] - 1, folder),
            "gap",
            f"record {numbers[0] - 1} is missing, which record {numbers[0]} follows",
        )


def _check_links(chain: RecordChain, found: ProblemCollector) -> None:
    """Go from the newest record back: one that is signed by a trusted key vouches for the bytes of
    the one before it.
    """
    vouched = ""
    for place in range(len(chain.links) - 1, -1, -1):
        link = chain.links[place]
        record = link.record
        expected, vouched = vouched, ""
        if record is None:
            continue
        if record.body.get("seq") != link.seq:
            found.add(
                link.path,
                "order",
                f"holds record {record.body.get('seq')}: records were put in another order",
            )
            continue
        if expected and link.sha256 != expected:
            found.add(link.path, *_not_the_one(link, record, chain.trusted))
            continue
        if not expected and not _holds(link, record, chain, found):
            continue
        if expected and not is_record_signed(record, record.key):
            found.add(link.path, "signature", "the signature does not hold")
            continue
        link.is_good = True
        chain.trusted[record.key.id] = record.key
        if place and chain.links[place - 1].seq == link.seq - 1:
            vouched = record.previous
            if not vouched:
                found.add(
                    link.path,
                    "gap",
                    f"says that nothing comes before it, although record {link.seq - 1} is there",
                )


def _holds(
    link: ChainLink, record: SignedRecord, chain: RecordChain, found: ProblemCollector
) -> bool:
    """Tell whether a record that none vouches for, such as the newest, is signed by a trusted
    key.
    """
    key = chain.trusted.get(record.key.id)
    if key is None or key.der != record.key.der:
        known = ", ".join(sorted(chain.trusted)) or "none"
        found.add(
            link.path,
            "key",
            f"signed by key {record.key.id}, which is not trusted (trusted: {known}): another key, "
            "or a look-alike",
        )
        return False
    if not is_record_signed(record, key):
        found.add(
            link.path,
            "signature",
            f"not signed by key {key.id}, although it says so: it was changed",
        )
        return False
    return True


def _not_the_one(
    link: ChainLink, record: SignedRecord, trusted: Mapping[str, PublicKey]
) -> tuple[str, str]:
    key = trusted.get(record.key.id)
    if key is None or key.der != record.key.der:
        return (
            "key",
            f"not the record that record {link.seq + 1} follows, and signed by key "
            f"{record.key.id}, which is not trusted: a look-alike",
        )
    if not is_record_signed(record, key):
        return (
            "signature",
            f"not the record that record {link.seq + 1} follows, and its signature does not hold: "
            "it was changed",
        )
    return (
        "order",
        f"signed, but not the record that record {link.seq + 1} follows: another version of it was "
        "put in its place",
    )
