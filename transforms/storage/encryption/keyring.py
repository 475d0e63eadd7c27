"""The keyring: one file of secrets, from which every purpose gets a key of its own.

Subkeys come from HKDF with SHA-256 (RFC 5869), so that a key used for one thing says nothing about
the others, and so that a single file has to be guarded.

The active key seals and makes tokens. Digests and pseudonyms may stay with an older key: with
another one the same person would get another pseudonym, and what was taken in before would no
longer be known again. A secret may lie in the file wrapped by a key of AWS KMS, so that the file
alone opens nothing.

A key is two secrets: the first half seals and makes tokens, the second makes digests and
pseudonyms, which nothing can turn into those of another key. So a key that is retired loses its
first half and keeps its second for as long as digests made with it are looked up. Keys from before
that have one secret for both, and are retired only when no digest needs them.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, NotRequired, TypedDict, cast

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from callveil.schemas.errors import UserError
from callveil.transforms.storage.files.local import LocalFiles
from callveil.transforms.storage.files.urls import PreconditionFailed

FORMAT_VERSION = 1
HALF_BYTES = 32
SECRET_BYTES = 2 * HALF_BYTES
FINGERPRINT_DIGITS = 32
ENV = "CALLVEIL_KEYRING"
SEALING = ("sealed/", "token")
"""What purposes begin with whose keys open what they made; all others are of digests."""


class KeyringError(UserError, ValueError):
    """A keyring cannot be used; the text says what is wrong with the file and how to mend it, and
    quotes no secret.
    """


class KeyEntry(TypedDict, total=False):
    """A key as the keyring's file has it.

    Its secret lies there in base64, or `wrapped` by the key `kms` of AWS KMS. `created`, `until`
    (when another became the active one) and `retired` are ISO 8601.
    """

    created: str
    until: str
    retired: str
    secret: str
    wrapped: str
    kms: str


class KeyringFile(TypedDict):
    """The keyring's file: keys by id, which of them seals, and which make digests."""

    version: int
    active: str
    digests: NotRequired[str]
    digest_keys: NotRequired[list[str]]
    keys: dict[str, KeyEntry]


def default_path() -> Path:
    """Tell where the keyring is: CALLVEIL_KEYRING, else `callveil/keyring.json` in XDG_CONFIG_HOME,
    else in ~/.config.
    """
    named = os.environ.get(ENV)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "callveil" / "keyring.json"


