"""Single changes to a store, each by somebody who has every file but not the signing key."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from callveil.transforms.storage.commit.maintenance import KEEP_SNAPSHOTS
from callveil.transforms.storage.evidence.public_key import FileSigner
from callveil.transforms.storage.evidence.signed_record import SIGNATURE_FIELDS, sign_record
from callveil.transforms.storage.evidence.signing_keys import new_key_pem
from callveil.transforms.storage.format1.snapshot import is_table_metadata

UNCOVERED = ("live/objects/", "live/rejected/", "live/subjects/", "live/inboxes/", "live/unsealed/")


@dataclass(frozen=True)
class Mutation:
    """Change that was made to a store.

    Attributes:
        kind: byte, row, file, order, removal, key, folder or stub.
        named: texts of which a problem must hold one in its path or detail: the files that were
            changed.
        detail: a text one of these problems must hold, such as the number of the byte or row; empty
            where the file is all there is to name.
    """

    kind: str
    named: tuple[str, ...]
    detail: str = ""


def stored(root: Path) -> list[str]:
    """Paths of all files that evidence is about."""
    found = (
        str(p.relative_to(root))
        for p in root.rglob("*")
        if p.is_file() and not p.name.startswith(".callveil")
    )
    return sorted(p for p in found if not p.startswith(("_callveil/work/", *UNCOVERED)))


def byte(root: Path, rng: random.Random) -> Mutation:
    """One byte of one file becomes another."""
    path = rng.choice([p for p in stored(root) if (root / p).stat().st_size])
    data = bytearray((root / path).read_bytes())
    at = rng.randrange(len(data))
    data[at] ^= rng.randrange(1, 256)
    (root / path).write_bytes(data)
    return Mutation(
        "byte",
        (path,),
        ""
        if path.startswith(("_callveil/", "live/")) or is_table_metadata(path)
        else f"byte {at} ",
    )


def _tables(root: Path) -> list[str]:
    return [p for p in stored(root) if p.endswith(".parquet")]


def _write(root: Path, path: str, table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    (root / path).write_bytes(sink.getvalue())


def row(root: Path, rng: random.Random) -> Mutation:
    """One row is changed, taken out, put in twice, or exchanged with another; the file is a good
    Parquet file afterwards.
    """
    path = rng.choice(_tables(root))
    table = pq.read_table(root / path, partitioning=None)
    n = rng.randrange(table.num_rows)
    what = rng.choice(["change", "drop", "double", "swap"])
    rows = table.to_pylist()
    if what == "change" or table.num_rows == 1:
        name = rng.choice(
            [f.name for f in table.schema if f.type == pa.string() and rows[n][f.name]]
        )
        rows[n][name] += "x"
        named = f"row {n} was changed"
    elif what == "drop":
        gone = rows.pop(n)
        named = "taken out" if gone in rows else f"row {n} was taken out"
    elif what == "double":
        rows.insert(n, dict(rows[n]))
        named = "was put in"  # of two equal rows either may be the one
    else:
        other = rng.choice([m for m in range(len(rows)) if rows[m] != rows[n]] or [n])
        if other == n:
            return row(root, rng)
        rows[n], rows[other] = rows[other], rows[n]
        named = f"rows {min(n, other)} and {max(n, other)} were exchanged"
    _write(root, path, pa.Table.from_pylist(rows, schema=table.schema))
    return Mutation("row", (path,), named)


def file(root: Path, rng: random.Random) -> Mutation:
    """A file is put in, copied over another, cut off, lengthened, or emptied."""
    paths = stored(root)
    what = rng.choice(["stray", "copy", "cut", "longer", "empty"])
    path = rng.choice([p for p in paths if (root / p).stat().st_size > 1])
    if what == "stray":
        other = str(Path(path).with_name(f"{rng.randbytes(8).hex()}-{Path(path).name[-12:]}"))
        (root / other).write_bytes((root / path).read_bytes())
        return Mutation("file", (other,))
    data = (root / path).read_bytes()
    if what == "copy":
        sources = [p for p in paths if (root / p).read_bytes() != data]
        new = (root / rng.choice(sources)).read_bytes()
    else:
        new = {
            "cut": data[: rng.randrange(1, len(data))],
            "longer": data + rng.randbytes(rng.randrange(1, 100)),
            "empty": b"",
        }[what]
    (root / path).write_bytes(new)
    return Mutation("file", (path,))


def order(root: Path, rng: random.Random) -> Mutation:
    """Two files of one kind take each other's place."""
    folders: dict[str, list[str]] = {}
    for path in stored(root):
        folders.setdefault(
            "/".join(path.split("/")[: 2 if path.startswith("_callveil") else 1])
            + Path(path).suffix,
            [],
        ).append(path)
    while True:
        pair = folders[rng.choice(sorted(f for f, p in folders.items() if len(p) > 1))]
        one, other = rng.sample(pair, 2)
        a, b = (root / one).read_bytes(), (root / other).read_bytes()
        if a != b:
            break
    (root / one).write_bytes(b)
    (root / other).write_bytes(a)
    return Mutation("order", (one, other))


