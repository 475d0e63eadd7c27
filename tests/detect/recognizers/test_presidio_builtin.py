"""The floor: what Presidio's own recognizers find is covered, and the gates before them change
nothing.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import (
    EntityRecognizer,
    PatternRecognizer,
    RecognizerResult,
    pattern_recognizer,
)
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.predefined_recognizers import PhoneRecognizer
from support.presidio_gates import COUNTRIES, GATED, POLICY, UNGATED

from callveil.schemas.account import Account
from callveil.schemas.entities import ENTITIES, GENERAL
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.detect.business_values import countries_of
from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.engine import DetectionFailed, Detector
from callveil.transforms.detect.recognizers import (
    builtin_context,
    builtin_requirements,
)
from callveil.transforms.detect.recognizers import presidio_builtin as builtin
from callveil.transforms.detect.recognizers.no_value import is_no_value
from callveil.transforms.detect.resolve import accept_findings

POLICY_TIME = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DRAWN = random.Random(20_261_129)
STOCK: dict[str, EntityRecognizer] = {
    name: (builtin.OfflineEmailRecognizer if name == "EmailRecognizer" else kind)()
    for name, kind in builtin.builtin_classes().items()
    if name not in ("DateRecognizer", "UuidRecognizer")  # what they find the default policy keeps
}


@pytest.fixture(scope="module")
def default() -> Detector:
    return Detector(POLICY.detect)


@pytest.fixture(scope="module")
def everywhere() -> Detector:
    return Detector(replace(POLICY.detect, countries=COUNTRIES))


def covered(detector: Detector, texts: list[str]) -> list[set[int]]:
    """The offsets of each text that the default policy redacts."""
    out = []
    for (_, found), text in zip(
        detector.run([(View(t), None) for t in texts], "en"), texts, strict=True
    ):
        assert isinstance(found, list)
        out.append(
            {i for s in accept_findings(text, found, POLICY.base)[0] for i in range(s.start, s.end)}
        )
    return out


def letters(text: str, start: int, end: int) -> set[int]:
    return {i for i in range(start, end) if text[i].isalnum()}


def drawn(form: str) -> str:
    """A value of a form: 9 stands for a digit, A for a capital, anything else for itself."""
    return "".join(
        DRAWN.choice("0123456789") if c == "9" else DRAWN.choice("BCDFGHJKLM") if c == "A" else c
        for c in form
    )


def proven(name: str, form: str) -> str:
    """A value of a form whose check digit is right, as Presidio's recognizer `name` says."""
    return next(
        v
        for v in (drawn(form) for _ in range(20_000))
        if any(r.score == 1 for r in STOCK[name].analyze(v, STOCK[name].supported_entities))
    )


FORMS = {
    "AbaRouting": "0299-9999-9",
    "AuAbn": "99 999 999 999",
    "AuAcn": "999 999 999",
    "AuMedicare": "2999 99999 9",
    "AuTfn": "999 999 999",
    "CreditCard": "4999 9999 9999 9999",
    "DeHealthInsurance": "A999999999",
    "DeIdCard": "L99999999",
    "DeLanr": "999999999",
    "DePassport": "C99999999",
    "DeSocialSecurity": "99150999A999",
    "DeTaxId": "19999999999",
    "DeVatId": "DE999999999",
    "EsNie": "X9999999A",
    "EsNif": "99999999A",
    "FiPersonalIdentityCode": "150999-999A",
    "Iban": "GB99BCDF99999999999999",
    "InAadhaar": "9999 9999 9999",
    "ItVatCode": "99999999999",
    "KrBrn": "999-99-99999",
    "KrRrn": "991219-1999999",
    "MedicalLicense": "BA9999999",
    "NgNin": "99999999999",
    "Nhs": "999 999 9999",
    "PlPesel": "99021599999",
    "SeOrganisationsnummer": "559999-9999",
    "SePersonnummer": "991215-9999",
    "SgUen": "99999999A",
    "ThTnin": "1101999999999",
    "TrNationalId": "19999999999",
    "UsNpi": "1999-999-999",
    "ZaIdNumber": "9912159999089",
}
"""Numbers with a check digit; the values are drawn."""


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_right_check_digit_counts_in_every_country(default: Detector, name: str) -> None:
    value = proven(f"{name}Recognizer", FORMS[name])
    texts = [value, f"well it is {value} I think", f"[{value}], ok"]
    texts += [
        f"{before}{value}{behind}"
        for before in ("", "id_", "nr", "€")
        for behind in ("", "_x", "EUR", "$")
    ]
    for text, places in zip(texts, covered(default, texts), strict=True):
        start = text.index(value)
        assert letters(text, start, start + len(value)) <= places, (text, places)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (t, v)
        for v, texts in {
            "15070649C103": ["id_{}_x"],
            "312345678909": ["{}USD", "uid{}"],
            "39632801577": ["{}EUR"],
            "55555555K": ["nif{}", "pps_{}", "my2 id{}x"],
            "RSSMRA85T10A562S": ["cf:{}EUR", "cf{}", "_{}_"],
            "X1234567L": ["nie{}", "{}EUR"],
            "53 004 085 616": ["ABN{}pty"],
            "27AAPFU0939F1ZV": ["{}", "GSTIN{}", "gst_{}_x"],
            "S1234567D": ["{}", "nric{}", "{}SGD"],
        }.items()
        for t in texts
    ],
)
def test_letters_may_touch_a_number_with_a_right_check_digit(
    default: Detector, text: str, value: str
) -> None:
    start = text.index("{")
    (places,) = covered(default, [text.format(value)])
    assert letters(text.format(value), start, start + len(value)) <= places


