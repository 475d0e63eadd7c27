"""`callveil policy check|show`."""

from __future__ import annotations

import argparse

from callveil.pipelines.exits import DONE, USAGE
from callveil.pipelines.logs import tell
from callveil.pipelines.summary import print_json
from callveil.schemas.policy_document import describe_policy
from callveil.schemas.policy_load import PRESETS, check_policy, load_policy, preset_text


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
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
                tell(str(problem))
            if not problems:
                print(f"{args.policy}: fine; sha256 {load_policy(args.policy).sha256}")
        return USAGE if problems else DONE
    if args.source and args.policy in PRESETS:
        print(preset_text(args.policy), end="")
        return DONE
    policy = load_policy(args.policy)
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
