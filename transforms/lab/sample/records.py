"""Generated interactions in the platform's own shape.

`Sample.interaction(i)` depends on the seed and `i` only, so that a sample can be made in parallel,
streamed, or looked up, and two machines that are given the same seed write the same bytes.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.sample import content, values
from callveil.transforms.lab.sample.gold import InteractionGold
from callveil.transforms.lab.sample.people import Person, ascii_fold, pick_one, random_person
from callveil.transforms.lab.sample.world import (
    SampleAccount,
    account_records,
    random_stream,
    sample_account,
)

SOURCE = "generated sample"
FIRST_ID = 2_400_000_000
"""Ids start beyond 31 bits, as the platform's do."""
_KINDS = ("call",) * 6 + ("text",) * 2 + ("chat", "form")
_HOURS = (8, 9, 9, 10, 10, 10, 11, 11, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 18, 20, 22, 3)


@dataclass(slots=True)
class GeneratedInteraction:
    """One generated interaction.

    Attributes:
        snapshots: the records in the order they are to be sent; the last state of the interaction
            is among them, not always last.
        gold: what was planted in the final record, or None where it was not asked for. Earlier
            snapshots hold nothing that the final one lacks.
        final: place of the final record in `snapshots`.
    """

    snapshots: list[JsonObject]
    gold: InteractionGold | None
    final: int = 0


