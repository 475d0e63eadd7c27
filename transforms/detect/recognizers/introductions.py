"""Names that people give without a question: my name is, this is, signatures, titles, relatives."""

from __future__ import annotations

import re

from callveil.transforms.detect.lexicon import load_lexicon
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
from callveil.transforms.detect.recognizers.names import NameReader
from callveil.transforms.detect.recognizers.recipients import recipients
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    LINE,
    SEPARATOR,
    WORD,
)

_MAILBOX = re.compile(r"[\w.+-]+@\w")
_SIBILANT = ("ses", "xes", "zes", "ches", "shes")
"""How the plurals of names end to which more than an "s" was added."""


def find_introductions(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return names after a lead-in; a weak lead-in ("this is") wants a capital, or "calling" after
    the name, or the end of the sentence.
    """
    names, out = NameReader(reading), []
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


def _listed(names: NameReader) -> list[ValueMatch]:
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


def _households(names: NameReader) -> list[ValueMatch]:
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


def _relatives(names: NameReader) -> list[ValueMatch]:
    """Return given names that are words too, each right behind the word for a relative ("my son
    hunter fell"; not "my son drew the card").
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


def _uncased(names: NameReader) -> list[ValueMatch]:
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


def _letterheads(names: NameReader) -> list[ValueMatch]:
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


def _residents(names: NameReader) -> list[ValueMatch]:
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


def _speaking(names: NameReader) -> list[ValueMatch]:
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


def _titled(names: NameReader) -> list[ValueMatch]:
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


def _called(names: NameReader, title: int, token: int) -> bool:
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


def _introduced(names: NameReader, lead: str, found: tuple[int, int], stop: int) -> bool:
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
