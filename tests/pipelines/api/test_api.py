"""`callveil.redact` and the page of names under `callveil`. All people and numbers are invented."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import subprocess
import sys
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.command_runs import AS_OF, PLAIN, Bench, call

import callveil
from callveil.schemas.policy_load import parse_policy
from callveil.transforms.jobs.inline.redaction import InlineSettings

TOP = Path(__file__).resolve().parents[3]
POLICY = parse_policy(PLAIN)
KEYED = parse_policy(
    f"{PLAIN}entities: {{PHONE_NUMBER: {{operator: pseudonym, scope: account}}}}\n"
)
HEAVY = {"apache_beam", "spacy", "pyarrow", "presidio_analyzer", "presidio_anonymizer", "numpy"}
NUMBER = "415 555 0123"


def python(code: str, **env: str) -> str:
    """Run code in a Python of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={k: v for k, v in os.environ.items() if not k.startswith("CALLVEIL")} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, callveil; print(callveil.__version__); print(*sys.modules)"
    told, modules = python(code).splitlines()
    assert told == version("callveil")
    loaded = set(modules.split())
    assert not loaded & HEAVY and {m for m in loaded if m.startswith("callveil.")} == set()


def test_every_name_is_there_and_no_other() -> None:
    assert dir(callveil) == sorted(callveil.__all__)
    for name in callveil.__all__:
        assert getattr(callveil, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'redcat'"):
        _ = callveil.redcat  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("page", "place"), [("docs/api.md", 0), ("docs/api.md", 1), ("README.md", 0)]
)
def test_the_pages_show_what_works(page: str, place: int) -> None:
    code = re.findall(r"```python\n(.*?)```", (TOP / page).read_text(), re.DOTALL)[place]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, page, "exec"), {})
    wanted = re.findall(r"# (.*)", code) or ["[PERSON]: [PHONE_NUMBER]"]
    assert out.getvalue().splitlines() == wanted


def test_a_text_and_where_what_was_found_stands() -> None:
    text = f"Agent: your number?\nCaller: {NUMBER}, and mail me at anna.miller@example.com"
    done = callveil.redact(text, POLICY)
    assert str(done) == done.value
    assert done.value.splitlines()[0] == "Agent: your number?"
    assert {f.entity_type for f in done.findings} == {"PHONE_NUMBER", "EMAIL_ADDRESS"}
    for f in done.findings:
        assert f.field_path == "" and done.value[f.out_start : f.out_end] == f"[{f.entity_type}]"
    first = min(done.findings, key=lambda f: f.span_start or 0)
    assert text[first.span_start : first.span_end] == NUMBER


def test_a_record_as_the_job_redacts_it(tmp_path: Path) -> None:
    records = [
        call(1),
        call(2, notes=f"call {NUMBER}", custom_fields={"friend": "anna.miller@example.com"}),
        call(
            3, outline=[{"speaker": "Caller", "text": f"it is {NUMBER}"}], unheard_of="Anna Miller"
        ),
        {"call": call(4, language="fr", notes="oui")},
    ]
    bench = Bench(tmp_path / "bench")
    assert bench.run(records).counts["redacted"] == len(records)
    done = callveil.redact(records, POLICY, as_of=AS_OF, keyring=bench.keyring)
    names = ("field_path", "entity_type", "detector", "action", "span_start", "out_start", "count")
    for result in done:
        stored = bench.row({"account_id": 41, "id": result.value["id"]})
        for name, value in result.value.items():
            if isinstance(stored[name], str):  # columns of any JSON are texts in the store
                shown = value if isinstance(value, str) else orjson.dumps(value).decode()
                assert stored[name] == shown, name
        told = bench.findings({"account_id": 41, "id": result.value["id"]})
        assert sorted(str([f[n] for n in names]) for f in told) == sorted(
            str([getattr(f, n) for n in names]) for f in result.findings
        )


WORDS = (
    "my number is 415 555 0123",
    "hello",
    "",
    "a@example.com",
    "4111 1111 1111 1111",
    "\U0001f4de",
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=3).map(", ".join), max_size=6))
def test_a_list_gives_what_each_gives_alone(texts: list[str]) -> None:
    assert [r.value for r in callveil.redact(texts, POLICY)] == [
        callveil.redact(text, POLICY).value for text in texts
    ]


MARK = "Wilhelmina"
REFUSED: tuple[tuple[str, Any, str], ...] = (
    ("no ids", {"called_at": "2026-10-20T10:00:00Z", "name": MARK}, "missing_key: account_id"),
    ("no time", {"id": 1, "account_id": 2, "name": MARK}, "bad_time: called_at"),
    ("a wrong type", call(1, outline=[{"text": MARK, "s": [MARK]}]), "wrong_type: outline"),
    ("half a character", f"{MARK} \ud800", "lone_surrogate"),
    ("a NUL in a record", call(1, notes=f"{MARK}\0"), "control_character: notes"),
    ("bytes", MARK.encode(), "not_an_object"),
    ("nothing", None, "not_an_object"),
    ("a page of two", {"calls": [call(1), call(2)]}, "holds 2 records"),
    ("an empty page", {"calls": []}, "holds 0 records"),
    ("too deep", call(1, extra=eval("[" * 80 + "]" * 80)), "too_deep"),
    ("an id that is a name", call(1, id="wilhelmina testperson"), "redaction_failed: id"),
)


