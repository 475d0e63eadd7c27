"""The endless stream of training texts: generated calls and requests, and windows of real
conversations with other names in them.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from spacy.language import Language

from callveil.transforms.lab.sample.dialogues import random_business, random_dialogue
from callveil.transforms.lab.sample.people import pick_one, random_person
from callveil.transforms.lab.train.augment import (
    insert_hesitations,
    insert_people,
    scramble_words,
    sentence_case,
    swap_values,
    vary_surface,
)
from callveil.transforms.lab.train.corpus import (
    TYPES,
    UNKNOWN,
    LabeledUtterance,
    Mark,
    Talk,
    build_utterance,
)
from callveil.transforms.lab.train.fill import Filler
from callveil.transforms.lab.train.grammar import sentence_templates
from callveil.transforms.lab.train.lists import TrainingNames

_TOPIC_SHARES = {
    "full": 4,
    "first": 2,
    "last": 3,
    "spell": 2,
    "dob": 1,
    "post": 1,
    "phone": 1,
    "email": 1,
    "address": 2,
    "city": 2,
    "org": 1,
    "other": 4,
}
_TOPICS = tuple(topic for topic, share in _TOPIC_SHARES.items() for _ in range(share))
_SECTION_SHARES = {
    "with names": 5,
    "stories": 3,
    "callers": 4,
    "places": 2,
    "without": 4,
    "venues": 2,
    "titles": 1,
    "nouns": 4,
}
_SECTIONS = tuple(section for section, share in _SECTION_SHARES.items() for _ in range(share))
_NAME_TOPICS = ("full", "first", "last", "spell")
_BACK = (
    "okay",
    "thank you",
    "thanks",
    "got it",
    "perfect",
    "mm-hm",
    "alright",
    "okay great",
    "one moment",
    "uh-huh",
    "great",
    "thank you so much",
    "I see",
    "all right",
    "let me check",
    "right",
)


_REAL = 0.42
"""Share of real conversations in what is drawn, where there are any."""
_HARD = 0.4
"""Share of windows of a corpus about a turn in which a model was wrong, once such are known."""
_MINED = 300_000
"""Words of a corpus a model is tried on for such places, at most."""


class _Corpus:
    """The conversations of one source.

    Beside all of them those that name a person or a business, and the turns in which a model found
    what nobody is called.
    """

    def __init__(self, talks: Sequence[Talk]) -> None:
        self.talks = talks
        self.named = [
            t
            for t in talks
            if any(
                m.label not in (UNKNOWN, "LOCATION", "ADDRESS") for u in t.turns for m in u.marks
            )
        ]
        self.hard: list[tuple[Talk, int]] = []
        self.words = sum(len(u.text.split()) for t in talks for u in t.turns)

    def mine(self, nlp: Language, rng: random.Random) -> None:
        """Seek such turns anew, in conversations drawn at random."""
        drawn, words = [], 0
        for talk in rng.sample(self.talks, len(self.talks)):
            if words >= _MINED:
                break
            drawn.append(talk)
            words += sum(len(u.text.split()) for u in talk.turns)
        docs = nlp.pipe(("\n".join(u.text for u in talk.turns) for talk in drawn), batch_size=32)
        self.hard = [
            (talk, turn)
            for talk, doc in zip(drawn, docs, strict=True)
            for turn in _wrong(talk, [(e.start_char, e.end_char) for e in doc.ents])
        ]


class TrainingMix:
    """Draws training conversations.

    Args:
        real: conversations that were read from files; empty is fine, the generated part stands
            alone. A source is drawn by the square root of its words, so that a small one is heard
            beside a large one.
        held: draw names from the held-out part, for figures.
    """

    def __init__(self, real: Sequence[Talk] = (), held: bool = False) -> None:
        self.fill = Filler(TrainingNames(held))
        self._odd = Filler(
            TrainingNames(held, ordinary=0.0 if held else 0.4), noise=0.0 if held else 0.25
        )
        self._corpora = [
            _Corpus([t for t in real if t.source == source])
            for source in dict.fromkeys(t.source for t in real)
        ]
        self._shares = list(accumulate(c.words**0.5 for c in self._corpora))

    def mine(self, nlp: Language, rng: random.Random) -> int:
        """Try a model on the real conversations: many windows are then about turns it is wrong in.

        Returns: how many such turns there are.
        """
        for corpus in self._corpora:
            corpus.mine(nlp, rng)
        return sum(len(c.hard) for c in self._corpora)

    def stream(self, rng: random.Random) -> Iterator[Talk]:
        """Yield conversations without end; equal generators give equal streams."""
        while True:
            r = rng.random()
            if r < _REAL and self._corpora:
                talk = self.real(rng)
            elif r < 0.52:
                talk = self.sampled(rng)
            else:
                talk = self.call(rng) if rng.random() < 0.45 else self.request(rng)
            if rng.random() < 0.5:
                talk = replace(talk, turns=tuple(scramble_words(rng, t) for t in talk.turns))
            yield vary_surface(rng, talk)

    def call(self, rng: random.Random) -> Talk:
        """Return one to four questions with their answers, backchannels and requests between
        them.
        """
        spoken = rng.random() < 0.7
        turns: list[LabeledUtterance] = []
        for _ in range(pick_one(rng, (1, 1, 1, 2, 2, 3, 4))):
            turns += self.exchange(rng, pick_one(rng, _TOPICS), spoken)
            if rng.random() < 0.2:
                turns.append(LabeledUtterance(pick_one(rng, _BACK), agent=True))
            if rng.random() < 0.15:
                turns.append(self.sentence(rng, spoken))
        if spoken:
            turns = [insert_hesitations(rng, t, 0.04) for t in turns]
        return Talk(tuple(turns), "call", spoken)

    def exchange(self, rng: random.Random, topic: str, spoken: bool) -> list[LabeledUtterance]:
        """Return a question and its answer; at times the answer has nothing to do with it, or comes
        twice, or without a question.
        """
        ask, say = sentence_templates("ask.txt"), sentence_templates("answer.txt")
        answered = topic if rng.random() < 0.9 else pick_one(rng, (*_TOPICS, "noun"))
        if topic == "other" and rng.random() < 0.4:
            answered = "noun"
        if topic in _NAME_TOPICS and rng.random() < 0.15:
            answered = pick_one(rng, _NAME_TOPICS)
        question = self.fill.fill(rng, pick_one(rng, ask[f"ask {topic}"]), spoken, agent=True)
        fill = self._odd if topic in _NAME_TOPICS and rng.random() < 0.12 else self.fill
        answer = fill.fill(rng, pick_one(rng, say[f"say {answered}"]), spoken)
        if rng.random() < 0.08:
            return [answer]
        turns = [question]
        if rng.random() < 0.08:
            turns += [
                LabeledUtterance(
                    pick_one(
                        rng,
                        (
                            "sorry?",
                            "what was that?",
                            "pardon?",
                            "my name?",
                            "uh",
                            "what?",
                            "hold on",
                        ),
                    )
                )
            ]
            turns += (
                [self.fill.fill(rng, pick_one(rng, ask[f"ask {topic}"]), spoken, agent=True)]
                if rng.random() < 0.6
                else []
            )
        turns.append(answer)
        if topic in _NAME_TOPICS and rng.random() < 0.15 and answer.marks:
            mark = pick_one(rng, answer.marks)
            turns.append(_read_back(rng, answer.text[mark.start : mark.end], mark.label))
        return turns

    def sentence(self, rng: random.Random, spoken: bool) -> LabeledUtterance:
        """Return one request or remark."""
        section = pick_one(rng, _SECTIONS)
        return self.fill.fill(
            rng, pick_one(rng, sentence_templates("requests.txt")[section]), spoken
        )

    def request(self, rng: random.Random) -> Talk:
        """Return a lone utterance, or two or three running."""
        spoken = rng.random() < 0.3
        count = pick_one(rng, (1, 1, 1, 2, 3))
        turns = tuple(self.sentence(rng, spoken) for _ in range(count))
        if spoken:
            turns = tuple(insert_hesitations(rng, t, 0.03) for t in turns)
        elif rng.random() < 0.5:
            turns = tuple(sentence_case(rng, t) for t in turns)
        return Talk(turns, "request", spoken)

    def sampled(self, rng: random.Random) -> Talk:
        """Return up to twelve turns of a conversation of the sample generator, its people renamed
        from this mix's own names.
        """
        country = pick_one(rng, ("US", "US", "US", "GB", "GB", "CA", "AU"))
        whole = random_dialogue(
            rng,
            random_person(rng, country),
            random_person(rng, country),
            random_business(rng, country=country),
        )
        size = 3 + int(rng.random() * 10)
        start = int(rng.random() * max(1, len(whole.turns) - size + 1))
        turns = tuple(
            LabeledUtterance(
                t.text,
                tuple(Mark(s.start, s.end, TYPES[s.type]) for s in t.spans if s.type in TYPES),
                t.speaker == "agent",
            )
            for t in whole.turns[start : start + size]
        )
        return swap_values(rng, Talk(turns, "sample"), self.fill, 1.0)

    def real(self, rng: random.Random) -> Talk:
        """Return a lone text or a few turns of a real conversation, with other names.

        One window in four gets a generated exchange put in.
        """
        corpus = self._corpora[bisect(self._shares, rng.random() * self._shares[-1])]
        size = pick_one(rng, (1, 2, 3, 4, 6, 8))
        if corpus.hard and rng.random() < _HARD:
            source, start = pick_one(rng, corpus.hard)
            start = max(0, start - int(rng.random() * size))
        else:
            source = (
                pick_one(rng, corpus.named)
                if corpus.named and rng.random() < 0.4
                else pick_one(rng, corpus.talks)
            )
            start = int(rng.random() * max(1, len(source.turns) - size + 1))
        alone = len(source.turns) == 1
        talk = swap_values(
            rng,
            replace(source, turns=source.turns[start : start + size]),
            self.fill,
            0.5 if alone else 0.8,
        )
        if rng.random() < 0.4:
            talk = replace(talk, turns=tuple(insert_people(rng, t, self.fill) for t in talk.turns))
        if not alone and rng.random() < 0.25:
            at = int(rng.random() * (len(talk.turns) + 1))
            extra = (
                self.exchange(rng, pick_one(rng, _TOPICS), False)
                if rng.random() < 0.7
                else [self.sentence(rng, False)]
            )
            talk = replace(talk, turns=talk.turns[:at] + tuple(extra) + talk.turns[at:])
        return talk


def _wrong(talk: Talk, found: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield turns that hold a finding which touches nothing labelled and nothing unknown.

    Offsets of findings are those of the turns joined by line feeds.
    """
    begins = list(accumulate((len(u.text) + 1 for u in talk.turns), initial=0))
    for start, end in found:
        turn = bisect(begins, start) - 1
        if not any(
            m.start < end - begins[turn] and start - begins[turn] < m.end
            for m in talk.turns[turn].marks
        ):
            yield turn


def _read_back(rng: random.Random, value: str, label: str) -> LabeledUtterance:
    before, after = pick_one(
        rng,
        (
            ("okay, ", ""),
            ("thank you, ", ""),
            ("that's ", "?"),
            ("did you say ", "?"),
            ("so ", ", is that right?"),
            ("", ", okay"),
            ("got it, ", "."),
            ("alright ", ", and your date of birth?"),
        ),
    )
    return build_utterance([before, (value, label), after], agent=True)
