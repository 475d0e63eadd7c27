"""Retiring a key: taken out of the keyring once nothing needs it, or as far as nothing does.

What a key sealed and what its digests find are two halves of it. Once nothing is left to open, the
first half goes; the second goes with it where no digest made with it is looked up any more, and
stays alone until then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from callveil.transforms.governance.rekey.usage import UNTIL, KeyUse
from callveil.transforms.storage.encryption.keyring import (
    HALF_BYTES,
    Keyring,
    KeyringFile,
    clear_key,
    wrapped_key,
)

AFTER_HOURS = 24.0
"""Hours since a key last sealed, after which nothing that it sealed is on its way to a store any
more.
"""


@dataclass(frozen=True)
class RetireDecision:
    """Decision on what may become of a key.

    Attributes:
        refused: why nothing may be done; empty where something may.
        kept: what its digests are kept for; empty where the whole key may go.
    """

    refused: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def decide_retirement(
    keyring: Keyring,
    key_id: str,
    found: Iterable[KeyUse],
    now: dt.datetime,
    after_hours: float = AFTER_HOURS,
    missing: Iterable[str] = (),
) -> RetireDecision:
    """Tell whether a key of the keyring may go, and how much of it.

    Args:
        found: what hangs on it, in each place that was looked at.
        now: aware UTC time. after_hours: see `AFTER_HOURS`.
        missing: inboxes that could not be looked at.
    """
    uses = list(found)
    kept = [
        f"{n:,} entries in {z} are found by its digests, {_until(z, u)}"
        for u in uses
        for z, n in sorted(u.digests.items())
    ]
    if key_id == keyring.digests:
        kept.insert(
            0,
            "it makes the digests and pseudonyms; `callveil keys rotate --everything` gives these "
            "a new key",
        )
    if key_id in keyring.retired:
        return RetireDecision(tuple(kept))
    refused = [
        f"{n:,} in {z} are opened by it alone; `callveil keys rewrap` seals them anew"
        for u in uses
        for z, n in sorted(u.opening.items())
    ]
    refused += [
        (
            f"inbox {f}, which watch has read, is not here; retire the key where it is, or say "
            "--gone "
            f"{f}"
        )
        for f in missing
    ]
    if key_id == keyring.active:
        refused.insert(0, "it is the active key; `callveil keys rotate` makes another one that")
    elif why := _too_fresh(keyring.ended(key_id), now, after_hours):
        refused.append(why)
    if kept and not keyring.has_halves(key_id):
        refused += [
            f"{why} (and this key, made before keys had halves, has one secret for both)"
            for why in kept
        ]
    return RetireDecision(tuple(refused), tuple(kept))


def _until(zone: str, use: KeyUse) -> str:
    day = use.latest.get(zone)
    return UNTIL[zone] + (f"; the latest is of {day}" if day else "")


def _too_fresh(ended: str, now: dt.datetime, after_hours: float) -> str:
    """Tell why a key that sealed until some time (ISO 8601, empty: nobody knows) may still be in
    use.
    """
    if after_hours <= 0:
        return ""
    way = (
        "A watch, receive or run that began before may still write with it, or hold what it "
        "sealed; --after 0 where none does"
    )
    if not ended:
        return f"nothing says since when it no longer seals. {way}"
    hours = (now - dt.datetime.fromisoformat(ended)).total_seconds() / 3600
    return (
        ""
        if hours >= after_hours
        else f"it sealed until {ended}, {hours:.1f} hours ago; wait for {after_hours:g}. {way}"
    )


def retire_key(keyring: Keyring, key_id: str, verdict: RetireDecision, now: dt.datetime) -> Keyring:
    """Take a key, or its sealing half, out of the keyring's file, and load it. A crash leaves the
    file before or after.

    Raises ValueError where the verdict is a refusal.
    """
    if verdict.refused:
        raise ValueError("the key is needed")

    def change(document: KeyringFile) -> KeyringFile:
        keys = dict(document["keys"])
        if key_id not in keys:
            return document
        if not verdict.kept:
            del keys[key_id]
        else:
            entry = keys[key_id]
            clear = clear_key(entry, keyring.secret(key_id)[-HALF_BYTES:]) | {
                "retired": now.isoformat()
            }
            keys[key_id] = wrapped_key(key_id, clear, entry["kms"]) if "kms" in entry else clear
        made = [k for k in document.get("digest_keys", document["keys"]) if k in keys]
        return document | {"keys": keys, "digest_keys": made}

    return Keyring.change(keyring.path, change)
