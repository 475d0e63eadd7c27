"""A leak scanner: everything a run wrote, searched for every value that was planted in its input.

Two readings are made of each file below the folders given: its bytes as they are (with JSON, gzip,
zstd and Parquet's pages unpacked, so that compression hides nothing), and for Parquet the decoded
values per interaction, footer metadata and statistics. Two kinds of values are searched for:

- *global*: forms of numbers, e-mails and cards that nobody but their owner has; no file may hold
  one anywhere. Numbers are compared by their digits as well, so that other spacing hides nothing.
- *own*: names, streets, postcodes and other words, which may well stand in another person's record;
  only rows of their own interaction are searched.

Sealed files (`rejected_content`) are searched as bytes like all others: they are encrypted, so
nothing may be found there either.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import zstandard

GLOBAL_TYPES = frozenset({"CREDIT_CARD", "US_SSN", "PHONE_NUMBER", "EMAIL_ADDRESS"})
"""Types none of whose forms may stand in any file."""
KNOWN_KEYS = re.compile(r"caller\.(name|phone\d*|email\d*|street|zip)$")
"""Values the record itself names as the contact's own."""
KEPT = re.compile(
    r"(account_id|id|interaction_id|(tracking|business)_number.*|field_path|detector|redacted_fields)$"
)
"""Columns that hold the accounts' own numbers and keys, parts of a contact's number may stand there
by chance, and columns of callveil's own words, one of which may be a contact's name (`field`,
`street`).
"""
MIN_CHARS = 5
"""Shorter forms stand in innocent text too often to be told from chance."""
MIN_DIGITS = 9
"""Digits of a number that are compared without their spacing."""
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_ONE = (
    "zero oh o nought one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty "
    "thirty forty fifty sixty seventy eighty ninety hundred"
)
_SAID = dict.fromkeys(_ONE.split(), 1) | dict.fromkeys(_TENS.split(), 2) | {"thousand": 3}
PIECE = 1 << 20
"""Bytes searched at once."""
APART = "\n\0\n"
"""Stands between values, so that no form is seen across two of them."""


@dataclass(frozen=True, order=True)
class Hit:
    """A planted value that was found. `text` is generated, but it is what must not be told: do not
    print it where real data was scanned.

    Attributes:
        path: file.
        where: `bytes`, `footer`, or the column.
        type, key: of the value.
        account_id, id: its interaction; empty where several own it.
        text: the form that was found.
    """

    path: str
    where: str
    type: str
    key: str
    account_id: str
    id: str
    text: str

    @property
    def forbidden(self) -> bool:
        """Tell whether the value is one of those no run may leave readable: card, SSN, phone,
        e-mail, or the contact's own known values.
        """
        return self.type in GLOBAL_TYPES or KNOWN_KEYS.match(self.key) is not None


