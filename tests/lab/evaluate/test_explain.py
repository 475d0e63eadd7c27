"""`callveil explain`: reasons and outcomes. All names and numbers are made up."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from callveil.pipelines import cli
from callveil.pipelines.commands import explain as command
from callveil.schemas.policy import Policy
from callveil.schemas.policy_load import load_policy
from callveil.transforms.detect.batch import detect_batch
from callveil.transforms.detect.decision import RedactionDecision
from callveil.transforms.detect.detection_result import DetectionJob
from callveil.transforms.detect.engine import Detector
from callveil.transforms.detect.explain import FindingOutcome, explain_findings
from callveil.transforms.detect.resolve import accept_findings, merge_spans

TALK = (
    "Agent: what is your phone number?\nCaller: four one five, five five five, oh one four "
    "two, "
    "or jo@example.com"
)


def with_policy(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(f"version: 1\nname: test\nextends: gdpr\n{text}")
    return load_policy(str(path))


def job_of(text: str, policy: Policy, **members: Any) -> DetectionJob:
    raw = command.from_text(text)
    raw.record.update(members)
    return DetectionJob(
        raw,
        RedactionDecision(
            policy.rules("explain", "unknown", "call", "en"), "content", "auto", "en"
        ),
        "unknown",
    )


def explained(
    detector: Detector, policy: Policy, text: str, **members: Any
) -> list[FindingOutcome]:
    return explain_findings(detector, job_of(text, policy, **members))


def test_a_finding_comes_with_its_recognizer_question_score_and_outcome(
    detector: Detector, policy: Policy
) -> None:
    found = explained(detector, policy, TALK)
    phone = next(v for v in found if v.detector == "SpokenPhoneRecognizer")
    assert (
        TALK[phone.start : phone.end]
        == phone.text
        == "four one five, five five five, oh one four two"
    )
    assert (
        "phone number" in phone.reason and phone.pattern and phone.score >= phone.threshold == 0.4
    )
    assert (phone.field, phone.operator, phone.outcome) == (
        "transcription_text",
        "label",
        "redacted",
    )


def test_redacted_verdicts_cover_exactly_what_the_job_replaces(
    detector: Detector, policy: Policy
) -> None:
    job = job_of(TALK, policy)
    detected = next(iter(detect_batch(detector, [job])))
    redact, _ = accept_findings(TALK, detected.spans[0], job.decision.rules)  # type: ignore[union-attr]
    replaced = {c for s in merge_spans(redact) for c in range(s.start, s.end)}
    verdicts = explain_findings(detector, job)
    assert {
        c for v in verdicts if v.outcome == "redacted" for c in range(v.start, v.end)
    } == replaced


def test_why_a_finding_is_not_acted_on(detector: Detector, tmp_path: Path) -> None:
    settings = (
        "entities:\n  EMAIL_ADDRESS: keep\nthresholds: {PHONE_NUMBER: 0.99}\nallow: "
        "['jo@example.com']\n"
    )
    spoken = ("SpokenPhoneRecognizer", "SpokenEmailRecognizer")
    found = {
        v.entity: v
        for v in explained(detector, with_policy(tmp_path, settings), TALK)
        if v.detector in spoken
    }
    assert (
        found["PHONE_NUMBER"].outcome == "dropped"
        and "below the threshold 0.99" in found["PHONE_NUMBER"].why
    )
    assert (
        found["EMAIL_ADDRESS"].outcome == "dropped" and "allow list" in found["EMAIL_ADDRESS"].why
    )
    kept = explained(detector, with_policy(tmp_path, "entities:\n  EMAIL_ADDRESS: keep\n"), TALK)
    (mail,) = (v for v in kept if v.detector == "SpokenEmailRecognizer")
    assert (mail.outcome, mail.operator) == ("kept", "keep")


def test_denied_and_known_values_say_so(detector: Detector, tmp_path: Path) -> None:
    policy = with_policy(tmp_path, "deny:\n  - {text: project zephyr, entity: X_PROJECT}\n")
    found = explained(
        detector, policy, "we talked about project zephyr with quibblewick", name="Orla Quibblewick"
    )
    reasons = {v.detector: v for v in found}
    assert "deny list" in reasons["deny_list"].reason and reasons["deny_list"].entity == "X_PROJECT"
    assert (
        "contact's own" in reasons["known_value"].reason
        and reasons["known_value"].text == "quibblewick"
    )


def test_of_overlapping_findings_the_winner_is_named(detector: Detector, tmp_path: Path) -> None:
    policy = with_policy(tmp_path, "deny:\n  - {text: jo@example.com or so, entity: X_ALIAS}\n")
    found = explained(detector, policy, "write to jo@example.com or so")
    mail = next(v for v in found if v.detector == "SpokenEmailRecognizer")
    assert mail.won == "X_ALIAS by deny_list" and "names the whole stretch" in mail.why
    assert next(v for v in found if v.detector == "deny_list").won == ""


def test_findings_in_kept_fields_are_told_as_dropped(detector: Detector, policy: Policy) -> None:
    found = explained(detector, policy, "hello there", tracking_number="+14155550142")
    numbers = [
        v for v in found if v.field == "tracking_number"
    ]  # a number may have the check digit of several countries' numbers
    assert "PHONE_NUMBER" in {v.entity for v in numbers}
    assert all(v.outcome == "dropped" and "keeps this field" in v.why for v in numbers)


# -- the command


@pytest.fixture
def same_detector(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command builds its engines anew; here it gets the ones that are there already, which are
    the same for these policies.
    """
    monkeypatch.setattr(command, "Detector", lambda settings: detector)


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = cli.main(["explain", *map(str, words)])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Two calls, as JSON lines, with an empty line between."""
    rows = [
        {
            "id": 5_000_000_001,
            "account_id": 7,
            "called_at": "2026-11-01T10:00:00Z",
            "name": "Orla Quibblewick",
            "summary": "nothing was said",
        },
        {
            "id": 5_000_000_002,
            "account_id": 7,
            "called_at": "2026-11-01T10:00:00Z",
            "summary": "write to jo@example.com",
            "duration": 3,
        },
    ]
    path = tmp_path / "calls.jsonl"
    path.write_text("\n\n".join(map(json.dumps, rows)) + "\n")
    return path


@pytest.mark.usefixtures("same_detector")
class TestCommand:
    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(capsys, "--text", "write to jo@example.com")
        assert code == 0 and not err
        for word in (
            "jo@example.com",
            "EMAIL_ADDRESS",
            "SpokenEmailRecognizer",
            "of 0.40",
            "redacted",
        ):
            assert word in out

    def test_standard_input_and_json(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(TALK))
        code, out, _ = run(capsys, "--text", "-", "--json")
        told = json.loads(out)
        assert code == 0 and told["mode"] == "content"
        assert {"PHONE_NUMBER", "EMAIL_ADDRESS"} <= {f["entity"] for f in told["findings"]}
        assert all(
            {
                "detector",
                "reason",
                "context",
                "score",
                "threshold",
                "operator",
                "outcome",
                "why",
                "won",
            }
            <= set(f)
            for f in told["findings"]
        )

    def test_nothing_found(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "nothing was found" in run(capsys, "--text", "ok.")[1]

    def test_one_line_of_a_file(self, calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = run(capsys, "--interaction", f"{calls}:3", "--json")
        told = json.loads(out)
        assert code == 0 and "summary" in told["fields"]["scan"]
        assert [f["field"] for f in told["findings"] if f["entity"] == "EMAIL_ADDRESS"][:1] == [
            "summary"
        ]
        first = json.loads(run(capsys, "--interaction", calls, "--json")[1])
        assert "name" in first["fields"]["redact"]

    def test_one_record_of_an_api_page(
        self, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        page = tmp_path / "page.json"
        page.write_text(
            json.dumps(
                {"calls": [json.loads(line) for line in calls.read_text().split("\n\n")], "page": 1}
            )
        )
        code, out, _ = run(capsys, "--interaction", f"{page}:2")
        assert code == 0 and "jo@example.com" in out

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--text", "  "], "is empty"),
            (["--interaction", "{calls}:2"], "no interaction at line or record 2"),
            (["--interaction", "{calls}:0"], "counted from 1"),
            (["--interaction", "none.jsonl"], "none.jsonl"),
            (["--text", "x", "--policy", "none.yaml"], "none.yaml"),
        ],
    )
    def test_mistakes_are_usage_errors(
        self, words: list[str], message: str, calls: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, _, err = run(capsys, *(w.format(calls=calls) for w in words))
        assert code == 2 and message in err and "Traceback" not in err

    def test_a_record_the_job_would_reject(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "bad.jsonl"
        path.write_text('{"id": 1, "name": "Orla Quibblewick"}\n')
        code, out, err = run(capsys, "--interaction", path)
        assert code == 3 and "would reject" in err and "Quibblewick" not in out + err
        assert "rejected" in json.loads(run(capsys, "--interaction", path, "--json")[1])


def test_both_commands_are_registered_and_help_warns_of_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert {"evaluate", "explain"} <= set(cli.COMMANDS)
    with pytest.raises(SystemExit) as stop:
        cli.main(["explain", "--help"])
    assert stop.value.code == 0 and "prints your own text" in capsys.readouterr().out
