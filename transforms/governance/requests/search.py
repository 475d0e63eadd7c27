"""Data subject search: records by confirmed identifiers, and proposed further identifiers.

Each proposal comes with a reason.

Nothing proposed counts before someone has confirmed it. What is in the index are keyed digests, so
a proposal says its kind, in how many records it stands and beside what; its value is shown only
where the sources are at hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.subject_index import NAME, RECORD, IdentifierLink, RecordRef, SubjectEntry
from callveil.transforms.governance.requests.controller import Controller
from callveil.transforms.governance.requests.live_records import LIVE, find_live, links_of
from callveil.transforms.governance.requests.lookups import StoreLookups
from callveil.transforms.governance.requests.search_result import (
    RANK,
    CandidateIdentifier,
    ConfirmedIdentifier,
    MatchedRecord,
    SearchResult,
)
from callveil.transforms.governance.requests.shared_identifiers import (
    ERASED,
    SharedReview,
    SharedReviewer,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.identity import identifiers as ids
from callveil.transforms.storage.identity.identifiers import Identifier
from callveil.transforms.storage.identity.record_identifiers import (
    NAMED,
    interaction_ref,
    record_token,
)

WEAK = frozenset({"ip"})
"""Kinds that many people share; they are never proposed."""
SHARED = 3
"""An identifier beside more than so many others of one kind may belong to several people."""
LOOK = 500
"""Records of a proposal that are looked at to tell whether it is shared."""


def _key(record: RecordRef) -> InteractionKey:
    return InteractionKey(record.account_id, record.record_id)


def given_identifiers(
    keyring: Keyring, identifiers: Iterable[Identifier]
) -> tuple[ConfirmedIdentifier, ...]:
    """Return identifiers the person gave."""
    out = []
    for n, identifier in enumerate(sorted(set(identifiers)), 1):
        out.append(
            ConfirmedIdentifier(
                f"G{n}",
                identifier.kind,
                ids.tokens_to_search(keyring, identifier),
                "given by the person",
                identifier.value,
            )
        )
    return tuple(out)


class SubjectSearch:
    """A search in one state of a store.

    Args:
        store: the store. keyring: conceals. snapshot: the state.
        controller: whose records are looked at; no other's are.
        decisions: what somebody has said of records, `included` or `excluded`, by digest of the
            record.
        lookups: what was looked up in that state before.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        snapshot: Snapshot,
        controller: Controller,
        decisions: Mapping[str, str] | None = None,
        lookups: StoreLookups | None = None,
    ) -> None:
        self.store, self.keyring, self.snapshot, self.controller = (
            store,
            keyring,
            snapshot,
            controller,
        )
        self._decisions = decisions or {}
        self.lookups = lookups or StoreLookups(store, snapshot)

    def run(
        self,
        confirmed: Iterable[ConfirmedIdentifier],
        rejected: Iterable[str] = (),
        before: Iterable[CandidateIdentifier] = (),
        *,
        propose: bool = True,
    ) -> SearchResult:
        """Find records, and propose what else may identify the person.

        Args:
            confirmed: identifiers that count. rejected: digests that do not.
            before: proposals of the search before, so that names stay.
            propose: off: only where a record is undecided, whose proposals are named then.
        """
        confirmed, rejected = tuple(confirmed), tuple(sorted(set(rejected)))
        by_token = {t: c for c in confirmed for t in c.tokens}
        found = self._live(by_token)
        found += self._about(found)
        records = _matched(found, by_token)
        records += self._live_zone({m.record for m in records}, by_token)
        found_out = self._review(records, confirmed, by_token, frozenset(rejected))
        proposed = (
            list(
                self._proposals(records, by_token, set(rejected), {p.token: p.name for p in before})
            )
            if propose or found_out.undecided
            else []
        )
        left_out = [m for m in records if m.record in found_out.others]
        records = [m for m in records if m.record not in found_out.others]
        names = {p.token: p.name for p in proposed}
        undecided = tuple(
            (r, tuple(sorted(names[t] for t in inside if t in names)))
            for r, inside in sorted(found_out.undecided.items())
        )
        return SearchResult(
            self.snapshot.seq,
            confirmed,
            tuple(proposed),
            rejected,
            tuple(records),
            shared=tuple(sorted(found_out.shared)),
            left_out=tuple(left_out),
            undecided=undecided,
        )

    def decision(self, record: RecordRef) -> str:
        """Return what somebody has said of a record: `included`, `excluded` or nothing."""
        digests = (
            record_token(self.keyring, _plain(record), key_id) for key_id in self.keyring.key_ids
        )
        return next((self._decisions[d] for d in digests if d in self._decisions), "")

    def _review(
        self,
        records: list[MatchedRecord],
        confirmed: tuple[ConfirmedIdentifier, ...],
        by_token: Mapping[str, ConfirmedIdentifier],
        rejected: frozenset[str],
    ) -> SharedReview:
        """Tell records of the person from those that a shared identifier leads to."""
        said = {m.record: self.decision(m.record) for m in records} if self._decisions else {}
        excluded = {r for r, what in said.items() if what == "excluded"}
        included = {r for r, what in said.items() if what == "included"}
        names, kinds = {t: c.name for t, c in by_token.items()}, {c.name: c.kind for c in confirmed}
        links = self._links(m.record for m in records if m.role != "third_party")
        shared, others, undecided = set[str](), set(excluded), dict[RecordRef, frozenset[str]]()
        for role in ("contact", "agent") if all(c.kind != ERASED for c in confirmed) else ():
            own = {m.record: m for m in records if m.role == role and m.record not in included}
            beside = {r: [x for x in links.get(r, ()) if x.role == role] for r in own}
            found = SharedReviewer(
                beside, names, kinds, rejected, self._own_names, self._own_words(confirmed)
            ).review(excluded & own.keys())
            shared |= found.shared
            others |= found.others
            undecided |= found.undecided
        told = (
            self._links(
                m.record for m in records if m.role == "third_party" and m.record not in included
            )
            if rejected
            else {}
        )
        others |= {
            r for r, own in told.items() if any(x.token in rejected for x in own)
        }  # which only mention the person
        calls = {_plain(r) for r in others if r.record_class != "version"}
        others |= {
            m.record
            for m in records
            if m.through == ("about",)
            and m.record not in included
            and self._calls_of(m, links) & calls
        }
        return SharedReview(
            frozenset(shared),
            frozenset(others),
            {r: names for r, names in undecided.items() if r not in others},
        )

    def _own_names(self, record: RecordRef) -> list[str]:
        if record.record_class == "version":
            return []
        return list(
            ids.identifier_tokens(
                self.keyring, ids.interaction_identifier(record.account_id, record.record_id)
            ).values()
        )

    def _own_words(self, confirmed: Iterable[ConfirmedIdentifier]) -> list[frozenset[str]]:
        """Return digests of the words of the person's names, beside each of their identifiers that
        are known in clear.
        """
        known = confirmed_values(confirmed)
        names = {i.value.partition("|")[0] for i in known if i.kind == "name_address"}
        places = [(i, key_id) for i in known if i.kind in NAMED for key_id in self.keyring.key_ids]
        return [
            frozenset(
                ids.identifier_token(self.keyring, ids.name_beside(w, i), k) for w in n.split()
            )
            for n in sorted(names)
            for i, k in places
        ]

    def _calls_of(
        self, m: MatchedRecord, links: Mapping[RecordRef, tuple[IdentifierLink, ...]]
    ) -> set[RecordRef]:
        """Return interactions that a version is about."""
        return (
            {RecordRef("interaction", m.record.account_id, m.record.item_id)}
            if links.get(m.record)
            else set()
        )

    def _live(self, tokens: Iterable[str]) -> list[SubjectEntry]:
        """Return entries under some digests, in order."""
        wanted = set(tokens)
        found = self.lookups.entries(wanted)
        holds = self.controller.holds
        return [e for t in sorted(wanted) for e in found[t] if holds(e.account_id)]

    def _about(self, found: Iterable[SubjectEntry]) -> list[SubjectEntry]:
        """Return versions about the person's own interactions."""
        keys = {
            (e.account_id, e.record_id)
            for e in found
            if e.record_class == "interaction" and e.role == "contact"
        }
        names = [
            t
            for account, own in sorted(keys)
            for t in ids.identifier_tokens(
                self.keyring, ids.interaction_identifier(account, own)
            ).values()
        ]
        return [e for e in self._live(names) if e.record_class == "version"] if names else []

    def _live_zone(
        self, known: set[RecordRef], by_token: Mapping[str, ConfirmedIdentifier]
    ) -> list[MatchedRecord]:
        """Return records that were redacted as they arrived and are in no dataset yet."""
        out = []
        for key, rows in sorted(find_live(self.store.files, self.store.root, by_token).items()):
            if interaction_ref(key) not in known and self.controller.holds(key.account_id):
                role = min((r["role"] for r in rows), key=RANK.__getitem__)
                fields, through = (
                    {r["field"] for r in rows if r["role"] == role},
                    {by_token[r["token"]].name for r in rows},
                )
                out.append(
                    MatchedRecord(
                        RecordRef(LIVE, *key),
                        rows[0]["day"],
                        role,
                        tuple(sorted(fields)),
                        tuple(sorted(through)),
                    )
                )
        return out

    def _links(self, records: Iterable[RecordRef]) -> dict[RecordRef, tuple[IdentifierLink, ...]]:
        """Return all identifiers of some records."""
        wanted = sorted(set(records))
        zone = Live(self.store.files, self.store.root)
        arrived = {
            r: links_of(zone, self.keyring, _key(r)) for r in wanted if r.record_class == LIVE
        }
        names = [
            record_token(self.keyring, r, key_id)
            for r in wanted
            if r not in arrived
            for key_id in self.keyring.key_ids
        ]
        return {e.record: e.links for e in self._live(names) if e.kind == RECORD} | arrived

    def _proposals(
        self,
        records: list[MatchedRecord],
        by_token: Mapping[str, ConfirmedIdentifier],
        rejected: set[str],
        names: dict[str, str],
    ) -> Iterator[CandidateIdentifier]:
        matched = {m.record: m for m in records}
        mine = {m.record for m in records if m.role != "third_party"}
        beside: dict[str, list[tuple[IdentifierLink, RecordRef]]] = defaultdict(list)
        links = self._links(mine)
        for record, own in sorted(links.items()):
            for link in own:
                if (
                    link.token not in by_token
                    and link.token not in rejected
                    and link.role == matched[record].role
                    and link.kind not in (*WEAK, NAME, "interaction")
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
            shown = ", ".join(
                sorted(
                    {
                        by_token[x.token].kind
                        for x in links[record]
                        if x.token in by_token and x.role == link.role
                    }
                )
            )
            entries = self._live([token])
            all_records = {e.record for e in entries if e.role == link.role}
            all_records |= {r for x, r in places if r.record_class == LIVE}
            what = f"{record.record_class} {record.account_id}/{record.record_id}"
            reason = f"stands beside the confirmed {shown} as the same {link.role}'s in {what}"
            reason += f" and {len(places) - 1} more" if len(places) > 1 else ""
            yield CandidateIdentifier(
                names[token],
                link.kind,
                token,
                reason,
                len(all_records),
                len(all_records - matched.keys()),
                self._shared(link, all_records),
            )

    def _shared(self, link: IdentifierLink, records: Iterable[RecordRef]) -> str:
        """Tell why an identifier may belong to several people."""
        others: dict[str, set[str]] = defaultdict(set)
        for own in self._links(sorted(records)[:LOOK]).values():
            for other in own:
                if (
                    other.role == link.role
                    and other.token != link.token
                    and other.kind in ("phone", "email")
                    and other.kind != link.kind
                ):
                    others[other.kind].add(other.token)
        many = {kind: len(found) for kind, found in others.items() if len(found) > SHARED}
        return "; ".join(
            f"stands beside {n} different {kind}s, so it may be shared"
            for kind, n in sorted(many.items())
        )


def _plain(record: RecordRef) -> RecordRef:
    """Return a record of the live zone as the index would name it."""
    return interaction_ref(_key(record)) if record.record_class == LIVE else record


def _matched(
    found: Iterable[SubjectEntry], by_token: Mapping[str, ConfirmedIdentifier]
) -> list[MatchedRecord]:
    by_record: dict[RecordRef, list[SubjectEntry]] = defaultdict(list)
    for entry in found:
        by_record[entry.record].append(entry)
    out = []
    for record, entries in sorted(by_record.items()):
        role = min((e.role for e in entries), key=RANK.__getitem__)
        through = {by_token[e.token].name if e.token in by_token else "about" for e in entries}
        fields = {e.field for e in entries if e.role == role}
        out.append(
            MatchedRecord(
                record, entries[0].day, role, tuple(sorted(fields)), tuple(sorted(through))
            )
        )
    return out


def confirm_candidates(
    match: SearchResult, names: Iterable[str]
) -> tuple[ConfirmedIdentifier, ...]:
    """Return the confirmed identifiers with some proposals among them; `all` means every one that
    is not marked as shared, and stands in no record of which nobody has said yet whose it is: those
    are decided by name.

    Raises ValueError, naming it, for a proposal that is not there.
    """
    wanted = set(names)
    known = {p.name: p for p in match.proposed}
    if "all" in wanted:
        doubtful = {name for _, inside in match.undecided for name in inside}
        wanted = (wanted - {"all"}) | {
            p.name for p in match.proposed if not p.shared and p.name not in doubtful
        }
    missing = sorted(wanted - known.keys())
    if missing:
        raise ValueError(
            f"{', '.join(missing)}: no such proposal; search again without --confirm to see what "
            "there is"
        )
    chosen = (known[n] for n in sorted(wanted, key=lambda n: int(n[1:])))
    return (
        *match.confirmed,
        *(ConfirmedIdentifier(p.name, p.kind, (p.token,), p.reason) for p in chosen),
    )


def fill_confirmed_values(
    confirmed: Iterable[ConfirmedIdentifier], keyring: Keyring, seen: Iterable[Identifier]
) -> tuple[ConfirmedIdentifier, ...]:
    """Confirmed identifiers with the values that the sources show for them, and so with their
    digests under every key.
    """
    by_token = {t: i for i in set(seen) for t in ids.identifier_tokens(keyring, i).values()}
    out = []
    for c in confirmed:
        known = (
            next((by_token[t] for t in c.tokens if t in by_token), None) if not c.value else None
        )
        out.append(
            replace(
                c, value=known.value, tokens=tuple(ids.identifier_tokens(keyring, known).values())
            )
            if known
            else c
        )
    return tuple(out)


def confirmed_values(confirmed: Iterable[ConfirmedIdentifier]) -> list[Identifier]:
    """Confirmed identifiers that are known in clear."""
    return [Identifier(c.kind, c.value) for c in confirmed if c.value]
