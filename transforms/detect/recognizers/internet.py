"""Web addresses and network addresses, written and spoken."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter

from callveil.transforms.detect.budget import spend_steps
from callveil.transforms.detect.recognizers.mail import ends_domain, is_dot, is_label
from callveil.transforms.detect.recognizers.match import ValueMatch, spans_of
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import MONTH, WORD

_URL = re.compile(
    r"(?i)\b(?:https?|ftp)://[^\s<>\"]{1,2000}|\bwww\.[^\s<>\"]{1,2000}|(?<![\w@.])(?:[a-z0-9-]{2,63}\.){1,4}[a-z]{2,10}\b(?:/[^\s<>\"]{0,500})?"
)
_MAY_URL = re.compile(r"(?i)\.[a-z]{2}|://|www\.")
_MAY_MAC = re.compile(r"(?i)[:.-](?:[0-9a-f]{2}[:-]|[0-9a-f]{4})")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6 = re.compile(
    r"(?i)(?<![\w:.])[0-9a-f:]{2,39}(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})?(?![\w:])"
)
_MAC = re.compile(
    r"(?i)(?<![\w:-])[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![\w:-])|(?<![\w.])(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}(?![\w.])"
)
_TRAILING = ".,;:!?)]}'\"’”"


def find_urls(reading: TokenizedConversation) -> list[ValueMatch]:
    """Web addresses, written and spoken ("www dot example dot com slash help")."""
    text, out = reading.text, []
    if _MAY_URL.search(text):
        for match in _URL.finditer(text):
            whole = match.group()
            low = whole.lower()
            if "://" not in low and not low.startswith("www."):
                host = low.split("/", 1)[0]
                if (
                    host.rsplit(".", 1)[-1] not in reading.vocab.bare_tlds
                    or host.replace(".", "").isdigit()
                    or text[match.start() - 1 : match.start()] == "@"
                ):
                    continue
            end = match.start() + len(whole.rstrip(_TRAILING))
            if end > match.start():
                out.append(ValueMatch("URL", ((match.start(), end),), 0.6, "form of a web address"))
    dots = [t for t in reading.tokens_in(_spoken_dots(reading)) if reading.kind[t] == WORD]
    done, chains = -1, _Chains(reading)
    for dot in dots:
        if (
            dot <= done
            or dot + 1 >= reading.count
            or reading.turn[dot] != reading.turn[dot + 1]
            or dot == 0
            or not is_label(reading, dot - 1)
            or reading.low[dot - 1] in reading.vocab.sets["no_labels"]
        ):
            continue
        last, sure = chains.end(dot)
        if sure >= dot and reading.low[last] in reading.vocab.tlds:
            out.append(
                ValueMatch(
                    "URL", spans_of(reading, [dot - 1, last]), 0.5, "a web address read aloud"
                )
            )
            done = last
    return out


class _Chains:
    """Labels with a dot between each two; each chain is walked once, from wherever it is come
    upon.
    """

    def __init__(self, reading: TokenizedConversation) -> None:
        self.reading = reading
        self._ends: dict[int, tuple[int, int]] = {}

    def end(self, dot: int) -> tuple[int, int]:
        """Return the last token of the chain that goes on at `dot`, and the last dot in it that
        ends a domain, -1 where none does.
        """
        reading, at, last, sure = self.reading, dot, dot, -1
        passed: list[int] = []
        while (
            at + 1 < reading.count
            and reading.turn[at + 1] == reading.turn[dot]
            and is_dot(reading, at)
            and is_label(reading, at + 1)
        ):
            spend_steps()
            if at in self._ends:
                last, sure = self._ends[at][0], max(sure, self._ends[at][1])
                break
            if ends_domain(reading, at, reading.low[at + 1]):
                sure = at
            passed.append(at)
            last, at = at + 1, at + 2
        for place in passed:
            self._ends[place] = last, sure
        return last, sure


def find_network_addresses(reading: TokenizedConversation) -> list[ValueMatch]:
    """IP addresses of both versions and hardware addresses, written; IPv4 spoken with "dot" between
    its parts.
    """
    text, out = reading.text, []
    for match in _MAC.finditer(text) if _MAY_MAC.search(text) else ():
        out.append(ValueMatch("MAC_ADDRESS", (match.span(),), 0.9, "form of a hardware address"))
    for match in _IPV4.finditer(text) if reading.has_digits and "." in reading.words else ():
        if all(int(part) <= 255 for part in match.group().split(".")):
            out.append(ValueMatch("IP_ADDRESS", (match.span(),), 0.9, "form of an IPv4 address"))
    if text.count(":") >= 2:
        for match in _IPV6.finditer(text):
            if match.group().count(":") >= 2 and len(match.group()) >= 4 and _ipv6(match.group()):
                out.append(
                    ValueMatch("IP_ADDRESS", (match.span(),), 0.9, "form of an IPv6 address")
                )
    return out


def _ipv6(candidate: str) -> bool:
    try:
        ipaddress.IPv6Address(candidate)
    except ValueError:
        return False
    return True


def _spoken_dots(reading: TokenizedConversation) -> frozenset[str]:
    """Return words that stand for a dot."""
    return frozenset(
        word for word, sign in reading.vocab.mail_joints.items() if sign == "." and word != "."
    )


def spoken_ip(reading: TokenizedConversation) -> list[ValueMatch]:
    """ "one nine two dot one six eight dot one dot five": four numbers to 255 with "dot" between
    them.
    """
    dots = _spoken_dots(reading)
    if reading.words.isdisjoint(dots):
        return []
    out = []
    parted = Counter(reading.turn[t] for t in reading.tokens_in(dots, "."))
    for said in (reading.turns[turn] for turn in sorted(parted) if parted[turn] >= 3):
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
                        out.append(
                            ValueMatch(
                                "IP_ADDRESS",
                                spans_of(reading, [four[0][1], four[3][2]]),
                                0.7,
                                "an IPv4 address read aloud",
                            )
                        )
                if not (token < said.last and is_dot(reading, token)):
                    groups = []
            else:
                groups = []
            token += 1
    return out
