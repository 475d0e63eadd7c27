"""Keys, tokens and passwords: told by the name they stand under, or by their own form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from callveil.schemas.version import to_snake_case
from callveil.transforms.detect.closed_values import (
    closed_words,
    is_count,
    is_flag,
    is_form,
    is_letter_flag,
    is_time,
)

SECRET = "SECRET"  # noqa: S105 - name of an entity type
"""Entity type of keys, tokens and passwords that machines or people sign in with."""


def normalize_name(name: str) -> str:
    """Return a field's name in snake case, written plainly: compatibility forms, accents and signs
    of no width are gone, and of a name too long to be one its two ends are left.
    """
    if len(name) > 256:
        name = f"{name[:128]}_{name[-128:]}"
    plain = unicodedata.normalize("NFKD", name)
    return to_snake_case("".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Mn")))


def _names(patterns: str, end: str) -> re.Pattern[str]:
    """Return one pattern of many, separated by white space, each of which matches whole words of a
    name.
    """
    return re.compile(f"(?:^|_)(?:{'|'.join(patterns.split())})_?[0-9]{{0,3}}{end}")


_KEYS = (
    "api|app|application|consumer|access|private|secret|signing|signature|encryption|decryption|ssh"
    "|gpg|pgp|master|shared|account|auth|webhook|hmac|session|deploy|service|storage|license"
)
_CODES = (
    "backup|recovery|one_?time|verification|two_?factor|2fa|mfa|otp|sms|unlock|access|auth|login"
    "|authentication|sign_?in|reset|activation|confirmation|security|entry|door|gate|alarm|lock"
)
_PLACES = "db|smtp|user|ftp|imap|ldap|mysql|pg|root|admin|http|proxy|sip|wifi"
_WORDS = f"""[a-z0-9]*(?:passwo?r?ds?|passcodes?|passphrases?) pwds? pws? psw [a-z]*secrets? bearer
    [a-z]*apikeys? [a-z]*tokens? cred(?:ential)?s? otps? totp hotp jwt pem pfx p12 pkcs12 keystore
    (?:{_KEYS})_?keys? (?:{_CODES})_?(?:code|phrase)s? (?:{_PLACES})_?pass
    (?:mfa|2fa|two_?factor|otp|totp)_(?:backup|recovery|seed|key)s? (?:oauth|code)_verifier hmacs?
    (?:seed|pass)_phrases? mnemonic cookies? csrf xsrf salt pepper pins? pin_code signature
    encrypted_[a-z0-9_]+ hashed_[a-z0-9_]+ [a-z0-9_]+_(?:digest|ciphertext|secret) certificate
    authorization security_(?:answer|question)s? dsn (?:connection|conn|connect)_?(?:string|str)s?
    sas_url passwort kennwort contrasena senha wachtwoord parola mot_de_passe
    clave_(?:secreta|api)"""
_SECRET, _ENDS = _names(_WORDS, "(?:_|$)"), _names(_WORDS, "$")
_LAST = _names(
    """auth sessions? pass sessions?_?ids? sess_?id phpsessid jsessionid session_(?:data|value)
    connect_sid oauth2?""",
    "$",
)
"""Words that are secrets at the end of a name only: `basic_auth`, but not `auth_provider`."""
_ABOUT = re.compile(
    r"_(?:at|on|enabled|disabled|required|count|length|expires|expiry|expired|expiration|policy|type"
    r"|timeout|minutes|days|hours|id|ids|name|label|status|used|attempts|min|max|rotation|rotated"
    r"|last4|scopes?|ttl|lifetime|method|mode|provider|strategy|algorithm|format|delivery|channel"
    r"|consent|banner|notice|domain|strength|complexity|version|issuer|audience|usage|limit"
    r"|permissions?|url|uri|endpoint|default)$"
    r"|^(?:require|requires|allow|enable|disable|force|has|is|use|min|max|can)_"
)
"""Names that say something about a secret and hold none: `password_changed_at`, `require_pin`."""
_STATED = _names(
    """auth authorization oauth2? sessions? pass cookies? certificate signature pins? otps? totp digest
    hmacs? keys?""",
    "$",
)
"""Secrets whose name is also used for a state: `session: active`, `email_digest: weekly`."""
_NUMBER = re.compile(r"\b\d")
_KEY = re.compile(r"keys?$")
"""The whole of a name that may be a credential's, or say which of several members is meant."""
KEYPAD = re.compile(r"[0-9*#]{1,2}")
_PIN = _names("pins? otps? pass_?codes? (?:[a-z0-9]+_)?codes?", "(?:_|$)")
_SPEAKS = _names(
    """auth authn authentication authorization oauth2? sso saml mfa 2fa totp two_?factor second_factor
    unlock sign_?in log_?in credentials?""",
    "(?:_|$)",
)
"""Names of how someone signs in, which hold a state of it and no secret: `auth_method`."""
_STATES = re.compile(
    r"_(?:enabled|disabled|required|policy|type|status|method|mode|provider|strategy|algorithm|format"
    r"|delivery|channel|strength|complexity|default)$"
    r"|^(?:require|requires|allow|enable|disable|force|has|is|use|can)_"
    r"|^(?:auth|authn|authentication|sso|saml|mfa|2fa|two_?factor|second_factor)$"
)
_TIMES = re.compile(r"_(?:at|on|expires|expiry|expired|expiration|rotated|used)$")
_COUNTS = re.compile(
    r"_(?:count|length|timeout|minutes|days|hours|attempts|min|max|rotation|ttl|lifetime|limit)$"
    r"|^(?:min|max)_"
)
_DATED = re.compile(
    r"(?:\d{1,4}|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec"
    r"|(?:uary|ruary|ch|il|ust|tember|ober|ember)\b|[tz]|am|pm|utc|gmt|[\s:.,/+\-])+",
    re.IGNORECASE,
)
_WHOLE_NUMBER = re.compile(r"-?\d{1,10}")


