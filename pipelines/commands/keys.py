"""`callveil keys status|rotate|rewrap|retire|wrap|unwrap`: the keyring, and what hangs on each of
its keys.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterable

from callveil.pipelines.exits import DONE, FAILED, USAGE, UsageError
from callveil.pipelines.faults import as_dict
from callveil.pipelines.logs import tell
from callveil.pipelines.options import files_of
from callveil.pipelines.summary import print_json
from callveil.schemas.json_types import JsonObject
from callveil.transforms.governance.rekey.retire import (
    AFTER_HOURS,
    RetireDecision,
    decide_retirement,
    retire_key,
)
from callveil.transforms.governance.rekey.rewrap import RewrapResult, rewrap_store
from callveil.transforms.governance.rekey.usage import (
    UNTIL,
    KeyUse,
    count_inbox_uses,
    count_key_uses,
)
from callveil.transforms.governance.rekey.zones import Tell
from callveil.transforms.storage.checkpoints.identity_record import WAY_OUT, IdentityError
from callveil.transforms.storage.checkpoints.store_identity import (
    claim_store,
    open_keyed,
    open_to_change,
    refuse_replaced,
    store_keyring,
)
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.known_heads import remember_replaced_keys
from callveil.transforms.storage.encryption.keyring import (
    Keyring,
    KeyringFile,
    clear_key,
    wrapped_key,
)
from callveil.transforms.storage.format1.inbox_registry import Inboxes
from callveil.transforms.storage.format1.live import Live

EVERY_SECONDS = 10.0
"""Seconds between two lines that say how far long work is."""


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "status": _status,
        "rotate": _rotate,
        "rewrap": _rewrap,
        "retire": _retire,
        "wrap": _wrap,
        "unwrap": _unwrap,
    }
    if not getattr(args, "store", None):
        refuse_replaced(files_of(args), args.keyring)
    return actions[args.action](args)


def _keyring(args: argparse.Namespace) -> Keyring:
    """Return the keyring that is given; where it cannot be used, the store's is named."""
    return (
        store_keyring(Store(files_of(args), args.store[0], args.keyring))
        if args.store
        else Keyring.load(args.keyring)
    )


def _found(args: argparse.Namespace, keyring: Keyring) -> dict[str, dict[str, KeyUse]]:
    """Return what hangs on each key, by the store or inbox that was looked at, and key."""
    files = files_of(args)
    out = {
        where: count_key_uses(Store.open(files, where, args.keyring), keyring)
        for where in args.store
    }
    for inbox in _inboxes(args).folders:
        count_inbox_uses(files, inbox, keyring, out.setdefault(inbox, {}))
    return out


def _inboxes(args: argparse.Namespace) -> Inboxes:
    """Return inboxes that the stores' `watch` has read, and those that the command line names."""
    return Inboxes.of([Live(files_of(args), where) for where in args.store], args.inbox)


