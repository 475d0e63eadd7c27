"""French, as it is said on the telephone and written in chats; cases: `support.language_cases`.
Everything is made up.
"""

from __future__ import annotations

import pytest
from support.language_cases import calls, check

from callveil.transforms.detect.recognizers.build import build_recognizers

RECOGNIZERS = build_recognizers("fr", ("FR",))

CASES = {
    # telephone numbers
    "in pairs": "mon numéro c'est le [zéro six douze trente-quatre quatre-vingt-dix-sept "
    "soixante-dix|PHONE_NUMBER]",
    "in pairs without hyphens": "A: quel est votre numéro de téléphone || C: [zéro six quatre "
    "vingt douze soixante et onze vingt et un zéro "
    "huit|PHONE_NUMBER]",
    "digits one by one": "A: votre numéro s'il vous plaît || C: [zéro un quatre deux trois quatre "
    "cinq six sept huit|PHONE_NUMBER]",
    "with doubles": "A: à quel numéro peut-on vous rappeler ? || C: au [zéro six double zéro douze "
    "trente-quatre cinquante-six|PHONE_NUMBER]",
    "belgian tens": "rappelez-moi au [zéro quatre septante-cinq douze nonante-deux "
    "trente-trois|PHONE_NUMBER]",
    "written": "Vous pouvez me joindre au [06 12 34 56 78|PHONE_NUMBER].",
    "written with dots": "Tél : [01.42.34.56.78|PHONE_NUMBER]",
    "with the country": "mon portable : [+33 6 12 34 56 78|PHONE_NUMBER]",
    "bare": "notez le [0612345678|PHONE_NUMBER] merci",
    "over turns": "A: votre numéro de portable ? || C: [zéro six] || A: oui || C: [douze "
    "trente-quatre] || A: d'accord || C: [cinquante-six "
    "soixante-dix-huit]",
    "corrected": "A: votre téléphone ? || C: [zéro six douze trente-quatre non pardon zéro six "
    "treize trente-quatre cinquante-six "
    "dix-huit|PHONE_NUMBER]",
    "read back": "A: votre numéro ? || C: [06 12 34 56 78] || A: donc [zéro six douze "
    "trente-quatre cinquante-six soixante-dix-huit]",
    # cards and accounts
    "card": "la carte c'est [quatre un un un un un un un un un un un un un un un|CREDIT_CARD]",
    "card in groups": "Carte bancaire [4242 4242 4242 4242|CREDIT_CARD], expire "
    "[04/27|CARD_EXPIRY], cryptogramme [123|CVV].",
    "card in pairs": "A: le numéro de carte ? || C: [quarante-deux quarante-deux quarante-deux "
    "quarante-deux] || A: oui || C: [4242 "
    "4242|CREDIT_CARD]",
    "last four": "A: les quatre derniers chiffres de votre carte ? || C: [quatre deux quatre "
    "deux|CREDIT_CARD]",
    "security code": "A: et les trois chiffres au dos || C: [un deux trois|CVV]",
    "expiry": "A: la date d'expiration ? || C: [avril deux mille vingt-sept|CARD_EXPIRY]",
    "iban": "mon iban est le [FR14 2004 1010 0505 0001 3M02 606|IBAN_CODE]",
    # social security
    "nir": "mon numéro de sécurité sociale est le [2 84 07 75 116 001 90|FR_NIR]",
    "nir without a cue": "c'est [284077511600190|FR_NIR] merci",
    "nir in words": "A: votre numéro de sécu ? || C: [deux quatre-vingt-quatre zéro sept "
    "soixante-quinze cent seize zéro zéro un "
    "quatre-vingt-dix|FR_NIR]",
    "nir of corsica": "numéro de sécu : [1 85 05 2A 004 001 81|FR_NIR]",
    # dates of birth
    "born in words": "A: votre date de naissance ? || C: le [quatre juillet mille neuf cent "
    "quatre-vingt-quatre|DATE_OF_BIRTH]",
    "born short": "A: date de naissance s'il vous plaît || C: [quatre sept "
    "quatre-vingt-quatre|DATE_OF_BIRTH]",
    "born told": "je suis née le [12 mai 1990|DATE_OF_BIRTH] à Rennes",
    "born written": "Date de naissance : [04/07/1984|DATE_OF_BIRTH]",
    "first of the month": "A: et votre date de naissance || C: le [premier janvier deux mille "
    "cinq|DATE_OF_BIRTH]",
    "appointment stays": "A: quel jour vous conviendrait ? || C: le trois mars à seize heures "
    "trente",
    # e-mail and the web
    "mail": "mon mail c'est [claire point morvan arobase exemple point fr|EMAIL_ADDRESS]",
    "mail with an underscore": "A: votre adresse mail ? || C: [luc tiret bas morvan "
    "quatre-vingt-quatre arobase gmail point com|EMAIL_ADDRESS]",
    "mail with a keyboard's name": "A: votre courriel ? || C: [luc tiret du huit morvan arobase "
    "orange point fr|EMAIL_ADDRESS]",
    "mail written": "Écrivez-moi à [claire.morvan@exemple.fr|EMAIL_ADDRESS].",
    "mail half written": "c'est [claire.morvan arobase laposte.net|EMAIL_ADDRESS]",
    "url": "c'est sur [www point exemple point fr|URL]",
    # postcodes and addresses
    "postcode": "A: votre code postal ? || C: [soixante-quinze zéro onze|ZIP_CODE]",
    "postcode told": "le code postal est [35000|ZIP_CODE]",
    "street": "j'habite [12 rue de la Paix, 75002 Paris|ADDRESS]",
    "street with bis": "L'adresse est [12 bis, avenue Victor Hugo, 69003 Lyon|ADDRESS].",
    "street in words": "A: votre adresse ? || C: [vingt-quatre rue des lilas|ADDRESS]",
    "boulevard": "livrez-le au [3 boulevard voltaire bâtiment b|ADDRESS]",
    "without a number": "j'habite [rue de kerguelen|ADDRESS]",
    "a date for a name": "[8 rue du 11 novembre 1918|ADDRESS]",
    # names
    "my name": "bonjour je m'appelle [solenn kervella|PERSON] et j'appelle pour une commande",
    "asked": "A: c'est à quel nom ? || C: [guivarch|PERSON]",
    "asked with a frame": "A: votre nom s'il vous plaît || C: oui c'est madame [kervella|PERSON]",
    "in the name of": "J'ai une réservation au nom de [Quéméner|PERSON]",
    "everyday name": "A: votre nom de famille ? || C: [petit|PERSON]",
    "first and last": "A: nom et prénom ? || C: [kervella solenn|PERSON]",
    "title": "je voudrais parler à madame [abgrall|PERSON]",
    "with a particle": "mon nom c'est [de kergorlay|PERSON]",
    "spelled": "A: vous pouvez épeler ? || C: [k e r v e l l a|PERSON]",
    "spelled with names": "A: comment ça s'écrit ? || C: [m comme marie o comme oscar r comme "
    "raoul|PERSON]",
    "no name": "A: votre nom s'il vous plaît || C: oui un instant",
    # other numbers
    "order": "A: le numéro de commande ? || C: [quatre sept neuf deux|ORDER_ID]",
    "booking": "ma référence de réservation est [XKZJQW|BOOKING_REFERENCE]",
    "customer": "mon numéro de client est le [huit huit quatre deux un neuf|ACCOUNT_ID]",
    "plate": "A: l'immatriculation ? || C: [a b 123 c d|LICENSE_PLATE]",
    "pin": "le code de vérification est [4471|PIN]",
    "age": "ma grand-mère a [quatre-vingt-douze|AGE] ans et moi j'ai 45 ans",
    # what must stay
    "quantities": "il me faut deux billets pour un adulte et trois "
    "enfants à dix-neuf heures trente",
    "prices": "c'est 45,50 € et l'autre coûte 1 200 euros",
    "times": "on est ouverts de neuf heures à midi et de 14h à 18h30",
    "small talk": "A: bonjour en quoi puis-je vous aider ? || C: bonjour je voudrais déplacer mon "
    "rendez-vous de lundi",
    "streets of speech": "la rue est barrée et il n'y a pas de place pour se garer sur la route",
    "articles": "j'ai un problème avec un colis et un de mes abonnements",
}


@pytest.mark.parametrize("name", CASES)
def test_covers_exactly(name: str) -> None:
    check(RECOGNIZERS, "fr", CASES[name])


@pytest.mark.parametrize("line", range(len(calls("fr"))))
def test_calls_are_covered_exactly(line: int) -> None:
    check(RECOGNIZERS, "fr", calls("fr")[line])
