"""Identifiers that belong to several people, and the records that are reached through them alone.

A number may be a couple's, an address a family's, a name at a postcode a father's and a son's.
Digests do not say so, but what stands beside them does: a confirmed identifier that stands beside
the contacts of two people is nobody's alone, and what is reached through it alone is not the
person's beyond doubt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from callveil.schemas.subject_index import NAME, IdentifierLink, RecordRef

KINDS = ("agent", "name_address", NAME, "email", "phone", "visitor")
"""Kinds that tell people apart, the strongest first."""
STRONG = frozenset({"agent", "email", "interaction"})
"""Kinds of confirmed identifiers beside which a rejected one leaves doubt; beside any other it
leaves none.
"""
ERASED = "erased"
"""Kind of what identified a person who was erased: it holds no shared identifier."""


class IdentifierNode(NamedTuple):
    """An identifier of a record: its kind, and its digest or, confirmed, its name."""

    kind: str
    name: str


@dataclass(frozen=True)
class SharedReview:
    """Result of reviewing shared identifiers.

    Attributes:
        shared: names of confirmed identifiers that may belong to several people.
        others: records that carry a rejected contact; they are somebody else's.
        undecided: records of which nobody has said whose they are, with what stands in them.
    """

    shared: frozenset[str] = frozenset()
    others: frozenset[RecordRef] = frozenset()
    undecided: Mapping[RecordRef, frozenset[str]] = field(default_factory=dict)


class _Groups:
    """Records in groups that grow together, and the identifiers of each group."""

    def __init__(self, nodes: Mapping[RecordRef, frozenset[IdentifierNode]]) -> None:
        self._above = {record: record for record in nodes}
        self.nodes = {record: set(own) for record, own in nodes.items()}

    def of(self, record: RecordRef) -> RecordRef:
        """Return the record that stands for a record's group."""
        while (up := self._above[record]) != record:
            self._above[record] = self._above[up]
            record = up
        return record

    def join(self, records: Iterable[RecordRef]) -> None:
        """Make one group of the groups of some records."""
        first, *rest = sorted({self.of(r) for r in records})
        for root in rest:
            self._above[root] = first
            self.nodes[first] |= self.nodes.pop(root)


