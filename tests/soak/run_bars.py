"""The bars of the main job, measured on generated data: nothing lost, nothing leaked, memory that
does not grow, and kills that leave no trace.

    python tests/soak/run_bars.py                              all parts at 100,000 interactions (hours)
    python tests/soak/run_bars.py --interactions 3000          the same at a size for a coffee break
    python tests/soak/run_bars.py --parts scan kills           some parts, on what earlier ones left in --folder
    python tests/soak/run_bars.py -- --direct_num_workers 2 --direct_running_mode multi_processing

Parts, each of which is skipped where it is done already (--again repeats it):

    sample      N interactions, 5 % of them broken, and a tenth of them apart
    tenth       redact the tenth; wall time and peak memory
    full        redact all of it; wall time and peak memory, and how it compares with the tenth
    reconcile   every record read is stored, superseded or rejected, key by key; every rejection
                says where and why
    scan        no planted card, SSN, phone or e-mail and none of the values a record holds as its
                contact's own in anything that was written;
                counted apart: the contact's values that were only said, and everybody else's
    kills       20 runs of a smaller sample, killed at random moments and run again, end as an
                undisturbed one

Figures go to FOLDER/bars.json. Exit code 1 where a bar is missed.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson
from support import ROOT
from support.disturbed_runs import disturb
from support.leak_scan import GLOBAL_TYPES, KNOWN_KEYS, Planted, kept_digits, scan, scan_text
from support.measured_memory import watch

from callveil.schemas.policy import InputLimits
from callveil.schemas.rejected import REASONS, Rejected
from callveil.transforms.ingest.chunks import plan_chunks
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.lab.sample.write import write_sample
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.commit.scan import open_dataset
from callveil.transforms.storage.files.filesystem import Files

MALFORMED = 0.05
WITH_FIELD = (
    "wrong_type",
    "out_of_range",
    "too_deep",
    "missing_key",
    "bad_time",
    "control_character",
)
"""Reasons that belong to one field, which the rejection must name."""
CONTACT = ("name", "cnam", "street", "postal_code")
"""Fields that hold the contact's own name and address."""
PARTS = ("sample", "tenth", "full", "reconcile", "scan", "kills")


