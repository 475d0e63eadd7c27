"""Disclosure of a record to its data subject: own data unredacted, third-party data removed.

A record is read by the same detection as redaction is, with other rules: what is the person's own
stays, what tells who others are goes, and what could be used against the person if the package fell
into other hands (cards, passwords) goes too. Where the raw source is not at hand, the redacted
record is read in its place, with those reversible tokens opened that hold the person's own values;
what the company's policy has let stand of others goes all the same.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from callveil.schemas.fields import from_storage
from callveil.schemas.finding import WHOLE, Finding, TextSpan
from callveil.schemas.interaction import BY_NAME, FIELDS, InteractionKey, RawInteraction, SourceRef
from callveil.schemas.json_types import RecordValues
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import parse_policy
from callveil.schemas.rejected import Rejected
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.decision import MinimumRedaction, decide_redaction
from callveil.transforms.detect.detection_result import DetectionJob, DetectionResult
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.text_fields import Path, set_at, walk
from callveil.transforms.governance.requests.unlink import Unlinker
from callveil.transforms.redact.audio.plan import EVERYTHING, AudioSpan
from callveil.transforms.redact.audio.span_times import audio_spans
from callveil.transforms.redact.engine import Redactor, RunColumns
from callveil.transforms.redact.operators import TOKEN, TokenError, reveal_token
from callveil.transforms.redact.subject_values import OwnValues, asks_for_others, asks_for_own
from callveil.transforms.storage.encryption.keyring import Keyring

OTHERS = frozenset(
    {
        "PERSON",
        "PHONE_NUMBER",
        "EMAIL_ADDRESS",
        "ADDRESS",
        "STAFF_ID",
        "USERNAME",
        "ONLINE_ID",
        "IP_ADDRESS",
        "MAC_ADDRESS",
    }
)
"""What tells who somebody is: withheld unless it is the person's own (Art. 15(4))."""
SECURITY = frozenset({"CREDIT_CARD", "CVV", "CARD_EXPIRY", "PIN", "PASSWORD", "SECRET"})
"""Withheld for the person's own protection."""
REASONS = {
    "third_party": "it tells who somebody else is, or may: nothing we hold shows that it is yours "
    "(Art. 15(4))",
    "security": "card data, passwords and the like are not sent in a package, for your protection",
    "staff": "it tells who of the staff took part, which is their own data (Art. 15(4))",
    "other_record": "you are mentioned in it; the rest of the conversation is other people's data "
    "(Art. 15(4))",
    "contact": "it is the data of the customer you dealt with (Art. 15(4))",
    "media_link": "it is a link inside the company's systems; recordings that can be given are in "
    "the package",
    "not_read": "it could not be shown to be free of other people's data",
    "raw": "it lies encrypted in the form in which it came in, with other people's data; what "
    "could be read of it is in the package",
    "redacted_before": "it was redacted when it was stored, and this package was made from what is "
    "stored",
    "covered": "stretches of the recordings in which something personal is said, by you or by "
    "others, are covered",
    "covered_whole": "the recording is covered from beginning to end, since nothing told what is "
    "said in it",
}
"""Why something is withheld, in words for the person."""

_CONTACT = {
    "flow": "keep",
    "flow_text": "scan",
    "caller": "keep",
    "content": "scan",
    "media": "clear",
    "form": "scan",
    "custom": "scan",
    "visitor": "keep",
    "staff": "clear",
    "unknown": "scan",
}
_STAFF = _CONTACT | {
    "caller": "clear",
    "form": "clear",
    "custom": "clear",
    "visitor": "clear",
    "staff": "keep",
    "unknown": "clear",
}
FIELDS_BY_ROLE = {"contact": _CONTACT, "agent": _STAFF}
OWN_GROUPS = frozenset({"caller", "visitor", "form"})
"""Groups that hold the contact's own data, so that every token in them is theirs."""
OWN_FORM = frozenset({"form.name", "form.email", "form.number_to_call"})
"""Fields of a form that ask who fills it in."""
LABEL = re.compile(r"\[[A-Z][A-Z0-9_]*\]")
Heard = Callable[[str], list[AudioSpan]]
"""Stretches of a recording in which something that was withheld is heard, by the channel rule of
the recording (`audio_spans`).
"""
FROM_SOURCES, FROM_STORE = "source files", "redacted store"


