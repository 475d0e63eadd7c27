"""Digits said right after a place are its postcode: `364 west gardens, hobart, seven oh one four`.

The model knows places without any rule; what follows them in figures or words is told here by how
many digits it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from callveil.schemas.finding import TextSpan
from callveil.transforms.detect.known_values import WORD, strip_case_and_accents
from callveil.transforms.detect.spoken_digits import load_spoken_digits

DETECTOR = "beside_place"
SCORE = 0.55
PLACES = frozenset({"ADDRESS", "LOCATION"})
AHEAD = 80
"""Characters after a place that are looked at."""
SIZES = frozenset({4, 5, 9})
ENDS = re.compile(
    r"\s*(?:[.?!,;]|\Z|(?:is|right|correct|yes|yeah|okay|ok|and|my)\b)", re.IGNORECASE
)
"""What may follow a postcode; behind a quantity, a time or a street its noun would stand."""
GAP = re.compile(r"[\s,]*\Z")


def postcodes_after(text: str, spans: Iterable[TextSpan], language: str) -> Iterator[TextSpan]:
    """Yield spans of the postcodes that follow the places among `spans` in the same line."""
    spoken = load_spoken_digits(language)
    states = spoken.words.state_codes | spoken.words.sets["four_digit_states"]
    for edge in sorted({s.end for s in spans if s.entity in PLACES}):
        ahead = text[edge : edge + AHEAD].split("\n", 1)[0]
        matches = list(WORD.finditer(ahead))
        words = [strip_case_and_accents(m[0]) for m in matches]
        first = 1 if words and words[0] in states else 0
        gaps = [
            ahead[a:b]
            for a, b in zip(
                [0, *(m.end() for m in matches)],
                (m.start() for m in matches[: first + 1]),
                strict=False,
            )
        ]
        if len(words) <= first or not spoken.begins(words[first]) or not all(map(GAP.match, gaps)):
            continue
        digits, pieces, place = "", [], first
        while (
            place < len(words)
            and len(digits) < 10
            and (
                place == first
                or GAP.match(ahead[matches[place - 1].end() : matches[place].start()])
            )
        ):
            found = next(iter(spoken.readings(words, place)), None)
            if found is None:
                break
            digits, place = digits + found[0], place + found[1]
            pieces.append(found[0])
        start, end = matches[first].start(), matches[place - 1].end()
        if (
            len(digits) in SIZES
            and ENDS.match(ahead[end:])
            and not (len(digits) == 4 and _moment(pieces))
        ):
            yield TextSpan(edge + start, edge + end, "ZIP_CODE", SCORE, DETECTOR)


def _moment(pieces: list[str]) -> bool:
    """Tell whether four digits are a time of day or a year: `ten thirty`, `nineteen eighty`,
    `2024`.
    """
    if pieces[0] in ("19", "20") or (len(pieces) == 1 and pieces[0][:2] in ("19", "20")):
        return True
    return len(pieces) == 2 and int(pieces[0]) <= 24 and len(pieces[0]) == 2 and int(pieces[1]) < 60
