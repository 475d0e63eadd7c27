"""The reports job: rows from one state of the store to Parquet, CSV and pages, and a signed record
of who pulled what.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import Policy
from callveil.schemas.report import REPORTS, ReportType, report_plugins
from callveil.transforms.report.activities import load_activities
from callveil.transforms.report.breaches import BreachReport, read_breaches
from callveil.transforms.report.history import HistoryReport
from callveil.transforms.report.model import Card, Page, ReportContext, ReportSource
from callveil.transforms.report.page import PageDetails, index_page, report_page
from callveil.transforms.report.processing import ProcessingReport
from callveil.transforms.report.redaction import RedactionReport
from callveil.transforms.report.requests import ErasureReport, RequestReport
from callveil.transforms.report.retention import RetentionReport
from callveil.transforms.report.scope import EVERYTHING, NotAllowed, ReportScope, Role
from callveil.transforms.report.write import WrittenReport, add_row_hashes, write_report_rows
from callveil.transforms.storage.checkpoints.catch_up import newest_record
from callveil.transforms.storage.checkpoints.store_identity import open_to_change
from callveil.transforms.storage.commit.catalog import Store, StoreError
from callveil.transforms.storage.commit.commit_run import TOOL
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.evidence.salt_store import SHORT
from callveil.transforms.storage.evidence.signed_record import PULLS
from callveil.transforms.storage.files.filesystem import Files

INDEX = "index.html"
PULL = "report_pull"


@dataclass(frozen=True)
class ReportOptions:
    """Settings of the job.

    Attributes:
        store: root of the store.
        out: folder or `s3://` URL to write to.
        reports: names of reports. everything: `all` was asked for.
        scope: period, accounts and time.
        who: login name of whoever asks. behalf: for whom, or empty.
        role: what that person may see.
        now: the time for the record of the pull, UTC; decides nothing.
        keyring: path of the keyring, or None for the default place; it chains rows.
        files: how to reach files.
        csv: write CSV too.
        activities, breaches: files the company keeps, or empty.
        policy: beside which the record of processing is set; None means the store's newest.
        accounts, events, holds: as for `callveil retain`; tell when versions expire.
    """

    store: str
    out: str
    reports: Sequence[str]
    scope: ReportScope
    who: str
    now: dt.datetime
    everything: bool = False
    behalf: str = ""
    role: Role = EVERYTHING
    keyring: str | None = None
    files: Files = field(default_factory=Files)
    csv: bool = False
    activities: str = ""
    breaches: Sequence[str] = ()
    policy: Policy | None = None
    accounts: Sequence[str] = ()
    events: Sequence[str] = ()
    holds: Sequence[str] = ()


@dataclass(frozen=True)
class MadeReport:
    """One report that was made.

    Attributes:
        kind: which. written: its rows and digests. page: what its page shows. files: names of its
            files, the page first.
    """

    kind: ReportType
    written: WrittenReport
    page: Page
    files: tuple[str, ...]


def run_report(options: ReportOptions) -> tuple[list[MadeReport], int]:
    """Make reports, and record the pull in the store; returns them with the record's number.

    Raises:
        NotAllowed: the role does not see that; this is recorded too.
        ActivitiesError, BreachesError, InputError, AccountsError, EventsError, HoldsError: files
            the company keeps, by line and field.
        StoreError, KeyringError: no store, no keyring, or the pull cannot be recorded: then no file
            is left either.
    """
    store, keyring = open_to_change(options.files, options.store, options.keyring)
    try:
        names, accounts = options.role.narrow(
            options.reports, options.scope.accounts, options.everything
        )
    except NotAllowed as error:
        _record(store, options, options.reports, options.scope.accounts, [], str(error))
        raise
    scope = ReportScope(options.scope.start, options.scope.end, options.scope.as_of, accounts)
    snapshot = store.current()
    runs = {m.run_id[:SHORT]: m for m in store.manifests()}
    context = ReportContext(store, snapshot, scope, TOOL, runs, {"policy": options.policy})
    newest = newest_record(store)
    sources = {name: _source(name, context, options, keyring) for name in names}
    kinds = {name: report_type(name) for name in names}
    made: list[MadeReport] = []
    urls: list[str] = []
    try:
        for name, source in sources.items():
            made.append(
                _make(
                    options,
                    context,
                    keyring,
                    kinds[name],
                    source,
                    newest.sha256 if newest else "",
                    urls,
                )
            )
        index = _index(options, context, made, newest.sha256 if newest else "")
        urls.append(options.files.join(options.out, INDEX))
        options.files.write(urls[-1], index)
        files = [
            {"name": f"{m.kind.name}.parquet", "rows": m.written.rows, "sha256": m.written.sha256}
            for m in made
        ]
        return made, _record(store, options, names, accounts, files)
    except BaseException:
        for url in urls:
            with suppress(OSError):
                options.files.delete(url)
        raise


def _source(
    name: str, context: ReportContext, options: ReportOptions, keyring: Keyring
) -> ReportSource:
    if name == "redaction":
        return RedactionReport(context)
    if name == "retention":
        return RetentionReport(context)
    if name == "requests":
        return RequestReport(context, keyring)
    if name == "erasures":
        return ErasureReport(context, keyring)
    if name == "processing":
        return ProcessingReport(
            context, load_activities(options.activities) if options.activities else None
        )
    if name == "breaches":
        return BreachReport(
            context,
            read_breaches(options.files, options.breaches, options.scope.as_of)
            if options.breaches
            else None,
        )
    if name == "history":
        return HistoryReport(context, keyring, _expires(options))
    plugin = report_plugins()[name]
    report = plugin.load()
    try:
        return cast(ReportSource, report.make(context, keyring))
    except (StoreError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - code of others; its text may quote the store
        raise plugin.failed(f"make raised {type(error).__name__}") from None


def report_type(name: str) -> ReportType:
    """Return what a report is. Raises `PluginError` where a plugin's has another name."""
    if name in REPORTS:
        return REPORTS[name]
    plugin = report_plugins()[name]
    kind = getattr(plugin.load(), "REPORT", None)
    if not isinstance(kind, ReportType) or kind.name != name:
        raise plugin.failed(f"has no REPORT, a callveil.schemas.report.ReportType named {name}")
    return kind


