"""`callveil keys status|rotate|rewrap|wrap|unwrap`: the keyring, and what hangs on each of its keys."""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import sys
from collections.abc import Callable, Sequence
from typing import Any

from callveil.pipelines.exits import DONE, FAILED, UsageError
from callveil.pipelines.options import add_store, files_of
from callveil.pipelines.summary import print_json
from callveil.transforms.keys.rewrap import rewrap
from callveil.transforms.keys.status import KeyUse, uses
from callveil.transforms.store.catalog import Store, StoreError
from callveil.transforms.store.keyring import Keyring, KeyringError, wrapped_key
from callveil.transforms.store.kms import KmsError
from callveil.transforms.store.paths import FilesError
from callveil.transforms.store.sealed import SealedError

DESCRIPTION = """\
The keyring seals rejected records, originals and what requests set aside, makes reversible tokens and pseudonyms, and chains reports.

  status   the keys, and with --store what hangs on each of them
  rotate   add a new key: from now on it seals and makes tokens. Pseudonyms and digests stay with their key, so that the same person keeps the same
           pseudonym; --everything gives these a new key too. Older keys stay, since what they sealed needs them
  rewrap   seal the rejected records of a store anew, with the active key, and purge the old files
  wrap     put the secrets under a key of AWS KMS (envelope encryption): the file alone then opens nothing
  unwrap   put them back in clear

No secret is ever an option, printed or logged; the file has mode 0600 and is refused with any other."""

EPILOG = """\
examples:
  callveil keys status --store store/
  callveil keys rotate
  callveil keys rewrap --store store/
  callveil keys wrap --kms alias/callveil"""


def parser() -> argparse.ArgumentParser:
    """The command's own options."""
    p = argparse.ArgumentParser(prog="callveil keys", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("status", "the keys, and what hangs on them"),
        ("rotate", "add a new key and make it the active one"),
        ("rewrap", "seal rejected records anew with the active key"),
        ("wrap", "put the secrets under a key of AWS KMS"),
        ("unwrap", "put the secrets back in clear"),
    ):
        a = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name in ("status", "rewrap"):
            a.add_argument("--store", required=name == "rewrap", metavar="STORE", help="folder or s3:// URL of a store")
        if name == "rotate":
            a.add_argument(
                "--everything", action="store_true", help="pseudonyms and digests change too: the same person gets another pseudonym from now on"
            )
        if name == "wrap":
            a.add_argument("--kms", required=True, metavar="KEY", help="id, ARN or alias of a symmetric key")
        a.add_argument("--json", action="store_true", help="print the result as JSON")
        add_store(a)
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = parser().parse_args(argv)
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "status": _status, "rotate": _rotate, "rewrap": _rewrap, "wrap": _wrap, "unwrap": _unwrap,
    }  # fmt: skip
    try:
        return actions[args.action](args)
    except (KeyringError, KmsError) as error:
        raise UsageError(str(error)) from None
    except (StoreError, FilesError, SealedError) as error:
        print(f"callveil keys: {error}", file=sys.stderr)
        return FAILED


def _keys(keyring: Keyring, found: dict[str, KeyUse]) -> list[dict[str, Any]]:
    import json

    document = json.loads(keyring.path.read_text())
    out = []
    for key_id in sorted({*keyring.key_ids, *found}):
        entry, use = document["keys"].get(key_id), found.get(key_id, KeyUse())
        out.append(
            {
                "key": key_id, "here": entry is not None, "active": key_id == keyring.active, "digests": key_id == keyring.digests,
                "created": (entry or {}).get("created", ""), "kms": (entry or {}).get("kms", ""), "sealed_files": dict(use.files),
                "sealed_bytes": sum(use.bytes.values()), "values": dict(use.values),
            }
        )  # fmt: skip
    return out


def _status(args: argparse.Namespace) -> int:
    keyring = Keyring.load(args.keyring)
    keys = _keys(keyring, uses(Store.open(files_of(args), args.store)) if args.store else {})
    if args.json:
        print_json({"keyring": str(keyring.path), "keys": keys})
        return DONE
    print(keyring.path)
    for k in keys:
        roles = [n for n, is_so in (("seals and makes tokens", k["active"]), ("digests and pseudonyms", k["digests"])) if is_so]
        where = f"wrapped by {k['kms']}" if k["kms"] else "in clear" if k["here"] else "NOT IN THIS KEYRING"
        print(f"  {k['key']}  {where}{', made ' + k['created'][:10] if k['created'] else ''}{'  <- ' + ', '.join(roles) if roles else ''}")
        for name, count in sorted(k["sealed_files"].items()):
            print(f"      {count:,} sealed files in {name}")
        for name, count in sorted(k["values"].items()):
            print(f"      {count:,} values by {name}")
    if args.store and any(k["sealed_files"].get("rejected_content") and not k["active"] for k in keys):
        print(f"rejected records lie under older keys; seal them anew: callveil keys rewrap --store {args.store}")
    return DONE


def _rotate(args: argparse.Namespace) -> int:
    old = Keyring.load(args.keyring)
    new = Keyring.rotate(args.keyring, dt.datetime.now(dt.UTC).replace(microsecond=0), keep_digests=not args.everything)
    if args.json:
        print_json({"active": new.active, "before": old.active, "digests": new.digests})
        return DONE
    print(f"key {new.active} seals and makes tokens from now on; key {old.active} stays for what it sealed")
    print(f"digests and pseudonyms are made by key {new.digests}{' from now on' if args.everything else ' as before'}")
    print(f"keep {new.path} as you keep a password, and back it up; seal what is there anew: callveil keys rewrap --store STORE")
    return DONE


def _rewrap(args: argparse.Namespace) -> int:
    keyring = Keyring.load(args.keyring)
    store = Store.open_or_create(files_of(args), args.store, args.keyring)
    done = rewrap(store, keyring, dt.datetime.now(dt.UTC).replace(microsecond=0))
    if args.json:
        print_json({"files": done.files, "seq": done.seq, "purged": done.purged, "left": done.left})
        return DONE
    print(f"{done.files:,} files sealed anew, {done.purged:,} object versions purged" if done.files else "no rejected records lie under an older key")
    for name, count in sorted(done.left.items()):
        print(f"{count:,} sealed files in {name} stay under older keys: keep these keys until the files are gone")
    return DONE


def _wrap(args: argparse.Namespace) -> int:
    def change(document: dict[str, Any]) -> dict[str, Any]:
        keys = {k: v if "wrapped" in v else wrapped_key(k, v, args.kms) for k, v in document["keys"].items()}
        return document | {"keys": keys}

    keyring = Keyring.change(args.keyring, change)
    print(f"{keyring.path}: the secrets of {len(keyring.key_ids)} keys are wrapped by {args.kms}; backups made before still hold them in clear")
    return DONE


def _unwrap(args: argparse.Namespace) -> int:
    keyring = Keyring.load(args.keyring)

    def change(document: dict[str, Any]) -> dict[str, Any]:
        keys = {k: {"created": v["created"], "secret": base64.b64encode(keyring.secret(k)).decode()} for k, v in document["keys"].items()}
        return document | {"keys": keys}

    Keyring.change(args.keyring, change)
    print(f"{keyring.path}: the secrets lie in clear again, in the file of mode 0600")
    return DONE