@pytest.mark.parametrize(
    "text",
    [
        "sku AB1234567890C",
        "a1b2c3d4e5f6a7b8c9d0",
        "S1234567E",
        "27AAPFU0939F1ZX",
        "gclid=Cj0KCQjw1234567890abc",
        "nif55555555L",
        "v_12_x86",
    ],
)
def test_letters_that_touch_what_has_no_check_digit_find_nothing(
    default: Detector, text: str
) -> None:
    assert covered(default, [text]) == [set()]


TABLE = {
    "CaSinRecognizer": ["social insurance number 256-514-274"],
    "CaPostalCodeRecognizer": ["the postal code is K1V 9Z3"],
    "DeFuehrerscheinRecognizer": ["führerscheinnummer AB12345678C"],
    "DeHandelsregisterRecognizer": ["eingetragen HRB 48213"],
    "DeKfzRecognizer": ["kennzeichen HH-KV 2741"],
    "DePlzRecognizer": ["postleitzahl 21147"],
    "DeTaxNumberRecognizer": ["steuernummer 151/815/08156"],
    "EsPassportRecognizer": ["pasaporte PAB416273"],
    "InPanRecognizer": ["pan ABCPK4821M"],
    "InPassportRecognizer": ["passport M1842763"],
    "InVoterRecognizer": ["voter XGH4827361"],
    "IpRecognizer": [
        "::ffff:198.51.100.7",
        "from fe80::77%eth1/64",
        "2001:db8:7::203.0.113.9",
        "[2001:db8::5]:8443",
        "198.51.100.0/24",
        "IP: 203.0.113.7.",
    ],
    "ItDriverLicenseRecognizer": ["patente FI8163728K"],
    "ItFiscalCodeRecognizer": ["codice fiscale RSSMRC81D07F205G"],
    "ItIdentityCardRecognizer": ["carta CA48213KD"],
    "ItPassportRecognizer": ["passaporto YB4821736"],
    "KrPassportRecognizer": ["passport M318K4821"],
    "MacAddressRecognizer": ["0a:1b:2c:3d:4e:5f", "0A1B.2C3D.4E5F"],
    "NgVehicleRegistrationRecognizer": ["plate KJA-482KD"],
    "PhPassportRecognizer": ["passport P4821736K"],
    "PhTinRecognizer": ["tin 257-620-217-000"],
    "PhUmidRecognizer": ["umid 0111-4821736-4"],
    "PhoneRecognizer": ["020 7946 0958", "415-555-0194 628-555-0123", "+44 (20) 7946 0958"],
    "SgFinRecognizer": ["nric S4821736D"],
    "TrLicensePlateRecognizer": ["34 KDM 482"],
    "UkDrivingLicenceRecognizer": ["MORGA753116SM9IJ"],
    "UkNinoRecognizer": ["AB 48 21 73 C", "ab482173c"],
    "UkPassportRecognizer": ["passport number AK4821736"],
    "UkPostcodeRecognizer": ["postcode M4 7DQ", "postcode GIR 0AA"],
    "UkVehicleRegistrationRecognizer": ["BD51 SMR", "car K482 KDM"],
    "UrlRecognizer": [
        "see acme.it",
        "acme.company",
        "www.is.it",
        "https://acme.at/me?x=1",
        "at 'acme.io/now'",
    ],
    "UsClaimNumberRecognizer": ["claim number: CLM-48217364"],
    "UsHealthInsuranceMemberIdRecognizer": ["member id KDM48217364"],
    "UsItinRecognizer": ["948-71-4821"],
    "UsLicenseRecognizer": ["license K48217364"],
    "UsMbiRecognizer": ["1EG4-TE5-MK73"],
    "UsPassportRecognizer": ["passport K48217364"],
    "UsReferralNumberRecognizer": ["referral number 48217364"],
    "UsSsnRecognizer": ["482-17-3645", "social security 482173645"],
    "ZaCompanyRegistrationRecognizer": ["2014/482173/07"],
    "ZaLicensePlateRecognizer": ["KD 48 MN GP"],
    "ZaVatNumberRecognizer": ["vat 4821736450"],
}
"""Values without a check digit, and what Presidio needs beside some."""


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in TABLE.items() for t in texts])
def test_values_of_the_policys_countries_are_covered(
    everywhere: Detector, name: str, text: str
) -> None:
    found = STOCK[name].analyze(text, STOCK[name].supported_entities)
    assert found, "the sample is none"
    (places,) = covered(everywhere, [text])
    for r in found:
        assert letters(text, r.start, r.end) <= places, (text, r)


