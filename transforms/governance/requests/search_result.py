"""Result of a search for a person: identifiers, confirmed and proposed, and records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.json_types import JsonObject
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.live_records import LIVE

RANK = {"contact": 0, "agent": 1, "third_party": 2}


@dataclass(frozen=True)
class ConfirmedIdentifier:
    """An identifier that counts.

    Attributes:
        name: short name, `given` or the proposal's.
        kind: its kind.
        tokens: its digests, one per key of the keyring that is known.
        reason: why it counts.
        value: in clear where it was given; empty for a confirmed proposal.
    """

    name: str
    kind: str
    tokens: tuple[str, ...]
    reason: str
    value: str = field(default="", repr=False)


@dataclass(frozen=True)
class CandidateIdentifier:
    """An identifier that may be the person's too.

    Attributes:
        name: `L1`, `L2`, ...; the same identifier keeps its name from search to search.
        kind, token: what it is.
        reason: in which record it stands beside which confirmed identifier.
        records: records it stands in. further: those of them that are not matched yet.
        shared: why it may belong to several people, or empty.
    """

    name: str
    kind: str
    token: str
    reason: str
    records: int
    further: int
    shared: str = ""


@dataclass(frozen=True)
class MatchedRecord:
    """A record that is about the person.

    Attributes:
        record: which.
        day: its UTC day.
        role: what the person is in it: contact, agent, or third_party (mentioned).
        fields: declared fields the identifiers stood in.
        through: names of the confirmed identifiers that lead to it.
    """

    record: RecordRef
    day: str
    role: str
    fields: tuple[str, ...]
    through: tuple[str, ...]


@dataclass(frozen=True)
class SearchResult:
    """Result of a search.

    Attributes:
        seq: state of the store that was searched.
        confirmed, proposed: identifiers; rejected: digests someone said are not the person's.
        records: matched records, in order.
        unread: how much of what was never read into a dataset is about the person, by zone; empty
            where that was not looked at.
        not_read: what was not searched, or may hold more than the search could find.
        shared: names of confirmed identifiers that may belong to several people.
        left_out: records that lead to the person, and are somebody else's: they carry a rejected
            contact, or somebody has said so.
        undecided: records of which nobody has said yet whose they are, with names of the proposals
            that stand in them.
        set_aside: interactions of theirs that a restriction has set aside.
    """

    seq: int
    confirmed: tuple[ConfirmedIdentifier, ...]
    proposed: tuple[CandidateIdentifier, ...]
    rejected: tuple[str, ...]
    records: tuple[MatchedRecord, ...]
    unread: Mapping[str, int] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    left_out: tuple[MatchedRecord, ...] = ()
    undecided: tuple[tuple[RecordRef, tuple[str, ...]], ...] = ()
    set_aside: int = 0

    @property
    def tokens(self) -> tuple[str, ...]:
        """Digests of all confirmed identifiers, in order."""
        return tuple(sorted({t for c in self.confirmed for t in c.tokens}))

    @property
    def own_tokens(self) -> tuple[str, ...]:
        """Digests of the confirmed identifiers that are the person's alone, in order."""
        return tuple(
            sorted({t for c in self.confirmed if c.name not in self.shared for t in c.tokens})
        )

    @property
    def others(self) -> frozenset[InteractionKey]:
        """Interactions that lead to the person, and are somebody else's."""
        kinds = ("interaction", LIVE)
        own = (m.record for m in self.left_out if m.record.record_class in kinds)
        return frozenset(InteractionKey(r.account_id, r.record_id) for r in own)

    def as_dict(self) -> JsonObject:
        """JSON form; it holds what the person gave, so it is sealed or handed to whoever asked."""
        parts = {
            name: [_as_dict(m) for m in getattr(self, name)] for name in ("records", "left_out")
        }
        return (
            asdict(self)
            | parts
            | {"undecided": [[r._asdict(), list(names)] for r, names in self.undecided]}
        )

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> SearchResult:
        """Return the result that `as_dict` described."""
        return cls(
            d["seq"],
            tuple(
                ConfirmedIdentifier(**(c | {"tokens": tuple(c["tokens"])})) for c in d["confirmed"]
            ),
            tuple(CandidateIdentifier(**p) for p in d["proposed"]),
            tuple(d["rejected"]),
            tuple(map(_of_dict, d["records"])),
            d.get("unread", {}),
            tuple(d.get("not_read", ())),
            tuple(d.get("shared", ())),
            tuple(map(_of_dict, d.get("left_out", ()))),
            tuple((RecordRef(**r), tuple(names)) for r, names in d.get("undecided", ())),
            d.get("set_aside", 0),
        )


def _as_dict(m: MatchedRecord) -> JsonObject:
    return asdict(m) | {"record": m.record._asdict()}


def _of_dict(m: Mapping[str, Any]) -> MatchedRecord:
    return MatchedRecord(
        RecordRef(**m["record"]), m["day"], m["role"], tuple(m["fields"]), tuple(m["through"])
    )
