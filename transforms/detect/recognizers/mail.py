"""E-mail addresses: written tight, spaced out, and read aloud."""

from __future__ import annotations

import re

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.context import open_questions
from callveil.transforms.detect.recognizers.mail_local_part import local_part
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.tokens import (
    HARD,
    SOFT,
    TokenizedConversation,
    TokenStream,
)
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    LINE,
    SEPARATOR,
    ZERO,
)

_DOMAIN = re.compile(r"[ \t]?[\w-]{1,63}(?:[ \t]?\.[ \t]?[\w-]{2,63}){0,6}")
_TIGHT_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_MEASURE = re.compile(r"[ \t]?\d[\w-]*(?:\.\d[\w-]*)?\Z")
"""What stands behind "at" in prices, sizes and rates ("24 @ 3.5mm", "1080@60Hz"): no domain begins
so in all its parts but an IP address.
"""
_LOCAL = frozenset(".+-_%&'*/=?^`{|}~!#$")


def written_mail(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return addresses around an at sign, tight ("a.b@c.org") or spaced ("a . b @ c . org")."""
    text, out = reading.text, []
    place = text.find("@")
    while place >= 0:
        spend_steps()
        start = place
        while (
            start
            and place - start < 64
            and (text[start - 1].isalnum() or text[start - 1] in _LOCAL)
        ):
            start -= 1
        spaced = start == place
        if spaced and text[place - 1 : place] == '"':
            start = _quoted_local(text, place)
        elif spaced:
            start = _spaced_local(text, place)
        begin = start
        while begin < place and text[begin] in _LOCAL and text[place - 1] != '"':
            begin += 1
        if begin < place:
            match = _TIGHT_DOMAIN.match(text, place + 1) or _DOMAIN.match(text, place + 1)
            if match is not None:
                loose = _DOMAIN.match(text, place + 1)
                end = match.end()
                if (
                    loose is not None
                    and loose.end() > end
                    and loose.group().rsplit(".", 1)[-1].strip().lower() in reading.vocab.tlds
                ):
                    end = loose.end()
                written = "." in text[place:end] or not text[place + 1].isspace()
                if written and not _MEASURE.match(text[place + 1 : end]):
                    out.append(
                        ValueMatch(
                            "EMAIL_ADDRESS",
                            ((begin, end),),
                            0.95 if "." in text[place:end] else 0.6,
                            "form of an e-mail address",
                        )
                    )
        place = text.find("@", place + 1)
    return out


def _quoted_local(text: str, place: int) -> int:
    """Start of a local part in quotes (RFC 5321: `"jane doe"@c.org`); `place` where there is
    none.
    """
    at = text.rfind('"', max(0, place - 66), place - 1)
    while at > 0 and text[at - 1] == "\\":
        at = text.rfind('"', max(0, place - 66), at)
    return at if 0 <= at < place - 2 and "\n" not in text[at:place] else place


def _spaced_local(text: str, place: int) -> int:
    """Start of a local part that a blank parts from its at sign."""
    start = place
    if start and text[start - 1] in " \t":
        start -= 1
    else:
        return place
    word = start
    while start and place - start < 64:
        char = text[start - 1]
        if (
            char.isalnum()
            or char in "._+-"
            or (char in " \t" and start > 1 and (text[start - 2] in "._-" or text[start] in "._-"))
        ):
            start -= 1
        else:
            break
    return start if start < word else place


def spoken_mail(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return addresses read aloud: "jane dot doe at example dot com", and their parts in answer to
    a question.
    """
    vocab, out = reading.vocab, []
    if (
        reading.words.isdisjoint(vocab.mail_joints)
        and reading.words.isdisjoint(vocab.providers)
        and "email" not in reading.topics
    ):
        return []
    ats = reading.tokens_in(vocab.mail_at, "@")
    for stream in reading.streams:
        for place in stream.at(ats):
            token = stream[place]
            bracket = (
                0 < token < reading.count - 1
                and reading.low[token - 1] in "[({<"
                and reading.low[token + 1] in "])}>"
            )
            found = _domain(reading, stream, place + 1 + bracket)
            if found is None:
                continue
            last, sure = found
            first = local_part(reading, stream, place - 1 - bracket, sure)
            if first is not None and (
                sure
                or "email" in _topics(reading, token)
                or _mailbox(reading, stream, first, place)
            ):
                tokens = _with_echoes(reading, [t for t in stream[first : last + 1] if t >= 0])
                out.append(
                    ValueMatch(
                        "EMAIL_ADDRESS",
                        spans_of(reading, tokens),
                        0.9 if sure else 0.7,
                        "an e-mail address read aloud",
                    )
                )
        out.extend(_answers(reading, stream))
    return out


def _with_echoes(reading: TokenizedConversation, tokens: list[int]) -> list[int]:
    """Return the tokens of an address said over several turns, and those by which the other party
    repeats them in between.
    """
    first, last = reading.turn[tokens[0]], reading.turn[tokens[-1]]
    own, said = {reading.turn[t] for t in tokens}, {reading.low[t] for t in tokens}
    between = (reading.turns[n] for n in range(first + 1, last) if n not in own)
    return sorted(
        [
            *tokens,
            *(
                t
                for turn in between
                for t in range(turn.first, turn.last)
                if reading.low[t] in said
            ),
        ]
    )


def _mailbox(reading: TokenizedConversation, stream: list[int], first: int, place: int) -> bool:
    """Tell whether "... at gmail" is an address though no ending was said.

    It is by a joint, digits or a letter before it, or by a word that is no everyday one before a
    provider of nothing but mail.
    """
    vocab, local = reading.vocab, [t for t in stream[first:place] if t >= 0]
    if any(
        reading.low[t] in vocab.mail_joints or reading.kind[t] in (LETTER, DIGITS) for t in local
    ):
        return True
    only_mail = (
        reading.match(
            stream[place + 1], vocab.mail_only, reading.turns[reading.turn[stream[place + 1]]].last
        )
        if stream[place + 1] >= 0
        else None
    )
    return only_mail is not None and any(reading.low[t] not in vocab.words for t in local)


def _topics(reading: TokenizedConversation, token: int) -> set[str]:
    turn = reading.turn[token]
    return {t.name for t in open_questions(reading, turn)} | {
        c.topic for c in reading.cues_of.get(turn, ())
    }


def is_dot(reading: TokenizedConversation, token: int) -> bool:
    return token >= 0 and (
        reading.low[token] == "." or reading.vocab.mail_joints.get(reading.low[token]) == "."
    )


def ends_domain(reading: TokenizedConversation, dot: int, label: str) -> bool:
    """Tell whether `label` after the dot can end a domain; a full stop or "point" before a word
    such as "it" cannot.
    """
    vocab = reading.vocab
    if label not in vocab.tlds:
        return False
    if label not in vocab.word_tlds or reading.low[dot] in vocab.sure_dots:
        return True
    return reading.low[dot] == "." and reading.glued(dot) and reading.glued(dot + 1)


def is_label(reading: TokenizedConversation, token: int) -> bool:
    return token >= 0 and reading.kind[token] not in (SEPARATOR, LINE)


def _domain(
    reading: TokenizedConversation, stream: list[int], place: int
) -> tuple[int, bool] | None:
    """Place of the last token of a spoken domain, and whether it ends in a top-level domain; None
    where there is no domain.
    """
    vocab, size = reading.vocab, len(stream)
    words, at = 0, place
    while at < size and words < 7 and stream[at] != HARD:
        token = stream[at]
        if token == SOFT or (
            reading.low[token] in vocab.fillers
            and reading.low[token] not in vocab.mail_joints
            and words == 0
        ):
            at += 1
            continue
        if words and reading.low[token] in vocab.mail_at:
            return None  # "drop me a line at jane at ...": the later one is the at of the address
        if words and is_dot(reading, token):
            last = _endings(reading, stream, at)
            if last is not None:
                return last, True
            break
        if reading.kind[token] in (SEPARATOR, LINE) and reading.low[token] not in "-–":
            break
        words += 1
        at += 1
    return _provider(reading, stream, place)


def _endings(reading: TokenizedConversation, stream: list[int], at: int) -> int | None:
    """Place of the last token of what follows the dot at `at`, where a top-level domain is among
    it.
    """
    size, last, found = len(stream), at, False
    while at + 1 < size and is_dot(reading, stream[at]) and is_label(reading, stream[at + 1]):
        label, final = _spelled_label(reading, stream, at + 1)
        if label not in reading.vocab.tlds and not (
            final + 1 < size and is_dot(reading, stream[final + 1])
        ):
            break
        found = found or ends_domain(reading, stream[at], label)
        last, at = final, final + 1
    return last if found else None


def _provider(
    reading: TokenizedConversation, stream: list[int], place: int
) -> tuple[int, bool] | None:
    """As `_domain`, of a provider of mail whose ending was not said, or not the dot before it
    ("gmail com").
    """
    vocab = reading.vocab
    if place >= len(stream) or stream[place] < 0:
        return None
    split = reading.match(
        stream[place], vocab.split_providers, reading.turns[reading.turn[stream[place]]].last
    )
    if split is not None:
        return place + split[0] - stream[place] - 1, False
    if reading.low[stream[place]] not in vocab.providers:
        return None
    ahead = (
        reading.low[stream[place + 1]] if place + 1 < len(stream) and stream[place + 1] >= 0 else ""
    )
    return (
        (place + 1, True)
        if ahead in vocab.tlds and ahead not in vocab.word_tlds
        else (place, False)
    )


def _spelled_label(reading: TokenizedConversation, stream: list[int], at: int) -> tuple[str, int]:
    """Return the label at `at` and its last place; one read out ("c o", "u k") counts as one where
    that makes a top-level domain.
    """
    text, best = "", (reading.low[stream[at]], at)
    for place in range(at, min(at + 4, len(stream))):
        token = stream[place]
        if token < 0 or reading.kind[token] not in (LETTER, ZERO) or len(reading.low[token]) > 1:
            break
        text += reading.low[token]
        if len(text) > 1 and text in reading.vocab.tlds:
            best = (text, place)
    return best


def _answers(reading: TokenizedConversation, stream: TokenStream) -> list[ValueMatch]:
    """Half an address given in answer to a question ("jane underscore doe", then "gmail dot
    com").
    """
    out, vocab = [], reading.vocab
    if "email" not in reading.topics:
        return []
    for place in stream.at(reading.tokens_in(vocab.mail_joints)):
        token = stream[place]
        if reading.kind[token] == SEPARATOR:
            continue
        if not any(t.name == "email" for t in open_questions(reading, reading.turn[token])):
            continue
        first = local_part(reading, stream, place - 1)
        if first is None or place + 1 >= len(stream) or not is_label(reading, stream[place + 1]):
            continue
        tokens = [t for t in stream[first : place + 2] if t >= 0]
        out.append(
            ValueMatch(
                "EMAIL_ADDRESS",
                spans_of(reading, tokens),
                0.6,
                "part of an address, in answer to a question about e-mail",
            )
        )
    return out
