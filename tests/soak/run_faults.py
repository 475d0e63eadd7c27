"""Faults that are met: network, server, disk and SIGKILL, each while a run is under way, and what
is left of it.

    python tests/soak/run_faults.py             every kind, on S3 and on disk; prints a table (about half an hour on two busy cores)
    python tests/soak/run_faults.py --seeds 1 --kinds 503 kill

Each case begins with a store of one day's records and takes in the second day's, which replaces
some rows, while the fault is met. Then the same command runs again without it. What the store holds
is compared with a run that met no fault: rows of every dataset by key (lost, doubled, other), the
manifests' own check, and a search of every byte for the records' personal values (leaked), those of
what the runs printed too. No run may take longer than `LIMIT`. On S3 the server is versitygw
(deploy/s3.sh builds it) behind a proxy. Small disks are tmpfs, which takes root to mount.
"""  # noqa: E501

from __future__ import annotations

import argparse
import gzip
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import boto3
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from support import ROOT, faulty_disks, killed_commands
from support.command_runs import DATASETS, PLAIN, call, environment, rows, write_lines
from support.faulty_proxy import KEYS, Proxy, Server
from support.leak_scan import unpacked

from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.commit.maintenance import verify_integrity
from callveil.transforms.storage.files.filesystem import Files, S3Settings

LIMIT = 120.0
"""Seconds: a request that hangs ends within 90 (see transforms/storage/files/s3_errors.py), and the
run with it.
"""
S3_KINDS = (*Proxy.KINDS, "server killed", "server gone", "kill on S3")
DISK_KINDS = ("full disk", "full TMPDIR", "file size limit", "EIO", "kill")
SHARES = {"hang": 0.05, "silent": 1.0}
MOST = {"hang": 2}
DEFAULT_SHARE = 0.06
BUCKET = "callveil-faults"
NAMES = [
    "Quillfeather",
    "Osterbrink",
    "Vandermoor",
    "Kestrelwood",
    "Abernethy",
    "Tolliver",
    "Marchbanks",
    "Pemberley",
    "Hallowfield",
    "Thistlewick",
]