def test_a_country_that_is_named_counts_by_form(default: Detector, everywhere: Detector) -> None:
    text = "I have AK4821736 here and paid 120 for 2 or 3 of them by 17:30"
    assert covered(everywhere, [text]) == [set(range(7, 16))]
    assert covered(default, [text]) == [set()]


VALUES = st.sampled_from(
    [proven(f"{n}Recognizer", f) for n, f in FORMS.items()]
    + [t for texts in TABLE.values() for t in texts]
    + [
        "17:30",
        "10-15",
        "05.11.2025",
        "call",
        "phone number",
        "v2.3.10",
        "1748503543",
        "$1,250.00",
        "x7",
        "passport",
        "acme.it",
        "3",
        "a@b.co",
        "@",
    ]
)
GAPS = st.sampled_from(
    [
        " ",
        " ",
        "  ",
        ", ",
        "\n",
        "-",
        "/",
        ".",
        " and then the next one of many words that follow is ",
        "(",
        ") ",
    ]
)
TEXTS = st.lists(st.tuples(VALUES, GAPS), min_size=1, max_size=6).map(
    lambda parts: "".join(v + gap for v, gap in parts)
)


def places(results: list[RecognizerResult], text: str) -> set[tuple[str, int]]:
    return {(r.entity_type, i) for r in results for i in letters(text, r.start, r.end)}


def too_short(r: RecognizerResult, text: str) -> bool:
    """Tell whether a telephone number has too few digits to be a subscriber's."""
    return (
        r.entity_type == "PHONE_NUMBER"
        and sum(map(str.isdigit, text[r.start : r.end])) < builtin.excerpt.PHONE_LEAST
    )


@settings(derandomize=True, max_examples=60)
@given(TEXTS)
def test_gated_and_ungated_findings_are_equal(text: str) -> None:
    gated, whole = (r.analyze(text, r.supported_entities) for r in (GATED, UNGATED))
    assert places(gated, text) == places([r for r in whole if not too_short(r, text)], text)


@settings(derandomize=True, max_examples=40)
@given(TEXTS, TEXTS)
def test_what_is_kept_of_a_stretch_changes_nothing(text: str, other: str) -> None:
    def found(*texts: str) -> list[str]:
        return [str(r.to_dict()) for t in texts for r in GATED.analyze(t, GATED.supported_entities)]

    GATED.forget()
    warm = found(text, other, text)
    GATED.forget()
    cold = found(text)
    GATED.forget()
    assert warm == [*cold, *found(other), *cold]


@settings(derandomize=True, max_examples=60)
@given(TEXTS)
def test_what_presidio_finds_at_the_threshold_is_covered(everywhere: Detector, text: str) -> None:
    (found,) = covered(everywhere, [text])
    for name, stock in STOCK.items():
        for r in stock.analyze(text, stock.supported_entities):
            if r.score >= POLICY.base.threshold(r.entity_type) and not (
                name not in builtin.CHECKED and excused(r, text)
            ):
                assert letters(text, r.start, r.end) <= found, (name, text[r.start : r.end])


