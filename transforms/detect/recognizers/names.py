"""Names that the conversation gives away: an answer to "what name is it under", "my name is ...", "this is ... calling"."""

from __future__ import annotations

from callveil.transforms.detect.recognizers.context import Topic, questions
from callveil.transforms.detect.recognizers.hit import Hit, spans_of
from callveil.transforms.detect.recognizers.reading import Reading
from callveil.transforms.detect.recognizers.vocabulary import LETTER, LINE, MONTH, SEPARATOR, WORD

ANSWER_WORDS = 14
"""An answer to a question for a name is read whole up to this many words; of a longer one only what follows a lead-in."""
NAME_LENGTH = 5
"""A name is at most this many words."""


class _Names:
    def __init__(self, reading: Reading) -> None:
        self.reading, self.vocab = reading, reading.vocab
        self.low, self.kind = reading.low, reading.kind

    def possible(self, token: int) -> bool:
        """Whether a word may be (part of) a name: letters, and no word of everyday talk."""
        low = self.low[token]
        if self.kind[token] not in (WORD, MONTH):
            return False
        base = low[:-2] if low.endswith("'s") else low
        return len(base) > 1 and base not in self.vocab.words and base not in self.vocab.fillers and base not in self.vocab.titles

    def surname(self, token: int) -> bool:
        """A common word in the midst of a short answer, or in capitals, may still be a name ("Frank Young")."""
        raw = self.reading.text[self.reading.start[token] : self.reading.end[token]]
        return self.kind[token] in (WORD, MONTH) and raw[:1].isupper() and raw[1:].islower() and self.low[token] not in self.vocab.openers

    def follow(self, at: int, stop: int, common: bool) -> tuple[int, int] | None:
        """The name that begins at `at`: tokens (half-open). `common` lets capitalised everyday words in after the first."""
        first = last = at
        words = 0
        while at < stop and words < NAME_LENGTH:
            low, kind = self.low[at], self.kind[at]
            if kind == SEPARATOR:
                glued = self.reading.glued(at) and at + 1 < stop and self.reading.glued(at + 1)
                if words and ((low in "-'’" and at + 1 < stop and glued) or (low == "." and self.kind[at - 1] == LETTER)):
                    at += 1
                    continue
                break
            if kind == LETTER and words and low not in ("i", "a") and self.kind[at - 1] != LETTER:
                at, last = at + 1, at + 1
                continue
            if low in self.vocab.titles and words == 0:
                at += 1
                if at < stop and self.low[at] == ".":
                    at += 1
                first = at
                continue
            if low in self.vocab.particles and at + 1 < stop and self.kind[at + 1] in (WORD, MONTH) and (self.possible(at + 1) or self.low[at + 1] in self.vocab.particles):
                at += 1
                words += 1
                continue
            if not (self.possible(at) or (common and self.surname(at))):
                break
            at, words, last = at + 1, words + 1, at + 1
        return (first, last) if words and last > first else None


def introductions(reading: Reading) -> list[Hit]:
    """Names after a lead-in; a weak lead-in ("this is") wants a capital, or "calling" after the name, or the end of the sentence."""
    names, out = _Names(reading), []
    for said in reading.turns:
        token = said.first
        while token < said.last:
            lead = reading.match(token, reading.vocab.name_leads, said.last) if reading.low[token] in reading.vocab.name_leads else None
            if lead is None:
                token += 1
                continue
            at = lead[0]
            while at < said.last and (reading.low[at] in (":", ",", "is", "uh", "um", "er", "'s", "'", "s", "it's") or (reading.kind[at] == SEPARATOR and reading.low[at] == "-")):
                at += 1
            found = names.follow(at, said.last, lead[1] == "strong")
            if found is None and lead[1] == "strong" and at < said.last and names.surname(at):
                found = names.follow(at + 1, said.last, True)
                found = (at, found[1] if found else at + 1)
            if found is not None and (lead[1] == "strong" or _introduced(names, found, said.last)):
                why = f"'{' '.join(reading.low[token : lead[0]])}' before it"
                out.append(Hit("PERSON", spans_of(reading, [found[0], found[1] - 1]), 0.7 if lead[1] == "strong" else 0.5, why))
            token = lead[0]
    return out


def _introduced(names: _Names, found: tuple[int, int], stop: int) -> bool:
    reading = names.reading
    raw = reading.text[reading.start[found[0]] : reading.end[found[0]]]
    if raw[:1].isupper() and not raw.isupper():
        return True
    after = found[1]
    return after >= stop or reading.low[after] in names.vocab.callers or reading.low[after] in ".,!?" or found[1] - found[0] == 2


def answers(reading: Reading) -> list[Hit]:
    """Bare answers to a question for a name, in any case."""
    if "name" not in reading.topics and "spell" not in reading.topics:
        return []
    names, out = _Names(reading), []
    for index, said in enumerate(reading.turns):
        if said.first == said.last:
            continue
        topic = next((t for t in questions(reading, index) if t.name in ("name", "spell")), None)
        if topic is None:
            continue
        out.extend(_answer(names, said.first, said.last, topic))
    return out


def _answer(names: _Names, first: int, stop: int, topic: Topic) -> list[Hit]:
    reading = names.reading
    words = [t for t in range(first, stop) if reading.kind[t] not in (SEPARATOR, LINE)]
    if not words or len(words) > ANSWER_WORDS * 2:
        return []
    why = topic.explain(reading)
    out: list[Hit] = []
    token = first
    while token < stop:
        found = names.follow(token, stop, True)
        if found is None:
            token += 1
            continue
        out.append(Hit("PERSON", spans_of(reading, [found[0], found[1] - 1]), 0.7 if len(words) <= ANSWER_WORDS else 0.45, why))
        token = max(found[1], token + 1)
    if not out and 1 <= len(words) <= 3 and topic.answers == 0:
        # "will", "mark grace": everyday words, but nothing else was said
        raw = reading.text[reading.start[words[0]] : reading.end[words[0]]]
        if all(names.surname(t) for t in words) and raw[:1].isupper() and len(words) == 2:
            out.append(Hit("PERSON", spans_of(reading, [words[0], words[-1]]), 0.5, why))
    return out[:4]
