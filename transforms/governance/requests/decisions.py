"""Manual decisions on the ownership of single records, before a request is carried out."""

from __future__ import annotations

from collections.abc import Iterable

from callveil.schemas.interaction import InteractionKey
from callveil.schemas.subject_index import RecordRef
from callveil.transforms.governance.requests.live_records import LIVE
from callveil.transforms.governance.requests.register import RegisterError
from callveil.transforms.governance.requests.search_result import SearchResult
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.identity.identifier_names import NamePseudonymizer
from callveil.transforms.storage.identity.record_identifiers import interaction_ref, record_token

SHOWN = 20


def require_decided(store: Store, request_id: str, match: SearchResult) -> None:
    """Refuse to go on where nobody has said yet whose a record is. Raises `RegisterError`, which
    names the records and the commands.
    """
    if not match.undecided:
        return
    records = [r.shown for r, _ in match.undecided]
    more = f" and {len(records) - SHOWN} more" if len(records) > SHOWN else ""
    names = sorted({n for _, inside in match.undecided for n in inside}, key=lambda n: int(n[1:]))
    command = f"callveil subject search --store {store.root} --request {request_id}"
    of_names = (
        f"{command} --confirm NAME, or --reject NAME, of {', '.join(names)}; or " if names else ""
    )
    shared = ", ".join(match.shared)
    raise RegisterError(
        f"request {request_id}: "
        f"{f'{shared} may belong to several people, and ' if shared else ''}nobody has said whose "
        "these are: "
        f"{', '.join(records[:SHOWN])}{more}. Decide: {of_names}by record {command} --include ID "
        "--reason TEXT, or --exclude ID --reason TEXT"
    )


def digests_of(keyring: Keyring, match: SearchResult, ids: Iterable[str]) -> list[str]:
    """Keyed digests of the records of a search that somebody names, as `ID` or `ACCOUNT/ID`.

    Raises `RegisterError` for one the search did not find, or that is in several accounts.
    """
    found = [m.record for m in (*match.records, *match.left_out)]
    stored = NamePseudonymizer(keyring)
    out = set()
    for text in ids:
        account, slash, own = text.rpartition("/")
        chosen = [
            r
            for r in found
            if r.record_id in (own, stored.id(own)) and (not slash or r.account_id == account)
        ]
        if not chosen:
            raise RegisterError(
                f"{text}: no record of this search; `callveil subject search --json` lists what it "
                "found"
            )
        if len({r.account_id for r in chosen}) > 1:
            raise RegisterError(f"{text}: is in several accounts; name it as ACCOUNT/ID")
        plain = (interaction_ref(_key(r)) if r.record_class == LIVE else r for r in chosen)
        out |= {record_token(keyring, r) for r in plain}
    return sorted(out)


def _key(record: RecordRef) -> InteractionKey:
    return InteractionKey(record.account_id, record.record_id)
