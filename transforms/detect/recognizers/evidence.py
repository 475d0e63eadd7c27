"""Lexical and casing evidence: word-list classes of a word, and the writing style of a turn.

The lists tell whether it is a word, and whether it is a name that people have.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from callveil.transforms.detect.lang import strip_accents, word_file
from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation
from callveil.transforms.detect.recognizers.vocabulary import WORD, load_vocabulary

LANGUAGE = "en"
"""The language there is a list of common words for."""
_NAMES_FIRST = frozenset(
    (
        "carol",
        "christian",
        "daisy",
        "dale",
        "dan",
        "harry",
        "heather",
        "henry",
        "iris",
        "ivy",
        "jack",
        "jade",
        "jasmine",
        "jay",
        "jean",
        "john",
        "kay",
        "lee",
        "nick",
        "rob",
        "ruby",
        "tom",
        "victor",
    )
)
"""Names that are words too, but in talk mostly names."""
_ENDINGS = ("s", "es", "d", "ed", "ing", "ly")
_NO_PLURALS = frozenset(("ed", "ing", "ly"))
"""With these a word that is a name as well is one no more ("shortly"); with an "s" it may be
("Woods").
"""
_WHERE = frozenset(("in", "near", "around"))
_MEDICINES = (
    "olol",
    "pril",
    "sartan",
    "statin",
    "prazole",
    "conazole",
    "cillin",
    "mycin",
    "floxacin",
    "zepam",
    "zolam",
    "triptan",
    "gliptin",
    "gliflozin",
    "tidine",
    "dipine",
    "oxetine",
    "thyroxine",
    "codone",
    "codeine",
    "tramadol",
    "gabalin",
    "pentin",
    "formin",
    "xaban",
    "parin",
    "semide",
    "profen",
    "azepine",
    "triptyline",
    "racetam",
    "setron",
    "terol",
    "tropium",
    "sonide",
    "cycline",
    "dronate",
    "glitazone",
)
"""How the international names of medicines end (stems of the WHO)."""
THING, BOTH, NAME, RARE = range(4)
"""A word that is no name, one that is a name as well, a listed name, and what no list has."""
_VOWELS = frozenset("aeiouy")
RARE_LETTERS = 3
"""A word nobody knows is part of a name where it has more letters; shorter ones are mostly slips of
the keyboard.
"""
MORE = 3
"""Further words of a name, at most."""
OPENERS = frozenset('.!?:;-"\n')
_I = frozenset(("i", "i'm", "i'd", "i'll", "i've", "ok"))


@lru_cache(maxsize=1)
def _ordinary() -> frozenset[str]:
    text = (
        resources.files("callveil.transforms.detect.model")
        .joinpath("ordinary.txt")
        .read_text(encoding="utf-8")
    )
    listed = frozenset(
        word for line in text.splitlines() if not line.startswith("#") for word in line.split()
    )
    return (
        (
            listed
            | word_file(LANGUAGE, "everyday.txt")
            | load_vocabulary(LANGUAGE).words
            | load_vocabulary(LANGUAGE).things
        )
        - also_names()
        - _NAMES_FIRST
    )


@lru_cache(maxsize=1)
def also_names() -> frozenset[str]:
    return (
        load_vocabulary(LANGUAGE).ambiguous_names | word_file(LANGUAGE, "name_words.txt")
    ) - _NAMES_FIRST


@lru_cache(maxsize=1)
def _stems() -> frozenset[str]:
    return _ordinary() | also_names()


def is_common_word(word: str) -> bool:
    """Tell whether a word, in lower case, is a common English one or a usual form of one ("tasks",
    "reflected", "hoping", "shortly"), or no word.
    """
    base = word.removesuffix("'s")
    return not base[:1].isalpha() or _known(strip_accents(base))


@lru_cache(maxsize=4096)
def _known(word: str) -> bool:
    if word in _ordinary() or word in also_names() or word in load_lexicon().usual:
        return word in _ordinary()  # "james" is no plural of "jam"
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        listed = _stems() if ending in _NO_PLURALS else _ordinary()
        if len(stem) > 2 and stem != word:
            doubled = len(stem) > 3 and stem[-1] == stem[-2] and stem[:-1] in listed
            if (
                stem in listed
                or stem + "e" in listed
                or doubled
                or (stem[-1] == "i" and stem[:-1] + "y" in listed)
            ):
                return True
    return False


@lru_cache(maxsize=8192)
def word_kind(word: str) -> int:
    """Return what the lists make of an English word in lower case."""
    vocab, lists = load_vocabulary(LANGUAGE), load_lexicon()
    base = strip_accents(word.removesuffix("'s"))
    if base in vocab.ambiguous_names or base in word_file(LANGUAGE, "name_words.txt"):
        return BOTH
    if (
        base in vocab.sets["no_people"]
        or base in vocab.acronyms
        or base in vocab.words
        or base in vocab.things
    ):
        return THING
    if any(base in word_file(LANGUAGE, name) for name in ("everyday.txt", "shorthand.txt")):
        return THING
    if base in lists.words or base in vocab.fillers:
        if base in lists.usual and not is_common_word(base):
            return NAME  # "bobby", "albert": words too, but in talk names
        return BOTH if lists.named(base) else THING
    if lists.named(base):
        return NAME
    return THING if _compound(base) or _medicine(base) or _unspoken(base) else RARE


@lru_cache(maxsize=8192)
def is_ordinary_word(word: str) -> bool:
    """Tell whether a word in lower case is an ordinary one and no name: not one that few know,
    which a name may be written like.
    """
    base = word.removesuffix("'s")
    return word_kind(word) == THING and (
        is_common_word(word)
        or _compound(base)
        or base in load_vocabulary(LANGUAGE).sets["no_people"]
        or _medicine(base)
    )


def is_not_place(reading: TokenizedConversation, first: int, stop: int) -> bool:
    """Tell what ordinary words name, in small letters, and no list: no place ("train station", "the
    main box"; not "in lax").
    """
    low = reading.low[first:stop]
    said = reading.turns[reading.turn[first]]
    lead, after = (
        reading.low[first - 1 : first] * (first > said.first),
        reading.low[stop : stop + 1] * (stop < said.last),
    )
    if len(low) == 1 and (not _WHERE.isdisjoint(lead) or after == ["area"]):
        return False
    if reading.text[reading.start[first] : reading.end[stop - 1]] != " ".join(low) or not all(
        map(is_ordinary_word, low)
    ):
        return False
    parts = (" ".join(low[a:b]) for a in range(len(low)) for b in range(a + 1, len(low) + 1))
    return load_lexicon().places.isdisjoint(map(strip_accents, parts))


def _unspoken(word: str) -> bool:
    """Tell letters that no one can say, which are cut short or stand for words ("cpc", "dpd")."""
    return len(word) > 2 and word.isascii() and word.isalpha() and _VOWELS.isdisjoint(word)


def _medicine(word: str) -> bool:
    return len(word) > 6 and word.endswith(_MEDICINES)


def is_rare_word(word: str) -> bool:
    """Tell whether a name that is a word too is no ordinary one ("yulan")."""
    base = word.removesuffix("'s")
    return not is_common_word(base) and base not in also_names()


def _compound(word: str) -> bool:
    """Tell whether a word is two ordinary ones ("answerphone"), or the same sound twice
    ("tata").
    """
    half = len(word) // 2
    return (
        any(is_common_word(word[:n]) and is_common_word(word[n:]) for n in range(3, len(word) - 2))
        or word == word[:half] * 2
    )


def in_mixed_case_turn(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether the turn of a token is written with capitals and small letters; "I" alone says
    nothing.
    """
    return _case(reading, token)[0]


def _case(reading: TokenizedConversation, token: int) -> tuple[bool, bool]:
    """Tell how the turn of a token is written: with capitals and small letters, with a capital that
    no sentence gives; looked at once for each turn.
    """
    kept: dict[int, tuple[bool, bool]] = reading.__dict__.setdefault("_case_of", {})
    turn = reading.turn[token]
    if turn not in kept:
        said = reading.turns[turn]
        words = [
            t
            for t in range(said.first, said.last)
            if reading.kind[t] == WORD and reading.low[t] not in _I
        ]
        both = any(reading.text[reading.start[t]].isupper() for t in words) and (
            len(words) < 2
            or not all(reading.text[reading.start[t] : reading.end[t]].isupper() for t in words)
        )
        kept[turn] = both, any(has_mid_sentence_capital(reading, t) for t in words)
    return kept[turn]


def has_mid_sentence_capital(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether a word has a capital that no sentence gives it."""
    said = reading.turns[reading.turn[token]]
    return (
        reading.text[reading.start[token]].isupper()
        and token != said.first
        and reading.low[token - 1] not in OPENERS
    )


def names_have_capitals(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether the turn of a token has a capital that no sentence gives it."""
    return _case(reading, token)[1]


def is_title_case(reading: TokenizedConversation, token: int) -> bool:
    """Tell whether a word begins with a capital and goes on in small letters."""
    raw = reading.text[reading.start[token] : reading.end[token]]
    return raw[:1].isupper() and raw[1:2].islower()


def name_end(reading: TokenizedConversation, stop: int) -> int:
    """Tell where a name that is written with capitals ends which goes on at least to `stop`: names
    of the lists right behind it belong to it.
    """
    limit = reading.turns[reading.turn[stop - 1]].last
    businesses = reading.vocab.sets["businesses"]
    last = stop
    while (
        last < limit
        and last - stop < MORE
        and reading.start[last] == reading.end[last - 1] + 1
        and is_title_case(reading, last)
        and load_lexicon().named(strip_accents(reading.low[last].removesuffix("'s")))
    ):
        last += 1
    return stop if last < limit and reading.low[last] in businesses else last


def uncased_name(reading: TokenizedConversation, first: int, stop: int) -> tuple[int, int]:
    """Give the tokens of a name without capitals together with names of the lists right before and
    behind it.

    A surname that is a verb too counts where the name is no subject ("i spoke to amir said", "amir
    said told me").
    """
    said, sets = reading.turns[reading.turn[first]], reading.vocab.sets
    begin, end = first, stop
    while (
        begin > said.first
        and first - begin < MORE
        and follows_directly(reading, begin)
        and is_listed_name(reading, begin - 1, rare=False)
    ):
        begin -= 1
    while (
        end < said.last
        and end - stop < MORE
        and follows_directly(reading, end)
        and is_listed_name(reading, end)
    ):
        end += 1
    if (
        end - begin == 1
        and end < said.last
        and follows_directly(reading, end)
        and is_listed_name(reading, begin)
    ):
        word, after = reading.low[end], reading.low[end + 1] if end + 1 < said.last else ""
        object_of = begin > said.first and (
            reading.low[begin - 1] in sets["before_named"] or reading.low[begin - 1] == "is"
        )
        if word in sets["tells"] and (object_of or after in sets["tells"]):
            end += 1
    return begin, end


def follows_directly(reading: TokenizedConversation, token: int) -> bool:
    """Tell a word that nothing but a space parts from the one before."""
    return (
        reading.start[token] == reading.end[token - 1] + 1
        and reading.text[reading.end[token - 1]] == " "
    )


def is_listed_name(reading: TokenizedConversation, token: int, rare: bool = True) -> bool:
    """Tell a listed name that is no word, or one that few know, and no place; `rare` takes words
    nobody knows in as well.
    """
    low = reading.low[token]
    if reading.kind[token] != WORD or not low.isalpha() or len(low) < 2:
        return False
    kind = word_kind(low)
    listed = (
        kind == NAME
        or (kind == BOTH and is_rare_word(low))
        or (rare and kind == RARE and len(low) > RARE_LETTERS)
    )
    return (
        listed
        and low not in reading.vocab.titles
        and low not in reading.vocab.sets["businesses"]
        and low not in load_lexicon().places
    )
