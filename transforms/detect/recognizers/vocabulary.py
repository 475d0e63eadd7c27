"""A language's data compiled to the tables that the token pass looks words up in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from callveil.transforms.detect.lang import Language, Phrases, load_language, phrases

# kinds of a token
WORD, DIGITS, UNIT, ZERO, TEEN, TENS, HUNDRED, THOUSAND, MULTIPLE, ORDINAL, MONTH, LETTER, SEPARATOR, LINE = range(14)
NUMERIC = frozenset((DIGITS, UNIT, TEEN, TENS))
"""Kinds that can begin a number by themselves."""
SPOKEN_NUMBER = frozenset((UNIT, TEEN, TENS, HUNDRED, THOUSAND, MULTIPLE, ORDINAL))


@dataclass(frozen=True)
class Vocabulary:
    """Lookup tables of one language; every set and mapping holds lower-case words."""

    language: Language
    kinds: Mapping[str, tuple[int, str]]
    months: Mapping[str, int]
    fillers: frozenset[str]
    repairs: frozenset[str]
    backchannel: frozenset[str]
    joints: Mapping[str, str]
    quantities: frozenset[str]
    one_before: frozenset[str]
    one_after: frozenset[str]
    homophones: Mapping[str, str]
    sounds: Mapping[str, str]
    nato: Mapping[str, str]
    acronyms: frozenset[str]
    ordinal_suffixes: frozenset[str]
    date_words: frozenset[str]
    currency_signs: str
    currencies: frozenset[str]
    cues: Phrases
    openers: frozenset[str]
    requests: frozenset[str]
    repeats: frozenset[str]
    answer_frames: frozenset[str]
    question_words: frozenset[str]
    words: frozenset[str]
    sets: Mapping[str, frozenset[str]]
    spelling_links: tuple[tuple[str, ...], ...]
    streets: frozenset[str]
    weak_streets: frozenset[str]
    street_prefixes: frozenset[str]
    directions: frozenset[str]
    units: frozenset[str]
    sure_units: frozenset[str]
    street_endings: tuple[str, ...]
    address_stops: frozenset[str]
    address_leads: Phrases
    boxes: Phrases
    tails: Phrases
    states: Phrases
    state_codes: frozenset[str]
    name_leads: Phrases
    callers: frozenset[str]
    titles: frozenset[str]
    spoken_after: frozenset[str]
    particles: frozenset[str]
    frames: frozenset[str]
    person_asks: frozenset[str]
    before_names: frozenset[str]
    ambiguous_names: frozenset[str]
    things: frozenset[str]
    months_also_words: frozenset[str]
    clock_before: frozenset[str]
    mail_at: frozenset[str]
    mail_joints: Mapping[str, str]
    tlds: frozenset[str]
    word_tlds: frozenset[str]
    providers: frozenset[str]
    split_providers: Phrases
    mail_stops: frozenset[str]


@lru_cache(maxsize=16)
def vocabulary(code: str) -> Vocabulary:
    """The tables of language `code`; raises `LanguageError` where there is no data for it."""
    language = load_language(code)
    lex, net, adr, nam = language.lexicon, language.internet, language.address, language.names

    def words(data: Mapping[str, Any], key: str) -> frozenset[str]:
        return frozenset(data[key])

    def plain(data: Mapping[str, Any], key: str, label: str = "") -> Phrases:
        return phrases((phrase, label) for phrase in data[key])

    kinds: dict[str, tuple[int, str]] = {}
    kinds.update({w: (MONTH, v) for w, v in lex["months"].items()})
    kinds.update({w: (ORDINAL, v) for w, v in lex["ordinals"].items()})
    kinds.update({w: (UNIT, v) for w, v in lex["units"].items()})
    kinds.update(dict.fromkeys(lex["zeros"], (ZERO, "0")))
    kinds.update({w: (TEEN, v) for w, v in lex["teens"].items()})
    kinds.update({w: (TENS, v) for w, v in lex["tens"].items()})
    kinds.update(dict.fromkeys(lex["hundred"], (HUNDRED, "00")))
    kinds.update(dict.fromkeys(lex["thousand"], (THOUSAND, "000")))
    kinds.update({w: (MULTIPLE, v) for w, v in lex["multiples"].items()})
    return Vocabulary(
        language=language,
        kinds=kinds,
        months={w: int(v) for w, v in lex["months"].items()},
        fillers=words(lex, "fillers"),
        repairs=words(lex, "repairs"),
        backchannel=words(lex, "backchannel"),
        joints=lex["joints"],
        quantities=words(lex, "quantities"),
        one_before=words(lex, "one_before"),
        one_after=words(lex, "one_after"),
        homophones=lex["homophones"],
        sounds=lex["letter_sounds"],
        nato=lex["nato"],
        acronyms=words(lex, "acronyms"),
        ordinal_suffixes=words(lex, "ordinal_suffixes"),
        date_words=words(lex, "date_words"),
        currency_signs=lex["currency_signs"],
        currencies=words(lex, "currencies"),
        cues=language.cues,
        openers=language.openers,
        requests=language.requests,
        repeats=language.repeats,
        answer_frames=language.answer_frames,
        question_words=language.question_words,
        words=language.words,
        sets={name: frozenset(items) for name, items in language.sets.items()},
        spelling_links=tuple(tuple(link.split()) for link in language.sets["spelling_links"]),
        streets=words(adr, "suffixes") | words(adr, "abbreviations"),
        weak_streets=words(adr, "weak_suffixes"),
        street_prefixes=words(adr, "prefixes"),
        directions=words(adr, "directions"),
        units=words(adr, "units"),
        sure_units=words(adr, "sure_units"),
        street_endings=tuple(adr["endings"]),
        address_stops=words(adr, "stops"),
        address_leads=plain(adr, "leads"),
        boxes=plain(adr, "boxes"),
        tails=plain(adr, "tails"),
        states=plain(adr, "states"),
        state_codes=words(adr, "state_codes"),
        name_leads=phrases([(p, "strong") for p in nam["strong"]] + [(p, "weak") for p in nam["weak"]] + [(p, "label") for p in nam["labels"]]),
        callers=words(nam, "callers"),
        titles=words(nam, "titles"),
        spoken_after=words(nam, "spoken_after"),
        particles=words(nam, "particles"),
        frames=words(nam, "frames"),
        person_asks=words(nam, "person_asks"),
        before_names=words(nam, "before"),
        ambiguous_names=words(nam, "ambiguous"),
        things=words(nam, "things"),
        months_also_words=words(lex, "months_also_words"),
        clock_before=words(lex, "clock_before"),
        mail_at=words(net, "at"),
        mail_joints=net["joints"],
        tlds=words(net, "tlds"),
        word_tlds=words(net, "word_tlds"),
        providers=words(net, "providers"),
        split_providers=plain(net, "providers_split"),
        mail_stops=words(net, "stops"),
    )
