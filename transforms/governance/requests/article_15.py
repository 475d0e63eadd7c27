"""The context that Art. 15(1) and (2) asks for along with the data: from a file the company keeps,
and from what its policy and store really do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from callveil.schemas.errors import UserError
from callveil.schemas.json_types import JsonObject
from callveil.schemas.policy import Policy
from callveil.transforms.storage.files.filesystem import Files

KEYS = {
    "controller": "who is responsible, with an address",
    "contact": "where to write",
    "dpo": "the data protection officer",
    "purposes": "what the data is used for",
    "lawful_basis": "on which legal basis",
    "recipients": "who has received it or will",
    "third_countries": "countries outside the EEA or UK it goes to; `none` where there are none",
    "safeguards": "what protects it there",
    "retention": "how long it is kept",
    "source": "where it came from",
    "automated_decisions": "decisions made by machines alone, and their logic; `none` where there "
    "are none",
    "authority": "the supervisory authority to complain to",
}
REQUIRED = (
    "controller",
    "contact",
    "purposes",
    "recipients",
    "third_countries",
    "source",
    "automated_decisions",
    "authority",
)
RIGHTS = (
    "to have wrong data put right (Art. 16)",
    "to have data erased (Art. 17)",
    "to have its use restricted (Art. 18)",
    "to receive what you provided in a form machines read (Art. 20)",
    "to object to its use (Art. 21)",
    "to complain to a supervisory authority (Art. 77)",
)
CATEGORIES = {
    "contact": "who you are and how to reach you: name, numbers, e-mail, address",
    "communication": "what was said and written: transcripts, messages, forms, notes",
    "metadata": "when, how long and through which number",
    "online": "your visit to the website: page, search, advertisement and device ids",
    "staff": "what you did as a member of staff",
    "changes": "changes to records and settings that concern you",
    "recordings": "recordings, with what was redacted covered",
    "processing": "what was found and redacted in your records, and why",
    "mentions": "conversations of others in which you are mentioned",
}
GROUPS = {
    "identity": "metadata",
    "time": "metadata",
    "flow": "metadata",
    "flow_text": "metadata",
    "caller": "contact",
    "content": "communication",
    "media": "communication",
    "form": "communication",
    "custom": "communication",
    "unknown": "communication",
    "visitor": "online",
}
"""Categories of the person's own conversations, by group of fields."""
CLASS_WORDS = {
    "interactions": "conversations",
    "versions": "changes to records and settings",
    "findings": "notes of what was redacted",
    "recordings": "recordings",
    "transcripts": "transcripts",
    "rejected": "records that could not be read",
    "raw": "records as they came in",
    "reports": "reports",
}


class ContextError(UserError, ValueError):
    """The company's file cannot be used; the text names it and the key."""


@dataclass(frozen=True)
class Article15Context:
    """Information that Art. 15 asks for.

    Attributes:
        stated: what the company says, by key of `KEYS`; each a text or a list of texts.
        retention: what the policy really does, in words.
        missing: keys the law asks for that the company does not state.
    """

    stated: Mapping[str, Any] = field(default_factory=dict)
    retention: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys the law asks for that are not stated: those of `REQUIRED`, and what protects data
        that goes to a country.
        """
        transfers = self.stated.get("third_countries")
        needed = (*REQUIRED, "safeguards") if transfers and not _is_none(transfers) else REQUIRED
        return tuple(k for k in KEYS if k in needed and not self.stated.get(k))

    def as_dict(self, categories: Mapping[str, int]) -> JsonObject:
        """JSON form, with what the package holds by category."""
        return {
            "article": "GDPR Art. 15(1) and (2)",
            **{k: self.stated.get(k) for k in KEYS},
            "retention_by_policy": list(self.retention),
            "categories": [
                {"category": k, "description": CATEGORIES[k], "records": n}
                for k, n in categories.items()
            ],
            "rights": list(RIGHTS),
            "not_stated": list(self.missing),
        }


def _is_none(stated: Any) -> bool:
    texts = [stated] if isinstance(stated, str) else stated
    return all(t.strip(" .").lower() in ("none", "no") for t in texts)


def describe_retention(policy: Policy) -> tuple[str, ...]:
    """Return the policy's retention rules in words."""
    verbs = {
        "delete": "deleted after",
        "redact": "cleared of everything personal after",
        "keep": "kept for at least",
    }
    out = []
    for rule in sorted(policy.retention.rules):
        clock = "" if rule.clock == "event" else " from the end of the account they belong to"
        who = (
            f" of {' and '.join(sorted(rule.account_types))} accounts" if rule.account_types else ""
        )
        what = ", ".join(CLASS_WORDS.get(c, c) for c in sorted(rule.classes))
        out.append(
            f"{what}{who}: {verbs[rule.action]} {rule.days} days{clock}"
            + (f" ({rule.basis})" if rule.basis else "")
        )
    if policy.base.full_after_days:
        out.append(
            f"conversations: cleared of everything personal after {policy.base.full_after_days} "
            "days"
        )
    return tuple(out)


def read_context(files: Files, url: str | None, policy: Policy) -> Article15Context:
    """Read the company's file (YAML); without one only what the policy says is there. Raises
    `ContextError`.
    """
    if not url:
        return Article15Context({}, describe_retention(policy))
    try:
        data = yaml.safe_load(files.read(url))
    except FileNotFoundError:
        raise ContextError(f"{url}: not there; check the path") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ContextError(f"{url}: not YAML{f', line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(data, dict):
        raise ContextError(f"{url}: expected keys such as controller and purposes")
    unknown = sorted(set(map(str, data)) - KEYS.keys())
    if unknown:
        raise ContextError(f"{url}: {', '.join(unknown)}: no such key; there are {', '.join(KEYS)}")
    for key, value in data.items():
        if not (
            isinstance(value, str)
            or (isinstance(value, list) and all(isinstance(v, str) for v in value))
        ):
            raise ContextError(f"{url}: {key}: expected a text or a list of texts")
    return Article15Context(data, describe_retention(policy))
