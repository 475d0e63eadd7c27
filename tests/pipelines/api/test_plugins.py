"""Plugins: recognizers, operators, sources and reports of other distributions, written here as an
installer leaves them. All people and numbers are invented.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_runs import PLAIN, Bench, call
from support.fake_distributions import write_distribution

import callveil
from callveil.pipelines.cli import main
from callveil.pipelines.report import report_type
from callveil.schemas.plugins import (
    OPERATORS,
    RECOGNIZERS,
    REPORTS,
    SOURCES,
    PluginError,
    find_plugins,
)
from callveil.schemas.policy import DetectionSettings
from callveil.schemas.policy_detect import RecognizerSettings
from callveil.schemas.policy_load import parse_policy
from callveil.schemas.rejected import Rejected
from callveil.schemas.report import RESERVED
from callveil.transforms.detect.models import model_fingerprint
from callveil.transforms.detect.recognizers.build import build_recognizers
from callveil.transforms.ingest.chunks import plan_input
from callveil.transforms.ingest.plugin_sources import source_fingerprint
from callveil.transforms.ingest.read import read_chunk
from callveil.transforms.ingest.versions.read import plan_versions
from callveil.transforms.redact.operators import apply_operator, code_fingerprint
from callveil.transforms.storage.files.filesystem import Files

POLICY = parse_policy(PLAIN)
Installer = Callable[..., str]
RECOGNIZER = """
from presidio_analyzer import Pattern, PatternRecognizer

def make(language):
    return [
        PatternRecognizer(
            supported_entity="X_CARD", name="CardRecognizer", supported_language=language,
            patterns=[Pattern("card", r"QZ-\\d+", 0.9)],
        )
    ]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """A function that installs a distribution of one plugin; returns its module's name."""

    def write(
        group: str, name: str, source: str, dist: str = "acme-callveil", attribute: str = ""
    ) -> str:
        module = "acme_" + hashlib.sha256(f"{tmp_path}{source}".encode()).hexdigest()[:12]
        folder = tmp_path / f"{dist}-{module}"
        value = f"{module}:{attribute}" if attribute else module
        write_distribution(folder, {group: {name: value}}, {module: source}, dist)
        monkeypatch.syspath_prepend(str(folder))
        return module

    return write


def test_a_recognizer_finds_and_is_named(install: Installer) -> None:
    text = "my card is QZ-77, on file"
    assert callveil.redact(text, POLICY).findings == ()
    before = model_fingerprint(POLICY.detect)
    install(RECOGNIZERS, "acme", RECOGNIZER, attribute="make")
    done = callveil.redact(text, POLICY)
    assert done.value == "my card is [X_CARD], on file"
    (finding,) = done.findings
    assert (finding.entity_type, finding.detector) == ("X_CARD", "acme:CardRecognizer")
    told = model_fingerprint(POLICY.detect)
    assert before == "" and told in finding.detector_version and "acme-callveil 1.2 acme" in told
    for name in ("acme", "CardRecognizer"):
        off = parse_policy(
            f"{PLAIN}".replace("none}", f"none, recognizers: {{disable: [{name}]}}}}")
        )
        assert callveil.redact(text, off).findings == ()
    own = parse_policy(f"{PLAIN}entities: {{X_CARD: keep}}\n")
    assert callveil.redact(text, own).value == text


def test_what_it_raises_rejects_the_record(install: Installer) -> None:
    source = RECOGNIZER + "\n\nPatternRecognizer.analyze_orig = PatternRecognizer.analyze\n"
    source = source.replace(
        "def make",
        "class Bad(PatternRecognizer):\n    def analyze(self, text, "
        "*a, **k):\n        raise ValueError(text)\n\ndef make",
    )
    source = source.replace("        PatternRecognizer(", "        Bad(").split(
        "\n\nPatternRecognizer."
    )[0]
    install(RECOGNIZERS, "bad", source, attribute="make")
    with pytest.raises(callveil.RedactionRejected, match="detection_failed") as caught:
        callveil.redact("Wilhelmina called", POLICY)
    assert "Wilhelmina" not in str(caught.value)


