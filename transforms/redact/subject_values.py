"""Attribution of values in a conversation to the data subject.

They are values the record names as the person's own, and values the person says of themselves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from callveil.schemas.finding import TextSpan
from callveil.schemas.interaction import RawInteraction
from callveil.transforms.detect.conversation import AGENT, CALLER, Turn, View
from callveil.transforms.detect.known_values import (
    WORD,
    known_values,
    normalize_code,
    strip_case_and_accents,
)
from callveil.transforms.redact.operators import canonical_value

ASKED = {
    "ADDRESS": r"address|where|street|post ?code|zip|house "
    r"number|adresse|anschrift|wohn|stra(?:ß|ss)e|postleitzahl|plz|c[oó]digo "
    r"postal|code postal|"
    r"direcci[oó]n|domicilio|calle|rue|habit",
    "PHONE_NUMBER": r"number|phone|mobile|cell|reach|call|nummer|telefon|handy|erreich|n[uú]mero|tel[eé]fono|num[eé]ro|t[eé]l[eé]phone",  # noqa: E501
    "EMAIL_ADDRESS": r"e-?mail|mail|correo|courriel",
    "PERSON": r"name|who|speaking|hei(?:ß|ss)|nombre|llama|\bnom\b|appel",
}
"""What a question asks for, by type."""
YOU = re.compile(
    r"\b(?:you|your|yours|ihre?n?r?|sie|ihnen|deine?|dich|du|su|tu|usted|te|votre|vos|vous|ton|ta)\b"
)
OTHERS = re.compile(
    r"\b(?:his|her|hers|him|their|them|he|she|they|brother|sister|mother|father|mom|mum|dad|wife|husband|partner|son|daughter|friend|"
    r"spouse|parents?|child|children|neighbou?r|colleague|boss|boyfriend|girlfriend|uncle|aunt|cousin|grandm\w+|grandf\w+|landlord|tenant|doctor|lawyer|assistant|"
    r"bruder|schwester|mutter|vater|frau|mann|ehemann|ehefrau|partnerin|sohn|tochter|freund|freundin|nachbar|nachbarin|kolleg\w+|chef\w*|"
    r"ehepartner\w*|gatte|gattin|eltern|kind(?:er)?|c[oó]nyuge|padres|conjointe?|[eé]poux|[eé]pouse|enfants?|vermieter\w*|seine[rnms]?|er|hermano|hermana|madre|padre|mujer|marido|esposa|esposo|hijo|hija|amig[oa]|vecin[oa]|"
    r"fr[eè]re|s(?:oe|œ)ur|m[eè]re|p[eè]re|femme|mari|fils|fille|ami|amie|voisin|voisine|coll[eè]gue|son|sa)\b"
)
"""Words that bring somebody else in: what follows them in a turn may be theirs."""
SELF = {
    "ADDRESS": r"(?:i live|we live|i'?m|i am|we'?re|we are|(?:my|our) (?:\w+ )?address|"
    r"ich wohne|wir wohnen|meine adresse|vivo|mi direcci[oó]n|j'habite|mon adresse)",
    "PHONE_NUMBER": r"(?:my (?:\w+ )?(?:number|phone|mobile|cell)|(?:call|ring|reach|text|get) me|"
    r"meine (?:\w+ )?nummer|mich|mi (?:n[uú]mero|tel[eé]fono)|mon (?:num[eé]ro|t[eé]l[eé]phone))",
    "EMAIL_ADDRESS": r"(?:my (?:\w+ )?(?:e-?mail|address|mail)(?: address)?|(?:write|mail|email) "
    r"me|"
    r"meine (?:e-?mail|mail|adresse)|mi correo|mon (?:e-?mail|courriel|adresse))",
    "PERSON": r"(?:my name|this|i am|i'?m|it'?s|"
    r"mein name|ich hei(?:ß|ss)e|ich bin|me llamo|soy|mi nombre|je m'appelle|je suis|mon nom)",
}
"""How somebody begins to say something of themselves, by type."""
REQUEST = re.compile(
    r"\b(?:(?:can|could|may|might|let) (?:i|we|me) (?:please )?(?:just "
    r")?(?:have|get|take|grab|note)|what(?:'s| is) (?:the|an?)|and (?:an?|the)|"
    r"is there an?|any other|kann ich|k[oö]nnte ich|haben sie|wie ist die|puedo|me "
    r"da|hay|puis-je|avez-vous)\b"
)
"""How somebody is asked for a value without `your`."""
BIRTH = re.compile(r"birth|\bdob\b|born|age\b|geburt|nacimiento|naissance")
ALIEN = re.compile(
    r"emergency|guest|contact person|referr|recommend|next of "
    r"kin|company|employer|notfall|gast\b|g[aä]ste|begleit|invitad|emergencia|invit[eé]|"
    r"urgence"
)
"""Labels of a form's fields that ask for somebody else."""
COUNT = re.compile(
    r"number of|how many|anzahl|n[uú]mero de|nombre "
    r"d|cu[aá]nt|combien|\bage|alter\b|employer|company"
)
"""Labels that name people and ask for something else."""
HERE = re.compile(r"\W*(?:here|speaking|again|hier|am apparat|al habla|à l'appareil)\b")
"""What follows the name of somebody who says who they are."""
YES = re.compile(
    r"\W*(?:yes|yeah|yep|yup|correct|right|that's "
    r"(?:right|correct|it)|exactly|ja|genau|stimmt|richtig|s[ií]|correcto|exacto|oui|exact)\b"
)
WHOLE = {"PHONE_NUMBER": 7, "EMAIL_ADDRESS": 7}
"""Values that are said in pieces, and the characters from which on what is read back of them
together is theirs.
"""
LINK = (
    r"(?:['’]s|\s+(?:is|at|on|in|it'?s|back|ist|lautet|bei|in "
    r"der|es|en|est|au|à|via|under|unter))*[\s:,]*$"
)
_SELF = {entity: re.compile(rf"\b{begin}{LINK}") for entity, begin in SELF.items()}
_ASKED = {entity: re.compile(asked) for entity, asked in ASKED.items()}