def _expires(options: ReportOptions) -> Any:
    if not (options.accounts or options.events or options.holds):
        return None
    from callveil.pipelines.history import make_expiry  # which brings Beam along
    from callveil.schemas.policy_load import load_policy

    policy = options.policy or load_policy(None)
    return make_expiry(
        options.files, policy, options.scope.as_of, options.accounts, options.events, options.holds
    )


def _make(
    options: ReportOptions,
    context: ReportContext,
    keyring: Keyring,
    kind: ReportType,
    source: ReportSource,
    newest: str,
    urls: list[str],
) -> MadeReport:
    names = [
        f"{kind.name}.html",
        f"{kind.name}.parquet",
        *([f"{kind.name}.csv"] if options.csv else []),
    ]
    places = [options.files.join(options.out, n) for n in names]
    urls += places
    columns = {f.name for f in kind.columns}
    rows = ({k: v for k, v in row.items() if k in columns} for row in source.rows())
    written = write_report_rows(
        options.files,
        kind,
        places[1],
        places[2] if options.csv else "",
        rows if kind.name == "history" else add_row_hashes(keyring, rows),
    )
    page = source.page()
    about = PageDetails(
        _meta(options, context, kind),
        options.store,
        context.snapshot.run_id,
        newest,
        TOOL,
        context.common(kind)["report_id"],
        names[1],
        written.sha256,
        written.rows,
        options.csv,
    )
    options.files.write(places[0], report_page(kind, page, about))
    return MadeReport(kind, written, page, tuple(names))


def _meta(
    options: ReportOptions, context: ReportContext, kind: ReportType | None = None
) -> list[tuple[str, str]]:
    scope = context.scope

    def shown(when: dt.datetime) -> str:
        text = when.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M")
        return text.removesuffix(" 00:00")

    accounts = sorted(scope.accounts)
    whose = (
        "all"
        if not accounts
        else ", ".join(accounts[:6])
        + (f" and {len(accounts) - 6} more" if len(accounts) > 6 else "")
    )
    counts = [("counted by", kind.period)] if kind else []
    who = [
        (
            "pulled by",
            options.who
            + (f" for {options.behalf}" if options.behalf else "")
            + (f" ({options.role.name})" if options.role.name else ""),
        )
    ]
    return [
        ("from", shown(scope.start)),
        ("to (exclusive)", shown(scope.end)),
        ("accounts", whose),
        ("as of", f"{shown(scope.as_of)} UTC"),
        *counts,
        *who,
    ]


def _index(
    options: ReportOptions, context: ReportContext, made: Sequence[MadeReport], newest: str
) -> bytes:
    reports: list[Mapping[str, Any]] = [
        {
            "name": m.kind.name,
            "title": m.kind.title,
            "what": m.kind.what,
            "page": m.files[0],
            "files": m.files,
            "cards": _told(m.page.cards),
        }
        for m in made
    ]
    files = []
    for m in made:
        files.append(
            {
                "report": m.kind.title,
                "name": f"{m.kind.name}.parquet",
                "rows": m.written.rows,
                "sha256": m.written.sha256,
            }
        )
        if options.csv:
            files.append(
                {
                    "report": m.kind.title,
                    "name": f"{m.kind.name}.csv",
                    "rows": m.written.rows,
                    "sha256": m.written.csv_sha256,
                }
            )
    verdicts = [v for m in made for v in m.page.verdicts]
    return index_page(
        reports,
        files,
        PageDetails(_meta(options, context), options.store, context.snapshot.run_id, newest, TOOL),
        verdicts,
    )


def _told(cards: Sequence[Card]) -> list[dict[str, str]]:
    return [{"label": c.label, "value": c.value, "tone": c.tone} for c in cards]


def _record(
    store: Store,
    options: ReportOptions,
    reports: Sequence[str],
    accounts: frozenset[str],
    files: Sequence[Mapping[str, Any]],
    refused: str = "",
) -> int:
    """Record a pull: who, what, when, and the digests of what was handed out; signed, in a chain of
    its own.
    """
    scope = options.scope
    body = {
        "at": options.now.isoformat(timespec="seconds"),
        "who": options.who,
        "on_behalf_of": options.behalf,
        "role": options.role.name,
        "reports": list(reports),
        "accounts": sorted(accounts) or ["all"],
        "from": scope.start.isoformat(),
        "to": scope.end.isoformat(),
        "as_of": scope.as_of.isoformat(),
        "files": [dict(f) for f in files],
        "refused": refused,
        "tool_version": TOOL,
    }
    return store.attestor().append(PULLS, PULL, body)


def read_pulls(store: Store) -> list[JsonObject]:
    """Return records of pulls, oldest first. Raises `StoreError` where one cannot be read."""
    from callveil.transforms.storage.evidence.signed_record import RecordError, parse_record

    out = []
    for info in store.files.list(store.url(PULLS)):
        try:
            record = parse_record(store.files.read(info.url))
        except RecordError as error:
            raise StoreError(f"{info.url}: {error}") from None
        out.append(record.body | {"signer": record.key.id})
    return out
