"""Names that the conversation gives away: an answer to "what name is it under", "my name is ...",
"this is ... calling".
"""

from __future__ import annotations

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.conversation import AGENT
from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers.context import Topic, open_questions
from callveil.transforms.detect.recognizers.evidence import (
    LANGUAGE,
)
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import (
    LETTER,
    LINE,
    MONTH,
    SEPARATOR,
    WORD,
)

ANSWER_WORDS = 14
"""An answer to a question for a name is read whole up to this many words; of a longer one only what
follows a lead-in.
"""
NAME_TOPICS = frozenset(("name", "name_any", "spell"))
NAME_LENGTH = 5
"""A name is at most this many words."""


class NameReader:
    def __init__(self, reading: TokenizedConversation) -> None:
        self.reading, self.vocab = reading, reading.vocab
        self.low, self.kind = reading.low, reading.kind

    def possible(self, token: int) -> bool:
        """Tell whether a word may be (part of) a name: letters, and no word of everyday talk."""
        low = self.low[token]
        if self.kind[token] != WORD:
            return False
        base = low[:-2] if low.endswith("'s") and self.vocab.sets["possessive"] else low
        return (
            len(base) > 1
            and base not in self.vocab.words
            and base not in self.vocab.fillers
            and base not in self.vocab.titles
        )

    def surname(self, token: int) -> bool:
        """Tell an everyday word that is also a name ("Frank Young")."""
        if self.kind[token] == MONTH:
            said = self.reading.turns[self.reading.turn[token]]
            if said.last - said.first > 4 or any(
                self.reading.value[t] and self.kind[t] != MONTH
                for t in range(said.first, said.last)
            ):
                return False
        return self.low[token] in self.vocab.ambiguous_names

    def listed(self, token: int) -> bool:
        """Tell an everyday word that somebody somewhere is called ("amir said"): part of a name
        where it ends an answer.
        """
        return (
            self.vocab.language.code == LANGUAGE
            and self.kind[token] == WORD
            and load_lexicon().named(self.low[token])
        )

    def follow(self, at: int, stop: int, common: bool) -> tuple[int, int] | None:
        """Return the name that begins at `at`: tokens (half-open). `is_common_word` lets everyday
        words in that are also names.
        """
        first = last = at
        words = 0
        sets = self.vocab.sets
        spend_steps()
        if (
            sets["before_of"]
            and 0 < at < stop
            and self.low[at] in sets["of"]
            and self.low[at - 1] in sets["before_of"]
        ):
            return None
        while at < stop and words < NAME_LENGTH:
            low, kind = self.low[at], self.kind[at]
            if kind == SEPARATOR:
                glued = self.reading.glued(at) and at + 1 < stop and self.reading.glued(at + 1)
                if words and (
                    (low in "-'’" and at + 1 < stop and glued)
                    or (low == "." and self.kind[at - 1] == LETTER)
                ):
                    at += 1
                    continue
                break
            if (
                kind == LETTER
                and words
                and low not in self.vocab.sets["pronouns"]
                and self.kind[at - 1] != LETTER
            ):
                at, last = at + 1, at + 1
                continue
            if low in self.vocab.titles and words == 0:
                at += 1
                if at < stop and self.low[at] == ".":
                    at += 1
                first = at
                continue
            if (
                low in self.vocab.particles
                and at + 1 < stop
                and self.kind[at + 1] in (WORD, MONTH)
                and (self.possible(at + 1) or self.low[at + 1] in self.vocab.particles)
            ):
                at += 1
                words += 1
                continue
            if not (
                self.possible(at)
                or (common and (self.surname(at) or (words and at + 1 == stop and self.listed(at))))
            ):
                break
            at, words, last = at + 1, words + 1, at + 1
        return (first, last) if words and last > first else None


def find_name_answers(reading: TokenizedConversation) -> list[ValueMatch]:
    """Bare answers to a question for a person's name, in any case."""
    if reading.topics.isdisjoint(NAME_TOPICS):
        return []
    names, out = NameReader(reading), []
    for index, said in enumerate(reading.turns):
        if said.first == said.last:
            continue
        topic = next(
            (t for t in open_questions(reading, index) if _asks_person(reading, t, said.role)), None
        )
        if topic is not None:
            out.extend(_answer(names, said.first, said.last, topic))
    return out


def _asks_person(reading: TokenizedConversation, topic: Topic, answering: str) -> bool:
    """Tell whether the question is for a person's name, put to this party, and still fresh."""
    if (
        topic.name not in NAME_TOPICS
        or topic.source != "question"
        or topic.answers > 1
        or topic.distance > 5
    ):
        return False
    if any(
        not reading.light[t]
        and reading.turns[t].role != answering
        and reading.vocab.repeats.isdisjoint(
            reading.low[reading.turns[t].first : reading.turns[t].last]
        )
        for t in range(topic.cue.turn + 1, topic.cue.turn + topic.distance)
    ):
        return False
    asked = reading.turns[topic.cue.turn]
    words = reading.low[asked.first : asked.last]
    if topic.name == "spell":
        return topic.answers == 0 and topic.distance <= 2
    if topic.name == "name":
        return answering != AGENT or not reading.vocab.sets["asks_agent"].isdisjoint(words)
    after = reading.low[topic.cue.last : topic.cue.last + 1]
    before = reading.low[topic.cue.first - 1 : topic.cue.first]
    if (
        answering == AGENT
        or not reading.vocab.sets["of"].isdisjoint(after)
        or (before and before[0] in reading.vocab.things)
    ):
        return False
    return len(words) <= 4 or not reading.vocab.person_asks.isdisjoint(words)


def _answer(names: NameReader, first: int, stop: int, topic: Topic) -> list[ValueMatch]:
    reading, vocab = names.reading, names.vocab
    words = [t for t in range(first, stop) if reading.kind[t] not in (SEPARATOR, LINE)]
    if not words or len(words) > ANSWER_WORDS * 2:
        return []
    why, out = topic.explain(reading), []
    part = " ".join(reading.low[topic.cue.first : topic.cue.last]) in vocab.sets["name_parts"]
    rest = [
        t
        for t in words
        if reading.low[t] not in vocab.fillers and reading.low[t] not in vocab.before_names
    ]
    short = len(rest) <= 3
    score = 0.7 if len(words) <= ANSWER_WORDS else 0.45
    token = first
    while token < stop:
        found = names.follow(token, stop, short)
        if found is None:
            token += 1
            continue
        before = reading.low[found[0] - 1] if found[0] > first else ""
        led = (
            found[0] == first
            or before in vocab.before_names
            or reading.kind[found[0] - 1] in (SEPARATOR, LINE)
        )
        ended = (
            found[1] >= stop
            or reading.kind[found[1]] in (SEPARATOR, LINE)
            or reading.low[found[1]] in vocab.before_names
            or reading.kind[found[1]] == LETTER
        )
        doubtful = not any(names.possible(t) for t in range(*found))
        if doubtful and found[1] < stop and reading.low[found[1]] in vocab.before_names:
            ended = False
        if led and (ended or not doubtful):
            out.append(
                ValueMatch("PERSON", spans_of(reading, [found[0], found[1] - 1]), score, why)
            )
        token = max(found[1], token + 1)
    if (
        not out
        and part
        and len(rest) == 1
        and names.listed(rest[0])
        and reading.low[rest[0]] not in vocab.sets["small_talk"] | vocab.backchannel
    ):
        out.append(ValueMatch("PERSON", spans_of(reading, rest), score, why))
    return out[:4]
