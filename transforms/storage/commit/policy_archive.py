"""Policies that a store was decided by; each lies in it under its digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from callveil.schemas.manifest import RunManifest
from callveil.schemas.policy import Policy, PolicyError
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.format1.snapshot import CONTROL


def policy_at(store: Store, sha256: str) -> Policy | None:
    """Return the policy with a digest, or None where the store does not have it."""
    url = store.url(f"{CONTROL}/policies/{sha256}.yaml")
    return (
        parse_policy(store.files.read(url).decode())
        if sha256 and store.files.info(url) is not None
        else None
    )


def archived_policies(store: Store) -> Iterator[Policy]:
    """Yield all policies that lie in a store, in the order of their digests; those of a form that
    this version does not know are left out.
    """
    try:
        urls = sorted(f.url for f in store.files.list(store.url(f"{CONTROL}/policies")))
    except FileNotFoundError:
        return
    for url in urls:
        with suppress(PolicyError):
            yield parse_policy(store.files.read(url).decode())


def newest_policy(store: Store, manifests: Iterable[RunManifest] | None = None) -> Policy | None:
    """Return the policy of the latest run that names one; where none does, as in a live zone alone,
    the one that was put there last; else None.
    """
    for manifest in sorted(
        store.manifests() if manifests is None else manifests, key=lambda m: -m.seq
    ):
        found = policy_at(store, manifest.policy_sha256)
        if found is not None:
            return found
    try:
        stored = list(store.files.list(store.url(f"{CONTROL}/policies")))
    except FileNotFoundError:
        return None
    latest = max(stored, key=lambda f: (f.modified, f.url), default=None)
    return parse_policy(store.files.read(latest.url).decode()) if latest else None
