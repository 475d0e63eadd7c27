"""Values as people say and write them, each in the conversation that gives it its meaning. All
people and numbers are made up.

`[` and `]` mark what must be covered; everything else must stay. A: agent, C: caller, no letter:
speaker unknown.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from callveil.transforms.detect.conversation import View
from callveil.transforms.detect.recognizers.build import build_recognizers

RECOGNIZERS = build_recognizers("en", ("US", "GB", "CA"))
ENTITIES = sorted({entity for r in RECOGNIZERS for entity in r.supported_entities})

CASES = {
    # telephone numbers
    "digits one by one": "my number is [four one five five five five oh one three four]",
    "mixed": "you can reach me at [4 one 5 five double five 01 thirty four]",
    "tens and hundreds": "call me on [eight hundred five five five twenty one hundred]",
    "triple": "it's [oh double seven triple zero nine hundred one fifty five]",
    "written": "call 415-555-0134 today | call [415-555-0134] today",
    "with a country": "Their number is [+44 20 7946 0018].",
    "national": "phone number is [01223302079] .",
    "over turns": "A: a good number || C: [four one five] || A: mm-hm || C: [five five five] || A: "
    "okay || C: [oh one three four]",
    "read back": "A: a good number || C: [415 555 0134] || A: so that's [four one five five five "
    "five oh one three four]",
    "after a pause": "A: can i get a callback number || C: sure hold on a second || A: take your "
    "time || C: it's [415 555 0134]",
    "corrected": "A: your number please || C: [four one five five five six no sorry five five five "
    "oh one three four]",
    "taken back": "A: your number please || C: [0 7 7 0 7 scratch that 0 7 7 0 0 9 0 0 9 0 6]",
    "echoed": "A: what's your number || C: [four one five] || A: [four one five] || C: [five five "
    "five oh one three four]",
    "dialled from Europe": "the customer wants a call on [0044 1632 960911] | or on "
    "[00-44-1632-960-911]",
    "dialled from America": "ring [011 44 1632 960911] or [011-44-1632-960911]",
    "dialled and said": "A: what is her number || C: [zero one one four four one six three two "
    "nine six zero nine one one]",
    # addresses said in pieces
    "mail read back": "A: what's your e-mail || C: [ivo dot kern] || A: [ivo dot kern] || C: [at "
    "mail dot example] || A: thanks",
    "mail of words read back": "A: can I have your email || C: it's [zebra cloud] || A: [zebra "
    "cloud] || C: [at mail dot example]",
    "mail after a pause": "A: your email please || C: [kowalski] || A: [kowalski] || C: [and then "
    "at gmail dot com]",
    # cards
    "card in words": "my card is [four one one one one one one one one "
    "one one one one one one one]",
    "card in groups": "the card number is [4242 4242 4242 4242], exp [04/27], cvv [123].",
    "card over turns": "A: card number || C: [four two four two] || A: okay || C: [4242 four two "
    "four two] || A: uh huh || C: [four two four two]",
    "card corrected": "it's [four two four two four two four three no sorry four two four two four "
    "two four two four two]",
    "last four of a card": "A: and the last four digits of the card || C: [4242]",
    "code": "A: and the three digits on the back || C: it's [one two three]",
    "expiry in words": "A: what's the expiry date || C: [april twenty twenty seven]",
    # state numbers
    "ssn in words": "my social security number is [one two three forty five sixty seven eighty "
    "nine]",
    "ssn written": "Here's my SSN: [078-05-1120]",
    "last four of the social": "A: okay last four of your social || C: [four five one two]",
    "nino": "my national insurance number is [q q one two three four five six c]",
    # dates of birth
    "day month year": "A: can i take your date of birth || C: yes it's [the fourth of july "
    "nineteen eighty four]",
    "month day year": "A: what's your birthday || C: [july fourth eighty four]",
    "digits": "A: your date of birth please || C: [oh seven oh four eighty four]",
    "ordinals only": "A: date of birth || C: [the twenty first of the twelfth nineteen eighty "
    "three]",
    "written date": "my birthday is [12/21/1983]",
    "misheard": "A: what is your date of birth || C: [21st of december nineteen eighty tree]",
    "two thousands": "A: what's your date of birth || C: [one one two thousand]",
    "read back as written": "A: what's your date of birth || C: [30th january 1964] || A: and "
    "that's [30/1/1964]",
    "appointments stay": "i was born in leeds and my appointment is on may 4th",
    "booking stays": "A: which date would you like || C: march 8th at four thirty please",
    # postcodes
    "uk spoken": "A: what is your postcode || C: [c b four three p q]",
    "uk by sound": "A: postcode please || C: it's [see bee four three pee queue]",
    "uk by words": "A: and the postcode || C: [c for charlie b for bravo 4 3 p for papa q]",
    "uk in scraps": "A: what's your postcode || C: yeah it's [e1 6 an]",
    "uk written": "They are at King's Parade, [CB2 1RL]. | They are at [King's Parade, CB2 1RL].",
    "canada": "A: your postal code || C: [k one a oh b one]",
    "netherlands": "A: what's your postcode || C: [one zero one two a b]",
    "zip": "the zip is [nine four one oh seven]",
    "zip plus four": "A: what's the zip || C: [94107 1234]",
    # e-mail
    "spoken": "my email is [jane dot doe at example dot com]",
    "underscore and split provider": "email me at [j underscore smith eighty four at g mail dot "
    "com]",
    "half written": "it's [jane.doe at example.com] okay",
    "spaced": "send it to [jane @ example . com] please",
    "spelled": "A: what's your email || C: [b as in boy o b dot jones at example dot co dot uk]",
    "letters": "A: your email || C: it's [d o n y a at example dot com]",
    "brackets": "A: your email || C: [jane.doe [at] example.com]",
    # names
    "bare": "A: can i have your name please || C: [john smith]",
    "everyday word": "A: what name is it under || C: [will]",
    "rare": "A: your last name || C: it's [kowalczyk]",
    "spelled name": "A: could you spell that || C: [k o w a l c z y k]",
    "fused letters": "A: please spell your first name || C: [k yl e s]",
    "nato": "[november oscar lima alpha november]",
    "said and spelled": "A: and the last name || C: that's [young y o u n g]",
    "introduction": "my name is [grace young] and i'm calling about my order",
    "two names": "A: what's your name || C: my first name is [nur] and my last name is [begum]",
    "no name": "A: may i have your full name || C: yes sure hold on",
    "refusal": "A: your name please || C: i'm not sure i want to give you that",
    "other request": "A: your name please || C: can i speak to an agent please",
    # codes
    "order": "A: what's the order number || C: [a x four seven nine two]",
    "reference": "Your reference number is [JXVKZ7KV] .",
    "reference without digits": "Your reference number is : [XKZJQWPE]",
    "account": "my account number is [eight eight four two one nine]",
    "plate": "the plate is [seven a b c one two three]",
    "passport": "A: what's the passport number || C: [golf 4 4 0 7 2 4 1 8]",
    "pin": "the pin is [4 4 7 1]",
    "password": "my password is [hunter2]",
    "password with signs": "the password is [Kite?9;x], ok",
    "password behind a colon": "password: [kite-runner9!x] and that is it",
    "user name behind a colon": "username: [kite_runner77]",
    "user name": "A: what's your username || C: [j dot acosta one two]",
    "iban": "My IBAN is [GB82 WEST 1234 5698 7654 32].",
    "vin": "the vin is [1HGCM82633A004352]",
    # addresses
    "street": "it's [517a coldham lane flat three]",
    "street in words": "i live at [four twelve north elm street apartment three b austin texas "
    "seven eight seven oh one]",
    "capitals": "The address is [71 North San Pedro Street].",
    "without a number": "It is located on [Trinity Lane].",
    "two numbers": "The venue is [2940 16th Street #217].",
    "box": "send it to [P.O. Box 1421, Boise, ID 83701]",
    "number last": "She lives at [Prinsenstraat 12].",
    # network
    "ip": "the address is [192.168.0.1] | blocked from [192.168.0.1]",
    "ip spoken": "the ip is [one nine two dot one six eight dot zero dot one]",
    "mac": "the box says [00:1A:2B:3C:4D:5E]",
    "url": "see [www.example.com/help] or [www dot example dot org]",
    "age": "my grandmother is [ninety two] years old and i'm 45 years old",
    # what must stay
    "quantities": "i need two tickets for one adult and one child at seven thirty for twenty five "
    "dollars",
    "noise": "flight BA2490 room 412 at 18:45 on 2024-01-02 10:11:12 id "
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "prices": "It costs $3,550,000 and has a 4.5 rating, 3 bedrooms and 2 baths.",
    "times": "i can do between two forty five and eleven thirty",
    "fillers": "oh no that one is fine okay so the second one then",
    "small talk": "A: how are you today || C: good thanks and you || A: can you hear me || C: yes "
    "i can",
}


def marked(case: str) -> tuple[View, set[int]]:
    """The view of a case and the places of letters and digits that must be covered."""
    case = case.split(" | ")[-1]
    turns, wanted, place = [], set(), 0
    for part in case.split(" || "):
        role, text = (
            ("agent", part[3:])
            if part.startswith("A: ")
            else ("caller", part[3:])
            if part.startswith("C: ")
            else ("", part)
        )
        plain, inside = "", 0
        for char in text.replace("[at]", "\x00"):
            if char in "[]":
                inside += 1 if char == "[" else -1
                continue
            piece = "[at]" if char == "\x00" else char
            for c in piece:
                if inside and c.isalnum():
                    wanted.add(place + len(plain))
                plain += c
        turns.append((role, plain))
        place += len(plain) + 1
    return View.of_turns(turns), wanted


@pytest.mark.parametrize("name", CASES)
def test_covers_exactly(name: str) -> None:
    view, wanted = marked(CASES[name])
    shared = SimpleNamespace(tokens=SimpleNamespace(user_data={"callveil_view": view}))
    found = [result for r in RECOGNIZERS for result in r.analyze(view.text, ENTITIES, shared)]
    covered = {
        place for r in found for place in range(r.start, r.end) if view.text[place].isalnum()
    }
    told = sorted({(r.entity_type, view.text[r.start : r.end]) for r in found})
    assert wanted <= covered, (
        f"not covered: {''.join(view.text[p] for p in sorted(wanted - covered))!r}; found {told}"
    )
    extra = covered - wanted
    assert not extra, (
        f"covered too much: {''.join(view.text[p] for p in sorted(extra))!r}; found {told}"
    )
