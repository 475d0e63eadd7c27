"""Spanish, as it is said on the telephone and written in chats; cases: `support.language_cases`.
Everything is made up.
"""

from __future__ import annotations

import pytest
from support.language_cases import calls, check

from callveil.transforms.detect.recognizers.build import build_recognizers

RECOGNIZERS = build_recognizers("es", ("ES", "US"))

CASES = {
    # telephone numbers
    "digits one by one": "mi número es el [seis uno dos tres cuatro cinco seis siete "
    "ocho|PHONE_NUMBER]",
    "with doubles": "A: ¿me dice un teléfono de contacto? || C: sí, [seis uno dos, doble cero, "
    "cuatro cinco seis siete|PHONE_NUMBER]",
    "in hundreds": "A: ¿a qué número le llamamos? || C: al [seiscientos doce trescientos cuarenta "
    "y cinco seiscientos setenta y ocho|PHONE_NUMBER]",
    "in pairs": "mi móvil es el [seis doce treinta y cuatro cincuenta y seis setenta y "
    "ocho|PHONE_NUMBER]",
    "written": "Llámeme al [612 34 56 78|PHONE_NUMBER], por favor.",
    "written with the country": "Mi teléfono es [+34 612 345 678|PHONE_NUMBER].",
    "landline": "A: dígame su número || C: es el [91 234 56 78|PHONE_NUMBER]",
    "bare": "apunta: [612345678|PHONE_NUMBER]",
    "over turns": "A: un teléfono de contacto || C: [seis uno dos] || A: ajá || C: [tres cuatro "
    "cinco] || A: vale || C: [seis siete ocho]",
    "corrected": "A: ¿su teléfono? || C: [seis uno dos tres cuatro perdón seis uno dos tres cinco "
    "cinco seis siete ocho|PHONE_NUMBER]",
    "american": "A: ¿cuál es su número de teléfono? || C: [cuatro uno cinco cinco cinco cinco cero "
    "uno tres cuatro|PHONE_NUMBER]",
    "read back": "A: ¿su número? || C: [612 345 678] || A: entonces es el [seis uno dos tres "
    "cuatro cinco seis siete ocho]",
    # cards and accounts
    "card": "la tarjeta es la [cuatro uno uno uno uno uno uno uno uno uno uno uno uno uno uno "
    "uno|CREDIT_CARD]",
    "card in groups": "Número de tarjeta [4242 4242 4242 4242|CREDIT_CARD], caduca el "
    "[04/27|CARD_EXPIRY], cvv [123|CVV].",
    "card over turns": "A: ¿el número de la tarjeta? || C: [cuarenta y dos cuarenta y dos] || A: "
    "sí || C: [4242 4242] || A: ajá || C: [cuarenta y dos"
    " cuarenta y dos]",
    "last four": "A: ¿me dice los últimos cuatro dígitos de la tarjeta? || C: [cuatro dos cuatro "
    "dos|CREDIT_CARD]",
    "security code": "A: y los tres números de atrás || C: [uno dos tres|CVV]",
    "expiry": "A: ¿la fecha de caducidad? || C: [abril de dos mil veintisiete|CARD_EXPIRY]",
    "iban": "mi iban es [ES91 2100 0418 4502 0005 1332|IBAN_CODE]",
    "iban read out": "A: dígame el iban || C: [e s noventa y uno veintiuno cero cero cero cuatro "
    "dieciocho cuarenta y cinco cero dos cero cero cero cinco trece treinta y dos]",
    # identity numbers
    "dni": "mi dni es [12345678Z|ES_NIF]",
    "dni spoken": "A: ¿me facilita su DNI? || C: [doce treinta y cuatro cincuenta y seis setenta y "
    "ocho z|ES_NIF]",
    "dni by the letter's name": "A: su dni por favor || C: [uno dos tres cuatro cinco seis siete "
    "ocho zeta|ES_NIF]",
    "dni with dots": "DNI [12.345.678-Z|ES_NIF]",
    "nie": "tengo el NIE [X1234567L|ES_NIE]",
    "nie without a cue": "apunte [Y-1234567-X|ES_NIE] y ya está",
    "social security of the states": "mi número de seguro social es [uno dos tres cuarenta y cinco "
    "sesenta y siete ochenta y nueve|US_SSN]",
    # dates of birth
    "born in words": "A: ¿fecha de nacimiento? || C: el [cuatro de julio de mil novecientos "
    "ochenta y cuatro|DATE_OF_BIRTH]",
    "born short": "A: ¿me dice su fecha de nacimiento? || C: [cuatro del siete del ochenta y "
    "cuatro|DATE_OF_BIRTH]",
    "born told": "nací el [12 de mayo de 1990|DATE_OF_BIRTH] en Sevilla",
    "born written": "Fecha de nacimiento: [04/07/1984|DATE_OF_BIRTH]",
    "born in this century": "A: y la fecha de nacimiento || C: el [uno de enero de dos mil "
    "cinco|DATE_OF_BIRTH]",
    "appointment stays": "A: ¿qué día prefiere? || C: el tres de marzo a las cuatro y media",
    # e-mail and the web
    "mail": "mi correo es [ana punto perez arroba ejemplo punto es|EMAIL_ADDRESS]",
    "mail with an underscore": "A: ¿su correo electrónico? || C: [luis guion bajo gomez ochenta y "
    "cuatro arroba gmail punto com|EMAIL_ADDRESS]",
    "mail written": "Escríbame a [ana.perez@ejemplo.es|EMAIL_ADDRESS].",
    "mail half written": "es [ana.perez arroba hotmail.com|EMAIL_ADDRESS]",
    "url": "está en [www punto ejemplo punto es|URL]",
    # postcodes and addresses
    "postcode": "A: ¿código postal? || C: [veintiocho cero trece|ZIP_CODE]",
    "postcode told": "el código postal es [28013|ZIP_CODE]",
    "street": "vivo en la [calle mayor número cinco|ADDRESS]",
    "street with floor and town": "La dirección es [Calle de Alcalá 42, 3º B, 28014 "
    "Madrid|ADDRESS].",
    "street in words": "A: ¿su dirección? || C: [calle de alcalá cuarenta y dos segundo "
    "izquierda|ADDRESS]",
    "avenue": "envíelo a [avenida de la constitución 12|ADDRESS]",
    "street shortened": "[C/ Goya, 15|ADDRESS]",
    "a date for a name": "[calle dos de mayo 7|ADDRESS]",
    # names
    "my name": "hola me llamo [marisol quintanilla|PERSON] y llamo por un pedido",
    "asked": "A: ¿cómo se llama? || C: [yolanda ibarra|PERSON]",
    "asked with a frame": "A: ¿a nombre de quién está la reserva? || C: sí está a nombre de "
    "[etxeberria|PERSON]",
    "in the name of": "Tengo una mesa a nombre de [Garmendia|PERSON]",
    "everyday name": "A: ¿su apellido? || C: [blanco|PERSON]",
    "two surnames": "A: nombre y apellidos por favor || C: [jimena zubizarreta ochoa|PERSON]",
    "title": "con el señor [urrutia|PERSON] por favor",
    "spelled": "A: ¿me lo deletrea? || C: [z u b i z a r r e t a|PERSON]",
    "spelled with towns": "A: ¿cómo se escribe? || C: [b de barcelona u de uruguay r de "
    "roma|PERSON]",
    "no name": "A: ¿su nombre por favor? || C: sí un momento",
    "greeting": "A: ¿con quién hablo? || C: hola soy [Nahia|PERSON]",
    # other numbers
    "order": "A: ¿número de pedido? || C: [cuatro siete nueve dos|ORDER_ID]",
    "booking": "mi localizador es [XKZJQW|BOOKING_REFERENCE]",
    "customer": "mi número de cliente es [ocho ocho cuatro dos uno nueve|ACCOUNT_ID]",
    "plate": "A: ¿la matrícula? || C: [1234 b c d|LICENSE_PLATE]",
    "pin": "el código de verificación es [4471|PIN]",
    "age": "mi abuela tiene [noventa y dos|AGE] años y yo tengo 45 años",
    # what must stay
    "quantities": "necesito dos entradas para un adulto y tres niños a las siete y media",
    "prices": "son 45,50 € y el otro cuesta 1.200 euros",
    "times": "abrimos de nueve a dos y de cinco a ocho",
    "small talk": "A: buenos días ¿en qué puedo ayudarle? || C: buenos días quería cambiar la cita "
    "del lunes",
    "streets of speech": "la calle está cortada y no encuentro plaza para aparcar el coche",
    "numbers of speech": "tengo veintidós mil puntos y ciento veinte euros de saldo",
}


@pytest.mark.parametrize("name", CASES)
def test_covers_exactly(name: str) -> None:
    check(RECOGNIZERS, "es", CASES[name])


@pytest.mark.parametrize("line", range(len(calls("es"))))
def test_calls_are_covered_exactly(line: int) -> None:
    check(RECOGNIZERS, "es", calls("es")[line])