def test_what_names_a_run_changes_with_its_code(install: Installer, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench")
    plain = bench.run([call(1)], dry_run=True).run_id
    install(RECOGNIZERS, "acme", RECOGNIZER, attribute="make")
    one, first = model_fingerprint(POLICY.detect), bench.run([call(1)], dry_run=True).run_id
    (tmp_path / "more").mkdir()
    install(RECOGNIZERS, "acme", RECOGNIZER + "# changed\n", "acme-callveil", "make")
    two, second = model_fingerprint(POLICY.detect), bench.run([call(1)], dry_run=True).run_id
    assert len({plain, first, second}) == 3 and one != two
    assert (
        model_fingerprint(
            DetectionSettings(
                model="none", recognizers=RecognizerSettings(disable=frozenset({"acme"}))
            )
        )
        == ""
    )


BROKEN: tuple[tuple[str, str, str, str], ...] = (
    ("it raises when imported", "raise OSError('no licence')", "make", "OSError: no licence"),
    ("it lacks what is named", "x = 1", "make", "has no attribute 'make'"),
    ("it imports what is not there", "import acme_is_not_here", "make", "ModuleNotFoundError"),
    ("it is no function", "make = 5", "make", "TypeError"),
    ("it raises when called", "def make(language):\n    1 / 0", "make", "ZeroDivisionError"),
    ("it gives none", "def make(language):\n    return None", "make", "TypeError"),
    ("it gives no recognizers", "def make(language):\n    return [5]", "make", "gives a int"),
    ("another language", RECOGNIZER.replace("=language,", "='es',"), "make", "of es where en"),
    ("no type of ours", RECOGNIZER.replace("X_CARD", "CARD"), "make", "finds CARD"),
)


SAYS = (
    "[RecognizerResult(text.replace(' ', '_'), 0, 3, 0.9)]",
    "[RecognizerResult('NOPE', 0, 3, 0.9)]",
    "[RecognizerResult('X_CARD', 0, 999, 0.9)]",
    "[RecognizerResult('X_CARD', 3, 3, 0.9)]",
    "[RecognizerResult('X_CARD', 0, 3, float('nan'))]",
    "[text]",
    "None",
    "sys.exit(text)",
)


@pytest.mark.parametrize("says", SAYS)
def test_what_it_says_besides_places_types_and_scores_rejects_the_record(
    install: Installer, says: str
) -> None:
    install(RECOGNIZERS, "odd", _saying(says), attribute="make")
    with pytest.raises(
        callveil.RedactionRejected, match=r"detection_failed.*entry point odd"
    ) as no:
        callveil.redact("Wilhelmina called", POLICY)
    assert "Wilhelmina" not in str(no.value)


def test_its_metadata_are_not_kept(install: Installer) -> None:
    result = "RecognizerResult('X_CARD', 0, 3, 0.9, None, {'recognizer_name': text})"
    install(RECOGNIZERS, "odd", _saying(f"[{result}]"), attribute="make")
    (finding,) = callveil.redact("Wilhelmina called", POLICY).findings
    assert finding.detector == "odd:CardRecognizer"


def _saying(says: str) -> str:
    said = f"def analyze(self, text, *a, **k):\n        return {says}\n\ndef make"
    source = RECOGNIZER.replace("def make", f"class Odd(PatternRecognizer):\n    {said}")
    source = source.replace("        PatternRecognizer(", "        Odd(")
    return f"import sys\nfrom presidio_analyzer import RecognizerResult\n{source}"


@pytest.mark.parametrize(("why", "source", "attribute", "told"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_recognizer_is_told_and_not_passed_over(
    install: Installer, why: str, source: str, attribute: str, told: str
) -> None:
    module = install(RECOGNIZERS, "broken", source, attribute=attribute)
    with pytest.raises(PluginError, match=r"acme-callveil 1\.2: entry point broken") as caught:
        build_recognizers("en", ("US",))
    assert told in str(caught.value) and f"'{module}:{attribute}'" in str(caught.value)
    assert "pip uninstall acme-callveil" in str(caught.value)
    assert build_recognizers("en", ("US",), disable=["broken"])


NAMES: tuple[tuple[str, str, str, str], ...] = (
    (OPERATORS, "label", "acme-callveil", "one of callveil's own"),
    (REPORTS, "redaction", "acme-callveil", "one of callveil's own"),
    (REPORTS, "all", "acme-callveil", "one of callveil's own"),
    (SOURCES, "two words", "acme-callveil", "must be an identifier"),
    (SOURCES, "x" * 41, "acme-callveil", "must be an identifier"),
)


@pytest.mark.parametrize(("group", "name", "dist", "told"), NAMES)
def test_names_are_one_plugins_alone(
    install: Installer, group: str, name: str, dist: str, told: str
) -> None:
    install(group, name, "", dist)
    own = {OPERATORS: ["label"], REPORTS: RESERVED}.get(group, [])
    with pytest.raises(PluginError, match=told):
        find_plugins(group, own)


def test_two_distributions_may_not_give_one_name(install: Installer) -> None:
    install(SOURCES, "same", "x = 1", "acme-one")
    install(SOURCES, "same", "x = 2", "acme-two")
    with pytest.raises(PluginError, match=r"acme-two 1.2.*acme-one 1.2 gives the same name"):
        find_plugins(SOURCES)


def operator(body: str) -> str:
    return f"class Op:\n    def operate(self, text, params):\n        {body}\n"


def test_an_operator_writes_a_code_that_stays(install: Installer) -> None:
    install(
        OPERATORS,
        "acmecode",
        operator("return params['entity'][:2] + str(len(text))"),
        attribute="Op",
    )
    policy = parse_policy(f"{PLAIN}entities: {{default: acmecode, PERSON: label}}\n")
    text = 'call 415 555 0123, a@example.com, {"tel": "+14155550123"}'
    done = callveil.redact(text, policy)
    assert done.value == (
        "call [PHONE_NUMBER:acmecode:PH12], [EMAIL_ADDRESS:acmecode:EM13], "
        '{"tel": "[PHONE_NUMBER:acmecode:PH12]"}'
    )
    assert {f.action for f in done.findings} == {"acmecode"}
    assert callveil.redact(done.value, policy).value == done.value, "it is read as a value again"
    assert "acme-callveil 1.2 acmecode" in code_fingerprint(policy)
    assert code_fingerprint(POLICY) == ""
    with pytest.raises(callveil.PolicyError, match="what acmecode writes can be turned back"):
        parse_policy(f"{PLAIN}entities: {{CVV: acmecode}}\n")
    with pytest.raises(callveil.PolicyError, match="did you mean acmecode"):
        parse_policy(f"{PLAIN}entities: {{default: acmecod}}\n")


UNFIT = (
    "return None",
    "return ''",
    "return 'two words'",
    "return 'x]'",
    "return text",
    "return '1-' + text.replace(' ', '.')",
    "return 'x' * 201",
    "raise ValueError(text)",
)


@pytest.mark.parametrize("body", UNFIT)
def test_an_operator_that_writes_anything_else_rejects_the_record(
    install: Installer, body: str
) -> None:
    name = f"acme{hashlib.sha256(body.encode()).hexdigest()[:8]}"
    install(OPERATORS, name, operator(body), attribute="Op")
    policy = parse_policy(f"{PLAIN}entities: {{PHONE_NUMBER: {name}}}\n")
    with pytest.raises(callveil.RedactionRejected, match="redaction_failed") as caught:
        callveil.redact("call 415 555 0123", policy)
    assert "0123" not in str(caught.value)
    with pytest.raises((PluginError, ValueError)):
        apply_operator(name, "415 555 0123", {"entity": "PHONE_NUMBER"})


def test_an_operator_that_cannot_be_made_ends_the_job(install: Installer, tmp_path: Path) -> None:
    install(OPERATORS, "acmenone", "class Op: pass", attribute="Op")
    policy = f"{PLAIN}entities: {{PHONE_NUMBER: acmenone}}\n"
    with pytest.raises(PluginError, match=r"acmenone.*AttributeError"):
        Bench(tmp_path / "bench").run([call(1)], policy=policy)


SOURCE = """
def recognise(head, name):
    return head.startswith(b"ACME")

def read(stream):
    assert stream.read(5) == b"ACME\\n"
    for line in stream:
        if line == b"damaged\\n":
            raise ValueError(line)
        number, _, notes = line.decode().strip().partition(" ")
        yield {"id": number, "account_id": 41, "called_at": "2026-10-20T10:00:00Z", "notes": notes}
"""


def read(folder: Path) -> list[tuple[str, str]]:
    """Ids and reasons of what is read below a folder."""
    plan = plan_input(Files(), [str(folder)])
    assert plan.not_read == []
    return [
        (r.reason, r.detail) if isinstance(r, Rejected) else (r.key.id, r.record["notes"])
        for chunk in plan.chunks
        for r in read_chunk(Files(), chunk, POLICY.limits)
    ]


def test_a_source_is_recognised_and_read(install: Installer, tmp_path: Path) -> None:
    install(SOURCES, "acme", SOURCE)
    (tmp_path / "in").mkdir()
    data = b"ACME\n1 one\n2 two\n"
    (tmp_path / "in" / "a.bin").write_bytes(data)
    (tmp_path / "in" / "b.gz").write_bytes(gzip.compress(data.replace(b"1 ", b"3 ")))
    (tmp_path / "in" / "c.jsonl").write_text(
        '{"id": 9, "account_id": 41, "called_at": 1790000000, "notes": "json"}\n'
    )
    assert read(tmp_path / "in") == [
        ("1", "one"),
        ("2", "two"),
        ("3", "one"),
        ("2", "two"),
        ("9", "json"),
    ]
    formats = plan_input(Files(), [str(tmp_path / "in")]).formats()
    assert "acme-callveil 1.2 acme" in source_fingerprint(formats)
    assert source_fingerprint({"lines"}) == ""
    versions = plan_versions(Files(), [str(tmp_path / "in")])
    assert {f.url[-5:]: f.reason for f in versions.not_read} == {"a.bin": "text", "/b.gz": "text"}


def test_what_a_source_raises_is_one_rejection(install: Installer, tmp_path: Path) -> None:
    install(SOURCES, "acme", SOURCE)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"ACME\n1 one\ndamaged\n2 two\n")
    packed = gzip.compress(
        b"ACME\n"
        + b"".join(
            b"%d %s\n" % (n, hashlib.sha256(b"%d" % n).hexdigest().encode()) for n in range(4000)
        )
    )
    (tmp_path / "in" / "b.gz").write_bytes(packed[: len(packed) // 2])
    first, second, *rest = read(tmp_path / "in")
    assert first == ("1", "one")
    assert second == (
        "unreadable_file",
        "plugin:acme raised ValueError; all records before were read",
    )
    assert rest[-1][0] == "bad_compression" and 1000 < len(rest) < 4000
    assert [n for n, _ in rest[:-1]] == [str(n) for n in range(len(rest) - 1)]


UNASKABLE = {
    "x = 1": "has no function recognise",
    "raise OSError": "cannot be imported (OSError",
    SOURCE.replace("return head", "return 1 / 0 or head"): "recognise raised ZeroDivisionError",
}


@pytest.mark.parametrize("body", UNASKABLE)
def test_a_source_that_cannot_be_asked_is_told(
    install: Installer, tmp_path: Path, body: str
) -> None:
    install(SOURCES, "acme", body)
    (tmp_path / "a.jsonl").write_text("{}\n")
    with pytest.raises(PluginError, match=re.escape(UNASKABLE[body])):
        plan_input(Files(), [str(tmp_path / "a.jsonl")])


REPORT = """
from callveil.schemas.report import ReportType
REPORT = ReportType("{name}", "Title", "What.", (), "when")
"""


@pytest.mark.parametrize("source", ["", REPORT.format(name="other"), "REPORT = 5"])
def test_a_report_of_another_name_is_told(install: Installer, source: str) -> None:
    install(REPORTS, "acme", source + f"# {len(source)}")
    with pytest.raises(PluginError, match="has no REPORT"):
        report_type("acme")


def test_the_command_line_lists_plugins_and_tells_a_broken_one(
    install: Installer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = install(RECOGNIZERS, "broken", "x = 1", attribute="make")
    assert main(["--version"]) == 0
    assert f"acme-callveil 1.2: recognizer broken ({module}:make)" in capsys.readouterr().out
    (tmp_path / "plain.yaml").write_text(PLAIN)
    assert main(["explain", "--text", "hello", "--policy", str(tmp_path / "plain.yaml")]) == 2
    told = capsys.readouterr().err
    assert "acme-callveil 1.2: entry point broken" in told and "pip uninstall" in told
