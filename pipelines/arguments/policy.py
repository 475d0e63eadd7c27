"""Command line of `callveil policy`."""

from __future__ import annotations

import argparse

from callveil.pipelines.options import command_parser, with_common
from callveil.schemas.policy_load import PRESETS

DESCRIPTION = """\
Check a policy file, or show what a policy does.

A policy is one YAML file. The shortest useful one extends a preset and changes what differs:

  version: 1
  name: acme
  extends: gdpr
  entities:
    PHONE_NUMBER: {operator: pseudonym, scope: account}
  overrides:
    - when: {account: "4711"}
      set: {full_after_days: 30}"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("policy", DESCRIPTION)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    c = actions.add_parser(
        "check",
        help="say everything that is wrong with a policy file, with line and field; exit code 2 if "
        "anything is",
    )
    c.add_argument("policy", metavar="FILE")
    c.add_argument("--json", action="store_true", help="print the problems as JSON")
    s = actions.add_parser(
        "show", help="say in words what a policy does to each entity type and field group"
    )
    s.add_argument(
        "policy",
        metavar="NAME|FILE",
        nargs="?",
        default="gdpr",
        help=f"{', '.join(PRESETS)}, or a file (default: gdpr)",
    )
    s.add_argument("--account", default="", help="show the rules for records of this account")
    s.add_argument(
        "--account-type", default="unknown", help="individual, agency or unknown (default)"
    )
    s.add_argument("--kind", default="call", choices=["call", "text", "chat", "form"])
    s.add_argument("--language", default="", help="ISO 639-1 code")
    form = s.add_mutually_exclusive_group()
    form.add_argument(
        "--yaml",
        action="store_true",
        help="print the effective document; its sha256 is the policy's",
    )
    form.add_argument(
        "--source", action="store_true", help="print a preset as it is written, comments and all"
    )
    form.add_argument("--json", action="store_true", help="print the effective document as JSON")
    return with_common(p)
