"""Local rollback-detection state, kept outside of stores.

It holds the newest run and checkpoint seen of each store, and which key took which one's place.

A store that was set back to yesterday is whole, so nothing within it tells that newer records are
gone. What was seen is kept in a folder of the user's own state, one small file a store, named by
where the store lies: a copy elsewhere is compared with nothing.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import orjson

from callveil.schemas.errors import USAGE
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.local import LocalFiles
from callveil.transforms.storage.files.urls import is_s3, local_path
from callveil.transforms.storage.format1.snapshot import StoreError, manifest_name, sha256, to_json

if TYPE_CHECKING:
    from callveil.transforms.storage.encryption.keyring import Keyring

ENV = "CALLVEIL_STATE"
RUNS = "runs"
"""The chain of manifests; other chains are named by their folder below the store's root."""
log = logging.getLogger(__name__)
T = TypeVar("T")


class RememberedStore(Protocol):
    """Interface a store needs so that it is remembered, and a rollback of it is noticed."""

    files: Files
    root: str

    def url(self, path: str) -> str:
        """Return the URL of a path below the root."""

    def head(self) -> ChainHead:
        """Number and digest of the newest published run."""


class RolledBack(StoreError):
    """A store is older than this machine has seen it, or has another history."""

    exit_code = USAGE
    way_out = (
        "Put the newest state back; or, where it is meant so, say it: "
        "callveil evidence accept --store STORE"
    )


class ChainHead(NamedTuple):
    """The newest record of a chain: its number, and the SHA-256 (hex) of its bytes."""

    seq: int
    sha256: str


def state_folder(given: str | None = None) -> Path:
    """Tell where heads are remembered.

    As given, else CALLVEIL_STATE, else `callveil` in XDG_STATE_HOME, else in ~/.local/state.
    """
    named = given or os.environ.get(ENV)
    if named:
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "callveil"


def known_heads_path(store: RememberedStore) -> Path:
    """Return the file in which the heads of a store are remembered."""
    if is_s3(store.root):
        names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        endpoint = store.files.endpoint or next((v for n in names if (v := os.environ.get(n))), "")
        place = f"{endpoint}|{store.root}"
    else:
        place = f"|{Path(local_path(store.root)).resolve()}"
    name = hashlib.sha256(place.encode()).hexdigest()[:32]
    return state_folder(store.files.state) / "heads" / f"{name}.json"


def read_known_heads(store: RememberedStore) -> dict[str, ChainHead]:
    """Return what is remembered of a store, by chain. Raises `StoreError` where the file is
    damaged.
    """

    def heads(document: Any) -> dict[str, ChainHead]:
        found = document["heads"].items()
        return {str(chain): ChainHead(int(seq), str(digest)) for chain, (seq, digest) in found}

    untold = "whether newer records of the store are gone cannot be told"
    damaged = f"not what callveil remembers of {store.root}; remove the file, or restore it"
    return _read(lambda: known_heads_path(store), heads, untold, damaged)