@lru_cache(maxsize=8192)
def is_secret(name: str) -> bool:
    """Tell whether a field of this name holds a secret."""
    plain = normalize_name(name)
    if plain == "sid" or _LAST.search(plain) or _KEY.match(plain):
        return True
    return bool(_SECRET.search(plain)) and not _ABOUT.search(plain)


@lru_cache(maxsize=8192)
def is_secret_state(name: str, text: str) -> bool:
    """Tell whether a text under a secret's name is only the state of it."""
    plain = normalize_name(name)
    if _KEY.match(plain) and KEYPAD.fullmatch(text):
        return True
    ends = any(p.search(plain) for p in (_LAST, _KEY, _ENDS))
    if not ends and (is_flag(text) or is_letter_flag(text)):
        return True  # `secret_scanning: on`
    if _NUMBER.search(text) or not _STATED.search(plain):
        return False
    strong, weak = closed_words(text)
    return is_flag(text) or strong > 0 or (weak > 0 and _KEY.match(plain) is not None)


@lru_cache(maxsize=8192)
def is_misplaced_secret(name: str, text: str) -> bool:
    """Tell whether a text under a name that only says something about a secret may be one: it is no
    state, time or count as such a name asks for (`auth_method: hunter22`, `pin_required: 4417`)."""
    plain = normalize_name(name)
    secret = _SECRET.search(plain) is not None
    if not secret and not _SPEAKS.search(plain):
        return False
    pin = _PIN.search(plain) is not None
    if is_flag(text) or is_letter_flag(text):
        return False
    if secret and _COUNTS.search(plain):
        number = is_count(text, 2) if pin else _WHOLE_NUMBER.fullmatch(text.strip()) is not None
        return not (number or _is_closed(text, pin) or is_time(text) or is_form(text))
    if secret and _TIMES.search(plain):
        return not (is_time(text) or _is_closed(text, pin) or _is_dated(text))
    return _STATES.search(plain) is not None and not (_is_closed(text, pin) or is_count(text, 2))


def _is_dated(text: str) -> bool:
    return len(text) <= 60 and _DATED.fullmatch(text) is not None


def _is_closed(text: str, pin: bool) -> bool:
    """Tell whether a text is made of listed words; with no number beside them that could be a
    PIN.
    """
    return sum(closed_words(text)) > 0 and (sum(c.isdecimal() for c in text) <= 2 or not pin)