@pytest.mark.parametrize(("why", "value", "told"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_cannot_be_clean_is_named_and_the_rest_kept(why: str, value: Any, told: str) -> None:
    with pytest.raises(callveil.RedactionRejected, match=re.escape(told)) as caught:
        callveil.redact(["a@example.com", value], POLICY)
    error = caught.value
    first, second = error.results
    assert isinstance(first, callveil.Redacted) and first.value == "[EMAIL_ADDRESS]"
    assert isinstance(second, callveil.Rejected) and second.raw == b""
    assert "value 1: " in str(error) and MARK.lower() not in (str(error) + repr(error)).lower()
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and again.results == error.results


def test_a_language_that_is_not_read_comes_back_empty() -> None:
    assert callveil.redact("bonjour", POLICY, language="fr").value == ""
    assert callveil.redact("hello", POLICY, language="en-US").value == "hello"


def test_without_keys_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(PLAIN)
    code = f"import callveil; print(callveil.redact('{NUMBER}', {str(tmp_path / 'plain.yaml')!r}))"
    home = tmp_path / "home"
    home.mkdir()
    assert python(code, HOME=str(home), XDG_CONFIG_HOME=str(home)).strip() == "[PHONE_NUMBER]"
    assert list(home.iterdir()) == []


def test_keys_are_asked_for_and_never_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "keyring.json"
    monkeypatch.setenv("CALLVEIL_KEYRING", str(place))
    record = call(1)
    for policy, how in ((KEYED, {}), ("ccpa", {}), (KEYED, {"keyring": tmp_path / "other.json"})):
        with pytest.raises(callveil.KeyringError, match=r"there is no keyring here"):
            callveil.redact(record, policy, **how)  # type: ignore[call-overload]
    assert list(tmp_path.iterdir()) == []
    assert callveil.create_keyring(place) == str(place)
    assert place.stat().st_mode & 0o777 == 0o600
    own = callveil.redact(record, KEYED).value["caller_number"]
    assert re.fullmatch(r"\[PHONE_NUMBER:[a-z2-7]{13}\]", own)
    again = callveil.redact(record, KEYED, keyring=place)
    assert again.value["caller_number"] == own
    named = callveil.redact(call(1, id="wilhelmina testperson"), POLICY, keyring=place)
    assert named.value["id"].startswith("named-")
    assert place.read_bytes() not in pickle.dumps(InlineSettings.of(KEYED))
    with pytest.raises(callveil.KeyringError, match="never overwritten"):
        callveil.create_keyring(place)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"policy": "gdrp"}, "Presets are gdpr"),
        ({"account_type": "giant"}, "individual, agency, unknown"),
        ({"as_of": AS_OF.replace(tzinfo=None)}, "has no time zone"),
        ({"policy": 5}, "expected a preset's name"),
        ({"as_of": "2026-10-20"}, "expected a datetime"),
        ({"language": 5}, "expected a code of two letters"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(how: dict[str, Any], told: str) -> None:
    with pytest.raises((ValueError, TypeError), match=told):
        callveil.redact("x", **{"policy": POLICY, **how})


@pytest.mark.parametrize("root", ["http://x/y", "gs://x/y"])
def test_a_store_of_another_scheme_is_no_damaged_one(root: str) -> None:
    with pytest.raises(callveil.CallveilError, match="is not supported"):
        callveil.open_store(root)


class _Text(str):
    __slots__ = ()


def test_values_are_read_whatever_their_classes() -> None:
    plain = call(1, notes=f"{MARK} at 415 555 0142", custom_fields={"a": ["b@mail.example"]})
    odd = OrderedDict(plain, notes=_Text(plain["notes"]))
    odd["custom_fields"] = MappingProxyType({_Text("a"): ("b@mail.example",)})
    assert callveil.redact(odd, POLICY) == callveil.redact(plain, POLICY)
    with pytest.raises(callveil.RedactionRejected, match="name of type int is not JSON"):
        callveil.redact({**plain, 5: MARK}, POLICY)


def test_a_store_is_read_in_one_state(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench")
    with pytest.raises(callveil.StoreError, match="there is no store here"):
        callveil.open_store(bench.output)
    bench.run([call(1), call(2, account_id=42)])
    before = sorted(p.stat().st_mtime_ns for p in Path(bench.output).rglob("*"))
    store = callveil.open_store(bench.output, keyring=bench.keyring)
    assert sorted(p.stat().st_mtime_ns for p in Path(bench.output).rglob("*")) == before
    assert (store.run, store.tables["interactions"]) == (1, 2) and store.run_id
    bench.run([call(3)])
    import pyarrow.dataset as ds

    (row,) = store.rows("interactions", ["id", "name"], ds.field("account_id") == "42")
    assert row == {"id": "7000000002", "name": "[PERSON]"}
    table = store.dataset("interactions").to_table(filter=ds.field("day") == "2026-10-20")
    assert table.num_rows == 2, "a run that was published later shows"
    assert callveil.open_store(bench.output).tables["interactions"] == 3
    assert list(store.rows("requests")) == []
    with pytest.raises(ValueError, match="no Parquet dataset 'calls'"):
        store.dataset("calls")
