"""Values that are single words, known by what stands before them: references without digits, user
names, passwords.
"""

from __future__ import annotations

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.conversation import AGENT
from callveil.transforms.detect.recognizers.code_groups import is_unpronounceable
from callveil.transforms.detect.recognizers.context import (
    Topic,
    is_booking_reference,
    open_questions,
    topics_at,
)
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.not_numbers import blocked_tokens
from callveil.transforms.detect.recognizers.places import AddressParts
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.value_kinds import KINDS
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    LINE,
    MONTH,
    SEPARATOR,
    WORD,
)

PHRASE_WORDS = 7
"""Words of a passphrase, at most."""


def words_as_codes(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return a reference without digits ("your reference number is XKZJQWPE"): a word in capitals,
    or one no one can say, after its cue.
    """
    out = []
    for cue in reading.cues:
        if cue.topic not in ("order", "booking"):
            continue
        token, stop = cue.last, reading.turns[cue.turn].last
        steps = 0
        while (
            token < stop
            and steps < 5
            and (
                reading.low[token] in reading.vocab.sets["code_leads"]
                or reading.low[token] in ":#=-.'\n"
                or reading.low[token] == "\t"
            )
        ):
            token, steps = token + 1, steps + 1
        if token >= stop:
            continue
        raw = reading.text[reading.start[token] : reading.end[token]]
        if (
            5 <= len(raw) <= 12
            and raw.isalpha()
            and raw.isascii()
            and reading.low[token] not in reading.vocab.words
            and (raw.isupper() or is_unpronounceable(raw.lower()))
        ):
            named = Topic(cue.topic, "before", cue, token - cue.last)
            entity = KINDS[
                "booking" if is_booking_reference(reading, named, token) else cue.topic
            ].entity
            out.append(
                ValueMatch(
                    entity,
                    ((reading.start[token], reading.end[token]),),
                    0.7,
                    f"'{' '.join(reading.low[cue.first : cue.last])}' before it",
                )
            )
    return out


def dutch_postcodes(reading: TokenizedConversation) -> list[ValueMatch]:
    """ "Amsterdam 1085 HJ": four digits and two capitals after a name in capitals or a comma."""
    out = []
    if reading.has_digits:
        for token in reading.telling:
            if (
                not 0 < token < reading.count - 1
                or reading.kind[token] != DIGITS
                or len(reading.low[token]) != 4
                or reading.low[token][0] == "0"
            ):
                continue
            after = reading.text[reading.start[token + 1] : reading.end[token + 1]]
            before = reading.text[reading.start[token - 1] : reading.end[token - 1]]
            told = before == "," or (
                before[:1].isupper() and before[1:].islower() and reading.kind[token - 1] == WORD
            )
            if (
                len(after) == 2
                and after.isascii()
                and after.isalpha()
                and after.upper() not in ("AM", "PM")
                and ((after.isupper() and told) or _postcode_told(reading, token, after.lower()))
                and not reading.glued(token)
            ):
                out.append(
                    ValueMatch(
                        "ZIP_CODE",
                        spans_of(reading, [token, token + 1]),
                        0.5,
                        "form of a Dutch postcode after a place",
                    )
                )
    return out


def _postcode_told(reading: TokenizedConversation, token: int, letters: str) -> bool:
    """Tell whether a word for a postcode stands right before ("zip: 7412 sl")."""
    if letters in reading.vocab.words:
        return False
    return any(
        t.name == "zip" and t.source == "before" and t.distance <= 2
        for t in topics_at(reading, token, token)
    )


def state_postcodes(reading: TokenizedConversation) -> list[ValueMatch]:
    """ "Denver, CO 80206", "austin texas seven eight seven oh one": five or nine digits right after
    a state of the language's data.
    """
    vocab = reading.vocab
    out: list[ValueMatch] = []
    if not reading.has_numbers or not vocab.states:
        return out
    places = AddressParts(reading)
    short = vocab.sets["four_digit_states"]
    for token in reading.tokens_in(vocab.states, vocab.state_codes | short):
        stop = places.limit(token)
        state = reading.match(token, vocab.states, stop)
        at = token + 1 if state is None else state[0]
        if at < stop and reading.low[at] == ".":
            at += 1
        sizes = (
            (4,)
            if reading.low[token] in short - vocab.state_codes
            else (4, 5, 9)
            if reading.low[token] in short
            else (5, 9)
        )
        end = places.postcode(at, stop, sizes)
        if state is None and not _state_code(reading, token, places.raw(token), end):
            continue
        if end is None or (
            end < stop
            and (reading.low[end] in vocab.quantities or reading.low[end] in vocab.currencies)
        ):
            continue
        first = next(t for t in range(at, end) if reading.value[t])
        digits = "".join(reading.value[t] for t in range(first, end) if reading.kind[t] == DIGITS)
        if not digits or len(digits) in sizes or (len(digits) == 4 and end - first > 1):
            out.append(
                ValueMatch(
                    "ZIP_CODE",
                    spans_of(reading, [first, end - 1]),
                    0.6,
                    "digits of a postcode after a state",
                )
            )
    return out


def _state_code(reading: TokenizedConversation, token: int, raw: str, end: int | None) -> bool:
    """Tell whether a few letters are a state: in capitals after a comma, or where the words around
    are not all in capitals ("COME IN 80206").

    In lower case they are one where they are no word of their own, digits up to token `end` follow
    at once, and nothing around has capitals.
    """
    if reading.glued(token):
        return False
    if raw.islower():
        turn = reading.turn[token]
        lower: dict[int, bool] = reading.__dict__.setdefault("_lower_turns", {})
        if turn not in lower:
            said = reading.turns[turn]
            lower[turn] = reading.text[
                reading.start[said.first] : reading.end[said.last - 1]
            ].islower()
        return (
            lower[turn]
            and end is not None
            and raw not in reading.vocab.words
            and reading.kind[token + 1] not in (SEPARATOR, LINE)
        )
    if not raw.isupper():
        return False
    before = reading.text[reading.start[token - 1] : reading.end[token - 1]] if token else ""
    return not (before.isalpha() and before.isupper() and len(before) > 2)


def find_plates(reading: TokenizedConversation) -> list[ValueMatch]:
    """Licence plates whose written form is enough ("HH-AB 1234"), where the language's data names
    one.
    """
    forms = reading.vocab.plate_forms
    if forms is None or not reading.has_digits:
        return []
    return [
        ValueMatch("LICENSE_PLATE", (match.span(),), 0.6, "form of a licence plate")
        for match in forms.finditer(reading.text)
    ]


def find_secrets(reading: TokenizedConversation) -> list[ValueMatch]:
    """User names and passwords that are words: what follows their cue, or answers the question for
    them.
    """
    out: list[ValueMatch] = []
    for cue in reading.cues:
        if cue.topic in ("username", "password"):
            why = f"'{' '.join(reading.low[cue.first : cue.last])}' before it"
            stop, copulas = reading.turns[cue.turn].last, reading.vocab.sets["copulas"]
            following = reading.low[cue.last] if cue.last < stop else ""
            verb = reading.low[cue.last + (following in ("_", "-")) : stop][:1]
            ordinary = following in reading.vocab.words or not reading.vocab.sets[
                "secret_verbs"
            ].isdisjoint(verb)
            leading = cue.first - reading.turns[cue.turn].first <= 2 and not ordinary
            said_is = following and (
                leading
                or reading.low[cue.last - 1] in copulas
                or following in (":", "'s", "=")
                or following in copulas
            )
            if said_is:
                out.extend(_secret(reading, cue.topic, cue.last, reading.turns[cue.turn].last, why))
    if not reading.topics.isdisjoint(("username", "password")):
        for index, said in enumerate(reading.turns):
            topic = next(iter(open_questions(reading, index)), None)
            if said.role == AGENT or any(
                c.topic in ("username", "password") for c in reading.cues_of.get(index, ())
            ):
                continue
            if (
                topic is not None
                and topic.source == "question"
                and topic.name in ("username", "password")
                and topic.answers <= 1
                and topic.distance <= 5
                and said.last - said.first <= 14
            ):
                out.extend(
                    _secret(reading, topic.name, said.first, said.last, topic.explain(reading))
                )
    return out


def find_passphrases(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return passwords of several words, or of an ordinary one: all that follows "my password is",
    or answers the question for it.
    """
    out: list[ValueMatch] = []
    if "password" not in reading.topics:
        return out
    copulas = reading.vocab.sets["copulas"] | {":", "=", "'s", "was"}
    for cue in reading.cues:
        at, stop = cue.last, reading.turns[cue.turn].last
        told = at < stop and reading.low[at] in copulas
        if cue.topic == "password" and (told or reading.low[at - 1] in copulas):
            while at < stop and reading.low[at] in copulas:
                at += 1
            why = f"'{' '.join(reading.low[cue.first : cue.last])}' before it"
            out.extend(_phrase(reading, at, stop, why, reading.low[at - 1] in ":="))
    for index, said in enumerate(reading.turns):
        topic = next(
            (
                t
                for t in open_questions(reading, index)
                if t.source == "question" and t.name == "password"
            ),
            None,
        )
        if topic is None or said.role == AGENT or topic.answers:
            continue
        at, frames = said.first, reading.vocab.answer_frames | reading.vocab.sets["copulas"]
        while at < said.last and (reading.low[at] in frames or reading.kind[at] == SEPARATOR):
            at += 1
        out.extend(_phrase(reading, at, said.last, topic.explain(reading)))
    return out


def _phrase(
    reading: TokenizedConversation, at: int, stop: int, why: str, written: bool = False
) -> list[ValueMatch]:
    """Return the words from `at` to the end of what is said, where they are few and say nothing
    about a password; behind a sign they do not.
    """
    sets, end = reading.vocab.sets, at
    stop = min(stop, at + PHRASE_WORDS + 1)
    while end < stop and not (
        reading.kind[end] == LINE
        or reading.low[end] in ".?!;,"
        or reading.low[end] in sets["after_secrets"]
    ):
        end += 1
    words = {reading.low[t] for t in range(at, end)}
    about = reading.low[at : at + 1]
    if not 0 < end - at <= PHRASE_WORDS or not (written or words.isdisjoint(sets["no_secrets"])):
        return []
    if end - at < 3 and (about[0] in sets["secret_states"] or about[0] in sets["no_secrets"]):
        return []
    return [ValueMatch("PASSWORD", spans_of(reading, [at, end - 1]), 0.6, why)]


def _secret(
    reading: TokenizedConversation, topic: str, at: int, stop: int, why: str
) -> list[ValueMatch]:
    first, last, odd = _word_after(reading, at, stop)
    if (
        first < 0
        or last < first
        or not odd
        or (topic == "username" and blocked_tokens(reading).issuperset(range(first, last + 1)))
    ):
        return []  # a time of day is nobody's name for a service
    return [ValueMatch(KINDS[topic].entity, spans_of(reading, [first, last]), 0.6, why)]


def _word_after(reading: TokenizedConversation, at: int, stop: int) -> tuple[int, int, bool]:
    """Return the first word from `at` on that no one says in talk, with what is joined to it: first
    and last token, and whether it is odd at all.

    What is found is kept for all the words passed over on the way to it, since many cues may stand
    before it.
    """
    low, vocab = reading.low, reading.vocab
    first, last, odd, begin = -1, -1, False, at
    cache: dict[int, tuple[int, int, bool]] = reading.__dict__.setdefault("_words_after", {})
    while at < stop:
        spend_steps()
        if first < 0 and at in cache:
            first, last, odd = cache[at]
            break
        word, kind = low[at], reading.kind[at]
        within = at + 1 < stop and reading.glued(at + 1)
        joint = word in vocab.mail_joints or (
            kind == SEPARATOR and reading.glued(at) and (within or word not in ",?!;")
        )
        if kind == SEPARATOR and first < 0 and not (joint and within):
            at += 1
            continue
        goes_on = (reading.value[at] and at + 1 < stop and reading.value[at + 1]) or _joined(
            reading, at, stop
        )
        if first < 0 and word in vocab.words and not goes_on:
            at += 1
            continue
        if kind == LINE or (kind == SEPARATOR and not joint):
            break
        if first < 0 and (
            word in vocab.sets["bare_letters"]
            or (kind == LETTER and (at + 1 >= stop or low[at + 1] not in vocab.mail_joints))
        ):
            at += 1
            continue
        plain = kind in (WORD, MONTH) and not joint
        if first >= 0 and plain and low[at - 1] not in vocab.mail_joints and not reading.glued(at):
            break
        first = at if first < 0 else first
        odd = odd or not plain or word not in vocab.words
        last = at if kind != SEPARATOR else last
        at += 1
    found = first, last, odd
    cache.update(dict.fromkeys(range(begin, at if first < 0 else first), found))
    return found


def _joined(reading: TokenizedConversation, at: int, stop: int) -> bool:
    """Tell a word that goes on without a space behind a sign ("kite_runner77"; not "it, yes")."""
    return (
        at + 2 < stop
        and reading.low[at + 1] in "_-.+"
        and reading.glued(at + 1)
        and reading.glued(at + 2)
    )