def _read(path: Path) -> KeyringFile:
    """Return the file's JSON. Mode is checked on the open file, so that it cannot be exchanged in
    between.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise KeyringError(
            f"{path}: there is no keyring here; point {ENV} or --keyring to the store's (its first "
            "job made one)"
        ) from None
    except PermissionError:
        raise KeyringError(
            f"{path}: this user may not read the keyring; run as its owner"
        ) from None
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        os.close(handle)
        raise KeyringError(f"{path}: is a folder; name the keyring's file")
    with os.fdopen(handle, "rb") as source:
        mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
        if mode & 0o077:
            raise KeyringError(
                f"{path}: mode {mode:04o} lets other users read or change the keyring; this "
                "happens when it is copied or unpacked. "
                f"Mend it with `chmod 600 {path}`, and rotate the keys if others may have read it"
            )
        text = source.read()
    try:
        document = json.loads(text)
    except ValueError:
        raise KeyringError(
            f"{path}: not JSON; it may be cut off. Restore it from your backup: what it sealed "
            "needs it"
        ) from None
    if not isinstance(document, dict):
        raise KeyringError(f"{path}: not a keyring; expected a JSON object")
    return cast(KeyringFile, document)  # `_secrets` checks its fields


def _secrets(path: Path, document: KeyringFile) -> tuple[str, dict[str, bytes]]:
    """Active key id and secrets by id, validated."""
    if document.get("version") != FORMAT_VERSION:
        raise KeyringError(
            f"{path}: field version: expected {FORMAT_VERSION}; the file is no keyring, or a newer "
            "callveil wrote it"
        )
    keys = document.get("keys")
    if not isinstance(keys, dict) or not keys:
        raise KeyringError(f"{path}: field keys: expected an object with at least one key")
    out = {}
    for number, (key_id, key) in enumerate(keys.items()):
        try:
            secret = (
                _unwrapped(path, key_id, key)
                if "wrapped" in key
                else base64.b64decode(key["secret"], validate=True)
            )
            sizes = (HALF_BYTES,) if "retired" in key else (HALF_BYTES, SECRET_BYTES)
        except (TypeError, KeyError, binascii.Error):
            secret, sizes = b"", (SECRET_BYTES,)
        if len(secret) not in sizes or not key_id or len(key_id) > 64:
            raise KeyringError(
                f"{path}: field keys, key number {number + 1}: needs an id of 1 to 64 characters "
                f"and {sizes[-1]} bytes in base64"
            )
        out[key_id] = secret
    active = document.get("active")
    if active not in out or "retired" in keys[active]:
        raise KeyringError(f"{path}: field active: names no key of this file that seals")
    if document.get("digests", active) not in out:
        raise KeyringError(f"{path}: field digests: names no key of this file")
    return str(active), out


def _unwrapped(path: Path, key_id: str, key: KeyEntry) -> bytes:
    """Return a secret that is wrapped by a key of KMS. Raises `KeyringError` where KMS does not
    open it.
    """
    from callveil.transforms.storage.encryption.kms import (
        KmsError,
        unwrap_secret,
    )  # boto3 loads slowly, and most keyrings do without

    try:
        return unwrap_secret(
            str(key["kms"]), base64.b64decode(key["wrapped"], validate=True), key_id
        )
    except KmsError as error:
        raise KeyringError(f"{path}: key {key_id}: {error}") from None


def _new_key(created: dt.datetime | None) -> tuple[str, KeyEntry]:
    key: KeyEntry = {
        "created": created.isoformat() if created else "",
        "secret": base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode(),
    }
    return secrets.token_hex(6), key


def wrapped_key(key_id: str, key: KeyEntry, kms: str) -> KeyEntry:
    """Return a key's entry with its secret wrapped by a key of KMS instead of lying in clear.
    Raises `KmsError`.
    """
    from callveil.transforms.storage.encryption.kms import wrap_secret

    secret = base64.b64decode(key["secret"])
    return _facts(key) | {
        "kms": kms,
        "wrapped": base64.b64encode(wrap_secret(kms, secret, key_id)).decode(),
    }


def clear_key(key: KeyEntry, secret: bytes) -> KeyEntry:
    """Return a key's entry with its secret in clear."""
    return _facts(key) | {"secret": base64.b64encode(secret).decode()}


def _facts(key: KeyEntry) -> KeyEntry:
    """Return what an entry says beside its secret."""
    facts = {n: v for n, v in key.items() if n not in ("secret", "wrapped", "kms")}
    return cast(KeyEntry, facts)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Tell which content a file has; None where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _write(path: Path, document: KeyringFile, new: bool) -> None:
    data = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
    LocalFiles().write(str(path), data, if_none_match=new, if_match=None)


class KeyringSummary(NamedTuple):
    """The active key of a keyring, and the ids of all, sorted."""

    active: str
    key_ids: tuple[str, ...]


