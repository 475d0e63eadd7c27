"""Redacting twice changes nothing, whatever the record, the policy and the operators. All values
are generated.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from support.record_redaction import Bench, content

from callveil.schemas.rejected import Rejected
from callveil.transforms.lab.sample.dialogues import random_dialogue
from callveil.transforms.lab.sample.people import random_person
from callveil.transforms.lab.sample.scene import random_business
from callveil.transforms.redact import until_stable

QUICK = settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])

FRAGMENTS = (
    "what is your name",
    "zofia kowalczyk",
    "this is Zofia",
    "my number is",
    "four one five",
    "five five five oh one three four",
    "415-555-0134",
    "4155550134",
    "what's your card number",
    "4111 1111 1111 1111",
    "four one one one",
    "and the last four",
    "22",
    "the security code is",
    "date of birth",
    "may 4th 1980",
    "it's zofia dot k at example dot com",
    "zofia.k@example.com",
    "k o w a l c z y k",
    "k as in kilo",
    "my zip is",
    "9 4 1 0 3",
    "94103",
    "order",
    "XK4ZJQ",
    "I live at 12 Elm Street",
    "Springfield",
    "okay",
    "yeah",
    "uh-huh",
    "no, sorry,",
    "[redacted]",
    "[PERSON]",
    "[PHONE_NUMBER]",
    "****",
    "pin",
    "1234",
    "is it",
    "and your social",
    "078 05 1120",
    "Pls call",
    "for",
    "may",
    "h u for",
    "I'll pass",
    "\n",
    "password is",
    "blue fish 7",
    "10.1.2.3",
    "https://example.com/a",
    "account number",
    "double four two",
    "plate",
    "ABC 123",
    "e.g.",
    "ünal",
    "İ",
    "ß 4",
    "x",
    "xx",
    "REDACTED",
)
"""Pieces of what people say, and of what stands in place of a value."""

SAID = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=6).map(" ".join)
TURN = st.fixed_dictionaries(
    {"channel": st.sampled_from([1, 2]), "text": SAID},
    optional={"speaker": st.sampled_from(["Agent", "Zofia K", "spk_0", "[PERSON]"])},
)
OPERATOR = st.one_of(
    st.sampled_from(["label", "clear"]).map(lambda name: f"{{operator: {name}}}"),
    st.builds(
        "{{operator: mask, char: '{}', keep_last: {}}}".format,
        st.sampled_from("*#x"),
        st.integers(0, 6),
    ),
    st.builds(
        "{{operator: {}, scope: {}}}".format,
        st.just("pseudonym"),
        st.sampled_from(["call", "account", "everywhere"]),
    ),
)
LABEL = st.sampled_from(["[{entity}]", "<{entity}>", "{entity}", "<<{entity}>>", "#{entity}#"])


@st.composite
def policies(draw: st.DrawFn) -> str:
    """YAML of a policy's rules."""
    entities = {"default": draw(OPERATOR)}
    for entity in draw(
        st.lists(
            st.sampled_from(["PERSON", "PHONE_NUMBER", "ADDRESS", "LOCATION", "EMAIL_ADDRESS"]),
            unique=True,
            max_size=2,
        )
    ):
        entities[entity] = draw(
            st.one_of(OPERATOR, st.just("keep"), st.just("{operator: token, scope: account}"))
        )
    rules = (
        "entities: {"
        + ", ".join(f"{k}: {v}" for k, v in entities.items())
        + "}\n"
        + f"label: '{draw(LABEL)}'\n"
    )
    if draw(st.booleans()):
        rules += "deny: [{text: blue fish, entity: X_CODE}]\n"
    if draw(st.booleans()):
        rules += "fields: {caller: scan, flow: scan, staff: scan}\n"
    return rules


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A conversation with some of the copies a platform sends, and other fields."""
    turns = draw(st.lists(TURN, max_size=6))
    record: dict[str, Any] = {"outline": turns} if turns else {}
    if draw(st.booleans()):
        record["transcription_text"] = "\n".join(
            f"{t.get('speaker', 'Caller')}: {t['text']}" for t in turns
        ) or draw(SAID)
    if draw(st.booleans()):
        record["words"] = [
            {"word": w, "channel": t["channel"]} for t in turns for w in t["text"].split()
        ]
    return record | draw(
        st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["Zofia Kowalczyk", "May Ford", "[PERSON]"]),
                "caller_number": st.just("+14155550134"),
                "summary": SAID,
                "message_body": SAID,
                "notes": st.dictionaries(
                    SAID,
                    st.one_of(SAID, st.integers(0, 10**16), st.lists(SAID, max_size=2)),
                    max_size=3,
                ),
                "tag_list": st.lists(SAID, max_size=2),
                "call_path": st.lists(SAID.map(lambda t: {"route_name": t}), max_size=2),
                "new_field": st.one_of(SAID, st.dictionaries(SAID, SAID, max_size=2)),
                "form": st.lists(
                    st.fixed_dictionaries({"label": SAID, "value": SAID}), max_size=2
                ).map(lambda rows: {"custom": rows}),
                "chat_messages": st.lists(TURN, max_size=3),
            },
        )
    )


@QUICK
@given(record=records(), rules=policies())
@example(
    record={
        "outline": [
            {"channel": 1, "text": "what is your name"},
            {"channel": 2, "text": "my zip is four one five e.g."},
        ]
    },
    rules="entities: {default: {operator: mask, char: 'x', keep_last: 0}, PERSON: {operator: "
    "label}}\n",
)
def test_redacting_twice_changes_nothing(redact: Bench, record: dict[str, Any], rules: str) -> None:
    once = content(redact(record, rules))
    assert content(redact(once, rules)) == once


@QUICK
@given(record=records(), rules=policies())
def test_findings_lie_in_the_source_and_say_where_their_replacement_stands(
    redact: Bench, record: dict[str, Any], rules: str
) -> None:
    """Source and result can be put together again from the findings: what no finding covers is the
    same in both.
    """
    from support.record_redaction import raw

    from callveil.transforms.detect.text_fields import walk

    out = redact(record, rules)
    before = {leaf.shown: leaf.text for leaf in walk(raw(record).record)}
    after = {leaf.shown: leaf.text for leaf in walk(out.interaction.record)}
    by_path: dict[str, list[Any]] = {}
    for row in out.findings:
        f = row.finding
        if f.span_start is not None and f.span_end is not None:
            assert 0 <= f.span_start < f.span_end <= len(before[f.field_path])
            if f.status == "done":
                by_path.setdefault(f.field_path, []).append(f)
    for path, found in by_path.items():
        if path.endswith(".key"):
            continue  # two keys may become one label; they are told apart by a number behind it
        source, result, end, out_end = before[path], after.get(path, ""), 0, 0
        for f in sorted(found, key=lambda f: f.span_start):
            assert f.span_start >= end and f.out_start >= out_end
            assert source[end : f.span_start] == result[out_end : f.out_start]
            end, out_end = f.span_end, f.out_end
        assert source[end:] == result[out_end:]


@settings(QUICK, max_examples=15)
@given(seed=st.integers(0, 100_000), rules=policies())
def test_redacting_a_conversation_twice_changes_nothing(
    redact: Bench, seed: int, rules: str
) -> None:
    rng = random.Random(seed)
    turns = random_dialogue(rng, random_person(rng), random_person(rng), random_business(rng)).turns
    outline = [{"channel": 2 if t.speaker == "agent" else 1, "text": t.text} for t in turns]
    once = content(
        redact(
            {
                "outline": outline,
                "words": [
                    {"word": w, "channel": t["channel"]} for t in outline for w in t["text"].split()
                ],
            },
            rules,
        )
    )
    assert content(redact(once, rules)) == once


@settings(QUICK, max_examples=20)
@given(record=records(), rules=policies(), request=st.sampled_from(["all", "field", "span"]))
def test_full_and_requested_redaction_settle_too(
    redact: Bench, record: dict[str, Any], rules: str, request: str
) -> None:
    from callveil.schemas.request import RedactionRequest

    where = (
        {"field": "notes"}
        if request == "field"
        else {"field": "summary", "start": 1, "end": 4}
        if request == "span"
        else {}
    )
    asked = RedactionRequest("r1", "70001", "5000000001", request, "a reason", "an actor", **where)
    once = content(redact(record, rules, requests=(asked,)))
    if request == "all":
        assert not once.keys() & {"outline", "notes", "summary", "name", "form", "new_field"}
    assert content(redact(once, rules, requests=(asked,) if request == "all" else ())) == once


def test_what_only_shows_once_a_value_is_gone_is_covered_in_the_source(
    redact: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that finds a word only beside a label: the second look must take it, and its offsets
    must be those of the source.
    """
    from callveil.schemas.finding import TextSpan

    run = redact.detector.run

    def with_rule(views: Any, language: str, *budgets: Any) -> Any:
        views = list(views)
        for (view, _), (tag, spans) in zip(views, run(views, language), strict=True):
            place = view.text.find("[EMAIL_ADDRESS] tail")
            yield (
                tag,
                [*spans, TextSpan(place + 16, place + 20, "PERSON", 0.9, "beside")]
                if place >= 0
                else spans,
            )

    monkeypatch.setattr(redact.detector, "run", with_rule)
    out = redact({"summary": "so zofia.k@example.com tail", "notes": "tail"})
    assert content(out)["summary"] == "so [EMAIL_ADDRESS] [PERSON]"
    (row,) = [r.finding for r in out.findings if r.finding.detector == "beside"]
    assert (row.span_start, row.span_end, row.out_start, row.out_end) == (23, 27, 19, 27)


def test_a_record_that_never_settles_is_rejected(
    redact: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that takes one more letter in every look."""
    from callveil.schemas.finding import TextSpan

    run = redact.detector.run

    def greedy(views: Any, language: str, *budgets: Any) -> Any:
        views = list(views)
        for (view, _), (tag, spans) in zip(views, run(views, language), strict=True):
            place = view.text.rfind("q")
            yield (
                tag,
                [*spans, TextSpan(place, place + 1, "PIN", 0.9, "greedy")] if place >= 0 else spans,
            )

    monkeypatch.setattr(redact.detector, "run", greedy)
    out = redact.result(
        {"summary": "zofia.k@example.com " + "so q is, " * (until_stable.LOOKS + 5)}
    )
    assert isinstance(out, Rejected) and (out.stage, out.reason) == ("redact", "unsettled")
    assert isinstance(
        redact.result({"summary": "zofia.k@example.com " + "so q is, " * (until_stable.LOOKS - 5)}),
        until_stable.RedactionResult,
    )