def removal(root: Path, rng: random.Random) -> Mutation:
    """A file is taken out; not a snapshot that is old enough to be collected."""
    old = sorted(p for p in stored(root) if p.startswith("_callveil/snapshots/"))[:-KEEP_SNAPSHOTS]
    path = rng.choice([p for p in stored(root) if p not in old])
    if path.startswith("_callveil/salts/"):
        named = tuple(orjson.loads((root / path).read_bytes()))
    else:
        named = (path,)
    (root / path).unlink()
    return Mutation("removal", named)


def key(root: Path, rng: random.Random) -> Mutation:
    """A record is changed and signed anew with another key: under its own id, under the id of the
    true key, or with the true key pasted in.
    """
    chains = ("_callveil/evidence/", "_callveil/purged/", "_callveil/seals/")
    path = rng.choice([p for p in stored(root) if p.startswith(chains) and p.endswith(".json")])
    record = orjson.loads((root / path).read_bytes())
    body = {k: v for k, v in record.items() if k not in SIGNATURE_FIELDS}
    if rng.random() < 0.5:
        body["as_of"] = "2020-01-01T00:00:00+00:00"
    forged = orjson.loads(sign_record(body, FileSigner.of(new_key_pem(), "forger"), []))
    disguise = rng.choice(["none", "id", "key", "signature"])
    if disguise in ("id", "key"):
        forged["signer"] = record["signer"]
    if disguise == "key":
        forged["public_key"] = record["public_key"]
    if disguise == "signature":
        forged["signature"] = base64.b64encode(hashlib.sha512(path.encode()).digest()).decode()
    data = orjson.dumps(
        forged, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )
    (root / path).write_bytes(data)
    return Mutation("key", (path,))


def _calls(root: Path) -> list[Path]:
    return sorted(p.parent for p in (root / "live/calls").rglob("record.json"))


def folder(root: Path, rng: random.Random) -> Mutation:
    """A call's folder in the live zone is taken out, put in under another id, put in the place of
    another, or exchanged with it.
    """
    one, other = rng.sample(_calls(root), 2)
    what = rng.choice(["remove", "plant", "copy", "swap"])
    if what == "plant":
        other = one.with_name(str(rng.randrange(10**9)))
        shutil.copytree(one, other)
    elif what == "remove":
        shutil.rmtree(one)
    else:
        aside = one.with_name("aside")
        shutil.move(one, aside)
        if what == "swap":
            shutil.move(other, one)
        else:
            shutil.copytree(other, one)
            shutil.rmtree(aside)
        if what == "swap":
            shutil.move(aside, other)
    changed = (other,) if what == "plant" else (one, other) if what == "swap" else (one,)
    return Mutation(
        "folder", tuple(f"{f.relative_to(root)}/{n}" for f in changed for n in _names(root, f))
    )


def _names(root: Path, call: Path) -> set[str]:
    """Names that may be said of a call's folder: of its parts, and of the files it has now."""
    return {"record", "audio", "record.json", "audio.json"} | {p.name for p in call.glob("*")}


def stub(root: Path, rng: random.Random) -> Mutation:
    """A part goes, and its receipt says that it has expired, was erased or was rejected; or an
    older state of it comes back.
    """
    paths = [f / f"{w}.json" for f in _calls(root) for w in ("record", "audio")]
    path = rng.choice([p for p in paths if orjson.loads(p.read_bytes())["status"] == "done"])
    receipt = orjson.loads(path.read_bytes())
    what = rng.choice(["expired", "erased", "rejected", "older"])
    if what == "older":
        path.write_bytes(orjson.dumps(receipt | {"landed_at": receipt["landed_at"] - 1}))
    else:
        (path.parent / receipt["file"]).unlink()
        for proof in path.parent.glob(f"{path.stem}.proof.*"):
            proof.unlink()
        path.write_bytes(
            orjson.dumps(receipt | {"status": what, "file": "", "reason": what, "rank": 2**63 - 1})
        )
    return Mutation("stub", tuple(str(p.relative_to(root)) for p in (path, path.with_suffix(""))))


MUTATIONS: tuple[Callable[[Path, random.Random], Mutation], ...] = (
    byte,
    row,
    file,
    order,
    removal,
    key,
    folder,
    stub,
)