def excused(r: RecognizerResult, text: str) -> bool:
    return too_short(r, text) or is_no_value(
        r.entity_type,
        text,
        (r.start, r.end),
        False,
        GATED._words,
        builtin_context.top_level_domains(),
    )


WORDS = [
    "The",
    "the",
    "Passport",
    "passports",
    "nhs",
    ",",
    "our",
    "policy",
    "12345",
    "AK4821736",
    "Be",
    "us",
    "\n",
]


@settings(derandomize=True, max_examples=60)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14))
def test_context_words_are_those_of_presidios_enhancer(
    everywhere: Detector, words: list[str]
) -> None:
    text = " ".join([*words, "4821736"])
    run = everywhere.nlp.artifacts([(View(text), None)], "en")
    _, artifacts, _ = next(run)
    stock, start, cues = (
        LemmaContextAwareEnhancer(),
        text.rindex("4821736"),
        ["passport", "nhs", "the", "us", "pol"],
    )
    around = stock._extract_surrounding_words(artifacts, "4821736", start)
    assert builtin_context.context_word(
        artifacts, start, cues
    ) == stock._find_supportive_word_in_context(around, cues)


def test_a_pattern_that_takes_too_long_fails_the_text(
    default: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", 1e-9)
    ((_, found),) = default.run([(View("482-17-3645 " * 2_000), None)], "en")
    assert isinstance(found, DetectionFailed)
    assert found.reason == "timed_out"


def test_every_entity_of_presidio_is_known() -> None:
    assert {e for r in STOCK.values() for e in r.supported_entities} <= ENTITIES.keys()
    assert GENERAL.keys() | set(GENERAL.values()) <= ENTITIES.keys()
    assert builtin.builtin_classes().keys() >= builtin.CHECKED
    assert {
        f"{n}Recognizer" for n in builtin_requirements.REQUIREMENTS
    } <= builtin.builtin_classes().keys()
    assert all(isinstance(r, PatternRecognizer | PhoneRecognizer) for r in STOCK.values())


def test_general_types_lend_their_operator_and_threshold() -> None:
    rules = parse_policy(
        "version: 1\nextends: gdpr\nentities: {ZIP_CODE: keep}\nthresholds: {US_PASSPORT: 0.9}\n"
    ).base
    assert rules.operator("UK_POSTCODE").name == "keep"
    assert rules.operator("UK_PASSPORT").name == "label"
    assert rules.threshold("UK_PASSPORT") == 0.9
    assert (
        parse_policy("version: 1\nextends: gdpr\nentities: {ZIP_CODE: keep, UK_POSTCODE: label}\n")
        .base.operator("UK_POSTCODE")
        .name
        == "label"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", ("US", "GB", "CA")),
        ("{countries: [DE, FI]}", ("DE", "FI")),
        ("{countries: []}", ()),
        ("{languages: [en, es], models: {es: none}}", ("US", "GB", "CA", "ES")),
    ],
)
def test_countries_of_a_policy(text: str, wanted: tuple[str, ...]) -> None:
    policy = parse_policy(f"version: 1\nextends: gdpr\ndetect: {text}\n")
    assert policy.detect.read_countries() == wanted
    assert parse_policy(policy.effective_yaml()).detect == policy.detect


@pytest.mark.parametrize(
    ("record", "numbers", "wanted"),
    [
        ({"country": " Germany "}, (), {"DE"}),
        ({"country": "es"}, (), {"ES"}),
        ({"country": "Atlantis"}, (), set()),
        ({}, ("+358401234567",), {"FI"}),
        ({"country": 7}, ("no number", "+390612345678"), {"IT"}),
        ({}, (), set()),
    ],
)
def test_countries_of_a_record(
    record: dict[str, object], numbers: tuple[str, ...], wanted: set[str]
) -> None:
    account = Account("1", POLICY_TIME, numbers=numbers) if numbers else None
    assert countries_of(record, account) == wanted


def test_countries_of_a_view_are_read_beside_those_of_the_policy(default: Detector) -> None:
    text = "patente FI8163728K"
    (_, plain), (_, read) = default.run(
        [(View(text), 0), (View(text, countries=frozenset({"IT"})), 1)], "en"
    )
    assert isinstance(plain, list)
    assert isinstance(read, list)
    assert {s.entity for s in read} - {s.entity for s in plain} == {"IT_DRIVER_LICENSE"}
