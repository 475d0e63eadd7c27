"""Whom a request is about: records found by confirmed identifiers, and further identifiers proposed with a reason for each.

Nothing proposed counts before someone has confirmed it. What is in the index are keyed digests, so a proposal says its kind, in how many records
it stands and beside what; its value is shown only where the sources are at hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from callveil.schemas.subject_index import RECORD, Link, RecordRef, SubjectEntry
from callveil.transforms.store.catalog import Store
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.store.snapshot import Snapshot
from callveil.transforms.subject import identifiers as ids
from callveil.transforms.subject.dataset import lookup
from callveil.transforms.subject.identifiers import Identifier
from callveil.transforms.subject.keys import record_token, ref_of
from callveil.transforms.subject.live_zone import LIVE, find_live
from callveil.transforms.subject.stored import live

WEAK = frozenset({"ip"})
"""Kinds that many people share; they are never proposed."""
SHARED = 3
"""An identifier beside more than so many others of one kind may belong to several people."""
LOOK = 500
"""Records of a proposal that are looked at to tell whether it is shared."""
RANK = {"contact": 0, "agent": 1, "third_party": 2}


@dataclass(frozen=True)
class Confirmed:
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
class Proposal:
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
class Matched:
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
class Match:
    """What a search found.

    Attributes:
        seq: state of the store that was searched.
        confirmed, proposed: identifiers; rejected: digests someone said are not the person's.
        records: matched records, in order.
        unread: how much of what was never read into a dataset is about the person, by zone; empty where that was not looked at.
        not_read: what was not searched, or may hold more than the search could find.
    """

    seq: int
    confirmed: tuple[Confirmed, ...]
    proposed: tuple[Proposal, ...]
    rejected: tuple[str, ...]
    records: tuple[Matched, ...]
    unread: Mapping[str, int] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """Digests of all confirmed identifiers, in order."""
        return tuple(sorted({t for c in self.confirmed for t in c.tokens}))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; it holds what the person gave, so it is sealed or handed to whoever asked."""
        return asdict(self) | {"records": [asdict(m) | {"record": m.record._asdict()} for m in self.records]}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Match:
        """Inverse of `as_dict`."""
        return cls(
            d["seq"],
            tuple(Confirmed(**(c | {"tokens": tuple(c["tokens"])})) for c in d["confirmed"]),
            tuple(Proposal(**p) for p in d["proposed"]),
            tuple(d["rejected"]),
            tuple(
                Matched(RecordRef(**m["record"]), m["day"], m["role"], tuple(m["fields"]), tuple(m["through"])) for m in d["records"]
            ),
            d.get("unread", {}),
            tuple(d.get("not_read", ())),
        )  # fmt: skip


def given(keyring: Keyring, identifiers: Iterable[Identifier]) -> tuple[Confirmed, ...]:
    """Identifiers the person gave."""
    out = []
    for n, identifier in enumerate(sorted(set(identifiers)), 1):
        out.append(Confirmed(f"G{n}", identifier.kind, ids.asked(keyring, identifier), "given by the person", identifier.value))
    return tuple(out)