def personal(number: int) -> dict[str, str]:
    """Invented personal values of one record."""
    surname = NAMES[number % len(NAMES)] + "abcdefghij"[number // 10 % 10]
    return {
        "name": f"Zebulon {surname}",
        "caller_number": f"+1415555{number:04d}",
        "email": f"{surname.lower()}.{number}@mail.example",
    }


def record(number: int, **more: Any) -> dict[str, Any]:
    """A record that holds them, twice over."""
    own = personal(number)
    said = f"I am {own['name']}, write to {own['email']} or ring {own['caller_number']} tomorrow"
    return call(number, name=own["name"], caller_number=own["caller_number"], notes=said, **more)


def write_days(folder: Path) -> None:
    """Day one; and day two, in three forms, with new records, replaced ones and one line that is
    broken.
    """
    write_lines(folder / "one" / "calls.jsonl", [record(n) for n in range(24)])
    two = folder / "two"
    write_lines(
        two / "calls.jsonl",
        [record(n, duration=90) for n in range(8)] + [record(n) for n in range(24, 32)],
    )
    (two / "more.jsonl.gz").write_bytes(
        gzip.compress(
            b"".join(orjson.dumps(record(n)) + b"\n" for n in range(32, 44)) + b'{"id": 1,\n'
        )
    )
    pq.write_table(pa.Table.from_pylist([record(n) for n in range(44, 56)]), two / "export.parquet")


@dataclass
class World:
    """Where cases happen: days, a keyring, a policy, the faultless store, and the way to S3."""

    folder: Path
    server: Server | None = None
    proxy: Proxy | None = None
    wanted: dict[str, Counter[str]] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    s3_seconds: float = 0.0

    def __post_init__(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        write_days(self.folder / "in")
        (self.folder / "policy.yaml").write_text(PLAIN)
        self.env = (
            environment(self.folder)
            | KEYS
            | {"CALLVEIL_EVIDENCE_KEY": str(self.folder / "evidence.pem")}
        )
        self.env.pop("AWS_PROFILE", None)
        os.environ.update(
            KEYS | {name: self.env[name] for name in ("CALLVEIL_KEYRING", "CALLVEIL_EVIDENCE_KEY")}
        )

    def own_state(self, folder: Path) -> dict[str, str]:
        """The environment of one case: what is remembered of a store outside it is the case's own,
        since all begin with a copy of one store.
        """
        os.environ["CALLVEIL_STATE"] = str(folder / "state")
        return self.env | {"CALLVEIL_STATE": str(folder / "state")}

    def words(self, day: str, root: str, source: str = "") -> list[str]:
        """The command that takes a day in."""
        words = [
            "redact",
            "--input",
            source or f"{self.folder}/in/{day}",
            "--output",
            root,
            "--policy",
            f"{self.folder}/policy.yaml",
        ]
        words += [
            "--as-of",
            "2026-11-02" if day == "one" else "2026-11-03",
            "--shard-rows",
            "4",
            "--no-progress",
            "--json",
        ]
        return words + (
            ["--s3-endpoint-url", self.proxy.endpoint, "--s3-region", "us-east-1"]
            if self.proxy and root.startswith("s3:")
            else []
        )

    def files(self) -> Files:
        """The way to files without faults."""
        return Files(S3Settings(self.server.endpoint, "us-east-1") if self.server else S3Settings())


@dataclass
class Result:
    """Outcome of one case. `problems` is empty where all is well."""

    code: int
    met: int
    seconds: float
    again_seconds: float
    lost: int = 0
    doubled: int = 0
    other: int = 0
    leaked: int = 0
    problems: list[str] = field(default_factory=list)


def contents(store: Store) -> dict[str, Counter[str]]:
    """Rows of each dataset, counted by all their values but what names files and is random."""
    drawn = ("run_id", "file", "blob", "rejected_id", "finding_id")
    return {
        d: Counter(
            repr(sorted((k, v) for k, v in r.items() if k not in drawn)) for r in rows(store, d)
        )
        for d in DATASETS
        if d != "index"
    }


def keys(store: Store) -> Counter[tuple[str, str]]:
    """How often each interaction's key is stored."""
    return Counter((r["account_id"], r["id"]) for r in rows(store, "interactions"))


def leaks(folder: Path, printed: str) -> list[str]:
    """Where a personal value of the records can be read."""
    values = [
        v.encode()
        for n in range(56)
        for v in (*personal(n).values(), personal(n)["caller_number"][2:])
    ]
    found = []
    for path in (p for p in folder.rglob("*") if p.is_file()):
        for where, data in unpacked(path):
            found += [f"{path.name} ({where})"] * any(v in data for v in values)
    return found + ["printed"] * any(v in printed.encode() for v in values)


def judge(world: World, root: str, result: Result, again: int, printed: str, local: Path) -> Result:
    """Compare what the store holds with what it should, and fill in the result. `local` holds a
    copy of every byte.
    """
    if again != 3:  # one line is broken
        result.problems.append(f"again: exit {again}: {printed[-400:]}")
        return result
    store = Store.open(world.files(), root)
    found, wanted = contents(store), world.wanted
    stored = keys(store)
    result.lost = 56 - len(stored)
    result.doubled = sum(n > 1 for n in stored.values())
    result.other = sum(
        sum(((found[d] - wanted[d]) + (wanted[d] - found[d])).values()) for d in found
    )
    seen = leaks(local, printed) + leaks(world.folder / "tmp", "")
    result.leaked = len(seen)
    result.problems += [f"not verified: {p}" for p in verify_integrity(store)[:2]] + seen[:3]
    result.problems += [
        f"{name}: {value}"
        for name in ("lost", "doubled", "other")
        if (value := getattr(result, name))
    ]
    result.problems += [
        f"printed {word!r}: {printed[-300:]}"
        for word in ("Traceback", "withheld")
        if word in printed
    ]
    result.problems += [f"{s:.0f} s" for s in (result.seconds, result.again_seconds) if s > LIMIT]
    return result


def running(words: list[str], notes: Path, env: dict[str, str]) -> killed_commands.Running:
    """Start a command in a process of its own."""
    return killed_commands.start(words, env, notes, "/nowhere")


def disk_case(world: World, kind: str, seed: int) -> Result:
    """One case on disk."""
    case = world.folder / "cases" / f"{kind.replace(' ', '-')}-{seed}"
    root, notes, rng = case / "disk" / "store", case / "notes", random.Random(f"{kind} {seed}")
    root.parent.mkdir(parents=True)
    small = kind == "full disk"
    with faulty_disks.mounted(root.parent, 64 << 20) if small else faulty_disks.nothing():
        shutil.copytree(world.folder / "base", root)
        env, met = world.own_state(case), 1
        words = world.words("two", str(root))
        if small:
            used = faulty_disks.used(root.parent)
            faulty_disks.resize(root.parent, used + rng.randrange(8 << 10, 200 << 10))
        started = time.monotonic()
        if kind == "full TMPDIR":
            (case / "tmp").mkdir()
            with faulty_disks.mounted(case / "tmp", rng.randrange(4, 24) << 10):
                first = running(words, notes, env | {"TMPDIR": str(case / "tmp")})
                code = first.wait()
        elif kind in ("EIO", "file size limit"):
            first = faulty_disks.start(
                words,
                env,
                notes,
                kind,
                str(world.folder),
                rng.randrange(1, 60) if kind == "EIO" else rng.randrange(512, 12_000),
            )
            code = first.wait()
            met = len(first.steps.read_text().splitlines()) if kind == "EIO" else 1
        else:
            first = running(words, notes, env)
            code = (
                first.kill_after(rng.uniform(0.05, 1.0) * world.seconds)
                if kind == "kill"
                else first.wait()
            )
        seconds = time.monotonic() - started
        if small:
            faulty_disks.resize(root.parent, 64 << 20)
        started = time.monotonic()
        second = running(words, notes, env)
        again = second.wait()
        result = Result(code, met if code not in (0, 3) else 0, seconds, time.monotonic() - started)
        return judge(
            world,
            str(root),
            result,
            again,
            first.printed.read_text() + second.printed.read_text(),
            root,
        )


def s3_case(world: World, kind: str, seed: int) -> Result:
    """One case on S3."""
    assert world.server and world.proxy
    server, proxy = world.server, world.proxy
    case = world.folder / "cases" / f"{kind.replace(' ', '-')}-{seed}"
    prefix, notes, rng = (
        f"{kind.replace(' ', '-')}-{seed}",
        case / "notes",
        random.Random(f"{kind} {seed}"),
    )
    root, files = f"s3://{BUCKET}/{prefix}/store", world.files()
    for name, start in (
        (f"{prefix}/store", world.folder / "base"),
        (f"{prefix}/two", world.folder / "in" / "two"),
    ):
        for path in sorted(
            p for p in start.rglob("*") if p.is_file() and p.name != ".callveil-lock"
        ):
            files.write(f"s3://{BUCKET}/{name}/{path.relative_to(start)}", path.read_bytes())
    env = world.own_state(case)
    words = world.words("two", root, f"s3://{BUCKET}/{prefix}/two")
    if kind in Proxy.KINDS:
        proxy.spoil(
            kind,
            SHARES.get(kind, DEFAULT_SHARE),
            seed,
            MOST.get(kind, 0),
            rng.randrange(20, 150) if kind == "silent" else 0,
        )
    started = time.monotonic()
    first = running(words, notes, env)
    moment = rng.uniform(0.2, 0.9) * world.s3_seconds
    if kind == "kill on S3":
        code = first.kill_after(moment)
    elif kind.startswith("server"):
        first.process.join(moment)
        server.kill()
        if kind == "server killed":
            first.process.join(rng.uniform(0.5, 3))
            server.start()
        code = first.wait()
        if kind == "server gone":
            server.start()
    else:
        code = first.wait()
    seconds = time.monotonic() - started
    met = {"kill on S3": int(code == killed_commands.KILLED)}.get(
        kind, proxy.done if kind in Proxy.KINDS else 1
    )
    proxy.spoil("", 0, seed)
    started = time.monotonic()
    second = running(words, notes, env)
    again = second.wait()
    result = Result(code, met, seconds, time.monotonic() - started)
    copy = case / "copy"
    for info in files.list(root):
        path = copy / info.url.removeprefix("s3://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files.read(info.url))
    return judge(
        world, root, result, again, first.printed.read_text() + second.printed.read_text(), copy
    )


def prepare(folder: Path, on_s3: bool) -> World:
    """The world, with the store after day one and what a faultless second day makes of it."""
    world = World(folder)
    killed_commands.command(
        "--version", env=world.env
    )  # the server that processes are forked from takes some seconds to load
    code, printed, _ = killed_commands.run(
        world.words("one", f"{folder}/base"), world.env, folder / "notes", "/nowhere"
    )
    if code:
        raise SystemExit(f"day one ended with {code}:\n{printed}")
    shutil.copytree(folder / "base", folder / "clean")
    started = time.monotonic()
    code, printed, _ = killed_commands.run(
        world.words("two", f"{folder}/clean"), world.env, folder / "notes", "/nowhere"
    )
    world.seconds = time.monotonic() - started
    if code != 3:
        raise SystemExit(f"day two ended with {code}:\n{printed}")
    world.wanted = contents(Store.open(Files(), f"{folder}/clean"))
    if on_s3:
        world.server = Server(folder / "s3")
        world.proxy = Proxy(world.server.port)
        boto3.session.Session().client(
            "s3", endpoint_url=world.server.endpoint, region_name="us-east-1"
        ).create_bucket(Bucket=BUCKET)
        calm = s3_case(world, "no fault", 0)
        if calm.problems or calm.code != 3:
            raise SystemExit(f"the faultless run on S3: {calm}")
        world.s3_seconds = calm.seconds
    return world


def table(results: dict[str, list[Result]]) -> Iterator[str]:
    """The table's lines."""
    yield (
        "| fault | runs | faults met | ended well / failed / killed | longest | lost | doubled "
        "| "
        "other | leaked | wrong |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for kind, found in results.items():
        ends = [
            sum(r.code in (0, 3) for r in found),
            sum(r.code in (1, 2) for r in found),
            sum(r.code < 0 for r in found),
        ]
        longest = max(max(r.seconds, r.again_seconds) for r in found)
        sums = [
            sum(getattr(r, name) for r in found) for name in ("lost", "doubled", "other", "leaked")
        ]
        wrong = sum(bool(r.problems) for r in found)
        told = [
            kind,
            len(found),
            sum(r.met for r in found),
            " / ".join(map(str, ends)),
            f"{longest:.0f} s",
            *sums,
            wrong,
        ]
        yield "| " + " | ".join(map(str, told)) + " |"


def cases(
    world: World, kinds: list[str], seeds: range, say: Callable[[str], None]
) -> dict[str, list[Result]]:
    """Run each kind with each seed."""
    results: dict[str, list[Result]] = {}
    for kind in kinds:
        for seed in seeds:
            result = (s3_case if kind in S3_KINDS else disk_case)(world, kind, seed)
            results.setdefault(kind, []).append(result)
            say(
                f"{kind} {seed}: exit {result.code}, {result.met} met, {result.seconds:.0f} s; "
                f"again {result.again_seconds:.0f} s; "
                f"{'; '.join(result.problems) or 'as without'}"
            )
            if not result.problems:
                shutil.rmtree(world.folder / "cases" / f"{kind.replace(' ', '-')}-{seed}")
    return results


def say(text: str) -> None:
    """One line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    """Run what is asked for; returns the exit code."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--kinds", nargs="+", choices=[*S3_KINDS, *DISK_KINDS], default=[*S3_KINDS, *DISK_KINDS]
    )
    p.add_argument("--seeds", type=int, default=5, help="cases of each kind (default 5)")
    p.add_argument("--first-seed", type=int, default=1)
    p.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "build" / "faults",
        help="where everything is written (default: build/faults)",
    )
    args = p.parse_args()
    kinds = [k for k in args.kinds if k not in faulty_disks.NEED_MOUNT or faulty_disks.can_mount()]
    world = prepare(args.folder.resolve(), bool(set(kinds) & set(S3_KINDS)))
    try:
        found = cases(world, kinds, range(args.first_seed, args.first_seed + args.seeds), say)
    finally:
        if world.server:
            world.server.kill()
    print("\n".join(table(found)))
    for kind in set(args.kinds) - set(kinds):
        print(f"{kind}: not run, a small disk takes root to mount")
    wrong = [
        f"{kind}: {'; '.join(r.problems)}"
        for kind, results in found.items()
        for r in results
        if r.problems
    ]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