class Sample:
    """A reproducible world of accounts and interactions.

    Args:
        seed: any integer; equal seeds give equal samples.
        accounts: number of accounts, at least 1. interactions: number of interactions. days: length
            of the window in days.
        end: the day after the last one, UTC. snapshots: send some interactions as the series of
            webhooks the platform sends.
        realistic: share of people whose numbers and mail domains pass for real instead of being set
            aside for fiction.

    Raises:
        ValueError: a count below its minimum, or a share outside 0 to 1.
    """

    def __init__(
        self,
        seed: int,
        accounts: int = 50,
        interactions: int = 1000,
        days: int = 120,
        end: dt.date = dt.date(2026, 11, 1),
        snapshots: bool = True,
        realistic: float = 0.0,
    ) -> None:
        for name, value, least in (
            ("accounts", accounts, 1),
            ("interactions", interactions, 0),
            ("days", days, 1),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        if not 0 <= realistic <= 1:
            raise ValueError(f"realistic is a share between 0 and 1, got {realistic}")
        self.seed, self.accounts, self.interactions, self.snapshots, self.realistic = (
            seed,
            accounts,
            interactions,
            snapshots,
            realistic,
        )
        self.end = dt.datetime(end.year, end.month, end.day, tzinfo=dt.UTC)
        self.start = self.end - dt.timedelta(days=days)
        self.days = days

    def account_rows(self) -> Iterator[JsonObject]:
        """Yield every version of every account, account by account."""
        for i in range(self.accounts):
            yield from account_records(self.seed, i, self.start, self.end)

    def __iter__(self) -> Iterator[GeneratedInteraction]:
        return self.between(0, self.interactions)

    def between(self, start: int, stop: int, gold: bool = True) -> Iterator[GeneratedInteraction]:
        """Yield interactions `start` to `stop` (exclusive), one at a time."""
        for i in range(start, stop):
            yield self.interaction(i, gold)

    def interaction(self, index: int, gold: bool = True) -> GeneratedInteraction:
        """Interaction number `index`."""
        rng = random_stream(self.seed, 4, index)
        # Squaring makes some accounts ten times busier than others, as they are.
        f = sample_account(self.seed, int(rng.random() ** 2 * self.accounts))
        kind = pick_one(rng, _KINDS)
        when = self._when(rng)
        caller = random_person(rng, f.country, rng.random() < self.realistic)
        agent = pick_one(rng, f.staff)
        number = FIRST_ID + index * 3 + int(rng.random() * 3)
        g = InteractionGold(f.account_id, str(number)) if gold else None
        record = _base(rng, f, kind, when, number, caller, agent)
        _caller(rng, record, kind, caller, g)
        _visitor(rng, record, kind, caller, g)
        built = {
            "call": content.fill_call,
            "text": content.fill_text_message,
            "chat": content.fill_chat,
            "form": content.fill_form,
        }[kind](rng, record, f, caller, agent, when, g)
        _staff(rng, record, f, agent, kind, when, g)
        if kind == "call" and self.snapshots and built and rng.random() < 0.12:
            return _series(rng, record, when, g)
        return GeneratedInteraction([record], g)

    def _when(self, rng: random.Random) -> dt.datetime:
        day = self.start + dt.timedelta(days=int(rng.random() * self.days))
        if day.weekday() >= 5 and rng.random() < 0.6:
            day = max(self.start, day - dt.timedelta(days=2))
        return day + dt.timedelta(hours=pick_one(rng, _HOURS), seconds=int(rng.random() * 3600))


def _base(
    rng: random.Random,
    f: SampleAccount,
    kind: str,
    when: dt.datetime,
    number: int,
    caller: Person,
    agent: Person,
) -> JsonObject:
    line = int(rng.random() * len(f.numbers))
    tracking, own = f.numbers[line], f.business.phone
    bare, sizes = values.national_digits(tracking)
    own_bare, own_sizes = values.national_digits(own)
    record: JsonObject = {
        "id": number if rng.random() < 0.8 else str(number),
        "sid": f"CA{rng.getrandbits(128):032x}",
        "account_id": int(f.account_id),
        "direction": "outbound" if rng.random() < 0.12 else "inbound",
        "called_at": content.written_timestamp(rng, when),
        "source": SOURCE,
        "source_id": 100 + line,
        "tracking_number": tracking,
        "tracking_number_id": f"TPN{f.account_id}{line}",
        "tracking_number_bare": bare,
        "tracking_number_complete": tracking,
        "tracking_number_format": format_national(bare, sizes),
        "tracking_label": f.labels[line],
        "business_number": own,
        "business_number_bare": own_bare,
        "business_number_format": format_national(own_bare, own_sizes),
        "business_label": f.business.name,
        "is_new_caller": rng.random() < 0.6,
    }
    if f.agency_id:
        record["agency_id"] = int(f.agency_id)
    if rng.random() < 0.92:
        record["unix_time"] = int(when.timestamp())
    if kind != "call" or rng.random() < 0.3:
        record["kind"] = kind
    return record


def format_national(number: str, sizes: list[int]) -> str:
    """National digits as the platform formats them: `(415) 555-0123`, else groups with blanks."""
    g = values.groups_of(number, sizes)
    return f"({g[0]}) {g[1]}-{g[2]}" if len(number) == 10 and sizes == [3, 3, 4] else " ".join(g)


def _put(
    record: JsonObject,
    g: InteractionGold | None,
    path: str,
    text: str,
    entity: str,
    key: str,
    canonical: str,
) -> None:
    record[path] = text
    if g:
        g.whole(path, text, entity, key, canonical)


def _caller(
    rng: random.Random, record: JsonObject, kind: str, p: Person, g: InteractionGold | None
) -> None:
    r = rng.random
    bare, sizes = values.national_digits(p.phone)
    if kind != "form":
        split = values.groups_of(bare, sizes)
        for name, text in (
            ("caller_number", p.phone),
            ("caller_number_bare", bare),
            ("caller_number_complete", p.phone),
            ("caller_number_format", format_national(bare, sizes)),
        ):
            _put(record, g, name, text, "PHONE_NUMBER", "caller.phone", p.phone)
        record["caller_number_split"] = split
        if g:
            for i, text in enumerate(split):
                g.whole(f"caller_number_split[{i}]", text, "PHONE_NUMBER", "caller.phone", p.phone)
        if r() < 0.6:
            _put(
                record,
                g,
                "cnam",
                f"{p.last} {p.first}".upper()[:15].strip(),
                "PERSON",
                "caller.name",
                p.full,
            )
    if r() < 0.7:
        _put(
            record,
            g,
            "name",
            p.full if r() < 0.9 else p.full.upper(),
            "PERSON",
            "caller.name",
            p.full,
        )
    if r() < 0.35:
        _put(record, g, "email", p.email, "EMAIL_ADDRESS", "caller.email", p.email)
        record["emails"] = [{"email": e} for e in p.emails] if r() < 0.3 else list(p.emails)
        if g:
            for i, e in enumerate(p.emails):
                path = (
                    f"emails[{i}].email"
                    if isinstance(record["emails"][i], dict)
                    else f"emails[{i}]"
                )
                g.whole(
                    path, e, "EMAIL_ADDRESS", "caller.email" if i == 0 else f"caller.email{i}", e
                )
    if r() < 0.75:
        for name, text, entity in (
            ("city", p.city, "LOCATION"),
            ("state", p.state, "LOCATION"),
            ("postal_code", p.postal_code, "ZIP_CODE"),
        ):
            _put(
                record,
                g,
                name,
                text,
                entity,
                f"caller.{'zip' if name == 'postal_code' else name}",
                text,
            )
        record["country"] = p.country
    if r() < 0.3:
        _put(record, g, "street", p.street_line, "ADDRESS", "caller.street", p.street_line)
    if r() < 0.2:
        record["latitude"], record["longitude"] = round(25 + 25 * r(), 5), round(-120 + 50 * r(), 5)
    if r() < 0.12:
        _put(
            record,
            g,
            "alternative_number",
            values.written_phone(rng, p.phone2),
            "PHONE_NUMBER",
            "caller.phone2",
            p.phone2,
        )
    if r() < 0.06:
        record["extended_lookup"] = {
            "name": p.full,
            "age": "35-44",
            "addresses": [{"line_1": p.street_line, "zip": p.postal_code}],
        }
        if g:
            g.whole("extended_lookup.name", p.full, "PERSON", "caller.name", p.full)
            g.whole(
                "extended_lookup.addresses[0].line_1",
                p.street_line,
                "ADDRESS",
                "caller.street",
                p.street_line,
            )
            g.whole(
                "extended_lookup.addresses[0].zip",
                p.postal_code,
                "ZIP_CODE",
                "caller.zip",
                p.postal_code,
            )


def _visitor(
    rng: random.Random, record: JsonObject, kind: str, p: Person, g: InteractionGold | None
) -> None:
    r = rng.random
    if r() > (0.9 if kind in ("form", "chat") else 0.35):
        return
    ip = f"{pick_one(rng, ('192.0.2', '198.51.100', '203.0.113'))}.{1 + int(r() * 254)}"
    _put(record, g, "visitor_ip", ip, "IP_ADDRESS", "visitor.ip", ip)
    site = f"https://www.{ascii_fold(record['business_label'])[:20] or 'business'}.example"
    record |= {
        "visitor_sid": f"{rng.getrandbits(96):024x}",
        "web_source": "google",
        "medium": pick_one(rng, ("cpc", "organic", "email")),
        "location": f"{site}/contact",
    }
    if r() < 0.3:
        record |= {
            "campaign": pick_one(rng, ("brand", "spring sale", "emergency")),
            "keyword": pick_one(rng, ("near me", "best price", "open now")),
            "gclid": f"{rng.getrandbits(120):030x}",
        }
    if r() < 0.12:
        head = f"{site}/thanks?email="
        record["last_location"] = head + p.email
        if g:
            g.part("last_location", len(head), p.email, "EMAIL_ADDRESS", "caller.email", p.email)
    if r() < 0.1:
        record["touchpoints"] = [
            {"at": record["called_at"], "page": f"{site}/pricing"},
            {"at": record["called_at"], "page": record["location"]},
        ]


def _staff(
    rng: random.Random,
    record: JsonObject,
    f: SampleAccount,
    agent: Person,
    kind: str,
    when: dt.datetime,
    g: InteractionGold | None,
) -> None:
    r = rng.random
    if kind in ("call", "chat") and r() < 0.8:
        mail = f"{ascii_fold(agent.first)}@{ascii_fold(f.business.name)[:18] or 'office'}.example"
        record["agent_id"] = f"USR{rng.getrandbits(40):010X}"
        record["agent"] = {"id": record["agent_id"], "name": agent.full, "email": mail}
        if g:
            g.whole("agent.name", agent.full, "PERSON", "agent.name", agent.full)
            g.whole("agent.email", mail, "EMAIL_ADDRESS", "agent.email", mail)
    if kind == "call":
        path = [
            {
                "route_id": f"VMN{rng.getrandbits(24):06X}",
                "route_name": "Main menu",
                "route_type": "voice_menu",
                "started_at": content.written_timestamp(rng, when),
            }
        ]
        if r() < 0.7:
            head = pick_one(rng, ("Ring ", "Forward to ", "", "Agent: "))
            path.append(
                {
                    "route_id": f"RPN{rng.getrandbits(24):06X}",
                    "route_name": head + agent.full,
                    "route_type": "receiving_number",
                    "started_at": content.written_timestamp(rng, when + dt.timedelta(seconds=4)),
                }
            )
            if g:
                g.part(
                    "call_path[1].route_name",
                    len(head),
                    agent.full,
                    "PERSON",
                    "agent.name",
                    agent.full,
                )
        record["call_path"] = path
    if r() < 0.03:
        record["crm_owner"] = agent.full
        record["beta_flags"] = {"new_router": True, "cohort": int(r() * 20)}
        if g:
            g.whole("crm_owner", agent.full, "PERSON", "agent.name", agent.full)


_LATER = (
    "transcription_text",
    "outline",
    "transcript",
    "transcript_outline",
    "words",
    "summary",
    "activity_analysis",
    "notes",
    "audio",
    "transcription",
    "custom_fields",
    "tag_list",
)


def _series(
    rng: random.Random, final: JsonObject, when: dt.datetime, g: InteractionGold | None
) -> GeneratedInteraction:
    """Return webhooks of one call: start, end (no audio yet), delayed end; now and then out of
    order, twice, or cut short.
    """
    took = int(final.get("duration", 0))
    end = {k: v for k, v in final.items() if k not in _LATER} | {
        "updated_at": content.written_timestamp(rng, when + dt.timedelta(seconds=took + 2))
    }
    start = {
        k: v
        for k, v in end.items()
        if k not in ("talk_time", "hold_time", "agent", "agent_id", "billed_amount")
    } | {
        "status": "in progress",
        "call_status": "in-progress",
        "duration": 0,
        "updated_at": content.written_timestamp(rng, when),
    }
    final["updated_at"] = content.written_timestamp(rng, when + dt.timedelta(seconds=took + 90))
    steps = [start, end, final]
    if rng.random() < 0.15:
        steps.append(final)
    if rng.random() < 0.2:
        steps.remove(start)
    if rng.random() < 0.4:
        rng.shuffle(steps)
    return GeneratedInteraction(steps, g, steps.index(final))
