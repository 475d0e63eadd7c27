"""Command line of `callveil keys`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import add_store, command_parser, with_common

DESCRIPTION = """\
The keyring seals rejected records, originals, webhook bodies and what requests set aside, makes
reversible tokens and pseudonyms, conceals as digests whom records are about, and chains reports.

  status   the keys, and with --store and --inbox what hangs on each of them, zone by zone; first of
           all whether a store is kept with this keyring
  rotate   add a new key: from now on it seals and makes tokens; a watch or receive under way
           follows. Pseudonyms and digests stay with their key, so
           that the same person keeps the same pseudonym; --everything gives these a new key too.
           Older keys stay, since what they sealed needs them
  rewrap   seal all that lies under older keys anew with the active one, make tokens anew, and purge
           what was, object versions on S3 included:
           rejected records, what requests hold and set aside, originals and rejections of the live
           zone, inboxes that watch has read or --inbox names
  retire   take a key out of the keyring once nothing needs it
  wrap     put the secrets under a key of AWS KMS (envelope encryption): the file alone then opens
           nothing
  unwrap   put them back in clear

A key has two halves. One seals, opens and makes tokens; rewrap sets it free, and retire destroys
it. The other makes digests and pseudonyms. A digest can be made anew only from what it is of, which
a redacted store holds no more, so this half stays in the keyring, alone, as long as it is
needed: while it is the key of digests; until records in the identifier index and the live zone that
    were taken in with it go by retention or
erasure; for ever where something was erased with it, since by its digests no replay brings that
back; until a restriction made with it is lifted. It opens nothing. If a key may have become known,
use rotate --everything: whoever has the old one can still try numbers against digests made with it,
until those go. Reports and exports that were made with a key are checked with it too: once it is
gone altogether, their hash chains cannot be.

retire looks at the stores it is told of, at the inboxes that their watch has read, and at no other:
name every one that this keyring serves. It refuses for 24 hours after rotate (--after), since a
run, a watch or a runner's checkpoint from before may hold what the old key sealed. Backups of the
keyring keep the key: delete these too.

A store says whose it is from its first write on, and every command refuses another keyring before
any work (exit code 2); rotate is the only way to bring a store under another key. A copy of the
keyring from before rotate is refused as well: at once on this machine, which remembers it
(--state), and for the stores that rotate is told of by --store; on other machines and for other
stores once the new key has written.

No secret is ever an option, printed or logged; the file has mode 0600 and is refused with any
other."""


EPILOG = """\
examples:
  callveil keys status --store store/ --inbox inbox/
  callveil keys rotate --store store/
  callveil keys rewrap --store store/ --inbox inbox/
  callveil keys retire 4f0c2a81b6d3 --store store/ --inbox inbox/ --dry-run
  callveil keys wrap --kms alias/callveil"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's own options."""
    p = command_parser("keys", DESCRIPTION, EPILOG)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("status", "the keys, and what hangs on them"),
        ("rotate", "add a new key and make it the active one"),
        ("rewrap", "seal what lies under older keys anew with the active one"),
        (
            "retire",
            "take a key out of the keyring once nothing needs it; exit code 1 where something does",
        ),
        ("wrap", "put the secrets under a key of AWS KMS"),
        ("unwrap", "put the secrets back in clear"),
    ):
        a = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name in ("status", "rotate", "rewrap", "retire"):
            more = (
                ", noted there at once, so that no machine takes an older copy of the keyring"
                if name == "rotate"
                else ""
            )
            needed = name in ("rewrap", "retire")
            a.add_argument(
                "--store",
                action="append",
                default=[],
                required=needed,
                metavar="STORE",
                help=f"folder or s3:// URL of a store; repeatable{more}",
            )
        if name in ("status", "rewrap", "retire"):
            a.add_argument(
                "--inbox",
                action="append",
                default=[],
                metavar="INBOX",
                help="inbox of callveil receive, written as watch's --input has it",
            )
        if name == "rotate":
            a.add_argument(
                "--everything",
                action="store_true",
                help="pseudonyms and digests change too: the same person gets another pseudonym "
                "from now on",
            )
        if name == "retire":
            a.add_argument("key", help="the key, as status names it")
            a.add_argument(
                "--after",
                type=float,
                metavar="HOURS",
                help="hours that must have passed since it last sealed (default 24)",
            )
            a.add_argument(
                "--gone",
                action="append",
                default=[],
                metavar="INBOX",
                help="an inbox that watch has read and that is no more; repeatable",
            )
            a.add_argument(
                "--dry-run", action="store_true", help="say what would be done; change nothing"
            )
        if name == "wrap":
            a.add_argument(
                "--kms", required=True, metavar="KEY", help="id, ARN or alias of a symmetric key"
            )
        add_store(a)
    return with_common(p)
