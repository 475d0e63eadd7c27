"""What a person is shown of a record: their own data as it was, other people's taken out.

Where the raw source is at hand, it is read by the same detection as redaction is, with other rules: what is the person's own stays, what tells who
others are goes, and what could be used against the person if the package fell into other hands (cards, passwords) goes too. Where it is not, the
redacted record is shown, with those reversible tokens opened that hold the person's own values.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from callveil.schemas.fields import from_storage
from callveil.schemas.finding import Span
from callveil.schemas.interaction import BY_NAME, FIELDS, RawInteraction
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import parse_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import Detected, Job, detect_batch
from callveil.transforms.detect.decide import Floor, decide
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.known import WORD, fold, known_values, spoken_code
from callveil.transforms.redact.engine import Redactor, Run
from callveil.transforms.redact.operators import TOKEN, TokenError, reveal
from callveil.transforms.store.keyring import Keyring
from callveil.transforms.subject.unlink import Unlinker

OTHERS = frozenset({"PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "ADDRESS", "STAFF_ID", "USERNAME", "ONLINE_ID", "IP_ADDRESS", "MAC_ADDRESS"})
"""What tells who somebody is: withheld unless it is the person's own (Art. 15(4))."""
SECURITY = frozenset({"CREDIT_CARD", "CVV", "CARD_EXPIRY", "PIN", "PASSWORD", "SECRET"})
"""Withheld for the person's own protection."""
REASONS = {
    "third_party": "it tells who somebody else is (Art. 15(4))",
    "security": "card data, passwords and the like are not sent in a package, for your protection",
    "staff": "it tells who of the staff took part, which is their own data (Art. 15(4))",
    "other_record": "you are mentioned in it; the rest of the conversation is other people's data (Art. 15(4))",
    "contact": "it is the data of the customer you dealt with (Art. 15(4))",
    "media_link": "it is a link inside the company's systems; recordings that can be given are in the package",
    "not_read": "it could not be shown to be free of other people's data",
    "redacted_before": "it was redacted when it arrived, and no longer exists in these systems",
}
"""Why something is withheld, in words for the person."""

_CONTACT = {"flow": "keep", "flow_text": "scan", "caller": "keep", "content": "scan", "media": "clear", "form": "scan", "custom": "scan",
            "visitor": "keep", "staff": "clear", "unknown": "scan"}  # fmt: skip
_STAFF = _CONTACT | {"caller": "clear", "form": "clear", "custom": "clear", "visitor": "clear", "staff": "keep", "unknown": "clear"}
FIELDS_BY_ROLE = {"contact": _CONTACT, "agent": _STAFF}
OWN_GROUPS = frozenset({"caller", "visitor", "form"})
"""Groups that hold the contact's own data, so that every token in them is theirs."""


@dataclass
class Disclosed:
    """One record as the person is shown it.

    Attributes:
        account_id, record_id: its key.
        record: values by declared name, JSON-ready but for times.
        source: `source files`, `redacted store`.
        withheld: how often what was withheld, by reason.
    """

    account_id: str
    record_id: str
    record: dict[str, Any] = field(repr=False)
    source: str
    withheld: Counter[str]


def disclosure_policy(company: Policy, role: str) -> Policy:
    """The rules by which a record is shown: the company's detection, the person's own fields kept."""
    fields = "\n".join(f"  {name}: {treatment}" for name, treatment in FIELDS_BY_ROLE[role].items())
    made = parse_policy(
        f"version: 1\nname: disclosure\nmode: content\nlabel: '[withheld: {{entity}}]'\nentities: {{default: label}}\nfields:\n{fields}\n"
    )
    return replace(made, detect=company.detect, limits=company.limits)


