"""E-mail addresses, web addresses and network addresses, written, spaced out and spoken."""

from __future__ import annotations

import ipaddress
import re

from callveil.transforms.detect.recognizers.context import questions
from callveil.transforms.detect.recognizers.hit import Hit, spans_of
from callveil.transforms.detect.recognizers.reading import HARD, SOFT, Reading
from callveil.transforms.detect.recognizers.vocabulary import DIGITS, LETTER, LINE, MONTH, SEPARATOR, SPOKEN_NUMBER, WORD, ZERO

_DOMAIN = re.compile(r"[ \t]?[\w-]{1,63}(?:[ \t]?\.[ \t]?[\w-]{2,63}){0,6}")
_TIGHT_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_LOCAL = frozenset(".+-_%&'*/=?^`{|}~!#$")
_URL = re.compile(r"(?i)\b(?:https?|ftp)://[^\s<>\"]{1,2000}|\bwww\.[^\s<>\"]{1,2000}|(?<![\w@.])(?:[a-z0-9-]{2,63}\.){1,4}[a-z]{2,10}\b(?:/[^\s<>\"]{0,500})?")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?i)(?<![\w:.])[0-9a-f:]{2,39}(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})?(?![\w:])")
_MAC = re.compile(r"(?i)(?<![\w:-])[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![\w:-])|(?<![\w.])(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}(?![\w.])")
_BARE_TLDS = frozenset("com org net edu gov mil info biz app dev online shop store example io uk de nl fr ai ca eu tv xyz co".split())
_TRAILING = ".,;:!?)]}'\"’”"
_REACH = 26
"""A local part read aloud is at most this many tokens."""


def written_mail(reading: Reading) -> list[Hit]:
    """Addresses around an at sign, tight ("a.b@c.org") or spaced ("a . b @ c . org")."""
    text, out = reading.text, []
    place = text.find("@")
    while place >= 0:
        start = place
        while start and place - start < 64 and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        spaced = start == place
        if spaced:
            start = _spaced_local(text, place)
        begin = start
        while begin < place and text[begin] in _LOCAL:
            begin += 1
        if begin < place:
            match = _TIGHT_DOMAIN.match(text, place + 1) or _DOMAIN.match(text, place + 1)
            if match is not None:
                loose = _DOMAIN.match(text, place + 1)
                end = match.end()
                if loose is not None and loose.end() > end and loose.group().rsplit(".", 1)[-1].strip().lower() in reading.vocab.tlds:
                    end = loose.end()
                if "." in text[place:end] or not text[place + 1].isspace():
                    out.append(Hit("EMAIL_ADDRESS", ((begin, end),), 0.95 if "." in text[place:end] else 0.6, "form of an e-mail address"))
        place = text.find("@", place + 1)
    return out


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
        if char.isalnum() or char in "._+-":
            start -= 1
        elif char in " \t" and start > 1 and (text[start - 2] in "._-" or text[start] in "._-"):
            start -= 1
        else:
            break
    return start if start < word else place


def spoken_mail(reading: Reading) -> list[Hit]:
    """Addresses read aloud: "jane dot doe at example dot com", and their parts in answer to a question."""
    vocab, out = reading.vocab, []
    if reading.words.isdisjoint(vocab.mail_joints) and reading.words.isdisjoint(vocab.providers) and "email" not in reading.topics:
        return []
    for stream in reading.streams:
        for place, token in enumerate(stream):
            if token < 0:
                continue
            if reading.low[token] in vocab.mail_at or reading.low[token] == "@":
                found = _domain(reading, stream, place + 1)
                if found is None:
                    continue
                last, sure = found
                first = _local(reading, stream, place - 1)
                about = sure or "email" in _topics(reading, token)
                if first is not None and about:
                    tokens = [t for t in stream[first : last + 1] if t >= 0]
                    out.append(Hit("EMAIL_ADDRESS", spans_of(reading, tokens), 0.9 if sure else 0.7, "an e-mail address read aloud"))
        out.extend(_answers(reading, stream))
    return out


def _topics(reading: Reading, token: int) -> set[str]:
    turn = reading.turn[token]
    return {t.name for t in questions(reading, turn)} | {c.topic for c in reading.cues_of.get(turn, ())}