class Search:
    """A search in one state of a store.

    Args:
        store: the store. keyring: conceals. snapshot: the state.
    """

    def __init__(self, store: Store, keyring: Keyring, snapshot: Snapshot) -> None:
        self.store, self.keyring, self.snapshot = store, keyring, snapshot
        self._known: dict[str, list[SubjectEntry]] = {}

    def run(self, confirmed: Iterable[Confirmed], rejected: Iterable[str] = (), before: Iterable[Proposal] = ()) -> Match:
        """Find records, and propose what else may identify the person.

        Args:
            confirmed: identifiers that count. rejected: digests that do not.
            before: proposals of the search before, so that names stay.
        """
        confirmed, rejected = tuple(confirmed), tuple(sorted(set(rejected)))
        by_token = {t: c for c in confirmed for t in c.tokens}
        found = self._live(by_token)
        found += self._about(found)
        records = _matched(found, by_token)
        records += self._live_zone({m.record for m in records}, by_token)
        proposed = list(self._proposals(records, by_token, set(rejected), {p.token: p.name for p in before}))
        return Match(self.snapshot.seq, confirmed, tuple(proposed), rejected, tuple(records))

    def _live(self, tokens: Iterable[str]) -> list[SubjectEntry]:
        """Entries under some digests, in order; what this search has looked up once it does not look up again."""
        wanted = sorted(set(tokens))
        new = [t for t in wanted if t not in self._known]
        self._known.update({t: [] for t in new})
        files, root = self.store.files, self.store.root
        for entry in live(files, root, self.snapshot, lookup(files, root, self.snapshot, new)) if new else ():
            self._known[entry.token].append(entry)
        return [entry for t in wanted for entry in self._known[t]]

    def _about(self, found: Iterable[SubjectEntry]) -> list[SubjectEntry]:
        """Versions about the person's own interactions."""
        keys = {(e.account_id, e.record_id) for e in found if e.record_class == "interaction" and e.role == "contact"}
        names = [t for account, own in sorted(keys) for t in ids.tokens(self.keyring, ids.interaction(account, own)).values()]
        return [e for e in self._live(names) if e.record_class == "version"] if names else []

    def _live_zone(self, known: set[RecordRef], by_token: Mapping[str, Confirmed]) -> list[Matched]:
        """Records that were redacted as they arrived and are in no dataset yet."""
        out = []
        for key, rows in sorted(find_live(self.store.files, self.store.root, by_token).items()):
            if ref_of(key) not in known:
                role = min((r["role"] for r in rows), key=RANK.__getitem__)
                fields, through = {r["field"] for r in rows if r["role"] == role}, {by_token[r["token"]].name for r in rows}
                out.append(Matched(RecordRef(LIVE, *key), rows[0]["day"], role, tuple(sorted(fields)), tuple(sorted(through))))
        return out

    def _links(self, records: Iterable[RecordRef]) -> dict[RecordRef, tuple[Link, ...]]:
        """All identifiers of some records."""
        names = [record_token(self.keyring, r, key_id) for r in records for key_id in self.keyring.key_ids]
        return {e.record: e.links for e in self._live(names) if e.kind == RECORD}

    def _proposals(self, records: list[Matched], by_token: Mapping[str, Confirmed], rejected: set[str], names: dict[str, str]) -> Iterator[Proposal]:
        matched = {m.record: m for m in records}
        mine = {m.record for m in records if m.role != "third_party"}
        beside: dict[str, list[tuple[Link, RecordRef]]] = defaultdict(list)
        links = self._links(mine)
        for record, own in sorted(links.items()):
            for link in own:
                if (
                    link.token not in by_token
                    and link.token not in rejected
                    and link.role == matched[record].role
                    and link.kind not in (*WEAK, "interaction")
                    and any(x.token in by_token and x.role == link.role for x in own)
                ):
                    beside[link.token].append((link, record))
        self._live(beside)  # all of them at once
        number = max((int(n[1:]) for n in names.values()), default=0)
        for token, places in sorted(beside.items(), key=lambda item: (item[1][0][1], item[0])):
            if token not in names:
                number += 1
                names[token] = f"L{number}"
            link, record = places[0]
            shown = ", ".join(sorted({by_token[x.token].kind for x in links[record] if x.token in by_token and x.role == link.role}))
            entries = self._live([token])
            all_records = {e.record for e in entries if e.role == link.role}
            what = f"{record.record_class} {record.account_id}/{record.record_id}"
            reason = f"stands beside the confirmed {shown} as the same {link.role}'s in {what}"
            reason += f" and {len(places) - 1} more" if len(places) > 1 else ""
            yield Proposal(
                names[token], link.kind, token, reason, len(all_records), len(all_records - matched.keys()), self._shared(link, all_records)
            )

    def _shared(self, link: Link, records: Iterable[RecordRef]) -> str:
        """Why an identifier may belong to several people."""
        others: dict[str, set[str]] = defaultdict(set)
        for own in self._links(sorted(records)[:LOOK]).values():
            for other in own:
                if other.role == link.role and other.token != link.token and other.kind in ("phone", "email") and other.kind != link.kind:
                    others[other.kind].add(other.token)
        many = {kind: len(found) for kind, found in others.items() if len(found) > SHARED}
        return "; ".join(f"stands beside {n} different {kind}s, so it may be shared" for kind, n in sorted(many.items()))


def _matched(found: Iterable[SubjectEntry], by_token: Mapping[str, Confirmed]) -> list[Matched]:
    by_record: dict[RecordRef, list[SubjectEntry]] = defaultdict(list)
    for entry in found:
        by_record[entry.record].append(entry)
    out = []
    for record, entries in sorted(by_record.items()):
        role = min((e.role for e in entries), key=RANK.__getitem__)
        through = {by_token[e.token].name if e.token in by_token else "about" for e in entries}
        fields = {e.field for e in entries if e.role == role}
        out.append(Matched(record, entries[0].day, role, tuple(sorted(fields)), tuple(sorted(through))))
    return out


def confirm(match: Match, names: Iterable[str]) -> tuple[Confirmed, ...]:
    """The confirmed identifiers with some proposals among them; `all` means every one that is not marked as shared.

    Raises ValueError, naming it, for a proposal that is not there.
    """
    wanted = set(names)
    known = {p.name: p for p in match.proposed}
    if "all" in wanted:
        wanted = (wanted - {"all"}) | {p.name for p in match.proposed if not p.shared}
    missing = sorted(wanted - known.keys())
    if missing:
        raise ValueError(f"{', '.join(missing)}: no such proposal; search again without --confirm to see what there is")
    chosen = (known[n] for n in sorted(wanted, key=lambda n: int(n[1:])))
    return (*match.confirmed, *(Confirmed(p.name, p.kind, (p.token,), p.reason) for p in chosen))


def disclosed(confirmed: Iterable[Confirmed], keyring: Keyring, seen: Iterable[Identifier]) -> tuple[Confirmed, ...]:
    """Confirmed identifiers with the values that the sources show for them, and so with their digests under every key."""
    by_token = {t: i for i in set(seen) for t in ids.tokens(keyring, i).values()}
    out = []
    for c in confirmed:
        known = next((by_token[t] for t in c.tokens if t in by_token), None) if not c.value else None
        out.append(replace(c, value=known.value, tokens=tuple(ids.tokens(keyring, known).values())) if known else c)
    return tuple(out)


def values_of(confirmed: Iterable[Confirmed]) -> list[Identifier]:
    """Confirmed identifiers that are known in clear."""
    return [Identifier(c.kind, c.value) for c in confirmed if c.value]