@dataclass
class Planted:
    """Planted values, arranged for searching.

    Attributes:
        everywhere: form (folded) to what it is; searched for in all bytes.
        digits: runs of digits of numbers to what they are.
        own: interaction to forms (folded) of its own values.
    """

    everywhere: dict[str, tuple[str, str]] = field(default_factory=dict)
    digits: dict[str, tuple[str, str]] = field(default_factory=dict)
    own: dict[tuple[str, str], dict[str, tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    finder: Finder | None = None

    @classmethod
    def of(cls, gold: Iterable[dict[str, Any]], innocent: Container[str] = frozenset()) -> Planted:
        """From rows of `gold.jsonl`; `innocent` are digits the store keeps: the accounts' own
        numbers, and ids, which may look like numbers.
        """
        out = cls()
        for row in gold:
            key = (row["account_id"], row["id"])
            for value in row["values"]:
                if not value["sensitive"]:
                    continue
                if (
                    value["type"] == "PHONE_NUMBER"
                    and re.sub(r"\D", "", value["value"]) in innocent
                ):
                    # numbers set aside for fiction are few: by chance this one is an account's own
                    # as well, however it is said
                    continue
                what = (value["type"], value["key"])
                for text in (value["value"], *value["forms"]):
                    form = fold(text)
                    if len(form) < MIN_CHARS:
                        continue
                    digits = re.sub(r"\D", "", text)
                    is_number = bool(re.fullmatch(r"[\d\s().+\-/x]+", text))
                    if digits and is_number and digits in innocent:
                        continue
                    if value["type"] in GLOBAL_TYPES and (
                        value["type"] == "EMAIL_ADDRESS" or spoken_digits(form) >= MIN_DIGITS
                    ):
                        out.everywhere.setdefault(form, what)
                        tail = (
                            digits[-max(MIN_DIGITS, min(len(digits), 10)) :]
                            if value["type"] == "PHONE_NUMBER"
                            else digits
                        )
                        if is_number and tail not in innocent:
                            out.digits.setdefault(tail, what)
                    out.own[key].setdefault(form, what)
        out.finder = Finder(out.everywhere)
        return out


class Finder:
    """Finds any of many strings in a text in one pass: a table of the forms' first five bytes, then
    a look at those places alone.

    Args:
        forms: strings of at least `MIN_CHARS` characters.
    """

    BITS = 24

    def __init__(self, forms: Iterable[str]) -> None:
        self.forms = {form.encode() for form in forms}
        self.lengths: dict[bytes, set[int]] = defaultdict(set)
        for form in self.forms:
            self.lengths[form[:MIN_CHARS]].add(len(form))
        self.table = np.zeros(1 << self.BITS, dtype=bool)
        if self.forms:
            self.table[
                self._hashed(
                    np.frombuffer(b"".join(sorted(self.lengths)), np.uint8).reshape(-1, MIN_CHARS).T
                )
            ] = True

    def _hashed(self, columns: Any) -> Any:
        gram = np.zeros(columns[0].shape, np.uint64)
        for column in columns:
            gram = (gram << np.uint64(8)) | column.astype(np.uint64)
        return (gram * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - self.BITS)

    def find(self, text: str) -> set[str]:
        """The forms that stand anywhere in `text`."""
        data = text.encode("utf-8", "replace")
        found: set[str] = set()
        for start in range(0, max(len(data) - MIN_CHARS + 1, 0), PIECE):
            piece = np.frombuffer(
                data, np.uint8, min(PIECE + MIN_CHARS - 1, len(data) - start), start
            )
            grams = self._hashed(
                [piece[i : len(piece) - MIN_CHARS + 1 + i] for i in range(MIN_CHARS)]
            )
            for place in np.flatnonzero(self.table[grams]):
                at = start + int(place)
                for length in self.lengths.get(data[at : at + MIN_CHARS], ()):
                    if data[at : at + length] in self.forms:
                        found.add(data[at : at + length].decode())
        return found


def kept_digits(day: Path, gold: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Digits that the store keeps and that may look like a planted number: the accounts' own
    numbers, and interactions' ids.
    """
    found = {row["id"] for row in gold}
    for line in (day / "accounts.jsonl").read_bytes().splitlines():
        found.update(re.sub(r"\D", "", n) for n in orjson.loads(line)["numbers"])
    # A number is also written the way its own country dials it: with a leading zero for the country
    # code.
    tails = {f[-n:] for f in found for n in (MIN_DIGITS, 10)}
    return frozenset(found | tails | {"0" + tail for tail in tails})


def spoken_digits(form: str) -> int:
    """About how many digits a form of a number says, in figures or words. Parts of a number, such
    as `nine nine`, are nobody's own.
    """
    count, times = 0, 1
    for word in re.findall(r"\d+|[a-z]+", form):
        if word in _TIMES:
            times = _TIMES[word]
            continue
        count += times * (len(word) if word.isdigit() else _SAID.get(word, 0))
        times = 1
    return count


def fold(text: str) -> str:
    """Case folded, white space as single spaces."""
    return " ".join(text.casefold().split())


def scan(root: Path, planted: Planted, tell: Callable[[str], None] | None = None) -> list[Hit]:
    """Search every file below a folder, whose name is told to `tell` before. Returns what was
    found, sorted, each once.
    """
    hits: set[Hit] = set()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = str(path.relative_to(root))
        if tell:
            tell(name)
        hits.update(_in_text(name, "name", name, planted))
        for where, data in unpacked(path):
            hits.update(_in_text(name, where, data.decode("utf-8", "replace"), planted))
        if path.suffix == ".parquet":
            hits.update(_in_rows(name, path, planted))
    return sorted(hits)


def scan_text(name: str, text: str, planted: Planted) -> list[Hit]:
    """Search what a run printed or logged."""
    return sorted(set(_in_text(name, "text", text, planted)))


def unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    """A file's bytes, and what they unpack to."""
    data = path.read_bytes()
    yield "bytes", data
    if path.suffix == ".zst":
        yield (
            "unpacked",
            zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read(),
        )
    if path.suffix == ".gz":
        yield "unpacked", gzip.decompress(data)
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        yield "footer", repr(footer(file)).encode()
        for batch in file.iter_batches():
            for column in batch.schema.names:
                values = [plain(v) for v in batch.column(column).to_pylist() if v is not None]
                yield column, APART.join(values).encode("utf-8", "replace")


def footer(file: Any) -> list[Any]:
    """Return what a Parquet footer says: schema, key-value metadata, and each column chunk's
    statistics.
    """
    said: list[Any] = [
        str(file.schema_arrow),
        file.schema_arrow.metadata,
        file.metadata.metadata,
        file.metadata.created_by,
    ]
    for n in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(n)
        for c in range(group.num_columns):
            statistics = group.column(c).statistics
            said.append(
                (group.column(c).path_in_schema, statistics.to_dict() if statistics else None)
            )
    return said


def plain(value: Any) -> str:
    """A value as text, JSON texts opened, so that escapes hide nothing."""
    if isinstance(value, str):
        if value[:1] in ('"', "[", "{"):
            try:
                return value + "\n" + plain(orjson.loads(value))
            except ValueError:
                pass
        return value
    if isinstance(value, dict):
        return "\n".join(f"{plain(k)}\n{plain(v)}" for k, v in value.items() if v is not None)
    if isinstance(value, list | tuple):
        return "\n".join(plain(v) for v in value if v is not None)
    return str(value)


_RUN = re.compile(r"(?<![\w])\+?\d[\d\s().\-/]{6,40}\d(?!\w)")
_WORDS = re.compile(r"[^\s]+")


def _in_text(path: str, where: str, text: str, planted: Planted) -> Iterator[Hit]:
    folded = fold(text)
    for form in planted.finder.find(folded) if planted.finder else ():
        if form.isdigit() and not re.search(rf"(?<![0-9a-f]){form}(?![0-9a-f])", folded):
            continue  # within another number, or a digest
        yield Hit(path, where, *planted.everywhere[form], "", "", form)
    for run in _RUN.findall(text):
        digits = re.sub(r"\D", "", run)
        for wanted in (
            {digits, digits[-10:], digits[-9:]} if len(digits) >= MIN_DIGITS else set()
        ) & planted.digits.keys():
            kind, key = planted.digits[wanted]
            yield Hit(path, where, kind, key, "", "", run)


def _in_rows(name: str, path: Path, planted: Planted) -> Iterator[Hit]:
    """Search rows of an interaction for its own values."""
    for batch in pq.ParquetFile(path).iter_batches():
        for row in batch.to_pylist():
            key = (str(row.get("account_id")), str(row.get("interaction_id") or row.get("id")))
            forms = planted.own.get(key)
            if not forms:
                continue
            texts = {
                c: fold(plain(v)) for c, v in row.items() if v is not None and not KEPT.match(c)
            }
            whole = APART.join(texts.values())
            for form, (kind, entity) in forms.items():
                if form not in whole:
                    continue
                for column, text in texts.items():
                    if _stands_in(form, text):
                        yield Hit(name, column, kind, entity, *key, form)


def _stands_in(form: str, text: str) -> bool:
    """Tell whether a form stands in a text as words of its own."""
    start = text.find(form)
    while start >= 0:
        before, after = (
            text[max(start - 1, 0) : start],
            text[start + len(form) : start + len(form) + 1],
        )
        if not (before.isalnum() and form[0].isalnum()) and not (
            after.isalnum() and form[-1].isalnum()
        ):
            return True
        start = text.find(form, start + 1)
    return False
