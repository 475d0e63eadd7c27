"""Classification of a changed field by its name.

The classes are secrets, card data, and a person's own values; `change_classes.py` has the kinds of
change that matter for security.

Names are compared in snake case. Secrets (`detect/secret_fields.py`) are redacted whatever the policy says;
everything else goes by the policy. A name's last word says what the field holds: `email` an
address, `email_notifications` a setting. But the value decides: only one that is closed
(`detect/closed_values.py`) is taken for a setting.
"""

from __future__ import annotations

import re
from functools import lru_cache

from callveil.schemas.version import to_snake_case
from callveil.transforms.detect.closed_values import (
    MAX_CHARS,
    closed_words,
    is_code,
    is_count,
    is_flag,
    is_form,
    is_letter_flag,
    is_time,
)
from callveil.transforms.detect.secret_fields import normalize_name as _folded

PERSON_ITEMS = frozenset(
    {
        "user",
        "agent",
        "contact",
        "caller",
        "customer",
        "person",
        "lead",
        "visitor",
        "patient",
        "member",
        "employee",
        "invitation",
    }
)
"""Item types that are people: their name and label are a person's."""

NUMBER_ITEMS = frozenset(
    {
        "tracking_number",
        "phone_number",
        "number",
        "receiving_number",
        "business_number",
        "target_number",
        "toll_free_number",
    }
)
"""Item types that are the business' own numbers."""


def names_pattern(patterns: str) -> re.Pattern[str]:
    """Return one pattern of many, separated by white space, each of which must match whole words of
    a name in snake case.
    """
    return re.compile(rf"(?:^|_)(?:{'|'.join(patterns.split())})(?:_|$)")


STAFF_ITEMS = frozenset({"user", "agent", "member", "employee"})
"""Item types that are people who work for the account."""
STATUS_ITEMS = frozenset(
    f"{who}_{what}"
    for who in STAFF_ITEMS
    for what in ("status", "availability", "presence", "activity", "state")
)
"""Item types that say what someone who works for the account is doing."""
NOTE = "UNKNOWN_FIELD"
"""Stands for free text about someone who works for the account: why they are away may be about
their health.
"""
_STATUS = re.compile(
    r"(?:^|_)(?:status|availability|presence|activity|away|absence|break|unavailable|not_ready|out_of_office|dnd)"
    r"(?:_(?:text|message|notes?|reason|name|label|title|comment|detail|details|description))?$"
)
_STATUS_NOTE = re.compile(
    r"^(?:item_label|name|label|title|text|message|notes?|reason|comment|detail|details|description|value|from|to)$"
)
_STATUS_WORDS = frozenset(
    {
        "available",
        "unavailable",
        "online",
        "offline",
        "ready",
        "not_ready",
        "busy",
        "idle",
        "away",
        "break",
        "on_break",
        "on_a_break",
        "lunch",
        "on_lunch",
        "at_lunch",
        "lunch_break",
        "coffee_break",
        "short_break",
        "wrap_up",
        "wrapup",
        "after_call_work",
        "acw",
        "dnd",
        "do_not_disturb",
        "meeting",
        "in_meeting",
        "in_a_meeting",
        "training",
        "in_training",
        "coaching",
        "on_a_call",
        "in_a_call",
        "on_call",
        "in_call",
        "ringing",
        "logged_in",
        "logged_out",
        "signed_in",
        "signed_out",
        "out_of_office",
        "inbound",
        "outbound",
        "outbound_only",
        "inbound_only",
        "accept_calls",
        "end_of_shift",
        "off_shift",
        "on_shift",
    }
)

