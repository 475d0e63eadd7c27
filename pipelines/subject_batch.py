"""Erasure of many people in one run, as a job: which requests are due, their plan, and carrying it
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callveil.pipelines.subject import eraser_of, workers_for
from callveil.pipelines.subject_register import (
    SubjectOptions,
    get_allowed_request,
    list_requests,
    register_of,
)
from callveil.schemas.subject import ERASURE, SubjectRequest
from callveil.transforms.governance.requests.approval import require_approved, require_ready
from callveil.transforms.governance.requests.batch_erasure import (
    POOL,
    BatchEraser,
    BatchPlan,
    BatchResult,
)
from callveil.transforms.governance.requests.erasure import Eraser
from callveil.transforms.governance.requests.publish import request_files
from callveil.transforms.governance.requests.register import RegisterError, RequestRegister
from callveil.transforms.report.scope import NotAllowed
from callveil.transforms.storage.checkpoints.live_checkpoint import write_checkpoint
from callveil.transforms.storage.format1.snapshot import Snapshot


@dataclass(frozen=True)
class ChosenRequests:
    """Requests of a batch.

    Attributes:
        names: to be carried out. waiting: what those wait for that nobody has named and that may
            not be carried out yet, by request.
    """

    names: tuple[str, ...]
    waiting: dict[str, str]


def choose_requests(
    options: SubjectOptions, eraser: Eraser, named: Sequence[str]
) -> ChosenRequests:
    """Return the requests that are named; of none, all erasures that are open and that nothing is
    missing for: a verified identity, a search, and the approval where that is asked for.
    """
    if named:
        return ChosenRequests(tuple(dict.fromkeys(named)), {})
    snapshot, names, waiting = eraser.store.current(), [], {}
    for request in list_requests(options):
        if request.type != ERASURE or (request.is_over and not request.runs):
            continue
        if eraser.was_done(request.request_id, ERASURE, snapshot):
            names += [request.request_id] if request.runs else []
            continue
        try:
            _require_complete(eraser, request, snapshot)
            names.append(request.request_id)
        except RegisterError as error:
            waiting[request.request_id] = str(error)
    return ChosenRequests(tuple(names), waiting)


def _require_complete(eraser: Eraser, request: SubjectRequest, snapshot: Snapshot) -> None:
    require_ready(request, ERASURE)
    if not request_files(snapshot, request.request_id, "match"):
        eraser.match(request.request_id, snapshot)  # which says that nobody has searched
    require_approved(request, eraser.four_eyes, eraser.actor)


def _batch_of(
    options: SubjectOptions, register: RequestRegister, eraser: Eraser, names: Iterable[str]
) -> BatchEraser:
    """Return what carries a batch out; requests that whoever asks may not see are refused."""
    batch = BatchEraser(eraser)
    for name in names:
        try:
            get_allowed_request(options, register, name)
        except (RegisterError, NotAllowed) as error:
            batch.refused[name] = str(error)
    return batch


def plan_batch(
    options: SubjectOptions, named: Sequence[str] = (), *, zone: bool = True
) -> tuple[BatchPlan, dict[str, str]]:
    """Return what erasing a batch would do, and what other requests wait for; nothing is
    changed.
    """
    register = register_of(options, write=False)
    eraser = eraser_of(options, register, zone=zone)
    chosen = choose_requests(options, eraser, named)
    return _batch_of(options, register, eraser, chosen.names).plan(chosen.names), chosen.waiting


def erase_batch(
    options: SubjectOptions, named: Sequence[str] = (), agreed: str = "", *, zone: bool = True
) -> tuple[BatchResult, dict[str, str]]:
    """Erase whom many requests are about, in one run. Interrupted and repeated, it goes on where it
    was; done, it does nothing.

    Args:
        named: the requests; none: all that are due. agreed: hash of the plan that was agreed to.

    Returns: what was done, and what other requests wait for.
    """
    register = register_of(options)
    eraser = eraser_of(options, register, zone=zone)
    chosen = choose_requests(options, eraser, named)
    batch = _batch_of(options, register, eraser, chosen.names)
    with workers_for(options, register.store, POOL):
        done = batch.carry_out(chosen.names, agreed)
    write_checkpoint(register.store, register.keyring, options.now)
    return done, chosen.waiting
