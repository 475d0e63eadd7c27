"""Labelled conversations: how they are held, and how they are read from JSON lines.

A file of JSON lines holds one conversation a line, `{"id", "turns":[{"speaker","text"}],
"spans":[{"turn","start","end","type"}], "metadata":{"complete_types":[...]}}`. A type missing from
`complete_types` (or all, where that is missing) is labelled in places only, so a word that may well
be a name and has no label there is *unknown*, neither a name nor its absence; the trainer gives no
gradient for it. Where capitals tell nothing, the lists of English words and of names say which
words may be one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from callveil.schemas.errors import UserError
from callveil.transforms.detect.lang import strip_accents
from callveil.transforms.detect.lexicon import EVERYWHERE, load_lexicon
from callveil.transforms.detect.recognizers.evidence import THING, is_common_word, word_kind

UNKNOWN = ""
"""Label of a stretch whose type nobody stated."""
PERSON_OR_ORG = "PERSON_OR_ORG"
"""A provider's name in dialogues about appointments: a doctor in one, a barber shop in the next."""
PUBLIC_PERSON = "PUBLIC_PERSON"

TYPES: dict[str, str] = {
    "PERSON": "PERSON",
    "NAME": "PERSON",
    "PUBLIC_PERSON": PUBLIC_PERSON,
    "PERSON_OR_ORG": PERSON_OR_ORG,
    "LOCATION": "LOCATION",
    "GPE": "LOCATION",
    "ADDRESS": "ADDRESS",
    "STREET_ADDRESS": "ADDRESS",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
}
"""Types of a file that teach something here; all others are left to pattern recognizers and are no
names.
"""
_NO_NAME = "NO_NAME"
_MAY_HOLD_NAMES = frozenset(("EMAIL", "PASSWORD", "USERNAME"))
"""Types of whose words one may be a name: these say of none that it is not."""

_WORD = re.compile(r"[^\W\d_][\w'’]*")
_NOT_NAMES = frozenset(
    [
        "i",
        "i'm",
        "i'd",
        "i'll",
        "i've",
        "ok",
        "okay",
        "am",
        "pm",
        "tv",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "american",
        "italian",
        "mexican",
        "chinese",
        "japanese",
        "indian",
        "thai",
        "french",
        "english",
        "spanish",
        "german",
        "korean",
        "vietnamese",
        "mediterranean",
        "asian",
    ]
)
_SENTENCE_END = re.compile(r"[.?!:;\"“(\n]\s*$")


