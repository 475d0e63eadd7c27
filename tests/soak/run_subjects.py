"""The long bar: 200 people with aliases across 50,000 interactions and their versions; all found,
50 erased, nothing left, all else as before.

python tests/soak/run_subjects.py [people interactions erased]
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow.parquet as pq
from support.people_world import NOW, T0, Human, World, human, interaction, left_over, version

from callveil.pipelines.subject import erase_request
from callveil.transforms.report.verify.store import verify_evidence
from callveil.transforms.storage.commit.maintenance import unpurged_runs, verify_integrity
from callveil.transforms.storage.evidence.signing_keys import open_signer

OTHERS = 5_000
"""People who are nobody's concern: most calls are theirs."""


def truth(
    records: list[tuple[dict[str, Any], int, int | None]],
    versions: list[tuple[dict[str, Any], int]],
    who: int,
) -> set[tuple[str, str, str]]:
    """Records that are about a person: class, id, role."""
    own = {r["id"] for r, caller, _ in records if caller == who}
    out = {("interaction", r["id"], "contact") for r, caller, _ in records if caller == who}
    out |= {
        ("interaction", r["id"], "third_party")
        for r, caller, other in records
        if other == who and caller != who
    }
    return out | {
        ("version", v["version_id"], "contact")
        for v, about in versions
        if about == who or v["item_id"] in own
    }


def row_digests(world: World) -> dict[tuple[str, str], str]:
    """Digest of every row of interactions, findings and versions, by dataset and key."""
    out = {}
    keys = {"interactions": "id", "findings": "finding_id", "versions": "version_id"}
    for file in world.store.current().files:
        if file.dataset in keys:
            for row in pq.read_table(Path(world.output) / file.path).to_pylist():
                out[file.dataset, row[keys[file.dataset]]] = hashlib.sha256(
                    repr(sorted(row.items())).encode()
                ).hexdigest()[:16]
    return out


def main(people: int, calls: int, erased: int, folder: Path) -> int:
    """Run it; returns the number of failures."""
    rng = random.Random(99)
    world = World(folder / "world")
    humans = {n: human(n) for n in range(people + OTHERS)}
    records: list[tuple[dict[str, Any], int, int | None]] = []
    for n in range(calls):
        caller = rng.randrange(people) if rng.random() < 0.3 else people + rng.randrange(OTHERS)
        other = rng.randrange(people) if rng.random() < 0.03 else None
        record = interaction(
            rng,
            n,
            humans[caller],
            humans[other] if other is not None and other != caller else None,
            n % 40,
        )
        records.append(
            (record | {"called_at": (T0 + n * dt.timedelta(seconds=40)).isoformat()}, caller, other)
        )
    started = time.process_time()
    world.redact([r for r, _, _ in records])
    print(
        f"{calls:,} interactions redacted in {time.process_time() - started:.0f} s of CPU",
        flush=True,
    )
    versions: list[tuple[dict[str, Any], int]] = []
    for n in range(calls // 25):
        if n % 2:
            versions.append(
                (
                    version(
                        n,
                        ("Call", records[rng.randrange(calls)][0]["id"]),
                        {"status": ("a", "b")},
                        day=n % 20,
                    ),
                    -1,
                )
            )
        else:
            who = rng.randrange(people + OTHERS)
            versions.append(
                (
                    version(
                        n,
                        ("Contact", str(90_000 + n)),
                        {"phone": (humans[who].phones[0], humans[who].phones[1])},
                        day=n % 20,
                    ),
                    who,
                )
            )
    world.history([v for v, _ in versions])
    failures = _searched(world, humans, records, versions, people)
    before = row_digests(world)
    gone: set[tuple[str, str]] = set()
    changed: set[tuple[str, str]] = set()
    values: list[str] = []
    started = time.process_time()
    for who in range(erased):
        result = erase_request(world.options(2), f"P{who}")
        if result.certified is None or result.certified.residual_hits:
            failures += 1
            print(
                f"person {who}: the check found "
                f"{result.certified and result.certified.residual_hits}"
            )
        for kind, name, role in truth(records, versions, who):
            (gone if role == "contact" else changed).add((f"{kind}s", name))
        values += humans[who].values
    print(f"{erased} erased in {time.process_time() - started:.0f} s of CPU", flush=True)
    after = row_digests(world)
    lost = {k for k in before if k not in after and k[0] != "findings"}
    failures += _say("rows that went are exactly theirs", lost == gone)
    failures += _say(
        "no other row changed",
        all(after[k] == d for k, d in before.items() if k in after and k not in changed),
    )
    left = left_over(Path(world.output), values)
    for path, value in left[:5]:
        print(f"     {value[:3]}... in {path}")
    failures += _say("nothing legible of them is left", not left)
    failures += _say(
        "the store is whole and purged",
        verify_integrity(world.store) == [] and unpurged_runs(world.store) == [],
    )
    report = verify_evidence(world.files, world.output, [open_signer(world.keyring).public])
    failures += _say("the evidence verifies", list(report.problems) == [])
    again = world.redact([r for r, _, _ in records], as_of=NOW)
    failures += _say(
        "a replay brings nothing back",
        again.counts["tombstoned"] == len({k for k in gone if k[0] == "interactions"}),
    )
    return failures


def _searched(
    world: World, humans: dict[int, Human], records: Any, versions: Any, people: int
) -> int:
    """Search for everybody; recall and precision must both be 1."""
    found = expected = right = 0
    started = time.process_time()
    for who in range(people):
        h = humans[who]
        world.ask(
            "erasure",
            *h.phones,
            *h.emails,
            f"name:{h.name}|{h.postcode}|{h.street}",
            f"visitor:{h.visitor}",
            request_id=f"P{who}",
        )
        match = world.confirm_all(f"P{who}") if who % 4 == 0 else _once(world, f"P{who}")
        seen = {(m.record.record_class, m.record.record_id, m.role) for m in match.records}
        wanted = truth(records, versions, who)
        found, expected, right = (
            found + len(seen),
            expected + len(wanted),
            right + len(seen & wanted),
        )
    print(
        f"{people} searched in {time.process_time() - started:.0f} s of CPU: recall "
        f"{right / expected:.4f}, precision {right / found:.4f}",
        flush=True,
    )
    return int(right != expected) + int(right != found)


def _once(world: World, request_id: str) -> Any:
    from callveil.pipelines.subject import search_request

    return search_request(world.options(0.2), request_id)[0]


def _say(what: str, held: bool) -> int:
    print(f"{'ok  ' if held else 'FAIL'} {what}", flush=True)
    return int(not held)


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[1:4]] or [200, 50_000, 50]
    with tempfile.TemporaryDirectory() as place:
        sys.exit(main(*numbers, Path(place)))