def _is_dot(reading: Reading, token: int) -> bool:
    return token >= 0 and (reading.low[token] == "." or reading.vocab.mail_joints.get(reading.low[token]) == ".")


def _ends_domain(reading: Reading, dot: int, label: str) -> bool:
    """Whether `label` after the dot can end a domain; a full stop or "point" before a word such as "it" cannot."""
    vocab = reading.vocab
    if label not in vocab.tlds:
        return False
    if label not in vocab.word_tlds or reading.low[dot] == "dot":
        return True
    return reading.low[dot] == "." and reading.glued(dot) and reading.glued(dot + 1)


def _label(reading: Reading, token: int) -> bool:
    return token >= 0 and reading.kind[token] not in (SEPARATOR, LINE)


def _domain(reading: Reading, stream: list[int], place: int) -> tuple[int, bool] | None:
    """Place of the last token of a spoken domain, and whether it ends in a top-level domain; None where there is no domain."""
    vocab, size = reading.vocab, len(stream)
    words, at = 0, place
    while at < size and words < 7:
        token = stream[at]
        if token == HARD:
            break
        if token == SOFT or (reading.low[token] in vocab.fillers and reading.low[token] not in vocab.mail_joints and words == 0):
            at += 1
            continue
        if _is_dot(reading, token) and words:
            last, found = at, False
            while at + 1 < size and _is_dot(reading, stream[at]) and _label(reading, stream[at + 1]):
                label = reading.low[stream[at + 1]]
                if label not in vocab.tlds and not (at + 2 < size and _is_dot(reading, stream[at + 2])):
                    break
                found = found or _ends_domain(reading, stream[at], label)
                last, at = at + 1, at + 2
            return (last, True) if found else None
        if reading.kind[token] in (SEPARATOR, LINE) and reading.low[token] not in "-–":
            break
        words += 1
        at += 1
    if place < size and stream[place] >= 0:
        split = reading.match(stream[place], vocab.split_providers, reading.turns[reading.turn[stream[place]]].last)
        if split is not None:
            return place + split[0] - stream[place] - 1, False
        if reading.low[stream[place]] in vocab.providers:
            return place, False
    return None


def _local(reading: Reading, stream: list[int], place: int) -> int | None:
    """Place of the first token of the local part that ends at `place`, reading leftwards."""
    vocab, plain, best = reading.vocab, 0, None
    joined = False
    for steps in range(_REACH):
        at = place - steps
        if at < 0 or stream[at] == HARD:
            break
        token = stream[at]
        if token == SOFT:
            continue
        low, kind = reading.low[token], reading.kind[token]
        if low in vocab.mail_joints or (kind == SEPARATOR and low in "._-+"):
            if best is None:
                break
            joined, plain = True, 0
            continue
        if kind == DIGITS or kind in SPOKEN_NUMBER or kind == ZERO:
            best, joined = at, False
            continue
        if kind == LETTER and (low not in "ai" or best is not None or joined):
            if low in "ai" and best is not None and not joined and reading.kind[stream[best]] not in (LETTER, DIGITS):
                break
            best, joined = at, False
            continue
        if kind not in (WORD, MONTH, LETTER):
            break
        if low in ("in", "for", "like", "as") and _alphabet(reading, stream, at):
            continue
        if low in ("capital", "lowercase", "uppercase", "letter", "number", "all", "one", "word"):
            continue
        if low in vocab.mail_stops and not joined:
            break
        if plain >= 3 and not joined:
            break
        plain += 1
        best, joined = at, False
    return best


def _alphabet(reading: Reading, stream: list[int], at: int) -> bool:
    """Whether `at` is the link of "b as in boy" or "b for boy"."""
    back = at - 1
    if back >= 0 and stream[back] >= 0 and reading.low[stream[back]] == "as":
        back -= 1
    return back >= 0 and stream[back] >= 0 and reading.kind[stream[back]] == LETTER


