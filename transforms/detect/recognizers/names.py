"""Names that the conversation gives away: an answer to "what name is it under", "my name is ...",
"this is ... calling".
"""

from __future__ import annotations

import re

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.conversation import AGENT
from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers.context import Topic, open_questions
from callveil.transforms.detect.recognizers.evidence import (
    BOTH,
    LANGUAGE,
    NAME,
    THING,
    follows_directly,
    has_mid_sentence_capital,
    in_mixed_case_turn,
    is_common_word,
    is_listed_name,
    is_ordinary_word,
    is_title_case,
    name_end,
    names_have_capitals,
    uncased_name,
    word_kind,
)
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.recipients import recipients
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
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
_MAILBOX = re.compile(r"[\w.+-]+@\w")
_SIBILANT = ("ses", "xes", "zes", "ches", "shes")
"""How the plurals of names end to which more than an "s" was added."""
NAME_LENGTH = 5
"""A name is at most this many words."""


class _Names:
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
        """Return an everyday word that is also a name ("Frank Young")."""
        if self.kind[token] == MONTH:
            said = self.reading.turns[self.reading.turn[token]]
            if said.last - said.first > 4 or any(
                self.reading.value[t] and self.kind[t] != MONTH
                for t in range(said.first, said.last)
            ):
                return False
        return self.low[token] in self.vocab.ambiguous_names

    def listed(self, token: int) -> bool:
        """Return an everyday word that somebody somewhere is called ("amir said"): part of a name
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


def find_introductions(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return names after a lead-in; a weak lead-in ("this is") wants a capital, or "calling" after
    the name, or the end of the sentence.
    """
    names, out = _Names(reading), []
    after = passed = 0
    for token in reading.tokens_in(reading.vocab.name_leads):
        said = reading.turns[reading.turn[token]]
        lead = reading.match(token, reading.vocab.name_leads, said.last) if token >= after else None
        if lead is None:
            continue
        after = lead[0]
        at = max(
            after, passed
        )  # what was passed over after a lead-in before this one is passed over after this one
        while at < said.last and (
            reading.low[at] in names.vocab.sets["name_fillers"]
            or reading.low[at] in ":,'"
            or (reading.kind[at] == SEPARATOR and reading.low[at] == "-")
        ):
            at += 1
        passed = at
        if (lead[1] == "label" and at == lead[0]) or (
            token > said.first and reading.low[token - 1] in names.vocab.things
        ):
            continue
        found = names.follow(at, said.last, lead[1] != "weak")
        if (
            found is not None
            and found[1] < said.last
            and reading.low[found[1]] in names.vocab.things
        ):
            found = None
        if found is not None and (
            lead[1] != "weak"
            or _introduced(names, " ".join(reading.low[token : lead[0]]), found, said.last)
        ):
            why = f"'{' '.join(reading.low[token : lead[0]])}' before it"
            out.append(
                ValueMatch(
                    "PERSON",
                    spans_of(reading, [found[0], found[1] - 1]),
                    0.5 if lead[1] == "weak" else 0.7,
                    why,
                )
            )
    out.extend(_speaking(names))
    out.extend(_titled(names))
    out.extend(_letterheads(names))
    out.extend(_residents(names))
    out.extend(
        ValueMatch("PERSON", ((reading.start[r.first], r.end),), 0.5, r.why)
        for r in recipients(reading)
        if r.sure
    )
    if names.vocab.language.code == LANGUAGE:
        out.extend(_listed(names))
        out.extend(_uncased(names))
        out.extend(_households(names))
        out.extend(_relatives(names))
    return out


def _listed(names: _Names) -> list[ValueMatch]:
    """Return names of the lists with capitals that no sentence gives them: "as Tom says",
    "yesterday Amir Said told me".
    """
    reading, out, after = names.reading, [], 0
    given = load_lexicon().given
    for token in reading.tokens_in(
        {word for word in reading.places if word.removesuffix("'s") in given}
    ):
        word = reading.low[token].removesuffix("'s")
        told = word in load_lexicon().usual or _tells(reading, token + 1)
        usual = told and word_kind(word) in (BOTH, NAME) and reading.kind[token] == WORD
        if (
            token < after
            or not is_title_case(reading, token)
            or not (usual or word_kind(word) == NAME)
        ):
            continue
        said = reading.turns[reading.turn[token]]
        after = name_end(reading, token + 1)
        before = reading.low[token - 1] if token > said.first else ""
        alone = after - token == 1
        led = before in names.vocab.sets["noun_articles"] or (
            token > said.first
            and is_title_case(reading, token - 1)
            and (has_mid_sentence_capital(reading, token - 1) or word_kind(before) != THING)
        )
        if not led and (
            usual and has_mid_sentence_capital(reading, token)
            if alone
            else any(has_mid_sentence_capital(reading, t) for t in range(token, after))
        ):
            out.append(
                ValueMatch(
                    "PERSON",
                    spans_of(reading, [token, after - 1]),
                    0.5,
                    "a listed name with a capital",
                )
            )
    return out