_NATIONAL = names_pattern("ssn social_security(?:_number|_no)? national_id tax_id tin")
_WHOLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("CVV", names_pattern("cvv2? cvc2? ccv csc card_(?:verification|security)_(?:value|code)")),
    (
        "CARD_EXPIRY",
        names_pattern("""card_exp(?:iry|iration|ires)?(?:_(?:date|month|year))? cc_exp[a-z]* exp_(?:month|year|date)
        expiration_(?:month|year)"""),
    ),
    (
        "CREDIT_CARD",
        names_pattern("""(?:credit_|debit_)?card_(?:number|no|num) cc_(?:number|num|no) ccnum (?:credit|debit)_card pan card_holder_number
        (?:saved|stored|default|primary|backup|billing)_card cards?_on_file"""),
    ),
    ("IBAN_CODE", names_pattern("iban")),
    (
        "US_BANK_NUMBER",
        names_pattern(
            "(?:bank_)?account_(?:number|no) routing_(?:number|no) bank_account sort_code bic swift"
        ),
    ),
    ("DATE_OF_BIRTH", names_pattern("dob birth_?dates? date_of_birth birth_?days? born")),
    (
        "EMAIL_ADDRESS",
        names_pattern("e?_?mails? email_address(?:es)? mail_to recipients? reply_to bcc cc"),
    ),
    ("IP_ADDRESS", names_pattern("ip ips ip_address(?:es)? remote_addr")),
    (
        "PERSON",
        names_pattern("""(?:first|last|middle|full|given|family|maiden|sur|nick|caller|contact|customer|agent|person|display|holder|legal)_?name
        surname cnam cardholder"""),
    ),
    ("USERNAME", names_pattern("user_?name login_name screen_name")),
    (
        "ADDRESS",
        names_pattern(
            r"""street(?:_address)? (?:street_|home_|mailing_|postal_|billing_)?address(?:_?(?:line_?)?\d)? addr"""
        ),
    ),
    (
        "PHONE_NUMBER",
        names_pattern(
            """phones? mobiles? cell(?:_?phone)? (?:home|work|cell|mobile)_(?:phone|number) phone_numbers? fax telephone msisdn"""
        ),
    ),
    ("LOCATION", names_pattern("latitude longitude lat lng geo_?location")),
    ("US_DRIVER_LICENSE", names_pattern("driver_?s?_licen[cs]e[a-z_]*")),
    ("US_PASSPORT", names_pattern("passport[a-z_]*")),
)
_PERSON_ONLY = (
    ("PERSON", re.compile(r"^(?:name|label|title_and_name)$")),
    ("LOCATION", re.compile(r"^(?:city|state|country|region|county)$")),
    ("ZIP_CODE", re.compile(r"^(?:zip|zip_code|postal_code|postcode)$")),
    ("PHONE_NUMBER", re.compile(r"^(?:number|numbers)$")),
)
_STATES_ONLY = re.compile(
    r"_(?:at|on|enabled|disabled|required|count|verified|confirmed|type|status|id|ids|format|limit|allowed)$|^(?:allow|require|enable|has|is|use)_"
)
_BORN = names_pattern("born_(?:on|at)")
_DATES = frozenset({"CARD_EXPIRY", "DATE_OF_BIRTH"})
_NUMBERS = _DATES | {"US_SSN", "CVV", "CREDIT_CARD", "PHONE_NUMBER", "US_BANK_NUMBER", "ZIP_CODE"}
"""Kinds of data of which a short number may be a part."""
_FIXED = (_NUMBERS - {"ZIP_CODE"}) | {
    "IBAN_CODE",
    "EMAIL_ADDRESS",
    "IP_ADDRESS",
    "US_DRIVER_LICENSE",
    "US_PASSPORT",
}
"""Kinds of data whose values have digits or a form: no word is one."""
ALLOWED_IPS = names_pattern(
    """(?:allowed|trusted|whitelisted|blocked)_ips? ip_(?:allow|white|block|deny)_?lists? ip_ranges?"""
)


def item_name(item_type: str) -> str:
    """Item type as the tables here write it: without Ruby modules, in snake case."""
    return to_snake_case(item_type.rpartition("::")[2])


@lru_cache(maxsize=8192)
def whole_entity(item_type: str, name: str) -> str:
    """Entity type of a field that is personal (or card data) by its name; empty where the name does
    not tell.

    The business' own numbers are none: on items that are numbers, `number` and `phone_number` are
    the item itself.
    """
    item, folded = item_name(item_type), _folded(name)
    if _NATIONAL.search(folded):
        return "US_SSN"
    if _BORN.search(folded):
        return "DATE_OF_BIRTH"
    if _STATES_ONLY.search(folded) or ALLOWED_IPS.search(folded):
        return ""
    if item in PERSON_ITEMS:
        for entity, pattern in _PERSON_ONLY:
            if pattern.match(folded):
                return entity
    for entity, pattern in _WHOLE:
        if pattern.search(folded):
            return "" if entity == "PHONE_NUMBER" and item in NUMBER_ITEMS else entity
    return NOTE if is_status(item, folded) else ""


def is_status(item: str, folded: str) -> bool:
    """Tell whether a field says what someone who works for the account is doing, in words of their
    own perhaps.
    """
    if item in STATUS_ITEMS:
        return _STATUS.search(folded) is not None or _STATUS_NOTE.match(folded) is not None
    return item in STAFF_ITEMS and _STATUS.search(folded) is not None


_WHO = names_pattern("""names? nicknames? alias handle label titles? login logins users? owners? contacts?
    callers? customers? clients? leads? agents? managers? assignees? assigned assigned_to authors?
    [a-z]+ed_by by senders? recipients? sign[eo]rs? holders? employees? patients? members? to from
    cc""")