def _answers(reading: Reading, stream: list[int]) -> list[Hit]:
    """Half an address given in answer to a question ("jane underscore doe", then "gmail dot com")."""
    out, vocab = [], reading.vocab
    if "email" not in reading.topics:
        return []
    for place, token in enumerate(stream):
        if token < 0 or reading.low[token] not in vocab.mail_joints or reading.kind[token] == SEPARATOR:
            continue
        if not any(t.name == "email" for t in questions(reading, reading.turn[token])):
            continue
        first = _local(reading, stream, place - 1)
        if first is None or place + 1 >= len(stream) or not _label(reading, stream[place + 1]):
            continue
        tokens = [t for t in stream[first : place + 2] if t >= 0]
        out.append(Hit("EMAIL_ADDRESS", spans_of(reading, tokens), 0.6, "part of an address, in answer to a question about e-mail"))
    return out


def urls(reading: Reading) -> list[Hit]:
    """Web addresses, written and spoken ("www dot example dot com slash help")."""
    text, out = reading.text, []
    if "." in text:
        for match in _URL.finditer(text):
            whole = match.group()
            low = whole.lower()
            if "://" not in low and not low.startswith("www."):
                host = low.split("/", 1)[0]
                if host.rsplit(".", 1)[-1] not in _BARE_TLDS or host.replace(".", "").isdigit() or text[match.start() - 1 : match.start()] == "@":
                    continue
            end = match.start() + len(whole.rstrip(_TRAILING))
            if end > match.start():
                out.append(Hit("URL", ((match.start(), end),), 0.6, "form of a web address"))
    dots = [t for t in range(reading.count) if reading.kind[t] == WORD and reading.vocab.mail_joints.get(reading.low[t]) == "."]
    done = -1
    for dot in dots:
        if dot <= done or dot + 1 >= reading.count or reading.turn[dot] != reading.turn[dot + 1] or dot == 0 or not _label(reading, dot - 1):
            continue
        last, found, at = dot, False, dot
        while at + 1 < reading.count and reading.turn[at + 1] == reading.turn[dot] and _is_dot(reading, at) and _label(reading, at + 1):
            found = found or _ends_domain(reading, at, reading.low[at + 1])
            last, at = at + 1, at + 2
        if found and reading.low[last] in reading.vocab.tlds:
            out.append(Hit("URL", spans_of(reading, [dot - 1, last]), 0.5, "a web address read aloud"))
            done = last
    return out


def network(reading: Reading) -> list[Hit]:
    """IP addresses of both versions and hardware addresses, written; IPv4 spoken with "dot" between its parts."""
    text, out = reading.text, []
    for match in _MAC.finditer(text):
        out.append(Hit("MAC_ADDRESS", (match.span(),), 0.9, "form of a hardware address"))
    for match in _IPV4.finditer(text):
        if all(int(part) <= 255 for part in match.group().split(".")):
            out.append(Hit("IP_ADDRESS", (match.span(),), 0.9, "form of an IPv4 address"))
    if text.count(":") >= 2:
        for match in _IPV6.finditer(text):
            if match.group().count(":") >= 2 and len(match.group()) >= 4 and _ipv6(match.group()):
                out.append(Hit("IP_ADDRESS", (match.span(),), 0.9, "form of an IPv6 address"))
    return out


def _ipv6(candidate: str) -> bool:
    try:
        ipaddress.IPv6Address(candidate)
    except ValueError:
        return False
    return True


def spoken_ip(reading: Reading) -> list[Hit]:
    """ "one nine two dot one six eight dot one dot five": four numbers to 255 with "dot" between them."""
    if not any(reading.vocab.mail_joints.get(word) == "." for word in reading.words if word != "."):
        return []
    out = []
    for said in reading.turns:
        groups: list[tuple[str, int, int]] = []
        token = said.first
        while token < said.last:
            digits, first = "", token
            while token < said.last and reading.value[token] and reading.kind[token] != MONTH:
                digits += reading.value[token]
                token += 1
            if digits:
                groups.append((digits, first, token - 1))
                if len(groups) >= 4:
                    four = groups[-4:]
                    if all(len(g[0]) <= 3 and int(g[0]) <= 255 for g in four):
                        out.append(Hit("IP_ADDRESS", spans_of(reading, [four[0][1], four[3][2]]), 0.7, "an IPv4 address read aloud"))
                if not (token < said.last and _is_dot(reading, token)):
                    groups = []
            else:
                groups = []
            token += 1
    return out