def _households(names: _Names) -> list[ValueMatch]:
    """Return a surname in the plural, with a capital ("the Smiths live next door")."""
    reading, out = names.reading, []
    for the in reading.tokens_in(names.vocab.sets["whole_articles"]):
        token = the + 1
        if token >= reading.turns[reading.turn[the]].last or not is_title_case(reading, token):
            continue
        low = reading.low[token]
        base = low[:-2] if low.endswith(_SIBILANT) else low[:-1] if low.endswith("s") else ""
        if (
            follows_directly(reading, token)
            and load_lexicon().named(base)
            and base not in load_lexicon().usual
            and not is_common_word(base)
        ):
            out.append(
                ValueMatch(
                    "PERSON", spans_of(reading, [token, token]), 0.5, "a surname in the plural"
                )
            )
    return out


def _relatives(names: _Names) -> list[ValueMatch]:
    """Return a given name that is a word too, right behind whose relative it is ("my son hunter
    fell"; not "my son drew the card").
    """
    reading, sets, out = names.reading, names.vocab.sets, []
    for token in reading.tokens_in(sets["family"]):
        said, at = reading.turns[reading.turn[token]], token + 1
        whose = reading.low[token - 1] if token > said.first else ""
        if (
            at >= said.last
            or whose not in sets["determiners"]
            or word_kind(reading.low[at]) != BOTH
            or reading.low[at] not in load_lexicon().given
        ):
            continue
        after = reading.low[at + 1] if at + 1 < said.last else ""
        object_follows = after in sets["noun_articles"] or after in sets["determiners"]
        if reading.low[at] not in names.vocab.words | sets["modals"] and not object_follows:
            out.append(
                ValueMatch(
                    "PERSON", spans_of(reading, [at, at]), 0.5, f"'{reading.low[token]}' before it"
                )
            )
    return out


def _uncased(names: _Names) -> list[ValueMatch]:
    """Listed names that are no words, in a turn without capitals: a usual given one, or two on end
    ("yesterday ove kvist told me").
    """
    reading, given, out = names.reading, load_lexicon().given, []
    for token in reading.tokens_in(
        {word for word in reading.places if word in given and word_kind(word) == NAME}
    ):
        said, after = reading.turns[reading.turn[token]], token + 1
        paired = (
            after < said.last
            and follows_directly(reading, after)
            and word_kind(reading.low[after]) == NAME
            and is_listed_name(reading, after)
        )
        mailbox = _MAILBOX.match(reading.text, reading.start[token])
        if (
            (paired or reading.low[token] in load_lexicon().usual)
            and is_listed_name(reading, token)
            and not (mailbox or in_mixed_case_turn(reading, token))
        ):
            first, stop = uncased_name(reading, token, after + paired)
            out.append(
                ValueMatch(
                    "PERSON",
                    spans_of(reading, [first, stop - 1]),
                    0.5,
                    "a listed name that is no word",
                )
            )
    return out


def _tells(reading: TokenizedConversation, token: int) -> bool:
    """Tell a verb that people alone do ("Rod mentioned", "as Rod has already said")."""
    said, sets = reading.turns[reading.turn[token - 1]], reading.vocab.sets
    while token < said.last and reading.low[token] in sets["before_tells"]:
        token += 1
    return token < said.last and reading.low[token] in sets["tells"]


def _letterheads(names: _Names) -> list[ValueMatch]:
    """Return a line that is two or three words nobody says in talk, with a line below that begins
    with a number: the name over an address.
    """
    reading, out = names.reading, []
    lines = reading.places.get("\n", [])
    for place, token in enumerate(lines):
        said = reading.turns[reading.turn[token]]
        first = lines[place - 1] + 1 if place and lines[place - 1] >= said.first else said.first
        if not 2 <= token - first <= 3 or not all(
            names.possible(t) and reading.low[t] not in names.vocab.common
            for t in range(first, token)
        ):
            continue
        below = token + 1
        while below < said.last and reading.kind[below] == LINE:
            below += 1
        if below < said.last and reading.kind[below] == DIGITS and len(reading.low[below]) <= 5:
            out.append(
                ValueMatch(
                    "PERSON", spans_of(reading, [first, token - 1]), 0.5, "a line over an address"
                )
            )
    return out


def _residents(names: _Names) -> list[ValueMatch]:
    """ "Caitlin Lennox lives at ...": up to three words nobody says in talk, at the start of what is
    said.
    """  # noqa: E501
    reading, out = names.reading, []
    for token in reading.tokens_in(names.vocab.sets["residing"]):
        said = reading.turns[reading.turn[token]]
        at = token + 1 < said.last and reading.low[token + 1] in names.vocab.sets["placed"]
        if not at or not 1 <= token - said.first <= 3:
            continue
        words = [t for t in range(said.first, token) if reading.kind[t] != LETTER]
        if words and all(
            names.possible(t) and reading.low[t] not in names.vocab.common for t in words
        ):
            out.append(
                ValueMatch(
                    "PERSON",
                    spans_of(reading, [said.first, token - 1]),
                    0.5,
                    f"'{reading.low[token]}' after it",
                )
            )
    return out