"""Names whose value may be a person's: not `login_at` and `user_role`, for they end otherwise."""
_SETTING = names_pattern("""types? kinds? methods? modes? status state format level frequency theme size
    plan tier roles? permissions? access brand network provider channels? priority visibility policy
    preferences? strategy scheme interval schedule period units? style layout direction sort order
    options? settings? action default behaviou?r display redaction masking on_file notifications?
    alerts? digest""")
_CODED = re.compile(
    r"(?:^|_)(?:(?P<language>languages?|langs?|locales?)|(?P<country>countr(?:y|ies))"
    r"|(?P<currency>currenc(?:y|ies))|(?P<zone>time_?zones?|tz))(?:_(?:codes?|names?|iso))?$"
)
"""Names that ask for a code of a written list."""
_SWITCHES = re.compile(
    r"^(?:mask|hide|show|redact|encrypt|hash|obfuscate|include|exclude|verify|validate|collect|capture"
    r"|sync|expose|skip|allow|require|enable|disable|has|is|use|can|should|must|do|dont|no)_"
)
"""Names that begin with what is to be done with a value, and hold none: `mask_phone_numbers`."""
_WHEN = re.compile(
    r"(?:^|_)(?:at|on|times?|date|until|since|from|after|before|expires|expiry|expiration|deadline"
    r"|hours?|timestamp|utc)$"
)
_LAST = re.compile(
    r"(?:_(?:was|old|new|before|after|previous|current|encrypted|value|text|raw|input|home|work"
    r"|primary|secondary|\d{1,2}))+$"
)
"""What may follow the word that says what a field holds."""


def _ends(pattern: re.Pattern[str], folded: str) -> bool:
    return any(m.end() == len(folded) for m in pattern.finditer(_LAST.sub("", folded)))


@lru_cache(maxsize=8192)
def _kind(item_type: str, name: str) -> tuple[str, bool]:
    """Entity type of a name, and whether the name ends in it: `email`, but not
    `email_notifications`.
    """
    entity = whole_entity(item_type, name)
    folded = _LAST.sub("", _folded(name))
    patterns = {"US_SSN": _NATIONAL, **dict(_WHOLE)}
    last = patterns.get(entity)
    if last is None or (
        item_name(item_type) in PERSON_ITEMS and any(p.match(folded) for _, p in _PERSON_ONLY)
    ):
        return entity, True
    return entity, any(m.end() == len(folded) for m in last.finditer(folded))


def is_setting(item_type: str, name: str, text: str) -> bool:
    """Tell whether a text under a field's name is a state, a time, a measure or a closed word, and
    so a setting that says nothing about a person.

    Args:
        item_type: of the version.
        name: the field, or the member the text stands under.
        text: the value as written; of a number its digits.
    """
    return len(text) <= MAX_CHARS and _is_setting(item_type, name, text)


@lru_cache(maxsize=8192)
def _is_setting(item_type: str, name: str, text: str) -> bool:
    folded = _folded(name)
    entity, last = _kind(item_type, name)
    strong, weak = closed_words(text)
    if entity == NOTE:
        plain = re.sub(r"[\W_]+", "_", text.casefold()).strip("_")
        return (
            is_flag(text)
            or strong > 0
            or plain in _STATUS_WORDS
            or (text.isdigit() and len(text) < 4)
        )
    switch = _SWITCHES.search(folded) is not None
    asked = switch or (not last if entity else _STATES_ONLY.search(folded))
    if (
        (asked or (entity in _FIXED and text.isalpha()))
        and is_letter_flag(text)
        and "initial" not in folded
    ):
        return True
    if entity and last:
        if switch and strong > 0 and not any(c.isdigit() for c in text):
            return True
        if entity in _FIXED or folded == "state":
            return (is_flag(text) or strong > 0) and not any(c.isdigit() for c in text)
        return is_flag(text)
    coded = _CODED.search(_LAST.sub("", folded))
    if coded and is_code(str(coded.lastgroup), text):
        return True
    if not entity and _ends(_WHO, folded):
        return is_flag(text) or strong > 1
    if is_flag(text) or strong > 0:
        return True
    if is_time(text):
        dated = _WHEN.search(folded) is not None or (bool(entity) and not text.isdigit())
        return dated and entity not in _DATES
    if not entity and not _ends(_SETTING, folded) and not _STATES_ONLY.search(folded):
        return False
    part = _NATIONAL.search(folded) or any(p.search(folded) for e, p in _WHOLE if e in _NUMBERS)
    return weak > 0 or is_form(text) or is_count(text, 1 if part else 4)


def holds_business_number(item_type: str, name: str) -> bool:
    """Tell whether a field holds one of the business' own numbers: the policy's treatment of
    `tracking_number` holds for it.
    """
    return item_name(item_type) in NUMBER_ITEMS and to_snake_case(name) in (
        "number",
        "phone_number",
        "formatted",
        "formatted_number",
        "tracking_number",
        "digits",
    )