class SharedReviewer:
    """Reviews the records of one role.

    Args:
        links: identifiers of each record in the person's role there.
        names: name of the confirmed identifier by digest. kinds: its kind by name.
        rejected: digests that are not the person's.
        own_names: digests of a record's own key.
        own_words: digests of the words of the person's names; see
            `transforms.storage.identity.identifiers.name_beside`.
    """

    def __init__(
        self,
        links: Mapping[RecordRef, Iterable[IdentifierLink]],
        names: Mapping[str, str],
        kinds: Mapping[str, str],
        rejected: frozenset[str],
        own_names: Callable[[RecordRef], Iterable[str]],
        own_words: Collection[frozenset[str]] = (),
    ) -> None:
        self._names, self._kinds, self._rejected, self._own_names = (
            names,
            kinds,
            rejected,
            own_names,
        )
        named, self._own_nodes = _named(links, own_words)
        self._nodes = {
            record: frozenset([*self._of(record, own), *named.get(record, ())])
            for record, own in links.items()
        }
        self._groups = _Groups({})

    def _of(self, record: RecordRef, links: Iterable[IdentifierLink]) -> Iterator[IdentifierNode]:
        for kind, token in (
            *((x.kind, x.token) for x in links),
            *(("interaction", t) for t in self._own_names(record)),
        ):
            if kind != NAME and (kind in KINDS or kind == "interaction" or token in self._names):
                yield IdentifierNode(kind, self._names.get(token, token))

    def review(self, excluded: Collection[RecordRef] = ()) -> SharedReview:
        """Tell the records that are the person's from those that are not, and those nobody can
        tell.

        Args:
            excluded: records somebody has said are not the person's.
        """
        carriers = {
            r
            for r, own in self._nodes.items()
            if r not in excluded and any(n.name in self._rejected for n in own)
        }
        doubted = {r for r in carriers if any(self._is_strong(n) for n in self._nodes[r])}
        foreign = (carriers - doubted) | {r for r in excluded if r in self._nodes}
        shared = {
            n
            for r in foreign
            for n in self._nodes[r]
            if n.name in self._kinds and not self._is_strong(n)
        }
        clean = {
            r: own for r, own in self._nodes.items() if r not in carriers and r not in excluded
        }
        places: dict[IdentifierNode, list[RecordRef]] = defaultdict(list)
        for record, own_nodes in sorted(clean.items()):
            for node in own_nodes:
                places[node].append(record)
        self._groups = _Groups(clean)
        for node in sorted(n for n in places if n.kind == "interaction"):  # a call and its versions
            self._groups.join(places[node])
        self._join(places, shared)
        own = self._own(places, shared)
        unsure = {r for r in clean if self._groups.of(r) not in own} | doubted
        told = shared | {
            n for n in places if n.name in self._kinds and not unsure.isdisjoint(places[n])
        }
        waiting = {r: frozenset(n.name for n in self._nodes[r]) for r in sorted(unsure)}
        return SharedReview(frozenset(n.name for n in told), frozenset(carriers - doubted), waiting)

    def _is_strong(self, node: IdentifierNode) -> bool:
        return self._kinds.get(node.name) in STRONG

    def _join(
        self, places: Mapping[IdentifierNode, list[RecordRef]], shared: set[IdentifierNode]
    ) -> None:
        """Join records through identifiers that contradict no stronger one; the others are
        shared.
        """
        for at, kind in enumerate(KINDS):
            for node in sorted(n for n in places if n.kind == kind and n not in shared):
                if len(self._told_apart(places[node], node, KINDS[:at])) < 2 and self._alike(
                    places[node], node
                ):
                    self._groups.join(places[node])

    def _told_apart(
        self, records: Iterable[RecordRef], node: IdentifierNode, kinds: tuple[str, ...] = KINDS
    ) -> set[RecordRef]:
        """Return groups of some records that an identifier of some kinds, other than a given one,
        tells from others.
        """
        roots = {self._groups.of(r) for r in records}
        return {
            root
            for root in roots
            if any(n.kind in kinds and n != node for n in self._groups.nodes[root])
        }

    def _alike(self, records: Iterable[RecordRef], node: IdentifierNode) -> bool:
        """Tell whether what else of its kind stands beside an identifier hangs together."""
        groups: list[set[object]] = []
        for record in records:
            rest = {n for n in self._nodes[record] if n.kind == node.kind and n != node}
            if rest:
                mine: set[object] = {self._groups.of(record), *rest}
                mine.update(*(g for g in groups if g & mine))
                groups = [g for g in groups if not g & mine] + [mine]
        return len(groups) < 2

    def _own(
        self, places: Mapping[IdentifierNode, list[RecordRef]], shared: set[IdentifierNode]
    ) -> set[RecordRef]:
        """Return groups that a confirmed identifier makes the person's: one that leads to no other
        group.
        """
        own = {self._groups.of(r) for n in self._own_nodes for r in places.get(n, ())}
        left = {n for n in places if n.name in self._kinds and n not in shared}
        while found := {n for n in left if self._leads_to_one(places[n], n, own)}:
            left -= found
            own |= {self._groups.of(r) for n in found for r in places[n]}
        return own

    def _leads_to_one(
        self, records: list[RecordRef], node: IdentifierNode, own: set[RecordRef]
    ) -> bool:
        groups = {self._groups.of(r) for r in records}
        return len(self._told_apart(records, node) - own) + (not groups.isdisjoint(own)) < 2


def _named(
    links: Mapping[RecordRef, Iterable[IdentifierLink]], own_words: Collection[frozenset[str]]
) -> tuple[Mapping[RecordRef, set[IdentifierNode]], frozenset[IdentifierNode]]:
    """Return a node for each of the names that stand beside one identifier and cannot be one
    person's, and those of them that are the person's.

    One name is another in short where its words are among the other's; one that may be short for
    two tells nothing.
    """
    beside: dict[str, dict[RecordRef, frozenset[str]]] = defaultdict(dict)
    for record, own in links.items():
        words: dict[str, set[str]] = defaultdict(set)
        for link in own:
            if link.kind == NAME:
                words[link.field].add(link.token)
        for identifier, said in words.items():
            beside[identifier][record] = frozenset(said)
    nodes: dict[RecordRef, set[IdentifierNode]] = defaultdict(set)
    theirs: set[IdentifierNode] = set()
    for records in beside.values():
        names = set(records.values())
        full = {n for n in names if not any(n < other for other in names)}
        for record, short in records.items() if len(full) > 1 else ():
            whole = [n for n in full if short <= n]
            if len(whole) == 1:
                node = IdentifierNode(NAME, "/".join(sorted(whole[0])))
                nodes[record].add(node)
                theirs |= (
                    {node}
                    if any(
                        len(own & whole[0]) > 1 and (own <= whole[0] or whole[0] <= own)
                        for own in own_words
                    )
                    else set()
                )
    return nodes, frozenset(theirs)