class Discloser:
    """Shows records. Builds detection engines on first use, since without sources none are needed.

    Args:
        keyring: opens tokens. company: the company's policy, whose detection reads. unlinker: knows the person's identifiers.
        as_of: the time of disclosure, UTC.
    """

    def __init__(self, keyring: Keyring, company: Policy, unlinker: Unlinker, as_of: dt.datetime) -> None:
        self.keyring, self.company, self.unlinker, self.as_of = keyring, company, unlinker, as_of
        self._policies = {role: disclosure_policy(company, role) for role in FIELDS_BY_ROLE}
        self._detector: Detector | None = None
        self._redactor = Redactor(keyring, Run("0" * 64, "", "disclosure", as_of))

    # From the sources

    def raw(self, raws: Iterable[tuple[RawInteraction, str]]) -> Iterator[Disclosed]:
        """Records of the sources, each with what the person is in it: contact or agent."""
        if self._detector is None:
            self._detector = Detector(self.company.detect)
        for raw, role in raws:
            policy = self._policies[role]
            language = self._detector.language_of(raw.record.get("language"))
            decision = decide(policy, raw, "unknown", self.as_of, language, Floor(), ())
            (found,) = detect_batch(self._detector, [Job(raw, decision, "unknown")])
            yield self._shown(raw, role, found)

    def _shown(self, raw: RawInteraction, role: str, found: Detected | Rejected) -> Disclosed:
        withheld: Counter[str] = Counter()
        if not isinstance(found, Rejected):
            kept = replace(found, spans=[self._others(r.view.text, spans, raw, role) for r, spans in zip(found.readings, found.spans, strict=True)])
            result = self._redactor.redact(replace(kept, known=[]))
            if not isinstance(result, Rejected):
                for row in result.findings:
                    if row.finding.status == "done":
                        withheld[self._why(row.finding.entity_type, row.finding.field_path, role)] += row.finding.count
                record = {n: v for n, v in result.interaction.record.items() if n in BY_NAME}
                if found.job.decision.mode == "full" and role == "contact":  # in a language nobody reads; who the person is stays theirs all the same
                    record |= _own_fields(raw)
                return Disclosed(*raw.key, record, "source files", withheld)
        withheld["not_read"] += 1
        identity = {n: v for n, v in raw.record.items() if n in BY_NAME and BY_NAME[n].group in ("identity", "time")}
        return Disclosed(*raw.key, identity | (_own_fields(raw) if role == "contact" else {}), "source files", withheld)

    def _others(self, text: str, spans: list[Span], raw: RawInteraction, role: str) -> list[Span]:
        """The spans that have to go."""
        own = {v.target for v in known_values(raw.record)} if role == "contact" else set()
        parts: dict[str, list[str]] = {}
        for s in spans:
            parts.setdefault(s.group, []).append(text[s.start : s.end])
        out = []
        for s in spans:
            said = " ".join(dict.fromkeys(parts[s.group])) if s.group else text[s.start : s.end]
            if s.entity in SECURITY or (s.entity in OTHERS and not self._is_own(s.entity, text[s.start : s.end], said, own)):
                out.append(s)
        return out

    def _is_own(self, entity: str, piece: str, whole: str, own: set[str]) -> bool:
        for text in (piece, whole):
            joined = "".join(fold(w) for w in WORD.findall(text))
            if joined in own or spoken_code(text) in own or self.unlinker.is_own(entity, text):
                return True
        # A name is the contact's where every word of it is one of theirs; a street where it is part of their address.
        words = [fold(w) for w in WORD.findall(piece)]
        return entity == "PERSON" and bool(words) and all(w in own for w in words)

    @staticmethod
    def _why(entity: str, path: str, role: str) -> str:
        group = BY_NAME[top].group if (top := path.split(".", 1)[0].split("[", 1)[0].split("{", 1)[0]) in BY_NAME else ""
        if group == "staff":
            return "staff"
        if group == "media":
            return "media_link"
        if role == "agent" and group in ("caller", "form", "custom", "visitor", "unknown"):
            return "contact"
        return "security" if entity in SECURITY else "third_party"

    # From the redacted store

    def stored(self, row: Mapping[str, Any], role: str) -> Disclosed:
        """A row of the redacted store; the person's own tokens are opened."""
        record = from_storage(FIELDS, dict(row), orjson.loads)
        withheld: Counter[str] = Counter()
        treatments = FIELDS_BY_ROLE[role]
        shown: dict[str, Any] = {}
        for name, value in record.items():
            group = BY_NAME[name].group if name in BY_NAME else "unknown"
            if treatments.get(group) == "clear":
                withheld[self._why("", name, role)] += 1
                continue
            shown[name] = self._opened(value, group, row["account_id"], row["id"], withheld)
        for name in row.get("redacted_fields") or ():
            if name not in record or "[" in str(record[name]):
                withheld["redacted_before"] += 1
        return Disclosed(row["account_id"], row["id"], shown, "redacted store", withheld)

    def version(self, record: dict[str, Any], account_id: str) -> tuple[dict[str, Any], Counter[str]]:
        """A version of the redacted history with the person's own tokens opened, and what was withheld."""
        withheld: Counter[str] = Counter()
        return {n: self._opened(v, "content", account_id, "", withheld) for n, v in record.items()}, withheld

    def _opened(self, value: Any, group: str, account_id: str, record_id: str, withheld: Counter[str]) -> Any:
        if isinstance(value, str):
            if "[" not in value:
                return value

            def opened(match: Any) -> str:
                try:
                    text = reveal(match[0], self.keyring, account_id, record_id)
                except TokenError:
                    withheld["not_read"] += 1
                    return f"[{match[1]}]"
                if match[1] in SECURITY:
                    withheld["security"] += 1
                elif group in OWN_GROUPS or match[1] not in OTHERS or self.unlinker.is_own(match[1], text):
                    return text
                else:
                    withheld["third_party"] += 1
                return f"[withheld: {match[1]}]"

            return TOKEN.sub(opened, value)
        if isinstance(value, dict):
            return {k: self._opened(v, group, account_id, record_id, withheld) for k, v in value.items()}
        return [self._opened(v, group, account_id, record_id, withheld) for v in value] if isinstance(value, list) else value


def _own_fields(raw: RawInteraction) -> dict[str, Any]:
    """The contact's name, numbers and addresses, as declared fields hold them."""
    return {n: v for n, v in raw.record.items() if n in BY_NAME and BY_NAME[n].group == "caller" and n != "extended_lookup"}


def mention(row: Mapping[str, Any], where: Iterable[str]) -> Disclosed:
    """A record that only mentions the person: when it was, and where they are mentioned."""
    kept = ("account_id", "id", "kind", "direction", "called_at")
    record = {n: row[n] for n in kept if row.get(n) is not None} | {"extra": {"mentioned_in": sorted(where)}}
    return Disclosed(row["account_id"], row["id"], record, "redacted store", Counter({"other_record": 1}))
