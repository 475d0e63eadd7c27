"""Content groups of a generated interaction: text spoken, written or filled into a form."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any

from callveil.schemas.json_types import JsonObject
from callveil.transforms.lab.sample import shapes
from callveil.transforms.lab.sample.dialogues import (
    TYPED,
    Dialogue,
    DialogueTurn,
    Style,
    random_dialogue,
    random_sentence,
    random_style,
)
from callveil.transforms.lab.sample.gold import InteractionGold
from callveil.transforms.lab.sample.people import Person, pick_one, random_digits
from callveil.transforms.lab.sample.scene import PlantedValue
from callveil.transforms.lab.sample.values import written_date, written_phone
from callveil.transforms.lab.sample.world import SampleAccount

_NOTE = replace(TYPED, cased=True, punctuated=True)
_ZONES = tuple(dt.timezone(dt.timedelta(hours=h)) for h in (-4, -5, -7, 0, 1))
_TAGS = ("new lead", "existing", "quote", "urgent", "spam", "follow up", "booked", "refund", "VIP")


def written_timestamp(rng: random.Random, when: dt.datetime) -> str:
    """Return an instant as platforms write it: ISO with Z, ISO with an offset, or `2013-05-01 11:48
    PM -04:00` (to the minute).
    """
    r = rng.random()
    if r < 0.45:
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")
    local = when.astimezone(pick_one(rng, _ZONES))
    if r < 0.7:
        return local.isoformat()
    return (
        local.strftime("%Y-%m-%d %I:%M %p ")
        + local.strftime("%z")[:3]
        + ":"
        + local.strftime("%z")[3:]
    )


def _say(
    rng: random.Random,
    g: InteractionGold | None,
    path: str,
    section: str,
    f: SampleAccount,
    caller: Person,
    agent: Person,
    topic: str = "",
    style: Style = _NOTE,
) -> str:
    """Return one written sentence of a section, its labels added to the gold under `path`."""
    turn, values = random_sentence(rng, section, caller, agent, f.business, style, topic)
    if g:
        _merge(g, path, turn, values)
    return turn.text


def _merge(
    g: InteractionGold,
    path: str,
    turn: DialogueTurn,
    values: dict[str, PlantedValue],
    shift: int = 0,
) -> None:
    """Add a turn's labels. A further person has the same key in every sentence (`other.name`), so
    another one gets a key of its own.
    """
    for s in turn.spans:
        value, key = values[s.key], s.key
        while key in g.values and g.values[key] != value:
            key += "'"
        g.part(path, s.start + shift, turn.text[s.start : s.end], value.type, key, value.canonical)


def fill_call(
    rng: random.Random,
    record: JsonObject,
    f: SampleAccount,
    caller: Person,
    agent: Person,
    when: dt.datetime,
    g: InteractionGold | None,
) -> bool:
    """Fill in a call. Returns whether anything was said."""
    r = rng.random()
    if r < 0.1:
        status = pick_one(rng, ("no answer", "busy", "canceled", "hangup"))
        record |= {
            "status": status,
            "call_status": status,
            "duration": int(rng.random() * 30),
            "talk_time": 0,
            "ring_time": 5 + int(rng.random() * 25),
        }
        return False
    voicemail = r < 0.18
    talk = random_dialogue(
        rng, caller, agent, f.business, "voicemail" if voicemail else None, random_style(rng)
    )
    took = int(talk.turns[-1].e) + 1
    ring, held = 2 + int(rng.random() * 18), int(rng.random() * 40) if rng.random() < 0.2 else 0
    record |= {
        "status": "voicemail" if voicemail else "answered",
        "call_status": "completed",
        "dial_status": "completed",
        "duration": took + ring + held,
        "talk_time": took,
        "ring_time": ring,
        "hold_time": held,
        "billed_amount": round(0.05 * (1 + took // 60), 2),
        "language": "en",
        "audio": f"https://app.example/api/v1/accounts/{f.account_id}/calls/{record['id']}/recording.mp3",
    }
    if rng.random() < 0.93:
        _transcript(rng, record, talk, g)
    if rng.random() < 0.45:
        record["summary"] = _say(rng, g, "summary", "summary", f, caller, agent, talk.topic)
        if rng.random() < 0.2:
            record["activity_analysis"] = _say(
                rng, g, "activity_analysis", "summary", f, caller, agent, talk.topic
            )
    if rng.random() < 0.2:
        record["notes"] = _say(rng, g, "notes", "note", f, caller, agent)
    _custom(rng, record, caller, g)
    return True


def _transcript(
    rng: random.Random, record: JsonObject, talk: Dialogue, g: InteractionGold | None
) -> None:
    turns, r = talk.turns, rng.random()
    where: list[tuple[str, int]] = []
    extra: list[tuple[str, list[int]]] = []
    if r < 0.72:
        rows = shapes.as_outline(
            turns,
            pick_one(
                rng, (("Caller", "Agent"), ("External", "Business"), ("Speaker 1", "Speaker 2"))
            ),
        )
        name = "outline" if r < 0.55 else "transcript_outline" if r < 0.6 else "transcript.outline"
        if name == "transcript.outline":
            record["transcript"] = {"outline": rows}
        else:
            record[name] = rows
        where = [(f"{name}[{i}].text", 0) for i in range(len(turns))]
        if rng.random() < 0.5:
            record["transcription_text"], starts = shapes.as_flat_text(turns, rng.random() < 0.6)
            extra.append(("transcription_text", starts))
        if rng.random() < 0.07:
            record["words"] = shapes.as_word_rows(rng, turns)
    elif r < 0.94:
        record["transcription_text"], starts = shapes.as_flat_text(turns, rng.random() < 0.6)
        where = [("transcription_text", s) for s in starts]
    elif r < 0.96:
        record["transcript"] = shapes.as_aws_transcribe(rng, turns, f"job-{record['id']}")
        where = [
            ("transcript.results.transcripts[0].transcript", s)
            for s in shapes.as_one_line(turns)[1]
        ]
    elif r < 0.98:
        record["transcript"] = shapes.as_whisper(rng, turns)
        where = [(f"transcript.segments[{i}].text", 1) for i in range(len(turns))]
        extra.append(("transcript.text", shapes.as_one_line(turns)[1]))
    else:
        record["transcript"] = shapes.as_deepgram(rng, turns, f"{rng.getrandbits(64):016x}")
        where = [(f"transcript.results.utterances[{i}].transcript", 0) for i in range(len(turns))]
    if g:
        for i, (turn, (path, shift)) in enumerate(zip(turns, where, strict=True)):
            _merge(g, path, turn, talk.values, shift)
            for name, starts in extra:
                _merge(g, name, turn, talk.values, starts[i])


def _custom(rng: random.Random, record: JsonObject, p: Person, g: InteractionGold | None) -> None:
    if rng.random() < 0.25:
        fields: JsonObject = {
            "lead_score": int(rng.random() * 100),
            "preferred_contact": pick_one(rng, ("phone", "email", "text")),
        }
        if rng.random() < 0.5:
            fields["date_of_birth"] = written_date(rng, p.dob, p.country == "US")
            if g:
                g.whole(
                    "custom_fields.date_of_birth",
                    fields["date_of_birth"],
                    "DATE_OF_BIRTH",
                    "caller.dob",
                    p.dob.isoformat(),
                )
        if rng.random() < 0.3:
            fields["login"] = p.username
            if g:
                g.whole(
                    "custom_fields.login", p.username, "USERNAME", "caller.username", p.username
                )
        record["custom_fields"] = fields
    if rng.random() < 0.3:
        tags = [pick_one(rng, _TAGS) for _ in range(1 + int(rng.random() * 2))]
        record["tag_list"] = tags if rng.random() < 0.5 else ", ".join(tags)
    if rng.random() < 0.04:
        record["salesforce"] = {
            "Id": f"003{random_digits(rng, 12)}",
            "Name": p.full,
            "Type": "Lead",
        }
        if g:
            g.whole("salesforce.Name", p.full, "PERSON", "caller.name", p.full)


def fill_text_message(
    rng: random.Random,
    record: JsonObject,
    f: SampleAccount,
    caller: Person,
    agent: Person,
    when: dt.datetime,
    g: InteractionGold | None,
) -> bool:
    """Fill in a text message."""
    outbound = record["direction"] == "outbound"
    style = replace(TYPED, cased=rng.random() < 0.6)
    record |= {
        "status": "sent" if outbound else "received",
        "message_id": f"SM{rng.getrandbits(128):032x}",
        "duration": 0,
    }
    record["message_body"] = _say(
        rng, g, "message_body", "sms.out" if outbound else "sms.in", f, caller, agent, style=style
    )
    if rng.random() < 0.05:
        record["message_media"] = [
            {
                "url": f"https://media.example/{rng.getrandbits(64):016x}.jpg",
                "content_type": "image/jpeg",
            }
        ]
    if rng.random() < 0.08:
        record["notes"] = _say(rng, g, "notes", "note", f, caller, agent)
    return True


def fill_chat(
    rng: random.Random,
    record: JsonObject,
    f: SampleAccount,
    caller: Person,
    agent: Person,
    when: dt.datetime,
    g: InteractionGold | None,
) -> bool:
    """Fill in a web chat."""
    talk = random_dialogue(
        rng, caller, agent, f.business, None, replace(TYPED, cased=rng.random() < 0.75)
    )
    visitor = caller.first if rng.random() < 0.5 else "Visitor"
    rows = []
    for i, t in enumerate(talk.turns):
        rows.append(
            {
                "id": f"{record['id']}-{i}",
                "speaker": visitor if t.channel == 1 else agent.first,
                "channel": t.channel,
                "text": t.text,
                "sent_at": (when + dt.timedelta(seconds=int(t.s * 4))).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                ),
            }
        )
        if g:
            _merge(g, f"chat_messages[{i}].text", t, talk.values)
            if t.channel == 2 or visitor != "Visitor":
                who, key = (agent, "agent.name") if t.channel == 2 else (caller, "caller.name")
                g.whole(f"chat_messages[{i}].speaker", who.first, "PERSON", key, who.full)
    record |= {"chat_messages": rows, "status": "completed", "duration": int(talk.turns[-1].s * 4)}
    _custom(rng, record, caller, g)
    return True


def fill_form(
    rng: random.Random,
    record: JsonObject,
    f: SampleAccount,
    caller: Person,
    agent: Person,
    when: dt.datetime,
    g: InteractionGold | None,
) -> bool:
    """Fill in a web form; answers are texts, lists, booleans and nested objects."""
    number = written_phone(rng, caller.phone)
    made: JsonObject = {
        "form_id": f"FRT{random_digits(rng, 8)}",
        "form_name": pick_one(rng, ("Contact us", "Request a quote", "Book now", "Free estimate")),
        "name": caller.full,
        "email": caller.email,
        "number_to_call": number,
    }
    if g:
        g.whole("form.name", caller.full, "PERSON", "caller.name", caller.full)
        g.whole("form.email", caller.email, "EMAIL_ADDRESS", "caller.email", caller.email)
        g.whole("form.number_to_call", number, "PHONE_NUMBER", "caller.phone", caller.phone)
    custom: list[JsonObject] = []

    def add(label: str, value: Any) -> str:
        custom.append({"id": f"field_{len(custom) + 1}", "label": label, "value": value})
        return f"form.custom[{len(custom) - 1}].value"

    at = f"form.custom[{len(custom)}].value"
    add("Comments", _say(rng, g, at, "comment", f, caller, agent))
    if rng.random() < 0.4:
        born = written_date(rng, caller.dob, caller.country == "US")
        at = add("Date of birth", born)
        if g:
            g.whole(at, born, "DATE_OF_BIRTH", "caller.dob", caller.dob.isoformat())
    if rng.random() < 0.4:
        at = add(
            "Address",
            {"street": caller.street_line, "city": caller.city, "zip": caller.postal_code},
        )
        if g:
            g.whole(
                f"{at}.street", caller.street_line, "ADDRESS", "caller.street", caller.street_line
            )
            g.whole(f"{at}.city", caller.city, "LOCATION", "caller.city", caller.city)
            g.whole(f"{at}.zip", caller.postal_code, "ZIP_CODE", "caller.zip", caller.postal_code)
    add("Services", [pick_one(rng, ("repair", "install", "consult")), "other"])
    add("May we contact you?", rng.random() < 0.9)
    record |= {"form": made | {"custom": custom}, "status": "received", "duration": 0}
    return True
