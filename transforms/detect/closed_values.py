"""Closed values: states, times, measures and words of written lists, which say nothing about
anyone.

A word is closed because a list here names it, never because it is written in lower case: `marla`
and `mostrander` are nobody's setting. Common names that are words, too (`Chase`, `Grant`, `May`),
are left out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from zoneinfo import available_timezones

import phonenumbers


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FLAGS = _listed("true false enabled disabled null nil undefined n/a")
_LOWER_FLAGS = _listed("on off yes no y n none unset default")
"""Flags only as written here: `No` and `On` are names of people, `no` and `on` are not."""

_LETTER_FLAGS = _listed("t f y n T F Y N 0 1")
"""Switches as databases and forms write them, which under the name of a person may be initials."""

_CONTENT = frozenset[str]().union(
    # states
    _listed(
        """true false enabled disabled null nil undefined on off yes no none unset default
        unknown other any all active inactive pending suspended paused stopped started running
        ready idle busy online offline away open opened closed locked unlocked blocked allowed
        denied approved declined rejected accepted confirmed unconfirmed verified unverified
        validated valid invalid expired current former new old draft published unpublished
        archived deleted removed restored created updated changed completed complete
        incomplete failed success successful error cancelled canceled trial trialing paid
        unpaid overdue due refunded sent received delivered undelivered bounced opted
        subscribed unsubscribed invited joined left granted revoked assigned unassigned
        enrolled unenrolled required optional mandatory recommended hidden visible shown
        ok okay passed passing pass_through warn warning fatal skipped ignored matched unmatched
        mismatch mismatched found missing present absent empty exists duplicate flagged cleared queued
        processing processed progress hold held deferred delayed retry retrying soft hard spam
        complaint complained dropped throttled quarantined stale unchanged modified migrated synced
        syncing unsynced synchronized reviewed unreviewed review needed submitted resubmitted
        withdrawn escalated resolved unresolved acknowledged dismissed reopened weak moderate
        excellent healthy unhealthy degraded compromised breached leaked reused rotated issued
        reissued renewed registered unregistered configured unconfigured connected disconnected
        linked unlinked attached detached eligible ineligible applicable inapplicable unavailable
        available supported unsupported set reset changed failing timeout
        match exact fuzzy bounce bounces risky inconclusive lost stolen
        masked unmasked redacted unredacted encrypted unencrypted hashed tokenized plain
        plaintext cleartext obfuscated anonymized pseudonymized partial partially full fully
        show hide mask redact remove keep delete retain replace drop encrypt hash label allow
        deny block require ask prompt never always sometimes once manual manually automatic
        automatically auto inherit inherited custom standard basic advanced premium free
        starter professional enterprise trusted untrusted restricted public private internal
        external shared personal business strict relaxed permissive lenient enforce enforced
        low medium high critical normal urgent minimum maximum min max short long small large
        first last four last4 initial initials surname name names number numbers digits address email
        emails phone phones call calls text texts message messages voicemail voicemails card
        cards file login logins password passwords username ascending descending asc desc left
        right top bottom center dark light system"""
    ),
    # times and frequencies
    _listed(
        """realtime real time instant instantly immediate immediately second seconds minute
        minutes hour hours day days week weeks weekday weekdays weekend weekends month months
        quarter quarters year years hourly daily nightly weekly biweekly fortnightly monthly
        bimonthly quarterly yearly annual annually recurring ms sec secs min mins hr hrs
        monday tuesday wednesday thursday friday saturday digest summary batch batched
        scheduled"""
    ),
    # formats, protocols and algorithms
    _listed(
        """format national international e164 rfc3966 local iso iso8601 rfc2822 rfc3339 us uk eu
        intl utc gmt html text markdown json xml yaml csv tsv pdf xlsx parquet wav mp3 mp4 ogg
        utf8 ascii unicode uppercase lowercase titlecase camelcase snakecase abbreviated
        numeric alphanumeric regex http https tls ssl tls12 tls13 sha1 sha256 sha512 md5 aes
        aes128 aes256 rsa rsa2048 rsa4096 bcrypt argon2 argon2id scrypt pbkdf2 hmac oauth
        oauth2 oidc saml saml2 sso ldap jwt mfa 2fa totp hotp webauthn passkey passkeys fido2
        ed25519 ecdsa eddsa es256 es384 rs256 rs384 rs512 hs256 hs384 hs512 ps256 sha256withrsa
        gcm cbc ctr chacha20 poly1305 pkcs1 pkcs8 x509 x25519 pbkdf bearer authorization_code
        client_credentials refresh_token chars characters char symbols symbol letters letter special
        otp authenticator app biometric fingerprint passport license licence ssn ein itin iban
        swift bic dtmf"""
    ),
    # channels, devices and places of a product
    _listed(
        """sms mms fax push web browser desktop mobile tablet landline voip sip ivr webhook
        webhooks api chat inapp slack teams discord whatsapp ios android windows macos linux
        okta auth0 onelogin azure entra entraid adfs keycloak cognito pingidentity jumpcloud microsoft
        github gitlab bitbucket facebook linkedin twitter salesforce hubspot saml2 kerberos radius
        magic link code codes key keys token tokens
        chrome firefox safari edge home work office primary secondary backup header footer
        dashboard report reports recording recordings transcript transcripts notification
        notifications alert alerts"""
    ),
    # brands and means of payment
    _listed(
        """visa mastercard amex american express diners club discover jcb unionpay maestro ach
        sepa bacs eft wire check cheque cash invoice invoiced paypal stripe braintree square
        apple google pay venmo zelle klarna ideal giropay credit debit prepaid gift bank
        transfer direct terms net"""
    ),
    # roles and permissions
    _listed(
        """admin admins administrator administrators owner owners user users agent agents manager
        managers supervisor supervisors operator operators viewer viewers editor editors
        member members analyst auditor auditors developer developers support billing marketing
        reporting sales finance accounting compliance security legal it hr account accounts
        agency company organization organisation team staff employee employees contractor
        representative coordinator specialist director executive officer lead customer
        customers client clients caller callers contact contacts partner partners vendor
        reseller subaccount subaccounts superuser superadmin root read write edit create view
        manage only access readonly readwrite role roles permission permissions everyone
        nobody anyone"""
    ),
)
_WEAK = _listed(
    """max min long short small large day days light dark free cash sales square edge first last
    lead legal read write wire call calls text texts ideal left right top bottom center real gift
    check new old
    strong fair good poor safe clear bad draft due open direct net root slack apple express hidden urgent"""
)
"""Listed words that people are called, too: under a name that may ask for one they count nothing.
"""
_FUNCTION = _listed(
    """a an the and or of for from to in on off by at as with without if when not no than then per
    up only ending ends every each after before until via"""
)
"""Words that may stand between closed ones."""

_LANGUAGES = _listed(
    """aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da
    de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia
    id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt
    lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt
    qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to
    tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    eng deu ger fra fre spa ita por nld dut pol rus ukr zho chi jpn kor ara tur swe dan nor fin ces
    cze hun ron rum ell gre heb hin tha vie ind fil cmn yue
    hans hant latn cyrl arab uk us gb br pt mx es tw hk cn ca au at ch be"""
)
_LANGUAGE_NAMES = _listed(
    """english german french spanish italian portuguese dutch polish russian ukrainian chinese mandarin
    cantonese japanese korean arabic turkish swedish danish norwegian finnish czech slovak slovenian
    hungarian romanian bulgarian greek hebrew hindi thai vietnamese indonesian tagalog filipino
    croatian serbian catalan basque estonian latvian lithuanian persian farsi urdu bengali tamil
    british american brazilian simplified traditional european latin deutsch español espanol français
    francais italiano português portugues nederlands polski svenska dansk norsk suomi"""
)
_CURRENCIES = _listed(
    """aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn
    bzd cad cdf chf clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs
    gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw
    krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt mop mru mur mvr mwk mxn myr mzn
    nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sdg sek
    sgd shp sle sos srd ssp stn syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd uyu uzs ves
    vnd vuv wst xaf xcd xof xpf yer zar zmw zwl btc eth usdt usdc dollar dollars euro euros pound
    pounds sterling yen franc francs cents"""
)
_COUNTRIES = frozenset(code.lower() for code in phonenumbers.SUPPORTED_REGIONS) | _listed(
    """uk eu usa deu gbr fra esp ita can aus nld bel che aut pol prt irl dnk swe nor fin mex bra jpn
    chn ind kor"""
)
_ZONE_NAMES = _listed(
    """utc gmt cet cest est edt cst cdt mst mdt pst pdt bst ist jst msk wet eet eest akst akdt hst
    aest aedt acst awst nzst nzdt sgt hkt kst brt eastern central mountain pacific atlantic alaska
    hawaii time us canada standard daylight summer winter european western gulf"""
)
_ZONE_OFFSET = re.compile(r"(?:UTC|GMT)?\s?[+-]\d{1,2}(?::?\d\d)?")
_LIST = re.compile(r"[\s,;|/&()\[\]\"'_.-]+")

MAX_WORDS, MAX_CHARS = 8, 80
_SPLIT = re.compile(r"[\s_\-/,&+|;:()•*#]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_NUMBER = re.compile(r"(?:x{2,})?\d{1,4}(?:\.\d{1,3})?")
_NUMERAL = re.compile(r"[-+]?\d{1,4}(?:\.\d{1,3})?%?")
_MEASURE = re.compile(
    r"\d{1,4}(?:ms|s|m|min|h|hr|hrs|d|w|mo|y|yr|%|px|kb|mb|gb|kbps|khz|hz)", re.IGNORECASE
)
_DURATION = re.compile(r"P(?=.)(?:\d{1,4}[YMWD]){0,4}(?:T(?:\d{1,4}[HMS]){1,3})?")
_CLOCK = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[A-Z]{3,4}|[+\-]\d\d:?\d\d))?"
_TIME = re.compile(
    r"(?:19|20|21)\d\d[-/](?:0?[1-9]|1[0-2])[-/](?:0?[1-9]|[12]\d|3[01])"
    rf"(?:[T ]{_CLOCK}{_ZONE})?|{_CLOCK}(?:\s?[AaPp]\.?[Mm]\.?)?{_ZONE}|1[0-9]{{9}}(?:\d{{3}})?"
)
"""A day, an instant, a time of day, or seconds or milliseconds since 1970."""
_DATE_FORM = re.compile(
    r"(?=.*(?:[Yy]{2}|[Hh]{1,2}:))(?:([YyMDdHhmsSaAzZT])\1{0,3}(?:[/.\-, :T]+|$)){2,8}"
    r"|(?:%-?[A-Za-z][/.\-, :T]*){1,8}"
)
_MASK = re.compile(r"(?=.*[#XxNn*•])(?=.*[^A-Za-z])\+?\d?[#XxNn*•.\-() ]{3,40}")
_LOCALE = re.compile(r"[a-z]{2,3}[-_][A-Z]{2}")


def is_flag(text: str) -> bool:
    """Tell whether a text is a plain switch, which no name and no address is."""
    word = text.strip()
    return word.lower() in _FLAGS or word in _LOWER_FLAGS


def is_letter_flag(text: str) -> bool:
    """Tell whether a text is a switch of one sign: `t`, `N`, `0`."""
    return text.strip() in _LETTER_FLAGS


@lru_cache(maxsize=8192)
def is_time(text: str) -> bool:
    """Tell whether a text is a time and nothing else."""
    return len(text) <= MAX_CHARS and _TIME.fullmatch(text.strip()) is not None


@cache
def time_zones() -> frozenset[str]:
    """Return names of time zones (`Europe/Berlin`)."""
    return frozenset(available_timezones())


@cache
def _zone_cities() -> frozenset[str]:
    return frozenset(zone.rpartition("/")[2].replace("_", " ") for zone in time_zones())


@lru_cache(maxsize=8192)
def is_code(kind: str, text: str) -> bool:
    """Tell whether a text is a code or name of one or more languages, countries, currencies or time
    zones. Codes are written in one case: `AL` and `al`, for `Al` is a name.

    Args:
        kind: language, country, currency or zone.
    """
    word = text.strip()
    if kind == "zone" and (word in time_zones() | _zone_cities() or _ZONE_OFFSET.fullmatch(word)):
        return True
    listed = {
        "language": _LANGUAGES,
        "country": _COUNTRIES,
        "currency": _CURRENCIES,
        "zone": _ZONE_NAMES,
    }[kind]
    words = [w for w in _LIST.split(word) if w]
    return 0 < len(words) <= MAX_WORDS and all(
        (w.lower() in listed and (w.islower() or w.isupper() or len(w) > 3))
        or (kind == "language" and (w.lower() in _LANGUAGE_NAMES or w in ("Hans", "Hant")))
        or (kind == "zone" and w.lower() in _ZONE_NAMES)
        for w in words
    )


@lru_cache(maxsize=8192)
def closed_words(text: str) -> tuple[int, int]:
    """Count the listed words a text is made of, with short numbers between them (`Visa ending in
    4242`).

    Returns: how many say for sure that it is no name, and how many are names, too; nothing for any
        text with another word in it.
    """
    if not text or len(text) > MAX_CHARS or sum(c.isdecimal() for c in text) > 6:
        return 0, 0
    plain = unicodedata.normalize("NFKC", text).strip().strip("'\"“”.!?").replace("E.164", "e164")
    strong = weak = 0
    words = [w for w in _SPLIT.split(plain) if w]
    for word in words:
        low = word.lower()
        known = low in _CONTENT or low in _FUNCTION
        for part in [low] if known else _CAMEL.sub(" ", word).lower().split():
            if part in _WEAK:
                weak += 1
            elif part in _CONTENT:
                strong += part not in _FUNCTION
                weak += part in _FUNCTION
            elif part not in _FUNCTION and not _NUMBER.fullmatch(part):
                return 0, 0
    return (strong, weak) if len(words) <= MAX_WORDS else (0, 0)


@lru_cache(maxsize=8192)
def is_form(text: str) -> bool:
    """Tell whether a text is a measure, a duration, a pattern of dates or numbers, or a locale."""
    word = text.strip()
    forms = (_MEASURE, _DURATION, _DATE_FORM, _MASK, _LOCALE)
    return len(word) <= MAX_CHARS and any(form.fullmatch(word) for form in forms)


def is_count(text: str, digits: int) -> bool:
    """Tell whether a text is a number of at most so many digits."""
    return (
        _NUMERAL.fullmatch(text.strip()) is not None and sum(c.isdecimal() for c in text) <= digits
    )