def _speaking(names: _Names) -> list[ValueMatch]:
    """ "hi, Ashok here", "Hiroshi speaking": up to three possible names before the word, at the
    start of what is said.
    """
    reading, out = names.reading, []
    if reading.words.isdisjoint(names.vocab.spoken_after):
        return []
    for token in reading.tokens_in(names.vocab.spoken_after):
        if token == 0:
            continue
        start, first = reading.turns[reading.turn[token]].first, token
        while first > start and token - first < 3 and names.possible(first - 1):
            first -= 1
        lead = reading.low[first - 1] if first > start else ""
        end = (
            token + 1 >= reading.turns[reading.turn[token]].last
            or reading.kind[token + 1] in (SEPARATOR, LINE)
            or reading.low[token + 1] in names.vocab.openers
        )
        if (
            first < token
            and end
            and token - start <= 8
            and (not lead or lead in ",.\n" or lead in names.vocab.sets["greetings"])
        ):
            out.append(
                ValueMatch(
                    "PERSON",
                    spans_of(reading, [first, token - 1]),
                    0.6,
                    f"'{reading.low[token]}' after it",
                )
            )
    return out


def _titled(names: _Names) -> list[ValueMatch]:
    """ "Mrs Okafor", "dr. tagaloa": a title and a possible name."""
    reading, out = names.reading, []
    for token in reading.tokens_in(names.vocab.titles):
        if token + 1 >= reading.count or reading.turn[token] != reading.turn[token + 1]:
            continue
        at, stop = token + 1, reading.turns[reading.turn[token]].last
        if reading.low[at] == "." and at + 1 < stop:
            at += 1
        if reading.low[at] in names.vocab.titles:
            continue  # the title before the name counts
        found = names.follow(at, stop, True)
        if found is None and _called(names, token, at):
            found = at, at + 1
        if found is not None and found[0] == at:
            out.append(
                ValueMatch(
                    "PERSON",
                    spans_of(reading, [found[0], found[1] - 1]),
                    0.6,
                    f"'{reading.low[token]}' before it",
                )
            )
    return out


def _called(names: _Names, title: int, token: int) -> bool:
    """Tell an ordinary word that a title makes a name: listed behind "Mr", or with a capital as the
    title has ("Doctor Pain").
    """
    reading = names.reading
    sets, low = names.vocab.sets, reading.low
    before = low[title - 1] if title > reading.turns[reading.turn[title]].first else ""
    if (
        reading.kind[token] != WORD
        or low[token] in sets["after_titles"]
        or before in sets["whole_articles"] | sets["noun_articles"]
    ):
        return False
    if (
        is_title_case(reading, title)
        and is_title_case(reading, token)
        and names_have_capitals(reading, token)
    ):
        return True
    said = names.vocab.fillers | names.vocab.backchannel | names.vocab.mail_stops | sets["modals"]
    return (
        low[title] in sets["sure_titles"]
        and len(low[token]) > 2
        and low[token] not in said
        and names.listed(token)
    )


def _introduced(names: _Names, lead: str, found: tuple[int, int], stop: int) -> bool:
    reading = names.reading
    raw = reading.text[reading.start[found[0]] : reading.end[found[0]]]
    if raw[:1].isupper() and not raw.isupper() and lead not in names.vocab.sets["bare_leads"]:
        return True
    after = reading.low[found[1]] if found[1] < stop else ""
    capital = raw[:1].isupper()
    if lead in names.vocab.sets["paired_leads"] and found[1] - found[0] >= 2:
        words = [
            t
            for t in range(*found)
            if reading.kind[t] == WORD and reading.low[t] not in names.vocab.particles
        ]
        ended = not after or after in names.vocab.callers or after in ",.!?"
        if len(words) >= 2 and (
            ended or all(reading.text[reading.start[t]].isupper() for t in words)
        ):
            return True
    if lead in names.vocab.sets["bare_leads"]:
        return after in names.vocab.sets["bare_followers"] or (
            capital and (after == "," or after in names.vocab.sets["origins"])
        )
    if (
        not capital
        and names.vocab.language.code == LANGUAGE
        and all(is_ordinary_word(reading.low[t]) for t in range(*found))
    ):
        return False  # "I'll put you through to directory enquiries"
    return not after or after in names.vocab.callers or after in ".!?" or found[1] - found[0] == 2


def find_name_answers(reading: TokenizedConversation) -> list[ValueMatch]:
    """Bare answers to a question for a person's name, in any case."""
    if reading.topics.isdisjoint(NAME_TOPICS):
        return []
    names, out = _Names(reading), []
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


def _answer(names: _Names, first: int, stop: int, topic: Topic) -> list[ValueMatch]:
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