@dataclass
class DisclosedRecord:
    """One record as the person is shown it.

    Attributes:
        account_id, record_id: its key.
        record: values by declared name, JSON-ready but for times.
        source: `FROM_SOURCES` or `FROM_STORE`.
        withheld: how often what was withheld, by reason.
        heard: what is to be covered of its recording beside what is covered already.
    """

    account_id: str
    record_id: str
    record: RecordValues = field(repr=False)
    source: str
    withheld: Counter[str]
    heard: Heard = field(default=lambda _: [], repr=False)


def disclosure_policy(company: Policy, role: str) -> Policy:
    """Return the rules by which a record is shown: the company's detection, the person's own fields
    kept.
    """
    fields = "\n".join(f"  {name}: {treatment}" for name, treatment in FIELDS_BY_ROLE[role].items())
    made = parse_policy(
        f"version: 1\nname: disclosure\nmode: content\nlabel: '[withheld: {{entity}}]'\nentities: "
        f"{{default: label}}\nfields:\n{fields}\n"
    )
    return replace(made, detect=company.detect, limits=company.limits)


class RecordDiscloser:
    """Shows records. Builds detection engines on first use.

    Attributes:
        names: words of the person's name and further values of theirs, folded, as their records
            have them.

    Args:
        keyring: opens tokens. company: the company's policy, whose detection reads. unlinker: knows
            the person's identifiers.
        as_of: the time of disclosure, UTC.
    """

    def __init__(
        self, keyring: Keyring, company: Policy, unlinker: Unlinker, as_of: dt.datetime
    ) -> None:
        self.names: frozenset[str] = frozenset()
        self.keyring, self.company, self.unlinker, self.as_of = keyring, company, unlinker, as_of
        self._policies = {role: disclosure_policy(company, role) for role in FIELDS_BY_ROLE}
        self._detector: Detector | None = None
        self._redactor = Redactor(keyring, RunColumns("0" * 64, "", "disclosure", as_of))

    # From the sources

    def raw(self, raws: Iterable[tuple[RawInteraction, str]]) -> Iterator[DisclosedRecord]:
        """Yield records of the sources, each with what the person is in it: contact or agent."""
        if self._detector is None:
            self._detector = Detector(self.company.detect)
        for raw, role in raws:
            policy = self._policies[role]
            language = self._detector.language_of(raw.record.get("language"))
            decision = decide_redaction(
                policy, raw, "unknown", self.as_of, language, MinimumRedaction(), ()
            )
            (found,) = detect_batch(self._detector, [DetectionJob(raw, decision, "unknown")])
            yield self._shown(raw, role, found)

    def _shown(
        self, raw: RawInteraction, role: str, found: DetectionResult | Rejected
    ) -> DisclosedRecord:
        withheld: Counter[str] = Counter()
        if not isinstance(found, Rejected):
            own = OwnValues(raw, role, self.unlinker.is_own, self.names)
            for reading, spans in zip(found.readings, found.spans, strict=True):
                own.listen(reading.view, spans)
            kept = replace(
                found,
                spans=[
                    _others(r.view.text, spans, own)
                    for r, spans in zip(found.readings, found.spans, strict=True)
                ],
            )
            result = self._redactor.redact(replace(kept, known=[]))
            if not isinstance(result, Rejected):
                record = {n: v for n, v in result.interaction.record.items() if n in BY_NAME}
                rows = [row.finding for row in result.findings if row.finding.status == "done"]
                shown = _show_own(raw, record, rows, own) if role == "contact" else set()
                withheld["third_party"] += (
                    _hide_others(raw, record, own) if role == "contact" else 0
                )
                leaves = {leaf.shown: leaf for leaf in walk(raw.record)}
                for finding in rows:
                    if finding.field_path not in shown:
                        leaf = leaves.get(finding.field_path)
                        piece = (
                            leaf.text[finding.span_start or 0 : finding.span_end] if leaf else ""
                        )
                        withheld[
                            self._why(finding.entity_type, finding.field_path, role, own, piece)
                        ] += finding.count
                if (
                    found.job.decision.mode == "full" and role == "contact"
                ):  # in a language nobody reads; who the person is stays theirs all the same
                    record |= _own_fields(raw)
                heard = partial(audio_spans, raw.record, [row.finding for row in result.findings])
                return DisclosedRecord(*raw.key, record, FROM_SOURCES, withheld, heard)
        withheld["not_read"] += 1
        identity = {
            n: v
            for n, v in raw.record.items()
            if n in BY_NAME and BY_NAME[n].group in ("identity", "time")
        }
        fields = _own_fields(raw) if role == "contact" else {}
        return DisclosedRecord(
            *raw.key, identity | fields, FROM_SOURCES, withheld, lambda _: [EVERYTHING]
        )

    @staticmethod
    def _why(entity: str, path: str, role: str, own: OwnValues, piece: str) -> str:
        group = (
            BY_NAME[top].group
            if (top := path.split(".", 1)[0].split("[", 1)[0].split("{", 1)[0]) in BY_NAME
            else ""
        )
        if group == "staff":
            return "staff"
        if group == "media":
            return "media_link"
        if role == "agent" and group in ("caller", "form", "custom", "visitor", "unknown"):
            return "contact"
        return "security" if entity in SECURITY else own.why(entity, piece)

    # From the redacted store

    def stored(self, row: Mapping[str, Any], role: str) -> DisclosedRecord:
        """Return a row of the redacted store; the person's own tokens are opened, and what is left
        in it of others goes.
        """
        record = from_storage(FIELDS, dict(row), orjson.loads)
        withheld: Counter[str] = Counter()
        key = InteractionKey(row["account_id"], row["id"])
        opened = {
            name: self._opened(
                v, BY_NAME[name].group if name in BY_NAME else "unknown", *key, withheld
            )
            for name, v in record.items()
        }
        (shown,) = self.raw(
            [
                (
                    RawInteraction(
                        key, row["kind"], row["called_at"], 0, opened, SourceRef(FROM_STORE)
                    ),
                    role,
                )
            ]
        )
        for name in row.get("redacted_fields") or ():
            staff = role == "contact" and name in BY_NAME and BY_NAME[name].group == "staff"
            if name not in record:
                withheld["staff" if staff else "redacted_before"] += 1
            elif (
                "[" in str(record[name]) and not staff
            ):  # of the staff what is there counts as theirs already
                withheld["redacted_before"] += 1
        return replace(shown, source=FROM_STORE, withheld=shown.withheld + withheld)

    def version(self, record: RecordValues, account_id: str) -> tuple[RecordValues, Counter[str]]:
        """Return a version of the redacted history with the person's own tokens opened, and what
        was withheld.
        """
        withheld: Counter[str] = Counter()
        return {
            n: self._opened(v, "content", account_id, "", withheld) for n, v in record.items()
        }, withheld

    def _opened(
        self, value: Any, group: str, account_id: str, record_id: str, withheld: Counter[str]
    ) -> Any:
        if isinstance(value, str):
            if "[" not in value:
                return value

            def opened(match: Any) -> str:
                try:
                    text = reveal_token(match[0], self.keyring, account_id, record_id)
                except TokenError:
                    withheld["not_read"] += 1
                    return f"[{match[1]}]"
                if match[1] in SECURITY:
                    withheld["security"] += 1
                elif (
                    group in OWN_GROUPS
                    or match[1] not in OTHERS
                    or self.unlinker.is_own(match[1], text)
                ):
                    return text
                else:
                    withheld["third_party"] += 1
                return f"[withheld: {match[1]}]"

            return TOKEN.sub(opened, value)
        if isinstance(value, dict):
            return {
                k: self._opened(v, group, account_id, record_id, withheld) for k, v in value.items()
            }
        return (
            [self._opened(v, group, account_id, record_id, withheld) for v in value]
            if isinstance(value, list)
            else value
        )


