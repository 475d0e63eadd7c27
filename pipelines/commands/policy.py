"""`callveil policy check|show`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from callveil.pipelines.exits import DONE, USAGE
from callveil.pipelines.options import policy_of, with_common
from callveil.pipelines.summary import print_json
from callveil.schemas.policy_document import describe_policy
from callveil.schemas.policy_load import PRESETS, check_policy, preset_text

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
    p = argparse.ArgumentParser(
        prog="callveil policy",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    args = build_parser().parse_args(argv)
    if args.action == "check":
        problems = check_policy(args.policy)
        if args.json:
            print_json(
                {
                    "policy": args.policy,
                    "problems": [
                        {
                            "file": p.file,
                            "line": p.line,
                            "column": p.column,
                            "field": p.field,
                            "message": p.message,
                        }
                        for p in problems
                    ],
                }
            )
        else:
            for problem in problems:
                print(problem, file=sys.stderr)
            if not problems:
                print(f"{args.policy}: fine; sha256 {policy_of(args.policy).sha256}")
        return USAGE if problems else DONE
    if args.source and args.policy in PRESETS:
        print(preset_text(args.policy), end="")
        return DONE
    policy = policy_of(args.policy)
    if args.yaml:
        print(policy.effective_yaml(), end="")
    elif args.json:
        print_json({"name": policy.name, "sha256": policy.sha256, "document": policy.document})
    else:
        record = (
            args.account,
            args.account_type,
            args.kind,
            args.language or policy.detect.default_language,
        )
        print(
            describe_policy(
                policy,
                record
                if args.account
                or args.language
                or args.account_type != "unknown"
                or args.kind != "call"
                else None,
            )
        )
    return DONE