class CorpusError(UserError, ValueError):
    """A corpus file cannot be used. The text names file, line and field, and quotes nothing of the
    content.
    """


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled stretch of a turn, half-open, in code points. `label` is a type of `TYPES`'
    values, or `UNKNOWN`.
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class LabeledUtterance:
    """One turn's text with its marks, in order and not overlapping."""

    text: str
    marks: tuple[Mark, ...] = ()
    agent: bool = False


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation, or a lone text as one utterance.

    Attributes:
        turns: in order.
        source: where it came from, for counts; never a person's name.
        spoken: without capitals, as most recognisers write and some people do.
    """

    turns: tuple[LabeledUtterance, ...]
    source: str = ""
    spoken: bool = False


def build_utterance(
    parts: Iterable[str | tuple[str, str]], agent: bool = False
) -> LabeledUtterance:
    """Return an utterance from plain strings and `(text, label)` pairs, joined as they stand."""
    text, marks = "", []
    for part in parts:
        piece, label = (part, None) if isinstance(part, str) else part
        if label is not None and piece:
            marks.append(Mark(len(text), len(text) + len(piece), label))
        text += piece
    return LabeledUtterance(text, tuple(marks), agent)


def _fail(path: Path, line: int, detail: str) -> CorpusError:
    return CorpusError(
        f"{path}, line {line}: {detail}. Labelled files are JSON lines of "
        '{"id", "turns":[{"speaker","text"}], "spans":[{"turn","start","end","type"}]}; write each '
        "conversation on one line of its own."
    )


def _talk(row: Any, path: Path, line: int) -> tuple[Talk, frozenset[str]]:
    if (
        not isinstance(row, dict)
        or not isinstance(row.get("turns"), list)
        or not isinstance(row.get("spans", []), list)
    ):
        raise _fail(path, line, "`turns` or `spans` is missing or is not an array")
    texts: list[tuple[str, bool]] = []
    for i, turn in enumerate(row["turns"]):
        if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
            raise _fail(path, line, f"turns[{i}].text is missing or is not a string")
        texts.append((turn["text"], turn.get("speaker") == "agent"))
    marks: list[list[Mark]] = [[] for _ in texts]
    for i, span in enumerate(row.get("spans", [])):
        try:
            turn, start, end, kind = (
                int(span["turn"]),
                int(span["start"]),
                int(span["end"]),
                str(span["type"]),
            )
        except (KeyError, TypeError, ValueError):
            raise _fail(
                path,
                line,
                f"spans[{i}] lacks one of turn, start, end, type, or one is of the wrong type",
            ) from None
        if not 0 <= turn < len(texts) or not 0 <= start < end <= len(texts[turn][0]):
            raise _fail(
                path,
                line,
                f"spans[{i}] lies outside its turn; offsets are code points in that turn's text, "
                "end exclusive",
            )
        label = TYPES.get(kind, _NO_NAME)
        if kind not in _MAY_HOLD_NAMES:
            marks[turn].append(Mark(start, end, UNKNOWN if span.get("weak") else label))
    metadata = row.get("metadata") or {}
    stated = metadata.get("complete_types", []) if isinstance(metadata, dict) else None
    if not isinstance(stated, list):
        raise _fail(
            path,
            line,
            "`metadata` is not an object, or its `complete_types` is not an array of types",
        )
    complete = frozenset(TYPES.get(str(t), str(t)) for t in stated)
    turns = tuple(
        LabeledUtterance(text, _apart(found), agent)
        for (text, agent), found in zip(texts, marks, strict=True)
    )
    spoken = not any(c.isupper() for text, _ in texts for c in text)
    return Talk(turns, str(row.get("source") or path.stem), spoken), complete


def _apart(marks: list[Mark]) -> tuple[Mark, ...]:
    """Return marks in order, the longer one kept where two overlap."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda m: (m.start - m.end, m.start)):
        if all(mark.end <= k.start or mark.start >= k.end for k in kept):
            kept.append(mark)
    return tuple(sorted(kept, key=lambda m: m.start))


def read_corpus(path: Path) -> list[Talk]:
    """Read one labelled file.

    Returns: its conversations in file order, with unknown stretches marked wherever a type is not
        labelled in full.
    Raises:
        CorpusError: a line is not of the form above; the file is refused as a whole, since half a
            corpus trains another model.
        OSError: the file cannot be read.
    """
    rows: list[tuple[Talk, frozenset[str]]] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                raise _fail(path, number, "not valid JSON") from None
            rows.append(_talk(row, path, number))
    proper = proper_words(t for t, _ in rows)
    usual = usual_words([t for t, _ in rows if t.spoken])
    partly = {
        True: lambda talk: mark_unlisted(talk, usual),
        False: lambda talk: mark_unknown(talk, proper),
    }
    return [
        _names_only(talk if {"PERSON", "LOCATION"} <= complete else partly[talk.spoken](talk))
        for talk, complete in rows
    ]


def _names_only(talk: Talk) -> Talk:
    """Return the conversation without the marks that only kept words from being unknown."""
    return replace(
        talk,
        turns=tuple(
            replace(u, marks=tuple(m for m in u.marks if m.label != _NO_NAME)) for u in talk.turns
        ),
    )


def proper_words(talks: Iterable[Talk]) -> frozenset[str]:
    """Return words that are nearly always written with a capital inside a sentence: names, going by
    the corpus' own habit.
    """
    capital: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for talk in talks:
        for turn in talk.turns:
            for word, start in _words(turn.text):
                if word[0].islower():
                    lower[word] += 1
                elif not _begins_sentence(turn.text, start):
                    capital[word.lower()] += 1
    return frozenset(w for w, n in capital.items() if n > 2 * lower[w] and w not in _NOT_NAMES)


