"""Payment cards as their magnetic stripe or chip says them."""

from __future__ import annotations

import re

from callveil.transforms.detect.recognizers.match import ValueMatch
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation

_TRACK = re.compile(
    r"(?P<pan>\d{12,19})(?:\^(?P<name>[^^\n]{2,26})\^|=|(?<=\d)[Dd](?=\d{7}))(?P<expiry>\d{4})(?P<rest>\d{3}[\d ]{0,40})"  # noqa: E501
)


_EMV = re.compile(r"5[Aa]0[78](\d{14,16})(?!\d)")


def card_tracks(reading: TokenizedConversation) -> list[ValueMatch]:
    """Return what a card's magnetic stripe says: number, holder, expiry, and codes behind it
    (ISO/IEC 7813, tracks 1 and 2); the chip's (EMV tag 5A).
    """
    out = []
    for match in _TRACK.finditer(reading.text) if reading.has_digits else ():
        for group, entity in (
            ("pan", "CREDIT_CARD"),
            ("name", "PERSON"),
            ("expiry", "CARD_EXPIRY"),
            ("rest", "CVV"),
        ):
            if match[group]:
                out.append(
                    ValueMatch(entity, (match.span(group),), 0.9, "track data of a payment card")
                )
    for match in _EMV.finditer(reading.text) if reading.has_digits else ():
        out.append(
            ValueMatch("CREDIT_CARD", (match.span(1),), 0.9, "account number of a chip card")
        )
    return out
