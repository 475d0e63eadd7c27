"""Entity types: what a finding can be. Presidio's names where Presidio has one."""

from __future__ import annotations

import re

ENTITIES: dict[str, str] = {
    "PERSON": "name of a person, or a part of one",
    "PHONE_NUMBER": "telephone number, written or spoken",
    "EMAIL_ADDRESS": "e-mail address",
    "CREDIT_CARD": "payment card number, or the part of one that was said",
    "CVV": "card verification code (CVC2, CVV2, CID)",
    "CARD_EXPIRY": "expiry date of a payment card",
    "US_SSN": "US social security number, or its last four digits",
    "US_ITIN": "US individual taxpayer number",
    "US_PASSPORT": "passport number",
    "US_DRIVER_LICENSE": "driving licence number",
    "US_BANK_NUMBER": "bank account or routing number",
    "IBAN_CODE": "international bank account number",
    "UK_NHS": "UK health service number",
    "UK_NINO": "UK national insurance number",
    "ES_NIF": "Spanish identity number (DNI) or other state number",
    "ES_NIE": "Spanish foreigner's identity number",
    "FR_NIR": "French social security number",
    "DE_TAX_ID": "German tax number",
    "IP_ADDRESS": "internet address",
    "MAC_ADDRESS": "hardware address of a network device",
    "URL": "web address",
    "DATE_OF_BIRTH": "date of birth",
    "AGE": "age of a person",
    "ADDRESS": "street address",
    "LOCATION": "place: city, region, country, point of interest",
    "ZIP_CODE": "postcode",
    "ORGANIZATION": "company or other body",
    "ACCOUNT_ID": "customer or account number",
    "ORDER_ID": "order or invoice number",
    "BOOKING_REFERENCE": "booking or reservation code",
    "USERNAME": "user name",
    "PASSWORD": "password, passphrase or security answer",
    "SECRET": "key, token or other credential that machines sign in with",
    "PIN": "personal identification number or one-time code",
    "LICENSE_PLATE": "vehicle registration plate",
    "VIN": "vehicle identification number",
    "MEDICAL_RECORD": "medical record or health plan number",
    "MEDICAL_LICENSE": "licence number of a medical professional",
    "DATE_TIME": "date or time other than a date of birth",
    "AMOUNT": "amount of money",
    "NRP": "nationality, religion, political or other group",
    "CRYPTO": "wallet address of a crypto currency",
    "ID": "identifier of a kind not named here",
    "ONLINE_ID": "identifier of a device, browser or advertisement click",
    "VISITOR_DATA": "what a visitor searched for or looked at",
    "MEDIA": "link to a recording, picture or file",
    "STAFF_ID": "identifier of an employee",
    "UNKNOWN_FIELD": "field no declaration knows",
}
"""Every entity type callveil itself finds or assigns, with its meaning in one line."""

CUSTOM_PREFIX = "X_"
"""A policy may name entity types of its own: with this prefix, or by giving them to a `deny` text."""

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
"""Form of every entity type's name."""
