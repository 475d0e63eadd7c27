"""Context cues that decide the type of a bare value.

They are the words just before or after it, or the other party's question.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import attrgetter

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.conversation import AGENT
from callveil.transforms.detect.recognizers.tokens import Cue, TokenizedConversation

BEFORE, AFTER = 14, 6
"""A cue counts up to this many tokens before a value, or after it."""
ASKED = 40
"""A turn asks for at most this many things, the last ones."""
ANSWERS = 3
"""A question stands for this many answers of substance by the other party."""
TURNS = 9
"""... and for no more than this many turns in all."""


OBJECTION_TOKENS = 14
"""An objection to a question, or the answer to that, is no longer than so many tokens."""
REQUEST_TOKENS = 14
"""A request without a verb is at most this many tokens."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that holds at a place, and why.

    Attributes:
        name: topic of the cue.
        source: `before`, `after`, `question`, or `read back` for what the party that asked repeats
            of the answer.
        cue: the phrase.
        distance: tokens between cue and value; turns for a question.
        answers: for a question, how many turns of substance the answering party has spent since.
    """

    name: str
    source: str
    cue: Cue
    distance: int
    answers: int = 0

    def explain(self, reading: TokenizedConversation) -> str:
        """Return one clause for an explanation; it quotes the cue, never the value."""
        words = " ".join(reading.low[self.cue.first : self.cue.last])
        if self.source == "read back":
            return f"repeats an answer about '{words}'"
        if self.source == "question":
            return f"answers a question about '{words}', {self.distance} turn(s) before"
        return f"'{words}' {self.distance} token(s) {self.source} it"


def asking_turns(reading: TokenizedConversation) -> dict[int, list[Cue]]:
    """Return turns that ask for something, with what they ask for; the last thing asked for comes
    first.
    """
    kept: dict[int, list[Cue]] | None = reading.__dict__.get("_asking")
    if kept is None:
        kept = {}
        openers, requests = reading.vocab.openers, reading.vocab.requests
        for index, cues in reading.cues_of.items():
            said = reading.turns[index]
            words = reading.low[said.first : said.last]
            # a full stop at the end says that the turn is no question, where a recogniser wrote one
            asked = requests if words[-1] == "." else openers
            trailing = len(words) <= 9 and words[-1] != "." and cues[-1].last >= said.last - 1
            told = reading.numbered[index] and any(reading.value[cues[-1].last : said.last])
            if (
                ((len(words) <= 5 or trailing or _bare_request(reading, index)) and not told)
                or "?" in words
                or not asked.isdisjoint(words)
            ):
                kept[index] = [
                    cue
                    for cue in cues[: -ASKED - 1 : -1]
                    if not _sets_rule(reading, cue, said.last)
                ]
        reading.__dict__["_asking"] = kept
    return kept


def _sets_rule(reading: TokenizedConversation, cue: Cue, stop: int) -> bool:
    """Tell a turn that ends with what is set for passwords and asks for none ("password
    expires").
    """
    return (
        cue.topic == "password"
        and cue.last == stop - 1
        and reading.low[cue.last] in reading.vocab.sets["secret_verbs"]
    )


def _bare_request(reading: TokenizedConversation, turn: int) -> bool:
    """Tell whether a turn's last sentence is nothing but what is wanted ("Just the last four of the
    social security number.").
    """
    said, sets, low = reading.turns[turn], reading.vocab.sets, reading.low
    first, stop = said.first, said.last
    while stop > first and (
        low[stop - 1] in ".!\n" or low[stop - 1] in sets["request_ends"] or low[stop - 1] == ","
    ):
        stop -= 1
    for token in range(stop - 1, first - 1, -1):
        if low[token] in ".!?\n":
            first = token + 1
            break
    cues = [cue for cue in reading.cues_of[turn] if first <= cue.first and cue.last <= stop]
    if not cues or cues[-1].last < stop or stop - first > REQUEST_TOKENS:
        return False
    return cues[0].first == first or all(
        low[t] in sets["request_starts"] for t in range(first, cues[0].first)
    )


def open_questions(reading: TokenizedConversation, turn: int) -> list[Topic]:
    """Return what turn `turn` may be the answer to, latest question first. Depends on earlier turns
    alone.
    """
    cache: dict[int, list[Topic]] = reading.__dict__.setdefault("_questions", {})
    if turn in cache:
        return cache[turn]
    spend_steps()
    asks, answers, told, changed, gave = asking_turns(reading), 0, 0, False, False
    out: list[Topic] = []
    if asks.keys().isdisjoint(range(turn - TURNS, turn)):
        return cache.setdefault(turn, out)
    role = reading.turns[turn].role
    for index in range(turn - 1, max(-1, turn - 1 - TURNS), -1):
        other = reading.turns[index].role
        if other == role and reading.roles_known:
            answers += not reading.light[index]
            gave = gave or not reading.light[index] or reading.numbered[index]
            if answers >= ANSWERS or (changed and gave):
                break
            continue
        cues = asks.get(index)
        if cues and changed and not answers and index == turn - 2:
            break
        if cues:
            out.extend(Topic(cue.topic, "question", cue, turn - index, answers) for cue in cues)
            if any(cue.topic not in ("spell", "last4") for cue in cues):
                break
        elif not reading.light[index] and not _objects(reading, index):
            changed = changed or _other_question(reading, index)
            told += 1
            if told > 2 or (not reading.roles_known and told > 1):
                break
    out.extend(_read_back(reading, turn, asks))
    cache[turn] = out
    return out


def _other_question(reading: TokenizedConversation, turn: int) -> bool:
    """Tell whether a turn asks something that no cue names; what was asked before it is then
    answered.
    """
    kept: dict[int, bool] = reading.__dict__.setdefault("_other_questions", {})
    if turn not in kept:
        said, vocab = reading.turns[turn], reading.vocab
        words = reading.low[said.first : said.last]
        asks = "?" in words or not vocab.question_words.isdisjoint(words[:4])
        kept[turn] = asks and len(words) >= 4 and vocab.repeats.isdisjoint(words)
    return kept[turn]


def _objects(reading: TokenizedConversation, turn: int) -> bool:
    """Tell whether a short turn asks why something is wanted, or says why: the question before it
    still stands.
    """
    kept: dict[int, bool] = reading.__dict__.setdefault("_objections", {})
    if turn not in kept:
        said = reading.turns[turn]
        text = (
            " ".join(reading.low[said.first : said.last])
            if said.last - said.first <= OBJECTION_TOKENS
            else ""
        )
        kept[turn] = any(phrase in text for phrase in reading.vocab.sets["objections"])
    return kept[turn]


def _read_back(
    reading: TokenizedConversation, turn: int, asks: dict[int, list[Cue]]
) -> list[Topic]:
    """Return what the party that asked may be reading back just after the answer ("okay, july
    twenty fifth thirty seven").
    """
    role = reading.turns[turn].role
    if role != AGENT or turn < 2 or reading.turns[turn - 1].role == role:
        return []
    for index in range(turn - 2, max(-1, turn - 6), -1):
        if reading.turns[index].role == role and index in asks:
            return [
                Topic(cue.topic, "read back", cue, turn - index, 1)
                for cue in asks[index]
                if cue.topic not in ("name", "name_any", "address", "neutral", "amount")
            ]  # a name is found again as a known value, an address by its form
    return []


_begin, _end = attrgetter("first"), attrgetter("last")


def topics_at(reading: TokenizedConversation, first: int, last: int) -> list[Topic]:
    """Return topics that hold for the tokens `first` to `last` (both included), the most telling
    first.
    """
    turn = reading.turn[first]
    cues = reading.cues_of.get(turn, [])
    low, high = bisect_left(cues, first - BEFORE, key=_end), bisect_right(cues, first, key=_end)
    before = [Topic(cue.topic, "before", cue, first - cue.last) for cue in reversed(cues[low:high])]
    after: list[Topic] = []
    if reading.turn[last] == turn:
        low = bisect_right(cues, last, key=_begin)
        for cue in cues[low : bisect_right(cues, last + 1 + AFTER, key=_begin)]:
            if not any(reading.low[t] in ".?!;\n" for t in range(last + 1, cue.first)):
                after.append(Topic(cue.topic, "after", cue, cue.first - last - 1))
    spend_steps(1 + len(before) + len(after))
    return before + after + open_questions(reading, turn)


def is_booking_reference(reading: TokenizedConversation, topic: Topic, first: int) -> bool:
    """Tell whether a reference that only "order" cues name is one of a booking: the words around
    say booking and none says order.

    Args:
        topic: the topic that named it.
        first: its first token.
    """
    sets = reading.vocab.sets
    if topic.name != "order" or not sets["ordered_words"].isdisjoint(
        reading.low[topic.cue.first : topic.cue.last]
    ):
        return False
    cache: dict[int, tuple[bool, bool]] = reading.__dict__.setdefault("_booked", {})
    around = {topic.cue.turn, reading.turn[first]}
    for turn in around - cache.keys():
        words = reading.low[reading.turns[turn].first : reading.turns[turn].last]
        cache[turn] = (
            not sets["booking_words"].isdisjoint(words),
            not sets["ordered_words"].isdisjoint(words),
        )
    return any(cache[turn][0] for turn in around) and not any(cache[turn][1] for turn in around)
