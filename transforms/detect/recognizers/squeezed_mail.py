"""E-mail addresses that have lost at sign and dots: "jane 54 gmailcom", "jane54 gmail com"."""

from __future__ import annotations

from functools import lru_cache

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.context import open_questions
from callveil.transforms.detect.recognizers.evidence import (
    LANGUAGE,
    RARE,
    is_ordinary_word,
    word_kind,
)
from callveil.transforms.detect.recognizers.mail import ends_domain
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import (
    DIGITS,
    LETTER,
    LINE,
    MONTH,
    SEPARATOR,
    SPOKEN_NUMBER,
    WORD,
    ZERO,
    load_vocabulary,
)

REACH = 12
"""Tokens of a local part, at most."""
WORDS = 3
"""Words of a local part, at most."""
SHORT = 5
"""A provider's name of fewer letters ends no longer word."""
SITE = 8
"""Letters of a domain nobody knows that is one word with its ending, at least."""
ENDINGS = ("com", "net", "org", "edu")
"""How such a domain ends."""
DOUBLE = frozenset(("co", "com", "org", "net"))
"""First parts of endings such as `co.uk`."""
SAID_ENDINGS = frozenset((*ENDINGS, "dotcom", "dotnet", "dotorg"))
"""Words behind a provider's name that make a domain of it."""


def may_hold_squeezed(reading: TokenizedConversation) -> bool:
    """Test cheaply for a provider's name, or a word that ends as a domain does."""
    return any(_domain_word(reading, word) for word in reading.words)


