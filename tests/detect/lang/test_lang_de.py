"""German, as it is said on the telephone and written in chats; cases: `support.language_cases`.
Everything is made up.
"""

from __future__ import annotations

import pytest
from support.language_cases import calls, check

from callveil.transforms.detect.recognizers.build import build_recognizers

RECOGNIZERS = build_recognizers("de", ("DE",))

CASES = {
    # telephone numbers
    "digits one by one": "meine nummer ist die [null eins sieben eins zwo drei vier fünf sechs "
    "sieben acht|PHONE_NUMBER]",
    "in pairs": "A: unter welcher nummer kann ich sie erreichen || C: [null eins sieben sechs "
    "siebenundvierzig elf dreiundzwanzig "
    "neunundachtzig|PHONE_NUMBER]",
    "with doubles": "A: ihre telefonnummer bitte || C: [null drei null doppel vier sieben eins "
    "zweimal die fünf acht|PHONE_NUMBER]",
    "written": "Sie erreichen mich unter [0151 23456789|PHONE_NUMBER].",
    "written with a slash": "Tel.: [030/1234567|PHONE_NUMBER]",
    "with the country": "meine Handynummer: [+49 151 23456789|PHONE_NUMBER]",
    "bare": "rufen sie bitte zurück [015123456789|PHONE_NUMBER] danke",
    "without umlauts": "A: ihre handynummer || C: [null eins fuenf eins zwoelf dreiunddreissig "
    "fuenfzig acht neun|PHONE_NUMBER]",
    "numbers apart": "A: ihre nummer || C: [null eins sieben sechs sieben und vierzig elf drei und "
    "zwanzig|PHONE_NUMBER]",
    "over turns": "A: ihre telefonnummer bitte || C: [null eins sieben eins] || A: ja || C: [zwei "
    "drei vier] || A: okay || C: [fünf sechs sieben "
    "acht]",
    "corrected": "A: ihre telefonnummer || C: [null eins sieben eins zwei drei nein entschuldigung "
    "null eins sieben eins zwei vier fünf sechs "
    "sieben acht|PHONE_NUMBER]",
    "read back": "A: ihre nummer || C: [0171 2345678] || A: also [null eins sieben eins zwei drei "
    "vier fünf sechs sieben acht]",
    # cards and accounts
    "card": "die kartennummer ist [vier eins eins eins eins eins eins eins eins eins eins eins "
    "eins eins eins eins|CREDIT_CARD]",
    "card in groups": "Kreditkarte [4242 4242 4242 4242|CREDIT_CARD], gültig bis "
    "[04/27|CARD_EXPIRY], Prüfnummer [123|CVV].",
    "card in pairs": "A: die kartennummer bitte || C: [zweiundvierzig zweiundvierzig "
    "zweiundvierzig zweiundvierzig] || A: ja || C: [4242 "
    "4242|CREDIT_CARD]",
    "last four": "A: die letzten vier ziffern ihrer karte || C: [vier zwei vier zwei|CREDIT_CARD]",
    "security code": "A: und die drei ziffern auf der rückseite || C: [eins zwei drei|CVV]",
    "expiry": "A: das ablaufdatum bitte || C: [april zweitausendsiebenundzwanzig|CARD_EXPIRY]",
    "iban": "meine IBAN lautet [DE89 3704 0044 0532 0130 00|IBAN_CODE]",
    "iban read out": "A: ihre iban bitte || C: [d e neunundachtzig siebenunddreißig null vier null "
    "null vierundvierzig null fünf zweiunddreißig "
    "null eins dreißig null null]",
    # tax number
    "tax number": "meine Steuer-ID ist [86095742719|DE_TAX_ID]",
    "tax number without a cue": "das wäre dann [86 095 742 719|DE_TAX_ID]",
    "tax number in words": "A: ihre steueridentifikationsnummer || C: [acht sechs null neun fünf "
    "sieben vier zwei sieben eins neun|DE_TAX_ID]",
    # dates of birth
    "born in words": "A: ihr geburtsdatum bitte || C: am [vierten siebten "
    "neunzehnhundertvierundachtzig|DATE_OF_BIRTH]",
    "born with a month": "A: wann sind sie geboren || C: am [einundzwanzigsten juli "
    "vierundachtzig|DATE_OF_BIRTH]",
    "born told": "ich bin am [12. Mai 1990|DATE_OF_BIRTH] geboren",
    "born written": "Geburtsdatum: [04.07.1984|DATE_OF_BIRTH]",
    "born in this century": "A: und das geburtsdatum || C: [erster erster "
    "zweitausendfünf|DATE_OF_BIRTH]",
    "appointment stays": "A: welcher tag passt ihnen || C: der dritte märz um halb fünf",
    # e-mail and the web
    "mail": "meine mailadresse ist [jonas punkt petersen ät beispiel punkt de|EMAIL_ADDRESS]",
    "mail with an underscore": "A: ihre e-mail-adresse || C: [lena unterstrich petersen "
    "vierundachtzig at gmx punkt net|EMAIL_ADDRESS]",
    "mail with the monkey": "A: ihre email || C: [lena bindestrich petersen klammeraffe web punkt "
    "de|EMAIL_ADDRESS]",
    "mail written": "Schreiben Sie an [jonas.petersen@beispiel.de|EMAIL_ADDRESS].",
    "mail half written": "das ist [jonas.petersen at freenet.de|EMAIL_ADDRESS]",
    "url": "das steht auf [www punkt beispiel punkt de|URL]",
    # postcodes and addresses
    "postcode": "A: ihre postleitzahl || C: [eins null eins eins fünf|ZIP_CODE]",
    "postcode told": "die PLZ ist [20095|ZIP_CODE]",
    "street": "ich wohne in der [Hauptstraße 5, 10115 Berlin|ADDRESS]",
    "street of two words": "Die Adresse ist [Berliner Straße 12, 40210 Düsseldorf|ADDRESS].",
    "street in words": "A: ihre adresse bitte || C: [goethestraße siebzehn|ADDRESS]",
    "street in words with a number's name": "A: die straße || C: am [alten markt neun|ADDRESS]",
    "street shortened": "[Bahnhofstr. 23a|ADDRESS]",
    "way": "schicken sie es bitte in den [ahornweg 8|ADDRESS]",
    "hyphens": "[Konrad-Adenauer-Allee 14|ADDRESS]",
    # names
    "my name": "guten tag mein name ist [wiebke ostermann|PERSON] ich rufe wegen einer bestellung "
    "an",
    "called": "hallo ich heiße [thorben|PERSON]",
    "asked": "A: wie ist ihr name || C: [ostermann|PERSON]",
    "asked with a frame": "A: auf welchen namen ist die buchung || C: ja auf [ostermann|PERSON]",
    "in the name of": "Ich habe einen Tisch auf den Namen [Petersen|PERSON]",
    "everyday name": "A: ihr nachname bitte || C: [klein|PERSON]",
    "first and last": "A: vor- und nachname bitte || C: [wiebke ostermann|PERSON]",
    "title": "ich möchte mit frau [sievers|PERSON] sprechen",
    "with a particle": "mein name ist [von hagedorn|PERSON]",
    "here is": "guten tag hier ist [Wiebke Ostermann|PERSON] aus kiel",
    "spelled": "A: können sie das buchstabieren || C: [o s t e r m a n n|PERSON]",
    "spelled with words": "A: buchstabieren sie bitte || C: [k wie kaufmann o wie otto c wie cäsar "
    "h wie heinrich|PERSON]",
    "spelling alphabet": "A: wie schreibt man das || C: [siegfried ida emil viktor emil richard "
    "siegfried|PERSON]",
    "no name": "A: ihr name bitte || C: ja einen moment",
    "customer": "ich bin Kunde bei Ihnen und das ist ein Problem",
    # other numbers
    "order": "A: die bestellnummer bitte || C: [vier sieben neun zwei|ORDER_ID]",
    "booking": "meine Buchungsnummer ist [XKZJQW|BOOKING_REFERENCE]",
    "customer number": "meine kundennummer ist [acht acht vier zwei eins neun|ACCOUNT_ID]",
    "plate": "A: das kennzeichen || C: [k i a b 123|LICENSE_PLATE]",
    "pin": "der zugangscode ist [4471|PIN]",
    "age": "meine oma ist [zweiundneunzig|AGE] jahre alt und ich bin 45 jahre alt",
    # what must stay
    "quantities": "ich brauche zwei karten für einen erwachsenen und drei kinder um halb acht",
    "prices": "das macht 45,50 € und das andere kostet 1.200 euro",
    "times": "wir haben von neun bis zwölf und von 14 Uhr bis 18 Uhr geöffnet",
    "small talk": "A: guten tag was kann ich für sie tun || C: guten tag ich möchte meinen termin "
    "am montag verschieben",
    "streets of speech": "die straße ist gesperrt und auf dem parkplatz ist kein platz mehr",
    "numbers of speech": "ich habe zweiundzwanzigtausend punkte und hundertzwanzig euro guthaben",
}


@pytest.mark.parametrize("name", CASES)
def test_covers_exactly(name: str) -> None:
    check(RECOGNIZERS, "de", CASES[name])


@pytest.mark.parametrize("line", range(len(calls("de"))))
def test_calls_are_covered_exactly(line: int) -> None:
    check(RECOGNIZERS, "de", calls("de")[line])
