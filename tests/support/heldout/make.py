"""Make the held-out sets: `python -m support.heldout.make FOLDER` from tests/ writes them; the same
seed gives the same lines.

Carriers, people and manners of speaking are cut in two by a seed: half of the manners stay in both
halves, a quarter in each alone. Half A is for work on the rules. Half B is looked at as figures
only, so that they say how the rules do on lines nobody tuned them to. Every value and every person
is generated.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .noise import MAILS_NOISY, NOISY, TURN, spelled_badly
from .people import FIRST, LAST, MAILS, person
from .speak import Pieces

SEED = 20261124
LINES = 160
TYPES = {
    "name": "PERSON",
    "birth": "DATE_OF_BIRTH",
    "postcode": "ZIP",
    "card": "CREDIT_CARD",
    "phone": "PHONE",
    "email": "EMAIL",
    "ssn": "SSN",
}
MANNERS: dict[str, dict[str, Any]] = {**NOISY, "email": MAILS | MAILS_NOISY, "name": {"": None}}
PARTICLES = ["van der", "de la", "van", "von", "di", "mac", "saint", "o", "el", "bin"]
AGENT = ["okay", "mm-hm", "yes", "right", "got it", "go on", "uh huh"]
HERE = Path(__file__).parent


def halves(items: list[str], rng: random.Random) -> tuple[list[str], list[str]]:
    """Two halves by chance."""
    order = rng.sample(items, len(items))
    return order[: len(order) // 2], order[len(order) // 2 :]


def manner_halves(items: list[str], rng: random.Random) -> tuple[list[str], list[str]]:
    """Half of the manners in both, a quarter in each alone."""
    order = rng.sample(items, len(items))
    quarter = len(order) // 4
    return order[quarter:], order[: len(order) - quarter]


def styled(pieces: Pieces, style: str, name: bool) -> Pieces:
    """The pieces as a recogniser of this style writes them: `plain` has no punctuation and no
    capitals, `bare` no capitals, `full` both.
    """
    out = []
    for text, value in pieces:
        spoken = value and not name
        if style == "plain":
            text = (
                text
                if spoken
                else text.replace("?", "").replace("!", "").replace(".", "")
                if not value
                else text
            )
            text = text.replace(",", "") if not (value and "@" in text) else text
        if style != "full" and not (value and name and text.isupper()):
            text = text.lower() if not value or name else text if text.isupper() else text.lower()
        if style == "full" and value and name and text.isalpha():
            text = text.title()
        out.append((text, value))
    return out


def joined(pieces: Pieces) -> tuple[str, list[tuple[int, int]]]:
    """One text and where the values are in it, in characters."""
    text, spans = "", []
    for piece, value in pieces:
        if not piece.strip():
            continue
        if text and piece[0] not in ",.?!" and not text.endswith(" "):
            text += " "
        start = len(text)
        text += piece.strip()
        if value:
            end = len(text)
            while not text[end - 1].isalnum():
                end -= 1
            start = next(i for i in range(start, end) if text[i].isalnum() or text[i] in "+(")
            spans.append((start, end))
    return text, spans


def answer(carrier: str, fill: dict[str, Pieces]) -> Pieces:
    """The carrier's words with the values put in."""
    out: Pieces = []
    while "{" in carrier:
        head, _, rest = carrier.partition("{")
        slot, _, carrier = rest.partition("}")
        out += [(head.strip(), False), *fill[slot]]
    return [*out, (carrier.strip(), False)]


def _fill(
    kind: str, manner: str, rng: random.Random, firsts: list[str], lasts: list[str]
) -> dict[str, Pieces]:
    who, other = person(rng, firsts, lasts), person(rng, firsts, lasts)
    if kind == "name":
        fill: dict[str, Pieces] = {slot: [(text, True)] for slot, text in who.items()}
        fill["firstletter"] = [(who["firstletter"], False)]
        fill["v"], fill["v2"] = ([(p["first"], True), (p["last"], True)] for p in (who, other))
        fill["firstbadly"], fill["lastbadly"] = (
            [(spelled_badly(rng, "".join(filter(str.isalpha, who[p]))), True)]
            for p in ("first", "last")
        )
        fill["particle"], fill["double"] = (
            [(f"{rng.choice(PARTICLES)} {who['last']}", True)],
            [(f"{who['last']}-{other['last']}", True)],
        )
        fill["firstletter2"], fill["lastletter"] = (
            [(other["first"][0], True)],
            [(who["last"][0], False)],
        )
        return fill | {"first2": [(other["first"], True)]}
    if kind == "email":
        return {"v": MANNERS[kind][manner](rng, who)}
    return {"v": MANNERS[kind][manner](rng)}


def lines(kind: str, half: int, count: int = LINES) -> Iterator[dict[str, Any]]:
    """Labelled conversations of one kind: half 0 is A, half 1 is B."""
    split = random.Random(f"{SEED} {kind}")
    carriers = halves((HERE / "carriers" / f"{kind}.txt").read_text("utf-8").splitlines(), split)[
        half
    ]
    manners = manner_halves(list(MANNERS[kind]), split)[half]
    firsts, lasts = halves(FIRST, split)[half], halves(LAST, split)[half]
    rng = random.Random(f"{SEED} {kind} {half}")
    for number in range(count):
        question, _, reply = carriers[number % len(carriers)].rpartition(" | ")
        manner = manners[number % len(manners)] if number < len(manners) else rng.choice(manners)
        style = rng.choice(["plain"] * 6 + ["bare", "full", "full", "full"])
        turns, found = [], []
        if question:
            turns.append(
                {"speaker": "agent", "text": joined(styled([(question, False)], style, False))[0]}
            )
        pieces = styled(
            answer(reply, _fill(kind, manner, rng, firsts, lasts)), style, kind == "name"
        )
        while pieces:
            end = pieces.index(TURN) if TURN in pieces else len(pieces)
            text, spans = joined(pieces[:end])
            found += [
                {"turn": len(turns), "start": s, "end": e, "type": TYPES[kind], "text": text[s:e]}
                for s, e in spans
            ]
            turns.append({"speaker": "customer", "text": text})
            if pieces := pieces[end + 1 :]:
                turns.append({"speaker": "agent", "text": rng.choice(AGENT)})
        yield {
            "id": f"{kind}-{'ab'[half]}-{number}",
            "source": "generated",
            "turns": turns,
            "metadata": {"manner": manner, "generated": True},
            "spans": found,
        }


def write(folder: Path) -> None:
    """Write `a-KIND.jsonl` and `b-KIND.jsonl` for every kind."""
    for kind in TYPES:
        for half in (0, 1):
            rows = [json.dumps(row, ensure_ascii=False) for row in lines(kind, half)]
            (folder / f"{'ab'[half]}-{kind}.jsonl").write_text("\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
