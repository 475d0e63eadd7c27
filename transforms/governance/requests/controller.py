"""The one controller a request is bound to: an account, or an agency with its subaccounts. Nobody
else's records are looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from callveil.schemas.manifest import FileEntry
from callveil.schemas.subject import SubjectRequest
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.storage.checkpoints.identity_record import read_identity
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.scan import count_accounts
from callveil.transforms.storage.format1.live import Live
from callveil.transforms.storage.format1.snapshot import Snapshot
from callveil.transforms.storage.tables.key_index import INDEX
from callveil.transforms.storage.tables.versions import VERSIONS

SHOWN = 8


@dataclass(frozen=True)
class Controller:
    """Whose records a request is about.

    Attributes:
        account, agency: one of them; neither where the store holds nobody's records yet.
        owners: who is responsible for each account, as the store was told; else the account itself.
        alone: the store holds no other controller's records, so what names no account is this
            one's.
    """

    account: str = ""
    agency: str = ""
    owners: Mapping[str, str] = field(default_factory=dict)
    alone: bool = True

    def holds(self, account_id: str | None) -> bool:
        """Tell whether an account's records are the controller's."""
        name = account_id or ""
        if not name:
            return self.alone
        if self.agency:
            return name == self.agency or self.owners.get(name) == self.agency
        return not self.account or name == self.account

    def covers(self, other: Controller) -> bool:
        """Tell whether all that another one holds is held by this one too."""
        if other.agency:
            return self.agency == other.agency
        return self.holds(other.account) if other.account else not (self.account or self.agency)

    @property
    def accounts(self) -> frozenset[str]:
        """Accounts that are known to be the controller's."""
        return frozenset(
            {self.account, self.agency, *(a for a, c in self.owners.items() if c == self.agency)}
            - {""}
        )

    def __str__(self) -> str:
        return (
            f"agency {self.agency}"
            if self.agency
            else f"account {self.account}"
            if self.account
            else "nobody yet"
        )


def controller_of(
    store: Store,
    request: SubjectRequest,
    snapshot: Snapshot | None = None,
    accounts: Collection[str] | None = None,
) -> Controller:
    """Return the controller a request is bound to; of one that is bound to none, the store's only
    one.

    Args:
        accounts: those with records in the store, where they are known; see `accounts_in`.

    Raises `RegisterError` where the store holds several.
    """
    if request.account or request.agency:
        bound = Controller(request.account, request.agency, account_controllers(store))
        found = accounts_in(store, snapshot or store.current()) if accounts is None else accounts
        return replace(bound, alone=all(map(bound.holds, found)))
    way_out = f"callveil subject bind --request {request.request_id}"
    return only_controller(store, way_out, snapshot, accounts)


def select_controller(store: Store, account: str, agency: str) -> Controller:
    """Return the controller that somebody names. Raises `RegisterError` for an agency that belongs
    to another.
    """
    held = account_controllers(store)
    above = held.get(agency, agency)
    if agency and above != agency:
        raise RegisterError(
            f"agency {agency}: belongs to {above}, which is responsible; name --agency {above}, or "
            "the --account alone"
        )
    return Controller(account, agency, held)


def only_controller(
    store: Store,
    way_out: str,
    snapshot: Snapshot | None = None,
    accounts: Collection[str] | None = None,
) -> Controller:
    """Return the one controller of all that a store holds. Raises `RegisterError` where there are
    several.
    """
    held = account_controllers(store)
    there = accounts_in(store, snapshot or store.current()) if accounts is None else accounts
    found = sorted({held.get(a, a) for a in there})
    if len(found) > 1:
        names = ", ".join(found[:SHOWN]) + (
            f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        )
        raise RegisterError(
            f"the store holds records of {len(found)} controllers ({names}), and a request belongs "
            f"to one: {way_out} "
            "with --account ID, or --agency ID for an agency with its subaccounts"
        )
    if not found:
        return Controller(owners=held)
    is_agency = any(c == found[0] != a for a, c in held.items())
    return Controller("", found[0], held) if is_agency else Controller(found[0], "", held)


def account_controllers(store: Store) -> Mapping[str, str]:
    """Tell who is responsible for each account that the store was told of."""
    identity = read_identity(store)
    return identity.controllers if identity else {}


def accounts_in(store: Store, snapshot: Snapshot) -> set[str]:
    """Return accounts that have records in a store, by the counts of the key index' files and the
    versions'.
    """
    out = set(arrived_accounts(Live(store.files, store.root)))
    for dataset in (INDEX.name, VERSIONS.name):
        for file in snapshot.by_dataset(dataset):
            out |= accounts_of_file(store, file)
    return out - {""}


def accounts_of_file(store: Store, file: FileEntry) -> frozenset[str]:
    """Return accounts with rows in a file; a row of no account is of one without a name."""
    return frozenset(count_accounts(store, file))


def arrived_accounts(live: Live) -> Iterable[str]:
    """Return accounts with a folder in the live zone."""
    root = live.url("calls") + "/"
    try:
        return {
            unquote(f.url[len(root) :].split("/", 1)[0]) for f in live.files.list(root.rstrip("/"))
        }
    except FileNotFoundError:
        return ()