_SECRET_VALUES = re.compile(
    r"-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY|CERTIFICATE)[A-Z ]*-----"
    r"(?:.*?-----END [A-Z0-9 ]+-----|.*)"
    r"|\beyJ[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]*)?"
    r"|\b(?:sk|pk|rk|whsec)_(?:live|test)?_?[A-Za-z0-9]{12,}"
    r"|\b(?:AKIA|ASIA|AGPA|AROA)[A-Z0-9]{12,}\b"
    r"|\bgh[oprsu]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bxox[abeoprs]-[A-Za-z0-9\-]{10,}"
    r"|\bglpat-[A-Za-z0-9_\-]{16,}|\bAIza[A-Za-z0-9_\-]{30,}|\b(?:AC|SK)[0-9a-f]{32}\b"
    r"|\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"
    r"|(?<=://)[^\s/@:]{0,100}:[^\s/]{1,200}(?=@)|\bhooks\.slack\.com/services/[^\s\"'<>]{6,200}"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9+/_\-.=]{16,}"
    r"|(?i:\bauthorization\\{0,8}[\"']?\s{0,3}[:=]\s{0,3}\\{0,8}[\"']?"
    r"(?:bearer|basic|token|digest|apikey)\s+)[^\s\"'\\]{4,}"
    r"|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2\w*\$[^\s]{20,}|\bpbkdf2[_:][^\s]{20,}",
    re.DOTALL,
)
_ASSIGNED = re.compile(
    r"""(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9_.\-]{1,60})(?:\\{0,8}["'])?\s{0,3}(=>|[:=])\s{0,3}"""
    r"""(?:\\{0,8}"([^"]{1,400}?)\\{0,8}(?=["])|\\{0,8}'([^']{1,400}?)\\{0,8}(?=['])"""
    r"""|([^\s"'\\&;,{}\[\]<>]{1,400}))"""
)
"""A name with its value, as settings, URLs and cut JSON write it."""
_OPAQUE = re.compile(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{24,}={0,2}(?![A-Za-z0-9+/_\-])")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,}\Z", re.IGNORECASE)


_COMMAND = re.compile(
    r"""(?<!\S)(?:-u|-U|--(?:proxy-)?user)[ =]?["']?(?!\d{1,6}:\d{1,6}(?!\S))[^\s:"'@/]{0,100}:([^\s"']{3,200})"""
    r"""|(?<!\S)--?(?:[a-z]{1,20}-){0,3}(?:password|passwd|passphrase|passcode|pass|token|secret"""
    r"""|api-?key|apikey|auth|key)(?:[ =]["']?)(?!(?:option|flag|argument|parameter|switch|is|and|or)\b)"""
    r"""([^\s"'\-][^\s"']{2,200})"""
    r"""|\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]{0,200}?\s-p["']?([^\s"']{3,200})"""
    r"""|\b(?:sshpass|mongo|mongosh|mongodump|docker\ login|podman\ login)\b[^\n|;]{0,200}?\s"""
    r"""-p\ ?["']?([^\s"']{3,200})"""
    r"""|\bredis-cli\b[^\n|;]{0,200}?\s-a\ ?["']?([^\s"']{3,200})"""
    r"""|\bldap[a-z]{1,10}\b[^\n|;]{0,200}?\s-w\ ?["']?([^\s"']{3,200})"""
    r"""|\bsqlcmd\b[^\n|;]{0,200}?\s-P\ ?["']?([^\s"']{3,200})"""
)
"""Passwords as command lines pass them: `curl -u name:password`, `mysql -ppassword`."""


def secret_spans(text: str) -> list[tuple[int, int]]:
    """Return stretches of a text that are secrets by their form: known formats of keys and tokens,
    passwords in URLs, password hashes, what stands behind a secret's name, and long words that mix
    cases and digits as only random ones do. Half-open, in code points; they may overlap."""
    if len(text) < 6:
        return []
    out = [m.span() for m in _SECRET_VALUES.finditer(text)] + list(_assigned(text))
    passed = ((m[m.lastindex or 0], m.span(m.lastindex or 0)) for m in _COMMAND.finditer(text))
    out += [span for word, span in passed if not sum(closed_words(word))]
    for m in _OPAQUE.finditer(text):
        word = m.group()
        if _UUID.match(word):
            continue
        lower, upper = any(c.islower() for c in word), any(c.isupper() for c in word)
        mixed = lower and upper and sum(c.isdigit() for c in word) >= 2
        if _HEX.match(word) or (mixed and word.count("/") <= len(word) // 16):  # more are a path
            out.append(m.span())
    return out


def has_known_form(text: str) -> bool:
    """Tell whether a text holds a key, token or password hash of a known format."""
    return _SECRET_VALUES.search(text) is not None


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    place = 0
    while found := _ASSIGNED.search(text, place):
        place = found.end(2)  # what stands behind may itself be a name with its value
        if not is_secret(found[1]):
            continue
        group = found.lastindex or 5
        value = found[group]
        prose = group == 5 and text[found.end(2) - 1 : found.end(2) + 1] == ": "
        short = 6 if prose and not any(c.isdigit() for c in value) else 4
        if len(value) >= short and not sum(closed_words(value)):
            yield found.span(group)
            place = found.end(group)