def _read(
    find: Callable[[], Path], parse: Callable[[Any], dict[str, T]], untold: str, damaged: str
) -> dict[str, T]:
    """Return what a file of the state folder holds; empty where there is none, or it cannot be
    read.

    Raises `StoreError` where it is damaged.
    """
    path: Path | str = "the home folder"
    try:
        path = find()
        return parse(orjson.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home folder
        log.warning("%s: cannot be read (%s), so %s", path, _why(error), untold)
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(f"{path}: {damaged}") from None


def remember_heads(store: RememberedStore, seen: Mapping[str, ChainHead]) -> None:
    """Remember heads; one that is older than what is remembered changes nothing.

    A folder that cannot be written is only warned of.
    """
    known = read_known_heads(store)
    newer = {
        chain: head
        for chain, head in seen.items()
        if head.seq > known.get(chain, ChainHead(0, "")).seq
    }
    if newer:
        _write(store, known | newer)


def accept_older_heads(
    store: RememberedStore, seen: Mapping[str, ChainHead]
) -> dict[str, ChainHead]:
    """Remember what is seen although it is older, after a store was put back on purpose.

    Returns what was remembered.
    """
    known = read_known_heads(store)
    _write(store, {chain: head for chain, head in seen.items() if head.seq})
    return known


def _write(store: RememberedStore, heads: Mapping[str, ChainHead]) -> None:
    path: Path | str = "the home folder"
    data = to_json(
        {"store": store.root, "heads": {chain: list(head) for chain, head in sorted(heads.items())}}
    )
    try:
        path = known_heads_path(store)
        LocalFiles().write(str(path), data, if_none_match=False, if_match=None)
    except (OSError, RuntimeError) as error:
        log.warning(
            "%s: what was seen of %s cannot be remembered (%s), so nobody can tell later whether "
            "newer records are gone; name a folder by --state or %s",
            *(path, store.root, _why(error), ENV),
        )


def _why(error: OSError | RuntimeError) -> str:
    return str(getattr(error, "strerror", None) or error)


def replaced_keys_path(state: str | None) -> Path:
    """Return the file in which is remembered which key took which one's place."""
    return state_folder(state) / "keys.json"


def read_replaced_keys(state: str | None) -> dict[str, str]:
    """Return keys that gave their place to another, and which, as this machine has seen it.

    Raises `StoreError` where the file is damaged.
    """

    def pairs(document: Any) -> dict[str, str]:
        return {str(key): str(by) for key, by in document["replaced"].items()}

    untold = "whether this keyring is an older copy cannot be told"
    damaged = "not what callveil remembers of rotated keys; remove it, or restore it"
    return _read(lambda: replaced_keys_path(state), pairs, untold, damaged)


def explain_outdated(state: str | None, active: str, key_ids: Collection[str], path: str) -> str:
    """Tell why a keyring is older than one that this machine has seen; empty where it is not."""
    newer = read_replaced_keys(state).get(active, "")
    if not newer or newer in key_ids:
        return ""
    return (
        f"key {active} of the keyring given, {path}, is older than key {newer}: it is a copy from "
        "before `callveil keys rotate`; use the keyring that was rotated (where that is lost, and "
        f"nothing was written with it, remove {replaced_keys_path(state)})"
    )


def remember_replaced_keys(state: str | None, keyring: Keyring) -> None:
    """Remember which keys of a keyring gave their place to its active one."""
    known, active = read_replaced_keys(state), keyring.active
    older = {k: active for k in keyring.key_ids if k != active and keyring.ended(k)}
    if older.items() <= known.items():
        return
    path: Path | str = "the home folder"
    try:
        path = replaced_keys_path(state)
        data = to_json({"replaced": dict(sorted((known | older).items()))})
        LocalFiles().write(str(path), data, if_none_match=False, if_match=None)
    except (OSError, RuntimeError) as error:
        log.warning(
            "%s: that key %s is the newest cannot be remembered (%s), so an older copy of the "
            "keyring is refused only once this one has written; name a folder by --state or %s",
            *(path, active, _why(error), ENV),
        )


def refuse_rollback(store: RememberedStore, known: Mapping[str, ChainHead], reading: bool) -> None:
    """Refuse a store that is older than what is remembered of it, or has another history.

    Args:
        reading: the pointer itself has to be at the newest run that was seen; a job that writes
            moves it there.

    Raises `RolledBack`.
    """
    runs = known.get(RUNS)
    if runs is not None:
        seq, digest = store.head()
        if seq != runs.seq:
            digest = _digest(store, manifest_name(runs.seq))
        if digest != runs.sha256 or (reading and 0 < seq < runs.seq):
            is_other = digest not in ("", runs.sha256)
            now = "another run has its number" if is_other else f"the store stands at run {seq}"
            raise RolledBack(_text(store, f"run {runs.seq}", now))
    for chain, head in known.items():
        if chain != RUNS and store.files.info(store.url(f"{chain}/{head.seq:08d}.json")) is None:
            raise RolledBack(_text(store, f"record {head.seq} of {chain}", "it is gone"))


def _digest(store: RememberedStore, path: str) -> str:
    try:
        return sha256(store.files.read(store.url(path)))
    except FileNotFoundError:
        return ""


def _text(store: RememberedStore, what: str, now: str) -> str:
    return (
        f"{store.root}: {what} was seen here before ({known_heads_path(store)} says so), and now "
        f"{now}: "
        "the store was set back, put "
        "back from a copy, or made anew, so what came since is missing, erasures too. Put the "
        "newest state back; or, where it is meant so, say it: callveil evidence accept --store "
        f"{store.root}"
    )