Known = Callable[[str, str], bool]
"""Whether a value of a type is one of the person's confirmed identifiers."""


class OwnValues:
    """Tells in one record what is the person's own.

    Args:
        raw: the record. role: what the person is in it: contact or agent.
        known: tells confirmed identifiers. names: words of the person's name, and further values of
            theirs, as their other records have them.
    """

    def __init__(
        self, raw: RawInteraction, role: str, known: Known, names: Collection[str] = ()
    ) -> None:
        self._known, self._role = known, role
        record, staff = raw.record, raw.record.get("agent") or {}
        contact = {v.target for v in known_values(record)} | (
            set(names) if role == "contact" else set()
        )
        employee = set(
            _targets(staff.get("name"), staff.get("email"), staff.get("id"), record.get("agent_id"))
        )
        self._words, self._not_words = (
            (contact, employee) if role == "contact" else (employee, contact)
        )
        self.named = bool(record.get("name")) if role == "contact" else bool(staff.get("name"))
        self._said: set[tuple[str, str]] = set()
        self._pieces: dict[str, str] = defaultdict(str)
        self._names: list[str] = []
        self._wrote = (
            role == "contact" and raw.kind == "text" and record.get("direction") != "outbound"
        )

    def listen(self, view: View, spans: Sequence[TextSpan]) -> None:
        """Note what the person says of themselves in a reading; before anything is asked of it."""
        mine, groups = (CALLER if self._role == "contact" else AGENT), {}  # type: ignore[var-annotated]
        asked, stated = "", list[TextSpan]()
        for turn in view.turns or ([Turn(0, len(view.text), mine)] if self._wrote else []):
            told, inside = (
                view.text[turn.start : turn.end].lower(),
                [s for s in spans if turn.start <= s.start < turn.end],
            )
            if turn.role != mine:
                asked = (
                    told if _is_new(told) else asked
                )  # what is acknowledged or read back asks nothing else
                of_you = YOU.search(told) and not OTHERS.search(told)
                stated = [
                    s
                    for s in inside
                    if of_you and s.entity in _ASKED and _ASKED[s.entity].search(told)
                ]
                continue
            for span in stated if YES.match(told) else ():
                self._note(span.entity, view.text[span.start : span.end])
            stated = []
            other = turn.end
            for span in sorted(inside, key=lambda s: s.start):
                piece = view.text[span.start : span.end]
                before, after = told[: span.start - turn.start], told[span.end - turn.start :]
                if span.start < other and self._of_oneself(
                    span.entity, before, after, asked, piece
                ):
                    self._note(span.entity, piece)
                    groups[span.group] = span.entity
                elif span.entity == "PERSON" and not self.is_own(span.entity, piece, piece):
                    other = min(other, span.start)
        for span in spans:
            if span.group and span.group in groups:
                self._note(span.entity, view.text[span.start : span.end])

    def _note(self, entity: str, piece: str) -> None:
        said = canonical_value(entity, piece)
        self._said.add((entity, said))
        if entity == "PERSON":
            self._names.append(piece)
        if entity in WHOLE and not self._pieces[entity].endswith(said):
            self._pieces[entity] += said

    @property
    def introduced(self) -> tuple[str, ...]:
        """Names by which the person has introduced themselves, as they were said."""
        return tuple(self._names)

    def _of_oneself(self, entity: str, before: str, after: str, asked: str, piece: str) -> bool:
        if entity not in _SELF or OTHERS.search(before):
            return False
        if entity == "PERSON" and (self.named or self._is_other(piece)):
            return False  # the record says who the person is; another name is another's
        answer = bool(
            asked
            and (YOU.search(asked) or REQUEST.search(asked))
            and _ASKED[entity].search(asked)
            and not OTHERS.search(asked)
        )
        return (
            answer
            or _SELF[entity].search(before) is not None
            or (entity == "PERSON" and HERE.match(after) is not None)
        )

    def is_own(self, entity: str, piece: str, whole: str) -> bool:
        """Tell whether a value is the person's. `whole`: all pieces of it."""
        for text in (piece, whole):
            joined = "".join(strip_case_and_accents(w) for w in WORD.findall(text))
            if (
                joined in self._words
                or normalize_code(text) in self._words
                or self._known(entity, text)
            ):
                return True
        said = canonical_value(entity, piece)
        if (entity, said) in self._said or (
            len(said) >= WHOLE.get(entity, 99) and said in self._pieces[entity]
        ):
            return True
        return entity == "PERSON" and not list(self.foreign(piece))

    def foreign(self, piece: str) -> Iterator[tuple[int, int]]:
        """Yield stretches of a name that are not the person's, in its own offsets."""
        start = end = -1
        for word in WORD.finditer(piece):
            if strip_case_and_accents(word[0]) in self._words:
                if start >= 0:
                    yield start, end
                start = -1
            else:
                start, end = (word.start() if start < 0 else start), word.end()
        if start >= 0:
            yield start, end

    def without(self, text: str, span: TextSpan) -> list[TextSpan]:
        """Return a name that is not the person's as a whole, without those words of it that are."""
        if span.entity != "PERSON":
            return [span]
        places = list(self.foreign(text[span.start : span.end]))
        return [replace(span, start=span.start + a, end=span.start + b) for a, b in places] or [
            span
        ]

    def why(self, entity: str, piece: str) -> str:
        """Tell why a value that is not the person's goes."""
        if self._is_other(piece):
            return "staff" if self._role == "contact" else "contact"
        return "third_party"

    def _is_other(self, piece: str) -> bool:
        words = [strip_case_and_accents(w) for w in WORD.findall(piece)]
        return bool(words) and (
            "".join(words) in self._not_words or any(w in self._not_words for w in words)
        )


def asks_for_own(label: str) -> bool:
    """Tell whether a form's field asks whoever fills it in for a value of their own: `Address`, not
    `Emergency contact's number`.
    """
    return (
        any(form.search(label) for form in (*_ASKED.values(), BIRTH))
        and not OTHERS.search(label)
        and not ALIEN.search(label)
    )


def asks_for_others(label: str) -> bool:
    """Tell whether a form's field asks for somebody else: `Guest's name`, not `Number of
    guests`.
    """
    return bool(OTHERS.search(label) or ALIEN.search(label)) and not COUNT.search(label)


def _is_new(told: str) -> bool:
    """Tell whether a turn of the other party asks or tells something of its own, beside what it
    acknowledges or reads back.
    """
    return (
        len(told.split()) > 14
        or "?" in told
        or any(form.search(told) for form in (YOU, REQUEST, OTHERS, *_ASKED.values()))
    )


def _targets(*texts: object) -> Iterable[str]:
    """Yield words of some values, and each value as a whole, folded and joined."""
    for text in texts:
        if isinstance(text, str) and text:
            words = [strip_case_and_accents(w) for w in WORD.findall(text)]
            yield "".join(words)
            if "@" not in text:
                yield from (w for w in words if len(w) > 1)
