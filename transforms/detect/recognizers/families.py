"""The recognizers by name; a policy disables them by these names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from callveil.transforms.detect.lexicon import load_lexicon
from callveil.transforms.detect.recognizers import (
    address,
    amounts,
    bare_answers,
    checks,
    dates,
    internet,
    introductions,
    mail,
    names,
    recipients,
)
from callveil.transforms.detect.recognizers.base import SpokenRecognizer
from callveil.transforms.detect.recognizers.codes import classify_codes
from callveil.transforms.detect.recognizers.digit_values import classify_runs
from callveil.transforms.detect.recognizers.evidence import LANGUAGE
from callveil.transforms.detect.recognizers.letters import may_hold_codes
from callveil.transforms.detect.recognizers.match import ValueMatch
from callveil.transforms.detect.recognizers.squeezed_mail import may_hold_squeezed, squeezed_mail
from callveil.transforms.detect.recognizers.tokens import TokenizedConversation

STATE_NUMBERS = ("ID", *sorted({entity for entity, _ in checks.NATIONAL.values()}))
"""Entity types of state numbers that only some languages' data name."""


class _NumberRecognizer(SpokenRecognizer):
    """Values decided among runs of digits and of letters and digits."""

    def __init__(self, language: str = "en", regions: Sequence[str] = ("US",)) -> None:
        super().__init__(language)
        self.regions = tuple(regions)

    def gate(self, read: TokenizedConversation) -> bool:
        return read.has_numbers or may_hold_codes(read)

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        hits = _by_entity(read, self.regions)
        return [hit for entity in self.ENTITIES for hit in hits.get(entity, ())]


def _by_entity(
    read: TokenizedConversation, regions: tuple[str, ...]
) -> dict[str, list[ValueMatch]]:
    """Return values made of digits, or of letters and digits, by entity type: sorted out once for
    all families.
    """
    key = f"_by_entity_{regions}"
    kept: dict[str, list[ValueMatch]] | None = read.__dict__.get(key)
    if kept is None:
        kept = read.__dict__[key] = {}
        for hit in (*classify_runs(read, regions), *classify_codes(read)):
            kept.setdefault(hit.entity, []).append(hit)
    return kept


class SpokenPhoneRecognizer(_NumberRecognizer):
    """Telephone numbers in digits, in words and mixed, over pauses and turns."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("PHONE_NUMBER",)


class SpokenCardRecognizer(_NumberRecognizer):
    """Payment cards (Luhn), their last digits, verification codes, and the expiry dates beside
    them.
    """

    ENTITIES: ClassVar[tuple[str, ...]] = ("CREDIT_CARD", "CVV", "CARD_EXPIRY")


class GovernmentIdRecognizer(_NumberRecognizer):
    """Numbers a state gives out; all but their strictest forms need context."""

    ENTITIES: ClassVar[tuple[str, ...]] = (
        "US_SSN",
        "US_ITIN",
        "UK_NINO",
        "US_PASSPORT",
        "US_DRIVER_LICENSE",
        *STATE_NUMBERS,
    )


class BankAccountRecognizer(_NumberRecognizer):
    """IBANs by their check digits; account and routing numbers with context."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("IBAN_CODE", "US_BANK_NUMBER")


class AccountNumberRecognizer(_NumberRecognizer):
    """Customer, member, policy, claim and like numbers, and long numbers nobody named."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("ACCOUNT_ID",)


class OrderReferenceRecognizer(_NumberRecognizer):
    """Order and booking references, with context."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("ORDER_ID", "BOOKING_REFERENCE")


class PostcodeRecognizer(_NumberRecognizer):
    """Postcodes of the US, UK, Canada and the Netherlands by form, of others with context."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("ZIP_CODE",)


class VehicleRecognizer(_NumberRecognizer):
    """Licence plates with context, vehicle identification numbers by check digit or context."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("LICENSE_PLATE", "VIN")


class MedicalNumberRecognizer(_NumberRecognizer):
    """Medical record and health service numbers, with context."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("MEDICAL_RECORD", "UK_NHS")


class SecretRecognizer(_NumberRecognizer):
    """PINs, one-time codes, passwords and user names, with context."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("PIN", "PASSWORD", "USERNAME")


class SpelledNameRecognizer(_NumberRecognizer):
    """Names spelled letter by letter, by the NATO alphabet or with everyday words."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("PERSON",)


class BirthDateRecognizer(SpokenRecognizer):
    """Dates of birth and card expiry dates beside a cue or in answer to a question."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("DATE_OF_BIRTH", "CARD_EXPIRY")

    def gate(self, read: TokenizedConversation) -> bool:
        return not read.topics.isdisjoint(("dob", "expiry"))

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return [
            *dates.find_personal_dates(read),
            *(hit for hit in classify_runs(read, ()) if hit.entity in self.ENTITIES),
        ]


