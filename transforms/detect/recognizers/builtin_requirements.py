"""Contents a text must have for each of Presidio's pattern recognizers to find anything in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from callveil.transforms.detect.recognizers import excerpt
from callveil.transforms.detect.recognizers.excerpt import Stretches


class TextRequirements(NamedTuple):
    """Contents that a text must have for a recognizer to find anything in it.

    Attributes:
        near: digits with at most one other character, no letter, between them.
        sign: what else stands somewhere in it, in any case.
        cut: gives the stretches of a text that the recognizer reads.
    """

    near: int = 0
    sign: str = ""
    cut: Callable[[str], Stretches] = excerpt.around_digits

    def met(self, text: str, near: int) -> bool:
        """Tell whether a text, with so many digits near each other, holds it."""
        return near >= self.near and (
            not self.sign or _compiled(self.sign).search(text) is not None
        )


@lru_cache(maxsize=256)
def _compiled(sign: str) -> re.Pattern[str]:
    return re.compile(sign, re.IGNORECASE)


_AD, _DA, _CODE9 = "[a-z]\\d", "\\d[a-z]", "[a-z][a-z\\d]{7}\\d"
REQUIREMENTS = {
    "AbaRouting": TextRequirements(near=9),
    "AuAbn": TextRequirements(near=11),
    "AuAcn": TextRequirements(near=9),
    "AuMedicare": TextRequirements(near=10),
    "AuTfn": TextRequirements(near=9),
    "CaPostalCode": TextRequirements(sign="[a-z]\\d[a-z]"),
    "CaSin": TextRequirements(near=9),
    "CreditCard": TextRequirements(near=12),
    "Crypto": TextRequirements(cut=excerpt.long_words),
    "Date": TextRequirements(),
    "DeBsnr": TextRequirements(),
    "DeFuehrerschein": TextRequirements(sign=_AD),
    "DeHandelsregister": TextRequirements(sign="hr[ab]"),
    "DeHealthInsurance": TextRequirements(sign=_AD),
    "DeIdCard": TextRequirements(sign=_CODE9),
    "DeKfz": TextRequirements(),
    "DeLanr": TextRequirements(),
    "DePassport": TextRequirements(sign=_CODE9),
    "DePlz": TextRequirements(),
    "DeSocialSecurity": TextRequirements(sign="\\d[a-z]\\d"),
    "DeTaxId": TextRequirements(),
    "DeTaxNumber": TextRequirements(near=9),
    "DeVatId": TextRequirements(near=9, sign="de"),
    "Email": TextRequirements(cut=excerpt.around_at),
    "EsNie": TextRequirements(),
    "EsNif": TextRequirements(),
    "EsPassport": TextRequirements(sign=_AD),
    "FiPersonalIdentityCode": TextRequirements(),
    "Iban": TextRequirements(sign="(?-i:[A-Z]{2}\\d\\d[ -]?[A-Z\\d]{4})"),
    "InAadhaar": TextRequirements(near=12),
    "InGstin": TextRequirements(sign="\\d\\d[a-z\\d]{11}"),
    "InPan": TextRequirements(cut=excerpt.whole_text),
    "InPassport": TextRequirements(near=7, sign=_AD),
    "InVehicleRegistration": TextRequirements(sign=_AD),
    "InVoter": TextRequirements(sign=_AD),
    "Ip": TextRequirements(cut=excerpt.around_network_addresses),
    "ItDriverLicense": TextRequirements(sign="[a-z\\d]{10}"),
    "ItFiscalCode": TextRequirements(cut=excerpt.long_words),
    "ItIdentityCard": TextRequirements(),
    "ItPassport": TextRequirements(sign=_AD),
    "ItVatCode": TextRequirements(near=11),
    "KrBrn": TextRequirements(near=10),
    "KrDriverLicense": TextRequirements(near=12),
    "KrFrn": TextRequirements(near=13),
    "KrPassport": TextRequirements(sign=_AD),
    "KrRrn": TextRequirements(near=13),
    "MacAddress": TextRequirements(cut=excerpt.around_network_addresses),
    "MedicalLicense": TextRequirements(sign=_AD),
    "NgNin": TextRequirements(),
    "NgVehicleRegistration": TextRequirements(sign="\\d{3}[a-z]{2}"),
    "Nhs": TextRequirements(near=10),
    "PhPassport": TextRequirements(sign=_AD),
    "PhTin": TextRequirements(near=9),
    "PhUmid": TextRequirements(near=12),
    "Phone": TextRequirements(cut=excerpt.around_phones),
    "PlPesel": TextRequirements(),
    "SeOrganisationsnummer": TextRequirements(near=10),
    "SePersonnummer": TextRequirements(near=10),
    "SgFin": TextRequirements(sign=_AD),
    "SgUen": TextRequirements(sign=_DA),
    "ThTnin": TextRequirements(),
    "TrLicensePlate": TextRequirements(),
    "TrNationalId": TextRequirements(),
    "UkDrivingLicence": TextRequirements(sign=_AD),
    "UkNino": TextRequirements(near=6),
    "UkPassport": TextRequirements(sign=_AD),
    "UkPostcode": TextRequirements(sign=f"{_AD}|gir"),
    "UkVehicleRegistration": TextRequirements(
        sign=f"{_AD}|\\b[a-z]{{3}}[- ]?\\d{{1,3}}[- ]?[a-z]\\b"
    ),
    "Url": TextRequirements(cut=excerpt.around_dots),
    "UsBank": TextRequirements(),
    "UsClaimNumber": TextRequirements(sign="claim|clm"),
    "UsHealthInsuranceMemberId": TextRequirements(sign="[a-z]-?\\d"),
    "UsItin": TextRequirements(near=9),
    "UsLicense": TextRequirements(sign=f"{_AD}|\\d{{6}}|]\\d"),
    "UsMbi": TextRequirements(sign="\\d[a-z][a-z\\d]\\d"),
    "UsNpi": TextRequirements(near=10),
    "UsPassport": TextRequirements(),
    "UsPrescriptionNumber": TextRequirements(sign="rx|prescription"),
    "UsPriorAuthorizationNumber": TextRequirements(sign="auth|pa-?\\d"),
    "UsProviderTaxId": TextRequirements(near=9),
    "UsReferralNumber": TextRequirements(sign="referral|(?:ref|inf)-?\\d"),
    "UsSsn": TextRequirements(near=9),
    "Uuid": TextRequirements(sign="-[a-f\\d]{4}-"),
    "ZaCompanyRegistration": TextRequirements(near=8),
    "ZaDriverLicense": TextRequirements(),
    "ZaIdNumber": TextRequirements(),
    "ZaIncomeTaxNumber": TextRequirements(),
    "ZaLicensePlate": TextRequirements(),
    "ZaMobileNumber": TextRequirements(cut=excerpt.around_phones),
    "ZaPassport": TextRequirements(sign=_AD),
    "ZaTelephoneNumber": TextRequirements(cut=excerpt.around_phones),
    "ZaTrafficRegisterNumber": TextRequirements(),
    "ZaVatNumber": TextRequirements(),
}
"""By class name. A recognizer that is not named here, such as one that a later Presidio adds, reads
whole texts.
"""
UNGATED = TextRequirements(cut=excerpt.whole_text)