def _total(found: Iterable[KeyUse], part: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for use in found:
        total += getattr(use, part)
    return dict(sorted(total.items()))


def _strangers(
    args: argparse.Namespace, keyring: Keyring, found: dict[str, dict[str, KeyUse]]
) -> dict[str, str]:
    """Tell why stores are not kept with this keyring, or not with it alone, by store."""
    out = {}
    for where in args.store:
        try:
            open_keyed(files_of(args), where, args.keyring)
            if unknown := sorted(
                k for k, use in found[where].items() if use.is_used and k not in keyring.key_ids
            ):
                out[where] = (
                    f"{where}: holds what key {', '.join(unknown)} made, which {keyring.path} "
                    f"lacks: searches would not find all. {WAY_OUT}"
                )
        except IdentityError as error:
            out[where] = str(error)
    return out


def _keys(keyring: Keyring, found: dict[str, dict[str, KeyUse]]) -> list[JsonObject]:
    import json

    document = json.loads(keyring.path.read_text())
    out = []
    for key_id in sorted({*keyring.key_ids, *(k for by_key in found.values() for k in by_key)}):
        entry, mine = (
            document["keys"].get(key_id),
            [by_key[key_id] for by_key in found.values() if key_id in by_key],
        )
        latest = {
            zone: max(u.latest.get(zone, "") for u in mine) for u in mine for zone in u.latest
        }
        out.append(
            {
                "key": key_id,
                "here": entry is not None,
                "active": key_id == keyring.active,
                "digests": key_id == keyring.digests,
                "retired": (entry or {}).get("retired", ""),
                "created": (entry or {}).get("created", ""),
                "kms": (entry or {}).get("kms", ""),
                "sealed_files": _total(mine, "files"),
                "sealed_bytes": sum(_total(mine, "bytes").values()),
                "tokens": _total(mine, "tokens"),
                "values": _total(mine, "values"),
                "found_by_digests": _total(mine, "digests"),
                "latest_day": dict(sorted(latest.items())),
            }
        )
    return out


def _status(args: argparse.Namespace) -> int:
    keyring = _keyring(args)
    found = _found(args, keyring)
    strangers = _strangers(args, keyring, found)
    code = USAGE if strangers else DONE
    for why in strangers.values():
        tell(why)
    keys = _keys(keyring, found)
    if args.json:
        others = {
            "looked_at": list(found),
            "missing": list(_inboxes(args).missing),
            "other_keyring": strangers,
        }
        wrong = (
            {"error": as_dict(IdentityError(), "\n".join(strangers.values()), code)}
            if strangers
            else {}
        )
        print_json({"keyring": str(keyring.path), **others, "keys": keys} | wrong)
        return code
    for where in args.store:
        print(
            f"{where} is "
            f"{'NOT kept with this keyring' if where in strangers else 'kept with this keyring'}"
        )
    print(keyring.path)
    for k in keys:
        _show(k)
    for inbox in _inboxes(args).missing:
        print(f"  inbox {inbox}, which watch has read, is not here: what it holds is not counted")
    looked = bool(args.store or args.inbox)
    if looked and any(
        (k["sealed_files"] or k["tokens"]) and k["here"] and not k["active"] and not k["retired"]
        for k in keys
    ):
        print(
            "some of this lies under older keys; seal it anew: callveil keys rewrap --store STORE "
            "--inbox INBOX"
        )
    if not looked:
        print("name stores and inboxes by --store and --inbox to see what hangs on each key")
    return code


def _show(k: JsonObject) -> None:
    """Print one key."""
    roles = [
        n
        for n, is_so in (
            ("seals and makes tokens", k["active"]),
            ("digests and pseudonyms", k["digests"]),
        )
        if is_so
    ]
    where = (
        f"wrapped by {k['kms']}" if k["kms"] else "in clear" if k["here"] else "NOT IN THIS KEYRING"
    )
    facts = [
        where,
        *([f"made {k['created'][:10]}"] if k["created"] else []),
        *([f"retired {k['retired'][:10]}, digests only"] if k["retired"] else []),
    ]
    print(f"  {k['key']}  {', '.join(facts)}{'  <- ' + ', '.join(roles) if roles else ''}")
    for name, count in k["sealed_files"].items():
        print(f"      {count:,} sealed files in {name}")
    for name, count in k["tokens"].items():
        print(
            f"      {count:,} {'findings of tokens' if name == 'findings' else f'tokens in {name}'}"
        )
    for name, count in k["values"].items():
        if name != "token":
            print(f"      {count:,} values by {name}")
    for name, count in k["found_by_digests"].items():
        day = f"; the latest is of {k['latest_day'][name]}" if name in k["latest_day"] else ""
        print(f"      {count:,} entries in {name} are found by its digests, {UNTIL[name]}{day}")


def _rotate(args: argparse.Namespace) -> int:
    files = files_of(args)
    old = Keyring.load(args.keyring)
    for where in args.store:  # before the key changes: one that is not this keyring's is refused
        open_to_change(files, where, args.keyring)
    new = Keyring.rotate(
        args.keyring,
        dt.datetime.now(dt.UTC).replace(microsecond=0),
        keep_digests=not args.everything,
    )
    remember_replaced_keys(args.state, new)
    for where in args.store:
        open_to_change(files, where, args.keyring)
    if args.json:
        print_json({"active": new.active, "before": old.active, "digests": new.digests})
        return DONE
    print(
        f"key {new.active} seals and makes tokens from now on; key {old.active} stays for what it "
        "sealed"
    )
    print(
        "digests and pseudonyms are made by key "
        f"{new.digests}{' from now on' if args.everything else ' as before'}"
    )
    print(
        f"keep {new.path} as you keep a password, and back it up; seal what is there anew: "
        "callveil keys rewrap --store STORE --inbox INBOX"
    )
    return DONE


def _progress() -> Tell:
    last = time.monotonic()

    def show(zone: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY_SECONDS:
            last = time.monotonic()
            tell(f"{zone}: {done:,} of {total:,} files")

    return show


def _rewrap(args: argparse.Namespace) -> int:
    keyring, files = _keyring(args), files_of(args)
    stores = [open_to_change(files, where, args.keyring)[0] for where in args.store]
    for store in stores:
        store.recover()
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    done = {
        store.root: rewrap_store(store, keyring, now, args.inbox, _progress()) for store in stores
    }
    if args.json:
        print_json({"stores": [{"store": root} | _as_dict(r) for root, r in done.items()]})
    else:
        for root, result in done.items():
            _tell_rewrapped(root, result)
    return DONE if all(r.is_whole for r in done.values()) else FAILED


def _as_dict(r: RewrapResult) -> JsonObject:
    return {
        "files": dict(sorted(r.files.items())),
        "runs": r.runs,
        "purged": r.purged,
        "locked": [list(v) for v in r.locked],
        "failed": list(r.failed),
        "left": dict(sorted(r.left.items())),
    }


def _tell_rewrapped(root: str, result: RewrapResult) -> None:
    for zone, count in sorted(result.files.items()):
        print(f"{root}: {count:,} files in {zone} sealed anew")
    if not result.files and result.is_whole:
        print(f"{root}: nothing lies under an older key")
    if result.purged:
        print(f"{root}: {result.purged:,} object versions purged")
    for line in result.failed:
        tell(line)
    for url, version in result.locked:
        tell(f"{url} version {version} is protected by a lock; lift it or wait, and repeat")
    for zone, count in sorted(result.left.items()):
        tell(
            f"{root}: {count:,} in {zone} stay under older keys; finish what is "
            "under way, and repeat"
        )


def _retire(args: argparse.Namespace) -> int:
    keyring = _keyring(args)
    stores = [open_keyed(files_of(args), where, args.keyring)[0] for where in args.store]
    if args.key not in keyring.key_ids:
        raise UsageError(
            f"{keyring.path}: has no key {args.key}; `callveil keys status` names those it has"
        )
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    mine = [by_key[args.key] for by_key in _found(args, keyring).values() if args.key in by_key]
    missing = [f for f in _inboxes(args).missing if f not in args.gone]
    verdict = decide_retirement(
        keyring, args.key, mine, now, AFTER_HOURS if args.after is None else args.after, missing
    )
    if not verdict.refused and not args.dry_run:
        for store in (
            stores
        ):  # before the key goes: a store that still counted on it would be refused afterwards
            claim_store(store, keyring, without="" if verdict.kept else args.key)
        retire_key(keyring, args.key, verdict, now)
    if args.json:
        print_json(
            {
                "key": args.key,
                "retired": not verdict.refused,
                "refused": list(verdict.refused),
                "digests_kept_for": list(verdict.kept),
            }
        )
    else:
        _tell_retired(args, verdict)
    return FAILED if verdict.refused else DONE


def _tell_retired(args: argparse.Namespace, verdict: RetireDecision) -> None:
    for why in verdict.refused:
        tell(f"key {args.key} stays: {why}")
    if verdict.refused:
        return
    may = "would be" if args.dry_run else "is"
    print(
        f"key {args.key}: {'its sealing half' if verdict.kept else 'all of it'} {may} gone from "
        "the keyring"
    )
    for why in verdict.kept:
        print(f"  its digests stay: {why}")
    print(
        f"looked at: {', '.join([*args.store, *_inboxes(args).folders])}; backups of the keyring "
        "from before still hold it"
    )


def _wrap(args: argparse.Namespace) -> int:
    def change(document: KeyringFile) -> KeyringFile:
        keys = {
            k: v if "wrapped" in v else wrapped_key(k, v, args.kms)
            for k, v in document["keys"].items()
        }
        return document | {"keys": keys}

    keyring = Keyring.change(args.keyring, change)
    text = (
        f"the secrets of {len(keyring.key_ids)} keys are wrapped by {args.kms}; backups made "
        "before still hold them in clear"
    )
    _say(args, keyring, text, kms=args.kms)
    return DONE


def _unwrap(args: argparse.Namespace) -> int:
    keyring = Keyring.load(args.keyring)

    def change(document: KeyringFile) -> KeyringFile:
        keys = {k: clear_key(v, keyring.secret(k)) for k, v in document["keys"].items()}
        return document | {"keys": keys}

    Keyring.change(args.keyring, change)
    _say(args, keyring, "the secrets lie in clear again, in the file of mode 0600", kms="")
    return DONE


def _say(args: argparse.Namespace, keyring: Keyring, text: str, kms: str) -> None:
    print_json(
        {"keyring": str(keyring.path), "keys": list(keyring.key_ids), "kms": kms}
    ) if args.json else print(f"{keyring.path}: {text}")