def _others(text: str, spans: list[TextSpan], own: OwnValues) -> list[TextSpan]:
    """Return the spans that have to go."""
    parts: dict[str, list[str]] = {}
    for s in spans:
        parts.setdefault(s.group, []).append(text[s.start : s.end])
    out = []
    for s in spans:
        said = " ".join(dict.fromkeys(parts[s.group])) if s.group else text[s.start : s.end]
        if s.entity in SECURITY:
            out.append(s)
        elif s.entity in OTHERS and not own.is_own(s.entity, text[s.start : s.end], said):
            out += own.without(text, s)
    return out


def _show_own(
    raw: RawInteraction, record: RecordValues, findings: Iterable[Finding], own: OwnValues
) -> set[str]:
    """Put back, in a redacted record, what goes by where it stands and is the person's own; returns
    where that is.

    A form says of whoever filled it in what its own fields ask for. A label stands for what was
    redacted when the record was stored.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for f in findings:
        found[f.field_path].add(f.entity_type)
    whole = {f.field_path: f for f in findings if f.detector == WHOLE}
    shown: set[str] = set()
    for leaf in walk(raw.record):
        if (
            leaf.shown in found
            and not leaf.key
            and found[leaf.shown].isdisjoint(SECURITY)
            and _asked_of_oneself(raw.record, leaf.path)
        ):
            set_at(record, leaf.path, leaf.text)
            shown.add(leaf.shown)
            continue
        finding = whole.get(leaf.shown)
        if finding is None or leaf.key or leaf.field.group not in ("form", "custom", "unknown"):
            continue
        mine = (
            leaf.shown in OWN_FORM or finding.entity_type not in (OTHERS - {"ADDRESS"}) | SECURITY
        )
        if (
            mine
            or LABEL.fullmatch(leaf.text)
            or own.is_own(finding.entity_type, leaf.text, leaf.text)
        ):
            set_at(record, leaf.path, leaf.text)
            shown.add(leaf.shown)
    return shown


def _hide_others(raw: RawInteraction, record: RecordValues, own: OwnValues) -> int:
    """Withhold what a form's field asks of somebody else (`Emergency contact`), whatever is found
    in it; returns how much that was.
    """
    count = 0
    for leaf in walk(raw.record):
        label = _label_of(raw.record, leaf.path)
        asked = not leaf.key and not leaf.number and label is not None and asks_for_others(label)
        if (
            asked
            and any(c.isalpha() for c in leaf.text)
            and not own.is_own("PERSON", leaf.text, leaf.text)
        ):
            with suppress(KeyError, IndexError, TypeError):
                set_at(record, leaf.path, "[withheld: PERSON]")
                count += 1
    return count


def _label_of(record: Mapping[str, Any], path: Path) -> str | None:
    """Return what a field the account defined asks for, in lower case; None for what is no answer
    to one.
    """
    if len(path) == 2 and path[0] == "custom_fields":
        return str(path[1]).replace("_", " ").lower()
    if path[:2] != ("form", "custom") or len(path) != 4 or path[3] != "value":
        return None
    asked = record["form"]["custom"][path[2]]
    return (
        str(asked.get("label") or asked.get("id") or "").lower()
        if isinstance(asked, Mapping)
        else None
    )


def _asked_of_oneself(record: Mapping[str, Any], path: Path) -> bool:
    """Tell whether a text is the answer to a field of a form that asks for the own address, number
    or date of birth; or that field's own name.
    """
    label = _label_of(record, path)
    return (
        asks_for_own(label)
        if label is not None
        else path[:2] == ("form", "custom") and len(path) == 4 and path[3] in ("id", "label")
    )


def _own_fields(raw: RawInteraction) -> RecordValues:
    """Return the contact's name, numbers and addresses, as declared fields hold them, and what a
    form asks whoever fills it in for.
    """
    own = {
        n: v
        for n, v in raw.record.items()
        if n in BY_NAME and BY_NAME[n].group == "caller" and n != "extended_lookup"
    }
    form = raw.record.get("form")
    if isinstance(form, Mapping):
        filled = {
            n: form[n]
            for n in ("form_id", "form_name", "name", "email", "number_to_call")
            if n in form
        }
        custom = [
            c
            for n, c in enumerate(form.get("custom") or ())
            if _asked_of_oneself(raw.record, ("form", "custom", n, "value"))
        ]
        own["form"] = filled | ({"custom": custom} if custom else {})
    return own


def disclose_mention(row: Mapping[str, Any], where: Iterable[str]) -> DisclosedRecord:
    """Return a record that only mentions the person: when it was, and where they are mentioned."""
    kept = ("account_id", "id", "kind", "direction", "called_at")
    record = {n: row[n] for n in kept if row.get(n) is not None} | {
        "extra": {"mentioned_in": sorted(where)}
    }
    return DisclosedRecord(
        row["account_id"], row["id"], record, FROM_STORE, Counter({"other_record": 1})
    )