class AgeRecognizer(SpokenRecognizer):
    """Ages over 89."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("AGE",)

    def gate(self, read: TokenizedConversation) -> bool:
        return read.has_numbers

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return dates.find_ages(read)


class AddressRecognizer(SpokenRecognizer):
    """Street addresses."""

    NEEDS: ClassVar[str] = "address"
    ENTITIES: ClassVar[tuple[str, ...]] = ("ADDRESS",)

    def gate(self, read: TokenizedConversation) -> bool:
        vocab, words = read.vocab, read.words
        if read.has_numbers or any(word.endswith(vocab.street_endings) for word in words):
            return True
        if (
            vocab.kind_first and not words.isdisjoint(vocab.street_prefixes)
        ) or not words.isdisjoint(vocab.street_words):
            return True
        return bool(
            "address" in read.topics
            or not words.isdisjoint(vocab.streets)
            or not words.isdisjoint(vocab.address_leads)
        )

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return address.find_addresses(read)


class SpokenEmailRecognizer(SpokenRecognizer):
    """E-mail addresses, written, spaced out and read aloud."""

    NEEDS: ClassVar[str] = "internet"
    ENTITIES: ClassVar[tuple[str, ...]] = ("EMAIL_ADDRESS",)

    def gate(self, read: TokenizedConversation) -> bool:
        vocab, words = read.vocab, read.words
        if "@" in words or not words.isdisjoint(vocab.mail_joints) or "email" in read.topics:
            return True
        return may_hold_squeezed(read)

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return [*mail.written_mail(read), *mail.spoken_mail(read), *squeezed_mail(read)]


class SpokenUrlRecognizer(SpokenRecognizer):
    """Web addresses, written and read aloud."""

    NEEDS: ClassVar[str] = "internet"
    ENTITIES: ClassVar[tuple[str, ...]] = ("URL",)

    def gate(self, read: TokenizedConversation) -> bool:
        return "." in read.words or not read.words.isdisjoint(read.vocab.mail_joints)

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return internet.find_urls(read)


class NetworkAddressRecognizer(SpokenRecognizer):
    """IP addresses (both versions) and hardware addresses."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("IP_ADDRESS", "MAC_ADDRESS")

    def gate(self, read: TokenizedConversation) -> bool:
        return read.has_numbers or ":" in read.words or "-" in read.words

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return [*internet.find_network_addresses(read), *internet.spoken_ip(read)]


class NameAnswerRecognizer(SpokenRecognizer):
    """Names given in answer to a question for a name."""

    NEEDS: ClassVar[str] = "names"
    ENTITIES: ClassVar[tuple[str, ...]] = ("PERSON",)

    def gate(self, read: TokenizedConversation) -> bool:
        return not read.topics.isdisjoint(names.NAME_TOPICS)

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return names.find_name_answers(read)


class IntroductionRecognizer(SpokenRecognizer):
    """Names after "my name is", "this is ... calling", "it's under"."""

    NEEDS: ClassVar[str] = "names"
    ENTITIES: ClassVar[tuple[str, ...]] = ("PERSON",)

    def gate(self, read: TokenizedConversation) -> bool:
        vocab, words = read.vocab, read.words
        if "\n" in words or not words.isdisjoint(vocab.sets["residing"]) or recipients.gate(read):
            return True
        if vocab.language.code == LANGUAGE and not (
            words.isdisjoint(load_lexicon().given)
            and words.isdisjoint(vocab.sets["whole_articles"])
        ):
            return True
        return not (
            words.isdisjoint(vocab.name_leads)
            and words.isdisjoint(vocab.titles)
            and words.isdisjoint(vocab.spoken_after)
        )

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return introductions.find_introductions(read)


class BareAnswerRecognizer(SpokenRecognizer):
    """Recognizer of what may answer a question nobody sees: numbers, codes and names by themselves,
    where one party's turns are missing.
    """

    ENTITIES: ClassVar[tuple[str, ...]] = (
        "ACCOUNT_ID",
        "ORDER_ID",
        "ZIP_CODE",
        "PERSON",
        "LOCATION",
        "ADDRESS",
    )

    def gate(self, read: TokenizedConversation) -> bool:
        return read.one_party

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return bare_answers.bare_answers(read)


class AmountRecognizer(SpokenRecognizer):
    """Amounts of money."""

    ENTITIES: ClassVar[tuple[str, ...]] = ("AMOUNT",)

    def gate(self, read: TokenizedConversation) -> bool:
        return read.has_numbers

    def find(self, read: TokenizedConversation) -> Iterable[ValueMatch]:
        return amounts.find_amounts(read)