class Keyring:
    """Secrets of one keyring file. It cannot be pickled, copied or printed: workers get the path
    and load it themselves.
    """

    def __init__(
        self,
        path: Path,
        active: str,
        keys: dict[str, bytes],
        digests: str = "",
        retired: frozenset[str] = frozenset(),
        digest_keys: tuple[str, ...] = (),
        until: dict[str, str] | None = None,
    ) -> None:
        self.path = path
        self.active = active
        self.digests = digests or active
        self.retired = retired
        self.digest_keys = digest_keys or tuple(sorted(keys))
        self._until = until or {}
        self._keys = dict(keys)
        self._derived: dict[tuple[str, str, int], bytes] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._newer: Keyring | None = None

    @classmethod
    def load(cls, path: str | Path | None = None) -> Keyring:
        """Read a keyring; None means `default_path()`. Raises `KeyringError`."""
        where = Path(path) if path is not None else default_path()
        stamp, document = _stamp(where), _read(where)
        active, keys = _secrets(where, document)
        retired = frozenset(k for k, v in document["keys"].items() if "retired" in v)
        made = tuple(k for k in document.get("digest_keys", ()) if k in keys)
        until = {k: str(v.get("until", "")) for k, v in document["keys"].items()}
        ring = cls(where, active, keys, str(document.get("digests", "")), retired, made, until)
        ring._stamp = stamp
        return ring

    def current(self) -> Keyring:
        """Return the keyring as its file is now: this one while that is unchanged. What runs for
        days seals with what this gives.

        Raises `KeyringError` where the file can no longer be read.
        """
        stamp = _stamp(self.path)
        if self._stamp is None or stamp == self._stamp:
            return self
        newer = self._newer
        if newer is None or newer._stamp != stamp:
            found, known = Keyring.load(self.path), newer or self
            if known.active not in found._keys or found.fingerprint(
                known.active
            ) != known.fingerprint(known.active):
                raise KeyringError(
                    f"{self.path}: another keyring was put in the place of the one this process "
                    f"began with (its key {known.active} is gone). "
                    "Put that one back, or end the process and start it anew"
                )
            newer = self._newer = found
        return newer

    @staticmethod
    def peek(path: str | Path | None = None) -> KeyringSummary | None:
        """Return what a keyring's file says without a secret being opened; None where there is no
        file that can be used.
        """
        try:
            document = _read(Path(path) if path is not None else default_path())
        except (KeyringError, OSError):
            return None
        keys = document.get("keys")
        return (
            KeyringSummary(str(document.get("active")), tuple(sorted(keys)))
            if isinstance(keys, dict) and keys
            else None
        )

    @classmethod
    def create(cls, path: str | Path | None = None, created: dt.datetime | None = None) -> Keyring:
        """Make a keyring with one new random key, mode 0600, and load it.

        Args:
            path: None means `default_path()`.
            created: time to note beside the key, if any.

        Raises `KeyringError` where the file exists: overwriting it would make what it sealed
        unreadable for ever.
        """
        where = Path(path) if path is not None else default_path()
        key_id, key = _new_key(created)
        try:
            _write(
                where,
                {
                    "version": FORMAT_VERSION,
                    "active": key_id,
                    "digest_keys": [key_id],
                    "keys": {key_id: key},
                },
                new=True,
            )
        except PreconditionFailed:
            raise KeyringError(
                f"{where}: a keyring is there already and is never overwritten; load it, or add a "
                "key with Keyring.rotate"
            ) from None
        return cls.load(where)

    @classmethod
    def open_or_create(
        cls, path: str | Path | None = None, created: dt.datetime | None = None
    ) -> Keyring:
        """Load a keyring, or make it where there is none; safe when several processes do so at
        once.
        """
        where = Path(path) if path is not None else default_path()
        if not where.exists():
            try:
                return cls.create(where, created)
            except KeyringError:
                if not where.exists():
                    raise
        return cls.load(where)

    @classmethod
    def rotate(
        cls,
        path: str | Path | None = None,
        created: dt.datetime | None = None,
        keep_digests: bool = False,
    ) -> Keyring:
        """Add a new key and make it the active one. Older keys stay until they are retired, since
        what they sealed must stay readable.

        Args:
            keep_digests: digests and pseudonyms stay with the key they have.
        """

        def change(document: KeyringFile) -> KeyringFile:
            key_id, key = _new_key(created)
            kms = document["keys"][document["active"]].get("kms")  # what is wrapped stays wrapped
            new = wrapped_key(key_id, key, kms) if kms else key
            before, keys = document["active"], document["keys"]
            digests = document.get("digests", before) if keep_digests else key_id
            made = [*document.get("digest_keys", keys), *([] if keep_digests else [key_id])]
            keys[before]["until"] = key["created"]
            keys[key_id] = new
            return {**document, "active": key_id, "digests": digests, "digest_keys": made}

        return cls.change(path, change)

    @classmethod
    def change(
        cls, path: str | Path | None, change: Callable[[KeyringFile], KeyringFile]
    ) -> Keyring:
        """Change a keyring's file by a function of its document, under a lock, and load it. A crash
        leaves the file before or after.
        """
        where = Path(path) if path is not None else default_path()
        lock = os.open(where.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            document = _read(where)
            _secrets(where, document)
            changed = change(document)
            _secrets(where, changed)  # nothing is written that could not be read again
            _write(where, changed, new=False)
        finally:
            os.close(lock)
        return cls.load(where)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys, sorted."""
        return tuple(sorted(self._keys))

    def secret(self, key_id: str) -> bytes:
        """Return a key's own secret, for writing the keyring's file anew and for nothing else."""
        return self._keys[key_id]

    def fingerprint(self, key_id: str | None = None) -> str:
        """Return a keyed digest that tells a key and says nothing of it; it stays when the key is
        retired. None means the key of digests.
        """
        name = self.digests if key_id is None else key_id
        return self.hmac("fingerprint", name, key_id=name)[:FINGERPRINT_DIGITS]

    def has_halves(self, key_id: str) -> bool:
        """Tell whether a key's sealing half can go without its digests."""
        return len(self._keys[key_id]) == SECRET_BYTES

    def ended(self, key_id: str) -> str:
        """Tell when another key became the active one in this one's place, ISO 8601; empty where it
        is the active one or nothing says.
        """
        return self._until.get(key_id, "")

    def opens(self, key_id: str) -> bool:
        """Tell whether what a key sealed can be opened: the key is here, and not retired."""
        return key_id in self._keys and key_id not in self.retired

    def derive(self, purpose: str, length: int = 32, key_id: str | None = None) -> bytes:
        """Return the subkey of `length` bytes (1 to 8,160) for one purpose.

        Args:
            purpose: a name such as `pseudonym/account`; other purposes get unrelated keys.
            key_id: None means the key of digests. Raises `KeyringError` for an id the keyring
                lacks, also after a look at its file, since the key may have been added meanwhile;
                and for a retired key where the purpose is to seal or open.
        """
        name = self.digests if key_id is None else key_id
        cached = self._derived.get((name, purpose, length))
        if cached is None:
            if name not in self._keys:
                newer = self.current()
                if name not in newer._keys:
                    raise KeyringError(
                        f"{self.path}: no key {name!r}; the data was made with another keyring, or "
                        "the key was removed. Use that keyring"
                    )
                return newer.derive(purpose, length, name)
            info = b"callveil/1/" + purpose.encode()
            cached = HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(
                self._half(name, purpose)
            )
            self._derived[name, purpose, length] = cached
        return cached

    def _half(self, key_id: str, purpose: str) -> bytes:
        """Return the secret a purpose's key comes from."""
        secret = self._keys[key_id]
        if not purpose.startswith(SEALING):
            return secret[-HALF_BYTES:]
        if key_id in self.retired:
            raise KeyringError(
                f"{self.path}: key {key_id!r} is retired: what it sealed opens no more. Take the "
                "keyring's backup from before, if it must"
            )
        return secret[:HALF_BYTES]

    def hmac(self, purpose: str, *parts: str, key_id: str | None = None) -> str:
        """Keyed digest (HMAC-SHA256, 64 hex digits) of `parts`, each prefixed by its length so that
        no two lists collide.
        """
        message = bytearray()
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            message += struct.pack(">Q", len(data)) + data
        return hmac.digest(
            self.derive(f"hmac/{purpose}", 32, key_id), bytes(message), hashlib.sha256
        ).hex()

    def __repr__(self) -> str:
        return f"Keyring(path={str(self.path)!r}, active={self.active!r}, keys={len(self._keys)})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(
            "a Keyring is never pickled or copied: its secrets would travel with the job. Pass its "
            "path and load it in the worker"
        )