def squeezed_mail(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return addresses of a local part and a provider side by side, or run together."""
    out: list[ValueMatch] = []
    for token in reading.tokens_in({word for word in reading.words if _domain_word(reading, word)}):
        spend_steps()
        found = _address(reading, token)
        if found is not None:
            out.append(
                ValueMatch(
                    "EMAIL_ADDRESS",
                    spans_of(reading, list(found)),
                    0.8,
                    "an e-mail address without its signs",
                )
            )
    return out


def _domain_word(reading: TokenizedConversation, word: str) -> bool:
    """Tell whether a word may be a domain, or its first part."""
    vocab = reading.vocab
    if word in vocab.providers:
        return True
    if (
        len(word) >= SHORT
        and not reading.words.isdisjoint(SAID_ENDINGS)
        and _misspelt(word, vocab.language.code)
    ):
        return True
    return len(word) > SHORT and (
        word.endswith(ENDINGS) or local_part_length(word, vocab.language.code) is not None
    )


def _address(reading: TokenizedConversation, token: int) -> tuple[int, int] | None:
    """Return first and last token of the address whose domain begins with `token`."""
    vocab, low, stop = reading.vocab, reading.low[token], reading.turns[reading.turn[token]].last
    before = local_part_length(low, vocab.language.code)
    if before is not None:
        alone = before > 0 and not _number(reading, token - 1)
        first = token if alone else _local(reading, token)
        return (token if first is None else first, token) if before or first is not None else None
    squeezed = token + 1 < stop and reading.low[token + 1] in SAID_ENDINGS
    last = token + 1 if squeezed else _dotted_end(reading, token, stop)
    if last > token and (
        low in vocab.providers or (squeezed and _misspelt(low, vocab.language.code))
    ):
        first = _local(reading, token)
        said = first is not None and first == token - 1 and _everyday(reading, first)
        return None if first is None or said else (first, last)
    if low in vocab.mail_only and _ends(reading, token, stop):
        first = _local(reading, token)
        return (first, token) if first is not None and _written(reading, first, token) else None
    if (
        low.endswith(ENDINGS)
        and len(low) >= SITE
        and _wanted(reading, token)
        and _unknown(reading, low)
    ):
        first = _local(reading, token) if _number(reading, token - 1) else None
        return token if first is None else first, token
    return None


def _dotted_end(reading: TokenizedConversation, token: int, stop: int) -> int:
    """Return the last token of "dot com" or "dot co dot uk" behind a provider's name, else the
    name's; a full stop ends a sentence.
    """
    joints = reading.vocab.mail_joints
    while (
        token + 2 < stop
        and joints.get(reading.low[token + 1]) == "."
        and ends_domain(reading, token + 1, reading.low[token + 2])
    ):
        token += 2
    return token


def _everyday(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether a word before a provider is an ordinary one, and no local part ("reset
    outlook").
    """
    low = reading.low[token]
    return reading.kind[token] == WORD and (
        low in reading.vocab.words
        or (reading.vocab.language.code == LANGUAGE and is_ordinary_word(low))
    )


@lru_cache(maxsize=4096)
def local_part_length(word: str, language: str) -> int | None:
    """Return letters before the provider in `gmailcom` or `janegmailcom`; None for any other
    word.
    """
    vocab = load_vocabulary(language)
    for size in (3, 2, 4, 5):  # com, de, couk, comau
        stem, end = word[:-size], word[-size:]
        double = any(end[:n] in DOUBLE and end[n:] in vocab.tlds for n in (2, 3))
        if not double if size > 3 else end not in vocab.tlds:
            continue
        if stem in vocab.providers and (len(stem) >= SHORT or end in ENDINGS):
            return 0
        if size == 3 and _misspelt(stem, language):
            return 0
        known = max(
            (p for p in vocab.providers if len(p) >= SHORT and stem.endswith(p)),
            key=len,
            default="",
        )
        if known:
            return len(stem) - len(known)
        if size == 3 and end == "com" and stem.endswith("mail"):
            return 0
    return None


@lru_cache(maxsize=4096)
def _misspelt(stem: str, language: str) -> bool:
    """Tell whether a stem is one letter off a provider of nothing but mail ("gmial", "hotmal")."""
    vocab = load_vocabulary(language)
    only = [
        words[0] for phrases in vocab.mail_only.values() for words, _ in phrases if len(words) == 1
    ]
    return (
        stem not in vocab.words
        and stem not in vocab.providers
        and any(within_one_edit(stem, name) for name in (*only, "yahoo", "outlook"))
    )


def within_one_edit(a: str, b: str) -> bool:
    """Tell whether one letter more, less, other or exchanged with the next makes `b` of `a`."""
    if abs(len(a) - len(b)) > 1 or len(b) < SHORT:
        return False
    head = next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    x, y = a[head:], b[head:]
    return x[1:] == y[1:] or x[1:] == y or x == y[1:] or (x[1:2] + x[:1] + x[2:]) == y


def _number(reading: TokenizedConversation, token: int) -> bool:
    return (
        token >= 0
        and reading.kind[token] == DIGITS
        and reading.turn[token] == reading.turn[token + 1]
    )


def _local(reading: TokenizedConversation, token: int) -> int | None:
    """Return the first token of the local part before `token`: numbers, letters, joints, a few
    words.
    """
    vocab, first, words, joined = reading.vocab, None, 0, False
    start = max(reading.turns[reading.turn[token]].first, token - REACH)
    if token - 1 > start and reading.low[token - 1] in vocab.mail_at:
        token -= 1
    for at in range(token - 1, start - 1, -1):
        spend_steps()
        low, kind = reading.low[at], reading.kind[at]
        if low in vocab.mail_joints or (kind == SEPARATOR and low in "._-+"):
            joined = True
            continue
        if kind in (DIGITS, ZERO) or kind in SPOKEN_NUMBER:
            first, joined = at, False
            continue
        if kind == LETTER and (low not in vocab.sets["word_letters"] or joined):
            first, joined = at, False
            continue
        plain = low in vocab.mail_stops or low in vocab.fillers or low in vocab.backchannel
        if kind not in (WORD, MONTH) or (plain and not joined) or words >= WORDS:
            break
        if (
            words
            and not joined
            and (low in vocab.words or (vocab.language.code == LANGUAGE and is_ordinary_word(low)))
        ):
            break
        first, words, joined = at, words + 1, False
    return first


def _written(reading: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell whether a local part is one without an ending: a sign, letter or number by a rare
    word.
    """
    tokens = range(first, stop)
    signs = any(
        reading.kind[t] in (DIGITS, LETTER)
        or reading.low[t] in reading.vocab.mail_joints
        or reading.low[t] in "._"
        for t in tokens
    )
    return signs and any(
        reading.kind[t] == WORD and reading.low[t] not in reading.vocab.words for t in tokens
    )


def _ends(reading: TokenizedConversation, token: int, stop: int) -> bool:
    return token + 1 >= stop or reading.kind[token + 1] in (SEPARATOR, LINE)


def _wanted(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether an e-mail address is spoken of or asked for, or whoever asked is not heard."""
    turn = reading.turn[token]
    alone = token == reading.turns[turn].last - 1 and reading.turns[turn].first >= token - 1
    if (reading.one_party and alone) or any(
        cue.topic == "email" for cue in reading.cues_of.get(turn, ())
    ):
        return True
    return any(topic.name == "email" for topic in open_questions(reading, turn))


def _unknown(reading: TokenizedConversation, low: str) -> bool:
    return low not in reading.vocab.words and (
        reading.vocab.language.code != LANGUAGE or word_kind(low) == RARE
    )
