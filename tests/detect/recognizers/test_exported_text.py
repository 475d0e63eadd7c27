"""Text as recognisers and exports leave it. All people and numbers are made up."""

from __future__ import annotations

import pytest
from support.language_cases import check

from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.recognizers.build import build_recognizers
from callveil.transforms.detect.recognizers.small_talk import is_small_talk
from callveil.transforms.lab.evaluate.gold import GoldRow, predict_rows

RECOGNIZERS = build_recognizers("en", ("US", "GB", "CA"))
MAIL = [
    "[omar 77 gmailcom|EMAIL_ADDRESS]",
    "[jane 54 gmailcom]",
    "[jane54 gmail com]",
    "my mail is [anna.berg gmail]",
    "write to me at [bee 22 icloudcom]",
    "[kwame_99 outlook com]",
    "[zoe 8 yahoocouk]",
    "[noor54 gmail dotcom]",
    "email id is [rita 5 gmial com]",
    "it's [lucianahotmailcom]",
    "[x y 12 gmail com]",
    "[lars at gmailcom]",
    "[pperez 4 gamilcom] thanks",
    "email me on [tomasz 9 protonmailcom] please",
    "[mary dot oneill hotmail dot com]",
    "it's [bob underscore grant yahoo dot co dot uk]",
    "A: what's your email || C: [kofi 7 acmewidgetscom]",
    "A: your e-mail please || C: sure [deepa 81 rediffmailcom]",
]
NO_MAIL = [
    "reset outlook com",
    "see our website",
    "the relations website and the webinfo page",
    "my gmail is broken",
    "gmail is not working",
    "chrome and gmail",
    "a sitcom on tv",
    "the intercom",
    "i have 2 gmail accounts",
    "telecom and dotcom firms",
    "live com and yahoo com are slow",
    "become a member",
    "the internet com port",
    "we use 3 outlook profiles",
]
CODES = [
    "booking confirmation number [wqb 731|BOOKING_REFERENCE]",
    "the confirmation number is [dul 604]",
    "confirmation number [sun 452]",
    "my pnr is [9 kf 3 tz]",
    "reference [a 99 a 9]",
    "order number [pvx 752197308] please",
    "account number is [ux 84 p]",
    "codes are [K7QF2M] [L8RT4P]",
    "the booking codes are [zxq 118], [lm 4 r 9] and [hh 220]",
    "my reservation codes are [pvx 752197308], [a 99 a 9] and [kt 40 h 7] thanks",
    "password is [vj 12|PASSWORD]",
    "A: what's the password on the account || C: [purple giraffe|PASSWORD]",
    "A: can i have your booking reference || C: [wqb 950]",
    "A: booking reference || C: sure it is [a 99 a 9] and [zr 40 h 7]",
    "A: what is the account number || C: it's [tk 1284 m]",
    "A: and the order number please || C: [qd 4401] thanks",
    "A: your confirmation code || C: [tina|PERSON] [mo 63 r 4]",
]
NO_CODES = [
    "the error codes are E1234F and E1235F",
    "i want to order 2 bbq wing buckets",
    "can i order 12 red roses",
    "your order is 20 mins late",
    "reservation for 4 at 7 pm",
    "my account has 2 gb left",
    "the order of 10 to 15 units",
    "an email confirmation soon for 999 people",
    "A: which booking || C: the 2 nd one",
    "A: order number || C: i need 10 more days",
    "the policy covers 50 mg only",
]
ADDRESSES = [
    "[4417 n oakdale ave apt 3] near the mall",
    "deliver to [4417 n oakdale ave apt 3 dayton oh 45402]",
    "[302 elm streetdayton oh 45402]",
    "[no 31 pond view road stone town al 36310]",
    "[no 12 gandhi marg pune 411001]",
    "[518 orchard drivelowell ma 1850]",
    "[64 mill stsouth hadley ma 1075]",
    "[88 birchwood dr apt 4 columbus oh 43004]",
    "address [55 pine hollow rd boise idaho 83702]",
    "[19 rose lane leeds uk]",
    "[8 fern road kt 471]",
    "[1450 w 5 th st los angeles ca 90017] phone [2135550100]",
    "address is [9 copper beech walk apt 12 salem or 97301]",
    "[92 varma street gomti area]",
    "[317 wickham streetopelika al 36801]",
]
NO_ADDRESSES = [
    "2 pizzas with cheese and a coke",
    "i need 3 more in the drive",
    "the 10 best movies of al pacino",
    "10 years on the road",
    "we got 5 streetcars",
    "5 roadside stops in all",
    "it costs 20 or 30 more",
]
PHRASES = [
    "my password is [correct horse battery staple|PASSWORD]",
    "pass word is [tiger 77 lily]",
    "the password was [moonlight]",
    "passphrase: [the quick brown fox]",
    "my password is [blue dragon seven], thanks",
    "the password is [sunshine] and i still cannot log in",
    "A: your security password || C: it's [purple monkey dishwasher]",
    "A: what is your password || C: [maple leaf]",
    "pwd = [old barn door]",
    "password is [rain tin roof]",
    "memorable word is [daffodil]",
    "A: and your secret word || C: [winter palace] please",
]
NO_PHRASES = [
    "my password is not working",
    "the password is wrong",
    "my password is expired",
    "password expires: 90 days",
    "password_expires: 90 days",
    "password expires in 90 days",
    "the password requires 12 characters",
    "password policy: min 12 characters",
    "is the password case sensitive",
    "the password is correct",
    "A: what is your password || C: i don't remember it",
    "my password is the same",
    "the password is too short",
    "password is required",
    "i forgot my password",
    "A: your password || C: sorry i forgot",
    "my password is still locked",
]


@pytest.mark.parametrize("case", [*MAIL, *CODES, *ADDRESSES, *PHRASES])
def test_values_are_found_as_they_are_left(case: str) -> None:
    check(RECOGNIZERS, "en", case)


@pytest.mark.parametrize("case", [*NO_MAIL, *NO_CODES, *NO_ADDRESSES, *NO_PHRASES])
def test_talk_stays(case: str) -> None:
    check(RECOGNIZERS, "en", case)


@pytest.mark.parametrize(
    "word",
    [
        "hii",
        "byeee",
        "thankss",
        "nothanks",
        "nothanksbye",
        "okayi",
        "higood",
        "thnks",
        "thanhks",
        "mrng",
        "gud",
        "okk",
        "helloo",
    ],
)
def test_greetings_as_chats_spell_them(word: str) -> None:
    assert is_small_talk([word], False)


@pytest.mark.parametrize(
    "name",
    ["hai", "okey", "noyes", "annika", "lee", "moe", "thao", "hiro", "amina", "kaya", "ruth"],
)
def test_names_are_no_greetings(name: str) -> None:
    assert not is_small_talk([name], False)
    assert not is_small_talk(["jane", name], True)


def test_a_greeting_that_is_a_name_too_is_one_where_nothing_else_is_said() -> None:
    policy = load_policy(None)
    greeted = (("agent", "hello"), ("customer", "hai"), ("agent", "how can i help"))
    named = (("agent", "who did you speak to"), ("customer", "i spoke with hai nguyen"))
    rows = [GoldRow(str(n), "made up", n, turns, ()) for n, turns in enumerate((greeted, named), 1)]
    assert [
        bool(found) for _, found in predict_rows(Detector(policy.detect), policy, iter(rows))
    ] == [
        False,
        True,
    ]