class Bars:
    """Runs parts and keeps their figures in `folder/bars.json`."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.folder = args, args.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "bars.json"
        found = json.loads(self.file.read_text()) if self.file.exists() else {}
        head = {"interactions": args.interactions, "seed": args.seed, "beam": args.beam}
        if found and found["head"] != head:
            raise SystemExit(
                f"{self.folder}: holds figures of other settings ({found['head']}); name another "
                "--folder, or remove it"
            )
        self.figures: dict[str, Any] = found or {"head": head, "parts": {}}

    def part(self, name: str) -> None:
        """Run a part unless it is done."""
        if name in self.figures["parts"] and not self.args.again:
            say(f"{name}: done before")
            return
        say(f"{name}: begins")
        started = time.monotonic()
        done: Callable[[], dict[str, Any]] = getattr(self, name)
        figures = done()
        figures["took_seconds"] = round(time.monotonic() - started, 1)
        self.figures["parts"][name] = figures
        self.file.write_text(json.dumps(self.figures, indent=2, sort_keys=True) + "\n")
        say(f"{name}: {json.dumps(figures, sort_keys=True)}")

    def needs(self, name: str) -> dict[str, Any]:
        """Figures of an earlier part."""
        if name not in self.figures["parts"]:
            raise SystemExit(f"part {name} comes first: add it to --parts")
        found: dict[str, Any] = self.figures["parts"][name]
        return found

    def sample(self) -> dict[str, Any]:
        """Write both samples."""
        out = {}
        for name, count in (
            ("tenth", max(self.args.interactions // 10, 10)),
            ("full", self.args.interactions),
        ):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            made = write_sample(
                self.folder / name / "day",
                self.args.seed,
                count,
                accounts=max(8, count // 300),
                days=7,
                malformed=MALFORMED,
                gold=True,
                progress=lambda done: say(f"sample: {done:,}") if done % 10_000 == 0 else None,
            )
            out[name] = {
                "interactions": made.interactions,
                "records": made.records,
                "malformed": sum(made.malformed.values()),
                "bytes": made.bytes,
            }
            out[name]["kinds"] = asdict(made)["kinds"]
        return out

    def tenth(self) -> dict[str, Any]:
        """Redact the tenth."""
        return self._redact("tenth")

    def full(self) -> dict[str, Any]:
        """Redact all, and compare."""
        before, figures = self.needs("tenth"), self._redact("full")
        figures["peak_ratio"] = round(figures["peak_bytes"] / before["peak_bytes"], 3)
        return figures

    def _redact(self, name: str) -> dict[str, Any]:
        self.needs("sample")
        folder = self.folder / name
        for left in ("store", "tmp"):
            shutil.rmtree(folder / left, ignore_errors=True)
        (folder / "tmp").mkdir()
        words = [
            sys.executable,
            "-m",
            "callveil.pipelines.cli",
            "redact",
            "--input",
            f"{folder}/day/interactions",
            "--output",
            f"{folder}/store",
        ]
        words += [
            "--accounts",
            f"{folder}/day/accounts.jsonl",
            "--as-of",
            "2026-11-02",
            "--json",
            *self.args.beam,
        ]
        env = {
            **os.environ,
            "CALLVEIL_KEYRING": str(folder / "keyring.json"),
            "TMPDIR": str(folder / "tmp"),
            "CALLVEIL_STATE": f"{folder}/tmp/state",
        }

        def tell(seconds: float, peak: int) -> None:
            lines = (folder / "err").read_text(errors="replace").splitlines()
            say(
                f"{name}: {seconds:,.0f} s, peak {peak / 2**20:,.0f} MiB; "
                f"{lines[-1] if lines else ''}"
            )

        done = watch(words, env, folder / "out", folder / "err", tell)
        if done.code not in (0, 3):
            raise SystemExit(f"{name}: the job ended with {done.code}: see {folder}/err")
        report = json.loads((folder / "out").read_text())
        rate = report["counts"]["redacted"] / done.seconds
        return done.as_dict() | {
            "counts": report["counts"],
            "interactions_per_second": round(rate, 1),
        }

    def reconcile(self) -> dict[str, Any]:
        """Account for every record by key."""
        self.needs("full")
        folder, made, counts = (
            self.folder / "full",
            self.needs("sample")["full"],
            self.needs("full")["counts"],
        )
        store = Store.open(Files(), str(folder / "store"))
        stored: Counter[tuple[str, str]] = Counter()
        ranks: dict[tuple[str, str], int] = {}
        for batch in open_dataset(store, "interactions").to_batches(
            columns=["account_id", "id", "rank"]
        ):
            for row in batch.to_pylist():
                stored[row["account_id"], row["id"]] += 1
                ranks[row["account_id"], row["id"]] = row["rank"]
        read: Counter[tuple[str, str]] = Counter()
        best: dict[tuple[str, str], int] = {}
        for chunk in plan_chunks(Files(), [f"{folder}/day/interactions"])[0]:
            for item in read_chunk(Files(), chunk, InputLimits()):
                if not isinstance(item, Rejected):
                    key = (item.key.account_id, item.key.id)
                    read[key] += 1
                    best[key] = max(best.get(key, item.rank), item.rank)
        planted = {(g["account_id"], g["id"]) for g in lines(folder / "day" / "gold.jsonl")}
        broken = {
            (Path(b["file"]).name, b["line"]): b for b in lines(folder / "day" / "malformed.jsonl")
        }
        rejected = {
            (Path(r["file"]).name, r["line"]): r
            for r in open_dataset(store, "rejected").to_table().to_pylist()
        }
        superseded = sum(read.values()) - len(read)
        problems = {
            "stored twice": sum(n > 1 for n in stored.values()),
            "read and not stored": len(read.keys() - stored.keys()),
            "stored and not read": len(stored.keys() - read.keys()),
            "planted and not stored": len(planted - stored.keys()),
            "stored an older snapshot": sum(
                ranks[k] != best[k] for k in best.keys() & ranks.keys()
            ),
            "the sample's records not read": abs(made["records"] - sum(read.values())),
            "the sample's interactions not stored": abs(
                made["interactions"] - len(broken) - len(stored)
            ),
            "redacted miscounted": abs(counts["redacted"] - len(stored)),
            "superseded miscounted": abs(counts.get("superseded", 0) - superseded),
            "in is not redacted + superseded + rejected": abs(
                counts["in"] - len(stored) - superseded - len(rejected)
            ),
            "broken and not rejected": len(broken.keys() - rejected.keys()),
            "rejected and not broken": len(rejected.keys() - broken.keys()),
            "rejected for a wrong reason": sum(
                rejected[k]["reason"] not in broken[k]["reasons"]
                for k in broken.keys() & rejected.keys()
            ),
            "rejected without place or reason": sum(
                not (
                    r["file"]
                    and r["line"]
                    and r["byte_offset"] is not None
                    and r["reason"] in REASONS
                    and r["detail"]
                    and r["blob"]
                )
                or (r["reason"] in WITH_FIELD and not r["field"])
                for r in rejected.values()
            ),
            "store not verified": len(verify_integrity(store)),
        }
        reasons = Counter(r["reason"] for r in rejected.values())
        return {
            "in": counts["in"],
            "redacted": len(stored),
            "superseded": superseded,
            "rejected": len(rejected),
            "reasons": dict(reasons.most_common()),
            "problems": {k: n for k, n in problems.items() if n},
            "checked": len(problems),
        }

    def scan(self) -> dict[str, Any]:
        """Search all that was written for all that was planted."""
        self.needs("full")
        folder = self.folder / "full"
        kept = kept_digits(folder / "day", lines(folder / "day" / "gold.jsonl"))
        planted = Planted.of(lines(folder / "day" / "gold.jsonl"), kept)
        hits = scan(folder / "store", planted, Seldom("scan: ")) + scan(folder / "tmp", planted)
        hits += [
            h
            for name in ("out", "err")
            for h in scan_text(name, (folder / name).read_text(errors="replace"), planted)
        ]
        known = self._known()
        left = [
            h
            for h in hits
            if h.forbidden and (h.type in GLOBAL_TYPES or (h.account_id, h.id, h.key) in known)
        ]
        said = [h for h in hits if h.forbidden and h not in left]
        with (self.folder / "hits.jsonl").open("wb") as out:
            for hit in hits:
                out.write(orjson.dumps(asdict(hit) | {"forbidden": hit.forbidden}) + b"\n")
        size = sum(p.stat().st_size for p in (folder / "store").rglob("*") if p.is_file())
        others = Counter(h.type for h in hits if not h.forbidden)
        return {
            "bytes": size,
            "values_sought": len(planted.everywhere)
            + len(planted.digits)
            + sum(len(v) for v in planted.own.values()),
            "forbidden": len(left),
            "forbidden_by_type": dict(Counter(f"{h.type} {h.key}" for h in left).most_common(12)),
            "own_values_only_said": dict(Counter(f"{h.type} {h.key}" for h in said).most_common()),
            "other_values_left": dict(others.most_common()),
        }

    def _known(self) -> set[tuple[str, str, str]]:
        """Interaction and key of the names, streets and postcodes that a record holds as its
        contact's own, rather than in what was said alone.
        """
        folder, held = self.folder / "full" / "day", {}
        for chunk in plan_chunks(Files(), [f"{folder}/interactions"])[0]:
            for item in read_chunk(Files(), chunk, InputLimits()):
                if not isinstance(item, Rejected):
                    values = [item.record.get(f) for f in CONTACT] + list(
                        (item.record.get("form") or {}).values()
                    )
                    held.setdefault(item.key, set()).update(letters(str(v)) for v in values if v)
        return {
            (g["account_id"], g["id"], v["key"])
            for g in lines(folder / "gold.jsonl")
            for v in g["values"]
            if KNOWN_KEYS.match(v["key"])
            and letters(v["value"]) in held.get((g["account_id"], g["id"]), ())
        }

    def kills(self) -> dict[str, Any]:
        """Kill and run again."""
        return disturb(
            self.folder / "kills", self.args.kills, self.args.kill_interactions, self.args.seed, say
        )

    def missed(self) -> list[str]:
        """Bars that are missed by the figures at hand."""
        parts, out = self.figures["parts"], []
        if parts.get("reconcile", {}).get("problems"):
            out.append(f"reconciliation: {parts['reconcile']['problems']}")
        if parts.get("scan", {}).get("forbidden"):
            out.append(
                f"scan: {parts['scan']['forbidden']} values left (see {self.folder}/hits.jsonl)"
            )
        if parts.get("full", {}).get("peak_ratio", 0) > self.args.max_ratio:
            out.append(
                f"memory: {parts['full']['peak_ratio']} times that of a tenth, at most "
                f"{self.args.max_ratio} is wanted"
            )
        kills = parts.get("kills")
        if kills and (kills["different"] or kills["killed"] < self.args.kills):
            out.append(
                f"kills: {kills['killed']} of {self.args.kills} hit a run under way, "
                f"{kills['different']} ended differently"
            )
        return out


def lines(path: Path) -> Any:
    """JSON lines of a file, one by one."""
    with path.open("rb") as source:
        for line in source:
            yield orjson.loads(line)


def letters(text: str) -> str:
    """Letters and digits alone, case folded: a field may hold a value in capitals or without its
    spaces.
    """
    return "".join(c for c in text.casefold() if c.isalnum())


class Seldom:
    """Says what it is called with, but not more often than every 20 s."""

    def __init__(self, before: str) -> None:
        self.before, self.said = before, time.monotonic()

    def __call__(self, text: str) -> None:
        """Say it, if it is time."""
        if time.monotonic() - self.said > 20:
            self.said = time.monotonic()
            say(self.before + text)


def say(text: str) -> None:
    """One line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    """Run the parts asked for; returns the exit code."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--interactions",
        type=int,
        default=100_000,
        metavar="N",
        help="interactions (default 100000)",
    )
    p.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    p.add_argument("--again", action="store_true", help="repeat parts that are done")
    p.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "build" / "bars",
        help="where everything is written (default: build/bars)",
    )
    p.add_argument("--seed", type=int, default=20261124)
    p.add_argument("--kills", type=int, default=20, help="runs to kill (default 20)")
    p.add_argument(
        "--kill-interactions",
        type=int,
        default=400,
        metavar="N",
        help="interactions of their sample (default 400)",
    )
    p.add_argument(
        "--max-ratio",
        type=float,
        default=1.15,
        help="most that peak memory may grow from a tenth to all (default 1.15)",
    )
    p.add_argument("beam", nargs="*", help="options for Beam, after --")
    bars = Bars(p.parse_args())
    for name in (part for part in PARTS if part in bars.args.parts):
        bars.part(name)
    missed = bars.missed()
    for text in missed:
        say(f"MISSED {text}")
    say("all bars met" if not missed else f"{len(missed)} bars missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
