"""A language's data compiled to the tables that the token pass looks words up in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from callveil.transforms.detect.lang import LanguageData, Phrases, index_phrases, load_language

# kinds of a token
(
    WORD,
    DIGITS,
    UNIT,
    ZERO,
    TEEN,
    TENS,
    HUNDRED,
    THOUSAND,
    MULTIPLE,
    ORDINAL,
    MONTH,
    LETTER,
    SEPARATOR,
    LINE,
) = range(14)
NUMERIC = frozenset((DIGITS, UNIT, TEEN, TENS))
"""Kinds that can begin a number by themselves."""
PLAIN = frozenset((WORD, SEPARATOR, LINE))
"""Kinds of which no number, date or spelled letter is made."""
SPOKEN_NUMBER = frozenset((UNIT, TEEN, TENS, HUNDRED, THOUSAND, MULTIPLE, ORDINAL))


@dataclass(frozen=True)
class Vocabulary:
    """Lookup tables of one language; every set and mapping holds lower-case words."""

    language: LanguageData
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
    everyday_alphabet: Mapping[str, str]
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
    common: frozenset[str]
    sets: Mapping[str, frozenset[str]]
    spelling_links: tuple[tuple[str, ...], ...]
    streets: frozenset[str]
    weak_streets: frozenset[str]
    street_prefixes: frozenset[str]
    directions: frozenset[str]
    units: frozenset[str]
    sure_units: frozenset[str]
    street_endings: tuple[str, ...]
    capital_endings: tuple[str, ...]
    address_stops: frozenset[str]
    address_leads: Phrases
    boxes: Phrases
    tails: Phrases
    states: Phrases
    state_codes: frozenset[str]
    name_leads: Phrases
    handed_leads: Phrases
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
    mail_only: Phrases
    mail_stops: frozenset[str]
    sure_dots: frozenset[str]
    bare_tlds: frozenset[str]
    kind_first: bool
    street_words: frozenset[str]
    postcode_first: bool
    sure_prefixes: frozenset[str]
    phone_forms: re.Pattern[str] | None
    no_numbers: re.Pattern[str] | None
    plate_forms: re.Pattern[str] | None
    regions: tuple[str, ...]
    national_ids: frozenset[str]
    topics: Mapping[str, str]
    # for languages with `accents: fold` only
    elided: frozenset[str]
    compounds: Phrases
    joined: Phrases
    later_cues: bool
    number_joints: frozenset[str]
    number_articles: frozenset[str]
    glued_and: str
    glued_one: str
    glued_hundred: str
    glued_thousand: str
    glued_ordinals: tuple[str, ...]


class _Sets(dict[str, frozenset[str]]):
    """Sets of words by name; one that a language does not have is empty."""

    def __missing__(self, name: str) -> frozenset[str]:
        return frozenset()


@lru_cache(maxsize=16)
def load_vocabulary(code: str) -> Vocabulary:
    """Return the tables of language `code`; raises `LanguageError` where there is no data for
    it.
    """
    language = load_language(code)
    lex, net, adr, nam = language.lexicon, language.internet, language.address, language.names

    def words(data: Mapping[str, Any], key: str) -> frozenset[str]:
        return frozenset(data.get(key, ()))

    def plain(data: Mapping[str, Any], key: str, label: str = "") -> Phrases:
        return index_phrases((phrase, label) for phrase in data.get(key, ()))

    def table(data: Mapping[str, Any], key: str) -> dict[str, str]:
        return dict(data.get(key, {}))

    def pattern(key: str) -> re.Pattern[str] | None:
        return re.compile("|".join(f"(?:{form})" for form in lex[key])) if lex.get(key) else None

    kinds: dict[str, tuple[int, str]] = {}
    kinds.update({w: (MONTH, v) for w, v in table(lex, "months").items()})
    kinds.update({w: (ORDINAL, v) for w, v in table(lex, "ordinals").items()})
    kinds.update({w: (UNIT, v) for w, v in table(lex, "units").items()})
    kinds.update(dict.fromkeys(lex.get("zeros", ()), (ZERO, "0")))
    kinds.update(
        {
            w: (TEEN, v)
            for w, v in (
                table(lex, "compounds") | table(lex, "teens") | table(lex, "hundreds")
            ).items()
            if " " not in w
        }
    )
    kinds.update({w: (TENS, v) for w, v in table(lex, "tens").items()})
    kinds.update(dict.fromkeys(lex.get("hundred", ()), (HUNDRED, "00")))
    kinds.update(dict.fromkeys(lex.get("thousand", ()), (THOUSAND, "000")))
    kinds.update({w: (MULTIPLE, v) for w, v in table(lex, "multiples").items() if " " not in w})
    joined = [(p, v) for p, v in table(lex, "multiples").items() if " " in p]
    joined += [
        (p, "") for data in (table(lex, "joints"), table(net, "joints")) for p in data if " " in p
    ]
    joined += [(p, "") for p in lex.get("quantities", ()) if " " in p]
    glue = table(lex, "glue")
    return Vocabulary(
        language=language,
        kinds=kinds,
        months={w: int(v) for w, v in table(lex, "months").items()},
        fillers=words(lex, "fillers"),
        repairs=words(lex, "repairs"),
        backchannel=words(lex, "backchannel"),
        joints=table(lex, "joints"),
        quantities=words(lex, "quantities"),
        one_before=words(lex, "one_before"),
        one_after=words(lex, "one_after"),
        homophones=table(lex, "homophones"),
        sounds=table(lex, "letter_sounds"),
        nato=table(lex, "nato"),
        everyday_alphabet={word: word[0] for word in lex.get("everyday_alphabet", ())},
        acronyms=words(lex, "acronyms"),
        ordinal_suffixes=words(lex, "ordinal_suffixes"),
        date_words=words(lex, "date_words"),
        currency_signs=str(lex.get("currency_signs", "")),
        currencies=words(lex, "currencies"),
        cues=language.cues,
        openers=language.openers,
        requests=language.requests,
        repeats=language.repeats,
        answer_frames=language.answer_frames,
        question_words=language.question_words,
        words=language.words,
        common=language.common,
        sets=_Sets({name: frozenset(items) for name, items in language.sets.items()}),
        spelling_links=tuple(
            tuple(link.split()) for link in language.sets.get("spelling_links", ())
        ),
        streets=words(adr, "suffixes") | words(adr, "abbreviations"),
        weak_streets=words(adr, "weak_suffixes"),
        street_prefixes=words(adr, "prefixes"),
        directions=words(adr, "directions"),
        units=words(adr, "units"),
        sure_units=words(adr, "sure_units"),
        street_endings=tuple(adr.get("endings", ())),
        capital_endings=tuple(adr.get("capital_endings", ())),
        address_stops=words(adr, "stops"),
        address_leads=plain(adr, "leads"),
        boxes=plain(adr, "boxes"),
        tails=plain(adr, "tails"),
        states=plain(adr, "states"),
        state_codes=words(adr, "state_codes"),
        name_leads=index_phrases(
            (p, label)
            for key, label in (("strong", "strong"), ("weak", "weak"), ("labels", "label"))
            for p in nam.get(key, ())
        ),
        handed_leads=plain(nam, "handed"),
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
        mail_joints=table(net, "joints"),
        tlds=words(net, "tlds"),
        word_tlds=words(net, "word_tlds"),
        providers=words(net, "providers"),
        split_providers=plain(net, "providers_split"),
        mail_only=plain(net, "providers_mail_only"),
        mail_stops=words(net, "stops"),
        sure_dots=words(net, "sure_dots"),
        bare_tlds=words(net, "bare_tlds"),
        kind_first=adr.get("kind_first") == "true",
        street_words=words(adr, "street_words"),
        postcode_first=adr.get("postcode_first") == "true",
        sure_prefixes=words(adr, "sure_prefixes"),
        phone_forms=pattern("phone_forms"),
        no_numbers=pattern("no_numbers"),
        plate_forms=pattern("plate_forms"),
        regions=tuple(lex.get("regions", ())),
        national_ids=words(lex, "national_ids"),
        topics=table(lex, "topics"),
        elided=words(lex, "elided"),
        compounds=index_phrases(table(lex, "compounds").items()),
        joined=index_phrases(joined),
        later_cues=lex.get("later_cues") == "true",
        number_joints=words(lex, "number_joints"),
        number_articles=words(lex, "number_articles"),
        glued_and=glue.get("and", ""),
        glued_one=glue.get("one", ""),
        glued_hundred=glue.get("hundred", ""),
        glued_thousand=glue.get("thousand", ""),
        glued_ordinals=tuple(lex.get("glued_ordinals", ())),
    )