_ORGANIZATION = re.compile(
    r"(?:[A-Z][\w'’.-]*|&|and|of|the|'s)(?: (?:[A-Z][\w'’.-]*|&|and|of|the|'[Ss]))* "
    r"(?:Hotel|Inn|Lodge|Resort|Hostel|Suites|Restaurant|Cafe|Café|Grill|Bistro|Brasserie|Kitchen|Pizzeria|Steakhouse|Diner|Tavern|Apartments|Salon|Spa|"
    r"Clinic|Bank|Airlines|Dental|College|Sushi|BBQ|Tandoori|Taqueria|Bakery|Deli|Barber Shop|Hair "
    r"Studio|Bar|Pub|House Of Pancakes)\b"
)
_VENUE = re.compile(
    r"[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*)* "
    r"(?:Theater|Theatre|Park|Station|Stadium|Museum|Airport|Arena|Hall|Gardens?|Beach|Winery|Aquarium|Zoo)\b"
)


def _venues(text: str) -> Iterator[Mark]:
    """Yield businesses and places that end in a word that says so. Corpora of service dialogues
    leave them unlabelled.
    """
    for pattern, label in ((_ORGANIZATION, "ORGANIZATION"), (_VENUE, "LOCATION")):
        for match in pattern.finditer(text):
            start = (
                match.start()
                + len(match.group())
                - len(
                    re.sub(
                        r"^(?:(?:The|the|and|of|&|'s|[A-Z][a-z]+ing|How|What|There|Is|I|Try|At|In|A|An) )+",  # noqa: E501
                        "",
                        match.group(),
                    )
                )
            )
            if match.end() - start > len(match.group().split()[-1]):
                yield Mark(start, match.end(), label)


def mark_unknown(talk: Talk, proper: frozenset[str]) -> Talk:
    """Return the conversation with unlabelled words that look like names marked unknown.

    A word looks like one where it has a capital inside a sentence, or where it belongs to `proper`.
    """
    turns = []
    for turn in talk.turns:
        found = [*turn.marks, *_venues(turn.text)]
        for word, start in _words(turn.text):
            folded = word.lower()
            inside = word[0].isupper() and not _begins_sentence(turn.text, start)
            if folded not in _NOT_NAMES and (inside or folded in proper):
                found.append(Mark(start, start + len(word), UNKNOWN))
        turns.append(replace(turn, marks=_apart(found)))
    return replace(talk, turns=tuple(turns))


_USUAL = 200
"""A word is usual in a corpus where one conversation of so many has it."""


def usual_words(talks: Sequence[Talk]) -> frozenset[str]:
    """Return words that many conversations have and no label ever holds: greetings and units
    ("hai", "gb").

    There are none where nothing is labelled at all.
    """
    labelled = {
        word
        for t in talks
        for u in t.turns
        for m in u.marks
        if m.label != _NO_NAME
        for word, _ in _words(u.text[m.start : m.end])
    }
    if not labelled:
        return frozenset()
    having = Counter(
        word for t in talks for word in {w for u in t.turns for w, _ in _words(u.text)}
    )
    return frozenset(w for w, n in having.items() if n * _USUAL >= len(talks) and w not in labelled)


def mark_unlisted(talk: Talk, usual: frozenset[str] = frozenset()) -> Talk:
    """Return the conversation with every unlabelled word marked unknown that may be somebody's
    name.

    For conversations without capitals, where the lists tell.
    """
    turns = []
    for turn in talk.turns:
        words = ((word.lower(), start) for word, start in _words(turn.text))
        doubtful = (
            Mark(start, start + len(word), UNKNOWN)
            for word, start in words
            if word not in usual and not _plain(word)
        )
        turns.append(replace(turn, marks=_apart([*turn.marks, *doubtful])))
    return replace(talk, turns=tuple(turns))


@lru_cache(maxsize=65_536)
def _plain(word: str) -> bool:
    """Tell whether a word in lower case is an English one that nobody has for a given name, or a
    letter.

    A surname that is a word ("long") nearly always stands for the word.
    """
    base = strip_accents(word.removesuffix("'s"))
    lists = load_lexicon()
    if len(base) < 2 or base in EVERYWHERE or is_common_word(word) or word_kind(word) == THING:
        return True
    return base in lists.words and base not in lists.given and base not in lists.usual


def _words(text: str) -> Iterator[tuple[str, int]]:
    for match in _WORD.finditer(text):
        yield match.group(), match.start()


def _begins_sentence(text: str, start: int) -> bool:
    return (
        start == 0
        or not text[:start].strip()
        or bool(_SENTENCE_END.search(text, max(0, start - 4), start))
    )
