"""The package that answers a request for access or portability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callveil.pipelines.subject import needs_approval
from callveil.pipelines.subject_close import SPOKEN
from callveil.pipelines.subject_register import SubjectOptions, get_open_request
from callveil.schemas.interaction import InteractionKey
from callveil.schemas.policy_load import load_policy
from callveil.schemas.subject import ERASURE
from callveil.transforms.governance.requests import restriction
from callveil.transforms.governance.requests.approval import require_approved, require_ready
from callveil.transforms.governance.requests.article_15 import read_context
from callveil.transforms.governance.requests.collect import PackageCollector
from callveil.transforms.governance.requests.controller import controller_of
from callveil.transforms.governance.requests.decisions import require_decided
from callveil.transforms.governance.requests.disclosure import RecordDiscloser
from callveil.transforms.governance.requests.erasure import Eraser
from callveil.transforms.governance.requests.package import (
    AccessPackage,
    Withheld,
    count_by_category,
    withheld_rows,
    write_package,
)
from callveil.transforms.governance.requests.package_readme import render_readme
from callveil.transforms.governance.requests.publish import write_encrypted_json
from callveil.transforms.governance.requests.raw_sources import latest_raw_records
from callveil.transforms.governance.requests.search import SubjectSearch, confirmed_values
from callveil.transforms.governance.requests.unindexed import (
    UnindexedHits,
    count_unindexed_withheld,
    make_search_target,
    search_unindexed,
)
from callveil.transforms.governance.requests.unlink import Unlinker
from callveil.transforms.storage.commit.commit_run import RunChanges
from callveil.transforms.storage.commit.policy_archive import newest_policy
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import Live


@dataclass(frozen=True)
class PackageResult:
    """Summary of a package's contents.

    Attributes:
        path, sha256: the zip. records: records disclosed. withheld: how often something was
            withheld, by part and reason.
        missing: what Art. 15 asks for and the company's context file does not state.
    """

    path: str
    sha256: str
    records: int
    withheld: list[Withheld]
    missing: tuple[str, ...]


def make_package(
    options: SubjectOptions,
    request_id: str,
    kind: str,
    out: Path,
    *,
    sources: Sequence[str] = (),
    context: str | None = None,
    zone: bool = True,
    language: str = "",
) -> PackageResult:
    """Write an access or portability package, and enter it in the register.

    Args:
        kind: access or portability. out: the zip to write; never overwritten.
        sources: raw inputs, where the company still has them; without them the redacted store is
            shown.
        context: the company's file for Art. 15.
        zone: count what was never read into a dataset among what is withheld.
        language: of the page (default: that of the request's calendar, else English).

    Raises `RegisterError` where the person's identity is not verified or nobody has searched,
    `PackageError` where `out` is there.
    """
    register, request = get_open_request(options, request_id)
    require_ready(request, ERASURE)
    store, keyring, snapshot = register.store, register.keyring, register.store.current()
    require_approved(request, needs_approval(options, store), options.actor, options.login)
    controller = controller_of(store, request, snapshot)
    policy = options.policy or load_policy(None)
    before = Eraser(store, keyring, options.as_of, options.now).match(request_id, snapshot)
    match = SubjectSearch(store, keyring, snapshot, controller, request.decisions).run(
        before.confirmed, before.rejected, before.proposed
    )
    require_decided(store, request_id, match)
    about = read_context(options.files, context, options.policy or newest_policy(store) or policy)
    requests = restriction.requests_of_controller(store, keyring, snapshot, request_id)
    apart = restriction.find_restricted_interactions(
        store, keyring, snapshot, match.own_tokens, requests
    )
    wanted = apart.union(
        InteractionKey(m.record.account_id, m.record.record_id) for m in match.records
    )
    raws = latest_raw_records(options.files, sources, wanted, policy) if sources else {}
    discloser = RecordDiscloser(
        keyring,
        policy,
        Unlinker(keyring, match.tokens, confirmed_values(match.confirmed)),
        options.as_of,
    )
    gatherer = PackageCollector(store, keyring, snapshot, match, discloser, raws, requests)
    sections = gatherer.sections(kind)
    live = Live(store.files, store.root)
    inboxes = Inboxes.of([live], options.inboxes)
    unread = (
        search_unindexed(
            store, keyring, snapshot, make_search_target(match, controller), inboxes, match.others
        )
        if zone
        else UnindexedHits()
    )
    recordings = gatherer.recordings() if kind == "access" else []
    if kind == "access":
        gatherer.withheld.update(count_unindexed_withheld(unread, live, gatherer.own_calls))
    package = AccessPackage(
        request_id,
        kind,
        options.as_of,
        sections,
        recordings,
        about.as_dict(count_by_category(sections, recordings)),
        withheld_rows(gatherer.withheld),
        request.zone,
        language or SPOKEN.get(request.calendar.split("-")[0], "en"),
    )
    digest = write_package(package, render_readme(package), out)
    records = sum(len(s.rows) for s in sections if s.category != "processing")
    values = {
        "package": out.name,
        "package_sha256": digest,
        "disclosed": records,
        "withheld": sum(w["count"] for w in package.withheld),
        "records_found": len(match.records) + len(apart) + len(unread.rejected) + len(unread.live),
    }
    note = {"path": str(out.resolve()), "sha256": digest, "tokens": list(match.own_tokens)}

    def more(run_id: str, state: Any) -> RunChanges:
        return RunChanges(
            (
                write_encrypted_json(
                    store, keyring, run_id, request_id, f"{state.seq:08d}.package", note
                ),
            )
        )

    register.append(
        request_id,
        "disclosed",
        options.as_of,
        options.now,
        {"actor": options.actor, **values},
        more,
    )
    return PackageResult(
        str(out), digest, records, package.withheld, about.missing if kind == "access" else ()
    )
